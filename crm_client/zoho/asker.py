"""Questions to Zoho as one user: together in composite requests, and each alone where it finds more than fits in there.

A column that the user may not see is an error to Zoho: it is left out, and the question asked again.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from crm_client.fields import Record
from crm_client.side_by_side import all_of
from crm_client.zoho.questions import CHEAPEST, MOST_ROWS, Question
from crm_client.zoho.remembered import Remembered, Who
from crm_client.zoho.server import HiddenColumn, Reply, Request, ZohoLine, asking
from crm_client.zoho.zoho import ZOHO
from mailmagnet.errors import BadAnswer, NotPermitted

MOST_HIDDEN = 12
"""Columns that are left out one after another before it is given up."""
_NEEDED = {"id", "Email", "Stage"}
"""Without these nothing can be told: nobody is found, or no deal is known to be open."""
_DISPENSABLE = {"Leads", "Tasks", "Events", "Calls"}
"""Modules that an organisation may have switched off, or hidden from a profile: then there is nothing in them."""

Asked = Question | Request


class Asker:
    """One user's questions."""

    def __init__(self, line: ZohoLine, remembered: Remembered, who: Who) -> None:
        self.line = line
        self._remembered = remembered
        self._who = who

    async def together(self, token: str, asked: Mapping[str, Asked], whole: Sequence[str] = ()) -> dict[str, list[Record]]:
        """The rows of at most five, by their names: the first ones of each; of those in `whole` all, whatever that costs."""
        replies: dict[str, Reply] = {}
        for _ in range(MOST_HIDDEN):
            waiting = {name: each for name, each in asked.items() if name not in replies}
            replies |= {name: Reply(HTTPStatus.NO_CONTENT, None) for name, each in waiting.items() if not self._is_any(each)}
            requests = {name: self._request(each) for name, each in waiting.items() if name not in replies}
            if not requests:
                break
            for name, reply in (await self.line.ask_together(token, requests)).items():
                if reply.bad_column:
                    self._hide(asked[name], reply.bad_column)
                else:
                    replies[name] = reply
        if len(replies) < len(asked):
            raise NotPermitted(ZOHO, "too many columns may not be seen")
        rows = {name: _rows(asked[name], reply) for name, reply in replies.items()}
        return rows | await self._whole(token, {name: asked[name] for name in whole if replies[name].has_more})

    async def rows(self, token: str, question: Question, first: int = CHEAPEST) -> list[Record]:
        """All rows of one question; `first`: so many with the first call, which costs one credit up to CHEAPEST."""
        for _ in range(MOST_HIDDEN):
            seen = self._seen(question)
            if not seen.is_any:
                return []
            try:
                return await self.line.rows(token, seen, first)
            except HiddenColumn as hidden:
                self._hide(question, hidden.column)
            except NotPermitted:
                if question.module not in _DISPENSABLE:
                    raise
                return []
        raise NotPermitted(ZOHO, "too many columns may not be seen")

    async def _whole(self, token: str, asked: Mapping[str, Asked]) -> dict[str, list[Record]]:
        questions = {name: each for name, each in asked.items() if isinstance(each, Question)}
        rows = await all_of([self.rows(token, question, MOST_ROWS) for question in questions.values()])
        return dict(zip(questions, rows, strict=True))

    def _is_any(self, asked: Asked) -> bool:
        return isinstance(asked, Request) or self._seen(asked).is_any

    def _request(self, asked: Asked) -> Request:
        return asked if isinstance(asked, Request) else asking(self._seen(asked))

    def _seen(self, question: Question) -> Question:
        hidden = self._remembered.hidden.get(self._who, frozenset())
        start = f"{question.module}."
        return question.without({column.removeprefix(start) for column in hidden if column.startswith(start)})

    def _hide(self, asked: Asked, column: str) -> None:
        named = asked.named(column) if isinstance(asked, Question) else frozenset()
        if not isinstance(asked, Question) or not named or any(each.rpartition(".")[2] in _NEEDED for each in named):
            raise NotPermitted(ZOHO, "a column that is needed may not be seen")
        hidden = self._remembered.hidden.get(self._who, frozenset())
        self._remembered.hidden[self._who] = hidden | {f"{asked.module}.{each}" for each in named}


def _rows(asked: Asked, reply: Reply) -> list[Record]:
    """None where the user may not see them: of modules that may be missing, and of related lists, which a layout may leave out."""
    try:
        return reply.rows
    except NotPermitted:
        if isinstance(asked, Question) and asked.module not in _DISPENSABLE:
            raise
    except BadAnswer:
        if isinstance(asked, Question) or reply.code != "INVALID_DATA":
            raise
    return []
