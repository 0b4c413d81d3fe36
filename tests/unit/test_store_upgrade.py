"""A store's file of an earlier version: brought up to date with all it had, or left as it was; one of a later version is refused."""

import asyncio
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from mailmagnet.categories import Category
from mailmagnet.errors import BadSetting
from mailmagnet.store import (
    Backlog,
    Choices,
    DayCounts,
    MailReading,
    MailRecord,
    Notice,
    Notify,
    Parked,
    ParkedFor,
    Policy,
    Presence,
    Preview,
    Progress,
    Reason,
    RunCounts,
    SetUpBy,
    Sharing,
    Trouble,
)
from mailmagnet.templates import Template
from metadata_store import sqlite
from metadata_store.sqlite import UPGRADES, VERSION, SqliteStore

VERSION_4 = Path(__file__).with_name("store_version_4.sql").read_text()
"""As the MailMagnet before deployments wrote it: two organisations' policies, a mailbox that has all there is and one that is parked."""

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ORG = "corp.example"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "store.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(VERSION_4)
        connection.execute("PRAGMA journal_mode = WAL")
    return file


def rows_in(database: Path) -> Mapping[str, list[tuple[object, ...]]]:
    """Every table's rows, and the version, as they are in the file."""
    with closing(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        rows = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
        return rows | {"version": connection.execute("PRAGMA user_version").fetchall()}


async def test_a_file_brought_up_to_date_has_all_it_had(database: Path) -> None:
    store = SqliteStore(database)
    assert await store.orgs() == [ORG, "other.example"]
    offer = Template("t1", 'It\'s an "offer"', "Offer; for ${Contact.Name}", "Dear ${Contact.Name},\nÄ; 'quoted'\n")
    excluded = frozenset({"lawyers.example", "boss@corp.example"})
    assert await store.policy(ORG) == Policy(Sharing.CUSTOM, excluded, 30, (offer,))
    assert await store.policy("other.example") == Policy(retention_days=400)
    ada, kim = await store.mailboxes(ORG)
    day = DayCounts(date(2026, 11, 23), {Category.CUSTOMER: 4})
    assert ada.last_run == RunCounts(NOW, 3, {Category.CUSTOMER: 1}, 2, {"gone": 1}, ((NOW, 120),), day, NOW)
    assert ada.progress == Progress("99", ("a1",), ("a2", "a3"), {"a3": 2}, Backlog(NOW - timedelta(days=3), NOW))
    assert ada.trouble == Trouble(Reason.FAILING, "Gmail", NOW, 3, NOW + timedelta(minutes=4))
    assert ada.presence == Presence("crm-1", NOW, {"customer": 2}, NOW, NOW)
    assert ada.preview == Preview(NOW, 30, 137, 50, {Category.OPEN_DEALS: 3})
    notice = Notice(Notify.DAILY, "Europe/Vienna")
    assert ada.choices == Choices(
        Sharing.PUBLIC, frozenset({"c1"}), frozenset({"c2"}), frozenset({"m9"}), 14, notice, 2, set_up_by=SetUpBy.USER
    )
    assert (ada.mailmagnet_since, ada.labelling_since, ada.labels) == (NOW, NOW, {Category.CUSTOMER: "Label_1"})
    assert (kim.address, kim.mailmagnet, kim.presence.parked) == ("kim@corp.example", False, Parked(NOW, ParkedFor.GONE))
    earlier = NOW - timedelta(days=1, microseconds=5)
    mails = [MailRecord("18f0a", "grace@a.example", NOW), MailRecord("18f0b", "o'hara@b.example", earlier)]
    assert await store.latest_mails(ORG, "1", 10) == mails
    assert await store.readings(ORG, "1", 10) == [MailReading("2", "1", "18f0a", "c1", NOW)]
    assert not await store.use_once(ORG, "state xyz", NOW + timedelta(minutes=15), NOW)
    await store.close()


async def test_it_has_the_tables_of_a_new_one_and_its_policy_can_be_changed(database: Path, tmp_path: Path) -> None:
    store, new = SqliteStore(database), SqliteStore(tmp_path / "new.sqlite")
    policy = Policy(Sharing.PRIVATE, paused_since=NOW)
    await store.set_policy(ORG, policy)
    assert await store.policy(ORG) == policy
    await store.close()
    await new.close()
    assert schema_of(database) == schema_of(tmp_path / "new.sqlite")


def schema_of(database: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    return {(name, re.sub(r"[\s\"]+", "", sql)) for name, sql in rows}


async def test_bringing_it_up_to_date_twice_or_by_several_at_once_is_doing_it_once(database: Path) -> None:
    stores = await asyncio.gather(*(asyncio.to_thread(SqliteStore, database) for _ in range(5)))
    for store in stores:
        await store.close()
    before = rows_in(database)
    assert before["version"] == [(VERSION,)]
    await SqliteStore(database).close()
    assert rows_in(database) == before


STEPS = sum(len(step.split(";")) for step in UPGRADES.values())


@pytest.mark.parametrize("broken", range(STEPS + 1))
def test_one_that_fails_at_any_statement_leaves_the_file_as_it_was(
    database: Path, monkeypatch: pytest.MonkeyPatch, broken: int
) -> None:
    """So no copy of the file is needed before: it is one transaction."""
    before = rows_in(database)
    statements = UPGRADES[VERSION].split(";")
    statements.insert(broken, "INSERT INTO no_such_table VALUES (1)")
    monkeypatch.setitem(sqlite.UPGRADES, VERSION, ";".join(statements))
    with pytest.raises(BadSetting, match=r"store\.sqlite"):
        SqliteStore(database)
    assert rows_in(database) == before
    monkeypatch.undo()
    SqliteStore(database)._connection.close()  # what stopped it is gone: it goes on from the beginning
    assert rows_in(database)["version"] == [(VERSION,)]


def test_a_policy_that_cannot_be_read_stops_it_and_stays(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("UPDATE policies SET templates = '[not json'")
    before = rows_in(database)
    with pytest.raises(BadSetting, match=r"store\.sqlite"):
        SqliteStore(database)
    assert rows_in(database) == before


def test_a_file_of_a_later_version_is_refused_by_name_and_stays(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = rows_in(database)
    with pytest.raises(BadSetting, match=rf"store\.sqlite is of version {VERSION + 1}; this MailMagnet reads version {VERSION}"):
        SqliteStore(database)
    assert rows_in(database) == before
