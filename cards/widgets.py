"""One function a widget of Google's card format: plain dicts, Google's limit and the reference beside each.

The reference: https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1. Only what the cards use is here.

Three fields hold HTML (Google's few tags): TextParagraph.text, DecoratedText.text and Section.header. There a `str` is escaped,
and only `Html` goes through as it is. All other fields are plain text, and are written as they are.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import Any, Literal, TypeAlias
from urllib.parse import quote, urlsplit

from cards.words import one_line, shortened

Widget: TypeAlias = dict[str, Any]
Section: TypeAlias = dict[str, Any]
Card: TypeAlias = dict[str, Any]
OnClick: TypeAlias = dict[str, Any]
Button: TypeAlias = dict[str, Any]

MOST_WIDGETS = 100
"""A card's widgets; a section that goes over is dropped by Google with all that follow."""

LONGEST_TEXT = 500
"""Google names no limit for a text; beyond this nobody reads it in a panel 300 pixels wide."""

LONGEST_READING = 1_500
"""Characters of one paragraph of a text that is there to be read: longer ones are cut into several."""

LONGEST_URL = 2_000
"""Google names no limit; browsers and servers begin to refuse here."""

SWITCHED_ON = "on"
"""The value of a form's switch that is on; one that is off sends nothing."""

RED, AMBER, BLUE, GREEN, GREY = "#c5221f", "#b06000", "#1967d2", "#137333", "#5f6368"
"""Colours are for what is urgent, or new; grey is for what stands back."""


# Text with Google's HTML: https://developers.google.com/workspace/add-ons/concepts/widgets#text_formatting


class Html(str):
    """Text that is HTML already. Whatever is made of it with + or an f-string is a plain str again, and would be escaped."""

    __slots__ = ()


def html(text: str) -> Html:
    """Text as HTML: escaped, unless it is `Html` already."""
    return text if isinstance(text, Html) else Html(escape(shortened(text, LONGEST_TEXT)))


def bold(text: str) -> Html:
    return Html(f"<b>{html(text)}</b>")


def coloured(text: str, colour: str) -> Html:
    """`colour` is one of this file's colours: each is readable on white (WCAG AA)."""
    return Html(f'<font color="{colour}">{html(text)}</font>')


def spaced(*parts: str) -> Html:
    """Parts with a space between them, those that are empty left out."""
    return Html(" ".join(html(part) for part in parts if part))


# What a click does: https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1#onclick


def run(url: str, /, **ids: str) -> OnClick:
    """Call one of our functions. Its parameters are ids, and nothing else: what a click carries is not to be trusted."""
    action: dict[str, Any] = {"function": url}
    if ids:
        action["parameters"] = [{"key": key, "value": value} for key, value in ids.items()]
    return {"action": action}


def open_link(url: str) -> OnClick | None:
    """Open a web page: https alone, and http on this machine; None for every other address."""
    return _link(url) if len(url) <= LONGEST_URL and _is_web_page(url) else None


def open_overlay(url: str, *, reload: bool = True) -> OnClick:
    """Open a page of ours over Gmail; when its window is closed, Gmail loads the add-on anew, or leaves the card as it was typed.

    https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1#openlink
    """
    return {"openLink": {"url": url, "openAs": "OVERLAY", "onClose": "RELOAD" if reload else "NOTHING"}}


def write_to(address: str) -> OnClick | None:
    """Begin a mail; None if this is not an address."""
    return (
        _link(f"mailto:{quote(address, safe='@')}")
        if re.fullmatch(r"[^\s@<>\ud800-\udfff]+@[^\s@<>\ud800-\udfff]+", address)
        else None
    )


def call(phone: str) -> OnClick | None:
    """Call a number (RFC 3966); what follows a letter is an extension and left out. None if this is not a number."""
    digits = re.sub(r"[^\d+*#]", "", re.split(r"[^\W\d_]|[;,]", phone, maxsplit=1)[0])
    return _link(f"tel:{quote(digits, safe='+*')}") if re.fullmatch(r"\+?[0-9*#]{3,20}", digits) else None


def _link(url: str) -> OnClick:
    return {"openLink": {"url": url}}


def _is_web_page(url: str) -> bool:
    if re.search(r"[\s\x00-\x1f\x7f\\\ud800-\udfff]", url):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == "127.0.0.1"))
    except ValueError:
        return False


# Widgets


def text_paragraph(text: str) -> Widget:
    """https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1#textparagraph. `text` is HTML."""
    return {"textParagraph": {"text": str(html(text))}}


def reading(text: str, most: int) -> list[Widget]:
    """A long plain text, a widget for each of its paragraphs, its lines kept; `most` widgets at most. None without a sign to be seen."""
    blocks = [block.strip() for block in re.split(r"\n[^\S\n]*\n+", text)]
    pieces = [block[start : start + LONGEST_READING] for block in blocks for start in range(0, len(block), LONGEST_READING)]
    paragraphs = ([one_line(line) for line in piece.splitlines()] for piece in pieces)
    shown = ("<br>".join(map(escape, lines)) for lines in paragraphs if any(lines))
    return [{"textParagraph": {"text": paragraph}} for paragraph in islice(shown, most)]


def decorated_text(
    text: str,
    *,
    below: str = "",
    icon: str = "",
    wrap: bool = False,
    on_click: OnClick | None = None,
    at_its_end: Button | None = None,
    switch: tuple[str, bool] | None = None,
) -> Widget:
    """https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1#decoratedtext

    `text` is HTML, and is cut by Gmail at the panel's edge unless it wraps; `below` (bottomLabel) is plain and always wraps.
    `icon` is one of Google's known icons (https://developers.google.com/workspace/chat/format-messages#builtinicons).
    `switch` is a form's field, its name and whether it is on: then its value is SWITCHED_ON.
    """
    line: dict[str, Any] = {"text": str(html(text))}
    if icon:
        line["startIcon"] = {"knownIcon": icon, "altText": icon.capitalize()}
    if below:
        line["bottomLabel"] = shortened(below, LONGEST_TEXT)
    if wrap:
        line["wrapText"] = True
    if on_click:
        line["onClick"] = on_click
    if at_its_end:
        line["button"] = at_its_end
    if switch:
        name, on = switch
        line["switchControl"] = {"name": name, "selected": on, "value": SWITCHED_ON, "controlType": "SWITCH"}
    return {"decoratedText": line}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several things to choose: `value` is what the form sends, `text` is plain."""

    value: str
    text: str
    chosen: bool = False


def choices(field: str, label: str, options: Sequence[Choice], kind: Literal["RADIO_BUTTON", "CHECK_BOX", "DROPDOWN"]) -> Widget:
    """https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1#selectioninput. All of it is plain."""
    items = [
        {"text": shortened(option.text, LONGEST_TEXT), "value": option.value, "selected": option.chosen} for option in options
    ]
    return {"selectionInput": {"name": field, "label": label, "type": kind, "items": items}}


def button(text: str, on_click: OnClick, read_aloud: str = "") -> Button:
    """https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1#button. `text` is plain.

    `read_aloud` (altText, plain) says more than there is room for.
    """
    made: Button = {"text": shortened(text, LONGEST_TEXT), "onClick": on_click}
    return made | ({"altText": shortened(read_aloud, LONGEST_TEXT)} if read_aloud else {})


def button_list(*buttons: Button) -> Widget:
    """https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1#buttonlist"""
    return {"buttonList": {"buttons": list(buttons)}}


def text_input(field: str, label: str, value: str = "") -> Widget:
    """https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1#textinput. All of it is plain."""
    entry = {"name": field, "label": label, "type": "SINGLE_LINE"}
    return {"textInput": entry | ({"value": shortened(value, LONGEST_TEXT)} if value else {})}


def text_area(field: str, label: str, value: str = "") -> Widget:
    """A text input of several lines."""
    entry = {"name": field, "label": label, "type": "MULTIPLE_LINE"}
    return {"textInput": entry | ({"value": value} if value else {})}


@dataclass(frozen=True, slots=True)
class Fold:
    """The first `in_sight` widgets of a section are shown. The button `unfold` shows the others, and `fold` hides them again."""

    in_sight: int
    unfold: str
    fold: str


def section(widgets: Sequence[Widget], header: str = "", fold: Fold | None = None) -> Section | None:
    """https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1#section

    `header` is HTML. None without widgets: Google wants at least one.
    """
    if not widgets:
        return None
    made: Section = {"header": str(html(header))} if header else {}
    made["widgets"] = list(widgets)
    if fold and fold.in_sight < len(widgets):
        made |= {
            "collapsible": True,
            "uncollapsibleWidgetsCount": fold.in_sight,
            "collapseControl": {
                "expandButton": {"text": shortened(fold.unfold, LONGEST_TEXT)},
                "collapseButton": {"text": shortened(fold.fold, LONGEST_TEXT)},
            },
        }
    return made


def card(sections: Iterable[Section | None], title: str = "", subtitle: str = "") -> Card:
    """https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1#card

    `title` and `subtitle` are plain, one line each, cut by Gmail at the panel's edge. Sections that are None are left out.
    Over 100 widgets the longest sections are cut, and say how many more there were.
    """
    made: Card = {}
    if title:
        made["header"] = {"title": shortened(title, LONGEST_TEXT)}
        if one_line(subtitle):
            made["header"]["subtitle"] = shortened(subtitle, LONGEST_TEXT)
    made["sections"] = _within_limit([each for each in sections if each])
    return made


def _within_limit(sections: list[Section]) -> list[Section]:
    if len(sections) > MOST_WIDGETS:
        left_out = sum(len(each["widgets"]) for each in sections[MOST_WIDGETS - 1 :])
        sections = [*sections[: MOST_WIDGETS - 1], {"widgets": [_and_more(left_out)]}]
    most = MOST_WIDGETS
    while sum(min(len(each["widgets"]), most) for each in sections) > MOST_WIDGETS:
        most -= 1
    return [_cut(each, most) for each in sections]


def _cut(full: Section, most: int) -> Section:
    widgets = full["widgets"]
    if len(widgets) <= most:
        return full
    first = widgets[: most - 1]
    cut = full | {"widgets": [*first, _and_more(len(widgets) - len(first))]}
    if full.get("collapsible"):
        cut["uncollapsibleWidgetsCount"] = min(full["uncollapsibleWidgetsCount"], most)
    return cut


def _and_more(count: int) -> Widget:
    return text_paragraph(coloured(f"and {count} more", GREY))
