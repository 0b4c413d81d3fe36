"""A mail to write, as MIME: what Gmail's drafts are made of."""

import re
from collections.abc import Sequence
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr

from gmail_client.html_text import text_of_html
from mailmagnet.address_headers import Mailbox
from mailmagnet.addresses import is_address
from mailmagnet.errors import BadRequest
from mailmagnet.user_mail import DraftMail

LONGEST_SUBJECT = 900
MOST_RECIPIENTS = 100
MOST_REFERENCES = 20
"""Message ids named as what a mail answers: the first, and the latest (https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4)."""

_ENDS_A_LINE = re.compile(r"[\r\n\0\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,500}>")


def mime_of(draft: DraftMail) -> bytes:
    """The bytes of a draft, its HTML beside the same as plain text.

    Raises BadRequest for what cannot stand in a header: a line's end in it, no address, too much of it.

    The header lines are put together here: the standard library's EmailMessage may put a long Message-ID into encoded words, and a
    name's comma outside its quotes.
    """
    body = EmailMessage(policy=SMTP)
    body.set_content(text_of_html(draft.html), cte="base64")
    body.add_alternative(draft.html, subtype="html", cte="base64")
    references = _message_ids(draft.references)
    lines = [
        _addresses("From", [Mailbox(draft.sender.name, draft.sender.address)] if draft.sender else []),
        _addresses("To", draft.to),
        _addresses("Cc", draft.cc),
        _subject(draft.subject),
        _line("In-Reply-To", _message_ids(draft.in_reply_to)[:1]),
        _line("References", [*references[:1], *references[1:][1 - MOST_REFERENCES :]]),
    ]
    return "".join(lines).encode("ascii") + body.as_bytes()


def _addresses(name: str, mailboxes: Sequence[Mailbox]) -> str:
    if len(mailboxes) > MOST_RECIPIENTS:
        raise BadRequest(f"the header {name} has more than {MOST_RECIPIENTS} addresses")
    return _line(name, [_mailbox(name, each) for each in mailboxes], ",")


def _mailbox(header: str, mailbox: Mailbox) -> str:
    if not (mailbox.address.isascii() and is_address(mailbox.address)):
        raise BadRequest(f"the header {header} has an address in it that is none")
    name = _one_line(header, mailbox.name).strip()
    if _is_plain(name):
        return formataddr((name, mailbox.address))
    return f"{_encoded(header, name)} <{mailbox.address}>"


def _subject(subject: str) -> str:
    subject = _one_line("Subject", subject)
    if len(subject) > LONGEST_SUBJECT:
        raise BadRequest("the subject is too long")
    return f"Subject: {subject if _is_plain(subject) else _encoded('Subject', subject)}\r\n"


def _line(name: str, values: Sequence[str], between: str = "") -> str:
    """A header, each value on a line of its own; nothing without values."""
    return f"{name}: " + f"{between}\r\n ".join(values) + "\r\n" if values else ""


def _one_line(header: str, text: str) -> str:
    if _ENDS_A_LINE.search(text):
        raise BadRequest(f"the header {header} has the end of a line in it")
    return text


def _encoded(header: str, text: str) -> str:
    """As encoded words of at most 75 characters (https://www.rfc-editor.org/rfc/rfc2047#section-2), each on a line of its own."""
    return Header(text, "utf-8", header_name=header, maxlinelen=75).encode(linesep="\r\n")


def _is_plain(text: str) -> bool:
    """Whether it may stand in a header as it is: nothing in it would be read as an encoded word."""
    return text.isascii() and text.isprintable() and "=?" not in text


def _message_ids(header: str) -> list[str]:
    return _MESSAGE_ID.findall(header)
