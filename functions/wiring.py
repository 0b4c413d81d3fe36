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
from crm_client.authorization_code import OAuthClient
from crm_client.kind import CrmKind, CrmMeans
from crm_client.remembered import LookUps
from crm_client.renewal import Renewal
from functions.certificates import Certificates
from functions.crms import KINDS, checked_crm
from functions.google import Google
from functions.openings import Openings
from functions.settings import Settings
from functions.signed_links import SignedLinks
from functions.user_limit import UserLimit
from functions.verify import Verifier
from gmail_client.access_tokens import AccessTokens
from gmail_client.consent import GoogleConsent
from gmail_client.delegation import Delegation
from gmail_client.open_mail import HttpMailReader
from gmail_client.revoke import revoke
from gmail_client.user_mail import HttpUserMail
from gmail_client.web_client import WebClient
from http_session.own_token import OwnToken
from http_session.session import HttpSession
from mailmagnet.consent import Consent
from mailmagnet.crm import Crm, CrmClient
from mailmagnet.crm_choice import EMBEDDED, CrmChoice
from mailmagnet.crm_sign_in import CrmSignIn
from mailmagnet.errors import BadRequest
from mailmagnet.gmail import Gmail, MailReader
from mailmagnet.notices import Notices
from mailmagnet.store import Store
from mailmagnet.tasks import Tasks
from mailmagnet.user_mail import UserMail
from mailmagnet.vault import Connection, Vault

CALLBACK = "/callback"
"""The path of `pages` to which Google sends a browser back: it is registered with the OAuth client."""
CRM_CALLBACK = "/crm-callback"
"""The same for a CRM: it is registered with the customer's OAuth client there."""
LINK_LIFE = timedelta(hours=1)
"""How long a card may be open before its links are pressed. A link is no right: its user signs in behind it."""


class Process:
    """The parts of one process, each made once, when first used. Made inside the running event loop; `close` it at the end."""

    google = Google()
    kinds: Mapping[str, CrmKind] = KINDS

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._crm_sessions: dict[str, HttpSession] = {}
        self._renewals: dict[CrmChoice, Renewal] = {}
        self._crm_clients: dict[CrmChoice, CrmClient] = {}

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
            self.delegation,
        )

    @cached_property
    def delegation(self) -> Delegation | None:
        """The way into the mailboxes of all, where the organisation's admin has given it."""
        settings = self.settings
        if not settings.org_install:
            return None
        return Delegation(
            self.session,
            self.own_token,
            self.google.iam_url,
            self.google.token_url,
            settings.job_service_account,
            settings.internal_domains,
            settings.gmail_seconds,
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

    @property
    def default_crm(self) -> CrmChoice:
        """The deployment's own."""
        return self.settings.crm_choice

    def checked_crm(self, kind: str, origin: str) -> CrmChoice:
        """A CRM as an admin has typed it. Raises BadRequest, in words to show."""
        choice = checked_crm(kind, origin, private=self.settings.crm_private)
        if not KINDS[kind].has_origin and choice != self.default_crm:
            raise BadRequest("CRM: this one is not part of this deployment")
        return choice

    @property
    def _crm_means(self) -> CrmMeans:
        given = self.settings
        return CrmMeans(
            given.crm_database,
            given.crm_record_url,
            given.job_call_seconds,
            self.crm_session_of,
            self.renewal_of,
            OAuthClient(given.crm_client_id, given.crm_client_secret.get_secret_value(), f"{given.pages_url}{CRM_CALLBACK}"),
            given.crm_certificate_key.get_secret_value(),
        )

    def crm_session_of(self, origin: str) -> HttpSession:
        """The session for one CRM: it can call no other, so a token that is sent by it reaches no other."""
        if origin not in self._crm_sessions:
            self._crm_sessions[origin] = HttpSession({origin}, public=not self.settings.crm_private)
        return self._crm_sessions[origin]

    def crm_sign_in_of(self, choice: CrmChoice) -> CrmSignIn:
        """The sign-in of one CRM."""
        return self.kinds[choice.kind].sign_in(self._crm_means, choice)

    def renewal_of(self, choice: CrmChoice) -> Renewal:
        """What renews the tokens of one CRM."""
        if choice not in self._renewals:
            sign_in = self.crm_sign_in_of(choice)
            self._renewals[choice] = Renewal(sign_in, self.vault, lambda: self.store, partial(datetime.now, UTC))
        return self._renewals[choice]

    @cached_property
    def notices(self) -> Notices:
        return ChatWebhooks(self.session, self.google.chat_url, self.settings.job_call_seconds)

    def crm_of(self, connection: Connection) -> Crm:
        """The CRM as this connection's user sees it: the one that the user is signed in to, and before that the deployment's own."""
        choice = connection.crm.crm if connection.crm else self.default_crm
        view = self.crm_client_of(choice).as_user(connection)
        # The embedded CRM is a file beside us: to remember its answers would save no call.
        return view if choice.kind == EMBEDDED or not self.look_ups else self.look_ups.remembering(view, connection)

    @cached_property
    def look_ups(self) -> LookUps | None:
        """What users looked up just now; None where the deployment does not want it remembered."""
        return LookUps(self.settings.crm_memory) if self.settings.crm_memory else None

    def crm_client_of(self, choice: CrmChoice) -> CrmClient:
        """One CRM, as all its users' views here share it."""
        if choice not in self._crm_clients:
            self._crm_clients[choice] = self.kinds[choice.kind].client(self._crm_means, choice)
        return self._crm_clients[choice]

    def gmail_of(self, connection: Connection) -> Gmail:
        """The mailbox of this connection."""
        from gmail_client.mailbox import GmailMailbox
        from gmail_client.mailbox_http import Access, DelegatedAccess

        if connection.delegated:
            access: Access | DelegatedAccess = DelegatedAccess(self.access_tokens, connection)
        else:
            secret = self.settings.oauth_client_secret.get_secret_value()
            access = Access(connection.gmail_token, self.settings.oauth_client_id, secret, self.google.token_url)
        return GmailMailbox(access, self.google.gmail_url, self.settings.job_call_seconds)

    def mail_of(self, connection: Connection) -> UserMail:
        """The same mailbox, for the sidebar."""
        return HttpUserMail(self.session, self.access_tokens, connection, self.google.gmail_url, self.settings.gmail_seconds)

    @cached_property
    def revoke(self) -> Callable[[str], Awaitable[None]]:
        return partial(revoke, self.session, self.google.revoke_url, seconds=self.settings.job_call_seconds)

    def lets_in(self, org: str) -> bool:
        return self.settings.org_install and org in self.settings.internal_domains

    @property
    def admins(self) -> tuple[str, ...]:
        return self.settings.admins

    @property
    def retention_days(self) -> int:
        return self.settings.retention_days

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC)

    async def close(self) -> None:
        """Close what this process has opened."""
        if "session" in self.__dict__:
            await self.session.close()
        for session in self._crm_sessions.values():
            await session.close()
        if "store" in self.__dict__:
            await self.store.close()
