"""The world's dials and what is behind the panel, in a real browser: each dial is turned, and the screen says what the product says."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from tests.browser.conftest import Desk, Picture

pytestmark = pytest.mark.asyncio(loop_scope="session")

HENRIETTA = "Henrietta Lovell <henrietta.lovell@analytical-works.example>"
CRM = "MailMagnet CRM"


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def today(desk: Desk) -> AsyncIterator[None]:
    """After each test the world is as it was. Commands are awaited longer than what the page does alone."""
    expect.set_options(timeout=20_000)
    yield
    expect.set_options(timeout=5_000)
    desk.demo.clock.turn_back()
    desk.demo.crm_fault_file.unlink(missing_ok=True)
    desk.demo.world.faults.clear()
    if not desk.demo.world.google.has_consented(desk.demo.user.address):
        await desk.demo.connect(desk.demo.user)


async def dials_of(desk: Desk) -> Locator:
    """The dials, opened and ready."""
    await desk.page.get_by_role("button", name="World's dials", exact=True).click()
    dialog = desk.page.get_by_role("dialog", name="World's dials")
    await expect(dialog.get_by_role("heading", name="Edit a deal")).to_be_visible()
    return dialog


async def test_the_month_turns_and_goes_back(desk: Desk, picture: Picture) -> None:
    await desk.show()
    dials = await dials_of(desk)
    day = desk.page.locator("#world-day")
    await expect(day).to_be_hidden()
    await picture("dials")
    await dials.get_by_role("button", name="Next month").click()
    await expect(dials.get_by_role("status")).to_have_text("It is a month later.")
    await expect(dials.locator(".world-time")).to_contain_text("turned by")
    await expect(day).to_have_text(await desk.page.evaluate("import('/dates.js').then((dates) => dates.worldDay())"))
    await expect(desk.panel).not_to_contain_text("Renewal next year")
    await dials.get_by_label("Date", exact=True).fill("2031-05-06")
    await dials.get_by_role("button", name="Turn to date").click()
    await expect(dials.locator(".world-time")).to_contain_text("6 May 2031")
    await expect(dials.get_by_role("button", name="Turn to date")).to_be_focused()
    await dials.get_by_role("button", name="Today").click()
    await expect(day).to_be_hidden()
    await dials.get_by_role("button", name="Tomorrow").click()
    await expect(dials.locator(".world-time")).to_contain_text("turned by 1 day")
    await desk.page.keyboard.press("Escape")
    await expect(dials).to_be_hidden()
    await desk.page.reload()
    await desk.settled()
    await expect(day).to_be_visible()


async def test_each_fault_is_told_as_the_product_tells_it(desk: Desk, picture: Picture) -> None:
    told = {
        "Slow": "did not answer within",
        "Failing": "cannot be reached now",
        "Rate-limited": "was asked too often",
        "Dropping connections": "cannot be reached now",
        "Answering HTML": "",
        "Signed out": "",
    }
    words = {
        "Gmail": told | {"Answering HTML": "cannot be reached now"},
        CRM: told
        | {"Answering HTML": "sent an answer that MailMagnet cannot read", "Signed out": "MailMagnet has no access to your"},
    }
    desk.arrive(HENRIETTA, "While it was down")
    await desk.open("While it was down")
    dials = await dials_of(desk)
    for who, faults in words.items():
        group = dials.get_by_role("group", name=who)
        for fault, said in faults.items():
            if not said:
                continue
            await group.get_by_role("button", name=fault).click()
            await expect(group.get_by_role("button", name=fault)).to_have_attribute("aria-pressed", "true")
            await expect(desk.panel).to_contain_text(f"{said} {CRM}" if said.endswith("your") else f"{who} {said}")
        await picture(f"dials-{'gmail' if who == 'Gmail' else 'crm'}")
        await group.get_by_role("button", name="Make it well").click()
        await expect(desk.panel).to_contain_text("Head of Procurement")
        await expect(group.locator("[aria-pressed=true]")).to_have_count(0)


async def test_signed_out_of_gmail_and_in_again(desk: Desk) -> None:
    desk.arrive(HENRIETTA, "Before the consent was revoked")
    await desk.show()
    await desk.page.get_by_role("button", name="Run the job").click()
    await expect(desk.page.locator(".job-sum")).to_contain_text("sorted")
    dials = await dials_of(desk)
    gmail = dials.get_by_role("group", name="Gmail")
    await gmail.get_by_role("button", name="Signed out").click()
    await expect(desk.panel).to_contain_text("MailMagnet has no access to your Gmail.")
    await gmail.get_by_role("button", name="Make it well").click()
    await expect(desk.panel).not_to_contain_text("no access")
    await expect(desk.panel).to_contain_text("Before the consent was revoked")


async def test_a_permission_is_taken_and_given_back(desk: Desk) -> None:
    desk.arrive(HENRIETTA, "May you read this")
    await desk.open("May you read this")
    dials = await dials_of(desk)
    box = dials.get_by_role("checkbox", name="Administrator")
    await box.click()
    await expect(desk.panel).to_contain_text("lacks the permission “Mail Integration”")
    await box.click()
    await expect(desk.panel).to_contain_text("Head of Procurement")


async def test_a_deal_is_edited_and_a_mail_arrives(desk: Desk) -> None:
    await desk.show()
    dials = await dials_of(desk)
    deal = dials.get_by_label("Deal", exact=True)
    renewal = dials.locator("option", has_text="Renewal next year")
    await deal.select_option(await renewal.first.get_attribute("value"))
    amount = dials.get_by_label("Amount")
    before = await amount.input_value()
    await amount.fill("47123")
    await dials.get_by_role("button", name="Change the deal").click()
    await expect(dials.locator(".dials-said")).to_contain_text("is changed")
    await dials.get_by_label("From").fill(HENRIETTA)
    await dials.get_by_label("Subject").fill("A mail by hand")
    await dials.get_by_role("button", name="Let it arrive").click()
    await expect(dials.locator(".dials-said")).to_have_text("The mail has arrived.")
    await dials.get_by_label("From").fill("nobody")
    await dials.get_by_role("button", name="Let it arrive").click()
    await expect(dials.locator(".dials-said")).to_contain_text("From should be a mail address")
    desk.complaints[:] = [words for words in desk.complaints if "400 (Bad Request)" not in words]
    await dials.get_by_role("button", name="Close").click()
    await desk.row("A mail by hand").locator(".thread-link").click()
    await expect(desk.panel).to_contain_text("47,123")
    dials = await dials_of(desk)
    await deal.select_option(await renewal.first.get_attribute("value"))
    await amount.fill(before)
    await dials.get_by_role("button", name="Change the deal").click()
    await expect(dials.locator(".dials-said")).to_contain_text("is changed")


async def test_the_tick_sends_tasks_to_who_is_due(desk: Desk) -> None:
    await desk.show()
    dials = await dials_of(desk)
    await dials.get_by_role("button", name="Next month").click()
    await expect(dials.get_by_role("status")).to_have_text("It is a month later.")
    await dials.get_by_role("button", name="Tick").click()
    await expect(dials.locator(".dials-said")).to_have_text("The tick sent 3 tasks.")
    await expect(dials.locator("tbody tr").first).to_contain_text("200")


async def test_behind_the_panel(desk: Desk, picture: Picture) -> None:
    desk.arrive(HENRIETTA, "What stands behind this")
    await desk.open("What stands behind this")
    button = desk.page.get_by_role("button", name="Behind the panel")
    await button.focus()
    await desk.page.keyboard.press("Enter")
    drawer = desk.page.get_by_role("region", name="Behind the panel")
    await expect(drawer).to_be_focused()
    await expect(drawer.locator(".drawer-call")).to_contain_text("POST /message · 200")
    event = drawer.get_by_role("region", name="Event that was sent")
    await expect(event).to_contain_text('"userOAuthToken": "ya29.')
    await expect(event).to_contain_text("…")
    await expect(drawer.get_by_role("region", name="Answer")).to_contain_text("pushCard")
    await expect(drawer).to_contain_text("users.messages.get")
    await expect(drawer).to_contain_text("1, 20 quota units")
    await desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=desk.demo.address)
    await drawer.get_by_role("button", name="Copy: Answer").click()
    assert "Henrietta Lovell" in await desk.page.evaluate("navigator.clipboard.readText()")
    facts = drawer.locator("[data-kept]")
    await expect(facts).to_contain_text(desk.demo.user.address)
    rows = facts.locator("tbody tr")
    before = await rows.count()
    await desk.page.get_by_role("button", name="Run the job").click()
    await expect(rows).not_to_have_count(before)
    await expect(facts.locator("thead th")).to_have_text(["Mail", "From", "Received"])
    await expect(rows.first).to_contain_text("henrietta.lovell@analytical-works.example")
    assert "What stands behind this" not in await facts.inner_text()
    await picture("behind")
    await drawer.focus()
    await desk.page.keyboard.press("Escape")
    await expect(drawer).to_be_hidden()
    await expect(button).to_be_focused()
