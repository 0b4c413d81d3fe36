"""The task queue's contract, in this process and against a server that speaks Cloud Tasks' wire format, whose own follows."""

import asyncio
import json
import re
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from http_session.own_token import EARLY, OwnToken
from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, NotAuthorised, NotFound, NotPermitted, RateLimited, Service, Side, Unavailable, Upstream
from mailmagnet.tasks import MailboxesTask, MailboxTask, PreviewTask, TakeBackTask, Task, Tasks
from task_queue.cloud_tasks import CloudTasks
from task_queue.in_process import InProcessTasks

QUEUE = "projects/mailmagnet-test/locations/europe-west1/queues/label-mailbox"
URL = "https://label-mailbox.run.example/label_mailbox"
ACCOUNT = "ticker@mailmagnet-test.iam.gserviceaccount.example"
SLOT = datetime(2027, 3, 14, 9, 20, tzinfo=UTC)
TICK = SLOT + timedelta(minutes=3)
TASK = MailboxTask("analytical.example", "100000000000000000001", SLOT, TICK)
PREVIEW = PreviewTask("analytical.example", "100000000000000000001", SLOT, 30)
TAKE_BACK = TakeBackTask("analytical.example", "100000000000000000001", SLOT, SLOT - timedelta(hours=1))
TOGETHER = MailboxesTask("analytical.example", (("1", SLOT), ("2", SLOT + timedelta(minutes=1))), TICK)
DIFFERENT: list[Task] = [
    TOGETHER,
    replace(TOGETHER, org="hopper.example"),
    replace(TOGETHER, slots=TOGETHER.slots[:1]),
    replace(TOGETHER, slots=(("1", SLOT), ("2", SLOT))),
    replace(TOGETHER, slots=(("1", SLOT), ("3", SLOT + timedelta(minutes=1)))),
    TASK,
    replace(TASK, slot=SLOT + timedelta(minutes=10)),
    replace(TASK, user="100000000000000000002"),
    replace(TASK, org="hopper.example"),
    MailboxTask("a", "b,c", SLOT, SLOT),
    MailboxTask("a,b", "c", SLOT, SLOT),
    MailboxTask('a","b', "c", SLOT, SLOT),
    PREVIEW,
    TAKE_BACK,
    replace(TAKE_BACK, since=SLOT - timedelta(hours=2)),
    replace(TAKE_BACK, asked=SLOT + timedelta(minutes=1)),
    replace(TAKE_BACK, failures=1),
    replace(TAKE_BACK, user="2"),
]


@dataclass
class Queue:
    """Cloud Tasks as the reference describes `tasks.create`: a named task is taken once. `refusal` answers instead."""

    requests: list[web.Request] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    refusal: web.Response | None = None

    async def create(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        self.bodies.append(await request.json())
        if self.refusal:
            return self.refusal
        task = self.bodies[-1]["task"]
        if task["name"] in self.names:
            return refusal(409, "ALREADY_EXISTS", "Requested entity already exists")
        self.names.add(task["name"])
        shown = {key: fact for key, fact in task["httpRequest"].items() if key != "body"}
        return web.json_response(
            {"name": task["name"], "httpRequest": shown, "createTime": "2027-03-14T09:20:01Z", "view": "BASIC"}
        )


def refusal(code: int, status: str, message: str = "no", headers: dict[str, str] | None = None) -> web.Response:
    """A refusal in the form that all Google APIs share."""
    return web.json_response({"error": {"code": code, "message": message, "status": status}}, status=code, headers=headers)


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
async def tasks(queue: Queue) -> AsyncIterator[Tasks]:
    app = web.Application()
    app.router.add_post(f"/v2/{QUEUE}/tasks", queue.create)
    async with TestServer(app, host="127.0.0.1") as server:
        origin = f"http://127.0.0.1:{server.port}"
        session = HttpSession([origin])
        yield CloudTasks(session, origin, QUEUE, URL, ACCOUNT, access_token)
        await session.close()


async def access_token() -> str:
    return "ya29.made-up"


@pytest.fixture(params=["in process", "cloud"])
async def either(request: pytest.FixtureRequest, tasks: Tasks) -> AsyncIterator[Tasks]:
    """Each implementation. What is taken is never worked on: no test here waits for it."""
    if request.param == "cloud":
        yield tasks
        return
    in_process = InProcessTasks(never, _unexpected, lambda: TICK)
    yield in_process
    await in_process.stop(0)


async def never(_: Task) -> None:
    await asyncio.Event().wait()


def _unexpected(error: Exception) -> None:
    raise AssertionError from error


async def test_the_same_task_is_taken_once(either: Tasks) -> None:
    same = replace(TASK, slot=SLOT.astimezone(timezone(timedelta(hours=5, minutes=30))), tick=SLOT)
    by_its_user = replace(TASK, tick=None)
    assert [await either.enqueue(task) for task in (TASK, TASK, same, by_its_user)] == [True, False, False, False]


async def test_a_previews_next_step_is_taken_once_whenever_it_is_to_begin(either: Tasks) -> None:
    step = replace(PREVIEW, looked_at=137, not_before=SLOT + timedelta(hours=1))
    later = replace(step, not_before=SLOT + timedelta(hours=2))
    elsewhere = replace(step, begun=SLOT.astimezone(timezone(timedelta(hours=-8))))
    others = [PREVIEW, replace(step, failures=1), replace(step, days=31), replace(step, begun=TICK), replace(step, user="2")]
    expected = [True, False, False, *[True] * len(others)]
    assert [await either.enqueue(task) for task in (step, later, elsewhere, *others)] == expected


async def test_a_taking_back_is_taken_once_whenever_it_is_to_begin(either: Tasks) -> None:
    elsewhere = replace(TAKE_BACK, asked=SLOT.astimezone(timezone(timedelta(hours=-8))), not_before=SLOT + timedelta(hours=1))
    assert [await either.enqueue(task) for task in (TAKE_BACK, elsewhere)] == [True, False]


async def test_several_mailboxes_in_the_same_slots_are_taken_once_whichever_tick_sends_them(either: Tasks) -> None:
    elsewhere = tuple((user, slot.astimezone(timezone(timedelta(hours=-8)))) for user, slot in TOGETHER.slots)
    same = [TOGETHER, replace(TOGETHER, tick=SLOT + timedelta(minutes=4)), replace(TOGETHER, slots=elsewhere)]
    assert [await either.enqueue(task) for task in same] == [True, False, False]


async def test_tasks_that_differ_in_anything_are_all_taken(either: Tasks) -> None:
    assert [await either.enqueue(task) for task in DIFFERENT] == [True] * len(DIFFERENT)


async def test_a_task_is_put_in_the_queue_as_cloud_tasks_reads_it(tasks: Tasks, queue: Queue) -> None:
    assert await tasks.enqueue(TASK) is True
    [request], [body] = queue.requests, queue.bodies
    assert request.headers["Authorization"] == "Bearer ya29.made-up"
    assert request.headers["Content-Type"] == "application/json"
    payload = body["task"]["httpRequest"].pop("body")
    assert json.loads(b64decode(payload, validate=True)) == {"org": TASK.org, "user": TASK.user, "tick": TICK.isoformat()}
    name = body["task"]["name"]
    assert re.fullmatch(rf"{QUEUE}/tasks/[0-9a-f]{{64}}", name)
    assert body == {
        "task": {
            "name": name,
            "httpRequest": {
                "url": URL,
                "httpMethod": "POST",
                "headers": {"Content-Type": "application/json"},
                "oidcToken": {"serviceAccountEmail": ACCOUNT, "audience": URL},
            },
        }
    }


async def test_a_task_for_several_mailboxes_carries_ids_alone(tasks: Tasks, queue: Queue) -> None:
    await tasks.enqueue(TOGETHER)
    payload = json.loads(b64decode(queue.bodies[0]["task"]["httpRequest"]["body"]))
    assert payload == {"org": TOGETHER.org, "users": ["1", "2"], "tick": TICK.isoformat()}


async def test_a_task_that_its_user_asks_for_names_no_tick(tasks: Tasks, queue: Queue) -> None:
    await tasks.enqueue(replace(TASK, tick=None))
    payload = json.loads(b64decode(queue.bodies[0]["task"]["httpRequest"]["body"]))
    assert payload == {"org": TASK.org, "user": TASK.user, "tick": None}


async def test_a_previews_next_step_waits_for_its_moment(tasks: Tasks, queue: Queue) -> None:
    step = replace(PREVIEW, looked_at=137, not_before=SLOT + timedelta(minutes=1))
    assert [await tasks.enqueue(task) for task in (step, PREVIEW)] == [True, True]
    task = queue.bodies[0]["task"]
    assert datetime.fromisoformat(task["scheduleTime"]) == SLOT + timedelta(minutes=1)
    assert "scheduleTime" not in queue.bodies[1]["task"]
    facts = {"begun": SLOT.isoformat(), "days": 30, "looked_at": 137, "failures": 0}
    payload = json.loads(b64decode(task["httpRequest"]["body"]))
    assert payload == {"org": PREVIEW.org, "user": PREVIEW.user, "preview": facts}


async def test_no_two_names_begin_alike(tasks: Tasks, queue: Queue) -> None:
    for task in DIFFERENT:
        await tasks.enqueue(task)
    assert len({name.rpartition("/")[2][:8] for name in queue.names}) == len(DIFFERENT)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(401, "UNAUTHENTICATED"), NotAuthorised),
        (refusal(403, "PERMISSION_DENIED"), NotPermitted),
        (refusal(404, "NOT_FOUND"), NotFound),
        (refusal(429, "RESOURCE_EXHAUSTED"), RateLimited),
        (refusal(500, "INTERNAL"), Unavailable),
        (refusal(503, "UNAVAILABLE"), Unavailable),
        (refusal(400, "INVALID_ARGUMENT"), BadAnswer),
        (web.Response(status=302, headers={"Location": "https://elsewhere.example/"}), BadAnswer),
        (web.Response(text="<html>It works!</html>", content_type="text/html"), BadAnswer),
        (web.json_response({"name": f"{QUEUE}/tasks/another"}), BadAnswer),
        (web.json_response([]), BadAnswer),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value.status),
)
async def test_a_refusal_is_an_error_of_the_tree_that_names_nobody(
    tasks: Tasks, queue: Queue, answer: web.Response, error: type[Upstream]
) -> None:
    queue.refusal = answer
    with pytest.raises(error) as refused:
        await tasks.enqueue(TASK)
    assert type(refused.value) is error
    assert refused.value.who == Service(Side.OURS, "Cloud Tasks")
    assert TASK.user not in str(refused.value)
    assert ACCOUNT not in str(refused.value)


@pytest.mark.parametrize(("header", "seconds"), [({"Retry-After": "37"}, 37.0), ({}, 10.0), ({"Retry-After": "soon"}, 10.0)])
async def test_the_rate_s_refusal_says_when_to_come_back(
    tasks: Tasks, queue: Queue, header: dict[str, str], seconds: float
) -> None:
    queue.refusal = refusal(429, "RESOURCE_EXHAUSTED", headers=header)
    with pytest.raises(RateLimited) as refused:
        await tasks.enqueue(TASK)
    assert refused.value.retry_after == seconds


async def test_a_queue_that_cannot_be_reached_is_unavailable(queue: Queue) -> None:
    async with TestServer(web.Application(), host="127.0.0.1") as server:
        origin = f"http://127.0.0.1:{server.port}"
    session = HttpSession([origin])
    with pytest.raises(Unavailable):
        await CloudTasks(session, origin, QUEUE, URL, ACCOUNT, access_token).enqueue(TASK)
    await session.close()


@pytest.mark.parametrize("answer", ["<html>", "[]", "{}", '{"access_token": 7}', '{"access_token": null}'])
async def test_a_metadata_server_that_has_no_token_is_no_use(answer: str) -> None:
    async def token(request: web.Request) -> web.Response:
        return web.Response(text=answer)

    app = web.Application()
    app.router.add_get("/token", token)
    async with TestServer(app, host="127.0.0.1") as server:
        origin = f"http://127.0.0.1:{server.port}"
        session = HttpSession([origin])
        with pytest.raises(BadAnswer):
            await OwnToken(session, f"{origin}/token")()
        await session.close()
    assert dict(session.calls) == {"Google's metadata server": 1}


async def test_the_services_own_token_is_asked_for_as_the_metadata_server_wants_it() -> None:
    flavours: list[str | None] = []

    async def token(request: web.Request) -> web.Response:
        flavours.append(request.headers.get("Metadata-Flavor"))
        return web.json_response({"access_token": "ya29.own", "expires_in": 3599, "token_type": "Bearer"})

    app = web.Application()
    app.router.add_get("/token", token)
    async with TestServer(app, host="127.0.0.1") as server:
        origin = f"http://127.0.0.1:{server.port}"
        session = HttpSession([origin])
        own_token = OwnToken(session, f"{origin}/token")
        assert await asyncio.gather(*(own_token() for _ in range(5))) == ["ya29.own"] * 5
        await session.close()
    assert flavours == ["Google"]


async def test_the_services_own_token_is_asked_for_anew_before_its_end() -> None:
    given = 0

    async def token(request: web.Request) -> web.Response:
        nonlocal given
        given += 1
        return web.json_response({"access_token": f"ya29.{given}", "expires_in": EARLY, "token_type": "Bearer"})

    app = web.Application()
    app.router.add_get("/token", token)
    async with TestServer(app, host="127.0.0.1") as server:
        origin = f"http://127.0.0.1:{server.port}"
        session = HttpSession([origin])
        own_token = OwnToken(session, f"{origin}/token")
        assert [await own_token(), await own_token()] == ["ya29.1", "ya29.2"]
        await session.close()
