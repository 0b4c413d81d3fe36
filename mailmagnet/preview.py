"""The use case "preview": how much mail would be put under each label, counted before anything is switched on. Counts alone are kept."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailmagnet.categories import Category
from mailmagnet.decide_mail import decide_mail
from mailmagnet.errors import MAILMAGNET, BadAnswer, NotFound, RateLimited, TimedOut, Unavailable, Upstream
from mailmagnet.gmail import GMAIL, SENDER_HEADERS
from mailmagnet.label_mail import DRY_RUN_MAILS, MAILS_A_RUN, RUN_SECONDS
from mailmagnet.parts import Parts
from mailmagnet.pause import check_not_paused
from mailmagnet.store import Mailbox, Policy, Preview
from mailmagnet.switch_mailbox import LONGEST_BACKFILL
from mailmagnet.tasks import PreviewTask
from mailmagnet.vault import Connection, gmail_connection

MOST_COUNTED = 10_000
"""As many mails as one preview looks at, the newest: more than an hour's work."""

BETWEEN_TASKS = timedelta(minutes=1)
"""Gmail's quota is for a minute: each task of a preview spends one minute's."""

MOST_FAILURES = 10
"""In how many tasks in a row a preview may fail before it is left as it is."""


@dataclass(frozen=True, slots=True)
class Newest:
    """What would be sorted of the newest mails: so many were looked at, and so many would go under each label."""

    looked_at: int
    sorted: Mapping[Category, int]


@dataclass(frozen=True, slots=True)
class Counted:
    """One task's work on a preview: how far it is (None when nothing is counted yet), and what failed, to be tried again later."""

    preview: Preview | None
    problem: Upstream | None = None


async def newest_preview(connection: Connection, policy: Policy, now: datetime, parts: Parts) -> Newest:
    """What would be sorted of the newest DRY_RUN_MAILS, whether MailMagnet is on or not; nothing is changed.

    Raises what Gmail and the CRM raise.
    """
    gmail = parts.gmail_of(connection)
    listed = await gmail.mails_between(now - LONGEST_BACKFILL, None, DRY_RUN_MAILS)
    mail_ids = listed.mail_ids[:DRY_RUN_MAILS]
    return Newest(len(mail_ids), await _sorted(mail_ids, connection, policy, now, parts))


async def begin_preview(mailbox: Mailbox, days: int, now: datetime, parts: Parts) -> None:
    """Have the mail of the last `days` counted by tasks, unless it is being counted: within a minute any number of calls are one.

    Raises what `Tasks.enqueue` raises.
    """
    if is_being_counted(mailbox.preview, days, now):
        return
    begun = now.replace(second=0, microsecond=0)
    await parts.tasks.enqueue(PreviewTask(mailbox.org, mailbox.user, begun, days))


def is_being_counted(preview: Preview | None, days: int, now: datetime) -> bool:
    """Whether tasks are at work on a preview of so many days. One that is not done after the time it could take has been given up."""
    if preview is None or preview.done or preview.days != days:
        return False
    tasks = preview.mails // DRY_RUN_MAILS + 1 + MOST_FAILURES
    return now < preview.at + 2 * tasks * BETWEEN_TASKS


async def resume_previews(parts: Parts) -> int:
    """Have every preview counted on that tasks were at work on when the queue lost them; how many. Tasks that are there are the same ones.

    A preview of which nothing is counted yet begins anew when its user looks. Raises what the store and `Tasks.enqueue` raise.
    """
    resumed, now = 0, parts.now()
    for org in await parts.store.orgs():
        for mailbox in await parts.store.mailboxes(org):
            preview = mailbox.preview
            if preview and is_being_counted(preview, preview.days, now):
                resumed += await parts.tasks.enqueue(
                    PreviewTask(org, mailbox.user, preview.at, preview.days, looked_at=preview.looked_at)
                )
    return resumed


async def count_mail(task: PreviewTask, parts: Parts) -> Counted:
    """The next mails of a preview counted, and a task sent for those after them.

    The window is fixed when the preview begins, so tasks list the same mails and go on behind those looked at; when one was deleted
    meanwhile, one more is passed over. What is down or slow is tried again a minute later, MOST_FAILURES times. Raises NotFound without a
    mailbox, NotAuthorised, NotPermitted, GrantMissing, Paused (then it is forgotten, to be begun anew), and what the store and the task
    queue raise.
    """
    mailbox = await parts.store.mailbox(task.org, task.user)
    if not mailbox or mailbox.presence.leaving_since:
        raise NotFound(MAILMAGNET, "this mailbox is not connected")
    earlier = mailbox.preview
    if earlier and earlier.at > task.begun:
        return Counted(earlier)  # another was begun since
    policy = await parts.store.policy(task.org)
    if policy.paused_since and earlier and (earlier.at, earlier.days) == (task.begun, task.days):
        await parts.store.save_preview(task.org, task.user, None)
    check_not_paused(policy)
    if earlier and (earlier.at, earlier.days) != (task.begun, task.days):
        earlier = None
    if task.looked_at and not earlier:
        return Counted(None)  # MailMagnet was turned off since: nobody waits for it
    try:
        async with asyncio.timeout(RUN_SECONDS):
            preview = await _counted_on(earlier or Preview(task.begun, task.days, 0, 0), mailbox, policy, parts)
    except TimeoutError:
        return Counted(earlier, await _put_off(task, TimedOut(MAILMAGNET, RUN_SECONDS), parts))
    except (RateLimited, Unavailable, BadAnswer) as problem:
        return Counted(earlier, await _put_off(task, problem, parts))
    await parts.store.save_preview(task.org, task.user, preview)
    if not preview.done:
        next_one = replace(task, looked_at=preview.looked_at, failures=0, not_before=parts.now() + BETWEEN_TASKS)
        await parts.tasks.enqueue(next_one)
    return Counted(preview)


async def _put_off(task: PreviewTask, problem: Upstream, parts: Parts) -> Upstream:
    if task.failures < MOST_FAILURES:
        again = replace(task, failures=task.failures + 1, not_before=parts.now() + BETWEEN_TASKS)
        await parts.tasks.enqueue(again)
    return problem


async def _counted_on(preview: Preview, mailbox: Mailbox, policy: Policy, parts: Parts) -> Preview:
    """The preview with one task's mails more. While MailMagnet is on, runs spend of the same quota."""
    connection = await gmail_connection(mailbox.org, mailbox.user, parts.vault)
    gmail = parts.gmail_of(connection)
    listed = await gmail.mails_between(preview.at - timedelta(days=preview.days), preview.at, MOST_COUNTED)
    mail_ids = listed.mail_ids[:MOST_COUNTED]
    most = DRY_RUN_MAILS if mailbox.mailmagnet else MAILS_A_RUN
    now_looked_at = mail_ids[preview.looked_at : preview.looked_at + most]
    more = await _sorted(now_looked_at, connection, policy, parts.now(), parts)
    counts = {category: preview.sorted.get(category, 0) + more[category] for category in Category}
    looked_at = min(preview.looked_at, len(mail_ids)) + len(now_looked_at)
    return replace(preview, mails=len(mail_ids), looked_at=looked_at, sorted=counts)


async def _sorted(
    mail_ids: Sequence[str], connection: Connection, policy: Policy, now: datetime, parts: Parts
) -> Mapping[Category, int]:
    headers = await parts.gmail_of(connection).headers(mail_ids, SENDER_HEADERS)
    if limited := next((problem for problem in headers.unread.values() if isinstance(problem, RateLimited)), None):
        raise limited
    if len(headers.unread) > 1 and not headers.mails:  # one mail that nobody can read is passed over, also when it is alone
        raise Unavailable(GMAIL, "no mail could be read")
    decided = await decide_mail(headers.mails, connection, policy, parts.crm_of(connection), now)
    counts = Counter(move.decision.category for move in decided.moves)
    return {category: counts[category] for category in Category}
