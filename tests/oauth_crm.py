"""A CRM of the tests whose users sign in at a token server (`single`), or whose account an admin connects there for all (`whole`)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from crm_client.authorization_code import AuthorizationCode
from crm_client.kind import CrmKind, CrmMeans
from crm_client.renewal import CrmAccess
from mailmagnet.crm import (
    MAIL_INTEGRATION,
    Asked,
    Budget,
    Capabilities,
    CrmSettings,
    Deal,
    Organisation,
    Profile,
    RecordPage,
    Rights,
    Senders,
    User,
)
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import BadAnswer, NotAuthorised, NotPermitted, Service, Side, Upstream
from mailmagnet.vault import Connection
from tests.token_server import API, AUTHORIZE, REVOKE, TOKEN, TokenServer

SINGLE, WHOLE = "single", "whole"
CRM = Service(Side.CRM, "TestCRM")
HERE = "https://eu.testcrm.example"
CAPABILITIES = Capabilities(rights=Rights.ACCOUNT, record_page=RecordPage.LINK, addresses_a_call=100)
ADMINISTRATOR = Profile("1", "Administrator", frozenset(), administrator=True)
REP = Profile("2", "Rep", frozenset())


@dataclass
class TestCrms:
    """What the CRM is like now: who consents there, where it says that the account is, and its users."""

    __test__ = False
    server: TokenServer
    account: str = "7"
    company: str = "portal 1"
    name: str = "Ada Byron"
    origin: str = HERE
    administrator: bool = True
    users: list[User] = field(default_factory=list)
    asked_as: list[str] = field(default_factory=list)

    def kinds(self) -> Mapping[str, CrmKind]:
        return {
            SINGLE: CrmKind(CRM.name, CAPABILITIES, partial(SignIn, self), partial(Client, self), has_client=True),
            WHOLE: CrmKind(CRM.name, CAPABILITIES, partial(AccountLink, self), partial(Client, self), has_client=True),
        }


class SignIn:
    """`BrowserSignIn`."""

    name = CRM.name

    def __init__(self, crms: TestCrms, means: CrmMeans, _: CrmChoice) -> None:
        self.crms = crms
        self.flow = AuthorizationCode(CRM, means.client, means.session_of, 2.0)
        self.origin = crms.server.origin

    def authorize_url(self, state: str, challenge: str) -> str:
        return self.flow.url(self.origin + AUTHORIZE, "read", state, challenge)

    async def signed_in(self, answer: Mapping[str, str], verifier: str) -> CrmTokens:
        granted = await self.flow.exchanged(self.origin + TOKEN, answer["code"], verifier)
        access, refresh, crms = granted.access, granted.refresh, self.crms
        tokens = CrmTokens(crms.account, crms.name, access, refresh, _in_an_hour(), origin=crms.origin, company=crms.company)
        async with self.flow.or_ended(partial(self.sign_out, tokens)):
            if not self.crms.origin.endswith(".testcrm.example"):
                raise BadAnswer(CRM, "the account is served where no account of this CRM is")
            self.check(tokens)
        return tokens

    def check(self, tokens: CrmTokens) -> None:
        """Everybody may sign in."""

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        granted = await self.flow.renewed(self.origin + TOKEN, tokens.refresh)
        return replace(tokens, access=granted.access, refresh=granted.refresh, expires_at=_in_an_hour())

    async def sign_out(self, tokens: CrmTokens) -> None:
        await self.flow.revoke(self.origin + REVOKE, tokens.refresh)


class AccountLink(SignIn):
    """`AccountSignIn`."""

    def check(self, tokens: CrmTokens) -> None:
        if not self.crms.administrator:
            raise NotPermitted(CRM, "whoever consented is no administrator")

    async def tokens_for(self, account: CrmTokens, user: CrmTokens) -> CrmTokens:
        return account


class Client:
    """`CrmClient`."""

    name = CRM.name
    capabilities = CAPABILITIES

    def __init__(self, crms: TestCrms, means: CrmMeans, choice: CrmChoice) -> None:
        self._crms, self._means, self._choice = crms, means, choice

    def budget(self, _: Connection) -> Budget | None:
        return None

    def as_user(self, connection: Connection) -> Any:
        access = self._means.renewal_of(self._choice).access_of(connection)
        session = self._means.session_of(self._crms.server.origin)

        async def ask(token: str) -> str:
            answer = await session.request(
                CRM, "GET", self._crms.server.origin + API, seconds=2.0, headers={"Authorization": f"Bearer {token}"}
            )
            if answer.status != 200:
                raise NotAuthorised(CRM)
            return str(json.loads(answer.body)["id"])

        return View(self._crms, access, connection, partial(access.ask, ask))

    async def senders_of(self, asked: Sequence[Asked]) -> Sequence[Senders | Upstream]:
        raise AssertionError("the job asks nothing here")


class View:
    """As much of `Crm` as tells who somebody is."""

    name = CRM.name
    capabilities = CAPABILITIES

    def __init__(self, crms: TestCrms, access: CrmAccess, connection: Connection, ask: Any) -> None:
        self._crms, self._access, self._connection, self._ask = crms, access, connection, ask

    async def me(self) -> User:
        await self._ask()
        account = self._connection.crm.account if self._connection.crm else ""
        self._crms.asked_as.append(account)
        mine = [user for user in self._crms.users if user.id == account and user.active]
        if not mine:
            raise NotPermitted(CRM, "this user is not active")
        allowed = frozenset({MAIL_INTEGRATION}) if self._access.listed else frozenset()
        return replace(mine[0], profile=replace(mine[0].profile, permissions=allowed))

    async def users(self) -> Sequence[User]:
        await self._ask()
        return list(self._crms.users)

    async def administrators(self) -> Sequence[User]:
        return [user for user in await self.users() if user.profile.administrator]

    async def deals_closing(self, *_: object) -> Sequence[Deal]:
        await self._ask()
        return ()

    async def settings(self) -> CrmSettings:
        return CrmSettings(Organisation("Corp", "UTC", "EUR"), (), ())


def _in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)
