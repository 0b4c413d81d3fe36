"""The stand-in for Pipedrive is as strict as Pipedrive, and no second CRM: it answers the forms of question that MailMagnet asks."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from sandbox.crms.pipedrive.limits import CALLS_A_WINDOW, SEARCHES_A_WINDOW, WINDOW, Blocked, Limits
from sandbox.crms.pipedrive.refusal import Refused
from sandbox.crms.pipedrive.sign_in import App, NotGranted, SignIn
from tests.contract.crm_world import ADA, KIM, OLD
from tests.contract.pipedrive_world import CALLBACK, PipedriveWorld, pipedrive_world

BASIC = "Basic cGlwZWRyaXZlLWFwcDpwaXBlZHJpdmUtc2VjcmV0"


@pytest.fixture
async def crm() -> AsyncIterator[PipedriveWorld]:
    async with pipedrive_world() as world:
        yield world


async def _asked(crm: PipedriveWorld, path: str, email: str = ADA, verb: str = "GET", token: str = "") -> tuple[int, Any]:
    bearer = token or crm.pipedrive.sign_in.issued_for(email)["access_token"]
    async with (
        aiohttp.ClientSession() as session,
        session.request(verb, f"{crm.http.origin}{path}", headers={"Authorization": f"Bearer {bearer}"}) as answer,
    ):
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v2/deals?limit=3", 200),
        ("/api/v2/deals?limit=501", 400),
        ("/api/v2/deals?limit=0", 400),
        ("/api/v2/deals?limit=ten", 400),
        ("/api/v2/deals?person=1001", 400),
        ("/api/v2/deals?person_id=1001&person_id=1002", 400),
        ("/api/v2/deals?status=open,won", 200),
        ("/api/v2/deals?status=all_not_deleted", 400),
        ("/api/v2/deals?cursor=x", 400),
        ("/api/v2/deals?cursor=eyJzdGFydCI6ICJ4In0=", 400),
        ("/api/v2/activities?done=1", 400),
        ("/api/v2/itemSearch", 400),
        ("/api/v2/itemSearch?term=a", 400),
        ("/api/v2/itemSearch?term=a&exact_match=true", 200),
        ("/api/v2/itemSearch?term=sam&limit=101", 400),
        ("/api/v2/itemSearch?term=sam&item_types=product", 400),
        (f"/api/v2/persons?ids={','.join(map(str, range(1, 102)))}", 400),
        ("/api/v2/persons/x", 400),
        ("/api/v2/persons/999999", 404),
        ("/api/v2/persons/search?term=sam", 400),
        ("/api/v2/products", 404),
        ("/api/v1/deals", 404),
        ("/api/v1/leads/x", 400),
        ("/api/v1/leads/00000000-0000-0000-0000-000000000000", 404),
        ("/api/v1/notes?sort=id", 400),
    ],
)
async def test_a_form_of_question_that_nobody_asks_is_refused(crm: PipedriveWorld, path: str, status: int) -> None:
    answered, told = await _asked(crm, path)
    assert answered == status
    assert told["success"] is (status == 200)


async def test_nothing_is_written(crm: PipedriveWorld) -> None:
    for verb in ("POST", "PATCH", "DELETE"):
        status, _ = await _asked(crm, "/api/v2/deals", verb=verb)
        assert status == 405


async def test_a_record_of_somebody_elses_is_refused_by_its_id_and_missing_in_lists(crm: PipedriveWorld) -> None:
    henrietta = crm.id_of("contact henrietta")
    assert (await _asked(crm, f"/api/v2/persons/{henrietta}", KIM))[0] == 403
    status, told = await _asked(crm, f"/api/v2/persons?ids={henrietta},{crm.id_of('contact grace')}", KIM)
    assert (status, [each["id"] for each in told["data"]]) == (200, [int(crm.id_of("contact grace"))])


async def test_pages_follow_each_other_and_hold_everything_once(crm: PipedriveWorld) -> None:
    found: list[int] = []
    path = "/api/v2/deals?limit=50"
    while path:
        _, told = await _asked(crm, path)
        found += [each["id"] for each in told["data"]]
        cursor = told["additional_data"]["next_cursor"]
        path = f"/api/v2/deals?limit=50&cursor={cursor}" if cursor else ""
    assert len(found) == len(set(found)) == len(crm.pipedrive.company.deals)


async def test_a_token_that_is_none_or_whose_user_has_left_is_refused(crm: PipedriveWorld) -> None:
    assert await _asked(crm, "/api/v1/users/me", token="nobodys") == (
        401,
        {
            "success": False,
            "error": "unauthorized access",
            "errorCode": 401,
            "error_info": "Please check developers.pipedrive.com for more information about Pipedrive API.",
        },
    )
    assert (await _asked(crm, "/api/v1/users/me", OLD))[0] == 401


async def test_without_its_scope_a_question_is_refused(crm: PipedriveWorld) -> None:
    crm.pipedrive.sign_in.app = App(callback=CALLBACK, scopes=frozenset({"base"}))
    status, told = await _asked(crm, "/api/v2/deals")
    assert (status, told["error"]) == (403, "Scope and URL mismatch")


class _Time:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 30, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def test_a_window_takes_so_many_calls_and_fewer_searches_and_a_day_its_tokens() -> None:
    time = _Time()
    limits = Limits(1, time)
    for _ in range(SEARCHES_A_WINDOW):
        limits.spend("a", 20, searches=True)
    with pytest.raises(Refused):
        limits.spend("a", 20, searches=True)
    limits.spend("b", 20, searches=True)
    for _ in range(CALLS_A_WINDOW - SEARCHES_A_WINDOW):
        limits.spend("a", 1, searches=False)
    with pytest.raises(Refused):
        limits.spend("a", 1, searches=False)
    time.at += WINDOW
    limits.spend("a", 20, searches=True)
    limits.tokens_left = 19
    with pytest.raises(Refused):
        limits.spend("b", 20, searches=False)
    assert limits.headers("b")["x-daily-ratelimit-token-remaining"] == "19"
    time.at += timedelta(days=1)
    limits.spend("b", 20, searches=False)


def test_whoever_does_not_wait_is_blocked_for_a_while() -> None:
    time = _Time()
    limits = Limits(1, time)
    limits.tokens_left = 0
    with pytest.raises(Blocked):
        for _ in range(1000):
            with pytest.raises(Refused):
                limits.spend("a", 1, searches=False)
    time.at += timedelta(minutes=11)
    limits.tokens_left = 10
    limits.spend("a", 1, searches=False)


def test_codes_and_refresh_tokens_are_good_once_and_only_for_the_app(crm: PipedriveWorld) -> None:
    time = _Time()
    sign_in = SignIn(crm.pipedrive.company, App(callback=CALLBACK), time)
    ada = crm.pipedrive.company.users[0]
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    for authorization in ("", "Basic x", "Basic cGlwZWRyaXZlLWFwcDp3cm9uZw==", "Bearer x"):
        with pytest.raises(NotGranted):
            sign_in.tokens(authorization, {**form, "code": sign_in.code_for(ada)})
    with pytest.raises(NotGranted):
        sign_in.tokens(BASIC, {**form, "code": sign_in.code_for(ada), "redirect_uri": "https://evil.example"})
    code = sign_in.code_for(ada)
    told = sign_in.tokens(BASIC, {**form, "code": code})
    assert sign_in.user_of(told["access_token"]) is ada
    for spent in ({**form, "code": code}, {"grant_type": "password"}, {}):
        with pytest.raises(NotGranted):
            sign_in.tokens(BASIC, spent)
    late = sign_in.code_for(ada)
    time.at += timedelta(minutes=6)
    with pytest.raises(NotGranted):
        sign_in.tokens(BASIC, {**form, "code": late})
    time.at += timedelta(hours=1)
    assert sign_in.user_of(told["access_token"]) is None
    again = sign_in.tokens(BASIC, {"grant_type": "refresh_token", "refresh_token": told["refresh_token"]})
    with pytest.raises(NotGranted):
        sign_in.tokens(BASIC, {"grant_type": "refresh_token", "refresh_token": told["refresh_token"]})
    time.at += timedelta(days=61)
    with pytest.raises(NotGranted):
        sign_in.tokens(BASIC, {"grant_type": "refresh_token", "refresh_token": again["refresh_token"]})


async def test_the_consent_page_asks_only_for_its_own_app_and_a_page_is_good_once(crm: PipedriveWorld) -> None:
    async with aiohttp.ClientSession() as browser:
        page = f"{crm.http.origin}/oauth/authorize"
        for query in ({"client_id": "pipedrive-app", "redirect_uri": "https://evil.example"}, {"client_id": "x"}, {}):
            async with browser.get(page, params=query) as answer:
                assert answer.status == 400
        async with browser.post(page, data={"visit": "none", "decision": "allow"}) as answer:
            assert answer.status == 400


async def test_a_link_to_a_record_leads_to_a_page_of_it(crm: PipedriveWorld) -> None:
    sam = await crm.as_user(ADA).contact(crm.id_of("contact sam"))
    lead = await crm.as_user(ADA).lead(crm.id_of("lead lea"))
    async with aiohttp.ClientSession() as browser:
        for url, words in ((sam.url, "Sam Shaw"), (sam.deals[0].url, "Undated"), (lead.url, "Lund AB lead")):
            async with browser.get(url) as answer:
                assert answer.status == 200
                assert words in await answer.text()
        async with browser.get(f"{crm.http.origin}/person/999999") as answer:
            assert answer.status == 404


async def test_the_world_is_there_as_it_was_told(crm: PipedriveWorld) -> None:
    _, told = await _asked(crm, f"/api/v2/deals/{crm.id_of('deal first')}")
    assert (told["data"]["status"], told["data"]["currency"], told["data"]["value"]) == ("won", "JPY", 4_800_000)
    assert json.dumps(told["data"]["custom_fields"]) == "{}"
