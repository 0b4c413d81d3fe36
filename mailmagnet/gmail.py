"""What the core asks of Gmail: the headers of a mail, never its text, and two protocols: the open mail, and a whole mailbox."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mailmagnet.errors import Service, Side, Upstream

GMAIL = Service(Side.GMAIL, "Gmail")

INBOX = "INBOX"
UNREAD = "UNREAD"
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
    """Reads the mail that is open in Gmail, over plain HTTP.

    Raises NotAuthorised, NotPermitted, RateLimited, Unavailable, BadAnswer.
    """

    async def open_mail(self, message_id: str, tokens: OpenMailTokens, names: Sequence[str] = PEOPLE_HEADERS) -> MailHeaders:
        """Some headers of the mail open in Gmail now; 20 units.

        `message_id` is as the event has it: "msg-f:<decimal>", hexadecimal, or one that Gmail alone can know ("msg-a:r-<decimal>").
        Raises also NotFound, and BadRequest for what can be no id.
        """
        ...


@dataclass(frozen=True, slots=True)
class Label:
    """A Gmail label; system labels' ids are their names."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class LabelChanges:
    """The labels that were added to one mail and removed from it, by anybody."""

    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class History:
    """What happened since a history id, up to `history_id`: mail that came, newest first, and label changes by mail id."""

    arrivals: tuple[str, ...]
    changes: Mapping[str, LabelChanges]
    history_id: str


@dataclass(frozen=True, slots=True)
class HeadersRead:
    """The headers of the mails that could be read, and why the others could not, by mail id; mail that is gone is in neither."""

    mails: tuple[MailHeaders, ...]
    unread: Mapping[str, Upstream]


@dataclass(frozen=True, slots=True)
class Listed:
    """Mail ids, newest first, and whether there are more that are older."""

    mail_ids: tuple[str, ...]
    more: bool


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
        """What happened after history id `since`; 2 units a page.

        Raises CursorExpired when Gmail has forgotten that far back, or when more than about `most` mails came since.
        """
        ...

    async def mails_between(self, after: datetime, before: datetime | None, most: int) -> Listed:
        """Mail received at or after `after` and before `before` (None: up to now), to the second; no spam or trash.

        Newest first, at least `most` if there are as many; 5 units a page of 500.
        """
        ...

    async def headers(self, mail_ids: Sequence[str], names: Sequence[str]) -> HeadersRead:
        """The named headers of each mail, in batches. 20 units a mail.

        What fails for one mail alone, after some tries, is told and not raised.
        """
        ...

    async def mails_under(self, label_ids: Collection[str]) -> frozenset[str]:
        """The ids of all mail that bears every one of these labels, which have to be there; no spam or trash. 5 units a page of 500."""
        ...

    async def labels(self) -> Sequence[Label]:
        """1 unit."""
        ...

    async def create_label(self, name: str) -> Label | None:
        """5 units. None when Gmail has a label of this name (compared in its own way), or none can have it."""
        ...

    async def move(self, mail_ids: Collection[str], add: str, remove: str) -> Mapping[str, Upstream]:
        """Add one label, "" for none, and remove another, by their ids; mail that is gone since is passed over.

        5 units a mail up to 10 mails, from 11 on 50 units for each 1,000. What fails for one mail alone, after some tries, is told
        and not raised; it may have been done all the same. Raises NotFound when it is the label that is gone.
        """
        ...
