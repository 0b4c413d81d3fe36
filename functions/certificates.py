"""Google's signing certificates: fetched once for as long as they say, the last good ones kept a day while Google cannot be reached."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate
from pydantic import TypeAdapter

from functions.log import log, problem_facts
from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, Service, Side, Unavailable, Upstream

WHO = Service(Side.OURS, "Google's certificates")
FETCH_SECONDS = 2.0
RETRY_SECONDS = 30.0
"""How long after a fetch the next may be tried: forged key ids cannot make us ask Google at each call. After fetches that failed it
begins at FIRST_RETRY_SECONDS and doubles up to this."""
FIRST_RETRY_SECONDS = 2.0
LONGEST_FRESH_SECONDS = 86_400.0
"""However long Google says that its certificates may be kept."""
LAST_GOOD_SECONDS = 86_400.0
"""How long certificates serve after their freshness has ended, when no new ones can be had."""
FEWEST_BITS = 2048
"""Of an RSA key (https://www.rfc-editor.org/rfc/rfc7518#section-3.3)."""

_pem_by_key_id = TypeAdapter(dict[str, str]).validate_python


@dataclass(frozen=True, slots=True)
class _Certified:
    """A public key, and when its certificate holds."""

    key: RSAPublicKey
    holds_from: datetime
    holds_until: datetime


def _utc() -> datetime:
    return datetime.now(UTC)


class Certificates:
    """The certificates at one address: a JSON object of PEM by key id, read once into their public keys.

    `clock` counts seconds, and measures how long certificates serve; `calendar` is the time against which their own dates are held.
    """

    def __init__(
        self,
        session: HttpSession,
        url: str,
        clock: Callable[[], float] = time.monotonic,
        calendar: Callable[[], datetime] = _utc,
    ) -> None:
        self._session = session
        self._url = url
        self._clock = clock
        self._calendar = calendar
        self._last_good: Mapping[str, _Certified] = {}
        self._fresh_until = float("-inf")
        self._next_try = float("-inf")
        self._wait = FIRST_RETRY_SECONDS
        self._fetching = asyncio.Lock()

    async def key(self, key_id: str) -> RSAPublicKey | None:
        """The public key of this id whose certificate holds now, or None; fetched anew when the certificates have run out or none has
        this id.

        Raises Unavailable or BadAnswer only when there are no earlier ones that may still serve.
        """
        if self._is_due(key_id):
            async with self._fetching:
                if self._is_due(key_id):
                    await self._fetch()
        if not self._may_serve():
            raise Unavailable(WHO, "there are none that may serve, and they were asked for a moment ago")
        certified = self._last_good.get(key_id)
        return certified.key if certified and certified.holds_from <= self._calendar() <= certified.holds_until else None

    async def ready(self) -> None:
        """There are certificates that may serve. Raises Unavailable or BadAnswer when there are none."""
        if not self._may_serve():
            await self.key("")

    def _is_due(self, key_id: str) -> bool:
        """Whether Google is to be asked for the sake of this key id, and may be asked again."""
        now = self._clock()
        return now >= self._next_try and (key_id not in self._last_good or now >= self._fresh_until)

    def _may_serve(self) -> bool:
        return bool(self._last_good) and self._clock() < self._fresh_until + LAST_GOOD_SECONDS

    async def _fetch(self) -> None:
        try:
            answer = await self._session.request(WHO, "GET", self._url, seconds=FETCH_SECONDS)
            if answer.status != 200:  # noqa: PLR2004
                raise BadAnswer(WHO, f"status {answer.status}")
            fetched = _certified(answer.json())
        except (ValueError, UnsupportedAlgorithm):
            return self._fall_back(BadAnswer(WHO, "not certificates of RSA keys by key id"))
        except Upstream as problem:
            return self._fall_back(problem)
        self._last_good, self._wait = fetched, FIRST_RETRY_SECONDS
        self._fresh_until = self._clock() + _max_age(answer.headers.get("Cache-Control", ""))
        self._next_try = self._clock() + RETRY_SECONDS
        return None

    def _fall_back(self, problem: Upstream) -> None:
        self._next_try = self._clock() + self._wait
        self._wait = min(self._wait * 2, RETRY_SECONDS)
        if not self._may_serve():
            raise problem
        log("WARNING", "certificates not renewed", **problem_facts(problem))


def _certified(fetched: Any) -> Mapping[str, _Certified]:
    """Raises ValueError or UnsupportedAlgorithm if these are not certificates, or if none has a long enough RSA key."""
    certificates = {key_id: load_pem_x509_certificate(pem.encode()) for key_id, pem in _pem_by_key_id(fetched).items()}
    keys = {key_id: (certificate, certificate.public_key()) for key_id, certificate in certificates.items()}
    certified = {
        key_id: _Certified(key, certificate.not_valid_before_utc, certificate.not_valid_after_utc)
        for key_id, (certificate, key) in keys.items()
        if isinstance(key, RSAPublicKey) and key.key_size >= FEWEST_BITS
    }
    if not certified:
        raise ValueError("no RSA key that is long enough")
    return certified


def _max_age(cache_control: str) -> float:
    found = re.search(r"max-age=(\d+)", cache_control)
    return min(float(found[1]), LONGEST_FRESH_SECONDS) if found else RETRY_SECONDS
