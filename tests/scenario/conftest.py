"""The desk that each scenario of the job gets."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tenacity import wait_random_exponential

from gmail_client import mailbox
from tests.scenario.desk import Desk, desk_in


@pytest.fixture(autouse=True)
def _short_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries the job waits for a moment only, unless Gmail says how long; the contract of Gmail's client waits in earnest."""
    monkeypatch.setattr(mailbox, "_BACK_OFF", wait_random_exponential(multiplier=0.005, max=0.1))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """With ada@corp.example connected, both switches on, and an empty CRM."""
    async with desk_in(tmp_path) as made:
        await made.connect()
        await made.switch_on()
        yield made
