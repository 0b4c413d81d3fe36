"""Pipedrive as one of its users sees it: read only, each address asked for by itself, and one mail's main person in two round trips."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import inf
from typing import Any, TypeVar

import idna

from crm_client.fields import Record, inner, inner_all, text
from crm_client.memory import Memory
from crm_client.pipedrive.addresses import PIPEDRIVE
from crm_client.pipedrive.records import Records, emails_of, id_of, organisation_of, stages_of, user_of
from crm_client.pipedrive.server import PAGE, NoTime, PipedriveUser
from crm_client.records import by_address, known_account, open_first, owners_of, people_of, soonest_first
from mailmagnet.addresses import domain_of
from mailmagnet.crm import (
    Account,
    Capabilities,
    Contact,
    CrmSettings,
    Currency,
    Deal,
    Found,
    KnownAccount,
    Lead,
    LookUp,
    Module,
    Profile,
    RecordPage,
    RecordPeople,
    Rights,
    Senders,
    User,
)
from mailmagnet.errors import NotAuthorised, NotFound, NotSupported, Upstream
from mailmagnet.templates import Template

Result = TypeVar("Result")
Person = TypeVar("Person", Contact, Lead)

CAPABILITIES = Capabilities(
    rights=Rights.USER,
    record_page=RecordPage.PANEL,
    addresses_a_call=1,
    search_from=2,
    second_addresses=True,
    leads=True,
    pipelines=True,
    deal_currency=True,
    planned_activities=True,
    activities=True,
    notes=True,
    owners=True,
)
MOST_DEALS, MOST_PEOPLE = 1000, 500
"""Of one contact or account that are read; more are said to be there."""
MOST_OPEN_DEALS = 5000
"""Of a whole company that are read for those that close in some days: Pipedrive cannot be asked for a span of days."""
MOST_PLANNED, MOST_DONE, MOST_NOTES = 500, 5, 3
IDS_A_CALL, SEARCH_PAGE = 100, 100
LONGEST_ID = 15
_PERSONS, _DEALS, _ORGANIZATIONS = "/api/v2/persons", "/api/v2/deals", "/api/v2/organizations"
_ACTIVITIES, _NOTES, _LEADS, _USERS = "/api/v2/activities", "/api/v1/notes", "/api/v1/leads", "/api/v1/users"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Key = tuple[str, str, str, str]
"""One connection: org, user, the company's origin, the user's id there."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What all views of a process share: who asks, for a minute; names of users and stages, a quarter of an hour."""

    me: Memory[Key, Record]
    settings: Memory[Key, CrmSettings]
    names: Memory[Key, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class _Hit:
    """A person whom a search has found, and the leads that hang on that person."""

    person: Record
    leads: tuple[Record, ...]


class PipedriveCrm:
    """`mailmagnet.crm.Crm` for one user of one company. A person of whom there is a lead and no deal is told as a lead."""

    def __init__(self, asking: PipedriveUser, key: Key, remembered: Remembered) -> None:
        self._asking = asking
        self._key = key
        self._remembered = remembered

    @property
    def name(self) -> str:
        return PIPEDRIVE.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        """The front's people first, then as many of the others' as there are turns for till `by`. A domain is asked for only where nobody
        asked of it is known: then nobody needs to be told who else is there."""
        self._check()
        hits = {address: asyncio.create_task(self._hits(address)) for address in front}
        hits |= {address: asyncio.create_task(self._hits(address, by=by)) for address in others if address not in hits}
        records = asyncio.create_task(self._records())
        in_front = asyncio.create_task(self._told([hits[address] for address in front], records, in_detail=True))
        beside = {
            address: asyncio.create_task(self._told([hits[address]], records)) for address in others if address not in front
        }
        accounts = {domain: asyncio.create_task(self._account_at(domain, hits, records, by)) for domain in domains}
        tasks: list[asyncio.Task[object]] = [*hits.values(), records, in_front, *beside.values(), *accounts.values()]
        try:
            contacts, leads = await in_front
            if waited_for := [*beside.values(), *accounts.values()]:
                await asyncio.wait(waited_for, timeout=max(by - asyncio.get_running_loop().time(), 0))
            not_asked = frozenset(address for address, task in beside.items() if not _has_come(task))
            for task in (task for address, task in beside.items() if address not in not_asked):
                contacts, leads = [*contacts, *task.result()[0]], [*leads, *task.result()[1]]
            known = {domain: account for domain, task in accounts.items() if _has_come(task) and (account := task.result())}
            self._raise_of_front(front, accounts)
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        asked = [*front, *others]
        return LookUp(by_address(asked, open_first(_each_once(contacts))), by_address(asked, _each_once(leads)), known, not_asked)

    async def senders(self, addresses: Collection[str]) -> Senders:
        self._check()
        asked = list(dict.fromkeys(addresses))
        records, *hits = await _all([self._records(), *(self._hits(address, job=True) for address in asked)])
        contacts, leads = await self._known([hit for found in hits for hit in found], records)
        return Senders(by_address(asked, open_first(contacts)), by_address(asked, leads))

    async def contact(self, contact_id: str) -> Contact:
        self._check()
        number = _number(contact_id)
        records, person, (deals, more), *details = await _all(
            [self._records(), self._asking.one(f"{_PERSONS}/{number}"), self._deals_of(number), *self._details(number)]
        )
        accounts = await self._accounts(records, [id_of(person, "org_id"), *(id_of(deal, "org_id") for deal in deals)])
        return _contact(records, person, accounts, deals, more, details)

    async def lead(self, lead_id: str) -> Lead:
        self._check()
        if not _UUID.fullmatch(lead_id):
            raise NotFound(PIPEDRIVE, "this is no lead's id")
        records: Records
        records, lead = await _all([self._records(), self._asking.one(f"{_LEADS}/{lead_id}")])
        person, organization = id_of(lead, "person_id"), id_of(lead, "organization_id")
        found, company = await _all(
            [
                self._asking.one_or_none(f"{_PERSONS}/{person}") if person else _nothing(),
                self._asking.one_or_none(f"{_ORGANIZATIONS}/{organization}") if organization else _nothing(),
            ]
        )
        return records.lead(lead, found or {}, text(company or {}, "name"))

    async def deal(self, deal_id: str) -> Deal:
        self._check()
        records: Records
        records, deal = await _all([self._records(), self._asking.one(f"{_DEALS}/{_number(deal_id)}")])
        return records.deal(deal, await self._accounts(records, [id_of(deal, "org_id")]))

    async def account(self, account_id: str) -> KnownAccount:
        self._check()
        number = _number(account_id)
        records, account = await _all([self._records(), self._asking.one(f"{_ORGANIZATIONS}/{number}")])
        return await self._with_its_people(records, records.organization(account))

    async def record_people(self, module: Module, record_id: str) -> RecordPeople:
        """A deal's people are its own and its participants."""
        if module is Module.LEADS:
            lead = await self.lead(record_id)
            return people_of(lead.name, [lead], owners_of([lead]))
        if module is Module.CONTACTS:
            contact = await self.contact(record_id)
            return people_of(contact.name, [contact], owners_of([contact, contact.account, *contact.deals]))
        number = _number(record_id)
        if module is Module.DEALS:
            deal, records, (people, _) = await _all(
                [self.deal(record_id), self._records(), self._asking.all(_PERSONS, MOST_PEOPLE, deal_id=number)]
            )
            contacts = [records.contact(each, {}) for each in people]
            return people_of(deal.name, contacts, owners_of([deal, deal.account, *contacts]))
        self._check()
        records, organization, (people, _), (deals, _) = await _all(
            [
                self._records(),
                self._asking.one(f"{_ORGANIZATIONS}/{number}"),
                self._asking.all(_PERSONS, MOST_PEOPLE, org_id=number),
                self._asking.all(_DEALS, MOST_DEALS, org_id=number),
            ]
        )
        account = records.organization(organization)
        contacts = [records.contact(each, {}) for each in people]
        return people_of(account.name, contacts, owners_of([account, *(records.deal(each, {}) for each in deals), *contacts]))

    async def search(self, words: str, most: int) -> Found:
        """Records by their names, people by their addresses too, and all that belongs to a company by the company's name."""
        self._check()
        if len(words.strip()) < CAPABILITIES.search_from:
            return Found()
        records, answer = await _all(
            [
                self._records(),
                self._asking.search(
                    term=words,
                    item_types="person,organization,deal,lead",
                    fields="name,email,title",
                    search_for_related_items=True,
                    limit=SEARCH_PAGE,
                ),
            ]
        )
        return await self._found(records, answer, most)

    async def deals_closing(self, first: date, last: date) -> Sequence[Deal]:
        """Raises NotSupported where the company has more open deals than are read for it."""
        self._check()
        records, (deals, more) = await _all([self._records(), self._asking.all(_DEALS, MOST_OPEN_DEALS, status="open")])
        if more:
            raise NotSupported(
                PIPEDRIVE, f"it cannot be asked for a span of days, and has more than {MOST_OPEN_DEALS} open deals"
            )
        closing = [deal for deal in deals if first.isoformat() <= text(deal, "expected_close_date")[:10] <= last.isoformat()]
        accounts = await self._accounts(records, [id_of(deal, "org_id") for deal in closing])
        return soonest_first(records.deal(deal, accounts) for deal in closing)

    async def settings(self) -> CrmSettings:
        """Currencies: the company's list has no rates, so there is the user's own alone."""
        self._check()
        return await self._settings()

    async def me(self) -> User:
        return user_of(await self._me(), self._asking.access.listed)

    async def administrators(self) -> Sequence[User]:
        await self._me()
        users = [user_of(each) for each in await self._asking.list(_USERS)]
        return tuple(user for user in users if user.active and user.profile.administrator)

    async def users(self) -> Sequence[User]:
        self._check()
        return tuple(user_of(each) for each in await self._asking.list(_USERS))

    async def profiles(self) -> Sequence[Profile]:
        """Which permission sets there are, only an admin's token is told: so there are two, admins and the others."""
        return tuple(dict.fromkeys(user.profile for user in await self.users()))

    async def templates(self) -> Sequence[Template]:
        """None: Pipedrive's cannot be read over its API."""
        self._check()
        return ()

    # Who is asked for

    async def _hits(self, address: str, job: bool = False, by: float = inf) -> list[_Hit]:
        """The people with an address. Pipedrive finds it as it is written there: so each of its spellings is asked for."""
        found: dict[str, _Hit] = {}
        for term in _spellings(address):
            for hit in await self._people(term, job, by, exact_match=True):
                if address in emails_of(hit.person):
                    found[id_of(hit.person)] = hit
        return list(found.values())

    async def _people(self, term: str, job: bool = False, by: float = inf, **more: object) -> list[_Hit]:
        answer = await self._asking.search(
            job, by, term=term, item_types="person", fields="email", search_for_related_items=True, limit=SEARCH_PAGE, **more
        )
        leads = [
            item for item in _items(answer, "related_items") if item.get("type") == "lead" and item.get("is_archived") is not True
        ]
        return [
            _Hit(item, tuple(lead for lead in leads if id_of(lead, "person") == id_of(item)))
            for item in _items(answer, "items")
            if item.get("type") == "person"
        ]

    async def _told(
        self, searching: "Collection[asyncio.Task[list[_Hit]]]", records: "asyncio.Task[Records]", in_detail: bool = False
    ) -> tuple[list[Contact], list[Lead]]:
        """What searches that are under way have found, with all that belongs to it."""
        hits = {id_of(hit.person): hit for task in searching for hit in await asyncio.shield(task)}
        return await self._known(list(hits.values()), await asyncio.shield(records), in_detail)

    async def _known(self, hits: Sequence[_Hit], records: Records, in_detail: bool = False) -> tuple[list[Contact], list[Lead]]:
        """People with their deals; in detail with their own records, activities and notes too."""
        hits = list({id_of(hit.person): hit for hit in hits}.values())
        organizations = [id_of(hit.person, "organization") for hit in hits]
        accounts, *people = await _all(
            [self._accounts(records, organizations), *(self._around(id_of(hit.person), in_detail) for hit in hits)]
        )
        others = {id_of(deal, "org_id") for _, deals, _, _ in people for deal in deals} - {"", *organizations}
        accounts = {**accounts, **await self._accounts(records, sorted(others))}
        contacts, leads = list[Contact](), list[Lead]()
        for hit, (person, deals, more, details) in zip(hits, people, strict=True):
            leads += [records.lead(lead, hit.person, text(inner(lead, "organization"), "name")) for lead in hit.leads]
            if deals or not hit.leads:
                contacts.append(_contact(records, person or hit.person, accounts, deals, more, details))
        return contacts, leads

    async def _around(self, person: str, in_detail: bool) -> tuple[Record | None, list[Record], bool, Sequence[list[Record]]]:
        """A person's own record and details, if wanted, and deals."""
        if not in_detail:
            deals, more = await self._deals_of(person)
            return None, deals, more, ()
        record, (deals, more), *details = await _all(
            [self._asking.one_or_none(f"{_PERSONS}/{person}"), self._deals_of(person), *self._details(person)]
        )
        return record, deals, more, details

    def _details(self, person: str) -> Sequence[Awaitable[list[Record]]]:
        """A person's planned activities, the last ones that are done, and the last notes."""
        newest = {"person_id": person, "sort_by": "due_date", "sort_direction": "desc"}
        return (
            _first(self._asking.all(_ACTIVITIES, MOST_PLANNED, done=False, **newest)),
            _first(self._asking.all(_ACTIVITIES, MOST_DONE, done=True, **newest)),
            self._asking.list(_NOTES, person_id=person, sort="add_time DESC", limit=MOST_NOTES),
        )

    async def _deals_of(self, person: str) -> tuple[list[Record], bool]:
        """Those that were changed last, and whether there are more."""
        return await self._asking.all(_DEALS, MOST_DEALS, person_id=person, sort_by="update_time", sort_direction="desc")

    async def _accounts(self, records: Records, ids: Iterable[str]) -> dict[str, Account]:
        """Organisations by id, those that the user may see."""
        wanted = sorted({each for each in ids if each}, key=int)
        if len(wanted) == 1:
            only = await self._asking.one_or_none(f"{_ORGANIZATIONS}/{wanted[0]}")
            found = [only] if only else []
        else:
            pages = await _all(
                [
                    self._asking.all(_ORGANIZATIONS, IDS_A_CALL, ids=",".join(wanted[start : start + IDS_A_CALL]))
                    for start in range(0, len(wanted), IDS_A_CALL)
                ]
            )
            found = [each for organizations, _ in pages for each in organizations]
        return {account.id: account for account in map(records.organization, found)}

    # Who is at a company

    async def _account_at(
        self, domain: str, hits: "Mapping[str, asyncio.Task[list[_Hit]]]", records: "asyncio.Task[Records]", by: float
    ) -> KnownAccount | None:
        """The organisation of most people whose addresses are at the domain, unless somebody who was asked for is one of them. Pipedrive
        cannot be asked for an organisation by its website."""
        asked = [task for address, task in hits.items() if _is_at(address, domain)]
        if asked and any(found for found in await asyncio.gather(*map(asyncio.shield, asked))):
            return None
        there: Counter[str] = Counter()
        for term in _spellings(domain):
            for hit in await self._people(term, by=by):
                organization = id_of(hit.person, "organization")
                if organization and not hit.leads and any(_is_at(address, domain) for address in emails_of(hit.person)):
                    there[organization] += 1
        for organization, _ in sorted(there.items(), key=lambda each: (-each[1], int(each[0]))):
            account = await self._asking.one_or_none(f"{_ORGANIZATIONS}/{organization}")
            if account:
                known = await asyncio.shield(records)
                return await self._with_its_people(known, known.organization(account))
        return None

    async def _with_its_people(self, records: Records, account: Account) -> KnownAccount:
        (people, _), (deals, more) = await _all(
            [
                self._asking.all(_PERSONS, MOST_PEOPLE, org_id=account.id),
                self._asking.all(_DEALS, MOST_DEALS, org_id=account.id, status="open"),
            ]
        )
        accounts = {account.id: account}
        open_deals = [records.deal(deal, accounts) for deal in deals]
        contacts = [
            records.contact(each, accounts, soonest_first(deal for deal in open_deals if id_of(each) in deal.contact_ids))
            for each in people
        ]
        known = known_account(account, contacts, open_deals)
        return KnownAccount(known.account, known.contacts, known.contact_count, known.open_deals, more)

    def _raise_of_front(self, front: Collection[str], accounts: "Mapping[str, asyncio.Task[KnownAccount | None]]") -> None:
        """What failed for the company of the person in front, or for one of nobody's, is raised; what there was no time for is not told."""
        for domain, task in accounts.items():
            problem = task.exception() if task.done() and not task.cancelled() else None
            if isinstance(problem, Upstream) and (not front or any(_is_at(address, domain) for address in front)):
                raise problem

    # What a search has found

    async def _found(self, records: Records, answer: Record, most: int) -> Found:
        """Related items are told too where they belong to an organisation that was found, leads also where they belong to a person."""
        items, related = _items(answer, "items"), _items(answer, "related_items")
        organizations = _of_kind("organization", items)
        there = {id_of(each) for each in organizations}
        at = [each for each in related if id_of(each, "organization") in there]
        people = _each_item_once([*_of_kind("person", items), *_of_kind("person", at)])
        deals = _each_item_once([*_of_kind("deal", items), *_of_kind("deal", at)])
        leads = _each_item_once([*_of_kind("lead", items), *_of_kind("lead", related)])
        with_deals = {id_of(each, "person") for each in _of_kind("deal", [*items, *related])}
        with_leads = {id_of(each, "person") for each in leads}
        people = [each for each in people if id_of(each) in with_deals or id_of(each) not in with_leads]
        told = people[:most], organizations[:most], deals[:most], leads[:most]
        persons, accounts, read_deals = await self._read(records, *told[:3])
        has_more = {"contacts": people, "accounts": organizations, "deals": deals, "leads": leads}
        goes_on = bool(text(inner(answer, "additional_data"), "next_cursor"))
        return Found(
            contacts=tuple(records.contact(persons.get(id_of(each), each), accounts) for each in told[0]),
            accounts=tuple(accounts[id_of(each)] for each in told[1] if id_of(each) in accounts),
            deals=tuple(records.deal(read_deals[id_of(each)], accounts) for each in told[2] if id_of(each) in read_deals),
            leads=tuple(records.lead(each, _of_lead(each), text(inner(each, "organization"), "name")) for each in told[3]),
            more=frozenset(kind for kind, found in has_more.items() if goes_on or len(found) > most),
        )

    async def _read(
        self, records: Records, people: Sequence[Record], organizations: Sequence[Record], deals: Sequence[Record]
    ) -> tuple[dict[str, Record], dict[str, Account], dict[str, Record]]:
        """What the search has not told of what it found, each by id."""
        all_of_them = [*people, *deals]
        persons, accounts, read_deals = await _all(
            [
                self._by_ids(_PERSONS, people),
                self._accounts(records, [*(id_of(each, "organization") for each in all_of_them), *map(id_of, organizations)]),
                self._by_ids(_DEALS, deals),
            ]
        )
        return persons, accounts, read_deals

    async def _by_ids(self, path: str, items: Sequence[Record]) -> dict[str, Record]:
        if not items:
            return {}
        found, _ = await self._asking.all(path, IDS_A_CALL, ids=",".join(id_of(each) for each in items[:IDS_A_CALL]))
        return {id_of(each): each for each in found}

    # What is remembered

    def _check(self) -> None:
        """Raises NotListed for a user who is not on the admin's list: Pipedrive's profiles know no such permission."""
        self._asking.access.check_listed()

    async def _records(self) -> Records:
        names, settings = await _all([self._names(), self._settings()])
        return Records(self._key[2], self._key[3], names, {stage.id: stage for stage in settings.stages})

    async def _me(self) -> Record:
        me = await self._remembered.me.get(self._key, lambda: self._asking.one(f"{_USERS}/me"))
        if me.get("active_flag") is False:
            raise NotAuthorised(PIPEDRIVE, "the user is not there any more")
        return me

    async def _names(self) -> Mapping[str, str]:
        """The company's users by id."""

        async def ask() -> Mapping[str, str]:
            return {id_of(each): text(each, "name") for each in await self._asking.list(_USERS)}

        return await self._remembered.names.get(self._key, ask)

    async def _settings(self) -> CrmSettings:
        async def ask() -> CrmSettings:
            me, (stages, _), (pipelines, _) = await _all(
                [self._me(), self._asking.all("/api/v2/stages", PAGE), self._asking.all("/api/v2/pipelines", PAGE)]
            )
            organisation = organisation_of(me)
            home = organisation.home_currency
            return CrmSettings(
                organisation, stages_of(stages, pipelines), (Currency(home, home, Decimal(1), home=True),) if home else ()
            )

        return await self._remembered.settings.get(self._key, ask)


def _contact(
    records: Records,
    person: Record,
    accounts: Mapping[str, Account],
    deals: Sequence[Record],
    more: bool,
    details: Sequence[Sequence[Record]],
) -> Contact:
    told = soonest_first(records.deal(deal, accounts) for deal in deals)
    planned, done, notes = details or ((), (), ())
    return records.contact(person, accounts, told, [*planned, *done], notes, more)


async def _all(asked: Sequence[Awaitable[Any]]) -> list[Any]:
    """The answers to questions that are asked at once. The first one that fails ends the others, and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_as_coroutine(each)) for each in asked]
    except BaseExceptionGroup as several:
        raise _first_problem(several) from None
    return [task.result() for task in tasks]


async def _as_coroutine(asked: Awaitable[Result]) -> Result:
    return await asked


def _first_problem(several: BaseExceptionGroup[BaseException]) -> BaseException:
    first = several.exceptions[0]
    return _first_problem(first) if isinstance(first, BaseExceptionGroup) else first


async def _first(asked: Awaitable[tuple[list[Record], bool]]) -> list[Record]:
    """A list's records, however many more there are."""
    return (await asked)[0]


async def _nothing() -> None:
    return None


def _has_come(task: "asyncio.Task[object]") -> bool:
    """Whether a task has an answer: what it failed with for one of the others says that nothing is known of that one."""
    if not task.done() or task.cancelled():
        return False
    problem = task.exception()
    if problem is not None and not isinstance(problem, Upstream | NoTime):
        raise problem
    return problem is None


def _number(record_id: str) -> str:
    if not record_id.isascii() or not record_id.isdigit() or len(record_id) > LONGEST_ID:
        raise NotFound(PIPEDRIVE, "this is no record's id")
    return record_id


def _spellings(address: str) -> tuple[str, ...]:
    """An address, or a domain, with its domain in ASCII and, where that stands for other letters, in those."""
    local, at, domain = address.rpartition("@")
    if "xn--" not in domain:
        return (address,)
    try:
        return (address, f"{local}{at}{idna.decode(domain)}")
    except idna.IDNAError:
        return (address,)


def _is_at(address: str, domain: str) -> bool:
    at = domain_of(address)
    return at == domain or at.endswith(f".{domain}")


def _items(answer: Record, name: str) -> list[Record]:
    return [inner(each, "item") for each in inner_all(inner(answer, "data"), name)]


def _of_kind(kind: str, items: Iterable[Record]) -> list[Record]:
    return [each for each in items if each.get("type") == kind and each.get("is_archived") is not True]


def _each_item_once(items: Iterable[Record]) -> list[Record]:
    return list({str(each.get("id")): each for each in items}.values())


def _each_once(people: "Iterable[Person]") -> "list[Person]":
    return list({each.id: each for each in people}.values())


def _of_lead(item: Record) -> Record:
    """The person of a lead that a search has found."""
    return {"name": text(inner(item, "person"), "name"), "emails": item.get("emails"), "phones": item.get("phones")}
