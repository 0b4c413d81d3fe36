"""`mailmagnet serve`, from an empty folder to a card, a page and a run of the job; its one origin, its start, and its end."""

import asyncio
import io
import json
import os
import signal
import socket
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import psutil
import pytest

from cards.frame import Page
from cards.frame import Path as Trigger
from functions.signed_links import SignedLinks
from mailmagnet.categories import Category
from mailmagnet.crm import DealState
from sandbox.cards.card_check import answer_faults
from sandbox.google.faults import Fault
from tests.scenario.addon_process import HOUSE, LINK_KEY, Sidebar, settings_of
from tests.scenario.desk import ADA, Desk
from tests.told_at_the_end import COUNTED

CUSTOMER = Category.CUSTOMER.label
ORIGIN = "https://mail.corp.example"
"""Where Google would come to, through the proxy."""


@dataclass
class Served:
    """A running `mailmagnet serve`."""

    process: asyncio.subprocess.Process
    address: str
    session: aiohttp.ClientSession
    said: bytearray = field(default_factory=bytearray)

    async def until(self, is_so: Callable[[str], bool], seconds: float = 30) -> str:
        """What it has said, once that is so."""
        async with asyncio.timeout(seconds):
            while not is_so(self.said.decode()):  # noqa: ASYNC110  it has no event
                await asyncio.sleep(0.02)
        return self.said.decode()

    async def end(self, with_signal: int = signal.SIGTERM) -> int:
        self.process.send_signal(with_signal)
        async with asyncio.timeout(40):
            return await self.process.wait()

    async def ask(self, desk: Desk, trigger: Trigger, mail_id: str = "", **headers: str) -> Any:
        """A trigger's answer, the event signed for the URL that Google knows, and sent by the proxy to this machine."""
        sidebar = Sidebar(desk, f"{ORIGIN}/addon", self.session, self.process)
        event = await sidebar.event(trigger, mail_id)
        return await self.send(desk, event, trigger, f"{ORIGIN}/addon{trigger}", **headers)

    async def send(self, desk: Desk, event: Any, path: str, audience: str, **headers: str) -> Any:
        """The status alone where it is not 200."""
        bearer = {"Authorization": f"Bearer {desk.world.google.system_token(audience)}"}
        async with self.session.post(f"{self.address}/addon{path}", json=event, headers=bearer | headers) as answer:
            return await answer.json() if answer.status == 200 else answer.status


@asynccontextmanager
async def serving(environment: Mapping[str, str], *words: str, program: str = "tests.one_machine") -> AsyncIterator[Served]:
    """`mailmagnet serve`, started; whether it comes up its words say."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", program, "serve", "--port", "0", *words),
        cwd=HOUSE,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        served = Served(process, "", session)
        reading = asyncio.create_task(_read(process, served.said))
        try:
            yield served
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await reading


@asynccontextmanager
async def served(environment: Mapping[str, str], *words: str) -> AsyncIterator[Served]:
    """The same, up."""
    async with serving(environment, *words) as made:
        said = await made.until(lambda said: "MailMagnet listens at " in said and "\n" in said.partition("listens at ")[2])
        made.address = said.partition("MailMagnet listens at ")[2].split()[0].rstrip(".")
        async with asyncio.timeout(20):
            while not await is_up(made):  # noqa: ASYNC110  it has no event
                await asyncio.sleep(0.02)
        yield made


async def is_up(made: Served) -> bool:
    try:
        async with made.session.get(f"{made.address}/healthz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def _read(process: asyncio.subprocess.Process, said: bytearray) -> None:
    assert process.stdout
    while line := await process.stdout.readline():
        said += line


def one_machine(desk: Desk, folder: Path) -> dict[str, str]:
    """The environment of one machine whose files are in this folder, with nothing that only the cloud needs."""
    environment = settings_of(desk, f"{ORIGIN}/addon")
    for of_the_cloud in ("JOB_SERVICE_ACCOUNT", "LABEL_TICK_URL", "LABEL_MAILBOX_URL"):
        del environment[f"MAILMAGNET_{of_the_cloud}"]
    del environment["FUNCTION_USE_ASGI"]
    files = {"CRM_DATABASE": "crm.sqlite", "STORE_DATABASE": "store.sqlite", "VAULT_FILE": "vault"}
    here = {f"MAILMAGNET_{name}": str(folder / file) for name, file in files.items()}
    return {**environment, **here, "MAILMAGNET_PAGES_URL": f"{ORIGIN}/pages"}


async def mailmagnet(environment: Mapping[str, str], *words: str, given: str = "", program: str = "tests.one_machine") -> str:
    """What a command prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", program, *words),
        cwd=HOUSE,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate(given.encode())
    assert process.returncode == 0, printed.decode()
    return printed.decode()


PASSWORD = "correct horse battery staple"


async def test_from_an_empty_folder_to_a_card_and_a_run_of_the_job(
    desk: Desk, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    folder = tmp_path / "machine"
    folder.mkdir()
    environment = one_machine(desk, folder)
    crm = ("--name", "Corp", "--time-zone", "Europe/Vienna", "--currency", "EUR")
    await mailmagnet(environment, "crm", "create", "--org", "corp.example", *crm)
    await mailmagnet(environment, "crm", "add-user", "--name", "Ada", "--address", ADA, "--sees", "everyone")
    await mailmagnet(environment, "crm", "password", "--address", ADA, given=PASSWORD)
    desk.crm_database = folder / "crm.sqlite"
    await desk.contact("grace@a.example", (DealState.WON, date(2020, 1, 31)))
    mail = desk.arrive("Grace Unmentionable <grace@a.example>", subject="Xylophone")
    ids = ("--org", "corp.example", "--user", desk.account.sub)
    async with served(environment) as machine:
        first = json.dumps(await machine.ask(desk, Trigger.MESSAGE, mail))
        assert f"{ORIGIN}/pages{Page.SIGN_IN}?link=" in first
        await mailmagnet(environment, "sign-in", *ids, "--address", ADA, "--crm-user", ADA, given=PASSWORD)
        token = desk.world.google.refresh_token(desk.account)
        await mailmagnet(environment, "connect", *ids, "--address", ADA, "--own-domain", "corp.example", given=token)
        card = await machine.ask(desk, Trigger.MESSAGE, mail)
        assert answer_faults(card) == []
        assert "Grace Hopper" in json.dumps(card)
        await mailmagnet(environment, "switch", *ids, "--on", "--labels")
        mail = desk.arrive("Grace Unmentionable <grace@a.example>", subject="Xylophone")
        assert answer_faults(await machine.ask(desk, Trigger.SORT_NOW)) == []
        said = await machine.until(lambda said: '"message": "sorted"' in said)
        assert await labels_of(desk, mail) == {CUSTOMER, "UNREAD"}
        used = psutil.Process(machine.process.pid).memory_full_info()
        counted = f"mailmagnet serve after a card and a run: {used.rss >> 20} MB resident, {used.uss >> 20} MB its own"
        record_property(COUNTED, counted)
        assert used.rss < 250 * 2**20
        assert await machine.end() in {0, -signal.SIGTERM}
        for secret in ("Unmentionable", "Xylophone", "grace", ADA, mail, PASSWORD, token):
            assert secret not in said
    # A later start: the tick finds what is due by itself.
    desk.clock.turn(minutes=11)
    mail = desk.arrive("grace@a.example")
    async with served(one_machine(desk, folder)) as machine:
        await machine.until(lambda said: '"message": "sorted"' in said)
        assert await labels_of(desk, mail) == {CUSTOMER, "UNREAD"}
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir() if file.is_file()}
    assert {name for name, mode in modes.items() if mode != 0o600} == set()


async def labels_of(desk: Desk, mail_id: str) -> set[str]:
    mailbox = desk.world.mailbox(ADA)
    names = {label.id: label.name for label in mailbox.labels()}
    return {names[label_id] for label_id in (await asyncio.to_thread(mailbox.message, mail_id)).label_ids}


@pytest.fixture
def environment(desk: Desk) -> dict[str, str]:
    """Of a machine on the desk's own files: its mailbox is connected and switched on."""
    return one_machine(desk, desk.folder)


async def test_one_origin_serves_the_sidebar_and_the_pages_and_nothing_else_whatever_host_is_named(
    desk: Desk, environment: dict[str, str]
) -> None:
    await desk.contact("grace@a.example", (DealState.WON, date(2020, 1, 31)))
    mail = desk.arrive("grace@a.example")
    async with served(environment) as machine:
        for hostile in ({}, {"Host": "evil.example"}, {"Host": "evil.example/addon?x=", "X-Forwarded-Host": "evil.example"}):
            card = json.dumps(await machine.ask(desk, Trigger.MESSAGE, mail, **hostile))
            assert "Grace Hopper" in card
            assert f'"{ORIGIN}/addon/' in card
            assert "evil.example" not in card
            assert machine.address not in card
        event = await Sidebar(desk, f"{ORIGIN}/addon", machine.session, machine.process).event(Trigger.HOME)
        for audience in (f"{ORIGIN}{Trigger.HOME}", f"{machine.address}/addon{Trigger.HOME}", f"{ORIGIN}/addon"):
            assert await machine.send(desk, event, Trigger.HOME, audience) == 403
        signed = SignedLinks(LINK_KEY).sign(
            Page.CONNECT, "corp.example", desk.account.sub, {}, desk.clock.now + timedelta(hours=1)
        )
        page = f"{machine.address}/pages{Page.CONNECT}?link={signed}"
        async with machine.session.get(page, headers={"Host": "evil.example"}, allow_redirects=False) as answer:
            google = parse_qs(urlsplit(answer.headers["Location"]).query)
            assert (answer.status, google["redirect_uri"]) == (303, [f"{ORIGIN}/pages/callback"])
            assert all("__Host-" in cookie and "Path=/;" in cookie for cookie in answer.headers.getall("Set-Cookie"))
        token = desk.world.google.service_token("job@desk.example", f"{machine.address}/label_tick")
        for path in ("/", "/label_tick", "/label_mailbox", "/home", "/connect", "/callback", "/addons/home", "/addon/label_tick"):
            async with machine.session.post(
                machine.address + path, json={}, headers={"Authorization": f"Bearer {token}"}
            ) as answer:
                assert (path, answer.status, await answer.read()) == (path, 404, b"")
                assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_what_comes_too_big_or_broken_is_refused_and_the_next_one_is_answered(
    desk: Desk, environment: dict[str, str]
) -> None:
    async with served(environment) as machine:
        bearer = {"Authorization": f"Bearer {desk.world.google.system_token(f'{ORIGIN}/addon{Trigger.HOME}')}"}
        home = f"{machine.address}/addon{Trigger.HOME}"
        async with machine.session.post(home, data=io.BytesIO(b"x" * (1024 * 1024 + 1)), headers=bearer) as answer:
            assert answer.status == 413
        port = int(machine.address.rpartition(":")[2])
        for broken in (
            b"GET / HTTP/9.9\r\n\r\n",
            b"\x16\x03\x01\x02\x00",
            b"POST /addon/home HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(broken)
            writer.write_eof()
            assert b"200" not in await reader.read()
            writer.close()
        assert answer_faults(await machine.ask(desk, Trigger.HOME)) == []
        assert "Traceback" not in machine.said.decode()


async def test_it_ends_in_time_and_gives_a_run_back_that_is_under_way(desk: Desk, environment: dict[str, str]) -> None:
    await desk.contact("grace@a.example", (DealState.WON, date(2020, 1, 31)))
    mail = desk.arrive("grace@a.example")
    desk.clock.turn(minutes=11)
    desk.world.faults.add(Fault("gmail", latency_ms=120_000))
    async with served(one_machine(desk, desk.folder)) as machine:
        async with asyncio.timeout(20):
            while not leased(desk):  # noqa: ASYNC110  it has no event
                await asyncio.sleep(0.05)
        started = asyncio.get_running_loop().time()
        assert await machine.end() in {0, -signal.SIGTERM}
        assert asyncio.get_running_loop().time() - started < 30
        assert "Traceback" not in machine.said.decode()
    assert not leased(desk)
    desk.world.faults.clear()
    async with served(one_machine(desk, desk.folder)) as machine:
        await machine.until(lambda said: '"message": "sorted"' in said)
    assert await labels_of(desk, mail) == {CUSTOMER, "UNREAD"}


def leased(desk: Desk) -> bool:
    with closing(sqlite3.connect(desk.folder / "store.sqlite", timeout=5)) as store:
        return bool(store.execute("SELECT 1 FROM mailboxes WHERE leased_until IS NOT NULL").fetchone())


async def test_a_second_one_on_the_same_files_is_refused_by_name_and_so_is_a_restore(
    desk: Desk, environment: dict[str, str]
) -> None:
    async with served(environment) as machine:
        await refused(environment, f"{desk.folder} is in use: mailmagnet serve listens at {machine.address}")
        assert await is_up(machine)
    # That one was killed: the system has let go of its hold.
    async with served(environment):
        pass


async def test_each_start_that_cannot_be_says_why(desk: Desk, environment: dict[str, str]) -> None:
    same = {"MAILMAGNET_PAGES_URL": environment["MAILMAGNET_ADDON_URL"]}
    await refused(environment | same, "should have a path each")
    await refused(environment | {"MAILMAGNET_LINK_KEY": "short"}, "MAILMAGNET_LINK_KEY: ")
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = str(other.getsockname()[1])
        await refused(environment, f"Port {port} of 127.0.0.1 cannot be listened at", "--port", port)
    (desk.folder / "store.sqlite.restoring").touch()
    await refused(environment, "did not come to its end")


async def refused(environment: Mapping[str, str], why: str, *words: str) -> None:
    async with serving(environment, *words) as machine:
        async with asyncio.timeout(20):
            assert await machine.process.wait() == 1
        await machine.until(lambda said: why in said, seconds=2)
        assert "Traceback" not in machine.said.decode()
