"""What the core asks of the vault: a user's connection, with its tokens, its own addresses and its own domains."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mailmagnet.consent import Grant, allows
from mailmagnet.crm_sign_in import CrmTokens, Sees
from mailmagnet.errors import GrantMissing
from mailmagnet.gmail import GMAIL

CRM_ACCOUNT = "the CRM's account"
"""In the place of a user's id: the connection that holds an organisation's link to its whole CRM account. No Google id is like this."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A user's authorised links to Gmail and to the CRM. `org` and `user` are verified ids.

    `own_addresses` (all sendAs aliases) and `own_domains` (the organisation's domains and aliases) are kept here so that
    opening a message needs no store. `grants` is what MailMagnet may do in Gmail, nothing for a user of the sidebar alone.
    `gmail_token` is the OAuth refresh token by which it may, "" where the admin lets MailMagnet into the mailboxes of all. `crm` is the
    sign-in to the CRM, None before it. `webhook` is the address for notices, "" for none. `listed`: an admin has put the user on the list
    of those who may use MailMagnet, where the CRM has no permission for it.

    Of `CRM_ACCOUNT` there are `crm`, the account's own link, and `sees`, what an admin lets users see by it, None until one has chosen.
    """

    org: str
    user: str
    address: str
    own_addresses: frozenset[str] = frozenset()
    own_domains: frozenset[str] = frozenset()
    gmail_token: str = field(default="", repr=False)
    grants: frozenset[Grant] = frozenset()
    crm: CrmTokens | None = None
    webhook: str = field(default="", repr=False)
    listed: bool = False
    sees: Sees | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a way to Gmail."""
        return bool(self.grants)

    @property
    def delegated(self) -> bool:
        """Whether that is the admin's, for all of the organisation."""
        return self.connected and not self.gmail_token


@dataclass(frozen=True, slots=True)
class Leaving:
    """The refresh token of a connection that was forgotten, until Google has revoked it. Nothing but revoking may be done with it."""

    org: str
    user: str
    gmail_token: str = field(repr=False)


async def gmail_connection(org: str, user: str, vault: "Vault", wanted: Grant = Grant.SORT) -> Connection:
    """The user's connection, which allows what is wanted.

    Raises GrantMissing by Gmail when there is none, or it does not allow it, and what the vault raises.
    """
    connection = await vault.connection(org, user)
    if not connection or not allows(connection.grants, wanted):
        raise GrantMissing(GMAIL, wanted)
    return connection


class Vault(Protocol):
    """Where connections' tokens are. Every call may raise Unavailable, and BadAnswer when what is kept cannot be read."""

    async def connection(self, org: str, user: str) -> Connection | None: ...

    async def users(self, org: str) -> Sequence[str]:
        """The ids of all users of this org of whom anything is kept, in no order; `CRM_ACCOUNT` is none."""
        ...

    async def keep(self, connection: Connection) -> None:
        """Keep a connection to Gmail, in place of an earlier one of the same user. Its `crm`, `webhook`, `listed` and `sees` are not
        looked at: those that are kept stay as they are.

        A new token also takes the place of one that is leaving: both belong to one consent, and Google would end the new one with
        the old.
        """
        ...

    async def sign_in(self, connection: Connection) -> None:
        """Keep the connection's sign-in to the CRM (`crm`). A Gmail connection of this user stays as it is; without one the rest of the
        connection is kept too, as a user's of the sidebar alone."""
        ...

    async def renew(self, org: str, user: str, old: CrmTokens, new: CrmTokens) -> CrmTokens:
        """Put new tokens in the place of `old`, if those are still there; those that are there then.

        So callers that renew at once agree on one. Raises NotAuthorised by the CRM when the user has signed out meanwhile.
        """
        ...

    async def sign_out(self, org: str, user: str) -> CrmTokens | None:
        """Forget the sign-in to the CRM; what it was. Without effect when there is none."""
        ...

    async def keep_webhook(self, org: str, user: str, webhook: str) -> None:
        """Keep the address for notices, "" for none. Without effect without a connection."""
        ...

    async def put_on_list(self, connection: Connection) -> None:
        """Put the user on the list or take them off it (`listed`). What else is kept stays; without anything the rest of the connection is
        kept too, as a user's of the sidebar alone."""
        ...

    async def let_see(self, org: str, sees: Sees | None) -> None:
        """Keep what users see by the account's link, None for nothing. Without effect where the account is not linked."""
        ...

    async def forget(self, org: str, user: str) -> bool:
        """End a connection; whether there was one. Its token is among those that are `leaving` until it is `revoked`."""
        ...

    async def leaving(self) -> Sequence[Leaving]:
        """The tokens to be revoked at Google.

        Revoking one ends all that the account has consented to. So a token whose account (token, user or address) is connected
        elsewhere in this vault is told only when it has left there too.
        """
        ...

    async def refuse(self, token: Leaving, address: str) -> bool:
        """Put a token that is of no use here (`address`: its account's) among those that are leaving; whether that was to be done.

        It is not where its account is connected in this vault, in whatever org: revoking would end that connection with it.
        """
        ...

    async def revoked(self, token: Leaving) -> None:
        """Delete a token that is good no more; without effect when it was deleted or renewed meanwhile."""
        ...
