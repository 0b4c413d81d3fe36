"""The HTML of our pages: text escaped, one plain design, and headers that let in nothing of anybody else's."""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape

from starlette.responses import HTMLResponse

NOBODY = "'none'"
"""Who may frame a page, as its policy has it."""


class Markup(str):
    """HTML that is whole and safe. Whatever is made of it with + or an f-string is a plain str again, and would be escaped."""

    __slots__ = ()


def markup(text: str) -> Markup:
    """Text as HTML: escaped, unless it is `Markup` already."""
    return text if isinstance(text, Markup) else Markup(escape(text))


def element(name: str, *inner: str, **attributes: str) -> Markup:
    """`inner` is text or `Markup`; an underscore in an attribute's name is a hyphen, one at its end is left out."""
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    content = "".join(map(markup, inner))
    return Markup(f"<{name}{written}>{content}</{name}>")


def paragraph(*inner: str) -> Markup:
    return element("p", *inner)


def small(*inner: str) -> Markup:
    """What stands back: a reference, a hint."""
    return element("p", *inner, class_="small")


def bullets(items: Iterable[str]) -> Markup:
    return element("ul", *(element("li", item) for item in items))


def link_button(text: str, url: str, **attributes: str) -> Markup:
    """A button that leads somewhere. What changes anything is a form."""
    return element("p", element("a", text, class_="button", href=url, **attributes))


def hidden(name: str, value: str) -> Markup:
    return Markup(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">')


def text_field(name: str, label: str, *, secret: bool = False, value: str = "") -> Markup:
    """A line to type into. What is secret is never shown again, and no browser offers to fill it with another site's."""
    kind = "password" if secret else "text"
    shown = "" if secret else f' value="{escape(value)}"'
    field = Markup(
        f'<input type="{kind}" name="{escape(name)}"{shown} required maxlength="1000" autocapitalize="off" spellcheck="false">'
    )
    return element("label", label, field)


def form(action: str, button: str, *fields: str) -> Markup:
    """`action` is a URL of ours; `fields` are `Markup`, the token of `Visit.csrf` among them."""
    return element("form", *fields, element("p", element("button", button, type="submit")), method="post", action=action)


_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; padding: 2rem 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #202124; background: #f6f8fc; }
main { max-width: 30rem; margin: 0 auto; padding: 1.5rem; background: #fff; border-radius: 0.75rem; overflow-wrap: anywhere; }
h1 { margin: 0 0 1rem; font-size: 1.35rem; line-height: 1.3; font-weight: 600; }
label { display: block; margin: 1rem 0; }
input { display: block; box-sizing: border-box; width: 100%; margin-top: 0.25rem; padding: 0.6rem; font: inherit; border: 1px solid #747775;
  border-radius: 0.4rem; background: #fff; color: #202124; }
button, .button { display: inline-block; padding: 0.6rem 1.2rem; font: inherit; font-weight: 600; border: 0; border-radius: 1.5rem;
  background: #0b57d0; color: #fff; text-decoration: none; cursor: pointer; }
a { color: #0b57d0; }
:focus-visible { outline: 3px solid #0b57d0; outline-offset: 2px; }
.small { font-size: 0.875rem; color: #5f6368; }
.list { margin: 1rem 0; padding: 0; list-style: none; }
.list li { padding: 0.6rem 0; border-top: 1px solid #dadce0; }
.list p { margin: 0; }
.framed { padding: 0; background: #fff; }
.framed main { max-width: none; border-radius: 0; padding: 1rem; }
@media (prefers-color-scheme: dark) {
  body { color: #e3e3e3; background: #131314; }
  main { background: #1f1f1f; }
  input { background: #131314; color: #e3e3e3; }
  button, .button { background: #a8c7fa; color: #062e6f; }
  a { color: #a8c7fa; }
  :focus-visible { outline-color: #a8c7fa; }
  .small { color: #c4c7c5; }
  .list li { border-color: #444746; }
  .framed { background: #1f1f1f; }
}
"""
_CLOSE = "window.close();"


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def page_response(title: str, *blocks: str, status: int = 200, closes: bool = False, framed_by: str = NOBODY) -> HTMLResponse:
    """A whole page. `blocks` are `Markup`, or text, which becomes a paragraph.

    `closes`: there is nothing more to do, so the window closes by itself where the browser lets it. `framed_by` is the one origin
    that may show the page within its own.
    """
    script = element("script", Markup(_CLOSE)) if closes else Markup()
    body = element(
        "main", element("h1", title, dir="auto"), *(block if isinstance(block, Markup) else paragraph(block) for block in blocks)
    )
    framed = "" if framed_by == NOBODY else ' class="framed"'
    text = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, '
        f'initial-scale=1"><title>{escape(title)} · MailMagnet</title><style>{_STYLE}</style></head>'
        f"<body{framed}>{body}{script}</body></html>"
    )
    return HTMLResponse(text, status, _headers(script_hash=_hash(_CLOSE) if closes else "", framed_by=framed_by))


def _headers(script_hash: str, framed_by: str) -> dict[str, str]:
    """Without Cross-Origin-Opener-Policy: under it Gmail would take the window for closed while it is open."""
    policy = [
        "default-src 'none'",
        f"style-src {_hash(_STYLE)}",
        *([f"script-src {script_hash}"] if script_hash else []),
        "form-action 'self'",
        "base-uri 'none'",
        f"frame-ancestors {framed_by}",
    ]
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Referrer-Policy": "no-referrer",
        **({"X-Frame-Options": "DENY"} if framed_by == NOBODY else {}),
    }
