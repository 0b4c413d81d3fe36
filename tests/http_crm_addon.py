"""The deployed `addon` with a CRM that is one HTTP call away instead of a file: for the benchmark, and for a CRM that misbehaves."""

import json
import os
from collections.abc import Collection
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property, partial
from typing import cast
from urllib.parse import urlsplit

from functions import addon as sidebar
from functions.boundary import entry_point
from functions.settings import Settings, read_settings
from functions.wiring import Process
from http_session.session import HttpSession
from mailmagnet.crm import Account, Contact, Crm, CrmSettings, Deal, DealState, LookUp, Money, Organisation
from mailmagnet.errors import Service, Side
from mailmagnet.vault import Connection
from sandbox.demo.sandbox_process import google_at

DEALS = tuple(
    Deal(
        id=str(number),
        name=f"Renewal {number}",
        stage="Negotiation",
        state=DealState.OPEN,
        amount=Money(Decimal(12_000 + number), "EUR"),
        closing=date.today() + timedelta(days=number),  # noqa: DTZ011  any day near today does
        url=f"https://crm.example/deals/{number}",
    )
    for number in range(5)
)


class HttpCrm:
    """A CRM that answers a look-up with one HTTP call."""

    name = "Stub CRM"

    def __init__(self, session: HttpSession, url: str) -> None:
        self._session = session
        self._url = url

    async def settings(self) -> CrmSettings:
        """As a client remembers them: without a call."""
        return CrmSettings(Organisation("Corp", "Europe/Vienna", "EUR"))

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        body = json.dumps(sorted({*front, *others})).encode()
        answer = await self._session.request(Service(Side.CRM, self.name), "POST", self._url, seconds=4, body=body)
        return LookUp(
            {address: (_contact(address),) for address in answer.json()["known"]},
            {},
            {},
        )


def _contact(address: str) -> Contact:
    account = Account("1", "Analytical Ltd", "analytical.example")
    return Contact(address, "Ada Lovelace", (address,), title="Head of Procurement", account=account, deals=DEALS)


class HttpCrmProcess(Process):
    """The product's process, but for the CRM, and before a stand-in for Google."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.google = google_at(os.environ["SANDBOX_GOOGLE_URL"])
        self._crm_url = os.environ["TEST_CRM_URL"]

    @cached_property
    def session(self) -> HttpSession:
        urls = (self._crm_url, self.google.gmail_url)
        return HttpSession({f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in urls})

    def crm_of(self, connection: Connection) -> Crm:
        crm = cast(Crm, HttpCrm(self.session, self._crm_url))
        return self.look_ups.remembering(crm, connection) if self.look_ups else crm


addon = entry_point("addon", partial(HttpCrmProcess, read_settings(os.environ)), sidebar.answer)
