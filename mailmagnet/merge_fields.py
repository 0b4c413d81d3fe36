"""What stands for each merge field of a template: of a person in the CRM, and of who writes. Pure rules."""

import re
from datetime import date
from decimal import Decimal

from mailmagnet.crm import Contact, Lead, Money, User
from mailmagnet.standing import ContactStanding
from mailmagnet.visible_text import visible

FIELDS = (
    "Contact.Name",
    "Contact.First Name",
    "Contact.Last Name",
    "Contact.Title",
    "Contact.Email",
    "Account.Name",
    "Deal.Name",
    "Deal.Amount",
    "Deal.Closing",
    "Deal.Stage",
    "User.Name",
    "User.Email",
)
"""The merge fields there are, as they are written between ${ and }, whatever their case. Of a lead, who has no account and no deals,
the contact's are the lead's own, and the account's name is its company."""

LONGEST_VALUE = 200

_SPACES = re.compile(r"[^\S\u202f]+")
_NEVER = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_BEFORE_A_NAME = frozenset(
    (
        "dr",
        "dr.",
        "prof",
        "prof.",
        "mr",
        "mr.",
        "mrs",
        "mrs.",
        "ms",
        "ms.",
        "mx",
        "mx.",
        "herr",
        "frau",
        "m.",
        "mme",
        "mlle",
        "sr.",
        "sra.",
    )
)


def values_of(person: ContactStanding | Lead | None, user: User) -> dict[str, str]:
    """What stands for each of FIELDS, "" for nothing: the person's, with the deal that decides where a contact stands.

    Amounts and days are written in one way for every language, because neither the reader's nor the CRM's need be the mail's:
    "EUR 36 000", "2026-11-30".
    """
    values = dict.fromkeys(FIELDS, "")
    values |= {"User.Name": user.name, "User.Email": user.email}
    if isinstance(person, Lead):
        values |= _person(person) | {"Account.Name": person.company}
    elif person:
        values |= _person(person.contact) | _of_contact(person)
    return {name: _on_one_line(value) for name, value in values.items()}


def _of_contact(standing: ContactStanding) -> dict[str, str]:
    deal = standing.decision.because if standing.decision else None
    account = standing.contact.account
    found = {"Account.Name": account.name if account else ""}
    if deal:
        found |= {
            "Deal.Name": deal.name,
            "Deal.Stage": deal.stage,
            "Deal.Amount": _amount(deal.amount),
            "Deal.Closing": _day(deal.closing),
        }
    return found


def _person(person: Contact | Lead) -> dict[str, str]:
    first, last = first_and_last(person.name)
    return {
        "Contact.Name": person.name,
        "Contact.First Name": first,
        "Contact.Last Name": last,
        "Contact.Title": person.title,
        "Contact.Email": person.addresses[0] if person.addresses else "",
    }


def first_and_last(name: str) -> tuple[str, str]:
    """A name's two parts, as well as they can be told: "Lie, Ane" is Ane Lie. One word alone is both, what stands before a name neither."""
    last, comma, first = name.partition(",")
    words = [word for word in (f"{first} {last}" if comma else name).split() if word.casefold() not in _BEFORE_A_NAME]
    if not words:
        return "", ""
    if comma and first.strip():
        return words[0], last.strip()
    return words[0], words[-1]


def _on_one_line(value: str) -> str:
    return _SPACES.sub(" ", visible(_NEVER.sub(" ", value))).strip()[:LONGEST_VALUE]


def _amount(amount: Money | None) -> str:
    """ "EUR 36 000", "EUR 9.50": the same in every language."""
    if not amount:
        return ""
    exact = amount.amount.quantize(Decimal("0.01")) if amount.amount % 1 else amount.amount.quantize(Decimal(1))
    return f"{amount.currency} {exact:,f}".replace(",", "\u202f")


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
