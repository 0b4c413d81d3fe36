"""Salesforce as one of its users sees it: read only, one composite request for the person in front, one for each 250 others."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from crm_client.records import by_address, only, open_first, owners_of, people_of, readable
from crm_client.renewal import CrmAccess
from crm_client.salesforce import questions
from crm_client.salesforce.addresses import SALESFORCE
from crm_client.salesforce.memory import SalesforceMemory
from crm_client.salesforce.questions import ADDRESSES_A_CALL, DOMAINS_A_CALL, MOST_DEALS, Visible
from crm_client.salesforce.records import Shown, assigned, at_domain, notes_of, user_of
from crm_client.salesforce.server import Query, Records, SalesforceServer
from crm_client.salesforce.user import SalesforceUser
from crm_client.side_by_side import all_of, one_problem
from mailmagnet.crm import (
    Capabilities,
    Contact,
    CrmSettings,
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
from mailmagnet.deadline import in_time, in_time_or_problem
from mailmagnet.errors import NotAuthorised, Upstream
from mailmagnet.templates import Template

CAPABILITIES = Capabilities(
    rights=Rights.USER,
    record_page=RecordPage.LINK,
    addresses_a_call=ADDRESSES_A_CALL,
    search_inside_words=True,
    leads=True,
    roles=True,
    lost_stages=True,
    deal_currency=True,
    planned_activities=True,
    activities=True,
    notes=True,
    owners=True,
    permission=True,
)


class SalesforceCrm:
    """`mailmagnet.crm.Crm` for one user of one organisation."""

    def __init__(
        self, server: SalesforceServer, access: CrmAccess, uid: str, memory: SalesforceMemory, now: Callable[[], datetime]
    ) -> None:
        """`uid` is Salesforce's id of the user."""
        self._memory = memory
        self._user = SalesforceUser(server, access, uid, memory, now)

    @property
    def name(self) -> str:
        return SALESFORCE.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        others = frozenset(others).difference(front)
        with one_problem():
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(in_time(SALESFORCE, by, self._in_front(front, domains)))
                beside = await in_time_or_problem(SALESFORCE, by, self._beside(others))
        found = asking.result()
        if isinstance(beside, Upstream):
            return replace(found, not_asked=others)
        return replace(found, contacts={**beside.contacts, **found.contacts}, leads={**beside.leads, **found.leads})

    async def senders(self, addresses: Collection[str]) -> Senders:
        return await self._people(addresses, whole=True)

    async def contact(self, contact_id: str) -> Contact:
        told = await self._user.see(lambda see: questions.contact_by_id(see, contact_id))
        people, deals, notes = told.records
        return _with_notes(only(SALESFORCE, told.shown.contacts(people, deals, MOST_DEALS)), notes)

    async def lead(self, lead_id: str) -> Lead:
        told = await self._user.see(lambda see: [questions.lead_by_id(see, lead_id)])
        return told.shown.lead(only(SALESFORCE, told.records[0].records))

    async def deal(self, deal_id: str) -> Deal:
        told = await self._user.see(lambda see: [questions.deal_by_id(see, deal_id)])
        return told.shown.deal(only(SALESFORCE, told.records[0].records))

    async def account(self, account_id: str) -> KnownAccount:
        told = await self._user.see(lambda see: [questions.account_by_id(see, account_id)])
        return told.shown.known_account(only(SALESFORCE, told.records[0].records))

    async def record_people(self, module: Module, record_id: str) -> RecordPeople:
        match module:
            case Module.LEADS:
                lead = await self.lead(record_id)
                return people_of(lead.name, [lead], owners_of([lead]))
            case Module.CONTACTS:
                contact = await self.contact(record_id)
                return people_of(contact.name, [contact], owners_of([contact, contact.account, *contact.deals]))
            case Module.DEALS:
                return await self._people_of_deal(record_id)
            case Module.ACCOUNTS:
                return await self._people_of_account(record_id)

    async def search(self, words: str, most: int) -> Found:
        each = words.split()
        if not each or most <= 0:
            await self._user.see(_nothing)
            return Found()
        kinds = ("contacts", "accounts", "deals", "leads")
        told = await self._user.see(lambda see: [questions.found_by(see, each, most)[kind] for kind in kinds])
        found = dict(zip(kinds, told.records, strict=True))
        first = {kind: answer.records[:most] for kind, answer in found.items()}
        return Found(
            contacts=tuple(readable(told.shown.contact_alone, first["contacts"])),
            accounts=tuple(readable(told.shown.account, first["accounts"])),
            deals=tuple(readable(told.shown.deal, first["deals"])),
            leads=tuple(readable(told.shown.lead, first["leads"])),
            more=frozenset(kind for kind, answer in found.items() if len(answer.records) > most),
        )

    async def deals_closing(self, first: date, last: date) -> Sequence[Deal]:
        told = await self._user.see(lambda see: [questions.deals_closing(see, first, last)])
        return tuple(readable(told.shown.deal, told.records[0].records))

    async def settings(self) -> CrmSettings:
        return (await self._user.set_up()).settings

    async def me(self) -> User:
        return await self._memory.users.get(self._user.signed_in, self._ask_who)

    async def administrators(self) -> Sequence[User]:
        _, (found,) = await self._user.look(lambda see: [questions.administrators(see)])
        return tuple(user_of(each, permitted=True) for each in found.records)

    async def users(self) -> Sequence[User]:
        """Whether another user has the permission Salesforce tells only those who look after it."""
        told = await self._user.see(lambda see: [questions.users(see), questions.PERMITTED])
        found, permissions = told.records
        permitted = {*assigned(permissions), self._user.uid}
        return tuple(user_of(each, permitted=each.get("Id") in permitted) for each in found.records)

    async def profiles(self) -> Sequence[Profile]:
        return tuple(dict.fromkeys(user.profile for user in await self.users()))

    async def templates(self) -> Sequence[Template]:
        """None: Salesforce's are of four kinds, each with a merge language of its own."""
        await self._user.see(_nothing)
        return ()

    async def _ask_who(self) -> User:
        permitted, (found,) = await self._user.look(lambda see: [questions.user_by_id(see, self._user.uid)])
        if not found.records or found.records[0].get("IsActive") is False:
            raise NotAuthorised(SALESFORCE, "the user is not there any more")
        return user_of(found.records[0], permitted=permitted)

    async def _in_front(self, front: Collection[str], domains: Collection[str]) -> LookUp:
        """The person in front with details, and the accounts at the domains: one call, one more for notes where there is anybody, and one
        beside them for every 50 domains more."""
        first, *others = questions.chunks(domains, DOMAINS_A_CALL)
        found: list[LookUp] = await all_of([self._person(front, first), *(self._accounts(chunk) for chunk in others)])
        return replace(found[0], accounts={domain: known for part in found for domain, known in part.accounts.items()})

    async def _person(self, front: Collection[str], domains: Collection[str]) -> LookUp:
        def ask(see: Visible) -> list[Query]:
            people = questions.people_with(see, front, details=True)
            return [*(people or [questions.NOTHING] * 3), *questions.accounts_at(see, domains)]

        told = await self._user.see(ask)
        people, deals, leads, *accounts = told.records
        contacts = told.shown.contacts(people, deals, MOST_DEALS)
        if contacts:
            (notes,) = (await self._user.see(lambda _: [questions.notes_of(contact.id for contact in contacts)])).records
            contacts = [_with_notes(contact, notes) for contact in contacts]
        return LookUp(
            by_address(front, open_first(contacts)),
            by_address(front, readable(told.shown.lead, leads.records)),
            _accounts_at(domains, told.shown, accounts),
        )

    async def _accounts(self, domains: Collection[str]) -> LookUp:
        told = await self._user.see(lambda see: questions.accounts_at(see, domains))
        return LookUp({}, {}, _accounts_at(domains, told.shown, told.records))

    async def _beside(self, others: Collection[str]) -> Senders:
        return await self._people(others, whole=False) if others else Senders({})

    async def _people(self, addresses: Collection[str], *, whole: bool) -> Senders:
        """Contacts with their deals, and leads, by address: one call for each 250, all side by side."""
        found = await all_of([self._chunk(chunk, whole) for chunk in questions.chunks(addresses, ADDRESSES_A_CALL)])
        contacts = [contact for people, _ in found for contact in people]
        leads = [lead for _, those in found for lead in those]
        return Senders(by_address(addresses, open_first(contacts)), by_address(addresses, leads))

    async def _chunk(self, addresses: Collection[str], whole: bool) -> tuple[list[Contact], list[Lead]]:
        told = await self._user.see(lambda see: questions.people_with(see, addresses, whole=whole))
        if not told.records:
            return [], []
        people, deals, leads = told.records
        return told.shown.contacts(people, deals, None if whole else MOST_DEALS), readable(told.shown.lead, leads.records)

    async def _people_of_deal(self, deal_id: str) -> RecordPeople:
        told = await self._user.see(lambda see: [questions.deal_by_id(see, deal_id), questions.people_of_deal(see, deal_id)])
        deal, people = (
            told.shown.deal(only(SALESFORCE, told.records[0].records)),
            readable(told.shown.contact_alone, told.records[1].records),
        )
        ordered = sorted(people, key=lambda each: deal.contact_ids.index(each.id) if each.id in deal.contact_ids else len(people))
        return people_of(deal.name, ordered, owners_of([deal, deal.account, *ordered]))

    async def _people_of_account(self, account_id: str) -> RecordPeople:
        told = await self._user.see(lambda see: questions.people_of_account(see, account_id))
        account, people = told.shown.account(only(SALESFORCE, told.records[0].records)), told.records[1]
        contacts = readable(told.shown.contact_alone, people.records)
        owners = owners_of([account, *readable(told.shown.deal, told.records[2].records), *contacts])
        return people_of(account.name, contacts, owners, people.count)


def _accounts_at(domains: Collection[str], shown: Shown, found: Sequence[Records]) -> Mapping[str, KnownAccount]:
    if not found:
        return {}
    by_website, by_people = (answer.records for answer in found)
    accounts = {domain: at_domain(domain, by_website, by_people) for domain in domains}
    return {domain: shown.known_account(account) for domain, account in accounts.items() if account}


def _with_notes(contact: Contact, notes: Records) -> Contact:
    return replace(contact, notes=notes_of(notes).get(contact.id, ()))


def _nothing(_: Visible) -> Sequence[Query]:
    return ()
