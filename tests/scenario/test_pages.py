"""The pages: who may open them, and what each refusal says and offers; from the real function, as a browser meets it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cards.frame import Page
from tests.scenario.desk import ADA, Desk, desk_in
from tests.scenario.pages_process import Pages, pages_at


@pytest.fixture
async def new_desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """With ada@corp.example's mailbox not connected yet."""
    async with desk_in(tmp_path) as made:
        yield made


@pytest.fixture
async def pages(new_desk: Desk) -> AsyncIterator[Pages]:
    async with pages_at(new_desk) as made:
        yield made


async def test_from_the_card_to_a_connected_mailbox(pages: Pages) -> None:
    browser = pages.browser()
    shown = await pages.opened(browser, pages.link(Page.CONNECT, grant="sort"))
    assert "wants access" not in shown.text
    shown = await pages.choose(browser, shown)
    assert "wants access to your Google Account" in shown.text
    shown = await browser.send(shown, scope="https://www.googleapis.com/auth/gmail.modify", step="continue")
    assert (shown.status, "Gmail is connected" in shown.text) == (200, True), shown.text
    connection = await pages.desk.vault.connection("corp.example", pages.desk.account.sub)
    assert connection and connection.own_addresses == {ADA, "sales@corp.example"}
    assert await pages.desk.store.mailbox("corp.example", pages.desk.account.sub)
