"""Zoho's stand-in, served: each call and each answer is held against what Zoho's own SDK says of it."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler

from crm_client.zoho.sign_in import SCOPES
from sandbox.crms.world import CrmWorld
from sandbox.crms.zoho.accounts import OAuthClient
from sandbox.crms.zoho.server import ZohoServer
from tests.zoho_description import faults_of_call

CALLBACK = "http://127.0.0.1:9/pages/crm-sign-in/callback"
CLIENT = OAuthClient(redirect_uris=frozenset({CALLBACK}))


class Clock:
    """The stand-in's time, which a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call to the API and its answer, as JSON; None for no body."""

    method: str
    path: str
    params: Mapping[str, str]
    body: Any
    status: int
    answer: Any


@asynccontextmanager
async def serving(world: CrmWorld, now: Clock, exchanges: list[Exchange] | None = None) -> AsyncIterator[ZohoServer]:
    """The stand-in with this world in it. At the end it is an error if anything was not as Zoho's SDK says. `exchanges` is filled."""
    zoho, seen = ZohoServer(world, CLIENT, now), exchanges if exchanges is not None else []

    @web.middleware
    async def watched(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if request.path.startswith("/crm/v8/") and isinstance(response, web.Response):
            body, answer = _json(await request.read()), _json(response.body)
            seen.append(Exchange(request.method, request.path, dict(request.query), body, response.status, answer))
        return response

    app = web.Application(middlewares=[watched])
    app.add_routes(zoho.routes())
    async with TestServer(app, host="127.0.0.1") as served:
        zoho.origin = f"http://127.0.0.1:{served.port}"
        yield zoho
    faults = [fault for each in seen for fault in faults_of_call(each.path, each.body, each.answer)]
    assert not faults, faults


def _json(body: Any) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def token_of(zoho: ZohoServer, email: str, scopes: Iterable[str] = SCOPES) -> str:
    """A good access token of a user."""
    return zoho.accounts.signed_in(zoho.organisation.users[email].id, frozenset(scopes))[0]
