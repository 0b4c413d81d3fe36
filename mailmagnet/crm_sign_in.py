"""How a user signs in to the CRM: what is typed or where the browser is sent, and the tokens that come of it; the protocol `CrmSignIn`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Protocol, runtime_checkable

from mailmagnet.crm_choice import EMBEDDED, CrmChoice

NO_END = datetime(9000, 1, 1, tzinfo=UTC)
"""When what holds no token expires."""


@dataclass(frozen=True, slots=True)
class CrmTokens:
    """A sign-in to the CRM. `account` is the CRM user's id, `name` how the CRM calls that user; `expires_at` is the access token's end.

    `crm` is the CRM that gave the tokens: they are sent to no other, whatever the organisation has chosen since. `origin` is where that CRM
    said at sign-in that this account is served ("https://host"), "" where it says nothing; it is held against the vendor's closed list
    before it is kept, and each time that it is used. Several Google accounts may be signed in as one CRM user.

    `company` is the CRM's account in which the user has signed in at the vendor's (Zoho's organisation, Pipedrive's company), "" where the
    CRM's address says it: anybody may have one of their own there, in which they are the administrator.

    Of an account's own link `account` and `name` are those of the whole CRM account. `through` is that `account` where an admin has mapped
    the user to this CRM user: then the account's link is asked with, and there are no tokens here.
    """

    account: str
    name: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime
    crm: CrmChoice = field(default_factory=partial(CrmChoice, EMBEDDED))
    origin: str = ""
    through: str = ""
    company: str = ""

    @property
    def ends_at(self) -> datetime | None:
        """When the user has to sign in anew, where that is known before: a token that nothing renews is a key that the user has made."""
        renewed = self.refresh or not self.access
        return None if renewed or self.expires_at >= NO_END else self.expires_at

    @property
    def through_account(self) -> bool:
        """Whether it is the account's link that is asked with."""
        return bool(self.through)


def mapped_to(crm_user: str, name: str, link: CrmTokens) -> CrmTokens:
    """What is kept of a user whom an admin has mapped to a CRM user of the account that is linked: no token, so nothing that ends."""
    return CrmTokens(crm_user, name, "", "", NO_END, link.crm, link.origin, through=link.account)


class Sees(StrEnum):
    """What an admin lets each user see of a CRM whose token sees the whole account: the user's own records, the team's too, or all."""

    OWN = "own"
    TEAM = "team"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class SignInField:
    """What is typed on the sign-in page: a user's name, a password, an API key. A secret one is never shown again."""

    name: str
    label: str
    secret: bool = False


class CrmSignIn(Protocol):
    """The CRM's own sign-in. It alone says who is who in the CRM: an address that looks alike says nothing.

    Every call may raise RateLimited, Unavailable, BadAnswer, and NotPermitted where the CRM refuses MailMagnet itself.
    """

    @property
    def name(self) -> str:
        """The CRM's name as its users know it."""
        ...

    async def renewed(self, tokens: CrmTokens) -> CrmTokens:
        """A new access token. Raises NotAuthorised when the CRM refuses: then the user has to sign in again."""
        ...

    async def sign_out(self, tokens: CrmTokens) -> None:
        """End this sign-in at the CRM; one that is dead already is no error."""
        ...


@runtime_checkable
class TypedSignIn(CrmSignIn, Protocol):
    """A sign-in by what is typed on our page."""

    @property
    def fields(self) -> Sequence[SignInField]:
        """What is typed."""
        ...

    async def sign_in(self, org: str, user: str, typed: Mapping[str, str]) -> CrmTokens:
        """The tokens of a Google account (verified ids) that signs in with what was typed. Raises NotAuthorised, in one and the same way
        for an unknown user and a wrong password, and RateLimited after too many tries."""
        ...


@runtime_checkable
class BrowserSignIn(CrmSignIn, Protocol):
    """A sign-in at the CRM itself: the browser is sent there and comes back (OAuth's authorisation code)."""

    def authorize_url(self, state: str, challenge: str) -> str:
        """Where the browser is sent. The CRM brings `state` back; `challenge` is PKCE's (S256)."""
        ...

    async def signed_in(self, answer: Mapping[str, str], verifier: str) -> CrmTokens:
        """The tokens of whoever has just consented there, with the `company` in which. `answer` is what the CRM sent back with
        the browser, `code` in it; `verifier` is the challenge's.

        A token that the CRM has given is ended there before anything is raised: NotAuthorised when the code is spent or another's,
        NotPermitted when what was granted is too little.
        """
        ...


@runtime_checkable
class AccountSignIn(BrowserSignIn, Protocol):
    """A CRM that one of its administrators connects once, for all of the organisation: nobody else signs in.

    `signed_in` gives the account's own link, and raises NotPermitted when whoever consented is no administrator there.
    """

    async def tokens_for(self, account: CrmTokens, user: CrmTokens) -> CrmTokens:
        """What one mapped user's questions are asked with: the account's own tokens (good ones) where they are for everything, or tokens
        of that user's own that the CRM gives for it. They are kept nowhere. Raises NotPermitted when the CRM lets that user in no more."""
        ...
