"""Domain-wide delegation: which service accounts a Workspace's admin lets into its mailboxes, claims signed for them by IAM without a key,
and what Google's token endpoint gives for such a claim (https://developers.google.com/identity/protocols/oauth2/service-account)."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.x509 import load_pem_x509_certificate

from sandbox.google.authorization import BadGrant, check_standing, issued
from sandbox.google.google_side import GoogleSide, Person

LONGEST_CLAIM = 3600
LONGEST_SIGNED = 12 * 3600
SLACK = 300
"""Seconds by which clocks may differ."""

_NOT_DELEGATED = (
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any "
    "of the scopes requested."
)


class MayNotSign(Exception):
    """The caller lacks iam.serviceAccounts.signJwt on this account, or there is no such account."""


class BadClaims(ValueError):
    """The payload cannot be signed."""


@dataclass(slots=True)
class Delegation:
    """`signers` are the service accounts (addresses) for which the project's own account may sign; `delegated` holds the scopes by
    service account and Workspace domain, as they are pasted in the Admin console. `account` finds an account by address, or raises
    LookupError; `standing` tells one's."""

    google: GoogleSide
    account: Callable[[str], Person]
    standing: Callable[[str], str]
    signers: set[str] = field(default_factory=set)
    delegated: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def sign(self, service_account: str, body: Any) -> dict[str, str]:
        """https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signJwt"""
        if service_account not in self.signers:
            raise MayNotSign(service_account)
        if not isinstance(body, dict) or set(body) - {"payload", "delegates"}:
            raise BadClaims("Invalid JSON payload received.")
        try:
            claims = json.loads(body.get("payload", ""))
        except (TypeError, ValueError):
            claims = None
        if not isinstance(claims, dict):
            raise BadClaims("The payload must be a serialized JSON object with a claims set.")
        expires = claims.get("exp")
        now = time.time()
        if "exp" in claims and (not isinstance(expires, int) or not now <= expires <= now + LONGEST_SIGNED):
            raise BadClaims("exp must be an integer that is not in the past, and at most 12 hours away.")
        signed = self.google.id_token(claims)
        return {"keyId": self.google.key_id, "signedJwt": signed}

    def exchange(self, assertion: str, audiences: set[str]) -> dict[str, object]:
        """The token endpoint's answer to a signed claim. Raises BadGrant."""
        claims = self._claims(assertion)
        now = time.time()
        begun, ends = claims.get("iat"), claims.get("exp")
        if claims.get("iss") not in self.signers:
            raise BadGrant("invalid_grant", "Invalid issuer: Not a valid service account.")
        if claims.get("aud") not in audiences:
            raise BadGrant("invalid_grant", "Failed audience check. The right audience is https://oauth2.googleapis.com/token")
        if not isinstance(begun, int) or not isinstance(ends, int) or not begun - SLACK <= now < ends <= begun + LONGEST_CLAIM:
            raise BadGrant(
                "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
            )
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes:
            raise BadGrant("invalid_scope", "Empty or missing scope not allowed.")
        person = self._person(str(claims.get("sub", "")))
        granted = (
            self.delegated.get((str(claims["iss"]), person.hosted_domain), frozenset()) if person.hosted_domain else frozenset()
        )
        if not scopes <= granted:
            raise BadGrant("unauthorized_client", _NOT_DELEGATED, 401)
        return issued(self.google.access_token(person.address, scopes), scopes)

    def _claims(self, assertion: str) -> dict[str, Any]:
        key = load_pem_x509_certificate(self.google.certificate.encode()).public_key()
        checked_here = {"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
        try:
            claims: dict[str, Any] = jwt.decode(assertion, key, algorithms=["RS256"], options=checked_here)  # type: ignore[arg-type]
        except jwt.InvalidTokenError:
            raise BadGrant("invalid_grant", "Invalid JWT Signature.") from None
        return claims

    def _person(self, address: str) -> Person:
        check_standing(self.standing(address))
        try:
            return self.account(address)
        except LookupError:
            raise BadGrant("invalid_grant", "Invalid email or User ID") from None
