"""What is put on one machine beside the program: the systemd units and the Dockerfile say what `mailmagnet serve` is and needs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from functions.one_machine import HEALTH, SECONDS_FOR_REQUESTS, SECONDS_FOR_TASKS
from functions.serve_command import USUAL_PORT

FOLDER = Path(__file__).parents[2] / "deployment" / "one_machine"
UNITS = ("mailmagnet.service", "mailmagnet-backup.service", "mailmagnet-backup.timer")


def values(unit: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", (FOLDER / unit).read_text(), re.MULTILINE)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this machine has no systemd")
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_reads_each_unit_without_a_word(unit: str, tmp_path: Path) -> None:
    for each in UNITS:  # together, as they name each other
        # What is installed there is not here.
        (tmp_path / each).write_text((FOLDER / each).read_text().replace("/opt/mailmagnet/bin/mailmagnet", "/bin/true"))
    verified = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this machine has no systemd")
def test_a_misspelt_line_of_a_unit_is_seen(tmp_path: Path) -> None:
    text = (FOLDER / UNITS[0]).read_text().replace("/opt/mailmagnet/bin/mailmagnet", "/bin/true")
    (tmp_path / UNITS[0]).write_text(text.replace("ProtectSystem=strict", "ProtectSystems=strict"))
    command = ["systemd-analyze", "verify", str(tmp_path / UNITS[0])]
    assert "ProtectSystems" in subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr


def test_it_has_the_time_to_end_that_it_takes() -> None:
    [seconds] = values("mailmagnet.service", "TimeoutStopSec")
    assert int(seconds) > SECONDS_FOR_REQUESTS + SECONDS_FOR_TASKS
    assert values("mailmagnet.service", "SuccessExitStatus") == ["SIGTERM"]


@pytest.mark.parametrize("name", ["User", "EnvironmentFile", "StateDirectory", "StateDirectoryMode", "WorkingDirectory", "UMask"])
def test_the_backup_is_of_the_same_files_by_the_same_user(name: str) -> None:
    assert values("mailmagnet-backup.service", name) == values("mailmagnet.service", name) != []


def test_the_image_runs_as_nobody_special_and_is_asked_whether_it_lives() -> None:
    text = (FOLDER / "Dockerfile").read_text()
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001"]
    assert f"http://127.0.0.1:{USUAL_PORT}{HEALTH}" in text
    assert "--require-hashes -r requirements.lock" in text
    assert {
        tag
        for tag in re.findall(r"^FROM (\S+)", text, re.MULTILINE)
        if not re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", tag)
    } == set()


def test_what_is_copied_into_the_image_is_what_is_installed() -> None:
    house = FOLDER.parents[1]
    packages = {file.parent.name for file in house.glob("*/__init__.py")} - {"sandbox", "tests"}
    copied = {line[1:] for line in (FOLDER / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    assert packages <= copied
    assert all((house / name).exists() for name in copied)
