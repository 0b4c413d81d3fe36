"""Verification: who sends a request, and for which user, proven by Google's signature before anything else is done with it."""

from collections.abc import Mapping
from typing import Any

import jwt
from jwt.types import Options

from functions.certificates import Certificates
from mailmagnet.addresses import canonical, canonical_domain
from mailmagnet.errors import Forbidden, NotVerified
from mailmagnet.identity import Identity

ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
CLOCK_SKEW_SECONDS = 30
MAX_TOKEN_LENGTH = 8192

# The audience is compared by us: exactly, where the library would also take a list that holds it.
_CHECKED: Options = {"require": ["exp", "iat"], "verify_aud": False}


class Verifier:
    """Checks id tokens (https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken)."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates

    async def caller(self, authorization: str, *, audience: str, service_account: str) -> None:
        """The caller is `service_account`, and meant exactly the endpoint `audience`.

        `authorization` is the request's header. Raises NotVerified, Forbidden, and Unavailable or BadAnswer without certificates.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotVerified("no bearer token")
        claims = await self._claims(token)
        if claims.get("aud") != audience:
            raise Forbidden("the token is for another audience")
        if claims.get("email") != service_account or claims.get("email_verified") is not True:
            raise Forbidden("the token is another account's")

    async def user(self, token: str, *, client_id: str) -> Identity:
        """The user whose id token this is, issued for our OAuth client. Raises as `caller` does."""
        claims = await self._claims(token)
        if claims.get("aud") != client_id:
            raise Forbidden("the user's token is for another client")
        user, address, domain = (_text(claims, name) for name in ("sub", "email", "hd"))
        if not user or not address or claims.get("email_verified") is not True:
            raise NotVerified("the user's token does not say who the user is")
        return Identity(domain or user, user, canonical(address), canonical_domain(domain))

    async def _claims(self, token: str) -> Mapping[str, Any]:
        if len(token) > MAX_TOKEN_LENGTH:
            raise NotVerified("the token is too long")
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = await self._certificates.key(key_id) if isinstance(key_id, str) else None
            if not key:
                raise NotVerified("the token is signed with a key that is not Google's")
            claims: Mapping[str, Any] = jwt.decode(token, key, ["RS256"], _CHECKED, leeway=CLOCK_SKEW_SECONDS)
        except jwt.PyJWTError as problem:
            raise NotVerified(f"the token does not hold ({type(problem).__name__})") from None
        if claims.get("iss") not in ISSUERS:
            raise NotVerified("the token is not Google's")
        return claims


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    return value if isinstance(value, str) else ""
