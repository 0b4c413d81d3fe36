"""After an answer is sent: that its user was here is noted, once a day, and never at the answer's expense."""

import asyncio
from datetime import date

from functions.log import log, where
from mailmagnet.caller import Caller
from mailmagnet.note_opening import note_opening
from mailmagnet.parts import Parts

SECONDS = 10.0
"""How long noting may take: nobody waits for it."""


class Openings:
    """Whose coming this process has noted today. Another process may note it once more, which changes nothing."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._noted: set[tuple[str, str]] = set()

    async def note(self, caller: Caller, parts: Parts) -> None:
        """Note it, if it is not noted. What fails is logged, and tried again at the user's next call."""
        who = (caller.identity.org, caller.identity.user)
        if caller.now.date() != self._day:
            self._day, self._noted = caller.now.date(), set()
        if who in self._noted:
            return
        self._noted.add(who)
        try:
            async with asyncio.timeout(SECONDS):
                await note_opening(caller, parts)
        except Exception as problem:  # the answer is sent: nobody is left to be told, whatever it was
            self._noted.discard(who)
            log("WARNING", "opening not noted", error=type(problem).__name__, where=where(problem))
