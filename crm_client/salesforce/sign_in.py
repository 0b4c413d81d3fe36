"""Signing in to Salesforce: each user in the browser; or nobody, where an administrator has let MailMagnet in by its certificate.

https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_web_server_flow.htm and remoteaccess_oauth_jwt_flow.htm
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import jwt

from crm_client.authorization_code import AuthorizationCode, Granted
from crm_client.fields import Record, inner, text
from crm_client.salesforce import questions
from crm_client.salesforce.addresses import SALESFORCE, SalesforceAddresses
from crm_client.salesforce.records import id_of
from crm_client.salesforce.server import Query, SalesforceServer
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import BadAnswer, NotAuthorised, NotPermitted

SCOPES = "api refresh_token"
SESSION = timedelta(hours=2)
"""How long an access token is taken to be good: Salesforce does not say. It is the default of an organisation's sessions; one that ends
before is refused, and renewed then."""
ASSERTION_SECONDS = 180
"""How long a signed claim is good."""
DEAD = ("invalid_grant", "invalid_token", "unsupported_token_type")
"""What Salesforce says of a code or a token that is good no more, when it is used and when it is ended."""
_IDENTITY = re.compile(r"https?://[^/]+/id/(00D[0-9A-Za-z]{12,15})/(005[0-9A-Za-z]{12,15})")


@dataclass(frozen=True, slots=True)
class _Session:
    """What a code or a claim has given: in which organisation, as which user."""

    organisation_id: str
    user_id: str
    origin: str
    granted: Granted


class SalesforceSignIn:
    """`mailmagnet.crm_sign_in.BrowserSignIn`: each user's own consent, with a refresh token that Salesforce may change at each renewal."""

    def __init__(
        self, addresses: SalesforceAddresses, flow: AuthorizationCode, server: SalesforceServer, now: Callable[[], datetime]
    ) -> None:
        self._addresses = addresses
        self._flow = flow
        self._server = server
        self._now = now

    @property
    def name(self) -> str:
        return SALESFORCE.name

    def authorize_url(self, state: str, challenge: str) -> str:
        return self._flow.url(f"{self._addresses.login}/services/oauth2/authorize", SCOPES, state, challenge)

    async def signed_in(self, answer: Mapping[str, str], verifier: str) -> CrmTokens:
        granted = await self._exchanged(answer, verifier)
        async with self._flow.or_ended(lambda: self._end(granted)):
            consent = self._consent(granted)
            tokens = self._tokens(consent.user_id, "", consent)
            user = await self._one(tokens, questions.user_named(consent.user_id))
            # The id as records have it, of 18 characters: the identity's address may have the first 15 alone.
            return replace(tokens, account=id_of(user), name=text(user, "Name"), company=consent.organisation_id)

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        origin = self._addresses.instance(tokens.origin)
        granted = await self._flow.renewed(f"{origin}/services/oauth2/token", tokens.refresh)
        told = self._addresses.instance(granted.answer.get("instance_url"))
        return replace(tokens, access=granted.access, refresh=granted.refresh, expires_at=self._now() + SESSION, origin=told)

    async def sign_out(self, tokens: CrmTokens) -> None:
        origin = self._addresses.instance(tokens.origin)
        await self._flow.revoke(f"{origin}/services/oauth2/revoke", tokens.refresh)

    async def _exchanged(self, answer: Mapping[str, str], verifier: str) -> Granted:
        return await self._flow.exchanged(f"{self._addresses.login}/services/oauth2/token", answer.get("code", ""), verifier)

    async def _end(self, granted: Granted) -> None:
        await self._flow.revoke(f"{self._addresses.login}/services/oauth2/revoke", granted.refresh or granted.access)

    def _consent(self, granted: Granted) -> _Session:
        """Raises NotPermitted when too little was granted, BadAnswer for an answer that does not say whose it is."""
        self._flow.check_scopes(granted, SCOPES.split())
        if not granted.refresh:
            raise NotPermitted(SALESFORCE, "no refresh token was granted")
        return self._session(granted)

    def _session(self, granted: Granted) -> _Session:
        """Whose it is, from the address of its identity. Raises BadAnswer where that is none, or Salesforce names no place of its own."""
        found = _IDENTITY.fullmatch(str(granted.answer.get("id", "")))
        if not found:
            raise BadAnswer(SALESFORCE, "the answer does not say whose the session is")
        return _Session(found[1], found[2], self._addresses.instance(granted.answer.get("instance_url")), granted)

    def _tokens(self, account: str, name: str, consent: _Session) -> CrmTokens:
        granted = consent.granted
        return CrmTokens(account, name, granted.access, granted.refresh, self._now() + SESSION, origin=consent.origin)

    async def _one(self, tokens: CrmTokens, query: Query) -> Record:
        """The one record that answers. Raises BadAnswer where there is none, and what the server raises."""
        _, (found,) = await self._server.ask(tokens, [], [query])
        if not found.records:
            raise BadAnswer(SALESFORCE, "what every user may see of oneself is not there")
        return found.records[0]


class SalesforceCertificateSignIn(SalesforceSignIn):
    """`mailmagnet.crm_sign_in.AccountSignIn`: an administrator connects once, and each mapped user's session is then asked for by a claim
    that our key signs. No consent is kept: of the account's own link `refresh` is the administrator's user name, which is no secret."""

    def __init__(
        self,
        addresses: SalesforceAddresses,
        flow: AuthorizationCode,
        server: SalesforceServer,
        now: Callable[[], datetime],
        key: str,
    ) -> None:
        """`key` is the PEM of the private key whose certificate the client app in Salesforce has."""
        super().__init__(addresses, flow, server, now)
        self._key = key

    async def signed_in(self, answer: Mapping[str, str], verifier: str) -> CrmTokens:
        granted = await self._exchanged(answer, verifier)
        async with self._flow.or_ended(lambda: self._end(granted)):
            consent = self._consent(granted)
            tokens = self._tokens(consent.organisation_id, "", consent)
            user = await self._one(tokens, questions.administrator_named(consent.user_id))
            if inner(user, "Profile").get("PermissionsModifyAllData") is not True:
                raise NotPermitted(SALESFORCE, "who connects the organisation has to be an administrator of it")
            organisation = await self._one(tokens, questions.ORGANISATION)
        await self._end(granted)
        # Only now: with a consent Salesforce also ends its user's other sessions.
        return await self.renewed(replace(tokens, name=text(organisation, "Name"), refresh=text(user, "Username")))

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        """The account's own link: a new session of its administrator."""
        given = await self._asserted(tokens, tokens.refresh)
        return replace(tokens, access=given.granted.access, expires_at=self._now() + SESSION, origin=given.origin)

    async def sign_out(self, tokens: CrmTokens) -> None:
        origin = self._addresses.instance(tokens.origin)
        await self._flow.revoke(f"{origin}/services/oauth2/revoke", tokens.access)

    async def tokens_for(self, account: CrmTokens, user: CrmTokens) -> CrmTokens:
        """A session of the mapped user. The user's name in Salesforce is asked for: ids stay, names may change."""
        query = questions.user_named(user.account)
        try:
            found = await self._one(account, query)
        except NotAuthorised:
            found = await self._one(await self.renewed(account), query)
        if found.get("IsActive") is not True:
            raise NotPermitted(SALESFORCE, "the mapped user is not active")
        given = await self._asserted(account, text(found, "Username"))
        if given.user_id[:15] != user.account[:15]:
            raise BadAnswer(SALESFORCE, "the session is one of another user")
        return replace(user, access=given.granted.access, expires_at=self._now() + SESSION, origin=given.origin)

    async def _asserted(self, account: CrmTokens, user_name: str) -> _Session:
        """Raises NotPermitted when Salesforce lets MailMagnet not in as this user, BadAnswer for a session of another organisation: the
        certificate is good in all that have approved the client app."""
        origin = self._addresses.instance(account.origin)
        claims = {
            "iss": self._flow.client.client_id,
            "sub": user_name,
            "aud": self._addresses.login,
            "exp": int(self._now().timestamp()) + ASSERTION_SECONDS,
        }
        assertion = jwt.encode(claims, self._key, algorithm="RS256")
        try:
            granted = await self._flow.asserted(f"{origin}/services/oauth2/token", assertion)
        except NotAuthorised:
            raise NotPermitted(SALESFORCE, "MailMagnet is not let in as this user by its certificate") from None
        given = self._session(granted)
        if given.organisation_id[:15] != account.account[:15]:
            raise BadAnswer(SALESFORCE, "the session is one of another organisation")
        return given
