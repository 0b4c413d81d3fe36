"""Merge fields: filled in once, what is missing marked, what is unknown left as it is, and nothing becomes markup."""

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmagnet.categories import decide
from mailmagnet.crm import Account, Contact, Deal, DealState, Lead, Money, Profile, User
from mailmagnet.mail_html import html_of_merged, html_of_text, with_signature
from mailmagnet.merge_fields import FIELDS, first_and_last, values_of
from mailmagnet.standing import ContactStanding, standings_of
from mailmagnet.templates import Merged, merge

TODAY = date(2026, 11, 23)
ADA = User("1", "Ada Corp", "ada@corp.example", Profile("1", "Standard", frozenset()))
LATER = Deal("1", "Later", "Demo", DealState.OPEN, amount=Money(Decimal(5), "EUR"), closing=date(2027, 2, 1))
SOON = Deal("2", "Renewal", "Negotiation", DealState.OPEN, amount=Money(Decimal(36000), "EUR"), closing=date(2026, 11, 30))
GRACE = Contact(
    "7", "Grace Hopper", ("grace@a.example", "g@b.example"), "Admiral", Account("1", "Analytical Ltd"), deals=(LATER, SOON)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
FIELD_TEXTS = st.lists(
    st.one_of(TEXTS, st.sampled_from([*(f"${{{name}}}" for name in FIELDS), "${", "}", "${x}", "<b>", "&"]))
).map("".join)


def standing(contact: Contact = GRACE) -> ContactStanding:
    return standings_of([contact], TODAY)[0]


def test_a_contacts_fields_with_the_deal_that_decides() -> None:
    assert decide(GRACE.deals, TODAY)
    assert values_of(standing(), ADA) == {
        "Contact.Name": "Grace Hopper",
        "Contact.First Name": "Grace",
        "Contact.Last Name": "Hopper",
        "Contact.Title": "Admiral",
        "Contact.Email": "grace@a.example",
        "Account.Name": "Analytical Ltd",
        "Deal.Name": "Renewal",
        "Deal.Amount": "EUR 36\u202f000",
        "Deal.Closing": "2026-11-30",
        "Deal.Stage": "Negotiation",
        "User.Name": "Ada Corp",
        "User.Email": "ada@corp.example",
    }


def test_a_lead_has_a_company_and_no_deals_and_nobody_has_nothing() -> None:
    lead = values_of(Lead("1", "Lie, Ane", ("ane@b.example",), "Boss", "Lie AS"), ADA)
    assert (lead["Contact.First Name"], lead["Account.Name"], lead["Deal.Name"]) == ("Ane", "Lie AS", "")
    nobody = values_of(None, ADA)
    assert list(nobody) == list(FIELDS)
    assert [name for name, value in nobody.items() if value] == ["User.Name", "User.Email"]


@pytest.mark.parametrize(
    ("amount", "said"), [("9.5", "EUR 9.50"), ("1234567", "EUR 1\u202f234\u202f567"), ("0", "EUR 0"), ("-5.005", "EUR -5.00")]
)
def test_an_amount_is_the_same_in_every_language(amount: str, said: str) -> None:
    deal = Deal("1", "x", "x", DealState.OPEN, amount=Money(Decimal(amount), "EUR"), closing=TODAY)
    contact = Contact("1", "x", (), deals=(deal,))
    assert values_of(standing(contact), ADA)["Deal.Amount"] == said


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Grace Hopper", ("Grace", "Hopper")),
        ("Lie, Ane Marie", ("Ane", "Lie")),
        ("Dr. Grace Brewster Hopper", ("Grace", "Hopper")),
        ("王小明", ("王小明", "王小明")),
        ("Prof. Dr.", ("", "")),
        ("", ("", "")),
        ("Hopper,", ("Hopper", "Hopper")),
        ("שירה לוי", ("שירה", "לוי")),
    ],
)
def test_a_names_two_parts(name: str, parts: tuple[str, str]) -> None:
    assert first_and_last(name) == parts


def test_fields_are_filled_in_whatever_their_case_and_once() -> None:
    values = dict.fromkeys(FIELDS, "") | {"Contact.Name": "${User.Name}", "User.Name": "Ada"}
    merged = merge(
        "${contact. name} of ${USER.NAME}: ${Contact.Title} ${Shoe.Size} ${Contact.Title} ${Shoe.Size} $${User.Name}", values
    )
    assert merged.text == "${User.Name} of Ada: [Contact.Title] ${Shoe.Size} [Contact.Title] ${Shoe.Size} $Ada"
    assert (merged.missing, merged.unknown) == (("Contact.Title",), ("Shoe.Size",))


@given(FIELD_TEXTS, st.dictionaries(st.sampled_from(FIELDS), TEXTS))
def test_all_else_stays_and_what_is_listed_is_what_is_marked(text: str, filled: dict[str, str]) -> None:
    values = dict.fromkeys(FIELDS, "") | filled
    merged = merge(text, values)
    field = re.compile(r"\$\{([^${}\n]{1,60})\}")
    between = field.split(text)[::2]
    rest = merged.text
    for literal in filter(None, between):
        _, found, rest = rest.partition(literal)
        assert found
    marked = {piece.text for piece in merged.pieces if piece.missing}
    assert marked == {f"[{name}]" for name in merged.missing}
    assert all(not values[name] for name in merged.missing)


@given(FIELD_TEXTS, st.dictionaries(st.sampled_from(FIELDS), FIELD_TEXTS))
def test_no_field_and_no_text_brings_markup_in(text: str, filled: dict[str, str]) -> None:
    merged = merge(text, dict.fromkeys(FIELDS, "") | filled)
    for html in (html_of_merged(merged), html_of_text(merged.text)):
        assert set(re.findall(r"<[^>]*>?", html)) <= {'<div dir="auto">', "</div>", "<b>", "</b>", "<br>"}
        assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt|quot|#x27);)*", html)


@given(TEXTS)
def test_values_are_on_one_line_without_what_cannot_be_seen(text: str) -> None:
    for value in values_of(standing(Contact("1", text, (text,), text, Account("1", text))), ADA).values():
        assert not re.search(r"[\x00-\x1f\x7f\u202e\u200b]", value)
        assert len(value) <= 200


def test_lines_stay_lines_and_a_signature_stands_below() -> None:
    assert html_of_text("a\r\nb\rc\n<i>") == '<div dir="auto">a<br>b<br>c<br>&lt;i&gt;</div>'
    assert html_of_merged(Merged(())) == '<div dir="auto"></div>'
    assert with_signature("<div>x</div>", "") == "<div>x</div>"
    assert with_signature("<div>x</div>", "<b>Ada</b>").endswith('<div dir="ltr" class="gmail_signature"><b>Ada</b></div>')
