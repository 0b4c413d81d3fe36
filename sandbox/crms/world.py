"""What a stand-in for a CRM is filled with: users, people and deals as a JSON document that no vendor has written.

Records name each other by `key`, and users by their address. Days are ISO dates, moments ISO with a zone, amounts decimal text.
"""

from typing import Literal, TypedDict


class CrmOrganisation(TypedDict):
    name: str
    time_zone: str
    currency: str


class CrmCurrency(TypedDict):
    """`rate`: units of it for one of the organisation's currency."""

    code: str
    name: str
    rate: str


class CrmUser(TypedDict):
    """`sees_all`: everyone's records, else the user's own and those shared with the user. `permitted`: may use the CRM from Gmail.

    `hidden`: fields that this user may not see, where the CRM hides single ones ("deals.amount", "contacts.phone").
    """

    email: str
    name: str
    sees_all: bool
    permitted: bool
    active: bool
    administrator: bool
    hidden: list[str]


class CrmStage(TypedDict):
    """A stage, in the order of its pipeline."""

    key: str
    pipeline: str
    name: str
    state: Literal["open", "won", "lost"]


class CrmAccount(TypedDict):
    """`domain` and `phone` may be ""."""

    key: str
    name: str
    owner: str
    domain: str
    phone: str


class CrmActivity(TypedDict):
    """`at` is a moment or, of a task, a day."""

    kind: Literal["call", "meeting", "task"]
    subject: str
    at: str
    done: bool


class CrmNote(TypedDict):
    text: str
    at: str


class CrmContact(TypedDict):
    """The main address first. `shared`: the users with whom it is shared."""

    key: str
    name: str
    owner: str
    addresses: list[str]
    account: str | None
    title: str
    phone: str
    shared: list[str]
    activities: list[CrmActivity]
    notes: list[CrmNote]


class CrmLead(TypedDict):
    key: str
    name: str
    owner: str
    addresses: list[str]
    company: str


class CrmDeal(TypedDict):
    """`amount` in `currency`, both None together; `primary` and `roles` are contacts."""

    key: str
    name: str
    owner: str
    stage: str
    account: str | None
    amount: str | None
    currency: str | None
    closing: str | None
    primary: str | None
    roles: list[str]


class CrmWorld(TypedDict):
    organisation: CrmOrganisation
    currencies: list[CrmCurrency]
    users: list[CrmUser]
    stages: list[CrmStage]
    accounts: list[CrmAccount]
    contacts: list[CrmContact]
    leads: list[CrmLead]
    deals: list[CrmDeal]
