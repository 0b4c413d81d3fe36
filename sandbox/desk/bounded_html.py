"""HTML bounded in all that nests or repeats, so that whoever reads it next takes time in proportion to its length."""

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any
from unicodedata import bidirectional

from lxml import etree

MOST_TAGS = 50_000

MOST_ENTITIES = 100_000
"""A "&" or a space that does not break costs nh3 as much as all before it in its text."""

MOST_ATTRIBUTES = 100
"""Of one tag: parsers compare each with all before it."""

# Comments, declarations, tags (https://html.spec.whatwg.org/multipage/parsing.html#tag-open-state) and a "<" that begins none of them.
# Nothing is read twice: what is begun ends at the text's end at the latest.
_SPACE = r"[ \t\n\f\r]"
_VALUE = rf"""{_SPACE}*+=(?:{_SPACE}*+(?:"([^"]*+)(?:"|\Z)|'([^']*+)(?:'|\Z)|([^ \t\n\f\r>"'][^ \t\n\f\r>]*+)))?+"""
_ATTRIBUTE = rf"([^ \t\n\f\r/>][^ \t\n\f\r/>=]*+)(?:{_VALUE})?+"
_MARKUP = re.compile(
    rf"<!--(?:-?>|.*?(?:--!?>|\Z))|<[!?][^>]*(?:>|\Z)"
    rf"|<(?P<end>/?)(?P<name>[a-zA-Z][^ \t\n\f\r/>]*+)(?P<attributes>(?:[ \t\n\f\r/]++|{_ATTRIBUTE})*+)(?P<whole>>?)|<",
    re.DOTALL,
)
_EACH_ATTRIBUTE = re.compile(_ATTRIBUTE)
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9:_-]*")

# What is within these is no part of the text, or is read by rules of its own: it goes with them.
_HIDDEN = (
    "iframe", "math", "noembed", "noframes", "noscript", "object", "plaintext", "script", "select", "style", "svg", "template",
    "textarea", "title", "xmp",
)  # fmt: skip


_WRITTEN = {"L": "ltr", "R": "rtl", "AL": "rtl"}
"""The direction of writing, by a character's bidirectional class; those of all others depend on what is around them."""


class TooMuchMarkup(Exception):
    """More markup, or more tags within tags, than anybody writes."""


def bounded(html: str) -> str:
    """The same as a whole document, each tag with its end, without comments and what is hidden; dir="auto" is what it comes to.

    Raises TooMuchMarkup when it has more than MOST_TAGS or MOST_ENTITIES, or so many tags within one another that libxml2 reads no
    further (256).
    """
    parser = etree.HTMLParser(encoding="utf-8")
    root = etree.fromstring(b"<body>" + _MARKUP.sub(_plainly, html).encode("utf-8", "replace"), parser)
    etree.strip_elements(root, *_HIDDEN, with_tail=False)
    _resolve_directions(root)
    too_deep = any(error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for error in parser.error_log)
    whole: str = etree.tostring(root, encoding="unicode", method="html")
    if too_deep or sum(1 for _ in root.iter()) > MOST_TAGS or whole.count("&") + whole.count("\xa0") > MOST_ENTITIES:
        raise TooMuchMarkup
    return whole


def direction(text: str) -> str:
    """In which direction a text is written, by its first letter: "ltr", "rtl", or "" when it has none."""
    return next((_WRITTEN[kind] for kind in map(bidirectional, text) if kind in _WRITTEN), "")


def _resolve_directions(root: Any) -> None:
    """A browser would read all the text in an element with dir="auto" anew at each child that comes in."""
    first: dict[Any, str] = {}
    for element in reversed(list(root.iter())):
        within = ((first[child], direction(child.tail or "")) for child in element)
        first[element] = next(filter(None, chain([direction(element.text or "")], chain.from_iterable(within))), "")
        if element.get("dir", "").strip().lower() == "auto":
            element.set("dir", first[element] or "ltr")


def tags_in(html: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Name and attributes of each start tag; the names in lower case, the values as they are written."""
    for found in _MARKUP.finditer(html):
        if found["whole"] and not found["end"]:
            yield found["name"].lower(), {name.lower(): value for name, value in _attributes(found["attributes"])}


def _plainly(found: re.Match[str]) -> str:
    """Markup written anew so that it can be read in one way only: no parser finds a tag in it that is not seen here."""
    if found[0] == "<":
        return "&lt;"
    if not found["whole"] or not _NAME.fullmatch(found["name"]):
        return ""
    if found["end"]:
        return f"</{found['name']}>"
    attributes = "".join(f' {name}="{_quoted(value)}"' for name, value in _attributes(found["attributes"]))
    return f"<{found['name']}{attributes}>"


def _attributes(written: str) -> Iterator[tuple[str, str]]:
    for found in islice(_EACH_ATTRIBUTE.finditer(written), MOST_ATTRIBUTES):
        if _NAME.fullmatch(found[1]):
            yield found[1], found[2] or found[3] or found[4] or ""


def _quoted(value: str) -> str:
    return value.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
