"""deployment.yaml and what follows from it: settings that the functions can read, an add-on as Gmail would read it, the whole plan."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cards.frame import Path as Served
from crm_client.hubspot.addresses import HubSpotAddresses
from crm_client.pipedrive.addresses import PipedriveAddresses
from crm_client.salesforce.addresses import SalesforceAddresses
from crm_client.zoho.addresses import ZohoAddresses
from deployment.addon_manifest import addon_deployment
from deployment.carry_out import VALUE
from deployment.deployment_file import WITH_CLIENT, WITH_ORIGIN, Crm, read_deployment
from deployment.plan import IN_FOLDER, by_hand, plan
from deployment.services import ADDON, PAGES, SECRETS, SERVICES, environment, secrets, url
from deployment.shell_script import script, script_back
from deployment.source import image_tag, uploaded
from functions.crms import KINDS
from functions.event import SCOPE_EMAIL, SCOPE_OPEN_MAIL
from functions.settings import read_settings
from functions.triggers import TRIGGERS
from mailmagnet.crm_choice import EMBEDDED
from mailmagnet.errors import BadSetting
from sandbox.cards.card_check import card_faults
from sandbox.cards.open_links import OpenLinks
from sandbox.google.deployment import Entry, deployment
from sandbox.google.google_side import SIDEBAR_SCOPES

HOUSE = Path(__file__).parents[2]
FILE = HOUSE / "appsscript.json"
PLAN_TEXT = HOUSE / "docs" / "deployment-plan.sh"
DEPLOYMENT = read_deployment(HOUSE / "deployment.yaml")
LEARNT = {
    "PROJECT_NUMBER": "123456789012",
    "ADDON_SERVICE_ACCOUNT": "service-123456789012@gcp-sa-gsuiteaddons.iam.gserviceaccount.com",
    "ADDON_CLIENT_ID": "123456789012-addon.apps.googleusercontent.com",
}
URL, CRM_URL, PAGES_URL = "https://addon.example", "https://crm.example", "https://pages.example"
DESK = "http://127.0.0.1:8090"


def filled(text: str) -> str:
    return VALUE.sub(lambda found: LEARNT[found[1]], text)


# deployment.yaml


def complaint(tmp_path: Path, **changes: Any) -> str:
    """What is said of the file with these values in place of its own (None: taken out)."""
    values = yaml.safe_load((HOUSE / "deployment.yaml").read_text("utf-8"))
    values = {name: value for name, value in {**values, **changes}.items() if value is not None}
    file = tmp_path / "deployment.yaml"
    file.write_text(yaml.safe_dump(values), "utf-8")
    with pytest.raises(BadSetting) as said:
        read_deployment(file)
    return str(said.value).replace(f"{file}: ", "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"project": "My Project"}, "project: write the id of your Google Cloud project"),
        ({"region": "Europe"}, "region: write a Google Cloud region"),
        ({"name": "x" * 51}, "name: write the add-on's name, at most 50 letters"),
        ({"name": 'A"B'}, "name: write the add-on's name"),
        ({"crm": {"kind": "odoo", "origin": "http://crm.example"}}, "crm.origin: write the CRM's address with https://"),
        ({"crm": {"kind": "odoo", "origin": "https://crm.example/web"}}, "crm.origin: write the CRM's address"),
        ({"crm": {"kind": "odo", "origin": "https://crm.example"}}, "crm.kind: "),
        ({"crm": {"kind": "odoo"}}, "crm.origin: write the CRM's address"),
        ({"crm": {"kind": "odoo", "origin": "https://crm.example", "client_id": "x"}}, "crm.client_id: take it out"),
        ({"crm": {"kind": "zoho"}}, "crm.client_id: write the id of your OAuth client"),
        ({"crm": {"kind": "zoho", "client_id": "1000.X", "origin": "https://crm.example"}}, "crm.origin: take it out"),
        ({"crm": {"kind": "zoho", "client_id": "1000.X", "certificate": True}}, "crm.certificate: take it out"),
        ({"crm": {"kind": "zoho", "client_id": "a,MAILMAGNET_ADMINS=x"}}, "crm.client_id: "),
        ({"crm": {"kind": "zoho", "client_id": "a\nb"}}, "crm.client_id: "),
        ({"domains": ["gmail.com"]}, "domains: write domains of your own"),
        ({"admins": ["it"]}, "admins: write a mail address"),
        ({"admins": ["it@gmail.com"]}, "admins: write addresses in your own domains"),
        ({"domains": []}, "domains: name the organisation's"),
        ({"budget": "50"}, "budget: write an amount a month"),
        ({"alerts": None}, "alerts: is missing; add it"),
        ({"colour": "red"}, "colour: there is no such key; take it out"),
        ({"limits": {"user_calls_a_minute": 0, "instances": 1}}, "limits.user_calls_a_minute: "),
    ],
)
def test_a_wrong_value_is_named_with_what_to_write(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    assert complaint(tmp_path, **changes).startswith(said)


def test_every_wrong_value_is_named_at_once(tmp_path: Path) -> None:
    assert len(complaint(tmp_path, project="?", region="?", alerts="?").splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "said"), [("a: b: c", "line 1: is not YAML"), ("- a", "should hold lines"), ("\xff\n\t-", "is not YAML")]
)
def test_what_is_no_such_file_is_told_plainly(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "deployment.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(BadSetting, match=re.escape(said)):
        read_deployment(file)
    with pytest.raises(BadSetting, match="Run this in MailMagnet's folder"):
        read_deployment(tmp_path / "other.yaml")


def test_no_value_stands_twice() -> None:
    values = re.findall(r"^\s*\w+: +(\S+)", (HOUSE / "deployment.yaml").read_text("utf-8"), re.MULTILINE)
    plain = [value for value in values if not value.startswith("it@") and value not in ("20", "[it@example.com]")]
    assert len(plain) == len(set(plain))


# The services


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.function)
@pytest.mark.parametrize("install", ["organisation", "users"])
def test_its_environment_is_settings_that_the_functions_can_read(service: Any, install: str) -> None:
    mine = DEPLOYMENT.model_copy(update={"install": install})
    given = {name: filled(value) for name, value in environment(mine, service).items()}
    settings = read_settings({**given, **{setting: f"{setting} {'x' * 32}" for setting in SECRETS}})
    assert settings.addon_url == filled(url(DEPLOYMENT, ADDON))
    assert settings.firestore_project == DEPLOYMENT.project
    assert given["MAILMAGNET_ORG_INSTALL"] == {"organisation": "true", "users": "false"}[install]
    assert settings.internal_domains == DEPLOYMENT.domains
    assert given["FUNCTION_TARGET"] == service.function


def test_each_crm_may_be_deployed_with_what_it_needs_and_no_other() -> None:
    deployed = {kind: how for kind, how in KINDS.items() if kind != EMBEDDED}
    assert {kind for kind, how in deployed.items() if how.has_origin} <= set(WITH_ORIGIN)
    assert {kind for kind, how in deployed.items() if how.has_client} <= set(WITH_CLIENT)


@pytest.mark.parametrize("certificate", [False, True])
def test_an_oauth_client_at_the_crm_comes_with_its_secret(certificate: bool) -> None:
    """And a deployment without one has neither."""
    crm = Crm(kind="salesforce", client_id="3MVG9.client", certificate=certificate)
    mine = DEPLOYMENT.model_copy(update={"crm": crm})
    assert environment(mine, PAGES)["MAILMAGNET_CRM_CLIENT_ID"] == "3MVG9.client"
    assert "MAILMAGNET_CRM_CLIENT_ID" not in environment(DEPLOYMENT, PAGES)
    own = {"MAILMAGNET_CRM_CLIENT_SECRET", *({"MAILMAGNET_CRM_CERTIFICATE_KEY"} if certificate else ())}
    assert secrets(mine).keys() - SECRETS.keys() == own
    assert secrets(DEPLOYMENT) == SECRETS
    text = script(plan(mine, HOUSE))
    assert ("base64 -w 0 key.pem" in text, "Secret of your OAuth client at the CRM" in text) == (certificate, True)
    assert any(f"{url(mine, PAGES)}/crm-callback" in step for step in by_hand(mine))
    assert not any("crm-callback" in step for step in by_hand(DEPLOYMENT))
    for name in own:
        assert f"{name}={secrets(mine)[name]}:latest" in text


def test_a_services_name_leaves_room_for_its_url() -> None:
    """One label of a host's name has 63 letters at most; a project's number has 12 or 13."""
    assert all(len(service.name) + 1 + 13 <= 63 for service in SERVICES)


def test_what_is_uploaded_is_what_gcloud_would_upload_and_nothing_else() -> None:
    files = {file.relative_to(HOUSE).as_posix() for file in uploaded(HOUSE)}
    assert {"main.py", "Procfile", "requirements.txt", "requirements.lock", "mailmagnet/free_mail.txt"} <= files
    assert not [file for file in files if file.startswith(("tests/", "sandbox/", "docs/", ".")) or file.endswith(".pyc")]
    assert "pyproject.toml" not in files, "beside it the buildpack might choose otherwise than requirements.txt"


def test_the_image_is_named_by_its_files(tmp_path: Path) -> None:
    (tmp_path / ".gcloudignore").write_text("/*\n!/main.py\n!/core/\n")
    (tmp_path / "core").mkdir()
    (tmp_path / "main.py").write_text("a")
    (tmp_path / "core" / "rules.py").write_text("b")
    before = image_tag(tmp_path)
    (tmp_path / "notes.txt").write_text("not uploaded")
    assert image_tag(tmp_path) == before
    (tmp_path / "core" / "rules.py").write_text("c")
    assert image_tag(tmp_path) != before


# The plan


@pytest.mark.parametrize("missing", IN_FOLDER)
def test_without_the_source_beside_it_there_is_no_plan_and_it_says_what_is_missing(missing: str, tmp_path: Path) -> None:
    for name in IN_FOLDER:
        if name != missing:
            (tmp_path / name).write_bytes((HOUSE / name).read_bytes())
    with pytest.raises(BadSetting, match=f"^{re.escape(missing)}: not in .* Run this in MailMagnet's folder"):
        plan(DEPLOYMENT, tmp_path)


def plan_text() -> str:
    return script(plan(DEPLOYMENT, HOUSE)).replace(image_tag(HOUSE), "IMAGE_TAG")


def test_the_plan_is_the_one_that_was_read() -> None:
    """After a change that is meant: MAILMAGNET_NEW_PLAN=yes .venv/bin/python -m pytest tests/unit/test_deployment.py, and read it."""
    if os.environ.get("MAILMAGNET_NEW_PLAN"):
        PLAN_TEXT.write_text(plan_text(), "utf-8")
    assert plan_text() == PLAN_TEXT.read_text("utf-8")


def test_shellcheck_has_nothing_to_say(tmp_path: Path) -> None:
    for number, text in enumerate((plan_text(), *(script_back(plan(DEPLOYMENT, HOUSE), data=data) for data in (False, True)))):
        file = tmp_path / f"{number}.sh"
        file.write_text(text, "utf-8")
        shellcheck = Path(sys.executable).with_name("shellcheck")
        done = subprocess.run([shellcheck, file], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout


def test_each_step_says_why_and_a_long_name_passes_whole() -> None:
    other = DEPLOYMENT.model_copy(update={"name": "Ärger & Söhne's Mail (עברית)"})
    steps = plan(other, HOUSE)
    assert all(step.why.endswith(".") for step in steps)
    assert "Ärger & Söhne's Mail (עברית)" in script(steps)


# The add-on


@pytest.fixture
def manifest(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(filled(json.dumps(addon_deployment(DEPLOYMENT, FILE))))
    return found


def functions_in(value: Any) -> list[str]:
    """Every URL of the add-on that Gmail is told to call."""
    if isinstance(value, list):
        return [url for inner in value for url in functions_in(inner)]
    if not isinstance(value, dict):
        return []
    own = [value[name] for name in ("runFunction", "onTriggerFunction") if name in value]
    return own + [url for inner in value.values() for url in functions_in(inner)]


def test_what_it_calls_is_served(manifest: dict[str, Any]) -> None:
    called = functions_in(manifest)
    assert len(called) >= 3
    addon = filled(url(DEPLOYMENT, ADDON))
    assert [its_url for its_url in called if its_url.removeprefix(addon) not in TRIGGERS] == []
    assert f"{addon}{Served.DEALS_AND_SEARCH}" in called


def test_nothing_is_left_to_be_filled_in(manifest: dict[str, Any]) -> None:
    assert "_URL" not in json.dumps(manifest)
    assert manifest["addOns"]["common"]["name"] == DEPLOYMENT.name


def test_each_universal_action_has_words_and_one_thing_to_do(manifest: dict[str, Any]) -> None:
    actions = manifest["addOns"]["common"]["universalActions"]
    assert [action for action in actions if set(action) not in ({"label", "runFunction"}, {"label", "openLink"})] == []
    assert all(action["label"].strip() for action in actions)


def test_it_asks_for_what_the_add_on_needs_and_for_nothing_of_a_mails_text(manifest: dict[str, Any]) -> None:
    scopes = set(manifest["oauthScopes"])
    assert {SCOPE_EMAIL, SCOPE_OPEN_MAIL} <= scopes <= SIDEBAR_SCOPES


def test_the_sandbox_reads_this_deployments_as_gmail_does(manifest: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "addon.json"
    file.write_text(json.dumps(manifest), "utf-8")
    found = deployment(file, "", "", "")
    addon, pages = filled(url(DEPLOYMENT, ADDON)), filled(url(DEPLOYMENT, PAGES))
    assert found.triggers == {"homepage": f"{addon}/home", "message": f"{addon}/message"}
    assert found.open_link_prefixes == ["https://mail.google.com/", f"{DEPLOYMENT.crm.origin}/", f"{pages}/"]
    open_links = OpenLinks(found.open_link_prefixes)
    assert open_links.cover("https://mail.google.com/mail/?authuser=ada@corp.example#search/rfc822msgid:a%40b.example")
    assert open_links.cover(f"{DEPLOYMENT.crm.origin}/odoo/contacts/7")
    assert open_links.cover(f"{pages}/connect?link=x")
    assert not open_links.cover("https://evil.example/odoo/contacts/7")
    card = {
        "sections": [{"widgets": [{"buttonList": {"buttons": [{"text": "Go", "onClick": {"openLink": {"url": f"{pages}/x"}}}]}}]}]
    }
    assert card_faults(card, open_links=open_links) == []
    assert card_faults(card, open_links=OpenLinks(found.open_link_prefixes[:2])) != []
    assert card_faults(card, open_links=OpenLinks([])) != []


@pytest.mark.parametrize(
    ("kind", "places"),
    [
        ("salesforce", [SalesforceAddresses().instance("https://acme.my.salesforce.com")]),
        ("hubspot", [HubSpotAddresses().app_of(host) for host in ("app.hubspot.com", "app-eu1.hubspot.com")]),
        ("zoho", [centre.web for centre in ZohoAddresses().data_centres]),
        ("pipedrive", [PipedriveAddresses().company("https://acme.pipedrive.com")]),
    ],
)
def test_links_to_a_vendors_records_open(kind: str, places: list[str]) -> None:
    """A wildcard for subdomains, which Google takes first in a host, is read here for one label alone."""
    crm = Crm.model_validate({"kind": kind, "client_id": "x"})
    manifest = addon_deployment(DEPLOYMENT.model_copy(update={"crm": crm}), FILE)
    prefixes = manifest["addOns"]["common"]["openLinkUrlPrefixes"]
    assert [prefix for prefix in prefixes if not re.fullmatch(r"https://(\*\.)?[^/*]+\.[^/*]+/", prefix)] == []
    assert "CRM_URL" not in json.dumps(manifest)
    for place in places:
        first = place.removeprefix("https://").split(".")[0]
        opened = OpenLinks([prefix.replace("*", first) for prefix in prefixes])
        assert opened.cover(f"{place}/contacts/7")
        assert not opened.cover(f"{place}.evil.example/contacts/7")


def test_every_kind_of_crm_has_places_for_its_links() -> None:
    assert all(Crm.model_validate({"kind": kind, "client_id": "x"}).record_pages != ("/",) for kind in WITH_CLIENT)
    assert all(
        Crm.model_validate({"kind": kind, "origin": "https://crm.example"}).record_pages == ("https://crm.example/",)
        for kind in WITH_ORIGIN
    )


def test_the_sandbox_reads_the_template_as_gmail_does() -> None:
    found = deployment(FILE, URL, CRM_URL, PAGES_URL)
    assert found.triggers == {"homepage": f"{URL}/home", "message": f"{URL}/message"}
    assert found.universal_actions == [
        Entry("Deals and search", function=f"{URL}/deals-and-search"),
        Entry("Set up MailMagnet", function=f"{URL}/set-up"),
    ]
    assert found.open_link_prefixes == ["https://mail.google.com/", f"{CRM_URL}/", f"{PAGES_URL}/"]


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


def test_the_readme_shows_the_whole_plan() -> None:
    shown = re.search(r"```bash\n(.*?)\n```", (HOUSE / "README.md").read_text("utf-8"), re.DOTALL)
    assert shown
    assert shown[1] == PLAN_TEXT.read_text("utf-8").rstrip()
