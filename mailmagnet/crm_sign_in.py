"""How a user signs in to the CRM: what is typed or where the browser is sent, and the tokens that come of it; the protocol `CrmSignIn`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from mailmagnet.crm_choice import EMBEDDED, CrmChoice


@dataclass(frozen=True, slots=True)
class CrmTokens:
    """A sign-in to the CRM. `account` is the CRM user's id, `name` how the CRM calls that user; `expires_at` is the access token's end.

    `crm` is the CRM that gave the tokens: they are sent to no other, whatever the organisation has chosen since.
    Several Google accounts may be signed in as one CRM user.
    """

    account: str
    name: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime
    crm: CrmChoice = field(default_factory=partial(CrmChoice, EMBEDDED))


@dataclass(frozen=True, slots=True)
class SignInField:
    """What is typed on the sign-in page: a user's name, a password, an API key. A secret one is never shown again."""

    name: str
    label: str
    secret: bool = False


class CrmSignIn(Protocol):
    """The CRM's own sign-in. It alone says who is who in the CRM: an address that looks alike says nothing.

    Every call may raise RateLimited, Unavailable, BadAnswer.
    """

    @property
    def name(self) -> str:
        """The CRM's name as its users know it."""
        ...

    @property
    def fields(self) -> Sequence[SignInField]:
        """What is typed on our page."""
        ...

    async def sign_in(self, org: str, user: str, typed: Mapping[str, str]) -> CrmTokens:
        """The tokens of a Google account (verified ids) that signs in with what was typed. Raises NotAuthorised, in one and the same way
        for an unknown user and a wrong password, and RateLimited after too many tries."""
        ...

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        """A new access token. Raises NotAuthorised when the CRM refuses: then the user has to sign in again."""
        ...

    async def sign_out(self, tokens: CrmTokens) -> None:
        """End this sign-in at the CRM; one that is dead already is no error."""
        ...
