"""Google Chat on this machine: spaces, and the messages that come in by their webhooks
(https://developers.google.com/workspace/chat/quickstart/webhooks)."""

import hmac
import json
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path

LONGEST_TEXT = 4_096
"""Characters."""
MOST_MESSAGES_A_MINUTE = 60
"""Written to one space, whoever writes (https://developers.google.com/workspace/chat/limits)."""

_REASONS = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


class NotPosted(Exception):
    """Chat does not take a message: `code` is the HTTP status, the message says why."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = _REASONS[code]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message in a space; `at` is on the world's clock."""

    name: str
    text: str
    at: datetime


class Chat:
    """The spaces. Their webhooks are on disk, their messages in memory alone."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._file = folder / "chat_webhooks.json"
        self._clock = clock
        self._webhooks: dict[str, dict[str, str]] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._messages: dict[str, deque[ChatMessage]] = {}

    def webhook(self, space: str) -> str:
        """The path and query of a space's webhook, to be put behind the address at which Google is reached here. Made when it is first
        asked for. `space` is what comes after "spaces/" in its name."""
        if space not in self._webhooks:
            self._webhooks[space] = {"key": "AIza" + secrets.token_urlsafe(26), "token": secrets.token_urlsafe(32)}
            self._file.touch(mode=0o600)
            self._file.write_text(json.dumps(self._webhooks))
        found = self._webhooks[space]
        return f"/v1/spaces/{space}/messages?key={found['key']}&token={found['token']}"

    def messages(self, space: str) -> tuple[ChatMessage, ...]:
        """Of a space, the oldest first; those of this start, and at most the newest thousand."""
        return tuple(self._messages.get(space, ()))

    def post(self, space: str, key: str, token: str, body: bytes) -> ChatMessage:
        """Take a message in. Raises NotPosted."""
        webhook = self._webhooks.get(space)
        if not token:
            raise NotPosted(403, "The API is called without a valid token.")
        if not any(_same(key, known["key"]) for known in self._webhooks.values()):
            raise NotPosted(400, "API key not valid. Please pass a valid API key.")
        if not webhook:
            raise NotPosted(404, "Space not found.")
        if not (_same(key, webhook["key"]) and _same(token, webhook["token"])):
            raise NotPosted(403, "The caller does not have permission")
        text = _text(body)
        kept = self._messages.setdefault(space, deque(maxlen=1_000))
        now = self._clock()
        if sum(abs(now - message.at) < timedelta(minutes=1) for message in kept) >= MOST_MESSAGES_A_MINUTE:
            raise NotPosted(429, "Resource has been exhausted (e.g. check quota).")
        message = ChatMessage(f"spaces/{space}/messages/{secrets.token_urlsafe(8)}", text, now)
        kept.append(message)
        return message


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), known.encode())


@cache
def _message_fields() -> frozenset[str]:
    source = files("googleapiclient.discovery_cache") / "documents" / "chat.v1.json"
    return frozenset(json.loads(source.read_text(encoding="utf-8"))["schemas"]["Message"]["properties"])


def _text(body: bytes) -> str:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise NotPosted(400, "Invalid JSON payload received. Parsing failed.") from None
    if not isinstance(message, Mapping):
        raise NotPosted(400, "Invalid JSON payload received. Root element must be a message.")
    for name in message:
        if name not in _message_fields():
            raise NotPosted(400, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    text = message.get("text", "")
    if not isinstance(text, str):
        raise NotPosted(400, "Invalid value at 'message.text' (TYPE_STRING)")
    if not text.strip() and not message.get("cardsV2"):
        raise NotPosted(400, "Message cannot be empty. Discarding empty create message request.")
    if len(text) > LONGEST_TEXT:
        raise NotPosted(400, f"Message is too long. The maximum is {LONGEST_TEXT} characters.")
    return text
