"""Faults on request: latency, error answers, dropped connections, HTML where JSON is due."""

import asyncio
from dataclasses import dataclass
from fnmatch import fnmatchcase


class Dropped(Exception):
    """The connection is to be cut without an answer."""


class AnswerHtml(Exception):
    """A page of HTML is to be answered, as a proxy in between would do."""


class AnswerStatus(Exception):
    """An error with this HTTP status is to be answered."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to go wrong, for which calls.

    `upstream` is "gmail", "way to gmail" (what waits there takes none of the user's places yet: the quota counts what has come in),
    "google" (certificates, tokens) or "tasks"; `method` a pattern over the method's name ("*",
    "users.messages.*", "certs", "token"); `latency_ms` is waited before anything else; of `status`, `drop` and `html` at most one
    is given; `times` counts the calls that it is for, None is until it is cleared.
    """

    upstream: str
    method: str = "*"
    latency_ms: int = 0
    status: int = 0
    drop: bool = False
    html: bool = False
    times: int | None = None


class Faults:
    """The faults asked for, in the order they were added; each call meets the first that is for it, and waits for all."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._left: list[int | None] = []

    def add(self, fault: Fault) -> None:
        """From now on."""
        self._faults.append(fault)
        self._left.append(fault.times)

    def clear(self, upstream: str = "") -> None:
        """All of an upstream, or all."""
        kept = [(fault, left) for fault, left in self.active() if upstream and fault.upstream != upstream]
        self._faults = [fault for fault, _ in kept]
        self._left = [left for _, left in kept]

    def active(self) -> list[tuple[Fault, int | None]]:
        """Each fault with the number of calls left to it."""
        return [(fault, left) for fault, left in zip(self._faults, self._left, strict=True) if left != 0]

    async def meet(self, upstream: str, method: str) -> None:
        """To be called at the beginning of a call. Raises Dropped, AnswerHtml, AnswerStatus."""
        met = [
            number
            for number, fault in enumerate(self._faults)
            if self._left[number] != 0 and fault.upstream == upstream and fnmatchcase(method, fault.method)
        ]
        for number in met:
            left = self._left[number]
            self._left[number] = None if left is None else left - 1
        faults = [self._faults[number] for number in met]
        await asyncio.sleep(sum(fault.latency_ms for fault in faults) / 1000)
        for fault in faults:
            if fault.drop:
                raise Dropped
            if fault.html:
                raise AnswerHtml
            if fault.status:
                raise AnswerStatus(fault.status)
