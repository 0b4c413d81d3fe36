"""Zoho's own addresses: its data centres, each with its accounts server, its API and its web pages. An account lives in one of them."""

from dataclasses import dataclass

from crm_client.zoho.zoho import ZOHO
from mailmagnet.errors import BadAnswer


@dataclass(frozen=True, slots=True)
class DataCentre:
    """One of them: three origins."""

    accounts: str
    api: str
    web: str


def _at(domain: str, accounts: str = "", api: str = "") -> DataCentre:
    cloud = accounts or f"zoho.{domain}"
    return DataCentre(f"https://accounts.{cloud}", f"https://www.zohoapis.{api or domain}", f"https://crm.{cloud}")


@dataclass(frozen=True, slots=True)
class ZohoAddresses:
    """The closed list (https://www.zoho.com/crm/developer/docs/api/v8/multi-dc.html). `sign_in` is where each browser is sent first:
    Zoho finds out there where its user's account is."""

    sign_in: str = "https://accounts.zoho.com"
    data_centres: tuple[DataCentre, ...] = (
        *map(_at, ("com", "eu", "in", "com.au", "jp", "com.cn", "sa", "uk", "ae")),
        _at("ca", accounts="zohocloud.ca"),
    )

    def with_accounts(self, origin: str) -> DataCentre:
        """The data centre with this accounts server. Raises BadAnswer for one that is not Zoho's."""
        return self._only([centre for centre in self.data_centres if centre.accounts == origin])

    def with_api(self, origin: str) -> DataCentre:
        """The data centre with this API. Raises BadAnswer for one that is not Zoho's."""
        return self._only([centre for centre in self.data_centres if centre.api == origin])

    def _only(self, found: list[DataCentre]) -> DataCentre:
        if not found:
            raise BadAnswer(ZOHO, "the account is said to be where Zoho has no data centre")
        return found[0]
