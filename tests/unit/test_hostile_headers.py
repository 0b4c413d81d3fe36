"""A megabyte of anything in a mail's headers costs no more than honest mail: work is counted, not time."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmagnet.address_headers import MOST_MAILBOXES, MOST_TOKENS, Budget, mailboxes
from mailmagnet.gmail import PEOPLE_HEADERS, MailHeaders
from mailmagnet.people import MOST_CHARACTERS, in_a_list, people_of, sender_of

MEGABYTE = 1_000_000
MOST_CALLS = 120_000
"""Calls of functions, Python's and C's: half as many again as three hundred honest mailboxes with encoded names take (some 10 ms)."""

PIECES = [
    *(",", ";", ", ,", '"', '"\\', "<", ">", "<@a,", "(", ")", "(a)", "\\", ":", ".", "@", "@[", "[", "'", " ", "\x00", "é"),
    *(
        "a ",
        "a,",
        "a@b ",
        "@a,",
        "a@b,",
        "a@é.b,",
        "<a@b>",
        "A <a@b.c>,",
        '"a b"@c.d,',
        '""@c.d,',
        "=?",
        "=?a?q?",
        "=?utf-8?b?YQ==?=",
    ),
    *("=?utf-8?q?=C3=B6?= <a@b.c>,", "\udcff,", "\ud800", "\u0301\u0316", "\u200d", "\u06cc\u200c", "\U0001f469\u200d", "\u202e"),
    *(f"a@{'.'.join(['一二三四五六七八九十'] * 5)}.b,", f"a@b .{'一二三四五六七八九十' * 5},"),
    *("a@b .\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d,", "news@x.example,", "(\\", "((a)", "=?utf-8?q?\r\n "),
]


class Megabyte:
    """A header's value that hands out nothing but slices, and counts their characters: whatever else is done with it raises."""

    def __init__(self, piece: str) -> None:
        self._text = piece * (MEGABYTE // len(piece) + 1)
        self.handed_out = 0

    def __len__(self) -> int:
        return len(self._text)

    def __getitem__(self, place: slice) -> str:
        part = self._text[place]
        self.handed_out += len(part)
        return part

    def rfind(self, sign: str, start: int, end: int) -> int:
        assert end <= MOST_CHARACTERS
        return self._text.rfind(sign, start, end)


class Work:
    calls = 0


@contextmanager
def counted() -> Iterator[Work]:
    """Counts every call of a function while it is open."""
    work, before = Work(), sys.getprofile()

    def count(_: FrameType, event: str, __: Any) -> None:
        work.calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        yield work
    finally:
        sys.setprofile(before)


def mail(*headers: tuple[str, str | Megabyte]) -> MailHeaders:
    lines = cast("tuple[tuple[str, str], ...]", headers)
    return MailHeaders("1", "1", datetime(2026, 3, 1, tzinfo=UTC), frozenset(), lines)


READERS: dict[str, Callable[[MailHeaders], object]] = {
    "panel": lambda hostile: people_of(hostile, {"kim@corp.example"}, {"corp.example"}),
    "job": lambda hostile: sender_of(hostile, {"corp.example"}),
    "homepage": in_a_list,
}


def assert_read_at_once(hostile: MailHeaders) -> None:
    for reader in READERS.values():
        with counted() as work:
            reader(hostile)
        assert work.calls <= MOST_CALLS


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("name", [*PEOPLE_HEADERS, "Subject"])
@pytest.mark.parametrize("piece", ["a,", "a@b,"])
def test_of_a_megabyte_in_any_header_a_mails_budget_is_read(
    reader: Callable[[MailHeaders], object], name: str, piece: str
) -> None:
    values = [Megabyte(piece) for _ in range(5)]
    with counted() as work:
        reader(mail(*((name, value) for value in values)))
    assert sum(value.handed_out for value in values) <= MOST_CHARACTERS
    assert work.calls <= MOST_CALLS


@pytest.mark.parametrize("piece", PIECES, ids=ascii)
def test_no_oddity_takes_long_however_often_it_stands(piece: str) -> None:
    text = piece * (MEGABYTE // len(piece))
    as_much_as_is_read = piece * (MOST_CHARACTERS // len(piece))
    for hostile in (
        mail(("From", text)),
        mail(("From", as_much_as_is_read)),
        mail(("Subject", text)),
        mail(("From", "ada@x.example"), ("Precedence", "bulk"), ("To", text)),
        mail(*[("Delivered-To", text[: MEGABYTE // 5])] * 5),
        mail(("From", "sales@corp.example"), ("X-Original-From", as_much_as_is_read), ("List-Id", f"{text}<a.example>")),
        mail(*[("Delivered-To", piece)] * (MEGABYTE // (len("Delivered-To: ") + len(piece))), ("From", "ada@x.example")),
    ):
        assert_read_at_once(hostile)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join), st.lists(st.sampled_from(PEOPLE_HEADERS), min_size=1)
)
def test_no_mixture_takes_long(unit: str, names: list[str]) -> None:
    hostile = mail(*((name, unit * (MEGABYTE // len(unit) // len(names))) for name in names))
    assert_read_at_once(hostile)


def test_a_long_list_of_recipients_leaves_what_else_the_mail_says() -> None:
    everybody = ", ".join(f"Person Number {number} <person{number}@x.example>" for number in range(20_000))
    people = people_of(
        mail(("To", everybody), ("Cc", everybody), ("From", "team@lists.example"), ("List-Id", "The team <team.lists.example>")),
        (),
        (),
    )
    assert people.list_name == "The team"
    assert [person.address for person in people.people[:2]] == ["person0@x.example", "person1@x.example"]


def test_commas_with_nothing_between_them_are_left_out_first() -> None:
    people = people_of(mail(("From", f"{', ' * 10_000}Ada <ada@x.example>{' ;,' * 4_000}")), (), ())
    assert [person.address for person in people.people] == ["ada@x.example"]


def test_after_some_hundred_mailboxes_of_a_mail_no_more_are_read() -> None:
    budget = Budget()
    everybody = [f"p{number}@x.example" for number in range(MOST_MAILBOXES + 100)]
    assert [mailbox.address for mailbox in mailboxes(",".join(everybody), budget)] == everybody[:MOST_MAILBOXES]
    assert mailboxes("ada@x.example", budget) == []


def test_where_the_budget_ends_no_half_of_an_address_is_read() -> None:
    header = "ada@x.example, bob@y . example"
    whole = ["ada@x.example", "bob@y.example"]
    for tokens in range(12):
        found = [mailbox.address for mailbox in mailboxes(header, Budget(tokens=tokens))]
        assert found == whole[: len(found)]
    assert [mailbox.address for mailbox in mailboxes(header, Budget(MOST_TOKENS))] == whole
