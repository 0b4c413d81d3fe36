"""Access tokens of connected mailboxes: fetched from refresh tokens, or by the admin's delegation, and remembered in memory until they
expire."""

import asyncio
import time
from dataclasses import dataclass, field
from hashlib import sha256

from gmail_client.answers import Grant
from gmail_client.delegation import Delegation, scopes_of
from gmail_client.token_endpoint import exchanged_for
from http_session.session import HttpSession
from mailmagnet.errors import GrantMissing
from mailmagnet.gmail import GMAIL
from mailmagnet.vault import Connection

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
    """Those of one process. `seconds` is the deadline of each call to the token endpoint; `delegation` None where no admin lets
    MailMagnet in for all."""

    def __init__(
        self,
        session: HttpSession,
        client_id: str,
        client_secret: str,
        token_url: str,
        seconds: float,
        delegation: Delegation | None = None,
    ) -> None:
        self._session = session
        self._client_id = client_id
        self._client_secret = client_secret
        self._token_url = token_url
        self._seconds = seconds
        self._delegation = delegation
        self._accesses: dict[tuple[str, ...], Access] = {}

    def access(self, connection: Connection) -> Access:
        """What is remembered for a user's connection, with just these scopes: one record for all who ask at once."""
        hashed = sha256(connection.gmail_token.encode()).hexdigest()
        key = (connection.org, connection.user, connection.address, hashed, *scopes_of(connection))
        if len(self._accesses) >= MOST_GRANTS:
            self._accesses = {key: access for key, access in self._accesses.items() if not access.idle}
        return self._accesses.setdefault(key, Access())

    async def token(self, access: Access, connection: Connection, refused: str = "") -> str:
        """An access token other than the one that was refused, fetched once however many need it.

        Raises NotAuthorised when the refresh token is good no more, NotDelegated, and what Google's token endpoint may come to
        (https://developers.google.com/identity/protocols/oauth2/web-server#offline).
        """
        async with access.renewing:
            if time.monotonic() >= access.until or access.token == refused:
                grant = await self._grant(connection)
                access.token, access.until = grant.access_token, time.monotonic() + grant.expires_in - EARLY
            return access.token

    async def _grant(self, connection: Connection) -> Grant:
        if not connection.gmail_token:
            if not self._delegation:
                raise GrantMissing(GMAIL, ", ".join(sorted(connection.grants)))
            return await self._delegation.granted(connection)
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": connection.gmail_token,
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        return await exchanged_for(Grant, self._session, self._token_url, fields, self._seconds)
