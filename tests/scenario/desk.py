"""One desk for the scenarios of the job: a world with Gmail in it, the embedded CRM, the store and the vault, all real, in one folder."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import web
from cryptography.fernet import Fernet

from crm_client.embedded.administration import ADMINISTRATOR, add_user, create
from crm_client.embedded.crm import EmbeddedCrm
from crm_client.embedded.sign_in import EmbeddedSignIn
from gmail_client.mailbox import GmailMailbox
from gmail_client.mailbox_http import Access
from gmail_client.revoke import revoke
from http_session.session import HttpSession
from mailmagnet.categories import Category
from mailmagnet.connect_mailbox import connect_mailbox
from mailmagnet.consent import Consent, Grant
from mailmagnet.crm import Crm, CrmClient, DealState, Money, NewContact, NewDeal, Organisation, Senders
from mailmagnet.crm_choice import EMBEDDED, CrmChoice
from mailmagnet.crm_sign_in import CrmSignIn
from mailmagnet.errors import Upstream
from mailmagnet.gmail import Listed, MailReader
from mailmagnet.label_mail import LabelRun, label_mail, plan_labels
from mailmagnet.notices import Notices
from mailmagnet.store import Mailbox, Progress, Store
from mailmagnet.switch_mailbox import switch_off, switch_on
from mailmagnet.tasks import Tasks
from mailmagnet.user_mail import UserMail
from mailmagnet.vault import Connection
from metadata_store.sqlite import SqliteStore
from sandbox.google.gmail_server import make_app
from sandbox.google.world import Account, World
from tests.crm_signed_in import crm_as, machine_time, tokens_for
from token_vault.encrypted_file import EncryptedFileVault

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ADA = "ada@corp.example"
STAGES = {DealState.OPEN: "Negotiation", DealState.WON: "Closed Won", DealState.LOST: "Closed Lost"}


@dataclass
class Clock:
    """The desk's time: it stands still until a scenario turns it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        """Forwards by a timedelta's words."""
        self.now += timedelta(**by)


class _Gmail(GmailMailbox):
    """A mailbox, and what a scenario wants to happen beside a run."""

    def __init__(self, desk: "Desk", *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self._desk = desk

    async def mails_between(self, after: datetime, before: datetime | None, most: int) -> Listed:
        listed = await super().mails_between(after, before, most)
        if self._desk.after_listing:
            await self._desk.after_listing()
        return listed


class _RefusingCrm:
    """The CRM, refusing the job's question."""

    def __init__(self, crm: EmbeddedCrm, refusal: Upstream) -> None:
        self._crm, self._refusal = crm, refusal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._crm, name)

    async def senders(self, _: Collection[str]) -> Senders:
        raise self._refusal


class JobParts:
    """Parts that the job never asks for."""

    @property
    def reader(self) -> MailReader:
        raise AssertionError("the job opens no single mail")

    @property
    def tasks(self) -> Tasks:
        raise AssertionError("a mailbox's run sends no task")

    @property
    def consent(self) -> Consent:
        raise AssertionError("the job asks nobody for consent")

    default_crm = CrmChoice(EMBEDDED)
    crm_client: Any = SimpleNamespace(budget=lambda _: None, capabilities=SimpleNamespace(pooled=False))
    """What all views share: of the embedded CRM that is nothing."""

    def crm_client_of(self, _: CrmChoice) -> CrmClient:
        return cast(CrmClient, self.crm_client)

    def checked_crm(self, kind: str, origin: str) -> CrmChoice:
        raise AssertionError("the job chooses no CRM")

    def crm_sign_in_of(self, choice: CrmChoice) -> CrmSignIn:
        raise AssertionError("the job signs nobody in")

    @property
    def notices(self) -> Notices:
        raise AssertionError("nobody here is told anything")

    def lets_in(self, _: str) -> bool:
        return False

    @property
    def admins(self) -> tuple[str, ...]:
        return ()

    @property
    def retention_days(self) -> int:
        return 90

    def mail_of(self, _: Connection) -> UserMail:
        raise AssertionError("the job has a mailbox of its own")


@dataclass
class Desk(JobParts):
    """What a scenario does at the desk, in its own words; it is the job's parts itself."""

    folder: Path
    origin: str
    world: World
    account: Account
    clock: Clock
    store: Store
    vault: EncryptedFileVault
    vault_key: str
    crm_database: Path
    crm_refusal: Upstream | None = None
    after_listing: Callable[[], Awaitable[None]] | None = None

    @property
    def crm_fault_file(self) -> Path:
        """Says to the functions what is wrong with the CRM."""
        return self.folder / "crm-fault.json"

    @cached_property
    def crm(self) -> EmbeddedCrm:
        """The CRM as its user Ada sees it."""
        return crm_as(self.crm_database, ADA)

    async def sign_in(self, account: Account, crm_address: str) -> None:
        """Sign a Google account in to the CRM as the CRM user with this address."""
        org = account.hosted_domain or account.sub
        tokens = tokens_for(self.crm_database, crm_address, org, account.sub)
        own_domains = frozenset({account.hosted_domain} - {""})
        await self.vault.sign_in(
            Connection(org, account.sub, account.address, frozenset({account.address}), own_domains, crm=tokens)
        )

    def gmail_of(self, connection: Connection) -> GmailMailbox:
        google = self.world.google
        return _Gmail(
            self,
            Access(connection.gmail_token, google.client_id, google.client_secret, f"{self.origin}/token"),
            self.origin,
            seconds=10,
        )

    def crm_of(self, _: Connection) -> Crm:
        return _RefusingCrm(self.crm, self.crm_refusal) if self.crm_refusal else self.crm

    def crm_sign_in_of(self, choice: CrmChoice) -> CrmSignIn:
        return EmbeddedSignIn(self.crm_database, machine_time)

    async def revoke(self, gmail_token: str) -> None:
        session = HttpSession({self.origin})
        try:
            await revoke(session, f"{self.origin}/revoke", gmail_token, seconds=10)
        finally:
            await session.close()

    def now(self) -> datetime:
        return self.clock.now

    async def connect(self) -> None:
        """Connect the mailbox through its consent."""
        token = self.world.google.refresh_token(self.account)
        consent = Connection(
            "corp.example",
            self.account.sub,
            ADA,
            own_domains=frozenset({"corp.example"}),
            gmail_token=token,
            grants=frozenset({Grant.SORT}),
        )
        await connect_mailbox(consent, self)

    async def switch_on(self, *, labelling: bool = True, backfill: timedelta | None = None) -> None:
        """Save both switches on, as the user does."""
        await switch_on("corp.example", self.account.sub, self, labelling=labelling, backfill=backfill)

    async def switch_off(self) -> None:
        """Save MailMagnet off."""
        await switch_off("corp.example", self.account.sub, self)

    async def run(self) -> LabelRun:
        """The job, once, a minute after whatever was before: Gmail's quota is whole again."""
        self.clock.turn(minutes=1)
        return await self.use(label_mail)

    async def dry_run(self) -> LabelRun:
        """What the job would do."""
        self.clock.turn(minutes=1)
        return await self.use(plan_labels)

    async def use(self, use_case: Callable[..., Awaitable[LabelRun]]) -> LabelRun:
        """A use case of the job on this mailbox, now."""
        return await use_case("corp.example", self.account.sub, self)

    async def contact(self, address: str, *deals: tuple[DealState, date | None], name: str = "Grace Hopper") -> str:
        """A contact with deals (state, closing) in the CRM."""
        contact = await self.crm.add_contact(NewContact(name, (address,)))
        stages = {stage.name: stage.id for stage in (await self.crm.settings()).stages}
        for number, (state, closing) in enumerate(deals):
            money = Money(Decimal(1000 + number), "EUR")
            deal = NewDeal(f"Deal {number} of {address}", stages[STAGES[state]], money, closing, contacts=(contact.id,))
            await self.crm.add_deal(deal)
        return contact.id

    def arrive(self, sender: str, subject: str = "Hello", labels: tuple[str, ...] = ("INBOX", "UNREAD"), **headers: str) -> str:
        """A mail comes in; its id."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, ADA, subject
        mail["Date"] = self.clock.now
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content("A body that nobody but Gmail keeps.")
        return self.world.mailbox(ADA).arrive(mail.as_bytes(), labels).id

    async def labels_of(self, mail_id: str) -> set[str]:
        """A mail's labels by name, read through the Gmail API."""
        connection = await self.vault.connection("corp.example", self.account.sub)
        assert connection
        gmail = self.gmail_of(connection)
        names = {label.id: label.name for label in await gmail.labels()}
        (mail,) = (await gmail.headers([mail_id], ["From"])).mails
        return {names[label_id] for label_id in mail.label_ids}

    async def progress(self) -> Progress:
        """How far the mailbox is; MailMagnet must be on."""
        progress = (await self.mailbox()).progress
        assert progress
        return progress

    async def mailbox(self) -> Mailbox:
        mailbox = await self.store.mailbox("corp.example", self.account.sub)
        assert mailbox
        return mailbox


OURS = {category: category.label for category in Category}


@asynccontextmanager
async def desk_in(
    folder: Path, store: Store | None = None, time_zone: str = "Europe/Vienna", aliases: tuple[str, ...] = ("sales@corp.example",)
) -> AsyncIterator[Desk]:
    """A desk with ada@corp.example's mailbox (not yet connected) and an empty CRM of hers, to which she is signed in."""
    clock = Clock()
    world = await asyncio.to_thread(World, folder / "world", clock)
    account = world.add_account(ADA, "Ada Corp", aliases=aliases, hosted_domain="corp.example")
    runner = web.AppRunner(make_app(world), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    crm_database = folder / "crm.sqlite"
    create(crm_database, Organisation("Corp", time_zone, "EUR"), "corp.example")
    add_user(crm_database, "Ada Corp", ADA, ADMINISTRATOR)
    vault_key = Fernet.generate_key().decode()
    vault = EncryptedFileVault(folder / "vault", vault_key)
    own_store = store or SqliteStore(folder / "store.sqlite")
    desk = Desk(folder, origin, world, account, clock, own_store, vault, vault_key, crm_database)
    await desk.sign_in(account, ADA)
    try:
        yield desk
    finally:
        await runner.cleanup()
        await own_store.close()
        await asyncio.to_thread(world.close)
