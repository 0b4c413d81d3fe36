"""What `mailmagnet doctor` finds inside: whether what a running MailMagnet needs answers it. It names no user, and shows no secret."""

import asyncio
import os
import stat
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from shutil import disk_usage
from urllib.parse import urlsplit

from deployment.finding import Finding, State
from functions.verify import CLOCK_SKEW_SECONDS
from functions.wiring import Process
from http_session.session import HttpAnswer, HttpSession
from mailmagnet.addresses import domain_of
from mailmagnet.errors import BadAnswer, MailMagnetError, NotAuthorised, NotDelegated, NotPermitted, Service, Side, UserGone
from mailmagnet.set_up import DELEGATED
from mailmagnet.tasks import MailboxTask
from mailmagnet.vault import Connection

SECONDS = 10.0
"""The deadline of one check; all run side by side."""

NOBODY = "mailmagnet-doctor.invalid"
"""An organisation and a user that nobody has: what is asked for them, nobody's is touched by (RFC 2606)."""

LEAST_FREE_BYTES = 500 * 1024 * 1024
GOOGLE = Service(Side.OURS, "Google")
SET_THE_CLOCK = "sudo timedatectl set-ntp true"

NAME_AN_ADMIN = "name one under admins in deployment.yaml, then mailmagnet deploy"
LET_IN = "let the job's account in, with that scope: https://admin.google.com/ac/owl/domainwidedelegation"
SIGNING_ROLE = "roles/iam.serviceAccountTokenCreator"

Check = Callable[[Process], Awaitable[Finding]]


async def inside_findings(process: Process) -> Sequence[Finding]:
    """In the order to mend. What fails or takes too long is told of its own check alone."""
    checks = IN_GOOGLE_CLOUD if process.settings.firestore_project else ON_ONE_MACHINE
    return await asyncio.gather(*(_found(title, check, mend, process) for title, check, mend in checks))


async def _found(title: str, check: Check, mend: str, process: Process) -> Finding:
    try:
        async with asyncio.timeout(SECONDS):
            found = await check(process)
    except TimeoutError:
        return Finding(title, State.UNKNOWN, f"no answer within {SECONDS:g} seconds", mend)
    except MailMagnetError as error:
        return Finding(title, State.WRONG, str(error), _mending(error, mend))
    except Exception as error:  # nobody foresaw it, and its text could hold anything: the other checks are told all the same
        return Finding(title, State.UNKNOWN, type(error).__name__, mend)
    return found


def _mending(error: MailMagnetError, otherwise: str) -> str:
    """Who may not do something on Google Cloud gets its role by deploying; a role that was just given may need minutes."""
    return "mailmagnet deploy" if isinstance(error, NotPermitted | NotAuthorised) else otherwise


async def _settings(process: Process) -> Finding:
    """They were read, or this process would not have started."""
    return Finding("Settings", State.FINE)


async def _clock(process: Process) -> Finding:
    return await clock_finding("Clock", process.session, process.google.certificates_url)


async def clock_finding(title: str, session: HttpSession, url: str) -> Finding:
    """This machine's clock against the Date of an answer from there: tokens are taken for a time that differs by no more than
    CLOCK_SKEW_SECONDS. Raises what the session raises."""
    before = time.time()
    answer = await session.request(GOOGLE, "GET", url, seconds=SECONDS)
    after = time.time()
    try:
        told = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError):
        raise BadAnswer(GOOGLE, "no Date in its answer") from None
    # The header has whole seconds.
    differs = max(before - told - 1, told - after, 0.0)
    if differs > CLOCK_SKEW_SECONDS:
        return Finding(title, State.WRONG, f"it differs from Google's by {differs:.0f} seconds", SET_THE_CLOCK)
    return Finding(title, State.FINE)


async def _certificates(process: Process) -> Finding:
    await process.verifier.ready()
    return Finding("Google's certificates", State.FINE)


async def _store(process: Process) -> Finding:
    await process.store.policy(NOBODY)
    return Finding("Store", State.FINE)


async def _vault(process: Process) -> Finding:
    await process.vault.connection(NOBODY, NOBODY)
    return Finding("Vault", State.FINE)


async def _queue(process: Process) -> Finding:
    """Only a task that is put there proves that tasks can be; for a mailbox that is not there, label_mailbox has nothing to do."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    await process.tasks.enqueue(MailboxTask(NOBODY, NOBODY, hour, None))
    return Finding("Queue", State.FINE)


async def _own_token(process: Process) -> Finding:
    await process.own_token()
    return Finding("Own token", State.FINE)


async def _delegation(process: Process) -> Finding:
    """As an admin of the deployment: of no other user it is known here that there is one."""
    title = "Delegation"
    if not process.delegation:
        return Finding(title, State.FINE, "each user gives consent")
    domains = process.settings.internal_domains
    address = next((each for each in process.settings.admins if domain_of(each) in domains), "")
    if not address:
        return Finding(title, State.UNKNOWN, "it is tried as an admin, and none in your domains is named", NAME_AN_ADMIN)
    try:
        await process.delegation.granted(Connection(domains[0], NOBODY, address, grants=DELEGATED))
    except NotDelegated as refused:
        mend = "mailmagnet deploy" if SIGNING_ROLE in refused.what else LET_IN
        return Finding(title, State.WRONG, refused.what, mend)
    except UserGone:
        return Finding(title, State.WRONG, "it is tried as an admin, and the first one in your domains is deleted", NAME_AN_ADMIN)
    return Finding(title, State.FINE)


async def _crm(process: Process) -> Finding:
    title, origin = "The CRM", process.default_crm.origin
    if not origin:
        return Finding(title, State.FINE, "it is part of MailMagnet")
    answer = await process.crm_session_of(origin).request(Service(Side.CRM, "The CRM"), "GET", f"{origin}/", seconds=SECONDS - 1)
    return crm_finding(title, origin, answer)


def crm_finding(title: str, origin: str, answer: HttpAnswer) -> Finding:
    """Any answer but an error of its own shows that it is there; who may sign in is for each user."""
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Finding(title, State.WRONG, f"{origin} answers {answer.status}", f"curl -i {origin}")
    return Finding(title, State.FINE)


async def _vault_file(process: Process) -> Finding:
    return _own_file("Vault's file", process.settings.vault_file)


async def _store_file(process: Process) -> Finding:
    return _own_file("Store's file", process.settings.store_database)


def _own_file(title: str, file: Path) -> Finding:
    """It is its owner's alone, and the owner is who runs this. One that is not there yet is made by the first use."""
    folder = file.absolute().parent
    if not file.exists():
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
            return Finding(title, State.WRONG, "it cannot be made: its folder may not be written to", f"ls -ld {folder}")
        return Finding(title, State.FINE, "it is not there yet")
    found = file.stat()
    if not os.access(file, os.R_OK | os.W_OK):
        return Finding(title, State.WRONG, "this account may not read and write it", f"sudo chown $(id -u) {file.absolute()}")
    if stat.S_IMODE(found.st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        return Finding(title, State.WRONG, "others on this machine may open it", f"chmod 600 {file.absolute()}")
    return Finding(title, State.FINE)


async def _disk(process: Process) -> Finding:
    title, settings = "Disk", process.settings
    folders = {_there(file) for file in (settings.store_database, settings.vault_file, settings.crm_database)}
    free = min(disk_usage(folder).free for folder in folders)
    if free < LEAST_FREE_BYTES:
        return Finding(title, State.WRONG, f"only {free // 1024 // 1024} MB are free", "df -h")
    return Finding(title, State.FINE)


def _there(file: Path) -> Path:
    """The nearest folder above that is there already."""
    return next(folder for folder in file.absolute().parents if folder.is_dir())


async def _addon_url(process: Process) -> Finding:
    return await health_finding("Proxy before the sidebar", process.settings.addon_url)


async def _pages_url(process: Process) -> Finding:
    return await health_finding("Proxy before the pages", process.settings.pages_url)


async def health_finding(title: str, url: str) -> Finding:
    """Whether MailMagnet answers at this URL, which others reach it by. Raises what the session raises."""
    answering = Service(Side.OURS, urlsplit(url).netloc)
    parts = urlsplit(url)
    session = HttpSession({f"{parts.scheme}://{parts.netloc}"})
    try:
        answer = await session.request(answering, "GET", f"{url}/health", seconds=SECONDS - 1)
    finally:
        await session.close()
    if answer.status != 200 or answer.body.strip() != b"OK":  # noqa: PLR2004
        return Finding(
            title, State.WRONG, f"{url}/health answers {answer.status}, and not as MailMagnet does", f"curl -i {url}/health"
        )
    return Finding(title, State.FINE)


_SETTINGS = ("Settings", _settings, "")
_GOOGLE = (
    ("Clock", _clock, "curl -sI https://www.googleapis.com"),
    ("Google's certificates", _certificates, "curl -s https://www.googleapis.com/oauth2/v1/certs"),
)
IN_GOOGLE_CLOUD: Sequence[tuple[str, Check, str]] = (
    _SETTINGS,
    *_GOOGLE,
    ("Own token", _own_token, "mailmagnet deploy"),
    ("Store", _store, "mailmagnet deploy"),
    ("Vault", _vault, "mailmagnet deploy"),
    ("Queue", _queue, "mailmagnet deploy"),
    ("Delegation", _delegation, "mailmagnet doctor, once more"),
    ("The CRM", _crm, "look whether the CRM is up, and whether its address in deployment.yaml is right"),
)
ON_ONE_MACHINE: Sequence[tuple[str, Check, str]] = (
    _SETTINGS,
    *_GOOGLE,
    ("Disk", _disk, "df -h"),
    ("Vault's file", _vault_file, "ls -l"),
    ("Vault", _vault, "set MAILMAGNET_VAULT_KEY to the key that the file was written with, or mailmagnet restore"),
    ("Store's file", _store_file, "ls -l"),
    ("Store", _store, "mailmagnet restore"),
    ("The CRM", _crm, "look whether the CRM is up, and whether MAILMAGNET_CRM_ORIGIN is right"),
    (
        "Proxy before the sidebar",
        _addon_url,
        "look at the proxy's own log: it should lead MAILMAGNET_ADDON_URL to mailmagnet serve",
    ),
    (
        "Proxy before the pages",
        _pages_url,
        "look at the proxy's own log: it should lead MAILMAGNET_PAGES_URL to mailmagnet serve",
    ),
)
"""Title, check, and what mends it if nothing better is known; in the order to mend."""


def as_json(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Findings as a service tells them and `mailmagnet doctor --json` prints them."""
    return [{"title": each.title, "state": each.state.value, "what": each.what, "mend": each.mend} for each in findings]
