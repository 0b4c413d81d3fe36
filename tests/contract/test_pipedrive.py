"""Pipedrive's client against the stand-in: the contract of all CRMs, and what is Pipedrive's own."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.crm_contract import CrmContract
from tests.contract.pipedrive_world import PipedriveWorld, pipedrive_world


@pytest.fixture
async def crm() -> AsyncIterator[PipedriveWorld]:
    async with pipedrive_world() as world:
        yield world


class TestPipedriveCrm(CrmContract):
    """The contract, as far as Pipedrive's capabilities go."""
