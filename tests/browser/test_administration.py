"""An admin's walk through the administration in the browser: people, defaults with what they do, Pause as every user sees it, Resume."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Desk, Picture

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def administration(desk: Desk) -> None:
    """From the homepage."""
    await desk.show(label="INBOX")
    await desk.panel.get_by_role("button", name="Settings").click()
    await desk.panel.get_by_role("button", name="Administration").click()
    await expect(desk.panel.get_by_text("Who is connected, and what is in trouble")).to_be_visible()


async def test_who_is_connected_and_how_it_stands_with_each(desk: Desk, picture: Picture) -> None:
    await administration(desk)
    await picture("administration")
    await desk.panel.get_by_text("People", exact=True).click()
    for account in (desk.demo.user, desk.demo.colleague):
        await expect(desk.panel.get_by_text(account.address).first).to_be_visible()
    await expect(desk.panel.get_by_text("MailMagnet and labels on").first).to_be_visible()
    await picture("administration-people")


async def test_defaults_say_what_they_do_before_they_are_saved(desk: Desk, picture: Picture) -> None:
    await administration(desk)
    await desk.panel.get_by_text("Defaults", exact=True).click()
    await desk.panel.get_by_text("Everybody else").click()
    await desk.panel.get_by_label("MailMagnet", exact=True).check()
    await desk.panel.get_by_label("Labels", exact=True).check()
    await desk.panel.get_by_role("button", name="See what it does").click()
    await expect(desk.panel.get_by_text("Nothing happens before they save.")).to_be_visible()
    await picture("administration-defaults")
    await desk.panel.get_by_role("button", name="Save").click()
    await expect(desk.panel.get_by_text("✓ Saved")).to_be_visible()
    await desk.panel.get_by_role("button", name="Remove these").click()
    await expect(desk.panel.get_by_text("None: each user begins with everything off").first).to_be_visible()


async def test_pause_is_said_to_everybody_and_ends_with_resume(desk: Desk, picture: Picture) -> None:
    kim = desk.demo.colleague
    await administration(desk)
    await desk.panel.get_by_text("Pause", exact=True).click()
    await desk.panel.get_by_role("button", name="Pause for everybody").click()
    try:
        await expect(desk.panel.get_by_text("Paused since")).to_be_visible()
        for account in (desk.demo.user, kim):
            await desk.show(account=account, label="INBOX")
            await expect(desk.panel.get_by_text("Paused by your admin since")).to_be_visible()
            await expect(desk.panel.get_by_role("button", name="Sort now, preview first")).to_have_count(0)
        await desk.show(label="INBOX")
        await picture("administration-paused")
        await desk.run_job()
        await expect(desk.page.locator(".job-told")).to_contain_text("admin has paused sorting")
    finally:
        await administration(desk)
        await desk.panel.get_by_role("button", name="Resume").click()
    await expect(desk.panel.get_by_text("Sorting goes on")).to_be_visible()
    await desk.show(account=kim, label="INBOX")
    await expect(desk.panel.get_by_text("Paused by your admin")).to_have_count(0)
