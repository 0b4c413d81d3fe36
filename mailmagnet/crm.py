"""What the core asks of a CRM: records as the CRM's own words have them, and the protocol `Crm`, one user's view of one CRM."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from mailmagnet.errors import Service, Side
from mailmagnet.templates import Template

MAIL_INTEGRATION = "Mail Integration"
"""The permission a user's CRM profile must hold to see the CRM from Gmail."""


class DealState(StrEnum):
    """What a stage means to the CRM itself, whatever the stage is called."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in one currency (ISO 4217 code, upper case)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency the CRM's organisation uses; `rate` is units of it for one unit of the home currency."""

    code: str
    name: str
    rate: Decimal
    home: bool = False


@dataclass(frozen=True, slots=True)
class Organisation:
    """The CRM's organisation. `time_zone` is an IANA name: the current month is that of this zone."""

    name: str
    time_zone: str
    home_currency: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A set of permissions that users hold; `administrator`: its users look after the CRM, and may give permissions."""

    id: str
    name: str
    permissions: frozenset[str]
    administrator: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """A user of the CRM (a colleague), not of Gmail."""

    id: str
    name: str
    email: str
    profile: Profile
    active: bool = True


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a pipeline, with the CRM's own word on whether a deal in it is open, won or lost."""

    id: str
    name: str
    pipeline: str
    state: DealState
    position: int


class Module(StrEnum):
    """The four kinds of record that have mail, by the names that links to them have."""

    CONTACTS = "contacts"
    LEADS = "leads"
    ACCOUNTS = "accounts"
    DEALS = "deals"


@dataclass(frozen=True, slots=True)
class Account:
    """A company. `domain` is its mail domain, lower case ASCII, or "" when the CRM has none; `mine`: who asks owns it.

    Here and in other records `owner` is the name of the CRM user who owns it, `owner_id` that user's id, "" for none.
    """

    id: str
    name: str
    domain: str = ""
    owner: str = ""
    phone: str = ""
    url: str = ""
    mine: bool = False
    owner_id: str = ""


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal. `closing` is a day in the organisation's time zone; `contact_ids` are its primary contact and contact roles."""

    id: str
    name: str
    stage: str
    state: DealState
    pipeline: str = ""
    amount: Money | None = None
    closing: date | None = None
    account: Account | None = None
    owner: str = ""
    contact_ids: tuple[str, ...] = ()
    url: str = ""
    owner_id: str = ""


class ActivityKind(StrEnum):
    """The three kinds of activity that CRMs agree on."""

    CALL = "call"
    MEETING = "meeting"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class Activity:
    """A call, meeting or task. A task's `at` may be a day only."""

    id: str
    kind: ActivityKind
    subject: str
    at: datetime | date
    done: bool
    owner: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A note on a contact; `text` is plain text."""

    id: str
    text: str
    at: datetime
    author: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at a company, with the deals it is primary contact of or holds a role in.

    `addresses` are in the CRM's own order, the main one first, as `mailmagnet.addresses.canonical` writes them.
    `activities` and `notes` are filled by look-ups for a person to read, newest first, and empty in those for the job.
    `mine`: who asks owns it.
    """

    id: str
    name: str
    addresses: tuple[str, ...]
    title: str = ""
    account: Account | None = None
    owner: str = ""
    phone: str = ""
    url: str = ""
    deals: tuple[Deal, ...] = ()
    activities: tuple[Activity, ...] = ()
    notes: tuple[Note, ...] = ()
    mine: bool = False
    owner_id: str = ""


@dataclass(frozen=True, slots=True)
class Lead:
    """A person not yet qualified: it has a company's name, and no deals. `mine`: who asks owns it."""

    id: str
    name: str
    addresses: tuple[str, ...]
    title: str = ""
    company: str = ""
    status: str = ""
    owner: str = ""
    phone: str = ""
    url: str = ""
    mine: bool = False
    owner_id: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """A CRM user who owns a record."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class PersonAddresses:
    """A contact, or in a lead's record the lead, with all its addresses, canonical."""

    id: str
    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordPeople:
    """Whose mail belongs to a record: a contact or lead itself, the contacts of an account or a deal.

    Of many not all are there: `people_count` counts those too that were left out. `owners` are the record's own first, then those of its
    account and its deals, then those of its people, each once.
    """

    name: str
    people: tuple[PersonAddresses, ...]
    owners: tuple[Owner, ...]
    people_count: int


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account, who we know there, and its open deals. `contacts` holds at most 10, `contact_count` counts all."""

    account: Account
    contacts: tuple[Contact, ...]
    contact_count: int
    open_deals: tuple[Deal, ...]


@dataclass(frozen=True, slots=True)
class LookUp:
    """The CRM's answer for all people of one mail.

    `contacts` and `leads` by each asked address that has any, `accounts` by each asked domain that has one;
    what the user may not see is left out as if it were not there.
    """

    organisation: Organisation
    contacts: Mapping[str, tuple[Contact, ...]]
    leads: Mapping[str, tuple[Lead, ...]]
    accounts: Mapping[str, KnownAccount]


@dataclass(frozen=True, slots=True)
class Senders:
    """The CRM's answer for the senders of a run: contacts with their deals, and leads, by each asked address that has any."""

    organisation: Organisation
    contacts: Mapping[str, tuple[Contact, ...]]
    leads: Mapping[str, tuple[Lead, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a search, best first in each kind.

    `more` holds the kinds, of "contacts", "leads", "accounts" and "deals", of which the CRM has more than are given here.
    """

    contacts: tuple[Contact, ...] = ()
    accounts: tuple[Account, ...] = ()
    deals: tuple[Deal, ...] = ()
    leads: tuple[Lead, ...] = ()
    more: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class NewContact:
    """A contact to write. `account` is an account's id."""

    name: str
    addresses: tuple[str, ...]
    title: str = ""
    account: str | None = None
    phone: str = ""


@dataclass(frozen=True, slots=True)
class NewDeal:
    """A deal to write. `account` and `contacts` are ids, the primary contact first; `stage` is a stage's id."""

    name: str
    stage: str
    amount: Money | None = None
    closing: date | None = None
    account: str | None = None
    contacts: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a CRM has. A card leaves out what it does not have, and the contract's cases are chosen by it.

    Rights are always the user's own here. `exact_money`: amounts of any length come back as they were written. `planned_activities`:
    those that are still to be done; `activities`: also those that are done.
    `ranked_search`: by the beginnings of words, best first, accents folded.
    """

    second_addresses: bool = False
    roles: bool = False
    pipelines: bool = False
    lost_stages: bool = False
    deal_currency: bool = False
    exact_money: bool = False
    planned_activities: bool = False
    activities: bool = False
    notes: bool = False
    templates: bool = False
    ranked_search: bool = False
    writes: bool = False


def service_of(crm: "Crm") -> Service:
    """A CRM, as errors name it."""
    return Service(Side.CRM, crm.name)


class Crm(Protocol):
    """One user's view of one CRM: it answers with what that user may see.

    Every call may raise NotAuthorised, NotPermitted, RateLimited, Unavailable, BadAnswer; those that take an id also NotFound.
    Addresses and domains go in as `mailmagnet.addresses.canonical` writes them. Any number may be asked at once: the
    implementation cuts them into as few calls as the CRM allows.
    """

    @property
    def name(self) -> str:
        """The CRM's name as its users know it, to show: "Zoho CRM"."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this CRM has."""
        ...

    async def look_up(self, addresses: Collection[str], domains: Collection[str]) -> LookUp:
        """All that the CRM has on the people of one mail."""
        ...

    async def senders(self, addresses: Collection[str]) -> Senders:
        """The contacts behind the senders of a run, with their deals, and the leads."""
        ...

    async def contact(self, contact_id: str) -> Contact:
        """One contact, with deals, activities and notes."""
        ...

    async def lead(self, lead_id: str) -> Lead: ...

    async def deal(self, deal_id: str) -> Deal: ...

    async def account(self, account_id: str) -> KnownAccount:
        """One account, with who is known there and its open deals."""
        ...

    async def record_people(self, module: Module, record_id: str) -> RecordPeople:
        """The people of one record with all their addresses, in one question. Of what the user may not see nothing is there."""
        ...

    async def search(self, words: str, most: int) -> Found:
        """Records of each kind whose names (or addresses, or company's name) hold every one of the words; at most `most` of each."""
        ...

    async def deals_closing(self, first: date, last: date) -> Sequence[Deal]:
        """Open deals whose closing date lies in `first` to `last`, both included, soonest first."""
        ...

    async def organisation(self) -> Organisation: ...

    async def me(self) -> User:
        """The user whose view this is. It may be asked without the permission."""
        ...

    async def administrators(self) -> Sequence[User]:
        """Active users who look after the CRM. It may be asked without the permission: they can give it."""
        ...

    async def users(self) -> Sequence[User]: ...

    async def profiles(self) -> Sequence[Profile]: ...

    async def stages(self) -> Sequence[Stage]:
        """All stages of all pipelines, in the CRM's order."""
        ...

    async def currencies(self) -> Sequence[Currency]: ...

    async def templates(self) -> Sequence[Template]:
        """Templates for mail that this user may use, by name, with merge fields as this CRM writes them; none where it has none."""
        ...


class WritableCrm(Crm, Protocol):
    """A CRM that is written to as well, with the same user's rights. It raises what `Crm` raises."""

    async def add_account(self, name: str, domain: str = "", phone: str = "") -> Account: ...

    async def add_contact(self, contact: NewContact) -> Contact: ...

    async def add_lead(self, lead: Lead) -> Lead:
        """Write a lead; its `id`, `owner` and `url` are the CRM's to give and are left out of account."""
        ...

    async def add_deal(self, deal: NewDeal) -> Deal: ...

    async def move_deal(self, deal_id: str, stage_id: str) -> Deal:
        """Put a deal into another stage."""
        ...

    async def add_activity(self, contact_id: str, activity: Activity) -> Activity: ...

    async def add_note(self, contact_id: str, text: str) -> Note: ...
