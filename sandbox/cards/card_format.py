"""Google's own description of a card, from the discovery document that google-api-python-client brings along."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from googleapiclient import discovery_cache

_PREFIX = "GoogleAppsCardV1"

Field = dict[str, Any]
"""{"type": a Format's, a JSON type, int64 or true, "list": whether it is one, "values": an enum's, or None, "only": what alone has
it, where Gmail's panel does not, or "", "required": whether it must be there, and not be empty}."""

Format = dict[str, dict[str, Field]]
"""{type: {name: field}}."""


NOT_IN_ADD_ONS = {("Button", "type"): "Google Chat", ("Widget", "columns"): "the dialogs of drafts and of Calendar"}
"""What the description does not say in a form that can be read, but the reference says: of a button's type
https://developers.google.com/workspace/chat/api/reference/rest/v1/Button#type, of columns
https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1#columns."""

REQUIRED = {
    "Action": ("function",),
    "ActionParameter": ("key",),
    "ButtonList": ("buttons",),
    "CardAction": ("actionLabel", "onClick"),
    "CardFixedFooter": ("primaryButton",),
    "CardHeader": ("title",),
    "DateTimePicker": ("name",),
    "Grid": ("items",),
    "Image": ("imageUrl",),
    "MaterialIcon": ("name",),
    "OpenLink": ("url",),
    "OverflowMenu": ("items",),
    "OverflowMenuItem": ("text", "onClick"),
    "Section": ("widgets",),
    "SelectionInput": ("name",),
    "SuggestionItem": ("text",),
    "SwitchControl": ("name",),
    "TextInput": ("name",),
    "TextParagraph": ("text",),
}
"""What Google says in words: https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1."""


def field(
    of_type: str, *, is_list: bool = False, values: Sequence[str] | None = None, only: str = "", required: bool = False
) -> Field:
    """One field of a Format."""
    return {"type": of_type, "list": is_list, "values": values, "only": only, "required": required}


@cache
def card_format() -> Format:
    """ "Card" and all that a card may hold."""
    schemas = json.loads(discovery_cache.get_static_doc("chat", "v1"))["schemas"]
    described: Format = {}
    ahead = [f"{_PREFIX}Card"]
    while ahead:
        name = ahead.pop()
        required = REQUIRED.get(_short(name), ())
        properties = schemas[name].get("properties", {})
        described[_short(name)] = {
            key: _field(schema, schemas, key in required, NOT_IN_ADD_ONS.get((_short(name), key), ""))
            for key, schema in properties.items()
        }
        held = (_one(schema).get("$ref") for schema in properties.values())
        ahead += [other for other in held if other and _short(other) not in described]
    return described


def _field(schema: dict[str, Any], schemas: dict[str, Any], required: bool, only: str) -> Field:
    one = _one(schema)
    held = schemas[one["$ref"]] if "$ref" in one else {}
    of_type = _short(one["$ref"]) if held else "int64" if one.get("format") == "int64" else one["type"]
    only = only or _only(schema.get("description", "")) or _only(held.get("description", ""))
    return field(of_type, is_list=one is not schema, values=one.get("enum"), only=only, required=required)


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
