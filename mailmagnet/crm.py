"""What the core asks of a CRM: records as the CRM's own words have them; `Crm`, one user's view of it, which is read, and `WritableCrm`,
which is written to as well; and `CrmClient`, what all views of one process share."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from mailmagnet.errors import Service, Side, Upstream
from mailmagnet.templates import Template
from mailmagnet.vault import Connection

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


@dataclass(frozen=True, slots=True)
class CrmSettings:
    """How a CRM is set up: no records, and the same for all its users. `stages` are those of all pipelines, in the CRM's order."""

    organisation: Organisation
    stages: tuple[Stage, ...] = ()
    currencies: tuple[Currency, ...] = ()


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
    `activities` and `notes` are filled where a person reads about this very contact, newest first, and empty elsewhere.
    `more_deals`: the CRM has more deals of it than are here. `mine`: who asks owns it.
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
    more_deals: bool = False


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
    """An account, who we know there, and its open deals. `contacts` holds at most 10, `contact_count` counts all.

    `more_deals`: the CRM has more open deals of it than are here.
    """

    account: Account
    contacts: tuple[Contact, ...]
    contact_count: int
    open_deals: tuple[Deal, ...]
    more_deals: bool = False


@dataclass(frozen=True, slots=True)
class LookUp:
    """The CRM's answer for all people of one mail.

    `contacts` and `leads` by each asked address that has any, `accounts` by each asked domain that has one, but perhaps not by those of
    which somebody asked for is a contact: a contact has its account. What the user may not see is left out as if it were not there. Of the
    addresses in `not_asked` nothing is known: there was no time for them, or this CRM is asked for them one by one, when they are opened.
    """

    contacts: Mapping[str, tuple[Contact, ...]]
    leads: Mapping[str, tuple[Lead, ...]]
    accounts: Mapping[str, KnownAccount]
    not_asked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Senders:
    """The CRM's answer for the senders of a run: contacts with their deals, and leads, by each asked address that has any."""

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


class Rights(StrEnum):
    """Whose rights a CRM's answer follows: the user's own, or those of a token that sees the whole account."""

    USER = "user"
    ACCOUNT = "account"


class RecordPage(StrEnum):
    """Where a CRM lets the page with a record's mail stand: in a tab or a widget of the record, in a panel beside it, or behind a link."""

    TAB = "tab"
    WIDGET = "widget"
    PANEL = "panel"
    LINK = "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a CRM has, the same for all its users. A card leaves out what it does not have, and the contract's cases are chosen by it.

    `rights`: whose rights an answer follows. `record_page`: the best place for the page with a record's mail. `addresses_a_call`: so many
    addresses one call asks for. `search_from`: so many letters a search takes at the least; `search_inside_words`: it finds them
    within words too; `ranked_search`: best first, by the beginnings of words; `accents_folded`: with "e" for "é".

    `roles`: a deal has several contacts. `lost_stages`: lost is a stage. `exact_money`: amounts of any length come back as they were
    written. `planned_activities`: those that are still to be done; `activities`: also those that are done. `owners`: a record has one.
    `merge_fields`: templates have them. `permission`: its profiles hold `Mail Integration`; without, an admin's list of users takes its
    place. `pooled`: it is asked for the senders of many mailboxes at once.
    """

    rights: Rights
    record_page: RecordPage
    addresses_a_call: int
    search_from: int = 1
    search_inside_words: bool = False
    ranked_search: bool = False
    accents_folded: bool = False
    second_addresses: bool = False
    leads: bool = False
    roles: bool = False
    pipelines: bool = False
    lost_stages: bool = False
    deal_currency: bool = False
    exact_money: bool = False
    planned_activities: bool = False
    activities: bool = False
    notes: bool = False
    owners: bool = False
    templates: bool = False
    merge_fields: bool = False
    permission: bool = False
    pooled: bool = False
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """What a CRM said last of the calls that it takes in a day: `left` of `of`."""

    left: int
    of: int

    @property
    def share_left(self) -> float:
        """Between 0.0 and 1.0."""
        return min(max(self.left / self.of, 0.0), 1.0) if self.of > 0 else 0.0


def service_of(crm: "Crm") -> Service:
    """A CRM, as errors name it."""
    return Service(Side.CRM, crm.name)


class Crm(Protocol):
    """One user's view of one CRM: it answers with what that user may see.

    Every call may raise NotAuthorised, NotPermitted, RateLimited, Unavailable, BadAnswer; those that take an id also NotFound, and those
    about what this CRM does not have NotSupported.

    Addresses and domains go in as `mailmagnet.addresses.canonical` writes them, and are found however the CRM writes them: in capitals,
    as Unicode or as xn--. Any number may be asked at once: the implementation cuts them into as few calls as the CRM allows.
    """

    @property
    def name(self) -> str:
        """The CRM's name as its users know it, to show: "Zoho CRM"."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this CRM has."""
        ...

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        """All that the CRM has on the people of one mail.

        `front` are the spellings of the address of the person who is shown first: activities and notes come for its contacts alone.
        `others` are the other people's. `by` is the running loop's time, in seconds, at which the answer is due: whom there was no time
        to ask for is told in it, and only what fails for `front` is raised.
        """
        ...

    async def senders(self, addresses: Collection[str]) -> Senders:
        """The contacts behind the senders of a run, with their deals, and the leads: all of them, or it raises."""
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

    async def settings(self) -> CrmSettings:
        """How the CRM is set up. It may be up to 15 minutes old."""
        ...

    async def me(self) -> User:
        """The user whose view this is. It may be asked without the permission."""
        ...

    async def administrators(self) -> Sequence[User]:
        """Active users who look after the CRM. It may be asked without the permission: they can give it."""
        ...

    async def users(self) -> Sequence[User]: ...

    async def profiles(self) -> Sequence[Profile]: ...

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


@dataclass(frozen=True, slots=True)
class Asked:
    """The senders of one mailbox's run: canonical addresses."""

    connection: Connection
    addresses: frozenset[str]


class CrmClient(Protocol):
    """One CRM as one process asks it: what all its users' views share, the renewal of tokens, remembered settings, a gate for calls."""

    @property
    def name(self) -> str:
        """The CRM's name as its users know it, to show: "Zoho CRM"."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this CRM has."""
        ...

    def budget(self, connection: Connection) -> Budget | None:
        """What the CRM said last of the day's calls of this connection's account; None where it says nothing, or was not asked yet."""
        ...

    def as_user(self, connection: Connection) -> Crm:
        """The CRM as this connection's user sees it. Cheap: nothing is asked yet."""
        ...

    async def senders_of(self, asked: Sequence[Asked]) -> Sequence[Senders | Upstream]:
        """The senders of several mailboxes' runs at once, each answered by what that mailbox's user may see, in the order asked.

        What fails for one mailbox is its answer, and stops no other's.
        """
        ...
