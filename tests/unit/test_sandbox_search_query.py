"""Gmail's search operators: what is read, that writing and reading agree, and that a search finds what a slow plain one finds."""

import string
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.google.mail_folder import GOOGLE_DAYS, Label, MailFolder, NewMail
from sandbox.google.search_query import All, Around, Either, Fact, Not, Query, Words, normalised, parse, written

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("q", "tree"),
    [
        ("", All(())),
        ("Invoice", Words("invoice")),
        ('"Two Words"', Words("two words")),
        ("from:Ada@Analytical.example", Words("ada analytical example", "from")),
        ("a OR b c", All((Either((Words("a"), Words("b"))), Words("c")))),
        ("a AND b", All((Words("a"), Words("b")))),
        ("{from:a to:b}", Either((Words("a", "from"), Words("b", "to")))),
        ("subject:(dinner movie)", All((Words("dinner", "subject"), Words("movie", "subject")))),
        ("-from:ada", Not(Words("ada", "from"))),
        ("-(a b)", Not(All((Words("a"), Words("b"))))),
        ("label:open-deals", Fact("label", "open-deals")),
        ('label:"Open Deals"', Fact("label", "Open Deals")),
        ("holiday AROUND 4 beach", Around(Words("holiday"), Words("beach"), 4)),
        ("foo:bar", Words("foo bar")),
        ("10:30", Words("10 30")),
        ("(a", Words("a")),
        ("a) b", All((Words("a"), Words("b")))),
        ('"open', Words("open")),
        ("OR", All(())),
        ("from:", All(())),
        ("Größe ÉTÉ", All((Words("grosse"), Words("ete")))),
        ("会議", Words("会 議")),
        ("(" * 400 + "a", All(())),
    ],
)
def test_what_is_read(q: str, tree: Query) -> None:
    assert parse(q) == tree


@given(st.text(alphabet=string.ascii_letters + ' "(){}:-+/0123456789ORANDé会\n', max_size=80))
def test_anything_typed_is_a_query(q: str) -> None:
    tree = parse(q)
    assert parse(written(tree)) == tree


WORDS = ["alpha", "beta", "gamma", "delta"]
PEOPLE = ["ada@one.example", "bob@two.example", "eve@one.example"]
LABELS = ["INBOX", "UNREAD", "STARRED", "SPAM", "TRASH", "Label_1"]
DAYS = [f"2026/03/{day:02d}" for day in range(25, 32)]


def queries() -> st.SearchStrategy[Query]:
    """Trees as `parse` makes them."""
    facts = st.one_of(
        st.sampled_from(["inbox", "spam", "trash", "starred", "anywhere", "my-deals", "nothing"]).map(
            lambda place: Fact("in", place)
        ),
        st.sampled_from(["unread", "read", "starred"]).map(lambda state: Fact("is", state)),
        st.sampled_from(["attachment", "userlabels", "nouserlabels"]).map(lambda what: Fact("has", what)),
        st.builds(Fact, st.sampled_from(["after", "before"]), st.sampled_from([*DAYS, "1774800000"])),
        st.builds(Fact, st.sampled_from(["newer_than", "older_than"]), st.sampled_from(["2d", "1m", "1y"])),
        st.builds(Fact, st.sampled_from(["larger", "smaller"]), st.sampled_from(["300", "1K"])),
    )
    words = st.one_of(
        st.sampled_from(WORDS).map(Words),
        st.lists(st.sampled_from(WORDS), min_size=2, max_size=3).map(lambda some: Words(" ".join(some))),
        st.builds(Words, st.sampled_from(WORDS), st.just("subject")),
        st.builds(Words, st.sampled_from(PEOPLE).map(normalised), st.sampled_from(["from", "to", "cc"])),
        st.sampled_from(["one", "two", "ada"]).map(lambda word: Words(word, "from")),
    )
    leaves = st.one_of(facts, words)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, min_size=2, max_size=3).map(lambda some: All(tuple(some))),
            st.lists(inner, min_size=2, max_size=3).map(lambda some: Either(tuple(some))),
        ),
        max_leaves=5,
    )


@given(queries())
def test_a_written_tree_is_read_as_itself(tree: Query) -> None:
    assert parse(written(tree)) == tree


@dataclass(frozen=True)
class Mail:
    """A small mail, as the plain reference sees it."""

    sender: str
    to: str
    cc: str
    subject: tuple[str, ...]
    text: tuple[str, ...]
    labels: frozenset[str]
    hours_ago: int
    attachment: bool

    @property
    def at(self) -> datetime:
        return NOW - timedelta(hours=self.hours_ago)

    @property
    def raw(self) -> bytes:
        message = EmailMessage()
        message["From"], message["To"], message["Cc"], message["Subject"] = self.sender, self.to, self.cc, " ".join(self.subject)
        message.set_content(" ".join(self.text))
        if self.attachment:
            message.add_attachment(b"x" * 900, maintype="application", subtype="pdf", filename="file.pdf")
        return message.as_bytes()


MAILS = st.builds(
    Mail,
    st.sampled_from(PEOPLE),
    st.sampled_from(PEOPLE),
    st.sampled_from(PEOPLE),
    st.lists(st.sampled_from(WORDS), max_size=3).map(tuple),
    st.lists(st.sampled_from(WORDS), max_size=5).map(tuple),
    st.frozensets(st.sampled_from(LABELS)),
    st.integers(0, 24 * 40),
    st.booleans(),
)


def plainly_fits(tree: Query, mail: Mail) -> bool:
    """The reference: reads the mail again for each question."""
    match tree:
        case All(inner):
            return all(plainly_fits(query, mail) for query in inner)
        case Either(inner):
            return any(plainly_fits(query, mail) for query in inner)
        case Not(inner):
            return not plainly_fits(inner, mail)
        case Words(text, operator):
            fields = {"from": mail.sender, "to": mail.to, "cc": mail.cc, "subject": " ".join(mail.subject)}
            extra = [" ".join(mail.text), "file pdf" if mail.attachment else ""]
            searched = [fields[operator]] if operator else [*fields.values(), *extra]
            return any(f" {text} " in f" {normalised(field)} " for field in searched)
        case Fact(operator, value):
            return plainly_is(operator, value, mail)
    raise AssertionError(tree)


def plainly_is(operator: str, value: str, mail: Mail) -> bool:
    if operator in ("in", "is"):
        if value in ("anywhere", "read"):
            return value == "anywhere" or "UNREAD" not in mail.labels
        return {"my-deals": "Label_1"}.get(value, value.upper()) in mail.labels
    if operator == "has":
        return {
            "attachment": mail.attachment,
            "userlabels": "Label_1" in mail.labels,
            "nouserlabels": "Label_1" not in mail.labels,
        }[value]
    if operator in ("larger", "smaller"):
        return (len(mail.raw) >= {"300": 300, "1K": 1024}[value]) == (operator == "larger")
    if operator in ("after", "before"):
        day = (
            datetime.fromtimestamp(int(value), UTC)
            if value.isdigit()
            else datetime.strptime(value, "%Y/%m/%d").replace(tzinfo=GOOGLE_DAYS)
        )
        return (mail.at >= day) == (operator == "after")
    # a month before 31 March is the last day of February
    edge = {"2d": NOW - timedelta(days=2), "1m": NOW.replace(month=2, day=28), "1y": NOW.replace(year=2025)}[value]
    return (mail.at >= edge) == (operator == "newer_than")


def names_spam_or_trash(tree: Query) -> bool:
    match tree:
        case Fact("in", "spam" | "trash" | "anywhere"):
            return True
        case All(inner) | Either(inner):
            return any(names_spam_or_trash(query) for query in inner)
        case Not(inner):
            return names_spam_or_trash(inner)
    return False


@settings(deadline=None, max_examples=60)
@given(st.lists(MAILS, min_size=1, max_size=8), st.lists(queries(), min_size=1, max_size=12))
def test_a_search_finds_what_a_plain_one_finds(mails: list[Mail], trees: list[Query]) -> None:
    with tempfile.TemporaryDirectory() as folder_path:
        folder = MailFolder(Path(folder_path) / "mail.sqlite", lambda: NOW)
        folder.create_label(Label("", "My Deals"))
        ids = folder.add([NewMail(mail.raw, mail.at, tuple(mail.labels)) for mail in mails])
        for tree in trees:
            everywhere = names_spam_or_trash(tree)
            expected = {
                message_id
                for message_id, mail in zip(ids, mails, strict=True)
                if plainly_fits(tree, mail) and (everywhere or not mail.labels & {"SPAM", "TRASH"})
            }
            assert {message.id for message in folder.messages(written(tree)).messages} == expected, written(tree)
        folder.close()


def test_names_that_only_look_alike_do_not_fit(tmp_path: Path) -> None:
    folder = MailFolder(tmp_path / "mail.sqlite", lambda: NOW)
    folder.arrive("From: Märta <marta@one.example>\nSubject: 会議の日程 and invoices\n\nhello\n".encode())
    found = {
        q: folder.messages(q).estimate
        for q in ("from:marta", "from:Märta", "from:mart", "会議", "日程", "invoice", "subject:invoices")
    }
    assert found == {"from:marta": 1, "from:Märta": 1, "from:mart": 0, "会議": 1, "日程": 1, "invoice": 0, "subject:invoices": 1}
    folder.close()
