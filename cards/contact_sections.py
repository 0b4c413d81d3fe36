"""What the CRM has on one person, as a card's sections: the same for an open mail, a list and a search."""

from collections.abc import Sequence
from datetime import date, datetime

from cards import words
from cards.deal_lines import deals_section
from cards.view import View
from cards.widgets import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    RED,
    Html,
    Section,
    Widget,
    bold,
    button,
    button_list,
    call,
    coloured,
    decorated_text,
    open_link,
    section,
    spaced,
    text_paragraph,
    write_to,
)
from mailmagnet.addresses import shown
from mailmagnet.categories import Category, Decision
from mailmagnet.crm import Activity, ActivityKind, Contact, Deal, DealState, Lead, Note
from mailmagnet.open_message import ContactView

CATEGORY_WORDS = {
    Category.CLOSING_THIS_MONTH: "Closing this month",
    Category.OPEN_DEALS: "Open deals",
    Category.CUSTOMER: "Customer",
}
_CATEGORY_COLOURS = {Category.CLOSING_THIS_MONTH: AMBER, Category.OPEN_DEALS: BLUE, Category.CUSTOMER: GREEN}

_KIND_WORDS = {ActivityKind.CALL: "Call", ActivityKind.MEETING: "Meeting", ActivityKind.TASK: "Task"}

EARLIER = 8
"""As much of the past as is worth unfolding; the CRM has the rest."""


def contact_sections(contact_view: ContactView, crm_name: str, today: date, view: View) -> list[Section | None]:
    """Category and why, deals, what is next and what was last, and how to reach."""
    contact = contact_view.contact
    return [
        section([standing(contact_view, crm_name, today, view)]) if contact_view.decision or not contact.deals else None,
        deals_section(contact.deals, today, view),
        history_section(contact, view),
        reach_section(contact.phone, contact.addresses, contact.owner),
    ]


def lead_sections(lead: Lead) -> list[Section | None]:
    return [
        section([text_paragraph(spaced(bold(coloured("● Lead", BLUE)), words.name(lead.status, 60)))]),
        reach_section(lead.phone, lead.addresses, lead.owner),
    ]


def role(title: str, company: str) -> str:
    """ "Head of Procurement · Analytical Ltd"."""
    return words.facts(words.name(title), words.name(company))


def contact_role(contact: Contact) -> str:
    return role(contact.title, contact.account.name if contact.account else "")


# Category and why


def standing(contact_view: ContactView, crm_name: str, today: date, view: View) -> Widget:
    """The category and the deal that is the reason, in one line; or that there are no deals."""
    if not contact_view.decision:
        return text_paragraph(coloured(f"No deals in {words.name(crm_name)}", GREY))
    return text_paragraph(spaced(category_mark(contact_view.decision.category), why(contact_view.decision, today, view)))


def category_mark(category: Category) -> Html:
    return bold(coloured(f"● {CATEGORY_WORDS[category]}", _CATEGORY_COLOURS[category]))


def why(decision: Decision, today: date, view: View) -> str:
    """ "“Renewal 2027” closes on Mon 30 Nov"."""
    deal = decision.because
    return f"“{words.name(deal.name, 40) or 'A deal'}” {_what_it_does(deal, today, view)}"


def _what_it_does(deal: Deal, today: date, view: View) -> str:
    if deal.state is DealState.WON:
        return f"won {words.on_day(deal.closing, today, view.reader)}" if deal.closing else "won"
    if not deal.closing:
        return "has no closing date"
    verb = "was to close" if deal.closing < today else "closes"
    return f"{verb} {words.on_day(deal.closing, today, view.reader)}"


# What is next and what was last


def history_section(contact: Contact, view: View) -> Section | None:
    """The next planned activity, the last thing that happened, and earlier ones folded."""
    upcoming = next_activity(contact.activities, view)
    past = _past(contact, view)
    in_sight: list[Widget] = []
    if upcoming:
        in_sight.append(_fact("Next", _activity_words(upcoming, view), overdue=_starts_before_today(upcoming.at, view)))
    if past:
        in_sight.append(_fact("Last", past[0]))
    earlier = [text_paragraph(each) for each in past[1 : EARLIER + 1]]
    return section([*in_sight, *earlier], in_sight=len(in_sight))


def next_activity(activities: Sequence[Activity], view: View) -> Activity | None:
    """The soonest that is planned; when all that is undone lies behind, the latest of it."""
    undone = sorted((each for each in activities if not each.done), key=lambda each: words.start_of(each.at, view.reader))
    return next((each for each in undone if not _is_over(each.at, view)), undone[-1] if undone else None)


def _is_over(at: datetime | date, view: View) -> bool:
    return at < view.now if isinstance(at, datetime) else at < view.today


def _starts_before_today(at: datetime | date, view: View) -> bool:
    return (at.astimezone(words.zone_of(view.reader)).date() if isinstance(at, datetime) else at) < view.today


def _past(contact: Contact, view: View) -> list[str]:
    """What was done and noted, the latest first."""
    done = [(each.at, _activity_words(each, view)) for each in contact.activities if each.done]
    noted = [(each.at, _note_words(each, view)) for each in contact.notes]
    both = sorted([*done, *noted], key=lambda entry: words.start_of(entry[0], view.reader), reverse=True)
    return [said for _, said in both]


def _fact(label: str, said: str, overdue: bool = False) -> Widget:
    return text_paragraph(spaced(coloured(label, GREY), said, coloured("overdue", RED) if overdue else ""))


def _activity_words(activity: Activity, view: View) -> str:
    """ "Call with Ada, tomorrow 10:00"; the kind is said unless the subject says it."""
    kind, subject = _KIND_WORDS[activity.kind], words.name(activity.subject, 60)
    if not subject:
        subject = kind
    elif kind.casefold() not in subject.casefold():
        subject = f"{kind}: {subject}"
    return f"{subject}, {words.moment(activity.at, view.now, view.reader)}"


def _note_words(note: Note, view: View) -> str:
    """ "Note by Kim, 3 days ago: “Wants invoice in two parts…”"."""
    author = words.name(note.author, 40)
    by = f"Note by {author}" if author else "Note"
    text = words.name(note.text, 90)
    return f"{by}, {words.moment(note.at, view.now, view.reader)}" + (f": “{text}”" if text else "")


# How to reach, and the way into the CRM


def reach_section(phone: str, addresses: Sequence[str], owner: str) -> Section | None:
    """The first of phone, addresses and owner in sight, the others folded."""
    lines = [(words.name(phone), "PHONE", call(phone))]
    lines += [(words.name(shown(address)), "EMAIL", write_to(address)) for address in addresses]
    if owner := words.name(owner):
        lines.append((spaced(coloured("Owner", GREY), owner), "PERSON", None))
    widgets = [decorated_text(text, icon=icon, on_click=on_click) for text, icon, on_click in lines if text]
    return section(widgets, in_sight=1)


def crm_section(url: str, crm_name: str) -> Section | None:
    """The button into the CRM; no section without a page to open."""
    on_click = open_link(url)
    return section([button_list(button(f"Open in {words.name(crm_name)}", on_click))]) if on_click else None
