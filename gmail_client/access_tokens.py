"""Access tokens of connected mailboxes, for the sidebar: fetched from refresh tokens, and remembered in memory until they expire."""

import asyncio
import time
from dataclasses import dataclass, field
from hashlib import sha256

from gmail_client.answers import Grant
from gmail_client.token_endpoint import exchanged_for
from http_session.session import HttpSession

AT_ONCE = 3
"""Requests for one user. More than 5 at once are refused (https://developers.google.com/workspace/gmail/api/reference/quota), and the
job may be at work on the same mailbox."""
EARLY = 60.0
"""Seconds before its end that an access token is no longer used."""
MOST_GRANTS = 1000
"""Access tokens held in memory at once."""


@dataclass(slots=True)
class Access:
    """One connected mailbox's access token, good until `until` (time.monotonic), and its places in the line."""

    token: str = field(default="", repr=False)
    until: float = 0.0
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    @property
    def idle(self) -> bool:
        return time.monotonic() >= self.until and not self.renewing.locked()


class AccessTokens:
    """Those of one process. `seconds` is the deadline of each call to the token endpoint."""

    def __init__(self, session: HttpSession, client_id: str, client_secret: str, token_url: str, seconds: float) -> None:
        self._session = session
        self._client_id = client_id
        self._client_secret = client_secret
        self._token_url = token_url
        self._seconds = seconds
        self._accesses: dict[str, Access] = {}

    def access(self, gmail_token: str) -> Access:
        """What is remembered for a refresh token: one record for all who ask at once."""
        if len(self._accesses) >= MOST_GRANTS:
            self._accesses = {key: access for key, access in self._accesses.items() if not access.idle}
        return self._accesses.setdefault(sha256(gmail_token.encode()).hexdigest(), Access())

    async def token(self, access: Access, gmail_token: str, refused: str = "") -> str:
        """An access token other than the one that was refused, fetched once however many need it.

        Raises NotAuthorised when the refresh token is good no more, and what Google's token endpoint may come to
        (https://developers.google.com/identity/protocols/oauth2/web-server#offline).
        """
        async with access.renewing:
            if time.monotonic() >= access.until or access.token == refused:
                grant = await self._grant(gmail_token)
                access.token, access.until = grant.access_token, time.monotonic() + grant.expires_in - EARLY
            return access.token

    async def _grant(self, gmail_token: str) -> Grant:
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": gmail_token,
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        return await exchanged_for(Grant, self._session, self._token_url, fields, self._seconds)
