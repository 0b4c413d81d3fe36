"""A CRM's note, which is HTML with many of them, as the plain text that it says. Pure."""

import re
from html.parser import HTMLParser

LONGEST_HTML = 20_000
"""Characters that are read: of a note the beginning is shown."""

_UNSHOWN = frozenset({"head", "script", "style", "template", "title"})
_LINES = frozenset(
    {
        "address", "blockquote", "dd", "div", "dl", "dt", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre",
        "section", "table", "td", "th", "tr", "ul",
    }
)  # fmt: skip
_SPACES = re.compile(r"\s+")


def text_of_note(html: str) -> str:
    """What a person would read: a line for each paragraph, item and <br>, without what is not shown."""
    reading = _Reading()
    reading.feed(html[:LONGEST_HTML])
    reading.close()
    return reading.text()


class _Reading(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines = [""]
        self._unshown = 0

    def handle_starttag(self, tag: str, _: object) -> None:
        if tag in _UNSHOWN:
            self._unshown += 1
        elif tag == "br":
            self._lines.append("")
        elif tag in _LINES:
            self._begin()

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSHOWN:
            self._unshown = max(self._unshown - 1, 0)
        elif tag in _LINES:
            self._begin()

    def handle_data(self, data: str) -> None:
        if not self._unshown:
            self._lines[-1] += data

    def text(self) -> str:
        return "\n".join(_SPACES.sub(" ", line).strip() for line in self._lines).strip()

    def _begin(self) -> None:
        """A new line, unless this one is empty still."""
        if self._lines[-1].strip():
            self._lines.append("")
        else:
            self._lines[-1] = ""
