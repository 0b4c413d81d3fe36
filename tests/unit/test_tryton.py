"""Tryton's client against a Tryton that refuses, lies or is not the one that is meant; and its questions and records by themselves."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_client.tryton.questions import literal, opportunities_with, parties_with
from crm_client.tryton.records import Records, domain_of_firm, is_firm, organisation_of, owners_by_employee, profile_of
from crm_client.tryton.server import Question, TrytonServer
from crm_client.tryton.sign_in import KEY, TrytonSignIn
from crm_client.tryton.user import number
from http_session.session import HttpSession
from mailmagnet.crm import MAIL_INTEGRATION
from mailmagnet.errors import BadAnswer, NotFound, NotPermitted, NotSupported, Unavailable, Upstream
from tests.http_faults import HttpFaults, answering, html

ASKED = Question("party.party", [], ("name", "phone"))
DATABASES = '{"id": 1, "result": ["crm"]}'


@pytest.fixture
async def http() -> AsyncIterator[HttpFaults]:
    async with HttpFaults().serving() as http:
        yield http


@pytest.fixture
async def server(http: HttpFaults) -> AsyncIterator[TrytonServer]:
    session = HttpSession({http.origin})
    yield TrytonServer(session, http.origin, 5)
    await session.close()


def answers(http: HttpFaults, *bodies: str) -> None:
    """The calls to come are answered so."""
    for place, body in enumerate(bodies, 1):
        http.happen(answering(200, body), call=place)


# Which database

WRONG_LISTS = (
    '{"result": []}',
    '{"result": ["crm", "other"]}',
    '{"result": null}',
    '{"result": [7]}',
    '{"result": [""]}',
    "{}",
    "[]",
    "7",
)


@pytest.mark.parametrize("told", WRONG_LISTS)
async def test_a_server_that_does_not_say_which_database_is_meant_is_asked_nothing(
    http: HttpFaults, server: TrytonServer, told: str
) -> None:
    answers(http, told)
    with pytest.raises(BadAnswer):
        await server.search("k", ASKED)
    assert [asked.path for asked in http.asked] == ["/rpc/"]
    assert not http.asked[0].holds("k1e2y")


@pytest.mark.parametrize("status", [403, 404])
async def test_a_server_that_keeps_its_databases_to_itself(http: HttpFaults, server: TrytonServer, status: int) -> None:
    http.happen(html(status))
    with pytest.raises(BadAnswer):
        await server.search("k", ASKED)


async def test_the_database_is_asked_for_once_and_anew_when_it_is_gone(http: HttpFaults, server: TrytonServer) -> None:
    answers(http, DATABASES, "[]", "[]")
    assert [await server.search("k", ASKED), await server.search("k", ASKED)] == [[], []]
    http.happen(html(404), call=1)
    with pytest.raises(BadAnswer):
        await server.search("k", ASKED)
    answers(http, '{"result": ["a/b?c"]}', "[]")
    await server.search("k", ASKED)
    assert [asked.path for asked in http.asked] == [
        "/rpc/",
        *["/crm/rest/model/party.party/search_read"] * 3,
        "/rpc/",
        "/a%2Fb%3Fc/rest/model/party.party/search_read",
    ]
    assert {asked.headers["Authorization"] for asked in http.asked[1:4]} == {"Bearer k"}
    assert "Authorization" not in http.asked[0].headers


# What comes back


@pytest.mark.parametrize(
    "value",
    [
        '{"__class__": "date", "year": 2026, "month": 13, "day": 1}',
        '{"__class__": "date", "year": 99999, "month": 1, "day": 1}',
        '{"__class__": "datetime", "year": 2026, "month": 1, "day": 1, "hour": 25}',
        '{"__class__": "datetime", "year": 2026, "month": 1, "day": 1, "hour": 1, "minute": "x"}',
        '{"__class__": "Decimal", "decimal": "ten"}',
    ],
)
async def test_a_day_or_a_number_that_is_none_is_no_answer(http: HttpFaults, server: TrytonServer, value: str) -> None:
    answers(http, DATABASES, f'[{{"id": 1, "x": {value}}}]')
    with pytest.raises(BadAnswer):
        await server.search("k", ASKED)


async def test_values_are_pythons_own_and_what_a_field_leads_to_stands_in_its_place(
    http: HttpFaults, server: TrytonServer
) -> None:
    told = {
        "id": 1,
        "end": {"__class__": "date", "year": 2026, "month": 11, "day": 30},
        "at": {
            "__class__": "datetime",
            "year": 2026,
            "month": 11,
            "day": 30,
            "hour": 8,
            "minute": 1,
            "second": 2,
            "microsecond": 3,
        },
        "amount": {"__class__": "Decimal", "decimal": "12345678901234567.05"},
        "long": {"__class__": "Decimal", "decimal": "9" * 41},
        "odd": {"__class__": "bytes", "base64": "eA=="},
        "employee": 3,
        "employee.": {"id": 3, "party.": {"id": 4}},
        "nothing.": None,
        "many.": [{"id": 5}],
    }
    answers(http, DATABASES, json.dumps([told]))
    assert await server.search("k", ASKED) == [
        {
            "id": 1,
            "end": date(2026, 11, 30),
            "at": datetime(2026, 11, 30, 8, 1, 2, 3, tzinfo=UTC),
            "amount": Decimal("12345678901234567.05"),
            "long": None,
            "odd": None,
            "employee": {"id": 3, "party": {"id": 4}},
            "nothing": None,
            "many": [{"id": 5}],
        }
    ]


async def test_all_pages_are_asked_for_where_the_whole_is_wanted(http: HttpFaults, server: TrytonServer) -> None:
    answers(http, DATABASES, '[{"id": 1}, {"id": 2}]', '[{"id": 3}]', '[{"id": 1}, {"id": 2}]')
    question = Question("party.party", [], ("name",), most=2, whole=True)
    assert [record["id"] for record in await server.search("k", question)] == [1, 2, 3]
    assert [json.loads(asked.body)["offset"] for asked in http.asked[1:]] == [0, 2]
    assert len(await server.search("k", Question("party.party", [], ("name",), most=2))) == 2


async def test_which_fields_may_be_read_is_told_by_a_record(http: HttpFaults, server: TrytonServer) -> None:
    answers(http, DATABASES, '[{"id": 1, "name": null, "__name__": "party.party"}]', "[]")
    assert await server.readable("k", ASKED) == frozenset({"id", "name", "__name__"})
    assert await server.readable("k", ASKED) is None
    http.happen(answering(400, '{"message": "You are not allowed to access this"}'), call=1)
    with pytest.raises(NotPermitted):
        await server.readable("k", ASKED)
    assert {asked.method for asked in http.asked[1:]} == {"GET"}


@pytest.mark.parametrize(
    ("status", "error"), [(400, BadAnswer), (403, NotPermitted), (500, Unavailable), (503, Unavailable), (302, BadAnswer)]
)
async def test_refusals(http: HttpFaults, server: TrytonServer, status: int, error: type[Upstream]) -> None:
    answers(http, DATABASES)
    http.happen(html(status))
    with pytest.raises(error):
        await server.search("k", ASKED)


async def test_a_tryton_without_the_modules_is_told_at_the_sign_in(http: HttpFaults, server: TrytonServer) -> None:
    someone = '[{"id": 2, "name": "Ada", "active": 1}]'
    answers(http, DATABASES, someone, '[{"id": 1, "name": "sale.opportunity"}]')
    with pytest.raises(NotSupported):
        await TrytonSignIn(server, lambda: datetime(2026, 11, 30, tzinfo=UTC)).sign_in("corp.example", "1", {KEY: "a" * 128})


async def test_a_key_of_several_users_is_nobodys(http: HttpFaults, server: TrytonServer) -> None:
    answers(http, DATABASES, '[{"id": 2, "name": "Ada", "active": 1}, {"id": 3, "name": "Kim", "active": 1}]')
    with pytest.raises(Upstream):
        await TrytonSignIn(server, lambda: datetime(2026, 11, 30, tzinfo=UTC)).sign_in("corp.example", "1", {KEY: "a" * 128})


# Questions


@given(st.text())
def test_a_literal_stands_for_itself_alone(words: str) -> None:
    """Read as a pattern with a backslash before what is meant as it is, nothing in it is a pattern's sign, and it says the words."""
    meant, signs, rest = "", 0, iter(literal(words))
    for letter in rest:
        signs += letter in "%_"
        meant += next(rest) if letter == "\\" else letter
    assert (meant, signs) == (words, 0)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_a_question_has_one_shape_whatever_is_asked(addresses: list[str]) -> None:
    """What was asked stands only in the place of a value."""
    for question in (parties_with(addresses), opportunities_with(addresses)):
        for clause in question.domain if question.model == "party.party" else question.domain[1:]:
            path, operator, inside = clause
            assert (path.rpartition(".")[2], operator) == ("contact_mechanisms", "where")
            assert inside[0] == ["type", "=", "email"]
            assert inside[1][0] == "OR"
            assert {tuple(each[:2]) for each in inside[1][1:]} == {("value", "ilike")}


@pytest.mark.parametrize("wrong", ["", "x", "-1", "1.0", "１", "2147483648", "9" * 30, " 1", "1\n"])
def test_what_is_no_id_of_trytons_is_not_found(wrong: str) -> None:
    with pytest.raises(NotFound):
        number(wrong)
    assert number("2147483647") == 2**31 - 1


# Records

RECORDS = Records("https://tryton.example", "crm", "2", {})


def test_odd_records_are_records_still() -> None:
    for odd in ({}, {"company": 7, "groups": "x"}, {"company": {"currency": [1]}, "groups": [1, {"parent": 5}]}):
        assert organisation_of(odd).time_zone == "UTC"
        assert MAIL_INTEGRATION not in profile_of(odd).permissions
    party: dict[str, Any] = {
        "id": 1,
        "contact_mechanisms": [{"type": "website", "value": "http://[x"}, 5],
        "relations": [{"type": 1}, 2],
    }
    assert (is_firm(party), domain_of_firm(party)) == (True, "")
    assert RECORDS.account(party).name == ""
    with pytest.raises(BadAnswer):
        RECORDS.account({})
    assert (
        owners_by_employee([{"id": 2, "employees": ["x", 4]}, {"id": 3, "employees": [4], "active": 1, "name": "Kim"}])[4].name
        == "Kim"
    )


@pytest.mark.parametrize(
    ("website", "domain"),
    [
        ("https://www.x.example/about", "x.example"),
        ("X.Example", "x.example"),
        ("http://", ""),
        ("https://bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_companys_domain_is_its_websites(website: str, domain: str) -> None:
    assert domain_of_firm({"id": 1, "contact_mechanisms": [{"id": 1, "type": "website", "value": website}]}) == domain
