"""What stands in a field of a CRM's JSON, where it may be missing, empty, or of another kind than it should be. Pure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mailmagnet.errors import BadAnswer, Service

Record = Mapping[str, Any]
LONGEST_NUMBER = 40
"""Characters: no amount of anybody's money needs more."""


def text(record: Record, name: str) -> str:
    """A text; "" where there is none."""
    value = record.get(name)
    return value if isinstance(value, str) else ""


def inner(record: Record, name: str) -> Record:
    """The record that a field leads to; an empty one where it leads nowhere, or where the user may not go."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def inner_all(record: Record, name: str) -> list[Record]:
    """The records in a field's list."""
    value = record.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def number(record: Record, name: str) -> Decimal | None:
    """A number as it was written, from a JSON number or a text; None where there is none that is finite."""
    value = record.get(name)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | str | Decimal)
        or len(written := str(value)) > LONGEST_NUMBER
    ):
        return None
    try:
        found = Decimal(written)
    except InvalidOperation:
        return None
    # Written out, 1E+999999 has a million digits.
    return found if found.is_finite() and abs(found.adjusted()) <= LONGEST_NUMBER else None


def day(who: Service, record: Record, name: str) -> date | None:
    """A day, YYYY-MM-DD, or the day of a moment as it is written; None where there is none. Raises BadAnswer for what is neither: a deal
    without its day would get another category."""
    value = text(record, name)
    try:
        return max(date.fromisoformat(value.partition("T")[0].partition(" ")[0]), _FIRST.date()) if value else None
    except ValueError:
        raise BadAnswer(who, "a day is none") from None


def moment(who: Service, record: Record, name: str) -> datetime | None:
    """A moment in ISO 8601; one without its zone is UTC. None where there is none. Raises BadAnswer for what is no moment."""
    value = text(record, name)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise BadAnswer(who, "a moment is none") from None
    return in_every_zone(found if found.tzinfo else found.replace(tzinfo=UTC))


def in_every_zone(at: datetime) -> datetime:
    """A moment that has a day in every zone: "never" is often written as the last one that there is, which has none in the east. The
    first day of all begins nowhere there either."""
    return min(max(at, _FIRST), _LAST)


_FIRST, _LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


def zone(record: Record, name: str) -> ZoneInfo:
    """The time zone of this IANA name; UTC where there is none, or none that is known here: then a day begins some hours early or late,
    which is better than no day."""
    try:
        return ZoneInfo(text(record, name) or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):  # what is no zone's name may be a folder's, or too long for a file's
        return ZoneInfo("UTC")


def is_text(text: str) -> bool:
    """Whether a CRM's database can hold, and so have, a text: without NUL and halves of surrogate pairs."""
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)
