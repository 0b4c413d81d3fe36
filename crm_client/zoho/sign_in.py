"""Signing in to Zoho: the browser goes there, and comes back with a code and the data centre in which its user's account is
(https://www.zoho.com/crm/developer/docs/api/v8/multi-dc.html)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from crm_client.authorization_code import AuthorizationCode, Granted, OAuthClient
from crm_client.fields import text
from crm_client.zoho.addresses import DataCentre, ZohoAddresses
from crm_client.zoho.server import Request, ZohoLine, ZohoServer
from crm_client.zoho.zoho import ZOHO
from http_session.session import HttpSession
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import BadAnswer, NotAuthorised

SCOPES = (
    "ZohoCRM.coql.READ",
    "ZohoCRM.composite_requests.CUSTOM",
    "ZohoCRM.modules.contacts.READ",
    "ZohoCRM.modules.leads.READ",
    "ZohoCRM.modules.accounts.READ",
    "ZohoCRM.modules.deals.READ",
    "ZohoCRM.modules.tasks.READ",
    "ZohoCRM.modules.events.READ",
    "ZohoCRM.modules.calls.READ",
    "ZohoCRM.modules.notes.READ",
    "ZohoCRM.users.READ",
    "ZohoCRM.org.READ",
    "ZohoCRM.settings.profiles.READ",
    "ZohoCRM.settings.layouts.READ",
    "ZohoCRM.settings.pipeline.READ",
    "ZohoCRM.settings.currencies.READ",
)
"""All that is read, and no more: nothing is written."""
LIFE = timedelta(hours=1)
"""An access token's, where Zoho does not say."""
_DEAD = ("invalid_code", "invalid_token", "invalid_grant")
_LIMITED = ("Access Denied", "access_denied")
"""More than ten access tokens of one sign-in in ten minutes."""


class ZohoSignIn:
    """`mailmagnet.crm_sign_in.BrowserSignIn`. Which data centre an account is in only Zoho knows: it says so with the code, and with the
    tokens once more; both are held against the closed list, and against each other."""

    def __init__(
        self,
        server: ZohoServer,
        client: OAuthClient,
        session_of: Callable[[str], HttpSession],
        seconds: float,
        now: Callable[[], datetime],
    ) -> None:
        """`seconds` is what one call may take; `now` is the machine's time."""
        self._server = server
        self._flow = AuthorizationCode(ZOHO, client, session_of, seconds, dead=_DEAD, limited=_LIMITED)
        self._now = now

    @property
    def name(self) -> str:
        return ZOHO.name

    def authorize_url(self, state: str, challenge: str) -> str:
        more = {"access_type": "offline", "prompt": "consent"}
        return self._flow.url(f"{self._addresses.sign_in}/oauth/v2/auth", ",".join(SCOPES), state, challenge, **more)

    async def signed_in(self, answer: Mapping[str, str], verifier: str) -> CrmTokens:
        if "error" in answer:
            raise NotAuthorised(ZOHO, "the consent was not given")
        centre = self._addresses.with_accounts(answer.get("accounts-server", "").rstrip("/"))
        granted = await self._flow.exchanged(f"{centre.accounts}/oauth/v2/token", answer.get("code", ""), verifier)
        async with self._flow.or_ended(lambda: self._end(centre, granted.refresh or granted.access)):
            self._check(centre, granted)
            if not granted.refresh:
                raise BadAnswer(ZOHO, "the sign-in would end after an hour: there is no refresh token")
            line = ZohoLine(self._server, "", centre.api)
            users = (await line.ask(granted.access, Request("GET", "/users", {"type": "CurrentUser"}))).named("users")
            companies = (await line.ask(granted.access, Request("GET", "/org"))).named("org")
            if not users or not text(users[0], "id") or not companies or not text(companies[0], "zgid"):
                raise BadAnswer(ZOHO, "the answer does not say who has signed in, and where")
        name = text(users[0], "full_name") or text(users[0], "email")
        who, company = text(users[0], "id"), text(companies[0], "zgid")
        return CrmTokens(who, name, granted.access, granted.refresh, self._end_of(granted), origin=centre.api, company=company)

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        """A refresh token stays as it is: Zoho gives no other."""
        centre = self._addresses.with_api(tokens.origin)
        granted = await self._flow.renewed(f"{centre.accounts}/oauth/v2/token", tokens.refresh)
        self._check(centre, granted)
        return replace(tokens, access=granted.access, refresh=granted.refresh, expires_at=self._end_of(granted))

    async def sign_out(self, tokens: CrmTokens) -> None:
        await self._end(self._addresses.with_api(tokens.origin), tokens.refresh)

    async def _end(self, centre: DataCentre, token: str) -> None:
        await self._flow.revoke(f"{centre.accounts}/oauth/v2/token/revoke", token)

    def _check(self, centre: DataCentre, granted: Granted) -> None:
        """The API that the tokens are for is the one of the data centre that gave them."""
        if text(granted.answer, "api_domain").rstrip("/") != centre.api:
            raise BadAnswer(ZOHO, "the API is said to be in another data centre")
        self._flow.check_scopes(granted, SCOPES)

    def _end_of(self, granted: Granted) -> datetime:
        return self._now() + (timedelta(seconds=granted.seconds) if granted.seconds else LIFE)

    @property
    def _addresses(self) -> ZohoAddresses:
        return self._server.addresses
