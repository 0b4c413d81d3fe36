"""The product's process as the sandbox runs it: the one file of the sandbox, beside its CRM data, that imports the product.

Its functions stand before the sandbox's Google, at the sandbox's time, with a CRM that may have something wrong. As a program it is
the command line `mailmagnet` before the same Google; its `serve` serves all four functions, and the sandbox's Google calls the job's.
"""

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import click
from pydantic import BaseModel, ConfigDict

from crm_client.hubspot.addresses import HubSpotAddresses
from crm_client.hubspot.kind import hubspot_kind
from crm_client.kind import CrmKind
from crm_client.pipedrive.addresses import PipedriveAddresses
from crm_client.pipedrive.kind import pipedrive_kind
from crm_client.salesforce.addresses import SalesforceAddresses
from crm_client.salesforce.kind import salesforce_kind
from crm_client.zoho.addresses import DataCentre, ZohoAddresses
from crm_client.zoho.kind import zoho_kind
from functions import addon as sidebar
from functions import jobs
from functions.boundary import entry_point
from functions.google import Google
from functions.machine_files import held, machine_files
from functions.one_machine import run
from functions.pages import endpoint as browser_pages
from functions.serve_command import address_of, listening_at
from functions.settings import Settings, read_settings
from functions.wiring import Process
from functions.with_process import with_process
from http_session.session import traceparent
from mailmagnet.caller import unconnected
from mailmagnet.crm import Crm, service_of
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens, Sees, mapped_to
from mailmagnet.errors import BadAnswer, RateLimited, Service, SignInNeeded, Unavailable, Upstream
from mailmagnet.identity import identity_in
from mailmagnet.vault import CRM_ACCOUNT, Connection

PREFIX = "SANDBOX_"
SLOW_SECONDS = 20.0
"""Longer than any answer of the sidebar may take."""

RETRY_SECONDS = 30.0


class SandboxSettings(BaseModel):
    """What only the sandbox sets, in environment variables SANDBOX_...

    `google_url`: where the stand-in for Google listens. `clock_file`: holds the seconds by which the time is turned; without one it
    is not. `crm_fault_file`: says what is wrong with the CRM (see FaultyCrm). `crm_url`: where the stand-in for a CRM vendor listens, ""
    without one.
    """

    model_config = ConfigDict(frozen=True)

    google_url: str
    clock_file: Path
    crm_fault_file: Path
    crm_url: str = ""


def read_sandbox_settings(environment: Mapping[str, str]) -> SandboxSettings:
    """Raises ValidationError (pydantic) that names what is missing."""
    given = {name: environment.get(PREFIX + name.upper()) for name in SandboxSettings.model_fields}
    return SandboxSettings.model_validate({**given, "crm_url": given["crm_url"] or ""})


def google_at(url: str) -> Google:
    """The stand-in for Google that listens at this URL."""
    return Google(
        certificates_url=f"{url}/oauth2/v1/certs",
        authorize_url=f"{url}/o/oauth2/v2/auth",
        gmail_url=url,
        token_url=f"{url}/token",
        revoke_url=f"{url}/revoke",
        secrets_url=url,
        iam_url=url,
        tasks_url=url,
        chat_url=url,
        metadata_token_url=f"{url}/computeMetadata/v1/instance/service-accounts/default/token",
    )


def stand_ins_at(url: str) -> Mapping[str, CrmKind]:
    """The CRMs whose vendors have a stand-in, each at this URL: one of them is served there."""
    return {
        "zoho": zoho_kind(ZohoAddresses(url, (DataCentre(url, url, url),))),
        "hubspot": hubspot_kind(HubSpotAddresses(url, url)),
        "pipedrive": pipedrive_kind(PipedriveAddresses(url, re.escape(url))),
        "salesforce": salesforce_kind(SalesforceAddresses(url, re.escape(url))),
    }


class SandboxProcess(Process):
    """The product's process, but for who Google is, what time it is, and what is wrong with the CRM."""

    def __init__(self, settings: Settings, sandbox: SandboxSettings) -> None:
        super().__init__(settings)
        self._sandbox = sandbox
        self.google = google_at(sandbox.google_url)
        if sandbox.crm_url:
            self.kinds = {**self.kinds, **stand_ins_at(sandbox.crm_url)}

    def crm_of(self, connection: Connection) -> Crm:
        return cast(Crm, FaultyCrm(super().crm_of(connection), self._sandbox.crm_fault_file))

    def now(self) -> datetime:
        """The world's time. Tokens are verified by the machine's own."""
        return super().now() + _turned_by(self._sandbox.clock_file)


class FaultyCrm:
    """Any CRM, with something wrong. Before each call it does what the file asks for: "slow" waits, "failing", "limited", "html",
    "signed out" and "dropping" raise what such a CRM would; "", or no file, asks for nothing.

    Each call made for a trace becomes a line of JSON when it is over, in a file beside that one, of the same name ending in .calls:
    {trace, name, began (time.time), ms, problem ("" when it was answered)}; nothing of its arguments or its result.
    """

    def __init__(self, crm: Crm, fault_file: Path) -> None:
        self._crm = crm
        self._fault_file = fault_file

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._crm, name)
        return self._faulty(name, member) if callable(member) else member

    def _faulty(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def faulty(*arguments: Any, **named: Any) -> Any:
            with self._recorded(name):
                await self._meet_fault()
                return await call(*arguments, **named)

        return faulty

    @contextmanager
    def _recorded(self, name: str) -> Iterator[None]:
        began, started, problem = time.time(), time.perf_counter(), ""
        try:
            yield
        except asyncio.CancelledError:
            problem = "given up"
            raise
        except Upstream as error:
            problem = error.what or type(error).__name__
            raise
        except Exception:
            problem = "failed"
            raise
        finally:
            if trace := traceparent.get():
                line = {"trace": trace, "name": name, "began": began, "ms": (time.perf_counter() - started) * 1000}
                with self._fault_file.with_suffix(".calls").open("a") as calls:
                    calls.write(json.dumps(line | {"problem": problem}) + "\n")

    async def _meet_fault(self) -> None:
        fault = _fault_in(self._fault_file)
        if fault == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        elif fault:
            raise _problem(fault, service_of(self._crm))


def _problem(fault: str, crm: Service) -> Upstream:
    match fault:
        case "limited":
            return RateLimited(crm, RETRY_SECONDS)
        case "html":
            return BadAnswer(crm, "the answer is HTML")
        case "signed out":
            return SignInNeeded(crm, ended=True)
        case "dropping":
            return Unavailable(crm, "the connection failed")
    return Unavailable(crm, "answered 500")


def _fault_in(file: Path) -> str:
    try:
        return str(json.loads(file.read_text())["fault"])
    except FileNotFoundError:
        return ""


def _turned_by(clock_file: Path) -> timedelta:
    try:
        return timedelta(seconds=float(clock_file.read_text()))
    except FileNotFoundError:
        return timedelta()


def process_in(environment: Mapping[str, str]) -> SandboxProcess:
    """A process with the settings of this environment. Raises BadSetting, ValidationError."""
    # An emulator in Google's place, which production refuses, is what a sandbox is made of.
    settings = {name: value for name, value in environment.items() if not name.endswith("_EMULATOR_HOST")}
    return SandboxProcess(read_settings(settings), read_sandbox_settings(environment))


_process = partial(process_in, os.environ)

addon = entry_point("addon", _process, sidebar.answer)
label_tick = entry_point("label_tick", _process, jobs.answer_tick)
label_mailbox = entry_point("label_mailbox", _process, jobs.answer_mailbox)
pages = entry_point("pages", _process, browser_pages.answer)


@click.command()
@click.option("--port", type=int, required=True)
def serve(port: int) -> None:
    """Serve all four functions in one process, each below its own URL's path."""
    settings = _process().settings
    functions = [
        (settings.addon_url, "addon", sidebar.answer),
        (settings.pages_url, "pages", browser_pages.answer),
        (settings.label_tick_url, "label_tick", jobs.answer_tick),
        (settings.label_mailbox_url, "label_mailbox", jobs.answer_mailbox),
    ]
    with listening_at("127.0.0.1", port) as listening, held(machine_files(settings), f"a sandbox at {address_of(listening)}"):
        run(listening, _process, functions, _called_by_google)


@click.command()
@click.option("--org", required=True)
@click.option("--user", required=True)
@click.option("--address", required=True)
def consented(org: str, user: str, address: str) -> None:
    """Keep what came of a user's consent at the CRM: JSON on standard input, as the stand-in gives it. Where the CRM does not say who may
    use MailMagnet, an admin has put those on the list who are `permitted`; where an admin lets users in through the account's link, what
    they see is their team's."""
    given = json.loads(sys.stdin.read())
    through, permitted = given.pop("through"), given.pop("permitted")

    async def keep(process: Process) -> None:
        tokens = _tokens(given, process.default_crm)
        if through:
            link = _tokens({name: value for name, value in through.items() if name != "through"}, process.default_crm)
            await process.vault.sign_in(Connection(org, CRM_ACCOUNT, "", crm=link))
            await process.vault.let_see(org, Sees.TEAM)
            if not permitted:
                return
            tokens = mapped_to(tokens.account, tokens.name, link)
        connection = replace(unconnected(identity_in(org, user, address)), crm=tokens)
        await process.vault.sign_in(connection)
        if permitted and not process.crm_client_of(tokens.crm).capabilities.permission:
            await process.vault.put_on_list(replace(connection, listed=True))

    with_process(keep)


def _tokens(given: Mapping[str, Any], crm: CrmChoice) -> CrmTokens:
    return CrmTokens(**{**given, "expires_at": datetime.fromisoformat(given["expires_at"]), "crm": crm})


@asynccontextmanager
async def _called_by_google(_: SandboxProcess) -> AsyncIterator[None]:
    """Nothing goes on beside the functions: the sandbox's Google has the clock and the queue, and tells of both."""
    yield


if __name__ == "__main__":
    from functions.command_line import mailmagnet

    mailmagnet.add_command(serve)
    mailmagnet.add_command(consented)
    mailmagnet(obj=_process)
