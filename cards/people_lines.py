"""People and companies as lines of a list, each opening its own card."""

from collections.abc import Sequence
from datetime import date

from cards import words
from cards.contact_sections import company_of_contact, owned_by
from cards.deal_lines import open_deals, urgency_mark, when
from cards.frame import Frame, Path
from cards.widgets import Html, Widget, decorated_text, html, spaced
from mailmagnet.addresses import shown
from mailmagnet.crm import Account, Contact, DealState, KnownAccount, Lead
from mailmagnet.standing import ContactStanding


def contact_line(contact: Contact, frame: Frame) -> Widget:
    """Name, with title and company below. A click opens the contact."""
    return _contact_line(contact, html(contact_name(contact)), role(contact.title, company_of_contact(contact)), frame)


def colleague_line(contact: Contact, frame: Frame) -> Widget:
    """The same under the company's own name: with the title alone below."""
    return _contact_line(contact, html(contact_name(contact)), words.name(contact.title), frame)


def stakes_line(standing: ContactStanding, beside: str, today: date, frame: Frame) -> Widget:
    """Name and what is open with the contact: "Bob Ross ● ¥4.8M"; below the company, unless it is `beside`, and when the deal is due."""
    contact, decision = standing.contact, standing.decision
    company = company_of_contact(contact)
    below = words.facts("" if company == beside else company, _due(standing, today, frame))
    name, open_with = words.name(contact_name(contact), 60), _open_with(contact, today, frame)
    mark = urgency_mark(decision.because, today) if decision else ""
    text = spaced(words.left_to_right(name), mark, open_with) if mark else html(words.facts(name, open_with))
    return _contact_line(contact, text, below, frame)


def _open_with(contact: Contact, today: date, frame: Frame) -> str:
    """ "¥4.8M"; without amounts how many deals, without deals nothing."""
    opened = open_deals(contact.deals, today)
    if contact.more_deals:
        return f"more than {words.counted(len(opened), 'open deal', 'open deals', frame.locale)}"
    total = words.totals((deal.amount for deal in opened), frame.locale)
    return total or (words.counted(len(opened), "open deal", "open deals", frame.locale) if opened else "")


def _due(standing: ContactStanding, today: date, frame: Frame) -> str:
    decision = standing.decision
    if not decision:
        return ""
    if decision.because.state is DealState.WON:
        return decision.category.words
    said = when(decision.because, today, frame)
    late_or_undated = not decision.because.closing or decision.because.closing < today
    return said if late_or_undated else f"closes {said}"


def _contact_line(contact: Contact, text: Html, below: str, frame: Frame) -> Widget:
    return decorated_text(text, below=below, wrap=True, on_click=frame.run(Path.CONTACT, id=contact.id))


def lead_line(lead: Lead, frame: Frame) -> Widget:
    below = words.facts("Lead", words.name(lead.status, 40), role(lead.title, words.name(lead.company)))
    return decorated_text(lead_name(lead), below=below, wrap=True, on_click=frame.run(Path.LEAD, id=lead.id))


def account_line(account: Account, frame: Frame) -> Widget:
    """Name, with the domain below. A click opens the account."""
    on_click = frame.run(Path.ACCOUNT, id=account.id)
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


def known_there(known: KnownAccount, frame: Frame) -> str:
    """What we have with a company: "3 contacts there, €77,000 open, Kim’s"."""
    count = words.counted(known.contact_count, "contact", "contacts", frame.locale) if known.contact_count else "Nobody known"
    return ", ".join(filter(None, (f"{count} there", open_with(known, frame), owned_by(known.account.owner, known.account.mine))))


def open_with(known: KnownAccount, frame: Frame) -> str:
    """ "€77,000 open"; without amounts "2 deals open"."""
    if not known.open_deals:
        return "no open deals"
    if known.more_deals:
        return f"more than {words.counted(len(known.open_deals), 'deal', 'deals', frame.locale)} open"
    total = words.totals((deal.amount for deal in known.open_deals), frame.locale)
    return f"{total or words.counted(len(known.open_deals), 'deal', 'deals', frame.locale)} open"
