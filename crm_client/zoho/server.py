"""Zoho's API over HTTP: a call, a question or a composite request in, its JSON out, its refusals as errors of ours
(https://www.zoho.com/crm/developer/docs/api/v8/status-codes.html)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from crm_client.answers import is_success, refusal
from crm_client.fields import Record, inner, text
from crm_client.zoho.addresses import DataCentre, ZohoAddresses
from crm_client.zoho.places import Places
from crm_client.zoho.questions import MOST_IN_COMPOSITE, MOST_ROWS, Question
from crm_client.zoho.zoho import ZOHO
from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, DayLimitReached, NotAuthorised, NotPermitted, Unavailable, Upstream

PLACES = 10
"""Calls of one organisation that one process has under way at once: half of what Enterprise has (20), and all that Standard has."""
PLACES_OF_COMPOSITE = 5
CREDITS_LEFT = "X-API-CREDITS-REMAINING"
DAY_SECONDS = 3600.0
"""The day is the last 24 hours at any moment, so that credits come back by and by."""
MOST_PAGES = 20

_NOT_AUTHORISED = {"INVALID_TOKEN", "AUTHENTICATION_FAILURE", "INVALID_OAUTHTOKEN"}
_NOT_PERMITTED = {"OAUTH_SCOPE_MISMATCH", "NO_PERMISSION", "AUTHORIZATION_FAILED"}
_LATER = {"REQUEST_TIMEOUT", "INTERNAL_ERROR"}
_DAY = {"LIMIT_EXCEEDED", "LIMIT_REACHED"}


@dataclass(frozen=True, slots=True)
class Reply:
    """Zoho's answer to one call, by itself or in a composite request. There is no body where there is nothing to tell."""

    status: int
    body: Any = field(repr=False)

    @property
    def rows(self) -> list[Record]:
        """The rows of a question, or of a related list. Raises BadAnswer."""
        return self.named("data")

    @property
    def has_more(self) -> bool:
        """Whether there are more rows than these."""
        return isinstance(self.body, dict) and inner(self.body, "info").get("more_records") is True

    def named(self, name: str) -> list[Record]:
        """The records in the list of this name. Raises what the status and Zoho's code say."""
        self.check()
        if self.status == HTTPStatus.NO_CONTENT:
            return []
        records = self.body.get(name) if isinstance(self.body, dict) else None
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise BadAnswer(ZOHO, f"the answer has no list {name}")
        return records

    @property
    def code(self) -> str:
        """Zoho's word for what is wrong, "" for none."""
        return text(self.body, "code") if isinstance(self.body, dict) else ""

    @property
    def bad_column(self) -> str:
        """The column that the module does not have or the user may not see; "" where it is nothing of that kind."""
        return text(inner(self.body, "details"), "column_name") if self.code == "INVALID_QUERY" else ""

    @property
    def _is_without_module(self) -> bool:
        """Whether the organisation has no such module, or the user may not see it."""
        return self.code == "INVALID_MODULE" or (
            self.code == "INVALID_QUERY" and bool(text(inner(self.body, "details"), "module"))
        )

    def check(self, headers: Mapping[str, str] | None = None) -> None:
        """Raises NotAuthorised, NotPermitted, NotFound, RateLimited, DayLimitReached, Unavailable, BadAnswer for what is no answer."""
        if not is_success(self.status):
            raise self._problem(headers or {})

    def _problem(self, headers: Mapping[str, str]) -> Upstream:
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            over = headers.get(CREDITS_LEFT, "").strip() == "0" or self.code in _DAY
            if over:
                return DayLimitReached(ZOHO, DAY_SECONDS)
        if self.code in _NOT_AUTHORISED:
            return NotAuthorised(ZOHO, f"the token is refused ({self.code})")
        if self.code in _NOT_PERMITTED or self._is_without_module:
            return NotPermitted(ZOHO, f"the user may not do this ({self.code})")
        return refusal(ZOHO, self.status, headers)


@dataclass(frozen=True, slots=True)
class Request:
    """One call: by itself, or one of five in a composite request, where a path may use another's answer: `@{name:$.data[0].id}`."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


def asking(question: Question, limit: int = MOST_IN_COMPOSITE, offset: int = 0) -> Request:
    """A question as a call."""
    return Request("POST", "/coql", body={"select_query": question.text(limit, offset)})


class ZohoServer:
    """Zoho, for all organisations of this process. `session_of` gives the session that can call one origin alone."""

    def __init__(self, addresses: ZohoAddresses, session_of: Callable[[str], HttpSession], seconds: float) -> None:
        """`seconds` is what one call may take."""
        self.addresses = addresses
        self._session_of = session_of
        self._seconds = seconds
        self._places: dict[str, Places] = {}
        self._credits_left: dict[str, int] = {}

    def credits_left(self, org: str) -> int | None:
        """What Zoho said last: nothing while more than half of the day's credits are left."""
        return self._credits_left.get(org)

    async def call(self, org: str, centre: DataCentre, token: str, request: Request, places: int = 1) -> Reply:
        """One call. Raises what `Reply.check` raises, but for a question that has a wrong column, and TimedOut."""
        async with self._places.setdefault(org, Places(PLACES)).taken(places):
            answer = await self._session_of(centre.api).request(
                ZOHO,
                request.method,
                f"{centre.api}/crm/v8{request.path}",
                seconds=self._seconds,
                headers={"Authorization": f"Zoho-oauthtoken {token}", "Content-Type": "application/json"},
                params=dict(request.params),
                body=json.dumps(request.body).encode() if request.body is not None else None,
            )
        self._note_credits(org, answer.headers)
        if answer.status == HTTPStatus.NO_CONTENT:
            return Reply(answer.status, None)
        try:
            reply = Reply(answer.status, answer.json())
        except BadAnswer:
            if is_success(answer.status):
                raise
            reply = Reply(answer.status, None)
        if not reply.bad_column:
            reply.check(answer.headers)
        return reply

    def _note_credits(self, org: str, headers: Mapping[str, str]) -> None:
        left = headers.get(CREDITS_LEFT, "").strip()
        if left.isascii() and left.isdigit():
            self._credits_left[org] = int(left)
        else:
            self._credits_left.pop(org, None)


@dataclass(frozen=True, slots=True)
class ZohoLine:
    """One organisation's calls to its own data centre. Each takes the token of whoever asks."""

    server: ZohoServer
    org: str
    origin: str
    """Where Zoho said at sign-in that its API is."""

    @property
    def centre(self) -> DataCentre:
        """Raises BadAnswer where this is none of Zoho's."""
        return self.server.addresses.with_api(self.origin)

    async def ask(self, token: str, request: Request) -> Reply:
        """One call by itself."""
        return await self.server.call(self.org, self.centre, token, request)

    async def ask_together(self, token: str, requests: Mapping[str, Request]) -> dict[str, Reply]:
        """At most five calls in one composite request, each with its own answer, which is not looked at yet.

        What could not be asked because it hangs on another's answer that there is not has an answer without anything in it.
        """
        body = {
            "parallel_execution": True,
            "__composite_requests": [_sub_request(name, request) for name, request in requests.items()],
        }
        whole = Request("POST", "/__composite_requests", body=body)
        answer = await self.server.call(self.org, self.centre, token, whole, PLACES_OF_COMPOSITE)
        answers = answer.named("__composite_requests")
        if len(answers) != len(requests):
            raise BadAnswer(ZOHO, "a composite request's answer has not as many answers as were asked for")
        return {name: _reply(each) for name, each in zip(requests, answers, strict=True)}

    async def rows(self, token: str, question: Question, first: int) -> list[Record]:
        """All rows of a question: so many with the first call, and MOST_ROWS with each other. Raises HiddenColumn, and BadAnswer where
        there is no end."""
        found: list[Record] = []
        limit = first
        for _ in range(MOST_PAGES):
            reply = await self.ask(token, asking(question, limit, len(found)))
            if reply.bad_column:
                raise HiddenColumn(reply.bad_column)
            found += reply.rows
            if not reply.has_more or not reply.rows:
                return found
            limit = MOST_ROWS
        raise BadAnswer(ZOHO, "an answer has no end")


class HiddenColumn(NotPermitted):
    """The user may not see a column, or the module does not have it: `column` as Zoho names it."""

    def __init__(self, column: str) -> None:
        super().__init__(ZOHO, "a column may not be seen")
        self.column = column


def _sub_request(name: str, request: Request) -> dict[str, Any]:
    sub: dict[str, Any] = {"sub_request_id": name, "method": request.method, "uri": f"/crm/v8{request.path}"}
    if request.params:
        sub["params"] = dict(request.params)
    if request.body is not None:
        sub["body"] = dict(request.body)
    return sub


def _reply(answer: Record) -> Reply:
    if answer.get("code") == "INVALID_REFERENCE":
        return Reply(HTTPStatus.NO_CONTENT, None)
    if answer.get("code") in _LATER:
        raise Unavailable(ZOHO, "a part of a composite request was not answered in time")
    response = inner(inner(answer, "details"), "response")
    status = response.get("status_code")
    if type(status) is not int:
        raise BadAnswer(ZOHO, "a part of a composite request was not answered")
    return Reply(status, response.get("body"))
