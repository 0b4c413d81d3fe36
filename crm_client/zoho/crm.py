"""Zoho CRM as one of its users sees it: read only, what answers one mail in one round trip of two composite requests."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import TypeVar, cast

from crm_client.fields import Record
from crm_client.records import by_address, only, open_first, owners_of, people_of, soonest_first
from crm_client.renewal import CrmAccess
from crm_client.side_by_side import all_of
from crm_client.spelled import spelled
from crm_client.zoho.asker import Asker
from crm_client.zoho.people import MOST_DOMAINS, Details, People, about, details, has_address, notes_of, read
from crm_client.zoho.questions import (
    MOST_IN_COMPOSITE,
    MOST_VALUES,
    Condition,
    Question,
    among,
    between,
    both,
    either,
    holds,
    portions,
)
from crm_client.zoho.records import ACCOUNT, CONTACT, DEAL, DEAL_WITH_PERSON, LEAD, Records, behind, id_of, profile_of, user_of
from crm_client.zoho.remembered import Remembered
from crm_client.zoho.server import MOST_PAGES, Request, ZohoLine
from crm_client.zoho.settings import ZohoSettings, settings
from crm_client.zoho.zoho import ZOHO
from mailmagnet.crm import (
    MAIL_INTEGRATION,
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
from mailmagnet.deadline import in_time, in_time_or_problem
from mailmagnet.errors import BadAnswer, NotAuthorised, NotFound, NotPermitted, Upstream
from mailmagnet.templates import Template

Result = TypeVar("Result")
Rows = Mapping[str, Sequence[Record]]
"""By the names of modules in small letters."""

CAPABILITIES = Capabilities(
    rights=Rights.USER,
    record_page=RecordPage.WIDGET,
    addresses_a_call=MOST_VALUES,
    search_inside_words=True,
    second_addresses=True,
    leads=True,
    pipelines=True,
    lost_stages=True,
    deal_currency=True,
    planned_activities=True,
    activities=True,
    notes=True,
    owners=True,
    permission=True,
)
MOST_WORDS = 5
"""Words of a search that Zoho is asked for: each is five comparisons."""
LONGEST_ID = 20
MOST_SUB_REQUESTS = 5
_ALL = ("contacts", "leads", "accounts", "deals")


class ZohoCrm:
    """`mailmagnet.crm.Crm` for one user. Addresses are compared whole, whatever their letters' case; a contact's deals are those that it is
    the contact of: contact roles can only be asked for deal by deal."""

    def __init__(self, line: ZohoLine, access: CrmAccess, uid: str, remembered: Remembered, now: Callable[[], datetime]) -> None:
        """`uid` is Zoho's id of the user; `line` leads to the data centre that the user's account is at."""
        self._line = line
        self._access = access
        self._uid = uid
        self._remembered = remembered
        self._who = (access.org, access.user, uid)
        self._asker = Asker(line, remembered, self._who)
        self._now = now

    @property
    def name(self) -> str:
        return ZOHO.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        first, *rest = [*portions(spelled([*front, *others]), MOST_VALUES)] or [()]
        near, *far = [*portions(spelled(domains), MOST_DOMAINS)] or [()]

        async def ask(token: str) -> tuple[Details, list[Rows], list[Rows | Upstream]]:
            needed = [self._about(token, first, near), *(self._about(token, (), each) for each in far)]
            beside = [in_time_or_problem(ZOHO, by, self._senders(token, each)) for each in rest]
            details_of_front = self._details(token, has_address(spelled(front)), has_address(spelled(front), "Who_Id."))
            found = await all_of([details_of_front, *needed, *beside])
            return found[0], found[1 : len(needed) + 1], found[len(needed) + 1 :]

        about_front, near_rows, rest_rows = await in_time(ZOHO, by, self._see(ask))
        not_asked = {
            address for portion, rows in zip(rest, rest_rows, strict=True) if isinstance(rows, Upstream) for address in portion
        }
        asked = {address for address in (*front, *others) if not_asked.isdisjoint(spelled([address]))}
        told = [*near_rows, *(rows for rows in rest_rows if not isinstance(rows, Upstream))]
        records, people = await in_time(ZOHO, by, self._read(told))
        contacts = open_first(about_front.put_to(contact, records) for contact in people.contacts)
        return LookUp(
            by_address(asked, contacts),
            by_address(asked, people.leads),
            {domain: known for domain in domains if (known := people.known_at(domain))},
            frozenset((*front, *others)) - asked,
        )

    async def senders(self, addresses: Collection[str]) -> Senders:
        async def ask(token: str) -> list[Rows]:
            return await all_of([self._senders(token, each) for each in portions(spelled(addresses), MOST_VALUES)])

        _, people = await self._read(await self._see(ask))
        return Senders(by_address(addresses, open_first(people.contacts)), by_address(addresses, people.leads))

    async def contact(self, contact_id: str) -> Contact:
        number = _number(contact_id)
        asked = {
            "contacts": Question("Contacts", CONTACT, among("id", [number])),
            "deals": Question("Deals", DEAL, among("Contact_Name", [number])),
        }

        async def ask(token: str) -> tuple[Rows, Details]:
            rows, about_it = await all_of(
                [
                    self._asker.together(token, asked, whole=("deals",)),
                    self._details(token, among("id", [number]), among("Who_Id", [number])),
                ]
            )
            return rows, about_it

        rows, about_it = await self._see(ask)
        records, people = await self._read([rows])
        return about_it.put_to(only(ZOHO, people.contacts), records)

    async def lead(self, lead_id: str) -> Lead:
        question = Question("Leads", LEAD, among("id", [_number(lead_id)]))
        rows = await self._see(lambda token: self._asker.rows(token, question))
        _, people = await self._read([{"leads": rows}])
        return only(ZOHO, people.leads)

    async def deal(self, deal_id: str) -> Deal:
        question = Question("Deals", DEAL, among("id", [_number(deal_id)]))
        rows = await self._see(lambda token: self._asker.rows(token, question))
        _, people = await self._read([{"deals": rows}])
        if rows and not people.deals:
            raise BadAnswer(ZOHO, "a deal is neither open, won nor lost, or its day is none")
        return only(ZOHO, people.deals)

    async def account(self, account_id: str) -> KnownAccount:
        people = await self._of_account(account_id)
        return people.known(only(ZOHO, people.accounts))

    async def record_people(self, module: Module, record_id: str) -> RecordPeople:
        if module is Module.LEADS:
            lead = await self.lead(record_id)
            return people_of(lead.name, [lead], owners_of([lead]))
        if module is Module.CONTACTS:
            contact = await self.contact(record_id)
            return people_of(contact.name, [contact], owners_of([contact, contact.account, *contact.deals]))
        if module is Module.DEALS:
            return await self._people_of_deal(record_id)
        people = await self._of_account(record_id)
        account = only(ZOHO, people.accounts)
        return people_of(account.name, people.contacts, owners_of([account, *people.deals, *people.contacts]))

    async def search(self, words: str, most: int) -> Found:
        each = words.lower().split()
        if not each:
            await self._see(_nothing)
            return Found()
        asked = {
            "contacts": _holding("Contacts", CONTACT, each, *_NAMES, "Account_Name.Account_Name"),
            "leads": _holding("Leads", LEAD, each, *_NAMES, "Company"),
            "accounts": _holding("Accounts", ACCOUNT, each, "Account_Name", "Website"),
            "deals": _holding("Deals", DEAL, each, "Deal_Name", "Account_Name.Account_Name"),
        }
        rows = await self._see(lambda token: self._asker.together(token, asked, whole=_ALL if most >= MOST_IN_COMPOSITE else ()))
        _, people = await self._read([{name: _that_hold(each, found) for name, found in rows.items()}])
        found = {"contacts": people.contacts, "leads": people.leads, "accounts": people.accounts, "deals": people.deals}
        return Found(
            contacts=tuple(people.contacts[:most]),
            accounts=tuple(people.accounts[:most]),
            deals=tuple(people.deals[:most]),
            leads=tuple(people.leads[:most]),
            more=frozenset(name for name, kind in found.items() if len(kind) > most or (kind and _is_full(rows[name], most))),
        )

    async def deals_closing(self, first: date, last: date) -> Sequence[Deal]:
        closing = between("Closing_Date", first.isoformat(), last.isoformat())
        rows = await self._see(lambda token: self._asker.rows(token, Question("Deals", DEAL, closing, "Closing_Date")))
        _, people = await self._read([{"deals": rows}])
        return soonest_first(deal for deal in people.deals if deal.state is DealState.OPEN)

    async def settings(self) -> CrmSettings:
        await self._see(_nothing)
        return (await self._settings()).crm

    async def me(self) -> User:
        return await self._remembered.users.get(self._who, lambda: self._access.ask(self._ask_me))

    async def administrators(self) -> Sequence[User]:
        me, users = await all_of([self.me(), self._access.ask(lambda token: self._users(token, "ActiveConfirmedAdmins"))])
        return tuple(user_of(row, {me.profile.id: me.profile}) for row in users)

    async def users(self) -> Sequence[User]:
        profiles, users = await self._see(lambda token: all_of([self._profiles(token), self._users(token, "AllUsers")]))
        known = {profile.id: profile for profile in profiles}
        return tuple(user_of(row, known) for row in users)

    async def profiles(self) -> Sequence[Profile]:
        return await self._see(self._profiles)

    async def templates(self) -> Sequence[Template]:
        """None yet: each one's text is a call of its own."""
        await self._see(_nothing)
        return ()

    async def _see(self, ask: Callable[[str], Awaitable[Result]]) -> Result:
        """The answer; meanwhile it is asked who asks, and how the CRM is set up. Raises NotPermitted without the permission."""
        _, _, answer = await all_of([self._check_permitted(), self._settings(), self._access.ask(ask)])
        return cast("Result", answer)

    async def _check_permitted(self) -> None:
        if MAIL_INTEGRATION not in (await self.me()).profile.permissions:
            raise NotPermitted(ZOHO, permission=MAIL_INTEGRATION)

    async def _read(self, rows: Sequence[Rows]) -> tuple[Records, People]:
        """What rows tell, by the settings that are remembered: asked for anew where a deal is in a stage that is not among them."""
        known = await self._settings()
        stages = {str(row.get("Stage")) for found in rows for row in found.get("deals", ())} - known.states.keys()
        if any((self._who, stage) not in self._remembered.strange for stage in stages):
            self._remembered.strange.update({(self._who, stage): True for stage in stages})
            self._remembered.settings.forget(self._who)
            known = await self._settings()
        records = Records(known, self._uid, self._now())
        return records, read(records, rows)

    async def _settings(self) -> ZohoSettings:
        async def ask() -> ZohoSettings:
            found = await self._access.ask(lambda token: settings(self._line, token))
            self._remembered.day_credits[self._access.org] = found.day_credits
            return found

        return await self._remembered.settings.get(self._who, ask)

    async def _ask_me(self, token: str) -> User:
        asked = {
            "me": Request("GET", "/users", {"type": "CurrentUser"}),
            "profile": Request("GET", "/settings/profiles/@{me:$.users[0].profile.id}"),
        }
        replies = await self._line.ask_together(token, asked)
        users, profiles = replies["me"].named("users"), replies["profile"].named("profiles")
        if not users:
            raise NotAuthorised(ZOHO, "the user is not there any more")
        return user_of(users[0], {profile.id: profile for profile in map(profile_of, profiles)})

    async def _about(self, token: str, addresses: Collection[str], domains: Collection[str] = ()) -> Rows:
        return await self._asker.together(token, about(addresses, domains), whole=_ALL)

    async def _senders(self, token: str, addresses: Collection[str]) -> Rows:
        """As questions by themselves: a composite request would take five places, for 25 rows of each."""
        asked = {name: question for name, question in about(addresses).items() if name != "accounts"}
        rows = await all_of([self._asker.rows(token, question) for question in asked.values()])
        return dict(zip(asked, rows, strict=True))

    async def _details(self, token: str, contacts: Condition, activities: Condition) -> Details:
        """Of the contacts; of several, the others' notes are asked for once they are known."""
        if not contacts.text:
            return Details()
        rows = await self._asker.together(token, details(contacts, activities), whole=("tasks",))
        first, *others = [id_of(row) for row in rows["contacts"]] or [""]
        asked = ({f"n{contact}": notes_of(contact) for contact in some} for some in portions(others, MOST_SUB_REQUESTS))
        more = await all_of([self._asker.together(token, some) for some in asked])
        notes = {first: rows["notes"], **{name.removeprefix("n"): found for some in more for name, found in some.items()}}
        return Details(rows["tasks"], rows["events"], rows["calls"], notes)

    async def _of_account(self, account_id: str) -> People:
        of_account = among("Account_Name", [_number(account_id)])
        asked = {
            "accounts": Question("Accounts", ACCOUNT, among("id", [account_id])),
            "contacts": Question("Contacts", CONTACT, of_account),
            "deals": Question("Deals", DEAL, of_account),
        }
        rows = await self._see(lambda token: self._asker.together(token, asked, whole=("contacts", "deals")))
        return (await self._read([rows]))[1]

    async def _people_of_deal(self, deal_id: str) -> RecordPeople:
        """Whoever has a role in it too: of one deal that is one question more."""
        number = _number(deal_id)
        asked: dict[str, Question | Request] = {
            "deals": Question("Deals", DEAL_WITH_PERSON, among("id", [number])),
            "roles": Request(
                "GET", "/Deals/@{deals:$.data[0].id}/Contact_Roles", {"fields": "Full_Name,Email,Secondary_Email,Owner"}
            ),
        }
        rows = await self._see(lambda token: self._asker.together(token, asked))
        records, people = await self._read([rows])
        deal = only(ZOHO, people.deals)
        primary = [behind(row, "Contact_Name") for row in rows["deals"] if id_of(row, "Contact_Name")]
        contacts = {id_of(row): records.contact(row) for row in (*primary, *rows["roles"]) if row.get("Full_Name")}
        return people_of(deal.name, [*contacts.values()], owners_of([deal, deal.account, *contacts.values()]))

    async def _users(self, token: str, which: str) -> list[Record]:
        users: list[Record] = []
        for page in range(1, MOST_PAGES + 1):
            reply = await self._line.ask(token, Request("GET", "/users", {"type": which, "page": str(page), "per_page": "200"}))
            users += reply.named("users")
            if not reply.has_more:
                return users
        raise BadAnswer(ZOHO, "the list of users has no end")

    async def _profiles(self, token: str) -> list[Profile]:
        """Each one's permissions come with it alone."""
        named = (await self._line.ask(token, Request("GET", "/settings/profiles"))).named("profiles")
        asked = {f"p{id_of(each)}": Request("GET", f"/settings/profiles/{id_of(each)}") for each in named}
        some = [{name: asked[name] for name in portion} for portion in portions(asked, MOST_SUB_REQUESTS)]
        replies = await all_of([self._line.ask_together(token, each) for each in some])
        return [profile_of(row) for each in replies for reply in each.values() for row in reply.named("profiles")]


_NAMES = ("First_Name", "Last_Name", "Email", "Secondary_Email")


def _holding(module: str, columns: tuple[str, ...], words: Sequence[str], *where: str) -> Question:
    each = (either(*(holds(column, word) for column in where)) for word in words[:MOST_WORDS])
    return Question(module, columns, both(*each), order=next(column for column in where if column.endswith("_Name")))


def _that_hold(words: Sequence[str], rows: Sequence[Record]) -> list[Record]:
    """Those in which every word is: a percent sign in a word has found more."""
    texts = ("\n".join(value.lower() for value in row.values() if isinstance(value, str)) for row in rows)
    return [row for row, text in zip(rows, texts, strict=True) if all(word in text for word in words)]


def _is_full(rows: Sequence[Record], most: int) -> bool:
    return most < MOST_IN_COMPOSITE <= len(rows)


def _number(record_id: str) -> str:
    """The id as Zoho has them. Raises NotFound for what is none."""
    if not record_id.isascii() or not record_id.isdigit() or len(record_id) > LONGEST_ID:
        raise NotFound(ZOHO, "there is no such record")
    return record_id


async def _nothing(_: str) -> None:
    """Nothing to ask but who asks."""
