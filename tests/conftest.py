"""What tests of every kind share: the real Firestore emulator, started once, and the option to keep pictures."""

import pytest

from tests.contract.firestore_emulator import firestore_emulator

__all__ = ["firestore_emulator"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="write the README's pictures to docs/pictures")
