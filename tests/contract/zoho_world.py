"""The contract's world in Zoho's stand-in, as clients of its users see it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import cast

from crm_client.authorization_code import OAuthClient
from crm_client.renewal import Renewal
from crm_client.zoho.addresses import DataCentre, ZohoAddresses
from crm_client.zoho.client import ZohoClient
from crm_client.zoho.server import CREDITS_LEFT, ZohoServer
from crm_client.zoho.sign_in import SCOPES, ZohoSignIn
from http_session.session import HttpSession
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault
from sandbox.crms.zoho import server
from sandbox.crms.zoho.accounts import ACCESS_LIFE
from tests.contract.crm_installed import InstalledWorld
from tests.contract.crm_world import USERS, crm_world
from tests.contract.zoho import CALLBACK, CLIENT, Clock, Exchange, serving
from tests.crm_round_trips import Cost
from tests.crm_signed_in import NoTurns, SomeConnections
from tests.http_faults import HttpFaults, answering

ORG = "corp.example"
_LIMITED = '{"code": "TOO_MANY_REQUESTS", "details": {}, "message": "too many requests", "status": "error"}'


class ZohoWorld(InstalledWorld):
    """The stand-in, and what stands before its API."""

    tells_budget = True
    hides_fields = True
    costs = MappingProxyType(
        {
            0: (Cost(0, 0), Cost(0, 0)),
            1: (Cost(4, 2), Cost(3, 1)),
            20: (Cost(4, 2), Cost(3, 1)),
            100: (Cost(4, 2), Cost(3, 1)),
            250: (Cost(10, 2), Cost(9, 1)),
        }
    )
    """Beyond 25 rows, as the company asked for has, questions are asked again by themselves."""

    def __init__(
        self, zoho: server.ZohoServer, http: HttpFaults, session: HttpSession, clock: Clock, exchanges: Sequence[Exchange]
    ) -> None:
        self.exchanges = exchanges
        self.zoho = zoho
        self.http = http
        self.burst = answering(429, _LIMITED)
        self.day_limit = answering(429, _LIMITED, {CREDITS_LEFT: "0"})
        self.clock = clock
        self._session = session
        centre = DataCentre(zoho.origin, http.origin, zoho.origin)
        self._addresses = ZohoAddresses(zoho.origin, (centre,))
        self._connections = {user.email: self._signed_in(user.email) for user in USERS}
        self.vault = SomeConnections(self._connections.values())
        self.sign_in = ZohoSignIn(
            self.server_within(20), OAuthClient(CLIENT.id, CLIENT.secret, CALLBACK), lambda _: session, 20, clock
        )

    def server_within(self, seconds: float) -> ZohoServer:
        """The client's way to Zoho."""
        return ZohoServer(self._addresses, lambda _: self._session, seconds)

    def client_within(self, seconds: float) -> ZohoClient:
        renewal = Renewal(self.sign_in, cast(Vault, self.vault), lambda: cast(Store, NoTurns()), self.clock)
        return ZohoClient(self.server_within(seconds), renewal, self.clock)

    def connection_of(self, email: str) -> Connection:
        return self._connections.get(email, Connection(ORG, "nobody", email or "nobody@corp.example"))

    def id_of(self, key: str) -> str:
        return self.zoho.organisation.keys.get(key, "no-such-id")

    async def unshare(self, key: str, email: str) -> None:
        self.zoho.organisation.shared[self.id_of(key)].discard(self.id_of(f"user {email}"))

    def _signed_in(self, email: str) -> Connection:
        user = self.id_of(f"user {email}")
        access, refresh = self.zoho.accounts.signed_in(user, frozenset(SCOPES))
        until = self.clock() + ACCESS_LIFE
        tokens = CrmTokens(user, email, access, refresh, until, CrmChoice("zoho"), self.http.origin if self.http else "")
        return Connection(ORG, f"sub of {email}", email, crm=tokens)


@asynccontextmanager
async def zoho_world() -> AsyncIterator[ZohoWorld]:
    """All of it, served while it lasts. Less than half of the day's credits are left, so that Zoho tells them."""
    clock = Clock()
    exchanges: list[Exchange] = []
    async with serving(crm_world(), clock, exchanges) as zoho, HttpFaults(zoho.origin).serving() as http:
        zoho.credits_left = zoho.day_credits // 2
        zoho.api_origin = http.origin
        session = HttpSession({zoho.origin, http.origin})
        try:
            yield ZohoWorld(zoho, http, session, clock, exchanges)
        finally:
            await session.close()
