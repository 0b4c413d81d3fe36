"""What the suite does on a machine that lacks something, and how it counts the time."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.told_at_the_end import total, wall

HOUSE = Path(__file__).parents[2]
TOOLS = ("sh", "grep", "ls", "sed", "timeout")
FETCHES = 'echo "$@" > "$FIREBASE_EMULATORS_PATH/called" && : > "$FIREBASE_EMULATORS_PATH/cloud-firestore-emulator-v1.jar"'


class Machine:
    """A machine with nothing but a few tools, whose user may install nothing."""

    def __init__(self, folder: Path) -> None:
        self.programs, self.emulators = folder / "bin", folder / "emulators"
        self.programs.mkdir()
        self.emulators.mkdir()
        for tool in TOOLS:
            (self.programs / tool).symlink_to(str(shutil.which(tool)))
        self.has("id", "echo 1000")

    def has(self, program: str, does: str = "true") -> None:
        file = self.programs / program
        file.write_text(f"#!/bin/sh\n{does}\n")
        file.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": str(self.programs), "HOME": "/nowhere", "FIREBASE_EMULATORS_PATH": str(self.emulators)}

    def made_ready(self, *words: str) -> tuple[int, str]:
        """Exit code and output of the script."""
        done = subprocess.run(
            ["sh", str(HOUSE / "tests" / "machine.sh"), *words],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_the_gcloud_sdk_the_emulator_is_fetched_by_npm_once(machine: Machine) -> None:
    for program in ("chromium", "node", "java"):
        machine.has(program)
    machine.has("npm", FETCHES)
    code, said = machine.made_ready()
    assert code == 0
    assert "Firestore emulator: there" in said
    assert (machine.emulators / "called").read_text().endswith("firebase-tools@13.35.1 -- firebase setup:emulators:firestore\n")
    (machine.emulators / "called").unlink()
    assert machine.made_ready()[0] == 0
    assert not (machine.emulators / "called").exists()


@pytest.mark.parametrize("lacking", ["emulator", "java"])
def test_where_the_emulator_cannot_be_had_the_other_tests_run_all_the_same(machine: Machine, lacking: str) -> None:
    for program in ("chromium", "node", *({"java"} - {lacking})):
        machine.has(program)
    machine.has("npm", "echo no network >&2; exit 1" if lacking == "emulator" else FETCHES)
    code, said = machine.made_ready()
    assert code == 0
    assert "Firestore emulator: missing, so the tests of Firestore will fail" in said
    assert "google-cloud-cli-firestore-emulator" in said


def test_what_cannot_be_installed_is_named(machine: Machine) -> None:
    assert machine.made_ready() == (
        1,
        "   browser: missing, installing chromium fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji\n"
        "Missing: browser. On Debian and Ubuntu: sudo apt-get install chromium fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji\n",
    )


def test_the_bench_wants_the_browser_alone(machine: Machine) -> None:
    machine.has("chromium-headless-shell")
    code, said = machine.made_ready("browser")
    assert (code, said.count("there")) == (0, 2)


def test_without_the_emulator_its_tests_fail_and_the_last_line_says_what_is_missing(machine: Machine) -> None:
    of_firestore, another = (
        "tests/scenario/test_job_on_firestore.py",
        "tests/unit/test_suite.py::test_wall_time_counts_no_moment_twice",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", of_firestore, another],
        cwd=HOUSE,
        env={**os.environ, **machine.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    *_, counted, told = done.stdout.splitlines()
    assert re.search(r"\b1 passed, [1-9] errors\b", counted)
    assert told.startswith("The Firestore emulator is missing, so its tests failed. Get it with: ")


def test_wall_time_counts_no_moment_twice() -> None:
    spans = [(10.0, 20.0), (12.0, 14.0), (18.0, 25.0), (30.0, 31.0)]
    assert wall(spans) == 16.0
    assert total(spans) == 20.0
    assert wall([]) == total([]) == 0.0
