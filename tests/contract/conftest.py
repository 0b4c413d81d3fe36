"""The fixtures that several contracts share."""

from tests.contract.gmail_desk import desk, keys

__all__ = ["desk", "keys"]
