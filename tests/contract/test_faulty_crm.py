"""A CRM in which the sandbox lets nothing be wrong: under the contract of all CRMs, as the CRM that it wraps."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

pytest.register_assert_rewrite("tests.contract.crm_contract")

from crm_client.embedded.database import close_idle  # noqa: E402
from mailmagnet.crm import WritableCrm  # noqa: E402
from sandbox.demo.sandbox_process import FaultyCrm  # noqa: E402
from tests.contract.crm_contract import CrmContract  # noqa: E402
from tests.contract.test_crm import EmbeddedWorld  # noqa: E402


class FaultyWorld(EmbeddedWorld):
    """The embedded CRM's world, each user's CRM wrapped."""

    def as_user(self, email: str) -> WritableCrm:
        return cast(WritableCrm, FaultyCrm(super().as_user(email), self.database.with_name("crm-fault.json")))


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[FaultyWorld]:
    database = tmp_path / "crm.db"
    yield FaultyWorld(database)
    close_idle(database)


class TestFaultyCrm(CrmContract):
    """The contract."""
