"""When a mailbox is due: so many runs an hour, whatever rhythm the ticks have and however long runs take; trouble, leftovers, off."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmagnet.store import Mailbox, Progress, Reason, RunCounts, Trouble

START = datetime(2027, 3, 14, 9, 26, tzinfo=UTC)
MINUTE, TEN_MINUTES, HOUR, DAY = timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)
NOTHING = timedelta(0)

without_deadline = settings(deadline=None)
USERS = st.text(min_size=1, max_size=30) | st.integers(10**20, 10**21 - 1).map(str)


def mailbox(user: str = "100000000000000000001", last_run: RunCounts | None = None, trouble: Trouble | None = None) -> Mailbox:
    """One that is on, and has run at START."""
    counts = last_run or RunCounts(START)
    return Mailbox("corp.example", user, "ada@corp.example", counts, START - DAY, START - DAY, Progress("1"), trouble)


def ticks(every: timedelta, hours: int, jitter: Callable[[], timedelta] = lambda: NOTHING) -> Iterator[datetime]:
    """The moments of Cloud Scheduler's ticks from START on."""
    for number in range(1, hours * HOUR // every + 1):
        yield START + number * every + jitter()


def runs(
    due: Mailbox,
    moments: Iterable[datetime],
    *,
    every: timedelta = TEN_MINUTES,
    wait: Callable[[], timedelta] = lambda: NOTHING,
    lasts: Callable[[], timedelta] = lambda: NOTHING,
) -> list[datetime]:
    """The ticks that a run follows. It begins a `wait` later; each moment's task is sent once, as Cloud Tasks does by its name."""
    followed: list[datetime] = []
    tasks: set[datetime] = set()
    begins = ends = START
    for tick in moments:
        if ends <= tick:
            due = replace(due, last_run=RunCounts(begins, tick=followed[-1])) if followed else due
        slot = due.due_since(tick, every)
        if slot is None or slot in tasks:
            continue
        assert ends <= tick, "a run is sent while another is under way"
        tasks.add(slot)
        followed.append(tick)
        begins = tick + wait()
        ends = begins + lasts()
    return followed


def seconds_between(least: float, most: float, chance: random.Random) -> Callable[[], timedelta]:
    return lambda: timedelta(seconds=chance.uniform(least, most))


def in_each_hour(moments: Iterable[datetime], hours: int) -> list[int]:
    """How many of these ticks, to the minute, are in each hour but the first, in which a mailbox finds its rhythm."""
    minutes = [round((at - START) / MINUTE) for at in moments]
    return [sum(60 * hour < minute <= 60 * (hour + 1) for minute in minutes) for hour in range(1, hours)]


def apart(moments: list[datetime]) -> set[timedelta]:
    """The times between them, but for the first."""
    return {later - earlier for earlier, later in pairwise(moments[1:])}


@without_deadline
@given(USERS)
def test_ticks_each_minute_give_six_runs_an_hour_ten_minutes_apart(user: str) -> None:
    followed = runs(mailbox(user), ticks(MINUTE, 3))
    assert in_each_hour(followed, 3) == [6, 6]
    assert apart(followed) == {TEN_MINUTES}


@without_deadline
@given(USERS)
def test_ticks_each_ten_minutes_give_six_runs_an_hour_too(user: str) -> None:
    followed = runs(mailbox(user), ticks(TEN_MINUTES, 4))
    assert in_each_hour(followed, 4) == [6, 6, 6]
    assert apart(followed) == {TEN_MINUTES}


@without_deadline
@given(USERS, st.sampled_from([MINUTE, TEN_MINUTES]), st.randoms(use_true_random=False))
def test_ticks_some_seconds_early_or_late_change_nothing(user: str, rhythm: timedelta, chance: random.Random) -> None:
    assert in_each_hour(runs(mailbox(user), ticks(rhythm, 3, seconds_between(-29, 29, chance))), 3) == [6, 6]


@without_deadline
@given(USERS, st.sampled_from([MINUTE, TEN_MINUTES]), st.randoms(use_true_random=False))
def test_runs_that_wait_and_take_long_change_nothing(user: str, rhythm: timedelta, chance: random.Random) -> None:
    jitter, wait, lasts = seconds_between(-29, 29, chance), seconds_between(0, 240, chance), seconds_between(0, 270, chance)
    assert in_each_hour(runs(mailbox(user), ticks(rhythm, 3, jitter), wait=wait, lasts=lasts), 3) == [6, 6]


@without_deadline
@given(USERS, st.sampled_from([1, 2, 7, 15, 20, 30, 60]))
def test_any_rhythm_is_kept(user: str, minutes: int) -> None:
    every = timedelta(minutes=minutes)
    assert apart(runs(mailbox(user), ticks(MINUTE, 4), every=every)) == {every}


def test_not_all_users_are_due_in_the_same_minute() -> None:
    minutes = Counter(runs(mailbox(str(10**20 + user)), ticks(MINUTE, 1))[-1].minute % 10 for user in range(300))
    assert len(minutes) == 10
    assert max(minutes.values()) < 60


@without_deadline
@given(USERS, st.integers(0, 3_599))
def test_one_that_ran_in_its_slot_is_not_due_and_one_that_did_not_is(user: str, seconds: int) -> None:
    now = START + timedelta(seconds=seconds)
    slot = mailbox(user, RunCounts(now - DAY)).due_since(now, TEN_MINUTES)
    assert slot is not None
    assert slot <= now + timedelta(seconds=30)
    assert now - slot < TEN_MINUTES
    assert slot.second == slot.microsecond == 0
    assert mailbox(user, RunCounts(slot)).due_since(now, TEN_MINUTES) is None
    assert mailbox(user, RunCounts(slot - MINUTE)).due_since(now, TEN_MINUTES) == slot
    assert mailbox(user, RunCounts(now)).due_since(now, TEN_MINUTES) is None


def test_every_tick_of_a_slot_names_the_same_moment() -> None:
    due = mailbox(last_run=RunCounts(START - DAY))
    _, *whole, _ = Counter(due.due_since(tick, TEN_MINUTES) for tick in ticks(MINUTE, 1)).values()
    assert len(whole) >= 4
    assert set(whole) == {10}


@without_deadline
@given(USERS, st.integers(0, 3_599))
def test_a_run_counts_for_the_slot_of_its_tick_and_one_by_hand_for_its_own(user: str, seconds: int) -> None:
    now = START + timedelta(seconds=seconds)
    slot = mailbox(user, RunCounts(now - DAY)).due_since(now, TEN_MINUTES)
    assert slot
    late, earlier_tick = slot + TEN_MINUTES + MINUTE, slot - MINUTE
    assert mailbox(user, RunCounts(late, tick=slot)).due_since(slot + 9 * MINUTE, TEN_MINUTES) is None
    assert mailbox(user, RunCounts(late, tick=slot)).due_since(late, TEN_MINUTES) == slot + TEN_MINUTES
    assert mailbox(user, RunCounts(slot, tick=earlier_tick)).due_since(slot, TEN_MINUTES) == slot
    assert mailbox(user, RunCounts(slot)).due_since(slot, TEN_MINUTES) is None


def test_mail_left_over_is_due_each_minute_and_once_in_it() -> None:
    left = mailbox(last_run=RunCounts(START, remaining=1))
    for minute in range(1, 30):
        moments = [left.due_since(START + minute * MINUTE + timedelta(seconds=second), TEN_MINUTES) for second in (1, 29)]
        assert len(set(moments)) == 1
        assert moments[0] is not None
        left = replace(left, last_run=RunCounts(START + minute * MINUTE, remaining=1))
    assert replace(left, last_run=RunCounts(START)).due_since(START + timedelta(seconds=1), TEN_MINUTES) is None


def test_while_the_crms_calls_are_spared_runs_come_once_an_hour_and_what_is_left_waits_too() -> None:
    for remaining in (0, 9):
        spared = mailbox(last_run=RunCounts(START, remaining=remaining, sparing=True))
        due = [tick for tick in ticks(MINUTE, 3) if spared.due_since(tick, TEN_MINUTES)]
        assert due
        assert due[0] - START <= HOUR
        spared = replace(spared, last_run=RunCounts(due[0], remaining=remaining, sparing=True, tick=due[0]))
        again = [tick for tick in ticks(MINUTE, 6) if tick > due[0] and spared.due_since(tick, TEN_MINUTES)]
        assert again[0] - due[0] == HOUR


def trouble(again_at: datetime | None) -> Trouble:
    return Trouble(Reason.FAILING, "Gmail", START, 1, again_at)


def test_one_in_trouble_is_due_when_it_is_to_be_tried_again_and_not_before() -> None:
    again_at = START + timedelta(hours=4)
    for counts in (RunCounts(START), RunCounts(START, remaining=9), RunCounts(START - DAY)):
        failing = mailbox(last_run=counts, trouble=trouble(again_at))
        assert [tick for tick in ticks(MINUTE, 4) if failing.due_since(tick, TEN_MINUTES)] == [again_at]
        for later in (again_at, again_at + timedelta(seconds=1), again_at + HOUR):
            assert failing.due_since(later, TEN_MINUTES) == again_at
        assert failing.due_since(again_at - timedelta(microseconds=1), TEN_MINUTES) is None


def test_one_that_waits_for_its_user_is_never_due() -> None:
    waiting = mailbox(last_run=RunCounts(START, remaining=9), trouble=trouble(None))
    assert not any(waiting.due_since(START + days * DAY, TEN_MINUTES) for days in range(800))


def test_what_is_off_is_never_due() -> None:
    for found in (None, trouble(START)):
        off = replace(mailbox(last_run=RunCounts(START, remaining=9), trouble=found), mailmagnet_since=None, progress=None)
        assert not any(off.due_since(tick, TEN_MINUTES) for tick in ticks(MINUTE, 2))


def test_recording_without_labelling_is_due_too() -> None:
    recording = replace(mailbox(), labelling_since=None)
    assert in_each_hour(runs(recording, ticks(MINUTE, 2)), 2) == [6]


@without_deadline
@given(USERS, st.integers(11, 60 * 24 * 365))
def test_a_clock_that_has_gone_back_stops_nothing(user: str, minutes: int) -> None:
    ahead = mailbox(user, RunCounts(START + minutes * MINUTE))
    assert in_each_hour(runs(ahead, ticks(MINUTE, 3)), 3) == [6, 6]


@pytest.mark.parametrize("ahead", [31 * DAY, 2 * DAY + MINUTE])
def test_trouble_from_before_the_clock_went_back_is_tried_again_at_once(ahead: timedelta) -> None:
    """Nothing waits longer than a day; clocks that differ by minutes still agree about it."""
    failing = mailbox(trouble=trouble(START + ahead))
    assert failing.due_since(START + timedelta(seconds=7), TEN_MINUTES) == START
    assert mailbox(trouble=trouble(START + DAY + 5 * MINUTE)).due_since(START, TEN_MINUTES) is None
