"""HubSpot for the demo: the account filled with the demo's people, connected as its super admin would."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from aiohttp import web

from sandbox.crms.hubspot.server import HubSpot
from sandbox.crms.hubspot.sign_in import TOKEN_LIFE, App
from sandbox.crms.stand_in import SignedIn
from sandbox.crms.world import CrmWorld

_now: Callable[[], datetime] = partial(datetime.now, UTC)


class HubSpotStandIn:
    """`sandbox.crms.stand_in.StandIn`. One link is the whole account's: whoever asks through it is told apart by `crm_user_of`."""

    kind = "hubspot"
    name = "HubSpot"
    client_id = "0f3c6a1e-5d2b-4c8e-9a70-1b2d3e4f5a60"
    client_secret = "the secret of the app on this desk"  # noqa: S105  the stand-in's own

    def __init__(self, world: CrmWorld, redirect_uri: str) -> None:
        self.hubspot = HubSpot(world, App(self.client_id, self.client_secret, (redirect_uri,)), _now)

    def app(self, url: str) -> web.Application:
        return self.hubspot.application()

    def sign_in(self, email: str) -> SignedIn:
        """The account's own link, as a super admin would connect it. Raises BadGrant for everybody else."""
        tokens = self.hubspot.sign_in.installed(email)
        account = str(self.hubspot.portal.id)
        ends = (_now() + TOKEN_LIFE - timedelta(minutes=1)).isoformat()
        return SignedIn(account, f"HubSpot {account}", tokens["access_token"], tokens["refresh_token"], ends)

    def crm_user_of(self, email: str) -> tuple[str, str]:
        """The id and the name of the owner with this address, for the admin's table. Raises KeyError."""
        owner = self.hubspot.portal.owner_of_email(email)
        if not owner:
            raise KeyError(email)
        return owner.id, f"{owner.first_name} {owner.last_name}".strip()


def stand_in(world: CrmWorld, redirect_uri: str) -> HubSpotStandIn:
    return HubSpotStandIn(world, redirect_uri)
