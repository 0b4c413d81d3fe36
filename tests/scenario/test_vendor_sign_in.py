"""Signing in at each vendor's stand-in, through its own page of consent: who chooses whom there, and what comes of it here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from aiohttp import web
from lxml import html

from cards.frame import Page
from functions.wiring import CRM_CALLBACK
from mailmagnet.caller import Caller, crm_of
from mailmagnet.crm_sign_in import CrmTokens, Sees
from mailmagnet.crm_users import ask_to_be_let_in, disconnect_account, let_in, let_out, save_sees
from mailmagnet.errors import NotListed
from mailmagnet.identity import Identity, identity_in
from mailmagnet.permission import check_permitted
from mailmagnet.vault import CRM_ACCOUNT
from sandbox.crms.stand_in import StandIn
from sandbox.demo.sandbox_process import process_in
from sandbox.google.world import Account
from tests.contract.crm_world import crm_world
from tests.scenario.desk import ADA, Desk, desk_in
from tests.scenario.pages_process import Browser, Pages, Shown, pages_on
from tests.signing import free_port

ORG = "corp.example"
OF_USERS, OF_ACCOUNTS = ("zoho", "pipedrive", "salesforce"), ("hubspot",)
ALLOW = {
    "zoho": {"answer": "accept"},
    "pipedrive": {"decision": "allow"},
    "salesforce": {"decision": "allow"},
    "hubspot": {"step": "allow"},
}
REFUSE = {
    "zoho": {"answer": "reject"},
    "pipedrive": {"decision": "cancel"},
    "salesforce": {"decision": "deny"},
    "hubspot": {"step": "cancel"},
}
"""The buttons of each page of consent."""


@dataclass
class Vendor:
    kind: str
    name: str
    pages: Pages

    async def consent_page(self, browser: Browser, page: Page, account: Account | None = None) -> Shown:
        return await self.pages.opened(browser, self.pages.link(page, account), account)

    async def choose(self, browser: Browser, shown: Shown, whom: str, button: dict[str, str]) -> Shown:
        """On the vendor's page: as this user, and this button."""
        labels = html.fromstring(shown.body).findall(".//label")
        [user] = [str(field.get("value")) for label in labels if whom in label.text_content() for field in label.iter("input")]
        return await browser.open(shown.action(), "POST", {**shown.fields(), "user": user, **button})


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path) as made:
        await made.vault.sign_out(ORG, made.account.sub)
        yield made


@asynccontextmanager
async def vendor_at(desk: Desk, kind: str) -> AsyncIterator[Vendor]:
    """The stand-in and our pages; each has to know first where the other is."""
    url, pages_port = f"http://127.0.0.1:{(port := free_port())}", free_port()
    stand_in: StandIn = import_module(f"sandbox.crms.{kind}.demo").stand_in(
        crm_world(), f"http://127.0.0.1:{pages_port}{CRM_CALLBACK}"
    )
    settings = {
        "MAILMAGNET_CRM": kind,
        "MAILMAGNET_CRM_PRIVATE": "true",
        "MAILMAGNET_CRM_CLIENT_ID": stand_in.client_id,
        "MAILMAGNET_CRM_CLIENT_SECRET": stand_in.client_secret,
        "MAILMAGNET_ADMINS": ADA,
        "SANDBOX_CRM_URL": url,
    }
    runner = web.AppRunner(stand_in.app(url))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with pages_on(desk, pages_port, settings) as pages:
            yield Vendor(kind, stand_in.name, pages)
    finally:
        await runner.cleanup()


async def sign_in_of(desk: Desk, user: str) -> CrmTokens | None:
    connection = await desk.vault.connection(ORG, user)
    return connection.crm if connection else None


@pytest.mark.parametrize("kind", OF_USERS)
async def test_each_user_signs_in_there_to_the_company_that_an_admin_has_shown(desk: Desk, kind: str) -> None:
    kim = desk.world.add_account("kim@corp.example", "Kim Corp", hosted_domain=ORG)
    async with vendor_at(desk, kind) as vendor:
        browser, kims = vendor.pages.browser(), vendor.pages.browser()
        shown = await vendor.consent_page(kims, Page.SIGN_IN, kim)
        early = await vendor.choose(kims, shown, "kim@", ALLOW[kind])
        assert (early.status, "An admin signs in first" in early.text) == (403, True)
        shown = await vendor.consent_page(browser, Page.SIGN_IN)
        shown = await vendor.choose(browser, shown, "ada@", ALLOW[kind])
        assert f"You are signed in to {vendor.name}" in shown.text
        kims = vendor.pages.browser()
        shown = await vendor.choose(kims, await vendor.consent_page(kims, Page.SIGN_IN, kim), "kim@", ALLOW[kind])
        assert f"You are signed in to {vendor.name}" in shown.text
        ada, kims_tokens = await sign_in_of(desk, desk.account.sub), await sign_in_of(desk, kim.sub)
        assert ada
        assert kims_tokens
        assert ada.company
        assert (ada.company, ada.account != kims_tokens.account) == (kims_tokens.company, True)
        shown = await browser.send(await browser.open(vendor.pages.link(Page.SIGN_IN)))
        assert f"You are signed out of {vendor.name}" in shown.text
        assert await sign_in_of(desk, desk.account.sub) is None
        assert await sign_in_of(desk, kim.sub) == kims_tokens


@pytest.mark.parametrize("kind", OF_ACCOUNTS)
async def test_an_administrator_connects_the_account(desk: Desk, kind: str) -> None:
    async with vendor_at(desk, kind) as vendor:
        browser = vendor.pages.browser()
        shown = await vendor.consent_page(browser, Page.CRM_ACCOUNT)
        shown = await vendor.choose(browser, shown, "ada@", ALLOW[kind])
        assert f"{vendor.name} is connected" in shown.text
        link = await desk.vault.connection(ORG, CRM_ACCOUNT)
        assert link
        assert link.crm
        assert (bool(link.crm.account), link.sees, await sign_in_of(desk, desk.account.sub)) == (True, None, None)


async def test_hubspots_users_are_let_in_by_an_admin_and_see_what_the_admin_lets_them(desk: Desk) -> None:
    """From nothing to the first answer: connected, chosen, proposed, confirmed; and out again."""
    async with vendor_at(desk, "hubspot") as vendor:
        browser = vendor.pages.browser()
        await vendor.choose(browser, await vendor.consent_page(browser, Page.CRM_ACCOUNT), "ada@", ALLOW["hubspot"])
        process = process_in(vendor.pages.environment)
        kim = identity_in(ORG, "103", "kim@corp.example")
        ada = identity_in(ORG, desk.account.sub, ADA)

        def caller(who: Identity) -> Caller:
            return Caller(who, process.now(), asyncio.get_running_loop().time() + 5)

        await ask_to_be_let_in(kim, process)
        with pytest.raises(NotListed):
            await check_permitted(await crm_of(caller(kim), process))
        seen = await save_sees(Sees.OWN, caller(ada), process)
        assert (seen.sees, seen.sees_all, seen.account != "") == (Sees.OWN, True, True)
        proposed = {person.user: person.proposed for person in seen.people if person.proposed}
        assert {user: each.email for user, each in proposed.items()} == {ada.user: ADA, kim.user: "kim@corp.example"}
        await let_in({user: each.id for user, each in proposed.items()}, "", caller(ada), process)
        for who, name in ((kim, "Kim Park"), (ada, "Ada Byron")):
            me = await check_permitted(await crm_of(caller(who), process))
            assert (me.name, me.id) == (name, proposed[who.user].id)
        await let_out(kim.user, caller(ada), process)
        with pytest.raises(NotListed):
            await check_permitted(await crm_of(caller(kim), process))
        assert (await disconnect_account(caller(ada), process)).account == ""
        with pytest.raises(NotListed):
            await check_permitted(await crm_of(caller(ada), process))
        await process.close()


@pytest.mark.parametrize("kind", [*OF_USERS, *OF_ACCOUNTS])
async def test_who_refuses_there_is_told_so_here(desk: Desk, kind: str) -> None:
    async with vendor_at(desk, kind) as vendor:
        browser = vendor.pages.browser()
        page = Page.SIGN_IN if kind in OF_USERS else Page.CRM_ACCOUNT
        shown = await vendor.consent_page(browser, page)
        shown = await vendor.choose(browser, shown, "ada@", REFUSE[kind])
        assert (shown.status, "You did not allow it" in shown.text) == (200, True)
        assert await sign_in_of(desk, desk.account.sub) is None
        assert await desk.vault.connection(ORG, CRM_ACCOUNT) is None
