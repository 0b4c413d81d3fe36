"""What Odoo is asked: whatever was typed or stands in a mail is a value in a domain, and stands for itself in a pattern."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_client.odoo.questions import (
    ADDRESSES_A_CALL,
    PAGE,
    PERSON_IN_FRONT,
    PERSON_WITH_DEALS,
    Question,
    found_by,
    open_deals_at_domains,
    pattern,
    people_at_domains,
    people_with,
)
from crm_client.odoo.records import Records
from mailmagnet.errors import BadAnswer

OPERATORS = {"=", "!=", "in", "ilike", "=like", "=ilike", ">=", "<="}
ODD = st.text(st.sampled_from("a%_\\\"'[]()|&!,@.ü "), max_size=12)


def as_regex(written: str) -> str:
    """What PostgreSQL takes a pattern for (https://www.postgresql.org/docs/current/functions-matching.html#FUNCTIONS-LIKE)."""
    said = ""
    signs = iter(written)
    for sign in signs:
        if sign == "\\":
            said += re.escape(next(signs))
        else:
            said += {"%": ".*", "_": "."}.get(sign, re.escape(sign))
    return said


@settings(deadline=None)
@given(ODD, ODD)
def test_a_pattern_finds_its_own_words_and_no_others(words: str, other: str) -> None:
    assert bool(re.fullmatch(as_regex(pattern(words)), other, re.DOTALL)) == (words == other)
    assert re.fullmatch(as_regex(pattern(words)), words, re.DOTALL)


def parts_of(question: Question) -> Iterator[Any]:
    json.dumps(question.domain)
    for part in question.domain:
        if isinstance(part, list):
            assert len(part) == 3
            assert part[1] in OPERATORS
            assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", part[0])
            yield part
        else:
            assert part in {"|", "&", "!"}


def is_whole(domain: Any) -> bool:
    """Whether each operator has what it joins."""
    wanted = 0
    for part in domain:
        if wanted == 0:
            wanted = 1
        wanted += 1 if part in ("|", "&") else 0 if part == "!" else -1
    return wanted == 0


@settings(deadline=None)
@given(st.lists(ODD.filter(str.strip), min_size=1, max_size=4))
def test_whatever_is_asked_is_a_value_and_never_a_part_of_the_question(asked: list[str]) -> None:
    addresses = [f"{each}@a.example" for each in asked]
    several = [
        *people_with(addresses, PERSON_WITH_DEALS),
        *found_by(asked, 5).values(),
        people_at_domains(asked),
        open_deals_at_domains(asked),
    ]
    for question in several:
        assert list(parts_of(question))
        assert is_whole(question.domain)
    [exact] = [value for field, sign, value in parts_of(several[0]) if sign == "in"]
    assert set(addresses) <= set(exact)


@pytest.mark.parametrize(("count", "calls"), [(0, 0), (1, 1), (ADDRESSES_A_CALL, 1), (ADDRESSES_A_CALL + 1, 2)])
def test_many_addresses_are_cut_into_few_calls(count: int, calls: int) -> None:
    asked = people_with([f"p{number}@x.example" for number in range(count)], PERSON_WITH_DEALS)
    assert len(asked) == calls
    found = [value for question in asked for _, sign, value in parts_of(question) if sign == "in"]
    assert sum(map(len, found)) == count


def test_all_pages_follow_the_first_where_all_are_asked_for() -> None:
    everybody = Question("res.partner", [], {})
    assert [page.place for page in everybody.pages_after(2 * PAGE + 1)] == [PAGE, 2 * PAGE]
    assert everybody.pages_after(PAGE) == []
    assert Question("res.partner", [], {}, most=10).pages_after(1000) == []


def test_what_may_not_be_read_is_left_out_wherever_it_stands() -> None:
    readable = {"res.partner": {"name", "opportunity_ids", "commercial_partner_id"}, "crm.lead": {"won_status"}}
    asked = Question("res.partner", [], PERSON_IN_FRONT).of_readable(readable)
    assert set(asked.fields) == {"name", "opportunity_ids", "commercial_partner_id"}
    assert set(asked.fields["opportunity_ids"]["fields"]) == {"won_status"}
    assert set(asked.fields["commercial_partner_id"]["fields"]) == {"name"}
    assert asked.fields["opportunity_ids"]["limit"]
    assert "fields" not in asked.without_companies().fields["commercial_partner_id"]


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(["id", "display_name", "name"]), inside),
    max_leaves=4,
)
FIELDS = st.sampled_from(
    [
        "id", "name", "email_normalized", "user_id", "commercial_partner_id", "opportunity_ids", "activity_ids", "message_ids",
        "won_status", "expected_revenue", "company_currency", "date_deadline", "partner_id", "website", "is_company", "active",
    ]
)  # fmt: skip


@settings(deadline=None)
@given(st.dictionaries(FIELDS, ANY_JSON))
def test_whatever_odoo_sends_is_a_record_or_a_bad_answer(sent: dict[str, Any]) -> None:
    records = Records("https://odoo.example", "7")
    for read in (records.contact, records.account, records.deal, records.lead):
        try:
            read(sent)
        except BadAnswer as bad:
            assert str(bad).startswith("Odoo: ")
