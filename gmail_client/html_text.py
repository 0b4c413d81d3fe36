"""A mail's HTML as plain text: nothing remote, nothing that runs, and the address of each link after its words."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from lxml import etree

LONGEST_HTML = 500_000
"""Characters that are read: Gmail itself clips a mail at a fifth of that."""
LONGEST_LINK = 120
"""Characters of a link's address that are shown, and always its whole host."""
MOST_QUOTES = 9
"""Quotes within quotes that are marked."""

_UNSHOWN = {
    "head", "script", "style", "title", "template", "noscript", "noframes", "noembed", "iframe", "object", "svg", "math", "select",
    "textarea", "audio", "video", "canvas",
}  # fmt: skip
_NOT_DISPLAYED = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_APART = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "pre", "blockquote"}
"""Stand with an empty line around them."""
_ON_LINES_OF_THEIR_OWN = {
    "address", "article", "aside", "body", "caption", "center", "dd", "div", "dt", "fieldset", "figcaption", "figure", "footer",
    "form", "header", "html", "legend", "li", "main", "nav", "section", "tbody", "tfoot", "thead", "tr",
}  # fmt: skip
_SPACES = re.compile(r"[ \t\r\n\f]+")
_IN_AN_ADDRESS = re.compile(r"[\x00-\x20\x7f-\xa0]+")
_LINK = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)


def text_of_html(html: str) -> str:
    """What a person would read, in time proportional to the text: lxml reads tags one after the other, and builds no tree."""
    target = _Reading()
    parser = etree.HTMLParser(target=target, encoding="utf-8")
    parser.feed(html[:LONGEST_HTML].encode("utf-8", "replace"))
    parser.close()
    return target.text()


class _Reading:
    """What lxml tells of tags and text, as lines (https://lxml.de/parsing.html#the-target-parser-interface)."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._has_words = False
        self._unshown = 0
        """Elements that are open within one that is not shown, that one among them."""
        self._quotes = 0
        self._as_written = 0
        self._links: list[tuple[str, list[str]]] = []
        """Address and words of each link that is open."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._unshown or tag in _UNSHOWN or "hidden" in attributes or _NOT_DISPLAYED.search(attributes.get("style", "")):
            self._unshown += 1
            return
        self._begin_or_end(tag)
        match tag:
            case "br":
                self._end_line()
            case "hr":
                self._say("---")
                self._end_line()
            case "li":
                self._say("• ")
            case "img" if alt := attributes.get("alt", "").strip():
                self._say(f"[{alt}]")
            case "blockquote":
                self._quotes += 1
            case "pre":
                self._as_written += 1
            case "a":
                self._links.append((_shown_address(attributes.get("href", "")), []))

    def end(self, tag: str) -> None:
        if self._unshown:
            self._unshown -= 1
            return
        match tag:
            case "a" if self._links:
                address, words = self._links.pop()
                if address and _bare(address) != _bare("".join(words).strip()):
                    self._say(f" <{address}>")
            case "td" | "th":
                self._say(" ")
        self._begin_or_end(tag)
        match tag:
            case "blockquote" if self._quotes:
                self._quotes -= 1
            case "pre" if self._as_written:
                self._as_written -= 1

    def data(self, text: str) -> None:
        if self._unshown:
            return
        if not self._as_written:
            self._say(_SPACES.sub(" ", text))
            return
        first, *others = text.splitlines() or [""]
        self._say(first)
        for line in others:
            self._end_line()
            self._say(line)

    def close(self) -> None:
        """lxml's; the text is complete with it."""
        self._end_line()

    def text(self) -> str:
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip()

    def _say(self, text: str) -> None:
        if self._links:
            self._links[-1][1].append(text)
        self._line.append(text)
        self._has_words = self._has_words or bool(text.strip())

    def _begin_or_end(self, tag: str) -> None:
        """A new line, where the tag begins or ends one, and an empty one where it stands apart."""
        if tag in _APART or tag in _ON_LINES_OF_THEIR_OWN:
            if self._has_words:
                self._end_line()
            self._line = []
            if tag in _APART:
                self._lines.append("")

    def _end_line(self) -> None:
        line = "".join(self._line).rstrip()
        line = line if self._as_written else _SPACES.sub(" ", line).lstrip()
        quoted = "> " * min(self._quotes, MOST_QUOTES)
        self._lines.append((quoted + line).rstrip())
        self._line = []
        self._has_words = False


def _shown_address(href: str) -> str:
    """A link's address as it may be shown, its host first: what stands before an @ would only pretend to be one. "" for no link."""
    href = _IN_AN_ADDRESS.sub("", href)
    if not _LINK.match(href):
        return ""
    try:
        parts = urlsplit(href)
    except ValueError:
        return ""
    if not parts.netloc:
        return href if len(href) <= LONGEST_LINK else f"{href[:LONGEST_LINK]}…"
    start = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    rest = href.partition("://")[2][len(parts.netloc) :]
    kept = max(LONGEST_LINK - len(start), 0)
    return start + (rest if len(rest) <= kept else f"{rest[:kept]}…")


def _bare(address: str) -> str:
    """An address or a text without what nobody writes: two that are the same then are one."""
    return re.sub(r"\A(?:https?://|mailto:|tel:)", "", address, flags=re.IGNORECASE).removesuffix("/")
