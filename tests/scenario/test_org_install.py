"""An admin lets MailMagnet into the mailboxes of all: a user sets up without being asked for consent, and the mail is sorted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from cards.frame import Frame
from cards.frame import Path as Served
from cards.set_up_card import set_up_card
from gmail_client.mailbox import GmailMailbox
from mailmagnet.caller import Caller
from mailmagnet.categories import Category
from mailmagnet.consent import Grant
from mailmagnet.crm import DealState
from mailmagnet.identity import Identity, Locale
from mailmagnet.label_mail import label_mail
from mailmagnet.set_up import SetUp, open_set_up, save_set_up
from mailmagnet.vault import Connection
from sandbox.cards.card_check import card_faults
from tests.scenario.desk import ADA, Desk, desk_in

ORG = "corp.example"


class LetIn(Desk):
    """The organisation's own way into a mailbox stands here for Google's delegation; a user has no token of their own."""

    @property
    def delegated(self) -> bool:
        return True

    def gmail_of(self, connection: Connection) -> GmailMailbox:
        if not connection.delegated:
            return super().gmail_of(connection)
        account = self.world.account(connection.address)
        return super().gmail_of(replace(connection, gmail_token=self.world.google.refresh_token(account)))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[LetIn]:
    async with desk_in(tmp_path) as made:
        yield LetIn(**{name: getattr(made, name) for name in Desk.__dataclass_fields__})


def caller(desk: Desk, identity: Identity | None = None) -> Caller:
    by = asyncio.get_running_loop().time() + 20
    return Caller(identity or Identity(ORG, desk.account.sub, ADA, ORG), desk.clock.now, by)


def card_of(set_up: SetUp, desk: Desk) -> str:
    frame = Frame(Locale(), desk.clock.now, "https://addon.example", Served.SET_UP, page_url=lambda *_: "https://pages.example/")
    card = set_up_card(set_up, frame)
    assert card_faults(card) == []
    return str(card)


async def test_there_is_nothing_to_click_and_save_begins_it(desk: LetIn) -> None:
    await desk.contact("grace@customer.example", (DealState.WON, date(2020, 1, 31)))
    opened = await open_set_up("UTC", caller(desk), desk)
    assert "Connected by your admin: there is nothing to click." in card_of(opened, desk)
    assert "/connect" not in card_of(opened, desk)
    assert await desk.store.mailbox(ORG, desk.account.sub) is None
    for _ in range(2):
        saved = await save_set_up(
            replace(opened.form, mailmagnet=True, labelling=True, backfill_days="0"), "", caller(desk), desk
        )
        assert (saved.saved, saved.refusal, saved.problem) == (True, None, None)
    kept = await desk.vault.connection(ORG, desk.account.sub)
    assert kept
    assert (kept.gmail_token, kept.grants, kept.delegated) == ("", frozenset({Grant.SORT}), True)
    assert "sales@corp.example" in kept.own_addresses
    mail_id = desk.arrive("grace@customer.example")
    desk.clock.turn(minutes=1)
    assert (await label_mail(ORG, desk.account.sub, desk)).sorted[Category.CUSTOMER] == 1
    assert Category.CUSTOMER.label in {label.name for label in await desk.gmail_of(kept).labels()}
    (mail,) = (await desk.gmail_of(kept).headers([mail_id], ["From"])).mails
    assert "INBOX" not in mail.label_ids


async def test_a_mailbox_that_google_does_not_let_us_into_is_said_and_what_was_typed_stays(desk: LetIn) -> None:
    opened = await open_set_up("UTC", caller(desk), desk)
    desk.world.suspend(ADA)
    saved = await save_set_up(replace(opened.form, mailmagnet=True), "", caller(desk), desk)
    assert (saved.saved, saved.form.mailmagnet, saved.mailbox) == (False, True, None)
    assert saved.problem
    kept = await desk.vault.connection(ORG, desk.account.sub)
    assert kept is None or not kept.connected


async def test_who_is_no_member_of_an_organisation_is_asked_as_ever(desk: LetIn) -> None:
    await desk.sign_in(desk.account, ADA)
    consumer = Identity(desk.account.sub, desk.account.sub, ADA, "")
    connection = await desk.vault.connection(ORG, desk.account.sub)
    assert connection
    await desk.vault.sign_in(replace(connection, org=consumer.org))
    opened = await open_set_up("UTC", caller(desk, consumer), desk)
    assert (opened.connected, opened.delegated) == (False, False)
    assert "Connected by your admin" not in card_of(opened, desk)
