"""Zoho's client under the contract of all CRMs, on the stand-in."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.crm_contract import CrmContract
from tests.contract.crm_world import crm_world
from tests.contract.zoho import Clock, ZohoWorld, serving, zoho_world


@pytest.fixture
async def crm() -> AsyncIterator[ZohoWorld]:
    clock = Clock()
    async with serving(crm_world(), clock) as zoho, zoho_world(zoho, clock) as world:
        yield world


class TestZohoCrm(CrmContract):
    """The contract, as far as Zoho's capabilities go."""
