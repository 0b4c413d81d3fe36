"""Zoho's client under the contract of all CRMs, on the stand-in, and what is Zoho's own."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.crm_contract import CrmContract
from tests.contract.zoho_world import ZohoWorld, zoho_world


@pytest.fixture
async def crm() -> AsyncIterator[ZohoWorld]:
    async with zoho_world() as world:
        yield world


class TestZohoCrm(CrmContract):
    """The contract, as far as Zoho's capabilities go."""
