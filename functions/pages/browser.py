"""Whose browser it is: the sign-in with Google, and the cookies that hold its parts together.

A browser gets two cookies. One is a random name: every state is bound to it, so that nobody can be sent through the end of what
somebody else began. The other is its pass, signed: the account that has signed in, for ten minutes.
"""

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cards.frame import Page
from functions.signed_links import Signed
from functions.wiring import Process
from mailmagnet.errors import LinkExpired, NotVerified

STATE_LIFE = timedelta(minutes=15)
"""How long somebody may stand before Google's screens."""
PASS_LIFE = timedelta(minutes=10)
NAME_LIFE = timedelta(hours=1)
"""Of the browser's name: longer than any state that is bound to it."""

SIGN_IN, CONSENT, CRM_CONSENT = "state: sign-in", "state: consent", "state: crm consent"
"""What a browser is sent to Google for, and to a CRM."""

_NAME_BYTES, _NAME = 32, re.compile(r"[A-Za-z0-9_-]{43}")
"""A browser's name: random, as secrets.token_urlsafe writes it."""
_PASS = "pass"  # noqa: S105  a name, not a password
_PAGE, _BROWSER, _ADDRESS = "state.page", "state.browser", "pass.address"
"""What a state and a pass carry beside ids: no id of a page is called so."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The account that has signed in with this browser (its verified `sub` and address), and what forms carry of its pass."""

    user: str
    address: str
    csrf: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class State:
    """What Google or a CRM is given to bring back: the page that sends the browser there, for whom (verified ids) and about what.

    `token` is what goes there and back. `verifier` (PKCE's) and `nonce` are told by it and the browser's cookie together, under
    our key, and kept nowhere.
    """

    purpose: str
    page: Page
    org: str
    user: str
    ids: Mapping[str, str]
    token: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)


class Browser:
    """The browser of one request, made at `now` (aware)."""

    def __init__(self, request: Request, process: Process, now: datetime) -> None:
        self._cookies = request.cookies
        self._process = process
        self._now = now

    @property
    def signed_in(self) -> SignedIn | None:
        """Who has signed in; None when nobody has, or too long ago."""
        token = self._cookies.get(self._cookie(_PASS), "")
        try:
            its_pass = self._process.signed_links.read(token, self._now, _PASS)
        except NotVerified:
            return None
        return SignedIn(its_pass.user, its_pass.ids[_ADDRESS], self._secret("csrf", token))

    def sign_in(self, response: Response, org: str, user: str, address: str) -> None:
        """From this answer on the browser is this account's."""
        token = self._process.signed_links.sign(_PASS, org, user, {_ADDRESS: address}, self._now + PASS_LIFE)
        self._keep(response, _PASS, token, PASS_LIFE)

    def new_state(self, purpose: str, page: Page, org: str, user: str, ids: Mapping[str, str]) -> State:
        """A state that this browser alone can bring back, once, and for this purpose alone."""
        own = {_PAGE: page.value, _BROWSER: self._secret("browser", self._name)}
        token = self._process.signed_links.sign(purpose, org, user, {**ids, **own}, self._now + STATE_LIFE)
        return self._state(self._process.signed_links.read(token, self._now, purpose), token)

    async def brought_back(self, token: str, *purposes: str) -> State:
        """The state that came back, for one of these purposes.

        Raises LinkExpired when it is over or was used before, NotVerified when it is not ours or another browser's, and what the
        store raises.
        """
        link = self._process.signed_links.read(token, self._now, *purposes)
        if not hmac.compare_digest(link.ids[_BROWSER], self._secret("browser", self._name)):
            raise NotVerified("another browser began this")
        if not await self._process.store.use_once(link.org, f"state {link.nonce}", link.until, self._now):
            raise LinkExpired("this state was used before")
        return self._state(link, token)

    def led_to(self, url: str) -> Response:
        """On to another page, or to Google, with the name that its states are bound to."""
        response = RedirectResponse(url, 303, {"Referrer-Policy": "no-referrer"})
        self._keep(response, "browser", self._name, NAME_LIFE)
        return response

    def _state(self, link: Signed, token: str) -> State:
        ids = {name: value for name, value in link.ids.items() if name not in {_PAGE, _BROWSER}}
        bound = f"{self._name} {token}"
        secret = self._secret("verifier", bound), self._secret("nonce", bound)
        return State(link.purpose, Page(link.ids[_PAGE]), link.org, link.user, ids, token, *secret)

    @cached_property
    def _name(self) -> str:
        """The browser's own, or a new one: with that no state comes back. A name that we cannot have given is none."""
        name = self._cookies.get(self._cookie("browser"), "")
        return name if _NAME.fullmatch(name) else secrets.token_urlsafe(_NAME_BYTES)

    def _secret(self, what: str, of: str) -> str:
        key = self._process.settings.link_key.get_secret_value().encode()
        return urlsafe_b64encode(hmac.digest(key, f"{what}: {of}".encode(), "sha256")).rstrip(b"=").decode()

    def _keep(self, response: Response, cookie: str, value: str, life: timedelta) -> None:
        """For this host alone, out of scripts' reach; where there is https (this machine's http is the exception), over https alone."""
        response.set_cookie(
            self._cookie(cookie), value, int(life.total_seconds()), secure=self._is_https, httponly=True, samesite="lax"
        )

    def _cookie(self, name: str) -> str:
        return f"{'__Host-' if self._is_https else ''}mailmagnet-{name}"

    @property
    def _is_https(self) -> bool:
        return self._process.settings.pages_url.startswith("https:")
