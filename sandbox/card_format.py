"""Google's own description of a card, from the discovery document that google-api-python-client brings along."""

import json
from functools import cache
from typing import Any

from googleapiclient import discovery_cache

_PREFIX = "GoogleAppsCardV1"

Field = dict[str, Any]


@cache
def card_format() -> dict[str, dict[str, Field]]:
    """{type: {field: {"type": a type here, a JSON type or int64, "list": whether it is one, "values": an enum's, or None, "only": the
    product that alone has it, or ""}}}: "Card" and all that a card may hold."""
    schemas = json.loads(discovery_cache.get_static_doc("chat", "v1"))["schemas"]
    described: dict[str, dict[str, Field]] = {}
    ahead = [f"{_PREFIX}Card"]
    while ahead:
        name = ahead.pop()
        fields = {field: _field(schema, schemas) for field, schema in schemas[name].get("properties", {}).items()}
        described[_short(name)] = fields
        held = (_one(schema).get("$ref") for schema in schemas[name].get("properties", {}).values())
        ahead += [other for other in held if other and _short(other) not in described]
    return described


def _field(schema: dict[str, Any], schemas: dict[str, Any]) -> Field:
    one = _one(schema)
    held = schemas[one["$ref"]] if "$ref" in one else {}
    return {
        "type": _short(one["$ref"]) if "$ref" in one else "int64" if one.get("format") == "int64" else one["type"],
        "list": one is not schema,
        "values": one.get("enum"),
        "only": _only(schema.get("description", "")) or _only(held.get("description", "")),
    }


def _only(description: str) -> str:
    """Google's descriptions end with the products that have what they describe."""
    if "that extend Google Workspace Studio" in description:
        return "Google Workspace Studio"
    return "Google Chat" if "[Google Chat apps]" in description and "add-ons" not in description else ""


def _one(schema: dict[str, Any]) -> dict[str, Any]:
    """What a list holds; what is no list is itself."""
    return schema["items"] if schema.get("type") == "array" else schema


def _short(name: str) -> str:
    return name.removeprefix(_PREFIX)
