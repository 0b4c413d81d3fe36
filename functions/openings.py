"""What follows an answer: that its user was here is noted, sharing of what is gone ends, a CRM that let nobody in is asked again, and a
user of an organisation's install begins with its defaults."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from functions.log import log, where
from mailmagnet.begin_with_defaults import begin_with_defaults
from mailmagnet.caller import Caller
from mailmagnet.choose_crm import end_sign_in_to_another_crm
from mailmagnet.ended_sharing import end_sharing_of_the_gone
from mailmagnet.note_opening import note_opening
from mailmagnet.parts import Parts
from mailmagnet.permission import look_again

SECONDS = 10.0
"""How long it may take: nobody waits for it."""
LOOK_AGAIN = timedelta(minutes=1)
"""How often a user's coming makes us ask a CRM again that did not let the user in."""


class Openings:
    """Whose coming this process has noted today. Another process may note it once more, which changes nothing."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._noted: set[tuple[str, str]] = set()
        self._looked: dict[tuple[str, str], datetime] = {}
        self._begun: set[tuple[str, str]] = set()

    async def note(self, caller: Caller, parts: Parts) -> None:
        """Note it, if it is not noted; look whether what kept the CRM from letting the user in is over; have the user begin with the
        admin's defaults, if that is still to be done.

        What fails is logged, and tried again at the user's next call.
        """
        who = (caller.identity.org, caller.identity.user)
        if caller.now.date() != self._day:
            self._day, self._noted, self._looked, self._begun = caller.now.date(), set(), {}, set()
        if who not in self._noted:
            self._noted.add(who)
            if not await _done("opening not noted", note_opening(caller, parts)):
                self._noted.discard(who)
            later = replace(caller, by=asyncio.get_running_loop().time() + SECONDS)
            await _done("shared contacts not looked for", end_sharing_of_the_gone(later, parts))
        looked = self._looked.get(who)
        if not looked or caller.now - looked >= LOOK_AGAIN:
            self._looked[who] = caller.now
            ended = end_sign_in_to_another_crm(caller.identity.org, caller.identity.user, parts)
            await _done("the sign-in to another CRM not ended", ended)
            await _done("not looked again", look_again(caller.identity, parts))
        if who not in self._begun:
            await _done("defaults not put in place", self._begin(who, caller, parts))

    async def _begin(self, who: tuple[str, str], caller: Caller, parts: Parts) -> None:
        """At every call until it is done: the user may have signed in to the CRM a moment ago."""
        if await begin_with_defaults(caller, parts):
            self._begun.add(who)


async def _done(otherwise: str, work: Coroutine[Any, Any, object]) -> bool:
    """Whether it came to its end; if not, that is logged."""
    try:
        async with asyncio.timeout(SECONDS):
            await work
    except Exception as problem:  # the answer is sent: nobody is left to be told, whatever it was
        log("WARNING", otherwise, error=type(problem).__name__, where=where(problem))
        return False
    return True
