"""What tests of every kind share: the real Firestore emulator, the option to keep pictures, and what is told at the end."""

import pytest

from tests.contract.firestore_emulator import firestore_emulator
from tests.told_at_the_end import ToldAtTheEnd

__all__ = ["firestore_emulator"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="write the README's pictures to docs/pictures")


def pytest_configure(config: pytest.Config) -> None:
    pytest.register_assert_rewrite("tests.contract.crm_contract")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(ToldAtTheEnd())
