"""Zoho in the demo: the stand-in with the demo's people in it."""

from datetime import UTC, datetime
from functools import partial

from aiohttp import web

from sandbox.crms.stand_in import SignedIn
from sandbox.crms.world import CrmWorld
from sandbox.crms.zoho.accounts import ACCESS_LIFE, OAuthClient
from sandbox.crms.zoho.api import SCOPES
from sandbox.crms.zoho.server import ZohoServer

_now = partial(datetime.now, UTC)


class ZohoStandIn:
    """`sandbox.crms.stand_in.StandIn`."""

    kind = "zoho"
    name = "Zoho CRM"

    def __init__(self, world: CrmWorld, redirect_uri: str) -> None:
        client = OAuthClient(redirect_uris=frozenset({redirect_uri}))
        self.client_id, self.client_secret = client.id, client.secret
        self._server = ZohoServer(world, client, _now)

    def app(self, url: str) -> web.Application:
        self._server.origin = url.rstrip("/")
        app = web.Application()
        app.add_routes(self._server.routes())
        return app

    def sign_in(self, email: str) -> SignedIn:
        user = self._server.organisation.users[email]
        access, refresh = self._server.accounts.signed_in(user.id, SCOPES)
        return SignedIn(user.id, user.full_name, access, refresh, (_now() + ACCESS_LIFE).isoformat(), self._server.origin)


def stand_in(world: CrmWorld, redirect_uri: str) -> ZohoStandIn:
    """Filled with this world; browsers are sent back to this address alone."""
    return ZohoStandIn(world, redirect_uri)
