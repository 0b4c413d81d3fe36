"""The use cases that open one CRM record from a list, and the search: each with the day it is where the CRM's organisation is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Generic, TypeVar

from mailmagnet.caller import Caller, connection_of
from mailmagnet.categories import today_in
from mailmagnet.crm import Contact, Crm, Deal, Found, KnownAccount, Lead, service_of
from mailmagnet.deadline import in_time
from mailmagnet.errors import NothingTyped, Upstream
from mailmagnet.parts import Parts
from mailmagnet.standing import ContactStanding, standings_of

FOUND_MOST = 10
"""As many results of each kind as a rep looks through before searching again."""

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Opened(Generic[Record]):
    """What the CRM answered, its name, and the day in its organisation's time zone. `to_set_up` is whether Gmail is not connected."""

    record: Record
    crm_name: str
    today: date
    to_set_up: bool = False
    problems: ClassVar[tuple[Upstream, ...]] = ()
    """It comes whole or not at all."""


@dataclass(frozen=True, slots=True)
class OpenedLead:
    """A lead, and the CRM's name: nothing of a lead depends on the day."""

    lead: Lead
    crm_name: str
    to_set_up: bool = False
    problems: ClassVar[tuple[Upstream, ...]] = ()


async def open_contact(contact_id: str, caller: Caller, parts: Parts) -> Opened[ContactStanding]:
    """A contact with its category. Raises what `Crm.contact` and the vault raise, and TimedOut."""
    opened: Opened[Contact] = await _opened(lambda crm: crm.contact(contact_id), caller, parts)
    return Opened(standings_of([opened.record], opened.today)[0], opened.crm_name, opened.today, opened.to_set_up)


async def open_lead(lead_id: str, caller: Caller, parts: Parts) -> OpenedLead:
    """A lead. Raises what `Crm.lead` and the vault raise, and TimedOut."""
    connection = await connection_of(caller, parts)
    crm = parts.crm_of(connection)
    return OpenedLead(await in_time(service_of(crm), caller.by, crm.lead(lead_id)), crm.name, not connection.connected)


async def open_account(account_id: str, caller: Caller, parts: Parts) -> Opened[KnownAccount]:
    """An account, who is known there, and its open deals. Raises what `Crm.account` and the vault raise, and TimedOut."""
    return await _opened(lambda crm: crm.account(account_id), caller, parts)


async def open_deal(deal_id: str, caller: Caller, parts: Parts) -> Opened[Deal]:
    """A deal. Raises what `Crm.deal` and the vault raise, and TimedOut."""
    return await _opened(lambda crm: crm.deal(deal_id), caller, parts)


async def search(words: str, caller: Caller, parts: Parts) -> Opened[Found]:
    """What the CRM has under these words. Raises NothingTyped for fewer letters than it takes, what `Crm.search` and the vault raise, and
    TimedOut."""
    return await _opened(lambda crm: found_in(crm, words, FOUND_MOST), caller, parts)


async def found_in(crm: Crm, words: str, most: int) -> Found:
    """At most `most` of each kind. Raises as `search` does."""
    if len(words.strip()) < crm.capabilities.search_from:
        raise NothingTyped(crm.capabilities.search_from)
    return await crm.search(words, most)


async def _opened(read: Callable[[Crm], Awaitable[Record]], caller: Caller, parts: Parts) -> Opened[Record]:
    connection = await connection_of(caller, parts)
    crm = parts.crm_of(connection)
    both = asyncio.gather(read(crm), crm.settings())
    record, settings = await in_time(service_of(crm), caller.by, both)
    return Opened(record, crm.name, today_in(settings.organisation.time_zone, caller.now), not connection.connected)
