"""Dates as people write them in tables ("2026-11-30", "30.11.2026", "11/30/2026"); which comes first, day or month, a column's own
values tell, or whoever imports it: it is not guessed."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum

from mailmagnet.errors import BadRequest, BadTable


class DateOrder(StrEnum):
    """What comes first in a date that ends with its year."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


_YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<sign>[-/.]) ?(?P<first>\d{1,2})(?P=sign) ?(?P<second>\d{1,2})\.?", re.ASCII)
_YEAR_LAST = re.compile(r"(?P<first>\d{1,2})(?P<sign>[-/.]) ?(?P<second>\d{1,2})(?P=sign) ?(?P<year>\d{4})\.?", re.ASCII)
_SHORT_YEAR = re.compile(r"\d{1,2}([-/.]) ?\d{1,2}\1 ?\d{2}\.?", re.ASCII)
_DAYS_COUNTED = re.compile(r"\d{5}(?:[.,]\d+)?", re.ASCII)
_MONTHS = 12
_LINES_TOLD = 3


def read_date(text: str, order: DateOrder | None) -> date:
    """A date; `order` is that of its column. Raises BadRequest, with the reason, if the cell is not a date."""
    written = _plain(text)
    found = _YEAR_FIRST.fullmatch(written) or _YEAR_LAST.fullmatch(written)
    if found is None:
        raise BadRequest(_why_no_date(text, written))
    year, first, second = int(found["year"]), int(found["first"]), int(found["second"])
    month_first = found.re is _YEAR_FIRST or order is DateOrder.MONTH_FIRST
    try:
        return date(year, first, second) if month_first else date(year, second, first)
    except ValueError:
        raise BadRequest(_why_no_date(text, written)) from None


def date_order(column: Iterable[tuple[int, str]], stated: DateOrder | None) -> DateOrder | None:
    """The order in a column's dates (line number, cell), as its values and `stated` say; None when it makes no difference.

    Raises BadTable when the dates are of both orders, or do not say which.
    """
    shown: dict[DateOrder, list[int]] = {order: [] for order in DateOrder}
    unclear: dict[int, str] = {}
    for number, text in column:
        found = _YEAR_LAST.fullmatch(_plain(text))
        if found and (order := _order_shown(found)):
            shown[order].append(number)
        elif found and found["first"] != found["second"]:
            unclear[number] = text
    day_first, month_first = shown[DateOrder.DAY_FIRST], shown[DateOrder.MONTH_FIRST]
    if day_first and month_first:
        raise BadTable(
            f"The dates have the day first in {_lines(day_first)} and the month first in {_lines(month_first)}."
            " Write all of them alike, or as 2026-11-30."
        )
    if stated and (others := shown[_other(stated)]):
        raise BadTable(f"The dates are said to be {stated}, and those in {_lines(others)} are {_other(stated)}.")
    if unclear and not (stated or day_first or month_first):
        raise BadTable(
            f"Does the day or the month come first in {_lines(list(unclear))} ('{next(iter(unclear.values()))}')?"
            f" Say --dates {DateOrder.DAY_FIRST} or --dates {DateOrder.MONTH_FIRST}."
        )
    return stated or (DateOrder.DAY_FIRST if day_first else DateOrder.MONTH_FIRST if month_first else None)


def _order_shown(found: re.Match[str]) -> DateOrder | None:
    """What a date's numbers tell, or else its dots: who writes those puts the day first."""
    if int(found["second"]) > _MONTHS >= int(found["first"]):
        return DateOrder.MONTH_FIRST
    if int(found["first"]) > _MONTHS >= int(found["second"]) or found["sign"] == ".":
        return DateOrder.DAY_FIRST
    return None


def _other(order: DateOrder) -> DateOrder:
    return DateOrder.MONTH_FIRST if order is DateOrder.DAY_FIRST else DateOrder.DAY_FIRST


def _lines(numbers: Sequence[int]) -> str:
    named = [f"line {number}" for number in numbers[:_LINES_TOLD]]
    if more := len(numbers) - len(named):
        named.append(f"{more} more")
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip()


def _why_no_date(text: str, written: str) -> str:
    if _SHORT_YEAR.fullmatch(written):
        return f"'{text}' has no whole year: write it with four digits"
    if _DAYS_COUNTED.fullmatch(written):
        return f"'{text}' is how a spreadsheet counts days: give the column the format of a date, and save it again"
    return f"'{text}' is no date such as 2026-11-30, 30.11.2026 or 11/30/2026"
