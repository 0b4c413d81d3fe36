"""Pipedrive's limits are kept by a gate: never more calls in a window than it takes, in the order in which they came."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from crm_client.pipedrive.gate import Gate

SECONDS = 2.0


class _Time:
    """A time that passes where somebody waits, and by hand."""

    def __init__(self) -> None:
        self.at = 0.0
        self.turns: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.turns.append(self.at + seconds)

    def gate(self, most: int) -> Gate:
        return Gate(most, SECONDS, lambda: self.at, self.sleep)


@given(st.integers(1, 10), st.lists(st.floats(0, 3), max_size=60))
def test_no_window_has_more_turns_than_it_takes_whenever_they_are_asked_for(most: int, pauses: list[float]) -> None:
    time = _Time()
    gate, turns = time.gate(most), list[float]()
    for pause in pauses:
        time.at += pause
        time.turns.clear()
        assert asyncio.run(gate.turn())
        turns.append(time.turns[0] if time.turns else time.at)
    assert all(later >= earlier for earlier, later in pairwise(turns))
    for first, next_window in zip(turns, turns[most:], strict=False):
        assert next_window >= first + SECONDS


async def test_whoever_may_not_wait_so_long_takes_no_turn_from_the_others() -> None:
    time = _Time()
    gate = time.gate(2)
    assert await gate.turn(within=0)
    assert await gate.turn(within=0)
    assert not await gate.turn(within=1.9)
    assert await gate.turn(within=2.0)
    assert time.turns == [2.0]


async def test_with_the_machines_time_it_waits_itself() -> None:
    gate = Gate(1, 0.05)
    began = asyncio.get_running_loop().time()
    for _ in range(3):
        assert await gate.turn()
    assert asyncio.get_running_loop().time() - began >= 0.1
