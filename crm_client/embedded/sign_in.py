"""The embedded CRM's sign-in: a user name and a password in, a session for one Google account out."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from crm_client.embedded import passwords, sessions
from crm_client.embedded.access import is_let_in
from crm_client.embedded.database import CRM, reading, writing
from crm_client.embedded.tries import count_try, take_back_try
from mailmagnet.addresses import MAX_ADDRESS, canonical, is_address
from mailmagnet.crm_sign_in import CrmTokens, SignInField
from mailmagnet.errors import NotAuthorised

USER_NAME, PASSWORD = "user_name", "password"
FIELDS = (SignInField(USER_NAME, "User name"), SignInField(PASSWORD, "Password", secret=True))

AT_ONCE = 2
"""Passwords that one process checks at once: each takes memory."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a typed user name; `user_id` "" for one that nobody may sign in with."""

    user_id: str
    hash: str


class EmbeddedSignIn:
    """`mailmagnet.crm_sign_in.TypedSignIn` of the embedded CRM. A user's name is the user's address in the CRM."""

    def __init__(self, database: Path, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._places = asyncio.Semaphore(AT_ONCE)
        self._nobody = passwords.hash_of_nobody()

    @property
    def name(self) -> str:
        return CRM.name

    @property
    def fields(self) -> Sequence[SignInField]:
        return FIELDS

    async def sign_in(self, org: str, user: str, typed: Mapping[str, str]) -> CrmTokens:
        """As the protocol says. Whatever is wrong, a password's hash is checked, so that the answer takes as long."""
        user_name, password = _user_name(typed.get(USER_NAME, "")), typed.get(PASSWORD, "")
        await asyncio.to_thread(self._count_try, user_name, org, user)
        known = await asyncio.to_thread(self._known, user_name, org, user)
        async with self._places:
            right = await asyncio.to_thread(passwords.is_right, password, known.hash)
            if not (right and known.user_id):
                raise _wrong()
            better = "" if passwords.is_of_today(known.hash) else await asyncio.to_thread(passwords.hash_of, password)
        return await asyncio.to_thread(self._begin, known, better, user_name, org, user)

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        return await asyncio.to_thread(self._renewed, tokens)

    async def sign_out(self, tokens: CrmTokens) -> None:
        await asyncio.to_thread(self._sign_out, tokens)

    def _count_try(self, user_name: str, org: str, user: str) -> None:
        with writing(self._database) as connection:
            count_try(connection, user_name, org, user, self._now())

    def _known(self, user_name: str, org: str, user: str) -> _Known:
        with reading(self._database) as connection:
            kept = _hash_of(connection, user_name)
            return kept if kept and is_let_in(connection, org, user) else _Known("", self._nobody)

    def _begin(self, known: _Known, better: str, user_name: str, org: str, user: str) -> CrmTokens:
        with writing(self._database) as connection:
            if _hash_of(connection, user_name) != known:
                raise _wrong()
            if better:
                connection.execute("UPDATE passwords SET hash = ? WHERE user_id = ?", (better, known.user_id))
            take_back_try(connection, user_name, org, user)
            return sessions.begin(connection, known.user_id, org, user, self._now())

    def _renewed(self, tokens: CrmTokens) -> CrmTokens:
        with writing(self._database) as connection:
            return sessions.renewed(connection, tokens, self._now())

    def _sign_out(self, tokens: CrmTokens) -> None:
        with writing(self._database) as connection:
            sessions.end(connection, tokens.refresh)


def _hash_of(connection: sqlite3.Connection, user_name: str) -> _Known | None:
    row = connection.execute(
        "SELECT user_id, hash FROM passwords JOIN users ON users.id = user_id WHERE email = ? AND active", (user_name,)
    ).fetchone()
    return _Known(row["user_id"], row["hash"]) if row else None


def _user_name(typed: str) -> str:
    """The canonical address, or "" for what is none."""
    address = canonical(typed) if len(typed) <= MAX_ADDRESS else ""
    return address if is_address(address) else ""


def _wrong() -> NotAuthorised:
    return NotAuthorised(CRM, "the user name or the password is wrong")
