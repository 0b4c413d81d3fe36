"""Odoo's client against an Odoo that refuses, breaks, lies or is slow: each becomes an error of the tree, and the key goes nowhere else."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from aiohttp import web

from crm_client.odoo.client import OdooClient
from crm_client.odoo.crm import OdooCrm
from crm_client.odoo.server import OdooServer
from crm_client.odoo.sign_in import API_KEY, OdooSignIn
from crm_client.renewal import Renewal
from http_session.session import HttpSession
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import (
    BadAnswer,
    MailMagnetError,
    NotAuthorised,
    NotFound,
    NotPermitted,
    RateLimited,
    SignInNeeded,
    TimedOut,
    Unavailable,
)
from mailmagnet.store import Store
from mailmagnet.vault import Connection, Vault
from tests.contract.crm_installed import looked_up
from tests.crm_signed_in import OneConnection

ORG, USER, KEY = "corp.example", "103", "a" * 40


class _NoStore:
    """One process alone renews here."""

    async def use_once(self, *_: object) -> bool:
        return True

    async def end_use(self, *_: object) -> None:
        return


_GROUPS: dict[str, Callable[[], web.Response]] = {
    "/json/2/ir.model.data/check_object_reference": lambda: web.json_response(["res.groups", 4]),
    "/json/2/res.groups/web_search_read": lambda: web.json_response({"records": [{"id": 5, "name": "Mail Integration"}]}),
}


class Odoo:
    """A server that answers every question in one way, but for which groups decide."""

    def __init__(self) -> None:
        self.answer: Callable[[], web.Response] = lambda: web.json_response({"length": 0, "records": []})
        self.seconds = 0.0
        self.asked: list[web.Request] = []
        self.origin = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        await asyncio.sleep(self.seconds)
        return _GROUPS.get(request.path, self.answer)()


@pytest.fixture
async def odoo() -> AsyncIterator[Odoo]:
    odoo, app = Odoo(), web.Application()
    app.router.add_route("*", "/{path:.*}", odoo.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    odoo.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield odoo
    await runner.cleanup()


@pytest.fixture
async def session(odoo: Odoo) -> AsyncIterator[HttpSession]:
    session = HttpSession({odoo.origin})
    yield session
    await session.close()


def crm_at(odoo: Odoo, session: HttpSession, seconds: float = 10) -> OdooCrm:
    server, now = OdooServer(session, odoo.origin, seconds), lambda: datetime.now(UTC)
    connection = Connection(ORG, USER, "ada@corp.example", crm=CrmTokens("7", "Ada", KEY, "", datetime(2100, 1, 1, tzinfo=UTC)))
    vault = cast(Vault, OneConnection(connection))
    renewal = Renewal(OdooSignIn(server, now), vault, lambda: cast(Store, _NoStore()), now)
    return OdooClient(server, renewal).as_user(connection)


def _records(*records: object) -> Callable[[], web.Response]:
    return lambda: web.json_response({"length": len(records), "records": list(records)})


ME = {
    "id": 7,
    "name": "Ada",
    "email": "ada@corp.example",
    "active": True,
    "tz": "Europe/Vienna",
    "lang": "en_US",
    "all_group_ids": [5],
    "company_id": {"id": 1, "name": "Corp", "currency_id": {"id": 1, "name": "EUR"}},
}

FAULTS: list[tuple[str, Callable[[], web.Response], type[MailMagnetError]]] = [
    ("401", lambda: web.json_response({"message": "Invalid apikey"}, status=401), SignInNeeded),
    ("403", lambda: web.json_response({"message": "top-secret"}, status=403), NotPermitted),
    ("404", lambda: web.Response(text="<html>", status=404), NotFound),
    ("422", lambda: web.json_response({"message": "unexpected"}, status=422), BadAnswer),
    ("429", lambda: web.Response(status=429, headers={"Retry-After": "7"}), RateLimited),
    ("429 without", lambda: web.Response(status=429), RateLimited),
    ("500", lambda: web.json_response({"message": "ValueError"}, status=500), Unavailable),
    ("503 html", lambda: web.Response(text="<html>", status=503, content_type="text/html"), Unavailable),
    ("html", lambda: web.Response(text="<html>", content_type="text/html"), BadAnswer),
    ("cut off", lambda: web.Response(body=b'{"length": 1, "records": [{"id"'), BadAnswer),
    ("10 MB", lambda: web.Response(body=b'{"records": ["' + b"x" * 10_000_000 + b'"]}'), BadAnswer),
    ("redirect", lambda: web.Response(status=302, headers={"Location": "https://elsewhere.example/"}), BadAnswer),
    ("a list", lambda: web.json_response([]), BadAnswer),
    ("no records", lambda: web.json_response({"records": [1, 2]}), BadAnswer),
    ("deep", lambda: web.Response(body=b"[" * 100_000), BadAnswer),
]


@pytest.mark.parametrize(("answer", "error"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
async def test_what_goes_wrong_is_an_error_of_the_tree(
    odoo: Odoo, session: HttpSession, answer: Callable[[], web.Response], error: type[MailMagnetError]
) -> None:
    odoo.answer = answer
    crm = crm_at(odoo, session)
    for call in (looked_up(crm, ["x@y.example"], ["y.example"]), crm.senders(["x@y.example"]), crm.me(), crm.contact("7")):
        with pytest.raises(error) as told:
            await call
        assert "x@y.example" not in str(told.value)
        assert KEY not in str(told.value)


async def test_slower_than_the_deadline_is_timed_out(odoo: Odoo, session: HttpSession) -> None:
    odoo.seconds = 2
    with pytest.raises(TimedOut):
        await looked_up(crm_at(odoo, session, 0.3), ["x@y.example"], [])


async def test_nobody_there_is_unavailable(odoo: Odoo, session: HttpSession) -> None:
    other = HttpSession({"http://127.0.0.1:9"})
    odoo.origin = "http://127.0.0.1:9"
    with pytest.raises(Unavailable):
        await crm_at(odoo, other).me()
    await other.close()


BAD_RECORDS: list[dict[str, Any]] = [
    {"id": None},
    {"id": "7", "name": "an id of text"},
    {"id": True},
]


@pytest.mark.parametrize("record", BAD_RECORDS)
async def test_a_record_that_is_none_is_a_bad_answer(odoo: Odoo, session: HttpSession, record: dict[str, Any]) -> None:
    odoo.answer = _records({**ME, **record})
    with pytest.raises(BadAnswer):
        await crm_at(odoo, session).contact("7")


async def test_what_is_empty_in_odoo_is_empty_here(odoo: Odoo, session: HttpSession) -> None:
    empty = dict.fromkeys(
        ("name", "function", "phone", "email_normalized", "user_id", "commercial_partner_id", "activity_ids"), False
    )
    deal = {
        "id": 1,
        "won_status": "pending",
        "expected_revenue": 0.0,
        "date_deadline": False,
        "stage_id": False,
        "user_id": False,
    }
    odoo.answer = _records({**ME, **empty, "display_name": "Someone", "opportunity_ids": [deal]})
    contact = await crm_at(odoo, session).contact("7")
    assert (contact.name, contact.addresses, contact.account, contact.owner, contact.mine) == ("Someone", (), None, "", False)
    assert [(each.amount, each.closing, each.contact_ids) for each in contact.deals] == [(None, None, ("7",))]


async def test_a_question_is_json_and_the_key_a_header(odoo: Odoo, session: HttpSession) -> None:
    asked: list[dict[str, Any]] = []

    async def kept(request: web.Request) -> web.Response:
        asked.append(
            {"path": request.path, "query": request.query_string, "key": request.headers["Authorization"]} | await request.json()
        )
        return _GROUPS.get(request.path, _records(ME))()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", kept)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    odoo.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    own = HttpSession({odoo.origin})
    await crm_at(odoo, own).senders(["x' OR 1=1@y.example"])
    await own.close()
    await runner.cleanup()
    assert {each["path"] for each in asked} <= {
        *(f"/json/2/{model}/web_search_read" for model in ("res.users", "res.partner", "crm.lead")),
        *_GROUPS,
    }
    assert {(each["query"], each["key"]) for each in asked} == {("", f"bearer {KEY}")}
    assert ["email_normalized", "in", ["x' OR 1=1@y.example"]] in next(
        each["domain"] for each in asked if each["path"].endswith("res.partner/web_search_read")
    )
    assert KEY not in json.dumps([{**each, "key": ""} for each in asked])


async def test_what_is_no_key_is_not_sent(odoo: Odoo, session: HttpSession) -> None:
    sign_in = OdooSignIn(OdooServer(session, odoo.origin, 1), lambda: datetime.now(UTC))
    for typed in ("", " ", "a b", "a\r\nX: y", "é" * 40, "a" * 1000):
        with pytest.raises(NotAuthorised):
            await sign_in.sign_in(ORG, USER, {API_KEY: typed})
    assert odoo.asked == []
    odoo.answer = lambda: web.json_response({"uid": "7"})
    with pytest.raises(BadAnswer):
        await sign_in.sign_in(ORG, USER, {API_KEY: KEY})
