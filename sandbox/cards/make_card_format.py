"""Makes card_format.json, the JSON Schema of cards, of the description that google-api-python-client brings: `make card-format`."""

import json
from pathlib import Path
from typing import Any

from googleapiclient import discovery_cache

Json = dict[str, Any]

FILE = Path(__file__).with_name("card_format.json")
PREFIX = "GoogleAppsCardV1"

NOT_IN_GMAIL = {("Button", "type"): "Google Chat", ("Widget", "columns"): "the dialogs of drafts and of Calendar"}
"""What the description does not say in a form that can be read, but the reference says: of a button's type
https://developers.google.com/workspace/chat/api/reference/rest/v1/Button#type, of columns
https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1#columns."""


def card_format() -> Json:
    """JSON Schemas by type: "Card", and each type that a card may hold.

    Each takes only the fields that Google names. What Gmail does not have is no property: it stands in "elsewhere", with "only", the
    product that has it.
    """
    schemas = json.loads(discovery_cache.get_static_doc("chat", "v1"))["schemas"]
    made: Json = {}
    ahead = [f"{PREFIX}Card"]
    while ahead:
        name = ahead.pop()
        fields = schemas[name].get("properties", {})
        made[_type(name)] = _object(_type(name), fields, schemas)
        held = (_item(field).get("$ref") for field in fields.values())
        ahead += [other for other in held if other and _type(other) not in made]
    return dict(sorted(made.items()))


def as_text(made: Json) -> str:
    """As the file has it."""
    return json.dumps(made, indent=1) + "\n"


def _object(title: str, fields: Json, schemas: Json) -> Json:
    properties, elsewhere = {}, {}
    for name, field in fields.items():
        if only := NOT_IN_GMAIL.get((title, name)) or _only(field, schemas):
            elsewhere[name] = {"only": only, **_schema(field)}
        else:
            properties[name] = _schema(field)
    return {
        "title": title,
        "type": "object",
        "additionalProperties": False,
        "elsewhere": elsewhere,
        "properties": properties,
    }


def _only(field: Json, schemas: Json) -> str:
    """Google's descriptions end with the products that have what they describe; "" when Gmail's add-ons are among them."""
    held = schemas.get(_item(field).get("$ref", ""), {})
    for description in (field.get("description", ""), held.get("description", "")):
        if "that extend Google Workspace Studio" in description:
            return "Google Workspace Studio"
        if "[Google Chat apps]" in description and "add-ons" not in description:
            return "Google Chat"
    return ""


def _schema(field: Json) -> Json:
    if "$ref" in field:
        return {"$ref": f"#/$defs/{_type(field['$ref'])}"}
    if field["type"] == "array":
        return {"type": "array", "items": _schema(field["items"])}
    if field.get("format") == "int64":
        # In JSON as a text, because JavaScript's numbers end before it does; Google takes a number too.
        return {"type": ["string", "integer"], "format": "int64", "pattern": "^-?[0-9]{1,19}\\Z"}
    return {"enum": field["enum"]} if "enum" in field else {"type": field["type"]}


def _item(field: Json) -> Json:
    """What a list holds; anything else as it is."""
    return field["items"] if field.get("type") == "array" else field


def _type(name: str) -> str:
    return name.removeprefix(PREFIX)


if __name__ == "__main__":
    FILE.write_text(as_text(card_format()), "utf-8")
