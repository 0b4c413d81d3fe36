"""Pipedrive as one process asks it."""

from collections.abc import Sequence

from crm_client.each_for_itself import senders_of
from crm_client.memory import Memory
from crm_client.pipedrive.addresses import PIPEDRIVE
from crm_client.pipedrive.crm import CAPABILITIES, PipedriveCrm, Remembered
from crm_client.pipedrive.server import PipedriveServer, PipedriveUser
from crm_client.renewal import Renewal
from mailmagnet.crm import Asked, Budget, Capabilities, Senders
from mailmagnet.errors import Upstream
from mailmagnet.vault import Connection

RIGHTS_SECONDS, SETTINGS_SECONDS = 60.0, 900.0
MOST_REMEMBERED = 10_000
"""Connections."""


class PipedriveClient:
    """`mailmagnet.crm.CrmClient` of all companies at Pipedrive: which one it is, a connection's sign-in says."""

    def __init__(self, server: PipedriveServer, renewal: Renewal) -> None:
        self._server = server
        self._renewal = renewal
        self._remembered = Remembered(
            Memory(RIGHTS_SECONDS, MOST_REMEMBERED),
            Memory(SETTINGS_SECONDS, MOST_REMEMBERED),
            Memory(SETTINGS_SECONDS, MOST_REMEMBERED),
        )

    @property
    def name(self) -> str:
        return PIPEDRIVE.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def budget(self, connection: Connection) -> Budget | None:
        """The company's tokens of the day."""
        return self._server.budget(connection.crm.origin) if connection.crm else None

    def as_user(self, connection: Connection) -> PipedriveCrm:
        origin, account = (connection.crm.origin, connection.crm.account) if connection.crm else ("", "")
        asking = PipedriveUser(self._server, self._renewal.access_of(connection), origin, account)
        return PipedriveCrm(asking, (connection.org, connection.user, origin, account), self._remembered)

    async def senders_of(self, asked: Sequence[Asked]) -> Sequence[Senders | Upstream]:
        return await senders_of(self, asked)
