"""A CRM in which the sandbox lets nothing be wrong: under the contract of all CRMs, as the CRM that it wraps."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from crm_client.embedded.database import close_idle
from mailmagnet.crm import WritableCrm
from sandbox.demo.sandbox_process import FaultyCrm
from tests.contract.crm_contract import CrmContract
from tests.contract.test_crm import EmbeddedWorld


class FaultyWorld(EmbeddedWorld):
    """The embedded CRM's world, each user's CRM wrapped."""

    def as_user(self, email: str) -> WritableCrm:
        return cast(WritableCrm, FaultyCrm(super().as_user(email), self.database.with_name("crm-fault.json")))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> FaultyWorld:
    database = tmp_path_factory.mktemp("crm") / "crm.db"
    world = FaultyWorld(database)
    close_idle(database)
    return world


@pytest.fixture
def crm(filled: FaultyWorld, tmp_path: Path) -> Iterator[FaultyWorld]:
    world = filled.moved_to(tmp_path / "crm.db")
    yield world
    close_idle(world.database)


class TestFaultyCrm(CrmContract):
    """The contract."""
