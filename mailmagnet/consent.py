"""What a user lets MailMagnet do in Gmail beside the open mail, step by step, and Google's consent screen: the protocol `Consent`."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Grant(StrEnum):
    """A step of the ladder: asked for when it is first needed, and never before."""

    READ = "read"
    """Lists of mail with a contact, one's own and, where they share it, colleagues'."""
    SORT = "sort"
    """MailMagnet: customers' mail is recorded, and put under labels where its user wants it. It includes the two others."""
    SEND = "send"
    """Drafts are written and sent."""


def allows(grants: Collection[Grant], wanted: Grant) -> bool:
    """Whether what was granted includes what is wanted."""
    return wanted in grants or Grant.SORT in grants


@dataclass(frozen=True, slots=True)
class Consented:
    """What came back from Google's consent screen: the account that consented (its verified `sub` and address), what it granted in all,
    and the refresh token that stands for it."""

    user: str
    address: str
    grants: frozenset[Grant]
    gmail_token: str = field(repr=False)


class Consent(Protocol):
    """Google's consent screen for the customer's own OAuth client, with offline access and PKCE.

    https://developers.google.com/identity/protocols/oauth2/web-server
    """

    def url(self, grants: Collection[Grant], *, state: str, verifier: str, address: str) -> str:
        """Where the browser is sent. `address` is the account that is proposed there; `verifier` is PKCE's, kept by us."""
        ...

    async def consented(self, code: str, verifier: str) -> Consented:
        """What the code stands for that Google has sent the browser back with. Raises NotAuthorised when it is spent or another's,
        RateLimited, Unavailable, BadAnswer."""
        ...
