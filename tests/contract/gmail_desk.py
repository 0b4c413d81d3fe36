"""A desk for the contract of Gmail's clients: a world with Ada in it, served over HTTP, and clients that speak to it."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from shutil import copytree

import pytest
from aiohttp import web

from gmail_client.access_tokens import AccessTokens
from gmail_client.mailbox import GmailMailbox
from gmail_client.mailbox_http import Access
from gmail_client.open_mail import HttpMailReader
from gmail_client.user_mail import HttpUserMail
from http_session.session import HttpSession
from mailmagnet.gmail import INBOX
from mailmagnet.vault import Connection
from sandbox.google.gmail_server import make_app
from sandbox.google.mail_folder import Label as WorldLabel
from sandbox.google.mail_folder import MailFolder, NewMail
from sandbox.google.world import Account, World

ADA = "ada@corp.example"
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20)


def raw_mail(number: int, **headers: str) -> bytes:
    mail = EmailMessage()
    mail["From"] = f"Grace {number} <grace{number}@hopper.example>"
    mail["To"] = ADA
    mail["Subject"] = f"Secret {number}"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("the text of the mail")
    return mail.as_bytes()


@dataclass
class Desk:
    """A world with Ada in it, and clients that speak to it."""

    world: World
    origin: str
    ada: Account
    session: HttpSession
    opened: list[GmailMailbox] = field(default_factory=list)
    answered: list[bytes] = field(default_factory=list)
    """Every body that Gmail has sent."""
    altered: dict[str, str] = field(default_factory=dict)
    """What is answered otherwise than the sandbox's Gmail does: a pattern, and what stands there instead."""
    not_billed: int = 0
    """Units that a mailbox counts and this Gmail does not: it bills no call that a fault on request ends."""

    @property
    def folder(self) -> MailFolder:
        return self.world.mailbox(ADA)

    def mailbox(self, token: str = "", secret: str = "", seconds: float = 20.0) -> GmailMailbox:
        google = self.world.google
        token = token or google.refresh_token(self.ada)
        secret = secret or google.client_secret
        mailbox = GmailMailbox(Access(token, google.client_id, secret, f"{self.origin}/token"), self.origin, seconds)
        self.opened.append(mailbox)
        return mailbox

    def reader(self, seconds: float = 20.0) -> HttpMailReader:
        return HttpMailReader(self.session, self.origin, seconds)

    def user_mail(self, token: str = "", secret: str = "", seconds: float = 20.0) -> HttpUserMail:
        google = self.world.google
        tokens = AccessTokens(self.session, google.client_id, secret or google.client_secret, f"{self.origin}/token", seconds)
        connection = Connection("corp.example", self.ada.sub, ADA, gmail_token=token or google.refresh_token(self.ada))
        return HttpUserMail(self.session, tokens, connection, self.origin, seconds)

    def arrive(self, count: int, label_ids: tuple[str, ...] = (INBOX, "UNREAD")) -> list[str]:
        """Mails that came one second after the other."""
        mails = (NewMail(raw_mail(number), START + timedelta(seconds=number), label_ids) for number in range(count))
        return self.folder.add(mails)

    def label(self, name: str) -> str:
        return self.folder.create_label(WorldLabel("", name)).id

    def labels_of(self, mail_ids: Iterable[str]) -> list[set[str]]:
        return [set(self.folder.message(mail_id).label_ids) for mail_id in mail_ids]

    def alter(self, mail_id: str, what: str, instead: str) -> None:
        """Answer something else within one mail, wherever it is asked for."""
        self.altered[f'({{"id": "{mail_id}".*?){what}'] = rf"\g<1>{instead}"

    def requests(self) -> Counter[str]:
        """How many requests have reached Gmail, by what they are for; a batch is one."""
        return Counter(call.name.removeprefix("users.") for call in self.world.calls.recent)

    def must_have_heard_senders_alone(self) -> None:
        heard = b"".join(self.answered)
        assert b"grace1@hopper.example" in heard
        for word in (b"snippet", b"the text of the mail", b"Secret"):
            assert word not in heard

    def calls(self) -> Counter[tuple[str, int]]:
        """How often each of Gmail's methods was called, by how it ended."""
        return Counter(
            (call.name.removeprefix("users."), call.status) for call in self.world.calls.recent if call.name.startswith("users.")
        )


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world's keys, made once: each test's world starts from a copy."""
    folder = tmp_path_factory.mktemp("keys")
    World(folder, lambda: datetime.now(UTC)).close()
    return folder


@pytest.fixture
async def desk(keys: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    copytree(keys, tmp_path, dirs_exist_ok=True)
    world = World(tmp_path, lambda: datetime.now(UTC))
    world.quota.units_a_minute = 1_000_000
    answered: list[bytes] = []
    altered: dict[str, str] = {}

    @web.middleware
    async def alter(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        response = await handler(request)
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            for pattern, instead in altered.items():
                response.body = re.sub(pattern.encode(), instead.encode(), response.body)
        return response

    async def keep(_: web.Request, response: web.StreamResponse) -> None:
        answered.append(bytes(response.body) if isinstance(response, web.Response) and isinstance(response.body, bytes) else b"")

    ada = world.add_account(ADA, "Ada", ("ada@lovelace.example", "Sales@Corp.example"), "corp.example")
    app = make_app(world)
    app.middlewares.append(alter)
    app.on_response_prepare.append(keep)
    async with served(app) as origin:
        session = HttpSession({origin})
        desk = Desk(world, origin, ada, session, answered=answered, altered=altered)
        yield desk
        await session.close()
    world.close()
    billed = sum(call.units for call in world.calls.recent)
    assert not desk.opened or sum(mailbox.units for mailbox in desk.opened) == billed + desk.not_billed
