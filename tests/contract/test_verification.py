"""Verification against a real certificates' address over HTTP: who gets in, who does not, and what happens when Google is away."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import jwt as pyjwt
import pytest
from aiohttp import web
from google.auth import crypt, jwt

from functions import verify
from functions.certificates import LAST_GOOD_SECONDS, LONGEST_FRESH_SECONDS, RETRY_SECONDS, Certificates
from functions.verify import CLOCK_SKEW_SECONDS, MAX_TOKEN_LENGTH, Verifier, signature_is_removed
from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, Forbidden, MailMagnetError, NotVerified, Unavailable
from mailmagnet.identity import Identity
from tests.signing import Signer

AUDIENCE = "https://addon.example/message"
ACCOUNT = "addon@project.example"


@dataclass
class CertificatesAddress:
    """Stands where https://www.googleapis.com/oauth2/v1/certs does."""

    signer: Signer
    status: int = 200
    body: str | None = None
    max_age: float = 20_000
    fetches: int = 0
    url: str = ""
    delay: float = 0.0

    async def answer(self, _: web.Request) -> web.Response:
        self.fetches += 1
        await asyncio.sleep(self.delay)
        body = json.dumps(self.signer.certificates) if self.body is None else self.body
        return web.Response(status=self.status, text=body, headers={"Cache-Control": f"public, max-age={self.max_age}"})


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Calendar:
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Door:
    address: CertificatesAddress
    verifier: Verifier
    clock: Clock
    calendar: Calendar
    signer: Signer = field(init=False)

    def __post_init__(self) -> None:
        self.signer = self.address.signer

    async def knock(self, authorization: str) -> None:
        await self.verifier.caller(authorization, audience=AUDIENCE, service_account=ACCOUNT)

    def bearer(self, **changed: Any) -> str:
        claims = {"aud": AUDIENCE, "email": ACCOUNT, "email_verified": True, **changed}
        return f"Bearer {self.signer.token(**claims)}"

    def signed(self, algorithm: str = "RS256", **changed: Any) -> str:
        """A bearer token by Google's own key, by any algorithm and with any claims; what is None is left out."""
        now = int(time.time())
        claims = {"iss": "https://accounts.google.com", "iat": now - 10, "exp": now + 3600, "aud": AUDIENCE, "email": ACCOUNT}
        claims |= {"email_verified": True, **changed}
        told = {name: value for name, value in claims.items() if value is not None}
        return "Bearer " + pyjwt.encode(told, self.signer.key, algorithm, headers={"kid": self.signer.key_id})


@pytest.fixture(scope="module")
def google_key() -> Signer:
    """Made once: a key takes longer to make than all that is done with it."""
    return Signer()


@pytest.fixture
async def door(google_key: Signer) -> AsyncIterator[Door]:
    address = CertificatesAddress(google_key)
    application = web.Application()
    application.router.add_get("/certs", address.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    session = HttpSession({f"http://127.0.0.1:{port}"})
    clock, calendar = Clock(), Calendar()
    certificates = Certificates(session, f"http://127.0.0.1:{port}/certs", clock, calendar)
    yield Door(address, Verifier(certificates), clock, calendar)
    await session.close()
    await runner.cleanup()


async def test_googles_call_to_this_endpoint_gets_in_and_certificates_are_fetched_once(door: Door) -> None:
    await asyncio.gather(*(door.knock(door.bearer()) for _ in range(20)))
    assert door.address.fetches == 1


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"aud": AUDIENCE + "/"}, Forbidden),
        ({"aud": "https://addon.example/home"}, Forbidden),
        ({"aud": [AUDIENCE]}, Forbidden),
        ({"email": "somebody@else.example"}, Forbidden),
        ({"email": ACCOUNT.upper()}, Forbidden),
        ({"email_verified": False}, Forbidden),
        ({"email_verified": "true"}, Forbidden),
        ({"iss": "https://issuer.example"}, NotVerified),
        ({"iss": ["https://accounts.google.com"]}, NotVerified),
        ({"iss": {"https://accounts.google.com": 1}}, NotVerified),
        ({"iss": None}, NotVerified),
        ({"exp": "soon"}, NotVerified),
        ({"exp": float("inf")}, NotVerified),
        ({"exp": [1]}, NotVerified),
        ({"iat": {}}, NotVerified),
        ({"nbf": int(time.time()) + 86_400}, NotVerified),
        ({"expires_in": -60}, NotVerified),
        ({"issued_ago": -600}, NotVerified),
    ],
)
async def test_a_token_that_says_something_else_is_refused(
    door: Door, changed: dict[str, Any], refusal: type[MailMagnetError]
) -> None:
    with pytest.raises(refusal):
        await door.knock(door.bearer(**changed))


@pytest.mark.parametrize("claim", ["exp", "iat", "iss", "aud", "email", "email_verified"])
async def test_a_token_of_googles_own_that_leaves_something_out_is_refused(door: Door, claim: str) -> None:
    await door.knock(door.signed())
    without: dict[str, Any] = {claim: None}
    with pytest.raises((NotVerified, Forbidden)):
        await door.knock(door.signed(**without))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512"])
async def test_a_token_by_another_algorithm_of_googles_own_key_is_refused(door: Door, algorithm: str) -> None:
    with pytest.raises(NotVerified):
        await door.knock(door.signed(algorithm))


async def test_a_token_may_be_so_long_and_no_longer(door: Door) -> None:
    def padded(size: int) -> str:
        return door.signed(padding="x" * size).removeprefix("Bearer ")

    size = (MAX_TOKEN_LENGTH - len(padded(0))) * 3 // 4 - 3
    assert MAX_TOKEN_LENGTH - 16 < len(padded(size)) <= MAX_TOKEN_LENGTH < len(padded(size + 16))
    await door.knock(f"Bearer {padded(size)}")
    with pytest.raises(NotVerified, match="too long"):
        await door.knock(f"Bearer {padded(size + 16)}")


def encoded(part: str) -> str:
    return base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "authorization",
    [
        *("", "Bearer", "Bearer ", "Basic abc", "Bearer a.b.c", "Bearer ....", "Bearer " + "x" * 9000, "Bearer a.b.c d"),
        *(f"Bearer {encoded(header)}.e30.AAAA" for header in ("[" * 5000, "7", "[]", "{", '{"alg": "RS256"}', '"\\ud800"')),
        *(f"Bearer {encoded(json.dumps({'alg': 'RS256', 'kid': kid}))}.e30.AAAA" for kid in (7, None, ["test-key"], {"a": 1})),
        *("Bearer \ud800.e30.AAAA", "Bearer a\x00.b.c", "Bearer ä.ö.ü", "Bearer a.b.c\r\nX-Other: 1"),
    ],
)
async def test_what_is_no_token_is_refused(door: Door, authorization: str) -> None:
    with pytest.raises(NotVerified):
        await door.knock(authorization)
    assert door.address.fetches == 0


async def test_a_token_of_another_key_under_the_same_key_id_is_refused(door: Door) -> None:
    foreign = Signer().token(aud=AUDIENCE, email=ACCOUNT, email_verified=True)
    with pytest.raises(NotVerified):
        await door.knock(f"Bearer {foreign}")


async def test_a_token_whose_claims_were_changed_is_refused(door: Door) -> None:
    head, _, signature = door.bearer(email="x@else.example").split(".")
    claims = door.bearer().split(".")[1]
    with pytest.raises(NotVerified):
        await door.knock(f"{head}.{claims}.{signature}")


async def test_no_algorithm_but_rs256_is_taken(door: Door) -> None:
    class Unsigned(crypt.Signer):
        key_id = "test-key"

        def sign(self, message: bytes) -> bytes:
            return b""

    token = jwt.encode(Unsigned(), {"aud": AUDIENCE, "email": ACCOUNT}, header={"alg": "none", "kid": "test-key"}).decode()
    with pytest.raises(NotVerified):
        await door.knock(f"Bearer {token}")


async def test_the_last_good_certificates_serve_while_google_is_away(door: Door) -> None:
    await door.knock(door.bearer())
    door.clock.now += 30_000
    door.address.status = 503
    await door.knock(door.bearer())
    assert door.address.fetches == 2
    await door.knock(door.bearer())
    assert door.address.fetches == 2
    door.clock.now += RETRY_SECONDS
    door.address.status = 200
    await door.knock(door.bearer())
    assert door.address.fetches == 3


async def test_the_last_good_certificates_serve_a_day_after_their_freshness_and_no_longer(door: Door) -> None:
    await door.knock(door.bearer())
    door.address.status = 503
    door.clock.now += door.address.max_age + LAST_GOOD_SECONDS - 1
    await door.knock(door.bearer())
    door.clock.now += 2
    with pytest.raises((BadAnswer, Unavailable)):
        await door.knock(door.bearer())
    door.clock.now += RETRY_SECONDS
    door.address.status = 200
    await door.knock(door.bearer())


async def test_no_answer_makes_certificates_fresh_for_longer_than_a_day(door: Door) -> None:
    door.address.max_age = 10**30
    await door.knock(door.bearer())
    door.clock.now += LONGEST_FRESH_SECONDS + 1
    await door.knock(door.bearer())
    assert door.address.fetches == 2


@pytest.mark.parametrize(
    "signer",
    [
        Signer(holds_until=timedelta(hours=-1)),
        Signer(holds_from=timedelta(hours=1)),
        Signer(bits=1024),
    ],
    ids=["expired", "not yet valid", "short key"],
)
async def test_a_certificate_that_does_not_hold_lets_nobody_in(door: Door, signer: Signer) -> None:
    door.address.signer = signer
    with pytest.raises((NotVerified, BadAnswer)):
        await door.knock(f"Bearer {signer.token(aud=AUDIENCE, email=ACCOUNT, email_verified=True)}")


async def test_a_certificate_ends_on_its_day_however_fresh_it_is(door: Door) -> None:
    door.address.max_age = LONGEST_FRESH_SECONDS
    await door.knock(door.bearer())
    door.calendar.now += timedelta(days=31)
    with pytest.raises(NotVerified):
        await door.knock(door.bearer())


async def test_without_any_certificates_google_is_asked_less_and_less_often(door: Door) -> None:
    door.address.status = 503
    for _ in range(3):
        outcomes = await asyncio.gather(*(door.knock(door.bearer()) for _ in range(20)), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {BadAnswer, Unavailable}
    assert door.address.fetches == 1
    fetches = []
    for _ in range(300):
        door.clock.now += 1
        with pytest.raises((BadAnswer, Unavailable)):
            await door.knock(door.bearer())
        fetches.append(door.address.fetches)
    assert fetches[:8] == [1, 2, 2, 2, 2, 3, 3, 3]
    assert 10 <= fetches[-1] <= 15
    door.address.status = 200
    door.clock.now += RETRY_SECONDS
    await door.knock(door.bearer())


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [(503, None, BadAnswer), (200, "<html>", BadAnswer), (200, '["no", "mapping"]', BadAnswer), (200, '{"a": 1}', BadAnswer)],
)
async def test_without_any_certificates_nobody_gets_in(
    door: Door, status: int, body: str | None, problem: type[MailMagnetError]
) -> None:
    door.address.status, door.address.body = status, body
    with pytest.raises(problem):
        await door.knock(door.bearer())


async def test_a_certificates_address_that_hangs_is_given_up_on(door: Door) -> None:
    door.address.delay = 60
    with pytest.raises(Unavailable):
        await door.knock(door.bearer())


async def test_a_new_key_is_fetched_and_forged_key_ids_do_not_make_us_ask_each_time(door: Door) -> None:
    await door.knock(door.bearer())
    stranger = Signer("stranger")
    forged = f"Bearer {stranger.token(aud=AUDIENCE, email=ACCOUNT, email_verified=True)}"
    for _ in range(5):
        with pytest.raises(NotVerified):
            await door.knock(forged)
    assert door.address.fetches == 1
    door.clock.now += RETRY_SECONDS
    door.address.signer = stranger
    await door.knock(forged)
    assert door.address.fetches == 2


async def test_googles_key_is_asked_of_google_alone(door: Door) -> None:
    """The key that a token brings or points to is nobody's business."""
    stranger = Signer()
    claims = {"aud": AUDIENCE, "email": ACCOUNT, "email_verified": True, "iss": "https://accounts.google.com"}
    claims |= {"iat": int(time.time()), "exp": int(time.time()) + 60}
    jwk = json.loads(pyjwt.algorithms.RSAAlgorithm.to_jwk(stranger.key.public_key()))
    for header in ({"jwk": jwk}, {"jku": "https://stranger.example/keys"}, {"x5c": ["x"]}):
        token = pyjwt.encode(claims, stranger.key, "RS256", headers={"kid": stranger.key_id, **header})
        with pytest.raises(NotVerified):
            await door.knock(f"Bearer {token}")


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every token whose signature was checked, in order."""
    tokens: list[str] = []
    decode = pyjwt.decode

    def counted(token: str, *rest: Any, **named: Any) -> Any:
        tokens.append(token)
        return decode(token, *rest, **named)

    monkeypatch.setattr(pyjwt, "decode", counted)
    return tokens


def turn_the_machines_clock(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What verifies tokens, the library and ourselves, finds the machine's time so much later than it is."""
    later = datetime.now(UTC) + timedelta(seconds=seconds)

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return later.astimezone(tz)

    monkeypatch.setattr(pyjwt.api_jwt, "datetime", Later)
    monkeypatch.setattr(time, "time", later.timestamp)


async def test_a_token_that_comes_again_is_not_checked_again(door: Door, checked: list[str]) -> None:
    ada, grace = (door.bearer(sub=user) for user in ("1", "2"))
    for authorization in (ada, grace, ada, grace, ada):
        await door.knock(authorization)
    assert [f"Bearer {token}" for token in checked] == [ada, grace]


async def test_a_token_that_was_checked_is_still_for_one_endpoint_and_one_account_alone(door: Door) -> None:
    token = door.bearer().removeprefix("Bearer ")
    await door.verifier.service(token, audience=AUDIENCE, service_account=ACCOUNT)
    for audience, account in ((AUDIENCE + "/", ACCOUNT), (AUDIENCE, "other@project.example")):
        with pytest.raises(Forbidden):
            await door.verifier.service(token, audience=audience, service_account=account)
    with pytest.raises(Forbidden):
        await door.verifier.user(token, client_id="client")


async def test_a_token_that_was_refused_is_refused_again(door: Door, checked: list[str]) -> None:
    for authorization in (door.bearer(expires_in=-60), door.bearer(iss="https://issuer.example")):
        for _ in range(2):
            with pytest.raises(NotVerified):
                await door.knock(authorization)
    assert len(checked) == 4


async def test_a_token_that_was_checked_lends_nothing_to_one_of_another_signature(door: Door) -> None:
    authorization = door.bearer()
    await door.knock(authorization)
    content, _, signature = authorization.rpartition(".")
    changed = signature.translate(str.maketrans("AB", "BA"))
    assert changed != signature
    for forged in (f"{content}.{changed}", f"{content}.{signature[:-4]}", f"{content}.AAAA"):
        with pytest.raises(NotVerified):
            await door.knock(forged)


async def test_a_token_past_its_end_is_checked_and_refused(
    door: Door, checked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    authorization = door.bearer(expires_in=3600)
    await door.knock(authorization)
    turn_the_machines_clock(3600 + CLOCK_SKEW_SECONDS - 5, monkeypatch)
    await door.knock(authorization)
    assert len(checked) == 1
    turn_the_machines_clock(3600 + CLOCK_SKEW_SECONDS + 5, monkeypatch)
    with pytest.raises(NotVerified, match="Expired"):
        await door.knock(authorization)


@pytest.mark.parametrize("key_id", ["test-key", "next-key"])
async def test_a_token_that_was_checked_ends_with_googles_key(door: Door, key_id: str) -> None:
    authorization = door.bearer()
    await door.knock(authorization)
    door.address.signer = Signer(key_id)
    door.clock.now += door.address.max_age
    with pytest.raises(NotVerified):
        await door.knock(authorization)


async def test_a_token_that_was_checked_ends_with_its_keys_certificate(door: Door) -> None:
    authorization = door.bearer()
    await door.knock(authorization)
    door.calendar.now += timedelta(days=31)
    with pytest.raises(NotVerified):
        await door.knock(authorization)


async def test_so_many_tokens_are_remembered_and_no_more(door: Door, checked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "MOST_TOKENS", 2)
    first, second, third = (door.bearer(sub=user) for user in "123")
    for authorization in (first, second, third, second, third):
        await door.knock(authorization)
    assert len(checked) == 3
    await door.knock(first)
    assert len(checked) == 4


def test_cloud_run_takes_a_signature_away_and_nothing_else() -> None:
    assert signature_is_removed("e30.e30.SIGNATURE_REMOVED_BY_GOOGLE")
    assert signature_is_removed("e30.e30.")
    for token in ("e30.e30.AAAA", "e30.e30.signature_removed_by_google", "e30.e30", "SIGNATURE_REMOVED_BY_GOOGLE", "", "a.b.c."):
        assert not signature_is_removed(token)


async def test_the_user_comes_from_the_users_token_alone(door: Door) -> None:
    token = door.signer.token(aud="client", sub="42", email="Ada@Corp.example", email_verified=True, hd="corp.example")
    assert await door.verifier.user(token, client_id="client") == Identity(
        "corp.example", "42", "ada@corp.example", "corp.example"
    )
    private = door.signer.token(aud="client", sub="43", email="grace@mail.example", email_verified=True)
    assert await door.verifier.user(private, client_id="client") == Identity("43", "43", "grace@mail.example", "")


INTERNAL = ("corp.example", "corp.co.example")


@pytest.mark.parametrize(
    ("claims", "internal", "organisation"),
    [
        # Anybody can have a consumer account on a company's address.
        ({"email": "eve@corp.example"}, (), "42"),
        ({"email": "eve@corp.example", "hd": ""}, (), "42"),
        ({"email": "eve@corp.example", "hd": ["corp.example"]}, (), "42"),
        # Google lets nobody else in: the configured domains decide.
        ({"email": "ada@corp.example"}, INTERNAL, "corp.example"),
        ({"email": "Ada@CORP.co.example"}, INTERNAL, "corp.example"),
        ({"email": "ada@sub.corp.example"}, INTERNAL, "42"),
        ({"email": "ada@notcorp.example"}, INTERNAL, "42"),
        ({"email": "ada@corp.example@evil.example"}, INTERNAL, "42"),
        # What Google says of the organisation is what counts.
        ({"email": "ada@corp.example", "hd": "other.example"}, INTERNAL, "other.example"),
    ],
)
async def test_without_hd_a_user_is_an_organisation_of_their_own_unless_the_consent_screen_is_internal(
    door: Door, claims: dict[str, Any], internal: tuple[str, ...], organisation: str
) -> None:
    token = door.signer.token(aud="client", sub="42", email_verified=True, **claims)
    identity = await door.verifier.user(token, client_id="client", internal_domains=internal)
    assert (identity.org, identity.user) == (organisation, "42")
    assert identity.domain == ("" if organisation == "42" else organisation)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"aud": "other"}, Forbidden),
        ({"aud": ["client"]}, Forbidden),
        ({"sub": ""}, NotVerified),
        ({"sub": 42}, NotVerified),
        ({"email_verified": False}, NotVerified),
        ({"email": None}, NotVerified),
    ],
)
async def test_a_users_token_that_does_not_say_who_is_refused(
    door: Door, changed: dict[str, Any], refusal: type[MailMagnetError]
) -> None:
    claims = {"aud": "client", "sub": "42", "email": "ada@corp.example", "email_verified": True, **changed}
    with pytest.raises(refusal):
        await door.verifier.user(door.signer.token(**claims), client_id="client")
