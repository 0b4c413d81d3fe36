"""A gate for calls: so many in so many seconds go through, and the others wait for a turn."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from math import inf


class Gate:
    """Lets `most` calls through in any window of `seconds`. Whoever leaves some of them for others waits longer."""

    def __init__(
        self,
        most: int,
        seconds: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`now` is a time in seconds that never goes back."""
        self._turns: deque[float] = deque()
        self._most = most
        self._seconds = seconds
        self._now = now
        self._sleep = sleep

    async def turn(self, within: float = inf, leaving: int = 0) -> bool:
        """Wait for a turn that leaves so many of a window's for others; False, as soon as it is clear, where there is none within so many
        seconds."""
        until, may_take = self._now() + within, self._most - leaving
        while (wait := self._wait_for(may_take)) > 0:
            if self._now() + wait > until:
                return False
            await self._sleep(wait)
        self._turns.append(self._now())
        return True

    def _wait_for(self, may_take: int) -> float:
        """Seconds until fewer than that have gone through in the last window."""
        now = self._now()
        while self._turns and self._turns[0] + self._seconds <= now:
            self._turns.popleft()
        too_many = len(self._turns) - may_take
        return self._turns[too_many] + self._seconds - now if too_many >= 0 else 0.0
