"""Shared mail in the browser: an admin lets colleagues read, the second user reads the first one's mail, the first sees that."""

import sqlite3
from contextlib import closing

import pytest
from playwright.async_api import expect

from sandbox.demo.processes import Demo
from tests.browser.conftest import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

SUBJECT, BODY = "The zeppelin's price list", "The canary sings of tungsten."


def shared_contact(demo: Demo) -> tuple[str, str]:
    """The name and address of the contact that the colleague sees too."""
    with closing(sqlite3.connect(demo.folder / "crm.sqlite")) as crm:
        name, addresses = crm.execute(
            "SELECT name, (SELECT address FROM contact_addresses WHERE contact_id = contacts.id ORDER BY position LIMIT 1) "
            "FROM contacts JOIN shares ON shares.record_id = contacts.id LIMIT 1"
        ).fetchone()
        return str(name), str(addresses)


async def fix_sharing(desk: Desk, how: str) -> None:
    """The admin's way: homepage, settings, administration, policy, what it does, Save."""
    await desk.show(label="INBOX")
    await desk.panel.get_by_role("button", name="Settings").click()
    await desk.panel.get_by_role("button", name="Administration").click()
    await desk.panel.get_by_text("Policy", exact=True).click()
    await desk.panel.get_by_label("Who may read users’ mail with contacts").select_option(label=how)
    await desk.panel.get_by_role("button", name="See what it does").click()
    await desk.panel.get_by_role("button", name="Save").click()
    await expect(desk.panel.get_by_text("Saved. It holds from now on.")).to_be_visible()


async def test_a_second_user_reads_what_is_shared_and_the_owner_sees_who_did(desk: Desk) -> None:
    kim = desk.demo.colleague
    name, address = shared_contact(desk.demo)
    desk.arrive(f"{name} <{address}>", SUBJECT, BODY)
    desk.arrive(f"{name} <{address}>", "To Kim", account=kim)
    await desk.open("To Kim", account=kim)
    await desk.panel.get_by_text(f"Mail with {name}").click()
    await expect(desk.panel.get_by_text("does not share mail with")).to_be_visible()
    await expect(desk.panel.get_by_text(SUBJECT)).to_have_count(0)
    await fix_sharing(desk, "All with access to the contact")
    try:
        await desk.open("To Kim", account=kim)
        await desk.panel.get_by_text(f"Mail with {name}").click()
        await desk.panel.get_by_text(SUBJECT).click()
        await expect(desk.panel.get_by_text(BODY)).to_be_visible()
        await expect(desk.panel.get_by_text("can see that you have read this.")).to_be_visible()
    finally:
        await fix_sharing(desk, "Each user decides")
    await desk.show(label="INBOX")
    await desk.panel.get_by_role("button", name="Settings").click()
    await desk.panel.get_by_text("What I share, and who read it").click()
    await expect(desk.panel.get_by_text(f"mail with {name}").first).to_be_visible()
    await desk.open("To Kim", account=kim)
    await desk.panel.get_by_text(f"Mail with {name}").click()
    await expect(desk.panel.get_by_text("does not share mail with")).to_be_visible()
    await expect(desk.panel.get_by_text(SUBJECT)).to_have_count(0)
