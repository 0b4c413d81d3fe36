"""The error boundary: each error of the tree becomes its status, with a reference that is in the log, and no word of what came in."""

import json
import re
from collections.abc import Iterator
from typing import cast

import pytest
from starlette.requests import Request
from starlette.responses import Response

from functions.boundary import BodyTooLarge, entry_point
from functions.log import names, requester
from functions.wiring import Process
from mailmagnet.errors import (
    AnotherAccount,
    BadAnswer,
    BadForm,
    BadRequest,
    BadSetting,
    BadTable,
    CursorExpired,
    Forbidden,
    GrantMissing,
    LeaseLost,
    LeaseTaken,
    LinkExpired,
    MailboxFailed,
    MailMagnetError,
    NotAuthorised,
    NotFound,
    NothingTyped,
    NotKept,
    NotPermitted,
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
STATUSES: dict[MailMagnetError, int] = {
    BadRequest("gmail: Field required"): 400,
    NothingTyped("the search field is empty"): 400,
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
    NotFound(GMAIL): 503,
    SignInNeeded(CRM): 503,
    GrantMissing(GMAIL, "read"): 503,
    UserGone(GMAIL): 503,
    MailboxFailed("failing", "Gmail", 1, "Gmail: down"): 500,
    RateLimited(GMAIL, 30): 429,
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
}


async def answered(error: Exception) -> Response:
    async def answer(request: Request, process: Process) -> Response:
        raise error

    serve = entry_point("addon", lambda: cast(Process, None), answer)
    return await serve(Request({"type": "http", "method": "POST", "path": "/", "headers": []}))


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
        serve = entry_point("addon", lambda: cast(Process, None), answer)
        await serve(Request({"type": "http", "method": "POST", "path": "/", "headers": []}))
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
