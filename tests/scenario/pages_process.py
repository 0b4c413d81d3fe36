"""The real `pages` as a process of its own before a desk's Google, walked as a person with a browser walks it: pages, forms, cookies."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import aiohttp
import uvicorn
from lxml import html
from starlette.applications import Starlette
from starlette.routing import Route

from cards.frame import Page
from functions.boundary import entry_point
from functions.pages import endpoint
from functions.signed_links import SignedLinks
from functions.wiring import LINK_LIFE
from sandbox.demo.sandbox_process import process_in
from sandbox.google.world import Account
from tests.scenario.addon_process import LINK_KEY, SANDBOX_PROCESS, function_process, settings_of
from tests.scenario.desk import Desk
from tests.signing import free_port

MOST_REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class Shown:
    """What a browser shows: where it is, the status, the page's text in one line, and how it came there."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: str
    way: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What can be read."""
        return " ".join(html.fromstring(self.body).text_content().split()) if self.body else ""

    def link(self, text: str) -> str:
        """Where the link with this text leads."""
        [link] = [each for each in html.fromstring(self.body).iter("a") if each.text_content().strip() == text]
        return urljoin(self.url, str(link.get("href")))

    def fields(self, number: int = 0) -> dict[str, str]:
        """What a form would send as it stands, without its buttons."""
        return dict(html.fromstring(self.body).forms[number].form_values())

    def action(self, number: int = 0) -> str:
        return urljoin(self.url, str(html.fromstring(self.body).forms[number].get("action", "")))


@dataclass
class Browser:
    """A browser with its cookies, each kept for its host and port: real ones know no port, which makes it easier for an attacker only."""

    session: aiohttp.ClientSession
    jar: dict[str, dict[str, str]] = field(default_factory=dict)
    set_cookies: list[str] = field(default_factory=list)

    async def open(self, url: str, method: str = "GET", form: Mapping[str, str] | None = None, **headers: str) -> Shown:
        """Open an address and follow where it leads."""
        way: list[str] = []
        while True:
            answer = await self._once(url, method, form, headers)
            if answer.status not in {302, 303} or len(way) > MOST_REDIRECTS:
                return Shown(url, answer.status, answer.headers, await answer.text(), tuple(way))
            way.append(url)
            url, method, form = urljoin(url, answer.headers["Location"]), "GET", None

    async def send(self, shown: Shown, number: int = 0, **typed: str) -> Shown:
        """Send a form of a page, with what is typed into it and the button that is pressed."""
        return await self.open(shown.action(number), "POST", {**shown.fields(number), **typed})

    async def answer_of_google(self, shown: Shown, **typed: str) -> str:
        """Where Google would send this browser when a form of Google's is sent so; it does not go there yet."""
        answer = await self._once(shown.action(), "POST", {**shown.fields(), **typed}, {})
        return str(answer.headers["Location"])

    def cookies(self, url: str) -> Mapping[str, str]:
        """This host's, by name."""
        return self.jar.get(urlsplit(url).netloc, {})

    async def _once(self, url: str, method: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> Any:
        cookies = self.jar.setdefault(urlsplit(url).netloc, {})
        sent = {**headers, **({"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {})}
        data = io.BytesIO(urlencode(form).encode()) if form is not None else None
        if data is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        async with self.session.request(method, url, data=data, headers=sent, allow_redirects=False) as answer:
            await answer.read()
            for line in answer.headers.getall("Set-Cookie", []):
                self.set_cookies.append(line)
                for name, morsel in SimpleCookie(line).items():
                    cookies[name] = morsel.value
            return answer


@dataclass
class Pages:
    """The running pages, and what a person does there."""

    desk: Desk
    url: str
    session: aiohttp.ClientSession
    environment: Mapping[str, str]
    log: bytearray = field(default_factory=bytearray)

    def browser(self) -> Browser:
        """A browser that has never been here."""
        return Browser(self.session)

    def link(self, page: Page, account: Account | None = None, **ids: str) -> str:
        """A link as a card of this account has it."""
        who = account or self.desk.account
        org = who.hosted_domain or who.sub
        token = SignedLinks(LINK_KEY).sign(page, org, who.sub, ids, self.desk.clock.now + LINK_LIFE)
        return f"{self.url}{page}?link={token}"

    def tell_time(self) -> None:
        """The desk's time, told to the running pages anew."""
        settings_of(self.desk, self.url)

    async def choose(self, browser: Browser, shown: Shown, account: Account | None = None) -> Shown:
        """On Google's screen: choose an account, and consent where it wants to know who you are."""
        shown = await browser.send(shown, account=(account or self.desk.account).sub, step="account")
        if "wants to know who you are" in shown.text:
            shown = await browser.send(shown, step="continue")
        return shown

    async def opened(self, browser: Browser, link: str, account: Account | None = None) -> Shown:
        """Open a link, and sign in with Google where it is asked for."""
        shown = await browser.open(link)
        return await self.choose(browser, shown, account)


def state_of(url: str) -> str:
    """The state that goes through Google in this address."""
    return parse_qs(urlsplit(url).query)["state"][0]


@asynccontextmanager
async def pages_at(desk: Desk, source: str = SANDBOX_PROCESS, **settings: str) -> AsyncIterator[Pages]:
    """The pages as a process of their own; `settings` change its environment."""
    port, log = free_port(), bytearray()
    environment = _environment(desk, port, settings)
    async with function_process(source, "pages", environment, port, log), _visitors() as session:
        yield Pages(desk, environment["MAILMAGNET_PAGES_URL"], session, environment, log)


@asynccontextmanager
async def pages_here(desk: Desk, **settings: str) -> AsyncIterator[Pages]:
    """The same function in this process, behind the same server: up at once, for the many scenarios that are about a page alone."""
    async with pages_on(desk, free_port(), settings) as pages:
        yield pages


@asynccontextmanager
async def pages_on(desk: Desk, port: int, settings: Mapping[str, str]) -> AsyncIterator[Pages]:
    """The same on a port that somebody has to know first."""
    environment = _environment(desk, port, settings)
    process = process_in(environment)
    serve = entry_point("pages", lambda: process, endpoint.answer)
    app = Starlette(routes=[Route("/{path:path}", serve, methods=["GET", "POST", "PUT", "DELETE"])])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  it has no event
        await asyncio.sleep(0.005)
    try:
        async with _visitors() as session:
            yield Pages(desk, environment["MAILMAGNET_PAGES_URL"], session, environment)
    finally:
        server.should_exit = True
        await serving
        await process.close()


def _environment(desk: Desk, port: int, settings: Mapping[str, str]) -> dict[str, str]:
    """What the function is started with; Google is told where browsers may be sent back to."""
    url = f"http://127.0.0.1:{port}"
    desk.world.google.redirect_uris.add(f"{url}/callback")
    return {**settings_of(desk, url), "MAILMAGNET_PAGES_URL": url, **settings}


def _visitors() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30), cookie_jar=aiohttp.DummyCookieJar())
