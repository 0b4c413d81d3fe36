"""Who looks at a record in the CRM: proven by a token that the CRM's backend has signed, a minute at most before, for one look."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from jwt.types import Options

from functions.verify import CLOCK_SKEW_SECONDS, MAX_TOKEN_LENGTH
from mailmagnet.errors import LinkExpired, NotVerified
from mailmagnet.record_people import RecordId, record_id

EMBEDDED_LIFE = timedelta(seconds=60)
"""The most that may lie between a token's `iat` and its `exp`."""
LONGEST_ID = 255
_TEXTS = ("aud", "org", "sub", "jti", "module", "record")
_OPTIONS: Options = {
    "require": [*_TEXTS, "iat", "exp"],
    "verify_aud": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


@dataclass(frozen=True, slots=True)
class EmbeddedViewer:
    """A CRM user's one look at one record: `crm_user` is the CRM's id of the user; `nonce` may be used once, until `until` (aware)."""

    org: str
    crm_user: str
    record: RecordId
    nonce: str
    until: datetime


def embedded_viewer(token: str, key: str, org: str, audience: str, now: datetime) -> EmbeddedViewer:
    """Read a token: JWT, HS256 under `key`, `aud` exactly the audience, `org` exactly the organisation that the key is for, `sub` the CRM
    user's id, `module` and `record` the record, `jti`, `iat`, `exp` at most EMBEDDED_LIFE later.

    A secret that both sides have, and no key pair: every CRM's backend can sign so, and who reads our settings has the vault's key too.
    Raises LinkExpired when its time is over, NotVerified for all else.
    """
    claims = _claims(token, key)
    texts = {name: claims[name] for name in _TEXTS}
    if not all(isinstance(text, str) and 0 < len(text) <= LONGEST_ID for text in texts.values()):
        raise NotVerified("the CRM's token lacks something")
    if texts["aud"] != audience or texts["org"] != org:
        raise NotVerified("the CRM's token is for another place")
    begins, ends = claims["iat"], claims["exp"]
    if not (type(begins) is int and type(ends) is int and begins < ends <= begins + EMBEDDED_LIFE.total_seconds()):
        raise NotVerified("the CRM's token lives too long")
    if begins > now.timestamp() + CLOCK_SKEW_SECONDS:
        raise NotVerified("the CRM's token is of a time to come")
    if ends <= now.timestamp():
        raise LinkExpired("the CRM's token is over")
    until = datetime.fromtimestamp(ends, UTC)
    return EmbeddedViewer(org, texts["sub"], record_id(texts["module"], texts["record"]), texts["jti"], until)


def _claims(token: str, key: str) -> Mapping[str, Any]:
    """Its times are looked at by us: ours may be a turned clock's."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise NotVerified("the CRM's token is too long")
    try:
        claims: Mapping[str, Any] = jwt.decode(token, key, ["HS256"], _OPTIONS)
    except (jwt.PyJWTError, RecursionError, ValueError, TypeError) as problem:
        raise NotVerified(f"the CRM's token does not hold ({type(problem).__name__})") from None
    return claims
