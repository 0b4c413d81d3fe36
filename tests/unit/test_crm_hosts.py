"""Where a CRM's tokens may go: to the vendor's closed list of hosts, or to the one address that an admin has set; to nobody else."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from crm_client.hubspot.addresses import HubSpotAddresses
from crm_client.pipedrive.addresses import PipedriveAddresses
from crm_client.salesforce.addresses import SalesforceAddresses
from crm_client.zoho.addresses import ZohoAddresses
from functions.crms import KINDS, checked_crm
from functions.settings import read_settings
from functions.wiring import Process
from http_session.session import HttpSession
from mailmagnet.crm_sign_in import BrowserSignIn, CrmTokens
from mailmagnet.errors import BadAnswer, BadRequest, BadSetting, Service, Side, Unavailable, Upstream
from mailmagnet.vault import Connection
from tests.unit.test_settings import GOOD

ORG, USER = "corp.example", "7"
AT_VENDORS = [kind for kind, how in KINDS.items() if how.has_client]
OF_ONES_OWN = [kind for kind, how in KINDS.items() if how.has_origin]

GOOD_PLACES: list[tuple[Callable[[str], Any], str]] = [
    (lambda told: ZohoAddresses().with_api(told), "https://www.zohoapis.eu"),
    (lambda told: ZohoAddresses().with_accounts(told), "https://accounts.zoho.in"),
    (lambda told: PipedriveAddresses().company(told), "https://corp.pipedrive.com"),
    (lambda told: SalesforceAddresses().instance(told), "https://corp.my.salesforce.com"),
]


def spoilt(good: str) -> list[str]:
    """Places that look like a good one and are somebody else's, or no place at all."""
    host = good.removeprefix("https://")
    return [
        "",
        host,
        f"http://{host}",
        f"https://{host}:8443",
        f"https://{host}:443@attacker.example",
        f"https://attacker.example/{host}",
        f"https://attacker.example#{host}",
        f"https://attacker.example?{host}",
        f"https://attacker.example\\@{host}",
        f"https://{host}.attacker.example",
        f"https://{host}@attacker.example",
        f"https://user:password@{host}",
        f"https://attacker-{host.partition('.')[2]}",
        f"https://{host.replace('.', '-')}",
        f"{good}/services",
        f"{good}?a=b",
        f"{good}#a",
        f"{good}\n",
        f"{good}\r\nHost: attacker.example",
        f" {good}",
        good.replace("o", "о"),  # Cyrillic
        good.replace(".com", ".cοm") if ".com" in good else good.replace("zoho", "zοho"),
        "https://127.0.0.1",
        "https://169.254.169.254",
        "https://[::1]",
        "https://localhost",
        "https://metadata.google.internal",
        f"https://{'a' * 400}.{host.partition('.')[2]}",
    ]


@pytest.mark.parametrize(("check", "good"), GOOD_PLACES)
def test_a_place_that_is_told_at_sign_in_is_on_the_vendors_list_or_is_none(check: Callable[[str], Any], good: str) -> None:
    check(good)
    for place in spoilt(good):
        with pytest.raises(BadAnswer):
            check(place)


@pytest.mark.parametrize(
    "host", ["", "app.hubspot.com.attacker.example", "attacker.example", "app-eu1.hubspot.com@x.example", "a b"]
)
def test_hubspots_pages_are_hubspots(host: str) -> None:
    assert HubSpotAddresses().app_of("app-eu1.hubspot.com") == "https://app-eu1.hubspot.com"
    with pytest.raises(BadAnswer):
        HubSpotAddresses().app_of(host)


class Watched(Process):
    """It notes where it would call, and calls nobody."""

    called: list[str]

    def crm_session_of(self, origin: str) -> HttpSession:
        return cast(HttpSession, Nobody(self.called))


class Nobody:
    """A session that gives no answer."""

    def __init__(self, called: list[str]) -> None:
        self._called = called

    async def request(self, who: Service, method: str, url: str, **_: Any) -> Any:
        self._called.append(url)
        raise Unavailable(who)


@pytest.fixture
async def watched(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Watched]:
    made = {
        **GOOD,
        "MAILMAGNET_CRM": request.param,
        "MAILMAGNET_CRM_CLIENT_ID": "client",
        "MAILMAGNET_CRM_CLIENT_SECRET": "its-secret",
        "MAILMAGNET_STORE_DATABASE": str(tmp_path / "store"),
        "MAILMAGNET_VAULT_FILE": str(tmp_path / "vault"),
        "MAILMAGNET_VAULT_KEY": "bWFkZS11cC1rZXktb2YtY29udHJhY3QtdGVzdHMtLS0=",
    }
    process = Watched(read_settings(made))
    process.called = []
    yield process
    await process.close()


@pytest.mark.parametrize("watched", AT_VENDORS, indirect=True)
@pytest.mark.parametrize(
    "origin", ["https://attacker.example", "https://corp.my.salesforce.com.attacker.example", "https://127.0.0.1", ""]
)
@pytest.mark.parametrize("expired", [False, True])
async def test_a_place_in_the_vault_is_held_against_the_list_each_time_that_it_is_used(
    watched: Watched, origin: str, expired: bool
) -> None:
    """Whoever could write there one day is sent no token."""
    ends = datetime.now(UTC) + timedelta(hours=-1 if expired else 1)
    tokens = CrmTokens("1", "Ada", "access", "refresh", ends, watched.default_crm, origin)
    connection = Connection(ORG, USER, "ada@corp.example", crm=tokens, listed=True)
    await watched.vault.sign_in(connection)
    sign_in = watched.crm_sign_in_of(watched.default_crm)
    assert isinstance(sign_in, BrowserSignIn)
    for call in (watched.crm_of(connection).me(), sign_in.renewed(tokens), sign_in.sign_out(tokens)):
        with pytest.raises(Upstream):
            await call
    hosts = {urlsplit(called).hostname or "" for called in watched.called}
    own = ("api.hubapi.com", "oauth.pipedrive.com", "login.salesforce.com")
    assert [host for host in hosts if host not in own and not host.endswith(".zoho.com")] == []


@pytest.mark.parametrize("watched", AT_VENDORS, indirect=True)
async def test_the_browser_is_sent_to_the_vendor_alone(watched: Watched) -> None:
    sign_in = watched.crm_sign_in_of(watched.default_crm)
    assert isinstance(sign_in, BrowserSignIn)
    parts = urlsplit(sign_in.authorize_url("state", "challenge"))
    assert parts.scheme == "https"
    vendors = ("accounts.zoho.com", "app.hubspot.com", "oauth.pipedrive.com", "login.salesforce.com")
    assert parts.hostname in vendors


@pytest.mark.parametrize("kind", AT_VENDORS)
def test_no_admin_and_no_setting_gives_a_vendor_another_address(kind: str) -> None:
    for private in (False, True):
        with pytest.raises(BadRequest):
            checked_crm(kind, "https://crm.attacker.example", private=private)
    client = {"MAILMAGNET_CRM_CLIENT_ID": "client", "MAILMAGNET_CRM_CLIENT_SECRET": "its-secret"}
    with pytest.raises(BadSetting):
        read_settings({**GOOD, **client, "MAILMAGNET_CRM": kind, "MAILMAGNET_CRM_ORIGIN": "https://crm.attacker.example"})


@pytest.mark.parametrize("kind", OF_ONES_OWN)
@pytest.mark.parametrize(
    "origin",
    [
        "https://127.0.0.1",
        "https://10.0.0.1",
        "https://169.254.169.254",
        "https://[::1]",
        "https://[fd00::1]",
        "https://0x7f000001",
        "https://2130706433",
        "https://crm",
        "https://crm.internal",
        "http://crm.example",
        "https://crm.example/path",
        "https://user@crm.example",
    ],
)
def test_a_server_of_ones_own_is_no_private_address_unless_the_deployment_allows_it(kind: str, origin: str) -> None:
    with pytest.raises(BadRequest):
        checked_crm(kind, origin, private=False)


@pytest.mark.parametrize("kind", OF_ONES_OWN)
async def test_a_name_that_leads_into_a_private_network_is_not_called(kind: str) -> None:
    """Whoever owns a name may let it lead wherever they want."""
    process = Process(
        read_settings({**GOOD, "MAILMAGNET_CRM": kind, "MAILMAGNET_CRM_ORIGIN": "https://localhost.localdomain.example"})
    )
    session = process.crm_session_of("https://localhost:1")
    with pytest.raises(Unavailable):
        await session.request(Service(Side.CRM, "CRM"), "GET", "https://localhost:1/", seconds=2.0)
    with pytest.raises(BadSetting):
        await session.request(Service(Side.CRM, "CRM"), "GET", "https://elsewhere.example/", seconds=2.0)
    await process.close()
