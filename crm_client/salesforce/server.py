"""Salesforce over HTTP: many subrequests in one composite call, their answers in order, its refusals as errors of ours.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite_post.htm
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from cachetools import LRUCache

from crm_client.answers import is_success, refusal, retry_after
from crm_client.fields import Record, inner, inner_all, text
from crm_client.salesforce.addresses import SALESFORCE, SalesforceAddresses
from http_session.session import MAX_ANSWER_BYTES, HttpAnswer, HttpSession
from mailmagnet.crm import Budget
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import (
    BadAnswer,
    DayLimitReached,
    NotAuthorised,
    NotFound,
    NotPermitted,
    RateLimited,
    Unavailable,
    Upstream,
)

DATA = "/services/data/v67.0"
MOST_QUERIES = 5
MOST_SUBREQUESTS = 25
"""In one composite call; all of it counts as one of the day's."""
LARGEST_DESCRIPTIONS = 16 * 1024 * 1024
"""Bytes: an object with hundreds of fields of its own is described in a megabyte and more."""
MOST_PAGES = 50
CALLS_AT_ONCE = 20
"""Salesforce refuses more than 25 long ones at once, for the whole organisation."""
UNTIL_THE_DAY_LIMIT_MOVES = 3600.0
"""Seconds: the limit is that of the last 24 hours, so that it opens again little by little."""
MOST_ORGANISATIONS = 10_000
ROLES = "OpportunityContactRoles"
"""The records within records of which all pages are read: they say whose a deal is."""

_LOCATOR = re.compile(rf"{re.escape(DATA)}/query/[A-Za-z0-9-]{{1,100}}")
_USAGE = re.compile(r"(?<![\w-])api-usage=(\d{1,12})/(\d{1,12})(?!\d)")


class Hidden(NotPermitted):
    """An object or a field of a question is not there for this user, or not any more."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question of SOQL. One that is `optional` has no records where Salesforce hides from the user what it is about. Of one that is not
    `whole` the first page is read."""

    soql: str = field(repr=False)
    optional: bool = False
    whole: bool = True

    @property
    def path(self) -> str:
        return f"{DATA}/query/?{urlencode({'q': self.soql})}"


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that is not asked by SOQL, and is no query for the limits: its path below the version's root. One that is `optional` is
    empty where there is none for this user."""

    below: str
    optional: bool = False

    @property
    def path(self) -> str:
        return f"{DATA}/{self.below}"


@dataclass(frozen=True, slots=True)
class Records:
    """Records that answer a query; `count` counts those too that were left out."""

    records: Sequence[Record] = field(repr=False)
    count: int

    @property
    def more(self) -> bool:
        return self.count > len(self.records)


class SalesforceServer:
    """All organisations of Salesforce, each called at its own origin, which stands on the closed list."""

    def __init__(self, addresses: SalesforceAddresses, session_of: Callable[[str], HttpSession], seconds: float) -> None:
        """`session_of` gives the session that calls one origin alone; `seconds` is what one call may take."""
        self._addresses = addresses
        self._session_of = session_of
        self._seconds = seconds
        self._budgets: LRUCache[str, Budget] = LRUCache(MOST_ORGANISATIONS)
        self._gates: LRUCache[str, asyncio.Semaphore] = LRUCache(MOST_ORGANISATIONS)

    def budget(self, origin: str) -> Budget | None:
        """What the organisation at this origin said last of its day's calls."""
        return self._budgets.get(origin)

    async def get(self, tokens: CrmTokens, resource: Resource) -> Record:
        """One resource. Raises what `ask` raises."""
        answer = await self._call(tokens, "GET", resource.path)
        return _record(answer.json())

    async def ask(
        self, tokens: CrmTokens, resources: Sequence[Resource], queries: Sequence[Query]
    ) -> tuple[list[Record], list[Records]]:
        """The answers to resources and to queries, each in the order asked, in one call; further pages are calls of their own.

        Raises NotAuthorised for the token, Hidden, NotPermitted, NotFound, RateLimited, DayLimitReached, Unavailable, BadAnswer.
        """
        asked: list[Resource | Query] = [*resources, *queries]
        names = [f"r{number}" for number in range(len(asked))]
        subrequests = [{"method": "GET", "url": each.path, "referenceId": name} for name, each in zip(names, asked, strict=True)]
        body = json.dumps({"compositeRequest": subrequests}).encode()
        answer = await self._call(tokens, "POST", f"{DATA}/composite", body)
        told = {text(each, "referenceId"): each for each in inner_all(_record(answer.json()), "compositeResponse")}
        bodies = [_body(told.get(name), each.optional) for name, each in zip(names, asked, strict=True)]
        pages = (self._whole(tokens, query, each) for query, each in zip(queries, bodies[len(resources) :], strict=True))
        return bodies[: len(resources)], list(await asyncio.gather(*pages))

    async def _whole(self, tokens: CrmTokens, query: Query, first: Record) -> Records:
        """The records of an answer and of the pages behind it."""
        if not first:
            return Records((), 0)
        count = first.get("totalSize")
        if type(count) is not int:
            raise BadAnswer(SALESFORCE, "the answer does not say how many there are")
        records = await self._pages(tokens, first) if query.whole else _records(first)
        roles = [await self._with_all_roles(tokens, record) for record in records]
        return Records(roles, max(count, len(roles)))

    async def _with_all_roles(self, tokens: CrmTokens, record: Record) -> Record:
        within = inner(record, ROLES)
        if not within or within.get("done") is not False:
            return record
        return {**record, ROLES: {**within, "done": True, "records": await self._pages(tokens, within)}}

    async def _pages(self, tokens: CrmTokens, page: Record) -> list[Record]:
        records = _records(page)
        for _ in range(MOST_PAGES):
            if page.get("done") is not False:
                return records
            path = text(page, "nextRecordsUrl")
            if not _LOCATOR.fullmatch(path):
                raise BadAnswer(SALESFORCE, "the answer names no further page")
            page = _record((await self._call(tokens, "GET", path)).json())
            records += _records(page)
        raise BadAnswer(SALESFORCE, "the answer has no end")

    async def _call(self, tokens: CrmTokens, method: str, path: str, body: bytes | None = None) -> HttpAnswer:
        """The token goes to the organisation's own origin, which is held against the list at each call."""
        origin = self._addresses.instance(tokens.origin)
        sent = {"Authorization": f"Bearer {tokens.access}", "Accept": "application/json"}
        async with self._gate(origin):
            answer = await self._session_of(origin).request(
                SALESFORCE,
                method,
                f"{origin}{path}",
                seconds=self._seconds,
                headers={**sent, "Content-Type": "application/json"} if body else sent,
                body=body,
                most_bytes=LARGEST_DESCRIPTIONS if body and b"/describe" in body else MAX_ANSWER_BYTES,
            )
        self._note_budget(origin, answer.headers)
        if not is_success(answer.status):
            raise _refusal(answer)
        return answer

    def _gate(self, origin: str) -> asyncio.Semaphore:
        return self._gates.setdefault(origin, asyncio.Semaphore(CALLS_AT_ONCE))

    def _note_budget(self, origin: str, headers: Mapping[str, str]) -> None:
        """https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm"""
        if found := _USAGE.search(headers.get("Sforce-Limit-Info", "")):
            used, of = int(found[1]), int(found[2])
            self._budgets[origin] = Budget(max(of - used, 0), of)


def _record(told: Any) -> Record:
    if not isinstance(told, dict):
        raise BadAnswer(SALESFORCE, "the answer is not one of Salesforce's")
    return told


def _records(page: Record) -> list[Record]:
    told = page.get("records")
    if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
        raise BadAnswer(SALESFORCE, "the answer holds no records")
    return list(told)


def _body(answer: Record | None, optional: bool) -> Record:
    """The answer to one subrequest; an empty one where it may be missing and is. Raises as `SalesforceServer.ask` says."""
    status = answer.get("httpStatusCode") if answer else None
    if answer is None or type(status) is not int:
        raise BadAnswer(SALESFORCE, "a part of the answer is missing")
    body = answer.get("body")
    if status == HTTPStatus.OK:
        return _record(body)
    problem = _problem(status, {}, body if isinstance(body, list) else [])
    if optional and isinstance(problem, NotPermitted | NotFound):
        return {}
    raise problem


def _refusal(answer: HttpAnswer) -> Upstream:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    return _problem(answer.status, answer.headers, told if isinstance(told, list) else [])


_HIDDEN = {"INVALID_TYPE", "INVALID_FIELD"}
_NOT_NOW = {"QUERY_TIMEOUT", "SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW", "UNKNOWN_EXCEPTION"}


def _problem(status: int, headers: Mapping[str, str], faults: Iterable[Any]) -> Upstream:
    """What a refusal means, by its code, since 403 is for rights and for limits alike. Salesforce's own words may hold data, and go nowhere
    (https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm)."""
    told = [each for each in faults if isinstance(each, dict)]
    codes = {text(each, "errorCode") for each in told}
    if status == HTTPStatus.UNAUTHORIZED or "INVALID_SESSION_ID" in codes:
        return NotAuthorised(SALESFORCE, "the session has ended")
    if "REQUEST_LIMIT_EXCEEDED" in codes:
        if any(text(each, "message").startswith("TotalRequests") for each in told):
            return DayLimitReached(SALESFORCE, UNTIL_THE_DAY_LIMIT_MOVES)
        return RateLimited(SALESFORCE, retry_after(headers))
    if codes & _NOT_NOW:
        return Unavailable(SALESFORCE, f"answered {status}")
    if codes & _HIDDEN:
        return Hidden(SALESFORCE, "the user may not see what was asked for")
    return refusal(SALESFORCE, status, headers)
