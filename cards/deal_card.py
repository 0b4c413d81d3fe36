"""The card of one deal: what it is about, the way into the CRM, its company and its mail."""

from cards import words
from cards.connecting import set_up_section
from cards.contact_sections import open_button, owned_by
from cards.deal_lines import name_and_amount, stage_of, when
from cards.frame import Frame
from cards.people_lines import account_line
from cards.record_lines import mail_with_line
from cards.widgets import Card, bold, button_list, card, decorated_text, section
from mailmagnet.crm import Deal, Module
from mailmagnet.open_record import Opened
from mailmagnet.record_people import RecordId


def deal_card(opened: Opened[Deal], frame: Frame) -> Card:
    deal = opened.record
    below = words.facts(when(deal, opened.today, frame), stage_of(deal), owned_by(deal.owner, mine=False))
    buttons = open_button(deal.url, opened.crm_name)
    first = [
        decorated_text(bold(name_and_amount(deal, frame)), below=below, wrap=True),
        *([button_list(*buttons)] if buttons else []),
        *([account_line(deal.account, frame)] if deal.account else []),
        mail_with_line(RecordId(Module.DEALS, deal.id), deal.name, frame),
    ]
    return card([section(first), set_up_section(opened.to_set_up, frame)], words.name(deal.name) or "Deal")
