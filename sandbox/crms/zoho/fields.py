"""The modules that may be queried here, and their fields with the kind of each, as Zoho's API names them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a field holds, which decides how it may be compared."""

    ID = "id"
    TEXT = "text"
    PICKLIST = "picklist"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"
    LOOKUP = "lookup"


@dataclass(frozen=True, slots=True)
class Field:
    """A field; a lookup leads to records of the module `to`."""

    kind: Kind
    to: str = ""


COMPARISONS: Mapping[Kind, frozenset[str]] = {
    Kind.ID: frozenset({"=", "!=", "in", "not in", "is null", "is not null"}),
    Kind.TEXT: frozenset({"=", "!=", "like", "not like", "in", "not in", "is null", "is not null"}),
    Kind.PICKLIST: frozenset({"=", "!=", "like", "not like", "in", "not in", "is null", "is not null"}),
    Kind.LOOKUP: frozenset({"=", "!=", "in", "not in", "is null", "is not null"}),
    Kind.BOOLEAN: frozenset({"="}),
    **dict.fromkeys(
        (Kind.NUMBER, Kind.DATE, Kind.DATETIME),
        frozenset({"=", "!=", ">=", ">", "<=", "<", "between", "not between", "in", "not in", "is null", "is not null"}),
    ),
}
"""https://www.zoho.com/crm/developer/docs/api/v8/Get-Records-through-COQL-Query.html"""

_ID, _TEXT, _PICKLIST = Field(Kind.ID), Field(Kind.TEXT), Field(Kind.PICKLIST)
_USER, _ACCOUNT, _CONTACT = Field(Kind.LOOKUP, "users"), Field(Kind.LOOKUP, "Accounts"), Field(Kind.LOOKUP, "Contacts")
_PERSON = {
    "id": _ID,
    "First_Name": _TEXT,
    "Last_Name": _TEXT,
    "Full_Name": _TEXT,
    "Email": _TEXT,
    "Secondary_Email": _TEXT,
    "Phone": _TEXT,
    "Mobile": _TEXT,
    "Owner": _USER,
}

MODULES: Mapping[str, Mapping[str, Field]] = {
    "Contacts": {**_PERSON, "Title": _TEXT, "Account_Name": _ACCOUNT},
    "Leads": {
        **_PERSON,
        "Designation": _TEXT,
        "Company": _TEXT,
        "Lead_Status": _PICKLIST,
        "Converted__s": Field(Kind.BOOLEAN),
    },
    "Accounts": {"id": _ID, "Account_Name": _TEXT, "Website": _TEXT, "Phone": _TEXT, "Owner": _USER},
    "Deals": {
        "id": _ID,
        "Deal_Name": _TEXT,
        "Stage": _PICKLIST,
        "Pipeline": _PICKLIST,
        "Amount": Field(Kind.NUMBER),
        "Currency": _PICKLIST,
        "Closing_Date": Field(Kind.DATE),
        "Account_Name": _ACCOUNT,
        "Contact_Name": _CONTACT,
        "Owner": _USER,
    },
    "Tasks": {
        "id": _ID,
        "Subject": _TEXT,
        "Due_Date": Field(Kind.DATE),
        "Status": _PICKLIST,
        "Who_Id": _CONTACT,
        "Owner": _USER,
    },
    "Events": {
        "id": _ID,
        "Event_Title": _TEXT,
        "Start_DateTime": Field(Kind.DATETIME),
        "End_DateTime": Field(Kind.DATETIME),
        "Who_Id": _CONTACT,
        "Owner": _USER,
    },
    "Calls": {
        "id": _ID,
        "Subject": _TEXT,
        "Call_Start_Time": Field(Kind.DATETIME),
        "Call_Type": _PICKLIST,
        "Outgoing_Call_Status": _PICKLIST,
        "Who_Id": _CONTACT,
        "Owner": _USER,
    },
}

USER_FIELDS: Mapping[str, Field] = {"id": _ID, "full_name": _TEXT, "first_name": _TEXT, "last_name": _TEXT, "email": _TEXT}
"""Users are reached through lookups alone."""


def fields_of(module: str) -> Mapping[str, Field]:
    """The fields of a module, or of users."""
    return USER_FIELDS if module == "users" else MODULES[module]
