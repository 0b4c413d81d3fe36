"""The use case "label tick": which mailboxes are due, one task for each; and mail records past their retention go away."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmagnet.errors import Upstream
from mailmagnet.store import Store
from mailmagnet.tasks import MailboxTask, Tasks


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick did: tasks sent, and organisations for which something failed, to be tried again by the next."""

    tasks: int
    failed_orgs: int


async def tick(*, store: Store, tasks: Tasks, now: datetime, every: timedelta, tell: Callable[[str, Upstream], None]) -> Tick:
    """Send a task for each mailbox that is due, named after the moment it is due for: however often it is sent, it runs once.

    What fails for one organisation is told (`tell` takes the org and the problem), and does not stop the others. Raises what
    `Store.orgs` raises.
    """
    sent, failed = 0, 0
    for org in await store.orgs():
        try:
            for mailbox in await store.due_mailboxes(org, now, every):
                if slot := mailbox.due_since(now, every):
                    sent += await tasks.enqueue(MailboxTask(org, mailbox.user, slot, now))
            policy = await store.policy(org)
            # Once an hour: on one machine each deletion that finds something rewrites the store's file.
            oldest = now - timedelta(days=policy.retention_days)
            await store.delete_mails_before(org, oldest.replace(minute=0, second=0, microsecond=0))
        except Upstream as problem:
            failed += 1
            tell(org, problem)
    return Tick(sent, failed)
