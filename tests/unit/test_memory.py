"""What a client of a CRM remembers: asked for once by all who ask at once, forgotten when its time is over, errors never kept."""

import asyncio

import pytest

from crm_client.memory import Memory
from mailmagnet.errors import Service, Side, Unavailable


class Asking:
    """Answers with how often it was asked, after the event is set."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.problem: Exception | None = None

    async def __call__(self) -> int:
        self.asked += 1
        asked = self.asked
        await self.may_answer.wait()
        if self.problem:
            raise self.problem
        return asked


async def test_all_who_ask_at_once_get_one_answer_and_one_who_gives_up_takes_nothing_from_the_others() -> None:
    memory, asking = Memory[str, int](60, 10), Asking()
    tasks = [asyncio.create_task(memory.get("ada", asking)) for _ in range(20)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    asking.may_answer.set()
    assert await asyncio.gather(*tasks[1:]) == [1] * 19
    assert await memory.get("ada", asking) == 1
    assert await memory.get("kim", asking) == 2


async def test_an_error_is_told_to_all_who_asked_and_asked_for_anew() -> None:
    memory, asking = Memory[str, int](60, 10), Asking()
    asking.may_answer.set()
    asking.problem = Unavailable(Service(Side.CRM, "CRM"))
    answers = await asyncio.gather(*(memory.get("ada", asking) for _ in range(3)), return_exceptions=True)
    assert answers == [asking.problem] * 3
    asking.problem = None
    assert await memory.get("ada", asking) == 2


async def test_what_is_over_or_forgotten_is_asked_for_anew() -> None:
    memory, asking = Memory[str, int](0.05, 10), Asking()
    asking.may_answer.set()
    assert await memory.get("ada", asking) == 1
    memory.forget("ada")
    memory.forget("nobody")
    assert await memory.get("ada", asking) == 2
    await asyncio.sleep(0.06)
    assert await memory.get("ada", asking) == 3


@pytest.mark.parametrize("most", [1, 2])
async def test_no_more_is_kept_than_it_may(most: int) -> None:
    memory, asking = Memory[int, int](60, most), Asking()
    asking.may_answer.set()
    for key in range(5):
        await memory.get(key, asking)
    assert await memory.get(4, asking) == 5
    assert await memory.get(0, asking) == 6
