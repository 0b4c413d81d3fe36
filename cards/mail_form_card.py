"""The card in which a mail is written, and what it says when the mail is sent, saved or thrown away."""

from cards import words
from cards.compose_card import unfilled_lines
from cards.frame import MAIL_FROM, MAIL_SUBJECT, MAIL_TEMPLATE, MAIL_TEXT, MAIL_TO, REPLY_YES, Frame, Path
from cards.problems import problem_section
from cards.record_lines import ids_of
from cards.widgets import (
    GREY,
    LONGEST_TEXT,
    Card,
    Choice,
    Section,
    Widget,
    bold,
    button,
    button_list,
    card,
    choices,
    coloured,
    decorated_text,
    section,
    text_area,
    text_input,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.user_mail import SendAs
from mailmagnet.write_mail import MOST_RECIPIENTS, Done, Ending, Fault, FormId, MailForm

FAULTS = {
    Fault.NO_RECIPIENT: "Say in “To” whom it goes to.",
    Fault.NO_ADDRESS: "“To” holds something that is no mail address. Put commas between addresses.",
    Fault.TOO_MANY: f"“To” holds more than {MOST_RECIPIENTS} addresses. Take some out.",
    Fault.NO_TEXT: "Write something first.",
    Fault.TOO_LONG: "This is too long for the panel. Shorten it, or save the draft and go on in Gmail.",
    Fault.UNFILLED: "There are still fields to fill in: look for the brackets.",
}


def mail_form_card(form: MailForm, frame: Frame) -> Card:
    ids = _ids(form.id)
    send = button("Send", frame.run(Path.SEND_MAIL, **ids))
    save = button("Save as draft", frame.run(Path.SAVE_MAIL, **ids))
    sections = [
        section([*unfilled_lines(form.missing, form.unknown), *_fields(form), button_list(send, save)]),
        _templates_section(form, ids, frame),
        section([_kept_in_gmail(), button_list(button("Throw away", frame.run(Path.DISCARD_MAIL, draft=form.id.draft)))]),
    ]
    return card(sections, _title(form))


def done_card(done: Done, _: Frame) -> Card:
    said, below = _ENDINGS[done.ending]
    return card([section([decorated_text(bold(said), below=below, wrap=True)])])


_ENDINGS = {
    Ending.SENT: ("Sent.", ""),
    Ending.SAVED: ("Saved in Gmail’s drafts.", "Go on there."),
    Ending.DISCARDED: ("Thrown away.", ""),
    Ending.GONE: (
        "This mail was sent already, or thrown away.",
        "Its draft is not in Gmail any more, and nothing was sent now. Look under Sent before you write again.",
    ),
}


def _ids(form: FormId) -> dict[str, str]:
    """What the form's buttons carry."""
    person = ids_of(form.person) if form.person else {}
    return {"draft": form.draft, **person} | ({"reply": REPLY_YES} if form.is_reply else {})


def _title(form: MailForm) -> str:
    name = words.name(form.person_name, 60)
    if form.id.is_reply:
        return f"Reply to {name}" if name else "Reply"
    return f"Write to {name}" if name else "Write"


def _fields(form: MailForm) -> list[Widget]:
    typed = form.typed
    to = text_area if len(typed.to) > LONGEST_TEXT else text_input
    return [
        to(MAIL_TO, "To", typed.to),
        *([_from_choice(form.senders, typed.sender)] if len(form.senders) > 1 else []),
        text_input(MAIL_SUBJECT, "Subject", typed.subject),
        text_area(MAIL_TEXT, "Text", typed.text),
    ]


def _from_choice(senders: tuple[SendAs, ...], chosen: str) -> Widget:
    options = [Choice(each.address, words.name(shown(each.address)), each.address == chosen) for each in senders]
    return choices(MAIL_FROM, "From", options, "DROPDOWN")


def _templates_section(form: MailForm, ids: dict[str, str], frame: Frame) -> Section | None:
    if form.template_problem:
        return problem_section(form.template_problem, frame, "Templates")
    if not form.templates:
        return None
    options = [Choice(each.id, words.name(each.name, 80) or "Template", not number) for number, each in enumerate(form.templates)]
    use = button("Use", frame.run(Path.FILL_IN, **ids), "Put this template above what is written")
    return section([choices(MAIL_TEMPLATE, "Template", options, "DROPDOWN"), button_list(use)])


def _kept_in_gmail() -> Widget:
    return text_paragraph(coloured("There is a draft of this in Gmail.", GREY))
