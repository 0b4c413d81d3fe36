"""The embedded CRM as one process asks it: there is nothing to share but where its file is."""

from collections.abc import Sequence
from pathlib import Path

from crm_client.each_for_itself import senders_of
from crm_client.embedded.crm import CAPABILITIES, EmbeddedCrm
from crm_client.embedded.database import CRM
from crm_client.renewal import Renewal
from mailmagnet.crm import Asked, Budget, Capabilities, Senders
from mailmagnet.errors import Upstream
from mailmagnet.vault import Connection


class EmbeddedClient:
    """`mailmagnet.crm.CrmClient` of the embedded CRM in this file; `record_url` is as `EmbeddedCrm` has it."""

    def __init__(self, database: Path, renewal: Renewal, record_url: str = "") -> None:
        self._database = database
        self._renewal = renewal
        self._record_url = record_url

    @property
    def name(self) -> str:
        return CRM.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def budget(self, _: Connection) -> Budget | None:
        """A file takes any number of calls."""
        return None

    def as_user(self, connection: Connection) -> EmbeddedCrm:
        return EmbeddedCrm(self._database, self._renewal.access_of(connection), self._record_url)

    async def senders_of(self, asked: Sequence[Asked]) -> Sequence[Senders | Upstream]:
        return await senders_of(self, asked)
