"""The use case "label tick": which mailboxes are due, one task for each; and mail records past their retention go away."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from mailmagnet.errors import Upstream
from mailmagnet.parts import Parts
from mailmagnet.tasks import MailboxTask


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick did: tasks sent, and by organisation what failed, to be tried again by the next."""

    tasks: int
    problems: Mapping[str, Upstream]


async def tick(every: timedelta, parts: Parts) -> Tick:
    """Send a task for each mailbox that is due, named after the moment it is due for: however often it is sent, it runs once.

    `every` is the time between two runs of a mailbox. What fails for one organisation does not stop the others. Raises what
    `Store.orgs` raises.
    """
    store, now = parts.store, parts.now()
    sent, problems = 0, dict[str, Upstream]()
    for org in await store.orgs():
        try:
            for mailbox in await store.due_mailboxes(org, now, every):
                if slot := mailbox.due_since(now, every):
                    sent += await parts.tasks.enqueue(MailboxTask(org, mailbox.user, slot, now))
            policy = await store.policy(org)
            # Once an hour: on one machine each deletion that finds something rewrites the store's file.
            oldest = now - timedelta(days=policy.retention_days)
            await store.delete_mails_before(org, oldest.replace(minute=0, second=0, microsecond=0))
        except Upstream as problem:
            problems[org] = problem
    return Tick(sent, problems)
