"""Our pages in a real browser: over the panel, through Google's stand-in and back, and the card asked for anew."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Desk
from tests.browser.test_axe import look

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def over_the_panel(desk: Desk, button: str) -> Page:
    """The window that a card's button opens."""
    async with desk.page.context.expect_page() as opened:
        await desk.panel.get_by_role("button", name=button, exact=True).click()
    return await opened.value


async def as_user_at_google(window: Page, address: str) -> None:
    """Choose an account, and tell Google that MailMagnet may know whose it is, if it asks."""
    await window.get_by_role("radio", name=address).check()
    await window.get_by_role("button", name="Next").click()
    await window.wait_for_load_state()
    if await window.get_by_text("wants to know who you are").count():
        await window.get_by_role("button", name="Continue").click()


async def test_who_is_signed_out_signs_in_over_the_panel_and_the_card_comes_back(desk: Desk, axe: str) -> None:
    user = desk.demo.colleague
    await desk.demo.embedded_crm("sign-out", "--org", user.hosted_domain, "--user", user.sub)
    await desk.show(account=user)
    await expect(desk.panel).to_contain_text("MailMagnet CRM has ended your sign-in.")
    window = await over_the_panel(desk, "Sign in")
    await as_user_at_google(window, desk.demo.user.address)
    await expect(window.get_by_role("heading", name="This link is another user’s")).to_be_visible()
    await window.get_by_role("link", name="Choose the right account").click()
    await as_user_at_google(window, user.address)
    await expect(window.get_by_role("heading", name="Sign in to MailMagnet CRM")).to_be_visible()
    assert await look(window, axe) == []
    await window.set_viewport_size({"width": 390, "height": 800})
    assert await window.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await window.get_by_label("User name").fill(user.address)
    await window.get_by_label("Password").fill("wrong")
    await window.get_by_role("button", name="Sign in").click()
    await expect(window.get_by_role("alert")).to_contain_text("did not let you in")
    await window.get_by_label("Password").fill(desk.demo.crm_password)
    async with window.expect_event("close"):
        await window.get_by_role("button", name="Sign in").click()
    await expect(desk.panel).not_to_contain_text("sign-in")
    await expect(desk.panel).to_contain_text("Search")
    # The refusals were refusals by status too.
    desk.complaints[:] = [each for each in desk.complaints if "status of 401" not in each and "status of 403" not in each]
    desk.requests[:] = [each for each in desk.requests if not each.startswith(desk.demo.pages_url)]
