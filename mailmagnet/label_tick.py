"""The use case "label tick": which mailboxes are due, one task for each; and mail records past their retention go away."""

from datetime import datetime, timedelta

from mailmagnet.store import Store
from mailmagnet.tasks import MailboxTask, Tasks


async def tick(*, store: Store, tasks: Tasks, now: datetime, every: timedelta) -> int:
    """Send a task for each mailbox that was not sorted since `every` ago, or that has mail left over; the number of tasks sent.

    A tick that comes twice in one minute sends each task once. Raises what the store and the tasks raise.
    """
    slot = now.replace(second=0, microsecond=0)
    sent = 0
    for org in await store.orgs():
        for mailbox in await store.due_mailboxes(org, now, every):
            sent += await tasks.enqueue(MailboxTask(org, mailbox.user, slot))
        policy = await store.policy(org)
        await store.delete_mails_before(org, now - timedelta(days=policy.retention_days))
    return sent
