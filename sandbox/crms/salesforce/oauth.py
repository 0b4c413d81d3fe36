"""Salesforce's OAuth: codes with PKCE, refresh tokens that are good once, signed assertions, and the tokens that come of them
(https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flows.htm)."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PRODUCTION = "https://login.salesforce.com"
SESSION_SECONDS = 2 * 3600
CODE_SECONDS = 15 * 60
LONGEST_ASSERTION = 5 * 60
SCOPES = {"api", "refresh_token", "offline_access", "id", "openid", "profile", "email", "full", "web"}
KNOWN_FIELDS = {
    "authorization_code": {"grant_type", "code", "redirect_uri", "client_id", "client_secret", "code_verifier", "format"},
    "refresh_token": {"grant_type", "refresh_token", "client_id", "client_secret", "format"},
    JWT_BEARER: {"grant_type", "assertion", "format"},
}


class BadGrant(Exception):
    """The token endpoint's refusal: `error` is OAuth's word, the message Salesforce's."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


@dataclass(slots=True)
class ClientApp:
    """The customer's own external client app. `public_key` (PEM) is its certificate's, "" for none; `approved` are the user names that
    the admin has pre-authorised for it, None for everybody."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    public_key: str = ""
    approved: set[str] | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Whose a code or a token is, and for what."""

    user_id: str
    scopes: frozenset[str]
    until: float
    challenge: str = ""
    redirect_uri: str = ""


@dataclass(slots=True)
class OAuth:
    """Codes and tokens, in memory. `user_named` finds a user's id by name, None for nobody; `is_active` tells of an id. Salesforce does not
    say how long an access token is good: it is refused one day."""

    app: ClientApp
    organisation_id: str
    user_named: Callable[[str], str | None]
    is_active: Callable[[str], bool]
    now: Callable[[], float] = time.time
    codes: dict[str, Grant] = field(default_factory=dict, repr=False)
    access: dict[str, Grant] = field(default_factory=dict, repr=False)
    refresh: dict[str, Grant] = field(default_factory=dict, repr=False)

    def give_code(self, user_id: str, scopes: frozenset[str], challenge: str, redirect_uri: str) -> str:
        """What the browser is sent back with."""
        code = f"aPrx{secrets.token_urlsafe(32)}=="
        self.codes[code] = Grant(user_id, scopes, self.now() + CODE_SECONDS, challenge, redirect_uri)
        return code

    def give_access(self, user_id: str, scopes: frozenset[str] = frozenset({"api", "id"})) -> str:
        """An access token: the organisation's id, and what nobody guesses."""
        token = f"{self.organisation_id[:15]}!{secrets.token_urlsafe(48)}"
        self.access[token] = Grant(user_id, scopes, self.now() + SESSION_SECONDS)
        return token

    def give_session(self, user_id: str) -> tuple[str, str]:
        """An access and a refresh token, as a user's consent gives them."""
        scopes = frozenset({"api", "refresh_token"})
        return self.give_access(user_id, scopes), self._give_refresh(user_id, scopes)

    def user_of(self, token: str) -> str | None:
        """The id of the active user whose session it is."""
        grant = self.access.get(token)
        return grant.user_id if grant and grant.until > self.now() and self.is_active(grant.user_id) else None

    def tokens(self, form: Mapping[str, str], origin: str) -> dict[str, str]:
        """The token endpoint's answer. Raises BadGrant."""
        kind = form.get("grant_type", "")
        if kind not in KNOWN_FIELDS:
            raise BadGrant("unsupported_grant_type", "grant type not supported")
        if set(form) - KNOWN_FIELDS[kind]:
            raise BadGrant("invalid_request", "unknown parameter")
        if kind == JWT_BEARER:
            return self._issued(self._asserted(form.get("assertion", ""), {PRODUCTION, origin}), origin, refreshes=False)
        self._check_client(form)
        grant = self._exchanged(form) if kind == "authorization_code" else self._renewed(form.get("refresh_token", ""))
        return self._issued(grant, origin, refreshes=bool(grant.scopes & {"refresh_token", "offline_access"}))

    def revoke(self, token: str) -> None:
        """End a token; a refresh token with the access tokens of its user. Raises BadGrant."""
        grant = self.refresh.pop(token, None) or self.access.pop(token, None)
        if not grant:
            raise BadGrant("unsupported_token_type", "this token type is not supported")
        self.access = {each: other for each, other in self.access.items() if other.user_id != grant.user_id}

    def _check_client(self, form: Mapping[str, str]) -> None:
        if form.get("client_id") != self.app.client_id:
            raise BadGrant("invalid_client_id", "client identifier invalid")
        if not secrets.compare_digest(form.get("client_secret", "").encode(), self.app.client_secret.encode()):
            raise BadGrant("invalid_client", "invalid client credentials")

    def _exchanged(self, form: Mapping[str, str]) -> Grant:
        grant = self.codes.pop(form.get("code", ""), None)
        if not grant:
            raise BadGrant("invalid_grant", "authentication failure")
        if grant.until <= self.now():
            raise BadGrant("invalid_grant", "expired authorization code")
        if form.get("redirect_uri") != grant.redirect_uri:
            raise BadGrant("redirect_uri_mismatch", "redirect_uri must match configuration")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != grant.challenge:
            raise BadGrant("invalid_grant", "invalid code verifier")
        return grant

    def _renewed(self, refresh: str) -> Grant:
        """Refresh token rotation is on: each is good once."""
        grant = self.refresh.pop(refresh, None)
        if not grant or not self.is_active(grant.user_id):
            raise BadGrant("invalid_grant", "expired access/refresh token")
        return grant

    def _asserted(self, assertion: str, audiences: set[str]) -> Grant:
        """https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm"""
        if not self.app.public_key:
            raise BadGrant("invalid_grant", "invalid assertion")
        key = load_pem_public_key(self.app.public_key.encode())
        try:
            claims = jwt.decode(assertion, key, algorithms=["RS256"], options={"verify_aud": False, "verify_exp": False})  # type: ignore[arg-type]
        except jwt.InvalidTokenError:
            raise BadGrant("invalid_grant", "invalid assertion") from None
        ends = claims.get("exp")
        if not isinstance(ends, int) or not self.now() < ends <= self.now() + LONGEST_ASSERTION:
            raise BadGrant("invalid_grant", "expired authorization code")
        if claims.get("iss") != self.app.client_id:
            raise BadGrant("invalid_client_id", "client identifier invalid")
        if claims.get("aud") not in audiences:
            raise BadGrant("invalid_grant", "audience is invalid")
        name = str(claims.get("sub", ""))
        user_id = self.user_named(name)
        if not user_id or not self.is_active(user_id):
            raise BadGrant("invalid_grant", "inactive user" if user_id else "user hasn't approved this consumer")
        if self.app.approved is not None and name not in self.app.approved:
            raise BadGrant("invalid_grant", "user hasn't approved this consumer")
        return Grant(user_id, frozenset({"api", "id"}), 0.0)

    def _issued(self, grant: Grant, origin: str, *, refreshes: bool) -> dict[str, str]:
        """Without any word on how long the access token is good, as Salesforce does."""
        if not self.is_active(grant.user_id):
            raise BadGrant("invalid_grant", "inactive user")
        access = self.give_access(grant.user_id, grant.scopes)
        answer = {
            "access_token": access,
            "signature": base64.b64encode(secrets.token_bytes(32)).decode(),
            "scope": " ".join(sorted(grant.scopes)),
            "instance_url": origin,
            "id": f"{origin}/id/{self.organisation_id}/{grant.user_id}",
            "token_type": "Bearer",
            "issued_at": str(int(self.now() * 1000)),
        }
        if refreshes:
            answer["refresh_token"] = self._give_refresh(grant.user_id, grant.scopes)
        return answer

    def _give_refresh(self, user_id: str, scopes: frozenset[str]) -> str:
        token = f"5Aep861{secrets.token_urlsafe(48)}"
        self.refresh[token] = Grant(user_id, scopes, float("inf"))
        return token
