"""The homepage's card: a search, what is due today, the latest mail from customers, the rest of the month, and how sorting goes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from cards import words
from cards.connecting import connect_button, sign_in_button
from cards.customers_mail_card import customers_mail_section
from cards.deal_lines import company_of_deal, deal_line, is_overdue, lines_of, opening, when
from cards.defaults_words import defaults_words
from cards.frame import Frame, Path
from cards.problems import problem_section
from cards.search_card import search_section
from cards.widgets import (
    GREY,
    RED,
    Card,
    Fold,
    Html,
    Section,
    Widget,
    bold,
    button,
    button_list,
    card,
    coloured,
    decorated_text,
    html,
    section,
    spaced,
    text_paragraph,
)
from mailmagnet.categories import Category
from mailmagnet.consent import Grant
from mailmagnet.crm import MAIL_INTEGRATION, Deal
from mailmagnet.errors import Upstream
from mailmagnet.homepage import Homepage
from mailmagnet.store import Mailbox, Reason, Trouble

_OVERDUE_IN_SIGHT = 3
_TODAY_IN_SIGHT = 3


def home_card(homepage: Homepage, frame: Frame) -> Card:
    """Of two problems the last tells the reference."""
    of_deals = replace(frame, reference="") if homepage.mail_problem else frame
    return card(
        [
            search_section(frame),
            _due_section(homepage, of_deals),
            _mails_section(homepage, frame),
            _rest_of_month_section(homepage, frame),
            _sign_in_ends_section(homepage, frame),
            _ended_section(homepage, frame),
            _paused_section(homepage, frame),
            _set_by_admin_section(homepage, frame),
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


# Mail from customers


def _mails_section(homepage: Homepage, frame: Frame) -> Section | None:
    if homepage.mail_problem:
        return _problem(homepage.mail_problem, frame, "Mail from customers")
    if homepage.mails is None:
        return None
    if homepage.mails.mails:
        return customers_mail_section(homepage.mails, frame)
    if not _has_been_sorted(homepage.mailbox):
        return None
    return section([text_paragraph(coloured("Nothing new from customers.", GREY))])


def _has_been_sorted(mailbox: Mailbox | None) -> bool:
    """Before the first run nobody knows whether there is mail from customers."""
    return mailbox is not None and mailbox.mailmagnet and not mailbox.needs_consent and not mailbox.last_run.first_is_to_come


# Sharing


def _ended_section(homepage: Homepage, frame: Frame) -> Section | None:
    """Told until the owner has looked at what is shared."""
    if not (homepage.mailbox and homepage.mailbox.choices.sharing_ended):
        return None
    contacts = words.counted(homepage.mailbox.choices.sharing_ended, "contact", "contacts", frame.locale)
    below = f"Merged or gone in {words.name(homepage.crm_name)}."
    see = button("See", frame.run(Path.MY_SHARING), "See what I share")
    return section([decorated_text(f"Sharing has ended for {contacts}.", below=below, wrap=True, at_its_end=see)])


def _sign_in_ends_section(homepage: Homepage, frame: Frame) -> Section | None:
    """A key that the user has made in the CRM ends: told for a week before."""
    if not homepage.sign_in_ends:
        return None
    crm = words.name(homepage.crm_name, 40)
    day = homepage.sign_in_ends.astimezone(words.zone_of(frame.locale)).date()
    said = f"Your key for {crm} ends {words.until(day, frame.today, frame.locale)}."
    below = f"Make a new one in {crm}, and sign in with it."
    return section([decorated_text(said, below=below, wrap=True), button_list(sign_in_button(homepage.crm_name, frame))])


# What the admin has done


def _paused_section(homepage: Homepage, frame: Frame) -> Section | None:
    if not homepage.paused_since:
        return None
    since = words.moment(homepage.paused_since, frame.now, frame.locale)
    below = "No mail is moved. New mail waits, and is sorted when your admin resumes."
    return section([decorated_text(bold(f"Paused by your admin since {since}"), below=below, wrap=True)])


def _set_by_admin_section(homepage: Homepage, frame: Frame) -> Section | None:
    """Told until the user has saved the settings."""
    begun = homepage.set_by_admin
    if not begun:
        return None
    see = button("See", frame.run(Path.SET_UP), "See the settings")
    said = "Your admin has set MailMagnet up for you."
    return section([decorated_text(said, below=defaults_words(begun, frame), wrap=True, at_its_end=see)])


# How sorting goes


def _sorting_section(homepage: Homepage, frame: Frame) -> Section | None:
    """How it goes, and the one thing to do about it; beside it, the settings."""
    mailbox = homepage.mailbox
    if mailbox is None and homepage.mail_problem:
        return None
    said, below = _sorting_words(mailbox, homepage.crm_name, homepage.today or frame.today, frame)
    if homepage.paused_since and mailbox and mailbox.labelling and mailbox.last_run.first_is_to_come:
        below = ""
    settings = button("Settings", frame.run(Path.SET_UP))
    match mailbox:
        case None:
            buttons = [button("Set up MailMagnet", frame.run(Path.SET_UP))]
        case Mailbox(mailmagnet=False):
            buttons = [button("Turn on", frame.run(Path.SET_UP))]
        case Mailbox(trouble=Trouble(reason=Reason.CONSENT)):
            buttons = [connect_button(Grant.SORT, frame), button("Continue", frame.again), settings]
        case Mailbox(trouble=Trouble(reason=Reason.CRM_SIGN_IN)):
            buttons = [sign_in_button(homepage.crm_name, frame), settings]
        case Mailbox(trouble=None, labelling=True) if not homepage.paused_since:
            buttons = [button("Sort now, preview first", frame.run(Path.PREVIEW_SORTING)), settings]
        case _:
            buttons = [settings]
    sorted_now = mailbox and not mailbox.trouble and mailbox.labelling and _sorted_on(homepage.today or frame.today, mailbox)
    if homepage.is_admin:
        buttons.append(button("Administration", frame.run(Path.ADMIN)))
    which = button("See which", frame.run(Path.SORTED_TODAY)) if sorted_now else None
    return section([decorated_text(said, below=below, wrap=True, at_its_end=which), button_list(*buttons)])


def _sorted_on(today: date, mailbox: Mailbox) -> Mapping[Category, int]:
    """How many mails were sorted under each label on this day; nothing when none were."""
    day = mailbox.last_run.day
    return {category: count for category, count in day.sorted.items() if count} if day and day.day == today else {}


def _sorting_words(mailbox: Mailbox | None, crm_name: str, today: date, frame: Frame) -> tuple[str, str]:
    if mailbox is None:
        return "MailMagnet is not set up.", "It tells you of customers’ mail, and sorts it if you like."
    if not mailbox.mailmagnet:
        return "MailMagnet is off.", "It tells you of customers’ mail, and sorts it if you like."
    if mailbox.trouble:
        return _trouble_words(mailbox.trouble, frame)
    if not mailbox.labelling:
        return "Customers’ mail is listed here, and stays where it is.", "Labels can be turned on in the settings."
    run_counts = mailbox.last_run
    if run_counts.first_is_to_come:
        return "Your mail has not been sorted yet.", "The first run comes within 10 minutes."
    counts = _sorted_on(today, mailbox)
    total = sum(counts.values())
    ago = words.ago(run_counts.at, frame.now)
    mails = words.counted(total, "mail", "mails", frame.locale)
    said = f"Sorted {mails} today, {ago}" if total else f"Nothing sorted yet today, looked {ago}"
    more = f"{words.number(run_counts.remaining, frame.locale)} more to come" if run_counts.remaining else ""
    sparing = f"Less often for now: {words.name(crm_name, 40)} takes few more questions today" if run_counts.sparing else ""
    return said, words.facts(*_by_category(counts, frame), more, sparing)


def _trouble_words(trouble: Trouble, frame: Frame) -> tuple[str, str]:
    """What is wrong, and the one thing to do."""
    who, first = words.name(trouble.who, 40), f"first {words.ago(trouble.since, frame.now)}"
    match trouble.reason:
        case Reason.CONSENT:
            said = "Sorting needs your consent."
            below = "Gmail stopped letting MailMagnet in. Nothing is sorted until you allow it again."
        case Reason.GMAIL_REFUSES:
            said = "Gmail does not let MailMagnet sort your mail."
            below = words.facts("Ask your Google admin to allow it", first)
        case Reason.DELEGATION:
            said = "Your organisation does not let MailMagnet into your Gmail."
            below = words.facts(f"Your Google admin can: {words.DELEGATION_PAGE}", first)
        case Reason.CRM_SIGN_IN:
            said = f"Sorting needs you to sign in to {who}."
            below = words.facts(f"{who} does not let MailMagnet in", first)
        case Reason.CRM_PERMISSION:
            said = f"Your profile in {who} does not allow sorting."
            below = words.facts(f"Ask your admin for the permission {MAIL_INTEGRATION}", first)
        case Reason.CRM_LIST:
            said = f"You are not let in to {who} yet."
            below = words.facts("An admin of MailMagnet can let you in", first)
        case Reason.CRM_DAY_LIMIT:
            said = f"{who} takes no more questions from your organisation today."
            again = f"Sorted again {words.moment(trouble.again_at, frame.now, frame.locale)}" if trouble.again_at else ""
            below = words.facts(again, "No mail is lost")
        case Reason.FAILING:
            said = f"Sorting does not work now: {who} failed."
            below = words.facts("It is tried again by itself, and no mail is lost", first)
    return said, below


def _by_category(counts: Mapping[Category, int], frame: Frame) -> list[str]:
    return [f"{each.words} {words.number(counts[each], frame.locale)}" for each in Category if counts.get(each)]
