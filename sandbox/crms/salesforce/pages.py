"""Salesforce's pages, for a browser: where a user allows MailMagnet in, and a record's page. Plain forms without a script."""

from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from sandbox.crms.salesforce.oauth import SCOPES, OAuth
from sandbox.crms.salesforce.objects import Row

CHALLENGE_LENGTH = 43
KNOWN = {
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "display",
}
_TOLD = "This is a stand-in for Salesforce on this machine. Nothing here reaches Salesforce."


def consent(oauth: OAuth, asked: Mapping[str, str], users: Iterable[Row]) -> web.Response:
    """The page on which a user is chosen and allows what is asked for."""
    if fault := _fault(oauth, asked):
        return _refused(oauth, asked, fault)
    choices = "".join(
        f'<label><input type="radio" name="user" value="{escape(user["Id"])}" required> {escape(user["Name"])} '
        f"({escape(user['Username'])})</label><br>"
        for user in users
    )
    kept = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in asked.items())
    scopes = "".join(f"<li>{escape(scope)}</li>" for scope in asked.get("scope", "").split())
    form = (
        f'<h1>Allow Access?</h1><p>MailMagnet is asking to:</p><ul>{scopes}</ul><form method="post">{kept}'
        f"<fieldset><legend>Users of this organization</legend>{choices}</fieldset>"
        '<p><button name="decision" value="allow">Allow</button> '
        '<button name="decision" value="deny" formnovalidate>Deny</button></p></form>'
    )
    return _page("Allow Access?", form, leads_to=asked["redirect_uri"])


def decided(oauth: OAuth, form: Mapping[str, str]) -> web.Response:
    """Where the browser is sent with what its user has decided."""
    asked = {name: value for name, value in form.items() if name not in {"user", "decision"}}
    if fault := _fault(oauth, asked):
        return _refused(oauth, asked, fault)
    user_id = form.get("user", "")
    if form.get("decision") != "allow":
        return _back(asked, {"error": "access_denied", "error_description": "end-user denied authorization"})
    if not oauth.is_active(user_id):
        return _page("Salesforce", "<p>Your access is disabled.</p>", status=403)
    scopes = frozenset(asked.get("scope", "").split())
    code = oauth.give_code(user_id, scopes, asked["code_challenge"], asked["redirect_uri"])
    return _back(asked, {"code": code})


def record(name: str, row: Row | None) -> web.Response:
    """A record as Salesforce's own page shows it, in few words."""
    if row is None:
        return _page("Salesforce", "<h1>Page not found</h1>", status=404)
    shown = "".join(
        f"<dt>{escape(field)}</dt><dd>{escape(str(value))}</dd>"
        for field, value in row.items()
        if not field.startswith("_") and not field.endswith("Id") and value is not None
    )
    return _page(
        f"{row.get('Name', name)} | Salesforce", f"<h1>{escape(str(row.get('Name', '')))}</h1><p>{name}</p><dl>{shown}</dl>"
    )


def _fault(oauth: OAuth, asked: Mapping[str, str]) -> tuple[str, str] | None:
    """OAuth's word and Salesforce's own for what is wrong with a request."""
    challenge, scopes = asked.get("code_challenge", ""), set(asked.get("scope", "").split())
    is_s256 = len(challenge) == CHALLENGE_LENGTH and asked.get("code_challenge_method", "S256") == "S256"
    checks = (
        (asked.get("client_id") == oauth.app.client_id, "invalid_client_id", "client identifier invalid"),
        (asked.get("redirect_uri") in oauth.app.redirect_uris, "redirect_uri_mismatch", "redirect_uri must match configuration"),
        (asked.get("response_type") == "code", "unsupported_response_type", "response type not supported"),
        (not set(asked) - KNOWN, "invalid_request", "unknown parameter"),
        (is_s256, "invalid_request", "missing required code challenge"),
        (bool(scopes) and not scopes - SCOPES, "invalid_scope", "the requested scope is not allowed"),
    )
    return next(((error, words) for good, error, words in checks if not good), None)


def _refused(oauth: OAuth, asked: Mapping[str, str], fault: tuple[str, str]) -> web.Response:
    """Told to the app, where it is known which app asks; else on a page."""
    if asked.get("client_id") == oauth.app.client_id and asked.get("redirect_uri") in oauth.app.redirect_uris:
        return _back(asked, {"error": fault[0], "error_description": fault[1]})
    return _page(
        "Salesforce", f"<h1>We can't authorize you because of an OAuth error.</h1><p>{fault[0]}: {fault[1]}</p>", status=400
    )


def _back(asked: Mapping[str, str], answer: Mapping[str, str]) -> web.Response:
    uri, state = asked["redirect_uri"], {"state": asked["state"]} if "state" in asked else {}
    separator = "&" if urlsplit(uri).query else "?"
    location = uri + separator + urlencode({**answer, **state})
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _page(title: str, body: str, status: int = 200, leads_to: str = "") -> web.Response:
    """`leads_to`: browsers hold the redirect after a form against the policy too."""
    parts = urlsplit(leads_to)
    to = f" {parts.scheme}://{parts.netloc}" if leads_to else ""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"></head><body><p>{_TOLD}</p>{body}</body></html>'
    )
    policy = f"default-src 'none'; form-action 'self'{to}; base-uri 'none'; frame-ancestors 'none'"
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return web.Response(text=text, content_type="text/html", status=status, headers=headers)
