"""The cards of shared mail in every state: the words, held against Google's schema, and nothing that mail or CRM can break."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cards.deal_card import deal_card
from cards.frame import Frame, Path
from cards.mail_card import failed_mail_card, mail_card
from cards.mail_with_card import mail_with_card
from cards.my_sharing_card import my_sharing_card
from cards.policy_card import policy_card
from cards.who_could_read_card import who_could_read_card
from cards.widgets import MOST_WIDGETS
from mailmagnet.crm import Module
from mailmagnet.errors import MAILMAGNET, GrantMissing, NotFound, Unavailable
from mailmagnet.gmail import GMAIL, MailHeaders
from mailmagnet.mail_with import ListedMail, MailWith, Missing, NotAsked, OwnSharing
from mailmagnet.open_record import Opened
from mailmagnet.people import Person
from mailmagnet.policy import PolicyAnswer, PolicyEffect, WantedPolicy
from mailmagnet.read_mail import MailId, ReadMail
from mailmagnet.record_people import CrmPerson, OpenedRecord, RecordId
from mailmagnet.sharing import Rule
from mailmagnet.sharing_overview import NamedRecord, Reading, SharingOverview
from mailmagnet.store import Choices, Mailbox, Policy, RunCounts, Sharing
from mailmagnet.user_mail import Attachment, MailText
from mailmagnet.who_could_read import Decided, WhoCouldRead
from sandbox.cards.card_check import card_faults
from tests.unit.test_cards import FRAME, HOSTILE, NOW, RENEWAL, TODAY, as_text, html_fields

CRM = "Zoho CRM"
ADA = RecordId(Module.CONTACTS, "c1")
PEOPLE = OpenedRecord(ADA, "Ada Lovelace", (CrmPerson("c1", "Ada Lovelace", ("ada@analytical.example",)),), ())
MINE = ListedMail("1", "", True, "18f", NOW - timedelta(hours=1), "Ada Lovelace", "ada@analytical.example", "Re: Offer")
KIMS = ListedMail("2", "Kim Corp", False, "190", NOW - timedelta(days=3), "Kim", "kim@corp.example", "Offer", sent=True)
OWN = OwnSharing(Sharing.CUSTOM, fixed=False, chosen=False, kept_back=False)
AT_MAIL = replace(FRAME, path=Path.MAIL_WITH, reference="")
MAILBOX = Mailbox("corp.example", "1", "me@corp.example", RunCounts(NOW))


def text_of(card: dict[str, Any]) -> str:
    assert card_faults(card) == []
    return as_text(card)


def test_mail_of_mine_and_of_a_colleague() -> None:
    answer = MailWith(PEOPLE, CRM, (MINE, KIMS), older="1795000000", own=OWN)
    assert text_of(mail_with_card(answer, AT_MAIL)) == (
        "# Mail with Ada Lovelace\n---\n"
        "Re: Offer / Ada Lovelace · yours · 1 hr ago >\n"
        "Offer / Kim Corp · 3 days ago >\n"
        "[Older mail] [Open as a page]\n"
        "--- Your mail and your colleagues\n"
        "Only you can read your mail with Ada Lovelace.\n"
        "[Share mail with this contact] [Who could read this]"
    )


def test_nothing_yet() -> None:
    text = text_of(mail_with_card(MailWith(PEOPLE, CRM, ()), AT_MAIL))
    assert text == "# Mail with Ada Lovelace\n---\nNo mail with Ada Lovelace yet.\n[Open as a page]"
    nobody = MailWith(replace(PEOPLE, people=()), CRM, ())
    assert "shows you nobody of Ada Lovelace" in text_of(mail_with_card(nobody, AT_MAIL))


def test_who_was_not_asked_is_said_and_who_keeps_back_is_not() -> None:
    missing = (
        Missing("Kim", NotAsked.NOT_SHARED),
        Missing("Lee", NotAsked.NOT_CONNECTED),
        Missing("Max", NotAsked.NOT_CONNECTED),
        Missing("Zoe", NotAsked.TOO_MANY),
        Missing("Bob", NotAsked.FAILED, Unavailable(GMAIL)),
    )
    text = text_of(mail_with_card(MailWith(PEOPLE, CRM, (), missing=missing), replace(AT_MAIL, reference="7f3a")))
    for said in (
        "Kim does not share mail with Ada Lovelace.",
        "Lee and Max have not connected Gmail, so there is nothing of theirs to read.",
        "Not asked: Zoe. At most 20 colleagues are asked at once.",
        "--- Bob’s mail\nGmail cannot be reached now. [Retry] / Reference 7f3a",
    ):
        assert said in text
    assert "No mail with" not in text


def test_without_the_grant_the_permission_is_asked_for_and_colleagues_mail_is_there() -> None:
    answer = MailWith(PEOPLE, CRM, (KIMS,), mine_problem=GrantMissing(GMAIL, "read"))
    text = text_of(mail_with_card(answer, AT_MAIL))
    assert "MailMagnet may not read your mail yet." in text
    assert "Offer / Kim Corp" in text


@pytest.mark.parametrize(
    ("own", "said", "button"),
    [
        (replace(OWN, sharing=Sharing.PRIVATE), "Only you can read", "Change sharing"),
        (OWN, "Only you can read", "Share mail with this contact"),
        (replace(OWN, chosen=True), "Colleagues who can open Ada Lovelace in Zoho CRM can read", "Stop sharing"),
        (replace(OWN, sharing=Sharing.PUBLIC), "Colleagues who can open", "Keep this contact back"),
        (replace(OWN, sharing=Sharing.PUBLIC, kept_back=True), "You keep your mail with Ada Lovelace back", "Stop keeping back"),
        (replace(OWN, sharing=Sharing.PRIVATE, fixed=True), "Fixed by your admin.", ""),
    ],
)
def test_what_the_owner_can_do(own: OwnSharing, said: str, button: str) -> None:
    text = text_of(mail_with_card(MailWith(PEOPLE, CRM, (MINE,), own=own), AT_MAIL))
    assert said in text
    assert f"{f'[{button}] ' if button else ''}[Who could read this]" in text


READ = ReadMail(
    MailId(ADA, "2", "190"),
    PEOPLE,
    MailText(
        MailHeaders("190", "t", NOW, frozenset(), (("Message-ID", "<a@b.example>"),)),
        "Dear Kim,\nthe offer.\n\nAda",
        (Attachment("2", "offer.pdf", 1_234_567, "application/pdf"),),
    ),
    Person("Ada Lovelace", "ada@analytical.example"),
    "Offer",
    "Kim Corp",
    "kim@corp.example",
    mine=False,
    kept_back=False,
)


def test_a_colleagues_mail_to_read() -> None:
    text = text_of(mail_card(READ, FRAME))
    assert text.startswith(
        "# Offer\nMail with Ada Lovelace\n---\nAda Lovelace / ada@analytical.example · today 10:30 · in Kim Corp’s mailbox"
    )
    assert "Kim Corp can see that you have read this." in text
    assert "--- Attachments · 1\noffer.pdf / 1.2\u00a0MB >" in text
    assert "Open in Gmail" not in text


def test_ones_own_mail_can_be_kept_back_and_given_back() -> None:
    mine = replace(READ, mine=True)
    assert "[Open in Gmail] [Keep this mail back]" in text_of(mail_card(mine, FRAME))
    kept = text_of(mail_card(replace(mine, kept_back=True), FRAME))
    assert "You keep this mail back: only you can read it." in kept
    assert "[Stop keeping back]" in kept


def test_what_cannot_be_read_is_said_in_one_way_and_what_failed_in_its_own() -> None:
    assert "This mail cannot be read here." in text_of(failed_mail_card(NotFound(GMAIL), FRAME))
    assert "Gmail cannot be reached now." in text_of(failed_mail_card(Unavailable(GMAIL), FRAME))
    assert "cannot be read here" not in text_of(failed_mail_card(NotFound(MAILMAGNET), FRAME))


def test_a_mail_as_long_as_a_book_makes_a_card_that_gmail_shows_whole() -> None:
    long = replace(READ, mail=replace(READ.mail, text="word " * 100_000, attachments=READ.mail.attachments * 300))
    card = mail_card(long, FRAME)
    assert card_faults(card) == []
    assert sum(len(section["widgets"]) for section in card["sections"]) <= MOST_WIDGETS


def test_what_i_share_and_who_read_it() -> None:
    overview = SharingOverview(
        CRM,
        replace(MAILBOX, choices=Choices(Sharing.CUSTOM, mails_kept_back=frozenset({"18f"}))),
        Sharing.CUSTOM,
        fixed=False,
        shared=(NamedRecord(ADA, "Ada Lovelace"),),
        kept_back=(NamedRecord(RecordId(Module.LEADS, "l1"), ""),),
        readings=(Reading("Kim Corp", "Ada Lovelace", "18f", NOW), Reading("", "", "190", NOW)),
        ended=2,
    )
    text = text_of(my_sharing_card(overview, FRAME))
    for said in (
        "Sharing has ended for 2 contacts: merged or gone in Zoho CRM.",
        "--- Shared · 1\nMail with Ada Lovelace >",
        "--- Kept back · 1\nMail with this lead >",
        "You keep 1 mail back.",
        "--- Who read my mail\nKim Corp / mail with Ada Lovelace · today 10:30 >\nA colleague who has left / a mail",
    ):
        assert said in text
    empty = SharingOverview(CRM, MAILBOX, Sharing.PRIVATE, fixed=False)
    assert "No colleague has read your mail." in text_of(my_sharing_card(empty, FRAME))
    assert "Your Gmail is not connected" in text_of(my_sharing_card(replace(empty, mailbox=None), FRAME))


def test_who_could_read_names_the_rule_for_each() -> None:
    now = Decided(Sharing.CUSTOM, fixed=False, rules=(("Kim", Rule.NOT_CHOSEN), ("Lee", Rule.NOT_CHOSEN)))
    after = Decided(Sharing.PUBLIC, fixed=False, rules=(("Kim", Rule.PUBLIC), ("Lee", Rule.PUBLIC)))
    text = text_of(who_could_read_card(WhoCouldRead("", "1", PEOPLE, CRM, 3, now, after), FRAME))
    for said in (
        "Your mail with Ada Lovelace. Each colleague must also be able to open Ada Lovelace in Zoho CRM.",
        "--- Now\nNo colleague could read it / Open to colleagues, for chosen contacts.",
        "Kim / No: this contact is not among those chosen",
        "--- After the change\n2 colleagues could read it / Open to all with access.",
        "Lee / Yes: mail with every contact is shared",
    ):
        assert said in text


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_has_its_words(rule: Rule) -> None:
    decided = Decided(Sharing.PUBLIC, fixed=True, rules=(("Kim", rule),))
    for contact in (None, PEOPLE):
        text = text_of(who_could_read_card(WhoCouldRead("Bob", "2", contact, CRM, 1, decided), FRAME))
        assert f"Kim / {'Yes' if rule.lets_in else 'No'}" in text


def said_on(card: dict[str, Any]) -> str:
    """A form's words."""
    assert card_faults(card) == []
    return json.dumps(card, ensure_ascii=False)


def test_the_policy_before_its_effect_after_a_fault_and_saved() -> None:
    policy = Policy(None, frozenset({"law.example"}))
    assert '"Save"' not in said_on(policy_card(PolicyAnswer(policy), FRAME))
    typed = WantedPolicy("public", "law.example", "30")
    effect = PolicyEffect(3, 2, 1, 1, 0, shorter_retention=True)
    text = said_on(policy_card(PolicyAnswer(policy, Policy(Sharing.PUBLIC), effect, typed), FRAME))
    for said in ("Of 3 connected users, 2 would share more.", "1 would share less", "Newly never shared: 1", '"Save"'):
        assert said in text
    assert "What owners keep back stays back." in text
    faulty = said_on(policy_card(PolicyAnswer(None, typed=replace(typed, retention_days="x"), fault="days: a number"), FRAME))
    assert "Not saved. Days: a number." in faulty
    down = said_on(policy_card(PolicyAnswer(None, typed=typed, problems=(Unavailable(MAILMAGNET),)), FRAME))
    assert "MailMagnet cannot be reached now." in down
    assert "Saved." in said_on(policy_card(PolicyAnswer(policy, policy, effect, typed, saved=True), FRAME))
    nothing = PolicyEffect(3, 0, 0, 0, 0, shorter_retention=False)
    assert "Nothing changes for 3 connected users." in said_on(policy_card(PolicyAnswer(policy, policy, nothing, typed), FRAME))


def test_a_deal() -> None:
    text = text_of(deal_card(Opened(RENEWAL, CRM, TODAY), FRAME))
    assert "Mail with Renewal 2027 >" in text
    assert "[Open in Zoho CRM]" in text


WORDS = st.text(max_size=30) | st.sampled_from([HOSTILE, "", "\u202eevil", "שירה לוי", "a" * 3_000, "<b>&\"'</b>", "\ud800"])


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(WORDS, WORDS, WORDS, WORDS)
def test_whatever_a_mail_or_the_crm_says_the_cards_hold(name: str, subject: str, owner: str, text: str) -> None:
    people = replace(PEOPLE, name=name)
    listed = replace(KIMS, owner_name=owner, from_name=name, subject=subject, sent=False)
    attachment = Attachment("1", subject, 1, "x/y")
    read = replace(READ, people=people, subject=subject, owner_name=owner, sender=Person(name, owner))
    read = replace(read, mail=replace(READ.mail, text=text, attachments=(attachment,)))
    missing = tuple(Missing(owner, why) for why in NotAsked)
    for card in (
        mail_with_card(MailWith(people, name, (listed,), missing=missing, own=OWN), AT_MAIL),
        mail_card(read, FRAME),
        who_could_read_card(
            WhoCouldRead(owner, "1", people, name, 1, Decided(Sharing.PUBLIC, True, ((owner, Rule.PUBLIC),))), FRAME
        ),
    ):
        assert card_faults(card) == []
        for field in html_fields(card):
            assert "<script" not in field
            assert "<a " not in field
        json.dumps(card, ensure_ascii=False).encode()


def test_the_clock_of_a_mail_is_the_readers() -> None:
    frame: Frame = replace(FRAME, now=datetime(2026, 11, 23, 23, 30, tzinfo=UTC))
    assert "4 days ago" in text_of(mail_card(READ, frame))
