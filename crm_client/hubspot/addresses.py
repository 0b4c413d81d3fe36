"""Where HubSpot is called, and where it may say that an account's records are shown."""

import re
from dataclasses import dataclass

from mailmagnet.errors import BadAnswer, Service, Side

HUBSPOT = Service(Side.CRM, "HubSpot")

_FIRST_HOST = "app.hubspot.com"
_OTHER_HOSTS = re.compile(r"app-[a-z]{2}[1-9]\.hubspot\.com")
"""A data centre's own: app-eu1.hubspot.com (https://www.hubspot.com/data-centers)."""


@dataclass(frozen=True, slots=True)
class HubSpotAddresses:
    """`api` is one for all data centres: HubSpot itself leads each call to the account's. `app` is where people work, and sign in."""

    api: str = "https://api.hubapi.com"
    app: str = f"https://{_FIRST_HOST}"

    def app_of(self, ui_domain: str) -> str:
        """Where people of an account work, by the host that HubSpot names for it. Raises BadAnswer for a host that is none of HubSpot's."""
        if ui_domain == _FIRST_HOST:
            return self.app
        if not _OTHER_HOSTS.fullmatch(ui_domain):
            raise BadAnswer(HUBSPOT, "the account's host is none of HubSpot's")
        return f"https://{ui_domain}"
