"""What Tryton is asked: domains, and the fields of each model. A domain is JSON, so what stands in it is never a part of the question; only
in a pattern (`ilike`) do signs mean something else than themselves, and `literal` is where that ends."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from crm_client.spelled import spelled
from crm_client.tryton.server import Question

PARTY, OPPORTUNITY, NOTE, CURRENCY = "party.party", "sale.opportunity", "ir.note", "currency.currency"
USER, APPLICATION = "res.user", "res.user.application"
WORKS_FOR, EMPLOYS = "Works for", "Employs"
"""The types of the two relations between a person and a company, each the other's reverse: an admin gives them these names."""
LEAD = "lead"
OPEN = ("opportunity", "converted")
ADDRESSES_A_CALL = 25
"""Of 50,000 contacts PostgreSQL finds up to some 30 by its index (pg_trgm), and more by reading all; SQLite takes some 300 at the most."""
PEOPLE_PAGE = 500

Domain = list[Any]

PARTY_FIELDS = (
    "name",
    "phone",
    "mobile",
    "contact_mechanisms.type",
    "contact_mechanisms.value",
    "contact_mechanisms.name",
    "relations.type.name",
    "relations.to",
)
OPPORTUNITY_FIELDS = (
    "number",
    "description",
    "state",
    "amount",
    "currency.code",
    "end_date",
    "employee.rec_name",
    "party",
    "contact",
)
NOTE_FIELDS = ("message", "create_date", "create_uid.rec_name", "resource")
USER_FIELDS = (
    "name",
    "login",
    "email",
    "active",
    "administrator",
    "groups.name",
    "groups.parent.name",
    "employees",
    "company.rec_name",
    "company.timezone",
    "company.currency.code",
)


def user(user_id: int) -> Question:
    """A user, whether active or not: the key of one who is not still opens the API."""
    return Question(USER, [_ACTIVE_OR_NOT, ["id", "=", user_id]], USER_FIELDS)


USERS = Question(USER, [["active", "in", [True, False]], ["id", ">", 0]], USER_FIELDS, whole=True)
"""All but the server itself, which is user 0."""
ADMINISTRATORS = Question(USER, [["administrator", "=", True]], USER_FIELDS, whole=True)
CURRENCIES = Question(CURRENCY, [], ("code", "name", "rate"), whole=True)

NEEDED = (OPPORTUNITY, "party.relation.all")
"""Models of two modules that not every Tryton has active."""
MODELS = Question("ir.model", [["name", "in", list(NEEDED)]], ("name",))


def user_with_key(key: str) -> Question:
    return Question(USER, [["applications.key", "=", key]], USER_FIELDS)


def applications_with_key(key: str) -> Question:
    return Question(APPLICATION, [["key", "=", key]], ("state",))


def parties_with(addresses: Sequence[str]) -> Question:
    """Parties that have one of these addresses, written in whatever way."""
    return Question(PARTY, _with_address("contact_mechanisms", addresses), PARTY_FIELDS, whole=True)


def opportunities_with(addresses: Sequence[str]) -> Question:
    """Opportunities of parties, or through contacts, with one of these addresses."""
    theirs = [_with_address(path, addresses)[0] for path in ("party.contact_mechanisms", "contact.party.contact_mechanisms")]
    return Question(OPPORTUNITY, any_of(theirs), OPPORTUNITY_FIELDS, whole=True)


def party(party_id: int) -> Question:
    return Question(PARTY, [["id", "=", party_id]], PARTY_FIELDS)


def opportunities_of(party_ids: Iterable[int]) -> Question:
    ids = sorted(party_ids)
    return Question(OPPORTUNITY, any_of([["party", "in", ids], ["contact.party", "in", ids]]), OPPORTUNITY_FIELDS, whole=True)


def opportunity(opportunity_id: int, *also: Any) -> Question:
    return Question(OPPORTUNITY, [["id", "=", opportunity_id], *also], OPPORTUNITY_FIELDS)


def closing(first: date, last: date) -> Question:
    days = [["end_date", ">=", _day(first)], ["end_date", "<=", _day(last)]]
    order = (("end_date", "ASC"), ("id", "ASC"))
    return Question(OPPORTUNITY, [IS_OPEN, *days], OPPORTUNITY_FIELDS, order, whole=True)


def parties_behind(party_ids: Collection[int], mechanism_ids: Collection[int]) -> Question:
    """Of these parties, and of those who have these contact mechanisms, the ones that the user may see."""
    having = ["contact_mechanisms", "where", [["id", "in", sorted(mechanism_ids)]]]
    return Question(PARTY, any_of([["id", "in", sorted(party_ids)], having]), PARTY_FIELDS, whole=True)


def last_notes(party_ids: Collection[int], most: int) -> Question:
    """The last notes on these parties, all of which the user has to see."""
    order = (("create_date", "DESC"), ("id", "DESC"))
    return Question(NOTE, [["resource", "in", [f"{PARTY},{each}" for each in sorted(party_ids)]]], NOTE_FIELDS, order, most)


def parties_at(domains: Collection[str]) -> Question:
    """Companies, and parties that work for one, with an address at one of these domains or below it, or a website there: some of them say
    which company it is."""
    related = any_of(
        [["relations", "where", [["type.name", "in", [WORKS_FOR, EMPLOYS]]]], ["contact_mechanisms", "where", [_IS_WEBSITE]]]
    )
    return Question(PARTY, [related, any_of([_at_domain(domain) for domain in domains])], PARTY_FIELDS)


def people_of(firm_ids: Collection[int]) -> Question:
    works_for = [_WORKS_FOR, ["to", "in", sorted(firm_ids)]]
    order = (("name", "ASC"), ("id", "ASC"))
    return Question(PARTY, [["relations", "where", works_for]], PARTY_FIELDS, order, PEOPLE_PAGE, whole=True)


def deals_of(firm_ids: Collection[int], *also: Any) -> Question:
    return Question(OPPORTUNITY, [["party", "in", sorted(firm_ids)], *also], OPPORTUNITY_FIELDS, whole=True)


def parties_named(word: str) -> Question:
    """Parties that the user may see: through another record a name of any other would be found too."""
    return Question(PARTY, [["name", "ilike", _holding(word)]], ("id",))


def parties_addressed(word: str) -> Question:
    """Parties with an address that holds a word, or with somebody at an address."""
    in_it = any_of([["value", "ilike", _holding(word)], ["name", "ilike", _holding(word)]])
    return Question(PARTY, [["contact_mechanisms", "where", [_IS_EMAIL, in_it]]], ("id",))


@dataclass(frozen=True, slots=True)
class Word:
    """A word that is searched for, and the parties that hold it in their names, or in their addresses."""

    text: str
    named: list[int]
    addressed: list[int]

    def in_any(self, fields: Sequence[str]) -> list[Domain]:
        return [[field, "ilike", _holding(self.text)] for field in fields]


def people_found(words: Sequence[Word], most: int) -> Question:
    """Parties that are no company, by their name, their addresses, and whom they work for."""
    no_firm = [["relations", "not where", [_EMPLOYS]], ["contact_mechanisms", "not where", [_IS_WEBSITE]]]
    hold = [
        any_of([["id", "in", [*word.named, *word.addressed]], ["relations", "where", [_WORKS_FOR, ["to", "in", word.named]]]])
        for word in words
    ]
    return Question(PARTY, [*no_firm, *hold], PARTY_FIELDS, _BY_NAME, most)


def firms_found(words: Sequence[Word], most: int) -> Question:
    is_firm = any_of([["relations", "where", [_EMPLOYS]], ["contact_mechanisms", "where", [_IS_WEBSITE]]])
    hold = [
        any_of(
            [
                ["id", "in", [*word.named, *word.addressed]],
                ["contact_mechanisms", "where", [_IS_WEBSITE, *word.in_any(["value"])]],
            ]
        )
        for word in words
    ]
    return Question(PARTY, [is_firm, *hold], PARTY_FIELDS, _BY_NAME, most)


def deals_found(words: Sequence[Word], most: int) -> Question:
    hold = [any_of([*word.in_any(_ITS_OWN_WORDS), ["party", "in", word.named]]) for word in words]
    return Question(OPPORTUNITY, [IS_DEAL, *hold], OPPORTUNITY_FIELDS, _BY_DESCRIPTION, most)


def leads_found(words: Sequence[Word], most: int) -> Question:
    hold = []
    for word in words:
        parties = [*word.named, *word.addressed]
        hold.append(any_of([*word.in_any(_ITS_OWN_WORDS), ["party", "in", parties], ["contact.party", "in", parties]]))
    return Question(OPPORTUNITY, [IS_LEAD, *hold], OPPORTUNITY_FIELDS, _BY_DESCRIPTION, most)


IS_LEAD = ["state", "=", LEAD]
IS_DEAL = ["state", "!=", LEAD]
IS_OPEN = ["state", "in", list(OPEN)]
_ACTIVE_OR_NOT = ["active", "in", [True, False]]
_IS_EMAIL = ["type", "=", "email"]
_IS_WEBSITE = ["type", "=", "website"]
_WORKS_FOR = ["type.name", "=", WORKS_FOR]
_EMPLOYS = ["type.name", "=", EMPLOYS]
_BY_NAME = (("name", "ASC"), ("id", "ASC"))
_BY_DESCRIPTION = (("description", "ASC"), ("id", "ASC"))
_ITS_OWN_WORDS = ("description", "number", "reference")


def literal(words: str) -> str:
    """Words as they are, in what `ilike` takes for a pattern."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def any_of(conditions: Iterable[Any]) -> Domain:
    return ["OR", *conditions]


def in_calls(addresses: Iterable[str]) -> Iterator[list[str]]:
    """So many addresses as one call asks for."""
    each = iter(dict.fromkeys(addresses))
    while some := list(islice(each, ADDRESSES_A_CALL)):
        yield some


def _with_address(path: str, addresses: Sequence[str]) -> Domain:
    """Tryton keeps an address as it was typed: its letters' case, and its domain in its own script."""
    written = spelled(addresses)
    return [[path, "where", [_IS_EMAIL, any_of([["value", "ilike", literal(each)] for each in written])]]]


def _at_domain(domain: str) -> Domain:
    written = [literal(each) for each in spelled([domain])]
    address = any_of([["value", "ilike", f"%{before}{each}"] for each in written for before in "@."])
    website = any_of([["value", "ilike", f"%{each}%"] for each in written])
    return any_of(
        [["contact_mechanisms", "where", [_IS_EMAIL, address]], ["contact_mechanisms", "where", [_IS_WEBSITE, website]]]
    )


def _holding(word: str) -> str:
    return f"%{literal(word)}%"


def _day(day: date) -> dict[str, Any]:
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}
