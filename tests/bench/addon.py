"""How fast the function `addon` opens a message under load, before stub upstreams, and how fast it starts.

One user opens one message over and over with the same two tokens, whose signatures are therefore checked once.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from rich.console import Console

from tests.signing import Signer, free_port

HOUSE = Path(__file__).parents[2]
CLIENTS = (1, 8, 32)
DELAYS_MS = (0, 100)
SECONDS_A_MEASUREMENT = 6.0
STARTS = 5
IMPORTS = 7


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, cwd=HOUSE, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    finally:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for one in family:
            one.terminate()
        psutil.wait_procs(family, timeout=10)


class Bench:
    """One addon before one stub upstream, and the signed event that is sent to it."""

    def __init__(self, folder: Path, delay_ms: int, crm_memory: str = "false") -> None:
        """`crm_memory`: the seconds for which a look-up in the CRM is remembered; without, each message opened asks it."""
        self.crm_memory = crm_memory
        self.signer = Signer()
        self.addon_port, self.upstream_port = free_port(), free_port()
        self.delay_ms = delay_ms
        self.certificates = folder / "certificates.json"
        self.certificates.write_text(json.dumps(self.signer.certificates))
        self.url = f"http://127.0.0.1:{self.addon_port}/message"
        self.environment = self._settings(folder)

    def _settings(self, folder: Path) -> dict[str, str]:
        upstream = f"http://127.0.0.1:{self.upstream_port}"
        return {
            "FUNCTION_USE_ASGI": "true",
            "WORKERS": "1",
            "TEST_CRM_URL": f"{upstream}/crm",
            "MAILMAGNET_ADDON_URL": f"http://127.0.0.1:{self.addon_port}",
            "MAILMAGNET_ADDON_SERVICE_ACCOUNT": "addon@bench.example",
            "MAILMAGNET_JOB_SERVICE_ACCOUNT": "job@bench.example",
            "MAILMAGNET_ADDON_CLIENT_ID": "bench-addon-client",
            "MAILMAGNET_OAUTH_CLIENT_ID": "bench-client",
            "MAILMAGNET_OAUTH_CLIENT_SECRET": "bench-secret",
            "SANDBOX_GOOGLE_URL": upstream,
            "MAILMAGNET_VAULT_FILE": str(folder / "vault"),
            "MAILMAGNET_STORE_DATABASE": str(folder / "store.sqlite"),
            "MAILMAGNET_USER_CALLS_A_MINUTE": "1000000000",
            "MAILMAGNET_CRM_MEMORY": self.crm_memory,
            "MAILMAGNET_PAGES_URL": "https://pages.bench.example",
            "MAILMAGNET_LINK_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
            "MAILMAGNET_LOG_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
            "MAILMAGNET_VAULT_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        }

    def upstream(self) -> Any:
        command = [sys.executable, "-m", "tests.bench.upstream", str(self.upstream_port), str(self.delay_ms / 1000)]
        return _process([*command, str(self.certificates)], {})

    def addon(self) -> Any:
        command = [str(Path(sys.executable).parent / "functions-framework"), "--source", "tests/http_crm_addon.py"]
        return _process([*command, "--target", "addon", "--host", "127.0.0.1", "--port", str(self.addon_port)], self.environment)

    def request(self) -> tuple[dict[str, str], bytes]:
        system = self.signer.token(aud=self.url, email="addon@bench.example", email_verified=True)
        user = self.signer.token(
            aud="bench-addon-client", sub="1", email="kim@corp.example", email_verified=True, hd="corp.example"
        )
        event = {
            "commonEventObject": {
                "hostApp": "GMAIL",
                "platform": "WEB",
                "userLocale": "de-AT",
                "timeZone": {"id": "Europe/Vienna"},
            },
            "authorizationEventObject": {"userOAuthToken": "user-token", "userIdToken": user, "systemIdToken": system},
            "gmail": {"messageId": "msg-f:1782000000000000001", "threadId": "thread-f:1", "accessToken": "message-token"},
        }
        return {"Authorization": f"Bearer {system}", "Content-Type": "application/json"}, json.dumps(event).encode()


async def _first_answer(bench: Bench, seconds: float = 30) -> None:
    headers, body = bench.request()
    give_up = time.perf_counter() + seconds
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.post(bench.url, headers=headers, data=body) as answer:
                    text = await answer.text()
                    if answer.status != 200 or "Renewal 0" not in text:
                        raise SystemExit(f"the addon answered {answer.status}: {text[:300]}")
                    return
            except aiohttp.ClientConnectionError:
                if time.perf_counter() > give_up:
                    raise SystemExit("the addon did not start within 30 s") from None
                await asyncio.sleep(0.005)


async def _load(bench: Bench, clients: int) -> dict[str, float]:
    headers, body = bench.request()
    took: list[float] = []
    until = time.perf_counter() + SECONDS_A_MEASUREMENT

    async def client(session: aiohttp.ClientSession) -> None:
        while time.perf_counter() < until:
            started = time.perf_counter()
            async with session.post(bench.url, headers=headers, data=body) as answer:
                await answer.read()
                if answer.status != 200:
                    raise SystemExit(f"status {answer.status} under load")
            took.append(time.perf_counter() - started)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        started = time.perf_counter()
        await asyncio.gather(*(client(session) for _ in range(clients)))
        seconds = time.perf_counter() - started
    took.sort()
    return {
        "requests_per_second": round(len(took) / seconds, 1),
        "p50_ms": round(1000 * took[len(took) // 2], 1),
        "p95_ms": round(1000 * took[int(len(took) * 0.95)], 1),
    }


def _memory_mb(process: subprocess.Popen[bytes]) -> float:
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    return round(max(one.memory_info().rss for one in family) / 2**20, 1)


def _start_seconds(folder: Path) -> list[float]:
    took = []
    for _ in range(STARTS):
        bench = Bench(folder, 0)
        with bench.upstream():
            asyncio.run(_upstream_is_up(bench))
            started = time.perf_counter()
            with bench.addon():
                asyncio.run(_first_answer(bench))
                took.append(time.perf_counter() - started)
    return took


async def _upstream_is_up(bench: Bench) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(2000):
            try:
                async with session.get(f"http://127.0.0.1:{bench.upstream_port}/oauth2/v1/certs"):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.005)
    raise SystemExit("the stub upstream did not start")


def _import_seconds(module: str) -> float:
    script = f"import time; started = time.perf_counter(); import {module}; print(time.perf_counter() - started)"
    return float(subprocess.run([sys.executable, "-c", script], cwd=HOUSE, capture_output=True, check=True).stdout)


def _import_ratio() -> dict[str, float]:
    pairs = [(_import_seconds("functions.addon"), _import_seconds("flask")) for _ in range(IMPORTS)]
    ours, flasks = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(our / flask for our, flask in pairs)
    return {"import_ms": round(1000 * ours, 1), "import_flask_ms": round(1000 * flasks, 1), "import_ratio": round(ratio, 2)}


def measure_addon(say: Console) -> dict[str, Any]:
    """Everything, one thing after the other."""
    figures: dict[str, Any] = {"open_message": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for delay, memory in (*((each, "false") for each in DELAYS_MS), (DELAYS_MS[-1], "60")):
            bench = Bench(folder, delay, memory)
            with bench.upstream(), bench.addon() as process:
                asyncio.run(_first_answer(bench))
                for clients in CLIENTS:
                    remembered = ", look-ups remembered" if memory != "false" else ""
                    say.print(
                        f"open message, upstreams of {delay} ms{remembered}, {clients} clients, {SECONDS_A_MEASUREMENT:g} s ..."
                    )
                    measured = asyncio.run(_load(bench, clients))
                    figures["open_message"].append(
                        {"upstream_ms": delay, "remembered": bool(remembered), "clients": clients, **measured}
                    )
                figures[f"memory_mb_after_{delay}_ms{'_remembered' if remembered else ''}"] = _memory_mb(process)
        say.print(f"process start to first answer, {STARTS} times ...")
        starts = _start_seconds(folder)
        figures["start_to_first_answer_seconds"] = {
            "min": round(min(starts), 3),
            "median": round(statistics.median(starts), 3),
            "max": round(max(starts), 3),
        }
    say.print(f"import functions.addon beside import flask, {IMPORTS} pairs ...")
    figures.update(_import_ratio())
    return figures
