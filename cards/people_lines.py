"""People and companies as lines of a list, each opening its own card."""

from collections.abc import Sequence
from datetime import date

from cards import words
from cards.contact_sections import company_of_contact, owned_by
from cards.deal_lines import open_deals, urgency_mark, when
from cards.view import Path, View
from cards.widgets import Html, Widget, decorated_text, html, run, spaced
from mailmagnet.addresses import shown
from mailmagnet.crm import Account, Contact, DealState, KnownAccount, Lead
from mailmagnet.open_message import ContactView


def contact_line(contact: Contact, view: View) -> Widget:
    """Name, with title and company below. A click opens the contact."""
    return _contact_line(contact, html(contact_name(contact)), role(contact.title, company_of_contact(contact)), view)


def colleague_line(contact: Contact, view: View) -> Widget:
    """The same under the company's own name: with the title alone below."""
    return _contact_line(contact, html(contact_name(contact)), words.name(contact.title), view)


def stakes_line(contact_view: ContactView, beside: str, today: date, view: View) -> Widget:
    """Name and what is open with the contact: "Bob Ross ● ¥4.8M"; below the company, unless it is `beside`, and when the deal is due."""
    contact, decision = contact_view.contact, contact_view.decision
    company = company_of_contact(contact)
    below = words.facts("" if company == beside else company, _due(contact_view, today, view))
    name, open_with = words.name(contact_name(contact), 60), _open_with(contact, today, view)
    mark = urgency_mark(decision.because, today) if decision else ""
    text = spaced(words.left_to_right(name), mark, open_with) if mark else html(words.facts(name, open_with))
    return _contact_line(contact, text, below, view)


def _open_with(contact: Contact, today: date, view: View) -> str:
    """ "¥4.8M"; without amounts how many deals, without deals nothing."""
    opened = open_deals(contact.deals, today)
    total = words.totals((deal.amount for deal in opened), view.reader)
    return total or (words.counted(len(opened), "open deal", "open deals", view.reader) if opened else "")


def _due(contact_view: ContactView, today: date, view: View) -> str:
    decision = contact_view.decision
    if not decision:
        return ""
    if decision.because.state is DealState.WON:
        return words.CATEGORY_WORDS[decision.category]
    said = when(decision.because, today, view)
    late_or_undated = not decision.because.closing or decision.because.closing < today
    return said if late_or_undated else f"closes {said}"


def _contact_line(contact: Contact, text: Html, below: str, view: View) -> Widget:
    return decorated_text(text, below=below, wrap=True, on_click=run(f"{view.addon_url}{Path.CONTACT}", id=contact.id))


def lead_line(lead: Lead, view: View) -> Widget:
    below = words.facts("Lead", words.name(lead.status, 40), role(lead.title, words.name(lead.company)))
    return decorated_text(lead_name(lead), below=below, wrap=True, on_click=run(f"{view.addon_url}{Path.LEAD}", id=lead.id))


def account_line(account: Account, view: View) -> Widget:
    """Name, with the domain below. A click opens the account."""
    on_click = run(f"{view.addon_url}{Path.ACCOUNT}", id=account.id)
    below = shown_domain(account) if words.name(account.name) else ""
    return decorated_text(account_name(account), below=below, wrap=True, on_click=on_click)


def role(title: str, company: str) -> str:
    """ "Head of Procurement · Analytical Ltd"; `company` as it is to be shown."""
    return words.facts(words.name(title), company)


def contact_name(contact: Contact) -> str:
    return words.name(contact.name) or _first_address(contact.addresses) or "Contact"


def lead_name(lead: Lead) -> str:
    return words.name(lead.name) or _first_address(lead.addresses) or "Lead"


def account_name(account: Account) -> str:
    return words.name(account.name) or shown_domain(account) or "Account"


def shown_domain(account: Account) -> str:
    return words.name(shown(f"@{account.domain}").removeprefix("@"))


def _first_address(addresses: Sequence[str]) -> str:
    return words.name(shown(addresses[0])) if addresses else ""


def known_there(known: KnownAccount, view: View) -> str:
    """What we have with a company: "3 contacts there, €77,000 open, Kim’s"."""
    count = words.counted(known.contact_count, "contact", "contacts", view.reader) if known.contact_count else "Nobody known"
    return ", ".join(filter(None, (f"{count} there", open_with(known, view), owned_by(known.account.owner, known.account.mine))))


def open_with(known: KnownAccount, view: View) -> str:
    """ "€77,000 open"; without amounts "2 deals open"."""
    if not known.open_deals:
        return "no open deals"
    total = words.totals((deal.amount for deal in known.open_deals), view.reader)
    return f"{total or words.counted(len(known.open_deals), 'deal', 'deals', view.reader)} open"
