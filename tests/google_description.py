"""Google's own descriptions of its APIs, which google-api-python-client brings: what in a value they do not have."""

import json
import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from googleapiclient import discovery_cache

Json = dict[str, Any]


@cache
def schemas(api: str, version: str) -> Json:
    found: Json = json.loads(discovery_cache.get_static_doc(api, version))["schemas"]
    return found


def faults(value: Any, kind: str, known: Json) -> list[str]:
    """Each field that the kind does not have, and each value that is not of its field's type."""
    return list(_faults(value, {"$ref": kind}, known, kind))


TYPES: Mapping[str, Collection[type]] = {
    "object": {dict},
    "array": {list},
    "string": {str},
    "boolean": {bool},
    "integer": {int},
    "number": {int, float},
}


def _faults(value: Any, description: Json, known: Json, path: str) -> list[str]:
    described = known[description["$ref"]] if "$ref" in description else description
    kind = described["type"]
    if type(value) not in TYPES[kind]:
        return [f"{path}: not {kind}"]
    if kind == "object":
        return _fields(value, described, known, path)
    if kind == "array":
        return [fault for at, each in enumerate(value) for fault in _faults(each, described["items"], known, f"{path}[{at}]")]
    return _text(value, described, path) if kind == "string" else []


def _fields(value: Json, description: Json, known: Json, path: str) -> list[str]:
    fields, others = description.get("properties", {}), description.get("additionalProperties")
    unknown = [f"{path}.{name}: no such field" for name in value if name not in fields and others is None]
    kept = {name: fields.get(name, others) for name in value if name in fields or others is not None}
    return unknown + [fault for name, field in kept.items() for fault in _faults(value[name], field, known, f"{path}.{name}")]


def _text(value: str, description: Json, path: str) -> list[str]:
    if "enum" in description and value not in description["enum"]:
        return [f"{path}: {value} is none of {description['enum']}"]
    if description.get("format") == "google-duration" and not re.fullmatch(r"\d+(\.\d{1,9})?s", value):
        return [f"{path}: {value} is no duration"]
    return []
