"""Salesforce's own addresses, and the closed list of places at which an organisation may be served."""

import re
from dataclasses import dataclass

from mailmagnet.errors import BadAnswer, Service, Side

SALESFORCE = Service(Side.CRM, "Salesforce")
LONGEST_ORIGIN = 300


@dataclass(frozen=True, slots=True)
class SalesforceAddresses:
    """`login` is where users sign in. An organisation is served at its My Domain, as `instances` says: a pattern of whole origins
    (https://help.salesforce.com/s/articleView?id=xcloud.domain_name_url_formats.htm)."""

    login: str = "https://login.salesforce.com"
    instances: str = r"https://(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+my\.salesforce\.com"

    def instance(self, told: object) -> str:
        """An organisation's origin as Salesforce tells it. Raises BadAnswer for what is not on the list."""
        if not isinstance(told, str) or len(told) > LONGEST_ORIGIN or not re.fullmatch(self.instances, told.lower()):
            raise BadAnswer(SALESFORCE, "it names a place for the organisation that is none of Salesforce's")
        return told.lower()


OWN = SalesforceAddresses()
