"""MailMagnet CRM: the embedded CRM, a whole small CRM in one SQLite file, as one of its users sees it."""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

from crm_client.embedded.access import check_permitted
from crm_client.embedded.database import CRM, reading, writing
from crm_client.embedded.record_people import record_people
from crm_client.embedded.rows import (
    AccountRow,
    ActivityRow,
    ContactRow,
    DealRow,
    LeadRow,
    NoteRow,
    new_id,
    put_account,
    put_activity,
    put_contact,
    put_deal,
    put_lead,
    put_note,
    read_deals,
)
from crm_client.embedded.sessions import viewer_of
from crm_client.embedded.user_records import UserRecords, activity
from crm_client.renewal import CrmAccess
from mailmagnet.calls import count_call
from mailmagnet.crm import (
    Account,
    Activity,
    Capabilities,
    Contact,
    CrmSettings,
    Deal,
    Found,
    KnownAccount,
    Lead,
    LookUp,
    Module,
    NewContact,
    NewDeal,
    Note,
    Profile,
    RecordPage,
    RecordPeople,
    Rights,
    Senders,
    User,
)
from mailmagnet.errors import NotFound
from mailmagnet.templates import Template

Result = TypeVar("Result")

UNLIMITED = 1_000_000
"""Addresses in one question: one statement takes any number."""

CAPABILITIES = Capabilities(
    rights=Rights.USER,
    record_page=RecordPage.TAB,
    addresses_a_call=UNLIMITED,
    ranked_search=True,
    search_inside_words=True,
    accents_folded=True,
    second_addresses=True,
    leads=True,
    roles=True,
    pipelines=True,
    lost_stages=True,
    deal_currency=True,
    exact_money=True,
    planned_activities=True,
    activities=True,
    notes=True,
    owners=True,
    templates=True,
    merge_fields=True,
    permission=True,
    writes=True,
)


class EmbeddedCrm:
    """`mailmagnet.crm.Crm` for one user. Cheap to make: nothing is opened before the first call, and views share connections.

    What a user may see, the user may change. A record belongs to the user who adds it. Values that the CRM does not take
    (a blank name, an unknown currency, an amount that is no number, a time without its zone) raise BadRequest.
    """

    def __init__(self, database: Path, access: CrmAccess, record_url: str = "") -> None:
        """`access` is of the connection whose user asks: its sign-in says which of the CRM's users that is.

        `record_url` is a template of a record's page, "http://host/crm/{module}/{id}" (accounts, contacts, leads, deals).
        """
        self._database = database
        self._access = access
        self._record_url = record_url

    @property
    def name(self) -> str:
        return CRM.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        """One question, whoever is asked for: a file has an answer for all, or for nobody."""
        return await self._see(lambda records: records.look_up(front, others, domains))

    async def senders(self, addresses: Collection[str]) -> Senders:
        return await self._see(lambda records: records.senders(addresses))

    async def contact(self, contact_id: str) -> Contact:
        return await self._see(lambda records: records.contact(contact_id))

    async def account(self, account_id: str) -> KnownAccount:
        return await self._see(lambda records: records.account(account_id))

    async def lead(self, lead_id: str) -> Lead:
        return await self._see(lambda records: records.lead(lead_id))

    async def deal(self, deal_id: str) -> Deal:
        return await self._see(lambda records: records.deal(deal_id))

    async def record_people(self, module: Module, record_id: str) -> RecordPeople:
        return await self._see(lambda records: record_people(records, module, record_id))

    async def search(self, words: str, most: int) -> Found:
        return await self._see(lambda records: records.search(words, most))

    async def deals_closing(self, first: date, last: date) -> Sequence[Deal]:
        return await self._see(lambda records: records.deals_closing(first, last))

    async def settings(self) -> CrmSettings:
        return await self._see(UserRecords.settings)

    async def me(self) -> User:
        return await self._see_without_permission(lambda records: records.viewer)

    async def administrators(self) -> Sequence[User]:
        return await self._see_without_permission(UserRecords.administrators)

    async def users(self) -> Sequence[User]:
        return await self._see(UserRecords.users)

    async def profiles(self) -> Sequence[Profile]:
        return await self._see(UserRecords.profiles)

    async def templates(self) -> Sequence[Template]:
        return await self._see(UserRecords.templates)

    async def add_account(self, name: str, domain: str = "", phone: str = "") -> Account:
        return await self._change(lambda records: _add_account(records, name, domain, phone))

    async def add_contact(self, contact: NewContact) -> Contact:
        return await self._change(lambda records: _add_contact(records, contact))

    async def add_lead(self, lead: Lead) -> Lead:
        return await self._change(lambda records: _add_lead(records, lead))

    async def add_deal(self, deal: NewDeal) -> Deal:
        return await self._change(lambda records: _add_deal(records, deal))

    async def move_deal(self, deal_id: str, stage_id: str) -> Deal:
        return await self._change(lambda records: _move_deal(records, deal_id, stage_id))

    async def add_activity(self, contact_id: str, activity: Activity) -> Activity:
        return await self._change(lambda records: _add_activity(records, contact_id, activity))

    async def add_note(self, contact_id: str, text: str) -> Note:
        return await self._change(lambda records: _add_note(records, contact_id, text))

    async def _see(self, ask: Callable[[UserRecords], Result]) -> Result:
        return await self._asked(lambda token: self._ask(token, ask))

    async def _see_without_permission(self, ask: Callable[[UserRecords], Result]) -> Result:
        return await self._asked(lambda token: self._ask(token, ask, needs_permission=False))

    async def _change(self, change: Callable[[UserRecords], Result]) -> Result:
        return await self._asked(lambda token: self._do(token, change))

    async def _asked(self, do: Callable[[str], Result]) -> Result:
        """One question to the file counts as one call."""

        async def call(token: str) -> Result:
            count_call(CRM)
            return await asyncio.to_thread(do, token)

        return await self._access.ask(call)

    def _ask(self, token: str, ask: Callable[[UserRecords], Result], *, needs_permission: bool = True) -> Result:
        with reading(self._database) as connection:
            viewer = self._viewer(connection, token)
            if needs_permission:
                check_permitted(viewer)
            return ask(UserRecords(connection, viewer, self._record_url))

    def _do(self, token: str, change: Callable[[UserRecords], Result]) -> Result:
        with writing(self._database) as connection:
            viewer = self._viewer(connection, token)
            check_permitted(viewer)
            return change(UserRecords(connection, viewer, self._record_url))

    def _viewer(self, connection: sqlite3.Connection, token: str) -> User:
        return viewer_of(connection, token, self._access.org, self._access.user, datetime.now(UTC))


def _add_account(records: UserRecords, name: str, domain: str, phone: str) -> Account:
    row = put_account(records.connection, AccountRow(new_id(), name, records.viewer.id, domain, phone))
    return records.accounts([row.id])[row.id]


def _add_contact(records: UserRecords, contact: NewContact) -> Contact:
    if contact.account is not None:
        records.must_see("accounts", contact.account)
    row = ContactRow(new_id(), contact.name, records.viewer.id, contact.addresses, contact.title, contact.account, contact.phone)
    return records.contact(put_contact(records.connection, row).id)


def _add_lead(records: UserRecords, lead: Lead) -> Lead:
    row = LeadRow(new_id(), lead.name, records.viewer.id, lead.addresses, lead.title, lead.company, lead.status, lead.phone)
    put_lead(records.connection, row)
    return records.lead(row.id)


def _add_deal(records: UserRecords, deal: NewDeal) -> Deal:
    _must_be_stage(records, deal.stage)
    if deal.account is not None:
        records.must_see("accounts", deal.account)
    for contact_id in deal.contacts:
        records.must_see("contacts", contact_id)
    row = DealRow(new_id(), deal.name, deal.stage, records.viewer.id, deal.account, deal.amount, deal.closing, deal.contacts)
    return records.deal(put_deal(records.connection, row).id)


def _move_deal(records: UserRecords, deal_id: str, stage_id: str) -> Deal:
    records.must_see("deals", deal_id)
    _must_be_stage(records, stage_id)
    put_deal(records.connection, replace(read_deals(records.connection, [deal_id])[deal_id], stage_id=stage_id))
    return records.deal(deal_id)


def _add_activity(records: UserRecords, contact_id: str, planned: Activity) -> Activity:
    records.must_see("contacts", contact_id)
    row = ActivityRow(new_id(), contact_id, planned.kind, planned.subject, planned.at, planned.done, records.viewer.id)
    put_activity(records.connection, row)
    return activity(
        records.connection.execute(
            "SELECT activities.*, users.name AS owner FROM activities JOIN users ON users.id = owner_id WHERE activities.id = ?",
            (row.id,),
        ).fetchone()
    )


def _add_note(records: UserRecords, contact_id: str, text: str) -> Note:
    records.must_see("contacts", contact_id)
    row = NoteRow(new_id(), contact_id, text, datetime.now(UTC), records.viewer.id)
    put_note(records.connection, row)
    return Note(row.id, row.text, row.at, records.viewer.name)


def _must_be_stage(records: UserRecords, stage_id: str) -> None:
    if not records.connection.execute("SELECT 1 FROM stages WHERE id = ?", (stage_id,)).fetchone():
        raise NotFound(CRM, "there is no such stage")
