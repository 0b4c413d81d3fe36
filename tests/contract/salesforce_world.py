"""The contract's world in the stand-in for Salesforce, behind what stands between it and its client."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

from aiohttp.test_utils import TestServer

from crm_client.authorization_code import AuthorizationCode, OAuthClient
from crm_client.renewal import Renewal
from crm_client.salesforce.addresses import SALESFORCE, SalesforceAddresses
from crm_client.salesforce.client import SalesforceClient
from crm_client.salesforce.server import SalesforceServer
from crm_client.salesforce.sign_in import DEAD, SalesforceSignIn
from http_session.session import HttpSession
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault
from sandbox.crms.salesforce.oauth import ClientApp
from sandbox.crms.salesforce.server import Salesforce
from tests.contract.crm_installed import InstalledWorld
from tests.contract.crm_world import NOON, USERS, crm_world
from tests.crm_round_trips import Cost
from tests.crm_signed_in import NoTurns, SomeConnections, machine_time
from tests.http_faults import HttpFaults, answering

ORG = "corp.example"
CALLBACK = "https://pages.corp.example/crm-callback"
APP = ClientApp("the-app", "its-secret", (CALLBACK,))
SUBS = {user.email: f"{number}03156417899512345678" for number, user in enumerate(USERS, start=1)}
SECONDS = 20.0
ONE, NOTES, BOTH = Cost(1, 1), Cost(2, 2), Cost(3, 2)
"""One composite request; one more for the notes of the person in front; one beside both for all others, up to 250."""


def limit_exceeded(message: str) -> str:
    """The body with which Salesforce refuses by 403 what was too much."""
    return json.dumps([{"message": message, "errorCode": "REQUEST_LIMIT_EXCEEDED"}])


class SalesforceWorld(InstalledWorld):
    """All calls of its clients, sign-in too, go through `http`."""

    tells_budget = True
    hides_fields = True

    def __init__(self, salesforce: Salesforce, http: HttpFaults, session: HttpSession) -> None:
        self.costs = {number: ((NOTES if number == 1 else BOTH) if number else ONE, ONE) for number in (0, 1, 20, 100, 250)}
        self.burst = answering(403, limit_exceeded("ConcurrentRequests (Concurrent API Requests) Limit exceeded."))
        self.day_limit = answering(403, limit_exceeded("TotalRequests Limit exceeded."))
        self.salesforce = salesforce
        self.http: HttpFaults = http
        self.session = session
        self.addresses = SalesforceAddresses(http.origin, re.escape(http.origin))
        self._connections = {user.email: self._signed_in(user.email) for user in USERS}

    def server_within(self, seconds: float) -> SalesforceServer:
        return SalesforceServer(self.addresses, lambda _: self.session, seconds)

    def sign_in_within(self, seconds: float) -> SalesforceSignIn:
        return SalesforceSignIn(self.addresses, self.flow_within(seconds), self.server_within(seconds), machine_time)

    def flow_within(self, seconds: float) -> AuthorizationCode:
        client = OAuthClient(APP.client_id, APP.client_secret, CALLBACK)
        return AuthorizationCode(SALESFORCE, client, lambda _: self.session, seconds, dead=DEAD)

    def client_within(self, seconds: float) -> SalesforceClient:
        vault = cast(Vault, SomeConnections(self._connections.values()))
        renewal = Renewal(self.sign_in_within(seconds), vault, lambda: cast(Store, NoTurns()), machine_time)
        return SalesforceClient(self.server_within(seconds), renewal, lambda: NOON)

    def connection_of(self, email: str) -> Connection:
        return self._connections.get(email, Connection(ORG, "999", email))

    def id_of(self, key: str) -> str:
        return self.salesforce.objects.ids.get(key, "no-such-id")

    async def unshare(self, key: str, email: str) -> None:
        row = self.salesforce.objects.rows["Contact"][self.id_of(key)]
        row["_shared"] = tuple(each for each in row["_shared"] if each != self.id_of(f"user {email}"))

    def _signed_in(self, email: str) -> Connection:
        user_id = self.id_of(f"user {email}")
        access, refresh = self.salesforce.oauth.give_session(user_id)
        ends = datetime.now(UTC) + timedelta(hours=2)
        choice = CrmChoice("salesforce")
        tokens = CrmTokens(user_id, email, access, refresh, ends, choice, self.http.origin)
        return Connection(ORG, SUBS[email], email, crm=tokens)


@asynccontextmanager
async def salesforce_world() -> AsyncIterator[SalesforceWorld]:
    """While it lasts the stand-in is served."""
    salesforce = Salesforce(crm_world(), APP)
    async with TestServer(salesforce.make_app()) as server:
        faults = HttpFaults(str(server.make_url("")).rstrip("/"))
        async with faults.serving():
            session = HttpSession({faults.origin})
            try:
                yield SalesforceWorld(salesforce, faults, session)
            finally:
                await session.close()
