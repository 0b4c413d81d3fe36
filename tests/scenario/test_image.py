"""What runs in the cloud: the uploaded files alone, with the locked packages alone, started as the buildpack would start them."""

import asyncio
import re
import shutil
import socket
import sysconfig
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import distribution
from pathlib import Path

import aiohttp
import psutil
import pytest
from packaging.requirements import Requirement

from deployment.deployment_file import read_deployment
from deployment.services import ADDON, SECRETS, environment
from deployment.source import uploaded
from tests.unit.test_deployment import filled

HOUSE = Path(__file__).parents[2]


def locked() -> dict[str, str]:
    """The packages that pip would install here, by name, with their versions; each by its hash."""
    text = re.sub(r"^ *#.*\n", "", (HOUSE / "requirements.lock").read_text("utf-8"), flags=re.MULTILINE)
    versions = {}
    for line in text.replace("\\\n", " ").splitlines():
        pinned, *hashes = line.split(" --hash=")
        assert hashes, pinned
        requirement = Requirement(pinned)
        if not requirement.marker or requirement.marker.evaluate():
            versions[requirement.name] = str(requirement.specifier).removeprefix("==")
    return versions


class Image:
    """A folder with what is uploaded in it, and a Python that has the locked packages and no other."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "workspace"
        for file in uploaded(HOUSE):
            copy = self.workspace / file.relative_to(HOUSE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
        place = folder / "place"
        venv.create(place, symlinks=True)
        self.bin = place / "bin"
        self._bring(Path(sysconfig.get_path("purelib", vars={"base": str(place)})))
        script = self.bin / "functions-framework"
        script.write_text(f"#!{self.bin / 'python'}\nfrom functions_framework._cli import _cli\n_cli()\n")
        script.chmod(0o755)

    def _bring(self, packages: Path) -> None:
        """Links to the locked packages, as `make` has installed them here from the same versions."""
        for name, version in locked().items():
            found = distribution(name)
            assert found.version == version, f"{name}: run make, so that what is locked is what is installed"
            for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
                if not (packages / top).exists():
                    (packages / top).symlink_to(Path(str(found.locate_file(top))))

    @property
    def command(self) -> str:
        """What the buildpack starts: the Procfile's process `web` (https://cloud.google.com/docs/buildpacks/build-run-application)."""
        (found,) = re.findall(r"^web: (.+)$", (self.workspace / "Procfile").read_text("utf-8"), re.MULTILINE)
        return str(found)

    @asynccontextmanager
    async def running(self, settings: dict[str, str]) -> AsyncIterator[str]:
        """Its address, once it listens on the port that Cloud Run names."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        given = {"PATH": f"{self.bin}:/usr/bin:/bin", "PORT": str(port), "PYTHONUNBUFFERED": "TRUE", **settings}
        process = await asyncio.create_subprocess_exec(
            *("/bin/bash", "-c", self.command),
            cwd=self.workspace,
            env=given,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            await _listening(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            if process.returncode is None:
                for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
                    one.terminate()
            await process.communicate()


async def _listening(process: asyncio.subprocess.Process, port: int) -> None:
    for _ in range(600):
        if process.returncode is not None:
            said, _ = await process.communicate()
            raise AssertionError(said.decode())
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        await writer.wait_closed()
        return
    raise AssertionError("it did not listen within 30 s")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(tmp_path_factory.mktemp("image"))


def settings() -> dict[str, str]:
    derived = {name: filled(value) for name, value in environment(read_deployment(HOUSE / "deployment.yaml"), ADDON).items()}
    framework = {name: value for name, value in derived.items() if name.startswith("FUNCTION_")}
    return {**derived, **framework, **{setting: f"{setting} {'x' * 32}" for setting in SECRETS}}


async def test_it_starts_with_the_derived_environment_and_answers(image: Image) -> None:
    async with (
        image.running(settings()) as address,
        aiohttp.ClientSession() as session,
        session.post(f"{address}/message", json={}) as answer,
    ):
        assert answer.status == 401, "who proves nothing is refused: by us, not by the framework"


async def test_a_setting_that_is_missing_stops_the_start_by_name(image: Image) -> None:
    less = {name: value for name, value in settings().items() if name != "MAILMAGNET_LINK_KEY"}
    with pytest.raises(AssertionError, match="MAILMAGNET_LINK_KEY: is not set"):
        async with image.running(less):
            pass


def test_nothing_leads_to_the_source_or_to_a_test_tool(image: Image) -> None:
    names = {path.name for path in image.workspace.iterdir()}
    assert not names & {"tests", "sandbox", "docs", "pyproject.toml", "deployment.yaml", ".venv"}
    assert "pytest" not in locked() and "playwright" not in locked()
