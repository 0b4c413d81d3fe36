"""The one line that matters of a contact: what closes next and what it is worth, and what else is at stake."""

from collections.abc import Iterable
from datetime import date

from cards import words
from cards.deal_lines import is_overdue, name_and_amount, open_deals, stage_of, urgency_mark, when
from cards.frame import Frame
from cards.widgets import GREY, Widget, bold, coloured, decorated_text, open_link, spaced, text_paragraph
from mailmagnet.crm import Deal, DealState
from mailmagnet.standing import ContactStanding


def headline(standing: ContactStanding, crm_name: str, today: date, frame: Frame, through: str = "") -> Widget:
    """The deal that is the reason for the category; without one, that there are none. A tap opens it.

    `through` names the contact when several have the address, so that it is seen who decides.
    """
    decision, deals = standing.decision, standing.contact.deals
    if not decision:
        return text_paragraph(coloured("No open deals" if deals else f"No deals in {words.name(crm_name)}", GREY))
    deal = decision.because
    of_whom = f"through {through}" if through else ""
    if deal.state is DealState.WON:
        text = bold(f"{decision.category.words} · {_won(deal, today, frame)}")
        return decorated_text(text, below=of_whom, wrap=True, on_click=open_link(deal.url))
    others = (each for each in open_deals(deals, today) if each is not deal)
    text = spaced(urgency_mark(deal, today), bold(words.facts(_closes(deal, today, frame), name_and_amount(deal, frame))))
    below = words.facts(stage_of(deal), _more_overdue(others, today, frame), of_whom)
    return decorated_text(text, below=below, wrap=True, on_click=open_link(deal.url))


def _won(deal: Deal, today: date, frame: Frame) -> str:
    """ "won Support contract, 10 Jul"."""
    said = f"won {words.name(deal.name, 60) or 'a deal'}"
    return f"{said}, {words.day(deal.closing, today, frame.locale)}" if deal.closing else said


def _closes(deal: Deal, today: date, frame: Frame) -> str:
    if not deal.closing:
        return "No closing date"
    said = when(deal, today, frame)
    return said if is_overdue(deal, today) else f"Closes {said}"


def _more_overdue(others: Iterable[Deal], today: date, frame: Frame) -> str:
    """ "2 more overdue, €16,800"."""
    overdue = [deal for deal in others if is_overdue(deal, today)]
    if not overdue:
        return ""
    total = words.totals((deal.amount for deal in overdue), frame.locale)
    return ", ".join(filter(None, (f"{words.number(len(overdue), frame.locale)} more overdue", total)))
