"""Pipedrive as one of its users sees it: read only, each address asked for by itself, and one mail's main person in two round trips."""

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from crm_client.fields import Record, text
from crm_client.memory import Memory
from crm_client.pipedrive.addresses import PIPEDRIVE
from crm_client.pipedrive.found import found_by
from crm_client.pipedrive.people import (
    DEALS,
    MOST_DEALS,
    MOST_PEOPLE,
    ORGANIZATIONS,
    PERSONS,
    Hit,
    People,
)
from crm_client.pipedrive.records import Records, id_of, organisation_of, stages_of, user_of
from crm_client.pipedrive.server import JOBS, PAGE, NoTime, PipedriveUser, Turn
from crm_client.records import by_address, is_at, open_first, owners_of, people_of, readable, soonest_first
from crm_client.side_by_side import all_of
from mailmagnet.crm import (
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
from mailmagnet.deadline import in_time
from mailmagnet.errors import NotAuthorised, NotFound, NotSupported, Upstream
from mailmagnet.templates import Template

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
MOST_OPEN_DEALS = 5000
"""Of a whole company that are read for those that close in some days: Pipedrive cannot be asked for a span of days."""
_USERS, _LEADS = "/api/v1/users", "/api/v1/leads"
_NUMBER = re.compile(r"[1-9][0-9]{0,14}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Key = tuple[str, str, str, str]
"""One connection: org, user, the company's origin, the user's id there."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What all views of a process share: who asks, for a minute; the settings and users' names, a quarter of an hour."""

    me: Memory[Key, Record]
    settings: Memory[Key, CrmSettings]
    names: Memory[Key, Mapping[str, str]]


class PipedriveCrm:
    """`mailmagnet.crm.Crm` for one user of one company."""

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
        self._asking.access.check_listed()
        people = People(self._asking, self._records)
        hits = {address: asyncio.create_task(people.with_address(address)) for address in front}
        beside = [address for address in others if address not in hits]
        hits |= {address: asyncio.create_task(people.with_address(address, Turn(in_front=False, by=by))) for address in beside}
        in_front = asyncio.create_task(_known(people, [hits[address] for address in front], in_detail=True))
        of_others = {address: asyncio.create_task(_known(people, [hits[address]])) for address in beside}
        at = {
            domain: asyncio.create_task(_account_at(people, domain, hits, Turn(_is_about(domain, front), by)))
            for domain in domains
        }
        tasks = [in_front, *of_others.values(), *at.values(), *hits.values()]
        try:
            contacts, leads = await in_time(PIPEDRIVE, by, in_front)
            await _wait_for([*of_others.values(), *at.values()], by)
            told = {address: task.result() for address, task in of_others.items() if _has_come(task)}
            accounts = {domain: account for domain, task in at.items() if _has_come(task) and (account := task.result())}
            _raise_of_front(front, at)
        finally:
            await _end(tasks)
        contacts = [*contacts, *(contact for theirs, _ in told.values() for contact in theirs)]
        leads = [*leads, *(lead for _, theirs in told.values() for lead in theirs)]
        asked, not_asked = [*front, *told], frozenset(beside) - told.keys()
        return LookUp(
            by_address(asked, open_first(_each_once(contacts))), by_address(asked, _each_once(leads)), accounts, not_asked
        )

    async def senders(self, addresses: Collection[str]) -> Senders:
        self._asking.access.check_listed()
        people, asked = People(self._asking, self._records), list(dict.fromkeys(addresses))
        if not asked:
            return Senders({})
        hits = await all_of([people.with_address(address, JOBS) for address in asked])
        contacts, leads = await people.known(hit for found in hits for hit in found)
        return Senders(by_address(asked, open_first(contacts)), by_address(asked, leads))

    async def contact(self, contact_id: str) -> Contact:
        self._asking.access.check_listed()
        return await People(self._asking, self._records).contact(_number(contact_id))

    async def lead(self, lead_id: str) -> Lead:
        self._asking.access.check_listed()
        if not _UUID.fullmatch(lead_id):
            raise NotFound(PIPEDRIVE, "this is no lead's id")
        lead = await self._asking.one(f"{_LEADS}/{lead_id}")
        records: Records
        records, person, organization = await all_of(
            [
                self._records(),
                self._linked(PERSONS, id_of(lead, "person_id")),
                self._linked(ORGANIZATIONS, id_of(lead, "organization_id")),
            ]
        )
        return records.lead(lead, person, text(organization, "name"))

    async def deal(self, deal_id: str) -> Deal:
        self._asking.access.check_listed()
        deal = await self._asking.one(f"{DEALS}/{_number(deal_id)}")
        records = await self._records()
        return records.deal(deal, await People(self._asking, self._records).accounts([id_of(deal, "org_id")]))

    async def account(self, account_id: str) -> KnownAccount:
        self._asking.access.check_listed()
        known = await People(self._asking, self._records).account(_number(account_id))
        if not known:
            raise NotFound(PIPEDRIVE, "there is no such organisation for this user")
        return known

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
            deal, contacts = await all_of([self.deal(number), self._people_of(deal_id=number)])
            return people_of(deal.name, contacts, owners_of([deal, deal.account, *contacts]))
        known, contacts, (deals, _), records = await all_of(
            [
                self.account(number),
                self._people_of(org_id=number),
                self._asking.records(DEALS, MOST_DEALS, org_id=number),
                self._records(),
            ]
        )
        owned = [known.account, *readable(lambda deal: records.deal(deal, {}), deals), *contacts]
        return people_of(known.account.name, contacts, owners_of(owned))

    async def search(self, words: str, most: int) -> Found:
        self._asking.access.check_listed()
        if len(words.strip()) < CAPABILITIES.search_from:
            return Found()
        return await found_by(words, most, self._asking, People(self._asking, self._records), await self._records())

    async def deals_closing(self, first: date, last: date) -> Sequence[Deal]:
        """Raises NotSupported where the company has more open deals than are read for it."""
        self._asking.access.check_listed()
        deals, more = await self._asking.records(DEALS, MOST_OPEN_DEALS, status="open")
        if more:
            raise NotSupported(
                PIPEDRIVE, f"it cannot be asked for a span of days, and has more than {MOST_OPEN_DEALS} open deals"
            )
        closing = [deal for deal in deals if first.isoformat() <= text(deal, "expected_close_date")[:10] <= last.isoformat()]
        accounts = await People(self._asking, self._records).accounts(id_of(deal, "org_id") for deal in closing)
        records = await self._records()
        return soonest_first(readable(lambda deal: records.deal(deal, accounts), closing))

    async def settings(self) -> CrmSettings:
        """Currencies: the company's list has no rates, so there is the user's own alone."""
        self._asking.access.check_listed()
        return await self._settings()

    async def me(self) -> User:
        return user_of(await self._me(), self._asking.access.listed)

    async def administrators(self) -> Sequence[User]:
        users = [user_of(each) for each in await self._asking.whole(_USERS)]
        return tuple(user for user in users if user.active and user.profile.administrator)

    async def users(self) -> Sequence[User]:
        self._asking.access.check_listed()
        return tuple(user_of(each) for each in await self._asking.whole(_USERS))

    async def profiles(self) -> Sequence[Profile]:
        """Which permission sets there are, only an admin's token is told: so there are two, admins and the others."""
        return tuple(dict.fromkeys(user.profile for user in await self.users()))

    async def templates(self) -> Sequence[Template]:
        """None: Pipedrive's cannot be read over its API."""
        self._asking.access.check_listed()
        return ()

    async def _people_of(self, **of: str) -> list[Contact]:
        records = await self._records()
        people, _ = await self._asking.records(PERSONS, MOST_PEOPLE, **of)
        return [records.contact(each, {}) for each in people]

    async def _linked(self, path: str, record_id: str) -> Record:
        """A record that another one leads to; an empty one where it leads nowhere, or where the user may not go."""
        return (await self._asking.one_or_none(f"{path}/{record_id}") if record_id else None) or {}

    # What is remembered

    async def _records(self) -> Records:
        names, settings = await all_of([self._names(), self._settings()])
        _, _, origin, account = self._key
        return Records(origin, account, names, {stage.id: stage for stage in settings.stages})

    async def _me(self) -> Record:
        me = await self._remembered.me.get(self._key, lambda: self._asking.one(f"{_USERS}/me"))
        if me.get("active_flag") is False:
            raise NotAuthorised(PIPEDRIVE, "the user is not there any more")
        return me

    async def _names(self) -> Mapping[str, str]:
        """The company's users by id."""

        async def ask() -> Mapping[str, str]:
            return {id_of(each): text(each, "name") for each in await self._asking.whole(_USERS)}

        return await self._remembered.names.get(self._key, ask)

    async def _settings(self) -> CrmSettings:
        async def ask() -> CrmSettings:
            me, (stages, _), (pipelines, _) = await all_of(
                [self._me(), self._asking.records("/api/v2/stages", PAGE), self._asking.records("/api/v2/pipelines", PAGE)]
            )
            organisation = organisation_of(me)
            home = organisation.home_currency
            currencies = (Currency(home, home, Decimal(1), home=True),) if home else ()
            return CrmSettings(organisation, stages_of(stages, pipelines), currencies)

        return await self._remembered.settings.get(self._key, ask)


async def _known(
    people: People, searches: "Collection[asyncio.Task[list[Hit]]]", in_detail: bool = False
) -> tuple[list[Contact], list[Lead]]:
    """What searches that are under way have found."""
    found = await asyncio.gather(*map(asyncio.shield, searches))
    return await people.known((hit for hits in found for hit in hits), in_detail)


async def _account_at(
    people: People, domain: str, hits: "Mapping[str, asyncio.Task[list[Hit]]]", turn: Turn
) -> KnownAccount | None:
    """Who is at a domain, unless somebody of it who was asked for is known."""
    asked = [asyncio.shield(task) for address, task in hits.items() if is_at(address, domain)]
    return None if any(await asyncio.gather(*asked)) else await people.account_at(domain, turn)


async def _wait_for(tasks: "Collection[asyncio.Task[Any]]", by: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=max(by - asyncio.get_running_loop().time(), 0))


def _has_come(task: "asyncio.Task[Any]") -> bool:
    """Whether a task has an answer: what it failed with says that nothing is known of whom it was for."""
    problem = task.exception() if task.done() and not task.cancelled() else NoTime()
    if problem is not None and not isinstance(problem, Upstream | NoTime):
        raise problem
    return problem is None


def _raise_of_front(front: Collection[str], accounts: "Mapping[str, asyncio.Task[KnownAccount | None]]") -> None:
    """What failed for the company of the person in front, or for one of nobody's, is raised; what there was no time for is not told."""
    for domain, task in accounts.items():
        problem = task.exception() if task.done() and not task.cancelled() else None
        if isinstance(problem, Upstream) and _is_about(domain, front):
            raise problem


def _is_about(domain: str, front: Collection[str]) -> bool:
    """Whether a domain is that of the person in front, or of nobody's who was asked for."""
    return not front or any(is_at(address, domain) for address in front)


async def _end(tasks: "Collection[asyncio.Task[Any]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _number(record_id: str) -> str:
    if not _NUMBER.fullmatch(record_id):
        raise NotFound(PIPEDRIVE, "this is no record's id")
    return record_id


def _each_once(people: "Collection[Person]") -> "list[Person]":
    return list({each.id: each for each in people}.values())
