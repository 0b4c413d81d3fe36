"""What the core asks of Gmail: the headers of a mail, never its text, and two protocols: the open mail, and a whole mailbox."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

NAME = "Gmail"
"""How Gmail is called in errors and cards."""

INBOX = "INBOX"
UNTOUCHED = frozenset({"SPAM", "TRASH", "DRAFT", "CHAT", "SENT"})
"""System labels of mail that the job never touches (https://developers.google.com/workspace/gmail/api/guides/labels)."""

PEOPLE_HEADERS = (
    "From",
    "Reply-To",
    "To",
    "Cc",
    "X-Original-From",
    "X-Original-Sender",
    "List-Id",
    "List-Post",
    "Delivered-To",
    "Auto-Submitted",
    "Precedence",
)
"""The headers that tell who a mail is about. Nothing else of an open mail is read."""

SENDER_HEADERS = ("From", "X-Original-From")
"""The headers that tell whose mail it is, for the job."""


@dataclass(frozen=True, slots=True)
class MailHeaders:
    """Some headers of one mail. `mail_id` is Gmail's hexadecimal id, `received_at` its internalDate (UTC)."""

    mail_id: str
    thread_id: str
    received_at: datetime
    label_ids: frozenset[str]
    headers: tuple[tuple[str, str], ...] = field(repr=False)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in order; its name is compared without case."""
        return tuple(value for key, value in self.headers if key.lower() == name.lower())

    def first(self, name: str) -> str:
        """The first value of a header, or ""."""
        return next(iter(self.all(name)), "")


@dataclass(frozen=True, slots=True)
class OpenMailTokens:
    """The two tokens of an add-on event that together open one message."""

    user: str = field(repr=False)
    message: str = field(repr=False)


class MailReader(Protocol):
    """Reads single mails for the sidebar, over plain HTTP.

    Raises NotAuthorised, NotPermitted, RateLimited, Unavailable, BadAnswer.
    """

    async def open_mail(self, message_id: str, tokens: OpenMailTokens) -> MailHeaders:
        """The PEOPLE_HEADERS of the mail open in Gmail now; 20 units.

        `message_id` is as the event has it: "msg-f:<decimal>", hexadecimal, or one that Gmail alone can know ("msg-a:r-<decimal>").
        Raises also NotFound, and BadRequest for what can be no id.
        """
        ...

    async def mails(self, gmail_token: str, mail_ids: Sequence[str], names: Sequence[str]) -> Sequence[MailHeaders]:
        """The named headers of mails in a connected mailbox (`gmail_token`: its refresh token), mail that is gone left out.

        For a handful of mails: one request each, a few at once; 20 units each.
        """
        ...


@dataclass(frozen=True, slots=True)
class Label:
    """A Gmail label; system labels' ids are their names."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that came since the cursor, as the history tells it.

    `history_id` is that of the record that told of it: a cursor put there has this mail behind it.
    `labelled` are the labels added to it since it came, by anybody.
    """

    mail_id: str
    history_id: str
    labelled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class History:
    """Arrivals in the order they came, and the history id up to which this tells everything."""

    arrivals: tuple[Arrival, ...]
    history_id: str


@dataclass(frozen=True, slots=True)
class MailboxProfile:
    """Whose mailbox it is, and its newest history id."""

    address: str
    history_id: str


class Gmail(Protocol):
    """One connected Gmail mailbox, through its own credential.

    Every call may raise NotAuthorised, NotPermitted, RateLimited, Unavailable, BadAnswer.
    Quota units are Google's (https://developers.google.com/workspace/gmail/api/reference/quota).
    """

    @property
    def units(self) -> int:
        """Quota units spent through this object so far."""
        ...

    async def profile(self) -> MailboxProfile:
        """1 unit."""
        ...

    async def own_addresses(self) -> tuple[str, ...]:
        """All addresses this user may send as; 1 unit."""
        ...

    async def history(self, since: str, most: int) -> History:
        """Mail that came after history id `since`: at least the first `most` arrivals, if there are as many; 2 units a page.

        Raises CursorExpired when Gmail has forgotten that far back.
        """
        ...

    async def mails_after(self, after: datetime) -> tuple[str, ...]:
        """Ids of mail received at or after a moment (to the second), oldest first, no spam or trash; 5 units a page of 500."""
        ...

    async def headers(self, mail_ids: Sequence[str], names: Sequence[str]) -> Sequence[MailHeaders]:
        """The named headers of each mail, in batches; mail that is gone since is left out. 20 units a mail."""
        ...

    async def labels(self) -> Sequence[Label]:
        """1 unit."""
        ...

    async def create_label(self, name: str) -> Label:
        """5 units. One of the same name (without case) that is there already is the answer, not an error."""
        ...

    async def move(self, mail_ids: Collection[str], add: str, remove: str) -> None:
        """Add one label and remove another, by their ids; mail that is gone since is passed over.

        5 units a mail up to 10 mails, from 11 on 50 units for each 1,000.
        """
        ...
