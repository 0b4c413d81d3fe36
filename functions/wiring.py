"""The one place where the parts are put together: settings in, everything that the entry points call out.

What the sidebar's first answer does not need is imported when it is first used: gRPC and the discovery client among it.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from urllib.parse import urlsplit

from crm_client.embedded.crm import EmbeddedCrm
from functions.certificates import Certificates
from functions.settings import Settings
from functions.user_limit import UserLimit
from functions.verify import Verifier
from gmail_client.open_mail import HttpMailReader
from gmail_client.revoke import revoke
from http_session.session import HttpSession
from mailmagnet.crm import Crm
from mailmagnet.gmail import Gmail, MailReader
from mailmagnet.store import Store
from mailmagnet.tasks import Tasks
from mailmagnet.vault import Connection, Vault
from token_vault.encrypted_file import EncryptedFileVault


class Process:
    """The parts of one process, each made once, when first used. Made inside the running event loop; `close` it at the end."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def session(self) -> HttpSession:
        urls = ("certificates_url", "gmail_url", "token_url", "revoke_url", "tasks_url", "metadata_token_url")
        addresses = [urlsplit(getattr(self.settings, name)) for name in urls]
        return HttpSession({f"{address.scheme}://{address.netloc}" for address in addresses})

    @cached_property
    def verifier(self) -> Verifier:
        return Verifier(Certificates(self.session, self.settings.certificates_url))

    @cached_property
    def user_limit(self) -> UserLimit:
        return UserLimit(self.settings.user_calls_a_minute)

    @cached_property
    def vault(self) -> Vault:
        return EncryptedFileVault(self.settings.vault_file, self.settings.vault_key.get_secret_value())

    @cached_property
    def reader(self) -> MailReader:
        return HttpMailReader(
            self.session,
            origin=self.settings.gmail_url,
            token_url=self.settings.token_url,
            client_id=self.settings.oauth_client_id,
            client_secret=self.settings.oauth_client_secret.get_secret_value(),
            seconds=self.settings.gmail_seconds,
        )

    @cached_property
    def store(self) -> Store:
        if self.settings.firestore_project:
            from metadata_store.firestore import FirestoreStore

            return FirestoreStore(self.settings.firestore_project)
        from metadata_store.sqlite import SqliteStore

        return SqliteStore(self.settings.store_database)

    @cached_property
    def tasks(self) -> Tasks:
        from task_queue.cloud_tasks import CloudTasks
        from task_queue.own_token import own_access_token

        return CloudTasks(
            self.session,
            self.settings.tasks_url,
            self.settings.tasks_queue,
            self.settings.label_mailbox_url,
            self.settings.job_service_account,
            partial(own_access_token, self.session, self.settings.metadata_token_url),
        )

    def crm_of(self, connection: Connection) -> Crm:
        """The CRM as this connection's user sees it."""
        database, record_url = self.settings.crm_database, self.settings.crm_record_url
        if self.settings.crm_fault_file:
            from crm_client.faulty import FaultyCrm

            return FaultyCrm(database, connection.org, connection.user, record_url, Path(self.settings.crm_fault_file))
        return EmbeddedCrm(database, connection.org, connection.user, record_url)

    def gmail_of(self, connection: Connection) -> Gmail:
        """The mailbox of this connection."""
        from gmail_client.mailbox import GmailMailbox

        return GmailMailbox(
            connection.gmail_token,
            client_id=self.settings.oauth_client_id,
            client_secret=self.settings.oauth_client_secret.get_secret_value(),
            origin=self.settings.gmail_url,
            token_url=self.settings.token_url,
            seconds=self.settings.job_call_seconds,
        )

    @cached_property
    def revoke(self) -> Callable[[str], Awaitable[None]]:
        return partial(revoke, self.session, self.settings.revoke_url, seconds=self.settings.job_call_seconds)

    def now(self) -> datetime:
        """The time; in the sandbox turned as its clock file says. Tokens are verified by the machine's own."""
        now = datetime.now(UTC)
        return now + _turned_by(Path(self.settings.clock_file)) if self.settings.clock_file else now

    async def close(self) -> None:
        """Close what this process has opened."""
        if "session" in self.__dict__:
            await self.session.close()
        if "store" in self.__dict__:
            await self.store.close()


def _turned_by(clock_file: Path) -> timedelta:
    try:
        return timedelta(seconds=float(clock_file.read_text()))
    except FileNotFoundError:
        return timedelta()
