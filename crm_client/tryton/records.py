"""Tryton's records as the core has them. Whatever Tryton sends is data, and may be missing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote

from crm_client.fields import Record, inner, inner_all, text, zone
from crm_client.records import domain_of_website, readable, soonest_first
from crm_client.tryton.questions import EMPLOYS, LEAD, OPPORTUNITY, PARTY, WORKS_FOR
from crm_client.tryton.server import TRYTON
from mailmagnet.addresses import canonical, domain_of
from mailmagnet.crm import (
    MAIL_INTEGRATION,
    Account,
    Contact,
    Currency,
    Deal,
    DealState,
    Lead,
    Money,
    Note,
    Organisation,
    Owner,
    Profile,
    Stage,
    User,
)
from mailmagnet.domains import registered_domain
from mailmagnet.errors import BadAnswer

Kind = TypeVar("Kind")

STATES: Mapping[str, tuple[str, DealState]] = {
    "opportunity": ("Opportunity", DealState.OPEN),
    "converted": ("Converted", DealState.OPEN),
    "won": ("Won", DealState.WON),
    "lost": ("Lost", DealState.LOST),
    "cancelled": ("Cancelled", DealState.LOST),
}
"""An opportunity's state, how Tryton shows it, and what it means. A converted one has a sale that is not confirmed yet."""
STAGES = tuple(Stage(state, name, "", meaning, position) for position, (state, (name, meaning)) in enumerate(STATES.items()))

Owners = Mapping[int, Owner]
"""The user behind each employee who is one."""


def number_of(record: Record) -> int:
    """A record's id. Raises BadAnswer for a record without."""
    value = record.get("id")
    if type(value) is not int:
        raise BadAnswer(TRYTON, "a record has no id")
    return value


def user_name(record: Record) -> str:
    return text(record, "name") or text(record, "login")


def user_of(record: Record) -> User:
    email = canonical(text(record, "email") or text(record, "login"))
    return User(str(number_of(record)), user_name(record), email, profile_of(record), is_active(record))


def is_active(record: Record) -> bool:
    """SQLite says 1 or 0."""
    return bool(record.get("active"))


def profile_of(user: Record) -> Profile:
    """A user's rights are those of the user's groups: they are the profile, which Tryton has no name for. An administrator has the rights
    of all groups."""
    groups = [group for each in inner_all(user, "groups") for group in (each, inner(each, "parent"))]
    administrator = bool(user.get("administrator"))
    named = any(text(group, "name").strip().casefold() == MAIL_INTEGRATION.casefold() for group in groups)
    if administrator:
        return Profile("administrator", "Administrator", frozenset({MAIL_INTEGRATION}), administrator=True)
    if named:
        return Profile("user", "User", frozenset({MAIL_INTEGRATION}))
    return Profile("user without", f"User without {MAIL_INTEGRATION}", frozenset())


def organisation_of(user: Record) -> Organisation:
    """The company that the user works for now."""
    company = inner(user, "company")
    return Organisation(text(company, "rec_name"), zone(company, "timezone").key, text(inner(company, "currency"), "code"))


def currencies_of(currencies: Sequence[Record], home: str) -> tuple[Currency, ...]:
    """The home currency first; Tryton's rates are those to any one currency."""
    rates = {text(each, "code"): value(each, "rate", Decimal) or Decimal(1) for each in currencies}
    names = {text(each, "code"): text(each, "name") for each in currencies}
    known = [
        Currency(code, names[code] or code, rate / (rates.get(home) or 1), home=code == home)
        for code, rate in rates.items()
        if code
    ]
    return tuple(sorted(known, key=lambda each: (not each.home, each.code)))


def owners_by_employee(users: Iterable[Record]) -> Owners:
    """Where several users are one employee, the first who is active."""
    owners: dict[int, Owner] = {}
    for user in sorted(users, key=lambda each: (not is_active(each), number_of(each))):
        for employee in ids(user, "employees"):
            owners.setdefault(employee, Owner(str(number_of(user)), user_name(user)))
    return owners


def value(record: Record, name: str, kind: type[Kind]) -> Kind | None:
    """What stands in a field, if it is of this kind."""
    found = record.get(name)
    return found if isinstance(found, kind) and not isinstance(found, bool) else None


def ids(record: Record, name: str) -> list[int]:
    """The ids in a field's list."""
    found: Any = record.get(name)
    return [each for each in found if type(each) is int] if isinstance(found, list) else []


def mechanisms_of(party: Record, kind: str) -> list[Record]:
    return [each for each in inner_all(party, "contact_mechanisms") if text(each, "type") == kind and text(each, "value").strip()]


def addresses_of(mechanisms: Iterable[Record]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(canonical(text(each, "value")) for each in mechanisms))


def firm_ids(party: Record) -> list[int]:
    """Those whom it works for."""
    related = [each for each in inner_all(party, "relations") if text(inner(each, "type"), "name") == WORKS_FOR]
    return [firm for each in related if (firm := value(each, "to", int)) is not None]


def is_firm(party: Record) -> bool:
    """A company employs somebody, or has a website: Tryton itself does not tell companies from people."""
    employs = any(text(inner(each, "type"), "name") == EMPLOYS for each in inner_all(party, "relations"))
    return employs or bool(mechanisms_of(party, "website"))


def domain_of_firm(party: Record) -> str:
    """The mail domain of a company: its website's, else that of its own address; "" for none."""
    for mechanism in mechanisms_of(party, "website"):
        if domain := domain_of_website(text(mechanism, "value")):
            return domain
    addresses = addresses_of(mechanisms_of(party, "email"))
    return (registered_domain(domain_of(addresses[0])) or "") if addresses else ""


@dataclass(slots=True)
class Parties:
    """The parties that an answer is about and that the user may see, by id, and whose each contact mechanism is."""

    by_id: dict[int, Record] = field(default_factory=dict)
    by_mechanism: dict[int, int] = field(default_factory=dict)

    def add(self, parties: Iterable[Record]) -> None:
        for party in parties:
            self.by_id[number_of(party)] = party
            for mechanism in inner_all(party, "contact_mechanisms"):
                self.by_mechanism[number_of(mechanism)] = number_of(party)

    def of_contact(self, opportunity: Record) -> Record | None:
        """Whose contact mechanism is the opportunity's contact; its party where it has none. None for one whom the user may not see."""
        contact = value(opportunity, "contact", int)
        return self.of_party(opportunity) if contact is None else self._of(self.by_mechanism.get(contact))

    def of_party(self, opportunity: Record) -> Record | None:
        return self._of(value(opportunity, "party", int))

    def firm_of(self, party: Record) -> Record | None:
        return next((firm for each in firm_ids(party) if (firm := self._of(each))), None)

    def unknown(self, parties: Iterable[Record], opportunities: Iterable[Record]) -> tuple[set[int], set[int]]:
        """Ids of parties and of contact mechanisms that these lead to, and that are not here."""
        behind = {firm for party in parties for firm in firm_ids(party)}
        contacts = set()
        for each in opportunities:
            behind.add(value(each, "party", int) or 0)
            contacts.add(value(each, "contact", int) or 0)
        return behind - self.by_id.keys() - {0}, contacts - self.by_mechanism.keys() - {0}

    def _of(self, party_id: int | None) -> Record | None:
        return self.by_id.get(party_id) if party_id is not None else None


class Records:
    """Records with links to their pages, told apart into the user's own and others'."""

    def __init__(self, origin: str, database: str, uid: str, owners: Owners) -> None:
        self._page = f"{origin}/#{quote(database, safe='')}/model"
        self._uid = uid
        self._owners = owners

    def contact(
        self,
        party: Record,
        opportunities: Iterable[Record],
        parties: Parties,
        notes: tuple[Note, ...] = (),
        asked: Collection[str] = (),
    ) -> Contact:
        """A party with those of the opportunities that are its own, leads left out. Who is at an address is told of the one that was asked
        for, else of the main one."""
        firm = parties.firm_of(party)
        told = [each for each in self.of(party, opportunities) if text(each, "state") != LEAD]
        deals = readable(lambda each: self.deal(each, parties), told)
        return Contact(
            id=str(number_of(party)),
            name=text(party, "name"),
            addresses=addresses_of(mechanisms_of(party, "email")),
            title=_name_at(asked, mechanisms_of(party, "email")),
            account=self.account(firm) if firm else None,
            phone=text(party, "phone") or text(party, "mobile"),
            url=self._url(PARTY, party),
            deals=soonest_first(deals),
            notes=notes,
            more_deals=len(deals) < len(told),
        )

    def of(self, party: Record, opportunities: Iterable[Record]) -> list[Record]:
        """Those of the opportunities whose party or contact it is."""
        mechanisms = {number_of(each) for each in inner_all(party, "contact_mechanisms")}
        return [
            each
            for each in opportunities
            if value(each, "party", int) == number_of(party) or value(each, "contact", int) in mechanisms
        ]

    def has_only_leads(self, party: Record, opportunities: Iterable[Record]) -> bool:
        """Whether a party is nothing but a lead yet."""
        states = {text(each, "state") for each in self.of(party, opportunities)}
        return states == {LEAD}

    def account(self, party: Record) -> Account:
        return Account(
            id=str(number_of(party)),
            name=text(party, "name"),
            domain=domain_of_firm(party),
            phone=text(party, "phone") or text(party, "mobile"),
            url=self._url(PARTY, party),
        )

    def deal(self, opportunity: Record, parties: Parties) -> Deal:
        """Raises BadAnswer where Tryton does not say whether it is open, won or lost."""
        if text(opportunity, "state") not in STATES:
            raise BadAnswer(TRYTON, "a deal is neither open, won nor lost")
        stage, state = STATES[text(opportunity, "state")]
        party, contact = parties.of_party(opportunity), parties.of_contact(opportunity)
        owner_id, owner = self._owner(opportunity)
        return Deal(
            id=str(number_of(opportunity)),
            name=text(opportunity, "description").strip() or text(opportunity, "number"),
            stage=stage,
            state=state,
            amount=_amount(opportunity),
            closing=value(opportunity, "end_date", date),
            account=self.account(party) if party and (party is not contact or is_firm(party)) else None,
            owner=owner,
            contact_ids=(str(number_of(contact)),) if contact else (),
            url=self._url(OPPORTUNITY, opportunity),
            owner_id=owner_id,
        )

    def lead(self, opportunity: Record, parties: Parties) -> Lead:
        """An opportunity that is a lead yet. Its person is its contact, by the name that the contact mechanism has, or its party."""
        party, contact = parties.of_party(opportunity) or {}, parties.of_contact(opportunity) or {}
        every = mechanisms_of(contact, "email")
        person = next((text(each, "name").strip() for each in every if number_of(each) == opportunity.get("contact")), "")
        name = person or text(contact, "name")
        firm = contact if person else parties.firm_of(contact) if contact is party else party
        owner_id, owner = self._owner(opportunity)
        return Lead(
            id=str(number_of(opportunity)),
            name=name or text(opportunity, "description").strip() or text(opportunity, "number"),
            addresses=addresses_of(each for each in every if not person or text(each, "name").strip() == person),
            company=text(firm or {}, "name"),
            status="Lead",
            owner=owner,
            phone=text(contact, "phone") or text(contact, "mobile"),
            url=self._url(OPPORTUNITY, opportunity),
            mine=owner_id == self._uid,
            owner_id=owner_id,
        )

    def _owner(self, opportunity: Record) -> tuple[str, str]:
        """The id of the user who is the opportunity's employee, "" for none, and the employee's name."""
        employee = inner(opportunity, "employee")
        owner = self._owners.get(number_of(employee)) if employee else None
        return (owner.id if owner else ""), text(employee, "rec_name")

    def _url(self, model: str, record: Record) -> str:
        """Where Tryton's own web client shows it, if the server has that."""
        return f"{self._page}/{model}/{number_of(record)}"


def _name_at(asked: Collection[str], mechanisms: Sequence[Record]) -> str:
    with_it = [each for each in mechanisms if not set(asked).isdisjoint(addresses_of([each]))]
    return next((text(each, "name").strip() for each in with_it or mechanisms), "")


def notes_of(found: Iterable[Record]) -> dict[int, list[Note]]:
    """By the party that they are on."""
    notes: dict[int, list[Note]] = {}
    for each in found:
        at, (model, _, party) = value(each, "create_date", datetime), text(each, "resource").partition(",")
        if at and model == PARTY and party.isdecimal():
            note = Note(str(number_of(each)), text(each, "message"), at, text(inner(each, "create_uid"), "rec_name"))
            notes.setdefault(int(party), []).append(note)
    return notes


def _amount(opportunity: Record) -> Money | None:
    """As exact as it was typed."""
    amount, currency = value(opportunity, "amount", Decimal), text(inner(opportunity, "currency"), "code")
    return Money(amount, currency) if amount is not None and amount.is_finite() and currency else None
