"""The embedded CRM's search: what it finds in every script, that its index follows what is written, and how little it reads."""

import asyncio
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from crm_client.embedded import administration, search
from crm_client.embedded.database import close_idle, reading, writing
from crm_client.embedded.rows import AccountRow, ContactRow, DealRow, LeadRow, put_account, put_contact, put_deal, put_lead
from crm_client.embedded.search import CONSIDERED, MODULES, MOST_WORDS, find, folded
from mailmagnet.crm import Found, NewContact, Organisation
from tests.crm_signed_in import crm_as

ORG = "corp.example"
ADA, KIM = "ada@corp.example", "kim@corp.example"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "crm.db"
    administration.create(file, Organisation("Corp", "Europe/Vienna", "EUR"), ORG)
    administration.add_user(file, "Ada Byron", ADA, administration.ADMINISTRATOR)
    administration.add_user(file, "Kim Park", KIM, administration.STANDARD)
    yield file
    close_idle(file)


def _user_id(database: Path, email: str) -> str:
    with reading(database) as connection:
        return administration.user_id(connection, email)


async def _names(database: Path, words: str, email: str = ADA, most: int = 10) -> list[str]:
    """Names of all kinds that a search finds, contacts first."""
    found = await crm_as(database, email).search(words, most)
    contacts, leads = [contact.name for contact in found.contacts], [lead.name for lead in found.leads]
    return contacts + leads + [account.name for account in found.accounts] + [deal.name for deal in found.deals]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Jürgen Weiß", "jurgen|JÜRGEN|weiss|WEISS|weiß|ürg|jurgen eiss"),
        ("Ñandú Çelik", "nandu|Celik|ÑANDÚ|ndu"),
        ("İsmet Yıldız", "ismet|İSMET|yıldız"),
        ("山田太郎", "山|田|山田|太郎|田太|郎|山田太郎|山田 太郎"),
        ("김민준", "김|민준|김민준|준"),
        ("ｶﾞｲﾄﾞ 株式会社", "ガイド|ガ|会社|社"),
        ("نور الحداد", "نور|الحداد|حداد|ال|د"),
        ("דורה כהן", "דורה|כהן|ור|ן"),
        ("Дмитрий Иванов", "дмит|ИВАНОВ|нов|й"),
        ("Ελένη Παπαδάκη", "ελενη|ΠΑΠΑΔΑΚΗ|δακη"),
        ("प्रिया रमन", "प्रिया|रमन|रम"),
        ("Mia Sommer 🌻", "🌻|mia 🌻|som"),
        ("Kai 👩‍👩‍👧", "👩‍👩‍👧|👧"),
        ("ﬁnance Ⅷ", "finance|viii|fin"),
        ("O'Reilly-Smith & Co.", "o'reilly|reilly|y-s|& co.|co."),
        ('50% "off" *', '50%|"off"|*|%|off"'),
        ("AND OR NOT NEAR(", "and|or|not|near(|and or not near("),
        ("a_b\\c", "_|\\|a_b\\c|b\\"),
    ],
)
async def test_any_part_of_a_word_finds_in_every_script(database: Path, name: str, words: str) -> None:
    crm = crm_as(database, ADA)
    await crm.add_contact(NewContact(name, ()))
    await crm.add_contact(NewContact("Zzz Zzz", ()))
    for each in words.split("|"):
        assert await _names(database, each) == [name], each


@pytest.mark.parametrize(
    "words", ["太郎山", "nobody", "\0", "\ud800", "jurgen\ud800", "\u200b", "weissweiss", "eiss jurgn", "🦊"]
)
async def test_what_no_text_holds_finds_nothing(database: Path, words: str) -> None:
    crm = crm_as(database, ADA)
    for name in ("Jürgen Weiß", "山田太郎", "Mia 🌻"):
        await crm.add_contact(NewContact(name, ("a@x.example",)))
    assert await crm.search(words, 10) == Found()


async def test_a_search_of_any_length_is_answered(database: Path) -> None:
    crm = crm_as(database, ADA)
    long = " ".join(f"word{number}" for number in range(500))
    await crm.add_contact(NewContact(long, ()))
    assert [contact.name for contact in (await crm.search(long, 10)).contacts] == [long]
    assert (await crm.search("x" * 100_000, 10)) == Found()
    missing_late = " ".join([*long.split()[:MOST_WORDS], "nowhere"])
    assert [contact.name for contact in (await crm.search(missing_late, 10)).contacts] == [long]
    assert (await crm.search("nowhere " + long, 10)) == Found()


async def test_the_index_follows_every_change(database: Path) -> None:
    ada, kim = _user_id(database, ADA), _user_id(database, KIM)
    with writing(database) as connection:
        stage = connection.execute("SELECT id FROM stages").fetchone()["id"]
        put_account(connection, AccountRow("a", "Old Firm", ada, "old.example"))
        put_contact(connection, ContactRow("c", "Grace Hopper", ada, ("grace@old.example",), account_id="a"))
        put_deal(connection, DealRow("d", "Compiler", stage, ada, "a"))
        put_lead(connection, LeadRow("l", "Lea Lund", ada, ("lea@lund.example",), company="Lund AB"))
    assert await _names(database, "old firm") == ["Grace Hopper", "Old Firm", "Compiler"]
    with writing(database) as connection:
        put_account(connection, AccountRow("a", "New Company", ada, "new.example"))
    assert await _names(database, "old firm") == []
    assert await _names(database, "company") == ["Grace Hopper", "New Company", "Compiler"]
    with writing(database) as connection:
        put_contact(connection, ContactRow("c", "Grace Murray", kim, ("grace@home.example",)))
        put_lead(connection, LeadRow("l", "Lea Berg", kim, (), company="Berg AB"))
        put_deal(connection, DealRow("d", "Linker", stage, kim, None))
    for gone in ("hopper", "old.example", "lund", "compiler"):
        assert await _names(database, gone) == [], gone
    assert await _names(database, "company") == ["New Company"]
    for email in (ADA, KIM):
        assert await _names(database, "murray", email) == ["Grace Murray"]
        assert await _names(database, "berg ab", email) == ["Lea Berg"]
        assert await _names(database, "linker", email) == ["Linker"]
    assert await _names(database, "company", KIM) == []
    with writing(database) as connection:
        put_account(connection, AccountRow("a", "New Company", kim, "new.example"))
    assert await _names(database, "company", KIM) == ["New Company"]
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO letters (letters) VALUES ('integrity-check')")


async def test_an_accounts_name_finds_only_for_those_who_see_the_account(database: Path) -> None:
    ada, kim = _user_id(database, ADA), _user_id(database, KIM)
    with writing(database) as connection:
        put_account(connection, AccountRow("a", "Secret Works", ada))
        put_contact(connection, ContactRow("c", "Grace Hopper", kim, (), account_id="a"))
    assert await _names(database, "grace secret") == ["Grace Hopper"]
    assert await _names(database, "grace secret", KIM) == []
    administration.share(database, "accounts", "a", KIM)
    assert await _names(database, "grace secret", KIM) == ["Grace Hopper"]
    assert await _names(database, "works", KIM) == ["Grace Hopper", "Secret Works"]
    with writing(database) as connection:
        connection.execute("DELETE FROM shares WHERE module = 'accounts' AND record_id = 'a'")
    assert await _names(database, "works", KIM) == []


async def test_names_that_begin_with_the_word_come_first_then_words_that_do_then_the_others(database: Path) -> None:
    crm = crm_as(database, ADA)
    for name in ("Ulrich Beha", "Sam Hanson", "Hanna Berg", "Jo Shan", "Han Solo", "Abe Han"):
        await crm.add_contact(NewContact(name, ()))
    assert await _names(database, "han") == ["Han Solo", "Hanna Berg", "Abe Han", "Sam Hanson", "Jo Shan"]
    assert await _names(database, "han", most=2) == ["Han Solo", "Hanna Berg"]


SYLLABLES = ["an", "ber", "chi", "do", "é", "fu", "gö", "ha", "is", "jo", "山", "田", "lí", "mó", "نور", "ov", "ß", "🌻", "ra"]


def _fill(database: Path, count: int, owner: str, seed: int = 1) -> None:
    """Firms, each with two people, a deal and a lead, of made-up names."""
    chance = random.Random(seed)

    def word() -> str:
        return "".join(chance.choices(SYLLABLES, k=chance.randint(1, 3)))

    with writing(database) as connection:
        stage = connection.execute("SELECT id FROM stages").fetchone()["id"]
        for n in range(count):
            put_account(connection, AccountRow(f"a{seed}-{n}", f"{word()} {word()} GmbH", owner, f"firm{n}.example"))
            for side in ("l", "r"):
                address = f"{side}.{n}@firm{n}.example"
                row = ContactRow(f"c{seed}-{n}{side}", f"{word()} {word()}", owner, (address,), account_id=f"a{seed}-{n}")
                put_contact(connection, row)
            put_deal(connection, DealRow(f"d{seed}-{n}", f"{word()} {n}", stage, owner, f"a{seed}-{n}"))
            put_lead(connection, LeadRow(f"l{seed}-{n}", f"{word()} {word()}", owner, (f"lead{n}@x.example",), company=word()))


def _held_by(database: Path, module: str, words: list[str], owner: str | None) -> set[str]:
    """The records whose text holds all words, by reading every one. (In these tests an account is its contacts' owner's.)"""
    with reading(database) as connection:
        rows = connection.execute("SELECT * FROM searchable WHERE module = ?", (module,)).fetchall()
    return {
        row["id"]
        for row in rows
        if owner in (None, row["owner_id"]) and all(word in f"{row['text']} {row['account_name']}" for word in words)
    }


@pytest.mark.parametrize("email", [ADA, KIM])
def test_all_that_hold_the_words_are_found_and_no_others(database: Path, email: str) -> None:
    ada, kim = _user_id(database, ADA), _user_id(database, KIM)
    _fill(database, 60, ada)
    _fill(database, 20, kim, seed=2)
    owner = None if email == ADA else kim
    texts = ["a", "山", "an", "é", "ß", "ss", "gmbh", "firm1", "l.", "🌻", "han", "نو", "berchi", "example firm", "do an", "jo"]
    for text in texts:
        words = folded(text).split()
        for module in MODULES:
            with reading(database) as connection:
                ids = find(connection, _user_id(database, email), module, words, 1000)
            assert len(ids) == len(set(ids))
            assert set(ids) == _held_by(database, module, words, owner), (text, module)


async def test_what_is_in_nearly_all_records_is_answered_from_some_of_them(database: Path) -> None:
    with writing(database) as connection:
        ada = administration.user_id(connection, ADA)
        for n in range(CONSIDERED + 50):
            put_contact(connection, ContactRow(f"c{n}", f"Person {n:05}", ada, (f"p{n}@x.example",)))
        put_contact(connection, ContactRow("last", "Example", ada, ()))
    found = await crm_as(database, ADA).search("example", 3)
    assert found.contacts[0].name == "Example"
    assert (len(found.contacts), found.more) == (3, frozenset({"contacts"}))


def _steps(database: Path, email: str, words: str) -> int:
    """How much SQLite works for a search: its virtual machine's steps, in hundreds."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    user_id = _user_id(database, email)
    with reading(database) as connection:
        connection.set_progress_handler(count, 100)
        for module in MODULES:
            find(connection, user_id, module, folded(words).split(), 9)
        connection.set_progress_handler(None, 100)
    return steps


@pytest.mark.parametrize(
    ("email", "words"),
    # What ever more of the others hold too is left out for the one who sees them: it is found more often.
    [
        (ADA, ["needle", "eedl", "needle haystack", "haystack7", "zzz", "needle zzz", "gmbh", "n", "example"]),
        (KIM, ["needle", "eedl", "ee", "needle haystack", "haystack7", "zzz", "needle zzz", "gmbh", "n", "example"]),
    ],
)
def test_a_search_works_no_more_when_there_are_ten_times_as_many_others(
    database: Path, monkeypatch: pytest.MonkeyPatch, email: str, words: list[str]
) -> None:
    monkeypatch.setattr(search, "CONSIDERED", 30)
    with writing(database) as connection:
        owner = administration.user_id(connection, email)
        for n in range(30):
            put_account(connection, AccountRow(f"n{n}", f"Needle {n} GmbH", owner, f"haystack{n}.example"))
    _fill(database, 100, _user_id(database, ADA))
    few = {each: _steps(database, email, each) for each in words}
    _fill(database, 900, _user_id(database, ADA), seed=3)
    many = {each: _steps(database, email, each) for each in words}
    assert {each: (few[each], many[each]) for each in words if many[each] > 1.5 * few[each] + 20} == {}


def test_a_search_and_the_deals_of_a_month_scan_no_table(database: Path) -> None:
    _fill(database, 20, _user_id(database, ADA))
    statements: list[str] = []
    crm = crm_as(database, ADA)
    with reading(database) as connection:
        connection.set_trace_callback(statements.append)

    async def ask() -> None:
        await crm.search("ber an", 5)
        await crm.deals_closing(date(2026, 11, 1), date(2026, 11, 30))

    asyncio.run(ask())
    with reading(database) as connection:
        connection.set_trace_callback(None)
        selects = [statement for statement in statements if statement.lstrip().startswith(("SELECT", "WITH"))]
        plan = [
            row["detail"]
            for statement in selects
            if "'letters" not in statement.replace("'main'.'letters", "'letters")
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
        ]
    tables = {"record", "searchable", "accounts", "contacts", "contact_addresses", "leads", "lead_addresses", "deals", "shares"}
    assert [detail for detail in plan if detail.startswith("SCAN") and detail.split()[1] in tables] == []
    assert any("INDEX deals_by_stage (stage_id=? AND closing>? AND closing<?)" in detail for detail in plan)
    assert any("INDEX searchable_by_name (module=? AND name>? AND name<?)" in detail for detail in plan)
    assert any(detail.startswith("SCAN letters VIRTUAL TABLE") for detail in plan)
