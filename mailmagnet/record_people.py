"""A CRM record that its viewer could open, with its people: a contact or lead itself, of an account or deal its contacts."""

from dataclasses import dataclass

from mailmagnet.crm import Crm, Module, Owner
from mailmagnet.errors import BadRequest

MOST_PEOPLE = 10
"""Of an account or deal: Gmail is asked for all their addresses in one search. The others' mail is on their own cards."""


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
class OpenedRecord:
    """A record, its people, and the CRM users who own it and what belongs to it, its own owner first. `more` people are not among them."""

    record: RecordId
    name: str
    people: tuple[CrmPerson, ...]
    owners: tuple[Owner, ...]
    more: int = 0

    @property
    def addresses(self) -> frozenset[str]:
        """All of these people's."""
        return frozenset(address for person in self.people for address in person.addresses)


async def record_people(record: RecordId, crm: Crm) -> OpenedRecord:
    """Raises what `Crm.record_people` raises: NotFound, when its user may not open the record."""
    found = await crm.record_people(record.module, record.id)
    of_people = Module.LEADS if record.module is Module.LEADS else Module.CONTACTS
    first = found.people[:MOST_PEOPLE]
    people = tuple(CrmPerson(RecordId(of_people, person.id).choice, person.name, person.addresses) for person in first)
    return OpenedRecord(record, found.name, people, found.owners, max(found.people_count - len(people), 0))
