"""Signed tokens of ours that live for a short while: links from a card to a page, states that go through Google, a browser's pass."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

from mailmagnet.errors import LinkExpired, NotVerified

LONGEST_TOKEN = 4096


@dataclass(frozen=True, slots=True)
class Signed:
    """What a token says: for which purpose, for whom (verified ids), about what (ids alone), under which nonce, until when (aware)."""

    purpose: str
    org: str
    user: str
    ids: Mapping[str, str]
    nonce: str
    until: datetime


class SignedLinks:
    """Signs and reads (HS256) under one secret key. A token holds for the one purpose that it was made for; nothing in it is a right."""

    def __init__(self, key: str) -> None:
        self._key = key

    def sign(self, purpose: str, org: str, user: str, ids: Mapping[str, str], until: datetime) -> str:
        """A token that is new each time, and can stand in a URL; `until` is aware, and counts to the second."""
        nonce = secrets.token_urlsafe(16)
        claims = {"aud": purpose, "org": org, "sub": user, "ids": dict(ids), "jti": nonce, "exp": int(until.timestamp())}
        return jwt.encode(claims, self._key, "HS256")

    def read(self, token: str, now: datetime, *purposes: str) -> Signed:
        """Raises LinkExpired when its time is over, NotVerified for whatever else is not a token of one of these purposes."""
        claims = self._claims(token)
        if claims["aud"] not in purposes:
            raise NotVerified("the link is for something else")
        until = datetime.fromtimestamp(claims["exp"], UTC)
        if until <= now:
            raise LinkExpired("the link's time is over")
        return Signed(claims["aud"], claims["org"], claims["sub"], claims["ids"], claims["jti"], until)

    def _claims(self, token: str) -> Mapping[str, Any]:
        """Of a token that we have signed. Its time is not looked at: ours may be a turned clock's."""
        if len(token) > LONGEST_TOKEN:
            raise NotVerified("the link is too long")
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token, self._key, ["HS256"], {"verify_aud": False, "verify_exp": False, "require": ["aud", "sub", "jti", "exp"]}
            )
        except (jwt.PyJWTError, RecursionError, ValueError, TypeError) as problem:
            raise NotVerified(f"the link does not hold ({type(problem).__name__})") from None
        return claims
