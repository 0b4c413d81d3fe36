"""PKCE (RFC 7636): the challenge that goes ahead with a browser, of the verifier that its code is exchanged with."""

from base64 import urlsafe_b64encode
from hashlib import sha256


def challenge_of(verifier: str) -> str:
    """By the method S256 (https://www.rfc-editor.org/rfc/rfc7636#section-4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
