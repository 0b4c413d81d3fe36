"""What watches MailMagnet, as steps of the plan: metrics counted from the log, alerts, who is told, and a dashboard.

The goal is that of 1,000 panels 999 are answered within 5 seconds. gcloud makes no service level objectives, so the alert `panels` asks
for the share itself, as one on an objective would: how fast a month's share is used up, over an hour and over six.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from deployment.step import Command, Learn, Step, gcloud

FOLDER = Path(__file__).with_name("monitoring")
"""The files. A metric's and an alert's name is its file's. They hold no project and nobody's address."""

CHANNEL = "ALERTS_CHANNEL"
"""The value that names where alerts go."""

VERSION = "mailmagnet_version"
"""The label by which it is seen that what Google has is what the file says."""

POLICIES = "gcloud alpha monitoring policies"
CHANNELS = "gcloud beta monitoring channels"
DASHBOARDS = "gcloud monitoring dashboards"


def monitoring_steps(project: str, alerts: str) -> Iterator[Step | Learn]:
    """The steps for this Google Cloud project; `alerts` is the address of who is told."""
    for file in sorted((FOLDER / "metrics").glob("*.json")):
        yield _metric(file, project)
    found = shlex.join(
        [*CHANNELS.split(), "list", f"--project={project}", f'--filter=type="email" AND labels.email_address="{alerts}"']
    )
    yield Step(
        title="Where alerts go",
        why=f"{alerts} is told by mail when something is wrong.",
        look=_command(f"{found} --limit=1 '--format=value(labels.email_address)'"),
        wanted=alerts,
        make=(
            gcloud(
                f"beta monitoring channels create --project={project} --type=email",
                "--display-name=MailMagnet",
                f"--channel-labels=email_address={alerts}",
            ),
        ),
        undo=(_delete_all(found, f"{CHANNELS} delete", "--force "),),
    )
    yield Learn(
        CHANNEL,
        "Alerts name where they go.",
        _command(f"{found} --limit=1 '--format=value(name)'"),
        "Run this again: Google has not listed the new channel yet.",
    )
    for file in sorted((FOLDER / "alerts").glob("*.json")):
        yield _alert(file, project, alerts)
    yield _dashboard(FOLDER / "dashboard.json", project)


def _metric(file: Path, project: str) -> Step:
    wanted, name = _read(file), file.stem
    wanted["description"] = f"{wanted['description']} ({_version(wanted)})"
    return Step(
        title=f"Metric {name}",
        why=wanted["description"].rpartition(" (")[0],
        look=gcloud(f"logging metrics describe {name} --project={project}", "--format=value(description)"),
        wanted=wanted["description"],
        files={file.name: _text(wanted)},
        make=(
            _shell(
                f"if gcloud logging metrics describe {name} --project={project} --quiet >/dev/null 2>&1; then verb=update; "
                f'else verb=create; fi; gcloud logging metrics "$verb" {name} --project={project} '
                f'--config-from-file="${{FILES}}/{file.name}" --quiet'
            ),
        ),
        undo=(gcloud(f"logging metrics delete {name} --project={project}"),),
    )


def _alert(file: Path, project: str, alerts: str) -> Step:
    wanted = _read(file)
    version = _version(wanted, alerts)
    wanted["userLabels"] = {VERSION: version}
    found = shlex.join([*POLICIES.split(), "list", f"--project={project}", f'--filter=display_name="{wanted["displayName"]}"'])
    return Step(
        title=f"Alert {file.stem}",
        why=wanted["documentation"]["content"].partition("\n")[0],
        look=_command(f"{found} '--format=csv[no-heading](userLabels.{VERSION},notificationChannels[0])'"),
        wanted=f"{version},${{{CHANNEL}}}",
        files={file.name: _text(wanted)},
        make=(
            _delete_all(found, f"{POLICIES} delete"),
            gcloud(
                f"alpha monitoring policies create --project={project}",
                f"--policy-from-file=${{FILES}}/{file.name}",
                f"--notification-channels=${{{CHANNEL}}}",
            ),
        ),
        undo=(_delete_all(found, f"{POLICIES} delete"),),
    )


def _dashboard(file: Path, project: str) -> Step:
    wanted = _read(file)
    version = _version(wanted)
    wanted["labels"] = {VERSION: version}
    found = shlex.join([*DASHBOARDS.split(), "list", f"--project={project}", f'--filter=display_name="{wanted["displayName"]}"'])
    return Step(
        title="Dashboard MailMagnet",
        why="One page that shows how fast panels are, what fails, and the log's warnings.",
        look=_command(f"{found} '--format=value(labels.{VERSION})'"),
        wanted=version,
        files={file.name: _text(wanted)},
        make=(
            _delete_all(found, f"{DASHBOARDS} delete"),
            gcloud(f"monitoring dashboards create --project={project}", f"--config-from-file=${{FILES}}/{file.name}"),
        ),
        undo=(_delete_all(found, f"{DASHBOARDS} delete"),),
    )


def _command(line: str) -> Command:
    return Command((*shlex.split(line), "--quiet"))


def _delete_all(found: str, delete: str, flag: str = "") -> Command:
    """Google gives these names of its own: whatever `found` lists is deleted, be it nothing or, after a failure, two."""
    return _shell(f"for name in $({found} '--format=value(name)' --quiet); do {delete} \"$name\" {flag}--quiet || exit; done")


def _shell(script: str) -> Command:
    return Command(("sh", "-c", script))


def _version(wanted: Mapping[str, Any], *also: str) -> str:
    """Changes whenever the file does, or what it is to be combined with."""
    return sha256(json.dumps([wanted, *also], sort_keys=True).encode()).hexdigest()[:12]


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def _text(wanted: Mapping[str, Any]) -> str:
    """On one line: the files themselves are there to be read, and the script has a dozen of them."""
    return json.dumps(wanted) + "\n"
