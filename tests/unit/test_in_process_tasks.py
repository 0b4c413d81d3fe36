"""The queue in one process: bounded workers, one's failure is the others' none, a moment to wait for, an end that is bounded."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from functions.log import requester
from http_session.session import traceparent
from mailmagnet.errors import RateLimited
from mailmagnet.tasks import MailboxTask, PreviewTask, Task
from task_queue import in_process
from task_queue.in_process import ATTEMPTS, MOST_TASKS, NAME_BLOCKED, WORKERS, InProcessTasks

SLOT = datetime(2027, 3, 14, 9, 20, tzinfo=UTC)


def task_of(number: int) -> MailboxTask:
    return MailboxTask("corp.example", f"user-{number}", SLOT, SLOT)


@dataclass
class Worker:
    """Does tasks: those that are in `failing` so many times not, none before `gate` is open."""

    begun: list[Task] = field(default_factory=list)
    done: list[Task] = field(default_factory=list)
    cancelled: list[Task] = field(default_factory=list)
    failing: dict[Task, int] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    now: datetime = SLOT
    contexts: list[tuple[object, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    async def work(self, task: Task) -> None:
        self.begun.append(task)
        self.contexts.append((requester.get(), traceparent.get()))
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(task)
            raise
        if self.failing.get(task):
            self.failing[task] -= 1
            raise RuntimeError("a reason")
        self.done.append(task)

    def queue(self) -> InProcessTasks:
        return InProcessTasks(self.work, self.errors.append, lambda: self.now, first_wait_seconds=0.001)


async def test_no_more_are_worked_on_at_once_than_there_are_workers_and_all_are_done() -> None:
    worker = Worker()
    worker.gate.clear()
    queue = worker.queue()
    for number in range(3 * WORKERS):
        assert await queue.enqueue(task_of(number))
    await asyncio.sleep(0.01)
    assert len(worker.begun) == WORKERS
    worker.gate.set()
    await queue.settled()
    assert worker.done == [task_of(number) for number in range(3 * WORKERS)]
    await queue.stop(0)


async def test_one_that_fails_stops_no_other_is_told_of_and_tried_again() -> None:
    worker = Worker(failing={task_of(0): 2})
    queue = worker.queue()
    for number in range(3):
        await queue.enqueue(task_of(number))
    await queue.settled()
    assert sorted(worker.done, key=str) == [task_of(number) for number in range(3)]
    assert [str(error) for error in worker.errors] == ["a reason"] * 2
    assert not await queue.enqueue(task_of(0))


async def test_one_that_fails_each_time_is_given_up_and_may_be_sent_again() -> None:
    worker = Worker(failing={task_of(0): ATTEMPTS})
    queue = worker.queue()
    await queue.enqueue(task_of(0))
    await queue.settled()
    assert (len(worker.errors), worker.done) == (ATTEMPTS, [])
    assert await queue.enqueue(task_of(0))
    await queue.settled()
    assert worker.done == [task_of(0)]


async def test_while_it_waits_to_be_tried_again_it_holds_no_worker() -> None:
    worker = Worker(failing={task_of(number): 1 for number in range(WORKERS)})
    queue = InProcessTasks(worker.work, worker.errors.append, lambda: worker.now, first_wait_seconds=60)
    for number in range(WORKERS + 1):
        await queue.enqueue(task_of(number))
    await asyncio.sleep(0.01)
    assert worker.done == [task_of(WORKERS)]
    await queue.stop(0)


async def test_a_step_waits_for_its_moment_beside_the_others() -> None:
    worker = Worker()
    queue = worker.queue()
    step = PreviewTask("corp.example", "user-0", SLOT, 30, not_before=SLOT + timedelta(milliseconds=60))
    past = replace(step, user="user-1", not_before=SLOT - timedelta(days=1))
    for task in (step, past, task_of(2)):
        await queue.enqueue(task)
    await asyncio.sleep(0.02)
    assert sorted(worker.done, key=str) == sorted([past, task_of(2)], key=str)
    await queue.settled()
    assert worker.done[-1] == step


async def test_a_task_may_send_the_next_one() -> None:
    worker = Worker()

    async def work(task: Task) -> None:
        await worker.work(task)
        if isinstance(task, PreviewTask) and task.looked_at < 3:
            await queue.enqueue(replace(task, looked_at=task.looked_at + 1))

    queue = InProcessTasks(work, worker.errors.append, lambda: SLOT)
    await queue.enqueue(PreviewTask("corp.example", "user-0", SLOT, 30))
    await queue.settled()
    assert [task.looked_at for task in worker.done if isinstance(task, PreviewTask)] == [0, 1, 2, 3]


async def test_whose_task_it_is_is_not_who_sent_it() -> None:
    worker = Worker()
    queue = worker.queue()
    tokens = requester.set({"user": "the-admin"}), traceparent.set("00-trace")
    await queue.enqueue(task_of(0))
    await queue.settled()
    requester.reset(tokens[0])
    traceparent.reset(tokens[1])
    assert worker.contexts == [(None, "")]


async def test_a_name_is_blocked_for_an_hour_by_a_clock_that_may_go_back() -> None:
    worker = Worker()
    queue = worker.queue()
    assert await queue.enqueue(task_of(0))
    worker.now += NAME_BLOCKED - timedelta(seconds=1)
    assert not await queue.enqueue(task_of(0))
    worker.now += timedelta(seconds=1)
    assert await queue.enqueue(task_of(0))
    worker.now -= timedelta(days=1)
    assert await queue.enqueue(task_of(0))
    await queue.settled()


async def test_a_full_queue_says_so_and_takes_more_once_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_TASKS >= 1_000
    monkeypatch.setattr(in_process, "MOST_TASKS", 3)
    worker = Worker()
    worker.gate.clear()
    queue = worker.queue()
    for number in range(3):
        await queue.enqueue(task_of(number))
    with pytest.raises(RateLimited):
        await queue.enqueue(task_of(3))
    worker.gate.set()
    await queue.settled()
    assert await queue.enqueue(task_of(3))
    await queue.settled()


async def test_at_the_end_what_waits_is_left_and_what_is_under_way_is_finished() -> None:
    worker = Worker()
    worker.gate.clear()
    queue = worker.queue()
    for number in range(WORKERS + 2):
        await queue.enqueue(task_of(number))
    await asyncio.sleep(0.01)
    stopping = asyncio.create_task(queue.stop(10))
    await asyncio.sleep(0.01)
    worker.gate.set()
    await stopping
    assert worker.done == worker.begun == [task_of(number) for number in range(WORKERS)]
    with pytest.raises(RateLimited):
        await queue.enqueue(task_of(99))


async def test_at_the_end_what_does_not_finish_in_time_is_cut_off() -> None:
    worker = Worker()
    worker.gate.clear()
    queue = worker.queue()
    await queue.enqueue(task_of(0))
    await asyncio.sleep(0.01)
    async with asyncio.timeout(1):
        await queue.stop(0.02)
    assert (worker.done, worker.cancelled) == ([], [task_of(0)])


async def test_at_the_end_what_failed_is_not_waited_for() -> None:
    worker = Worker(failing={task_of(0): 1})
    worker.gate.clear()
    queue = InProcessTasks(worker.work, worker.errors.append, lambda: SLOT, first_wait_seconds=60)
    await queue.enqueue(task_of(0))
    await asyncio.sleep(0.01)
    async with asyncio.timeout(1):
        stopping = asyncio.create_task(queue.stop(10))
        await asyncio.sleep(0.01)
        worker.gate.set()
        await stopping
    assert len(worker.errors) == 1
