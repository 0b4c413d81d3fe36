"""HubSpot's OAuth: the page on which a super admin lets an app into the account, and tokens for it
(https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/oauth/working-with-oauth)."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode

from sandbox.crms.hubspot.portal import Owner, Portal

TOKEN_LIFE = timedelta(seconds=1800)
CODE_LIFE = timedelta(minutes=1)
SCOPES = (
    "oauth",
    "crm.objects.companies.read",
    "crm.objects.contacts.read",
    "crm.objects.deals.read",
    "crm.objects.owners.read",
    "crm.schemas.deals.read",
    "settings.currencies.read",
    "settings.users.read",
)
"""What the app may ask for."""


class BadGrant(Exception):
    """A token is refused; `status` is HubSpot's own word beside OAuth's `error`."""

    def __init__(self, error: str, status: str, message: str) -> None:
        super().__init__(message)
        self.body = {"error": error, "error_description": message, "status": status, "message": message}


@dataclass(frozen=True, slots=True)
class App:
    """The app as its developer has made it in HubSpot."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser was sent to the consent page with."""

    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    challenge: str


@dataclass(frozen=True, slots=True)
class _Code:
    asked: Asked
    user: Owner
    until: datetime


@dataclass(slots=True)
class Grant:
    """An installed app: who installed it, and what it may do."""

    refresh: str
    user: Owner
    scopes: tuple[str, ...]
    ended: bool = False


@dataclass(frozen=True, slots=True)
class _Access:
    grant: Grant
    until: datetime


class SignIn:
    """Codes and tokens of one account. A refresh token stays the same; an access token lives for half an hour."""

    def __init__(self, portal: Portal, app: App, clock: Callable[[], datetime]) -> None:
        self._portal = portal
        self.app = app
        self._clock = clock
        self._codes: dict[str, _Code] = {}
        self._grants: dict[str, Grant] = {}
        self._access: dict[str, _Access] = {}

    def read(self, query: Mapping[str, str]) -> Asked:
        """What is asked for. Raises BadGrant: a browser is not sent back to an address that the app does not have."""
        if query.get("client_id") != self.app.client_id:
            raise BadGrant("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id")
        if query.get("redirect_uri") not in self.app.redirect_uris:
            raise BadGrant("invalid_request", "BAD_REDIRECT_URI", "redirect uri does not match the app's")
        scopes = tuple(query.get("scope", "").split())
        if not scopes or set(scopes) - set(SCOPES):
            raise BadGrant("invalid_scope", "BAD_SCOPES", "the app does not have these scopes")
        if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
            raise BadGrant("invalid_request", "BAD_CODE_CHALLENGE", "the method must be S256")
        return Asked(query["redirect_uri"], scopes, query.get("state"), query.get("code_challenge", ""))

    def allowed_url(self, asked: Asked, email: str) -> str:
        """Where the browser goes when this user has allowed it. Raises BadGrant for who may not install an app."""
        user = self._who_may_connect(email)
        code = f"na1-{secrets.token_urlsafe(24)}"
        self._codes[code] = _Code(asked, user, self._clock() + CODE_LIFE)
        return _url(asked, {"code": code})

    def refused_url(self, asked: Asked) -> str:
        return _url(asked, {"error": "access_denied", "error_description": "User canceled"})

    def token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Tokens for a code or for a refresh token. Raises BadGrant."""
        self._check_app(form)
        grant = self._of_code(form) if form.get("grant_type") == "authorization_code" else self._of_refresh(form)
        access = f"CNHK-{secrets.token_urlsafe(120)}"
        self._access[access] = _Access(grant, self._clock() + TOKEN_LIFE)
        return {
            "token_type": "bearer",
            "token_use": "access_token",
            "refresh_token": grant.refresh,
            "access_token": access,
            "expires_in": int(TOKEN_LIFE.total_seconds()),
            "hub_id": self._portal.id,
            "user_id": int(grant.user.user_id),
            "scopes": list(grant.scopes),
        }

    def introspect(self, form: Mapping[str, str]) -> dict[str, Any]:
        """What an access token is good for (https://developers.hubspot.com/docs/api-reference/2026-03/authentication/oauth-tokens)."""
        self._check_app(form)
        access = self._access.get(form.get("token", ""))
        if not access or access.grant.ended or access.until <= self._clock():
            return {"active": False}
        grant = access.grant
        return {
            "active": True,
            "token": form["token"],
            "token_type": "Bearer",
            "token_use": "access_token",
            "hub_id": self._portal.id,
            "user_id": int(grant.user.user_id),
            "user": grant.user.email,
            "hub_domain": f"{self._portal.name.lower().replace(' ', '-')}.example",
            "client_id": self.app.client_id,
            "app_id": 1_234_444,
            "scopes": list(grant.scopes),
            "is_private_distribution": True,
            "expires_in": int((access.until - self._clock()).total_seconds()),
            "signed_access_token": {
                "expiresAt": int(access.until.timestamp() * 1000),
                "scopes": "x",
                "hubId": self._portal.id,
                "userId": int(grant.user.user_id),
                "installingUserId": int(grant.user.user_id),
                "appId": 1_234_444,
                "signature": "x",
                "newSignature": "x",
                "scopeToScopeGroupPks": "x",
                "trialScopes": "",
                "trialScopeToScopeGroupPks": "",
                "hublet": "na1",
                "isUserLevel": False,
                "isServiceAccount": False,
                "isPrivateDistribution": True,
            },
        }

    def revoke(self, form: Mapping[str, str]) -> None:
        """End a refresh token and all access tokens that came of it."""
        self._check_app(form)
        if grant := self._grants.get(form.get("token", "")):
            grant.ended = True

    def installed(self, email: str) -> dict[str, Any]:
        """Tokens as if this super admin had just allowed all scopes: for tests and the demo. Raises BadGrant for who is none."""
        user = self._who_may_connect(email)
        grant = self._grant(user, SCOPES)
        form = {"client_id": self.app.client_id, "client_secret": self.app.client_secret}
        return self.token({**form, "grant_type": "refresh_token", "refresh_token": grant.refresh})

    def standing(self) -> list[str]:
        """Who has connected the app, each once for each time that still stands."""
        return [grant.user.email for grant in self._grants.values() if not grant.ended]

    def scopes_of(self, access_token: str) -> tuple[str, ...]:
        """What a call with this token may do. Raises KeyError for none of ours, BadGrant for one that is over."""
        access = self._access[access_token]
        if access.grant.ended:
            raise KeyError(access_token)
        if (over := self._clock() - access.until) >= timedelta():
            ago = int(over.total_seconds())
            raise BadGrant(
                "expired", "EXPIRED_AUTHENTICATION", f"The OAuth token used to make this call expired {ago} second(s) ago."
            )
        return access.grant.scopes

    def narrow(self, scopes: Collection[str]) -> None:
        """Somebody takes all other scopes from the app."""
        for grant in self._grants.values():
            grant.scopes = tuple(scope for scope in grant.scopes if scope in scopes)

    def _who_may_connect(self, email: str) -> Owner:
        user = self._portal.owner_of_email(email)
        if not user or user.archived or not (user.super_admin or user.may_connect):
            raise BadGrant("access_denied", "NOT_ALLOWED", "only a super admin can connect an app")
        return user

    def _check_app(self, form: Mapping[str, str]) -> None:
        if form.get("client_id") != self.app.client_id or form.get("client_secret") != self.app.client_secret:
            raise BadGrant("invalid_client", "BAD_CLIENT_SECRET", "missing or unknown client id or client secret")

    def _of_code(self, form: Mapping[str, str]) -> Grant:
        code = self._codes.pop(form.get("code", ""), None)
        if not code or code.until <= self._clock():
            raise BadGrant("invalid_grant", "BAD_AUTH_CODE", "auth code is invalid or expired")
        if form.get("redirect_uri") != code.asked.redirect_uri:
            raise BadGrant("invalid_grant", "MISMATCH_REDIRECT_URI_AUTH_CODE", "redirect uri does not match the initial one")
        if code.asked.challenge and _challenge(form.get("code_verifier", "")) != code.asked.challenge:
            raise BadGrant("invalid_grant", "BAD_CODE_VERIFIER", "code verifier does not match the challenge")
        return self._grant(code.user, code.asked.scopes)

    def _of_refresh(self, form: Mapping[str, str]) -> Grant:
        if form.get("grant_type") != "refresh_token":
            raise BadGrant("unsupported_grant_type", "BAD_GRANT_TYPE", "missing or unknown grant type")
        grant = self._grants.get(form.get("refresh_token", ""))
        if not grant or grant.ended or grant.user.archived:
            raise BadGrant("invalid_grant", "BAD_REFRESH_TOKEN", "refresh token is invalid, expired or revoked")
        return grant

    def _grant(self, user: Owner, scopes: tuple[str, ...]) -> Grant:
        grant = Grant(f"na1-{secrets.token_urlsafe(24)}", user, scopes)
        self._grants[grant.refresh] = grant
        return grant


def consent_page(asked: Asked, portal: Portal, visit: str, refusal: str = "") -> str:
    """The page on which a user says who they are, and lets the app in."""
    people = "".join(
        f'<label><input type="radio" name="user" value="{escape(owner.email)}" required> {escape(owner.first_name)} '
        f"{escape(owner.last_name)}, {escape(owner.email)}{' (super admin)' if owner.super_admin else ''}</label><br>"
        for owner in portal.owners.values()
        if not owner.archived
    )
    scopes = "".join(f"<li>{escape(scope)}</li>" for scope in asked.scopes)
    told = f'<p role="alert">{escape(refusal)}</p>' if refusal else ""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Connect MailMagnet to HubSpot</title><main><h1>Connect MailMagnet to {escape(portal.name)}</h1>{told}"
        f'<form method="post"><input type="hidden" name="visit" value="{escape(visit)}">'
        f"<fieldset><legend>You are</legend>{people}</fieldset><p>MailMagnet asks for:</p><ul>{scopes}</ul>"
        '<button name="step" value="allow">Connect app</button> <button name="step" value="cancel" formnovalidate>Cancel</button>'
        "</form></main></html>"
    )


def _url(asked: Asked, parameters: dict[str, str]) -> str:
    state = {"state": asked.state} if asked.state is not None else {}
    return f"{asked.redirect_uri}{'&' if '?' in asked.redirect_uri else '?'}{urlencode({**parameters, **state})}"


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
