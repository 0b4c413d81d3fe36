"""Revoking a refresh token, over HTTP at the sandbox's Google: what ends, and what each refusal means."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from gmail_client.revoke import revoke
from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, RateLimited, TimedOut, Unavailable, Upstream
from sandbox.google.faults import Fault
from sandbox.google.gmail_server import make_app
from sandbox.google.google_side import BadToken
from sandbox.google.world import Account, World

TOKEN = "1//0g-made-up"


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Where the application listens."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def revoke_at(origin: str, token: str, seconds: float = 10) -> None:
    session = HttpSession({origin})
    try:
        await revoke(session, f"{origin}/revoke", token, seconds)
    finally:
        await session.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world", lambda: datetime.now(UTC))


@pytest.fixture
def ada(world: World) -> Account:
    return world.add_account("ada@desk.example", "Ada")


@pytest.fixture
async def origin(world: World) -> AsyncIterator[str]:
    async with serving(make_app(world)) as address:
        yield address


async def test_a_consent_ends_with_all_its_tokens_and_nobody_elses_does(origin: str, world: World, ada: Account) -> None:
    earlier, token = world.google.refresh_token(ada), world.google.refresh_token(ada)
    others = world.google.refresh_token(world.add_account("bob@desk.example", "Bob"))
    await revoke_at(origin, token)
    for ended in (token, earlier):
        with pytest.raises(BadToken):
            world.google.refreshed(ended)
    assert world.google.refreshed(others)


async def test_a_token_that_is_good_no_more_or_never_was_is_no_error(origin: str, world: World, ada: Account) -> None:
    token = world.google.refresh_token(ada)
    for _ in range(2):
        await revoke_at(origin, token)
    await revoke_at(origin, TOKEN)
    await revoke_at(origin, "ü &=\n")


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (Fault("google", "revoke", status=503), Unavailable),
        (Fault("google", "revoke", status=429), RateLimited),
        (Fault("google", "revoke", status=400), BadAnswer),
        (Fault("google", "revoke", status=404), Upstream),
        (Fault("google", "revoke", drop=True), Unavailable),
        (Fault("google", "revoke", html=True), Unavailable),
        (Fault("google", "revoke", latency_ms=5_000), TimedOut),
    ],
    ids=["503", "429", "400 of another kind", "404", "dropped", "HTML", "slow"],
)
async def test_when_google_does_not_do_it_the_token_is_still_good_and_not_shown(
    origin: str, world: World, ada: Account, fault: Fault, raised: type[Upstream]
) -> None:
    token = world.google.refresh_token(ada)
    world.faults.add(fault)
    with pytest.raises(raised) as refused:
        await revoke_at(origin, token, seconds=0.5)
    assert token not in f"{refused.value!r} {refused.value.__cause__!r}"
    assert world.google.refreshed(token)
    world.faults.clear()
    await revoke_at(origin, token)
    assert not world.google.has_consented(ada.address)


async def test_the_token_travels_in_a_form_and_never_in_the_address() -> None:
    requests = []

    async def google(request: web.Request) -> web.Response:
        requests.append((request.method, request.path_qs, request.content_type, dict(await request.post())))
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", google)
    async with serving(app) as origin:
        await revoke_at(origin, TOKEN)
    assert requests == [("POST", "/revoke", "application/x-www-form-urlencoded", {"token": TOKEN})]


@pytest.mark.parametrize(
    "body", ['{"error": "invalid_request"}', '{"error": {"status": "invalid_token"}}', "invalid_token", "[]"]
)
async def test_only_googles_own_word_for_it_makes_a_token_dead(body: str) -> None:
    async def google(_: web.Request) -> web.Response:
        return web.Response(status=400, text=body)

    app = web.Application()
    app.router.add_post("/revoke", google)
    async with serving(app) as origin:
        with pytest.raises(BadAnswer):
            await revoke_at(origin, TOKEN)


async def test_an_answer_that_is_lost_after_the_consent_ended_is_made_good_by_asking_again(world: World, ada: Account) -> None:
    token = world.google.refresh_token(ada)

    async def google(request: web.Request) -> web.Response:
        world.google.revoke(str((await request.post())["token"]))
        assert request.transport
        request.transport.abort()
        await asyncio.sleep(0)
        return web.Response()

    app = web.Application()
    app.router.add_post("/revoke", google)
    async with serving(app) as origin:
        with pytest.raises(Unavailable):
            await revoke_at(origin, token)
    assert not world.google.has_consented(ada.address)
    async with serving(make_app(world)) as origin:
        await revoke_at(origin, token)
