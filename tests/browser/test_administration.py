"""An admin's walk through the administration in the browser: people, defaults with what they do, Pause as every user sees it, Resume."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest
from playwright.async_api import expect

from sandbox.demo.processes import Demo
from tests.browser.conftest import Desk, keep_picture
from tests.browser.test_axe import look

pytestmark = pytest.mark.asyncio(loop_scope="session")


PanelPicture = Callable[[str], Awaitable[None]]


@pytest.fixture
def picture(desk: Desk, request: pytest.FixtureRequest) -> PanelPicture:
    """Of the panel alone."""

    async def take(name: str) -> None:
        await keep_picture(desk.page, name, request.config, of=desk.page.locator("#panel"))

    return take


TROUBLE = '{"reason": "consent", "who": "Gmail", "since": "2026-11-20T08:00:00+00:00", "failures": 1, "again_at": null}'


def set_trouble(demo: Demo, address: str, trouble: str | None) -> None:
    """As if Gmail had let MailMagnet in no more, or did again."""
    with closing(sqlite3.connect(demo.folder / "store.sqlite", timeout=30, isolation_level=None)) as store:
        store.execute("UPDATE mailboxes SET trouble = ? WHERE address = ?", (trouble, address))


async def administration(desk: Desk) -> None:
    """From the homepage."""
    await desk.show(label="INBOX")
    await desk.panel.get_by_role("button", name="Settings").click()
    await desk.panel.get_by_role("button", name="Administration").click()
    await expect(desk.panel.get_by_text("Who is connected, and what is in trouble")).to_be_visible()


async def test_who_is_connected_what_is_in_trouble_first(desk: Desk, picture: PanelPicture, axe: str) -> None:
    kim = desk.demo.colleague.address
    await administration(desk)
    await picture("administration")
    set_trouble(desk.demo, kim, TROUBLE)
    try:
        await desk.panel.get_by_text("People", exact=True).click()
        await expect(desk.panel.get_by_text("Gmail lets MailMagnet in no more")).to_be_visible()
    finally:
        set_trouble(desk.demo, kim, None)
    said = await desk.panel.inner_text()
    places = [said.index(words) for words in ("In trouble", kim, "they allow it again", "All others", desk.demo.user.address)]
    assert places == sorted(places)
    await picture("administration-people")
    assert await look(desk.page, axe) == []


async def test_defaults_say_what_they_do_before_they_are_saved(desk: Desk, picture: PanelPicture, axe: str) -> None:
    await administration(desk)
    await desk.panel.get_by_text("Defaults", exact=True).click()
    await desk.panel.get_by_text("Everybody else").click()
    await desk.panel.get_by_label("MailMagnet", exact=True).check()
    await desk.panel.get_by_label("Labels", exact=True).check()
    await desk.panel.get_by_role("button", name="See what it does").click()
    await expect(desk.panel.get_by_text("Nothing happens before they save.")).to_be_visible()
    await picture("administration-defaults")
    assert await look(desk.page, axe) == []
    await desk.panel.get_by_role("button", name="Save").click()
    await expect(desk.panel.get_by_text("✓ Saved")).to_be_visible()
    await desk.panel.get_by_role("button", name="Remove these").click()
    await expect(desk.panel.get_by_text("None: each user begins with everything off").first).to_be_visible()


async def test_pause_is_said_to_everybody_and_ends_with_resume(desk: Desk, picture: PanelPicture) -> None:
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


async def test_taking_back_and_removals_say_first_what_they_do(desk: Desk, picture: PanelPicture, axe: str) -> None:
    await administration(desk)
    await desk.panel.get_by_text("Take back", exact=True).click()
    await expect(desk.panel.get_by_text("How far back")).to_be_visible()
    await picture("administration-take-back")
    assert await look(desk.page, axe) == []
    await administration(desk)
    await desk.panel.get_by_text("A customer’s address", exact=True).click()
    await desk.panel.get_by_label("A customer’s mail address").fill("nobody@customer.example")
    await desk.panel.get_by_role("button", name="See what is kept").click()
    await expect(desk.panel.get_by_text("Nothing is kept of mail from it.")).to_be_visible()
    await picture("administration-address")
    assert await look(desk.page, axe) == []
    await administration(desk)
    await desk.panel.get_by_text("Export and remove all", exact=True).click()
    await desk.panel.get_by_role("button", name="Remove the organisation").click()
    await expect(desk.panel.get_by_text("Nothing was removed.")).to_be_visible()
    await picture("administration-organisation")
    assert await look(desk.page, axe) == []
