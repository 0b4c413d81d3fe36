"""Verification: who sends a request, and for which user, proven by Google's signature before anything else is done with it."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.types import Options
from jwt.utils import base64url_decode

from functions.certificates import Certificates
from functions.log import log_once
from mailmagnet.addresses import canonical, canonical_domain, domain_of
from mailmagnet.errors import Forbidden, NotVerified
from mailmagnet.identity import Identity

ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
CLOCK_SKEW_SECONDS = 30
MAX_TOKEN_LENGTH = 8192
MOST_TOKENS = 2_000
"""Tokens that are remembered as checked; the one that was checked first is forgotten first."""

# The audience is compared by us: exactly, where the library would also take a list that holds it.
_OPTIONS: Options = {"require": ["exp", "iat"], "verify_aud": False}
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_REMOVED = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.(SIGNATURE_REMOVED_BY_GOOGLE)?")


def bearer_of(authorization: str) -> str:
    """The token of an Authorization header. Raises NotVerified when there is none."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotVerified("no bearer token")
    return token


def signature_is_removed(token: str) -> bool:
    """Whether Cloud Run has looked at this id token and taken its signature away before it gave the request on.

    https://cloud.google.com/run/docs/troubleshooting (token signatures redacted by Google)
    """
    return bool(_REMOVED.fullmatch(token))


@dataclass(frozen=True, slots=True)
class _Checked:
    """A token's claims, the key that has signed them, and until when they hold (seconds since the epoch)."""

    claims: Mapping[str, Any]
    key_id: str
    key: RSAPublicKey
    until: float


class Verifier:
    """Checks id tokens (https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken).

    Every check may raise NotVerified, Forbidden, and Unavailable or BadAnswer when there are no certificates.
    """

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        self._checked: dict[bytes, _Checked] = {}

    async def ready(self) -> None:
        """Raises Unavailable or BadAnswer when no token could be checked now, for want of certificates."""
        await self._certificates.ready()

    async def caller(self, authorization: str, *, audience: str, service_account: str) -> None:
        """The caller, whose Authorization header this is, is `service_account`, and meant exactly the endpoint `audience`."""
        await self.service(bearer_of(authorization), audience=audience, service_account=service_account)

    async def service(self, token: str, *, audience: str, service_account: str) -> None:
        """This is the token of `service_account`, and it is for exactly the endpoint `audience`."""
        claims = await self._claims(token)
        if claims.get("aud") != audience:
            raise Forbidden("the token is for another audience")
        if claims.get("email") != service_account or claims.get("email_verified") is not True:
            raise Forbidden("the token is another account's")

    async def user(self, token: str, *, client_id: str, internal_domains: Sequence[str] = (), nonce: str = "") -> Identity:
        """The user whose id token this is, issued for this OAuth client, and bearing this `nonce` where one was asked for.

        An address proves no membership: without `hd` a user is an organisation of their own. Only where Google lets nobody in but one
        organisation's accounts, `internal_domains` (canonical, that organisation's name first) make a member of whoever has an
        address there.
        """
        claims = await self._claims(token)
        if claims.get("aud") != client_id:
            raise Forbidden("the user's token is for another client")
        if nonce and claims.get("nonce") != nonce:
            raise NotVerified("the user's token answers another sign-in")
        user, address, hosted = (_text(claims, name) for name in ("sub", "email", "hd"))
        if not user or not address or claims.get("email_verified") is not True:
            raise NotVerified("the user's token does not say who the user is")
        log_once("users' tokens", hd="present" if hosted else "absent")
        organisation = hosted or _internal(canonical(address), internal_domains)
        return Identity(organisation or user, user, canonical(address), canonical_domain(organisation))

    async def _claims(self, token: str) -> Mapping[str, Any]:
        """What a token of Google's says. One that comes again is not checked again, as long as it and its key hold.

        Nothing but its signature and its time is settled by that: whom it is for, and whose it is, is asked at each call.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise NotVerified("the token is too long")
        if not _TOKEN.fullmatch(token):
            raise NotVerified("what came is not a signed token")
        digest = sha256(token.encode()).digest()
        checked = self._checked.get(digest)
        if not checked or not await self._holds(checked):
            checked = await self._check(token)
            self._remember(digest, checked)
        return checked.claims

    async def _holds(self, checked: _Checked) -> bool:
        return time.time() < checked.until and await self._certificates.key(checked.key_id) is checked.key

    async def _check(self, token: str) -> _Checked:
        try:
            key_id = _key_id(token)
            if not key_id or not (key := await self._certificates.key(key_id)):
                raise NotVerified("the token is signed with a key that is not Google's, or not any more")
            claims: Mapping[str, Any] = jwt.decode(token, key, ["RS256"], _OPTIONS, leeway=CLOCK_SKEW_SECONDS)
        except (jwt.PyJWTError, RecursionError, OverflowError, TypeError, ValueError) as problem:
            raise NotVerified(f"the token does not hold ({type(problem).__name__})") from None
        if _text(claims, "iss") not in ISSUERS:
            raise NotVerified("the token is not Google's")
        return _Checked(claims, key_id, key, int(claims["exp"]) + CLOCK_SKEW_SECONDS)

    def _remember(self, digest: bytes, checked: _Checked) -> None:
        self._checked[digest] = checked
        if len(self._checked) > MOST_TOKENS:
            del self._checked[next(iter(self._checked))]


def _key_id(token: str) -> str:
    """The id of the key that a token says it is signed with, or "": of its header alone, where the library would read all three parts.

    Raises ValueError or RecursionError for what is not JSON.
    """
    header = json.loads(base64url_decode(token.partition(".")[0]))
    return _text(header, "kid") if isinstance(header, dict) else ""


def _internal(address: str, domains: Sequence[str]) -> str:
    """The organisation whose consent screen it is, when the address is in one of its domains; else ""."""
    return domains[0] if address.count("@") == 1 and domain_of(address) in domains else ""


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    return value if isinstance(value, str) else ""
