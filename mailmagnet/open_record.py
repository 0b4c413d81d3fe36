"""The use cases that open one CRM record from a list, and the search: each with the day it is where the CRM's organisation is."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from mailmagnet.categories import today_in
from mailmagnet.crm import Crm, Found, KnownAccount
from mailmagnet.open_message import ContactStanding, standings_of

FOUND_MOST = 10
"""As many results of each kind as a rep looks through before searching again."""

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Opened(Generic[Record]):
    """What the CRM answered, and the day in its organisation's time zone."""

    record: Record
    today: date


async def open_contact(contact_id: str, crm: Crm, now: datetime) -> Opened[ContactStanding]:
    """A contact with its category. Raises what `Crm.contact` raises."""
    opened = await _opened(crm.contact(contact_id), crm, now)
    return Opened(standings_of([opened.record], opened.today)[0], opened.today)


async def open_account(account_id: str, crm: Crm, now: datetime) -> Opened[KnownAccount]:
    """An account, who is known there, and its open deals. Raises what `Crm.account` raises."""
    return await _opened(crm.account(account_id), crm, now)


async def search(words: str, crm: Crm, now: datetime) -> Opened[Found]:
    """What the CRM has under these words. Raises what `Crm.search` raises."""
    return await _opened(crm.search(words, FOUND_MOST), crm, now)


async def _opened(asked: Awaitable[Record], crm: Crm, now: datetime) -> Opened[Record]:
    record, organisation = await asyncio.gather(asked, crm.organisation())
    return Opened(record, today_in(organisation.time_zone, now))
