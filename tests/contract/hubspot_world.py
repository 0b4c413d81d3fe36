"""The contract's world in HubSpot's stand-in, and HubSpot's client as it asks it.

The admin lets users see their own and their team's records: in the stand-in whoever sees everything is in everybody's team.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import cast

from aiohttp.test_utils import TestServer

from crm_client.authorization_code import AuthorizationCode, OAuthClient
from crm_client.hubspot.addresses import HUBSPOT, HubSpotAddresses
from crm_client.hubspot.client import HubSpotClient
from crm_client.hubspot.server import HubSpotServer
from crm_client.hubspot.sign_in import HubSpotSignIn
from crm_client.renewal import Renewal
from http_session.session import HttpSession
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens, Sees, mapped_to
from mailmagnet.store import Store
from mailmagnet.vault import CRM_ACCOUNT, Connection, Vault
from sandbox.crms.hubspot.server import HubSpot
from sandbox.crms.hubspot.sign_in import App
from tests.contract.crm_installed import InstalledWorld
from tests.contract.crm_world import ADA, USERS, crm_world
from tests.crm_round_trips import Cost
from tests.crm_signed_in import NoTurns, SomeConnections, machine_time
from tests.http_faults import HttpFaults, answering

ORG = "corp.example"
CHOICE = CrmChoice("hubspot")
CLIENT = OAuthClient("client-id", "client-secret", "https://pages.example/crm-callback")
APP = App(CLIENT.client_id, CLIENT.client_secret, (CLIENT.redirect_uri,))
NOT_PERMITTED = {user.email for user in USERS if not user.permitted}


COSTS = {
    0: (Cost(0, 0), Cost(0, 0)),
    1: (Cost(4, 2), Cost(5, 3)),
    20: (Cost(8, 3), Cost(5, 3)),
    100: (Cost(8, 3), Cost(5, 3)),
    250: (Cost(11, 3), Cost(8, 3)),
}
"""Of people who are found by their main addresses; each search is one call more, and one round trip."""


class HubSpotWorld(InstalledWorld):
    """`hubspot` is the stand-in: what is changed there is changed at once."""

    tells_budget = True
    lacks = frozenset({"contact ines"})

    def __init__(self, hubspot: HubSpot, origin: str, http: HttpFaults, session: HttpSession, sees: Sees | None) -> None:
        self.hubspot = hubspot
        self.http = http
        self.burst = answering(429, '{"status": "error", "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}')
        self.day_limit = answering(429, '{"status": "error", "errorType": "RATE_LIMIT", "policyName": "DAILY"}')
        self.costs = COSTS
        self.origin = origin
        self.session = session
        tokens = hubspot.sign_in.installed(ADA)
        self.link = CrmTokens(
            str(hubspot.portal.id),
            "HubSpot",
            tokens["access_token"],
            tokens["refresh_token"],
            datetime(2099, 1, 1, tzinfo=UTC),
            CHOICE,
        )
        self.sees = sees

    def client_within(self, seconds: float) -> HubSpotClient:
        """HubSpot's API is asked through the faults, its sign-in is not."""
        link = Connection(ORG, CRM_ACCOUNT, "", crm=self.link, sees=self.sees)
        vault = SomeConnections([link, *(self.connection_of(user.email) for user in USERS)])
        flow = AuthorizationCode(HUBSPOT, CLIENT, lambda _: self.session, seconds)
        sign_in = HubSpotSignIn(
            flow, HubSpotServer(self.session, HubSpotAddresses(self.origin, self.origin), seconds), machine_time
        )
        renewal = Renewal(sign_in, cast(Vault, vault), lambda: cast(Store, NoTurns()), machine_time)
        addresses = HubSpotAddresses(self.http.origin if self.http else self.origin, "https://app.hubspot.com")
        return HubSpotClient(HubSpotServer(self.session, addresses, seconds), renewal)

    def connection_of(self, email: str) -> Connection:
        """Whom nobody knows is mapped to somebody who is not there; who is not permitted is not mapped."""
        if email in NOT_PERMITTED:
            return Connection(ORG, f"{email} of Google", email)
        owner = self.hubspot.portal.owner_of_email(email)
        mapped = mapped_to(owner.id if owner else "1", email, self.link)
        return Connection(ORG, f"{email} of Google", email, crm=mapped)

    def id_of(self, key: str) -> str:
        return self.hubspot.portal.ids.get(key, "no-such-id")

    async def unshare(self, key: str, email: str) -> None:
        self.hubspot.portal.share(key, [])


@asynccontextmanager
async def hubspot_world(sees: Sees | None = Sees.TEAM) -> AsyncIterator[HubSpotWorld]:
    """`sees`: what the admin lets users see, None where no admin has said so yet."""
    hubspot = HubSpot(crm_world(), APP, partial(datetime.now, UTC))
    async with TestServer(hubspot.application()) as server:
        origin = str(server.make_url("")).rstrip("/")
        async with HttpFaults(origin).serving() as http:
            session = HttpSession([origin, http.origin])
            try:
                yield HubSpotWorld(hubspot, origin, http, session, sees)
            finally:
                await session.close()
