"""The stand-in for Google Chat's webhooks, over HTTP: what is taken, what is refused, and what a space shows."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.google.faults import Fault
from sandbox.google.gmail_server import make_app
from sandbox.google.world import World

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


@dataclass
class Chat:
    """A space's webhook at a Google of this machine."""

    world: World
    origin: str
    session: aiohttp.ClientSession
    now: datetime = NOW

    @property
    def webhook(self) -> str:
        return self.origin + self.world.chat.webhook("AAAA")

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.world.chat.messages("AAAA")]

    async def post(self, url: str, body: object) -> tuple[int, dict[str, Any]]:
        """Status and answer; a body that is bytes is sent as it is."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.session.post(url, data=sent, headers={"Content-Type": "application/json"}) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Chat]:
    world = World(tmp_path / "world", lambda: made.now)
    runner = web.AppRunner(make_app(world), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        made = Chat(world, f"http://127.0.0.1:{runner.addresses[0][1]}", session)
        yield made
    await runner.cleanup()


async def test_a_message_stands_in_its_space(chat: Chat) -> None:
    other = chat.world.chat.webhook("BBBB")
    status, answer = await chat.post(chat.webhook, {"text": "3 mails of customers: <https://mail.google.com|Open>"})
    assert (status, answer["name"].startswith("spaces/AAAA/messages/")) == (200, True)
    await chat.post(chat.origin + other, {"text": "Elsewhere"})
    assert chat.texts == ["3 mails of customers: <https://mail.google.com|Open>"]
    assert chat.world.chat.messages("CCCC") == ()


async def test_a_webhook_is_the_same_after_a_new_start(chat: Chat) -> None:
    webhook = chat.world.chat.webhook("AAAA")
    assert World(chat.world.folder, chat.world.clock).chat.webhook("AAAA") == webhook


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        (("&token=", "&token=x"), 403, "PERMISSION_DENIED"),
        (("&token=", "&other="), 403, "PERMISSION_DENIED"),
        (("?key=", "?key=x"), 400, "INVALID_ARGUMENT"),
        (("/AAAA/", "/BBBB/"), 403, "PERMISSION_DENIED"),
        (("/AAAA/", "/ZZZZ/"), 404, "NOT_FOUND"),
    ],
    ids=["another token", "no token", "another key", "another space's", "no such space"],
)
async def test_only_a_spaces_own_webhook_writes_to_it(chat: Chat, change: tuple[str, str], code: int, status: str) -> None:
    chat.world.chat.webhook("BBBB")
    got, answer = await chat.post(chat.webhook.replace(*change), {"text": "Hello"})
    assert (got, answer["error"]["code"], answer["error"]["status"]) == (code, code, status)
    assert (chat.texts, chat.world.chat.messages("BBBB")) == ([], ())


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[" * 100_000, [], "Hello", {}, {"text": ""}, {"text": " \n"}, {"text": 3}, {"txt": "x"}, {"text": "x" * 4_097}],
    ids=lambda body: repr(body)[:12],
)
async def test_a_bad_message_is_refused(chat: Chat, body: object) -> None:
    status, answer = await chat.post(chat.webhook, body)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert chat.texts == []


async def test_the_longest_text_is_taken(chat: Chat) -> None:
    assert (await chat.post(chat.webhook, {"text": "ü" * 4_096}))[0] == 200


async def test_a_space_takes_sixty_messages_a_minute(chat: Chat) -> None:
    answers = [(await chat.post(chat.webhook, {"text": str(number)}))[0] for number in range(61)]
    assert answers == [200] * 60 + [429]
    assert (await chat.post(chat.origin + chat.world.chat.webhook("BBBB"), {"text": "x"}))[0] == 200
    chat.now += timedelta(minutes=1)
    assert (await chat.post(chat.webhook, {"text": "x"}))[0] == 200


async def test_a_fault_before_writes_nothing_and_one_after_has_written(chat: Chat) -> None:
    chat.world.faults.add(Fault("chat", "message", status=503, times=1))
    assert (await chat.post(chat.webhook, {"text": "One"}))[0] == 503
    assert chat.texts == []
    chat.world.faults.add(Fault("chat", "message", drop=True, after=True, times=1))
    with pytest.raises(aiohttp.ClientError):
        await chat.post(chat.webhook, {"text": "Two"})
    assert chat.texts == ["Two"]


async def test_a_page_cannot_write(chat: Chat) -> None:
    async with chat.session.post(chat.webhook, json={"text": "x"}, headers={"Origin": "http://evil.example"}) as answer:
        assert answer.status == 403
    assert chat.texts == []
