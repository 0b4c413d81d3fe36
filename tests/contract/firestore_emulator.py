"""The real Firestore emulator for tests: started once in each process that runs them, ended by its process id.

Tests take the fixture `firestore_emulator` ("host:port"), which tests/conftest.py offers to all of them.
They hand it to the client as FIRESTORE_EMULATOR_HOST for their own time, and use a project of their own each.
It is part of the gcloud SDK, and npm's firebase-tools fetches it too: tests/machine.sh does so.
Reference: https://cloud.google.com/firestore/docs/emulator
"""

import functools
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.signing import free_port

SECONDS_TO_START = 60.0
HOST = "127.0.0.1"
MISSING = "The Firestore emulator is missing"
HOW_TO_GET_IT = (
    "Get it with: sh tests/machine.sh (it says what it could not install), or https://cloud.google.com/sdk/docs/install"
)


@pytest.fixture(scope="session")
def firestore_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """ "host:port" of a running emulator. Fails, never skips, when it cannot be started."""
    log = tmp_path_factory.mktemp("firestore") / "emulator.log"
    address = f"{HOST}:{free_port()}"
    with log.open("wb") as output:
        emulator = subprocess.Popen(_command(address), stdout=output, stderr=output, start_new_session=True)
    try:
        _wait_until_it_answers(address, emulator, log)
        yield address
    finally:
        emulator.terminate()
        try:
            emulator.wait(timeout=10)
        except subprocess.TimeoutExpired:
            emulator.kill()
            emulator.wait()


def _command(address: str) -> list[str]:
    host, _, port = address.partition(":")
    main = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
    options = ["-Duser.language=en", "-Xmx512m"]
    return [_java(), *options, "-cp", str(_jar()), main, "--host", host, "--port", port]


def _java() -> str:
    found = shutil.which("java")
    if not found:
        pytest.fail(f"{MISSING}: it needs Java, and `java` is not on the PATH", pytrace=False)
    return found


@functools.cache
def _jar() -> Path:
    found = [*_of_gcloud(), *_of_firebase_tools()]
    if not found:
        pytest.fail(f"{MISSING}: neither the gcloud SDK nor firebase-tools has it here", pytrace=False)
    return found[0]


def _of_gcloud() -> list[Path]:
    gcloud = shutil.which("gcloud")
    if not gcloud:
        return []
    told = subprocess.run(
        [gcloud, "info", "--format=value(installation.sdk_root)"], capture_output=True, text=True, timeout=60, check=True
    )
    jar = Path(told.stdout.strip()) / "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
    return [jar] if jar.is_file() else []


def _of_firebase_tools() -> list[Path]:
    folder = Path(os.environ.get("FIREBASE_EMULATORS_PATH") or Path.home() / ".cache/firebase/emulators")
    return sorted(folder.glob("cloud-firestore-emulator-v*.jar"))


def _wait_until_it_answers(address: str, emulator: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and emulator.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{address}/", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"The Firestore emulator did not start:\n{log.read_text(errors='replace')[-2000:]}", pytrace=False)
