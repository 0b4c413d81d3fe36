"""What a failed run means for its mailbox: when it is tried again, and when it is parked. Pure rules."""

from datetime import datetime, timedelta

from mailmagnet.errors import DayLimitReached, NotAuthorised, NotDelegated, NotListed, NotPermitted, RateLimited, Side, Upstream
from mailmagnet.store import LONGEST_WAIT_IN_TROUBLE, Reason, Trouble

FIRST_WAIT = timedelta(minutes=10)
LONGEST_WAIT = timedelta(hours=4)
"""Each failure in a row doubles the wait, from the first to the longest."""

FAILURES_UNTIL_PARKED = 12
"""A day and a half of failures in a row."""

PARKED_WAIT = LONGEST_WAIT_IN_TROUBLE
"""How often a parked mailbox is tried: somebody may have mended what was wrong without telling."""


def trouble_after(earlier: Trouble | None, error: Upstream, now: datetime) -> Trouble:
    """A mailbox's trouble after one more failed run, `earlier` being the one before, None when that run went well.

    Without Gmail's consent nothing is tried until it is given. Who may not is asked once a day. All else is tried again, after
    longer and longer, and at last once a day. When the CRM's calls of the day are used up, it is tried when the CRM says.
    """
    reason, who = _reason(error), error.who.shown
    again = earlier if earlier and earlier.reason is reason else None
    failures = (again.failures if again else 0) + 1
    since = again.since if again else now
    if reason is Reason.CONSENT:
        return Trouble(reason, who, since, failures, None)
    return Trouble(reason, who, since, failures, now + _wait_after(error, reason, failures))


def _wait_after(error: Upstream, reason: Reason, failures: int) -> timedelta:
    wait = PARKED_WAIT if reason is not Reason.FAILING else _wait(failures)
    if not isinstance(error, RateLimited):
        return wait
    told = timedelta(seconds=min(error.retry_after, PARKED_WAIT.total_seconds()))
    return max(told, FIRST_WAIT) if reason is Reason.CRM_DAY_LIMIT else max(wait, told)


def _wait(failures: int) -> timedelta:
    if failures >= FAILURES_UNTIL_PARKED:
        return PARKED_WAIT
    return min(FIRST_WAIT * (1 << failures - 1), LONGEST_WAIT)


_REASONS: tuple[tuple[type[Upstream], Side, Reason], ...] = (
    (NotDelegated, Side.GMAIL, Reason.DELEGATION),
    (NotAuthorised, Side.GMAIL, Reason.CONSENT),
    (NotPermitted, Side.GMAIL, Reason.GMAIL_REFUSES),
    (NotAuthorised, Side.CRM, Reason.CRM_SIGN_IN),
    (NotListed, Side.CRM, Reason.CRM_LIST),
    (NotPermitted, Side.CRM, Reason.CRM_PERMISSION),
    (DayLimitReached, Side.CRM, Reason.CRM_DAY_LIMIT),
)


def _reason(error: Upstream) -> Reason:
    """The first that fits; all else is something that fails."""
    fits = (reason for kind, side, reason in _REASONS if isinstance(error, kind) and error.who.side is side)
    return next(fits, Reason.FAILING)
