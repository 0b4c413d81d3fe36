"""Access to a CRM with a token that is good: renewed in time, by one for all who ask at once, and kept in the vault."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from weakref import WeakValueDictionary

from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmSignIn, CrmTokens
from mailmagnet.errors import NotAuthorised, RateLimited, Service, Side, SignInNeeded, Unavailable, Upstream
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault

Result = TypeVar("Result")

MARGIN = timedelta(minutes=5)
"""An access token is renewed so long before its end: clocks differ, and calls take their time."""
LEASE = timedelta(seconds=30)
"""How long one process may renew a user's tokens before another does: longer than the calls to the CRM and the vault may take."""
SECONDS_BETWEEN_LOOKS = 0.2
"""How often it is looked whether another process has renewed."""


class Renewal:
    """Renews connections' access tokens. Callers at once renew a connection's once, also in several processes: one at a time has the lease
    that the store keeps, and gives it back when the vault has the new tokens. Some CRMs give a new refresh token with each renewal, and
    some end all tokens of a user for whom it is asked too often."""

    def __init__(self, sign_in: CrmSignIn, vault: Vault, store: Callable[[], Store], now: Callable[[], datetime]) -> None:
        """`store` is asked for when something is renewed: else the sidebar needs none."""
        self._sign_in = sign_in
        self._vault = vault
        self._store = store
        self._now = now
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._under_way: set[asyncio.Task[CrmTokens]] = set()

    @property
    def crm(self) -> Service:
        """The CRM, as errors name it."""
        return Service(Side.CRM, self._sign_in.name)

    def access_of(self, connection: Connection) -> "CrmAccess":
        """A connection's access to the CRM."""
        return CrmAccess(connection, self)

    def has_expired(self, tokens: CrmTokens, margin: timedelta = MARGIN) -> bool:
        """Whether an access token is over, or will be so soon."""
        return tokens.expires_at - margin <= self._now()

    async def renewed(self, org: str, user: str, spent: CrmTokens) -> CrmTokens:
        """Tokens in place of those whose access token is good no more.

        It goes on when its caller gives up: a token that the CRM has given is always kept. Raises SignInNeeded when the user has signed
        out, or in to another CRM, whose tokens are not for this one, or the CRM refuses; and what the CRM and the vault raise.
        """
        renewing = asyncio.create_task(self._in_turn(org, user, spent))
        self._under_way.add(renewing)
        renewing.add_done_callback(self._under_way.discard)
        return await asyncio.shield(renewing)

    async def _in_turn(self, org: str, user: str, spent: CrmTokens) -> CrmTokens:
        turn = self._turns.setdefault((org, user), asyncio.Lock())
        async with turn:
            kept = await self._kept(org, user, spent.crm)
            if self._is_better(kept, spent):
                return kept
            async with self._lease(org, user, spent):
                kept = await self._kept(org, user, spent.crm)
                return kept if self._is_better(kept, spent) else await self._renewed(org, user, kept)

    @asynccontextmanager
    async def _lease(self, org: str, user: str, spent: CrmTokens) -> AsyncIterator[None]:
        """One's turn among processes, or another's renewal, whichever comes first.

        Nobody waits for longer than a lease lasts: its holder has died then, or a clock has gone back.
        """
        store, name, tired = self._store(), f"renewal of {user}", time.monotonic() + LEASE.total_seconds()
        until = self._now() + LEASE
        while not (has_turn := await store.use_once(org, name, until, self._now())) and time.monotonic() < tired:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            if self._is_better(await self._kept(org, user, spent.crm), spent):
                break
            until = self._now() + LEASE
        try:
            yield
        finally:
            if has_turn:
                with suppress(Upstream):  # then it ends by itself: what has come of the renewal is what counts
                    await store.end_use(org, name, until)

    async def _renewed(self, org: str, user: str, kept: CrmTokens) -> CrmTokens:
        try:
            new = await self._sign_in.renewed(kept)
        except NotAuthorised:
            # The user may have signed in anew meanwhile.
            return self._unless_ended(await self._kept(org, user, kept.crm), kept)
        return await self._put(org, user, kept, replace(new, crm=kept.crm))

    async def _kept(self, org: str, user: str, crm: CrmChoice) -> CrmTokens:
        connection = await self._vault.connection(org, user)
        if not connection or not connection.crm:
            raise SignInNeeded(self.crm)
        return self._of(crm, connection.crm)

    def _of(self, crm: CrmChoice, kept: CrmTokens) -> CrmTokens:
        if kept.crm != crm:
            raise SignInNeeded(self.crm, ended=True)
        return kept

    async def _put(self, org: str, user: str, old: CrmTokens, new: CrmTokens) -> CrmTokens:
        try:
            return self._of(old.crm, await self._vault.renew(org, user, old, new))
        except NotAuthorised:
            raise SignInNeeded(self.crm) from None

    def _unless_ended(self, kept: CrmTokens, refused: CrmTokens) -> CrmTokens:
        if not self._is_better(kept, refused):
            raise SignInNeeded(self.crm, ended=True)
        return kept

    def _is_better(self, kept: CrmTokens, spent: CrmTokens) -> bool:
        return kept.access != spent.access and not self.has_expired(kept)


class CrmAccess:
    """What a CRM is asked with, for one connection. `org` and `user` are the connection's verified ids."""

    def __init__(self, connection: Connection, renewal: Renewal) -> None:
        self.org, self.user = connection.org, connection.user
        self._tokens = connection.crm
        self._renewal = renewal

    async def ask(self, call: Callable[[str], Awaitable[Result]]) -> Result:
        """What `call` answers, given an access token. When it raises NotAuthorised, which it does before anything is changed, it is called
        once more with a new token. Raises SignInNeeded, and what `call`, the CRM's sign-in and the vault raise."""
        return await self.ask_as(lambda tokens: call(tokens.access))

    async def ask_as(self, call: Callable[[CrmTokens], Awaitable[Result]]) -> Result:
        """As `ask`, of a CRM that serves each account at an origin of its own: `call` is given the good tokens whole."""
        tokens = await self._good()
        try:
            return await call(tokens)
        except NotAuthorised:
            tokens = await self._renew(tokens)
        try:
            return await call(tokens)
        except NotAuthorised:
            raise SignInNeeded(self._renewal.crm, ended=True) from None

    async def _good(self) -> CrmTokens:
        if self._tokens is None:
            raise SignInNeeded(self._renewal.crm)
        if not self._renewal.has_expired(self._tokens):
            return self._tokens
        try:
            return await self._renew(self._tokens)
        except (Unavailable, RateLimited):
            if self._renewal.has_expired(self._tokens, margin=timedelta()):
                raise
            return self._tokens

    async def _renew(self, spent: CrmTokens) -> CrmTokens:
        self._tokens = await self._renewal.renewed(self.org, self.user, spent)
        return self._tokens
