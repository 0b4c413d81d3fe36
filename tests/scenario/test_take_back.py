"""Taking back the last runs, with mail in Gmail: what runs have moved comes back, what its user has moved stays, whatever fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from mailmagnet.categories import Category
from mailmagnet.crm import DealState
from mailmagnet.customer_address import kept_of_address, remove_address
from mailmagnet.errors import LeaseTaken, MailMagnetError, Paused, Unavailable
from mailmagnet.gmail import GMAIL
from mailmagnet.pause import pause, resume
from mailmagnet.store import Mailbox, TakeBack, TakenBack
from mailmagnet.take_back import (
    FAILED,
    HISTORY_GONE,
    MOST_FAILURES,
    REFUSED,
    RESUMED,
    UNDER_WAY,
    TakingBack,
    begin_taking_back,
    count_taking_back,
    plan_taking_back,
    send_taking_back,
    take_back,
    take_back_by_task,
)
from mailmagnet.tasks import TakeBackTask, Task
from sandbox.google.faults import Fault
from tests.scenario.desk import ADA, OURS, Desk, desk_in
from tests.scenario.office import connected
from tests.scenario.test_unfinished_runs import Killed, Outside, Watch

ORG = "corp.example"
WON = (DealState.WON, date(2020, 1, 31))
CUSTOMER = OURS[Category.CUSTOMER]
HOUR = timedelta(hours=1)


@dataclass
class Mailroom:
    """Mail that a bad import has moved: twelve out of the inbox, one that its user had archived, and what the user did since."""

    desk: Desk
    moved: list[str]
    archived: str
    put_back: str
    by_hand: str
    early: str

    @property
    def asked(self) -> TakeBack:
        return TakeBack(self.desk.now(), self.desk.now() - HOUR)

    async def labels(self, *mail_ids: str) -> list[set[str]]:
        return [await self.desk.labels_of(mail_id) for mail_id in mail_ids]

    async def check_taken_back(self) -> None:
        assert await self.labels(*self.moved) == [{"INBOX", "UNREAD"}] * len(self.moved)
        assert await self.labels(self.archived) == [set()], "what the user had archived stays archived"
        assert await self.labels(self.put_back) == [{CUSTOMER, "INBOX", "UNREAD"}], "the user has put it back, and it stays so"
        assert await self.labels(self.by_hand) == [{CUSTOMER, "UNREAD"}], "nobody but the user has put it there"
        assert await self.labels(self.early) == [{CUSTOMER, "UNREAD"}], "what was moved before that moment stays"


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Mailroom]:
    async with desk_in(tmp_path) as desk:
        await desk.connect()
        await desk.contact("won@a.example", WON)
        await desk.switch_on()
        early = desk.arrive("won@a.example")
        await desk.run()
        assert await desk.labels_of(early) == {CUSTOMER, "UNREAD"}
        desk.clock.turn(hours=6)
        moved = [desk.arrive("won@a.example", f"Mail {number}") for number in range(12)]
        archived = desk.arrive("won@a.example", labels=())
        put_back, by_hand = desk.arrive("won@a.example"), desk.arrive("stranger@b.example")
        await desk.run()
        folder = desk.world.mailbox(ADA)
        ours = (await desk.mailbox()).labels[Category.CUSTOMER]
        folder.modify([put_back], add=["INBOX"])
        folder.modify([by_hand], add=[ours], remove=["INBOX"])
        made = Mailroom(desk, moved, archived, put_back, by_hand, early)
        yield made


async def test_what_runs_have_moved_comes_back_and_what_the_user_has_moved_stays(room: Mailroom) -> None:
    desk = room.desk
    counted = await count_taking_back(ORG, room.asked.since, desk.store)
    assert (counted.mailboxes, counted.mails) == (1, 14)
    assert await plan_taking_back(await desk.mailbox(), room.asked.since, desk) == 13
    for _ in range(2):
        done = await take_back(ORG, desk.account.sub, room.asked, desk)
        assert (done.mails, done.problem) == (13, "")
        await room.check_taken_back()
    assert (await desk.mailbox()).taken_back == done


async def test_what_its_user_has_put_under_another_of_our_labels_stays(room: Mailroom) -> None:
    desk = room.desk
    ours, open_deals = (await desk.mailbox()).labels, OURS[Category.OPEN_DEALS]
    by_hand = room.moved.pop()
    desk.world.mailbox(ADA).modify([by_hand], add=[ours[Category.OPEN_DEALS]], remove=[ours[Category.CUSTOMER]])
    assert (await take_back(ORG, desk.account.sub, room.asked, desk)).mails == 12
    assert await room.labels(by_hand) == [{open_deals, "UNREAD"}]
    await room.check_taken_back()


async def test_an_address_that_is_removed_is_nowhere_and_its_mail_stays_decided(room: Mailroom) -> None:
    desk = room.desk
    assert await remove_address(ORG, "won@a.example", desk.store) == 15
    assert (await kept_of_address(ORG, "won@a.example", desk.store)).mails == []
    assert b"won@a.example" not in (desk.folder / "store.sqlite").read_bytes()
    assert (await take_back(ORG, desk.account.sub, room.asked, desk)).mails == 13
    desk.world.mailbox(ADA).expire_history()
    desk.clock.turn(minutes=10)
    assert (await desk.run()).moves == ()
    await room.check_taken_back()


async def test_no_run_moves_it_again_and_new_mail_is_sorted(room: Mailroom) -> None:
    desk = room.desk
    await pause(ORG, desk.now(), desk.store)
    await take_back(ORG, desk.account.sub, room.asked, desk)
    with pytest.raises(Paused):
        await desk.run()
    await resume(ORG, desk.store)
    new = desk.arrive("won@a.example")
    assert [move.mail_id for move in (await desk.run()).moves] == [new]
    desk.world.mailbox(ADA).expire_history()
    desk.clock.turn(minutes=10)
    assert (await desk.run()).moves == ()
    await room.check_taken_back()


async def test_it_costs_little(room: Mailroom) -> None:
    """Twelve mails back with one batch, one alone: history, labels, the mail under each label, two moves."""
    room.desk.clock.turn(minutes=2)
    before = room.desk.world.quota.total(ADA)
    await take_back(ORG, room.desk.account.sub, room.asked, room.desk)
    assert room.desk.world.quota.total(ADA) - before == 2 + 1 + 2 * 5 + 50 + 5


async def test_a_run_under_way_is_waited_for(room: Mailroom) -> None:
    desk = room.desk
    lease = await desk.store.take_lease(ORG, desk.account.sub, desk.now(), 300)
    with pytest.raises(LeaseTaken):
        await take_back(ORG, desk.account.sub, room.asked, desk)
    await desk.store.release_lease(lease)
    await take_back(ORG, desk.account.sub, room.asked, desk)
    await room.check_taken_back()


async def test_history_that_gmail_has_forgotten_is_told_and_nothing_is_done(room: Mailroom) -> None:
    desk = room.desk
    before = await room.labels(*room.moved)
    desk.world.mailbox(ADA).expire_history()
    done = await take_back(ORG, desk.account.sub, room.asked, desk)
    assert (done.mails, done.problem) == (0, HISTORY_GONE)
    assert await room.labels(*room.moved) == before


async def test_a_consent_that_has_ended_is_told(room: Mailroom) -> None:
    desk = room.desk
    await desk.vault.forget(ORG, desk.account.sub)
    asked = room.asked
    done = await take_back(ORG, desk.account.sub, asked, desk)
    assert done == TakenBack(asked.asked, 0, REFUSED)


async def test_each_call_fails_before_or_after_its_effect_or_is_the_last_and_again_makes_it_good(tmp_path: Path) -> None:
    seen = 0
    for how in ("before", "after", "killed before", "killed after"):
        at = 0
        while True:
            folder = tmp_path / f"{how}-{at}"
            watch = Watch(at, how)
            async with _moved_mail(folder) as room:
                failed = await _tried(room, watch)
                room.desk.clock.turn(minutes=10)
                done = await take_back(ORG, room.desk.account.sub, room.asked, room.desk)
                assert done.problem == "", (how, watch.calls)
                assert await room.labels(*room.moved) == [{"INBOX", "UNREAD"}] * len(room.moved), (how, watch.calls)
            if not failed:
                break
            at += 1
        seen = at
    assert seen >= 8, "the calls of a taking back"


async def _tried(room: Mailroom, watch: Watch) -> bool:
    try:
        await take_back(ORG, room.desk.account.sub, room.asked, Outside(room.desk, watch))
    except (MailMagnetError, Killed):
        return True
    return len(watch.calls) > watch.at


@asynccontextmanager
async def _moved_mail(folder: Path) -> AsyncIterator[Mailroom]:
    folder.mkdir()
    async with desk_in(folder) as desk:
        await desk.connect()
        await desk.contact("won@a.example", WON)
        await desk.switch_on()
        moved = [desk.arrive("won@a.example") for _ in range(2)]
        await desk.run()
        yield Mailroom(desk, moved, "", "", "", "")


# By tasks


class Queue:
    """The task queue's part: what was put in, in order."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.refused = ""

    async def enqueue(self, task: Task) -> bool:
        if getattr(task, "user", "") == self.refused:
            raise Unavailable(GMAIL, "failed on purpose")
        new = task not in self.tasks
        self.tasks.append(task)
        return new


class Parts:
    """The desk's parts, with a queue."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.tasks = Queue()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk, name)


async def test_it_begins_with_a_pause_and_the_ticks_send_a_task_to_each_mailbox_that_has_not_begun(room: Mailroom) -> None:
    desk, parts = room.desk, cast(Any, Parts(room.desk))
    mine, kim = desk.account.sub, (await connected(desk, "kim@corp.example", "Kim Corp")).sub
    eve = (await connected(desk, "eve@other.example", "Eve Other", "other.example")).sub
    await as_moved_as(await desk.mailbox(), ORG, kim, desk)
    await as_moved_as(await desk.mailbox(), "other.example", eve, desk)
    asked = await begin_taking_back(ORG, desk.now() - HOUR, desk.now(), desk.store)
    policy = await desk.store.policy(ORG)
    assert (policy.paused_since, policy.take_back) == (desk.now(), asked)
    parts.tasks.refused = mine
    assert len(await send_taking_back(ORG, parts)) == 1, "what cannot be sent is told, and Kim's is sent all the same"
    parts.tasks.refused = ""
    for org in (ORG, ORG, "other.example"):
        assert not await send_taking_back(org, parts)
    tasks = {task.user: task for task in parts.tasks.tasks}
    assert tasks == {user: TakeBackTask(ORG, user, asked.asked, asked.since) for user in (mine, kim)}
    # Kim's consent has ended: that holds up nobody else.
    await desk.vault.forget(ORG, kim)
    assert await take_back_by_task(tasks[kim], parts) == TakenBack(asked.asked, 0, REFUSED)
    assert await take_back_by_task(tasks[mine], parts) == TakenBack(asked.asked, 13)
    await room.check_taken_back()
    parts.tasks.tasks.clear()
    await send_taking_back(ORG, parts)
    assert parts.tasks.tasks == [], "what is done is not sent again"
    assert await count_taking_back(ORG, asked.since, desk.store) == TakingBack(1, 14), "what is back counts no more as moved"


async def as_moved_as(another: Mailbox, org: str, user: str, desk: Desk) -> None:
    """A mailbox in which runs have moved as much as in another."""
    assert another.progress
    lease = await desk.store.take_lease(org, user, desk.now(), 300)
    await desk.store.switch_on(
        lease,
        mailmagnet_since=desk.now(),
        labelling_since=desk.now(),
        progress=another.progress,
        labels=another.labels,
        last_run=another.last_run,
    )
    await desk.store.release_lease(lease)


async def test_what_is_down_is_tried_again_a_minute_later_and_in_the_end_given_up(room: Mailroom) -> None:
    parts: Any = Parts(room.desk)
    room.desk.world.faults.add(Fault("gmail", "history.list", status=500))
    room.desk.world.faults.add(Fault("gmail", "users.history.list", status=500))
    await pause(ORG, room.desk.now(), room.desk.store)
    task = TakeBackTask(ORG, room.desk.account.sub, room.asked.asked, room.asked.since)
    for failures in range(MOST_FAILURES):
        assert await take_back_by_task(task, parts) is None
        kept = (await room.desk.mailbox()).taken_back
        assert kept
        assert kept.problem == UNDER_WAY
        task = parts.tasks.tasks[-1]
        assert task == replace(task, failures=failures + 1, not_before=room.desk.now() + timedelta(minutes=1))
    given_up = await take_back_by_task(task, parts)
    assert given_up == TakenBack(task.asked, 0, FAILED)
    assert (await room.desk.mailbox()).taken_back == given_up


async def test_after_resume_nothing_is_taken_back_any_more(room: Mailroom) -> None:
    desk, parts = room.desk, cast(Any, Parts(room.desk))
    asked = await begin_taking_back(ORG, desk.now() - HOUR, desk.now(), desk.store)
    desk.clock.turn(minutes=2)
    await resume(ORG, desk.store)
    new = desk.arrive("won@a.example")
    await desk.run()
    for _ in range(2):
        assert not await send_taking_back(ORG, parts)
        assert parts.tasks.tasks == []
        done = await take_back_by_task(TakeBackTask(ORG, desk.account.sub, asked.asked, asked.since), parts)
        assert done == TakenBack(asked.asked, 0, RESUMED)
        assert await room.labels(new) == [{CUSTOMER, "UNREAD"}]
        # A pause that begins later is another one.
        await pause(ORG, desk.now(), desk.store)


async def test_a_task_that_comes_again_after_resume_does_not_change_what_is_told_of_the_first(room: Mailroom) -> None:
    await pause(ORG, room.desk.now(), room.desk.store)
    task = TakeBackTask(ORG, room.desk.account.sub, room.asked.asked, room.asked.since)
    done = await take_back_by_task(task, cast(Any, Parts(room.desk)))
    await resume(ORG, room.desk.store)
    assert await take_back_by_task(task, cast(Any, Parts(room.desk))) == done
    assert (await room.desk.mailbox()).taken_back == done
