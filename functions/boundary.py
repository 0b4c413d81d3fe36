"""The error boundary of all functions: each error of the tree becomes a status, and one log line with a short reference.

A function whose callers have to hear something else about an error answers it itself.
"""

import re
import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from functions.log import log, new_reference, requester, where
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

_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

Endpoint = Callable[[Request, Process], Awaitable[Response]]


class BodyTooLarge(BadRequest):
    """More than MAX_BODY_BYTES came in."""


def entry_point(name: str, make_process: Callable[[], Process], answer: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """What Google Cloud calls: `answer` behind the boundary. The parts are made at the first call, inside its event loop."""
    made: list[Process] = []

    async def serve(request: Request) -> Response:
        if not made:
            made.append(make_process())
        response = await _bounded(name, answer, request, made[0])
        response.headers.update(HEADERS)
        return response

    serve.__name__ = name
    return serve


async def _bounded(name: str, answer: Endpoint, request: Request, process: Process) -> Response:
    """The answer, and the one line that is logged of it."""
    started = time.perf_counter()
    traceparent.set(_trace_of(request))
    requester.set(None)
    try:
        response = await answer(request, process)
    except MailMagnetError as error:
        reference = new_reference()
        response = _status(error, reference)
        facts = {"error": type(error).__name__, "reason": str(error), "reference": reference}
        log("WARNING", "refused", function=name, status=response.status_code, **facts)
        return response
    except Exception as error:  # the boundary: what nobody foresaw still gets an answer and a line, without its text
        reference = new_reference()
        log("ERROR", "failed", function=name, error=type(error).__name__, where=where(error), reference=reference)
        return JSONResponse({"error": "MailMagnet failed. Try again.", "reference": reference}, 500)
    log("INFO", "answered", function=name, status=response.status_code, ms=round((time.perf_counter() - started) * 1000))
    return response


def _trace_of(request: Request) -> str:
    """The trace that Google's front end, or whoever calls, has put the request in; "" when the header does not name one."""
    trace = request.headers.get("traceparent", "")
    return trace if _TRACE.fullmatch(trace) else ""


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
