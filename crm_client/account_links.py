"""Users whom an admin lets in through a CRM account's one link: the tokens by which each one's questions are asked, and what each sees."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from crm_client.memory import Memory
from mailmagnet.crm_sign_in import AccountSignIn, CrmTokens, Sees
from mailmagnet.errors import NotListed, Service, Side, SignInNeeded
from mailmagnet.vault import CRM_ACCOUNT, Connection, Vault

SECONDS_OF_LINKS = 60
"""So long it is remembered how an account is linked, and what users see by it: what an admin changes there holds within that time."""
SECONDS_OF_TOKENS = 600
"""So long users' own tokens that an account's link has given are remembered. They are kept nowhere."""
MOST_LINKS, MOST_USERS = 1_000, 10_000


class Good(Protocol):
    """`crm_client.renewal.Renewal.good`."""

    def __call__(self, org: str, user: str, tokens: CrmTokens, spent: str = "") -> Coroutine[Any, Any, CrmTokens]: ...


class AccountLinks:
    """The links of one CRM, of as many organisations as have one."""

    def __init__(self, sign_in: AccountSignIn, vault: Vault, good: Good, now: Callable[[], datetime]) -> None:
        self._sign_in = sign_in
        self._vault = vault
        self._good = good
        self._now = now
        self._links: Memory[str, Connection] = Memory(SECONDS_OF_LINKS, MOST_LINKS)
        self._tokens: Memory[tuple[str, str, str], CrmTokens] = Memory(SECONDS_OF_TOKENS, MOST_USERS)

    async def tokens_for(self, org: str, user: CrmTokens, spent: str = "") -> CrmTokens:
        """What a mapped user's questions are asked with, with another access token than the one that is `spent`.

        Raises NotListed where the user was let in through another account, or no admin has said yet what users see; SignInNeeded where
        no account is linked any more; and what the CRM's sign-in and the vault raise.
        """
        connection = await self._link(org)
        link = await self._good_link(org, connection, user, spent)
        key = (org, user.account, link.access)
        tokens = await self._tokens.get(key, partial(self._sign_in.tokens_for, link, user))
        if tokens.access == spent or tokens.expires_at <= self._now():
            self._tokens.forget(key)
            tokens = await self._tokens.get(key, partial(self._sign_in.tokens_for, link, user))
        if tokens.access == link.access:
            self._sees(connection)
        return tokens

    async def sees(self, org: str, user: CrmTokens) -> Sees:
        """What users see by the account's own token. Raises as `tokens_for` does."""
        connection = await self._link(org)
        self._check_same(connection.crm, user)
        return self._sees(connection)

    async def _link(self, org: str) -> Connection:
        return await self._links.get(org, partial(self._kept, org))

    async def _kept(self, org: str) -> Connection:
        """Raises SignInNeeded: that none is linked is not remembered."""
        connection = await self._vault.connection(org, CRM_ACCOUNT)
        if not connection or not connection.crm:
            raise SignInNeeded(self._crm, ended=True)
        return connection

    async def _good_link(self, org: str, connection: Connection, user: CrmTokens, spent: str) -> CrmTokens:
        """The link's own tokens, good ones. While they were renewed another account may have been linked."""
        known = self._check_same(connection.crm, user)
        try:
            link = await self._good(org, CRM_ACCOUNT, known, spent)
        except SignInNeeded:
            self._links.forget(org)
            raise SignInNeeded(self._crm, ended=True) from None
        if link != known:
            self._links.forget(org)
        return self._check_same(link, user)

    def _check_same(self, link: CrmTokens | None, user: CrmTokens) -> CrmTokens:
        if not link or link.crm != user.crm:
            raise SignInNeeded(self._crm, ended=True)
        if link.account != user.through:
            raise NotListed(self._crm, "the user was let in through another account")
        return link

    def _sees(self, connection: Connection) -> Sees:
        if connection.sees is None:
            self._links.forget(connection.org)
            raise NotListed(self._crm, "no admin has said yet what users see")
        return connection.sees

    @property
    def _crm(self) -> Service:
        return Service(Side.CRM, self._sign_in.name)
