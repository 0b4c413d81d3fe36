"""Writing mail in a real browser: drafts, sending, replies, and what an add-on's compose trigger and draft actions do to a draft."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from aiohttp import web
from google.auth import jwt
from playwright.async_api import Browser, Locator, Page, expect

from sandbox.cards.card_page import gallery_routes
from sandbox.desk.desk import Product, desk_app, desk_routes
from sandbox.desk.desk_key import DeskKey
from sandbox.desk.dials import Dialled, dial_routes
from sandbox.desk.job_runs import JobRuns
from sandbox.google import mail_parts
from sandbox.google.gmail_server import google_routes
from sandbox.google.mail_folder import MailFolder
from sandbox.google.world import World
from sandbox.google.world_clock import TurnedClock
from tests.browser.conftest import COUNTS_READ_ANEW, SECONDS_TO_WAIT, Desk, eventually
from tests.signing import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

HENRIETTA = "Henrietta Lovell <henrietta.lovell@analytical-works.example>"


def window(page: Page) -> Locator:
    return page.locator(".compose")


async def begin(page: Page, to: str, subject: str, text: str) -> None:
    """Open another window and write in it."""
    count = await window(page).count()
    await page.get_by_role("button", name="Compose", exact=True).click()
    await expect(window(page)).to_have_count(count + 1)
    opened = window(page).last
    await opened.get_by_label("To", exact=True).fill(to)
    await opened.get_by_label("Subject").fill(subject)
    await opened.get_by_role("textbox", name="Message").click()
    await page.keyboard.type(text)


def drafts_of(mailbox: MailFolder, subject: str) -> list[Any]:
    return [draft for draft in mailbox.drafts()[0] if draft.message.subject == subject]


async def test_a_mail_is_a_draft_while_it_is_written_and_arrives_when_it_is_sent(desk: Desk) -> None:
    mailbox = desk.demo.world.mailbox(desk.demo.user.address)
    colleague = desk.demo.world.mailbox(desk.demo.colleague.address)
    before = colleague.newest_history_id()
    await desk.show()
    await begin(desk.page, "Kim Berg <kim@corp.example>, far@away.example", "Written here", "Good morning")
    await expect(window(desk.page).get_by_text("Draft saved")).to_be_visible()
    draft = drafts_of(mailbox, "Written here")[0]
    assert draft.message.to == "Kim Berg <kim@corp.example>, far@away.example"
    await desk.page.get_by_role("button", name="Send").click()
    await expect(desk.page.locator("#toasts")).to_contain_text("Message sent")
    await expect(window(desk.page)).to_have_count(0)
    assert drafts_of(mailbox, "Written here") == []
    [sent] = mailbox.messages('subject:"Written here"', ["SENT"]).messages
    assert "Good morning" in mail_parts.plain_text(mail_parts.read(mailbox.raw(sent.id)))
    [arrived] = colleague.messages('subject:"Written here"', ["INBOX"]).messages
    assert "UNREAD" in arrived.label_ids
    assert [change.kind for change in colleague.history(before).changes] == ["messageAdded"]


async def test_nobody_and_half_an_address_are_refused(desk: Desk) -> None:
    await desk.show()
    await begin(desk.page, "", "To nobody", "x")
    await desk.page.keyboard.press("Control+Enter")
    await expect(desk.page.locator("#toasts")).to_contain_text("at least one recipient")
    await desk.page.get_by_label("To", exact=True).fill("kim")
    await desk.page.keyboard.press("Control+Enter")
    await expect(desk.page.locator("#toasts")).to_contain_text("is not an address")
    await expect(window(desk.page)).to_be_visible()
    await desk.page.get_by_role("button", name="Discard draft").click()
    # The browser itself notes the 400s in its console.
    desk.complaints.clear()


async def test_a_draft_is_closed_opened_again_discarded_and_taken_back(desk: Desk) -> None:
    mailbox = desk.demo.world.mailbox(desk.demo.user.address)
    await desk.show()
    await begin(desk.page, "far@away.example", "Half a thought", "To be")
    await desk.page.keyboard.press("Escape")
    await expect(window(desk.page)).to_have_count(0)
    await desk.page.locator("#labels").get_by_role("link", name="Drafts").click()
    await desk.row("Half a thought").locator(".thread-link").click()
    await expect(window(desk.page).get_by_role("textbox", name="Message")).to_have_text("To be")
    await window(desk.page).get_by_role("button", name="Discard draft").click()
    await expect(desk.row("Half a thought")).to_have_count(0)
    await eventually(lambda: drafts_of(mailbox, "Half a thought") == [])
    await desk.page.get_by_role("button", name="Undo").click()
    await expect(window(desk.page).get_by_role("textbox", name="Message")).to_have_text("To be")
    await expect(desk.page.get_by_label("To", exact=True)).to_have_value("far@away.example")


async def test_several_mails_are_written_side_by_side_and_none_is_lost(desk: Desk) -> None:
    mailbox = desk.demo.world.mailbox(desk.demo.user.address)
    await desk.show()
    for number in ("one", "two", "three"):
        await begin(desk.page, "far@away.example", f"Beside {number}", f"Text {number}")
    await expect(window(desk.page).last.get_by_text("Draft saved")).to_be_visible()
    one, two, three = (window(desk.page).nth(number) for number in range(3))
    await expect(three.get_by_role("textbox", name="Message")).to_be_focused()
    for minimised in (one, two):
        await expect(minimised.get_by_role("textbox", name="Message")).to_be_hidden()
    await expect(one.get_by_role("heading")).to_have_text("Beside one")
    await one.get_by_role("button", name="Restore").click()
    await expect(one.get_by_role("textbox", name="Message")).to_have_text("Text one")
    await expect(one.get_by_role("textbox", name="Message")).to_be_focused()
    await expect(three.get_by_role("textbox", name="Message")).to_be_hidden()
    await one.get_by_role("button", name="Minimise").press("Enter")
    await expect(one.get_by_role("button", name="Restore")).to_be_focused()
    await eventually(lambda: all(drafts_of(mailbox, f"Beside {number}") for number in ("one", "two", "three")))
    await three.get_by_role("button", name="Restore").click()
    await three.get_by_role("textbox", name="Message").press("Escape")
    await expect(window(desk.page)).to_have_count(2)
    await two.get_by_role("button", name="Save and close").click()
    await expect(window(desk.page)).to_have_count(1)
    for number in ("one", "two", "three"):
        [draft] = drafts_of(mailbox, f"Beside {number}")
        assert f"Text {number}" in mail_parts.plain_text(mail_parts.read(mailbox.raw(draft.message.id)))


async def test_two_windows_stand_beside_each_other(desk: Desk) -> None:
    await desk.show()
    for number in range(2):
        await begin(desk.page, "", f"Both {number}", "x")
    boxes = [await window(desk.page).nth(number).bounding_box() for number in range(2)]
    assert all(box and box["width"] > 300 for box in boxes)
    assert boxes[0] and boxes[1] and boxes[1]["x"] + boxes[1]["width"] < boxes[0]["x"]


async def test_on_a_narrow_window_a_second_mail_leaves_the_first_as_a_bar(desk: Desk) -> None:
    await desk.page.set_viewport_size({"width": 390, "height": 800})
    await desk.page.goto(f"{desk.demo.address}/u/0/")
    await begin(desk.page, "far@away.example", "Narrow one", "x")
    await expect(desk.page.get_by_role("button", name="Compose", exact=True)).to_be_hidden()
    first = window(desk.page).first
    box = await first.bounding_box()
    assert box and box["width"] == 390
    await first.get_by_role("button", name="Minimise").click()
    await begin(desk.page, "far@away.example", "Narrow two", "y")
    await expect(first).to_be_hidden()
    await window(desk.page).last.get_by_role("button", name="Minimise").click()
    await first.get_by_role("button", name="Restore").click()
    await expect(first.get_by_label("Subject")).to_have_value("Narrow one")


async def test_a_draft_that_is_open_is_brought_back_and_not_opened_twice(desk: Desk) -> None:
    await desk.show(label="DRAFT")
    await begin(desk.page, "far@away.example", "Only once", "so far")
    await expect(window(desk.page).get_by_text("Draft saved")).to_be_visible()
    await window(desk.page).get_by_role("button", name="Minimise").click()
    await desk.page.get_by_role("button", name="Refresh").click()
    await desk.row("Only once").locator(".thread-link").click()
    await expect(window(desk.page).get_by_role("textbox", name="Message")).to_be_focused()
    await expect(window(desk.page)).to_have_count(1)


async def test_a_window_that_cannot_be_saved_stays(desk: Desk) -> None:
    await desk.show()
    await desk.page.route("**/desk/*/drafts", lambda route: route.abort())
    await begin(desk.page, "", "Kept in the window", "not lost")
    await desk.page.keyboard.press("Escape")
    await expect(desk.page.locator("#toasts")).to_contain_text("does not answer")
    await expect(window(desk.page).get_by_text("Not saved")).to_be_visible()
    await desk.page.unroute("**/desk/*/drafts")
    await desk.page.keyboard.press("Escape")
    await expect(window(desk.page)).to_have_count(0)
    assert len(drafts_of(desk.demo.world.mailbox(desk.demo.user.address), "Kept in the window")) == 1
    # The browser itself notes the failed requests in its console.
    desk.complaints.clear()


@pytest.mark.parametrize("width", [1280, 390])
async def test_written_sent_and_answered_by_keys_alone(desk: Desk, width: int) -> None:
    subject = f"By keys at {width}"
    desk.arrive(HENRIETTA, subject)
    await desk.page.set_viewport_size({"width": width, "height": 800})
    await desk.page.goto(f"{desk.demo.address}/u/0/")
    link = desk.row(subject).locator(".thread-link")
    await link.focus()
    keyboard = desk.page.keyboard
    await keyboard.press("c")
    await expect(desk.page.get_by_label("To", exact=True)).to_be_focused()
    await keyboard.type("kim@corp.example")
    await keyboard.press("Tab")
    await keyboard.press("Tab")
    await keyboard.type(f"{subject}, sent")
    await keyboard.press("Tab")
    await expect(window(desk.page).get_by_role("textbox", name="Message")).to_be_focused()
    await keyboard.type("Good morning")
    await keyboard.press("Tab")
    await expect(window(desk.page).get_by_role("button", name="Send")).to_be_focused()
    await keyboard.press("Enter")
    await expect(desk.page.locator("#toasts")).to_contain_text("Message sent")
    await expect(link).to_be_focused()
    await keyboard.press("Enter")
    await expect(desk.page.locator(".thread-head h1")).to_be_focused()
    await keyboard.press("r")
    await expect(window(desk.page).get_by_role("textbox", name="Message")).to_be_focused()
    await keyboard.press("Escape")
    await expect(window(desk.page)).to_have_count(0)
    reply = desk.page.get_by_role("button", name="Reply", exact=True)
    await reply.focus()
    await keyboard.press("Enter")
    await expect(window(desk.page).get_by_role("textbox", name="Message")).to_be_focused()
    await keyboard.type("Gladly.")
    await keyboard.press("Control+Enter")
    await expect(desk.page.locator(".mail")).to_have_count(2)
    await expect(desk.page.locator(".mail-head").first).to_be_focused()


HOSTILE = {
    "a third of a megabyte of <div>": "<div>" * 58_600 + "the ground",
    "declarations": "the ground" + "<?" * 97_500,
    "paragraphs": "<p>x</p>" * 37_000 + "the ground",
    "lists within lists": "<ul><li>" * 20_000 + "the ground",
    "line ends": "<br>" * 24_000 + "the ground",
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_mail_is_answered_as_any_other(desk: Desk, html: str) -> None:
    mailbox = desk.demo.world.mailbox(desk.demo.user.address)
    subject = f"Answer me if you can {list(HOSTILE.values()).index(html)}."
    desk.arrive("Mallory <mallory@evil.example>", subject, html=html)
    await desk.open(subject)
    await desk.page.get_by_role("button", name="Reply", exact=True).click()
    editor = window(desk.page).get_by_role("textbox", name="Message")
    await expect(editor).to_contain_text("the ground")
    assert await editor.locator("*").count() <= 25_000
    await desk.page.keyboard.type("Gladly. ")
    await expect(desk.page.locator(".compose-state")).to_have_text("Draft saved")
    [draft] = drafts_of(mailbox, f"Re: {subject}")
    text = mail_parts.plain_text(mail_parts.read(mailbox.raw(draft.message.id)), 10_000_000)
    assert ("Gladly." in text, "the ground" in text) == (True, True)
    await window(desk.page).get_by_role("button", name="Discard draft").click()
    await expect(window(desk.page)).to_have_count(0)


async def test_a_draft_that_is_too_much_says_so_and_keeps_what_was_written(desk: Desk) -> None:
    await desk.show()
    await begin(desk.page, "kim@corp.example", "Too much", "First words.")
    await expect(desk.page.locator(".compose-state")).to_have_text("Draft saved")
    editor = window(desk.page).get_by_role("textbox", name="Message")
    many = "const dir = node.dir; node.dir = ''; node.insertAdjacentHTML('beforeend', '<br>'.repeat(60_000)); node.dir = dir;"
    await editor.evaluate(f"node => {{ {many} node.dispatchEvent(new Event('input')) }}")
    await expect(desk.page.locator("#toasts")).to_contain_text("This mail has too many paragraphs and formats to be saved")
    await expect(desk.page.locator(".compose-state")).to_have_text("Not saved")
    await expect(editor).to_contain_text("First words.")
    desk.complaints.clear()  # the browser tells of the answer 400
    await editor.evaluate(
        "node => { node.innerText = 'First words.'; getSelection().selectAllChildren(node); getSelection().collapseToEnd() }"
    )
    await desk.page.keyboard.type(" And more.")
    await expect(desk.page.locator(".compose-state")).to_have_text("Draft saved")
    await window(desk.page).get_by_role("button", name="Discard draft").click()


async def test_a_discarded_draft_comes_back_with_its_files_and_its_place(desk: Desk) -> None:
    mailbox = desk.demo.world.mailbox(desk.demo.user.address)
    answered = mailbox.message(desk.arrive(HENRIETTA, "Answer with file", Message_ID="<with-file@analytical-works.example>"))
    letter = EmailMessage()
    letter["To"], letter["Subject"] = HENRIETTA, "Re: Answer with file"
    letter["In-Reply-To"] = letter["References"] = "<with-file@analytical-works.example>"
    letter.set_content("See the file.")
    letter.add_attachment(b"1,2", maintype="text", subtype="csv", filename="figures.csv")
    mailbox.create_draft(letter.as_bytes(), answered.thread_id)
    await desk.show(label="DRAFT")
    await desk.row("Answer with file").locator(".thread-link").click()
    await expect(window(desk.page)).to_contain_text("With figures.csv")
    await window(desk.page).get_by_role("button", name="Discard draft").click()
    await expect(window(desk.page)).to_have_count(0)
    await eventually(lambda: [message.id for message in mailbox.thread(answered.thread_id).messages] == [answered.id])
    await desk.page.get_by_role("button", name="Undo").click()
    await expect(window(desk.page)).to_contain_text("With figures.csv")
    await expect(window(desk.page).get_by_role("textbox", name="Message")).to_have_text("See the file.")
    _, restored = mailbox.thread(answered.thread_id).messages
    assert mail_parts.read(mailbox.raw(restored.id)).first("In-Reply-To") == "<with-file@analytical-works.example>"


async def test_what_is_written_from_right_to_left_runs_that_way(desk: Desk) -> None:
    await desk.page.emulate_media(color_scheme="dark")
    await desk.show()
    await begin(desk.page, "نور <nour@levant-textiles.example>", "عرض جديد", "مرحبا")
    for name in ("To", "Subject", "Message"):
        written = window(desk.page).get_by_label(name, exact=True)
        assert await written.evaluate("node => getComputedStyle(node).direction") == "rtl"


async def test_a_forwarded_mail_takes_its_files_along(desk: Desk) -> None:
    mailbox = desk.demo.world.mailbox(desk.demo.user.address)
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = HENRIETTA, desk.demo.user.address, "Plan attached"
    letter.set_content("The plan.")
    letter.add_attachment(b"plan", maintype="application", subtype="pdf", filename="plan.pdf")
    mailbox.arrive(letter.as_bytes())
    await desk.open("Plan attached")
    await desk.page.keyboard.press("f")
    await expect(desk.page.get_by_label("Subject")).to_have_value("Fwd: Plan attached")
    await expect(window(desk.page)).to_contain_text("With plan.pdf")
    await expect(desk.page.get_by_label("To", exact=True)).to_be_focused()
    await desk.page.keyboard.type("kim@corp.example")
    await desk.page.keyboard.press("Control+Enter")
    await expect(desk.page.locator("#toasts")).to_contain_text("Message sent")
    colleague = desk.demo.world.mailbox(desk.demo.colleague.address)
    [arrived] = colleague.messages('subject:"Fwd: Plan attached" filename:plan.pdf').messages
    assert "The plan." in mail_parts.plain_text(mail_parts.read(colleague.raw(arrived.id)))


async def test_a_reply_quotes_and_stays_in_its_thread(desk: Desk) -> None:
    mailbox = desk.demo.world.mailbox(desk.demo.user.address)
    copied = "Jonas Ekdahl <jonas.ekdahl@analytical-works.example>, ada@corp.example"
    mail_id = desk.arrive(
        HENRIETTA, "Two parts", "In two parts please.", Cc=copied, Message_ID="<parts@analytical-works.example>"
    )
    await desk.open("Two parts")
    await desk.page.keyboard.press("a")
    await expect(desk.page.get_by_label("To", exact=True)).to_have_value(HENRIETTA)
    await expect(desk.page.get_by_label("Cc", exact=True)).to_have_value("Jonas Ekdahl <jonas.ekdahl@analytical-works.example>")
    await expect(desk.page.get_by_label("Subject")).to_have_value("Re: Two parts")
    await expect(window(desk.page).locator("blockquote")).to_contain_text("In two parts please.")
    await expect(window(desk.page).get_by_role("textbox", name="Message")).to_be_focused()
    await desk.page.keyboard.type("Gladly.")
    await desk.page.keyboard.press("Control+Enter")
    await expect(desk.page.locator(".mail")).to_have_count(2)
    sent = mailbox.thread(mailbox.message(mail_id).thread_id).messages[-1]
    mail = mail_parts.read(mailbox.raw(sent.id))
    assert (mail.first("In-Reply-To"), mail.first("References")) == ("<parts@analytical-works.example>",) * 2
    text = mail_parts.plain_text(mail)
    assert text.index("Gladly.") < text.index("wrote:") < text.index("In two parts please.")


async def test_what_is_quoted_cannot_run_in_the_window(desk: Desk) -> None:
    html = (
        "<p onclick='alert(1)'>Safe words</p><script>document.title='run'</script><img src='https://far.example/x.png' onerror=alert(1)>"
        "<a href='javascript:alert(1)'>press</a><style>*{display:none}</style><form action='https://far.example'><input></form>"
    )
    desk.arrive(HENRIETTA, "Careful with this", html=html)
    await desk.open("Careful with this")
    await desk.page.keyboard.press("f")
    editor = window(desk.page).get_by_role("textbox", name="Message")
    await expect(editor).to_contain_text("Safe words")
    assert await editor.locator("script, style, img, form, input, [onclick], [onerror], [href^=javascript]").count() == 0


ACTIONS = {
    "updateToRecipients": {"toRecipients": [{"email": "new@corner.example"}]},
    "updateCcRecipients": {"ccRecipients": [{"email": "copy@corner.example"}]},
    "updateBccRecipients": {"bccRecipients": []},
    "updateSubject": {"subject": "From a template"},
}


def body_action(kind: str, content: str, content_type: str = "MUTABLE_HTML") -> dict[str, Any]:
    return {"updateBody": {"type": kind, "insertContents": [{"content": content, "contentType": content_type}]}}


@dataclass
class Stub:
    """A desk whose add-on is a small server of the test's own, with a compose trigger; and the calls that came."""

    page: Page
    world: World
    addon_url: str
    events: list[dict[str, Any]] = field(default_factory=list)
    markup: dict[str, Any] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    async def home(self, _: web.Request) -> web.Response:
        return web.json_response({"action": {"navigations": [{"pushCard": {"header": {"title": "Home"}}}]}})

    async def compose(self, request: web.Request) -> web.Response:
        self.events.append({"authorization": request.headers["Authorization"], **await request.json()})
        button = {"text": "Use template", "onClick": {"action": {"function": f"{self.addon_url}/use"}}}
        card = {"header": {"title": "Templates"}, "sections": [{"widgets": [{"buttonList": {"buttons": [button]}}]}]}
        return web.json_response({"action": {"navigations": [{"pushCard": card}]}})

    async def use(self, request: web.Request) -> web.Response:
        self.events.append(await request.json())
        return web.json_response({"renderActions": {"hostAppAction": {"gmailAction": self.markup}}})

    async def press(self, **markup: Any) -> None:
        """The card's button, answered with this updateDraftActionMarkup."""
        self.markup = {"updateDraftActionMarkup": markup}
        await expect(self.page.locator(".compose-state")).to_have_text("Draft saved")
        async with self.page.expect_response("**/desk/*/drafts"):
            await self.page.locator("#panel").get_by_role("button", name="Use template").click()


async def _serve(app: web.Application, port: int) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


async def _no_record(module: str, record_id: str, viewer: str) -> dict[str, Any]:
    raise LookupError


async def _no_frame(module: str, record_id: str, viewer: str) -> str:
    return ""


@pytest_asyncio.fixture(loop_scope="session")
async def stub(tmp_path: Path, browser: Browser) -> AsyncIterator[Stub]:
    world = World(tmp_path / "world", lambda: datetime.now(UTC))
    world.add_account("ada@corp.example", "Ada Byron")
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.set_default_timeout(SECONDS_TO_WAIT * 1000)
    made = Stub(await context.new_page(), world, "")
    routes = [web.post("/home", made.home), web.post("/compose", made.compose), web.post("/use", made.use)]
    app, port = web.Application(), free_port()
    app.add_routes(routes)
    addon, made.addon_url = await _serve(app, port), f"http://127.0.0.1:{port}"
    trigger = {"actions": [{"label": "Insert template", "runFunction": "https://ADDON_URL/compose"}], "draftAccess": "METADATA"}
    deployment = tmp_path / "appsscript.json"
    home = {"runFunction": "https://ADDON_URL/home"}
    deployment.write_text(json.dumps({"addOns": {"common": {"homepageTrigger": home}, "gmail": {"composeTrigger": trigger}}}))
    clock = TurnedClock(tmp_path / "turned", lambda: datetime.now(UTC))
    dialled = SimpleNamespace(world=world, clock=clock, crm_fault_file=tmp_path / "fault")
    job = JobRuns(world, made.addon_url, made.addon_url, "job@corp.example")
    product = Product(made.addon_url, job, _no_record, _no_frame, clock, tmp_path / "calls", "", "", deployment)
    desk_port = free_port()
    key = DeskKey(desk_port)
    pages = [*desk_routes(world, product), *dial_routes(cast(Dialled, dialled)), *gallery_routes()]
    desk = await _serve(desk_app(key, pages, google_routes(world)), desk_port)
    complaints = made.complaints
    made.page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    made.page.on("pageerror", lambda error: complaints.append(str(error)))
    await made.page.goto(key.entrance(f"http://127.0.0.1:{desk_port}/"))
    yield made
    await context.close()
    await desk.cleanup()
    await addon.cleanup()
    world.close()
    assert complaints == []


async def test_the_compose_trigger_gets_a_signed_event_with_the_recipients(stub: Stub) -> None:
    await begin(stub.page, "Grace <grace@hopper.example>, unfinish", "S", "x")
    await stub.page.get_by_role("button", name="Insert template").click()
    await expect(stub.page.locator("#panel")).to_contain_text("Templates")
    [event] = stub.events
    assert event["gmail"] == {"toRecipients": ["grace@hopper.example"]}
    token = event["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, certs=stub.world.google.certificates())
    assert claims["aud"] == f"{stub.addon_url}/compose"


async def test_draft_actions_change_the_real_draft(stub: Stub) -> None:
    mailbox = stub.world.mailbox("ada@corp.example")
    await begin(stub.page, "grace@hopper.example", "Before", "one three")
    for _ in range(len(" three")):
        await stub.page.keyboard.press("ArrowLeft")
    await stub.page.get_by_role("button", name="Insert template").click()
    await stub.press(**ACTIONS)
    await stub.press(**body_action("IN_PLACE_INSERT", "<b onclick='x()'> two</b><script>1</script>"))
    await stub.press(**body_action("INSERT_AT_START", "zero <", "TEXT"))
    await stub.press(**body_action("INSERT_AT_END", "<p>four</p>"))
    await expect(stub.page.get_by_role("textbox", name="Message")).to_have_text("zero <one two threefour")
    [draft] = mailbox.drafts()[0]
    mail = mail_parts.read(mailbox.raw(draft.message.id))
    headers = [mail.first(name) for name in ("To", "Cc", "Bcc", "Subject")]
    assert headers == ["new@corner.example", "copy@corner.example", "", "From a template"]
    assert "zero &lt;one<b> two</b> three<p>four</p>" in mail_parts.html_text(mail)
    assert "script" not in mail_parts.html_text(mail)


async def test_any_megabyte_of_an_add_on_is_inserted_bounded(stub: Stub) -> None:
    await stub.page.evaluate(f"() => {{ {COUNTS_READ_ANEW} }}")
    mailbox = stub.world.mailbox("ada@corp.example")
    await begin(stub.page, "grace@hopper.example", "Much", "mine ")
    await stub.page.get_by_role("button", name="Insert template").click()
    for content in (
        "<dl>" * 249_000 + "ground",
        "<div>" * 199_000 + "ground",
        "<p>x</p>" * 120_000 + "ground",
        "<br>" * 40_000 + "ground",
    ):
        await stub.press(**body_action("REPLACE", content))
        editor = stub.page.get_by_role("textbox", name="Message")
        await expect(editor).to_contain_text("ground")
        assert await editor.locator("*").count() <= 50_000
    assert await stub.page.evaluate("window.readAnew") < 500
    [draft] = mailbox.drafts()[0]
    assert "ground" in mail_parts.html_text(mail_parts.read(mailbox.raw(draft.message.id)))
    stub.markup = {"updateDraftActionMarkup": body_action("REPLACE", "x" * 1_000_001)}
    await stub.page.locator("#panel").get_by_role("button", name="Use template").click()
    await expect(stub.page.locator(".panel-notes")).to_contain_text("longer than a draft may be")
    stub.complaints.clear()  # the browser tells of the answer 400
    await expect(editor).to_contain_text("ground")


async def test_an_unknown_draft_action_is_a_red_note_and_a_created_draft_opens(stub: Stub) -> None:
    mailbox = stub.world.mailbox("ada@corp.example")
    draft = mailbox.create_draft(b"To: grace@hopper.example\r\nSubject: Made by the add-on\r\n\r\nHello <Grace>.\r\n")
    await begin(stub.page, "", "S", "x")
    await stub.page.get_by_role("button", name="Insert template").click()
    await stub.press(updateColour={})
    await expect(stub.page.locator(".panel-notes")).to_contain_text("updateColour is no field")
    stub.markup = {"openCreatedDraftActionMarkup": {"draftId": draft.id, "draftThreadId": draft.message.thread_id}}
    await stub.page.locator("#panel").get_by_role("button", name="Use template").click()
    made = window(stub.page).last
    await expect(made.get_by_label("Subject")).to_have_value("Made by the add-on")
    await expect(made.get_by_role("textbox", name="Message")).to_have_text("Hello <Grace>.")


async def test_a_compose_action_is_about_the_window_that_it_was_pressed_in(stub: Stub) -> None:
    mailbox = stub.world.mailbox("ada@corp.example")
    for subject in ("First", "Second"):
        await begin(stub.page, f"{subject}@hopper.example", subject, subject)
    first = window(stub.page).first
    await first.get_by_role("button", name="Insert template").click()
    await expect(stub.page.locator("#panel")).to_contain_text("Templates")
    assert stub.events[0]["gmail"] == {"toRecipients": ["First@hopper.example"]}
    stub.markup = {"updateDraftActionMarkup": {"updateSubject": {"subject": "First changed"}}}
    await stub.page.locator("#panel").get_by_role("button", name="Use template").click()
    await expect(first.get_by_label("Subject")).to_have_value("First changed")
    await expect(window(stub.page).last.get_by_label("Subject")).to_have_value("Second")
    for number in (1, 0):
        await window(stub.page).nth(number).get_by_role("button", name="Save and close").click()
    await expect(window(stub.page)).to_have_count(0)
    await expect(stub.page.locator("#panel")).to_contain_text("Home")
    assert {draft.message.subject for draft in mailbox.drafts()[0]} == {"First changed", "Second"}
