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
        """`now` is a time in seconds that never goes back."""
        self._turns: deque[float] = deque(maxlen=most)
        self._seconds = seconds
        self._now = now
        self._sleep = sleep

    async def turn(self, within: float = inf) -> bool:
        """Wait for a turn; False, at once, where there is none within so many seconds."""
        now = self._now()
        is_full = len(self._turns) == self._turns.maxlen
        turn = max(now, self._turns[0] + self._seconds) if is_full else now
        if turn - now > within:
            return False
        self._turns.append(turn)
        if turn > now:
            await self._sleep(turn - now)
        return True
