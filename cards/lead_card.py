"""The card of one lead, opened from a list or a search."""

from cards import words
from cards.connecting import set_up_section
from cards.contact_sections import addresses_section, lead_sections
from cards.frame import Frame
from cards.people_lines import lead_name
from cards.widgets import Card, card
from mailmagnet.open_record import OpenedLead


def lead_card(opened: OpenedLead, frame: Frame) -> Card:
    lead = opened.lead
    sections = [
        *lead_sections(lead, opened.crm_name, frame),
        addresses_section(lead.addresses),
        set_up_section(opened.to_set_up, frame),
    ]
    return card(sections, lead_name(lead), words.name(lead.company))
