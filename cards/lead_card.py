"""The card of one lead, opened from the list of a mail's people."""

from cards.contact_sections import crm_section, lead_sections, role
from cards.people_lines import lead_name
from cards.widgets import Card, card
from mailmagnet.crm import Lead


def lead_card(lead: Lead, crm_name: str) -> Card:
    return card([*lead_sections(lead), crm_section(lead.url, crm_name)], lead_name(lead), role(lead.title, lead.company))
