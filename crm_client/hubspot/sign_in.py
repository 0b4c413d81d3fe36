"""Connecting an organisation's HubSpot account: a super admin lets MailMagnet in, once and for all its users.

https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/oauth/working-with-oauth,
https://developers.hubspot.com/docs/api-reference/2026-03/authentication/oauth-tokens
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from crm_client.authorization_code import AuthorizationCode, Granted
from crm_client.fields import inner_all, text
from crm_client.hubspot.addresses import HUBSPOT
from crm_client.hubspot.questions import MOST_PAGES, MOST_USERS_A_PAGE, USERS, id_of, next_of
from crm_client.hubspot.records import super_admins_of
from crm_client.hubspot.server import OAUTH_VERSION, HubSpotServer
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import NotPermitted

SCOPES = (
    "oauth",
    "crm.objects.companies.read",
    "crm.objects.contacts.read",
    "crm.objects.deals.read",
    "crm.objects.owners.read",
    "settings.currencies.read",
    "settings.users.read",
)
"""What the app has to be given: reading alone."""
TOKEN_SECONDS = 30 * 60
"""An access token's life, where HubSpot does not say."""


class HubSpotSignIn:
    """`mailmagnet.crm_sign_in.AccountSignIn` of HubSpot: its tokens see the whole account, so that all users are answered with them."""

    def __init__(self, flow: AuthorizationCode, server: HubSpotServer, now: Callable[[], datetime]) -> None:
        self._flow = flow
        self._server = server
        self._addresses = server.addresses
        self._now = now

    @property
    def name(self) -> str:
        return HUBSPOT.name

    def authorize_url(self, state: str, challenge: str) -> str:
        return self._flow.url(f"{self._addresses.app}/oauth/authorize", " ".join(SCOPES), state, challenge)

    async def signed_in(self, answer: Mapping[str, str], verifier: str) -> CrmTokens:
        """The account's own link; NotPermitted for who is no super admin of it."""
        granted = await self._flow.exchanged(self._token_url, answer.get("code", ""), verifier)
        async with self._flow.or_ended(partial(self._end, granted.refresh or granted.access)):
            self._flow.check_scopes(granted, SCOPES)
            about = await self._server.about_token(self._flow.client, granted.access)
            await self._check_super_admin(granted.access, id_of(about, "user_id"))
            account = id_of(about, "hub_id")
            return self._tokens(granted, account, text(about, "hub_domain") or f"HubSpot {account}")

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        granted = await self._flow.renewed(self._token_url, tokens.refresh)
        return self._tokens(granted, tokens.account, tokens.name)

    async def sign_out(self, tokens: CrmTokens) -> None:
        await self._end(tokens.refresh)

    async def tokens_for(self, account: CrmTokens, user: CrmTokens) -> CrmTokens:
        """The account's own: HubSpot gives none for one of its users."""
        return account

    async def _check_super_admin(self, access: str, user: str) -> None:
        """HubSpot lets others connect an app too, who may not see all that its token sees."""
        after: Mapping[str, str] = {}
        for _ in range(MOST_PAGES):
            page = await self._server.get("", access, USERS, {"limit": str(MOST_USERS_A_PAGE), **after})
            if user in super_admins_of(inner_all(page, "results")):
                return
            after = {"after": cursor} if (cursor := next_of(page)) else {}
            if not after:
                break
        raise NotPermitted(HUBSPOT, "whoever connected it is no super admin of the account")

    def _tokens(self, granted: Granted, account: str, name: str) -> CrmTokens:
        ends = self._now() + timedelta(seconds=granted.seconds or TOKEN_SECONDS)
        return CrmTokens(account, name, granted.access, granted.refresh, ends)

    async def _end(self, token: str) -> None:
        client = self._flow.client
        hint = {"token_type_hint": "refresh_token"}
        about_us = {"client_id": client.client_id, "client_secret": client.client_secret, **hint}
        await self._flow.revoke(f"{self._token_url}/revoke", token, **about_us)

    @property
    def _token_url(self) -> str:
        return f"{self._addresses.api}/oauth/{OAUTH_VERSION}/token"
