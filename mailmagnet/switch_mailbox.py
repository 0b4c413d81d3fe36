"""The use case "switch mailbox": MailMagnet and labelling turned on or off, and mail of earlier days sorted if its user asks for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from mailmagnet.categories import Category
from mailmagnet.errors import MAILMAGNET, NotFound
from mailmagnet.label_mail import LEASE_SECONDS
from mailmagnet.labels import ensure_labels
from mailmagnet.parts import Parts
from mailmagnet.store import Backlog, Choices, Mailbox, Progress, RunCounts
from mailmagnet.vault import gmail_connection

LONGEST_BACKFILL = timedelta(days=365)


async def switch_off(org: str, user: str, parts: Parts, choices: Choices | None = None) -> None:
    """Turn MailMagnet off, and labelling with it: the mailbox's mail records are deleted, and how far it was is forgotten.

    `choices` are kept in the same write; None leaves them as they are.
    """
    await parts.store.switch_off(org, user, choices)


async def switch_on(
    org: str,
    user: str,
    parts: Parts,
    *,
    labelling: bool,
    backfill: timedelta | None = None,
    change: Callable[[Choices], Choices] | None = None,
) -> None:
    """Turn MailMagnet on, with or without labelling. What is on already stays as it is; what is new begins at now. What `change` makes
    of the user's choices is kept in the same write.

    `backfill` also sorts mail received within that time before now; earlier decisions about it are forgotten. Labels are made here,
    and only with labelling. The switches are one write: when anything before it fails, they are as they were. Earlier decisions are
    forgotten after it: when that fails, the switches are on, mail decided before stays where it is, and asking again makes it good.
    A run under way is ended, and what it has decided is finished by the next. Raises NotFound without a mailbox, NotAuthorised
    without a connection, and what Gmail, the store and the vault raise.
    """
    store, now = parts.store, parts.now()
    gmail = parts.gmail_of(await gmail_connection(org, user, parts.vault))
    lease = await store.take_lease(org, user, now, LEASE_SECONDS, take_over=True)
    try:
        mailbox = await store.mailbox(org, user)
        if not mailbox:
            raise NotFound(MAILMAGNET, "this mailbox is not connected")
        begins = now - min(backfill, LONGEST_BACKFILL) if backfill else now
        labels = await ensure_labels(gmail, mailbox.labels, list(Category)) if labelling else mailbox.labels
        progress = mailbox.progress or Progress((await gmail.profile()).history_id)
        if backfill:
            progress = replace(progress, backlog=_backlog(progress, begins))
        await store.switch_on(
            lease,
            mailmagnet_since=min(mailbox.mailmagnet_since or now, begins),
            labelling_since=min(mailbox.labelling_since or now, begins) if labelling else None,
            progress=progress,
            labels=labels,
            last_run=_last_run(mailbox, now, progress),
            choices=change(mailbox.choices) if change else None,
        )
        if backfill:
            await store.forget_decisions(lease, begins)
    finally:
        await store.release_lease(lease)


def _backlog(progress: Progress, begins: datetime) -> Backlog:
    """From now back to then, and as far as an earlier backlog has still to go."""
    return Backlog(min(begins, progress.backlog.after) if progress.backlog else begins)


def _last_run(mailbox: Mailbox, now: datetime, progress: Progress) -> RunCounts:
    """What was counted stays while MailMagnet stays on; a backlog is due at once."""
    counts = mailbox.last_run if mailbox.mailmagnet else RunCounts(now)
    return replace(counts, remaining=max(counts.remaining, 1)) if progress.backlog else counts
