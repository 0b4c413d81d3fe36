"""Writing with the CRM in a real browser: a template into a draft, a card's draft in Gmail, an answer that a double click sends once."""

import asyncio

import pytest
from playwright.async_api import expect

from crm_client.embedded.administration import put_template
from sandbox.google import mail_parts
from tests.browser.conftest import Desk, eventually
from tests.browser.test_page import HENRIETTA

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = "Dear ${Contact.First Name},\n\nshall we talk about ${Deal.Name}?\n\n${User.Name}"


async def test_a_template_goes_into_the_draft_that_is_being_written(desk: Desk) -> None:
    put_template(desk.demo.folder / "crm.sqlite", "A short talk", "About ${Deal.Name}", TEXT)
    await desk.show()
    await desk.page.get_by_role("button", name="Compose", exact=True).click()
    await desk.page.get_by_label("To", exact=True).fill(HENRIETTA)
    await desk.page.get_by_role("textbox", name="Message").click()
    await desk.page.get_by_role("button", name="Templates and recipients").click()
    await expect(desk.panel).to_contain_text("Filled in for Henrietta Lovell.")
    await desk.panel.get_by_text("A short talk").click()
    await expect(desk.panel).to_contain_text("Dear Henrietta,")
    await desk.panel.get_by_role("button", name="Insert with subject").click()
    message = desk.page.get_by_role("textbox", name="Message")
    await expect(message).to_contain_text("Dear Henrietta,")
    deal = (await message.inner_text()).partition("talk about ")[2].partition("?")[0]
    assert deal
    await expect(desk.page.locator(".compose").get_by_label("Subject")).to_have_value(f"About {deal}")
    await desk.page.get_by_role("button", name="Discard draft").click()


async def test_an_answer_is_written_in_the_card_and_a_double_click_sends_it_once(desk: Desk) -> None:
    mailbox = desk.demo.world.mailbox(desk.demo.user.address)
    desk.arrive(HENRIETTA, "Shall we meet", Message_ID="<meet@analytical-works.example>")
    await desk.open("Shall we meet")
    await desk.panel.get_by_text("Reply to Henrietta Lovell").click()
    await expect(desk.panel.get_by_label("Subject")).to_have_value("Re: Shall we meet")
    await desk.panel.get_by_label("Text").fill("Tomorrow at ten?")
    await desk.panel.get_by_role("button", name="Send").dblclick()
    await expect(desk.panel).to_contain_text("Sent")
    await eventually(lambda: mailbox.messages('subject:"Shall we meet"', ["SENT"]).messages)
    await asyncio.sleep(0.5)
    [sent] = mailbox.messages('subject:"Shall we meet"', ["SENT"]).messages
    mail = mail_parts.read(mailbox.raw(sent.id))
    assert mail.first("In-Reply-To") == "<meet@analytical-works.example>"
    assert "Tomorrow at ten?" in mail_parts.plain_text(mail)
    assert [draft for draft in mailbox.drafts()[0] if "Shall we meet" in draft.message.subject] == []


async def test_save_as_draft_goes_on_in_gmails_own_window(desk: Desk) -> None:
    desk.arrive(HENRIETTA, "An hour on Friday")
    await desk.open("An hour on Friday")
    await desk.panel.get_by_text("Reply to Henrietta Lovell").click()
    await desk.panel.get_by_label("Text").fill("Friday is fine")
    await desk.panel.get_by_role("button", name="Save as draft").click()
    await expect(desk.page.locator(".compose").get_by_role("textbox", name="Message")).to_contain_text("Friday is fine")
    await expect(desk.panel).to_contain_text("Saved in Gmail’s drafts.")
    await desk.page.get_by_role("button", name="Discard draft").click()


async def test_what_was_typed_stays_when_it_cannot_be_sent(desk: Desk) -> None:
    desk.arrive(HENRIETTA, "Half an hour")
    await desk.open("Half an hour")
    await desk.panel.get_by_text("Reply to Henrietta Lovell").click()
    await desk.panel.get_by_label("To").fill("henrietta")
    await desk.panel.get_by_label("Text").fill("Gladly")
    await desk.panel.get_by_role("button", name="Send").click()
    await expect(desk.page.locator("body")).to_contain_text("“To” holds something that is no mail address.")
    await expect(desk.panel.get_by_label("Text")).to_have_value("Gladly")
    await desk.panel.get_by_role("button", name="Throw away").click()
    await expect(desk.panel).to_contain_text("Thrown away.")
