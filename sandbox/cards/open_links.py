"""Which links a deployment lets its cards open: the rules of `openLinkUrlPrefixes`, on the desk as before Google."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

_PREFIX = re.compile(r"(?:https?://)?[^\s/?#@\\*:]+(?::\d+)?/[^\s?#\\]*")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class OpenLinks:
    """`prefixes` as the manifest has them. Google takes https alone; `http_origins` are the origins of which http is taken here: those
    of this machine ("http://127.0.0.1:8090"), which has no https."""

    prefixes: Sequence[str]
    http_origins: Sequence[str] = ()

    def cover(self, url: str) -> bool:
        """Whether Gmail would open it: mailto and tel always, a web page only below one of the prefixes.

        https://developers.google.com/apps-script/manifest/allowlist-url: a prefix is an https URL (so is one without a scheme) with a
        host and a path; it covers itself and what is below it. Google opens http links as https. Its wildcards are not known here.
        """
        if re.match("(mailto|tel):", url, re.IGNORECASE):
            return True
        link = self._page(url)
        return link is not None and any(self._covers(prefix, link) for prefix in self.prefixes)

    def _covers(self, prefix: str, link: SplitResult) -> bool:
        allowed = _split(prefix if "://" in prefix else f"https://{prefix}") if _PREFIX.fullmatch(prefix) else None
        if not allowed or (allowed.scheme == "http" and not self._is_here(prefix)):
            return False
        if (allowed.scheme, allowed.hostname, _port(allowed)) != (link.scheme, link.hostname, _port(link)):
            return False
        below = link.path or "/"
        return below == allowed.path or below.startswith(allowed.path.removesuffix("/") + "/")

    def _page(self, url: str) -> SplitResult | None:
        """The web page that is opened; None for what is none, or does not say plainly where it leads."""
        link = _split(url)
        if not link or link.scheme not in _PORTS or "@" in link.netloc or not link.hostname:
            return None
        return link if self._is_here(url) else link._replace(scheme="https")

    def _is_here(self, url: str) -> bool:
        return any(origin and url.startswith(f"{origin}/") for origin in self.http_origins)


def links_of(answer: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Each link that a click in a card, or the answer itself, opens: its place and its URL."""
    if isinstance(answer, list):
        for number, inner in enumerate(answer):
            yield from links_of(inner, f"{place}[{number}]")
    elif isinstance(answer, dict):
        for name, inner in answer.items():
            here = f"{place}.{name}" if place else name
            if name in ("openLink", "link") and isinstance(inner, dict) and isinstance(url := inner.get("url"), str):
                yield f"{here}.url", url
            else:
                yield from links_of(inner, here)


def _split(url: str) -> SplitResult | None:
    """None for what browsers and libraries read differently: spaces, control characters, backslashes, steps back in the path."""
    if re.search(r"[^\x21-\x7e]|\\|/(\.|%2e){1,2}(/|\?|#|$)", url, re.IGNORECASE):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _port(parts: SplitResult) -> int | None:
    return parts.port or _PORTS.get(parts.scheme)
