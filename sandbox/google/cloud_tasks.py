"""Cloud Tasks on this machine: named HTTP tasks, run once, with a signed token, retried, and told of
(https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks)."""

import asyncio
import base64
import binascii
import re
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp

from sandbox.google.google_side import GoogleSide

NAME_BLOCKED = timedelta(hours=1)
LONGEST_TASK = 600.0
"""Seconds: Google's dispatch deadline when a task gives none."""

VERBS = ("POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS")
_OWN_HEADERS = ("host", "content-length", "transfer-encoding", "connection", "user-agent", "authorization")
_OWN_PREFIXES = ("x-google-", "x-appengine-", "x-cloudtasks-")
"""Of a task's headers these are passed over: the queue sets its own."""

_PARENT = re.compile(r"projects/[A-Za-z0-9.:-]+/locations/[A-Za-z0-9-]+/queues/[A-Za-z0-9-]{1,100}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,500}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~]*")


class BadTask(ValueError):
    """The queue cannot take this task; the message says why."""


class MayNotSign(ValueError):
    """A task wants to be signed for this account, and the queue may not do that."""


class TaskExists(ValueError):
    """A task of this name was there within the last hour."""


@dataclass(frozen=True, slots=True)
class Task:
    """An HTTP task. `email` and `audience` are those that its token should have, "" for none; `not_before` is on the world's clock."""

    name: str
    url: str
    verb: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    email: str
    audience: str
    not_before: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt: `status` is the answer's, 0 when there was none; `last` when no other follows. `sent` and `answered`
    are the bodies."""

    at: datetime
    name: str
    url: str
    attempt: int
    status: int
    last: bool
    sent: bytes = field(default=b"", repr=False)
    answered: bytes = field(default=b"", repr=False)


class CloudTasks:
    """The queues. `targets` are the URLs to which tasks may go, each with the account that may sign for it (its address): none, until
    somebody says so. A task has `attempts`; between them `first_wait` seconds, doubled each time; `log` has the newest of all."""

    def __init__(self, google: GoogleSide, clock: Callable[[], datetime]) -> None:
        self.targets: Mapping[str, str] = {}
        self.attempts = 4
        self.first_wait = 0.2
        self.log: deque[Attempt] = deque(maxlen=1_000)
        self._google = google
        self._clock = clock
        self._names: dict[str, datetime] = {}
        self._running: set[asyncio.Task[None]] = set()

    def create(self, parent: str, wire: object) -> Task:
        """Take a task as it is on the wire and start it. Needs a running event loop. Raises BadTask, MayNotSign, TaskExists."""
        task = _read(parent, wire)
        self._check(task)
        now = self._clock()
        blocked_since = self._names.get(task.name)
        if blocked_since and abs(now - blocked_since) < NAME_BLOCKED:
            raise TaskExists(task.name)
        self._names[task.name] = now
        running = asyncio.get_running_loop().create_task(self._run(task))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return task

    def _check(self, task: Task) -> None:
        if task.url not in self.targets:
            raise BadTask("httpRequest.url must be that of a function which this queue serves.")
        if task.email and task.email != self.targets[task.url]:
            raise MayNotSign(task.email)
        if task.email and task.audience not in ("", task.url):
            raise BadTask("httpRequest.oidcToken.audience must be httpRequest.url.")

    async def settled(self) -> None:
        """Until every task is done or given up, those too that tasks have started meanwhile."""
        while self._running:
            await asyncio.wait(set(self._running))

    async def close(self) -> None:
        """End what still runs."""
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _run(self, task: Task) -> None:
        if task.not_before:
            await asyncio.sleep(max(0.0, (task.not_before - self._clock()).total_seconds()))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(LONGEST_TASK)) as session:
            for attempt in range(1, self.attempts + 1):
                status, answered = await self._attempt(session, task, attempt)
                done = status // 100 == 2  # noqa: PLR2004
                last = done or attempt == self.attempts
                self.log.append(Attempt(self._clock(), task.name, task.url, attempt, status, last, task.body, answered))
                if done:
                    return
                await asyncio.sleep(self.first_wait * 2 ** (attempt - 1))

    async def _attempt(self, session: aiohttp.ClientSession, task: Task, attempt: int) -> tuple[int, bytes]:
        *_, queue, _, name = task.name.split("/")
        headers = {
            **task.headers,
            "User-Agent": "Google-Cloud-Tasks",
            "X-CloudTasks-QueueName": queue,
            "X-CloudTasks-TaskName": name,
        }
        headers |= {"X-CloudTasks-TaskRetryCount": str(attempt - 1), "X-CloudTasks-TaskExecutionCount": str(attempt - 1)}
        if task.email:
            headers["Authorization"] = f"Bearer {self._google.service_token(task.email, task.url)}"
        try:
            async with session.request(task.verb, task.url, headers=headers, data=task.body, allow_redirects=False) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, b""


def _read(parent: str, wire: object) -> Task:
    if not _PARENT.fullmatch(parent):
        raise BadTask("The parent must be projects/P/locations/L/queues/Q.")
    task = _object(_object(wire, "the body").get("task"), "task")
    request = _object(task.get("httpRequest"), "task.httpRequest")
    token = _object(request.get("oidcToken", {}), "oidcToken")
    verb = request.get("httpMethod", "POST")
    if verb not in VERBS:
        raise BadTask(f"httpRequest.httpMethod must be one of {', '.join(VERBS)}.")
    try:
        body = base64.b64decode(str(request.get("body", "")), validate=True)
    except binascii.Error as broken:
        raise BadTask("httpRequest.body must be base64.") from broken
    return Task(
        _name(parent, task),
        str(request.get("url", "")),
        str(verb),
        _headers(_object(request.get("headers", {}), "headers")),
        body,
        str(token.get("serviceAccountEmail", "")),
        str(token.get("audience", "")),
        _moment(str(task.get("scheduleTime", ""))),
    )


def _headers(given: Mapping[str, object]) -> Mapping[str, str]:
    headers = {name: str(value) for name, value in given.items()}
    if not all(_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value) for name, value in headers.items()):
        raise BadTask("httpRequest.headers must be names and values as HTTP has them.")
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in _OWN_HEADERS and not name.lower().startswith(_OWN_PREFIXES)
    }


def _moment(written: str) -> datetime | None:
    if not written:
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as broken:
        raise BadTask("scheduleTime must be a time.") from broken
    if moment.tzinfo is None:
        raise BadTask("scheduleTime must have a time zone.")
    return moment


def _name(parent: str, task: Mapping[str, object]) -> str:
    name = str(task.get("name") or f"{parent}/tasks/{secrets.randbits(62)}")
    start = f"{parent}/tasks/"
    if not name.startswith(start) or not _NAME.fullmatch(name[len(start) :]):
        raise BadTask("The task's name must be its queue's, then /tasks/ and letters, digits, - and _.")
    return name


def _object(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise BadTask(f"{what} must be an object.")
    return value
