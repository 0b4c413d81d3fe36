"""The set-up card and the homepage's list in the browser: the switches as they are kept, a refusal that keeps the form, done and undone."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Desk
from tests.browser.test_page import HENRIETTA

pytestmark = pytest.mark.asyncio(loop_scope="session")

SUBJECT = "The theremin's delivery date"


async def test_a_refused_save_keeps_the_form_and_a_good_one_is_kept(desk: Desk) -> None:
    await desk.show(label="INBOX")
    await desk.panel.get_by_role("button", name="Settings").click()
    magnet = desk.panel.get_by_role("switch", name="MailMagnet", exact=True)
    labels = desk.panel.get_by_role("switch", name="Label your mail in the mailbox")
    await expect(magnet).to_be_checked()
    await expect(labels).to_be_checked()
    for step in ("Gmail API", "IMAP and POP3", "Notices"):
        await expect(desk.panel.get_by_text(step, exact=True)).to_be_visible()
    await magnet.uncheck()
    await desk.panel.get_by_label("Colleagues, for contacts I choose").check()
    await desk.panel.get_by_role("button", name="Save").click()
    await expect(desk.panel.get_by_text("Labels need MailMagnet.")).to_be_visible()
    await expect(magnet).not_to_be_checked()
    await expect(desk.panel.get_by_label("Colleagues, for contacts I choose")).to_be_checked()
    await magnet.check()
    await desk.panel.get_by_label("Only me").check()
    await desk.panel.get_by_role("button", name="Save").click()
    await expect(desk.panel.get_by_text("✓ Saved")).to_be_visible()
    await expect(magnet).to_be_checked()


async def test_customers_mail_on_the_homepage_is_marked_as_done_and_undone(desk: Desk) -> None:
    desk.arrive(HENRIETTA, SUBJECT)
    await desk.show(label="INBOX")
    await desk.sort_all()
    await desk.show(label="INBOX")
    await expect(desk.panel.get_by_text(SUBJECT)).to_be_visible()
    await desk.panel.get_by_role("button", name="Mark as done").first.click()
    undo = desk.panel.get_by_role("button", name="Mark as unread again")
    await expect(undo).to_be_visible()
    await undo.click()
    await expect(undo).to_have_count(0)
    await desk.panel.get_by_role("button", name="See which").click()
    await expect(desk.panel.get_by_text(SUBJECT)).to_be_visible()
