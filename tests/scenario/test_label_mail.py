"""The job on one mailbox, through Gmail's API over HTTP: what moves, what stays, and what survives a crash."""

import asyncio
import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailmagnet.categories import Category
from mailmagnet.crm import DealState
from mailmagnet.errors import Forbidden, LeaseTaken, MailMagnetError, NotAuthorised, RateLimited, Unavailable
from mailmagnet.label_mail import MAILS_A_RUN, label_mail
from mailmagnet.store import DayCounts, Policy, Store
from sandbox.google.faults import Fault
from tests.scenario.desk import ADA, NOW, OURS, Desk, desk_in

OPEN, WON, LOST = DealState.OPEN, DealState.WON, DealState.LOST
THIS_MONTH, NEXT_MONTH, LAST_MONTH = date(2026, 11, 30), date(2026, 12, 1), date(2026, 10, 31)
CLOSING, OPEN_DEALS, CUSTOMER = (OURS[category] for category in Category)
EVERY = timedelta(minutes=10)


async def test_each_category_goes_under_its_label_out_of_the_inbox(desk: Desk) -> None:
    await desk.contact("closing@a.example", (OPEN, NEXT_MONTH), (OPEN, THIS_MONTH), (WON, LAST_MONTH))
    await desk.contact("open@a.example", (OPEN, NEXT_MONTH), (WON, LAST_MONTH))
    await desk.contact("overdue@a.example", (OPEN, LAST_MONTH))
    await desk.contact("dateless@a.example", (OPEN, None))
    await desk.contact("customer@a.example", (WON, LAST_MONTH), (LOST, THIS_MONTH))
    await desk.contact("lost@a.example", (LOST, THIS_MONTH))
    await desk.contact("bare@a.example")
    expected = {
        "closing@a.example": {CLOSING, "UNREAD"},
        "open@a.example": {OPEN_DEALS, "UNREAD"},
        "overdue@a.example": {OPEN_DEALS, "UNREAD"},
        "dateless@a.example": {OPEN_DEALS, "UNREAD"},
        "customer@a.example": {CUSTOMER, "UNREAD"},
        "lost@a.example": {"INBOX", "UNREAD"},
        "bare@a.example": {"INBOX", "UNREAD"},
        "stranger@b.example": {"INBOX", "UNREAD"},
    }
    arrived = {sender: desk.arrive(f"Somebody <{sender}>") for sender in expected}
    run = await desk.run()
    assert {sender: await desk.labels_of(mail) for sender, mail in arrived.items()} == expected
    assert run.sorted == {Category.CLOSING_THIS_MONTH: 1, Category.OPEN_DEALS: 3, Category.CUSTOMER: 1}
    assert (run.looked_at, run.remaining, run.crm_calls) == (8, 0, 1)


async def test_a_second_run_moves_nothing_and_costs_next_to_nothing(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    desk.arrive("grace@a.example")
    await desk.run()
    again = await desk.run()
    assert (again.moves, again.looked_at, again.crm_calls) == ((), 0, 0)
    assert again.units == 2


async def test_a_run_without_mail_is_a_run(desk: Desk) -> None:
    assert (await desk.mailbox()).last_run.first_is_to_come
    await desk.run()
    assert not (await desk.mailbox()).last_run.first_is_to_come


async def test_the_days_count_grows_with_its_runs_and_begins_anew_on_the_next_day_of_the_organisation(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, NEXT_MONTH))
    await desk.contact("kay@a.example", (WON, LAST_MONTH))
    assert (await desk.mailbox()).last_run.day is None
    nothing = dict.fromkeys(Category, 0)
    for senders, counted in (
        (("grace@a.example", "kay@a.example"), {Category.OPEN_DEALS: 1, Category.CUSTOMER: 1}),
        (("grace@a.example",), {Category.OPEN_DEALS: 2, Category.CUSTOMER: 1}),
        (("stranger@b.example",), {Category.OPEN_DEALS: 2, Category.CUSTOMER: 1}),
        ((), {Category.OPEN_DEALS: 2, Category.CUSTOMER: 1}),
    ):
        for sender in senders:
            desk.arrive(sender)
        await desk.run()
        assert (await desk.mailbox()).last_run.day == DayCounts(NOW.date(), nothing | counted)
    # half past eleven at night in UTC is the next day in Vienna
    desk.clock.now = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    desk.arrive("kay@a.example")
    await desk.run()
    assert (await desk.mailbox()).last_run.day == DayCounts(date(2026, 11, 24), nothing | {Category.CUSTOMER: 1})


async def test_the_units_that_a_run_counts_are_those_that_gmail_billed(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    for _ in range(15):
        desk.arrive("grace@a.example")
    desk.clock.turn(minutes=2)
    before = desk.world.quota.total(ADA)
    run = await desk.run()
    assert run.units == desk.world.quota.total(ADA) - before == 2 + 15 * 20 + 1 + 50


@pytest.mark.parametrize(
    ("sender", "category"),
    [
        ("Grace Hopper <GRACE@A.Example>", CLOSING),
        ("grace+news@a.example", CLOSING),
        ('"Hopper, Grace" <grace@a.example>', CLOSING),
        ("grace@sub.a.example", None),
        ("grace@a.example.evil.example", None),
    ],
)
async def test_the_sender_is_compared_without_case_then_without_its_tag(desk: Desk, sender: str, category: str | None) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive(sender)
    await desk.run()
    assert await desk.labels_of(mail) == ({category, "UNREAD"} if category else {"INBOX", "UNREAD"})


async def test_a_group_in_the_own_domain_stands_for_the_original_sender_and_nobody_else_does(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    via = desk.arrive("Grace via Sales <sales@corp.example>", X_Original_From="Grace <grace@a.example>")
    reply_to = desk.arrive("stranger@b.example", Reply_To="grace@a.example", Sender="grace@a.example")
    foreign = desk.arrive("list@b.example", X_Original_From="Grace <grace@a.example>")
    await desk.run()
    assert await desk.labels_of(via) == {CLOSING, "UNREAD"}
    assert await desk.labels_of(reply_to) == {"INBOX", "UNREAD"}
    assert await desk.labels_of(foreign) == {"INBOX", "UNREAD"}


async def test_several_contacts_with_one_address_count_as_the_highest(desk: Desk) -> None:
    await desk.contact("shared@a.example", (WON, LAST_MONTH), name="One")
    await desk.contact("shared@a.example", (OPEN, THIS_MONTH), name="Two")
    mail = desk.arrive("shared@a.example")
    await desk.run()
    assert CLOSING in await desk.labels_of(mail)


async def test_other_labels_stay_and_archived_mail_gets_the_label_only(desk: Desk) -> None:
    await desk.contact("grace@a.example", (WON, LAST_MONTH))
    projects = desk.world.mailbox(ADA).create_label(_label("Projects/Alpha")).id
    filtered = desk.arrive("grace@a.example", labels=("INBOX", "STARRED", projects))
    skipped_inbox = desk.arrive("grace@a.example", labels=(projects, "UNREAD"))
    archived = desk.arrive("grace@a.example", labels=())
    await desk.run()
    assert await desk.labels_of(filtered) == {CUSTOMER, "STARRED", "Projects/Alpha"}
    assert await desk.labels_of(skipped_inbox) == {CUSTOMER, "Projects/Alpha", "UNREAD"}
    assert await desk.labels_of(archived) == {CUSTOMER}


@pytest.mark.parametrize("label", ["SPAM", "TRASH", "SENT", "DRAFT", "CHAT"])
async def test_what_is_not_new_mail_is_never_touched(desk: Desk, label: str) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example", labels=(label,))
    run = await desk.run()
    assert await desk.labels_of(mail) == {label}
    assert run.moves == ()


async def test_colleagues_and_what_the_admin_excluded_are_left_alone(desk: Desk) -> None:
    excluded = ("ceo@a.example", "anybody@partner.example", "deep@mail.partner.example", "kim@corp.example", "sales@corp.example")
    for address in (*excluded, "grace@a.example"):
        await desk.contact(address, (OPEN, THIS_MONTH))
    await desk.store.set_policy("corp.example", Policy(excluded=frozenset({"ceo@a.example", "partner.example"})))
    left = [desk.arrive(address) for address in excluded]
    sorted_mail = desk.arrive("grace@a.example")
    await desk.run()
    assert [await desk.labels_of(mail) for mail in left] == [{"INBOX", "UNREAD"}] * len(left)
    assert CLOSING in await desk.labels_of(sorted_mail)


async def test_mail_that_was_there_before_connecting_stays(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
        old = desk.arrive("grace@a.example")
        await desk.connect()
        await desk.switch_on()
        await desk.run()
        assert await desk.labels_of(old) == {"INBOX", "UNREAD"}


async def test_what_the_user_moves_back_stays_in_the_inbox_also_after_a_full_resync(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    back = desk.arrive("grace@a.example")
    await desk.run()
    desk.world.mailbox(ADA).modify([back], add=["INBOX"])
    await desk.run()
    assert await desk.labels_of(back) == {"INBOX", CLOSING, "UNREAD"}
    desk.world.mailbox(ADA).expire_history()
    fresh = desk.arrive("grace@a.example")
    desk.world.mailbox(ADA).expire_history()
    run = await desk.run()
    assert await desk.labels_of(back) == {"INBOX", CLOSING, "UNREAD"}
    assert await desk.labels_of(fresh) == {CLOSING, "UNREAD"}
    assert run.looked_at == 1
    assert (await desk.run()).looked_at == 0


async def test_a_clock_that_goes_back_does_not_stop_the_sorting(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    desk.clock.turn(days=365)
    desk.arrive("grace@a.example")
    await desk.run()
    desk.clock.turn(days=-365)
    assert [due.address for due in await desk.store.due_mailboxes("corp.example", desk.clock.now, EVERY)] == [ADA]
    mail = desk.arrive("grace@a.example")
    desk.world.mailbox(ADA).expire_history()
    await desk.run()
    assert await desk.labels_of(mail) == {CLOSING, "UNREAD"}
    assert (await desk.mailbox()).last_run.at == desk.clock.now


async def test_a_renamed_label_is_still_ours_a_deleted_one_is_made_again(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    gmail = desk.world.mailbox(ADA)
    ours = (await desk.mailbox()).labels[Category.CLOSING_THIS_MONTH]
    label = gmail.label(ours)
    gmail.change_label(_renamed(label, "Hot"))
    first = desk.arrive("grace@a.example")
    await desk.run()
    assert await desk.labels_of(first) == {"Hot", "UNREAD"}
    gmail.delete_label(ours)
    second = desk.arrive("grace@a.example")
    await desk.run()
    assert await desk.labels_of(second) == {CLOSING, "UNREAD"}
    assert (await desk.mailbox()).labels[Category.CLOSING_THIS_MONTH] != ours


async def test_a_label_of_the_same_name_that_was_there_before_is_used(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        there = desk.world.mailbox(ADA).create_label(_label("open deals")).id
        await desk.connect()
        await desk.switch_on()
        mailbox = await desk.mailbox()
        assert mailbox.labels[Category.OPEN_DEALS] == there
        assert len(mailbox.labels) == 3


async def test_the_month_is_that_of_the_organisations_time_zone(tmp_path: Path) -> None:
    async with desk_in(tmp_path, time_zone="Pacific/Auckland") as desk:
        await desk.connect()
        await desk.switch_on()
        await desk.contact("grace@a.example", (OPEN, date(2026, 12, 1)))
        desk.clock.now = datetime(2026, 11, 30, 10, 30, tzinfo=UTC)
        november = desk.arrive("grace@a.example")
        await desk.run()
        desk.clock.now = datetime(2026, 11, 30, 11, 0, tzinfo=UTC)
        december = desk.arrive("grace@a.example")
        await desk.run()
        assert OPEN_DEALS in await desk.labels_of(november)
        assert CLOSING in await desk.labels_of(december)


async def test_a_dry_run_tells_what_would_move_and_why_and_changes_nothing(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")
    before = _dump(desk.folder / "store.sqlite"), desk.world.mailbox(ADA).totals()
    dry = await desk.dry_run()
    (move,) = dry.moves
    assert (move.mail_id, move.from_address, move.in_inbox) == (mail, "grace@a.example", True)
    assert move.decision.category is Category.CLOSING_THIS_MONTH
    assert move.decision.because.name == "Deal 0 of grace@a.example"
    assert (_dump(desk.folder / "store.sqlite"), desk.world.mailbox(ADA).totals()) == before
    assert [done.mail_id for done in (await desk.run()).moves] == [mail]


async def test_many_mails_are_sorted_over_several_runs_within_gmails_quota(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mails = [desk.arrive("grace@a.example" if number % 2 else "stranger@b.example") for number in range(MAILS_A_RUN + 30)]
    first = await desk.run()
    assert (first.looked_at, first.remaining) == (MAILS_A_RUN, 30)
    assert (await desk.mailbox()).last_run.remaining == 30
    second = await desk.run()
    assert (second.looked_at, second.remaining) == (30, 0)
    assert len(first.moves) + len(second.moves) == len(mails) // 2
    in_inbox = desk.world.mailbox(ADA).counts()["INBOX"].messages
    assert in_inbox == len(mails) - len(mails) // 2


async def test_a_full_resync_of_many_mails_goes_on_where_the_last_run_stopped(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    for number in range(MAILS_A_RUN + 30):
        desk.clock.turn(seconds=1)
        desk.arrive("grace@a.example" if number % 2 else "stranger@b.example")
    desk.world.mailbox(ADA).expire_history()
    first = await desk.run()
    assert first.remaining > 0
    second = await desk.run()
    assert second.remaining == 0
    assert len(first.moves) + len(second.moves) == (MAILS_A_RUN + 30) // 2
    assert (await desk.mailbox()).cursor.resync_after is None


async def test_when_gmails_quota_runs_out_nothing_is_lost(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")
    cursor = (await desk.mailbox()).cursor
    desk.clock.turn(minutes=1)
    desk.world.quota.bill(ADA, 5_999)
    with pytest.raises(RateLimited) as limited:
        await desk.use(label_mail)
    assert limited.value.retry_after > 0
    assert (await desk.mailbox()).cursor == cursor
    await desk.run()
    assert CLOSING in await desk.labels_of(mail)


@dataclass
class DyingStore:
    """The store, and a process that dies at one of its calls."""

    store: Store
    dies_at: str

    def __getattr__(self, name: str) -> Any:
        if name == self.dies_at:
            raise SystemExit("the process dies here")
        return getattr(self.store, name)


async def _run_dying_at(desk: Desk, call: str) -> None:
    alive = desk.store
    desk.store = DyingStore(alive, call)
    with pytest.raises(SystemExit):
        await desk.run()
    desk.store = alive


async def test_a_run_that_died_before_the_labels_is_made_good(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")
    desk.world.faults.add(Fault("gmail", "users.messages.modify", status=500))
    with pytest.raises(MailMagnetError):
        await desk.run()
    desk.world.faults.clear()
    assert await desk.store.known_mails("corp.example", desk.account.sub, [mail]) == {mail}
    assert await desk.labels_of(mail) == {"INBOX", "UNREAD"}
    await desk.run()
    assert await desk.labels_of(mail) == {CLOSING, "UNREAD"}


async def test_a_run_that_died_after_the_labels_does_not_move_again_what_the_user_moved_back(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")
    await _run_dying_at(desk, "save_run")
    assert await desk.labels_of(mail) == {CLOSING, "UNREAD"}
    desk.world.mailbox(ADA).modify([mail], add=["INBOX"])
    await desk.run()
    assert await desk.labels_of(mail) == {"INBOX", CLOSING, "UNREAD"}


async def test_a_run_that_could_not_give_its_lease_back_is_taken_over_later(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")
    await _run_dying_at(desk, "release_lease")
    with pytest.raises(LeaseTaken):
        await desk.run()
    desk.clock.turn(minutes=6)
    await desk.run()
    assert CLOSING in await desk.labels_of(mail)


async def test_two_runs_at_once_sort_each_mail_once(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    for _ in range(20):
        desk.arrive("grace@a.example")
    outcomes = await asyncio.gather(desk.run(), desk.run(), return_exceptions=True)
    done = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert sum(len(run.moves) for run in done) == 20
    assert all(isinstance(outcome, LeaseTaken) for outcome in outcomes if isinstance(outcome, BaseException))


async def test_a_revoked_consent_is_marked_and_not_tried_again_until_it_is_given(desk: Desk) -> None:
    desk.world.google.revoke_all(ADA)
    with pytest.raises(NotAuthorised):
        await desk.run()
    assert (await desk.mailbox()).needs_consent
    later = desk.clock.now + timedelta(hours=1)
    assert await desk.store.due_mailboxes("corp.example", later, EVERY) == []
    await desk.connect()
    assert [mailbox.address for mailbox in await desk.store.due_mailboxes("corp.example", later, EVERY)] == [ADA]
    await desk.run()


async def test_gmail_that_answers_html_fails_the_run_and_loses_nothing(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")
    desk.world.faults.add(Fault("gmail", html=True))
    with pytest.raises((Unavailable, MailMagnetError)):
        await desk.run()
    desk.world.faults.clear()
    await desk.run()
    assert CLOSING in await desk.labels_of(mail)


async def test_labelling_that_is_off_does_nothing(desk: Desk) -> None:
    await desk.store.switch("corp.example", desk.account.sub, mailmagnet=True, labelling=False)
    with pytest.raises(Forbidden):
        await desk.run()
    assert await desk.store.due_mailboxes("corp.example", NOW + timedelta(days=1), EVERY) == []


async def test_of_a_mail_three_facts_are_kept_and_nothing_else(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH), name="Grace Brewster Hopper")
    mail = desk.arrive("Grace Brewster Hopper <grace@a.example>", subject="Xylophone invoice", Cc="Recipient <copied@c.example>")
    desk.arrive("Stranger <stranger@b.example>", subject="Zeppelin offer")
    await desk.run()
    kept = _dump(desk.folder / "store.sqlite")
    assert mail in kept
    assert "grace@a.example" in kept
    for word in ("Xylophone", "Zeppelin", "nobody but Gmail", "Brewster", "copied@c.example", "stranger@b.example", "Deal 0"):
        assert word not in kept


def _dump(database: Path) -> str:
    with sqlite3.connect(database) as connection:
        dumped = "\n".join(connection.iterdump())
    connection.close()
    return dumped


def _label(name: str) -> Any:
    from sandbox.google.mail_folder import Label

    return Label("", name)


def _renamed(label: Any, name: str) -> Any:
    from dataclasses import replace

    return replace(label, name=name)
