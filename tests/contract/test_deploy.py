"""Deploying against the stand-in for gcloud: twice, with a failure at each change, from every half-done state, and taken back."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from deployment.carry_out import Done, Said, carry_out, take_back
from deployment.deployment_file import Deployment, read_deployment
from deployment.plan import Plan, plan
from deployment.services import SECRETS
from deployment.shell_script import script, script_back
from deployment.step import Learn, Step
from mailmagnet.errors import StepFailed
from tests.gcloud.stand_in import ADDONS_OWN, COMPUTE, Gcloud, in_shell, resources

HOUSE = Path(__file__).parents[2]
CLIENT_SECRET = "the-web-clients-secret"
DEPLOYMENT = read_deployment(HOUSE / "deployment.yaml")
PLAN = plan(DEPLOYMENT, HOUSE)


def deployed(gcloud: Gcloud, steps: Plan = PLAN, ask: Callable[[str], str] = lambda question: CLIENT_SECRET) -> dict[str, Done]:
    """What became of each step."""
    became: dict[str, Done] = {}
    carry_out(steps, runner(gcloud), ask, lambda title: None, lambda title, what: became.update({title: what}))
    return became


def taken_back(gcloud: Gcloud, *, data: bool) -> dict[str, Done]:
    became: dict[str, Done] = {}
    take_back(PLAN, runner(gcloud), lambda title: None, lambda title, what: became.update({title: what}), data=data)
    return became


def runner(gcloud: Gcloud) -> Callable[[Sequence[str], str], Said]:
    def run(words: Sequence[str], given: str) -> Said:
        return Said(*(in_shell(gcloud, words[2]) if words[:2] == ["sh", "-c"] else gcloud.run(words, given)))

    return run


def without_chance(state: dict[str, Any]) -> dict[str, Any]:
    """What two deployments have in common: not the random secrets, nor how they came to be."""
    plain = deepcopy(state)
    for name, what in plain["things"].items():
        if name.startswith("secret/"):
            assert len(what.pop("versions")) == 1
    del plain["calls"]
    return plain


@pytest.fixture(scope="module")
def wanted() -> dict[str, Any]:
    gcloud = Gcloud()
    deployed(gcloud)
    return without_chance(gcloud.state)


COMMANDS = [command for step in PLAN if isinstance(step, Step) for command in step.make]
CHANGES = sum(not command.words[-1].startswith("for ") for command in COMMANDS)
"""Commands that change something in a new project: what is deleted before it is made anew is not there."""
GIVEN_NAMES = {"alert": "display_name", "dashboard": "display_name", "channel": "labels"}
"""Of what Google names, what tells it from others."""


def test_the_second_time_there_is_nothing_to_do(wanted: dict[str, Any]) -> None:
    gcloud = Gcloud()
    first = deployed(gcloud)
    assert set(first.values()) >= {Done.MADE, Done.LEARNT}
    calls = list(gcloud.state["calls"])
    second = deployed(gcloud, ask=lambda question: pytest.fail("asked again"))
    assert set(second.values()) == {Done.THERE, Done.LEARNT}
    assert gcloud.state["calls"] == calls
    assert without_chance(gcloud.state) == wanted


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whichever_change_fails_it_says_so_and_goes_on_there(after: bool, wanted: dict[str, Any]) -> None:
    failed = 0
    for number in range(CHANGES):
        gcloud = Gcloud(fail_at=number, after=after)
        try:
            deployed(gcloud)
        except StepFailed as said:
            failed += 1
            assert "Step " in str(said) and re.search(r"failed.\n(gcloud|sh) ", str(said))
            assert ("the connection was lost" if after else "try again") in str(said)
            assert CLIENT_SECRET not in str(said)
        gcloud.fail_at = -1
        deployed(gcloud)
        assert without_chance(gcloud.state) == wanted, number
    assert failed >= CHANGES - 5, "the commands that an unspoilt run has no need of"


def test_it_goes_on_from_where_anything_alone_is_missing(wanted: dict[str, Any]) -> None:
    """Of every resource: somebody has deleted it, and no more than it."""
    whole = Gcloud()
    deployed(whole)
    for name in list(whole.state["things"]):
        gcloud = Gcloud(deepcopy(whole.state))
        kind, _, own = name.partition("/")
        told = json.dumps(gcloud.thing(kind, own)[GIVEN_NAMES[kind]], sort_keys=True) if kind in GIVEN_NAMES else own
        gcloud.remove(kind, own)
        if kind == "account":
            for roles in gcloud.state["policies"].values():
                for members in roles.values():
                    members[:] = [member for member in members if own not in member]
        became = deployed(gcloud)
        assert Done.MADE in became.values(), name
        found = without_chance(gcloud.state)
        assert json.dumps(found, sort_keys=True).count(told) == json.dumps(wanted, sort_keys=True).count(told), name
        channels = {name.removeprefix("channel/") for name in found["things"] if name.startswith("channel/")}
        assert {channel for alert in gcloud.all_of("alert") for channel in alert["notificationChannels"]} == channels


QUEUE = "queue/projects/example-mailmagnet/locations/europe-west1/queues/label-mailbox"
RUN, JOB = (f"serviceAccount:mailmagnet-{name}@example-mailmagnet.iam.gserviceaccount.com" for name in ("run", "job"))
ADDONS = f"serviceAccount:{ADDONS_OWN}"


def test_each_account_has_exactly_the_roles_that_it_needs(wanted: dict[str, Any]) -> None:
    given = {
        (member, role, on) for on, roles in wanted["policies"].items() for role, members in roles.items() for member in members
    }
    job_account = f"account/{JOB.removeprefix('serviceAccount:')}"
    assert given == {
        (RUN, "roles/datastore.user", "project"),
        (RUN, "projects/example-mailmagnet/roles/mailmagnetVault", "project"),
        (RUN, "roles/cloudtasks.enqueuer", QUEUE),
        (RUN, "roles/iam.serviceAccountUser", job_account),
        (RUN, "roles/iam.serviceAccountTokenCreator", job_account),
        *((RUN, "roles/secretmanager.secretAccessor", f"secret/{name}") for name in SECRETS.values()),
        (ADDONS, "roles/run.invoker", "service/mailmagnet-addon"),
        (JOB, "roles/run.invoker", "service/mailmagnet-label-tick"),
        (JOB, "roles/run.invoker", "service/mailmagnet-label-mailbox"),
        (f"serviceAccount:{COMPUTE}", "roles/run.builder", "project"),
    }
    uncalled = [name for name, what in wanted["things"].items() if "no-invoker-iam-check" in what.get("flags", {})]
    assert uncalled == ["service/mailmagnet-pages"], "the one service that everybody may call"


def drifted(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def drift(things: dict[str, Any]) -> None:
        *places, last = path.split("|")
        inner: Any = things
        for place in places:
            inner = inner[int(place) if place.isdigit() else place]
        inner[last] = value

    return drift


@pytest.mark.parametrize(
    "drift",
    [
        drifted(f"{QUEUE}|rateLimits|maxConcurrentDispatches", 1000),
        drifted(f"{QUEUE}|retryConfig|maxAttempts", 100),
        drifted("job/mailmagnet-label-tick|state", "PAUSED"),
        drifted("job/mailmagnet-label-tick|httpTarget|oidcToken|audience", "https://elsewhere.example"),
        drifted("addon/mailmagnet|addOns|common|openLinkUrlPrefixes", ["https://mail.google.com/"]),
        drifted("addon/mailmagnet|addOns|common|name", "Other"),
        drifted("role/mailmagnetVault|includedPermissions", ["secretmanager.secrets.get"]),
        drifted("service/mailmagnet-addon|metadata|labels", {}),
        drifted("service/mailmagnet-addon|spec|template|spec|containers|0|image", "other"),
        drifted("service/mailmagnet-pages|status|conditions", [{"type": "Ready", "status": "False"}]),
        drifted("budget/billingAccounts/01ABCD-234567-89EFAB/budgets/b0|amount|specifiedAmount|units", "5"),
    ],
)
def test_what_is_there_and_otherwise_than_wanted_is_mended(
    drift: Callable[[dict[str, Any]], None], wanted: dict[str, Any]
) -> None:
    gcloud = Gcloud()
    deployed(gcloud)
    drift(gcloud.state["things"])
    assert without_chance(gcloud.state) != wanted
    assert list(deployed(gcloud).values()).count(Done.MADE) == 1
    assert without_chance(gcloud.state) == wanted


def test_a_change_in_the_file_changes_what_it_must_and_no_more() -> None:
    gcloud = Gcloud()
    deployed(gcloud)
    other = DEPLOYMENT.model_copy(update={"admins": ("ada@example.com",)})
    became = deployed(gcloud, plan(other, HOUSE))
    assert {title for title, what in became.items() if what is Done.MADE} == {
        "Service mailmagnet-addon",
        "Service mailmagnet-label-tick",
        "Service mailmagnet-label-mailbox",
        "Service mailmagnet-pages",
    }


def test_without_an_organisations_install_nothing_signs_as_the_job_and_without_a_budget_there_is_none() -> None:
    less = Deployment.model_validate({**DEPLOYMENT.model_dump(), "install": "users", "budget": ""})
    gcloud = Gcloud()
    deployed(gcloud, plan(less, HOUSE))
    said = json.dumps(gcloud.state)
    assert "serviceAccountTokenCreator" not in said
    assert "budget/" not in said


def test_destroy_leaves_what_is_kept() -> None:
    gcloud = Gcloud()
    deployed(gcloud)
    became = taken_back(gcloud, data=False)
    assert {kind.partition("/")[0] for kind in gcloud.state["things"]} == {
        "database",
        "index",
        "field",
        "queue",
        "secret",
        "role",
    }
    assert {title for title, what in became.items() if what is Done.KEPT} == {
        "Firestore database",
        "Queue",
        *(f"Secret {name}" for name in SECRETS.values()),
    }
    assert set(taken_back(gcloud, data=False).values()) == {Done.GONE, Done.KEPT}


def test_after_destroy_it_can_be_deployed_again(wanted: dict[str, Any]) -> None:
    gcloud = Gcloud()
    deployed(gcloud)
    taken_back(gcloud, data=False)
    deployed(gcloud, ask=lambda question: pytest.fail("the secret is kept"))
    assert without_chance(gcloud.state)["things"] == wanted["things"]


def test_destroy_with_its_data_leaves_nothing_but_the_role() -> None:
    gcloud = Gcloud()
    deployed(gcloud)
    taken_back(gcloud, data=True)
    assert list(gcloud.state["things"]) == ["role/mailmagnetVault"]
    assert gcloud.state["policies"]["project"] == {}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_destroy_goes_on_where_it_failed(after: bool) -> None:
    whole = Gcloud()
    deployed(whole)
    for number in range(sum(len(step.undo) for step in PLAN if isinstance(step, Step))):
        gcloud = Gcloud(deepcopy(whole.state), fail_at=number, after=after)
        with pytest.raises(StepFailed):
            taken_back(gcloud, data=True)
        gcloud.fail_at = -1
        taken_back(gcloud, data=True)
        assert list(gcloud.state["things"]) == ["role/mailmagnetVault"]


def test_in_an_empty_project_there_is_nothing_to_take_back() -> None:
    gcloud = Gcloud()
    assert set(taken_back(gcloud, data=True).values()) == {Done.GONE}
    assert gcloud.state == resources()


def test_a_value_that_google_does_not_tell_stops_it_with_what_to_do() -> None:
    gcloud = Gcloud()
    real = gcloud.run

    def silent(words: Sequence[str], given: str) -> Said:
        return Said(0, "\n", "") if "get-authorization" in words else Said(*real(words, given))

    with pytest.raises(StepFailed, match=r"ADDON_SERVICE_ACCOUNT, failed(.|\n)*printed nothing(.|\n)*wait a minute"):
        carry_out(PLAN, silent, lambda question: CLIENT_SECRET, lambda title: None, lambda title, what: None)


def test_secrets_go_in_by_standard_input_alone() -> None:
    gcloud = Gcloud()
    told: list[str] = []
    real = runner(gcloud)

    def listening(words: Sequence[str], given: str) -> Said:
        told.extend(words)
        return real(words, given)

    carry_out(PLAN, listening, lambda question: CLIENT_SECRET, lambda title: None, lambda title, what: told.append(title))
    values = [gcloud.state["things"][f"secret/{name}"]["versions"][0] for name in SECRETS.values()]
    assert len(set(values)) == 3
    assert CLIENT_SECRET in values
    assert all(len(value) >= 64 or value == CLIENT_SECRET for value in values)
    assert not [word for word in told for value in values if value in word]
    for each in (script(PLAN), script_back(PLAN, data=True)):
        assert CLIENT_SECRET not in each


class Shell:
    """A shell on whose PATH `gcloud` is the stand-in, as a program."""

    def __init__(self, folder: Path) -> None:
        programs = folder / "programs"
        programs.mkdir()
        program = programs / "gcloud"
        program.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).resolve()}" -I -S "{HOUSE}/tests/gcloud/stand_in.py" "$@"\n')
        program.chmod(0o755)
        self.file = folder / "state.json"
        self.environment = {"PATH": f"{programs}:/usr/bin:/bin", "GCLOUD_STATE": str(self.file)}

    def run(self, text: str, given: str = "") -> None:
        done = subprocess.run(
            ["bash", "-c", text], check=False, input=given, env=self.environment, cwd=HOUSE, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text())
        return found


def test_the_script_does_the_same_and_the_second_time_nothing(tmp_path: Path, wanted: dict[str, Any]) -> None:
    shell = Shell(tmp_path)
    shell.run(script(PLAN), f"{CLIENT_SECRET}\n")
    first = shell.state
    assert without_chance(first) == wanted
    assert first["things"]["secret/mailmagnet-oauth-client-secret"]["versions"] == [CLIENT_SECRET]
    assert len(first["things"]["secret/mailmagnet-log-key"]["versions"][0]) == 64
    shell.run(script(PLAN))
    assert shell.state == first
    shell.run(script_back(PLAN, data=True))
    assert list(shell.state["things"]) == ["role/mailmagnetVault"]


def test_the_command_deploys_and_takes_back(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    environment = {**shell.environment, "PYTHONPATH": str(HOUSE), "TERM": "dumb"}
    python = str(HOUSE / ".venv" / "bin" / "python")

    def mailmagnet(*words: str, given: str = "") -> str:
        command = [python, "-m", "functions.command_line", *words]
        done = subprocess.run(
            command, check=False, input=given, env=environment, cwd=HOUSE, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    said = mailmagnet("deploy", given=f"{CLIENT_SECRET}\n")
    number = len(PLAN)
    assert f"{number} of {number}" in said
    assert "https://mailmagnet-pages-123456789012.europe-west1.run.app/callback" in said
    assert CLIENT_SECRET not in said
    assert "done" not in mailmagnet("deploy").replace("Done", "")
    assert "What it keeps stays" in mailmagnet("destroy", given="y\n")
    assert [title for title in shell.state["things"] if title.startswith("service/")] == []


def test_the_command_says_what_fails_and_what_to_do(tmp_path: Path) -> None:
    environment = {"PATH": "/nowhere", "PYTHONPATH": str(HOUSE)}
    command = [str(HOUSE / ".venv" / "bin" / "python"), "-m", "functions.command_line", "deploy"]
    done = subprocess.run(command, check=False, env=environment, cwd=HOUSE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Step 1 of" in done.stderr and "gcloud is not installed here" in done.stderr


def test_each_value_is_learnt_before_it_is_needed() -> None:
    known = {"FILES"}
    for step in PLAN:
        words = (
            step.command.words
            if isinstance(step, Learn)
            else [word for command in (step.look, *step.make) for word in command.words]
        )
        texts = [*words, *(step.files.values() if isinstance(step, Step) else ())]
        needed = {part.partition("}")[0] for text in texts for part in text.split("${")[1:]}
        assert needed <= known, step
        if isinstance(step, Learn):
            known.add(step.name)
