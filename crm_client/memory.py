"""What a client of a CRM remembers in the process's memory for a while: asked for once, by one for all who ask at once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from cachetools import TTLCache

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """At most `most` answers, each for so many `seconds` since it was asked for. An error is not remembered."""

    def __init__(self, seconds: float, most: int) -> None:
        self._kept: TTLCache[Key, asyncio.Task[Value]] = TTLCache(most, seconds)

    async def get(self, key: Key, ask: Callable[[], Awaitable[Value]]) -> Value:
        """What is remembered, else what `ask` answers. Raises what `ask` raises; whoever gives up takes nothing from the others."""
        asking = self._kept.get(key)
        if asking is None or (asking.done() and _failed(asking)):
            asking = asyncio.create_task(_asked(ask))
            asking.add_done_callback(_failed)  # who asked may have given up: then nobody else looks at what came of it
            self._kept[key] = asking
        return await asyncio.shield(asking)

    def forget(self, key: Key) -> None:
        """Without effect where nothing is remembered."""
        self._kept.pop(key, None)

    def forget_those(self, belong: Callable[[Key], bool]) -> None:
        """All whose keys belong to it."""
        for key in [key for key in self._kept if belong(key)]:
            self._kept.pop(key, None)


async def _asked(ask: Callable[[], Awaitable[Value]]) -> Value:
    return await ask()


def _failed(asking: "asyncio.Task[Value]") -> bool:
    return asking.cancelled() or asking.exception() is not None
