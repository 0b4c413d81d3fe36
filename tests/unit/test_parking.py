"""Who is parked, who is forgotten, and who is not: a table of moments, and what no moments may ever do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmagnet.parking import PARKED_FOR, SHUT_OUT_FOR, UNOPENED_FOR, admin_told, after_a_day, is_unopened, opened, parked
from mailmagnet.store import Mailbox, Parked, ParkedFor, Presence, Reason, RunCounts, Trouble

NOW = datetime(2026, 11, 30, 9, 25, tzinfo=UTC)
TODAY = datetime(2026, 11, 30, tzinfo=UTC)
A_DAY = timedelta(days=1)


def at(days: float) -> datetime:
    return NOW - timedelta(days=days)


def mailbox(presence: Presence, reason: Reason | None = None, since: float = 0) -> Mailbox:
    trouble = Trouble(reason, "Gmail", at(since), 1, None) if reason else None
    return Mailbox("corp.example", "1", "ada@corp.example", RunCounts(NOW), trouble=trouble, presence=presence)


PARKED_GONE, PARKED_UNOPENED = Parked(NOW, ParkedFor.GONE), Parked(NOW, ParkedFor.NOT_OPENED)


@pytest.mark.parametrize(
    ("opened_days_ago", "told", "reason", "since", "becomes"),
    [
        (0, False, None, 0, None),
        (89, True, None, 0, None),
        (90, False, None, 0, None),
        (400, False, None, 0, None),
        (90, True, None, 0, PARKED_UNOPENED),
        (29, False, Reason.CONSENT, 60, None),
        (60, False, Reason.CONSENT, 29, None),
        (30, False, Reason.CONSENT, 30, PARKED_GONE),
        (30, False, Reason.GMAIL_REFUSES, 30, PARKED_GONE),
        (60, False, Reason.FAILING, 60, None),
        (60, False, Reason.CRM_SIGN_IN, 60, None),
        (60, False, Reason.CRM_PERMISSION, 60, None),
    ],
)
def test_a_mailbox_is_parked_for_a_reason_alone(
    opened_days_ago: float, told: bool, reason: Reason | None, since: float, becomes: Parked | None
) -> None:
    before = Presence("c1", opened_at=at(opened_days_ago), admin_told_at=at(1) if told else None)
    assert after_a_day(mailbox(before, reason, since), NOW) == replace(before, parked=becomes)


def test_a_consent_that_ended_says_nothing_of_a_user_who_is_here() -> None:
    """Whoever opens the panel now and then and does not consent anew is never taken for gone."""
    presence = Presence(opened_at=at(200))
    for day in range(200, 0, -1):
        if day % 25 == 0:
            presence = opened(presence, at(day))
        presence = after_a_day(mailbox(presence, Reason.CONSENT, 200), at(day))
        assert presence.parked is None


def test_who_was_never_seen_is_counted_from_now() -> None:
    seen = after_a_day(mailbox(Presence(), Reason.CONSENT, 400), NOW)
    assert seen == Presence(opened_at=TODAY)
    assert after_a_day(mailbox(seen, Reason.CONSENT, 400), NOW + SHUT_OUT_FOR - A_DAY).parked is None


@pytest.mark.parametrize("why", ParkedFor)
def test_who_is_parked_is_forgotten_after_thirty_days(why: ParkedFor) -> None:
    presence = Presence(opened_at=at(300), admin_told_at=at(100), parked=Parked(at(29), why))
    assert after_a_day(mailbox(presence), NOW) == presence
    leaving = after_a_day(mailbox(presence), NOW + A_DAY)
    assert leaving == replace(presence, leaving_since=NOW + A_DAY)
    assert after_a_day(mailbox(leaving), NOW + 2 * A_DAY) == leaving


def test_the_whole_time_line_from_the_last_opening_to_the_end() -> None:
    presence, days = opened(Presence(), NOW), []
    for day in range(1, 200):
        now = NOW + day * A_DAY
        if is_unopened(presence, now) and not presence.admin_told_at:
            days.append(("unopened", day))
            if day == 120:
                presence = admin_told(presence, now)
        presence = after_a_day(mailbox(presence), now)
        days += [("parked", day)] if presence.parked and presence.parked.since == now else []
        if presence.leaving_since:
            days.append(("leaving", day))
            break
    assert days[0] == ("unopened", 90)
    assert days[-3:] == [("unopened", 120), ("parked", 120), ("leaving", 150)]


def test_opening_ends_parking_and_the_admins_notice_but_not_a_leaving() -> None:
    presence = Presence("c1", at(100), {"": 2}, at(3), at(9), Parked(at(2), ParkedFor.NOT_OPENED), at(1))
    here = Presence("c1", TODAY, {"": 2}, at(3), None, None, at(1))
    assert opened(presence, NOW) == here
    assert parked(here, ParkedFor.GONE, NOW) == here


def test_an_admin_is_told_of_no_one_who_was_here_and_the_first_time_counts() -> None:
    assert admin_told(Presence(opened_at=at(89)), NOW) == Presence(opened_at=at(89))
    assert admin_told(Presence(), NOW) == Presence()
    told = admin_told(Presence(opened_at=at(90)), NOW)
    assert told.admin_told_at == NOW
    assert admin_told(told, NOW + A_DAY) == told


MOMENTS = st.none() | st.integers(0, 400).map(at)
PRESENCES = st.builds(
    Presence,
    opened_at=MOMENTS,
    admin_told_at=MOMENTS,
    parked=st.none() | st.builds(Parked, st.integers(0, 100).map(at), st.sampled_from(ParkedFor)),
    leaving_since=st.none() | st.just(at(1)),
)
REASONS = st.none() | st.sampled_from(Reason)


@given(PRESENCES, REASONS, st.integers(0, 400))
def test_a_second_look_on_the_same_day_changes_nothing(presence: Presence, reason: Reason | None, since: int) -> None:
    once = after_a_day(mailbox(presence, reason, since), NOW)
    assert after_a_day(mailbox(once, reason, since), NOW) == once


@given(PRESENCES, REASONS, st.integers(0, 400))
def test_nobody_is_forgotten_who_was_not_parked_for_thirty_days_before(
    presence: Presence, reason: Reason | None, since: int
) -> None:
    after = after_a_day(mailbox(presence, reason, since), NOW)
    if after.leaving_since and not presence.leaving_since:
        assert presence.parked
        assert presence.parked.since <= NOW - PARKED_FOR


@given(PRESENCES, REASONS, st.integers(0, 400), st.integers(0, 24 * 29))
def test_whoever_has_just_been_here_is_left_alone(presence: Presence, reason: Reason | None, since: int, hours: int) -> None:
    here = opened(presence, NOW)
    assert after_a_day(mailbox(here, reason, since), NOW + timedelta(hours=hours)) == here
    assert UNOPENED_FOR > SHUT_OUT_FOR
