"""Another site's page in a real browser before the real desk: what it tries to read, to send, and to be by DNS rebinding."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page, async_playwright, expect

from sandbox.demo.processes import Demo
from tests.browser.conftest import CHROMIUM_ARGUMENTS, Desk, chromium
from tests.signing import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = "evil.example"


@dataclass
class Elsewhere:
    """A browser that has the desk's key, on a page of another site; `evil.example` is this machine to it, as rebound DNS would have it."""

    page: Page
    demo: Demo

    @property
    def rebound(self) -> str:
        """The desk's own port under the other site's name."""
        return f"http://{EVIL}:{self.demo.address.rpartition(':')[2]}"

    async def fetched(self, address: str, **request: object) -> str:
        """What a script of the page gets to read of an answer: "" for nothing."""
        script = "([address, request]) => fetch(address, request).then(answer => answer.text(), () => '')"
        read: str = await self.page.evaluate(script, [address, request])
        return read


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere(demo: Demo) -> AsyncIterator[Elsewhere]:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<h1>You have won</h1>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with async_playwright() as playwright:
        rebound = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"
        browser = await playwright.chromium.launch(executable_path=chromium(), args=[*CHROMIUM_ARGUMENTS, rebound])
        context = await browser.new_context()
        opened = await context.new_page()
        await opened.goto(demo.entrance)
        assert [cookie["name"] for cookie in await context.cookies(demo.address)] == list(demo.key.cookies)
        await opened.goto(f"http://{EVIL}:{port}/")
        yield Elsewhere(opened, demo)
        await browser.close()
    await runner.cleanup()


def labels(demo: Demo) -> set[str]:
    return {label.name for label in demo.world.mailbox(demo.user.address).labels()}


TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"


async def test_another_sites_page_reads_and_changes_nothing(elsewhere: Elsewhere) -> None:
    demo, page = elsewhere.demo, elsewhere.page
    account = f"{demo.address}/desk/{demo.user.address}"
    before = labels(demo)
    for address in (f"{demo.address}/desk/start", f"{account}/labels", demo.entrance, f"{demo.address}/oauth2/v1/certs"):
        for credentials in ("include", "omit"):
            assert await elsewhere.fetched(address, credentials=credentials) == ""
    assert await elsewhere.fetched(f"{demo.address}{TOKEN}", headers={"Metadata-Flavor": "Google"}) == ""
    made = '{"name": "Mallory was here"}'
    for kind in ("text/plain", "application/json"):
        request = {"method": "POST", "body": made, "headers": {"Content-Type": kind}, "credentials": "include"}
        assert await elsewhere.fetched(f"{account}/labels", **request) == ""
    await elsewhere.fetched(f"{account}/labels", method="POST", body=made, mode="no-cors", credentials="include")
    await page.evaluate(
        """address => new Promise((done) => {
        const pieces = ["img", "script", "iframe", "link"].map((name) => Object.assign(document.createElement(name), { src: address }));
        pieces[3].rel = "stylesheet";
        document.body.append(...pieces);
        const socket = new WebSocket(address.replace("http", "ws"));
        socket.onclose = socket.onopen = ({ type }) => done(window.socket = type);
    })""",
        f"{demo.address}/page.js",
    )
    assert await page.evaluate("window.socket") == "close"
    await page.evaluate(
        """address => {
            const form = Object.assign(document.createElement("form"), { method: "POST", action: address, enctype: "text/plain" });
            form.append(Object.assign(document.createElement("input"), { name: '{"name": "Mallory was here", "x": "', value: '"}' }));
            document.body.append(form);
            form.submit();
        }""",
        f"{account}/labels",
    )
    await page.wait_for_url(f"{account}/labels")
    await expect(page.locator("body")).to_contain_text("Only a page from this very address may ask this")
    assert labels(demo) == before


async def test_a_rebound_name_gets_nothing(elsewhere: Elsewhere) -> None:
    """The page is of one origin with the desk's port now, so that a browser forbids it nothing; and it brings the key itself."""
    demo, page = elsewhere.demo, elsewhere.page
    [(name, value)] = demo.key.cookies.items()
    await page.context.add_cookies([{"name": name, "value": value, "url": elsewhere.rebound}])
    await page.goto(elsewhere.rebound)
    await expect(page.locator("body")).to_contain_text("This machine answers to http://127.0.0.1")
    before = labels(demo)
    for address in ("/desk/start", f"/desk/{demo.user.address}/labels", "/oauth2/v1/certs", TOKEN):
        answer = await elsewhere.fetched(elsewhere.rebound + address, headers={"Metadata-Flavor": "Google"})
        assert "This machine answers to" in answer
        assert "corp.example" not in answer
        assert "access_token" not in answer
    request = {"method": "POST", "body": '{"name": "Mallory was here"}', "headers": {"Content-Type": "application/json"}}
    await elsewhere.fetched(f"{elsewhere.rebound}/desk/{demo.user.address}/labels", **request)
    assert labels(demo) == before


async def test_the_desks_own_page_gets_no_token_either(desk: Desk) -> None:
    """So that nothing that might ever run in it could have the queue sign for anybody."""
    await desk.show()
    script = "address => fetch(address, { headers: { 'Metadata-Flavor': 'Google' } }).then((answer) => answer.status)"
    assert await desk.page.evaluate(script, TOKEN) == 403
    desk.complaints.clear()


async def test_without_the_key_the_desk_says_what_opens_it(elsewhere: Elsewhere, tmp_path: Path) -> None:
    demo, page = elsewhere.demo, elsewhere.page
    await page.context.clear_cookies()
    await page.goto(demo.address)
    await expect(page.get_by_role("heading", name="The desk is locked")).to_be_visible()
    await expect(page.locator("main")).to_contain_text("Open the address that the terminal printed")
    await page.goto(demo.entrance)
    await expect(page.locator("#view .thread").first).to_be_visible()
    assert "key" not in page.url
    assert "key" not in await page.evaluate(
        "performance.getEntriesByType('navigation')[0].name + document.referrer + document.cookie"
    )
