"""A real Odoo 19 with a world in it, made afresh each time: started, told of, and ended."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from typing import Any

from sandbox.crms.world import CrmWorld

HERE = Path(__file__).parent
FOLDER = HERE.parents[2] / ".servers" / "odoo"
"""Where it is installed, and may be deleted."""
SECONDS_TO_INSTALL, SECONDS_TO_START, SECONDS_TO_STOP, SECONDS_TO_ANSWER = 1200, 180, 60, 60


@dataclass(frozen=True, slots=True)
class RunningOdoo:
    """An Odoo that runs at `origin`: users' API keys and ids by address, who log in with their address as password; ids of records by key
    of the world ("contact sam"), and ids of teams by name."""

    origin: str
    keys: Mapping[str, str] = field(repr=False)
    users: Mapping[str, int]
    ids: Mapping[str, int]
    teams: Mapping[str, int]


def ask(odoo: RunningOdoo, email: str, model: str, method: str, **arguments: Any) -> Any:
    """What a method of a model answers to one of its users (https://www.odoo.com/documentation/19.0/developer/reference/external_api.html)."""
    asked = urllib.request.Request(  # noqa: S310  our own server
        f"{odoo.origin}/json/2/{model}/{method}",
        json.dumps(arguments).encode(),
        {"Authorization": f"bearer {odoo.keys[email]}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=SECONDS_TO_ANSWER) as answer:  # noqa: S310  our own server
        return json.load(answer)


def install() -> None:
    """Once; without effect where it is installed already."""
    _odoo("install", seconds=SECONDS_TO_INSTALL)


@contextmanager
def odoo_with(world: CrmWorld, name: str) -> Iterator[RunningOdoo]:
    """While it lasts an Odoo of this name runs, with this world in it: one of another name may run beside it."""
    fill = FOLDER / f"{name}-fill.py"
    fill.write_text(f"world = {world!r}\n{(HERE / 'fill.py').read_text()}")
    port = _free_port()
    _odoo("start", str(fill), name, str(port), seconds=SECONDS_TO_START)
    try:
        told = json.loads((FOLDER / f"{name}.json").read_text())
        yield RunningOdoo(f"http://127.0.0.1:{port}", **told)
    finally:
        _odoo("stop", name, seconds=SECONDS_TO_STOP)


def _odoo(*words: str, seconds: float) -> None:
    subprocess.run(["sh", HERE / "odoo.sh", *words], check=True, timeout=seconds)  # noqa: S603, S607  our own script


def _free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
