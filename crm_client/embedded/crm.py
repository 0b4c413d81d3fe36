"""MailMagnet CRM: the embedded CRM, a whole small CRM in one SQLite file, as one of its users sees it."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

from crm_client.embedded.access import check_permitted, viewer_of
from crm_client.embedded.database import CRM_NAME, reading, writing
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
from crm_client.embedded.view import View, activity
from mailmagnet.crm import (
    Account,
    Activity,
    Contact,
    Currency,
    Deal,
    Found,
    KnownAccount,
    Lead,
    LookUp,
    NewContact,
    NewDeal,
    Note,
    Organisation,
    Profile,
    Senders,
    Stage,
    User,
)
from mailmagnet.errors import NotFound

Answer = TypeVar("Answer")


class EmbeddedCrm:
    """`mailmagnet.crm.Crm` for one user. Cheap to make: nothing is opened before the first call, and views share connections.

    What a user may see, the user may change. A record belongs to the user who adds it. Values that the CRM does not take
    (a blank name, an unknown currency, an amount that is no number, a time without its zone) raise BadRequest.
    """

    def __init__(self, database: Path, org: str, user: str, record_url: str = "") -> None:
        """`org` and `user` are the verified ids of the Google account that asks: `access` says which of the CRM's users it is.

        `record_url` is a template of a record's page, "http://host/crm/{module}/{id}" (accounts, contacts, leads, deals).
        """
        self._database = database
        self._org = org
        self._user = user
        self._record_url = record_url

    @property
    def name(self) -> str:
        return CRM_NAME

    async def look_up(self, addresses: Collection[str], domains: Collection[str]) -> LookUp:
        return await self._see(lambda view: view.look_up(addresses, domains))

    async def senders(self, addresses: Collection[str]) -> Senders:
        return await self._see(lambda view: view.senders(addresses))

    async def contact(self, contact_id: str) -> Contact:
        return await self._see(lambda view: view.contact(contact_id))

    async def account(self, account_id: str) -> KnownAccount:
        return await self._see(lambda view: view.account(account_id))

    async def lead(self, lead_id: str) -> Lead:
        return await self._see(lambda view: view.lead(lead_id))

    async def deal(self, deal_id: str) -> Deal:
        return await self._see(lambda view: view.deal(deal_id))

    async def search(self, words: str, most: int) -> Found:
        return await self._see(lambda view: view.search(words, most))

    async def deals_closing(self, first: date, last: date) -> Sequence[Deal]:
        return await self._see(lambda view: view.deals_closing(first, last))

    async def organisation(self) -> Organisation:
        return await self._see(View.organisation)

    async def me(self) -> User:
        return await asyncio.to_thread(self._me)

    async def users(self) -> Sequence[User]:
        return await self._see(View.users)

    async def profiles(self) -> Sequence[Profile]:
        return await self._see(View.profiles)

    async def stages(self) -> Sequence[Stage]:
        return await self._see(View.stages)

    async def currencies(self) -> Sequence[Currency]:
        return await self._see(View.currencies)

    async def add_account(self, name: str, domain: str = "", phone: str = "") -> Account:
        return await self._change(lambda view: _add_account(view, name, domain, phone))

    async def add_contact(self, contact: NewContact) -> Contact:
        return await self._change(lambda view: _add_contact(view, contact))

    async def add_lead(self, lead: Lead) -> Lead:
        return await self._change(lambda view: _add_lead(view, lead))

    async def add_deal(self, deal: NewDeal) -> Deal:
        return await self._change(lambda view: _add_deal(view, deal))

    async def move_deal(self, deal_id: str, stage_id: str) -> Deal:
        return await self._change(lambda view: _move_deal(view, deal_id, stage_id))

    async def add_activity(self, contact_id: str, activity: Activity) -> Activity:
        return await self._change(lambda view: _add_activity(view, contact_id, activity))

    async def add_note(self, contact_id: str, text: str) -> Note:
        return await self._change(lambda view: _add_note(view, contact_id, text))

    async def _see(self, ask: Callable[[View], Answer]) -> Answer:
        return await asyncio.to_thread(self._ask, ask)

    async def _change(self, change: Callable[[View], Answer]) -> Answer:
        return await asyncio.to_thread(self._do, change)

    def _ask(self, ask: Callable[[View], Answer]) -> Answer:
        with reading(self._database) as connection:
            viewer = viewer_of(connection, self._org, self._user)
            check_permitted(viewer)
            return ask(View(connection, viewer, self._record_url))

    def _do(self, change: Callable[[View], Answer]) -> Answer:
        with writing(self._database) as connection:
            viewer = viewer_of(connection, self._org, self._user)
            check_permitted(viewer)
            return change(View(connection, viewer, self._record_url))

    def _me(self) -> User:
        with reading(self._database) as connection:
            return viewer_of(connection, self._org, self._user)


def _add_account(view: View, name: str, domain: str, phone: str) -> Account:
    row = put_account(view.connection, AccountRow(new_id(), name, view.viewer.id, domain, phone))
    return view.accounts([row.id])[row.id]


def _add_contact(view: View, contact: NewContact) -> Contact:
    if contact.account is not None:
        view.must_see("accounts", contact.account)
    row = ContactRow(new_id(), contact.name, view.viewer.id, contact.addresses, contact.title, contact.account, contact.phone)
    return view.contact(put_contact(view.connection, row).id)


def _add_lead(view: View, lead: Lead) -> Lead:
    row = LeadRow(new_id(), lead.name, view.viewer.id, lead.addresses, lead.title, lead.company, lead.status, lead.phone)
    put_lead(view.connection, row)
    return view.lead(row.id)


def _add_deal(view: View, deal: NewDeal) -> Deal:
    _must_be_stage(view, deal.stage)
    if deal.account is not None:
        view.must_see("accounts", deal.account)
    for contact_id in deal.contacts:
        view.must_see("contacts", contact_id)
    row = DealRow(new_id(), deal.name, deal.stage, view.viewer.id, deal.account, deal.amount, deal.closing, deal.contacts)
    return view.deal(put_deal(view.connection, row).id)


def _move_deal(view: View, deal_id: str, stage_id: str) -> Deal:
    view.must_see("deals", deal_id)
    _must_be_stage(view, stage_id)
    put_deal(view.connection, replace(read_deals(view.connection, [deal_id])[deal_id], stage_id=stage_id))
    return view.deal(deal_id)


def _add_activity(view: View, contact_id: str, planned: Activity) -> Activity:
    view.must_see("contacts", contact_id)
    row = ActivityRow(new_id(), contact_id, planned.kind, planned.subject, planned.at, planned.done, view.viewer.id)
    put_activity(view.connection, row)
    return activity(
        view.connection.execute(
            "SELECT activities.*, users.name AS owner FROM activities JOIN users ON users.id = owner_id WHERE activities.id = ?",
            (row.id,),
        ).fetchone()
    )


def _add_note(view: View, contact_id: str, text: str) -> Note:
    view.must_see("contacts", contact_id)
    row = NoteRow(new_id(), contact_id, text, datetime.now(UTC), view.viewer.id)
    put_note(view.connection, row)
    return Note(row.id, row.text, row.at, view.viewer.name)


def _must_be_stage(view: View, stage_id: str) -> None:
    if not view.connection.execute("SELECT 1 FROM stages WHERE id = ?", (stage_id,)).fetchone():
        raise NotFound(CRM_NAME, "there is no such stage")
