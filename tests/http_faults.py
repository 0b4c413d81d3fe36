"""What goes wrong between a client and an upstream over HTTP: a server that stands between the two and does it on request.

Each fault is a function that answers one call. Those here are what any upstream does; a vendor's own refusals are made with `answering`.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from typing import Any

import aiohttp
from aiohttp import web

Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]

HTML_PAGE = b"<!doctype html><html><head><title>Maintenance</title></head><body>Back soon</body></html>"
TEN_MB = 10_000_000
BOMB_BYTES = 100 * 1024 * 1024
"""What a gzip bomb is when it is unpacked."""
FOR_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect", "content-length"}
"""Headers that are about one connection, and are not handed on."""


def answering(status: int, body: bytes | str = b"", headers: Mapping[str, str] | None = None) -> Fault:
    """An answer of these words. It says that it is JSON where the headers do not say otherwise."""
    sent = body.encode() if isinstance(body, str) else body

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=sent, headers={"Content-Type": "application/json", **(headers or {})})

    return answer


def html(status: int) -> Fault:
    """A page in place of JSON, as a proxy in between answers."""
    return answering(status, HTML_PAGE, {"Content-Type": "text/html; charset=utf-8"})


def rate_limited(retry_after: str | None = None) -> Fault:
    """429, and when to come back."""
    return answering(429, b"{}", {"Retry-After": retry_after} if retry_after is not None else {})


def http_date(seconds_from_now: float) -> str:
    """A moment as Retry-After may have it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds_from_now), usegmt=True)


def redirect(to: str, status: int = 302) -> Fault:
    """The way to another host, with the path and the question that were asked."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": f"{to}{request.raw_path}"})

    return answer


def slow(seconds: float) -> Fault:
    """Nothing for so long, then an empty answer."""

    async def answer(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.json_response({})

    return answer


def dripping(seconds: float) -> Fault:
    """Headers at once, then a byte now and then for so long."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for _ in range(int(seconds * 20)):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    return answer


async def cut_off(request: web.Request) -> web.StreamResponse:
    """The beginning of an answer, and the end of the connection where more was promised."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"records": [{"id": ')
    _connection_of(request).close()
    return response


async def half(_: web.Request) -> web.StreamResponse:
    """The beginning of an answer, as if it were the whole."""
    return web.Response(body=b'{"records": [{"id": ', content_type="application/json")


async def ten_megabytes(_: web.Request) -> web.StreamResponse:
    """JSON, and far too much of it."""
    return web.Response(body=b'{"data": ["' + b"x" * TEN_MB + b'"]}', content_type="application/json")


async def gzip_bomb(_: web.Request) -> web.StreamResponse:
    """A small answer that is a huge one when it is unpacked."""
    return web.Response(body=_bomb(), headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})


async def no_gzip(_: web.Request) -> web.StreamResponse:
    """An answer that says it is packed, and is not."""
    return web.Response(body=b'{"data": []}', headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})


async def closed(request: web.Request) -> web.StreamResponse:
    """The end of the connection, without a word."""
    _connection_of(request).close()
    return web.Response()


async def deep_json(_: web.Request) -> web.StreamResponse:
    """JSON too deep to be read."""
    return web.Response(body=b"[" * 100_000 + b"]" * 100_000, content_type="application/json")


@cache
def _bomb() -> bytes:
    """One stream, for what follows a stream's end need not be unpacked."""
    packer, zeros = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16), b"0" * (1024 * 1024)
    packed = b"".join(packer.compress(zeros) for _ in range(BOMB_BYTES // len(zeros)))
    return packer.compress(b'"') + packed + packer.flush()


def _connection_of(request: web.Request) -> asyncio.Transport:
    if request.transport is None:
        raise ConnectionResetError
    return request.transport


@dataclass(frozen=True, slots=True)
class Asked:
    """One call that came in."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def holds(self, secret: str) -> bool:
        """Whether a secret stands anywhere in it."""
        return any(secret in text for text in (self.path, *self.headers, *self.headers.values(), self.body.decode("latin-1")))


class HttpFaults:
    """The server at `origin`: what it is asked goes on to `upstream`, unless something is to happen to it.

    Where there is no upstream, each call is answered 200 with an empty JSON object. `asked` is all that came, in its order.
    """

    def __init__(self, upstream: str = "") -> None:
        """`upstream` is the origin of the server behind it."""
        self.upstream = upstream
        self.origin = ""
        self.asked: list[Asked] = []
        self.latency_seconds = 0.0
        self._always: Fault | None = None
        self._at: dict[int, Fault] = {}
        self._client: aiohttp.ClientSession | None = None

    def happen(self, fault: Fault, call: int | None = None) -> None:
        """From now on a fault happens to the nth call to come, the first being 1, or to all."""
        if call is None:
            self._always = fault
        else:
            self._at[len(self.asked) + call] = fault

    def mend(self) -> None:
        """Nothing happens any more, and what was asked is forgotten."""
        self._always, self._at, self.latency_seconds = None, {}, 0.0
        self.asked.clear()

    async def hand_on(self, request: web.Request) -> web.StreamResponse:
        """The upstream's own answer."""
        if not self.upstream:
            return web.json_response({})
        if self._client is None:
            self._client = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        async with self._client.request(
            request.method,
            f"{self.upstream}{request.raw_path}",
            headers=_handed_on(request.headers),
            data=await request.read(),
            allow_redirects=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
        ) as answer:
            return web.Response(status=answer.status, headers=_handed_on(answer.headers), body=await answer.read())

    async def lose_answer(self, request: web.Request) -> web.StreamResponse:
        """A fault: the upstream does what was asked, and its answer is lost."""
        await self.hand_on(request)
        return await closed(request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(Asked(request.method, request.raw_path, dict(request.headers), await request.read()))
        fault = self._at.get(len(self.asked), self._always)
        await asyncio.sleep(self.latency_seconds)
        return await (fault(request) if fault else self.hand_on(request))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["HttpFaults"]:
        """While it lasts it is served, at a free port of this machine."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.origin = f"http://{host}:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()
            if self._client:
                await self._client.close()


def _handed_on(headers: Mapping[str, Any]) -> aiohttp.typedefs.LooseHeaders:
    """All headers, also those that come twice, but for those about one connection."""
    return [(name, value) for name, value in headers.items() if name.lower() not in FOR_THE_CONNECTION]
