"""The stand-in for Google's consent screen and token endpoint, over HTTP: what it asks, what it refuses, what it gives for a code."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from google.oauth2.credentials import Credentials

from sandbox.google.faults import Fault
from sandbox.google.gmail_server import make_app
from sandbox.google.google_side import BadToken
from sandbox.google.world import Account, World
from tests.google_browser import CALLBACK, CHALLENGE, EMAIL, READ, SEND, SORT, VERIFIER, GoogleBrowser, Page

ADA, KIM = "ada@corp.example", "kim@corp.example"


class Clock:
    """The machine's time, turned by hand."""

    def __init__(self) -> None:
        self.turned = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.turned


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(tmp_path: Path, clock: Clock) -> World:
    made = World(tmp_path / "world", clock)
    made.google.redirect_uris.add(CALLBACK)
    return made


@pytest.fixture
def ada(world: World) -> Account:
    return world.add_account(ADA, "Ada <Byron>", aliases=("a.byron@corp.example",), hosted_domain="corp.example")


@pytest.fixture
def kim(world: World) -> Account:
    return world.add_account(KIM, "Kim")


@pytest.fixture
async def browser(world: World, ada: Account, kim: Account) -> AsyncIterator[GoogleBrowser]:
    runner = web.AppRunner(make_app(world), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        yield GoogleBrowser(f"http://127.0.0.1:{runner.addresses[0][1]}", world, session)
    await runner.cleanup()


# The whole walk


async def test_the_whole_walk_is_good_for_googles_own_library(browser: GoogleBrowser, world: World, ada: Account) -> None:
    chooser = await browser.open(login_hint=ADA)
    assert chooser.values["account"] == [account.sub for account in world.accounts()]
    assert chooser.ticked["account"] == [ada.sub]
    asked = await browser.press(chooser, "account")
    assert (asked.values["scope"], asked.ticked.get("scope")) == ([READ], None)
    end = await browser.press(asked, "continue", scope=[READ])
    assert (end.status, end.sent_to, end.told["state"], end.told["hd"]) == (303, CALLBACK, "the state", "corp.example")
    assert set(end.told["scope"].split()) == {"openid", EMAIL, READ}
    status, tokens = await browser.exchange(end.told["code"])
    assert (status, tokens["token_type"], tokens["expires_in"]) == (200, "Bearer", 3599)
    assert set(tokens["scope"].split()) == {"openid", EMAIL, READ}

    certificates = f"{browser.origin}/oauth2/v1/certs"
    request = Request()
    claims = await in_thread(id_token.verify_token, tokens["id_token"], request, world.google.client_id, certificates)
    assert (claims["sub"], claims["email"], claims["email_verified"]) == (ada.sub, ADA, True)
    assert (claims["hd"], claims["nonce"], claims["iss"]) == ("corp.example", "the nonce", "https://accounts.google.com")

    credentials = Credentials(
        None,
        refresh_token=tokens["refresh_token"],
        token_uri=f"{browser.origin}/token",
        client_id=world.google.client_id,
        client_secret=world.google.client_secret,
        scopes=["openid", EMAIL, READ],
    )
    await in_thread(credentials.refresh, request)
    assert credentials.token
    assert set(credentials.granted_scopes) == {"openid", EMAIL, READ}
    assert (await browser.gmail(credentials.token))[1]["emailAddress"] == ADA
    again = await in_thread(id_token.verify_token, credentials.id_token, request, world.google.client_id, certificates)
    assert (again["sub"], "nonce" in again) == (ada.sub, False)


async def in_thread(call: Any, *arguments: Any) -> Any:
    """Google's library waits for its answers."""
    return await asyncio.to_thread(call, *arguments)


# What is shown on a page of Google's own, and sends the browser nowhere


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_id": "somebody-else"}, 401, "invalid_client"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"redirect_uri": CALLBACK + "/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": CALLBACK + "?next=/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": CALLBACK.upper()}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": "https://evil.example/google/callback"}, 400, "redirect_uri_mismatch"),
        ({"response_type": None}, 400, "invalid_request"),
        ({"response_type": "token"}, 400, "unsupported_response_type"),
        ({"scope": None}, 400, "invalid_request"),
        ({"scope": " "}, 400, "invalid_request"),
        ({"scope": f"openid {READ}s"}, 400, "invalid_scope"),
        ({"access_type": "always"}, 400, "invalid_request"),
        ({"include_granted_scopes": "yes"}, 400, "invalid_request"),
        ({"prompt": "login"}, 400, "invalid_request"),
        ({"prompt": "none consent"}, 400, "invalid_request"),
        ({"code_challenge": None}, 400, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1]}, 400, "invalid_request"),
        ({"code_challenge": CHALLENGE + "="}, 400, "invalid_request"),
        ({"code_challenge_method": "S512"}, 400, "invalid_request"),
        ({"code_challenge_method": "s256"}, 400, "invalid_request"),
    ],
)
async def test_a_wrong_request_ends_on_googles_own_page(
    browser: GoogleBrowser, changed: dict[str, str | None], status: int, error: str
) -> None:
    page = await browser.open(**changed)
    assert (page.status, page.sent_to, page.values) == (status, "", {})
    assert f"Error {status}: {error}" in page.text


async def test_the_add_ons_own_client_is_no_web_client(browser: GoogleBrowser, world: World) -> None:
    page = await browser.open(client_id=world.google.addon_client_id)
    assert (page.status, page.sent_to) == (401, "")


async def test_a_parameter_that_comes_twice_is_refused(browser: GoogleBrowser, world: World) -> None:
    good = [("client_id", world.google.client_id), ("redirect_uri", CALLBACK), ("response_type", "code"), ("scope", "openid")]
    assert (await browser.get(good)).status == 200
    for doubled in (*good, ("redirect_uri", "https://evil.example/")):
        page = await browser.get([*good, doubled])
        assert (page.status, page.sent_to) == (400, ""), doubled


async def test_what_a_request_says_is_shown_as_text(browser: GoogleBrowser) -> None:
    page = await browser.open(scope="<script>alert(1)</script>")
    assert "<script>" not in page.text
    page = await browser.press(await browser.open(login_hint=ADA), "account")
    assert "Ada &lt;Byron&gt;" in page.text


async def test_the_pages_run_nothing_and_are_framed_by_nobody(browser: GoogleBrowser) -> None:
    chooser = await browser.open(login_hint=ADA)
    for page in (chooser, await browser.press(chooser, "account"), await browser.open(client_id="x")):
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "script" not in page.text
        assert "stand-in for Google" in page.text
        assert page.headers["Cache-Control"] == "no-store"


# Whose consent


async def test_another_account_than_the_one_hinted_at_can_be_chosen(browser: GoogleBrowser, kim: Account) -> None:
    asked = await browser.press(await browser.open(login_hint=ADA), "account")
    chooser = await browser.press(asked, "another")
    end = await browser.press(await browser.press(chooser, "account", account=kim.sub), "continue", scope=[READ])
    assert "hd" not in end.told
    _, tokens = await browser.exchange(end.told["code"])
    assert (await browser.gmail(tokens["access_token"]))[1]["emailAddress"] == KIM


@pytest.mark.parametrize("hint", [ADA, "ADA@corp.example", "a.byron@corp.example", "sub"])
async def test_a_hint_is_an_address_an_alias_or_a_number(browser: GoogleBrowser, ada: Account, hint: str) -> None:
    assert (await browser.open(login_hint=ada.sub if hint == "sub" else hint)).ticked["account"] == [ada.sub]


async def test_an_unknown_hint_chooses_nobody(browser: GoogleBrowser) -> None:
    chooser = await browser.open(login_hint="eve@evil.example")
    assert "account" not in chooser.ticked
    assert "Choose an account." in (await browser.press(chooser, "account")).text


async def test_only_who_was_shown_the_page_can_post_it(browser: GoogleBrowser, world: World, ada: Account) -> None:
    page = await browser.press(await browser.open(login_hint=ADA), "account")
    whole = {**page.ticked, "scope": [READ], "step": "continue"}
    for visit in ([], ["guessed"]):
        refused = await browser.post(whole | {"visit": visit})
        assert (refused.status, refused.sent_to) == (400, "")
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}):
        assert (await browser.post(whole, **headers)).status == 403
    assert world.google.granted(ADA) == frozenset()
    assert (await browser.post(whole)).sent_to == CALLBACK


async def test_a_visit_has_one_answer_however_often_it_is_posted(browser: GoogleBrowser, world: World) -> None:
    page = await browser.press(await browser.open(login_hint=ADA), "account")
    first = await browser.press(page, "cancel")
    assert (await browser.press(page, "continue", scope=[READ])).headers["Location"] == first.headers["Location"]
    assert world.google.granted(ADA) == frozenset()
    page = await browser.press(await browser.open(login_hint=ADA), "account")
    [one, other] = [(await browser.press(page, "continue", scope=[READ])).told["code"] for _ in range(2)]
    assert one == other


async def test_nobody_consents_before_an_account_is_chosen(browser: GoogleBrowser, world: World) -> None:
    chooser = await browser.open(login_hint=ADA)
    page = await browser.post({**chooser.ticked, "scope": [READ], "step": "continue"})
    assert (page.sent_to, page.values.get("account") is not None) == ("", True)
    assert world.google.granted(ADA) == frozenset()


# What is consented to


async def granted_to(browser: GoogleBrowser, page: Page) -> set[str]:
    """The scopes of a code's tokens."""
    _, tokens = await browser.exchange(page.told["code"])
    assert set(tokens["scope"].split()) == set(page.told["scope"].split())
    return set(tokens["scope"].split())


async def test_each_scope_may_be_left_unticked(browser: GoogleBrowser) -> None:
    end = await browser.consent(ADA, READ, scope=f"openid email {READ} {SEND}")
    assert await granted_to(browser, end) == {"openid", EMAIL, READ}


async def test_what_was_not_asked_for_is_not_granted_by_a_made_up_box(browser: GoogleBrowser) -> None:
    end = await browser.consent(ADA, READ, SORT, SEND)
    assert await granted_to(browser, end) == {"openid", EMAIL, READ}


async def test_select_all_ticks_each_box(browser: GoogleBrowser) -> None:
    page = await browser.press(await browser.open(login_hint=ADA, scope=f"openid {READ} {SEND}"), "account")
    assert (await browser.press(page, "all")).ticked["scope"] == [READ, SEND]


async def test_cancel_and_nothing_ticked_are_told_as_access_denied(browser: GoogleBrowser, world: World) -> None:
    page = await browser.press(await browser.open(login_hint=ADA, scope=READ), "account")
    end = await browser.press(page, "cancel")
    assert (end.sent_to, end.told["error"], end.told["state"], "code" in end.told) == (
        CALLBACK,
        "access_denied",
        "the state",
        False,
    )
    end = await browser.consent(ADA, scope=READ)
    assert end.told["error"] == "access_denied"
    assert world.google.granted(ADA) == frozenset()


async def test_what_was_granted_before_is_shown_and_stays(browser: GoogleBrowser) -> None:
    await browser.exchange((await browser.consent(ADA, READ)).told["code"])
    page = await browser.press(await browser.open(login_hint=ADA, scope=f"openid {READ} {SEND}"), "account")
    assert "MailMagnet can already" in page.text
    assert page.values["scope"] == [SEND]
    assert await granted_to(browser, await browser.press(page, "continue", scope=[])) == {"openid", EMAIL, READ}


async def test_earlier_scopes_come_along_only_when_they_are_asked_for(browser: GoogleBrowser) -> None:
    await browser.exchange((await browser.consent(ADA, READ)).told["code"])
    end = await browser.consent(ADA, SEND, scope=f"openid {SEND}", include_granted_scopes="false")
    assert await granted_to(browser, end) == {"openid", SEND}
    end = await browser.consent(ADA, scope="openid")
    assert await granted_to(browser, end) == {"openid", EMAIL, READ, SEND}


async def test_signing_in_asks_the_first_time_only(browser: GoogleBrowser, ada: Account) -> None:
    sign_in = {"scope": "openid email", "access_type": "online", "include_granted_scopes": None, "login_hint": ADA}
    asked = await browser.press(await browser.open(**sign_in), "account")
    assert ("scope" in asked.values, "wants to know who you are" in asked.text) == (False, True)
    first = await browser.press(asked, "continue")
    second = await browser.press(await browser.open(**sign_in), "account")
    for end in (first, second):
        _, tokens = await browser.exchange(end.told["code"])
        assert "refresh_token" not in tokens
        assert set(tokens["scope"].split()) == {"openid", EMAIL}
    assert (first.told["prompt"], second.told["prompt"]) == ("consent", "none")
    assert (await browser.press(await browser.open(**sign_in, prompt="consent"), "account")).sent_to == ""


# A refresh token


async def test_a_refresh_token_comes_with_consent_alone(browser: GoogleBrowser) -> None:
    _, first = await browser.exchange((await browser.consent(ADA, READ)).told["code"])
    _, second = await browser.exchange((await browser.consent(ADA, READ)).told["code"])
    _, third = await browser.exchange((await browser.consent(ADA, READ, prompt="consent")).told["code"])
    _, online = await browser.exchange((await browser.consent(KIM, READ, access_type="online", prompt="consent")).told["code"])
    assert ["refresh_token" in tokens for tokens in (first, second, third, online)] == [True, False, True, False]
    assert first["refresh_token"] != third["refresh_token"]
    assert [(await browser.refresh(tokens["refresh_token"]))[0] for tokens in (first, third)] == [200, 200]


async def test_who_consented_online_is_asked_again_for_when_they_are_away(browser: GoogleBrowser) -> None:
    await browser.exchange((await browser.consent(ADA, READ, access_type="online")).told["code"])
    page = await browser.press(await browser.open(login_hint=ADA), "account")
    assert page.sent_to == ""
    _, tokens = await browser.exchange((await browser.press(page, "continue")).told["code"])
    assert "refresh_token" in tokens


async def test_a_refresh_token_keeps_the_scopes_of_its_own_grant(browser: GoogleBrowser) -> None:
    _, first = await browser.exchange((await browser.consent(ADA, READ)).told["code"])
    _, wider = await browser.exchange((await browser.consent(ADA, SORT, scope=f"openid {SORT}")).told["code"])
    scopes = [set((await browser.refresh(tokens["refresh_token"]))[1]["scope"].split()) for tokens in (first, wider)]
    assert scopes == [{"openid", EMAIL, READ}, {"openid", EMAIL, READ, SORT}]


async def test_of_too_many_refresh_tokens_the_oldest_goes(world: World, ada: Account, kim: Account) -> None:
    kims = world.google.refresh_token(kim)
    tokens = [world.google.refresh_token(ada) for _ in range(101)]
    with pytest.raises(BadToken):
        world.google.grant(tokens[0])
    assert world.google.grant(tokens[1])
    assert world.google.grant(kims)


async def test_revoking_ends_every_grant_and_consent_is_asked_for_anew(browser: GoogleBrowser, world: World) -> None:
    _, first = await browser.exchange((await browser.consent(ADA, READ)).told["code"])
    _, second = await browser.exchange((await browser.consent(ADA, SEND, scope=f"openid {SEND}")).told["code"])
    async with browser.session.post(f"{browser.origin}/revoke", data={"token": second["refresh_token"]}) as answer:
        assert answer.status == 200
    assert (await browser.refresh(first["refresh_token"]))[1]["error"] == "invalid_grant"
    assert (await browser.gmail(first["access_token"]))[0] == 401
    assert world.google.granted(ADA) == frozenset()
    page = await browser.press(await browser.open(login_hint=ADA), "account")
    assert page.values["scope"] == [READ]


# Without a page


@pytest.mark.parametrize(
    ("hint", "earlier", "error"),
    [
        (None, (READ,), "interaction_required"),
        ("eve@evil.example", (READ,), "login_required"),
        (ADA, (), "consent_required"),
        (ADA, (SEND,), "consent_required"),
        (ADA, (READ,), None),
    ],
)
async def test_with_prompt_none_nothing_is_shown(
    browser: GoogleBrowser, world: World, ada: Account, hint: str | None, earlier: tuple[str, ...], error: str | None
) -> None:
    if earlier:
        world.google.refresh_token(ada, ["openid", EMAIL, *earlier])
    page = await browser.open(prompt="none", login_hint=hint)
    assert (page.sent_to, page.told.get("error"), "code" in page.told) == (CALLBACK, error, error is None)


async def test_with_prompt_none_a_wrong_request_is_still_no_redirect(browser: GoogleBrowser) -> None:
    assert (await browser.open(prompt="none", redirect_uri="https://evil.example/")).sent_to == ""


# A code


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"code": None}, 400, "invalid_request"),
        ({"code": "4/0A-made-up"}, 400, "invalid_grant"),
        ({"redirect_uri": CALLBACK + "/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, 400, "redirect_uri_mismatch"),
        ({"code_verifier": None}, 400, "invalid_grant"),
        ({"code_verifier": VERIFIER + "x"}, 400, "invalid_grant"),
        ({"code_verifier": CHALLENGE}, 400, "invalid_grant"),
        ({"code_verifier": "ü" * 50}, 400, "invalid_grant"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
        ({"client_id": "somebody-else"}, 401, "invalid_client"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "unsupported_grant_type"),
    ],
)
async def test_what_the_token_endpoint_refuses(
    browser: GoogleBrowser, changed: dict[str, str | None], status: int, error: str
) -> None:
    code = (await browser.consent(ADA, READ)).told["code"]
    refused = await browser.exchange(changed.get("code", code), **{name: changed[name] for name in changed if name != "code"})
    assert (refused[0], refused[1]["error"], "access_token" in refused[1]) == (status, error, False)
    # Who proves to be the client has spent the code, however wrong the rest was.
    is_spent = error not in ("invalid_client", "unsupported_grant_type") and "client_id" not in changed and "code" not in changed
    assert (await browser.exchange(code))[0] == (400 if is_spent else 200)


async def test_a_code_is_good_once_and_its_second_use_ends_its_tokens(browser: GoogleBrowser, world: World) -> None:
    other = (await browser.exchange((await browser.consent(ADA, READ)).told["code"]))[1]
    code = (await browser.consent(ADA, READ, prompt="consent")).told["code"]
    _, tokens = await browser.exchange(code)
    assert (await browser.gmail(tokens["access_token"]))[0] == 200
    assert (await browser.exchange(code))[1]["error"] == "invalid_grant"
    assert (await browser.gmail(tokens["access_token"]))[0] == 401
    assert (await browser.refresh(tokens["refresh_token"]))[1]["error"] == "invalid_grant"
    assert (await browser.refresh(other["refresh_token"]))[0] == 200
    assert READ in world.google.granted(ADA)


async def test_a_code_is_good_for_ten_minutes(browser: GoogleBrowser, clock: Clock) -> None:
    early, late = [(await browser.consent(ADA, READ, prompt="consent")).told["code"] for _ in range(2)]
    clock.turned = timedelta(minutes=9, seconds=50)
    assert (await browser.exchange(early))[0] == 200
    clock.turned = timedelta(minutes=10)
    assert (await browser.exchange(late))[1]["error"] == "invalid_grant"


async def test_without_a_challenge_a_verifier_is_refused_and_a_plain_one_is_itself(browser: GoogleBrowser) -> None:
    bare = {"code_challenge": None, "code_challenge_method": None, "prompt": "consent"}
    code = (await browser.consent(ADA, READ, **bare)).told["code"]
    assert (await browser.exchange(code, code_verifier=None))[0] == 200
    code = (await browser.consent(ADA, READ, **bare)).told["code"]
    assert (await browser.exchange(code))[1]["error"] == "invalid_grant"
    plain = {"code_challenge": VERIFIER, "code_challenge_method": None, "prompt": "consent"}
    code = (await browser.consent(ADA, READ, **plain)).told["code"]
    assert (await browser.exchange(code))[0] == 200


async def test_an_id_token_says_no_more_than_was_granted(browser: GoogleBrowser, world: World) -> None:
    def claims(tokens: dict[str, Any]) -> dict[str, Any]:
        certificates = f"{browser.origin}/oauth2/v1/certs"
        return dict(id_token.verify_token(tokens["id_token"], Request(), world.google.client_id, certificates))

    alone = {"include_granted_scopes": None, "nonce": None}
    _, tokens = await browser.exchange((await browser.consent(ADA, scope="openid", **alone)).told["code"])
    said = await in_thread(claims, tokens)
    assert ("email" in said, "nonce" in said) == (False, False)
    _, tokens = await browser.exchange((await browser.consent(KIM, scope="openid email", **alone)).told["code"])
    said = await in_thread(claims, tokens)
    assert (said["email"], "hd" in said) == (KIM, False)
    _, tokens = await browser.exchange((await browser.consent(KIM, READ, scope=READ, **alone)).told["code"])
    assert "id_token" not in tokens


async def test_an_answer_lost_after_the_exchange_leaves_the_code_spent(browser: GoogleBrowser, world: World) -> None:
    code = (await browser.consent(ADA, READ)).told["code"]
    world.faults.add(Fault("google", "token", drop=True, after=True, times=1))
    with pytest.raises(aiohttp.ClientError):
        await browser.exchange(code)
    assert (await browser.exchange(code))[1]["error"] == "invalid_grant"


async def test_a_fault_before_the_exchange_leaves_the_code_good(browser: GoogleBrowser, world: World) -> None:
    code = (await browser.consent(ADA, READ)).told["code"]
    world.faults.add(Fault("google", "token", status=503, times=1))
    assert (await browser.exchange(code))[0] == 503
    assert (await browser.exchange(code))[0] == 200


async def test_consents_outlive_the_process_and_those_of_an_older_world_count(world: World, ada: Account, kim: Account) -> None:
    world.google.consent(ADA, [READ])
    world.google.refresh_token(kim, [SEND])
    again = World(world.folder, world.clock)
    assert (again.google.granted(ADA), again.google.granted(KIM)) == (frozenset({READ}), frozenset({SEND}))
    (world.folder / "consents.json").unlink()
    older = World(world.folder, world.clock)
    assert (older.google.granted(ADA), older.google.granted(KIM)) == (frozenset(), frozenset({SEND}))


# Accounts that are suspended or deleted


async def test_a_suspended_account_gets_nothing_until_it_is_restored(browser: GoogleBrowser, world: World, ada: Account) -> None:
    _, tokens = await browser.exchange((await browser.consent(ADA, READ)).told["code"])
    waiting = (await browser.consent(ADA, READ, prompt="consent")).told["code"]
    world.suspend(ADA)
    status, refused = await browser.refresh(tokens["refresh_token"])
    assert (status, refused["error"]) == (400, "invalid_grant")
    assert (await browser.exchange(waiting))[1]["error"] == "invalid_grant"
    status, error = await browser.gmail(tokens["access_token"])
    assert (status, error["error"]["status"], error["error"]["details"][0]["reason"]) == (
        401,
        "UNAUTHENTICATED",
        "ACCOUNT_STATE_INVALID",
    )
    page = await browser.press(await browser.open(login_hint=ADA), "account")
    assert (page.sent_to, "This account is disabled." in page.text) == ("", True)
    assert (await browser.open(login_hint=ADA, prompt="none")).told["error"] == "login_required"
    assert world.add_account(ADA, "Ada").standing == "suspended"
    assert World(world.folder, world.clock).standing(ADA) == "suspended"
    world.restore(ADA)
    assert (await browser.refresh(tokens["refresh_token"]))[0] == 200
    assert (await browser.gmail(tokens["access_token"]))[0] == 200


async def test_a_deleted_account_is_gone_and_google_says_so(browser: GoogleBrowser, world: World, ada: Account) -> None:
    _, tokens = await browser.exchange((await browser.consent(ADA, READ)).told["code"])
    world.delete(ADA)
    status, refused = await browser.refresh(tokens["refresh_token"])
    assert (status, refused["error"], refused["error_description"]) == (400, "invalid_grant", "Account has been deleted")
    assert (await browser.gmail(tokens["access_token"]))[0] == 401
    assert [account.address for account in world.accounts()] == [KIM]
    assert ada.sub not in (await browser.open()).values["account"]
    world.add_account(ADA, "Ada")
    assert (await browser.refresh(tokens["refresh_token"]))[1]["error_description"] == "Token has been expired or revoked."
    assert world.google.granted(ADA) == frozenset()
