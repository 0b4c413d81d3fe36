"""An OAuth server for tests, as strict as RFC 6749, 7636 and 7009 allow: codes and refresh tokens are good once, and rotate."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from crm_client.authorization_code import OAuthClient

CLIENT = OAuthClient("client", "client secret", "https://pages.example/crm-callback")
AUTHORIZE, TOKEN, REVOKE, API = "/authorize", "/token", "/revoke", "/me"


@dataclass
class TokenServer:
    """`fault` is answered in place of the next `faults` answers of the token endpoint, before (`after=False`) or after its effect."""

    origin: str = ""
    redirect_uri: str = CLIENT.redirect_uri
    given: int = 0
    renewals: int = 0
    codes: dict[str, str] = field(default_factory=dict)
    """Challenges by the codes that are good."""
    refresh: set[str] = field(default_factory=set)
    access: set[str] = field(default_factory=set)
    revoked: list[str] = field(default_factory=list)
    forms: list[Mapping[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)
    fault: web.Response | None = None
    faults: int = 0
    after: bool = False
    seconds: float = 0.0

    def new_code(self, challenge: str) -> str:
        code = f"code-{len(self.codes)}"
        self.codes[code] = challenge
        return code

    def fail(self, status: int, body: str = "{}", *, times: int = 1, after: bool = False, **headers: str) -> None:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        self.fault = web.Response(status=status, text=body, headers=said)
        self.faults, self.after = times, after

    async def authorize(self, request: web.Request) -> web.Response:
        """The page where somebody would consent."""
        return web.Response(text="<p>Allow MailMagnet</p>", content_type="text/html")

    async def token(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        await asyncio.sleep(self.seconds)
        if self.faults and not self.after:
            return self._failed()
        answer = self._granted(form)
        return self._failed() if self.faults else answer

    async def revoke(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        if self.faults:
            return self._failed()
        token = form["token"]
        if token not in self.refresh | self.access:
            return _refused("invalid_token")
        self.refresh.discard(token)
        self.access.clear()
        self.revoked.append(token)
        return web.Response()

    async def me(self, request: web.Request) -> web.Response:
        good = request.headers.get("Authorization", "").removeprefix("Bearer ") in self.access
        return web.json_response({"id": "7", "name": "Ada Byron"}) if good else _refused("invalid_token", 401)

    async def _form(self, request: web.Request) -> Mapping[str, str]:
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert not request.query
        pairs = parse_qsl((await request.read()).decode(), keep_blank_values=True, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs)
        self.forms.append(dict(pairs))
        self.headers.append(request.headers)
        return dict(pairs)

    def _failed(self) -> web.Response:
        assert self.fault is not None
        self.faults -= 1
        return web.Response(status=self.fault.status, text=self.fault.text, headers=self.fault.headers)

    def _granted(self, form: Mapping[str, str]) -> web.Response:
        known = {"grant_type", "client_id", "client_secret"}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT.client_id, CLIENT.client_secret):
            return _refused("invalid_client", 401)
        if form["grant_type"] == "authorization_code" and form.keys() == known | {"code", "redirect_uri", "code_verifier"}:
            challenge = self.codes.pop(form["code"], "")
            own = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
            good = challenge == own and form["redirect_uri"] == self.redirect_uri
        elif form["grant_type"] == "refresh_token" and form.keys() == known | {"refresh_token"}:
            good = form["refresh_token"] in self.refresh
            self.refresh.discard(form["refresh_token"])
            self.renewals += good
        else:
            return _refused("invalid_request")
        if not good:
            return _refused("invalid_grant")
        self.given += 1
        access, refresh = f"access-{self.given}", f"refresh-{self.given}"
        self.access, self.refresh = {access}, self.refresh | {refresh}
        told = {"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": 3600, **self.more}
        return web.json_response({name: value for name, value in told.items() if value is not None})


def _refused(error: str, status: int = 400) -> web.Response:
    return web.json_response({"error": error, "error_description": "a secret of the server's: 42"}, status=status)


@asynccontextmanager
async def token_server() -> AsyncIterator[TokenServer]:
    """It is served on a port of its own."""
    server = TokenServer()
    app = web.Application()
    app.add_routes(
        [
            web.get(AUTHORIZE, server.authorize),
            web.post(TOKEN, server.token),
            web.post(REVOKE, server.revoke),
            web.get(API, server.me),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
