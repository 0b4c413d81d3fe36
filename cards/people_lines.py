"""People and companies as lines of a list, each opening its own card."""

from collections.abc import Sequence

from cards import words
from cards.contact_sections import contact_role, role
from cards.view import Path, View
from cards.widgets import Widget, decorated_text, run
from mailmagnet.addresses import shown
from mailmagnet.crm import Account, Contact, KnownAccount, Lead


def contact_line(contact: Contact, view: View) -> Widget:
    """Name, with title and company below. A click opens the contact."""
    return _contact_line(contact, contact_role(contact), view)


def colleague_line(contact: Contact, view: View) -> Widget:
    """The same under the company's own name: with the title alone below."""
    return _contact_line(contact, role(contact.title, ""), view)


def _contact_line(contact: Contact, below: str, view: View) -> Widget:
    return decorated_text(contact_name(contact), below=below, on_click=run(f"{view.addon_url}{Path.CONTACT}", id=contact.id))


def lead_line(lead: Lead, view: View) -> Widget:
    below = words.facts("Lead", words.name(lead.status, 40), role(lead.title, lead.company))
    return decorated_text(lead_name(lead), below=below, on_click=run(f"{view.addon_url}{Path.LEAD}", id=lead.id))


def account_line(account: Account, view: View) -> Widget:
    """Name, with the domain below. A click opens the account."""
    on_click = run(f"{view.addon_url}{Path.ACCOUNT}", id=account.id)
    return decorated_text(account_name(account), below=shown_domain(account), on_click=on_click)


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


def at_stake(known: KnownAccount, view: View) -> str:
    """What we have with a company: "3 contacts, 1 open deal (€9,000)"."""
    contacts = words.counted(known.contact_count, "contact", "contacts", view.reader) if known.contact_count else "no contacts"
    if not known.open_deals:
        return f"{contacts}, no open deals"
    count = words.counted(len(known.open_deals), "open deal", "open deals", view.reader)
    total = words.totals((deal.amount for deal in known.open_deals), view.reader)
    return f"{contacts}, {count} ({total})" if total else f"{contacts}, {count}"
