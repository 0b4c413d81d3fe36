"""One demo and one browser a process for the browser tests; each gets a page of its own, whose console and requests are watched."""

import asyncio
import itertools
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Request, async_playwright, expect

from sandbox.demo.demo_mail import made_mail
from sandbox.demo.processes import Demo, running_demo
from sandbox.google.world import Account
from tests.npm_packages import npm_packages

PICTURES = Path(__file__).parent.parent.parent / "docs" / "pictures"
SECONDS_TO_WAIT = 20
"""For anything on the screen, also on a busy machine."""
expect.set_options(timeout=SECONDS_TO_WAIT * 1000)

CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

COUNTS_READ_ANEW = """
window.readAnew = 0;
for (const name of ["append", "prepend"]) {
    const own = Element.prototype[name];
    Element.prototype[name] = function (...children) {
        const coming = children.map((child) => (child instanceof DocumentFragment ? child.childNodes.length : 1));
        if (this.getAttribute("dir") === "auto") window.readAnew += coming.reduce((sum, count) => sum + count, 0);
        return own.apply(this, children);
    };
}
"""
"""Counts the children that come into an element with dir="auto": at each the browser reads all the text in it anew."""

_MINUTES = itertools.count(2, 2)

Picture = Callable[[str], Awaitable[None]]
"""Keeps what the page shows under a name."""


@dataclass
class Desk:
    """A page at the demo, in the words of who uses it."""

    page: Page
    demo: Demo
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def panel(self) -> Locator:
        return self.page.locator("#panel .panel-body")

    @property
    def rows(self) -> Locator:
        return self.page.locator("#view .thread")

    def row(self, subject: str) -> Locator:
        """The list's row with this subject."""
        return self.rows.filter(has=self.page.locator(".subject", has_text=subject))

    def forget_if_refused(self, request: Request) -> None:
        """What the browser itself refused by a policy was not asked of anybody."""
        if request.failure == "csp":
            self.requests.remove(request.url)

    async def show(self, *, account: Account | None = None, **route: str) -> None:
        """Open the page at a label, a search or a thread, and wait until list and panel are there."""
        given = {"account": (account or self.demo.user).address, **route}
        await self.page.goto(f"{self.demo.address}/#{urlencode(given)}")
        await self.page.locator("#view > *").first.wait_for()
        await self.settled()

    async def settled(self) -> None:
        """Until the add-on has answered."""
        await self.page.locator("#panel .panel-body[aria-busy=false] > *").first.wait_for()

    async def open(self, subject: str, *, account: Account | None = None, label: str = "INBOX") -> None:
        """Open a mail that has just come, from the list."""
        await self.show(account=account, label=label)
        await self.row(subject).first.locator(".thread-link").click()
        await self.page.locator(".open-thread").wait_for()
        await self.page.locator("#panel .progress").wait_for(state="hidden")
        await self.settled()

    async def run_job(self) -> None:
        """Press the button and wait for what the job says, as if in a minute in which no other run was: of Gmail's quota the job has a
        share in each."""
        self.demo.clock.turn_to(self.demo.now() + timedelta(minutes=next(_MINUTES)))
        try:
            async with self.page.expect_response(
                lambda response: response.url.endswith("/job") and response.request.method == "POST"
            ):
                await self.page.get_by_role("button", name="Run the job").click()
        finally:
            self.demo.clock.turn_back()
        await expect(self.page.locator(".job-told")).to_have_attribute("aria-busy", "false")

    async def sort_all(self) -> None:
        """Run the job until no mail waits: a run looks at so many, and other tests' mail may be among it."""
        left = self.page.locator(".job-told dl div", has_text="Left for the next run").locator("dd")
        await self.run_job()
        while await left.text_content() != "0":
            await self.run_job()

    async def answer_with(self, *answers: dict[str, Any], seconds: float = 0.1) -> list[dict[str, Any]]:
        """From now on the panel gets these answers, one after the other (the last for good), as if each had taken so long; the questions
        it asked."""
        questions: list[dict[str, Any]] = []
        left = list(answers)

        async def answer(route: Any) -> None:
            questions.append(route.request.post_data_json)
            told = left.pop(0) if len(left) > 1 else left[0]
            await route.fulfill(json={"status": 200, "answer": told, "problem": "", "seconds": seconds})

        await self.page.route("**/desk/*/panel", answer)
        return questions

    async def hold_answers(self) -> asyncio.Event:
        """From now on an answer comes only once this is set."""
        held = asyncio.Event()

        async def wait(route: Any) -> None:
            await held.wait()
            await route.fallback()

        await self.page.route("**/desk/*/panel", wait)
        return held

    async def start_with(self, **changed: Any) -> None:
        """The page begins as if the deployment were another."""

        async def begin(route: Any) -> None:
            told = await (await route.fetch()).json()
            await route.fulfill(json=told | changed)

        await self.page.route("**/desk/start*", begin)

    def arrive(
        self, sender: str, subject: str, body: str = "Hello.", *, html: str = "", account: Account | None = None, **headers: str
    ) -> str:
        """A mail comes in; its id."""
        mail = EmailMessage()
        owner = account or self.demo.user
        mail["From"], mail["To"], mail["Subject"] = sender, owner.address, subject
        mail["Date"] = self.demo.world.clock()
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(body)
        if html:
            mail.add_alternative(html, subtype="html")
        return self.demo.world.mailbox(owner.address).arrive(mail.as_bytes()).id


async def eventually(is_so: Callable[[], object]) -> None:
    """Waits for what the desk does only after its screen has changed. Raises TimeoutError."""
    async with asyncio.timeout(SECONDS_TO_WAIT):
        while not is_so():  # noqa: ASYNC110  it has no event
            await asyncio.sleep(0.05)


def chromium() -> str:
    """The browser's path: Chromium without the parts that draw its window, where it is to be had, for a third less work."""
    found = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert found, "These tests need Debian's package chromium-headless-shell, or chromium: sh tests/machine.sh browser"
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """The demo as `make demo` starts it, on made-up mail. Its Gmail has no quota unless a test sets one."""
    async with running_demo(tmp_path_factory.mktemp("demo") / "demo", made_mail) as started:
        started.world.quota.units_a_minute = 10_000_000
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        yield started
        await started.close()


def _forget_spent(demo: Demo) -> None:
    """No test's runs stand in the way of another's within one minute: the job leaves the sidebar its share of Gmail's quota."""
    with closing(sqlite3.connect(demo.folder / "store.sqlite", timeout=30, isolation_level=None)) as store:
        store.execute("UPDATE mailboxes SET last_run = json_set(last_run, '$.spent', json('[]'))")


@pytest_asyncio.fixture(loop_scope="session")
async def desk(demo: Demo, browser: Browser) -> AsyncIterator[Desk]:
    """A page of its own."""
    _forget_spent(demo)
    async with desk_in(browser, demo) as made:
        yield made
    demo.world.faults.clear()


@asynccontextmanager
async def desk_in(browser: Browser, demo: Demo) -> AsyncIterator[Desk]:
    """A page 1280 px wide, of a browser that knows nobody. At the end: no error in the console, and nothing asked of any other host."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB", timezone_id="Europe/Vienna")
    context.set_default_timeout(SECONDS_TO_WAIT * 1000)
    await context.add_cookies([{"name": name, "value": value, "url": demo.address} for name, value in demo.key.cookies.items()])
    made = Desk(await context.new_page(), demo)
    # Asked for from the start: the browser is told too late by a test that waits for a chooser only when it is about to open.
    made.page.on("filechooser", lambda chooser: None)
    context.on("console", lambda message: made.complaints.append(message.text) if message.type in ("error", "warning") else None)
    context.on("weberror", lambda error: made.complaints.append(str(error.error)))
    context.on("request", lambda request: made.requests.append(request.url))
    context.on("requestfailed", made.forget_if_refused)
    yield made
    await context.close()
    assert made.complaints == []
    own = (demo.address, demo.pages_url, "data:")
    assert [address for address in made.requests if not address.startswith(own)] == []


@pytest.fixture(scope="session")
def axe() -> str:
    """axe's source, installed from the lock file when it is not there."""
    return (npm_packages(Path(__file__).parent) / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
def picture(desk: Desk, request: pytest.FixtureRequest) -> Picture:
    """Keeps what the page shows now as a picture for the README, when pytest is called with --pictures."""

    async def take(name: str) -> None:
        await keep_picture(desk.page, name, request.config)

    return take


async def keep_picture(page: Page, name: str, config: pytest.Config, of: Locator | None = None) -> None:
    """What a page shows now, or a part of it, when pytest is called with --pictures."""
    if config.getoption("--pictures"):
        PICTURES.mkdir(parents=True, exist_ok=True)
        await page.mouse.move(620, 3)
        await (of or page).screenshot(path=PICTURES / f"{name}.png", animations="disabled")
