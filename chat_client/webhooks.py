"""Notices by a webhook of Google Chat.

Reference: https://developers.google.com/workspace/chat/quickstart/webhooks
"""

import json
import re
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, BadRequest, NotFound, NotPermitted, RateLimited, Service, Side, Unavailable

WHO = Service(Side.OURS, "Google Chat")
SECONDS_TO_COME_BACK = 60.0
"""When Chat refuses for its rate and does not say when to come back: it allows one message a second in a space."""

LONGEST_ADDRESS = 1_000
_PATH = re.compile(r"/v1/spaces/[A-Za-z0-9_-]{1,100}/messages")
_SECRET = re.compile(r"[A-Za-z0-9_%=-]{1,400}")


class ChatWebhooks:
    """`mailmagnet.notices.Notices`: a webhook is an address at `origin` ("https://chat.googleapis.com") and nowhere else."""

    def __init__(self, session: HttpSession, origin: str, seconds: float) -> None:
        self._session = session
        self._origin = origin
        self._seconds = seconds

    def is_webhook(self, address: str) -> bool:
        if len(address) > LONGEST_ADDRESS or not address.isascii() or not address.isprintable() or " " in address:
            return False
        try:
            parts = urlsplit(address)
            query = parse_qs(parts.query, keep_blank_values=True, strict_parsing=True)
        except ValueError:
            return False
        at_chat = address.startswith(f"{self._origin}/") and f"{parts.scheme}://{parts.netloc}" == self._origin
        secrets = all(len(values) == 1 and _SECRET.fullmatch(values[0]) for values in query.values())
        return at_chat and bool(_PATH.fullmatch(parts.path)) and set(query) == {"key", "token"} and secrets and not parts.fragment

    async def send(self, webhook: str, text: str) -> None:
        if not self.is_webhook(webhook):
            raise BadRequest("this is no webhook of Google Chat")
        answer = await self._session.request(
            WHO,
            "POST",
            webhook,
            seconds=self._seconds,
            headers={"Content-Type": "application/json; charset=UTF-8"},
            body=json.dumps({"text": text}).encode(),
        )
        match answer.status:
            case HTTPStatus.OK:
                return
            case HTTPStatus.NOT_FOUND:
                raise NotFound(WHO, "there is no such webhook, or not any more")
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
                raise NotPermitted(WHO, f"status {answer.status}")
            case HTTPStatus.TOO_MANY_REQUESTS:
                seconds = answer.headers.get("Retry-After", "")
                raise RateLimited(WHO, float(seconds) if seconds.isdecimal() else SECONDS_TO_COME_BACK)
            case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise Unavailable(WHO, f"status {status}")
            case status:
                raise BadAnswer(WHO, f"status {status}")
