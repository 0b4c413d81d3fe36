"""The product's process as the sandbox runs it: before the sandbox's Google, at its time, with a CRM that may have something wrong."""

import json
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError

from http_session.session import traceparent
from mailmagnet.crm import Crm, LookUp
from mailmagnet.errors import BadAnswer, BadSetting, RateLimited, Service, Side, SignInNeeded, Unavailable, Upstream
from mailmagnet.gmail import GMAIL
from mailmagnet.vault import Connection
from sandbox.demo.sandbox_process import FaultyCrm, SandboxProcess, process_in, read_sandbox_settings
from tests.unit.test_settings import GOOD

GOOGLE_URL = "http://127.0.0.1:9000"
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
EMPTY = LookUp({}, {}, {})


class OtherCrm:
    """Somebody else's CRM: of the protocol what is called here."""

    name = "Other CRM"

    def __init__(self) -> None:
        self.looked_up: list[Collection[str]] = []

    async def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str], by: float) -> LookUp:
        self.looked_up.append(front)
        if not domains:
            raise BadAnswer(Service(Side.CRM, self.name), "no domains")
        if "bug" in domains:
            raise KeyError
        return EMPTY


@pytest.fixture
def fault_file(tmp_path: Path) -> Path:
    return tmp_path / "crm-fault.json"


@pytest.fixture
def traced() -> Iterator[None]:
    token = traceparent.set(TRACE)
    yield
    traceparent.reset(token)


@pytest.fixture
def make_process(tmp_path: Path, fault_file: Path) -> Callable[..., SandboxProcess]:
    sandbox = {"GOOGLE_URL": GOOGLE_URL, "CLOCK_FILE": str(tmp_path / "clock"), "CRM_FAULT_FILE": str(fault_file)}
    environment = GOOD | {f"SANDBOX_{name}": value for name, value in sandbox.items()}
    return lambda **more: process_in(environment | more)


def _calls(fault_file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in fault_file.with_suffix(".calls").read_text().splitlines()]


async def test_it_calls_the_stand_in_for_google_and_nobody_else(make_process: Callable[..., SandboxProcess]) -> None:
    process = make_process()
    assert process.google.certificates_url == f"{GOOGLE_URL}/oauth2/v1/certs"
    with pytest.raises(BadSetting, match="googleapis"):
        await process.session.request(GMAIL, "GET", "https://gmail.googleapis.com/x", seconds=1)
    await process.close()


@pytest.mark.parametrize("name", ["FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST"])
async def test_an_emulator_may_stand_in_googles_place(make_process: Callable[..., SandboxProcess], name: str) -> None:
    assert make_process(**{name: "127.0.0.1:8080"}).settings == make_process().settings


async def test_its_time_is_turned_as_the_clock_file_says(make_process: Callable[..., SandboxProcess], tmp_path: Path) -> None:
    process = make_process()
    before = datetime.now(UTC)
    assert before <= process.now() <= datetime.now(UTC)
    (tmp_path / "clock").write_text("86400.0")
    assert before + timedelta(days=1) <= process.now() <= datetime.now(UTC) + timedelta(days=1)


async def test_its_crm_is_the_products_with_faults(make_process: Callable[..., SandboxProcess], fault_file: Path) -> None:
    crm = make_process(MAILMAGNET_VAULT_KEY=Fernet.generate_key().decode()).crm_of(
        Connection("corp.example", "1", "ada@corp.example")
    )
    assert crm.name == "MailMagnet CRM"
    fault_file.write_text('{"fault": "limited"}')
    with pytest.raises(RateLimited):
        await crm.look_up([], [], [], 0)


@pytest.mark.parametrize("missing", ["GOOGLE_URL", "CLOCK_FILE", "CRM_FAULT_FILE"])
def test_what_is_not_set_is_named(missing: str) -> None:
    environment = {f"SANDBOX_{name}": "/x" for name in ("GOOGLE_URL", "CLOCK_FILE", "CRM_FAULT_FILE") if name != missing}
    with pytest.raises(ValidationError, match=missing.lower()):
        read_sandbox_settings(environment)


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("failing", Unavailable),
        ("dropping", Unavailable),
        ("limited", RateLimited),
        ("html", BadAnswer),
        ("signed out", SignInNeeded),
    ],
)
async def test_any_crm_can_have_something_wrong(fault_file: Path, fault: str, problem: type[Upstream]) -> None:
    other = OtherCrm()
    crm = cast(Crm, FaultyCrm(cast(Crm, other), fault_file))
    fault_file.write_text(json.dumps({"fault": fault}))
    with pytest.raises(problem, match="Other CRM"):
        await crm.look_up(["ada@a.example"], [], ["a.example"], 0)
    assert other.looked_up == []
    fault_file.write_text('{"fault": ""}')
    assert await crm.look_up(["ada@a.example"], [], ["a.example"], 0) is EMPTY


@pytest.mark.usefixtures("traced")
async def test_each_call_is_recorded_with_how_it_ended(fault_file: Path) -> None:
    crm = cast(Crm, FaultyCrm(cast(Crm, OtherCrm()), fault_file))
    await crm.look_up(["ada@a.example"], [], domains=["a.example"], by=0)
    with pytest.raises(BadAnswer):
        await crm.look_up([], [], [], 0)
    with pytest.raises(KeyError):
        await crm.look_up([], [], ["bug"], 0)
    calls = _calls(fault_file)
    assert [(call["trace"], call["name"], call["problem"]) for call in calls] == [
        (TRACE, "look_up", ""),
        (TRACE, "look_up", "no domains"),
        (TRACE, "look_up", "failed"),
    ]
    assert all(set(call) == {"trace", "name", "began", "ms", "problem"} for call in calls)


async def test_a_call_outside_a_trace_is_not_recorded(fault_file: Path) -> None:
    crm = cast(Crm, FaultyCrm(cast(Crm, OtherCrm()), fault_file))
    await crm.look_up([], [], ["a.example"], 0)
    assert not fault_file.with_suffix(".calls").exists()
