"""Notices to Google Chat, against a server that takes them as the reference describes, and the closed list of addresses."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from chat_client.webhooks import ChatWebhooks
from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, BadRequest, NotFound, NotPermitted, RateLimited, TimedOut, Unavailable, Upstream

GOOD = "https://chat.googleapis.com/v1/spaces/AAAAsp-ace_1/messages?key=AIzaSy-k_1&token=t0k-en_%3D"


@dataclass
class Chat:
    """A space with a webhook; `answer` is its status, 0 for none at all."""

    posted: list[Any] = field(default_factory=list)
    answer: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.posted.append((request.headers["Content-Type"], dict(request.query), await request.json()))
        if not self.answer:
            assert request.transport
            request.transport.close()
        return web.json_response({"name": "spaces/1/messages/2"}, status=self.answer or 200, headers=self.headers)


@pytest.fixture
async def chat() -> AsyncIterator[tuple[Chat, ChatWebhooks]]:
    made = Chat()
    app = web.Application()
    app.router.add_post("/v1/spaces/A1/messages", made.take)
    async with TestServer(app, host="127.0.0.1") as server:
        origin = f"http://127.0.0.1:{server.port}"
        made.url = f"{origin}/v1/spaces/A1/messages?key=k&token=t%3D1"
        session = HttpSession([origin])
        yield made, ChatWebhooks(session, origin, seconds=5)
        await session.close()


async def test_a_notice_is_a_message_of_plain_text(chat: tuple[Chat, ChatWebhooks]) -> None:
    made, webhooks = chat
    await webhooks.send(made.url, "2 new mails.\nhttps://mail.google.com/")
    [(kind, query, body)] = made.posted
    assert kind.startswith("application/json")
    assert query == {"key": "k", "token": "t=1"}
    assert body == {"text": "2 new mails.\nhttps://mail.google.com/"}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFound),
        (403, NotPermitted),
        (401, NotPermitted),
        (429, RateLimited),
        (400, BadAnswer),
        (302, BadAnswer),
        (500, Unavailable),
        (0, Unavailable),
    ],
)
async def test_a_refusal_is_told_as_what_it_is_and_without_the_address(
    chat: tuple[Chat, ChatWebhooks], status: int, error: type[Upstream]
) -> None:
    made, webhooks = chat
    made.answer, made.headers = status, {"Retry-After": "7"} if status == 429 else {}
    with pytest.raises(error) as raised:
        await webhooks.send(made.url, "x")
    assert "token" not in str(raised.value)
    assert "spaces" not in str(raised.value)
    if isinstance(raised.value, RateLimited):
        assert raised.value.retry_after == 7
    assert len(made.posted) == 1


async def test_a_slow_chat_is_given_up() -> None:
    async def slow(_: web.Request) -> web.Response:
        import asyncio

        await asyncio.sleep(5)
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/spaces/A1/messages", slow)
    async with TestServer(app, host="127.0.0.1") as server:
        origin = f"http://127.0.0.1:{server.port}"
        session = HttpSession([origin])
        with pytest.raises(TimedOut):
            await ChatWebhooks(session, origin, seconds=0.05).send(f"{origin}/v1/spaces/A1/messages?key=k&token=t", "x")
        await session.close()


@pytest.mark.parametrize(
    ("address", "good"),
    [
        (GOOD, True),
        (GOOD.replace("key=AIzaSy-k_1&token=t0k-en_%3D", "token=a&key=b"), True),
        (GOOD.replace("https", "http"), False),
        (GOOD.replace("chat.googleapis.com", "chat.googleapis.com.evil.example"), False),
        (GOOD.replace("chat.googleapis.com", "evil.example"), False),
        (GOOD.replace("chat.googleapis.com", "chat.googleapis.com@evil.example"), False),
        (GOOD.replace("chat.googleapis.com", "user@chat.googleapis.com"), False),
        (GOOD.replace("chat.googleapis.com", "chat.googleapis.com:8443"), False),
        (GOOD.replace("https://", "https://chat.googleapis.com\\@evil.example/"), False),
        (GOOD.replace("/v1/spaces/AAAAsp-ace_1/messages", "/v1/spaces/A/../../B/messages"), False),
        (GOOD.replace("/messages", "/members"), False),
        (GOOD.replace("&token=t0k-en_%3D", ""), False),
        (f"{GOOD}&token=twice", False),
        (f"{GOOD}&threadKey=a", False),
        (f"{GOOD}#x", False),
        (f"{GOOD}\n", False),
        (f" {GOOD}", False),
        ("chat.googleapis.com", False),
        ("https://[::1", False),
        ("", False),
        (GOOD + "x" * 1000, False),
    ],
)
async def test_a_webhook_is_an_address_of_googles_chat_and_nothing_else(address: str, good: bool) -> None:
    session = HttpSession([])
    webhooks = ChatWebhooks(session, "https://chat.googleapis.com", seconds=1)
    assert webhooks.is_webhook(address) is good
    if not good:
        with pytest.raises(BadRequest) as raised:
            await webhooks.send(address, json.dumps({}))
        assert address[:20] not in str(raised.value) or not address
    await session.close()
