"""Salesforce as one process asks it, for all organisations and their users."""

from collections.abc import Callable, Sequence
from datetime import datetime

from crm_client.each_for_itself import senders_of
from crm_client.renewal import Renewal
from crm_client.salesforce.addresses import SALESFORCE
from crm_client.salesforce.crm import CAPABILITIES, SalesforceCrm
from crm_client.salesforce.memory import SalesforceMemory
from crm_client.salesforce.server import SalesforceServer
from mailmagnet.crm import Asked, Budget, Capabilities, Senders
from mailmagnet.errors import Upstream
from mailmagnet.vault import Connection


class SalesforceClient:
    """`mailmagnet.crm.CrmClient` of Salesforce. `now` tells which events are over."""

    def __init__(self, server: SalesforceServer, renewal: Renewal, now: Callable[[], datetime]) -> None:
        self._server = server
        self._renewal = renewal
        self._now = now
        self._memory = SalesforceMemory()

    @property
    def name(self) -> str:
        return SALESFORCE.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def budget(self, connection: Connection) -> Budget | None:
        """The organisation's, whoever of it asked last."""
        return self._server.budget(self._memory.origins.get(connection.org, ""))

    def as_user(self, connection: Connection) -> SalesforceCrm:
        uid = connection.crm.account if connection.crm else ""
        return SalesforceCrm(self._server, self._renewal.access_of(connection), uid, self._memory, self._now)

    async def senders_of(self, asked: Sequence[Asked]) -> Sequence[Senders | Upstream]:
        return await senders_of(self, asked)
