"""What the page asked, read: a JSON object and the texts in it."""

import json
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

_PERHAPS_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


class BadQuestion(ValueError):
    """What the page asked cannot be answered; the message says why."""


async def question(request: web.Request) -> dict[str, Any]:
    """The JSON object that the page sent. Raises BadQuestion."""
    asked = json_object(await request.read())
    if asked is None:
        raise BadQuestion("The desk reads a JSON object.")
    return asked


def json_object(body: bytes) -> dict[str, Any] | None:
    """The object that these bytes are, or None. Halves of characters in it, which nothing can store, become "?"."""
    try:
        found = json.loads(body)
        if _PERHAPS_HALF.search(body):
            found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def text(asked: Mapping[str, Any], name: str, default: str = "") -> str:
    """One text of the question. Raises BadQuestion."""
    value = asked.get(name, default)
    if not isinstance(value, str):
        raise BadQuestion(f"{name} should be a text.")
    return value


def texts(asked: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts of the question. Raises BadQuestion."""
    values = asked.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadQuestion(f"{name} should be a list of texts.")
    return values
