"""Zoho's stand-in is as strict as Zoho, and is itself held against Zoho's own SDK."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from crm_client.zoho.sign_in import SCOPES
from sandbox.crms.zoho import fields
from sandbox.crms.zoho.coql import Criterion, Pair, read
from sandbox.crms.zoho.refusals import Refused
from sandbox.crms.zoho.server import ZohoServer
from tests.contract.crm_world import ADA, KIM, OLD, crm_world
from tests.contract.zoho import CALLBACK, CLIENT, Clock, serving, token_of
from tests.zoho_description import faults_of_call, faults_of_query

ANYBODY = "select Full_Name from Contacts where id is not null"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def zoho(clock: Clock) -> AsyncIterator[ZohoServer]:
    async with serving(crm_world(), clock) as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Asker:
    """One user's calls to the stand-in."""

    def __init__(self, zoho: ZohoServer, http: aiohttp.ClientSession, token: str) -> None:
        self._zoho = zoho
        self._http = http
        self.token = token

    async def call(self, method: str, path: str, body: Any = None, **params: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Zoho-oauthtoken {self.token}"}
        url = f"{self._zoho.origin}/crm/v8{path}"
        async with self._http.request(method, url, json=body, params=params, headers=headers) as answer:
            return answer.status, await answer.json() if answer.status != 204 else None

    async def query(self, query: str) -> tuple[int, Any]:
        return await self.call("POST", "/coql", {"select_query": query})

    async def names(self, query: str, column: str = "Full_Name") -> list[str]:
        status, answer = await self.query(query)
        assert status in {200, 204}, answer
        return [row[column] for row in answer["data"]] if answer else []


@pytest.fixture
def ada(zoho: ZohoServer, http: aiohttp.ClientSession) -> Asker:
    return Asker(zoho, http, token_of(zoho, ADA))


@pytest.fixture
def kim(zoho: ZohoServer, http: aiohttp.ClientSession) -> Asker:
    return Asker(zoho, http, token_of(zoho, KIM))


# COQL


def test_a_query_is_read() -> None:
    query = read(
        "select id, Account_Name.Website from Contacts where (Email in ('a@x.example', 'o''b\\\\@x.example') or Full_Name like 'A%')"
        " order by Last_Name desc, id limit 25 offset 50"
    )
    assert query.columns == ("id", "Account_Name.Website")
    assert query.where == Pair(
        "or", Criterion("Email", "in", ("a@x.example", "o'b\\@x.example")), Criterion("Full_Name", "like", ("A%",))
    )
    assert (query.orders, query.limit, query.offset) == ((("Last_Name", True), ("id", False)), 25, 50)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "select from Contacts where id is not null",
        "select id from Contacts",
        "select id, from Contacts where id is not null",
        "select id from Contacts where Email = a@x.example",
        "select id from Contacts where Email = 'o'b@x.example'",
        "select id from Contacts where Email = 'o\\'b@x.example'",
        "select id from Contacts where Email = 'a' or '1' = '1'",
        "select id from Contacts where Email = 'a' or Email = 'b' or Email = 'c'",
        "select id from Contacts where (Email = 'a' or Email = 'b' or Email = 'c')",
        "select id from Contacts where (Email = 'a' or Email = 'b'",
        "select id from Contacts where Email in ()",
        "select id from Contacts where id is not null; drop table Contacts",
        "select id from Contacts where id is not null limit 0x10",
        "update Contacts where id is not null",
    ],
)
def test_what_is_no_query_is_refused(query: str) -> None:
    with pytest.raises(Refused) as refused:
        read(query)
    assert refused.value.body["code"] == "SYNTAX_ERROR"


@pytest.mark.parametrize(
    ("query", "by"),
    [
        ("select id from Contacts where id is not null limit 2001", "limit"),
        ("select id from Contacts where id is not null limit 0", "limit"),
        (f"select id from Contacts where Email in ({', '.join(repr(str(n)) for n in range(101))})", "in"),
        (f"select id from Contacts where {'(' * 25}id = '1'{' or id = 1)' * 25}", "criteria"),
    ],
)
def test_a_query_has_limits(query: str, by: str) -> None:
    with pytest.raises(Refused) as refused:
        read(query)
    assert refused.value.body["code"] == "LIMIT_EXCEEDED"
    assert refused.value.by == by


async def test_rows_come_with_what_was_asked_for_and_nothing_else(ada: Asker) -> None:
    status, answer = await ada.query(
        "select Full_Name, Account_Name, Account_Name.Website, Owner.full_name from Contacts where Email = 'GRACE@hopfield.example'"
    )
    (row,) = answer["data"]
    assert status == 200
    assert row == {
        "Full_Name": "Grace Hopfield",
        "Account_Name": {"id": row["Account_Name"]["id"]},
        "Account_Name.Website": "https://www.hopfield.example",
        "Owner.full_name": "Kim Park",
        "id": row["id"],
    }
    assert answer["info"] == {"count": 1, "more_records": False}
    assert await ada.query("select id from Contacts where Email = 'nobody@x.example'") == (204, None)


async def test_pages_follow_each_other(ada: Asker) -> None:
    query = "select Full_Name from Contacts where Account_Name.Account_Name = 'Crowd & Co' order by Full_Name limit 5"
    names = [await ada.names(f"{query} offset {start}") for start in (0, 5, 10, 15)]
    assert [len(page) for page in names] == [5, 5, 2, 0]
    assert [name for page in names for name in page] == [f"Member {n:02}" for n in range(12)]
    _, first = await ada.query(query)
    assert first["info"] == {"count": 5, "more_records": True}


async def test_a_percent_sign_stands_for_anything(ada: Asker) -> None:
    assert await ada.names("select Full_Name from Contacts where Full_Name like 'grace%'") == ["Grace Hopfield"]
    assert await ada.names("select Full_Name from Contacts where Full_Name like '%hopfield'") == ["Grace Hopfield"]
    assert await ada.names("select Full_Name from Contacts where Full_Name like '%ace hop%'") == ["Grace Hopfield"]
    assert await ada.names("select Full_Name from Contacts where Full_Name like 'g%d'") == ["Grace Hopfield"]
    assert await ada.names("select Full_Name from Contacts where Full_Name like 'ace'") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("select Nickname from Contacts where id is not null", "INVALID_QUERY"),
        ("select id from Contacts where Nickname = 'x'", "INVALID_QUERY"),
        ("select id from Contacts where Account_Name.Owner.salary = 'x'", "INVALID_QUERY"),
        ("select id from Notes where id is not null", "INVALID_QUERY"),
        ("select id from Contacts where Account_Name like 'x%'", "INVALID_QUERY"),
        ("select id from Contacts where id = 'x'", "INVALID_QUERY"),
        ("select id from Deals where Closing_Date >= 'tomorrow'", "INVALID_QUERY"),
        ("select id from Deals where Closing_Date like '2026%'", "INVALID_QUERY"),
    ],
)
async def test_columns_and_values_are_checked(ada: Asker, query: str, code: str) -> None:
    status, answer = await ada.query(query)
    assert (status, answer["code"]) == (400, code)


# Rights


async def test_a_user_sees_own_and_shared_records_and_none_behind_them(zoho: ZohoServer, kim: Asker) -> None:
    query = "select Full_Name, Account_Name.Account_Name from Contacts where id is not null"
    assert await kim.names(query) == ["Grace Hopfield", "Sam Shaw"]
    assert await kim.names(query, "Account_Name.Account_Name") == ["Hopfield Inc", None]
    sam = zoho.organisation.keys["contact sam"]
    zoho.organisation.shared[sam].clear()
    assert await kim.names(ANYBODY) == ["Grace Hopfield"]
    zoho.organisation.territories[sam] = {"1"}
    zoho.organisation.users[KIM].territories.add("1")
    assert await kim.names(ANYBODY) == ["Grace Hopfield", "Sam Shaw"]
    zoho.organisation.users[KIM].territories.clear()
    assert await kim.names(ANYBODY) == ["Grace Hopfield"]


async def test_a_field_may_be_hidden_from_a_profile(zoho: ZohoServer, ada: Asker, kim: Asker) -> None:
    organisation = zoho.organisation
    organisation.hide(KIM, "Contacts.Phone")
    status, answer = await kim.query("select Phone from Contacts where id is not null")
    assert (status, answer["code"], answer["details"]["column_name"]) == (400, "INVALID_QUERY", "Phone")
    status, _ = await kim.query("select id from Deals where Contact_Name.Phone = 'x'")
    assert status == 400
    status, _ = await ada.query("select Phone from Contacts where id is not null")
    assert status == 200


async def test_activities_and_notes_go_with_their_contact(zoho: ZohoServer, ada: Asker, kim: Asker) -> None:
    query = "select Subject from Calls where Who_Id.Email = 'h.lovell@analytical.example' order by Call_Start_Time desc"
    assert (await ada.names(query, "Subject"))[:2] == ["Call 1 days ago", "Call 2 days ago"]
    assert await kim.names(query, "Subject") == []
    henrietta = zoho.organisation.keys["contact henrietta"]
    path, asked = f"/Contacts/{henrietta}/Notes", {"fields": "Note_Content,Created_Time", "sort_by": "Created_Time"}
    status, answer = await ada.call("GET", path, **asked)
    assert status == 200
    assert answer["data"][0]["Note_Content"].startswith("Note of day 1\n")
    assert len(answer["data"]) == 4
    assert (await kim.call("GET", path, **asked))[0] == 403
    assert (await ada.call("GET", path))[1]["code"] == "REQUIRED_PARAM_MISSING"
    assert (await ada.call("GET", path, fields="Password"))[0] == 400


async def test_the_roles_of_a_deal_are_told_of_contacts_that_are_seen(zoho: ZohoServer, ada: Asker, kim: Asker) -> None:
    path = f"/Deals/{zoho.organisation.keys['deal renewal']}/Contact_Roles"
    status, answer = await ada.call("GET", path, fields="Full_Name,Email,Owner")
    (row,) = answer["data"]
    assert status == 200
    assert (row["Full_Name"], row["Owner"]["name"], row["Contact_Role"]["name"]) == (
        "Jonas Ekdahl",
        "Ada Byron",
        "Decision Maker",
    )
    assert (await kim.call("GET", path, fields="Full_Name"))[0] == 403
    own = zoho.organisation.keys["deal kim's"]
    assert await kim.call("GET", f"/Deals/{own}/Contact_Roles", fields="Full_Name") == (204, None)


# Settings


async def test_settings_are_told(zoho: ZohoServer, ada: Asker) -> None:
    (org,) = (await ada.call("GET", "/org"))[1]["org"]
    assert (org["company_name"], org["time_zone"], org["iso_code"], org["mc_status"]) == (
        "Corp Ltd",
        "Europe/Vienna",
        "EUR",
        True,
    )
    currencies = (await ada.call("GET", "/org/currencies"))[1]["currencies"]
    assert [(each["iso_code"], each["is_base"]) for each in currencies] == [("EUR", True), ("USD", False), ("JPY", False)]
    (layout,) = (await ada.call("GET", "/settings/layouts", module="Deals"))[1]["layouts"]
    pipelines = (await ada.call("GET", "/settings/pipeline", layout_id=layout["id"]))[1]["pipeline"]
    assert [(each["display_value"], len(each["maps"])) for each in pipelines] == [("Sales", 3), ("Partners", 4)]
    assert (await ada.call("GET", "/settings/pipeline"))[1]["code"] == "REQUIRED_PARAM_MISSING"
    (me,) = (await ada.call("GET", "/users", type="CurrentUser"))[1]["users"]
    assert me["email"] == ADA
    (profile,) = (await ada.call("GET", f"/settings/profiles/{me['profile']['id']}"))[1]["profiles"]
    assert [(each["display_label"], each["enabled"]) for each in profile["permissions_details"]] == [("Mail Integration", True)]
    assert len((await ada.call("GET", "/users", type="AllUsers"))[1]["users"]) == 5


# Composite requests


def _composite(*requests: dict[str, Any]) -> dict[str, Any]:
    return {"parallel_execution": True, "__composite_requests": list(requests)}


def _sub(name: str, query: str) -> dict[str, Any]:
    return {"sub_request_id": name, "method": "POST", "uri": "/crm/v8/coql", "body": {"select_query": query}}


async def test_a_composite_request_answers_each_by_itself(ada: Asker) -> None:
    status, answer = await ada.call(
        "POST",
        "/__composite_requests",
        _composite(
            _sub("one", f"{ANYBODY} limit 25"),
            _sub("two", f"{ANYBODY} limit 26"),
            _sub("three", "select id from Contacts where Email = 'nobody@x.example' limit 25"),
            {"sub_request_id": "four", "method": "GET", "uri": "/crm/v8/org"},
        ),
    )
    responses = [each["details"]["response"] for each in answer["__composite_requests"]]
    assert status == 200
    assert [each["status_code"] for each in responses] == [200, 400, 204, 200]
    assert responses[1]["body"]["details"] == {"by": "limit", "limit": 25}
    assert responses[2]["body"] is None


async def test_one_call_may_use_what_another_answered(ada: Asker) -> None:
    contact = _sub("contact", "select id from Contacts where Email = 'h.lovell@analytical.example' limit 1")
    nobody = _sub("nobody", "select id from Contacts where Email = 'nobody@x.example' limit 1")
    notes = {"method": "GET", "params": {"fields": "Note_Content"}}
    status, answer = await ada.call(
        "POST",
        "/__composite_requests",
        _composite(
            {**notes, "sub_request_id": "notes", "uri": "/crm/v8/Contacts/@{contact:$.data[0].id}/Notes"},
            {**notes, "sub_request_id": "none", "uri": "/crm/v8/Contacts/@{nobody:$.data[0].id}/Notes"},
            contact,
            nobody,
        ),
    )
    notes_answer, no_answer, *_ = answer["__composite_requests"]
    assert status == 200
    assert len(notes_answer["details"]["response"]["body"]["data"]) == 4
    assert (no_answer["code"], no_answer["status"]) == ("INVALID_REFERENCE", "error")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"__composite_requests": []},
        _composite(*(_sub(f"s{n}", ANYBODY) for n in range(6))),
        _composite(_sub("one", ANYBODY), _sub("one", ANYBODY)),
        _composite({**_sub("one", ANYBODY), "uri": "/crm/v8/coql?x=y"}),
        _composite({**_sub("one", ANYBODY), "depends_on": "two"}),
        {**_composite(_sub("one", ANYBODY)), "rollback_on_fail": True},
        {**_composite(_sub("one", ANYBODY)), "concurrent_execution": True},
    ],
)
async def test_what_is_no_composite_request_is_refused(ada: Asker, body: dict[str, Any]) -> None:
    assert (await ada.call("POST", "/__composite_requests", body))[0] == 400


# Limits


async def test_so_many_calls_may_be_under_way_at_once_and_a_composite_request_counts_for_five(
    zoho: ZohoServer, ada: Asker
) -> None:
    zoho.latency_seconds = 0.05
    org = _composite({"method": "GET", "uri": "/crm/v8/org"})
    answers = await asyncio.gather(*(ada.call("POST", "/__composite_requests", org) for _ in range(5)))
    assert sorted(status for status, _ in answers) == [200, 200, 200, 200, 429]
    answers = await asyncio.gather(*(ada.query(ANYBODY) for _ in range(11)))
    assert sorted(status for status, _ in answers) == [200] * 10 + [429]
    refused = next(answer for status, answer in answers if status == 429)
    assert refused["code"] == "TOO_MANY_REQUESTS"
    assert (await ada.query(ANYBODY))[0] == 200


async def test_credits_are_told_when_half_of_them_are_gone_and_end(
    zoho: ZohoServer, ada: Asker, http: aiohttp.ClientSession
) -> None:
    async def left() -> tuple[int, str | None]:
        headers = {"Authorization": f"Zoho-oauthtoken {ada.token}"}
        async with http.get(f"{zoho.origin}/crm/v8/org", headers=headers) as answer:
            return answer.status, answer.headers.get("X-API-CREDITS-REMAINING")

    assert await left() == (200, None)
    zoho.credits_left = zoho.day_credits // 2 + 1
    assert await left() == (200, str(zoho.day_credits // 2))
    zoho.credits_left = 3
    assert (await ada.query(f"{ANYBODY} limit 2000"))[0] == 200
    assert await left() == (429, "0")


# Tokens


async def test_a_call_needs_a_good_token_with_the_scope_in_zohos_own_header(
    zoho: ZohoServer, ada: Asker, http: aiohttp.ClientSession, clock: Clock
) -> None:
    async with http.get(f"{zoho.origin}/crm/v8/org", headers={"Authorization": f"Bearer {ada.token}"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "AUTHENTICATION_FAILURE")
    scarce = Asker(zoho, http, token_of(zoho, ADA, set(SCOPES) - {"ZohoCRM.org.READ", "ZohoCRM.modules.contacts.READ"}))
    assert (await scarce.call("GET", "/org"))[1]["code"] == "OAUTH_SCOPE_MISMATCH"
    assert (await scarce.query(ANYBODY))[1]["code"] == "OAUTH_SCOPE_MISMATCH"
    old = Asker(zoho, http, token_of(zoho, OLD))
    assert (await old.call("GET", "/org"))[1]["code"] == "INVALID_TOKEN"
    clock.pass_(hours=1)
    assert (await ada.call("GET", "/org"))[1]["code"] == "INVALID_TOKEN"


@pytest.mark.parametrize(
    ("method", "path", "params", "status", "code"),
    [
        ("GET", "/Contacts/1", {}, 404, "INVALID_URL_PATTERN"),
        ("GET", "/Contacts", {}, 404, "INVALID_URL_PATTERN"),
        ("GET", "/coql", {}, 400, "INVALID_REQUEST_METHOD"),
        ("POST", "/org", {}, 400, "INVALID_REQUEST_METHOD"),
        ("GET", "/org", {"fields": "id"}, 400, "INVALID_DATA"),
        ("GET", "/users", {"type": "Robots"}, 400, "INVALID_DATA"),
        ("GET", "/users", {"per_page": "201"}, 400, "LIMIT_EXCEEDED"),
    ],
)
async def test_what_is_not_asked_by_mailmagnet_is_refused(
    ada: Asker, method: str, path: str, params: dict[str, str], status: int, code: str
) -> None:
    answered = await ada.call(method, path, **params)
    assert (answered[0], answered[1]["code"]) == (status, code)


async def _consented(zoho: ZohoServer, http: aiohttp.ClientSession, **more: str) -> dict[str, list[str]]:
    asked = {
        "client_id": CLIENT.id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "ZohoCRM.org.READ",
        "access_type": "offline",
        "state": "s",
    }
    url = f"{zoho.origin}/oauth/v2/auth"
    async with http.get(url, params=asked) as page:
        assert page.status == 200
    form = {**asked, "user": zoho.organisation.users[ADA].id, "answer": "accept", **more}
    async with http.post(url, data=form, allow_redirects=False) as answer:
        assert answer.status == 302
        assert answer.headers["Location"].startswith(f"{CALLBACK}?")
        return parse_qs(urlsplit(answer.headers["Location"]).query)


async def _token(zoho: ZohoServer, http: aiohttp.ClientSession, **form: str) -> tuple[int, dict[str, Any]]:
    data = {"client_id": CLIENT.id, "client_secret": CLIENT.secret, "redirect_uri": CALLBACK, **form}
    async with http.post(f"{zoho.origin}/oauth/v2/token", data=data) as answer:
        return answer.status, await answer.json()


async def test_a_browser_comes_back_with_a_code_that_is_good_once(
    zoho: ZohoServer, http: aiohttp.ClientSession, clock: Clock
) -> None:
    back = await _consented(zoho, http)
    assert (back["state"], back["accounts-server"], back["location"]) == (["s"], [zoho.origin], ["us"])
    code = back["code"][0]
    status, told = await _token(zoho, http, grant_type="authorization_code", code=code)
    assert (status, told["api_domain"], told["expires_in"], told["token_type"]) == (200, zoho.origin, 3600, "Bearer")
    assert (await Asker(zoho, http, told["access_token"]).call("GET", "/org"))[0] == 200
    assert await _token(zoho, http, grant_type="authorization_code", code=code) == (200, {"error": "invalid_code"})
    late = (await _consented(zoho, http))["code"][0]
    clock.pass_(minutes=3)
    assert (await _token(zoho, http, grant_type="authorization_code", code=late))[1] == {"error": "invalid_code"}
    assert (await _consented(zoho, http, answer="reject"))["error"] == ["access_denied"]
    online = (await _consented(zoho, http, access_type="online"))["code"][0]
    assert "refresh_token" not in (await _token(zoho, http, grant_type="authorization_code", code=online))[1]
    bound = (await _consented(zoho, http, code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"))["code"][0]
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    told = (await _token(zoho, http, grant_type="authorization_code", code=bound, code_verifier=verifier))[1]
    assert told["refresh_token"]
    assert (await _token(zoho, http, grant_type="refresh_token", client_secret="x"))[1] == {"error": "invalid_client_secret"}


async def test_a_refresh_token_gives_ten_access_tokens_in_ten_minutes_and_none_when_it_is_revoked(
    zoho: ZohoServer, http: aiohttp.ClientSession, clock: Clock
) -> None:
    first, refresh = zoho.accounts.signed_in(zoho.organisation.users[ADA].id, frozenset(SCOPES))
    for _ in range(9):
        assert (await _token(zoho, http, grant_type="refresh_token", refresh_token=refresh))[1]["access_token"]
    status, refused = await _token(zoho, http, grant_type="refresh_token", refresh_token=refresh)
    assert (status, refused["error"]) == (400, "Access Denied")
    clock.pass_(minutes=10)
    assert (await _token(zoho, http, grant_type="refresh_token", refresh_token=refresh))[0] == 200
    async with http.post(f"{zoho.origin}/oauth/v2/token/revoke", data={"token": refresh}) as answer:
        assert await answer.json() == {"status": "success"}
    assert (await _token(zoho, http, grant_type="refresh_token", refresh_token=refresh))[1] == {"error": "invalid_code"}
    assert (await Asker(zoho, http, first).call("GET", "/org"))[1]["code"] == "INVALID_TOKEN"


async def test_the_twenty_first_sign_in_ends_the_first(zoho: ZohoServer) -> None:
    user = zoho.organisation.users[ADA].id
    tokens = [zoho.accounts.signed_in(user, frozenset(SCOPES))[0] for _ in range(21)]
    assert [zoho.accounts.access(token) is not None for token in tokens] == [False] + [True] * 20


async def test_a_record_has_a_page(zoho: ZohoServer, http: aiohttp.ClientSession) -> None:
    deal = zoho.organisation.keys["deal renewal"]
    async with http.get(f"{zoho.origin}/crm/org808232144/tab/Potentials/{deal}") as page:
        assert (page.status, "<h1>Renewal 2027</h1>" in await page.text()) == (200, True)
    async with http.get(f"{zoho.origin}/crm/org808232144/tab/Contacts/{deal}") as page:
        assert page.status == 404


# What all this is held against


def test_all_columns_here_are_zohos() -> None:
    for module, columns in fields.MODULES.items():
        assert not list(faults_of_query(f"select {', '.join(columns)} from {module} where id is not null"))
    users = ", ".join(f"Owner.{name}" for name in fields.USER_FIELDS)
    assert not list(faults_of_query(f"select {users} from Contacts where id is not null"))


@pytest.mark.parametrize(
    ("path", "body", "answer", "fault"),
    [
        ("/org", None, {"org": [{"companyname": "x"}]}, "/org.org.companyname: no such field"),
        ("/org", None, {"org": [{"mc_status": "yes"}]}, "/org.org.mc_status: 'yes' is no Boolean"),
        ("/users", None, {"users": [{"id": 1}]}, "/users.users.id: 1 is no Long"),
        ("/users", None, {"user": []}, "/users.user: no such field"),
        ("/Contacts", None, {}, "/Contacts: no such call is known"),
        (
            "/coql",
            {"select_query": "select id from Deals where Contact_Name.Mail = 'from x where y = z' limit 1"},
            {"data": [{"id": "1", "Sum": 1}]},
            "Deals has no column Contact_Name.Mail",
        ),
        (
            "/coql",
            {"select_query": "select id from Deals where id > 1"},
            {"data": [{"Sum": 1}]},
            "/coql: Deals has no column Sum",
        ),
        (
            "/__composite_requests",
            {"__composite_requests": [{"uri": "/crm/v8/org"}]},
            {"__composite_requests": [{"details": {"response": {"body": {"org": [{"zip": 1}]}}}}]},
            "/org.org.zip: 1 is no String",
        ),
    ],
)
def test_a_wrong_field_is_seen(path: str, body: Any, answer: Any, fault: str) -> None:
    assert fault in list(faults_of_call(f"/crm/v8{path}", body, answer))
