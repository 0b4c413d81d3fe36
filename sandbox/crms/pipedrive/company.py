"""One company's account at Pipedrive: its users, what they own, and who sees what of it. Filled from the neutral world."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from html import escape
from itertools import count
from uuid import UUID, uuid5

from sandbox.crms.world import CrmContact, CrmWorld

_LEADS = UUID("8a4c39c4-33f0-11ec-8728-09968f0a1ca0")
_OPEN = "open"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class User:
    """Somebody of the company. `sees_all`: of a visibility group above all others, so that every record can be seen."""

    id: int
    name: str
    email: str
    sees_all: bool
    active: bool
    admin: bool


@dataclass(slots=True)
class Record:
    """What every record has. Its owner and its followers see it, and who sees all."""

    id: int
    owner: User
    followers: set[int] = field(default_factory=set)

    def is_seen_by(self, user: User) -> bool:
        return user.sees_all or user.id == self.owner.id or user.id in self.followers


@dataclass(slots=True)
class Organization(Record):
    name: str = ""
    website: str = ""


@dataclass(slots=True)
class Person(Record):
    name: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    organization: Organization | None = None
    job_title: str = ""


@dataclass(slots=True)
class Deal(Record):
    """`participants` are persons beside the deal's own. A deal that is won or lost stays in the stage in which it was."""

    title: str = ""
    stage: "Stage | None" = None
    status: str = _OPEN
    value: float = 0
    currency: str = ""
    person: Person | None = None
    organization: Organization | None = None
    participants: tuple[Person, ...] = ()
    expected_close_date: date | None = None
    archived: bool = False


@dataclass(slots=True)
class Lead(Record):
    """What may become a deal; it hangs on a person, an organisation, or both. Its id over the API is a UUID."""

    title: str = ""
    person: Person | None = None
    organization: Organization | None = None
    archived: bool = False

    @property
    def uuid(self) -> str:
        return str(uuid5(_LEADS, str(self.id)))


@dataclass(slots=True)
class Activity(Record):
    """`at` is a moment, or a day alone."""

    subject: str = ""
    type: str = "task"
    at: datetime | date = date.min
    done: bool = False
    person: Person | None = None


@dataclass(slots=True)
class Note(Record):
    """`content` is HTML."""

    content: str = ""
    at: datetime = _LONG_AGO
    person: Person | None = None


@dataclass(slots=True)
class Pipeline:
    id: int
    name: str


@dataclass(slots=True)
class Stage:
    """A step of a pipeline. None is won or lost: deals are."""

    id: int
    name: str
    pipeline: Pipeline


@dataclass(slots=True)
class Company:
    """The account. `ids` are the records' ids over the API by the world's keys: "contact sam", "lead lea", "user ada@corp.example"."""

    domain: str
    name: str
    currency: str
    time_zone: str
    currencies: Sequence[tuple[str, str]] = ()
    users: list[User] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    organizations: list[Organization] = field(default_factory=list)
    persons: list[Person] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def user(self, user_id: int) -> User:
        return next(user for user in self.users if user.id == user_id)


def company_of(world: CrmWorld, domain: str = "corp") -> Company:
    """A company with the world's people and records in it; `domain` is its part of `https://DOMAIN.pipedrive.com`."""
    told = world["organisation"]
    home = (told["currency"], told["currency"])
    others = tuple((each["code"], each["name"]) for each in world["currencies"])
    company = Company(domain, told["name"], told["currency"], told["time_zone"], (home, *others))
    _Filling(company, world).fill()
    return company


class _Filling:
    """Puts the world into a company. Ids of each kind start far apart, so that none is taken for another."""

    def __init__(self, company: Company, world: CrmWorld) -> None:
        self._company = company
        self._world = world
        self._users: dict[str, User] = {}
        self._organizations: dict[str, Organization] = {}
        self._persons: dict[str, Person] = {}
        self._stages: dict[str, tuple[Stage, str]] = {}

    def fill(self) -> None:
        self._fill_users()
        self._fill_stages()
        self._fill_organizations()
        self._fill_persons()
        self._fill_leads()
        self._fill_deals()

    def _fill_users(self) -> None:
        for number, each in enumerate(self._world["users"], start=11_000_001):
            user = User(number, each["name"], each["email"], each["sees_all"], each["active"], each["administrator"])
            self._users[user.email] = user
            self._company.users.append(user)
            self._company.ids[f"user {user.email}"] = str(user.id)

    def _fill_stages(self) -> None:
        """Of the world's stages the open ones are stages; the others are what becomes of a deal in the last one before them."""
        pipelines: dict[str, Pipeline] = {}
        last: dict[str, Stage] = {}
        for each in self._world["stages"]:
            name = each["pipeline"]
            if name not in pipelines:
                pipelines[name] = Pipeline(len(pipelines) + 1, name)
                self._company.pipelines.append(pipelines[name])
            if each["state"] == _OPEN or name not in last:
                last[name] = Stage(len(self._company.stages) + 101, each["name"], pipelines[name])
                self._company.stages.append(last[name])
            self._stages[each["key"]] = (last[name], each["state"])
            self._company.ids[f"stage {each['key']}"] = str(last[name].id)

    def _fill_organizations(self) -> None:
        for number, each in enumerate(self._world["accounts"], start=201):
            website = f"https://www.{each['domain']}/" if each["domain"] else ""
            organization = Organization(number, self._users[each["owner"]], name=each["name"], website=website)
            self._organizations[each["key"]] = organization
            self._company.organizations.append(organization)
            self._company.ids[f"account {each['key']}"] = str(number)

    def _fill_persons(self) -> None:
        numbers = (count(40_001), count(50_001))
        for number, each in enumerate(self._world["contacts"], start=1001):
            person = Person(
                number,
                self._users[each["owner"]],
                {self._users[email].id for email in each["shared"]},
                each["name"],
                tuple(each["addresses"]),
                (each["phone"],) if each["phone"] else (),
                self._organizations[each["account"]] if each["account"] else None,
                each["title"],
            )
            self._persons[each["key"]] = person
            self._company.persons.append(person)
            self._company.ids[f"contact {each['key']}"] = str(number)
            self._fill_around(person, each, *numbers)

    def _fill_around(self, person: Person, each: CrmContact, activities: Iterator[int], notes: Iterator[int]) -> None:
        seen_by = {person.owner.id, *person.followers}
        for activity in each["activities"]:
            at = moment(activity["at"])
            self._company.activities.append(
                Activity(
                    next(activities), person.owner, seen_by, activity["subject"], activity["kind"], at, activity["done"], person
                )
            )
        for note in each["notes"]:
            content = escape(note["text"], quote=False).replace("\n", "<br>")
            written = datetime.fromisoformat(note["at"]).astimezone(UTC)
            self._company.notes.append(Note(next(notes), person.owner, seen_by, content, written, person))

    def _fill_leads(self) -> None:
        """The world's leads are persons nobody has a deal with. Their company is its first lead's owner's, and the others' follow it."""
        organizations: dict[str, Organization] = {}
        for number, each in enumerate(self._world["leads"], start=1):
            owner = self._users[each["owner"]]
            named = each["company"]
            if named and named not in organizations:
                organizations[named] = Organization(900 + number, owner, name=named)
                self._company.organizations.append(organizations[named])
            organization = organizations.get(named)
            if organization:
                organization.followers.add(owner.id)
            person = Person(2000 + number, owner, set(), each["name"], tuple(each["addresses"]), organization=organization)
            self._company.persons.append(person)
            lead = Lead(number, owner, set(), f"{each['company'] or each['name']} lead", person, organization)
            self._company.leads.append(lead)
            self._company.ids[f"lead {each['key']}"] = lead.uuid

    def _fill_deals(self) -> None:
        for number, each in enumerate(self._world["deals"], start=3001):
            stage, status = self._stages[each["stage"]]
            deal = Deal(number, self._users[each["owner"]], title=each["name"], stage=stage, status=status)
            deal.value = float(each["amount"]) if each["amount"] is not None else 0
            deal.currency = each["currency"] or self._company.currency
            deal.person = self._persons[each["primary"]] if each["primary"] else None
            deal.organization = self._organizations[each["account"]] if each["account"] else None
            deal.participants = tuple(self._persons[key] for key in each["roles"])
            deal.expected_close_date = date.fromisoformat(each["closing"]) if each["closing"] else None
            self._company.deals.append(deal)
            self._company.ids[f"deal {each['key']}"] = str(number)


def moment(text: str) -> datetime | date:
    """A day, or a moment, as the world writes it."""
    return date.fromisoformat(text) if len(text) == len("2026-11-30") else datetime.fromisoformat(text).astimezone(UTC)
