"""The whole way on a vendor's CRM, as its stand-in has it: a mail is opened and its card is right, the job runs and its labels are right.

What was asked of the CRM for either is told at the end.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from functions.settings import read_settings
from functions.wiring import CRM_CALLBACK
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens, Sees, mapped_to
from mailmagnet.label_mail import label_mail
from mailmagnet.store import Policy
from mailmagnet.vault import CRM_ACCOUNT, Connection
from sandbox.crms.stand_in import SignedIn, StandIn
from sandbox.demo.other_crm import STAND_INS
from sandbox.demo.sandbox_process import SandboxProcess, read_sandbox_settings
from tests.contract.crm_world import crm_world
from tests.http_faults import HttpFaults
from tests.scenario.addon_process import PAGES_URL, Sidebar, settings_of, sidebar_at
from tests.scenario.desk import ADA, OURS, Desk, desk_in
from tests.told_at_the_end import COUNTED

ORG = "corp.example"
KNOWN, STRANGER = "h.lovell@analytical.example", "stranger@elsewhere.example"
Tell = Callable[[str, object], None]


@dataclass
class Office:
    """A desk whose CRM is a stand-in; `asked` is all that comes to it."""

    desk: Desk
    crm: HttpFaults
    settings: dict[str, str]

    def told(self) -> str:
        """What was asked since it was told last, by its path."""
        paths = Counter(_form_of(urlsplit(asked.path).path) for asked in self.crm.asked)
        self.crm.mend()
        return f"{sum(paths.values())} calls: " + ", ".join(f"{path} {number}" for path, number in paths.items())


@asynccontextmanager
async def office_with(kind: str, folder: Path) -> AsyncIterator[Office]:
    """The contract's people in the CRM, and Ada signed in to it."""
    stand_in: StandIn = import_module(f"sandbox.crms.{kind}.demo").stand_in(crm_world(), f"{PAGES_URL}{CRM_CALLBACK}")
    async with HttpFaults().serving() as between, desk_in(folder) as desk:
        runner = web.AppRunner(stand_in.app(between.origin), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        between.upstream = f"http://127.0.0.1:{runner.addresses[0][1]}"
        await _signed_in(desk, kind, stand_in)
        settings = {
            "MAILMAGNET_CRM": kind,
            "MAILMAGNET_CRM_PRIVATE": "true",
            "MAILMAGNET_CRM_CLIENT_ID": stand_in.client_id,
            "MAILMAGNET_CRM_CLIENT_SECRET": stand_in.client_secret,
            "SANDBOX_CRM_URL": between.origin,
        }
        try:
            yield Office(desk, between, settings)
        finally:
            await runner.cleanup()


async def _signed_in(desk: Desk, kind: str, stand_in: StandIn) -> None:
    told = stand_in.sign_in(ADA)
    tokens = _tokens(told, kind)
    if told.through:
        link = _tokens(told.through, kind)
        await desk.vault.sign_in(Connection(ORG, CRM_ACCOUNT, "", crm=link))
        await desk.vault.let_see(ORG, Sees.TEAM)
        tokens = mapped_to(told.account, told.name, link)
    user, own = desk.account.sub, frozenset({ADA})
    connection = Connection(ORG, user, ADA, own, frozenset({ORG}), crm=tokens, listed=True)
    await desk.vault.sign_in(connection)
    await desk.vault.put_on_list(connection)
    await desk.store.set_policy(ORG, Policy(crm=CrmChoice(kind)))


def _tokens(told: SignedIn, kind: str) -> CrmTokens:
    ends = datetime.fromisoformat(told.expires_at)
    return CrmTokens(told.account, told.name, told.access, told.refresh, ends, CrmChoice(kind), told.origin)


def _form_of(path: str) -> str:
    """A path without the id at its end."""
    before, _, last = path.rpartition("/")
    return f"{before}/…" if any(letter.isdigit() for letter in last) and before.count("/") > 2 else path


@pytest.fixture(params=STAND_INS)
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    """At HubSpot an administrator has connected the account; at the others each user signs in."""
    async with office_with(request.param, tmp_path) as made:
        yield made


@pytest.fixture
async def sidebar(office: Office) -> AsyncIterator[Sidebar]:
    async with sidebar_at(office.desk, **office.settings) as made:
        yield made


async def test_a_mail_is_opened_and_the_card_shows_who_it_is_from(
    office: Office, sidebar: Sidebar, record_property: Tell
) -> None:
    kind = office.settings["MAILMAGNET_CRM"]
    for sender, words in ((KNOWN, ("Henriëtta Lovell", "Analytical Ltd", "Renewal 2027")), (STRANGER, (STRANGER,))):
        mail_id = office.desk.arrive(sender)
        first = (await sidebar.ask("/message", mail_id)).card
        record_property(COUNTED, f"{kind}: open mail -> card ({'known' if sender == KNOWN else 'unknown'}): {office.told()}")
        again = (await sidebar.ask("/message", mail_id)).card
        record_property(COUNTED, f"{kind}: the same once more: {office.told()}")
        for card in (first, again):
            assert all(word in card for word in words), card


async def test_the_job_runs_and_the_labels_are_right(office: Office, record_property: Tell) -> None:
    desk, kind = office.desk, office.settings["MAILMAGNET_CRM"]
    await desk.connect()
    await desk.switch_on()
    arrived = {
        sender: desk.arrive(sender)
        for sender in (KNOWN, "sam@shaw.example", "wanda@win.example", "grace@hopfield.example", STRANGER)
    }
    process = SandboxProcess(
        read_settings({**settings_of(desk, "http://127.0.0.1:1"), **office.settings}),
        read_sandbox_settings({**settings_of(desk, "http://127.0.0.1:1"), **office.settings}),
    )
    try:
        run = await label_mail(ORG, desk.account.sub, process)
    finally:
        await process.close()
    record_property(COUNTED, f"{kind}: job -> labels ({len(arrived)} senders, {run.crm_calls} calls counted): {office.told()}")
    labels = {sender: await desk.labels_of(mail_id) for sender, mail_id in arrived.items()}
    closing, open_deals, customer = OURS.values()
    assert labels == {
        KNOWN: {closing, "UNREAD"},
        "sam@shaw.example": {open_deals, "UNREAD"},
        "wanda@win.example": {customer, "UNREAD"},
        "grace@hopfield.example": {closing, "UNREAD"},
        STRANGER: {"INBOX", "UNREAD"},
    }
