"""What every use case is given of the outside, as the process has put it together: the protocol `Parts`."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Protocol

from mailmagnet.consent import Consent
from mailmagnet.crm import Crm, CrmClient
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmSignIn
from mailmagnet.gmail import Gmail, MailReader
from mailmagnet.notices import Notices
from mailmagnet.store import Store
from mailmagnet.tasks import Tasks
from mailmagnet.user_mail import UserMail
from mailmagnet.vault import Connection, Vault


class Parts(Protocol):
    """The store, the vault, the task queue, Gmail and the CRM of each connection, and the time.

    Each part may be made when it is first asked for: a use case asks only for what it needs.
    """

    @property
    def store(self) -> Store: ...

    @property
    def vault(self) -> Vault: ...

    @property
    def tasks(self) -> Tasks: ...

    @property
    def reader(self) -> MailReader:
        """Reads the open mail."""
        ...

    def gmail_of(self, connection: Connection) -> Gmail:
        """The mailbox of this connection."""
        ...

    def mail_of(self, connection: Connection) -> UserMail:
        """The same mailbox, for the sidebar."""
        ...

    def crm_of(self, connection: Connection) -> Crm:
        """The CRM as this connection's user sees it."""
        ...

    def crm_client_of(self, choice: CrmChoice) -> CrmClient:
        """One CRM, as all its users' views in this process share it."""
        ...

    @property
    def consent(self) -> Consent:
        """Google's consent screen."""
        ...

    @property
    def default_crm(self) -> CrmChoice:
        """The CRM of organisations whose admin has chosen none."""
        ...

    def checked_crm(self, kind: str, origin: str) -> CrmChoice:
        """A CRM as an admin has typed it. Raises BadRequest, in words to show, for one that is not known or not allowed here."""
        ...

    def crm_sign_in_of(self, choice: CrmChoice) -> CrmSignIn:
        """The sign-in of one CRM."""
        ...

    @property
    def notices(self) -> Notices:
        """Takes notices to where users want to be told."""
        ...

    @property
    def revoke(self) -> Callable[[str], Awaitable[None]]:
        """Ends a refresh token at Google, and with it all that its account has consented to; one that is dead already is no error.

        Raises RateLimited, Unavailable, BadAnswer.
        """
        ...

    def lets_in(self, org: str) -> bool:
        """Whether the admin of this organisation lets MailMagnet into the mailboxes of all: then no user of it is asked for consent."""
        ...

    @property
    def admins(self) -> Collection[str]:
        """The canonical addresses of those whom the deployment itself calls admins."""
        ...

    @property
    def retention_days(self) -> int:
        """How long mail records and readings are kept where the organisation's policy says nothing."""
        ...

    def now(self) -> datetime:
        """The aware time, for the job's long runs; the sidebar's is in its `Caller`."""
        ...
