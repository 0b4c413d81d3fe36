"""How many calls an answer costs, counted where they are made: by those who ask for it, whatever else the process does meanwhile."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from mailmagnet.errors import Service

_counting: ContextVar[tuple[Counter[Service], ...]] = ContextVar("_counting", default=())


@contextmanager
def counted_calls() -> Iterator[Counter[Service]]:
    """While it lasts the calls made from here, also by tasks that begin here, are counted by whom they asked."""
    calls: Counter[Service] = Counter()
    token = _counting.set((*_counting.get(), calls))
    try:
        yield calls
    finally:
        _counting.reset(token)


def count_call(who: Service) -> None:
    """One call is made now."""
    for calls in _counting.get():
        calls[who] += 1
