"""The real Firestore emulator for tests: started once a session, ended by its process id.

Tests take the fixture `firestore_emulator` ("host:port"), which tests/conftest.py offers to all of them.
They hand it to the client as FIRESTORE_EMULATOR_HOST for their own time, and use a project of their own each.
Reference: https://cloud.google.com/firestore/docs/emulator
"""

import functools
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

SECONDS_TO_START = 60.0
HOST = "127.0.0.1"


@pytest.fixture(scope="session")
def firestore_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """ "host:port" of a running emulator. Fails, never skips, when it cannot be started."""
    log = tmp_path_factory.mktemp("firestore") / "emulator.log"
    address = f"{HOST}:{_free_port()}"
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
    return [_program("java", "a Java runtime"), *options, "-cp", str(_jar()), main, "--host", host, "--port", port]


@functools.cache
def _jar() -> Path:
    gcloud = _program("gcloud", "the Google Cloud SDK")
    asked = subprocess.run(
        [gcloud, "info", "--format=value(installation.sdk_root)"], capture_output=True, text=True, timeout=60, check=True
    )
    jar = Path(asked.stdout.strip()) / "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
    if not jar.is_file():
        pytest.fail("The Firestore emulator is missing: gcloud components install cloud-firestore-emulator", pytrace=False)
    return jar


def _program(name: str, what: str) -> str:
    found = shutil.which(name)
    if not found:
        pytest.fail(f"The Firestore emulator needs {what}: `{name}` is not on the PATH", pytrace=False)
    return found


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind((HOST, 0))
        port: int = asked.getsockname()[1]
        return port


def _wait_until_it_answers(address: str, emulator: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and emulator.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{address}/", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"The Firestore emulator did not start:\n{log.read_text(errors='replace')[-2000:]}", pytrace=False)
