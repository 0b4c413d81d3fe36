"""Google as the one who vouches: certificates, id tokens, access and refresh tokens, an add-on's message tokens."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://accounts.google.com"
ADDON_CLIENT_ID = "sandbox-addon-client.example"
TOKEN_LIFE = timedelta(seconds=3599)
CERTIFICATES_MAX_AGE = 21_600
"""Seconds for which the certificates may be kept, as the answer's Cache-Control says."""

MOST_REFRESH_TOKENS = 100
"""Of one account to one client (https://developers.google.com/identity/protocols/oauth2#expiration)."""

SCOPE = "https://www.googleapis.com/auth/"
MAIL_SCOPE = "https://mail.google.com/"
CLOUD_SCOPES = frozenset({SCOPE + "cloud-platform"})
JOB_SCOPES = frozenset({SCOPE + "gmail.modify"})
SIDEBAR_SCOPES = frozenset(
    {
        SCOPE + "gmail.addons.execute",
        SCOPE + "gmail.addons.current.message.metadata",
        SCOPE + "gmail.addons.current.action.compose",
        SCOPE + "userinfo.email",
        SCOPE + "script.locale",
        "openid",
    }
)


class BadToken(Exception):
    """Unknown, expired or revoked."""


class Person(Protocol):
    """Whom a token is for: an Account."""

    @property
    def sub(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def hosted_domain(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token allows: whose data, which scopes (full URLs), until when (world's clock)."""

    address: str
    scopes: frozenset[str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """What a refresh token stands for."""

    address: str
    scopes: tuple[str, ...]
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class _MessageToken:
    address: str
    message_id: str
    told_as: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Client:
    """The customer's own OAuth client, to which refresh tokens belong, and the account under which add-ons are called."""

    client_id: str
    client_secret: str = field(repr=False)
    service_account: str


class GoogleSide:
    """Issues and knows all tokens of a world. Keys, client, refresh tokens and consents are on disk; access tokens are not.

    Access and message tokens expire on the world's clock; id tokens carry the machine's own time, because that is what their
    readers check them against.
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        """Open the keys in `folder`, or make them."""
        self._clock = clock
        self._key_file, self._grants_file = folder / "signing_key.pem", folder / "refresh_tokens.json"
        self._key = key = _private_key(_made_once(self._key_file, _new_key))
        self.certificate = _made_once(folder / "certificate.pem", lambda: _certificate(key)).decode()
        self._client = _Client(**json.loads(_made_once(folder / "oauth_client.json", _new_client)))
        self.key_id = x509.load_pem_x509_certificate(self.certificate.encode()).fingerprint(hashes.SHA1()).hex()  # noqa: S303  a name
        self.redirect_uris: set[str] = set()
        """Where the web client lets the authorization endpoint send browsers back to, each exactly as it is asked for."""
        self._grants = {
            token: Grant(**grant) for token, grant in json.loads(_made_once(self._grants_file, lambda: b"{}")).items()
        }
        self._consents_file = folder / "consents.json"
        self._consents: dict[str, list[str]] = json.loads(_made_once(self._consents_file, self._consents_in_grants))
        self._access: dict[str, Access] = {}
        self._message_tokens: dict[str, _MessageToken] = {}

    @property
    def addon_client_id(self) -> str:
        """The OAuth client that Google makes for the add-on: the audience of user id tokens. It has no secret, and is given no tokens.

        https://cloud.google.com/sdk/gcloud/reference/workspace-add-ons/get-authorization
        """
        return ADDON_CLIENT_ID

    @property
    def client_id(self) -> str:
        """The customer's own OAuth web client: refresh tokens are issued to it, and to nobody else."""
        return self._client.client_id

    @property
    def client_secret(self) -> str:
        """What goes with the web client's id at the token endpoint."""
        return self._client.client_secret

    @property
    def service_account(self) -> str:
        """The address under which Google calls the add-on: the `email` of system tokens."""
        return self._client.service_account

    def certificates(self) -> dict[str, str]:
        """Key id to PEM certificate, as at https://www.googleapis.com/oauth2/v1/certs."""
        return {self.key_id: self.certificate}

    def id_token(self, claims: Mapping[str, object]) -> str:
        """A signed JWT. `iss`, `iat` and `exp` (an hour) are added where the claims have none."""
        now = int(time.time())
        issued = {"iss": ISSUER, "iat": now, "exp": now + 3600, **claims}
        return jwt.encode(issued, self._key, "RS256", headers={"kid": self.key_id})

    def system_token(self, audience: str) -> str:
        """What Google sends in the Authorization header of an add-on's call to the URL `audience`."""
        return self.service_token(self.service_account, audience)

    def service_token(self, email: str, audience: str) -> str:
        """An id token of any service account, as Cloud Tasks and Cloud Scheduler send it."""
        number = str(int.from_bytes(email.encode()[:8], "big"))
        return self.id_token({"aud": audience, "azp": email, "email": email, "email_verified": True, "sub": number})

    def user_id_token(self, person: Person) -> str:
        """The userIdToken of an add-on's event."""
        return self.id_token(_identity(person, self.addon_client_id) | _email(person))

    def client_id_token(self, person: Person, scopes: Collection[str], access_token: str, nonce: str = "") -> str:
        """What the web client gets beside an access token: the address and the domain only with the scope for them.

        https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
        """
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = _identity(person, self.client_id) | {"at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode()}
        email = _email(person) if SCOPE + "userinfo.email" in scopes else {}
        return self.id_token(claims | email | ({"nonce": nonce} if nonce else {}))

    def user_token(self, person: Person, scopes: Iterable[str] = SIDEBAR_SCOPES) -> str:
        """An access token: the userOAuthToken of an add-on's event, or any other. Scopes are full URLs."""
        return self.access_token(person.address, scopes)

    def access_token(self, address: str, scopes: Iterable[str]) -> str:
        """An access token for a mailbox's or a service account's address."""
        token = "ya29." + secrets.token_urlsafe(32)
        self._access[token] = Access(address, frozenset(scopes), self._clock() + TOKEN_LIFE)
        return token

    def message_token(self, person: Person, message_id: str, told_as: str = "") -> str:
        """The gmail.accessToken of an add-on's event: opens exactly this message.

        Beside its API id it may be asked for as the event has `told_as` it: Google's samples do so.
        """
        token = "msg." + secrets.token_urlsafe(24)
        self._message_tokens[token] = _MessageToken(person.address, message_id, told_as, self._clock() + TOKEN_LIFE)
        return token

    def message_told_as(self, message_token: str, address: str, told_as: str) -> str:
        """The API id of the message that the event of this token had told as this; what is unknown stays as it is."""
        found = self._message_tokens.get(message_token)
        return found.message_id if found and (found.address, found.told_as) == (address, told_as) else told_as

    def opens(self, message_token: str, address: str, message_id: str) -> bool:
        """Whether a message token is for this message of this mailbox, and still good."""
        found = self._message_tokens.get(message_token)
        return bool(found and (found.address, found.message_id) == (address, message_id) and self._clock() < found.expires_at)

    def access(self, token: str) -> Access:
        """What an access token allows. Raises BadToken."""
        found = self._access.get(token)
        if not found or self._clock() >= found.expires_at:
            raise BadToken
        return found

    def granted(self, address: str) -> frozenset[str]:
        """The scopes (full URLs) to which the user has consented for the client, with whatever token."""
        return frozenset(self._consents.get(address, ()))

    def consent(self, address: str, scopes: Iterable[str]) -> None:
        """The user lets the client have these scopes, beside those it has."""
        self._consents[address] = sorted(self.granted(address) | set(scopes))
        self._keep()

    def refresh_token(self, person: Person, scopes: Iterable[str] = JOB_SCOPES) -> str:
        """A new grant of the user to the client; kept on disk. Of more than MOST_REFRESH_TOKENS the oldest is good no more."""
        token = "1//" + secrets.token_urlsafe(32)
        self._grants[token] = Grant(person.address, tuple(sorted(scopes)))
        good = [name for name, grant in self._grants.items() if grant.address == person.address and not grant.revoked]
        for oldest in good[:-MOST_REFRESH_TOKENS]:
            self._grants[oldest] = replace(self._grants[oldest], revoked=True)
        self.consent(person.address, scopes)
        return token

    def grant(self, refresh_token: str) -> Grant:
        """What a refresh token stands for. Raises BadToken when there is none (any more)."""
        grant = self._grants.get(refresh_token)
        if not grant or grant.revoked:
            raise BadToken
        return grant

    def refreshed(self, refresh_token: str) -> tuple[str, Grant]:
        """An access token for a refresh token, and its grant. Raises BadToken when there is none (any more)."""
        grant = self.grant(refresh_token)
        return self.access_token(grant.address, grant.scopes), grant

    def revoke(self, token: str) -> None:
        """End a refresh or an access token. With a refresh token goes everything that the user has consented to, so every other
        refresh and access token too. Raises BadToken."""
        if token in self._access:
            del self._access[token]
            return
        self.revoke_all(self.grant(token).address)

    def revoke_all(self, address: str) -> None:
        """What happens when a user takes the consent back in the Google account: every grant of the user ends."""
        self._grants |= {name: replace(each, revoked=True) for name, each in self._grants.items() if each.address == address}
        self._access = {name: access for name, access in self._access.items() if access.address != address}
        self._consents.pop(address, None)
        self._keep()

    def end(self, tokens: Collection[str]) -> None:
        """These access and refresh tokens are good no more; the user's consent stands."""
        self._access = {name: access for name, access in self._access.items() if name not in tokens}
        self._grants |= {name: replace(each, revoked=True) for name, each in self._grants.items() if name in tokens}
        self._keep()

    def has_consented(self, address: str) -> bool:
        """Whether a consent of the user stands that lasts: a refresh token is good."""
        return any(grant.address == address and not grant.revoked for grant in self._grants.values())

    def _consents_in_grants(self) -> bytes:
        """Those of a world that was made before consents were kept of their own."""
        consents: dict[str, set[str]] = {}
        for grant in self._grants.values():
            if not grant.revoked:
                consents.setdefault(grant.address, set()).update(grant.scopes)
        return json.dumps({address: sorted(scopes) for address, scopes in consents.items()}).encode()

    def _keep(self) -> None:
        grants = {token: asdict(grant) for token, grant in self._grants.items()}
        for file, kept in ((self._grants_file, grants), (self._consents_file, self._consents)):
            whole = file.with_suffix(".new")
            whole.write_text(json.dumps(kept))
            whole.replace(file)


def _identity(person: Person, client_id: str) -> dict[str, object]:
    workspace = {"hd": person.hosted_domain} if person.hosted_domain else {}
    return {"aud": client_id, "azp": client_id, "sub": person.sub, **workspace}


def _email(person: Person) -> dict[str, object]:
    return {"email": person.address, "email_verified": True}


def event_message_id(message_id: str) -> str:
    """The hexadecimal id of a message that came in, as an add-on's event has it."""
    return f"msg-f:{int(message_id, 16)}"


def event_thread_id(thread_id: str) -> str:
    """The hexadecimal id of a thread that began with a mail that came in, as an add-on's event has it."""
    return f"thread-f:{int(thread_id, 16)}"


def authored_id(kind: str, hexadecimal: str) -> str:
    """A "msg" or "thread" that the user has written in Gmail, as an add-on's event has it: no API id can be told from it."""
    number = int.from_bytes(hashlib.sha256(f"{kind} {hexadecimal}".encode()).digest()[:8], "big", signed=True)
    return f"{kind}-a:r{number}"


def _made_once(file: Path, make: Callable[[], bytes]) -> bytes:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(make())
    return file.read_bytes()


def _new_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _private_key(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the signing key of this world is not an RSA key")
    return key


def _certificate(key: rsa.RSAPrivateKey) -> bytes:
    """Self-signed, good for a hundred years: the world's clock may stand anywhere."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sandbox.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2000, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _new_client() -> bytes:
    client = _Client("sandbox-client.example", secrets.token_urlsafe(24), "add-on-caller@sandbox.example")
    return json.dumps(asdict(client)).encode()
