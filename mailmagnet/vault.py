"""What the core asks of the vault: a user's connection, with its tokens, its own addresses and its own domains."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Connection:
    """A user's authorised link to Gmail (and through it to the CRM). `org` and `user` are verified ids.

    `own_addresses` (all sendAs aliases) and `own_domains` (the organisation's domains and aliases) are kept here so that
    opening a message needs no store. `gmail_token` is an OAuth refresh token, or "" for a user of the sidebar alone.
    """

    org: str
    user: str
    address: str
    own_addresses: frozenset[str] = frozenset()
    own_domains: frozenset[str] = frozenset()
    gmail_token: str = field(default="", repr=False)


class Vault(Protocol):
    """Where connections' tokens are. Every call may raise Unavailable, and BadAnswer when what is kept cannot be read."""

    async def connection(self, org: str, user: str) -> Connection | None: ...

    async def keep(self, connection: Connection) -> None:
        """Keep a connection, in place of an earlier one of the same user."""
        ...

    async def forget(self, org: str, user: str) -> None:
        """Delete a connection; without effect when there is none."""
        ...
