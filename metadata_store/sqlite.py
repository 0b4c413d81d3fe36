"""The store in one SQLite file: for one machine, opened by several processes at once."""

import asyncio
import json
import secrets
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from mailmagnet.categories import Category
from mailmagnet.errors import BadSetting, LeaseLost, LeaseTaken, NotFound, Service, Side, TimedOut, Unavailable
from mailmagnet.store import (
    NOBODY,
    Choices,
    Lease,
    Mailbox,
    MailReading,
    MailRecord,
    Policy,
    Presence,
    Preview,
    Progress,
    RunCounts,
    TakenBack,
    Trouble,
    keeps_others_out,
)
from metadata_store.documents import (
    by_category,
    choices_map,
    choices_of,
    policy_as_kept,
    policy_map,
    policy_of,
    presence_map,
    presence_of,
    preview_map,
    preview_of,
    progress_map,
    progress_of,
    run_map,
    run_of,
    taken_back_map,
    taken_back_of,
    trouble_map,
    trouble_of,
)
from metadata_store.ids import mail_id, org_id, user_id

WHO = Service(Side.OURS, "SQLite")
SECONDS = 5.0
"""The deadline of a call: how long it waits while another process writes."""

VERSION = 5
SCHEMA = """
CREATE TABLE policies (
    org TEXT PRIMARY KEY, policy TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE mailboxes (
    org TEXT, user TEXT, address TEXT NOT NULL, mailmagnet_since INTEGER, labelling_since INTEGER,
    progress TEXT, last_run TEXT NOT NULL, trouble TEXT, labels TEXT NOT NULL,
    choices TEXT NOT NULL, presence TEXT NOT NULL, preview TEXT,
    fence INTEGER NOT NULL, leased_until INTEGER, taken_back TEXT,
    PRIMARY KEY (org, user)
) STRICT, WITHOUT ROWID;
CREATE TABLE mails (
    org TEXT, user TEXT, mail TEXT, from_address TEXT NOT NULL, received_at INTEGER NOT NULL,
    PRIMARY KEY (org, user, mail)
) STRICT, WITHOUT ROWID;
CREATE INDEX mails_of_a_user ON mails (org, user, received_at);
CREATE INDEX mails_from_an_address ON mails (org, from_address, received_at);
CREATE INDEX mails_by_age ON mails (org, received_at);
CREATE TABLE readings (
    org TEXT, owner TEXT, reader TEXT, mail TEXT, contact TEXT NOT NULL, at INTEGER,
    PRIMARY KEY (org, owner, at, reader, mail)
) STRICT, WITHOUT ROWID;
CREATE INDEX readings_by_age ON readings (org, at);
CREATE INDEX readings_by_a_reader ON readings (org, reader, at);
CREATE TABLE used_names (
    org TEXT, name TEXT, until INTEGER NOT NULL,
    PRIMARY KEY (org, name)
) STRICT, WITHOUT ROWID;
"""
"""A policy and a mailbox's progress, last run, trouble, labels, choices, presence, preview and taken_back are JSON, as
`metadata_store.documents` writes them, moments in ISO 8601."""
OLDEST = 4
"""The oldest version that is upgraded."""
UPGRADES = {
    5: """
ALTER TABLE policies RENAME TO policies_before;
CREATE TABLE policies (
    org TEXT PRIMARY KEY, policy TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO policies SELECT org, json_object(
    'sharing', sharing, 'excluded', json(excluded), 'retention_days', retention_days, 'templates', json(templates)
) FROM policies_before;
DROP TABLE policies_before;
ALTER TABLE mailboxes ADD COLUMN taken_back TEXT
""",
}
"""By version, what makes a file of the version before into one of it."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AFTER_ALL = 2**63 - 1

T = TypeVar("T")


class SqliteStore:
    """`mailmagnet.store.Store` in one file. Moments are stored as microseconds since 1970, so they come back exactly.

    Calls run in threads. Each writing call is one transaction that takes the file's write lock first (BEGIN IMMEDIATE), so what
    it reads is still so when it writes. Besides what the protocol names, calls raise BadRequest for an id that may not be one.
    """

    def __init__(self, database: Path) -> None:
        """Opens the file, and makes it when it is missing. Raises BadSetting when it cannot be this store's file."""
        self._lock = threading.Lock()
        self._connection = _opened(database)
        self._erased = True

    async def close(self) -> None:
        """Close the file; no call may follow. One that was given up may still be at work in its thread: it is waited for."""

        def close() -> None:
            with self._lock:
                self._connection.close()

        await asyncio.to_thread(close)

    async def orgs(self) -> Sequence[str]:
        rows = await self._rows("SELECT org FROM policies UNION SELECT org FROM mailboxes ORDER BY org")
        return [row["org"] for row in rows]

    async def policy(self, org: str) -> Policy:
        rows = await self._rows("SELECT policy FROM policies WHERE org = ?", org_id(org))
        return _policy(rows[0] if rows else None)

    async def set_policy(self, org: str, policy: Policy) -> None:
        await self.change_policy(org, lambda _: policy)

    async def change_policy(self, org: str, change: Callable[[Policy], Policy]) -> Policy:
        key = (org_id(org),)

        def put(file: sqlite3.Connection) -> Policy:
            row = file.execute("SELECT policy FROM policies WHERE org = ?", key).fetchone()
            changed = policy_as_kept(change(_policy(row)))
            file.execute("DELETE FROM policies WHERE org = ?", key)
            if changed != Policy():
                file.execute("INSERT INTO policies VALUES (?, ?)", (*key, _json(policy_map(changed))))
            return changed

        return await self._write(put)

    async def mailbox(self, org: str, user: str) -> Mailbox | None:
        rows = await self._rows("SELECT * FROM mailboxes WHERE org = ? AND user = ?", org_id(org), user_id(user))
        return _mailbox(rows[0]) if rows else None

    async def mailboxes(self, org: str) -> Sequence[Mailbox]:
        rows = await self._rows("SELECT * FROM mailboxes WHERE org = ? ORDER BY user", org_id(org))
        return [_mailbox(row) for row in rows]

    async def mailboxes_by_user(self, org: str, after: str, most: int) -> Sequence[Mailbox]:
        page = "SELECT * FROM mailboxes WHERE org = ? AND user > ? ORDER BY user LIMIT ?"
        return [_mailbox(row) for row in await self._rows(page, org_id(org), after, most)]

    async def mailboxes_in_trouble(self, org: str, after: tuple[datetime, str] | None, most: int) -> Sequence[Mailbox]:
        in_trouble = "SELECT * FROM mailboxes WHERE org = ? AND trouble IS NOT NULL"
        mailboxes = [_mailbox(row) for row in await self._rows(in_trouble, org_id(org))]
        in_order = sorted((mailbox.trouble.since, mailbox.user, mailbox) for mailbox in mailboxes if mailbox.trouble)
        return [mailbox for since, user, mailbox in in_order if after is None or (since, user) > after][:most]

    async def mailboxes_of(self, org: str, crm_users: Collection[str]) -> Sequence[Mailbox]:
        wanted = set(crm_users) - {""}
        return [mailbox for mailbox in await self.mailboxes(org) if mailbox.presence.crm_user in wanted]

    async def mailboxes_at(self, org: str, addresses: Collection[str]) -> Sequence[Mailbox]:
        wanted = set(addresses)
        return [mailbox for mailbox in await self.mailboxes(org) if mailbox.address in wanted]

    async def leaving_mailboxes(self, org: str) -> Sequence[Mailbox]:
        return [mailbox for mailbox in await self.mailboxes(org) if mailbox.presence.leaving_since]

    async def connect(self, org: str, user: str, address: str, now: datetime) -> None:
        # A mailbox that is deleted and connected anew must not fit a lease of its earlier life: its fence starts anywhere.
        facts = {
            "org": org_id(org),
            "user": user_id(user),
            "address": address,
            "last_run": _json(run_map(RunCounts(now))),
            "labels": "{}",
            "choices": _json(choices_map(Choices())),
            "presence": _json(presence_map(Presence())),
            "fence": secrets.randbelow(2**40),
        }
        names, places = ", ".join(facts), ", ".join(f":{name}" for name in facts)
        renew = "address = :address, trouble = NULL"
        insert = f"INSERT INTO mailboxes ({names}) VALUES ({places}) ON CONFLICT DO UPDATE SET {renew}"  # noqa: S608
        await self._write(lambda file: file.execute(insert, facts))

    async def due_mailboxes(self, org: str, now: datetime, every: timedelta) -> Sequence[Mailbox]:
        active = "SELECT * FROM mailboxes WHERE org = ? AND mailmagnet_since IS NOT NULL ORDER BY user"
        mailboxes = [_mailbox(row) for row in await self._rows(active, org_id(org))]
        return [mailbox for mailbox in mailboxes if mailbox.due_since(now, every)]

    async def switch_on(
        self,
        lease: Lease,
        *,
        mailmagnet_since: datetime,
        labelling_since: datetime | None,
        progress: Progress,
        labels: Mapping[Category, str],
        last_run: RunCounts,
        choices: Choices | None = None,
    ) -> None:
        facts = {
            "mailmagnet_since": _microseconds(mailmagnet_since),
            "labelling_since": _microseconds(labelling_since) if labelling_since else None,
            "progress": _json(progress_map(progress)),
            "labels": json.dumps(labels),
            "last_run": _json(run_map(last_run)),
            "trouble": None,
        } | _chosen(choices)

        def switch(file: sqlite3.Connection) -> None:
            _check_lease(file, lease)
            _update(file, lease.org, lease.user, facts)

        await self._write(switch)

    async def switch_off(self, org: str, user: str, choices: Choices | None = None) -> None:
        key = (org_id(org), user_id(user))
        off = dict.fromkeys(("mailmagnet_since", "labelling_since", "progress", "preview", "trouble"))

        def switch(file: sqlite3.Connection) -> None:
            _update(file, *key, off | _chosen(choices))
            _forget_mails(file, *key)

        await self._write(switch)
        await self._erase()

    async def change_choices(self, org: str, user: str, change: Callable[[Choices], Choices]) -> Choices:
        def changed(stored: sqlite3.Row) -> tuple[Choices, dict[str, Any]]:
            choices = change(choices_of(json.loads(stored["choices"])))
            return choices, _chosen(choices)

        return await self._change(org, user, changed)

    async def change_presence(self, org: str, user: str, change: Callable[[Presence], Presence]) -> Presence:
        def changed(stored: sqlite3.Row) -> tuple[Presence, dict[str, Any]]:
            presence = change(presence_of(json.loads(stored["presence"]), datetime.fromisoformat))
            return presence, {"presence": _json(presence_map(presence))}

        return await self._change(org, user, changed)

    async def _change(self, org: str, user: str, changed: Callable[[sqlite3.Row], tuple[T, dict[str, Any]]]) -> T:
        """Write what `changed` makes of the mailbox's row. Raises NotFound without one."""
        key = (org_id(org), user_id(user))

        def change(file: sqlite3.Connection) -> T:
            row = file.execute("SELECT choices, presence FROM mailboxes WHERE org = ? AND user = ?", key).fetchone()
            if row is None:
                raise NotFound(WHO, "no such mailbox")
            result, facts = changed(row)
            _update(file, *key, facts)
            return result

        return await self._write(change)

    async def save_taken_back(self, org: str, user: str, taken_back: TakenBack) -> None:
        facts = {"taken_back": _json(taken_back_map(taken_back))}
        await self._write(lambda file: _update(file, org_id(org), user_id(user), facts))

    async def save_preview(self, org: str, user: str, preview: Preview | None) -> None:
        facts = {"preview": _json(preview_map(preview)) if preview else None}
        await self._write(lambda file: _update(file, org_id(org), user_id(user), facts))

    async def use_once(self, org: str, name: str, until: datetime, now: datetime) -> bool:
        facts = (org_id(org), name, _microseconds(until))

        def use(file: sqlite3.Connection) -> bool:
            file.execute("DELETE FROM used_names WHERE org = ? AND until < ?", (org_id(org), _microseconds(now)))
            return file.execute("INSERT INTO used_names VALUES (?, ?, ?) ON CONFLICT DO NOTHING", facts).rowcount == 1

        return await self._write(use)

    async def end_use(self, org: str, name: str, until: datetime) -> None:
        facts = (org_id(org), name, _microseconds(until))
        await self._write(lambda file: file.execute("DELETE FROM used_names WHERE org = ? AND name = ? AND until = ?", facts))

    async def forget_used(self, org: str) -> None:
        await self._write(lambda file: file.execute("DELETE FROM used_names WHERE org = ?", (org_id(org),)))

    async def keep_reading(self, org: str, reading: MailReading) -> None:
        facts = (
            org_id(org),
            user_id(reading.owner),
            user_id(reading.reader),
            mail_id(reading.mail_id),
            reading.contact,
            _microseconds(reading.at),
        )
        keep = "INSERT INTO readings (org, owner, reader, mail, contact, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        await self._write(lambda file: file.execute(keep, facts))

    async def readings(self, org: str, owner: str, most: int) -> Sequence[MailReading]:
        rows = await self._rows(
            "SELECT * FROM readings WHERE org = ? AND owner = ? ORDER BY at DESC, reader, mail LIMIT ?",
            org_id(org),
            user_id(owner),
            most,
        )
        return [_reading(row) for row in rows]

    async def readings_by(self, org: str, reader: str, most: int) -> Sequence[MailReading]:
        rows = await self._rows(
            "SELECT * FROM readings WHERE org = ? AND reader = ? ORDER BY at DESC, owner, mail LIMIT ?",
            org_id(org),
            user_id(reader),
            most,
        )
        return [_reading(row) for row in rows]

    async def delete_readings_before(self, org: str, moment: datetime) -> int:
        older = (org_id(org), _microseconds(moment))
        return await self._delete(lambda file: file.execute("DELETE FROM readings WHERE org = ? AND at < ?", older).rowcount)

    async def take_lease(self, org: str, user: str, now: datetime, seconds: float, *, take_over: bool = False) -> Lease:
        key = (org_id(org), user_id(user))
        until = now + timedelta(seconds=seconds)

        def take(file: sqlite3.Connection) -> Lease:
            row = _lease_row(file, *key)
            if row is None:
                raise NotFound(WHO, "no such mailbox")
            if keeps_others_out(_moment_or_none(row["leased_until"]), now, seconds) and not take_over:
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
        wanted = json.dumps([mail_id(mail) for mail in mail_ids])
        rows = await self._rows(
            "SELECT mail FROM mails WHERE org = ? AND user = ? AND mail IN (SELECT value FROM json_each(?))",
            org_id(org),
            user_id(user),
            wanted,
        )
        return frozenset(row["mail"] for row in rows)

    async def save_run(
        self,
        lease: Lease,
        progress: Progress,
        *,
        labels: Mapping[Category, str],
        records: Sequence[MailRecord] = (),
        counts: RunCounts | None = None,
    ) -> None:
        key = (org_id(lease.org), user_id(lease.user))
        mails = [(*key, mail_id(record.mail_id), record.from_address, _microseconds(record.received_at)) for record in records]
        facts: dict[str, Any] = {"progress": _json(progress_map(progress)), "labels": json.dumps(labels)}
        if counts:
            facts |= {"last_run": _json(run_map(counts)), "trouble": None}

        def save(file: sqlite3.Connection) -> None:
            _check_lease(file, lease, on=True)
            file.executemany("INSERT INTO mails VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", mails)
            _update(file, lease.org, lease.user, facts)

        await self._write(save)

    async def save_trouble(self, lease: Lease, trouble: Trouble) -> None:
        facts = {"trouble": _json(trouble_map(trouble))}

        def save(file: sqlite3.Connection) -> None:
            _check_lease(file, lease, on=True)
            _update(file, lease.org, lease.user, facts)

        await self._write(save)

    async def latest_mails(self, org: str, user: str, most: int) -> Sequence[MailRecord]:
        rows = await self._rows(
            "SELECT * FROM mails WHERE org = ? AND user = ? ORDER BY received_at DESC, mail DESC LIMIT ?",
            org_id(org),
            user_id(user),
            most,
        )
        return [_record(row) for row in rows]

    async def mails(self, org: str, user: str, after: MailRecord | None, most: int) -> Sequence[MailRecord]:
        place = (_microseconds(after.received_at), after.mail_id) if after else (_AFTER_ALL, "")
        rows = await self._rows(
            "SELECT * FROM mails WHERE org = ? AND user = ? AND (received_at, mail) < (?, ?) "
            "ORDER BY received_at DESC, mail DESC LIMIT ?",
            org_id(org),
            user_id(user),
            *place,
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
        return await self._delete(lambda file: file.execute(deletion, older).rowcount)

    async def forget_address(self, org: str, address: str) -> int:
        theirs = (NOBODY, org_id(org), address)
        forgetting = "UPDATE mails SET from_address = ? WHERE org = ? AND from_address = ?"
        return await self._delete(lambda file: file.execute(forgetting, theirs).rowcount)

    async def forget_decisions(self, lease: Lease, since: datetime) -> int:
        newer = (org_id(lease.org), user_id(lease.user), _microseconds(since))

        def forget(file: sqlite3.Connection) -> int:
            _check_lease(file, lease)
            return file.execute("DELETE FROM mails WHERE org = ? AND user = ? AND received_at >= ?", newer).rowcount

        return await self._delete(forget)

    async def count_mails(self, org: str, user: str) -> tuple[int, datetime | None, datetime | None]:
        count = "SELECT count(*), min(received_at), max(received_at) FROM mails WHERE org = ? AND user = ?"
        number, oldest, newest = (await self._rows(count, org_id(org), user_id(user)))[0]
        return number, _moment_or_none(oldest), _moment_or_none(newest)

    async def delete_mailbox(self, org: str, user: str) -> int:
        key = (org_id(org), user_id(user))

        def delete(file: sqlite3.Connection) -> int:
            file.execute("DELETE FROM mailboxes WHERE org = ? AND user = ?", key)
            file.execute("DELETE FROM readings WHERE org = ? AND owner = ?", key)
            return _forget_mails(file, *key)

        deleted = await self._write(delete)
        await self._erase()
        return deleted

    async def _delete(self, deletion: Callable[[sqlite3.Connection], int]) -> int:
        """`deletion` gives how many it deleted; when there was nothing, there is nothing to erase but what an earlier one left."""
        deleted = await self._write(deletion)
        if deleted or not self._erased:
            await self._erase()
        return deleted

    async def _erase(self) -> None:
        """Rewrite the database without what was deleted, and cut SQLite's log to nothing: then it is on the disk no more.

        `secure_delete` does not suffice: where rows have moved between pages, copies stay in the gaps. Raises TimedOut while another
        process reads or writes all the time: what was deleted stays deleted, and the next deletion erases it.
        """
        self._erased = False

        def erase() -> None:
            with self._lock, _errors():
                self._connection.execute("VACUUM")
                busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise TimedOut(WHO, SECONDS)

        await asyncio.to_thread(erase)
        self._erased = True

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
    except (OSError, sqlite3.Error) as error:
        raise _cannot_be_opened(database, error) from error
    try:
        _set_up(file, database.name)
    except sqlite3.Error as error:
        file.close()
        raise _cannot_be_opened(database, error) from error
    except BadSetting:
        file.close()
        raise
    return file


def _cannot_be_opened(database: Path, error: Exception) -> BadSetting:
    return BadSetting(f"the store's file {database.name} cannot be opened as a SQLite database ({type(error).__name__})")


def _set_up(file: sqlite3.Connection, name: str) -> None:
    file.row_factory = sqlite3.Row
    _check_version(file, name)
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA secure_delete = ON")
    # What VACUUM copies stays out of temporary files.
    file.execute("PRAGMA temp_store = MEMORY")
    with _transaction(file):
        version = _version(file)
        steps = [UPGRADES[step] for step in range(version + 1, VERSION + 1)] if version else [SCHEMA]
        for statement in ";".join(steps).split(";"):
            file.execute(statement)
        file.execute(f"PRAGMA user_version = {VERSION}")


def _check_version(file: sqlite3.Connection, name: str) -> None:
    """Raises BadSetting; a new file has version 0."""
    version = _version(file)
    if version > VERSION:
        raise BadSetting(f"the store's file {name} is of version {version}; this MailMagnet reads version {VERSION}")
    if 0 < version < OLDEST:
        raise BadSetting(
            f"the store's file {name} is of version {version}, from before the first release; this MailMagnet reads version "
            f"{OLDEST} and later: move the file away and connect the mailboxes anew"
        )


def _version(file: sqlite3.Connection) -> int:
    version: int = file.execute("PRAGMA user_version").fetchone()[0]
    return version


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
        "SELECT fence, leased_until, mailmagnet_since FROM mailboxes WHERE org = ? AND user = ?", (org_id(org), user_id(user))
    ).fetchone()


def _check_lease(file: sqlite3.Connection, lease: Lease, *, on: bool = False) -> None:
    """Raises LeaseLost; also when MailMagnet must be `on` and is not."""
    row = _lease_row(file, lease.org, lease.user)
    if row is None or row["leased_until"] is None or row["fence"] != lease.fence or (on and row["mailmagnet_since"] is None):
        raise LeaseLost


def _update(file: sqlite3.Connection, org: str, user: str, facts: Mapping[str, Any]) -> None:
    columns = ", ".join(f"{name} = :{name}" for name in facts)
    file.execute(
        f"UPDATE mailboxes SET {columns} WHERE org = :org AND user = :user",  # noqa: S608 - the columns are ours
        {**facts, "org": org, "user": user},
    )


def _forget_mails(file: sqlite3.Connection, org: str, user: str) -> int:
    """Delete a user's records and break the lease, so that a run under way writes none after."""
    file.execute("UPDATE mailboxes SET leased_until = NULL WHERE org = ? AND user = ?", (org, user))
    return file.execute("DELETE FROM mails WHERE org = ? AND user = ?", (org, user)).rowcount


def _policy(row: sqlite3.Row | None) -> Policy:
    return policy_of(json.loads(row["policy"]), datetime.fromisoformat) if row else Policy()


def _chosen(choices: Choices | None) -> dict[str, Any]:
    return {"choices": _json(choices_map(choices))} if choices else {}


def _mailbox(row: sqlite3.Row) -> Mailbox:
    progress, trouble, preview, taken_back = row["progress"], row["trouble"], row["preview"], row["taken_back"]
    return Mailbox(
        org=row["org"],
        user=row["user"],
        address=row["address"],
        last_run=run_of(json.loads(row["last_run"]), datetime.fromisoformat),
        mailmagnet_since=_moment_or_none(row["mailmagnet_since"]),
        labelling_since=_moment_or_none(row["labelling_since"]),
        progress=progress_of(json.loads(progress), datetime.fromisoformat) if progress else None,
        trouble=trouble_of(json.loads(trouble), datetime.fromisoformat) if trouble else None,
        labels=by_category(json.loads(row["labels"])),
        choices=choices_of(json.loads(row["choices"])),
        presence=presence_of(json.loads(row["presence"]), datetime.fromisoformat),
        preview=preview_of(json.loads(preview), datetime.fromisoformat) if preview else None,
        taken_back=taken_back_of(json.loads(taken_back), datetime.fromisoformat) if taken_back else None,
    )


def _reading(row: sqlite3.Row) -> MailReading:
    return MailReading(row["reader"], row["owner"], row["mail"], row["contact"], _moment(row["at"]))


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, default=datetime.isoformat)


def _record(row: sqlite3.Row) -> MailRecord:
    return MailRecord(row["mail"], row["from_address"], _moment(row["received_at"]))


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def _moment_or_none(microseconds: int | None) -> datetime | None:
    return _moment(microseconds) if microseconds is not None else None
