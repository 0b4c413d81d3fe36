"""What Odoo is asked: models, domains and the fields that are read. A domain is JSON, and what was typed or stands in a mail is a value in
it; only a pattern has letters of its own, and `pattern` alone writes one.

https://www.odoo.com/documentation/19.0/developer/reference/backend/orm.html#search-domains
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from crm_client.spelled import spelled
from mailmagnet.crm import MAIL_INTEGRATION

Domain = Sequence[Any]
Fields = Mapping[str, Any]

PAGE = 500
"""Records of one kind in one answer: more come page by page."""
ADDRESSES_A_CALL = 5000
DEALS_SHOWN = 100
"""Of one contact, the open ones first and of those the soonest."""
PEOPLE_AT_DOMAINS = 300
"""Of all companies that are asked for by their domains."""
ACTIVITIES_SHOWN = 100
"""Of one contact, those that are planned first. An Odoo has had all that were ever done."""
MESSAGES_READ = 10
"""Of a contact's chatter, its notes first: comments are almost the first kind, and of these the subtype of notes is the last one."""

PARTNER, LEAD, USER, GROUP = "res.partner", "crm.lead", "res.users", "res.groups"

ACTIVE = ["active", "=", True]
DEAL = ["type", "=", "opportunity"]
OPEN = [DEAL, ACTIVE, ["won_status", "=", "pending"]]
IS_LEAD = [["type", "=", "lead"], ACTIVE]
IS_COMPANY = ["is_company", "=", True]

NAMED: Fields = {"fields": {"display_name": {}}}
"""The name alone: Odoo tells it to everybody who sees the record that it hangs on."""
COMPANY: Fields = {"name": {}, "is_company": {}, "website": {}, "email_normalized": {}, "phone": {}, "user_id": NAMED}
PERSON: Fields = {
    "name": {},
    "display_name": {},
    "email_normalized": {},
    "function": {},
    "phone": {},
    "user_id": NAMED,
    "commercial_partner_id": {"fields": COMPANY},
}
_DEAL_OF_PERSON: Fields = {
    "name": {},
    "active": {},
    "stage_id": NAMED,
    "team_id": NAMED,
    "won_status": {},
    "lost_reason_id": NAMED,
    "expected_revenue": {},
    "company_currency": {"fields": {"name": {}}},
    "date_deadline": {},
    "user_id": NAMED,
}
DEAL_FIELDS: Fields = {
    **_DEAL_OF_PERSON,
    "partner_id": {"fields": {"name": {}, "commercial_partner_id": {"fields": COMPANY}}},
}
_OPEN_AND_SOON_FIRST = "active desc, won_status, date_deadline, id"
"""Lost deals are archived, and "pending" stands before "won"."""
PERSON_WITH_ALL_DEALS: Fields = {**PERSON, "opportunity_ids": {"fields": _DEAL_OF_PERSON}}
PERSON_WITH_DEALS: Fields = {
    **PERSON,
    "opportunity_ids": {"fields": _DEAL_OF_PERSON, "order": _OPEN_AND_SOON_FIRST, "limit": DEALS_SHOWN},
}
PERSON_IN_FRONT: Fields = {
    **PERSON_WITH_DEALS,
    "activity_ids": {
        "fields": {
            "summary": {},
            "active": {},
            "date_deadline": {},
            "date_done": {},
            "activity_type_id": {"fields": {"category": {}, "display_name": {}}},
            "user_id": NAMED,
        },
        "order": "active desc, date_done desc, date_deadline desc, id",
        "limit": ACTIVITIES_SHOWN,
    },
    "message_ids": {
        "fields": {"body": {}, "date": {}, "author_id": NAMED, "message_type": {}, "subtype_id": {"fields": {"internal": {}}}},
        "order": "message_type, subtype_id desc, date desc, id desc",
        "limit": MESSAGES_READ,
    },
}
LEAD_FIELDS: Fields = {
    "name": {},
    "contact_name": {},
    "partner_name": {},
    "email_normalized": {},
    "function": {},
    "phone": {},
    "stage_id": NAMED,
    "user_id": NAMED,
}
USER_FIELDS: Fields = {
    "name": {},
    "email": {},
    "login": {},
    "active": {},
    "tz": {},
    "lang": {},
    "all_group_ids": {},
    "company_id": {"fields": {"name": {}, "currency_id": {"fields": {"name": {}}}}},
}
_LEADS_TO = {"commercial_partner_id": PARTNER, "partner_id": PARTNER, "opportunity_ids": LEAD}
"""Which model's records a field is followed to, where that is one whose fields an Odoo may hide."""


@dataclass(frozen=True, slots=True)
class Question:
    """Records of a model that match a domain: which fields, in which order, how many at most; all of them where `most` says nothing.
    `place` is the first one's among those that match."""

    model: str
    domain: Domain
    fields: Fields
    most: int | None = None
    order: str = "id"
    place: int = 0

    @property
    def limit(self) -> int:
        """How many one call asks for."""
        return PAGE if self.most is None else self.most

    def pages_after(self, count: int) -> list["Question"]:
        """The other pages of `count` records, after the first, where all are asked for."""
        return [replace(self, place=place) for place in range(PAGE, count, PAGE)] if self.most is None else []

    def of_readable(self, readable: Mapping[str, Collection[str]]) -> "Question":
        """The same, without fields that a user may not read; `readable` by model."""
        return replace(self, fields=_readable(self.fields, self.model, readable))

    def without_companies(self) -> "Question":
        """The same, but for what leads to companies: of those only ids. Odoo refuses a whole answer for one that is out of sight."""
        return replace(self, fields=_without_companies(self.fields))


def people_with(addresses: Collection[str], fields: Fields) -> list[Question]:
    return [Question(PARTNER, [ACTIVE, *_with_address(chunk)], fields) for chunk in _chunks(addresses)]


def leads_with(addresses: Collection[str]) -> list[Question]:
    return [Question(LEAD, [*IS_LEAD, *_with_address(chunk)], LEAD_FIELDS) for chunk in _chunks(addresses)]


def by_id(model: str, number: int, fields: Fields, *also: Any) -> Question:
    return Question(model, [["id", "=", number], *also], fields, most=1)


def people_at(company: int, fields: Fields, most: int) -> Question:
    """A company's people; the company itself is none, but for its own address."""
    themselves = ["|", ["id", "!=", company], ["email_normalized", "!=", False]]
    return Question(PARTNER, [ACTIVE, ["commercial_partner_id", "=", company], *themselves], fields, most)


def deals_at(company: int, *also: Any) -> Question:
    domain = [DEAL, ["partner_id.commercial_partner_id", "=", company], *also]
    return Question(LEAD, domain, DEAL_FIELDS, DEALS_SHOWN, "active desc, date_deadline, id")


def people_of_deal(deal: int) -> Question:
    return Question(PARTNER, [ACTIVE, ["opportunity_ids", "in", [deal]]], PERSON)


def people_at_domains(domains: Collection[str]) -> Question:
    """People, and companies, of companies with this website, or with an address at this domain."""
    return Question(PARTNER, [ACTIVE, *_at(domains, "")], PERSON_WITH_DEALS, PEOPLE_AT_DOMAINS)


def open_deals_at_domains(domains: Collection[str]) -> Question:
    return Question(LEAD, [*OPEN, *_at(domains, "partner_id.")], DEAL_FIELDS, PEOPLE_AT_DOMAINS, "date_deadline, id")


def deals_closing(first: date, last: date) -> Question:
    days = [["date_deadline", ">=", first.isoformat()], ["date_deadline", "<=", last.isoformat()]]
    return Question(LEAD, [*OPEN, *days], DEAL_FIELDS, order="date_deadline, id")


def found_by(words: Sequence[str], most: int) -> dict[str, Question]:
    """What holds each of the words somewhere, by kind. At least one word."""
    person = ("name", "email_normalized", "commercial_partner_id.name")
    company = ("name", "website", "email_normalized")
    lead = ("name", "contact_name", "partner_name", "email_normalized")
    people = [ACTIVE, ["partner_share", "=", True], ["is_company", "=", False]]
    return {
        "contacts": Question(PARTNER, [*people, *_hold(person, words)], PERSON_WITH_DEALS, most + 1, "name, id"),
        "accounts": Question(PARTNER, [ACTIVE, IS_COMPANY, *_hold(company, words)], COMPANY, most + 1, "name, id"),
        "deals": Question(
            LEAD, [DEAL, *_hold(("name", "partner_id.commercial_partner_id.name"), words)], DEAL_FIELDS, most + 1, "name, id"
        ),
        "leads": Question(LEAD, [*IS_LEAD, *_hold(lead, words)], LEAD_FIELDS, most + 1, "contact_name, id"),
    }


def administrators_in(group: int) -> Question:
    return Question(USER, [ACTIVE, ["all_group_ids", "in", [group]]], USER_FIELDS)


ALL_USERS = Question(USER, [["share", "=", False], ["id", ">", 1]], USER_FIELDS)
"""People who work in Odoo: portal's customers and its own robot are none."""
PERMITTED_GROUPS = Question(GROUP, [["name", "ilike", MAIL_INTEGRATION]], {"name": {}})
STAGES = Question("crm.stage", [], {"name": {}, "is_won": {}, "team_ids": NAMED}, order="sequence, name, id")
CURRENCIES = Question("res.currency", [ACTIVE], {"name": {}, "full_name": {}, "rate": {}})


def pattern(words: str) -> str:
    """Words as they are, in what Odoo takes for a pattern: %, _ and \\ stand for themselves."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _chunks(addresses: Collection[str]) -> list[list[str]]:
    ordered = sorted(addresses)
    return [ordered[place : place + ADDRESSES_A_CALL] for place in range(0, len(ordered), ADDRESSES_A_CALL)]


def _with_address(addresses: Sequence[str]) -> list[Any]:
    """Odoo writes addresses in lower case, but for local parts beyond ASCII, and domains as they were typed: as xn-- or in their own
    script."""
    written = spelled(addresses)
    in_any_case = [["email_normalized", "=ilike", pattern(each)] for each in written if not each.rpartition("@")[0].isascii()]
    return _any_of([["email_normalized", "in", written], *in_any_case])


def _any_of(conditions: Sequence[Any]) -> list[Any]:
    return [*["|"] * (len(conditions) - 1), *conditions]


def _hold(fields: Sequence[str], words: Iterable[str]) -> list[Any]:
    return [part for word in words for part in _any_of([[field, "ilike", pattern(word)] for field in fields])]


def _at(domains: Collection[str], path: str) -> list[Any]:
    """Partners, or deals by their `path`, of companies that have this website, or an address at this domain."""
    firm = f"{path}commercial_partner_id."
    conditions: list[Any] = []
    for spelling in spelled(domains):
        plain = pattern(spelling)
        for field in (f"{firm}email_normalized", f"{firm}child_ids.email_normalized"):
            conditions += [[field, "=like", f"%@{plain}"], [field, "=like", f"%.{plain}"]]
        conditions.append([f"{firm}website", "ilike", plain])
    return _any_of(conditions)


def _readable(fields: Fields, model: str, readable: Mapping[str, Collection[str]]) -> Fields:
    known = readable.get(model)
    return {
        name: {**value, "fields": _readable(value["fields"], _LEADS_TO.get(name, ""), readable)} if "fields" in value else value
        for name, value in fields.items()
        if known is None or name in known
    }


def _without_companies(fields: Fields) -> Fields:
    return {name: _bare(name, value) for name, value in fields.items()}


def _bare(name: str, value: Fields) -> Fields:
    if name in {"commercial_partner_id", "partner_id"}:
        return {}
    return {**value, "fields": _without_companies(value["fields"])} if "fields" in value else value
