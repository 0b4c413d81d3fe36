"""The use case "notify": a user is told how much customers' mail came, outside Gmail, when the user wants to be told.

A notice has counts and a link, never a name, a subject or a text.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mailmagnet.categories import Category
from mailmagnet.errors import NotFound
from mailmagnet.parts import Parts
from mailmagnet.store import Notice, Notify, Presence

IN_GMAIL = "https://mail.google.com/mail/"
"""Where the link of a notice leads: the homepage in the panel shows the mail. It names no account."""

NO_CATEGORY = "none"
"""Counts mail of customers that is in no category, a lead's among it."""


def is_quiet(notice: Notice, now: datetime) -> bool:
    """Whether the user wants to be left alone now (aware), by the clock in the user's time zone. Quiet hours may be over midnight."""
    clock = _local(notice, now).time()
    if notice.quiet_from <= notice.quiet_until:
        return notice.quiet_from <= clock < notice.quiet_until
    return clock >= notice.quiet_from or clock < notice.quiet_until


def is_due(notice: Notice, presence: Presence, now: datetime) -> bool:
    """Whether what is counted is to be told now: at once, or at the first daily hour since the first of it was counted.

    Never in quiet hours: what comes in them is told at their end.
    """
    if not sum(presence.noticed.values()) or presence.noticed_at is None or is_quiet(notice, now):
        return False
    match notice.notify:
        case Notify.AT_ONCE:
            return True
        case Notify.DAILY:
            # A clock that has gone back since must not silence it for long.
            return presence.noticed_at < _latest(notice.daily_at, notice, now) or presence.noticed_at > now + timedelta(days=1)
    return False


def counted(presence: Presence, notice: Notice, more: Mapping[str, int], now: datetime) -> Presence:
    """The presence with new mail counted, by category (NO_CATEGORY for none); nothing is counted for who is never told."""
    if notice.notify is Notify.NEVER:
        return replace(presence, noticed={}, noticed_at=None)
    if not sum(more.values()):
        return presence
    counts = {key: presence.noticed.get(key, 0) + more.get(key, 0) for key in {*presence.noticed, *more}}
    since = presence.noticed_at if sum(presence.noticed.values()) else now
    return replace(presence, noticed=counts, noticed_at=since)


async def notify(org: str, user: str, new: Mapping[str, int], parts: Parts) -> bool:
    """Count a run's new mail of customers, and tell its user of all that is counted, if that is due; whether a notice was sent.

    It is not counted any more before it is told, so none is told twice, and one notice may be lost. When the webhook is gone its address
    is forgotten: no notice comes until its user gives another. While the organisation is paused nothing is told: it stays counted.
    Raises what the store, the vault and `Notices.send` raise.
    """
    store, now = parts.store, parts.now()
    mailbox = await store.mailbox(org, user)
    if not mailbox or not mailbox.mailmagnet:
        return False
    notice, presence = mailbox.choices.notice, mailbox.presence
    if counted(presence, notice, new, now) != presence:
        presence = await store.change_presence(org, user, lambda before: counted(before, notice, new, now))
    if not is_due(notice, presence, now) or (await store.policy(org)).paused_since:
        return False
    connection = await parts.vault.connection(org, user)
    if not connection or not connection.webhook:
        return False
    told: Mapping[str, int] = {}

    def begin(before: Presence) -> Presence:
        nonlocal told
        told = before.noticed
        return replace(before, noticed={}, noticed_at=now)

    await store.change_presence(org, user, begin)
    if not sum(told.values()):
        return False  # another call tells of it
    try:
        await parts.notices.send(connection.webhook, text_of(told))
    except NotFound:
        await parts.vault.keep_webhook(org, user, "")
        raise
    return True


def text_of(counts: Mapping[str, int]) -> str:
    """ "3 new mails from customers: Closing this month 1, Open deals 2." and the link."""
    total = sum(counts.values())
    by_category = [f"{each.words} {counts[each]}" for each in Category if counts.get(each)]
    said = f"{total} new mail{'s' if total != 1 else ''} from customers"
    return f"{said}{': ' if by_category else ''}{', '.join(by_category)}.\n{IN_GMAIL}"


def _latest(daily_at: time, notice: Notice, now: datetime) -> datetime:
    """The last moment at which the user's clock showed this hour. One that a change of the clocks leaves out is an hour later that day."""
    today = _local(notice, now).date()
    moments = [datetime.combine(day, daily_at, zone_of(notice)).astimezone(UTC) for day in (today, today - timedelta(days=1))]
    return next((moment for moment in moments if moment <= now), moments[-1])


def _local(notice: Notice, now: datetime) -> datetime:
    return now.astimezone(zone_of(notice))


def zone_of(notice: Notice) -> ZoneInfo:
    """The user's time zone; UTC when it is not known."""
    try:
        return ZoneInfo(notice.time_zone)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
