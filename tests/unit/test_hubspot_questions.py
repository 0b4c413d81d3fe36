"""HubSpot's questions: whatever stands in an address, it is one value of them, and each question is as long as HubSpot takes it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from crm_client.hubspot.addresses import HUBSPOT, HubSpotAddresses
from crm_client.hubspot.questions import LONGEST_SEARCH, MOST_READ, Questions, parts_of_search
from crm_client.hubspot.server import MOST_AT_ONCE, SEARCHES_A_SECOND, HubSpotServer
from crm_client.renewal import CrmAccess
from http_session.session import HttpAnswer, HttpSession
from mailmagnet.errors import BadAnswer, DayLimitReached, NotFound, RateLimited, Unavailable, Upstream

API = "https://api.hubapi.com"
ODD = "'\"\\/?#&%+;,:@[]{}()*! \u00fc\u4e2d\u05d0\U0001f600\x00\x7f"


class Listening:
    """An HTTP session that notes what it is asked, and has one answer."""

    def __init__(self, status: int = 200, body: Any = None, headers: Mapping[str, str] | None = None) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answer = HttpAnswer(HUBSPOT, status, headers or {}, json.dumps({"results": []} if body is None else body).encode())

    async def request(self, who: object, method: str, url: str, **more: Any) -> HttpAnswer:
        self.asked.append((method, url, json.loads(more["body"]) if more["body"] else None))
        return self.answer


class Access:
    """A token that is good."""

    org = "corp.example"

    async def ask(self, call: Callable[[str], Awaitable[Any]]) -> Any:
        return await call("token")


def _server(session: Listening) -> HubSpotServer:
    return HubSpotServer(cast(HttpSession, session), HubSpotAddresses(), 5)


def _asked(session: Listening, ask: Callable[[Questions], Awaitable[Any]]) -> list[tuple[str, str, Any]]:
    async def run() -> None:
        await ask(Questions(_server(session), cast(CrmAccess, Access())))

    asyncio.run(run())
    return session.asked


ATOM = "abcXYZ019!#$%&'*+/=?^_`{|}~-"
atoms = st.text(st.sampled_from(ATOM), min_size=1, max_size=20)
plain = st.lists(atoms, min_size=1, max_size=3).map(".".join)
local_parts = st.text(st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=["Cs"])), min_size=1, max_size=64)
hosts = st.one_of(st.from_regex(r"[a-z]{1,40}", fullmatch=True), st.sampled_from(["xn--bro-hoa", "b\u00fcro"])).map(
    "{}.example".format
)


@given(plain, hosts)
def test_an_address_in_a_path_is_one_segment_whatever_stands_in_it(local_part: str, host: str) -> None:
    address = f"{local_part}@{host}"
    session = Listening(404)
    ((method, url, _),) = _asked(session, lambda questions: questions.contact_at(address, ["deals"]))
    parsed = URL(url)
    assert (method, str(parsed.origin())) == ("GET", API)
    assert parsed.raw_path.count("/") == 5
    assert parsed.raw_path.startswith("/crm/objects/2026-09/contacts/")
    assert not parsed.raw_query_string
    assert not parsed.raw_fragment
    assert parsed.parts[-1] == address


@given(
    st.sets(st.builds("{}@{}".format, plain, hosts), max_size=60),
    st.sets(st.builds("{}@{}".format, local_parts, hosts), max_size=20),
)
def test_addresses_are_values_of_batches_and_those_that_hubspot_cannot_have_spoil_nothing(
    addresses: set[str], odd: set[str]
) -> None:
    batches = _asked(Listening(), lambda questions: questions.contacts_at(addresses | odd))
    assert all(set(body) == {"inputs", "properties", "idProperty"} for _, _, body in batches)
    asked = [each["id"] for _, _, body in batches for each in body["inputs"]]
    assert addresses <= set(asked)
    assert len(asked) == len(set(asked))
    assert all(0 < len(body["inputs"]) <= MOST_READ for _, _, body in batches)
    assert not [address for address in asked if set(address) & set('"\\ \t\r\n,;:<>()[]\x00\x7f')]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "a@",
        "@x.example",
        "no address",
        '"john doe"@x.example',
        "a..b@x.example",
        "j\u00f6rg@x.example",
        f"{'a' * 250}@x.example",
    ],
)
def test_for_what_hubspot_cannot_have_nobody_is_asked(address: str) -> None:
    async def ask(questions: Questions) -> None:
        assert await questions.contact_at(address, []) is None
        assert await questions.contacts_at([address]) == []
        assert await questions.contacts_with_second([address]) == []

    assert _asked(Listening(), ask) == []


@given(st.lists(st.integers(5, 254), max_size=120))
def test_a_search_is_never_longer_than_hubspot_takes_it(lengths: list[int]) -> None:
    values = [f"{number:03}{'ü' * (length - 3)}" for number, length in enumerate(lengths)]
    parts = parts_of_search(values)
    assert [value for part in parts for value in part] == values
    session = Listening(body={"results": [], "total": 0})

    async def ask(questions: Questions) -> None:
        for part in parts:
            await questions.found("contacts", [[{"propertyName": "hs_additional_emails", "operator": "IN", "values": part}]])

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(HubSpotServer, "_searched", HubSpotServer._posted)  # nobody waits
        asked = _asked(session, ask)
    assert all(len(json.dumps(body, separators=(",", ":"))) <= LONGEST_SEARCH for _, _, body in asked)


@pytest.mark.parametrize("record_id", ["", "%", "no-such-id", "1/../2", "１２", "9" * 21, "-1", "1 "])
def test_what_is_no_id_is_not_asked_for(record_id: str) -> None:
    session = Listening()

    async def ask(questions: Questions) -> None:
        assert await questions.one("contacts", record_id, []) is None
        assert await questions.records("deals", [record_id]) == []
        assert await questions.associated("contacts", [record_id], "deals") == {}

    assert _asked(session, ask) == []


async def test_a_batch_of_which_a_part_failed_is_no_answer() -> None:
    missing = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "", "context": {"ids": ["1"]}}
    failed = {"status": "error", "category": "INTERNAL_ERROR", "message": ""}
    for body, error in (
        ({"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [missing]}, None),
        ({"status": "COMPLETE", "results": [], "numErrors": 2, "errors": [missing, failed]}, Unavailable),
        ({"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [{}]}, Unavailable),
        ({"status": "PENDING", "results": []}, BadAnswer),
    ):
        questions = Questions(_server(Listening(207, body)), cast(CrmAccess, Access()))
        for ask in (questions.records("deals", ["1"]), questions.associated("contacts", ["1"], "deals")):
            if error:
                with pytest.raises(error):
                    await ask
            else:
                assert not await ask


async def test_thousands_are_asked_for_a_few_at_once() -> None:
    at_once, most = 0, 0

    class Slow(Listening):
        async def request(self, who: object, method: str, url: str, **more: Any) -> HttpAnswer:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.01)
            at_once -= 1
            return await super().request(who, method, url, **more)

    questions = Questions(_server(Slow()), cast(CrmAccess, Access()))
    await questions.contacts_at([f"p{n}@x.example" for n in range(5000)])
    assert most == MOST_AT_ONCE


async def test_in_no_second_more_than_four_searches_begin() -> None:
    server, moments = _server(Listening(body={"results": [], "total": 0})), []

    async def search(org: str) -> None:
        await server.post(org, "token", "/crm/objects/2026-09/contacts/search", {})
        moments.append((asyncio.get_running_loop().time(), org))

    await asyncio.gather(*(search("one.example") for _ in range(10)), *(search("other.example") for _ in range(4)))
    one = sorted(moment for moment, org in moments if org == "one.example")
    other = sorted(moment for moment, org in moments if org == "other.example")
    for first, later in zip(one, one[SEARCHES_A_SECOND:], strict=False):
        assert later - first >= 0.95
    assert other[-1] - other[0] < 0.5  # another organisation has an account of its own


@pytest.mark.parametrize(
    ("status", "body", "headers", "error", "wait"),
    [
        (429, {"policyName": "DAILY"}, {}, DayLimitReached, 3600),
        (429, {"policyName": "DAILY"}, {"Retry-After": "120"}, DayLimitReached, 120),
        (429, {"policyName": "SECONDLY"}, {}, RateLimited, 1),
        (429, {"policyName": "TEN_SECONDLY_ROLLING"}, {}, RateLimited, 10),
        (429, {"policyName": ["DAILY"]}, {}, RateLimited, 10),
        (429, [], {}, RateLimited, 10),
        (423, {}, {}, RateLimited, 2),
        (477, {}, {"Retry-After": "3600"}, Unavailable, None),
        (521, {}, {}, Unavailable, None),
        (404, {}, {}, NotFound, None),
        (400, {"category": "VALIDATION_ERROR"}, {}, BadAnswer, None),
    ],
)
async def test_each_refusal_has_its_error(
    status: int, body: Any, headers: Mapping[str, str], error: type[Upstream], wait: float | None
) -> None:
    with pytest.raises(error) as told:
        await _server(Listening(status, body, headers)).get("corp.example", "token", "/crm/owners/2026-09", {})
    assert type(told.value) is error
    if wait is not None:
        assert isinstance(told.value, RateLimited)
        assert told.value.retry_after == wait


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({"X-HubSpot-RateLimit-Daily": "650000", "X-HubSpot-RateLimit-Daily-Remaining": "64999"}, 64999),
        ({"X-HubSpot-RateLimit-Daily": "650000"}, None),
        ({"X-HubSpot-RateLimit-Daily": "many", "X-HubSpot-RateLimit-Daily-Remaining": "-1"}, None),
        ({}, None),
    ],
)
async def test_the_days_budget_is_the_organisations_own(headers: Mapping[str, str], left: int | None) -> None:
    server = _server(Listening(headers=headers))
    await server.get("corp.example", "token", "/crm/owners/2026-09", {})
    budget = server.budget("corp.example")
    assert (budget.left if budget else None) == left
    assert server.budget("other.example") is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("app.hubspot.com", "https://app.hubspot.com"),
        ("app-eu1.hubspot.com", "https://app-eu1.hubspot.com"),
        ("app-na2.hubspot.com", "https://app-na2.hubspot.com"),
        ("evil.example", None),
        ("app.hubspot.com.evil.example", None),
        ("app-eu1.hubspot.com:8443", None),
        ("app-eu1.hubspot.com/", None),
        ("app-eu1.hubspot.com\n", None),
        ("APP.hubspot.com", None),
        ("", None),
    ],
)
def test_records_are_shown_at_hubspots_own_hosts_alone(host: str, origin: str | None) -> None:
    if origin:
        assert HubSpotAddresses().app_of(host) == origin
    else:
        with pytest.raises(BadAnswer):
            HubSpotAddresses().app_of(host)
