"""Which records are read for an answer, in as few steps as HubSpot allows: what can be asked side by side is."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

from crm_client.fields import Record, text
from crm_client.hubspot.questions import (
    CALLS,
    COMPANIES,
    CONTACTS,
    DEALS,
    MEETINGS,
    NOTES,
    TASKS,
    Questions,
    associated_ids,
    id_of,
    is_id,
)
from crm_client.hubspot.records import Gathered, Viewer, addresses_of, company_of, properties
from crm_client.records import is_at
from crm_client.side_by_side import all_of
from crm_client.spelled import spelled
from mailmagnet.addresses import canonical_domain
from mailmagnet.crm_sign_in import Sees

MOST_DEALS = 500
"""Of one contact or company, where a person reads: the newest."""
MOST_ACTIVITIES = 200
"""Of one contact and each kind: the newest."""
MOST_AT_A_COMPANY = 500
"""People of one company who are read."""
_DETAILS = (CALLS, MEETINGS, TASKS, NOTES)


class Reading:
    """What is read for one answer, for whoever may see it: `viewers` are known while the first questions are being asked."""

    def __init__(self, questions: Questions, viewers: Callable[[], Awaitable[Sequence[Viewer]]]) -> None:
        self._questions = questions
        self._viewers = viewers
        self.gathered = Gathered()
        self._companies: dict[str, asyncio.Task[None]] = {}

    async def in_front(self, addresses: Collection[str]) -> list[Record]:
        """The contacts behind the spellings of one person's address, with all that a person reads: in two steps for a main address."""
        asked = [self._questions.contact_at(address, (DEALS, *_DETAILS)) for address in spelled(addresses)]
        found = [contact for contact in await all_of(asked) if contact]
        if not found and addresses:
            second = await self._questions.contacts_with_second(addresses)
            found = [contact for contact in await all_of([self._whole(id_of(each, "id")) for each in second]) if contact]
        return await self._with_details(found)

    async def contact(self, contact_id: str) -> list[Record]:
        """One contact with all that a person reads; none where it is not there, or not to be seen."""
        found = await self._whole(contact_id)
        return await self._with_details([found] if found else [])

    async def people(self, addresses: Collection[str], most_deals: int) -> list[Record]:
        """The contacts behind addresses, with their deals: in three steps, and a fourth for those whose main address it is not."""
        found = await self._questions.contacts_at(addresses)
        unknown = set(addresses) - {address for contact in found for address in addresses_of(contact)}
        branches = [self.with_deals(found, most_deals), *([self._second(unknown, most_deals)] if unknown else [])]
        return [contact for branch in await all_of(branches) for contact in branch]

    async def deals(self, ids: Iterable[str]) -> list[Record]:
        """Deals with the people and companies that they are about."""
        wanted = sorted(set(ids), key=int)
        records, contacts_of, _ = await all_of(
            [
                self._questions.records(DEALS, wanted),
                self._questions.associated(DEALS, wanted, CONTACTS),
                self._read_companies(self._companies_of_contacts()),
            ]
        )
        return await self._about(records, contacts_of)

    async def these_deals(self, records: Sequence[Record]) -> list[Record]:
        """The people and companies that deals are about which were read already."""
        ids = [id_of(record, "id") for record in records]
        return await self._about(records, await self._questions.associated(DEALS, ids, CONTACTS))

    async def with_deals(self, contacts: Iterable[Record], most_deals: int) -> list[Record]:
        """Those of the contacts that are to be seen, with their deals."""
        seen = self._keep(await self._seen(contacts))
        if not seen:
            return []
        deals_of = await self._questions.associated(CONTACTS, [id_of(each, "id") for each in seen], DEALS)
        for which, ids in deals_of.items():
            self._note_deals(which, ids, most_deals)
        await self.deals(self._deals_of(seen))
        return seen

    async def accounts(self, domains: Collection[str]) -> dict[str, str]:
        """The id of the company at each domain: the one that has it, or else one that has people there; each `account`'s records are
        read."""
        if not domains:
            return {}
        companies, people = await all_of([self._questions.companies_at(domains), self._questions.contacts_at_domains(domains)])
        there = await self._seen(people)
        seen = await self._seen(companies)
        self.gathered.companies |= {id_of(company, "id"): company for company in seen}
        await self._read_companies(map(company_of, there))
        to_be_seen = {id_of(company, "id") for company in await self._seen(self.gathered.companies.values())}
        chosen = {}
        for domain in domains:
            having = [id_of(each, "id") for each in seen if canonical_domain(text(properties(each), "domain")) == domain]
            with_people = [company_of(each) for each in there if any(is_at(address, domain) for address in addresses_of(each))]
            if found := having or [each for each in with_people if each in to_be_seen]:
                chosen[domain] = min(found, key=int)
        await self.at_companies(set(chosen.values()))
        return chosen

    async def company(self, company_id: str) -> None:
        """One company, with its people and deals."""
        if is_id(company_id):
            await all_of([self._read_companies([company_id]), self.at_companies({company_id})])

    async def deal_with_people(self, deal_id: str) -> list[Record]:
        """One deal with all its people, whoever sees them."""
        found = await self.deals(filter(is_id, [deal_id]))
        theirs = [each for deal in found for each in self.gathered.contacts_of.get(id_of(deal, "id"), ())]
        self._keep(await self._questions.records(CONTACTS, set(theirs) - set(self.gathered.contacts)))
        await self._read_companies(self._companies_of_contacts())
        return found

    async def at_companies(self, ids: Collection[str]) -> None:
        """The people of companies with their deals, and the companies' own; which they are is in `people_at`."""
        contacts, deals = await all_of(
            [self._questions.associated(COMPANIES, ids, CONTACTS), self._questions.associated(COMPANIES, ids, DEALS)]
        )
        self.gathered.people_at |= contacts
        wanted = {each for of_one in contacts.values() for each in of_one[-MOST_AT_A_COMPANY:]}
        found, deals_of = await all_of(
            [self._questions.records(CONTACTS, wanted), self._questions.associated(CONTACTS, wanted, DEALS)]
        )
        self._keep(await self._seen(found))
        newest = {which: _newest(ids, MOST_DEALS) for which, ids in deals_of.items()}
        self.gathered.deals_of |= newest
        self.gathered.more_deals |= {which for which, ids in [*deals_of.items(), *deals.items()] if len(ids) > MOST_DEALS}
        await self.deals(
            {each for ids in [*newest.values(), *(_newest(ids, MOST_DEALS) for ids in deals.values())] for each in ids}
        )

    # Its parts

    async def _whole(self, contact_id: str) -> Record | None:
        return await self._questions.one(CONTACTS, contact_id, (DEALS, *_DETAILS))

    async def _with_details(self, contacts: Iterable[Record]) -> list[Record]:
        """Contacts that came with the ids of what is associated with them, and all of that."""
        seen = self._keep(await self._seen(contacts))
        for contact in seen:
            self._note_deals(id_of(contact, "id"), await self._ids(contact, DEALS), MOST_DEALS)
        await all_of([self.deals(self._deals_of(seen)), *(self._details(each) for each in seen)])
        return seen

    async def _details(self, contact: Record) -> None:
        which = id_of(contact, "id")
        of_kinds = await all_of([self._newest_of(contact, kind) for kind in _DETAILS])
        by_kind = dict(zip(_DETAILS, of_kinds, strict=True))
        self.gathered.notes_of[which] = by_kind.pop(NOTES)
        self.gathered.activities_of[which] = [(kind, record) for kind, of_kind in by_kind.items() for record in of_kind]

    async def _newest_of(self, contact: Record, kind: str) -> list[Record]:
        return await self._questions.records(kind, _newest(await self._ids(contact, kind), MOST_ACTIVITIES))

    async def _ids(self, contact: Record, kind: str) -> tuple[str, ...]:
        """The ids that came with a contact, or all of them where HubSpot has more."""
        ids, more = associated_ids(contact, kind)
        which = id_of(contact, "id")
        return (await self._questions.associated(CONTACTS, [which], kind)).get(which, ()) if more else ids

    async def _second(self, addresses: Collection[str], most_deals: int) -> list[Record]:
        return await self.with_deals(await self._questions.contacts_with_second(addresses), most_deals)

    async def _about(self, records: Iterable[Record], contacts_of: Mapping[str, tuple[str, ...]]) -> list[Record]:
        seen = await self._seen(records)
        self.gathered.deals |= {id_of(deal, "id"): deal for deal in seen}
        self.gathered.contacts_of |= contacts_of
        theirs = {each for deal in seen for each in contacts_of.get(id_of(deal, "id"), ())}
        await all_of([self._read_companies(map(company_of, seen)), self._read_owners_of(theirs)])
        return seen

    def _note_deals(self, contact_id: str, ids: Sequence[str], most: int) -> None:
        self.gathered.deals_of[contact_id] = _newest(ids, most)
        if len(ids) > most:
            self.gathered.more_deals.add(contact_id)

    def _companies_of_contacts(self) -> set[str]:
        return {company_of(each) for each in self.gathered.contacts.values()}

    def _deals_of(self, contacts: Iterable[Record]) -> set[str]:
        return {deal for contact in contacts for deal in self.gathered.deals_of.get(id_of(contact, "id"), ())}

    async def _read_companies(self, ids: Iterable[str]) -> None:
        """Each once, also where it is wanted again while it is on its way; whoever gives up takes it from nobody."""
        missing = set(ids) - {""} - set(self.gathered.companies)
        under_way = {each: asking for each in missing if (asking := self._companies.get(each)) and not asking.done()}
        if new := missing - set(under_way):
            asking = asyncio.create_task(self._ask_for_companies(new))
            asking.add_done_callback(lambda done: done.cancelled() or done.exception())
            under_way |= dict.fromkeys(new, asking)
            self._companies |= under_way
        await all_of([asyncio.shield(asking) for asking in set(under_way.values())])

    async def _ask_for_companies(self, ids: Collection[str]) -> None:
        self.gathered.companies |= {id_of(each, "id"): each for each in await self._questions.records(COMPANIES, ids)}

    async def _read_owners_of(self, contact_ids: Iterable[str]) -> None:
        """Whose contacts these are, where not everybody sees everything."""
        if any(viewer.sees is not Sees.EVERYONE for viewer in await self._viewers()):
            missing = set(contact_ids) - set(self.gathered.contacts)
            self.gathered.contacts |= {id_of(each, "id"): each for each in await self._questions.records(CONTACTS, missing)}

    async def _seen(self, records: Iterable[Record]) -> list[Record]:
        viewers = await self._viewers()
        return [record for record in records if any(viewer.may_see(record) for viewer in viewers)]

    def _keep(self, contacts: list[Record]) -> list[Record]:
        self.gathered.contacts |= {id_of(contact, "id"): contact for contact in contacts}
        return contacts


def _newest(ids: Sequence[str], most: int) -> tuple[str, ...]:
    """HubSpot's ids grow with time."""
    return tuple(ids if len(ids) <= most else sorted(ids, key=int)[-most:])
