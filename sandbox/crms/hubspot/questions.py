"""What may be asked of the account, and its answers: batches, single contacts, searches, associations, settings.

https://developers.hubspot.com/docs/api-reference/latest/overview. Only the forms of question that our client asks are answered; all
others, and every unknown property, are refused, also where HubSpot itself would be more lenient.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.crms.hubspot.portal import (
    CALLS,
    COMPANIES,
    CONTACTS,
    DEALS,
    MEETINGS,
    MODIFIED,
    NOTES,
    PROPERTIES,
    SINGULAR,
    TASKS,
    Owner,
    Portal,
    Stage,
    Thing,
    written,
)

MOST_READ = 100
"""Inputs of a batch (https://developers.hubspot.com/docs/api-reference/latest/crm/using-object-apis)."""
MOST_ASSOCIATIONS_READ = 1000
LONGEST_SEARCH = 3000
MOST_GROUPS, MOST_FILTERS_A_GROUP, MOST_FILTERS = 5, 6, 18
MOST_FOUND_A_PAGE = 200
MOST_FOUND = 10_000
"""https://developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm, its section on limits."""
ASSOCIATIONS_A_PAGE = 500
MOST_OWNERS_A_PAGE = 500
MOST_USERS_A_PAGE = 100

_SEARCHED = {
    CONTACTS: ("firstname", "lastname", "email", "phone", "hs_additional_emails", "company"),
    COMPANIES: ("phone", "name", "domain"),
    DEALS: ("dealname", "pipeline", "dealstage"),
}
"""The properties that a query without filters looks into (the same page, "default searchable properties")."""
_SEES = {"hubspot_owner_id": {"IN"}, "hubspot_team_id": {"IN"}, "hs_shared_user_ids": {"IN"}, "hs_shared_team_ids": {"IN"}}
_FILTERS: Mapping[str, Mapping[str, Collection[str]]] = {
    CONTACTS: {
        "hs_additional_emails": {"IN"},
        "hs_email_domain": {"IN", "CONTAINS_TOKEN"},
        "associatedcompanyid": {"IN"},
        **_SEES,
    },
    COMPANIES: {"domain": {"IN"}, **_SEES},
    DEALS: {"hs_is_closed": {"EQ"}, "closedate": {"BETWEEN"}, "hs_primary_associated_company": {"IN"}, **_SEES},
}
_ENUMERATIONS = {"hs_additional_emails", "hs_shared_user_ids", "hs_shared_team_ids", "hubspot_owner_id", "hubspot_team_id"}
_OF_A_CONTACT = (COMPANIES, DEALS, CALLS, MEETINGS, TASKS, NOTES)


class Refused(Exception):
    """HubSpot does not do it, and says so in its own words."""

    def __init__(self, status: int, category: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"status": "error", "message": message, "category": category, **more}


class PartlyDone(Exception):
    """An answer for some of what was asked: status 207."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__()
        self.body = body


class Questions:
    """The account's answers to questions that are allowed. `finds_second_addresses`: HubSpot was seen to find a contact by an
    additional address in a batch as well; its reference does not say so."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self.finds_second_addresses = False

    def batch(self, kind: str, body: Any) -> dict[str, Any]:
        """Records by their ids, or contacts by their main address. Raises PartlyDone where some are not there."""
        asked = _object(body, {"inputs", "properties"}, {"idProperty"})
        inputs = [_object(each, {"id"})["id"] for each in _list(asked["inputs"], MOST_READ)]
        properties = _properties(kind, asked["properties"])
        by_address = asked.get("idProperty") == "email" and kind == CONTACTS
        if "idProperty" in asked and not by_address:
            raise _invalid(f"{asked['idProperty']!r} does not tell records apart")
        if not all(isinstance(each, str) and (by_address or each.isdigit()) for each in inputs):
            raise _invalid("an id is none")
        found: dict[str, Thing] = {}
        missing = []
        for each in inputs:
            thing = self._contact_of(each) if by_address else self._portal.thing(kind, each)
            if thing:
                found[thing.id] = thing
            else:
                missing.append(each)
        answer = self._batch_answer([_told(thing, properties) for thing in found.values()])
        if missing:
            message = f"Could not get some {SINGULAR[kind].upper()} objects, they may be deleted or not exist. Check that ids are valid."
            error = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": {"ids": missing}}
            raise PartlyDone({**answer, "numErrors": 1, "errors": [error]})
        return answer

    def one(self, kind: str, which: str, query: Mapping[str, str]) -> dict[str, Any]:
        """One record with the ids of what is associated with it."""
        if set(query) - {"properties", "associations", "idProperty"}:
            raise _invalid("there is an unknown parameter")
        properties = _properties(kind, query.get("properties", "").split(","))
        if "idProperty" in query:
            if (kind, query["idProperty"]) != (CONTACTS, "email"):
                raise _invalid("this property does not tell records apart")
            thing = self._contact_of(which)
        else:
            thing = self._portal.thing(kind, which) if which.isdigit() else None
        if not thing:
            raise Refused(404, "OBJECT_NOT_FOUND", "resource not found")
        told = _told(thing, properties)
        for to in filter(None, query.get("associations", "").split(",")):
            if to not in (_OF_A_CONTACT if kind == CONTACTS else (CONTACTS, COMPANIES)):
                raise _invalid(f"nothing of the kind {to!r} is asked for")
            ids = [to_id for to_id, _ in self._portal.associated(kind, thing.id, to)]
            if ids:
                told.setdefault("associations", {})[to] = _associated_ids(kind, to, thing.id, ids)
        return told

    def associations(self, kind: str, to: str, body: Any) -> dict[str, Any]:
        """What is associated with each of many records. Raises PartlyDone where some have nothing."""
        if to not in SINGULAR or kind not in (CONTACTS, COMPANIES, DEALS) or kind == to:
            raise _invalid("these kinds are not asked for")
        asked = _object(body, {"inputs"})
        results, errors = [], []
        for each in _list(asked["inputs"], MOST_ASSOCIATIONS_READ):
            given = _object(each, {"id"}, {"after"})
            which, after = given["id"], given.get("after", "0")
            if not (isinstance(which, str) and which.isdigit() and isinstance(after, str) and after.isdigit()):
                raise _invalid("an id is none")
            all_of_it = self._portal.associated(kind, which, to)
            rest = [(to_id, types) for to_id, types in all_of_it if int(to_id) > int(after)]
            if not all_of_it:
                errors.append(_no_associations(kind, to, which))
                continue
            told = [{"toObjectId": to_id, "associationTypes": types} for to_id, types in rest[:ASSOCIATIONS_A_PAGE]]
            result: dict[str, Any] = {"from": {"id": which}, "to": told}
            if len(rest) > ASSOCIATIONS_A_PAGE:
                result["paging"] = {"next": {"after": told[-1]["toObjectId"], "link": "https://api.hubapi.com/ignored"}}
            results.append(result)
        answer = self._batch_answer(results)
        if errors:
            raise PartlyDone({**answer, "numErrors": len(errors), "errors": errors})
        return answer

    def search(self, kind: str, body: Any, length: int) -> dict[str, Any]:
        """Records by filters or a query; `length` is the question's, in characters."""
        if kind not in _FILTERS:
            raise _invalid("this kind is not searched")
        if length > LONGEST_SEARCH:
            raise _invalid(f"the request is longer than {LONGEST_SEARCH} characters")
        asked = _object(body, {"limit", "properties"}, {"filterGroups", "query", "after"})
        properties = _properties(kind, asked["properties"])
        limit, after = asked["limit"], asked.get("after", "0")
        if type(limit) is not int or not 0 < limit <= MOST_FOUND_A_PAGE:
            raise _invalid("limit must be between 1 and 200")
        if not (isinstance(after, str) and after.isdigit()) or int(after) + limit > MOST_FOUND:
            raise _invalid("paging goes to 10,000 results")
        fits = _filter(kind, asked.get("filterGroups", []))
        holds = _query(kind, asked["query"]) if "query" in asked else None
        if not asked.get("filterGroups") and not holds:
            raise _invalid("everything was asked for")
        found = [thing for thing in self._portal.of_kind(kind) if fits(thing) and (not holds or holds(thing))]
        start = int(after)
        page = found[start : start + limit]
        answer: dict[str, Any] = {"total": len(found), "results": [_told(thing, properties) for thing in page]}
        if start + limit < len(found):
            answer["paging"] = {"next": {"after": str(start + limit)}}
        return answer

    def owners(self, query: Mapping[str, str]) -> dict[str, Any]:
        """https://developers.hubspot.com/docs/api-reference/latest/crm/owners/guide: those of deactivated users are asked for apart."""
        if set(query) - {"limit", "archived", "after"} or query.get("archived", "false") not in ("true", "false"):
            raise _invalid("there is an unknown parameter")
        archived = query.get("archived") == "true"
        owners = [owner for owner in self._portal.owners.values() if owner.archived == archived]
        return _page([self._owner(owner) for owner in owners], query, MOST_OWNERS_A_PAGE)

    def users(self, query: Mapping[str, str]) -> dict[str, Any]:
        """https://developers.hubspot.com/docs/api-reference/latest/account/settings/user-provisioning/guide: active ones alone."""
        if set(query) - {"limit", "after"}:
            raise _invalid("there is an unknown parameter")
        users = [_user(owner) for owner in self._portal.owners.values() if not owner.archived]
        return _page(users, query, MOST_USERS_A_PAGE)

    def pipelines(self) -> dict[str, Any]:
        return {
            "results": [
                {
                    "id": key,
                    "label": label,
                    "displayOrder": order,
                    "archived": False,
                    **_made(),
                    "stages": [_stage(stage, place) for place, stage in enumerate(stages)],
                }
                for order, (key, (label, stages)) in enumerate(self._portal.pipelines.items())
            ]
        }

    def details(self) -> dict[str, Any]:
        """https://developers.hubspot.com/docs/api-reference/latest/account/account-information/get-account-details"""
        offset = self._portal.clock().astimezone(ZoneInfo(self._portal.time_zone)).utcoffset()
        minutes = int(offset.total_seconds() // 60) if offset else 0
        return {
            "portalId": self._portal.id,
            "accountType": "STANDARD",
            "timeZone": self._portal.time_zone,
            "companyCurrency": self._portal.currency,
            "additionalCurrencies": sorted(self._portal.rates),
            "utcOffset": f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}",
            "utcOffsetMilliseconds": minutes * 60_000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }

    def rates(self) -> dict[str, Any]:
        """https://developers.hubspot.com/docs/api-reference/latest/account/settings/multicurrency/guide: what one unit of the additional
        currency is worth in the account's, in six decimal places."""
        return {
            "results": [
                {
                    "id": str(number),
                    "fromCurrencyCode": code,
                    "toCurrencyCode": self._portal.currency,
                    "conversionRate": round(1 / rate, 6),
                    "visibleInUI": True,
                    "effectiveAt": "2026-01-01T00:00:00Z",
                    **_made(),
                }
                for number, (code, rate) in enumerate(self._portal.rates.items(), start=1)
            ]
        }

    def codes(self) -> dict[str, Any]:
        """The currencies that HubSpot knows, by name."""
        return {"results": [{"currencyCode": code, "currencyName": name} for code, name in self._portal.currency_names.items()]}

    def _contact_of(self, address: str) -> Thing | None:
        for thing in self._portal.of_kind(CONTACTS):
            second = thing.properties.get("hs_additional_emails", "").split(";") if self.finds_second_addresses else ()
            if address and address.lower() in (thing.properties["email"].lower(), *second):
                return thing
        return None

    def _batch_answer(self, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        now = written(self._portal.clock())
        return {"status": "COMPLETE", "results": list(results), "startedAt": now, "completedAt": now}

    def _owner(self, owner: Owner) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": owner.id,
            "email": owner.email,
            "type": "PERSON",
            "firstName": owner.first_name,
            "lastName": owner.last_name,
            "userId": None if owner.archived else int(owner.user_id),
            "userIdIncludingInactive": int(owner.user_id),
            **_made(),
            "archived": owner.archived,
        }
        if owner.teams:
            names = self._portal.teams
            told["teams"] = [{"id": team, "name": names[team], "primary": not place} for place, team in enumerate(owner.teams)]
        return told


def _invalid(message: str) -> Refused:
    return Refused(400, "VALIDATION_ERROR", f"Invalid input: {message}", errors=[{"message": message}])


def _object(value: Any, needed: Collection[str], possible: Collection[str] = ()) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid("an object was expected")
    if missing := set(needed) - set(value):
        raise _invalid(f"{min(missing)} is missing")
    if unknown := set(value) - set(needed) - set(possible):
        raise _invalid(f"there is no field {min(unknown)!r}")
    return value


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _invalid("a list was expected, with something in it")
    if len(value) > most:
        raise _invalid(f"a batch has at most {most} inputs")
    return value


def _properties(kind: str, names: Any) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _invalid("properties are a list of names")
    if unknown := set(names) - set(PROPERTIES[kind]):
        raise _invalid(f"there is no property {min(unknown)!r}")
    return names


def _told(thing: Thing, names: Collection[str]) -> dict[str, Any]:
    """A record with the properties that were asked for, null where there is no value, and those that always come."""
    created = written(thing.created)
    asked = {name: thing.properties.get(name) or None for name in names}
    always = {
        "createdate" if thing.kind in (CONTACTS, COMPANIES, DEALS) else "hs_createdate": created,
        MODIFIED[thing.kind]: created,
    }
    properties = dict(sorted({**asked, **always, "hs_object_id": thing.id}.items()))
    return {"id": thing.id, "properties": properties, "createdAt": created, "updatedAt": created, "archived": False}


def _associated_ids(kind: str, to: str, which: str, ids: Sequence[str]) -> dict[str, Any]:
    name = f"{SINGULAR[kind]}_to_{SINGULAR[to]}"
    types = (name, f"{name}_unlabeled") if to == COMPANIES else (name,)
    told = [{"id": to_id, "type": each} for each in types for to_id in ids[:ASSOCIATIONS_A_PAGE]]
    more = {"paging": {"next": {"after": ids[ASSOCIATIONS_A_PAGE]}}} if len(ids) > ASSOCIATIONS_A_PAGE else {}
    return {"results": told, **more}


def _no_associations(kind: str, to: str, which: str) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {SINGULAR[to]} is associated with {SINGULAR[kind]} {which}.",
        "context": {"fromObjectId": [which], "fromObjectType": [SINGULAR[kind]], "toObjectType": [SINGULAR[to]]},
    }


def _filter(kind: str, groups: Any) -> Callable[[Thing], bool]:
    """Groups are joined by OR, the filters in each by AND."""
    if not isinstance(groups, list) or len(groups) > MOST_GROUPS:
        raise _invalid(f"there are at most {MOST_GROUPS} filterGroups")
    all_groups = [
        [_condition(kind, each) for each in _list(_object(group, {"filters"})["filters"], MOST_FILTERS_A_GROUP)]
        for group in groups
    ]
    if sum(map(len, all_groups)) > MOST_FILTERS:
        raise _invalid(f"there are at most {MOST_FILTERS} filters")
    return lambda thing: not all_groups or any(all(condition(thing) for condition in group) for group in all_groups)


def _condition(kind: str, given: Any) -> Callable[[Thing], bool]:
    asked = _object(given, {"propertyName", "operator"}, {"value", "values", "highValue"})
    name, operator = asked["propertyName"], asked["operator"]
    if name not in _FILTERS[kind] or operator not in _FILTERS[kind][name]:
        raise _invalid(f"{name!r} is not asked for by {operator!r}")
    wanted = {"IN": {"values"}, "BETWEEN": {"value", "highValue"}}.get(operator, {"value"})
    _object(asked, {"propertyName", "operator", *wanted})
    if operator == "IN":
        return _among(name, _list(asked["values"], LONGEST_SEARCH))
    if not all(isinstance(asked[each], str) and asked[each] for each in wanted):
        raise _invalid("a value is a text")
    if operator == "BETWEEN":
        first, last = int(asked["value"]), int(asked["highValue"])
        return lambda thing: bool(thing.properties.get(name)) and first <= _milliseconds(thing.properties[name]) <= last
    if operator == "CONTAINS_TOKEN":
        pattern = re.sub(r"([\[\]?])", r"[\1]", asked["value"].lower())
        return lambda thing: fnmatchcase(thing.properties.get(name, "").lower(), pattern)
    return lambda thing: thing.properties.get(name, "").lower() == asked["value"].lower()


def _among(name: str, values: Sequence[Any]) -> Callable[[Thing], bool]:
    if not all(isinstance(value, str) for value in values):
        raise _invalid("values are texts")
    if name in _ENUMERATIONS:
        return lambda thing: bool(set(filter(None, thing.properties.get(name, "").split(";"))) & set(values))
    if any(value != value.lower() for value in values):
        raise _invalid("values of a string property must be in lower case")
    return lambda thing: thing.properties.get(name, "").lower() in set(values) - {""}


def _query(kind: str, query: Any) -> Callable[[Thing], bool]:
    """A value that has the text within it."""
    if not isinstance(query, str) or not query.strip() or len(query.split()) > 1:
        raise _invalid("query is one word")
    return lambda thing: any(query.lower() in thing.properties.get(name, "").lower() for name in _SEARCHED[kind])


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def _page(results: Sequence[Mapping[str, Any]], query: Mapping[str, str], most: int) -> dict[str, Any]:
    limit, after = query.get("limit", "100"), query.get("after", "0")
    if not (limit.isdigit() and 0 < int(limit) <= most and after.isdigit()):
        raise _invalid(f"limit must be between 1 and {most}")
    start = int(after)
    end = start + int(limit)
    more = {"paging": {"next": {"after": str(end), "link": "https://api.hubapi.com/ignored"}}} if end < len(results) else {}
    return {"results": list(results[start:end]), **more}


def _user(owner: Owner) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": owner.user_id,
        "email": owner.email,
        "firstName": owner.first_name,
        "lastName": owner.last_name,
        "roleIds": [],
        "superAdmin": owner.super_admin,
    }
    if owner.teams:
        told |= {"primaryTeamId": owner.teams[0], "secondaryTeamIds": owner.teams[1:]}
    return told


def _stage(stage: Stage, place: int) -> dict[str, Any]:
    return {
        "id": stage.id,
        "label": stage.label,
        "displayOrder": place,
        "metadata": {"isClosed": str(stage.closed).lower(), "probability": str(stage.probability)},
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        "archived": False,
        **_made(),
    }


def _made() -> dict[str, str]:
    return {"createdAt": "2025-01-02T09:00:00Z", "updatedAt": "2025-01-02T09:00:00Z"}
