"""The contract's world at the stand-in for Pipedrive, and clients of it as the product makes them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
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
from mailmagnet.crm import Crm
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault
from sandbox.crms.pipedrive.server import Pipedrive, utc_now
from sandbox.crms.pipedrive.sign_in import App
from sandbox.crms.world import CrmWorld
from tests.contract.crm_world import crm_world
from tests.crm_signed_in import OneConnection

_BEGAN = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
ORG, CALLBACK = "corp.example", "https://pages.example/crm-callback"


class PipedriveWorld:
    """The contract's world at the stand-in, and a client of it as the product makes one."""

    def __init__(
        self, pipedrive: Pipedrive, origin: str, session: HttpSession, gate: Callable[[int, float], Gate] = Gate
    ) -> None:
        self.pipedrive = pipedrive
        self.origin = origin
        self.server = PipedriveServer(lambda _: session, PipedriveAddresses(origin, origin), 5, gate)
        flow = AuthorizationCode(
            PIPEDRIVE, OAuthClient("pipedrive-app", "pipedrive-secret", CALLBACK), lambda _: session, 5, secret_in_header=True
        )
        self.sign_in = PipedriveSignIn(flow, self.server, lambda: datetime.now(UTC))
        self.clients: dict[str, PipedriveClient] = {}

    def as_user(self, email: str) -> Crm:
        connection = self.connection_of(email)
        return self.client_of(connection).as_user(connection)

    def client_of(self, connection: Connection) -> PipedriveClient:
        if connection.user not in self.clients:
            vault = cast(Vault, OneConnection(connection))
            renewal = Renewal(self.sign_in, vault, lambda: cast(Store, _NoStore()), lambda: datetime.now(UTC))
            self.clients[connection.user] = PipedriveClient(self.server, renewal)
        return self.clients[connection.user]

    def connection_of(self, email: str) -> Connection:
        account = self.pipedrive.company.ids.get(f"user {email}", "0")
        known = any(user.email == email for user in self.pipedrive.company.users)
        access = self.pipedrive.sign_in.issued_for(email)["access_token"] if known else "nobodys"
        tokens = CrmTokens(account, "", access, "", datetime(2100, 1, 1, tzinfo=UTC), CrmChoice("pipedrive"), origin=self.origin)
        listed = all(user["permitted"] for user in crm_world()["users"] if user["email"] == email)
        return Connection(ORG, f"google {email}", email, crm=tokens, listed=listed)

    def id_of(self, key: str) -> str:
        return self.pipedrive.company.ids.get(key, "no-such-id")


class _NoStore:
    """A store that gives every turn: one process alone renews here."""

    async def use_once(self, *_: object) -> bool:
        return True

    async def end_use(self, *_: object) -> None:
        return


class TurnedTime:
    """The time of a stand-in and of the gates before it: it stands still, but where a gate waits for a turn."""

    def __init__(self) -> None:
        self.waited = 0.0

    def now(self) -> datetime:
        return _BEGAN + timedelta(seconds=self.waited)

    def gate(self, most: int, seconds: float) -> Gate:
        return Gate(most, seconds, lambda: self.waited, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        """Whoever waits together waits until the latest turn among them."""
        until = self.waited + seconds
        await asyncio.sleep(0)
        self.waited = max(self.waited, until)


@asynccontextmanager
async def served_pipedrive(world: CrmWorld | None = None, time: TurnedTime | None = None) -> AsyncIterator[PipedriveWorld]:
    """While it lasts the stand-in is served at a free port of this machine, at the machine's time, or at another."""
    pipedrive = Pipedrive(world or crm_world(), App(callback=CALLBACK), time.now if time else utc_now)
    runner = web.AppRunner(pipedrive.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    pipedrive.sign_in.api_domain = origin
    session = HttpSession({origin})
    try:
        yield PipedriveWorld(pipedrive, origin, session, time.gate if time else Gate)
    finally:
        await session.close()
        await runner.cleanup()
