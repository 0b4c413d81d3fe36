"""Signing in to Pipedrive's API: an app's code, its tokens, their end (https://pipedrive.readme.io/docs/marketplace-oauth-authorization).

What is granted follows from the app's own scopes, which are set where it is registered: the browser brings none.
"""

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from sandbox.crms.pipedrive.company import Company, User

CODE_LIFE, ACCESS_LIFE, REFRESH_LIFE = timedelta(minutes=5), timedelta(seconds=3600), timedelta(days=60)
SCOPES = frozenset({"base", "contacts:read", "deals:read", "activities:read", "leads:read", "users:read", "search:read"})


class NotGranted(Exception):
    """No token: `status`, and the error in OAuth's words and in Pipedrive's."""

    def __init__(self, error: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"success": False, "error": error, "message": message}


@dataclass(frozen=True, slots=True)
class App:
    """The customer's app as it is registered in Pipedrive's Developer Hub: it has one callback URL."""

    client_id: str = "pipedrive-app"
    client_secret: str = field(default="pipedrive-secret", repr=False)
    callback: str = ""
    scopes: frozenset[str] = SCOPES


@dataclass(slots=True)
class _Grant:
    user: User
    ends: datetime
    refresh: str = ""


class SignIn:
    """The tokens of one company's users for one app. `api_domain` is told with each token."""

    def __init__(self, company: Company, app: App, now: Callable[[], datetime]) -> None:
        self._company = company
        self.app = app
        self._now = now
        self.api_domain = ""
        self._codes: dict[str, _Grant] = {}
        self._access: dict[str, _Grant] = {}
        self._refresh: dict[str, _Grant] = {}

    def code_for(self, user: User) -> str:
        """What the browser brings back when this user has allowed the app."""
        code = f"{user.id}.{secrets.token_hex(16)}"
        self._codes[code] = _Grant(user, self._now() + CODE_LIFE)
        return code

    def user_of(self, access_token: str) -> User | None:
        """Whose token it is; None for one that is unknown, over, or its user's who has left the company."""
        grant = self._access.get(access_token)
        return grant.user if grant and self._now() < grant.ends and grant.user.active else None

    def tokens(self, authorization: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Tokens for a code or a refresh token. Raises NotGranted."""
        self._check_client(authorization)
        kind = form.get("grant_type")
        if not kind:
            raise NotGranted("invalid_request", "Missing parameter: grant_type")
        if kind == "authorization_code":
            if form.get("redirect_uri") != self.app.callback:
                raise NotGranted("invalid_request", "Invalid request: redirect_uri is invalid")
            return self._issued(self._spent(self._codes, form.get("code", ""), "authorization_code").user)
        if kind == "refresh_token":
            return self._issued(self._spent(self._refresh, form.get("refresh_token", ""), "refresh_token").user)
        raise NotGranted("unsupported_grant_type", "Unsupported grant type: grant_type is invalid")

    def revoke(self, authorization: str, form: Mapping[str, str]) -> None:
        """End a token: with a refresh token its user's whole sign-in ends. Raises NotGranted."""
        self._check_client(authorization)
        token = form.get("token", "")
        if grant := self._refresh.pop(token, None):
            self._access = {access: each for access, each in self._access.items() if each.user is not grant.user}
        self._access.pop(token, None)

    def signed_in_users(self) -> set[str]:
        """Addresses of users who have a refresh token."""
        return {grant.user.email for grant in self._refresh.values()}

    def issued_for(self, email: str) -> dict[str, Any]:
        """Tokens without a browser, as if this user had allowed the app."""
        return self._issued(next(user for user in self._company.users if user.email == email))

    def _issued(self, user: User) -> dict[str, Any]:
        access, refresh = f"v1u:{secrets.token_urlsafe(48)}", f"{user.id}:1:{secrets.token_hex(20)}"
        self._access[access] = _Grant(user, self._now() + ACCESS_LIFE, refresh)
        self._refresh[refresh] = _Grant(user, self._now() + REFRESH_LIFE)
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": int(ACCESS_LIFE.total_seconds()) - 1,
            "refresh_token": refresh,
            "scope": ",".join(sorted(self.app.scopes)),
            "api_domain": self.api_domain,
        }

    def _spent(self, granted: dict[str, _Grant], token: str, kind: str) -> _Grant:
        """A code is good once, and so is a refresh token, which the answer brings a new one for."""
        grant = granted.pop(token, None)
        if not grant:
            raise NotGranted("invalid_grant", f"Invalid grant: {kind} is invalid")
        if self._now() >= grant.ends or not grant.user.active:
            raise NotGranted("invalid_grant", f"Invalid grant: {kind} has expired")
        return grant

    def _check_client(self, authorization: str) -> None:
        kind, _, words = authorization.partition(" ")
        try:
            given = base64.b64decode(words, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            given = ""
        client_id, _, client_secret = given.partition(":")
        if kind != "Basic" or not client_id:
            raise NotGranted("invalid_client", "Invalid client: cannot retrieve client credentials")
        if (unquote_plus(client_id), unquote_plus(client_secret)) != (self.app.client_id, self.app.client_secret):
            raise NotGranted("invalid_client", "Invalid client: client is invalid")
