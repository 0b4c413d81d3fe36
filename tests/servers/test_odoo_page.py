"""The demo on the real Odoo in a real browser: the panel, its record in Odoo's own page, and the record's mail in a tab there."""

import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

from sandbox.crms.odoo.server import FOLDER
from sandbox.demo.demo_mail import made_mail
from sandbox.demo.processes import COLLEAGUE, USER, WITHOUT_MAIL, Demo, running_demo
from tests.browser.conftest import CHROMIUM_ARGUMENTS, Desk, chromium, desk_in, keep_picture

pytestmark = pytest.mark.asyncio(loop_scope="session")

SUBJECT = "The dirigible’s price list"
FRAME = "iframe[title=Mail]"
SECONDS_TO_MAKE = 90
"""For Odoo's page: what it is drawn with is made when it is first asked for."""
PLAIN_FONT = "body, input, textarea, button { font-family: 'Noto Sans', 'DejaVu Sans', sans-serif !important }"
"""Of those that Odoo names this machine may have none but the one for emoji, which has digits and spaces too."""
PICTURE: ViewportSize = {"width": 1440, "height": 900}


@dataclass(frozen=True)
class Customer:
    """A contact of the demo, as it is in Odoo."""

    name: str
    address: str
    number: int


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    async with running_demo(tmp_path_factory.mktemp("demo") / "demo", made_mail, crm="odoo") as started:
        yield started


class Odoo:
    """The demo's Odoo, as its users log in."""

    def __init__(self, demo: Demo) -> None:
        self.origin = demo.environment["MAILMAGNET_CRM_ORIGIN"]
        self._demo = demo
        self._told = json.loads((FOLDER / "demo.json").read_text())

    def customer(self, name: str) -> Customer:
        with closing(sqlite3.connect(self._demo.folder / "crm.sqlite")) as crm:
            key, address = crm.execute(
                "SELECT id, address FROM contacts JOIN contact_addresses ON contact_id = id WHERE name = ? ORDER BY position",
                (name,),
            ).fetchone()
        return Customer(name, address, self._told["ids"][f"contact {key}"])

    async def page_of(self, browser: Browser, user: str) -> Page:
        """A browser of its own, in which this user is logged in."""
        context = await browser.new_context(viewport=PICTURE, locale="en-GB", timezone_id="Europe/Vienna")
        context.set_default_timeout(SECONDS_TO_MAKE * 1000)
        await context.add_cookies(
            [{"name": name, "value": value, "url": self._demo.address} for name, value in self._demo.key.cookies.items()]
        )
        page = await context.new_page()
        await page.goto(f"{self.origin}/web/login")
        await page.locator("#login").fill(user)
        await page.locator("#password").fill(user)
        await page.locator("form.oe_login_form button[type=submit]").click()
        await page.locator(".o_main_navbar").wait_for()
        return page


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(demo: Demo, browser: Browser) -> AsyncIterator[Desk]:
    async with desk_in(browser, demo) as made:
        yield made


@pytest.fixture
def odoo(demo: Demo) -> Odoo:
    return Odoo(demo)


@pytest.fixture
def customer(odoo: Odoo) -> Customer:
    return odoo.customer("Henrietta Lovell")


async def opened(page: Page, url: str, heading: str) -> None:
    """A record in Odoo's own page."""
    await page.goto(url)
    await expect(page).to_have_title(re.compile(heading), timeout=SECONDS_TO_MAKE * 1000)
    await page.get_by_role("tab").first.wait_for()


async def test_the_panels_record_is_the_one_in_odoos_own_page_and_its_mail_stands_in_a_tab_there(
    desk: Desk, browser: Browser, odoo: Odoo, customer: Customer, request: pytest.FixtureRequest
) -> None:
    desk.arrive(f"{customer.name} <{customer.address}>", SUBJECT)
    await desk.open(SUBJECT)
    await expect(desk.panel.get_by_role("heading", name=customer.name)).to_be_visible()
    await expect(desk.panel.get_by_text("Renewal next year").first).to_be_visible()
    await keep_picture(desk.page, "odoo-panel", request.config)
    async with desk.page.context.expect_page() as window:
        await desk.panel.get_by_text("Open in Odoo").click()
    opened_there = await window.value
    assert opened_there.url.startswith(f"{odoo.origin}/")
    await opened_there.close()
    desk.requests[:] = [each for each in desk.requests if not each.startswith(odoo.origin)]
    desk.complaints.clear()

    page = await odoo.page_of(browser, USER)
    await opened(page, f"{odoo.origin}/odoo/res.partner/{customer.number}", customer.name)
    await page.get_by_role("tab", name="Mail", exact=True).click()
    mail = page.frame_locator(FRAME)
    await expect(mail.get_by_role("heading", name=f"Mail with {customer.name}")).to_be_visible()
    await expect(mail.get_by_text(SUBJECT)).to_be_visible()
    await page.add_style_tag(content=PLAIN_FONT)
    await keep_picture(page, "odoo-record", request.config)
    async with page.context.expect_page() as window:
        await mail.get_by_text(SUBJECT).click()
    read = await window.value
    await read.get_by_role("radio").first.wait_for()
    assert read.url.startswith(f"{desk.demo.address}/o/oauth2/")  # a mail is read behind the sign-in with Google
    await page.context.close()


async def test_who_has_not_the_permission_has_no_tab(browser: Browser, odoo: Odoo, customer: Customer) -> None:
    page = await odoo.page_of(browser, WITHOUT_MAIL)
    await opened(page, f"{odoo.origin}/odoo/res.partner/{customer.number}", customer.name)
    await expect(page.get_by_role("tab").first).to_be_visible()
    await expect(page.get_by_role("tab", name="Mail", exact=True)).to_have_count(0)
    await page.context.close()


async def test_odoo_signs_for_nobody_whom_it_does_not_show_the_record(browser: Browser, odoo: Odoo, customer: Customer) -> None:
    """And nobody else's name can be put into what it signs."""
    page = await odoo.page_of(browser, COLLEAGUE)
    for path, status in (
        (f"/mailmagnet/res.partner/{customer.number}", (200,)),
        ("/mailmagnet/res.partner/999999", (404,)),
        ("/mailmagnet/res.users/1", (404,)),
    ):
        answer = await page.request.get(f"{odoo.origin}{path}")
        assert answer.status in status, path
    stranger = await browser.new_context()
    answer = await stranger.request.get(f"{odoo.origin}/mailmagnet/res.partner/{customer.number}")
    assert answer.url.startswith(f"{odoo.origin}/web/login")
    await stranger.close()
    await page.context.close()
