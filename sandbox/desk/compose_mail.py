"""Mail being written: what the compose window holds as a mail's bytes and back, and how a reply begins. No I/O."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, getaddresses
from html import escape
from itertools import accumulate
from typing import Any

import nh3

from sandbox.desk.bounded_html import MOST_TAGS, TooMuchMarkup, bounded
from sandbox.google import mail_parts
from sandbox.google.mail_parts import Part
from sandbox.google.world import Account

RECIPIENTS = ("to", "cc", "bcc")
LONGEST_HTML = 1_000_000
"""Characters that a draft may have."""

LONGEST_QUOTE = 300_000
"""Characters of a mail that are quoted: those that are shown of it."""

MOST_QUOTED_TAGS, DEEPEST_QUOTE = 25_000, 200
"""So that there is room for more in the draft."""

MOST_LINES = 10_000
"""Of plain text that are quoted as lines of HTML; more are quoted as they are."""

_TOO_LONG_TO_QUOTE = "[The rest of this mail is too long to be quoted.]"
_TAGS = {"b", "strong", "i", "em", "u", "s", "a", "p", "div", "br", "ul", "ol", "li", "blockquote", "pre", "code", "span", "hr"}
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes={"a": {"href"}},
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel="noopener noreferrer",
)
_TAG = re.compile("</?[a-z]+")
_REPLY_MARKS = ("re:", "aw:", "sv:")
_FORWARD_MARKS = ("fwd:", "fw:", "wg:")


class BadRecipient(ValueError):
    """What stands among the recipients is no address; the message names it."""


class TooMuchToSave(ValueError):
    """A draft is longer than a mail may be; the message says how much that is."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a compose window holds: recipients as typed, and HTML."""

    to: str
    cc: str
    bcc: str
    subject: str
    html: str


@dataclass(frozen=True, slots=True)
class Unshown:
    """What a draft keeps without showing it: the thread's references, and files."""

    in_reply_to: str = ""
    references: str = ""
    files: Sequence[Part] = ()


def clean(html: str) -> str:
    """HTML reduced to what the compose window can write: nothing in it runs, is fetched, or covers anything. Of more markup than anybody
    writes only the text stays."""
    try:
        return _CLEANER.clean(bounded(html))
    except TooMuchMarkup:
        return _preformatted(mail_parts.text_of_html(html).strip())


def _own(html: str) -> str:
    """What was written in the compose window, cleaned. Raises TooMuchToSave rather than leave out anything."""
    if len(html) > LONGEST_HTML:
        raise TooMuchToSave(f"This mail is too long to be saved: {len(html):,} of at most {LONGEST_HTML:,} characters.")
    try:
        return _CLEANER.clean(bounded(html))
    except TooMuchMarkup:
        raise TooMuchToSave(f"This mail has too many paragraphs and formats to be saved: at most {MOST_TAGS:,}.") from None


def _preformatted(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"


def mail_bytes(account: Account, written: Written, unshown: Unshown, now: datetime) -> bytes:
    """The draft as a mail. What is not yet a whole address is no recipient. Raises TooMuchToSave."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = formataddr((account.name, account.address))
    mail["Date"] = format_datetime(now)
    mail["Subject"] = _one_line(written.subject)
    for name in RECIPIENTS:
        if typed := _one_line(getattr(written, name)):
            mail[name.capitalize()] = _header(typed)
    for name, value in (("In-Reply-To", unshown.in_reply_to), ("References", unshown.references)):
        if value:
            mail[name] = _one_line(value)
    html = _own(written.html)
    mail.set_content(mail_parts.text_of_html(html) + "\n")
    mail.add_alternative(f'<div dir="auto">{html}</div>', subtype="html")
    for file in unshown.files:
        _attach(mail, file)
    return mail.as_bytes()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _header(typed: str) -> str:
    """Recipients as a header; what is not (yet) an address is left out."""
    pairs = [(name, address) for name, address in getaddresses([typed]) if "@" in address]
    return ", ".join(formataddr(pair) for pair in pairs)


def recipients(typed: str) -> list[str]:
    """The addresses among recipients as typed. Raises BadRecipient."""
    found = getaddresses([typed]) if typed.strip(" ,;") else []
    for name, address in found:
        before, _, after = address.rpartition("@")
        if not before or not after or " " in address:
            raise BadRecipient(f"“{name or address or typed}” is not an address.")
    return [address for _, address in found]


def _attach(mail: EmailMessage, file: Part) -> None:
    kind, _, more = file.mime_type.partition("/")
    if kind in ("message", "multipart", "") or not more:
        kind, more = "application", "octet-stream"
    mail.add_attachment(file.content, maintype=kind, subtype=more, filename=file.filename or "untitled")


def unshown_of(mail: Part) -> Unshown:
    """What a draft's own mail keeps."""
    return Unshown(mail.first("In-Reply-To"), mail.first("References"), _files(mail))


def unshown_of_answer(mail: Part, how: str) -> Unshown:
    """What an answer to this mail keeps: "forward" its files, else its place in the thread."""
    if how == "forward":
        return Unshown(files=_files(mail))
    own = mail.first("Message-ID").strip()
    before = mail.first("References") or mail.first("In-Reply-To")
    return Unshown(own, " ".join([*before.split()[-40:], own]).strip())


def _files(mail: Part) -> list[Part]:
    return [part for part in mail.walk() if part.is_attachment]


def written_of(mail: Part) -> dict[str, str]:
    """A draft's mail for the compose window."""
    html = mail_parts.html_text(mail)
    shown = {name: mail.first(name) for name in RECIPIENTS}
    return {
        **shown,
        "subject": mail.first("Subject"),
        "html": clean(html) if html else _lines(mail_parts.plain_text(mail, LONGEST_HTML)),
    }


def quote_of(mail: Part) -> str:
    """A mail's text as HTML that the compose window can hold; where it is cut, it says so."""
    html = mail_parts.html_text(mail)
    text = "" if html else mail_parts.plain_text(mail, LONGEST_QUOTE + 1)
    quote = _quotable(html[:LONGEST_QUOTE]) if html else _lines(text[:LONGEST_QUOTE])
    return quote if max(len(html), len(text)) <= LONGEST_QUOTE else f"{quote}<p>{_TOO_LONG_TO_QUOTE}</p>"


def _quotable(html: str) -> str:
    cleaned = clean(html)
    tags = [tag for tag in _TAG.findall(cleaned) if tag not in ("<br", "<hr")]
    deepest = max(accumulate(-1 if tag.startswith("</") else 1 for tag in tags), default=0)
    if deepest <= DEEPEST_QUOTE and len(tags) <= 2 * MOST_QUOTED_TAGS:
        return cleaned
    return _preformatted(mail_parts.text_of_html(cleaned).strip())


def _lines(text: str) -> str:
    lines = text.splitlines()
    return "<br>".join(escape(line) for line in lines) if len(lines) <= MOST_LINES else _preformatted(text)


def answer_to(mail: Part, account: Account, how: str) -> dict[str, Any]:
    """How a reply ("reply", "reply_all") or a "forward" begins: recipients, subject, and the mail that is quoted."""
    sender = mail.first("Reply-To") or mail.first("From")
    own = {address.lower() for address in account.addresses}
    mine = not own.isdisjoint(mail_parts.addresses_in(mail.first("From")))
    to = mail.first("To") if mine else sender
    others = _without(mail.first("To"), own) if how == "reply_all" and not mine else ""
    subject = mail.first("Subject")
    return {
        "to": "" if how == "forward" else ", ".join(filter(None, (to, others))),
        "cc": _without(mail.first("Cc"), own) if how == "reply_all" else "",
        "bcc": "",
        "subject": _marked(subject, "Fwd: ", _FORWARD_MARKS) if how == "forward" else _marked(subject, "Re: ", _REPLY_MARKS),
        "quoted": {name: mail.first(name) for name in ("from", "to", "subject")} | {"html": quote_of(mail)},
    }


def _without(header: str, own: set[str]) -> str:
    return ", ".join(formataddr(pair) for pair in getaddresses([header]) if pair[1] and pair[1].lower() not in own)


def _marked(subject: str, mark: str, known: tuple[str, ...]) -> str:
    return subject if subject.lower().startswith(known) else f"{mark}{subject}"


def written_from(body: Mapping[str, Any]) -> Written:
    """What the page sends; what is missing is empty."""
    return Written(**{name: str(body.get(name) or "") for name in (*RECIPIENTS, "subject", "html")})
