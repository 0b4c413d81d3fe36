"""The sidebar's first answer loads neither gRPC nor a discovery document."""

import asyncio
import json
import os
import sys

import aiohttp
import pytest

from tests.scenario.addon_process import HOUSE, SANDBOX_PROCESS, Sidebar, settings_of
from tests.scenario.desk import Desk

URL = "http://127.0.0.1:1"
HEAVY = ("grpc", "googleapiclient", "google.cloud.firestore", "google.api_core", "httplib2", "flask.testing")


ON_FIRESTORE = str(HOUSE / "tests" / "scenario" / "on_firestore.py")


@pytest.mark.parametrize(
    ("path", "source", "words"),
    [
        ("/message", SANDBOX_PROCESS, "stranger@b.example"),
        ("/message", ON_FIRESTORE, "stranger@b.example"),
        ("/home", SANDBOX_PROCESS, "Search"),
        ("/contact", ON_FIRESTORE, "Grace Hopper"),
        ("/search", ON_FIRESTORE, "Grace Hopper"),
    ],
)
async def test_the_first_answer_loads_nothing_heavy(desk: Desk, path: str, source: str, words: str) -> None:
    mail = desk.arrive("Stranger <stranger@b.example>")
    contact = await desk.contact("grace@a.example")
    async with aiohttp.ClientSession() as session:
        process = await asyncio.create_subprocess_exec("true")
        event = await Sidebar(desk, URL, session, process).event(path, mail, "hopper", id=contact)
        await process.wait()
    headers = {"Authorization": f"Bearer {desk.world.google.system_token(URL + path)}"}
    request = {"source": source, "path": path, "headers": headers, "body": json.dumps(event)}
    cold = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.scenario.first_answer"),
        cwd=HOUSE,
        env={**os.environ, **settings_of(desk, URL)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(cold.communicate(json.dumps(request).encode()), 60)
    answer, _ = json.JSONDecoder().raw_decode(told.decode())
    assert answer["status"] == 200
    assert words in answer["text"]
    loaded = [module for module in answer["modules"] if module.startswith(HEAVY)]
    assert loaded == []
