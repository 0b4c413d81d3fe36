"""What the job asks of the CRMs that have a stand-in is what tests/crm_costs.yaml says, and the docs have the table that is made of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.stand_in_worlds import WORLDS
from tests.crm_costs import counted, read_costs, table
from tests.told_at_the_end import COUNTED


@pytest.mark.parametrize("kind", WORLDS)
async def test_what_was_counted_is_what_the_code_asks(kind: str) -> None:
    costs = read_costs()
    async with WORLDS[kind]() as crm:
        assert await counted(kind, crm, costs) == costs["counted"][kind]


def test_the_docs_have_the_programs_table(record_property: Callable[[str, object], None]) -> None:
    told = table(read_costs())
    record_property(COUNTED, f"The job at 10,000 mailboxes:\n{told}")
    assert told in (Path(__file__).parents[2] / "docs" / "crms" / "README.md").read_text("utf-8")
