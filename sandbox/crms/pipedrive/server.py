"""Pipedrive over HTTP: its API, its sign-in and its pages, as one aiohttp application."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from aiohttp import web

from sandbox.crms.pipedrive.api import Api
from sandbox.crms.pipedrive.company import Company, company_of
from sandbox.crms.pipedrive.limits import Blocked, Limits
from sandbox.crms.pipedrive.pages import Pages
from sandbox.crms.pipedrive.questions import parameters_of, question_of
from sandbox.crms.pipedrive.refusal import Refused, scope_missing, unauthorized
from sandbox.crms.pipedrive.sign_in import App, NotGranted, SignIn
from sandbox.crms.world import CrmWorld

_CLOUDFLARE = (
    "<!DOCTYPE html><html><head><title>Access denied</title></head><body><h1>Error 1015</h1>"
    "<p>You are being rate limited. This error is produced by Cloudflare.</p></body></html>"
)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    """A call to the API that came in: its form's name, the whole path and query, and what was answered."""

    question: str
    target: str
    status: int
    answer: object


class Pipedrive:
    """One company's Pipedrive. `seen` is every call to its API in order; `latency` seconds are waited before each answer."""

    def __init__(self, world: CrmWorld, app: App | None = None, now: Callable[[], datetime] = utc_now) -> None:
        self.company: Company = company_of(world)
        self.limits = Limits(len(self.company.users), now)
        self.sign_in = SignIn(self.company, app or App(), now)
        self.seen: list[Seen] = []
        self.latency = 0.0
        self._api = Api(self.company)

    def app(self, origin: str = "") -> web.Application:
        """To be served at `origin`: that is where it tells apps that the company is."""
        self.sign_in.api_domain = origin
        served = web.Application(client_max_size=1024 * 1024)
        served.add_routes(
            [
                web.post("/oauth/token", self._token),
                web.post("/oauth/revoke", self._revoke),
                *Pages(self.company, self.sign_in).routes(),
                web.route("*", "/api/{rest:.*}", self._asked),
            ]
        )
        return served

    async def _asked(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.latency)
        token, headers, name = _bearer(request), dict[str, str](), ""
        try:
            name, answer = self._answered(request, token)
            status = 200
        except Refused as refused:
            status, answer, headers = refused.status, refused.body, refused.headers
        except Blocked:
            self.seen.append(Seen(name, request.path_qs, 403, None))
            return web.Response(status=403, text=_CLOUDFLARE, content_type="text/html", headers={"Server": "cloudflare"})
        self.seen.append(Seen(name, request.path_qs, status, answer))
        if status != HTTPStatus.UNAUTHORIZED:
            headers |= self.limits.headers(token)
        text = json.dumps(answer, ensure_ascii=False)
        return web.Response(status=status, text=text, content_type="application/json", headers=headers)

    def _answered(self, request: web.Request, token: str) -> tuple[str, dict[str, object]]:
        user = self.sign_in.user_of(token)
        if not user:
            raise unauthorized()
        question, record_id = question_of(request.path)
        if request.method != "GET":
            raise Refused(405, "Method not allowed")
        if not question.scopes & self.sign_in.app.scopes:
            raise scope_missing()
        self.limits.spend(token, question.cost, searches=question.searches)
        return question.name, self._api.answer(question, record_id, parameters_of(question, request.query.items()), user)

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            return web.json_response(self.sign_in.tokens(request.headers.get("Authorization", ""), form))
        except NotGranted as refused:
            return web.json_response(refused.body, status=refused.status)

    async def _revoke(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            self.sign_in.revoke(request.headers.get("Authorization", ""), form)
        except NotGranted as refused:
            return web.json_response(refused.body, status=refused.status)
        return web.json_response({"success": True})


def _bearer(request: web.Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind == "Bearer" else ""
