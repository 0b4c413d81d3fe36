"""One user of one Tryton asks it: many questions at once, and only with the permission."""

import asyncio
from collections.abc import Collection

from crm_client.fields import Record
from crm_client.renewal import CrmAccess
from crm_client.side_by_side import one_problem
from crm_client.tryton import questions
from crm_client.tryton.memory import TrytonMemory
from crm_client.tryton.records import Owners, Records, is_active, owners_by_employee, profile_of, user_of
from crm_client.tryton.server import TRYTON, Question, TrytonServer
from mailmagnet.crm import MAIL_INTEGRATION, User
from mailmagnet.errors import NotAuthorised, NotFound, NotPermitted

HIGHEST_ID = 2**31 - 1
"""An id is a 32-bit integer in Tryton's database, which takes no other."""


class TrytonUser:
    """Who asks, and with which key."""

    def __init__(self, server: TrytonServer, access: CrmAccess, uid: str, memory: TrytonMemory) -> None:
        """`uid` is Tryton's id of the user whose key `access` has."""
        self._server = server
        self._access = access
        self._uid = uid
        self._memory = memory
        self.signed_in = (access.org, access.user, uid)

    async def see(self, *asked: Question) -> list[list[Record]]:
        """The answers, all asked at once. Raises NotPermitted without the permission, whatever Tryton would answer."""
        return await self._access.ask(lambda key: self._see(key, asked))

    async def records(self) -> Records:
        """How this user's records are put together."""
        return await self._access.ask(self._records)

    async def who(self) -> Record:
        """The user's own record. It may be asked without the permission."""
        return await self._access.ask(self._who)

    async def me(self) -> User:
        return user_of(await self.who())

    async def ask(self, question: Question) -> list[Record]:
        """One answer, for a user who is active, whether with the permission or not."""

        async def answer(key: str) -> list[Record]:
            await self._who(key)
            return await self._server.search(key, question)

        return await self._access.ask(answer)

    async def _see(self, key: str, asked: Collection[Question]) -> list[list[Record]]:
        with one_problem():
            async with asyncio.TaskGroup() as group:
                group.create_task(self._check_permission(key))
                answers = [group.create_task(self._answer(key, question)) for question in asked]
        return [each.result() for each in answers]

    async def _check_permission(self, key: str) -> None:
        if MAIL_INTEGRATION not in profile_of(await self._who(key)).permissions:
            raise NotPermitted(TRYTON, permission=MAIL_INTEGRATION)

    async def _who(self, key: str) -> Record:
        """Raises NotAuthorised for a user who is not active any more: Tryton itself lets the key in still."""
        user = await self._memory.users.get(self.signed_in, lambda: self._ask_user(key))
        if not is_active(user):
            raise NotAuthorised(TRYTON, "the user is not active any more")
        return user

    async def _ask_user(self, key: str) -> Record:
        found = await self._server.search(key, questions.user(number(self._uid)))
        if not found:
            raise NotAuthorised(TRYTON, "the user is not there any more")
        return found[0]

    async def _records(self, key: str) -> Records:
        with one_problem():
            async with asyncio.TaskGroup() as group:
                database = group.create_task(self._server.database())
                owners = group.create_task(self._memory.owners.get(self.signed_in, lambda: self._ask_owners(key)))
        return Records(self._server.origin, database.result(), self._uid, owners.result())

    async def _ask_owners(self, key: str) -> Owners:
        return owners_by_employee(await self._server.search(key, questions.USERS))

    async def _answer(self, key: str, question: Question) -> list[Record]:
        try:
            return await self._server.search(key, question)
        except NotPermitted:
            return await self._answer_with_less(key, question)

    async def _answer_with_less(self, key: str, question: Question) -> list[Record]:
        """Tryton refuses a whole answer for one field that the user may not read."""
        which = (self.signed_in, question.model)
        readable = await self._memory.readable.get(which, lambda: self._server.readable(key, question))
        if readable is None:
            return []
        return await self._server.search(key, question.of_fields(readable))


def number(record_id: str) -> int:
    """An id as Tryton has it. Raises NotFound for what no id of Tryton's is."""
    if record_id.isascii() and record_id.isdigit() and len(record_id) <= len(str(HIGHEST_ID)) and int(record_id) <= HIGHEST_ID:
        return int(record_id)
    raise NotFound(TRYTON, "there is no such record")
