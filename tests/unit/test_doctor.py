"""`mailmagnet doctor`: each thing is seen to be wrong by its own cause, in the order to mend it, and hides nothing else."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner
from starlette.requests import Request

import functions.inside_checks as inside
import functions.outside_checks as outside
from deployment.carry_out import VALUE, Said
from deployment.deployment_file import read_deployment
from deployment.doctor import look_at_google
from deployment.finding import Finding, State
from deployment.plan import plan
from deployment.step import Learn, Step
from functions.boundary import entry_point
from functions.command_line import mailmagnet
from functions.google import Google
from functions.jobs import DOCTOR, answer_tick
from functions.wiring import Process
from http_session.session import HttpAnswer
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.errors import Forbidden, NotDelegated, NotPermitted, Service, Side, StepFailed, Unavailable, UserGone
from mailmagnet.set_up import DELEGATED
from mailmagnet.vault import Connection

HOUSE = Path(__file__).parents[2]
DEPLOYMENT = read_deployment(HOUSE / "deployment.yaml")
PLAN = plan(DEPLOYMENT, HOUSE)
STEPS = [step for step in PLAN if isinstance(step, Step)]
VALUES = {step.name: f"value-of-{step.name.lower()}" for step in PLAN if isinstance(step, Learn)}
WHO = Service(Side.OURS, "Firestore")

Answer = Said | Exception


def filled(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(VALUE.sub(lambda found: VALUES[found[1]], word) for word in words)


def recorded(**changed: Answer) -> Callable[[Sequence[str], str], Said]:
    """A gcloud to which all is done; `changed` by a step's title, or by a word of what no step asks."""
    said: dict[tuple[str, ...], Answer] = {}
    for step in PLAN:
        name, words, out = (
            (step.name, step.command.words, VALUES[step.name])
            if isinstance(step, Learn)
            else (step.title, step.look.words, filled([step.wanted])[0])
        )
        said[filled(words)] = changed.get(name, Said(0, f"{out}\n", ""))
    others: Mapping[str, Answer] = {
        "ACTIVE": Said(0, "it@example.com\n", ""),
        "(name.basename(),state)": Said(0, "a,READY\nb,READY\n", ""),
        "queues": Said(0, "label-mailbox,RUNNING\n", ""),
        "lastAttemptTime": Said(0, "2026-11-30T06:00:00Z,\n", ""),
        "print-identity-token": Said(0, "a.b.c\n", ""),
        **changed,
    }

    def run(words: Sequence[str], given: str) -> Said:
        asked = " ".join(words)
        answer = said.get(tuple(words))
        if answer is None:
            key = "queues" if "tasks queues describe" in asked else next(key for key in others if key in asked)
            answer = others[key]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return run


def not_fine(findings: Sequence[Finding]) -> list[Finding]:
    return [each for each in findings if each.state is not State.FINE]


def test_where_all_is_done_all_is_fine_in_the_plans_order() -> None:
    looked = look_at_google(DEPLOYMENT, PLAN, recorded())
    assert not_fine(looked.findings) == []
    of_plan = [step.name if isinstance(step, Learn) else step.title for step in PLAN]
    assert [each.title for each in looked.findings] == [
        "Signed in to Google Cloud",
        *of_plan,
        "Indexes are built",
        "Queue runs",
        "Last tick",
    ]
    assert looked.values == VALUES


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title)
def test_each_step_is_seen_to_be_missing_or_otherwise(step: Step) -> None:
    for said, what in (
        (Said(1, "", "ERROR: NOT_FOUND: no such thing"), "it is not there"),
        (Said(0, "", ""), "it is not there"),
        (Said(0, "something else", ""), "it is something else; it should be"),
    ):
        (found,) = not_fine(look_at_google(DEPLOYMENT, PLAN, recorded(**{step.title: said})).findings)
        assert (found.title, found.state, found.mend) == (step.title, State.WRONG, "mailmagnet deploy")
        assert found.what.startswith(what)


@pytest.mark.parametrize(
    ("said", "mend"),
    [
        (Said(1, "", "PERMISSION_DENIED: you may not look"), "gcloud "),
        (Said(1, "", "Reauthentication failed. Please run: gcloud auth login"), "gcloud auth login"),
        (StepFailed("no answer within 60 seconds"), ""),
    ],
)
def test_what_cannot_be_looked_at_is_not_called_wrong_and_hides_nothing(said: Answer, mend: str) -> None:
    (found,) = not_fine(look_at_google(DEPLOYMENT, PLAN, recorded(Queue=said)).findings)
    assert (found.title, found.state) == ("Queue", State.UNKNOWN)
    assert found.mend.startswith(mend)


def test_what_needs_a_value_that_google_does_not_tell_waits_for_it() -> None:
    found = look_at_google(DEPLOYMENT, PLAN, recorded(ADDON_SERVICE_ACCOUNT=Said(1, "", "not yet"))).findings
    first, *waiting = not_fine(found)
    assert (first.title, first.state) == ("ADDON_SERVICE_ACCOUNT", State.WRONG)
    assert first.mend
    assert waiting
    assert {each.what for each in waiting} == {"it waits for ADDON_SERVICE_ACCOUNT"}


@pytest.mark.parametrize("said", [Said(0, "", ""), Said(1, "", "no"), StepFailed("gcloud is not installed here: https://x")])
def test_without_a_sign_in_that_comes_first_and_all_else_waits(said: Answer) -> None:
    first, *others = look_at_google(DEPLOYMENT, PLAN, recorded(ACTIVE=said)).findings
    assert (first.state, first.mend) == (State.WRONG, "gcloud auth login")
    assert {(each.state, each.mend) for each in others} == {(State.UNKNOWN, "")}


@pytest.mark.parametrize(
    ("asked", "said", "title", "what", "mend"),
    [
        ("(name.basename(),state)", Said(0, "a,READY\nb,CREATING\n", ""), "Indexes are built", "some say CREATING", "Wait until"),
        ("(name.basename(),state)", Said(0, "", ""), "Indexes are built", "there is none", "mailmagnet deploy"),
        ("queues", Said(0, "label-mailbox,PAUSED\n", ""), "Queue runs", "some say PAUSED", "gcloud tasks queues resume"),
        ("lastAttemptTime", Said(0, ",\n", ""), "Last tick", "the scheduler has never called", "gcloud scheduler jobs run"),
        ("lastAttemptTime", Said(0, "2026-11-30T06:00:00Z,7\n", ""), "Last tick", "may not call it", "mailmagnet deploy"),
        ("lastAttemptTime", Said(0, "2026-11-30T06:00:00Z,16\n", ""), "Last tick", "another audience", "mailmagnet deploy"),
        ("lastAttemptTime", Said(0, "2026-11-30T06:00:00Z,13\n", ""), "Last tick", "code 13", "mailmagnet deploy"),
    ],
)
def test_what_is_there_and_does_not_work_is_seen(asked: str, said: Said, title: str, what: str, mend: str) -> None:
    (found,) = not_fine(look_at_google(DEPLOYMENT, PLAN, recorded(**{asked: said})).findings)
    assert (found.title, found.state) == (title, State.WRONG)
    assert what in found.what
    assert found.mend.startswith(mend)


def answering(monkeypatch: pytest.MonkeyPatch, changed: Mapping[str, Any]) -> None:
    """What is answered over HTTP, by a part of the URL: (status, body) or an error; all is fine but what is `changed`."""
    inside_told = json.dumps(inside.as_json([Finding("Store", State.FINE)])).encode()
    usual: Mapping[str, Any] = {"odoo.com": (200, b""), DOCTOR: (200, inside_told), "/health": (403, b"")}

    async def asked(origin: str, its_url: str, headers: Mapping[str, str], seconds: float) -> HttpAnswer:
        answer = next((changed[part] for part in changed if part in its_url), None)
        answer = answer or next(usual[part] for part in usual if part in its_url)
        if isinstance(answer, Exception):
            raise answer
        if its_url.endswith(DOCTOR):
            assert headers == {"Authorization": "Bearer a.b.c"}
        return HttpAnswer(WHO, answer[0], {}, answer[1])

    async def clock(google: Google) -> Finding:
        return Finding("Clock of this machine", State.FINE)

    async def pages(title: str, url: str) -> Finding:
        assert url.startswith("https://mailmagnet-pages-")
        return Finding(title, State.FINE)

    monkeypatch.setattr(outside, "_asked", asked)
    monkeypatch.setattr(outside, "_clock", clock)
    monkeypatch.setattr(outside, "health_finding", pages)


async def test_over_http_all_is_fine_and_a_service_tells_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {})
    found = await outside.outside_findings(DEPLOYMENT, VALUES, recorded(), Google())
    assert not_fine(found) == []
    assert [each.title for each in found] == [
        "Clock of this machine",
        "The CRM's address",
        "Strangers may not call mailmagnet-addon",
        "Strangers may not call mailmagnet-label-tick",
        "Strangers may not call mailmagnet-label-mailbox",
        "Pages answer",
        "A signed call",
        "Inside: Store",
    ]


@pytest.mark.parametrize(
    ("changed", "title", "state", "mend"),
    [
        ({"odoo.com": (502, b"")}, "The CRM's address", State.WRONG, "curl"),
        ({"odoo.com": Unavailable(WHO)}, "The CRM's address", State.WRONG, "curl"),
        ({"odoo.com": KeyError("x")}, "The CRM's address", State.UNKNOWN, "curl"),
        ({"mailmagnet-addon": (200, b"OK")}, "Strangers may not call mailmagnet-addon", State.WRONG, "mailmagnet deploy"),
        ({"mailmagnet-addon": (404, b"")}, "Strangers may not call mailmagnet-addon", State.WRONG, "mailmagnet deploy"),
        ({DOCTOR: (403, b"")}, "A signed call", State.WRONG, "mailmagnet deploy"),
        ({DOCTOR: (401, b"")}, "A signed call", State.WRONG, "mailmagnet deploy"),
        ({DOCTOR: (200, b'{"x": 1}')}, "A signed call", State.WRONG, "mailmagnet deploy"),
        ({DOCTOR: (200, b"<html>")}, "A signed call", State.WRONG, "gcloud run services logs"),
        ({DOCTOR: Unavailable(WHO)}, "A signed call", State.WRONG, "gcloud run services logs"),
    ],
)
async def test_over_http_each_is_seen_and_hides_nothing(
    changed: Mapping[str, Any], title: str, state: State, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, changed)
    (found,) = not_fine(await outside.outside_findings(DEPLOYMENT, VALUES, recorded(), Google()))
    assert (found.title, found.state) == (title, state)
    assert found.mend.startswith(mend)


async def test_who_may_not_sign_as_the_job_is_told_what_gives_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {})
    run = recorded(**{"print-identity-token": Said(1, "", "PERMISSION_DENIED")})
    (found,) = not_fine(await outside.outside_findings(DEPLOYMENT, VALUES, run, Google()))
    assert (found.title, found.state) == ("A signed call", State.UNKNOWN)
    assert "roles/iam.serviceAccountOpenIdTokenCreator" in found.mend


class Calls:
    """Google, the store, the vault and the queue as a process has them; `broken` by name raises, or takes longer than anyone waits."""

    def __init__(self, project: str, folder: Path, broken: Mapping[str, Exception | None], skew: float = 0) -> None:
        self.broken, self.tasks_sent = broken, list[Any]()
        date = format_datetime(datetime.fromtimestamp(time.time() + skew, UTC), usegmt=True)

        async def request(who: Service, method: str, url: str, *, seconds: float) -> HttpAnswer:
            await self._do("google")
            return HttpAnswer(who, 200, {"Date": date}, b"")

        self.process = cast(
            Process,
            SimpleNamespace(
                settings=SimpleNamespace(
                    firestore_project=project,
                    label_tick_url="https://tick.example",
                    job_service_account="job@a.example",
                    store_database=folder / "store.sqlite",
                    vault_file=folder / "vault",
                    crm_database=folder / "crm.sqlite",
                    addon_url="https://addon.example",
                    pages_url="https://pages.example",
                    internal_domains=("corp.example",),
                    admins=("ada@other.example", "it@corp.example"),
                ),
                own_token=lambda: self._do("own token"),
                delegation=SimpleNamespace(granted=self._granted),
                default_crm=CrmChoice("odoo", "https://crm.example"),
                crm_session_of=lambda origin: SimpleNamespace(request=self._crm),
                session=SimpleNamespace(request=request),
                google=Google(),
                verifier=SimpleNamespace(ready=lambda: self._do("certificates"), caller=self._caller),
                store=SimpleNamespace(policy=lambda org: self._do("store")),
                vault=SimpleNamespace(connection=lambda org, user: self._do("vault")),
                tasks=SimpleNamespace(enqueue=self._enqueue),
            ),
        )

    async def _do(self, name: str) -> None:
        if name in self.broken:
            if error := self.broken[name]:
                raise error
            await asyncio.sleep(60)

    async def _granted(self, connection: Connection) -> None:
        assert (connection.org, connection.address, connection.grants) == ("corp.example", "it@corp.example", DELEGATED)
        await self._do("delegation")

    async def _crm(self, who: Service, method: str, url: str, *, seconds: float) -> HttpAnswer:
        await self._do("crm")
        return HttpAnswer(who, self.crm_status, {}, b"")

    crm_status = 200

    async def _enqueue(self, task: Any) -> bool:
        await self._do("queue")
        self.tasks_sent.append(task)
        return True

    async def _caller(self, authorization: str, *, audience: str, service_account: str) -> None:
        if (authorization, audience, service_account) != ("Bearer job", "https://tick.example", "job@a.example"):
            raise Forbidden("the token is another account's")


async def test_inside_google_cloud_all_is_fine_and_nobodys_is_touched(tmp_path: Path) -> None:
    calls = Calls("a-project", tmp_path, {})
    found = await inside.inside_findings(calls.process)
    assert not_fine(found) == []
    cloud = ["Own token", "Store", "Vault", "Queue", "Delegation", "The CRM"]
    assert [each.title for each in found] == ["Settings", "Clock", "Google's certificates", *cloud]
    assert [(task.org, task.user) for task in calls.tasks_sent] == [(inside.NOBODY, inside.NOBODY)]


@pytest.mark.parametrize(
    ("part", "title"),
    [
        ("certificates", "Google's certificates"),
        ("own token", "Own token"),
        ("store", "Store"),
        ("vault", "Vault"),
        ("queue", "Queue"),
        ("delegation", "Delegation"),
        ("crm", "The CRM"),
    ],
)
@pytest.mark.parametrize(
    ("error", "state", "what", "mend"),
    [
        (NotPermitted(WHO, "its account may not"), State.WRONG, "Firestore: its account may not", "mailmagnet deploy"),
        (Unavailable(WHO), State.WRONG, "Firestore: Unavailable", ""),
        (KeyError("grace@a.example"), State.UNKNOWN, "KeyError", ""),
        (None, State.UNKNOWN, "no answer within", ""),
    ],
)
async def test_inside_each_is_seen_with_its_cause_and_hides_nothing(
    part: str,
    title: str,
    error: Exception | None,
    state: State,
    what: str,
    mend: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inside, "SECONDS", 0.05)
    (found,) = not_fine(await inside.inside_findings(Calls("a-project", tmp_path, {part: error}).process))
    assert (found.title, found.state) == (title, state)
    assert found.what.startswith(what)
    assert "grace" not in str(found)
    assert found.mend.startswith(mend)


@pytest.mark.parametrize(
    ("what", "mend"),
    [
        ("unauthorized_client: domain-wide delegation of the scopes x to the client id of job@a.example", inside.LET_IN),
        ("this service may not sign: it needs the role roles/iam.serviceAccountTokenCreator", "mailmagnet deploy"),
    ],
)
async def test_what_is_lacking_for_delegation_is_told_with_what_gives_it(what: str, mend: str, tmp_path: Path) -> None:
    calls = Calls("a-project", tmp_path, {"delegation": NotDelegated(WHO, what)})
    (found,) = not_fine(await inside.inside_findings(calls.process))
    assert (found.title, found.what, found.mend) == ("Delegation", what, mend)


async def test_an_admin_whose_account_is_deleted_is_not_taken_for_a_missing_role(tmp_path: Path) -> None:
    calls = Calls("a-project", tmp_path, {"delegation": UserGone(WHO, "the account is deleted")})
    (found,) = not_fine(await inside.inside_findings(calls.process))
    assert (found.title, found.state, found.mend) == ("Delegation", State.WRONG, inside.NAME_AN_ADMIN)


def test_what_it_does_beside_looking_is_said() -> None:
    said = " ".join(CliRunner().invoke(mailmagnet, ["doctor", "--help"]).stdout.split())
    assert "changes nothing" not in said
    assert "a task into the queue" in said and "throws it away" in said


async def test_delegation_is_tried_as_an_admin_of_ones_own_domains_or_not_at_all(tmp_path: Path) -> None:
    calls = Calls("a-project", tmp_path, {})
    calls.process.settings.admins = ("ada@other.example",)  # type: ignore[misc]
    (found,) = not_fine(await inside.inside_findings(calls.process))
    assert (found.title, found.state, found.mend) == ("Delegation", State.UNKNOWN, inside.NAME_AN_ADMIN)
    calls.process.delegation = None
    assert not_fine(await inside.inside_findings(calls.process)) == []


async def test_a_crm_that_answers_with_an_error_of_its_own_is_told(tmp_path: Path) -> None:
    calls = Calls("a-project", tmp_path, {})
    calls.crm_status = 502
    (found,) = not_fine(await inside.inside_findings(calls.process))
    assert (found.title, found.what) == ("The CRM", "https://crm.example answers 502")


@pytest.mark.parametrize(("skew", "fine"), [(0, True), (25, True), (-25, True), (40, False), (-40, False)])
async def test_a_clock_that_differs_by_more_than_tokens_allow_is_wrong(skew: float, fine: bool, tmp_path: Path) -> None:
    wrong = not_fine(await inside.inside_findings(Calls("a-project", tmp_path, {}, skew).process))
    assert [(each.title, each.mend) for each in wrong] == ([] if fine else [("Clock", inside.SET_THE_CLOCK)])


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    async def healthy(title: str, url: str) -> Finding:
        return Finding(title, State.FINE)

    monkeypatch.setattr(inside, "health_finding", healthy)
    monkeypatch.setattr(inside, "disk_usage", lambda folder: SimpleNamespace(free=10**10))


@pytest.mark.usefixtures("machine")
async def test_on_one_machine_files_that_others_may_open_and_a_full_disk_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls("", tmp_path, {})
    assert not_fine(await inside.inside_findings(calls.process)) == []
    for name in ("vault", "store.sqlite"):
        (tmp_path / name).touch(mode=0o600)
    found = await inside.inside_findings(calls.process)
    assert not_fine(found) == []
    assert calls.tasks_sent == []
    (tmp_path / "vault").chmod(0o640)
    (tmp_path / "store.sqlite").chmod(0o604)
    monkeypatch.setattr(inside, "disk_usage", lambda folder: SimpleNamespace(free=10**8))
    wrong = not_fine(await inside.inside_findings(calls.process))
    assert [(each.title, each.mend) for each in wrong] == [
        ("Disk", "df -h"),
        ("Vault's file", f"chmod 600 {tmp_path / 'vault'}"),
        ("Store's file", f"chmod 600 {tmp_path / 'store.sqlite'}"),
    ]


async def asked_of_itself(calls: Calls, method: str = "GET", token: str = "Bearer job") -> tuple[int, bytes]:
    request = Request({"type": "http", "method": method, "path": DOCTOR, "headers": [(b"authorization", token.encode())]})
    response = await entry_point("label_tick", lambda: calls.process, answer_tick)(request)
    return response.status_code, bytes(response.body)


async def test_a_service_tells_of_itself_to_the_jobs_account_alone(tmp_path: Path) -> None:
    calls = Calls("a-project", tmp_path, {"store": Unavailable(WHO)})
    status, body = await asked_of_itself(calls)
    assert status == 200
    assert [each["title"] for each in json.loads(body) if each["state"] != "fine"] == ["Store"]
    asked_once = len(calls.tasks_sent)
    assert await asked_of_itself(calls, token="Bearer another") == (403, b"")
    assert (await asked_of_itself(calls, method="POST"))[0] == 405
    assert len(calls.tasks_sent) == asked_once


def test_wrong_settings_are_told_as_a_finding_and_end_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = CliRunner().invoke(mailmagnet, ["doctor", "--inside", "--json"], env={"MAILMAGNET_ADDON_URL": "ftp://x"})
    (found,) = json.loads(ran.stdout)
    assert (found["title"], found["state"], ran.exit_code) == ("Settings", "wrong", 1)
    assert "MAILMAGNET_ADDON_URL: should be an https URL" in found["what"]


def test_what_is_wrong_is_printed_with_what_mends_it_each_once_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [
        Finding("A", State.FINE),
        Finding("B", State.WRONG, "it is not there", "mailmagnet deploy"),
        Finding("C", State.UNKNOWN, "it waits"),
        Finding("D", State.WRONG, "late", "set the clock"),
        Finding("E", State.WRONG, "it is not there", "mailmagnet deploy"),
    ]
    monkeypatch.setattr("functions.doctor_command._outside", lambda file: findings)
    ran = CliRunner().invoke(mailmagnet, ["doctor"])
    assert ran.exit_code == 1
    assert ran.stdout.splitlines()[:3] == ["ok     A", "WRONG  B: it is not there", "?      C: it waits"]
    assert ran.stdout.splitlines()[-3:] == ["To mend it, in this order:", "1. mailmagnet deploy", "2. set the clock"]
    monkeypatch.setattr("functions.doctor_command._outside", lambda file: findings[:1])
    ran = CliRunner().invoke(mailmagnet, ["doctor"])
    assert (ran.exit_code, ran.stdout.splitlines()[-1]) == (0, "All is fine.")
