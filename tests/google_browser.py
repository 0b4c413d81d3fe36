"""A browser at the stand-in for Google's consent screen, over real HTTP: it opens pages, reads their form, and sends it."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from sandbox.google.google_side import SCOPE
from sandbox.google.world import World

CALLBACK = "http://127.0.0.1:8080/google/callback"
VERIFIER = "a-verifier-of-forty-three-letters-or-a-few-more"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
READ, SORT, SEND = SCOPE + "gmail.readonly", SCOPE + "gmail.modify", SCOPE + "gmail.compose"
EMAIL = SCOPE + "userinfo.email"


@dataclass
class Page:
    """What is on the screen: the fields of its form, by name, with all their values; the ticked ones; and its text."""

    status: int
    headers: Mapping[str, str]
    text: str
    values: dict[str, list[str]] = field(default_factory=dict)
    ticked: dict[str, list[str]] = field(default_factory=dict)

    @property
    def sent_to(self) -> str:
        """Where the browser is sent, without the query; "" when it stays."""
        return self.headers.get("Location", "").partition("?")[0]

    @property
    def told(self) -> dict[str, str]:
        """What the browser takes along."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.headers.get("Location", "")).query).items()}


class _Form(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        name, value = about.get("name"), about.get("value") or ""
        if tag not in ("input", "button") or not name:
            return
        self._page.values.setdefault(name, []).append(value)
        if tag == "input" and (about.get("type") == "hidden" or "checked" in about):
            self._page.ticked.setdefault(name, []).append(value)


@dataclass
class GoogleBrowser:
    """One browser; `origin` is where Google is reached."""

    origin: str
    world: World
    session: aiohttp.ClientSession

    async def open(self, **changed: Any) -> Page:
        """The authorization endpoint, as MailMagnet asks for it, but for what is changed (None leaves a parameter out)."""
        asked = {
            **{"client_id": self.world.google.client_id, "redirect_uri": CALLBACK, "response_type": "code"},
            **{"scope": f"openid email {READ}", "state": "the state", "access_type": "offline", "nonce": "the nonce"},
            **{"code_challenge": CHALLENGE, "code_challenge_method": "S256", "include_granted_scopes": "true"},
        } | changed
        return await self.get([(name, value) for name, value in asked.items() if value is not None])

    async def get(self, query: list[tuple[str, str]]) -> Page:
        """The authorization endpoint with this query."""
        async with self.session.get(f"{self.origin}/o/oauth2/v2/auth", params=query, allow_redirects=False) as answer:
            return await _page(answer)

    async def press(self, page: Page, step: str, **chosen: list[str] | str) -> Page:
        """Press a button of the page's form; `chosen` takes the place of what is ticked."""
        assert step in page.values["step"], "there is no such button"
        return await self.post({**page.ticked, **chosen, "step": step})

    async def post(self, fields: Mapping[str, Sequence[str]], **headers: str) -> Page:
        """Post a form to the authorization endpoint."""
        form = [(name, one) for name, given in fields.items() for one in ([given] if isinstance(given, str) else given)]
        address = f"{self.origin}/o/oauth2/v2/auth"
        async with self.session.post(address, data=form, headers=headers, allow_redirects=False) as answer:
            return await _page(answer)

    async def consent(self, address: str, *ticked: str, **changed: Any) -> Page:
        """All the way: this account, these boxes; where the browser is sent at the end."""
        page = await self.press(await self.open(**changed), "account", account=self.world.account(address).sub)
        return page if page.sent_to else await self.press(page, "continue", scope=list(ticked))

    async def exchange(self, code: str | None, **changed: str | None) -> tuple[int, dict[str, Any]]:
        """The token endpoint's answer to a code (None leaves a field out)."""
        form = {
            **{"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER},
            **{"client_id": self.world.google.client_id, "client_secret": self.world.google.client_secret},
        } | changed
        return await self.token({name: value for name, value in form.items() if value is not None})

    async def refresh(self, refresh_token: str) -> tuple[int, dict[str, Any]]:
        """The token endpoint's answer to a refresh token."""
        form = {"client_id": self.world.google.client_id, "client_secret": self.world.google.client_secret}
        return await self.token({"grant_type": "refresh_token", "refresh_token": refresh_token, **form})

    async def token(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """The token endpoint's answer."""
        async with self.session.post(f"{self.origin}/token", data=form) as answer:
            return answer.status, await answer.json()

    async def gmail(self, access_token: str, path: str = "profile", verb: str = "GET", **sent: Any) -> tuple[int, dict[str, Any]]:
        """What Gmail's API answers to a token."""
        headers = {"Authorization": f"Bearer {access_token}"}
        url = f"{self.origin}/gmail/v1/users/me/{path}"
        async with self.session.request(verb, url, headers=headers, **sent) as answer:
            return answer.status, await answer.json()


async def _page(answer: aiohttp.ClientResponse) -> Page:
    page = Page(answer.status, dict(answer.headers), await answer.text())
    _Form(page).feed(page.text)
    return page
