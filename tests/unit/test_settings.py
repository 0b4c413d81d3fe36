"""Settings: a good environment is read whole; a wrong or missing variable is named, with what it should be."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from functions.settings import Settings, read_settings
from mailmagnet.errors import BadSetting

GOOD = {
    "MAILMAGNET_ADDON_URL": "https://addon.example/",
    "MAILMAGNET_ADDON_SERVICE_ACCOUNT": "addon@project.example",
    "MAILMAGNET_JOB_SERVICE_ACCOUNT": "job@project.example",
    "MAILMAGNET_OAUTH_CLIENT_ID": "client",
    "MAILMAGNET_OAUTH_CLIENT_SECRET": "a-secret",
    "MAILMAGNET_VAULT_KEY": "a-key",
}


def test_production_is_the_default_and_trusts_google_alone() -> None:
    settings = read_settings({**GOOD, "PATH": "/bin", "HOME": "/"})
    assert settings.profile == "production"
    assert settings.certificates_url == "https://www.googleapis.com/oauth2/v1/certs"
    assert settings.addon_url == "https://addon.example"
    assert settings.answer_seconds == 5


@pytest.mark.parametrize("name", ["CERTIFICATES_URL", "GMAIL_URL", "TOKEN_URL", "REVOKE_URL", "TASKS_URL", "METADATA_TOKEN_URL"])
def test_production_refuses_anybody_who_is_not_google(name: str) -> None:
    with pytest.raises(BadSetting, match=f"MAILMAGNET_{name} should be left unset"):
        read_settings({**GOOD, f"MAILMAGNET_{name}": "https://elsewhere.example"})


@pytest.mark.parametrize("name", ["CLOCK_FILE", "CRM_FAULT_FILE"])
def test_production_has_neither_a_turned_clock_nor_faults(name: str) -> None:
    with pytest.raises(BadSetting, match=f"MAILMAGNET_{name} should be left unset"):
        read_settings({**GOOD, f"MAILMAGNET_{name}": "/somewhere"})
    assert read_settings({**GOOD, "MAILMAGNET_PROFILE": "sandbox", f"MAILMAGNET_{name}": "/somewhere"})


def test_the_sandbox_may_stand_in_for_google() -> None:
    url = "http://127.0.0.1:9000/oauth2/v1/certs"
    settings = read_settings({**GOOD, "MAILMAGNET_PROFILE": "sandbox", "MAILMAGNET_CERTIFICATES_URL": url})
    assert settings.certificates_url == url


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_one_is_named_with_its_meaning(name: str) -> None:
    with pytest.raises(BadSetting, match=rf"{name}: is not set \(it is the .+\)"):
        read_settings({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value", "should"),
    [
        ("MAILMAGNET_ADDON_URL", "http://addon.example", "should be an https URL"),
        ("MAILMAGNET_ADDON_URL", "https://addon.example/?x=1", "without"),
        ("MAILMAGNET_ADDON_SERVICE_ACCOUNT", "Not An Account", "should be one service account"),
        ("MAILMAGNET_ANSWER_SECONDS", "soon", "valid number"),
        ("MAILMAGNET_ANSWER_SECONDS", "0", "greater than 1"),
        ("MAILMAGNET_TASKS_QUEUE", "my-queue", "should match pattern"),
        ("MAILMAGNET_PROFILE", "staging", "'production' or 'sandbox'"),
    ],
)
def test_a_wrong_one_is_named_with_what_it_should_be(name: str, value: str, should: str) -> None:
    with pytest.raises(BadSetting) as complaint:
        read_settings({**GOOD, name: value})
    assert name in str(complaint.value)
    assert should in str(complaint.value)


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
    with pytest.raises(ValidationError):
        settings.profile = "sandbox"  # type: ignore[misc, assignment]


def test_the_deployment_sets_every_setting_that_has_no_default_and_none_that_does_not_exist() -> None:
    house = Path(__file__).parents[2]
    needed = {f"MAILMAGNET_{name.upper()}" for name, field in Settings.model_fields.items() if field.is_required()}
    known = {f"MAILMAGNET_{name.upper()}" for name in Settings.model_fields}
    services = list(yaml.safe_load_all((house / "deployment.yaml").read_text()))
    for service in services:
        names = {variable["name"] for variable in service["spec"]["template"]["spec"]["containers"][0]["env"]}
        ours = {name for name in names if name.startswith("MAILMAGNET_")}
        assert needed <= ours <= known
    targets = [
        variable["value"]
        for service in services
        for variable in service["spec"]["template"]["spec"]["containers"][0]["env"]
        if variable["name"] == "FUNCTION_TARGET"
    ]
    assert targets == ["addon", "label_tick", "label_mailbox"]
