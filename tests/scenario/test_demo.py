"""`python -m sandbox.demo` as a person uses it: it says its address, stops at Ctrl-C with all it started, and says what is wrong."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from sandbox.demo.processes import NotADemo, PortTaken, running_demo

MBOX = "".join(
    f"From grace@hopper.example Mon Nov 23 09:00:0{number} 2026\nFrom: Grace Hopper <grace@hopper.example>\nTo: ada@corp.example\n"
    f"Subject: Letter {number}\nMessage-ID: <{number}@hopper.example>\nDate: Mon, 23 Nov 2026 09:00:0{number} +0000\n\nHello.\n\n"
    for number in range(3)
)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


async def start(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox.demo",
        *words,
        cwd=Path(__file__).parent.parent.parent,
        env={**os.environ, "COLUMNS": "200"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def said_until(process: asyncio.subprocess.Process, words: str) -> str:
    """All that was printed until a line has these words, or to the end."""
    assert process.stdout
    said = ""
    async for line in process.stdout:
        said += line.decode()
        if words in line.decode():
            break
    return said


async def labels_of(address: str) -> dict[str, int]:
    async with aiohttp.ClientSession() as session, session.get(f"{address}/desk/ada@corp.example/labels") as response:
        return {label["name"]: label["threads"] for label in await response.json()}


async def test_own_mail_contacts_and_an_end_that_leaves_nothing_behind(tmp_path: Path) -> None:
    mbox = tmp_path / "mine.mbox"
    mbox.write_text(MBOX)
    process = await start("--mbox", str(mbox), "--contacts", "1", "--folder", str(tmp_path / "demo"))
    try:
        said = await said_until(process, "in a browser")
        assert "3 mails arrived" in said
        assert "1 sender becomes a contact" in said
        address = next(word for word in said.split() if word.startswith("http://") and word == word.rstrip("."))
        labels = await labels_of(address)
        assert labels["All Mail"] == 3
        assert {"Deals Closing This Month (CTM)", "Open Deals", "Customer"} <= set(labels)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 3
    finally:
        process.send_signal(signal.SIGINT)
    assert "Stopped" in await said_until(process, "Stopped")
    assert await process.wait() == 0
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


async def test_a_taken_port_that_was_asked_for_is_told_plainly(tmp_path: Path, taken_port: int) -> None:
    process = await start("--port", str(taken_port), "--folder", str(tmp_path / "demo"))
    said = await said_until(process, "never said")
    assert await process.wait() == 1
    assert f"Port {taken_port} is taken by another program." in said
    assert "Traceback" not in said
    assert not (tmp_path / "demo").exists()


async def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(NotADemo):
        async with running_demo(tmp_path, lambda demo: asyncio.sleep(0)):
            pass
    assert [file.name for file in tmp_path.iterdir()] == ["letters.txt"]


async def test_a_taken_port_raises_before_anything_is_made(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(PortTaken):
        async with running_demo(tmp_path / "demo", lambda demo: asyncio.sleep(0), taken_port):
            pass
    assert not (tmp_path / "demo").exists()
