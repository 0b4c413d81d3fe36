"""The house's arrows: every import points inwards, as the README draws it, and the sidebar's path stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]

OUTWARD = {"chat_client", "crm_client", "gmail_client", "metadata_store", "token_vault", "task_queue"}
MAY_IMPORT = {
    "mailmagnet": set(),
    "cards": {"mailmagnet"},
    "http_session": {"mailmagnet"},
    **{package: {"mailmagnet", "http_session"} for package in OUTWARD},
    "deployment": {"mailmagnet"},
    "functions": {"mailmagnet", "cards", "http_session", "deployment", *OUTWARD},
    "main": {"functions"},
    "sandbox": set(),
}
EXEMPT = {
    "sandbox/demo/sandbox_process.py": {"crm_client", "functions", "http_session", "mailmagnet"},
    "sandbox/demo/crm_data.py": {"crm_client", "mailmagnet"},
    "sandbox/demo/demo_world.py": {"crm_client", "mailmagnet"},
}
"""The files of the sandbox that import the product. The first puts time, faults and the stand-ins for Google and the CRM vendors inside it.
The second writes what no command line of the embedded CRM takes (leads, notes, other pipelines, shared records), the third tells it to the
stand-ins. They are programs of their own, so that whatever else the sandbox does it does over HTTP and command lines."""


def _imported(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0}
    return {name.split(".")[0] for name in names}


def _files(package: str) -> list[Path]:
    return [HOUSE / "main.py"] if package == "main" else sorted((HOUSE / package).rglob("*.py"))


def _strangers(package: str, file: Path) -> set[str]:
    return (_imported(file) & set(MAY_IMPORT)) - MAY_IMPORT[package] - {package}


def _name(file: Path) -> str:
    return str(file.relative_to(HOUSE))


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_imports_point_inwards(package: str) -> None:
    files = _files(package)
    assert files
    strangers = {_name(file): found for file in files if (found := _strangers(package, file))}
    assert strangers == (EXEMPT if package == "sandbox" else {})


def test_nothing_of_the_sandbox_imports_what_imports_the_product() -> None:
    exempt = {_module(HOUSE / name) for name in EXEMPT}
    others = [file for file in _files("sandbox") if _name(file) not in EXEMPT]
    assert [_name(file) for file in others if _siblings("sandbox", file) & exempt] == []


@pytest.mark.parametrize(("package", "libraries"), [("mailmagnet", {"idna", "publicsuffixlist"}), ("cards", {"babel"})])
def test_core_and_cards_know_no_framework_and_no_vendor(package: str, libraries: set[str]) -> None:
    imported = set().union(*(_imported(file) for file in _files(package)))
    assert imported - sys.stdlib_module_names - set(MAY_IMPORT) == libraries


def test_cards_are_pure() -> None:
    outside = {"asyncio", "io", "logging", "os", "pathlib", "random", "secrets", "socket", "subprocess", "sys", "time"}
    for file in _files("cards"):
        assert _imported(file) & outside == set(), file.name
        calls = [node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
        called = {call.attr for call in calls if isinstance(call, ast.Attribute)} | {
            call.id for call in calls if isinstance(call, ast.Name)
        }
        assert called & {"now", "today", "utcnow", "open", "getenv", "print"} == set(), file.name


def test_an_arrow_that_runs_back_up_is_seen(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import os\nfrom functions.settings import Settings\n")
    assert _strangers("mailmagnet", wrong) == {"functions"}


def _without_leaves(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is left of a graph when all that leads nowhere is taken away: its circles, and what leads to them."""
    arrows = dict(arrows)
    while leaves := [name for name, targets in arrows.items() if not targets & set(arrows)]:
        for name in leaves:
            del arrows[name]
    return arrows


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_no_circles_inside_a_package(package: str) -> None:
    assert _without_leaves({_module(file): _siblings(package, file) for file in _files(package)}) == {}


def test_the_sandboxs_rooms_are_no_circle() -> None:
    rooms: dict[str, set[str]] = {}
    for file in _files("sandbox"):
        rooms.setdefault(_room(_module(file)), set()).update(_room(target) for target in _siblings("sandbox", file))
    assert set(rooms) == {"", "google", "crms", "cards", "desk", "demo"}
    assert _without_leaves({room: targets - {room} for room, targets in rooms.items()}) == {}


def _room(module: str) -> str:
    name = module.split(".")[1]
    return name if (HOUSE / "sandbox" / name).is_dir() else ""


def _module(file: Path) -> str:
    return ".".join(file.relative_to(HOUSE).with_suffix("").parts)


def _siblings(package: str, file: Path) -> set[str]:
    """The modules of its own package that a file imports, whole or a name out of them."""
    tree = ast.parse(file.read_text())
    whole = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    named = {name for node in froms for name in (node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names))}
    return {name for name in whole | named if name.startswith(f"{package}.")} - {_module(file)}


def test_every_file_says_what_belongs_in_it() -> None:
    silent = [
        str(file.relative_to(HOUSE))
        for package in MAY_IMPORT
        for file in _files(package)
        if file.name != "__manifest__.py"  # Odoo's: one expression
        and not ast.get_docstring(ast.parse(file.read_text()))
    ]
    assert silent == []


def test_the_sidebar_starts_without_grpc_and_discovery_and_any_crms_client() -> None:
    script = (
        "import sys, functions.addon;"
        "print([name for name in sys.modules if name.split('.')[0] in ('grpc', 'googleapiclient', 'httplib2', 'sqlalchemy')"
        " or name.startswith('crm_client.') and name.endswith('.client')])"
    )
    loaded = subprocess.run([sys.executable, "-c", script], cwd=HOUSE, capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("module", "command", "words"),
    [
        ("functions.command_line", "mailmagnet", ["crm", "export", "deals"]),
        ("crm_client.embedded.command_line", "crm", ["export", "deals"]),
    ],
)
def test_looking_after_the_crm_loads_no_framework(module: str, command: str, words: list[str]) -> None:
    """The dials run four such commands at once."""
    script = (
        f"import sys, contextlib, click, {module} as line\n"
        "with contextlib.suppress(click.ClickException):\n"
        f"    line.{command}({words}, standalone_mode=False)\n"
        "heavy = ('aiohttp', 'cryptography', 'googleapiclient', 'grpc', 'pydantic', 'requests', 'rich', 'starlette')\n"
        "assert 'crm_client.embedded.tables' in sys.modules\n"
        "print([name for name in sys.modules if name.split('.')[0] in heavy])\n"
    )
    environment = {"MAILMAGNET_CRM_DATABASE": "/nowhere/crm.sqlite"}
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=HOUSE, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert loaded.stdout.strip() == "[]"
