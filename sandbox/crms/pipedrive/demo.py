"""Pipedrive as the demo has it: one app that may ask for consent, and users signed in without a browser."""

from datetime import timedelta

from aiohttp import web

from sandbox.crms.pipedrive.server import Pipedrive, utc_now
from sandbox.crms.pipedrive.sign_in import App
from sandbox.crms.stand_in import SignedIn, StandIn
from sandbox.crms.world import CrmWorld


def stand_in(world: CrmWorld, redirect_uri: str) -> StandIn:
    """A company with this world in it, for an app that comes back to `redirect_uri`."""
    return _Demo(Pipedrive(world, App(callback=redirect_uri)))


class _Demo:
    """`sandbox.crms.stand_in.StandIn`."""

    kind, name = "pipedrive", "Pipedrive"

    def __init__(self, pipedrive: Pipedrive) -> None:
        self._pipedrive = pipedrive
        self.client_id = pipedrive.sign_in.app.client_id
        self.client_secret = pipedrive.sign_in.app.client_secret

    def app(self, url: str) -> web.Application:
        return self._pipedrive.app(url)

    def sign_in(self, email: str) -> SignedIn:
        user = next(user for user in self._pipedrive.company.users if user.email == email)
        told = self._pipedrive.sign_in.issued_for(email)
        ends = utc_now() + timedelta(seconds=told["expires_in"])
        return SignedIn(
            str(user.id), user.name, told["access_token"], told["refresh_token"], ends.isoformat(), told["api_domain"]
        )
