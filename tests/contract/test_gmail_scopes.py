"""Which of Gmail's scopes opens which method of the stand-in's API, as the reference has it for each method
(https://developers.google.com/workspace/gmail/api/reference/rest)."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.google.gmail_server import make_app
from sandbox.google.google_side import MAIL_SCOPE, SCOPE
from sandbox.google.world import World
from tests.contract.test_gmail_server import encoded, mail
from tests.google_browser import GoogleBrowser

ADA = "ada@desk.example"
SCOPES = (
    "gmail.readonly",
    "gmail.modify",
    "gmail.compose",
    "gmail.send",
    "gmail.labels",
    "gmail.metadata",
    "gmail.settings.basic",
)
READING = {"gmail.readonly", "gmail.modify"}
WRITING = {"gmail.modify", "gmail.compose"}
RAW = {"raw": encoded(mail(to="eve@ross.example"))}

METHODS: list[tuple[str, str, Any, set[str]]] = [
    ("GET", "profile", None, READING | {"gmail.compose", "gmail.metadata"}),
    ("GET", "messages", None, READING | {"gmail.metadata"}),
    ("GET", "messages?q=from:ada", None, READING),
    ("GET", "threads", None, READING | {"gmail.metadata"}),
    ("GET", "messages/{mail}?format=metadata", None, READING | {"gmail.metadata"}),
    ("GET", "messages/{mail}?format=full", None, READING),
    ("GET", "messages/{mail}/attachments/attachment-1", None, READING),
    ("GET", "history?startHistoryId=1", None, READING | {"gmail.metadata"}),
    ("GET", "labels", None, READING | {"gmail.labels", "gmail.metadata"}),
    ("POST", "labels", {"name": "New"}, {"gmail.modify", "gmail.labels"}),
    ("POST", "messages/{mail}/modify", {"addLabelIds": ["STARRED"]}, {"gmail.modify"}),
    ("POST", "messages/batchModify", {"ids": ["{mail}"], "addLabelIds": ["STARRED"]}, {"gmail.modify"}),
    ("POST", "messages/send", RAW, WRITING | {"gmail.send"}),
    ("GET", "drafts", None, READING | WRITING),
    ("GET", "drafts/{draft}", None, READING | WRITING),
    ("POST", "drafts", {"message": RAW}, WRITING),
    ("PUT", "drafts/{draft}", {"message": RAW}, WRITING),
    ("POST", "drafts/send", {"id": "{draft}"}, WRITING),
    ("DELETE", "drafts/{draft}", None, WRITING),
    ("GET", "settings/sendAs", None, READING | {"gmail.settings.basic"}),
    ("GET", f"settings/sendAs/{ADA}", None, READING | {"gmail.settings.basic"}),
]


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[GoogleBrowser]:
    world = World(tmp_path / "world", lambda: datetime.now(UTC))
    world.add_account(ADA, "Ada")
    runner = web.AppRunner(make_app(world), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        yield GoogleBrowser(f"http://127.0.0.1:{runner.addresses[0][1]}", world, session)
    await runner.cleanup()
    world.close()


async def called(browser: GoogleBrowser, method: tuple[str, str, Any, set[str]], scopes: list[str]) -> tuple[int, dict[str, Any]]:
    """The method on a mail and a draft of its own, with a token for these scopes."""
    verb, path, body, _ = method
    mailbox = browser.world.mailbox(ADA)
    ids = {"mail": mailbox.arrive(mail()).id, "draft": mailbox.create_draft(mail(), "").id}
    filled = {name: _filled(value, ids) for name, value in body.items()} if body else None
    token = browser.world.google.access_token(ADA, scopes)
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{browser.origin}/gmail/v1/users/me/{path.format(**ids)}"
    async with browser.session.request(verb, url, headers=headers, json=filled) as answer:
        return answer.status, await answer.json() if await answer.text() else {}


def _filled(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_filled(one, ids) for one in value]
    return ids.get(value.strip("{}"), value) if isinstance(value, str) else value


@pytest.mark.parametrize("method", METHODS, ids=lambda method: f"{method[0]} {method[1]}")
async def test_a_method_opens_to_the_scopes_of_the_reference_alone(
    browser: GoogleBrowser, method: tuple[str, str, Any, set[str]]
) -> None:
    opened = set()
    for scope in SCOPES:
        status, answer = await called(browser, method, [SCOPE + scope])
        if status == 403:
            assert answer["error"]["status"] == "PERMISSION_DENIED"
        else:
            opened.add(scope)
    assert opened == method[3]
    assert (await called(browser, method, [MAIL_SCOPE]))[0] != 403
    status, answer = await called(browser, method, [SCOPE + "calendar", "openid"])
    assert (status, answer["error"]["details"][0]["reason"]) == (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")


async def test_what_is_missing_is_told_as_google_tells_it(browser: GoogleBrowser) -> None:
    status, answer = await called(browser, ("POST", "drafts", {"message": RAW}, set()), [SCOPE + "gmail.readonly"])
    error = answer["error"]
    assert (status, error["code"], error["status"]) == (403, 403, "PERMISSION_DENIED")
    assert error["message"] == "Request had insufficient authentication scopes."
    assert error["errors"][0]["reason"] == "insufficientPermissions"
    [detail] = error["details"]
    assert (detail["@type"], detail["domain"]) == ("type.googleapis.com/google.rpc.ErrorInfo", "googleapis.com")
    assert (detail["reason"], detail["metadata"]["service"]) == ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "gmail.googleapis.com")


async def test_beside_the_metadata_scope_nothing_wider_searches(browser: GoogleBrowser) -> None:
    for wider, method in itertools.product(READING, ("messages?q=from:ada", "threads?q=from:ada", "messages/{mail}?format=full")):
        both = [SCOPE + wider, SCOPE + "gmail.metadata"]
        assert (await called(browser, ("GET", method, None, set()), both))[0] == 403


async def test_an_add_ons_scope_opens_the_attachments_of_the_open_mail_alone(browser: GoogleBrowser) -> None:
    google, mailbox = browser.world.google, browser.world.mailbox(ADA)
    ada = browser.world.account(ADA)
    opened, other = mailbox.arrive(mail()).id, mailbox.arrive(mail("Other")).id
    statuses = []
    for mail_id in (opened, other):
        headers = {
            "Authorization": f"Bearer {google.user_token(ada, [SCOPE + 'gmail.addons.current.message.readonly'])}",
            "X-Goog-Gmail-Access-Token": google.message_token(ada, opened),
        }
        url = f"{browser.origin}/gmail/v1/users/me/messages/{mail_id}/attachments/attachment-7"
        async with browser.session.get(url, headers=headers) as answer:
            statuses.append(answer.status)
    # The open mail has no such attachment; of the other one not even that is told.
    assert statuses == [400, 403]
