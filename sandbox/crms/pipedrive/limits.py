"""How often Pipedrive may be asked: a company's tokens a day, a user's calls in two seconds, fewer searches, and what becomes of those who
go on all the same (https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting)."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.crms.pipedrive.refusal import Refused

WINDOW = timedelta(seconds=2)
CALLS_A_WINDOW, SEARCHES_A_WINDOW = 80, 10
"""Of one access token: an OAuth app's calls on the smallest plan, and searches on every plan."""
TOKENS_A_DAY = 30_000
"""For each seat, on the smallest plan."""
REFUSALS_BEFORE_BLOCK = 100
"""How many refused calls in one window it takes until the answer is a page of Cloudflare's. Pipedrive does not say."""
BLOCK = timedelta(minutes=10)


class Blocked(Exception):
    """Whoever asks is blocked before Pipedrive is reached: 403, and a page of HTML."""


@dataclass(slots=True)
class _Windows:
    """One access token's calls in the last two seconds."""

    calls: deque[datetime] = field(default_factory=deque)
    searches: deque[datetime] = field(default_factory=deque)
    refused: deque[datetime] = field(default_factory=deque)
    blocked_until: datetime | None = None


class Limits:
    """The limits of a company with so many seats. What is left of the day's tokens may be set, and counting by windows be switched off."""

    def __init__(self, seats: int, now: Callable[[], datetime]) -> None:
        self._now = now
        self._windows: dict[str, _Windows] = {}
        self.tokens_a_day = self.tokens_left = TOKENS_A_DAY * seats
        self.count_windows = True
        self._day = now().date()

    def spend(self, access_token: str, cost: int, *, searches: bool) -> None:
        """One call more. Raises Refused when it is one too many, and Blocked."""
        window, now = self._windows.setdefault(access_token, _Windows()), self._now()
        if window.blocked_until and now < window.blocked_until:
            raise Blocked
        self._begin_day()
        for times in (window.calls, window.searches, window.refused):
            while times and times[0] <= now - WINDOW:
                times.popleft()
        if self.tokens_left < cost:
            self._refuse(window, now)
        if self.count_windows and self._is_full(window, searches=searches):
            self._refuse(window, now)
        window.calls.append(now)
        if searches:
            window.searches.append(now)
        self.tokens_left -= cost

    def headers(self, access_token: str) -> dict[str, str]:
        """What every answer says of them. The daily ones are not in the reference, and real answers have them."""
        window = self._windows.get(access_token, _Windows())
        return {
            "x-ratelimit-limit": str(CALLS_A_WINDOW),
            "x-ratelimit-remaining": str(max(CALLS_A_WINDOW - len(window.calls), 0)),
            "x-ratelimit-reset": str(int(WINDOW.total_seconds())),
            "x-daily-ratelimit-token-limit": str(self.tokens_a_day),
            "x-daily-ratelimit-token-remaining": str(max(self.tokens_left, 0)),
        }

    def _is_full(self, window: _Windows, *, searches: bool) -> bool:
        return len(window.calls) >= CALLS_A_WINDOW or (searches and len(window.searches) >= SEARCHES_A_WINDOW)

    def _begin_day(self) -> None:
        if self._now().date() != self._day:
            self._day, self.tokens_left = self._now().date(), self.tokens_a_day

    def _refuse(self, window: _Windows, now: datetime) -> None:
        window.refused.append(now)
        if len(window.refused) > REFUSALS_BEFORE_BLOCK:
            window.blocked_until = now + BLOCK
            raise Blocked
        raise Refused(429, "Rate limit exceeded")
