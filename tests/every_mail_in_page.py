"""Every mail of a mailbox opened one after the other in the real page: no error in the page, the panel or the functions' logs."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from playwright.async_api import ConsoleMessage, Page, Response, WebError, async_playwright

from sandbox.demo.processes import LOG, Demo
from sandbox.google.mail_folder import Message
from tests.browser.conftest import CHROMIUM_ARGUMENTS, chromium

_BAD_LOG_LINE = re.compile(r'"severity": "(?:WARNING|ERROR|CRITICAL)"|^Traceback|^(?:ERROR|CRITICAL)\b', re.MULTILINE)

# Open and shown: its text is there, its frame has loaded, and the panel has drawn the answer.
_SHOWN = """id => {
    const mail = document.querySelector(`.mail[data-mail="${id}"] .mail-body:not([hidden])`);
    const frame = mail?.querySelector(".mail-frame");
    const loaded = !frame || (frame.contentDocument.URL !== "about:blank" && frame.contentDocument.readyState === "complete");
    return mail?.firstChild && loaded && document.querySelector("#panel .panel-body[aria-busy=false] > *");
}"""
_WRONG_IN_PANEL = """() => {
    const panel = document.querySelector("#panel");
    const problem = [...panel.querySelectorAll(".panel-body button")].some(button => button.textContent.trim() === "Retry");
    return [
        ...(panel.querySelector(".panel-notes:not([hidden])") ? ["red notes"] : []),
        ...(panel.querySelector(".panel-failed") ? ["answers that failed"] : []),
        ...(problem ? ["cards that tell of a problem"] : []),
        ...(panel.querySelector(".card") ? [] : ["panels without a card"]),
    ];
}"""


@dataclass
class _Reader:
    """Somebody who reads all of a mailbox in one page, and what went wrong meanwhile: kinds and counts, no word of a mail."""

    page: Page
    demo: Demo
    wrong: Counter[str] = field(default_factory=Counter)

    def watch(self) -> None:
        context = self.page.context
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong["console messages"] += 1

    def _error(self, _: WebError) -> None:
        self.wrong["page errors"] += 1

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.wrong[f"answers with status {response.status}"] += 1
        if not response.url.startswith((self.demo.address, "data:")):
            self.wrong["answers from elsewhere"] += 1

    async def open(self, message: Message) -> None:
        """Through the page's route, then the mail's own head if its thread is open already."""
        async with self.page.expect_response(lambda answer: _is_for(answer, message.id)) as expected:
            if await self.page.locator(f'.mail[data-mail="{message.id}"]').count():
                await self._press_its_head(message)
            else:
                await self._open_thread(message)
        reply = await (await expected.value).json()
        if reply["status"] != 200 or reply["problem"]:
            self.wrong["answers that are none"] += 1
        await self.page.wait_for_function(_SHOWN, arg=message.id)
        self.wrong.update(await self.page.evaluate(_WRONG_IN_PANEL))

    async def _open_thread(self, message: Message) -> None:
        """The panel is asked about the thread's newest mail; about another one once its head is pressed."""
        route = urlencode({"account": self.demo.user.address, "label": "ALL", "thread": message.thread_id})
        await self.page.evaluate("route => { location.hash = route }", route)
        mails = self.page.locator(f'.open-thread[data-thread="{message.thread_id}"] .mail')
        await mails.first.wait_for()
        if await mails.last.get_attribute("data-mail") != message.id:
            await self._press_its_head(message)

    async def _press_its_head(self, message: Message) -> None:
        head = self.page.locator(f'.mail[data-mail="{message.id}"] .mail-head')
        for folded in await self.page.locator(".older").all():
            await folded.click()
        if await head.get_attribute("aria-expanded") == "true":
            await head.press("Enter")
        await head.press("Enter")


def _is_for(answer: Response, mail_id: str) -> bool:
    return answer.url.endswith("/panel") and (answer.request.post_data_json or {}).get("mail") == mail_id


async def open_every_mail_in_page(demo: Demo, messages: Sequence[Message], before_each: Callable[[], None]) -> Counter[str]:
    """Open each mail in headless Chromium; how much of what went wrong (empty: nothing). `before_each` is called before each."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(60_000)
        reader = _Reader(await context.new_page(), demo)
        reader.watch()
        await reader.page.goto(demo.entrance)
        await reader.page.locator("#panel .panel-body[aria-busy=false] > *").first.wait_for()
        for message in _threads_newest_first(messages):
            before_each()
            await reader.open(message)
        await browser.close()
    reader.wrong.update(_bad_log_lines(demo))
    return reader.wrong


def _threads_newest_first(messages: Sequence[Message]) -> list[Message]:
    """The mails of a thread together, its newest (the one that opens with the thread) first."""
    threads: dict[str, list[Message]] = {}
    for message in messages:
        threads.setdefault(message.thread_id, []).append(message)
    return [message for thread in threads.values() for message in thread]


def _bad_log_lines(demo: Demo) -> Counter[str]:
    log = (demo.folder / LOG).read_text(errors="replace")
    return +Counter({"bad lines in the log": len(_BAD_LOG_LINE.findall(log))})
