"""Sending: a mail is kept as sent, and arrives in those of this world's mailboxes that it is to; who else it is to never hears of it."""

from email.utils import format_datetime, make_msgid

from sandbox.google import mail_parts
from sandbox.google.mail_folder import Message, NewMail
from sandbox.google.world import Account, World


class NobodyToSendTo(ValueError):
    """The mail names no recipient."""


def send(world: World, account: Account, raw: bytes, thread_id: str = "") -> Message:
    """The message as it lies in the sender's mailbox. Raises NobodyToSendTo, NoSuchMail for a thread that is not there."""
    raw, recipients = _ready_to_send(world, account, raw)
    if not recipients:
        raise NobodyToSendTo
    own = not recipients.isdisjoint(_lower(account.addresses))
    labels = ("SENT", "INBOX", "UNREAD") if own else ("SENT",)
    mailbox = world.mailbox(account.address)
    sent = mailbox.message(mailbox.add([NewMail(raw, world.clock(), labels, thread_id)])[0])
    for other in world.accounts():
        if other != account and not recipients.isdisjoint(_lower(other.addresses)):
            world.mailbox(other.address).arrive(_without(b"bcc", raw))
    return sent


def _lower(addresses: tuple[str, ...]) -> set[str]:
    return {address.lower() for address in addresses}


def _ready_to_send(world: World, account: Account, raw: bytes) -> tuple[bytes, set[str]]:
    """The mail with From, Date and Message-ID, which Gmail adds where they are missing, and to whom it goes.

    A From that is none of the account's own addresses is the account's afterwards.
    """
    if not _is_own(account, raw):
        raw = _without(b"from", raw)
    head, _ = mail_parts.split(raw)
    headers = mail_parts.headers_of(head)
    names = {name.lower() for name, _ in headers}
    line = b"\r\n" if b"\r\n" in head else b"\n"
    added = {
        "from": f"From: {account.address}",
        "date": f"Date: {format_datetime(world.clock())}",
        "message-id": f"Message-ID: {make_msgid(domain='mail.sandbox.example')}",
    }
    new = b"".join(text.encode() + line for name, text in added.items() if name not in names)
    to = [value for name, value in headers if name.lower() in ("to", "cc", "bcc")]
    return new + raw, mail_parts.addresses_in(", ".join(to))


def _is_own(account: Account, raw: bytes) -> bool:
    senders = [value for name, value in mail_parts.headers_of(mail_parts.split(raw)[0]) if name.lower() == "from"]
    return not senders or mail_parts.addresses_in(", ".join(senders)) <= _lower(account.addresses)


def _without(name: bytes, raw: bytes) -> bytes:
    """The mail without one of its headers."""
    head, body = mail_parts.split(raw)
    shown, hidden = [], False
    for line in head.splitlines(keepends=True):
        if line[:1] not in (b" ", b"\t"):
            hidden = line.partition(b":")[0].strip().lower() == name
        if not hidden:
            shown.append(line)
    return b"".join(shown) + body
