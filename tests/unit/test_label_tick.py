"""The tick: which mailboxes get a task, one organisation's trouble kept to itself, six runs an hour, and old records that go away."""

from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mailmagnet.crm_choice import EMBEDDED, CrmChoice
from mailmagnet.errors import RateLimited, Service, Side, Unavailable
from mailmagnet.label_tick import MAILBOXES_A_TASK, tick
from mailmagnet.parts import Parts
from mailmagnet.pause import pause, resume
from mailmagnet.store import MailReading, MailRecord, Policy, Progress, RunCounts, Store
from mailmagnet.tasks import MailboxesTask, MailboxTask
from metadata_store.sqlite import SqliteStore

NOW = datetime(2026, 11, 23, 9, 0, 17, tzinfo=UTC)
EVERY = timedelta(minutes=10)


class Queue:
    """Tasks by name: the same one twice is one."""

    def __init__(self) -> None:
        self.tasks: list[MailboxTask] = []
        self.together: list[MailboxesTask] = []
        self.refuses: set[str] = set()

    async def enqueue(self, task: MailboxTask | MailboxesTask) -> bool:
        if task.org in self.refuses:
            raise RateLimited(Service(Side.OURS, "Cloud Tasks"), 10)
        if isinstance(task, MailboxesTask):
            new = (task.org, task.slots) not in [(sent.org, sent.slots) for sent in self.together]
            self.together += [task] if new else []
            return new
        if any((task.org, task.user, task.slot) == (sent.org, sent.user, sent.slot) for sent in self.tasks):
            return False
        self.tasks.append(task)
        return True


class FailingStore:
    """A store that does not answer for one organisation, in one of its calls."""

    def __init__(self, store: Store, org: str, call: str, error: Exception | None = None) -> None:
        self._store, self._org, self._call = store, org, call
        self._error = error or Unavailable(Service(Side.OURS, "SQLite"), "failed on purpose")

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)

        async def call(*words: Any) -> Any:
            if name == self._call and words[:1] == (self._org,):
                raise self._error
            return await real(*words)

        return call


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "store.sqlite")
    yield opened
    await opened.close()


async def switched_on(store: Store, org: str, user: str, records: tuple[MailRecord, ...] = ()) -> None:
    await store.connect(org, user, f"{user}@{org}", NOW)
    lease = await store.take_lease(org, user, NOW, 300)
    counts = RunCounts(NOW - timedelta(days=1))
    await store.switch_on(
        lease, mailmagnet_since=counts.at, labelling_since=counts.at, progress=Progress("1"), labels={}, last_run=counts
    )
    await store.save_run(lease, Progress("1"), labels={}, records=records)
    await store.release_lease(lease)


async def ran(store: Store, org: str, user: str, at: datetime, ticked: datetime | None = None) -> None:
    """A run that began then, asked for by that tick."""
    lease = await store.take_lease(org, user, at, 300)
    mailbox = await store.mailbox(org, user)
    assert mailbox
    await store.save_run(lease, Progress("2"), labels={}, counts=replace(mailbox.last_run, at=at, tick=ticked))
    await store.release_lease(lease)


def parts(store: Any, queue: Queue, now: datetime = NOW, pooled: Collection[CrmChoice] = ()) -> Parts:
    """`pooled` are the CRMs that are asked for the senders of many mailboxes at once."""

    def client_of(choice: CrmChoice) -> Any:
        return SimpleNamespace(capabilities=SimpleNamespace(pooled=choice in pooled))

    choice = CrmChoice(EMBEDDED)

    async def nobody(org: str, user: str) -> None:
        """The vault's: no CRM account is linked."""

    given = SimpleNamespace(
        vault=SimpleNamespace(connection=nobody),
        store=store,
        tasks=queue,
        now=lambda: now,
        retention_days=90,
        default_crm=choice,
        crm_client_of=client_of,
    )
    return cast(Parts, given)


@pytest.mark.parametrize("error", [None, KeyError("what stands in the store is not what was written")])
@pytest.mark.parametrize("call", ["due_mailboxes", "leaving_mailboxes", "policy", "delete_mails_before", "mailboxes"])
async def test_one_organisations_store_failure_stops_nobody_elses_tick(
    store: SqliteStore, call: str, error: Exception | None
) -> None:
    for org in ("a.example", "b.example", "c.example"):
        await switched_on(store, org, "1")
        await store.set_policy(org, Policy(retention_days=30))
        await store.keep_reading(org, MailReading("2", "1", "a1", "c", NOW - timedelta(days=40)))
    queue = Queue()
    done = await tick(EVERY, parts(FailingStore(store, "b.example", call, error), queue))
    assert [await store.readings(org, "1", 1) for org in ("a.example", "c.example")] == [[], []]
    assert {task.org for task in queue.tasks} >= {"a.example", "c.example"}
    # The policy is asked for four times: is the organisation paused, are runs taken back, is it being removed, and for its daily chores.
    failed = [Unavailable] * (4 if call == "policy" else 1)
    assert {org: [type(problem) for problem in problems] for org, problems in done.problems.items()} == {"b.example": failed}
    again = await tick(EVERY, parts(store, queue, NOW + timedelta(minutes=1)))
    assert {task.org for task in queue.tasks} == {"a.example", "b.example", "c.example"}
    assert again.problems == {}


async def test_nobody_of_an_organisation_that_is_paused_is_due_and_all_are_after_resume(store: SqliteStore) -> None:
    for org, user in (("a.example", "1"), ("a.example", "2"), ("b.example", "1")):
        await switched_on(store, org, user)
    await pause("a.example", NOW, store)
    queue = Queue()
    for minutes in range(0, 30, 10):
        await tick(EVERY, parts(store, queue, NOW + timedelta(minutes=minutes)))
    assert {task.org for task in queue.tasks} == {"b.example"}
    assert await resume("a.example", store)
    await tick(EVERY, parts(store, queue, NOW + timedelta(minutes=30)))
    assert {(task.org, task.user) for task in queue.tasks} == {("a.example", "1"), ("a.example", "2"), ("b.example", "1")}


async def test_pausing_twice_keeps_the_first_moment_and_resuming_twice_does_nothing(store: SqliteStore) -> None:
    await store.set_policy("a.example", Policy(retention_days=30))
    assert await pause("a.example", NOW, store) == await pause("a.example", NOW + timedelta(hours=1), store) == NOW
    assert await store.policy("a.example") == Policy(retention_days=30, paused_since=NOW)
    assert [await resume("a.example", store), await resume("a.example", store)] == [True, False]
    assert await store.policy("a.example") == Policy(retention_days=30)


async def test_a_queue_that_refuses_one_organisations_task_gets_the_others(store: SqliteStore) -> None:
    for org in ("a.example", "b.example", "c.example"):
        await switched_on(store, org, "1")
    queue = Queue()
    queue.refuses = {"a.example"}
    done = await tick(EVERY, parts(store, queue))
    assert done.tasks == 2
    assert {org: [type(problem) for problem in failed] for org, failed in done.problems.items()} == {"a.example": [RateLimited]}


@pytest.mark.parametrize("between", [1, 2, 5, 10])
@pytest.mark.parametrize("late", [0, 20, 45, 170])
async def test_a_mailbox_is_sorted_six_times_an_hour(store: SqliteStore, between: int, late: int) -> None:
    """Ticks each so many minutes, some seconds early or late; each run begins `late` seconds after its tick."""
    await switched_on(store, "a.example", "1")
    await ran(store, "a.example", "1", NOW)
    queue, runs = Queue(), 0
    for minute in range(between, 121, between):
        at = NOW + timedelta(minutes=minute, seconds=(minute * 7) % 11 - 5)
        done = await tick(EVERY, parts(store, queue, at))
        if done.tasks:
            runs += 1
            await ran(store, "a.example", "1", at + timedelta(seconds=late), queue.tasks[-1].tick)
    assert runs == 12


async def test_a_task_that_waits_in_the_queue_is_not_sent_again(store: SqliteStore) -> None:
    await switched_on(store, "a.example", "1")
    queue = Queue()
    sent = [(await tick(EVERY, parts(store, queue, NOW + timedelta(minutes=minute)))).tasks for minute in range(30)]
    assert sum(sent) in {3, 4}


async def test_records_past_their_retention_go_away_and_others_stay(store: SqliteStore) -> None:
    old = MailRecord("a1", "grace@a.example", NOW - timedelta(days=31))
    new = MailRecord("a2", "grace@a.example", NOW - timedelta(days=29))
    await switched_on(store, "short.example", "1", (old, new))
    await switched_on(store, "long.example", "1", (old, new))
    await store.set_policy("short.example", Policy(retention_days=30))
    await tick(EVERY, parts(store, Queue()))
    assert await store.latest_mails("short.example", "1", 10) == [new]
    assert await store.latest_mails("long.example", "1", 10) == [new, old]


HUBSPOT = CrmChoice("hubspot")


async def _pooled(store: SqliteStore, org: str, users: int) -> None:
    await store.set_policy(org, Policy(crm=HUBSPOT))
    for user in range(users):
        await switched_on(store, org, f"{user}")


async def test_where_the_crm_is_asked_for_many_at_once_a_task_is_for_many_of_one_organisation(store: SqliteStore) -> None:
    await _pooled(store, "a.example", 3)
    await _pooled(store, "b.example", MAILBOXES_A_TASK + 1)
    await switched_on(store, "c.example", "1")
    queue = Queue()
    assert (await tick(EVERY, parts(store, queue, pooled={HUBSPOT}))).tasks == 4
    assert [(task.org, len(task.slots), task.tick) for task in queue.together] == [
        ("a.example", 3, NOW),
        ("b.example", MAILBOXES_A_TASK, NOW),
        ("b.example", 1, NOW),
    ]
    assert [(task.org, task.user) for task in queue.tasks] == [("c.example", "1")]
    asked = [(task.org, user) for task in queue.together for user, _ in task.slots]
    assert len(set(asked)) == len(asked)
    for task in queue.together:
        for user, slot in task.slots:
            mailbox = await store.mailbox(task.org, user)
            assert mailbox
            assert mailbox.due_since(NOW, EVERY) == slot


async def test_as_long_as_the_same_are_due_their_task_is_the_same(store: SqliteStore) -> None:
    await _pooled(store, "a.example", 20)
    queue, ticks = Queue(), 0
    for minute in range(5):
        at = NOW + timedelta(minutes=minute)
        due = {(each.user, each.due_since(at, EVERY)) for each in await store.due_mailboxes("a.example", at, EVERY)}
        sent = (await tick(EVERY, parts(store, queue, at, pooled={HUBSPOT}))).tasks
        assert sent == (due not in [set(task.slots) for task in queue.together[: len(queue.together) - sent]])
        ticks += 1
    assert len(queue.together) <= ticks


async def test_a_task_for_many_leaves_out_who_has_run(store: SqliteStore) -> None:
    await _pooled(store, "a.example", 3)
    queue = Queue()
    await ran(store, "a.example", "1", NOW, ticked=NOW)
    await tick(EVERY, parts(store, queue, pooled={HUBSPOT}))
    assert [user for task in queue.together for user, _ in task.slots] == ["0", "2"]
