"""The card of one contact, opened from a list or a search."""

from datetime import date

from cards.contact_sections import addresses_section, company_of_contact, contact_sections
from cards.people_lines import contact_name
from cards.view import View
from cards.widgets import Card, card
from mailmagnet.open_message import ContactView


def contact_card(contact_view: ContactView, crm_name: str, today: date, view: View) -> Card:
    """`today` is the day in the CRM organisation's time zone."""
    contact = contact_view.contact
    sections = [*contact_sections(contact_view, crm_name, today, view), addresses_section(contact.addresses)]
    return card(sections, contact_name(contact), company_of_contact(contact))
