"""One Odoo over HTTP: a question in, its JSON out, its refusals as errors of ours.

https://www.odoo.com/documentation/19.0/developer/reference/external_api.html
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from crm_client.answers import check
from crm_client.fields import Record
from crm_client.odoo.questions import Question
from http_session.session import HttpAnswer, HttpSession
from mailmagnet.errors import BadAnswer, NotPermitted, Service, Side

ODOO = Service(Side.CRM, "Odoo")
ENGLISH = "en_US"
"""The language that every Odoo has, and in which groups have the names that they were made with."""
CALLS_AT_ONCE = 20
"""Of one process. An Odoo has few workers, and its users need them too."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Records that match, and how many match in all."""

    records: Sequence[Record]
    count: int

    @property
    def more(self) -> bool:
        """Whether there are more than were asked for."""
        return self.count > len(self.records)


class RecordRefused(NotPermitted):
    """Odoo's own access rules refuse the whole answer for something in it."""


class OdooServer:
    """The Odoo at one origin. Each question is one call, or one for each page, and is only ever sent there."""

    def __init__(self, session: HttpSession, origin: str, seconds: float) -> None:
        """`seconds` is what one call may take."""
        self._session = session
        self.origin = origin
        self._seconds = seconds
        self._gate = asyncio.Semaphore(CALLS_AT_ONCE)

    async def call(self, key: str, model: str, method: str, arguments: Mapping[str, Any]) -> Any:
        """What a method of a model answers, asked with a user's API key.

        Raises NotAuthorised for the key, NotPermitted (RecordRefused where it is for something in the answer), NotFound for a model or
        method that this Odoo does not have, RateLimited, Unavailable, BadAnswer.
        """
        async with self._gate:
            answer = await self._session.request(
                ODOO,
                "POST",
                f"{self.origin}/json/2/{model}/{method}",
                seconds=self._seconds,
                headers={"Authorization": f"bearer {key}", "Content-Type": "application/json"},
                body=json.dumps(arguments).encode(),
            )
        if answer.status == HTTPStatus.FORBIDDEN and _is_for_a_record(answer):
            raise RecordRefused(ODOO, "a field, or a record behind one, is not for this user")
        check(answer)
        return answer.json()

    async def search(self, key: str, question: Question, language: str = ENGLISH) -> Answer:
        """What matches a question, archived records (lost deals) too, texts in the user's language. Raises what `call` raises."""
        first = await self._page(key, question, language)
        if not first.more:
            return first
        others = await asyncio.gather(*(self._page(key, page, language) for page in question.pages_after(first.count)))
        return Answer([*first.records, *(record for page in others for record in page.records)], first.count)

    async def _page(self, key: str, question: Question, language: str) -> Answer:
        asked = {
            "domain": question.domain,
            "specification": question.fields,
            "limit": question.limit,
            "offset": question.place,
            "order": question.order,
            "context": {"lang": language, "active_test": False},
        }
        answer = await self.call(key, question.model, "web_search_read", asked)
        records = answer.get("records") if isinstance(answer, dict) else None
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise BadAnswer(ODOO, "the answer holds no records")
        count = answer.get("length")
        return Answer(records, count if type(count) is int else len(records))


def _is_for_a_record(answer: HttpAnswer) -> bool:
    """Whether Odoo's rules refuse, and no proxy before it."""
    try:
        told = answer.json()
    except BadAnswer:
        return False
    return isinstance(told, dict) and told.get("name") == "odoo.exceptions.AccessError"
