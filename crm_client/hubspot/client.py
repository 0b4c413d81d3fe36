"""HubSpot as one process asks it, for all organisations that have an account there."""

import asyncio
from collections.abc import Sequence

from crm_client.hubspot.addresses import HUBSPOT
from crm_client.hubspot.crm import CAPABILITIES, HubSpotCrm, Remembered, senders_of_views
from crm_client.hubspot.server import HubSpotServer
from crm_client.renewal import Renewal
from mailmagnet.crm import Asked, Budget, Capabilities, Senders
from mailmagnet.errors import Upstream
from mailmagnet.vault import Connection


class HubSpotClient:
    """`mailmagnet.crm.CrmClient` of HubSpot."""

    def __init__(self, server: HubSpotServer, renewal: Renewal) -> None:
        self._server = server
        self._renewal = renewal
        self._remembered = Remembered()

    @property
    def name(self) -> str:
        return HUBSPOT.name

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def budget(self, connection: Connection) -> Budget | None:
        return self._server.budget(connection.org)

    def as_user(self, connection: Connection) -> HubSpotCrm:
        owner_id = connection.crm.account if connection.crm else ""
        return HubSpotCrm(self._server, self._renewal.access_of(connection), owner_id, self._remembered)

    async def senders_of(self, asked: Sequence[Asked]) -> Sequence[Senders | Upstream]:
        """Searches are few for the whole account: all mailboxes of an organisation are one question."""
        by_org: dict[str, list[int]] = {}
        for place, each in enumerate(asked):
            by_org.setdefault(each.connection.org, []).append(place)
        answers = await asyncio.gather(
            *(
                senders_of_views([(self.as_user(asked[place].connection), asked[place].addresses) for place in places])
                for places in by_org.values()
            )
        )
        by_place = {
            place: answer
            for places, of_org in zip(by_org.values(), answers, strict=True)
            for place, answer in zip(places, of_org, strict=True)
        }
        return [by_place[place] for place in range(len(asked))]
