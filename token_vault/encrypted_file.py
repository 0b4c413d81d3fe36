"""Connections' tokens in one encrypted file: for one machine, shared by several processes.

The file is a Fernet token (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec) around JSON: org, then user, then the
connection. It is replaced whole and at once, so a reader needs no lock; writers take turns at a lock file beside it.
"""

import asyncio
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from mailmagnet.errors import BadAnswer, BadSetting, TimedOut, Unavailable
from mailmagnet.vault import Connection

WHO = "the vault"
SECONDS = 5.0
"""The deadline of a write: how long it waits for another's turn to end."""

SECONDS_BETWEEN_TRIES = 0.005

Kept = dict[str, dict[str, dict[str, Any]]]
"""A connection's facts by org and user."""


class EncryptedFileVault:
    """`mailmagnet.vault.Vault` in a file that its owner alone may read.

    What was read is kept in memory until the file changes, so that asking for a connection costs one stat.
    """

    def __init__(self, file: Path, key: str) -> None:
        """`key` is as `Fernet.generate_key` makes it. Raises BadSetting when it is not; a missing `file` is an empty vault."""
        self._file = file
        self._fernet = _fernet(key)
        self._read: tuple[tuple[int, ...] | None, Kept] = (None, {})

    async def connection(self, org: str, user: str) -> Connection | None:
        version, kept = self._read
        try:
            if _version(self._file) != version:
                kept = await asyncio.to_thread(self._read_again)
        except OSError as error:
            raise _failed(error) from None
        facts = kept.get(org, {}).get(user)
        return _connection(org, user, facts) if facts else None

    async def keep(self, connection: Connection) -> None:
        def put(kept: Kept) -> None:
            kept.setdefault(connection.org, {})[connection.user] = _facts(connection)

        await asyncio.to_thread(self._change, put)

    async def forget(self, org: str, user: str) -> None:
        def take_out(kept: Kept) -> None:
            kept.get(org, {}).pop(user, None)
            if not kept.get(org, True):
                del kept[org]

        await asyncio.to_thread(self._change, take_out)

    def _read_again(self) -> Kept:
        """What is in the file now; remembered together with the version of the file that it was in."""
        try:
            with self._file.open("rb") as file:
                self._read = (_version_of(os.fstat(file.fileno())), self._decrypted(file.read()))
        except FileNotFoundError:
            self._read = (None, {})
        return self._read[1]

    def _change(self, change: Callable[[Kept], None]) -> None:
        """Read, change and replace the file, while no other process writes it. A file that cannot be read stays as it is."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with _turn(self._file.with_name(f"{self._file.name}.lock")):
                before = self._read_again()
                after: Kept = json.loads(json.dumps(before))
                change(after)
                if after != before:
                    _replace(self._file, self._fernet.encrypt(json.dumps(after).encode()))
        except OSError as error:
            raise _failed(error) from None

    def _decrypted(self, content: bytes) -> Kept:
        try:
            kept: Kept = json.loads(self._fernet.decrypt(content))
        except (InvalidToken, ValueError):
            raise BadAnswer(WHO, "its file is damaged, or MAILMAGNET_VAULT_KEY is not the key it was written with") from None
        return kept


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        raise BadSetting(
            "MAILMAGNET_VAULT_KEY must be 32 random bytes in URL-safe base64; make one with: "
            'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
        ) from None


def _version(file: Path) -> tuple[int, ...] | None:
    try:
        return _version_of(file.stat())
    except FileNotFoundError:
        return None


def _version_of(stat: os.stat_result) -> tuple[int, ...]:
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


@contextmanager
def _turn(lock: Path) -> Iterator[None]:
    """Hold the lock file, which stays: one that was deleted could be held twice. The system lets go of a dead process's lock."""
    holder = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait_for(holder)
        yield
    finally:
        os.close(holder)


def _wait_for(holder: int) -> None:
    until = time.monotonic() + SECONDS
    while True:
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TimedOut(WHO, SECONDS) from None
            time.sleep(SECONDS_BETWEEN_TRIES)
        else:
            return


def _replace(file: Path, content: bytes) -> None:
    """The file's content at once: whoever reads meanwhile, or after a crash, finds the old file or the new one."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink()
        raise
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(error: OSError) -> Unavailable:
    return Unavailable(WHO, f"its file cannot be used ({error.strerror or type(error).__name__})")


def _facts(connection: Connection) -> dict[str, Any]:
    facts = asdict(connection)
    sets = {name: sorted(facts[name]) for name in ("own_addresses", "own_domains")}
    return {name: fact for name, fact in facts.items() if name not in {"org", "user"}} | sets


def _connection(org: str, user: str, facts: dict[str, Any]) -> Connection:
    try:
        return Connection(
            org=org,
            user=user,
            address=facts["address"],
            own_addresses=frozenset(facts["own_addresses"]),
            own_domains=frozenset(facts["own_domains"]),
            gmail_token=facts["gmail_token"],
        )
    except (KeyError, TypeError):
        raise BadAnswer(WHO, "a connection in its file has not the facts it should have") from None
