"""Notices: when one is due, in every time zone and over changes of the clocks; what is counted, and that none is told twice."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmagnet.errors import NotFound, Service, Side, Unavailable
from mailmagnet.notify import counted, is_due, is_quiet, notify, text_of
from mailmagnet.parts import Parts
from mailmagnet.store import Choices, Mailbox, Notice, Notify, Policy, Presence, Progress, RunCounts
from mailmagnet.vault import Connection

VIENNA = ZoneInfo("Europe/Vienna")
AT_ONCE = Notice(Notify.AT_ONCE, "Europe/Vienna")
DAILY = replace(AT_ONCE, notify=Notify.DAILY)
CHAT = Service(Side.OURS, "Google Chat")

zones = st.sampled_from(
    ["Europe/Vienna", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Kiritimati", "nowhere"]
)
hours = st.integers(0, 23).map(time)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001
notices = st.builds(Notice, st.sampled_from(Notify), zones, hours, hours, hours)


def vienna(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=VIENNA)


def waiting(since: datetime) -> Presence:
    return Presence(noticed={"customer": 1}, noticed_at=since)


@pytest.mark.parametrize(
    ("clock", "quiet"),
    [(time(19, 59), False), (time(20), True), (time(23, 59), True), (time(0), True), (time(6, 59), True), (time(7), False)],
)
def test_quiet_hours_may_be_over_midnight(clock: time, quiet: bool) -> None:
    assert is_quiet(AT_ONCE, datetime.combine(vienna(20, 0).date(), clock, VIENNA)) is quiet


@given(notices, moments)
def test_quiet_hours_turned_round_are_all_the_others(notice: Notice, now: datetime) -> None:
    turned = replace(notice, quiet_from=notice.quiet_until, quiet_until=notice.quiet_from)
    none_at_all = notice.quiet_from == notice.quiet_until
    assert is_quiet(turned, now) is (False if none_at_all else not is_quiet(notice, now))


@given(notices, moments, st.timedeltas(timedelta(), timedelta(days=3)))
def test_none_is_due_in_quiet_hours_or_without_mail_or_when_none_is_wanted(notice: Notice, now: datetime, ago: timedelta) -> None:
    due = is_due(notice, waiting(now - ago), now)
    assert not (due and (is_quiet(notice, now) or notice.notify is Notify.NEVER))
    assert not is_due(notice, Presence(), now)
    assert not is_due(notice, Presence(noticed={"none": 0}, noticed_at=now), now)


@settings(deadline=None)
@given(notices, moments)
def test_what_waits_is_told_within_two_days_whatever_the_clocks_do(notice: Notice, since: datetime) -> None:
    """Unless nothing but quiet is wanted."""
    half_hours = [since + timedelta(minutes=10 * step) for step in range(6 * 50)]
    told = any(is_due(notice, waiting(since), moment) for moment in half_hours)
    assert told is (notice.notify is not Notify.NEVER)


@settings(deadline=None)
@given(zones, hours, moments)
def test_a_daily_notice_comes_once_a_day_in_the_hour_that_was_chosen(zone: str, at: time, start: datetime) -> None:
    notice = Notice(Notify.DAILY, zone, at, time(0), time(0))
    presence, told = waiting(start), []
    for step in range(6 * 24 * 4):
        now = start + timedelta(minutes=10 * step)
        if is_due(notice, presence, now):
            told.append(now)
            presence = replace(presence, noticed_at=now)
    assert 3 <= len(told) <= 5
    for earlier, later in pairwise(told):
        assert timedelta(hours=22) < later - earlier < timedelta(hours=26)


def test_mail_after_the_daily_hour_waits_for_the_next_day() -> None:
    assert not is_due(DAILY, waiting(vienna(20, 8, 5)), vienna(20, 19))
    assert not is_due(DAILY, waiting(vienna(20, 8, 5)), vienna(21, 7, 59))
    assert is_due(DAILY, waiting(vienna(20, 8, 5)), vienna(21, 8))


def test_a_daily_hour_within_the_quiet_ones_comes_at_their_end() -> None:
    late = replace(DAILY, daily_at=time(22))
    assert not is_due(late, waiting(vienna(20, 9)), vienna(20, 22, 10))
    assert is_due(late, waiting(vienna(20, 9)), vienna(21, 7))


@pytest.mark.parametrize(("day", "month"), [(29, 3), (25, 10)])
def test_on_the_days_when_the_clocks_change_the_hour_is_that_of_the_users_clock(day: int, month: int) -> None:
    since = vienna(day - 1, 12, month=month)
    assert not is_due(DAILY, waiting(since), vienna(day, 7, 59, month))
    assert is_due(DAILY, waiting(since), vienna(day, 8, 0, month))


def test_an_hour_that_the_clocks_leave_out_comes_all_the_same() -> None:
    at_half_past_two = replace(DAILY, daily_at=time(2, 30), quiet_from=time(0), quiet_until=time(0))
    assert is_due(at_half_past_two, waiting(vienna(28, 12, month=3)), vienna(29, 4, month=3))


def test_nothing_is_counted_for_who_is_never_told_and_what_was_counted_is_forgotten() -> None:
    now = vienna(20, 9)
    assert counted(waiting(now), Notice(), {"none": 4}, now) == Presence()
    first = counted(Presence(), DAILY, {"customer": 2}, now)
    assert (first.noticed, first.noticed_at) == ({"customer": 2}, now)
    more = counted(first, DAILY, {"customer": 1, "none": 1}, now + timedelta(hours=1))
    assert (more.noticed, more.noticed_at) == ({"customer": 3, "none": 1}, now)
    assert counted(first, DAILY, {}, now + timedelta(hours=1)) is first


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"none": 1}, "1 new mail from customers."),
        (
            {"customer": 1, "none": 1, "closing_this_month": 2},
            "4 new mails from customers: Closing this month 2, Customer 1.",
        ),
    ],
)
def test_a_notice_says_counts_and_leads_to_gmail(counts: dict[str, int], said: str) -> None:
    assert text_of(counts) == f"{said}\nhttps://mail.google.com/mail/"


class Outside:
    """The store, the vault and Chat for one mailbox. `order` is what was done; `failing` is what Chat raises."""

    def __init__(self, presence: Presence, notice: Notice = AT_ONCE, webhook: str = "https://chat.example/1") -> None:
        self.kept = Mailbox(
            *("corp.example", "1", "ada@corp.example", RunCounts(vienna(20, 9))),
            mailmagnet_since=vienna(1, 9),
            progress=Progress("1"),
            choices=Choices(notice=notice),
            presence=presence,
        )
        self.webhook = webhook
        self.paused_since: datetime | None = None
        self.order: list[str] = []
        self.failing: Exception | None = None
        self.told: list[str] = []

    async def mailbox(self, org: str, user: str) -> Mailbox:
        return self.kept

    async def policy(self, org: str) -> Policy:
        return Policy(paused_since=self.paused_since)

    async def change_presence(self, org: str, user: str, change: Any) -> Presence:
        change(self.kept.presence)  # a transaction may be tried more than once
        self.kept = replace(self.kept, presence=change(self.kept.presence))
        self.order.append("kept")
        return self.kept.presence

    async def connection(self, org: str, user: str) -> Connection:
        return Connection(org, user, "ada@corp.example", webhook=self.webhook)

    async def keep_webhook(self, org: str, user: str, webhook: str) -> None:
        self.webhook = webhook

    async def send(self, webhook: str, text: str) -> None:
        self.order.append("sent")
        assert not self.kept.presence.noticed, "it must be forgotten before it is told"
        if self.failing:
            raise self.failing
        self.told.append(text)

    async def notify(self, now: datetime, **new: int) -> bool:
        parts = SimpleNamespace(store=self, vault=self, notices=self, now=lambda: now)
        return await notify("corp.example", "1", new, cast(Parts, parts))


async def test_new_mail_is_told_at_once_and_once() -> None:
    outside = Outside(Presence())
    assert await outside.notify(vienna(20, 9), customer=2)
    assert not await outside.notify(vienna(20, 9))
    assert [text.split("\n")[0] for text in outside.told] == ["2 new mails from customers: Customer 2."]
    assert outside.order == ["kept", "kept", "sent"]


async def test_while_the_organisation_is_paused_nothing_is_told_and_nothing_forgotten() -> None:
    outside = Outside(Presence())
    outside.paused_since = vienna(20, 8)
    assert not await outside.notify(vienna(20, 9), customer=2)
    assert outside.told == []
    outside.paused_since = None
    assert await outside.notify(vienna(20, 10))
    assert outside.told[0].startswith("2 new mails from customers: Customer 2.")


async def test_what_comes_in_quiet_hours_is_told_together_at_their_end() -> None:
    outside = Outside(Presence())
    assert not await outside.notify(vienna(20, 21), customer=2)
    assert not await outside.notify(vienna(21, 3), open_deals=1)
    assert await outside.notify(vienna(21, 7))
    assert outside.told[0].startswith("3 new mails from customers: Open deals 1, Customer 2.")


async def test_a_notice_that_fails_is_lost_and_never_told_twice() -> None:
    outside = Outside(Presence())
    outside.failing = Unavailable(CHAT)
    with pytest.raises(Unavailable):
        await outside.notify(vienna(20, 9), customer=2)
    outside.failing = None
    assert not await outside.notify(vienna(20, 10))
    assert outside.told == []


async def test_a_webhook_that_is_gone_is_forgotten_and_no_notice_comes_any_more() -> None:
    outside = Outside(Presence())
    outside.failing = NotFound(CHAT)
    with pytest.raises(NotFound):
        await outside.notify(vienna(20, 9), customer=2)
    assert outside.webhook == ""
    outside.failing = None
    assert not await outside.notify(vienna(20, 10), customer=1)
    outside.webhook = "https://chat.example/2"
    assert await outside.notify(vienna(20, 11))
    assert outside.told[0].startswith("1 new mail ")


async def test_who_is_never_told_costs_no_write() -> None:
    outside = Outside(Presence(), Notice())
    assert not await outside.notify(vienna(20, 9), customer=2)
    assert outside.order == []
