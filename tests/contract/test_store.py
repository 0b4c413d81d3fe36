"""The store's contract, held against each store: SQLite, and Firestore in its real emulator."""

import asyncio
import multiprocessing
import socket
import sqlite3
import stat
import string
import subprocess
import sys
import tempfile
import traceback
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import grpc  # type: ignore[import-untyped]
import pytest
from google.cloud.firestore_v1 import AsyncClient
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mailmagnet.categories import Category
from mailmagnet.errors import (
    BadRequest,
    BadSetting,
    LeaseLost,
    LeaseTaken,
    NotAuthorised,
    NotFound,
    NotPermitted,
    TimedOut,
    Unavailable,
    Upstream,
)
from mailmagnet.store import Cursor, DayCounts, Lease, Mailbox, MailRecord, Policy, RunCounts, Sharing, Store
from metadata_store.firestore import FirestoreStore
from metadata_store.sqlite import VERSION, SqliteStore

T = TypeVar("T")
NOW = datetime(2027, 3, 14, 9, 26, 53, 589793, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)
ORG, OTHER_ORG = "analytical.example", "hopper.example"
ADA, BOB = "100000000000000000001", "100000000000000000002"
CUSTOMER = "grace@customer.example"


@pytest.fixture(params=["sqlite", "firestore"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    if request.param == "sqlite":
        opened: SqliteStore | FirestoreStore = SqliteStore(tmp_path / "kept" / "store.db")
    else:
        emulator: str = request.getfixturevalue("firestore_emulator")
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("FIRESTORE_EMULATOR_HOST", emulator)
            opened = FirestoreStore(f"test-{uuid.uuid4().hex}")
    yield opened
    await opened.close()


@pytest.fixture
async def firestore(
    firestore_emulator: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[FirestoreStore, AsyncClient]]:
    """An empty Firestore store, and a client of its own to look at its documents."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator)
    project = f"test-{uuid.uuid4().hex}"
    opened, client = FirestoreStore(project), AsyncClient(project=project)
    yield opened, client
    await opened.close()
    await client._firestore_api.transport.close()


def mailbox(org: str = ORG, user: str = ADA) -> Mailbox:
    return Mailbox(org, user, f"{user}@{org}", Cursor("1000"), RunCounts(NOW))


def record(number: int, address: str = CUSTOMER) -> MailRecord:
    return MailRecord(f"18f{number:013x}", address, NOW - timedelta(minutes=number))


async def keep(store: Store, records: list[MailRecord], org: str = ORG, user: str = ADA) -> None:
    """Keep records as a run does: connected, under a lease."""
    await store.connect(mailbox(org, user))
    lease = await store.take_lease(org, user, NOW, 600)
    await store.add_mail_records(lease, records)
    await store.release_lease(lease)


async def mail_ids(store: Store, org: str = ORG, user: str = ADA) -> list[str]:
    return [kept.mail_id for kept in await store.latest_mails(org, user, 10_000)]


class TestPolicy:
    async def test_it_is_the_default_until_the_admin_fixes_something(self, store: Store) -> None:
        assert await store.policy(ORG) == Policy(None, frozenset(), 365)

    async def test_what_was_fixed_comes_back_and_is_the_org_s_alone(self, store: Store) -> None:
        fixed = Policy(Sharing.CUSTOM, frozenset({"press@customer.example", "partner.example"}), 30)
        await store.set_policy(ORG, Policy(Sharing.PUBLIC, frozenset({"x.example"}), 7))
        await store.set_policy(ORG, fixed)
        await store.set_policy(ORG, fixed)
        assert await store.policy(ORG) == fixed
        assert await store.policy(OTHER_ORG) == Policy()


class TestOrgs:
    async def test_an_org_is_one_with_a_policy_or_a_mailbox(self, store: Store) -> None:
        assert await store.orgs() == []
        await store.set_policy("policy.example", Policy())
        await store.connect(mailbox("mailbox.example"))
        assert sorted(await store.orgs()) == ["mailbox.example", "policy.example"]

    async def test_one_whose_last_mailbox_is_deleted_is_none_any_more(self, store: Store) -> None:
        await keep(store, [record(1)])
        await store.delete_mailbox(ORG, ADA)
        assert await store.orgs() == []


class TestConnect:
    async def test_every_field_comes_back(self, store: Store) -> None:
        given_mailbox = Mailbox(
            org=ORG,
            user=ADA,
            address="ada@analytical.example",
            cursor=Cursor("987654321", NOW - timedelta(days=3, microseconds=1)),
            last_run=RunCounts(
                NOW, 250, {Category.OPEN_DEALS: 3, Category.CUSTOMER: 0}, 17, DayCounts(date(2027, 3, 1), {Category.CUSTOMER: 1})
            ),
            mailmagnet=True,
            labelling=False,
            sharing=Sharing.CUSTOM,
            shared_contacts=frozenset({"c1", "c2"}),
            labels={Category.CLOSING_THIS_MONTH: "Label_1", Category.CUSTOMER: "Label_3"},
        )
        await store.connect(given_mailbox)
        kept = await store.mailbox(ORG, ADA)
        assert kept == given_mailbox
        assert type(kept.last_run.at) is datetime
        assert kept.last_run.at.tzinfo is UTC

    async def test_again_keeps_what_the_mailbox_has_reached_and_renews_the_rest(self, store: Store) -> None:
        first = replace(mailbox(), sharing=Sharing.PUBLIC, shared_contacts=frozenset({"c1"}), labels={Category.CUSTOMER: "L"})
        await store.connect(first)
        lease = await store.take_lease(ORG, ADA, NOW, 600)
        await store.mark_needs_consent(ORG, ADA)
        again = Mailbox(ORG, ADA, "ada.king@analytical.example", Cursor("5"), RunCounts(NOW + timedelta(1)), labelling=False)
        for _ in range(2):
            await store.connect(again)
            assert await store.mailbox(ORG, ADA) == replace(first, address=again.address, labelling=False)
        with pytest.raises(LeaseTaken):
            await store.take_lease(ORG, ADA, NOW, 600)
        await store.save_run(lease, Cursor("6"), {}, RunCounts(NOW))

    async def test_the_first_time_consent_has_just_been_given(self, store: Store) -> None:
        await store.connect(replace(mailbox(), needs_consent=True))
        assert await store.mailbox(ORG, ADA) == mailbox()

    async def test_with_mailmagnet_off_keeps_no_mail(self, store: Store) -> None:
        await keep(store, [record(1)])
        await store.connect(replace(mailbox(), mailmagnet=False))
        assert await store.mailbox(ORG, ADA) == replace(mailbox(), mailmagnet=False, labelling=False)
        assert await mail_ids(store) == []

    async def test_twenty_at_once_make_one(self, store: Store) -> None:
        await asyncio.gather(*(store.connect(mailbox()) for _ in range(20)))
        assert await store.mailbox(ORG, ADA) == mailbox()

    async def test_a_mailbox_that_is_not_connected_is_none(self, store: Store) -> None:
        await store.connect(mailbox())
        assert await store.mailbox(ORG, BOB) is None
        assert await store.mailbox(OTHER_ORG, ADA) is None


class TestSwitch:
    async def test_mailmagnet_off_deletes_the_user_s_records_and_turns_labelling_off(self, store: Store) -> None:
        await keep(store, [record(1), record(2)])
        await keep(store, [record(3)], user=BOB)
        for _ in range(2):
            await store.switch(ORG, ADA, mailmagnet=False, labelling=True)
            assert await store.mailbox(ORG, ADA) == replace(mailbox(), mailmagnet=False, labelling=False)
            assert await mail_ids(store) == []
        assert await mail_ids(store, user=BOB) == [record(3).mail_id]

    async def test_labelling_alone_leaves_the_records(self, store: Store) -> None:
        await keep(store, [record(1)])
        await store.switch(ORG, ADA, mailmagnet=True, labelling=False)
        assert await store.mailbox(ORG, ADA) == replace(mailbox(), labelling=False)
        assert await mail_ids(store) == [record(1).mail_id]
        await store.switch(ORG, ADA, mailmagnet=True, labelling=True)
        assert await store.mailbox(ORG, ADA) == mailbox()

    async def test_a_run_under_way_writes_nothing_after_mailmagnet_is_off(self, store: Store) -> None:
        await store.connect(mailbox())
        lease = await store.take_lease(ORG, ADA, NOW, 600)
        await store.switch(ORG, ADA, mailmagnet=False, labelling=False)
        with pytest.raises(LeaseLost):
            await store.add_mail_records(lease, [record(1)])
        late = await store.take_lease(ORG, ADA, NOW, 600)
        with pytest.raises(LeaseLost):
            await store.add_mail_records(late, [record(1)])
        assert await mail_ids(store) == []

    async def test_a_missing_mailbox_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotFound):
            await store.switch(ORG, ADA, mailmagnet=True, labelling=True)
        assert await store.mailbox(ORG, ADA) is None


class TestDueMailboxes:
    async def test_due_are_those_to_sort_that_did_not_run_lately_or_left_mail_over(self, store: Store) -> None:
        instant = timedelta(microseconds=1)
        ran = {
            "now": (NOW, 0),
            "ten-minutes-ago": (NOW - TEN_MINUTES, 0),
            "before": (NOW - TEN_MINUTES - instant, 0),
            "left-over": (NOW, 5),
            "still-to-come": (NOW + instant, 0),
            "next-month": (NOW + timedelta(days=31), 0),
        }
        for user, (at, remaining) in ran.items():
            await store.connect(replace(mailbox(user=user), last_run=RunCounts(at, remaining=remaining)))
        long_ago = RunCounts(NOW - timedelta(days=1), remaining=1)
        await store.connect(replace(mailbox(user="not-labelling"), last_run=long_ago, labelling=False))
        await store.connect(replace(mailbox(user="off"), last_run=long_ago, mailmagnet=False))
        await store.connect(replace(mailbox(user="no-consent"), last_run=long_ago))
        await store.mark_needs_consent(ORG, "no-consent")
        await store.connect(replace(mailbox(OTHER_ORG, "elsewhere"), last_run=long_ago))
        due = await store.due_mailboxes(ORG, NOW, TEN_MINUTES)
        assert [found.user for found in due] == ["before", "left-over", "next-month", "still-to-come"]
        assert due[0] == await store.mailbox(ORG, "before")

    async def test_all_of_more_than_a_page(self, store: Store) -> None:
        users = [f"user-{number:04}" for number in range(450)]
        for start in range(0, len(users), 50):
            await asyncio.gather(*(store.connect(mailbox(user=user)) for user in users[start : start + 50]))
        due = await store.due_mailboxes(ORG, NOW + timedelta(minutes=11), TEN_MINUTES)
        assert [found.user for found in due] == users

    async def test_refused_consent_lasts_until_the_mailbox_is_connected_anew(self, store: Store) -> None:
        later = NOW + timedelta(minutes=11)
        await store.connect(mailbox())
        for _ in range(2):
            await store.mark_needs_consent(ORG, ADA)
            assert await store.due_mailboxes(ORG, later, TEN_MINUTES) == []
            assert await store.mailbox(ORG, ADA) == replace(mailbox(), needs_consent=True)
        await store.connect(mailbox())
        assert await store.due_mailboxes(ORG, later, TEN_MINUTES) == [mailbox()]

    async def test_refused_consent_of_a_deleted_mailbox_makes_none(self, store: Store) -> None:
        await store.mark_needs_consent(ORG, ADA)
        assert await store.mailbox(ORG, ADA) is None


class TestLease:
    async def test_of_twenty_at_once_exactly_one_takes_it(self, store: Store) -> None:
        await store.connect(mailbox())
        for moment in (NOW, NOW + timedelta(seconds=601)):
            answers = await asyncio.gather(*(store.take_lease(ORG, ADA, moment, 600) for _ in range(20)), return_exceptions=True)
            assert sorted(type(answer).__name__ for answer in answers) == ["Lease"] + ["LeaseTaken"] * 19

    async def test_it_can_be_taken_when_it_has_run_out_and_not_a_moment_before(self, store: Store) -> None:
        await store.connect(mailbox())
        first = await store.take_lease(ORG, ADA, NOW, 600)
        assert (first.org, first.user, first.until) == (ORG, ADA, NOW + timedelta(seconds=600))
        with pytest.raises(LeaseTaken):
            await store.take_lease(ORG, ADA, first.until - timedelta(microseconds=1), 600)
        second = await store.take_lease(ORG, ADA, first.until, 600)
        assert second.fence == first.fence + 1

    async def test_one_taken_before_the_clock_went_back_keeps_nobody_out(self, store: Store) -> None:
        await store.connect(mailbox())
        ahead = await store.take_lease(ORG, ADA, NOW + timedelta(days=31), 600)
        taken = await store.take_lease(ORG, ADA, NOW, 600)
        assert (taken.fence, taken.until) == (ahead.fence + 1, NOW + timedelta(seconds=600))
        await store.release_lease(ahead)
        with pytest.raises(LeaseTaken):
            await store.take_lease(ORG, ADA, NOW, 600)

    async def test_clocks_that_differ_a_little_still_keep_each_other_out(self, store: Store) -> None:
        await store.connect(mailbox())
        await store.take_lease(ORG, ADA, NOW + timedelta(seconds=600), 600)
        with pytest.raises(LeaseTaken):
            await store.take_lease(ORG, ADA, NOW, 600)

    async def test_released_it_can_be_taken_at_once_and_its_fence_has_grown(self, store: Store) -> None:
        await store.connect(mailbox())
        first = await store.take_lease(ORG, ADA, NOW, 600)
        await store.release_lease(first)
        await store.release_lease(first)
        assert (await store.take_lease(ORG, ADA, NOW, 600)).fence == first.fence + 1

    async def test_a_stale_one_releases_nothing(self, store: Store) -> None:
        await store.connect(mailbox())
        stale = await store.take_lease(ORG, ADA, NOW, 1)
        await store.take_lease(ORG, ADA, NOW + timedelta(seconds=2), 600)
        await store.release_lease(stale)
        with pytest.raises(LeaseTaken):
            await store.take_lease(ORG, ADA, NOW + timedelta(seconds=3), 600)

    async def test_users_do_not_stand_in_each_other_s_way(self, store: Store) -> None:
        for org, user in ((ORG, ADA), (ORG, BOB), (OTHER_ORG, ADA)):
            await store.connect(mailbox(org, user))
            assert (await store.take_lease(org, user, NOW, 600)).user == user

    async def test_without_a_mailbox_there_is_none(self, store: Store) -> None:
        with pytest.raises(NotFound):
            await store.take_lease(ORG, ADA, NOW, 600)
        await store.release_lease(Lease(ORG, ADA, 1, NOW))
        assert await store.mailbox(ORG, ADA) is None

    async def test_a_stale_one_writes_nothing(self, store: Store) -> None:
        await store.connect(mailbox())
        stale = await store.take_lease(ORG, ADA, NOW, 1)
        await store.add_mail_records(stale, [record(1)])
        fresh = await store.take_lease(ORG, ADA, NOW + timedelta(seconds=2), 600)
        await assert_writes_nothing(store, stale, mailbox(), [record(1)])
        await store.add_mail_records(fresh, [record(3)])
        await store.save_run(fresh, Cursor("2"), {}, RunCounts(NOW))
        assert await mail_ids(store) == [record(1).mail_id, record(3).mail_id]

    async def test_a_released_one_writes_nothing(self, store: Store) -> None:
        await store.connect(mailbox())
        lease = await store.take_lease(ORG, ADA, NOW, 600)
        await store.release_lease(lease)
        await assert_writes_nothing(store, lease, mailbox(), [])

    async def test_one_from_before_the_mailbox_was_deleted_writes_nothing_even_when_it_is_connected_anew(
        self, store: Store
    ) -> None:
        await store.connect(mailbox())
        lease = await store.take_lease(ORG, ADA, NOW, 600)
        await store.delete_mailbox(ORG, ADA)
        with pytest.raises(LeaseLost):
            await store.add_mail_records(lease, [record(1)])
        with pytest.raises(LeaseLost):
            await store.save_run(lease, Cursor("2"), {}, RunCounts(NOW))
        await store.connect(mailbox())
        await store.take_lease(ORG, ADA, NOW, 600)
        await assert_writes_nothing(store, lease, mailbox(), [])

    async def test_lost_between_two_pages_the_rest_is_not_written(self, store: Store) -> None:
        """A run with many records races another that takes its mailbox: what is written after that is the other's alone."""
        await store.connect(mailbox())
        stale = await store.take_lease(ORG, ADA, NOW, 1)
        fresh: list[Lease] = []

        async def take_over() -> None:
            fresh.append(await store.take_lease(ORG, ADA, NOW + timedelta(seconds=2), 600))
            await store.add_mail_records(fresh[0], [record(9_999)])

        answers = await asyncio.gather(
            store.add_mail_records(stale, [record(number) for number in range(2_000)]), take_over(), return_exceptions=True
        )
        written = await mail_ids(store)
        assert answers[1] is None
        with pytest.raises(LeaseLost):
            await store.add_mail_records(stale, [record(5_000)])
        assert await mail_ids(store) == written
        assert record(9_999).mail_id in written
        assert answers[0] is None or isinstance(answers[0], LeaseLost)


async def assert_writes_nothing(store: Store, lease: Lease, kept: Mailbox, records: list[MailRecord]) -> None:
    """Records and a run's end are refused, however often, and nothing has changed."""
    for _ in range(2):
        with pytest.raises(LeaseLost):
            await store.add_mail_records(lease, [record(2)])
        with pytest.raises(LeaseLost):
            await store.add_mail_records(lease, [])
        with pytest.raises(LeaseLost):
            await store.save_run(lease, Cursor("666"), {Category.CUSTOMER: "L"}, RunCounts(NOW, 6))
    assert await store.latest_mails(lease.org, lease.user, 10) == records
    assert await store.mailbox(lease.org, lease.user) == kept


class TestRun:
    async def test_what_it_ends_with_comes_back(self, store: Store) -> None:
        await store.connect(replace(mailbox(), labels={Category.CUSTOMER: "Label_3"}))
        lease = await store.take_lease(ORG, ADA, NOW, 600)
        cursor = Cursor("2000", NOW - timedelta(hours=1))
        labels = {Category.OPEN_DEALS: "Label_2"}
        day = DayCounts(date(2027, 3, 14), {Category.OPEN_DEALS: 9, Category.CUSTOMER: 0})
        counts = RunCounts(NOW + timedelta(seconds=1), 12, {Category.OPEN_DEALS: 4, Category.CUSTOMER: 0}, 3, day)
        for _ in range(2):
            await store.save_run(lease, cursor, labels, counts)
            assert await store.mailbox(ORG, ADA) == replace(mailbox(), cursor=cursor, labels=labels, last_run=counts)
        await store.save_run(lease, Cursor("2001"), {}, counts)
        assert await store.mailbox(ORG, ADA) == replace(mailbox(), cursor=Cursor("2001"), last_run=counts)


class TestMailRecords:
    async def test_one_that_is_there_stays_as_it_is(self, store: Store) -> None:
        await store.connect(mailbox())
        lease = await store.take_lease(ORG, ADA, NOW, 600)
        first, second = record(1), replace(record(1), from_address="other@customer.example", received_at=NOW)
        await store.add_mail_records(lease, [first, second])
        await store.add_mail_records(lease, [second, record(2)])
        assert await store.latest_mails(ORG, ADA, 10) == [first, record(2)]

    async def test_none_to_keep_is_no_mistake(self, store: Store) -> None:
        await keep(store, [])
        assert await mail_ids(store) == []

    async def test_two_runs_of_one_lease_at_once_keep_each_mail_once(self, store: Store) -> None:
        await store.connect(mailbox())
        lease = await store.take_lease(ORG, ADA, NOW, 600)
        await asyncio.gather(*(store.add_mail_records(lease, [record(number) for number in range(30)]) for _ in range(4)))
        assert await mail_ids(store) == [record(number).mail_id for number in range(30)]

    async def test_known_are_those_of_this_mailbox_alone(self, store: Store) -> None:
        await keep(store, [record(number) for number in range(900)])
        await keep(store, [record(5_000)], user=BOB)
        await keep(store, [record(5_001)], org=OTHER_ORG)
        asked = [record(number).mail_id for number in (0, 450, 899, 900, 5_000, 5_001)]
        assert await store.known_mails(ORG, ADA, asked) == frozenset(asked[:3])
        assert await store.known_mails(ORG, ADA, [record(number).mail_id for number in range(900)]) == frozenset(
            await mail_ids(store)
        )
        assert await store.known_mails(ORG, ADA, []) == frozenset()

    async def test_the_latest_come_newest_first_and_are_the_user_s_alone(self, store: Store) -> None:
        same_moment = [MailRecord(mail, CUSTOMER, NOW - timedelta(hours=1)) for mail in ("a", "c", "b")]
        await keep(store, [record(3), record(1), *same_moment, record(2)])
        for neighbour in (ADA[:-1], ADA + "0", BOB):
            await keep(store, [record(0)], user=neighbour)
        await keep(store, [record(0)], org=OTHER_ORG)
        expected = [record(1).mail_id, record(2).mail_id, record(3).mail_id, "c", "b", "a"]
        assert await mail_ids(store) == expected
        latest = await store.latest_mails(ORG, ADA, 2)
        assert latest == [record(1), record(2)]
        assert type(latest[0].received_at) is datetime

    async def test_who_here_received_mail_from_an_address(self, store: Store) -> None:
        await keep(store, [record(2), record(4), record(0, "someone.else@customer.example")])
        await keep(store, [record(1), record(3), record(2)], user=BOB)
        await keep(store, [record(0)], org=OTHER_ORG)
        received = [(BOB, record(1)), (BOB, record(2)), (ADA, record(2)), (BOB, record(3)), (ADA, record(4))]
        assert await store.mails_from(ORG, CUSTOMER, 10) == received
        assert await store.mails_from(ORG, CUSTOMER, 2) == received[:2]
        assert await store.mails_from(ORG, "nobody@customer.example", 10) == []

    async def test_a_moment_is_kept_to_the_microsecond_and_an_address_to_the_letter(self, store: Store) -> None:
        odd = [
            MailRecord("m1", 'o\'brien+"x"@xn--bcher-kva.example', datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
            MailRecord("m2", "δοκιμή@παράδειγμα.example", datetime(2262, 4, 12, 0, 0, 0, 1, tzinfo=UTC)),
            MailRecord("m:3", "", NOW),
        ]
        await keep(store, odd)
        assert await store.latest_mails(ORG, ADA, 10) == [odd[1], odd[2], odd[0]]
        assert await store.mails_from(ORG, odd[1].from_address, 1) == [(ADA, odd[1])]


class TestDeletion:
    async def test_of_a_mailbox_with_five_thousand_records_touches_nobody_else_s(self, store: Store) -> None:
        everybody_else = [(ORG, BOB), (ORG, ADA + "0"), (OTHER_ORG, ADA)]
        for org, user in everybody_else:
            await keep(store, [record(number) for number in range(3)], org, user)
        await keep(store, [record(number) for number in range(5_000)])
        assert len(await mail_ids(store)) == 5_000
        assert await store.delete_mailbox(ORG, ADA) == 5_000
        assert await store.mailbox(ORG, ADA) is None
        assert await mail_ids(store) == []
        assert await store.delete_mailbox(ORG, ADA) == 0
        for org, user in everybody_else:
            assert await store.mailbox(org, user) == mailbox(org, user)
            assert len(await mail_ids(store, org, user)) == 3

    async def test_of_what_is_older_than_the_retention_is_the_org_s_alone(self, store: Store) -> None:
        for org, user in ((ORG, ADA), (ORG, BOB), (OTHER_ORG, ADA)):
            await keep(store, [record(number) for number in range(450)], org, user)
        assert await store.delete_mails_before(ORG, record(10).received_at) == 2 * 439
        assert await store.delete_mails_before(ORG, record(10).received_at) == 0
        for user in (ADA, BOB):
            assert await mail_ids(store, user=user) == [record(number).mail_id for number in range(11)]
        assert len(await mail_ids(store, OTHER_ORG)) == 450


HOSTILE = [
    "",
    ".",
    "..",
    "a/b",
    "a/../b",
    f"../{OTHER_ORG}",
    f"x/mails/{BOB}",
    "/",
    "__x__",
    "__",
    "a\nb",
    "a\0",
    "\udcff",
    "x" * 501,
    "ü" * 251,
]
UNUSUAL = ["x" * 500, "ü" * 250, "Ünï-cødé", "日本", "a b", "a'; --", "%2F..", "*", "~", "a.b", "...", "x__", "#", "`"]

OrgCall = Callable[[Store, str], Awaitable[object]]
ORG_CALLS: dict[str, OrgCall] = {
    "policy": lambda store, org: store.policy(org),
    "set_policy": lambda store, org: store.set_policy(org, Policy()),
    "due_mailboxes": lambda store, org: store.due_mailboxes(org, NOW, TEN_MINUTES),
    "mails_from": lambda store, org: store.mails_from(org, CUSTOMER, 1),
    "delete_mails_before": lambda store, org: store.delete_mails_before(org, NOW),
}
UserCall = Callable[[Store, str, str], Awaitable[object]]
USER_CALLS: dict[str, UserCall] = {
    "mailbox": lambda store, org, user: store.mailbox(org, user),
    "connect": lambda store, org, user: store.connect(mailbox(org, user)),
    "switch": lambda store, org, user: store.switch(org, user, mailmagnet=False, labelling=False),
    "take_lease": lambda store, org, user: store.take_lease(org, user, NOW, 1),
    "release_lease": lambda store, org, user: store.release_lease(Lease(org, user, 1, NOW)),
    "known_mails": lambda store, org, user: store.known_mails(org, user, ["m"]),
    "add_mail_records": lambda store, org, user: store.add_mail_records(Lease(org, user, 1, NOW), [record(1)]),
    "save_run": lambda store, org, user: store.save_run(Lease(org, user, 1, NOW), Cursor("1"), {}, RunCounts(NOW)),
    "mark_needs_consent": lambda store, org, user: store.mark_needs_consent(org, user),
    "latest_mails": lambda store, org, user: store.latest_mails(org, user, 1),
    "delete_mailbox": lambda store, org, user: store.delete_mailbox(org, user),
}


class TestIds:
    def test_every_call_that_takes_an_id_is_tried(self) -> None:
        calls = {name for name in vars(Store) if not name.startswith("_")}
        assert calls == {*ORG_CALLS, *USER_CALLS, "orgs", "close"}

    @pytest.mark.parametrize("call", ORG_CALLS)
    async def test_no_call_takes_an_org_that_could_leave_its_place(self, store: Store, call: str) -> None:
        for org in HOSTILE:
            with pytest.raises(BadRequest) as refused:
                await ORG_CALLS[call](store, org)
            assert len(org) < 2 or org not in str(refused.value)

    @pytest.mark.parametrize("call", USER_CALLS)
    async def test_no_call_takes_a_user_that_could_leave_its_org(self, store: Store, call: str) -> None:
        await keep(store, [record(1)], user=BOB)
        for user in [*HOSTILE, "a:b", f"{BOB}:"]:
            with pytest.raises(BadRequest):
                await USER_CALLS[call](store, ORG, user)
        for org in HOSTILE:
            with pytest.raises(BadRequest):
                await USER_CALLS[call](store, org, ADA)
        assert await store.orgs() == [ORG]
        assert await store.latest_mails(ORG, BOB, 10) == [record(1)]

    async def test_no_mail_s_id_leaves_its_mailbox(self, store: Store) -> None:
        await store.connect(mailbox())
        lease = await store.take_lease(ORG, ADA, NOW, 600)
        for mail in HOSTILE:
            with pytest.raises(BadRequest):
                await store.add_mail_records(lease, [replace(record(1), mail_id=mail)])
            with pytest.raises(BadRequest):
                await store.known_mails(ORG, ADA, [mail])
        assert await mail_ids(store) == []

    async def test_unusual_ids_are_only_ids(self, store: Store) -> None:
        for org in UNUSUAL:
            await keep(store, [replace(record(1), mail_id=mail) for mail in UNUSUAL], org, org)
        assert sorted(await store.orgs()) == sorted(UNUSUAL)
        for org in UNUSUAL:
            assert await store.mailbox(org, org) == mailbox(org, org)
            assert sorted(await mail_ids(store, org, org)) == sorted(UNUSUAL)
            assert await store.known_mails(org, org, UNUSUAL) == frozenset(UNUSUAL)
        assert await store.delete_mailbox("*", "*") == len(UNUSUAL)
        assert sorted(await store.orgs()) == sorted(set(UNUSUAL) - {"*"})


class TestFirestore:
    async def test_documents_lie_where_the_design_says_and_hold_what_it_says(
        self, firestore: tuple[FirestoreStore, AsyncClient]
    ) -> None:
        store, client = firestore
        await store.set_policy(ORG, Policy())
        await keep(store, [record(1)])
        documents = await all_documents(client)
        assert set(documents) == {f"orgs/{ORG}", f"orgs/{ORG}/mailboxes/{ADA}", f"orgs/{ORG}/mails/{ADA}:{record(1).mail_id}"}
        mail = documents[f"orgs/{ORG}/mails/{ADA}:{record(1).mail_id}"]
        assert mail == {"from_address": CUSTOMER, "received_at": record(1).received_at}

    @settings(max_examples=200, deadline=None)
    @given(org=st.text(max_size=40), user=st.text(max_size=40), mail=st.text(max_size=40))
    def test_no_path_leaves_its_org(self, org: str, user: str, mail: str) -> None:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
            store = FirestoreStore("test-paths")
        try:
            path = store._mail(org, user, mail).path
        except BadRequest:
            return
        assert path.split("/") == ["orgs", org, "mails", f"{user}:{mail}"]

    async def test_one_that_is_down_is_unavailable_within_the_deadline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{taken.getsockname()[1]}")
            store = FirestoreStore("test-down")
            with pytest.raises(Unavailable) as down:
                await store.mailbox(ORG, ADA)
            await store.close()
        assert down.value.who == "Firestore"

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (grpc.StatusCode.PERMISSION_DENIED, NotPermitted),
            (grpc.StatusCode.UNAUTHENTICATED, NotAuthorised),
            (grpc.StatusCode.INVALID_ARGUMENT, Unavailable),
            (grpc.StatusCode.DATA_LOSS, Unavailable),
        ],
    )
    async def test_a_refusal_is_an_error_of_the_tree_that_names_nobody(
        self, monkeypatch: pytest.MonkeyPatch, status: grpc.StatusCode, error: type[Upstream]
    ) -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((refusing(status),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}")
        store = FirestoreStore("test-refused")
        calls: list[Awaitable[object]] = [
            store.mailbox(ORG, ADA),
            store.set_policy(ORG, Policy()),
            store.orgs(),
            store.take_lease(ORG, ADA, NOW, 1),
            store.latest_mails(ORG, ADA, 1),
            store.known_mails(ORG, ADA, ["m"]),
            store.delete_mailbox(ORG, ADA),
        ]
        try:
            for call in calls:
                with pytest.raises(error) as refused:
                    await call
                assert type(refused.value) is error
                assert ADA not in "".join(traceback.format_exception(refused.value)).replace(__file__, "")
        finally:
            await store.close()
            await server.stop(None)


def refusing(status: grpc.StatusCode) -> Any:
    """Answers every call with one status, and a message that names a document, as Firestore's do."""

    async def refuse(_: object, context: Any) -> None:
        await context.abort(status, f"not this one: orgs/{ORG}/mailboxes/{ADA}")

    streams = dict.fromkeys(["BatchGetDocuments", "RunQuery"], grpc.unary_stream_rpc_method_handler(refuse))
    calls = dict.fromkeys(["Commit", "ListDocuments"], grpc.unary_unary_rpc_method_handler(refuse))
    return grpc.method_handlers_generic_handler("google.firestore.v1.Firestore", streams | calls)


async def all_documents(client: AsyncClient) -> dict[str, Any]:
    """Every document in the database, by path."""
    found: dict[str, Any] = {}
    collections = [collection async for collection in client.collections()]
    while collections:
        async for kept in collections.pop().list_documents():
            collections += [collection async for collection in kept.collections()]
            if (snapshot := await kept.get()).exists:
                found[kept.path] = snapshot.to_dict()
    return found


def in_own_process(work: Callable[[Path], Coroutine[Any, Any, T]], database: Path) -> T:
    return asyncio.run(work(database))


def modes_in(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def take_what_is_free(database: Path) -> list[tuple[str, int]]:
    """The leases that one process gets."""
    store = SqliteStore(database)
    taken = []
    for number in range(40):
        try:
            lease = await store.take_lease(ORG, f"user-{number}", NOW, 600)
        except LeaseTaken:
            continue
        await store.add_mail_records(lease, [record(number)])
        taken.append((lease.user, lease.fence))
    await store.close()
    return taken


class TestSqlite:
    async def test_of_several_processes_one_gets_each_lease(self, tmp_path: Path) -> None:
        database = tmp_path / "store.db"
        store = SqliteStore(database)
        for number in range(40):
            await store.connect(mailbox(user=f"user-{number}"))
        with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as processes:
            taken = list(processes.map(in_own_process, [take_what_is_free] * 3, [database] * 3))
        users = [user for process in taken for user, _ in process]
        assert sorted(users) == sorted(f"user-{number}" for number in range(40))
        assert len(await store.mails_from(ORG, CUSTOMER, 100)) == 40
        await store.close()

    async def test_several_processes_make_a_new_file_together(self, tmp_path: Path) -> None:
        with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as processes:
            orgs = list(processes.map(in_own_process, [connect_one] * 9, [tmp_path / "store.db"] * 9))
        assert orgs == [[ORG]] * 9

    async def test_another_s_long_write_is_a_timeout_and_no_loss(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "store.db")
        await store.connect(mailbox())
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TimedOut):
            await store.mark_needs_consent(ORG, ADA)
        assert await store.mailbox(ORG, ADA) == mailbox()
        other.execute("ROLLBACK")
        other.close()
        await store.mark_needs_consent(ORG, ADA)
        assert await store.mailbox(ORG, ADA) == replace(mailbox(), needs_consent=True)
        await store.close()

    async def test_the_file_is_its_owner_s_alone_and_outlives_the_process(self, tmp_path: Path) -> None:
        database = tmp_path / "store.db"
        first = SqliteStore(database)
        await keep(first, [record(1)])
        modes = modes_in(tmp_path)
        await first.close()
        assert modes == {"store.db": 0o600, "store.db-shm": 0o600, "store.db-wal": 0o600}
        again = SqliteStore(database)
        assert await again.latest_mails(ORG, ADA, 10) == [record(1)]
        await again.close()

    async def test_what_is_deleted_is_gone_from_the_file(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "store.db")
        await keep(store, [record(number) for number in range(200)])
        assert CUSTOMER.encode() in everything_in(tmp_path)
        await store.delete_mailbox(ORG, ADA)
        await store.close()
        assert everything_in(tmp_path)
        assert CUSTOMER.encode() not in everything_in(tmp_path)

    async def test_a_failure_names_nobody(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "store.db")
        await store.close()
        with pytest.raises(Unavailable) as failed:
            await store.mailbox(ORG, ADA)
        assert failed.value.who == "SQLite"
        assert ADA not in "".join(traceback.format_exception(failed.value))

    def test_a_file_that_is_no_database_stops_the_start_and_stays(self, tmp_path: Path) -> None:
        file = tmp_path / "store.db"
        file.write_text("a letter, not a database\n" * 100)
        with pytest.raises(BadSetting):
            SqliteStore(file)
        assert file.read_text().startswith("a letter")

    def test_a_file_of_a_later_version_stops_the_start(self, tmp_path: Path) -> None:
        file = sqlite3.connect(tmp_path / "store.db")
        file.execute(f"PRAGMA user_version = {VERSION + 1}")
        file.close()
        with pytest.raises(BadSetting, match=f"version {VERSION + 1}"):
            SqliteStore(tmp_path / "store.db")

    async def test_a_file_of_the_first_version_is_brought_up_to_date(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "store.db")
        await keep(store, [record(1)])
        await store.close()
        file = sqlite3.connect(tmp_path / "store.db")
        for column in ("run_day", "run_day_sorted"):
            file.execute(f"ALTER TABLE mailboxes DROP COLUMN {column}")
        file.execute("PRAGMA user_version = 1")
        file.close()
        for _ in range(2):
            store = SqliteStore(tmp_path / "store.db")
            assert await store.mailbox(ORG, ADA) == mailbox()
            assert await mail_ids(store) == [record(1).mail_id]
            await store.close()

    def test_it_needs_nothing_of_google_s(self) -> None:
        loaded = "import sys, metadata_store.sqlite; print({'grpc', 'google.auth', 'google.api_core'} & set(sys.modules))"
        answer = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == "set()"


async def connect_one(database: Path) -> list[str]:
    store = SqliteStore(database)
    await store.connect(mailbox())
    orgs = list(await store.orgs())
    await store.close()
    return orgs


USERS = st.sampled_from([(org, user) for org in ("a.example", "b.example") for user in ("1", "11")])
ADDRESSES = st.sampled_from(["x@customer.example", "y@customer.example"])
NUMBERS = st.integers(0, 8)


class KeptByHand(RuleBasedStateMachine):
    """Whatever is done in whatever order, the store answers as plain dictionaries would."""

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.store = SqliteStore(Path(self.folder.name) / "store.db")
        self.mailboxes: dict[tuple[str, str], Mailbox] = {}
        self.mails: dict[tuple[str, str, str], MailRecord] = {}
        self.leases: list[Lease] = []
        self.holder: dict[tuple[str, str], Lease] = {}
        self.now = NOW

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.store.close())
            self.runner.close()
            self.folder.cleanup()

    def raised(self, call: Coroutine[Any, Any, object]) -> type[BaseException] | None:
        try:
            self.runner.run(call)
        except (LeaseLost, LeaseTaken, NotFound) as error:
            return type(error)
        return None

    def forget_mails(self, key: tuple[str, str]) -> int:
        mine = [mail for mail in self.mails if mail[:2] == key]
        for mail in mine:
            del self.mails[mail]
        self.holder.pop(key, None)
        return len(mine)

    @rule(key=USERS, mailmagnet=st.booleans())
    def connect(self, key: tuple[str, str], mailmagnet: bool) -> None:
        self.runner.run(self.store.connect(replace(mailbox(*key), mailmagnet=mailmagnet)))
        kept = self.mailboxes.get(key, mailbox(*key))
        self.mailboxes[key] = replace(kept, mailmagnet=mailmagnet, labelling=mailmagnet, needs_consent=False)
        if not mailmagnet:
            self.forget_mails(key)

    @rule(key=USERS, mailmagnet=st.booleans(), labelling=st.booleans())
    def switch(self, key: tuple[str, str], mailmagnet: bool, labelling: bool) -> None:
        raised = self.raised(self.store.switch(*key, mailmagnet=mailmagnet, labelling=labelling))
        assert raised is (None if key in self.mailboxes else NotFound)
        if key in self.mailboxes:
            self.mailboxes[key] = replace(self.mailboxes[key], mailmagnet=mailmagnet, labelling=mailmagnet and labelling)
            if not mailmagnet:
                self.forget_mails(key)

    @rule(key=USERS)
    def mark_needs_consent(self, key: tuple[str, str]) -> None:
        self.runner.run(self.store.mark_needs_consent(*key))
        if key in self.mailboxes:
            self.mailboxes[key] = replace(self.mailboxes[key], needs_consent=True)

    @rule(key=USERS)
    def delete_mailbox(self, key: tuple[str, str]) -> None:
        self.mailboxes.pop(key, None)
        assert self.runner.run(self.store.delete_mailbox(*key)) == self.forget_mails(key)

    @rule(minutes=st.integers(1, 20))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(key=USERS)
    def take_lease(self, key: tuple[str, str]) -> None:
        held = self.holder.get(key)
        try:
            lease = self.runner.run(self.store.take_lease(*key, self.now, 600))
        except NotFound:
            assert key not in self.mailboxes
        except LeaseTaken:
            assert held is not None
            assert held.until > self.now
        else:
            assert key in self.mailboxes
            assert held is None or (held.until <= self.now and lease.fence == held.fence + 1)
            self.holder[key] = lease
            self.leases.append(lease)

    @rule(pick=st.randoms(use_true_random=False))
    def release_lease(self, pick: Any) -> None:
        if self.leases:
            lease = pick.choice(self.leases)
            self.runner.run(self.store.release_lease(lease))
            if self.holder.get((lease.org, lease.user)) == lease:
                del self.holder[lease.org, lease.user]

    @rule(pick=st.randoms(use_true_random=False), numbers=st.lists(NUMBERS, max_size=4), address=ADDRESSES)
    def add_mail_records(self, pick: Any, numbers: list[int], address: str) -> None:
        if self.leases:
            lease = pick.choice(self.leases)
            key = (lease.org, lease.user)
            holds = self.holder.get(key) == lease and self.mailboxes[key].mailmagnet
            records = [record(number, address) for number in numbers]
            assert self.raised(self.store.add_mail_records(lease, records)) is (None if holds else LeaseLost)
            for kept in records if holds else []:
                self.mails.setdefault((*key, kept.mail_id), kept)

    @rule(pick=st.randoms(use_true_random=False), history_id=st.text(string.digits, min_size=1))
    def save_run(self, pick: Any, history_id: str) -> None:
        if self.leases:
            lease = pick.choice(self.leases)
            key = (lease.org, lease.user)
            cursor, counts = Cursor(history_id), RunCounts(self.now, 1)
            holds = self.holder.get(key) == lease and self.mailboxes[key].mailmagnet
            assert self.raised(self.store.save_run(lease, cursor, {}, counts)) is (None if holds else LeaseLost)
            if holds:
                self.mailboxes[key] = replace(self.mailboxes[key], cursor=cursor, last_run=counts)

    @rule(org=st.sampled_from(["a.example", "b.example"]), number=NUMBERS)
    def delete_mails_before(self, org: str, number: int) -> None:
        moment = record(number).received_at
        older = [key for key, kept in self.mails.items() if key[0] == org and kept.received_at < moment]
        assert self.runner.run(self.store.delete_mails_before(org, moment)) == len(older)
        for key in older:
            del self.mails[key]

    @rule(org=st.sampled_from(["a.example", "b.example"]), address=ADDRESSES)
    def mails_from(self, org: str, address: str) -> None:
        received = [(key[1], kept) for key, kept in self.mails.items() if key[0] == org and kept.from_address == address]
        received.sort(key=lambda found: (found[1].received_at, f"{found[0]}:{found[1].mail_id}"), reverse=True)
        assert self.runner.run(self.store.mails_from(org, address, 5)) == received[:5]

    @invariant()
    def everything_kept_is_what_it_should_be(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.compare())

    async def compare(self) -> None:
        assert await self.store.orgs() == sorted({org for org, _ in self.mailboxes})
        for key in [(org, user) for org in ("a.example", "b.example") for user in ("1", "11")]:
            assert await self.store.mailbox(*key) == self.mailboxes.get(key)
            mine = [kept for mail, kept in self.mails.items() if mail[:2] == key]
            assert await self.store.latest_mails(*key, 50) == sorted(mine, key=lambda kept: kept.received_at, reverse=True)


KeptByHand.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestKeptByHand = KeptByHand.TestCase
