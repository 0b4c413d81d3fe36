"""Salesforce as the demo has it: one app that may ask for consent, and users signed in without a browser."""

import secrets
from datetime import UTC, datetime, timedelta

from aiohttp import web

from sandbox.crms.salesforce.oauth import SESSION_SECONDS, ClientApp
from sandbox.crms.salesforce.server import Salesforce
from sandbox.crms.stand_in import SignedIn, StandIn
from sandbox.crms.world import CrmWorld


def stand_in(world: CrmWorld, redirect_uri: str) -> StandIn:
    """An organisation with this world in it, for an app that comes back to `redirect_uri`."""
    return _Demo(Salesforce(world, ClientApp("mailmagnet-demo", secrets.token_urlsafe(24), (redirect_uri,))))


class _Demo:
    """`sandbox.crms.stand_in.StandIn`."""

    kind, name = "salesforce", "Salesforce"

    def __init__(self, salesforce: Salesforce) -> None:
        self._salesforce = salesforce
        self._url = ""
        self.client_id = salesforce.app.client_id
        self.client_secret = salesforce.app.client_secret

    def app(self, url: str) -> web.Application:
        self._url = url
        return self._salesforce.make_app()

    def sign_in(self, email: str) -> SignedIn:
        user = self._salesforce.objects.user(self._salesforce.objects.ids[f"user {email}"])
        access, refresh = self._salesforce.oauth.give_session(user["Id"])
        ends = datetime.now(UTC) + timedelta(seconds=SESSION_SECONDS)
        return SignedIn(user["Id"], user["Name"], access, refresh, ends.isoformat(), self._url)
