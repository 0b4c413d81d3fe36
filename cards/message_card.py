"""The card of an open message: who the mail is about, what is at stake, and who else is in it."""

from collections.abc import Sequence
from datetime import date

from cards import words
from cards.connecting import set_up_section
from cards.contact_sections import company_of_contact, contact_sections, lead_sections
from cards.frame import Frame, Path
from cards.people_lines import account_name, contact_name, known_there, lead_line, lead_name, stakes_line
from cards.problems import problem_section
from cards.widgets import GREY, Card, Fold, Section, Widget, bold, card, coloured, decorated_text, section, text_paragraph
from mailmagnet.addresses import shown
from mailmagnet.crm import Contact, KnownAccount
from mailmagnet.open_message import OpenMessage, PersonInCrm
from mailmagnet.people import About, MailPeople, Person

_PEOPLE_IN_SIGHT = 5


def message_card(answer: OpenMessage, frame: Frame) -> Card:
    set_up = set_up_section(answer.to_set_up, frame)
    if not answer.people:
        return _nobody_card(answer.mail, answer.home, set_up)
    main, *others = answer.people
    return _card(main, answer, frame, _others_section(main, others, answer, frame), set_up)


def person_card(answer: OpenMessage, frame: Frame) -> Card:
    """Another person of the open mail, on top of the mail's card."""
    if not answer.people:
        return _nobody_card(answer.mail, answer.home, None)
    return _card(answer.people[answer.front], answer, frame)


def _card(person: PersonInCrm, answer: OpenMessage, frame: Frame, *below: Section | None) -> Card:
    title, company = _who(person)
    sections = [problem_section(answer.problem, frame)] if answer.problem else _main_sections(person, answer, frame)
    return card([*sections, *below], title, company)


def _nobody_card(mail: MailPeople, home: str, set_up: Section | None) -> Card:
    title, subtitle = _name_and_address(mail.sender) if mail.sender else ("", "")
    return card([section([text_paragraph(_nobody_words(mail, home))]), set_up], title, subtitle)


def _nobody_words(mail: MailPeople, home: str) -> str:
    match mail.about:
        case About.COLLEAGUES:
            return f"Nobody outside {words.name(shown(home))} in this mail." if home else "Nobody but you in this mail."
        case About.LIST:
            return f"A mailing list: {words.name(mail.list_name)}. Nothing to look up." if mail.list_name else _NOTHING_FOR_A_LIST
        case About.NO_REPLY:
            return "Sent by a machine. Nobody to look up."
    return "This mail does not say who it is from. Nobody to look up."


_NOTHING_FOR_A_LIST = "A mailing list. Nothing to look up."


# The main person


def _who(main: PersonInCrm) -> tuple[str, str]:
    """The header's two lines: the person, and the company, so that no long job title hides it; of who is unknown the address.

    It has no picture: the CRMs' records bring none, and initials would have to be drawn by a server that is then told whose mail is
    read.
    """
    if main.contacts:
        contact = main.contacts[0].contact
        return contact_name(contact), company_of_contact(contact)
    if main.leads:
        return lead_name(main.leads[0]), words.name(main.leads[0].company)
    return _name_and_address(main.person)


def _name_and_address(person: Person) -> tuple[str, str]:
    address = words.name(shown(person.address))
    return (words.name(person.name), address) if words.one_line(person.name) else (address, "")


def _main_sections(main: PersonInCrm, answer: OpenMessage, frame: Frame) -> list[Section | None]:
    today = answer.today or frame.today
    if main.contacts:
        first = main.contacts[0]
        through = contact_name(first.contact) if len(main.contacts) > 1 else ""
        about = contact_sections(first, answer.crm_name, today, frame, through, to_answer=True)
        return [*about, _same_address_section(main, today, frame)]
    if main.leads:
        return [*lead_sections(main.leads[0], answer.crm_name, frame, to_answer=True), _same_address_section(main, today, frame)]
    return [section(_unknown_lines(main, answer.crm_name, frame))]


def _same_address_section(main: PersonInCrm, today: date, frame: Frame) -> Section | None:
    """The other contacts and leads with the main person's address, each with what is at stake."""
    beside = company_of_contact(main.contacts[0].contact) if main.contacts else ""
    lines = [stakes_line(each, beside, today, frame) for each in main.contacts[1:]]
    lines += [lead_line(lead, frame) for lead in (main.leads if main.contacts else main.leads[1:])]
    return section(lines, "Also with this address")


def _unknown_lines(person: PersonInCrm, crm_name: str, frame: Frame) -> list[Widget]:
    """The company, when it is known, and whose second address it may be."""
    company = _company_line(person.account, frame) if person.account else _not_there(crm_name)
    return [company, *(_second_address_line(contact, frame) for contact in person.perhaps)]


def _not_there(crm_name: str) -> Widget:
    return text_paragraph(coloured(f"Not in {words.name(crm_name)}.", GREY))


def _company_line(known: KnownAccount, frame: Frame) -> Widget:
    on_click = frame.run(Path.ACCOUNT, id=known.account.id)
    return decorated_text(
        bold(f"New at {account_name(known.account)}"), below=known_there(known, frame), wrap=True, on_click=on_click
    )


def _second_address_line(contact: Contact, frame: Frame) -> Widget:
    said = f"Perhaps a second address of {contact_name(contact)}: same name and company."
    return decorated_text(said, wrap=True, on_click=frame.run(Path.CONTACT, id=contact.id))


# The other people of the mail


def _others_section(main: PersonInCrm, others: Sequence[PersonInCrm], answer: OpenMessage, frame: Frame) -> Section | None:
    """A line each, who is in the CRM first, then whom it was not asked for; who is not in it is folded under a count.

    Its header says why the main person came first."""
    known = [_known_line(each, main, answer, frame) for each in others if each.known]
    known += [
        _not_asked_line(place, each, answer, frame) for place, each in enumerate(others, 1) if not each.asked and not each.known
    ]
    unknown = [_unknown_line(each, frame) for each in others if each.asked and not each.known]
    in_sight = min(_PEOPLE_IN_SIGHT, len(known) or (len(unknown) if answer.problem else 0))
    folded_known = max(len(known) - in_sight, 0)
    counts = (folded_known, "more"), (len(others) - in_sight - folded_known, "more" if answer.problem else "unknown")
    unfold = ", ".join(f"{words.number(count, frame.locale)} {said}" for count, said in counts if count)
    header = f"In this mail · {_why_first(main, answer)}"
    return section([*known, *unknown], header, Fold(in_sight, unfold, "Fewer people"))


def _why_first(main: PersonInCrm, answer: OpenMessage) -> str:
    """Why the main person is the one that the card is about."""
    name = words.name(_who(main)[0], 30)
    if answer.mail.sender and answer.mail.sender.address == main.person.address:
        return f"{name} wrote it"
    return f"{name} is the first outside {words.name(shown(answer.home))}" if answer.home else f"{name} comes first in it"


def _known_line(person: PersonInCrm, main: PersonInCrm, answer: OpenMessage, frame: Frame) -> Widget:
    if not person.contacts:
        return lead_line(person.leads[0], frame)
    beside = company_of_contact(main.contacts[0].contact) if main.contacts else ""
    return stakes_line(person.contacts[0], beside, answer.today or frame.today, frame)


def _not_asked_line(place: int, person: PersonInCrm, answer: OpenMessage, frame: Frame) -> Widget:
    """Whom there was no time to ask for, or whom this CRM is asked for one at a time."""
    title, address = _name_and_address(person.person)
    below = words.facts(address, f"Look up in {words.name(answer.crm_name)}")
    return decorated_text(title, below=below, wrap=True, on_click=frame.run(Path.PERSON, place=str(place)))


def _unknown_line(person: PersonInCrm, frame: Frame) -> Widget:
    title, subtitle = _name_and_address(person.person)
    if not person.account:
        return decorated_text(title, below=subtitle, wrap=True)
    account = person.account.account
    below = words.facts(subtitle, words.name(account.name))
    return decorated_text(title, below=below, wrap=True, on_click=frame.run(Path.ACCOUNT, id=account.id))
