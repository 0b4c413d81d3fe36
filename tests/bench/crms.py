"""What a look-up costs at each CRM when every answer takes 100 ms: calls, round trips and time for one person and for twenty, and again
within the minute in which it is remembered. The CRMs without a server of their own here are their stand-ins."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from crm_client.remembered import LookUps
from mailmagnet.crm import Crm, LookUp
from tests.contract.crm_installed import InstalledWorld, looked_up
from tests.contract.crm_world import ADA
from tests.contract.stand_in_worlds import WORLDS, World
from tests.crm_round_trips import measured

HOUSE = Path(__file__).parents[2]
LATENCY_SECONDS = 0.1
PEOPLE = (1, 20)
TIMES = 11


def _worlds() -> Mapping[str, World | None]:
    """None for a real server that is not installed: `make test-servers` does it."""
    worlds: dict[str, World | None] = {**WORLDS}
    for kind in ("odoo", "tryton"):
        worlds[kind] = _real_server(kind) if (HOUSE / ".servers" / kind).exists() else None
    return worlds


def _real_server(kind: str) -> World:
    """Imported when it is there: its module starts it."""

    @asynccontextmanager
    async def world() -> AsyncIterator[InstalledWorld]:
        if kind == "odoo":
            from tests.servers.odoo_world import odoo_world as real
        else:
            from tests.servers.tryton_world import tryton_world as real
        async with real() as crm:
            yield crm

    return world


def measure_crms(say: Console) -> dict[str, Any]:
    """Each after the other, in this process."""
    return {"crms": asyncio.run(_measured(say))}


async def _measured(say: Console) -> list[dict[str, Any]]:
    rows = []
    for kind, world in _worlds().items():
        if world is None:
            say.print(f"{kind}: its server is not installed here (make test-servers)")
            continue
        say.print(f"{kind}, {LATENCY_SECONDS * 1000:g} ms an answer, {TIMES} look-ups of each kind ...")
        async with world() as crm:
            rows += [await _row(kind, crm, number) for number in PEOPLE]
    return rows


async def _row(kind: str, crm: InstalledWorld, number: int) -> dict[str, Any]:
    """A mail of one person of a company of twelve, or of twenty people of one of 250. Rights and settings are there already."""
    assert crm.http
    company, letter = ("crowd.example", "m") if number == 1 else ("many.example", "p")
    people = [f"{letter}{n}@{company}" for n in range(number)]
    connection = crm.connection_of(ADA)
    view = crm.client.as_user(connection)
    await asyncio.gather(looked_up(view, ["sam@shaw.example"]), view.settings())
    crm.http.latency_seconds = LATENCY_SECONDS
    with measured() as found:
        asked = len(people) - len((await _look_up(view, people, company)).not_asked)
    remembering = LookUps(60).remembering(view, connection)
    await _look_up(remembering, people, company)
    return {
        "crm": kind,
        "people": number,
        "asked": asked,
        "calls": found.cost.calls,
        "round_trips": found.cost.round_trips,
        "p50_ms": await _p50_ms(view, people, company),
        "p50_remembered_ms": await _p50_ms(remembering, people, company),
    }


async def _look_up(view: Crm, people: list[str], company: str) -> LookUp:
    return await looked_up(view, people[:1], [company], people[1:])


async def _p50_ms(view: Crm, people: list[str], company: str) -> float:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await _look_up(view, people, company)
        took.append(time.perf_counter() - began)
    return round(1000 * statistics.median(took), 1)
