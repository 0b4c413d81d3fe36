"""What the job's use cases are given of the outside, as the process has put it together: the protocol `Parts`."""

from datetime import datetime
from typing import Protocol

from mailmagnet.crm import Crm
from mailmagnet.gmail import Gmail
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault


class Parts(Protocol):
    """The store, the vault, each connection's Gmail and CRM, and the time."""

    @property
    def store(self) -> Store: ...

    @property
    def vault(self) -> Vault: ...

    def gmail_of(self, connection: Connection) -> Gmail:
        """The mailbox of this connection."""
        ...

    def crm_of(self, connection: Connection) -> Crm:
        """The CRM as this connection's user sees it."""
        ...

    async def revoke(self, gmail_token: str) -> None:
        """End a refresh token at Google, and with it all that its account has consented to; one that is dead already is no error.

        Raises RateLimited, Unavailable, BadAnswer.
        """
        ...

    def now(self) -> datetime:
        """The aware time."""
        ...
