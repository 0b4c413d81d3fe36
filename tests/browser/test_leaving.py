"""A user takes along everything that is kept about them, and leaves: from the card, through the page of the export, to the end."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from cards.frame import Path as Served
from sandbox.google.world import Account
from tests.browser.answers import card, press, shown
from tests.browser.conftest import Desk
from tests.browser.test_axe import look

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def begin_at(desk: Desk, path: Served, account: Account) -> None:
    """The panel of an account at one of our cards, which the real add-on answers."""
    start = {"action": {"function": f"{desk.demo.addon_url}{path}"}}
    await desk.answer_with(shown(card(press("Begin", start))))
    await desk.show(account=account)
    await desk.page.unroute("**/desk/*/panel")
    await desk.panel.get_by_role("button", name="Begin").click()


async def exported(desk: Desk, axe: str) -> Page:
    """The export's page over the panel, behind the sign-in with Google."""
    async with desk.page.context.expect_page() as opened:
        await desk.panel.get_by_role("button", name="Export (JSON)").click()
    page = await opened.value
    await page.get_by_role("button", name="Next").click()
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("heading", name="Everything kept about you")).to_be_visible()
    assert await look(page, axe) == []
    return page


async def test_a_user_takes_everything_along_and_leaves(desk: Desk, axe: str, tmp_path: Path) -> None:
    demo = desk.demo
    lea = demo.world.add_account("lea@corp.example", "Lea Vernet", hosted_domain="corp.example")
    await demo.connect(lea)
    await begin_at(desk, Served.KEPT, lea)
    await expect(desk.panel).to_contain_text("No mail record")
    assert await look(desk.page, axe) == []
    page = await exported(desk, axe)
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download").click()
    download = await downloading.value
    file = tmp_path / download.suggested_filename
    await download.save_as(file)
    assert json.loads(file.read_text())["you"]["address"] == lea.address
    await page.close()

    await begin_at(desk, Served.KEPT, lea)
    await desk.panel.get_by_role("button", name="Delete all").click()
    await expect(desk.panel).to_contain_text("Your mail and its labels in Gmail")
    assert demo.world.google.has_consented(lea.address)
    await desk.panel.get_by_role("button", name="Deactivate and delete").click()
    await expect(desk.panel).to_contain_text("MailMagnet is deactivated.")
    assert await look(desk.page, axe) == []
    stored = json.loads(await demo.mailmagnet("stored", "--org", "corp.example", "--user", lea.sub))
    assert stored == {"mailbox": None, "mails": []}
    assert demo.world.google.has_consented(demo.user.address)
    assert not demo.world.google.has_consented(lea.address)
    demo.world.delete(lea.address)
    desk.requests[:] = [address for address in desk.requests if not address.startswith(demo.pages_url)]
