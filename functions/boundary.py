"""The error boundary of all functions: each error of the tree becomes a status, and one log line with a short reference.

A function whose callers have to hear something else about an error answers it itself.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.log import log, log_unforeseen, log_unwaited, new_reference, problem_facts, requester, trace, trace_fields
from functions.wiring import Process
from http_session.session import traceparent
from mailmagnet.errors import (
    BadRequest,
    Forbidden,
    LeaseLost,
    LeaseTaken,
    MailMagnetError,
    NotVerified,
    RateLimited,
    Upstream,
)

MAX_BODY_BYTES = 1024 * 1024
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
"""Of every answer, whatever it is."""

HEALTH = frozenset({"/health", "/healthz"})
"""Paths that tell whoever asks that this function runs, and nothing more. On Cloud Run it is /health: some paths that end in z are
Google's own and never come here (https://cloud.google.com/run/docs/known-issues#ah)."""

_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_CLOUD_TRACE = re.compile(r"([0-9a-f]{32})/([0-9]{1,20})(?:;o=([01]))?")
_LARGEST_SPAN = 2**64 - 1

Endpoint = Callable[[Request, Process], Awaitable[Response]]


class BodyTooLarge(BadRequest):
    """More than MAX_BODY_BYTES came in."""


def entry_point(name: str, make_process: Callable[[], Process], answer: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """What Google Cloud calls: `answer` behind the boundary. The parts are made at the first call, inside its event loop."""
    made: list[Process] = []

    async def serve(request: Request) -> Response:
        response = _healthy() if _asks_for_health(request) else await _bounded(name, answer, request, the_process())
        response.headers.update(HEADERS)
        return response

    def the_process() -> Process:
        if not made:
            asyncio.get_running_loop().set_exception_handler(log_unwaited)
            made.append(make_process())
        return made[0]

    serve.__name__ = name
    return serve


def _asks_for_health(request: Request) -> bool:
    return request.url.path in HEALTH and request.method in {"GET", "HEAD"}


def _healthy() -> Response:
    """It starts nothing, calls nobody, and is not logged: who watches asks every few seconds."""
    return Response("OK\n", media_type="text/plain")


async def _bounded(name: str, answer: Endpoint, request: Request, process: Process) -> Response:
    """The answer, and the one line that is logged of it."""
    started = time.perf_counter()
    traceparent.set(received := _trace_of(request))
    trace.set(trace_fields(received, process.settings.firestore_project))
    requester.set(None)
    try:
        response = await answer(request, process)
    except MailMagnetError as error:
        reference = new_reference()
        response = _status(error, reference)
        facts: dict[str, str | int] = {"status": response.status_code, "ms": _ms_since(started), "reference": reference}
        log("WARNING", "refused", function=name, **facts, **problem_facts(error))
        return response
    except Exception as error:  # the boundary: what nobody foresaw still gets an answer and a line, without its text
        reference = new_reference()
        log_unforeseen("failed", error, function=name, status=500, ms=_ms_since(started), reference=reference)
        return JSONResponse({"error": "MailMagnet failed. Try again.", "reference": reference}, 500)
    log("INFO", "answered", function=name, status=response.status_code, ms=_ms_since(started))
    return response


def _ms_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def _trace_of(request: Request) -> str:
    """The trace that Google's front end, or whoever calls, has put the request in, as a traceparent; "" when no header names one.

    https://www.w3.org/TR/trace-context/, and Google's own: https://cloud.google.com/trace/docs/trace-context#legacy-http-header
    """
    standard = request.headers.get("traceparent", "")
    if _TRACE.fullmatch(standard):
        return standard
    googles = _CLOUD_TRACE.fullmatch(request.headers.get("x-cloud-trace-context", ""))
    if not googles or not 0 < (span := int(googles[2])) <= _LARGEST_SPAN:
        return ""
    return f"00-{googles[1]}-{span:016x}-{'01' if googles[3] == '1' else '00'}"


async def body_of(request: Request) -> bytes:
    """The whole body. Raises BodyTooLarge, having read no more than MAX_BODY_BYTES."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"the body is larger than {MAX_BODY_BYTES // 1024} KB")
    return body


def _status(error: MailMagnetError, reference: str) -> Response:
    match error:
        case NotVerified():
            return Response(status_code=401)
        case Forbidden():
            return Response(status_code=403)
        case BodyTooLarge():
            status = 413
        case BadRequest():
            status = 400
        case LeaseTaken() | LeaseLost():
            status = 409
        case RateLimited():
            status = 429
        case Upstream():
            status = 503
        case _:
            status = 500
    headers = {"Retry-After": str(max(1, round(error.retry_after)))} if isinstance(error, RateLimited) else {}
    return JSONResponse({"error": str(error), "reference": reference}, status, headers)
