"""The card of one account: what is open with it, and who we know there."""

from cards import words
from cards.connecting import set_up_section
from cards.contact_sections import call_button, open_button, owned_by
from cards.deal_lines import open_deals, open_deals_section
from cards.frame import Frame
from cards.people_lines import account_name, colleague_line, shown_domain
from cards.record_lines import mail_with_line
from cards.widgets import GREY, Card, Fold, Section, Widget, bold, button_list, card, coloured, section, text_paragraph
from mailmagnet.crm import KnownAccount, Module
from mailmagnet.open_record import Opened
from mailmagnet.record_people import RecordId

_CONTACTS_IN_SIGHT = 5


def account_card(opened: Opened[KnownAccount], frame: Frame) -> Card:
    known, crm_name, today = opened.record, opened.crm_name, opened.today
    account = known.account
    sections = [
        section(_first(known, crm_name, frame)),
        open_deals_section(open_deals(known.open_deals, today), crm_name, today, frame, more_deals=known.more_deals),
        _contacts_section(known, crm_name, frame),
        set_up_section(opened.to_set_up, frame),
    ]
    return card(sections, account_name(account), shown_domain(account) if words.name(account.name) else "")


def _first(known: KnownAccount, crm_name: str, frame: Frame) -> list[Widget]:
    """What is open, whose it is, and the ways to the CRM and to the company."""
    account = known.account
    buttons = [*open_button(account.url, crm_name), *call_button(account.phone)]
    about = words.facts(owned_by(account.owner, account.mine), "" if call_button(account.phone) else words.name(account.phone))
    return [
        text_paragraph(_open_words(known, crm_name, frame)),
        *([text_paragraph(coloured(about, GREY))] if about else []),
        *([button_list(*buttons)] if buttons else []),
        mail_with_line(RecordId(Module.ACCOUNTS, account.id), account.name, frame),
    ]


def _open_words(known: KnownAccount, crm_name: str, frame: Frame) -> str:
    """ "2 open deals, €48,000"."""
    if not known.open_deals:
        return coloured(f"No open deals in {words.name(crm_name)}", GREY)
    count = words.counted(len(known.open_deals), "open deal", "open deals", frame.locale)
    if known.more_deals:
        return bold(f"More than {count}")  # a total of some of them would be taken for that of all
    return bold(", ".join(filter(None, (count, words.totals((deal.amount for deal in known.open_deals), frame.locale)))))


def _contacts_section(known: KnownAccount, crm_name: str, frame: Frame) -> Section | None:
    lines = [colleague_line(contact, frame) for contact in known.contacts]
    more = words.counted(len(lines) - _CONTACTS_IN_SIGHT, "more contact", "more contacts", frame.locale)
    if (not_given := known.contact_count - len(known.contacts)) > 0 and lines:
        said = f"and {words.number(not_given, frame.locale)} more in {words.name(crm_name)}"
        lines.append(text_paragraph(coloured(said, GREY)))
    header = words.facts("Contacts", words.number(known.contact_count, frame.locale))
    return section(lines, header, Fold(_CONTACTS_IN_SIGHT, more, "Fewer contacts"))
