"""Cloud Logging's query language, as far as our metrics use it: whether a printed line matches a filter, once it is a log entry.

https://cloud.google.com/logging/docs/view/logging-query-language (OR binds tighter than AND there)
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Entry = Mapping[str, Any]

_TOKEN = re.compile(r'\s*(\(|\)|AND\b|OR\b|NOT\b|[\w.]+\s*(?:>=|<=|!=|=|<|>|:)\s*(?:"[^"]*"|[\w*]+))')
_COMPARISON = re.compile(r'([\w.]+)\s*(>=|<=|!=|=|<|>|:)\s*("[^"]*"|[\w*]+)')
_SEVERITIES = ["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"]


def entry_of(line: str) -> Entry:
    """A line that a function on Cloud Run prints, as Cloud Logging keeps it.

    https://cloud.google.com/logging/docs/structured-logging#structured_logging_special_fields
    """
    payload = json.loads(line)
    entry = {"resource": {"type": "cloud_run_revision"}, "severity": payload.pop("severity", "DEFAULT")}
    for special in ("trace", "spanId"):
        if f"logging.googleapis.com/{special}" in payload:
            entry[special] = payload.pop(f"logging.googleapis.com/{special}")
    return {**entry, "jsonPayload": payload}


def matches(query: str, entry: Entry) -> bool:
    """Raises ValueError for what is no such query."""
    tokens, position = [], 0
    while position < len(query.rstrip()):
        found = _TOKEN.match(query, position)
        if not found:
            raise ValueError(f"not understood: {query[position:]}")
        tokens.append(found[1])
        position = found.end()
    wanted = _both(tokens)
    if tokens:
        raise ValueError(f"too much: {tokens}")
    return wanted(entry)


def value_at(path: str, entry: Entry) -> Any:
    """What stands in a field, None for nothing."""
    value: Any = entry
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


Wanted = Callable[[Entry], bool]


def _both(tokens: list[str]) -> Wanted:
    parts = [_either(tokens)]
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        parts.append(_either(tokens))
    return lambda entry: all(part(entry) for part in parts)


def _either(tokens: list[str]) -> Wanted:
    parts = [_one(tokens)]
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        parts.append(_one(tokens))
    return lambda entry: any(part(entry) for part in parts)


def _one(tokens: list[str]) -> Wanted:
    if not tokens:
        raise ValueError("something is missing")
    token = tokens.pop(0)
    if token == "NOT":
        inner = _one(tokens)
        return lambda entry: not inner(entry)
    if token == "(":
        inner = _both(tokens)
        if not tokens or tokens.pop(0) != ")":
            raise ValueError("a ) is missing")
        return inner
    comparison = _COMPARISON.fullmatch(token)
    if not comparison:
        raise ValueError(f"not understood: {token}")
    return lambda entry: _compared(value_at(comparison[1], entry), comparison[2], comparison[3].strip('"'), comparison[1])


def _compared(value: Any, operator: str, wanted: str, path: str) -> bool:
    """A field that is not there equals nothing and is greater than nothing."""
    if value is None:
        return operator == "!="
    if operator == ":":
        return wanted == "*" or wanted.lower() in str(value).lower()
    if path == "severity":
        return _ordered(_SEVERITIES.index(value), operator, _SEVERITIES.index(wanted))
    if isinstance(value, int | float):
        return _ordered(value, operator, float(wanted))
    return _ordered(str(value).lower(), operator, wanted.lower())


def _ordered(value: Any, operator: str, wanted: Any) -> bool:
    return bool(
        {
            "=": value == wanted,
            "!=": value != wanted,
            "<": value < wanted,
            "<=": value <= wanted,
            ">": value > wanted,
            ">=": value >= wanted,
        }[operator]
    )
