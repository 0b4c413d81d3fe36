"""Google's signing certificates: fetched once for as long as they say, the last good ones kept while Google cannot be reached."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate
from pydantic import TypeAdapter

from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, Upstream

WHO = "Google's certificates"
FETCH_SECONDS = 2.0
RETRY_SECONDS = 30.0
"""How long after a fetch the next may be tried: forged key ids cannot make us ask Google at each call."""

_pem_by_key_id = TypeAdapter(dict[str, str]).validate_python


class Certificates:
    """The certificates at one address: a JSON object of PEM by key id, read once into their public keys."""

    def __init__(self, session: HttpSession, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._url = url
        self._clock = clock
        self._last_good: Mapping[str, RSAPublicKey] = {}
        self._fresh_until = 0.0
        self._next_try = 0.0
        self._fetching = asyncio.Lock()

    async def key(self, key_id: str) -> RSAPublicKey | None:
        """The public key of this id, or None; fetched anew when the certificates have run out or none has this id.

        Raises Unavailable or BadAnswer only when there are no earlier ones to fall back to.
        """
        if not self._good_for(key_id):
            async with self._fetching:
                if not self._good_for(key_id):
                    await self._fetch()
        return self._last_good.get(key_id)

    def _good_for(self, key_id: str) -> bool:
        now = self._clock()
        waiting = bool(self._last_good) and now < self._next_try
        return waiting or (key_id in self._last_good and now < self._fresh_until)

    async def _fetch(self) -> None:
        self._next_try = self._clock() + RETRY_SECONDS
        try:
            answer = await self._session.request(WHO, "GET", self._url, seconds=FETCH_SECONDS)
            if answer.status != 200:  # noqa: PLR2004
                raise BadAnswer(WHO, f"status {answer.status}")
            fetched = _public_keys(answer.json())
        except ValueError:
            return self._fall_back(BadAnswer(WHO, "not certificates by key id"))
        except Upstream as problem:
            return self._fall_back(problem)
        self._last_good = fetched
        self._fresh_until = self._clock() + _max_age(answer.headers.get("Cache-Control", ""))
        return None

    def _fall_back(self, problem: Upstream) -> None:
        if not self._last_good:
            raise problem


def _public_keys(told: Any) -> Mapping[str, RSAPublicKey]:
    """Raises ValueError for what are no certificates of RSA keys."""
    keys = {key_id: load_pem_x509_certificate(pem.encode()).public_key() for key_id, pem in _pem_by_key_id(told).items()}
    return {key_id: key for key_id, key in keys.items() if isinstance(key, RSAPublicKey)}


def _max_age(cache_control: str) -> float:
    found = re.search(r"max-age=(\d+)", cache_control)
    return float(found[1]) if found else RETRY_SECONDS
