"""Pipedrive's records as the core has them. Whatever Pipedrive sends is data, and may be missing or odd."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time

from crm_client.fields import Record, day, in_every_zone, inner, inner_all, moment, number, text, zone
from crm_client.note_text import text_of_note
from crm_client.pipedrive.addresses import PIPEDRIVE
from crm_client.records import domain_of_website, readable, told_activities, told_notes
from mailmagnet.addresses import canonical
from mailmagnet.crm import (
    MAIL_INTEGRATION,
    Account,
    Activity,
    ActivityKind,
    Contact,
    Deal,
    DealState,
    Lead,
    Money,
    Note,
    Organisation,
    Profile,
    Stage,
    User,
)
from mailmagnet.errors import BadAnswer

_STATES: Mapping[str, DealState] = {state.value: state for state in DealState}
_KINDS: Mapping[str, ActivityKind] = {"call": ActivityKind.CALL, "meeting": ActivityKind.MEETING}
"""Every company makes types of its own: what is no call and no meeting is something to do."""
ADMINS, REGULAR = ("admin", "Admin"), ("regular", "Regular user")


def id_of(record: Record, name: str = "id") -> str:
    """The id in a field, "" for none: a number in version 2, an object with one in a search."""
    value = record.get(name)
    if isinstance(value, dict):
        value = value.get("id")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def emails_of(record: Record) -> tuple[str, ...]:
    """A person's addresses, canonical, the main one first."""
    return tuple(dict.fromkeys(canonical(each) for each in _values(record, "emails")))


def phone_of(record: Record) -> str:
    """A person's main phone number, "" for none."""
    return next(iter(_values(record, "phones")), "")


def _values(record: Record, name: str) -> list[str]:
    """The main one first: objects in a record, plain texts in what a search has found."""
    listed = record.get(name)
    plain = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    labelled = sorted(inner_all(record, name), key=lambda each: each.get("primary") is not True)
    return [each for each in (*(text(each, "value") for each in labelled), *plain) if each]


@dataclass(frozen=True, slots=True)
class Records:
    """Makes records of the JSON, as one user sees them. `names` are the company's users' names by id, `stages` its stages by id."""

    origin: str
    account: str
    names: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, Stage] = field(default_factory=dict)

    def organization(self, record: Record) -> Account:
        owner, organization = id_of(record, "owner_id"), id_of(record)
        return Account(
            organization,
            text(record, "name"),
            domain_of_website(text(record, "website")),
            self.names.get(owner, ""),
            url=f"{self.origin}/organization/{organization}",
            mine=owner == self.account,
            owner_id=owner,
        )

    def deal(self, record: Record, accounts: Mapping[str, Account]) -> Deal:
        """Won and lost are the deal's own: a stage is neither. Raises BadAnswer for a status that there is not."""
        owner, deal, person = id_of(record, "owner_id"), id_of(record), id_of(record, "person_id")
        stage = self.stages.get(id_of(record, "stage_id"))
        state = _STATES.get(text(record, "status"))
        if state is None:
            raise BadAnswer(PIPEDRIVE, "a deal has a status that there is not")
        return Deal(
            deal,
            text(record, "title"),
            stage.name if stage else "",
            state,
            stage.pipeline if stage else "",
            _money(record),
            day(PIPEDRIVE, record, "expected_close_date"),
            accounts.get(id_of(record, "org_id")),
            self.names.get(owner, ""),
            (person,) if person else (),
            f"{self.origin}/deal/{deal}",
            owner,
        )

    def contact(
        self,
        record: Record,
        accounts: Mapping[str, Account],
        deals: Sequence[Deal] = (),
        activities: Iterable[Record] = (),
        notes: Iterable[Record] = (),
        more_deals: bool = False,
    ) -> Contact:
        """Of a person's record, or of what a search found of it."""
        owner, person = _owner(record), id_of(record)
        return Contact(
            person,
            text(record, "name"),
            emails_of(record),
            text(record, "job_title"),
            accounts.get(_organization(record)),
            self.names.get(owner, ""),
            phone_of(record),
            f"{self.origin}/person/{person}",
            tuple(deals),
            told_activities(readable(self.activity, activities)),
            told_notes(readable(self.note, notes)),
            owner == self.account,
            owner,
            more_deals,
        )

    def lead(self, lead: Record, person: Record, company: str) -> Lead:
        """A lead, which hangs on a person or on an organisation alone; its own title is said as what becomes of it."""
        owner = _owner(lead)
        return Lead(
            text(lead, "id"),
            text(person, "name") or company or text(lead, "title"),
            emails_of(person),
            company=company,
            status=text(lead, "title"),
            owner=self.names.get(owner, ""),
            phone=phone_of(person),
            url=f"{self.origin}/leads/inbox/{text(lead, 'id')}",
            mine=owner == self.account,
            owner_id=owner,
        )

    def activity(self, record: Record) -> Activity:
        """Its day is told apart from its time, which is UTC, and may be missing."""
        on = day(PIPEDRIVE, record, "due_date") or _added(record).date()
        at = text(record, "due_time")
        try:
            moment_due = in_every_zone(datetime.combine(on, time.fromisoformat(at), UTC)) if at else None
        except ValueError:
            raise BadAnswer(PIPEDRIVE, "a time is none") from None
        kind = _KINDS.get(text(record, "type"), ActivityKind.TASK)
        owner = self.names.get(id_of(record, "owner_id"), "")
        return Activity(id_of(record), kind, text(record, "subject"), moment_due or on, record.get("done") is True, owner)

    def note(self, record: Record) -> Note:
        return Note(id_of(record), text_of_note(text(record, "content")), _added(record), text(inner(record, "user"), "name"))


def user_of(record: Record, listed: bool = True) -> User:
    """A user of the company. `listed`: an admin's list has the user, which stands for the permission that Pipedrive does not have."""
    is_admin = any(access.get("admin") is True and text(access, "app") in _ADMINS_APPS for access in inner_all(record, "access"))
    profile_id, name = ADMINS if is_admin else REGULAR
    profile = Profile(profile_id, name, frozenset({MAIL_INTEGRATION}) if listed else frozenset(), is_admin)
    return User(id_of(record), text(record, "name"), text(record, "email"), profile, record.get("active_flag") is not False)


_ADMINS_APPS = frozenset({"global", "account_settings"})
"""Where an admin looks after the whole company, and not deals alone."""


def organisation_of(me: Record) -> Organisation:
    """A company has neither a zone nor a currency of its own over the API: those of whoever asks are taken."""
    return Organisation(text(me, "company_name"), zone(me, "timezone_name").key, text(me, "default_currency").upper())


def stages_of(stages: Iterable[Record], pipelines: Iterable[Record]) -> tuple[Stage, ...]:
    """By pipeline, and in each in its order. All are open: a deal is won or lost wherever it is."""
    order = {id_of(each): (_order(each), place, text(each, "name")) for place, each in enumerate(pipelines)}
    known = [each for each in stages if id_of(each, "pipeline_id") in order]
    known.sort(key=lambda each: (order[id_of(each, "pipeline_id")][:2], _order(each)))
    return tuple(
        Stage(id_of(each), text(each, "name"), order[id_of(each, "pipeline_id")][2], DealState.OPEN, position)
        for position, each in enumerate(known)
    )


def _order(record: Record) -> int:
    value = record.get("order_nr")
    return value if isinstance(value, int) else 0


def _owner(record: Record) -> str:
    return id_of(record, "owner_id") or id_of(record, "owner")


def _organization(record: Record) -> str:
    return id_of(record, "org_id") or id_of(record, "organization")


def _money(record: Record) -> Money | None:
    """A deal without an amount has the amount 0."""
    amount, currency = number(record, "value"), text(record, "currency").upper()
    return Money(amount, currency) if amount and currency else None


def _added(record: Record) -> datetime:
    return moment(PIPEDRIVE, record, "add_time") or datetime.fromtimestamp(0, UTC)
