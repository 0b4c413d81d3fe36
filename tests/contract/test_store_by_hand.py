"""Each store against plain dictionaries, whatever is done in whatever order."""

import asyncio
import tempfile
import uuid
from collections.abc import Coroutine
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from mailmagnet.categories import Category
from mailmagnet.errors import LeaseLost, LeaseTaken, NotFound
from mailmagnet.store import (
    Backlog,
    Choices,
    Lease,
    Mailbox,
    MailRecord,
    Notice,
    Notify,
    Parked,
    ParkedFor,
    Presence,
    Preview,
    Progress,
    Reason,
    RunCounts,
    Sharing,
    Trouble,
    keeps_others_out,
)
from metadata_store.firestore import FirestoreStore
from metadata_store.sqlite import SqliteStore
from tests.contract.mailboxes import NOW, TEN_MINUTES, record

KEYS = [("a.example", "1"), ("a.example", "11"), ("b.example", "1")]
USERS = st.sampled_from(KEYS)
ORGS = st.sampled_from(["a.example", "b.example"])
CUSTOMERS = ("x@customer.example", "y@customer.example")
ADDRESSES = st.sampled_from(CUSTOMERS)
NUMBERS = st.integers(0, 8)
WHICH = st.integers(0, 4)
"""Which lease of those ever taken: those that may write come first, the newest first of all."""
IDS = st.lists(st.sampled_from(["19a", "19b", "19c"]), max_size=3, unique=True).map(tuple)
MOMENTS = st.integers(-3, 3).map(lambda days: NOW + timedelta(days=days, microseconds=days))
BACKLOGS = st.none() | st.builds(Backlog, MOMENTS, st.none() | MOMENTS)
SOME_PROGRESS = st.builds(
    Progress, st.from_regex(r"[0-9]{1,6}", fullmatch=True), IDS, IDS, st.dictionaries(st.just("19a"), NUMBERS), BACKLOGS
)
CHOICES = st.builds(
    Choices,
    st.sampled_from(Sharing),
    st.frozensets(st.sampled_from(["c1", "c2"])),
    st.frozensets(st.just("c1")),
    st.frozensets(st.just("19a")),
    NUMBERS,
    st.builds(Notice, st.sampled_from(Notify), st.just("Europe/Vienna"), st.just(time(8, 30))),
)
PRESENCES = st.builds(
    Presence,
    st.sampled_from(["", "u1"]),
    st.none() | MOMENTS,
    st.dictionaries(st.sampled_from(["none", "customer"]), NUMBERS),
    st.none() | MOMENTS,
    st.none() | MOMENTS,
    st.none() | st.builds(Parked, MOMENTS, st.sampled_from(ParkedFor)),
    st.none() | MOMENTS,
)
LABELS = st.dictionaries(st.sampled_from(Category), st.sampled_from(["Label_1", "Label_2"]))
TROUBLES = st.builds(Trouble, st.sampled_from(Reason), st.just("Gmail"), MOMENTS, NUMBERS, st.none() | MOMENTS)


class StoredByHand(RuleBasedStateMachine):
    """Whatever is done in whatever order, the store answers as plain dictionaries would."""

    async def opened(self) -> SqliteStore | FirestoreStore:
        """An empty store."""
        self.folder = tempfile.TemporaryDirectory()
        return SqliteStore(Path(self.folder.name) / "store.db")

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.store = self.runner.run(self.opened())
        self.mailboxes: dict[tuple[str, str], Mailbox] = {}
        self.mails: dict[tuple[str, str, str], MailRecord] = {}
        self.leases: list[Lease] = []
        self.holder: dict[tuple[str, str], Lease] = {}
        self.now = NOW

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

    def lease_of(self, which: int) -> tuple[Lease, tuple[str, str], bool, bool]:
        """A lease taken at any time, its mailbox, whether that is still its holder's, and whether it is on besides.

        Most often one that may write: a mailbox begins when there is none.
        """
        if which and not any(self.may_write(lease) for lease in self.leases):
            self.begin(KEYS[which % len(KEYS)], "x@customer.example", Progress("1"), {})
        oldest_first = [lease for writes in (False, True) for lease in self.leases if self.may_write(lease) is writes]
        lease = oldest_first[-1 - which % 3 % len(oldest_first)]
        key = (lease.org, lease.user)
        return lease, key, self.holder.get(key) == lease, self.may_write(lease)

    def may_write(self, lease: Lease) -> bool:
        key = (lease.org, lease.user)
        return self.holder.get(key) == lease and self.mailboxes[key].mailmagnet

    def delete_mails(self, mails: list[tuple[str, str, str]]) -> int:
        for mail in mails:
            del self.mails[mail]
        return len(mails)

    def forget_mails(self, key: tuple[str, str]) -> int:
        self.holder.pop(key, None)
        return self.delete_mails([mail for mail in self.mails if mail[:2] == key])

    @rule(key=USERS, address=ADDRESSES, what=st.sampled_from(["connect", "connect", "switch_off", "delete_mailbox"]))
    def act_as_user(self, key: tuple[str, str], address: str, what: str) -> None:
        if what == "connect":
            self.connect(key, address)
        elif what == "switch_off":
            self.switch_off(key)
        else:
            self.delete_mailbox(key)

    def connect(self, key: tuple[str, str], address: str) -> None:
        self.runner.run(self.store.connect(*key, address, self.now))
        new = Mailbox(*key, address, RunCounts(self.now))
        self.mailboxes[key] = replace(self.mailboxes.get(key, new), address=address, trouble=None)

    def switch_off(self, key: tuple[str, str]) -> None:
        self.runner.run(self.store.switch_off(*key))
        if key in self.mailboxes:
            off = replace(self.mailboxes[key], mailmagnet_since=None, labelling_since=None, progress=None, trouble=None)
            self.mailboxes[key] = replace(off, preview=None)
            self.forget_mails(key)

    def delete_mailbox(self, key: tuple[str, str]) -> None:
        self.mailboxes.pop(key, None)
        assert self.runner.run(self.store.delete_mailbox(*key)) == self.forget_mails(key)

    @rule(key=USERS, address=ADDRESSES, progress=SOME_PROGRESS, labels=LABELS)
    def begin(self, key: tuple[str, str], address: str, progress: Progress, labels: dict[Category, str]) -> None:
        """What most else begins with: connected, taken, switched on."""
        self.connect(key, address)
        self.take_lease(key, take_over=True, minutes=0)
        self.switch_on(0, labelling=True, progress=progress, labels=labels, remaining=0)

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, labelling=st.booleans(), progress=SOME_PROGRESS, labels=LABELS, remaining=NUMBERS)
    def switch_on(self, which: int, labelling: bool, progress: Progress, labels: dict[Category, str], remaining: int) -> None:
        lease, key, held, _ = self.lease_of(which)
        since = self.now if labelling else None
        counts = RunCounts(self.now, remaining=remaining)
        call = self.store.switch_on(
            lease, mailmagnet_since=self.now, labelling_since=since, progress=progress, labels=labels, last_run=counts
        )
        assert self.raised(call) is (None if held else LeaseLost)
        if held:
            on = replace(self.mailboxes[key], mailmagnet_since=self.now, labelling_since=since, progress=progress)
            self.mailboxes[key] = replace(on, labels=labels, last_run=counts, trouble=None)

    @rule(key=USERS, take_over=st.booleans(), minutes=st.integers(0, 20))
    def take_lease(self, key: tuple[str, str], take_over: bool, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
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

    @rule(
        key=USERS, choices=CHOICES, presence=PRESENCES, what=st.sampled_from(["choices", "presence", "preview"]), number=NUMBERS
    )
    def keep_beside_the_switches(
        self, key: tuple[str, str], choices: Choices, presence: Presence, what: str, number: int
    ) -> None:
        there = key in self.mailboxes
        preview = Preview(self.now, 30, 8, number, {Category.CUSTOMER: number}) if number else None
        if what == "choices":
            assert self.raised(self.store.change_choices(*key, lambda _: choices)) is (None if there else NotFound)
        elif what == "presence":
            assert self.raised(self.store.change_presence(*key, lambda _: presence)) is (None if there else NotFound)
        else:
            self.runner.run(self.store.save_preview(*key, preview))
        if there:
            kept: dict[str, Any] = {"choices": choices, "presence": presence, "preview": preview}
            self.mailboxes[key] = replace(self.mailboxes[key], **{what: kept[what]})

    @precondition(lambda self: self.leases)
    @rule(which=WHICH)
    def release_lease(self, which: int) -> None:
        lease, key, held, _ = self.lease_of(which)
        self.runner.run(self.store.release_lease(lease))
        if held:
            del self.holder[key]

    @precondition(lambda self: self.leases)
    @rule(
        which=WHICH,
        progress=SOME_PROGRESS,
        labels=LABELS,
        numbers=st.lists(NUMBERS, max_size=4),
        address=ADDRESSES,
        ended_well=st.booleans(),
    )
    def save_run(
        self, which: int, progress: Progress, labels: dict[Category, str], numbers: list[int], address: str, ended_well: bool
    ) -> None:
        lease, key, _, may_write = self.lease_of(which)
        records = [record(number, address) for number in numbers]
        counts = RunCounts(self.now, len(records)) if ended_well else None
        call = self.store.save_run(lease, progress, labels=labels, records=records, counts=counts)
        assert self.raised(call) is (None if may_write else LeaseLost)
        if may_write:
            self.mailboxes[key] = replace(self.mailboxes[key], progress=progress, labels=labels)
            for stored in records:
                self.mails.setdefault((*key, stored.mail_id), stored)
        if may_write and counts:
            self.mailboxes[key] = replace(self.mailboxes[key], last_run=counts, trouble=None)

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, found=TROUBLES)
    def save_trouble(self, which: int, found: Trouble) -> None:
        lease, key, _, may_write = self.lease_of(which)
        assert self.raised(self.store.save_trouble(lease, found)) is (None if may_write else LeaseLost)
        if may_write:
            self.mailboxes[key] = replace(self.mailboxes[key], trouble=found)

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, number=NUMBERS)
    def forget_decisions(self, which: int, number: int) -> None:
        lease, key, held, _ = self.lease_of(which)
        since = record(number).received_at
        if not held:
            assert self.raised(self.store.forget_decisions(lease, since)) is LeaseLost
            return
        newer = [mail for mail, stored in self.mails.items() if mail[:2] == key and stored.received_at >= since]
        assert self.runner.run(self.store.forget_decisions(lease, since)) == self.delete_mails(newer)

    @rule(org=ORGS, number=NUMBERS)
    def delete_mails_before(self, org: str, number: int) -> None:
        moment = record(number).received_at
        older = [key for key, stored in self.mails.items() if key[0] == org and stored.received_at < moment]
        assert self.runner.run(self.store.delete_mails_before(org, moment)) == self.delete_mails(older)

    @invariant()
    def everything_kept_is_what_it_should_be(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.compare())

    async def compare(self) -> None:
        assert await self.store.orgs() == sorted({org for org, _ in self.mailboxes})
        for key in KEYS:
            assert await self.store.mailbox(*key) == self.mailboxes.get(key)
            mine = [stored for mail, stored in self.mails.items() if mail[:2] == key]
            moments = sorted(stored.received_at for stored in mine)
            assert await self.store.count_mails(*key) == (len(mine), *((moments[0], moments[-1]) if mine else (None, None)))
            assert await self.store.latest_mails(*key, 50) == sorted(mine, key=lambda stored: stored.received_at, reverse=True)
        for org in ("a.example", "b.example"):
            here = [stored for key, stored in sorted(self.mailboxes.items()) if key[0] == org]
            due = [stored for stored in here if stored.due_since(self.now, TEN_MINUTES)]
            assert await self.store.due_mailboxes(org, self.now, TEN_MINUTES) == due
            assert await self.store.mailboxes(org) == here
            theirs = [stored for stored in here if stored.presence.crm_user == "u1"]
            assert await self.store.mailboxes_of(org, ["u1", "u2", ""]) == theirs
            addresses = {stored.address for stored in here[:1]} | {"nobody@corp.example"}
            at_them = [stored for stored in here if stored.address in addresses]
            assert await self.store.mailboxes_at(org, addresses) == at_them
            for address in CUSTOMERS:
                received = [
                    (key[1], stored) for key, stored in self.mails.items() if (key[0], stored.from_address) == (org, address)
                ]
                received.sort(key=lambda found: (found[1].received_at, f"{found[0]}:{found[1].mail_id}"), reverse=True)
                assert await self.store.mails_from(org, address, 5) == received[:5]


StoredByHand.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestSqlite = StoredByHand.TestCase


def test_firestore(firestore_emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator)

    class InFirestore(StoredByHand):
        async def opened(self) -> FirestoreStore:
            return FirestoreStore(f"test-{uuid.uuid4().hex}")

    run_state_machine_as_test(InFirestore, settings=settings(max_examples=12, stateful_step_count=30, deadline=None))
