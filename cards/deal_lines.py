"""Deals as lines: the order in which a rep wants them, the facts of each, and what they add up to."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date

from cards import words
from cards.frame import Frame, Path
from cards.widgets import (
    AMBER,
    GREY,
    RED,
    Fold,
    Html,
    OnClick,
    Section,
    Widget,
    coloured,
    decorated_text,
    open_link,
    section,
    text_paragraph,
)
from mailmagnet.categories import month_of
from mailmagnet.crm import Deal, DealState

IN_SIGHT = 5
"""As many open deals as fit a laptop's panel without scrolling; the others are folded."""

_MOST = 40
"""As many deals of one list as anybody unfolds; the CRM has the rest."""

_NAME = 60  # in some two lines of a panel 300 pixels wide


# Which, and in which order


def open_deals(deals: Iterable[Deal], today: date) -> list[Deal]:
    """The open ones: still to close this month, then overdue, then later; each the soonest first, those without a date last."""
    months_end = month_of(today)[1]
    return sorted((deal for deal in deals if deal.state is DealState.OPEN), key=lambda deal: _urgency(deal, today, months_end))


def _urgency(deal: Deal, today: date, months_end: date) -> tuple[int, date, str, str]:
    if deal.closing is None:
        return (3, date.max, deal.name, deal.id)
    rank = 1 if deal.closing < today else 0 if deal.closing <= months_end else 2
    return (rank, deal.closing, deal.name, deal.id)


def closed_deals(deals: Iterable[Deal]) -> list[Deal]:
    """Won and lost ones, the latest first."""
    closed = (deal for deal in deals if deal.state is not DealState.OPEN)
    return sorted(closed, key=lambda deal: (deal.closing or date.min, deal.name, deal.id), reverse=True)


def is_overdue(deal: Deal, today: date) -> bool:
    return deal.state is DealState.OPEN and deal.closing is not None and deal.closing < today


# What is said of one


def name_and_amount(deal: Deal, frame: Frame) -> str:
    """ "Renewal 2027 · €36,000", the amount exact."""
    return words.facts(words.name(deal.name, _NAME) or "Deal", words.money(deal.amount, frame.locale))


def when(deal: Deal, today: date, frame: Frame) -> str:
    """ "24 days late", "Mon (6 days)", "11 Feb", "won 10 Jul"; "" without a date."""
    day = words.day(deal.closing, today, frame.locale) if deal.closing else ""
    match deal.state:
        case DealState.WON | DealState.LOST:
            return f"{deal.state} {day}".rstrip()
    if not deal.closing:
        return ""
    return (
        words.late(deal.closing, today, frame.locale)
        if is_overdue(deal, today)
        else words.until(deal.closing, today, frame.locale)
    )


def urgency_mark(deal: Deal, today: date) -> Html:
    """A dot: red for an overdue deal, amber for one that closes this month; none for others."""
    if deal.state is not DealState.OPEN or not deal.closing or deal.closing > month_of(today)[1]:
        return Html()
    return coloured("●", RED if is_overdue(deal, today) else AMBER)


def stage_of(deal: Deal) -> str:
    return words.name(deal.stage, 40)


def company_of_deal(deal: Deal) -> str:
    return words.name(deal.account.name, _NAME) if deal.account else ""


def opening(deal: Deal, frame: Frame) -> OnClick:
    """The deal in the CRM; without a page of its own, its card."""
    return open_link(deal.url) or frame.run(Path.DEAL, id=deal.id)


def deal_line(deal: Deal, frame: Frame, *below: str, on_click: OnClick | None = None) -> Widget:
    """Name and exact amount, and these facts below. A click opens the deal's own page unless it is to do something else."""
    return decorated_text(
        name_and_amount(deal, frame), below=words.facts(*below), wrap=True, on_click=on_click or open_link(deal.url)
    )


# Many


def lines_of(deals: Sequence[Deal], line: Callable[[Deal], Widget], crm_name: str, frame: Frame) -> list[Widget]:
    """A line each; of very many the first ones, and how many there are beside them."""
    lines = [line(deal) for deal in deals[:_MOST]]
    if len(deals) > _MOST:
        more = f"and {words.number(len(deals) - _MOST, frame.locale)} more in {words.name(crm_name)}"
        lines.append(text_paragraph(coloured(more, GREY)))
    return lines


def open_deals_section(
    opened: Sequence[Deal], crm_name: str, today: date, frame: Frame, *, more_deals: bool = False
) -> Section | None:
    """Open deals, the first ones in sight; `more_deals`: the CRM has more than it told."""
    more = words.counted(len(opened) - IN_SIGHT, "more open deal", "more open deals", frame.locale)
    lines = lines_of(opened, lambda deal: deal_line(deal, frame, when(deal, today, frame), stage_of(deal)), crm_name, frame)
    if more_deals:
        lines.append(text_paragraph(coloured(f"There are more deals in {words.name(crm_name)}", GREY)))
    return section(lines, fold=Fold(IN_SIGHT, more, "Fewer deals"))


def closed_deals_section(closed: Sequence[Deal], reason: Deal | None, crm_name: str, today: date, frame: Frame) -> Section | None:
    """Won and lost deals, folded under their counts; `reason` is the one of them that the headline has said already."""
    rest = [deal for deal in closed if deal is not reason]
    counts = [
        f"{words.number(count, frame.locale)} {state}"
        for state in (DealState.WON, DealState.LOST)
        if (count := _count(rest, state))
    ]
    unfold = f"{'Also closed' if len(rest) < len(closed) else 'Closed'}: {', '.join(counts)}"
    lines = lines_of(rest, lambda deal: deal_line(deal, frame, when(deal, today, frame)), crm_name, frame)
    return section(lines, fold=Fold(0, unfold, "Hide closed deals"))


def _count(deals: Iterable[Deal], state: DealState) -> int:
    return sum(deal.state is state for deal in deals)
