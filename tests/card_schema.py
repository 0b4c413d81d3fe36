"""Google's own schema of cards and answers: whether Google would take a card, and where not.

The schema of a card is that of google-api-python-client (GoogleAppsCardV1*), every field that it does not name refused. What
Google says in words only is added here: https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

Json = dict[str, Any]

_CARD = "GoogleAppsCardV1"

MOST_WIDGETS = 100

UNAVAILABLE_IN_GMAIL = {
    "Action": {"interaction"},
    "Button": {"type"},
    "Card": {"expressionData"},
    "DateTimePicker": {"hostAppDataSource"},
    "DecoratedText": {"bottomLabelText", "contentText", "startIconVerticalAlignment", "topLabelText"},
    "Icon": {"materialIcon"},
    "Section": {"id"},
    "SelectionInput": {"dataSourceConfigs", "externalDataSource", "hintText", "platformDataSource"},
    "TextInput": {"hostAppDataSource", "placeholderText"},
    "TextParagraph": {"textSyntax"},
    "Widget": {"carousel", "columns", "eventActions", "id", "visibility"},
}
"""Fields that the reference says are for Google Chat, for Google Workspace Studio, or for the dialogs of drafts and of Calendar, alone."""

ONE_OF = {
    "Icon": ("iconUrl", "knownIcon"),
    "Navigation": ("pushCard", "updateCard", "pop", "popToRoot", "popToCard"),
    "OnClick": ("action", "card", "openDynamicLinkAction", "openLink", "overflowMenu"),
    "Widget": (
        "buttonList",
        "chipList",
        "dateTimePicker",
        "decoratedText",
        "divider",
        "grid",
        "image",
        "selectionInput",
        "textInput",
        "textParagraph",
    ),
    "Widgets": (
        "buttonList",
        "chipList",
        "dateTimePicker",
        "decoratedText",
        "image",
        "selectionInput",
        "textInput",
        "textParagraph",
    ),
}
"""The reference's union fields: exactly one must be there."""

REQUIRED = {
    "Action": ("function",),
    "ActionParameter": ("key",),
    "ButtonList": ("buttons",),
    "CardAction": ("actionLabel", "onClick"),
    "CardFixedFooter": ("primaryButton",),
    "CardHeader": ("title",),
    "DateTimePicker": ("name",),
    "DecoratedText": ("text",),
    "Grid": ("items",),
    "Image": ("imageUrl",),
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
    "EVENT_PERFORMER",
    "EVENT_SEAT",
    "FLIGHT_ARRIVAL",
    "FLIGHT_DEPARTURE",
    "HOTEL",
    "HOTEL_ROOM_TYPE",
    "INVITE",
    "MAP_PIN",
    "MEMBERSHIP",
    "MULTIPLE_PEOPLE",
    "OFFER",
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
"""https://developers.google.com/apps-script/reference/card-service/icon"""

_SOMETHING: Json = {"minLength": 1}
_AN_ITEM: Json = {"minItems": 1}
_HTTPS: Json = {"pattern": r"^(https://\S|http://(127\.0\.0\.1|localhost)([:/]|$))"}
_PUBLIC: Json = {"pattern": r"^https://([a-z0-9-]+\.)+(?!(local|internal)\b)[a-z][a-z0-9-]*(:[0-9]+)?([/?#]\S*)?$"}
"""Google fetches pictures itself: what only this machine or this network serves, it cannot."""
_PUBLIC_OR_NONE: Json = {"anyOf": [{"const": ""}, _PUBLIC]}
_SHARE: Json = {"minimum": 0, "maximum": 1}
_TEXT_WITH_COLOUR: Json = {"required": ["text", "color"]}

NARROWED: dict[tuple[str, str], Json] = {
    ("Action", "function"): _HTTPS,
    ("ActionParameter", "key"): _SOMETHING,
    ("ButtonList", "buttons"): _AN_ITEM,
    ("Card", "cardActions"): {"maxItems": 10},
    ("Card", "sections"): {"maxItems": 100},
    ("CardAction", "actionLabel"): _SOMETHING,
    ("CardFixedFooter", "primaryButton"): _TEXT_WITH_COLOUR,
    ("CardFixedFooter", "secondaryButton"): _TEXT_WITH_COLOUR,
    ("CardHeader", "imageUrl"): _PUBLIC_OR_NONE,
    ("CardHeader", "title"): _SOMETHING,
    ("CollapseControl", "collapseButton"): {"$ref": "#/$defs/FoldingButton"},
    ("CollapseControl", "expandButton"): {"$ref": "#/$defs/FoldingButton"},
    ("Color", "alpha"): _SHARE,
    ("Color", "blue"): _SHARE,
    ("Color", "green"): _SHARE,
    ("Color", "red"): _SHARE,
    ("DateTimePicker", "name"): _SOMETHING,
    ("DecoratedText", "text"): _SOMETHING,
    ("Grid", "items"): _AN_ITEM,
    ("Icon", "iconUrl"): _PUBLIC_OR_NONE,
    ("Icon", "knownIcon"): {"enum": list(KNOWN_ICONS)},
    ("Image", "imageUrl"): _PUBLIC,
    ("ImageComponent", "imageUri"): _PUBLIC_OR_NONE,
    ("OpenLink", "url"): {"pattern": r"^(https?://|mailto:|tel:)\S+$"},
    ("OverflowMenu", "items"): _AN_ITEM,
    ("OverflowMenuItem", "onClick"): {"not": {"required": ["overflowMenu"]}},
    ("OverflowMenuItem", "text"): _SOMETHING,
    ("Section", "uncollapsibleWidgetsCount"): {"minimum": 0},
    ("Section", "widgets"): _AN_ITEM,
    ("SelectionInput", "items"): {"maxItems": 100},
    ("SelectionInput", "name"): _SOMETHING,
    ("SuggestionItem", "text"): _SOMETHING,
    ("SwitchControl", "name"): _SOMETHING,
    ("TextInput", "name"): _SOMETHING,
    ("TextParagraph", "text"): _SOMETHING,
}
"""What the reference says of single fields beyond their type."""

_BUTTON_FACE: Json = {
    "anyOf": [
        {"required": ["text"], "properties": {"text": _SOMETHING}},
        {"required": ["icon"], "properties": {"icon": {"minProperties": 1}}},
    ]
}

TOGETHER: dict[str, Json] = {
    "Button": {
        "allOf": [
            _BUTTON_FACE,
            {"anyOf": [{"required": ["onClick"]}, {"required": ["disabled"], "properties": {"disabled": {"const": True}}}]},
        ]
    },
    "Card": {
        "anyOf": [
            {"required": ["header"], "properties": {"header": {"minProperties": 1}}},
            {"required": ["sections"], "properties": {"sections": _AN_ITEM}},
        ]
    },
    "CollapseControl": {"dependentRequired": {"collapseButton": ["expandButton"], "expandButton": ["collapseButton"]}},
    "DecoratedText": {
        "not": {
            "anyOf": [
                {"required": ["button", "switchControl"]},
                {"required": ["button", "endIcon"]},
                {"required": ["switchControl", "endIcon"]},
            ]
        }
    },
    "SelectionInput": {
        "if": {"properties": {"type": {"enum": ["RADIO_BUTTON", "DROPDOWN"]}}, "required": ["type"]},
        "then": {
            "properties": {
                "items": {
                    "contains": {"properties": {"selected": {"const": True}}, "required": ["selected"]},
                    "minContains": 0,
                    "maxContains": 1,
                }
            }
        },
    },
    "TextInput": {
        "anyOf": [
            {"required": ["label"], "properties": {"label": _SOMETHING}},
            {"required": ["hintText"], "properties": {"hintText": _SOMETHING}},
        ]
    },
}
"""What the reference says of fields beside each other."""

TAGS = frozenset(
    ["a", "b", "br", "code", "del", "div", "em", "font", "i", "li", "ol", "p", "s", "span", "strike", "strong", "time", "u", "ul"]
)
MARKED_UP = (("TextParagraph", "text"), ("DecoratedText", "text"), ("Section", "header"))
"""https://developers.google.com/workspace/add-ons/concepts/widgets#text_formatting"""


class NotTaken(AssertionError):
    """Google would not take this; the message says where and why."""


def check_card(card: Json) -> None:
    """Raises NotTaken with the path of the first thing that Google would refuse, or drop."""
    _check(card, "Card")
    _check_words(card)


def takes(thing: Json, *, answer: bool) -> bool:
    """Whether Google would take a card, or an answer: quicker than to say why not."""
    if not _validator("Answer" if answer else "Card").is_valid(thing):
        return False
    try:
        for card in cards_in(thing) if answer else [thing]:
            _check_words(card)
    except NotTaken:
        return False
    return True


def _check_words(card: Json) -> None:
    """What a schema cannot say."""
    for kind, value in _objects(card, "Card"):
        if kind == "Card":
            _check_count(value)
        if kind == "TextInput":
            _check_length(value)
        for name in (name for of, name in MARKED_UP if of == kind):
            _check_markup(value.get(name, ""))


def _objects(value: Json, kind: str) -> Iterator[tuple[str, Json]]:
    """Every object of a card that the schema takes, with its type."""
    yield kind, value
    properties = _google_schemas()[_CARD + kind]["properties"] if kind not in ("Color",) else {}
    for name, inner in value.items():
        of_type = properties.get(name, {}).get("items", properties.get(name, {})).get("$ref", "")
        if of_type.startswith(_CARD):
            for each in inner if isinstance(inner, list) else [inner]:
                yield from _objects(each, _short(of_type))


def _check_count(card: Json) -> None:
    widgets = sum(len(section["widgets"]) for section in card.get("sections", ()))
    if widgets > MOST_WIDGETS:
        raise NotTaken(f"sections: {widgets} widgets, Google drops what is over {MOST_WIDGETS}")


def _check_length(text_input: Json) -> None:
    most = text_input.get("validation", {}).get("characterLimit", 0)
    if 0 < most < len(text_input.get("value", "")):
        raise NotTaken(f"textInput.value is longer than its characterLimit of {most}")


class _Marks(HTMLParser):
    """Takes note of each tag, and of where links lead."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            raise NotTaken(f"<{tag}> is not part of a card's text")
        for name, value in attrs:
            if (tag, name) == ("a", "href") and not re.fullmatch(r"(https?://|mailto:|tel:)\S+", value or "", re.IGNORECASE):
                raise NotTaken(f"a link in a text leads to {value}")


def _check_markup(text: str) -> None:
    marks = _Marks()
    marks.feed(text)
    marks.close()


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
    folding = {"FoldingButton": _strict("Button", schemas[f"{_CARD}Button"], folds=True)}
    colour = {"Color": _strict("Color", schemas["Color"])}
    return cards | folding | colour | _ANSWERS | {"Navigation": _with_one_of("Navigation", _NAVIGATION)}


@cache
def _google_schemas() -> Json:
    document = files("googleapiclient") / "discovery_cache" / "documents" / "chat.v1.json"
    schemas: Json = json.loads(document.read_text("utf-8"))["schemas"]
    return schemas


def _short(name: str) -> str:
    return name.removeprefix(_CARD)


def _strict(name: str, schema: Json, *, folds: bool = False) -> Json:
    """A type that takes only what the reference names. A button that `folds` a section needs no onClick."""
    left_out = UNAVAILABLE_IN_GMAIL.get(name, set())
    properties = {field: _field(name, field, of) for field, of in schema.get("properties", {}).items() if field not in left_out}
    made = {"type": "object", "properties": properties, "additionalProperties": False, "required": list(REQUIRED.get(name, ()))}
    return _with_one_of(name, made | (_BUTTON_FACE if folds else TOGETHER.get(name, {})))


def _with_one_of(name: str, schema: Json) -> Json:
    return schema | {"oneOf": [{"required": [field]} for field in ONE_OF[name]]} if name in ONE_OF else schema


def _field(name: str, field: str, schema: Json) -> Json:
    narrowed = NARROWED.get((name, field), {})
    return narrowed if "$ref" in narrowed else _type(schema) | narrowed


def _type(schema: Json) -> Json:
    if "$ref" in schema:
        # Host data sources are for Chat and Workspace Studio: no add-on card has one.
        return {"$ref": f"#/$defs/{_short(schema['$ref'])}"} if schema["$ref"] != "HostAppDataSourceMarkup" else {"not": {}}
    if schema["type"] == "array":
        return {"type": "array", "items": _type(schema["items"])}
    if schema.get("format") == "int64":
        return {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^-?[0-9]{1,19}$"}]}
    return {"type": schema["type"]} | ({"enum": schema["enum"]} if "enum" in schema else {})


# The envelopes, which the discovery document does not have.
# https://developers.google.com/workspace/add-ons/guides/alternate-runtimes#create_json_response_objects


def _object(required: tuple[str, ...] = (), **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


_TEXT: Json = {"type": "string", "minLength": 1}
_RECIPIENTS: Json = {"type": "array", "items": _object(("email",), email=_TEXT)}

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
            updateDraftActionMarkup={
                **_object(
                    updateToRecipients=_object(toRecipients=_RECIPIENTS),
                    updateCcRecipients=_object(ccRecipients=_RECIPIENTS),
                    updateBccRecipients=_object(bccRecipients=_RECIPIENTS),
                    updateSubject=_object(subject={"type": "string"}),
                    updateBody=_ref("UpdateBody"),
                ),
                "minProperties": 1,
            },
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
            _object(
                ("scopes",),
                scopes={"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^(https://|openid$)"}},
            ),
            _object(("all_scopes",), all_scopes={"const": True}),
        ]
    },
    "Suggested": _object(items={"type": "array", "items": _object(("text",), text=_TEXT)}),
    "Answer": {
        "oneOf": [
            {**_object(action=_ref("AnswerAction"), hostAppAction=_ref("HostAppAction")), "minProperties": 1},
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

ANSWERS = (*_ANSWERS, "Navigation")
"""The definitions that are of answers, not of cards."""
