"""What the core asks to be kept: policy, mailboxes with how far each is done, three facts of each customer's mail; the protocol `Store`."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol
from zlib import crc32

from mailmagnet.categories import Category
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.templates import Template


class Sharing(StrEnum):
    """Who may read mail with contacts: the owner; colleagues, for contacts the owner chose; all with access to the contact."""

    PRIVATE = "private"
    CUSTOM = "custom"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a new mailbox begins with, as the admin has set it; its user may change all of it but what the policy fixes."""

    mailmagnet: bool = False
    labelling: bool = False
    backfill_days: int = 30
    sharing: Sharing = Sharing.PRIVATE


@dataclass(frozen=True, slots=True)
class TakeBack:
    """That an admin wants back what runs have moved since a moment; asked for at `asked`."""

    asked: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What came of it in one mailbox: so many mails were put back, or `problem` says in a word of ours why not."""

    asked: datetime
    mails: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the admin fixed for the organisation. `sharing` None is the user's choice; `excluded` are addresses and domains,
    `retention_days` None is as the deployment has it.

    `templates` are for users whose CRM has none. `crm` None is the deployment's own choice. `defaults` are by the id of the CRM's profile
    that a user has, those of "" for all others. Since `paused_since` nobody's mail is looked at by the job; None: it runs.
    `take_back` is the last taking back that was asked for. Since `leaving_since` the organisation is leaving, and all that is kept of it
    is being deleted.
    """

    sharing: Sharing | None = None
    excluded: frozenset[str] = frozenset()
    retention_days: int | None = None
    templates: tuple[Template, ...] = ()
    crm: CrmChoice | None = None
    defaults: Mapping[str, Defaults] = field(default_factory=dict)
    paused_since: datetime | None = None
    take_back: TakeBack | None = None
    leaving_since: datetime | None = None

    def defaults_for(self, profile: str) -> Defaults | None:
        """What a user with this profile in the CRM begins with; None where the admin has set nothing."""
        return self.defaults.get(profile, self.defaults.get(""))


class Notify(StrEnum):
    """When a user is told of customers' new mail outside Gmail."""

    NEVER = "never"
    AT_ONCE = "at_once"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Notice:
    """How a user wants to be told. The hours are in `time_zone` (IANA): a daily notice comes at `daily_at`; between `quiet_from` and
    `quiet_until` none comes, which may be over midnight, and where both are the same there are no quiet hours."""

    notify: Notify = Notify.NEVER
    time_zone: str = "UTC"
    daily_at: time = time(8)
    quiet_from: time = time(20)
    quiet_until: time = time(7)


class SetUpBy(StrEnum):
    """Who has set a mailbox up."""

    USER = "user"
    """Its user, who has saved the set-up: from then on nothing of it is the admin's."""
    ADMIN = "admin"
    """The organisation's defaults were put in place for a user who has not saved anything since."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a user has chosen, apart from the two switches. The contacts are ids of the CRM, the mails Gmail's.

    `shared_contacts` count where sharing is custom; what is kept back is shared with nobody, whatever else is chosen or fixed.
    `sharing_ended` counts contacts that were shared until they were merged or gone in the CRM, and that the user has not seen of yet.
    `set_up_by` None: nobody has set this mailbox up yet.
    """

    sharing: Sharing = Sharing.PRIVATE
    shared_contacts: frozenset[str] = frozenset()
    contacts_kept_back: frozenset[str] = frozenset()
    mails_kept_back: frozenset[str] = frozenset()
    backfill_days: int = 30
    notice: Notice = Notice()
    sharing_ended: int = 0
    set_up_by: SetUpBy | None = None


class ParkedFor(StrEnum):
    """Why nothing is done for a mailbox any more, until it is forgotten or its user comes back."""

    GONE = "gone"
    """Google knows its user no more: suspended or deleted."""
    NOT_OPENED = "not_opened"
    """Its user has opened nothing for long, and the admin was told."""


@dataclass(frozen=True, slots=True)
class Parked:
    """Since when a mailbox is parked, and why."""

    since: datetime
    why: ParkedFor


@dataclass(frozen=True, slots=True)
class Presence:
    """What is known of a mailbox's user without reading any mail.

    `crm_user` is the CRM's id of the user, "" before the sign-in. `opened_at` is when the panel was opened last, to the day.

    `noticed` counts customers' mail not told of yet, by category, "none" where it has none. `noticed_at` is when the first of it was
    counted, or when the last notice was begun: from then on nothing is counted any more, before the notice is sent, so that none comes
    twice. `admin_told_at` is when the admin was told that nothing was opened. `leaving_since` is set first of all when the user leaves:
    whatever fails, the rest is done later.
    """

    crm_user: str = ""
    opened_at: datetime | None = None
    noticed: Mapping[str, int] = field(default_factory=dict)
    noticed_at: datetime | None = None
    admin_told_at: datetime | None = None
    parked: Parked | None = None
    leaving_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """How much mail of the last `days` would be sorted: counts alone. `looked_at` of `mails` were looked at until `at`."""

    at: datetime
    days: int
    mails: int
    looked_at: int
    sorted: Mapping[Category, int] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether all of it was looked at."""
        return self.looked_at >= self.mails


@dataclass(frozen=True, slots=True)
class MailReading:
    """That a colleague read an owner's mail: ids alone. `reader` and `owner` are users' verified ids, `contact` the CRM's id."""

    reader: str
    owner: str
    mail_id: str
    contact: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """Mail still to be listed, the newest first: received at or after `after` and before `before` (None: up to now), to the second."""

    after: datetime
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """That runs moved so many mails, the first at `at`, the last at `until`; `cursor` is the Gmail history id just before the first."""

    at: datetime
    until: datetime
    cursor: str
    mails: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a mailbox is done; docs/label-mail.md tells its states.

    `cursor` is the Gmail history id up to which all mail is known. `moving` are ids of mail that is decided and perhaps not moved
    yet: an unfinished run's. `waiting` are ids of mail that came and is not looked at yet, the newest first; `failed` counts the
    runs in which one of these or of `moving` could not be read or moved. `backlog` is what has not even been listed. `moved` tells from
    where in Gmail's history the last runs can be taken back, the oldest first.
    """

    cursor: str
    moving: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    failed: Mapping[str, int] = field(default_factory=dict)
    backlog: Backlog | None = None
    moved: tuple[Moved, ...] = ()


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
    last day on which any were sorted, up to this run, None before the first. `sparing`: the CRM had few calls left for the day, so the
    next run comes later. A mailbox just connected or switched on has one with nothing in it, at that moment: a full resync never goes
    further back.
    """

    at: datetime
    looked_at: int = 0
    sorted: Mapping[Category, int] = field(default_factory=dict)
    remaining: int = 0
    passed_over: Mapping[str, int] = field(default_factory=dict)
    spent: tuple[tuple[datetime, int], ...] = ()
    day: DayCounts | None = None
    tick: datetime | None = None
    sparing: bool = False

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
    DELEGATION = "delegation"
    """The organisation's admin lets MailMagnet into the mailboxes of all, and Google refuses it in this one."""
    CRM_SIGN_IN = "crm_sign_in"
    """The CRM knows no connection of this user, or refuses it."""
    CRM_PERMISSION = "crm_permission"
    """The CRM knows the user, and the user's profile may not do this."""
    CRM_LIST = "crm_list"
    """The CRM has no such permission, and no admin has let the user in."""
    CRM_DAY_LIMIT = "crm_day_limit"
    """The CRM has answered all the calls of the day that the organisation has there."""
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
    labels: Mapping[Category, str] = field(default_factory=dict)
    choices: Choices = Choices()
    presence: Presence = Presence()
    preview: Preview | None = None
    taken_back: TakenBack | None = None

    @property
    def mailmagnet(self) -> bool:
        """Whether new mail of customers is recorded."""
        return self.mailmagnet_since is not None

    @property
    def labelling(self) -> bool:
        """Whether it is also put under labels."""
        return self.labelling_since is not None

    @property
    def is_set_up(self) -> bool:
        """Whether somebody has set it up, or something of it was chosen: then the admin's defaults are not for it any more."""
        return self.mailmagnet or self.choices != Choices()

    @property
    def needs_consent(self) -> bool:
        """Whether nothing is tried until Gmail's consent is given anew."""
        return self.trouble is not None and self.trouble.reason is Reason.CONSENT

    def due_since(self, now: datetime, every: timedelta) -> datetime | None:
        """The scheduled moment that a run is due for, or None when none is.

        Slots of length `every` follow each other without regard to how long runs take, so there are as many runs as slots. Each
        mailbox's slots begin at a moment of their own, so that not all come at once. Mail left over is due each minute; a mailbox
        in trouble is due when it is to be tried again. While the CRM's calls are spared, slots are SPARING times as long, and mail left
        over waits for them.
        """
        if not self.mailmagnet or self.presence.parked or self.presence.leaving_since:
            return None
        if self.trouble:
            return _to_be_tried_since(self.trouble.again_at, now)
        sparing = self.last_run.sparing
        length = every * SPARING if sparing else every
        if self._slot_of(self.last_run.tick or self.last_run.at, length) != (slot := self._slot_of(now, length)):
            return slot
        return now.replace(second=0, microsecond=0) if self.last_run.remaining and not sparing else None

    def _slot_of(self, moment: datetime, every: timedelta) -> datetime:
        """When the slot began that a moment lies in, ticks that come some seconds early or late counted to the full minute."""
        minute = (moment + timedelta(seconds=30)).replace(second=0, microsecond=0)
        shift = timedelta(minutes=crc32(self.user.encode()) % (every // timedelta(minutes=1)))
        return minute - (minute - shift - _EPOCH) % every


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SPARING = 6
"""So many times as far apart do runs come while the CRM has few calls left for the day: one an hour in place of six."""

LONGEST_WAIT_IN_TROUBLE = timedelta(days=1)
"""A mailbox in trouble is tried again after a day at the latest."""


def _to_be_tried_since(again_at: datetime | None, now: datetime) -> datetime | None:
    """A moment much further away than any wait was set by a clock that has gone back since: then it is due now."""
    if again_at is not None and again_at > now + 2 * LONGEST_WAIT_IN_TROUBLE:
        return now.replace(second=0, microsecond=0)
    return again_at if again_at is not None and again_at <= now else None


NOBODY = ""
"""Stands in a mail record for a From address that was removed on request."""


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
        """Keep it, what is excluded written as `mailmagnet.addresses.exclusion` does; of the default one nothing is kept.

        Raises BadRequest for what it refuses.
        """
        ...

    async def change_policy(self, org: str, change: Callable[[Policy], Policy]) -> Policy:
        """Keep what `change` makes of the policy as it is now, as `set_policy` does; what it is then. `change` may be called more than
        once: two admins' changes of different parts are both kept."""
        ...

    async def mailbox(self, org: str, user: str) -> Mailbox | None: ...

    async def mailboxes(self, org: str) -> Sequence[Mailbox]:
        """All of the org's, by user."""
        ...

    async def mailboxes_by_user(self, org: str, after: str, most: int) -> Sequence[Mailbox]:
        """The same, a page at a time: those whose user comes after this one, "" for the first ones."""
        ...

    async def mailboxes_in_trouble(self, org: str, after: tuple[datetime, str] | None, most: int) -> Sequence[Mailbox]:
        """A page of those with a `Mailbox.trouble`, the longest in trouble first, then by user: those that come after one that had been in
        trouble since a moment, and its user; None for the first ones."""
        ...

    async def mailboxes_of(self, org: str, crm_users: Collection[str]) -> Sequence[Mailbox]:
        """Those whose users are signed in to the CRM as one of these (`Presence.crm_user`), by user."""
        ...

    async def mailboxes_at(self, org: str, addresses: Collection[str]) -> Sequence[Mailbox]:
        """Those that have one of these very addresses, by user."""
        ...

    async def leaving_mailboxes(self, org: str) -> Sequence[Mailbox]:
        """Those whose users have begun to leave, by user."""
        ...

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
        choices: Choices | None = None,
    ) -> None:
        """Keep both switches and what they begin with, all in one write, under a lease; trouble is over. Raises LeaseLost.

        `choices` None leaves them as they are.
        """
        ...

    async def switch_off(self, org: str, user: str, choices: Choices | None = None) -> None:
        """Turn both switches off: progress, preview and trouble are forgotten, a run under way loses its lease, records are deleted.

        `choices` are kept in the same write; None leaves them as they are. Without effect when there is no such mailbox.
        """
        ...

    async def change_choices(self, org: str, user: str, change: Callable[[Choices], Choices]) -> Choices:
        """Keep what `change` makes of the choices as they are now; what they are then. `change` may be called more than once.

        Raises NotFound without a mailbox.
        """
        ...

    async def change_presence(self, org: str, user: str, change: Callable[[Presence], Presence]) -> Presence:
        """The same with the presence."""
        ...

    async def save_taken_back(self, org: str, user: str, taken_back: TakenBack) -> None:
        """Keep what came of taking back a mailbox's last runs. Without effect when there is no such mailbox."""
        ...

    async def save_preview(self, org: str, user: str, preview: Preview | None) -> None:
        """Keep a preview in place of an earlier one, None for none. Without effect when there is no such mailbox."""
        ...

    async def use_once(self, org: str, name: str, until: datetime, now: datetime) -> bool:
        """Whether this is the first use of a name (a sign-in's state) that is good until then; those that are over are forgotten."""
        ...

    async def end_use(self, org: str, name: str, until: datetime) -> None:
        """End the use of a name that was to be good until then, so that it can be used again. Without effect on another's use of it."""
        ...

    async def forget_used(self, org: str) -> None:
        """Forget every name that was used, also those that are not over: for an org in which nobody is left."""
        ...

    async def keep_reading(self, org: str, reading: MailReading) -> None:
        """Keep that a colleague read an owner's mail."""
        ...

    async def readings(self, org: str, owner: str, most: int) -> Sequence[MailReading]:
        """Who read an owner's mail, newest first."""
        ...

    async def readings_by(self, org: str, reader: str, most: int) -> Sequence[MailReading]:
        """Which colleagues' mail a user read, newest first."""
        ...

    async def delete_readings_before(self, org: str, moment: datetime) -> int:
        """Delete what is older than a moment; the number deleted."""
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

    async def mails(self, org: str, user: str, after: MailRecord | None, most: int) -> Sequence[MailRecord]:
        """The same, a page at a time: those that come after a record, which may be deleted meanwhile; None for the first ones."""
        ...

    async def mails_from(self, org: str, address: str, most: int) -> Sequence[tuple[str, MailRecord]]:
        """Who in this org received mail from this address: (user, record), newest first."""
        ...

    async def delete_mails_before(self, org: str, moment: datetime) -> int:
        """Delete records of mail received before a moment; the number deleted."""
        ...

    async def forget_address(self, org: str, address: str) -> int:
        """Put NOBODY in place of this very address in the records of every mailbox of the org; the number of records.

        The records stay until they are too old: without them a run would decide, and move, the mail once more.
        """
        ...

    async def forget_decisions(self, lease: Lease, since: datetime) -> int:
        """Delete the mailbox's records of mail received at or after a moment; their number. Raises LeaseLost."""
        ...

    async def count_mails(self, org: str, user: str) -> tuple[int, datetime | None, datetime | None]:
        """How many records a mailbox has, and when the mail of the oldest and of the newest was received."""
        ...

    async def delete_mailbox(self, org: str, user: str) -> int:
        """Delete a mailbox, all its records, and who read its mail; the number of records deleted. Without effect when there is none."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...


READ_AT_ONCE = 100
"""Mailboxes on one page, where all of an org's are read."""


async def every_mailbox(org: str, store: Store) -> AsyncIterator[Mailbox]:
    """All of an org's, by user, read page by page. Raises what the store raises."""
    after = ""
    while page := await store.mailboxes_by_user(org, after, READ_AT_ONCE):
        for mailbox in page:
            yield mailbox
        after = page[-1].user
