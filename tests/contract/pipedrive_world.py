"""The contract's world at the stand-in for Pipedrive, and clients of it as the product makes them."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import cast

from aiohttp import web

from crm_client.authorization_code import AuthorizationCode, OAuthClient
from crm_client.pipedrive.addresses import PIPEDRIVE, PipedriveAddresses
from crm_client.pipedrive.client import PipedriveClient
from crm_client.pipedrive.gate import Gate
from crm_client.pipedrive.server import PipedriveServer
from crm_client.pipedrive.sign_in import PipedriveSignIn
from crm_client.renewal import Renewal
from http_session.session import HttpSession
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import NO_END, CrmTokens
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault
from sandbox.crms.pipedrive.server import Pipedrive, utc_now
from sandbox.crms.pipedrive.sign_in import App
from sandbox.crms.world import CrmWorld
from tests.contract.crm_installed import InstalledWorld
from tests.contract.crm_world import USERS, crm_world
from tests.crm_round_trips import Cost
from tests.crm_signed_in import NoTurns, SomeConnections, machine_time
from tests.http_faults import HttpFaults, answering

_REFUSED = '{"success": false, "error": "Rate limit exceeded", "errorCode": 429}'
ORG, CALLBACK = "corp.example", "https://pages.example/crm-callback"


COSTS = {
    # In 20 s there are turns for the others of a mail nine times. Round trips of many are at most these: which follow each other is chance.
    0: (Cost(0, 0), Cost(0, 0)),
    1: (Cost(7, 2), Cost(3, 2)),
    20: (Cost(45, 2), Cost(41, 2)),
    100: (Cost(127, 20), Cost(201, 30)),
    250: (Cost(127, 20), Cost(501, 60)),
}


class PipedriveWorld(InstalledWorld):
    """Its clients wait for no turns, where `waits` does not say so, and the stand-in counts none: tests would take minutes."""

    http: HttpFaults
    tells_budget = True

    def __init__(self, pipedrive: Pipedrive, oauth: str, http: HttpFaults, session: HttpSession, waits: bool) -> None:
        self.pipedrive = pipedrive
        self.http = http
        self.session = session
        self.gate = Gate if waits else _without_waiting
        self.addresses = PipedriveAddresses(oauth, re.escape(http.origin))
        self.costs = COSTS
        self.burst = answering(429, _REFUSED, {"x-ratelimit-reset": "2", "x-daily-ratelimit-token-remaining": "4000"})
        self.day_limit = answering(429, _REFUSED, {"x-ratelimit-reset": "2", "x-daily-ratelimit-token-remaining": "7"})
        self._connections: dict[str, Connection] = {}

    def server_within(self, seconds: float) -> PipedriveServer:
        return PipedriveServer(lambda _: self.session, self.addresses, seconds, self.gate)

    def sign_in_within(self, seconds: float) -> PipedriveSignIn:
        app = self.pipedrive.sign_in.app
        client = OAuthClient(app.client_id, app.client_secret, CALLBACK)
        flow = AuthorizationCode(PIPEDRIVE, client, lambda _: self.session, seconds, secret_in_header=True)
        return PipedriveSignIn(flow, self.server_within(seconds), machine_time)

    def client_within(self, seconds: float) -> PipedriveClient:
        vault = cast(Vault, SomeConnections([self.connection_of(user.email) for user in USERS]))
        renewal = Renewal(self.sign_in_within(seconds), vault, lambda: cast(Store, NoTurns()), machine_time)
        return PipedriveClient(self.server_within(seconds), renewal)

    def connection_of(self, email: str) -> Connection:
        """The user's own, the same at each call; a stranger's holds tokens that are nobody's."""
        if email not in self._connections:
            self._connections[email] = self._signed_in(email)
        return self._connections[email]

    def _signed_in(self, email: str) -> Connection:
        listed = all(user.permitted for user in USERS if user.email == email)
        account = self.id_of(f"user {email}")
        told = self.pipedrive.sign_in.issued_for(email) if account != "no-such-id" else {}
        tokens = CrmTokens(
            account,
            "",
            told.get("access_token", "nobodys"),
            told.get("refresh_token", "nobodys"),
            NO_END,
            CrmChoice("pipedrive"),
            self.http.origin,
        )
        return Connection(ORG, f"google-{email}", email, crm=tokens, listed=listed)

    def id_of(self, key: str) -> str:
        return self.pipedrive.company.ids.get(key, "no-such-id")

    async def unshare(self, key: str, email: str) -> None:
        contact_id = int(self.id_of(key))
        person = next(person for person in self.pipedrive.company.persons if person.id == contact_id)
        person.followers.discard(int(self.id_of(f"user {email}")))


def _without_waiting(most: int, seconds: float) -> Gate:
    """A gate whose time goes on only, and at once, where somebody waits."""
    at = 0.0

    async def go_on(wait: float) -> None:
        nonlocal at
        until = at + wait
        await asyncio.sleep(0)
        at = max(at, until)

    return Gate(most, seconds, lambda: at, go_on)


@asynccontextmanager
async def pipedrive_world(
    world: CrmWorld | None = None, now: Callable[[], datetime] = utc_now, *, waits: bool = False
) -> AsyncIterator[PipedriveWorld]:
    """While it lasts the stand-in is served at a free port of this machine. `now` is its time; `waits`: its limits count, in real time."""
    pipedrive = Pipedrive(world or crm_world(), App(callback=CALLBACK), now)
    pipedrive.limits.count_windows = waits
    runner = web.AppRunner(pipedrive.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with HttpFaults(origin).serving() as http:
        pipedrive.sign_in.api_domain = http.origin
        session = HttpSession({http.origin, origin})
        try:
            yield PipedriveWorld(pipedrive, origin, http, session, waits)
        finally:
            await session.close()
            await runner.cleanup()
