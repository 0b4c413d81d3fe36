"""The use case "unopened": the admin is shown whose users come no more, which is what parking waits for."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from mailmagnet.caller import Caller
from mailmagnet.deadline import in_time_or_problem
from mailmagnet.errors import MAILMAGNET, NotFound, Upstream
from mailmagnet.parking import admin_told, is_unopened
from mailmagnet.parts import Parts
from mailmagnet.store import Mailbox, Presence

MOST_SHOWN = 20
"""As many as the admin's card names at once; the others follow when these are parked."""


@dataclass(frozen=True, slots=True)
class Unopened:
    """Mailboxes that nobody comes to: those `unopened` for long and still sorted, and those `parked` until they are forgotten.

    Of each the longest unopened, MOST_SHOWN at most, and how many there are in all.
    """

    unopened: tuple[Mailbox, ...] = ()
    unopened_in_all: int = 0
    parked: tuple[Mailbox, ...] = ()
    parked_in_all: int = 0
    problems: tuple[Upstream, ...] = ()


NOBODY = Unopened()
"""Everybody comes."""


async def unopened_of(mailboxes: Sequence[Mailbox], caller: Caller, parts: Parts) -> Unopened:
    """What an admin is shown of these, the org's mailboxes; who is shown as unopened is noted as told. The caller must be an admin."""
    here = sorted((mailbox for mailbox in mailboxes if not mailbox.presence.leaving_since), key=_opened_at)
    parked = [mailbox for mailbox in here if mailbox.presence.parked]
    unopened = [mailbox for mailbox in here if not mailbox.presence.parked and is_unopened(mailbox.presence, caller.now)]
    shown = tuple(unopened[:MOST_SHOWN])
    told = await asyncio.gather(*(_told(mailbox, caller, parts) for mailbox in shown if not mailbox.presence.admin_told_at))
    problems = tuple(problem for problem in told if isinstance(problem, Upstream) and not isinstance(problem, NotFound))
    return Unopened(shown, len(unopened), tuple(parked[:MOST_SHOWN]), len(parked), problems[:1])


def _opened_at(mailbox: Mailbox) -> float:
    opened_at = mailbox.presence.opened_at
    return opened_at.timestamp() if opened_at else 0.0


async def _told(mailbox: Mailbox, caller: Caller, parts: Parts) -> Presence | Upstream:
    change = partial(admin_told, now=caller.now)
    return await in_time_or_problem(MAILMAGNET, caller.by, parts.store.change_presence(mailbox.org, mailbox.user, change))
