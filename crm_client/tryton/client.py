"""One Tryton as one process asks it."""

from collections.abc import Sequence

from crm_client.each_for_itself import senders_of
from crm_client.renewal import Renewal
from crm_client.tryton.crm import CAPABILITIES, TrytonCrm
from crm_client.tryton.memory import TrytonMemory
from crm_client.tryton.server import TRYTON, TrytonServer
from mailmagnet.crm import Asked, Budget, Capabilities, Senders
from mailmagnet.errors import Upstream
from mailmagnet.vault import Connection


class TrytonClient:
    """`mailmagnet.crm.CrmClient` of the Tryton at one origin."""

    def __init__(self, server: TrytonServer, renewal: Renewal) -> None:
        self._server = server
        self._renewal = renewal
        self._memory = TrytonMemory()

    @property
    def name(self) -> str:
        return TRYTON.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def budget(self, _: Connection) -> Budget | None:
        """Tryton says nothing of any limit."""
        return None

    def as_user(self, connection: Connection) -> TrytonCrm:
        uid = connection.crm.account if connection.crm else ""
        return TrytonCrm(self._server, self._renewal.access_of(connection), uid, self._memory)

    async def senders_of(self, asked: Sequence[Asked]) -> Sequence[Senders | Upstream]:
        return await senders_of(self, asked)
