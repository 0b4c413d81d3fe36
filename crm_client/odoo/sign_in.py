"""Signing in to Odoo: the user's own API key is typed on our page, and Odoo says whose it is."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from crm_client.odoo.records import user_name
from crm_client.odoo.server import ODOO, OdooServer
from mailmagnet.crm_sign_in import CrmTokens, SignInField
from mailmagnet.errors import BadAnswer, NotAuthorised

API_KEY = "api_key"
FIELDS = (SignInField(API_KEY, "API key (Odoo: My Preferences, Security, Add API Key)", secret=True),)
LONGEST_KEY = 200
NO_END = timedelta(days=3650)
"""A key does not tell its end: it is good until Odoo refuses it, for ordinary users after 90 days at most."""


class OdooSignIn:
    """`mailmagnet.crm_sign_in.TypedSignIn` of one Odoo. A key is kept as it is: nothing renews it, and only its user ends it."""

    def __init__(self, server: OdooServer, now: Callable[[], datetime]) -> None:
        self._server = server
        self._now = now

    @property
    def name(self) -> str:
        return ODOO.name

    @property
    def fields(self) -> Sequence[SignInField]:
        return FIELDS

    async def sign_in(self, org: str, user: str, typed: Mapping[str, str]) -> CrmTokens:
        key = typed.get(API_KEY, "").strip()
        if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isalnum():
            raise NotAuthorised(ODOO, "this is no API key")
        mine = await self._server.call(key, "res.users", "context_get", {})
        uid = mine.get("uid") if isinstance(mine, dict) else None
        if type(uid) is not int:
            raise BadAnswer(ODOO, "the answer does not say whose the key is")
        users = await self._server.search(key, "res.users", [["id", "=", uid]], {"name": {}}, limit=1)
        if not users:
            raise BadAnswer(ODOO, "the key's user is not there")
        return CrmTokens(str(uid), user_name(users[0]), key, "", self._now() + NO_END)

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        raise NotAuthorised(ODOO, "an API key cannot be renewed")

    async def sign_out(self, tokens: CrmTokens) -> None:
        """Without effect at Odoo: a key cannot end itself over this API. Its user deletes it there."""
