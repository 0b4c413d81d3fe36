"""A mail's HTML made safe to show: cleaned to what cannot run, and made a page that may fetch nothing."""

import html
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

import nh3

from sandbox.google.mail_parts import Part

LONGEST = 300_000
"""Characters of a mail's HTML that are shown; Gmail clips at a third of that."""

MOST_PICTURE_BYTES = 10_000_000

DEEPEST = 300
"""Tags within tags. Nobody writes more; reading a million takes minutes, so a mail that has more is shown as plain text."""

MOST_REPEATED = 100_000
"""An open <b> or <font> is repeated in each paragraph that follows: so many are written at most."""

# Comments, tags with at most some hundred attributes, and a "<" that is neither.
_MARKUP = re.compile(
    r"""<!--.*?(?:--!?>|\Z)|<[!?][^>]*>"""
    r"""|<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]*)(?P<attributes>(?:[^<>"']+|"[^"]*"|'[^']*'){0,300}+)>|<""",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([a-zA-Z][a-zA-Z-]*+)(?:\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?""")
_WITHOUT_END = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
_END_MAY_LACK = {"p", "li", "td", "th", "tr", "dt", "dd", "tbody", "thead", "tfoot", "colgroup", "option"}
_NOT_NESTING = _WITHOUT_END | _END_MAY_LACK
_FORMATS = {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}

_REMOTE_IMAGE = re.compile(r"""<img\b[^>]{0,2000}?\bsrc\s*=\s*["']?\s*(?:https?:)?//""", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:png|gif|jpeg|webp);base64,", re.IGNORECASE)
_LINK = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)

# Whoever gave a mail colours had white paper before them; one without any is read in the page's own.
_OWN_COLOUR = re.compile(r"""<[^>]*\s(?:bgcolor|color|style="[^"]*(?:color|background))""")

_TAGS = (nh3.ALLOWED_TAGS - {"map", "area"}) | {"font", "center", "big", "u", "tt"}
_DROPPED_WHOLE = {
    "script",
    "style",
    "title",
    "head",
    "noscript",
    "template",
    "iframe",
    "object",
    "svg",
    "math",
    "textarea",
    "select",
}
_ATTRIBUTES = {
    "*": {"style", "dir", "lang", "align", "valign", "bgcolor", "width", "height", "title"},
    "a": {"href"},
    "img": {"src", "alt", "border"},
    "font": {"color", "face", "size"},
    "table": {"border", "cellpadding", "cellspacing"},
    "td": {"colspan", "rowspan", "nowrap"},
    "th": {"colspan", "rowspan", "nowrap"},
    "ol": {"start", "type"},
    "ul": {"type"},
}
# No position, z-index, transform, filter or background image: nothing can cover anything or fetch anything.
_STYLES = {
    "color", "background-color", "font", "font-family", "font-size", "font-style", "font-weight", "line-height", "letter-spacing",
    "text-align", "text-decoration", "text-indent", "text-transform", "vertical-align", "white-space", "word-break", "overflow-wrap",
    "width", "max-width", "min-width", "height", "display", "float", "clear", "direction", "border-collapse", "border-spacing",
    "list-style-type", "table-layout", "border-radius",
    *(f"border{side}{part}" for side in ("", "-top", "-right", "-bottom", "-left") for part in ("", "-color", "-style", "-width")),
    *(f"{space}{side}" for space in ("margin", "padding") for side in ("", "-top", "-right", "-bottom", "-left")),
}  # fmt: skip

_PAGE = """<!doctype html>
<html{on_white}><head><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>Mail</title><style>
html {{ color-scheme: light dark; }} .on-white {{ color-scheme: light; }}
body {{ display: flow-root; margin: 0; padding: 8px 12px; color: light-dark(#1f1f1f, #e6e7ea); overflow-wrap: anywhere;
  font: 14px/1.43 "Google Sans Text", "Google Sans", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif; }}
.on-white body {{ background: #fff; }}
body > :first-child, body > :first-child > :first-child {{ margin-top: 0; }}
body > :last-child, body > :last-child > :last-child {{ margin-bottom: 0; }}
a {{ color: light-dark(#0b57d0, #a8c7fa); }}
img {{ max-width: 100%; height: auto; }} table {{ max-width: 100%; }} pre {{ white-space: pre-wrap; }}
blockquote {{ margin: 0 0 0 8px; padding-left: 10px; border-left: 1px solid #ccc; }}
</style></head><body dir="auto">{body}</body></html>
"""


@dataclass(frozen=True, slots=True)
class SafePage:
    """A whole HTML page, and the header Content-Security-Policy it must be sent with."""

    text: str
    policy: str


def safe_page(mail_html: str, pictures: Mapping[str, str], *, remote_images: bool) -> SafePage:
    """The page of one mail. `pictures` are its own (Content-ID to data: address); those of other hosts only when asked for."""
    shown = mail_html[:LONGEST]
    try:
        body = _cleaner(pictures, remote_images).clean(_Plainly().written(shown))
    except _TooDeepError:
        body = _as_text(shown)
    images = "data: https: http:" if remote_images else "data:"
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src {images}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
    )
    return SafePage(_PAGE.format(body=body, on_white=' class="on-white"' if _OWN_COLOUR.search(body) else ""), policy)


def has_remote_images(mail_html: str) -> bool:
    """Whether there is anything to ask the reader about."""
    return bool(_REMOTE_IMAGE.search(mail_html[:LONGEST]))


def pictures_of(mail: Part) -> dict[str, str]:
    """The pictures that a mail brings along, by Content-ID, as data: addresses; in all at most MOST_PICTURE_BYTES."""
    found: dict[str, str] = {}
    left = MOST_PICTURE_BYTES
    for part in mail.walk():
        content_id = part.first("Content-ID").strip().strip("<>")
        if content_id and part.mime_type in ("image/png", "image/gif", "image/jpeg", "image/webp") and len(part.content) <= left:
            left -= len(part.content)
            found[content_id] = f"data:{part.mime_type};base64,{b64encode(part.content).decode('ascii')}"
    return found


class _TooDeepError(Exception):
    """More tags within tags than anybody writes."""


class _Plainly:
    """Writes markup anew so that it can be read in one way only, and knows how deep its tags stand within one another.

    A depth that is only estimated can be fooled (by ends within comments, within attributes, or of tags that are not open), so
    what comes out holds no tag that was not counted, and only the end of the tag opened last is believed.
    """

    def __init__(self) -> None:
        self._open: list[str] = []
        self._formats = 0
        self._repeated = 0

    def written(self, mail_html: str) -> str:
        """Raises _TooDeepError."""
        return _MARKUP.sub(self._one, mail_html)

    def _one(self, found: re.Match[str]) -> str:
        if found[0] == "<":
            return "&lt;"
        if not found["name"]:
            return ""
        name = found["name"].lower()
        self._count(name, is_end=bool(found["end"]))
        return f"</{name}>" if found["end"] else f"<{name}{_attributes(found['attributes'])}>"

    def _count(self, name: str, *, is_end: bool) -> None:
        self._repeated += self._formats
        if name not in _NOT_NESTING:
            self._nest(name, is_end=is_end)
        if len(self._open) > DEEPEST or self._repeated > MOST_REPEATED:
            raise _TooDeepError

    def _nest(self, name: str, *, is_end: bool) -> None:
        if not is_end:
            self._open.append(name)
            self._formats += name in _FORMATS
        elif self._open[-1:] == [name]:
            self._open.pop()
            self._formats -= name in _FORMATS


def _attributes(written: str) -> str:
    def one(name: str, *values: str) -> str:
        value = "".join(values).replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
        return f' {name}="{value}"'

    return "".join(one(*attribute) for attribute in _ATTRIBUTE.findall(written))


def _as_text(mail_html: str) -> str:
    text = html.escape(html.unescape(re.sub(r"<[^>]*>?", " ", mail_html)).strip())
    return f"<p><i>This mail's layout is nested too deep to be shown: here is its text.</i></p><pre>{text}</pre>"


def _cleaner(pictures: Mapping[str, str], remote_images: bool) -> nh3.Cleaner:
    def kept(tag: str, attribute: str, value: str) -> str | None:
        value = value.strip()
        if attribute == "href":
            return value if _LINK.match(value) else None
        if attribute == "src":
            return _image(value, pictures, remote_images)
        return value

    return nh3.Cleaner(
        tags=_TAGS,
        clean_content_tags=_DROPPED_WHOLE,
        attributes=_ATTRIBUTES,
        attribute_filter=kept,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        url_relative="deny",
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        filter_style_properties=_STYLES,
    )


def _image(source: str, pictures: Mapping[str, str], remote_images: bool) -> str | None:
    if source.lower().startswith("cid:"):
        return pictures.get(html.unescape(source[4:]))
    if _PICTURE.match(source):
        return source
    return source if remote_images and source.lower().startswith(("http://", "https://")) else None
