"""The desk's page: its modules form no circle, and each is type-checked."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "sandbox" / "desk" / "page"
MODULES = sorted(PAGE.rglob("*.js"))


def imports_of(module: Path) -> set[Path]:
    found = re.findall(r'^(?:import|export) .*?from "(\.[^"]+)";$', module.read_text(), re.MULTILINE | re.DOTALL)
    return {(module.parent / name).resolve() for name in found}


def test_every_module_is_type_checked() -> None:
    assert len(MODULES) > 30
    assert [module.name for module in MODULES if not module.read_text().startswith("// @ts-check\n/**")] == []


def test_the_modules_form_no_circle() -> None:
    arrows = {module.resolve(): imports_of(module) for module in MODULES}
    assert all(imported in arrows for imports in arrows.values() for imported in imports)
    assert sum(map(len, arrows.values())) > 100
    while ends := [module for module, imports in arrows.items() if not imports]:
        arrows = {module: imports - set(ends) for module, imports in arrows.items() if module not in ends}
    assert {module.name: sorted(imported.name for imported in imports) for module, imports in arrows.items()} == {}
