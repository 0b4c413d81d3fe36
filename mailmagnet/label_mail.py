"""The use case "label mail": one mailbox's run: lease -> history -> senders -> categories -> decisions -> labels -> cursor.

docs/label-mail.md tells the states that a mail goes through, and what each failure leaves.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial

from mailmagnet.calls import counted_calls
from mailmagnet.categories import Category
from mailmagnet.choose_crm import check_chosen
from mailmagnet.crm import Crm, CrmClient
from mailmagnet.decide_mail import Decided, Move, decide_mail
from mailmagnet.errors import (
    MAILMAGNET,
    CursorExpired,
    Forbidden,
    LeaseLost,
    MailboxFailed,
    MailMagnetError,
    NotAuthorised,
    NotFound,
    NotPermitted,
    Service,
    Side,
    TimedOut,
    Unavailable,
    Upstream,
    UserGone,
)
from mailmagnet.gmail import GMAIL, INBOX, SENDER_HEADERS, UNREAD, Gmail, LabelChanges, MailHeaders
from mailmagnet.labels import ensure_labels
from mailmagnet.moved_mail import noted
from mailmagnet.notify import NO_CATEGORY, is_due
from mailmagnet.parking import parked
from mailmagnet.parts import Parts
from mailmagnet.pause import check_not_paused
from mailmagnet.permission import check_permitted
from mailmagnet.pooled_senders import PooledSenders
from mailmagnet.store import Backlog, DayCounts, Lease, Mailbox, ParkedFor, Policy, Progress, RunCounts, Store
from mailmagnet.trouble import trouble_after
from mailmagnet.vault import Connection, gmail_connection

UNITS_A_MINUTE = 3_000
"""Of the 6,000 quota units a minute that Gmail grants a user, what all runs within one may spend; the rest is the sidebar's, always."""

UNITS_A_MAIL = 20
"""What reading one mail's headers costs (https://developers.google.com/workspace/gmail/api/reference/quota)."""

UNITS_BESIDE = 250
"""Kept in each run for history, labels and moves."""

MAILS_A_RUN = (UNITS_A_MINUTE - UNITS_BESIDE) // UNITS_A_MAIL
"""How many mails a run looks at."""

DRY_RUN_MAILS = 50
"""How many a dry run looks at: it may be asked for beside a run, and leaves the sidebar its share."""

MOST_WAITING = 10_000
"""How many mail ids wait with a mailbox at most; what is older is listed when these are done."""

RUNS_A_MAIL = 6
"""In how many runs a mail may fail before it is passed over: an hour's."""

LEASE_SECONDS = 300.0
"""How long a run may work on a mailbox: one whose process died is taken over after it."""

RUN_SECONDS = 240.0
"""When a run stops by itself, so that it ends while its lease lasts."""

MOVE_SECONDS = 60.0
"""The deadline of one move. None begins with less of the lease left: Gmail cannot refuse a worker whose lease is over."""

LEAST_SHARE_LEFT = 0.2
"""With less of the day's calls to the CRM left, the mailbox's next run comes later: the rest is the sidebar's."""

NEWS = timedelta(days=1)
"""How long before the last run a mail may have come and still be news: runs may have had more mail than they could look at."""

RESYNC_OVERLAP = timedelta(hours=1)
"""How much earlier than the last run a full resync begins: mail that Gmail was slow to deliver is not missed."""


@dataclass(frozen=True, slots=True)
class LabelRun:
    """What a run did, or (dry) would do. `remaining` mails are left for the next run; `units` are Gmail quota units.

    `passed_over` counts mails that failed in too many runs, by reason. `new` counts unread mail of customers that came just now, by
    category, "none" for none; `notice_due` is whether its user may have to be told of that, or of earlier mail.
    """

    moves: tuple[Move, ...]
    looked_at: int
    remaining: int
    units: int
    crm_calls: int
    passed_over: Mapping[str, int] = field(default_factory=dict)
    dry: bool = False
    new: Mapping[str, int] = field(default_factory=dict)
    notice_due: bool = False

    @property
    def sorted(self) -> Mapping[Category, int]:
        """How many mails went under each label, every label named."""
        counted = Counter(move.decision.category for move in self.moves)
        return {category: counted[category] for category in Category}


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: the mailbox as it was at its beginning, who it asks, and when it is."""

    mailbox: Mailbox
    connection: Connection
    policy: Policy
    gmail: Gmail
    crm: Crm
    store: Store
    now: datetime
    calls: Mapping[Service, int]
    client: CrmClient
    pool: PooledSenders | None = None

    @property
    def crm_calls(self) -> int:
        """The calls to the CRM that this run has cost up to now."""
        return sum(count for who, count in self.calls.items() if who.side is Side.CRM)

    @property
    def sparing(self) -> bool:
        """Whether few of the CRM's calls are left for the day, as it said last; where it has said nothing here, as it was before."""
        budget = self.client.budget(self.connection)
        return budget.share_left < LEAST_SHARE_LEFT if budget else self.mailbox.last_run.sparing


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a run begins with: how far the mailbox is, new mail among what waits, and the label changes since the cursor.

    `changes` is None when Gmail has forgotten them.
    """

    progress: Progress
    changes: Mapping[str, LabelChanges] | None


@dataclass(frozen=True, slots=True)
class _Batch:
    """The mails that a run looks at, and what is left when they are done."""

    mail_ids: tuple[str, ...]
    left: Progress


async def label_mail(
    org: str, user: str, parts: Parts, tick: datetime | None = None, pool: PooledSenders | None = None
) -> LabelRun:
    """Sort, or only record, the mail that came to one mailbox; `tick` is the tick that asks for it, None for a person.

    With a `pool` the CRM is asked together with other mailboxes' runs; whoever gave it tells it when this one is over.

    At most MAILS_A_RUN mails are looked at, the newest first; run again while `remaining` is not 0. Raises MailboxFailed when Gmail,
    the CRM or the vault fail: why is kept with the mailbox, and the next run makes it good. Raises LeaseTaken, LeaseLost, NotFound
    (no such mailbox), Forbidden (MailMagnet is off), Paused, and what the store raises. One that is paused in its middle has kept what it
    decided; what it has not moved, the first run after Resume moves.
    """
    lease = await parts.store.take_lease(org, user, parts.now(), LEASE_SECONDS)
    try:
        mailbox = await _switched_on(org, user, parts.store)
        try:
            async with asyncio.timeout(RUN_SECONDS):
                with counted_calls() as calls:
                    return await _sort(mailbox, lease, parts, tick, calls, pool)
        except TimeoutError:
            raise await _failed(mailbox, lease, TimedOut(MAILMAGNET, RUN_SECONDS), parts) from None
        except Upstream as error:
            raise await _failed(mailbox, lease, error, parts) from error
        except MailMagnetError:
            raise
        except Exception as error:
            # What nobody foresaw must not be tried each minute for ever either.
            raise await _failed(mailbox, lease, Unavailable(MAILMAGNET, type(error).__name__), parts) from error
    finally:
        await parts.store.release_lease(lease)


async def plan_labels(org: str, user: str, parts: Parts) -> LabelRun:
    """The dry run: what `label_mail` would do now with the newest DRY_RUN_MAILS, and why.

    Changes nothing and takes no lease; also while the organisation is paused, so that what Resume would do is seen first. Raises what
    Gmail, the CRM, the store and the vault raise, NotFound and Forbidden.
    """
    mailbox = await _switched_on(org, user, parts.store)
    with counted_calls() as calls:
        run = await _run_of(mailbox, await parts.store.policy(org), parts, calls)
        begun = await _begun(run)
        batch = await _next(begun.progress, DRY_RUN_MAILS, run)
        headers = await run.gmail.headers(batch.mail_ids, SENDER_HEADERS)
        plan = await _plan(headers.mails, begun, run)
    return LabelRun(plan.moves, len(batch.mail_ids), _remaining(batch.left), run.gmail.units, run.crm_calls, dry=True)


async def _switched_on(org: str, user: str, store: Store) -> Mailbox:
    mailbox = await store.mailbox(org, user)
    if not mailbox:
        raise NotFound(MAILMAGNET, "this mailbox is not connected")
    if not mailbox.mailmagnet or mailbox.presence.parked or mailbox.presence.leaving_since:
        raise Forbidden("MailMagnet is turned off for this mailbox, or its user is leaving or gone")
    return mailbox


async def _run_of(
    mailbox: Mailbox, policy: Policy, parts: Parts, calls: Mapping[Service, int], pool: PooledSenders | None = None
) -> _Run:
    connection = await gmail_connection(mailbox.org, mailbox.user, parts.vault)
    crm = parts.crm_of(connection)
    check_chosen(connection, policy, crm, parts)
    await _check_permitted(crm)
    client = parts.crm_client_of(policy.crm or parts.default_crm)
    of_this_crm = pool if pool and pool.asks(client) else None
    return _Run(
        mailbox, connection, policy, parts.gmail_of(connection), crm, parts.store, parts.now(), calls, client, of_this_crm
    )


async def _check_permitted(crm: Crm) -> None:
    """Raises NotPermitted or NotAuthorised where the CRM says so. One that is down is asked again when there is mail to look up."""
    try:
        await check_permitted(crm)
    except (NotAuthorised, NotPermitted):
        raise
    except Upstream:
        return


async def _failed(mailbox: Mailbox, lease: Lease, error: Upstream, parts: Parts) -> MailboxFailed:
    """Why the run failed, kept with the mailbox. One whose account is deleted is parked at once."""
    trouble = trouble_after(mailbox.trouble, error, parts.now())
    await parts.store.save_trouble(lease, trouble)
    if isinstance(error, UserGone):
        await parts.store.change_presence(mailbox.org, mailbox.user, partial(parked, why=ParkedFor.GONE, now=parts.now()))
    return MailboxFailed(trouble.reason, trouble.who, trouble.failures, str(error))


async def _sort(
    mailbox: Mailbox,
    lease: Lease,
    parts: Parts,
    tick: datetime | None,
    calls: Mapping[Service, int],
    pool: PooledSenders | None,
) -> LabelRun:
    """The run, top to bottom. Nothing is kept before all is decided; decisions are kept before anything is moved."""
    policy = await parts.store.policy(mailbox.org)
    check_not_paused(policy)
    run = await _run_of(mailbox, policy, parts, calls, pool)
    begun = await _begun(run)
    batch = await _next(begun.progress, _mails_now(mailbox, run.now), run)
    headers = await run.gmail.headers(batch.mail_ids, SENDER_HEADERS)
    plan = await _plan(headers.mails, begun, run)
    left, labels, undecided = _with_unread(batch, begun.progress, headers.unread), mailbox.labels, plan.records
    if plan.moves:
        labels = await ensure_labels(run.gmail, labels, {move.decision.category for move in plan.moves})
        left = replace(left, moved=noted(left.moved, run.now, left.cursor, len(plan.moves)))
        deciding = replace(left, moving=tuple(move.mail_id for move in plan.moves) + left.moving)
        await parts.store.save_run(lease, deciding, labels=labels, records=plan.records)
        undecided = ()
    unmoved = await _move(plan.moves, labels, lease, run.gmail, parts)
    left = replace(left, moving=tuple(unmoved) + left.moving)
    progress, passed_over = _without_hopeless(left, {**headers.unread, **unmoved})
    if len(headers.unread) > 1 and not headers.mails:
        # Not one of several could be read: that is Gmail's trouble, not the mails'.
        await parts.store.save_run(lease, progress, labels=labels)
        raise Unavailable(GMAIL, "no mail could be read")
    done = tuple(move for move in plan.moves if move.mail_id not in unmoved)
    new = _new(headers.mails, plan, begun, run)
    result = LabelRun(
        moves=done,
        looked_at=len(batch.mail_ids),
        remaining=_remaining(progress),
        units=run.gmail.units,
        crm_calls=run.crm_calls,
        passed_over=passed_over,
        new=new,
        notice_due=bool(new) or is_due(mailbox.choices.notice, mailbox.presence, run.now),
    )
    await parts.store.save_run(lease, progress, labels=labels, records=undecided, counts=_counts(result, plan, run, tick))
    return result


# What there is to look at


async def _begun(run: _Run) -> _Begun:
    """New mail put before what waits, and a backlog's next mails when nothing else waits."""
    progress = run.mailbox.progress
    if not progress:
        raise Forbidden("MailMagnet is turned off for this mailbox")
    changes: Mapping[str, LabelChanges] | None = None
    try:
        history = await run.gmail.history(progress.cursor, MOST_WAITING)
        progress, changes = replace(_with_new(progress, history.arrivals), cursor=history.history_id), history.changes
    except CursorExpired:
        progress = await _resynced(progress, run)
    if progress.backlog and not _fresh(progress):
        progress = await _listed(progress, progress.backlog, run.gmail)
    return _Begun(progress, changes)


def _with_new(progress: Progress, mail_ids: Iterable[str]) -> Progress:
    """New mail waits before all other, what is being moved does not wait."""
    moving = set(progress.moving)
    waiting = (mail_id for mail_id in (*mail_ids, *progress.waiting) if mail_id not in moving)
    return replace(progress, waiting=tuple(dict.fromkeys(waiting)))


def _fresh(progress: Progress) -> list[str]:
    """What waits and has not failed yet."""
    return [mail_id for mail_id in progress.waiting if mail_id not in progress.failed]


async def _resynced(progress: Progress, run: _Run) -> Progress:
    """A new cursor, and all mail since the last run listed, the newest first.

    The cursor is taken before the mails are listed: what comes meanwhile is in both, and in neither is lost.
    """
    cursor = (await run.gmail.profile()).history_id
    # The last run may lie in the future: the clock has gone back since.
    after = min(run.mailbox.last_run.at, run.now) - RESYNC_OVERLAP
    if run.mailbox.mailmagnet_since:
        after = max(after, run.mailbox.mailmagnet_since)
    if progress.backlog:
        after = min(after, progress.backlog.after)
    return await _listed(replace(progress, cursor=cursor), Backlog(after), run.gmail)


async def _listed(progress: Progress, backlog: Backlog, gmail: Gmail) -> Progress:
    """The backlog's newest mails among what waits; what there is beyond MOST_WAITING stays backlog, from where these end.

    When more than that came within one second, a listing would end where it began: then it goes on further back.
    """
    most, rest = MOST_WAITING, backlog
    while rest == backlog:
        listed = await gmail.mails_between(backlog.after, backlog.before, most)
        if not listed.more:
            return replace(_with_new(progress, listed.mail_ids), backlog=None)
        rest, most = Backlog(backlog.after, await _end_of(listed.mail_ids, gmail)), 2 * most
    return replace(_with_new(progress, listed.mail_ids), backlog=rest)


async def _end_of(mail_ids: Sequence[str], gmail: Gmail) -> datetime:
    """The moment before which a listing goes on: the second after its oldest mail."""
    oldest = await gmail.headers(mail_ids[-5:], ())
    if not oldest.mails:
        raise Unavailable(GMAIL, "the oldest mails listed cannot be read")
    return min(mail.received_at for mail in oldest.mails).replace(microsecond=0) + timedelta(seconds=1)


def _mails_now(mailbox: Mailbox, now: datetime) -> int:
    """How many mails may be read now: what runs have spent within this minute is spent."""
    spent = sum(units for _, units in _spent_just_now(mailbox.last_run, now))
    return max(0, UNITS_A_MINUTE - UNITS_BESIDE - spent) // UNITS_A_MAIL


def _spent_just_now(last_run: RunCounts, now: datetime) -> tuple[tuple[datetime, int], ...]:
    """What runs have spent within the minute before now."""
    return tuple((at, units) for at, units in last_run.spent if now - timedelta(minutes=1) < at <= now)


async def _next(progress: Progress, most: int, run: _Run) -> _Batch:
    """The mails to look at: those whose move is unfinished, then new ones that are not decided, those that failed before last."""
    mail_ids = list(progress.moving[:most])
    line = _fresh(progress) + [mail_id for mail_id in progress.waiting if mail_id in progress.failed]
    passed = 0
    while passed < len(line) and len(mail_ids) < most:
        chunk = line[passed : passed + most - len(mail_ids)]
        decided = await run.store.known_mails(run.mailbox.org, run.mailbox.user, chunk)
        mail_ids += [mail_id for mail_id in chunk if mail_id not in decided]
        passed += len(chunk)
    return _Batch(tuple(mail_ids), replace(progress, moving=progress.moving[most:], waiting=tuple(line[passed:])))


def _with_unread(batch: _Batch, before: Progress, unread: Collection[str]) -> Progress:
    """What is left behind a batch, and those of it that could not be read: they wait at the end of the line."""
    moving, waiting = list(batch.left.moving), list(batch.left.waiting)
    for mail_id in unread:
        (moving if mail_id in before.moving else waiting).append(mail_id)
    return replace(batch.left, moving=tuple(moving), waiting=tuple(waiting))


def _without_hopeless(progress: Progress, problems: Mapping[str, Upstream]) -> tuple[Progress, Mapping[str, int]]:
    """The failures counted; mail that has failed in RUNS_A_MAIL runs is passed over, counted by reason."""
    here = {*progress.moving, *progress.waiting}
    failed = {mail_id: runs for mail_id, runs in progress.failed.items() if mail_id in here}
    failed |= {mail_id: failed.get(mail_id, 0) + 1 for mail_id in problems if mail_id in here}
    hopeless = {mail_id for mail_id, runs in failed.items() if runs >= RUNS_A_MAIL}
    hopeful = replace(
        progress,
        moving=tuple(mail_id for mail_id in progress.moving if mail_id not in hopeless),
        waiting=tuple(mail_id for mail_id in progress.waiting if mail_id not in hopeless),
        failed={mail_id: runs for mail_id, runs in failed.items() if mail_id not in hopeless},
    )
    return hopeful, Counter(problems[mail_id].what or type(problems[mail_id]).__name__ for mail_id in hopeless)


def _remaining(progress: Progress) -> int:
    """How many mails the next run has to begin with at once; what failed can wait for its turn."""
    return len(_fresh(progress)) + bool(progress.backlog)


# What is decided


async def _plan(mails: Sequence[MailHeaders], begun: _Begun, run: _Run) -> Decided:
    """What is decided, without the moves of mail that stays where it is."""
    decided = await decide_mail(mails, run.connection, run.policy, run.crm, run.now, run.pool)
    stays = {mail.mail_id for mail in mails if not _is_to_label(mail, run.mailbox) or _was_moved(mail, begun, run.mailbox.labels)}
    return replace(decided, moves=tuple(move for move in decided.moves if move.mail_id not in stays))


def _new(mails: Sequence[MailHeaders], plan: Decided, begun: _Begun, run: _Run) -> Mapping[str, int]:
    """Unread mail of customers that came since about the last run: what a backfill finds is no news, nor is an unfinished run's mail,
    which that run may have counted."""
    since = min(run.mailbox.last_run.at, run.now) - NEWS
    recorded = {record.mail_id for record in plan.records} - set(begun.progress.moving)
    news = [mail for mail in mails if mail.mail_id in recorded and UNREAD in mail.label_ids and mail.received_at >= since]
    return Counter(str(plan.categories.get(mail.mail_id, NO_CATEGORY)) for mail in news)


def _is_to_label(mail: MailHeaders, mailbox: Mailbox) -> bool:
    """Whether labelling was on when a mail came. What came since MailMagnet was switched on, the cursor tells, not the clock."""
    if mailbox.labelling_since is None:
        return False
    switched_on_later = mailbox.mailmagnet_since is not None and mailbox.mailmagnet_since < mailbox.labelling_since
    return not switched_on_later or mail.received_at >= mailbox.labelling_since


def _was_moved(mail: MailHeaders, begun: _Begun, labels: Mapping[Category, str]) -> bool:
    """Whether an unfinished run did move this mail, as its labels and their changes since tell.

    It bears our label, or did, and it left the inbox or has been put back there. What stayed in the inbox all along was not moved,
    though somebody may have put our label on it by hand. When Gmail has forgotten the changes, the label alone tells.
    """
    if mail.mail_id not in begun.progress.moving:
        return False
    ours = frozenset(labels.values())
    if begun.changes is None:
        return bool(mail.label_ids & ours)
    changes = begun.changes.get(mail.mail_id, LabelChanges())
    bears_ours = bool((mail.label_ids | changes.added) & ours)
    stayed_in_inbox = INBOX in mail.label_ids and INBOX not in changes.added | changes.removed
    return bears_ours and not stayed_in_inbox


# What is done


async def _move(
    moves: Sequence[Move], labels: Mapping[Category, str], lease: Lease, gmail: Gmail, parts: Parts
) -> Mapping[str, Upstream]:
    """Put each mail under its label; what could not be moved, and why. Raises Paused before the next batch, LeaseLost, TimedOut."""
    unmoved: dict[str, Upstream] = {}
    for category in Category:
        mail_ids = [move.mail_id for move in moves if move.decision.category is category]
        if not mail_ids:
            continue
        if lease.until - parts.now() < timedelta(seconds=MOVE_SECONDS):
            raise LeaseLost
        # Read anew before each batch: a person has pressed Pause because mail is moved that should not be.
        check_not_paused(await parts.store.policy(lease.org))
        try:
            async with asyncio.timeout(MOVE_SECONDS):
                unmoved.update(await gmail.move(mail_ids, add=labels[category], remove=INBOX))
        except TimeoutError:
            raise TimedOut(GMAIL, MOVE_SECONDS) from None
    return unmoved


def _counts(result: LabelRun, plan: Decided, run: _Run, tick: datetime | None) -> RunCounts:
    return RunCounts(
        at=run.now,
        tick=tick,
        looked_at=result.looked_at,
        sorted=result.sorted,
        remaining=result.remaining,
        passed_over=result.passed_over,
        spent=(*_spent_just_now(run.mailbox.last_run, run.now), (run.now, result.units)),
        day=_day_counts(run.mailbox.last_run.day, result.sorted, plan.today),
        sparing=run.sparing,
    )


def _day_counts(earlier: DayCounts | None, sorted_now: Mapping[Category, int], today: date | None) -> DayCounts | None:
    """The day's counts with this run's added. A run that sorts nothing leaves them as they are, be they of an earlier day."""
    if today is None or not any(sorted_now.values()):
        return earlier
    before = earlier.sorted if earlier and earlier.day == today else {}
    return DayCounts(today, {category: before.get(category, 0) + count for category, count in sorted_now.items()})
