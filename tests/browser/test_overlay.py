"""What opens over the panel, in a real browser: the way through Google's stand-in and back from another port, and windows that close
themselves, cannot be watched, or never close."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page, expect

from sandbox.google.google_side import SCOPE
from tests.browser.answers import Card, card, press, shown
from tests.browser.conftest import Desk
from tests.browser.test_axe import look
from tests.google_browser import CHALLENGE

pytestmark = pytest.mark.asyncio(loop_scope="session")

LABELS, INSERT = SCOPE + "gmail.labels", SCOPE + "gmail.insert"
"""Scopes that MailMagnet does not ask for, so that no other test has granted them."""
CLOSES_ITSELF = "<!doctype html><title>Connected</title><h1>Connected</h1><script>window.close()</script>"


@dataclass
class Elsewhere:
    """Another port of this machine, as the product's own pages are: it leads to Google, is sent back to, and closes itself."""

    origin: str
    asks_google: str = ""
    came_back: list[dict[str, str]] = field(default_factory=list)

    def connect_with(self, desk: Desk, **changed: str) -> None:
        """From now on its first page leads to Google and asks for this."""
        callback = f"{self.origin}/callback"
        desk.demo.world.google.redirect_uris.add(callback)
        asked = {
            **{"client_id": desk.demo.world.google.client_id, "redirect_uri": callback, "response_type": "code"},
            **{"scope": f"openid email {LABELS} {INSERT}", "state": "s", "access_type": "offline", "prompt": "consent"},
            **{"code_challenge": CHALLENGE, "code_challenge_method": "S256", "login_hint": desk.demo.user.address},
        }
        self.asks_google = f"{desk.demo.address}/o/oauth2/v2/auth?{urlencode(asked | changed)}"

    async def start(self, _: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(self.asks_google)

    async def callback(self, request: web.Request) -> web.StreamResponse:
        self.came_back.append({name: values[0] for name, values in parse_qs(request.query_string).items()})
        return web.Response(text=CLOSES_ITSELF, content_type="text/html")

    async def apart(self, _: web.Request) -> web.StreamResponse:
        """A page that no other may watch (https://html.spec.whatwg.org/multipage/browsers.html#cross-origin-opener-policies)."""
        headers = {"Cross-Origin-Opener-Policy": "same-origin"}
        return web.Response(text="<!doctype html><h1>Apart</h1>", content_type="text/html", headers=headers)


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere(desk: Desk) -> AsyncIterator[Elsewhere]:
    app = web.Application()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    made = Elsewhere("")
    app.add_routes([web.get("/start", made.start), web.get("/callback", made.callback), web.get("/apart", made.apart)])
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    await desk.start_with(open_link_prefixes=[f"{made.origin}/"], http_origins=[made.origin])
    yield made
    desk.requests[:] = [address for address in desk.requests if not address.startswith(made.origin)]
    await runner.cleanup()


def leads_to(address: str) -> Card:
    """A card as an add-on shows it that has to ask for a sign-in first."""
    link = {"url": address, "openAs": "OVERLAY", "onClose": "RELOAD"}
    return {"custom_authorization_prompt": shown(card(press("Connect", {"openLink": link}), title="Connect first"))}


async def overlay(desk: Desk) -> Page:
    """The window that opens over the panel."""
    async with desk.page.context.expect_page() as opened:
        await desk.panel.get_by_role("button", name="Connect").click()
    return await opened.value


async def test_who_consents_over_the_panel_finds_its_card_asked_for_anew(desk: Desk, elsewhere: Elsewhere, axe: str) -> None:
    elsewhere.connect_with(desk)
    questions = await desk.answer_with(leads_to(f"{elsewhere.origin}/start"), shown(card(title="Connected")))
    await desk.show()
    google = await overlay(desk)
    await expect(google.get_by_role("heading", name="Choose an account")).to_be_visible()
    await expect(google.get_by_role("radio", name=desk.demo.user.address)).to_be_checked()
    assert await look(google, axe) == []
    await google.get_by_role("button", name="Next").click()
    await expect(google.get_by_text("stand-in for Google's screen")).to_be_visible()
    assert await look(google, axe) == []
    await google.get_by_role("checkbox", name="See and edit your email labels").check()
    async with google.expect_event("close"):
        await google.get_by_role("button", name="Continue").click()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("Connected")
    await expect(desk.panel).not_to_have_attribute("inert", "")
    assert [question["trigger"] for question in questions] == ["homepage", "homepage"]
    [told] = elsewhere.came_back
    assert (told["state"], LABELS in told["scope"].split(), INSERT in told["scope"].split()) == ("s", True, False)
    assert told["code"]


async def test_a_phone_shows_the_whole_of_it(desk: Desk, elsewhere: Elsewhere) -> None:
    elsewhere.connect_with(desk, login_hint=desk.demo.colleague.address)
    await desk.page.set_viewport_size({"width": 390, "height": 800})
    await desk.page.goto(elsewhere.asks_google)
    for _ in range(2):
        assert await desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await desk.page.get_by_role("button", name="Next").or_(desk.page.get_by_role("button", name="Select all")).click()
    await expect(desk.page.get_by_role("checkbox", checked=True)).to_have_count(2)
    await desk.page.get_by_role("button", name="Use another account").click()
    await desk.page.get_by_role("radio", name=desk.demo.without_mail.address).check()
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.get_by_text(desk.demo.without_mail.address)).to_be_visible()
    await desk.page.get_by_role("button", name="Cancel").click()
    await expect(desk.page.get_by_role("heading", name="Connected")).to_be_visible()
    assert elsewhere.came_back[-1]["error"] == "access_denied"
    # Its last page was not opened by a script, so it cannot close itself, and the browser says so.
    desk.complaints.clear()


async def test_a_wrong_request_is_told_in_the_window(desk: Desk, elsewhere: Elsewhere, axe: str) -> None:
    elsewhere.connect_with(desk, scope=SCOPE + "gmail.everything")
    await desk.page.goto(elsewhere.asks_google)
    await expect(desk.page.get_by_text("Error 400: invalid_scope")).to_be_visible()
    assert await look(desk.page, axe) == []
    # The browser itself notes the refusal in its console.
    desk.complaints.clear()


async def test_a_window_that_cannot_be_watched_breaks_nothing(desk: Desk, elsewhere: Elsewhere) -> None:
    """To its opener it looks closed at once: the card is asked for then, and can be used while the window stays open."""
    questions = await desk.answer_with(leads_to(f"{elsewhere.origin}/apart"))
    await desk.show()
    apart = await overlay(desk)
    await expect(apart.get_by_role("heading", name="Apart")).to_be_visible()
    await expect(desk.panel).not_to_have_attribute("inert", "")
    await expect(desk.panel.get_by_role("button", name="Connect")).to_be_enabled()
    assert [question["trigger"] for question in questions] == ["homepage", "homepage"]
    await apart.close()


async def test_a_window_that_stays_open_is_left_behind_by_refreshing(desk: Desk, elsewhere: Elsewhere) -> None:
    elsewhere.connect_with(desk)
    questions = await desk.answer_with(leads_to(f"{elsewhere.origin}/start"))
    await desk.show()
    google = await overlay(desk)
    await expect(desk.panel).to_have_attribute("inert", "")
    await desk.page.get_by_role("button", name="MailMagnet menu").click()
    async with desk.page.expect_response("**/desk/*/panel"):
        await desk.page.get_by_role("menuitem", name="Refresh").click()
    await expect(desk.panel).not_to_have_attribute("inert", "")
    assert len(questions) == 2
    async with desk.page.expect_response("**/desk/*/panel"):
        await google.close()
    assert len(questions) == 3
