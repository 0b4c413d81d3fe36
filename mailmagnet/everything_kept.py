"""The use cases "everything kept": what is kept about a user, in numbers for the card and whole for the export."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailmagnet.caller import Caller
from mailmagnet.consent import Grant
from mailmagnet.crm_sign_in import Sees
from mailmagnet.deadline import in_time
from mailmagnet.errors import MAILMAGNET
from mailmagnet.parts import Parts
from mailmagnet.store import Mailbox, MailReading, MailRecord
from mailmagnet.vault import CRM_ACCOUNT, Connection

MOST_READINGS = 1_000
"""How many readings of shared mail are counted for the card, and how many the export holds of each kind."""

PAGE = 400
"""Mail records that are read at once for the export."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection without its tokens. `crm_user` is how the CRM calls its user, "" without a sign-in; `webhook` whether an address for
    notices is kept; `listed` whether an admin has put the user on the list of who may use MailMagnet."""

    address: str
    gmail: bool
    grants: frozenset[Grant]
    crm_user: str
    webhook: bool
    listed: bool = False


@dataclass(frozen=True, slots=True)
class CrmAccount:
    """The account in the CRM that is the organisation's, without its tokens: its id and name there, and what users see by its link."""

    account: str
    name: str
    sees: Sees | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept about one user. Each of `mailbox` and `connected` may be there without the other.

    `mails` counts the mail records, `oldest` and `newest` are when the first and last of that mail was received. `read_by_others` and
    `read_by_user` count readings of shared mail, MOST_READINGS at most.
    """

    crm_name: str
    mailbox: Mailbox | None
    connected: Connected | None
    mails: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    read_by_others: int = 0
    read_by_user: int = 0

    @property
    def nothing(self) -> bool:
        """Whether the user is not here, or not any more. What colleagues' logs hold of the user's readings is no reason to be."""
        return not (self.mailbox or self.connected)

    @property
    def problems(self) -> tuple[()]:
        """Nothing is shown in part: whoever asks what is kept is told all of it, or that it is not known now."""
        return ()


@dataclass(frozen=True, slots=True)
class Export:
    """All of it, but for the tokens."""

    mailbox: Mailbox | None
    connected: Connected | None
    mails: Sequence[MailRecord]
    read_by_others: Sequence[MailReading]
    read_by_user: Sequence[MailReading]


async def everything_kept(caller: Caller, parts: Parts) -> Kept:
    """In numbers. Raises TimedOut, and what the store and the vault raise."""
    org, user, store = caller.identity.org, caller.identity.user, parts.store
    found = asyncio.gather(
        store.mailbox(org, user),
        parts.vault.connection(org, user),
        store.count_mails(org, user),
        store.readings(org, user, MOST_READINGS),
        store.readings_by(org, user, MOST_READINGS),
    )
    mailbox, connection, (mails, oldest, newest), by_others, by_user = await in_time(MAILMAGNET, caller.by, found)
    crm = connection.crm.crm if connection and connection.crm else parts.default_crm
    return Kept(
        parts.crm_sign_in_of(crm).name, mailbox, _connected(connection), mails, oldest, newest, len(by_others), len(by_user)
    )


async def export(org: str, user: str, parts: Parts) -> Export:
    """Whole, for the user of these verified ids alone. Raises what the store and the vault raise."""
    store = parts.store
    mailbox, connection, by_others, by_user = await asyncio.gather(
        store.mailbox(org, user),
        parts.vault.connection(org, user),
        store.readings(org, user, MOST_READINGS),
        store.readings_by(org, user, MOST_READINGS),
    )
    mails: list[MailRecord] = []
    while page := await store.mails(org, user, mails[-1] if mails else None, PAGE):
        mails += page
    return Export(mailbox, _connected(connection), mails, by_others, by_user)


def _connected(connection: Connection | None) -> Connected | None:
    if not connection:
        return None
    crm_user = connection.crm.name if connection.crm else ""
    webhook = bool(connection.webhook)
    return Connected(connection.address, connection.connected, connection.grants, crm_user, webhook, connection.listed)


async def crm_account(org: str, parts: Parts) -> CrmAccount | None:
    """What is kept of the organisation's account in the CRM. Raises what the vault raises."""
    link = await parts.vault.connection(org, CRM_ACCOUNT)
    return CrmAccount(link.crm.account, link.crm.name, link.sees) if link and link.crm else None
