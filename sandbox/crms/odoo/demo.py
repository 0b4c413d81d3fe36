"""The demo's Odoo: a real server, filled with the demo's people."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial

from sandbox.crms.odoo.server import RunningOdoo, ask, install, odoo_with
from sandbox.crms.real_server import RealServer
from sandbox.crms.world import CrmWorld


@asynccontextmanager
async def started(world: CrmWorld) -> AsyncIterator[RealServer]:
    """While it lasts it runs. It is installed first, where it is not yet: some minutes, 1.2 GB."""
    with ExitStack() as stack:
        await asyncio.to_thread(install)
        odoo = await asyncio.to_thread(stack.enter_context, odoo_with(world, "demo"))
        hint = f"Odoo's own page: {odoo.origin}/odoo  log in with your address, which is your password there too"
        administrator = next(user["email"] for user in world["users"] if user["administrator"] and user["active"])
        yield RealServer("odoo", "Odoo", odoo.origin, odoo.keys, hint, partial(_show_mail, odoo, administrator))


def _show_mail(odoo: RunningOdoo, administrator: str, page: str, org: str, secret: str) -> None:
    """As an administrator does in Odoo's system parameters, for our module there."""
    for name, value in (("page", page), ("org", org), ("secret", secret)):
        ask(odoo, administrator, "ir.config_parameter", "set_param", key=f"mailmagnet.{name}", value=value)
