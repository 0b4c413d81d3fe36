"""The administration's cards in every state: their words, held against Google's schema, with no one, one and very many people."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards.admin_card import admin_card, pause_card
from cards.defaults_card import defaults_card, defaults_list_card
from cards.frame import Path
from cards.home_card import home_card
from cards.people_card import people_card
from cards.policy_card import policy_card
from cards.problems import problem_of
from cards.widgets import MOST_WIDGETS
from mailmagnet.administration import Administration
from mailmagnet.caller import Caller
from mailmagnet.connected_people import (
    A_PAGE,
    Condition,
    ConnectedPeople,
    NextStep,
    Place,
    condition,
    connected_people,
    everybody,
    moment_in_button,
    next_step,
    place_in,
)
from mailmagnet.defaults import DefaultsAnswer, DefaultsEffect, DefaultsList, Group, WantedDefaults, wanted_defaults
from mailmagnet.errors import BadRequest, Forbidden, Paused
from mailmagnet.identity import Identity, Locale
from mailmagnet.parts import Parts
from mailmagnet.pause import PauseAnswer
from mailmagnet.policy import PolicyAnswer
from mailmagnet.store import (
    Choices,
    Defaults,
    Mailbox,
    Parked,
    ParkedFor,
    Policy,
    Presence,
    Progress,
    Reason,
    RunCounts,
    SetUpBy,
    Sharing,
    Store,
    Trouble,
)
from sandbox.cards.card_check import card_faults
from tests.unit.test_cards import CRM, FRAME, HOME, HOSTILE, MAILBOX, NOW, as_text

ORG = "corp.example"
OFF = Mailbox(ORG, "1", "ada@corp.example", RunCounts(NOW))
SIGNED_IN = Presence(crm_user="u1")
RAN = RunCounts(NOW - timedelta(minutes=4), sorted=MAILBOX.last_run.sorted)
ON = replace(OFF, mailmagnet_since=NOW, labelling_since=NOW, progress=Progress("1"), last_run=RAN, presence=SIGNED_IN)
ALL = Defaults(mailmagnet=True, labelling=True, backfill_days=30, sharing=Sharing.CUSTOM)


def text_of(card: dict[str, Any]) -> str:
    assert card_faults(card) == []
    return as_text(card)


def in_trouble(reason: Reason, user: str = "1", since: datetime = NOW - timedelta(days=3)) -> Mailbox:
    return replace(ON, user=user, trouble=Trouble(reason, "Gmail", since, 3, None))


def said_of(mailbox: Mailbox, *, delegated: bool = False) -> str:
    text = text_of(people_card(ConnectedPeople((mailbox,), delegated, CRM), FRAME))
    return next(line.removesuffix(" >") for line in text.splitlines() if line.startswith("ada@"))


SAID = {
    Reason.CONSENT: "Gmail lets MailMagnet in no more · 3 days ago · Next: they allow it again in the panel · last run 4 min ago",
    Reason.GMAIL_REFUSES: (
        "Gmail does not let MailMagnet sort · 3 days ago · Next: your Google admin allows MailMagnet · last run 4 min ago"
    ),
    Reason.DELEGATION: (
        "Not let in by Admin console, Security, API controls, Domain-wide delegation · 3 days ago · "
        "Next: your Google admin allows MailMagnet · last run 4 min ago"
    ),
    Reason.CRM_SIGN_IN: f"Not signed in to {CRM} · 3 days ago · Next: they sign in in the panel · last run 4 min ago",
    Reason.CRM_PERMISSION: f"Lacks the permission Mail Integration · 3 days ago · Next: an admin of {CRM} gives it · last run 4 min ago",
    Reason.CRM_LIST: f"Not let in to {CRM} yet · 3 days ago · Next: you let them in, in “Who may use the CRM” · last run 4 min ago",
    Reason.CRM_DAY_LIMIT: "Gmail takes no more questions today · 3 days ago · Tried again by itself · last run 4 min ago",
    Reason.FAILING: "Gmail failed · 3 days ago · Tried again by itself · last run 4 min ago",
}


@pytest.mark.parametrize("reason", Reason)
def test_each_trouble_is_said_with_whose_next_step_it_is(reason: Reason) -> None:
    assert said_of(in_trouble(reason)) == f"ada@corp.example / {SAID[reason]}"


def test_where_the_admin_lets_mailmagnet_in_no_user_is_told_to_consent() -> None:
    assert "Next: your Google admin allows MailMagnet" in said_of(in_trouble(Reason.CONSENT), delegated=True)


@pytest.mark.parametrize(
    ("mailbox", "how", "whose", "said"),
    [
        (ON, Condition.WORKING, NextStep.NOBODY, "MailMagnet and labels on · last run 4 min ago"),
        (replace(ON, labelling_since=None), Condition.WORKING, NextStep.NOBODY, "MailMagnet on, labels off · last run 4 min ago"),
        (
            OFF,
            Condition.NOT_SET_UP,
            NextStep.USER,
            f"Connected, not set up · not signed in to {CRM} · Next: they set MailMagnet up",
        ),
        (
            replace(OFF, choices=Choices(set_up_by=SetUpBy.USER), presence=SIGNED_IN),
            Condition.OFF,
            NextStep.NOBODY,
            "MailMagnet off",
        ),
        (
            replace(ON, presence=Presence(), last_run=RunCounts(NOW)),
            Condition.SIGNED_OUT,
            NextStep.USER,
            f"MailMagnet and labels on · not signed in to {CRM} · Next: they sign in in the panel · no run yet",
        ),
        (
            replace(OFF, presence=Presence(parked=Parked(NOW, ParkedFor.NOT_OPENED))),
            Condition.PARKED,
            NextStep.USER,
            "Not opened for long: parked · deleted 20 Dec · Next: they open the panel",
        ),
        (
            replace(OFF, presence=Presence(leaving_since=NOW)),
            Condition.LEAVING,
            NextStep.NOBODY,
            "Has left: what is kept is being deleted",
        ),
    ],
)
def test_how_it_stands_with_a_mailbox(mailbox: Mailbox, how: Condition, whose: NextStep, said: str) -> None:
    assert (condition(mailbox), next_step(mailbox, delegated=False)) == (how, whose)
    assert said_of(mailbox) == f"ada@corp.example / {said}"


def test_nobody_yet() -> None:
    assert "Nobody has connected Gmail yet." in text_of(people_card(ConnectedPeople((), False, CRM), FRAME))


def test_names_that_run_from_right_to_left_and_hostile_ones_stay_names() -> None:
    for address in ("שירה@דואר.ישראל", f"{'x' * 300}@corp.example", *HOSTILE):
        card = people_card(ConnectedPeople((replace(ON, address=address), in_trouble(Reason.CONSENT)), False, CRM), FRAME)
        assert card_faults(card) == []
        assert "<script" not in json.dumps(card).lower()


class Many:
    """A store of one organisation's mailboxes, in pages, as the contract says; who reads of another organisation gets nothing."""

    def __init__(self, mailboxes: Sequence[Mailbox]) -> None:
        self.all, self.read = list(mailboxes), 0

    async def mailboxes_by_user(self, org: str, after: str, most: int) -> list[Mailbox]:
        return self._page(
            [each for each in sorted(self.all, key=lambda each: each.user) if each.user > after and each.org == org], most
        )

    async def mailboxes_in_trouble(self, org: str, after: tuple[datetime, str] | None, most: int) -> list[Mailbox]:
        troubled = sorted((each.trouble.since, each.user, each) for each in self.all if each.trouble and each.org == org)
        return self._page([each for since, user, each in troubled if after is None or (since, user) > after], most)

    def _page(self, found: list[Mailbox], most: int) -> list[Mailbox]:
        self.read += len(found[:most])
        return found[:most]

    def parts(self, *, admin: bool = True) -> Parts:
        async def connection(*_: str) -> None:
            return None

        async def me() -> Any:
            return SimpleNamespace(profile=SimpleNamespace(administrator=admin))

        crm = SimpleNamespace(me=me, name=CRM)
        vault = SimpleNamespace(connection=connection)
        return cast(
            Parts,
            SimpleNamespace(store=self, vault=vault, crm_of=lambda _: crm, admins=(), lets_in=lambda _: False, retention_days=90),
        )


def caller(org: str = ORG) -> Caller:
    return Caller(Identity(org, "1", "ada@corp.example", org), NOW, asyncio.get_running_loop().time() + 5)


def next_page(card: dict[str, Any]) -> Place | None:
    """Where the button leads."""
    text = json.dumps(card)
    if '"More people"' not in text:
        return None
    (click,) = [
        each["onClick"]["action"]
        for section in card["sections"]
        for each in section["widgets"][0].get("buttonList", {}).get("buttons", [])
    ]
    assert click["function"].endswith(Path.PEOPLE)
    ids = {each["key"]: each["value"] for each in click["parameters"]}
    return place_in(ids["after"], ids.get("since", ""))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.none() | st.integers(0, 3)), unique_by=lambda each: each[0], max_size=70))
def test_page_by_page_everybody_comes_once_and_trouble_first(people: list[tuple[int, int | None]]) -> None:
    mailboxes = [
        replace(ON, user=f"u{number:03}")
        if hours is None
        else in_trouble(Reason.FAILING, f"u{number:03}", NOW - timedelta(hours=hours, microseconds=1))
        for number, hours in people
    ]
    store = Many([*mailboxes, replace(ON, org="other.example", user="x")])

    async def walk() -> list[Mailbox]:
        seen: list[Mailbox] = []
        place: Place | None = Place()
        while place is not None:
            page = await connected_people(place, caller(), store.parts())
            assert len(page.mailboxes) <= A_PAGE
            seen += page.mailboxes
            card = people_card(page, FRAME)
            assert card_faults(card) == []
            place = next_page(card)
            assert place == page.after
        assert seen == [each async for each in everybody(ORG, cast(Store, store))]
        return seen

    seen = asyncio.run(walk())
    assert sorted(each.user for each in seen) == sorted(each.user for each in mailboxes)
    troubled = [each.trouble is not None for each in seen]
    assert troubled == sorted(troubled, reverse=True)


async def test_of_three_hundred_only_a_page_is_read() -> None:
    store = Many([replace(ON, user=f"u{number:03}", address=f"rep{number}@corp.example") for number in range(300)])
    page = await connected_people(Place(), caller(), store.parts())
    assert (len(page.mailboxes), store.read) == (A_PAGE, A_PAGE + 1)
    card = people_card(page, FRAME)
    assert sum(len(section["widgets"]) for section in card["sections"]) < MOST_WIDGETS


async def test_people_are_for_an_admin_of_that_very_organisation() -> None:
    store = Many([ON])
    with pytest.raises(Forbidden):
        await connected_people(Place(), caller(), store.parts(admin=False))
    others = await connected_people(Place(), caller("other.example"), store.parts())
    assert others.mailboxes == ()


@pytest.mark.parametrize("since", ["x", "-1", "1" * 18, "١٢", "1.5"])
def test_a_click_that_names_no_place_is_refused(since: str) -> None:
    with pytest.raises(BadRequest):
        place_in("u1", since)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(lambda moment: moment.replace(tzinfo=NOW.tzinfo)))  # noqa: DTZ001
def test_a_moment_comes_back_from_a_button(moment: datetime) -> None:
    assert place_in("u1", moment_in_button(moment)) == Place("u1", moment)


def test_the_administration_leads_to_each_part_and_says_when_it_is_paused() -> None:
    text = text_of(admin_card(Administration(ORG, None), FRAME))
    assert text.startswith(f"# Administration\n{ORG}\n---\nPeople / ")
    for part in ("People", "Policy", "Defaults", "Pause"):
        assert f"\n{part} / " in text
    assert "Resume" not in text
    paused = text_of(admin_card(Administration(ORG, NOW - timedelta(hours=1)), FRAME))
    assert "Paused since today 09:30 / Nobody’s mail is sorted.\n[Resume]" in paused


def test_pause_says_what_it_does_before_and_what_it_did_after() -> None:
    before = text_of(pause_card(PauseAnswer(None), replace(FRAME, path=Path.PAUSE)))
    assert "no run, no sorting of earlier mail, no notice and no count begins" in before
    assert "[Pause for everybody]" in before
    after = text_of(pause_card(PauseAnswer(NOW), replace(FRAME, path=Path.PAUSE_ALL)))
    assert "Paused since today 10:30" in after
    assert "[Resume]" in after
    assert "Pause for everybody" not in after
    assert "✓ Sorting goes on" in text_of(pause_card(PauseAnswer(None), replace(FRAME, path=Path.RESUME_ALL)))


GROUPS = (Group("p1", "Sales <b>", ALL), Group("p2", "Support", None), Group("gone", "", Defaults()), Group("", "", None))


def test_the_groups_and_what_each_begins_with() -> None:
    text = text_of(defaults_list_card(DefaultsList(GROUPS), FRAME))
    for line in (
        "Sales <b> / MailMagnet on · labels on, 30 days back · colleagues read, for chosen contacts >",
        "Support / None: each user begins with everything off >",
        "A profile that is gone / MailMagnet off · labels off · only the owner reads >",
        "Everybody else / None: each user begins with everything off >",
    ):
        assert line in text
    others = (*GROUPS[:2], Group("", "", ALL))
    assert "Support / As everybody else >" in text_of(defaults_list_card(DefaultsList(others), FRAME))


TYPED = WantedDefaults(True, True, "30", "custom")


def test_defaults_are_saved_only_after_what_they_do_is_said() -> None:
    opened = DefaultsAnswer(GROUPS[0], CRM, delegated=False)
    assert "[See what it does] [Remove these]" in text_of(defaults_card(opened, FRAME))
    assert "[Save]" not in text_of(defaults_card(opened, FRAME))
    seen = replace(opened, typed=TYPED, wanted=ALL, effect=DefaultsEffect(212, 1))
    text = text_of(defaults_card(seen, FRAME))
    assert "For 212 users who have not set up yet. 1 user who has set up stays as now." in text
    assert "Their set-up is filled in with it. Nothing happens before they save." in text
    assert "[Save] [See what it does]" in text
    nobody = text_of(defaults_card(replace(seen, effect=DefaultsEffect(0, 3)), FRAME))
    assert "All who may use MailMagnet have set up: it is for whoever comes. 3 users who have set up stay as now." in nobody
    for_all = text_of(defaults_card(replace(seen, delegated=True), FRAME))
    assert "Mail is moved out of their inboxes, customers’ mail of the last 30 days too, without asking them." in for_all
    assert "✓ Saved" in text_of(defaults_card(replace(seen, saved=True), FRAME))
    assert "Not saved. Days: a number" in text_of(defaults_card(replace(opened, typed=TYPED, fault="days: a number"), FRAME))
    fixed = text_of(defaults_card(replace(opened, fixed=Sharing.PRIVATE), FRAME))
    assert "Fixed for all by the policy: only the owner reads." in fixed


@pytest.mark.parametrize(
    "typed",
    [
        replace(TYPED, mailmagnet=False),
        replace(TYPED, backfill_days="-1"),
        replace(TYPED, backfill_days="366"),
        replace(TYPED, backfill_days=""),
        replace(TYPED, sharing=""),
        replace(TYPED, sharing="all"),
    ],
)
def test_what_can_be_no_defaults_is_refused(typed: WantedDefaults) -> None:
    with pytest.raises(BadRequest):
        wanted_defaults(typed)


def test_defaults_are_those_of_the_profile_else_of_everybody_else() -> None:
    policy = Policy(defaults={"p1": ALL, "": Defaults()})
    assert (policy.defaults_for("p1"), policy.defaults_for("p2"), Policy().defaults_for("p1")) == (ALL, Defaults(), None)


def test_the_homepage_says_what_the_admin_has_done() -> None:
    paused = text_of(home_card(replace(HOME, paused_since=NOW - timedelta(hours=1)), FRAME))
    assert "Paused by your admin since today 09:30 / No mail is moved. New mail waits" in paused
    assert "Sort now" not in paused
    assert "[Settings]" in paused
    begun = replace(MAILBOX, choices=Choices(sharing=Sharing.CUSTOM, set_up_by=SetUpBy.ADMIN))
    text = text_of(home_card(replace(HOME, mailbox=begun), FRAME))
    assert "Your admin has set MailMagnet up for you. [See] / MailMagnet on · labels on, 30 days back · colleagues read" in text
    saved = replace(begun, choices=replace(begun.choices, set_up_by=SetUpBy.USER))
    assert "Your admin" not in text_of(home_card(replace(HOME, mailbox=saved), FRAME))
    assert "[Administration]" in text_of(home_card(replace(HOME, is_admin=True), FRAME))


def test_sort_now_is_refused_with_the_reason() -> None:
    assert problem_of(Paused("paused"), Locale()).happened == "Your admin has paused sorting."


def test_a_pause_is_no_part_of_the_policys_form() -> None:
    assert "Paused" not in text_of(policy_card(PolicyAnswer(Policy(paused_since=NOW)), FRAME))
