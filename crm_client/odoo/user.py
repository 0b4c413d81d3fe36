"""One user of one Odoo asks it: many questions at once, in the user's language, and only with the permission."""

import asyncio
from collections.abc import Collection, Mapping

from crm_client.fields import Record, text
from crm_client.odoo.memory import OdooMemory
from crm_client.odoo.questions import LEAD, PARTNER, PERMITTED_GROUPS, USER, USER_FIELDS, Question, by_id
from crm_client.odoo.records import Groups, groups_of, permitted_groups, user_of
from crm_client.odoo.server import ENGLISH, ODOO, Answer, OdooServer, RecordRefused
from crm_client.renewal import CrmAccess
from crm_client.side_by_side import one_problem
from mailmagnet.crm import MAIL_INTEGRATION, User
from mailmagnet.errors import BadAnswer, NotAuthorised, NotFound, NotPermitted

LONGEST_ID = 15


class OdooUser:
    """Who asks, and with which key."""

    def __init__(self, server: OdooServer, access: CrmAccess, uid: str, memory: OdooMemory) -> None:
        """`uid` is Odoo's id of the user whose key `access` has."""
        self._server = server
        self._access = access
        self._uid = uid
        self._memory = memory
        self.signed_in = (access.org, access.user, uid)

    async def see(self, *questions: Question) -> list[Answer]:
        """The answers, all asked at once. Raises NotPermitted without the permission, whatever Odoo would answer."""
        return await self._access.ask(lambda key: self._see(key, questions))

    async def who(self) -> tuple[Record, Groups]:
        """The user's record, and which groups decide. It may be asked without the permission."""
        return await self._access.ask(self._who)

    async def me(self) -> User:
        return user_of(*await self.who())

    async def ask(self, question: Question) -> Answer:
        """One answer, whether the user has the permission or not."""
        return await self._access.ask(lambda key: self._server.search(key, question))

    async def _see(self, key: str, questions: Collection[Question]) -> list[Answer]:
        language = self._memory.languages.get(self.signed_in, ENGLISH)
        with one_problem():
            async with asyncio.TaskGroup() as group:
                checking = group.create_task(self._permitted(key))
                asking = [group.create_task(self._answer(key, question, language)) for question in questions]
        own = text(checking.result(), "lang") or ENGLISH
        if own == language:
            return [each.result() for each in asking]
        # The first time of a user with another language: the language comes with the answers, and they are asked for once more.
        self._memory.languages[self.signed_in] = own
        return await self._see(key, questions)

    async def _permitted(self, key: str) -> Record:
        """Who asks. Raises NotPermitted without the permission."""
        user, groups = await self._who(key)
        if MAIL_INTEGRATION not in groups.profile(groups_of(user)).permissions:
            raise NotPermitted(ODOO, permission=MAIL_INTEGRATION)
        return user

    async def _who(self, key: str) -> tuple[Record, Groups]:
        with one_problem():
            async with asyncio.TaskGroup() as group:
                user = group.create_task(self._memory.users.get(self.signed_in, lambda: self._ask_user(key)))
                groups = group.create_task(self._memory.groups.get(self.signed_in, lambda: self._ask_groups(key)))
        return user.result(), groups.result()

    async def _ask_user(self, key: str) -> Record:
        found = await self._server.search(key, by_id(USER, number(self._uid), USER_FIELDS))
        if not found.records:
            raise NotAuthorised(ODOO, "the user is not there any more")
        return found.records[0]

    async def _ask_groups(self, key: str) -> Groups:
        """The administrators' by the name that it has within Odoo, whatever it is called on screen."""
        system, named = await asyncio.gather(
            self._server.call(key, "ir.model.data", "check_object_reference", {"module": "base", "xml_id": "group_system"}),
            self._server.search(key, PERMITTED_GROUPS),
        )
        match system:
            case [_, int(administrators)]:
                return Groups(administrators, permitted_groups(named.records))
        raise BadAnswer(ODOO, "it does not say which group its administrators are in")

    async def _answer(self, key: str, question: Question, language: str) -> Answer:
        try:
            return await self._server.search(key, question, language)
        except RecordRefused:
            return await self._answer_with_less(key, question, language)

    async def _answer_with_less(self, key: str, question: Question, language: str) -> Answer:
        """Odoo refuses a whole answer for one field, or one company behind a record, that the user may not see."""
        readable = await self._memory.readable.get(self.signed_in, lambda: self._ask_readable(key))
        less = question.of_readable(readable)
        if less != question:
            try:
                return await self._server.search(key, less, language)
            except RecordRefused:
                pass
        return await self._server.search(key, less.without_companies(), language)

    async def _ask_readable(self, key: str) -> Mapping[str, Collection[str]]:
        models = (PARTNER, LEAD)
        told = await asyncio.gather(*(self._server.call(key, model, "fields_get", {"attributes": ["type"]}) for model in models))
        return {model: frozenset(fields) if isinstance(fields, dict) else () for model, fields in zip(models, told, strict=True)}


def number(record_id: str) -> int:
    """An id as Odoo has it. Raises NotFound for what no id of Odoo's is."""
    if not (record_id.isascii() and record_id.isdigit() and len(record_id) <= LONGEST_ID):
        raise NotFound(ODOO, "there is no such record")
    return int(record_id)
