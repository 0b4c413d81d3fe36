"""HubSpot as one user of an organisation sees it: read only, filtered here by what the admin lets users see."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import TypeVar

from crm_client.fields import Record, text
from crm_client.hubspot.addresses import HUBSPOT
from crm_client.hubspot.questions import COMPANIES, CONTACTS, DEALS, Filter, Questions, Search, among, id_of, is_id
from crm_client.hubspot.reading import MOST_DEALS, Reading
from crm_client.hubspot.records import (
    SUPER_ADMIN,
    USER,
    Gathered,
    HubSpotOwner,
    HubSpotSettings,
    Records,
    Viewer,
    addresses_of,
    owner_of,
    properties,
    settings_of,
    super_admins_of,
    user_of,
)
from crm_client.hubspot.server import HubSpotServer
from crm_client.memory import Memory
from crm_client.records import by_address, known_account, only, open_first, owners_of, people_of, readable
from crm_client.renewal import CrmAccess
from crm_client.side_by_side import all_of, as_coroutine, one_problem
from mailmagnet.addresses import domain_of, without_tag
from mailmagnet.crm import (
    Capabilities,
    Contact,
    CrmSettings,
    Deal,
    DealState,
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
from mailmagnet.crm_sign_in import Sees
from mailmagnet.deadline import in_time
from mailmagnet.domains import registered_domain
from mailmagnet.errors import NotAuthorised, NotFound, NotSupported, Upstream
from mailmagnet.templates import Template

Answer = TypeVar("Answer")

CAPABILITIES = Capabilities(
    rights=Rights.ACCOUNT,
    record_page=RecordPage.LINK,
    addresses_a_call=100,
    search_from=2,
    search_inside_words=True,
    second_addresses=True,
    roles=True,
    pipelines=True,
    lost_stages=True,
    deal_currency=True,
    planned_activities=True,
    activities=True,
    notes=True,
    owners=True,
    pooled=True,
)
SETTINGS_SECONDS, RIGHTS_SECONDS = 15 * 60.0, 60.0
MOST_ACCOUNTS = 10_000
MOST_CLOSING = 1000
TO_BUILD_SECONDS = 0.1
"""How long before an answer is due nothing more is waited for but what is in front."""
EVERY_DEAL = 1_000_000
"""For the job: a category is decided by all of a contact's deals."""


@dataclass(frozen=True, slots=True)
class Base:
    """What every answer rests on."""

    settings: HubSpotSettings
    owners: Mapping[str, HubSpotOwner]
    viewer: Viewer

    @property
    def records(self) -> Records:
        return Records(self.settings, self.owners, self.viewer)


class Remembered:
    """What one process remembers of each account, by the token that it is asked with: its settings, and who its users are."""

    def __init__(self) -> None:
        self.settings: Memory[str, HubSpotSettings] = Memory(SETTINGS_SECONDS, MOST_ACCOUNTS)
        self.owners: Memory[str, Mapping[str, HubSpotOwner]] = Memory(RIGHTS_SECONDS, MOST_ACCOUNTS)
        self.super_admins: Memory[str, frozenset[str]] = Memory(RIGHTS_SECONDS, MOST_ACCOUNTS)


class HubSpotCrm:
    """`mailmagnet.crm.Crm` for one user of one account."""

    def __init__(self, server: HubSpotServer, access: CrmAccess, owner_id: str, remembered: Remembered) -> None:
        """`owner_id` is HubSpot's id of the owner to whom the admin has mapped the user."""
        self._access = access
        self._owner_id = owner_id
        self._addresses = server.addresses
        self._remembered = remembered
        self.questions = Questions(server, access)

    @property
    def name(self) -> str:
        return HUBSPOT.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        """Accounts are looked for at the domains of people who are not known: nobody is shown one for those who are."""
        asking = self._read(lambda reading: self._people_of_mail(reading, front, others, domains, by))
        base, reading, (in_front, beside, apart) = await in_time(HUBSPOT, by, asking)
        contacts = [base.records.contact(each, reading.gathered) for each in _each_once([*in_front.contacts, *beside.contacts])]
        accounts = {
            domain: self._known(base, reading, company_id)
            for domain, company_id in {**apart, **beside.accounts, **in_front.accounts}.items()
        }
        found = by_address(sorted({*front, *others}), open_first(contacts))
        return LookUp(found, {}, accounts, beside.not_asked - set(found))

    async def senders(self, addresses: Collection[str]) -> Senders:
        (answer,) = await senders_of_views([(self, frozenset(addresses))])
        if isinstance(answer, Upstream):
            raise answer
        return answer

    async def contact(self, contact_id: str) -> Contact:
        base, reading, found = await self._read(lambda reading: reading.contact(contact_id))
        return base.records.contact(only(HUBSPOT, found), reading.gathered)

    async def lead(self, lead_id: str) -> Lead:
        """HubSpot's leads hang on contacts, and have no addresses: none is shown apart from its contact."""
        self._access.check_listed()
        if not is_id(lead_id):
            raise NotFound(HUBSPOT, "there is no such record")
        raise NotSupported(HUBSPOT, "leads apart from contacts")

    async def deal(self, deal_id: str) -> Deal:
        base, reading, found = await self._read(lambda reading: reading.deals(filter(is_id, [deal_id])))
        return base.records.deal(only(HUBSPOT, found), reading.gathered)

    async def account(self, account_id: str) -> KnownAccount:
        base, reading = await self._at_company(account_id)
        return self._known(base, reading, account_id)

    async def record_people(self, module: Module, record_id: str) -> RecordPeople:
        if module is Module.CONTACTS:
            contact = await self.contact(record_id)
            return people_of(contact.name, [contact], owners_of([contact, contact.account, *contact.deals]))
        if module is Module.DEALS:
            return await self._people_of_deal(record_id)
        if module is Module.ACCOUNTS:
            return await self._people_of_account(record_id)
        lead = await self.lead(record_id)
        return people_of(lead.name, [lead], owners_of([lead]))

    async def search(self, words: str, most: int) -> Found:
        """HubSpot is asked for the longest word, and of what it finds those are told that hold the others too."""
        wanted = words.casefold().split() if len(words.strip()) >= CAPABILITIES.search_from else []
        base, reading, found = await self._read(lambda reading: self._search(reading, wanted, most))
        contacts, companies, deals = (sorted(each.records[:most], key=_name) for each in found)
        records = base.records
        return Found(
            contacts=tuple(records.contact(each, reading.gathered) for each in contacts),
            accounts=tuple(records.company(each) for each in companies),
            deals=tuple(readable(lambda each: records.deal(each, reading.gathered), deals)),
            more=frozenset(
                kind for kind, of_kind in zip(("contacts", "accounts", "deals"), found, strict=True) if of_kind.total > most
            ),
        )

    async def deals_closing(self, first: date, last: date) -> Sequence[Deal]:
        base, reading, found = await self._read(lambda reading: self._closing(reading, first, last))
        deals = readable(lambda each: base.records.deal(each, reading.gathered), found)
        closing = [deal for deal in deals if deal.state is DealState.OPEN and deal.closing and first <= deal.closing <= last]
        return tuple(sorted(closing, key=lambda deal: (deal.closing or date.max, deal.name, deal.id)))

    async def settings(self) -> CrmSettings:
        self._access.check_listed()
        return (await self._settings()).crm

    async def me(self) -> User:
        owners, super_admins = await all_of([self._owners(), self._super_admins()])
        return user_of(self._me(owners), super_admins, listed=self._access.listed)

    async def administrators(self) -> Sequence[User]:
        return tuple(user for user in await self._users() if user.active and user.profile.administrator)

    async def users(self) -> Sequence[User]:
        self._access.check_listed()
        return await self._users()

    async def profiles(self) -> Sequence[Profile]:
        """Super admins, and all others: HubSpot's finer permissions are told to nobody."""
        await self._base()
        return (SUPER_ADMIN, USER)

    async def templates(self) -> Sequence[Template]:
        """None: HubSpot's are not to be had."""
        await self._base()
        return ()

    async def sees(self) -> Sees:
        """What an admin lets the user see now. Raises NotListed, SignInNeeded, and what the vault raises."""
        return await self._access.sees()

    async def base_or_problem(self) -> Base | Upstream:
        """As which user an answer of the job's is filtered, or why there is none."""
        try:
            return await self._base()
        except Upstream as problem:
            return problem

    # Who asks

    async def _base(self) -> Base:
        """Raises NotListed, NotAuthorised for a user who is none any more, and what an admin's missing choice of `Sees` raises."""
        self._access.check_listed()
        settings, owners, sees = await all_of([self._settings(), self._owners(), self._access.sees()])
        return Base(settings, owners, Viewer(self._me(owners), sees))

    def _me(self, owners: Mapping[str, HubSpotOwner]) -> HubSpotOwner:
        me = owners.get(self._owner_id)
        if not me or not me.active:
            raise NotAuthorised(HUBSPOT, "the user is none of the account's any more")
        return me

    async def _settings(self) -> HubSpotSettings:
        return await self.questions.remembered(lambda token: self._remembered.settings.get(token, self._ask_for_settings))

    async def _ask_for_settings(self) -> HubSpotSettings:
        details, pipelines, rates, names = await all_of(
            [self.questions.details(), self.questions.pipelines(), self.questions.rates(), self.questions.currency_names()]
        )
        return settings_of(details, pipelines, rates, names, self._addresses)

    async def _owners(self) -> Mapping[str, HubSpotOwner]:
        return await self.questions.remembered(lambda token: self._remembered.owners.get(token, self._ask_for_owners))

    async def _ask_for_owners(self) -> Mapping[str, HubSpotOwner]:
        return {owner.id: owner for owner in readable(owner_of, await self.questions.owners())}

    async def _super_admins(self) -> frozenset[str]:
        return await self.questions.remembered(lambda token: self._remembered.super_admins.get(token, self._ask_for_super_admins))

    async def _ask_for_super_admins(self) -> frozenset[str]:
        return super_admins_of(await self.questions.users())

    async def _users(self) -> tuple[User, ...]:
        owners, super_admins = await all_of([self._owners(), self._super_admins()])
        if not self._access.is_account:
            self._me(owners)
        return tuple(user_of(owner, super_admins) for owner in owners.values() if owner.user_id)

    # What is read

    async def _read(self, ask: Callable[[Reading], Awaitable[Answer]]) -> tuple[Base, Reading, Answer]:
        """What is read, side by side with what every answer rests on."""
        self._access.check_listed()
        with one_problem():
            async with asyncio.TaskGroup() as group:
                base = group.create_task(self._base())

                async def viewers() -> Sequence[Viewer]:
                    return [(await base).viewer]

                reading = Reading(self.questions, viewers)
                answer = group.create_task(as_coroutine(ask(reading)))
        return base.result(), reading, answer.result()

    async def _people_of_mail(
        self, reading: Reading, front: Collection[str], others: Collection[str], domains: Collection[str], by: float
    ) -> "tuple[_People, _People, dict[str, str]]":
        theirs = {registered_domain(domain_of(address)) for address in (*front, *others)}
        in_front, beside, apart = await all_of(
            [
                self._with_accounts(reading, front, domains, reading.in_front(front)),
                self._in_time(reading, others, domains, by),
                reading.accounts(set(domains) - theirs),
            ]
        )
        return in_front, beside, apart

    async def _with_accounts(
        self, reading: Reading, addresses: Collection[str], domains: Collection[str], asking: Awaitable[list[Record]]
    ) -> "_People":
        contacts = await asking
        known = {address for contact in contacts for address in addresses_of(contact)}
        unknown = {address for address in addresses if not known & {address, without_tag(address)}}
        at = {registered_domain(domain_of(address)) for address in unknown} & set(domains)
        return _People(contacts, await reading.accounts(at))

    async def _in_time(self, reading: Reading, addresses: Collection[str], domains: Collection[str], by: float) -> "_People":
        """The people beside the one in front: what fails, or is late, is told as not asked."""
        try:
            async with asyncio.timeout_at(by - TO_BUILD_SECONDS):
                return await self._with_accounts(reading, addresses, domains, reading.people(addresses, MOST_DEALS))
        except (Upstream, TimeoutError):
            return _People(not_asked=frozenset(addresses))

    async def _at_company(self, account_id: str) -> tuple[Base, Reading]:
        base, reading, _ = await self._read(lambda reading: reading.company(account_id))
        if account_id not in reading.gathered.companies or not base.viewer.may_see(reading.gathered.companies[account_id]):
            raise NotFound(HUBSPOT, "there is no such company, or the user may not see it")
        return base, reading

    async def _people_of_deal(self, deal_id: str) -> RecordPeople:
        base, reading, found = await self._read(lambda reading: reading.deal_with_people(deal_id))
        deal = base.records.deal(only(HUBSPOT, found), reading.gathered)
        theirs = [contact for each in deal.contact_ids if (contact := reading.gathered.contacts.get(each))]
        people = [base.records.contact(each, reading.gathered) for each in theirs]
        return people_of(deal.name, people, owners_of([deal, deal.account, *people]))

    async def _people_of_account(self, account_id: str) -> RecordPeople:
        base, reading = await self._at_company(account_id)
        account = base.records.company(reading.gathered.companies[account_id])
        people = self._contacts_at(base, reading, account_id)
        deals = [deal for deal in self._deals_at(base, reading) if deal.account and deal.account.id == account_id]
        count = _count(base, reading, account_id, people)
        return people_of(account.name, people, owners_of([account, *deals, *people]), count)

    def _known(self, base: Base, reading: Reading, company_id: str) -> KnownAccount:
        account = base.records.company(reading.gathered.companies[company_id])
        people = self._contacts_at(base, reading, company_id)
        known = known_account(account, people, self._deals_at(base, reading))
        count = _count(base, reading, company_id, people)
        return replace(known, contact_count=count, more_deals=company_id in reading.gathered.more_deals)

    def _contacts_at(self, base: Base, reading: Reading, company_id: str) -> list[Contact]:
        there = (reading.gathered.contacts.get(each) for each in reading.gathered.people_at.get(company_id, ()))
        return [base.records.contact(each, reading.gathered) for each in there if each and base.viewer.may_see(each)]

    def _deals_at(self, base: Base, reading: Reading) -> list[Deal]:
        deals = filter(base.viewer.may_see, reading.gathered.deals.values())
        return readable(lambda each: base.records.deal(each, reading.gathered), deals)

    async def _search(self, reading: Reading, words: Sequence[str], most: int) -> list[Search]:
        viewer = (await self._base()).viewer
        if not words:
            return [Search((), 0)] * 3
        groups, longest = _seen_by(viewer), max(words, key=len)
        found = await all_of([self.questions.found(kind, groups, longest) for kind in (CONTACTS, COMPANIES, DEALS)])
        told = [_holding(words, each, viewer) for each in found]
        contacts, _, deals = (list(each.records[:most]) for each in told)
        await all_of([reading.with_deals(contacts, MOST_DEALS), reading.these_deals(deals)])
        return told

    async def _closing(self, reading: Reading, first: date, last: date) -> list[Record]:
        base = await self._base()
        begin = datetime.combine(first, time(), base.settings.zone)
        end = datetime.combine(last + timedelta(days=1), time(), base.settings.zone)
        open_between = [
            {"propertyName": "hs_is_closed", "operator": "EQ", "value": "false"},
            {
                "propertyName": "closedate",
                "operator": "BETWEEN",
                "value": str(_milliseconds(begin)),
                "highValue": str(_milliseconds(end) - 1),
            },
        ]
        groups = [[*open_between, *group] for group in _seen_by(base.viewer) or [[]]]
        return await reading.these_deals((await self.questions.found(DEALS, groups, most=MOST_CLOSING)).records)


@dataclass(frozen=True, slots=True)
class _People:
    """People of a mail: the contacts behind their addresses, and the companies by domain of those who are none."""

    contacts: Sequence[Record] = ()
    accounts: Mapping[str, str] = field(default_factory=dict)
    not_asked: frozenset[str] = frozenset()


async def senders_of_views(asked: Sequence[tuple[HubSpotCrm, frozenset[str]]]) -> list[Senders | Upstream]:
    """The senders of several mailboxes of one account, asked for in one question and answered to each by what its user may see."""
    bases = await asyncio.gather(*(view.base_or_problem() for view, _ in asked))
    good = [base for base in bases if isinstance(base, Base)]
    if not good:
        return [base for base in bases if isinstance(base, Upstream)]

    async def viewers() -> Sequence[Viewer]:
        return [base.viewer for base in good]

    view = next(view for (view, _), base in zip(asked, bases, strict=True) if isinstance(base, Base))
    wanted = {
        address for (_, addresses), base in zip(asked, bases, strict=True) if isinstance(base, Base) for address in addresses
    }
    reading = Reading(view.questions, viewers)
    try:
        contacts = _each_once(await reading.people(wanted, EVERY_DEAL))
    except Upstream as problem:
        return [base if isinstance(base, Upstream) else problem for base in bases]
    return [
        base if isinstance(base, Upstream) else _senders(base, addresses, contacts, reading.gathered)
        for (_, addresses), base in zip(asked, bases, strict=True)
    ]


def _senders(base: Base, addresses: frozenset[str], contacts: Sequence[Record], gathered: Gathered) -> Senders:
    theirs = [each for each in contacts if addresses.intersection(addresses_of(each)) and base.viewer.may_see(each)]
    found = open_first(readable(lambda each: base.records.contact(each, gathered), theirs))
    return Senders(by_address(sorted(addresses), found))


def _seen_by(viewer: Viewer) -> list[list[Filter]]:
    """Filters by which a search finds what the viewer may see, none for everything. `Viewer.may_see` decides all the same."""
    if viewer.sees is Sees.EVERYONE:
        return []
    groups = [[among("hubspot_owner_id", [viewer.me.id])]]
    if viewer.me.user_id:
        groups.append([among("hs_shared_user_ids", [viewer.me.user_id])])
    if viewer.sees is Sees.TEAM and viewer.me.team_ids:
        groups += [[among(name, viewer.me.team_ids)] for name in ("hubspot_team_id", "hs_shared_team_ids")]
    return groups


def _holding(words: Sequence[str], found: Search, viewer: Viewer) -> Search:
    """What holds every word and may be seen. Of more than a page it is not known how many do."""
    records = tuple(record for record in found.records if viewer.may_see(record) and _holds(words, record))
    unread = found.total - len(found.records)
    return Search(records, len(records) if unread <= 0 else len(records) + unread)


def _holds(words: Sequence[str], record: Record) -> bool:
    there = " ".join(text(properties(record), name) for name in _NAMES).casefold()
    return all(word in there for word in words)


_NAMES = ("firstname", "lastname", "email", "hs_additional_emails", "company", "phone", "name", "domain", "dealname")


def _name(record: Record) -> tuple[str, str]:
    told = properties(record)
    names = (text(told, name) for name in ("firstname", "lastname", "name", "dealname"))
    return " ".join(filter(None, names)).casefold(), id_of(record, "id")


def _count(base: Base, reading: Reading, company_id: str, people: Sequence[Contact]) -> int:
    """How many people there are: where not everybody sees everything, of those that were read."""
    everybody = reading.gathered.people_at.get(company_id, ())
    return len(everybody) if base.viewer.sees is Sees.EVERYONE else len(people)


def _each_once(records: Iterable[Record]) -> list[Record]:
    return list({id_of(record, "id"): record for record in records}.values())


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
