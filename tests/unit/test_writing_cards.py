"""The cards of writing mail: held against Google's schema with whatever a CRM, a template or a rep may put into them."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards.answers import change_draft, open_draft, push_card, update_card
from cards.compose_card import compose_card, template_card
from cards.frame import Frame, Path
from cards.mail_form_card import FAULTS, done_card, mail_form_card
from cards.problems import notice_of
from mailmagnet.crm import Contact, Found, Lead, Module
from mailmagnet.errors import NotFound, TimedOut, Unavailable
from mailmagnet.gmail import GMAIL
from mailmagnet.identity import Locale
from mailmagnet.mail_templates import Composing, FilledTemplate
from mailmagnet.merge_fields import FIELDS
from mailmagnet.record_people import RecordId
from mailmagnet.templates import Template, merge
from mailmagnet.user_mail import SendAs
from mailmagnet.write_mail import Done, Ending, Fault, FormId, MailForm, Typed
from sandbox.cards.card_check import answer_faults

FRAME = Frame(
    Locale("en-GB", "Europe/Vienna"),
    datetime(2026, 11, 23, 9, tzinfo=UTC),
    "https://addon.example",
    Path.COMPOSE,
    lambda page, _: f"https://pages.example{page}",
)
NAMES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.sampled_from(["", "<b>x</b>", "שירה לוי", "x" * 3000, "a\u202eb", "${x}", "\n", "&amp;"]),
)
ODD = "<b>\u202eאב</b> & \n" + "x" * 900


def template(number: int, name: str = ODD, text: str = ODD) -> Template:
    return Template(str(number), name, name, text)


@settings(max_examples=60, deadline=None)
@given(NAMES, NAMES, st.integers(0, 150))
def test_beside_a_draft(name: str, text: str, count: int) -> None:
    contact, lead = Contact("1", name, ("a@b.example",)), Lead("2", name, ("c@d.example",), company=text)
    templates = tuple(template(number, name, text) for number in range(count))
    values = dict.fromkeys(FIELDS, text)
    for found in (None, Found(), Found(contacts=(contact,), leads=(lead,))):
        composing = Composing(name, lead if count % 2 else None, values, templates, found)
        assert answer_faults(update_card(compose_card(composing, FRAME))) == []
    filled = FilledTemplate(
        template(1, name, text), merge(name, values), merge(text + "${Deal.Name}${x}", dict.fromkeys(FIELDS, "")), lead
    )
    assert answer_faults(push_card(template_card(filled, FRAME))) == []


def test_templates_that_cannot_be_had_are_told_beside_the_rest() -> None:
    composing = Composing("Zoho CRM", None, {"User.Name": "Ada"}, (), None, Unavailable(GMAIL))
    card = json.dumps(compose_card(composing, FRAME), ensure_ascii=False)
    for words in ("Gmail cannot be reached now.", "Retry", "Find a recipient", "Nobody known among the recipients"):
        assert words in card


@settings(max_examples=60, deadline=None)
@given(NAMES, NAMES, st.integers(0, 3), st.booleans())
def test_the_form(name: str, text: str, count: int, is_reply: bool) -> None:
    senders = tuple(SendAs(f"ada{number}@x.example", name) for number in range(count))
    templates = tuple(template(number, name, text) for number in range(count))
    person = RecordId(Module.LEADS, "7") if count else None
    form = MailForm(
        FormId("r1", person, is_reply), Typed(text, "ada1@x.example", name, text), senders, templates, name, FIELDS, (name,)
    )
    card = mail_form_card(form, FRAME)
    assert answer_faults(push_card(card)) == []
    parameters = [each for found in _actions(card) for each in found.get("parameters", ())]
    assert {each["key"] for each in parameters} <= {"draft", "module", "id", "reply"}
    assert {each["value"] for each in parameters} <= {"r1", "leads", "7", "1"}


def _actions(part: object) -> list[dict[str, list[dict[str, str]]]]:
    if isinstance(part, dict):
        own = [part["action"]] if "action" in part else []
        return own + [found for inner in part.values() for found in _actions(inner)]
    return [found for inner in part for found in _actions(inner)] if isinstance(part, list) else []


def test_a_long_line_of_recipients_is_not_cut() -> None:
    to = ", ".join(f"someone{number}@x.example" for number in range(50))
    form = MailForm(FormId("r1"), Typed(to, "", "", ""), (), ())
    assert to in json.dumps(mail_form_card(form, FRAME))


@pytest.mark.parametrize("ending", Ending)
def test_each_ending_has_its_words(ending: Ending) -> None:
    card = done_card(Done(ending, "r1"), FRAME)
    assert answer_faults(update_card(card, "Sent")) == []
    assert answer_faults(open_draft("r1", card)) == []


def test_each_fault_has_its_words() -> None:
    assert set(FAULTS) == set(Fault)


def test_what_is_empty_in_a_draft_stays_as_it_is() -> None:
    assert answer_faults(change_draft(html="<b>x</b>")) == []
    everything = change_draft(html="<b>x</b>", subject="s", to=["a@b.example"])
    assert answer_faults(everything) == []
    assert len(everything["renderActions"]["hostAppAction"]["gmailAction"]["updateDraftActionMarkup"]) == 3


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimedOut(GMAIL, 4), "Gmail did not answer within 4\u00a0s. Nothing is lost: try again."),
        (NotFound(GMAIL), "Gmail does not find this mail. Drafts, mail you wrote and deleted mail are not shown: open another."),
    ],
)
def test_a_failed_press_is_told_in_one_line(error: TimedOut, words: str) -> None:
    assert notice_of(error, FRAME) == words
