"""An admin lets MailMagnet into the mailboxes of all: a user sets up without being asked for consent, and the mail is sorted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cards.frame import Frame
from cards.frame import Path as Served
from cards.set_up_card import set_up_card
from crm_client.embedded.administration import set_permission
from functions.openings import Openings
from gmail_client.access_tokens import AccessTokens
from gmail_client.consent import SCOPES
from gmail_client.delegation import Delegation
from gmail_client.mailbox import GmailMailbox
from gmail_client.mailbox_http import DelegatedAccess
from http_session.own_token import OwnToken
from http_session.session import HttpSession
from mailmagnet.begin_with_defaults import begin_with_defaults, what_admin_has_set
from mailmagnet.caller import Caller
from mailmagnet.categories import Category
from mailmagnet.consent import Grant
from mailmagnet.crm import MAIL_INTEGRATION, DealState
from mailmagnet.disconnect_mailbox import disconnect_mailbox
from mailmagnet.errors import MAILMAGNET, MailboxFailed, Unavailable
from mailmagnet.identity import Identity, Locale
from mailmagnet.label_mail import label_mail
from mailmagnet.set_up import SetUp, open_set_up, save_set_up
from mailmagnet.store import Defaults, Policy, Reason, SetUpBy, Sharing
from mailmagnet.vault import Connection
from metadata_store.sqlite import SqliteStore
from sandbox.cards.card_check import card_faults
from tests.scenario.desk import ADA, Desk, desk_in

ORG = "corp.example"
JOB = "mailmagnet-job@project.iam.gserviceaccount.com"
METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"


class LetIn(Desk):
    """Google's delegation, for the organisation alone; a user has no token of their own."""

    tokens: AccessTokens

    def lets_in(self, org: str) -> bool:
        return org == ORG

    def gmail_of(self, connection: Connection) -> GmailMailbox:
        if not connection.delegated:
            return super().gmail_of(connection)
        return GmailMailbox(DelegatedAccess(self.tokens, connection), self.origin, seconds=10)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[LetIn]:
    async with desk_in(tmp_path) as made:
        let_in = LetIn(**{name: getattr(made, name) for name in Desk.__dataclass_fields__})
        session = HttpSession({made.origin})
        token_url, own_token = f"{made.origin}/token", OwnToken(session, f"{made.origin}{METADATA}")
        delegation = Delegation(session, own_token, made.origin, token_url, JOB, [ORG], 10)
        let_in.tokens = AccessTokens(session, "none", "none", token_url, 10, delegation)
        made.world.delegation.signers.add(JOB)
        made.world.delegation.delegated[JOB, ORG] = frozenset({SCOPES[Grant.SORT]})
        yield let_in
        await session.close()


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


DEFAULTS = Defaults(mailmagnet=True, labelling=True, backfill_days=7, sharing=Sharing.CUSTOM)


async def set_defaults(desk: LetIn, defaults: Defaults = DEFAULTS, profile: str = "", **policy: Any) -> None:
    await desk.store.set_policy(ORG, Policy(defaults={profile: defaults}, **policy))


async def test_a_user_who_opens_the_panel_begins_with_the_admins_defaults_and_the_homepage_says_so(desk: LetIn) -> None:
    await desk.contact("grace@customer.example", (DealState.WON, date(2020, 1, 31)))
    mail_id = desk.arrive("grace@customer.example")
    desk.clock.turn(minutes=1)
    process = Openings()
    await process.note(caller(desk), desk)
    assert await desk.store.mailbox(ORG, desk.account.sub) is None, "the admin has set nothing"
    await set_defaults(desk)
    for _ in range(2):
        await process.note(caller(desk), desk)
        await Openings().note(caller(desk), desk)
    mailbox = await desk.mailbox()
    assert (mailbox.mailmagnet, mailbox.labelling, mailbox.choices.sharing, mailbox.choices.set_up_by) == (
        True,
        True,
        Sharing.CUSTOM,
        SetUpBy.ADMIN,
    )
    assert what_admin_has_set(mailbox) == DEFAULTS
    assert (await desk.run()).sorted[Category.CUSTOMER] == 1
    assert "INBOX" not in await desk.labels_of(mail_id)
    # Whoever saves has the last word, whatever the admin sets after it.
    opened = await open_set_up("UTC", caller(desk), desk)
    saved = await save_set_up(replace(opened.form, labelling=False), "", caller(desk), desk)
    assert saved.saved
    await set_defaults(desk, replace(DEFAULTS, sharing=Sharing.PUBLIC))
    await Openings().note(caller(desk), desk)
    mailbox = await desk.mailbox()
    assert (mailbox.labelling, mailbox.choices.sharing, mailbox.choices.set_up_by) == (False, Sharing.CUSTOM, SetUpBy.USER)
    assert what_admin_has_set(mailbox) is None


async def test_who_is_leaving_is_let_go_and_begins_anew_after_signing_in_anew(desk: LetIn) -> None:
    await set_defaults(desk)
    user = desk.account.sub
    await desk.store.connect(ORG, user, ADA, desk.now())
    await desk.store.change_presence(ORG, user, lambda presence: replace(presence, leaving_since=desk.now()))
    process = Openings()
    await process.note(caller(desk), desk)
    assert not (await desk.mailbox()).is_set_up
    await disconnect_mailbox(ORG, user, desk)
    await process.note(caller(desk), desk)
    assert await desk.store.mailbox(ORG, user) is None, "the sign-in has ended with the rest"
    await desk.sign_in(desk.account, ADA)
    await process.note(caller(desk), desk)
    assert (await desk.mailbox()).choices.set_up_by is SetUpBy.ADMIN


async def test_the_defaults_of_the_users_own_profile_come_before_everybody_elses(desk: LetIn) -> None:
    profile = (await desk.crm.me()).profile.id
    own = replace(DEFAULTS, mailmagnet=False, labelling=False)
    await desk.store.set_policy(ORG, Policy(defaults={"": DEFAULTS, profile: own}))
    await Openings().note(caller(desk), desk)
    mailbox = await desk.mailbox()
    assert (mailbox.mailmagnet, mailbox.choices.sharing, mailbox.choices.backfill_days) == (False, Sharing.CUSTOM, 7)
    assert mailbox.choices.set_up_by is SetUpBy.ADMIN


async def test_nothing_begins_without_the_permission_without_a_sign_in_and_while_paused(desk: LetIn) -> None:
    await set_defaults(desk, paused_since=desk.now())
    assert not await begin_with_defaults(caller(desk), desk)
    await set_defaults(desk)
    administrator = next(profile for profile in await desk.crm.profiles() if profile.administrator)
    set_permission(desk.crm_database, administrator.name, MAIL_INTEGRATION, held=False)
    assert not await begin_with_defaults(caller(desk), desk)
    set_permission(desk.crm_database, administrator.name, MAIL_INTEGRATION, held=True)
    await desk.vault.sign_out(ORG, desk.account.sub)
    assert not await begin_with_defaults(caller(desk), desk)
    assert await desk.store.mailbox(ORG, desk.account.sub) is None
    consumer = Identity(desk.account.sub, desk.account.sub, ADA, "")
    await desk.store.set_policy(consumer.org, Policy(defaults={"": DEFAULTS}))
    await begin_with_defaults(caller(desk, consumer), desk)
    assert await desk.store.mailbox(consumer.org, desk.account.sub) is None
    await desk.sign_in(desk.account, ADA)
    assert await begin_with_defaults(caller(desk), desk)
    assert (await desk.mailbox()).labelling


@pytest.mark.parametrize("call", ["connect", "switch_on", "take_lease"])
async def test_what_fails_in_the_middle_is_done_by_a_later_opening(
    desk: LetIn, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    await set_defaults(desk)

    async def down(*_: Any, **__: Any) -> None:
        raise Unavailable(MAILMAGNET, "on purpose")

    process = Openings()
    with monkeypatch.context() as patch:
        patch.setattr(type(desk.store), call, down)
        await process.note(caller(desk), desk)
    mailbox = await desk.store.mailbox(ORG, desk.account.sub)
    assert mailbox is None or not mailbox.is_set_up
    await process.note(caller(desk), desk)
    assert (await desk.mailbox()).choices.set_up_by is SetUpBy.ADMIN


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize(("of", "call"), [(GmailMailbox, "profile"), (SqliteStore, "take_lease")])
async def test_a_user_who_saves_at_this_very_moment_has_the_last_word(
    desk: LetIn, monkeypatch: pytest.MonkeyPatch, of: type, call: str, on: bool
) -> None:
    """The user's Save comes while the defaults ask Gmail, after the mailbox was read, or just before they take the lease."""
    await set_defaults(desk)
    opened = await open_set_up("UTC", caller(desk), desk)
    form = replace(opened.form, mailmagnet=on, labelling=False, sharing="private", backfill_days="0")
    real, saves = getattr(of, call), [form]

    async def saved_meanwhile(*words: Any, **more: Any) -> Any:
        mailbox = await desk.store.mailbox(ORG, desk.account.sub)
        if mailbox and saves:
            assert (await save_set_up(saves.pop(), "", caller(desk), desk)).saved
        return await real(*words, **more)

    monkeypatch.setattr(of, call, saved_meanwhile)
    await Openings().note(caller(desk), desk)
    assert not saves, "the user has saved"
    await Openings().note(caller(desk), desk)
    mailbox = await desk.mailbox()
    assert (mailbox.mailmagnet, mailbox.labelling, mailbox.choices.set_up_by) == (on, False, SetUpBy.USER)
    assert mailbox.choices.sharing is Sharing.PRIVATE


async def test_a_user_who_connects_alone_finds_the_form_filled_in_and_nothing_done(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as alone:
        await alone.store.set_policy(ORG, Policy(defaults={"": DEFAULTS}))
        await alone.connect()
        await Openings().note(caller(alone), alone)
        assert not (await alone.mailbox()).is_set_up
        opened = await open_set_up("UTC", caller(alone), alone)
        form = opened.form
        assert (form.mailmagnet, form.labelling, form.backfill_days, form.sharing) == (True, True, "7", "custom")
        saved = await save_set_up(replace(form, mailmagnet=False, labelling=False), "", caller(alone), alone)
        assert saved.saved
        again = (await open_set_up("UTC", caller(alone), alone)).form
        assert (again.mailmagnet, again.labelling, again.sharing) == (False, False, "custom")


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


async def test_a_delegation_that_is_taken_back_marks_the_mailbox_with_the_admins_next_step(desk: LetIn) -> None:
    await desk.contact("grace@customer.example", (DealState.WON, date(2020, 1, 31)))
    opened = await open_set_up("UTC", caller(desk), desk)
    assert (await save_set_up(replace(opened.form, mailmagnet=True, backfill_days="0"), "", caller(desk), desk)).saved
    desk.world.delegation.delegated.clear()
    desk.tokens._accesses.clear()
    desk.clock.turn(minutes=1)
    with pytest.raises(MailboxFailed, match=r"the scopes .*gmail.modify to the client id of mailmagnet-job@"):
        await label_mail(ORG, desk.account.sub, desk)
    mailbox = await desk.mailbox()
    assert mailbox.trouble
    assert (mailbox.trouble.reason, mailbox.trouble.again_at) == (Reason.DELEGATION, desk.clock.now + timedelta(days=1))
    desk.world.delegation.delegated[JOB, ORG] = frozenset({SCOPES[Grant.SORT]})
    desk.clock.turn(days=1)
    await label_mail(ORG, desk.account.sub, desk)
    assert (await desk.mailbox()).trouble is None


async def test_who_leaves_has_nothing_to_be_revoked_at_google(desk: LetIn) -> None:
    opened = await open_set_up("UTC", caller(desk), desk)
    assert (await save_set_up(replace(opened.form, mailmagnet=True, backfill_days="0"), "", caller(desk), desk)).saved
    await disconnect_mailbox(ORG, desk.account.sub, desk)
    assert await desk.vault.connection(ORG, desk.account.sub) is None
    assert await desk.vault.leaving() == ()
    assert "revoke" not in {call.name for call in desk.world.calls.recent}
