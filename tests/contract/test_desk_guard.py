"""Who may ask the desk's port what: each of its routes, asked by another site's page, under another name, and without the key."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from sandbox.cards.card_page import gallery_routes
from sandbox.desk.desk import Product, desk_app, desk_routes
from sandbox.desk.desk_key import DeskKey
from sandbox.desk.dials import Dialled, dial_routes
from sandbox.desk.job_runs import JobRuns
from sandbox.google.consent_page import consent_routes
from sandbox.google.gmail_server import google_routes
from sandbox.google.own_port import AUTHORIZATION_PATH
from sandbox.google.world import World
from sandbox.google.world_clock import TurnedClock
from tests.signing import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADA = "ada@corp.example"
PAGES = "http://127.0.0.1:9"
RECORD: dict[str, Any] = {
    **{"id": "0123456789abcdef", "name": "Grace Hopper", "addresses": ["grace@a.example"], "account": None, "deals": []},
    **{"title": "", "phone": "", "owner": "", "activities": [], "notes": []},
}
IN_PATH = {"account": ADA, "number": "0", "file": "page.js", "module": "contacts", "id": RECORD["id"], "rest": "users/me/labels"}


@dataclass
class Answer:
    """What came back, as it came."""

    status: int
    head: str
    body: str


@dataclass
class Port:
    """A desk's port, and what opens it."""

    number: int
    app: web.Application
    key: DeskKey
    world: World
    asked_of_crm: list[str]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.number}"

    @property
    def cookie(self) -> str:
        [(name, value)] = self.key.cookies.items()
        return f"{name}={value}"

    async def send(self, target: str, *headers: str, verb: str = "GET", host: str | None = None, body: bytes = b"") -> Answer:
        """A request byte by byte as it is written here; without `host` it has the right one, with "" none."""
        lines = [f"{verb} {target} HTTP/1.1", *([] if host == "" else [f"Host: {host or self.host}"]), *headers]
        lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.number)
        writer.write("\r\n".join(lines).encode("utf-8", "surrogateescape") + body)
        answer = (await reader.read()).decode("utf-8", "replace")
        writer.close()
        head, _, told = answer.partition("\r\n\r\n")
        return Answer(int(head.split()[1]), head, told)

    def routes(self) -> list[tuple[str, str, bool]]:
        """Each route's verb and an address of it, and whether it is one of Google's side."""
        google = {route.handler for route in google_routes(self.world)}
        assert google
        found = []
        for route in self.app.router.routes():
            assert route.resource
            pattern = route.resource.canonical
            names = {part.split("}")[0] for part in pattern.split("{")[1:]}
            address = pattern.format(**{name: IN_PATH.get(name, "x") for name in names})
            is_google = route.handler.__class__.__name__ == "partial"
            found.append(("POST" if route.method == "*" else route.method, address, is_google))
        return found


def clock() -> datetime:
    return datetime.now(UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Port]:
    """All routes of a demo's port, before a world with one account; no function runs."""
    folder: Path = tmp_path_factory.mktemp("desk")
    world = World(folder / "world", clock)
    world.add_account(ADA, "Ada Byron", hosted_domain="corp.example")
    looked_up: list[str] = []

    async def record(module: str, record_id: str, viewer: str) -> Mapping[str, Any]:
        looked_up.append(record_id)
        return RECORD

    async def frame(module: str, record_id: str, viewer: str) -> str:
        return f"{PAGES}/embedded-record?token={viewer}"

    nowhere = f"http://127.0.0.1:{free_port()}"
    job = JobRuns(world, nowhere, nowhere, "job@corp.example")
    product = Product(nowhere, job, record, frame, clock, folder / "calls", "", PAGES)

    async def does_nothing(*_: object, given: bytes = b"") -> bytes:
        return given

    dialled = SimpleNamespace(
        world=world,
        clock=TurnedClock(folder / "turned", clock),
        now=clock,
        crm_fault_file=folder / "fault",
        job=job,
        connect=does_nothing,
        mailmagnet=does_nothing,
        embedded_crm=does_nothing,
        crm_elsewhere="",
    )
    number = free_port()
    key = DeskKey(number)
    routes = [*desk_routes(world, product), *dial_routes(cast(Dialled, dialled)), *gallery_routes(), *consent_routes(world)]
    app = desk_app(key, routes, google_routes(world))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", number).start()
    yield Port(number, app, key, world, looked_up)
    await world.tasks.close()
    await runner.cleanup()
    await asyncio.to_thread(world.close)


# Under another name (DNS rebinding)


async def test_no_route_at_all_answers_to_another_name(port: Port) -> None:
    routes = port.routes()
    assert len(routes) > 50
    for verb, address, _ in routes:
        answer = await port.send(
            address,
            f"Cookie: {port.cookie}",
            "Metadata-Flavor: Google",
            "Content-Type: application/json",
            verb=verb,
            host=f"evil.example:{port.number}",
            body=b"{}" if verb == "POST" else b"",
        )
        assert (answer.status, ADA in answer.body, "token" in answer.body) == (403, False, False), address


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:{port}.evil.example",
        "127.0.0.1.evil.example:{port}",
        "evil.example:{port}",
        "127.0.0.1:1{port}",
        "127.0.0.1:{port}0",
        "127.0.0.1:{port}:{port}",
        "127.0.0.1:0{port}",
        "127.1:{port}",
        "0.0.0.0:{port}",
        "2130706433:{port}",
        "[::1]:{port}",
        "[::ffff:127.0.0.1]:{port}",
        "localhost.:{port}",
        "LOCALHOST:{port}",
        "localhost:{port}@evil.example",
        "ada@127.0.0.1:{port}",
        "127.0.0.1:{port}/",
        "127.0.0.1:{port},evil.example",
        "",
    ],
)
async def test_only_this_ports_own_names_are_answered(port: Port, host: str) -> None:
    answer = await port.send("/desk/start", f"Cookie: {port.cookie}", host=host.format(port=port.number))
    assert answer.status in (400, 403)
    assert ADA not in answer.body


async def test_this_ports_own_names_are_answered(port: Port) -> None:
    for name in ("127.0.0.1", "localhost"):
        assert (await port.send("/desk/start", f"Cookie: {port.cookie}", host=f"{name}:{port.number}")).status == 200


async def test_two_hosts_are_none(port: Port) -> None:
    for first, second in itertools.permutations((port.host, "evil.example")):
        answer = await port.send("/desk/start", f"Host: {second}", f"Cookie: {port.cookie}", host=first)
        assert answer.status in (400, 403)


@pytest.mark.parametrize("target", ["http://evil.example/desk/start", "http://{host}/desk/start", "//{host}/desk/start", "*"])
async def test_a_target_with_a_host_of_its_own_is_refused(port: Port, target: str) -> None:
    verb = "OPTIONS" if target == "*" else "GET"
    answer = await port.send(target.format(host=port.host), f"Cookie: {port.cookie}", verb=verb)
    assert answer.status in (400, 403, 404)
    assert ADA not in answer.body


# From another site's page


@pytest.mark.parametrize(
    "headers",
    [
        ["Origin: null"],
        ["Origin: http://evil.example"],
        ["Origin: https://{host}"],
        ["Origin: http://{host}.evil.example"],
        ["Origin: http://127.0.0.1:1"],
        ["Origin: http://localhost:{port}"],
        ["Origin: http://[::1]:{port}"],
        ["Origin:"],
        ["Origin: http://{host}", "Origin: http://evil.example"],
        ["Sec-Fetch-Site: cross-site"],
        ["Sec-Fetch-Site: same-site"],
        ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"],
        ["Sec-Fetch-Site: "],
        ["Origin: http://{host}", "Sec-Fetch-Site: cross-site"],
        [
            "Origin: http://evil.example",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: eA==",
        ],
    ],
)
async def test_no_route_answers_another_sites_page(port: Port, headers: list[str]) -> None:
    sent = [header.format(host=port.host, port=port.number) for header in headers]
    for verb, address, _ in port.routes():
        answer = await port.send(address, f"Cookie: {port.cookie}", "Content-Type: application/json", *sent, verb=verb)
        assert (answer.status, ADA in answer.body) == (403, False), address


OPENED = ("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
"""What a browser says when another port's page leads it here."""


async def test_another_site_leads_to_googles_page_and_to_nothing_else(port: Port) -> None:
    for verb, address, _ in port.routes():
        answer = await port.send(address, f"Cookie: {port.cookie}", *OPENED, verb=verb)
        is_googles = (verb, address) == ("GET", AUTHORIZATION_PATH)
        assert (answer.status, "Error 400: invalid_request" in answer.body) == ((400, True) if is_googles else (403, False)), (
            address
        )


@pytest.mark.parametrize(
    "headers",
    [
        ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"),
        ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: document"),
        ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"),
        ("Sec-Fetch-Site: cross-site",),
        ("Origin: http://evil.example",),
    ],
)
async def test_googles_page_is_opened_whole_or_not_at_all(port: Port, headers: tuple[str, ...]) -> None:
    assert (await port.send(AUTHORIZATION_PATH, f"Cookie: {port.cookie}", *headers)).status == 403


async def test_nobody_consents_for_the_desks_accounts_without_its_key(port: Port) -> None:
    for verb in ("GET", "POST"):
        answer = await port.send(AUTHORIZATION_PATH, verb=verb)
        assert (answer.status, "The desk is locked" in answer.body) == (403, True)


async def test_the_desks_own_page_is_answered(port: Port) -> None:
    own = (
        f"Cookie: {port.cookie}",
        "Content-Type: application/json",
        f"Origin: http://{port.host}",
        "Sec-Fetch-Site: same-origin",
    )
    assert (await port.send("/desk/start", *own)).status == 200
    made = await port.send(f"/desk/{ADA}/labels", *own, verb="POST", body=b'{"name": "Mine"}')
    assert made.status == 200


async def test_a_form_or_a_plain_text_is_no_question(port: Port) -> None:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "text/plain; application/json", ""):
        answer = await port.send(
            f"/desk/{ADA}/job",
            f"Cookie: {port.cookie}",
            f"Content-Type: {kind}",
            "X-HTTP-Method-Override: GET",
            verb="POST",
            body=b"{}",
        )
        assert answer.status == 415, kind


async def test_a_verb_is_what_it_is(port: Port) -> None:
    """No header and no field of a form makes a GET change anything."""
    for override in ("X-HTTP-Method-Override: POST", "X-HTTP-Method: POST", "X-Method-Override: POST"):
        answer = await port.send(f"/desk/{ADA}/panel?_method=POST", f"Cookie: {port.cookie}", override)
        assert answer.status == 405


# Without the key


async def test_without_the_key_no_route_of_the_desk_answers(port: Port) -> None:
    for verb, address, is_google in port.routes():
        if not is_google:
            answer = await port.send(address, "Content-Type: application/json", verb=verb, body=b"{}" if verb == "POST" else b"")
            assert (answer.status, ADA in answer.body) == (403, False), address
            assert "address that the terminal printed" in answer.body or verb == "HEAD"


async def test_googles_side_asks_for_its_own_tokens(port: Port) -> None:
    questions = [(verb, address) for verb, address, is_google in port.routes() if is_google]
    statuses = {address: (await port.send(address, verb=verb)).status for verb, address in questions}
    assert statuses.pop("/oauth2/v1/certs") == 200
    assert set(statuses.values()) <= {400, 401, 403, 404}
    assert statuses["/gmail/v1/users/me/labels"] in (401, 404)


async def test_the_printed_address_opens_the_desk_and_the_key_leaves_it_at_once(port: Port) -> None:
    entrance = port.key.entrance("/")
    answer = await port.send(entrance, "Sec-Fetch-Site: none")
    assert answer.status == 303
    head = answer.head.lower()
    assert "\r\nlocation: /\r\n" in head
    assert "\r\nreferrer-policy: no-referrer\r\n" in head
    assert "\r\ncache-control: no-store\r\n" in head
    [cookie] = [line for line in answer.head.split("\r\n") if line.lower().startswith("set-cookie:")]
    assert cookie.partition(": ")[2] == f"{port.cookie}; HttpOnly; Path=/; SameSite=Strict"
    assert f"_{port.number}=" in cookie
    assert (await port.send("/", f"Cookie: {port.cookie}", "Sec-Fetch-Site: none")).status == 200


async def test_a_browser_goes_in_by_the_printed_address(port: Port) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(port.key.entrance(f"http://{port.host}/u/0/")) as page:
            assert (page.status, str(page.url)) == (200, f"http://{port.host}/u/0/")
        async with session.get(f"http://{port.host}/desk/start") as start:
            assert (await start.json())["accounts"][0]["address"] == ADA


async def test_no_other_cookie_and_no_other_key_opens_it(port: Port) -> None:
    name, _, secret = port.cookie.partition("=")
    earlier = DeskKey(port.number)
    [earlier_cookie] = [f"{one}={value}" for one, value in earlier.cookies.items()]
    assert earlier_cookie != port.cookie, "each start has a secret of its own"
    for cookie in (
        earlier_cookie,
        f"{name}=",
        f"{name}={secret}x",
        f"{name}={secret[:-1]}",
        f"desk_key_1={secret}",
        f"{name}=\udcff",
        f"key={secret}",
    ):
        assert (await port.send("/desk/start", f"Cookie: {cookie}")).status == 403, cookie
    for address in (
        earlier.entrance("/"),
        "/?key=",
        "/?key=%FF",
        "/?key=%F0%9F%94%91",
        "/?key=x&key=" + secret,
        f"/?KEY={secret}",
        "/?key",
    ):
        answer = await port.send(address)
        assert (answer.status, "Set-Cookie" in answer.head) == (403, False), address


async def test_the_key_in_an_address_opens_pages_only(port: Port) -> None:
    secret = port.cookie.partition("=")[2]
    assert (await port.send(f"/desk/start?key={secret}")).status == 403
    job = await port.send(f"/desk/{ADA}/job?key={secret}", "Content-Type: application/json", verb="POST", body=b"{}")
    assert job.status == 403
    for astray in (f"//evil.example/page.js?key={secret}", f"/nowhere?key={secret}"):
        answer = await port.send(astray)
        assert "evil" not in answer.head.partition("Location:")[2]
    assert (await port.send(f"/?key={secret}", "Sec-Fetch-Site: cross-site")).status == 403


# Google's side and pages


async def test_no_page_gets_anything_of_googles_side_not_even_the_desks_own(port: Port) -> None:
    for verb, address, is_google in port.routes():
        if is_google:
            for header in (f"Origin: http://{port.host}", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none"):
                answer = await port.send(address, header, "Metadata-Flavor: Google", verb=verb)
                assert (answer.status, "token" in answer.body) == (403, False), address


# What the desk cannot read

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "\0",
    "\ud800",
    "a" * 10_000,
    [],
    ["x"],
    [[]],
    [1],
    {},
    {"x": []},
    {"\0": "\0"},
]
FIELDS = (
    "add", "amount", "answers", "before", "cc", "closing", "compose_action", "draft", "dry_run", "fault", "form_inputs", "from",
    "function", "held", "how", "html", "id", "ids", "locale", "mail", "name", "offset", "parameters", "profile", "q", "remove", "stage",
    "subject", "text", "time_zone", "to", "trigger", "universal_action", "who",
)  # fmt: skip


async def test_odd_questions_are_refused_and_never_break_it(port: Port) -> None:
    questions = [
        address for verb, address, is_google in port.routes() if verb == "POST" and not is_google and "/import" not in address
    ]
    own = (f"Cookie: {port.cookie}", "Content-Type: application/json")
    bodies = [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff",
        b"[" * 100_000,
        *(json.dumps(dict.fromkeys(FIELDS, odd)).encode() for odd in ODD),
    ]
    for address in questions:
        for body in bodies:
            answer = await port.send(address, *own, verb="POST", body=body)
            assert answer.status < 500, (address, body[:80])


@pytest.mark.parametrize("field", FIELDS)
async def test_one_odd_field_of_a_panels_question_is_refused_and_never_breaks_it(port: Port, field: str) -> None:
    own = (f"Cookie: {port.cookie}", "Content-Type: application/json")
    for odd in ODD:
        body = json.dumps({"trigger": "homepage", "locale": "en", field: odd}).encode()
        assert (await port.send(f"/desk/{ADA}/panel", *own, verb="POST", body=body)).status < 500, odd


@pytest.mark.parametrize(
    "record_id",
    [
        "a%00b",
        "%00",
        "%0a",
        "%ff",
        "a%2fb",
        "..",
        "%2e%2e",
        "-x",
        "--help",
        "a%20b",
        "%F0%9F%94%91",
        "a'b",
        "a" * 101,
        "a" * 8_000,
    ],
)
async def test_no_odd_id_reaches_the_crm(port: Port, record_id: str) -> None:
    answer = await port.send(f"/crm/contacts/{record_id}", f"Cookie: {port.cookie}")
    assert answer.status in (400, 404)
    assert port.asked_of_crm == []


async def test_a_record_has_its_page_and_a_module_that_is_none_has_not(port: Port) -> None:
    answer = await port.send(f"/crm/contacts/{RECORD['id']}", f"Cookie: {port.cookie}")
    assert "Grace Hopper" in answer.body
    assert f'src="{PAGES}/embedded-record?token={ADA}"' in answer.body
    assert f"frame-src {PAGES}/;" in answer.head
    port.asked_of_crm.clear()
    assert (await port.send(f"/crm/users/{RECORD['id']}", f"Cookie: {port.cookie}")).status == 404
    assert port.asked_of_crm == []
