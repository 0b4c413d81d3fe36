"""What may be asked of the stand-in: the forms of question that MailMagnet asks, each with its parameters, its cost and its scope.

Costs are Pipedrive's own ("x-token-cost" of its API reference, https://developers.pipedrive.com/docs/api/v1). Anything else is refused as
Pipedrive refuses what it does not know, so that nothing here is taken for a second CRM.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.crms.pipedrive.refusal import Refused, invalid

LARGEST_PAGE, LARGEST_SEARCH_PAGE, MOST_IDS = 500, 100, 100
SHORTEST_TERM = 2
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Asked = Mapping[str, Any]
"""Parameters as they are meant: numbers, flags, lists."""


@dataclass(frozen=True, slots=True)
class Question:
    """One form. `path` may hold {id}; one of `scopes` is needed; `searches` counts against the search's own limit."""

    name: str
    path: re.Pattern[str]
    cost: int
    scopes: frozenset[str]
    parameters: Mapping[str, Callable[[str], Any]]
    required: frozenset[str] = frozenset()
    searches: bool = False


def question_of(path: str) -> tuple[Question, str]:
    """The form that a path is of, and the id in it. Raises Refused."""
    for question in QUESTIONS:
        if found := question.path.fullmatch(path):
            return question, found.groupdict().get("id") or ""
    raise Refused(404, "Unknown method.")


def parameters_of(question: Question, query: Iterable[tuple[str, str]]) -> Asked:
    """The parameters, read strictly: v2 takes no 1 for true and no text for a number. Raises Refused."""
    asked: dict[str, Any] = {}
    for name, value in query:
        if name not in question.parameters:
            raise invalid(f"'{name}' is not allowed")
        if name in asked:
            raise invalid(f"'{name}' is given twice")
        try:
            asked[name] = question.parameters[name](value)
        except ValueError:
            raise invalid(f"'{name}' has a value that is not allowed") from None
    if missing := question.required - set(asked):
        raise invalid(f"'{min(missing)}' is required")
    return asked


def _number(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,15}", text):
        raise ValueError(text)
    return int(text)


def _at_most(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if (number := _number(text)) > most:
            raise ValueError(text)
        return number

    return read


def _start(text: str) -> int:
    return 0 if text == "0" else _number(text)


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[_one_of("true", "false")(text)]


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return read


def _some_of(*words: str) -> Callable[[str], Collection[str]]:
    def read(text: str) -> Collection[str]:
        return [_one_of(*words)(each) for each in text.split(",")]

    return read


def _ids(text: str) -> Collection[int]:
    ids = [_number(each) for each in text.split(",")]
    if len(ids) > MOST_IDS:
        raise ValueError(text)
    return ids


def _term(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text


def _form(
    name: str,
    path: str,
    cost: int,
    scopes: Collection[str],
    parameters: Mapping[str, Callable[[str], Any]] | None = None,
    required: Collection[str] = (),
    searches: bool = False,
) -> Question:
    pattern = re.escape(path).replace(r"\{id\}", r"(?P<id>[^/]+)")
    return Question(name, re.compile(pattern), cost, frozenset(scopes), parameters or {}, frozenset(required), searches)


_PAGE: Mapping[str, Callable[[str], Any]] = {"limit": _at_most(LARGEST_PAGE), "cursor": str}
_CONTACTS, _DEALS, _ACTIVITIES = ("contacts:read",), ("deals:read",), ("activities:read",)
_DIRECTION = _one_of("asc", "desc")

QUESTIONS = (
    _form(
        "itemSearch",
        "/api/v2/itemSearch",
        20,
        ("search:read",),
        {
            "term": _term,
            "item_types": _some_of("person", "organization", "deal", "lead"),
            "fields": _some_of("email", "name", "title"),
            "exact_match": _flag,
            "search_for_related_items": _flag,
            "limit": _at_most(LARGEST_SEARCH_PAGE),
            "cursor": str,
        },
        required=("term",),
        searches=True,
    ),
    _form("persons", "/api/v2/persons", 10, _CONTACTS, {**_PAGE, "ids": _ids, "org_id": _number, "deal_id": _number}),
    _form("person", "/api/v2/persons/{id}", 1, _CONTACTS),
    _form("organizations", "/api/v2/organizations", 10, _CONTACTS, {**_PAGE, "ids": _ids}),
    _form("organization", "/api/v2/organizations/{id}", 1, _CONTACTS),
    _form(
        "deals",
        "/api/v2/deals",
        10,
        _DEALS,
        {
            **_PAGE,
            "ids": _ids,
            "person_id": _number,
            "org_id": _number,
            "status": _some_of("open", "won", "lost"),
            "sort_by": _one_of("id", "update_time", "add_time"),
            "sort_direction": _DIRECTION,
        },
    ),
    _form("deal", "/api/v2/deals/{id}", 1, _DEALS),
    _form(
        "activities",
        "/api/v2/activities",
        10,
        _ACTIVITIES,
        {
            **_PAGE,
            "person_id": _number,
            "done": _flag,
            "sort_by": _one_of("id", "update_time", "add_time", "due_date"),
            "sort_direction": _DIRECTION,
        },
    ),
    _form("pipelines", "/api/v2/pipelines", 5, _DEALS, _PAGE),
    _form("stages", "/api/v2/stages", 5, _DEALS, {**_PAGE, "sort_by": _one_of("order_nr"), "sort_direction": _DIRECTION}),
    _form("users", "/api/v1/users", 20, ("users:read",)),
    _form("me", "/api/v1/users/me", 2, ("base",)),
    _form(
        "notes",
        "/api/v1/notes",
        20,
        (*_DEALS, *_CONTACTS),
        {"person_id": _number, "start": _start, "limit": _at_most(LARGEST_PAGE), "sort": _one_of("add_time DESC")},
    ),
    _form("lead", "/api/v1/leads/{id}", 2, ("leads:read",)),
)


def is_uuid(text: str) -> bool:
    return bool(_UUID.fullmatch(text))
