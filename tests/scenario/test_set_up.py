"""Setting up, from the card to what is kept: signed events in, the words of each answer out; each refusal, each failure, twice, by two."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cards.frame import Page
from cards.set_up_card import set_up_card
from crm_client.embedded.administration import ADMINISTRATOR, STANDARD, add_user, set_permission
from mailmagnet.caller import Caller
from mailmagnet.categories import Category
from mailmagnet.connect_mailbox import connect_mailbox
from mailmagnet.consent import Grant
from mailmagnet.crm import MAIL_INTEGRATION, DealState, Lead
from mailmagnet.disconnect_mailbox import disconnect_mailbox
from mailmagnet.errors import MAILMAGNET, Unavailable
from mailmagnet.identity import Identity
from mailmagnet.label_mail import MAILS_A_RUN
from mailmagnet.set_up import Form, save_set_up
from mailmagnet.store import Notify, Policy, Preview, Sharing
from mailmagnet.vault import Connection
from metadata_store.sqlite import SqliteStore
from sandbox.google.cloud_tasks import Task
from sandbox.google.faults import Fault
from tests.scenario.addon_process import Answered, Sidebar, settings_of, sidebar_at
from tests.scenario.desk import ADA, Desk, desk_in
from tests.scenario.pages_process import pages_at, pages_here
from tests.scenario.test_job_functions import Job, job_at
from tests.unit.test_cards import FRAME

ORG = "corp.example"
READONLY, MODIFY = (f"https://www.googleapis.com/auth/gmail.{name}" for name in ("readonly", "modify"))
WON, OPEN = (DealState.WON, date(2020, 1, 31)), (DealState.OPEN, date(2027, 2, 1))
AS_SHOWN = {
    "backfill_days": "30",
    "sharing": "private",
    "notify": "never",
    "daily_at": "8",
    "quiet_from": "20",
    "quiet_until": "7",
}
"""What the form sends when nothing in it is touched: switches that are off send nothing."""


@dataclass
class User:
    """A user at the set-up card."""

    sidebar: Sidebar

    @property
    def desk(self) -> Desk:
        return self.sidebar.desk

    async def open(self) -> Answered:
        return await self.sidebar.ask("/set-up")

    async def save(self, confirmed: str = "", path: str = "/save-set-up", **form: str) -> Answered:
        """Press Save with this in the form, switches as "on"."""
        event = await self.sidebar.event(path, **({"confirmed": confirmed} if confirmed else {}))
        sent = {**AS_SHOWN, **form}
        event["commonEventObject"]["formInputs"] = {
            name: {"stringInputs": {"value": [value]}} for name, value in sent.items() if value
        }
        return await self.sidebar.send(path, event)


@pytest.fixture
async def new_desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """With ada@corp.example's mailbox not connected yet."""
    async with desk_in(tmp_path) as made:
        yield made


@pytest.fixture
async def ada(new_desk: Desk) -> AsyncIterator[User]:
    """Connected, everything off."""
    await new_desk.connect()
    async with sidebar_at(new_desk) as sidebar:
        yield User(sidebar)


async def connect_with(desk: Desk, grant: Grant) -> None:
    token = desk.world.google.refresh_token(desk.account)
    domains = frozenset({ORG})
    await connect_mailbox(
        Connection(ORG, desk.account.sub, ADA, own_domains=domains, gmail_token=token, grants=frozenset({Grant.SORT})), desk
    )
    kept = await desk.vault.connection(ORG, desk.account.sub)
    assert kept
    await desk.vault.keep(replace(kept, grants=frozenset({grant})))


def fields_of(answered: Answered) -> dict[str, str]:
    """What the form would send as it stands in the card."""
    found: dict[str, str] = {}
    for widget in _widgets(answered.json):
        if control := widget.get("decoratedText", {}).get("switchControl"):
            found[control["name"]] = "on" if control["selected"] else ""
        if entry := widget.get("textInput"):
            found[entry["name"]] = entry.get("value", "")
        if choice := widget.get("selectionInput"):
            found[choice["name"]] = next((item["value"] for item in choice["items"] if item["selected"]), "")
    return found


def _widgets(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield from part.get("widgets", ())
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _widgets(inner)


async def kept(desk: Desk) -> tuple[bool, bool, Any]:
    mailbox = await desk.mailbox()
    return mailbox.mailmagnet, mailbox.labelling, mailbox.choices


# The card


async def test_the_card_shows_every_step_in_the_seeds_order(ada: User) -> None:
    card = (await ada.open()).card
    steps = [
        "Gmail API",
        "IMAP and POP3",
        "Not yet",
        '"header": "Account"',
        "<b>MailMagnet</b>",
        "Label your mail in the mailbox",
    ]
    steps += ["Deals Closing This Month (CTM)", "Who may read my mail with contacts", "Only me", "Google Chat", "Save"]
    places = [card.find(step, card.find('"sections"')) for step in steps]
    assert -1 not in places
    assert places == sorted(places)


async def test_the_card_leads_to_the_end_of_the_sign_in_and_an_admin_to_the_administration(ada: User) -> None:
    admins = (await ada.open()).card
    assert "MailMagnet CRM: signed in as Ada Corp" in admins
    assert "/sign-in?link=" in admins
    assert "Administration" in admins
    kim = ada.desk.world.add_account("kim@corp.example", "Kim", hosted_domain=ORG)
    add_user(ada.desk.crm_database, "Kim Berg", "kim@corp.example", STANDARD)
    await ada.desk.sign_in(kim, "kim@corp.example")
    ada.sidebar.address = kim.address
    hers = (await ada.open()).card
    assert "MailMagnet CRM: signed in as Kim Berg" in hers
    assert "Administration" not in hers


async def test_the_newest_mails_are_counted_at_once_and_it_says_of_how_many(ada: User) -> None:
    await ada.desk.contact("grace@a.example", WON)
    await ada.desk.contact("kay@a.example", OPEN)
    for sender in ("grace@a.example", "grace@a.example", "kay@a.example", "stranger@b.example"):
        ada.desk.arrive(sender)
    answered = await ada.open()
    assert "Deals Closing This Month (CTM) 0 · Open Deals 1 · Customer 2" in answered.card
    assert "of your newest 4 mails" in answered.card
    assert fields_of(answered) == {**AS_SHOWN, "mailmagnet": "", "labelling": ""}


async def test_when_gmail_is_down_the_card_is_there_and_says_that_it_could_not_count(ada: User) -> None:
    ada.desk.world.faults.add(Fault("gmail", status=503))
    card = (await ada.open()).card
    assert "Gmail" in card
    assert "Retry" in card
    assert "Save" in card


async def test_who_has_not_connected_is_shown_the_way(new_desk: Desk) -> None:
    async with sidebar_at(new_desk) as sidebar:
        home = (await sidebar.ask("/home")).card
        assert "Set up MailMagnet" in home
        assert "/set-up" in home
        opened = (await sidebar.ask("/message", new_desk.arrive("Kim <kim@b.example>"))).card
        assert "Set up MailMagnet" in opened
        contact = await new_desk.contact("grace@a.example", OPEN)
        lead = await new_desk.crm.add_lead(Lead("", "Lea Lund", ("lea@b.example",), company="Lund AB"))
        account = await new_desk.crm.add_account("Works", "a.example")
        deal = (await new_desk.crm.contact(contact)).deals[0].id
        for path, ids in (
            ("/contact", {"id": contact}),
            ("/lead", {"id": lead.id}),
            ("/account", {"id": account.id}),
            ("/deal", {"id": deal}),
            ("/mail-with", {"module": "contacts", "id": contact}),
        ):
            card = (await sidebar.ask(path, **ids)).card
            assert "Set up MailMagnet" in card, path
            assert "/set-up" in card, path
        assert "Set up MailMagnet" in (await sidebar.ask("/search", words="grace")).card
        user = User(sidebar)
        card = (await user.open()).card
        assert "Not connected" in card
        assert "/connect?link=" in card
        refused = await user.save(mailmagnet="on", sharing="public")
        assert "Your Gmail is not connected yet." in refused.card
        assert fields_of(refused)["sharing"] == "public"


# Save


async def test_save_keeps_all_of_it_in_one_write_and_says_so(ada: User) -> None:
    saved = await ada.save(mailmagnet="on", labelling="on", backfill_days="0", sharing="custom", quiet_from="22", quiet_until="6")
    assert "✓ Saved" in saved.card
    mailbox = await ada.desk.mailbox()
    assert (mailbox.mailmagnet, mailbox.labelling, mailbox.choices.sharing) == (True, True, Sharing.CUSTOM)
    assert mailbox.choices.backfill_days == 0
    notice = mailbox.choices.notice
    assert (notice.notify, notice.time_zone) == (Notify.NEVER, "Europe/Vienna")
    assert (notice.quiet_from, notice.quiet_until) == (time(22), time(6))
    assert set(mailbox.labels) == set(Category)
    reopened = fields_of(await ada.open())
    assert (reopened["mailmagnet"], reopened["labelling"], reopened["sharing"]) == ("on", "on", "custom")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"labelling": "on"}, "Labels need MailMagnet."),
        ({"mailmagnet": "on", "backfill_days": "366"}, "The days should be a number from 0 to 365."),
        ({"mailmagnet": "on", "backfill_days": "-1"}, "The days should be a number from 0 to 365."),
        ({"mailmagnet": "on", "backfill_days": "٣"}, "The days should be a number from 0 to 365."),
        ({"mailmagnet": "on", "backfill_days": ""}, "The days should be a number from 0 to 365."),
        ({"mailmagnet": "on", "notify": "daily"}, "Notices have no address yet."),
        ({"sharing": "everybody"}, "could not read what Gmail sent"),
        ({"quiet_from": "25"}, "could not read what Gmail sent"),
        ({"daily_at": "noon"}, "could not read what Gmail sent"),
    ],
)
async def test_what_cannot_be_saved_is_refused_with_a_word_and_the_form_stays(ada: User, form: dict[str, str], said: str) -> None:
    before = await ada.desk.mailbox()
    refused = await ada.save(**form)
    assert said in refused.card
    assert "Not saved" in refused.card
    assert await ada.desk.mailbox() == before
    shown = fields_of(refused)
    for name in ("mailmagnet", "labelling", "backfill_days"):
        assert shown[name] == {**AS_SHOWN, **form}.get(name, ""), name


async def test_sharing_can_be_saved_with_the_reading_grant_and_mailmagnet_asks_for_more(new_desk: Desk) -> None:
    await connect_with(new_desk, Grant.READ)
    async with sidebar_at(new_desk) as sidebar:
        user = User(sidebar)
        assert "✓ Saved" in (await user.save(sharing="public")).card
        assert (await new_desk.mailbox()).choices.sharing is Sharing.PUBLIC
        refused = await user.save(sharing="public", mailmagnet="on")
        assert "MailMagnet needs your consent to sort mail in Gmail." in refused.card
        assert "Allow sorting" in refused.card
        assert fields_of(refused)["mailmagnet"] == "on"
        assert not (await new_desk.mailbox()).mailmagnet
        assert "needs your consent" in (await user.save(path="/count-mail")).card


async def test_gmail_modify_is_asked_for_when_mailmagnet_is_saved_or_counted_and_not_before(new_desk: Desk) -> None:
    async def consents(grant: Grant, *scopes: str) -> None:
        """From the card's button over Google's screen and back."""
        browser = pages.browser()
        shown = await pages.opened(browser, pages.link(Page.CONNECT, grant=grant))
        shown = await browser.send(shown, account=new_desk.account.sub, step="account")
        asked_for.append([scope for scope in (READONLY, MODIFY) if scope in shown.body])
        await browser.send(shown, scope=scopes[-1], step="continue")

    asked_for: list[list[str]] = []
    async with pages_here(new_desk) as pages, sidebar_at(new_desk) as sidebar:
        user = User(sidebar)
        await consents(Grant.READ, READONLY)
        assert "✓ Saved" in (await user.save(sharing="custom")).card
        for path in ("/count-mail", "/save-set-up"):
            refused = await user.save(path=path, mailmagnet="on", sharing="public", backfill_days="12")
            assert "MailMagnet needs your consent to sort mail in Gmail." in refused.card
            assert "Allow sorting" in refused.card
            shown = fields_of(refused)
            assert (shown["mailmagnet"], shown["sharing"], shown["backfill_days"]) == ("on", "public", "12")
        assert (await kept(new_desk))[:2] == (False, False)
        await consents(Grant.SORT, MODIFY)
        assert "✓ Saved" in (await user.save(mailmagnet="on", sharing="public", backfill_days="12")).card
        assert (await kept(new_desk))[:2] == (True, False)
        assert asked_for == [[READONLY], [MODIFY]]


async def test_what_the_admin_has_fixed_is_shown_as_fixed_and_is_not_the_users_to_change(ada: User) -> None:
    await ada.save(sharing="custom")
    await ada.desk.store.set_policy(ORG, Policy(sharing=Sharing.PUBLIC))
    card = (await ada.open()).card
    assert "Fixed by your admin" in card
    assert "sharing" not in fields_of(await ada.open())
    assert "✓ Saved" in (await ada.save(sharing="private")).card
    assert (await ada.desk.mailbox()).choices.sharing is Sharing.CUSTOM


async def test_turning_mailmagnet_off_says_how_many_records_it_deletes_before_it_does(ada: User) -> None:
    await ada.desk.contact("grace@a.example", WON)
    await ada.save(mailmagnet="on")
    for _ in range(3):
        ada.desk.arrive("grace@a.example")
    await ada.desk.run()
    said = await ada.save(sharing="custom")
    assert "deletes 3 records of customers’ mail" in said.card
    assert "Turn off and delete" in said.card
    assert (await kept(ada.desk))[0]
    assert "Save and" not in said.card
    assert "deletes 3 records" in (await ada.save("sort-30", sharing="custom")).card
    for _ in range(2):
        assert "✓ Saved" in (await ada.save("delete", sharing="custom")).card
        assert (await kept(ada.desk))[0] is False
        assert (await ada.desk.mailbox()).choices.sharing is Sharing.CUSTOM
        assert await ada.desk.store.count_mails(ORG, ada.desk.account.sub) == (0, None, None)


async def test_labels_with_a_backfill_say_what_will_move_before_it_does(ada: User) -> None:
    await ada.desk.contact("grace@a.example", WON)
    mails = [ada.desk.arrive("grace@a.example") for _ in range(3)]
    said = await ada.save(mailmagnet="on", labelling="on")
    assert "Customers’ mail of the last 30 days (of 3 mails there) will be moved out of the inbox" in said.card
    assert (await kept(ada.desk))[:2] == (False, False)
    changed = await ada.save("sort-30", mailmagnet="on", labelling="on", backfill_days="60")
    assert "the last 60 days" in changed.card
    assert (await kept(ada.desk))[:2] == (False, False)
    assert "✓ Saved" in (await ada.save("sort-60", mailmagnet="on", labelling="on", backfill_days="60")).card
    assert "✓ Saved" in (await ada.save(mailmagnet="on", labelling="on", backfill_days="60")).card
    await ada.desk.run()
    for mail in mails:
        assert await ada.desk.labels_of(mail) == {Category.CUSTOMER.label, "UNREAD"}


async def test_two_saves_at_once_end_as_one(ada: User) -> None:
    form = {"mailmagnet": "on", "labelling": "on", "backfill_days": "0", "sharing": "public"}
    answers = await asyncio.gather(*(ada.save(**form) for _ in range(3)))
    assert ["✓ Saved" in answered.card for answered in answers] == [True] * 3
    assert (await kept(ada.desk))[:2] == (True, True)
    names = [label.name for label in await ada.desk.gmail_of(await connection_of(ada.desk)).labels()]
    assert sorted(name for name in names if name in {each.label for each in Category}) == sorted(each.label for each in Category)


async def connection_of(desk: Desk) -> Connection:
    connection = await desk.vault.connection(ORG, desk.account.sub)
    assert connection
    return connection


@pytest.mark.parametrize(("call", "after"), [("labels.list", False), ("labels.list", True), ("labels.create", False)])
async def test_when_gmail_fails_nothing_is_kept_and_the_form_stays_until_it_is_saved(ada: User, call: str, after: bool) -> None:
    before = await ada.desk.mailbox()
    ada.desk.world.faults.add(Fault("gmail", f"users.{call}", status=503, after=after))
    failed = await ada.save(mailmagnet="on", labelling="on", backfill_days="0", sharing="public")
    assert "Gmail" in failed.card
    assert await ada.desk.mailbox() == before
    shown = fields_of(failed)
    assert (shown["mailmagnet"], shown["labelling"], shown["sharing"], shown["backfill_days"]) == ("on", "on", "public", "0")
    ada.desk.world.faults.clear()
    assert "✓ Saved" in (await ada.save(mailmagnet="on", labelling="on", backfill_days="0", sharing="public")).card


async def test_labels_that_were_made_before_gmail_failed_are_found_and_not_made_twice(ada: User) -> None:
    ada.desk.world.faults.add(Fault("gmail", "users.labels.create", status=503, after=True, times=1))
    assert "✓ Saved" in (await ada.save(mailmagnet="on", labelling="on", backfill_days="0")).card
    names = [label.name for label in await ada.desk.gmail_of(await connection_of(ada.desk)).labels()]
    assert len([name for name in names if name.startswith(("Deals", "Open", "Customer"))]) == len(Category)


async def test_when_the_store_fails_the_form_stays(ada: User) -> None:
    await ada.open()
    with closing(sqlite3.connect(ada.desk.folder / "store.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        failed = await ada.save(mailmagnet="on", sharing="public")
    assert (fields_of(failed)["mailmagnet"], fields_of(failed)["sharing"]) == ("on", "public")
    assert (await kept(ada.desk))[0] is False
    assert "✓ Saved" in (await ada.save(mailmagnet="on", sharing="public")).card


async def test_a_save_whose_answer_is_lost_or_whose_second_step_fails_is_made_good_by_saving_again(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = ada.desk
    await desk.contact("grace@a.example", WON)
    mail = desk.arrive("grace@a.example")
    form = AS_SHOWN | {"sharing": "public", "backfill_days": "30"}
    wish = Form(mailmagnet=True, labelling=True, **form, time_zone="Europe/Vienna")
    caller = Caller(Identity(ORG, desk.account.sub, ADA, ORG), desk.now(), asyncio.get_running_loop().time() + 60)

    async def saved_with(failing: str, *, after: bool) -> str:
        """What the card says when this call of the store fails."""
        real = getattr(SqliteStore, failing)

        async def fails(*facts: Any, **named: Any) -> Any:
            if after:
                await real(*facts, **named)
            raise Unavailable(MAILMAGNET)

        with monkeypatch.context() as patched:
            patched.setattr(SqliteStore, failing, fails)
            answer = await save_set_up(wish, "sort-30", caller, desk)
        return json.dumps(set_up_card(answer, FRAME), ensure_ascii=False)

    for failing, after in (("switch_on", True), ("forget_decisions", False), ("forget_decisions", True)):
        said = await saved_with(failing, after=after)
        assert "MailMagnet cannot be reached now." in said
        assert "Save and sort it" in said
        assert "✓ Saved" not in said
    assert "✓ Saved" in (await ada.save("sort-30", mailmagnet="on", labelling="on", **form)).card
    await desk.run()
    assert await desk.labels_of(mail) == {Category.CUSTOMER.label, "UNREAD"}


async def test_the_permission_is_asked_for_at_opening_and_at_save(ada: User) -> None:
    before = await ada.desk.mailbox()
    set_permission(ada.desk.crm_database, ADMINISTRATOR, MAIL_INTEGRATION, held=False)
    for answered in (await ada.open(), await ada.save(mailmagnet="on"), await ada.save(path="/count-mail")):
        assert MAIL_INTEGRATION in answered.card
        assert "backfill_days" not in answered.card
    assert await ada.desk.mailbox() == before


async def test_whoever_is_not_signed_in_to_the_crm_is_asked_to(ada: User) -> None:
    await ada.desk.vault.sign_out(ORG, ada.desk.account.sub)
    for answered in (await ada.open(), await ada.save(mailmagnet="on")):
        assert "not signed in" in answered.card
    assert (await kept(ada.desk))[0] is False


async def test_another_user_and_another_organisation_have_their_own(ada: User) -> None:
    await ada.save(mailmagnet="on", sharing="public")
    for address, org in (("kim@corp.example", ORG), ("kay@other.example", "other.example")):
        account = ada.desk.world.add_account(address, address, hosted_domain=org)
        add_user(ada.desk.crm_database, address, address, STANDARD)
        await ada.desk.sign_in(account, address)
        ada.sidebar.address = address
        if org == ORG:
            answered = await ada.open()
            assert fields_of(answered)["mailmagnet"] == ""
            assert ADA not in answered.card
        assert "✓ Saved" not in (await ada.save(mailmagnet="on")).card
        assert await ada.desk.store.mailbox(org, account.sub) is None
    assert (await kept(ada.desk))[0] is True


# Counted by tasks


@pytest.fixture
async def job(ada: User) -> AsyncIterator[Job]:
    async with job_at(ada.desk) as made:
        yield made


async def test_the_mail_of_the_days_is_counted_by_a_task_and_shown_on_reopening(ada: User, job: Job) -> None:
    await ada.desk.contact("grace@a.example", WON)
    for _ in range(3):
        ada.desk.arrive("grace@a.example", subject="Xylophone")
    ada.desk.clock.turn(minutes=1)
    org, user = ORG, ada.desk.account.sub
    begun = ada.desk.clock.now.replace(second=0, microsecond=0)
    facts = {"begun": begun.isoformat(), "days": 30}
    status, counted = await job.sort(preview=facts)
    assert (status, counted) == (200, {"looked_at": 3, "of": 3})
    preview = (await ada.desk.mailbox()).preview
    assert preview and (preview.days, preview.mails, preview.looked_at, preview.done) == (30, 3, 3, True)
    assert preview.sorted[Category.CUSTOMER] == 3
    card = (await ada.open()).card
    assert "Counted 3 mails of the last 30 days" in card
    assert "Customer 3" in card
    said = (await ada.save(mailmagnet="on", labelling="on")).card
    assert "About 3 mails of the last 30 days will be moved" in said
    # nothing was switched on by counting, and nothing moved or kept of the mail
    assert (await kept(ada.desk))[:2] == (False, False)
    assert await ada.desk.store.count_mails(org, user) == (0, None, None)
    assert "Xylophone" not in job.log.decode()


async def test_counting_that_fails_goes_on_with_another_task_and_answers_200(ada: User, job: Job) -> None:
    ada.desk.arrive("grace@a.example")
    ada.desk.clock.turn(minutes=1)
    facts = {"begun": ada.desk.clock.now.isoformat(), "days": 30}
    ada.desk.world.faults.add(Fault("gmail", status=503))
    before = len(ada.desk.world.tasks._names)
    status, answer = await job.sort(preview=facts)
    assert (status, answer) == (200, {"looked_at": 0, "of": 0})
    assert len(ada.desk.world.tasks._names) == before + 1
    ada.desk.world.faults.clear()
    assert await job.sort(preview=facts) == (200, {"looked_at": 1, "of": 1})
    assert await job.sort(preview={**facts, "days": 0}) != (200, {})


@pytest.fixture
def mails(new_desk: Desk) -> list[str]:
    """One more of a customer's than one task looks at, the oldest first."""
    ids = []
    for _ in range(MAILS_A_RUN + 1):
        new_desk.clock.turn(seconds=1)
        ids.append(new_desk.arrive("grace@a.example", subject="Xylophone"))
    return ids


@pytest.fixture
async def counting(new_desk: Desk, mails: list[str]) -> AsyncIterator[User]:
    """Ada's panel, whose tasks are done by the job through the queue, a minute's wait in no time."""
    assert mails
    await new_desk.connect()
    await new_desk.contact("grace@a.example", WON)
    new_desk.world.quota.units_a_minute = 10_000_000
    new_desk.world.tasks._clock = lambda: new_desk.clock.now + timedelta(hours=1)
    async with (
        job_at(new_desk) as job,
        sidebar_at(new_desk, MAILMAGNET_LABEL_MAILBOX_URL=job.mailbox_url) as sidebar,
    ):
        yield User(sidebar)


async def counted(user: User) -> Preview | None:
    """What is counted once no task is left."""
    await user.desk.world.tasks.settled()
    return (await user.desk.mailbox()).preview


async def test_more_mail_than_one_task_may_look_at_is_counted_by_several_whatever_fails_between(
    counting: User, mails: list[str]
) -> None:
    faults = counting.desk.world.faults
    faults.add(Fault("gmail", "users.messages.get", status=500, mail_id=mails[0]))
    faults.add(Fault("gmail", "users.messages.list", status=503, skip=1, times=5))
    faults.add(Fault("tasks", status=503, skip=2, times=1))
    for _ in range(2):
        assert (
            "Your mail is being counted. Open this card again in some minutes."
            in (await counting.save(path="/count-mail", mailmagnet="on")).card
        )
    preview = await counted(counting)
    assert preview
    assert (preview.mails, preview.looked_at, preview.done, preview.sorted[Category.CUSTOMER]) == (138, 138, True, 137)
    assert "Counted 138 mails of the last 30 days" in (await counting.open()).card
    looked_at = [json.loads(each.answered).get("looked_at") for each in counting.desk.world.tasks.log if each.status == 200]
    assert [count for count in looked_at if count] == sorted(count for count in looked_at if count)
    assert set(looked_at) >= {137, 138}


@pytest.mark.parametrize("ends", ["off", "leaving", "gone"])
async def test_counting_ends_when_mailmagnet_is_turned_off_or_its_user_leaves(counting: User, ends: str) -> None:
    desk, user = counting.desk, counting.desk.account.sub
    gate = asyncio.Event()
    enqueue = desk.world.tasks._run

    async def second_waits(task: Task) -> None:
        if b'"looked_at": 137' in task.body:
            await gate.wait()
        await enqueue(task)

    desk.world.tasks._run = second_waits  # type: ignore[method-assign]  # the queue holds the second task back
    await counting.save(path="/count-mail", mailmagnet="on")
    async with asyncio.timeout(60):
        while not (preview := (await desk.mailbox()).preview):  # noqa: ASYNC110  it has no event
            await asyncio.sleep(0.05)
    assert (preview.looked_at, preview.done) == (137, False)
    assert "Counted 137 of 138 mails of the last 30 days so far" in (await counting.open()).card
    if ends == "off":
        await desk.switch_off()
    elif ends == "leaving":
        await desk.store.change_presence(ORG, user, lambda before: replace(before, leaving_since=desk.clock.now))
    else:
        await disconnect_mailbox(ORG, user, desk)
    before = await desk.store.mailbox(ORG, user)
    gate.set()
    await desk.world.tasks.settled()
    assert await desk.store.mailbox(ORG, user) == before
    assert [attempt.status for attempt in desk.world.tasks.log] == [200, 200]


# A run at once


async def test_a_run_at_once_is_one_however_often_it_is_asked_for_and_the_card_says_what_happened(counting: User) -> None:
    desk = counting.desk
    await desk.switch_on()
    mail = desk.arrive("grace@a.example")
    assert "Sorting begins now." in (await counting.sidebar.ask("/sort-now")).card
    await desk.world.tasks.settled()
    assert await desk.labels_of(mail) == {Category.CUSTOMER.label, "UNREAD"}
    assert "Sorted 1 mail today" in (await counting.sidebar.ask("/home")).card
    again = await counting.sidebar.ask("/sort-now")
    await desk.world.tasks.settled()
    if len(desk.world.tasks.log) == 1:  # the same minute
        assert "Sorting has begun a moment ago." in again.card
    desk.world.faults.add(Fault("tasks", status=503))
    desk.clock.turn(minutes=2)
    failed = (await counting.sidebar.ask("/sort-now")).card
    assert "MailMagnet" in failed
    assert "Retry" in failed


# Notices


async def give_webhook(desk: Desk, space: str = "S1") -> None:
    await desk.vault.keep_webhook(ORG, desk.account.sub, desk.origin + desk.world.chat.webhook(space))


async def test_a_notice_comes_once_after_the_run_that_recorded_new_mail_and_names_nobody(ada: User, job: Job) -> None:
    await ada.desk.contact("grace@a.example", WON)
    await give_webhook(ada.desk)
    assert "✓ Saved" in (await ada.save(mailmagnet="on", notify="at_once", quiet_from="0", quiet_until="0")).card
    ada.desk.arrive("Grace Unmentionable <grace@a.example>", subject="Xylophone")
    ada.desk.clock.turn(minutes=1)
    for _ in range(2):
        assert (await job.sort())[0] == 200
    [message] = ada.desk.world.chat.messages("S1")
    assert message.text == "1 new mail from customers: Customer 1.\nhttps://mail.google.com/mail/"
    assert (await ada.desk.mailbox()).presence.noticed == {}


async def test_a_webhook_that_is_gone_ends_notices_and_the_set_up_says_so_and_the_run_is_done(ada: User, job: Job) -> None:
    await ada.desk.contact("grace@a.example", WON)
    await give_webhook(ada.desk)
    await ada.save(mailmagnet="on", notify="at_once", quiet_from="0", quiet_until="0")
    gone = ada.desk.origin + ada.desk.world.chat.webhook("S1").replace("/spaces/S1/", "/spaces/S2/")
    await ada.desk.vault.keep_webhook(ORG, ada.desk.account.sub, gone)
    mail = ada.desk.arrive("grace@a.example")
    ada.desk.clock.turn(minutes=1)
    assert (await job.sort())[0] == 200
    assert [record.mail_id for record in await ada.desk.store.latest_mails(ORG, ada.desk.account.sub, 9)] == [mail]
    assert (await connection_of(ada.desk)).webhook == ""
    assert "Google Chat no longer knows the address." in (await ada.open()).card
    assert "token" not in job.log.decode()


async def test_what_is_no_webhook_any_more_is_asked_for_nothing_and_the_run_is_done(ada: User, job: Job) -> None:
    await ada.desk.contact("grace@a.example", WON)
    await give_webhook(ada.desk)
    await ada.save(mailmagnet="on", notify="at_once", quiet_from="0", quiet_until="0")
    await ada.desk.vault.keep_webhook(ORG, ada.desk.account.sub, "https://elsewhere.example/hook?token=canary")
    ada.desk.arrive("grace@a.example")
    ada.desk.clock.turn(minutes=1)
    status, run = await job.sort()
    assert (status, run["looked_at"]) == (200, 1)
    assert await job.logged("not told of new mail")
    assert "canary" not in job.log.decode()


async def test_notices_come_in_their_hour_by_the_users_clock_with_an_idle_mailbox_and_none_is_told_twice(
    ada: User, job: Job
) -> None:
    desk = ada.desk
    messages = desk.world.chat.messages
    await desk.contact("grace@a.example", WON)
    await give_webhook(desk)
    await ada.save(mailmagnet="on", notify="daily", daily_at="8", quiet_from="20", quiet_until="7")

    async def told_at(local: str, *, mail: bool = False) -> int:
        """The notices so far, after a run at this moment in Vienna, where Ada is."""
        desk.clock.now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Vienna")).astimezone(UTC)
        settings_of(desk, "")  # tells the running functions the time
        if mail:
            desk.arrive("grace@a.example")
        desk.clock.turn(seconds=30)
        assert (await job.sort())[0] == 200
        return len(messages("S1"))

    assert await told_at("2026-11-23T10:40", mail=True) == 0
    assert await told_at("2026-11-23T19:50") == 0
    assert await told_at("2026-11-24T07:50") == 0
    assert [await told_at("2026-11-24T08:05"), await told_at("2026-11-24T08:15")] == [1, 1]
    # on the day when the clocks go forward there is no 02:30, and 03:00 comes an hour after 01:59
    await ada.save(mailmagnet="on", notify="daily", daily_at="2", quiet_from="0", quiet_until="0")
    assert await told_at("2027-03-27T12:00", mail=True) == 1
    assert [await told_at("2027-03-28T01:55"), await told_at("2027-03-28T03:05"), await told_at("2027-03-28T03:15")] == [1, 2, 2]
    # at once, but for the quiet hours
    await ada.save(mailmagnet="on", notify="at_once", quiet_from="22", quiet_until="7")
    assert [await told_at("2027-03-29T21:30", mail=True), await told_at("2027-03-29T22:30", mail=True)] == [3, 3]
    assert [await told_at("2027-03-30T06:50"), await told_at("2027-03-30T07:05")] == [3, 4]
    # Chat has it, and the answer is lost: it is not told again; Chat has it not: one is lost
    for after, messages_then in ((True, 5), (False, 5)):
        desk.world.faults.add(Fault("chat", drop=True, after=after))
        assert await told_at("2027-03-30T12:00" if after else "2027-03-30T13:00", mail=True) == messages_then
        desk.world.faults.clear()
        assert await told_at("2027-03-30T12:30" if after else "2027-03-30T13:30") == messages_then
    assert [message.text.split(" ")[0] for message in messages("S1")] == ["1"] * 5


# The homepage


async def test_customers_mail_is_listed_marked_as_done_and_undone(ada: User) -> None:
    await ada.desk.contact("grace@a.example", WON)
    await ada.desk.crm.add_lead(Lead("", "Lea Lund", ("lea@b.example",), company="Lund AB"))
    await ada.save(mailmagnet="on")
    stranger = ada.desk.arrive("stranger@c.example")
    lead = ada.desk.arrive("Lea <lea@b.example>", subject="Brochure")
    mail = ada.desk.arrive("Grace <grace@a.example>", subject="Xylophone")
    await ada.desk.run()
    home = (await ada.sidebar.ask("/home")).card
    for said in ("Need an answer · 2 customers’ mails unread", "Xylophone", "· Customer ·", "Brochure · Lund AB", "Done"):
        assert said in home
    done = (await ada.sidebar.ask("/mark-read", id=mail)).card
    assert "Need an answer · 1 customer’s mail unread" in done
    assert "Undo" in done
    assert "UNREAD" not in await ada.desk.labels_of(mail)
    assert "Undo" in (await ada.sidebar.ask("/mark-read", id=mail)).card
    assert "2 customers’ mails unread" in (await ada.sidebar.ask("/mark-unread", id=mail)).card
    assert "UNREAD" in await ada.desk.labels_of(mail)
    for no_customers in (stranger, "ffff"):
        assert "Gmail does not find this mail." in (await ada.sidebar.ask("/mark-read", id=no_customers)).card
    assert "could not read what Gmail sent" in (await ada.sidebar.ask("/mark-read", id="../../x")).card
    assert "UNREAD" in await ada.desk.labels_of(stranger)
    ada.desk.world.faults.add(Fault("gmail", "users.messages.modify", status=503))
    assert "Gmail cannot be reached now." in (await ada.sidebar.ask("/mark-read", id=lead)).card
    set_permission(ada.desk.crm_database, ADMINISTRATOR, MAIL_INTEGRATION, held=False)
    ada.desk.world.faults.clear()
    refused = (await ada.sidebar.ask("/mark-read", id=lead)).card
    assert MAIL_INTEGRATION in refused
    assert "UNREAD" in await ada.desk.labels_of(lead)


async def test_older_mail_is_turned_to_page_by_page(ada: User) -> None:
    await ada.desk.contact("grace@a.example", WON)
    await ada.save(mailmagnet="on")
    for number in range(18):
        ada.desk.clock.turn(seconds=1)
        ada.desk.arrive("grace@a.example", subject=f"Mail {number:02}")
    await ada.desk.run()
    home = (await ada.sidebar.ask("/home")).card
    assert ("Mail 17" in home, "Mail 12" in home, "Older mail" in home) == (True, False, True)
    page = (await ada.sidebar.ask("/customers-mail", skip="5")).card
    assert ("Mail 12" in page, "Mail 03" in page, "Mail 02" in page, '"skip", "value": "15"' in page) == (True, True, False, True)
    last = (await ada.sidebar.ask("/customers-mail", skip="15")).card
    assert ("Mail 00" in last, "Older mail" in last) == (True, False)
    assert "No older mail" in (await ada.sidebar.ask("/customers-mail", skip="500")).card
    assert "could not read" in (await ada.sidebar.ask("/customers-mail", skip="-1")).card


async def test_which_were_sorted_and_what_would_be_and_a_run_at_once(ada: User, job: Job) -> None:
    await ada.desk.contact("grace@a.example", WON)
    await ada.save(mailmagnet="on", labelling="on", backfill_days="0")
    ada.desk.arrive("Grace <grace@a.example>", subject="Xylophone")
    preview = (await ada.sidebar.ask("/preview-sorting")).card
    for said in ("Of 1 new mail 1 mail would be moved", "grace@a.example", "won Deal 0 of grace@a.example", "Sort now"):
        assert said in preview
    await ada.desk.run()
    which = (await ada.sidebar.ask("/sorted-today")).card
    assert ("Customer · 1" in which, "Xylophone" in which) == (True, True)
    assert "See which" in (await ada.sidebar.ask("/home")).card


# Where notices go


async def test_the_address_for_notices_is_typed_on_a_page_kept_in_the_vault_and_never_shown(new_desk: Desk) -> None:
    await new_desk.connect()
    space = new_desk.origin + new_desk.world.chat.webhook("S1")
    async with pages_at(new_desk) as pages:
        browser = pages.browser()
        shown = await pages.opened(browser, pages.link(Page.WEBHOOK))
        assert "Where notices go" in shown.text
        for wrong in ("https://evil.example/v1/spaces/S1/messages?key=a&token=b", "no-address"):
            refused = await browser.send(shown, address=wrong)
            assert (refused.status, "This is not the address" in refused.text) == (400, True)
            assert wrong not in refused.body
        assert (await connection_of(new_desk)).webhook == ""
        done = await browser.send(shown, address=space)
        assert "The address is kept" in done.text
        assert (await connection_of(new_desk)).webhook == space
        again = await browser.open(pages.link(Page.WEBHOOK))
        assert space not in again.body
        assert "There is an address now." in again.text
        deleted = await browser.send(again, number=1)
        assert "The address is deleted" in deleted.text
        assert (await connection_of(new_desk)).webhook == ""
        assert "token=" not in pages.log.decode()
