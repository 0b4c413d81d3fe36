"""The daily chores: once a day for each organisation, at its own time, by whichever tick comes; one bad mailbox stops nobody."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mailmagnet.daily_chores import daily_chores
from mailmagnet.errors import Service, Side, Unavailable
from mailmagnet.parking import UNOPENED_FOR
from mailmagnet.parts import Parts
from mailmagnet.store import Store
from metadata_store.sqlite import SqliteStore

NOW = datetime(2026, 11, 23, 9, 0, 17, tzinfo=UTC)
ORGS = ("a.example", "b.example", "c.example")


class Counting:
    """A store whose deletions are counted by organisation, with the day's minute of each; changes of one user's presence fail."""

    def __init__(self, store: Store, poisoned: str = "", problem: Exception | None = None) -> None:
        self._store, self._poisoned, self._problem = store, poisoned, problem
        self.deletions: list[tuple[str, datetime]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def delete_mails_before(self, org: str, moment: datetime) -> int:
        self.deletions.append((org, moment))
        return await self._store.delete_mails_before(org, moment)

    async def change_presence(self, org: str, user: str, change: Any) -> Any:
        if user == self._poisoned and self._problem:
            raise self._problem
        return await self._store.change_presence(org, user, change)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "store.sqlite")
    yield opened
    await opened.close()


def at(store: Any, now: datetime) -> Parts:
    return cast(Parts, SimpleNamespace(store=store, vault=EmptyVault(), now=lambda: now, retention_days=90))


class EmptyVault:
    async def connection(self, org: str, user: str) -> None:
        return None


async def connected(store: Store, *orgs: str) -> None:
    for org in orgs:
        await store.connect(org, "1", f"1@{org}", NOW)


async def test_once_a_day_at_a_time_of_each_org_s_own(store: SqliteStore) -> None:
    counting = Counting(store)
    await connected(store, *ORGS)
    for minute in range(0, 3 * 24 * 60, 7):
        for org in ORGS:
            assert await daily_chores(org, at(counting, NOW + timedelta(minutes=minute))) == []
    times = Counter(org for org, _ in counting.deletions)
    assert set(times) == set(ORGS)
    assert set(times.values()) <= {3, 4}
    # Day by day to the same minute, so that two ticks delete the same, and not all at one time.
    assert len({(moment.hour, moment.minute) for _, moment in counting.deletions}) == len(ORGS)


async def test_a_machine_that_is_off_at_night_does_them_in_the_morning(store: SqliteStore) -> None:
    counting = Counting(store)
    await connected(store, "a.example")
    for day in range(5):
        for minute in range(60):
            await daily_chores("a.example", at(counting, NOW + timedelta(days=day, minutes=minute)))
    assert 5 <= len(counting.deletions) <= 6


async def test_of_two_ticks_at_once_one_does_them(store: SqliteStore) -> None:
    counting = Counting(store)
    await connected(store, "a.example")
    await asyncio.gather(*(daily_chores("a.example", at(counting, NOW)) for _ in range(5)))
    assert len(counting.deletions) == 1


@pytest.mark.parametrize("problem", [Unavailable(Service(Side.OURS, "SQLite"), "on purpose"), KeyError("nobody foresaw")])
async def test_one_mailbox_that_fails_does_not_stop_the_rest(store: SqliteStore, problem: Exception) -> None:
    long_ago = NOW - UNOPENED_FOR
    for user in "123":
        await store.connect("a.example", user, f"{user}@a.example", NOW)
        await store.change_presence("a.example", user, lambda old: replace(old, opened_at=long_ago, admin_told_at=NOW))
    (failed,) = await daily_chores("a.example", at(Counting(store, "2", problem), NOW))
    assert type(problem).__name__ in f"{type(failed).__name__} {failed}"
    assert [bool(mailbox.presence.parked) for mailbox in await store.mailboxes("a.example")] == [True, False, True]
    assert await daily_chores("a.example", at(store, NOW + timedelta(days=1))) == []
    assert all(mailbox.presence.parked for mailbox in await store.mailboxes("a.example"))


async def test_who_came_back_while_the_chores_were_done_stays(store: SqliteStore) -> None:
    """The mailboxes were read, and the user opens the panel before the presence is written."""
    await store.connect("a.example", "1", "1@a.example", NOW)
    await store.change_presence("a.example", "1", lambda old: replace(old, opened_at=NOW - UNOPENED_FOR, admin_told_at=NOW))

    class ComingBack(Counting):
        async def change_presence(self, org: str, user: str, change: Any) -> Any:
            await self._store.change_presence(org, user, lambda old: replace(old, opened_at=NOW, admin_told_at=None))
            return await self._store.change_presence(org, user, change)

    assert await daily_chores("a.example", at(ComingBack(store), NOW)) == []
    (mailbox,) = await store.mailboxes("a.example")
    assert mailbox.presence.parked is None
