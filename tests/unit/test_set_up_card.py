"""The set-up card in every state: its words, held against Google's schema, and nothing typed that can break it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards.set_up_card import set_up_card
from cards.sorting_cards import sorted_today_card, sorting_begun_card, sorting_preview_card
from mailmagnet.categories import Category, Decision
from mailmagnet.consent import Grant
from mailmagnet.decide_mail import Move
from mailmagnet.errors import LeaseLost, MailMagnetError, TimedOut, Unavailable
from mailmagnet.gmail import GMAIL
from mailmagnet.label_mail import LabelRun
from mailmagnet.preview import Newest
from mailmagnet.set_up import Consequence, Form, Refusal, SetUp, days_of, form_of
from mailmagnet.sorting import SortedMail, SortedToday, SortingBegun, SortingPreview
from mailmagnet.store import Choices, DayCounts, Defaults, MailRecord, Notice, Notify, Policy, Preview, RunCounts, Sharing
from sandbox.cards.card_check import card_faults
from tests.unit.test_cards import CRM, FRAME, MAILBOX, NOW, RENEWAL, TODAY, WON, Card, assert_safe, names

OFF = replace(MAILBOX, mailmagnet_since=None, labelling_since=None, progress=None)
COUNTS = {Category.CLOSING_THIS_MONTH: 12, Category.OPEN_DEALS: 31, Category.CUSTOMER: 44}
FRESH = SetUp(CRM, "ada@corp.example", form_of(None, "UTC"), policy=Policy())
CONNECTED = replace(FRESH, grants=frozenset({Grant.SORT}), mailbox=OFF)


def lines(card: Card) -> str:
    """What is read in a card, widget by widget."""
    assert card_faults(card) == []
    said = []
    for section in card["sections"]:
        said.append(f"--- {section.get('header', '')}".rstrip())
        for widget in section["widgets"]:
            ((kind, content),) = widget.items()
            match kind:
                case "textParagraph":
                    said.append(content["text"])
                case "buttonList":
                    said.append(" ".join(f"[{button['text']}]" for button in content["buttons"]))
                case "textInput":
                    said.append(f"[{content['label']}: {content.get('value', '')}]")
                case "selectionInput":
                    chosen = [item["text"] for item in content["items"] if item["selected"]]
                    said.append(f"({content['label']}: {', '.join(chosen)})")
                case _:
                    switch = content.get("switchControl")
                    on = {True: " [on]", False: " [off]"}[switch["selected"]] if switch else ""
                    said.append(f"{content['text']}{on} / {content.get('bottomLabel', '')}")
    return "\n".join(said)


def widgets_of(card: Card) -> list[dict[str, Any]]:
    return [content for section in card["sections"] for widget in section["widgets"] for content in widget.values()]


def top(set_up: SetUp) -> str:
    """What stands above the first step."""
    return lines(set_up_card(set_up, FRAME)).partition("\n--- Channel")[0]


def test_every_step_is_there_before_anything_is_connected() -> None:
    said = lines(set_up_card(FRESH, FRAME))
    for step in (
        "--- Channel",
        "--- Account",
        "Not connected",
        "[Connect Gmail]",
        "--- MailMagnet",
        "[off]",
        "--- Notices",
        "[Save]",
    ):
        assert step in said
    assert "(Who may read my mail with contacts: Only me)" in said
    assert "[Sort mail of the last … days too (0 to 365): 30]" in said


@pytest.mark.parametrize(
    ("set_up", "said"),
    [
        (
            replace(CONNECTED, newest=Newest(50, COUNTS)),
            "Deals Closing This Month (CTM) 12 · Open Deals 31 · Customer 44\n"
            '<font color="#5f6368">of your newest 50 mails</font>',
        ),
        (
            replace(CONNECTED, mailbox=replace(OFF, preview=Preview(NOW - timedelta(hours=2), 30, 1240, 1240, COUNTS))),
            "Counted 1,240 mails of the last 30 days, 2 hr ago",
        ),
        (
            replace(CONNECTED, mailbox=replace(OFF, preview=Preview(NOW, 30, 1240, 137, COUNTS))),
            "Counted 137 of 1,240 mails of the last 30 days so far",
        ),
        (CONNECTED, '<font color="#5f6368">Deals Closing This Month (CTM) · Open Deals · Customer</font>'),
        (replace(CONNECTED, policy=Policy(sharing=Sharing.PUBLIC)), f"Fixed by your admin · Whoever can open a contact in {CRM}"),
        (
            CONNECTED,
            f"Colleagues can then read your mail with a contact, if {CRM} shows them the contact. You choose contacts on",
        ),
        (replace(CONNECTED, refusal=Refusal.NO_WEBHOOK), "or turn notices off.\n[Give the address]"),
        (replace(CONNECTED, webhook=True), "The address of a Google Chat webhook is kept."),
        (
            replace(CONNECTED, mailbox=replace(OFF, choices=Choices(notice=Notice(Notify.DAILY)))),
            "Google Chat no longer knows the address.",
        ),
        (replace(CONNECTED, mailbox=replace(OFF, choices=Choices(shared_contacts=frozenset({"1"})))), "1 contact is chosen now."),
    ],
)
def test_what_is_known_is_said(set_up: SetUp, said: str) -> None:
    assert said in lines(set_up_card(set_up, FRAME))


@pytest.mark.parametrize(
    ("set_up", "said"),
    [
        (
            replace(CONNECTED, refusal=Refusal.LABELS_WITHOUT_MAILMAGNET),
            '--- Not saved\n<font color="#c5221f">Labels need MailMagnet.</font> / Turn on MailMagnet too, or turn the labels off.',
        ),
        (
            replace(CONNECTED, consequence=Consequence(deletes=1)),
            "--- Before it is saved\nTurning MailMagnet off deletes 1 record of customers’ mail. "
            "Mail and labels in Gmail stay as they are.\n[Turn off and delete] [Not now]",
        ),
        (
            replace(CONNECTED, consequence=Consequence(sorts_days=30, mails=500, more=True)),
            "--- Before it is saved\nCustomers’ mail of the last 30 days (of more than 500 mails there) will be moved out of the inbox, "
            "under the labels. Earlier decisions are forgotten: what you moved back is sorted anew.\n[Save and sort it] [Not now]",
        ),
        (
            replace(CONNECTED, consequence=Consequence(sorts_days=1, mails=87, counted=True)),
            "--- Before it is saved\nAbout 87 mails of the last 1 day will be moved out of the inbox, "
            "under the labels. Earlier decisions are forgotten: what you moved back is sorted anew.\n[Save and sort it] [Not now]",
        ),
        (replace(CONNECTED, saved=True), '---\n<font color="#137333">✓ Saved</font> / '),
        (replace(CONNECTED, counting=True), "---\nYour mail is being counted. Open this card again in some minutes."),
    ],
)
def test_what_came_of_a_click_stands_on_top(set_up: SetUp, said: str) -> None:
    assert top(set_up).replace("&#x27;", "’") == said


def test_the_account_says_as_whom_its_user_is_signed_in_to_the_crm_and_leads_to_the_end_of_that() -> None:
    card = set_up_card(replace(CONNECTED, crm_user="Ada <Byron>"), FRAME)
    (line,) = [each for each in widgets_of(card) if "signed in as" in each.get("text", "")]
    assert line["text"] == f"{CRM}: signed in as Ada &lt;Byron&gt;"
    assert line["button"]["text"] == "Sign out"
    assert "/sign-in" in line["button"]["onClick"]["openLink"]["url"]


def test_the_administration_is_led_to_for_admins_alone() -> None:
    assert "[Administration]" in lines(set_up_card(replace(CONNECTED, is_admin=True), FRAME))
    assert "Administration" not in lines(set_up_card(CONNECTED, FRAME))


def test_what_the_admin_has_filled_in_is_said_and_that_nothing_happens_yet() -> None:
    defaults = Defaults(mailmagnet=True, labelling=True, backfill_days=7, sharing=Sharing.CUSTOM)
    filled = replace(FRESH, form=form_of(None, "UTC", defaults), defaults=defaults, grants=frozenset({Grant.SORT}))
    said = lines(set_up_card(filled, FRAME))
    assert "Your admin has filled this in for you. / Change what you like, then save. Nothing happens before." in said
    assert (filled.form.mailmagnet, filled.form.labelling, filled.form.backfill_days, filled.form.sharing) == (
        True,
        True,
        "7",
        "custom",
    )
    assert "Your admin has filled" not in lines(set_up_card(CONNECTED, FRAME))


def test_while_paused_no_first_run_is_promised() -> None:
    paused = replace(CONNECTED, mailbox=replace(MAILBOX, last_run=RunCounts(NOW)), policy=Policy(paused_since=NOW), saved=True)
    said = lines(set_up_card(paused, FRAME))
    assert "Your admin has paused sorting: the first run comes when it is resumed." in said
    assert "within 10 minutes" not in said


def test_where_what_is_kept_cannot_be_told_nothing_is_said_of_it_and_the_form_is_there() -> None:
    said = lines(set_up_card(replace(FRESH, policy=None, problem=TimedOut(GMAIL, 4)), FRAME))
    assert "[Save]" in said
    for claim in ("connected", "signed in", "No address", "Deactivate"):
        assert claim not in said


def test_while_notices_are_off_their_hours_are_folded() -> None:
    def folded(set_up: SetUp) -> bool:
        (notices,) = [each for each in set_up_card(set_up, FRAME)["sections"] if each.get("header") == "Notices"]
        return bool(notices.get("collapsible"))

    assert folded(CONNECTED)
    assert not folded(replace(CONNECTED, form=replace(CONNECTED.form, notify=Notify.DAILY)))


def test_after_a_failure_what_was_confirmed_can_be_confirmed_again() -> None:
    said = top(replace(CONNECTED, problem=Unavailable(GMAIL), consequence=Consequence(sorts_days=30)))
    assert "Gmail cannot be reached now." in said
    assert "[Save and sort it] [Not now]" in said


@pytest.mark.parametrize("typed", ["0", "1", "30", "365"])
def test_days_that_there_can_be(typed: str) -> None:
    assert days_of(typed) == int(typed)


@given(st.text(max_size=6))
def test_what_is_no_number_of_days_is_none(typed: str) -> None:
    days = days_of(typed)
    assert days is None or (0 <= days <= 365 and typed.isascii() and int(typed) == days)


forms = st.builds(Form, st.booleans(), st.booleans(), *(names for _ in range(6)), st.sampled_from(["UTC", "nowhere"]))
set_ups = st.builds(
    SetUp,
    crm_name=names,
    address=names,
    form=forms,
    grants=st.frozensets(st.sampled_from(Grant)),
    delegated=st.booleans(),
    crm_user=names,
    is_admin=st.booleans(),
    webhook=st.booleans(),
    mailbox=st.none() | st.just(OFF) | st.just(MAILBOX),
    policy=st.none() | st.builds(Policy, st.none() | st.sampled_from(Sharing)),
    newest=st.none() | st.just(Newest(0, {})),
    refusal=st.none() | st.sampled_from(Refusal),
    consequence=st.none()
    | st.builds(Consequence, st.integers(0, 9999), st.integers(0, 365), st.integers(0, 9999), st.booleans()),
    saved=st.booleans(),
    counting=st.booleans(),
    problem=st.none() | st.sampled_from([TimedOut(GMAIL, 4), LeaseLost(), MailMagnetError()]),
)


@settings(deadline=None)
@given(set_ups)
def test_whatever_was_typed_makes_a_good_card(set_up: SetUp) -> None:
    assert_safe(set_up_card(set_up, FRAME))


MAIL = SortedMail(MailRecord("19a", "ada@a.example", NOW), Category.CUSTOMER, "<b>Re</b>", "Ada", "<a@mail.example>")
SORTED = SortedToday((MAIL,), "kim@corp.example", TODAY, DayCounts(TODAY, {Category.CUSTOMER: 3}), more=False)
MOVE = Move("19a", "ada@a.example", NOW, Decision(Category.OPEN_DEALS, RENEWAL), in_inbox=True)
RUN = LabelRun((MOVE, replace(MOVE, decision=Decision(Category.CUSTOMER, WON), in_inbox=False)), 12, 3, 0, 1, dry=True)


def test_which_were_sorted_today() -> None:
    said = lines(sorted_today_card(SORTED, FRAME))
    assert "--- Customer · 1\nAda / <b>Re</b> · just now" in said
    assert "2 more mails sorted today: received earlier, or moved since." in said
    assert "Nothing of today’s mail stands under a label." in lines(sorted_today_card(replace(SORTED, mails=(), day=None), FRAME))


def test_what_would_be_sorted_now_and_why() -> None:
    said = lines(sorting_preview_card(SortingPreview(RUN, "kim@corp.example", CRM), FRAME))
    assert "Of 12 new mails 2 mails would be moved out of the inbox. The rest follows.\n[Sort now]" in said
    assert "--- Open Deals · 1\nada@a.example / Renewal 2027 · just now" in said
    assert "won Renewal 2026 · just now · already out of the inbox" in said
    nothing = replace(RUN, moves=())
    assert "Looked at 12 new mails: nothing to sort." in lines(sorting_preview_card(SortingPreview(nothing, "", CRM), FRAME))
    none = replace(nothing, looked_at=0)
    assert "No new mail to sort." in lines(sorting_preview_card(SortingPreview(none, "", CRM), FRAME))
    assert "Sorting begins now." in lines(sorting_begun_card(SortingBegun(already=False), FRAME))
