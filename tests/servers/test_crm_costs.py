"""What the job asks of the real servers is what tests/crm_costs.yaml says."""

from tests.crm_costs import counted, read_costs
from tests.servers.odoo_world import OdooWorld
from tests.servers.tryton_world import tryton_world


async def test_what_was_counted_is_what_the_code_asks_odoo(crm: OdooWorld) -> None:
    costs = read_costs()
    assert await counted("odoo", crm, costs) == costs["counted"]["odoo"]


async def test_what_was_counted_is_what_the_code_asks_tryton() -> None:
    costs = read_costs()
    async with tryton_world() as crm:
        assert await counted("tryton", crm, costs) == costs["counted"]["tryton"]
