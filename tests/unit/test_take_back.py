"""What runs have moved, noted so that it can be taken back: nothing is lost by thinning, nothing old is kept."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mailmagnet.moved_mail import KEPT, TO_THE_RUN, noted, since_then
from mailmagnet.store import Moved, Progress

NOW = datetime(2026, 11, 30, 12, 34, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

waits = st.lists(st.integers(1, 60), max_size=150)


def runs(minutes: list[int]) -> list[datetime]:
    moments = [NOW]
    for wait in minutes:
        moments.append(moments[-1] + wait * MINUTE)
    return moments


def noted_in_turn(moments: list[datetime]) -> tuple[Moved, ...]:
    moved: tuple[Moved, ...] = ()
    for number, moment in enumerate(moments):
        moved = noted(moved, moment, str(number), 1)
    return moved


@given(waits)
def test_every_run_of_the_last_two_days_is_in_it_once_and_the_oldest_is_first(minutes: list[int]) -> None:
    moments = runs(minutes)
    moved = noted_in_turn(moments)
    last = moments[-1]
    for number, moment in enumerate(moments):
        holding = [each for each in moved if each.at <= moment <= each.until]
        assert len(holding) == 1 or moment < last - KEPT
        # What is taken back begins in history before the run.
        assert all(int(each.cursor) <= number for each in holding)
    assert [each.at for each in moved] == sorted(each.at for each in moved)
    assert sum(each.mails for each in moved) <= len(moments)


@given(waits)
def test_it_stays_short(minutes: list[int]) -> None:
    moments = runs(minutes)
    moved = noted_in_turn(moments)
    fine = [each for each in moved if each.at > moments[-1] - TO_THE_RUN]
    assert len(moved) - len(fine) <= KEPT // timedelta(hours=1) + 1


@given(waits, st.integers(0, 3_000))
def test_what_is_taken_back_holds_every_run_since_then(minutes: list[int], ago: int) -> None:
    moments = runs(minutes)
    since = moments[-1] - min(ago * MINUTE, KEPT)
    found = since_then(Progress("9", moved=noted_in_turn(moments)), since)
    theirs = [moment for moment in moments if moment >= since]
    assert all(any(each.at <= moment <= each.until for each in found) for moment in theirs)
    assert sum(each.mails for each in found) >= len(theirs)


def test_an_hour_of_which_the_beginning_is_too_old_stays_for_the_rest_of_it() -> None:
    begins = NOW.replace(minute=5)
    moments = [begins, begins + 50 * MINUTE, begins + KEPT + 10 * MINUTE]
    assert [each.until for each in noted_in_turn(moments)] == moments[1:]


def test_runs_of_the_last_two_hours_are_told_apart() -> None:
    moments = [NOW + number * 10 * MINUTE for number in range(12)]
    found = since_then(Progress("9", moved=noted_in_turn(moments)), moments[-3])
    assert [each.at for each in found] == moments[-3:]


def test_what_a_clock_that_has_gone_back_since_has_noted_is_dropped() -> None:
    ahead = noted((), NOW + timedelta(days=3), "1", 5)
    assert [each.cursor for each in noted(ahead, NOW, "2", 1)] == ["2"]


def test_a_mailbox_that_is_off_has_nothing_to_take_back() -> None:
    assert since_then(None, NOW) == ()
