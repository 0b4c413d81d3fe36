"""HubSpot over HTTP: the API at api.hubapi.com, the sign-in and the records' pages at app.hubspot.com, on one port of this machine.

Limits as for an app of the account's own (https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines): so many
calls in ten seconds, so many a day, and five searches a second for the whole account. A search's answer has no headers of limits.
"""

import asyncio
import json
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from html import escape
from typing import Any
from uuid import uuid4

from aiohttp import web

from sandbox.crms.hubspot.portal import COMPANIES, CONTACTS, DEALS, TYPE_IDS, Portal
from sandbox.crms.hubspot.questions import PartlyDone, Questions, Refused
from sandbox.crms.hubspot.sign_in import App, Asked, BadGrant, SignIn, consent_page
from sandbox.crms.world import CrmWorld

VERSION, OAUTH_VERSION = "2026-09", "2026-03"
"""Of the API and of OAuth's own endpoints (https://developers.hubspot.com/docs/api-reference/latest/overview)."""
CALLS_IN_TEN_SECONDS, CALLS_A_DAY, SEARCHES_A_SECOND = 190, 650_000, 5
LARGEST_REQUEST = 1024 * 1024
HUGE = 10 * 1024 * 1024
HALF = b'{"status": "COMPLETE", "results": [{"id": "51'
TOO_MANY_REQUESTS = 429
MOST_VISITS = 100

_SCOPES = {
    CONTACTS: "crm.objects.contacts.read",
    COMPANIES: "crm.objects.companies.read",
    DEALS: "crm.objects.deals.read",
}
_LIMITS = {
    "TEN_SECONDLY_ROLLING": "You have reached your ten_secondly_rolling limit.",
    "SECONDLY": "You have reached your secondly limit.",
    "DAILY": "You have reached your daily limit.",
}

_GRANTED = web.RequestKey("granted", tuple[str, ...])
_Answer = Callable[[web.Request], Awaitable[dict[str, Any]]]


@dataclass(slots=True)
class Fault:
    """What goes wrong with calls whose path fits the pattern: they wait, and then one of the others. `policy` is the limit that a 429
    is about; `retry_after` is a header; `times` counts down, None is for ever."""

    path: str = "*"
    seconds: float = 0
    status: int = 0
    policy: str = "TEN_SECONDLY_ROLLING"
    retry_after: str = ""
    body: Mapping[str, Any] | None = None
    html: bool = False
    half: bool = False
    huge: bool = False
    redirect: str = ""
    drop: bool = False
    times: int | None = None


@dataclass(slots=True)
class Limits:
    """What is left of the account's calls."""

    in_ten_seconds: int = CALLS_IN_TEN_SECONDS
    a_day: int = CALLS_A_DAY
    searches_a_second: int = SEARCHES_A_SECOND
    day_is_told: bool = True
    """Apps that are for several accounts are not told about the day."""
    today: int = 0
    _calls: deque[float] = field(default_factory=deque)
    _searches: deque[float] = field(default_factory=deque)

    def broken_by_a_call(self, *, search: bool) -> str:
        """Count a call. The name of the limit that it breaks, "" for none."""
        now = time.monotonic()
        for moments, span in ((self._calls, 10.0), (self._searches, 1.0)):
            while moments and moments[0] <= now - span:
                moments.popleft()
        if self.today >= self.a_day:
            return "DAILY"
        if search and len(self._searches) >= self.searches_a_second:
            return "SECONDLY"
        if len(self._calls) >= self.in_ten_seconds:
            return "TEN_SECONDLY_ROLLING"
        self.today += 1
        self._calls.append(now)
        if search:
            self._searches.append(now)
        return ""

    def headers(self) -> dict[str, str]:
        day = {
            "X-HubSpot-RateLimit-Daily": str(self.a_day),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(self.a_day - self.today, 0)),
        }
        return {
            "X-HubSpot-RateLimit-Max": str(self.in_ten_seconds),
            "X-HubSpot-RateLimit-Remaining": str(self.in_ten_seconds - len(self._calls)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            **(day if self.day_is_told else {}),
        }


class HubSpot:
    """One account, served. `calls` names what was asked of the API, in order."""

    def __init__(self, world: CrmWorld, app: App, clock: Callable[[], datetime]) -> None:
        self.portal = Portal(world, clock)
        self.questions = Questions(self.portal)
        self.sign_in = SignIn(self.portal, app, clock)
        self.limits = Limits()
        self.faults: list[Fault] = []
        self.calls: list[str] = []
        self._visits: dict[str, Asked] = {}

    def application(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_REQUEST)
        objects, owners = f"/crm/objects/{VERSION}", f"/crm/owners/{VERSION}"
        app.add_routes(
            [
                web.post(f"{objects}/{{kind}}/batch/read", self._served(self._batch)),
                web.post(f"{objects}/{{kind}}/search", self._served(self._search)),
                web.get(f"{objects}/{{kind}}/{{which}}", self._served(self._one)),
                web.post(f"/crm/associations/{VERSION}/{{kind}}/{{to}}/batch/read", self._served(self._associations)),
                web.get(owners, self._served(self._owners)),
                web.get(f"/crm/pipelines/{VERSION}/deals", self._served(self._pipelines)),
                web.get(f"/settings/users/{VERSION}", self._served(self._users)),
                web.get(f"/settings/currencies/{VERSION}/exchange-rates/current", self._served(self._rates)),
                web.get(f"/settings/currencies/{VERSION}/codes", self._served(self._codes)),
                web.get(f"/account-info/{VERSION}/details", self._served(self._details)),
                web.post(f"/oauth/{OAUTH_VERSION}/token", self._oauth(self.sign_in.token)),
                web.post(f"/oauth/{OAUTH_VERSION}/token/introspect", self._oauth(self.sign_in.introspect)),
                web.post(f"/oauth/{OAUTH_VERSION}/token/revoke", self._oauth(self._revoked)),
                web.get("/oauth/authorize", self._open_consent),
                web.post("/oauth/authorize", self._answer_consent),
                web.get("/contacts/{portal}/record/{type}/{which}", self._record_page),
                web.route("*", "/{rest:.*}", self._served(self._nothing)),
            ]
        )
        return app

    # The API

    async def _batch(self, request: web.Request) -> dict[str, Any]:
        return self.questions.batch(self._kind(request), await self._body(request))

    async def _search(self, request: web.Request) -> dict[str, Any]:
        return self.questions.search(self._kind(request), await self._body(request), len(await request.text()))

    async def _one(self, request: web.Request) -> dict[str, Any]:
        return self.questions.one(self._kind(request), request.match_info["which"], _query(request))

    async def _associations(self, request: web.Request) -> dict[str, Any]:
        return self.questions.associations(self._kind(request), request.match_info["to"], await self._body(request))

    async def _owners(self, request: web.Request) -> dict[str, Any]:
        self._needs(request, "crm.objects.owners.read")
        return self.questions.owners(_query(request))

    async def _users(self, request: web.Request) -> dict[str, Any]:
        self._needs(request, "settings.users.read")
        return self.questions.users(_query(request))

    async def _pipelines(self, request: web.Request) -> dict[str, Any]:
        self._needs(request, "crm.objects.deals.read")
        return self.questions.pipelines()

    async def _rates(self, request: web.Request) -> dict[str, Any]:
        self._needs(request, "settings.currencies.read")
        return self.questions.rates()

    async def _codes(self, request: web.Request) -> dict[str, Any]:
        self._needs(request, "settings.currencies.read")
        return self.questions.codes()

    async def _details(self, request: web.Request) -> dict[str, Any]:
        self._needs(request, "oauth")
        return self.questions.details()

    async def _nothing(self, request: web.Request) -> dict[str, Any]:
        raise Refused(404, "OBJECT_NOT_FOUND", "resource not found")

    def _kind(self, request: web.Request) -> str:
        kind = request.match_info["kind"]
        if kind not in self.portal.things:
            raise Refused(400, "VALIDATION_ERROR", f"Unable to infer object type from: {kind}")
        self._needs(request, _SCOPES.get(kind, _SCOPES[CONTACTS]))
        return kind

    def _needs(self, request: web.Request, scope: str) -> None:
        if scope not in request[_GRANTED]:
            message = "This app hasn't been granted all required scopes to make this call."
            context = {"requiredGranularScopes": [scope]}
            raise Refused(403, "MISSING_SCOPES", message, errors=[{"message": message, "context": context}])

    async def _body(self, request: web.Request) -> Any:
        if request.content_type != "application/json":
            raise Refused(415, "VALIDATION_ERROR", "Unsupported Media Type")
        try:
            return json.loads(await request.text())
        except ValueError:
            raise Refused(400, "VALIDATION_ERROR", "Invalid input JSON") from None

    def _served(self, answer: _Answer) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            self.calls.append(f"{request.method} {_shape(request.path)}")
            search = request.path.endswith("/search")
            if (gone_wrong := await self._faulty(request)) is not None:
                return gone_wrong
            try:
                request[_GRANTED] = self._scopes(request)
                if broken := self.limits.broken_by_a_call(search=search):
                    return _over_the_limit(broken)
                told, status = await answer(request), 200
            except PartlyDone as partly:
                told, status = partly.body, 207
            except Refused as refused:
                told, status = {**refused.body, "correlationId": str(uuid4())}, refused.status
            return web.json_response(told, status=status, headers={} if search else self.limits.headers())

        return serve

    def _scopes(self, request: web.Request) -> tuple[str, ...]:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            return self.sign_in.scopes_of(token if kind == "Bearer" else "")
        except KeyError:
            message = "Authentication credentials not found. This API supports OAuth 2.0 authentication."
            raise Refused(401, "INVALID_AUTHENTICATION", message) from None
        except BadGrant as over:
            raise Refused(401, "EXPIRED_AUTHENTICATION", str(over)) from None

    async def _faulty(self, request: web.Request) -> web.StreamResponse | None:
        for fault in self.faults:
            if fault.times == 0 or not fnmatchcase(request.path, fault.path):
                continue
            fault.times = None if fault.times is None else fault.times - 1
            await asyncio.sleep(fault.seconds)
            return _gone_wrong(fault, request)
        return None

    # Sign-in

    def _oauth(
        self, answer: Callable[[Mapping[str, str]], dict[str, Any]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            self.calls.append(f"{request.method} {request.path}")
            if (gone_wrong := await self._faulty(request)) is not None:
                return gone_wrong
            if request.content_type != "application/x-www-form-urlencoded" or request.query:
                return web.json_response({"status": "error", "message": "Unsupported Media Type"}, status=415)
            form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
            try:
                return web.json_response(answer(form))
            except BadGrant as bad:
                return web.json_response(bad.body, status=400)

        return serve

    def _revoked(self, form: Mapping[str, str]) -> dict[str, Any]:
        self.sign_in.revoke(form)
        return {}

    async def _open_consent(self, request: web.Request) -> web.StreamResponse:
        try:
            asked = self.sign_in.read(_query(request))
        except BadGrant as bad:
            return web.Response(status=400, text=f"<!doctype html><p>{escape(str(bad))}</p>", content_type="text/html")
        visit = secrets.token_urlsafe(16)
        self._visits[visit] = asked
        while len(self._visits) > MOST_VISITS:
            del self._visits[next(iter(self._visits))]
        return _page(consent_page(asked, self.portal, visit))

    async def _answer_consent(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        visit = str(form.get("visit", ""))
        asked = self._visits.get(visit)
        if not asked:
            return web.Response(status=400, text="This page is too old.")
        try:
            allowed = form.get("step") == "allow"
            url = self.sign_in.allowed_url(asked, str(form.get("user", ""))) if allowed else self.sign_in.refused_url(asked)
        except BadGrant as bad:
            return _page(consent_page(asked, self.portal, visit, str(bad)))
        del self._visits[visit]
        raise web.HTTPSeeOther(url)

    async def _record_page(self, request: web.Request) -> web.StreamResponse:
        """A plain page, so that a link in a card leads somewhere."""
        kind = TYPE_IDS.get(request.match_info["type"], "")
        thing = self.portal.thing(kind, request.match_info["which"]) if kind else None
        if not thing or request.match_info["portal"] != str(self.portal.id):
            return web.Response(status=404, text="There is no such record.")
        rows = "".join(f"<tr><th>{escape(name)}<td>{escape(value)}" for name, value in sorted(thing.properties.items()) if value)
        title = f"{escape(self.portal.name)}: {kind}"
        return _page(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><table>{rows}</table>'
        )


def _query(request: web.Request) -> dict[str, str]:
    """Raises Refused for what is there twice."""
    if len(request.query) != len(set(request.query)):
        raise Refused(400, "VALIDATION_ERROR", "a parameter is there twice")
    return dict(request.query)


def _shape(path: str) -> str:
    """A path without what is looked for: an address or an id."""
    parts = path.split("/")
    return "/".join("*" if "@" in part or (part.isdigit()) else part for part in parts)


def _over_the_limit(policy: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = {
        "status": "error",
        "message": _LIMITS.get(policy, "You have reached a limit."),
        "errorType": "RATE_LIMIT",
        "correlationId": str(uuid4()),
        "policyName": policy,
    }
    return web.json_response(body, status=429, headers=headers)


def _gone_wrong(fault: Fault, request: web.Request) -> web.StreamResponse | None:
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    if fault.drop and request.transport:
        request.transport.close()
    if fault.drop:
        return web.Response()
    if fault.body is not None:
        return web.json_response(fault.body, status=fault.status or 200, headers=headers)
    if fault.status == TOO_MANY_REQUESTS:
        return _over_the_limit(fault.policy, headers)
    return _no_answer(fault, headers)


def _no_answer(fault: Fault, headers: Mapping[str, str]) -> web.StreamResponse | None:
    if fault.redirect:
        return web.Response(status=302, headers={"Location": fault.redirect})
    if fault.html:
        return web.Response(status=fault.status or 200, text="<!doctype html><title>Sorry</title>", content_type="text/html")
    if fault.half or fault.huge:
        return web.Response(body=b" " * HUGE if fault.huge else HALF, content_type="application/json")
    if fault.status:
        body = {"status": "error", "message": "internal error", "correlationId": str(uuid4())}
        return web.json_response(body, status=fault.status, headers=headers)
    return None


def _page(html: str) -> web.Response:
    return web.Response(
        text=html, content_type="text/html", headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )
