"""What one user looked up in a CRM just now, in the process's memory for a minute at most: a mail that is opened again costs no call.

Never between users, and gone with the user's own write. The design allows records 60 seconds in memory, per user.
"""

from collections.abc import Awaitable, Callable, Collection, Hashable
from functools import partial
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

from crm_client.memory import Memory
from mailmagnet.crm import Contact, Crm, Deal, KnownAccount, Lead, LookUp, WritableCrm
from mailmagnet.crm_sign_in import Sees
from mailmagnet.vault import Connection

Answer = TypeVar("Answer")

MOST_ANSWERS = 500
"""In one process: some 10 KB each."""
WRITES = frozenset(name for name in vars(WritableCrm) if not name.startswith("_"))
"""The calls by which a user changes something."""


@runtime_checkable
class Filtered(Protocol):
    """A view whose answers are filtered by what an admin lets users see."""

    async def sees(self) -> Sees:
        """What that is now. Raises NotListed, SignInNeeded, and what the vault raises."""
        ...


class LookUps:
    """The answers that are remembered, of all users of one process. Those of one user are under that user's own key."""

    def __init__(self, seconds: float) -> None:
        self._memory: Memory[tuple[Hashable, Hashable], Any] = Memory(seconds, MOST_ANSWERS)

    def remembering(self, crm: Crm, connection: Connection) -> Crm:
        """The same view, of which look-ups are remembered for this user, signed in as now."""
        signed_in = connection.crm
        # Two companies' users may have the same id.
        as_whom = (
            (signed_in.crm, signed_in.origin, signed_in.company, signed_in.through, signed_in.account) if signed_in else None
        )
        return cast(Crm, _Remembered(crm, (connection.org, connection.user, as_whom, connection.listed), self))

    async def get(self, whose: Hashable, question: Hashable, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """What is remembered, else what `ask` answers. Raises what `ask` raises, which is not remembered."""
        return cast(Answer, await self._memory.get((whose, question), ask))

    def forget(self, whose: Hashable, question: Hashable | None = None) -> None:
        """One answer of a user's, or all."""
        self._memory.forget_those(lambda key: key[0] == whose and question in (None, key[1]))


class _Remembered:
    """`mailmagnet.crm.Crm`, or `WritableCrm` where the view is one. What is no look-up is asked as ever."""

    def __init__(self, crm: Crm, whose: Hashable, look_ups: LookUps) -> None:
        self._crm = crm
        self._whose = whose
        self._look_ups = look_ups

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        """One that leaves somebody out is not remembered: asked again, there may be time for all."""
        question = ("look_up", frozenset(front), frozenset(others), frozenset(domains), await self._sees())
        found = await self._look_ups.get(self._whose, question, partial(self._crm.look_up, front, others, domains, by))
        if found.not_asked:
            self._look_ups.forget(self._whose, question)
        return found

    async def contact(self, contact_id: str) -> Contact:
        return await self._record("contact", contact_id, self._crm.contact)

    async def lead(self, lead_id: str) -> Lead:
        return await self._record("lead", lead_id, self._crm.lead)

    async def deal(self, deal_id: str) -> Deal:
        return await self._record("deal", deal_id, self._crm.deal)

    async def account(self, account_id: str) -> KnownAccount:
        return await self._record("account", account_id, self._crm.account)

    async def _record(self, kind: str, record_id: str, ask: Callable[[str], Awaitable[Answer]]) -> Answer:
        return await self._look_ups.get(self._whose, (kind, record_id, await self._sees()), partial(ask, record_id))

    async def _sees(self) -> Sees | None:
        """An answer that an admin's earlier choice has filtered is none to the same question now."""
        return await self._crm.sees() if isinstance(self._crm, Filtered) else None

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._crm, name)
        return partial(self._write, call) if name in WRITES else call

    async def _write(self, call: Callable[..., Awaitable[Any]], *words: Any, **more: Any) -> Any:
        """What was looked up before it, or meanwhile, is forgotten whether it is done or not: it may have been done."""
        try:
            return await call(*words, **more)
        finally:
            self._look_ups.forget(self._whose)
