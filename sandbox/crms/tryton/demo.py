"""Tryton as the demo's CRM: the real server, with the demo's people in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from sandbox.crms.real_server import RealServer
from sandbox.crms.tryton.server import ORIGIN, install, tryton_with
from sandbox.crms.world import CrmWorld

HINT = (
    "Tryton's web client is not on PyPI: the server answers no page, and a link to a record opens none. Its desktop client (trytond 8.2, "
    'database "crm") lets each user in by address, with the password "demonstration".'
)


@asynccontextmanager
async def started(world: CrmWorld) -> AsyncIterator[RealServer]:
    """While it lasts the server runs."""
    await asyncio.to_thread(install)
    with ExitStack() as stack:
        tryton = await asyncio.to_thread(stack.enter_context, tryton_with(world))
        yield RealServer("tryton", "Tryton", ORIGIN, tryton.keys, HINT)
