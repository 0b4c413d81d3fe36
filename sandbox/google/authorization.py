"""What a client asks of Google's authorization endpoint, and the codes that it gets from there and gives back for tokens
(https://developers.google.com/identity/protocols/oauth2/web-server)."""

import base64
import hashlib
import hmac
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from multidict import MultiMapping

from sandbox.google import api_description
from sandbox.google.google_side import SCOPE, TOKEN_LIFE, GoogleSide, Person

CODE_LIFE = timedelta(minutes=10)
EMAIL_SCOPE, PROFILE_SCOPE = SCOPE + "userinfo.email", SCOPE + "userinfo.profile"
IDENTITY_SCOPES = frozenset({"openid", EMAIL_SCOPE, PROFILE_SCOPE})
"""What signing in takes: never a checkbox."""

_SHORT = {"email": EMAIL_SCOPE, "profile": PROFILE_SCOPE}
_PROMPTS = frozenset({"none", "consent", "select_account"})
_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class Refused(Exception):
    """Google shows this on a page of its own and sends the browser nowhere: `error` is its word, the message is for whoever made the
    client."""

    def __init__(self, error: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.error = error
        self.status = status


class BadGrant(Exception):
    """What the token endpoint answers instead of tokens: `error` is its word, the message its description."""

    def __init__(self, error: str, message: str = "Bad Request", status: int = 400) -> None:
        super().__init__(message)
        self.error = error
        self.status = status


@dataclass(frozen=True, slots=True)
class Asked:
    """One request at the authorization endpoint. `scopes` are whole, in the order they were asked for; `with_earlier` is
    include_granted_scopes; a `challenge` of "" means no PKCE; `state` is None when none was sent."""

    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    offline: bool
    prompts: frozenset[str]
    login_hint: str
    with_earlier: bool
    challenge: str
    challenge_method: str
    nonce: str


def read(google: GoogleSide, query: MultiMapping[str]) -> Asked:
    """The request in a URL's query. Raises Refused."""
    twice = [name for name, count in Counter(name for name, _ in query.items()).items() if count > 1]
    if twice:
        raise Refused("invalid_request", f"OAuth 2 parameters can only have a single value: {twice[0]}")
    for name in ("client_id", "redirect_uri", "response_type", "scope"):
        if not query.get(name, "").strip():
            raise Refused("invalid_request", f"Missing required parameter: {name}")
    if query["client_id"] != google.client_id:
        raise Refused("invalid_client", "The OAuth client was not found.", 401)
    if query["redirect_uri"] not in google.redirect_uris:
        raise Refused(
            "redirect_uri_mismatch", f"redirect_uri={query['redirect_uri']} is not among those registered for this client."
        )
    if query["response_type"] != "code":
        raise Refused("unsupported_response_type", f"Invalid response_type: {query['response_type']}")
    challenge, challenge_method = _challenge(query)
    return Asked(
        query["redirect_uri"],
        _scopes(query["scope"]),
        query.get("state"),
        _one_of(query, "access_type", ("online", "offline")) == "offline",
        _prompts(query.get("prompt", "")),
        query.get("login_hint", ""),
        _one_of(query, "include_granted_scopes", ("false", "true")) == "true",
        challenge,
        challenge_method,
        query.get("nonce", ""),
    )


def _one_of(query: Mapping[str, str], name: str, values: tuple[str, str]) -> str:
    """The first is what counts without the parameter."""
    value = query.get(name, values[0])
    if value not in values:
        raise Refused("invalid_request", f"Invalid parameter value for {name}: {value}")
    return value


def _scopes(text: str) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys(_SHORT.get(scope, scope) for scope in text.split()))
    known = IDENTITY_SCOPES | set(words_of_scopes())
    unknown = [scope for scope in asked if scope not in known]
    if unknown:
        valid = [scope for scope in asked if scope in known]
        raise Refused(
            "invalid_scope", f"Some requested scopes were invalid. {{valid=[{', '.join(valid)}], invalid=[{', '.join(unknown)}]}}"
        )
    return asked


def words_of_scopes() -> Mapping[str, str]:
    """What Google says to a user of each of Gmail's scopes."""
    scopes: Mapping[str, Mapping[str, str]] = api_description.gmail().whole["auth"]["oauth2"]["scopes"]
    return {scope: about["description"] for scope, about in scopes.items()}


def _prompts(text: str) -> frozenset[str]:
    prompts = frozenset(text.split())
    if prompts - _PROMPTS or (len(prompts) > 1 and "none" in prompts):
        raise Refused("invalid_request", f"Invalid prompt: {text}")
    return prompts


def _challenge(query: Mapping[str, str]) -> tuple[str, str]:
    """PKCE's challenge and how it was made; Google asks for none, and takes a verifier in plain for one."""
    challenge, method = query.get("code_challenge", ""), query.get("code_challenge_method", "")
    if method and not challenge:
        raise Refused("invalid_request", "Missing required parameter: code_challenge")
    if method not in ("", "plain", "S256"):
        raise Refused("invalid_request", f"Invalid parameter value for code_challenge_method: {method}")
    if challenge and not _CHALLENGE.fullmatch(challenge):
        raise Refused("invalid_request", "code_challenge is not 43 to 128 letters, digits and -._~")
    return challenge, method or "plain"


@dataclass(slots=True)
class _Code:
    """What one code is good for. `tokens` are those that were given for it: there are some once it is spent."""

    asked: Asked
    person: Person
    scopes: frozenset[str]
    refreshes: bool
    expires_at: datetime
    spent: bool = False
    tokens: list[str] = field(default_factory=list, repr=False)


class Codes:
    """The codes given out, in memory alone; they expire on the world's clock. `standing` tells an account's by its address."""

    def __init__(self, google: GoogleSide, clock: Callable[[], datetime], standing: Callable[[str], str]) -> None:
        self._google = google
        self._clock = clock
        self._standing = standing
        self._codes: dict[str, _Code] = {}

    def give(self, asked: Asked, person: Person, scopes: frozenset[str], *, refreshes: bool) -> str:
        """A code for what this user granted; with `refreshes` a refresh token goes with it."""
        code = "4/0A" + secrets.token_urlsafe(48)
        self._codes[code] = _Code(asked, person, scopes, refreshes, self._clock() + CODE_LIFE)
        return code

    def exchange(self, form: Mapping[str, str]) -> dict[str, object]:
        """The token endpoint's answer to a form that the client sent, who has proved itself. Raises BadGrant.

        A code is spent by its first use, be it a wrong one; a second use ends what the first has given."""
        if not form.get("code"):
            raise BadGrant("invalid_request", "Missing required parameter: code")
        code = self._codes.get(form["code"])
        if not code:
            raise BadGrant("invalid_grant", "Malformed auth code.")
        if code.spent:
            self._google.end(code.tokens)
            raise BadGrant("invalid_grant")
        code.spent = True
        self._check(code, form)
        return self._tokens(code)

    def _check(self, code: _Code, form: Mapping[str, str]) -> None:
        check_standing(self._standing(code.person.address))
        if self._clock() >= code.expires_at:
            raise BadGrant("invalid_grant")
        if form.get("redirect_uri") != code.asked.redirect_uri:
            raise BadGrant("redirect_uri_mismatch")
        verifier = form.get("code_verifier", "")
        if code.asked.challenge and not verifier:
            raise BadGrant("invalid_grant", "Missing code verifier.")
        if verifier and not code.asked.challenge:
            raise BadGrant("invalid_grant", "code_verifier or verifier is not needed.")
        if not hmac.compare_digest(_challenge_of(verifier, code.asked.challenge_method).encode(), code.asked.challenge.encode()):
            raise BadGrant("invalid_grant", "Invalid code verifier.")

    def _tokens(self, code: _Code) -> dict[str, object]:
        access = self._google.access_token(code.person.address, code.scopes)
        code.tokens.append(access)
        answer = issued(access, code.scopes)
        if "openid" in code.scopes:
            answer["id_token"] = self._google.client_id_token(code.person, code.scopes, access, code.asked.nonce)
        if code.refreshes:
            refresh = self._google.refresh_token(code.person, code.scopes)
            code.tokens.append(refresh)
            answer["refresh_token"] = refresh
        return answer


def check_standing(standing: str) -> None:
    """Raises BadGrant for an account that gets no tokens. Of a deleted one alone Google says why."""
    if standing == "deleted":
        raise BadGrant("invalid_grant", "Account has been deleted")
    if standing == "suspended":
        raise BadGrant("invalid_grant")


def issued(access_token: str, scopes: "frozenset[str] | tuple[str, ...]") -> dict[str, object]:
    """What every answer of the token endpoint has."""
    seconds = int(TOKEN_LIFE.total_seconds())
    return {"access_token": access_token, "expires_in": seconds, "scope": " ".join(sorted(scopes)), "token_type": "Bearer"}


def _challenge_of(verifier: str, method: str) -> str:
    if method == "plain":
        return verifier
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode() if verifier else ""
