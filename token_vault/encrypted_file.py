"""Connections' tokens in one encrypted file: for one machine, shared by several processes.

The file is a Fernet token (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec) around JSON: org, then user, then the
connection. It is replaced whole and at once, so a reader needs no lock; writers take turns at a lock file beside it.

What guards against a file that somebody puts in its place: without a key nothing in it can be read, changed, or moved to another
org or user. An old file of ours, from a backup, is accepted and brings back connections that were forgotten since. The vault lets
go of a token only after Google has revoked it, so such a connection is refused with `invalid_grant`, and its mailbox is marked
"needs consent". Against an old file from before a `mailmagnet vault-rotate` the keys guard: once the old one is dropped, it cannot
be read. Nothing guards a token that was forgotten and not yet revoked when the old file came: disconnect its mailbox again.
"""

import asyncio
import base64
import fcntl
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from mailmagnet.crm_sign_in import CrmTokens, Sees
from mailmagnet.errors import BadAnswer, BadSetting, TimedOut, Unavailable
from mailmagnet.vault import CRM_ACCOUNT, Connection, Leaving
from token_vault.connection_facts import (
    LEAVING,
    WHO,
    Facts,
    account,
    account_of,
    connection_in,
    is_connection,
    kept,
    left_behind,
    let_see,
    put_on_list,
    refused,
    renewed,
    signed_in,
    signed_out,
    tokens_after,
    tokens_in,
    with_webhook,
    without_leaving,
)

SECONDS = 5.0
"""The deadline of a write: how long it waits for another's turn to end."""

SECONDS_BETWEEN_TRIES = 0.005

Contents = dict[str, dict[str, Facts]]
"""Facts by org and user."""


class EncryptedFileVault:
    """`mailmagnet.vault.Vault` in a file that its owner alone may read.

    What was read stays in memory until the file changes, so that looking up a connection costs one stat.
    """

    def __init__(self, file: Path, keys: str) -> None:
        """`keys` are one or several as `mailmagnet vault-key` prints them, comma separated: the first writes, every one reads.

        Raises BadSetting when they are not; a missing `file` is an empty vault.
        """
        self._file = file
        fernets = _fernets(keys)
        self._first, self._every = fernets[0], MultiFernet(fernets)
        self._read: tuple[tuple[int, ...] | None, Contents] = (None, {})

    async def connection(self, org: str, user: str) -> Connection | None:
        return connection_in(org, user, _at(await self._contents(), org, user))

    async def users(self, org: str) -> Sequence[str]:
        return [user for user in (await self._contents()).get(org, {}) if user != CRM_ACCOUNT]

    async def keep(self, connection: Connection) -> None:
        await self._change_one(connection.org, connection.user, lambda facts: kept(facts, connection))

    async def sign_in(self, connection: Connection) -> None:
        await self._change_one(connection.org, connection.user, lambda facts: signed_in(facts, connection))

    async def renew(self, org: str, user: str, old: CrmTokens, new: CrmTokens) -> CrmTokens:
        _, after = await self._change_one(org, user, lambda facts: renewed(facts, old, new))
        return tokens_after(after)

    async def sign_out(self, org: str, user: str) -> CrmTokens | None:
        before, _ = await self._change_one(org, user, signed_out)
        return tokens_in(before)

    async def keep_webhook(self, org: str, user: str, webhook: str) -> None:
        await self._change_one(org, user, lambda facts: with_webhook(facts, webhook))

    async def put_on_list(self, connection: Connection) -> None:
        await self._change_one(connection.org, connection.user, lambda facts: put_on_list(facts, connection))

    async def let_see(self, org: str, sees: Sees | None) -> None:
        await self._change_one(org, CRM_ACCOUNT, lambda facts: let_see(facts, sees))

    async def forget(self, org: str, user: str) -> bool:
        before, _ = await self._change_one(org, user, lambda facts: left_behind(user, facts))
        return is_connection(before)

    async def leaving(self) -> Sequence[Leaving]:
        contents = await self._contents()
        connected = _connected_accounts(contents)
        left = [(org, user, facts[LEAVING]) for org, user, facts in _entries(contents) if LEAVING in facts]
        return tuple(Leaving(org, user, of["gmail_token"]) for org, user, of in left if not connected & of.items())

    async def refuse(self, token: Leaving, address: str) -> bool:
        leaving = account_of(token, address)

        def leave(contents: Contents) -> None:
            if not _connected_accounts(contents) & leaving.items():
                _put(contents, token.org, token.user, refused(_at(contents, token.org, token.user), leaving))

        before, _ = await asyncio.to_thread(self._change, leave)
        return not _connected_accounts(before) & leaving.items()

    async def revoked(self, token: Leaving) -> None:
        await self._change_one(token.org, token.user, lambda facts: without_leaving(facts, token))

    async def _change_one(self, org: str, user: str, change: Callable[[Facts], Facts]) -> tuple[Facts, Facts]:
        """One user's facts before and after."""

        def put(contents: Contents) -> None:
            _put(contents, org, user, change(_at(contents, org, user)))

        before, after = await asyncio.to_thread(self._change, put)
        return _at(before, org, user), _at(after, org, user)

    async def rotate(self) -> bool:
        """Write the file anew with the first key, after which it is read without the others; whether that was to be done."""
        return await asyncio.to_thread(self._rotate)

    async def _contents(self) -> Contents:
        version, contents = self._read
        try:
            return contents if _version(self._file) == version else await asyncio.to_thread(self._read_again)
        except OSError as error:
            raise _failed(error) from None

    def _read_again(self) -> Contents:
        """What is in the file now; remembered together with the version of the file that it was in."""
        try:
            with self._file.open("rb") as file:
                self._read = (_version_of(os.fstat(file.fileno())), self._decrypted(file.read()))
        except FileNotFoundError:
            self._read = (None, {})
        return self._read[1]

    def _change(self, change: Callable[[Contents], None]) -> tuple[Contents, Contents]:
        """Read, change and replace the file, while no other process writes it; what was in it before, and what is now.

        A file that cannot be read stays as it is.
        """
        with self._writing():
            before = self._read_again()
            after: Contents = json.loads(json.dumps(before))
            change(after)
            if after != before:
                self._write(after)
            return before, after

    def _rotate(self) -> bool:
        with self._writing():
            contents = self._read_again()
            if self._is_written_with_the_first_key():
                return False
            self._write(contents)
            return True

    def _is_written_with_the_first_key(self) -> bool:
        """So is a file that is not there."""
        try:
            self._first.decrypt(self._file.read_bytes())
        except FileNotFoundError:
            return True
        except InvalidToken:
            return False
        return True

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One's turn at the file."""
        try:
            with held_still(self._file):
                yield
        except OSError as error:
            raise _failed(error) from None

    def _write(self, contents: Contents) -> None:
        _replace(self._file, self._first.encrypt(json.dumps(contents).encode()))

    def _decrypted(self, content: bytes) -> Contents:
        try:
            contents: Contents = json.loads(self._every.decrypt(_strict_base64(content)))
        except (InvalidToken, ValueError):
            raise BadAnswer(WHO, "its file is damaged, or MAILMAGNET_VAULT_KEY lacks the key it was written with") from None
        return contents


@contextmanager
def held_still(file: Path) -> Iterator[None]:
    """Nobody else writes the vault in this file meanwhile: for one's own turn, for a copy, and for putting a copy in its place.

    Raises TimedOut when others do not end their turn, Unavailable when the file cannot be used.
    """
    with ExitStack() as turn:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            turn.enter_context(_turn(file.with_name(f"{file.name}.lock")))
        except OSError as error:
            raise _failed(error) from None
        yield


def _fernets(keys: str) -> list[Fernet]:
    each = keys.split(",")
    for number, key in enumerate(each, 1):
        which = f"key {number} of {len(each)}" if len(each) > 1 else "the key"
        if not _is_key(key):
            raise BadSetting(
                f"MAILMAGNET_VAULT_KEY: {which} is not one; it should be the 44 characters that `mailmagnet vault-key` prints, "
                "or several such keys with a comma between them and nothing else"
            )
        if key in each[: number - 1]:
            raise BadSetting(
                f"MAILMAGNET_VAULT_KEY: {which} is key {each.index(key) + 1} again; every key should stand there once"
            )
    return [Fernet(key) for key in each]


def _is_key(key: str) -> bool:
    """32 bytes in URL-safe base64."""
    try:
        return bool(re.fullmatch(r"[A-Za-z0-9_-]{43}=", key)) and bool(_strict_base64(key.encode()))
    except ValueError:
        return False


def _strict_base64(text: bytes) -> bytes:
    """The text as it came. Raises ValueError when it is not URL-safe base64 in its one form.

    Fernet itself passes over stray characters, spare bits, and whatever follows the end.
    """
    if base64.urlsafe_b64encode(base64.urlsafe_b64decode(text)) != text:
        raise ValueError("not base64 in its strict form")
    return text


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


def _at(contents: Contents, org: str, user: str) -> Facts:
    return contents.get(org, {}).get(user, {})


def _entries(contents: Contents) -> Iterator[tuple[str, str, Facts]]:
    return ((org, user, facts) for org, users in contents.items() for user, facts in users.items())


def _connected_accounts(contents: Contents) -> frozenset[tuple[str, str]]:
    """The facts of the accounts whose mailboxes are connected, in whatever org."""
    connected = ((user, facts) for _, user, facts in _entries(contents) if facts.get("gmail_token"))
    return frozenset(fact for user, facts in connected for fact in account(user, facts).items())


def _put(contents: Contents, org: str, user: str, facts: Facts) -> None:
    """These facts in place of a user's; without any the user is gone, and with the last user the org."""
    users = contents.setdefault(org, {})
    users[user] = facts
    if not facts:
        del users[user]
    if not users:
        del contents[org]
