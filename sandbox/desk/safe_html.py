"""A mail's HTML made safe to show: cleaned to what cannot run, and made a page that may fetch nothing."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import nh3

from sandbox.desk.bounded_html import TooMuchMarkup, bounded, direction, tags_in
from sandbox.google.mail_parts import Part, text_of_html

LONGEST = 300_000
"""Characters of a mail's HTML that are shown; Gmail clips at a third of that."""

MOST_PICTURE_BYTES = 10_000_000

MOST_PICTURES = 100
"""Of one mail's own."""

_REMOTE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_PICTURES = ("image/png", "image/gif", "image/jpeg", "image/webp")
_PICTURE = re.compile(r"data:image/(?:png|gif|jpeg|webp);base64,", re.IGNORECASE)
_LINK = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)

# Whoever gave a mail colours had white paper before them; one without any is read in the page's own.
_OWN_COLOUR = re.compile(r"""<[^>]*\s(?:bgcolor|color|style="[^"]*(?:color|background))""")

_TAGS = (nh3.ALLOWED_TAGS - {"map", "area"}) | {"font", "center", "big", "u", "tt"}
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
</style></head><body dir="{direction}">{body}</body></html>
"""


@dataclass(frozen=True, slots=True)
class SafePage:
    """A whole HTML page, and the header Content-Security-Policy it must be sent with."""

    text: str
    policy: str


def safe_page(mail_html: str, pictures: Mapping[str, Part], *, pictures_at: str, remote_images: bool) -> SafePage:
    """The page of one mail. `pictures` are its own, by Content-ID: each is fetched, once for all its uses, from its part's id below the
    URL `pictures_at`, which ends in "/". Pictures of other hosts stay only when asked for."""
    shown = mail_html[:LONGEST]
    try:
        body = _cleaner(pictures, pictures_at, remote_images).clean(bounded(shown))
    except TooMuchMarkup:
        body = _as_text(shown)
    images = f"data: {pictures_at}" + (" https: http:" if remote_images else "")
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src {images}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
    )
    on_white = ' class="on-white"' if _OWN_COLOUR.search(body) else ""
    return SafePage(_PAGE.format(body=body, on_white=on_white, direction=direction(text_of_html(shown)) or "ltr"), policy)


def has_remote_images(mail_html: str) -> bool:
    """Whether there is anything to ask the reader about."""
    return any(
        name == "img" and _REMOTE.match(html.unescape(given.get("src", ""))) for name, given in tags_in(mail_html[:LONGEST])
    )


def pictures_of(mail: Part) -> dict[str, Part]:
    """The pictures that a mail brings along, by Content-ID: at most MOST_PICTURES of at most MOST_PICTURE_BYTES in all."""
    found: dict[str, Part] = {}
    left = MOST_PICTURE_BYTES
    for part in mail.walk():
        content_id = part.first("Content-ID").strip().strip("<>")
        if content_id and part.mime_type in _PICTURES and len(part.content) <= left and len(found) < MOST_PICTURES:
            left -= len(part.content)
            found[content_id] = part
    return found


def _as_text(mail_html: str) -> str:
    text = html.escape(text_of_html(mail_html).strip())
    return f"<p><i>There is too much layout in this mail to be shown: here is its text.</i></p><pre>{text}</pre>"


def _cleaner(pictures: Mapping[str, Part], pictures_at: str, remote_images: bool) -> nh3.Cleaner:
    def attribute_value(tag: str, attribute: str, value: str) -> str | None:
        value = value.strip()
        if attribute == "href":
            return value if _LINK.match(value) else None
        if attribute != "src":
            return value
        if value.lower().startswith("cid:"):
            picture = pictures.get(value[4:]) or pictures.get(unquote(value[4:]))
            return pictures_at + picture.part_id if picture else None
        return value if _PICTURE.match(value) or (remote_images and value.lower().startswith(("http://", "https://"))) else None

    return nh3.Cleaner(
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=attribute_value,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        url_relative="deny",
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        filter_style_properties=_STYLES,
    )
