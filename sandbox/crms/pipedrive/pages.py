"""Pipedrive's pages for a browser: where a user allows the app, and the page of a record that links lead to. Plain HTML, no script."""

import secrets
from collections.abc import Iterable
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from sandbox.crms.pipedrive.company import Company, Deal, Lead, Organization, Person, Record
from sandbox.crms.pipedrive.sign_in import SignIn

AUTHORIZE = "/oauth/authorize"
_TOLD = "This is the sandbox's stand-in for Pipedrive. Nothing here reaches Pipedrive."
_MOST_VISITS = 100


class Pages:
    """The consent page, and a page for each record. A consent page is good once, and only for whoever was shown it."""

    def __init__(self, company: Company, sign_in: SignIn) -> None:
        self._company = company
        self._sign_in = sign_in
        self._visits: dict[str, str] = {}

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.get(AUTHORIZE, self._open, allow_head=False),
            web.post(AUTHORIZE, self._decided),
            web.get("/{kind:person|organization|deal}/{id}", self._record, allow_head=False),
            web.get("/leads/inbox/{id}", self._record, allow_head=False),
        ]

    async def _open(self, request: web.Request) -> web.Response:
        asked, app = request.query, self._sign_in.app
        if asked.get("client_id") != app.client_id or asked.get("redirect_uri") != app.callback:
            return _page("Something went wrong", "<p>The app, or its callback URL, is not registered.</p>", status=400)
        visit = secrets.token_urlsafe(16)
        self._visits[visit] = asked.get("state", "")
        while len(self._visits) > _MOST_VISITS:
            del self._visits[next(iter(self._visits))]
        users = [
            f'<label><input type="radio" name="user" value="{user.id}" required> {escape(user.name)} '
            f"<small>{escape(user.email)}</small></label><br>"
            for user in self._company.users
            if user.active
        ]
        scopes = "".join(f"<li>{escape(scope)}</li>" for scope in sorted(app.scopes))
        form = (
            f'<form method="post" action="{AUTHORIZE}"><input type="hidden" name="visit" value="{visit}">'
            f"<fieldset><legend>Who are you?</legend>{''.join(users)}</fieldset>"
            f"<p>MailMagnet asks for:</p><ul>{scopes}</ul>"
            '<button name="decision" value="allow">Allow and install</button> '
            '<button name="decision" value="cancel" formnovalidate>Cancel</button></form>'
        )
        return _page("Allow MailMagnet to use your Pipedrive?", form, form_leads_to=app.callback)

    async def _decided(self, request: web.Request) -> web.Response:
        form = await request.post()
        state = self._visits.pop(str(form.get("visit", "")), None)
        if state is None:
            return _page("This page is too old", "<p>Go back to the app and begin again.</p>", status=400)
        chosen = [user for user in self._company.users if str(user.id) == form.get("user") and user.active]
        if form.get("decision") != "allow" or not chosen:
            return self._back({"error": "user_denied", "state": state})
        return self._back({"code": self._sign_in.code_for(chosen[0]), "state": state})

    def _back(self, told: dict[str, str]) -> web.Response:
        raise web.HTTPFound(f"{self._sign_in.app.callback}?{urlencode(told)}")

    async def _record(self, request: web.Request) -> web.Response:
        kind, record_id = request.match_info.get("kind", "lead"), request.match_info["id"]
        company = self._company
        of_kind: dict[str, list[Any]] = {
            "person": company.persons,
            "organization": company.organizations,
            "deal": company.deals,
            "lead": company.leads,
        }
        for record in of_kind[kind]:
            if record_id in (str(record.id), getattr(record, "uuid", "")):
                return _page(_name(record), "".join(f"<p>{escape(line)}</p>" for line in _lines(record)))
        return _page("Not found", "<p>There is no such record.</p>", status=404)


def _name(record: Record) -> str:
    return record.title if isinstance(record, Deal | Lead) else str(getattr(record, "name", ""))


def _lines(record: Record) -> Iterable[str]:
    yield f"Owner: {record.owner.name}"
    if isinstance(record, Person):
        yield from record.emails
        yield from record.phones
    if isinstance(record, Organization) and record.website:
        yield record.website
    if isinstance(record, Deal):
        yield f"{record.value} {record.currency}, {record.status}, {record.stage.name if record.stage else ''}"
    for linked in (getattr(record, "person", None), getattr(record, "organization", None)):
        if linked:
            yield str(linked.name)


def _page(title: str, body: str, form_leads_to: str = "", status: int = 200) -> web.Response:
    target = urlsplit(form_leads_to)
    leads_to = f"{target.scheme}://{target.netloc}" if target.netloc else ""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} - Pipedrive (stand-in)</title></head>'
        f"<body><main><p><small>{_TOLD}</small></p><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    policy = f"default-src 'none'; form-action 'self' {leads_to}; base-uri 'none'; frame-ancestors 'none'"
    return web.Response(text=text, content_type="text/html", status=status, headers={"Content-Security-Policy": policy})
