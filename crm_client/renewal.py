"""Access to a CRM with a token that is good: renewed in time, by one for all who ask at once, and kept in the vault."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from weakref import WeakValueDictionary

from crm_client.account_links import AccountLinks
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import AccountSignIn, CrmSignIn, CrmTokens, Sees
from mailmagnet.errors import (
    NotAuthorised,
    NotListed,
    RateLimited,
    Service,
    Side,
    SignInNeeded,
    Unavailable,
    Upstream,
)
from mailmagnet.store import Store
from mailmagnet.vault import CRM_ACCOUNT, Connection, Vault

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
        self._links = AccountLinks(sign_in, vault, self.good, now) if isinstance(sign_in, AccountSignIn) else None

    @property
    def crm(self) -> Service:
        """The CRM, as errors name it."""
        return Service(Side.CRM, self._sign_in.name)

    def access_of(self, connection: Connection) -> "CrmAccess":
        """A connection's access to the CRM."""
        return CrmAccess(connection, self, self._links)

    async def good(self, org: str, user: str, tokens: CrmTokens, spent: str = "") -> CrmTokens:
        """These tokens, renewed where they are over or will be so soon, or their access token is `spent`. While the CRM gives no others,
        they serve until their end.

        Raises as `renewed` does.
        """
        if tokens.access == spent:
            return await self.renewed(org, user, tokens)
        if not self.has_expired(tokens):
            return tokens
        try:
            return await self.renewed(org, user, tokens)
        except (Unavailable, RateLimited):
            if self.has_expired(tokens, margin=timedelta()):
                raise
            return tokens

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
        return await self._put(org, user, kept, replace(new, crm=kept.crm, company=kept.company))

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
    """What a CRM is asked with, for one connection. `org` and `user` are the connection's verified ids.

    `listed`: an admin has put the user on the list of those who may use MailMagnet, where the CRM has no permission for it. `is_account`:
    this is the account's own link, by which an admin sees who there is.
    """

    def __init__(self, connection: Connection, renewal: Renewal, links: AccountLinks | None) -> None:
        self.org, self.user = connection.org, connection.user
        self._tokens = connection.crm
        self._renewal = renewal
        self._links = links
        self.is_account = connection.user == CRM_ACCOUNT
        mapped = self._tokens is not None and self._tokens.through_account
        self.listed = connection.listed or mapped or self.is_account

    async def ask(self, call: Callable[[str], Awaitable[Result]]) -> Result:
        """What `call` answers, given an access token. When it raises NotAuthorised, which it does before anything is changed, it is called
        once more with a new token.

        Raises SignInNeeded, NotListed where users are let in through the account and this one is not, and what `call`, the CRM's sign-in
        and the vault raise.
        """
        return await self.ask_as(lambda tokens: call(tokens.access))

    async def ask_as(self, call: Callable[[CrmTokens], Awaitable[Result]]) -> Result:
        """As `ask`, of a CRM that serves each account at an origin of its own: `call` is given the good tokens whole."""
        tokens = await self._good()
        try:
            return await call(tokens)
        except NotAuthorised:
            tokens = await self._good(spent=tokens.access)
        try:
            return await call(tokens)
        except NotAuthorised:
            raise SignInNeeded(self._renewal.crm, ended=True) from None

    async def sees(self) -> Sees:
        """What an admin lets this user see by the account's link. Raises SignInNeeded, NotListed, and what the vault raises."""
        if not self._links or not self._tokens or not self._tokens.through_account:
            raise NotListed(self._renewal.crm, "the user is not mapped to a CRM user")
        return await self._links.sees(self.org, self._tokens)

    def check_listed(self) -> None:
        """Raises NotListed."""
        if not self.listed:
            raise NotListed(self._renewal.crm, "the user is not on the admin's list")

    async def _good(self, spent: str = "") -> CrmTokens:
        """Tokens that are good, with another access token than the one that is `spent`."""
        if self._tokens is None:
            if self._links:
                raise NotListed(self._renewal.crm, "the user is not mapped to a CRM user")
            raise SignInNeeded(self._renewal.crm)
        if not self._tokens.through_account:
            self._tokens = await self._renewal.good(self.org, self.user, self._tokens, spent)
            return self._tokens
        if not self._links:
            raise SignInNeeded(self._renewal.crm, ended=True)
        return await self._links.tokens_for(self.org, self._tokens, spent)
