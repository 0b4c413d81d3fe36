"""Zoho's rows in, the core's records out, and the columns that each takes. Whatever Zoho sends is data, and may be missing or odd."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from operator import attrgetter

from crm_client.fields import Record, day, inner, inner_all, moment, number, text
from crm_client.records import domain_of_website, readable, soonest_first
from crm_client.zoho.settings import ZohoSettings
from crm_client.zoho.zoho import ZOHO
from mailmagnet.addresses import canonical
from mailmagnet.crm import MAIL_INTEGRATION, Account, Activity, ActivityKind, Contact, Deal, Lead, Money, Note, Profile, User
from mailmagnet.errors import BadAnswer

_ACCOUNT = ("Account_Name", "Website", "Phone", "Owner", "Owner.full_name")
_PERSON = ("Full_Name", "Email", "Secondary_Email", "Phone", "Owner", "Owner.full_name")
ACCOUNT = ("id", *_ACCOUNT)
CONTACT = ("id", *_PERSON, "Title", "Account_Name", *(f"Account_Name.{column}" for column in _ACCOUNT))
LEAD = ("id", *_PERSON, "Designation", "Company", "Lead_Status", "Converted__s")
DEAL = (
    *("id", "Deal_Name", "Stage", "Pipeline", "Amount", "Currency", "Closing_Date", "Owner", "Owner.full_name", "Contact_Name"),
    *("Account_Name", *(f"Account_Name.{column}" for column in _ACCOUNT)),
)
DEAL_WITH_PERSON = (
    *DEAL,
    *(f"Contact_Name.{column}" for column in ("Full_Name", "Email", "Secondary_Email", "Owner", "Owner.full_name")),
)
TASK = ("id", "Subject", "Due_Date", "Status", "Owner.full_name", "Who_Id")
EVENT = ("id", "Event_Title", "Start_DateTime", "End_DateTime", "Owner.full_name", "Who_Id")
CALL = ("id", "Subject", "Call_Start_Time", "Outgoing_Call_Status", "Owner.full_name", "Who_Id")
NOTE = ("Note_Title", "Note_Content", "Created_Time", "Created_By")

LAST_DONE = 5
LAST_NOTES = 3
_ADMINISTRATOR = "Administrator"
"""Zoho's own profile of this name, which nobody can rename."""
_COMPLETED = "Completed"


def id_of(record: Record, name: str = "id") -> str:
    """A record's id; with a name the id of the record that this lookup leads to, "" for none. Raises BadAnswer for a record without."""
    found = text(record, "id") if name == "id" else text(inner(record, name), "id")
    is_id = found.isascii() and found.isdigit()
    if name == "id" and not is_id:
        raise BadAnswer(ZOHO, "a record has no id")
    return found if is_id else ""


def behind(record: Record, lookup: str) -> Record:
    """What the columns behind a lookup say, with their names there and its id."""
    start = f"{lookup}."
    columns = {name.removeprefix(start): value for name, value in record.items() if name.startswith(start)}
    return {**columns, "id": id_of(record, lookup)}


class Records:
    """Records with links to their pages, told apart into the user's own and others'. `now` decides which meeting is over."""

    def __init__(self, settings: ZohoSettings, uid: str, now: datetime) -> None:
        self._settings = settings
        self._uid = uid
        self._now = now

    def contact(self, row: Record, deals: Iterable[Deal] = (), more_deals: bool = False) -> Contact:
        """With those of the deals that are the contact's."""
        contact_id, owner = id_of(row), id_of(row, "Owner")
        theirs = soonest_first(deal for deal in deals if contact_id in deal.contact_ids)
        return Contact(
            id=contact_id,
            name=text(row, "Full_Name"),
            addresses=_addresses(row),
            title=text(row, "Title"),
            account=self.account_behind(row),
            owner=_owner(row),
            phone=text(row, "Phone"),
            url=self._url("Contacts", contact_id),
            deals=theirs,
            mine=owner == self._uid,
            owner_id=owner,
            more_deals=more_deals,
        )

    def account(self, row: Record) -> Account:
        owner = id_of(row, "Owner")
        return Account(
            id=id_of(row),
            name=text(row, "Account_Name"),
            domain=domain_of_website(text(row, "Website")),
            owner=_owner(row),
            phone=text(row, "Phone"),
            url=self._url("Accounts", id_of(row)),
            mine=owner == self._uid,
            owner_id=owner,
        )

    def account_behind(self, row: Record) -> Account | None:
        """The account that a contact or a deal leads to; None where the user may not see it: then it has no name here."""
        account = behind(row, "Account_Name")
        return self.account(account) if account["id"] and text(account, "Account_Name") else None

    def lead(self, row: Record) -> Lead:
        owner = id_of(row, "Owner")
        return Lead(
            id=id_of(row),
            name=text(row, "Full_Name"),
            addresses=_addresses(row),
            title=text(row, "Designation"),
            company=text(row, "Company"),
            status=text(row, "Lead_Status"),
            owner=_owner(row),
            phone=text(row, "Phone"),
            url=self._url("Leads", id_of(row)),
            mine=owner == self._uid,
            owner_id=owner,
        )

    def deal(self, row: Record) -> Deal | None:
        """None where its stage is none of those that the CRM has now, or its day is none: in which category it is then nobody can say."""
        state = self._settings.states.get(text(row, "Stage"))
        try:
            closing = day(ZOHO, row, "Closing_Date")
        except BadAnswer:
            return None
        if state is None:
            return None
        contact = id_of(row, "Contact_Name")
        return Deal(
            id=id_of(row),
            name=text(row, "Deal_Name"),
            stage=text(row, "Stage"),
            state=state,
            pipeline=text(row, "Pipeline"),
            amount=self._amount(row),
            closing=closing,
            account=self.account_behind(row),
            owner=_owner(row),
            contact_ids=(contact,) if contact else (),
            url=self._url("Potentials", id_of(row)),
            owner_id=id_of(row, "Owner"),
        )

    def activities(self, tasks: Iterable[Record], events: Iterable[Record], calls: Iterable[Record]) -> tuple[Activity, ...]:
        """Those that are planned, and the last ones that are done; newest first. One that cannot be read hides no other."""
        found = [
            *readable(self._task, tasks),
            *readable(self._event, events),
            *readable(self._call, calls),
        ]
        newest = sorted(found, key=_when, reverse=True)
        done = [activity.id for activity in newest if activity.done][:LAST_DONE]
        return tuple(activity for activity in newest if not activity.done or activity.id in done)

    def notes(self, rows: Iterable[Record]) -> tuple[Note, ...]:
        """The last ones, newest first."""
        newest = sorted(readable(_note, rows), key=attrgetter("at"), reverse=True)
        return tuple(newest[:LAST_NOTES])

    def _task(self, row: Record) -> Activity | None:
        due = day(ZOHO, row, "Due_Date")
        return self._activity(row, ActivityKind.TASK, "Subject", due, text(row, "Status") == _COMPLETED, "Tasks") if due else None

    def _event(self, row: Record) -> Activity | None:
        """Zoho does not keep whether a meeting took place: it is over when its end is."""
        start = moment(ZOHO, row, "Start_DateTime")
        end = moment(ZOHO, row, "End_DateTime") or start
        return (
            self._activity(row, ActivityKind.MEETING, "Event_Title", start, bool(end and end <= self._now), "Events")
            if start
            else None
        )

    def _call(self, row: Record) -> Activity | None:
        """One that came in was never planned, and has no status."""
        start, status = moment(ZOHO, row, "Call_Start_Time"), text(row, "Outgoing_Call_Status")
        return self._activity(row, ActivityKind.CALL, "Subject", start, status in {"", _COMPLETED}, "Calls") if start else None

    def _activity(self, row: Record, kind: ActivityKind, subject: str, at: datetime | date, done: bool, tab: str) -> Activity:
        return Activity(id_of(row), kind, text(row, subject), at, done, text(row, "Owner.full_name"), self._url(tab, id_of(row)))

    def _amount(self, row: Record) -> Money | None:
        amount = number(row, "Amount")
        currency = text(row, "Currency") or self._settings.crm.organisation.home_currency
        return Money(amount, currency) if amount is not None and currency else None

    def _url(self, tab: str, record_id: str) -> str:
        return f"{self._settings.web}/{tab}/{record_id}"


def user_of(row: Record, profiles: Mapping[str, Profile]) -> User:
    """A user, with the profile that is known, or what the row says of it."""
    told = inner(row, "profile")
    profile = profiles.get(text(told, "id")) or profile_of(told)
    return User(id_of(row), text(row, "full_name"), text(row, "email").lower(), profile, text(row, "status").lower() == "active")


def profile_of(row: Record) -> Profile:
    """A profile, and whether it holds the permission: that is known by its label, or by Zoho's own name for it."""
    enabled = [each for each in inner_all(row, "permissions_details") if each.get("enabled") is True]
    names = {name for each in enabled for name in (text(each, "display_label"), _without_prefix(text(each, "name")))}
    administrator = text(row, "name") == _ADMINISTRATOR
    return Profile(text(row, "id"), text(row, "name"), frozenset(names & {MAIL_INTEGRATION}), administrator)


def _without_prefix(name: str) -> str:
    """Crm_Implied_Mail_Integration is Mail Integration."""
    return name.removeprefix("Crm_Implied_").replace("_", " ")


def _owner(row: Record) -> str:
    """The owner's name: behind the lookup in a question's rows, within it in a related list's."""
    return text(row, "Owner.full_name") or text(inner(row, "Owner"), "name")


def _addresses(row: Record) -> tuple[str, ...]:
    return tuple(dict.fromkeys(canonical(address) for name in ("Email", "Secondary_Email") if (address := text(row, name))))


def _note(row: Record) -> Note | None:
    at, words = moment(ZOHO, row, "Created_Time"), [text(row, name) for name in ("Note_Title", "Note_Content")]
    return Note(id_of(row), "\n".join(filter(None, words)), at, text(inner(row, "Created_By"), "name")) if at else None


def _when(activity: Activity) -> tuple[date, bool, float, str]:
    """By the day, and within it by the moment: a task is due at the end of its day."""
    if isinstance(activity.at, datetime):
        return activity.at.date(), False, activity.at.timestamp(), activity.id
    return activity.at, True, 0.0, activity.id
