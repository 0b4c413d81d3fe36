"""The card of one contact, opened from a list or a search."""

from cards.connecting import set_up_section
from cards.contact_sections import addresses_section, company_of_contact, contact_sections
from cards.frame import Frame
from cards.people_lines import contact_name
from cards.widgets import Card, card
from mailmagnet.open_record import Opened
from mailmagnet.standing import ContactStanding


def contact_card(opened: Opened[ContactStanding], frame: Frame) -> Card:
    contact = opened.record.contact
    sections = [
        *contact_sections(opened.record, opened.crm_name, opened.today, frame),
        addresses_section(contact.addresses),
        set_up_section(opened.to_set_up, frame),
    ]
    return card(sections, contact_name(contact), company_of_contact(contact))
