"""Mailboxes and mail records for the stores' tests, how a test puts them there, and every call that takes an id."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailmagnet.categories import Category
from mailmagnet.errors import LeaseLost
from mailmagnet.store import (
    MOST_RECORDS,
    Lease,
    Mailbox,
    MailReading,
    MailRecord,
    Policy,
    Progress,
    Reason,
    RunCounts,
    Store,
    TakenBack,
    Trouble,
)

NOW = datetime(2027, 3, 14, 9, 26, 53, 589793, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)
INSTANT = timedelta(microseconds=1)
ORG, OTHER_ORG = "analytical.example", "hopper.example"
ADA, BOB = "100000000000000000001", "100000000000000000002"
CUSTOMER = "grace@customer.example"


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
    return [stored.mail_id for stored in await store.latest_mails(org, user, 10_000)]


async def assert_writes_nothing(store: Store, lease: Lease, stored: Mailbox, records: list[MailRecord]) -> None:
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
    assert await store.mailbox(lease.org, lease.user) == stored


OrgCall = Callable[[Store, str], Awaitable[object]]
ORG_CALLS: dict[str, OrgCall] = {
    "policy": lambda store, org: store.policy(org),
    "set_policy": lambda store, org: store.set_policy(org, Policy()),
    "change_policy": lambda store, org: store.change_policy(org, lambda policy: policy),
    "mailboxes": lambda store, org: store.mailboxes(org),
    "mailboxes_by_user": lambda store, org: store.mailboxes_by_user(org, "", 1),
    "mailboxes_in_trouble": lambda store, org: store.mailboxes_in_trouble(org, None, 1),
    "mailboxes_of": lambda store, org: store.mailboxes_of(org, ["u1"]),
    "mailboxes_at": lambda store, org: store.mailboxes_at(org, ["ada@corp.example"]),
    "leaving_mailboxes": lambda store, org: store.leaving_mailboxes(org),
    "use_once": lambda store, org: store.use_once(org, "name", NOW, NOW),
    "end_use": lambda store, org: store.end_use(org, "state", NOW),
    "forget_address": lambda store, org: store.forget_address(org, CUSTOMER),
    "save_taken_back": lambda store, org: store.save_taken_back(org, ADA, TakenBack(NOW)),
    "forget_used": lambda store, org: store.forget_used(org),
    "delete_readings_before": lambda store, org: store.delete_readings_before(org, NOW),
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
    "change_choices": lambda store, org, user: store.change_choices(org, user, lambda choices: choices),
    "change_presence": lambda store, org, user: store.change_presence(org, user, lambda presence: presence),
    "save_preview": lambda store, org, user: store.save_preview(org, user, None),
    "keep_reading": lambda store, org, user: store.keep_reading(org, MailReading(user, user, "m", "c", NOW)),
    "readings": lambda store, org, user: store.readings(org, user, 1),
    "readings_by": lambda store, org, user: store.readings_by(org, user, 1),
    "mails": lambda store, org, user: store.mails(org, user, None, 1),
    "count_mails": lambda store, org, user: store.count_mails(org, user),
    "take_lease": lambda store, org, user: store.take_lease(org, user, NOW, 1),
    "release_lease": lambda store, org, user: store.release_lease(Lease(org, user, 1, NOW)),
    "known_mails": lambda store, org, user: store.known_mails(org, user, ["m"]),
    "save_run": lambda store, org, user: store.save_run(Lease(org, user, 1, NOW), Progress("1"), labels={}, records=[record(1)]),
    "save_trouble": lambda store, org, user: store.save_trouble(Lease(org, user, 1, NOW), trouble()),
    "latest_mails": lambda store, org, user: store.latest_mails(org, user, 1),
    "forget_decisions": lambda store, org, user: store.forget_decisions(Lease(org, user, 1, NOW), NOW),
    "delete_mailbox": lambda store, org, user: store.delete_mailbox(org, user),
}
