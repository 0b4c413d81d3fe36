"""A real Tryton 8 on this machine, with a world in it: installed and run by tryton.sh, below .servers."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.crms.world import CrmWorld

ORIGIN = f"http://127.0.0.1:{os.environ.get('MAILMAGNET_TEST_TRYTON_PORT', '18000')}"
DATABASE = "crm"
_SCRIPT = Path(__file__).with_name("tryton.sh")
_FOLDER = Path(__file__).parents[3] / ".servers" / "tryton"
_SECONDS_TO_INSTALL, _SECONDS_TO_START, _SECONDS_TO_STOP = 900, 300, 60


@dataclass(frozen=True, slots=True)
class RunningTryton:
    """`keys` are its users' application keys and `users` their ids, by address; `ids` are its records', by key of the world."""

    keys: Mapping[str, str] = field(repr=False)
    users: Mapping[str, int]
    ids: Mapping[str, int]


def install() -> None:
    """Once; without effect where it is there."""
    _run("install", seconds=_SECONDS_TO_INSTALL)


@contextmanager
def tryton_with(world: CrmWorld) -> Iterator[RunningTryton]:
    """While it lasts a Tryton runs at ORIGIN, with this world in it."""
    told = _FOLDER / "world.json"
    told.write_text(json.dumps(world), "utf-8")
    _run("start", str(told), seconds=_SECONDS_TO_START)
    try:
        yield RunningTryton(**json.loads((_FOLDER / "told.json").read_text("utf-8")))
    finally:
        _run("stop", seconds=_SECONDS_TO_STOP)


def _run(*words: str, seconds: float) -> None:
    subprocess.run(["/bin/sh", _SCRIPT, *words], check=True, timeout=seconds)  # noqa: S603  our own words
