"""appsscript.json: what Gmail is told of the add-on is what the add-on serves, in Google's own form."""

import json
from pathlib import Path
from typing import Any

import pytest

from cards.frame import Path as Served
from functions.event import SCOPE_EMAIL, SCOPE_OPEN_MAIL
from functions.triggers import TRIGGERS
from sandbox.cards.open_links import OpenLinks
from sandbox.google.deployment import Entry, deployment
from sandbox.google.google_side import SIDEBAR_SCOPES

FILE = Path(__file__).parent.parent.parent / "appsscript.json"
URL, CRM_URL, PAGES_URL = "https://addon.example", "https://crm.example", "https://pages.example"
DESK = "http://127.0.0.1:8090"

COMMON = {"name", "logoUrl", "layoutProperties", "addOnWidgetSet", "useLocaleFromApp", "homepageTrigger", "universalActions"}
COMMON |= {"openLinkUrlPrefixes"}
GMAIL = {"homepageTrigger", "contextualTriggers", "universalActions", "composeTrigger", "authorizationCheckFunction"}
"""https://developers.google.com/workspace/add-ons/reference/rest/v1/projects.deployments"""


@pytest.fixture
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return found


def functions_in(value: Any) -> list[str]:
    """Every URL of the add-on that Gmail is told to call."""
    if isinstance(value, list):
        return [url for inner in value for url in functions_in(inner)]
    if not isinstance(value, dict):
        return []
    own = [value[name] for name in ("runFunction", "onTriggerFunction") if name in value]
    return own + [url for inner in value.values() for url in functions_in(inner)]


def test_only_fields_that_google_knows_are_in_it(manifest: dict[str, Any]) -> None:
    addons = manifest["addOns"]
    assert set(manifest) <= {"oauthScopes", "addOns"}
    assert set(addons) <= {"common", "gmail", "httpOptions"}
    assert set(addons["common"]) <= COMMON
    assert set(addons["gmail"]) <= GMAIL


def test_what_it_calls_is_served(manifest: dict[str, Any]) -> None:
    called = functions_in(manifest)
    assert len(called) >= 3
    assert [url for url in called if url.removeprefix("https://ADDON_URL") not in TRIGGERS] == []


def test_each_universal_action_has_words_and_one_thing_to_do(manifest: dict[str, Any]) -> None:
    actions = manifest["addOns"]["common"]["universalActions"]
    assert [action for action in actions if set(action) not in ({"label", "runFunction"}, {"label", "openLink"})] == []
    assert all(action["label"].strip() for action in actions)
    assert f"https://ADDON_URL{Served.DEALS_AND_SEARCH}" in functions_in(actions)


def test_it_asks_for_what_the_add_on_needs_and_for_nothing_of_a_mails_text(manifest: dict[str, Any]) -> None:
    scopes = set(manifest["oauthScopes"])
    assert {SCOPE_EMAIL, SCOPE_OPEN_MAIL} <= scopes <= SIDEBAR_SCOPES


def test_the_sandbox_reads_it_as_gmail_does() -> None:
    found = deployment(FILE, URL, CRM_URL, PAGES_URL)
    assert found.triggers == {"homepage": f"{URL}/home", "message": f"{URL}/message"}
    assert found.universal_actions == [
        Entry("Deals and search", function=f"{URL}/deals-and-search"),
        Entry("Set up MailMagnet", function=f"{URL}/set-up"),
    ]
    assert found.open_link_prefixes == ["https://mail.google.com/", f"{CRM_URL}/", f"{PAGES_URL}/"]


def test_links_may_lead_to_gmail_to_the_crm_and_to_our_pages_and_nowhere_else(manifest: dict[str, Any]) -> None:
    """Each as Google wants it: https, a host, and a path (https://developers.google.com/apps-script/manifest/allowlist-url)."""
    prefixes = manifest["addOns"]["common"]["openLinkUrlPrefixes"]
    assert prefixes == ["https://mail.google.com/", "https://CRM_URL/", "https://PAGES_URL/"]
    open_links = OpenLinks(deployment(FILE, URL, CRM_URL, PAGES_URL).open_link_prefixes)
    assert open_links.cover("https://mail.google.com/mail/?authuser=ada@corp.example#search/rfc822msgid:a%40b.example")
    assert open_links.cover(f"{CRM_URL}/crm/contacts/7")
    assert open_links.cover(f"{PAGES_URL}/connect?link=x")
    assert not open_links.cover("https://evil.example/crm/contacts/7")


def test_on_the_desk_the_crm_is_the_desk_itself() -> None:
    open_links = OpenLinks(deployment(FILE, URL, DESK, PAGES_URL).open_link_prefixes, [DESK])
    assert open_links.cover(f"{DESK}/crm/contacts/7")
    assert not open_links.cover("http://127.0.0.1:8091/crm/contacts/7")
    assert not OpenLinks(open_links.prefixes).cover(f"{DESK}/crm/contacts/7")


def test_gmails_own_fields_come_before_the_common_ones(tmp_path: Path) -> None:
    file = tmp_path / "appsscript.json"
    common: dict[str, Any] = {
        "homepageTrigger": {"runFunction": f"{URL}/all"},
        "universalActions": [{"label": "Help", "openLink": "https://x.example/"}],
    }
    common["openLinkUrlPrefixes"] = ["x.example"]
    own = {
        "homepageTrigger": {"runFunction": f"{URL}/own"},
        "universalActions": [{"text": "Go", "runFunction": "https://ADDON_URL/go"}],
        "composeTrigger": {"actions": [{"label": "Write", "runFunction": "https://ADDON_URL/write"}], "draftAccess": "METADATA"},
    }
    file.write_text(json.dumps({"addOns": {"common": common, "gmail": own}}))
    found = deployment(file, URL, CRM_URL, PAGES_URL)
    assert found.triggers == {"homepage": f"{URL}/own"}
    assert found.universal_actions == [Entry("Help", link="https://x.example/"), Entry("Go", function=f"{URL}/go")]
    assert (found.compose_actions, found.draft_access) == ([Entry("Write", function=f"{URL}/write")], "METADATA")
    assert found.open_link_prefixes == ["x.example"]
