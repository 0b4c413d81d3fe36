"""The cards of what is kept and of leaving, and the admin's lines of mailboxes nobody opens: every state, held against Google's schema."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cards.frame import Frame, Path
from cards.kept_card import kept_card
from cards.leave_card import leave_card, left_card
from cards.policy_card import policy_card
from mailmagnet.categories import Category
from mailmagnet.consent import Grant
from mailmagnet.errors import Service, Side, TimedOut, Unavailable
from mailmagnet.everything_kept import MOST_READINGS, Connected, Kept
from mailmagnet.identity import Locale
from mailmagnet.leave import Left
from mailmagnet.policy import PolicyAnswer
from mailmagnet.store import Choices, Mailbox, Notice, Notify, Parked, ParkedFor, Policy, Presence, RunCounts, Sharing
from mailmagnet.unopened import MOST_SHOWN, Unopened
from sandbox.cards.card_check import card_faults

NOW = datetime(2026, 11, 30, 9, 25, tzinfo=UTC)
CRM = "Zoho CRM"
FRAME = Frame(
    Locale("en-GB", "Europe/Vienna"), NOW, "https://addon.example", Path.KEPT, lambda page, ids: f"https://pages.example{page}"
)
RUN = RunCounts(NOW - timedelta(minutes=4), 55, {Category.CUSTOMER: 12, Category.OPEN_DEALS: 3})
MAILBOX = Mailbox("corp.example", "1", "ada@corp.example", RUN, mailmagnet_since=NOW)
CONNECTED = Connected("ada@corp.example", gmail=True, grants=frozenset({Grant.SORT}), crm_user="Ada Lovelace", webhook=True)
KEPT = Kept(CRM, MAILBOX, CONNECTED, 1200, NOW - timedelta(days=80), NOW - timedelta(hours=1), 3, 1)
NOTHING = Kept(CRM, None, None)
RIGHT_TO_LEFT = replace(CONNECTED, crm_user="עדה לאבלייס " * 30, address="a" * 200 + "@corp.example")


def said(card: Any) -> str:
    """All of a card as text, after it was held against the schema."""
    assert card_faults(card) == []
    return json.dumps(card, ensure_ascii=False)


def kepts() -> Iterator[Kept]:
    yield KEPT
    yield NOTHING
    yield replace(NOTHING, read_by_user=2)
    yield replace(KEPT, mails=1, oldest=NOW, newest=NOW, read_by_others=MOST_READINGS)
    yield replace(KEPT, mails=0, oldest=None, newest=None, connected=None, read_by_others=0, read_by_user=0)
    yield Kept(CRM, None, replace(CONNECTED, gmail=False, grants=frozenset(), webhook=False))
    yield Kept("<b>" * 100, None, RIGHT_TO_LEFT)
    for sharing in Sharing:
        for notify in Notify:
            choices = Choices(sharing, frozenset({"c1"}), frozenset({"c2", "c3"}), frozenset({"m"}), 30, Notice(notify))
            yield replace(KEPT, mailbox=replace(MAILBOX, choices=choices, mailmagnet_since=None))
    yield replace(KEPT, mailbox=replace(MAILBOX, presence=Presence(leaving_since=NOW)))


@pytest.mark.parametrize("kept", list(kepts()))
def test_each_state_is_a_card_with_a_way_on(kept: Kept) -> None:
    card, question = said(kept_card(kept, FRAME)), said(leave_card(kept, FRAME))
    assert "https://pages.example/export" in card
    assert ("/deactivate" in card) is not kept.nothing
    assert ("/deactivated" in question) is not kept.nothing
    assert "None" not in card + question


def test_everything_kept_is_said_in_numbers_and_no_secret_is_shown() -> None:
    card = said(kept_card(KEPT, FRAME))
    for words in (
        "1,200 mail records",
        "oldest 11 Sept, newest today",
        "Connected: MailMagnet lists, records and sorts your mail",
        "Signed in as Ada Lovelace",
        "Only you read your mail here",
        "Last run 4 min ago",
        "55 mails looked at · 15 sorted",
        "Colleagues read your mail 3 times",
        "You read colleagues’ mail 1 time",
        "The address for notices, which is not shown",
    ):
        assert words in card


def test_choices_are_counted_one_by_one() -> None:
    choices = Choices(
        Sharing.CUSTOM, frozenset({"c1"}), frozenset({"c2", "c3"}), frozenset(), 30, Notice(Notify.DAILY, "Europe/Vienna")
    )
    card = said(kept_card(replace(KEPT, mailbox=replace(MAILBOX, choices=choices)), FRAME))
    assert "1 contact chosen · 2 contacts kept back" in card
    assert "mails kept back" not in card
    assert "Europe/Vienna" in card


def test_the_question_says_what_goes_and_what_stays_and_asks_once() -> None:
    card = said(leave_card(KEPT, FRAME))
    goes, stays = card.split('"Stays"')
    assert "1,200 mail records" in goes
    assert "Your sign-in to Zoho CRM" in goes
    assert "The log of who read your mail" in goes
    assert "3 entries" in goes
    assert "Your mail and its labels in Gmail" in stays
    assert "All records in Zoho CRM" in stays
    assert "In the log of those whose mail you read" in stays
    assert card.count("/deactivated") == 1


def test_what_is_not_there_is_not_said_to_be_deleted() -> None:
    card = said(leave_card(Kept(CRM, None, replace(CONNECTED, gmail=False, webhook=False)), FRAME))
    assert "Your sign-in to Zoho CRM" in card
    for words in ("mail record", "connection to Gmail", "notices", "settings", "log of who"):
        assert words not in card


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (Left(CRM, 1), "Deleted: 1 mail record, your settings, and the connections to Gmail and Zoho CRM."),
        (Left(CRM, was_gone=True), "MailMagnet was deactivated before."),
        (Left(CRM, problem=TimedOut(Service(Side.CRM, CRM), 4.0)), "Zoho CRM did not answer within 4"),
        (Left(CRM, problem=Unavailable(Service(Side.OURS, "Firestore"))), "The rest is deleted within minutes"),
    ],
)
def test_what_became_of_it_and_how_to_begin_anew(left: Left, words: str) -> None:
    card = said(left_card(left, FRAME))
    assert words in card
    assert "/set-up" in card
    assert "Firestore" not in card


def mailboxes(count: int, presence: Presence) -> tuple[Mailbox, ...]:
    return tuple(replace(MAILBOX, user=str(n), address=f"user-{n}@corp.example", presence=presence) for n in range(count))


def test_the_admin_sees_who_comes_no_more_and_what_becomes_of_them() -> None:
    unopened = mailboxes(2, Presence(opened_at=NOW - timedelta(days=95)))
    gone = mailboxes(1, Presence(parked=Parked(NOW - timedelta(days=10), ParkedFor.GONE)))
    asleep = mailboxes(1, Presence(parked=Parked(NOW - timedelta(days=29), ParkedFor.NOT_OPENED)))
    card = said(policy_card(PolicyAnswer(Policy(), unopened=Unopened(unopened, 2, (*gone, *asleep), 2)), FRAME))
    for words in (
        "4 mailboxes that nobody opens",
        "user-1@corp.example",
        "Last opened 27 Aug",
        "sorting stops within a day",
        "Google knows the account no more · deleted 20 Dec",
        "Not opened, and not sorted any more · deleted tomorrow",
    ):
        assert words in card


def test_of_many_the_card_says_how_many_more() -> None:
    many = Unopened(mailboxes(MOST_SHOWN, Presence(opened_at=NOW - timedelta(days=95))), 1234)
    card = said(policy_card(PolicyAnswer(Policy(), unopened=many), FRAME))
    assert "and 1,214 more" in card
    assert "that nobody opens" not in said(policy_card(PolicyAnswer(Policy()), FRAME))
