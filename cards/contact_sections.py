"""What the CRM has on one person, as a card's sections: the same for an open mail, a list and a search."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from cards import words
from cards.deal_lines import closed_deals, closed_deals_section, open_deals, open_deals_section
from cards.frame import Frame
from cards.headline import headline
from cards.record_lines import mail_with_line, write_line
from cards.widgets import (
    GREY,
    RED,
    Button,
    Fold,
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
from mailmagnet.crm import Activity, ActivityKind, Contact, Lead, Module, Note
from mailmagnet.record_people import RecordId
from mailmagnet.standing import ContactStanding

_KIND_WORDS = {ActivityKind.CALL: "Call", ActivityKind.MEETING: "Meeting", ActivityKind.TASK: "Task"}

EARLIER = 8
"""As much of the past as is worth unfolding; the CRM has the rest."""


def contact_sections(
    standing: ContactStanding, crm_name: str, today: date, frame: Frame, through: str = "", *, to_answer: bool = False
) -> list[Section | None]:
    """What matters, what is next and what was said last, with the ways to the CRM and to the person; further deals; the past, folded."""
    contact = standing.contact
    reason = standing.decision.because if standing.decision else None
    further = [deal for deal in open_deals(contact.deals, today) if deal is not reason]
    first = [
        headline(standing, crm_name, today, frame, through),
        *_next(contact, frame),
        *(text_paragraph(_quoted(note, frame)) for note in _latest(contact.notes)),
        *_role_line(contact.title, contact.owner, contact.mine, contact.phone),
        *_buttons(contact.url, crm_name, contact.phone),
        write_line(RecordId(Module.CONTACTS, contact.id), contact.name, frame, to_answer=to_answer),
        mail_with_line(RecordId(Module.CONTACTS, contact.id), contact.name, frame),
    ]
    return [
        section(first),
        open_deals_section(further, crm_name, today, frame, more_deals=contact.more_deals),
        closed_deals_section(closed_deals(contact.deals), reason, crm_name, today, frame),
        _past_section(contact, frame),
    ]


def lead_sections(lead: Lead, crm_name: str, frame: Frame, *, to_answer: bool = False) -> list[Section | None]:
    first = [
        text_paragraph(bold(words.facts("Lead", words.name(lead.status, 60)))),
        *_role_line(lead.title, lead.owner, lead.mine, lead.phone),
        *_buttons(lead.url, crm_name, lead.phone),
        write_line(RecordId(Module.LEADS, lead.id), lead.name, frame, to_answer=to_answer),
        mail_with_line(RecordId(Module.LEADS, lead.id), lead.name, frame),
    ]
    return [section(first)]


def company_of_contact(contact: Contact) -> str:
    return words.name(contact.account.name) if contact.account else ""


# What is next, and what was said last


def _next(contact: Contact, frame: Frame) -> list[Widget]:
    """ "→ Call tomorrow 12:15"; what should have been done before today is late."""
    upcoming = next_activity(contact.activities, frame)
    if not upcoming:
        return []
    day = upcoming.at.astimezone(words.zone_of(frame.locale)).date() if isinstance(upcoming.at, datetime) else upcoming.at
    if day < frame.today:
        late = coloured(words.late(day, frame.today, frame.locale), RED)
        return [text_paragraph(spaced(f"→ {_subject_of(upcoming)}", "·", late))]
    return [text_paragraph(f"→ {_with_moment(upcoming, frame)}")]


def next_activity(activities: Sequence[Activity], frame: Frame) -> Activity | None:
    """The soonest that is planned; when all that is undone lies behind, the latest of it."""
    undone = sorted((each for each in activities if not each.done), key=lambda each: words.start_of(each.at, frame.locale))
    return next((each for each in undone if not _is_over(each.at, frame)), undone[-1] if undone else None)


def _is_over(at: datetime | date, frame: Frame) -> bool:
    return at < frame.now if isinstance(at, datetime) else at < frame.today


def _with_moment(activity: Activity, frame: Frame) -> str:
    """ "Call tomorrow 12:15", "Call with Ada, tomorrow 12:15"."""
    between = ", " if words.name(activity.subject) else " "
    return f"{_subject_of(activity)}{between}{words.moment(activity.at, frame.now, frame.locale)}"


def _subject_of(activity: Activity) -> str:
    """ "Call with Ada": the kind is said unless the subject says it."""
    kind, subject = _KIND_WORDS[activity.kind], words.left_to_right(words.name(activity.subject, 60))
    if not subject:
        return kind
    return subject if kind.casefold() in subject.casefold() else f"{kind}: {subject}"


def _latest(notes: Sequence[Note]) -> list[Note]:
    """The latest note that says something, if there is one."""
    return sorted((note for note in notes if words.name(note.text)), key=lambda note: note.at)[-1:]


def _quoted(note: Note, frame: Frame) -> str:
    """ "“Asked for references…” Kim, 17 Sep"."""
    who_and_when = ", ".join(
        filter(None, (words.name(note.author, 40), words.day(_day_of(note, frame), frame.today, frame.locale)))
    )
    return f"“{words.left_to_right(words.name(note.text, 90))}” {who_and_when}"


def _day_of(note: Note, frame: Frame) -> date:
    return note.at.astimezone(words.zone_of(frame.locale)).date()


# Who it is, and the ways to the CRM and to the person


def _role_line(title: str, owner: str, mine: bool, phone: str) -> list[Widget]:
    """ "Head of Procurement · yours"; a telephone number that no button can call stands here."""
    said = words.facts(words.name(title), owned_by(owner, mine), "" if call(phone) else words.name(phone))
    return [text_paragraph(coloured(said, GREY))] if said else []


def owned_by(owner: str, mine: bool) -> str:
    """ "yours", "Kim’s"."""
    return "yours" if mine else words.possessive(words.name(owner, 60))


def _buttons(url: str, crm_name: str, phone: str) -> list[Widget]:
    made = [*open_button(url, crm_name), *call_button(phone)]
    return [button_list(*made)] if made else []


def open_button(url: str, crm_name: str) -> list[Button]:
    """The way into the CRM; none without a page to open."""
    on_click = open_link(url)
    return [button(f"Open in {words.name(crm_name)}", on_click)] if on_click else []


def call_button(phone: str) -> list[Button]:
    on_click = call(phone)
    return [button("Call", on_click, f"Call {words.name(phone)}")] if on_click else []


def addresses_section(addresses: Sequence[str]) -> Section | None:
    """Where to write to: the first address in sight. Not beside an open mail, which has it already."""
    lines = [
        decorated_text(said, icon="EMAIL", on_click=write_to(each)) for each in addresses if (said := words.name(shown(each)))
    ]
    more = len(lines) - 1
    return section(lines, fold=Fold(1, f"{more} more address{'es' if more > 1 else ''}", "Hide addresses"))


# The past


def _past_section(contact: Contact, frame: Frame) -> Section | None:
    """What was done and noted before, folded under its name."""
    quoted = _latest(contact.notes)
    notes = [(note.at, "notes", _quoted(note, frame)) for note in contact.notes if note not in quoted and words.name(note.text)]
    done = [(each.at, f"{each.kind}s", _with_moment(each, frame)) for each in contact.activities if each.done]
    latest_first = sorted([*notes, *done], key=lambda entry: words.start_of(entry[0], frame.locale), reverse=True)[:EARLIER]
    if not latest_first:
        return None
    kinds = [kind for _, kind, _ in latest_first]
    unfold = f"{words.number(len(kinds), frame.locale)} {'earlier ' if quoted else ''}{_kinds(kinds)}"
    return section(
        [text_paragraph(said) for *_, said in latest_first], fold=Fold(0, unfold, f"Hide {words.together(_plurals(kinds))}")
    )


def _kinds(kinds: Sequence[str]) -> str:
    """ "note", "notes", "notes and calls"."""
    return words.together(_plurals(kinds)) if len(kinds) > 1 else kinds[0].removesuffix("s")


def _plurals(kinds: Iterable[str]) -> list[str]:
    present = set(kinds)
    return [kind for kind in ("notes", *(f"{each}s" for each in ActivityKind)) if kind in present]
