"""Odoo's records as the core has them: which fields are asked for, and what they mean. Whatever Odoo sends is data, and may be missing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from crm_client.fields import Record, day, inner, inner_all, number, text
from crm_client.odoo.server import ODOO
from crm_client.records import soonest_first
from mailmagnet.addresses import canonical, canonical_domain
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
    Organisation,
    Profile,
    User,
)
from mailmagnet.domains import registered_domain
from mailmagnet.errors import BadAnswer

ADMINISTRATOR = "Role / Administrator"
"""The full name, in English, of Odoo's group base.group_system."""

_NAMED: Mapping[str, Any] = {"fields": {"display_name": {}}}
COMPANY = {"name": {}, "is_company": {}, "website": {}, "email_normalized": {}, "phone": {}, "user_id": _NAMED}
OPPORTUNITY = {
    "name": {},
    "type": {},
    "active": {},
    "stage_id": _NAMED,
    "won_status": {},
    "expected_revenue": {},
    "company_currency": {"fields": {"name": {}}},
    "date_deadline": {},
    "user_id": _NAMED,
    "partner_id": {"fields": {"name": {}, "commercial_partner_id": {"fields": COMPANY}}},
}
PARTNER = {
    "name": {},
    "display_name": {},
    "email_normalized": {},
    "function": {},
    "phone": {},
    "user_id": _NAMED,
    "commercial_partner_id": {"fields": COMPANY},
    "opportunity_ids": {"fields": OPPORTUNITY},
}
ACTIVITIES = {
    "activity_ids": {
        "fields": {
            "summary": {},
            "active": {},
            "date_deadline": {},
            "activity_type_id": {"fields": {"category": {}, "display_name": {}}},
            "user_id": _NAMED,
        }
    }
}
LEAD = {
    "name": {},
    "contact_name": {},
    "partner_name": {},
    "email_normalized": {},
    "function": {},
    "phone": {},
    "stage_id": _NAMED,
    "user_id": _NAMED,
}
USER = {
    "name": {},
    "email": {},
    "login": {},
    "active": {},
    "tz": {},
    "all_group_ids": {"fields": {"full_name": {}}},
    "company_id": {"fields": {"name": {}, "currency_id": {"fields": {"name": {}}}}},
}
_STATES = {"pending": DealState.OPEN, "won": DealState.WON, "lost": DealState.LOST}
_KINDS = {"phonecall": ActivityKind.CALL, "meeting": ActivityKind.MEETING}


def id_of(record: Record) -> str:
    """Raises BadAnswer for a record without its id."""
    if type(record.get("id")) is not int:
        raise BadAnswer(ODOO, "a record has no id")
    return str(record["id"])


def user_name(record: Record) -> str:
    return text(record, "name") or text(record, "login")


def profile_of(record: Record) -> Profile:
    """A user's rights are those of all groups: they are the profile, which has no name of its own."""
    groups = {text(group, "full_name") for group in inner_all(record, "all_group_ids")}
    permitted = any(name.rpartition(" / ")[2] == MAIL_INTEGRATION for name in groups)
    administrator = ADMINISTRATOR in groups
    return Profile(
        "administrator" if administrator else "user",
        "Administrator" if administrator else "User",
        frozenset({MAIL_INTEGRATION} if permitted else ()),
        administrator,
    )


def user_of(record: Record) -> User:
    email = canonical(text(record, "email") or text(record, "login"))
    return User(id_of(record), user_name(record), email, profile_of(record), record.get("active") is not False)


def organisation_of(record: Record) -> Organisation:
    """A company has no time zone of its own: Odoo shows days in each user's."""
    company = inner(record, "company_id")
    return Organisation(text(company, "name"), text(record, "tz") or "UTC", text(inner(company, "currency_id"), "name"))


def without_companies(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same fields, but for what may lead to a company that the user may not see: of that only ids."""
    return {name: _bare(name, value) for name, value in fields.items()}


def _bare(name: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    if name in {"commercial_partner_id", "partner_id"}:
        return {}
    return {"fields": without_companies(value["fields"])} if "fields" in value else value


class Records:
    """Records with links to their pages, told apart into the user's own and others'."""

    def __init__(self, origin: str, uid: str) -> None:
        self._origin = origin
        self._uid = uid

    def contact(self, partner: Record) -> Contact:
        company, owner = inner(partner, "commercial_partner_id"), inner(partner, "user_id")
        address, deals = text(partner, "email_normalized"), [self.deal(deal) for deal in inner_all(partner, "opportunity_ids")]
        owner_id = id_of(owner) if owner else ""
        return Contact(
            id=id_of(partner),
            name=text(partner, "name") or text(partner, "display_name"),
            addresses=(canonical(address),) if address else (),
            title=text(partner, "function"),
            account=self.account(company) if company and company.get("id") != partner.get("id") else None,
            owner=text(owner, "display_name"),
            phone=text(partner, "phone"),
            url=self._url("res.partner", partner),
            deals=soonest_first(replace(deal, contact_ids=(id_of(partner),)) for deal in deals),
            activities=self._activities(inner_all(partner, "activity_ids")),
            mine=owner_id == self._uid,
            owner_id=owner_id,
        )

    def account(self, company: Record) -> Account:
        owner = inner(company, "user_id")
        owner_id = id_of(owner) if owner else ""
        return Account(
            id=id_of(company),
            name=text(company, "name"),
            domain=domain_of_company(company),
            owner=text(owner, "display_name"),
            phone=text(company, "phone"),
            url=self._url("res.partner", company),
            mine=owner_id == self._uid,
            owner_id=owner_id,
        )

    def deal(self, lead: Record) -> Deal:
        """Raises BadAnswer where Odoo does not say whether it is open, won or lost: no stage's name says that."""
        if text(lead, "won_status") not in _STATES:
            raise BadAnswer(ODOO, "a deal is neither open, won nor lost")
        partner, owner = inner(lead, "partner_id"), inner(lead, "user_id")
        company = inner(partner, "commercial_partner_id")
        is_person = bool(partner) and company.get("id") != partner.get("id")
        return Deal(
            id=id_of(lead),
            name=text(lead, "name"),
            stage=text(inner(lead, "stage_id"), "display_name"),
            state=_STATES[text(lead, "won_status")],
            amount=_amount(lead),
            closing=day(ODOO, lead, "date_deadline"),
            account=self.account(company) if company and (is_person or company.get("is_company")) else None,
            owner=text(owner, "display_name"),
            contact_ids=(id_of(partner),) if partner else (),
            url=self._url("crm.lead", lead),
            owner_id=id_of(owner) if owner else "",
        )

    def lead(self, lead: Record) -> Lead:
        address, owner = text(lead, "email_normalized"), inner(lead, "user_id")
        owner_id = id_of(owner) if owner else ""
        return Lead(
            id=id_of(lead),
            name=text(lead, "contact_name") or text(lead, "name"),
            addresses=(canonical(address),) if address else (),
            title=text(lead, "function"),
            company=text(lead, "partner_name"),
            status=text(inner(lead, "stage_id"), "display_name"),
            owner=text(owner, "display_name"),
            phone=text(lead, "phone"),
            url=self._url("crm.lead", lead),
            mine=owner_id == self._uid,
            owner_id=owner_id,
        )

    def _activities(self, planned: Sequence[Record]) -> tuple[Activity, ...]:
        """Those that are planned, the latest first: Odoo keeps none that is done as an activity."""
        activities = [self._activity(each) for each in planned if each.get("active") is not False]
        return tuple(sorted((each for each in activities if each), key=lambda each: str(each.at), reverse=True))

    def _activity(self, record: Record) -> Activity | None:
        planned, kind = day(ODOO, record, "date_deadline"), inner(record, "activity_type_id")
        if planned is None:
            return None
        subject = text(record, "summary") or text(kind, "display_name")
        what = _KINDS.get(text(kind, "category"), ActivityKind.TASK)
        return Activity(id_of(record), what, subject, planned, done=False, owner=text(inner(record, "user_id"), "display_name"))

    def _url(self, model: str, record: Record) -> str:
        return f"{self._origin}/odoo/{model}/{id_of(record)}"


def domain_of_company(company: Record) -> str:
    """The mail domain of a company: its website's, else that of its own address; "" for none."""
    website = text(company, "website")
    try:
        host = urlsplit(website if "//" in website else f"//{website}").hostname or ""
    except ValueError:
        host = ""
    behind = text(company, "email_normalized").rpartition("@")[2]
    return registered_domain(canonical_domain(host or behind)) or ""


def _amount(lead: Record) -> Money | None:
    """Odoo has numbers of floating point, in the company's currency, and 0 for none."""
    amount, currency = number(lead, "expected_revenue"), text(inner(lead, "company_currency"), "name")
    return Money(amount, currency) if amount and currency else None
