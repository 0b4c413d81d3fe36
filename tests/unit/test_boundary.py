"""The error boundary: each error of the tree becomes its status, with a reference that is in the log, and no word of what came in."""

import asyncio
import gc
import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest
from starlette.requests import Request
from starlette.responses import Response

from functions.boundary import BodyTooLarge, entry_point
from functions.log import log_problems, names, requester
from functions.wiring import Process
from mailmagnet.errors import (
    AnotherAccount,
    AnotherCompany,
    BadAnswer,
    BadForm,
    BadRequest,
    BadSetting,
    BadTable,
    CursorExpired,
    DayLimitReached,
    Forbidden,
    GrantMissing,
    LeaseLost,
    LeaseTaken,
    LinkExpired,
    MailboxFailed,
    MailMagnetError,
    NotAuthorised,
    NotDelegated,
    NotFound,
    NothingTyped,
    NotKept,
    NotListed,
    NotPermitted,
    NotSupported,
    NotVerified,
    Paused,
    RateLimited,
    ScopesMissing,
    Service,
    Side,
    SignInNeeded,
    StepFailed,
    TimedOut,
    Unavailable,
    Upstream,
    UserGone,
)
from mailmagnet.gmail import GMAIL

CRM = Service(Side.CRM, "CRM")
ADDRESS = "anna@customer.example"
STATUSES: dict[MailMagnetError, int] = {
    BadRequest("gmail: Field required"): 400,
    NothingTyped(): 400,
    BadForm("too_long"): 400,
    BodyTooLarge("too large"): 413,
    NotVerified("no bearer token"): 401,
    LinkExpired("the link's time is over"): 401,
    Forbidden("another audience"): 403,
    AnotherAccount("another account"): 403,
    Paused("an admin has paused it"): 403,
    LeaseTaken(): 409,
    LeaseLost(): 409,
    NotAuthorised(GMAIL): 503,
    NotPermitted(GMAIL): 503,
    NotListed(CRM): 503,
    AnotherCompany(CRM): 503,
    NotFound(GMAIL): 503,
    SignInNeeded(CRM): 503,
    GrantMissing(GMAIL, "read"): 503,
    NotDelegated(GMAIL): 503,
    UserGone(GMAIL): 503,
    MailboxFailed("failing", "Gmail", 1, "Gmail: down"): 500,
    RateLimited(GMAIL, 30): 429,
    DayLimitReached(CRM, 30): 429,
    NotSupported(CRM): 503,
    Unavailable(GMAIL): 503,
    TimedOut(GMAIL, 4): 503,
    BadAnswer(GMAIL): 503,
    NotKept(GMAIL, ended=False): 503,
    Upstream(GMAIL): 503,
    # The functions turn these into something else; one that comes so far is our own fault.
    MailMagnetError(): 500,
    StepFailed("step 3: Queue"): 500,
    BadSetting("a host that is not on the list"): 500,
    ScopesMissing(["x"]): 500,
    CursorExpired(): 500,
    BadTable(): 500,
    StepFailed("gcloud is not installed here"): 500,
}


async def answered(error: Exception) -> Response:
    async def answer(request: Request, process: Process) -> Response:
        raise error

    return await entry_point("addon", on_google_cloud, answer)(request_of())


def on_google_cloud() -> Process:
    return cast(Process, SimpleNamespace(settings=SimpleNamespace(firestore_project="a-project")))


def request_of(path: str = "/", method: str = "POST", **headers: str) -> Request:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "path": path, "headers": sent})


@pytest.mark.parametrize(("error", "status"), STATUSES.items(), ids=lambda each: type(each).__name__)
async def test_each_error_has_its_status_and_a_reference_that_is_in_the_log(
    error: MailMagnetError, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    response = await answered(error)
    assert response.status_code == status
    line = json.loads(capsys.readouterr().out)
    assert (line["severity"], line["status"], line["error"]) == ("WARNING", status, type(error).__name__)
    if status in (401, 403):
        assert response.body == b""
    else:
        assert json.loads(bytes(response.body)) == {"error": str(error), "reference": line["reference"]}
    assert response.headers.get("retry-after") == ("30" if status == 429 else None)
    assert (response.headers["x-content-type-options"], response.headers["cache-control"]) == ("nosniff", "no-store")


def _tree(error: type[MailMagnetError]) -> Iterator[type[MailMagnetError]]:
    yield error
    for child in error.__subclasses__():
        yield from _tree(child)


def test_no_error_of_the_tree_is_forgotten() -> None:
    ours = {error for error in _tree(MailMagnetError) if error.__module__ in ("mailmagnet.errors", "functions.boundary")}
    assert ours == {type(error) for error in STATUSES}


async def test_what_nobody_foresaw_is_answered_and_logged_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    response = await answered(KeyError("grace@a.example"))
    line = json.loads(capsys.readouterr().out)
    assert response.status_code == 500
    assert (line["severity"], line["error"]) == ("ERROR", "KeyError")
    assert line["where"].startswith("test_boundary.py:")
    calls = line["stack_trace"].splitlines()
    assert (calls[0], calls[-1]) == ("Traceback (most recent call last):", "KeyError")
    assert re.fullmatch(r'  File "unit/test_boundary.py", line \d+, in answer', calls[-2])
    assert all(re.fullmatch(r'  File "[^/"]+/[^/"]+", line \d+, in \w+', call) for call in calls[1:-1])
    assert line["reference"] == json.loads(bytes(response.body))["reference"]
    assert "grace@a.example" not in json.dumps(line) + bytes(response.body).decode()
    assert (response.headers["x-content-type-options"], response.headers["cache-control"]) == ("nosniff", "no-store")


async def test_a_line_names_whose_request_it_is_about_and_never_that_of_the_one_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def named(request: Request, process: Process) -> Response:
        requester.set(names("corp.example", "42", "a-key"))
        return Response()

    async def nobody(request: Request, process: Process) -> Response:
        raise NotVerified("no bearer token")

    for answer in (named, nobody):
        await entry_point("addon", on_google_cloud, answer)(request_of())
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert {"org": first["org"], "user": first["user"]} == names("corp.example", "42", "a-key")
    assert not {"org", "user"} & set(second)


def test_names_in_the_log_tell_organisations_and_users_apart_and_depend_on_the_key() -> None:
    told = [
        names("corp.example", "42", "a-key"),
        names("corp.example", "43", "a-key"),
        names("other.example", "42", "a-key"),
        names("corp.example", "42", "b-key"),
        names("corp.example42", "", "a-key"),
    ]
    assert told[0] == names("corp.example", "42", "a-key")
    assert told[0]["org"] == told[1]["org"]
    assert len({name["user"] for name in told}) == 5
    assert len({name["org"] for name in told}) == 4
    assert all(re.fullmatch("[0-9a-f]{12}", name) for each in told for name in each.values())


async def test_what_did_not_do_what_was_asked_is_told_beside_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    await answered(Unavailable(GMAIL))
    line = json.loads(capsys.readouterr().out)
    assert (line["service"], line["side"], line["function"]) == ("Gmail", "gmail", "addon")
    assert isinstance(line["ms"], int)


TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SPAN = str(int(SPAN_ID, 16))


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"},
        {"x_cloud_trace_context": f"{TRACE_ID}/{SPAN};o=1"},
        {"x_cloud_trace_context": f"{TRACE_ID}/{SPAN}"},
        {"traceparent": "me", "x_cloud_trace_context": f"{TRACE_ID}/{SPAN}"},
    ],
)
async def test_every_line_of_a_request_stands_in_its_trace(headers: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(request: Request, process: Process) -> Response:
        log_problems(Unavailable(GMAIL))
        return Response()

    await entry_point("addon", on_google_cloud, answer)(request_of(**headers))
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        assert line["logging.googleapis.com/trace"] == f"projects/a-project/traces/{TRACE_ID}"
        assert line["logging.googleapis.com/spanId"] == SPAN_ID


@pytest.mark.parametrize(
    "context",
    ["", "grace@a.example", f"{TRACE_ID}/", f"{TRACE_ID}/0", f"{TRACE_ID}/{2**64}", f"{TRACE_ID}/1;o=7", f"{TRACE_ID}/1\n"],
)
async def test_what_is_no_trace_is_in_no_line(context: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(request: Request, process: Process) -> Response:
        return Response()

    await entry_point("addon", on_google_cloud, answer)(request_of(x_cloud_trace_context=context))
    assert "logging.googleapis.com" not in capsys.readouterr().out


async def test_a_line_never_stands_in_the_trace_of_the_request_before_nor_outside_of_google_cloud(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def answer(request: Request, process: Process) -> Response:
        return Response()

    traced, untraced = request_of(traceparent=f"00-{TRACE_ID}-{SPAN_ID}-01"), request_of()
    serve = entry_point("addon", on_google_cloud, answer)
    await serve(traced)
    await serve(untraced)
    own = cast(Process, SimpleNamespace(settings=SimpleNamespace(firestore_project="")))
    await entry_point("addon", lambda: own, answer)(traced)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["logging.googleapis.com/trace" in line for line in lines] == [True, False, False]


@pytest.mark.parametrize("path", ["/health", "/healthz"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_whether_a_function_runs_is_told_to_whoever_asks_and_starts_nothing(
    path: str, method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_process() -> Process:
        raise AssertionError("the parts were made")

    async def no_answer(request: Request, process: Process) -> Response:
        raise AssertionError("the function was asked")

    response = await entry_point("label_tick", no_process, no_answer)(request_of(path, method))
    assert (response.status_code, response.body) == (200, b"OK\n")
    assert response.headers["cache-control"] == "no-store"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("path", "method"), [("/healthz/", "GET"), ("/health", "POST"), ("/message/health", "GET")])
async def test_nothing_else_is_answered_without_proof(path: str, method: str) -> None:
    async def refuses(request: Request, process: Process) -> Response:
        raise NotVerified("no bearer token")

    assert (await entry_point("addon", on_google_cloud, refuses)(request_of(path, method))).status_code == 401


async def test_an_error_that_nobody_waits_for_is_logged_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(_: Request, __: Process) -> Response:
        async def fails() -> None:
            raise ValueError(ADDRESS)

        def is_given(_: str) -> None:
            raise ValueError(ADDRESS)

        forgotten = asyncio.create_task(fails())
        asyncio.get_running_loop().call_soon(is_given, ADDRESS)
        await asyncio.sleep(0.01)
        del forgotten
        gc.collect()
        return Response()

    process = cast(Process, SimpleNamespace(settings=SimpleNamespace(firestore_project="")))
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""})
    await entry_point("addon", lambda: process, answer)(request)
    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert [line["error"] for line in lines if line["message"] == "nobody waited for an error"] == ["ValueError"] * 2
    assert ADDRESS not in told.out + told.err
