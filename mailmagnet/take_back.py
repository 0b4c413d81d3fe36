"""The use case "take back": what the last runs have moved is put back in the inbox, for a whole organisation.

Gmail's history tells it: mail that got our label since, still bears it, and is not in the inbox. docs/label-mail.md says what is told
apart from the user's own hand, and what is not.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar

from mailmagnet.caller import Caller
from mailmagnet.deadline import in_time
from mailmagnet.errors import (
    MAILMAGNET,
    BadAnswer,
    BadRequest,
    CursorExpired,
    LeaseLost,
    LeaseTaken,
    NotAuthorised,
    NotFound,
    NotPermitted,
    RateLimited,
    TimedOut,
    Unavailable,
    Upstream,
)
from mailmagnet.gmail import INBOX, Gmail, LabelChanges
from mailmagnet.label_mail import LEASE_SECONDS, MOVE_SECONDS, RUN_SECONDS
from mailmagnet.moved_mail import since_then
from mailmagnet.parts import Parts
from mailmagnet.permission import check_admin
from mailmagnet.store import Lease, Mailbox, Policy, Store, TakeBack, TakenBack, every_mailbox
from mailmagnet.tasks import TakeBackTask
from mailmagnet.vault import gmail_connection

SENT_FOR = timedelta(hours=1)
"""How long the ticks send the tasks of a taking back: Cloud Tasks remembers the name of a task that is done about as long."""

ALL_OF_IT = 1_000_000
"""More mail than comes to one mailbox in that time."""
CHUNK = 500
MOST_FAILURES = 10
BETWEEN_TASKS = timedelta(minutes=1)

HISTORY_GONE = "history_gone"
"""Gmail has forgotten that far back: nothing was done."""
FAILED = "failed"
"""Something was down, slow or wrong each time that it was tried."""
UNDER_WAY = "under_way"
"""It is not done yet: it is tried again."""
RESUMED = "resumed"
"""Sorting was resumed before all was back."""
REFUSED = "refused"
"""The consent or the permission is missing."""


@dataclass(frozen=True, slots=True)
class TakingBack:
    """About how many mails would be taken back, in how many mailboxes."""

    mailboxes: int = 0
    mails: int = 0


@dataclass(frozen=True, slots=True)
class TakenBackSoFar:
    """How far it is: mailboxes that are done, those still to come, mails put back, and problems by their word."""

    done: int = 0
    to_come: int = 0
    mails: int = 0
    problems: Mapping[str, int] = field(default_factory=dict)


def _is_sorted(mailbox: Mailbox) -> bool:
    """Whether a run may have moved something in it, or is just about to."""
    return mailbox.progress is not None and bool(mailbox.labels)


async def count_taking_back(org: str, since: datetime, store: Store) -> TakingBack:
    """What would be taken back, by what runs have noted: Gmail is not asked. Raises what the store raises."""
    return _counted([mailbox async for mailbox in every_mailbox(org, store)], since)


def _counted(mailboxes: Sequence[Mailbox], since: datetime) -> TakingBack:
    moved = [sum(each.mails for each in since_then(mailbox.progress, since)) for mailbox in mailboxes]
    return TakingBack(sum(mails > 0 for mails in moved), sum(moved))


async def begin_taking_back(org: str, since: datetime, now: datetime, store: Store) -> TakeBack:
    """Pause the organisation, and ask for it in one write: the ticks send a task for each mailbox, however many there are.

    Without Pause the next runs would go on meanwhile. Asked again within the minute, it is the
    same taking back. Raises what the store raises.
    """
    asked = TakeBack(now.replace(second=0, microsecond=0), since)
    await store.change_policy(org, lambda before: replace(before, take_back=asked, paused_since=before.paused_since or now))
    return asked


async def send_taking_back(org: str, parts: Parts) -> Sequence[Upstream]:
    """Send the tasks of a taking back to the mailboxes where it has not begun, for a tick; the same task is put in the queue once. One that
    cannot be sent does not hold up the others. Raises what the store raises."""
    policy = await parts.store.policy(org)
    asked = policy.take_back
    if not asked or not _is_still_paused_for(asked, policy) or parts.now() - asked.asked > SENT_FOR:
        return ()
    problems: list[Upstream] = []
    async for mailbox in every_mailbox(org, parts.store):
        if _is_sorted(mailbox) and not _has_begun(mailbox, asked):
            try:
                await parts.tasks.enqueue(TakeBackTask(org, mailbox.user, asked.asked, asked.since))
            except Upstream as problem:
                problems.append(problem)
    return problems


async def resume_taking_back(parts: Parts) -> int:
    """Have every taking back gone on with that tasks were at work on when the queue lost them; how many mailboxes'. Raises what the store
    and the task queue raise."""
    resumed = 0
    for org in await parts.store.orgs():
        policy = await parts.store.policy(org)
        asked = policy.take_back
        if not asked or not _is_still_paused_for(asked, policy):
            continue
        async for mailbox in every_mailbox(org, parts.store):
            so_far = _so_far(mailbox, asked)
            if _is_sorted(mailbox) and (not _has_begun(mailbox, asked) or so_far.problem == UNDER_WAY):
                resumed += await parts.tasks.enqueue(TakeBackTask(org, mailbox.user, asked.asked, asked.since))
    return resumed


def _is_still_paused_for(asked: TakeBack, policy: Policy) -> bool:
    """Whether the organisation is paused since before it was asked for. Once it has been resumed nothing is taken back any more: runs have
    moved mail since that nobody has asked about."""
    return policy.paused_since is not None and policy.paused_since - asked.asked < timedelta(minutes=1)


def _has_begun(mailbox: Mailbox, asked: TakeBack) -> bool:
    return mailbox.taken_back is not None and mailbox.taken_back.asked == asked.asked


def _so_far_of(mailboxes: Sequence[Mailbox], asked: TakeBack) -> TakenBackSoFar:
    """How far a taking back is."""
    theirs = [(mailbox, mailbox.taken_back) for mailbox in mailboxes]
    begun = [taken_back for _, taken_back in theirs if taken_back and taken_back.asked == asked.asked]
    done = [each for each in begun if each.problem != UNDER_WAY]
    to_come = sum(_is_sorted(mailbox) and each not in begun for mailbox, each in theirs) + len(begun) - len(done)
    return TakenBackSoFar(
        len(done), to_come, sum(each.mails for each in begun), Counter(each.problem for each in done if each.problem)
    )


async def take_back_by_task(task: TakeBackTask, parts: Parts) -> TakenBack | None:
    """One mailbox's, as a task asks; None when it is tried again a minute later.

    Raises NotFound without a mailbox, and what the store and the task queue raise.
    """
    asked = TakeBack(task.asked, task.since)
    if not _is_still_paused_for(asked, await parts.store.policy(task.org)):
        return await _given_up(task, RESUMED, parts)
    try:
        return await take_back(task.org, task.user, asked, parts)
    except (LeaseTaken, LeaseLost, RateLimited, Unavailable, BadAnswer):
        if task.failures >= MOST_FAILURES:
            return await _given_up(task, FAILED, parts)
        again = replace(task, failures=task.failures + 1, not_before=parts.now() + BETWEEN_TASKS)
        await parts.tasks.enqueue(again)
        return None


async def take_back(org: str, user: str, asked: TakeBack, parts: Parts) -> TakenBack:
    """Put back what runs have moved in one mailbox. Doing it twice is as doing it once: what is back is back.

    The mail stays decided: no run moves it again, unless its user asks for a backfill. Raises NotFound without a mailbox, LeaseTaken while
    a run is at work, LeaseLost, what Gmail, the vault (when it is worth trying again) and the store raise.
    """
    lease = await parts.store.take_lease(org, user, parts.now(), LEASE_SECONDS)
    try:
        mailbox = await parts.store.mailbox(org, user)
        if not mailbox:
            raise NotFound(MAILMAGNET, "this mailbox is not connected")
        result, back = replace(_so_far(mailbox, asked), problem=UNDER_WAY), list[str]()
        try:
            async with asyncio.timeout(RUN_SECONDS):
                async for mail_ids in _put_back(mailbox, asked.since, lease, parts):
                    result = replace(result, mails=result.mails + len(mail_ids))
                    back += mail_ids
                await _forget_moves(mailbox, asked.since, back, lease, parts.store)
            result = replace(result, problem="")
        except TimeoutError:
            raise TimedOut(MAILMAGNET, RUN_SECONDS) from None
        except CursorExpired:
            result = replace(result, problem=HISTORY_GONE)
        except (NotAuthorised, NotPermitted, NotFound):
            result = replace(result, problem=REFUSED)
        finally:
            await parts.store.save_taken_back(org, user, result)
        return result
    finally:
        await parts.store.release_lease(lease)


async def plan_taking_back(mailbox: Mailbox, since: datetime, parts: Parts) -> int:
    """How many mails would be put back now. Changes nothing. Raises CursorExpired, and what Gmail, the store and the vault raise."""
    gmail = parts.gmail_of(await gmail_connection(mailbox.org, mailbox.user, parts.vault))
    return sum(len(mails) for mails in (await _to_put_back(mailbox, since, gmail, parts.store)).values())


def _so_far(mailbox: Mailbox, asked: TakeBack) -> TakenBack:
    taken_back = mailbox.taken_back
    return taken_back if taken_back and taken_back.asked == asked.asked else TakenBack(asked.asked)


async def _given_up(task: TakeBackTask, why: str, parts: Parts) -> TakenBack:
    mailbox = await parts.store.mailbox(task.org, task.user)
    if not mailbox:
        raise NotFound(MAILMAGNET, "this mailbox is not connected")
    so_far = _so_far(mailbox, TakeBack(task.asked, task.since))
    if so_far is mailbox.taken_back and so_far.problem != UNDER_WAY:
        return so_far  # a task may come twice: this one was done
    failed = replace(so_far, problem=why)
    await parts.store.save_taken_back(task.org, task.user, failed)
    return failed


async def _put_back(mailbox: Mailbox, since: datetime, lease: Lease, parts: Parts) -> AsyncIterator[Sequence[str]]:
    """The mails that are back, label by label. Raises the first problem when all were tried."""
    gmail = parts.gmail_of(await gmail_connection(mailbox.org, mailbox.user, parts.vault))
    problems: list[Upstream] = []
    for (label, inbox), mails in (await _to_put_back(mailbox, since, gmail, parts.store)).items():
        if lease.until - parts.now() < timedelta(seconds=MOVE_SECONDS):
            raise LeaseLost
        failed = await gmail.move(mails, add=INBOX if inbox else "", remove=label)
        problems += failed.values()
        yield [mail_id for mail_id in mails if mail_id not in failed]
    if problems:
        raise problems[0]


async def _forget_moves(mailbox: Mailbox, since: datetime, back: Sequence[str], lease: Lease, store: Store) -> None:
    """What is back counts no more as moved, and no unfinished run has it to move."""
    if progress := mailbox.progress:
        gone, moving = since_then(progress, since), tuple(mail_id for mail_id in progress.moving if mail_id not in back)
        moved = tuple(each for each in progress.moved if each not in gone)
        await store.save_run(lease, replace(progress, moved=moved, moving=moving), labels=mailbox.labels)


async def _to_put_back(mailbox: Mailbox, since: datetime, gmail: Gmail, store: Store) -> Mapping[tuple[str, bool], Sequence[str]]:
    """The mails, by the label that they lose and whether they come back to the inbox.

    A run takes no label of ours off: a mail that lost one since was sorted otherwise, or put back, by its user's hand.
    """
    moved = since_then(mailbox.progress, since)
    if not moved:
        return {}
    changes = (await gmail.history(moved[0].cursor, ALL_OF_IT)).changes
    there, ours = {label.id for label in await gmail.labels()}, frozenset(mailbox.labels.values())
    found: defaultdict[tuple[str, bool], list[str]] = defaultdict(list)
    for label in sorted(ours & there):
        got_it = [mail_id for mail_id, change in changes.items() if label in change.added and not change.removed & ours]
        if not got_it:
            continue
        away = await gmail.mails_under([label]) - await gmail.mails_under([label, INBOX])
        decided = await _decided(mailbox, [mail_id for mail_id in got_it if mail_id in away], store)
        for mail_id in decided:
            found[label, _left_the_inbox(changes[mail_id])].append(mail_id)
    return found


def _left_the_inbox(change: LabelChanges) -> bool:
    return INBOX in change.removed


async def _decided(mailbox: Mailbox, mail_ids: Sequence[str], store: Store) -> Collection[str]:
    """Those that MailMagnet has decided on: what a user has put under our label by hand is mostly none of them."""
    known: set[str] = set()
    for start in range(0, len(mail_ids), CHUNK):
        known |= await store.known_mails(mailbox.org, mailbox.user, mail_ids[start : start + CHUNK])
    return [mail_id for mail_id in mail_ids if mail_id in known]


# As an admin asks for it in the sidebar


@dataclass(frozen=True, slots=True)
class TakeBackAnswer:
    """What can be taken back, by how many hours back (`counted`), or what is asked for (`hours`) with its effect, or how far the last
    taking back is: `asked` and `so_far`."""

    counted: Mapping[int, TakingBack]
    hours: int = 0
    asked: TakeBack | None = None
    so_far: TakenBackSoFar | None = None
    problems: ClassVar[tuple[Upstream, ...]] = ()


HOURS = (1, 3, 12, 24, 48)
"""How far back may be asked for."""


def hours_in(typed: str) -> int:
    """Raises BadRequest for what cannot be asked for."""
    if typed not in map(str, HOURS):
        raise BadRequest("hours: choose one of those that are offered")
    return int(typed)


async def see_taking_back(hours: int, caller: Caller, parts: Parts) -> TakeBackAnswer:
    """What could be taken back, and how far the last one is; `hours` is what may be asked for next, 0 for nothing. Raises Forbidden unless
    the caller is an admin now, TimedOut, and what the CRM, the store and the vault raise."""
    await check_admin(caller, parts)
    return await in_time(MAILMAGNET, caller.by, _seen(caller.identity.org, hours, caller.now, parts.store))


async def take_back_all(hours: int, caller: Caller, parts: Parts) -> TakeBackAnswer:
    """Pause the caller's organisation and take back what runs have moved in the last hours. Raises as `see_taking_back` does."""
    await check_admin(caller, parts)
    await in_time(
        MAILMAGNET,
        caller.by,
        begin_taking_back(caller.identity.org, caller.now - timedelta(hours=hours), caller.now, parts.store),
    )
    return await in_time(MAILMAGNET, caller.by, _seen(caller.identity.org, 0, caller.now, parts.store))


async def _seen(org: str, hours: int, now: datetime, store: Store) -> TakeBackAnswer:
    policy = await store.policy(org)
    mailboxes = [mailbox async for mailbox in every_mailbox(org, store)]
    counted = {each: _counted(mailboxes, now - timedelta(hours=each)) for each in HOURS}
    asked = policy.take_back
    return TakeBackAnswer(counted, hours, asked, _so_far_of(mailboxes, asked) if asked else None)
