"""What a CRM client's work costs, whichever client it is: how many HTTP calls, and how many of them one after another."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from http_session.session import HttpAnswer, HttpSession

Span = tuple[float, float]
"""When a call began and ended."""


@dataclass(frozen=True, slots=True)
class Cost:
    """HTTP calls, and round trips: the longest chain of calls of which none overlaps another."""

    calls: int
    round_trips: int


@dataclass(slots=True)
class Measured:
    """The calls made so far while they are measured."""

    spans: list[Span] = field(default_factory=list)

    @property
    def cost(self) -> Cost:
        return Cost(len(self.spans), longest_chain(self.spans))


@contextmanager
def measured() -> Iterator[Measured]:
    """While it lasts, the calls of all HTTP sessions of this process are measured."""
    found, request = Measured(), HttpSession.request

    async def timed(session: HttpSession, *words: Any, **more: Any) -> HttpAnswer:
        began = time.perf_counter()
        try:
            return await request(session, *words, **more)
        finally:
            found.spans.append((began, time.perf_counter()))

    with patch.object(HttpSession, "request", timed):
        yield found


def longest_chain(spans: Sequence[Span]) -> int:
    """How many of them can follow each other: the one that ends first is always in such a chain, and so on behind it."""
    chain, reached = 0, float("-inf")
    for began, ended in sorted(spans, key=lambda span: span[1]):
        if began >= reached:
            chain, reached = chain + 1, ended
    return chain
