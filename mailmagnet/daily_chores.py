"""The use case "daily chores": once a day for each organisation, what is old goes away, and mailboxes nobody comes to are parked.

What is to be done follows from stored moments alone, and doing it twice is as doing it once: two ticks at once do no harm.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zlib import crc32

from mailmagnet.end_sign_in import end_account_of_another_crm
from mailmagnet.errors import MAILMAGNET, NotFound, Unavailable, Upstream
from mailmagnet.parking import after_a_day
from mailmagnet.parts import Parts
from mailmagnet.store import Mailbox, Policy, Presence

MINUTES_A_DAY = 24 * 60


async def daily_chores(org: str, parts: Parts) -> Sequence[Upstream]:
    """Do them, if nobody has today; what failed for single mailboxes, to be tried by the next day's. Raises what the store raises.

    An organisation's day begins at a minute of its own, so that not all come at once; a machine that is off then does it later.
    """
    now = parts.now()
    day = _day_of(org, now)
    if not await parts.store.use_once(org, f"chores-{day.date().isoformat()}", day + timedelta(days=1), now):
        return []
    policy = await parts.store.policy(org)
    oldest = day - timedelta(days=policy.retention_days or parts.retention_days)
    await parts.store.delete_mails_before(org, oldest)
    await parts.store.delete_readings_before(org, oldest)
    left = await _end_account_of_another_crm(org, parts)
    mailboxes = await parts.store.mailboxes(org)
    if not mailboxes and policy == Policy():
        # Nobody is left: to note the day would keep the organisation's id for ever.
        await parts.store.forget_used(org)
    return [*left, *[problem for mailbox in mailboxes if (problem := await _problem_with(mailbox, now, parts))]]


async def _end_account_of_another_crm(org: str, parts: Parts) -> Sequence[Upstream]:
    """What kept it from ending, to be tried the next day."""
    try:
        await end_account_of_another_crm(org, parts)
    except Upstream as problem:
        return [problem]
    return []


def _day_of(org: str, now: datetime) -> datetime:
    """When the organisation's day that is now began: a minute of its own, told by its id."""
    shift = timedelta(minutes=crc32(org.encode()) % MINUTES_A_DAY)
    return (now - shift).replace(hour=0, minute=0, second=0, microsecond=0) + shift


async def _problem_with(mailbox: Mailbox, now: datetime, parts: Parts) -> Upstream | None:
    """One mailbox's trouble is its own."""
    try:
        await _park_or_forget(mailbox, now, parts)
    except NotFound:
        return None  # it has left meanwhile
    except Upstream as problem:
        return problem
    except Exception as error:
        return Unavailable(MAILMAGNET, type(error).__name__)
    return None


async def _park_or_forget(mailbox: Mailbox, now: datetime, parts: Parts) -> None:
    """The rule is asked again where the presence is written: the user may have come back meanwhile."""

    def changed(presence: Presence) -> Presence:
        return after_a_day(replace(mailbox, presence=presence), now)

    if changed(mailbox.presence) != mailbox.presence:
        await parts.store.change_presence(mailbox.org, mailbox.user, changed)
