"""The pages: who may open them, and what each refusal says and offers; from the real function, as a browser meets it."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from cards.frame import Page
from crm_client.embedded.administration import set_password
from functions.signed_links import SignedLinks
from mailmagnet.consent import Grant
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.store import Policy
from sandbox.google.faults import Fault
from sandbox.google.world import Account
from tests.scenario.desk import ADA, Desk, desk_in
from tests.scenario.pages_process import Browser, Pages, Shown, pages_at, pages_here, state_of

MODIFY, READONLY, COMPOSE = (f"https://www.googleapis.com/auth/gmail.{name}" for name in ("modify", "readonly", "compose"))
ORG = "corp.example"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """With ada@corp.example's mailbox not connected yet."""
    async with desk_in(tmp_path) as made:
        yield made


@pytest.fixture
async def pages(desk: Desk) -> AsyncIterator[Pages]:
    async with pages_here(desk) as made:
        yield made


@pytest.fixture
async def pages_process(desk: Desk) -> AsyncIterator[Pages]:
    async with pages_at(desk) as made:
        yield made


@pytest.fixture
def mallory(desk: Desk) -> Account:
    """Somebody else in the same organisation."""
    return desk.world.add_account("mallory@corp.example", "Mallory Corp", hosted_domain=ORG)


async def at_consent(pages: Pages, browser: Browser, grant: Grant = Grant.SORT, account: Account | None = None) -> Shown:
    """Google's consent screen, from a card's link; `account` is who is chosen there."""
    shown = await pages.opened(browser, pages.link(Page.CONNECT, grant=grant.value))
    return await browser.send(shown, account=(account or pages.desk.account).sub, step="account")


async def kept(pages: Pages) -> set[Grant] | None:
    """What is kept of ada's grants; None when she is not connected."""
    connection = await pages.desk.vault.connection(ORG, pages.desk.account.sub)
    return set(connection.grants) if connection and connection.gmail_token else None


def assert_is_a_good_page(shown: Shown) -> None:
    """Nobody may frame, cache or script it, and it tells no other site where it was."""
    policy = shown.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert (shown.headers["Cache-Control"], shown.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert (shown.headers["X-Content-Type-Options"], shown.headers["X-Frame-Options"]) == ("nosniff", "DENY")
    assert "Cross-Origin-Opener-Policy" not in shown.headers
    assert 'name="viewport"' in shown.body
    assert '<html lang="en">' in shown.body


# The way through


async def test_from_the_card_to_a_connected_mailbox(pages_process: Pages) -> None:
    pages = pages_process
    browser = pages.browser()
    shown = await at_consent(pages, browser)
    assert "wants access to your Google Account" in shown.text
    shown = await browser.send(shown, scope=MODIFY, step="continue")
    assert (shown.status, "Gmail is connected" in shown.text) == (200, True), shown.text
    assert_is_a_good_page(shown)
    connection = await pages.desk.vault.connection(ORG, pages.desk.account.sub)
    assert connection
    assert connection.own_addresses == {ADA, "sales@corp.example"}
    assert connection.own_domains == {ORG}
    assert connection.grants == {Grant.SORT}
    assert pages.desk.world.google.grant(connection.gmail_token).address == ADA
    mailbox = await pages.desk.mailbox()
    assert not mailbox.mailmagnet
    assert mailbox.presence.crm_user


async def test_google_is_asked_as_its_guide_says(pages: Pages) -> None:
    browser = await signed_in(pages)
    shown = await browser.open(pages.link(Page.CONNECT, grant="read"))
    asked = {name: value for name, [value] in parse_qs(urlsplit(shown.url).query).items()}
    assert asked["scope"] == f"email {READONLY} openid"
    assert (asked["access_type"], asked["prompt"], asked["include_granted_scopes"]) == ("offline", "consent", "true")
    assert (asked["code_challenge_method"], asked["redirect_uri"]) == ("S256", f"{pages.url}/callback")


async def test_a_browser_that_has_signed_in_is_asked_once_for_two_steps(pages: Pages) -> None:
    browser = pages.browser()
    shown = await browser.send(await at_consent(pages, browser, Grant.READ), scope=READONLY, step="continue")
    assert "Gmail is connected" in shown.text
    shown = await browser.open(pages.link(Page.CONNECT, grant="send"))
    assert "select_account" not in shown.url
    assert "gmail.compose" in shown.url
    shown = await browser.send(shown, account=pages.desk.account.sub, step="account")
    shown = await browser.send(shown, scope=COMPOSE, step="continue")
    assert "Gmail is connected" in shown.text
    assert await kept(pages) == {Grant.READ, Grant.SEND}


async def test_a_pass_ends_after_ten_minutes(pages: Pages) -> None:
    browser = pages.browser()
    await at_consent(pages, browser)
    pages.desk.clock.turn(minutes=11)
    pages.tell_time()
    shown = await browser.open(pages.link(Page.CONNECT, grant="sort"))
    assert "gmail." not in shown.url


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(pages: Pages) -> None:
    browser = pages.browser()
    await at_consent(pages, browser)
    assert {line.partition("=")[0] for line in browser.set_cookies} == {"mailmagnet-browser", "mailmagnet-pass"}
    assert all("HttpOnly" in line and "SameSite=lax" in line and "Path=/" in line for line in browser.set_cookies)


async def test_nothing_in_the_log_names_a_person_and_no_secret_is_in_it(pages_process: Pages) -> None:
    pages = pages_process
    browser = pages.browser()
    shown = await browser.send(await at_consent(pages, browser), scope=MODIFY, step="continue")
    assert "Gmail is connected" in shown.text
    log = pages.log.decode()
    assert '"function": "pages"' in log
    connection = await pages.desk.vault.connection(ORG, pages.desk.account.sub)
    assert connection
    for secret in (ADA, pages.desk.account.sub, connection.gmail_token, *browser.cookies(pages.url).values(), "code=", "state="):
        assert secret not in log


# Whose link it is


async def test_a_link_that_somebody_else_opens_connects_nothing_and_leads_to_the_right_account(
    pages: Pages, mallory: Account
) -> None:
    browser = pages.browser()
    shown = await pages.opened(browser, pages.link(Page.CONNECT, grant="sort"), mallory)
    assert (shown.status, "This link is another user’s" in shown.text) == (403, True)
    assert ADA not in shown.body
    assert_is_a_good_page(shown)
    shown = await browser.open(shown.link("Choose the right account"))
    assert "prompt=select_account" in shown.url
    shown = await pages.choose(browser, shown)
    assert "gmail.modify" in shown.url
    assert await kept(pages) is None


@pytest.mark.parametrize("grant", ["", "everything", "SORT", "sort sort"])
async def test_a_link_about_no_grant_is_refused(pages: Pages, grant: str) -> None:
    shown = await pages.opened(pages.browser(), pages.link(Page.CONNECT, grant=grant))
    assert (shown.status, "cannot read" in shown.text) == (400, True)


@pytest.mark.parametrize("spoil", ["x", "", "cut", "other key", "none", "other page"])
async def test_a_link_that_was_changed_opens_nothing(pages: Pages, spoil: str) -> None:
    link = pages.link(Page.CONNECT, grant="sort")
    in_an_hour = pages.desk.clock.now + timedelta(hours=1)
    spoilt = {
        "x": link.replace("link=", "link=x"),
        "": link.partition("?")[0],
        "cut": link.rpartition(".")[0] + ".",
        "other key": f"{pages.url}/connect?link="
        + SignedLinks("y" * 40).sign(Page.CONNECT, ORG, pages.desk.account.sub, {"grant": "sort"}, in_an_hour),
        # {"alg":"none"}
        "none": f"{pages.url}/connect?link=eyJhbGciOiJub25lIn0." + link.partition("link=")[2].split(".")[1] + ".",
        "other page": pages.link(Page.SIGN_IN).replace("/sign-in", "/connect"),
    }
    shown = await pages.browser().open(spoilt[spoil])
    assert (shown.status, "This link does not hold" in shown.text) == (401, True)
    assert "press the button in Gmail’s panel once more" in shown.text
    assert re.search(r"Reference [0-9a-f]{8}", shown.text)
    assert shown.way == ()


async def test_an_old_link_says_so(pages: Pages) -> None:
    link = pages.link(Page.CONNECT, grant="sort")
    pages.desk.clock.turn(hours=2)
    pages.tell_time()
    shown = await pages.browser().open(link)
    assert (shown.status, "too old" in shown.text) == (401, True)


@pytest.mark.parametrize("path", ["/", "/connect/x", "/..%2fconnect", "/CONNECT"])
async def test_what_is_no_page_says_where_to_go(pages: Pages, path: str) -> None:
    shown = await pages.browser().open(pages.url + path)
    assert (shown.status, "open its panel there" in shown.text) == (404, True)
    assert_is_a_good_page(shown)


async def test_the_crms_settings_may_lead_everybody_to_a_page_that_says_how_to_begin(pages: Pages) -> None:
    browser = pages.browser()
    shown = await browser.open(f"{pages.url}/get-started")
    assert (shown.status, "Open MailMagnet in the panel" in shown.text) == (200, True)
    assert shown.link("Open Gmail") == "https://mail.google.com/"
    assert_is_a_good_page(shown)
    assert browser.set_cookies == []


async def test_other_methods_are_refused(pages: Pages) -> None:
    for method in ("PUT", "DELETE", "HEAD"):
        assert (await pages.browser().open(pages.link(Page.CONNECT, grant="sort"), method)).status == 405


# What comes back from Google


async def test_a_state_that_was_used_is_used_up(pages: Pages) -> None:
    browser = pages.browser()
    shown = await at_consent(pages, browser)
    shown = await browser.send(shown, scope=MODIFY, step="continue")
    again = await browser.open(shown.url)
    assert (again.status, "used before" in again.text) == (401, True)
    assert await kept(pages) == {Grant.SORT}


async def test_another_browser_cannot_end_what_this_one_began(pages: Pages) -> None:
    """As an attacker would have it who sends a victim to the callback with a code of the attacker's own."""
    attacker, victim = pages.browser(), pages.browser()
    shown = await at_consent(pages, attacker)
    ended = await attacker.answer_of_google(shown, scope=MODIFY, step="continue")
    for browser in (victim, await signed_in(pages)):
        shown = await browser.open(ended)
        assert (shown.status, "does not hold" in shown.text) == (401, True)
    assert await kept(pages) is None
    shown = await attacker.open(ended)
    assert "Gmail is connected" in shown.text


async def signed_in(pages: Pages) -> Browser:
    browser = pages.browser()
    await at_consent(pages, browser)
    return browser


async def test_a_state_holds_for_what_it_was_made_for_alone(pages: Pages) -> None:
    """A consent's code under a sign-in's state, and the other way round: each has its own verifier, and Google refuses both."""
    browser = pages.browser()
    sign_in = await browser.open(pages.link(Page.CONNECT, grant="sort"))
    consent = await at_consent(pages, browser)
    code = parse_qs(urlsplit(await browser.answer_of_google(consent, scope=MODIFY, step="continue")).query)["code"][0]
    shown = await browser.open(f"{pages.url}/callback?{urlencode({'state': state_of(sign_in.url), 'code': code})}")
    assert (shown.status, "did not let you in" in shown.text) == (401, True)
    assert await kept(pages) is None


@pytest.mark.parametrize("state", ["", "x", "pass", "link"])
async def test_what_is_no_state_goes_no_further(pages: Pages, state: str) -> None:
    browser = await signed_in(pages)
    given = {
        "pass": browser.cookies(pages.url)["mailmagnet-pass"],
        "link": pages.link(Page.CONNECT, grant="sort").partition("link=")[2],
    }
    shown = await browser.open(f"{pages.url}/callback?{urlencode({'state': given.get(state, state), 'code': '4/x'})}")
    assert (shown.status, "does not hold" in shown.text) == (401, True)
    shown = await browser.open(f"{pages.url}/callback")
    assert shown.status == 401


async def test_two_tabs_are_two_ways_and_both_arrive(pages: Pages) -> None:
    browser = await signed_in(pages)
    first = await at_consent_again(pages, browser, Grant.READ)
    second = await at_consent_again(pages, browser, Grant.SORT)
    shown = await browser.send(second, scope=MODIFY, step="continue")
    assert "Gmail is connected" in shown.text
    shown = await browser.send(first, scope=READONLY, step="continue")
    assert "Gmail is connected" in shown.text
    assert await kept(pages) == {Grant.READ, Grant.SORT}


async def at_consent_again(pages: Pages, browser: Browser, grant: Grant) -> Shown:
    shown = await browser.open(pages.link(Page.CONNECT, grant=grant.value))
    return await browser.send(shown, account=pages.desk.account.sub, step="account")


async def test_an_old_state_is_begun_anew(pages: Pages) -> None:
    browser = pages.browser()
    ended = await browser.answer_of_google(await at_consent(pages, browser), scope=MODIFY, step="continue")
    pages.desk.clock.turn(minutes=16)
    pages.tell_time()
    shown = await browser.open(ended)
    assert (shown.status, "too old" in shown.text) == (401, True)
    assert await kept(pages) is None


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "x\r\nSet-Cookie: a=b"])
async def test_nothing_that_comes_in_leads_to_another_site_or_into_a_header(pages: Pages, where: str) -> None:
    browser = await signed_in(pages)
    for name in ("link", "choose", "redirect", "next", "return", "grant"):
        shown = await browser.open(f"{pages.link(Page.CONNECT, grant='sort')}&{urlencode({name: where})}")
        assert all(urlsplit(way).netloc in {urlsplit(pages.url).netloc, urlsplit(pages.desk.origin).netloc} for way in shown.way)
    assert not any("a=b" in line for line in browser.set_cookies)
    shown = await browser.open(f"{pages.url}/callback?{urlencode({'state': where, 'error': where})}")
    assert where not in shown.body


# What the user does on Google's screen


@pytest.mark.parametrize("name", ['"\\012Set-Cookie: a=b"', '"\\000"', "short", "", "x" * 6_000, '"\\374\\073; Path=/"'])
async def test_a_browsers_name_that_is_none_of_ours_is_replaced(pages: Pages, name: str) -> None:
    """Else somebody could choose it, or put what they like into our answers' headers."""
    browser = pages.browser()
    browser.jar[urlsplit(pages.url).netloc] = {"mailmagnet-browser": name}
    shown = await browser.open(pages.link(Page.CONNECT, grant="sort"))
    assert shown.url.startswith(f"{pages.desk.origin}/o/oauth2/")
    assert re.fullmatch("[A-Za-z0-9_-]{43}", browser.cookies(pages.url)["mailmagnet-browser"])


async def test_who_does_not_consent_is_told_what_it_is_for(pages: Pages) -> None:
    browser = pages.browser()
    shown = await browser.send(await at_consent(pages, browser), step="cancel")
    assert "You did not allow it" in shown.text
    assert "find customers’ mail" in shown.text
    assert await kept(pages) is None
    shown = await browser.open(shown.link("Try again"))
    assert "gmail.modify" in shown.url


async def test_a_scope_left_without_a_tick_is_named_and_nothing_stands_at_google(pages: Pages) -> None:
    browser = pages.browser()
    shown = await browser.send(await at_consent(pages, browser), step="continue")
    assert "Something is not allowed yet" in shown.text
    assert "“Read and change your mail”" in shown.text
    assert await kept(pages) is None
    assert not pages.desk.world.google.has_consented(ADA)
    shown = await browser.open(shown.link("Try again"))
    assert "gmail.modify" in shown.url


async def test_a_scope_left_without_a_tick_takes_nothing_away(pages: Pages) -> None:
    browser = pages.browser()
    await browser.send(await at_consent(pages, browser, Grant.READ), scope=READONLY, step="continue")
    shown = await browser.send(await at_consent_again(pages, browser, Grant.SORT), step="continue")
    assert "Something is not allowed yet" in shown.text
    assert "What else you allowed is kept" in shown.text
    assert await kept(pages) == {Grant.READ}
    assert pages.desk.world.google.has_consented(ADA)


async def test_what_was_taken_back_at_google_since_is_named_and_asked_for(pages: Pages) -> None:
    """A consent to send does not bring back what sorting needs: else it would end in silence."""
    browser = pages.browser()
    await browser.send(await at_consent(pages, browser, Grant.SORT), scope=MODIFY, step="continue")
    pages.desk.world.google.revoke_all(ADA)
    shown = await browser.send(await at_consent_again(pages, browser, Grant.SEND), scope=COMPOSE, step="continue")
    assert await kept(pages) == {Grant.SEND}
    assert "Something is not allowed yet" in shown.text
    assert "Read and change your mail" in shown.text
    asked = await browser.send(await browser.open(shown.link("Try again")), account=pages.desk.account.sub, step="account")
    done = await browser.send(asked, scope=MODIFY, step="continue")
    assert "Gmail is connected" in done.text
    assert await kept(pages) == {Grant.SORT, Grant.SEND}


async def test_another_account_at_consent_is_refused_and_its_consent_ended(pages: Pages, mallory: Account) -> None:
    browser = pages.browser()
    shown = await browser.send(await at_consent(pages, browser, account=mallory), scope=MODIFY, step="continue")
    assert (shown.status, "That was another account" in shown.text) == (403, True)
    assert "Nothing of it was kept" in shown.text
    assert mallory.address not in shown.body
    assert await kept(pages) is None
    assert await pages.desk.vault.connection(ORG, mallory.sub) is None
    assert not pages.desk.world.google.has_consented(mallory.address)
    assert await pages.desk.vault.leaving() == ()
    shown = await browser.open(shown.link("Try again"))
    assert "gmail.modify" in shown.url


async def test_another_account_that_is_connected_here_itself_stays_connected(pages: Pages, mallory: Account) -> None:
    browser = pages.browser()
    shown = await pages.opened(browser, pages.link(Page.CONNECT, mallory, grant="sort"), mallory)
    shown = await browser.send(shown, account=mallory.sub, step="account")
    shown = await browser.send(shown, scope=MODIFY, step="continue")
    assert "Gmail is connected" in shown.text
    other = pages.browser()
    shown = await other.send(await at_consent(pages, other, account=mallory), step="continue")
    assert "That was another account" in shown.text
    connection = await pages.desk.vault.connection(ORG, mallory.sub)
    assert connection
    assert pages.desk.world.google.grant(connection.gmail_token).address == mallory.address


async def test_another_accounts_consent_that_cannot_be_ended_now_is_ended_by_the_tick(pages: Pages, mallory: Account) -> None:
    browser = pages.browser()
    shown = await at_consent(pages, browser, account=mallory)
    pages.desk.world.faults.add(Fault("google", "revoke", status=503))
    shown = await browser.send(shown, scope=MODIFY, step="continue")
    assert "That was another account" in shown.text
    assert [token.user for token in await pages.desk.vault.leaving()] == [mallory.sub]


# What is down


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_google_down_at_the_exchange_connects_nothing_and_offers_another_try(pages: Pages, after: bool) -> None:
    browser = pages.browser()
    shown = await at_consent(pages, browser)
    pages.desk.world.faults.add(Fault("google", "token", status=503, after=after, times=1))
    shown = await browser.send(shown, scope=MODIFY, step="continue")
    assert (shown.status, "Google did not answer" in shown.text) == (503, True)
    assert re.search(r"Reference [0-9a-f]{8}", shown.text)
    assert await kept(pages) is None
    shown = await at_google_again(pages, browser, shown)
    shown = await browser.send(shown, scope=MODIFY, step="continue")
    assert "Gmail is connected" in shown.text


async def at_google_again(pages: Pages, browser: Browser, shown: Shown) -> Shown:
    shown = await browser.open(shown.link("Try again"))
    return await browser.send(shown, account=pages.desk.account.sub, step="account")


async def test_google_down_at_the_sign_in_offers_another_try(pages: Pages) -> None:
    browser = pages.browser()
    shown = await browser.open(pages.link(Page.CONNECT, grant="sort"))
    shown = await browser.send(shown, account=pages.desk.account.sub, step="account")
    pages.desk.world.faults.add(Fault("google", "token", status=503, times=1))
    shown = await browser.send(shown, step="continue")
    assert (shown.status, "Google did not answer" in shown.text) == (503, True)
    shown = await browser.open(shown.link("Try again"))
    shown = await pages.choose(browser, shown)
    assert "gmail.modify" in shown.url


async def test_who_does_not_sign_in_is_offered_another_try(pages: Pages) -> None:
    browser = pages.browser()
    shown = await browser.open(pages.link(Page.CONNECT, grant="sort"))
    shown = await browser.send(shown, account=pages.desk.account.sub, step="account")
    shown = await browser.send(shown, step="cancel")
    assert (shown.status, "You are not signed in" in shown.text) == (401, True)
    shown = await pages.choose(browser, await browser.open(shown.link("Try again")))
    assert "gmail.modify" in shown.url


async def test_gmail_down_after_the_exchange_keeps_the_consent(pages: Pages) -> None:
    """Only the other addresses are missing then, and another try brings them."""
    browser = pages.browser()
    shown = await at_consent(pages, browser)
    pages.desk.world.faults.add(Fault("gmail", "*", status=403, reason="domainPolicy"))
    shown = await browser.send(shown, scope=MODIFY, step="continue")
    assert shown.status == 403
    assert "Try again" in shown.text
    assert await kept(pages) == {Grant.SORT}
    pages.desk.world.faults.clear()
    shown = await browser.send(await at_google_again(pages, browser, shown), step="continue")
    assert "Gmail is connected" in shown.text
    connection = await pages.desk.vault.connection(ORG, pages.desk.account.sub)
    assert connection
    assert connection.own_addresses == {ADA, "sales@corp.example"}


async def test_a_vault_that_is_down_before_spends_nothing(pages: Pages) -> None:
    browser = pages.browser()
    shown = await at_consent(pages, browser)
    vault = pages.desk.folder / "vault"
    good = vault.read_bytes()
    vault.write_bytes(b"spoilt")
    shown = await browser.send(shown, scope=MODIFY, step="continue")
    assert "cannot read" in shown.text
    vault.write_bytes(good)
    assert await kept(pages) is None
    shown = await browser.send(await at_google_again(pages, browser, shown), step="continue")
    assert "Gmail is connected" in shown.text


async def test_a_vault_that_goes_down_in_between_ends_the_consent_again(pages: Pages) -> None:
    browser = pages.browser()
    shown = await at_consent(pages, browser)
    pages.desk.world.faults.add(Fault("google", "token", latency_ms=600, times=1))
    vault = pages.desk.folder / "vault"
    good = vault.read_bytes()
    sending = asyncio.create_task(browser.send(shown, scope=MODIFY, step="continue"))
    await asyncio.sleep(0.3)
    vault.write_bytes(b"spoilt")
    shown = await sending
    assert (shown.status, "MailMagnet could not keep your consent" in shown.text) == (503, True)
    assert "Google Account" not in shown.text
    assert not pages.desk.world.google.has_consented(ADA)
    vault.write_bytes(good)
    shown = await browser.send(await at_google_again(pages, browser, shown), scope=MODIFY, step="continue")
    assert "Gmail is connected" in shown.text


async def test_a_store_that_is_down_stops_before_the_code_is_spent(pages: Pages) -> None:
    """A state that cannot be marked as used is not used."""
    browser = pages.browser()
    shown = await at_consent(pages, browser)
    ended = await browser.answer_of_google(shown, scope=MODIFY, step="continue")
    with sqlite3.connect(pages.desk.folder / "store.sqlite") as store:
        store.execute("BEGIN EXCLUSIVE")
        shown = await browser.open(ended)
        store.rollback()
    assert (shown.status, "MailMagnet did not answer" in shown.text) == (503, True)
    assert await kept(pages) is None
    shown = await browser.open(ended)
    assert "Gmail is connected" in shown.text


# The CRM


@pytest.fixture
def password(desk: Desk) -> str:
    set_password(desk.crm_database, ADA, "correct horse battery staple")
    return "correct horse battery staple"


async def test_signing_in_to_the_crm_keeps_a_sign_in_and_shows_no_password(pages_process: Pages, password: str) -> None:
    pages = pages_process
    await pages.desk.vault.sign_out(ORG, pages.desk.account.sub)
    browser = pages.browser()
    shown = await pages.opened(browser, pages.link(Page.SIGN_IN))
    assert "Sign in to MailMagnet CRM" in shown.text
    assert 'type="password"' in shown.body
    assert_is_a_good_page(shown)
    wrong = await browser.send(shown, user_name=ADA, password="wrong-canary")
    assert (wrong.status, "did not let you in" in wrong.text) == (401, True)
    assert "wrong-canary" not in wrong.body
    assert wrong.fields()["user_name"] == ADA
    shown = await browser.send(wrong, user_name=ADA, password=password)
    assert (shown.status, "You are signed in to MailMagnet CRM" in shown.text) == (200, True)
    connection = await pages.desk.vault.connection(ORG, pages.desk.account.sub)
    assert connection
    assert connection.crm
    assert connection.address == ADA
    assert not connection.gmail_token
    log = pages.log.decode()
    for secret in (password, "wrong-canary", ADA, connection.crm.access, connection.crm.refresh):
        assert secret not in log


async def test_an_unknown_user_and_a_wrong_password_are_told_alike_and_too_many_tries_say_when(
    pages: Pages, password: str
) -> None:
    browser = pages.browser()
    shown = await pages.opened(browser, pages.link(Page.SIGN_IN))
    known = await browser.send(shown, user_name=ADA, password="wrong")
    unknown = await browser.send(shown, user_name="nobody@corp.example", password="wrong")
    assert without_reference(known.text) == without_reference(unknown.text)
    for _ in range(30):
        shown = await browser.send(shown, user_name=ADA, password="wrong")
        if shown.status == 429:
            break
    assert (shown.status, "too many tries" in shown.text) == (429, True)


async def test_what_was_typed_for_one_crm_is_not_sent_to_another_that_was_chosen_meanwhile(pages: Pages, password: str) -> None:
    browser = pages.browser()
    shown = await pages.opened(browser, pages.link(Page.SIGN_IN))
    await pages.desk.store.set_policy(ORG, Policy(crm=CrmChoice("odoo", "https://crm.example")))
    changed = await browser.send(shown, user_name=ADA, password=password)
    assert (changed.status, "has chosen another CRM meanwhile: Odoo" in changed.text) == (409, True)
    assert password not in changed.body
    assert "API key" in changed.text


def without_reference(text: str) -> str:
    return re.sub("Reference [0-9a-f]+", "", text)


async def test_signing_out_ends_it_at_the_crm_and_here(pages: Pages) -> None:
    browser = pages.browser()
    before = await pages.desk.vault.connection(ORG, pages.desk.account.sub)
    assert before
    assert before.crm
    shown = await pages.opened(browser, pages.link(Page.SIGN_IN))
    assert "You are signed in now as Ada Corp" in shown.text
    shown = await browser.send(shown, 1)
    assert "You are signed out of MailMagnet CRM" in shown.text
    after = await pages.desk.vault.connection(ORG, pages.desk.account.sub)
    assert not (after and after.crm)
    assert "You are signed in now" not in (await browser.open(pages.link(Page.SIGN_IN))).text


async def test_a_form_that_another_site_sends_is_refused(pages: Pages, password: str) -> None:
    browser, other = pages.browser(), pages.browser()
    shown = await pages.opened(browser, pages.link(Page.SIGN_IN))
    others = await pages.opened(other, pages.link(Page.SIGN_IN))
    good = {**shown.fields(), "user_name": ADA, "password": password}
    forged: list[tuple[dict[str, str], dict[str, str]]] = [
        ({**good, "csrf": ""}, {}),
        ({name: value for name, value in good.items() if name != "csrf"}, {}),
        ({**good, "csrf": others.fields()["csrf"]}, {}),
        (good, {"Sec-Fetch-Site": "cross-site"}),
    ]
    for form, headers in forged:
        refused = await browser.open(shown.action(), "POST", form, **headers)
        assert (refused.status, "does not hold" in refused.text) == (401, True)
    assert (await browser.open(shown.action(), "POST", good)).status == 200


async def test_what_is_typed_is_escaped(pages: Pages) -> None:
    browser = pages.browser()
    shown = await pages.opened(browser, pages.link(Page.SIGN_IN))
    shown = await browser.send(shown, user_name='"><script>alert(1)</script>', password="x")
    assert "<script" not in shown.body


async def test_a_form_too_large_is_refused(pages: Pages) -> None:
    browser = pages.browser()
    shown = await pages.opened(browser, pages.link(Page.SIGN_IN))
    shown = await browser.send(shown, user_name="x" * 2_000_000)
    assert (shown.status, "cannot read" in shown.text) == (400, True)
