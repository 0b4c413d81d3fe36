"""Google's signing certificates: fetched once for as long as they say, the last good ones kept while Google cannot be reached."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping

from pydantic import TypeAdapter, ValidationError

from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, Upstream

WHO = "Google's certificates"
FETCH_SECONDS = 2.0
RETRY_SECONDS = 30.0
"""How long after a fetch the next may be tried: forged key ids cannot make us ask Google at each call."""

_PEM_BY_KEY_ID = TypeAdapter(dict[str, str])


class Certificates:
    """The certificates at one address, by key id, as PEM."""

    def __init__(self, session: HttpSession, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._url = url
        self._clock = clock
        self._last_good: Mapping[str, str] = {}
        self._fresh_until = 0.0
        self._next_try = 0.0
        self._fetching = asyncio.Lock()

    async def for_key(self, key_id: str) -> Mapping[str, str]:
        """The certificates, fetched anew when they have run out or none is known for `key_id`.

        Raises Unavailable or BadAnswer only when there are no earlier ones to fall back to.
        """
        if not self._good_for(key_id):
            async with self._fetching:
                if not self._good_for(key_id):
                    await self._fetch()
        return self._last_good

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
            fetched = _PEM_BY_KEY_ID.validate_python(answer.json())
        except ValidationError:
            return self._fall_back(BadAnswer(WHO, "not certificates by key id"))
        except Upstream as problem:
            return self._fall_back(problem)
        self._last_good = fetched
        self._fresh_until = self._clock() + _max_age(answer.headers.get("Cache-Control", ""))
        return None

    def _fall_back(self, problem: Upstream) -> None:
        if not self._last_good:
            raise problem


def _max_age(cache_control: str) -> float:
    found = re.search(r"max-age=(\d+)", cache_control)
    return float(found[1]) if found else RETRY_SECONDS
