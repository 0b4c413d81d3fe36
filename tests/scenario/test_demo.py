"""`make demo` as a person uses it: it says its address, asks before it deletes, and stops with all it started, however it is stopped."""

import asyncio
import io
import os
import pty
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import psutil
import pytest

from sandbox.demo import __main__ as command
from sandbox.demo.folder_use import LOCK
from sandbox.demo.processes import Demo, NotADemo, PortTaken, SetUp, running_demo

MBOX = "".join(
    f"From grace@hopper.example Mon Nov 23 09:00:0{number} 2026\nFrom: Grace Hopper <grace@hopper.example>\nTo: ada@corp.example\n"
    f"Subject: Letter {number}\nMessage-ID: <{number}@hopper.example>\nDate: Mon, 23 Nov 2026 09:00:0{number} +0000\n\nHello.\n\n"
    for number in range(3)
)


ROOT = Path(__file__).parent.parent.parent
SECONDS = 120


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


async def start(*words: str) -> asyncio.subprocess.Process:
    """As make starts it."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox.demo",
        *words,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", "MAKELEVEL": "1"},
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


class Terminal:
    """`make demo` in a terminal of its own, opened for it or for a shell."""

    def __init__(self, *words: str, shell: bool = False) -> None:
        self._master, slave = pty.openpty()
        self.said = ""
        command = ["sh", "-c", '"$@"; exit $?', "sh", *make_demo(*words)] if shell else make_demo(*words)
        in_it = [sys.executable, "-c", "import os, sys; os.login_tty(0); os.execvp(sys.argv[1], sys.argv[1:])"]
        self.opened_for = subprocess.Popen([*in_it, *command], stdin=slave, cwd=ROOT, env={**os.environ, "COLUMNS": "200"})
        os.close(slave)

    @property
    def make(self) -> psutil.Process:
        first = psutil.Process(self.opened_for.pid)
        return first if first.name() == "make" else first.children()[0]

    async def until(self, words: str) -> str:
        """All that was said, once these words were."""
        async with asyncio.timeout(SECONDS):
            while words not in self.said and await self.read():
                pass
        assert words in self.said, self.said
        return self.said

    async def read(self) -> bool:
        """More of what is said; False once the terminal's other side is closed."""
        try:
            some = await asyncio.to_thread(os.read, self._master, 4096)
        except OSError:
            return False
        self.said += some.decode(errors="replace")
        return bool(some)

    def type(self, words: str) -> None:
        os.write(self._master, words.encode())

    def close(self) -> None:
        """As somebody who closes the window."""
        os.close(self._master)

    async def end(self) -> int:
        """The status with which what it was opened for ended."""
        async with asyncio.timeout(SECONDS):
            while self.opened_for.poll() is None:  # noqa: ASYNC110  it has no event
                await asyncio.sleep(0.05)
        return self.opened_for.returncode


def make_demo(*words: str) -> list[str]:
    """The command `make demo`, with this Python in place of the one that it would install."""
    here = Path(sys.executable).parent
    return ["make", "--no-print-directory", "--old-file", ".venv/installed", f"BIN={here}", "demo", *words]


def started_by(process_id: int) -> list[psutil.Process]:
    return psutil.Process(process_id).children(recursive=True)


def still_there(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


async def eventually(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not is_so():  # noqa: ASYNC110  it has no event
            await asyncio.sleep(0.05)


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
            assert {"vault.key", "mailmagnet.log", "crm.sqlite", "store.sqlite"} <= {file.name for file in files}
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


# A folder with a demo in it


async def made(*words: str) -> tuple[int, str]:
    """Status and words of a `make demo` without a terminal that ends by itself."""
    process = await asyncio.create_subprocess_exec(
        *make_demo(*words), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def contents(folder: Path) -> set[tuple[str, int, int]]:
    """What would change if anything were written or deleted."""
    found = {file: file.stat() for file in folder.rglob("*") if file.is_file() and file.name != LOCK}
    return {(str(file), status.st_size, status.st_mtime_ns) for file, status in found.items()}


async def settled(folder: Path) -> set[tuple[str, int, int]]:
    """What a demo that has just begun has written, once it writes nothing more by itself."""
    before: set[tuple[str, int, int]] = set()
    while (now := contents(folder)) != before:
        before = now
        await asyncio.sleep(3)
    return now


async def stopped(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGINT)
    await said_until(process, "Stopped")
    assert await process.wait() == 0


async def test_a_folder_with_a_demo_is_opened_as_it_was_and_never_emptied_unasked(tmp_path: Path) -> None:
    mine, other, folder = few(tmp_path), tmp_path / "other.mbox", tmp_path / "demo"
    other.write_text(MBOX.replace("hopper", "lovelace"))
    process = await start("--mbox", str(mine), "--folder", str(folder))
    said = await said_until(process, "in a browser")
    (advised,) = [line.partition("anew:  ")[2] for line in said.splitlines() if line.startswith("No contacts")]
    assert advised == f"make demo MBOX={mine} FOLDER={folder} SETUP=already CONTACTS=50 FRESH=1"
    address = next(word for word in said.split() if word.startswith("http://"))
    _, recipe = await made("--dry-run", *shlex.split(advised)[2:])
    assert all(option in recipe for option in (f'--mbox "{mine}"', '--contacts "50"', f'--folder "{folder}"', "--fresh"))

    before = await settled(folder)
    for words in ([], [f"MBOX={other}"], ["FRESH=1"]):
        status, said = await made(f"FOLDER={folder}", *words)
        assert (status, "Error 3" in said) == (2, True), said
        assert f"A demo runs on {folder} already: open {address}" in said
        assert "Traceback" not in said
    assert contents(folder) == before
    assert (await labels_of(address))["All Mail"] == 3
    await stopped(process)

    before = contents(folder)
    for words, holds in ([], "made-up mail"), ([f"MBOX={other}"], other.name):
        status, said = await made(f"FOLDER={folder}", *words)
        assert (status, "Error 4" in said) == (2, True), said
        assert f"{folder} holds a demo on the mail in {mine}, already set up. Nothing was deleted." in said
        assert shlex.join(["make", "demo", *words, f"FOLDER={folder}", "FRESH=1"]) in said, holds
    terminal = Terminal(f"FOLDER={folder}", f"MBOX={other}")
    said = await terminal.until("[y/N]")
    assert f"Delete that, with all that was done in it, and begin anew on the mail in {other}?" in said
    terminal.type("n\n")
    await terminal.until("Nothing was deleted")
    assert await terminal.end() == 2
    assert contents(folder) == before

    mine.write_text(MBOX + MBOX.partition("\n\n")[0].replace("Letter 0", "Letter 3") + "\n\nHello.\n\n")
    process = await start("--mbox", str(mine), "--folder", str(folder), "--contacts", "0")
    said = await said_until(process, "in a browser")
    assert "1 new, 3 were here already" in said
    assert (await labels_of(next(word for word in said.split() if word.startswith("http://"))))["All Mail"] == 4
    await stopped(process)

    terminal = Terminal(f"FOLDER={folder}", f"MBOX={other}", "CONTACTS=0", "SETUP=already")
    await terminal.until("[y/N]")
    terminal.type("y\n")
    said = await terminal.until("in a browser")
    assert "3 mails arrived" in said
    await ended(terminal)


async def test_who_sets_it_up_is_asked_at_the_terminal_and_kept(tmp_path: Path) -> None:
    mine, folder = few(tmp_path), tmp_path / "demo"
    words = (f"FOLDER={folder}", f"MBOX={mine}", "CONTACTS=0")
    terminal = Terminal(*words)
    await terminal.until("[already]")
    assert "set it up yourself, as a new user does?" in terminal.said
    terminal.type("yourself\n")
    said = await terminal.until("to begin anew")
    assert "Your CRM's user: ada@corp.example  password: " in said
    assert (folder / "crm.password").read_text() in said
    [entrance] = re.findall(r"http://\S+\?key=[\w-]+", said)
    labels = await labels_of(entrance)
    assert labels["All Mail"] == 3
    assert "Customer" not in labels
    assert not (folder / "vault").exists(), "nobody has signed in, and no mailbox is connected"
    await ended(terminal)

    status, said = await made(*words, "SETUP=already")
    assert status == 2
    assert f"{folder} holds a demo on the mail in {mine}, to set up yourself. Nothing was deleted." in said
    terminal = Terminal(*words)
    assert "Your CRM's user" in await terminal.until("to begin anew")
    assert "[already]" not in terminal.said
    await ended(terminal)


async def ended(terminal: Terminal) -> None:
    stop_make(terminal)
    while await terminal.read():
        pass
    await terminal.end()


def test_without_a_terminal_all_is_set_up_and_the_other_way_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.delenv("MAKELEVEL", raising=False)
    wanted = command.Wanted(None, (), None, None, tmp_path / "demo", fresh=False)
    assert command._with_setup(wanted).setup is SetUp.ALREADY
    assert "--setup yourself --fresh" in capsys.readouterr().out


async def test_what_was_never_ready_is_begun_anew_without_a_question(tmp_path: Path) -> None:
    told: list[str] = []

    def stop_at_the_start(words: str) -> None:
        told.append(words)
        if "side start" in words:
            raise InterruptedError

    for filled_with in ("one", "two"):
        with pytest.raises(InterruptedError):
            async with running_demo(
                tmp_path / "demo", lambda demo: asyncio.sleep(0), filled_with=filled_with, tell=stop_at_the_start
            ):
                pass
        if filled_with == "one":
            (tmp_path / "demo" / "half").write_text("made by the first")
    assert f"What {tmp_path / 'demo'} holds was not finished: it is deleted and made anew ..." in told
    assert not (tmp_path / "demo" / "half").exists()


# Stopped, in any way and at any time, it leaves nothing running.


def few(tmp_path: Path) -> Path:
    """Three mails of one sender."""
    file = tmp_path / "few.mbox"
    file.write_text(MBOX)
    return file


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Enough mail for an import to last."""
    file = tmp_path / "many.mbox"
    file.write_text("".join(MBOX.replace("hopper.example", f"hopper{number}.example") for number in range(4_000)))
    return file


def stop_make(terminal: Terminal) -> None:
    terminal.make.terminate()


def stop_all(terminal: Terminal) -> None:
    """As a service manager does: to make and to all that it has started, twice."""
    for _ in range(2):
        os.killpg(terminal.opened_for.pid, signal.SIGTERM)


def press_ctrl_c_twice(terminal: Terminal) -> None:
    terminal.type("\x03")
    terminal.type("\x03")


MOMENTS = {
    "while its functions start": "and pages start ...",
    "while mail arrives": "many.mbox arrives",
    "while it asks": "Make contacts",
    "while it runs": "in a browser",
}


def close_window_of_shell(terminal: Terminal) -> None:
    terminal.close()


@pytest.mark.parametrize(
    ("moment", "stop"),
    [
        ("while its functions start", stop_make),
        ("while mail arrives", close_window_of_shell),
        ("while it asks", press_ctrl_c_twice),
        ("while it asks", Terminal.close),
        ("while it runs", stop_all),
        ("while it runs", Terminal.close),
    ],
)
async def test_no_process_is_left(tmp_path: Path, many: Path, moment: str, stop: Callable[[Terminal], None]) -> None:
    mails = {"while mail arrives": many, "while it asks": few(tmp_path)}
    words = [f"FOLDER={tmp_path / 'demo'}", "SETUP=already", *(f"MBOX={file}" for name, file in mails.items() if name == moment)]
    terminal = Terminal(*words, shell=stop is close_window_of_shell)
    await terminal.until(MOMENTS[moment])
    if moment == "while its functions start":
        await eventually(lambda: any("serve" in each.cmdline() for each in started_by(terminal.make.pid)))
    before = started_by(terminal.make.pid)
    assert len(before) >= 2
    stop(terminal)
    while stop not in (Terminal.close, close_window_of_shell) and await terminal.read():
        pass
    await terminal.end()
    await eventually(lambda: not still_there(before))
    assert "Traceback" not in terminal.said


async def test_a_demo_whose_terminal_was_closed_is_not_started_again_at_another_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started_at = []

    @asynccontextmanager
    async def running(folder: Path, fill: object, port: int, **_: object) -> AsyncIterator[SimpleNamespace]:
        started_at.append(port)
        yield SimpleNamespace(entrance="http://127.0.0.1/", folder=folder, set_up=SetUp.ALREADY, crm=None)

    async def ended(*works: Coroutine[Any, Any, None]) -> None:
        for work in works:
            work.close()

    monkeypatch.setattr(command, "running_demo", running)
    monkeypatch.setattr(command, "_until_first_ends", ended)
    monkeypatch.setattr(command, "_stop_at_a_signal", lambda main: None)
    await command._run(command.Wanted(None, (), None, None, tmp_path, fresh=False))
    assert started_at == [command.USUAL_PORT]


async def test_a_terminal_that_was_closed_before_it_is_watched_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    forgotten = []
    monkeypatch.setattr(command, "_forget_terminal", lambda: forgotten.append(True))
    with os.fdopen(slave) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        at_terminal = terminal.isatty()
        os.close(master)
        assert (at_terminal, terminal.isatty()) == (True, False)
        async with asyncio.timeout(SECONDS):
            await command._terminal_closed(at_terminal)
    assert forgotten == [True]


def test_what_to_type_next_is_said_in_the_way_that_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = command.Wanted(Path("my mail.mbox"), ("a@b.example", "c@d.example"), None, None, Path("mine"), fresh=False)
    monkeypatch.setenv("MAKELEVEL", "1")
    assert wanted.typed(contacts="50", fresh="1") == (
        "make demo 'MBOX=my mail.mbox' 'ME=a@b.example c@d.example' FOLDER=mine CONTACTS=50 FRESH=1"
    )
    monkeypatch.delenv("MAKELEVEL")
    assert wanted.typed(contacts="50", fresh="1") == (
        "python -m sandbox demo --mbox 'my mail.mbox' --me a@b.example --me c@d.example --folder mine --contacts 50 --fresh"
    )
    assert wanted.typed(folder="path").endswith("--me c@d.example --folder path")
