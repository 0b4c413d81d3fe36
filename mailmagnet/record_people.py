"""The people of one CRM record, as its viewer's own connection shows them: a contact or lead itself, of an account or deal its contacts."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from mailmagnet.crm import Contact, Crm, Deal, KnownAccount
from mailmagnet.errors import BadRequest, NotFound

MOST_PEOPLE = 10
"""Of an account or deal: as many as CRMs give at once; the mail of more is nobody's to read through."""


class Module(StrEnum):
    """The four kinds of record that have mail, by the names that links to them have."""

    CONTACTS = "contacts"
    LEADS = "leads"
    ACCOUNTS = "accounts"
    DEALS = "deals"


@dataclass(frozen=True, slots=True)
class RecordId:
    """Which record of the CRM."""

    module: Module
    id: str

    @property
    def choice(self) -> str:
        """By what a user's choices name this person: a lead and a contact may have one id."""
        return f"{_LEAD}{self.id}" if self.module is Module.LEADS else self.id


_LEAD = "leads:"


def record_of_choice(choice: str) -> RecordId:
    """The contact or lead that a user's choices name so."""
    return RecordId(Module.LEADS if choice.startswith(_LEAD) else Module.CONTACTS, choice.removeprefix(_LEAD))


def record_id(module: str, of: str) -> RecordId:
    """Raises BadRequest when there is no such module."""
    if module not in set(Module) or not of:
        raise BadRequest("the click names no record of the CRM")
    return RecordId(Module(module), of)


@dataclass(frozen=True, slots=True)
class CrmPerson:
    """A contact or lead: its name and addresses, and by what a user's choices name it."""

    choice: str
    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CrmOwner:
    """A CRM user who owns a record; the name is the CRM's, may be ""."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class RecordPeople:
    """A record, its people, and the CRM users who own it and what belongs to it, its own owner first. `more` people are not among them."""

    record: RecordId
    name: str
    people: tuple[CrmPerson, ...]
    owners: tuple[CrmOwner, ...]
    more: int = 0

    @property
    def addresses(self) -> frozenset[str]:
        """All of these people's."""
        return frozenset(address for person in self.people for address in person.addresses)


async def record_people(record: RecordId, crm: Crm) -> RecordPeople:
    """Raises what `crm` raises: NotFound, when its user may not open the record."""
    match record.module:
        case Module.CONTACTS:
            return _of_contact(record, await crm.contact(record.id))
        case Module.LEADS:
            lead = await crm.lead(record.id)
            person = CrmPerson(record.choice, lead.name, lead.addresses)
            return RecordPeople(record, lead.name, (person,), _owners([CrmOwner(lead.owner_id, lead.owner)]))
        case Module.ACCOUNTS:
            return _of_account(record, await crm.account(record.id))
    return await _of_deal(record, await crm.deal(record.id), crm)


def _of_contact(record: RecordId, contact: Contact) -> RecordPeople:
    account = [CrmOwner(contact.account.owner_id, contact.account.owner)] if contact.account else []
    owners = _owners([CrmOwner(contact.owner_id, contact.owner), *account, *_deal_owners(contact.deals)])
    return RecordPeople(record, contact.name, (_person(contact),), owners)


def _of_account(record: RecordId, known: KnownAccount) -> RecordPeople:
    contacts = known.contacts[:MOST_PEOPLE]
    of_contacts = [CrmOwner(contact.owner_id, contact.owner) for contact in contacts]
    owners = [CrmOwner(known.account.owner_id, known.account.owner), *_deal_owners(known.open_deals), *of_contacts]
    more = max(known.contact_count - len(contacts), 0)
    return RecordPeople(record, known.account.name, tuple(map(_person, contacts)), _owners(owners), more)


async def _of_deal(record: RecordId, deal: Deal, crm: Crm) -> RecordPeople:
    found = await asyncio.gather(*(_contact_if_shown(contact_id, crm) for contact_id in deal.contact_ids[:MOST_PEOPLE]))
    contacts = [contact for contact in found if contact]
    owners = [*_deal_owners([deal]), *(CrmOwner(contact.owner_id, contact.owner) for contact in contacts)]
    more = max(len(deal.contact_ids) - MOST_PEOPLE, 0)
    return RecordPeople(record, deal.name, tuple(map(_person, contacts)), _owners(owners), more)


async def _contact_if_shown(contact_id: str, crm: Crm) -> Contact | None:
    """A deal may name people whom its viewer may not open: their mail is not shown."""
    try:
        return await crm.contact(contact_id)
    except NotFound:
        return None


def _person(contact: Contact) -> CrmPerson:
    return CrmPerson(RecordId(Module.CONTACTS, contact.id).choice, contact.name, contact.addresses)


def _deal_owners(deals: Iterable[Deal]) -> list[CrmOwner]:
    of_accounts = [CrmOwner(deal.account.owner_id, deal.account.owner) for deal in deals if deal.account]
    return [*(CrmOwner(deal.owner_id, deal.owner) for deal in deals), *of_accounts]


def _owners(owners: Iterable[CrmOwner]) -> tuple[CrmOwner, ...]:
    """Each once; a CRM may leave out who owns what its viewer may not open."""
    found: dict[str, CrmOwner] = {}
    for owner in owners:
        if owner.id:
            found.setdefault(owner.id, owner)
    return tuple(found.values())
