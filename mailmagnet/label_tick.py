"""The use case "label tick": which mailboxes are due, one task for each; who leaves is seen off, and the day's chores are done."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from mailmagnet.daily_chores import daily_chores
from mailmagnet.disconnect_mailbox import finish_leaving
from mailmagnet.errors import MAILMAGNET, Unavailable, Upstream
from mailmagnet.parts import Parts
from mailmagnet.removal import finish_removal
from mailmagnet.take_back import send_taking_back
from mailmagnet.tasks import MailboxTask


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick did: tasks sent, and by organisation what failed, to be tried again by a later one."""

    tasks: int
    problems: Mapping[str, Sequence[Upstream]]


async def tick(every: timedelta, parts: Parts) -> Tick:
    """Send a task for each mailbox that is due, named after the moment it is due for: however often it is sent, it runs once.

    `every` is the time between two runs of a mailbox; in an organisation that is paused none is due. What fails for one organisation does
    not stop the others, and nobody's tasks wait for what else there is to do. Raises what `Store.orgs` raises.
    """
    store, now = parts.store, parts.now()
    sent, problems = 0, defaultdict[str, list[Upstream]](list)
    orgs = await store.orgs()
    for org in orgs:
        try:
            due = await store.due_mailboxes(org, now, every)
            if not due or (await store.policy(org)).paused_since:
                continue
            for mailbox in due:
                if slot := mailbox.due_since(now, every):
                    sent += await parts.tasks.enqueue(MailboxTask(org, mailbox.user, slot, now))
        except Exception as error:
            problems[org].append(_problem(error))
    for org in orgs:
        for work in (send_taking_back, finish_leaving, finish_removal, daily_chores):
            try:
                problems[org] += await work(org, parts)
            except Exception as error:
                problems[org].append(_problem(error))
    return Tick(sent, {org: failed for org, failed in problems.items() if failed})


def _problem(error: Exception) -> Upstream:
    """What nobody foresaw in one organisation's data must not hold up the others either; its text could hold what is kept."""
    return error if isinstance(error, Upstream) else Unavailable(MAILMAGNET, type(error).__name__)
