"""Zoho's refusals: the body that each has (https://www.zoho.com/crm/developer/docs/api/v8/status-codes.html)."""

from collections.abc import Mapping
from typing import Any


class Refused(Exception):
    """Zoho does not do it: the HTTP status and the body; `by` is which limit is exceeded, "" for none."""

    def __init__(self, status: int, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.by = str((details or {}).get("by", ""))
        self.body = {"code": code, "details": dict(details or {}), "message": message, "status": "error"}


def syntax_error(near: str, column: int) -> Refused:
    """A query that is none."""
    details = {"near": near, "line": 1, "column": column}
    return Refused(400, "SYNTAX_ERROR", "invalid query formed", details)


def clause_missing(clause: str) -> Refused:
    """A query without a part that it has to have."""
    return Refused(400, "SYNTAX_ERROR", "invalid query formed", {"clause": clause})


def bad_column(column: str) -> Refused:
    """A column that the module does not have, or that the user's profile may not see: Zoho does not tell which."""
    details = {"column_name": column, "reason": "column given seems to be invalid"}
    return Refused(400, "INVALID_QUERY", "column given seems to be invalid", details)


def bad_value(column: str, operator: str) -> Refused:
    """A value, or a comparison, that is none for its column."""
    details = {"column_name": column, "operator": operator}
    return Refused(400, "INVALID_QUERY", "value given seems to be invalid for the column", details)


def bad_module(module: str) -> Refused:
    """A module that cannot be queried."""
    return Refused(400, "INVALID_QUERY", "invalid query formed", {"module": module})


def over_limit(what: str, limit: int) -> Refused:
    """More of something than one query may have."""
    return Refused(400, "LIMIT_EXCEEDED", "limit exceeded", {"by": what, "limit": limit})


def bad_data(api_name: str, json_path: str) -> Refused:
    """Something in a body that is not as it has to be."""
    return Refused(400, "INVALID_DATA", "invalid data", {"api_name": api_name, "json_path": json_path})


def param_missing(name: str) -> Refused:
    return Refused(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", {"param_name": name})


def bad_param(name: str) -> Refused:
    """A parameter that is not known here, or whose value is none."""
    return Refused(400, "INVALID_DATA", "invalid data", {"param_name": name})


def bad_path() -> Refused:
    return Refused(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")


def bad_method() -> Refused:
    return Refused(400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one")


def no_token() -> Refused:
    return Refused(401, "AUTHENTICATION_FAILURE", "Authentication failed")


def bad_token() -> Refused:
    return Refused(401, "INVALID_TOKEN", "invalid oauth token")


def scope_missing() -> Refused:
    return Refused(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")


def no_permission(what: str) -> Refused:
    """What the user's profile does not allow."""
    return Refused(403, "NO_PERMISSION", "permission denied", {"permissions": [what]})


def too_many() -> Refused:
    """Both limits have the same status and code: too many calls at once, and no credits left for the day."""
    return Refused(429, "TOO_MANY_REQUESTS", "too many requests")
