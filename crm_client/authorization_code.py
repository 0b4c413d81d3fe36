"""OAuth's authorisation code at a CRM: where a browser is sent, what its code and a refresh token are exchanged for, and their end.

RFC 6749 (https://www.rfc-editor.org/rfc/rfc6749), PKCE by RFC 7636, revoking by RFC 7009. What one CRM does otherwise is in its
`sign_in.py`.
"""

import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from http_session.session import HttpAnswer, HttpSession
from mailmagnet.errors import BadAnswer, MailMagnetError, NotAuthorised, NotPermitted, RateLimited, Service, Unavailable, Upstream

LONGEST_TOKEN = 8192
"""Characters: with its header a longer one would be refused by servers, and no CRM's comes near it."""
LONGEST_CODE = 4096
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOKEN = re.compile(r"[\x21-\x7e]+")
"""https://www.rfc-editor.org/rfc/rfc6749#appendix-A.12, without spaces: it goes into a header."""
_ERROR = re.compile(r"[A-Za-z_]{1,60}")
UNSTATED_WAIT = 30.0
"""Seconds, where a CRM that was asked too often does not say how long."""
LONGEST_WAIT = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """The customer's own OAuth client at the CRM. `redirect_uri` is the page of ours to which browsers are sent back: it is registered
    there."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Granted:
    """What a CRM has given. `refresh` is "" where it gave none, `seconds` the access token's life, None where it does not say. `scopes` are
    those that it names, None where it names none: then they are those that were asked for. `answer` is all of it, as data."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    seconds: float | None
    scopes: frozenset[str] | None
    answer: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """The flow at one CRM. `session_of` gives the session that can call one origin alone; `seconds` is the deadline of a call.

    `secret_in_header`: the client proves itself by HTTP Basic and not in the form. `dead` are the errors that say that a code or a refresh
    token is good no more, `limited` those that say that it was asked too often.
    """

    who: Service
    client: OAuthClient
    session_of: Callable[[str], HttpSession]
    seconds: float
    secret_in_header: bool = False
    dead: Collection[str] = ("invalid_grant",)
    limited: Collection[str] = ()

    def url(self, authorize_url: str, scopes: str, state: str, challenge: str, **more: str) -> str:
        """Where the browser is sent. `scopes` as the CRM separates them; `challenge` is PKCE's by S256, "" where the CRM knows no PKCE."""
        pkce = {"code_challenge": challenge, "code_challenge_method": "S256"} if challenge else {}
        asked = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uri,
            "scope": scopes,
            "state": state,
            **pkce,
            **more,
        }
        return f"{authorize_url}?{urlencode(asked)}"

    async def exchanged(self, token_url: str, code: str, verifier: str, **more: str) -> Granted:
        """What a code stands for; `verifier` is the challenge's, "" where the CRM knows no PKCE.

        Raises NotAuthorised when the code is spent or another's, and as `_asked` does.
        """
        if not code or len(code) > LONGEST_CODE:
            raise NotAuthorised(self.who, "the browser brought no code")
        pkce = {"code_verifier": verifier} if verifier else {}
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.client.redirect_uri, **pkce, **more}
        return await self._asked(token_url, fields)

    async def renewed(self, token_url: str, refresh: str, **more: str) -> Granted:
        """New tokens: the refresh token is the old one where the CRM gives no other.

        Raises NotAuthorised when the refresh token is good no more, and as `_asked` does.
        """
        if not refresh:
            raise NotAuthorised(self.who, "there is no refresh token")
        granted = await self._asked(token_url, {"grant_type": "refresh_token", "refresh_token": refresh, **more})
        return granted if granted.refresh else Granted(granted.access, refresh, granted.seconds, granted.scopes, granted.answer)

    async def asserted(self, token_url: str, assertion: str) -> Granted:
        """What the CRM gives for a claim that a key of ours has signed, in place of anybody's consent
        (https://www.rfc-editor.org/rfc/rfc7523#section-2.1).

        Raises NotAuthorised when the claim is refused, and as `_asked` does.
        """
        answer = await self._posted(token_url, {"grant_type": JWT_BEARER, "assertion": assertion})
        if answer.status != HTTPStatus.OK or _error(answer):
            raise self._refusal(answer)
        return self._granted(answer)

    async def revoke(self, revoke_url: str, token: str, **more: str) -> None:
        """End a token, and what was given with it; one that is good no more is no error. Raises RateLimited, Unavailable, BadAnswer."""
        answer = await self._posted(revoke_url, {"token": token, **more})
        done = HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES and not _error(answer)
        if not (done or self._is_dead(answer)):
            raise self._refusal(answer)

    @asynccontextmanager
    async def or_ended(self, end: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """Around what is looked at once tokens were given: where it fails, they are ended at the CRM (`end`), as far as that goes."""
        try:
            yield
        except MailMagnetError:
            with suppress(Upstream):
                await end()
            raise

    def check_scopes(self, granted: Granted, wanted: Collection[str]) -> None:
        """Raises NotPermitted where the CRM says that less was granted than is needed."""
        if granted.scopes is not None and (missing := sorted(set(wanted) - granted.scopes)):
            raise NotPermitted(self.who, f"{len(missing)} of the scopes that were asked for were not granted")

    async def _asked(self, token_url: str, fields: Mapping[str, str]) -> Granted:
        """Raises NotAuthorised for what is good no more, NotPermitted when the client itself is refused, RateLimited, Unavailable,
        BadAnswer."""
        secret = {"client_secret": self.client.client_secret} if self.client.client_secret else {}
        proof = {} if self.secret_in_header else {"client_id": self.client.client_id, **secret}
        answer = await self._posted(token_url, {**fields, **proof})
        if answer.status != HTTPStatus.OK or _error(answer):  # one CRM refuses with a status of success
            raise self._refusal(answer)
        return self._granted(answer)

    async def _posted(self, url: str, fields: Mapping[str, str]) -> HttpAnswer:
        parts = urlsplit(url)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if self.secret_in_header:
            headers["Authorization"] = f"Basic {_basic(self.client)}"
        session = self.session_of(f"{parts.scheme}://{parts.netloc}")
        return await session.request(
            self.who, "POST", url, seconds=self.seconds, headers=headers, body=urlencode(fields).encode()
        )

    def _granted(self, answer: HttpAnswer) -> Granted:
        told = answer.json()
        if not isinstance(told, dict):
            raise BadAnswer(self.who, "the answer is no token")
        return Granted(
            self._token(told.get("access_token")),
            self._token(told["refresh_token"]) if told.get("refresh_token") else "",
            self._life(told.get("expires_in")),
            _scopes(told.get("scope", told.get("scopes"))),
            told,
        )

    def _token(self, told: object) -> str:
        if not isinstance(told, str) or len(told) > LONGEST_TOKEN or not _TOKEN.fullmatch(told):
            raise BadAnswer(self.who, "the answer is no token")
        return told

    def _life(self, told: object) -> float | None:
        if told is None:
            return None
        try:
            seconds = float(told) if isinstance(told, int | float | str) else 0.0
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= _LONGEST_LIFE:
            raise BadAnswer(self.who, "the answer does not say how long its token is good")
        return seconds

    def _is_dead(self, answer: HttpAnswer) -> bool:
        return _error(answer) in {"invalid_token", *self.dead}

    def _refusal(self, answer: HttpAnswer) -> Upstream:
        """What a refusal means (https://www.rfc-editor.org/rfc/rfc6749#section-5.2). The CRM's own words are not passed on."""
        error = _error(answer)
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS or error in self.limited:
            return RateLimited(self.who, _wait(answer), f"its sign-in was asked too often (status {answer.status})")
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Unavailable(self.who, f"its sign-in answered {answer.status}")
        if error in self.dead or (answer.status == HTTPStatus.UNAUTHORIZED and not error):
            return NotAuthorised(self.who, f"the sign-in is refused ({error or answer.status})")
        if _ERROR.fullmatch(error):
            # MailMagnet's own client there, so that signing in again would help nobody
            return NotPermitted(self.who, f"MailMagnet's OAuth client is refused ({error})")
        return BadAnswer(self.who, f"its sign-in answered {answer.status}")


_LONGEST_LIFE = 10 * 365 * 24 * 3600.0


def _basic(client: OAuthClient) -> str:
    """https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1"""
    return b64encode(f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}".encode()).decode()


def _error(answer: HttpAnswer) -> str:
    """The error that the answer names, "" for none."""
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    error = told.get("error") if isinstance(told, dict) else None
    return error if isinstance(error, str) else ""


def _scopes(told: object) -> frozenset[str] | None:
    """Separated by spaces, as RFC 6749 has it, or commas, or a list."""
    if isinstance(told, str) and told:
        return frozenset(re.split(r"[ ,]+", told.strip()))
    if isinstance(told, list):
        return frozenset(each for each in told if isinstance(each, str))
    return None


def _wait(answer: HttpAnswer) -> float:
    stated = answer.headers.get("Retry-After", "").strip()
    return min(max(float(stated), 1.0), LONGEST_WAIT) if stated.isdecimal() else UNSTATED_WAIT
