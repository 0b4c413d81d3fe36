"""The homepage's card: a search, what is due today, the latest mail from customers, the rest of the month, and how sorting goes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from urllib.parse import quote

from cards import words
from cards.deal_lines import company_of_deal, deal_line, is_overdue, lines_of, opening, when
from cards.frame import Frame
from cards.problems import problem_section
from cards.record_lines import my_sharing_line
from cards.search_card import search_section
from cards.widgets import (
    BLUE,
    GREY,
    RED,
    Card,
    Fold,
    Html,
    Section,
    Widget,
    bold,
    card,
    coloured,
    decorated_text,
    html,
    open_link,
    section,
    spaced,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.categories import Category
from mailmagnet.crm import MAIL_INTEGRATION, Deal
from mailmagnet.errors import Upstream
from mailmagnet.homepage import LATEST_MAILS, CustomerMail, Homepage
from mailmagnet.store import Mailbox, Reason, Trouble

_OVERDUE_IN_SIGHT = 3
_TODAY_IN_SIGHT = 3
_NAME_BESIDE_A_DOT = 34  # of the some 36 characters that a panel 300 pixels wide shows in a line


def home_card(homepage: Homepage, frame: Frame) -> Card:
    """Of two problems the last tells the reference."""
    of_deals = replace(frame, reference="") if homepage.mail_problem else frame
    return card(
        [
            search_section(frame),
            _due_section(homepage, of_deals),
            _mails_section(homepage, frame),
            _rest_of_month_section(homepage, frame),
            section([my_sharing_line(frame)] if homepage.mailbox else []),
            _sorting_section(homepage, frame),
        ]
    )


def _problem(problem: Upstream | None, frame: Frame, title: str) -> Section | None:
    return problem_section(problem, frame, title) if problem else None


# Deals


def _due_section(homepage: Homepage, frame: Frame) -> Section | None:
    """Overdue deals, what slipped last first, then those that close today: of each the first ones in sight."""
    if homepage.closing is None:
        return _problem(homepage.crm_problem, frame, "Today")
    today = homepage.today or frame.today
    overdue = sorted((deal for deal in homepage.closing if is_overdue(deal, today)), key=_closing_day, reverse=True)
    closing = [deal for deal in homepage.closing if deal.closing == today]
    if not (overdue or closing):
        return section([text_paragraph(coloured(_nothing_due(homepage, today), GREY))])
    in_sight = [*overdue[:_OVERDUE_IN_SIGHT], *closing[:_TODAY_IN_SIGHT]]
    folded = [*overdue[_OVERDUE_IN_SIGHT:], *closing[_TODAY_IN_SIGHT:]]
    more = words.counted(len(folded), "more deal", "more deals", frame.locale)
    lines = _lines([*in_sight, *folded], homepage, today, frame)
    return section(lines, _due_header(overdue, closing, frame), Fold(len(in_sight), more, "Fewer deals"))


def _closing_day(deal: Deal) -> date:
    return deal.closing or date.min


def _nothing_due(homepage: Homepage, today: date) -> str:
    if any(_is_later(deal, today) for deal in homepage.closing or ()):
        return "No deal closes today, and none is overdue."
    return "No deal closes this month, and none is overdue."


def _due_header(overdue: Sequence[Deal], closing: Sequence[Deal], frame: Frame) -> Html:
    """ "Today · 3 deals close · 6 overdue"."""
    close = words.counted(len(closing), "deal closes", "deals close", frame.locale) if closing else ""
    if not overdue:
        return html(words.facts("Today", close))
    late = coloured(f"{words.number(len(overdue), frame.locale)} overdue", RED)
    return spaced(words.facts("Today", close), "·", late)


def _rest_of_month_section(homepage: Homepage, frame: Frame) -> Section | None:
    """What closes later this month, folded: "Rest of November: 2 deals, €36,000 and ¥4.8M"."""
    today = homepage.today or frame.today
    later = [deal for deal in homepage.closing or () if _is_later(deal, today)]
    month = words.month(today, frame.locale)
    count = words.counted(len(later), "deal", "deals", frame.locale)
    total = words.totals((deal.amount for deal in later), frame.locale)
    unfold = f"Rest of {month}: {', '.join(filter(None, (count, total)))}"
    return section(_lines(later, homepage, today, frame), fold=Fold(0, unfold, f"Hide the rest of {month}"))


def _is_later(deal: Deal, today: date) -> bool:
    return deal.closing is not None and deal.closing > today


def _lines(deals: Sequence[Deal], homepage: Homepage, today: date, frame: Frame) -> list[Widget]:
    def line(deal: Deal) -> Widget:
        return deal_line(deal, frame, company_of_deal(deal), when(deal, today, frame), on_click=opening(deal, frame))

    return lines_of(deals, line, homepage.crm_name, frame)


# New from customers


def _mails_section(homepage: Homepage, frame: Frame) -> Section | None:
    title = "New from customers"
    if homepage.mails is None:
        return _problem(homepage.mail_problem, frame, title)
    if homepage.mails and homepage.mailbox:
        lines = [_mail_line(mail, homepage.mailbox.address, frame) for mail in homepage.mails]
        return section(lines, words.facts(title, _unread_count(homepage.mails, frame)))
    if not _has_been_sorted(homepage.mailbox):
        return None
    return section([text_paragraph(coloured("Nothing new from customers.", GREY))])


def _unread_count(mails: Sequence[CustomerMail], frame: Frame) -> str:
    """How many are unread; where all that were asked for are, there may be more."""
    unread = sum(mail.unread for mail in mails)
    more = "+" if unread >= LATEST_MAILS else ""
    return f"{words.number(unread, frame.locale)}{more} unread" if unread else ""


def _has_been_sorted(mailbox: Mailbox | None) -> bool:
    """Before the first run nobody knows whether there is mail from customers."""
    return mailbox is not None and mailbox.mailmagnet and not mailbox.needs_consent and not mailbox.last_run.first_is_to_come


def _mail_line(mail: CustomerMail, owner: str, frame: Frame) -> Widget:
    """Sender, a dot while unread; subject and time below. A click opens the mail in Gmail."""
    sender = words.name(mail.from_name or shown(mail.from_address), _NAME_BESIDE_A_DOT) or "No sender"
    text = spaced(coloured("●", BLUE), bold(words.left_to_right(sender))) if mail.unread else sender
    subject = words.name(mail.subject, 50) or "(no subject)"
    below = words.facts(subject, words.received(mail.received_at, frame.now, frame.locale))
    return decorated_text(text, below=below, on_click=open_link(in_gmail(mail, owner)))


_PART = r"[^\s\x00-\x1f\x7f\ud800-\udfff<>()\[\]{}|:;,\"\\@]{1,250}"
_ONE_MESSAGE_ID = re.compile(rf"<?({_PART}@{_PART})>?")


def in_gmail(mail: CustomerMail, owner: str) -> str:
    """The mail in Gmail, as its owner's, for there may be other accounts: found by its Message-ID, which works in a cold tab.

    A mail may bear anything as its Message-ID: what Gmail might read as more than one word to search for is left out, and the mail
    is then linked to by its own id.
    """
    found = _ONE_MESSAGE_ID.fullmatch(mail.rfc822_message_id.strip())
    place = f"search/rfc822msgid:{quote(found[1], safe='@')}" if found else f"all/{mail.mail_id}"
    return f"https://mail.google.com/mail/?authuser={quote(owner, safe='@')}#{place}"


# How sorting goes


def _sorting_section(homepage: Homepage, frame: Frame) -> Section | None:
    if homepage.mailbox is None and homepage.mail_problem:
        return None
    said, below = _sorting_words(homepage.mailbox, homepage.today or frame.today, frame)
    return section([decorated_text(said, below=below, wrap=True)])


def _sorting_words(mailbox: Mailbox | None, today: date, frame: Frame) -> tuple[str, str]:
    if mailbox is None:
        return "Your mailbox is not connected.", "Ask your admin to connect it."
    if not mailbox.mailmagnet:
        return "Sorting is off.", "Your admin can turn it on."
    if mailbox.trouble:
        return _trouble_words(mailbox.trouble, frame)
    if not mailbox.labelling:
        return "Customers' mail is listed here, and stays where it is.", "Your admin can turn on sorting under labels."
    run_counts = mailbox.last_run
    if run_counts.first_is_to_come:
        return "Your mail has not been sorted yet.", "The first run comes within 10 minutes."
    counts = run_counts.day.sorted if run_counts.day and run_counts.day.day == today else {}
    total = sum(counts.values())
    ago = words.ago(run_counts.at, frame.now)
    mails = words.counted(total, "mail", "mails", frame.locale)
    said = f"Sorted {mails} today, {ago}" if total else f"Nothing sorted yet today, looked {ago}"
    more = f"{words.number(run_counts.remaining, frame.locale)} more to come" if run_counts.remaining else ""
    return said, words.facts(*_by_category(counts, frame), more)


def _trouble_words(trouble: Trouble, frame: Frame) -> tuple[str, str]:
    """What is wrong, and the one thing to do."""
    who, first = words.name(trouble.who, 40), f"first {words.ago(trouble.since, frame.now)}"
    match trouble.reason:
        case Reason.CONSENT:
            return (
                "Sorting needs your consent.",
                "Gmail stopped letting MailMagnet in. Nothing is sorted until you connect it again.",
            )
        case Reason.GMAIL_REFUSES:
            return "Gmail does not let MailMagnet sort your mail.", words.facts("Ask your Google admin to allow it", first)
        case Reason.CRM_SIGN_IN:
            return f"Sorting needs {who}, which does not let you in.", words.facts("Ask your admin for access", first)
        case Reason.CRM_PERMISSION:
            said = f"Your profile in {who} does not allow sorting."
            return said, words.facts(f"Ask your admin for the permission {MAIL_INTEGRATION}", first)
        case Reason.FAILING:
            said = f"Sorting does not work now: {who} failed."
            return said, words.facts("It is tried again by itself, and no mail is lost", first)


def _by_category(counts: Mapping[Category, int], frame: Frame) -> list[str]:
    return [f"{each.words} {words.number(counts[each], frame.locale)}" for each in Category if counts.get(each)]
