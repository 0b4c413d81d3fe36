"""How fast the desk is: mail imported, its list asked for over HTTP, and a mail opened in the real page until its card is there."""

import asyncio
import itertools
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Page, async_playwright
from rich.console import Console

from sandbox.demo.demo_mail import made_mail
from sandbox.demo.processes import Demo, running_demo
from sandbox.desk.import_mail import import_mail
from sandbox.google.world import Account
from tests.browser.conftest import CHROMIUM_ARGUMENTS, chromium

FEW, MANY = 1_000, 50_000
LISTS = 100
OPENED = 40

_REFERENCES = re.compile(rb"^(?:Message-ID|In-Reply-To|References):.*(?:\r?\n[ \t].*)*", re.IGNORECASE | re.MULTILINE)
_FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)

# From the click until the panel has got its answer and the frame with the card in it is drawn.
_OPEN = """index => new Promise((done) => {
    const body = document.querySelector("#panel .panel-body");
    const watch = new MutationObserver(() => {
        if (body.getAttribute("aria-busy") === "true") return;
        watch.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - clicked)));
    });
    watch.observe(body, { attributes: true, attributeFilter: ["aria-busy"] });
    const clicked = performance.now();
    document.querySelectorAll("#view .thread-link")[index].click();
})"""


async def measure_desk(say: Console) -> dict[str, Any]:
    """All three, on mail made of the demo's over and over."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with running_demo(folder / "demo", made_mail) as demo:
            demo.world.quota.units_a_minute = 10_000_000
            somebody = demo.world.add_account("thousand@corp.example", "A Thousand")
            patterns = await asyncio.to_thread(_made, demo)
            await _arrive(demo, somebody, folder / "few.mbox", patterns, FEW)
            say.print(f"{MANY} mails are imported ...")
            rate = await _arrive(demo, demo.user, folder / "many.mbox", patterns, MANY - len(patterns))
            say.print(f"the list of {FEW} and of {MANY} mails, {LISTS} pages each ...")
            lists = {f"list_ms_of_{count}": await _list(demo, owner) for count, owner in ((FEW, somebody), (MANY, demo.user))}
            say.print(f"{OPENED} mails opened in the page ...")
            return {"import_mails_per_second": rate, **lists, "click_to_card_ms": await _open_in_page(demo)}


def _made(demo: Demo) -> list[bytes]:
    mailbox = demo.world.mailbox(demo.user.address)
    return [mailbox.raw(message.id) for message in mailbox.messages(most=500).messages]


async def _arrive(demo: Demo, owner: Account, mbox: Path, patterns: Sequence[bytes], count: int) -> float:
    """Import so many mails; mails a second."""
    await asyncio.to_thread(_write, mbox, patterns, count)
    started = time.perf_counter()
    mailbox = demo.world.mailbox(owner.address)
    imported = await asyncio.to_thread(import_mail, mbox, mailbox, demo.world.clock(), owner.addresses)
    seconds = time.perf_counter() - started
    if imported.mails != count:
        raise SystemExit(f"{imported.mails} of {count} mails were imported")
    return round(count / seconds, 1)


def _write(mbox: Path, patterns: Sequence[bytes], count: int) -> None:
    """The patterns over and over, with ids of their own each time, so that each conversation comes again as another one."""
    with mbox.open("wb") as file:
        for number, raw in zip(range(count), itertools.cycle(patterns), strict=False):
            copy = b"<%d." % (number // len(patterns))
            mail = _REFERENCES.sub(lambda found, copy=copy: found[0].replace(b"<", copy), raw)  # type: ignore[misc]
            file.write(b"From desk@bench.example Thu Jan  1 00:00:00 2026\n" + _FROM_LINE.sub(rb">\1", mail).rstrip() + b"\n\n")


async def _list(demo: Demo, owner: Account) -> dict[str, float]:
    """The page's own question for a list, from the first page to the last and again."""
    url = f"{demo.address}/desk/{owner.address}/threads"
    took: list[float] = []
    token = ""
    async with aiohttp.ClientSession(cookies=demo.key.cookies) as session:
        for _ in range(LISTS):
            started = time.perf_counter()
            async with session.get(url, params={"label": "INBOX", "q": "", "page": token, "most": "50"}) as answered:
                token = (await answered.json())["next"] or ""
            took.append(1000 * (time.perf_counter() - started))
    return _spread(took)


async def _open_in_page(demo: Demo) -> dict[str, float]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await page.goto(demo.entrance)
        took = [await _open_from_list(page, index) for index in range(OPENED)]
        await browser.close()
    return _spread(took)


async def _open_from_list(page: Page, index: int) -> float:
    await page.locator("#view .thread-link").nth(index).wait_for()
    await page.locator("#panel .panel-body[aria-busy=false] .card").wait_for()
    took: float = await page.evaluate(_OPEN, index)
    if not await page.locator("#panel .card").count():
        raise SystemExit("a mail was opened and no card came")
    await page.keyboard.press("u")
    return took


def _spread(took: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(took), 1), "p95": round(statistics.quantiles(took, n=20)[-1], 1)}
