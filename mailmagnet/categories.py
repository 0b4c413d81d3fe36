"""The categories: which one a contact is in, and which deal is the reason. Pure rules."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from mailmagnet.crm import Contact, Deal, DealState


class Category(StrEnum):
    """One of our labels, the highest first: its id, its label's name in Gmail, and how a card says it."""

    CLOSING_THIS_MONTH = "closing_this_month", "Deals Closing This Month (CTM)", "Closing this month"
    OPEN_DEALS = "open_deals", "Open Deals", "Open deals"
    CUSTOMER = "customer", "Customer", "Customer"

    label: str
    words: str

    def __new__(cls, value: str, label: str = "", words: str = "") -> "Category":  # the defaults: it is looked up by its id alone
        category = str.__new__(cls, value)
        category._value_, category.label, category.words = value, label, words
        return category


@dataclass(frozen=True, slots=True)
class Decision:
    """A category, and the deal that is the reason for it."""

    category: Category
    because: Deal


def today_in(time_zone: str, now: datetime) -> date:
    """The day it is now in the organisation's time zone (an IANA name). `now` is aware."""
    return now.astimezone(ZoneInfo(time_zone)).date()


@lru_cache(maxsize=64)
def month_of(day: date) -> tuple[date, date]:
    """The first and the last day of a day's month."""
    return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])


def decide(deals: Iterable[Deal], today: date) -> Decision | None:
    """The highest category of a contact with these deals, or None. A lost deal counts for nothing.

    Each category has the deals that put a contact into it; the first of them is told as the reason.
    """
    deals = sorted(deals, key=_soonest_first)
    first, last = month_of(today)
    open_deals = [deal for deal in deals if deal.state is DealState.OPEN]
    closing = [deal for deal in open_deals if deal.closing and first <= deal.closing <= last]
    closing.sort(key=lambda deal: deal.closing is not None and deal.closing < today)  # what is still to come is the better reason
    won = [deal for deal in reversed(deals) if deal.state is DealState.WON]
    reasons = {Category.CLOSING_THIS_MONTH: closing, Category.OPEN_DEALS: open_deals, Category.CUSTOMER: won}
    return next((Decision(category, reasons[category][0]) for category in Category if reasons[category]), None)


def decide_for_address(contacts: Iterable[Contact], today: date) -> Decision | None:
    """The highest category of all contacts with one address."""
    decisions = [decision for contact in contacts if (decision := decide(contact.deals, today))]
    return min(decisions, key=lambda decision: rank(decision.category), default=None)


def rank(category: Category | None) -> int:
    """0 for the highest category; none comes after all of them."""
    order = list(Category)
    return order.index(category) if category else len(order)


def _soonest_first(deal: Deal) -> tuple[date, str, str]:
    return (deal.closing or date.max, deal.name, deal.id)
