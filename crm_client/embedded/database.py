"""The embedded CRM's file: its connections, shared by all views of a process, its transactions, and what SQLite's errors mean."""

import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from crm_client.embedded.schema import APPLICATION_ID, SCHEMA, VERSION
from crm_client.embedded.search import learn_letters
from mailmagnet.errors import BadAnswer, BadRequest, Service, Side, Unavailable, Upstream

CRM = Service(Side.CRM, "MailMagnet CRM")

BUSY_SECONDS = 3.0
"""How long a call waits for another's writing to end: below the sidebar's deadline, so that the card can still say why."""

_UNREACHABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_NOMEM,
}

_FileIdentity = tuple[int, int]
_idle: defaultdict[Path, list[tuple[_FileIdentity, sqlite3.Connection]]] = defaultdict(list)


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """A transaction that reads one state of the database, whatever is written meanwhile."""
    with _transaction(database, "BEGIN DEFERRED") as connection:
        yield connection


@contextmanager
def writing(database: Path) -> Iterator[sqlite3.Connection]:
    """A transaction that writes all or (after an error) nothing. One at a time writes, the others wait their turn."""
    with _transaction(database, "BEGIN IMMEDIATE") as connection:
        yield connection
        learn_letters(connection)


@contextmanager
def trying(database: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the database in this process's memory: what is written to it is seen by nobody, and holds up nobody."""
    with closing(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)) as copy:
        with reading(database) as connection:
            connection.backup(copy)
        copy.row_factory = sqlite3.Row
        with _meaning_of_errors():
            yield copy


@contextmanager
def upgrading(database: Path) -> Iterator[tuple[sqlite3.Connection, int]]:
    """A transaction in a file of this or an earlier version, and which; at its end the file is of this version."""
    with _meaning_of_errors(), closing(_connect(database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        version = _version_of(connection)
        if version > VERSION:
            raise _other_version(version)
        yield connection, version
        learn_letters(connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")


def create_file(database: Path) -> None:
    """Make the file, readable by its owner alone, with empty tables; one that is ours already stays as it is.

    Raises BadAnswer when the file is another program's, Unavailable when it cannot be made.
    """
    try:
        os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise Unavailable(CRM, f"the database cannot be made: {error.strerror}") from None
    with _meaning_of_errors():
        connection = _connect(database)
        try:
            connection.execute("BEGIN IMMEDIATE")
            if _is_empty(connection):
                for statement in SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute("COMMIT")
            _check_is_ours(connection)
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()


def close_idle(database: Path) -> None:
    """Close this process's connections to a database that nobody uses now."""
    for _, connection in _idle.pop(database, []):
        connection.close()


def as_json(values: Iterable[object]) -> str:
    """Values as the one parameter of a set-based statement, for json_each."""
    return json.dumps(list(values))


@contextmanager
def _transaction(database: Path, begin: Literal["BEGIN DEFERRED", "BEGIN IMMEDIATE"]) -> Iterator[sqlite3.Connection]:
    with _meaning_of_errors():
        identity = _identity(database)
        connection = _idle_connection(database, identity) or _open(database)
        try:
            connection.execute(begin)
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error:
            connection.close()
            raise
        except BaseException:
            connection.execute("ROLLBACK")
            _idle[database].append((identity, connection))
            raise
        _idle[database].append((identity, connection))


def _idle_connection(database: Path, identity: _FileIdentity) -> sqlite3.Connection | None:
    """One that is open to this very file; those to a file that was here before it are closed."""
    while True:
        try:
            opened_as, connection = _idle[database].pop()
        except IndexError:
            return None
        if opened_as == identity:
            return connection
        connection.close()


def _identity(database: Path) -> _FileIdentity:
    try:
        status = database.stat()
    except OSError as error:
        raise Unavailable(CRM, f"the database cannot be opened: {error.strerror}") from None
    return status.st_dev, status.st_ino


def _open(database: Path) -> sqlite3.Connection:
    connection = _connect(database)
    try:
        _check_is_ours(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{database.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # a connection is handed from thread to thread, but used by one at a time
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT 1 FROM sqlite_schema").fetchone()


def _check_is_ours(connection: sqlite3.Connection) -> None:
    version = _version_of(connection)
    if version != VERSION:
        raise _other_version(version)


def _version_of(connection: sqlite3.Connection) -> int:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise BadAnswer(CRM, "the file is not a database of MailMagnet CRM")
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _other_version(version: int) -> BadAnswer:
    to_do = "bring it up to date with mailmagnet crm upgrade" if version < VERSION else "install the MailMagnet that wrote it"
    return BadAnswer(CRM, f"the database has version {version} of its tables, this program knows version {VERSION}: {to_do}")


@contextmanager
def _meaning_of_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _meaning(error) from error
    except UnicodeEncodeError:
        raise BadRequest("a text holds signs that no text has") from None


def _meaning(error: sqlite3.Error) -> Upstream:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if code in _UNREACHABLE:
        return Unavailable(CRM, f"the database cannot be used now ({name})")
    return BadAnswer(CRM, f"the database cannot be read ({name})")
