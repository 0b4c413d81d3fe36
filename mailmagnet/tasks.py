"""What the core asks of a task queue: that each due mailbox is labelled once in its slot; the record and the protocol `Tasks`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MailboxTask:
    """One mailbox's work in one slot, asked for by a tick. `org` and `user` are verified ids, `slot` and `tick` aware moments.

    Tasks of one mailbox and slot are the same task, whichever tick asks for them.
    """

    org: str
    user: str
    slot: datetime
    tick: datetime


class Tasks(Protocol):
    """Where tasks wait for `label_mailbox`."""

    async def enqueue(self, task: MailboxTask) -> bool:
        """Put a task in the queue; False when the same task was put there before.

        Raises NotAuthorised, NotPermitted, NotFound (no such queue), RateLimited, Unavailable, BadAnswer.
        """
        ...
