"""The trace that a request came in is that of the calls made for it, and nothing else that calls itself one is given on."""

from types import SimpleNamespace
from typing import cast

import pytest
from starlette.requests import Request
from starlette.responses import Response

from functions.boundary import entry_point
from functions.wiring import Process
from http_session.session import traceparent

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("received", "sent_on"),
    [(TRACE, TRACE), ("", ""), ("me", ""), (TRACE + "\r\nX-Other: 1", ""), (TRACE.upper(), ""), ("ff" + TRACE[2:], "")],
)
async def test_of_the_header_only_a_trace_is_given_on(received: str, sent_on: str) -> None:
    async def answer(request: Request, process: Process) -> Response:
        return Response(traceparent.get())

    headers = [(b"traceparent", received.encode())]
    process = cast(Process, SimpleNamespace(settings=SimpleNamespace(firestore_project="")))
    serve = entry_point("traced", lambda: process, answer)
    response = await serve(Request({"type": "http", "method": "POST", "path": "/", "headers": headers}))
    assert response.body == sent_on.encode()
