"""The card of an open message: who the mail is about, what is at stake, and who else is in it."""

from collections.abc import Sequence
from datetime import date

from cards import words
from cards.contact_sections import contact_role, contact_sections, crm_section, lead_sections, role, standing
from cards.deal_lines import IN_SIGHT, deal_line, open_deals
from cards.people_lines import account_name, at_stake, colleague_line, contact_line, contact_name, lead_line, lead_name
from cards.problems import problem_section
from cards.view import Path, View
from cards.widgets import GREY, Card, Section, Widget, bold, card, coloured, decorated_text, run, section, spaced, text_paragraph
from mailmagnet.addresses import shown
from mailmagnet.crm import Contact, KnownAccount
from mailmagnet.open_message import ContactView, OpenMessage, PersonView
from mailmagnet.people import About, MailPeople, Person

_PEOPLE_IN_SIGHT = 3


def message_card(answer: OpenMessage, view: View, message_id: str, reference: str = "") -> Card:
    """`message_id` is the open mail's, as the event has it: what Retry opens again. `reference` is that of the answer's problem."""
    if not answer.people:
        return _nobody_card(answer.mail, answer.home)
    main, *others = answer.people
    sections = [
        *_main_sections(main, answer, view),
        _others_section(others, answer, view),
        crm_section(_page(main), answer.crm_name),
    ]
    if answer.problem:
        retry = run(f"{view.addon_url}{Path.RETRY_MESSAGE}", message_id=message_id)
        sections.insert(0, problem_section(answer.problem, reference, view, retry))
    title, subtitle = _who(main)
    return card(sections, title, subtitle)


def _nobody_card(mail: MailPeople, home: str) -> Card:
    title, subtitle = _name_and_address(mail.sender) if mail.sender else ("", "")
    return card([section([text_paragraph(_nobody_words(mail, home))])], title, subtitle)


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


def _who(main: PersonView) -> tuple[str, str]:
    """The header's two lines. It has no picture: the CRMs' records bring none, and initials would have to be drawn by a server that is
    then told whose mail is read."""
    if main.contacts:
        contact = main.contacts[0].contact
        return contact_name(contact), contact_role(contact)
    if main.leads:
        lead = main.leads[0]
        return lead_name(lead), role(lead.title, lead.company)
    return _name_and_address(main.person)


def _page(main: PersonView) -> str:
    """The main person's page in the CRM, or ""."""
    if main.contacts:
        return main.contacts[0].contact.url
    return main.leads[0].url if main.leads else ""


def _name_and_address(person: Person) -> tuple[str, str]:
    address = words.name(shown(person.address))
    return (words.name(person.name), address) if words.one_line(person.name) else (address, "")


def _main_sections(main: PersonView, answer: OpenMessage, view: View) -> list[Section | None]:
    today = answer.today or view.today
    if main.contacts:
        first, *same_address = main.contacts
        return [*contact_sections(first, answer.crm_name, today, view), *_same_address(same_address, main, answer, today, view)]
    if main.leads:
        more = [section([lead_line(lead, view)], _ALSO_WITH_THIS_ADDRESS) for lead in main.leads[1:]]
        return [*lead_sections(main.leads[0]), *more]
    return [] if answer.problem else _unknown_sections(main, answer, view)


_ALSO_WITH_THIS_ADDRESS = "Also with this address"


def _same_address(
    contacts: Sequence[ContactView], main: PersonView, answer: OpenMessage, today: date, view: View
) -> list[Section | None]:
    """The other contacts and leads with the same address: a line each, what is at stake with them folded."""
    sections = [_folded_contact(each, answer, today, view) for each in contacts]
    sections += [[lead_line(lead, view)] for lead in main.leads]
    return [section(widgets, "" if place else _ALSO_WITH_THIS_ADDRESS, in_sight=1) for place, widgets in enumerate(sections)]


def _folded_contact(contact_view: ContactView, answer: OpenMessage, today: date, view: View) -> list[Widget]:
    deals = open_deals(contact_view.contact.deals, today)[:IN_SIGHT]
    lines = [deal_line(deal, today, view) for deal in deals]
    return [contact_line(contact_view.contact, view), standing(contact_view, answer.crm_name, today, view), *lines]


def _unknown_sections(person_view: PersonView, answer: OpenMessage, view: View) -> list[Section | None]:
    address = words.name(shown(person_view.person.address))
    lines = [text_paragraph(spaced(bold(address), f"is not in {words.name(answer.crm_name)}"))]
    lines += [_second_address_line(contact, view) for contact in person_view.perhaps]
    return [section(lines), *([_account_section(person_view.account, view)] if person_view.account else [])]


def _second_address_line(contact: Contact, view: View) -> Widget:
    said = spaced("Perhaps a second address of", bold(f"{contact_name(contact)}?"), "Same name and company.")
    return decorated_text(said, wrap=True, on_click=run(f"{view.addon_url}{Path.CONTACT}", id=contact.id))


def _account_section(known: KnownAccount, view: View) -> Section | None:
    """The company, and who we know there."""
    said = spaced(bold(account_name(known.account)), f"is: {at_stake(known, view)}")
    line = decorated_text(said, wrap=True, on_click=run(f"{view.addon_url}{Path.ACCOUNT}", id=known.account.id))
    people = [colleague_line(contact, view) for contact in known.contacts]
    return section([line, *people], in_sight=1 + _PEOPLE_IN_SIGHT)


# The other people of the mail


def _others_section(others: Sequence[PersonView], answer: OpenMessage, view: View) -> Section | None:
    """A line each: those in the CRM open their card, those that are not are counted and folded."""
    known = [_known_line(each, view) for each in others if each.known]
    unknown = [_unknown_line(each, view) for each in others if not each.known]
    if len(unknown) > 1 and not answer.problem:
        unknown.insert(0, text_paragraph(coloured(_unknown_count(len(unknown), bool(known), view), GREY)))
        in_sight = len(known) + 1
    else:
        in_sight = len(known) + _PEOPLE_IN_SIGHT
    return section([*known, *unknown], "Also in this mail", in_sight)


def _unknown_count(count: int, beside_known: bool, view: View) -> str:
    return f"{'+ ' if beside_known else ''}{words.number(count, view.reader)} unknown"


def _known_line(person_view: PersonView, view: View) -> Widget:
    if person_view.contacts:
        return contact_line(person_view.contacts[0].contact, view)
    return lead_line(person_view.leads[0], view)


def _unknown_line(person_view: PersonView, view: View) -> Widget:
    title, subtitle = _name_and_address(person_view.person)
    if not person_view.account:
        return decorated_text(title, below=subtitle)
    account = person_view.account.account
    below = words.facts(subtitle, words.name(account.name))
    return decorated_text(title, below=below, on_click=run(f"{view.addon_url}{Path.ACCOUNT}", id=account.id))
