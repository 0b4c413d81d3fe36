"""Pipedrive over HTTP: one call, its refusals as errors of ours, its pages, and how often it may be asked."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from math import inf
from typing import Any

from cachetools import TTLCache

from crm_client.answers import is_success, refusal, retry_after
from crm_client.fields import Record, inner, text
from crm_client.pipedrive.addresses import PIPEDRIVE, PipedriveAddresses
from crm_client.pipedrive.gate import Gate
from crm_client.renewal import CrmAccess
from http_session.session import HttpAnswer, HttpSession
from mailmagnet.crm import Budget
from mailmagnet.errors import BadAnswer, DayLimitReached, NotFound, NotPermitted, RateLimited, Upstream

WINDOW_SECONDS = 2.25
"""Pipedrive counts in windows of two seconds from when a call comes in: some take longer on the way than others
(https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting)."""
CALLS_A_WINDOW = 70
"""Of one user's 80, which is what apps have on the smallest plan."""
SEARCHES_A_WINDOW = 10
"""Of one user, on every plan."""
LEFT_FOR_THE_FRONT = 3
"""So many of them neither the job takes, which may be another process with the same user's token, nor the others of a mail: whoever goes
from mail to mail waits for none of them."""
LARGEST_COST = 20
"""Tokens: what is asked for here costs no more. Who has less than this left of the day's is refused for that reason."""
DAY_WAIT, BLOCKED_WAIT = 3600.0, 600.0
"""Seconds. A day's tokens come back at midnight somewhere, and Pipedrive does not say where: so it is asked each hour. Nor does it say how
long it blocks whoever goes on asking after having been refused."""
PAGE = 500
MOST_DIGITS = 15
MOST_COMPANIES, MOST_USERS, HOUR = 1000, 10_000, 3600.0


class NoTime(Exception):
    """There is no turn for a call in time."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn a search is: `in_front`, somebody waits for it; else it is for the job or for others of a mail, till `by`."""

    in_front: bool
    by: float = inf


IN_FRONT, JOBS = Turn(in_front=True), Turn(in_front=False)


class PipedriveServer:
    """All companies' Pipedrive, as this process asks it. A token is sent to its own company alone."""

    def __init__(
        self,
        session_of: Callable[[str], HttpSession],
        addresses: PipedriveAddresses,
        seconds: float,
        gate: Callable[[int, float], Gate] = Gate,
    ) -> None:
        """`session_of` gives the session that calls one origin alone; `seconds` is what one call may take."""
        self._session_of = session_of
        self.addresses = addresses
        self._seconds = seconds
        self._gate = gate
        self._budgets: TTLCache[str, Budget] = TTLCache(MOST_COMPANIES, 24 * HOUR)
        self._gates: TTLCache[tuple[str, str], Gates] = TTLCache(MOST_USERS, HOUR)

    def budget(self, origin: str) -> Budget | None:
        """What a company was said to have left of its day's tokens; None where nothing was said."""
        return self._budgets.get(origin)

    def gates(self, origin: str, account: str) -> "Gates":
        """Those of one user of one company."""
        key = (origin, account)
        if key not in self._gates:
            self._gates[key] = Gates(self._gate(CALLS_A_WINDOW, WINDOW_SECONDS), self._gate(SEARCHES_A_WINDOW, WINDOW_SECONDS))
        return self._gates[key]

    async def call(self, token: str, origin: str, path: str, params: Mapping[str, str]) -> Record:
        """What one GET answers, whole. `origin` was checked.

        Raises NotAuthorised for the token, NotPermitted, NotFound, RateLimited, DayLimitReached, Unavailable, BadAnswer.
        """
        answer = await self._session_of(origin).request(
            PIPEDRIVE,
            "GET",
            f"{origin}{path}",
            seconds=self._seconds,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            params=params,
        )
        self._note_budget(origin, answer.headers)
        if not is_success(answer.status):
            raise refusal_of(answer)
        told = answer.json()
        if not isinstance(told, dict) or told.get("success") is not True:
            raise BadAnswer(PIPEDRIVE, "the answer is none of its API's")
        return told

    def _note_budget(self, origin: str, headers: Mapping[str, str]) -> None:
        """The two headers are not in the reference, and are missing at times."""
        left, of = _whole(headers.get("x-daily-ratelimit-token-remaining")), _whole(headers.get("x-daily-ratelimit-token-limit"))
        if left is not None and of:
            self._budgets[origin] = Budget(left, of)


@dataclass(frozen=True, slots=True)
class Gates:
    """One user's turns: of all calls, and of the searches among them."""

    calls: Gate
    searches: Gate


class PipedriveUser:
    """One company's Pipedrive as one user's token asks it."""

    def __init__(self, server: PipedriveServer, access: CrmAccess, told_origin: str, account: str) -> None:
        """`told_origin` is the company's as it was kept with the tokens, `account` the user's id there."""
        self._server = server
        self.access = access
        self._told_origin = told_origin
        self._account = account

    @property
    def origin(self) -> str:
        """The company's. Raises BadAnswer where it is none of Pipedrive's."""
        return self._server.addresses.company(self._told_origin)

    async def one(self, path: str, **params: object) -> Record:
        """A single record. Raises NotFound also for one that is not this user's to see, and what `PipedriveServer.call` raises."""
        try:
            record = inner(await self._ask(path, params), "data")
        except NotVisible:
            raise NotFound(PIPEDRIVE, "this is not for this user to see") from None
        if not record:
            raise BadAnswer(PIPEDRIVE, "the answer holds no record")
        return record

    async def one_or_none(self, path: str) -> Record | None:
        """A record that another one leads to: None where this user may not see it, or it is gone."""
        try:
            return await self.one(path)
        except NotFound:
            return None

    async def records(self, path: str, most: int, **params: object) -> tuple[list[Record], bool]:
        """The first `most` records of a list, and whether it has more. Raises what `PipedriveServer.call` raises."""
        found: list[Record] = []
        cursor: dict[str, object] = {}
        while True:
            page = await self._ask(path, {**params, "limit": min(PAGE, most - len(found)), **cursor})
            found += _listed(page.get("data"))
            after = text(inner(page, "additional_data"), "next_cursor")
            if not after or len(found) >= most:
                return found[:most], bool(after) or len(found) > most
            if cursor == {"cursor": after}:
                raise BadAnswer(PIPEDRIVE, "its pages lead in a circle")
            cursor = {"cursor": after}

    async def whole(self, path: str, **params: object) -> list[Record]:
        """A list of version 1 that comes whole, or its first page; version 1 has null for an empty one. Raises what `PipedriveServer.call`
        raises."""
        return _listed((await self._ask(path, params)).get("data") or [])

    async def search(self, turn: Turn, **params: object) -> Record:
        """What a search found: its whole answer. Raises NoTime where there is no turn for it in time."""
        searches = self._server.gates(self.origin, self._account).searches
        within = turn.by - asyncio.get_running_loop().time()
        if not await searches.turn(within, 0 if turn.in_front else LEFT_FOR_THE_FRONT):
            raise NoTime
        answer = await self._ask("/api/v2/itemSearch", params)
        _listed(inner(answer, "data").get("items"))
        return answer

    async def _ask(self, path: str, params: Mapping[str, object]) -> Record:
        origin = self.origin
        await self._server.gates(origin, self._account).calls.turn()
        written = {name: _written(value) for name, value in params.items()}

        async def call(token: str) -> Record:
            return await self._server.call(token, origin, path, written)

        return await self.access.ask(call)


class NotVisible(NotPermitted):
    """A single record is there, and not for this user: Pipedrive says so in words of its own."""


def _listed(told: object) -> list[Record]:
    """The records of a list. Raises BadAnswer where there is none: it is not the same as an empty one."""
    if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
        raise BadAnswer(PIPEDRIVE, "the answer holds no records")
    return told


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def refusal_of(answer: HttpAnswer) -> Upstream:
    """A 403 has three meanings, and a 429 two: what says which is in the body and in headers."""
    status, headers = answer.status, answer.headers
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(answer)
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return NotPermitted(PIPEDRIVE, "the company's account there is not open")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        left = _whole(headers.get("x-daily-ratelimit-token-remaining"))
        if left is not None and left < LARGEST_COST:
            return DayLimitReached(PIPEDRIVE, retry_after(headers) if "Retry-After" in headers else DAY_WAIT)
        reset = _whole(headers.get("x-ratelimit-reset"))
        wait = retry_after(headers) if "Retry-After" in headers or reset is None else max(float(reset), 1.0)
        return RateLimited(PIPEDRIVE, min(wait, DAY_WAIT))
    return refusal(PIPEDRIVE, status, headers)


def _forbidden(answer: HttpAnswer) -> Upstream:
    """Whoever goes on asking after having been refused is blocked by Cloudflare, before Pipedrive is reached, with a page of HTML."""
    try:
        told: Any = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict) and told.get("success") is False:
        if "scope" in text(told, "error").lower():
            return NotPermitted(PIPEDRIVE, "the app there has too few scopes")
        return NotVisible(PIPEDRIVE, "this is not for this user to see")
    if told is None and b"cloudflare" in answer.body.lower():
        return RateLimited(PIPEDRIVE, BLOCKED_WAIT, "blocked for having been asked too often")
    return NotPermitted(PIPEDRIVE, "answered 403")


def _whole(header: str | None) -> int | None:
    return int(header) if header is not None and header.isascii() and header.isdigit() and len(header) <= MOST_DIGITS else None
