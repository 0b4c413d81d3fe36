"""What the core asks to be kept: policy, mailboxes, and three facts of each customer's mail; the protocol `Store`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from mailmagnet.categories import Category


class Sharing(StrEnum):
    """Who may read mail with contacts: the owner; colleagues, for contacts the owner chose; all with access to the contact."""

    PRIVATE = "private"
    CUSTOM = "custom"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the admin fixed for the organisation. `sharing` None is the user's choice; `excluded` are addresses and domains."""

    sharing: Sharing | None = None
    excluded: frozenset[str] = frozenset()
    retention_days: int = 365


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a mailbox is done: the history id, and while a full resync is under way, the moment up to which mail is done."""

    history_id: str
    resync_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class DayCounts:
    """How many mails were sorted under each label on one day.

    The day is that of the CRM organisation's time zone, as the month that decides is: a run knows of no reader.
    """

    day: date
    sorted: Mapping[Category, int]


@dataclass(frozen=True, slots=True)
class RunCounts:
    """What the last labelling run did: mails looked at, sorted under each label, and left for the next run.

    `day` is the last day on which any were sorted, up to this run, None before the first.
    A mailbox just connected has one with nothing in it, at the moment of connecting: a full resync never goes further back.
    """

    at: datetime
    looked_at: int = 0
    sorted: Mapping[Category, int] = field(default_factory=dict)
    remaining: int = 0
    day: DayCounts | None = None

    @property
    def first_is_to_come(self) -> bool:
        """Whether there has been no run since the mailbox was connected: a run names every label, also with nothing under it."""
        return not self.sorted


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One connected Gmail user. `org` and `user` are verified ids; `labels` holds our labels' Gmail ids by category."""

    org: str
    user: str
    address: str
    cursor: Cursor
    last_run: RunCounts
    mailmagnet: bool = True
    labelling: bool = True
    needs_consent: bool = False
    sharing: Sharing = Sharing.PRIVATE
    shared_contacts: frozenset[str] = frozenset()
    labels: Mapping[Category, str] = field(default_factory=dict)

    def is_due(self, now: datetime, every: timedelta) -> bool:
        """Whether it is to be sorted now: consented, not sorted since `every` ago, or with mail left over.

        A last run that is still to come was told by a clock that has gone back since: then it is due, not left until that moment.
        """
        ran_lately = now - every <= self.last_run.at <= now
        return self.labelling and not self.needs_consent and (not ran_lately or self.last_run.remaining > 0)


@dataclass(frozen=True, slots=True)
class MailRecord:
    """The three facts, and all that is kept of a mail."""

    mail_id: str
    from_address: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may work on a mailbox now. `fence` grows by one with each lease taken: a write with an older one is refused."""

    org: str
    user: str
    fence: int
    until: datetime


def keeps_others_out(leased_until: datetime | None, now: datetime, seconds: float) -> bool:
    """Whether a mailbox leased until then may not be leased now, for so many seconds.

    A lease that ends much later than one taken now would was taken by a clock that has gone back since: nobody works under it.
    """
    return leased_until is not None and now < leased_until <= now + timedelta(seconds=2 * seconds)


class Store(Protocol):
    """What is kept. Every path begins with the org, and no query crosses it.

    All moments are aware UTC datetimes, and `now` comes from the caller. Every call may raise Unavailable.
    """

    async def orgs(self) -> Sequence[str]:
        """Every org that has a policy or a mailbox."""
        ...

    async def policy(self, org: str) -> Policy:
        """The org's policy; the default one when the admin has fixed nothing."""
        ...

    async def set_policy(self, org: str, policy: Policy) -> None: ...

    async def mailbox(self, org: str, user: str) -> Mailbox | None: ...

    async def connect(self, mailbox: Mailbox) -> None:
        """Keep a mailbox. One that is there already keeps its cursor, labels, last run, sharing and lease; consent is renewed."""
        ...

    async def due_mailboxes(self, org: str, now: datetime, every: timedelta) -> Sequence[Mailbox]:
        """Those that `Mailbox.is_due`."""
        ...

    async def switch(self, org: str, user: str, *, mailmagnet: bool, labelling: bool) -> None:
        """Turn MailMagnet and labelling on or off. MailMagnet off turns labelling off and deletes the mailbox's mail records.

        Raises NotFound when there is no such mailbox.
        """
        ...

    async def take_lease(self, org: str, user: str, now: datetime, seconds: float) -> Lease:
        """Take the mailbox for a while. Raises LeaseTaken while another's `keeps_others_out`, NotFound without a mailbox."""
        ...

    async def release_lease(self, lease: Lease) -> None:
        """Give the mailbox back; without effect when it is another's by now."""
        ...

    async def known_mails(self, org: str, user: str, mail_ids: Collection[str]) -> frozenset[str]:
        """Which of these mails have a record in this mailbox."""
        ...

    async def add_mail_records(self, lease: Lease, records: Sequence[MailRecord]) -> None:
        """Keep records under a lease; one that is there already stays as it is. Raises LeaseLost, and then writes none after."""
        ...

    async def save_run(self, lease: Lease, cursor: Cursor, labels: Mapping[Category, str], counts: RunCounts) -> None:
        """Keep what a run ends with, under its lease. Raises LeaseLost."""
        ...

    async def mark_needs_consent(self, org: str, user: str) -> None:
        """The credential was refused: the mailbox is not due again until it is connected anew."""
        ...

    async def latest_mails(self, org: str, user: str, most: int) -> Sequence[MailRecord]:
        """A mailbox's records, newest first."""
        ...

    async def mails_from(self, org: str, address: str, most: int) -> Sequence[tuple[str, MailRecord]]:
        """Who in this org received mail from this address: (user, record), newest first."""
        ...

    async def delete_mails_before(self, org: str, moment: datetime) -> int:
        """Delete records of mail received before a moment; the number deleted."""
        ...

    async def delete_mailbox(self, org: str, user: str) -> int:
        """Delete a mailbox and all its records; the number of records deleted. Without effect when there is none."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...
