"""One Odoo as one process asks it."""

from collections.abc import Sequence

from crm_client.each_for_itself import senders_of
from crm_client.odoo.crm import CAPABILITIES, OdooCrm
from crm_client.odoo.memory import OdooMemory
from crm_client.odoo.server import ODOO, OdooServer
from crm_client.renewal import Renewal
from mailmagnet.crm import Asked, Budget, Capabilities, Senders
from mailmagnet.errors import Upstream
from mailmagnet.vault import Connection


class OdooClient:
    """`mailmagnet.crm.CrmClient` of the Odoo at one origin."""

    def __init__(self, server: OdooServer, renewal: Renewal) -> None:
        self._server = server
        self._renewal = renewal
        self._memory = OdooMemory()

    @property
    def name(self) -> str:
        return ODOO.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def budget(self, _: Connection) -> Budget | None:
        """Odoo says nothing of any limit."""
        return None

    def as_user(self, connection: Connection) -> OdooCrm:
        uid = connection.crm.account if connection.crm else ""
        return OdooCrm(self._server, self._renewal.access_of(connection), uid, self._memory)

    async def senders_of(self, asked: Sequence[Asked]) -> Sequence[Senders | Upstream]:
        return await senders_of(self, asked)
