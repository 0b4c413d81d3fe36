"""One user of one organisation asks Salesforce: a call that holds many questions, only of what the user may see, with the permission."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from crm_client.fields import Record, inner, inner_all, text
from crm_client.renewal import CrmAccess
from crm_client.salesforce import questions
from crm_client.salesforce.addresses import SALESFORCE
from crm_client.salesforce.memory import SalesforceMemory, SetUp
from crm_client.salesforce.questions import NOTHING, Visible
from crm_client.salesforce.records import Shown, is_permitted, settings_of
from crm_client.salesforce.server import Hidden, Query, Records, Resource, SalesforceServer
from mailmagnet.crm import MAIL_INTEGRATION
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import NotAuthorised, NotPermitted

Questions = Callable[[Visible], Sequence[Query]]
"""What is asked, by what the user may see: five queries at most."""


@dataclass(frozen=True, slots=True)
class Told:
    """The answers to the queries, and how their records are shown."""

    records: Sequence[Records] = field(repr=False)
    shown: Shown


class SalesforceUser:
    """Who asks. `uid` is Salesforce's id of the user."""

    def __init__(
        self, server: SalesforceServer, access: CrmAccess, uid: str, memory: SalesforceMemory, now: Callable[[], datetime]
    ) -> None:
        self._server = server
        self._access = access
        self._memory = memory
        self._now = now
        self.uid = uid
        self.signed_in = (access.org, access.user, uid)

    async def see(self, ask: Questions) -> Told:
        """The answers. Raises NotPermitted without the permission, whatever Salesforce would answer; the account's own link needs none."""
        return await self._access.ask_as(lambda tokens: self._see(tokens, ask))

    async def set_up(self) -> SetUp:
        """Settings, and what the user may see. Raises NotPermitted without the permission."""
        return await self._access.ask_as(self._permitted_set_up)

    async def look(self, ask: Questions) -> tuple[bool, Sequence[Records]]:
        """Whether the user has the permission, and answers that all may have."""
        return await self._access.ask_as(lambda tokens: self._look(tokens, ask))

    async def _permitted_set_up(self, tokens: CrmTokens) -> SetUp:
        set_up = await self._set_up(tokens)
        _check(await self._memory.permitted.get(self.signed_in, lambda: self._is_permitted(tokens)))
        return set_up

    async def _is_permitted(self, tokens: CrmTokens) -> bool:
        permitted, _ = await self._ask(tokens, ())
        return permitted

    async def _see(self, tokens: CrmTokens, ask: Questions) -> Told:
        permitted, records = await self._look(tokens, ask)
        _check(permitted or self._access.is_account)
        settings = (await self._set_up(tokens)).settings
        return Told(records, Shown(tokens.origin, self.uid, settings.organisation.home_currency, self._now()))

    async def _look(self, tokens: CrmTokens, ask: Questions) -> tuple[bool, Sequence[Records]]:
        try:
            return await self._ask(tokens, ask((await self._set_up(tokens)).see))
        except Hidden:
            # Since it was remembered what the user may see, something has been hidden.
            self._memory.set_ups.forget(self.signed_in)
        return await self._ask(tokens, ask((await self._set_up(tokens)).see))

    async def _ask(self, tokens: CrmTokens, asked: Sequence[Query]) -> tuple[bool, Sequence[Records]]:
        permitted, _, answers = await self._call(tokens, (), [query for query in asked if query != NOTHING])
        remaining = iter(answers)
        return permitted, [Records((), 0) if query == NOTHING else next(remaining) for query in asked]

    async def _call(
        self, tokens: CrmTokens, resources: Sequence[Resource], queries: Sequence[Query]
    ) -> tuple[bool, Sequence[Record], Sequence[Records]]:
        """One call, with which it is always asked whether the user has the permission."""
        self._memory.origins[self._access.org] = tokens.origin
        (me, *told), answers = await self._server.ask(tokens, [questions.permission_of(self.uid), *resources], queries)
        permitted = is_permitted(me)
        await self._memory.permitted.get(self.signed_in, partial(_known, permitted))
        return permitted, told, answers

    async def _set_up(self, tokens: CrmTokens) -> SetUp:
        return await self._memory.set_ups.get(self.signed_in, lambda: self._ask_set_up(tokens))

    async def _ask_set_up(self, tokens: CrmTokens) -> SetUp:
        described = [Resource(f"sobjects/{name}/describe", optional=True) for name in questions.DESCRIBED]
        asked = (questions.ORGANISATION, questions.STAGES, questions.CURRENCIES)
        _, descriptions, (organisation, stages, currencies) = await self._call(tokens, described, asked)
        see = visible(descriptions)
        if not see.has("User"):
            raise NotAuthorised(SALESFORCE, "the user may see nothing, not even who it is")
        one_currency = "" if currencies.records else await self._default_currency(tokens)
        return SetUp(see, settings_of(organisation, stages, currencies, one_currency))

    async def _default_currency(self, tokens: CrmTokens) -> str:
        """That of an organisation that has one alone; no query tells it."""
        told = await self._server.get(tokens, Resource("connect/organization"))
        return text(inner(told, "features"), "defaultCurrencyIsoCode")


async def _known(permitted: bool) -> bool:
    return permitted


def _check(permitted: bool) -> None:
    if not permitted:
        raise NotPermitted(SALESFORCE, permission=MAIL_INTEGRATION)


def visible(descriptions: Sequence[Record]) -> Visible:
    """What descriptions show: an object that is not there for the user has none, and its fields only those that the user may see
    (https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm)."""
    fields = {text(each, "name"): frozenset(text(one, "name") for one in inner_all(each, "fields")) for each in descriptions}
    return Visible({name: found for name, found in fields.items() if name})
