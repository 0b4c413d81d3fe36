"""What the core asks of a connected user's Gmail for the sidebar: mail with a contact, one mail's text, drafts; the protocol `UserMail`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mailmagnet.address_headers import Mailbox
from mailmagnet.gmail import Listed, MailHeaders

LARGEST_ATTACHMENT = 25 * 1024 * 1024
"""Bytes; what is larger is not fetched. Gmail sends no larger ones (https://support.google.com/mail/answer/6584)."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a mail, not fetched: `part` is its place in that mail (Gmail's partId), `size` is in bytes."""

    part: str
    name: str
    size: int
    mime_type: str


@dataclass(frozen=True, slots=True)
class MailText:
    """One mail to read: its headers and its text, plain, without anything remote; `cut` when there is more text than that.

    Nothing of it is kept.
    """

    mail: MailHeaders
    text: str = field(repr=False)
    attachments: tuple[Attachment, ...] = ()
    cut: bool = False


@dataclass(frozen=True, slots=True)
class SendAs:
    """An address that the user may write from. `signature` is HTML as Gmail has it, "" for none."""

    address: str
    name: str = ""
    signature: str = field(default="", repr=False)
    default: bool = False


@dataclass(frozen=True, slots=True)
class DraftMail:
    """A mail to write. `html` is its text, safe HTML; `sender` is one of the user's SendAs, None for Gmail's default.

    A reply names the thread (`thread_id`) and, as headers, what it answers: `in_reply_to` and `references`
    (https://developers.google.com/workspace/gmail/api/guides/threads).
    """

    to: tuple[Mailbox, ...] = field(repr=False)
    subject: str = field(repr=False)
    html: str = field(repr=False)
    cc: tuple[Mailbox, ...] = field(default=(), repr=False)
    sender: SendAs | None = None
    thread_id: str = ""
    in_reply_to: str = ""
    references: str = ""


class UserMail(Protocol):
    """The mailbox of one connection, over plain HTTP, for the sidebar and its pages.

    Every call may raise NotAuthorised, NotPermitted, RateLimited, Unavailable, BadAnswer; those that take an id also NotFound.
    Quota units are Google's (https://developers.google.com/workspace/gmail/api/reference/quota).
    """

    async def mail_with(self, addresses: Collection[str], most: int, before: datetime | None = None) -> Listed:
        """The newest mail from, to or copied to any of these addresses, received before a moment (to the second; None: up to now).

        Without spam, trash, drafts and chats; at most `most` (500); 5 units. Gmail compares words, so that "ada@x.example" also finds
        "mary.ada@x.example": who asks for one address alone compares the headers.
        """
        ...

    async def headers(self, mail_ids: Sequence[str], names: Sequence[str]) -> Sequence[MailHeaders]:
        """The named headers of a handful of mails, in their order, mail that is gone left out; 20 units each."""
        ...

    async def text(self, mail_id: str) -> MailText:
        """One mail with its text; 20 units."""
        ...

    async def attachment(self, mail_id: str, part: str) -> tuple[Attachment, bytes]:
        """One attachment and its content; 40 units. BadAnswer when it is larger than LARGEST_ATTACHMENT."""
        ...

    async def mark_read(self, mail_ids: Collection[str]) -> None:
        """Take UNREAD from mails, those that are gone passed over; 5 units each, 50 for more than ten."""
        ...

    async def mark_unread(self, mail_ids: Collection[str]) -> None:
        """Put UNREAD back; as `mark_read`."""
        ...

    async def send_as(self) -> Sequence[SendAs]:
        """The addresses this user may write from, the default one first; 1 unit. NotPermitted where the grant does not show them."""
        ...

    async def draft(self, draft_id: str) -> MailHeaders:
        """What a draft answers: its headers In-Reply-To and References, and its thread; 20 units."""
        ...

    async def create_draft(self, draft: DraftMail) -> str:
        """Make a draft; its id. 10 units. Raises BadRequest for a subject or address that can stand in no header."""
        ...

    async def update_draft(self, draft_id: str, draft: DraftMail) -> None:
        """Write a draft anew; 15 units. One that was sent or thrown away is NotFound; BadRequest as in `create_draft`."""
        ...

    async def send_draft(self, draft_id: str) -> str:
        """Send a draft; the id of the mail sent. One that was sent already is NotFound, so it is never sent twice. 100 units."""
        ...

    async def delete_draft(self, draft_id: str) -> None:
        """Throw a draft away; one that is gone is no error. 10 units."""
        ...
