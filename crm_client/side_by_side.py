"""Several questions to a CRM at once: when some of them fail, the others are given up, and one problem is told."""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from mailmagnet.errors import MailMagnetError, NotAuthorised, NotPermitted

Result = TypeVar("Result")

_TELLING: tuple[type[BaseException], ...] = (NotAuthorised, NotPermitted, BaseException)


@contextmanager
def one_problem() -> Iterator[None]:
    """Round an `asyncio.TaskGroup`: of several problems raises the one that decides what the user is to do, a fault of our own first."""
    try:
        yield
    except BaseExceptionGroup as several:
        raise _telling(_each(several)) from None


async def all_of(asked: Sequence[Awaitable[Any]]) -> list[Any]:
    """All answers, in their order; when one fails, the others are given up. Raises one of the problems that there are."""
    with one_problem():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(as_coroutine(each)) for each in asked]
    return [task.result() for task in tasks]


async def as_coroutine(asked: Awaitable[Result]) -> Result:
    """The same, for a task."""
    return await asked


def _telling(problems: list[BaseException]) -> BaseException:
    faults = [problem for problem in problems if not isinstance(problem, MailMagnetError)]
    return next(problem for kind in _TELLING for problem in faults or problems if isinstance(problem, kind))


def _each(problem: BaseException) -> list[BaseException]:
    if not isinstance(problem, BaseExceptionGroup):
        return [problem]
    return [each for inside in problem.exceptions for each in _each(inside)]
