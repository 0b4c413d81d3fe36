"""The calls made to this world's Google, each from its beginning on: whose, what it cost, how it ended. The newest, in memory alone."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sandbox.google.faults import AnswerHalf, AnswerHtml, AnswerStatus, Dropped


@dataclass(slots=True)
class Call:
    """`name` is a method of Gmail's API, "token", "certificates" or the like; `trace` the request it was made for, "" when nobody
    said; `at` is on the world's clock, `began` on the machine's (time.time). `ms` is None while it lasts. `status` 0: no answer."""

    name: str
    trace: str
    at: datetime
    began: float
    address: str = ""
    units: int = 0
    ms: float | None = None
    status: int = 0
    problem: str = ""


class Calls:
    """Kept in the order in which they began."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.recent: deque[Call] = deque(maxlen=2_000)
        self._clock = clock

    @contextmanager
    def calling(self, name: str, trace: str) -> Iterator[Call]:
        """One call, as long as it lasts; who answers it fills in the rest. What faults do to it is kept here."""
        call = Call(name, trace, self._clock(), time.time())
        self.recent.append(call)
        started = time.perf_counter()
        try:
            yield call
        except Dropped:
            call.problem = "connection dropped"
            raise
        except AnswerHtml:
            call.status, call.problem = 502, "HTML"
            raise
        except AnswerHalf:
            call.status, call.problem = 200, "half an answer"
            raise
        except AnswerStatus as fault:
            call.status = fault.status
            raise
        finally:
            call.ms = (time.perf_counter() - started) * 1000

    def made_for(self, trace: str) -> Sequence[Call]:
        """Those of one request."""
        return [call for call in self.recent if call.trace == trace]
