"""The pages on which a user chooses an account and consents, as at accounts.google.com: for a browser, plain forms without a script
(https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions)."""

import base64
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from multidict import MultiMapping

from sandbox.google.authorization import EMAIL_SCOPE, IDENTITY_SCOPES, PROFILE_SCOPE, Asked, Refused, read, words_of_scopes
from sandbox.google.google_side import ISSUER
from sandbox.google.own_port import AUTHORIZATION_PATH
from sandbox.google.world import Account, World

APP_NAME = "MailMagnet"
"""As the OAuth client's consent screen is named."""

MOST_VISITS = 100

_STYLE = """
:root { color-scheme: light dark; --line: #747775; --accent: #0b57d0; --on-accent: #fff; --soft: #f0f4f9; }
@media (prefers-color-scheme: dark) { :root { --line: #8e918f; --accent: #a8c7fa; --on-accent: #062e6f; --soft: #1e1f20; } }
body { margin: 0; background: var(--soft); font: 16px/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; max-width: 30rem; margin: 6vh auto; padding: 2rem; border-radius: 1.5rem; background: Canvas; }
@media (max-width: 32rem) { main { min-height: 100vh; margin: 0; padding: 1.5rem 1rem; border-radius: 0; } }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; font-weight: 400; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 1.5rem 0 0; font-size: 1rem; }
p, li { overflow-wrap: anywhere; }
ul { margin: .25rem 0 0; padding-inline-start: 1.25rem; }
.told { margin: 0 0 1.5rem; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .5rem; font-size: .875rem; }
fieldset { margin: 1.5rem 0 0; padding: 0; border: 0; }
legend { padding: 0; font-weight: 600; }
label { display: flex; gap: .75rem; padding: .75rem 0; border-bottom: 1px solid color-mix(in srgb, var(--line) 40%, transparent); }
label span { min-width: 0; overflow-wrap: anywhere; }
small { display: block; font-size: .8125rem; }
input { flex: none; width: 1.25rem; height: 1.25rem; margin: .125rem 0 0; accent-color: var(--accent); }
.buttons { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: 2rem; }
button { min-height: 2.75rem; padding: 0 1.5rem; border: 1px solid var(--line); border-radius: 1.5rem; background: Canvas;
  color: var(--accent); font: inherit; cursor: pointer; }
button.main { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_WORDS = {
    "openid": "Associate you with your personal info on Google",
    EMAIL_SCOPE: "See your primary Google Account email address",
    PROFILE_SCOPE: "See your personal info, including any personal info you've made publicly available",
}


@dataclass(slots=True)
class _Visit:
    """One browser's way through the pages. `sub` is the account chosen, "" before; `answer` is where the browser was sent at the end."""

    token: str
    asked: Asked
    sub: str = ""
    answer: str = ""


def consent_routes(world: World) -> list[web.RouteDef]:
    """The authorization endpoint, for the browsers of whoever may use this world: what is granted there is granted for its accounts."""
    screen = _ConsentScreen(world)
    return [web.get(AUTHORIZATION_PATH, screen.open, allow_head=False), web.post(AUTHORIZATION_PATH, screen.go_on)]


class _ConsentScreen:
    """Keeps the visits by their tokens: only who was shown a page can post its form, and a visit that has its answer gives no other."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._visits: dict[str, _Visit] = {}

    async def open(self, request: web.Request) -> web.Response:
        with self._world.calls.calling("consent screen", "") as call:
            response = self._opened(request)
            call.status = response.status
        return response

    def _opened(self, request: web.Request) -> web.Response:
        try:
            asked = read(self._world.google, request.query)
        except Refused as refused:
            return _refusal(refused)
        return (
            _redirect(_silent_answer(self._world, asked))
            if "none" in asked.prompts
            else _account_page(self._world, self._begin(asked))
        )

    def _begin(self, asked: Asked) -> _Visit:
        visit = _Visit(secrets.token_urlsafe(32), asked)
        self._visits[visit.token] = visit
        while len(self._visits) > MOST_VISITS:
            del self._visits[next(iter(self._visits))]
        return visit

    async def go_on(self, request: web.Request) -> web.Response:
        form = await request.post()
        visit = self._visits.get(str(form.get("visit", "")))
        if not visit:
            return _refusal(Refused("invalid_request", "This page is too old. Go back to the app and begin again."))
        return _redirect(visit.answer) if visit.answer else _step(self._world, visit, form)


def _step(world: World, visit: _Visit, form: MultiMapping[Any]) -> web.Response:
    step, account = form.get("step"), _active(world, visit.sub)
    if step == "account":
        return _choose(world, visit, str(form.get("account", "")))
    if step == "cancel":
        return _end(visit, _error_url(visit.asked, "access_denied"))
    if account and step == "all":
        return _consent_page(world, visit, account, frozenset(visit.asked.scopes))
    if account and step == "continue":
        ticked = frozenset(str(scope) for scope in form.getall("scope", ()))
        return _end(visit, _granted_url(world, visit.asked, account, ticked))
    return _account_page(world, visit)


def _choose(world: World, visit: _Visit, sub: str) -> web.Response:
    account = _active(world, sub)
    if not account:
        return _account_page(world, visit, "This account is disabled. Choose another one." if sub else "Choose an account.")
    visit.sub = sub
    if _is_to_be_asked(world, visit.asked, account):
        return _consent_page(world, visit, account)
    return _end(visit, _code_url(world, visit.asked, account, frozenset(visit.asked.scopes), was_asked=False))


def _end(visit: _Visit, url: str) -> web.Response:
    visit.answer = url
    return _redirect(url)


def _active(world: World, sub: str) -> Account | None:
    return next((account for account in world.accounts() if account.sub == sub and account.standing == "active"), None)


def _hinted(world: World, hint: str) -> Account | None:
    """A hint is an address or a number."""
    names = {name.casefold(): account for account in world.accounts() for name in (account.sub, *account.addresses)}
    return names.get(hint.casefold())


def _is_to_be_asked(world: World, asked: Asked, account: Account) -> bool:
    """Whether consent has to be shown: wished for, not given yet for all of it, or not yet for when the user is away."""
    google = world.google
    is_new = not google.granted(account.address).issuperset(asked.scopes)
    return "consent" in asked.prompts or is_new or (asked.offline and not google.has_consented(account.address))


def _silent_answer(world: World, asked: Asked) -> str:
    """With prompt=none no page may be shown."""
    signed_in = [account for account in world.accounts() if account.standing == "active"]
    hinted = [account for account in signed_in if account == _hinted(world, asked.login_hint)]
    possible = hinted if asked.login_hint else signed_in
    if not possible:
        return _error_url(asked, "login_required")
    if len(possible) > 1:
        return _error_url(asked, "interaction_required")
    if _is_to_be_asked(world, asked, possible[0]):
        return _error_url(asked, "consent_required")
    return _code_url(world, asked, possible[0], frozenset(asked.scopes), was_asked=False)


def _granted_url(world: World, asked: Asked, account: Account, ticked: frozenset[str]) -> str:
    """Where the browser goes with what the user has just ticked, and what is granted without a tick."""
    without_tick = IDENTITY_SCOPES | world.google.granted(account.address)
    granted = frozenset(scope for scope in asked.scopes if scope in ticked | without_tick)
    if not granted:
        return _error_url(asked, "access_denied")
    world.google.consent(account.address, granted)
    return _code_url(world, asked, account, granted, was_asked=True)


def _code_url(world: World, asked: Asked, account: Account, granted: frozenset[str], *, was_asked: bool) -> str:
    scopes = granted | (world.google.granted(account.address) if asked.with_earlier else frozenset())
    code = world.codes.give(asked, account, scopes, refreshes=asked.offline and was_asked)
    hosted = {"hd": account.hosted_domain} if account.hosted_domain else {}
    told = {"code": code, "scope": " ".join(sorted(scopes)), "authuser": "0", **hosted}
    return _url(asked, told | {"prompt": "consent" if was_asked else "none"})


def _error_url(asked: Asked, error: str) -> str:
    return _url(asked, {"error": error})


def _url(asked: Asked, parameters: dict[str, str]) -> str:
    """The redirect URI with an answer, as https://www.rfc-editor.org/rfc/rfc9207 wants it."""
    state = {"state": asked.state} if asked.state is not None else {}
    separator = "&" if urlsplit(asked.redirect_uri).query else "?"
    return asked.redirect_uri + separator + urlencode({**state, "iss": ISSUER, **parameters})


def _redirect(url: str) -> web.Response:
    return web.Response(status=303, headers={"Location": url, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _account_page(world: World, visit: _Visit, refusal: str = "") -> web.Response:
    visit.sub = ""
    hinted = _hinted(world, visit.asked.login_hint)
    choices = [
        _choice("radio", "account", account.sub, account.name, account.address, checked=account == hinted, required=True)
        for account in world.accounts()
    ]
    parts = [
        f"<h1>Choose an account</h1><p>to continue to {APP_NAME}</p>",
        f'<p role="alert">{escape(refusal)}</p>' if refusal else "",
        f"<fieldset><legend>Accounts on this desk</legend>{''.join(choices)}</fieldset>",
        _buttons('<button class="main" name="step" value="account">Next</button>'),
    ]
    return _form(visit, "Choose an account", parts)


def _consent_page(world: World, visit: _Visit, account: Account, ticked: frozenset[str] = frozenset()) -> web.Response:
    """Identity is shared or not as a whole; each other scope has a box of its own, unticked, but for what was granted before."""
    granted = world.google.granted(account.address)
    identity = [scope for scope in visit.asked.scopes if scope in IDENTITY_SCOPES]
    others = [scope for scope in visit.asked.scopes if scope not in IDENTITY_SCOPES]
    earlier, new = [scope for scope in others if scope in granted], [scope for scope in others if scope not in granted]
    boxes = [_choice("checkbox", "scope", scope, _words(scope), scope, checked=scope in ticked) for scope in new]
    wish = "wants access to your Google Account" if others else "wants to know who you are"
    parts = [
        f"<h1>{APP_NAME} {wish}</h1><p>{escape(account.name)}<br>{escape(account.address)}</p>",
        _list(f"{APP_NAME} will", identity),
        _list(f"{APP_NAME} can already", earlier),
        f"<fieldset><legend>Select what {APP_NAME} can access</legend>{''.join(boxes)}</fieldset>" if boxes else "",
        _buttons(
            '<button class="main" name="step" value="continue">Continue</button>',
            '<button name="step" value="cancel">Cancel</button>',
            '<button name="step" value="all">Select all</button>' if len(boxes) > 1 else "",
            '<button name="step" value="another">Use another account</button>',
        ),
    ]
    return _form(visit, f"{APP_NAME} {wish}", parts)


def _words(scope: str) -> str:
    return _WORDS.get(scope) or words_of_scopes()[scope]


def _choice(kind: str, name: str, value: str, words: str, more: str, *, checked: bool, required: bool = False) -> str:
    marks = (" checked" if checked else "") + (" required" if required else "")
    field = f'<input type="{kind}" name="{name}" value="{escape(value)}"{marks}>'
    return f"<label>{field}<span>{escape(words)}<small>{escape(more)}</small></span></label>"


def _list(title: str, scopes: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(_words(scope))}</li>" for scope in scopes)
    return f"<h2>{title}</h2><ul>{items}</ul>" if items else ""


def _buttons(*buttons: str) -> str:
    """The first is the one that Enter presses."""
    return f'<div class="buttons">{"".join(buttons)}</div>'


def _form(visit: _Visit, title: str, parts: Iterable[str]) -> web.Response:
    token = f'<input type="hidden" name="visit" value="{visit.token}">'
    form = f'<form method="post" action="{AUTHORIZATION_PATH}">{token}{"".join(parts)}</form>'
    target = urlsplit(visit.asked.redirect_uri)
    return _page(title, form, f"{target.scheme}://{target.netloc}")


def _refusal(refused: Refused) -> web.Response:
    body = [
        "<h1>Access blocked: this app's request is invalid</h1>",
        f"<p>{escape(str(refused))}</p><p>Error {refused.status}: {refused.error}</p>",
    ]
    return _page(f"Error {refused.status}: {refused.error}", "".join(body), status=refused.status)


def _page(title: str, body: str, form_leads_to: str = "", status: int = 200) -> web.Response:
    """`form_leads_to` is an origin: browsers hold the redirects after a form against the policy too, those from there included: a sign-in
    to a CRM goes on from our page to the CRM's, at another port of this machine."""
    told = "This is the desk's stand-in for Google's screen. Nothing here reaches Google."
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - Sign in (stand-in for Google)</title><style>{_STYLE}</style></head>"
        f'<body><main><p class="told">{told}</p>{body}</main></body></html>'
    )
    policy = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self' {form_leads_to} http://127.0.0.1:*"
    headers = {
        "Content-Security-Policy": f"{policy}; base-uri 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        # With no-referrer a browser would say of the form's post that it comes from nowhere.
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return web.Response(text=text, content_type="text/html", status=status, headers=headers)
