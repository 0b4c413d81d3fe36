"""What a failed run means for its mailbox: when it is tried again, and when it is parked. Pure rules."""

from datetime import datetime, timedelta

from mailmagnet.errors import NotAuthorised, NotDelegated, NotPermitted, RateLimited, Side, Upstream
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
    longer and longer, and at last once a day.
    """
    reason, who = _reason(error), error.who.shown
    again = earlier if earlier and earlier.reason is reason else None
    failures = (again.failures if again else 0) + 1
    since = again.since if again else now
    if reason is Reason.CONSENT:
        return Trouble(reason, who, since, failures, None)
    wait = PARKED_WAIT if reason is not Reason.FAILING else _wait(failures)
    if isinstance(error, RateLimited):
        wait = max(wait, timedelta(seconds=min(error.retry_after, PARKED_WAIT.total_seconds())))
    return Trouble(reason, who, since, failures, now + wait)


def _wait(failures: int) -> timedelta:
    if failures >= FAILURES_UNTIL_PARKED:
        return PARKED_WAIT
    return min(FIRST_WAIT * (1 << failures - 1), LONGEST_WAIT)


def _reason(error: Upstream) -> Reason:
    match error, error.who.side:
        case NotDelegated(), _:
            return Reason.DELEGATION
        case NotAuthorised(), Side.GMAIL:
            return Reason.CONSENT
        case NotPermitted(), Side.GMAIL:
            return Reason.GMAIL_REFUSES
        case NotAuthorised(), Side.CRM:
            return Reason.CRM_SIGN_IN
        case NotPermitted(), Side.CRM:
            return Reason.CRM_PERMISSION
    return Reason.FAILING
