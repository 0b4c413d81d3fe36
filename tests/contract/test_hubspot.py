"""HubSpot's client under the contract of all CRMs, on the stand-in, and what is HubSpot's own: who sees what by the account's one token."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.crm_contract import CrmContract
from tests.contract.hubspot_world import HubSpotWorld, hubspot_world


@pytest.fixture
async def crm() -> AsyncIterator[HubSpotWorld]:
    async with hubspot_world() as world:
        yield world


class TestHubSpot(CrmContract):
    """The contract's cases."""
