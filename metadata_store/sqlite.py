"""What is kept, in one SQLite file: for one machine, opened by several processes at once."""

import asyncio
import json
import secrets
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from mailmagnet.categories import Category
from mailmagnet.errors import BadSetting, LeaseLost, LeaseTaken, NotFound, TimedOut, Unavailable
from mailmagnet.store import Cursor, DayCounts, Lease, Mailbox, MailRecord, Policy, RunCounts, Sharing, keeps_others_out
from metadata_store.ids import mail_id, org_id, user_id

WHO = "SQLite"
SECONDS = 5.0
"""The deadline of a call: how long it waits while another process writes."""

VERSION = 2
SCHEMA = """
CREATE TABLE policies (
    org TEXT PRIMARY KEY, sharing TEXT, excluded TEXT NOT NULL, retention_days INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE mailboxes (
    org TEXT, user TEXT, address TEXT NOT NULL,
    mailmagnet INTEGER NOT NULL, labelling INTEGER NOT NULL, needs_consent INTEGER NOT NULL,
    sharing TEXT NOT NULL, shared_contacts TEXT NOT NULL, labels TEXT NOT NULL,
    history_id TEXT NOT NULL, resync_after INTEGER,
    run_at INTEGER NOT NULL, run_looked_at INTEGER NOT NULL, run_sorted TEXT NOT NULL, run_remaining INTEGER NOT NULL,
    run_day TEXT, run_day_sorted TEXT,
    fence INTEGER NOT NULL, leased_until INTEGER,
    PRIMARY KEY (org, user)
) STRICT, WITHOUT ROWID;
CREATE TABLE mails (
    org TEXT, user TEXT, mail TEXT, from_address TEXT NOT NULL, received_at INTEGER NOT NULL,
    PRIMARY KEY (org, user, mail)
) STRICT, WITHOUT ROWID;
CREATE INDEX mails_of_a_user ON mails (org, user, received_at);
CREATE INDEX mails_from_an_address ON mails (org, from_address, received_at);
CREATE INDEX mails_by_age ON mails (org, received_at);
"""
DAYS_ARE_COUNTED = """
ALTER TABLE mailboxes ADD COLUMN run_day TEXT;
ALTER TABLE mailboxes ADD COLUMN run_day_sorted TEXT;
"""
"""From version 1 to 2."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


class SqliteStore:
    """`mailmagnet.store.Store` in one file. Moments are kept as microseconds since 1970, so they come back exactly.

    Calls run in threads. Each writing call is one transaction that takes the file's write lock first (BEGIN IMMEDIATE), so what
    it reads is still so when it writes. Besides what the protocol names, calls raise BadRequest for an id that may not be one.
    """

    def __init__(self, database: Path) -> None:
        """Opens the file, and makes it when it is missing. Raises BadSetting when it cannot be this store's file."""
        self._lock = threading.Lock()
        self._connection = _opened(database)

    async def close(self) -> None:
        """Close the file; no call may follow."""
        await asyncio.to_thread(self._connection.close)

    async def orgs(self) -> Sequence[str]:
        rows = await self._rows("SELECT org FROM policies UNION SELECT org FROM mailboxes ORDER BY org")
        return [row["org"] for row in rows]

    async def policy(self, org: str) -> Policy:
        rows = await self._rows("SELECT * FROM policies WHERE org = ?", org_id(org))
        return _policy(rows[0]) if rows else Policy()

    async def set_policy(self, org: str, policy: Policy) -> None:
        facts = (org_id(org), policy.sharing, json.dumps(sorted(policy.excluded)), policy.retention_days)
        await self._write(lambda file: file.execute("INSERT OR REPLACE INTO policies VALUES (?, ?, ?, ?)", facts))

    async def mailbox(self, org: str, user: str) -> Mailbox | None:
        rows = await self._rows("SELECT * FROM mailboxes WHERE org = ? AND user = ?", org_id(org), user_id(user))
        return _mailbox(rows[0]) if rows else None

    async def connect(self, mailbox: Mailbox) -> None:
        org, user = org_id(mailbox.org), user_id(mailbox.user)
        # A mailbox that is deleted and connected anew must not fit a lease of its earlier life: its fence starts anywhere.
        facts = _columns(mailbox) | {"fence": secrets.randbelow(2**40)}
        names = ", ".join(facts)
        places = ", ".join(f":{name}" for name in facts)
        renew = "address = :address, mailmagnet = :mailmagnet, labelling = :labelling, needs_consent = :needs_consent"
        insert = f"INSERT INTO mailboxes ({names}) VALUES ({places}) ON CONFLICT DO UPDATE SET {renew}"  # noqa: S608

        def connect(file: sqlite3.Connection) -> None:
            file.execute(insert, facts)
            if not mailbox.mailmagnet:
                _forget_mails(file, org, user)

        await self._write(connect)

    async def due_mailboxes(self, org: str, now: datetime, every: timedelta) -> Sequence[Mailbox]:
        active = "SELECT * FROM mailboxes WHERE org = ? AND labelling AND NOT needs_consent ORDER BY user"
        mailboxes = [_mailbox(row) for row in await self._rows(active, org_id(org))]
        return [mailbox for mailbox in mailboxes if mailbox.is_due(now, every)]

    async def switch(self, org: str, user: str, *, mailmagnet: bool, labelling: bool) -> None:
        key = (org_id(org), user_id(user))

        def switch(file: sqlite3.Connection) -> None:
            changed = file.execute(
                "UPDATE mailboxes SET mailmagnet = ?, labelling = ? WHERE org = ? AND user = ?",
                (mailmagnet, mailmagnet and labelling, *key),
            )
            if not changed.rowcount:
                raise NotFound(WHO, "no such mailbox")
            if not mailmagnet:
                _forget_mails(file, *key)

        await self._write(switch)

    async def take_lease(self, org: str, user: str, now: datetime, seconds: float) -> Lease:
        key = (org_id(org), user_id(user))
        until = now + timedelta(seconds=seconds)

        def take(file: sqlite3.Connection) -> Lease:
            row = _lease_row(file, *key)
            if row is None:
                raise NotFound(WHO, "no such mailbox")
            leased_until = _moment(row["leased_until"]) if row["leased_until"] is not None else None
            if keeps_others_out(leased_until, now, seconds):
                raise LeaseTaken
            file.execute(
                "UPDATE mailboxes SET fence = fence + 1, leased_until = ? WHERE org = ? AND user = ?",
                (_microseconds(until), *key),
            )
            return Lease(*key, fence=row["fence"] + 1, until=until)

        return await self._write(take)

    async def release_lease(self, lease: Lease) -> None:
        key = (org_id(lease.org), user_id(lease.user), lease.fence)
        release = "UPDATE mailboxes SET leased_until = NULL WHERE org = ? AND user = ? AND fence = ?"
        await self._write(lambda file: file.execute(release, key))

    async def known_mails(self, org: str, user: str, mail_ids: Collection[str]) -> frozenset[str]:
        asked = json.dumps([mail_id(mail) for mail in mail_ids])
        rows = await self._rows(
            "SELECT mail FROM mails WHERE org = ? AND user = ? AND mail IN (SELECT value FROM json_each(?))",
            org_id(org),
            user_id(user),
            asked,
        )
        return frozenset(row["mail"] for row in rows)

    async def add_mail_records(self, lease: Lease, records: Sequence[MailRecord]) -> None:
        key = (org_id(lease.org), user_id(lease.user))
        facts = [(*key, mail_id(record.mail_id), record.from_address, _microseconds(record.received_at)) for record in records]

        def add(file: sqlite3.Connection) -> None:
            _check_lease(file, lease)
            file.executemany("INSERT INTO mails VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", facts)

        await self._write(add)

    async def save_run(self, lease: Lease, cursor: Cursor, labels: Mapping[Category, str], counts: RunCounts) -> None:
        facts = (
            _cursor_columns(cursor) | _run_columns(counts) | {"labels": json.dumps(labels), "org": lease.org, "user": lease.user}
        )

        def save(file: sqlite3.Connection) -> None:
            _check_lease(file, lease)
            file.execute(
                "UPDATE mailboxes SET history_id = :history_id, resync_after = :resync_after, labels = :labels, run_at = :run_at,"
                " run_looked_at = :run_looked_at, run_sorted = :run_sorted, run_remaining = :run_remaining,"
                " run_day = :run_day, run_day_sorted = :run_day_sorted"
                " WHERE org = :org AND user = :user",
                facts,
            )

        await self._write(save)

    async def mark_needs_consent(self, org: str, user: str) -> None:
        key = (org_id(org), user_id(user))
        await self._write(lambda file: file.execute("UPDATE mailboxes SET needs_consent = 1 WHERE org = ? AND user = ?", key))

    async def latest_mails(self, org: str, user: str, most: int) -> Sequence[MailRecord]:
        rows = await self._rows(
            "SELECT * FROM mails WHERE org = ? AND user = ? ORDER BY received_at DESC, mail DESC LIMIT ?",
            org_id(org),
            user_id(user),
            most,
        )
        return [_record(row) for row in rows]

    async def mails_from(self, org: str, address: str, most: int) -> Sequence[tuple[str, MailRecord]]:
        rows = await self._rows(
            "SELECT * FROM mails WHERE org = ? AND from_address = ? ORDER BY received_at DESC, user || ':' || mail DESC LIMIT ?",
            org_id(org),
            address,
            most,
        )
        return [(row["user"], _record(row)) for row in rows]

    async def delete_mails_before(self, org: str, moment: datetime) -> int:
        older = (org_id(org), _microseconds(moment))
        deletion = "DELETE FROM mails WHERE org = ? AND received_at < ?"
        return await self._write(lambda file: file.execute(deletion, older).rowcount)

    async def delete_mailbox(self, org: str, user: str) -> int:
        key = (org_id(org), user_id(user))

        def delete(file: sqlite3.Connection) -> int:
            file.execute("DELETE FROM mailboxes WHERE org = ? AND user = ?", key)
            return _forget_mails(file, *key)

        return await self._write(delete)

    async def _rows(self, query: str, *facts: object) -> list[sqlite3.Row]:
        def read() -> list[sqlite3.Row]:
            with self._lock, _errors():
                return self._connection.execute(query, facts).fetchall()

        return await asyncio.to_thread(read)

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work` whole or not at all, with nobody else writing meanwhile."""

        def write() -> T:
            with self._lock, _errors(), _transaction(self._connection):
                return work(self._connection)

        return await asyncio.to_thread(write)


def _opened(database: Path) -> sqlite3.Connection:
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        database.touch(mode=0o600)
        file = sqlite3.connect(database, timeout=SECONDS, isolation_level=None, check_same_thread=False)
        file.row_factory = sqlite3.Row
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA secure_delete = ON")
        with _transaction(file):
            _make_tables(file)
    except (OSError, sqlite3.Error) as error:
        raise BadSetting(f"the store's file cannot be opened as a SQLite database ({type(error).__name__})") from error
    return file


def _make_tables(file: sqlite3.Connection) -> None:
    version = file.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise BadSetting(f"the store's file is of version {version}; this MailMagnet reads version {VERSION}")
    if version < VERSION:
        for statement in (DAYS_ARE_COUNTED if version else SCHEMA).split(";"):
            file.execute(statement)
        file.execute(f"PRAGMA user_version = {VERSION}")


@contextmanager
def _transaction(file: sqlite3.Connection) -> Iterator[None]:
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
        file.execute("COMMIT")
    except BaseException:
        if file.in_transaction:
            file.execute("ROLLBACK")
        raise


@contextmanager
def _errors() -> Iterator[None]:
    """SQLite's errors as the tree's. Their own messages may hold what was to be written, so none is passed on."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        if name.startswith("SQLITE_BUSY"):
            raise TimedOut(WHO, SECONDS) from None
        raise Unavailable(WHO, f"the database failed ({name})") from None


def _lease_row(file: sqlite3.Connection, org: str, user: str) -> Any:
    return file.execute(
        "SELECT fence, leased_until, mailmagnet FROM mailboxes WHERE org = ? AND user = ?", (org_id(org), user_id(user))
    ).fetchone()


def _check_lease(file: sqlite3.Connection, lease: Lease) -> None:
    row = _lease_row(file, lease.org, lease.user)
    if row is None or row["leased_until"] is None or row["fence"] != lease.fence or not row["mailmagnet"]:
        raise LeaseLost


def _forget_mails(file: sqlite3.Connection, org: str, user: str) -> int:
    """Delete a user's records and break the lease, so that a run under way writes none after."""
    file.execute("UPDATE mailboxes SET leased_until = NULL WHERE org = ? AND user = ?", (org, user))
    return file.execute("DELETE FROM mails WHERE org = ? AND user = ?", (org, user)).rowcount


def _policy(row: sqlite3.Row) -> Policy:
    sharing = Sharing(row["sharing"]) if row["sharing"] is not None else None
    return Policy(sharing, frozenset(json.loads(row["excluded"])), row["retention_days"])


def _columns(mailbox: Mailbox) -> dict[str, Any]:
    return {
        "org": mailbox.org,
        "user": mailbox.user,
        "address": mailbox.address,
        "mailmagnet": mailbox.mailmagnet,
        "labelling": mailbox.mailmagnet and mailbox.labelling,
        "needs_consent": False,
        "sharing": mailbox.sharing,
        "shared_contacts": json.dumps(sorted(mailbox.shared_contacts)),
        "labels": json.dumps(mailbox.labels),
        **_cursor_columns(mailbox.cursor),
        **_run_columns(mailbox.last_run),
    }


def _cursor_columns(cursor: Cursor) -> dict[str, Any]:
    return {"history_id": cursor.history_id, "resync_after": _microseconds(cursor.resync_after) if cursor.resync_after else None}


def _run_columns(counts: RunCounts) -> dict[str, Any]:
    return {
        "run_at": _microseconds(counts.at),
        "run_looked_at": counts.looked_at,
        "run_sorted": json.dumps(counts.sorted),
        "run_remaining": counts.remaining,
        "run_day": counts.day.day.isoformat() if counts.day else None,
        "run_day_sorted": json.dumps(counts.day.sorted) if counts.day else None,
    }


def _mailbox(row: sqlite3.Row) -> Mailbox:
    return Mailbox(
        org=row["org"],
        user=row["user"],
        address=row["address"],
        cursor=Cursor(row["history_id"], _moment(row["resync_after"]) if row["resync_after"] is not None else None),
        mailmagnet=bool(row["mailmagnet"]),
        labelling=bool(row["labelling"]),
        needs_consent=bool(row["needs_consent"]),
        sharing=Sharing(row["sharing"]),
        shared_contacts=frozenset(json.loads(row["shared_contacts"])),
        labels=_by_category(row["labels"]),
        last_run=_run(row),
    )


def _run(row: sqlite3.Row) -> RunCounts:
    day = DayCounts(date.fromisoformat(row["run_day"]), _by_category(row["run_day_sorted"])) if row["run_day"] else None
    return RunCounts(_moment(row["run_at"]), row["run_looked_at"], _by_category(row["run_sorted"]), row["run_remaining"], day)


def _record(row: sqlite3.Row) -> MailRecord:
    return MailRecord(row["mail"], row["from_address"], _moment(row["received_at"]))


def _by_category(text: str) -> dict[Category, Any]:
    return {Category(category): fact for category, fact in json.loads(text).items()}


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)
