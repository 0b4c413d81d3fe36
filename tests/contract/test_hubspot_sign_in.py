"""Connecting a HubSpot account, on the stand-in: a super admin does so once, in the browser, and nobody else."""

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from crm_client.authorization_code import AuthorizationCode, OAuthClient
from crm_client.hubspot.addresses import HUBSPOT, HubSpotAddresses
from crm_client.hubspot.server import HubSpotServer
from crm_client.hubspot.sign_in import SCOPES, HubSpotSignIn
from mailmagnet.crm_sign_in import AccountSignIn, mapped_to
from mailmagnet.errors import NotAuthorised, NotPermitted, Unavailable
from sandbox.crms.hubspot.server import Fault
from tests.contract.crm_world import ADA, KIM
from tests.contract.hubspot_world import CLIENT, HubSpotWorld, hubspot_world
from tests.crm_signed_in import machine_time

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""https://www.rfc-editor.org/rfc/rfc7636#appendix-B"""


@pytest.fixture
async def world() -> AsyncIterator[HubSpotWorld]:
    async with hubspot_world() as world:
        yield world


def _sign_in(world: HubSpotWorld, client: OAuthClient = CLIENT) -> HubSpotSignIn:
    flow = AuthorizationCode(HUBSPOT, client, lambda _: world.session, 5)
    return HubSpotSignIn(flow, HubSpotServer(world.session, HubSpotAddresses(world.origin, world.origin), 5), machine_time)


async def _answer_of(world: HubSpotWorld, url: str, email: str) -> dict[str, str]:
    """What the browser brings back when this user has allowed what was asked for."""
    async with aiohttp.ClientSession() as browser:
        async with browser.get(url) as page:
            assert page.status == 200
            visit = (await page.text()).split('name="visit" value="')[1].split('"')[0]
        form = {"visit": visit, "user": email, "step": "allow"}
        async with browser.post(f"{world.origin}/oauth/authorize", data=form, allow_redirects=False) as answer:
            sent_back = urlsplit(answer.headers["Location"])
    assert f"{sent_back.scheme}://{sent_back.netloc}{sent_back.path}" == CLIENT.redirect_uri
    return {name: values[0] for name, values in parse_qs(sent_back.query).items()}


async def test_a_super_admin_connects_the_account_for_all_its_users(world: HubSpotWorld) -> None:
    sign_in = _sign_in(world)
    assert isinstance(sign_in, AccountSignIn)
    answer = await _answer_of(world, sign_in.authorize_url("state 1", CHALLENGE), ADA)
    assert answer["state"] == "state 1"
    tokens = await sign_in.signed_in(answer, VERIFIER)
    assert (tokens.account, tokens.name) == (str(world.hubspot.portal.id), "corp-ltd.example")
    assert timedelta(minutes=29) < tokens.expires_at - machine_time() <= timedelta(minutes=30)
    kim = mapped_to("1", "Kim", tokens)
    assert await sign_in.tokens_for(tokens, kim) is tokens
    renewed = await sign_in.renewed(tokens)
    assert (renewed.refresh, renewed.account, renewed.name) == (tokens.refresh, tokens.account, tokens.name)
    assert renewed.access != tokens.access
    await sign_in.sign_out(renewed)
    with pytest.raises(NotAuthorised):
        await sign_in.renewed(renewed)
    await sign_in.sign_out(renewed)


async def test_whoever_else_may_connect_an_app_is_refused_and_what_was_granted_is_ended(world: HubSpotWorld) -> None:
    kim = world.hubspot.portal.owner_of_email(KIM)
    assert kim
    kim.may_connect = True
    sign_in = _sign_in(world)
    answer = await _answer_of(world, sign_in.authorize_url("s", CHALLENGE), KIM)
    with pytest.raises(NotPermitted, match="no super admin"):
        await sign_in.signed_in(answer, VERIFIER)
    assert world.hubspot.sign_in.standing() == [ADA]


async def test_where_it_cannot_be_seen_who_connected_it_nothing_is_kept_and_the_grant_is_ended(world: HubSpotWorld) -> None:
    sign_in = _sign_in(world)
    for path in ("/settings/users/*", "*/token/introspect"):
        answer = await _answer_of(world, sign_in.authorize_url("s", CHALLENGE), ADA)
        world.hubspot.faults[:] = [Fault(path, status=503)]
        with pytest.raises(Unavailable):
            await sign_in.signed_in(answer, VERIFIER)
        world.hubspot.faults.clear()
        assert world.hubspot.sign_in.standing() == [ADA]


async def test_a_code_is_good_once_and_for_its_own_browser(world: HubSpotWorld) -> None:
    sign_in = _sign_in(world)
    for verifier in ("another verifier that is long enough for it to be one", ""):
        answer = await _answer_of(world, sign_in.authorize_url("s", CHALLENGE), ADA)
        with pytest.raises((NotAuthorised, NotPermitted)):
            await sign_in.signed_in(answer, verifier)
    answer = await _answer_of(world, sign_in.authorize_url("s", CHALLENGE), ADA)
    assert await sign_in.signed_in(answer, VERIFIER)
    for spent in (answer, {**answer, "code": ""}, {}):
        with pytest.raises(NotAuthorised):
            await sign_in.signed_in(spent, VERIFIER)


async def test_an_app_whose_secret_is_wrong_is_not_permitted(world: HubSpotWorld) -> None:
    client = OAuthClient(CLIENT.client_id, "another secret", CLIENT.redirect_uri)
    answer = await _answer_of(world, _sign_in(world).authorize_url("s", CHALLENGE), ADA)
    with pytest.raises(NotPermitted):
        await _sign_in(world, client).signed_in(answer, VERIFIER)


def test_all_that_is_asked_for_is_reading() -> None:
    assert [scope for scope in SCOPES if not scope.endswith(".read")] == ["oauth"]
