"""Signing in to Odoo: the user's own API key is typed on our page, and Odoo says whose it is, and until when it is good."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from crm_client.fields import Record, moment, text
from crm_client.odoo.questions import USER, USER_FIELDS, Fields, Question, by_id
from crm_client.odoo.records import user_name
from crm_client.odoo.server import ODOO, OdooServer
from mailmagnet.crm_sign_in import NO_END, CrmTokens, SignInField
from mailmagnet.errors import BadAnswer, NotAuthorised

API_KEY = "api_key"
FIELDS = (SignInField(API_KEY, "API key (Odoo: My Preferences, Security, Add API Key)", secret=True),)
LONGEST_KEY = 200
OURS = "mailmagnet"
"""What our key is called, where a user follows the guide: Odoo tells of a user's keys their names and ends, never which one is used."""

_KEY_FIELDS: Fields = {"name": {}, "create_date": {}, "expiration_date": {}}


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
        uid = await self._uid_of(key)
        found = await self._server.search(key, by_id(USER, uid, USER_FIELDS))
        if not found.records:
            raise BadAnswer(ODOO, "the key's user is not there")
        return CrmTokens(str(uid), user_name(found.records[0]), key, "", await self._end_of(key, uid))

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        """The same key, if Odoo still takes it: its end was the likeliest of the user's keys'."""
        uid = await self._uid_of(tokens.access)
        if str(uid) != tokens.account:
            raise NotAuthorised(ODOO, "the key is somebody else's")
        return replace(tokens, expires_at=await self._end_of(tokens.access, uid))

    async def sign_out(self, tokens: CrmTokens) -> None:
        """Without effect at Odoo: a key cannot end itself over this API. Its user deletes it there."""

    async def _uid_of(self, key: str) -> int:
        mine = await self._server.call(key, USER, "context_get", {})
        uid = mine.get("uid") if isinstance(mine, dict) else None
        if type(uid) is not int:
            raise BadAnswer(ODOO, "the answer does not say whose the key is")
        return uid

    async def _end_of(self, key: str, uid: int) -> datetime:
        """When the key ends: of the user's keys that are good it is the last made of those that are called as ours, or of all.
        Administrators may make some without an end."""
        keys = await self._server.search(key, Question("res.users.apikeys", [["user_id", "=", uid]], _KEY_FIELDS))
        ends = [(_is_ours(each), text(each, "create_date"), moment(ODOO, each, "expiration_date")) for each in keys.records]
        good = [(ours, made, end or NO_END) for ours, made, end in ends if end is None or end > self._now()]
        return max(good, default=(False, "", NO_END))[2]


def _is_ours(key: Record) -> bool:
    return OURS in text(key, "name").casefold().replace(" ", "")
