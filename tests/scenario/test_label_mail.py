"""The job on one mailbox, through Gmail's API over HTTP: what moves, what stays, and what survives a crash."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mailmagnet.categories import Category
from mailmagnet.crm import Budget, DealState, Lead
from mailmagnet.errors import (
    DayLimitReached,
    Forbidden,
    LeaseLost,
    LeaseTaken,
    MailboxFailed,
    NotAuthorised,
    NotPermitted,
    RateLimited,
    Service,
    Side,
    Unavailable,
)
from mailmagnet.label_mail import DRY_RUN_MAILS, LEASE_SECONDS, MAILS_A_RUN, MOVE_SECONDS, RUNS_A_MAIL, label_mail, plan_labels
from mailmagnet.store import DayCounts, Policy, Reason, Store
from sandbox.google.faults import Fault
from sandbox.google.mail_folder import NewMail
from tests.scenario.desk import ADA, NOW, OURS, Desk, desk_in

OPEN, WON, LOST = DealState.OPEN, DealState.WON, DealState.LOST
THIS_MONTH, NEXT_MONTH, LAST_MONTH = date(2026, 11, 30), date(2026, 12, 1), date(2026, 10, 31)
CLOSING, OPEN_DEALS, CUSTOMER = OURS[Category.CLOSING_THIS_MONTH], OURS[Category.OPEN_DEALS], OURS[Category.CUSTOMER]
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
    assert (run.looked_at, run.remaining, run.crm_calls) == (8, 0, 3)


async def test_a_second_run_moves_nothing_and_costs_next_to_nothing(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    desk.arrive("grace@a.example")
    await desk.run()
    again = await desk.run()
    assert (again.moves, again.looked_at, again.crm_calls) == ((), 0, 1)
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


async def test_a_leads_mail_is_recorded_and_stays_where_it_is(desk: Desk) -> None:
    await desk.crm.add_lead(Lead("", "Lea Lund", ("lea@b.example",)))
    mail = desk.arrive("Lea <lea+offer@b.example>")
    run = await desk.run()
    assert [record.mail_id for record in await desk.store.latest_mails("corp.example", desk.account.sub, 9)] == [mail]
    assert (run.moves, await desk.labels_of(mail)) == ((), {"INBOX", "UNREAD"})


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
    excluded = (
        "ceo@a.example",
        "lena@xn--bcher-kva.example",
        "anybody@partner.example",
        "deep@mail.partner.example",
        "kim@corp.example",
        "sales@corp.example",
    )
    for address in (*excluded, "grace@a.example"):
        await desk.contact(address, (OPEN, THIS_MONTH))
    await desk.store.set_policy(
        "corp.example", Policy(excluded=frozenset({"CEO@A.Example", " Partner.EXAMPLE ", "bücher.example"}))
    )
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
        assert len(mailbox.labels) == len(Category)


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
    assert (await desk.progress()).backlog is None


async def test_when_gmails_quota_runs_out_nothing_is_lost(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")
    progress = await desk.progress()
    desk.clock.turn(minutes=1)
    desk.world.quota.bill(ADA, 5_999)
    with pytest.raises(MailboxFailed) as failed:
        await desk.use(label_mail)
    assert isinstance(failed.value.__cause__, RateLimited)
    assert failed.value.__cause__.retry_after > 0
    assert await desk.progress() == progress
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


class InterruptedStore:
    """The store, and something that happens once when a run's decisions are kept and nothing is moved yet."""

    def __init__(self, desk: Desk, happens: Callable[[], Awaitable[None]]) -> None:
        self._desk, self._store, self._happens = desk, desk.store, happens
        desk.store = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def save_run(self, *words: Any, **more: Any) -> None:
        self._desk.store = self._store
        await self._store.save_run(*words, **more)
        await self._happens()


async def _run_dying_at(desk: Desk, call: str) -> None:
    alive = desk.store
    desk.store = DyingStore(alive, call)
    with pytest.raises(SystemExit):
        await desk.run()
    desk.store = alive


async def test_a_run_that_failed_before_the_labels_is_made_good(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")
    desk.world.faults.add(Fault("gmail", "users.labels.list", status=500))
    with pytest.raises(MailboxFailed):
        await desk.run()
    desk.world.faults.clear()
    assert await desk.labels_of(mail) == {"INBOX", "UNREAD"}
    await desk.run()
    assert await desk.labels_of(mail) == {CLOSING, "UNREAD"}


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
    with pytest.raises(MailboxFailed) as failed:
        await desk.run()
    assert failed.value.reason == Reason.CONSENT
    assert (await desk.mailbox()).needs_consent
    later = desk.clock.now + timedelta(days=100)
    assert await desk.store.due_mailboxes("corp.example", later, EVERY) == []
    await desk.connect()
    assert [mailbox.address for mailbox in await desk.store.due_mailboxes("corp.example", later, EVERY)] == [ADA]
    await desk.run()


async def test_a_crm_that_refuses_is_not_taken_for_gmails_consent(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")
    for refusal, reason in (
        (NotPermitted(Service(Side.CRM, "MailMagnet CRM")), Reason.CRM_PERMISSION),
        (NotAuthorised(Service(Side.CRM, "MailMagnet CRM")), Reason.CRM_SIGN_IN),
        (NotPermitted(Service(Side.CRM, "Gmail")), Reason.CRM_PERMISSION),
        (NotAuthorised(Service(Side.CRM, "Gmail")), Reason.CRM_SIGN_IN),
    ):
        desk.crm_refusal = refusal
        with pytest.raises(MailboxFailed) as failed:
            await desk.run()
        assert failed.value.reason == reason
        mailbox = await desk.mailbox()
        assert mailbox.trouble
        assert mailbox.trouble.again_at == desk.clock.now + timedelta(days=1)
        assert not mailbox.needs_consent
    desk.crm_refusal = None
    await desk.run()
    assert (await desk.mailbox()).trouble is None
    assert CLOSING in await desk.labels_of(mail)


async def test_a_domain_policy_parks_the_mailbox_for_a_day(desk: Desk) -> None:
    desk.world.faults.add(Fault("gmail", status=403, reason="domainPolicy"))
    with pytest.raises(MailboxFailed):
        await desk.run()
    desk.world.faults.clear()
    trouble = (await desk.mailbox()).trouble
    assert trouble
    assert (trouble.reason, trouble.again_at) == (Reason.GMAIL_REFUSES, desk.clock.now + timedelta(days=1))


async def test_a_failing_mailbox_is_tried_less_and_less_often_and_at_last_once_a_day(desk: Desk) -> None:
    desk.world.faults.add(Fault("gmail", drop=True))
    waits = []
    for _ in range(13):
        with pytest.raises(MailboxFailed):
            await desk.use(label_mail)
        trouble = (await desk.mailbox()).trouble
        assert trouble
        assert trouble.again_at
        assert await desk.store.due_mailboxes("corp.example", trouble.again_at - timedelta(seconds=1), EVERY) == []
        assert len(await desk.store.due_mailboxes("corp.example", trouble.again_at, EVERY)) == 1
        waits.append(round((trouble.again_at - desk.clock.now) / timedelta(minutes=1)))
        desk.clock.now = trouble.again_at
    assert trouble
    assert waits == [10, 20, 40, 80, 160, *[240] * 6, 1440, 1440]
    assert trouble.failures == 13


async def test_gmail_that_answers_html_fails_the_run_and_loses_nothing(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")
    desk.world.faults.add(Fault("gmail", html=True))
    with pytest.raises(MailboxFailed):
        await desk.run()
    desk.world.faults.clear()
    await desk.run()
    assert CLOSING in await desk.labels_of(mail)


async def test_while_few_of_the_crms_calls_are_left_runs_come_once_an_hour(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    budgets = [Budget(21, 100), Budget(19, 100), None, Budget(100, 100)]
    said = []
    for budget in budgets:
        desk.crm_client = SimpleNamespace(budget=lambda _, told=budget: told)
        mail = desk.arrive("grace@a.example")
        await desk.run()
        assert CLOSING in await desk.labels_of(mail)
        mailbox = await desk.store.mailbox("corp.example", desk.account.sub)
        assert mailbox
        said.append(mailbox.last_run.sparing)
    assert said == [False, True, True, False]


async def test_when_the_days_calls_are_used_up_the_mailbox_waits_until_the_crm_takes_more(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")
    desk.crm_refusal = DayLimitReached(Service(Side.CRM, "MailMagnet CRM"), 5 * 3600)
    with pytest.raises(MailboxFailed):
        await desk.run()
    mailbox = await desk.store.mailbox("corp.example", desk.account.sub)
    assert mailbox
    assert mailbox.trouble
    assert (mailbox.trouble.reason, mailbox.trouble.again_at) == (Reason.CRM_DAY_LIMIT, desk.clock.now + timedelta(hours=5))
    assert mailbox.presence.parked is None
    desk.clock.turn(hours=5)
    assert len(await desk.store.due_mailboxes("corp.example", desk.clock.now, EVERY)) == 1
    desk.crm_refusal = None
    await desk.run()
    assert CLOSING in await desk.labels_of(mail)


async def test_with_labelling_off_mail_is_recorded_and_nothing_moves_and_no_label_is_made(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
        await desk.connect()
        await desk.switch_on(labelling=False)
        mail = desk.arrive("grace@a.example")
        run = await desk.run()
        assert run.moves == ()
        assert await desk.labels_of(mail) == {"INBOX", "UNREAD"}
        assert await desk.store.known_mails("corp.example", desk.account.sub, [mail]) == {mail}
        assert not {label.name for label in desk.world.mailbox(ADA).labels()} & set(OURS.values())
        # Turned on later, labelling begins then.
        desk.clock.turn(minutes=10)
        await desk.switch_on()
        fresh = desk.arrive("grace@a.example")
        await desk.run()
        assert await desk.labels_of(mail) == {"INBOX", "UNREAD"}
        assert await desk.labels_of(fresh) == {CLOSING, "UNREAD"}


async def test_labelling_turned_on_later_leaves_what_came_just_before_in_the_inbox(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
        await desk.connect()
        await desk.switch_on(labelling=False)
        desk.clock.turn(minutes=3)
        before = desk.arrive("grace@a.example")
        desk.clock.turn(minutes=3)
        await desk.switch_on()
        await desk.run()
        assert await desk.labels_of(before) == {"INBOX", "UNREAD"}
        assert await desk.store.known_mails("corp.example", desk.account.sub, [before]) == {before}


async def test_off_does_nothing(desk: Desk) -> None:
    await desk.switch_off()
    with pytest.raises(Forbidden):
        await desk.run()
    assert await desk.store.due_mailboxes("corp.example", NOW + timedelta(days=1), EVERY) == []


async def test_off_and_on_again_begins_at_now(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    back = desk.arrive("grace@a.example")
    await desk.run()
    desk.world.mailbox(ADA).modify([back], add=["INBOX"])
    await desk.switch_off()
    assert await desk.store.latest_mails("corp.example", desk.account.sub, 10) == []
    desk.clock.turn(days=3)
    while_off = desk.arrive("grace@a.example")
    desk.clock.turn(days=1)
    for expired in (False, True):
        if expired:
            desk.world.mailbox(ADA).expire_history()
        await desk.switch_on()
        fresh = desk.arrive("grace@a.example")
        if expired:
            desk.world.mailbox(ADA).expire_history()
        await desk.run()
        assert await desk.labels_of(back) == {CLOSING, "INBOX", "UNREAD"}
        assert await desk.labels_of(while_off) == {"INBOX", "UNREAD"}
        assert await desk.labels_of(fresh) == {CLOSING, "UNREAD"}
        await desk.switch_off()


async def test_connecting_turns_nothing_on_and_again_leaves_the_switches(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        await desk.connect()
        mailbox = await desk.mailbox()
        assert (mailbox.mailmagnet, mailbox.labelling, mailbox.progress) == (False, False, None)
        assert not {label.name for label in desk.world.mailbox(ADA).labels()} & set(OURS.values())
        await desk.switch_on(labelling=False)
        switched = await desk.mailbox()
        await desk.connect()
        assert await desk.mailbox() == switched
        await desk.switch_off()
        await desk.connect()
        assert not (await desk.mailbox()).mailmagnet


async def test_a_backfill_sorts_earlier_mail_newest_first_and_forgets_earlier_decisions(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    back = desk.arrive("grace@a.example")
    await desk.run()
    desk.world.mailbox(ADA).modify([back], add=["INBOX"])
    desk.clock.turn(days=2)
    await desk.switch_on(backfill=timedelta(days=1))
    await desk.run()
    assert await desk.labels_of(back) == {CLOSING, "INBOX", "UNREAD"}
    await desk.switch_on(backfill=timedelta(days=3))
    run = await desk.run()
    assert [move.mail_id for move in run.moves] == [back]
    assert await desk.labels_of(back) == {CLOSING, "UNREAD"}


async def test_a_switch_on_that_fails_leaves_the_switches_as_they_were(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        await desk.connect()
        before = await desk.mailbox()
        for method in ("users.labels.list", "users.labels.create", "users.getProfile"):
            desk.world.faults.add(Fault("gmail", method, html=True))
            with pytest.raises(Unavailable):
                await desk.switch_on()
            desk.world.faults.clear()
            assert await desk.mailbox() == before
        await desk.switch_on()
        assert (await desk.mailbox()).labelling


async def test_a_switch_ends_a_run_under_way_and_the_next_finishes_it(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")

    async def switch_meanwhile() -> None:
        await desk.switch_on()

    InterruptedStore(desk, switch_meanwhile)
    with pytest.raises(LeaseLost):
        await desk.run()
    desk.world.mailbox(ADA).modify([mail], add=["INBOX"])
    await desk.run()
    assert await desk.labels_of(mail) == {CLOSING, "INBOX", "UNREAD"}
    assert (await desk.progress()).moving == ()


async def test_one_mail_alone_that_gmail_forbids_is_the_mails_trouble_and_not_the_mailboxs(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    forbidden = desk.arrive("grace@a.example")
    desk.world.faults.add(Fault("gmail", "users.messages.get", status=403, reason="forbidden", mail_id=forbidden))
    await desk.run()
    assert (await desk.mailbox()).trouble is None
    assert (await desk.progress()).failed == {forbidden: 1}


async def test_one_mail_that_gmail_never_gives_is_passed_over_after_an_hour_of_runs(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    poisoned = desk.arrive("grace@a.example")
    desk.world.faults.add(Fault("gmail", "users.messages.get", status=400, mail_id=poisoned))
    for number in range(RUNS_A_MAIL):
        good = desk.arrive("grace@a.example")
        run = await desk.run()
        assert await desk.labels_of(good) == {CLOSING, "UNREAD"}
        assert run.remaining == 0
        assert sum(run.passed_over.values()) == (number == RUNS_A_MAIL - 1)
    assert (await desk.mailbox()).last_run.passed_over == {"answered 400 (backendError)": 1}
    assert (await desk.run()).looked_at == 0
    desk.world.faults.clear()
    assert await desk.labels_of(poisoned) == {"INBOX", "UNREAD"}


async def test_mail_that_gmail_gives_at_last_is_sorted(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    late = desk.arrive("grace@a.example")
    desk.world.faults.add(Fault("gmail", "users.messages.get", status=400, mail_id=late))
    for _ in range(RUNS_A_MAIL - 1):
        await desk.run()
    desk.world.faults.clear()
    await desk.run()
    assert await desk.labels_of(late) == {CLOSING, "UNREAD"}
    assert (await desk.progress()).failed == {}


@pytest.mark.parametrize("others", [0, 12])
async def test_one_mail_that_cannot_be_moved_is_passed_over_and_the_others_go(desk: Desk, others: int) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    poisoned = desk.arrive("grace@a.example")
    mails = [desk.arrive("grace@a.example") for _ in range(others)]
    desk.world.faults.add(Fault("gmail", "users.messages.modify", status=400, mail_id=poisoned))
    desk.world.faults.add(Fault("gmail", "users.messages.batchModify", status=400))
    for number in range(RUNS_A_MAIL):
        run = await desk.run()
        assert len(run.moves) == (others if number == 0 else 0)
    assert run.passed_over == {"answered 400 (backendError)": 1}
    assert (await desk.progress()).moving == ()
    desk.world.faults.clear()
    assert await desk.labels_of(poisoned) == {"INBOX", "UNREAD"}
    for mail in mails:
        assert await desk.labels_of(mail) == {CLOSING, "UNREAD"}


async def test_when_no_mail_of_several_can_be_read_gmail_is_at_fault(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mails = [desk.arrive("grace@a.example") for _ in range(3)]
    desk.world.faults.add(Fault("gmail", "users.messages.get", status=400))
    with pytest.raises(MailboxFailed):
        await desk.run()
    desk.world.faults.clear()
    trouble = (await desk.mailbox()).trouble
    assert trouble
    assert trouble.reason is Reason.FAILING
    await desk.run()
    assert [CLOSING in await desk.labels_of(mail) for mail in mails] == [True] * 3


async def test_two_categories_never_share_a_label(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, NEXT_MONTH))
    await desk.contact("kay@a.example", (WON, LAST_MONTH))
    gmail = desk.world.mailbox(ADA)
    labels = (await desk.mailbox()).labels
    gmail.delete_label(labels[Category.CUSTOMER])
    gmail.change_label(_renamed(gmail.label(labels[Category.OPEN_DEALS]), "customer"))
    grace, kay = desk.arrive("grace@a.example"), desk.arrive("kay@a.example")
    await desk.run()
    assert await desk.labels_of(grace) == {"customer", "UNREAD"}
    assert await desk.labels_of(kay) == {"Customer (2)", "UNREAD"}
    assert len(set((await desk.mailbox()).labels.values())) == len(Category)
    again = desk.arrive("kay@a.example")
    await desk.run()
    assert await desk.labels_of(again) == {"Customer (2)", "UNREAD"}


async def test_the_newest_mail_is_sorted_first(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mails = [desk.arrive("grace@a.example") for _ in range(MAILS_A_RUN + 5)]
    await desk.run()
    assert await desk.labels_of(mails[-1]) == {CLOSING, "UNREAD"}
    assert await desk.labels_of(mails[0]) == {"INBOX", "UNREAD"}
    newest = desk.arrive("grace@a.example")
    run = await desk.run()
    assert run.moves[0].mail_id == newest
    assert await desk.labels_of(mails[0]) == {CLOSING, "UNREAD"}


async def test_a_dry_run_and_runs_within_a_minute_leave_the_sidebar_its_share(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    for _ in range(4 * MAILS_A_RUN):
        desk.arrive("grace@a.example")
    desk.clock.turn(minutes=5)
    before = desk.world.quota.total(ADA)
    dry = await desk.use(plan_labels)
    assert dry.looked_at == DRY_RUN_MAILS
    looked_at = []
    for seconds in (0, 1, 30, 28, 1):
        desk.clock.turn(seconds=seconds)
        looked_at.append((await desk.use(label_mail)).looked_at)
    # the fifth begins a minute after the first
    assert looked_at == [MAILS_A_RUN, 0, 0, 0, MAILS_A_RUN]
    assert before + 4_100 < desk.world.quota.total(ADA) <= before + 7_100


@pytest.mark.parametrize("in_one_second", [True, False])
async def test_a_resync_longer_than_what_may_wait_goes_on_further_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, in_one_second: bool
) -> None:
    """More than 500 mails of one second too: a listing has at least a page of 500."""
    monkeypatch.setattr("mailmagnet.label_mail.MOST_WAITING", 400)
    await desk.contact("grace@a.example", (WON, LAST_MONTH))
    folder = desk.world.mailbox(ADA)
    raw = b"From: grace@a.example\r\nTo: ada@corp.example\r\n\r\nHello\r\n"
    apart = timedelta() if in_one_second else timedelta(seconds=1)
    mails = folder.add(NewMail(raw, desk.clock.now + number * apart) for number in range(480))
    desk.clock.turn(minutes=10)
    later = folder.add(NewMail(raw, desk.clock.now + number * apart) for number in range(600))
    desk.clock.turn(minutes=20)
    folder.expire_history()
    looked_at = 0
    for _ in range(20):
        run = await desk.run()
        looked_at += run.looked_at
    assert (await desk.progress()).backlog is None
    labels = {label.name: label.id for label in folder.labels()}
    assert all(labels[CUSTOMER] in folder.message(mail).label_ids for mail in [*mails, *later])
    assert looked_at == 1_080


async def test_mail_that_comes_while_a_resync_lists_is_not_lost(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mails = [desk.arrive("grace@a.example")]
    desk.world.mailbox(ADA).expire_history()

    async def arrive() -> None:
        mails.append(desk.arrive("grace@a.example"))

    desk.after_listing = arrive
    await desk.run()
    desk.after_listing = None
    await desk.run()
    assert [CLOSING in await desk.labels_of(mail) for mail in mails] == [True, True]


async def test_no_move_begins_with_less_lease_left_than_its_deadline(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")

    async def sleep_long() -> None:
        desk.clock.turn(seconds=LEASE_SECONDS - MOVE_SECONDS + 1)

    InterruptedStore(desk, sleep_long)
    with pytest.raises(LeaseLost):
        await desk.run()
    assert await desk.labels_of(mail) == {"INBOX", "UNREAD"}
    desk.clock.turn(minutes=6)
    await desk.run()
    assert await desk.labels_of(mail) == {CLOSING, "UNREAD"}


async def test_a_worker_that_wakes_when_another_has_the_mailbox_moves_nothing_back(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    mail = desk.arrive("grace@a.example")

    async def another_meanwhile() -> None:
        desk.clock.turn(seconds=LEASE_SECONDS + 1)
        await desk.run()
        desk.world.mailbox(ADA).modify([mail], add=["INBOX"])

    InterruptedStore(desk, another_meanwhile)
    with pytest.raises(LeaseLost):
        await desk.run()
    await desk.run()
    assert await desk.labels_of(mail) == {CLOSING, "INBOX", "UNREAD"}


async def test_own_addresses_of_other_domains_are_nobodys_mail(tmp_path: Path) -> None:
    async with desk_in(tmp_path, aliases=("ada@lovelace.example",)) as desk:
        await desk.connect()
        await desk.switch_on()
        await desk.contact("ada@lovelace.example", (OPEN, THIS_MONTH))
        own = desk.arrive("Ada+x <ada+x@lovelace.example>")
        await desk.run()
        assert await desk.labels_of(own) == {"INBOX", "UNREAD"}


async def test_a_dry_run_tells_what_is_not_in_the_inbox(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH))
    desk.arrive("grace@a.example", labels=("UNREAD",))
    (move,) = (await desk.dry_run()).moves
    assert not move.in_inbox


async def test_of_a_mail_three_facts_are_kept_and_nothing_else(desk: Desk) -> None:
    await desk.contact("grace@a.example", (OPEN, THIS_MONTH), name="Grace Brewster Hopper")
    mail = desk.arrive("Grace Brewster Hopper <grace@a.example>", subject="Xylophone invoice", Cc="Recipient <copied@c.example>")
    desk.arrive("Stranger <stranger@b.example>", subject="Zeppelin offer")
    await desk.run()
    dump = _dump(desk.folder / "store.sqlite")
    assert mail in dump
    assert "grace@a.example" in dump
    for word in ("Xylophone", "Zeppelin", "nobody but Gmail", "Brewster", "copied@c.example", "stranger@b.example", "Deal 0"):
        assert word not in dump


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
