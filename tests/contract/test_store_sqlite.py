"""What SQLite alone must hold: several processes, what is deleted is gone from the files, files of other versions."""

import asyncio
import multiprocessing
import random
import re
import sqlite3
import stat
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mailmagnet.errors import BadSetting, LeaseTaken, Service, Side, TimedOut, Unavailable
from mailmagnet.store import MOST_RECORDS, MailRecord, Progress, Store
from metadata_store.sqlite import OLDEST, VERSION, SqliteStore
from tests.contract.mailboxes import (
    ADA,
    BOB,
    CUSTOMER,
    NOW,
    ORG,
    OTHER_ORG,
    begin,
    connect,
    keep,
    mail_ids,
    mailbox,
    record,
    save,
    trouble,
)

T = TypeVar("T")


def in_own_process(work: Callable[[Path], Coroutine[Any, Any, T]], database: Path) -> T:
    return asyncio.run(work(database))


def modes_in(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def take_what_is_free(database: Path) -> list[tuple[str, int]]:
    """The leases that one process gets."""
    store = SqliteStore(database)
    taken = []
    for number in range(40):
        try:
            lease = await store.take_lease(ORG, f"user-{number}", NOW, 600)
        except LeaseTaken:
            continue
        await save(store, lease, [record(number)])
        taken.append((lease.user, lease.fence))
    await store.close()
    return taken


LEFT_OPEN: list[SqliteStore] = []


async def leave_open(database: Path) -> int:
    """A store that this process has read from, written to, and not closed."""
    store = SqliteStore(database)
    LEFT_OPEN.append(store)
    await begin(store, mailbox(OTHER_ORG))
    return len(await store.latest_mails(ORG, ADA, 10_000))


async def fill(store: Store) -> None:
    """Two users' mail, stored run by run and partly deleted again, so that rows have moved about in the file."""
    chance = random.Random(5)
    leases = [await begin(store, mailbox(user=user)) for user in (ADA, BOB)]
    for _ in range(50):
        lease = chance.choice(leases)
        ids = [f"{chance.getrandbits(64):016x}" for _ in range(chance.randint(1, MOST_RECORDS))]
        records = [
            MailRecord(
                mail,
                f"{lease.user}-from-{mail}{'x' * chance.randint(0, 250)}@customer.example",
                NOW - timedelta(minutes=chance.randint(0, 100_000)),
            )
            for mail in ids
        ]
        waiting = tuple(f"{lease.user}-mail-{mail}" for mail in ids)
        await store.save_run(lease, Progress("2", waiting=waiting), labels={}, records=records)
        if chance.random() < 0.2:
            await store.delete_mails_before(ORG, NOW - timedelta(minutes=chance.randint(50_000, 100_000)))


def written(kind: str, folder: Path) -> set[str]:
    """What the files say somewhere of whom ("from") or of what is waiting ("mail"), by user and mail."""
    return {found.decode() for found in re.findall(rf"\d{{21}}-{kind}-[0-9a-f]{{16}}".encode(), everything_in(folder))}


async def forget_newer(store: Store, since: datetime) -> None:
    await store.forget_decisions(await begin(store), since)


class TestSqlite:
    async def test_of_several_processes_one_gets_each_lease(self, tmp_path: Path) -> None:
        database = tmp_path / "store.db"
        store = SqliteStore(database)
        for number in range(40):
            await store.release_lease(await begin(store, mailbox(user=f"user-{number}")))
        with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as processes:
            taken = list(processes.map(in_own_process, [take_what_is_free] * 3, [database] * 3))
        users = [user for process in taken for user, _ in process]
        assert sorted(users) == sorted(f"user-{number}" for number in range(40))
        assert len(await store.mails_from(ORG, CUSTOMER, 100)) == 40
        await store.close()

    async def test_several_processes_make_a_new_file_together(self, tmp_path: Path) -> None:
        with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as processes:
            orgs = list(processes.map(in_own_process, [connect_one] * 9, [tmp_path / "store.db"] * 9))
        assert orgs == [[ORG]] * 9

    async def test_another_s_long_write_is_a_timeout_and_no_loss(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "store.db")
        lease = await begin(store)
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TimedOut):
            await store.save_trouble(lease, trouble())
        assert await store.mailbox(ORG, ADA) == mailbox()
        other.execute("ROLLBACK")
        other.close()
        await store.save_trouble(lease, trouble())
        assert await store.mailbox(ORG, ADA) == replace(mailbox(), trouble=trouble())
        await store.close()

    @pytest.mark.parametrize("refused", ["UPDATE ON mailboxes", "INSERT ON mails"])
    async def test_a_run_that_cannot_be_written_to_its_end_is_not_written_at_all(self, tmp_path: Path, refused: str) -> None:
        store = SqliteStore(tmp_path / "store.db")
        lease = await begin(store)
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
            stop = f"WHEN NEW.mail = '{record(3).mail_id}'" if "mails" in refused else ""
            other.execute(f"CREATE TRIGGER no BEFORE {refused} {stop} BEGIN SELECT RAISE(ABORT, 'no'); END")
            with pytest.raises(Unavailable):
                await store.save_run(lease, Progress("2"), labels={}, records=[record(number) for number in range(5)])
            assert await store.mailbox(ORG, ADA) == mailbox()
            assert await mail_ids(store) == []
            other.execute("DROP TRIGGER no")
        await save(store, lease, [record(1)])
        assert await mail_ids(store) == [record(1).mail_id]
        await store.close()

    async def test_the_file_is_its_owner_s_alone_and_outlives_the_process(self, tmp_path: Path) -> None:
        database = tmp_path / "store.db"
        first = SqliteStore(database)
        await keep(first, [record(1)])
        modes = modes_in(tmp_path)
        await first.close()
        assert modes == {"store.db": 0o600, "store.db-shm": 0o600, "store.db-wal": 0o600}
        again = SqliteStore(database)
        assert await again.latest_mails(ORG, ADA, 10) == [record(1)]
        await again.close()

    @pytest.mark.parametrize("deletion", ["switch_off", "delete_mailbox", "delete_mails_before", "forget_decisions"])
    async def test_what_is_deleted_is_gone_from_the_files_while_they_are_open(self, tmp_path: Path, deletion: str) -> None:
        store = SqliteStore(tmp_path / "store.db")
        await fill(store)
        before = written("from", tmp_path)
        deletions: dict[str, Callable[[], Awaitable[object]]] = {
            "switch_off": lambda: store.switch_off(ORG, ADA),
            "delete_mailbox": lambda: store.delete_mailbox(ORG, ADA),
            "delete_mails_before": lambda: store.delete_mails_before(ORG, NOW - timedelta(minutes=20_000)),
            "forget_decisions": lambda: forget_newer(store, NOW - timedelta(minutes=20_000)),
        }
        await deletions[deletion]()
        live = {f"{user}-from-{mail}" for user in (ADA, BOB) for mail in await mail_ids(store, user=user)}
        assert live < before
        assert written("from", tmp_path) == live
        if deletion in ("switch_off", "delete_mailbox"):
            assert {found.partition("-")[0] for found in written("mail", tmp_path)} == {BOB}
        await store.close()

    async def test_a_mailbox_without_records_is_gone_from_the_files_too(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "store.db")
        await store.connect(ORG, ADA, "ada.lovelace@analytical.example", NOW)
        assert b"ada.lovelace" in everything_in(tmp_path)
        assert await store.delete_mailbox(ORG, ADA) == 0
        assert b"ada.lovelace" not in everything_in(tmp_path)
        await store.close()

    async def test_what_is_deleted_is_gone_from_the_files_while_another_process_has_them_open(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "store.db")
        await keep(store, [record(number) for number in range(1_000)])
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as other:
            assert other.submit(in_own_process, leave_open, tmp_path / "store.db").result() == 1_000
            assert CUSTOMER.encode() in everything_in(tmp_path)
            await store.switch_off(ORG, ADA)
            assert CUSTOMER.encode() not in everything_in(tmp_path)
        await store.close()

    async def test_who_reads_all_the_while_is_told_of_and_the_next_deletion_erases(self, tmp_path: Path) -> None:
        """A backup of the file, most likely: what is deleted is deleted, and can be erased when the other is done."""
        store = SqliteStore(tmp_path / "store.db")
        await keep(store, [record(1)])
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN")
            assert other.execute("SELECT count(*) FROM mails").fetchone() == (1,)
            with pytest.raises(TimedOut):
                await store.delete_mails_before(ORG, NOW)
            assert await mail_ids(store) == []
            assert CUSTOMER.encode() in everything_in(tmp_path)
            other.execute("COMMIT")
            assert await store.delete_mails_before(ORG, NOW) == 0
            assert CUSTOMER.encode() not in everything_in(tmp_path)
        await store.close()

    async def test_a_failure_names_nobody(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "store.db")
        await store.close()
        with pytest.raises(Unavailable) as failed:
            await store.mailbox(ORG, ADA)
        assert failed.value.who == Service(Side.OURS, "SQLite")
        assert ADA not in "".join(traceback.format_exception(failed.value))

    def test_a_file_that_is_no_database_stops_the_start_and_stays(self, tmp_path: Path) -> None:
        file = tmp_path / "store.db"
        file.write_text("a letter, not a database\n" * 100)
        with pytest.raises(BadSetting):
            SqliteStore(file)
        assert file.read_text().startswith("a letter")

    def test_a_file_of_a_later_version_stops_the_start(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "store.db")) as file:
            file.execute(f"PRAGMA user_version = {VERSION + 1}")
        with pytest.raises(BadSetting, match=f"version {VERSION + 1}"):
            SqliteStore(tmp_path / "store.db")

    @pytest.mark.parametrize("version", range(1, OLDEST))
    def test_a_file_of_an_earlier_version_stops_the_start_says_what_to_do_and_stays(self, tmp_path: Path, version: int) -> None:
        database = tmp_path / "store.db"
        with closing(sqlite3.connect(database)) as file:
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("CREATE TABLE mailboxes (org TEXT, cursor TEXT)")
            file.execute(f"PRAGMA user_version = {version}")
        before = database.read_bytes()
        for _ in range(2):
            with pytest.raises(BadSetting) as refused:
                SqliteStore(database)
            for words in (
                "store.db",
                f"version {version}",
                f"version {OLDEST}",
                "move the file away",
                "connect the mailboxes anew",
            ):
                assert words in str(refused.value)
        assert database.read_bytes() == before
        assert [file.name for file in tmp_path.iterdir()] == ["store.db"]

    def test_it_needs_nothing_of_google_s(self) -> None:
        loaded = "import sys, metadata_store.sqlite; print({'grpc', 'google.auth', 'google.api_core'} & set(sys.modules))"
        answer = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == "set()"


async def connect_one(database: Path) -> list[str]:
    store = SqliteStore(database)
    await connect(store)
    orgs = list(await store.orgs())
    await store.close()
    return orgs


_CLOSED_MEANWHILE = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from metadata_store.sqlite import SqliteStore

async def main() -> None:
    now = datetime.now(UTC)
    for number in range(40):
        store = SqliteStore(Path(sys.argv[1]) / f"{number}.db")
        for user in range(30):
            await store.connect("corp.example", str(user), f"{user}@corp.example", now)
        asking = [asyncio.create_task(store.mailboxes("corp.example")) for _ in range(8)]
        await asyncio.sleep(0.001)
        for each in asking:
            each.cancel()
        await store.close()

asyncio.run(main())
"""


def test_it_is_closed_when_those_are_done_that_nobody_waits_for_any_more(tmp_path: Path) -> None:
    """A call that was given up goes on in its thread: without its file it would bring the whole process down."""
    words = [sys.executable, "-c", _CLOSED_MEANWHILE, str(tmp_path)]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
