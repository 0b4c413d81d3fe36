"""The card of one account: its open deals, and who we know there."""

from datetime import date

from cards import words
from cards.contact_sections import crm_section, reach_section
from cards.deal_lines import deals_section
from cards.people_lines import account_name, colleague_line, shown_domain
from cards.view import View
from cards.widgets import GREY, Card, Section, card, coloured, section, text_paragraph
from mailmagnet.crm import KnownAccount

_CONTACTS_IN_SIGHT = 5


def account_card(known: KnownAccount, crm_name: str, today: date, view: View) -> Card:
    """`today` is the day in the CRM organisation's time zone."""
    account = known.account
    sections = [
        deals_section(known.open_deals, today, view) or _nothing(f"No open deals in {words.name(crm_name)}"),
        _contacts_section(known, view),
        reach_section(account.phone, (), account.owner),
        crm_section(account.url, crm_name),
    ]
    return card(sections, account_name(account), shown_domain(account) if words.name(account.name) else "")


def _nothing(said: str) -> Section | None:
    return section([text_paragraph(coloured(said, GREY))])


def _contacts_section(known: KnownAccount, view: View) -> Section | None:
    lines = [colleague_line(contact, view) for contact in known.contacts]
    if (more := known.contact_count - len(known.contacts)) > 0:
        lines.append(text_paragraph(coloured(f"and {words.number(more, view.reader)} more", GREY)))
    header = words.facts("Contacts", words.number(known.contact_count, view.reader))
    return section(lines, header, _CONTACTS_IN_SIGHT)
