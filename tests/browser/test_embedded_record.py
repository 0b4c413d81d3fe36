"""The list of mail within the CRM's own page of a record: signed for one look, framed by the CRM alone, and what a second look says."""

import sqlite3
from contextlib import closing

import pytest
from playwright.async_api import Page, Route, expect

from sandbox.demo.processes import Demo
from tests.browser.conftest import Desk, eventually
from tests.browser.test_axe import look

pytestmark = pytest.mark.asyncio(loop_scope="session")

SUBJECT = "The dirigible’s price list"
ELSEWHERE = "http://127.0.0.1:9999/"
FRAME = "iframe.mail"


def contact_with_mail(demo: Demo) -> tuple[str, str, str]:
    """Id, name and address of a contact."""
    with closing(sqlite3.connect(demo.folder / "crm.sqlite")) as crm:
        found = crm.execute(
            "SELECT id, name, address FROM contacts JOIN contact_addresses ON contact_id = id WHERE name = 'Henrietta Lovell' LIMIT 1"
        )
        contact, name, address = map(str, found.fetchone())
        return contact, name, address


async def opened(desk: Desk, contact: str) -> Page:
    record = await desk.page.context.new_page()
    await record.goto(f"{desk.demo.address}/crm/contacts/{contact}")
    return record


async def test_the_crms_page_of_a_contact_shows_the_mail_at_each_load(desk: Desk, axe: str) -> None:
    contact, name, address = contact_with_mail(desk.demo)
    desk.arrive(f"{name} <{address}>", SUBJECT)
    await desk.show()
    record = await opened(desk, contact)
    list_of_mail = record.frame_locator(FRAME)
    await expect(list_of_mail.get_by_role("heading", name=f"Mail with {name}")).to_be_visible()
    await expect(list_of_mail.get_by_text(SUBJECT)).to_be_visible()
    first = await record.locator(FRAME).get_attribute("src")
    await record.reload()
    await expect(list_of_mail.get_by_text(SUBJECT)).to_be_visible()
    assert await record.locator(FRAME).get_attribute("src") != first
    assert await look(record, axe) == []
    await record.set_viewport_size({"width": 390, "height": 800})
    assert await record.evaluate("document.documentElement.scrollWidth <= innerWidth")
    async with record.context.expect_page() as window:
        await list_of_mail.get_by_text(SUBJECT).click()
    read = await window.value
    await read.get_by_role("radio").first.wait_for()
    assert read.url.startswith(f"{desk.demo.address}/o/oauth2/")  # a mail is read behind the sign-in with Google


async def test_a_token_that_was_used_shows_nothing_and_says_so(desk: Desk) -> None:
    contact, name, address = contact_with_mail(desk.demo)
    desk.arrive(f"{name} <{address}>", SUBJECT)
    await desk.show()
    record = await opened(desk, contact)
    await expect(record.frame_locator(FRAME).get_by_text(SUBJECT).first).to_be_visible()
    await record.locator(FRAME).evaluate("frame => { frame.src = frame.src; }")
    await expect(record.frame_locator(FRAME).get_by_role("heading")).to_have_text("This link is too old, or was used before")
    await expect(record.frame_locator(FRAME).get_by_text("Load the page in your CRM once more.")).to_be_visible()
    await expect(record.frame_locator(FRAME).get_by_text(SUBJECT)).to_have_count(0)
    desk.complaints[:] = [each for each in desk.complaints if "status of 401" not in each]


async def test_no_page_of_another_origin_frames_the_list(desk: Desk) -> None:
    contact, name, address = contact_with_mail(desk.demo)
    desk.arrive(f"{name} <{address}>", SUBJECT)
    await desk.show()
    signed = await desk.demo.mail_frame("contacts", contact, desk.demo.user.address)
    thief = await desk.page.context.new_page()

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="text/html", body=f'<!doctype html><title>x</title><iframe src="{signed}"></iframe>')

    await thief.route(ELSEWHERE, answer)
    await thief.goto(ELSEWHERE)
    await eventually(lambda: [frame.url for frame in thief.frames[1:]] == ["chrome-error://chromewebdata/"])
    await expect(thief.frame_locator("iframe").get_by_text(SUBJECT)).to_have_count(0)
    desk.complaints[:] = [each for each in desk.complaints if "frame-ancestors" not in each]
    desk.requests[:] = [each for each in desk.requests if not each.startswith(ELSEWHERE)]
