"""What `mailmagnet doctor` asks Google's command line: whether each step of the plan is done, and what no plan makes.

The plan's order is the order to mend in: each step needs only what is before it.
"""

import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, TypeAdapter

from deployment.carry_out import VALUE, Run, Said
from deployment.deployment_file import Deployment
from deployment.finding import Finding, State
from deployment.plan import Plan
from deployment.services import LABEL_TICK, QUEUE
from deployment.step import Command, Learn, Step, gcloud
from mailmagnet.errors import StepFailed

DEPLOY = "mailmagnet deploy"
SECONDS = 60
"""The deadline of one look."""
AT_ONCE = 8
"""Looks side by side: each is a process of its own, which waits for Google most of its time."""
MOST_SHOWN = 160
"""Letters of what Google said that are shown."""

_MISSING = re.compile(r"not.?found|does not exist|do not exist|no such|unknown service account", re.IGNORECASE)
_NOT_SIGNED_IN = re.compile(r"auth login|reauth|credentials|no active account", re.IGNORECASE)

STATUS = {
    "": "",
    "0": "",
    "5": "there is no such URL",
    "7": "its account may not call it, or its token is for another audience",
    "16": "its token is not taken: another audience, or another account",
    "4": "it took too long",
}
"""What a code of the scheduler's last call means (https://cloud.google.com/tasks/docs/reference/rpc/google.rpc#code)."""


def look(words: Sequence[str], given: str) -> Said:
    """A `Run` that waits a minute at most. Raises StepFailed if the command is not on this machine, or takes longer."""
    try:
        done = subprocess.run(words, input=given, capture_output=True, text=True, check=False, timeout=SECONDS)  # noqa: S603 (our own words)
    except FileNotFoundError:
        raise StepFailed(f"{words[0]} is not installed here: https://cloud.google.com/sdk/docs/install") from None
    except subprocess.TimeoutExpired:
        raise StepFailed(f"no answer within {SECONDS} seconds") from None
    return Said(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True, slots=True)
class Looked:
    """All findings of Google's command line, in the order to mend, and the values learnt for what is asked elsewhere."""

    findings: Sequence[Finding]
    values: Mapping[str, str]


def look_at_google(deployment: Deployment, plan: Plan, run: Run) -> Looked:
    """Whether gcloud is signed in, each step is done, and what is there also works. What fails hides nothing else."""
    signed_in = _signed_in(run)
    if signed_in.state is not State.FINE:
        run = _nobody  # each look would take its seconds to say the same
    values: dict[str, str] = {}
    learnt = {step.name: _learn(step, values, run) for step in plan if isinstance(step, Learn)}
    steps = [step for step in plan if isinstance(step, Step)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = dict(zip((id(step) for step in steps), threads.map(lambda step: _step(step, values, run), steps), strict=True))
        works = list(threads.map(lambda check: check(deployment, run), (_indexes, _queue_runs, _last_tick)))
    of_plan = [learnt[step.name] if isinstance(step, Learn) else found[id(step)] for step in plan]
    return Looked([signed_in, *of_plan, *works], values)


def _nobody(words: Sequence[str], given: str) -> Said:
    raise StepFailed("it waits for the sign-in to Google Cloud")


def _signed_in(run: Run) -> Finding:
    title = "Signed in to Google Cloud"
    said = _said(gcloud("auth list --filter=status:ACTIVE --format=value(account)"), {}, run)
    if isinstance(said, str):
        return Finding(title, State.WRONG, said, "gcloud auth login")
    if said.code or not said.out.strip():
        return Finding(title, State.WRONG, "nobody is signed in on this machine", "gcloud auth login")
    return Finding(title, State.FINE)


def _learn(learn: Learn, values: dict[str, str], run: Run) -> Finding:
    said = _said(learn.command, values, run)
    if isinstance(said, str):
        return Finding(learn.name, State.UNKNOWN, said)
    if said.code or not said.out.strip():
        return Finding(learn.name, State.WRONG, _shown(said.err) or "Google names none", learn.missing)
    values[learn.name] = said.out.strip()
    return Finding(learn.name, State.FINE)


def _step(step: Step, values: Mapping[str, str], run: Run) -> Finding:
    missing = _unknown([*step.look.words, step.wanted], values)
    if missing:
        return Finding(step.title, State.UNKNOWN, f"it waits for {', '.join(missing)}")
    said = _said(step.look, values, run)
    if isinstance(said, str):
        return Finding(step.title, State.UNKNOWN, said)
    if said.code and not _MISSING.search(said.err):
        mend = "gcloud auth login" if _NOT_SIGNED_IN.search(said.err) else line(step.look, values)
        return Finding(step.title, State.UNKNOWN, _shown(said.err), mend)
    wanted, is_so = _filled(step.wanted, values), said.out.strip()
    if said.code or not is_so:
        return Finding(step.title, State.WRONG, "it is not there", DEPLOY)
    if is_so != wanted:
        return Finding(step.title, State.WRONG, f"it is {_shown(is_so)}; it should be {_shown(wanted)}", DEPLOY)
    return Finding(step.title, State.FINE)


def _indexes(deployment: Deployment, run: Run) -> Finding:
    """Until an index is built, every question by it is refused."""
    title, project = "Indexes are built", deployment.project
    listed = gcloud(
        f"firestore indexes composite list --database=(default) --project={project}",
        "--format=csv[no-heading](name.basename(),state)",
    )
    return _lines(title, listed, run, "READY", f"Wait until it says READY: {line(listed)}")


def _queue_runs(deployment: Deployment, run: Run) -> Finding:
    where = f"{QUEUE} --location={deployment.region} --project={deployment.project}"
    described = gcloud(f"tasks queues describe {where}", "--format=csv[no-heading](name.basename(),state)")
    return _lines("Queue runs", described, run, "RUNNING", line(gcloud(f"tasks queues resume {where}")))


def _lines(title: str, command: Command, run: Run, wanted: str, mend: str) -> Finding:
    """Of lines `name,state` each state should be the one that is wanted."""
    said = _said(command, {}, run)
    if isinstance(said, str) or said.code:
        return Finding(title, State.UNKNOWN, said if isinstance(said, str) else _shown(said.err))
    states = [found.rpartition(",")[::2] for found in said.out.split()]
    others = sorted({state for _, state in states if state != wanted})
    if not states:
        return Finding(title, State.WRONG, "there is none", DEPLOY)
    return Finding(title, State.WRONG, f"some say {', '.join(others)}", mend) if others else Finding(title, State.FINE)


def _last_tick(deployment: Deployment, run: Run) -> Finding:
    title = "Last tick"
    where = f"{LABEL_TICK.name} --location={deployment.region} --project={deployment.project}"
    said = _said(gcloud(f"scheduler jobs describe {where}", "--format=csv[no-heading](lastAttemptTime,status.code)"), {}, run)
    if isinstance(said, str) or said.code:
        return Finding(title, State.UNKNOWN, said if isinstance(said, str) else _shown(said.err))
    when, _, code = said.out.strip().partition(",")
    if not when:
        return Finding(title, State.WRONG, "the scheduler has never called", line(gcloud(f"scheduler jobs run {where}")))
    if problem := STATUS.get(code, f"code {code}"):
        services = f'resource.labels.service_name="{LABEL_TICK.name}" AND severity>=WARNING'
        log = line(
            gcloud("logging read", services, "--limit=5", "--format=value(jsonPayload)", f"--project={deployment.project}")
        )
        return Finding(title, State.WRONG, f"the scheduler's last call failed: {problem}", f"{DEPLOY}; if it stays: {log}")
    return Finding(title, State.FINE)


def line(command: Command, values: Mapping[str, str] | None = None) -> str:
    """A command as a shell reads it, on one line."""
    return shlex.join(_filled(word, values or {}) for word in command.words)


def _said(command: Command, values: Mapping[str, str], run: Run) -> Said | str:
    """What it said; or why it could not be asked."""
    if missing := _unknown(command.words, values):
        return f"it waits for {', '.join(missing)}"
    try:
        return run([_filled(word, values) for word in command.words], "")
    except StepFailed as failed:
        return str(failed)


def _unknown(texts: Sequence[str], values: Mapping[str, str]) -> Sequence[str]:
    return sorted({name for text in texts for name in VALUE.findall(text)} - set(values))


def _filled(text: str, values: Mapping[str, str]) -> str:
    return VALUE.sub(lambda found: values[found[1]], text)


def _shown(text: str) -> str:
    """On one line, and no more than can be read."""
    shown = " ".join(text.split())
    return shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]} …"


class _Told(BaseModel):
    """A finding as a service tells it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    title: str
    state: State
    what: str
    mend: str


_told = TypeAdapter(list[_Told])


def findings_of(answer: object) -> Sequence[Finding]:
    """A service's findings, of its JSON. Raises ValueError for what are none."""
    return [Finding(each.title, each.state, each.what, each.mend) for each in _told.validate_python(answer)]
