"""The card of a search: the field with the words in it, and what the CRM has under them."""

from collections.abc import Sequence
from datetime import date

from cards import words
from cards.deal_lines import found_deal_line
from cards.people_lines import account_line, contact_line
from cards.view import SEARCH_INPUT, Path, View
from cards.widgets import Card, Section, Widget, button, button_list, card, run, section, text_input, text_paragraph
from mailmagnet.crm import Found

_IN_SIGHT = 5


def search_card(found: Found, searched: str, crm_name: str, today: date, view: View) -> Card:
    """`searched` are the words as typed; `today` is the day in the CRM organisation's time zone."""
    sections = [
        search_section(view, searched),
        _results("Contacts", [contact_line(contact, view) for contact in found.contacts], view),
        _results("Accounts", [account_line(account, view) for account in found.accounts], view),
        _results("Deals", [found_deal_line(deal, today, view) for deal in found.deals], view),
    ]
    if not (found.contacts or found.accounts or found.deals):
        nothing = f"Nothing in {words.name(crm_name)} under “{words.name(searched, 80)}”."
        sections.append(section([text_paragraph(nothing)]))
    return card(sections)


def search_section(view: View, searched: str = "") -> Section | None:
    search = button("Search", run(f"{view.addon_url}{Path.SEARCH}"))
    return section([text_input(SEARCH_INPUT, "Search contacts, accounts, deals", searched), button_list(search)])


def _results(header: str, lines: Sequence[Widget], view: View) -> Section | None:
    return section(lines, words.facts(header, words.number(len(lines), view.reader)), _IN_SIGHT)
