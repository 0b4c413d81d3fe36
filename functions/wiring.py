"""The one place where the parts are put together: settings in, everything that the entry points call out.

What the sidebar's first answer does not need is imported when it is first used: gRPC and the discovery client among it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from urllib.parse import urlsplit

from cards.frame import Page
from chat_client.webhooks import ChatWebhooks
from crm_client.embedded.crm import EmbeddedCrm
from crm_client.embedded.sign_in import EmbeddedSignIn
from crm_client.renewal import Renewal
from functions.certificates import Certificates
from functions.google import Google
from functions.openings import Openings
from functions.settings import Settings
from functions.signed_links import SignedLinks
from functions.user_limit import UserLimit
from functions.verify import Verifier
from gmail_client.access_tokens import AccessTokens
from gmail_client.consent import GoogleConsent
from gmail_client.open_mail import HttpMailReader
from gmail_client.revoke import revoke
from gmail_client.user_mail import HttpUserMail
from gmail_client.web_client import WebClient
from http_session.own_token import OwnToken
from http_session.session import HttpSession
from mailmagnet.consent import Consent
from mailmagnet.crm import Crm
from mailmagnet.crm_sign_in import CrmSignIn
from mailmagnet.gmail import Gmail, MailReader
from mailmagnet.notices import Notices
from mailmagnet.store import Store
from mailmagnet.tasks import Tasks
from mailmagnet.user_mail import UserMail
from mailmagnet.vault import Connection, Vault

CALLBACK = "/callback"
"""The path of `pages` to which Google sends a browser back: it is registered with the OAuth client."""
LINK_LIFE = timedelta(hours=1)
"""How long a card may be open before its links are pressed. A link is no right: its user signs in behind it."""


class Process:
    """The parts of one process, each made once, when first used. Made inside the running event loop; `close` it at the end."""

    google = Google()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def session(self) -> HttpSession:
        addresses = map(urlsplit, astuple(self.google))
        return HttpSession({f"{address.scheme}://{address.netloc}" for address in addresses})

    @cached_property
    def verifier(self) -> Verifier:
        return Verifier(Certificates(self.session, self.google.certificates_url))

    @cached_property
    def signed_links(self) -> SignedLinks:
        return SignedLinks(self.settings.link_key.get_secret_value())

    def page_url(self, org: str, user: str, now: datetime, page: Page, ids: Mapping[str, str]) -> str:
        """The link to one of our pages for this user alone: a browser that is signed in as anybody else is refused there."""
        token = self.signed_links.sign(page, org, user, ids, now + LINK_LIFE)
        return f"{self.settings.pages_url}{page}?link={token}"

    @cached_property
    def web_client(self) -> WebClient:
        """The customer's own OAuth client: it signs browsers in, and users' refresh tokens belong to it."""
        return WebClient(
            self.session,
            authorize_url=self.google.authorize_url,
            token_url=self.google.token_url,
            client_id=self.settings.oauth_client_id,
            client_secret=self.settings.oauth_client_secret.get_secret_value(),
            redirect_uri=f"{self.settings.pages_url}{CALLBACK}",
            seconds=self.settings.job_call_seconds,
        )

    @cached_property
    def consent(self) -> Consent:
        return GoogleConsent(self.web_client, self._account_of)

    async def _account_of(self, id_token: str) -> tuple[str, str]:
        """Whose id token of our own client this is: `sub` and address."""
        identity = await self.verifier.user(id_token, client_id=self.settings.oauth_client_id)
        return identity.user, identity.address

    @cached_property
    def user_limit(self) -> UserLimit:
        return UserLimit(self.settings.user_calls_a_minute)

    @cached_property
    def openings(self) -> Openings:
        return Openings()

    @cached_property
    def own_token(self) -> OwnToken:
        return OwnToken(self.session, self.google.metadata_token_url)

    @cached_property
    def vault(self) -> Vault:
        if self.settings.firestore_project:
            from token_vault.secret_manager import SecretManagerVault

            return SecretManagerVault(self.session, self.google.secrets_url, self.settings.firestore_project, self.own_token)
        from token_vault.encrypted_file import EncryptedFileVault

        return EncryptedFileVault(self.settings.vault_file, self.settings.vault_key.get_secret_value())

    @cached_property
    def reader(self) -> MailReader:
        return HttpMailReader(self.session, self.google.gmail_url, self.settings.gmail_seconds)

    @cached_property
    def access_tokens(self) -> AccessTokens:
        return AccessTokens(
            self.session,
            self.settings.oauth_client_id,
            self.settings.oauth_client_secret.get_secret_value(),
            self.google.token_url,
            self.settings.gmail_seconds,
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

        return CloudTasks(
            self.session,
            self.google.tasks_url,
            self.settings.tasks_queue,
            self.settings.label_mailbox_url,
            self.settings.job_service_account,
            self.own_token,
        )

    @cached_property
    def crm_sign_in(self) -> CrmSignIn:
        """The CRM's sign-in. Its tokens' times are the machine's, whatever time `now` tells."""
        return EmbeddedSignIn(self.settings.crm_database, partial(datetime.now, UTC))

    @cached_property
    def renewal(self) -> Renewal:
        return Renewal(self.crm_sign_in, self.vault, lambda: self.store, partial(datetime.now, UTC))

    @cached_property
    def notices(self) -> Notices:
        return ChatWebhooks(self.session, self.google.chat_url, self.settings.job_call_seconds)

    def crm_of(self, connection: Connection) -> Crm:
        """The CRM as this connection's user sees it."""
        return EmbeddedCrm(self.settings.crm_database, self.renewal.access_of(connection), self.settings.crm_record_url)

    def gmail_of(self, connection: Connection) -> Gmail:
        """The mailbox of this connection."""
        from gmail_client.mailbox import GmailMailbox

        return GmailMailbox(
            connection.gmail_token,
            client_id=self.settings.oauth_client_id,
            client_secret=self.settings.oauth_client_secret.get_secret_value(),
            origin=self.google.gmail_url,
            token_url=self.google.token_url,
            seconds=self.settings.job_call_seconds,
        )

    def mail_of(self, connection: Connection) -> UserMail:
        """The same mailbox, for the sidebar."""
        return HttpUserMail(
            self.session, self.access_tokens, connection.gmail_token, self.google.gmail_url, self.settings.gmail_seconds
        )

    @cached_property
    def revoke(self) -> Callable[[str], Awaitable[None]]:
        return partial(revoke, self.session, self.google.revoke_url, seconds=self.settings.job_call_seconds)

    @property
    def delegated(self) -> bool:
        return self.settings.org_install

    @property
    def admins(self) -> tuple[str, ...]:
        return self.settings.admins

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC)

    async def close(self) -> None:
        """Close what this process has opened."""
        if "session" in self.__dict__:
            await self.session.close()
        if "store" in self.__dict__:
            await self.store.close()
