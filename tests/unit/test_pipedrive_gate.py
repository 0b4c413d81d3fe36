"""Pipedrive's limits are kept by a gate: never more calls in a window than it takes, and some are left for whoever waits."""

import asyncio
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from crm_client.pipedrive.gate import Gate

SECONDS = 2.0
MOST = 5


class _Time:
    """A time that passes by hand, and where somebody waits."""

    def __init__(self) -> None:
        self.at = 0.0

    async def sleep(self, seconds: float) -> None:
        self.at += seconds

    def gate(self, most: int = MOST) -> Gate:
        return Gate(most, SECONDS, lambda: self.at, self.sleep)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, MOST - 1)), max_size=60))
def test_no_window_has_more_turns_than_it_takes_and_of_those_who_leave_some_fewer(asked: list[tuple[float, int]]) -> None:
    passing = _Time()
    gate, turns = passing.gate(), list[float]()
    for pause, leaving in asked:
        passing.at += pause
        assert asyncio.run(gate.turn(leaving=leaving))
        turns.append(passing.at)
        in_the_window = [turn for turn in turns if turn > passing.at - SECONDS * 0.999]
        assert len(in_the_window) <= MOST - leaving


async def test_whoever_may_not_wait_so_long_takes_no_turn_from_the_others() -> None:
    passing = _Time()
    gate = passing.gate(2)
    assert await gate.turn(within=0)
    assert await gate.turn(within=0)
    assert not await gate.turn(within=1.9)
    assert passing.at == 0
    assert await gate.turn(within=2.0)
    assert passing.at == 2.0


async def test_whoever_leaves_some_waits_and_whoever_does_not_goes_on() -> None:
    passing = _Time()
    gate = passing.gate(10)
    for _ in range(6):
        assert await gate.turn(within=0, leaving=4)
    assert not await gate.turn(within=1, leaving=4)
    for _ in range(4):
        assert await gate.turn(within=0)
    assert not await gate.turn(within=1)


async def test_many_who_wait_together_go_through_in_windows() -> None:
    gate, began, turns = Gate(3, 0.1), time.monotonic(), list[float]()

    async def go() -> None:
        assert await gate.turn()
        turns.append(time.monotonic() - began)

    await asyncio.gather(*(go() for _ in range(8)))
    assert turns == sorted(turns)
    assert [sum(1 for turn in turns if turn < edge) for edge in (0.1, 0.2)] == [3, 6]
