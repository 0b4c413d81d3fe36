"""`python -m sandbox.demo` as a person uses it: it says its address, stops at Ctrl-C with all it started, and says what is wrong."""

import asyncio
import os
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from sandbox.demo.processes import Demo, NotADemo, PortTaken, running_demo

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


async def labels_of(entrance: str) -> dict[str, int]:
    """What a browser is shown that goes in by the printed address."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(entrance) as page:
            assert page.status == 200
        async with session.get(page.url.with_path("/desk/ada@corp.example/labels")) as response:
            return {label["name"]: label["threads"] for label in await response.json()}


async def test_own_mail_contacts_and_an_end_that_leaves_nothing_behind(tmp_path: Path) -> None:
    mbox = tmp_path / "mine.mbox"
    mbox.write_text(MBOX)
    process = await start("--mbox", str(mbox), "--contacts", "1", "--folder", str(tmp_path / "demo"))
    try:
        said = await said_until(process, "in a browser")
        assert "3 mails arrived" in said
        assert "1 sender becomes a contact" in said
        entrance = next(word for word in said.split() if "?key=" in word)
        labels = await labels_of(entrance)
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


def rights(file: Path) -> str:
    return stat.filemode(file.stat().st_mode)


async def test_no_other_user_of_the_machine_gets_into_what_a_demo_keeps(tmp_path: Path) -> None:
    """Also where the folder was open to all, and everybody could read what an earlier version left in it."""
    folder = tmp_path / "demo"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    umask = os.umask(0o022)
    try:

        async def fill(demo: Demo) -> None:
            demo.world.mailbox(demo.user.address).arrive(b"Subject: Secret\r\n\r\n")
            for process in psutil.Process().children(recursive=True):
                status = await asyncio.to_thread(Path(f"/proc/{process.pid}/status").read_text)
                assert "Umask:\t0077" in status, process.name()

        async with running_demo(folder, fill) as demo:
            assert rights(folder) == "drwx------"
            files = [file for file in folder.rglob("*") if file.is_file()]
            assert {"vault.key", "addon.log", "crm.sqlite", "store.sqlite"} <= {file.name for file in files}
            assert {rights(file) for file in files} == {"-rw-------"}
            assert {rights(inner) for inner in folder.rglob("*") if inner.is_dir()} <= {"drwx------"}
            assert demo.key.cookies
        folder.chmod(0o777)
        async with running_demo(folder, fill):
            assert rights(folder) == "drwx------"
        assert os.umask(0o022) == 0o022, "what else this process writes is as before"
    finally:
        os.umask(umask)


async def test_a_folder_that_cannot_be_closed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that knows no rights."""
    said: list[str] = []
    monkeypatch.setattr(Path, "chmod", lambda self, mode: None)
    folder = tmp_path / "demo"
    os.mkdir(folder)  # noqa: PTH102  its rights are set without chmod
    os.chmod(folder, 0o755)  # noqa: PTH101
    with pytest.raises(RuntimeError, match="far enough"):
        async with running_demo(folder, _stops, tell=said.append):
            pass
    assert any("Other users of this machine can read the mail" in words for words in said)


async def _stops(_: Demo) -> None:
    raise RuntimeError("far enough")
