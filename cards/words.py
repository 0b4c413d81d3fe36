"""How a card says things: categories, money, days, times and counts as the reader reads them, and text that keeps to one line.

The cards' words are English for now; numbers, money and dates are in the reader's locale. Relative days are words, so English.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import copy
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import localedata
from babel.core import Locale as BabelLocale
from babel.core import UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time, format_timedelta
from babel.numbers import (
    NumberPattern,
    format_compact_currency,
    format_decimal,
    get_currency_precision,
    get_currency_symbol,
)

from mailmagnet.crm import Money
from mailmagnet.identity import Locale
from mailmagnet.visible_text import visible

DELEGATION_PAGE = "Admin console, Security, API controls, Domain-wide delegation"
"""Where a Google admin lets MailMagnet into the mailboxes of all (https://support.google.com/a/answer/162106)."""

_WORDS = BabelLocale("en", "GB")
_DAYS_SAID_AS_WORDS = 6
_A_YEAR = 2024
_A_MONDAY = date(_A_YEAR, 1, 1)
_LONGEST_LOCALE_NAME = 35  # RFC 5646, section 4.4.1
_LONGEST_LANGUAGE = 3  # ISO 639


@lru_cache(maxsize=64)  # a megabyte or two each
def _locale(name: str) -> BabelLocale:
    tag = name.replace("-", "_").split("@")[0].split(".")[0][:_LONGEST_LOCALE_NAME]
    language = tag.split("_")[0]
    if len(language) > _LONGEST_LANGUAGE:  # Babel's own "root" among them, which has no names of months
        return BabelLocale("en")
    for candidate in (tag, language):
        try:
            return _with_its_own_data(BabelLocale.parse(candidate))
        except (UnknownLocaleError, ValueError):
            continue
    return BabelLocale("en")


def _with_its_own_data(locale: BabelLocale) -> BabelLocale:
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


def babel_locale_of(locale: Locale) -> BabelLocale:
    """The reader's locale; its language alone when the rest is not known; English when nothing is."""
    return _locale(locale.language)


def zone_of(locale: Locale) -> ZoneInfo:
    """The reader's time zone; UTC when it is not known."""
    return _zone(locale.time_zone)


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
    shown = "".join(character for character in text if character.isspace() or _can_be_shown(character))
    line = re.sub(r"[^\S\u00a0\u202f]+", " ", shown).strip()
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
    """Text mixed into a line: what runs from right to left is shown from turning what stands beside it (UAX 9, FSI and PDI)."""
    if not text.isascii() and any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return f"\u2068{text}\u2069"
    return text


def name(text: str, most: int = 200) -> str:
    """A name to mix into a line."""
    return isolated(shortened(visible(text), most))


def facts(*parts: str) -> str:
    """Facts side by side on one line, those that are missing left out."""
    there = [part for part in parts if part]
    return left_to_right(" · ".join(there)) if len(there) > 1 else "".join(there)


def left_to_right(line: str) -> str:
    """A line that runs from left to right, also when the name that it begins with does not (UAX 9, LRM)."""
    return f"\u200e{line}" if line.startswith("\u2068") else line


def together(parts: Sequence[str]) -> str:
    """ "notes", "notes and calls", "notes, calls and meetings"."""
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else "".join(parts)


def possessive(name: str) -> str:
    """Whose something is: "Kim’s"."""
    return f"{name}’s" if name else ""


# Numbers


@lru_cache(maxsize=512)  # small counts stand in nearly every card
def number(value: int | float | Decimal, locale: Locale) -> str:
    return format_decimal(value, locale=babel_locale_of(locale))


def counted(count: int, one: str, many: str, locale: Locale) -> str:
    """A count with its word: "1 deal", "1,200 deals"."""
    return f"{number(count, locale)} {one if _WORDS.plural_form(count) == 'one' else many}"


_UNITS = ((1_000_000, "MB"), (1_000, "KB"))


def size(in_bytes: int, locale: Locale) -> str:
    """How large a file is: "1.2 MB", "340 KB", "12 bytes"."""
    for unit, name_of_unit in _UNITS:
        if in_bytes >= unit:
            return f"{number(round(in_bytes / unit, 1 if in_bytes < 10 * unit else None), locale)}\u00a0{name_of_unit}"
    return counted(max(in_bytes, 0), "byte", "bytes", locale)


# Money

_MILLION = Decimal(1_000_000)
_ROOM_FOR_ANY_AMOUNT = Context(prec=400, rounding=ROUND_HALF_UP)


def money(amount: Money | None, locale: Locale) -> str:
    """An exact amount with the currency's own decimals, none when it is whole; "" without one. Without a currency it is a number."""
    if amount is None or not amount.amount.is_finite():
        return ""
    whole = amount.amount == amount.amount.to_integral_value()
    return _formatted(amount, 0 if whole else get_currency_precision(_code(amount.currency)), locale)


def totals(amounts: Iterable[Money | None], locale: Locale) -> str:
    """Sums, each currency by itself: "€36,000 and ¥4.8M"; "" when there is nothing to add.

    They are to the whole unit, from a million on to a tenth of it; less than one unit stays exact.
    """
    by_currency: dict[str, list[Decimal]] = defaultdict(list)
    for each in amounts:
        if each is not None and each.amount.is_finite():
            by_currency[each.currency].append(each.amount)
    return together([_total(currency, parts, locale) for currency, parts in by_currency.items()])


def _total(currency: str, parts: list[Decimal], locale: Locale) -> str:
    with localcontext(_ROOM_FOR_ANY_AMOUNT):
        total = sum(parts, Decimal())
        size = abs(total)
        if size < 1:
            return money(Money(total, currency), locale)
        if size < _MILLION:
            return _formatted(Money(total.to_integral_value(), currency), 0, locale)
        short = format_compact_currency(total, _code(currency), locale=babel_locale_of(locale), fraction_digits=1)
        return isolated(_spaced(_without_a_sign(short)))


def _formatted(amount: Money, decimals: int, locale: Locale) -> str:
    pattern = _currency_pattern(locale.language, _code(amount.currency), decimals)
    with localcontext(_ROOM_FOR_ANY_AMOUNT):
        return isolated(_without_a_sign(pattern.apply(amount.amount, babel_locale_of(locale))))


@lru_cache(maxsize=256)
def _currency_pattern(locale_name: str, code: str, decimals: int) -> NumberPattern:
    """How the locale writes amounts of one currency, its sign put in: Babel looks for sign and name anew at each amount."""
    locale = _locale(locale_name)
    pattern: NumberPattern = copy(locale.currency_formats["standard"])
    sign = get_currency_symbol(code, locale)
    before, before_minus = (_spaced(f"{part.replace('¤', sign)}0")[:-1] for part in pattern.prefix)
    after, after_minus = (part.replace("¤", sign) for part in pattern.suffix)
    pattern.prefix, pattern.suffix = (before, before_minus), (after, after_minus)
    pattern.frac_prec = (decimals, decimals)
    return pattern


def _spaced(said: str) -> str:
    """A space between a currency written in letters and the number after it, as CLDR wants it and Babel leaves out."""
    return re.sub(r"(?<=[^\W\d_])(?=\d)", "\u00a0", said)


def _code(currency: str) -> str:
    return shortened(currency, 12).upper() or "XXX"


def _without_a_sign(said: str) -> str:
    """CLDR's sign for no currency (XXX) tells a reader nothing."""
    return said.replace("¤\u00a0", "").replace("¤", "").strip() if "¤" in said else said


# Days and times


def day(when: date, today: date, locale: Locale) -> str:
    """A day, as a word when it is near (today, tomorrow, Mon, yesterday, 3 days ago), else short: "30 Nov", "12 Jan 2027"."""
    if near := _near(when, today):
        return near
    if today < when <= today + timedelta(days=_DAYS_SAID_AS_WORDS):
        return isolated(_by_pattern(_A_MONDAY + timedelta(days=when.weekday()), "ccc", locale.language))
    return isolated(_by_skeleton(when, "MMMd" if when.year == today.year else "yMMMd", locale.language))


def until(when: date, today: date, locale: Locale) -> str:
    """A day to come, with how far off it is where that is near: "tomorrow", "Mon (6 days)", "30 Nov"."""
    days = (when - today).days
    said = day(when, today, locale)
    return f"{said} ({days} days)" if 1 < days <= _DAYS_SAID_AS_WORDS else said


def late(since: date, today: date, locale: Locale) -> str:
    """How long something should have been done: "24 days late"."""
    return f"{counted((today - since).days, 'day', 'days', locale)} late"


def month(when: date, locale: Locale) -> str:
    """A month's name, standing alone: "November"."""
    return isolated(_by_pattern(when.replace(year=_A_YEAR, day=1), "LLLL", locale.language))


def clock(at: datetime, locale: Locale) -> str:
    """The time of day in the reader's time zone: "09:12"."""
    return isolated(format_time(at.astimezone(zone_of(locale)), "short", locale=babel_locale_of(locale)))


def moment(at: datetime | date, now: datetime, locale: Locale) -> str:
    """A day, or a day with its time while the time still matters: "tomorrow 10:00", "today", "3 days ago", "30 Nov"."""
    today = now.astimezone(zone_of(locale)).date()
    if not isinstance(at, datetime):
        return day(at, today, locale)
    when = at.astimezone(zone_of(locale)).date()
    if when < today - timedelta(days=1):
        return day(when, today, locale)
    return f"{day(when, today, locale)} {clock(at, locale)}"


def exactly(at: datetime, locale: Locale) -> str:
    """A moment for who may be anywhere, with its zone: "30 Nov 2026, 09:12 CET"."""
    there = at.astimezone(zone_of(locale))
    zone = there.tzname() or "UTC"
    day_there = isolated(_by_skeleton(there.date(), "yMMMd", locale.language))
    return f"{day_there}, {clock(at, locale)} {zone if zone.isalpha() else f'UTC{zone}'}"


def received(at: datetime, now: datetime, locale: Locale) -> str:
    """When a mail came: today how long ago, else the day."""
    today, when = now.astimezone(zone_of(locale)).date(), at.astimezone(zone_of(locale)).date()
    return ago(at, now) if when == today else day(when, today, locale)


def ago(at: datetime, now: datetime) -> str:
    """How long since: "just now", "4 min ago", "3 days ago"."""
    since = max(now - at, timedelta())
    if since < timedelta(minutes=1):
        return "just now"
    return format_timedelta(-since, granularity="minute", threshold=1, add_direction=True, format="short", locale=_WORDS)


def for_long(seconds: float) -> str:
    """A length of time to wait: "30 seconds", "2 minutes"."""
    return format_timedelta(timedelta(seconds=max(seconds, 1)), threshold=1.5, locale=_WORDS)


def start_of(at: datetime | date, locale: Locale) -> datetime:
    """The moment itself, or for a day its beginning where the reader is: so that both stand in one order."""
    if isinstance(at, datetime):
        return at.astimezone(UTC)
    return datetime(at.year, at.month, at.day, tzinfo=zone_of(locale)).astimezone(UTC)


def _near(when: date, today: date) -> str:
    days = (when - today).days
    if days in (0, 1, -1):
        return {0: "today", 1: "tomorrow", -1: "yesterday"}[days]
    if -_DAYS_SAID_AS_WORDS <= days < 0:
        return format_timedelta(timedelta(days=days), granularity="day", threshold=7, add_direction=True, locale=_WORDS)
    return ""


@lru_cache(maxsize=1024)  # a few days stand in nearly every card
def _by_skeleton(when: date, skeleton: str, locale_name: str) -> str:
    return format_skeleton(skeleton, datetime(when.year, when.month, when.day, tzinfo=UTC), locale=_locale(locale_name))


@lru_cache(maxsize=512)
def _by_pattern(when: date, pattern: str, locale_name: str) -> str:
    """For names of weekdays and months: `when` is any day that has the name."""
    return format_date(when, pattern, locale=_locale(locale_name))
