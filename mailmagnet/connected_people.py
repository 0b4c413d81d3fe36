"""The use case "connected people": an admin's list of the organisation's mailboxes, what is wrong with each, and whose next step it is."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from mailmagnet.caller import Caller
from mailmagnet.deadline import in_time
from mailmagnet.errors import MAILMAGNET, BadRequest, Upstream
from mailmagnet.parts import Parts
from mailmagnet.permission import check_admin
from mailmagnet.store import Mailbox, Reason, Store

A_PAGE = 20
"""Mailboxes on one card."""
READ_AT_ONCE = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Condition(StrEnum):
    """How it stands with a mailbox: what is true of the first of these that holds."""

    LEAVING = "leaving"
    """Its user has left, and what is left of it is being deleted."""
    PARKED = "parked"
    IN_TROUBLE = "in_trouble"
    NOT_SET_UP = "not_set_up"
    OFF = "off"
    """Its user has MailMagnet off."""
    SIGNED_OUT = "signed_out"
    """MailMagnet is on, and its user is not signed in to the CRM: the next run with mail says so."""
    WORKING = "working"


class NextStep(StrEnum):
    """Who can do something about it."""

    NOBODY = "nobody"
    """There is nothing to do, or it is tried again by itself."""
    USER = "user"
    GOOGLE_ADMIN = "google_admin"
    CRM_ADMIN = "crm_admin"
    ADMIN = "admin"
    """MailMagnet's, who reads this."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the list begins: behind the mailbox of `user`, which had been in trouble since `since`, None for one that was not."""

    user: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConnectedPeople:
    """A page of the list, what is in trouble first. `after` is where the next page begins, None when this is the last."""

    mailboxes: tuple[Mailbox, ...]
    delegated: bool
    crm_name: str
    after: Place | None = None
    first: bool = True
    problems: ClassVar[tuple[Upstream, ...]] = ()


async def connected_people(place: Place, caller: Caller, parts: Parts) -> ConnectedPeople:
    """A page of the caller's organisation. Raises Forbidden unless the caller is an admin now, TimedOut, and what the CRM, the store and
    the vault raise."""
    crm = await check_admin(caller, parts)
    page = await in_time(MAILMAGNET, caller.by, _page(caller.identity.org, place, parts.store))
    more = len(page) > A_PAGE
    shown = page[:A_PAGE]
    return ConnectedPeople(
        tuple(shown),
        parts.lets_in(caller.identity.org),
        crm.name,
        after=_place_of(shown[-1]) if more else None,
        first=place == Place(),
    )


async def everybody(org: str, store: Store) -> AsyncIterator[Mailbox]:
    """All of the organisation's mailboxes, in the list's order. Raises what the store raises."""
    async for mailbox in _from(org, Place(), READ_AT_ONCE, store):
        yield mailbox


async def _page(org: str, place: Place, store: Store) -> list[Mailbox]:
    """One more than a page, so that it is known whether there is a next one."""
    found: list[Mailbox] = []
    async for mailbox in _from(org, place, A_PAGE + 1, store):
        found.append(mailbox)
        if len(found) > A_PAGE:
            break
    return found


async def _from(org: str, place: Place, at_once: int, store: Store) -> AsyncIterator[Mailbox]:
    """Those in trouble, the longest first, then all others by user."""
    behind, in_trouble_is_over = (place.since, place.user) if place.since else None, bool(place.user and not place.since)
    while not in_trouble_is_over:
        in_trouble = await store.mailboxes_in_trouble(org, behind, at_once)
        for mailbox in in_trouble:
            yield mailbox
        in_trouble_is_over = len(in_trouble) < at_once
        if in_trouble and (last := in_trouble[-1]).trouble:
            behind = (last.trouble.since, last.user)
    user, all_read = "" if place.since else place.user, False
    while not all_read:
        others = await store.mailboxes_by_user(org, user, at_once)
        for mailbox in others:
            if not mailbox.trouble:
                yield mailbox
        all_read = len(others) < at_once
        user = others[-1].user if others else user


def _place_of(mailbox: Mailbox) -> Place:
    return Place(mailbox.user, mailbox.trouble.since if mailbox.trouble else None)


def place_in(user: str, since: str) -> Place:
    """A place as a button's parameters have it, `since` in microseconds since 1970. Raises BadRequest."""
    if not since:
        return Place(user)
    if not (since.isascii() and since.isdecimal() and len(since) <= 17):  # noqa: PLR2004 - the year 5138
        raise BadRequest("the click names no place in the list")
    return Place(user, _EPOCH + int(since) * _MICROSECOND)


def moment_in_button(since: datetime) -> str:
    """The way back."""
    return str((since - _EPOCH) // _MICROSECOND)


def condition(mailbox: Mailbox) -> Condition:
    """How it stands with a mailbox."""
    holds = {
        Condition.LEAVING: mailbox.presence.leaving_since is not None,
        Condition.PARKED: mailbox.presence.parked is not None,
        Condition.IN_TROUBLE: mailbox.trouble is not None,
        Condition.NOT_SET_UP: not mailbox.is_set_up,
        Condition.OFF: not mailbox.mailmagnet,
        Condition.SIGNED_OUT: not mailbox.presence.crm_user,
    }
    return next((each for each, so in holds.items() if so), Condition.WORKING)


def next_step(mailbox: Mailbox, *, delegated: bool) -> NextStep:
    """Whose the next step is. `delegated`: an admin lets MailMagnet into the mailboxes of all, so no user can give a consent."""
    match condition(mailbox):
        case Condition.LEAVING | Condition.OFF | Condition.WORKING:
            return NextStep.NOBODY
        case Condition.IN_TROUBLE if mailbox.trouble:
            return _next_in_trouble(mailbox.trouble.reason, delegated=delegated)
    return NextStep.USER


def _next_in_trouble(reason: Reason, *, delegated: bool) -> NextStep:
    match reason:
        case Reason.CONSENT:
            return NextStep.GOOGLE_ADMIN if delegated else NextStep.USER
        case Reason.GMAIL_REFUSES | Reason.DELEGATION:
            return NextStep.GOOGLE_ADMIN
        case Reason.CRM_SIGN_IN:
            return NextStep.USER
        case Reason.CRM_LIST:
            return NextStep.ADMIN
        case Reason.CRM_PERMISSION:
            return NextStep.CRM_ADMIN
    return NextStep.NOBODY
