"""Zoho's stand-in, served, and clients of its users: each call and each answer is held against what Zoho's own SDK says of it."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler

from crm_client.authorization_code import OAuthClient
from crm_client.renewal import Renewal
from crm_client.zoho.addresses import DataCentre, ZohoAddresses
from crm_client.zoho.client import ZohoClient
from crm_client.zoho.crm import ZohoCrm
from crm_client.zoho.server import ZohoServer
from crm_client.zoho.sign_in import SCOPES, ZohoSignIn
from http_session.session import HttpSession
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault
from sandbox.crms.world import CrmWorld
from sandbox.crms.zoho import accounts, server
from tests.crm_signed_in import NoTurns, OneConnection
from tests.zoho_description import faults_of_call

CALLBACK = "http://127.0.0.1:9/pages/crm-sign-in/callback"
CLIENT = accounts.OAuthClient(redirect_uris=frozenset({CALLBACK}))
ORG = "corp.example"


class Clock:
    """The stand-in's time, which a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@asynccontextmanager
async def serving(world: CrmWorld, now: Clock | None = None) -> AsyncIterator[server.ZohoServer]:
    """The stand-in with this world in it. At the end it is an error if anything was not as Zoho says."""
    zoho, faults = server.ZohoServer(world, CLIENT, now or Clock()), list[str]()

    @web.middleware
    async def as_described(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if request.path.startswith("/crm/v8/") and isinstance(response, web.Response):
            faults.extend(faults_of_call(request.path, _json(await request.read()), _json(response.body)))
        return response

    app = web.Application(middlewares=[as_described])
    app.add_routes(zoho.routes())
    async with TestServer(app, host="127.0.0.1") as served:
        zoho.origin = f"http://127.0.0.1:{served.port}"
        yield zoho
    assert not faults, faults


def _json(body: Any) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def token_of(zoho: server.ZohoServer, email: str, scopes: Iterable[str] = SCOPES) -> str:
    """A good access token of a user."""
    return zoho.accounts.signed_in(zoho.organisation.users[email].id, frozenset(scopes))[0]


class ZohoWorld:
    """The contract's world in the stand-in, as its users' clients see it. `origin` is where the clients find it: the stand-in, or what
    stands before it."""

    def __init__(self, zoho: server.ZohoServer, session: HttpSession, clock: Clock, origin: str = "") -> None:
        self.zoho = zoho
        self.clock = clock
        self.origin = origin or zoho.origin
        centre = DataCentre(self.origin, self.origin, self.origin)
        self.server = ZohoServer(ZohoAddresses(self.origin, (centre,)), lambda _: session, 20)
        oauth = OAuthClient(CLIENT.id, CLIENT.secret, CALLBACK)
        self.sign_in = ZohoSignIn(self.server, oauth, lambda _: session, 20, clock)
        self.vault = OneConnection(None)
        renewal = Renewal(self.sign_in, cast(Vault, self.vault), lambda: cast(Store, NoTurns()), clock)
        self.client = ZohoClient(self.server, renewal, clock)

    def connection(self, email: str) -> Connection:
        """A sign-in of this user, kept in the vault; of who is no user a dead one."""
        user = self.zoho.organisation.users.get(email)
        access, refresh = self.zoho.accounts.signed_in(user.id, frozenset(SCOPES)) if user else ("dead", "dead")
        until = self.clock() + accounts.ACCESS_LIFE
        tokens = CrmTokens(user.id if user else "0", "", access, refresh, until, CrmChoice("zoho"), self.origin)
        self.vault.kept = Connection(ORG, f"sub of {email}", email or "nobody", crm=tokens)
        return self.vault.kept

    def as_user(self, email: str) -> ZohoCrm:
        return self.client.as_user(self.connection(email))

    def id_of(self, key: str) -> str:
        return self.zoho.organisation.keys.get(key, "no-such-id")


@asynccontextmanager
async def zoho_world(zoho: server.ZohoServer, clock: Clock, origin: str = "") -> AsyncIterator[ZohoWorld]:
    """Clients of a stand-in that is served."""
    session = HttpSession({origin or zoho.origin})
    try:
        yield ZohoWorld(zoho, session, clock, origin)
    finally:
        await session.close()
