"""Salesforce's client under the contract of all CRMs, on the stand-in, and what is its own."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.crm_contract import CrmContract
from tests.contract.salesforce_world import SalesforceWorld, salesforce_world


@pytest.fixture
async def crm() -> AsyncIterator[SalesforceWorld]:
    async with salesforce_world() as world:
        yield world


class TestSalesforceCrm(CrmContract):
    """The contract, as far as Salesforce's capabilities go."""
