"""Faults on request: latency, error answers, dropped connections, HTML where JSON is due."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial


class Dropped(Exception):
    """The connection is to be cut without an answer."""


class AnswerHtml(Exception):
    """A page of HTML is to be answered, as a proxy in between would do."""


class AnswerHalf(Exception):
    """The beginning of an answer is to be answered, as if it were the whole."""


class AnswerStatus(Exception):
    """An error with this HTTP status is to be answered, and Google's `reason` if one was named."""

    def __init__(self, status: int, reason: str = "") -> None:
        super().__init__(str(status))
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to go wrong, for which calls.

    `upstream` is "gmail", "way to gmail" (what waits there takes none of the user's places yet: the quota counts what has come in),
    "google" (certificates, tokens), "secrets" (Secret Manager) or "tasks"; `method` a pattern over the method's name ("*",
    "users.messages.*", "certs", "token"); `latency_ms` is waited before anything else; of `status`, `drop`, `half` and `html` at
    most one is given; `reason` is Google's word with a status ("domainPolicy"). With `after` the call is carried out first, and only
    its answer goes wrong. `mail_id` narrows it to calls about this mail. The first `skip` calls that it would be for are let
    through; `times` counts those it is for, None is until it is cleared.
    """

    upstream: str
    method: str = "*"
    latency_ms: int = 0
    status: int = 0
    reason: str = ""
    drop: bool = False
    html: bool = False
    half: bool = False
    after: bool = False
    mail_id: str = ""
    skip: int = 0
    times: int | None = None


class Faults:
    """The faults asked for, in the order they were added; each call meets the first that is for it, and waits for all."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._left: list[int | None] = []
        self._skips: list[int] = []

    def add(self, fault: Fault) -> None:
        """From now on."""
        self._faults.append(fault)
        self._left.append(fault.times)
        self._skips.append(fault.skip)

    def clear(self, upstream: str = "") -> None:
        """All of an upstream, or all."""
        stay = [number for number, fault in enumerate(self._faults) if upstream and fault.upstream != upstream]
        self._faults = [self._faults[number] for number in stay]
        self._left = [self._left[number] for number in stay]
        self._skips = [self._skips[number] for number in stay]

    def active(self) -> list[tuple[Fault, int | None]]:
        """Each fault with the number of calls left to it."""
        return [(fault, left) for fault, left in zip(self._faults, self._left, strict=True) if left != 0]

    async def meet(self, upstream: str, method: str, mail_id: str = "") -> Callable[[], None]:
        """To be called at the beginning of a call; what it gives is to be called at the end, when all is done but the answer.

        Both raise Dropped, AnswerHtml, AnswerHalf, AnswerStatus.
        """
        faults = [self._faults[number] for number in self._met(upstream, method, mail_id)]
        await asyncio.sleep(sum(fault.latency_ms for fault in faults) / 1000)
        _carry_out(fault for fault in faults if not fault.after)
        return partial(_carry_out, [fault for fault in faults if fault.after])

    def _met(self, upstream: str, method: str, mail_id: str) -> Iterator[int]:
        """The numbers of the faults that are for this call; each counts it."""
        for number, fault in enumerate(self._faults):
            left = self._left[number]
            about = fault.upstream == upstream and fnmatchcase(method, fault.method) and fault.mail_id in ("", mail_id)
            if not about or left == 0:
                continue
            if self._skips[number]:
                self._skips[number] -= 1
                continue
            self._left[number] = None if left is None else left - 1
            yield number


def _carry_out(faults: Iterable[Fault]) -> None:
    for fault in faults:
        if fault.drop:
            raise Dropped
        if fault.html:
            raise AnswerHtml
        if fault.half:
            raise AnswerHalf
        if fault.status:
            raise AnswerStatus(fault.status, fault.reason)
