"""The deadline that travels through all calls of one answer: a moment of the running loop's time, in seconds."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from mailmagnet.errors import TimedOut, Upstream

Result = TypeVar("Result")


async def in_time(who: str, by: float, asked: Awaitable[Result]) -> Result:
    """What `who` answers by then. Raises TimedOut, and what `asked` raises."""
    seconds = by - asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(by):
            return await asked
    except TimeoutError:
        raise TimedOut(who, max(round(seconds, 1), 0.0)) from None


async def in_time_or_problem(who: str, by: float, asked: Awaitable[Result]) -> Result | Upstream:
    """What `who` answers by then, or why not: where one part fails, the others are shown beside it."""
    try:
        return await in_time(who, by, asked)
    except Upstream as problem:
        return problem
