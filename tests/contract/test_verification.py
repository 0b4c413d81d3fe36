"""Verification against a real certificates' address over HTTP: who gets in, who does not, and what happens when Google is away."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from google.auth import crypt, jwt

from functions.certificates import RETRY_SECONDS, Certificates
from functions.verify import Verifier
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
    max_age: int = 20_000
    asked: int = 0
    url: str = ""
    delay: float = 0.0

    async def answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        await asyncio.sleep(self.delay)
        body = json.dumps(self.signer.certificates) if self.body is None else self.body
        return web.Response(status=self.status, text=body, headers={"Cache-Control": f"public, max-age={self.max_age}"})


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Door:
    address: CertificatesAddress
    verifier: Verifier
    clock: Clock
    signer: Signer = field(init=False)

    def __post_init__(self) -> None:
        self.signer = self.address.signer

    async def knock(self, authorization: str) -> None:
        await self.verifier.caller(authorization, audience=AUDIENCE, service_account=ACCOUNT)

    def bearer(self, **changed: Any) -> str:
        claims = {"aud": AUDIENCE, "email": ACCOUNT, "email_verified": True, **changed}
        return f"Bearer {self.signer.token(**claims)}"


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    address = CertificatesAddress(Signer())
    application = web.Application()
    application.router.add_get("/certs", address.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    session = HttpSession({f"http://127.0.0.1:{port}"})
    clock = Clock()
    yield Door(address, Verifier(Certificates(session, f"http://127.0.0.1:{port}/certs", clock)), clock)
    await session.close()
    await runner.cleanup()


async def test_googles_call_to_this_endpoint_gets_in_and_certificates_are_fetched_once(door: Door) -> None:
    await asyncio.gather(*(door.knock(door.bearer()) for _ in range(20)))
    assert door.address.asked == 1


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
        ({"expires_in": -60}, NotVerified),
        ({"issued_ago": -600}, NotVerified),
    ],
)
async def test_a_token_that_says_something_else_is_refused(
    door: Door, changed: dict[str, Any], refusal: type[MailMagnetError]
) -> None:
    with pytest.raises(refusal):
        await door.knock(door.bearer(**changed))


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic abc", "Bearer a.b.c", "Bearer ....", "Bearer " + "x" * 9000]
)
async def test_what_is_no_token_is_refused(door: Door, authorization: str) -> None:
    with pytest.raises(NotVerified):
        await door.knock(authorization)
    assert door.address.asked == 0


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
    assert door.address.asked == 2
    await door.knock(door.bearer())
    assert door.address.asked == 2
    door.clock.now += RETRY_SECONDS
    door.address.status = 200
    await door.knock(door.bearer())
    assert door.address.asked == 3


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
    assert door.address.asked == 1
    door.clock.now += RETRY_SECONDS
    door.address.signer = stranger
    await door.knock(forged)
    assert door.address.asked == 2


async def test_the_user_comes_from_the_users_token_alone(door: Door) -> None:
    token = door.signer.token(aud="client", sub="42", email="Ada@Corp.example", email_verified=True, hd="corp.example")
    assert await door.verifier.user(token, client_id="client") == Identity(
        "corp.example", "42", "ada@corp.example", "corp.example"
    )
    private = door.signer.token(aud="client", sub="43", email="grace@mail.example", email_verified=True)
    assert await door.verifier.user(private, client_id="client") == Identity("43", "43", "grace@mail.example", "")


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"aud": "other"}, Forbidden),
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
