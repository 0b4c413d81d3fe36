"""The real `addon` as a process of its own before a desk's Google, and the signed events that Gmail would send to it."""

import asyncio
import io
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from sandbox.cards.card_check import answer_faults
from sandbox.google.event import Surroundings, addon_event
from tests.scenario.desk import ADA, Desk
from tests.signing import free_port

HOUSE = Path(__file__).parents[2]
SCOPES = frozenset(
    {
        "openid",
        "https://www.googleapis.com/auth/userinfo.email",
        "https://www.googleapis.com/auth/script.locale",
        "https://www.googleapis.com/auth/gmail.addons.execute",
        "https://www.googleapis.com/auth/gmail.addons.current.message.metadata",
        "https://www.googleapis.com/auth/gmail.addons.current.action.compose",
    }
)

SANDBOX_PROCESS = "sandbox/demo/sandbox_process.py"
"""The product's functions, before a desk's Google."""

LOG_KEY = "the-key-by-which-the-log-names-people"
LINK_KEY = "the-key-by-which-links-to-pages-are-signed"
PAGES_URL = "https://pages.desk.example"
"""Where the pages would be, for scenarios that never open one."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def card(self) -> str:
        """The whole answer as text, after it was held against Google's schema: to find words in."""
        assert self.status == 200, self.body
        assert answer_faults(self.json) == []
        return json.dumps(self.json, ensure_ascii=False)


@dataclass
class Sidebar:
    """A user's sidebar: it sends what Gmail sends."""

    desk: Desk
    url: str
    session: aiohttp.ClientSession
    process: asyncio.subprocess.Process
    log: bytearray = field(default_factory=bytearray)
    address: str = ADA
    locale: str = "en-GB"
    scopes: frozenset[str] = SCOPES

    async def event(self, path: str, mail_id: str = "", words: str = "", **parameters: str) -> dict[str, Any]:
        """A trigger's or a click's event, with real tokens."""
        account = self.desk.world.account(self.address)
        message = await asyncio.to_thread(self.desk.world.mailbox(self.address).message, mail_id) if mail_id else None
        around = Surroundings(account, self.locale, "Europe/Vienna", 3_600_000, self.scopes, message)
        form = {"words": {"stringInputs": {"value": [words]}}} if words else None
        return addon_event(self.desk.world.google, f"{self.url}{path}", around, parameters, form)

    async def ask(self, path: str, mail_id: str = "", words: str = "", **parameters: str) -> Answered:
        """Send it, as Google does."""
        return await self.send(path, await self.event(path, mail_id, words, **parameters))

    async def logged(self, message: str, times: int) -> str:
        """The whole log, once it has so many lines with this message: the pipe may lag behind the answers."""
        for _ in range(200):
            if self.log.decode().count(f'"message": "{message}"') >= times:
                break
            await asyncio.sleep(0.025)
        assert self.log.decode().count(f'"message": "{message}"') == times
        return self.log.decode()

    async def send(self, path: str, body: Any, token: str | None = None) -> Answered:
        """Send any body; `token` None is the right one."""
        bearer = self.desk.world.google.system_token(f"{self.url}{path}") if token is None else token
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
        data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        async with self.session.post(f"{self.url}{path}", data=data, headers=headers) as answer:
            return Answered(answer.status, await answer.read(), dict(answer.headers))


def settings_of(desk: Desk, url: str) -> dict[str, str]:
    """The environment of a function at this desk: when it starts it is the time of the desk, which is no matter of the calendar."""
    google = desk.world.google
    clock_file = desk.folder / "clock"
    clock_file.write_text(str((desk.clock.now - datetime.now(UTC)).total_seconds()))
    return {
        "SANDBOX_GOOGLE_URL": desk.origin,
        "SANDBOX_CLOCK_FILE": str(clock_file),
        "SANDBOX_CRM_FAULT_FILE": str(desk.crm_fault_file),
        "FUNCTION_USE_ASGI": "true",
        "MAILMAGNET_ADDON_URL": url,
        "MAILMAGNET_PAGES_URL": PAGES_URL,
        "MAILMAGNET_LINK_KEY": LINK_KEY,
        "MAILMAGNET_ADDON_SERVICE_ACCOUNT": google.service_account,
        "MAILMAGNET_JOB_SERVICE_ACCOUNT": "job@desk.example",
        "MAILMAGNET_LABEL_TICK_URL": url,
        "MAILMAGNET_LABEL_MAILBOX_URL": url,
        "MAILMAGNET_ADDON_CLIENT_ID": google.addon_client_id,
        "MAILMAGNET_OAUTH_CLIENT_ID": google.client_id,
        "MAILMAGNET_OAUTH_CLIENT_SECRET": google.client_secret,
        "MAILMAGNET_CRM_DATABASE": str(desk.crm_database),
        "MAILMAGNET_STORE_DATABASE": str(desk.folder / "store.sqlite"),
        "MAILMAGNET_VAULT_FILE": str(desk.folder / "vault"),
        "MAILMAGNET_VAULT_KEY": desk.vault_key,
        "MAILMAGNET_LOG_KEY": LOG_KEY,
    }


async def mailmagnet(environment: Mapping[str, str], *words: str) -> bytes:
    """What the command line `mailmagnet` prints."""
    command = [sys.executable, "-m", "functions.command_line", *words]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=HOUSE, env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed


@asynccontextmanager
async def function_process(
    source: str, target: str, environment: Mapping[str, str], port: int, log: bytearray
) -> AsyncIterator[asyncio.subprocess.Process]:
    """One function as its own process on 127.0.0.1, up when this begins and ended when it ends; its output goes to `log`."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "functions-framework"),
        *("--source", source, "--target", target, "--host", "127.0.0.1", "--port", str(port)),
        cwd=HOUSE,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    reading = asyncio.create_task(_read(process, log))
    try:
        await _up(process, port, log)
        yield process
    finally:
        for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            one.terminate()
        await process.wait()
        await reading


@asynccontextmanager
async def sidebar_at(desk: Desk, source: str = SANDBOX_PROCESS, **settings: str) -> AsyncIterator[Sidebar]:
    """A sidebar before a running `addon`; `settings` change its environment."""
    port, log = free_port(), bytearray()
    url = f"http://127.0.0.1:{port}"
    environment = {**settings_of(desk, url), **settings}
    async with (
        function_process(source, "addon", environment, port, log) as process,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
    ):
        yield Sidebar(desk, url, session, process, log)


async def _read(process: asyncio.subprocess.Process, log: bytearray) -> None:
    assert process.stdout
    while line := await process.stdout.readline():
        log += line


async def _up(process: asyncio.subprocess.Process, port: int, log: bytearray) -> None:
    for _ in range(1200):
        assert process.returncode is None, log.decode()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.025)
            continue
        writer.close()
        await writer.wait_closed()
        return
    raise AssertionError("the function did not start within 30 s")
