"""Deals as lines: the order in which a rep wants them, the facts of each, and what they add up to."""

from collections.abc import Iterable, Sequence
from datetime import date

from cards import words
from cards.view import Path, View
from cards.widgets import (
    GREY,
    RED,
    Html,
    OnClick,
    Section,
    Widget,
    coloured,
    decorated_text,
    html,
    open_link,
    run,
    section,
    spaced,
    text_paragraph,
)
from mailmagnet.categories import month_of
from mailmagnet.crm import Deal, DealState

IN_SIGHT = 5
"""As many open deals as fit a laptop's panel without scrolling; the others are folded."""

_NAME_BESIDE_A_MARK = 26  # of the some 36 characters that a panel 300 pixels wide shows in a line


def open_deals(deals: Iterable[Deal], today: date) -> list[Deal]:
    """The open ones: still to close this month, then overdue, then later; each the soonest first, those without a date last."""
    return sorted((deal for deal in deals if deal.state is DealState.OPEN), key=lambda deal: _urgency(deal, today))


def _urgency(deal: Deal, today: date) -> tuple[int, date, str, str]:
    last = month_of(today)[1]
    if deal.closing is None:
        return (3, date.max, deal.name, deal.id)
    rank = 1 if deal.closing < today else 0 if deal.closing <= last else 2
    return (rank, deal.closing, deal.name, deal.id)


def closed_deals(deals: Iterable[Deal]) -> list[Deal]:
    """Won and lost ones, the latest first."""
    closed = (deal for deal in deals if deal.state is not DealState.OPEN)
    return sorted(closed, key=lambda deal: (deal.closing or date.min, deal.name, deal.id), reverse=True)


def deals_section(deals: Sequence[Deal], today: date, view: View) -> Section | None:
    """All deals under how many are open and what they add up to; the rest of the open ones, and the closed ones, are folded."""
    opened, closed = open_deals(deals, today), closed_deals(deals)
    in_sight = [deal_line(deal, today, view) for deal in opened[:IN_SIGHT]]
    folded = [deal_line(deal, today, view) for deal in (*opened[IN_SIGHT:], *closed)]
    if folded:
        in_sight.append(text_paragraph(coloured(f"+ {_folded_counts(len(opened) - IN_SIGHT, closed, view)}", GREY)))
    return section([*in_sight, *folded], deals_header("Deals", opened, view), len(in_sight))


def _folded_counts(open_count: int, closed: Sequence[Deal], view: View) -> str:
    won = sum(deal.state is DealState.WON for deal in closed)
    counts = ((open_count, "open"), (won, "won"), (len(closed) - won, "lost"))
    return ", ".join(f"{words.number(count, view.reader)} {state}" for count, state in counts if count > 0)


def deals_header(title: str, opened: Sequence[Deal], view: View) -> str:
    """ "Deals · 2 open · €48,000"."""
    count = f"{words.number(len(opened), view.reader)} open" if opened else "none open"
    return words.facts(title, count, words.totals((deal.amount for deal in opened), view.reader))


def deal_line(deal: Deal, today: date, view: View) -> Widget:
    """One deal: its name, marked when overdue, with stage, exact amount and closing date below. A click opens it in the CRM."""
    amount = words.money(deal.amount, view.reader)
    below = words.facts(words.name(deal.stage, 40), amount, closing(deal, today, view))
    return decorated_text(deal_name(deal, today), below=below, on_click=open_link(deal.url))


def deal_name(deal: Deal, today: date) -> Html:
    if is_overdue(deal, today):
        return spaced(words.name(deal.name, _NAME_BESIDE_A_MARK) or "Deal", coloured("overdue", RED))
    return html(words.name(deal.name) or "Deal")


def closing(deal: Deal, today: date, view: View) -> str:
    return words.day(deal.closing, today, view.reader) if deal.closing else ""


def is_overdue(deal: Deal, today: date) -> bool:
    return deal.state is DealState.OPEN and deal.closing is not None and deal.closing < today


def found_deal_line(deal: Deal, today: date, view: View) -> Widget:
    """A deal outside its contact's card: with its company, opening whatever of it can be opened."""
    amount = words.money(deal.amount, view.reader)
    below = words.facts(_company(deal), words.name(deal.stage, 40), amount, closing(deal, today, view))
    return decorated_text(deal_name(deal, today), below=below, on_click=_opening(deal, view))


def closing_deal_line(deal: Deal, today: date, view: View) -> Widget:
    """A deal in a list of those that close this month: its company and its day."""
    below = words.facts(_company(deal), closing(deal, today, view))
    return decorated_text(deal_name(deal, today), below=below, on_click=_opening(deal, view))


def _opening(deal: Deal, view: View) -> OnClick | None:
    """The deal in the CRM; without a page of its own, its account's card, else its first contact's."""
    if page := open_link(deal.url):
        return page
    if deal.account:
        return run(f"{view.addon_url}{Path.ACCOUNT}", id=deal.account.id)
    return run(f"{view.addon_url}{Path.CONTACT}", id=deal.contact_ids[0]) if deal.contact_ids else None


def _company(deal: Deal) -> str:
    return words.name(deal.account.name) if deal.account else ""
