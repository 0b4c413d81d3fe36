"""Odoo's records as the core has them. Whatever Odoo sends is data, and may be missing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from crm_client.fields import Record, day, inner, inner_all, moment, number, text, zone
from crm_client.note_text import text_of_note
from crm_client.odoo.server import ODOO
from crm_client.records import domain_of_website, readable, soonest_first, told_activities, told_notes
from mailmagnet.addresses import canonical, canonical_domain
from mailmagnet.crm import (
    MAIL_INTEGRATION,
    Account,
    Activity,
    ActivityKind,
    Contact,
    Currency,
    Deal,
    DealState,
    Lead,
    Money,
    Note,
    Organisation,
    Profile,
    Stage,
    User,
)
from mailmagnet.domains import registered_domain
from mailmagnet.errors import BadAnswer

_STATES = {"pending": DealState.OPEN, "won": DealState.WON, "lost": DealState.LOST}
_KINDS = {"phonecall": ActivityKind.CALL, "meeting": ActivityKind.MEETING}
_A_NOTE = "comment"
"""What a person has written, in a chatter that also holds mail and what Odoo itself says."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Odoo's ids of the groups that decide: its administrators' one, and those that are named Mail Integration."""

    administrators: int
    permitted: frozenset[int]

    def profile(self, of_user: Collection[int]) -> Profile:
        """A user's rights are those of all groups: they are the profile, which Odoo has no name for."""
        administrator, permitted = self.administrators in of_user, not self.permitted.isdisjoint(of_user)
        name = "Administrator" if administrator else "User"
        return Profile(
            name.lower() if permitted else f"{name.lower()} without",
            name if permitted else f"{name} without {MAIL_INTEGRATION}",
            frozenset({MAIL_INTEGRATION} if permitted else ()),
            administrator,
        )


def permitted_groups(found: Sequence[Record]) -> frozenset[int]:
    """Those with the name of the permission, in capitals or not."""
    return frozenset(number_of(group) for group in found if text(group, "name").strip().casefold() == MAIL_INTEGRATION.casefold())


def number_of(record: Record) -> int:
    """A record's id. Raises BadAnswer for a record without."""
    value = record.get("id")
    if type(value) is not int:
        raise BadAnswer(ODOO, "a record has no id")
    return value


def id_of(record: Record) -> str:
    return str(number_of(record))


def user_name(record: Record) -> str:
    return text(record, "name") or text(record, "login")


def groups_of(user: Record) -> frozenset[int]:
    value: Any = user.get("all_group_ids")
    return frozenset(each for each in value if type(each) is int) if isinstance(value, list) else frozenset()


def user_of(record: Record, groups: Groups) -> User:
    email = canonical(text(record, "email") or text(record, "login"))
    return User(id_of(record), user_name(record), email, groups.profile(groups_of(record)), record.get("active") is not False)


def organisation_of(user: Record) -> Organisation:
    """The user's main company. It has no time zone of its own: Odoo shows days in each user's."""
    company = inner(user, "company_id")
    return Organisation(text(company, "name"), zone(user, "tz").key, text(inner(company, "currency_id"), "name"))


def stages_of(stages: Sequence[Record]) -> tuple[Stage, ...]:
    """A stage is its teams', each of which is a pipeline, or all teams': then it stands once, in none. Lost is no stage of Odoo's."""
    return tuple(
        Stage(id_of(stage), text(stage, "name"), team, DealState.WON if stage.get("is_won") else DealState.OPEN, position)
        for position, stage in enumerate(stages)
        for team in [text(each, "display_name") for each in inner_all(stage, "team_ids")] or [""]
    )


def currencies_of(currencies: Sequence[Record], home: str) -> tuple[Currency, ...]:
    """The home currency first."""
    rated = [(text(each, "name"), text(each, "full_name"), number(each, "rate")) for each in currencies]
    known = [Currency(code, name or code, rate or Decimal(1), home=code == home) for code, name, rate in rated if code]
    return tuple(sorted(known, key=lambda each: (not each.home, each.code)))


class Records:
    """Records with links to their pages, told apart into the user's own and others'."""

    def __init__(self, origin: str, uid: str) -> None:
        self._origin = origin
        self._uid = uid

    def contact(self, partner: Record) -> Contact:
        company, owner_id = inner(partner, "commercial_partner_id"), _owner_id(partner)
        is_person = bool(company) and company.get("id") != partner.get("id")
        account = self.account(company) if is_person else None
        of_deals = account or (self.account(company) if company.get("is_company") else None)
        told = [each for each in inner_all(partner, "opportunity_ids") if _is_told(each) and _is_in_sight(each)]
        deals = [replace(deal, account=of_deals, contact_ids=(id_of(partner),)) for deal in readable(self.deal, told)]
        not_told = not all(map(_is_told, inner_all(partner, "opportunity_ids")))
        return Contact(
            id=id_of(partner),
            name=text(partner, "name") or text(partner, "display_name"),
            addresses=_addresses(partner),
            title=text(partner, "function"),
            account=account,
            owner=_owner(partner),
            phone=text(partner, "phone"),
            url=self._url("res.partner", partner),
            deals=soonest_first(deals),
            activities=told_activities(readable(_activity, inner_all(partner, "activity_ids"))),
            notes=told_notes(readable(_note, inner_all(partner, "message_ids"))),
            mine=owner_id == self._uid,
            owner_id=owner_id,
            more_deals=not_told or len(deals) < len(told),
        )

    def account(self, company: Record) -> Account:
        owner_id = _owner_id(company)
        return Account(
            id=id_of(company),
            name=text(company, "name"),
            domain=domain_of_company(company),
            owner=_owner(company),
            phone=text(company, "phone"),
            url=self._url("res.partner", company),
            mine=owner_id == self._uid,
            owner_id=owner_id,
        )

    def deal(self, lead: Record) -> Deal:
        """Raises BadAnswer where Odoo does not say whether it is open, won or lost: no stage's name says that."""
        if text(lead, "won_status") not in _STATES:
            raise BadAnswer(ODOO, "a deal is neither open, won nor lost")
        state, partner = _STATES[text(lead, "won_status")], inner(lead, "partner_id")
        company = inner(partner, "commercial_partner_id")
        is_person = bool(partner) and company.get("id") != partner.get("id")
        why_lost = text(inner(lead, "lost_reason_id"), "display_name") if state is DealState.LOST else ""
        return Deal(
            id=id_of(lead),
            name=text(lead, "name"),
            stage=why_lost or text(inner(lead, "stage_id"), "display_name"),
            state=state,
            pipeline=text(inner(lead, "team_id"), "display_name"),
            amount=_amount(lead),
            closing=day(ODOO, lead, "date_deadline"),
            account=self.account(company) if company and (is_person or company.get("is_company")) else None,
            owner=_owner(lead),
            contact_ids=(id_of(partner),) if partner else (),
            url=self._url("crm.lead", lead),
            owner_id=_owner_id(lead),
        )

    def lead(self, lead: Record) -> Lead:
        owner_id = _owner_id(lead)
        return Lead(
            id=id_of(lead),
            name=text(lead, "contact_name") or text(lead, "name"),
            addresses=_addresses(lead),
            title=text(lead, "function"),
            company=text(lead, "partner_name"),
            status=text(inner(lead, "stage_id"), "display_name"),
            owner=_owner(lead),
            phone=text(lead, "phone"),
            url=self._url("crm.lead", lead),
            mine=owner_id == self._uid,
            owner_id=owner_id,
        )

    def _url(self, model: str, record: Record) -> str:
        return f"{self._origin}/odoo/{model}/{id_of(record)}"


def domain_of_company(company: Record) -> str:
    """The mail domain of a company: its website's, else that of its own address; "" for none."""
    behind = text(company, "email_normalized").rpartition("@")[2]
    return domain_of_website(text(company, "website")) or registered_domain(canonical_domain(behind))


def _addresses(record: Record) -> tuple[str, ...]:
    address = text(record, "email_normalized")
    return (canonical(address),) if address else ()


def _owner(record: Record) -> str:
    return text(inner(record, "user_id"), "display_name")


def _owner_id(record: Record) -> str:
    owner = inner(record, "user_id")
    return id_of(owner) if owner else ""


def _is_told(deal: Record) -> bool:
    """Of those beyond the number that was asked for Odoo gives the id alone."""
    return deal.keys() != {"id"}


def _is_in_sight(deal: Record) -> bool:
    """An archived deal that was not decided is nobody's any more."""
    return deal.get("active") is not False or text(deal, "won_status") != "pending"


def _activity(record: Record) -> Activity | None:
    """Odoo keeps what is done as archived activities, and days alone of all."""
    done, kind = record.get("active") is False, inner(record, "activity_type_id")
    at = (day(ODOO, record, "date_done") if done else None) or day(ODOO, record, "date_deadline")
    if not at:
        return None
    subject = text(record, "summary") or text(kind, "display_name")
    return Activity(id_of(record), _KINDS.get(text(kind, "category"), ActivityKind.TASK), subject, at, done, _owner(record))


def _note(message: Record) -> Note | None:
    """What a person has logged for colleagues."""
    at = moment(ODOO, message, "date")
    if text(message, "message_type") != _A_NOTE or inner(message, "subtype_id").get("internal") is not True or not at:
        return None
    author = text(inner(message, "author_id"), "display_name")
    return Note(id_of(message), text_of_note(text(message, "body")), at, author)


def _amount(lead: Record) -> Money | None:
    """Odoo has numbers of floating point, in the company's currency, and 0 for none."""
    amount, currency = number(lead, "expected_revenue"), text(inner(lead, "company_currency"), "name")
    return Money(amount, currency) if amount and currency else None
