"""The questions that HubSpot is asked: batches, associations, searches, settings, each cut as its limits want it.

All values stand in JSON and are never a part of a question's own words; the one address that stands in a path is quoted here.
"""

import json
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from crm_client.fields import Record, inner, inner_all, text
from crm_client.hubspot.addresses import HUBSPOT
from crm_client.hubspot.server import HubSpotServer
from crm_client.records import readable
from crm_client.renewal import CrmAccess
from crm_client.side_by_side import all_of
from crm_client.spelled import spelled
from mailmagnet.errors import BadAnswer, NotFound, Unavailable

VERSION = "2026-09"
USERS = f"/settings/users/{VERSION}"
CONTACTS, COMPANIES, DEALS = "contacts", "companies", "deals"
CALLS, MEETINGS, TASKS, NOTES = "calls", "meetings", "tasks", "notes"

_OWNED = ("hubspot_owner_id", "hubspot_team_id", "hs_shared_user_ids", "hs_shared_team_ids")
PROPERTIES: Mapping[str, Sequence[str]] = {
    CONTACTS: (
        *("email", "hs_additional_emails", "firstname", "lastname", "jobtitle", "phone", "company", "associatedcompanyid"),
        *_OWNED,
    ),
    COMPANIES: ("name", "domain", "phone", *_OWNED),
    DEALS: (
        *("dealname", "amount", "deal_currency_code", "closedate", "dealstage", "pipeline", "hs_is_closed", "hs_is_closed_won"),
        *("hs_primary_associated_company", *_OWNED),
    ),
    CALLS: ("hs_timestamp", "hs_call_title", "hs_call_status", "hubspot_owner_id"),
    MEETINGS: ("hs_timestamp", "hs_meeting_title", "hs_meeting_start_time", "hs_meeting_outcome", "hubspot_owner_id"),
    TASKS: ("hs_timestamp", "hs_task_subject", "hs_task_status", "hubspot_owner_id"),
    NOTES: ("hs_timestamp", "hs_note_body", "hubspot_owner_id"),
}

MOST_READ = 100
"""Records of a batch."""
MOST_ASSOCIATIONS_READ = 1000
"""Records whose associations are asked for at once."""
LONGEST_SEARCH = 3000
"""Characters of a search, all of it."""
MOST_GROUPS = 5
MOST_FOUND_A_PAGE = 200
MOST_OWNERS_A_PAGE = 500
MOST_USERS_A_PAGE = 100
MOST_PAGES = 50
"""Of anything: more is not read."""

Filter = Mapping[str, Any]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found: the records that were read, and how many there are."""

    records: tuple[Record, ...]
    total: int


class Questions:
    """HubSpot's answers to one organisation. Each raises what `HubSpotServer.get` and `CrmAccess.ask` raise."""

    def __init__(self, server: HubSpotServer, access: CrmAccess) -> None:
        self._server = server
        self._access = access

    async def remembered(self, ask: Callable[[str], Awaitable[Result]]) -> Result:
        """What `ask` answers, given the token that is asked with: the same token is the same account."""
        return await self._access.ask(ask)

    # Records

    async def contact_at(self, address: str, associations: Sequence[str]) -> Record | None:
        """The contact whose main address this is, with the ids of what is associated with it; None where there is none."""
        if not may_be_kept(address):
            return None
        return await self._one(CONTACTS, quote(address, safe=""), associations, {"idProperty": "email"})

    async def one(self, kind: str, record_id: str, associations: Sequence[str]) -> Record | None:
        """A record with the ids of what is associated with it; None where there is none."""
        return await self._one(kind, record_id, associations, {}) if is_id(record_id) else None

    async def contacts_at(self, addresses: Collection[str]) -> list[Record]:
        """The contacts whose main addresses these are. HubSpot compares them without case; each is asked for in all its spellings."""
        written = spelled(filter(may_be_kept, addresses))
        return await self._batches(CONTACTS, written, idProperty="email")

    async def contacts_with_second(self, addresses: Collection[str]) -> list[Record]:
        """The contacts that have one of these as an additional address: a search, for HubSpot promises no other way."""
        written = spelled(filter(may_be_kept, addresses))
        searches = [self.found(CONTACTS, [[among("hs_additional_emails", part)]]) for part in parts_of_search(written)]
        return [record for found in await all_of(searches) for record in found.records]

    async def companies_at(self, domains: Collection[str]) -> list[Record]:
        """The companies that have these domains."""
        if not domains:
            return []
        return list((await self.found(COMPANIES, [[among("domain", spelled(domains))]])).records)

    async def contacts_at_domains(self, domains: Collection[str]) -> list[Record]:
        """Contacts whose main addresses are at these domains, or below one of the first few: a search has no room for more."""
        if not domains:
            return []
        below = [
            [{"propertyName": "hs_email_domain", "operator": "CONTAINS_TOKEN", "value": f"*.{domain}"}]
            for domain in sorted(domains)[: MOST_GROUPS - 1]
        ]
        return list((await self.found(CONTACTS, [[among("hs_email_domain", spelled(domains))], *below])).records)

    async def records(self, kind: str, ids: Iterable[str]) -> list[Record]:
        """Records by their ids. Those that are not there any more are left out."""
        return await self._batches(kind, sorted(set(filter(is_id, ids)), key=int))

    async def associated(self, kind: str, ids: Iterable[str], to: str) -> dict[str, tuple[str, ...]]:
        """The ids of what is associated with each record, in HubSpot's order; nothing for a record without any."""
        asked = sorted(set(filter(is_id, ids)), key=int)
        parts = [asked[start : start + MOST_ASSOCIATIONS_READ] for start in range(0, len(asked), MOST_ASSOCIATIONS_READ)]
        found: dict[str, tuple[str, ...]] = {}
        for each in await all_of([self._associated(kind, part, to) for part in parts]):
            found |= each
        return found

    async def found(
        self, kind: str, groups: Sequence[Sequence[Filter]], query: str = "", most: int = MOST_FOUND_A_PAGE
    ) -> Search:
        """At most so many of the records that pass all filters of one group, and hold the query: page by page."""
        asked: dict[str, Any] = {"properties": PROPERTIES[kind], **({"query": query} if query else {})}
        if groups:
            asked["filterGroups"] = [{"filters": list(group)} for group in groups]
        records: list[Record] = []
        total, after = 0, ""
        for _ in range(MOST_PAGES):
            page = {**asked, "limit": min(most - len(records), MOST_FOUND_A_PAGE), **({"after": after} if after else {})}
            answer = await self._post(f"/crm/objects/{VERSION}/{kind}/search", page)
            records += _with_id(_results(answer))
            total = answer["total"] if type(answer.get("total")) is int else len(records)
            after = next_of(answer)
            if not after or len(records) >= most:
                break
        return Search(tuple(records), max(total, len(records)))

    # Settings

    async def owners(self) -> list[Record]:
        """Everybody who may own a record, those of deactivated users too."""
        pages = [
            self._pages(f"/crm/owners/{VERSION}", {"limit": str(MOST_OWNERS_A_PAGE), "archived": archived})
            for archived in ("false", "true")
        ]
        return [owner for owners in await all_of(pages) for owner in owners]

    async def users(self) -> list[Record]:
        """The active users, as the account's settings have them."""
        return await self._pages(USERS, {"limit": str(MOST_USERS_A_PAGE)})

    async def details(self) -> Record:
        return await self._get(f"/account-info/{VERSION}/details", {})

    async def pipelines(self) -> list[Record]:
        return _results(await self._get(f"/crm/pipelines/{VERSION}/deals", {}))

    async def rates(self) -> list[Record]:
        return _results(await self._get(f"/settings/currencies/{VERSION}/exchange-rates/current", {}))

    async def currency_names(self) -> list[Record]:
        return _results(await self._get(f"/settings/currencies/{VERSION}/codes", {}))

    # How they are asked

    async def _get(self, path: str, params: Mapping[str, str]) -> Record:
        return await self._access.ask(lambda token: self._server.get(self._access.org, token, path, params))

    async def _post(self, path: str, body: Mapping[str, Any]) -> Record:
        return await self._access.ask(lambda token: self._server.post(self._access.org, token, path, body))

    async def _one(self, kind: str, which: str, associations: Sequence[str], more: Mapping[str, str]) -> Record | None:
        params = {"properties": ",".join(PROPERTIES[kind]), **more}
        if associations:
            params["associations"] = ",".join(associations)
        try:
            record = await self._get(f"/crm/objects/{VERSION}/{kind}/{which}", params)
        except NotFound:
            return None
        return _checked(record)

    async def _batches(self, kind: str, ids: Sequence[str], **more: str) -> list[Record]:
        path, fields = f"/crm/objects/{VERSION}/{kind}/batch/read", {"properties": PROPERTIES[kind], **more}
        parts = [ids[start : start + MOST_READ] for start in range(0, len(ids), MOST_READ)]
        answers = await all_of([self._post(path, {**fields, "inputs": [{"id": each} for each in part]}) for part in parts])
        return [record for answer in answers for record in _with_id(_results(answer))]

    async def _associated(self, kind: str, ids: Sequence[str], to: str) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        inputs = [{"id": each} for each in ids]
        for _ in range(MOST_PAGES):
            answer = await self._post(f"/crm/associations/{VERSION}/{kind}/{to}/batch/read", {"inputs": inputs})
            inputs = []
            for result in _results(answer):
                which = id_of(inner(result, "from"), "id")
                found.setdefault(which, []).extend(_ids(inner_all(result, "to"), "toObjectId"))
                if after := next_of(result):
                    inputs.append({"id": which, "after": after})
            if not inputs:
                break
        return {which: tuple(dict.fromkeys(ids)) for which, ids in found.items()}

    async def _pages(self, path: str, params: Mapping[str, str]) -> list[Record]:
        records: list[Record] = []
        after: Mapping[str, str] = {}
        for _ in range(MOST_PAGES):
            answer = await self._get(path, {**params, **after})
            records += _results(answer)
            after = {"after": cursor} if (cursor := next_of(answer)) else {}
            if not after:
                break
        return records


def may_be_kept(address: str) -> bool:
    """Whether HubSpot may have this address: it takes no others for one, and one that it refuses must not spoil a question for many."""
    return len(address) <= LONGEST_ADDRESS and bool(_PLAIN.fullmatch(address))


LONGEST_ADDRESS = 254
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[^\s@\"'<>(),:;\[\]\\/?#%]+")
"""https://www.rfc-editor.org/rfc/rfc5322#section-3.2.3, a dot-atom, at a domain of any script."""


def is_id(value: str) -> bool:
    """Whether this may be an id of HubSpot's: they are numbers."""
    return value.isascii() and value.isdigit() and len(value) <= LONGEST_ID


LONGEST_ID = 20


def id_of(record: Record, name: str) -> str:
    """An id, which comes as a number or as text. Raises BadAnswer for a record without it."""
    value = record.get(name)
    written = str(value) if type(value) is int else value
    if not isinstance(written, str) or not is_id(written):
        raise BadAnswer(HUBSPOT, "a record has no id")
    return written


def associated_ids(record: Record, to: str) -> tuple[tuple[str, ...], bool]:
    """The ids in a single record's answer, each once, and whether HubSpot has more of them."""
    told = inner(inner(record, "associations"), to)
    return tuple(dict.fromkeys(_ids(inner_all(told, "results"), "id"))), bool(next_of(told))


def among(name: str, values: Iterable[str]) -> Filter:
    """A filter: the property has one of these values."""
    return {"propertyName": name, "operator": "IN", "values": sorted(values)}


def parts_of_search(values: Sequence[str]) -> list[list[str]]:
    """Values in as few lists as a search's length allows."""
    room = LONGEST_SEARCH - _length({"properties": PROPERTIES[CONTACTS]}) - MARGIN
    parts: list[list[str]] = []
    left = 0
    for value in values:
        size = _length(value) + 1
        if size > left:
            parts.append([])
            left = room
        parts[-1].append(value)
        left -= size
    return parts


MARGIN = 200
"""Characters for the rest of a search: its filter's name, its limit and its cursor."""


def _length(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":")))


def _results(answer: Record) -> list[Record]:
    """Raises Unavailable where a part of a batch failed: what is not there is told, and is no failure."""
    if any(text(error, "category") != "OBJECT_NOT_FOUND" for error in inner_all(answer, "errors")):
        raise Unavailable(HUBSPOT, "a part of a batch failed")
    if answer.get("status", "COMPLETE") != "COMPLETE":
        raise BadAnswer(HUBSPOT, "a batch is not complete")
    results = answer.get("results")
    if not isinstance(results, list) or not all(isinstance(each, dict) for each in results):
        raise BadAnswer(HUBSPOT, "the answer holds no results")
    return results


def _checked(record: Record) -> Record:
    id_of(record, "id")
    return record


def _ids(records: Iterable[Record], name: str) -> list[str]:
    return readable(lambda record: id_of(record, name), records)


def _with_id(records: Iterable[Record]) -> list[Record]:
    """What has no id is no record, and hides no other."""
    return readable(_checked, records)


def next_of(answer: Record) -> str:
    return text(inner(inner(answer, "paging"), "next"), "after")
