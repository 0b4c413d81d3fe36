"""Signed id tokens for tests that stand where Google does, and free ports of this machine."""

import json
import os
import random
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from google.auth import crypt, jwt


class Signer:
    """A key of its own, the certificate that goes with it, and tokens signed with it as Google signs them.

    The certificate holds between two moments counted from now.
    """

    def __init__(
        self,
        key_id: str = "test-key",
        bits: int = 2048,
        holds_from: timedelta = timedelta(days=-1),
        holds_until: timedelta = timedelta(days=30),
    ) -> None:
        self.key_id = key_id
        self.key = key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer.example")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(datetime.now(UTC) + holds_from)
            .not_valid_after(datetime.now(UTC) + holds_until)
            .sign(key, hashes.SHA256())
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        self._signer = crypt.RSASigner.from_string(pem, key_id)
        self.certificates = {key_id: certificate.public_bytes(serialization.Encoding.PEM).decode()}

    def token(self, *, expires_in: int = 3600, issued_ago: int = 10, **claims: Any) -> str:
        """An id token with these claims; `iss`, `iat` and `exp` are Google's unless given."""
        now = int(time.time())
        given = {"iss": "https://accounts.google.com", "iat": now - issued_ago, "exp": now + expires_in, **claims}
        return str(jwt.encode(self._signer, json.loads(json.dumps(given))).decode())


PORTS_A_WORKER = 1_000
WORKERS = 12

_given: set[int] = set()


def free_port() -> int:
    """A port that is free now, and that nobody else takes before it is listened at.

    It lies below those that the kernel gives to whoever names none, each worker of the tests has a thousand of its own, and none is
    given twice.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    while True:
        port = 20_000 + PORTS_A_WORKER * worker + random.randrange(PORTS_A_WORKER)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
