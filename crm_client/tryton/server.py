"""One Tryton over HTTP: a question in, its records out, its refusals as errors of ours.

The REST API is Tryton's since 8.0 (trytond/protocols/rest.py): `search_read` is asked by POST, so that no address stands in a URL, and so
in no server's log. https://docs.tryton.org/latest/server/
"""

import asyncio
import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from crm_client.answers import check
from crm_client.fields import LONGEST_NUMBER, Record
from crm_client.memory import Memory
from http_session.session import HttpAnswer, HttpSession
from mailmagnet.errors import BadAnswer, NotPermitted, Service, Side

TRYTON = Service(Side.CRM, "Tryton")
CALLS_AT_ONCE = 20
"""Of one process. A Tryton has few workers, and its users need them too."""
DATABASE_SECONDS = 15 * 60.0
PAGE = 1000
"""Records in one answer: the next ones are asked for."""
ENGLISH = "en"
"""The language in which groups and types of relations have the names that they were made with."""
_DATABASE = "the database"


@dataclass(frozen=True, slots=True)
class Question:
    """Records of a model that match a domain, in an order, with these fields; "currency.code" is the code of what `currency` leads to."""

    model: str
    domain: Sequence[Any]
    fields: tuple[str, ...]
    order: tuple[tuple[str, str], ...] = (("id", "ASC"),)
    most: int = PAGE
    """Records in the answer; at most PAGE."""
    whole: bool = False
    """All that match, however many pages it takes: then `most` says how many are on one."""

    def of_fields(self, readable: Collection[str]) -> "Question":
        return replace(self, fields=tuple(field for field in self.fields if top(field) in readable))


def top(field: str) -> str:
    """The field of the record itself with which a dotted one begins."""
    return field.partition(".")[0]


class TrytonServer:
    """The Tryton at one origin. Each question is one call, or one for each page, and is only ever sent there."""

    def __init__(self, session: HttpSession, origin: str, seconds: float) -> None:
        """`seconds` is what one call may take."""
        self._session = session
        self.origin = origin
        self._seconds = seconds
        self._gate = asyncio.Semaphore(CALLS_AT_ONCE)
        self._database: Memory[str, str] = Memory(DATABASE_SECONDS, 1)

    async def database(self) -> str:
        """The one database that this server has, or means by the name it is called by. Raises what `call` raises."""
        return await self._database.get(_DATABASE, self._ask_database)

    async def call(self, key: str, model: str, action: str, arguments: Mapping[str, Any]) -> Any:
        """What an action of a model ("res.user.application/7" for one of a record) answers, asked with a user's application key.

        Raises NotAuthorised for the key, NotPermitted, RateLimited, Unavailable, BadAnswer.
        """
        return _json(await self._ask(key, "POST", f"{model}/{action}", json.dumps(arguments).encode()))

    async def search(self, key: str, question: Question) -> list[Record]:
        """What matches a question. NotPermitted for all of it where one field, or one record behind those that match, is not for the user
        to see. Raises what `call` raises."""
        found: list[Record] = []
        while True:
            asked = {
                "domain": question.domain,
                "fields_names": question.fields,
                "order": question.order,
                "offset": len(found),
                "limit": question.most,
            }
            page = _records(await self.call(key, question.model, "search_read", asked))
            found += page
            if not question.whole or len(page) < question.most:
                return found

    async def readable(self, key: str, question: Question) -> frozenset[str] | None:
        """Which of a model's fields the user may read, told by any record of it that the user sees; None where there is none.

        The API itself leaves out others, where it is asked by GET. Raises NotPermitted for the whole model, and what `call` raises.
        """
        everything = base64.urlsafe_b64encode(b"[]").decode()
        asked = urlencode([("d", everything), ("s", "1"), *(("f", field) for field in dict.fromkeys(map(top, question.fields)))])
        answer = await self._ask(key, "GET", f"{question.model}?{asked}", expected=HTTPStatus.BAD_REQUEST)
        if answer.status == HTTPStatus.BAD_REQUEST:
            raise NotPermitted(TRYTON, "the user may not read this")
        seen = _records(_json(answer))
        return frozenset(seen[0]) if seen else None

    async def _ask(
        self, key: str, method: str, path: str, body: bytes | None = None, expected: HTTPStatus = HTTPStatus.OK
    ) -> HttpAnswer:
        database = await self.database()
        async with self._gate:
            answer = await self._session.request(
                TRYTON,
                method,
                f"{self.origin}/{quote(database, safe='')}/rest/model/{path}",
                seconds=self._seconds,
                headers={
                    "Authorization": f"Bearer {key}",
                    "Accept-Language": ENGLISH,
                    **({"Content-Type": "application/json"} if body is not None else {}),
                },
                body=body,
            )
        if answer.status == HTTPStatus.NOT_FOUND:
            self._database.forget(_DATABASE)
            raise BadAnswer(TRYTON, "it has no REST API (Tryton 8 or newer is needed), or its database is gone")
        if answer.status != expected:
            check(answer)
        return answer

    async def _ask_database(self) -> str:
        asked = json.dumps({"method": "common.db.list", "params": [], "id": 1}).encode()
        async with self._gate:
            answer = await self._session.request(
                TRYTON,
                "POST",
                f"{self.origin}/rpc/",
                seconds=self._seconds,
                headers={"Content-Type": "application/json"},
                body=asked,
            )
        if answer.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
            raise BadAnswer(TRYTON, "it does not list its databases")
        check(answer)
        told = answer.json()
        match told.get("result") if isinstance(told, dict) else None:
            case [str(name)] if name:
                return name
            case list():
                raise BadAnswer(TRYTON, "it does not say which one of its databases is meant")
        raise BadAnswer(TRYTON, "it does not list its databases")


def _json(answer: HttpAnswer) -> Any:
    """An action without a word to say answers 204."""
    if answer.status == HTTPStatus.NO_CONTENT:
        return None
    try:
        return _plain(answer.json())
    except RecursionError:
        raise BadAnswer(TRYTON, "the answer is too deep") from None


def _records(value: Any) -> list[Record]:
    if not isinstance(value, list) or not all(isinstance(record, dict) for record in value):
        raise BadAnswer(TRYTON, "the answer holds no records")
    return value


def _plain(value: Any) -> Any:
    """JSON as Tryton writes it, in Python's own values; what a field leads to, "party.", in the place of its id, "party"."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "__class__" in value:
        return _scalar(value)
    led_to = {name[:-1] for name in value if name.endswith(".")}
    return {name.removesuffix("."): _plain(inner) for name, inner in value.items() if name not in led_to}


def _scalar(value: Mapping[str, Any]) -> date | datetime | Decimal | None:
    """A moment is in UTC. None for a kind that nothing here is."""
    try:
        match value:
            case {"__class__": "Decimal", "decimal": str(written)} if len(written) <= LONGEST_NUMBER:
                return Decimal(written)
            case {"__class__": "date", "year": int(year), "month": int(month), "day": int(day)}:
                return date(year, month, day)
            case {"__class__": "datetime", "year": int(), "month": int(), "day": int(), "hour": int(), **rest}:
                clock = {name: rest.get(name, 0) for name in ("minute", "second", "microsecond")}
                return datetime(value["year"], value["month"], value["day"], value["hour"], **clock, tzinfo=UTC)
    except (InvalidOperation, OverflowError, TypeError, ValueError):
        raise BadAnswer(TRYTON, "a day or a number is none") from None
    return None
