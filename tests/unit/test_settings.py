"""Settings: a good environment is read whole; a wrong or missing variable is named, with what it should be."""

from base64 import b64encode
from dataclasses import astuple, fields
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from functions.crms import KINDS
from functions.google import Google
from functions.settings import Settings, read_settings
from functions.wiring import Process
from mailmagnet.errors import BadSetting

GOOD = {
    "MAILMAGNET_ADDON_URL": "https://addon.example/",
    "MAILMAGNET_PAGES_URL": "https://pages.example/",
    "MAILMAGNET_LINK_KEY": "fedcba9876543210fedcba9876543210",
    "MAILMAGNET_ADDON_SERVICE_ACCOUNT": "addon@project.example",
    "MAILMAGNET_JOB_SERVICE_ACCOUNT": "job@project.example",
    "MAILMAGNET_ADDON_CLIENT_ID": "addon-client",
    "MAILMAGNET_OAUTH_CLIENT_ID": "client",
    "MAILMAGNET_OAUTH_CLIENT_SECRET": "a-secret",
    "MAILMAGNET_VAULT_KEY": "a-key",
    "MAILMAGNET_LOG_KEY": "0123456789abcdef0123456789abcdef",
}


def test_a_good_environment_is_read_whole() -> None:
    settings = read_settings({**GOOD, "PATH": "/bin", "HOME": "/"})
    assert settings.addon_url == "https://addon.example"
    assert settings.answer_seconds == 5


PEM = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize("given", [PEM, f"{PEM}\n", b64encode(PEM.encode()).decode(), b64encode(f"{PEM}\n".encode()).decode()])
def test_a_certificates_key_is_read_whole_or_from_one_line(given: str) -> None:
    settings = read_settings({**GOOD, "MAILMAGNET_CRM_CERTIFICATE_KEY": given})
    assert settings.crm_certificate_key.get_secret_value() == PEM
    assert "MIIE" not in repr(settings)


@pytest.mark.parametrize("given", ["key.pem", "MIIE", b64encode(b"key").decode(), b64encode(b"\xff\xfe").decode()])
def test_what_is_no_key_is_said_to_be_none(given: str) -> None:
    with pytest.raises(BadSetting, match="MAILMAGNET_CRM_CERTIFICATE_KEY: should be a private key's file"):
        read_settings({**GOOD, "MAILMAGNET_CRM_CERTIFICATE_KEY": given})


@pytest.mark.parametrize("kind", [kind for kind, how in KINDS.items() if how.has_client])
def test_a_crm_to_which_users_sign_in_by_a_client_wants_the_client_and_its_secret(kind: str) -> None:
    client = {"MAILMAGNET_CRM_CLIENT_ID": "client", "MAILMAGNET_CRM_CLIENT_SECRET": "its-secret"}
    assert read_settings({**GOOD, "MAILMAGNET_CRM": kind, **client}).crm_client_id == "client"
    for left_out in client:
        given = {name: value for name, value in client.items() if name != left_out}
        with pytest.raises(BadSetting, match="MAILMAGNET_CRM_CLIENT_ID and MAILMAGNET_CRM_CLIENT_SECRET should be set"):
            read_settings({**GOOD, "MAILMAGNET_CRM": kind, **given})


def test_google_is_a_constant_and_no_setting() -> None:
    assert Process.google == Google()
    hosts = {urlsplit(url).hostname or "" for url in astuple(Google())}
    assert {host for host in hosts if not host.endswith(".googleapis.com")} == {"metadata.google.internal", "accounts.google.com"}
    assert {field.name for field in fields(Google)} & set(Settings.model_fields) == set()


@pytest.mark.parametrize("name", ["CERTIFICATES_URL", "GMAIL_URL", "TOKEN_URL", "REVOKE_URL", "TASKS_URL", "AUTHORIZE_URL"])
def test_production_cannot_be_pointed_at_anybody_who_is_not_google(name: str) -> None:
    with pytest.raises(BadSetting, match=f"MAILMAGNET_{name}: there is no such setting"):
        read_settings({**GOOD, f"MAILMAGNET_{name}": "https://elsewhere.example"})


@pytest.mark.parametrize("name", ["CLOCK_FILE", "CRM_FAULT_FILE"])
def test_production_has_neither_a_turned_clock_nor_faults(name: str) -> None:
    with pytest.raises(BadSetting, match=f"MAILMAGNET_{name}: there is no such setting"):
        read_settings({**GOOD, f"MAILMAGNET_{name}": "/somewhere"})
    assert read_settings({**GOOD, f"SANDBOX_{name}": "/somewhere"}) == read_settings(GOOD)


IN_THE_CLOUD = {key: value for key, value in GOOD.items() if key != "MAILMAGNET_VAULT_KEY"} | {
    "MAILMAGNET_FIRESTORE_PROJECT": "mailmagnet-test",
    "MAILMAGNET_CRM": "odoo",
    "MAILMAGNET_CRM_ORIGIN": "https://odoo.corp.example",
}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_one_is_named_with_its_meaning(name: str) -> None:
    where = GOOD if name == "MAILMAGNET_VAULT_KEY" else IN_THE_CLOUD
    with pytest.raises(BadSetting, match=rf"{name}: is not set \(it is the .+\)"):
        read_settings({key: value for key, value in where.items() if key != name})


def test_one_machine_needs_nothing_that_only_the_cloud_has() -> None:
    settings = read_settings({key: value for key, value in GOOD.items() if key != "MAILMAGNET_JOB_SERVICE_ACCOUNT"})
    assert settings.job_service_account == ""


@pytest.mark.parametrize(
    ("name", "value", "should"),
    [
        ("MAILMAGNET_ADDON_URL", "http://addon.example", "should be an https URL"),
        ("MAILMAGNET_ADDON_URL", "https://addon.example/?x=1", "without"),
        ("MAILMAGNET_ADDON_SERVICE_ACCOUNT", "Not An Account", "should be one service account"),
        ("MAILMAGNET_ANSWER_SECONDS", "soon", "valid number"),
        ("MAILMAGNET_ANSWER_SECONDS", "0", "greater than 1"),
        ("MAILMAGNET_TASKS_QUEUE", "my-queue", "should match pattern"),
        ("MAILMAGNET_PROFILE", "sandbox", "there is no such setting"),
        ("MAILMAGNET_ADDON_URL", "https://user@addon.example", "without"),
        ("MAILMAGNET_ADDON_URL", "https://user:secret@addon.example", "without"),
        ("MAILMAGNET_ADDON_URL", "https://addon.example:port", "should be an https URL"),
        ("MAILMAGNET_ADDON_URL", "https://addon.example/a/../b", "without"),
        ("MAILMAGNET_ADDON_URL", "https://addon.example/%2e%2e/b", "without"),
        ("MAILMAGNET_ADDON_URL", "https://addon.example/\r\nX: y", "without"),
        ("MAILMAGNET_ADDON_URL", "https://addon.example\\@evil.example", "without"),
        ("MAILMAGNET_ADDON_URL", "https://[", "should be an https URL"),
        ("MAILMAGNET_ADDON_URL", "https://addon..example", "without"),
        ("MAILMAGNET_ADDON_URL", "javascript:alert(1)", "should be an https URL"),
        ("MAILMAGNET_ADDON_SERVICE_ACCOUNT", "a@b.example\n", "should be one service account"),
        ("MAILMAGNET_ADDON_SERVICE_ACCOUNT", "a\x00@b.example", "should be one service account"),
        ("MAILMAGNET_ADDON_CLIENT_ID", "two words", "should match pattern"),
        ("MAILMAGNET_OAUTH_CLIENT_ID", "client\r\n", "should match pattern"),
        ("MAILMAGNET_ADDON_CLIENT_ID", "client", "should be two clients"),
        ("MAILMAGNET_OAUTH_CLIENT_ID", "addon-client", "should be two clients"),
        ("MAILMAGNET_TASKS_QUEUE", "projects/p/locations/../queues/q", "should match pattern"),
        ("MAILMAGNET_TASKS_QUEUE", "projects/p/locations/l/queues/q\n", "should match pattern"),
        ("MAILMAGNET_FIRESTORE_PROJECT", "../other", "should match pattern"),
        ("MAILMAGNET_FIRESTORE_PROJECT", "a..b", "should match pattern"),
        ("MAILMAGNET_CRM_DATABASE", "crm\x00.sqlite", "without control characters"),
        ("MAILMAGNET_VAULT_FILE", "vault\n", "without control characters"),
        ("MAILMAGNET_CRM_RECORD_URL", "javascript:alert('{module}{id}')", "should be an https URL"),
        ("MAILMAGNET_CRM_RECORD_URL", "http://crm.example/{module}/{id}", "should be an https URL"),
        ("MAILMAGNET_CRM_RECORD_URL", "https://{module}.example/{id}", "with {module} and {id} behind its host"),
        ("MAILMAGNET_CRM_RECORD_URL", "https://crm.example{id}/{module}/{id}", "with {module} and {id} behind its host"),
        ("MAILMAGNET_CRM_RECORD_URL", "https://crm.example/{module}", "with {module} and {id} behind its host"),
        ("MAILMAGNET_CRM_RECORD_URL", "https://crm.example/../{module}/{id}", "without"),
        ("MAILMAGNET_CRM_RECORD_URL", "https://ada@crm.example/{module}/{id}", "without"),
        ("MAILMAGNET_CRM_RECORD_URL", "https://crm.example/{module}/{id}/{other}", "with {module} and {id} behind its host"),
        ("MAILMAGNET_INTERNAL_DOMAINS", "corp.example,gmail.com", "anybody can have an address"),
        ("MAILMAGNET_INTERNAL_DOMAINS", "corp", "mail domains"),
        ("MAILMAGNET_INTERNAL_DOMAINS", "ada@corp.example", "mail domains"),
        ("MAILMAGNET_INTERNAL_DOMAINS", "co.uk", "mail domains"),
        ("MAILMAGNET_INTERNAL_DOMAINS", "corp.example,,", "mail domains"),
        ("MAILMAGNET_INTERNAL_DOMAINS", "corp.example\x00", "mail domains"),
        ("MAILMAGNET_LOG_KEY", "short", "at least 32"),
        ("MAILMAGNET_LINK_KEY", "short", "at least 32"),
        ("MAILMAGNET_PAGES_URL", "http://pages.example", "should be an https URL"),
        ("MAILMAGNET_USER_CALLS_A_MINUTE", "0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_one_is_named_with_what_it_should_be(name: str, value: str, should: str) -> None:
    with pytest.raises(BadSetting) as complaint:
        read_settings({**GOOD, name: value})
    assert name in str(complaint.value)
    assert should in str(complaint.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example/{module}/{id}",
        "https://crm.example:8443/web#model={module}&id={id}",
        "https://crm.example/?type={module}&id={id}",
        "http://127.0.0.1:8090/crm/{module}/{id}",
        "",
    ],
)
def test_links_to_records_may_have_any_form_that_a_crm_has(url: str) -> None:
    assert read_settings({**GOOD, "MAILMAGNET_CRM_RECORD_URL": url}).crm_record_url == url


def test_the_organisations_domains_are_read_as_addresses_have_them() -> None:
    assert read_settings(GOOD).internal_domains == ()
    named = read_settings({**GOOD, "MAILMAGNET_INTERNAL_DOMAINS": " Corp.example, bücher.example ,mail.corp.co.uk"})
    assert named.internal_domains == ("corp.example", "xn--bcher-kva.example", "mail.corp.co.uk")


@pytest.mark.parametrize("name", ["FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST"])
def test_production_refuses_an_emulator_in_googles_place(name: str) -> None:
    emulator = {name: "127.0.0.1:8080"}
    with pytest.raises(BadSetting, match=f"{name} should be left unset"):
        read_settings({**GOOD, **emulator})
    assert read_settings({**GOOD, name: ""})


def test_a_misspelt_one_is_named() -> None:
    with pytest.raises(BadSetting, match="MAILMAGNET_SORT_EVERY_MINUTE: there is no such setting"):
        read_settings({**GOOD, "MAILMAGNET_SORT_EVERY_MINUTE": "5"})


def test_all_that_is_wrong_is_told_at_once_and_no_secret_with_it() -> None:
    with pytest.raises(BadSetting) as complaint:
        read_settings({**GOOD, "MAILMAGNET_ADDON_URL": "no", "MAILMAGNET_SORT_EVERY_MINUTES": "many"})
    assert len(str(complaint.value).splitlines()) == 2
    assert "a-secret" not in str(complaint.value)


def test_settings_do_not_change_and_do_not_show_secrets() -> None:
    settings = read_settings(GOOD)
    assert "a-secret" not in repr(settings)
    assert "a-key" not in repr(settings)
    assert GOOD["MAILMAGNET_LOG_KEY"] not in repr(settings)
    assert GOOD["MAILMAGNET_LINK_KEY"] not in repr(settings)
    with pytest.raises(ValidationError):
        settings.addon_url = "https://elsewhere.example"  # type: ignore[misc]


@pytest.mark.parametrize(
    "changed",
    [{"EMBED_KEY": "too short"}, {"EMBED_ORG": ""}, {"CRM_RECORD_URL": ""}],
    ids=["a short secret", "no organisation", "no CRM"],
)
def test_a_crm_shows_mail_only_under_a_long_secret_for_one_organisation_and_one_origin(changed: dict[str, str]) -> None:
    good = {"EMBED_KEY": "k" * 32, "EMBED_ORG": "corp.example", "CRM_RECORD_URL": "https://crm.example/{module}/{id}"}
    assert read_settings(GOOD | {f"MAILMAGNET_{name}": value for name, value in good.items()}).embed_org == "corp.example"
    with pytest.raises(BadSetting, match="MAILMAGNET_EMBED_KEY should have at least 32 characters"):
        read_settings(GOOD | {f"MAILMAGNET_{name}": value for name, value in (good | changed).items()})


@pytest.mark.parametrize("name", ["LINK_KEY", "LOG_KEY", "VAULT_KEY", "OAUTH_CLIENT_SECRET"])
def test_what_the_crms_backend_knows_is_no_other_secret(name: str) -> None:
    """Under the links' key it could sign a browser in as anybody."""
    shared = "k" * 32
    embedding = {"EMBED_KEY": shared, "EMBED_ORG": "corp.example", "CRM_RECORD_URL": "https://crm.example/{module}/{id}"}
    changed = {f"MAILMAGNET_{each}": value for each, value in {**embedding, name: shared}.items()}
    with pytest.raises(BadSetting, match=f"MAILMAGNET_EMBED_KEY should be another secret than MAILMAGNET_{name}"):
        read_settings(GOOD | changed)


def test_in_the_cloud_no_file_is_kept_and_no_key_of_one_is_asked_for() -> None:
    assert read_settings(IN_THE_CLOUD).firestore_project == "mailmagnet-test"
    with pytest.raises(BadSetting, match="MAILMAGNET_CRM should be a CRM of its own beside MAILMAGNET_FIRESTORE_PROJECT"):
        read_settings({**IN_THE_CLOUD, "MAILMAGNET_CRM": "embedded", "MAILMAGNET_CRM_ORIGIN": ""})
    for origin in ("", "http://crm.example", "https://10.0.0.1"):
        with pytest.raises(BadSetting, match="MAILMAGNET_CRM and MAILMAGNET_CRM_ORIGIN"):
            read_settings({**IN_THE_CLOUD, "MAILMAGNET_CRM_ORIGIN": origin})
    for name in ("VAULT_FILE", "VAULT_KEY", "STORE_DATABASE", "CRM_DATABASE"):
        with pytest.raises(BadSetting, match=f"MAILMAGNET_{name}: should be left unset beside MAILMAGNET_FIRESTORE_PROJECT"):
            read_settings({**IN_THE_CLOUD, f"MAILMAGNET_{name}": "something"})


def test_an_install_for_all_names_the_domains_of_all() -> None:
    with pytest.raises(BadSetting, match="MAILMAGNET_ORG_INSTALL: MAILMAGNET_INTERNAL_DOMAINS should be set"):
        read_settings({**GOOD, "MAILMAGNET_ORG_INSTALL": "true"})
    for_all = read_settings({**GOOD, "MAILMAGNET_ORG_INSTALL": "true", "MAILMAGNET_INTERNAL_DOMAINS": "corp.example"})
    process = Process(for_all)
    assert [process.lets_in(org) for org in ("corp.example", "hopper.example", "")] == [True, False, False]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_admins_guide_names_every_setting(name: str) -> None:
    guide = (Path(__file__).parents[2] / "docs/admins.md").read_text(encoding="utf-8").partition("## Settings")[2]
    assert f"`MAILMAGNET_{name.upper()}`" in guide
