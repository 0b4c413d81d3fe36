"""The admin's card of the CRM in every state, held against Google's schema."""

import pytest

from cards.crm_card import crm_card
from mailmagnet.choose_crm import CrmAnswer
from mailmagnet.crm_choice import CrmChoice
from sandbox.cards.card_check import card_faults
from tests.unit.test_cards import FRAME, as_text

ODOO = CrmChoice("odoo", "https://crm.example")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (CrmAnswer(CrmChoice("embedded"), True, "", ""), ["MailMagnet’s own CRM", "as deployed"]),
        (CrmAnswer(ODOO, False, "odoo", ODOO.origin), ["Odoo", "https://crm.example", "chosen by an admin"]),
        (
            CrmAnswer(ODOO, True, "odoo", "https://new.example", is_another=True, sign_in_anew=1),
            ["1 user signed in", "share or keep back", "Save"],
        ),
        (
            CrmAnswer(ODOO, True, "odoo", "https://new.example", is_another=True, sign_in_anew=300),
            ["300 users signed in", "Save"],
        ),
        (CrmAnswer(ODOO, True, "odoo", "ftp://x", fault="address: write it with https://"), ["Not saved. Address: write it"]),
        (CrmAnswer(ODOO, False, "odoo", ODOO.origin, is_another=True, saved=True), ["✓ Saved"]),
    ],
)
def test_it_says_which_and_what_another_one_does(answer: CrmAnswer, words: list[str]) -> None:
    card = crm_card(answer, FRAME)
    assert card_faults(card) == []
    text = as_text(card)
    assert [word for word in words if word not in text] == []
    assert ("Save" in text.replace("Saved", "").replace("Not saved", "")) == (answer.is_another and not answer.saved)
