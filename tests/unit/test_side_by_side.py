"""Of several problems at once, the one that is told."""

import asyncio

import pytest

from crm_client.side_by_side import one_problem
from mailmagnet.errors import BadAnswer, MailMagnetError, NotAuthorised, NotPermitted, Service, Side, Unavailable

WHO = Service(Side.CRM, "A CRM")


async def _fail(problem: BaseException) -> None:
    raise problem


@pytest.mark.parametrize(
    ("problems", "told"),
    [
        ([BadAnswer(WHO)], BadAnswer),
        ([Unavailable(WHO), NotPermitted(WHO), NotAuthorised(WHO)], NotAuthorised),
        ([Unavailable(WHO), NotPermitted(WHO)], NotPermitted),
        ([NotAuthorised(WHO), ValueError("a fault")], ValueError),
    ],
)
async def test_of_several_problems_the_one_is_told_that_decides(problems: list[Exception], told: type[Exception]) -> None:
    with pytest.raises(told), one_problem():
        async with asyncio.TaskGroup() as group:
            for problem in problems:
                group.create_task(_fail(problem))


async def test_without_a_problem_nothing_is_told_and_giving_up_stays_giving_up() -> None:
    with one_problem():
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))

    async def waiting() -> None:
        with one_problem():
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(60))

    task = asyncio.create_task(waiting())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert issubclass(NotAuthorised, MailMagnetError)
