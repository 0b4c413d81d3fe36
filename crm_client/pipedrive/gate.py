"""A gate for calls: so many in so many seconds go through, and the others wait for their turn."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from math import inf


class Gate:
    """Lets `most` calls through in any window of `seconds`, in the order in which they come."""

    def __init__(
        self,
        most: int,
        seconds: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`now` is the event loop's time."""
        self._turns: deque[float] = deque(maxlen=most)
        self._seconds = seconds
        self._now = now
        self._sleep = sleep

    async def turn(self, by: float = inf) -> bool:
        """Wait for a turn; False, at once, where there is none till `by`."""
        now = self._now()
        is_full = len(self._turns) == self._turns.maxlen
        turn = max(now, self._turns[0] + self._seconds) if is_full else now
        if turn > by:
            return False
        self._turns.append(turn)
        if turn > now:
            await self._sleep(turn - now)
        return True
