"""One Zoho organisation: its users with their profiles, its records, and who sees which."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sandbox.crms.world import CrmActivity, CrmContact, CrmDeal, CrmLead, CrmWorld
from sandbox.crms.zoho.fields import MODULES

Record = dict[str, Any]
"""Its fields as they are kept: a lookup is the other record's id, or None."""

MAIL_INTEGRATION = "Mail Integration"
FIRST_ID = 5725767000000411001
ZGID = "808232144"
_STATES = {"open": "Open", "won": "Closed Won", "lost": "Closed Lost"}
_HIDDEN = {"deals.amount": "Deals.Amount", "contacts.phone": "Contacts.Phone"}
_ACTIVITY_MODULES = {"call": "Calls", "meeting": "Events", "task": "Tasks"}


@dataclass(frozen=True, slots=True)
class ZohoProfile:
    """A profile; `hidden` are the fields, as "Contacts.Phone", that its users may not see."""

    id: str
    name: str
    permissions: Mapping[str, bool]
    hidden: frozenset[str] = frozenset()


@dataclass(slots=True)
class ZohoUser:
    """A user of the organisation. `territories` are the ids of those that the user is in."""

    id: str
    email: str
    full_name: str
    profile: ZohoProfile
    sees_all: bool
    active: bool
    territories: set[str] = field(default_factory=set)

    @property
    def first_name(self) -> str:
        return self.full_name.rpartition(" ")[0]

    @property
    def last_name(self) -> str:
        return self.full_name.rpartition(" ")[2]


@dataclass(frozen=True, slots=True)
class ZohoStage:
    """A stage of a pipeline."""

    id: str
    name: str
    pipeline: str
    forecast_type: str


class ZohoOrganisation:
    """All that the stand-in knows. Tests and the demo change it while it is served."""

    def __init__(self, world: CrmWorld) -> None:
        self._ids = count(FIRST_ID)
        self.name = world["organisation"]["name"]
        self.time_zone = world["organisation"]["time_zone"]
        self.home_currency = world["organisation"]["currency"]
        self.currencies = world["currencies"]
        self.keys: dict[str, str] = {}
        """Zoho's id of each record of the world, by "contact sam", "deal renewal" and so on."""
        self.profiles = [
            self._profile(administrator, permitted) for administrator in (True, False) for permitted in (True, False)
        ]
        self.users = {user["email"]: self._user(user["email"], user) for user in world["users"]}
        self.stages = [self._stage(stage["key"], stage) for stage in world["stages"]]
        self.layouts = {self._id(): list(dict.fromkeys(stage.pipeline for stage in self.stages))}
        """The pipelines of each layout that deals have, by its id."""
        self._stage_of = {stage["key"]: made for stage, made in zip(world["stages"], self.stages, strict=True)}
        self.records: dict[str, dict[str, Record]] = {module: {} for module in MODULES}
        self.notes: dict[str, list[Record]] = {}
        """The notes of each contact, by its id."""
        self.roles: dict[str, list[str]] = {}
        """The contacts that have a role in each deal, by its id."""
        self.shared: dict[str, set[str]] = {}
        """The ids of the users with whom a record is shared, by its id."""
        self.territories: dict[str, set[str]] = {}
        """The ids of the territories that a record is in, by its id."""
        self.notes_in_layout = True
        """Whether the layout of contacts has their notes."""
        self.modules = set(MODULES)
        """Those that are switched on."""
        self._fill(world)
        for user in world["users"]:
            self.hide(user["email"], *(_HIDDEN[field] for field in user["hidden"]))

    def user(self, user_id: str) -> ZohoUser | None:
        """The user with this id, active or not."""
        return next((user for user in self.users.values() if user.id == user_id), None)

    def sees(self, user: ZohoUser, module: str, record: Record) -> bool:
        """Whether a record is shown to a user: an activity goes with its contact."""
        contact = self.records["Contacts"].get(record.get("Who_Id") or "")
        if module in _ACTIVITY_MODULES.values():
            return contact is not None and self.sees(user, "Contacts", contact)
        is_shared = user.id in self.shared.get(record["id"], ()) or bool(
            user.territories & self.territories.get(record["id"], set())
        )
        return user.sees_all or record["Owner"] == user.id or is_shared

    def seen(self, user: ZohoUser, module: str) -> Iterator[Record]:
        """The records of a module that a user is shown, by their ids."""
        for record in sorted(self.records[module].values(), key=lambda record: int(record["id"])):
            if self.sees(user, module, record):
                yield record

    def hide(self, email: str, *fields: str) -> None:
        """Give a user a profile that may not see these fields ("Contacts.Phone"), and is else as it was."""
        user = self.users[email]
        if not fields:
            return
        user.profile = replace(user.profile, id=self._id(), hidden=frozenset(fields))
        self.profiles.append(user.profile)

    def add(self, module: str, fields: Mapping[str, Any], key: str = "") -> Record:
        """A new record; fields that are not given are empty."""
        record: Record = {**dict.fromkeys(MODULES[module]), **fields, "id": self._id()}
        unknown = record.keys() - MODULES[module].keys()
        if unknown:
            raise ValueError(f"{module} has no {', '.join(unknown)}")
        self.records[module][record["id"]] = record
        if key:
            self.keys[key] = record["id"]
        return record

    def _id(self) -> str:
        return str(next(self._ids))

    def _profile(self, administrator: bool, permitted: bool) -> ZohoProfile:
        name = "Administrator" if administrator else "Standard"
        return ZohoProfile(self._id(), name if permitted else f"{name} without mail", {MAIL_INTEGRATION: permitted})

    def _user(self, email: str, user: Mapping[str, Any]) -> ZohoUser:
        profile = self.profiles[2 * (not user["administrator"]) + (not user["permitted"])]
        made = ZohoUser(self._id(), email, user["name"], profile, user["sees_all"], user["active"])
        self.keys[f"user {email}"] = made.id
        return made

    def _stage(self, key: str, stage: Mapping[str, Any]) -> ZohoStage:
        made = ZohoStage(self._id(), stage["name"], stage["pipeline"], _STATES[stage["state"]])
        self.keys[f"stage {key}"] = made.id
        return made

    def _fill(self, world: CrmWorld) -> None:
        for account in world["accounts"]:
            fields = {
                "Account_Name": account["name"],
                "Website": f"https://www.{account['domain']}" if account["domain"] else None,
                "Phone": account["phone"] or None,
                "Owner": self.users[account["owner"]].id,
            }
            self.add("Accounts", fields, f"account {account['key']}")
        for contact in world["contacts"]:
            self._add_contact(contact)
        for lead in world["leads"]:
            self._add_lead(lead)
        for deal in world["deals"]:
            self._add_deal(deal)

    def _add_contact(self, contact: CrmContact) -> None:
        fields = {
            **self._person(contact),
            "Title": contact["title"] or None,
            "Phone": contact["phone"] or None,
            "Account_Name": self.keys[f"account {contact['account']}"] if contact["account"] else None,
        }
        made = self.add("Contacts", fields, f"contact {contact['key']}")
        self.shared[made["id"]] = {self.users[email].id for email in contact["shared"]}
        for activity in contact["activities"]:
            self._add_activity(made, activity)
        self.notes[made["id"]] = [
            {
                "id": self._id(),
                "Note_Title": None,
                "Note_Content": note["text"],
                "Created_Time": _written(note["at"]),
                "Created_By": made["Owner"],
            }
            for note in contact["notes"]
        ]

    def _add_lead(self, lead: CrmLead) -> None:
        fields = {**self._person(lead), "Company": lead["company"] or None, "Converted__s": False}
        self.add("Leads", fields, f"lead {lead['key']}")

    def _person(self, person: CrmContact | CrmLead) -> Record:
        """Zoho has two addresses for a person."""
        first, _, last = person["name"].rpartition(" ")
        addresses = [*person["addresses"], None, None]
        return {
            "First_Name": first or None,
            "Last_Name": last,
            "Full_Name": person["name"],
            "Email": addresses[0],
            "Secondary_Email": addresses[1],
            "Owner": self.users[person["owner"]].id,
        }

    def _add_deal(self, deal: CrmDeal) -> None:
        stage = self._stage_of[deal["stage"]]
        fields = {
            "Deal_Name": deal["name"],
            "Stage": stage.name,
            "Pipeline": stage.pipeline,
            "Amount": float(deal["amount"]) if deal["amount"] is not None else None,
            "Currency": deal["currency"] or self.home_currency,
            "Closing_Date": deal["closing"],
            "Account_Name": self.keys[f"account {deal['account']}"] if deal["account"] else None,
            "Contact_Name": self.keys[f"contact {deal['primary']}"] if deal["primary"] else None,
            "Owner": self.users[deal["owner"]].id,
        }
        made = self.add("Deals", fields, f"deal {deal['key']}")
        self.roles[made["id"]] = [self.keys[f"contact {key}"] for key in deal["roles"]]

    def _add_activity(self, contact: Record, activity: CrmActivity) -> None:
        at, whose = activity["at"], {"Who_Id": contact["id"], "Owner": contact["Owner"]}
        module = _ACTIVITY_MODULES[activity["kind"]]
        fields: dict[str, Any]
        if module == "Tasks":
            status = "Completed" if activity["done"] else "Not Started"
            fields = {"Subject": activity["subject"], "Due_Date": at[:10], "Status": status}
        elif module == "Events":
            end = datetime.fromisoformat(at) + timedelta(hours=1)
            fields = {
                "Event_Title": activity["subject"],
                "Start_DateTime": _written(at),
                "End_DateTime": _written(end.isoformat()),
            }
        else:
            status = "Completed" if activity["done"] else "Scheduled"
            fields = {
                "Subject": activity["subject"],
                "Call_Start_Time": _written(at),
                "Call_Type": "Outbound",
                "Outgoing_Call_Status": status,
            }
        self.add(module, {**fields, **whose})


def _written(moment: str) -> str:
    """A moment as Zoho writes it: to the second, with its zone."""
    at = datetime.fromisoformat(moment)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat(timespec="seconds")
