"""The demo's Odoo: a real server, filled with the demo's people."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from sandbox.crms.odoo.server import install, odoo_with
from sandbox.crms.real_server import RealServer
from sandbox.crms.world import CrmWorld


@asynccontextmanager
async def started(world: CrmWorld) -> AsyncIterator[RealServer]:
    """While it lasts it runs. It is installed first, where it is not yet: some minutes, 1.2 GB."""
    with ExitStack() as stack:
        await asyncio.to_thread(install)
        odoo = await asyncio.to_thread(stack.enter_context, odoo_with(world, "demo"))
        hint = f"Odoo's own page: {odoo.origin}/odoo  log in with your address, which is your password there too"
        yield RealServer("odoo", "Odoo", odoo.origin, odoo.keys, hint)
