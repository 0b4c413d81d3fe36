"""The card of a search: the field with the words in it, and what the CRM has under them."""

from collections.abc import Sequence
from datetime import date

from cards import words
from cards.connecting import set_up_section
from cards.deal_lines import company_of_deal, deal_line, opening, stage_of, when
from cards.frame import SEARCH_INPUT, Frame, Path
from cards.people_lines import account_line, contact_line, lead_line
from cards.widgets import Card, Fold, Section, Widget, button, button_list, card, section, text_input, text_paragraph
from mailmagnet.crm import Deal, Found
from mailmagnet.open_record import Opened

_IN_SIGHT = 5


def too_little_typed(letters: int) -> str:
    """Said when the field is empty, or holds fewer letters than a search takes."""
    least = f" of {letters} letters or more" if letters > 1 else ""
    return f"Type a name, a company or an address{least} to search for."


def search_card(opened: Opened[Found], frame: Frame) -> Card:
    found, today = opened.record, opened.today
    lines = {
        "contacts": [contact_line(contact, frame) for contact in found.contacts],
        "leads": [lead_line(lead, frame) for lead in found.leads],
        "accounts": [account_line(account, frame) for account in found.accounts],
        "deals": [_deal_line(deal, today, frame) for deal in found.deals],
    }
    results = [_results(kind, of_kind, kind in found.more, frame) for kind, of_kind in lines.items()]
    if not any(results):
        nothing = f"Nothing in {words.name(opened.crm_name)} under “{words.name(frame.words, 80)}”."
        results = [section([text_paragraph(nothing)])]
    return card([search_section(frame, frame.words), *results, set_up_section(opened.to_set_up, frame)])


def search_section(frame: Frame, typed: str = "") -> Section | None:
    """The field and its button: Gmail's text input does not tell of Enter."""
    search = button("Search", frame.run(Path.SEARCH))
    return section([text_input(SEARCH_INPUT, "Search people, firms, deals", typed), button_list(search)])


def _results(kind: str, lines: Sequence[Widget], there_are_more: bool, frame: Frame) -> Section | None:
    """What was found of one kind, under its count; where there are more than were given, it says so."""
    count = words.number(len(lines), frame.locale)
    header = f"{count} {kind} of more: add a word" if there_are_more else words.facts(kind.capitalize(), count)
    folded = len(lines) - _IN_SIGHT
    unfold = f"{words.number(folded, frame.locale)} more {kind if folded > 1 else kind.removesuffix('s')}"
    return section(lines, header, Fold(_IN_SIGHT, unfold, f"Fewer {kind}"))


def _deal_line(deal: Deal, today: date, frame: Frame) -> Widget:
    return deal_line(deal, frame, company_of_deal(deal), when(deal, today, frame), stage_of(deal), on_click=opening(deal, frame))
