"""The objects of one Salesforce organisation: which fields each has, its records made of the neutral world, and who may see which
(https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from itertools import count
from typing import Any

from sandbox.crms.world import CrmActivity, CrmContact, CrmDeal, CrmUser, CrmWorld

Row = dict[str, Any]

PERMISSION_FIELD = "Mail_Integration__c"
"""A formula field of User: `$Permission.Mail_Integration`, so it tells of whoever asks."""
PERMISSION_SET = "Mail_Integration"
LONGEST_EMAIL = 80
PREVIEW = 255
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(frozen=True, slots=True)
class Lookup:
    """A field that leads to a record, and the name of the way there."""

    key: str
    object_name: str


@dataclass(frozen=True, slots=True)
class ObjectType:
    """What an object has: fields with their types, ways to parents, ways to children (object and its field), what cannot be filtered."""

    prefix: str
    fields: Mapping[str, str]
    parents: Mapping[str, Lookup] = field(default_factory=dict)
    children: Mapping[str, tuple[str, str]] = field(default_factory=dict)


_OWNER = {"Owner": Lookup("OwnerId", "User")}
TYPES: Mapping[str, ObjectType] = {
    "User": ObjectType(
        "005",
        {"Id": "id", "Name": "string", "Username": "string", "Email": "email", "IsActive": "boolean", "UserType": "picklist",
         "ProfileId": "reference", PERMISSION_FIELD: "boolean"},
        {"Profile": Lookup("ProfileId", "Profile")},
    ),
    "Profile": ObjectType("00e", {"Id": "id", "Name": "string", "PermissionsModifyAllData": "boolean"}),
    "PermissionSet": ObjectType("0PS", {"Id": "id", "Name": "string"}),
    "PermissionSetAssignment": ObjectType(
        "0Pa",
        {"Id": "id", "AssigneeId": "reference", "PermissionSetId": "reference"},
        {"PermissionSet": Lookup("PermissionSetId", "PermissionSet")},
    ),
    "Organization": ObjectType("00D", {"Id": "id", "Name": "string", "TimeZoneSidKey": "picklist"}),
    "OpportunityStage": ObjectType(
        "01J",
        {"Id": "id", "ApiName": "string", "MasterLabel": "string", "IsActive": "boolean", "IsClosed": "boolean", "IsWon": "boolean",
         "SortOrder": "int"},
    ),
    "CurrencyType": ObjectType(
        "01L", {"Id": "id", "IsoCode": "picklist", "ConversionRate": "double", "IsActive": "boolean", "IsCorporate": "boolean"}
    ),
    "Account": ObjectType(
        "001",
        {"Id": "id", "Name": "string", "Website": "url", "Phone": "phone", "OwnerId": "reference"},
        _OWNER,
        {"Contacts": ("Contact", "AccountId"), "Opportunities": ("Opportunity", "AccountId")},
    ),
    "Contact": ObjectType(
        "003",
        {"Id": "id", "Name": "string", "Email": "email", "Title": "string", "Phone": "phone", "AccountId": "reference",
         "OwnerId": "reference"},
        {**_OWNER, "Account": Lookup("AccountId", "Account")},
        {"Tasks": ("Task", "WhoId"), "Events": ("Event", "WhoId")},
    ),
    "Lead": ObjectType(
        "00Q",
        {"Id": "id", "Name": "string", "Email": "email", "Title": "string", "Phone": "phone", "Company": "string",
         "Status": "picklist", "IsConverted": "boolean", "OwnerId": "reference"},
        _OWNER,
    ),
    "Opportunity": ObjectType(
        "006",
        {"Id": "id", "Name": "string", "StageName": "picklist", "IsClosed": "boolean", "IsWon": "boolean", "Amount": "currency",
         "CurrencyIsoCode": "picklist", "CloseDate": "date", "AccountId": "reference", "OwnerId": "reference"},
        {**_OWNER, "Account": Lookup("AccountId", "Account")},
        {"OpportunityContactRoles": ("OpportunityContactRole", "OpportunityId")},
    ),
    "OpportunityContactRole": ObjectType(
        "00K",
        {"Id": "id", "OpportunityId": "reference", "ContactId": "reference", "IsPrimary": "boolean"},
        {"Contact": Lookup("ContactId", "Contact"), "Opportunity": Lookup("OpportunityId", "Opportunity")},
    ),
    "Task": ObjectType(
        "00T",
        {"Id": "id", "Subject": "combobox", "ActivityDate": "date", "CompletedDateTime": "datetime", "IsClosed": "boolean",
         "TaskSubtype": "picklist", "WhoId": "reference", "OwnerId": "reference"},
        _OWNER,
    ),
    "Event": ObjectType(
        "00U",
        {"Id": "id", "Subject": "combobox", "ActivityDate": "date", "StartDateTime": "datetime", "EndDateTime": "datetime",
         "IsAllDayEvent": "boolean", "WhoId": "reference", "OwnerId": "reference"},
        _OWNER,
    ),
    "ContentDocumentLink": ObjectType(
        "06A",
        {"Id": "id", "LinkedEntityId": "reference", "ContentDocumentId": "reference"},
        {"ContentDocument": Lookup("ContentDocumentId", "ContentDocument")},
    ),
    "ContentDocument": ObjectType(
        "069",
        {"Id": "id", "Title": "string", "FileType": "string", "CreatedDate": "datetime", "CreatedById": "reference",
         "LatestPublishedVersionId": "reference"},
        {"CreatedBy": Lookup("CreatedById", "User"), "LatestPublishedVersion": Lookup("LatestPublishedVersionId", "ContentVersion")},
    ),
    "ContentVersion": ObjectType("068", {"Id": "id", "TextPreview": "string"}),
}  # fmt: skip
NEED_CURRENCIES = {"CurrencyType", "Opportunity.CurrencyIsoCode"}
"""What is there only where the organisation uses several currencies."""
HIDDEN = {"deals.amount": "Opportunity.Amount", "contacts.phone": "Contact.Phone"}
"""Fields that the world hides from users, by Salesforce's names."""
NEED_VIEW_SETUP = {"PermissionSet", "PermissionSetAssignment"}
"""What is there only for who may "View Setup and Configuration"."""


def record_id(prefix: str, number: int) -> str:
    """An id of 18 characters: 15, and three that make it good where case is lost."""
    digits = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    short = prefix + "5g000" + digits.rjust(7, "0")
    chunks = (short[at : at + 5] for at in (0, 5, 10))
    return short + "".join(_CHECK[sum(1 << bit for bit, letter in enumerate(chunk) if letter.isupper())] for chunk in chunks)


def is_id(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", text))


@dataclass(slots=True)
class Objects:
    """All records by object and id, and the ids by key of the world ("contact sam"). `hidden` holds, by a user's address, the objects and
    fields ("Lead", "Contact.Phone") that the user may not see."""

    world: CrmWorld
    multi_currency: bool = True
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = {name: {} for name in TYPES}
        _Filling(self).fill()

    @property
    def organisation_id(self) -> str:
        return next(iter(self.rows["Organization"]))

    def user(self, user_id: str) -> Row:
        """Raises KeyError."""
        return self.rows["User"][user_id]

    def has(self, user: Row, name: str) -> bool:
        """Whether this user's organisation has an object or field, and the user may see it."""
        there = self.multi_currency or name not in NEED_CURRENCIES
        may = self._facts(user)["administrator"] or name not in NEED_VIEW_SETUP
        return there and may and name not in self.hidden.get(user["Email"], ())

    def fields(self, user: Row, name: str) -> dict[str, str]:
        """Fields of an object with their types, as this user sees them."""
        return {each: kind for each, kind in TYPES[name].fields.items() if self.has(user, f"{name}.{each}")}

    def sees(self, user: Row, name: str, row: Row) -> bool:
        """Whether the user may see a record: one's own and what is shared, and what hangs on a record that is seen."""
        whose = self._facts(user)
        if name in {"Task", "Event"}:
            return self._sees_id(user, "Contact", row["WhoId"])
        if name == "OpportunityContactRole":
            return self._sees_id(user, "Opportunity", row["OpportunityId"])
        if name == "ContentDocumentLink":
            return self._sees_id(user, "Contact", row["LinkedEntityId"])
        if "OwnerId" not in TYPES[name].fields:
            return True
        return whose["sees_all"] or row["OwnerId"] == user["Id"] or user["Id"] in row.get("_shared", ())

    def parent(self, user: Row, name: str, row: Row, way: str) -> tuple[str, Row | None]:
        """The object that a way leads to and its record, None where there is none or the user may not see it."""
        lookup = TYPES[name].parents[way]
        found = self.rows[lookup.object_name].get(row[lookup.key] or "")
        return lookup.object_name, found if found and self.sees(user, lookup.object_name, found) else None

    def value(self, user: Row, name: str, row: Row, field_name: str) -> Any:
        """What stands in a field, to this user."""
        if (name, field_name) == ("User", PERMISSION_FIELD):
            return self._facts(user)["permitted"]
        return row[field_name]

    def _facts(self, user: Row) -> CrmUser:
        return next(each for each in self.world["users"] if each["email"] == user["Email"])

    def _sees_id(self, user: Row, name: str, which: str) -> bool:
        row = self.rows[name].get(which)
        return bool(row and self.sees(user, name, row))


class _Filling:
    """Puts the neutral world into the objects. Of several addresses Salesforce has a place for the first."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._world = objects.world
        self._numbers = count(1)
        self._users: dict[str, str] = {}

    def fill(self) -> None:
        self._settings()
        for user in self._world["users"]:
            self._user(user)
        for account in self._world["accounts"]:
            website = f"https://www.{account['domain']}" if account["domain"] else None
            self._put("Account", f"account {account['key']}", Name=account["name"], Website=website, Phone=account["phone"] or None,
                      OwnerId=self._users[account["owner"]])  # fmt: skip
        for contact in self._world["contacts"]:
            self._contact(contact)
        for lead in self._world["leads"]:
            self._put("Lead", f"lead {lead['key']}", Name=lead["name"], Email=_email(lead["addresses"]), Title=None, Phone=None,
                      Company=lead["company"], Status="Open - Not Contacted", IsConverted=False,
                      OwnerId=self._users[lead["owner"]])  # fmt: skip
        for deal in self._world["deals"]:
            self._deal(deal)

    def _put(self, name: str, key: str = "", shared: tuple[str, ...] = (), **values: Any) -> str:
        row_id = record_id(TYPES[name].prefix, next(self._numbers))
        self._objects.rows[name][row_id] = {"Id": row_id, **values, "_shared": shared}
        if key:
            self._objects.ids[key] = row_id
        return row_id

    def _settings(self) -> None:
        organisation = self._world["organisation"]
        self._put("Organization", Name=organisation["name"], TimeZoneSidKey=organisation["time_zone"])
        self._put("CurrencyType", IsoCode=organisation["currency"], ConversionRate=1.0, IsActive=True, IsCorporate=True)
        for currency in self._world["currencies"]:
            self._put("CurrencyType", IsoCode=currency["code"], ConversionRate=float(currency["rate"]), IsActive=True,
                      IsCorporate=False)  # fmt: skip
        for number, stage in enumerate(self._world["stages"], 1):
            state = stage["state"]
            self._put("OpportunityStage", f"stage {stage['key']}", ApiName=stage["name"], MasterLabel=stage["name"], IsActive=True,
                      IsClosed=state != "open", IsWon=state == "won", SortOrder=number)  # fmt: skip
        self._put("Profile", "profile administrator", Name="System Administrator", PermissionsModifyAllData=True)
        self._put("Profile", "profile standard", Name="Standard User", PermissionsModifyAllData=False)
        self._put("PermissionSet", "permission set", Name=PERMISSION_SET)

    def _user(self, user: CrmUser) -> None:
        profile = self._objects.ids["profile administrator" if user["administrator"] else "profile standard"]
        user_id = self._put("User", f"user {user['email']}", Name=user["name"], Username=f"{user['email']}.crm", Email=user["email"],
                            IsActive=user["active"], UserType="Standard", ProfileId=profile)  # fmt: skip
        self._users[user["email"]] = user_id
        self._objects.hidden[user["email"]] = {HIDDEN[name] for name in user["hidden"]}
        if user["permitted"]:
            self._put("PermissionSetAssignment", AssigneeId=user_id, PermissionSetId=self._objects.ids["permission set"])

    def _contact(self, contact: CrmContact) -> None:
        owner = self._users[contact["owner"]]
        account = self._objects.ids[f"account {contact['account']}"] if contact["account"] else None
        contact_id = self._put("Contact", f"contact {contact['key']}", tuple(self._users[each] for each in contact["shared"]),
                               Name=contact["name"], Email=_email(contact["addresses"]), Title=contact["title"] or None,
                               Phone=contact["phone"] or None, AccountId=account, OwnerId=owner)  # fmt: skip
        for activity in contact["activities"]:
            self._activity(contact_id, owner, activity)
        for note in contact["notes"]:
            preview = unescape(note["text"])[:PREVIEW]
            version = self._put("ContentVersion", TextPreview=preview)
            document = self._put("ContentDocument", Title="Untitled Note", FileType="SNOTE", CreatedDate=_moment(note["at"]),
                                 CreatedById=owner, LatestPublishedVersionId=version)  # fmt: skip
            self._put("ContentDocumentLink", LinkedEntityId=contact_id, ContentDocumentId=document)

    def _activity(self, contact_id: str, owner: str, activity: CrmActivity) -> None:
        day = activity["at"][:10]
        if activity["kind"] == "meeting":
            moment = _moment(activity["at"])
            self._put("Event", Subject=activity["subject"], ActivityDate=day, StartDateTime=moment, EndDateTime=moment,
                      IsAllDayEvent=False, WhoId=contact_id, OwnerId=owner)  # fmt: skip
            return
        self._put("Task", Subject=activity["subject"], ActivityDate=day,
                  CompletedDateTime=_moment(activity["at"]) if activity["done"] else None, IsClosed=activity["done"],
                  TaskSubtype="Call" if activity["kind"] == "call" else "Task", WhoId=contact_id, OwnerId=owner)  # fmt: skip

    def _deal(self, deal: CrmDeal) -> None:
        stage = self._objects.rows["OpportunityStage"][self._objects.ids[f"stage {deal['stage']}"]]
        account = self._objects.ids[f"account {deal['account']}"] if deal["account"] else None
        amount = float(deal["amount"]) if deal["amount"] is not None else None
        deal_id = self._put("Opportunity", f"deal {deal['key']}", Name=deal["name"], StageName=stage["MasterLabel"],
                            IsClosed=stage["IsClosed"], IsWon=stage["IsWon"], Amount=amount,
                            CurrencyIsoCode=deal["currency"] or self._world["organisation"]["currency"],
                            CloseDate=deal["closing"], AccountId=account, OwnerId=self._users[deal["owner"]])  # fmt: skip
        roles = ([(deal["primary"], True)] if deal["primary"] else []) + [(role, False) for role in deal["roles"]]
        for contact, primary in roles:
            self._put("OpportunityContactRole", OpportunityId=deal_id, ContactId=self._objects.ids[f"contact {contact}"],
                      IsPrimary=primary)  # fmt: skip


def _email(addresses: list[str]) -> str | None:
    """An e-mail field holds 80 characters."""
    return addresses[0] if addresses and len(addresses[0]) <= LONGEST_EMAIL else None


def _moment(written: str) -> str:
    """As Salesforce writes it: milliseconds, and UTC's offset without a colon."""
    moment = datetime.fromisoformat(written)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
