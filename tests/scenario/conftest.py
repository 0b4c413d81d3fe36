"""The desk that each scenario of the job gets."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scenario.desk import Desk, desk_in


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """With ada@corp.example connected, both switches on, and an empty CRM."""
    async with desk_in(tmp_path) as made:
        await made.connect()
        await made.switch_on()
        yield made
