"""Dates of CSV tables: how people write them, and what a column's own values tell about day and month."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_client.embedded.table_date import DateOrder, date_order, read_date
from mailmagnet.errors import BadRequest, BadTable

DAY_FIRST, MONTH_FIRST = DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST
LAST_OF_NOVEMBER = date(2026, 11, 30)


def _order(*cells: str, told: DateOrder | None = None) -> DateOrder | None:
    return date_order(enumerate(cells, start=2), told)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("2026-11-30", None),
        ("2026-11-30", MONTH_FIRST),
        ("2026-11-30", DAY_FIRST),
        ("2026/11/30", None),
        ("2026. 11. 30.", DAY_FIRST),
        ("30.11.2026", DAY_FIRST),
        ("30. 11. 2026", DAY_FIRST),
        ("30/11/2026", DAY_FIRST),
        ("30-11-2026", DAY_FIRST),
        ("11/30/2026", MONTH_FIRST),
        ("11-30-2026", MONTH_FIRST),
        ("３０．１１．２０２６", DAY_FIRST),
        ("\u00a030.\u202f11.2026 ", DAY_FIRST),
    ],
)
def test_a_date_as_people_write_it(text: str, order: DateOrder | None) -> None:
    assert read_date(text, order) == LAST_OF_NOVEMBER


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("30.11.26", "has no whole year"),
        ("11/30/26", "has no whole year"),
        ("46356", "counts days"),
        ("46356.0", "counts days"),
        ("", "is no date"),
        ("soon", "is no date"),
        ("30 Nov 2026", "is no date"),
        ("30.11/2026", "is no date"),
        ("2026-11-30T10:00", "is no date"),
        ("20261130", "is no date"),
        ("31.11.2026", "is no date"),
        ("29/02/2026", "is no date"),
        ("13/13/2026", "is no date"),
        ("00/00/2026", "is no date"),
        ("0000-01-01", "is no date"),
        ("٣٠.١١.٢٠٢٦", "is no date"),
    ],
)
def test_what_is_no_date_says_why(text: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        read_date(text, DAY_FIRST)


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        ((), None),
        (("2026-11-30", "soon", ""), None),
        (("05/05/2026", "12/12/2026"), None),
        (("03.04.2026",), DAY_FIRST),
        (("03/04/2026", "30/11/2026"), DAY_FIRST),
        (("03/04/2026", "11/30/2026"), MONTH_FIRST),
        (("03/04/2026", "30.11.2026"), DAY_FIRST),
        (("03-04-2026", "2026-11-30", "13-04-2026"), DAY_FIRST),
        (("11.30.2026",), MONTH_FIRST),
        (("13/13/2026", "01/31/2026"), MONTH_FIRST),
    ],
)
def test_a_column_tells_its_order(cells: tuple[str, ...], order: DateOrder | None) -> None:
    assert _order(*cells) is order


def test_a_column_that_does_not_tell_is_asked_about_and_the_answer_counts() -> None:
    cells = ("05/05/2026", "03/04/2026", "2026-11-30", "01/02/2026", "02/01/2026", "02/03/2026")
    with pytest.raises(BadTable) as refused:
        _order(*cells)
    assert str(refused.value) == (
        "Does the day or the month come first in line 3, line 5, line 6 and 1 more ('03/04/2026')?"
        " Say --dates day-first or --dates month-first."
    )
    for told in DateOrder:
        assert _order(*cells, told=told) is told


def test_a_column_of_both_orders_is_refused_with_its_lines_whatever_is_told() -> None:
    cells = ("30/11/2026", "11/30/2026", "03/04/2026", "31/01/2026")
    for told in (None, *DateOrder):
        with pytest.raises(BadTable, match=r"day first in line 2 and line 5 and the month first in line 3\."):
            _order(*cells, told=told)


def test_an_answer_that_the_column_contradicts_is_refused() -> None:
    with pytest.raises(BadTable, match="said to be day-first, and those in line 2 are month-first"):
        _order("11/30/2026", "03/04/2026", told=DAY_FIRST)
    with pytest.raises(BadTable, match="said to be month-first, and those in line 2 are day-first"):
        _order("03.04.2026", told=MONTH_FIRST)


@settings(deadline=None)
@given(st.dates(min_value=date(1000, 1, 1)), st.sampled_from("/-"), st.sampled_from(DateOrder), st.booleans())
def test_any_date_written_in_an_order_is_read_as_itself(day: date, sign: str, order: DateOrder, padded: bool) -> None:
    first, second = (day.day, day.month) if order is DAY_FIRST else (day.month, day.day)
    width = 2 if padded else 1
    text = f"{first:0{width}}{sign}{second:0{width}}{sign}{day.year}"
    assert read_date(text, _order(text, told=order)) == day
