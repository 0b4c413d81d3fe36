"""The CRM of a demo where it is not the embedded one: a stand-in for its vendor in this process, or a real server beside it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from socket import socket
from typing import Any

from aiohttp import web

from sandbox.crms.real_server import ShowMail, shows_none
from sandbox.crms.stand_in import StandIn
from sandbox.crms.world import CrmWorld

STAND_INS = ("salesforce", "hubspot", "zoho", "pipedrive")
REAL_SERVERS = ("odoo", "tryton")


@dataclass(frozen=True, slots=True)
class OtherCrm:
    """A CRM that runs, served at `url`. `settings` are what the product is told of it (MAILMAGNET_...). `typed` is what each user types to
    sign in to a real server, `signed_in` what came of each user's consent at a stand-in, by the user's address. `hint` says how to get into
    its own page, `show_mail` lets its records' pages show their mail."""

    name: str
    url: str
    settings: Mapping[str, str] = field(repr=False)
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)
    signed_in: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    hint: str = ""
    show_mail: ShowMail = shows_none


@asynccontextmanager
async def other_crm(kind: str, world: CrmWorld, listening: socket, redirect_uri: str) -> AsyncIterator[OtherCrm]:
    """While it lasts the CRM runs, filled with this world; a stand-in is served at the socket."""
    demo = import_module(f"sandbox.crms.{kind}.demo")
    if kind in REAL_SERVERS:
        async with demo.started(world) as server:
            settings = {"CRM": kind, "CRM_ORIGIN": server.origin, "CRM_PRIVATE": "true"}
            yield OtherCrm(server.name, server.origin, settings, typed=server.typed, hint=server.hint, show_mail=server.show_mail)
        return
    stand_in: StandIn = demo.stand_in(world, redirect_uri)
    host, port = listening.getsockname()[:2]
    url = f"http://{host}:{port}"
    async with _served(stand_in.app(url), listening):
        client = {"CRM_CLIENT_ID": stand_in.client_id, "CRM_CLIENT_SECRET": stand_in.client_secret}
        # At a vendor's an admin's sign-in is the first: it shows which account there is the organisation's.
        admins = {"ADMINS": ",".join(user["email"] for user in world["users"] if user["administrator"])}
        signed_in = {
            user["email"]: {**asdict(stand_in.sign_in(user["email"])), "permitted": user["permitted"]}
            for user in world["users"]
            if user["active"]
        }
        settings = {"CRM": kind, "CRM_PRIVATE": "true", **client, **admins}
        yield OtherCrm(stand_in.name, url, settings, signed_in=signed_in)


@asynccontextmanager
async def _served(app: web.Application, listening: socket) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        yield
    finally:
        await runner.cleanup()
