"""Salesforce's records as the core has them. Whatever Salesforce sends is data, and may be missing or odd."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from crm_client.fields import Record, day, inner, inner_all, moment, number, text, zone
from crm_client.records import domain_of_website, is_at, known_account, readable, soonest_first, told_activities, told_notes
from crm_client.salesforce.addresses import SALESFORCE
from crm_client.salesforce.questions import MOST_DEALS, PERMISSION_FIELD
from crm_client.salesforce.server import ROLES, Records
from mailmagnet.addresses import canonical
from mailmagnet.crm import (
    MAIL_INTEGRATION,
    Account,
    Activity,
    ActivityKind,
    Contact,
    CrmSettings,
    Currency,
    Deal,
    DealState,
    KnownAccount,
    Lead,
    Money,
    Note,
    Organisation,
    Profile,
    Stage,
    User,
)
from mailmagnet.errors import BadAnswer

WITHOUT = "-without-permission"
"""Behind the id of the profile of those of its users who do not hold the permission: it is given by permission set, not by profile."""


def id_of(record: Record) -> str:
    """Raises BadAnswer for a record without its id."""
    found = text(record, "Id")
    if not found:
        raise BadAnswer(SALESFORCE, "a record has no id")
    return found


# Settings


def settings_of(organisation: Records, stages: Records, currencies: Records, default_currency: str) -> CrmSettings:
    """`default_currency` is that of an organisation that has one alone, "" for one with several."""
    told = _first(organisation)
    codes = [each for each in currencies.records if text(each, "IsoCode")]
    home = next((text(each, "IsoCode") for each in codes if each.get("IsCorporate") is True), default_currency)
    # A rate is in units of the currency for one of the home currency.
    others = [
        Currency(text(each, "IsoCode"), text(each, "IsoCode"), number(each, "ConversionRate") or Decimal(1))
        for each in codes
        if text(each, "IsoCode") != home
    ]
    first = (Currency(home, home, Decimal(1), home=True),) if home else ()
    return CrmSettings(
        Organisation(text(told, "Name"), zone(told, "TimeZoneSidKey").key, home),
        tuple(readable(lambda each: _stage(each[1], each[0]), enumerate(stages.records))),
        (*first, *others),
    )


def _stage(stage: Record, position: int) -> Stage:
    return Stage(text(stage, "ApiName"), text(stage, "MasterLabel"), "", _state(stage), position)


def _state(record: Record) -> DealState:
    """What Salesforce itself says, of a stage or a deal: no stage's name says it. Raises BadAnswer where it says nothing."""
    closed, won = record.get("IsClosed"), record.get("IsWon")
    if not isinstance(closed, bool) or not isinstance(won, bool):
        raise BadAnswer(SALESFORCE, "a deal or stage is neither open, won nor lost")
    return DealState.WON if won else DealState.LOST if closed else DealState.OPEN


# Users


def user_of(record: Record, *, permitted: bool) -> User:
    profile = inner(record, "Profile")
    administrator = profile.get("PermissionsModifyAllData") is True
    name = text(profile, "Name")
    held = Profile(
        text(record, "ProfileId") + ("" if permitted else WITHOUT),
        name if permitted else f"{name}, without {MAIL_INTEGRATION}",
        frozenset({MAIL_INTEGRATION} if permitted else ()),
        administrator,
    )
    return User(id_of(record), text(record, "Name"), canonical(text(record, "Email")), held, record.get("IsActive") is True)


def is_permitted(record: Record) -> bool:
    """Whether the formula on the asking user's own record says so."""
    return record.get(PERMISSION_FIELD) is True


# People, accounts, deals


class Shown:
    """Records with links to their pages, told apart into the user's own and others'; a deal's day, an activity's past by one moment."""

    def __init__(self, origin: str, uid: str, home_currency: str, now: datetime) -> None:
        self._origin = origin
        self._uid = uid
        self._home_currency = home_currency
        self._now = now

    def contacts(self, people: Records, deals: Records, most_deals: int | None = None) -> list[Contact]:
        """Contacts with the deals in which they have a role. Of more than `most_deals` it is said that there are more."""
        told = deals.records if most_deals is None else deals.records[:most_deals]
        by_contact: dict[str, list[Deal]] = {}
        read = readable(self.deal, told)
        for deal in read:
            for contact_id in deal.contact_ids:
                by_contact.setdefault(contact_id, []).append(deal)
        more = len(read) < len(deals.records)
        return readable(lambda each: self._contact(each, by_contact.get(id_of(each), ()), more), people.records)

    def contact_alone(self, record: Record) -> Contact:
        """A contact, whose deals are not asked for."""
        return self._contact(record, (), more=False)

    def account(self, record: Record) -> Account:
        owner_id = text(record, "OwnerId")
        return Account(
            id=id_of(record),
            name=text(record, "Name"),
            domain=domain_of_website(text(record, "Website")),
            owner=_name_of(record, "Owner"),
            phone=text(record, "Phone"),
            url=self._url("Account", record),
            mine=owner_id == self._uid,
            owner_id=owner_id,
        )

    def known_account(self, record: Record) -> KnownAccount:
        """An account with its people and open deals, which stand within it."""
        account, people, open_deals = (
            self.account(record),
            inner(record, "Contacts"),
            inner_all(inner(record, "Opportunities"), "records"),
        )
        deals = readable(lambda each: self.deal(each, account), open_deals[:MOST_DEALS])

        def contact(record: Record) -> Contact:
            theirs = [deal for deal in deals if id_of(record) in deal.contact_ids]
            return self._contact(record, theirs, more=False, account=account)

        contacts = readable(contact, inner_all(people, "records"))
        count = people.get("totalSize")
        return known_account(
            account, contacts, deals, count if type(count) is int else 0, more_deals=len(open_deals) > len(deals)
        )

    def deal(self, record: Record, account: Account | None = None) -> Deal:
        """`account` is the one within which it stands."""
        behind, owner_id = inner(record, "Account"), text(record, "OwnerId")
        roles = inner_all(inner(record, ROLES), "records")
        # Who has the primary role comes first.
        ordered = sorted(roles, key=lambda role: role.get("IsPrimary") is not True)
        return Deal(
            id=id_of(record),
            name=text(record, "Name"),
            stage=text(record, "StageName"),
            state=_state(record),
            amount=self._amount(record),
            closing=day(SALESFORCE, record, "CloseDate"),
            account=account or (self.account(behind) if behind else None),
            owner=_name_of(record, "Owner"),
            contact_ids=tuple(dict.fromkeys(found for role in ordered if (found := text(inner(role, "Contact"), "Id")))),
            url=self._url("Opportunity", record),
            owner_id=owner_id,
        )

    def lead(self, record: Record) -> Lead:
        owner_id = text(record, "OwnerId")
        return Lead(
            id=id_of(record),
            name=text(record, "Name"),
            addresses=_addresses(record),
            title=text(record, "Title"),
            company=text(record, "Company"),
            status=text(record, "Status"),
            owner=_name_of(record, "Owner"),
            phone=text(record, "Phone"),
            url=self._url("Lead", record),
            mine=owner_id == self._uid,
            owner_id=owner_id,
        )

    def _contact(self, record: Record, deals: Iterable[Deal], more: bool, account: Account | None = None) -> Contact:
        behind, owner_id = inner(record, "Account"), text(record, "OwnerId")
        activities = [
            *readable(self._task, inner_all(inner(record, "Tasks"), "records")),
            *readable(self._event, inner_all(inner(record, "Events"), "records")),
        ]
        return Contact(
            id=id_of(record),
            name=text(record, "Name"),
            addresses=_addresses(record),
            title=text(record, "Title"),
            account=account or (self.account(behind) if behind else None),
            owner=_name_of(record, "Owner"),
            phone=text(record, "Phone"),
            url=self._url("Contact", record),
            deals=soonest_first(deals),
            activities=told_activities(activities),
            mine=owner_id == self._uid,
            owner_id=owner_id,
            more_deals=more,
        )

    def _task(self, task: Record) -> Activity | None:
        """One without any day has no place among the others."""
        done = task.get("IsClosed") is True
        at = (moment(SALESFORCE, task, "CompletedDateTime") if done else None) or day(SALESFORCE, task, "ActivityDate")
        kind = ActivityKind.CALL if text(task, "TaskSubtype") == "Call" else ActivityKind.TASK
        return self._activity("Task", kind, task, at, done) if at else None

    def _event(self, event: Record) -> Activity | None:
        """Salesforce does not say of an event whether it took place: it did when it is over."""
        begins, ends = moment(SALESFORCE, event, "StartDateTime"), moment(SALESFORCE, event, "EndDateTime")
        all_day = day(SALESFORCE, event, "ActivityDate") if event.get("IsAllDayEvent") is True else None
        at = all_day or begins
        over = (ends or begins or self._now) < self._now
        return self._activity("Event", ActivityKind.MEETING, event, at, over) if at else None

    def _activity(self, name: str, kind: ActivityKind, record: Record, at: datetime | date, done: bool) -> Activity:
        return Activity(
            id_of(record), kind, text(record, "Subject"), at, done, _name_of(record, "Owner"), self._url(name, record)
        )

    def _amount(self, record: Record) -> Money | None:
        """Salesforce sends a number of floating point; 0 is an amount there, and none is null."""
        amount, currency = number(record, "Amount"), text(record, "CurrencyIsoCode") or self._home_currency
        return Money(amount, currency) if amount is not None and currency else None

    def _url(self, name: str, record: Record) -> str:
        return f"{self._origin}/lightning/r/{name}/{id_of(record)}/view"


def notes_of(links: Records) -> Mapping[str, tuple[Note, ...]]:
    """The last notes by the contact to which they belong."""
    found: dict[str, list[Note]] = {}
    for contact_id, note in readable(_note, links.records):
        found.setdefault(contact_id, []).append(note)
    return {contact_id: told_notes(notes) for contact_id, notes in found.items()}


def _note(link: Record) -> tuple[str, Note] | None:
    document = inner(link, "ContentDocument")
    at, words = moment(SALESFORCE, document, "CreatedDate"), text(inner(document, "LatestPublishedVersion"), "TextPreview")
    return (text(link, "LinkedEntityId"), Note(id_of(document), words, at, _name_of(document, "CreatedBy"))) if at else None


def assigned(permissions: Records) -> Collection[str]:
    """The ids of users to whom the permission set is assigned."""
    return {text(each, "AssigneeId") for each in permissions.records}


def at_domain(domain: str, by_website: Sequence[Record], by_people: Sequence[Record]) -> Record | None:
    """The account whose website is at a domain, else the one with most people there."""
    own = [each for each in by_website if domain_of_website(text(each, "Website")) == domain]
    if own:
        return min(own, key=lambda each: text(each, "Id"))
    there = [(_people_at(domain, each), each) for each in by_people]
    known = [(count, each) for count, each in there if count]
    return min(known, key=lambda pair: (bool(text(pair[1], "Website")), -pair[0], text(pair[1], "Id")))[1] if known else None


def _people_at(domain: str, account: Record) -> int:
    people = inner_all(inner(account, "Contacts"), "records")
    return sum(is_at(canonical(text(each, "Email")), domain) for each in people)


def _addresses(record: Record) -> tuple[str, ...]:
    address = text(record, "Email")
    return (canonical(address),) if address else ()


def _name_of(record: Record, way: str) -> str:
    return text(inner(record, way), "Name")


def _first(found: Records) -> Record:
    return found.records[0] if found.records else {}
