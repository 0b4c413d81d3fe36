"""The admin's cards of who may use the CRM in every state, held against Google's schema."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from cards.crm_users_card import crm_person_card, crm_users_card
from cards.frame import CRM_LET_IN, Page, Path
from cards.widgets import Card
from mailmagnet.crm import Profile, User
from mailmagnet.crm_sign_in import Sees
from mailmagnet.crm_users import A_PAGE, NOBODY_THERE, SEVERAL_THERE, CrmUsers, Person
from sandbox.cards.card_check import card_faults
from tests.unit.test_cards import FRAME

REP = Profile("2", "Rep", frozenset())
BOB = User("8", "Bob <b>Rossi</b>", "bob@corp.example", REP)
ALONE = CrmUsers("Pipedrive", has_permission=False, by_account=False)
ACCOUNT = CrmUsers("HubSpot", has_permission=False, by_account=True, account="Corp", sees_all=True, sees=Sees.OWN)
PROPOSED = Person("102", "bob@corp.example", proposed=BOB)
LET_IN = Person("103", "kim@corp.example", "Kim Berg", let_in=True)
GONE = replace(LET_IN, user="104", gone=True)
UNKNOWN = Person("105", "lee@corp.example")


def as_json(card: Card) -> str:
    return json.dumps(card, ensure_ascii=False)


@pytest.mark.parametrize(
    ("answer", "there", "absent"),
    [
        (
            CrmUsers("Odoo", has_permission=True, by_account=False),
            ["Mail Integration", "Odoo itself says"],
            ["Let in", "Connect"],
        ),
        (ALONE, ["Nobody is here yet"], ["Connect", "Users see", "Let these in", "Let it go"]),
        (
            replace(ALONE, company="corp.pipedrive.com"),
            ["corp.pipedrive.com", "Let it go", "signs everybody out"],
            ["Disconnect"],
        ),
        (replace(ALONE, people=(UNKNOWN,)), ["lee@corp.example", "Let these in", "Tick who may use it"], ["Nobody"]),
        (replace(ALONE, people=(LET_IN,)), ["kim@corp.example", "Kim Berg"], ["Let these in"]),
        (replace(ACCOUNT, account=""), ["Connect HubSpot", "connects it once"], ["lets MailMagnet in no more", "Users see"]),
        (replace(ACCOUNT, account="", ended=True), ["Connect HubSpot", "lets MailMagnet in no more"], ["Users see"]),
        (ACCOUNT, ["Corp", "Disconnect", "Connect anew", "Their own and their team", "Everybody"], ["nobody sees anything"]),
        (replace(ACCOUNT, sees=None), ["Until you choose, nobody sees anything"], ["✓"]),
        (replace(ACCOUNT, sees_all=False, sees=None), ["Corp", "Disconnect"], ["Users see", "nobody sees anything"]),
        (
            replace(ACCOUNT, people=(PROPOSED, LET_IN, GONE, UNKNOWN)),
            ["bob@corp.example", "To confirm", "no active user of HubSpot any more", "Nobody with this address in HubSpot"],
            ["More people"],
        ),
        (replace(ACCOUNT, first=False, people=(UNKNOWN,), after="105"), ["More people"], ["Disconnect", "Users see"]),
        (replace(ACCOUNT, first=False), ["There is nobody more"], ["Disconnect"]),
    ],
)
def test_it_says_what_there_is_to_do(answer: CrmUsers, there: Sequence[str], absent: Sequence[str]) -> None:
    card = crm_users_card(answer, FRAME)
    assert card_faults(card) == []
    text = as_json(card)
    assert [word for word in there if word not in text] == []
    assert [word for word in absent if word in text] == []


def test_nobody_is_ticked_and_nothing_to_see_is_chosen_before_an_admin_does() -> None:
    text = as_json(crm_users_card(replace(ACCOUNT, sees=None, people=(PROPOSED, UNKNOWN)), FRAME))
    assert f'"name": "{CRM_LET_IN}"' in text
    assert '"value": "102 8"' in text
    assert '"selected": true' not in text


def test_what_users_see_is_said_once_it_is_saved() -> None:
    assert "✓ Saved" in as_json(crm_users_card(ACCOUNT, replace(FRAME, path=Path.SAVE_SEES)))
    assert "✓ Saved" not in as_json(crm_users_card(replace(ACCOUNT, sees=None), replace(FRAME, path=Path.SAVE_SEES)))


def test_a_full_page_of_long_and_hostile_names_is_a_good_card() -> None:
    names = ["<script>", "ע" * 90, "x" * 500, "&amp;", ""]
    people = [
        Person(f"1{number}", f"{'a' * 60}{number}@corp.example", proposed=replace(BOB, id=str(number), name=names[number % 5]))
        for number in range(A_PAGE)
    ]
    card = crm_users_card(replace(ACCOUNT, crm_name="H" * 200, account="<b>" * 90, people=tuple(people), after="119"), FRAME)
    assert card_faults(card) == []
    assert "<b><b>" not in as_json(card)


@pytest.mark.parametrize("person", [PROPOSED, LET_IN, GONE, UNKNOWN, Person("1", "")])
@pytest.mark.parametrize("answer", [ACCOUNT, ALONE])
@pytest.mark.parametrize("fault", ["", NOBODY_THERE, SEVERAL_THERE])
def test_one_person_is_let_in_or_out(person: Person, answer: CrmUsers, fault: str) -> None:
    card = crm_person_card(replace(answer, people=(person,), fault=fault), FRAME)
    assert card_faults(card) == []
    text = as_json(card)
    assert ("Let out" in text) == person.let_in
    assert (str(Path.LET_OUT) in text) == person.let_in
    assert (str(Path.MAP_PERSON) in text) == (not person.let_in)
    assert ("has this address" in text or "have this address" in text) == bool(fault)


def test_the_account_is_connected_on_a_page_of_its_own() -> None:
    assert str(Page.CRM_ACCOUNT) in as_json(crm_users_card(replace(ACCOUNT, account=""), FRAME))
