"""Servers that several files of tests share, started once."""

from collections.abc import AsyncIterator, Iterator

import pytest

from sandbox.crms.odoo.server import RunningOdoo, odoo_with
from sandbox.crms.tryton.server import RunningTryton, tryton_with
from tests.contract.crm_world import crm_world
from tests.servers.odoo_world import OdooWorld, world_in


@pytest.fixture(scope="session")
def odoo() -> Iterator[RunningOdoo]:
    with odoo_with(crm_world(), "world") as odoo:
        yield odoo


@pytest.fixture(scope="session")
def tryton() -> Iterator[RunningTryton]:
    with tryton_with(crm_world(), "world") as tryton:
        yield tryton


@pytest.fixture
async def crm(odoo: RunningOdoo) -> AsyncIterator[OdooWorld]:
    async with world_in(odoo) as world:
        yield world
