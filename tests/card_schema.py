"""Google's own schema of cards and answers: whether Google would take a card, and where not.

The schema of a card is that of google-api-python-client (GoogleAppsCardV1*), every field that it does not name refused. What
Google says in words only is added here: https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1.
"""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

Json = dict[str, Any]

_CARD = "GoogleAppsCardV1"

MOST_WIDGETS = 100

UNAVAILABLE_IN_ADD_ONS = {
    "Action": {"interaction"},
    "Button": {"type"},
    "DecoratedText": {"bottomLabelText", "contentText", "startIconVerticalAlignment", "topLabelText"},
    "Icon": {"materialIcon"},
    "TextInput": {"placeholderText"},
    "TextParagraph": {"textSyntax"},
    "Widget": {"carousel"},
}
"""Fields that the reference says are for Google Chat alone."""

ONE_OF = {
    "Navigation": ("pushCard", "updateCard", "pop", "popToRoot", "popToCard"),
    "OnClick": ("action", "card", "openDynamicLinkAction", "openLink", "overflowMenu"),
    "Widget": (
        "buttonList",
        "carousel",
        "chipList",
        "columns",
        "dateTimePicker",
        "decoratedText",
        "divider",
        "grid",
        "image",
        "selectionInput",
        "textInput",
        "textParagraph",
    ),
}
"""The reference's union fields: exactly one must be there."""

REQUIRED = {
    "Action": ("function",),
    "ActionParameter": ("key", "value"),
    "Button": ("onClick",),
    "ButtonList": ("buttons",),
    "CardHeader": ("title",),
    "DecoratedText": ("text",),
    "OpenLink": ("url",),
    "Section": ("widgets",),
    "SelectionInput": ("name",),
    "TextInput": ("name",),
    "TextParagraph": ("text",),
}

KNOWN_ICONS = (
    "AIRPLANE",
    "BOOKMARK",
    "BUS",
    "CAR",
    "CLOCK",
    "CONFIRMATION_NUMBER_ICON",
    "DESCRIPTION",
    "DOLLAR",
    "EMAIL",
    "EVENT_SEAT",
    "FLIGHT_ARRIVAL",
    "FLIGHT_DEPARTURE",
    "HOTEL",
    "HOTEL_ROOM_TYPE",
    "INVITE",
    "MAP_PIN",
    "MEMBERSHIP",
    "MULTIPLE_PEOPLE",
    "PERSON",
    "PHONE",
    "RESTAURANT_ICON",
    "SHOPPING_CART",
    "STAR",
    "STORE",
    "TICKET",
    "TRAIN",
    "VIDEO_CAMERA",
    "VIDEO_PLAY",
)
"""https://developers.google.com/workspace/chat/format-messages#builtinicons"""

NARROWED: dict[tuple[str, str], Json] = {
    ("Action", "function"): {"pattern": r"^(https://|http://127\.0\.0\.1[:/])"},
    ("ButtonList", "buttons"): {"minItems": 1},
    ("Card", "cardActions"): {"maxItems": 10},
    ("CardHeader", "title"): {"minLength": 1},
    ("DecoratedText", "text"): {"minLength": 1},
    ("Icon", "knownIcon"): {"enum": list(KNOWN_ICONS)},
    ("OpenLink", "url"): {"pattern": r"^(https://[^\s]+|http://127\.0\.0\.1[:/][^\s]*|mailto:[^\s]+|tel:[0-9+*#%A-F]+)$"},
    ("Section", "uncollapsibleWidgetsCount"): {"minimum": 0},
    ("Section", "widgets"): {"minItems": 1},
    ("TextParagraph", "text"): {"minLength": 1},
}
"""What the reference says of single fields beyond their type."""


class NotTaken(AssertionError):
    """Google would not take this; the message says where and why."""


def check_card(card: Json) -> None:
    """Raises NotTaken with the path of the first thing that Google would refuse, or drop."""
    _check(card, "Card")
    widgets = sum(len(section["widgets"]) for section in card.get("sections", ()))
    if widgets > MOST_WIDGETS:
        raise NotTaken(f"sections: {widgets} widgets, Google drops what is over {MOST_WIDGETS}")


def check_answer(answer: Json) -> None:
    """Raises NotTaken for an answer that is none of the envelopes of an add-on, or holds a card that Google would refuse."""
    _check(answer, "Answer")
    for card in cards_in(answer):
        check_card(card)


def cards_in(answer: Json) -> Iterator[Json]:
    """The cards that an answer puts on the stack, in order."""
    envelope = answer.get("custom_authorization_prompt") or answer.get("renderActions") or answer
    for navigation in envelope.get("action", {}).get("navigations", ()):
        if card := navigation.get("pushCard") or navigation.get("updateCard"):
            yield card


def _check(instance: Json, definition: str) -> None:
    error = best_match(_validator(definition).iter_errors(instance))
    if error:
        raise NotTaken(f"{error.json_path}: {error.message[:300]}")


@cache
def _validator(definition: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{definition}", "$defs": definitions()})


@cache
def definitions() -> Json:
    """JSON Schema definitions by name ("Card", "Widget", ..., "Answer"), as an add-on may use them."""
    schemas = _google_schemas()
    cards = {_short(name): _strict(_short(name), schema) for name, schema in schemas.items() if name.startswith(_CARD)}
    return (
        cards | {"Color": _strict("Color", schemas["Color"])} | _ANSWERS | {"Navigation": _with_one_of("Navigation", _NAVIGATION)}
    )


def _google_schemas() -> Json:
    document = files("googleapiclient") / "discovery_cache" / "documents" / "chat.v1.json"
    schemas: Json = json.loads(document.read_text("utf-8"))["schemas"]
    return schemas


def _short(name: str) -> str:
    return name.removeprefix(_CARD)


def _strict(name: str, schema: Json) -> Json:
    left_out = UNAVAILABLE_IN_ADD_ONS.get(name, set())
    properties = {field: _field(name, field, of) for field, of in schema.get("properties", {}).items() if field not in left_out}
    made = {"type": "object", "properties": properties, "additionalProperties": False, "required": list(REQUIRED.get(name, ()))}
    return _with_one_of(name, made)


def _with_one_of(name: str, schema: Json) -> Json:
    return schema | {"oneOf": [{"required": [field]} for field in ONE_OF[name]]} if name in ONE_OF else schema


def _field(name: str, field: str, schema: Json) -> Json:
    return _type(schema) | NARROWED.get((name, field), {})


def _type(schema: Json) -> Json:
    if "$ref" in schema:
        # Host data sources are for Chat and Workspace Studio: no add-on card has one.
        return {"$ref": f"#/$defs/{_short(schema['$ref'])}"} if schema["$ref"] != "HostAppDataSourceMarkup" else {"not": {}}
    if schema["type"] == "array":
        return {"type": "array", "items": _type(schema["items"])}
    return {"type": schema["type"]} | ({"enum": schema["enum"]} if "enum" in schema else {})


# The envelopes, which the discovery document does not have.
# https://developers.google.com/workspace/add-ons/guides/alternate-runtimes#create_json_response_objects


def _object(required: tuple[str, ...] = (), **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


_TEXT: Json = {"type": "string", "minLength": 1}

_NAVIGATION = _object(
    pushCard=_ref("Card"), updateCard=_ref("Card"), pop={"const": True}, popToRoot={"const": True}, popToCard=_TEXT
)

_ANSWERS: Json = {
    "AnswerAction": {
        **_object(
            navigations={"type": "array", "items": _ref("Navigation"), "minItems": 1},
            notification=_object(("text",), text=_TEXT),
            link=_ref("OpenLink"),
        ),
        "minProperties": 1,
    },
    "HostAppAction": _object(("gmailAction",), gmailAction=_ref("GmailAction")),
    "GmailAction": {
        **_object(
            updateDraftActionMarkup=_object(("updateBody",), updateBody=_ref("UpdateBody")),
            openCreatedDraftActionMarkup=_object(("draftId",), draftId=_TEXT, draftThreadId=_TEXT),
        ),
        "minProperties": 1,
        "maxProperties": 1,
    },
    "UpdateBody": _object(
        ("type", "insertContents"),
        type={"enum": ["IN_PLACE_INSERT", "INSERT_AT_START", "INSERT_AT_END"]},
        insertContents={
            "type": "array",
            "minItems": 1,
            "items": _object(
                ("content", "contentType"),
                content={"type": "string"},
                contentType={"enum": ["TEXT", "MUTABLE_HTML", "IMMUTABLE_HTML"]},
            ),
        },
    ),
    "RenderActions": {**_object(action=_ref("AnswerAction"), hostAppAction=_ref("HostAppAction")), "minProperties": 1},
    "Scopes": {
        "oneOf": [
            _object(("scopes",), scopes={"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^https://"}}),
            _object(("all_scopes",), all_scopes={"const": True}),
        ]
    },
    "Suggested": _object(("items",), items={"type": "array", "items": _object(("text",), text=_TEXT)}),
    "Answer": {
        "oneOf": [
            _object(("action",), action=_ref("AnswerAction")),
            _object(("renderActions",), renderActions=_ref("RenderActions"), stateChanged={"type": "boolean"}),
            _object(("autoComplete",), autoComplete=_ref("Suggested")),
            _object(("requesting_google_scopes",), requesting_google_scopes=_ref("Scopes")),
            _object(
                ("custom_authorization_prompt",),
                custom_authorization_prompt=_object(("action",), action=_ref("AnswerAction")),
            ),
        ]
    },
}
