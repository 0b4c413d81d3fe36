"""The keyboard, undoing, the user's own labels, and accounts side by side, in a real browser."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

GRACE = "Grace Stranger <grace@nobody-knows.example>"
KEYS = ["j", "k", "o", "u", "e", "#", "s", "x", "l", "I", "U", "z", "c", "r", "a", "f", "Ctrl-Enter", "/", "Esc", "?"]


async def test_the_help_lists_every_key(desk: Desk) -> None:
    await desk.show()
    await desk.page.keyboard.press("?")
    await expect(desk.page.get_by_role("dialog").locator("kbd")).to_have_text(KEYS)


async def test_what_was_done_is_taken_back(desk: Desk) -> None:
    mail_id = desk.arrive(GRACE, "Back and forth")
    mailbox = desk.demo.world.mailbox(desk.demo.user.address)
    before = mailbox.message(mail_id).label_ids
    await desk.show(q='subject:"Back and forth"')
    for key in ("e", "#"):
        await desk.row("Back and forth").locator(".thread-link").focus()
        await desk.page.keyboard.press(key)
        undo = desk.page.locator("#toasts").get_by_role("button", name="Undo")
        await expect(undo).to_be_visible()
        assert mailbox.message(mail_id).label_ids != before
        await (undo.click() if key == "e" else desk.page.keyboard.press("z"))
        await expect(desk.page.locator("#toasts")).to_contain_text("Undone")
        assert mailbox.message(mail_id).label_ids == before
        await expect(desk.row("Back and forth")).to_have_count(1)


async def test_read_and_unread_and_star(desk: Desk) -> None:
    desk.arrive(GRACE, "By shift and letter")
    await desk.show(q='subject:"By shift and letter"')
    row = desk.row("By shift and letter")
    await row.locator(".thread-link").focus()
    await desk.page.keyboard.press("Shift+I")
    await expect(row).not_to_have_class(re.compile("unread"))
    await desk.page.keyboard.press("Shift+U")
    await expect(row).to_have_class(re.compile("unread"))
    await desk.page.keyboard.press("s")
    await expect(row.get_by_role("button", name="Starred")).to_have_attribute("aria-pressed", "true")


async def test_no_key_acts_while_typing(desk: Desk) -> None:
    desk.arrive(GRACE, "Left in peace")
    await desk.open("Left in peace")
    await desk.page.keyboard.press("r")
    await desk.page.keyboard.press("e")
    text = desk.page.get_by_role("textbox", name="Message")
    await expect(text).to_be_focused()
    await desk.page.keyboard.type("jkouesx#/?")
    await expect(text).to_contain_text("jkouesx#/?")
    await desk.page.get_by_role("searchbox").focus()
    await desk.page.keyboard.type("e#u")
    await expect(desk.page.get_by_role("searchbox")).to_have_value("e#u")
    await expect(desk.page.locator(".open-thread")).to_be_visible()
    await desk.page.keyboard.press("Escape")
    await expect(desk.page.locator("#main")).to_be_focused()
    await expect(desk.page.locator("#toasts")).not_to_contain_text("Conversation")


async def test_labels_are_made_nested_renamed_coloured_and_deleted(desk: Desk) -> None:
    await desk.show()
    page, dialog = desk.page, desk.page.get_by_role("dialog")
    labels = page.locator("#labels")

    async def choose(label: str, choice: str) -> None:
        await labels.get_by_role("button", name=f"Options of the label {label}", exact=True).click()
        await page.get_by_role("menuitem", name=choice).click()

    await page.get_by_role("button", name="New label").click()
    await dialog.get_by_label("Name").fill("Projects")
    await dialog.get_by_role("button", name="Create").click()
    await choose("Projects", "New label below")
    await dialog.get_by_label("Name").fill("Alpha")
    await page.keyboard.press("Enter")
    await expect(labels.locator('[title^="Projects/Alpha:"] .label-name')).to_have_text("Alpha")
    await choose("Projects", "Rename")
    await dialog.get_by_label("Name").fill("Works")
    await page.keyboard.press("Enter")
    await expect(labels.locator('[title^="Works/Alpha:"]')).to_have_count(1)
    await choose("Works/Alpha", "Blue")
    mailbox = desk.demo.world.mailbox(desk.demo.user.address)
    await expect(labels.get_by_role("button", name="Options of the label Works/Alpha")).to_be_attached()
    await choose("Works/Alpha", "Blue (now)")
    assert [label.background for label in mailbox.labels() if label.name == "Works/Alpha"] == ["#c9daf8"]
    await choose("Works", "Delete")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(labels.locator('[title^="Works"]')).to_have_count(0)


async def test_accounts_stand_side_by_side_each_at_its_own_address(desk: Desk) -> None:
    desk.arrive(GRACE, "Only for the second", account=desk.demo.colleague)
    other = await desk.page.context.new_page()
    await desk.page.goto(f"{desk.demo.address}/u/0/")
    await other.goto(f"{desk.demo.address}/u/1/")
    await expect(other.locator("#view")).to_contain_text("Only for the second")
    await expect(desk.page.locator("#account-button")).to_have_attribute("aria-label", re.compile("ada@corp.example"))
    await expect(desk.row("Only for the second")).to_have_count(0)
    await other.locator("#labels").get_by_role("link", name="Sent").click()
    await expect(other).to_have_url(re.compile("/u/1/#label=SENT"))
    await desk.page.locator("#account-button").click()
    await desk.page.get_by_role("menuitem", name="kim@corp.example").click()
    await expect(desk.page).to_have_url(re.compile("/u/1/"))
    await expect(desk.row("Only for the second")).to_have_count(1)
    await desk.settled()
    await other.close()
