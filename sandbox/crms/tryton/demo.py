"""The demo's Tryton: a real server, filled with the demo's people."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from sandbox.crms.real_server import RealServer
from sandbox.crms.tryton.server import DATABASE, PASSWORD, install, tryton_with
from sandbox.crms.world import CrmWorld


@asynccontextmanager
async def started(world: CrmWorld) -> AsyncIterator[RealServer]:
    """While it lasts it runs. It is installed first, where it is not yet: half a minute."""
    with ExitStack() as stack:
        await asyncio.to_thread(install)
        tryton = await asyncio.to_thread(stack.enter_context, tryton_with(world, "demo"))
        host = tryton.origin.removeprefix("http://")
        hint = (
            'Tryton\'s web client is not on PyPI, so "Open in Tryton" finds no page here; '
            f'its desktop client: {host}, database "{DATABASE}", your address, password "{PASSWORD}"'
        )
        yield RealServer("tryton", "Tryton", tryton.origin, tryton.keys, hint)
