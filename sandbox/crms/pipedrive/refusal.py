"""What Pipedrive does not do, as its API says so (https://pipedrive.readme.io/docs/core-api-concepts-http-status-codes)."""

from collections.abc import Mapping
from typing import Any


class Refused(Exception):
    """A call that is refused: its status, what the JSON says, and headers of its own."""

    def __init__(self, status: int, error: str, code: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {"success": False, "error": error}
        if code:
            self.body["code"] = code
        else:
            self.body["errorCode"] = status
        self.body["error_info"] = "Please check developers.pipedrive.com for more information about Pipedrive API."


def unauthorized() -> Refused:
    """For a token that is none, or good no more."""
    return Refused(401, "unauthorized access")


def scope_missing() -> Refused:
    """For what the app was not given a scope for."""
    return Refused(403, "Scope and URL mismatch")


def invalid(what: str) -> Refused:
    """For a parameter that there is not, or a value that is none of its."""
    return Refused(400, f"Parameter validation failed: {what}", "ERR_SCHEMA_VALIDATION_FAILED")


def not_found(kind: str) -> Refused:
    """For an id that there is not, or that was deleted."""
    return Refused(404, f"{kind} not found", "ERR_NOT_FOUND")


def not_visible(kind: str) -> Refused:
    """For a record that is there, and not for this user."""
    return Refused(403, f"You do not have permission to view this {kind.lower()}.", "ERR_FORBIDDEN")
