"""An office of two colleagues with one customer, and somebody of another organisation: what scenarios of shared mail are about."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from cards.frame import Path as Served
from crm_client.embedded.administration import STANDARD, add_user, share
from mailmagnet.connect_mailbox import connect_mailbox
from mailmagnet.consent import Grant
from mailmagnet.end_sign_in import tell_crm_user
from mailmagnet.store import Choices
from mailmagnet.vault import Connection
from sandbox.google.world import Account
from tests.scenario.addon_process import Answered, Sidebar
from tests.scenario.desk import ADA, Desk, desk_in

ORG, KIM, MALLORY = "corp.example", "kim@corp.example", "mallory@other.example"
GRACE = "grace@a.example"
SUBJECT, BODY = "Quarterly zeppelin", "The canary sings of tungsten."
ATTACHED = b"<script>alert(1)</script>"


class Office:
    """Ada, who has mail with Grace and owns her in the CRM; Kim, her colleague, who sees Grace there; Mallory, of another organisation."""

    def __init__(self, desk: Desk, kim: Account, grace: str) -> None:
        self.desk, self.kim, self.grace = desk, kim, grace
        self._sidebar: Sidebar | None = None

    @property
    def sidebar(self) -> Sidebar:
        assert self._sidebar
        return self._sidebar

    @sidebar.setter
    def sidebar(self, sidebar: Sidebar) -> None:
        self._sidebar = sidebar

    @property
    def ada(self) -> str:
        return self.desk.account.sub

    def mail(
        self, to: str = ADA, sender: str = f"Grace <{GRACE}>", subject: str = SUBJECT, text: str = BODY, **headers: str
    ) -> str:
        """A mail arrives in one mailbox; its id."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, headers.pop("To", to), subject
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        mail.add_attachment(ATTACHED, maintype="text", subtype="html", filename="offer.html")
        self.desk.clock.turn(seconds=5)
        return self.desk.world.mailbox(to).arrive(mail.as_bytes(), ("INBOX",)).id

    async def choose(self, **chosen: Any) -> None:
        """What Ada shares."""
        await self.desk.store.change_choices(ORG, self.ada, lambda choices: replace(Choices(), **chosen))

    async def ask(self, who: str, path: Served, **parameters: str) -> Answered:
        self.sidebar.address = who
        return await self.sidebar.ask(path, **parameters)

    async def listed(self, who: str = KIM, **parameters: str) -> str:
        """The card "Mail with Grace"."""
        return (await self.ask(who, Served.MAIL_WITH, **{"module": "contacts", "id": self.grace, **parameters})).card

    async def read(self, mail: str, who: str = KIM, **parameters: str) -> str:
        """The card of one mail of Ada's."""
        ids = {"module": "contacts", "id": self.grace, "owner": self.ada, "mail": mail}
        return (await self.ask(who, Served.MAIL, **{**ids, **parameters})).card

    async def readings(self) -> list[tuple[str, str]]:
        """Who read which of Ada's mails, the latest first."""
        return [(each.reader, each.mail_id) for each in await self.desk.store.readings(ORG, self.ada, 50)]


async def connected(desk: Desk, address: str, name: str, org: str = ORG) -> Account:
    """One more Google account with a connected mailbox."""
    account = desk.world.add_account(address, name, hosted_domain=org)
    token = desk.world.google.refresh_token(account)
    grants = frozenset({Grant.SORT})
    await connect_mailbox(
        Connection(org, account.sub, address, own_domains=frozenset({org}), gmail_token=token, grants=grants), desk
    )
    return account


@asynccontextmanager
async def office_in(folder: Path) -> AsyncIterator[Office]:
    async with desk_in(folder) as desk:
        await desk.connect()
        add_user(desk.crm_database, "Kim Corp", KIM, STANDARD)
        kim = await connected(desk, KIM, "Kim Corp")
        await desk.sign_in(kim, KIM)
        await connected(desk, MALLORY, "Mallory Other", "other.example")
        for account in (desk.account, kim):
            connection = await desk.vault.connection(ORG, account.sub)
            assert connection
            assert connection.crm
            await tell_crm_user(ORG, account.sub, connection.crm.account, desk)
        grace = await desk.contact(GRACE)
        share(desk.crm_database, "contacts", grace, KIM)
        yield Office(desk, kim, grace)
