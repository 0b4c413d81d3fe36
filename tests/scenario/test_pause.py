"""Pause, with mail in Gmail: nothing begins, a run under way stops before its next moves, and after Resume all of it is made good."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from gmail_client.mailbox import GmailMailbox
from mailmagnet.categories import Category
from mailmagnet.crm import DealState
from mailmagnet.errors import Paused
from mailmagnet.pause import pause, resume
from mailmagnet.preview import count_mail
from mailmagnet.store import Policy, Preview
from mailmagnet.tasks import PreviewTask
from tests.scenario.desk import OURS, Desk, desk_in

ORG = "corp.example"
WON, OPEN = (DealState.WON, date(2020, 1, 31)), (DealState.OPEN, date(2027, 2, 1))
CUSTOMER, OPEN_DEALS = OURS[Category.CUSTOMER], OURS[Category.OPEN_DEALS]


@pytest.fixture
async def desk(tmp_path: Path) -> Any:
    async with desk_in(tmp_path) as made:
        await made.connect()
        await made.contact("won@a.example", WON)
        await made.contact("open@a.example", OPEN)
        await made.switch_on()
        await made.run()
        yield made


async def in_inbox(desk: Desk, *mail_ids: str) -> list[bool]:
    return ["INBOX" in await desk.labels_of(mail_id) for mail_id in mail_ids]


async def test_nothing_is_moved_or_noted_and_what_came_meanwhile_is_sorted_after_resume(desk: Desk) -> None:
    before = await desk.mailbox()
    await pause(ORG, desk.now(), desk.store)
    mail = desk.arrive("won@a.example")
    for _ in range(3):
        with pytest.raises(Paused):
            await desk.run()
    assert await in_inbox(desk, mail) == [True]
    assert await desk.mailbox() == before, "a pause is no trouble, and the cursor stays"
    dry = await desk.dry_run()
    assert [move.mail_id for move in dry.moves] == [mail], "what Resume would do can be seen first"
    await resume(ORG, desk.store)
    assert (await desk.run()).sorted[Category.CUSTOMER] == 1
    assert await desk.labels_of(mail) == {CUSTOMER, "UNREAD"}


async def test_a_pause_longer_than_history_lives_loses_nothing(desk: Desk) -> None:
    await pause(ORG, desk.now(), desk.store)
    mails = [desk.arrive("won@a.example")]
    desk.clock.turn(days=20)
    mails.append(desk.arrive("open@a.example"))
    desk.world.mailbox("ada@corp.example").expire_history()
    await resume(ORG, desk.store)
    await desk.run()
    assert await in_inbox(desk, *mails) == [False, False]


async def test_a_run_under_way_stops_before_its_next_batch_and_the_first_after_resume_finishes_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = [desk.arrive("open@a.example"), desk.arrive("won@a.example"), desk.arrive("won@a.example")]
    moved: list[int] = []
    move = GmailMailbox.move

    async def paused_after_the_first(gmail: GmailMailbox, mail_ids: Any, **labels: Any) -> Any:
        done = await move(gmail, mail_ids, **labels)
        moved.append(len(mail_ids))
        await pause(ORG, desk.now(), desk.store)
        return done

    monkeypatch.setattr(GmailMailbox, "move", paused_after_the_first)
    with pytest.raises(Paused):
        await desk.run()
    assert moved == [1]
    assert await in_inbox(desk, *mails) == [False, True, True]
    assert (await desk.mailbox()).trouble is None
    monkeypatch.undo()
    await resume(ORG, desk.store)
    # What its user has put back meanwhile stays there: it was moved before the pause.
    desk.world.mailbox("ada@corp.example").modify([mails[0]], add=["INBOX"])
    await desk.run()
    assert await in_inbox(desk, *mails) == [True, False, False]
    assert await desk.labels_of(mails[1]) == {CUSTOMER, "UNREAD"}


async def test_what_a_pause_costs_a_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One reading of the policy as ever, and one more for each label that mail goes under: three at most."""
    asked: list[str] = []
    policy = type(desk.store).policy

    async def counted(store: Any, org: str) -> Policy:
        asked.append(org)
        return await policy(store, org)

    monkeypatch.setattr(type(desk.store), "policy", counted)
    await desk.run()
    assert len(asked) == 1
    for sender in ("open@a.example", "won@a.example"):
        desk.arrive(sender)
    await desk.run()
    assert len(asked) == 1 + 1 + 2


async def test_a_preview_that_is_being_counted_is_forgotten_to_be_begun_anew(desk: Desk) -> None:
    begun = desk.now()
    await desk.store.save_preview(ORG, desk.account.sub, Preview(begun, 30, 500, 50))
    await pause(ORG, desk.now(), desk.store)
    for _ in range(2):
        with pytest.raises(Paused):
            await count_mail(PreviewTask(ORG, desk.account.sub, begun, 30, 50), desk)
    assert (await desk.mailbox()).preview is None


async def test_a_finished_preview_of_before_stays(desk: Desk) -> None:
    done = Preview(desk.now() - timedelta(hours=1), 30, 5, 5)
    await desk.store.save_preview(ORG, desk.account.sub, done)
    await pause(ORG, desk.now(), desk.store)
    with pytest.raises(Paused):
        await count_mail(PreviewTask(ORG, desk.account.sub, desk.now(), 7), desk)
    assert (await desk.mailbox()).preview == done
