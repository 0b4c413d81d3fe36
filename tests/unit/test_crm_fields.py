"""A field of a CRM's JSON, whatever stands in it."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_client.fields import day, inner, inner_all, moment, number, text
from mailmagnet.errors import BadAnswer, Service, Side

WHO = Service(Side.CRM, "A CRM")
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=5,
)


@settings(deadline=None)
@given(ANY_JSON)
def test_whatever_a_field_holds_it_is_read_or_a_bad_answer(value: Any) -> None:
    record = {"it": value}
    assert isinstance(text(record, "it"), str)
    assert isinstance(inner(record, "it"), dict)
    assert all(isinstance(each, dict) for each in inner_all(record, "it"))
    assert (found := number(record, "it")) is None or found.is_finite()
    for read in (day, moment):
        try:
            read(WHO, record, "it")
        except BadAnswer as bad:
            assert str(value) not in str(bad) or not str(value).strip() or len(str(value)) < 15


def test_what_is_missing_is_empty() -> None:
    assert (text({}, "a"), inner({}, "a"), inner_all({}, "a"), number({}, "a")) == ("", {}, [], None)
    assert (day(WHO, {}, "a"), moment(WHO, {}, "a")) == (None, None)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (12, Decimal(12)), (12.5, Decimal("12.5")), ("12.50", Decimal("12.50")), (Decimal("0.1"), Decimal("0.1")),
        ("", None), ("twelve", None), (True, None), (False, None), ("nan", None), (float("inf"), None), ("9" * 41, None), ([1], None),
    ],
)  # fmt: skip
def test_a_number_is_as_it_was_written(value: Any, found: Decimal | None) -> None:
    assert number({"it": value}, "it") == found


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**18), max_value=10**18))
def test_read_as_decimals_json_keeps_every_digit(amount: Decimal) -> None:
    assert number(json.loads(f'{{"it": {amount}}}', parse_float=Decimal), "it") == amount


def test_days_and_moments() -> None:
    record = {
        "day": "2026-11-20",
        "moment": "2026-11-20 12:00:00",
        "there": "2026-11-20T12:00:00+02:00",
        "z": "2026-11-20T12:00:00Z",
    }
    assert {name: day(WHO, record, name) for name in record} == dict.fromkeys(record, date(2026, 11, 20))
    assert moment(WHO, record, "moment") == moment(WHO, record, "z") == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert moment(WHO, record, "there") == datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=2)))
    for bad in ("tomorrow", "2026-13-01", "20.11.2026", "T12:00"):
        with pytest.raises(BadAnswer):
            day(WHO, {"it": bad}, "it")
