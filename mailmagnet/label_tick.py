"""The use case "label tick": which mailboxes are due, one task for each; who leaves is seen off, and the day's chores are done."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmagnet.daily_chores import daily_chores
from mailmagnet.disconnect_mailbox import finish_leaving
from mailmagnet.errors import MAILMAGNET, Unavailable, Upstream
from mailmagnet.parts import Parts
from mailmagnet.removal import finish_removal
from mailmagnet.take_back import send_taking_back
from mailmagnet.tasks import MailboxesTask, MailboxTask

MAILBOXES_A_TASK = 100
"""Of an organisation whose CRM is asked for the senders of many mailboxes at once."""


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick did: tasks sent, and by organisation what failed, to be tried again by a later one."""

    tasks: int
    problems: Mapping[str, Sequence[Upstream]]


async def tick(every: timedelta, parts: Parts) -> Tick:
    """Send a task for each mailbox that is due, named after the moment it is due for: however often it is sent, it runs once.

    Where the CRM is asked for the senders of many mailboxes at once, a task is for many. `every` is the time between two runs of a
    mailbox; in an organisation that is paused none is due. What fails for one organisation does not stop the others, and nobody's tasks
    wait for what else there is to do. Raises what `Store.orgs` raises.
    """
    store, now = parts.store, parts.now()
    sent, problems = 0, defaultdict[str, list[Upstream]](list)
    orgs = await store.orgs()
    for org in orgs:
        try:
            due = await store.due_mailboxes(org, now, every)
            if not due or (policy := await store.policy(org)).paused_since:
                continue
            slots = [(mailbox.user, slot) for mailbox in due if (slot := mailbox.due_since(now, every))]
            pooled = parts.crm_client_of(policy.crm or parts.default_crm).capabilities.pooled
            for task in _together(org, slots, now) if pooled else _each(org, slots, now):
                sent += await parts.tasks.enqueue(task)
        except Exception as error:
            problems[org].append(_problem(error))
    for org in orgs:
        for work in (send_taking_back, finish_leaving, finish_removal, daily_chores):
            try:
                problems[org] += await work(org, parts)
            except Exception as error:
                problems[org].append(_problem(error))
    return Tick(sent, {org: failed for org, failed in problems.items() if failed})


def _each(org: str, slots: Sequence[tuple[str, datetime]], now: datetime) -> Iterator[MailboxTask]:
    return (MailboxTask(org, user, slot, now) for user, slot in slots)


def _together(org: str, slots: Sequence[tuple[str, datetime]], now: datetime) -> Iterator[MailboxesTask]:
    """In the order of their users: as long as the same are due, their tasks are the same. One that is begun, and whose other mailboxes
    are sent again in another task, holds their leases."""
    line = sorted(slots)
    return (
        MailboxesTask(org, tuple(line[first : first + MAILBOXES_A_TASK]), now) for first in range(0, len(line), MAILBOXES_A_TASK)
    )


def _problem(error: Exception) -> Upstream:
    """What nobody foresaw in one organisation's data must not hold up the others either; its text could hold what is kept."""
    return error if isinstance(error, Upstream) else Unavailable(MAILMAGNET, type(error).__name__)
