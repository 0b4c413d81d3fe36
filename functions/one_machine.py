"""All of MailMagnet as one process on one machine: one origin for its functions, the tick each minute, the queue; start and stop."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property, partial
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from functions.boundary import HEADERS, Endpoint, entry_point
from functions.jobs import ticked, work_on
from functions.log import log, log_unforeseen, log_unwaited, problem_facts, where
from functions.wiring import Process
from mailmagnet.errors import BadSetting, MailMagnetError
from mailmagnet.preview import resume_previews
from mailmagnet.take_back import resume_taking_back
from task_queue.in_process import InProcessTasks

SECONDS_FOR_REQUESTS = 10
"""How long requests under way may go on once the process is to end: twice the sidebar's deadline."""
SECONDS_FOR_TASKS = 15.0
"""The same for tasks, after that. A run that is cut off gives its lease back, and the next one finishes it."""

MOST_CONNECTIONS = 500
"""Whoever comes when so many are open is told 503."""
KEEP_ALIVE_SECONDS = 130
"""How long a connection without a request stays open: longer than usual proxies keep theirs, so that it is they who close it."""

METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"]
"""As functions-framework passes them on."""

HEALTH = "/healthz"
"""Answers that the process lives, to anybody."""

Functions = Sequence[tuple[str, str, Endpoint]]
"""Of each its URL, its name, and what answers for it. The URL's path is where it is served; the rest of it is the proxy's matter."""

P = TypeVar("P", bound=Process)


class OneMachineProcess(Process):
    """The product's process with the queue in itself, and the job's work done here."""

    @cached_property
    def tasks(self) -> InProcessTasks:
        return InProcessTasks(partial(work_on, process=self), _log_failed, self.now)


@asynccontextmanager
async def job(process: OneMachineProcess) -> AsyncIterator[None]:
    """The tick each minute and the tasks that it sends, for as long as this lasts."""
    ticking = asyncio.create_task(_tick_each_minute(process))
    try:
        yield
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        await process.tasks.stop(SECONDS_FOR_TASKS)


def run(
    listening: socket.socket,
    make_process: Callable[[], P],
    functions: Functions,
    beside: Callable[[P], AbstractAsyncContextManager[None]],
) -> None:
    """Serve the functions at a listening socket until SIGTERM or SIGINT, with `beside` going on for as long. Does not return after those.

    No header of a proxy's is believed, and nothing is made of the Host header: all URLs are the settings'.
    """
    logging.basicConfig(handlers=[_Lines()], level=logging.WARNING, force=True)
    config = uvicorn.Config(
        application(make_process, functions, beside),
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SECONDS_FOR_REQUESTS,
    )
    uvicorn.Server(config).run(sockets=[listening])


def application(
    make_process: Callable[[], P], functions: Functions, beside: Callable[[P], AbstractAsyncContextManager[None]]
) -> Starlette:
    """The functions below their paths, and nothing else but HEALTH. Raises BadSetting when two have the same path."""
    made: list[P] = []
    entries = {urlsplit(url).path: entry_point(name, lambda: made[0], answer) for url, name, answer in functions}
    if len(entries) < len(functions):
        names = " and ".join(f"MAILMAGNET_{name.upper()}_URL" for _, name, _ in functions)
        raise BadSetting(f"{names} should have a path each, as https://mail.example/addon has: one process serves all")
    longest_first = sorted(entries, key=len, reverse=True)

    async def answered(request: Request) -> Response:
        path = request.scope["path"]
        for prefix in longest_first:
            if path == prefix or path.startswith(f"{prefix}/"):
                below = {**request.scope, "path": path[len(prefix) :] or "/"}
                return await entries[prefix](Request(below, request.receive))
        return Response(status_code=404, headers=HEADERS)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_exception_handler(log_unwaited)
        process = make_process()
        made.append(process)
        try:
            async with beside(process):
                yield
        finally:
            await process.close()

    routes = [Route(HEALTH, _healthy), Route("/{path:path}", answered, methods=METHODS)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok\n", headers=HEADERS)


async def _tick_each_minute(process: OneMachineProcess) -> None:
    # What the job alone needs takes half a second to import: no card waits for it.
    await asyncio.to_thread(import_module, "gmail_client.mailbox")
    await _told(resume_previews(process))
    await _told(resume_taking_back(process))
    while True:
        await _told(ticked(process))
        now = process.now()
        await asyncio.sleep(60 - now.second - now.microsecond / 1_000_000)


async def _told(work: Coroutine[Any, Any, object]) -> None:
    """The work; what becomes of it is logged, and the next minute comes."""
    try:
        await work
    except Exception as error:
        _log_failed(error)


def _log_failed(error: Exception) -> None:
    if isinstance(error, MailMagnetError):
        log("WARNING", "the job failed", **problem_facts(error))
    else:  # nobody foresaw it: its text could hold what came in
        log_unforeseen("the job failed", error)


class _Lines(logging.Handler):
    """What libraries log, as lines of our log: their words alone, never what was put into them, nor an error's text."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        facts = {"error": type(error).__name__, "where": where(error)} if error else {}
        severity = "ERROR" if record.levelno >= logging.ERROR else "WARNING"
        log(severity, str(record.msg).strip(), library=record.name, **facts)  # type: ignore[arg-type]
