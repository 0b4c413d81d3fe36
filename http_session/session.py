"""The one HTTP session of a process: every call has a deadline, a size cap and a host on the closed list, and is counted."""

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from http_session.public_addresses import PublicAddresses
from mailmagnet.calls import count_call
from mailmagnet.errors import BadAnswer, BadSetting, Service, TimedOut, Unavailable

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""Answers larger than this are refused unread: none that MailMagnet asks for comes near it, but for a file in a mail."""

traceparent: ContextVar[str] = ContextVar("traceparent", default="")
"""The trace of the request being answered, "" for none: given on with every call made for it (https://www.w3.org/TR/trace-context/)."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer: `who` gave it, its status, headers and whole body."""

    who: Service
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON. Raises BadAnswer if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise BadAnswer(self.who, "the answer is not JSON") from None


class HttpSession:
    """The process's connections to the outside. Made inside a running event loop; `close` it at the end."""

    def __init__(self, origins: Collection[str], *, public: bool = False) -> None:
        """`origins` are the closed list: exact "https://host[:port]" (http only for 127.0.0.1). `public`: a name is called at public
        addresses alone; of an address in `origins` nothing is asked."""
        self._origins = frozenset(origins)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60, resolver=PublicAddresses() if public else None),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
        )
        self.calls: Counter[str] = Counter()

    async def request(
        self,
        who: Service,
        method: str,
        url: str,
        *,
        seconds: float,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | list[tuple[str, str]] | None = None,
        body: bytes | None = None,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> HttpAnswer:
        """One call, counted under the name of `who`, answered within `seconds` by at most so many bytes.

        Redirects are not followed. Raises TimedOut, Unavailable, BadAnswer (too large), BadSetting (host not on the list).
        """
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" not in self._origins:
            raise BadSetting(f"{parts.scheme}://{parts.netloc} is not on the list of hosts that may be called")
        self.calls[who.name] += 1
        count_call(who)
        sent = {**(headers or {}), **({"traceparent": trace} if (trace := traceparent.get()) else {})}
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.request(method, url, headers=sent, params=params, data=body, allow_redirects=False) as answer,
            ):
                return HttpAnswer(who, answer.status, answer.headers, await self._whole(who, answer, most_bytes))
        except TimeoutError:
            raise TimedOut(who, seconds) from None
        except aiohttp.ClientError as error:
            raise Unavailable(who, f"the connection failed ({type(error).__name__})") from error

    async def _whole(self, who: Service, answer: aiohttp.ClientResponse, most: int) -> bytes:
        body = bytearray()
        while len(body) <= most and not answer.content.at_eof():
            body += await answer.content.read(most + 1 - len(body))
        if len(body) > most:
            raise BadAnswer(who, f"the answer is larger than {most // 1024} KB")
        return bytes(body)

    async def close(self) -> None:
        await self._session.close()
