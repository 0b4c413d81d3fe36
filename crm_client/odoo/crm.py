"""Odoo as one of its users sees it: read only, what answers one mail in one round trip of calls side by side."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date

from crm_client.fields import Record, inner, is_text
from crm_client.odoo import questions
from crm_client.odoo.memory import OdooMemory
from crm_client.odoo.questions import DEAL, DEAL_FIELDS, IS_COMPANY, IS_LEAD, LEAD, LEAD_FIELDS, PARTNER, PERSON_IN_FRONT
from crm_client.odoo.records import Records, currencies_of, organisation_of, stages_of, user_of
from crm_client.odoo.server import ODOO, Answer, OdooServer
from crm_client.odoo.user import OdooUser, number
from crm_client.records import MOST_PEOPLE, by_address, known_account, only, open_first, owners_of, people_of, readable
from crm_client.renewal import CrmAccess
from crm_client.side_by_side import one_problem
from mailmagnet.addresses import canonical_domain
from mailmagnet.crm import (
    Account,
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
from mailmagnet.errors import Upstream
from mailmagnet.templates import Template

CAPABILITIES = Capabilities(
    rights=Rights.USER,
    record_page=RecordPage.TAB,
    addresses_a_call=questions.ADDRESSES_A_CALL,
    search_inside_words=True,
    leads=True,
    pipelines=True,
    planned_activities=True,
    activities=True,
    notes=True,
    owners=True,
    permission=True,
)


class OdooCrm:
    """`mailmagnet.crm.Crm` for one user of one Odoo."""

    def __init__(self, server: OdooServer, access: CrmAccess, uid: str, memory: OdooMemory) -> None:
        """`uid` is Odoo's id of the user whose key `access` has."""
        self._user = OdooUser(server, access, uid, memory)
        self._memory = memory
        self._records = Records(server.origin, uid)

    @property
    def name(self) -> str:
        return ODOO.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        others = frozenset(others).difference(front)
        with one_problem():
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(in_time(ODOO, by, self._people(front, PERSON_IN_FRONT)))
                at_domains = group.create_task(in_time(ODOO, by, self._at(domains)))
                beside = await in_time_or_problem(ODOO, by, self._people(others, questions.PERSON_WITH_DEALS))
        in_front, accounts = asking.result(), at_domains.result()
        if isinstance(beside, Upstream):
            return LookUp(in_front.contacts, in_front.leads, accounts, not_asked=others)
        return LookUp({**beside.contacts, **in_front.contacts}, {**beside.leads, **in_front.leads}, accounts)

    async def senders(self, addresses: Collection[str]) -> Senders:
        return await self._people(addresses, questions.PERSON_WITH_ALL_DEALS)

    async def contact(self, contact_id: str) -> Contact:
        return self._records.contact(await self._one(questions.by_id(PARTNER, number(contact_id), PERSON_IN_FRONT)))

    async def lead(self, lead_id: str) -> Lead:
        return self._records.lead(await self._one(questions.by_id(LEAD, number(lead_id), LEAD_FIELDS, *IS_LEAD)))

    async def deal(self, deal_id: str) -> Deal:
        return self._records.deal(await self._one(questions.by_id(LEAD, number(deal_id), DEAL_FIELDS, DEAL)))

    async def account(self, account_id: str) -> KnownAccount:
        company = number(account_id)
        found, people, deals = await self._user.see(
            questions.by_id(PARTNER, company, questions.COMPANY, IS_COMPANY),
            questions.people_at(company, questions.PERSON_WITH_DEALS, questions.PEOPLE_AT_DOMAINS),
            questions.deals_at(company, *questions.OPEN),
        )
        contacts = readable(self._records.contact, [each for each in people.records if each.get("id") != company])
        count = people.count - (len(people.records) - len(contacts))
        deals_there = readable(self._records.deal, deals.records)
        return known_account(
            self._records.account(only(ODOO, found.records)), contacts, deals_there, count, more_deals=deals.more
        )

    async def record_people(self, module: Module, record_id: str) -> RecordPeople:
        match module:
            case Module.LEADS:
                lead = await self.lead(record_id)
                return people_of(lead.name, [lead], owners_of([lead]))
            case Module.CONTACTS:
                contact = await self.contact(record_id)
                return people_of(contact.name, [contact], owners_of([contact, contact.account, *contact.deals]))
            case Module.DEALS:
                return await self._people_of_deal(number(record_id))
            case Module.ACCOUNTS:
                return await self._people_of_account(number(record_id))

    async def search(self, words: str, most: int) -> Found:
        each = words.split()
        if not each or most <= 0 or not is_text(words):
            await self._user.see()
            return Found()
        asked = questions.found_by(each, most)
        found = dict(zip(asked, await self._user.see(*asked.values()), strict=True))
        told = {kind: answer.records[:most] for kind, answer in found.items()}
        return Found(
            contacts=tuple(readable(self._records.contact, told["contacts"])),
            accounts=tuple(readable(self._records.account, told["accounts"])),
            deals=tuple(readable(self._records.deal, told["deals"])),
            leads=tuple(readable(self._records.lead, told["leads"])),
            more=frozenset(kind for kind, answer in found.items() if len(answer.records) > most),
        )

    async def deals_closing(self, first: date, last: date) -> Sequence[Deal]:
        (found,) = await self._user.see(questions.deals_closing(first, last))
        return tuple(readable(self._records.deal, found.records))

    async def settings(self) -> CrmSettings:
        """The user's rights are asked for anew before settings are: they are remembered for a shorter time."""
        settings, _ = await asyncio.gather(self._memory.settings.get(self._user.signed_in, self._ask_settings), self._user.see())
        return settings

    async def me(self) -> User:
        return await self._user.me()

    async def administrators(self) -> Sequence[User]:
        _, groups = await self._user.who()
        found = await self._user.ask(questions.administrators_in(groups.administrators))
        return tuple(user_of(each, groups) for each in found.records)

    async def users(self) -> Sequence[User]:
        (found,) = await self._user.see(questions.ALL_USERS)
        _, groups = await self._user.who()
        return tuple(user_of(each, groups) for each in found.records)

    async def profiles(self) -> Sequence[Profile]:
        return tuple(dict.fromkeys(user.profile for user in await self.users()))

    async def templates(self) -> Sequence[Template]:
        """None: Odoo's are QWeb, which is a language of its own."""
        await self._user.see()
        return ()

    async def _ask_settings(self) -> CrmSettings:
        stages, currencies = await self._user.see(questions.STAGES, questions.CURRENCIES)
        user, _ = await self._user.who()
        organisation = organisation_of(user)
        return CrmSettings(organisation, stages_of(stages.records), currencies_of(currencies.records, organisation.home_currency))

    async def _people(self, addresses: Collection[str], fields: questions.Fields) -> Senders:
        """Contacts and leads by address."""
        people, leads = questions.people_with(addresses, fields), questions.leads_with(addresses)
        found = await self._user.see(*people, *leads)
        contacts = readable(self._records.contact, [each for answer in found[: len(people)] for each in answer.records])
        leads_there = readable(self._records.lead, [each for answer in found[len(people) :] for each in answer.records])
        return Senders(by_address(addresses, open_first(contacts)), by_address(addresses, leads_there))

    async def _one(self, question: questions.Question) -> Record:
        (found,) = await self._user.see(question)
        return only(ODOO, found.records)

    async def _people_of_deal(self, deal_id: int) -> RecordPeople:
        found, people = await self._user.see(questions.by_id(LEAD, deal_id, DEAL_FIELDS, DEAL), questions.people_of_deal(deal_id))
        deal, contacts = self._records.deal(only(ODOO, found.records)), readable(self._records.contact, people.records)
        return people_of(deal.name, contacts, owners_of([deal, deal.account, *contacts]))

    async def _people_of_account(self, company: int) -> RecordPeople:
        found, people, deals = await self._user.see(
            questions.by_id(PARTNER, company, questions.COMPANY, IS_COMPANY),
            questions.people_at(company, questions.PERSON, MOST_PEOPLE),
            questions.deals_at(company),
        )
        account, contacts = self._records.account(only(ODOO, found.records)), readable(self._records.contact, people.records)
        owners = owners_of([account, *readable(self._records.deal, deals.records), *contacts])
        return people_of(account.name, contacts, owners, people.count)

    async def _at(self, domains: Collection[str]) -> dict[str, KnownAccount]:
        """The account of each domain that has one."""
        if not domains:
            return {}
        people, deals = await self._user.see(questions.people_at_domains(domains), questions.open_deals_at_domains(domains))
        return {domain: known for domain in domains if (known := self._known_at(domain, people, deals))}

    def _known_at(self, domain: str, people: Answer, deals: Answer) -> KnownAccount | None:
        """The company whose domain this is; else the one that has most people there, one without a domain of its own before others."""
        companies: dict[str, Account] = {}
        has_people_there: Counter[str] = Counter()
        for partner in people.records:
            company = inner(partner, "commercial_partner_id")
            if not company.get("is_company"):
                continue
            account = self._records.account(company)
            behind = canonical_domain(str(partner.get("email_normalized") or "").rpartition("@")[2])
            if behind == domain or behind.endswith(f".{domain}"):
                has_people_there[account.id] += 1
            if account.domain == domain or account.id in has_people_there:
                companies[account.id] = account
        if not companies:
            return None
        account = min(
            companies.values(),
            key=lambda each: (each.domain != domain, bool(each.domain), -has_people_there[each.id], int(each.id)),
        )
        there = [
            each
            for each in people.records
            if str(inner(each, "commercial_partner_id").get("id")) == account.id != str(each.get("id"))
        ]
        contacts = readable(self._records.contact, there)
        return known_account(account, contacts, readable(self._records.deal, deals.records), more_deals=deals.more)
