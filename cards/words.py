"""How a card says things: money, days, times and counts as the reader reads them, and text that keeps to one line.

The cards' words are English for now; numbers, money and dates are in the reader's locale. Relative days are words, so English.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from copy import copy
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import localedata
from babel.core import Locale, UnknownLocaleError
from babel.dates import format_skeleton, format_time, format_timedelta
from babel.numbers import NumberPattern, format_compact_currency, format_decimal, get_currency_precision

from mailmagnet.crm import Money
from mailmagnet.identity import Reader
from mailmagnet.visible_text import visible

_WORDS = Locale("en", "GB")
_DAYS_SAID_AS_WORDS = 6
_LONGEST_LOCALE_NAME = 35  # RFC 5646, section 4.4.1
_LONGEST_LANGUAGE = 3  # ISO 639


@lru_cache(maxsize=64)  # a megabyte or two each
def _locale(name: str) -> Locale:
    tag = name.replace("-", "_").split("@")[0].split(".")[0][:_LONGEST_LOCALE_NAME]
    language = tag.split("_")[0]
    if len(language) > _LONGEST_LANGUAGE:  # Babel's own "root" among them, which has no names of months
        return Locale("en")
    for candidate in (tag, language):
        try:
            return _with_its_own_data(Locale.parse(candidate))
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")


def _with_its_own_data(locale: Locale) -> Locale:
    """The locale, its data read from disk anew.

    Babel 2.18 writes what it works out for one locale into what others inherit: after a reader in "ar", September in "ar-JO"
    would have the name it has in Egypt, and some locales leave others without names of months at all.
    """
    localedata._cache.clear()
    _ = locale.character_order  # loads the data
    return locale


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def locale_of(reader: Reader) -> Locale:
    """The reader's locale; its language alone when the rest is not known; English when nothing is."""
    return _locale(reader.locale)


def zone_of(reader: Reader) -> ZoneInfo:
    """The reader's time zone; UTC when it is not known."""
    return _zone(reader.time_zone)


# Text


_OWN_MARKS = "\u2068\u2069\u200e\u200f\u061c"
"""What `isolated` adds, and what amounts and dates have in languages that run from right to left."""
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_JOINER = "\u200d"


def one_line(text: str) -> str:
    """Text on one line: white space is one space; controls, halves of characters, and what hides or turns the direction are gone.

    The cards' own marks of direction stay, and so do spaces that may not break, which numbers have.
    """
    text = visible(text, own_marks=_OWN_MARKS)
    plain = text.replace("\u00a0", "x")
    if plain.isprintable() and text == text.strip() and "  " not in text:  # nearly all text: what follows costs ten times as much
        return text
    kept = "".join(character for character in text if character.isspace() or _can_be_shown(character))
    line = re.sub(r"[^\S\u00a0\u202f]+", " ", kept).strip()
    return line if any(unicodedata.category(character) != "Cf" for character in line) else ""


def _can_be_shown(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cs")


def shortened(text: str, most: int) -> str:
    """Text on one line, of at most `most` characters, with an ellipsis where it is cut; no character is torn from its marks."""
    text = one_line(text)
    if len(text) <= most:
        return text
    cut = most - 1
    while cut > 0 and (_belongs_to_the_one_before(text[cut]) or text[cut - 1] == _JOINER):
        cut -= 1
    return f"{text[:cut].rstrip(' .,;:-–·')}…"


def _belongs_to_the_one_before(character: str) -> bool:
    return character == _JOINER or unicodedata.category(character) in ("Mn", "Me") or "\U0001f3fb" <= character <= "\U0001f3ff"


def isolated(text: str) -> str:
    """Text mixed into a line: what runs from right to left is kept from turning what stands beside it (UAX 9, FSI and PDI)."""
    if not text.isascii() and any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return f"\u2068{text}\u2069"
    return text


def name(text: str, most: int = 200) -> str:
    """A name to mix into a line."""
    return isolated(shortened(visible(text), most))


def facts(*parts: str) -> str:
    """Facts side by side on one line, those that are missing left out."""
    return " · ".join(part for part in parts if part)


# Numbers


def number(value: int | float | Decimal, reader: Reader) -> str:
    return format_decimal(value, locale=locale_of(reader))


def counted(count: int, one: str, many: str, reader: Reader) -> str:
    """A count with its word: "1 deal", "1,200 deals"."""
    return f"{number(count, reader)} {one if _WORDS.plural_form(count) == 'one' else many}"


# Money

_THOUSAND, _TEN_THOUSAND, _MILLION = Decimal(1_000), Decimal(10_000), Decimal(1_000_000)
_ROOM_FOR_ANY_AMOUNT = Context(prec=400, rounding=ROUND_HALF_UP)


def money(amount: Money | None, reader: Reader) -> str:
    """An exact amount with the currency's own decimals, none when it is whole; "" without one."""
    if amount is None or not amount.amount.is_finite():
        return ""
    whole = amount.amount == amount.amount.to_integral_value()
    return _formatted(amount, 0 if whole else get_currency_precision(_code(amount.currency)), reader)


def totals(amounts: Iterable[Money | None], reader: Reader) -> str:
    """Sums as a person would say them, each currency by itself, side by side; "" when there is nothing to add.

    A currency with one amount keeps it to the whole unit, so that it reads like the deal's own line; less than one unit stays exact.
    """
    by_currency: dict[str, list[Decimal]] = defaultdict(list)
    for each in amounts:
        if each is not None and each.amount.is_finite():
            by_currency[each.currency].append(each.amount)
    return facts(*(_total(currency, parts, reader) for currency, parts in by_currency.items()))


def _total(currency: str, parts: list[Decimal], reader: Reader) -> str:
    with localcontext(_ROOM_FOR_ANY_AMOUNT):
        total = sum(parts, Decimal())
        size = abs(total)
        if size < 1:
            return money(Money(total, currency), reader)
        if len(parts) == 1:
            return _formatted(Money(total.to_integral_value(), currency), 0, reader)
        if size >= _MILLION:
            short = format_compact_currency(total, _code(currency), locale=locale_of(reader), fraction_digits=1)
            return isolated(_spaced(short))
        step = Decimal(1) if size < _THOUSAND else Decimal(100) if size < _TEN_THOUSAND else _THOUSAND
        return _formatted(Money((total / step).to_integral_value() * step, currency), 0, reader)


def _formatted(amount: Money, decimals: int, reader: Reader) -> str:
    pattern = _currency_pattern(reader.locale, decimals)
    with localcontext(_ROOM_FOR_ANY_AMOUNT):
        said = pattern.apply(amount.amount, locale_of(reader), currency=_code(amount.currency), currency_digits=False)
    return isolated(_spaced(said))


@lru_cache(maxsize=64)
def _currency_pattern(locale_name: str, decimals: int) -> NumberPattern:
    pattern: NumberPattern = copy(_locale(locale_name).currency_formats["standard"])
    pattern.frac_prec = (decimals, decimals)
    return pattern


def _spaced(said: str) -> str:
    """A space between a currency written in letters and the number after it, as CLDR wants it and Babel leaves out."""
    return re.sub(r"(?<=[^\W\d_])(?=\d)", "\u00a0", said)


def _code(currency: str) -> str:
    return shortened(currency, 12).upper() or "XXX"


# Days and times


def day(when: date, today: date, reader: Reader) -> str:
    """A day, as a word when it is near (today, tomorrow, yesterday, 3 days ago), else short: "30 Nov", "12 Jan 2027"."""
    return _near(when, today) or isolated(_short(when, today, reader, "MMMd"))


def on_day(when: date, today: date, reader: Reader) -> str:
    """A day as it follows a verb: "closes tomorrow", "closes on Mon 30 Nov"."""
    return _near(when, today) or f"on {isolated(_short(when, today, reader, 'MMMEd'))}"


def clock(at: datetime, reader: Reader) -> str:
    """The time of day in the reader's time zone: "09:12"."""
    return isolated(format_time(at.astimezone(zone_of(reader)), "short", locale=locale_of(reader)))


def moment(at: datetime | date, now: datetime, reader: Reader) -> str:
    """A day, or a day with its time while the time still matters: "tomorrow 10:00", "today", "3 days ago", "30 Nov"."""
    today = now.astimezone(zone_of(reader)).date()
    if not isinstance(at, datetime):
        return day(at, today, reader)
    when = at.astimezone(zone_of(reader)).date()
    if when < today - timedelta(days=1):
        return day(when, today, reader)
    return f"{day(when, today, reader)} {clock(at, reader)}"


def received(at: datetime, now: datetime, reader: Reader) -> str:
    """When a mail came, as a mail list says it: the time today, else the day."""
    today, when = now.astimezone(zone_of(reader)).date(), at.astimezone(zone_of(reader)).date()
    return clock(at, reader) if when == today else day(when, today, reader)


def ago(at: datetime, now: datetime) -> str:
    """How long since: "just now", "4 min ago", "3 days ago"."""
    since = max(now - at, timedelta())
    if since < timedelta(minutes=1):
        return "just now"
    return format_timedelta(-since, granularity="minute", threshold=1, add_direction=True, format="short", locale=_WORDS)


def for_long(seconds: float) -> str:
    """A length of time to wait: "30 seconds", "2 minutes"."""
    return format_timedelta(timedelta(seconds=max(seconds, 1)), threshold=1.5, locale=_WORDS)


def start_of(at: datetime | date, reader: Reader) -> datetime:
    """The moment itself, or for a day its beginning where the reader is: so that both stand in one order."""
    if isinstance(at, datetime):
        return at.astimezone(UTC)
    return datetime(at.year, at.month, at.day, tzinfo=zone_of(reader)).astimezone(UTC)


def _near(when: date, today: date) -> str:
    days = (when - today).days
    if days in (0, 1, -1):
        return {0: "today", 1: "tomorrow", -1: "yesterday"}[days]
    if -_DAYS_SAID_AS_WORDS <= days < 0:
        return format_timedelta(timedelta(days=days), granularity="day", threshold=7, add_direction=True, locale=_WORDS)
    return ""


def _short(when: date, today: date, reader: Reader, skeleton: str) -> str:
    return _by_skeleton(when, skeleton if when.year == today.year else "yMMMd", reader.locale)


@lru_cache(maxsize=1024)  # a few days stand in nearly every card
def _by_skeleton(when: date, skeleton: str, locale_name: str) -> str:
    return format_skeleton(skeleton, datetime(when.year, when.month, when.day, tzinfo=UTC), locale=_locale(locale_name))
