"""The deadline that travels through all calls of one answer: a moment of the running loop's time, in seconds."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from mailmagnet.errors import Service, TimedOut, Upstream

Result = TypeVar("Result")


async def in_time(who: Service, by: float, answer: Awaitable[Result]) -> Result:
    """The answer of `who`, if it comes by then. Raises TimedOut, and what `answer` raises."""
    seconds = by - asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(by):
            return await answer
    except TimeoutError:
        raise TimedOut(who, max(round(seconds, 1), 0.0)) from None


async def in_time_or_problem(who: Service, by: float, answer: Awaitable[Result]) -> Result | Upstream:
    """The answer of `who`, or why it did not come by then: where one part fails, the others are shown beside it."""
    try:
        return await in_time(who, by, answer)
    except Upstream as problem:
        return problem
