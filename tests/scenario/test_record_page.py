"""The record page: by link only for its user, within the CRM by a token that its backend signs, and attachments that no browser opens."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

import jwt
import pytest
from lxml import html

from cards.frame import Page
from functions.pages.record import EMBEDDED
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.store import Policy, Sharing
from tests.scenario.desk import ADA
from tests.scenario.office import ATTACHED, BODY, GRACE, KIM, ORG, SUBJECT, Office, office_in
from tests.scenario.pages_process import Pages, pages_at

KEY = "the secret that the CRM and MailMagnet share"
CRM_ORIGIN = "https://crm.desk.example"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_in(tmp_path) as made:
        await made.choose(sharing=Sharing.PUBLIC)
        yield made


@pytest.fixture
async def pages(office: Office) -> AsyncIterator[Pages]:
    settings = {
        "MAILMAGNET_EMBED_KEY": KEY,
        "MAILMAGNET_EMBED_ORG": ORG,
        "MAILMAGNET_CRM_RECORD_URL": f"{CRM_ORIGIN}/x/{{module}}/{{id}}",
    }
    async with pages_at(office.desk, **settings) as made:
        yield made


async def crm_user(office: Office, address: str) -> str:
    return next(user.id for user in await office.desk.crm.users() if user.email == address)


async def token(office: Office, pages: Pages, address: str = KIM, key: str = KEY, seconds: int = 60, **other: Any) -> str:
    """What the CRM's backend signs; `other` claims take the place of the right ones, None leaves one out."""
    pages.tell_time()
    now = int(office.desk.clock.now.timestamp())
    claims = {
        "aud": f"{pages.url}{EMBEDDED}",
        "org": ORG,
        "sub": await crm_user(office, address),
        "module": "contacts",
        "record": office.grace,
        "iat": now,
        "exp": now + seconds,
        "jti": "one",
    }
    return jwt.encode({name: claim for name, claim in (claims | other).items() if claim is not None}, key, "HS256")


async def test_by_link_the_list_a_mail_and_its_attachment_open_for_its_user_alone(office: Office, pages: Pages) -> None:
    office.mail()
    pages.tell_time()
    browser = pages.browser()
    link = pages.link(Page.RECORD, office.kim, module="contacts", id=office.grace)
    listed = await pages.opened(browser, link, office.kim)
    assert "Mail with Grace Hopper" in listed.text
    read = await browser.open(listed.link(SUBJECT))
    assert BODY in read.text
    assert "Ada Corp can see that you have read this." in read.text
    assert "frame-ancestors 'none'" in read.headers["Content-Security-Policy"]
    saved = await browser.open(read.link("offer.html"))
    assert saved.body.encode() == ATTACHED
    assert saved.headers["Content-Disposition"] == "attachment; filename*=UTF-8''offer.html"
    assert saved.headers["Content-Type"] == "application/octet-stream"
    assert "sandbox" in saved.headers["Content-Security-Policy"]
    assert (saved.headers["X-Content-Type-Options"], saved.headers["Cache-Control"]) == ("nosniff", "no-store")
    assert len(await office.readings()) == 2
    other = pages.browser()
    for url in (link, listed.link(SUBJECT), read.link("offer.html")):
        anothers = await pages.opened(other, url) if url == link else await other.open(url)
        assert (anothers.status, "This link is another user’s" in anothers.text) == (403, True)
        assert SUBJECT not in anothers.body
    await office.choose(sharing=Sharing.PRIVATE)
    for url in (read.url, read.link("offer.html")):
        refused = await browser.open(url)
        assert (refused.status, BODY in refused.body) == (404, False)
    assert len(await office.readings()) == 2


async def test_within_the_crm_a_signed_token_shows_the_list_once(office: Office, pages: Pages) -> None:
    office.mail()
    browser, signed = pages.browser(), await token(office, pages)
    listed = await browser.open(f"{pages.url}{EMBEDDED}?token={signed}")
    assert (listed.status, SUBJECT in listed.text, BODY in listed.text) == (200, True, False)
    assert f"frame-ancestors {CRM_ORIGIN};" in f"{listed.headers['Content-Security-Policy']};"
    assert "X-Frame-Options" not in listed.headers
    assert "Access-Control-Allow-Origin" not in listed.headers
    at_google = await browser.open(listed.link(SUBJECT))
    assert at_google.url.startswith(f"{office.desk.origin}/o/oauth2/")
    assert BODY not in at_google.body
    again = await browser.open(f"{pages.url}{EMBEDDED}?token={signed}")
    assert (again.status, SUBJECT in again.body) == (401, False)
    assert "This link is too old, or was used before" in again.text
    assert "Load the page in your CRM once more." in again.text
    assert f"frame-ancestors {CRM_ORIGIN};" in f"{again.headers['Content-Security-Policy']};"


async def test_a_crm_that_draws_the_list_itself_gets_it_as_json(office: Office, pages: Pages) -> None:
    office.mail()
    signed = await token(office, pages)
    answer = await pages.browser().open(f"{pages.url}{EMBEDDED}", Authorization=f"Bearer {signed}", Accept="application/json")
    assert answer.status == 200
    assert f'"subject":"{SUBJECT}"' in answer.body
    assert BODY not in answer.body


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "another secret that only the attacker knows"},
        {"seconds": 61},
        {"seconds": 0},
        {"iat": None},
        {"jti": None},
        {"jti": ""},
        {"sub": None},
        {"sub": 7},
        {"aud": "https://elsewhere.example"},
        {"aud": [f"{EMBEDDED}"]},
        {"org": "other.example"},
        {"module": "users"},
        {"record": "none"},
        {"sub": "nobody"},
    ],
    ids=str,
)
async def test_a_token_that_does_not_hold_shows_nothing(office: Office, pages: Pages, wrong: dict[str, Any]) -> None:
    office.mail()
    signed = await token(office, pages, **wrong)
    shown = await pages.browser().open(f"{pages.url}{EMBEDDED}?token={signed}")
    assert SUBJECT not in shown.body
    assert "Ada" not in shown.body


async def test_a_token_that_is_over_or_unsigned_shows_nothing(office: Office, pages: Pages) -> None:
    office.mail()
    signed = await token(office, pages)
    head, body, _ = signed.split(".")
    unsigned = jwt.encode(jwt.decode(signed, options={"verify_signature": False}), "", "none")
    office.desk.clock.now += timedelta(seconds=61)
    pages.tell_time()
    for each in (signed, unsigned, f"{head}.{body}.", "", "x" * 9000):
        shown = await pages.browser().open(f"{pages.url}{EMBEDDED}?token={each}")
        assert shown.status == 401
        assert SUBJECT not in shown.body


async def test_the_word_of_the_deployments_crm_opens_nothing_of_the_user_with_the_same_id_in_another(
    office: Office, pages: Pages
) -> None:
    from dataclasses import replace

    office.mail()
    connection = await office.desk.vault.connection(ORG, office.kim.sub)
    assert connection
    assert connection.crm
    odoo = CrmChoice("odoo", "https://127.0.0.1:9")
    await office.desk.store.set_policy(ORG, Policy(crm=odoo))
    await office.desk.vault.sign_in(replace(connection, crm=replace(connection.crm, crm=odoo)))
    shown = await pages.browser().open(f"{pages.url}{EMBEDDED}?token={await token(office, pages)}")
    assert "Not exactly one Google account" in shown.text


async def test_of_several_google_accounts_of_one_crm_user_none_is_taken(office: Office, pages: Pages) -> None:
    """Nobody can tell whose own mail may be shown."""
    from dataclasses import replace

    office.mail()
    ada = await crm_user(office, ADA)
    await office.desk.store.change_presence(ORG, office.kim.sub, lambda presence: replace(presence, crm_user=ada))
    shown = await pages.browser().open(f"{pages.url}{EMBEDDED}?token={await token(office, pages, ADA)}")
    assert "Not exactly one Google account" in shown.text
    assert SUBJECT not in shown.body


async def test_a_viewer_whom_the_crm_shows_nothing_sees_nothing_in_its_frame(office: Office, pages: Pages) -> None:
    office.mail()
    hidden = await office.desk.contact("secret@a.example", name="Hidden One")
    office.mail(sender="secret@a.example")
    shown = await pages.browser().open(f"{pages.url}{EMBEDDED}?token={await token(office, pages, record=hidden)}")
    assert "This is not in MailMagnet CRM any more." in shown.text
    assert SUBJECT not in shown.body
    assert f"frame-ancestors {CRM_ORIGIN}" in shown.headers["Content-Security-Policy"]


async def test_without_a_secret_nothing_is_embedded(office: Office) -> None:
    async with pages_at(office.desk) as pages:
        shown = await pages.browser().open(f"{pages.url}{EMBEDDED}?token={await token(office, pages)}")
        assert shown.status == 404


def speaking(languages: str) -> dict[str, Any]:
    """The header of a browser with these languages."""
    return {"Accept-Language": languages}


async def test_days_are_written_as_the_browser_reads_and_times_in_the_zone_of_the_link(office: Office, pages: Pages) -> None:
    office.mail(to=KIM)
    pages.tell_time()
    browser = pages.browser()
    link = pages.link(Page.RECORD, office.kim, module="contacts", id=office.grace, zone="Asia/Kathmandu")
    await pages.opened(browser, link, office.kim)
    at = office.desk.clock.now.astimezone(ZoneInfo("Asia/Kathmandu"))
    listed = await browser.open(link, **speaking("de-AT,de;q=0.9,en;q=0.8"))
    assert f"{at.day}. Nov. {at.year}" in listed.text
    assert f"{at:%H:%M}" in listed.text
    assert "UTC+0545" in listed.text
    read = await browser.open(listed.link(SUBJECT), **speaking("x" * 5000))
    assert "UTC+0545" in read.text
    nowhere = pages.link(Page.RECORD, office.kim, module="contacts", id=office.grace, zone="../../etc/passwd")
    assert f"{office.desk.clock.now:%H:%M} UTC" in (await browser.open(nowhere, **speaking(",;q=1"))).text


async def test_a_long_subject_from_right_to_left_stays_a_line_of_its_own(office: Office, pages: Pages) -> None:
    office.mail(to=KIM, subject="توريد " * 100, sender=f"نور <{GRACE}>")
    pages.tell_time()
    browser = pages.browser()
    listed = await pages.opened(browser, pages.link(Page.RECORD, office.kim, module="contacts", id=office.grace), office.kim)
    [link] = [each for each in html.fromstring(listed.body).iter("a") if "توريد" in each.text_content()]
    assert link.get("dir") == "auto"
    assert len(link.text_content()) <= 120
    read = await browser.open(urljoin(listed.url, str(link.get("href"))))
    [heading] = html.fromstring(read.body).iter("h1")
    assert (heading.get("dir"), len(heading.text_content()) <= 300) == ("auto", True)


async def test_who_is_not_signed_in_to_the_crm_reads_so_in_the_frame(office: Office, pages: Pages) -> None:
    """The CRM knows them; here they are not known any more."""
    signed = await token(office, pages)
    await office.desk.vault.sign_out(ORG, office.kim.sub)
    shown = await pages.browser().open(f"{pages.url}{EMBEDDED}?token={signed}")
    assert "Not exactly one Google account" in shown.text
    assert f"frame-ancestors {CRM_ORIGIN};" in f"{shown.headers['Content-Security-Policy']};"
