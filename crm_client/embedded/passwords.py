"""The embedded CRM's passwords: what a new one has to be, and the hashes that are kept in its place."""

import base64
import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass

from mailmagnet.addresses import canonical
from mailmagnet.errors import BadRequest

SHORTEST = 10
"""Characters of a password at least."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one scrypt takes (https://www.rfc-editor.org/rfc/rfc7914): 128 * r * 2**log_n bytes of memory, p times over."""

    log_n: int
    r: int
    p: int


COST = Cost(15, 8, 3)
"""Of OWASP's choices of one strength (2023 and since, https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html)
the one that takes 32 MiB, so that it runs in a small function; about a quarter of a second."""

_SALT_BYTES, _HASH_BYTES = 16, 32


def check_new(password: str, address: str) -> None:
    """Raises BadRequest, which says why, when this is no password for the user with this address."""
    if len(password) < SHORTEST:
        raise BadRequest(f"a password has at least {SHORTEST} characters")
    if canonical(password) == canonical(address):
        raise BadRequest("a password is not the user's address")


def hash_of(password: str) -> str:
    """A new hash, with its salt and its cost beside it: "scrypt$15$8$3$salt$hash", both in base64."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return _written(COST, salt, _scrypt(password, COST, salt))


def hash_of_nobody() -> str:
    """A hash that no password has, and that takes as long to check as any."""
    return _written(COST, secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_HASH_BYTES))


def is_right(password: str, kept: str) -> bool:
    """Whether a password is the one with this hash."""
    cost, salt, expected = _read(kept)
    return hmac.compare_digest(_scrypt(password, cost, salt), expected)


def is_of_today(kept: str) -> bool:
    """Whether a hash has today's cost."""
    return _read(kept)[0] == COST


def _scrypt(password: str, cost: Cost, salt: bytes) -> bytes:
    """The same of a password however its letters are composed: keyboards differ."""
    n = 1 << cost.log_n
    return hashlib.scrypt(
        unicodedata.normalize("NFKC", password).encode(errors="surrogatepass"),
        salt=salt,
        n=n,
        r=cost.r,
        p=cost.p,
        maxmem=2 * 128 * cost.r * (n + cost.p),
        dklen=_HASH_BYTES,
    )


def _written(cost: Cost, salt: bytes, digest: bytes) -> str:
    numbers = (str(number) for number in (cost.log_n, cost.r, cost.p))
    return "$".join(("scrypt", *numbers, *(base64.b64encode(part).decode() for part in (salt, digest))))


def _read(kept: str) -> tuple[Cost, bytes, bytes]:
    _, log_n, r, p, salt, digest = kept.split("$")
    return Cost(int(log_n), int(r), int(p)), base64.b64decode(salt), base64.b64decode(digest)
