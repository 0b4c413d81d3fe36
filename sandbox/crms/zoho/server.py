"""Zoho over HTTP: the API with its limits, Zoho Accounts, and the pages that a browser is sent to."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from sandbox.crms.world import CrmWorld
from sandbox.crms.zoho import composite
from sandbox.crms.zoho.accounts import OAuthClient, TokenRefused, ZohoAccounts
from sandbox.crms.zoho.api import SCOPES, Answered, Call, ZohoApi
from sandbox.crms.zoho.organisation import ZohoOrganisation, ZohoUser
from sandbox.crms.zoho.refusals import Refused, bad_token, no_token, too_many

COMPOSITE = "/crm/v8/__composite_requests"
COQL = "/crm/v8/coql"
AUTHORIZATION_PATH = "/oauth/v2/auth"
CREDITS_LEFT = "X-API-CREDITS-REMAINING"
PLACES = 20
"""Calls of one organisation that may be under way at once: Enterprise's (https://www.zoho.com/crm/developer/docs/api/v8/api-limits.html)."""
QUERY_PLACES = 10
"""COQL queries of them."""
CREDIT_STEPS = (200, 1000)
"""A query that may find more rows than this costs one more credit, for each."""
_TABS = {"Contacts": "Contacts", "Leads": "Leads", "Accounts": "Accounts", "Potentials": "Deals"}
_NAMES = {"Contacts": "Full_Name", "Leads": "Full_Name", "Accounts": "Account_Name", "Deals": "Deal_Name"}
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>
<body><main>{body}</main></body></html>"""


class ZohoServer:
    """One organisation, its accounts and its API, as routes for an aiohttp application."""

    def __init__(self, world: CrmWorld, client: OAuthClient, now: Callable[[], datetime]) -> None:
        self.organisation = ZohoOrganisation(world)
        self.origin = ""
        """Where it is served: set when that is known."""
        self.api_origin = ""
        """Where the API is, when that is somewhere else."""
        self.accounts = ZohoAccounts(client, lambda: self.api_origin or self.origin, now)
        self.day_credits = 50_000 + 1000 * len(self.organisation.users)
        self.credits_left = self.day_credits
        self.latency_seconds = 0.0
        """How long each call to the API takes."""
        self.asked: list[str] = []
        """The path of each call to the API, with its method."""
        self._api = ZohoApi(self.organisation)
        self._places = 0
        self._query_places = 0

    def routes(self) -> list[web.RouteDef]:
        """All that is served. A browser is sent to the accounts' page and to records' pages; the rest is for programs."""
        return [
            web.get(AUTHORIZATION_PATH, self._consent_page, allow_head=False),
            web.post(AUTHORIZATION_PATH, self._consented),
            web.post("/oauth/v2/token", self._token),
            web.post("/oauth/v2/token/revoke", self._revoke),
            web.get("/crm/{org}/tab/{tab}/{id}", self._record_page, allow_head=False),
            web.route("*", "/crm/v8/{rest:.*}", self._call),
        ]

    async def _call(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        try:
            answered = await self._answered(request)
        except Refused as refused:
            answered = Answered(refused.body, refused.status)
        headers = {CREDITS_LEFT: str(self.credits_left)} if self.credits_left * 2 <= self.day_credits else {}
        if answered.body is None:
            return web.Response(status=answered.status, headers=headers)
        return web.json_response(answered.body, status=answered.status, headers=headers)

    async def _answered(self, request: web.Request) -> Answered:
        user, scopes = self._who(request)
        body = await _body(request)
        is_composite = request.method == "POST" and request.path == COMPOSITE
        places = composite.PLACES if is_composite else 1
        queries = composite.query_count(body) if is_composite else int(request.path == COQL)
        if self.credits_left <= 0 or self._places + places > PLACES or self._query_places + queries > QUERY_PLACES:
            raise too_many()
        self.credits_left -= _credits(body)
        self._places += places
        self._query_places += queries
        try:
            await asyncio.sleep(self.latency_seconds)  # meanwhile its places are taken
            call = Call(request.method, request.path, user, scopes, dict(request.query), body)
            return Answered(composite.answer(self._api, call)) if is_composite else self._api.answer(call)
        finally:
            self._places -= places
            self._query_places -= queries

    def _who(self, request: web.Request) -> tuple[ZohoUser, frozenset[str]]:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Zoho-oauthtoken" or not token:
            raise no_token()
        access = self.accounts.access(token)
        user = self.organisation.user(access.user) if access else None
        if not access or not user or not user.active:
            raise bad_token()
        return user, access.scopes

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            return web.json_response(self.accounts.token({**request.query, **form}))
        except TokenRefused as refused:
            return web.json_response(refused.body, status=refused.status)

    async def _revoke(self, request: web.Request) -> web.Response:
        token = str((await request.post()).get("token", "")) or request.query.get("token", "")
        return web.json_response({"status": "success"} if self.accounts.revoke(token) else {"error": "invalid_token"})

    async def _consent_page(self, request: web.Request) -> web.Response:
        asked = request.query
        client = self.accounts.client
        if asked.get("client_id") != client.id or asked.get("redirect_uri") not in client.redirect_uris:
            return _page(400, "Zoho Accounts", "<h1>Invalid client or redirect URI</h1>")
        if asked.get("response_type") != "code" or asked.get("code_challenge_method", "S256") != "S256":
            return _page(400, "Zoho Accounts", "<h1>Invalid request</h1>")
        if not set(asked.get("scope", "").split(",")) <= SCOPES:
            return _page(400, "Zoho Accounts", "<h1>Scope does not exist</h1>")
        kept = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in asked.items())
        users = "".join(
            f'<p><label><input type="radio" name="user" value="{user.id}" required> {escape(user.full_name)}, '
            f"{escape(user.email)}</label></p>"
            for user in self.organisation.users.values()
            if user.active
        )
        scopes = "".join(f"<li>{escape(scope)}</li>" for scope in asked["scope"].split(","))
        buttons = (
            '<p><button name="answer" value="accept">Accept</button> '
            '<button name="answer" value="reject" formnovalidate>Reject</button></p>'
        )
        form = (
            f'<form method="post"><fieldset><legend>Sign in as</legend>{users}</fieldset><ul>{scopes}</ul>{kept}{buttons}</form>'
        )
        return _page(200, "Zoho Accounts", f"<h1>MailMagnet would like to read {escape(self.organisation.name)}'s CRM</h1>{form}")

    async def _consented(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        client, user = self.accounts.client, self.organisation.user(form.get("user", ""))
        back = form.get("redirect_uri", "")
        if form.get("client_id") != client.id or back not in client.redirect_uris:
            return _page(400, "Zoho Accounts", "<h1>Invalid client or redirect URI</h1>")
        told = {"state": form["state"]} if "state" in form else {}
        if form.get("answer") != "accept" or not user or not user.active:
            raise web.HTTPFound(f"{back}?{urlencode({**told, 'error': 'access_denied'})}")
        code = self.accounts.consent(
            user.id,
            frozenset(form.get("scope", "").split(",")),
            back,
            offline=form.get("access_type") == "offline",
            challenge=form.get("code_challenge", ""),
        )
        raise web.HTTPFound(f"{back}?{urlencode({**told, 'code': code, 'location': 'us', 'accounts-server': self.origin})}")

    async def _record_page(self, request: web.Request) -> web.Response:
        module = _TABS.get(request.match_info["tab"], "")
        record = self.organisation.records.get(module, {}).get(request.match_info["id"])
        if not record:
            return _page(404, "Zoho CRM", "<h1>The page that you are looking for is not there</h1>")
        name = escape(str(record[_NAMES[module]]))
        rows = "".join(f"<dt>{escape(field)}</dt><dd>{escape(str(value))}</dd>" for field, value in record.items() if value)
        return _page(200, f"{name}, Zoho CRM", f"<h1>{name}</h1><dl>{rows}</dl>")


async def _body(request: web.Request) -> Any:
    text = await request.text()
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(400, "INVALID_REQUEST", "unable to parse the request body") from None


def _credits(body: Any) -> int:
    """A query costs by its limit; all else that is asked here, a composite request too, costs one."""
    query = body.get("select_query", "") if isinstance(body, dict) else ""
    limit = str(query).rpartition(" limit ")[2].split(" ")[0]
    rows = int(limit) if limit.isascii() and limit.isdigit() else 0
    return 1 + sum(rows > step for step in CREDIT_STEPS)


def _page(status: int, title: str, body: str) -> web.Response:
    return web.Response(text=_PAGE.format(title=title, body=body), content_type="text/html", status=status)
