"""Signing in to Tryton: the user's own application key is typed on our page, and Tryton says whose it is. No password is ever asked for.

Tryton would also make a key for whoever names a login, which that user then confirms in the preferences. It is not used: the preferences
do not say who asked, so anybody could have somebody else confirm a key that is then not theirs.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from crm_client.tryton import questions
from crm_client.tryton.records import is_active, number_of, user_name
from crm_client.tryton.server import TRYTON, TrytonServer
from mailmagnet.crm_sign_in import CrmTokens, SignInField
from mailmagnet.errors import NotAuthorised, NotSupported

KEY = "key"
FIELDS = (SignInField(KEY, "Application key (Tryton: Preferences, Applications, a new one for the REST API)", secret=True),)
LONGEST_KEY = 256
"""A key has 128 letters."""
NO_END = timedelta(days=3650)
"""A key is good until its user, or an administrator, cancels it."""


class TrytonSignIn:
    """`mailmagnet.crm_sign_in.TypedSignIn` of one Tryton. A key is kept as it is: nothing renews it."""

    def __init__(self, server: TrytonServer, now: Callable[[], datetime]) -> None:
        self._server = server
        self._now = now

    @property
    def name(self) -> str:
        return TRYTON.name

    @property
    def fields(self) -> Sequence[SignInField]:
        return FIELDS

    async def sign_in(self, org: str, user: str, typed: Mapping[str, str]) -> CrmTokens:
        key = typed.get(KEY, "").strip()
        if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isalnum():
            raise NotAuthorised(TRYTON, "this is no application key")
        found = await self._server.search(key, questions.user_with_key(key))
        if len(found) != 1 or not is_active(found[0]):
            raise NotAuthorised(TRYTON, "the key is nobody's who is active")
        models = await self._server.search(key, questions.MODELS)
        if len(models) != len(questions.NEEDED):
            raise NotSupported(TRYTON, "its modules sale_opportunity and party_relationship are not both active")
        return CrmTokens(str(number_of(found[0])), user_name(found[0]), key, "", self._now() + NO_END)

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        raise NotAuthorised(TRYTON, "an application key cannot be renewed")

    async def sign_out(self, tokens: CrmTokens) -> None:
        """Cancel the key at Tryton: nobody can use it any more."""
        try:
            found = await self._server.search(tokens.access, questions.applications_with_key(tokens.access))
            for application in found:
                await self._server.call(tokens.access, f"{questions.APPLICATION}/{number_of(application)}", "cancel", {})
        except NotAuthorised:
            return
