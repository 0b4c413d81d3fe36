"""Importing mail by dropping a file on the page, in a real browser: progress, an honest count, and what is no mail."""

from pathlib import Path

import pytest
from playwright.async_api import FilePayload, expect

from tests.browser.conftest import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

MBOX = b"""From a@b.example Mon Nov 16 10:00:00 2026
From: Dropped One <one@drop.example>
Subject: First of the dropped
Message-ID: <drop-1@drop.example>
Date: Mon, 16 Nov 2026 10:00:00 +0000

Hello.

From a@b.example Mon Nov 16 11:00:00 2026
From: Dropped Two <two@drop.example>
Subject: Second of the dropped

No date, no id.
"""
DROP = """([name, text]) => {
  const files = new DataTransfer();
  files.items.add(new File([text], name));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
}"""


async def test_a_dropped_mailbox_comes_in_and_its_oddities_are_counted(desk: Desk) -> None:
    await desk.show(q="from:drop.example")
    await desk.page.evaluate(DROP, ["old mail.mbox", MBOX.decode()])
    dialog = desk.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("2 mails imported")
    await expect(dialog.locator(".odd > div")).to_have_text(["without Date1", "without Message-ID1"])
    await dialog.get_by_role("button", name="Close").click()
    await expect(desk.row("First of the dropped")).to_have_count(1)
    await expect(desk.row("Second of the dropped")).to_have_count(1)


async def test_the_same_file_again_says_what_was_here_already(desk: Desk) -> None:
    mails = MBOX.replace(b"drop.example", b"again.example").decode()
    await desk.show(q="from:again.example")
    dialog = desk.page.get_by_role("dialog")
    for file, words in (
        (mails, "2 mails imported. Odd were:"),
        (mails, "0 new, 2 were here already."),
        (mails + mails.split("\n\nFrom a")[0].replace("First", "Third"), "1 new, 2 were here already. None was odd."),
    ):
        await desk.page.evaluate(DROP, ["mails.mbox", file])
        await expect(dialog.locator(".import-results p")).to_have_text(words)
        await dialog.get_by_role("button", name="Close").click()
    await expect(desk.rows).to_have_count(3)


async def test_a_single_mail_by_the_button_and_what_is_no_mail(desk: Desk) -> None:
    await desk.show(q="from:chosen.example")
    await desk.page.get_by_role("button", name="Import mail").click()
    async with desk.page.expect_file_chooser() as chooser:
        await desk.page.get_by_role("menuitem", name="Files").click()
    mail = b"From: x@chosen.example\r\nSubject: Chosen by hand\r\nDate: Mon, 16 Nov 2026 10:00:00 +0000\r\n\r\nHi\r\n"
    picture: FilePayload = {"name": "cat.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n" + bytes(200)}
    await (await chooser.value).set_files([FilePayload(name="one.eml", mimeType="message/rfc822", buffer=mail), picture])
    dialog = desk.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("1 mail imported")
    await expect(dialog.get_by_role("alert")).to_contain_text("There is no mail in it")
    await dialog.get_by_role("button", name="Close").click()
    await expect(desk.row("Chosen by hand")).to_have_count(1)
    assert list(desk.demo.world.folder.glob("tmp*")) == []


def maildir(folder: Path) -> Path:
    """Two mails, one that is not whole yet, and a picture."""
    for place, name in (("cur", "1:2,S"), ("new", "2"), ("tmp", "3")):
        (folder / place).mkdir(parents=True)
        mail = f"From: x@folder.example\nSubject: In {place}\nMessage-ID: <{place}@folder.example>\n\nHi\n"
        (folder / place / name).write_text(mail)
    (folder / "cur" / "picture").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    return folder


async def test_a_maildir_dragged_onto_the_page(desk: Desk, tmp_path: Path) -> None:
    await desk.show(q="from:folder.example in:anywhere subject:in")
    browser = await desk.page.context.new_cdp_session(desk.page)
    data = {"items": [], "files": [str(maildir(tmp_path / "Letters"))], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        await browser.send("Input.dispatchDragEvent", {"type": kind, "x": 500, "y": 400, "data": data})
    await expect(desk.page.locator("body")).to_have_class("dropping")
    await browser.send("Input.dispatchDragEvent", {"type": "drop", "x": 500, "y": 400, "data": data})
    dialog = desk.page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading", level=3)).to_have_text("Letters")
    await expect(dialog).to_contain_text("2 mails imported")
    assert sorted(await dialog.locator(".odd > div").all_inner_texts()) == ["files without mail\n1", "without Date\n2"]
    await dialog.get_by_role("button", name="Close").click()
    await expect(desk.rows).to_have_count(2)
    await expect(desk.row("In tmp")).to_have_count(0)
    assert list(desk.demo.world.folder.glob("tmp*")) == []


async def test_a_folder_chosen_by_the_button(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "Old mail" / "deeper").mkdir(parents=True)
    (tmp_path / "Old mail" / "deeper" / "one.eml").write_text("From: x@deep.example\nSubject: Deep down\n\nHi\n")
    await desk.show(q="from:deep.example")
    await desk.page.get_by_role("button", name="Import mail").focus()
    await desk.page.keyboard.press("Enter")
    await desk.page.keyboard.press("ArrowDown")
    async with desk.page.expect_file_chooser() as chooser:
        await desk.page.keyboard.press("Enter")
    await (await chooser.value).set_files(tmp_path / "Old mail")
    await expect(desk.page.get_by_role("dialog")).to_contain_text("1 mail imported")
    await expect(desk.row("Deep down")).to_have_count(1)


async def test_progress_is_shown_while_it_goes_on(desk: Desk) -> None:
    await desk.show(account=desk.demo.without_mail)
    await desk.page.evaluate("window.seen = new Set()")
    await desk.page.evaluate("""new MutationObserver(() => {
        const bar = document.querySelector(".import-results progress");
        if (bar) seen.add(bar.parentElement.querySelector("p").textContent + (bar.value > 0 && bar.value < 100 ? " partly" : ""));
    }).observe(document.querySelector("#dialog"), { subtree: true, childList: true, attributes: true, characterData: true })""")
    mails = "".join(
        f"From a Mon Nov 16 10:00:00 2026\nFrom: x@many.example\nSubject: Many {n}\n\n{'x' * 900}\n\n" for n in range(2000)
    )
    await desk.page.evaluate(DROP, ["many.mbox", mails])
    await expect(desk.page.get_by_role("dialog")).to_contain_text("2,000 mails imported")
    assert "Reading… partly" in await desk.page.evaluate("[...seen]")


@pytest.mark.parametrize(
    "body",
    [
        b"no line",
        b'{"path": "a", "size": 5}\nabc',
        b'{"path": "../..", "size": 0}\n',
        b'{"path": 1, "size": 0}\n',
        b'{"path": "a", "size": -1}\n',
        b"[]\n",
    ],
)
async def test_a_folder_that_is_not_packed_as_it_should_be(desk: Desk, body: bytes) -> None:
    address = f"{desk.demo.address}/desk/ada@corp.example/import?folder=1"
    answered = await desk.page.request.post(address, data=body, headers={"Content-Type": "application/octet-stream"})
    assert answered.status == 400
    assert "folder" in (await answered.json())["error"]


async def test_another_site_cannot_import(desk: Desk) -> None:
    await desk.show()
    address = f"{desk.demo.address}/desk/ada@corp.example/import"
    refused = await desk.page.request.post(address, data=MBOX, headers={"Content-Type": "text/plain"})
    assert refused.status == 415
    foreign = {"Content-Type": "application/octet-stream", "Origin": "https://far.example"}
    assert (await desk.page.request.post(address, data=MBOX, headers=foreign)).status == 403
