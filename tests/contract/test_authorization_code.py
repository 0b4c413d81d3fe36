"""OAuth's authorisation code over real HTTP: what is sent, what is believed of the answer, and what each refusal means."""

import json
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from crm_client.authorization_code import UNSTATED_WAIT, AuthorizationCode
from http_session.pkce import challenge_of
from http_session.session import HttpSession
from mailmagnet.errors import (
    BadAnswer,
    BadSetting,
    NotAuthorised,
    NotPermitted,
    RateLimited,
    Service,
    Side,
    TimedOut,
    Unavailable,
    Upstream,
)
from tests.token_server import CLIENT, REVOKE, TOKEN, TokenServer, token_server

CRM = Service(Side.CRM, "Zoho CRM")
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@dataclass
class Flow:
    server: TokenServer
    flow: AuthorizationCode

    @property
    def token_url(self) -> str:
        return self.server.origin + TOKEN

    async def exchanged(self, verifier: str = VERIFIER) -> str:
        code = self.server.new_code(challenge_of(VERIFIER))
        return (await self.flow.exchanged(self.token_url, code, verifier)).refresh


@pytest.fixture
async def there() -> AsyncIterator[Flow]:
    async with token_server() as server:
        session = HttpSession({server.origin})
        yield Flow(server, AuthorizationCode(CRM, CLIENT, lambda _: session, 2.0))
        await session.close()


def test_the_browser_is_sent_with_state_challenge_and_whatever_else_the_crm_wants(there: Flow) -> None:
    url = there.flow.url("https://crm.example/auth", "a.b c", "the state", challenge_of(VERIFIER), access_type="offline")
    assert challenge_of(VERIFIER) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B
    assert url.startswith("https://crm.example/auth?")
    assert dict(parse_qsl(urlsplit(url).query)) == {
        "response_type": "code",
        "client_id": "client",
        "redirect_uri": CLIENT.redirect_uri,
        "scope": "a.b c",
        "state": "the state",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        "access_type": "offline",
    }
    assert "code_challenge" not in there.flow.url("https://crm.example/auth", "a", "s", "")
    assert "client%20secret" not in url


async def test_a_code_is_exchanged_once(there: Flow) -> None:
    code = there.server.new_code(challenge_of(VERIFIER))
    granted = await there.flow.exchanged(there.token_url, code, VERIFIER)
    assert (granted.access, granted.refresh, granted.seconds, granted.scopes) == ("access-1", "refresh-1", 3600.0, None)
    assert granted.answer["token_type"] == "Bearer"
    assert not [secret for secret in ("access-1", "refresh-1") if secret in repr(granted)]
    with pytest.raises(NotAuthorised):
        await there.flow.exchanged(there.token_url, code, VERIFIER)


@pytest.mark.parametrize("code", ["", "x" * 5000])
async def test_what_is_no_code_is_not_sent(there: Flow, code: str) -> None:
    with pytest.raises(NotAuthorised):
        await there.flow.exchanged(there.token_url, code, VERIFIER)
    assert there.server.forms == []


async def test_another_browsers_verifier_is_refused(there: Flow) -> None:
    with pytest.raises(NotAuthorised):
        await there.exchanged("another-verifier")


async def test_a_refresh_token_is_renewed_and_the_new_one_takes_its_place(there: Flow) -> None:
    first = await there.exchanged()
    renewed = await there.flow.renewed(there.token_url, first)
    assert (renewed.access, renewed.refresh) == ("access-2", "refresh-2")
    with pytest.raises(NotAuthorised):
        await there.flow.renewed(there.token_url, first)
    there.server.more = {"refresh_token": None}
    assert (await there.flow.renewed(there.token_url, renewed.refresh)).refresh == renewed.refresh
    sent = len(there.server.forms)
    with pytest.raises(NotAuthorised):
        await there.flow.renewed(there.token_url, "")
    assert len(there.server.forms) == sent


async def test_a_client_may_prove_itself_in_the_header(there: Flow) -> None:
    with pytest.raises(NotPermitted):
        await replace(there.flow, secret_in_header=True).renewed(there.token_url, "r")
    assert there.server.forms[-1].keys() == {"grant_type", "refresh_token"}
    proof = there.server.headers[-1]["Authorization"].removeprefix("Basic ")
    assert b64decode(proof).decode() == "client:client+secret"


@pytest.mark.parametrize("name", ["scope", "scopes"])
@pytest.mark.parametrize("told", ["a b", "a,b", "a, b", ["a", "b"]])
async def test_what_was_granted_is_read_in_each_crms_spelling(there: Flow, name: str, told: object) -> None:
    there.server.more = {name: told}
    granted = await there.flow.renewed(there.token_url, await there.exchanged())
    assert granted.scopes == frozenset({"a", "b"})
    there.flow.check_scopes(granted, {"a"})
    with pytest.raises(NotPermitted):
        there.flow.check_scopes(granted, {"a", "c"})
    there.flow.check_scopes(replace(granted, scopes=None), {"a", "c"})


_NO_LIVES: tuple[object, ...] = (0, -1, "soon", [], 1e12, "NaN")


@pytest.mark.parametrize(
    "wrong",
    [
        *({"access_token": token} for token in (None, "", 7, ["a"], "a b", "a\r\nX: y", "ä", "a" * 9000)),
        *({"refresh_token": token} for token in (7, {"a": 1}, "a\nb", "r" * 9000)),
        *({"expires_in": seconds} for seconds in _NO_LIVES),
    ],
    ids=repr,
)
async def test_what_is_no_token_is_not_taken_for_one(there: Flow, wrong: dict[str, object]) -> None:
    there.server.more = dict(wrong)
    with pytest.raises(BadAnswer):
        await there.exchanged()


@pytest.mark.parametrize("seconds", [None, 60, 60.0, "60"])
async def test_a_life_is_read_however_it_is_written(there: Flow, seconds: float | str | None) -> None:
    code = there.server.new_code(challenge_of(VERIFIER))
    there.server.more = {"expires_in": seconds}
    granted = await there.flow.exchanged(there.token_url, code, VERIFIER)
    assert granted.seconds == (60.0 if seconds else None)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, '{"error": "invalid_grant"}', NotAuthorised),
        (200, '{"error": "invalid_code"}', NotAuthorised),
        (400, '{"error": "invalid_client"}', NotPermitted),
        (401, '{"error": "unauthorized_client"}', NotPermitted),
        (400, '{"error": "busy"}', RateLimited),
        (429, "<html>", RateLimited),
        (500, "<html>", Unavailable),
        (503, '{"error": "invalid_grant"}', Unavailable),
        (200, "<html>", BadAnswer),
        (200, '{"access_token": "a', BadAnswer),
        (200, "[]", BadAnswer),
        (200, "null", BadAnswer),
        (404, "", BadAnswer),
        (400, '{"error": {"a": 1}}', BadAnswer),
        (400, '{"error": "Ada\'s token"}', BadAnswer),
        (200, "[" * 100_000, BadAnswer),
    ],
)
async def test_what_each_refusal_means(there: Flow, status: int, body: str, error: type[Upstream], after: bool) -> None:
    flow = replace(there.flow, dead=("invalid_grant", "invalid_code"), limited=("busy",))
    refresh = await there.exchanged()
    there.server.fail(status, body, after=after)
    with pytest.raises(Upstream) as refused:
        await flow.renewed(there.token_url, refresh)
    assert type(refused.value) is error
    assert not [secret for secret in ("Ada", "secret", "refresh-") if secret in str(refused.value)]


@pytest.mark.parametrize(
    ("stated", "wait"), [("7", 7.0), ("", UNSTATED_WAIT), ("soon", UNSTATED_WAIT), ("0", 1.0), ("9" * 400, 24 * 3600.0)]
)
async def test_how_long_to_wait(there: Flow, stated: str, wait: float) -> None:
    there.server.fail(429, Retry_After=stated)
    with pytest.raises(RateLimited) as limited:
        await there.flow.renewed(there.token_url, "r")
    assert limited.value.retry_after == wait


async def test_a_slow_server_is_waited_for_no_longer_than_the_deadline(there: Flow) -> None:
    there.server.seconds = 1.0
    with pytest.raises(TimedOut):
        await replace(there.flow, seconds=0.05).renewed(there.token_url, "r")


async def test_no_code_and_no_token_follows_a_redirect(there: Flow) -> None:
    async with token_server() as thief:
        refresh = await there.exchanged()
        for call in (
            there.flow.renewed(there.token_url, refresh),
            there.flow.exchanged(there.token_url, "c", VERIFIER),
        ):
            there.server.fail(307, Location=thief.origin + TOKEN)
            with pytest.raises(BadAnswer):
                await call
        there.server.fail(302, Location=thief.origin + REVOKE)
        with pytest.raises(BadAnswer):
            await there.flow.revoke(there.server.origin + REVOKE, refresh)
        assert thief.forms == []
        with pytest.raises(BadSetting):
            await there.flow.renewed(thief.origin + TOKEN, refresh)
        assert thief.forms == []


async def test_a_token_is_revoked_and_one_that_is_dead_is_no_error(there: Flow) -> None:
    refresh = await there.exchanged()
    for _ in range(2):
        await there.flow.revoke(there.server.origin + REVOKE, refresh, token_type_hint="refresh_token")
    assert there.server.revoked == [refresh]
    assert there.server.forms[-1] == {"token": refresh, "token_type_hint": "refresh_token"}
    there.server.fail(503)
    with pytest.raises(Unavailable):
        await there.flow.revoke(there.server.origin + REVOKE, refresh)


@pytest.mark.parametrize("ends", [True, False])
async def test_a_token_that_was_given_for_nothing_is_ended(there: Flow, ends: bool) -> None:
    refresh = await there.exchanged()

    async def end() -> None:
        await there.flow.revoke(there.server.origin + REVOKE, refresh)

    if not ends:
        there.server.fail(503)
    with pytest.raises(NotPermitted):
        async with there.flow.or_ended(end):
            raise NotPermitted(CRM)
    assert there.server.revoked == ([refresh] if ends else [])
    async with there.flow.or_ended(end):
        pass
    assert there.server.revoked == ([refresh] if ends else [])


async def test_an_answer_of_ten_megabytes_is_not_read(there: Flow) -> None:
    there.server.fail(200, json.dumps({"access_token": "a" * 10_000_000}))
    with pytest.raises(BadAnswer):
        await there.flow.renewed(there.token_url, "r")
