"""Pipedrive's own addresses, and which places it may name as a company's own."""

import re
from dataclasses import dataclass

from mailmagnet.errors import BadAnswer, Service, Side

PIPEDRIVE = Service(Side.CRM, "Pipedrive")


@dataclass(frozen=True, slots=True)
class PipedriveAddresses:
    """`oauth` is where everybody signs in. A company is served at a name of its own, which is told with its tokens: `companies` is the
    pattern of all of them."""

    oauth: str = "https://oauth.pipedrive.com"
    companies: str = r"https://[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.pipedrive\.com"

    def company(self, told: object) -> str:
        """The origin of a company, as Pipedrive told it. Raises BadAnswer for what is none of Pipedrive's."""
        origin = told.removesuffix("/") if isinstance(told, str) else ""
        if not re.fullmatch(self.companies, origin):
            raise BadAnswer(PIPEDRIVE, "the company's address is none of Pipedrive's")
        return origin
