"""The card of one lead, opened from a list or a search."""

from cards import words
from cards.contact_sections import addresses_section, lead_sections
from cards.people_lines import lead_name
from cards.widgets import Card, card
from mailmagnet.crm import Lead


def lead_card(lead: Lead, crm_name: str) -> Card:
    return card([*lead_sections(lead, crm_name), addresses_section(lead.addresses)], lead_name(lead), words.name(lead.company))
