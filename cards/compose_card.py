"""The cards beside a draft that is being written in Gmail: its templates, one of them filled in, and whom it may be to."""

from html import escape

from cards import words
from cards.frame import SEARCH_INPUT, Frame, Path
from cards.people_lines import contact_name, lead_name
from cards.problems import problem_section
from cards.record_lines import ids_of
from cards.widgets import (
    AMBER,
    GREY,
    Card,
    Fold,
    Html,
    Section,
    Widget,
    bold,
    button,
    button_list,
    card,
    coloured,
    decorated_text,
    section,
    text_input,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.crm import Contact, Found, Lead, Module
from mailmagnet.mail_templates import Composing, FilledTemplate, Known, name_of
from mailmagnet.record_people import RecordId
from mailmagnet.templates import Merged, Template

_IN_SIGHT = 6
_LONGEST_PREVIEW = 3_000


def compose_card(composing: Composing, frame: Frame) -> Card:
    return card(
        [
            section([_filled_in_for(composing.known)]),
            _templates_section(composing, frame),
            _fields_section(composing, frame),
            _recipients_section(composing.found, frame),
        ]
    )


def template_card(filled: FilledTemplate, frame: Frame) -> Card:
    """One template as it would stand in the draft. Gmail does not tell what subject the draft has: to set one has a button of its own."""
    ids = {"id": filled.template.id}
    insert = button("Insert", frame.run(Path.INSERT, **ids))
    with_subject = button("Insert with subject", frame.run(Path.INSERT, **ids, subject="1"))
    subject = [_preview(filled.subject, in_bold=True)] if filled.subject.text else []
    sections = [
        section([_filled_in_for(filled.known), *unfilled_lines(_all(filled, "missing"), _all(filled, "unknown"))]),
        section([*subject, _preview(filled.text)]),
        section([button_list(insert, *([with_subject] if subject else []))]),
    ]
    return card(sections, words.name(filled.template.name) or "Template")


def unfilled_lines(missing: tuple[str, ...], unknown: tuple[str, ...]) -> list[Widget]:
    """Which merge fields there is nothing for, and which do not exist: so that nobody sends them so."""
    lines = []
    if missing:
        named = ", ".join(missing)
        lines.append(decorated_text(coloured(f"Nothing known for {named}.", AMBER), below="Look for the brackets.", wrap=True))
    if unknown:
        named = ", ".join(words.name(each, 60) for each in unknown)
        lines.append(decorated_text(coloured(f"No such field: {named}.", AMBER), below="It stays as it is written.", wrap=True))
    return lines


def _filled_in_for(known: Known) -> Widget:
    if not known:
        return text_paragraph(coloured("Nobody known among the recipients: fields stay empty.", GREY))
    return text_paragraph(coloured(f"Filled in for {words.name(name_of(known), 60)}.", GREY))


def _all(filled: FilledTemplate, kind: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*getattr(filled.subject, kind), *getattr(filled.text, kind))))


def _preview(merged: Merged, *, in_bold: bool = False) -> Widget:
    """The text with its lines; what is missing stands out."""
    left, shown_pieces = _LONGEST_PREVIEW, []
    for piece in merged.pieces:
        lines = Html("<br>".join(escape(_line(line)) for line in piece.text[:left].split("\n")))
        shown_pieces.append(str(coloured(bold(lines), AMBER) if piece.missing else lines))
        left -= len(piece.text[:left])
    text = "".join(shown_pieces) + ("" if left else "…")
    return text_paragraph(Html(f"<b>{text}</b>" if in_bold else text))


def _line(text: str) -> str:
    """Text on one line, the spaces at its ends kept: what stands beside it is another piece."""
    shown_text = words.one_line(text)
    return f"{' ' if text[:1].isspace() else ''}{shown_text}{' ' if shown_text and text[-1:].isspace() else ''}"


def _no_templates(composing: Composing) -> str:
    if not composing.crm_has_templates:
        return "Your admin has written no templates yet."
    return f"No templates in {words.name(composing.crm_name)}, and none of your admin’s."


def _templates_section(composing: Composing, frame: Frame) -> Section | None:
    if composing.template_problem:
        return problem_section(composing.template_problem, frame, "Templates")
    lines = [_template_line(template, frame) for template in composing.templates]
    if not lines:
        lines = [text_paragraph(coloured(_no_templates(composing), GREY))]
    more = words.number(max(len(lines) - _IN_SIGHT, 0), frame.locale)
    return section(lines, "Templates", Fold(_IN_SIGHT, f"{more} more", "Fewer templates"))


def _template_line(template: Template, frame: Frame) -> Widget:
    name = words.name(template.name, 80) or "Template"
    return decorated_text(name, icon="EMAIL", wrap=True, on_click=frame.run(Path.TEMPLATE, id=template.id))


def _fields_section(composing: Composing, frame: Frame) -> Section | None:
    """Each value by itself: a click puts it where the cursor is."""
    lines = [
        decorated_text(said, below=name, wrap=True, on_click=frame.run(Path.INSERT_FIELD, field=name))
        for name, value in composing.values.items()
        if (said := words.name(value, 80))
    ]
    return section(lines, "Insert one value", Fold(0, words.counted(len(lines), "value", "values", frame.locale), "Hide values"))


def _recipients_section(found: Found | None, frame: Frame) -> Section | None:
    """The field and its button, and whom a search has found: a click puts them among the draft's recipients."""
    widgets = [text_input(SEARCH_INPUT, "Find a recipient", frame.words), button_list(button("Find", frame.again))]
    if found:
        people = [_contact_line(each, frame) for each in found.contacts if each.addresses]
        people += [_lead_line(each, frame) for each in found.leads if each.addresses]
        nobody = text_paragraph(coloured(f"Nobody with an address under “{words.name(frame.words, 80)}”.", GREY))
        widgets += people or [nobody]
    return section(widgets, "Recipients")


def _contact_line(contact: Contact, frame: Frame) -> Widget:
    return _person_line(
        contact_name(contact), words.name(shown(contact.addresses[0])), RecordId(Module.CONTACTS, contact.id), frame
    )


def _lead_line(lead: Lead, frame: Frame) -> Widget:
    below = words.facts("Lead", words.name(shown(lead.addresses[0])))
    return _person_line(lead_name(lead), below, RecordId(Module.LEADS, lead.id), frame)


def _person_line(name: str, below: str, record: RecordId, frame: Frame) -> Widget:
    return decorated_text(name, below=below, icon="PERSON", wrap=True, on_click=frame.run(Path.ADD_RECIPIENT, **ids_of(record)))
