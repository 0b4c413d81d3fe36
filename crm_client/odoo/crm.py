"""Odoo as one of its users sees it: read only, what answers one mail in one round trip of calls side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from crm_client.odoo.records import (
    ACTIVITIES,
    ADMINISTRATOR,
    COMPANY,
    LEAD,
    OPPORTUNITY,
    PARTNER,
    USER,
    Records,
    inner,
    open_first,
    organisation_of,
    profile_of,
    text,
    user_of,
    without_companies,
)
from crm_client.odoo.server import ODOO, OdooServer, Record
from crm_client.renewal import CrmAccess
from mailmagnet.addresses import canonical
from mailmagnet.crm import (
    MAIL_INTEGRATION,
    Account,
    Capabilities,
    Contact,
    CrmSettings,
    Currency,
    Deal,
    DealState,
    Found,
    KnownAccount,
    Lead,
    LookUp,
    Module,
    Owner,
    PersonAddresses,
    Profile,
    RecordPage,
    RecordPeople,
    Rights,
    Senders,
    Stage,
    User,
)
from mailmagnet.errors import NotAuthorised, NotFound, NotPermitted
from mailmagnet.templates import Template

Result = TypeVar("Result")

CAPABILITIES = Capabilities(
    rights=Rights.USER,
    record_page=RecordPage.LINK,
    addresses_a_call=5000,
    search_inside_words=True,
    leads=True,
    planned_activities=True,
    owners=True,
    permission=True,
)
MOST = 1000
"""Records of one kind in one answer."""
MOST_PEOPLE = 50
MOST_CONTACTS = 10
LONGEST_ID = 15
_OPPORTUNITY = ["type", "=", "opportunity"]
_LEAD = [["type", "=", "lead"], ["active", "=", True]]
_ACTIVE = ["active", "=", True]


class OdooCrm:
    """`mailmagnet.crm.Crm` for one user of one Odoo. Addresses are compared as Odoo normalises them, whole: nothing is a pattern."""

    def __init__(self, server: OdooServer, access: CrmAccess, uid: str) -> None:
        """`uid` is Odoo's id of the user whose key `access` has."""
        self._server = server
        self._access = access
        self._uid = uid
        self._records = Records(server.origin, uid)

    @property
    def name(self) -> str:
        return ODOO.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        addresses = frozenset(front).union(others)
        _, (partners, leads, neighbours, deals) = await self._see(
            self._partners(addresses, PARTNER | ACTIVITIES),
            self._leads(addresses),
            self._search("res.partner", [_ACTIVE, *_at_firms("", domains)], PARTNER, if_any=domains),
            self._search("crm.lead", [_OPPORTUNITY, *_OPEN, *_at_firms("partner_id.", domains)], OPPORTUNITY, if_any=domains),
        )
        accounts = {domain: known for domain in domains if (known := self._known_at(domain, neighbours, deals))}
        return LookUp(self._contacts_by(addresses, partners), self._leads_by(addresses, leads), accounts)

    async def senders(self, addresses: Collection[str]) -> Senders:
        _, (partners, leads) = await self._see(self._partners(addresses, PARTNER), self._leads(addresses))
        return Senders(self._contacts_by(addresses, partners), self._leads_by(addresses, leads))

    async def contact(self, contact_id: str) -> Contact:
        _, (found,) = await self._see(self._by_id("res.partner", contact_id, [], PARTNER | ACTIVITIES))
        return self._records.contact(_only(found))

    async def lead(self, lead_id: str) -> Lead:
        _, (found,) = await self._see(self._by_id("crm.lead", lead_id, [["type", "=", "lead"]], LEAD))
        return self._records.lead(_only(found))

    async def deal(self, deal_id: str) -> Deal:
        _, (found,) = await self._see(self._by_id("crm.lead", deal_id, [_OPPORTUNITY], OPPORTUNITY))
        return self._records.deal(_only(found))

    async def account(self, account_id: str) -> KnownAccount:
        number = _number(account_id)
        _, (found, people, deals) = await self._see(
            self._by_id("res.partner", account_id, [["is_company", "=", True]], COMPANY),
            self._search("res.partner", [_ACTIVE, ["commercial_partner_id", "=", number], ["id", "!=", number]], PARTNER),
            self._search("crm.lead", [_OPPORTUNITY, *_OPEN, ["partner_id.commercial_partner_id", "=", number]], OPPORTUNITY),
        )
        return self._known(self._records.account(_only(found)), people, deals)

    async def record_people(self, module: Module, record_id: str) -> RecordPeople:
        if module is Module.LEADS:
            lead = await self.lead(record_id)
            person = PersonAddresses(lead.id, lead.name, lead.addresses)
            return RecordPeople(lead.name, (person,), _owners([lead]), 1)
        if module is Module.CONTACTS:
            contact = await self.contact(record_id)
            return _people(contact.name, [contact], _owners([contact, contact.account, *contact.deals]))
        if module is Module.DEALS:
            deal = await self.deal(record_id)
            people = [await self.contact(contact_id) for contact_id in deal.contact_ids]
            return _people(deal.name, people, _owners([deal, deal.account, *people]))
        known_id = _number(record_id)
        _, (found, people_there) = await self._see(
            self._by_id("res.partner", record_id, [["is_company", "=", True]], COMPANY),
            self._search("res.partner", [_ACTIVE, ["commercial_partner_id", "=", known_id], ["id", "!=", known_id]], PARTNER),
        )
        account = self._records.account(_only(found))
        contacts = [self._records.contact(each) for each in people_there]
        deals = [deal for contact in contacts for deal in contact.deals]
        return _people(account.name, contacts, _owners([account, *deals, *contacts]))

    async def search(self, words: str, most: int) -> Found:
        each = words.split()
        partner = ("name", "email_normalized", "commercial_partner_id.name")
        _, (people, firms, deals, leads) = await self._see(
            self._search(
                "res.partner",
                [_ACTIVE, ["partner_share", "=", True], ["is_company", "=", False], *_hold(partner, each)],
                PARTNER,
                most,
                each,
                "name",
            ),
            self._search(
                "res.partner",
                [_ACTIVE, ["is_company", "=", True], *_hold(("name", "website", "email_normalized"), each)],
                COMPANY,
                most,
                each,
                "name",
            ),
            self._search(
                "crm.lead",
                [_OPPORTUNITY, *_hold(("name", "partner_id.commercial_partner_id.name"), each)],
                OPPORTUNITY,
                most,
                each,
                "name",
            ),
            self._search(
                "crm.lead",
                [*_LEAD, *_hold(("name", "contact_name", "partner_name", "email_normalized"), each)],
                LEAD,
                most,
                each,
                "contact_name",
            ),
        )
        found = {"contacts": people, "accounts": firms, "deals": deals, "leads": leads}
        return Found(
            contacts=tuple(map(self._records.contact, people[:most])),
            accounts=tuple(map(self._records.account, firms[:most])),
            deals=tuple(map(self._records.deal, deals[:most])),
            leads=tuple(map(self._records.lead, leads[:most])),
            more=frozenset(kind for kind, records in found.items() if len(records) > most),
        )

    async def deals_closing(self, first: date, last: date) -> Sequence[Deal]:
        days = [["date_deadline", ">=", first.isoformat()], ["date_deadline", "<=", last.isoformat()]]
        _, (deals,) = await self._see(
            self._search("crm.lead", [_OPPORTUNITY, *_OPEN, *days], OPPORTUNITY, order="date_deadline, id")
        )
        return tuple(map(self._records.deal, deals))

    async def settings(self) -> CrmSettings:
        """The company's currency alone: deals have no other. Lost is no stage of Odoo's, and all teams have the same ones here."""
        user, (stages,) = await self._see(self._search("crm.stage", [], {"name": {}, "is_won": {}}, order="sequence, id"))
        organisation = organisation_of(user)
        home = organisation.home_currency
        return CrmSettings(
            organisation,
            tuple(
                Stage(str(each["id"]), text(each, "name"), "", DealState.WON if each.get("is_won") else DealState.OPEN, position)
                for position, each in enumerate(stages)
            ),
            (Currency(home, home, Decimal(1), home=True),) if home else (),
        )

    async def me(self) -> User:
        return user_of(await self._access.ask(self._me))

    async def administrators(self) -> Sequence[User]:
        domain = [_ACTIVE, ["group_ids.full_name", "=", ADMINISTRATOR]]
        return tuple(map(user_of, await self._access.ask(self._search("res.users", domain, USER))))

    async def users(self) -> Sequence[User]:
        """People who work in Odoo: portal's customers and its own robots are none."""
        _, (users,) = await self._see(self._search("res.users", [["share", "=", False], ["id", ">", 1]], USER))
        return tuple(map(user_of, users))

    async def profiles(self) -> Sequence[Profile]:
        return tuple(dict.fromkeys(user.profile for user in await self.users()))

    async def templates(self) -> Sequence[Template]:
        """None: Odoo's are QWeb, which is a language of its own."""
        await self._see()
        return ()

    async def _see(self, *asked: "Callable[[str], Awaitable[list[Record]]]") -> tuple[Record, list[list[Record]]]:
        """Who asks, and the answers, all asked at once. Raises NotPermitted without the permission, whatever else was answered."""

        async def all_at_once(key: str) -> tuple[Record, list[list[Record]]]:
            async with asyncio.TaskGroup() as group:
                me = group.create_task(self._me(key))
                answers = [group.create_task(_as_coroutine(ask(key))) for ask in asked]
            return me.result(), [answer.result() for answer in answers]

        async def first_problem(key: str) -> tuple[Record, list[list[Record]]]:
            try:
                return await all_at_once(key)
            except* NotAuthorised as several:
                raise _first(several) from None
            except* NotPermitted as several:
                raise _first(several) from None
            except* Exception as several:
                raise _first(several) from None

        user, answers = await self._access.ask(first_problem)
        if MAIL_INTEGRATION not in profile_of(user).permissions:
            raise NotPermitted(ODOO, permission=MAIL_INTEGRATION)
        return user, answers

    async def _me(self, key: str) -> Record:
        found = await self._server.search(key, "res.users", [["id", "=", _number(self._uid)]], USER, limit=1)
        if not found or found[0].get("active") is False:
            raise NotAuthorised(ODOO, "the user is not there any more")
        return found[0]

    def _search(
        self,
        model: str,
        domain: Sequence[Any],
        fields: Mapping[str, Any],
        most: int = MOST,
        if_any: Collection[str] = ("always",),
        order: str = "id",
    ) -> "Callable[[str], Awaitable[list[Record]]]":
        """A question, not asked yet: at most `most` records, and one more that tells that there are more."""

        async def ask(key: str) -> list[Record]:
            if not if_any:
                return []
            try:
                return await self._server.search(key, model, domain, fields, most + 1, order)
            except NotPermitted:
                # Odoo refuses the whole question for one company behind a record that the user may not see.
                return await self._server.search(key, model, domain, without_companies(fields), most + 1, order)

        return ask

    def _partners(self, addresses: Collection[str], fields: Mapping[str, Any]) -> "Callable[[str], Awaitable[list[Record]]]":
        domain = [_ACTIVE, ["email_normalized", "in", list(addresses)]]
        return self._search("res.partner", domain, fields, if_any=addresses)

    def _leads(self, addresses: Collection[str]) -> "Callable[[str], Awaitable[list[Record]]]":
        return self._search("crm.lead", [*_LEAD, ["email_normalized", "in", list(addresses)]], LEAD, if_any=addresses)

    def _by_id(
        self, model: str, record_id: str, also: Sequence[Any], fields: Mapping[str, Any]
    ) -> "Callable[[str], Awaitable[list[Record]]]":
        return self._search(model, [["id", "=", _number(record_id)], *also], fields)

    def _contacts_by(self, addresses: Collection[str], partners: Sequence[Record]) -> dict[str, tuple[Contact, ...]]:
        by_address: dict[str, list[Contact]] = {}
        for partner in partners:
            by_address.setdefault(canonical(text(partner, "email_normalized")), []).append(self._records.contact(partner))
        return {address: open_first(by_address[address]) for address in addresses if address in by_address}

    def _leads_by(self, addresses: Collection[str], leads: Sequence[Record]) -> dict[str, tuple[Lead, ...]]:
        by_address: dict[str, list[Lead]] = {}
        for lead in leads:
            by_address.setdefault(canonical(text(lead, "email_normalized")), []).append(self._records.lead(lead))
        return {address: tuple(by_address[address]) for address in addresses if address in by_address}

    def _known_at(self, domain: str, neighbours: Sequence[Record], deals: Sequence[Record]) -> KnownAccount | None:
        """The company whose domain this is, or that has somebody there."""
        companies = {}
        for partner in neighbours:
            company = inner(partner, "commercial_partner_id")
            behind = text(partner, "email_normalized").rpartition("@")[2]
            if not company.get("is_company"):
                continue
            account = self._records.account(company)
            if domain in {account.domain, behind} or behind.endswith(f".{domain}"):
                companies[account.id] = account
        if not companies:
            return None
        account = min(companies.values(), key=lambda each: (each.domain != domain, int(each.id)))
        return self._known(account, neighbours, deals)

    def _known(self, account: Account, people: Sequence[Record], deals: Sequence[Record]) -> KnownAccount:
        contacts = [
            self._records.contact(each)
            for each in people
            if str(inner(each, "commercial_partner_id").get("id")) == account.id != str(each.get("id"))
        ]
        theirs = [deal for deal in map(self._records.deal, deals) if deal.account and deal.account.id == account.id]
        return KnownAccount(account, open_first(contacts)[:MOST_CONTACTS], len(contacts), tuple(theirs))


_OPEN = [["active", "=", True], ["won_status", "=", "pending"]]


async def _as_coroutine(answer: Awaitable[Result]) -> Result:
    return await answer


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    return several.exceptions[0]


def _only(found: Sequence[Record]) -> Record:
    if not found:
        raise NotFound(ODOO, "there is no such record, or the user may not see it")
    return found[0]


def _number(record_id: str) -> int:
    """Raises NotFound for what no id of Odoo's is."""
    if not (record_id.isascii() and record_id.isdigit() and len(record_id) <= LONGEST_ID):
        raise NotFound(ODOO, "there is no such record")
    return int(record_id)


def _pattern(words: str) -> str:
    """Words as they are, in what Odoo takes for a pattern."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _any_of(conditions: Sequence[Any]) -> list[Any]:
    return [*["|"] * (len(conditions) - 1), *conditions]


def _hold(fields: Sequence[str], words: Sequence[str]) -> list[Any]:
    return [part for word in words for part in _any_of([[field, "ilike", _pattern(word)] for field in fields])]


def _at_firms(path: str, domains: Collection[str]) -> list[Any]:
    """Partners, or deals by their `path`, of companies that have this website, or an address at this domain."""
    firm = f"{path}commercial_partner_id."
    conditions: list[Any] = []
    for domain in domains:
        plain = _pattern(domain)
        for field in (f"{firm}email_normalized", f"{firm}child_ids.email_normalized"):
            conditions += [[field, "=like", f"%@{plain}"], [field, "=like", f"%.{plain}"]]
        conditions.append([f"{firm}website", "ilike", plain])
    return _any_of(conditions)


def _owners(records: Sequence[Account | Contact | Deal | Lead | None]) -> tuple[Owner, ...]:
    owned = (record for record in records if record and record.owner_id)
    return tuple(dict.fromkeys(Owner(record.owner_id, record.owner) for record in owned))


def _people(name: str, contacts: Sequence[Contact], owners: tuple[Owner, ...]) -> RecordPeople:
    people = [PersonAddresses(contact.id, contact.name, contact.addresses) for contact in contacts[:MOST_PEOPLE]]
    return RecordPeople(name, tuple(people), owners, len(contacts))
