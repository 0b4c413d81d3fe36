"""Leaving as a rep meets it: signed clicks of the sidebar, the export's page in a browser, and the tick that finishes what broke off."""

import asyncio
import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from cards.frame import Page
from mailmagnet.connect_mailbox import connect_mailbox
from mailmagnet.consent import Grant
from mailmagnet.crm import DealState
from mailmagnet.parking import UNOPENED_FOR, parked
from mailmagnet.store import MailReading, ParkedFor, Presence
from mailmagnet.vault import Connection
from sandbox.google.faults import Fault
from sandbox.google.world import Account
from tests.scenario.addon_process import Sidebar, settings_of, sidebar_at
from tests.scenario.desk import ADA, Desk
from tests.scenario.pages_process import pages_at
from tests.scenario.test_job_functions import job_at

ORG = "corp.example"
BOB = "bob@corp.example"
SUBJECT = "Renewal of the analytical engine"


async def with_a_mail(desk: Desk) -> Account:
    """Ada has a sorted mail, which Bob has read; Bob is connected too."""
    await desk.contact("grace@a.example", (DealState.WON, date(2020, 1, 31)))
    desk.arrive("grace@a.example", SUBJECT)
    await desk.run()
    bob = desk.world.add_account(BOB, "Bob", hosted_domain=ORG)
    token = desk.world.google.refresh_token(bob)
    await connect_mailbox(Connection(ORG, bob.sub, BOB, gmail_token=token, grants=frozenset({Grant.SORT})), desk)
    await desk.sign_in(bob, ADA)
    await desk.store.keep_reading(ORG, MailReading(bob.sub, desk.account.sub, "18f", "c1", desk.now()))
    return bob


async def is_gone(desk: Desk, user: str) -> bool:
    """Whether nothing of a user is left here and at Google."""
    left: tuple[Any, ...] = (
        await desk.store.mailbox(ORG, user),
        await desk.vault.connection(ORG, user),
        [token for token in await desk.vault.leaving() if token.user == user],
        await desk.store.latest_mails(ORG, user, 9),
        await desk.store.readings(ORG, user, 9),
        desk.world.google.has_consented(ADA),
    )
    return not any(left)


async def test_from_the_question_to_the_end_and_again(desk: Desk) -> None:
    bob = await with_a_mail(desk)
    async with sidebar_at(desk) as sidebar:
        settings = (await sidebar.ask("/set-up")).card
        assert '"text": "Everything kept about me"' in settings
        assert '"text": "Deactivate"' in settings
        assert "1 mail record" in (await sidebar.ask("/kept")).card
        question = (await sidebar.ask("/deactivate")).card
        assert "1 mail record" in question
        assert not await is_gone(desk, desk.account.sub)
        done = (await sidebar.ask("/deactivated")).card
        assert "updateCard" in done
        assert "MailMagnet is deactivated." in done
        assert "Deleted: 1 mail record" in done
        assert await is_gone(desk, desk.account.sub)
        assert "MailMagnet was deactivated before." in (await sidebar.ask("/deactivated")).card
        assert "MailMagnet is not active for you." in (await sidebar.ask("/deactivate")).card
        assert "keeps nothing of your mail" in (await sidebar.ask("/kept")).card
        sidebar.address = BOB
        assert "Signed in as" in (await sidebar.ask("/kept")).card
        log = sidebar.log.decode()
    assert await desk.store.mailbox(ORG, bob.sub)
    assert await desk.vault.connection(ORG, bob.sub)
    assert desk.world.google.has_consented(BOB)
    for word in (SUBJECT, "grace@a.example", ADA, BOB, desk.account.sub):
        assert word not in log


async def test_while_google_does_not_answer_the_card_says_what_is_left_and_the_tick_does_it(desk: Desk) -> None:
    await with_a_mail(desk)
    desk.world.faults.add(Fault("google", "revoke", status=503))
    async with sidebar_at(desk) as sidebar:
        card = (await sidebar.ask("/deactivated")).card
        assert "MailMagnet is off. Not everything is deleted yet." in card
        assert "you need do nothing" in card
        assert await desk.store.mailbox(ORG, desk.account.sub) is None
    desk.world.faults.clear()
    async with job_at(desk) as job:
        assert (await job.call(job.tick_url, {}))[0] == 200
    assert await is_gone(desk, desk.account.sub)


async def test_the_tick_finishes_what_a_crash_has_left(desk: Desk) -> None:
    bob = await with_a_mail(desk)

    def leaving(presence: Presence) -> Presence:
        return Presence(presence.crm_user, presence.opened_at, leaving_since=desk.now())

    await desk.store.change_presence(ORG, desk.account.sub, leaving)
    async with sidebar_at(desk) as sidebar:
        assert "You are leaving MailMagnet." in (await sidebar.ask("/kept")).card
    async with job_at(desk) as job:
        assert (await job.call(job.tick_url, {}))[0] == 200
    assert await is_gone(desk, desk.account.sub)
    assert await desk.store.mailbox(ORG, bob.sub)


async def test_the_export_is_the_users_own_whole_and_without_a_token(desk: Desk) -> None:
    bob = await with_a_mail(desk)
    connection = await desk.vault.connection(ORG, desk.account.sub)
    assert connection
    assert connection.crm
    async with pages_at(desk) as pages:
        browser = pages.browser()
        shown = await pages.opened(browser, pages.link(Page.EXPORT))
        assert "are left out" in shown.text
        file = await browser.open(shown.link("Download"))
        assert file.headers["Content-Type"].startswith("application/json")
        assert file.headers["Content-Disposition"] == 'attachment; filename="mailmagnet-2026-11-23.json"'
        kept = json.loads(file.body)
        assert kept["you"] == {"organisation": ORG, "user": desk.account.sub, "address": ADA}
        assert kept["mailbox"]["address"] == ADA
        assert kept["mailbox"]["choices"]["sharing"] == "private"
        (mail,) = kept["mail_records"]
        assert set(mail) == {"mail_id", "from_address", "received_at"}
        assert [reading["reader"] for reading in kept["readings_of_your_mail"]] == [bob.sub]
        assert kept["connections"]["grants"] == ["sort"]
        for secret in (connection.gmail_token, connection.crm.access, connection.crm.refresh, SUBJECT):
            assert secret not in file.body
        refused = await pages.opened(pages.browser(), pages.link(Page.EXPORT), bob)
        assert "This link is another user’s" in refused.text
        assert "grace@a.example" not in refused.body + pages.log.decode()
        of_bob = await pages.opened(other := pages.browser(), pages.link(Page.EXPORT, bob), bob)
        theirs = json.loads((await other.open(of_bob.link("Download"))).body)
        assert theirs["mail_records"] == []
        assert [reading["owner"] for reading in theirs["your_readings_of_colleagues_mail"]] == [desk.account.sub]


async def opened(desk: Desk, sidebar: Sidebar) -> Presence:
    """Ada's presence, once the opening is noted after the answer."""
    for _ in range(100):
        presence = (await desk.mailbox()).presence
        if presence.opened_at and presence.opened_at.date() == desk.now().date() and not presence.parked:
            return presence
        await asyncio.sleep(0.05)
    raise AssertionError(sidebar.log.decode())


async def test_whoever_opens_a_mail_is_here_and_parked_no_more(desk: Desk) -> None:
    mail = desk.arrive("grace@a.example")
    desk.clock.turn(days=100)
    later = desk.now()
    await desk.store.change_presence(ORG, desk.account.sub, lambda presence: parked(presence, ParkedFor.NOT_OPENED, later))
    async with sidebar_at(desk) as sidebar:
        assert (await sidebar.ask("/message", mail)).status == 200
        presence = await opened(desk, sidebar)
        assert presence.opened_at == later.replace(hour=0, minute=0)
    assert await desk.store.due_mailboxes(ORG, desk.now() + timedelta(days=1), timedelta(minutes=10))


async def test_an_admin_who_has_seen_that_nobody_comes_is_what_parking_waits_for(desk: Desk) -> None:
    bob = await with_a_mail(desk)
    await desk.store.connect("other.example", "7", "eve@other.example", desk.now())
    long_ago = desk.now() - UNOPENED_FOR
    for org, user in ((ORG, bob.sub), ("other.example", "7")):
        await desk.store.change_presence(org, user, lambda presence: replace(presence, opened_at=long_ago))
    async with job_at(desk) as job:
        assert (await job.call(job.tick_url, {}))[0] == 200
        assert await is_parked(desk, bob) is False
        async with sidebar_at(desk) as sidebar:
            card = (await sidebar.ask("/policy")).card
            assert "1 mailbox that nobody opens" in card
            assert BOB in card
            assert "eve@other.example" not in card
        desk.clock.turn(days=1)
        settings_of(desk, job.tick_url)  # the functions' clock with the desk's
        assert (await job.call(job.tick_url, {}))[0] == 200
    assert await is_parked(desk, bob)
    elsewhere = await desk.store.mailbox("other.example", "7")
    assert elsewhere
    assert elsewhere.presence.admin_told_at is None


async def is_parked(desk: Desk, account: Account) -> bool:
    mailbox = await desk.store.mailbox(ORG, account.sub)
    assert mailbox
    return mailbox.presence.parked is not None
