"""The body of a request of the page's: a JSON object, and the texts in it."""

import json
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

_PERHAPS_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


class BadBody(ValueError):
    """The body does not say what it should; the message says what that is."""


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object that the page sent. Raises BadBody."""
    body = json_object(await request.read())
    if body is None:
        raise BadBody("The desk reads a JSON object.")
    return body


def json_object(data: bytes) -> dict[str, Any] | None:
    """The object that these bytes are, or None. Halves of characters in it, which nothing can store, become "?"."""
    try:
        found = json.loads(data)
        if _PERHAPS_HALF.search(data):
            found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def text(body: Mapping[str, Any], name: str, default: str = "") -> str:
    """One text of the body. Raises BadBody."""
    value = body.get(name, default)
    if not isinstance(value, str):
        raise BadBody(f"{name} should be a text.")
    return value


def texts(body: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts of the body. Raises BadBody."""
    values = body.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadBody(f"{name} should be a list of texts.")
    return values
