"""Signing in at a CRM of one's own: the browser goes there and comes back, once, as the user who began, to the CRM it began for."""

import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from cards.frame import Page
from functions.crms import KINDS
from functions.wiring import CRM_CALLBACK
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.store import Policy
from mailmagnet.vault import CRM_ACCOUNT
from sandbox.google.world import Account
from tests.oauth_crm import HERE, SINGLE, WHOLE, TestCrms
from tests.scenario.desk import ADA, Desk, desk_in
from tests.scenario.pages_process import Browser, Pages, Shown, pages_here, state_of
from tests.token_server import AUTHORIZE, CLIENT, TokenServer, token_server

ORG = "corp.example"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path) as made:
        await made.vault.sign_out(ORG, made.account.sub)
        yield made


@pytest.fixture
async def crms(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TestCrms]:
    async with token_server() as server:
        made = TestCrms(server)
        for kind, how in made.kinds().items():
            monkeypatch.setitem(KINDS.makers, kind, partial(lambda made_kind: made_kind, how))
        yield made


@pytest.fixture
def server(crms: TestCrms) -> TokenServer:
    return crms.server


async def serving(desk: Desk, crms: TestCrms, kind: str, **settings: str) -> AsyncIterator[Pages]:
    client = {"MAILMAGNET_CRM_CLIENT_ID": CLIENT.client_id, "MAILMAGNET_CRM_CLIENT_SECRET": CLIENT.client_secret}
    async with pages_here(desk, MAILMAGNET_CRM=kind, MAILMAGNET_CRM_PRIVATE="true", **client, **settings) as made:
        crms.server.redirect_uri = f"{made.url}{CRM_CALLBACK}"
        yield made


@pytest.fixture
async def pages(desk: Desk, crms: TestCrms) -> AsyncIterator[Pages]:
    async for made in serving(desk, crms, SINGLE, MAILMAGNET_ADMINS=ADA):
        yield made


@pytest.fixture
async def admins_pages(desk: Desk, crms: TestCrms) -> AsyncIterator[Pages]:
    """Of a deployment that calls Ada an admin, and whose CRM one account is connected to for all."""
    async for made in serving(desk, crms, WHOLE, MAILMAGNET_ADMINS=ADA):
        yield made


async def at_the_crm(pages: Pages, browser: Browser, page: Page = Page.SIGN_IN, account: Account | None = None) -> Shown:
    """The CRM's own page, from a card's link."""
    return await pages.opened(browser, pages.link(page, account), account)


def coming_back(pages: Pages, server: TokenServer, shown: Shown, **changed: str | None) -> str:
    """Where the CRM sends the browser once its user has consented."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(shown.url).query).items()}
    assert (query["client_id"], query["redirect_uri"]) == (CLIENT.client_id, f"{pages.url}{CRM_CALLBACK}")
    assert query["code_challenge_method"] == "S256"
    answer = {"state": query["state"], "code": server.new_code(query["code_challenge"]), **changed}
    return f"{query['redirect_uri']}?{urlencode({name: value for name, value in answer.items() if value is not None})}"


async def sign_in_of(pages: Pages, user: str = "") -> CrmTokens | None:
    connection = await pages.desk.vault.connection(ORG, user or pages.desk.account.sub)
    return connection.crm if connection else None


# A user's own sign-in


async def test_the_browser_goes_to_the_crm_and_comes_back_signed_in(pages: Pages, server: TokenServer) -> None:
    browser = pages.browser()
    shown = await at_the_crm(pages, browser)
    assert shown.url.startswith(server.origin + AUTHORIZE)
    shown = await browser.open(coming_back(pages, server, shown))
    assert (shown.status, "You are signed in to TestCRM" in shown.text and "As Ada Byron" in shown.text) == (200, True)
    tokens = await sign_in_of(pages)
    assert tokens
    assert (tokens.account, tokens.refresh, tokens.crm, tokens.origin) == ("7", "refresh-1", CrmChoice(SINGLE), HERE)
    assert "code-0" not in shown.body


async def test_who_is_signed_in_is_told_so_and_may_sign_in_anew_or_out(pages: Pages, server: TokenServer) -> None:
    browser = pages.browser()
    await browser.open(coming_back(pages, server, await at_the_crm(pages, browser)))
    shown = await browser.open(pages.link(Page.SIGN_IN))
    assert "You are signed in now as Ada Byron" in shown.text
    again = await browser.open(shown.link("Sign in"))
    await browser.open(coming_back(pages, server, again))
    tokens = await sign_in_of(pages)
    assert tokens
    assert tokens.refresh == "refresh-2"
    shown = await browser.send(await browser.open(pages.link(Page.SIGN_IN)))
    assert "You are signed out of TestCRM" in shown.text
    assert (await sign_in_of(pages), server.revoked) == (None, ["refresh-2"])


async def test_an_answer_is_good_once(pages: Pages, server: TokenServer) -> None:
    browser = pages.browser()
    url = coming_back(pages, server, await at_the_crm(pages, browser))
    await browser.open(url)
    shown = await browser.open(url)
    assert (shown.status, "used before" in shown.text) == (401, True)
    assert server.given == 1


async def test_another_browser_cannot_bring_it_back(pages: Pages, server: TokenServer) -> None:
    browser, mallorys = pages.browser(), pages.browser()
    url = coming_back(pages, server, await at_the_crm(pages, browser))
    await at_the_crm(pages, mallorys)
    shown = await mallorys.open(url)
    assert (shown.status, "does not hold" in shown.text) == (401, True)
    assert (server.given, await sign_in_of(pages)) == (0, None)
    assert "You are signed in" in (await browser.open(url)).text


async def test_nobody_is_signed_in_as_whoever_else_uses_the_browser_meanwhile(pages: Pages, server: TokenServer) -> None:
    mallory = pages.desk.world.add_account("mallory@corp.example", "Mallory Corp", hosted_domain=ORG)
    browser = pages.browser()
    url = coming_back(pages, server, await at_the_crm(pages, browser))
    shown = await browser.open(f"{pages.link(Page.SIGN_IN, mallory)}&choose=1")
    await pages.choose(browser, shown, mallory)
    shown = await browser.open(url)
    assert (shown.status, "took too long" in shown.text) == (401, True)
    assert (server.given, await sign_in_of(pages), await sign_in_of(pages, mallory.sub)) == (0, None, None)


async def test_one_users_answer_signs_in_no_other(pages: Pages, server: TokenServer) -> None:
    """Mallory's code with Ada's state: PKCE's verifier is the browser's and the state's."""
    mallory = pages.desk.world.add_account("mallory@corp.example", "Mallory Corp", hosted_domain=ORG)
    browser, mallorys = pages.browser(), pages.browser()
    adas = coming_back(pages, server, await at_the_crm(pages, browser))
    other = coming_back(pages, server, await at_the_crm(pages, mallorys, account=mallory))
    code = parse_qs(urlsplit(other).query)["code"][0]
    shown = await browser.open(adas.replace("code-0", code))
    assert (shown.status, "did not let you in" in shown.text) == (401, True)
    assert (await sign_in_of(pages), await sign_in_of(pages, mallory.sub)) == (None, None)


@pytest.mark.parametrize("minutes", [11, 16])
async def test_who_takes_too_long_begins_anew(pages: Pages, server: TokenServer, minutes: int) -> None:
    browser = pages.browser()
    url = coming_back(pages, server, await at_the_crm(pages, browser))
    pages.desk.clock.turn(minutes=minutes)
    pages.tell_time()
    shown = await browser.open(url)
    assert shown.status == 401
    assert (server.given, await sign_in_of(pages)) == (0, None)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        ("access_denied", 200, "You did not allow it"),
        ("server_error", 502, "TestCRM said: server_error"),
        ("<b>Call 0800 FRAUD</b>", 502, "TestCRM said: nothing more"),
        ("", 200, "You did not allow it"),
    ],
)
async def test_who_does_not_allow_it_is_told_so(pages: Pages, server: TokenServer, error: str, status: int, said: str) -> None:
    browser = pages.browser()
    shown = await browser.open(coming_back(pages, server, await at_the_crm(pages, browser), code=None, error=error))
    assert (shown.status, said in shown.text) == (status, True)
    assert "FRAUD" not in shown.body
    assert await sign_in_of(pages) is None
    again = await browser.open(shown.link("Try again"))
    assert again.url.startswith(server.origin + AUTHORIZE)


async def test_an_answer_of_one_crm_is_not_spent_on_another_that_was_chosen_meanwhile(pages: Pages, server: TokenServer) -> None:
    browser = pages.browser()
    url = coming_back(pages, server, await at_the_crm(pages, browser))
    await pages.desk.store.set_policy(ORG, Policy(crm=CrmChoice("odoo", "https://crm.example")))
    shown = await browser.open(url)
    assert (shown.status, "It is Odoo now" in shown.text) == (409, True)
    assert (server.given, await sign_in_of(pages)) == (0, None)


@pytest.mark.parametrize("state", ["", "x", "a.b.c", "google's", "a link's"])
async def test_what_is_no_state_of_a_crms_is_refused(pages: Pages, server: TokenServer, state: str) -> None:
    browser = pages.browser()
    link = pages.link(Page.SIGN_IN)
    own = {"google's": state_of((await browser.open(link)).url), "a link's": parse_qs(urlsplit(link).query)["link"][0]}
    shown = await at_the_crm(pages, browser)
    answer = await browser.open(coming_back(pages, server, shown, state=own.get(state, state)))
    assert (answer.status, "does not hold" in answer.text) == (401, True)
    assert server.given == 0


async def test_a_crms_state_is_none_of_googles(pages: Pages, server: TokenServer) -> None:
    browser = pages.browser()
    url = coming_back(pages, server, await at_the_crm(pages, browser)).replace(CRM_CALLBACK, "/callback")
    shown = await browser.open(url)
    assert (shown.status, "does not hold" in shown.text) == (401, True)


async def test_an_account_that_is_said_to_be_elsewhere_is_not_kept_and_ends_there(
    pages: Pages, server: TokenServer, crms: TestCrms
) -> None:
    crms.origin = "https://testcrm.example.attacker.example"
    browser = pages.browser()
    shown = await browser.open(coming_back(pages, server, await at_the_crm(pages, browser)))
    assert (shown.status, "cannot read" in shown.text) == (502, True)
    assert (await sign_in_of(pages), server.revoked) == (None, ["refresh-1"])


@pytest.mark.parametrize("earlier", [False, True])
async def test_a_token_that_could_not_be_kept_is_ended_unless_an_earlier_sign_in_stands_for_it(
    pages: Pages, server: TokenServer, earlier: bool
) -> None:
    browser = pages.browser()
    if earlier:
        await browser.open(coming_back(pages, server, await at_the_crm(pages, browser)))
    shown = await browser.open(f"{pages.link(Page.SIGN_IN)}&anew=1") if earlier else await at_the_crm(pages, browser)
    url = coming_back(pages, server, shown)
    vault = pages.desk.folder / "vault"
    lock = vault.with_name("vault.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()
    shown = await browser.open(url)
    lock.rmdir()
    assert (shown.status, "could not keep your sign-in" in shown.text) == (503, True)
    assert server.revoked == ([] if earlier else ["refresh-1"])
    tokens = await sign_in_of(pages)
    assert (tokens.refresh if tokens else None) == ("refresh-1" if earlier else None)


async def test_a_store_that_is_down_stops_before_the_code_is_spent(pages: Pages, server: TokenServer) -> None:
    browser = pages.browser()
    url = coming_back(pages, server, await at_the_crm(pages, browser))
    with sqlite3.connect(pages.desk.folder / "store.sqlite") as store:
        store.execute("BEGIN EXCLUSIVE")
        shown = await browser.open(url)
        store.rollback()
    assert (shown.status, server.given) == (503, 0)
    assert "You are signed in" in (await browser.open(url)).text


@pytest.mark.parametrize(("status", "said"), [(429, 429), (503, 503), (400, 502)])
async def test_a_crm_that_fails_is_told_plainly(pages: Pages, server: TokenServer, status: int, said: int) -> None:
    browser = pages.browser()
    server.fail(status)
    shown = await browser.open(coming_back(pages, server, await at_the_crm(pages, browser)))
    assert (shown.status, "TestCRM" in shown.text) == (said, True)
    assert await sign_in_of(pages) is None
    assert (await browser.open(shown.link("Try again"))).url.startswith(server.origin + AUTHORIZE)


# Which company's account


@pytest.fixture
def kim(desk: Desk) -> Account:
    """Somebody else in the organisation, and no admin."""
    return desk.world.add_account("kim@corp.example", "Kim Corp", hosted_domain=ORG)


async def signed_in(pages: Pages, server: TokenServer, account: Account | None = None) -> Shown:
    browser = pages.browser()
    shown = await at_the_crm(pages, browser, account=account)
    if AUTHORIZE not in shown.url:  # somebody who is signed in already
        shown = await browser.open(shown.link("Sign in"))
    return await browser.open(coming_back(pages, server, shown))


async def test_nobody_signs_in_before_an_admin_has_shown_which_account_is_the_organisations(
    pages: Pages, server: TokenServer, crms: TestCrms, kim: Account
) -> None:
    shown = await signed_in(pages, server, kim)
    assert (shown.status, "An admin signs in first" in shown.text) == (403, True)
    assert (server.revoked, await sign_in_of(pages, kim.sub)) == (["refresh-1"], None)
    assert "You are signed in" in (await signed_in(pages, server)).text
    crms.account, crms.name = "8", "Kim Berg"
    assert "As Kim Berg" in (await signed_in(pages, server, kim)).text
    kept = await pages.desk.vault.connection(ORG, CRM_ACCOUNT)
    assert kept
    assert kept.crm
    assert (kept.crm.account, kept.crm.refresh, kept.crm.access) == ("portal 1", "", "")


@pytest.mark.parametrize("company", ["portal 2", ""])
async def test_who_signs_in_to_a_company_of_their_own_is_no_user_of_the_organisations(
    pages: Pages, server: TokenServer, crms: TestCrms, kim: Account, company: str
) -> None:
    """There they would be an administrator, and its records have the same ids."""
    await signed_in(pages, server)
    crms.company = company
    for account in (kim, None):
        shown = await signed_in(pages, server, account)
        assert (shown.status, "another company" in shown.text) == (403, True)
    assert server.revoked == ["refresh-2", "refresh-3"]
    tokens = await sign_in_of(pages)
    assert tokens
    assert (tokens.refresh, await sign_in_of(pages, kim.sub)) == ("refresh-1", None)


async def test_a_consumer_accounts_company_is_its_users(pages: Pages, server: TokenServer, crms: TestCrms) -> None:
    alone = pages.desk.world.add_account("zed@gmail.example", "Zed")
    for company in ("portal 1", "portal 2"):
        crms.company = company
        assert "You are signed in" in (await signed_in(pages, server, alone)).text
    kept = await pages.desk.vault.connection(alone.sub, alone.sub)
    assert kept
    assert kept.crm
    assert kept.crm.company == "portal 2"


# The account's link


async def test_an_admin_connects_the_account_and_nobody_is_signed_in(admins_pages: Pages, server: TokenServer) -> None:
    pages, browser = admins_pages, admins_pages.browser()
    shown = await browser.open(coming_back(pages, server, await at_the_crm(pages, browser, Page.CRM_ACCOUNT)))
    assert (shown.status, "TestCRM is connected" in shown.text) == (200, True)
    link = await pages.desk.vault.connection(ORG, CRM_ACCOUNT)
    assert link
    assert link.crm
    assert (link.crm.refresh, link.sees, link.crm.origin) == ("refresh-1", None, HERE)
    assert await sign_in_of(pages) is None
    shown = await browser.open(pages.link(Page.SIGN_IN))
    assert "An admin of MailMagnet has to let you in to TestCRM first" in shown.text
    shown = await browser.send(shown)
    assert "Your admins see that you wait" in shown.text
    assert await pages.desk.store.mailbox(ORG, pages.desk.account.sub)


async def test_nobody_but_an_admin_connects_the_account(admins_pages: Pages, server: TokenServer) -> None:
    pages = admins_pages
    mallory = pages.desk.world.add_account("mallory@corp.example", "Mallory Corp", hosted_domain=ORG)
    browser = pages.browser()
    shown = await at_the_crm(pages, browser, Page.CRM_ACCOUNT, mallory)
    assert shown.status == 403
    assert (server.given, await pages.desk.vault.connection(ORG, CRM_ACCOUNT)) == (0, None)


async def test_who_is_no_administrator_in_the_crm_connects_nothing(
    admins_pages: Pages, server: TokenServer, crms: TestCrms
) -> None:
    crms.administrator = False
    pages, browser = admins_pages, admins_pages.browser()
    shown = await browser.open(coming_back(pages, server, await at_the_crm(pages, browser, Page.CRM_ACCOUNT)))
    assert (shown.status, "TestCRM does not allow this" in shown.text) == (403, True)
    assert (server.revoked, await pages.desk.vault.connection(ORG, CRM_ACCOUNT)) == (["refresh-1"], None)


async def test_an_answer_for_a_sign_in_connects_no_account(admins_pages: Pages, server: TokenServer) -> None:
    """And a user cannot be signed in where only the account is connected."""
    pages, browser = admins_pages, admins_pages.browser()
    shown = await at_the_crm(pages, browser)
    assert "An admin lets you in to TestCRM" in shown.text
    assert AUTHORIZE not in shown.url
