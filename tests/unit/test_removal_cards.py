"""The cards for taking back, export and removal: none, one and many, names that are long, hostile or run from right to left."""

from dataclasses import replace
from typing import Any

import pytest

from cards.removal_cards import customer_address_card, organisation_card, user_removal_card
from cards.take_back_card import take_back_card
from mailmagnet.customer_address import AddressAnswer, KeptOfAddress
from mailmagnet.removal import OrganisationRemoval, UserRemoval
from mailmagnet.store import MailRecord, TakeBack
from mailmagnet.take_back import (
    FAILED,
    HISTORY_GONE,
    HOURS,
    REFUSED,
    RESUMED,
    TakeBackAnswer,
    TakenBackSoFar,
    TakingBack,
)
from tests.unit.test_admin_cards import text_of
from tests.unit.test_cards import FRAME, NOW

LONG = "a" * 60 + "@" + "customer." * 20 + "example"
HEBREW = "שרה@xn--4dbcagdahymbxekheh6e0a7fei0b.example"
HOSTILE = "<b>&x</b>@a.example"


@pytest.mark.parametrize("address", [LONG, HEBREW, HOSTILE, ""])
@pytest.mark.parametrize("mails", [0, 1, 2, 5_000])
def test_what_is_kept_of_an_address(address: str, mails: int) -> None:
    records = [(f"user{number % 3}", MailRecord(f"18f{number}", address, NOW)) for number in range(mails)]
    kept = KeptOfAddress(address, records, excluded=mails == 1, more=mails == 5_000)
    users = {f"user{number}": address for number in range(3)}
    said = text_of(customer_address_card(AddressAnswer(address, kept=kept, addresses=users), FRAME))
    assert address != HOSTILE or HOSTILE in said, "it is shown letter by letter"
    assert ("Nothing is kept" in said) == (mails == 0)
    assert ("1 record of" in said) == (mails == 1)
    assert ("More than 5,000 records" in said) == (mails == 5_000)


@pytest.mark.parametrize(("removed", "said"), [(0, "0 records"), (1, "1 record"), (2, "2 records")])
def test_how_many_records_it_was_taken_out_of(removed: int, said: str) -> None:
    assert f"Removed from {said}" in text_of(customer_address_card(AddressAnswer("a@a.example", removed=removed), FRAME))


@pytest.mark.parametrize("address", [LONG, HEBREW, HOSTILE, ""])
def test_a_user_before_and_after(address: str) -> None:
    assert "Remove this user" in text_of(user_removal_card(UserRemoval(address, "1"), FRAME))
    assert "✓ Removed" in text_of(user_removal_card(UserRemoval(address, "1", gone=True), FRAME))


@pytest.mark.parametrize("org", ["corp.example", "long-" * 12 + ".example"])
def test_the_organisation_before_and_after(org: str) -> None:
    removal = OrganisationRemoval(org, 1)
    assert "Everybody leaves (1 user)" in text_of(organisation_card(removal, FRAME))
    assert "Nothing was removed" in text_of(organisation_card(replace(removal, wrong_name=True), FRAME))
    assert "is being removed" in text_of(organisation_card(replace(removal, begun=True), FRAME))


def answer(mails: int, **more: Any) -> TakeBackAnswer:
    return TakeBackAnswer({hours: TakingBack(min(mails, 1), mails) for hours in HOURS}, **more)


@pytest.mark.parametrize(
    ("mails", "said"),
    [(0, "Nothing was moved in the last 48 hours"), (1, "About 1 mail in 1 mailbox"), (9, "About 9 mails in 1")],
)
def test_how_far_back(mails: int, said: str) -> None:
    assert said in text_of(take_back_card(answer(mails), FRAME))


def test_each_problem_has_its_words() -> None:
    so_far = TakenBackSoFar(5, 1, 7, dict.fromkeys((HISTORY_GONE, FAILED, REFUSED, RESUMED), 1))
    said = text_of(take_back_card(answer(0, asked=TakeBack(NOW, NOW), so_far=so_far), FRAME))
    assert "7 mails put back. 5 of 6 mailboxes done" in said
    assert said.count("1 mailbox /") == 4
