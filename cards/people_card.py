"""The admin's card of the organisation's mailboxes: what is in trouble first, and of each whose next step it is."""

from collections.abc import Sequence

from cards import words
from cards.frame import Frame, Path
from cards.widgets import (
    GREY,
    RED,
    Card,
    Section,
    Widget,
    button,
    button_list,
    card,
    coloured,
    decorated_text,
    section,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.connected_people import Condition, ConnectedPeople, NextStep, condition, moment_in_button, next_step
from mailmagnet.crm import MAIL_INTEGRATION
from mailmagnet.parking import forgotten_at
from mailmagnet.store import Mailbox, ParkedFor, Reason, Trouble


def people_card(people: ConnectedPeople, frame: Frame) -> Card:
    in_trouble = [mailbox for mailbox in people.mailboxes if mailbox.trouble]
    others = [mailbox for mailbox in people.mailboxes if not mailbox.trouble]
    nobody = [] if people.mailboxes else [text_paragraph(coloured(_nobody(people), GREY))]
    return card(
        [
            section(nobody),
            _section("In trouble", in_trouble, people, frame),
            _section("All others" if in_trouble or not people.first else "Everybody", others, people, frame),
            _next_page(people, frame),
        ],
        "People",
        "Who has connected Gmail",
    )


def _nobody(people: ConnectedPeople) -> str:
    return "Nobody has connected Gmail yet." if people.first else "There is nobody more."


def _section(title: str, mailboxes: Sequence[Mailbox], people: ConnectedPeople, frame: Frame) -> Section | None:
    return section([_line(mailbox, people, frame) for mailbox in mailboxes], title)


def _line(mailbox: Mailbox, people: ConnectedPeople, frame: Frame) -> Widget:
    address = words.name(shown(mailbox.address), 80) or "A mailbox"
    whose = next_step(mailbox, delegated=people.delegated)
    said = coloured(address, RED) if mailbox.trouble and whose is not NextStep.NOBODY else address
    facts = (_how_it_stands(mailbox, people, frame), _to_do(mailbox, whose, people), _last_run(mailbox, frame))
    return decorated_text(said, below=words.facts(*facts), wrap=True, on_click=frame.run(Path.USER, user=mailbox.user))


def _how_it_stands(mailbox: Mailbox, people: ConnectedPeople, frame: Frame) -> str:
    match condition(mailbox):
        case Condition.LEAVING:
            return "Has left: what is kept is being deleted"
        case Condition.PARKED:
            return _parked(mailbox, frame)
        case Condition.IN_TROUBLE if mailbox.trouble:
            return words.facts(_trouble(mailbox.trouble, people), words.ago(mailbox.trouble.since, frame.now))
    signed_in = f"not signed in to {words.name(people.crm_name, 40)}" if not mailbox.presence.crm_user else ""
    return words.facts(_switches(mailbox), signed_in)


def _switches(mailbox: Mailbox) -> str:
    if condition(mailbox) is Condition.NOT_SET_UP:
        return "Connected, not set up"
    if not mailbox.mailmagnet:
        return "MailMagnet off"
    return "MailMagnet and labels on" if mailbox.labelling else "MailMagnet on, labels off"


def _parked(mailbox: Mailbox, frame: Frame) -> str:
    parked = mailbox.presence.parked
    if not parked:
        return ""
    why = "Google knows the account no more" if parked.why is ParkedFor.GONE else "Not opened for long"
    day = forgotten_at(parked).astimezone(words.zone_of(frame.locale)).date()
    return words.facts(f"{why}: parked", f"deleted {words.day(day, frame.today, frame.locale)}")


def _trouble(trouble: Trouble, people: ConnectedPeople) -> str:
    who, crm = words.name(trouble.who, 40), words.name(people.crm_name, 40)
    said = {
        Reason.CONSENT: "Gmail lets MailMagnet in no more",
        Reason.GMAIL_REFUSES: "Gmail does not let MailMagnet sort",
        Reason.DELEGATION: f"Not let in by {words.DELEGATION_PAGE}",
        Reason.CRM_SIGN_IN: f"Not signed in to {crm}",
        Reason.CRM_PERMISSION: f"Lacks the permission {MAIL_INTEGRATION}",
        Reason.CRM_LIST: f"Not let in to {crm} yet",
        Reason.CRM_DAY_LIMIT: f"{who} takes no more questions today",
        Reason.FAILING: f"{who} failed",
    }
    return said[trouble.reason]


def _to_do(mailbox: Mailbox, whose: NextStep, people: ConnectedPeople) -> str:
    match whose:
        case NextStep.GOOGLE_ADMIN:
            return "Next: your Google admin allows MailMagnet"
        case NextStep.CRM_ADMIN:
            return f"Next: an admin of {words.name(people.crm_name, 40)} gives it"
        case NextStep.ADMIN:
            return "Next: you let them in, in “Who may use the CRM”"
        case NextStep.USER:
            return f"Next: they {_users_step(mailbox)}"
    return "Tried again by itself" if mailbox.trouble and condition(mailbox) is Condition.IN_TROUBLE else ""


def _users_step(mailbox: Mailbox) -> str:
    match condition(mailbox):
        case Condition.IN_TROUBLE if mailbox.trouble and mailbox.trouble.reason is Reason.CONSENT:
            return "allow it again in the panel"
        case Condition.PARKED:
            return "open the panel"
        case Condition.NOT_SET_UP:
            return "set MailMagnet up"
    return "sign in in the panel"


def _last_run(mailbox: Mailbox, frame: Frame) -> str:
    if not mailbox.mailmagnet:
        return ""
    return "no run yet" if mailbox.last_run.first_is_to_come else f"last run {words.ago(mailbox.last_run.at, frame.now)}"


def _next_page(people: ConnectedPeople, frame: Frame) -> Section | None:
    if not people.after:
        return None
    since = {"since": moment_in_button(people.after.since)} if people.after.since else {}
    return section([button_list(button("More people", frame.run(Path.PEOPLE, after=people.after.user, **since)))])
