"""The token with which this service calls Google Cloud: its own, from the metadata server beside it, remembered until it is nearly over."""

import asyncio
import time

from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, Service, Side

WHO = Service(Side.OURS, "Google's metadata server")
SECONDS = 5.0
EARLY = 60.0
"""Seconds before its end that a token is no longer used. The metadata server gives a new one some minutes before that."""


class OwnToken:
    """A fresh OAuth token of this service's account, for everybody in this process.

    https://cloud.google.com/compute/docs/access/authenticate-workloads#applications
    """

    def __init__(self, session: HttpSession, url: str) -> None:
        self._session = session
        self._url = url
        self._token = ""
        self._until = 0.0
        self._fetching = asyncio.Lock()

    async def __call__(self, refused: str = "") -> str:
        """Another one than the token that an API has refused. Raises TimedOut, Unavailable, BadAnswer."""
        async with self._fetching:
            if time.monotonic() >= self._until or self._token == refused:
                self._token, self._until = await self._fetched()
            return self._token

    async def _fetched(self) -> tuple[str, float]:
        answer = await self._session.request(WHO, "GET", self._url, seconds=SECONDS, headers={"Metadata-Flavor": "Google"})
        grant = answer.json()
        try:
            token, seconds = grant["access_token"], float(grant["expires_in"])
        except (KeyError, TypeError, ValueError):
            token, seconds = None, 0.0
        if not isinstance(token, str) or not token:
            raise BadAnswer(WHO, "no access token")
        return token, time.monotonic() + seconds - EARLY
