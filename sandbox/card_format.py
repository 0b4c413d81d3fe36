"""Google's own description of a card, from the discovery document that google-api-python-client brings along."""

import json
from functools import cache
from typing import Any

from googleapiclient import discovery_cache

_PREFIX = "GoogleAppsCardV1"

Field = dict[str, Any]


@cache
def card_format() -> dict[str, dict[str, Field]]:
    """{type: {field: {"type": a type here or a JSON type, "list": whether it is one, "values": an enum's, or None}}}, from "Card" on."""
    schemas = json.loads(discovery_cache.get_static_doc("chat", "v1"))["schemas"]
    return {
        name.removeprefix(_PREFIX): {field: _field(described) for field, described in schema.get("properties", {}).items()}
        for name, schema in schemas.items()
        if name.startswith(_PREFIX) or name == "HostAppDataSourceMarkup" or "DataSourceMarkup" in name
    }


def _field(described: dict[str, Any]) -> Field:
    is_list = described.get("type") == "array"
    one = described["items"] if is_list else described
    kind = one["$ref"].removeprefix(_PREFIX) if "$ref" in one else one["type"]
    return {"type": kind, "list": is_list, "values": one.get("enum")}
