"""What tests of every kind share: the real Firestore emulator, the option to keep pictures, and what is told at the end."""

import pytest

pytest.register_assert_rewrite(
    *(f"tests.contract.{name}" for name in ("crm_contract", "crm_installed", "crm_over_http", "crm_questions"))
)

from tests.contract.firestore_emulator import firestore_emulator  # noqa: E402
from tests.told_at_the_end import ToldAtTheEnd  # noqa: E402

__all__ = ["firestore_emulator"]

# Before a folder's own conftest.py imports it.
pytest.register_assert_rewrite("tests.contract.crm_contract")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="write the README's pictures to docs/pictures")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(ToldAtTheEnd())
