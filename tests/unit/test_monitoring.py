"""What watches MailMagnet: each file is in Google's form, and counts the lines that the functions really print."""

import json
import re
import subprocess
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from shutil import which
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import Response

from deployment.monitoring_steps import CHANNEL, FOLDER, monitoring_steps
from deployment.services import ADDON, SERVICES
from deployment.step import Learn, Step
from functions import jobs
from functions.boundary import entry_point
from functions.log import log_problems
from functions.wiring import Process
from mailmagnet.errors import (
    MAILMAGNET,
    BadRequest,
    Forbidden,
    MailboxFailed,
    NotVerified,
    RateLimited,
    Service,
    Side,
    Unavailable,
)
from mailmagnet.gmail import GMAIL
from mailmagnet.label_tick import Tick
from mailmagnet.store import Reason
from tests.google_description import faults, schemas
from tests.log_filter import Entry, entry_of, matches, value_at

METRICS = {file.stem: json.loads(file.read_text()) for file in sorted((FOLDER / "metrics").glob("*.json"))}
ALERTS = {file.stem: json.loads(file.read_text()) for file in sorted((FOLDER / "alerts").glob("*.json"))}
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())

STORE, VAULT = Service(Side.OURS, "Firestore"), Service(Side.OURS, "the vault")
CRM = Service(Side.CRM, "Odoo")


def process() -> Process:
    """On Google Cloud, with a job whose callers have proven themselves."""

    async def caller(authorization: str, *, audience: str, service_account: str) -> None:
        return None

    settings = SimpleNamespace(
        firestore_project="a-project",
        label_tick_url="https://tick.example",
        label_mailbox_url="https://mailbox.example",
        job_service_account="job@a.example",
        sort_every_minutes=10,
        log_key=SimpleNamespace(get_secret_value=lambda: "a-key"),
    )
    return cast(Process, SimpleNamespace(settings=settings, verifier=SimpleNamespace(caller=caller)))


def posted(body: bytes = b"") -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)


@pytest.fixture
async def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Mapping[str, list[Entry]]:
    """What the functions print for each thing that happens to them."""
    lines: dict[str, list[Entry]] = {}

    def told(what: str) -> None:
        lines[what] = [entry_of(line) for line in capsys.readouterr().out.splitlines()]
        assert lines[what], what

    async def sidebar(what: str, error: Exception | None = None, *shown: Any) -> None:
        async def answer(request: Request, process: Process) -> Response:
            log_problems(*shown)
            if error:
                raise error
            return Response()

        await entry_point("addon", process, answer)(posted())
        told(what)

    async def ticked(what: str, done: Tick | Exception, revoked: Exception | tuple[Exception, ...] = ()) -> None:
        async def tick(every: object, parts: object) -> Tick:
            if isinstance(done, Exception):
                raise done
            return done

        async def revoke(parts: object) -> tuple[Exception, ...]:
            if isinstance(revoked, Exception):
                raise revoked
            return revoked

        monkeypatch.setattr(jobs, "tick", tick)
        monkeypatch.setattr(jobs, "revoke_forgotten", revoke)
        await entry_point("label_tick", process, jobs.answer_tick)(posted())
        told(what)

    async def sorted_mailbox(what: str, error: Exception) -> None:
        async def label_mail(*_: object) -> None:
            raise error

        monkeypatch.setattr(jobs, "label_mail", label_mail)
        await entry_point("label_mailbox", process, jobs.answer_mailbox)(posted(b'{"org": "o", "user": "u"}'))
        told(what)

    await sidebar("a panel")
    await sidebar("a panel that failed", KeyError("grace@a.example"))
    await sidebar("a panel without certificates", Unavailable(Service(Side.OURS, "Google's certificates")))
    await sidebar("a stranger", NotVerified("no bearer token"))
    await sidebar("another's token", Forbidden("another account's"))
    await sidebar("no event", BadRequest("no event"))
    await sidebar("the CRM is down", None, Unavailable(CRM))
    await sidebar("the vault is down", None, Unavailable(VAULT))
    await sidebar("a user asks too often", None, RateLimited(MAILMAGNET, 30))
    await ticked("a tick", Tick(3, {}))
    await ticked("a tick without its store", Unavailable(STORE))
    await ticked("a tick that nobody foresaw", KeyError("grace@a.example"))
    await ticked("a tick that failed for one", Tick(2, {"corp.example": [Unavailable(STORE)]}))
    await ticked("a consent that stays", Tick(1, {}), (Unavailable(GMAIL),))
    await ticked("a tick without its vault", Tick(1, {}), Unavailable(VAULT))
    for reason in Reason:
        failed = MailboxFailed(reason, "Odoo", 1, "Odoo: down")
        failed.__cause__ = Unavailable(CRM)
        await sorted_mailbox(f"not sorted: {reason}", failed)
    await sorted_mailbox("a run without its store", Unavailable(STORE))
    return lines


COUNTED = {
    "mailmagnet_panels": {
        "a panel",
        "a panel that failed",
        "a panel without certificates",
        "the CRM is down",
        "the vault is down",
    }
    | {"a user asks too often"},
    "mailmagnet_panels_missed": {"a panel that failed", "a panel without certificates"},
    "mailmagnet_problems_shown": {"the CRM is down", "the vault is down", "a user asks too often"},
    "mailmagnet_ticks": {"a tick", "a tick that failed for one", "a consent that stays", "a tick without its vault"},
    "mailmagnet_tick_failures": {"a tick without its store", "a tick that nobody foresaw", "a tick that failed for one"},
    "mailmagnet_mailboxes_failed": {f"not sorted: {reason}" for reason in Reason},
    "mailmagnet_not_revoked": {"a consent that stays", "a tick without its vault"},
    "mailmagnet_own_problems": {"a panel without certificates", "the vault is down", "a tick without its store"}
    | {"a tick that failed for one", "a tick without its vault", "a run without its store"},
    "mailmagnet_unforeseen": {"a panel that failed", "a tick that nobody foresaw"},
}


async def test_each_metric_counts_what_it_says_once_and_nothing_else(printed: Mapping[str, list[Entry]]) -> None:
    counted = {
        name: {what: sum(matches(metric["filter"], entry) for entry in entries) for what, entries in printed.items()}
        for name, metric in METRICS.items()
    }
    assert {name: {what for what, times in each.items() if times} for name, each in counted.items()} == COUNTED
    assert [(name, what) for name, each in counted.items() for what, times in each.items() if times > 1] == []


async def test_a_panel_is_missed_that_took_more_than_five_seconds(printed: Mapping[str, list[Entry]]) -> None:
    slow = deepcopy(dict(printed["a panel"][0]))
    for ms, missed in ((5000, False), (5001, True)):
        slow["jsonPayload"]["ms"] = ms
        assert matches(METRICS["mailmagnet_panels_missed"]["filter"], slow) is missed
        assert matches(METRICS["mailmagnet_panels"]["filter"], slow)


async def test_what_a_metric_takes_out_of_a_line_is_there_and_is_no_person(printed: Mapping[str, list[Entry]]) -> None:
    """But for the service of an error that nobody foresaw, and the error of a panel that is merely late."""
    for name, metric in METRICS.items():
        taken = {**metric.get("labelExtractors", {}), "": metric.get("valueExtractor", "")}
        for what in COUNTED[name]:
            for entry in (entry for entry in printed[what] if matches(metric["filter"], entry)):
                for label, extractor in taken.items():
                    if extractor and not (label == "service" and "stack_trace" in entry["jsonPayload"]):
                        assert value_at(re.fullmatch(r"EXTRACT\((.+)\)", extractor)[1], entry) not in (None, ""), (name, what)  # type: ignore[index]
        assert set(metric.get("labelExtractors", {})) <= {"service", "error", "reason"}


async def test_a_failing_run_is_counted_by_the_reason_that_is_kept(printed: Mapping[str, list[Entry]]) -> None:
    path = re.fullmatch(r"EXTRACT\((.+)\)", METRICS["mailmagnet_mailboxes_failed"]["labelExtractors"]["reason"])
    assert path
    assert {value_at(path[1], printed[f"not sorted: {reason}"][0]) for reason in Reason} == set(Reason)


async def test_no_line_holds_what_came_in(printed: Mapping[str, list[Entry]]) -> None:
    assert "grace@a.example" not in json.dumps(printed)


def test_a_filter_that_is_misspelt_counts_nothing_or_is_refused() -> None:
    entry = entry_of('{"severity": "INFO", "message": "answered", "function": "addon", "status": 200, "ms": 7}')
    assert matches('jsonPayload.function="addon" AND jsonPayload.ms<8', entry)
    assert not matches('jsonPayload.funktion="addon"', entry)
    for wrong in ("jsonPayload.function", '(jsonPayload.function="addon"', "jsonPayload.ms=7 AND", 'function = "addon" XOR a=1'):
        with pytest.raises(ValueError, match=r"not understood|missing|too much"):
            matches(wrong, entry)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_in_googles_form(name: str) -> None:
    metric, known = METRICS[name], schemas("logging", "v2")
    assert faults(metric, "LogMetric", known) == []
    labels = {label["key"] for label in metric["metricDescriptor"].get("labels", [])}
    assert labels == set(metric.get("labelExtractors", {}))
    distribution = metric["metricDescriptor"]["valueType"] == "DISTRIBUTION"
    assert distribution == ("valueExtractor" in metric) == ("bucketOptions" in metric)
    assert re.fullmatch(r"[a-z_]{1,100}", name)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_in_googles_form(name: str) -> None:
    assert faults(ALERTS[name], "AlertPolicy", schemas("monitoring", "v3")) == []
    assert len(ALERTS[name]["documentation"]["content"].encode()) <= 8192
    for condition in ALERTS[name]["conditions"]:
        assert len(condition["displayName"]) <= 512


def test_the_dashboard_is_in_googles_form() -> None:
    assert faults(DASHBOARD, "Dashboard", schemas("monitoring", "v1")) == []
    tiles = DASHBOARD["mosaicLayout"]["tiles"]
    taken = [
        (x, y)
        for tile in tiles
        for x in range(tile["xPos"], tile["xPos"] + tile["width"])
        for y in range(tile["yPos"], tile["yPos"] + tile["height"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < DASHBOARD["mosaicLayout"]["columns"]


def test_a_misspelt_field_is_seen() -> None:
    metric, alert, dashboard = deepcopy(METRICS["mailmagnet_panels"]), deepcopy(ALERTS["panels"]), deepcopy(DASHBOARD)
    metric["bucketOptions"]["explicitBuckets"]["bound"] = [1]
    alert["conditions"][0]["conditionPrometheusQueryLanguage"]["evaluationIntervall"] = "60s"
    alert["severity"] = "FATAL"
    alert["alertStrategy"]["autoClose"] = "1h"
    dashboard["mosaicLayout"]["tiles"][0]["widget"]["scoreCard"] = {}
    assert faults(metric, "LogMetric", schemas("logging", "v2")) == [
        "LogMetric.bucketOptions.explicitBuckets.bound: no such field"
    ]
    assert len(faults(alert, "AlertPolicy", schemas("monitoring", "v3"))) == 3
    assert faults(dashboard, "Dashboard", schemas("monitoring", "v1")) == [
        "Dashboard.mosaicLayout.tiles[0].widget.scoreCard: no such field"
    ]


def _queries(value: Any) -> list[str]:
    if isinstance(value, list):
        return [query for each in value for query in _queries(each)]
    if not isinstance(value, dict):
        return []
    own = [text for name, text in value.items() if name in ("query", "prometheusQuery")]
    return own + [query for each in value.values() for query in _queries(each)]


def test_alerts_and_dashboard_ask_for_metrics_and_labels_that_are_there_and_leave_none_out() -> None:
    queries = _queries([*ALERTS.values(), DASHBOARD])
    asked = {name for query in queries for name in re.findall(r"logging_googleapis_com:user_(\w+)", query)}
    distributions = {f"{name}_{part}" for name in METRICS for part in ("count", "bucket") if "valueExtractor" in METRICS[name]}
    assert asked <= set(METRICS) | distributions
    assert {name.removesuffix("_count").removesuffix("_bucket") for name in asked} == set(METRICS)
    for query in queries:
        by = re.search(r"by \((\w+)\) \((?:increase|rate)\(logging_googleapis_com:user_(\w+?)(?:_bucket)?\[", query)
        if by:
            assert by[1] in {"le", *METRICS[by[2]].get("labelExtractors", {})}, query
        assert query.count("(") == query.count(")")
        assert query.count("[") == query.count("]")


def test_they_ask_for_services_by_the_names_that_are_deployed() -> None:
    asked = {name for query in _queries([*ALERTS.values(), DASHBOARD]) for name in re.findall(r'service_name=~?"([^"]+)"', query)}
    assert asked == {ADDON.name, "|".join(service.name for service in SERVICES)}


def test_the_alert_on_panels_keeps_the_goal() -> None:
    """99.9 % in 28 days: a share of 0.1 %, used up 14.4 times as fast, or 6 times, over a longer and a shorter time."""
    rates = {
        (rate, *re.findall(r"count\[(\w+)\]", query))
        for query in _queries(ALERTS["panels"])
        for rate in re.findall(r"> (0\.\d+)", query)
    }
    assert rates == {("0.0144", "1h", "5m"), ("0.006", "6h", "30m")}


def test_no_file_holds_a_project_an_address_or_what_a_step_would_fill_in() -> None:
    for file in FOLDER.rglob("*.json"):
        text = file.read_text()
        assert "@" not in text
        assert "projects/" not in text
        assert "${" not in text


STEPS = list(monitoring_steps("example-mailmagnet", "it@example.com"))


def test_each_file_is_a_step_that_is_done_when_google_has_what_it_says() -> None:
    steps = [step for step in STEPS if isinstance(step, Step)]
    made = {name for step in steps for name in step.files}
    assert made == {file.name for file in FOLDER.rglob("*.json")}
    assert [step.title for step in steps if not step.wanted or not step.look.words or not step.undo] == []
    for step in steps:
        for text in step.files.values():
            assert step.wanted.removesuffix(f",${{{CHANNEL}}}") in text
    channel = next(at for at, step in enumerate(STEPS) if isinstance(step, Learn) and step.name == CHANNEL)
    assert all(CHANNEL not in str(step) for step in STEPS[:channel])


def test_a_changed_file_and_another_address_are_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for kind in ("metrics", "alerts"):
        (tmp_path / kind).mkdir()
    for file in FOLDER.rglob("*.json"):
        (tmp_path / file.relative_to(FOLDER)).write_text(file.read_text())
    monkeypatch.setattr("deployment.monitoring_steps.FOLDER", tmp_path)
    wanted = _wanted("it@example.com")
    assert wanted == _wanted("it@example.com")
    assert {title for title, each in _wanted("ops@example.com").items() if each != wanted[title]} == {
        "Where alerts go",
        *(f"Alert {name}" for name in ALERTS),
    }
    metric = tmp_path / "metrics" / "mailmagnet_ticks.json"
    metric.write_text(metric.read_text().replace("status=200", "status=204"))
    assert {title for title, each in _wanted("it@example.com").items() if each != wanted[title]} == {"Metric mailmagnet_ticks"}


def _wanted(alerts: str) -> dict[str, str]:
    return {step.title: step.wanted for step in monitoring_steps("example-mailmagnet", alerts) if isinstance(step, Step)}


def _shell_lines() -> list[str]:
    commands = [command for step in STEPS if isinstance(step, Step) for command in (step.look, *step.make, *step.undo)]
    return [command.words[2] for command in commands if command.words[0] == "sh"]


def test_what_runs_in_a_shell_is_sound() -> None:
    shellcheck = which("shellcheck", path=str(Path(__import__("sys").executable).parent)) or which("shellcheck")
    assert _shell_lines()
    for line in _shell_lines():
        assert subprocess.run(["sh", "-n", "-c", line], check=False).returncode == 0
        if shellcheck:
            script = f"#!/bin/sh\nexport FILES=/f\n{line}\n"
            checked = subprocess.run([shellcheck, "-"], input=script, capture_output=True, text=True, check=False)
            assert checked.stdout == ""
