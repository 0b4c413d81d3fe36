"""Gmail's quota: units per user and minute, and requests at once
(https://developers.google.com/workspace/gmail/api/reference/quota)."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Literal

MINUTE = timedelta(minutes=1)

UNITS = {
    "users.getProfile": 1,
    "users.watch": 100,
    "users.stop": 50,
    "users.history.list": 2,
    "users.labels.list": 1,
    "users.labels.get": 1,
    "users.labels.create": 5,
    "users.labels.update": 5,
    "users.labels.patch": 5,
    "users.labels.delete": 5,
    "users.messages.list": 5,
    "users.messages.get": 20,
    "users.messages.attachments.get": 20,
    "users.messages.insert": 25,
    "users.messages.import": 100,
    "users.messages.send": 100,
    "users.messages.modify": 5,
    "users.messages.batchModify": 50,
    "users.messages.batchDelete": 50,
    "users.messages.delete": 20,
    "users.messages.trash": 20,
    "users.messages.untrash": 20,
    "users.threads.list": 20,
    "users.threads.get": 40,
    "users.threads.modify": 10,
    "users.threads.trash": 10,
    "users.threads.untrash": 10,
    "users.threads.delete": 20,
    "users.drafts.list": 5,
    "users.drafts.get": 20,
    "users.drafts.create": 10,
    "users.drafts.update": 15,
    "users.drafts.delete": 10,
    "users.drafts.send": 100,
    "users.settings.sendAs.list": 1,
    "users.settings.sendAs.get": 1,
}
"""What a call of each method costs in a new project."""


class OverQuota(Exception):
    """This user has no units left; `free_at` is when there are enough again."""

    def __init__(self, free_at: datetime) -> None:
        super().__init__("over quota")
        self.free_at = free_at


class TooManyAtOnce(Exception):
    """More requests at once than one user may have."""


class Quota:
    """`units_a_minute` and `at_once` are per user; `refuse_with` is the status of an answer over quota: Google sends either."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.units_a_minute = 6_000
        self.at_once = 5
        self.refuse_with: Literal[429, 403] = 429
        self._clock = clock
        self._bills: defaultdict[str, deque[tuple[datetime, int]]] = defaultdict(deque)
        self._totals: defaultdict[str, int] = defaultdict(int)
        self._seated: defaultdict[str, int] = defaultdict(int)

    def bill(self, address: str, units: int) -> None:
        """Charge a call to a user. Raises OverQuota, and then charges nothing."""
        spent = self.spent(address)
        if spent + units > self.units_a_minute:
            raise OverQuota(self._free_at(address, spent + units - self.units_a_minute))
        self._bills[address].append((self._clock(), units))
        self._totals[address] += units

    def spent(self, address: str) -> int:
        """Units in the last minute."""
        bills, now = self._bills[address], self._clock()
        recent = [(at, units) for at, units in bills if now - MINUTE < at <= now]
        if len(recent) < len(bills):
            self._bills[address] = deque(recent)
        return sum(units for _, units in recent)

    def total(self, address: str) -> int:
        """Units since the start."""
        return self._totals[address]

    @contextmanager
    def seat(self, address: str) -> Iterator[None]:
        """Held as long as a request lasts. Raises TooManyAtOnce."""
        if self._seated[address] >= self.at_once:
            raise TooManyAtOnce
        self._seated[address] += 1
        try:
            yield
        finally:
            self._seated[address] -= 1

    def _free_at(self, address: str, wanted: int) -> datetime:
        for at, units in self._bills[address]:
            wanted -= units
            if wanted <= 0:
                return at + MINUTE
        return self._clock() + MINUTE
