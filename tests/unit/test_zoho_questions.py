"""COQL as the client writes it: whatever a value holds, it stays one value, and is read back as it was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_client.zoho.people import MOST_DOMAINS, about
from crm_client.zoho.questions import (
    MOST_CRITERIA,
    MOST_VALUES,
    Condition,
    Question,
    among,
    between,
    both,
    either,
    ends_with,
    holds,
    portions,
    quoted,
)
from sandbox.crms.zoho.coql import Criterion, Pair, Query, read
from tests.zoho_description import faults_of_query

ANYTHING = st.text(st.characters(), max_size=40)
NASTY = st.text(st.sampled_from("'\\\"%_()[]{},;-* \n\x00aü’"), max_size=20)
VALUES = ANYTHING | NASTY


def _asked(where: Condition) -> Query:
    return read(Question("Contacts", ("id",), where).text(25))


def _visible(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


@given(st.lists(VALUES, min_size=1, max_size=10))
def test_a_value_stays_one_value(values: list[str]) -> None:
    query = _asked(among("Email", values))
    assert query.criteria == (Criterion("Email", "in", tuple(map(_visible, values))),)
    assert (query.module, query.columns, query.limit) == ("Contacts", ("id",), 25)


@given(VALUES, VALUES)
def test_all_comparisons_take_any_value(one: str, other: str) -> None:
    query = _asked(both(either(holds("Email", one), ends_with("Email", other)), between("Last_Name", one, other)))
    assert [(criterion.operator, criterion.values) for criterion in query.criteria] == [
        ("like", (f"%{_visible(one)}%",)),
        ("like", (f"%{_visible(other)}",)),
        ("between", (_visible(one), _visible(other))),
    ]


@given(VALUES)
def test_a_value_ends_nowhere_else_whatever_a_backslash_is(value: str) -> None:
    """Read by an engine to which a backslash takes away the meaning of what follows, and by one to which it is a letter."""
    inside = quoted(value)[1:-1]
    at, escapes = 0, set[str]()
    while at < len(inside):
        if inside[at] in "'\\":
            assert inside[at + 1] == inside[at], "a quote or a backslash stands alone"
            escapes.add(inside[at])
            at += 1
        at += 1
    assert escapes <= {"'", "\\"}


@given(st.integers(1, MOST_CRITERIA), st.sampled_from([either, both]))
def test_conditions_stand_in_pairs(count: int, join: object) -> None:
    assert callable(join)
    query = _asked(join(*(holds("Email", str(number)) for number in range(count))))
    assert [criterion.values for criterion in query.criteria] == [(f"%{number}%",) for number in range(count)]
    words = set[str]()

    def visit(condition: Criterion | Pair) -> None:
        if isinstance(condition, Pair):
            words.add(condition.word)
            visit(condition.left)
            visit(condition.right)

    visit(query.where)
    assert words <= {"or" if join is either else "and"}


def test_a_condition_without_anything_asks_nothing() -> None:
    assert not Question("Contacts", ("id",), either(among("Email", []), both())).is_any
    assert Question("Contacts", ("id",), either(among("Email", []), holds("Email", "x"))).is_any


def test_a_column_that_may_not_be_seen_is_left_out_everywhere() -> None:
    question = Question(
        "Deals",
        ("id", "Amount", "Contact_Name.Phone"),
        either(holds("Contact_Name.Phone", "1"), holds("Deal_Name", "x")),
        "Amount desc",
    )
    assert question.named("Phone") == {"Contact_Name.Phone"}
    assert question.named("Amount") == {"Amount"}
    seen = read(question.without({"Contact_Name.Phone", "Amount"}).text(25))
    assert (seen.columns, seen.criteria, seen.orders) == (
        ("id",),
        (Criterion("Deal_Name", "like", ("%x%",)),),
        (("id", False),),
    )
    assert not question.without({"Contact_Name.Phone", "Deal_Name"}).is_any


@pytest.mark.parametrize("addresses", [0, 1, MOST_VALUES])
@pytest.mark.parametrize("domains", [0, 1, MOST_DOMAINS])
def test_what_is_asked_about_people_is_within_coqls_limits_and_has_zohos_columns(addresses: int, domains: int) -> None:
    asked = about([f"o'p{number}@x.example" for number in range(addresses)], [f"d{number}.example" for number in range(domains)])
    for question in asked.values():
        if question.is_any:
            query = read(question.text(25))
            assert query.module == question.module
            assert not list(faults_of_query(question.text(25)))
    assert {name for name, question in asked.items() if question.is_any} == {
        *(("contacts", "leads", "deals") if addresses else ()),
        *(("contacts", "accounts", "deals") if domains else ()),
    }


@given(st.lists(st.text(max_size=2), max_size=30), st.integers(1, 7))
def test_portions_hold_all_in_order(values: list[str], most: int) -> None:
    found = list(portions(values, most))
    assert [value for portion in found for value in portion] == values
    assert all(1 <= len(portion) <= most for portion in found)
