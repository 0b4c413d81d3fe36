"""Zoho CRM as one process asks it."""

from collections.abc import Callable, Sequence
from datetime import datetime

from crm_client.each_for_itself import senders_of
from crm_client.renewal import Renewal
from crm_client.zoho.crm import CAPABILITIES, ZohoCrm
from crm_client.zoho.remembered import Remembered
from crm_client.zoho.server import ZohoLine, ZohoServer
from crm_client.zoho.zoho import ZOHO
from mailmagnet.crm import Asked, Budget, Capabilities, Senders
from mailmagnet.errors import Upstream
from mailmagnet.vault import Connection


class ZohoClient:
    """`mailmagnet.crm.CrmClient` of Zoho, in all its data centres."""

    def __init__(self, server: ZohoServer, renewal: Renewal, now: Callable[[], datetime]) -> None:
        """`now` decides which meeting is over."""
        self._server = server
        self._renewal = renewal
        self._now = now
        self._remembered = Remembered()

    @property
    def name(self) -> str:
        return ZOHO.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def budget(self, connection: Connection) -> Budget | None:
        """None while more than half of the day's credits are left: then Zoho says nothing."""
        left, of = self._server.credits_left(connection.org), self._remembered.day_credits.get(connection.org, 0)
        return Budget(left, of) if left is not None and of else None

    def as_user(self, connection: Connection) -> ZohoCrm:
        tokens = connection.crm
        uid, origin = (tokens.account, tokens.origin) if tokens else ("", "")
        line = ZohoLine(self._server, connection.org, origin)
        return ZohoCrm(line, self._renewal.access_of(connection), uid, self._remembered, self._now)

    async def senders_of(self, asked: Sequence[Asked]) -> Sequence[Senders | Upstream]:
        return await senders_of(self, asked)
