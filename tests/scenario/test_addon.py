"""The sidebar: a whole signed request in, the whole answer out, from the real function in its own process."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cards.answers import update_card
from cards.frame import Path as Served
from crm_client.embedded.administration import STANDARD, add_profile, add_user
from crm_client.embedded.administration import Scope as DataScope
from functions.triggers import TRIGGERS, Trigger
from mailmagnet.categories import Category
from mailmagnet.crm import DealState
from sandbox.cards.card_check import refused
from sandbox.cards.open_links import OpenLinks, links_of
from sandbox.google.deployment import deployment
from sandbox.google.faults import Fault
from tests.scenario.addon_process import HOUSE, PAGES_URL, SCOPES, Answered, Sidebar, mailmagnet, settings_of, sidebar_at
from tests.scenario.desk import ADA, NOW, Desk, desk_in
from tests.signing import Signer, free_port

OPEN, WON = DealState.OPEN, DealState.WON
TODAY = NOW.date()


@pytest.fixture
async def sidebar(desk: Desk) -> AsyncIterator[Sidebar]:
    async with sidebar_at(desk) as made:
        yield made


def retry_of(failed: Answered) -> dict[str, Any]:
    """What the card's Retry button does."""
    [action] = [found["onClick"]["action"] for found in _buttons_in(failed.json) if found["text"] == "Retry"]
    return dict(action)


async def press_retry(sidebar: Sidebar, failed: Answered, mail_id: str = "", words: str = "") -> Answered:
    """Click the card's Retry button, as the panel does."""
    action = retry_of(failed)
    path = action["function"].removeprefix(sidebar.url)
    return await sidebar.send(path, await click(sidebar, path, mail_id, words, action["parameters"]))


async def click(sidebar: Sidebar, path: str, mail_id: str, words: str, parameters: list[dict[str, str]]) -> dict[str, Any]:
    """The event of a click with a button's parameters, whatever they are called."""
    event = await sidebar.event(path, mail_id, words)
    event["commonEventObject"]["parameters"] = {each["key"]: each["value"] for each in parameters}
    return event


def _buttons_in(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "onClick" in part and "text" in part and "button" not in part:
            yield part
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _buttons_in(inner)


# What the rep sees


async def test_an_open_message_shows_who_wrote_it_and_what_is_at_stake(sidebar: Sidebar) -> None:
    await sidebar.desk.contact("grace@a.example", (OPEN, TODAY), (WON, TODAY - timedelta(days=400)))
    mail = sidebar.desk.arrive("Grace H <grace@a.example>")
    card = (await sidebar.ask("/message", mail)).card
    for words in ("Grace Hopper", "Closes today", "Deal 0 of grace@a.example · €1,000", "Negotiation", "Closed: 1 won", "yours"):
        assert words in card


async def test_of_two_contacts_with_one_address_the_card_leads_with_the_one_that_the_job_labels_by(sidebar: Sidebar) -> None:
    await sidebar.desk.contact("office@a.example", name="Ane Lie")
    await sidebar.desk.contact("office@a.example", (OPEN, TODAY), name="Per Lie")
    mail = sidebar.desk.arrive("Ane Lie <office@a.example>")
    answered = await sidebar.ask("/message", mail)
    [step] = answered.json["action"]["navigations"]
    assert step["pushCard"]["header"]["title"] == "Per Lie"
    assert "through Per Lie" in answered.card
    await sidebar.desk.run()
    assert Category.CLOSING_THIS_MONTH.label in await sidebar.desk.labels_of(mail)


async def test_people_who_are_not_in_the_crm_are_said_to_be_not_in_it(sidebar: Sidebar) -> None:
    card = (await sidebar.ask("/message", sidebar.desk.arrive("Stranger <stranger@b.example>"))).card
    assert "stranger@b.example" in card
    assert "Not in MailMagnet CRM" in card


async def test_mail_among_colleagues_says_so(sidebar: Sidebar) -> None:
    assert "Nobody outside" in (await sidebar.ask("/message", sidebar.desk.arrive("Kim <kim@corp.example>"))).card


async def test_mail_to_an_alias_of_the_own_account_is_no_counterpart(sidebar: Sidebar) -> None:
    mail = sidebar.desk.arrive("Grace <grace@a.example>", Cc="sales@corp.example, ada@corp.example")
    card = (await sidebar.ask("/message", mail)).card
    assert "corp.example" not in card


async def test_a_mail_without_from_gets_an_answer(sidebar: Sidebar) -> None:
    raw = b"To: ada@corp.example\r\nSubject: x\r\n\r\nHello"
    mail = sidebar.desk.world.mailbox(ADA).arrive(raw).id
    assert "does not say who it is from" in (await sidebar.ask("/message", mail)).card


async def test_money_and_dates_are_the_readers(sidebar: Sidebar) -> None:
    await sidebar.desk.contact("grace@a.example", (OPEN, TODAY))
    mail = sidebar.desk.arrive("grace@a.example")
    sidebar.locale = "de-AT"
    assert "€ 1.000" in (await sidebar.ask("/message", mail)).card.replace("\u00a0", " ")


async def test_the_homepage_shows_what_closes_and_finds_people(sidebar: Sidebar) -> None:
    contact = await sidebar.desk.contact("grace@a.example", (OPEN, TODAY))
    await sidebar.desk.contact("late@a.example", (OPEN, TODAY - timedelta(days=400)))
    home = (await sidebar.ask("/home")).card
    assert "Deal 0 of grace@a.example" in home
    assert "Deal 0 of late@a.example" in home
    assert "400 days late" in home
    found = (await sidebar.ask("/search", words="hopper")).card
    assert "Grace Hopper" in found
    assert contact in found
    assert "Grace Hopper" in (await sidebar.ask("/contact", id=contact)).card
    assert "Type a name" in (await sidebar.ask("/search")).card


async def test_the_menu_brings_deals_and_search_on_top_of_an_open_mail(sidebar: Sidebar) -> None:
    await sidebar.desk.contact("grace@a.example", (OPEN, TODAY))
    mail = sidebar.desk.arrive("Grace H <grace@a.example>")
    answer = await sidebar.ask("/deals-and-search", mail)
    [step] = answer.json["renderActions"]["action"]["navigations"]
    assert list(step) == ["pushCard"]
    assert "Deal 0 of grace@a.example" in answer.card
    assert "/search" in answer.card


async def test_the_homepage_reads_the_subject_of_customers_mail_live(sidebar: Sidebar) -> None:
    await sidebar.desk.contact("grace@a.example", (OPEN, TODAY))
    mail = sidebar.desk.arrive("Grace <grace@a.example>", subject="Xylophone invoice")
    await sidebar.desk.run()
    assert "Xylophone invoice" in (await sidebar.ask("/home")).card
    mailbox = sidebar.desk.world.mailbox(ADA)
    mailbox.modify([mail], add=["TRASH"])
    assert "Xylophone invoice" not in (await sidebar.ask("/home")).card
    mailbox.modify([mail], remove=["TRASH"])
    assert "Xylophone invoice" in (await sidebar.ask("/home")).card
    mailbox.delete([mail])
    assert "Xylophone invoice" not in (await sidebar.ask("/home")).card


async def test_the_message_id_of_customers_mail_is_read_live_for_its_link_and_is_nowhere_else(sidebar: Sidebar) -> None:
    await sidebar.desk.contact("grace@a.example", (OPEN, TODAY))
    sidebar.desk.arrive("Grace <grace@a.example>", Message_ID="<Xylophone-7@a.example>")
    await sidebar.desk.run()
    home = (await sidebar.ask("/home")).json
    links = [url for url in _values_of("url", home) if "rfc822msgid" in url]
    assert links == [f"https://mail.google.com/mail/?authuser={ADA}#search/rfc822msgid:Xylophone-7@a.example"]
    assert json.dumps(home).count("Xylophone") == 1
    assert "Xylophone" not in await sidebar.logged("answered", 1)
    files = [file for file in sidebar.desk.folder.glob("*") if file.is_file()]
    assert {file.name for file in files} >= {"store.sqlite", "vault"}
    assert [file.name for file in files if b"Xylophone" in file.read_bytes()] == []


async def test_hostile_names_and_deals_are_shown_as_text(sidebar: Sidebar) -> None:
    hostile = '<a href="https://evil.example">Click</a>'
    await sidebar.desk.contact("grace@a.example", (OPEN, TODAY), name=hostile)
    mail = sidebar.desk.arrive("Kim <kim@b.example>", Cc="<grace@a.example>, Bob <i>B</i> <bob@b.example>")
    answered = await sidebar.ask("/message", mail)
    assert answered.card
    html = list(_values_of("text", answered.json))
    assert any("&lt;a href=" in text for text in html)
    assert not any("<a href=" in text or "<i>" in text for text in html)


def _values_of(key: str, part: Any) -> Iterator[str]:
    """Every text under a key, anywhere in an answer."""
    if isinstance(part, dict):
        yield from (value for name, value in part.items() if name == key and isinstance(value, str))
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _values_of(key, inner)


async def test_every_link_in_a_card_is_one_that_the_manifest_lets_gmail_open(desk: Desk) -> None:
    contact = await desk.contact("grace@a.example", (OPEN, TODAY))
    mail = desk.arrive("grace@a.example", subject="Xylophone")
    await desk.run()
    manifest = deployment(HOUSE / "appsscript.json", "https://addon.example", desk.origin, PAGES_URL)
    open_links = OpenLinks(manifest.open_link_prefixes, [desk.origin])
    async with sidebar_at(desk, MAILMAGNET_CRM_RECORD_URL=f"{desk.origin}/crm/{{module}}/{{id}}") as sidebar:
        answers = [
            await sidebar.ask("/home"),
            await sidebar.ask("/message", mail),
            await sidebar.ask("/contact", id=contact),
            await sidebar.ask("/search", words="grace"),
        ]
    found = {url.partition("/crm/")[0] for answered in answers for _, url in links_of(answered.json) if url.startswith("http")}
    assert desk.origin in found
    assert len(found) > 1
    for answered in answers:
        assert refused(answered.json, open_links=open_links) == []
        assert bool(refused(answered.json, open_links=OpenLinks([]))) == any(
            url.startswith("http") for _, url in links_of(answered.json)
        )


# Consent, permission


async def test_missing_scopes_are_asked_for_and_the_rest_keeps_working(sidebar: Sidebar) -> None:
    mail = sidebar.desk.arrive("grace@a.example")
    metadata = "https://www.googleapis.com/auth/gmail.addons.current.message.metadata"
    sidebar.scopes = SCOPES - {metadata}
    assert (await sidebar.ask("/message", mail)).json == {"requesting_google_scopes": {"scopes": [metadata]}}
    assert "Search" in (await sidebar.ask("/home")).card
    email = "https://www.googleapis.com/auth/userinfo.email"
    sidebar.scopes = SCOPES - {email}
    assert (await sidebar.ask("/home")).json == {"requesting_google_scopes": {"scopes": [email]}}


async def test_who_may_not_see_the_crm_sees_nothing_of_it(sidebar: Sidebar) -> None:
    contact = await sidebar.desk.contact("grace@a.example", (OPEN, TODAY))
    for address in ("kim@corp.example", "sam@corp.example", "lee@corp.example"):
        sidebar.desk.world.add_account(address, address, hosted_domain="corp.example")
    add_user(sidebar.desk.crm_database, "Kim", "kim@corp.example", STANDARD)
    add_profile(sidebar.desk.crm_database, "No mail", (), DataScope.EVERYONE)
    add_user(sidebar.desk.crm_database, "Sam", "sam@corp.example", "No mail")
    for address in ("kim@corp.example", "sam@corp.example"):
        await sidebar.desk.sign_in(sidebar.desk.world.account(address), address)
    for address, words in (
        ("kim@corp.example", "is not there"),
        ("sam@corp.example", "Mail Integration"),
        ("lee@corp.example", ""),
    ):
        sidebar.address = address
        raw = b"From: grace@a.example\r\nTo: x@corp.example\r\nSubject: x\r\n\r\nHello"
        mail = sidebar.desk.world.mailbox(address).arrive(raw).id
        opened, clicked = (await sidebar.ask("/message", mail)).card, (await sidebar.ask("/contact", id=contact)).card
        assert "Grace Hopper" not in opened + clicked
        assert "Deal 0" not in opened + clicked
        if address == "sam@corp.example":
            assert words in opened
            assert words in clicked


# When something is slow, down or strange


async def test_gmail_that_hangs_is_told_with_a_way_to_try_again(desk: Desk) -> None:
    mail = desk.arrive("grace@a.example")
    async with sidebar_at(desk, MAILMAGNET_GMAIL_SECONDS="0.5") as sidebar:
        desk.world.faults.add(Fault("gmail", latency_ms=60_000))
        failed = await sidebar.ask("/message", mail)
        card = failed.card
        assert "Gmail did not answer" in card
        assert "Reference" in card
        desk.world.faults.clear()
        again = await press_retry(sidebar, failed, mail)
        assert "updateCard" in again.card
        assert "Not in MailMagnet CRM" in again.card


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("gmail", status=500), "Gmail"),
        (Fault("gmail", status=429), "Gmail"),
        (Fault("gmail", drop=True), "Gmail"),
        (Fault("gmail", html=True), "Gmail"),
    ],
)
async def test_gmail_that_fails_is_told(sidebar: Sidebar, fault: Fault, words: str) -> None:
    mail = sidebar.desk.arrive("grace@a.example")
    await sidebar.ask("/home")
    sidebar.desk.world.faults.add(fault)
    card = (await sidebar.ask("/message", mail)).card
    assert words in card
    assert "Retry" in card
    sidebar.desk.world.faults.clear()


async def test_an_unknown_message_gets_a_card(sidebar: Sidebar) -> None:
    mail = sidebar.desk.arrive("grace@a.example")
    event = await sidebar.event("/message", mail)
    sidebar.desk.world.mailbox(ADA).delete([mail])
    assert "Reference" in (await sidebar.send("/message", event)).card


async def test_another_messages_token_opens_nothing(sidebar: Sidebar) -> None:
    mine, other = sidebar.desk.arrive("grace@a.example"), sidebar.desk.arrive("secret@b.example")
    event = await sidebar.event("/message", mine)
    event["gmail"]["messageId"] = (await sidebar.event("/message", other))["gmail"]["messageId"]
    card = (await sidebar.send("/message", event)).card
    assert "secret@b.example" not in card
    assert "Reference" in card


async def test_a_crm_whose_file_is_broken_is_told_beside_who_wrote(sidebar: Sidebar) -> None:
    mail = sidebar.desk.arrive("Grace Hopper <grace@a.example>")
    for file in sidebar.desk.folder.glob("crm.sqlite*"):
        file.write_bytes(b"<html>not a database at all</html>" * 100)
    card = (await sidebar.ask("/message", mail)).card
    assert "Grace Hopper" in card
    assert "MailMagnet CRM" in card
    assert "Retry" in card


@pytest.mark.parametrize("path", ["/message", "/home", "/search"])
async def test_a_vault_that_hangs_is_told_in_time_with_what_gmail_gave(desk: Desk, path: str) -> None:
    disk_that_hangs = desk.folder / "pipe"
    os.mkfifo(disk_that_hangs)
    mail = desk.arrive("Grace Hopper <grace@a.example>") if path == "/message" else ""
    words = "grace" if path == "/search" else ""
    async with sidebar_at(desk, MAILMAGNET_VAULT_FILE=str(disk_that_hangs), MAILMAGNET_ANSWER_SECONDS="4") as sidebar:
        failed = await sidebar.ask(path, mail, words)
        card = failed.card
        assert "MailMagnet did not answer" in card
        assert retry_of(failed)["function"] == f"{sidebar.url}{path}"
        assert ("Grace Hopper" in card) == (path == "/message")
        disk_that_hangs.open("wb").close()  # what waits for it may end


async def test_a_vault_that_cannot_be_read_is_told_beside_who_wrote(desk: Desk) -> None:
    (desk.folder / "damaged").write_bytes(b"no vault")
    async with sidebar_at(desk, MAILMAGNET_VAULT_FILE=str(desk.folder / "damaged")) as sidebar:
        card = (await sidebar.ask("/message", desk.arrive("Grace Hopper <grace@a.example>"))).card
    assert "Grace Hopper" in card
    assert "MailMagnet cannot read its own data" in card


async def test_a_crm_that_is_slow_is_told_in_one_card_and_retry_answers_in_its_place(desk: Desk) -> None:
    contact = await desk.contact("grace@a.example", (OPEN, TODAY))
    mail = desk.arrive("Grace Hopper <grace@a.example>")
    async with sidebar_at(desk, MAILMAGNET_ANSWER_SECONDS="2") as sidebar:
        await sidebar.ask("/home")
        _crm_is(desk, "slow")
        opened = await sidebar.ask("/message", mail)
        [step] = opened.json["action"]["navigations"]
        [section] = step["pushCard"]["sections"]
        [line] = section["widgets"]
        assert step["pushCard"]["header"] == {"title": "Grace Hopper", "subtitle": "grace@a.example"}
        assert re.fullmatch(r"MailMagnet CRM did not answer within [0-9.]+\xa0s\.", line["decoratedText"]["text"])
        assert line["decoratedText"]["button"]["text"] == "Retry"
        clicked = await sidebar.ask("/contact", id=contact)
        assert "MailMagnet CRM did not answer within" in clicked.card
        assert retry_of(clicked)["function"] == f"{sidebar.url}/contact"
        _crm_is(desk, "")
        [step] = (await press_retry(sidebar, opened, mail)).json["renderActions"]["action"]["navigations"]
        assert step["updateCard"]["header"]["title"] == "Grace Hopper"
        assert "Deal 0 of grace@a.example" in json.dumps(step)


def _crm_is(desk: Desk, fault: str) -> None:
    desk.crm_fault_file.write_text(json.dumps({"fault": fault}))


async def test_a_problem_that_a_card_tells_has_a_reference_that_is_in_the_log_too(sidebar: Sidebar) -> None:
    mail = sidebar.desk.arrive("Grace Hopper <grace@a.example>")
    _crm_is(sidebar.desk, "failing")
    for path, opened in (("/message", mail), ("/home", "")):
        card = (await sidebar.ask(path, opened)).card
        (reference,) = re.findall("Reference ([0-9a-f]{8})", card)
        assert "MailMagnet CRM cannot be reached" in card
        assert f'"reference": "{reference}"' in await sidebar.logged("problem shown", 1 if opened else 2)


async def test_retry_answers_in_place_of_the_card_that_failed(sidebar: Sidebar) -> None:
    contact = await sidebar.desk.contact("grace@a.example")
    _crm_is(sidebar.desk, "failing")
    failed = await sidebar.ask("/contact", id=contact)
    assert "pushCard" in failed.card
    assert retry_of(failed)["function"] == f"{sidebar.url}/contact"
    failed_again = await press_retry(sidebar, failed)
    assert "updateCard" in failed_again.card
    _crm_is(sidebar.desk, "")
    again = (await press_retry(sidebar, failed_again)).card
    assert "updateCard" in again
    assert "Grace Hopper" in again


ON_TOP = [path for path, trigger in TRIGGERS.items() if isinstance(trigger, Trigger) and trigger.envelope is not update_card]
"""The paths whose cards come on top of the one clicked in; the others always take its place."""


@pytest.mark.parametrize("path", ON_TOP, ids=str)
async def test_every_click_is_answered_in_place_when_it_asks_for_it_and_only_then(sidebar: Sidebar, path: Served) -> None:
    contact = await sidebar.desk.contact("grace@a.example")
    mail = sidebar.desk.arrive("grace@a.example")
    for in_place, steps in (("1", {"updateCard"}), ("0", {"pushCard"}), ("", {"pushCard"}), ("true", {"pushCard"})):
        event = await sidebar.event(path, mail, words="hopper", in_place=in_place, id=contact)
        event["commonEventObject"]["parameters"]["message_id"] = event["gmail"]["messageId"]
        answered = (await sidebar.send(path, event)).json
        [step] = answered.get("renderActions", answered)["action"]["navigations"]
        assert set(step) == steps


async def test_retry_opens_the_mail_that_its_card_is_about_and_nothing_that_its_token_does_not_open(sidebar: Sidebar) -> None:
    mine, other = sidebar.desk.arrive("grace@a.example"), sidebar.desk.arrive("secret@b.example")
    event = await sidebar.event("/message", mine, in_place="1")
    parameters = event["commonEventObject"]["parameters"]
    parameters["message_id"] = (await sidebar.event("/message", other))["gmail"]["messageId"]
    card = (await sidebar.send("/message", event)).card
    assert "secret@b.example" not in card
    assert "grace@a.example" not in card
    assert "Reference" in card
    parameters["in_place"] = "0"
    assert "grace@a.example" in (await sidebar.send("/message", event)).card


@pytest.mark.parametrize("name", ["url", "self", "path", "function", "in_place", "message_id", "id"])
async def test_a_click_may_carry_any_parameter(sidebar: Sidebar, name: str) -> None:
    _crm_is(sidebar.desk, "failing")
    failed = await sidebar.send("/search", await click(sidebar, "/search", "", "hopper", [{"key": name, "value": "x"}]))
    assert {each["key"]: each["value"] for each in retry_of(failed)["parameters"]} == {name: "x"} | {"in_place": "1"}
    assert "updateCard" in (await press_retry(sidebar, failed, words="hopper")).card


async def test_a_search_that_failed_is_tried_again_with_its_words(sidebar: Sidebar) -> None:
    await sidebar.desk.contact("grace@a.example")
    _crm_is(sidebar.desk, "failing")
    failed = await sidebar.ask("/search", words="hopper")
    assert list(_values_of("value", failed.json)) == ["hopper", "1"]  # the field's, and Retry's alone
    assert retry_of(failed)["function"] == f"{sidebar.url}/search"
    _crm_is(sidebar.desk, "")
    again = (await press_retry(sidebar, failed, words="hopper")).card
    assert "updateCard" in again
    assert "Grace Hopper" in again
    assert "Type a name" in (await sidebar.ask("/search", in_place="1")).card


async def test_a_homepage_without_gmail_still_says_how_sorting_goes(sidebar: Sidebar) -> None:
    await sidebar.desk.contact("grace@a.example", (OPEN, TODAY))
    sidebar.desk.arrive("grace@a.example")
    await sidebar.desk.run()
    sidebar.desk.world.faults.add(Fault("gmail", status=500))
    card = (await sidebar.ask("/home")).card
    assert "Gmail cannot be reached" in card
    assert "Sorted 1 mail today" in card


async def test_deals_and_search_that_failed_is_tried_again_in_its_place(sidebar: Sidebar) -> None:
    vault = sidebar.desk.folder / "vault"
    whole = vault.read_bytes()
    vault.write_bytes(b"broken")
    failed = await sidebar.ask("/deals-and-search")
    vault.write_bytes(whole)
    [step] = (await press_retry(sidebar, failed)).json["renderActions"]["action"]["navigations"]
    assert list(step) == ["updateCard"]


@pytest.mark.parametrize(("body", "seconds", "words"), [("<html>", 0.0, "Stub CRM"), ("{}", 60.0, "Stub CRM did not answer")])
async def test_a_crm_that_answers_html_or_not_at_all_is_told_beside_who_wrote(
    desk: Desk, body: str, seconds: float, words: str
) -> None:
    async def crm(_: web.Request) -> web.Response:
        await asyncio.sleep(seconds)
        return web.Response(text=body, content_type="text/html")

    application = web.Application()
    application.router.add_post("/crm", crm)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    source, url = "tests/http_crm_addon.py", f"http://127.0.0.1:{port}/crm"
    async with sidebar_at(desk, source, TEST_CRM_URL=url, MAILMAGNET_ANSWER_SECONDS="4") as sidebar:
        card = (await sidebar.ask("/message", desk.arrive("Grace Hopper <grace@a.example>"))).card
    assert "Grace Hopper" in card
    assert words in card
    assert "Retry" in card
    await runner.cleanup()


# Who may call


async def test_who_cannot_prove_to_be_google_gets_nothing(sidebar: Sidebar) -> None:
    mail = sidebar.desk.arrive("Xavier Unmentionable <grace@a.example>", subject="Xylophone")
    event = await sidebar.event("/message", mail)
    google = sidebar.desk.world.google
    right: dict[str, Any] = {"aud": f"{sidebar.url}/message", "email": google.service_account, "email_verified": True}
    refused = {
        "": 401,
        "not.a.token": 401,
        Signer().token(**right): 401,
        google.system_token(f"{sidebar.url}/home"): 403,
        google.system_token(sidebar.url): 403,
        google.service_token("somebody@else.example", f"{sidebar.url}/message"): 403,
    }
    for token, status in refused.items():
        answered = await sidebar.send("/message", event, token)
        assert (answered.status, answered.body) == (status, b"")
        assert (await sidebar.send("/message", b"no json", token)).status == status
    forged = dict(event, authorizationEventObject={**event["authorizationEventObject"], "userIdToken": Signer().token(sub="1")})
    answered = await sidebar.send("/message", forged)
    assert (answered.status, answered.body) == (401, b"")
    log = await sidebar.logged("refused", 13)
    for secret in ("Unmentionable", "Xylophone", "grace@", ADA, google.service_account):
        assert secret not in log


async def test_a_body_that_is_no_event_is_told_why(sidebar: Sidebar) -> None:
    for body, status, words in (
        (b"", 400, "not JSON"),
        (b"<html>", 400, "not JSON"),
        (b"[" * 100_000, 400, "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", 400, "not JSON"),
        (b"[]", 400, "not a JSON object"),
        (b'"text"', 400, "not a JSON object"),
        (b" " * 10_000_000, 413, "larger than"),
    ):
        answered = await sidebar.send("/message", body)
        assert answered.status == status
        assert words in answered.json["error"]


ODD: tuple[Any, ...] = (
    None,
    "",
    "x",
    "a\x00b\r\nX-Other: 1",
    "\ud800",
    7,
    7.5,
    True,
    [],
    ["x", 7, None],
    [[{}]],
    {},
    {"x": {"y": None}},
)
ODD += ("x" * 100_000, "../../etc/passwd", "\u202e\u0000", -1, 10**300)
PLACES = (
    ("commonEventObject",),
    ("commonEventObject", "userLocale"),
    ("commonEventObject", "timeZone"),
    ("commonEventObject", "timeZone", "id"),
    ("commonEventObject", "parameters"),
    ("commonEventObject", "parameters", "id"),
    ("commonEventObject", "formInputs"),
    ("commonEventObject", "formInputs", "words"),
    ("commonEventObject", "formInputs", "words", "stringInputs"),
    ("commonEventObject", "formInputs", "words", "stringInputs", "value"),
    ("commonEventObject", "formInputs", "words", "stringInputs", "value", 0),
    ("authorizationEventObject", "userOAuthToken"),
    ("authorizationEventObject", "authorizedScopes"),
    ("authorizationEventObject", "systemIdToken"),
    ("gmail",),
    ("gmail", "messageId"),
    ("gmail", "threadId"),
    ("gmail", "accessToken"),
)


def _changed(event: dict[str, Any], place: tuple[str | int, ...], odd: Any) -> dict[str, Any]:
    """The event with one odd thing in it."""
    copy = json.loads(json.dumps(event))
    inner: Any = copy
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = odd
    return dict(copy)


async def test_a_signed_call_gets_a_card_whatever_is_odd_in_it(desk: Desk) -> None:
    contact = await desk.contact("grace@a.example")
    async with sidebar_at(desk, MAILMAGNET_USER_CALLS_A_MINUTE="100000") as sidebar:
        mail = desk.arrive("grace@a.example")
        desk.world.quota.units_a_minute = 10_000_000
        for path, places in {"/message": PLACES, "/contact": PLACES[:6], "/search": PLACES[6:11], "/home": PLACES[:4]}.items():
            event = await sidebar.event(path, mail, words="grace", id=contact)
            for place in places:
                changed = [_changed(event, place, odd) for odd in ODD]
                for answered in await asyncio.gather(*(sidebar.send(path, one) for one in changed)):
                    assert answered.card
        assert "MailMagnet failed" not in sidebar.log.decode()
        assert '"severity": "ERROR"' not in sidebar.log.decode()


async def test_an_event_that_lacks_things_is_answered(sidebar: Sidebar) -> None:
    whole = await sidebar.event("/home")
    assert whole["gmail"] == {}
    assert "Search" in (await sidebar.send("/home", whole)).card
    authorization = {"authorizationEventObject": {"userIdToken": whole["authorizationEventObject"]["userIdToken"]}}
    assert "Search" in (await sidebar.send("/home", authorization)).card
    for nobody in ({}, {"authorizationEventObject": 1}, {"authorizationEventObject": {"userIdToken": None}}):
        response = await sidebar.send("/home", nobody)
        assert response.json == {"requesting_google_scopes": {"scopes": ["https://www.googleapis.com/auth/userinfo.email"]}}
    in_place = {"in_place": "1"}
    nothing: dict[str, str] = {}
    for path, more in (
        ("/contact", nothing),
        ("/message", nothing),
        ("/message", in_place),
        ("/lead", nothing),
        ("/account", nothing),
    ):
        card = (await sidebar.ask(path, **more)).card
        assert "could not read what Gmail sent" in card
        assert "Close the panel and open it again." in card


async def test_an_open_mail_without_its_token_asks_for_the_scope_and_not_in_a_circle(sidebar: Sidebar) -> None:
    metadata = "https://www.googleapis.com/auth/gmail.addons.current.message.metadata"
    event = await sidebar.event("/message", sidebar.desk.arrive("grace@a.example"))
    del event["gmail"]["accessToken"]
    card = (await sidebar.send("/message", event)).card
    assert "could not read what Gmail sent" in card
    nothing: list[list[str] | None] = [[], None]
    for granted in nothing:
        event["authorizationEventObject"]["authorizedScopes"] = granted
        response = await sidebar.send("/message", event)
        assert response.json == {"requesting_google_scopes": {"scopes": [metadata]}}


async def test_mail_that_the_user_wrote_is_about_whom_it_is_to(sidebar: Sidebar) -> None:
    await sidebar.desk.contact("grace@a.example", name="Grace Hopper")
    mail = sidebar.desk.arrive(ADA, labels=("SENT",), Cc="Grace <grace@a.example>")
    event = await sidebar.event("/message", mail)
    assert event["gmail"]["messageId"].startswith("msg-a:r")
    assert "Grace Hopper" in (await sidebar.send("/message", event)).card


async def test_a_draft_that_gmail_does_not_find_is_told_in_a_card(sidebar: Sidebar) -> None:
    mail = sidebar.desk.arrive(ADA, labels=("DRAFT",))
    event = await sidebar.event("/message", mail)
    assert event["gmail"]["messageId"].startswith("msg-a:r")
    card = (await sidebar.send("/message", event)).card
    assert "Gmail does not find this mail" in card
    assert "mail you wrote" in card


async def test_only_the_sidebars_paths_are_served(sidebar: Sidebar) -> None:
    for path in ("/", "/message/", "/wp-admin", "/Message"):
        assert (await sidebar.send(path, {})).status == 404
    async with sidebar.session.get(f"{sidebar.url}/message") as answer:
        assert answer.status == 405


async def test_no_answer_is_kept_or_taken_for_something_else(sidebar: Sidebar) -> None:
    answers = [
        await sidebar.ask("/home"),
        await sidebar.send("/home", b"no json"),
        await sidebar.send("/home", b" " * 2_000_000),
        await sidebar.send("/home", {}, "no.token.here"),
        await sidebar.send("/home", {}, sidebar.desk.world.google.system_token(sidebar.url)),
        await sidebar.send("/nowhere", {}),
    ]
    assert [answered.status for answered in answers] == [200, 400, 413, 401, 403, 404]
    async with sidebar.session.get(f"{sidebar.url}/home") as got:
        assert got.status == 405
        headers = [dict(got.headers), *(dict(answered.headers) for answered in answers)]
    assert {(each["X-Content-Type-Options"], each["Cache-Control"]) for each in headers} == {("nosniff", "no-store")}


async def test_the_two_oauth_clients_cannot_stand_for_one_another(desk: Desk) -> None:
    google = desk.world.google
    await desk.contact("grace@a.example", (OPEN, TODAY))
    desk.arrive("grace@a.example", subject="Xylophone")
    await desk.run()
    swapped = {"MAILMAGNET_ADDON_CLIENT_ID": google.client_id, "MAILMAGNET_OAUTH_CLIENT_ID": google.addon_client_id}
    async with sidebar_at(desk, **swapped) as sidebar:
        answered = await sidebar.ask("/home")
        assert (answered.status, answered.body) == (403, b"")
        assert "for another client" in await sidebar.logged("refused", 1)
    addons_for_both = {"MAILMAGNET_OAUTH_CLIENT_ID": "another-client.example"}
    async with sidebar_at(desk, **addons_for_both) as sidebar:
        card = (await sidebar.ask("/home")).card
        assert "Xylophone" not in card
        assert "the OAuth client is refused (invalid_client)" in await sidebar.logged("problem shown", 1)
    async with sidebar_at(desk) as sidebar:
        assert "Xylophone" in (await sidebar.ask("/home")).card


async def test_where_cloud_run_has_taken_the_headers_signature_the_events_own_token_is_verified(sidebar: Sidebar) -> None:
    google = sidebar.desk.world.google
    event = await sidebar.event("/home")

    async def answered(header: str, token: object, body: object = None) -> int:
        changed = {**event, "authorizationEventObject": {**event["authorizationEventObject"], "systemIdToken": token}}
        if token is None:
            del changed["authorizationEventObject"]["systemIdToken"]
        return (await sidebar.send("/home", changed if body is None else body, header)).status

    right = google.system_token(f"{sidebar.url}/home")
    removed = [f"{right.rpartition('.')[0]}.{end}" for end in ("SIGNATURE_REMOVED_BY_GOOGLE", "")]
    for header in removed:
        assert await answered(header, right) == 200
        assert await answered(header, google.system_token(f"{sidebar.url}/message")) == 403
        assert await answered(header, google.service_token("somebody@else.example", f"{sidebar.url}/home")) == 403
        assert await answered(header, Signer().token(aud=f"{sidebar.url}/home", email=google.service_account)) == 401
        assert await answered(header, header) == 401
        for nothing in (None, "", 7, [right], {"token": right}):
            assert await answered(header, nothing) == 401
        assert await answered(header, right, b"no json") == 400
        assert await answered(header, right, b"[]") == 400
        assert await answered(header, right, {}) == 401
    # What only looks so, and what was never signed, gets nobody in, whatever the event brings.
    for header in (f"{right[:-8]}AAAAAAAA", f"x.{right}", "SIGNATURE_REMOVED_BY_GOOGLE", right.rpartition(".")[0]):
        assert await answered(header, right) == 401


async def test_what_google_sends_is_said_once_a_process_and_of_nobody(sidebar: Sidebar) -> None:
    sidebar.desk.world.add_account("eve@mail.example", "Eve")
    for address in (ADA, ADA, "eve@mail.example", ADA):
        sidebar.address = address
        assert (await sidebar.ask("/home")).status == 200
    right = await sidebar.event("/home")
    removed = right["authorizationEventObject"]["systemIdToken"].rpartition(".")[0] + ".SIGNATURE_REMOVED_BY_GOOGLE"
    for _ in range(2):
        assert (await sidebar.send("/home", right, removed)).status == 200
    lines = [json.loads(line) for line in (await sidebar.logged("answered", 6)).splitlines() if line.startswith("{")]
    said = [line for line in lines if line["message"] in ("Google's calls", "users' tokens")]
    assert said == [
        {"severity": "INFO", "message": "Google's calls", "verified_by": "the header's token"},
        {"severity": "INFO", "message": "users' tokens", "hd": "present"},
        {"severity": "INFO", "message": "users' tokens", "hd": "absent"},
        {"severity": "INFO", "message": "Google's calls", "verified_by": "the event's token"},
    ]


async def test_an_address_of_the_company_makes_nobody_a_colleague(desk: Desk) -> None:
    """Eve has a consumer account on an address there: verified, and without hd. Only where Google lets nobody else in it counts."""
    desk.world.add_account("eve@corp.example", "Eve")
    names = []
    for setting in ("", "corp.example"):
        async with sidebar_at(desk, MAILMAGNET_INTERNAL_DOMAINS=setting) as sidebar:
            for address in (ADA, "eve@corp.example"):
                sidebar.address = address
                await sidebar.ask("/home")
            lines = (await sidebar.logged("answered", 2)).splitlines()
            names.append([json.loads(line)["org"] for line in lines if '"answered"' in line])
    (ada, eve), (ada_internal, eve_internal) = names
    assert ada != eve
    assert ada == ada_internal == eve_internal


async def test_who_calls_too_fast_is_told_when_to_come_back_and_nobody_else_is(desk: Desk) -> None:
    desk.world.add_account("kim@corp.example", "Kim", hosted_domain="corp.example")
    async with sidebar_at(desk, MAILMAGNET_USER_CALLS_A_MINUTE="3") as sidebar:
        mail = desk.arrive("grace@a.example")
        answers = [await sidebar.ask("/message", mail) for _ in range(4)]
        cards = [answered.card for answered in answers]
        assert ["asked too often" in card for card in cards] == [False, False, False, True]
        assert "It answers again in" in cards[3]
        assert retry_of(answers[3])["function"] == f"{sidebar.url}/message"
        assert "asked too often" in (await sidebar.ask("/search", words="grace")).card
        sidebar.address = "kim@corp.example"
        assert "asked too often" not in (await sidebar.ask("/home")).card


async def test_nothing_of_a_mail_or_a_person_is_logged(sidebar: Sidebar) -> None:
    await sidebar.desk.contact("grace@a.example", (OPEN, TODAY), name="Grace Unmentionable")
    mail = sidebar.desk.arrive("Grace Unmentionable <grace@a.example>", subject="Xylophone", Cc="copied@c.example")
    await sidebar.ask("/message", mail)
    await sidebar.ask("/home")
    await sidebar.ask("/search", words="Unmentionable")
    await sidebar.ask("/contact", id="Unmentionable")
    sidebar.desk.world.faults.add(Fault("gmail", status=500))
    await sidebar.ask("/message", mail)
    sidebar.desk.world.faults.clear()
    log = await sidebar.logged("answered", 5)
    for secret in ("Unmentionable", "Xylophone", "grace", "copied", ADA, "corp.example", mail, sidebar.desk.account.sub):
        assert secret not in log


async def test_an_operator_can_tell_whose_calls_these_are(sidebar: Sidebar) -> None:
    """And nobody who has not the key."""
    sidebar.desk.world.add_account("kim@corp.example", "Kim", hosted_domain="corp.example")
    told = {}
    for address in (ADA, "kim@corp.example"):
        sidebar.address = address
        await sidebar.ask("/home")
        command = ["log-name", "--org", "corp.example", "--user", sidebar.desk.world.account(address).sub]
        told[address] = json.loads(await mailmagnet(settings_of(sidebar.desk, sidebar.url), *command))
    await sidebar.send("/home", {}, "no.token.here")
    lines = [json.loads(line) for line in (await sidebar.logged("refused", 1)).splitlines() if '"function"' in line]
    assert [(line.get("org"), line.get("user")) for line in lines] == [
        *((told[address]["org"], told[address]["user"]) for address in (ADA, "kim@corp.example")),
        (None, None),
    ]
    assert told[ADA]["org"] == told["kim@corp.example"]["org"]
    assert told[ADA]["user"] != told["kim@corp.example"]["user"]
    assert all(re.fullmatch("[0-9a-f]{12}", name) for names in told.values() for name in names.values())
    other_key = settings_of(sidebar.desk, sidebar.url) | {"MAILMAGNET_LOG_KEY": "x" * 32}
    command = ["log-name", "--org", "corp.example", "--user", sidebar.desk.account.sub]
    assert not set(json.loads(await mailmagnet(other_key, *command)).values()) & set(told[ADA].values())


async def test_no_token_is_in_a_card_or_in_the_log(sidebar: Sidebar) -> None:
    await sidebar.desk.contact("grace@a.example", (OPEN, TODAY))
    mail = sidebar.desk.arrive("grace@a.example")
    await sidebar.desk.run()
    told = ""
    for path, opened in (("/message", mail), ("/home", "")):
        event = await sidebar.event(path, opened)
        authorization = event["authorizationEventObject"]
        bearer = sidebar.desk.world.google.system_token(f"{sidebar.url}{path}")
        tokens = [bearer, *(authorization[name] for name in ("userOAuthToken", "userIdToken"))]
        told += (await sidebar.send(path, event, bearer)).card
        sidebar.desk.world.faults.add(Fault("gmail", status=500))
        told += (await sidebar.send(path, event, bearer)).card
        sidebar.desk.world.faults.clear()
        told += await sidebar.logged("answered", 2 if opened else 4)
        connection = await sidebar.desk.vault.connection("corp.example", sidebar.desk.account.sub)
        assert connection
        tokens += [connection.gmail_token, *([event["gmail"]["accessToken"]] if opened else [])]
        assert len(set(tokens)) == len(tokens)
        assert [token for token in tokens if not token or token in told] == []


async def test_what_the_crm_has_is_read_anew_each_time_and_is_nowhere_else(sidebar: Sidebar) -> None:
    mail = sidebar.desk.arrive("grace@a.example")
    assert "Not in MailMagnet CRM" in (await sidebar.ask("/message", mail)).card
    contact = await sidebar.desk.contact("grace@a.example", (OPEN, TODAY), name="Grace Xylophone")
    assert "Grace Xylophone" in (await sidebar.ask("/message", mail)).card
    assert "Grace Xylophone" in (await sidebar.ask("/contact", id=contact)).card
    assert "Deal 0" in (await sidebar.ask("/home")).card
    await sidebar.desk.run()
    files = [file for file in sidebar.desk.folder.rglob("*") if file.is_file() and not file.name.startswith("crm.sqlite")]
    assert {file.name for file in files} >= {"store.sqlite", "vault"}
    for word in (b"Xylophone", b"Deal 0", b"Negotiation"):
        assert [file.name for file in files if word in file.read_bytes()] == []


async def test_the_homepage_of_somebody_who_never_connected_works(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk, sidebar_at(desk) as sidebar:
        assert "MailMagnet is not set up" in (await sidebar.ask("/home")).card
