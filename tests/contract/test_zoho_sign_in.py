"""Signing in to Zoho in the browser, on the stand-in: which data centre, whose tokens, and what becomes of those that cannot be kept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from crm_client.zoho.addresses import ZohoAddresses
from http_session.pkce import challenge_of
from mailmagnet.crm_sign_in import BrowserSignIn, CrmTokens
from mailmagnet.errors import BadAnswer, NotAuthorised, NotPermitted, RateLimited, Upstream
from sandbox.crms.zoho.accounts import ACCESS_LIFE
from tests.contract.crm_world import ADA
from tests.contract.zoho import CALLBACK
from tests.contract.zoho_world import ZohoWorld, zoho_world
from tests.zoho_description import data_centres

VERIFIER = "v" * 43


@pytest.fixture
async def world() -> AsyncIterator[ZohoWorld]:
    async with zoho_world() as made:
        yield made


async def consented(world: ZohoWorld, answer: str = "accept") -> dict[str, str]:
    """What a browser brings back, as whose user Ada has chosen."""
    url = world.sign_in.authorize_url("state", challenge_of(VERIFIER))
    async with aiohttp.ClientSession() as browser:
        async with browser.get(url) as page:
            assert page.status == 200, await page.text()
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        form = {**asked, "user": world.id_of(f"user {ADA}"), "answer": answer}
        async with browser.post(url.split("?")[0], data=form, allow_redirects=False) as back:
            assert back.status == 302
            assert back.headers["Location"].split("?")[0] == CALLBACK
            return {name: values[0] for name, values in parse_qs(urlsplit(back.headers["Location"]).query).items()}


async def signed_in(world: ZohoWorld) -> CrmTokens:
    return await world.sign_in.signed_in(await consented(world), VERIFIER)


async def test_who_consents_is_signed_in_where_the_account_is(world: ZohoWorld) -> None:
    assert isinstance(world.sign_in, BrowserSignIn)
    tokens = await signed_in(world)
    assert (tokens.account, tokens.name) == (world.id_of(f"user {ADA}"), "Ada Byron")
    assert world.http
    assert (tokens.origin, tokens.expires_at) == (world.http.origin, world.clock() + ACCESS_LIFE)
    assert tokens.access not in repr(tokens)
    assert tokens.refresh not in repr(tokens)


async def test_what_is_not_given_signs_nobody_in(world: ZohoWorld) -> None:
    with pytest.raises(NotAuthorised):
        await world.sign_in.signed_in(await consented(world, "reject"), VERIFIER)
    answer = await consented(world)
    with pytest.raises(NotAuthorised):
        await world.sign_in.signed_in(answer, "another verifier, another browser's" + "x" * 20)
    answer = await consented(world)
    await world.sign_in.signed_in(answer, VERIFIER)
    with pytest.raises(NotAuthorised):
        await world.sign_in.signed_in(answer, VERIFIER)
    with pytest.raises(NotAuthorised):
        await world.sign_in.signed_in({**answer, "code": ""}, VERIFIER)


@pytest.mark.parametrize(
    "origin",
    [
        "https://accounts.zoho.evil.example",
        "https://accounts.zoho.com.evil.example",
        "https://accounts.zoho.com",  # Zoho's own, and not of this list
        "http://127.0.0.1:1",
        "",
    ],
)
async def test_a_code_is_sent_to_no_data_centre_that_is_not_on_the_list(world: ZohoWorld, origin: str) -> None:
    answer = {**await consented(world), "accounts-server": origin}
    with pytest.raises(BadAnswer):
        await world.sign_in.signed_in(answer, VERIFIER)
    assert (await world.sign_in.signed_in({**answer, "accounts-server": world.zoho.origin}, VERIFIER)).access


async def test_tokens_for_another_data_centres_api_are_ended(world: ZohoWorld) -> None:
    world.zoho.api_origin = "https://www.zohoapis.evil.example"
    with pytest.raises(BadAnswer):
        await signed_in(world)
    assert world.zoho.accounts.revoked


async def test_tokens_of_whom_nobody_can_tell_are_ended(world: ZohoWorld) -> None:
    answer = await consented(world)
    assert world.http
    world.zoho.organisation.users[ADA].active = False
    before = len(world.zoho.accounts.revoked)
    with pytest.raises(NotAuthorised):
        await world.sign_in.signed_in(answer, VERIFIER)
    assert len(world.zoho.accounts.revoked) == before + 1


async def test_a_token_is_renewed_and_the_refresh_token_stays(world: ZohoWorld) -> None:
    tokens = await signed_in(world)
    world.clock.pass_(hours=1)
    new = await world.sign_in.renewed(tokens)
    assert new.access != tokens.access
    assert new == replace(tokens, access=new.access, expires_at=world.clock() + ACCESS_LIFE)
    assert world.zoho.accounts.access(new.access)


async def test_who_is_renewed_too_often_has_to_wait_and_is_not_signed_out(world: ZohoWorld) -> None:
    tokens = await signed_in(world)
    for _ in range(9):
        await world.sign_in.renewed(tokens)
    with pytest.raises(RateLimited) as told:
        await world.sign_in.renewed(tokens)
    assert 0 < told.value.retry_after <= timedelta(minutes=10).total_seconds()
    world.clock.pass_(minutes=10)
    assert (await world.sign_in.renewed(tokens)).access


async def test_twenty_who_ask_at_once_renew_once(world: ZohoWorld) -> None:
    """Zoho gives ten access tokens in ten minutes, and each who opens a mail has a view of their own."""
    world.clock.pass_(hours=1)
    given = len(world.zoho.accounts.given)
    connection = world.connection_of(ADA)
    answers = await asyncio.gather(*(world.client.as_user(connection).senders(["sam@shaw.example"]) for _ in range(20)))
    assert all("sam@shaw.example" in answer.contacts for answer in answers)
    assert len(world.zoho.accounts.given) == given + 1


async def test_who_signs_out_is_signed_out_there_and_a_dead_sign_in_is_no_error(world: ZohoWorld) -> None:
    tokens = await signed_in(world)
    await world.sign_in.sign_out(tokens)
    assert world.zoho.accounts.access(tokens.access) is None
    await world.sign_in.sign_out(tokens)
    with pytest.raises(NotAuthorised):
        await world.sign_in.renewed(tokens)


async def test_an_origin_is_held_against_the_list_each_time(world: ZohoWorld) -> None:
    tokens = replace(await signed_in(world), origin="https://www.zohoapis.evil.example")
    connection = replace(world.connection_of(ADA), crm=tokens)
    crm = world.client.as_user(connection)
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: world.sign_in.renewed(tokens),
        lambda: world.sign_in.sign_out(tokens),
        crm.me,
        lambda: crm.senders(["ada@x.example"]),
        crm.settings,
    ]
    for call in calls:
        with pytest.raises(BadAnswer):
            await call()


async def test_a_client_that_zoho_refuses_is_no_users_fault(world: ZohoWorld) -> None:
    tokens = await signed_in(world)
    world.zoho.accounts.client = replace(world.zoho.accounts.client, secret="another")
    with pytest.raises(NotPermitted):
        await world.sign_in.renewed(tokens)


def test_a_browser_is_sent_to_zohos_own_page_with_all_scopes(world: ZohoWorld) -> None:
    asked = parse_qs(urlsplit(world.sign_in.authorize_url("s", "c")).query)
    assert asked["access_type"] == ["offline"]
    assert (asked["code_challenge"], asked["code_challenge_method"], asked["state"]) == (["c"], ["S256"], ["s"])
    assert not any(
        scope.rpartition(".")[2] in {"ALL", "CREATE", "UPDATE", "DELETE", "WRITE"} for scope in asked["scope"][0].split(",")
    )


def test_zohos_data_centres_are_those_that_its_own_sdk_knows() -> None:
    """And two newer ones, in the United Kingdom and in the Emirates."""
    ours = {(centre.accounts, centre.api) for centre in ZohoAddresses().data_centres}
    assert data_centres() <= ours
    assert {accounts for accounts, _ in ours - data_centres()} <= {"https://accounts.zoho.uk", "https://accounts.zoho.ae"}
    assert ZohoAddresses().sign_in in {accounts for accounts, _ in ours}
    for origin in ("https://www.zohoapis.evil.example", "https://www.zohoapis.com.evil.example", "http://www.zohoapis.com", ""):
        with pytest.raises(Upstream):
            ZohoAddresses().with_api(origin)
