"""A CRM record as a page, so that a card's links into the CRM lead somewhere: names, money and dates as the reader writes them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_currency
from jinja2 import Environment, FileSystemLoader, StrictUndefined

KINDS = {"accounts": "Account", "contacts": "Contact", "leads": "Lead", "deals": "Deal"}
ENGLISH = Locale("en")

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "page"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def record_page(
    module: str,
    record: Mapping[str, Any],
    contacts: Sequence[Mapping[str, Any]],
    locale: Locale,
    now: datetime,
    mail_frame: str,
) -> str:
    """The page of one record, as `mailmagnet crm show` prints it; every text in it is escaped.

    `contacts` are a deal's people that the reader may see; `now` is the time where the CRM's organisation is. `mail_frame` is
    the URL of MailMagnet's list for this look, "" for none.
    """
    reader = _Reader(locale, now)
    known: Mapping[str, Any] = {**record, "contacts": contacts} if module == "deals" else record
    return _TEMPLATES.get_template("record.html").render(
        kind=KINDS[module], record=known, reader=reader, to=_path, mail_frame=mail_frame
    )


def locale_of(accept_language: str) -> Locale:
    """The first of a browser's languages (RFC 9110, Accept-Language) whose money and dates are known; English when none is."""
    for wanted in accept_language.split(","):
        try:
            return Locale.parse(wanted.partition(";")[0].strip(), sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return ENGLISH


def _path(module: str, record: Mapping[str, Any]) -> str:
    """Where a record's page is."""
    return f"/crm/{module}/{quote(str(record['id']), safe='')}"


class _Reader:
    """How this reader writes money and time; the words are English."""

    def __init__(self, locale: Locale, now: datetime) -> None:
        self._locale = locale
        self._now = now

    def money(self, amount: Mapping[str, str]) -> str:
        return format_currency(Decimal(amount["amount"]), amount["currency"], locale=self._locale)

    def when(self, moment: str) -> str:
        """A day, or a day with its time of day; both are ISO 8601."""
        if len(moment) == len("2026-11-30"):
            return self._day(date.fromisoformat(moment))
        at = datetime.fromisoformat(moment).astimezone(self._now.tzinfo)
        return f"{self._day(at.date())}, {format_time(at, 'short', tzinfo=at.tzinfo, locale=self._locale)}"

    def distance(self, closing: str) -> str:
        """How far an open deal's closing day is: "today", "in 6 days", "24 days late"."""
        days = (date.fromisoformat(closing) - self._now.date()).days
        counted = f"{abs(days)} {'day' if abs(days) == 1 else 'days'}"
        return "today" if days == 0 else f"in {counted}" if days > 0 else f"{counted} late"

    def is_late(self, closing: str) -> bool:
        return date.fromisoformat(closing) < self._now.date()

    def _day(self, day: date) -> str:
        try:
            return format_skeleton("yMMMEd", day, locale=self._locale)
        except KeyError:
            return format_date(day, "long", locale=self._locale)
