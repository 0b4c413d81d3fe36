"""A real Tryton 8 with a world in it, made afresh each time: started, told of, and ended."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

from sandbox.crms.world import CrmWorld

HERE = Path(__file__).parent
FOLDER = HERE.parents[2] / ".servers" / "tryton"
"""Where it is installed, and may be deleted."""
DATABASE = "crm"
PASSWORD = "demonstration"  # noqa: S105  as fill.py gives it
SECONDS_TO_INSTALL, SECONDS_TO_START, SECONDS_TO_STOP = 900, 300, 60


@dataclass(frozen=True, slots=True)
class RunningTryton:
    """A Tryton that runs at `origin`: users' application keys and ids by address, who log in with PASSWORD; ids of records by key of the
    world ("contact sam")."""

    origin: str
    keys: Mapping[str, str] = field(repr=False)
    users: Mapping[str, int]
    ids: Mapping[str, int]


def install() -> None:
    """Once; without effect where it is installed already."""
    _tryton("install", seconds=SECONDS_TO_INSTALL)


@contextmanager
def tryton_with(world: CrmWorld, name: str) -> Iterator[RunningTryton]:
    """While it lasts a Tryton of this name runs, with this world in it: one of another name may run beside it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    given = FOLDER / f"{name}.json"
    given.write_text(json.dumps(world), "utf-8")
    port = _free_port()
    _tryton("start", str(given), name, str(port), seconds=SECONDS_TO_START)
    try:
        yield RunningTryton(f"http://127.0.0.1:{port}", **json.loads((FOLDER / name / "told.json").read_text("utf-8")))
    finally:
        _tryton("stop", name, seconds=SECONDS_TO_STOP)


def _tryton(*words: str, seconds: float) -> None:
    subprocess.run(["sh", HERE / "tryton.sh", *words], check=True, timeout=seconds)  # noqa: S603, S607  our own script


def _free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
