"""When a mailbox is parked, when a parked one is forgotten, and what opening the panel makes of it. Pure rules."""

from dataclasses import replace
from datetime import datetime, timedelta

from mailmagnet.store import Mailbox, Parked, ParkedFor, Presence, Reason

SHUT_OUT_FOR = timedelta(days=30)
"""After so long without consent, or refused by Gmail, and with nothing opened, a user is taken for gone: for a suspended account
Google says nothing else than for a consent that has ended."""

UNOPENED_FOR = timedelta(days=90)
"""After so long in which nothing was opened the admin is told: an uninstalled add-on opens nothing, and nobody tells us."""

PARKED_FOR = timedelta(days=30)
"""A parked mailbox whose user does not come back for so long is forgotten, as if the user had left."""


def after_a_day(mailbox: Mailbox, now: datetime) -> Presence:
    """What the daily look makes of a mailbox's presence: parked, leaving where its time is over, or as it is.

    Where it is not known when the user came last, that is counted from now.
    """
    presence = mailbox.presence
    if presence.leaving_since:
        return presence
    if presence.parked:
        return replace(presence, leaving_since=now) if forgotten_at(presence.parked) <= now else presence
    if presence.opened_at is None:
        return replace(presence, opened_at=_day_of(now))
    if _shut_out(mailbox, now):
        return parked(presence, ParkedFor.GONE, now)
    return parked(presence, ParkedFor.NOT_OPENED, now) if presence.admin_told_at and is_unopened(presence, now) else presence


def _shut_out(mailbox: Mailbox, now: datetime) -> bool:
    """Whether Gmail has let MailMagnet in no more for long, and the user has not been seen since."""
    trouble, opened_at = mailbox.trouble, mailbox.presence.opened_at
    if not trouble or trouble.reason not in {Reason.CONSENT, Reason.GMAIL_REFUSES, Reason.DELEGATION} or not opened_at:
        return False
    return now - max(trouble.since, opened_at) >= SHUT_OUT_FOR


def is_unopened(presence: Presence, now: datetime) -> bool:
    """Whether a user has opened nothing for so long that the admin is to know."""
    return presence.opened_at is not None and now - presence.opened_at >= UNOPENED_FOR


def forgotten_at(parked: Parked) -> datetime:
    """When a parked mailbox is forgotten."""
    return parked.since + PARKED_FOR


def parked(presence: Presence, why: ParkedFor, now: datetime) -> Presence:
    """Parked from now on; one that is parked, or leaves, stays as it is."""
    return presence if presence.parked or presence.leaving_since else replace(presence, parked=Parked(now, why))


def admin_told(presence: Presence, now: datetime) -> Presence:
    """An admin has seen that nothing was opened; the first time counts. Whoever has come back meanwhile is not told of."""
    return replace(presence, admin_told_at=presence.admin_told_at or now) if is_unopened(presence, now) else presence


def opened(presence: Presence, now: datetime) -> Presence:
    """The user is here: nothing is parked, and what the admin was told is over. Who leaves goes on leaving."""
    return replace(presence, opened_at=_day_of(now), admin_told_at=None, parked=None)


def _day_of(moment: datetime) -> datetime:
    """No finer than that is kept of a user's coming."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
