"""What Google would refuse, drop or strip in a card: in words, each with the place where it is."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from sandbox.cards.card_format import Field, Format, card_format

Json = dict[str, Any]
Fault = Iterator[str]

MOST_WIDGETS = 100
MOST_SECTIONS = 100
MOST_ITEMS = 100
MOST_CARD_ACTIONS = 10
LONGEST_ID = 64
MISSING: tuple[Any, ...] = (None, "", [])
"""What a required field may not be."""

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

BESIDE_A_WIDGET = ("horizontalAlignment", "id", "visibility", "eventActions")
PICTURES = (("CardHeader", "imageUrl"), ("Icon", "iconUrl"), ("Image", "imageUrl"), ("ImageComponent", "imageUri"))
"""Google fetches them itself: from this machine or this network it cannot."""
MARKUP = (("TextParagraph", "text"), ("DecoratedText", "text"), ("Section", "header"))
"""Fields whose text may be marked up."""

TAGS = [
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
]
_TAG = re.compile(r"<!--.*?-->|<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>", re.DOTALL)
_HREF = re.compile(r"href\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
_HTTPS = re.compile(r"https://[^\s]|http://(127\.0\.0\.1|localhost)([:/]|$)", re.IGNORECASE)
_NOT_PUBLIC = re.compile(r"[^.]*|.*\.(local|internal)|.*\.[0-9]+")
"""A host's name without a dot, or in a domain that is nobody's; a number in its place (https://url.spec.whatwg.org/#host-parsing)."""
_OPENS = re.compile(r"(https?://|mailto:|tel:)\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is known of each type: its fields, and what Google says of it in words."""

    format: Format
    prose: Mapping[str, Callable[[Json, str], Fault]]


@cache
def card_rules() -> Rules:
    """Those of cards."""
    return Rules(card_format(), PROSE)


def object_faults(value: Any, kind: str, path: str, rules: Rules) -> Fault:
    """The faults of a value that should be an object of this type. RecursionError when it is nested without end."""
    if not isinstance(value, dict):
        yield f"{path} should be an object"
        return
    fields = rules.format[kind]
    for name, inner in value.items():
        field = fields.get(name)
        place = f"{path}.{name}" if path else name
        if not field:
            yield f"{place} is no field of Google's {kind}"
        elif field["only"]:
            yield f"{place} is for {field['only']} alone: Gmail does not have it"
        else:
            yield from _field(inner, field, place, rules)
    yield from (f"{path} needs {name}" for name, field in fields.items() if field["required"] and value.get(name) in MISSING)
    yield from _addresses(value, kind, path)
    if kind in rules.prose:
        yield from rules.prose[kind](value, path)


def _field(value: Any, field: Field, path: str, rules: Rules) -> Fault:
    if not field["list"]:
        yield from _single(value, field, path, rules)
    elif not isinstance(value, list):
        yield f"{path} should be a list"
    else:
        for index, item in enumerate(value):
            yield from _single(item, field, f"{path}[{index}]", rules)


def _single(value: Any, field: Field, path: str, rules: Rules) -> Fault:
    if field["type"] in rules.format:
        yield from object_faults(value, field["type"], path, rules)
    elif field["values"] and value not in field["values"]:
        yield f"{path} is “{value}”: it may be {', '.join(field['values'])}"
    elif not IS_OF_TYPE[field["type"]](value):
        yield f"{path} should be of type {field['type']}"


IS_OF_TYPE: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    # In JSON as a text, because JavaScript's numbers end before it does; Google takes a number too.
    "int64": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or bool(re.fullmatch("-?[0-9]{1,19}", str(value)))
    ),
    "true": lambda value: value is True,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def _addresses(value: Json, kind: str, path: str) -> Fault:
    for of, name in PICTURES:
        if of == kind and isinstance(address := value.get(name), str) and address and not _is_public(address):
            yield f"{path}.{name} should be an https address that is public"
    for of, name in MARKUP:
        if of == kind and isinstance(text := value.get(name), str):
            yield from _markup(text, f"{path}.{name}")


def _is_public(address: str) -> bool:
    try:
        url = urlsplit(address)
    except ValueError:
        return False
    return url.scheme == "https" and not url.username and not _NOT_PUBLIC.fullmatch(url.hostname or "")


def _markup(text: str, path: str) -> Fault:
    for found in _TAG.finditer(text):
        name = (found[2] or "").lower()
        if name and name not in TAGS:
            yield f"{path}: <{name}> is not part of a card's text, and is left out"
        href = _HREF.search(found[3] or "") if name == "a" and not found[1] else None
        if href and not _OPENS.fullmatch(unescape(href[1] or href[2] or href[3] or "")):
            yield f"{path}: a link in a text leads nowhere Gmail would open"


def _widget(widget: Json, path: str) -> Fault:
    kinds = [name for name in widget if name not in BESIDE_A_WIDGET]
    if len(kinds) != 1:
        yield f"{path} should be exactly one widget, and is {' and '.join(kinds) or 'none'}"
    yield from _short_id(widget, path)


def _short_id(value: Json, path: str) -> Fault:
    if isinstance(given := value.get("id"), str) and not re.fullmatch(rf"[a-zA-Z0-9-]{{1,{LONGEST_ID}}}", given):
        yield f"{path}.id may have {LONGEST_ID} letters, digits and hyphens"


def _card(card: Json, path: str) -> Fault:
    sections = _list(card.get("sections"))
    if not sections and not card.get("header"):
        yield f"{path} is empty: it has neither a header nor a section"
    if len(sections) > MOST_SECTIONS:
        yield f"{path} has {len(sections)} sections: Google allows {MOST_SECTIONS}"
    widgets = sum(len(_list(_of(section, "widgets"))) for section in sections)
    if widgets > MOST_WIDGETS:
        yield f"{path} has {widgets} widgets: Google drops the section that goes over {MOST_WIDGETS}, and all that follow"
    if len(_list(card.get("cardActions"))) > MOST_CARD_ACTIONS:
        yield f"{path}.cardActions has {len(card['cardActions'])} items: Google allows {MOST_CARD_ACTIONS}"


def _section(section: Json, path: str) -> Fault:
    count = section.get("uncollapsibleWidgetsCount")
    if isinstance(count, int) and count < 0:
        yield f"{path}.uncollapsibleWidgetsCount is {count}: it may be 0 or more"
    yield from _short_id(section, path)


def exactly_one(*names: str) -> Callable[[Json, str], Fault]:
    """Of these fields, which exclude each other, there must be one."""

    def check(value: Json, path: str) -> Fault:
        if sum(name in value for name in names) != 1:
            yield f"{path} needs exactly one of {', '.join(names)}"

    return check


_one_icon = exactly_one("knownIcon", "iconUrl", "materialIcon")


def _button(button: Json, path: str) -> Fault:
    if not button.get("text") and not button.get("icon"):
        yield f"{path} has neither text nor icon"
    # The buttons that fold a section do so by themselves.
    if not button.get("onClick") and not button.get("disabled") and ".collapseControl." not in path:
        yield f"{path} does nothing: it has no onClick"


def _decorated_text(text: Json, path: str) -> Fault:
    if not text.get("text") and not text.get("contentText"):
        yield f"{path} needs text"
    if sum(name in text for name in ("button", "switchControl", "endIcon")) > 1:
        yield f"{path} may have one of button, switchControl and endIcon"


def _icon(icon: Json, path: str) -> Fault:
    yield from _one_icon(icon, path)
    if "knownIcon" in icon and icon["knownIcon"] not in KNOWN_ICONS:
        yield f"{path}.knownIcon is “{icon['knownIcon']}”: Google has no icon of that name"


def _open_link(link: Json, path: str) -> Fault:
    if isinstance(url := link.get("url"), str) and url and not _OPENS.fullmatch(url):
        yield f"{path}.url is not an address Gmail would open"


def _selection_input(selection: Json, path: str) -> Fault:
    items = [item for item in _list(selection.get("items")) if isinstance(item, dict)]
    if len(items) > MOST_ITEMS:
        yield f"{path} has {len(items)} items: Google allows {MOST_ITEMS}"
    # In words, at MULTI_SELECT: "For Google Workspace add-ons, you must populate items using a static array".
    if "externalDataSource" in selection:
        yield f"{path}.externalDataSource is for Google Chat alone: in Gmail the items are given in the card"
    chosen = sum(item.get("selected") is True for item in items)
    if selection.get("type") in ("RADIO_BUTTON", "DROPDOWN") and chosen > 1:
        yield f"{path} has {chosen} selected items: it may have one"


def _text_input(text: Json, path: str) -> Fault:
    if not text.get("label") and not text.get("hintText"):
        yield f"{path} needs a label or a hintText"
    most = _of(text.get("validation"), "characterLimit")
    if isinstance(most, int) and 0 < most < len(str(text.get("value", ""))):
        yield f"{path}.value has {len(text['value'])} characters: its characterLimit is {most}"


def _overflow_menu_item(item: Json, path: str) -> Fault:
    if _of(item.get("onClick"), "overflowMenu"):
        yield f"{path}.onClick cannot open another menu: Google turns the item off"


def _colour(colour: Json, path: str) -> Fault:
    for name, share in colour.items():
        if isinstance(share, int | float) and not 0 <= share <= 1:
            yield f"{path}.{name} is {share}: it may be 0 to 1"


def _action_of(action: Json, path: str) -> Fault:
    if isinstance(address := action.get("function"), str) and address and not _HTTPS.match(address):
        yield f"{path}.function should be an https address"
    if "interaction" in action:
        yield f"{path}.interaction: Gmail strips the whole card, and shows nothing"


def _collapse_control(control: Json, path: str) -> Fault:
    if ("expandButton" in control) != ("collapseButton" in control):
        yield f"{path} needs both expandButton and collapseButton: one alone is passed over"


def _fixed_footer(footer: Json, path: str) -> Fault:
    for name in ("primaryButton", "secondaryButton"):
        if isinstance(button := footer.get(name), dict) and not (button.get("text") and "color" in button):
            yield f"{path}.{name} needs a text and a color"


PROSE: dict[str, Callable[[Json, str], Fault]] = {
    "Action": _action_of,
    "Button": _button,
    "Card": _card,
    "CardFixedFooter": _fixed_footer,
    "CollapseControl": _collapse_control,
    "Color": _colour,
    "DecoratedText": _decorated_text,
    "Icon": _icon,
    "NestedWidget": exactly_one("buttonList", "image", "textParagraph"),
    "OnClick": exactly_one("action", "card", "openDynamicLinkAction", "openLink", "overflowMenu"),
    "OpenLink": _open_link,
    "OverflowMenuItem": _overflow_menu_item,
    "Section": _section,
    "SelectionInput": _selection_input,
    "TextInput": _text_input,
    "Widget": _widget,
    "Widgets": _widget,
}
"""What Google's descriptions say in prose."""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
