"""How many calls of the sidebar one user may make: far more than anybody clicks, and few enough for all others to be served."""

import time
from collections import OrderedDict
from collections.abc import Callable

from mailmagnet.errors import MAILMAGNET, RateLimited
from mailmagnet.identity import Identity

MOST_USERS = 10_000
"""Users whose calls are counted at once; whoever has not called for longest is forgotten first, and begins anew."""


class UserLimit:
    """A bucket of calls for each user, full at first and filled evenly. In the memory of one process."""

    def __init__(self, calls_a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(calls_a_minute)
        self._a_second = calls_a_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def count(self, identity: Identity) -> None:
        """One call more of a verified user. Raises RateLimited when it is one too many."""
        now, who = self._clock(), (identity.org, identity.user)
        left, then = self._buckets.pop(who, (self._most, now))
        left = min(self._most, left + (now - then) * self._a_second)
        self._buckets[who] = (left - 1, now) if left >= 1 else (left, now)
        if len(self._buckets) > MOST_USERS:
            self._buckets.popitem(last=False)
        if left < 1:
            raise RateLimited(MAILMAGNET, (1 - left) / self._a_second, "one user's calls came too fast")
