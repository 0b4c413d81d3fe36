"""The plan held against Google's own tools: gcloud's linter, its messages of an add-on's deployment, its filters and formats."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployment.addon_manifest import addon_deployment
from deployment.carry_out import VALUE
from deployment.deployment_file import read_deployment
from deployment.plan import plan
from deployment.source import uploaded
from deployment.step import Command, Learn
from tests.gcloud.stand_in import Gcloud, commands_in, parsed, printed

HOUSE = Path(__file__).parents[2]
DEPLOYMENT = read_deployment(HOUSE / "deployment.yaml")
PLAN = plan(DEPLOYMENT, HOUSE)


def gcloud(*words: str) -> str:
    done = subprocess.run(["gcloud", *words], capture_output=True, text=True, check=False, timeout=120, cwd=HOUSE)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdk() -> Path:
    """The SDK's folder."""
    if not shutil.which("gcloud"):
        pytest.fail("the gcloud SDK is not on this machine: https://cloud.google.com/sdk/docs/install")
    return Path(gcloud("info", "--format=value(installation.sdk_root)").strip())


def commands() -> Iterator[Command]:
    """All gcloud commands, also those within a line for sh."""
    for step in PLAN:
        for command in [step.command] if isinstance(step, Learn) else [step.look, *step.make, *step.undo]:
            if command.words[:2] == ("sh", "-c"):
                yield from (Command(tuple(words)) for words in commands_in(command.words[2]))
            else:
                yield command


def in_sdk(sdk: Path, script: str, given: Any) -> Any:
    """What a script prints as JSON that is run by the SDK's own Python, with the SDK's own modules, on JSON."""
    python = next((found for found in sorted((sdk / "platform").glob("bundledpython*/bin/python3"))), Path("/usr/bin/python3"))
    paths = [str(sdk / "lib"), str(sdk / "lib" / "third_party")]
    head = f"import json, sys; sys.path[:0] = {paths!r}; given = json.load(sys.stdin)\n"
    done = subprocess.run(
        [python, "-c", head + script], input=json.dumps(given), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_command_passes_gclouds_own_linter_and_a_wrong_one_does_not(sdk: Path, tmp_path: Path) -> None:
    for step in PLAN:
        # The linter takes anything beside a file that is not there.
        for name, text in () if isinstance(step, Learn) else step.files.items():
            (tmp_path / name).write_text(VALUE.sub("value", text), "utf-8")
    values = {"FILES": str(tmp_path)}
    lines = {VALUE.sub(lambda found: values.get(found[1], "value"), shlex.join(command.words)) for command in commands()}
    (deploy_pages,) = (line for line in lines if line.startswith("gcloud run deploy mailmagnet-pages"))
    wrong = [deploy_pages.replace("--concurrency", "--concurency"), "gcloud workspace-add-ons deployments make x"]
    file = tmp_path / "commands.json"
    file.write_text(json.dumps([{"command_string": line} for line in (*sorted(lines), *wrong)]))
    found = json.loads(gcloud("meta", "lint-gcloud-commands", f"--commands-file={file}"))
    assert len(found) == len(lines) + len(wrong)
    failed = {each["command_string"]: each["error_message"] for each in found if not each["success"]}
    assert set(failed) == set(wrong), failed


MESSAGES = """
from apitools.base.py import encoding
from googlecloudsdk.generated_clients.apis.gsuiteaddons.v1 import gsuiteaddons_v1_messages as messages

def unknown(message, where):
    found = [f'{where}.{name}' for name in message.all_unrecognized_fields()]
    for field in message.all_fields():
        inner = getattr(message, field.name)
        for each in inner if isinstance(inner, list) else [inner]:
            if hasattr(each, 'all_unrecognized_fields') and type(each).__module__ == messages.__name__:
                found += unknown(each, f'{where}.{field.name}')
    return found

faults = []
for one in given:
    try:
        read = encoding.DictToMessage(one, messages.GoogleCloudGsuiteaddonsV1Deployment)
        faults.append(unknown(read, ''))
    except Exception as error:
        faults.append([str(error)])
print(json.dumps(faults))
"""


def test_the_add_ons_deployment_is_googles_message_and_a_misspelt_field_is_not(sdk: Path) -> None:
    right = addon_deployment(DEPLOYMENT, HOUSE / "appsscript.json")
    text = json.dumps(right)
    wrong = [
        json.loads(text.replace('"openLinkUrlPrefixes"', '"openLinkUrlPrefix"')),
        json.loads(text.replace('"oauthScopes"', '"oauthScope"')),
        json.loads(text.replace('"onTriggerFunction"', '"runFunction"', 1)),
        json.loads(text.replace('"SYSTEM_ID_TOKEN"', '"SYSTEM_TOKEN"')),
        json.loads(text.replace('"useLocaleFromApp": true', '"useLocaleFromApp": "yes"')),
    ]
    assert len({json.dumps(each) for each in (right, *wrong)}) == 6
    faults = in_sdk(sdk, MESSAGES, [right, *wrong])
    assert faults[0] == []
    assert all(faults[1:]), faults


LOOKS = """
import io
from googlecloudsdk.core.resource import resource_filter, resource_printer, resource_property
from googlecloudsdk.core.resource import resource_projection_spec, resource_transform

printed = []
for rows, flags in given:
    spec = resource_projection_spec.ProjectionSpec(symbols=resource_transform.GetTransforms())
    if 'flatten' in flags:
        (path,) = flags['flatten']
        outer, inner = path.replace('[]', '').split('.')
        flat = []
        for row in rows:
            for each in row[outer]:
                for one in each[inner]:
                    flat.append({outer: {**each, inner: one}})
        rows = flat
    if 'filter' in flags:
        evaluate = resource_filter.Compile(flags['filter'][0], defaults=spec).Evaluate
        rows = [row for row in rows if evaluate(row)]
    out = io.StringIO()
    resource_printer.Print(rows, flags['format'][0], out=out, defaults=spec)
    printed.append(out.getvalue())
print(json.dumps(printed))
"""


def test_the_stand_in_filters_and_prints_as_gcloud_does(sdk: Path) -> None:
    """Every look of the plan, on what the stand-in found for it."""
    seen: list[tuple[Any, dict[str, list[str]], str]] = []

    class Watched(Gcloud):
        def _done(self, command: Any, positional: Any, flags: Any, given: str) -> Any:
            found = super()._done(command, positional, flags, given)
            if "format" in flags and found:
                rows = found if isinstance(found, list) else [found]
                seen.append((json.loads(json.dumps(rows)), flags, printed(found, flags)))
            return found

    from tests.contract.test_deploy import deployed

    gcloud = Watched()
    deployed(gcloud)
    deployed(gcloud)
    theirs = in_sdk(sdk, LOOKS, [(rows, flags) for rows, flags, _ in seen])
    differing = [
        (flags, ours, found) for (_, flags, ours), found in zip(seen, theirs, strict=True) if ours.strip() != found.strip()
    ]
    assert len(seen) > 70
    assert differing == []


def test_the_same_files_are_uploaded_as_gcloud_would_upload(sdk: Path) -> None:
    theirs = {line for line in gcloud("meta", "list-files-for-upload").splitlines() if "__pycache__" not in line}
    assert theirs == {file.relative_to(HOUSE).as_posix() for file in uploaded(HOUSE)}


def test_the_stand_in_knows_every_command_of_the_plan_and_refuses_what_is_wrong() -> None:
    for command in commands():
        parsed(command.words)
    for words in (
        "gcloud run deploy x --quiet",
        "gcloud secrets describe x --quiet --colour=red",
        "gcloud secrets describe x y --quiet",
    ):
        code, _, said = Gcloud().run(words.split())
        assert code == 1
        assert re.search("unrecognized|Must be", said)


def test_the_image_is_built_by_flags_that_gcloud_takes(sdk: Path) -> None:
    """The linter does not look into --pack: its keys are gcloud's own."""
    (pack,) = [word.removeprefix("--pack=") for command in commands() for word in command.words if word.startswith("--pack=")]
    script = "from googlecloudsdk.calliope import arg_parsers\n"
    script += "spec = {'image': str, 'builder': str, 'env': str}\nprint(json.dumps(arg_parsers.ArgDict(spec=spec)(given)))"
    read = in_sdk(sdk, script, pack)
    assert set(read) == {"image", "env"}
    assert read["env"] == "GOOGLE_PYTHON_VERSION=3.11.*"
