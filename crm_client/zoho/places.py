"""How many calls may be under way at once: whoever needs places waits for them, and nobody overtakes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Places:
    """So many places; a call takes one, a composite request five."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._turn = asyncio.Lock()
        self._given_back = asyncio.Condition()

    @asynccontextmanager
    async def taken(self, count: int) -> AsyncIterator[None]:
        """While it lasts, so many are taken."""
        async with self._turn, self._given_back:
            await self._given_back.wait_for(lambda: self._free >= count)
            self._free -= count
        try:
            yield
        finally:
            async with self._given_back:
                self._free += count
                self._given_back.notify_all()
