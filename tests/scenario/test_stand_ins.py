"""The two flows on each vendor's stand-in, whole: a signed event in and a card out, a run of the job and the labels it leaves; and the
calls that the CRM got for it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

import pytest
from aiohttp import web

from mailmagnet.categories import Category
from sandbox.crms.stand_in import StandIn
from sandbox.demo.other_crm import STAND_INS
from tests.contract.crm_world import ADA, crm_world
from tests.http_faults import HttpFaults
from tests.scenario.addon_process import HOUSE, PAGES_URL, settings_of, sidebar_at
from tests.scenario.desk import OURS, Desk, desk_in
from tests.scenario.test_job_functions import job_at
from tests.told_at_the_end import COUNTED


@dataclass(frozen=True, slots=True)
class Vendor:
    """A stand-in that is served, and `http`, what stands before it and sees each call."""

    stand_in: StandIn
    http: HttpFaults

    @property
    def settings(self) -> dict[str, str]:
        """What the product is told of it."""
        return {
            "MAILMAGNET_CRM": self.stand_in.kind,
            "MAILMAGNET_CRM_PRIVATE": "true",
            "MAILMAGNET_CRM_CLIENT_ID": self.stand_in.client_id,
            "MAILMAGNET_CRM_CLIENT_SECRET": self.stand_in.client_secret,
            "SANDBOX_CRM_URL": self.http.origin,
        }

    async def sign_in(self, desk: Desk) -> None:
        """The desk's user signs in there as Ada, or is let in by its admin, as in the demo."""
        environment = {**os.environ, **settings_of(desk, "http://127.0.0.1:1"), **self.settings}
        words = ("--org", "corp.example", "--user", desk.account.sub, "--address", ADA)
        command = [sys.executable, "-m", "sandbox.demo.sandbox_process", "consented", *words]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=HOUSE, env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )
        await process.communicate(json.dumps(asdict(self.stand_in.sign_in(ADA))).encode())
        assert process.returncode == 0


@asynccontextmanager
async def vendor(kind: str) -> AsyncIterator[Vendor]:
    """While it lasts it is served, with the contract's world in it."""
    stand_in: StandIn = import_module(f"sandbox.crms.{kind}.demo").stand_in(crm_world(), f"{PAGES_URL}/crm-callback")
    async with HttpFaults().serving() as http:
        runner = web.AppRunner(stand_in.app(http.origin), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        http.upstream = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield Vendor(stand_in, http)
        finally:
            await runner.cleanup()


@pytest.mark.parametrize("kind", STAND_INS)
async def test_an_open_mail_is_a_card_and_a_run_puts_the_right_labels(
    kind: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with desk_in(tmp_path) as desk, vendor(kind) as crm:
        await crm.sign_in(desk)
        await desk.connect()
        await desk.switch_on()
        mails = {
            desk.arrive("Henriëtta <h.lovell@analytical.example>"): Category.CLOSING_THIS_MONTH,
            desk.arrive("Sam Shaw <sam@shaw.example>"): Category.OPEN_DEALS,
            desk.arrive("Wanda Win <WANDA@win.example>"): Category.CUSTOMER,
            desk.arrive("Nobody <nobody@nowhere.example>"): None,
        }
        async with sidebar_at(desk, **crm.settings) as sidebar:
            for what in ("first", "next"):
                crm.http.mend()
                card = (await sidebar.ask("/message", next(iter(mails)))).card
                record_property(COUNTED, f"{crm.stand_in.name}: open mail → card, the {what} one: {_calls(crm.http)}")
        for words in ("Henriëtta Lovell", "Analytical Ltd", "Renewal 2027", f"Open in {crm.stand_in.name}"):
            assert words in card
        crm.http.mend()
        async with job_at(desk, **crm.settings) as job:
            status, told = await job.sort()
        record_property(COUNTED, f"{crm.stand_in.name}: run the job → labels: {_calls(crm.http)}")
        assert (status, told["sorted"]) == (200, {"closing_this_month": 1, "open_deals": 1, "customer": 1})
        for mail, category in mails.items():
            assert await desk.labels_of(mail) & set(OURS.values()) == ({category.label} if category else set())


def _calls(http: HttpFaults) -> str:
    return ", ".join(f"{asked.method} {asked.path.partition('?')[0]}" for asked in http.asked)
