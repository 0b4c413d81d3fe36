"""The queue of mailboxes to label, in the memory of the one process that also works on them: for one machine.

What waits here is lost with the process. The tick sends a mailbox that is still due again; at a start what was being counted is sent by
`mailmagnet.preview.resume_previews`, and what was being put back by `mailmagnet.take_back.resume_taking_back`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mailmagnet.errors import RateLimited, Service, Side
from mailmagnet.tasks import MailboxesTask, MailboxTask, TakeBackTask, Task

WHO = Service(Side.OURS, "the task queue")
WORKERS = 4
"""How many tasks are worked on at once: as many mailboxes as `label_mailbox` takes in one instance in the cloud."""

MOST_TASKS = 1_000
"""How many may be in the queue, waiting and under way."""

SECONDS_TO_COME_BACK = 60.0
NAME_BLOCKED = timedelta(hours=1)
"""How long a task that was taken is not taken again, as in Cloud Tasks."""

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 15.0
"""After an attempt that failed; doubled after each further one."""


class InProcessTasks:
    """`mailmagnet.tasks.Tasks` in this process's event loop; `stop` it at the end."""

    def __init__(
        self,
        work: Callable[[Task], Awaitable[None]],
        failed: Callable[[Exception], None],
        now: Callable[[], datetime],
        first_wait_seconds: float = FIRST_WAIT_SECONDS,
    ) -> None:
        """`work` does a task; what it raises `failed` is told of, and it is tried again, ATTEMPTS times. `now` gives the aware time."""
        self._work = work
        self._failed = failed
        self._now = now
        self._first_wait_seconds = first_wait_seconds
        self._worker = asyncio.Semaphore(WORKERS)
        self._taken: dict[Task, datetime] = {}
        self._waiting: set[asyncio.Task[None]] = set()
        self._under_way: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def enqueue(self, task: Task) -> bool:
        """As the protocol has it; raises RateLimited when the queue is full."""
        self._forget_old_names()
        name = _name(task)
        if name in self._taken:
            return False
        if self._stopped or len(self._waiting) + len(self._under_way) >= MOST_TASKS:
            raise RateLimited(WHO, SECONDS_TO_COME_BACK)
        self._taken[name] = self._now()
        # In a context of its own: whoever sends a task is not whom it is for.
        running = asyncio.get_running_loop().create_task(self._run(task), context=Context())
        self._waiting.add(running)
        running.add_done_callback(self._is_done)
        return True

    async def settled(self) -> None:
        """Until every task is done or given up, those too that tasks have sent meanwhile."""
        while running := self._waiting | self._under_way:
            await asyncio.wait(running)

    async def stop(self, seconds: float) -> None:
        """Take no more tasks, and leave those that have not begun. What is under way may go on for so long, and is then cancelled."""
        self._stopped = True
        for each in self._waiting:
            each.cancel()
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=seconds)
        left = self._waiting | self._under_way
        for each in left:
            each.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _run(self, task: Task) -> None:
        if not isinstance(task, MailboxTask | MailboxesTask) and task.not_before:
            await asyncio.sleep((task.not_before - self._now()).total_seconds())
        for attempt in range(ATTEMPTS):
            async with self._worker:
                if await self._is_done_now(task) or self._stopped:
                    return
            await asyncio.sleep(self._first_wait_seconds * 2**attempt)
        # Nothing has come of it: the next tick may send it again.
        self._taken.pop(_name(task), None)

    async def _is_done_now(self, task: Task) -> bool:
        """Whether an attempt came to its end."""
        running: Any = asyncio.current_task()
        self._waiting.discard(running)
        self._under_way.add(running)
        try:
            await self._work(task)
        except Exception as error:  # whatever it is, it must not stop the others
            self._failed(error)
            return False
        finally:
            self._under_way.discard(running)
            self._waiting.add(running)
        return True

    def _is_done(self, running: asyncio.Task[None]) -> None:
        self._waiting.discard(running)
        self._under_way.discard(running)

    def _forget_old_names(self) -> None:
        now = self._now()
        for name in [name for name, taken in self._taken.items() if not timedelta() <= now - taken < NAME_BLOCKED]:
            del self._taken[name]


def _name(task: Task) -> Task:
    """What is the same for the same task (see `mailmagnet.tasks`)."""
    if isinstance(task, MailboxTask):
        return MailboxTask(task.org, task.user, task.slot.astimezone(UTC), None)
    if isinstance(task, MailboxesTask):
        slots = tuple((user, slot.astimezone(UTC)) for user, slot in task.slots)
        return MailboxesTask(task.org, slots, max(slot for _, slot in slots))
    if isinstance(task, TakeBackTask):
        return replace(task, asked=task.asked.astimezone(UTC), since=task.since.astimezone(UTC), not_before=None)
    return replace(task, begun=task.begun.astimezone(UTC), not_before=None)
