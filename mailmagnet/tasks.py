"""What the core asks of a task queue: that each due mailbox is labelled once in its slot, alone or together with others, previews are
counted, and runs taken back; the protocol `Tasks`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MailboxTask:
    """One mailbox's work in one slot. `org` and `user` are verified ids, `slot` and `tick` aware moments; `tick` is the tick that asks
    for it, None when its user does.

    Tasks of one mailbox and slot are the same task, whichever tick asks for them.
    """

    org: str
    user: str
    slot: datetime
    tick: datetime | None


@dataclass(frozen=True, slots=True)
class MailboxesTask:
    """The work of several mailboxes of one organisation, each in its own slot, whose CRM is asked for all their senders at once.

    `slots` are the slots by user, aware moments. Tasks of the same mailboxes and slots are the same task, whichever tick asks for them.
    """

    org: str
    slots: tuple[tuple[str, datetime], ...]
    tick: datetime


@dataclass(frozen=True, slots=True)
class PreviewTask:
    """A preview's next mails to count: of the preview of the last `days` that was `begun` then, behind the first `looked_at` mails.

    `failures` tasks before this one failed in a row. It is not begun before `not_before`. Tasks that differ in nothing else are the same.
    """

    org: str
    user: str
    begun: datetime
    days: int
    looked_at: int = 0
    failures: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class TakeBackTask:
    """What runs have moved in one mailbox since a moment is to be put back, as an admin has `asked` for.

    `failures` tasks before this one failed in a row. It is not begun before `not_before`. Tasks that differ in nothing else are the same.
    """

    org: str
    user: str
    asked: datetime
    since: datetime
    failures: int = 0
    not_before: datetime | None = None


Task = MailboxTask | MailboxesTask | PreviewTask | TakeBackTask


class Tasks(Protocol):
    """Where tasks wait for `label_mailbox`."""

    async def enqueue(self, task: Task) -> bool:
        """Put a task in the queue; False when the same task was put there before.

        Raises NotAuthorised, NotPermitted, NotFound (no such queue), RateLimited, Unavailable, BadAnswer.
        """
        ...
