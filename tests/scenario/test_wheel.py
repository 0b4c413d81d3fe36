"""The package as others have it: its wheel, built and installed in an empty place with what its extra `sandbox` names, runs the demo."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import Distribution, distribution
from pathlib import Path

import aiohttp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HOUSE = Path(__file__).parents[2]
NOT_BUILT = ("__pycache__", "node_modules", "*.egg-info", "build", ".*")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
ADA = "ada@corp.example"


def _run(*command: str | Path, cwd: Path) -> str:
    """What it printed. The folder where it runs and the environment lead to no source."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _needed(requirement: Requirement, extra: str, known: set[str]) -> Iterator[Distribution]:
    """The distributions that a requirement brings, of those that are installed here."""
    name = canonicalize_name(requirement.name)
    if (requirement.marker and not requirement.marker.evaluate({"extra": extra})) or name in known:
        return
    known.add(name)
    found = distribution(name)
    yield found
    for further in found.requires or ():
        for own_extra in {"", *requirement.extras}:
            yield from _needed(Requirement(further), own_extra, known)


class Installed:
    """An empty place with the wheel and its needs in it, and a folder to work in."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.work.mkdir()
        self.wheel = self._built(folder)
        place = folder / "place"
        venv.create(place, symlinks=True)
        self.python = place / "bin" / "python"
        self.packages = Path(sysconfig.get_path("purelib", vars={"base": str(place)}))
        _run(*PIP, "--python", self.python, "install", "--no-deps", "--no-index", self.wheel, cwd=self.work)
        (own,) = Distribution.discover(name="mailmagnet", path=[str(self.packages)])
        self._bring(own)

    def _built(self, folder: Path) -> Path:
        source = folder / "source"
        shutil.copytree(HOUSE, source, symlinks=True, ignore=shutil.ignore_patterns(*NOT_BUILT))
        _run(*PIP, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder, source, cwd=self.work)
        (wheel,) = folder.glob("*.whl")
        return wheel

    def _bring(self, own: Distribution) -> None:
        """Links to what is installed here, of what the package and its extra need."""
        known = {"mailmagnet"}
        for requirement in own.requires or ():
            for found in _needed(Requirement(requirement), "sandbox", known):
                tops = {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}
                for top in tops:
                    link = self.packages / top
                    if not link.exists():
                        link.symlink_to(Path(str(found.locate_file(top))))

    def run(self, *words: str) -> str:
        """What this place's Python printed."""
        return _run(self.python, *words, cwd=self.work)

    @asynccontextmanager
    async def demo(self) -> AsyncIterator[str]:
        """A running demo's address, with its key."""
        process = await asyncio.create_subprocess_exec(
            *(str(self.python), "-m", "sandbox", "demo", "--folder", str(self.work / "demo")),
            cwd=self.work,
            env={"PATH": "/usr/bin:/bin", "COLUMNS": "200"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout
        said = ""
        try:
            async for line in process.stdout:
                said += line.decode()
                if address := re.search(r"Open (http\S+) in a browser", said):
                    yield address[1]
                    break
            else:
                raise AssertionError(said)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.communicate()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("wheel"))


def test_there_is_the_whole_package_and_neither_its_source_nor_a_test_tool(installed: Installed) -> None:
    script = "import importlib.util, sys; print(*[importlib.util.find_spec(name).origin for name in sys.argv[1:]], sep='\\n')"
    places = installed.run("-c", script, "main", "functions", "cards", "sandbox.demo.sandbox_process").splitlines()
    assert [Path(place).is_relative_to(installed.packages) for place in places] == [True] * 4
    script = "import importlib.util, sys; print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])"
    assert installed.run("-c", script, "tests", "pytest", "playwright", "hypothesis", "psutil").strip() == "[]"


def test_the_command_line_is_there(installed: Installed) -> None:
    assert "disconnect" in _run(installed.python.with_name("mailmagnet"), "--help", cwd=installed.work)


def test_what_is_deployed_is_planned_there_from_the_source_and_without_it_the_reason_is_told(installed: Installed) -> None:
    command = installed.python.with_name("mailmagnet")
    planned = _run(command, "deploy", "--dry-run", "--file", HOUSE / "deployment.yaml", cwd=installed.work)
    assert "Metric mailmagnet_panels" in planned and "Dashboard MailMagnet" in planned
    shutil.copy(HOUSE / "deployment.yaml", installed.work)
    for name in ("deploy", "destroy", "doctor"):
        done = subprocess.run([command, name], cwd=installed.work, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1
        assert "Run this in MailMagnet's folder" in done.stderr and "Traceback" not in done.stderr


def test_a_card_is_checked_there(installed: Installed) -> None:
    (installed.work / "card.json").write_text('{"sections": [{"widgets": [{"textParagraph": {"text": "Hello"}}]}]}')
    assert "Google would take this" in installed.run("-m", "sandbox", "card", "--check", "card.json")


async def test_the_demo_runs_from_there_and_shows_a_card(installed: Installed) -> None:
    async with installed.demo() as entrance, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(entrance) as answer:
            page, address = await answer.text(), answer.url.origin()
        files = re.findall(r'(?:src|href)="(/[a-z_/]+\.(?:js|css|svg))"', page)
        assert len(files) > 3
        for path in [*files, "/gallery", "/panel/widgets.js"]:
            async with session.get(address.with_path(path)) as answer:
                assert answer.status == 200, path
        wanted = {"label": "INBOX", "q": "from:henrietta.lovell@analytical-works.example", "page": "", "most": "50"}
        async with session.get(address.with_path(f"/desk/{ADA}/threads"), params=wanted) as answer:
            thread = (await answer.json())["threads"][0]
        async with session.get(address.with_path(f"/desk/{ADA}/threads/{thread['id']}")) as answer:
            mail = (await answer.json())["messages"][0]
        question = {"trigger": "message", "mail": mail["id"]}
        async with session.post(address.with_path(f"/desk/{ADA}/panel"), json=question) as answer:
            shown = await answer.json()
        assert shown["status"] == 200
        header = shown["answer"]["action"]["navigations"][0]["pushCard"]["header"]
        assert (header["title"], header["subtitle"]) == ("Henrietta Lovell", "Analytical Works Ltd")
        async with session.get(address.with_path("/crm/contacts/demo-contact-001")) as answer:
            assert "Henrietta Lovell" in await answer.text()
