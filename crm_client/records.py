"""What every CRM's records are put together by, once they are the core's: their order, who owns them, whose mail is theirs. Pure."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import date
from typing import TypeVar
from urllib.parse import urlsplit

from mailmagnet.addresses import canonical_domain, domain_of, is_address
from mailmagnet.crm import (
    Account,
    Activity,
    Contact,
    Deal,
    DealState,
    KnownAccount,
    Lead,
    Note,
    Owner,
    PersonAddresses,
    RecordPeople,
)
from mailmagnet.domains import registered_domain
from mailmagnet.errors import BadAnswer, NotFound, Service

MOST_CONTACTS = 10
"""Of an account, as `KnownAccount` says."""
LAST_ACTIVITIES = 5
"""Activities done that are told of a contact; those planned are all told."""
LAST_NOTES = 3
"""Notes that are told of a contact."""
MOST_PEOPLE = 50
"""Of an account's or a deal's record."""

Given = TypeVar("Given")
Found = TypeVar("Found")
Person = TypeVar("Person", Contact, Lead)


def readable(read: Callable[[Given], Found | None], records: Iterable[Given]) -> list[Found]:
    """What is read of many records. One that cannot be read (BadAnswer), or is None when it is, hides no other."""
    found: list[Found] = []
    for record in records:
        with suppress(BadAnswer):
            if (told := read(record)) is not None:
                found.append(told)
    return found


def only(who: Service, found: Sequence[Found]) -> Found:
    """The record that an id stands for. Raises NotFound where there is none, or the user may not see it."""
    if not found:
        raise NotFound(who, "there is no such record, or the user may not see it")
    return found[0]


def domain_of_website(website: str) -> str:
    """The mail domain that goes with a website, as somebody has typed it; "" for none."""
    try:
        host = urlsplit(website if "//" in website else f"//{website}").hostname or ""
    except ValueError:
        return ""
    return registered_domain(canonical_domain(host))


def soonest_first(deals: Iterable[Deal]) -> tuple[Deal, ...]:
    """Open deals first, then by closing date, those without one last."""
    return tuple(sorted(deals, key=lambda deal: (not _is_open(deal), deal.closing or date.max, deal.name, deal.id)))


def open_first(contacts: Iterable[Contact]) -> tuple[Contact, ...]:
    """Contacts in the order in which they are told: those with an open deal first, then by name."""
    return tuple(sorted(contacts, key=lambda each: (not any(map(_is_open, each.deals)), each.name.casefold(), each.id)))


def told_activities(activities: Iterable[Activity]) -> tuple[Activity, ...]:
    """All that are planned and the last that are done, the latest first. Days stand in the order of their text, as moments do."""
    latest_first = sorted(activities, key=lambda each: (each.at.isoformat(), each.id), reverse=True)
    done = [each for each in latest_first if each.done][:LAST_ACTIVITIES]
    return tuple(each for each in latest_first if not each.done or each in done)


def told_notes(notes: Iterable[Note]) -> tuple[Note, ...]:
    """The last ones that say something, the latest first."""
    return tuple(
        sorted((note for note in notes if note.text.strip()), key=lambda note: (note.at, note.id), reverse=True)[:LAST_NOTES]
    )


def by_address(asked: Collection[str], people: Sequence[Person]) -> dict[str, tuple[Person, ...]]:
    """Contacts, or leads, by each asked address that one of them has, in the order in which they stand."""
    found: dict[str, list[Person]] = {}
    for person in people:
        for address in dict.fromkeys(person.addresses):
            found.setdefault(address, []).append(person)
    return {address: tuple(found[address]) for address in dict.fromkeys(asked) if address in found}


def known_account(
    account: Account, contacts: Collection[Contact], deals: Iterable[Deal], count: int = 0, *, more_deals: bool = False
) -> KnownAccount:
    """An account with its people, of whom the first ones are told, and those of the deals that are its open ones. `count` is how many
    people there are, where the CRM did not give them all; `more_deals`: nor all open deals."""
    return KnownAccount(
        account,
        open_first(contacts)[:MOST_CONTACTS],
        max(count, len(contacts)),
        soonest_first(deal for deal in deals if _is_open(deal) and deal.account and deal.account.id == account.id),
        more_deals,
    )


def owners_of(records: Iterable[Account | Contact | Deal | Lead | None]) -> tuple[Owner, ...]:
    """Who owns them, in their order, each once. What has no owner, or is None, is passed over."""
    names: dict[str, str] = {}
    for record in records:
        if record and record.owner_id:
            names[record.owner_id] = names.get(record.owner_id) or record.owner
    return tuple(Owner(owner_id, name) for owner_id, name in names.items())


def people_of(name: str, people: Sequence[Contact] | Sequence[Lead], owners: tuple[Owner, ...], count: int = 0) -> RecordPeople:
    """The people of a record, of whom the first ones are told. `count` is how many there are, where the CRM did not give them all. What
    somebody has typed where an address should be is none to be asked for in a mailbox."""
    told = tuple(
        PersonAddresses(person.id, person.name, tuple(filter(is_address, person.addresses))) for person in people[:MOST_PEOPLE]
    )
    return RecordPeople(name, told, owners, max(count, len(people)))


def is_at(address: str, domain: str) -> bool:
    """Whether an address is at a domain, or at one below it."""
    at = domain_of(address)
    return at == domain or at.endswith(f".{domain}")


def _is_open(deal: Deal) -> bool:
    return deal.state is DealState.OPEN
