"""Servers that several files of tests share, started once."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from http_session.session import HttpSession
from tests.contract.crm_world import crm_world
from tests.servers.odoo_world import ORIGIN, OdooWorld, odoo_with


@pytest.fixture(scope="session")
def odoo() -> Iterator[dict[str, Any]]:
    with odoo_with(crm_world()) as told:
        yield told


@pytest.fixture
async def crm(odoo: dict[str, Any]) -> AsyncIterator[OdooWorld]:
    session = HttpSession({ORIGIN})
    yield OdooWorld(odoo, session)
    await session.close()
