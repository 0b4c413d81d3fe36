"""Pages over several mailboxes: whatever is in them, each mail comes once, newest first, however often one asks for what is older."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from mailmagnet.mail_with import PAGE, ListedMail, _Entry, _Found, page_of

START = datetime(2026, 11, 23, 9, tzinfo=UTC)


def listed(owner: int, mail: int, at: datetime) -> ListedMail:
    return ListedMail(str(owner), f"Owner {owner}", owner == 0, f"{owner}-{mail}", at, "Grace", "grace@a.example", "Hello")


def search(mailbox: Sequence[_Entry], before: int) -> _Found:
    """What Gmail answers: the newest before a second, one more than a page."""
    older = [entry for entry in mailbox if not before or int(entry.received_at.timestamp()) < before]
    return _Found(tuple(older[: PAGE + 1]), more=len(older) > PAGE + 1)


SECONDS = st.lists(st.integers(0, 60 * 40), max_size=45, unique=True)


@given(st.lists(SECONDS, min_size=1, max_size=4), st.sets(st.integers(0, 44), max_size=40))
@example([list(range(0, 90, 30)), list(range(40, 85))], set(range(20)))
def test_every_mail_comes_once_newest_first(mailboxes: list[list[int]], not_shown: set[int]) -> None:
    kept = []
    for owner, seconds in enumerate(mailboxes):
        entries = []
        for number, second in enumerate(sorted(seconds, reverse=True)):
            at = START + timedelta(seconds=second, milliseconds=owner)
            entries.append(_Entry(at, None if owner and number in not_shown else listed(owner, number, at), ""))
        kept.append(entries)
    wanted = [
        entry.shown for entry in sorted((e for m in kept for e in m), key=lambda e: e.received_at, reverse=True) if entry.shown
    ]
    seen: list[ListedMail] = []
    before = ""
    for _ in range(400):
        page, before = page_of([search(mailbox, int(before or 0)) for mailbox in kept])
        seen += page
        if not before:
            break
    assert seen == wanted


def test_a_copy_is_shown_once_as_ones_own_also_when_the_colleagues_came_first() -> None:
    mine, theirs = listed(0, 1, START), listed(1, 1, START + timedelta(seconds=3))
    found = [_Found((_Entry(theirs.received_at, theirs, "same"),)), _Found((_Entry(mine.received_at, mine, "same"),))]
    assert page_of(found) == ((mine,), "")


def test_mail_without_a_message_id_is_never_a_copy() -> None:
    first, second = listed(1, 1, START), listed(2, 1, START)
    assert len(page_of([_Found((_Entry(START, first, ""), _Entry(START, second, "")))])[0]) == 2


def test_more_in_one_second_than_a_page_holds_comes_together() -> None:
    many = tuple(_Entry(START + timedelta(milliseconds=n), listed(1, n, START), "") for n in range(PAGE + 1, 0, -1))
    page, older = page_of([_Found(many, more=True)])
    assert (len(page), older) == (PAGE + 1, str(int(START.timestamp())))
