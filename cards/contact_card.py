"""The card of one contact, opened from a list or a search."""

from datetime import date

from cards.contact_sections import addresses_section, company_of_contact, contact_sections
from cards.frame import Frame
from cards.people_lines import contact_name
from cards.widgets import Card, card
from mailmagnet.open_message import ContactStanding


def contact_card(standing: ContactStanding, crm_name: str, today: date, frame: Frame) -> Card:
    """`today` is the day in the CRM organisation's time zone."""
    contact = standing.contact
    sections = [*contact_sections(standing, crm_name, today, frame), addresses_section(contact.addresses)]
    return card(sections, contact_name(contact), company_of_contact(contact))
