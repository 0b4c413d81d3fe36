"""Google's consent screen: fulfils `mailmagnet.consent.Consent` for the customer's own OAuth client."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from gmail_client.web_client import WebClient
from mailmagnet.consent import Consented, Grant
from mailmagnet.errors import BadAnswer
from mailmagnet.gmail import GMAIL

SCOPES: Mapping[Grant, str] = {
    Grant.READ: "https://www.googleapis.com/auth/gmail.readonly",
    Grant.SORT: "https://www.googleapis.com/auth/gmail.modify",
    Grant.SEND: "https://www.googleapis.com/auth/gmail.compose",
}
"""https://developers.google.com/workspace/gmail/api/auth/scopes"""
WHO_CONSENTS = frozenset({"openid", "email"})
"""The scopes by which Google says which account it was."""

Account = tuple[str, str]
"""A verified `sub` and address."""


@dataclass(frozen=True, slots=True)
class GoogleConsent:
    """`account_of` verifies an id token of this client's, and says whose it is."""

    client: WebClient
    account_of: Callable[[str], Awaitable[Account]]

    def url(self, grants: Collection[Grant], *, state: str, verifier: str, address: str) -> str:
        """https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient; what was granted before stays granted
        (#incrementalAuth), and each time a refresh token is given."""
        return self.client.url(
            {*WHO_CONSENTS, *(SCOPES[grant] for grant in grants)},
            state=state,
            verifier=verifier,
            login_hint=address,
            access_type="offline",
            prompt="consent",
            include_granted_scopes="true",
        )

    async def consented(self, code: str, verifier: str) -> Consented:
        """As mailmagnet.consent.Consent says; also NotPermitted when the client itself is refused, NotVerified and Forbidden for an id
        token that does not hold."""
        granted = await self.client.exchanged(code, verifier)
        if not granted.refresh_token:
            raise BadAnswer(GMAIL, "a consent without a refresh token")
        user, address = await self.account_of(granted.id_token)
        scopes = granted.scope.split()
        return Consented(user, address, frozenset(grant for grant in Grant if SCOPES[grant] in scopes), granted.refresh_token)
