"""Secret Manager's stand-in over HTTP, and vaults that speak to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp.test_utils import TestServer

from http_session.own_token import OwnToken
from http_session.session import HttpSession
from sandbox.google.gmail_server import make_app
from sandbox.google.world import World
from token_vault.secret_manager import SecretManagerVault

PROJECT = "analytical-mail"
METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"


@dataclass(frozen=True, slots=True)
class SecretManagerDesk:
    """A world with a Secret Manager in it, served at `origin`."""

    world: World
    origin: str
    session: HttpSession

    def vault(self) -> SecretManagerVault:
        """The vault, as another process would open it."""
        return SecretManagerVault(self.session, self.origin, PROJECT, OwnToken(self.session, f"{self.origin}{METADATA}"))


@asynccontextmanager
async def secret_manager(folder: Path) -> AsyncIterator[SecretManagerDesk]:
    """One with nothing in it."""
    world = World(folder / "world", lambda: datetime.now(UTC))
    async with TestServer(make_app(world), host="127.0.0.1") as server:
        origin = f"http://127.0.0.1:{server.port}"
        session = HttpSession([origin])
        try:
            yield SecretManagerDesk(world, origin, session)
        finally:
            await session.close()
