"""The store's contract, held against each store: SQLite, and Firestore in its real emulator."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from mailmagnet.categories import Category
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.errors import BadRequest, LeaseLost, LeaseTaken, NotFound
from mailmagnet.store import (
    MOST_RECORDS,
    NOBODY,
    Backlog,
    Choices,
    DayCounts,
    Defaults,
    Lease,
    Mailbox,
    MailReading,
    MailRecord,
    Moved,
    Parked,
    ParkedFor,
    Policy,
    Presence,
    Progress,
    Reason,
    RunCounts,
    Sharing,
    Store,
    TakeBack,
    TakenBack,
    Trouble,
)
from mailmagnet.templates import Template
from metadata_store.firestore import FirestoreStore
from metadata_store.sqlite import SqliteStore
from tests.contract.firestore_queries import INDEXES, index_for, queries_of
from tests.contract.mailboxes import (
    ADA,
    BOB,
    CUSTOMER,
    INSTANT,
    NOW,
    ORG,
    ORG_CALLS,
    OTHER_ORG,
    TEN_MINUTES,
    USER_CALLS,
    assert_writes_nothing,
    begin,
    connect,
    connected,
    keep,
    mail_ids,
    mailbox,
    record,
    save,
    trouble,
)


@pytest.fixture(params=["sqlite", "firestore"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store. Every query that Firestore gets from any test is held against the index file."""
    if request.param == "sqlite":
        in_file = SqliteStore(tmp_path / "new" / "store.db")
        yield in_file
        await in_file.close()
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


TEMPLATE = Template("t1", "Thanks", "Thank you, ${Contact.First Name}", "Hello\n${Contact.Name}")


class TestPolicy:
    async def test_it_is_the_default_until_the_admin_fixes_something(self, store: Store) -> None:
        assert await store.policy(ORG) == Policy(None, frozenset(), None)

    async def test_what_was_fixed_comes_back_and_is_the_org_s_alone(self, store: Store) -> None:
        defaults = {"": Defaults(), "p1": Defaults(mailmagnet=True, labelling=True, backfill_days=7, sharing=Sharing.PUBLIC)}
        fixed = Policy(
            Sharing.CUSTOM,
            frozenset({"press@customer.example", "partner.example"}),
            30,
            (TEMPLATE,),
            CrmChoice("embedded", "https://crm.example"),
            defaults,
            datetime(2026, 11, 30, 8, 15, 1, 250, UTC),
            TakeBack(NOW, NOW - TEN_MINUTES),
            NOW + INSTANT,
        )
        await store.set_policy(ORG, Policy(Sharing.PUBLIC, frozenset({"x.example"}), 7))
        await store.set_policy(ORG, fixed)
        await store.set_policy(ORG, fixed)
        assert await store.policy(ORG) == fixed
        assert await store.policy(OTHER_ORG) == Policy()

    async def test_a_change_keeps_what_others_have_changed(self, store: Store) -> None:
        async def lengthen() -> None:
            await store.change_policy(ORG, lambda before: replace(before, retention_days=(before.retention_days or 90) + 1))

        await asyncio.gather(*(lengthen() for _ in range(5)))
        changed = await store.change_policy(ORG, lambda before: replace(before, excluded=frozenset({"@Partner.example"})))
        assert changed == await store.policy(ORG) == Policy(None, frozenset({"partner.example"}), 95)
        assert await store.policy(OTHER_ORG) == Policy()
        assert await store.change_policy(ORG, lambda _: Policy()) == Policy()
        assert await store.orgs() == []

    async def test_a_change_that_fails_changes_nothing(self, store: Store) -> None:
        await store.set_policy(ORG, Policy(retention_days=7))
        with pytest.raises(BadRequest):
            await store.change_policy(ORG, lambda before: replace(before, excluded=frozenset({"no@t@one"})))
        assert await store.policy(ORG) == Policy(retention_days=7)


class TestPages:
    """The org's mailboxes, a page at a time."""

    async def test_all_come_once_by_user_and_none_of_another_org(self, store: Store) -> None:
        users = [f"u{number:02}" for number in range(7)]
        for user in reversed(users):
            await connect(store, user=user)
        await connect(store, OTHER_ORG, "u03")
        seen: list[str] = []
        while page := await store.mailboxes_by_user(ORG, seen[-1] if seen else "", 3):
            assert {each.org for each in page} == {ORG}
            assert len(page) <= 3
            seen += [each.user for each in page]
        assert seen == users
        assert [each.user for each in await store.mailboxes_by_user(ORG, "u0", 1)] == ["u00"]
        assert await store.mailboxes_by_user(ORG, "u06", 3) == []

    async def test_those_in_trouble_come_once_the_longest_in_trouble_first(self, store: Store) -> None:
        since = {"u1": NOW, "u2": NOW - timedelta(days=1), "u3": NOW, "u4": NOW + INSTANT}
        for user, moment in since.items():
            lease = await begin(store, mailbox(user=user))
            await store.save_trouble(lease, replace(trouble(again_at=None), since=moment))
        await begin(store, mailbox(user="u0"))
        await store.save_trouble(await begin(store, mailbox(OTHER_ORG, "u9")), trouble())
        seen: list[tuple[datetime, str]] = []
        while page := await store.mailboxes_in_trouble(ORG, seen[-1] if seen else None, 1):
            seen += [(each.trouble.since, each.user) for each in page if each.trouble]
        assert [user for _, user in seen] == ["u2", "u1", "u3", "u4"]
        assert [each.user for each in await store.mailboxes_in_trouble(ORG, None, 9)] == ["u2", "u1", "u3", "u4"]
        # Who is out of trouble by now leaves the place of who comes next.
        await store.connect(ORG, "u1", "u1@corp.example", NOW)
        assert [each.user for each in await store.mailboxes_in_trouble(ORG, (NOW, "u1"), 9)] == ["u3", "u4"]


class TestOrgs:
    async def test_an_org_is_one_with_a_policy_or_a_mailbox(self, store: Store) -> None:
        assert await store.orgs() == []
        await store.set_policy("policy.example", Policy(retention_days=7))
        await connect(store, "mailbox.example")
        assert sorted(await store.orgs()) == ["mailbox.example", "policy.example"]

    async def test_one_whose_last_mailbox_is_deleted_is_none_any_more(self, store: Store) -> None:
        await keep(store, [record(1)])
        await store.delete_mailbox(ORG, ADA)
        assert await store.orgs() == []


class TestConnect:
    async def test_it_is_off_until_it_is_switched_on(self, store: Store) -> None:
        await connect(store)
        stored = await store.mailbox(ORG, ADA)
        assert stored == Mailbox(
            ORG, ADA, f"{ADA}@{ORG}", RunCounts(NOW), None, None, None, None, {}, Choices(), Presence(), None
        )
        assert stored.last_run.at.tzinfo is UTC
        assert not stored.mailmagnet
        assert not stored.labelling
        assert stored.last_run.first_is_to_come

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
            last_run=RunCounts(NOW, 250, {Category.OPEN_DEALS: 3, Category.CUSTOMER: 0}, 17, {"gone": 1}, ((NOW, 99),), day),
        )
        await begin(store, on)
        stored = await store.mailbox(ORG, ADA)
        assert stored == on
        assert stored.mailmagnet
        assert stored.labelling
        assert type(stored.mailmagnet_since) is type(stored.labelling_since) is datetime

    async def test_with_labelling_off(self, store: Store) -> None:
        on = replace(mailbox(), labelling_since=None)
        await begin(store, on)
        stored = await store.mailbox(ORG, ADA)
        assert stored == on
        assert stored.mailmagnet
        assert not stored.labelling

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
            stored = await store.mailbox(ORG, ADA)
            assert stored == replace(mailbox(), trouble=trouble(Reason.CONSENT, None))
            assert stored.needs_consent
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
            stored = Trouble(reason, "Zoho CRM", NOW - timedelta(days=1, microseconds=1), failures, again_at)
            await store.save_trouble(lease, stored)
            assert await store.mailbox(ORG, ADA) == replace(mailbox(), trouble=stored)

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
        spent=((NOW - 59 * INSTANT, 2), (NOW + INSTANT, 2_990)),
        day=DayCounts(date(2027, 3, 14), {Category.OPEN_DEALS: 9, Category.CUSTOMER: 0}),
        tick=NOW - timedelta(seconds=30, microseconds=1),
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
            stored = await store.mailbox(ORG, ADA)
            assert stored == replace(mailbox(), progress=progress, labels=labels)
            assert stored.progress
            backlog = stored.progress.backlog
            assert backlog is None or type(backlog.after) is datetime
        assert await store.due_mailboxes(ORG, NOW + TEN_MINUTES, TEN_MINUTES) == [stored]

    @pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
    async def test_what_it_counted_comes_back(self, store: Store, counts: RunCounts) -> None:
        lease = await begin(store, replace(mailbox(), last_run=COUNTS["everything"]))
        for _ in range(2):
            await store.save_run(lease, Progress("1"), labels={}, counts=counts)
            stored = await store.mailbox(ORG, ADA)
            assert stored == replace(mailbox(), progress=Progress("1"), last_run=counts)
            assert stored.last_run.first_is_to_come is not bool(counts.sorted)

    async def test_without_counts_the_last_run_s_stay(self, store: Store) -> None:
        on = replace(mailbox(), last_run=COUNTS["everything"])
        lease = await begin(store, on)
        await store.save_run(lease, Progress("1"), labels={}, records=[record(1)])
        assert await store.mailbox(ORG, ADA) == replace(on, progress=Progress("1"))

    async def test_records_and_progress_are_kept_in_one_write(self, store: Store) -> None:
        lease = await begin(store)
        records = [record(number) for number in range(MOST_RECORDS)]
        progress = Progress("2", moving=tuple(stored.mail_id for stored in records))
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


class TestWhatAUserChose:
    async def test_a_save_is_one_write_with_the_switches(self, store: Store) -> None:
        chosen = Choices(Sharing.CUSTOM, frozenset({"c1"}), backfill_days=7, sharing_ended=2)
        lease = await begin(store)
        await store.switch_on(
            lease,
            mailmagnet_since=NOW,
            labelling_since=None,
            progress=Progress("9"),
            labels={},
            last_run=RunCounts(NOW),
            choices=chosen,
        )
        stored = await store.mailbox(ORG, ADA)
        assert stored
        assert (stored.choices, stored.progress, stored.labelling) == (chosen, Progress("9"), False)
        await store.switch_off(ORG, ADA, replace(chosen, sharing=Sharing.PUBLIC))
        stored = await store.mailbox(ORG, ADA)
        assert stored
        assert (stored.choices.sharing, stored.mailmagnet) == (Sharing.PUBLIC, False)

    async def test_under_a_lost_lease_no_choice_is_kept(self, store: Store) -> None:
        lease = await begin(store)
        await store.take_lease(ORG, ADA, NOW, 600, take_over=True)
        with pytest.raises(LeaseLost):
            await store.switch_on(
                lease,
                mailmagnet_since=NOW,
                labelling_since=None,
                progress=Progress("9"),
                labels={},
                last_run=RunCounts(NOW),
                choices=Choices(Sharing.PUBLIC),
            )
        stored = await store.mailbox(ORG, ADA)
        assert stored
        assert stored.choices == Choices()

    async def test_twenty_changes_at_once_are_all_kept(self, store: Store) -> None:
        await connect(store)

        async def share(number: int) -> None:
            def shared(choices: Choices) -> Choices:
                return replace(choices, shared_contacts=choices.shared_contacts | {f"c{number}"})

            assert f"c{number}" in (await store.change_choices(ORG, ADA, shared)).shared_contacts

        await asyncio.gather(*map(share, range(20)))
        stored = await store.mailbox(ORG, ADA)
        assert stored
        assert stored.choices.shared_contacts == {f"c{number}" for number in range(20)}

    async def test_a_change_that_fails_keeps_nothing(self, store: Store) -> None:
        await connect(store)

        def broken(_: Choices) -> Choices:
            raise BadRequest("no such choice")

        with pytest.raises(BadRequest):
            await store.change_choices(ORG, ADA, broken)
        assert await store.mailbox(ORG, ADA) == connected()

    async def test_there_are_no_choices_without_a_mailbox(self, store: Store) -> None:
        for _ in range(2):
            with pytest.raises(NotFound):
                await store.change_choices(ORG, ADA, lambda choices: choices)
            with pytest.raises(NotFound):
                await store.change_presence(ORG, ADA, lambda presence: presence)
        await store.save_preview(ORG, ADA, None)
        assert await store.mailbox(ORG, ADA) is None


class TestPresence:
    @pytest.mark.parametrize(
        "presence", [Presence(parked=Parked(NOW, ParkedFor.GONE)), Presence(leaving_since=NOW)], ids=["parked", "leaving"]
    )
    async def test_who_is_parked_or_leaving_is_never_due_until_back(self, store: Store, presence: Presence) -> None:
        await store.release_lease(await begin(store))
        later = NOW + timedelta(days=1)
        assert await store.change_presence(ORG, ADA, lambda _: presence) == presence
        assert await store.due_mailboxes(ORG, later, TEN_MINUTES) == []
        await store.change_presence(ORG, ADA, lambda _: Presence())
        assert [due.user for due in await store.due_mailboxes(ORG, later, TEN_MINUTES)] == [ADA]

    async def test_a_run_that_ends_well_brings_nobody_back(self, store: Store) -> None:
        lease = await begin(store)
        await store.change_presence(ORG, ADA, lambda _: Presence(leaving_since=NOW))
        await store.save_run(lease, Progress("2"), labels={}, counts=RunCounts(NOW))
        assert await store.due_mailboxes(ORG, NOW + timedelta(days=1), TEN_MINUTES) == []


class TestMailsFromAnAddress:
    async def test_an_address_is_forgotten_in_every_mailbox_and_its_mail_stays_decided(self, store: Store) -> None:
        others = [record(3, "other@customer.example"), record(4, "grace+tag@customer.example")]
        await keep(store, [record(1), record(2), *others])
        await keep(store, [record(5)], ORG, BOB)
        await keep(store, [record(6)], OTHER_ORG)
        assert [await store.forget_address(ORG, CUSTOMER) for _ in range(2)] == [3, 0]
        assert await store.mails_from(ORG, CUSTOMER, 10) == []
        nameless = [replace(record(number), from_address=NOBODY) for number in (1, 2)]
        kept = await store.mails(ORG, ADA, None, 10)
        assert sorted(kept, key=lambda each: each.mail_id) == sorted([*nameless, *others], key=lambda each: each.mail_id)
        assert await store.known_mails(ORG, ADA, [each.mail_id for each in nameless]) == {each.mail_id for each in nameless}
        assert len(await store.mails_from(OTHER_ORG, CUSTOMER, 10)) == 1


class TestTakenBack:
    async def test_what_came_of_it_is_kept_with_its_mailbox(self, store: Store) -> None:
        await begin(store)
        await store.save_taken_back(ORG, BOB, TakenBack(NOW))
        assert await store.mailbox(ORG, BOB) is None
        for taken_back in (TakenBack(NOW, 7, "history_gone"), TakenBack(NOW + INSTANT, 9)):
            await store.save_taken_back(ORG, ADA, taken_back)
            kept = await store.mailbox(ORG, ADA)
            assert kept
            assert kept.taken_back == taken_back

    async def test_what_runs_have_moved_comes_back_with_the_progress(self, store: Store) -> None:
        moved = (Moved(NOW, NOW + INSTANT, "1234", 5), Moved(NOW + TEN_MINUTES, NOW + TEN_MINUTES, "99999", 1))
        lease = await begin(store)
        await store.save_run(lease, Progress("2000", moved=moved), labels={})
        kept = await store.mailbox(ORG, ADA)
        assert kept
        assert kept.progress == Progress("2000", moved=moved)


class TestUsedNames:
    async def test_a_name_is_used_once_and_is_its_org_s_alone(self, store: Store) -> None:
        until = NOW + TEN_MINUTES
        assert await store.use_once(ORG, "state/1 ü", until, NOW)
        assert not await store.use_once(ORG, "state/1 ü", until, NOW)
        assert not await store.use_once(ORG, "state/1 ü", until + TEN_MINUTES, NOW)
        assert await store.use_once(ORG, "state/2", until, NOW)
        assert await store.use_once(OTHER_ORG, "state/1 ü", until, NOW)

    async def test_of_twenty_at_once_one_is_the_first(self, store: Store) -> None:
        used = await asyncio.gather(*(store.use_once(ORG, "state", NOW + TEN_MINUTES, NOW) for _ in range(20)))
        assert sum(used) == 1

    async def test_a_use_can_be_ended_by_whoever_began_it_and_by_nobody_else(self, store: Store) -> None:
        until = NOW + TEN_MINUTES
        for org in (ORG, OTHER_ORG):
            assert await store.use_once(org, "turn/ü", until, NOW)
        await store.end_use(ORG, "turn/ü", until + INSTANT)
        await store.end_use(ORG, "never used", until)
        assert not await store.use_once(ORG, "turn/ü", until, NOW)
        for _ in range(2):
            await store.end_use(ORG, "turn/ü", until)
        assert await store.use_once(ORG, "turn/ü", until, NOW)
        assert not await store.use_once(OTHER_ORG, "turn/ü", until, NOW)

    async def test_all_of_an_org_s_can_be_forgotten_and_no_other_org_s(self, store: Store) -> None:
        for org in (ORG, OTHER_ORG):
            await store.use_once(org, "state", NOW + TEN_MINUTES, NOW)
        await store.forget_used(ORG)
        assert await store.use_once(ORG, "state", NOW + TEN_MINUTES, NOW)
        assert not await store.use_once(OTHER_ORG, "state", NOW + TEN_MINUTES, NOW)

    async def test_of_the_default_policy_nothing_is_kept(self, store: Store) -> None:
        for org in (ORG, OTHER_ORG):
            await store.set_policy(org, Policy(retention_days=7))
        await store.set_policy(ORG, Policy())
        assert list(await store.orgs()) == [OTHER_ORG]
        assert await store.policy(ORG) == Policy()

    async def test_those_that_are_over_are_forgotten_and_no_others(self, store: Store) -> None:
        for number in range(3):
            await store.use_once(ORG, f"state {number}", NOW + number * TEN_MINUTES, NOW)
        assert await store.use_once(ORG, "another", NOW + TEN_MINUTES, NOW + TEN_MINUTES)
        assert await store.use_once(ORG, "state 0", NOW + TEN_MINUTES, NOW)
        assert not await store.use_once(ORG, "state 1", NOW + TEN_MINUTES, NOW)
        assert not await store.use_once(ORG, "state 2", NOW + TEN_MINUTES, NOW)


class TestReadings:
    async def test_an_owner_sees_who_read_newest_first_and_nobody_else_s(self, store: Store) -> None:
        read = [MailReading(BOB, ADA, f"m{number}", "c1", NOW + number * INSTANT) for number in range(3)]
        for reading in [*read, read[0], MailReading(ADA, BOB, "m9", "c1", NOW)]:
            await store.keep_reading(ORG, reading)
        await store.keep_reading(OTHER_ORG, MailReading(BOB, ADA, "m8", "c1", NOW))
        assert await store.readings(ORG, ADA, 10) == read[::-1]
        assert await store.readings(ORG, ADA, 2) == [read[2], read[1]]
        assert [one.mail_id for one in await store.readings(OTHER_ORG, ADA, 10)] == ["m8"]

    async def test_a_reader_s_own_are_told_newest_first_whoever_owns_the_mail(self, store: Store) -> None:
        read = [
            MailReading(BOB, owner, f"m{owner}", "c1", NOW + number * INSTANT) for number, owner in enumerate((ADA, "3", "4"))
        ]
        for reading in [*read, MailReading(ADA, BOB, "m9", "c1", NOW)]:
            await store.keep_reading(ORG, reading)
        await store.keep_reading(OTHER_ORG, MailReading(BOB, ADA, "m8", "c1", NOW))
        assert await store.readings_by(ORG, BOB, 10) == read[::-1]
        assert await store.readings_by(ORG, BOB, 1) == [read[2]]
        assert [one.mail_id for one in await store.readings_by(OTHER_ORG, BOB, 10)] == ["m8"]
        assert await store.readings_by(OTHER_ORG, ADA, 10) == []

    async def test_they_go_with_their_time_and_with_the_mailbox(self, store: Store) -> None:
        await connect(store)
        for number in range(3):
            await store.keep_reading(ORG, MailReading(BOB, ADA, f"m{number}", "c1", NOW + number * INSTANT))
        await store.keep_reading(ORG, MailReading(ADA, BOB, "m9", "c1", NOW + TEN_MINUTES))
        await store.keep_reading(OTHER_ORG, MailReading(BOB, ADA, "m8", "c1", NOW))
        assert await store.delete_readings_before(ORG, NOW + INSTANT) == 1
        assert await store.delete_readings_before(ORG, NOW + INSTANT) == 0
        assert [one.mail_id for one in await store.readings(ORG, ADA, 10)] == ["m2", "m1"]
        await store.delete_mailbox(ORG, ADA)
        assert await store.readings(ORG, ADA, 10) == []
        assert len(await store.readings(ORG, BOB, 10)) == 1
        assert len(await store.readings(OTHER_ORG, ADA, 10)) == 1


class TestLeaving:
    async def test_those_whose_user_leaves_are_told_until_they_are_gone(self, store: Store) -> None:
        for user in (BOB, ADA, "3"):
            await connect(store, user=user)
        await connect(store, OTHER_ORG)
        assert await store.leaving_mailboxes(ORG) == []
        for user, since in ((BOB, NOW), (ADA, NOW + INSTANT)):
            await store.change_presence(ORG, user, partial(replace, leaving_since=since))
        await store.change_presence(ORG, "3", partial(replace, parked=Parked(NOW, ParkedFor.GONE)))
        found = await store.leaving_mailboxes(ORG)
        assert [mailbox.user for mailbox in found] == sorted([ADA, BOB])
        assert list(found) == [await store.mailbox(ORG, mailbox.user) for mailbox in found]
        assert await store.leaving_mailboxes(OTHER_ORG) == []
        await store.delete_mailbox(ORG, ADA)
        await store.change_presence(ORG, BOB, partial(replace, leaving_since=None))
        assert await store.leaving_mailboxes(ORG) == []


class TestAllRecords:
    @pytest.mark.parametrize("most", [1, 2, 3, 7, 50])
    async def test_page_by_page_they_are_all_there_once_and_newest_first(self, store: Store, most: int) -> None:
        """Also mails that came in one and the same moment."""
        records = [replace(record(number), received_at=NOW - number // 3 * INSTANT) for number in range(7)]
        await keep(store, records)
        await keep(store, [record(1)], user=BOB)
        read: list[MailRecord] = []
        while page := await store.mails(ORG, ADA, read[-1] if read else None, most):
            assert len(page) <= most
            read += page
        assert read == sorted(records, key=lambda one: (one.received_at, one.mail_id), reverse=True)
        assert read == list(await store.latest_mails(ORG, ADA, 50))

    async def test_a_record_that_is_deleted_meanwhile_is_no_obstacle(self, store: Store) -> None:
        records = [record(number) for number in range(4)]
        await keep(store, records)
        (first,) = await store.mails(ORG, ADA, None, 1)
        await store.delete_mails_before(ORG, records[2].received_at)
        assert list(await store.mails(ORG, ADA, first, 9)) == [records[1], records[2]]
        await store.delete_mailbox(ORG, ADA)
        assert list(await store.mails(ORG, ADA, first, 9)) == []
        assert list(await store.mails(OTHER_ORG, ADA, None, 9)) == []
