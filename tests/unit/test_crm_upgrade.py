"""A CRM's file of an earlier version of its tables: refused with what to do, and brought up to date whole or not at all."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from crm_client.embedded import access, administration
from crm_client.embedded.database import close_idle, reading, writing
from crm_client.embedded.rows import put_account, put_contact, put_deal, read_accounts, read_contacts, read_deals
from crm_client.embedded.schema import VERSION
from crm_client.embedded.tables import Kind, export_table
from crm_client.embedded.upgrade import upgrade
from mailmagnet.crm import Organisation
from mailmagnet.errors import BadAnswer, BadRequest, Unavailable
from tests.crm_rows import rows_of
from tests.crm_signed_in import crm_as

EARLIER = {version: Path(__file__).with_name(f"crm_version_{version}.sql").read_text() for version in (1, 2)}
"""As MailMagnet 0.1 and 0.2 wrote them: three users, of whom one is inactive, and a few records of each kind. In version 2 two
Google accounts are bound to users."""

ORG, ADA, KIM = "corp.example", "ada@corp.example", "kim@corp.example"


@pytest.fixture(params=EARLIER)
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def database(tmp_path: Path, version: int) -> Iterator[Path]:
    file = tmp_path / "crm.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(EARLIER[version])
    yield file
    close_idle(file)


async def test_an_older_file_is_refused_with_what_to_do(database: Path, version: int) -> None:
    before = database.read_bytes()
    for refused in (
        asyncio.to_thread(access.users, database),
        asyncio.to_thread(administration.create, database, Organisation("Corp", "UTC", "EUR"), ORG),
        asyncio.to_thread(administration.set_password, database, ADA, "correct horse battery"),
        asyncio.to_thread(export_table, database, Kind.DEALS),
    ):
        with pytest.raises(BadAnswer, match=rf"version {version} .* mailmagnet crm upgrade"):
            await refused
    assert database.read_bytes() == before


async def test_a_file_brought_up_to_date_has_all_it_had_and_its_users_sign_in(database: Path) -> None:
    assert upgrade(database, ORG) is True
    assert [(user["has_password"], user["signed_in"]) for user in access.users(database)] == [(False, [])] * 3
    ada, kim = crm_as(database, ADA), crm_as(database, KIM)
    assert [(await user.me()).profile.administrator for user in (ada, kim)] == [True, False]
    assert (await ada.settings()).organisation == Organisation("Corp Ltd", "Europe/Vienna", "EUR")
    jurgen = await ada.contact("contact-one")
    assert (jurgen.name, jurgen.addresses) == ("Jürgen Weiß", ("j.weiss@bergmann.example", "jw@home.example"))
    assert [deal.name for deal in jurgen.deals] == ["Renewal; 2027"]
    assert [note.text for note in jurgen.notes] == ["Line one\nline 'two'"]
    assert (await kim.contact("contact-one")).name == "Jürgen Weiß"
    assert [user.active for user in await ada.users()] == [True, True, False]


async def test_what_was_there_is_found_as_if_it_were_written_now(database: Path) -> None:
    upgrade(database, ORG)
    ada = crm_as(database, ADA)
    for words, expected in (
        ("weiss", {"contact-one"}),
        ("jw@home", {"contact-one"}),
        ("郎", {"contact-two"}),
        ("sohne", {"account-one", "contact-one", "deal-one"}),
        ("lund ab", {"lead-one"}),
        ("old", {"deal-two"}),
    ):
        found = await ada.search(words, 9)
        people = {contact.id for contact in found.contacts} | {lead.id for lead in found.leads}
        others = {account.id for account in found.accounts} | {deal.id for deal in found.deals}
        assert people | others == expected, words
    before = rows_of(database)
    with writing(database) as connection:
        for account in read_accounts(connection, ["account-one", "account-two"]).values():
            put_account(connection, account)
        for contact in read_contacts(connection, ["contact-one", "contact-two"]).values():
            put_contact(connection, contact)
        for deal in read_deals(connection, ["deal-one", "deal-two"]).values():
            put_deal(connection, deal)
    assert rows_of(database) == before


def _schema(database: Path) -> set[tuple[str, str]]:
    """Each table, index and view with its definition, however it is set in lines."""
    with reading(database) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    return {(row["name"], re.sub(r"[\s\"]+", "", row["sql"])) for row in rows}


def test_an_upgraded_file_has_the_tables_of_a_new_one(database: Path, tmp_path: Path) -> None:
    upgrade(database, ORG)
    new = tmp_path / "new.db"
    administration.create(new, Organisation("Corp", "UTC", "EUR"), ORG)
    assert _schema(database) == _schema(new)
    close_idle(new)


def test_upgrading_twice_is_upgrading_once(database: Path) -> None:
    upgrade(database, ORG)
    before = rows_of(database)
    assert upgrade(database, ORG) is False
    assert rows_of(database) == before


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(database: Path, version: int) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE templates (made_by_hand)")
    with pytest.raises(BadAnswer):
        upgrade(database, ORG)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    assert not {"sessions", "passwords"} & tables


def test_only_a_file_of_ours_is_upgraded_and_only_for_an_organisation(database: Path, tmp_path: Path) -> None:
    before = database.read_bytes()
    with pytest.raises(BadRequest):
        upgrade(database, "Corp Ltd")
    assert database.read_bytes() == before
    upgrade(database, ORG)
    with pytest.raises(BadRequest, match="another organisation's"):
        upgrade(database, "other.example")
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE users (email TEXT)")
    with pytest.raises(BadAnswer, match="not a database of MailMagnet CRM"):
        upgrade(other, ORG)
    with pytest.raises(Unavailable):
        upgrade(tmp_path / "none.db", ORG)
    assert not (tmp_path / "none.db").exists()


def test_a_file_of_a_later_version_is_left_alone(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = database.read_bytes()
    for refused in (lambda: upgrade(database, ORG), lambda: export_table(database, Kind.DEALS)):
        with pytest.raises(BadAnswer, match="install the MailMagnet that wrote it"):
            refused()
    assert database.read_bytes() == before
