"""The categories: examples at the edges of months and time zones, and properties of any deals."""

import random
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailmagnet.categories import Category, decide, decide_for_address, month_of, rank, today_in
from mailmagnet.crm import Contact, Deal, DealState

CTM, OPEN, CUSTOMER = Category.CLOSING_THIS_MONTH, Category.OPEN_DEALS, Category.CUSTOMER
DAYS = st.dates(date(1970, 1, 1), date(2200, 12, 31))
STATES = st.sampled_from(DealState)
DEALS = st.builds(
    Deal,
    id=st.text("0123456789", min_size=1, max_size=3),
    name=st.sampled_from(["Renewal", "Pilot", "Lost in name only", "Won?"]),
    stage=st.sampled_from(["Closed Won", "Closed Lost", "Negotiation"]),
    state=STATES,
    closing=st.none() | DAYS,
)
SOME_DEALS = st.lists(DEALS, max_size=6, unique_by=lambda deal: deal.id)


def deal(state: DealState, closing: date | None, name: str = "Renewal") -> Deal:
    return Deal(id=name, name=name, stage="whatever", state=state, closing=closing)


def category(*deals: Deal, today: date) -> Category | None:
    decision = decide(deals, today)
    return decision.category if decision else None


def test_the_labels_are_named_as_the_seed_names_them() -> None:
    assert [category.label for category in Category] == ["Deals Closing This Month (CTM)", "Open Deals", "Customer"]


@pytest.mark.parametrize(
    ("today", "closing", "expected"),
    [
        (date(2026, 11, 30), date(2026, 11, 30), CTM),
        (date(2026, 11, 1), date(2026, 11, 30), CTM),
        (date(2026, 11, 30), date(2026, 11, 1), CTM),
        (date(2026, 11, 30), date(2026, 12, 1), OPEN),
        (date(2026, 12, 1), date(2026, 11, 30), OPEN),
        (date(2026, 12, 31), date(2027, 1, 1), OPEN),
        (date(2027, 1, 1), date(2026, 12, 31), OPEN),
        (date(2026, 11, 15), date(2025, 11, 15), OPEN),
        (date(2028, 2, 1), date(2028, 2, 29), CTM),
        (date(2028, 2, 29), date(2028, 2, 1), CTM),
        (date(2028, 3, 1), date(2028, 2, 29), OPEN),
        (date(2027, 2, 28), date(2027, 3, 1), OPEN),
        (date(2100, 2, 28), date(2100, 3, 1), OPEN),
        (date(2026, 11, 15), None, OPEN),
    ],
)
def test_an_open_deal_by_its_closing_date(today: date, closing: date | None, expected: Category) -> None:
    assert category(deal(DealState.OPEN, closing), today=today) is expected


@pytest.mark.parametrize(
    ("zone", "now", "today"),
    [
        ("UTC", datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), date(2026, 11, 30)),
        ("Pacific/Kiritimati", datetime(2026, 11, 30, 10, 0, tzinfo=UTC), date(2026, 12, 1)),
        ("Pacific/Pago_Pago", datetime(2026, 12, 1, 10, 59, tzinfo=UTC), date(2026, 11, 30)),
        ("Europe/Vienna", datetime(2026, 11, 30, 23, 0, tzinfo=UTC), date(2026, 12, 1)),
        ("America/New_York", datetime(2028, 3, 1, 4, 59, tzinfo=UTC), date(2028, 2, 29)),
        ("Asia/Kathmandu", datetime(2026, 12, 31, 18, 15, tzinfo=UTC), date(2027, 1, 1)),
        ("Europe/Vienna", datetime(2026, 11, 30, 23, 30, tzinfo=ZoneInfo("America/New_York")), date(2026, 12, 1)),
    ],
)
def test_today_is_the_organisations(zone: str, now: datetime, today: date) -> None:
    assert today_in(zone, now) == today


def test_the_same_moment_is_in_two_months_in_two_time_zones() -> None:
    now = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    closing_in_november = deal(DealState.OPEN, date(2026, 11, 30))
    assert category(closing_in_november, today=today_in("America/New_York", now)) is CTM
    assert category(closing_in_november, today=today_in("Europe/Vienna", now)) is OPEN


def test_won_and_lost_deals_do_not_close_this_month() -> None:
    today = date(2026, 11, 15)
    assert category(deal(DealState.WON, today), today=today) is CUSTOMER
    assert category(deal(DealState.LOST, today), today=today) is None
    assert category(deal(DealState.LOST, today), deal(DealState.WON, None), today=today) is CUSTOMER
    assert category(deal(DealState.WON, today), deal(DealState.OPEN, None), today=today) is OPEN


def test_the_reason_is_the_deal_that_closes_first_and_the_one_won_last() -> None:
    today = date(2026, 11, 15)
    late, soon = deal(DealState.OPEN, date(2026, 11, 28), "late"), deal(DealState.OPEN, date(2026, 11, 20), "soon")
    overdue = deal(DealState.OPEN, date(2026, 10, 1), "overdue")
    first, last = deal(DealState.WON, date(2024, 1, 1), "first"), deal(DealState.WON, date(2025, 1, 1), "last")
    decision = decide([late, soon, overdue, first, last], today)
    assert decision
    assert decision.because is soon
    won = decide([last, first], today)
    assert won
    assert won.because is last


def expected_category(deals: list[Deal], today: date) -> Category | None:
    """The table of the design, row by row."""
    still_open = [each for each in deals if each.state is DealState.OPEN]
    if any(each.closing and (each.closing.year, each.closing.month) == (today.year, today.month) for each in still_open):
        return CTM
    if still_open:
        return OPEN
    return CUSTOMER if any(each.state is DealState.WON for each in deals) else None


@settings(deadline=None)
@given(SOME_DEALS, DAYS)
@example([deal(DealState.OPEN, date(2028, 2, 29))], date(2028, 2, 1))
def test_any_deals_are_decided_by_the_table(deals: list[Deal], today: date) -> None:
    decision = decide(deals, today)
    assert (decision.category if decision else None) is expected_category(deals, today)
    if decision:
        assert decision.because in deals
        assert category(decision.because, today=today) is decision.category


@settings(deadline=None)
@given(SOME_DEALS, DAYS, st.randoms())
def test_the_order_of_deals_makes_no_difference(deals: list[Deal], today: date, chance: random.Random) -> None:
    mixed = chance.sample(deals, len(deals))
    assert decide(mixed, today) == decide(deals, today)


@settings(deadline=None)
@given(SOME_DEALS, SOME_DEALS, DAYS)
def test_lost_deals_count_for_nothing(deals: list[Deal], others: list[Deal], today: date) -> None:
    lost = [each for each in others if each.state is DealState.LOST]
    assert decide(deals + lost, today) == decide(deals, today)


@settings(deadline=None)
@given(SOME_DEALS, DEALS, DAYS)
def test_a_further_deal_never_lowers_the_category(deals: list[Deal], further: Deal, today: date) -> None:
    assert rank(category(*deals, further, today=today)) <= rank(category(*deals, today=today))


@settings(deadline=None)
@given(st.lists(SOME_DEALS, max_size=4), DAYS)
def test_contacts_with_one_address_have_the_highest_category_of_all(deals_of_each: list[list[Deal]], today: date) -> None:
    contacts = [
        Contact(id=str(number), name="Ada", addresses=("ada@x.example",), deals=tuple(deals))
        for number, deals in enumerate(deals_of_each)
    ]
    decision = decide_for_address(contacts, today)
    ranks = [rank(category(*deals, today=today)) for deals in deals_of_each]
    assert rank(decision.category if decision else None) == min(ranks, default=rank(None))


@settings(deadline=None)
@given(DAYS)
@example(date(2028, 2, 29))
@example(date(2000, 2, 29))
@example(date(2100, 2, 28))
def test_a_month_goes_from_its_first_day_to_its_last(day: date) -> None:
    first, last = month_of(day)
    assert first <= day <= last
    assert first.day == 1
    assert (last + timedelta(days=1)).day == 1
    assert (last - first).days + 1 == monthrange(day.year, day.month)[1]


ZONES = st.sampled_from(["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Vienna", "Asia/Kathmandu", "America/St_Johns"])


@settings(deadline=None)
@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), ZONES)  # noqa: DTZ001
def test_today_is_at_most_a_day_from_utcs_and_never_goes_back(now: datetime, zone: str) -> None:
    today = today_in(zone, now)
    assert abs((today - now.date()).days) <= 1
    assert today_in(zone, now + timedelta(hours=1)) >= today
    assert today_in(zone, now + timedelta(days=2)) > today


def test_a_deal_that_is_still_to_close_is_a_better_reason_than_one_that_should_have() -> None:
    overdue, coming = deal(DealState.OPEN, date(2026, 11, 3)), deal(DealState.OPEN, date(2026, 11, 30))
    decision = decide([overdue, coming], date(2026, 11, 23))
    assert decision
    assert decision.because == coming
