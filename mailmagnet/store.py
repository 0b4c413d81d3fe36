"""What the core asks to be kept: policy, mailboxes with how far each is done, three facts of each customer's mail; the protocol `Store`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from zlib import crc32

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
class Backlog:
    """Mail still to be listed, the newest first: received at or after `after` and before `before` (None: up to now), to the second."""

    after: datetime
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a mailbox is done; docs/label-mail.md tells its states.

    `cursor` is the Gmail history id up to which all mail is known. `moving` are ids of mail that is decided and perhaps not moved
    yet: an unfinished run's. `waiting` are ids of mail that came and is not looked at yet, the newest first; `failed` counts the
    runs in which one of these or of `moving` could not be read or moved. `backlog` is what has not even been listed.
    """

    cursor: str
    moving: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    failed: Mapping[str, int] = field(default_factory=dict)
    backlog: Backlog | None = None


@dataclass(frozen=True, slots=True)
class DayCounts:
    """How many mails were sorted under each label on one day.

    The day is that of the CRM organisation's time zone, as the month that decides is: a run knows of no reader.
    """

    day: date
    sorted: Mapping[Category, int]


@dataclass(frozen=True, slots=True)
class RunCounts:
    """What the last run did: mails looked at, sorted under each label, left for the next run, and passed over, by reason.

    `tick` is the tick that the run was due at, None when it was asked for by hand: slots are counted by ticks, however late a run
    begins. `spent` are the Gmail quota units of this run and of those in the minute before it, each with its moment. `day` is the
    last day on which any were sorted, up to this run, None before the first. A mailbox just connected or switched on has one with
    nothing in it, at that moment: a full resync never goes further back.
    """

    at: datetime
    looked_at: int = 0
    sorted: Mapping[Category, int] = field(default_factory=dict)
    remaining: int = 0
    passed_over: Mapping[str, int] = field(default_factory=dict)
    spent: tuple[tuple[datetime, int], ...] = ()
    day: DayCounts | None = None
    tick: datetime | None = None

    @property
    def first_is_to_come(self) -> bool:
        """Whether there has been no run since the switch-on: a run names every label, also with nothing under it."""
        return not self.sorted


class Reason(StrEnum):
    """Why a mailbox is not sorted."""

    CONSENT = "consent"
    """Gmail's consent is missing, expired or revoked."""
    GMAIL_REFUSES = "gmail_refuses"
    """Gmail knows the user and forbids it: the domain's policy, most often."""
    CRM_SIGN_IN = "crm_sign_in"
    """The CRM knows no connection of this user, or refuses it."""
    CRM_PERMISSION = "crm_permission"
    """The CRM knows the user, and the user's profile may not do this."""
    FAILING = "failing"
    """Something is down, slow or wrong."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a mailbox's runs fail. `who` did not do what was needed; `failures` are the runs in a row, the first at `since`.

    It is tried again at `again_at`, None: not before its user has acted.
    """

    reason: Reason
    who: str
    since: datetime
    failures: int
    again_at: datetime | None


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One connected Gmail user. `org` and `user` are verified ids; `labels` holds our labels' Gmail ids by category.

    MailMagnet and labelling are on since a moment, or off (None); mail received before that moment is not theirs. `progress` is
    None while MailMagnet is off.
    """

    org: str
    user: str
    address: str
    last_run: RunCounts
    mailmagnet_since: datetime | None = None
    labelling_since: datetime | None = None
    progress: Progress | None = None
    trouble: Trouble | None = None
    sharing: Sharing = Sharing.PRIVATE
    shared_contacts: frozenset[str] = frozenset()
    labels: Mapping[Category, str] = field(default_factory=dict)

    @property
    def mailmagnet(self) -> bool:
        """Whether new mail of customers is recorded."""
        return self.mailmagnet_since is not None

    @property
    def labelling(self) -> bool:
        """Whether it is also put under labels."""
        return self.labelling_since is not None

    @property
    def needs_consent(self) -> bool:
        """Whether nothing is tried until Gmail's consent is given anew."""
        return self.trouble is not None and self.trouble.reason is Reason.CONSENT

    def due_since(self, now: datetime, every: timedelta) -> datetime | None:
        """The scheduled moment that a run is due for, or None when none is.

        Slots of length `every` follow each other without regard to how long runs take, so there are as many runs as slots. Each
        mailbox's slots begin at a moment of their own, so that not all come at once. Mail left over is due each minute; a mailbox
        in trouble is due when it is to be tried again.
        """
        if not self.mailmagnet:
            return None
        if self.trouble:
            return _to_be_tried_since(self.trouble.again_at, now)
        if self._slot_of(self.last_run.tick or self.last_run.at, every) != (slot := self._slot_of(now, every)):
            return slot
        return now.replace(second=0, microsecond=0) if self.last_run.remaining else None

    def _slot_of(self, moment: datetime, every: timedelta) -> datetime:
        """When the slot began that a moment lies in, ticks that come some seconds early or late counted to the full minute."""
        minute = (moment + timedelta(seconds=30)).replace(second=0, microsecond=0)
        shift = timedelta(minutes=crc32(self.user.encode()) % (every // timedelta(minutes=1)))
        return minute - (minute - shift - _EPOCH) % every


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LONGEST_WAIT_IN_TROUBLE = timedelta(days=1)
"""A mailbox in trouble is tried again after a day at the latest."""


def _to_be_tried_since(again_at: datetime | None, now: datetime) -> datetime | None:
    """A moment much further away than any wait was set by a clock that has gone back since: then it is due now."""
    if again_at is not None and again_at > now + 2 * LONGEST_WAIT_IN_TROUBLE:
        return now.replace(second=0, microsecond=0)
    return again_at if again_at is not None and again_at <= now else None


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


MOST_RECORDS = 400
"""How many mail records one `save_run` takes: Firestore commits are held to 500 writes."""


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

    async def set_policy(self, org: str, policy: Policy) -> None:
        """Keep it, what is excluded written as `mailmagnet.addresses.exclusion` does. Raises BadRequest for what it refuses."""
        ...

    async def mailbox(self, org: str, user: str) -> Mailbox | None: ...

    async def connect(self, org: str, user: str, address: str, now: datetime) -> None:
        """Keep a mailbox, both switches off. One that is there already keeps all it has but its trouble: consent is renewed."""
        ...

    async def due_mailboxes(self, org: str, now: datetime, every: timedelta) -> Sequence[Mailbox]:
        """Those with a `Mailbox.due_since`."""
        ...

    async def switch_on(
        self,
        lease: Lease,
        *,
        mailmagnet_since: datetime,
        labelling_since: datetime | None,
        progress: Progress,
        labels: Mapping[Category, str],
        last_run: RunCounts,
    ) -> None:
        """Keep both switches and what they begin with, all in one write, under a lease; trouble is over. Raises LeaseLost."""
        ...

    async def switch_off(self, org: str, user: str) -> None:
        """Turn both switches off: progress and trouble are forgotten, a run under way loses its lease, records are deleted.

        Without effect when there is no such mailbox.
        """
        ...

    async def take_lease(self, org: str, user: str, now: datetime, seconds: float, *, take_over: bool = False) -> Lease:
        """Take the mailbox for a while, `take_over` from whoever has it.

        Raises LeaseTaken while another's `keeps_others_out`, NotFound without a mailbox.
        """
        ...

    async def release_lease(self, lease: Lease) -> None:
        """Give the mailbox back; without effect when it is another's by now."""
        ...

    async def known_mails(self, org: str, user: str, mail_ids: Collection[str]) -> frozenset[str]:
        """Which of these mails have a record in this mailbox."""
        ...

    async def save_run(
        self,
        lease: Lease,
        progress: Progress,
        *,
        labels: Mapping[Category, str],
        records: Sequence[MailRecord] = (),
        counts: RunCounts | None = None,
    ) -> None:
        """Keep what a run has decided or done, all in one write, under its lease; MOST_RECORDS at most.

        A record that is there already stays as it is. `counts` are of a run that has ended well: trouble is over; None leaves both
        as they were. Raises LeaseLost, and then nothing is written.
        """
        ...

    async def save_trouble(self, lease: Lease, trouble: Trouble) -> None:
        """Keep why a run failed, under its lease. Raises LeaseLost."""
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

    async def forget_decisions(self, lease: Lease, since: datetime) -> int:
        """Delete the mailbox's records of mail received at or after a moment; their number. Raises LeaseLost."""
        ...

    async def delete_mailbox(self, org: str, user: str) -> int:
        """Delete a mailbox and all its records; the number of records deleted. Without effect when there is none."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...
