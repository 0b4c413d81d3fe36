"""The whole product on this machine: the desk in this process, its four functions in another, and the command lines."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from sandbox.cards.card_page import gallery_routes
from sandbox.demo.folder_use import LOCK, FolderUse, require_free
from sandbox.demo.other_crm import OtherCrm, other_crm
from sandbox.desk.desk import NoSuchRecord, Product, desk_app, desk_routes
from sandbox.desk.desk_key import DeskKey
from sandbox.desk.dials import CannotTurn, dial_routes
from sandbox.desk.embedded_mail import EmbeddedMail
from sandbox.desk.job_runs import JobRuns
from sandbox.google.consent_page import consent_routes
from sandbox.google.gmail_server import google_routes
from sandbox.google.world import Account, World
from sandbox.google.world_clock import TurnedClock

PROGRAMS = {
    "mailmagnet": "sandbox.demo.sandbox_process",
    "mailmagnet crm": "crm_client.embedded.command_line",
    "crm_data": "sandbox.demo.crm_data",
    "demo_world": "sandbox.demo.demo_world",
}
"""What the demo runs beside the functions, each by its module."""

PYTHON = (sys.executable, "-P", "-m")
"""Runs a module that is installed, whatever lies in the folder where the demo was started."""

HOST = "127.0.0.1"
USER, USER_NAME = "ada@corp.example", "Ada Byron"
COLLEAGUE, COLLEAGUE_NAME = "kim@corp.example", "Kim Berg"
WITHOUT_MAIL, WITHOUT_MAIL_NAME = "noa.lund@corp.example", "Noa Lund"
"""A colleague whose profile in the demo CRM lacks the permission `Mail Integration`."""

OWN_DOMAIN = "corp.example"
EMBEDDED = "embedded"
"""The CRM that the demo has by itself."""
ORGANISATION_ZONE = ZoneInfo("Europe/Vienna")
"""Of the organisation in the demo CRM."""

JOB_SERVICE_ACCOUNT = "scheduler@sandbox.example"
FUNCTIONS = ("addon", "label_tick", "label_mailbox", "pages")
"""Each is served below a path of its name."""
LOG = "mailmagnet.log"
"""The functions' log, in the folder."""
FOR_THE_OWNER_ALONE = 0o077
"""The umask under which all of it runs: no other user of this machine reads what is in the folder."""

SECONDS_TO_START = 90
SECONDS_TO_STOP = 5
_MARK = "demo.json"


class PortTaken(Exception):
    """Another program listens at the port that was asked for."""


class NotStarted(Exception):
    """A part of the demo did not start; the message says which and what it said."""


class CommandFailed(CannotTurn):
    """The command line refused; the message is what it said."""


class NotADemo(Exception):
    """The folder holds something, and it is not a demo's."""


class OtherDemo(Exception):
    """The folder's demo is on other mail, or set up by others than was asked for; the message says so. Nothing has been deleted."""


class SetUp(StrEnum):
    """Whether a demo has signed its accounts in to the CRM, connected their mailboxes and turned MailMagnet on, or its user does."""

    ALREADY = "already"
    YOURSELF = "yourself"

    @property
    def words(self) -> str:
        return {SetUp.ALREADY: "already set up", SetUp.YOURSELF: "to set up yourself"}[self]


Fill = Callable[["Demo"], Awaitable[None]]
Tell = Callable[[str], None]


@dataclass(slots=True)
class Demo:
    """A running demo. `address` is the desk's and Google's, `key` what opens the desk; `environment` is what the functions and the command
    line are started with, `crm_password` what every user of the embedded CRM signs in with. `crm` is the CRM where it is another one: then
    the embedded one is only what that was filled from, and whose mail it is."""

    address: str
    key: DeskKey
    folder: Path
    world: World
    clock: TurnedClock
    user: Account
    colleague: Account
    without_mail: Account
    addon_url: str
    label_mailbox_url: str
    pages_url: str
    job: JobRuns
    environment: Mapping[str, str] = field(repr=False)
    crm_password: str = field(repr=False)
    set_up: SetUp = SetUp.ALREADY
    crm: OtherCrm | None = None

    @property
    def crm_elsewhere(self) -> str:
        """The name of a CRM that is not our own; "" for ours."""
        return self.crm.name if self.crm else ""

    @property
    def entrance(self) -> str:
        """The page's address with the key: it opens the desk to a browser."""
        return self.key.entrance(f"{self.address}/")

    async def mailmagnet(self, *words: str, given: bytes = b"") -> bytes:
        """Run the command `mailmagnet` with these words, `given` on its standard input; what it printed. Raises CommandFailed."""
        return await _run("mailmagnet", words, self.environment, given)

    async def embedded_crm(self, *words: str, given: bytes = b"") -> bytes:
        """Run the command `mailmagnet crm` with these words, `given` on its standard input; what it printed. Raises CommandFailed."""
        return await _run("mailmagnet crm", words, self.environment, given)

    @property
    def crm_fault_file(self) -> Path:
        """Says to the functions what is wrong with the CRM."""
        return _crm_fault_file(self.folder)

    def now(self) -> datetime:
        """The world's time where the demo CRM's organisation is: its day and month are those that decide."""
        return self.world.clock().astimezone(ORGANISATION_ZONE)

    @property
    def crm_calls_file(self) -> Path:
        """Where the functions tell what they asked of the CRM."""
        return self.crm_fault_file.with_suffix(".calls")

    @property
    def today(self) -> date:
        """The day there."""
        return self.now().date()

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Those whom the demo has made."""
        return self.user, self.colleague, self.without_mail

    async def connect(self, account: Account) -> None:
        """Connect an account's mailbox, or renew its consent."""
        token = self.world.google.refresh_token(account)
        words = ["connect", *_ids(account), "--address", account.address, "--own-domain", OWN_DOMAIN]
        await self.mailmagnet(*words, given=token.encode())

    async def switch_on(self, account: Account) -> None:
        """Turn on MailMagnet and labelling, as this account's user would: what comes from now on is new mail to the job."""
        await self.mailmagnet("switch", *_ids(account), "--on", "--labels")

    async def give_password(self, account: Account) -> None:
        """Let the CRM user with an account's address sign in with the demo's password."""
        await self.embedded_crm("password", "--address", account.address, given=self.crm_password.encode())

    async def sign_in(self, account: Account) -> None:
        """Sign an account in to the CRM, as its user would: as the CRM user with its address."""
        words = [*_ids(account), "--address", account.address]
        if self.crm and self.crm.signed_in:
            consent = json.dumps(self.crm.signed_in[account.address])
            await self.mailmagnet("consented", *words, given=consent.encode())
            return
        typed = self.crm.typed[account.address] if self.crm else self.crm_password
        await self.mailmagnet("sign-in", *words, "--crm-user", account.address, given=typed.encode())

    async def mail_frame(self, module: str, record_id: str, viewer: str) -> str:
        """Where the CRM has this viewer see mail with a record's people, signed for one look; "" for who is not signed in to the CRM."""
        if self.crm:
            return ""
        account = self.world.account(viewer)
        session = {"org": account.hosted_domain or account.sub, "user": account.sub}
        users = json.loads(await self.embedded_crm("users"))
        crm_user = next((str(user["id"]) for user in users if session in user["signed_in"]), "")
        return self.embedded_mail.url_for(crm_user, module, record_id) if crm_user else ""

    @property
    def embedded_mail(self) -> EmbeddedMail:
        """What the demo CRM's backend and MailMagnet have agreed on."""
        key, org = self.environment["MAILMAGNET_EMBED_KEY"], self.environment["MAILMAGNET_EMBED_ORG"]
        return EmbeddedMail(f"{self.pages_url}/embedded-record", org, key, self.world.clock)

    async def was_sorted(self) -> bool:
        """Whether any mailbox has had a run since it was switched on, be it before this start."""
        accounts = self.world.accounts()
        printed = await asyncio.gather(*(self.mailmagnet("stored", *_ids(account)) for account in accounts))
        mailboxes = (json.loads(document)["mailbox"] for document in printed)
        return any(mailbox and mailbox["last_run"]["sorted"] for mailbox in mailboxes)

    async def crm_record(self, module: str, record_id: str, viewer: str) -> Mapping[str, Any]:
        """One record of the CRM as this viewer sees it. Raises NoSuchRecord."""
        try:
            record = json.loads(await self.embedded_crm("show", module, record_id, *_ids(self.world.account(viewer))))
        except CommandFailed as failed:
            raise NoSuchRecord from failed
        if not isinstance(record, dict):
            raise NoSuchRecord
        return record


@asynccontextmanager
async def running_demo(
    folder: Path,
    fill: Fill,
    port: int = 0,
    *,
    filled_with: str = "",
    as_of: str = "",
    set_up: SetUp | None = SetUp.ALREADY,
    crm: str = EMBEDDED,
    fresh: bool = False,
    aliases: Sequence[str] = (),
    tell: Tell = lambda words: None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[Demo]:
    """Start the demo in `folder`, and stop all of it at the end. Port 0 takes a free one.

    A new folder gets accounts and the CRM, with `SetUp.ALREADY` also connected mailboxes, and then `fill(demo)` lets the mail arrive.
    One that was filled with the same (`filled_with`, in words) and set up so (None: however it was) is opened as it was left, and
    filled once more when that has changed since (`as_of`). `fresh` deletes what is there. `aliases` are further
    addresses of the user, `crm` is the CRM's kind.
    Raises PortTaken, NotStarted, CommandFailed, NotADemo, FolderInUse, OtherDemo, and what `fill` raises.
    """
    await asyncio.to_thread(require_free, folder)
    async with AsyncExitStack() as stack:
        stack.callback(os.umask, os.umask(FOR_THE_OWNER_ALONE))
        listening = _listen(port)
        stack.callback(listening.close)
        use, contents = await asyncio.to_thread(
            _prepare, folder, _Contents(filled_with, set_up=set_up or SetUp.ALREADY), set_up, fresh, tell
        )
        stack.callback(use.end)
        with _listen(0) as taken:
            functions_port = taken.getsockname()[1]
        turned = TurnedClock(_clock_file(folder), clock)
        world = World(folder / "world", turned)
        stack.callback(world.close)
        user = world.add_account(USER, USER_NAME, aliases=(f"ada.byron@{OWN_DOMAIN}", *aliases), hosted_domain=OWN_DOMAIN)
        colleague = world.add_account(COLLEAGUE, COLLEAGUE_NAME, hosted_domain=OWN_DOMAIN)
        without_mail = world.add_account(WITHOUT_MAIL, WITHOUT_MAIL_NAME, hosted_domain=OWN_DOMAIN)
        desk_port = listening.getsockname()[1]
        address = f"http://{HOST}:{desk_port}"
        urls = {name: f"http://{HOST}:{functions_port}/{name}" for name in FUNCTIONS}
        environment = _environment(folder, world, address, urls)
        tell("The desk and Google's side start ...")
        world.google.redirect_uris = {f"{urls['pages']}/callback"}
        world.tasks.targets = {urls["label_mailbox"]: JOB_SERVICE_ACCOUNT}
        demo = Demo(
            address,
            DeskKey(desk_port),
            folder,
            world,
            turned,
            user,
            colleague,
            without_mail,
            addon_url=urls["addon"],
            label_mailbox_url=urls["label_mailbox"],
            pages_url=urls["pages"],
            job=JobRuns(world, urls["label_tick"], urls["label_mailbox"], JOB_SERVICE_ACCOUNT),
            environment=environment,
            crm_password=await asyncio.to_thread(_crm_password, folder),
            set_up=contents.set_up,
        )
        if not contents.ready:
            tell("The demo CRM gets its firms, people and deals, dated around today ...")
            people = ["--user", _named(demo.user), "--colleague", _named(demo.colleague)]
            await _run("crm_data", ["--org", OWN_DOMAIN, *people], environment)
        if crm != EMBEDDED:
            tell(f"The CRM starts ({crm}) ...")
            demo.crm = await stack.enter_async_context(_other_crm(crm, environment, urls["pages"]))
        await stack.enter_async_context(_desk(demo, listening))
        environment["MAILMAGNET_VAULT_KEY"] = await _vault_key(folder, environment)
        tell("The functions addon, label_tick, label_mailbox and pages start ...")
        await stack.enter_async_context(_functions(functions_port, demo))
        if not contents.ready:
            await _set_up(demo, tell)
        elif demo.crm and demo.crm.signed_in and demo.set_up is SetUp.ALREADY:
            # A stand-in begins anew at each start, and knows no token of before.
            for account in demo.accounts:
                await demo.sign_in(account)
        if not contents.ready or contents.as_of != as_of:
            await fill(demo)
            replace(contents, as_of=as_of, ready=True).keep(folder)
        use.tell(demo.entrance)
        yield demo


async def _set_up(demo: Demo, tell: Tell) -> None:
    if not demo.crm:
        for account in demo.accounts:
            tell(f"{account.address} gets a password for the CRM ...")
            await demo.give_password(account)
    if demo.set_up is SetUp.ALREADY:
        tell("They sign in to the CRM, and their mailboxes are connected ...")
        try:
            async with asyncio.TaskGroup() as side_by_side:
                for account in demo.accounts:
                    side_by_side.create_task(_connected(account, demo))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None


@asynccontextmanager
async def _other_crm(kind: str, environment: dict[str, str], pages_url: str) -> AsyncIterator[OtherCrm]:
    """The CRM, filled with what the embedded one has; the functions and the command line are told of it."""
    world = json.loads(await _run("demo_world", [], environment))
    with _listen(0) as listening:
        async with other_crm(kind, world, listening, f"{pages_url}/crm-callback") as crm:
            environment.update({f"MAILMAGNET_{name}": value for name, value in crm.settings.items()})
            environment["SANDBOX_CRM_URL"] = crm.url if crm.signed_in else ""
            page, secret = f"{pages_url}/embedded-record", environment["MAILMAGNET_EMBED_KEY"]
            await asyncio.to_thread(crm.show_mail, page, OWN_DOMAIN, secret)
            yield crm


async def _connected(account: Account, demo: Demo) -> None:
    await demo.sign_in(account)
    await demo.connect(account)
    await demo.switch_on(account)


def _named(account: Account) -> str:
    return f"{account.name} <{account.address}>"


def _ids(account: Account) -> list[str]:
    """An account as the command line names it."""
    return ["--org", account.hosted_domain or account.sub, "--user", account.sub]


@dataclass(frozen=True, slots=True)
class _Contents:
    """What a demo's folder was filled with, in words; how that was then; who sets it up; and whether it came to its end."""

    filled_with: str
    as_of: str = ""
    set_up: SetUp = SetUp.ALREADY
    ready: bool = False

    def keep(self, folder: Path) -> None:
        (folder / _MARK).write_text(json.dumps(asdict(self)))


def _contents(folder: Path) -> _Contents | None:
    """What the folder holds; None when nothing. Raises NotADemo."""
    there = {file.name for file in folder.iterdir()} - {LOCK} if folder.exists() else set()
    if not there:
        return None
    if _MARK not in there:
        raise NotADemo(f"The folder {folder} holds something else: name an empty or a new one.")
    kept = json.loads((folder / _MARK).read_text())
    return _Contents(**kept | {"set_up": SetUp(kept.get("set_up", SetUp.ALREADY))})


def holds_a_demo(folder: Path) -> bool:
    """Whether one was made there to its end, to be gone on with. Raises NotADemo, FolderInUse."""
    require_free(folder)
    contents = _contents(folder)
    return contents is not None and contents.ready


def _prepare(folder: Path, new: _Contents, set_up: SetUp | None, fresh: bool, tell: Tell) -> tuple[FolderUse, _Contents]:
    """Take the folder, and make it ready. Only with `fresh` is anything deleted but what has never been shown to anybody."""
    there = _contents(folder)
    folder.mkdir(parents=True, exist_ok=True)
    use = FolderUse(folder)
    _close_to_others(folder, tell)
    if there and there.ready and not fresh:
        if there.filled_with != new.filled_with or set_up not in (None, there.set_up):
            use.end()
            raise OtherDemo(f"{folder} holds a demo on {there.filled_with}, {there.set_up.words}.")
        return use, there
    if there:
        tell(f"What {folder} holds {'is' if there.ready else 'was not finished: it is'} deleted and made anew ...")
        _empty(folder)
    new.keep(folder)
    return use, new


def _empty(folder: Path) -> None:
    """All but the lock that this process holds."""
    for file in folder.iterdir():
        if file.is_dir():
            shutil.rmtree(file)
        elif file.name != LOCK:
            file.unlink()


def _close_to_others(folder: Path, tell: Tell) -> None:
    """Nobody but its owner gets into the folder, whatever rights it had; where that cannot be had, `tell` says so."""
    with suppress(OSError):
        folder.chmod(stat.S_IRWXU)
    found = folder.stat()
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or found.st_uid != os.getuid():
        tell(f"Other users of this machine can read the mail in {folder}: its rights cannot be changed. Name another folder.")


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        # Bound alone, another program that has bound it too may be the first to listen.
        listening.listen()
    except OSError:
        listening.close()
        raise PortTaken(f"Port {port} is taken by another program.") from None
    return listening


def _clock_file(folder: Path) -> Path:
    return folder / "clock"


def _crm_fault_file(folder: Path) -> Path:
    return folder / "crm-fault.json"


def _environment(folder: Path, world: World, address: str, urls: Mapping[str, str]) -> dict[str, str]:
    """What the functions and the command lines are told."""
    settings = {
        "ADDON_URL": urls["addon"],
        "PAGES_URL": urls["pages"],
        "LABEL_TICK_URL": urls["label_tick"],
        "LABEL_MAILBOX_URL": urls["label_mailbox"],
        "TASKS_QUEUE": "projects/sandbox/locations/desk/queues/label-mailbox",
        "ADDON_SERVICE_ACCOUNT": world.google.service_account,
        "JOB_SERVICE_ACCOUNT": JOB_SERVICE_ACCOUNT,
        "ADDON_CLIENT_ID": world.google.addon_client_id,
        "OAUTH_CLIENT_ID": world.google.client_id,
        "OAUTH_CLIENT_SECRET": world.google.client_secret,
        "LOG_KEY": secrets.token_urlsafe(32),
        "LINK_KEY": secrets.token_urlsafe(32),
        "EMBED_KEY": secrets.token_urlsafe(32),
        "EMBED_ORG": OWN_DOMAIN,
        # Whole mailboxes are opened here, one mail after the other.
        "USER_CALLS_A_MINUTE": "1000000",
        "CRM_DATABASE": str(folder / "crm.sqlite"),
        "CRM_RECORD_URL": f"{address}/crm/{{module}}/{{id}}",
        "STORE_DATABASE": str(folder / "store.sqlite"),
        "VAULT_FILE": str(folder / "vault"),
    }
    sandbox = {"GOOGLE_URL": address, "CLOCK_FILE": str(_clock_file(folder)), "CRM_FAULT_FILE": str(_crm_fault_file(folder))}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAILMAGNET_", "SANDBOX_"))}
    return (
        inherited
        | {f"MAILMAGNET_{name}": value for name, value in settings.items()}
        | {f"SANDBOX_{name}": value for name, value in sandbox.items()}
    )


async def _vault_key(folder: Path, environment: Mapping[str, str]) -> str:
    file = folder / "vault.key"
    if not file.exists():
        key = await _run("mailmagnet", ["vault-key"], environment)
        file.touch(mode=0o600)
        file.write_bytes(key.strip())
    return file.read_text()


def _crm_password(folder: Path) -> str:
    """The one that was made for this demo."""
    file = folder / "crm.password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(12))
    return file.read_text()


@asynccontextmanager
async def _desk(demo: Demo, listening: socket.socket) -> AsyncIterator[None]:
    """The page, its API and Google's side, served at the socket."""
    records_at = demo.crm.url if demo.crm else demo.address
    crm = (demo.crm_record, demo.mail_frame, demo.now, demo.crm_calls_file, records_at)
    product = Product(demo.addon_url, demo.job, *crm, demo.pages_url)
    app = desk_app(
        demo.key,
        [*desk_routes(demo.world, product), *dial_routes(demo), *gallery_routes(), *consent_routes(demo.world)],
        google_routes(demo.world),
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        yield
    finally:
        await demo.world.tasks.close()
        await runner.cleanup()


@asynccontextmanager
async def _functions(port: int, demo: Demo) -> AsyncIterator[None]:
    """The functions, served by one process in a process group of its own."""
    with (demo.folder / LOG).open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(*PYTHON, PROGRAMS["mailmagnet"], "serve", "--port", str(port)),
            env=demo.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        await _listening(port, process, demo.folder / LOG)
        yield
    finally:
        await _stop(process)


async def _listening(port: int, process: asyncio.subprocess.Process, log_file: Path) -> None:
    """Until the functions take connections. Raises NotStarted."""
    try:
        async with asyncio.timeout(SECONDS_TO_START):
            while process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection(HOST, port)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                await writer.wait_closed()
                return
    except TimeoutError:
        raise NotStarted(f"The functions do not listen after {SECONDS_TO_START} s.") from None
    said = await asyncio.to_thread(_last_lines, log_file)
    raise NotStarted(f"The functions did not start. They said:\n{said}")


def _last_lines(file: Path) -> str:
    return "\n".join(file.read_text(errors="replace").strip().splitlines()[-12:])


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(SECONDS_TO_STOP):
            await process.wait()
    # Also what it has started and not ended itself.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def _run(program: str, words: Sequence[str], environment: Mapping[str, str], given: bytes = b"") -> bytes:
    # A process group of its own: Ctrl-C in the terminal is for the demo, which then ends its children itself.
    try:
        process = await asyncio.create_subprocess_exec(
            *(*PYTHON, PROGRAMS[program], *words),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except (ValueError, OSError):
        # A zero character, half a character, or more than a command line holds.
        raise CommandFailed(f"{program} {words[0]}: this text cannot be given to a command.") from None
    try:
        printed, complained = await process.communicate(given)
    finally:
        await _stop(process)
    if process.returncode:
        raise CommandFailed(f"{program} {words[0]}: {complained.decode(errors='replace').strip()}")
    return printed
