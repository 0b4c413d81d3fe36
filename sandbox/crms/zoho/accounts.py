"""Zoho Accounts: who consents gives a code, a code gives tokens, a refresh token gives access tokens, ten in ten minutes at most
(https://www.zoho.com/crm/developer/docs/api/v8/oauth-overview.html)."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

CODE_LIFE = timedelta(minutes=3)
ACCESS_LIFE = timedelta(hours=1)
WINDOW = timedelta(minutes=10)
MOST_IN_WINDOW = 10
"""Access tokens of one refresh token."""
MOST_ACCESS = 15
"""Access tokens of one refresh token that are good at once: one more ends the first."""
MOST_REFRESH = 20
"""Refresh tokens of one user: one more ends the first, and its access tokens."""


class TokenRefused(Exception):
    """Zoho Accounts gives no token. It says so with status 200, but for the one who asks too often."""

    def __init__(self, error: str, description: str = "", status: int = 200) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, **({"error_description": description, "status": "failure"} if description else {})}


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A client as it is registered in Zoho's API console."""

    id: str = "1000.MAILMAGNET"
    secret: str = field(default="mailmagnet-secret", repr=False)
    redirect_uris: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Granted:
    """A user's consent: `challenge` is PKCE's, "" for none."""

    user: str
    scopes: frozenset[str]
    redirect_uri: str
    offline: bool
    challenge: str
    until: datetime


@dataclass(slots=True)
class _Refresh:
    user: str
    scopes: frozenset[str]
    given: list[datetime] = field(default_factory=list)
    access: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token stands for."""

    user: str
    scopes: frozenset[str]
    until: datetime


class ZohoAccounts:
    """The tokens of one organisation's users for one client."""

    def __init__(self, client: OAuthClient, api_domain: Callable[[], str], now: Callable[[], datetime]) -> None:
        self.client = client
        self._api_domain = api_domain
        self._now = now
        self._codes: dict[str, Granted] = {}
        self._refresh: dict[str, _Refresh] = {}
        self._access: dict[str, Access] = {}
        self.given: list[str] = []
        """The access tokens that were given."""
        self.revoked: list[str] = []
        """The tokens that were ended on request."""

    def consent(self, user: str, scopes: frozenset[str], redirect_uri: str, *, offline: bool, challenge: str) -> str:
        """The code that a browser is sent back with."""
        code = _token()
        self._codes[code] = Granted(user, scopes, redirect_uri, offline, challenge, self._now() + CODE_LIFE)
        return code

    def token(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        """What the token endpoint answers. Raises TokenRefused."""
        if form.get("client_id") != self.client.id:
            raise TokenRefused("invalid_client")
        if form.get("client_secret") != self.client.secret:
            raise TokenRefused("invalid_client_secret")
        if form.get("grant_type") == "authorization_code":
            return self._of_code(form)
        if form.get("grant_type") == "refresh_token":
            return self._of_refresh_token(form.get("refresh_token", ""))
        raise TokenRefused("unsupported_grant_type")

    def signed_in(self, user: str, scopes: frozenset[str]) -> tuple[str, str]:
        """An access token and a refresh token of a user, as after a sign-in."""
        refresh = self._new_refresh(user, scopes)
        return self._new_access(refresh), refresh

    def access(self, token: str) -> Access | None:
        """What a good access token stands for."""
        found = self._access.get(token)
        return found if found and found.until > self._now() else None

    def expire(self, token: str) -> None:
        """End an access token, as an hour does."""
        self._access.pop(token, None)

    def revoke(self, token: str) -> bool:
        """End a token, and with a refresh token all that came of it. Whether it was there."""
        self.revoked.append(token)
        refresh = self._refresh.pop(token, None)
        for access in refresh.access if refresh else ():
            self._access.pop(access, None)
        return refresh is not None or self._access.pop(token, None) is not None

    def _of_code(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        granted = self._codes.pop(form.get("code", ""), None)
        if not granted or granted.until <= self._now():
            raise TokenRefused("invalid_code")
        if form.get("redirect_uri") != granted.redirect_uri:
            raise TokenRefused("invalid_redirect_uri")
        if granted.challenge and _challenge(form.get("code_verifier", "")) != granted.challenge:
            raise TokenRefused("invalid_code")
        access, refresh = self.signed_in(granted.user, granted.scopes)
        if not granted.offline:
            self._refresh.pop(refresh)
            return self._told(access)
        return {**self._told(access), "refresh_token": refresh}

    def _of_refresh_token(self, token: str) -> Mapping[str, Any]:
        if token not in self._refresh:
            raise TokenRefused("invalid_code")
        return self._told(self._new_access(token))

    def _new_refresh(self, user: str, scopes: frozenset[str]) -> str:
        theirs = [token for token, each in self._refresh.items() if each.user == user]
        for token in theirs[: max(len(theirs) - MOST_REFRESH + 1, 0)]:
            self.revoke(token)
        token = _token()
        self._refresh[token] = _Refresh(user, scopes)
        return token

    def _new_access(self, refresh_token: str) -> str:
        refresh, now = self._refresh[refresh_token], self._now()
        refresh.given = [moment for moment in refresh.given if moment > now - WINDOW]
        if len(refresh.given) >= MOST_IN_WINDOW:
            words = "You have made too many requests continuously. Please try again after some time."
            raise TokenRefused("Access Denied", words, status=400)
        refresh.given.append(now)
        token = _token()
        self.given.append(token)
        self._access[token] = Access(refresh.user, refresh.scopes, now + ACCESS_LIFE)
        refresh.access.append(token)
        for old in refresh.access[:-MOST_ACCESS]:
            self._access.pop(old, None)
        return token

    def _told(self, access: str) -> dict[str, Any]:
        seconds = int(ACCESS_LIFE.total_seconds())
        return {"access_token": access, "api_domain": self._api_domain(), "token_type": "Bearer", "expires_in": seconds}


def _token() -> str:
    return f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
