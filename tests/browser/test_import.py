"""Importing mail by dropping a file on the page, in a real browser: progress, an honest count, and what is no mail."""

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


async def test_a_single_mail_by_the_button_and_what_is_no_mail(desk: Desk) -> None:
    await desk.show(q="from:chosen.example")
    async with desk.page.expect_file_chooser() as chooser:
        await desk.page.get_by_role("button", name="Import mail").click()
    mail = b"From: x@chosen.example\r\nSubject: Chosen by hand\r\nDate: Mon, 16 Nov 2026 10:00:00 +0000\r\n\r\nHi\r\n"
    picture: FilePayload = {"name": "cat.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n" + bytes(200)}
    await (await chooser.value).set_files([FilePayload(name="one.eml", mimeType="message/rfc822", buffer=mail), picture])
    dialog = desk.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("1 mail imported")
    await expect(dialog.get_by_role("alert")).to_contain_text("There is no mail in it")
    await dialog.get_by_role("button", name="Close").click()
    await expect(desk.row("Chosen by hand")).to_have_count(1)
    assert list(desk.demo.world.folder.glob("tmp*")) == []


async def test_another_site_cannot_import(desk: Desk) -> None:
    await desk.show()
    address = f"{desk.demo.address}/desk/ada@corp.example/import"
    refused = await desk.page.request.post(address, data=MBOX, headers={"Content-Type": "text/plain"})
    assert refused.status == 415
    foreign = {"Content-Type": "application/octet-stream", "Origin": "https://far.example"}
    assert (await desk.page.request.post(address, data=MBOX, headers=foreign)).status == 403
