"""What the code asks of Firestore and the vault, counted on the real emulator, is what tests/costs.yaml says; so is the docs' table."""

import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mailmagnet.crm import DealState
from mailmagnet.label_tick import tick
from mailmagnet.parts import Parts
from metadata_store.firestore import FirestoreStore
from tests.costs import read_costs, table
from tests.scenario.desk import Desk, desk_in

WHAT = ("reads", "writes", "deletes", "accesses")
EVERY = timedelta(minutes=10)


class Counting:
    """Firestore's calls, counted as Google bills them: https://firebase.google.com/docs/firestore/pricing"""

    def __init__(self, calls: Any, counts: Counter[str]) -> None:
        self._calls, self._counts = calls, counts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calls, name)

    async def _read(self, answers: Any, field: str = "document") -> AsyncIterator[Any]:
        """A document that is not there is read too, and a query that finds nothing is one read."""
        self._counts["reads"] += field != "found"
        found = 0
        async for answer in answers:
            if field == "" or field in answer or (field == "found" and "missing" in answer):
                found += 1
                # What the query costs in any case was counted already. Who asks may not read on to the end.
                self._counts["reads"] += found > 1 or field == "found"
            yield answer

    async def batch_get_documents(self, *words: Any, **more: Any) -> Any:
        return self._read(await self._calls.batch_get_documents(*words, **more), "found")

    async def run_query(self, *words: Any, **more: Any) -> Any:
        return self._read(await self._calls.run_query(*words, **more))

    async def list_documents(self, *words: Any, **more: Any) -> Any:
        return self._read(await self._calls.list_documents(*words, **more), "")

    async def run_aggregation_query(self, *words: Any, **more: Any) -> Any:
        self._counts["reads"] += 1
        return await self._calls.run_aggregation_query(*words, **more)

    async def commit(self, *words: Any, **more: Any) -> Any:
        for write in more["request"]["writes"]:
            self._counts["deletes" if "delete" in write else "writes"] += 1
        return await self._calls.commit(*words, **more)


class CountingVault:
    """Of the vault's calls the job makes one: a connection, which is one access in Secret Manager."""

    def __init__(self, vault: Any, counts: Counter[str]) -> None:
        self._vault, self._counts = vault, counts

    def __getattr__(self, name: str) -> Any:
        self._counts["accesses"] += name == "connection"
        return getattr(self._vault, name)


@asynccontextmanager
async def _counted_desk(folder: Path, counts: Counter[str]) -> AsyncIterator[Desk]:
    store = FirestoreStore(f"costs-{secrets.token_hex(4)}")
    client = cast(Any, store._client)
    client._firestore_api_internal = Counting(client._firestore_api, counts)
    async with desk_in(folder, store) as desk:
        desk.vault = cast(Any, CountingVault(desk.vault, counts))
        yield desk


def _taken(counts: Counter[str]) -> dict[str, int]:
    """What was counted; it begins anew."""
    taken = {what: counts[what] for what in WHAT}
    counts.clear()
    return taken


class Queue:
    """A queue that takes every task."""

    async def enqueue(self, _: Any) -> bool:
        return True


async def _tick(desk: Desk) -> None:
    desk.clock.turn(minutes=1)
    crm = {"default_crm": desk.default_crm, "crm_client_of": desk.crm_client_of}
    await tick(EVERY, cast(Parts, SimpleNamespace(store=desk.store, vault=desk.vault, tasks=Queue(), now=desk.now, **crm)))


async def _counts(folder: Path) -> dict[str, dict[str, int]]:
    counts: Counter[str] = Counter()
    async with _counted_desk(folder, counts) as desk:
        await desk.connect()
        await _tick(desk)  # the first of a day does the day's chores
        _taken(counts)
        await _tick(desk)
        nobody = _taken(counts)
        await desk.switch_on()
        await desk.contact("grace@a.example", (DealState.OPEN, date(2027, 3, 31)))
        await desk.run()
        _taken(counts)
        await _tick(desk)
        one = _taken(counts)
        await desk.run()
        idle = _taken(counts)
        for number in range(6):
            desk.arrive("grace@a.example", f"Mail {number}")
        await desk.run()
        busy = _taken(counts)
    more = {what: one[what] - nobody[what] for what in WHAT}
    return {"idle_run": idle, "run_with_6_mails": busy, "tick": nobody, "tick_a_mailbox": more}


async def test_what_was_counted_is_what_the_code_does(
    firestore_emulator: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator)
    assert await _counts(tmp_path) == read_costs()["counted"]


def test_the_docs_have_the_programs_table() -> None:
    assert table(read_costs()) in (Path(__file__).parents[2] / "docs" / "costs.md").read_text("utf-8")
