"""The product on the real Tryton: an open mail becomes its card, and the job puts each mail under its label; what was asked is told."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailmagnet.categories import Category
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.vault import Connection
from sandbox.crms.tryton.server import DATABASE, RunningTryton
from tests.contract.crm_world import ADA, NOOR
from tests.http_faults import HttpFaults
from tests.scenario.addon_process import Sidebar, sidebar_at
from tests.scenario.desk import Desk, desk_in
from tests.scenario.test_job_functions import job_at
from tests.told_at_the_end import COUNTED

Tell = Callable[[str, object], None]
ORG = "corp.example"


class Office:
    """A desk whose organisation has Tryton for its CRM, with everything that is asked of it in sight."""

    def __init__(self, desk: Desk, tryton: RunningTryton, http: HttpFaults) -> None:
        self.desk = desk
        self.http = http
        self._tryton = tryton
        self.settings = {"MAILMAGNET_CRM": "tryton", "MAILMAGNET_CRM_ORIGIN": http.origin, "MAILMAGNET_CRM_PRIVATE": "true"}

    async def sign_in(self, email: str, key: str = "") -> None:
        """The desk's user, as this user of Tryton."""
        crm = CrmChoice("tryton", self.http.origin)
        access = key or self._tryton.keys[email]
        tokens = CrmTokens(str(self._tryton.users[email]), email, access, "", datetime(2100, 1, 1, tzinfo=UTC), crm)
        connection = Connection(ORG, self.desk.account.sub, ADA, frozenset({ADA}), frozenset({ORG}), crm=tokens)
        await self.desk.vault.sign_in(connection)

    def calls(self) -> str:
        """What Tryton was asked since this was asked last, and how often."""
        asked = Counter(call.path.partition("?")[0].removeprefix(f"/{DATABASE}/rest/model/") for call in self.http.asked)
        self.http.asked.clear()
        return f"{asked.total()} calls: " + ", ".join(f"{path} {times}" for path, times in sorted(asked.items()))


@pytest.fixture
async def office(tmp_path: Path, tryton: RunningTryton) -> AsyncIterator[Office]:
    async with HttpFaults(tryton.origin).serving() as http, desk_in(tmp_path) as desk:
        office = Office(desk, tryton, http)
        await office.sign_in(ADA)
        await desk.connect()
        await desk.switch_on()
        yield office


@pytest.fixture
async def sidebar(office: Office) -> AsyncIterator[Sidebar]:
    async with sidebar_at(office.desk, **office.settings) as sidebar:
        yield sidebar


async def test_an_open_mail_becomes_its_card(office: Office, sidebar: Sidebar, record_property: Tell) -> None:
    mail = office.desk.arrive("Henriëtta <h.lovell@analytical.example>", Cc="grace@hopfield.example, Nobody <nobody@win.example>")
    for time in ("at first", "once more"):
        card = (await sidebar.ask("/message", mail)).card.replace("\u00a0", " ")
        for words in (
            "Henriëtta Lovell", "Analytical Ltd", "Renewal 2027", "Opportunity", "Note of day 1", "Open in Tryton", "Grace Hopfield",
        ):  # fmt: skip
            assert words in card, (words, sidebar.log.decode()[-3000:])
        assert f"{office.http.origin}/#{DATABASE}/model/party.party/" in card
        assert "yours" not in card, "a party has no owner"
        record_property(COUNTED, f"Tryton: open mail, 3 people, {time}: {office.calls()}")
    log = sidebar.log.decode()
    for secret in ("Lovell", "h.lovell", "analytical", "Renewal"):
        assert secret not in log


async def test_a_lead_is_a_lead(office: Office, sidebar: Sidebar) -> None:
    card = (await sidebar.ask("/message", office.desk.arrive("lea@home.example"))).card
    assert "Lea Lund" in card
    assert "Lund AB" in card


async def test_who_is_not_permitted_in_tryton_is_told_who_can_permit(office: Office, sidebar: Sidebar) -> None:
    await office.sign_in(NOOR)
    card = (await sidebar.ask("/message", office.desk.arrive("h.lovell@analytical.example"))).card
    assert "Mail Integration" in card
    assert "Ada Byron" in card
    assert "Renewal" not in card


async def test_a_key_that_is_cancelled_asks_to_sign_in(office: Office, sidebar: Sidebar) -> None:
    await office.sign_in(ADA, "0" * 128)
    card = (await sidebar.ask("/message", office.desk.arrive("h.lovell@analytical.example"))).card
    assert "sign in" in card.lower()
    assert "Renewal" not in card


async def test_the_job_puts_each_mail_under_its_label(office: Office, record_property: Tell) -> None:
    desk = office.desk
    expected = {
        "h.lovell@analytical.example": Category.CLOSING_THIS_MONTH,
        "Grace <GRACE@hopfield.example>": Category.CLOSING_THIS_MONTH,
        "sam@shaw.example": Category.OPEN_DEALS,
        "otto@late.example": Category.OPEN_DEALS,
        "bo@busy.example": Category.OPEN_DEALS,
        "wanda@win.example": Category.CUSTOMER,
        "henrietta@home.example": Category.CLOSING_THIS_MONTH,
        "lars@cased.example": None,
        "zoe@accent.example": None,
        "nobody@nowhere.example": None,
    }
    async with job_at(desk, **office.settings) as job:
        mails = {sender: desk.arrive(sender) for sender in expected}
        status, done = await job.sort()
        assert (status, done["remaining"]) == (200, 0)
        assert done["sorted"] == {"closing_this_month": 3, "open_deals": 3, "customer": 1}
        labels = {sender: await desk.labels_of(mail) for sender, mail in mails.items()}
        assert labels == {
            sender: {category.label, "UNREAD"} if category else {"INBOX", "UNREAD"} for sender, category in expected.items()
        }
        record_property(COUNTED, f"Tryton: the job, {len(expected)} senders, at first: {office.calls()}")
        desk.clock.turn(minutes=11)
        again = desk.arrive("wanda@win.example")
        await job.sort()
        assert await desk.labels_of(again) == {Category.CUSTOMER.label, "UNREAD"}
        record_property(COUNTED, f"Tryton: the job, 1 sender, once more: {office.calls()}")
        for secret in ("wanda", "hopfield", "Renewal"):
            assert secret not in job.log.decode()
