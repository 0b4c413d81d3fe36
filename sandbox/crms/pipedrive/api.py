"""Pipedrive's API for one user of the company: what is found, in pages, and only what that user sees."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from sandbox.crms.pipedrive import records
from sandbox.crms.pipedrive.company import Company, Deal, Lead, Organization, Person, Record, User
from sandbox.crms.pipedrive.questions import LARGEST_SEARCH_PAGE, SHORTEST_TERM, Asked, Question, is_uuid
from sandbox.crms.pipedrive.records import Json
from sandbox.crms.pipedrive.refusal import Refused, invalid, not_found, not_visible

PAGE = 100
"""Records of a page where no limit is given."""
MOST_RELATED = 100
"""Newest related deals, leads and persons for each that is found."""
_COUNTED_OF = {"organization": ("name",), "person": ("name", "email"), "deal": ("title",), "lead": ("title",)}
"""The fields in which each kind of item is searched."""

Any_Record = TypeVar("Any_Record", bound=Record)


class Api:
    """The company's data as one of its users may ask for them."""

    def __init__(self, company: Company) -> None:
        self._company = company

    def answer(self, question: Question, record_id: str, asked: Asked, user: User) -> Json:
        """The whole answer's JSON. Raises Refused."""
        return {"success": True} | _ANSWERS[question.name](self, record_id, asked, user)

    # Version 2

    def _persons(self, _: str, asked: Asked, user: User) -> Json:
        fits = _with_ids(asked)
        if "org_id" in asked:
            fits.append(lambda person: person.organization and person.organization.id == asked["org_id"])
        if "deal_id" in asked:
            deal = next((each for each in _seen(self._company.deals, user) if each.id == asked["deal_id"]), None)
            linked = {each.id for each in (deal.person, *deal.participants) if each} if deal else set()
            fits.append(lambda person: person.id in linked)
        return _page(_that_fit(_seen(self._company.persons, user), fits), records.person, asked)

    def _person(self, record_id: str, _: Asked, user: User) -> Json:
        return {"data": records.person(_by_id(self._company.persons, record_id, user, "Person"))}

    def _organizations(self, _: str, asked: Asked, user: User) -> Json:
        return _page(_that_fit(_seen(self._company.organizations, user), _with_ids(asked)), records.organization, asked)

    def _organization(self, record_id: str, _: Asked, user: User) -> Json:
        return {"data": records.organization(_by_id(self._company.organizations, record_id, user, "Organization"))}

    def _deals(self, _: str, asked: Asked, user: User) -> Json:
        """Those of a person are those whose person it is; what else "linked" may mean, the reference does not say."""
        fits = [lambda deal: not deal.archived, *_with_ids(asked)]
        if "person_id" in asked:
            fits.append(lambda deal: deal.person and deal.person.id == asked["person_id"])
        if "org_id" in asked:
            fits.append(lambda deal: deal.organization and deal.organization.id == asked["org_id"])
        if "status" in asked:
            fits.append(lambda deal: deal.status in asked["status"])
        return _page(_sorted(_that_fit(_seen(self._company.deals, user), fits), asked), records.deal, asked)

    def _deal(self, record_id: str, _: Asked, user: User) -> Json:
        return {"data": records.deal(_by_id(self._company.deals, record_id, user, "Deal"))}

    def _activities(self, _: str, asked: Asked, user: User) -> Json:
        fits: list[Callable[[Any], Any]] = []
        if "person_id" in asked:
            fits.append(lambda activity: activity.person and activity.person.id == asked["person_id"])
        if "done" in asked:
            fits.append(lambda activity: activity.done is asked["done"])
        return _page(_sorted(_that_fit(_seen(self._company.activities, user), fits), asked), records.activity, asked)

    def _pipelines(self, _: str, asked: Asked, user: User) -> Json:
        return _page([records.pipeline(each, place) for place, each in enumerate(self._company.pipelines, start=1)], _same, asked)

    def _stages(self, _: str, asked: Asked, user: User) -> Json:
        """Their order is that within their own pipeline."""
        order: dict[int, int] = {}
        written = []
        for each in self._company.stages:
            order[each.pipeline.id] = order.get(each.pipeline.id, 0) + 1
            written.append(records.stage(each, order[each.pipeline.id]))
        if asked.get("sort_by") == "order_nr":
            written.sort(key=lambda stage: stage["order_nr"])
        return _page(written, _same, asked)

    def _item_search(self, _: str, asked: Asked, user: User) -> Json:
        exact = asked.get("exact_match", False)
        if len(asked["term"].strip()) < SHORTEST_TERM and not exact:
            raise invalid("'term' has to be at least 2 characters long")
        found = [
            (kind, each)
            for kind in asked.get("item_types", tuple(_COUNTED_OF))
            for each in _seen(self._of_kind(kind), user)
            if _matches(asked["term"], _texts(each, _searched(kind, asked.get("fields"))), exact)
        ]
        answer = _page(found, lambda item: _scored(*item), asked, most=LARGEST_SEARCH_PAGE)
        data: Json = {"items": answer["data"]}
        if asked.get("search_for_related_items"):
            data["related_items"] = [_scored(*item) for item in self._related([each for _, each in found], user)]
        return answer | {"data": data}

    def _of_kind(self, kind: str) -> Sequence[Record]:
        company = self._company
        kinds: Mapping[str, Sequence[Record]] = {
            "organization": company.organizations,
            "person": company.persons,
            "deal": company.deals,
            "lead": company.leads,
        }
        return kinds[kind]

    def _related(self, found: Iterable[Record], user: User) -> Iterable[tuple[str, Record]]:
        """Each once, and none that was found itself."""
        told = {(type(each), each.id) for each in found}
        for of in list(found):
            for kind in ("lead", "deal", "person"):
                if kind == "person" and not isinstance(of, Organization):
                    continue
                newest = [each for each in _seen(self._of_kind(kind), user) if _belongs(each, of)][-MOST_RELATED:]
                for each in newest:
                    if (type(each), each.id) not in told:
                        told.add((type(each), each.id))
                        yield kind, each

    # Version 1

    def _users(self, _: str, asked: Asked, user: User) -> Json:
        return {"data": [records.user(each, self._company, user) for each in self._company.users]}

    def _me(self, _: str, asked: Asked, user: User) -> Json:
        return {"data": records.me(user, self._company)}

    def _currencies(self, _: str, asked: Asked, user: User) -> Json:
        return {"data": [records.currency(*each, number) for number, each in enumerate(self._company.currencies, start=1)]}

    def _notes(self, _: str, asked: Asked, user: User) -> Json:
        notes = [
            note
            for note in _seen(self._company.notes, user)
            if "person_id" not in asked or (note.person and note.person.id == asked["person_id"])
        ]
        notes.sort(key=lambda note: note.at, reverse=asked.get("sort") == "add_time DESC")
        start, limit = asked.get("start", 0), asked.get("limit", PAGE)
        more = start + limit < len(notes)
        pagination = {"start": start, "limit": limit, "more_items_in_collection": more} | (
            {"next_start": start + limit} if more else {}
        )
        told = [records.note(note, user) for note in notes[start : start + limit]]
        # As version 1 does: where there is nothing, there is no list.
        return {"data": told or None, "additional_data": {"pagination": pagination}}

    def _lead(self, record_id: str, _: Asked, user: User) -> Json:
        if not is_uuid(record_id):
            raise Refused(400, "invalid lead id", "ERR_SCHEMA_VALIDATION_FAILED")
        lead = next((each for each in self._company.leads if each.uuid == record_id), None)
        if not lead or not lead.is_seen_by(user):
            raise Refused(404, "requested lead not found")
        return {"data": records.lead(lead, self._company)}


_ANSWERS: Mapping[str, Callable[[Api, str, Asked, User], Json]] = {
    "itemSearch": Api._item_search,
    "persons": Api._persons,
    "person": Api._person,
    "organizations": Api._organizations,
    "organization": Api._organization,
    "deals": Api._deals,
    "deal": Api._deal,
    "activities": Api._activities,
    "pipelines": Api._pipelines,
    "stages": Api._stages,
    "users": Api._users,
    "me": Api._me,
    "currencies": Api._currencies,
    "notes": Api._notes,
    "lead": Api._lead,
}


def _same(written: Json) -> Json:
    return written


def _seen(all_of_them: Iterable[Any_Record], user: User) -> list[Any_Record]:
    return [each for each in all_of_them if each.is_seen_by(user)]


def _by_id(all_of_them: Iterable[Any_Record], record_id: str, user: User, kind: str) -> Any_Record:
    if not record_id.isdecimal() or not record_id.isascii():
        raise invalid("'id' must be a number")
    found = next((each for each in all_of_them if each.id == int(record_id)), None)
    if not found:
        raise not_found(kind)
    if not found.is_seen_by(user):
        raise not_visible(kind)
    return found


def _with_ids(asked: Asked) -> list[Callable[[Any], Any]]:
    return [lambda each: each.id in asked["ids"]] if "ids" in asked else []


def _that_fit(all_of_them: Iterable[Any_Record], fits: Collection[Callable[[Any], Any]]) -> list[Any_Record]:
    return [each for each in all_of_them if all(fit(each) for fit in fits)]


def _sorted(found: list[Any_Record], asked: Asked) -> list[Any_Record]:
    def key(each: Any) -> Any:
        return (_day_and_time(each.at), each.id) if asked.get("sort_by") == "due_date" else each.id

    return sorted(found, key=key, reverse=asked.get("sort_direction") == "desc")


def _day_and_time(at: datetime | date) -> str:
    return at.isoformat()[:19]


def _page(found: Sequence[Any], written: Callable[[Any], Json], asked: Asked, most: int = PAGE) -> Json:
    limit, start = asked.get("limit", most), _start_of(asked["cursor"]) if "cursor" in asked else 0
    after = start + limit
    cursor = base64.b64encode(json.dumps({"start": after}).encode()).decode() if after < len(found) else None
    return {"data": [written(each) for each in found[start:after]], "additional_data": {"next_cursor": cursor}}


def _start_of(cursor: str) -> int:
    try:
        return int(json.loads(base64.b64decode(cursor, validate=True))["start"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise invalid("'cursor' is not one") from None


def _searched(kind: str, fields: Collection[str] | None) -> Collection[str]:
    return [field for field in _COUNTED_OF[kind] if fields is None or field in fields]


def _texts(each: Record, fields: Collection[str]) -> Iterable[str]:
    for field in fields:
        yield from each.emails if field == "email" and isinstance(each, Person) else (getattr(each, field),)


def _matches(term: str, texts: Iterable[str], exact: bool) -> bool:
    """Every word of the term begins a word of the record's; case does not count, and accents do."""
    told = [text.casefold() for text in texts]
    if exact:
        return term.strip().casefold() in told
    return all(any(re.search(rf"(?<![^\W_]){re.escape(word)}", text) for text in told) for word in term.casefold().split())


def _belongs(each: Record, to: Record) -> bool:
    if isinstance(each, Deal | Lead):
        return each.person is to or each.organization is to
    return isinstance(each, Person) and each.organization is to


def _scored(kind: str, each: Record) -> Json:
    write: Mapping[str, Callable[[Any], Json]] = {
        "person": records.person_item,
        "organization": records.organization_item,
        "deal": records.deal_item,
        "lead": records.lead_item,
    }
    return {"result_score": 1.0, "item": write[kind](each)}
