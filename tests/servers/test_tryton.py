"""The real Tryton 8.2 under the contract of all CRMs, and what is its own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from sandbox.crms.tryton.server import RunningTryton, tryton_with
from tests.contract.crm_contract import CrmContract
from tests.contract.crm_world import crm_world
from tests.servers.tryton_world import TrytonWorld, world_in


@pytest.fixture(scope="session")
def tryton() -> Iterator[RunningTryton]:
    with tryton_with(crm_world()) as tryton:
        yield tryton


@pytest.fixture
async def crm(tryton: RunningTryton) -> AsyncIterator[TrytonWorld]:
    async with world_in(tryton) as world:
        yield world


class TestTrytonCrm(CrmContract):
    """The contract, as far as Tryton's capabilities go."""
