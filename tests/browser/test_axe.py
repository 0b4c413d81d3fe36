"""axe on each screen of the page, wide and narrow, light and dark: nothing serious that a screen reader's user would stumble over."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import FilePayload, Page, expect

from sandbox.google.faults import Fault
from sandbox.google.mail_folder import Label
from tests.browser.conftest import Desk
from tests.browser.test_gallery import card_page
from tests.browser.test_page import HENRIETTA

pytestmark = pytest.mark.asyncio(loop_scope="session")

STRANGER = "Grace Stranger <grace@nobody-knows.example>"
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]

# The text inside a mail's frame is its sender's; the frame itself is looked at. What is being loaded is dimmed for a moment, and may
# begin to be at any: a screen counts when nothing was loaded before it was looked at, nor after.
RUN = """async () => {
    const loading = () => document.querySelector('[aria-busy="true"]');
    for (;;) {
        while (loading()) await new Promise((resolve) => setTimeout(resolve, 20));
        for (const one of document.getAnimations()) one.finish();
        const found = await axe.run(document, { iframes: false, preload: false, resultTypes: ["violations"] });
        if (!loading()) return found.violations
            .filter(({ impact }) => ["serious", "critical"].includes(impact))
            .map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ target, any }) => `${target} ${any[0]?.message ?? ""}`)}`);
    }
}"""


async def look(page: Page, axe: str) -> list[str]:
    """What axe finds on the screen in sight, in every look."""
    found: list[str] = []
    await page.evaluate(axe)
    for width, scheme in LOOKS:
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        complaints: list[str] = await page.evaluate(RUN)
        found += [f"{width} px, {scheme}: {complaint}" for complaint in complaints]
    await page.set_viewport_size({"width": 1280, "height": 800})
    return found


async def test_axe_finds_what_is_wrong(desk: Desk, axe: str) -> None:
    """That the other tests could fail at all."""
    await desk.show()
    await desk.page.evaluate("document.querySelector('#query').removeAttribute('aria-label'); query.placeholder = ''")
    assert any("label" in found for found in await look(desk.page, axe))


async def test_the_inbox_and_the_homepage(desk: Desk, axe: str) -> None:
    desk.arrive(HENRIETTA, "In the inbox")
    await desk.show()
    await expect(desk.panel).to_contain_text("Search people, firms, deals")
    assert await look(desk.page, axe) == []
    await desk.rows.first.get_by_role("checkbox").check()
    assert await look(desk.page, axe) == []


async def test_an_empty_list(desk: Desk, axe: str) -> None:
    await desk.show(q="nothinghasthisword")
    assert await look(desk.page, axe) == []


CARDS: list[tuple[str, str, dict[str, str]]] = [
    ("known", HENRIETTA, {}),
    ("unknown", STRANGER, {}),
    ("colleague", "Kim Berg <kim@corp.example>", {}),
    ("mailing list", "List <say@lists.tool-users.example>", {"List_Id": "<say.lists.tool-users.example>", "Precedence": "list"}),
    ("machine", "no-reply@shop.example", {"Auto_Submitted": "auto-generated"}),
]


@pytest.mark.parametrize(("kind", "sender", "headers"), CARDS, ids=[kind for kind, _, _ in CARDS])
async def test_an_open_mail(desk: Desk, axe: str, kind: str, sender: str, headers: dict[str, str]) -> None:
    subject = f"For axe: {kind}"
    desk.arrive(sender, subject, html="<p>Hello. <img src='https://far.example/picture.png'></p>", account=None, **headers)
    await desk.open(subject)
    await expect(desk.page.frame_locator(".mail-frame").locator("body")).to_contain_text("Hello")
    assert await look(desk.page, axe) == []


async def test_a_card_that_tells_of_a_problem(desk: Desk, axe: str) -> None:
    desk.arrive(HENRIETTA, "For axe: nobody answers")
    await desk.show(q='subject:"For axe: nobody answers"')
    desk.demo.world.faults.add(Fault("gmail", "users.messages.get", latency_ms=8_000))
    await desk.row("nobody answers").locator(".thread-link").click()
    await expect(desk.panel.get_by_role("button", name="Retry")).to_be_visible()
    assert await look(desk.page, axe) == []


async def test_who_may_not_see_the_crm(desk: Desk, axe: str) -> None:
    desk.arrive(HENRIETTA, "For axe: not allowed", account=desk.demo.without_mail)
    await desk.open("For axe: not allowed", account=desk.demo.without_mail)
    assert await look(desk.page, axe) == []


async def test_search_results_and_a_contact_card_in_the_panel(desk: Desk, axe: str) -> None:
    await desk.show()
    await desk.panel.get_by_role("textbox").fill("Lovell")
    await desk.panel.get_by_role("button", name="Search").click()
    await expect(desk.panel).to_contain_text("Contacts ·")
    contact = desk.panel.get_by_text("Henrietta Lovell").first
    await expect(contact).to_be_visible()
    assert await look(desk.page, axe) == []
    await contact.click()
    await expect(desk.panel).to_contain_text("Head of Procurement")
    assert await look(desk.page, axe) == []


async def test_notes_on_what_google_would_refuse(desk: Desk, axe: str) -> None:
    refused = {"header": {"title": "Wrong"}, "sections": [{"widgets": [{"textParagraph": {"text": "Hi", "colour": "red"}}]}]}
    await desk.answer_with({"action": {"navigations": [{"pushCard": refused}]}})
    await desk.show()
    await expect(desk.page.locator(".panel-notes")).to_contain_text("colour")
    assert await look(desk.page, axe) == []


async def test_the_dry_runs_dialog_and_the_job(desk: Desk, axe: str) -> None:
    desk.arrive(HENRIETTA, "For axe: would move")
    await desk.show()
    await desk.page.get_by_role("button", name="Dry run").click()
    dialog = desk.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("would move")
    assert await look(desk.page, axe) == []
    await dialog.get_by_role("button", name="Close").click()
    await desk.run_job()
    await expect(desk.page.locator(".job-sum")).to_contain_text("sorted")
    assert await look(desk.page, axe) == []


async def test_which_mails_a_run_moved(desk: Desk, axe: str) -> None:
    desk.arrive(HENRIETTA, "For axe: moved")
    await desk.show()
    await desk.run_job()
    await expect(desk.page.locator("#toasts .toast")).to_contain_text("Sorted")
    assert await look(desk.page, axe) == []
    await desk.page.locator(".job-told").get_by_role("button", name="See which").click()
    await expect(desk.page.get_by_role("dialog", name="Sorted")).to_contain_text("For axe: moved")
    assert await look(desk.page, axe) == []


async def test_the_page_of_a_record(desk: Desk, axe: str) -> None:
    await desk.show()
    for kind in ("deals", "contacts", "accounts"):
        table = (await desk.demo.embedded_crm("export", kind)).decode("utf-8-sig")
        await desk.page.goto(f"{desk.demo.address}/crm/{kind}/{table.splitlines()[1].rpartition(',')[2]}")
        await expect(desk.page.get_by_role("heading", level=1)).not_to_be_empty()
        assert await look(desk.page, axe) == []


async def test_the_worlds_dials(desk: Desk, axe: str) -> None:
    await desk.show()
    await desk.page.get_by_role("button", name="World's dials", exact=True).click()
    dials = desk.page.get_by_role("dialog", name="World's dials")
    await expect(dials.get_by_role("heading", name="Edit a deal")).to_be_visible()
    assert await look(desk.page, axe) == []
    await dials.get_by_role("button", name="Next month").click()
    await expect(dials.get_by_role("status")).to_have_text("It is a month later.")
    gmail = dials.get_by_role("group", name="Gmail")
    await gmail.get_by_role("button", name="Failing").click()
    await expect(gmail.locator("[aria-pressed=true]")).to_have_count(1)
    tasks = {"tasks": 1, "attempts": [{"at": "2026-12-01T00:10:00+00:00", "task": "f" * 40, "attempt": 1, "status": 0}]}
    await desk.page.route("**/dials/tick", lambda route: route.fulfill(json=tasks))
    await dials.get_by_role("button", name="Tick").click()
    await expect(dials.locator("tbody tr")).to_have_count(1)  # those of other tests are gone
    await expect(dials.locator("tbody tr")).to_contain_text("no answer")
    assert await look(desk.page, axe) == []
    await dials.get_by_role("button", name="Today").click()
    await expect(dials.get_by_role("status")).to_have_text("It is today again.")
    await gmail.get_by_role("button", name="Make it well").click()
    await expect(gmail.locator("[aria-pressed=true]")).to_have_count(0)


async def test_behind_the_panel(desk: Desk, axe: str) -> None:
    desk.arrive(HENRIETTA, "For axe: behind the panel")
    await desk.show()
    await desk.run_job()
    await expect(desk.page.locator(".job-sum")).to_contain_text("sorted")
    await desk.page.get_by_role("button", name="Behind the panel").click()
    drawer = desk.page.get_by_role("region", name="Behind the panel")
    await expect(drawer.locator(".calls tbody tr").first).to_be_visible()
    await expect(drawer.locator("[data-stored] tbody tr").first).to_be_visible()
    assert await look(desk.page, axe) == []


async def test_the_keys_dialog_and_the_menu_of_accounts(desk: Desk, axe: str) -> None:
    await desk.show()
    await desk.page.keyboard.press("?")
    await expect(desk.page.get_by_role("dialog")).to_contain_text("Keyboard shortcuts")
    assert await look(desk.page, axe) == []
    await desk.page.keyboard.press("Escape")
    await desk.page.locator("#account-button").click()
    await expect(desk.page.get_by_role("menuitem").first).to_be_visible()
    assert await look(desk.page, axe) == []


async def test_compose_windows_and_a_reply(desk: Desk, axe: str) -> None:
    desk.arrive(HENRIETTA, "For axe: an answer")
    await desk.open("For axe: an answer")
    await desk.page.keyboard.press("r")
    windows = desk.page.locator(".compose")
    await expect(windows.get_by_role("textbox", name="Message")).to_be_focused()
    await windows.get_by_role("button", name="Cc Bcc").click()
    assert await look(desk.page, axe) == []
    await desk.page.get_by_role("button", name="Compose", exact=True).click()
    await expect(windows).to_have_count(2)
    await windows.last.get_by_label("To", exact=True).fill("نور <nour@levant-textiles.example>")
    await windows.last.get_by_label("Subject").fill("عرض جديد للأقمشة")
    assert await look(desk.page, axe) == []
    for minimised in await windows.get_by_role("button", name="Minimise").all():
        await minimised.click()
    await expect(windows.get_by_role("button", name="Restore")).to_have_count(2)
    assert await look(desk.page, axe) == []


async def test_labels_folded_and_the_label_menu(desk: Desk, axe: str) -> None:
    mailbox = desk.demo.world.mailbox(desk.demo.user.address)
    for name in ("Axes", "Axes/Bronze"):
        mailbox.create_label(Label("", name))
    desk.arrive(STRANGER, "For axe: gets a label")
    await desk.open("For axe: gets a label")
    await desk.page.get_by_role("button", name="Labels below Axes").click()
    await desk.page.keyboard.press("l")
    await desk.page.keyboard.type("a")
    await expect(desk.page.get_by_role("dialog", name="Label as").get_by_role("checkbox").first).to_be_visible()
    assert await look(desk.page, axe) == []


async def test_a_long_conversation_to_many(desk: Desk, axe: str) -> None:
    first = "<axe-long-0@nobody-knows.example>"
    for number in range(6):
        about = {"Message_ID": f"<axe-long-{number}@nobody-knows.example>"} | ({"References": first} if number else {})
        desk.arrive(STRANGER, "Re: For axe: long" if number else "For axe: long", account=None, Cc="b@crowd.example", **about)
    mailbox = desk.demo.world.mailbox(desk.demo.user.address)
    found = mailbox.messages('subject:"For axe: long"').messages
    mailbox.modify([message.id for message in found], [], ["UNREAD"])
    await desk.open("For axe: long")
    await expect(desk.page.locator(".older")).to_be_visible()
    await desk.page.locator(".mail-details:visible summary").click()
    assert await look(desk.page, axe) == []


async def test_the_imports_menu_and_what_it_tells(desk: Desk, axe: str) -> None:
    await desk.show()
    await desk.page.get_by_role("button", name="Import mail").click()
    assert await look(desk.page, axe) == []
    async with desk.page.expect_file_chooser() as chooser:
        await desk.page.get_by_role("menuitem", name="Files").click()
    files = [("one.eml", b"Subject: x\n\nHi\n"), ("cat.png", b"\x89PNG")]
    await (await chooser.value).set_files([FilePayload(name=name, mimeType="", buffer=content) for name, content in files])
    await expect(desk.page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    assert await look(desk.page, axe) == []


async def test_a_list_that_could_not_be_loaded(desk: Desk, axe: str) -> None:
    await desk.show()
    await desk.page.route("**/desk/*/threads?*", lambda route: route.abort())
    await desk.page.locator("#labels").get_by_role("link", name="Starred").click()
    await expect(desk.page.get_by_role("alert")).to_contain_text("could not be loaded")
    assert await look(desk.page, axe) == []
    # The browser itself notes the failed request in its console.
    desk.complaints.clear()


async def test_consent(desk: Desk, axe: str) -> None:
    scopes = ["https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/script.locale"]
    await desk.answer_with({"requesting_google_scopes": {"scopes": scopes}})
    await desk.page.goto(desk.demo.address)
    await expect(desk.panel.get_by_role("button", name="Continue")).to_be_visible()
    assert await look(desk.page, axe) == []


async def test_a_record_of_the_crm(desk: Desk, axe: str) -> None:
    desk.arrive(HENRIETTA, "For axe: the record")
    await desk.open("For axe: the record")
    async with desk.page.context.expect_page() as opened:
        await desk.panel.get_by_text("Open in MailMagnet CRM").click()
    record = await opened.value
    await expect(record.get_by_role("heading", level=1)).to_have_text("Henrietta Lovell")
    assert await look(record, axe) == []


async def test_the_gallery_folded_and_unfolded(desk: Desk, axe: str) -> None:
    await desk.page.goto(f"{desk.demo.address}/gallery")
    await expect(desk.page.locator("#gallery")).to_have_attribute("aria-busy", "false")
    assert await look(desk.page, axe) == []
    folds = desk.page.locator("[aria-expanded=false]:is(.collapse, .link-button)")
    assert await folds.count() > 0
    await folds.evaluate_all("(buttons) => buttons.forEach((button) => button.click())")
    await expect(folds).to_have_count(0)
    assert await look(desk.page, axe) == []


CARD: dict[str, Any] = {"header": {"title": "Ada"}, "sections": [{"widgets": [{"textParagraph": {"text": "x"}}]}]}


@pytest.mark.parametrize("refused", [{}, {"sectoins": []}], ids=["taken", "refused"])
async def test_the_page_of_a_card_file(desk: Desk, axe: str, tmp_path: Path, refused: dict[str, Any]) -> None:
    file = tmp_path / "card.json"
    file.write_text(json.dumps(CARD | refused))
    with card_page(file) as address:
        await desk.page.goto(address)
        await expect(desk.page.locator("#refused")).to_contain_text("sectoins" if refused else "Nothing")
        assert await look(desk.page, axe) == []
        await desk.page.goto("about:blank")
    desk.requests[:] = [url for url in desk.requests if not url.startswith(address.split("?")[0])]
