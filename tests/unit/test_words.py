"""How a card says money, days, times and counts, for every kind of reader; and text that keeps to its line."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards import words
from mailmagnet.crm import Money
from mailmagnet.identity import Locale

ENGLISH = Locale("en-GB", "Europe/London")
GERMAN = Locale("de-AT", "Europe/Vienna")
TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

LOCALES = ["en", "en-GB", "de-AT", "fr-CA", "pt-BR", "ja", "zh-Hant-TW", "he", "iw", "ar", "fa", "hi", "en-IN", "sv", "ru", "th"]
ODD_LOCALES = ["xx", "", "en_US@posix", "root", "C", "../etc", "a" * 500, "en-", "-", "en_XX", "und", "é", "\ud800"]


def euros(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


@pytest.mark.parametrize(
    ("amount", "locale", "said"),
    [
        (euros("36000"), ENGLISH, "€36,000"),
        (euros("36000.00"), ENGLISH, "€36,000"),
        (euros("1234.5"), ENGLISH, "€1,234.50"),
        (euros("-20"), ENGLISH, "-€20"),
        (euros("36000"), Locale("de-DE"), "36.000\u00a0€"),
        (Money(Decimal("1234.5"), "JPY"), ENGLISH, "JP¥1,235"),
        (Money(Decimal("1.234"), "KWD"), ENGLISH, "KWD\u00a01.234"),
        (Money(Decimal("5"), "usd"), Locale("en"), "$5"),
        (Money(Decimal("5"), "XBITS"), Locale("en"), "XBITS\u00a05"),
        (Money(Decimal("1234.5"), ""), ENGLISH, "1,234.50"),
        (Money(Decimal("-1234"), " "), GERMAN, "-1.234"),
        (Money(Decimal("NaN"), "EUR"), ENGLISH, ""),
        (None, ENGLISH, ""),
    ],
)
def test_money_is_exact_with_the_currencys_own_decimals(amount: Money | None, locale: Locale, said: str) -> None:
    assert words.money(amount, locale) == said


@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        (["36000", "12000"], "€48,000"),
        (["1250"], "€1,250"),
        (["1250.75"], "€1,251"),
        (["12345"], "€12,345"),
        (["0.20", "0.20"], "€0.40"),
        (["400.40", "300.30"], "€701"),
        (["12000", "4800"], "€16,800"),
        (["90000.20", "1240"], "€91,240"),
        (["999999"], "€999,999"),
        (["900000", "148312"], "€1M"),
        (["1200000", "34567"], "€1.2M"),
        (["4800000"], "€4.8M"),
        ([], ""),
    ],
)
def test_totals_are_to_the_whole_unit_and_from_a_million_on_short(amounts: list[str], said: str) -> None:
    assert words.totals([euros(amount) for amount in amounts], ENGLISH) == said


def test_currencies_stand_side_by_side() -> None:
    amounts = [euros("30000"), Money(Decimal(5000), "USD"), None, euros("6000")]
    assert words.totals(amounts, Locale("en")) == "€36,000 and $5,000"
    assert words.totals([Money(Decimal(1_250_000), ""), Money(Decimal(5), "")], Locale("de")) == "1,3\u00a0Mio."
    assert words.totals([*amounts, Money(Decimal(4800000), "JPY")], Locale("en")) == "€36,000, $5,000 and ¥4.8M"


@given(st.lists(st.tuples(st.decimals(-(10**12), 10**12, places=2), st.sampled_from(["EUR", "USD", "JPY"]))))
def test_there_is_one_total_for_each_currency(amounts: list[tuple[Decimal, str]]) -> None:
    said = words.totals([Money(*each) for each in amounts], ENGLISH)
    assert len(re.split(", | and ", said) if said else []) == len({currency for _, currency in amounts})


@pytest.mark.parametrize(
    ("when", "day", "until"),
    [
        (TODAY, "today", "today"),
        (TODAY + timedelta(days=1), "tomorrow", "tomorrow"),
        (TODAY + timedelta(days=2), "Sun", "Sun (2 days)"),
        (TODAY + timedelta(days=6), "Thu", "Thu (6 days)"),
        (TODAY + timedelta(days=7), "27 Nov", "27 Nov"),
        (date(2027, 1, 12), "12 Jan 2027", "12 Jan 2027"),
        (TODAY - timedelta(days=1), "yesterday", "yesterday"),
        (TODAY - timedelta(days=3), "3 days ago", "3 days ago"),
        (TODAY - timedelta(days=6), "6 days ago", "6 days ago"),
        (TODAY - timedelta(days=7), "13 Nov", "13 Nov"),
    ],
)
def test_days_near_now_are_words(when: date, day: str, until: str) -> None:
    assert words.day(when, TODAY, ENGLISH) == day
    assert words.until(when, TODAY, ENGLISH) == until


@pytest.mark.parametrize(
    ("days", "locale", "said"), [(1, ENGLISH, "1 day late"), (24, ENGLISH, "24 days late"), (1200, GERMAN, "1.200 days late")]
)
def test_how_long_overdue(days: int, locale: Locale, said: str) -> None:
    assert words.late(TODAY - timedelta(days=days), TODAY, locale) == said


@pytest.mark.parametrize(
    ("locale", "weekday", "month"),
    [
        ("en", "Mon", "November"),
        ("de", "Mo", "November"),
        ("fr", "lun.", "novembre"),
        ("ja", "月", "11月"),
        ("ru", "пн", "ноябрь"),
    ],
)
def test_weekdays_and_months_are_in_the_readers_locale(locale: str, weekday: str, month: str) -> None:
    assert words.day(date(2026, 11, 23), TODAY, Locale(locale)) == weekday
    assert words.month(TODAY, Locale(locale)) == month


@pytest.mark.parametrize(
    ("locale", "said"), [("en-US", "Nov 30"), ("de", "30. Nov."), ("fr", "30 nov."), ("ja", "11月30日"), ("es-419", "30 nov")]
)
def test_days_further_off_are_in_the_readers_locale(locale: str, said: str) -> None:
    assert words.day(date(2026, 11, 30), TODAY, Locale(locale)) == said


def test_moments_are_in_the_readers_time_zone() -> None:
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert words.moment(late, NOW, Locale("en-GB", "UTC")) == "today 23:30"
    assert words.moment(late, NOW, Locale("en-GB", "Europe/Paris")) == "tomorrow 00:30"
    assert words.moment(late - timedelta(days=3), NOW, ENGLISH) == "3 days ago"
    assert words.moment(date(2026, 11, 21), NOW, ENGLISH) == "tomorrow"
    assert words.received(NOW - timedelta(hours=1), NOW, GERMAN) == "1 hr ago"
    assert words.received(NOW - timedelta(days=1), NOW, GERMAN) == "yesterday"


@pytest.mark.parametrize(
    ("since", "said"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=4, seconds=20), "4 min ago"),
        (timedelta(hours=5), "5 hr ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_how_long_ago(since: timedelta, said: str) -> None:
    assert words.ago(NOW - since, NOW) == said


@pytest.mark.parametrize(("seconds", "said"), [(0, "1 second"), (1, "1 second"), (30, "30 seconds"), (120, "2 minutes")])
def test_how_long_to_wait(seconds: float, said: str) -> None:
    assert words.for_long(seconds) == said


@pytest.mark.parametrize(
    ("count", "locale", "said"),
    [(0, ENGLISH, "0 deals"), (1, ENGLISH, "1 deal"), (2, ENGLISH, "2 deals"), (1200, Locale("de-DE"), "1.200 deals")],
)
def test_counts_have_their_plural(count: int, locale: Locale, said: str) -> None:
    assert words.counted(count, "deal", "deals", locale) == said


@pytest.mark.parametrize(
    ("locale", "language"),
    [("xx", "en"), ("", "en"), ("zh-Hant-TW", "zh"), ("en_US@posix", "en"), ("iw", "he"), ("de-XX", "de"), ("root", "en")],
)
def test_locales_fall_back_to_what_is_known(locale: str, language: str) -> None:
    assert words.babel_locale_of(Locale(locale)).language == language


def test_one_readers_locale_does_not_change_anothers() -> None:
    september = date(2026, 9, 30)
    assert "سبتمبر" in words.day(september, date(2026, 9, 1), Locale("ar"))
    assert "أيلول" in words.day(september, date(2026, 9, 1), Locale("ar-JO"))


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "Europe", "\x00", "é"])
def test_an_unknown_time_zone_is_utc(zone: str) -> None:
    assert words.zone_of(Locale("en", zone)).key == "UTC"


@settings(deadline=None)
@given(
    st.sampled_from([*LOCALES, *ODD_LOCALES]),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.text(max_size=15),
    st.dates(date(1, 1, 3), date(9999, 12, 28)),
)
def test_everything_can_be_said_to_everybody(language: str, amount: Decimal, currency: str, when: date) -> None:
    locale = Locale(language, "Asia/Tokyo")
    said = [
        words.money(Money(amount, currency), locale),
        words.totals([Money(amount, currency)] * 2, locale),
        words.day(when, TODAY, locale),
        words.until(when, TODAY, locale),
        words.late(when, TODAY, locale),
        words.month(when, locale),
        words.moment(NOW, NOW, locale),
    ]
    assert all("None" not in each and "\n" not in each for each in said)
    assert all(said[2:])


@pytest.mark.parametrize(
    ("parts", "said"), [([], ""), (["notes"], "notes"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_what_belongs_together_is_told_together(parts: list[str], said: str) -> None:
    assert words.together(parts) == said


def test_whose_something_is() -> None:
    assert (words.possessive("Kim"), words.possessive("")) == ("Kim’s", "")


def test_day_and_moment_stand_in_one_order() -> None:
    locale = Locale("en", "America/New_York")
    tomorrow = words.start_of(date(2026, 11, 21), locale)
    assert tomorrow == datetime(2026, 11, 21, tzinfo=timezone(timedelta(hours=-5)))


# Text


@pytest.mark.parametrize(
    ("text", "most", "said"),
    [
        ("Ada Lovelace", 12, "Ada Lovelace"),
        ("Ada Lovelace", 11, "Ada Lovela…"),
        ("Ada, Lovelace", 6, "Ada…"),
        ("Wants\n\tinvoice  soon ", 40, "Wants invoice soon"),
        ("ab\u0301cdef", 3, "a…"),
        ("a👩\u200d💻bcdef", 4, "a…"),
        ("a👍🏽bcdefg", 3, "a…"),
    ],
)
def test_long_text_is_shortened_between_characters(text: str, most: int, said: str) -> None:
    assert words.shortened(text, most) == said


@given(st.text(), st.integers(1, 50))
def test_shortened_text_keeps_to_its_length_and_line(text: str, most: int) -> None:
    short = words.shortened(text, most)
    assert len(short) <= most
    assert len(short.splitlines()) <= 1
    short.encode()


def test_halves_of_characters_are_left_out() -> None:
    assert words.one_line("a\ud800b\x00c\x07") == "abc"


def test_names_from_right_to_left_do_not_turn_their_line() -> None:
    assert words.name("Ada") == "Ada"
    assert words.name("עדה") == "\u2068עדה\u2069"
    assert words.name("\u202eevil\u2069\u2068") == "evil"
    assert words.facts(words.name("עדה"), "", "Analytical") == "\u200e\u2068עדה\u2069 · Analytical"
    assert words.facts("Analytical", words.name("עדה")) == "Analytical · \u2068עדה\u2069"
    assert words.facts(words.name("עדה")) == "\u2068עדה\u2069"


@pytest.mark.parametrize(
    "text", ["Ada\u200bLove\u00adlace", "\ufeffAdaLovelace\u2060", "Ada\U000e0065\U000e0076Lovelace\ufe0f", "Ada\u202eLovelace"]
)
def test_nothing_hides_in_a_text(text: str) -> None:
    assert words.name(text) == words.one_line(text) == "AdaLovelace"


@pytest.mark.parametrize("text", ["علی‌رضا", "ශ්‍රී", "Ada 👩🏽‍⚕️", "1\ufe0f\u20e3 Ltd", "葛\U000e0100城"])
def test_what_a_language_or_an_emoji_needs_stays(text: str) -> None:
    assert words.one_line(text) == text
    assert words.name(text) in {text, f"\u2068{text}\u2069"}


def test_a_names_own_marks_of_direction_go_and_an_amounts_stay() -> None:
    assert words.name("Ada\u200e\u200f\u061c\u2068\u2069") == "Ada"
    amount = words.money(euros("36000"), Locale("he"))
    assert "\u200f" in amount
    assert words.one_line(amount) == amount


def test_missing_facts_leave_no_dot_behind() -> None:
    assert words.facts("", "Analytical", "") == "Analytical"
    assert words.facts("", "") == ""
