"""What one HubSpot account holds: objects with properties, associations, owners, users, pipelines, currencies; filled from a world.

An address belongs to one contact alone, be it its main or an additional one; numbers are of floating point; a record's team is its
owner's main one (https://knowledge.hubspot.com/records/deduplication-of-records,
https://knowledge.hubspot.com/properties/hubspots-default-contact-properties).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.crms.world import CrmActivity, CrmContact, CrmDeal, CrmStage, CrmUser, CrmWorld

CONTACTS, COMPANIES, DEALS = "contacts", "companies", "deals"
CALLS, MEETINGS, TASKS, NOTES = "calls", "meetings", "tasks", "notes"
SINGULAR = {
    CONTACTS: "contact",
    COMPANIES: "company",
    DEALS: "deal",
    CALLS: "call",
    MEETINGS: "meeting",
    TASKS: "task",
    NOTES: "note",
}
TYPE_IDS = {"0-1": CONTACTS, "0-2": COMPANIES, "0-3": DEALS}
"""How the addresses of records' pages name these kinds (https://developers.hubspot.com/docs/guides/crm/understanding-the-crm)."""

_OWNED = {"hubspot_owner_id", "hubspot_team_id", "hs_shared_user_ids", "hs_shared_team_ids"}
PROPERTIES: Mapping[str, Collection[str]] = {
    CONTACTS: {
        *("email", "hs_additional_emails", "hs_email_domain", "firstname", "lastname", "jobtitle", "phone", "company"),
        "associatedcompanyid",
        *_OWNED,
    },
    COMPANIES: {"name", "domain", "phone", *_OWNED},
    DEALS: {
        *("dealname", "amount", "deal_currency_code", "closedate", "dealstage", "pipeline", "hs_is_closed", "hs_is_closed_won"),
        "hs_primary_associated_company",
        *_OWNED,
    },
    CALLS: {"hs_timestamp", "hs_call_title", "hs_call_status", "hubspot_owner_id"},
    MEETINGS: {"hs_timestamp", "hs_meeting_title", "hs_meeting_start_time", "hs_meeting_outcome", "hubspot_owner_id"},
    TASKS: {"hs_timestamp", "hs_task_subject", "hs_task_status", "hubspot_owner_id"},
    NOTES: {"hs_timestamp", "hs_note_body", "hubspot_owner_id"},
}
"""Of HubSpot's hundreds of properties those that are kept here."""
MODIFIED = {kind: "lastmodifieddate" if kind == CONTACTS else "hs_lastmodifieddate" for kind in SINGULAR}

_TYPES_OF_ASSOCIATION = {
    (CONTACTS, DEALS): 4,
    (DEALS, CONTACTS): 3,
    (CONTACTS, COMPANIES): 279,
    (COMPANIES, CONTACTS): 280,
    (DEALS, COMPANIES): 341,
    (COMPANIES, DEALS): 342,
    (CONTACTS, CALLS): 193,
    (CONTACTS, MEETINGS): 199,
    (CONTACTS, NOTES): 201,
    (CONTACTS, TASKS): 203,
}
"""https://developers.hubspot.com/docs/api-reference/latest/crm/associations/associate-records/guide, its tables of type IDs."""
_PRIMARY = {(CONTACTS, COMPANIES): 1, (COMPANIES, CONTACTS): 2, (DEALS, COMPANIES): 5, (COMPANIES, DEALS): 6}

_FIRST_DAY = datetime(2025, 1, 2, 9, 0, tzinfo=UTC)


@dataclass(slots=True)
class Thing:
    """One object: what HubSpot calls a record or an activity."""

    kind: str
    id: str
    created: datetime
    properties: dict[str, str]
    archived: bool = False


@dataclass(slots=True)
class Owner:
    """Who may own records. `user_id` is the user's; an owner whose user is deactivated is archived. `teams`: the main one first."""

    id: str
    user_id: str
    email: str
    first_name: str
    last_name: str
    super_admin: bool = False
    may_connect: bool = False
    """Besides super admins: who has HubSpot Marketplace Access."""
    archived: bool = False
    teams: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a pipeline; `probability` 1 where a closed deal is won, 0 where it is lost."""

    id: str
    label: str
    closed: bool
    probability: float


class Portal:
    """One account. What is changed here is changed at once, as if somebody had done so in HubSpot itself."""

    def __init__(self, world: CrmWorld, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.id = 147_001_234
        self.name: str = world["organisation"]["name"]
        self.time_zone: str = world["organisation"]["time_zone"]
        self.currency: str = world["organisation"]["currency"]
        self.currency_names: dict[str, str] = {self.currency: self.currency}
        self.rates: dict[str, float] = {}
        self.ids: dict[str, str] = {}
        """HubSpot's ids by what the world calls things: "contact ada", "deal pilot", "stage won", "account firm"."""
        self.owners: dict[str, Owner] = {}
        self.teams: dict[str, str] = {}
        self.pipelines: dict[str, tuple[str, list[Stage]]] = {}
        self.things: dict[str, dict[str, Thing]] = {kind: {} for kind in SINGULAR}
        self._associations: dict[tuple[str, str, str], dict[str, list[dict[str, Any]]]] = {}
        self._addresses: set[str] = set()
        self._numbers = count(51_000_000_001)
        self._fill(world)

    # What is there

    def of_kind(self, kind: str) -> Iterator[Thing]:
        """All that are not archived, the oldest first."""
        return (thing for thing in self.things[kind].values() if not thing.archived)

    def thing(self, kind: str, thing_id: str) -> Thing | None:
        found = self.things[kind].get(thing_id)
        return found if found and not found.archived else None

    def associated(self, kind: str, thing_id: str, to: str) -> list[tuple[str, list[dict[str, Any]]]]:
        """The ids of what is associated, in the order of the ids, each with the types of its associations."""
        to_ids = self._associations.get((kind, thing_id, to), {})
        return [(each, to_ids[each]) for each in sorted(to_ids, key=int) if self.thing(to, each)]

    def owner_of_email(self, email: str) -> Owner | None:
        return next((owner for owner in self.owners.values() if owner.email == email), None)

    # What somebody does in HubSpot

    def change(self, key: str, **properties: str) -> None:
        """Give a record ("deal pilot") other properties."""
        self._named(key).properties.update(properties)

    def archive(self, key: str) -> None:
        self._named(key).archived = True

    def give(self, key: str, email: str) -> None:
        """Make somebody a record's owner; "" for nobody."""
        thing, owner = self._named(key), self.owner_of_email(email)
        thing.properties |= self._owned_by(owner)

    def share(self, key: str, emails: Collection[str]) -> None:
        """Let these users, and no others, see a record that they do not own."""
        users = [owner.user_id for email in emails if (owner := self.owner_of_email(email))]
        self._named(key).properties["hs_shared_user_ids"] = ";".join(users)

    def share_with_teams(self, key: str, names: Collection[str]) -> None:
        self._named(key).properties["hs_shared_team_ids"] = ";".join(self._team(name) for name in names)

    def put_in_teams(self, email: str, names: list[str]) -> None:
        """The user's teams, the main one first; the team of what the user owns follows."""
        owner = self.owner_of_email(email)
        if not owner:
            raise KeyError(email)
        owner.teams = [self._team(name) for name in names]
        for kind in (CONTACTS, COMPANIES, DEALS):
            for thing in self.things[kind].values():
                if thing.properties.get("hubspot_owner_id") == owner.id:
                    thing.properties |= self._owned_by(owner)

    def deactivate(self, email: str) -> None:
        """The user is gone: the owner stays, archived."""
        owner = self.owner_of_email(email)
        if not owner:
            raise KeyError(email)
        owner.archived = True

    def associate(self, one: str, other: str, label: str = "") -> None:
        """Two records ("deal pilot", "contact ada"), both ways; `label` is one of the account's own."""
        first, second = self._named(one), self._named(other)
        self._associate(first, second, primary=False, label=label)

    # Filling it

    def _fill(self, world: CrmWorld) -> None:
        for currency in world["currencies"]:
            self.currency_names[currency["code"]] = currency["name"]
            if currency["code"] != self.currency:
                self.rates[currency["code"]] = float(currency["rate"])
        for user in world["users"]:
            self._add_owner(user)
        for user in world["users"]:
            own, others = _team(user), [_team(each) for each in world["users"] if each is not user]
            self.put_in_teams(user["email"], [own, *others] if user["sees_all"] else [own])
        self._add_pipelines(world["stages"])
        for account in world["accounts"]:
            properties = {"name": account["name"], "domain": account["domain"], "phone": account["phone"]}
            self._add(COMPANIES, f"account {account['key']}", properties, account["owner"])
        for contact in world["contacts"]:
            self._add_contact(contact)
        for deal in world["deals"]:
            self._add_deal(deal)

    def _add_owner(self, user: CrmUser) -> None:
        number = next(self._numbers)
        first, _, last = user["name"].partition(" ")
        active = user["active"]
        self.owners[str(number)] = Owner(
            str(number), str(number - 40_000_000_000), user["email"], first, last, user["administrator"], archived=not active
        )

    def _add_pipelines(self, stages: Sequence[CrmStage]) -> None:
        for stage in stages:
            pipeline = next((key for key, (label, _) in self.pipelines.items() if label == stage["pipeline"]), "")
            if not pipeline:
                pipeline = "default" if not self.pipelines else str(next(self._numbers))
                self.pipelines[pipeline] = (stage["pipeline"], [])
            closed, won = stage["state"] != "open", stage["state"] == "won"
            made = Stage(str(next(self._numbers)), stage["name"], closed, (1.0 if won else 0.0) if closed else 0.4)
            self.pipelines[pipeline][1].append(made)
            self.ids[f"stage {stage['key']}"] = made.id

    def _add(self, kind: str, key: str, properties: Mapping[str, str], owner: str | None) -> Thing:
        number = next(self._numbers)
        by = self.owner_of_email(owner or "")
        owned = self._owned_by(by) if kind in (CONTACTS, COMPANIES, DEALS) else {"hubspot_owner_id": by.id if by else ""}
        thing = Thing(kind, str(number), _FIRST_DAY + timedelta(minutes=len(self.ids)), {**properties, **owned})
        self.things[kind][thing.id] = thing
        if key:
            self.ids[key] = thing.id
        return thing

    def _add_contact(self, contact: CrmContact) -> None:
        free = [address for address in contact["addresses"] if address not in self._addresses]
        self._addresses.update(free)
        first, _, last = contact["name"].partition(" ")
        main = free[0] if free else ""
        properties = {
            "email": main,
            "hs_email_domain": main.rpartition("@")[2],
            "hs_additional_emails": ";".join(free[1:]),
            "firstname": first,
            "lastname": last,
            "jobtitle": contact["title"],
            "phone": contact["phone"],
        }
        thing = self._add(CONTACTS, f"contact {contact['key']}", properties, contact["owner"])
        if contact["account"]:
            company = self._named(f"account {contact['account']}")
            thing.properties["associatedcompanyid"] = company.id
            self._associate(thing, company, primary=True)
        self.share(f"contact {contact['key']}", contact["shared"])
        for activity in contact["activities"]:
            self._add_activity(thing, activity, contact["owner"])
        for note in contact["notes"]:
            body = f'<div style="" dir="auto"><p style="margin:0;">{escape(note["text"]).replace(chr(10), "<br>")}</p></div>'
            made = self._add(
                NOTES, "", {"hs_timestamp": _as_time(note["at"], self.time_zone), "hs_note_body": body}, contact["owner"]
            )
            self._associate(thing, made, primary=False)

    def _add_activity(self, contact: Thing, activity: CrmActivity, owner: str) -> None:
        at, done, subject = _as_time(activity["at"], self.time_zone), activity["done"], activity["subject"]
        kind, properties = {
            "call": (CALLS, {"hs_call_title": subject, "hs_call_status": "COMPLETED" if done else "QUEUED"}),
            "meeting": (
                MEETINGS,
                {
                    "hs_meeting_title": subject,
                    "hs_meeting_start_time": at,
                    "hs_meeting_outcome": "COMPLETED" if done else "SCHEDULED",
                },
            ),
            "task": (TASKS, {"hs_task_subject": subject, "hs_task_status": "COMPLETED" if done else "NOT_STARTED"}),
        }[activity["kind"]]
        self._associate(contact, self._add(kind, "", {"hs_timestamp": at, **properties}, owner), primary=False)

    def _add_deal(self, deal: CrmDeal) -> None:
        stage_id = self.ids[f"stage {deal['stage']}"]
        pipeline, stage = next(
            (key, stage) for key, (_, stages) in self.pipelines.items() for stage in stages if stage.id == stage_id
        )
        closing, amount = deal["closing"], deal["amount"]
        properties = {
            "dealname": deal["name"],
            "dealstage": stage.id,
            "pipeline": pipeline,
            "hs_is_closed": str(stage.closed).lower(),
            "hs_is_closed_won": str(stage.closed and stage.probability == 1).lower(),
            "amount": _number(amount) if amount else "",
            "deal_currency_code": deal["currency"] or self.currency,
            "closedate": _as_time(closing, self.time_zone) if closing else "",
        }
        thing = self._add(DEALS, f"deal {deal['key']}", properties, deal["owner"])
        if deal["account"]:
            company = self._named(f"account {deal['account']}")
            thing.properties["hs_primary_associated_company"] = company.id
            self._associate(thing, company, primary=True)
        for key in dict.fromkeys([*([deal["primary"]] if deal["primary"] else []), *deal["roles"]]):
            self._associate(thing, self._named(f"contact {key}"), primary=False)

    # What they share

    def _named(self, key: str) -> Thing:
        kind = {"contact": CONTACTS, "account": COMPANIES, "deal": DEALS}[key.partition(" ")[0]]
        return self.things[kind][self.ids[key]]

    def _team(self, name: str) -> str:
        found = next((key for key, known in self.teams.items() if known == name), "")
        if not found:
            found = str(next(self._numbers))
            self.teams[found] = name
        return found

    def _owned_by(self, owner: Owner | None) -> dict[str, str]:
        return {
            "hubspot_owner_id": owner.id if owner else "",
            "hubspot_team_id": owner.teams[0] if owner and owner.teams else "",
        }

    def _associate(self, one: Thing, other: Thing, *, primary: bool, label: str = "") -> None:
        for a, b in ((one, other), (other, one)):
            types: list[dict[str, Any]] = []
            if primary and (a.kind, b.kind) in _PRIMARY:
                types.append({"category": "HUBSPOT_DEFINED", "typeId": _PRIMARY[a.kind, b.kind], "label": "Primary"})
            if (a.kind, b.kind) in _TYPES_OF_ASSOCIATION:
                types.append({"category": "HUBSPOT_DEFINED", "typeId": _TYPES_OF_ASSOCIATION[a.kind, b.kind], "label": None})
            if label:
                types.append({"category": "USER_DEFINED", "typeId": 36, "label": label})
            self._associations.setdefault((a.kind, a.id, b.kind), {})[b.id] = types


def _team(user: CrmUser) -> str:
    """Each user has a team, and whoever sees everything is in all others' teams as well."""
    return f"Team of {user['name']}"


def _as_time(at: str, zone: str) -> str:
    """A moment or a day as HubSpot writes it, in UTC; a day begins at midnight in the account's time zone."""
    moment = datetime.fromisoformat(at)
    return written(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)))


def written(at: datetime) -> str:
    """A time as HubSpot writes it: in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(amount: str) -> str:
    """A number as HubSpot keeps it: 15 digits or so of it are exact, without needless zeros."""
    number = float(amount)
    return str(int(number)) if number.is_integer() else repr(number)
