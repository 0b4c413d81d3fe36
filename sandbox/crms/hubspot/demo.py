"""HubSpot for the demo: the account filled with the demo's people, connected as its super admin would."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial

from aiohttp import web

from sandbox.crms.hubspot.server import HubSpot
from sandbox.crms.hubspot.sign_in import TOKEN_LIFE, App
from sandbox.crms.stand_in import SignedIn
from sandbox.crms.world import CrmWorld

_now: Callable[[], datetime] = partial(datetime.now, UTC)


class HubSpotStandIn:
    """`sandbox.crms.stand_in.StandIn`. One link is the whole account's, and all users are let in through it."""

    kind = "hubspot"
    name = "HubSpot"
    client_id = "0f3c6a1e-5d2b-4c8e-9a70-1b2d3e4f5a60"
    client_secret = "the secret of the app on this desk"  # noqa: S105  the stand-in's own

    def __init__(self, world: CrmWorld, redirect_uri: str) -> None:
        self.hubspot = HubSpot(world, App(self.client_id, self.client_secret, (redirect_uri,)), _now)

    def app(self, url: str) -> web.Application:
        return self.hubspot.application()

    def sign_in(self, email: str) -> SignedIn:
        """The owner with this address, whom a super admin has let in through the account. Raises KeyError."""
        owner = self.hubspot.portal.owner_of_email(email)
        if not owner:
            raise KeyError(email)
        name = f"{owner.first_name} {owner.last_name}".strip()
        return SignedIn(owner.id, name, "", "", self._link.expires_at, through=self._link)

    @cached_property
    def _link(self) -> SignedIn:
        """The account's own link, as its first super admin has connected it."""
        admin = next(owner for owner in self.hubspot.portal.owners.values() if owner.super_admin and not owner.archived)
        tokens = self.hubspot.sign_in.installed(admin.email)
        account = str(self.hubspot.portal.id)
        ends = (_now() + TOKEN_LIFE - timedelta(minutes=1)).isoformat()
        return SignedIn(account, f"HubSpot {account}", tokens["access_token"], tokens["refresh_token"], ends)


def stand_in(world: CrmWorld, redirect_uri: str) -> HubSpotStandIn:
    return HubSpotStandIn(world, redirect_uri)
