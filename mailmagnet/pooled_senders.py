"""The senders of runs that are under way side by side, asked of the CRM as one question: each mailbox by what its own user may see."""

import asyncio
from collections.abc import Collection, Iterable, Sequence

from mailmagnet.crm import Asked, CrmClient, Senders
from mailmagnet.vault import Connection

SECONDS_TO_WAIT = 20.0
"""How long a run waits for others: one whose Gmail is slow holds nobody up for longer."""


class PooledSenders:
    """What runs ask together. In memory alone: a run that dies takes nothing with it, and its mailbox begins anew."""

    def __init__(self, client: CrmClient, users: Iterable[str]) -> None:
        """`users` are those of the mailboxes whose runs begin now, all of one organisation and CRM."""
        self._client = client
        self._to_come = set(users)
        self._waiting: list[tuple[Asked, asyncio.Future[Senders]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._asking: set[asyncio.Task[None]] = set()

    def asks(self, client: CrmClient) -> bool:
        """Whether this is whom it asks: a run whose organisation has chosen another CRM meanwhile asks that one, by itself."""
        return client is self._client

    async def senders(self, connection: Connection, addresses: Collection[str]) -> Senders:
        """As `Crm.senders`, once the other runs have asked too, or asked nothing. What it costs counts as the calls of one of them.

        Raises what failed for this mailbox.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Senders] = loop.create_future()
        self._waiting.append((Asked(connection, frozenset(addresses)), answer))
        self._timer = self._timer or loop.call_later(SECONDS_TO_WAIT, self._ask)
        self.is_over(connection.user)
        return await answer

    def is_over(self, user: str) -> None:
        """A run is at its end, or has asked: nobody waits for it any more."""
        self._to_come.discard(user)
        if not self._to_come:
            self._ask()

    def _ask(self) -> None:
        if self._timer:
            self._timer.cancel()
        waiting, self._waiting, self._timer = self._waiting, [], None
        if waiting:
            asking = asyncio.create_task(self._answer(waiting))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)

    async def _answer(self, waiting: list[tuple[Asked, asyncio.Future[Senders]]]) -> None:
        found: Sequence[tuple[asyncio.Future[Senders], Senders | Exception]]
        answers = [answer for _, answer in waiting]
        try:
            found = list(zip(answers, await self._client.senders_of([asked for asked, _ in waiting]), strict=True))
        except Exception as error:  # nobody foresaw it: each run says so of its own mailbox
            found = [(answer, error) for answer in answers]
        for answer, each in found:
            if answer.done():  # its run has given up
                continue
            if isinstance(each, Exception):
                answer.set_exception(each)
            else:
                answer.set_result(each)
