"""The customer's own OAuth web client at Google: where a browser is sent to sign in or consent, and what its code stands for.

https://developers.google.com/identity/protocols/oauth2/web-server, https://developers.google.com/identity/openid-connect/openid-connect
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlencode

from pydantic import Field

from gmail_client.answers import Grant
from gmail_client.token_endpoint import exchanged_for
from http_session.pkce import challenge_of
from http_session.session import HttpSession


class CodeGrant(Grant):
    """What a code was exchanged for; `scope` is all that the account grants this client, space separated."""

    id_token: str = Field("", repr=False)
    refresh_token: str = Field("", repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True)
class WebClient:
    """One OAuth client with one redirect URI. `seconds` is the deadline of a call."""

    session: HttpSession
    authorize_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    seconds: float

    def url(self, scopes: Collection[str], *, state: str, verifier: str, **more: str) -> str:
        """Where the browser is sent, to come back with a code for these scopes. `verifier` is PKCE's (RFC 7636, S256)."""
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(sorted(scopes)),
            "state": state,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
            **more,
        }
        return f"{self.authorize_url}?{urlencode(asked)}"

    async def exchanged(self, code: str, verifier: str) -> CodeGrant:
        """What the code stands for. Raises NotAuthorised when it is spent, or another verifier's; RateLimited, NotPermitted (the
        client is refused), Unavailable, BadAnswer."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        return await exchanged_for(CodeGrant, self.session, self.token_url, fields, self.seconds)
