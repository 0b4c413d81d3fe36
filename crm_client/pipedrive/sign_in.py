"""Signing in to Pipedrive: the browser goes there, and Pipedrive tells with its tokens where the user's company is served."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from crm_client.authorization_code import AuthorizationCode, Granted
from crm_client.fields import inner, text
from crm_client.pipedrive.addresses import PIPEDRIVE
from crm_client.pipedrive.records import id_of
from crm_client.pipedrive.server import PipedriveServer
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import BadAnswer

SCOPES = ("base", "contacts:read", "deals:read", "activities:read", "leads:read", "users:read", "search:read")
"""They are set where the app is registered: Pipedrive takes none from the browser, and grants all of the app's or nothing
(https://pipedrive.readme.io/docs/marketplace-scopes-and-permissions-explanations)."""
UNSTATED_LIFE = 3600.0


class PipedriveSignIn:
    """`mailmagnet.crm_sign_in.BrowserSignIn` at Pipedrive. It knows no PKCE: the app's secret alone proves that a code is ours."""

    def __init__(self, flow: AuthorizationCode, server: PipedriveServer, now: Callable[[], datetime]) -> None:
        self._flow = flow
        self._server = server
        self._oauth = server.addresses.oauth
        self._now = now

    @property
    def name(self) -> str:
        return PIPEDRIVE.name

    def authorize_url(self, state: str, _: str) -> str:
        return self._flow.url(f"{self._oauth}/oauth/authorize", " ".join(SCOPES), state, "")

    async def signed_in(self, answer: Mapping[str, str], _: str) -> CrmTokens:
        granted = await self._flow.exchanged(f"{self._oauth}/oauth/token", answer.get("code", ""), "")
        async with self._flow.or_ended(lambda: self._end(granted.refresh)):
            self._flow.check_scopes(granted, SCOPES)
            origin = self._server.addresses.company(granted.answer.get("api_domain"))
            me = inner(await self._server.call(granted.access, origin, "/api/v1/users/me", {}), "data")
            company = id_of(me, "company_id")
            if not (id_of(me) and company):
                raise BadAnswer(PIPEDRIVE, "the answer does not say whose the token is, and where")
            return replace(self._tokens(granted, id_of(me), text(me, "name"), origin), company=company)

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        """The company may have another name since: it is told anew each time."""
        granted = await self._flow.renewed(f"{self._oauth}/oauth/token", tokens.refresh)
        told = granted.answer.get("api_domain")
        origin = self._server.addresses.company(told) if told else tokens.origin
        return self._tokens(granted, tokens.account, tokens.name, origin)

    async def sign_out(self, tokens: CrmTokens) -> None:
        await self._end(tokens.refresh)

    async def _end(self, refresh: str) -> None:
        await self._flow.revoke(f"{self._oauth}/oauth/revoke", refresh)

    def _tokens(self, granted: Granted, account: str, name: str, origin: str) -> CrmTokens:
        life = timedelta(seconds=granted.seconds if granted.seconds is not None else UNSTATED_LIFE)
        return CrmTokens(account, name, granted.access, granted.refresh, self._now() + life, origin=origin)
