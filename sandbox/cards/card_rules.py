"""What Google says of cards in words alone, as JSON Schema beside card_format.json: what is required, unions, bounds, addresses, markup.

https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1. Beside JSON Schema's own keywords there are those of
card_check.py; "words" is what is said of a value that breaks the rule ("{place}" is where it is, "{value}" what it is).
"""

from typing import Any

Json = dict[str, Any]

MOST_WIDGETS = 100

KNOWN_ICONS = [
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
]
"""https://developers.google.com/apps-script/reference/card-service/icon"""

TAGS = [
    *(
        "a",
        "b",
        "br",
        "code",
        "del",
        "div",
        "em",
        "font",
        "i",
        "li",
        "ol",
        "p",
        "s",
        "span",
        "strike",
        "strong",
        "time",
        "u",
        "ul",
    )
]
"""https://developers.google.com/workspace/add-ons/concepts/widgets#text_formatting"""

BESIDE_A_WIDGET = ("horizontalAlignment", "id", "visibility", "eventActions")
"""The fields of a widget that do not say which it is."""

OPENS = r"^(?i:https?://|mailto:|tel:)\S+\Z"
"""The addresses that Gmail opens."""


def needs(*names: str) -> Json:
    """These fields must be there, and hold something."""
    return {"required": list(names), "properties": {name: {"minLength": 1, "minItems": 1} for name in names}}


def has_one_of(*names: str, words: str = "") -> Json:
    """Of these fields, which exclude each other, there must be one."""
    return {
        "oneOf": [{"required": [name]} for name in names],
        "words": words or f"{{place}} needs exactly one of {', '.join(names)}",
    }


def has_any_of(*names: str, words: str) -> Json:
    """Of these fields at least one must be there, and hold something."""
    holds = {"minLength": 1, "minItems": 1, "minProperties": 1}
    return {"anyOf": [{"required": [name], "properties": {name: holds}} for name in names], "words": words}


def of(name: str, rule: Json) -> Json:
    """A rule of one field."""
    return {"properties": {name: rule}}


_ADDRESS = {
    "pattern": r"^((?i:https)://\S|(?i:http)://(127\.0\.0\.1|localhost)([:/]|\Z)|\Z)",
    "words": "{place} should be an https address",
}
_PUBLIC = {"publicAddress": True}
_MARKUP = {"tags": TAGS}
_SHARE = {"minimum": 0, "maximum": 1, "words": "{place} is {value}: it may be 0 to 1"}
_ID = {"pattern": r"^[a-zA-Z0-9-]{1,64}\Z", "words": "{place} may have 64 letters, digits and hyphens"}
_ONE_AT_MOST = {
    "contains": {"properties": {"selected": {"const": True}}, "required": ["selected"]},
    "minContains": 0,
    "maxContains": 1,
    "words": "{place} has several selected items: it may have one",
}
_ACTS = {
    "anyOf": [
        {"required": ["onClick"], "properties": {"onClick": {"minProperties": 1}}},
        {"required": ["disabled"], "properties": {"disabled": {"const": True}}},
    ],
    "words": "{place} does nothing: it has no onClick",
}
"""Of each button but those that fold a section, which do so by themselves."""
_COLOURED = {"required": ["text", "color"], **of("text", {"minLength": 1}), "words": "{place} needs a text and a color"}


def card_rules(card_format: Json) -> dict[str, list[Json]]:
    """The rules of each type, beside what card_format.json says of it."""
    return {
        "Action": [
            needs("function"),
            of("function", _ADDRESS),
            of("interaction", {"not": {}, "words": "{place}: Gmail strips the whole card, and shows nothing"}),
        ],
        "ActionParameter": [needs("key")],
        "Button": [has_any_of("text", "icon", words="{place} has neither text nor icon")],
        "ButtonList": [needs("buttons"), of("buttons", {"items": _ACTS})],
        "Card": [
            has_any_of("header", "sections", words="{place} is empty: it has neither a header nor a section"),
            of("cardActions", {"maxItems": 10}),
            of("sections", {"maxItems": 100}),
            {"mostWidgets": MOST_WIDGETS},
        ],
        "CardAction": [needs("actionLabel", "onClick")],
        "CardFixedFooter": [
            needs("primaryButton"),
            *(of(name, rule) for name in ("primaryButton", "secondaryButton") for rule in (_COLOURED, _ACTS)),
        ],
        "CardHeader": [needs("title"), of("imageUrl", _PUBLIC)],
        "CollapseControl": [
            {
                "dependentRequired": {"collapseButton": ["expandButton"], "expandButton": ["collapseButton"]},
                "words": "{place} needs both expandButton and collapseButton: one alone is passed over",
            }
        ],
        "Color": [of(name, _SHARE) for name in ("alpha", "blue", "green", "red")],
        "DateTimePicker": [needs("name")],
        "DecoratedText": [
            has_any_of("text", "contentText", words="{place} needs text"),
            of("text", _MARKUP),
            of("button", _ACTS),
            {
                "not": {
                    "anyOf": [
                        {"required": ["button", "endIcon"]},
                        {"required": ["button", "switchControl"]},
                        {"required": ["endIcon", "switchControl"]},
                    ]
                },
                "words": "{place} may have one of button, switchControl and endIcon",
            },
        ],
        "Grid": [needs("items")],
        "Icon": [
            has_one_of("knownIcon", "iconUrl", "materialIcon"),
            of("knownIcon", {"enum": KNOWN_ICONS, "words": "{place} is “{value}”: Google has no icon of that name"}),
            of("iconUrl", _PUBLIC),
        ],
        "Image": [needs("imageUrl"), of("imageUrl", _PUBLIC)],
        "ImageComponent": [of("imageUri", _PUBLIC)],
        "MaterialIcon": [needs("name")],
        "NestedWidget": [has_one_of("buttonList", "image", "textParagraph")],
        "OnClick": [has_one_of("action", "card", "openDynamicLinkAction", "openLink", "overflowMenu")],
        "OpenLink": [
            needs("url"),
            of("url", {"pattern": rf"{OPENS}|^\Z", "words": "{place} is not an address Gmail would open"}),
        ],
        "OverflowMenu": [needs("items")],
        "OverflowMenuItem": [
            needs("text", "onClick"),
            of(
                "onClick",
                {"not": {"required": ["overflowMenu"]}, "words": "{place} cannot open another menu: Google turns the item off"},
            ),
        ],
        "Section": [
            needs("widgets"),
            of("header", _MARKUP),
            of("id", _ID),
            of("uncollapsibleWidgetsCount", {"minimum": 0, "words": "{place} is {value}: it may be 0 or more"}),
        ],
        "SelectionInput": [
            needs("name"),
            of("items", {"maxItems": 100}),
            {
                "if": {"properties": {"type": {"enum": ["RADIO_BUTTON", "DROPDOWN"]}}, "required": ["type"]},
                "then": of("items", _ONE_AT_MOST),
            },
            # In words, at MULTI_SELECT: "For Google Workspace add-ons, you must populate items using a static array".
            of(
                "externalDataSource",
                {"not": {}, "words": "{place} is for Google Chat alone: in Gmail the items are given in the card"},
            ),
        ],
        "SuggestionItem": [needs("text")],
        "SwitchControl": [needs("name")],
        "TextInput": [
            needs("name"),
            has_any_of("label", "hintText", words="{place} needs a label or a hintText"),
            {"characterLimit": True},
        ],
        "TextParagraph": [needs("text"), of("text", _MARKUP)],
        "Widget": [_one_widget(card_format["Widget"]), of("id", _ID)],
        "Widgets": [_one_widget(card_format["Widgets"]), of("id", _ID)],
    }


def _one_widget(described: Json) -> Json:
    kinds = [name for name in (*described["properties"], *described["elsewhere"]) if name not in BESIDE_A_WIDGET]
    return has_one_of(*kinds, words="{place} should be exactly one widget, and is {given}")
