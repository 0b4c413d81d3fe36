"""The homepage's card: what closes this month, the latest mail from customers, a search, and how sorting goes."""

from collections.abc import Mapping, Sequence
from datetime import date
from urllib.parse import quote

from cards import words
from cards.contact_sections import CATEGORY_WORDS
from cards.deal_lines import IN_SIGHT, closing_deal_line, open_deals
from cards.problems import problem_section
from cards.search_card import search_section
from cards.view import Path, View
from cards.widgets import (
    BLUE,
    GREY,
    Card,
    Section,
    Widget,
    bold,
    card,
    coloured,
    decorated_text,
    open_link,
    run,
    section,
    spaced,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.categories import Category
from mailmagnet.errors import Upstream
from mailmagnet.homepage import LATEST_MAILS, CustomerMail, Homepage
from mailmagnet.store import Mailbox

_NAME_BESIDE_A_DOT = 34  # of the some 36 characters that a panel 300 pixels wide shows in a line


def home_card(homepage: Homepage, view: View, reference: str = "") -> Card:
    """`reference` is that of the answer's problems."""
    return card(
        [
            _closing_section(homepage, view, reference),
            _mails_section(homepage, view, reference),
            search_section(view),
            _sorting_section(homepage, view),
        ]
    )


def _problem(problem: Upstream | None, reference: str, view: View, title: str) -> Section | None:
    retry = run(f"{view.addon_url}{Path.RETRY_HOME}")
    return problem_section(problem, reference, view, retry, title) if problem else None


# Closing this month


def _closing_section(homepage: Homepage, view: View, reference: str) -> Section | None:
    title = "Closing this month"
    if homepage.closing is None:
        return _problem(homepage.crm_problem, reference, view, title)
    if not homepage.closing:
        return section([text_paragraph(coloured("No open deal closes this month.", GREY))], title)
    today = homepage.today or view.today
    header = words.facts(
        title,
        words.counted(len(homepage.closing), "deal", "deals", view.reader),
        words.totals((deal.amount for deal in homepage.closing), view.reader),
    )
    lines = [closing_deal_line(deal, today, view) for deal in open_deals(homepage.closing, today)]
    return section(lines, header, IN_SIGHT)


# New from customers


def _mails_section(homepage: Homepage, view: View, reference: str) -> Section | None:
    title = "New from customers"
    if homepage.mails is None:
        return _problem(homepage.mail_problem, reference, view, title)
    if homepage.mails and homepage.mailbox:
        lines = [_mail_line(mail, homepage.mailbox.address, view) for mail in homepage.mails]
        return section(lines, words.facts(title, _new_count(homepage.mails, view)))
    if not _shows_mail(homepage.mailbox):
        return None
    return section([text_paragraph(coloured("No mail from customers yet.", GREY))], title)


def _new_count(mails: Sequence[CustomerMail], view: View) -> str:
    """How many are unread; where all that were asked for are, there may be more."""
    unread = sum(mail.unread for mail in mails)
    more = "+" if unread >= LATEST_MAILS else ""
    return f"{words.number(unread, view.reader)}{more}" if unread else ""


def _shows_mail(mailbox: Mailbox | None) -> bool:
    return mailbox is not None and mailbox.mailmagnet and not mailbox.needs_consent


def _mail_line(mail: CustomerMail, owner: str, view: View) -> Widget:
    """Sender, a dot while unread; subject and time below. A click opens the mail in Gmail, as its owner: there may be other accounts."""
    sender = words.name(mail.from_name or shown(mail.from_address), _NAME_BESIDE_A_DOT) or "No sender"
    text = spaced(bold(sender), coloured("●", BLUE)) if mail.unread else sender
    below = words.facts(_subject(mail), words.received(mail.received_at, view.now, view.reader))
    in_gmail = f"https://mail.google.com/mail/?authuser={quote(owner, safe='@')}#all/{mail.mail_id}"
    return decorated_text(text, below=below, on_click=open_link(in_gmail))


def _subject(mail: CustomerMail) -> str:
    if subject := words.name(mail.subject, 80):
        return subject
    return "(no subject)" if mail.from_name else "Cannot be read now"


# How sorting goes


def _sorting_section(homepage: Homepage, view: View) -> Section | None:
    if homepage.mailbox is None and homepage.mail_problem:
        return None
    said, below = _sorting_words(homepage.mailbox, homepage.today or view.today, view)
    return section([decorated_text(spaced(coloured("Sorting:", GREY), said), below=below, wrap=True)])


def _sorting_words(mailbox: Mailbox | None, today: date, view: View) -> tuple[str, str]:
    if mailbox is None:
        return "your mailbox is not connected", "Ask your admin to connect it."
    if mailbox.needs_consent:
        return "needs your consent", "Gmail stopped letting MailMagnet in. Nothing is sorted until you connect it again."
    if not (mailbox.mailmagnet and mailbox.labelling):
        return "off", ""
    run_counts = mailbox.last_run
    if run_counts.first_is_to_come:
        return "the first run is still to come", ""
    counts = run_counts.day.sorted if run_counts.day and run_counts.day.day == today else {}
    total = sum(counts.values())
    done = f"{words.counted(total, 'mail', 'mails', view.reader)} sorted today" if total else "nothing sorted yet today"
    more = f"{words.number(run_counts.remaining, view.reader)} more to come" if run_counts.remaining else ""
    said = f"{done}, last run {words.ago(run_counts.at, view.now)}"
    return said, words.facts(*_by_category(counts, view), more)


def _by_category(counts: Mapping[Category, int], view: View) -> list[str]:
    return [f"{said} {words.number(counts[each], view.reader)}" for each, said in CATEGORY_WORDS.items() if counts.get(each)]
