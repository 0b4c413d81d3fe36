"""People at Pipedrive with all that belongs to them: found by their addresses, one at a time, and then read."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from crm_client.fields import Record, inner, inner_all, text
from crm_client.memory import Memory
from crm_client.pipedrive.records import Records, emails_of, id_of
from crm_client.pipedrive.server import IN_FRONT, PipedriveUser, Turn
from crm_client.records import is_at, known_account, readable, soonest_first
from crm_client.side_by_side import all_of
from mailmagnet.addresses import shown
from mailmagnet.crm import Account, Contact, KnownAccount, Lead

MOST_DEALS, MOST_PEOPLE = 1000, 1000
"""Of one contact or account that are read."""
MOST_PLANNED, MOST_DONE, MOST_NOTES = 500, 5, 3
IDS_A_CALL, SEARCH_PAGE = 100, 100
FEW, QUESTIONS_SECONDS = 3, 60.0
"""So many organisations are asked for one by one, at one token each, and more of them together, at ten."""
PERSONS, DEALS, ORGANIZATIONS = "/api/v2/persons", "/api/v2/deals", "/api/v2/organizations"
ACTIVITIES, NOTES = "/api/v2/activities", "/api/v1/notes"


@dataclass(frozen=True, slots=True)
class Hit:
    """A person whom a search has found, and the leads that hang on that person."""

    person: Record
    leads: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class _Around:
    """What belongs to a person: deals, and whether there are more; of whoever is in front the person's own record and the rest too."""

    deals: Sequence[Record]
    more_deals: bool
    record: Record | None = None
    activities: Sequence[Record] = ()
    notes: Sequence[Record] = ()


class People:
    """What one question of the core needs to know: each organisation is asked for once in it."""

    def __init__(self, asking: PipedriveUser, records: Callable[[], Awaitable[Records]]) -> None:
        """`records` makes the core's records; what it needs for that is remembered."""
        self._asking = asking
        self._records = records
        self._organizations: Memory[str, Record | None] = Memory(QUESTIONS_SECONDS, MOST_PEOPLE)

    async def with_address(self, address: str, turn: Turn = IN_FRONT) -> list[Hit]:
        """Pipedrive finds an address as it is written there, in whatever case: so each of its spellings is asked for."""
        found: dict[str, Hit] = {}
        for term in spellings(address):
            for hit in await self._search(term, turn, exact_match=True):
                if address in emails_of(hit.person):
                    found[id_of(hit.person)] = hit
        return list(found.values())

    async def known(self, hits: Iterable[Hit], in_detail: bool = False) -> tuple[list[Contact], list[Lead]]:
        """Contacts with their deals, in detail with activities and notes too, and leads. A person of whom there is a lead and no deal is a
        lead alone."""
        each_once = list({id_of(hit.person): hit for hit in hits}.values())
        organizations = [id_of(hit.person, "organization") for hit in each_once]
        records, accounts, *around = await all_of(
            [self._records(), self.accounts(organizations), *(self._around(id_of(hit.person), in_detail) for hit in each_once)]
        )
        accounts = accounts | await self.accounts(id_of(deal, "org_id") for each in around for deal in each.deals)
        contacts, leads = list[Contact](), list[Lead]()
        for hit, each in zip(each_once, around, strict=True):
            leads += [records.lead(lead, hit.person, text(inner(lead, "organization"), "name")) for lead in hit.leads]
            if each.deals or not hit.leads:
                contacts.append(_contact(records, hit.person, each, accounts))
        return contacts, leads

    async def contact(self, person_id: str) -> Contact:
        """One by its id. Raises NotFound."""
        records, person, around = await all_of(
            [self._records(), self._asking.one(f"{PERSONS}/{person_id}"), self._around(person_id, in_detail=True)]
        )
        accounts = await self.accounts([id_of(person, "org_id"), *(id_of(deal, "org_id") for deal in around.deals)])
        return _contact(records, person, around, accounts)

    async def accounts(self, ids: Iterable[str]) -> dict[str, Account]:
        """Organisations by id, those that the user may see."""
        wanted = sorted({each for each in ids if each}, key=int)
        if not wanted:
            return {}
        if len(wanted) <= FEW:
            read = await all_of([self._organization(each) for each in wanted])
        else:
            parts = [wanted[start : start + IDS_A_CALL] for start in range(0, len(wanted), IDS_A_CALL)]
            pages = await all_of([self._asking.records(ORGANIZATIONS, IDS_A_CALL, ids=",".join(part)) for part in parts])
            read = [each for organizations, _ in pages for each in organizations]
        records = await self._records()
        return {account.id: account for account in (records.organization(each) for each in read if each)}

    async def account_at(self, domain: str, turn: Turn = IN_FRONT) -> KnownAccount | None:
        """The organisation of most people whose addresses are at the domain: Pipedrive cannot be asked for one by its website."""
        there: Counter[str] = Counter()
        for term in spellings(domain):
            for hit in await self._search(term, turn):
                organization = id_of(hit.person, "organization")
                if organization and not hit.leads and any(is_at(address, domain) for address in emails_of(hit.person)):
                    there[organization] += 1
        for organization, _ in sorted(there.items(), key=lambda each: (-each[1], int(each[0]))):
            if known := await self.account(organization):
                return known
        return None

    async def account(self, organization: str) -> KnownAccount | None:
        """An organisation by its id; None where the user may not see it, or there is none."""
        records, accounts, (people, _), (deals, more) = await all_of(
            [
                self._records(),
                self.accounts([organization]),
                self._asking.records(PERSONS, MOST_PEOPLE, org_id=organization),
                self._asking.records(DEALS, MOST_DEALS, org_id=organization, status="open"),
            ]
        )
        if organization not in accounts:
            return None
        open_deals = soonest_first(readable(lambda deal: records.deal(deal, accounts), deals))
        contacts = [
            records.contact(each, accounts, [deal for deal in open_deals if id_of(each) in deal.contact_ids]) for each in people
        ]
        return known_account(accounts[organization], contacts, open_deals, more_deals=more or len(open_deals) < len(deals))

    async def _search(self, term: str, turn: Turn, **more: object) -> list[Hit]:
        """People with an address in which the term begins a word; with `exact_match` it is the whole address."""
        answer = await self._asking.search(
            turn, term=term, item_types="person", fields="email", search_for_related_items=True, limit=SEARCH_PAGE, **more
        )
        leads = of_kind("lead", items_of(answer, "related_items"))
        return [
            Hit(item, tuple(lead for lead in leads if id_of(lead, "person") == id_of(item)))
            for item in of_kind("person", items_of(answer, "items"))
            if id_of(item)
        ]

    async def _around(self, person: str, in_detail: bool) -> _Around:
        deals = self._asking.records(DEALS, MOST_DEALS, person_id=person, sort_by="update_time", sort_direction="desc")
        if not in_detail:
            return _Around(*await deals)
        newest = {"person_id": person, "sort_by": "due_date", "sort_direction": "desc"}
        (found, more), record, (planned, _), (done, _), notes = await all_of(
            [
                deals,
                self._asking.one_or_none(f"{PERSONS}/{person}"),
                self._asking.records(ACTIVITIES, MOST_PLANNED, done=False, **newest),
                self._asking.records(ACTIVITIES, MOST_DONE, done=True, **newest),
                self._asking.whole(NOTES, person_id=person, sort="add_time DESC", limit=MOST_NOTES),
            ]
        )
        return _Around(found, more, record, [*planned, *done], notes)

    async def _organization(self, organization: str) -> Record | None:
        return await self._organizations.get(organization, lambda: self._asking.one_or_none(f"{ORGANIZATIONS}/{organization}"))


def _contact(records: Records, person: Record, around: _Around, accounts: dict[str, Account]) -> Contact:
    deals = soonest_first(readable(lambda deal: records.deal(deal, accounts), around.deals))
    more = around.more_deals or len(deals) < len(around.deals)
    return records.contact(around.record or person, accounts, deals, around.activities, around.notes, more)


def spellings(address: str) -> tuple[str, ...]:
    """An address, or a domain, with its domain in ASCII and, where that stands for other letters, in those."""
    return tuple(dict.fromkeys((address, shown(address))))


def items_of(answer: Record, name: str) -> list[Record]:
    """What a search has found ("items"), or what belongs to that ("related_items")."""
    return [inner(each, "item") for each in inner_all(inner(answer, "data"), name)]


def of_kind(kind: str, items: Iterable[Record]) -> list[Record]:
    """Items of one kind, without what is archived."""
    return [each for each in items if each.get("type") == kind and each.get("is_archived") is not True]
