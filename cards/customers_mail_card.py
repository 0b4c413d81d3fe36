"""Customers' mail as lines, read live: who, of which company, about what, in which category; opened by a click, and marked as done."""

import re
from urllib.parse import quote

from cards import words
from cards.frame import Frame, Path
from cards.widgets import (
    BLUE,
    GREY,
    Button,
    Card,
    Section,
    Widget,
    bold,
    button,
    button_list,
    card,
    coloured,
    decorated_text,
    open_link,
    section,
    spaced,
    text_paragraph,
)
from mailmagnet.addresses import shown
from mailmagnet.customers_mail import CustomerMail, CustomersMail

_NAME_BESIDE_A_DOT = 34  # of the some 36 characters that a panel 300 pixels wide shows in a line


def customers_mail_card(page: CustomersMail, frame: Frame) -> Card:
    """A page of the list. Before the first there is "back"."""
    if not page.mails:
        said = "No older mail from customers." if page.skipped else "No mail from customers."
        return card([section([text_paragraph(coloured(said, GREY))])], "Mail from customers")
    return card([customers_mail_section(page, frame, in_list=True)], "Mail from customers")


def customers_mail_section(page: CustomersMail, frame: Frame, *, in_list: bool = False) -> Section | None:
    """The mails of a page, and the way to older ones."""
    place = {"skip": str(page.skipped)} if in_list else {}
    lines = [_mail_line(mail, page, place, frame) for mail in page.mails]
    behind = page.skipped + len(page.mails)
    older = [button_list(button("Older mail", frame.run(Path.CUSTOMERS_MAIL, skip=str(behind))))] if page.older else []
    return section([*lines, *older], _header(page, frame))


def _header(page: CustomersMail, frame: Frame) -> str:
    """ "Need an answer · 4 customers’ mails unread"; where all that are shown are, there may be more."""
    unread = sum(mail.unread for mail in page.mails)
    if not unread:
        return "Mail from customers"
    more = "+" if page.older and unread == len(page.mails) else ""
    what = "customer’s mail" if unread == 1 and not more else "customers’ mails"
    return f"Need an answer · {words.number(unread, frame.locale)}{more} {what} unread"


def _mail_line(mail: CustomerMail, page: CustomersMail, place: dict[str, str], frame: Frame) -> Widget:
    """Sender, a dot while unread; below the subject, the company, the category, the time. A click opens the mail in Gmail."""
    sender = words.name(mail.from_name or shown(mail.from_address), _NAME_BESIDE_A_DOT) or "No sender"
    text = spaced(coloured("●", BLUE), bold(words.left_to_right(sender))) if mail.unread else sender
    subject = words.name(mail.subject, 50) or "(no subject)"
    category = mail.category.words if mail.category else ""
    when = words.received(mail.received_at, frame.now, frame.locale)
    below = words.facts(subject, words.name(mail.company, 40), category, when)
    on_click = open_link(in_gmail(mail.mail_id, mail.rfc822_message_id, page.owner))
    return decorated_text(text, below=below, on_click=on_click, at_its_end=_done_button(mail, page, place, frame))


def _done_button(mail: CustomerMail, page: CustomersMail, place: dict[str, str], frame: Frame) -> Button | None:
    if mail.unread:
        return button("Done", frame.run(Path.MARK_READ, id=mail.mail_id, **place), "Mark as done: read, in Gmail")
    if mail.mail_id == page.just_read:
        return button("Undo", frame.run(Path.MARK_UNREAD, id=mail.mail_id, **place), "Mark as unread again")
    return None


_PART = r"[^\s\x00-\x1f\x7f\ud800-\udfff<>()\[\]{}|:;,\"\\@]{1,250}"
_ONE_MESSAGE_ID = re.compile(rf"<?({_PART}@{_PART})>?")


def in_gmail(mail_id: str, rfc822_message_id: str, owner: str) -> str:
    """The mail in Gmail, as its owner's, for there may be other accounts: found by its Message-ID, which works in a cold tab.

    A mail may bear anything as its Message-ID: what Gmail might read as more than one word to search for is left out, and the mail
    is then linked to by its own id.
    """
    found = _ONE_MESSAGE_ID.fullmatch(rfc822_message_id.strip())
    place = f"search/rfc822msgid:{quote(found[1], safe='@')}" if found else f"all/{mail_id}"
    return f"https://mail.google.com/mail/?authuser={quote(owner, safe='@')}#{place}"
