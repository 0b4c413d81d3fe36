"""The list and an open conversation in a real browser: who, when, in which order, searched, paged, folded; slow, and gone."""

import asyncio
import base64
import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import expect

from sandbox.google.mail_folder import Label, MailFolder, NewMail
from tests.browser.conftest import Desk, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

GRACE = "Grace Hopper <grace@nobody-knows.example>"
BOB = "Bob Ross <bob@nobody-knows.example>"
ADA = "Ada Byron <ada@corp.example>"


def mailbox_of(desk: Desk) -> MailFolder:
    return desk.demo.world.mailbox(desk.demo.user.address)


def mail(sender: str, subject: str, body: str = "Hello.", to: str = ADA, **headers: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, subject
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(body)
    return made


def put(desk: Desk, mails: Sequence[tuple[EmailMessage, datetime]], *labels: str) -> list[str]:
    """Into the user's mailbox as if they had been there since; their ids."""
    return mailbox_of(desk).add([NewMail(each.as_bytes(), received, labels) for each, received in mails])


def conversation(subject: str, count: int, senders: Sequence[str] = (GRACE, BOB, ADA)) -> list[tuple[EmailMessage, datetime]]:
    """Letters that answer each other, an hour apart, the newest of now."""
    name = subject.replace(" ", "-")
    ids = [f"<{name}-{number}@nobody-knows.example>" for number in range(count)]
    found = []
    for number in range(count):
        before = {"References": " ".join(ids[:number]), "In_Reply_To": ids[number - 1]} if number else {}
        words = ("Re: " if number else "") + subject
        letter = mail(senders[number % len(senders)], words, f"Letter {number + 1}.", Message_ID=ids[number], **before)
        found.append((letter, datetime.now(UTC) - timedelta(hours=count - number)))
    return found


COLOUR_OF_CORNER = """async (picture) => {
  const image = new Image();
  image.src = `data:image/png;base64,${picture}`;
  await image.decode();
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  return [...context.getImageData(1, 1, 1, 1).data];
}"""
COLOUR = """(name) => {
  const node = document.body.appendChild(document.createElement("i"));
  node.style.color = `var(${name})`;
  const colour = getComputedStyle(node).color.match(/[0-9.]+/g).slice(0, 3).map(Number);
  node.remove();
  return [...colour, 255];
}"""


async def test_dates_are_written_as_gmail_writes_them(desk: Desk) -> None:
    label = mailbox_of(desk).create_label(Label("", "Dated"))
    days = {"today": (2026, 11, 16, 8, 5), "this year": (2026, 11, 14, 8, 5), "before": (2025, 12, 31, 8, 5)}
    put(desk, [(mail(GRACE, f"Of {day}"), datetime(*when, tzinfo=UTC)) for day, when in days.items()], label.id)
    await desk.page.clock.set_fixed_time(datetime(2026, 11, 16, 12, 0, tzinfo=UTC))
    await desk.show(label=label.id)
    await expect(desk.page.locator("#view time")).to_have_text(["9:05", "14 Nov", "31/12/25"])
    opened = []
    for subject in ("Of today", "Of this year", "Of before"):
        await desk.row(subject).locator(".thread-link").click()
        await expect(desk.page.locator(".thread-head h1")).to_have_text(subject)
        opened.append(await desk.page.locator(".mail-head time").inner_text())
        await desk.page.keyboard.press("u")
    assert opened == ["9:05 (4 hours ago)", "Sat 14 Nov, 9:05 (2 days ago)", "Wed, 31 Dec 2025, 9:05"]


async def test_a_row_tells_who_wrote_how_many_what_and_whether_it_was_read(desk: Desk) -> None:
    [*_, newest] = put(desk, conversation("Row of four", 4), "INBOX")
    mailbox_of(desk).modify([newest], ["UNREAD"])
    await desk.show(q='subject:"Row of four"')
    row = desk.rows.first
    await expect(row.locator(".writers")).to_have_text("Grace, Bob, me 4")
    await expect(row.locator(".unread-writer")).to_have_text("Grace")
    await expect(row.locator(".snippet")).to_have_text("Letter 4.")
    await expect(row).to_have_class(re.compile("unread"))
    await row.locator(".thread-link").click()
    await expect(desk.page.locator(".open-thread")).to_be_visible()
    await desk.page.keyboard.press("u")
    await expect(row).not_to_have_class(re.compile("unread"))


async def test_the_inbox_is_in_the_order_of_what_came_in_and_sent_says_to_whom(desk: Desk) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    order = (mail(GRACE, "Order one", Message_ID="<order-1@nobody-knows.example>"), now - timedelta(seconds=3))
    between = (mail(BOB, "Order two"), now - timedelta(seconds=2))
    reply = mail(ADA, "Re: Order one", to="Kim Berg <kim@corp.example>, far@away.example", In_Reply_To=order[0]["Message-ID"])
    put(desk, [order, between], "INBOX")
    put(desk, [(reply, now)], "SENT")
    await desk.show(label="INBOX")
    of_both = desk.rows.filter(has=desk.page.locator(".subject", has_text=re.compile("Order (one|two)")))
    await expect(of_both.locator(".subject")).to_have_text(["Order two", "Order one"])
    shown = await of_both.last.locator("time").get_attribute("datetime")
    assert shown and datetime.fromisoformat(shown) == now - timedelta(seconds=3)
    await desk.show(label="SENT")
    await expect(desk.row("Order one").locator(".writers")).to_have_text("To: Kim, far")


SEARCHED = {
    "letter": mail(GRACE, "quince letter", "Nothing in it but a walrus.", Cc="copy@nobody-knows.example"),
    "bob": mail(BOB, "quince from bob", to="team@corp.example"),
    "old": mail(BOB, "quince of old"),
    "file": mail(GRACE, "quince with file"),
}
SEARCHED["file"].add_attachment(b"1,2", maintype="text", subtype="csv", filename="figures.csv")


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("from:grace", "letter file"),
        ("to:team", "bob"),
        ("cc:copy", "letter"),
        ("subject:(with file)", "file"),
        ("walrus", "letter"),
        ("-from:grace", "bob old"),
        ("from:grace walrus", "letter"),
        ("walrus OR to:team", "letter bob"),
        ("{walrus to:team}", "letter bob"),
        ("(from:bob after:2020/01/01)", "bob"),
        ("before:2020/01/01", "old"),
        ("has:attachment", "file"),
        ("filename:csv", "file"),
        ("in:inbox", "letter bob file"),
        ("label:orchard", "old"),
        ("is:starred", "file"),
        ('"quince of old"', "old"),
        ("in:trash", ""),
    ],
)
async def test_search_operators(desk: Desk, q: str, found: str) -> None:
    if not mailbox_of(desk).messages("subject:quince", most=1).messages:
        label = mailbox_of(desk).create_label(Label("", "Orchard"))
        now = datetime.now(UTC)
        put(desk, [(SEARCHED[name], now) for name in ("letter", "bob")], "INBOX")
        put(desk, [(SEARCHED["old"], datetime(2019, 5, 1, tzinfo=UTC))], label.id)
        put(desk, [(SEARCHED["file"], now)], "INBOX", "STARRED")
    await desk.show()
    await desk.page.keyboard.press("/")
    await desk.page.keyboard.type(f"subject:quince {q}")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page).to_have_url(re.compile("q=subject"))
    await expect(desk.rows).to_have_count(len(found.split()))
    for name in found.split():
        await expect(desk.row(SEARCHED[name]["Subject"])).to_have_count(1)
    if not found:
        await expect(desk.page.locator(".empty")).to_contain_text("No messages matched your search")


async def test_pages_of_a_long_list(desk: Desk) -> None:
    label = mailbox_of(desk).create_label(Label("", "Long"))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    put(desk, [(mail(GRACE, f"Long {number:03}"), start + timedelta(hours=number)) for number in range(120)], label.id)
    await desk.show(label=label.id)
    pages = desk.page.locator(".pages")
    await expect(pages).to_have_text("1–50 of 120")
    await expect(desk.page.get_by_role("button", name="Newer")).to_be_disabled()
    await desk.page.get_by_title("Older", exact=True).click()
    await expect(pages).to_have_text("51–100 of 120")
    await expect(desk.rows.first.locator(".subject")).to_have_text("Long 069")
    await desk.page.reload()
    await expect(pages).to_have_text("51–100 of 120")
    await expect(desk.rows.first.locator(".subject")).to_have_text("Long 069")
    await desk.page.get_by_title("Older", exact=True).click()
    await expect(pages).to_have_text("101–120 of 120")
    await expect(desk.page.get_by_title("Older", exact=True)).to_be_disabled()
    await desk.page.go_back()
    await expect(pages).to_have_text("51–100 of 120")


async def test_older_mails_of_a_conversation_are_folded(desk: Desk) -> None:
    put(desk, conversation("Folded letters", 7), "INBOX")
    await desk.show(q='subject:"Folded letters"')
    await desk.rows.first.locator(".thread-link").click()
    shown = desk.page.locator(".mail:visible")
    await expect(shown).to_have_count(3)
    await expect(desk.page.locator(".mail-body:visible .plain")).to_have_text("Letter 7.\n")
    await expect(shown.first.locator(".mail-snippet")).to_have_text("Letter 1.")
    older = desk.page.get_by_role("button", name="4 older messages")
    await older.focus()
    await desk.page.keyboard.press("Enter")
    await expect(shown).to_have_count(7)
    await expect(shown.nth(1).locator(".mail-head")).to_be_focused()
    await desk.page.keyboard.press("Enter")
    await expect(shown.nth(1).locator(".plain")).to_have_text("Letter 2.\n")
    await expect(older).to_have_count(0)


async def test_every_unread_mail_of_a_conversation_is_open(desk: Desk) -> None:
    ids = put(desk, conversation("Half read", 6), "INBOX")
    mailbox_of(desk).modify([ids[1], ids[5]], ["UNREAD"])
    await desk.show(q='subject:"Half read"')
    await desk.rows.first.locator(".thread-link").click()
    await expect(desk.page.locator(".mail-body:visible .plain")).to_have_text(["Letter 2.\n", "Letter 6.\n"])
    await eventually(lambda: "UNREAD" not in mailbox_of(desk).message(ids[5]).label_ids)


async def test_an_opened_conversation_begins_at_its_top_with_the_focus_on_its_subject(desk: Desk) -> None:
    label = mailbox_of(desk).create_label(Label("", "Deep"))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    long = "word\n" * 300
    above = [(mail(GRACE, f"Above {number}", long), start + timedelta(hours=number)) for number in range(1, 31)]
    put(desk, [(mail(GRACE, "Far down", long), start), *above], label.id)
    await desk.show(label=label.id)
    link = desk.row("Far down").locator(".thread-link")
    await link.scroll_into_view_if_needed()
    await link.focus()
    await desk.page.keyboard.press("o")
    await expect(desk.page.locator(".thread-head h1")).to_be_focused()
    view = desk.page.locator("#view")
    assert await view.evaluate("node => node.scrollTop") == 0
    await view.evaluate("node => node.scrollTop = 2000")
    await desk.page.get_by_role("button", name="Newer").click()
    await expect(desk.page.locator(".thread-head h1")).to_have_text("Above 1")
    assert await view.evaluate("node => node.scrollTop") == 0
    await desk.page.go_back()
    await expect(desk.page.locator(".thread-head h1")).to_have_text("Far down")
    await desk.page.keyboard.press("u")
    await expect(link).to_be_focused()


async def test_everybody_a_mail_went_to_can_be_read(desk: Desk) -> None:
    crowd = [f"Person {number} <person{number}@crowd.example>" for number in range(12)]
    desk.arrive(GRACE, "To a crowd", Cc=", ".join(crowd))
    await desk.open("To a crowd")
    summary = desk.page.locator(".mail-details summary")
    await expect(summary).to_have_text("to me, cc Person 0, Person 1, Person 2, Person 3 …")
    await summary.focus()
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator(".mail-details dd").nth(2).locator("bdi")).to_have_text(crowd)
    await expect(desk.page.locator(".mail-details dd").first).to_have_text(GRACE)


CHARSETS = [
    ("text/plain; charset=koi8-r", "Привет, Ада".encode("koi8-r"), "Привет, Ада"),
    ("text/plain; charset=iso-2022-jp", "こんにちは".encode("iso-2022-jp"), "こんにちは"),
    ("text/plain; charset=nonsense", "Grüße".encode(), "Grüße"),
    ("text/html; charset=windows-1255", "<p dir=rtl>שלום עדה</p>".encode("windows-1255"), "שלום עדה"),
    ("text/html; charset=gb18030", "<b>您好</b>".encode("gb18030"), "您好"),
]


@pytest.mark.parametrize(("kind", "body", "shown"), CHARSETS, ids=[kind for kind, _, _ in CHARSETS])
async def test_plain_and_html_of_any_charset(desk: Desk, kind: str, body: bytes, shown: str) -> None:
    head = f"From: {GRACE}\r\nSubject: {kind}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    arrived = mailbox_of(desk).arrive(head.encode() + body)
    await desk.show(label="INBOX", thread=arrived.thread_id)
    text = desk.page.locator(".plain") if "plain" in kind else desk.page.frame_locator(".mail-frame").locator("body")
    await expect(text).to_have_text(shown)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_html_stands_where_plain_text_stands_and_in_the_same_colours(desk: Desk, scheme: Literal["light", "dark"]) -> None:
    await desk.page.emulate_media(color_scheme=scheme)
    desk.arrive(GRACE, f"Plain in the {scheme}", "The same words.")
    desk.arrive(GRACE, f"Marked up in the {scheme}", html="<p>The same words.</p><ul><li>One</li></ul>")
    looks = []
    for subject in ("Plain", "Marked up"):
        await desk.open(f"{subject} in the {scheme}")
        frame = desk.page.frame_locator(".mail-frame")
        text = desk.page.locator(".plain") if subject == "Plain" else frame.locator("p")
        await expect(text).to_contain_text("The same words.")
        box = await text.bounding_box()
        assert box
        style = await text.evaluate(
            "node => ['color', 'fontSize', 'lineHeight', 'fontFamily'].map((name) => getComputedStyle(node)[name])"
        )
        looks.append((box["x"], box["y"], style))
    assert looks[0] == looks[1]
    ground = await frame.locator("body").evaluate("node => getComputedStyle(node).backgroundColor")
    assert ground == "rgba(0, 0, 0, 0)"
    # The browser paints a frame's ground white or black itself where its colour scheme is not the page's.
    shot = base64.b64encode(await desk.page.locator(".mail-frame").screenshot()).decode()
    assert await desk.page.evaluate(COLOUR_OF_CORNER, shot) == await desk.page.evaluate(COLOUR, "--surface")


async def test_html_with_colours_of_its_own_stays_on_the_white_that_it_was_made_for(desk: Desk) -> None:
    await desk.page.emulate_media(color_scheme="dark")
    desk.arrive(GRACE, "Black on white", html='<p style="color: #000000">Black letters.</p>')
    await desk.open("Black on white")
    body = desk.page.frame_locator(".mail-frame").locator("body")
    await expect(body).to_have_css("background-color", "rgb(255, 255, 255)")
    await expect(body.locator("p")).to_have_css("color", "rgb(0, 0, 0)")


async def test_arrows_that_turn_pages_point_apart_and_only_one_arrow_leads_back(desk: Desk) -> None:
    put(desk, conversation("Arrows", 2), "INBOX")
    await desk.show(label="INBOX")
    drawn = "node => [...node.querySelectorAll('path')].map((path) => path.getAttribute('d')).join()"
    newer, older = (desk.page.get_by_title(name, exact=True) for name in ("Newer", "Older"))
    back = desk.page.get_by_role("button", name="Back to")
    in_list = [await newer.evaluate(drawn), await older.evaluate(drawn)]
    await desk.rows.first.locator(".thread-link").click()
    in_mail = [await newer.evaluate(drawn), await older.evaluate(drawn)]
    assert in_list == in_mail == ["M15 6l-6 6 6 6", "M9 6l6 6-6 6"]
    assert await back.evaluate(drawn) not in in_mail


async def test_attachments_come_by_their_names_and_nowhere_else(desk: Desk, tmp_path: Path) -> None:
    letter = mail(GRACE, "Three files")
    letter.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Angebot – März.pdf")
    letter.add_attachment(b"<script>alert(1)</script>", maintype="text", subtype="html", filename="../../page.html")
    put(desk, [(letter, datetime.now(UTC))], "INBOX")
    await desk.show(q='subject:"Three files"')
    await expect(desk.rows.first.locator(".has-attachment")).to_be_visible()
    await desk.rows.first.locator(".thread-link").click()
    await expect(desk.page.locator(".attachments h2")).to_have_text("2 attachments")
    files = {}
    for name in ("Angebot – März.pdf", "page.html"):
        async with desk.page.expect_download() as coming:
            await desk.page.locator(".attachment", has_text=name).click()
        download = await coming.value
        await download.save_as(tmp_path / "saved")
        files[download.suggested_filename] = (tmp_path / "saved").read_bytes()
    assert files == {"Angebot – März.pdf": b"%PDF", "page.html": b"<script>alert(1)</script>"}
    link = await desk.page.locator(".attachment", has_text="page.html").get_attribute("href")
    answered = await desk.page.request.get(f"{desk.demo.address}{link}")
    assert answered.headers["content-type"] == "application/octet-stream"
    assert answered.headers["content-security-policy"] == "sandbox"


async def test_while_it_is_slow_the_page_says_so(desk: Desk) -> None:
    held = asyncio.Event()

    async def hold(route: Any) -> None:
        await held.wait()
        await route.continue_()

    await desk.show()
    await desk.page.route("**/desk/*/threads?*", hold)
    await desk.page.locator("#labels").get_by_role("link", name="Starred").click()
    await expect(desk.page.locator("main")).to_have_attribute("aria-busy", "true")
    await expect(desk.page.locator("#labels [data-label=STARRED]")).to_have_attribute("aria-current", "page")
    held.set()
    await expect(desk.page.locator("main")).to_have_attribute("aria-busy", "false")
    await expect(desk.page.locator("#labels [data-label=STARRED]")).to_be_focused()


async def test_a_desk_that_is_gone_is_told_with_a_way_to_try_again(desk: Desk) -> None:
    desk.arrive(GRACE, "Seen again")
    await desk.show(label="STARRED")
    await desk.page.route("**/desk/*/threads?*", lambda route: route.abort())
    await desk.page.locator("#labels").get_by_role("link", name="Inbox").click()
    alert = desk.page.get_by_role("alert")
    await expect(alert).to_contain_text("The desk does not answer. Is the demo still running?")
    await expect(desk.rows).to_have_count(0)
    await desk.page.unroute("**/desk/*/threads?*")
    await alert.get_by_role("button", name="Try again").click()
    await expect(desk.row("Seen again")).to_be_visible()
    # The browser itself notes the failed request in its console.
    desk.complaints.clear()


async def test_back_from_a_mail_that_is_gone_does_not_lead_to_it_again(desk: Desk) -> None:
    await desk.show(label="STARRED")
    await desk.page.evaluate("location.hash = 'label=INBOX&thread=00000000000000ff'")
    await expect(desk.page.locator("#toasts")).to_contain_text("not there")
    await expect(desk.page).to_have_url(re.compile("#label=INBOX$"))
    await desk.page.go_back()
    await expect(desk.page).to_have_url(re.compile("label=STARRED"))
    desk.complaints.clear()


async def test_at_200_percent_on_paper_and_in_forced_colours(desk: Desk) -> None:
    put(desk, conversation("On paper", 2), "INBOX")
    await desk.show(q='subject:"On paper"')
    await desk.rows.first.locator(".thread-link").click()
    await expect(desk.page.locator(".plain:visible")).to_have_text("Letter 2.\n")
    await desk.page.set_viewport_size({"width": 640, "height": 400})
    for place in ("document.documentElement", "document.querySelector('#view')"):
        assert await desk.page.evaluate(f"{place}.scrollWidth - {place}.clientWidth") <= 0
    await desk.page.set_viewport_size({"width": 1280, "height": 800})
    await desk.page.emulate_media(media="print")
    for place in (".top", "#side", "#panel", "#toolbar", ".answers:visible"):
        await expect(desk.page.locator(place)).to_be_hidden()
    await expect(desk.page.locator(".thread-head h1")).to_be_visible()
    await desk.page.emulate_media(media="screen", forced_colors="active", reduced_motion="reduce")
    current = desk.page.locator("#labels [data-label=STARRED]")
    await current.click()
    await expect(current).to_have_attribute("aria-current", "page")
    await expect(current).to_have_css("outline-style", "solid")


async def test_no_name_is_turned_round_and_those_that_run_from_right_to_left_still_do(desk: Desk) -> None:
    turned, hebrew = "Mal\u202eyrol\u202c\u200blo \u2067ry\u2069", "שרה כהן"
    for name, subject in ((turned, "Turned round"), (hebrew, "From right to left")):
        desk.arrive(f"=?utf-8?b?{b64encode(name.encode()).decode()}?= <somebody@nobody-knows.example>", subject)
    for name, subject in (("Malyrollo ry", "Turned round"), (hebrew, "From right to left")):
        await desk.show()
        assert await desk.row(subject).first.locator("bdi").first.text_content() == name
        await desk.open(subject)
        assert await desk.page.locator(".mail-from b").first.text_content() == name
        shown = await desk.page.locator("#panel").text_content()
        assert shown
        assert name in shown
        assert not set("\u202e\u202c\u200b\u2067") & set(shown)
