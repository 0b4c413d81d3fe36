"""The store's contract, held against each store: SQLite, and Firestore in its real emulator."""

import asyncio
import multiprocessing
import random
import re
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import traceback
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import grpc  # type: ignore[import-untyped]
import pytest
from google.cloud.firestore_v1 import AsyncClient
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

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
from mailmagnet.store import (
    MOST_RECORDS,
    Backlog,
    DayCounts,
    Lease,
    Mailbox,
    MailRecord,
    Policy,
    Progress,
    Reason,
    RunCounts,
    Sharing,
    Store,
    Trouble,
    keeps_others_out,
)
from metadata_store.firestore import FirestoreStore
from metadata_store.sqlite import VERSION, SqliteStore
from tests.contract.firestore_queries import Index, index_for, queries_of, read_indexes

T = TypeVar("T")
NOW = datetime(2027, 3, 14, 9, 26, 53, 589793, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)
INSTANT = timedelta(microseconds=1)
ORG, OTHER_ORG = "analytical.example", "hopper.example"
ADA, BOB = "100000000000000000001", "100000000000000000002"
CUSTOMER = "grace@customer.example"
INDEXES = read_indexes()


@pytest.fixture(params=["sqlite", "firestore"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store. Every query that Firestore gets from any test is held against the index file."""
    if request.param == "sqlite":
        kept_in_file = SqliteStore(tmp_path / "kept" / "store.db")
        yield kept_in_file
        await kept_in_file.close()
        return
    emulator: str = request.getfixturevalue("firestore_emulator")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", emulator)
        opened = FirestoreStore(f"test-{uuid.uuid4().hex}")
    with queries_of(opened._client) as queries:
        yield opened
    await opened.close()
    for query in queries:
        index_for(query, INDEXES)


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


def connected(org: str = ORG, user: str = ADA) -> Mailbox:
    """A mailbox as it is when it has just been connected."""
    return Mailbox(org, user, f"{user}@{org}", RunCounts(NOW))


def mailbox(org: str = ORG, user: str = ADA) -> Mailbox:
    """One that is also switched on."""
    return replace(connected(org, user), mailmagnet_since=NOW, labelling_since=NOW, progress=Progress("1000"))


def trouble(reason: Reason = Reason.FAILING, again_at: datetime | None = NOW + TEN_MINUTES) -> Trouble:
    return Trouble(reason, "Gmail", NOW, 1, again_at)


def record(number: int, address: str = CUSTOMER) -> MailRecord:
    return MailRecord(f"18f{number:013x}", address, NOW - timedelta(minutes=number))


async def connect(store: Store, org: str = ORG, user: str = ADA) -> None:
    await store.connect(org, user, f"{user}@{org}", NOW)


async def begin(store: Store, as_it_is: Mailbox | None = None) -> Lease:
    """A mailbox connected and switched on, and a lease on it."""
    on = as_it_is or mailbox()
    await store.connect(on.org, on.user, on.address, NOW)
    lease = await store.take_lease(on.org, on.user, NOW, 600, take_over=True)
    assert on.mailmagnet_since
    assert on.progress
    await store.switch_on(
        lease,
        mailmagnet_since=on.mailmagnet_since,
        labelling_since=on.labelling_since,
        progress=on.progress,
        labels=on.labels,
        last_run=on.last_run,
    )
    return lease


async def save(store: Store, lease: Lease, records: list[MailRecord]) -> None:
    """What a run has decided."""
    for start in range(0, max(len(records), 1), MOST_RECORDS):
        await store.save_run(lease, Progress("1000"), labels={}, records=records[start : start + MOST_RECORDS])


async def keep(store: Store, records: list[MailRecord], org: str = ORG, user: str = ADA) -> None:
    """A mailbox that is on and has these records, and that nobody works on."""
    lease = await begin(store, mailbox(org, user))
    await save(store, lease, records)
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
        await connect(store, "mailbox.example")
        assert sorted(await store.orgs()) == ["mailbox.example", "policy.example"]

    async def test_one_whose_last_mailbox_is_deleted_is_none_any_more(self, store: Store) -> None:
        await keep(store, [record(1)])
        await store.delete_mailbox(ORG, ADA)
        assert await store.orgs() == []


class TestConnect:
    async def test_it_is_off_until_it_is_switched_on(self, store: Store) -> None:
        await connect(store)
        kept = await store.mailbox(ORG, ADA)
        assert kept == Mailbox(ORG, ADA, f"{ADA}@{ORG}", RunCounts(NOW), None, None, None, None, Sharing.PRIVATE, frozenset(), {})
        assert kept.last_run.at.tzinfo is UTC
        assert not kept.mailmagnet
        assert not kept.labelling
        assert kept.last_run.first_is_to_come

    async def test_again_keeps_what_the_mailbox_has_and_is_but_its_trouble(self, store: Store) -> None:
        on = replace(
            mailbox(),
            labelling_since=None,
            labels={Category.CUSTOMER: "L"},
            progress=Progress("7", ("a",), ("b",)),
            last_run=RunCounts(NOW - TEN_MINUTES, 3),
        )
        lease = await begin(store, on)
        await store.save_run(lease, Progress("7", ("a",), ("b",)), labels=on.labels, records=[record(1)])
        await store.save_trouble(lease, trouble(Reason.CONSENT, None))
        for _ in range(2):
            await store.connect(ORG, ADA, "ada.king@analytical.example", NOW + timedelta(days=1))
            assert await store.mailbox(ORG, ADA) == replace(on, address="ada.king@analytical.example")
        assert await mail_ids(store) == [record(1).mail_id]
        with pytest.raises(LeaseTaken):
            await store.take_lease(ORG, ADA, NOW, 600)
        await store.save_run(lease, Progress("8"), labels={})

    async def test_again_does_not_switch_on_what_its_user_has_turned_off(self, store: Store) -> None:
        await begin(store)
        await store.switch_off(ORG, ADA)
        await connect(store)
        assert await store.mailbox(ORG, ADA) == connected()
        assert await store.due_mailboxes(ORG, NOW + timedelta(days=1), TEN_MINUTES) == []

    async def test_twenty_at_once_make_one(self, store: Store) -> None:
        await asyncio.gather(*(connect(store) for _ in range(20)))
        assert await store.mailbox(ORG, ADA) == connected()

    async def test_a_mailbox_that_is_not_connected_is_none(self, store: Store) -> None:
        await connect(store)
        assert await store.mailbox(ORG, BOB) is None
        assert await store.mailbox(OTHER_ORG, ADA) is None


class TestSwitchOn:
    async def test_all_that_it_begins_with_comes_back(self, store: Store) -> None:
        day = DayCounts(date(2027, 3, 1), {Category.CUSTOMER: 1})
        on = replace(
            connected(),
            mailmagnet_since=NOW - timedelta(days=3, microseconds=1),
            labelling_since=NOW - timedelta(days=2, microseconds=7),
            progress=Progress("987654321", backlog=Backlog(NOW - timedelta(days=30, microseconds=1))),
            labels={Category.CLOSING_THIS_MONTH: "Label_1", Category.CUSTOMER: "Label_3"},
            last_run=RunCounts(NOW, 250, {Category.OPEN_DEALS: 3, Category.CUSTOMER: 0}, 17, {"gone": 1}, 99, day),
        )
        await begin(store, on)
        kept = await store.mailbox(ORG, ADA)
        assert kept == on
        assert kept.mailmagnet
        assert kept.labelling
        assert type(kept.mailmagnet_since) is type(kept.labelling_since) is datetime

    async def test_with_labelling_off(self, store: Store) -> None:
        on = replace(mailbox(), labelling_since=None)
        await begin(store, on)
        kept = await store.mailbox(ORG, ADA)
        assert kept == on
        assert kept.mailmagnet
        assert not kept.labelling

    async def test_again_replaces_it_and_the_records_stay(self, store: Store) -> None:
        await keep(store, [record(1)])
        again = replace(mailbox(), labelling_since=None, progress=Progress("2", backlog=Backlog(NOW)), last_run=RunCounts(NOW, 1))
        for _ in range(2):
            await begin(store, again)
            assert await store.mailbox(ORG, ADA) == again
        assert await mail_ids(store) == [record(1).mail_id]

    async def test_trouble_is_over_and_the_mailbox_is_due_again(self, store: Store) -> None:
        lease = await begin(store)
        await store.save_trouble(lease, trouble(Reason.CONSENT, None))
        await begin(store)
        assert await store.mailbox(ORG, ADA) == mailbox()
        assert await store.due_mailboxes(ORG, NOW + TEN_MINUTES, TEN_MINUTES) == [mailbox()]

    async def test_a_lost_lease_switches_nothing_on(self, store: Store) -> None:
        await connect(store)
        stale = await store.take_lease(ORG, ADA, NOW, 600)
        await store.take_lease(ORG, ADA, NOW, 600, take_over=True)
        for lease in (stale, Lease(ORG, BOB, 1, NOW), Lease(OTHER_ORG, ADA, stale.fence, NOW)):
            with pytest.raises(LeaseLost):
                await store.switch_on(
                    lease, mailmagnet_since=NOW, labelling_since=NOW, progress=Progress("1"), labels={}, last_run=RunCounts(NOW)
                )
        assert await store.mailbox(ORG, ADA) == connected()
        assert await store.mailbox(ORG, BOB) is None


class TestSwitchOff:
    async def test_it_forgets_progress_and_trouble_and_the_user_s_records_alone(self, store: Store) -> None:
        on = replace(mailbox(), labels={Category.CUSTOMER: "L"}, last_run=RunCounts(NOW, 3))
        lease = await begin(store, on)
        await store.save_run(lease, Progress("7", ("a",), ("b",), {"b": 2}, Backlog(NOW)), labels=on.labels)
        await store.save_run(lease, Progress("7"), labels=on.labels, records=[record(1), record(2)])
        await store.save_trouble(lease, trouble())
        for org, user in ((ORG, BOB), (ORG, ADA + "0"), (ORG, ADA[:-1]), (OTHER_ORG, ADA)):
            await keep(store, [record(3)], org, user)
        for _ in range(2):
            await store.switch_off(ORG, ADA)
            assert await store.mailbox(ORG, ADA) == replace(connected(), labels=on.labels, last_run=on.last_run)
            assert await mail_ids(store) == []
        for org, user in ((ORG, BOB), (ORG, ADA + "0"), (ORG, ADA[:-1]), (OTHER_ORG, ADA)):
            assert await store.mailbox(org, user) == mailbox(org, user)
            assert await mail_ids(store, org, user) == [record(3).mail_id]

    async def test_a_run_under_way_writes_nothing_after(self, store: Store) -> None:
        lease = await begin(store)
        await store.switch_off(ORG, ADA)
        await assert_writes_nothing(store, lease, connected(), [])
        late = await store.take_lease(ORG, ADA, NOW, 600)
        with pytest.raises(LeaseLost):
            await save(store, late, [record(1)])
        with pytest.raises(LeaseLost):
            await store.save_trouble(late, trouble())
        assert await store.mailbox(ORG, ADA) == connected()
        assert await mail_ids(store) == []

    async def test_a_run_from_before_it_was_off_and_on_again_writes_nothing(self, store: Store) -> None:
        lease = await begin(store)
        await store.switch_off(ORG, ADA)
        await begin(store)
        await assert_writes_nothing(store, lease, mailbox(), [])

    async def test_of_more_than_a_page_of_records(self, store: Store) -> None:
        await keep(store, [record(number) for number in range(2 * MOST_RECORDS + 1)])
        await store.switch_off(ORG, ADA)
        assert await mail_ids(store) == []

    async def test_a_missing_mailbox_is_left_missing(self, store: Store) -> None:
        await store.switch_off(ORG, ADA)
        assert await store.mailbox(ORG, ADA) is None


class TestDueMailboxes:
    async def test_due_are_those_on_whose_slot_has_come_or_that_left_mail_over(self, store: Store) -> None:
        ran = {
            "now": (NOW, 0),
            "ten-minutes-ago": (NOW - TEN_MINUTES, 0),
            "long-ago": (NOW - timedelta(days=400), 0),
            "left-over": (NOW, 5),
            "next-month": (NOW + timedelta(days=31), 0),
        }
        for user, (at, remaining) in ran.items():
            await begin(store, replace(mailbox(user=user), last_run=RunCounts(at, remaining=remaining)))
        long_ago = RunCounts(NOW - timedelta(days=1), remaining=1)
        await begin(store, replace(mailbox(user="not-labelling"), last_run=long_ago, labelling_since=None))
        await begin(store, replace(mailbox(user="off"), last_run=long_ago))
        await store.switch_off(ORG, "off")
        await connect(store, ORG, "just-connected")
        await begin(store, replace(mailbox(OTHER_ORG, "elsewhere"), last_run=long_ago))
        due = await store.due_mailboxes(ORG, NOW, TEN_MINUTES)
        assert [found.user for found in due] == ["left-over", "long-ago", "next-month", "not-labelling", "ten-minutes-ago"]
        assert due[0] == await store.mailbox(ORG, "left-over")
        assert all(found.due_since(NOW, TEN_MINUTES) for found in due)

    async def test_all_of_more_than_a_page(self, store: Store) -> None:
        users = [f"user-{number:04}" for number in range(450)]
        for start in range(0, len(users), 50):
            await asyncio.gather(*(begin(store, mailbox(user=user)) for user in users[start : start + 50]))
        due = await store.due_mailboxes(ORG, NOW + timedelta(minutes=11), TEN_MINUTES)
        assert [found.user for found in due] == users

    async def test_one_in_trouble_is_due_when_it_is_to_be_tried_again(self, store: Store) -> None:
        lease = await begin(store, replace(mailbox(), last_run=RunCounts(NOW, remaining=5)))
        again_at = NOW + timedelta(hours=4)
        await store.save_trouble(lease, trouble(again_at=again_at))
        assert await store.due_mailboxes(ORG, again_at - INSTANT, TEN_MINUTES) == []
        assert await store.due_mailboxes(ORG, again_at, TEN_MINUTES) == [await store.mailbox(ORG, ADA)]

    async def test_refused_consent_lasts_until_the_mailbox_is_connected_anew(self, store: Store) -> None:
        later = NOW + timedelta(days=400)
        lease = await begin(store)
        for _ in range(2):
            await store.save_trouble(lease, trouble(Reason.CONSENT, None))
            assert await store.due_mailboxes(ORG, later, TEN_MINUTES) == []
            kept = await store.mailbox(ORG, ADA)
            assert kept == replace(mailbox(), trouble=trouble(Reason.CONSENT, None))
            assert kept.needs_consent
        await connect(store)
        assert await store.due_mailboxes(ORG, later, TEN_MINUTES) == [mailbox()]

    async def test_one_that_waited_for_its_user_is_due_again_after_a_run_that_went_well(self, store: Store) -> None:
        """Its user mended what was wrong, and somebody let it run by hand."""
        lease = await begin(store)
        await store.save_trouble(lease, trouble(Reason.CONSENT, None))
        await store.save_run(lease, Progress("1001"), labels={}, counts=RunCounts(NOW, 3))
        on = replace(mailbox(), progress=Progress("1001"), last_run=RunCounts(NOW, 3))
        assert await store.due_mailboxes(ORG, NOW + TEN_MINUTES, TEN_MINUTES) == [on]


class TestTrouble:
    @pytest.mark.parametrize("reason", Reason)
    @pytest.mark.parametrize("again_at", [None, NOW + timedelta(hours=4, microseconds=1)])
    async def test_it_comes_back(self, store: Store, reason: Reason, again_at: datetime | None) -> None:
        lease = await begin(store)
        for failures in (1, 12):
            kept = Trouble(reason, "Zoho CRM", NOW - timedelta(days=1, microseconds=1), failures, again_at)
            await store.save_trouble(lease, kept)
            assert await store.mailbox(ORG, ADA) == replace(mailbox(), trouble=kept)

    async def test_it_is_over_when_a_run_ends_well_and_not_before(self, store: Store) -> None:
        lease = await begin(store)
        await store.save_trouble(lease, trouble())
        await store.save_run(lease, Progress("2"), labels={})
        assert await store.mailbox(ORG, ADA) == replace(mailbox(), progress=Progress("2"), trouble=trouble())
        await store.save_run(lease, Progress("2"), labels={}, counts=RunCounts(NOW, 1))
        assert await store.mailbox(ORG, ADA) == replace(mailbox(), progress=Progress("2"), last_run=RunCounts(NOW, 1))

    async def test_of_a_mailbox_that_is_deleted_or_that_another_has_taken_is_not_kept(self, store: Store) -> None:
        lease = await begin(store)
        await store.take_lease(ORG, ADA, NOW, 600, take_over=True)
        with pytest.raises(LeaseLost):
            await store.save_trouble(lease, trouble())
        assert await store.mailbox(ORG, ADA) == mailbox()
        await store.delete_mailbox(ORG, ADA)
        with pytest.raises(LeaseLost):
            await store.save_trouble(lease, trouble())
        assert await store.mailbox(ORG, ADA) is None


class TestLease:
    async def test_of_twenty_at_once_exactly_one_takes_it(self, store: Store) -> None:
        await connect(store)
        for moment in (NOW, NOW + timedelta(seconds=601)):
            answers = await asyncio.gather(*(store.take_lease(ORG, ADA, moment, 600) for _ in range(20)), return_exceptions=True)
            assert sorted(type(answer).__name__ for answer in answers) == ["Lease"] + ["LeaseTaken"] * 19

    async def test_it_can_be_taken_when_it_has_run_out_and_not_a_moment_before(self, store: Store) -> None:
        await connect(store)
        first = await store.take_lease(ORG, ADA, NOW, 600)
        assert (first.org, first.user, first.until) == (ORG, ADA, NOW + timedelta(seconds=600))
        with pytest.raises(LeaseTaken):
            await store.take_lease(ORG, ADA, first.until - INSTANT, 600)
        second = await store.take_lease(ORG, ADA, first.until, 600)
        assert second.fence == first.fence + 1

    async def test_one_taken_before_the_clock_went_back_keeps_nobody_out(self, store: Store) -> None:
        await connect(store)
        ahead = await store.take_lease(ORG, ADA, NOW + timedelta(days=31), 600)
        taken = await store.take_lease(ORG, ADA, NOW, 600)
        assert (taken.fence, taken.until) == (ahead.fence + 1, NOW + timedelta(seconds=600))
        await store.release_lease(ahead)
        with pytest.raises(LeaseTaken):
            await store.take_lease(ORG, ADA, NOW, 600)

    async def test_clocks_that_differ_a_little_still_keep_each_other_out(self, store: Store) -> None:
        await connect(store)
        await store.take_lease(ORG, ADA, NOW + timedelta(seconds=600), 600)
        with pytest.raises(LeaseTaken):
            await store.take_lease(ORG, ADA, NOW, 600)

    async def test_one_that_still_lasts_can_be_taken_over(self, store: Store) -> None:
        first = await begin(store)
        later = NOW + timedelta(seconds=1)
        second = await store.take_lease(ORG, ADA, later, 300, take_over=True)
        assert second == Lease(ORG, ADA, first.fence + 1, later + timedelta(seconds=300))
        await assert_writes_nothing(store, first, mailbox(), [])
        await store.release_lease(first)
        with pytest.raises(LeaseTaken):
            await store.take_lease(ORG, ADA, later, 600)
        await save(store, second, [record(1)])
        assert await mail_ids(store) == [record(1).mail_id]

    async def test_twenty_that_take_over_at_once_leave_one_that_may_write(self, store: Store) -> None:
        await begin(store)
        taken = await asyncio.gather(*(store.take_lease(ORG, ADA, NOW, 600, take_over=True) for _ in range(20)))
        assert len({lease.fence for lease in taken}) == 20
        *lost, last = sorted(taken, key=lambda lease: lease.fence)
        for lease in lost:
            with pytest.raises(LeaseLost):
                await save(store, lease, [record(1)])
        await save(store, last, [record(2)])
        assert await mail_ids(store) == [record(2).mail_id]

    async def test_to_take_over_needs_a_mailbox_too(self, store: Store) -> None:
        with pytest.raises(NotFound):
            await store.take_lease(ORG, ADA, NOW, 600, take_over=True)

    async def test_released_it_can_be_taken_at_once_and_its_fence_has_grown(self, store: Store) -> None:
        await connect(store)
        first = await store.take_lease(ORG, ADA, NOW, 600)
        await store.release_lease(first)
        await store.release_lease(first)
        assert (await store.take_lease(ORG, ADA, NOW, 600)).fence == first.fence + 1

    async def test_a_stale_one_releases_nothing(self, store: Store) -> None:
        await connect(store)
        stale = await store.take_lease(ORG, ADA, NOW, 1)
        await store.take_lease(ORG, ADA, NOW + timedelta(seconds=2), 600)
        await store.release_lease(stale)
        with pytest.raises(LeaseTaken):
            await store.take_lease(ORG, ADA, NOW + timedelta(seconds=3), 600)

    async def test_users_do_not_stand_in_each_other_s_way(self, store: Store) -> None:
        for org, user in ((ORG, ADA), (ORG, BOB), (OTHER_ORG, ADA)):
            await connect(store, org, user)
            assert (await store.take_lease(org, user, NOW, 600)).user == user

    async def test_without_a_mailbox_there_is_none(self, store: Store) -> None:
        with pytest.raises(NotFound):
            await store.take_lease(ORG, ADA, NOW, 600)
        await store.release_lease(Lease(ORG, ADA, 1, NOW))
        assert await store.mailbox(ORG, ADA) is None

    async def test_a_stale_one_writes_nothing(self, store: Store) -> None:
        stale = await begin(store)
        await save(store, stale, [record(1)])
        fresh = await store.take_lease(ORG, ADA, stale.until, 600)
        await assert_writes_nothing(store, stale, mailbox(), [record(1)])
        await save(store, fresh, [record(3)])
        await store.save_run(fresh, Progress("2"), labels={}, counts=RunCounts(NOW))
        assert await mail_ids(store) == [record(1).mail_id, record(3).mail_id]

    async def test_a_released_one_writes_nothing(self, store: Store) -> None:
        lease = await begin(store)
        await store.release_lease(lease)
        await assert_writes_nothing(store, lease, mailbox(), [])

    async def test_one_from_before_the_mailbox_was_deleted_writes_nothing_even_when_it_is_connected_anew(
        self, store: Store
    ) -> None:
        lease = await begin(store)
        await store.delete_mailbox(ORG, ADA)
        with pytest.raises(LeaseLost):
            await save(store, lease, [record(1)])
        with pytest.raises(LeaseLost):
            await store.save_run(lease, Progress("2"), labels={}, counts=RunCounts(NOW))
        await begin(store)
        await assert_writes_nothing(store, lease, mailbox(), [])

    async def test_a_run_that_races_one_that_takes_over_writes_all_or_nothing(self, store: Store) -> None:
        everything = {record(number).mail_id for number in range(MOST_RECORDS)}
        for _ in range(5):
            stale = await begin(store)

            async def take_over() -> None:
                fresh = await store.take_lease(ORG, ADA, NOW, 600, take_over=True)
                await store.save_run(fresh, Progress("fresh"), labels={}, records=[record(9_999)])

            run = store.save_run(stale, Progress("stale"), labels={}, records=[record(number) for number in range(MOST_RECORDS)])
            answers = await asyncio.gather(run, take_over(), return_exceptions=True)
            assert answers[1] is None
            assert answers[0] is None or isinstance(answers[0], LeaseLost)
            written = set(await mail_ids(store)) - {record(9_999).mail_id}
            assert written == (everything if answers[0] is None else set())
            assert await store.mailbox(ORG, ADA) == replace(mailbox(), progress=Progress("fresh"))
            await store.delete_mailbox(ORG, ADA)


async def assert_writes_nothing(store: Store, lease: Lease, kept: Mailbox, records: list[MailRecord]) -> None:
    """Whatever a run writes is refused, however often, and nothing has changed."""
    counts = RunCounts(NOW, 6)
    for _ in range(2):
        with pytest.raises(LeaseLost):
            await store.save_run(lease, Progress("666"), labels={Category.CUSTOMER: "L"}, records=[record(2)])
        with pytest.raises(LeaseLost):
            await store.save_run(lease, Progress("666", ("m",)), labels={})
        with pytest.raises(LeaseLost):
            await store.save_run(lease, Progress("666"), labels={}, records=[record(2)], counts=counts)
        with pytest.raises(LeaseLost):
            await store.save_trouble(lease, trouble())
        with pytest.raises(LeaseLost):
            await store.forget_decisions(lease, NOW - timedelta(days=365))
        with pytest.raises(LeaseLost):
            await store.switch_on(
                lease, mailmagnet_since=NOW, labelling_since=None, progress=Progress("666"), labels={}, last_run=counts
            )
    assert await store.latest_mails(lease.org, lease.user, 10) == records
    assert await store.mailbox(lease.org, lease.user) == kept


GMAIL_IDS = tuple(f"19{number:014x}" for number in range(10_000))

PROGRESSES = {
    "only a cursor": Progress("1"),
    "everything": Progress(
        "18446744073709551615",
        moving=("19a", "19b"),
        waiting=("19d", "19c"),
        failed={"19b": 5, "19d": 1},
        backlog=Backlog(NOW - timedelta(days=365, microseconds=1), NOW - timedelta(days=3)),
    ),
    "a backlog up to now": Progress("2", backlog=Backlog(NOW.replace(microsecond=0))),
    "ten thousand waiting": Progress("3", waiting=GMAIL_IDS, backlog=Backlog(NOW, NOW + timedelta(seconds=1))),
    "ten thousand, and each has failed": Progress("4", GMAIL_IDS[:137], GMAIL_IDS[137:], dict.fromkeys(GMAIL_IDS, 5)),
}

COUNTS = {
    "nothing": RunCounts(NOW),
    "everything": RunCounts(
        at=NOW + INSTANT,
        looked_at=137,
        sorted={Category.CLOSING_THIS_MONTH: 2, Category.OPEN_DEALS: 4, Category.CUSTOMER: 0},
        remaining=9_863,
        passed_over={"answered 500 (backendError)": 1, "a.b `c`": 2, "it's out of range": 3, "/": 4},
        units=2_990,
        day=DayCounts(date(2027, 3, 14), {Category.OPEN_DEALS: 9, Category.CUSTOMER: 0}),
    ),
    "one category alone": RunCounts(NOW, 1, {Category.CUSTOMER: 1}, day=DayCounts(date(2026, 12, 31), {})),
}


class TestRun:
    @pytest.mark.parametrize("progress", PROGRESSES.values(), ids=PROGRESSES)
    async def test_how_far_it_is_comes_back(self, store: Store, progress: Progress) -> None:
        lease = await begin(store, replace(mailbox(), progress=PROGRESSES["everything"], labels={Category.CUSTOMER: "Label_3"}))
        labels = {Category.OPEN_DEALS: "Label_2"}
        for _ in range(2):
            await store.save_run(lease, progress, labels=labels)
            kept = await store.mailbox(ORG, ADA)
            assert kept == replace(mailbox(), progress=progress, labels=labels)
            assert kept.progress
            backlog = kept.progress.backlog
            assert backlog is None or type(backlog.after) is datetime
        assert await store.due_mailboxes(ORG, NOW + TEN_MINUTES, TEN_MINUTES) == [kept]

    @pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
    async def test_what_it_counted_comes_back(self, store: Store, counts: RunCounts) -> None:
        lease = await begin(store, replace(mailbox(), last_run=COUNTS["everything"]))
        for _ in range(2):
            await store.save_run(lease, Progress("1"), labels={}, counts=counts)
            kept = await store.mailbox(ORG, ADA)
            assert kept == replace(mailbox(), progress=Progress("1"), last_run=counts)
            assert kept.last_run.first_is_to_come is not bool(counts.sorted)

    async def test_without_counts_the_last_run_s_stay(self, store: Store) -> None:
        on = replace(mailbox(), last_run=COUNTS["everything"])
        lease = await begin(store, on)
        await store.save_run(lease, Progress("1"), labels={}, records=[record(1)])
        assert await store.mailbox(ORG, ADA) == replace(on, progress=Progress("1"))

    async def test_records_and_progress_are_kept_in_one_write(self, store: Store) -> None:
        lease = await begin(store)
        records = [record(number) for number in range(MOST_RECORDS)]
        progress = Progress("2", moving=tuple(kept.mail_id for kept in records))
        await store.save_run(lease, progress, labels={}, records=records, counts=RunCounts(NOW, MOST_RECORDS))
        assert await store.latest_mails(ORG, ADA, 1_000) == records
        assert await store.mailbox(ORG, ADA) == replace(mailbox(), progress=progress, last_run=RunCounts(NOW, MOST_RECORDS))


class TestMailRecords:
    async def test_one_that_is_there_stays_as_it_is(self, store: Store) -> None:
        lease = await begin(store)
        first, second = record(1), replace(record(1), from_address="other@customer.example", received_at=NOW)
        await save(store, lease, [first, second])
        await save(store, lease, [second, record(2)])
        assert await store.latest_mails(ORG, ADA, 10) == [first, record(2)]

    async def test_none_to_keep_is_no_mistake(self, store: Store) -> None:
        await keep(store, [])
        assert await mail_ids(store) == []

    async def test_two_runs_of_one_lease_at_once_keep_each_mail_once(self, store: Store) -> None:
        lease = await begin(store)
        await asyncio.gather(*(save(store, lease, [record(number) for number in range(30)]) for _ in range(4)))
        assert await mail_ids(store) == [record(number).mail_id for number in range(30)]

    async def test_known_are_those_of_this_mailbox_alone(self, store: Store) -> None:
        await keep(store, [record(number) for number in range(900)])
        await keep(store, [record(5_000)], user=BOB)
        await keep(store, [record(5_001)], org=OTHER_ORG)
        looked_up = [record(number).mail_id for number in (0, 450, 899, 900, 5_000, 5_001)]
        assert await store.known_mails(ORG, ADA, looked_up) == frozenset(looked_up[:3])
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


class TestForgetDecisions:
    async def test_they_are_this_mailbox_s_since_the_moment(self, store: Store) -> None:
        everybody_else = [(ORG, BOB), (ORG, ADA + "0"), (ORG, ADA[:-1]), (OTHER_ORG, ADA)]
        for org, user in everybody_else:
            await keep(store, [record(number) for number in range(3)], org, user)
        lease = await begin(store)
        since = record(5).received_at
        later, earlier = MailRecord("later", CUSTOMER, since + INSTANT), MailRecord("earlier", CUSTOMER, since - INSTANT)
        to_come = MailRecord("to-come", CUSTOMER, NOW + timedelta(days=31))
        await save(store, lease, [*(record(number) for number in range(10)), later, earlier, to_come])
        assert await store.forget_decisions(lease, since) == 8
        assert await mail_ids(store) == ["earlier", *(record(number).mail_id for number in range(6, 10))]
        assert await store.forget_decisions(lease, since) == 0
        assert await store.known_mails(ORG, ADA, [record(5).mail_id, "earlier"]) == {"earlier"}
        assert await store.mailbox(ORG, ADA) == mailbox()
        for org, user in everybody_else:
            assert len(await mail_ids(store, org, user)) == 3

    async def test_of_more_than_a_page(self, store: Store) -> None:
        lease = await begin(store)
        await save(store, lease, [record(number) for number in range(1_000)])
        assert await store.forget_decisions(lease, record(899).received_at) == 900
        assert await mail_ids(store) == [record(number).mail_id for number in range(900, 1_000)]
        await save(store, lease, [record(1)])

    async def test_without_a_mailbox_there_is_no_lease(self, store: Store) -> None:
        with pytest.raises(LeaseLost):
            await store.forget_decisions(Lease(ORG, ADA, 1, NOW), NOW)


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

    async def test_a_run_under_way_writes_nothing_after(self, store: Store) -> None:
        lease = await begin(store)
        await store.delete_mailbox(ORG, ADA)
        for call in (save(store, lease, [record(1)]), store.save_trouble(lease, trouble()), store.forget_decisions(lease, NOW)):
            with pytest.raises(LeaseLost):
                await call
        assert await store.orgs() == []
        assert await mail_ids(store) == []


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
    "connect": lambda store, org, user: store.connect(org, user, "ada@analytical.example", NOW),
    "switch_on": lambda store, org, user: store.switch_on(
        Lease(org, user, 1, NOW),
        mailmagnet_since=NOW,
        labelling_since=None,
        progress=Progress("1"),
        labels={},
        last_run=RunCounts(NOW),
    ),
    "switch_off": lambda store, org, user: store.switch_off(org, user),
    "take_lease": lambda store, org, user: store.take_lease(org, user, NOW, 1),
    "release_lease": lambda store, org, user: store.release_lease(Lease(org, user, 1, NOW)),
    "known_mails": lambda store, org, user: store.known_mails(org, user, ["m"]),
    "save_run": lambda store, org, user: store.save_run(Lease(org, user, 1, NOW), Progress("1"), labels={}, records=[record(1)]),
    "save_trouble": lambda store, org, user: store.save_trouble(Lease(org, user, 1, NOW), trouble()),
    "latest_mails": lambda store, org, user: store.latest_mails(org, user, 1),
    "forget_decisions": lambda store, org, user: store.forget_decisions(Lease(org, user, 1, NOW), NOW),
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
        lease = await begin(store)
        for mail in HOSTILE:
            with pytest.raises(BadRequest):
                await save(store, lease, [record(1), replace(record(2), mail_id=mail)])
            with pytest.raises(BadRequest):
                await store.known_mails(ORG, ADA, [mail])
        assert await mail_ids(store) == []
        assert await store.mailbox(ORG, ADA) == mailbox()

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


@contextmanager
def meeting(store: FirestoreStore, *others: Callable[[], Awaitable[object]]) -> Iterator[None]:
    """Lets others write between a change's reading and its writing: one before each of the first commits."""
    api: Any = store._client._firestore_api
    commit, waiting = api.commit, list(others)

    async def late(*request: Any, **options: Any) -> Any:
        if waiting:
            await waiting.pop(0)()
        return await commit(*request, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "commit", late)
        yield
    assert not waiting


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
        assert mail == {"user": ADA, "from_address": CUSTOMER, "received_at": record(1).received_at}

    async def test_every_query_is_served_and_every_index_is_needed(self, firestore: tuple[FirestoreStore, AsyncClient]) -> None:
        store, _ = firestore
        with queries_of(store._client) as queries:
            await keep(store, [record(number) for number in range(MOST_RECORDS + 1)])
            for ask in ORG_CALLS.values():
                await ask(store, ORG)
            await store.forget_decisions(await begin(store), record(1).received_at)
            for ask_of_user in (USER_CALLS["latest_mails"], USER_CALLS["known_mails"], USER_CALLS["switch_off"]):
                await ask_of_user(store, ORG, ADA)
            await store.orgs()
            await store.delete_mailbox(ORG, ADA)
        needed = {index_for(query, INDEXES) for query in queries} - {None}
        assert (
            needed
            == INDEXES.composite
            == {
                Index("mails", (("from_address", "ASCENDING"), ("received_at", "DESCENDING"))),
                Index("mails", (("user", "ASCENDING"), ("received_at", "DESCENDING"))),
            }
        )

    async def test_what_a_run_saves_is_decided_anew_when_others_write_meanwhile(
        self, firestore: tuple[FirestoreStore, AsyncClient]
    ) -> None:
        store, client = firestore
        lease = await begin(store)
        other = FirestoreStore(client.project)
        renew = [lambda: other.connect(ORG, ADA, "one@x.example", NOW), lambda: other.connect(ORG, ADA, "two@x.example", NOW)]
        with meeting(store, *renew):
            await store.save_run(lease, Progress("2"), labels={}, records=[record(1)])
        assert await store.mailbox(ORG, ADA) == replace(mailbox(), address="two@x.example", progress=Progress("2"))
        with meeting(store, lambda: save(other, lease, [record(2)])):
            await store.save_run(lease, Progress("3"), labels={}, records=[record(1), record(2), record(3)])
        assert await store.latest_mails(ORG, ADA, 10) == [record(1), record(2), record(3)]
        await other.close()

    @pytest.mark.parametrize("takes", ["take_over", "switch_off", "delete_mailbox", "release"])
    @pytest.mark.parametrize("write", ["save_run", "save_trouble", "switch_on", "forget_decisions"])
    async def test_nothing_is_written_under_a_lease_that_is_lost_after_it_was_looked_at(
        self, firestore: tuple[FirestoreStore, AsyncClient], write: str, takes: str
    ) -> None:
        store, client = firestore
        lease = await begin(store)
        await save(store, lease, [record(9)])
        other = FirestoreStore(client.project)
        losses: dict[str, Callable[[], Awaitable[object]]] = {
            "take_over": lambda: other.take_lease(ORG, ADA, NOW, 600, take_over=True),
            "switch_off": lambda: other.switch_off(ORG, ADA),
            "delete_mailbox": lambda: other.delete_mailbox(ORG, ADA),
            "release": lambda: other.release_lease(lease),
        }
        writes: dict[str, Callable[[], Awaitable[object]]] = {
            "save_run": lambda: store.save_run(lease, Progress("666"), labels={}, records=[record(1)], counts=RunCounts(NOW, 6)),
            "save_trouble": lambda: store.save_trouble(lease, trouble()),
            "switch_on": lambda: begin_under(store, lease),
            "forget_decisions": lambda: store.forget_decisions(lease, record(10).received_at),
        }
        with meeting(store, losses[takes]), pytest.raises(LeaseLost):
            await writes[write]()
        stays = takes in ("take_over", "release")
        expected = {"switch_off": connected(), "delete_mailbox": None}.get(takes, mailbox())
        assert await store.mailbox(ORG, ADA) == expected
        assert await mail_ids(store) == ([record(9).mail_id] if stays else [])
        await other.close()

    async def test_decisions_are_forgotten_no_further_when_the_lease_is_lost_between_two_pages(
        self, firestore: tuple[FirestoreStore, AsyncClient]
    ) -> None:
        store, client = firestore
        lease = await begin(store)
        await save(store, lease, [record(number) for number in range(2 * MOST_RECORDS)])
        other = FirestoreStore(client.project)

        async def nothing() -> None:
            """Lets the first page through."""

        async def take_over() -> None:
            fresh = await other.take_lease(ORG, ADA, NOW, 600, take_over=True)
            await save(other, fresh, [record(500)])

        with meeting(store, nothing, take_over), pytest.raises(LeaseLost):
            await store.forget_decisions(lease, record(1_000).received_at)
        assert await mail_ids(store) == [record(number).mail_id for number in range(MOST_RECORDS, 2 * MOST_RECORDS)]
        await other.close()

    async def test_a_mailbox_connected_again_while_it_is_switched_on_is_due(
        self, firestore: tuple[FirestoreStore, AsyncClient]
    ) -> None:
        store, client = firestore
        await connect(store)
        other = FirestoreStore(client.project)
        with meeting(store, lambda: begin(other)):
            await store.connect(ORG, ADA, "new@x.example", NOW)
        on = replace(mailbox(), address="new@x.example")
        assert await store.due_mailboxes(ORG, NOW + TEN_MINUTES, TEN_MINUTES) == [on]
        await other.close()

    async def test_switched_off_while_a_run_writes_leaves_nothing_of_it(
        self, firestore: tuple[FirestoreStore, AsyncClient]
    ) -> None:
        store, client = firestore
        lease = await begin(store)
        other = FirestoreStore(client.project)
        with meeting(store, lambda: other.save_run(lease, Progress("2"), labels={}, records=[record(1)])):
            await store.switch_off(ORG, ADA)
        assert await store.mailbox(ORG, ADA) == connected()
        assert await mail_ids(store) == []
        await other.close()

    async def test_what_is_too_large_for_a_document_is_refused_whole(self, firestore: tuple[FirestoreStore, AsyncClient]) -> None:
        store, _ = firestore
        lease = await begin(store)
        too_many = Progress("2", waiting=tuple(f"19{number:014x}" for number in range(62_000)))
        with pytest.raises(Unavailable):
            await store.save_run(lease, too_many, labels={}, records=[record(1)], counts=RunCounts(NOW, 1))
        assert await store.mailbox(ORG, ADA) == mailbox()
        assert await mail_ids(store) == []

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
            store.orgs(),
            *(ask(store, ORG) for ask in ORG_CALLS.values()),
            *(ask(store, ORG, ADA) for ask in USER_CALLS.values()),
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


async def begin_under(store: Store, lease: Lease) -> None:
    """Switch on anew under a lease that may be lost."""
    await store.switch_on(
        lease, mailmagnet_since=NOW, labelling_since=None, progress=Progress("666"), labels={}, last_run=RunCounts(NOW, 6)
    )


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
        await save(store, lease, [record(number)])
        taken.append((lease.user, lease.fence))
    await store.close()
    return taken


LEFT_OPEN: list[SqliteStore] = []


async def leave_open(database: Path) -> int:
    """A store that this process has read from, written to, and not closed."""
    store = SqliteStore(database)
    LEFT_OPEN.append(store)
    await begin(store, mailbox(OTHER_ORG))
    return len(await store.latest_mails(ORG, ADA, 10_000))


async def fill(store: Store) -> None:
    """Two users' mail, kept run by run and partly deleted again, so that rows have moved about in the file."""
    chance = random.Random(5)
    leases = [await begin(store, mailbox(user=user)) for user in (ADA, BOB)]
    for _ in range(50):
        lease = chance.choice(leases)
        ids = [f"{chance.getrandbits(64):016x}" for _ in range(chance.randint(1, MOST_RECORDS))]
        records = [
            MailRecord(
                mail,
                f"{lease.user}-from-{mail}{'x' * chance.randint(0, 250)}@customer.example",
                NOW - timedelta(minutes=chance.randint(0, 100_000)),
            )
            for mail in ids
        ]
        waiting = tuple(f"{lease.user}-mail-{mail}" for mail in ids)
        await store.save_run(lease, Progress("2", waiting=waiting), labels={}, records=records)
        if chance.random() < 0.2:
            await store.delete_mails_before(ORG, NOW - timedelta(minutes=chance.randint(50_000, 100_000)))


def written(kind: str, folder: Path) -> set[str]:
    """What the files say somewhere of whom ("from") or of what is waiting ("mail"), by user and mail."""
    return {found.decode() for found in re.findall(rf"\d{{21}}-{kind}-[0-9a-f]{{16}}".encode(), everything_in(folder))}


async def forget_newer(store: Store, since: datetime) -> None:
    await store.forget_decisions(await begin(store), since)


class TestSqlite:
    async def test_of_several_processes_one_gets_each_lease(self, tmp_path: Path) -> None:
        database = tmp_path / "store.db"
        store = SqliteStore(database)
        for number in range(40):
            await store.release_lease(await begin(store, mailbox(user=f"user-{number}")))
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
        lease = await begin(store)
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TimedOut):
            await store.save_trouble(lease, trouble())
        assert await store.mailbox(ORG, ADA) == mailbox()
        other.execute("ROLLBACK")
        other.close()
        await store.save_trouble(lease, trouble())
        assert await store.mailbox(ORG, ADA) == replace(mailbox(), trouble=trouble())
        await store.close()

    @pytest.mark.parametrize("refused", ["UPDATE ON mailboxes", "INSERT ON mails"])
    async def test_a_run_that_cannot_be_written_to_its_end_is_not_written_at_all(self, tmp_path: Path, refused: str) -> None:
        store = SqliteStore(tmp_path / "store.db")
        lease = await begin(store)
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
            stop = f"WHEN NEW.mail = '{record(3).mail_id}'" if "mails" in refused else ""
            other.execute(f"CREATE TRIGGER no BEFORE {refused} {stop} BEGIN SELECT RAISE(ABORT, 'no'); END")
            with pytest.raises(Unavailable):
                await store.save_run(lease, Progress("2"), labels={}, records=[record(number) for number in range(5)])
            assert await store.mailbox(ORG, ADA) == mailbox()
            assert await mail_ids(store) == []
            other.execute("DROP TRIGGER no")
        await save(store, lease, [record(1)])
        assert await mail_ids(store) == [record(1).mail_id]
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

    @pytest.mark.parametrize("deletion", ["switch_off", "delete_mailbox", "delete_mails_before", "forget_decisions"])
    async def test_what_is_deleted_is_gone_from_the_files_while_they_are_open(self, tmp_path: Path, deletion: str) -> None:
        store = SqliteStore(tmp_path / "store.db")
        await fill(store)
        before = written("from", tmp_path)
        deletions: dict[str, Callable[[], Awaitable[object]]] = {
            "switch_off": lambda: store.switch_off(ORG, ADA),
            "delete_mailbox": lambda: store.delete_mailbox(ORG, ADA),
            "delete_mails_before": lambda: store.delete_mails_before(ORG, NOW - timedelta(minutes=20_000)),
            "forget_decisions": lambda: forget_newer(store, NOW - timedelta(minutes=20_000)),
        }
        await deletions[deletion]()
        live = {f"{user}-from-{mail}" for user in (ADA, BOB) for mail in await mail_ids(store, user=user)}
        assert live < before
        assert written("from", tmp_path) == live
        if deletion in ("switch_off", "delete_mailbox"):
            assert {found.partition("-")[0] for found in written("mail", tmp_path)} == {BOB}
        await store.close()

    async def test_a_mailbox_without_records_is_gone_from_the_files_too(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "store.db")
        await store.connect(ORG, ADA, "ada.lovelace@analytical.example", NOW)
        assert b"ada.lovelace" in everything_in(tmp_path)
        assert await store.delete_mailbox(ORG, ADA) == 0
        assert b"ada.lovelace" not in everything_in(tmp_path)
        await store.close()

    async def test_what_is_deleted_is_gone_from_the_files_while_another_process_has_them_open(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "store.db")
        await keep(store, [record(number) for number in range(1_000)])
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as other:
            assert other.submit(in_own_process, leave_open, tmp_path / "store.db").result() == 1_000
            assert CUSTOMER.encode() in everything_in(tmp_path)
            await store.switch_off(ORG, ADA)
            assert CUSTOMER.encode() not in everything_in(tmp_path)
        await store.close()

    async def test_who_reads_all_the_while_is_told_of_and_the_next_deletion_erases(self, tmp_path: Path) -> None:
        """A backup of the file, most likely: what is deleted is deleted, and can be erased when the other is done."""
        store = SqliteStore(tmp_path / "store.db")
        await keep(store, [record(1)])
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN")
            assert other.execute("SELECT count(*) FROM mails").fetchone() == (1,)
            with pytest.raises(TimedOut):
                await store.delete_mails_before(ORG, NOW)
            assert await mail_ids(store) == []
            assert CUSTOMER.encode() in everything_in(tmp_path)
            other.execute("COMMIT")
            assert await store.delete_mails_before(ORG, NOW) == 0
            assert CUSTOMER.encode() not in everything_in(tmp_path)
        await store.close()

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
        with closing(sqlite3.connect(tmp_path / "store.db")) as file:
            file.execute(f"PRAGMA user_version = {VERSION + 1}")
        with pytest.raises(BadSetting, match=f"version {VERSION + 1}"):
            SqliteStore(tmp_path / "store.db")

    @pytest.mark.parametrize("version", range(1, VERSION))
    def test_a_file_of_an_earlier_version_stops_the_start_says_what_to_do_and_stays(self, tmp_path: Path, version: int) -> None:
        database = tmp_path / "store.db"
        with closing(sqlite3.connect(database)) as file:
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("CREATE TABLE mailboxes (org TEXT, cursor TEXT)")
            file.execute(f"PRAGMA user_version = {version}")
        before = database.read_bytes()
        for _ in range(2):
            with pytest.raises(BadSetting) as refused:
                SqliteStore(database)
            for words in (
                "store.db",
                f"version {version}",
                f"version {VERSION}",
                "move the file away",
                "connect the mailboxes anew",
            ):
                assert words in str(refused.value)
        assert database.read_bytes() == before
        assert [file.name for file in tmp_path.iterdir()] == ["store.db"]

    def test_it_needs_nothing_of_google_s(self) -> None:
        loaded = "import sys, metadata_store.sqlite; print({'grpc', 'google.auth', 'google.api_core'} & set(sys.modules))"
        answer = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == "set()"


async def connect_one(database: Path) -> list[str]:
    store = SqliteStore(database)
    await connect(store)
    orgs = list(await store.orgs())
    await store.close()
    return orgs


KEYS = [(org, user) for org in ("a.example", "b.example") for user in ("1", "11")]
USERS = st.sampled_from(KEYS)
ORGS = st.sampled_from(["a.example", "b.example"])
ADDRESSES = st.sampled_from(["x@customer.example", "y@customer.example"])
NUMBERS = st.integers(0, 8)
PICKS = st.randoms(use_true_random=False)
IDS = st.lists(st.sampled_from(["19a", "19b", "19c"]), max_size=3, unique=True).map(tuple)
MOMENTS = st.integers(-3, 3).map(lambda days: NOW + timedelta(days=days, microseconds=days))
BACKLOGS = st.none() | st.builds(Backlog, MOMENTS, st.none() | MOMENTS)
SOME_PROGRESS = st.builds(
    Progress, st.from_regex(r"[0-9]{1,6}", fullmatch=True), IDS, IDS, st.dictionaries(st.just("19a"), NUMBERS), BACKLOGS
)
LABELS = st.dictionaries(st.sampled_from(Category), st.sampled_from(["Label_1", "Label_2"]))
TROUBLES = st.builds(Trouble, st.sampled_from(Reason), st.just("Gmail"), MOMENTS, NUMBERS, st.none() | MOMENTS)


class KeptByHand(RuleBasedStateMachine):
    """Whatever is done in whatever order, the store answers as plain dictionaries would."""

    def opened(self) -> SqliteStore | FirestoreStore:
        self.folder = tempfile.TemporaryDirectory()
        return SqliteStore(Path(self.folder.name) / "store.db")

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.runner.get_loop()
        self.store = self.runner.run(self.make())
        self.mailboxes: dict[tuple[str, str], Mailbox] = {}
        self.mails: dict[tuple[str, str, str], MailRecord] = {}
        self.leases: list[Lease] = []
        self.holder: dict[tuple[str, str], Lease] = {}
        self.now = NOW

    async def make(self) -> SqliteStore | FirestoreStore:
        return self.opened()

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.store.close())
            self.runner.close()
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def raised(self, call: Coroutine[Any, Any, object]) -> type[BaseException] | None:
        try:
            self.runner.run(call)
        except (LeaseLost, LeaseTaken, NotFound) as error:
            return type(error)
        return None

    def some_lease(self, pick: Any) -> tuple[Lease, tuple[str, str], bool, bool]:
        """A lease taken at any time, its mailbox, whether that is still its holder's, and whether it is on besides."""
        lease = pick.choice(self.leases)
        key = (lease.org, lease.user)
        held = self.holder.get(key) == lease
        return lease, key, held, held and self.mailboxes[key].mailmagnet

    def delete_mails(self, mails: list[tuple[str, str, str]]) -> int:
        for mail in mails:
            del self.mails[mail]
        return len(mails)

    def forget_mails(self, key: tuple[str, str]) -> int:
        self.holder.pop(key, None)
        return self.delete_mails([mail for mail in self.mails if mail[:2] == key])

    @rule(key=USERS, address=ADDRESSES)
    def connect(self, key: tuple[str, str], address: str) -> None:
        self.runner.run(self.store.connect(*key, address, self.now))
        new = Mailbox(*key, address, RunCounts(self.now))
        self.mailboxes[key] = replace(self.mailboxes.get(key, new), address=address, trouble=None)

    @rule(pick=PICKS, labelling=st.booleans(), progress=SOME_PROGRESS, labels=LABELS, remaining=NUMBERS)
    def switch_on(self, pick: Any, labelling: bool, progress: Progress, labels: dict[Category, str], remaining: int) -> None:
        if self.leases:
            lease, key, held, _ = self.some_lease(pick)
            since = self.now if labelling else None
            counts = RunCounts(self.now, remaining=remaining)
            call = self.store.switch_on(
                lease,
                mailmagnet_since=self.now,
                labelling_since=since,
                progress=progress,
                labels=labels,
                last_run=counts,
            )
            assert self.raised(call) is (None if held else LeaseLost)
            if held:
                on = replace(self.mailboxes[key], mailmagnet_since=self.now, labelling_since=since, progress=progress)
                self.mailboxes[key] = replace(on, labels=labels, last_run=counts, trouble=None)

    @rule(key=USERS)
    def switch_off(self, key: tuple[str, str]) -> None:
        self.runner.run(self.store.switch_off(*key))
        if key in self.mailboxes:
            off = replace(self.mailboxes[key], mailmagnet_since=None, labelling_since=None, progress=None, trouble=None)
            self.mailboxes[key] = off
            self.forget_mails(key)

    @rule(key=USERS)
    def delete_mailbox(self, key: tuple[str, str]) -> None:
        self.mailboxes.pop(key, None)
        assert self.runner.run(self.store.delete_mailbox(*key)) == self.forget_mails(key)

    @rule(minutes=st.integers(1, 20))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(key=USERS, take_over=st.booleans())
    def take_lease(self, key: tuple[str, str], take_over: bool) -> None:
        held = self.holder.get(key)
        lasts = held is not None and keeps_others_out(held.until, self.now, 600)
        try:
            lease = self.runner.run(self.store.take_lease(*key, self.now, 600, take_over=take_over))
        except NotFound:
            assert key not in self.mailboxes
        except LeaseTaken:
            assert lasts
            assert not take_over
        else:
            assert key in self.mailboxes
            assert take_over or not lasts
            assert held is None or lease.fence == held.fence + 1
            assert lease.until == self.now + timedelta(seconds=600)
            self.holder[key] = lease
            self.leases.append(lease)

    @rule(pick=PICKS)
    def release_lease(self, pick: Any) -> None:
        if self.leases:
            lease, key, held, _ = self.some_lease(pick)
            self.runner.run(self.store.release_lease(lease))
            if held:
                del self.holder[key]

    @rule(
        pick=PICKS,
        progress=SOME_PROGRESS,
        labels=LABELS,
        numbers=st.lists(NUMBERS, max_size=4),
        address=ADDRESSES,
        ended_well=st.booleans(),
    )
    def save_run(
        self, pick: Any, progress: Progress, labels: dict[Category, str], numbers: list[int], address: str, ended_well: bool
    ) -> None:
        if self.leases:
            lease, key, _, may_write = self.some_lease(pick)
            records = [record(number, address) for number in numbers]
            counts = RunCounts(self.now, len(records)) if ended_well else None
            call = self.store.save_run(lease, progress, labels=labels, records=records, counts=counts)
            assert self.raised(call) is (None if may_write else LeaseLost)
            if may_write:
                self.mailboxes[key] = replace(self.mailboxes[key], progress=progress, labels=labels)
                for kept in records:
                    self.mails.setdefault((*key, kept.mail_id), kept)
            if may_write and counts:
                self.mailboxes[key] = replace(self.mailboxes[key], last_run=counts, trouble=None)

    @rule(pick=PICKS, found=TROUBLES)
    def save_trouble(self, pick: Any, found: Trouble) -> None:
        if self.leases:
            lease, key, _, may_write = self.some_lease(pick)
            assert self.raised(self.store.save_trouble(lease, found)) is (None if may_write else LeaseLost)
            if may_write:
                self.mailboxes[key] = replace(self.mailboxes[key], trouble=found)

    @rule(pick=PICKS, number=NUMBERS)
    def forget_decisions(self, pick: Any, number: int) -> None:
        if self.leases:
            lease, key, held, _ = self.some_lease(pick)
            since = record(number).received_at
            if not held:
                assert self.raised(self.store.forget_decisions(lease, since)) is LeaseLost
                return
            newer = [mail for mail, kept in self.mails.items() if mail[:2] == key and kept.received_at >= since]
            assert self.runner.run(self.store.forget_decisions(lease, since)) == self.delete_mails(newer)

    @rule(org=ORGS, number=NUMBERS)
    def delete_mails_before(self, org: str, number: int) -> None:
        moment = record(number).received_at
        older = [key for key, kept in self.mails.items() if key[0] == org and kept.received_at < moment]
        assert self.runner.run(self.store.delete_mails_before(org, moment)) == self.delete_mails(older)

    @rule(org=ORGS, address=ADDRESSES)
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
        for key in KEYS:
            assert await self.store.mailbox(*key) == self.mailboxes.get(key)
            mine = [kept for mail, kept in self.mails.items() if mail[:2] == key]
            assert await self.store.latest_mails(*key, 50) == sorted(mine, key=lambda kept: kept.received_at, reverse=True)
        for org in ("a.example", "b.example"):
            here = [kept for key, kept in sorted(self.mailboxes.items()) if key[0] == org]
            due = [kept for kept in here if kept.due_since(self.now, TEN_MINUTES)]
            assert await self.store.due_mailboxes(org, self.now, TEN_MINUTES) == due


KeptByHand.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestKeptByHand = KeptByHand.TestCase


def test_firestore_keeps_it_as_by_hand_too(firestore_emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator)

    class KeptByHandInFirestore(KeptByHand):
        def opened(self) -> FirestoreStore:
            return FirestoreStore(f"test-{uuid.uuid4().hex}")

    run_state_machine_as_test(KeptByHandInFirestore, settings=settings(max_examples=12, stateful_step_count=30, deadline=None))
