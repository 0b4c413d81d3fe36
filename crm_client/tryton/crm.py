"""Tryton as one of its users sees it: read only, what answers one mail in two round trips of calls side by side.

Two, for what a record leads to is asked for by its ids: Tryton refuses a whole answer for one party behind a record that the user may
not see.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from crm_client.fields import Record, text
from crm_client.records import (
    LAST_NOTES,
    by_address,
    is_at,
    known_account,
    only,
    open_first,
    owners_of,
    people_of,
    readable,
    told_notes,
)
from crm_client.renewal import CrmAccess
from crm_client.side_by_side import one_problem
from crm_client.tryton import questions
from crm_client.tryton.memory import TrytonMemory
from crm_client.tryton.questions import LEAD
from crm_client.tryton.records import (
    STAGES,
    Parties,
    Records,
    addresses_of,
    currencies_of,
    domain_of_firm,
    firm_ids,
    is_firm,
    mechanisms_of,
    notes_of,
    number_of,
    organisation_of,
    user_of,
)
from crm_client.tryton.server import TRYTON, Question, TrytonServer
from crm_client.tryton.user import TrytonUser, number
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
from mailmagnet.errors import Upstream
from mailmagnet.templates import Template

CAPABILITIES = Capabilities(
    rights=Rights.USER,
    record_page=RecordPage.LINK,
    addresses_a_call=questions.ADDRESSES_A_CALL,
    search_inside_words=True,
    second_addresses=True,
    leads=True,
    lost_stages=True,
    deal_currency=True,
    exact_money=True,
    notes=True,
    permission=True,
)
MOST_WITH_NOTES = 5
"""Contacts of one address whose notes are told."""


@dataclass(slots=True)
class _Seen:
    """What was answered first, and the parties that are known by then."""

    records: Records
    people: list[Record]
    opportunities: list[Record]
    parties: Parties = field(default_factory=Parties)

    def __post_init__(self) -> None:
        self.parties.add(self.people)

    def deals(self) -> list[Deal]:
        """Those that can be read."""
        told = [each for each in self.opportunities if text(each, "state") != LEAD]
        return readable(lambda each: self.records.deal(each, self.parties), told)

    def leads(self) -> list[Lead]:
        return [self.records.lead(each, self.parties) for each in self.opportunities if text(each, "state") == LEAD]

    def contact(self, party: Record, notes: Iterable[Iterable[Record]] = (), asked: Collection[str] = ()) -> Contact:
        """One of the people, with those of these notes that are on it, as it is found by what was asked for."""
        on = notes_of(note for answer in notes for note in answer).get(number_of(party), ())
        return self.records.contact(party, self.opportunities, self.parties, told_notes(on), asked)

    def contacts(self) -> list[Record]:
        """The people, but for those who are nothing but leads yet."""
        return [each for each in self.people if not self.records.has_only_leads(each, self.opportunities)]


class TrytonCrm:
    """`mailmagnet.crm.Crm` for one user of one Tryton."""

    def __init__(self, server: TrytonServer, access: CrmAccess, uid: str, memory: TrytonMemory) -> None:
        """`uid` is Tryton's id of the user whose key `access` has."""
        self._user = TrytonUser(server, access, uid, memory)
        self._memory = memory

    @property
    def name(self) -> str:
        return TRYTON.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        """Whoever finds room in the call for the person in front is asked for with that person, the others beside it."""
        first, *more = list(questions.in_calls([*front, *others])) or [[]]
        rest = [address for some in more for address in some]
        with one_problem():
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(in_time(TRYTON, by, self._people(first, front, domains)))
                beside = await in_time_or_problem(TRYTON, by, self._people(rest)) if rest else LookUp({}, {}, {})
        answer = asking.result()
        if isinstance(beside, Upstream):
            return LookUp(answer.contacts, answer.leads, answer.accounts, not_asked=frozenset(rest))
        return LookUp({**beside.contacts, **answer.contacts}, {**beside.leads, **answer.leads}, answer.accounts)

    async def senders(self, addresses: Collection[str]) -> Senders:
        """Deals without the accounts behind them: a category needs none, and they would be one more round trip."""
        seen, _ = await self._with_addresses(addresses)
        contacts = map(seen.contact, seen.contacts())
        return Senders(by_address(addresses, open_first(contacts)), by_address(addresses, seen.leads()))

    async def contact(self, contact_id: str) -> Contact:
        party = number(contact_id)
        records, (found, opportunities) = await self._ask(questions.party(party), questions.opportunities_of([party]))
        seen = _Seen(records, [only(TRYTON, found)], opportunities)
        return seen.contact(found[0], await self._behind(seen, found, *_notes_on(found)))

    async def lead(self, lead_id: str) -> Lead:
        seen = await self._opportunities(questions.opportunity(number(lead_id), questions.IS_LEAD))
        only(TRYTON, seen.opportunities)
        await self._behind_leads(seen)
        return seen.leads()[0]

    async def deal(self, deal_id: str) -> Deal:
        seen = await self._opportunities(questions.opportunity(number(deal_id), questions.IS_DEAL))
        return seen.records.deal(only(TRYTON, seen.opportunities), seen.parties)

    async def account(self, account_id: str) -> KnownAccount:
        firm = number(account_id)
        records, (found, people, deals) = await self._ask(
            questions.party(firm), questions.people_of([firm]), questions.deals_of([firm], questions.IS_OPEN)
        )
        return _known(only(TRYTON, found), records, people, deals)

    async def record_people(self, module: Module, record_id: str) -> RecordPeople:
        match module:
            case Module.LEADS:
                lead = await self.lead(record_id)
                return people_of(lead.name, [lead], owners_of([lead]))
            case Module.CONTACTS:
                contact = await self.contact(record_id)
                return people_of(contact.name, [contact], owners_of(contact.deals))
            case Module.DEALS:
                return await self._people_of_deal(record_id)
            case Module.ACCOUNTS:
                return await self._people_of_account(number(record_id))

    async def search(self, words: str, most: int) -> Found:
        each = words.split()
        if not each or most <= 0 or not words.isprintable():
            await self._user.see()
            return Found()
        searched = await self._words(each)
        # As many again, for parties that are nothing but leads yet are left out.
        records, (people, firms, deals, leads) = await self._ask(
            questions.people_found(searched, 2 * most + 1),
            questions.firms_found(searched, most + 1),
            questions.deals_found(searched, most + 1),
            questions.leads_found(searched, most + 1),
        )
        found = _Seen(records, people, [*deals, *leads])
        (theirs,) = await self._behind(found, people, questions.opportunities_of(map(number_of, people)))
        await self._behind_leads(found)
        contacts = [each for each in people if not records.has_only_leads(each, theirs)]
        more = {"contacts": contacts, "accounts": firms, "deals": deals, "leads": leads}
        return Found(
            contacts=tuple(records.contact(each, theirs, found.parties) for each in contacts[:most]),
            accounts=tuple(map(records.account, firms[:most])),
            deals=tuple(found.deals()[:most]),
            leads=tuple(found.leads()[:most]),
            more=frozenset(kind for kind, there in more.items() if len(there) > most),
        )

    async def deals_closing(self, first: date, last: date) -> Sequence[Deal]:
        return tuple((await self._opportunities(questions.closing(first, last))).deals())

    async def settings(self) -> CrmSettings:
        """The user's rights are asked for anew before settings are: they are remembered for a shorter time."""
        settings, _ = await asyncio.gather(self._memory.settings.get(self._user.signed_in, self._ask_settings), self._user.see())
        return settings

    async def me(self) -> User:
        return await self._user.me()

    async def administrators(self) -> Sequence[User]:
        return tuple(map(user_of, await self._user.ask(questions.ADMINISTRATORS)))

    async def users(self) -> Sequence[User]:
        (found,) = await self._user.see(questions.USERS)
        return tuple(map(user_of, found))

    async def profiles(self) -> Sequence[Profile]:
        return tuple(dict.fromkeys(user.profile for user in await self.users()))

    async def templates(self) -> Sequence[Template]:
        """None: Tryton's are reports for printing."""
        await self._user.see()
        return ()

    async def _ask_settings(self) -> CrmSettings:
        (currencies,) = await self._user.see(questions.CURRENCIES)
        organisation = organisation_of(await self._user.who())
        return CrmSettings(organisation, STAGES, currencies_of(currencies, organisation.home_currency))

    async def _ask(self, *asked: Question) -> tuple[Records, list[list[Record]]]:
        with one_problem():
            async with asyncio.TaskGroup() as group:
                records = group.create_task(self._user.records())
                answers = group.create_task(self._user.see(*asked))
        return records.result(), answers.result()

    async def _opportunities(self, question: Question) -> _Seen:
        """Opportunities, and the parties behind them."""
        records, (found,) = await self._ask(question)
        seen = _Seen(records, [], found)
        await self._behind(seen, [])
        return seen

    async def _with_addresses(self, addresses: Collection[str], *also: Question) -> tuple[_Seen, list[list[Record]]]:
        """Who has these addresses, with their opportunities; and the answers to what else is asked at once."""
        calls = list(questions.in_calls(addresses))
        people, opportunities = map(questions.parties_with, calls), map(questions.opportunities_with, calls)
        records, answers = await self._ask(*people, *opportunities, *also)
        found, theirs = answers[: len(calls)], answers[len(calls) : 2 * len(calls)]
        return _Seen(records, _once(found), _once(theirs)), answers[2 * len(calls) :]

    async def _people(self, addresses: Sequence[str], front: Collection[str] = (), domains: Collection[str] = ()) -> LookUp:
        """People by address, with all that is told of them; those in front with their notes; and the companies at domains."""
        seen, answers = await self._with_addresses(addresses, *([questions.parties_at(domains)] if domains else []))
        there = _once(answers)
        contacts = seen.contacts()
        noted = [each for each in contacts if not set(front).isdisjoint(addresses_of(mechanisms_of(each, "email")))]
        firms = {number_of(each) for each in there if is_firm(each)} | {firm for each in there for firm in firm_ids(each)}
        at_firms = [questions.people_of(firms), questions.deals_of(firms, questions.IS_OPEN)] if firms else []
        answers = await self._behind(seen, seen.people, *at_firms, *_notes_on(noted), firms=firms)
        accounts = {}
        if firms:
            people, deals, *answers = answers
            its = [party for each in firms if (party := seen.parties.by_id.get(each))]
            accounts = {
                domain: _known(firm, seen.records, people, deals) for domain in domains if (firm := _firm_at(domain, there, its))
            }
        told = open_first(seen.contact(each, answers, addresses) for each in contacts)
        return LookUp(by_address(addresses, told), by_address(addresses, seen.leads()), accounts)

    async def _behind(
        self, seen: _Seen, people: Iterable[Record], *also: Question, firms: Collection[int] = ()
    ) -> list[list[Record]]:
        """Add these companies, and the parties behind these people and what was seen, if the user may see them; the answers to what else is
        asked at once."""
        parties, mechanisms = seen.parties.unknown(people, seen.opportunities)
        parties.update(set(firms) - seen.parties.by_id.keys())
        behind = [questions.parties_behind(parties, mechanisms)] if parties or mechanisms else []
        answers = await self._user.see(*also, *behind) if also or behind else []
        if behind:
            seen.parties.add(answers.pop())
        return answers

    async def _behind_leads(self, seen: _Seen) -> None:
        """The companies that the people of leads work for."""
        leads = [each for each in seen.opportunities if text(each, "state") == LEAD]
        await self._behind(seen, [party for each in leads if (party := seen.parties.of_contact(each))])

    async def _words(self, words: Sequence[str]) -> list[questions.Word]:
        """Which parties each word is in, of those that the user may see."""
        each = list(dict.fromkeys(words))
        found = await self._user.see(*map(questions.parties_named, each), *map(questions.parties_addressed, each))
        ids = [list(map(number_of, answer)) for answer in found]
        return [questions.Word(*word) for word in zip(each, ids[: len(each)], ids[len(each) :], strict=True)]

    async def _people_of_deal(self, deal_id: str) -> RecordPeople:
        deal = await self.deal(deal_id)
        contacts = [await self.contact(each) for each in deal.contact_ids]
        return people_of(deal.name, contacts, owners_of([deal]))

    async def _people_of_account(self, firm: int) -> RecordPeople:
        records, (found, people, deals) = await self._ask(
            questions.party(firm), questions.people_of([firm]), questions.deals_of([firm], questions.IS_DEAL)
        )
        seen = _Seen(records, people, deals)
        seen.parties.add([only(TRYTON, found)])
        return people_of(text(found[0], "name"), [seen.contact(each) for each in people], owners_of(seen.deals()))


def _notes_on(people: Sequence[Record]) -> list[Question]:
    return [questions.last_notes([number_of(each)], LAST_NOTES) for each in people[:MOST_WITH_NOTES]]


def _firm_at(domain: str, there: Iterable[Record], firms: Iterable[Record]) -> Record | None:
    """The company whose domain this is; else the one that has most people there, one without a domain of its own before others."""
    has_people_there: Counter[int] = Counter()
    for party in there:
        if any(is_at(address, domain) for address in addresses_of(mechanisms_of(party, "email"))):
            has_people_there.update({*firm_ids(party), number_of(party)})
    candidates = [firm for firm in firms if domain_of_firm(firm) == domain or number_of(firm) in has_people_there]
    return min(
        candidates,
        key=lambda firm: (
            domain_of_firm(firm) != domain,
            bool(domain_of_firm(firm)),
            -has_people_there[number_of(firm)],
            number_of(firm),
        ),
        default=None,
    )


def _known(firm: Record, records: Records, people: Iterable[Record], deals: Iterable[Record]) -> KnownAccount:
    """A company with those of these people who work for it, and its deals."""
    seen = _Seen(records, [each for each in people if number_of(firm) in firm_ids(each)], list(deals))
    seen.parties.add([firm])
    return known_account(records.account(firm), [seen.contact(each) for each in seen.people], seen.deals())


def _once(answers: Iterable[Iterable[Record]]) -> list[Record]:
    return list({number_of(each): each for answer in answers for each in answer}.values())
