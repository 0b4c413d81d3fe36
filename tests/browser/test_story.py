"""The whole story in a real browser: from installing, over refusals and mistakes, to leaving; each step builds on the one before it.

At its end every byte that the product has written is searched for what it may never have written.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from cards.frame import Path as Served
from sandbox.demo.processes import OWN_DOMAIN, Demo, SetUp, running_demo
from sandbox.desk.import_mail import import_in_thread
from sandbox.google.event import Surroundings, addon_event
from sandbox.google.world import Account
from tests.browser.conftest import Desk, desk_in, keep_picture
from tests.browser.story_mail import Letter, Person, Writer
from tests.browser.story_search import GOOGLES_SIDE, OWN_SECRETS, Forbidden, Written, codings
from tests.scenario.addon_process import SCOPES, function_process
from tests.signing import free_port
from tests.told_at_the_end import COUNTED
from token_vault.encrypted_file import EncryptedFileVault

pytestmark = pytest.mark.asyncio(loop_scope="session")

CRM = "MailMagnet CRM"
HENRIETTA = ("Henrietta Lovell", "henrietta.lovell@analytical-works.example")
SIGRID = ("Sigrid Østby", "sigrid.ostby@fjordland.example")
CUSTOMERS: tuple[Person, ...] = (
    HENRIETTA,
    ("Jürgen Weiß", "j.weiss@bergmann-soehne.example"),
    SIGRID,
    ("Mia Sommer", "mia@driftwood-coffee.example"),
    ("山田 太郎", "t.yamada@kitayama-seiki.example"),
    ("Lena Fischer", "lena.fischer@tidewater.example"),
)
STRANGERS: tuple[Person, ...] = (("Wilma Tagesblatt", "wilma@tagesblatt.example"), ("Parcel Post", "depot@parcel-post.example"))
LETTERS, LETTERS_OF_KIM = 48, 6
LOOKED_AT = {"store.sqlite", "crm.sqlite", "vault", "mailmagnet.log", "task"}
TELLING_PROCESS = "tests/browser/telling_process.py"
WRONG_PASSWORD = "not-the-password"
READ, SORT, SEND = "View your email messages", "Read, compose, and send emails", "Manage drafts and send emails"
"""How Google's screen says gmail.readonly, gmail.modify and gmail.compose."""
LABELS = ("Deals Closing This Month (CTM)", "Open Deals", "Customer")


@dataclass
class Story:
    """The demo in which it happens, a browser for each of its people, and what the search at its end looks for."""

    demo: Demo
    ada: Desk
    kim: Desk
    noa: Desk
    temporary: Path
    config: pytest.Config
    writer: Writer
    letters: list[Letter]
    forbidden: Forbidden
    written: Written = field(default_factory=Written)
    broken: str = ""

    def account(self, desk: Desk) -> Account:
        """Whose browser it is."""
        return {id(self.ada): self.demo.user, id(self.kim): self.demo.colleague, id(self.noa): self.demo.without_mail}[id(desk)]

    async def home(self, desk: Desk) -> None:
        """Gmail, with no mail open."""
        await desk.page.goto("about:blank")
        await desk.show(account=self.account(desk))

    async def open(self, desk: Desk, letter: Letter) -> None:
        """One mail."""
        await desk.page.goto("about:blank")
        await desk.open(letter.subject, account=self.account(desk), label="ALL")

    def arrive(self, sender: Person, account: Account, subject: str = "") -> Letter:
        """A letter comes in now."""
        letter = self.writer.letter(sender, (account.name, account.address), self.demo.world.clock(), subject)
        self.letters.append(letter)
        self.demo.world.mailbox(account.address).arrive(letter.raw)
        return letter

    def letter_of_henrietta(self, desk: Desk) -> Letter:
        """One that she wrote to this user."""
        sender, to = (address.encode() for address in (HENRIETTA[1], self.account(desk).address))
        return next(letter for letter in self.letters if sender in letter.raw and to in letter.raw)

    async def picture(self, page: Page, name: str) -> None:
        """Of a whole window."""
        await keep_picture(page, f"story-{name}", self.config)

    async def panel(self, desk: Desk, name: str, height: int = 800) -> None:
        """A picture of the panel alone, in a window this high."""
        await desk.page.set_viewport_size({"width": 1280, "height": height})
        await keep_picture(desk.page, f"story-{name}", self.config, of=desk.page.locator("#panel"))
        await desk.page.set_viewport_size({"width": 1280, "height": 800})

    def later(self, minutes: int) -> None:
        """The world's time goes on."""
        self.demo.clock.turn_to(self.demo.now() + timedelta(minutes=minutes))

    async def kept(self, desk: Desk) -> Mapping[str, Any]:
        """What the product keeps of this user, as its own command prints it."""
        stored = await self.demo.mailmagnet("stored", "--org", OWN_DOMAIN, "--user", self.account(desk).sub)
        found: Mapping[str, Any] = json.loads(stored)
        return found

    def all_forbidden(self) -> dict[str, str]:
        """Every word that may be found nowhere, with what it is."""
        for letter in self.letters:
            self.forbidden.add("a subject", letter.subject)
            self.forbidden.add("a mail's word", *letter.words)
            self.forbidden.add("a recipient", *letter.strangers)
        self.forbidden.add("a sender who is no customer", *(address for _, address in STRANGERS))
        return self.forbidden.words

    async def look(self, step: str) -> None:
        """What lies on the disk now, and which secrets were used so far."""
        self.written.look(f"after {step}", self.demo.folder, but=(*GOOGLES_SIDE, *OWN_SECRETS))
        self.written.look(f"after {step}", self.temporary)
        vault = EncryptedFileVault(self.demo.folder / "vault", self.demo.environment["MAILMAGNET_VAULT_KEY"])
        for account in self.demo.world.accounts():
            if connection := await vault.connection(OWN_DOMAIN, account.sub):
                if connection.crm:
                    self.forbidden.add("a token of the CRM", connection.crm.access, connection.crm.refresh)
                self.forbidden.add("Gmail's refresh token", connection.gmail_token)
        for desk in (self.ada, self.kim, self.noa):
            for cookie in await desk.page.context.cookies(self.demo.pages_url):
                # A browser does not tell ports of one machine apart: the desk's own cookie is there too.
                self.forbidden.add("a cookie of the pages", cookie["value"] if cookie["name"].startswith("mailmagnet") else "")
            for address in desk.requests:
                for name, values in parse_qs(urlsplit(address).query).items():
                    if name in ("link", "state"):
                        self.forbidden.add(f"a page's {name}", *values)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def story(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, request: pytest.FixtureRequest
) -> AsyncIterator[Story]:
    """A demo of its own, of which nothing is set up yet; whatever is written to temporary files lies in a folder of its own."""
    folder, temporary = tmp_path_factory.mktemp("story") / "demo", tmp_path_factory.mktemp("temporary")
    writer, letters, forbidden = Writer(1815), list[Letter](), Forbidden()

    async def fill(demo: Demo) -> None:
        forbidden.watch(demo.world)
        # Whenever this runs, it is ten in the morning: no notice comes in quiet hours.
        demo.clock.turn_to(demo.now().replace(hour=10, minute=0))
        senders = [*CUSTOMERS, STRANGERS[0], *CUSTOMERS, STRANGERS[1]]
        for account, count in ((demo.user, LETTERS), (demo.colleague, LETTERS_OF_KIM)):
            written = list(writer.letters(senders, (account.name, account.address), demo.world.clock(), count))
            letters.extend(written)
            await arrive_at(demo, account, written)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        async with running_demo(folder, fill, set_up=SetUp.YOURSELF) as demo, AsyncExitStack() as stack:
            demo.world.quota.units_a_minute = 10_000_000
            ada, kim, noa = [await stack.enter_async_context(desk_in(browser, demo)) for _ in range(3)]
            forbidden.add("a password", demo.crm_password, WRONG_PASSWORD)
            forbidden.add("the client's secret", demo.world.google.client_secret)
            yield Story(demo, ada, kim, noa, temporary, request.config, writer, letters, forbidden)


async def arrive_at(demo: Demo, account: Account, letters: list[Letter]) -> None:
    """Earlier mail, each at its own date."""
    folder = demo.folder / "letters" / account.sub
    await asyncio.to_thread(folder.mkdir, parents=True)
    for number, letter in enumerate(letters):
        await asyncio.to_thread((folder / f"{number:03}.eml").write_bytes, letter.raw)
    await import_in_thread(
        folder, demo.world.mailbox(account.address), demo.world.clock(), account.addresses, lambda done, total: None
    )


# What its people do


async def press(desk: Desk, button: str) -> None:
    """A button in the panel, by what stands on it; until the answer is there."""
    async with desk.page.expect_response("**/desk/*/panel"):
        await desk.panel.locator("button, a, [role=button], [role=link]", has_text=button).first.click()
    await desk.settled()


async def over_the_panel(desk: Desk, button: str) -> Page:
    """The window that a button opens."""
    async with desk.page.context.expect_page() as opened:
        await desk.panel.locator("button, a, [role=button], [role=link]", has_text=button).first.click()
    window = await opened.value
    await window.set_viewport_size({"width": 520, "height": 680})
    return window


async def choose_account(window: Page, account: Account) -> None:
    """At Google's screen."""
    await window.get_by_role("radio", name=account.address).check()
    await window.get_by_role("button", name="Next").click()
    await window.wait_for_load_state()


async def say_who(window: Page, account: Account) -> None:
    """Sign the browser in with Google, for a page of ours, where it asks: it does so again after ten minutes."""
    await window.wait_for_load_state()
    if await window.get_by_role("radio").count():
        await choose_account(window, account)
    if await window.get_by_text("wants to know who you are").count():
        await window.get_by_role("button", name="Continue").click()


async def closes(desk: Desk, window: Page, button: str) -> None:
    """A button in a window after which it closes by itself, and the panel asks anew."""
    async with desk.page.expect_response("**/desk/*/panel"), window.expect_event("close"):
        await window.get_by_role("button", name=button).click()
    await desk.settled()


async def closes_over_a_form(_: Desk, window: Page, button: str) -> None:
    """The same, and the panel stays as it was typed."""
    async with window.expect_event("close"):
        await window.get_by_role("button", name=button).click()


async def sign_in_to_crm(story: Story, desk: Desk, window: Page) -> None:
    await window.get_by_label("User name").fill(story.account(desk).address)
    await window.get_by_label("Password").fill(story.demo.crm_password)
    await closes(desk, window, "Sign in")


async def grant(story: Story, desk: Desk, button: str, *scopes: str, over_a_form: bool = False) -> None:
    """Give Google's consent to these scopes, from a card's button; over a form the panel stays as it was typed."""
    window = await over_the_panel(desk, button)
    await choose_account(window, story.account(desk))
    for scope in scopes:
        await window.get_by_role("checkbox", name=re.compile(scope)).check()
    await (closes_over_a_form if over_a_form else closes)(desk, window, "Continue")


def switch(desk: Desk, name: str) -> Locator:
    return desk.panel.get_by_role("switch", name=re.compile(name))


# The steps


async def installing(story: Story) -> None:
    """Gmail with the panel, for the first time: it says what is missing, and where to begin."""
    await story.home(story.ada)
    await expect(story.ada.panel).to_contain_text(f"You are not signed in to {CRM}.")
    await expect(story.ada.panel).to_contain_text("MailMagnet is not set up.")
    await story.picture(story.ada.page, "install")
    await press(story.ada, "Set up MailMagnet")
    await expect(story.ada.panel).to_contain_text(f"You are not signed in to {CRM}.")


async def signing_in_to_the_crm(story: Story) -> None:
    window = await over_the_panel(story.ada, "Sign in")
    await say_who(window, story.demo.user)
    await window.get_by_label("User name").fill(story.demo.user.address)
    await window.get_by_label("Password").fill(WRONG_PASSWORD)
    await window.get_by_role("button", name="Sign in").click()
    await expect(window.get_by_role("alert")).to_contain_text(f"{CRM} did not let you in")
    await expect(window.get_by_label("Password")).to_have_value("")
    await story.picture(window, "sign-in")
    refused_by_status(story.ada)
    await sign_in_to_crm(story, story.ada, window)
    await expect(story.ada.panel).to_contain_text("Today")


def refused_by_status(desk: Desk) -> None:
    """The browser itself notes a refusal's status in its console."""
    desk.complaints[:] = [each for each in desk.complaints if not re.search("status of 40[0-9]", each)]


async def without_the_permission(story: Story) -> None:
    await story.home(story.noa)
    window = await over_the_panel(story.noa, "Sign in")
    await say_who(window, story.demo.without_mail)
    await sign_in_to_crm(story, story.noa, window)
    await press(story.noa, "Set up MailMagnet")
    await expect(story.noa.panel).to_contain_text(f"Your profile in {CRM} lacks the permission “Mail Integration”.")
    await expect(story.noa.panel).to_contain_text("can give it.")
    await story.panel(story.noa, "no-permission", 360)
    await story.demo.embedded_crm("set-permission", "--profile", "Without mail", "--permission", "Mail Integration", "--held")
    await press(story.noa, "Retry")
    await expect(story.noa.panel).to_contain_text("Channel")


async def the_wrong_account(story: Story) -> None:
    await press(story.ada, "Set up MailMagnet")
    await story.panel(story.ada, "set-up", 1440)
    window = await over_the_panel(story.ada, "Connect Gmail")
    await choose_account(window, story.demo.colleague)
    await window.get_by_role("checkbox", name=re.compile(READ)).check()
    await window.get_by_role("button", name="Continue").click()
    await expect(window.get_by_role("heading", name="That was another account")).to_be_visible()
    await story.picture(window, "wrong-account")
    refused_by_status(story.ada)
    assert not story.demo.world.google.has_consented(story.demo.colleague.address)
    assert (await story.kept(story.ada))["mailbox"] is None
    await window.get_by_role("link", name="Try again").click()
    await a_scope_left_out(story, window)


async def a_scope_left_out(story: Story, window: Page) -> None:
    await choose_account(window, story.demo.user)
    await window.get_by_role("button", name="Continue").click()
    await expect(window.get_by_text("“Read your mail”: to list your mail with a contact")).to_be_visible()
    await story.picture(window, "left-out")
    refused_by_status(story.ada)
    await window.get_by_role("link", name="Try again").click()
    await choose_account(window, story.demo.user)
    await window.get_by_role("checkbox", name=re.compile(READ)).check()
    await story.picture(window, "consent")
    await closes(story.ada, window, "Continue")


async def setting_up(story: Story) -> None:
    """MailMagnet needs one more consent, and says so; then Save tells what it will do before it does it."""
    panel = story.ada.panel
    await press(story.ada, "Turn on")
    await switch(story.ada, "MailMagnet").check()
    await press(story.ada, "Save")
    await expect(panel).to_contain_text("MailMagnet needs your consent to sort mail in Gmail.")
    await grant(story, story.ada, "Allow sorting", SORT, over_a_form=True)
    await expect(switch(story.ada, "MailMagnet")).to_be_checked()
    await press(story.ada, "Save")
    await expect(panel).to_contain_text("✓ Saved")
    await story.home(story.ada)
    await press(story.ada, "Settings")
    await expect(panel).to_contain_text(re.compile(r"of your newest \d+ mails"))
    await switch(story.ada, "Label your mail").check()
    await story.panel(story.ada, "labels")
    await press(story.ada, "Save")
    await expect(panel).to_contain_text("Customers’ mail of the last 30 days")
    await story.panel(story.ada, "before-saving", 520)
    await press(story.ada, "Save and sort it")
    await expect(panel).to_contain_text("✓ Saved")
    mailbox = (await story.kept(story.ada))["mailbox"]
    assert mailbox["mailmagnet_since"]
    assert mailbox["labelling_since"]


async def the_first_backfill(story: Story) -> None:
    await story.home(story.ada)
    await story.ada.page.get_by_role("button", name="Run the job").click()
    await expect(story.ada.page.locator(".job-told")).to_contain_text("new mails sorted")
    labels = {label["name"]: label for label in await labels_of(story.ada)}
    assert all(labels[name]["threads"] for name in LABELS), labels
    await story.ada.show(label=labels[LABELS[0]]["id"])
    await expect(story.ada.rows.first).to_be_visible()
    await story.picture(story.ada.page, "sorted")
    mails = (await story.kept(story.ada))["mails"]
    assert {mail["from_address"] for mail in mails} <= {address for _, address in CUSTOMERS}
    assert len(mails) > LETTERS // 2


async def labels_of(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await desk.page.evaluate(
        "async (account) => (await fetch(`/desk/${account}/labels`)).json()", desk.demo.user.address
    )
    return found


async def mail_arrives(story: Story) -> None:
    """What comes is on the homepage after the next tick; marked as done it is read in Gmail."""
    letter = story.arrive(HENRIETTA, story.demo.user)
    story.later(minutes=11)
    await story.demo.job.tick()
    await story.home(story.ada)
    await expect(story.ada.panel).to_contain_text(letter.subject)
    await story.panel(story.ada, "new-mail", 1200)
    line = story.ada.panel.locator(".widget", has_text=letter.subject)
    async with story.ada.page.expect_response("**/desk/*/panel"):
        await line.get_by_role("button", name="Mark as done").click()
    await story.ada.settled()
    [mail] = story.demo.world.mailbox(story.demo.user.address).messages(f'subject:"{letter.subject}"').messages
    assert "UNREAD" not in mail.label_ids


async def a_notice(story: Story) -> None:
    """The address of a space's webhook is typed on a page; what then comes there counts, and names nobody."""
    desk = story.ada
    await desk.page.get_by_role("button", name="World's dials", exact=True).click()
    webhook = await desk.page.get_by_label("Webhook of the space").input_value()
    await desk.page.get_by_role("button", name="Close", exact=True).click()
    story.forbidden.add("the webhook", *(part for parts in parse_qs(urlsplit(webhook).query).values() for part in parts))
    await press(desk, "Settings")
    window = await over_the_panel(desk, "Give the address")
    await say_who(window, story.demo.user)
    await window.get_by_label("Address of the webhook").fill(webhook)
    await story.picture(window, "webhook")
    await closes_over_a_form(desk, window, "Keep it")
    await desk.panel.get_by_label("Tell me in Google Chat of customers’ mail").select_option(label="At once, after each run")
    await save(desk)
    story.arrive(SIGRID, story.demo.user)
    story.later(minutes=11)
    await story.demo.job.tick()
    await desk.page.get_by_role("button", name="World's dials", exact=True).click()
    notices = desk.page.get_by_role("list", name="Notices")
    await expect(notices).to_contain_text("1 new mail from customers: Open deals 1.")
    for letter in story.letters:
        await expect(notices).not_to_contain_text(letter.subject)
    await desk.page.get_by_role("button", name="Close", exact=True).click()


async def private(story: Story) -> None:
    """A second user, signed in and connected, finds nothing of the first one's."""
    await story.home(story.kim)
    window = await over_the_panel(story.kim, "Sign in")
    await say_who(window, story.demo.colleague)
    await sign_in_to_crm(story, story.kim, window)
    await at_mail_with_henrietta(story, story.kim)
    await expect(story.kim.panel).to_contain_text("MailMagnet may not read your mail yet.")
    await grant(story, story.kim, "Allow", READ)
    await at_mail_with_henrietta(story, story.kim)
    await expect(story.kim.panel).to_contain_text("does not share mail with Henrietta Lovell.")
    assert not await of_ada(story)


async def at_mail_with_henrietta(story: Story, desk: Desk) -> None:
    """From a mail of hers to the card of all mail with her."""
    await story.open(desk, story.letter_of_henrietta(desk))
    await press(desk, "Mail with Henrietta Lovell")


async def of_ada(story: Story) -> list[str]:
    """The first user's subjects in the second one's panel."""
    shown = await story.kim.panel.inner_text()
    return [each.subject for each in story.letters if b"ada@" in each.raw and each.subject in shown]


async def custom(story: Story) -> None:
    """Shared for one contact, on that contact's card."""
    await share(story, "Colleagues, for contacts I choose")
    await at_mail_with_henrietta(story, story.ada)
    await expect(story.ada.panel).to_contain_text("Only you can read your mail with Henrietta Lovell.")
    await press(story.ada, "Share mail with this contact")
    await expect(story.ada.panel).to_contain_text("Colleagues who can open Henrietta Lovell")
    await story.panel(story.ada, "custom")
    await at_mail_with_henrietta(story, story.kim)
    subjects = await of_ada(story)
    assert subjects
    await story.panel(story.kim, "shared")
    await press(story.kim, subjects[0])
    letter = next(each for each in story.letters if each.subject == subjects[0])
    await expect(story.kim.panel).to_contain_text(letter.words[0])
    await expect(story.kim.panel).to_contain_text("can see that you have read this.")
    await story.panel(story.kim, "reading")
    await at_mail_with_henrietta(story, story.ada)
    await press(story.ada, "Stop sharing")
    await at_mail_with_henrietta(story, story.kim)
    assert not await of_ada(story)


async def public(story: Story) -> None:
    await share(story, "All colleagues with access to the contact")
    await at_mail_with_henrietta(story, story.kim)
    assert await of_ada(story)


async def who_could_read(story: Story) -> None:
    """Who could read this, and why; and who did."""
    await at_mail_with_henrietta(story, story.ada)
    await press(story.ada, "Who could read this")
    await expect(story.ada.panel).to_contain_text("Kim")
    await story.panel(story.ada, "who-could-read", 600)
    await story.home(story.ada)
    await press(story.ada, "Settings")
    await press(story.ada, "What I share, and who read it")
    await expect(story.ada.panel).to_contain_text("mail with Henrietta Lovell")
    await story.panel(story.ada, "who-read", 600)


async def the_record_page(story: Story) -> None:
    """The same list as a page, as a CRM's record can lead to it: for whom the link was made, and nobody else."""
    await at_mail_with_henrietta(story, story.kim)
    subjects = await of_ada(story)
    window = await over_the_panel(story.kim, "Open as a page")
    await say_who(window, story.demo.colleague)
    await expect(window.get_by_role("heading", name="Mail with Henrietta Lovell")).to_be_visible()
    await expect(window.get_by_text(subjects[0]).first).to_be_visible()
    await story.picture(window, "record")
    await window.close()


async def the_admins_policy(story: Story) -> None:
    """An admin sees what a policy would do, before it is saved."""
    panel = story.ada.panel
    await story.home(story.ada)
    await press(story.ada, "Settings")
    await press(story.ada, "Administration")
    await story.panel(story.ada, "administration", 600)
    await press(story.ada, "Policy")
    await panel.get_by_label("Who may read users’ mail with contacts").select_option(label="Only the owner reads")
    await press(story.ada, "See what it does")
    await expect(panel).to_contain_text("1 would share less")
    await story.panel(story.ada, "policy", 1000)


async def a_template_in_a_draft(story: Story) -> None:
    desk = story.ada
    word = story.writer.word()
    story.forbidden.add("a draft's word", word)
    await story.home(desk)
    await desk.page.get_by_role("button", name="Compose", exact=True).click()
    window = desk.page.locator(".compose").last
    await window.get_by_label("To", exact=True).fill(HENRIETTA[1])
    await window.get_by_label("Subject").fill(f"About the {word}")
    await window.get_by_role("textbox", name="Message").click()
    async with desk.page.expect_response("**/desk/*/panel"):
        await window.locator(".compose-action").first.click()
    await desk.settled()
    await press(desk, "Follow up an offer")
    await story.picture(desk.page, "template")
    async with desk.page.expect_response("**/desk/*/panel"):
        await desk.panel.locator("button", has_text="Insert").first.click()
    await expect(window.get_by_role("textbox", name="Message")).to_contain_text("Hello Henrietta")
    await story.picture(desk.page, "draft")
    await window.get_by_role("button", name="Discard draft").click()


async def sending(story: Story) -> None:
    """Who has only let MailMagnet read is asked once more before the first mail is written; then it is sent once."""
    desk, word = story.kim, story.writer.word()
    stranger = f"{story.writer.word().lower()}@faraway.example"
    story.forbidden.add("a sent mail's word", word)
    story.forbidden.add("a recipient", stranger)
    letter = story.letter_of_henrietta(desk)
    await story.open(desk, letter)
    await press(desk, "Reply to Henrietta Lovell")
    await expect(desk.panel).to_contain_text("MailMagnet may not write mail for you yet.")
    await grant(story, desk, "Allow", SEND)
    await press(desk, "Reply to Henrietta Lovell")
    to = desk.panel.get_by_label("To", exact=True)
    await to.fill(f"{await to.input_value()}, {stranger}")
    await desk.panel.get_by_label("Text", exact=True).fill(f"Dear Henrietta,\n\nthe {word} is on its way.\n\nKim")
    await story.panel(desk, "write")
    await press(desk, "Send")
    await expect(desk.panel).to_contain_text("Sent.")
    mailbox = story.demo.world.mailbox(story.demo.colleague.address)
    [sent] = mailbox.messages("in:sent").messages
    assert word in sent.snippet


async def everything_kept(story: Story) -> None:
    """One card lists it, with the export."""
    await story.home(story.ada)
    await press(story.ada, "Settings")
    await press(story.ada, "Everything kept about me")
    await expect(story.ada.panel).to_contain_text("mail records")
    await story.panel(story.ada, "kept", 980)
    window = await over_the_panel(story.ada, "Export (JSON)")
    await say_who(window, story.demo.user)
    await expect(window.get_by_role("heading", name="Everything kept about you")).to_be_visible()
    async with window.expect_download() as downloading:
        await window.get_by_role("link", name="Download").click()
    exported = json.loads(Path(await (await downloading.value).path()).read_text())
    assert exported["you"]["address"] == story.demo.user.address
    await story.picture(window, "export")
    await window.close()


async def leaving(story: Story) -> None:
    await story.home(story.ada)
    await press(story.ada, "Settings")
    await press(story.ada, "Deactivate")
    await expect(story.ada.panel).to_contain_text("Will be deleted")
    await story.panel(story.ada, "deactivate", 700)
    await press(story.ada, "Deactivate and delete")
    await expect(story.ada.panel).to_contain_text("MailMagnet is deactivated.")
    assert await story.kept(story.ada) == {"mailbox": None, "mails": []}
    assert not story.demo.world.google.has_consented(story.demo.user.address)
    await story.home(story.ada)
    await expect(story.ada.panel).to_contain_text("MailMagnet is not set up.")
    await at_mail_with_henrietta(story, story.kim)
    assert not await of_ada(story)


async def delete_all(story: Story) -> None:
    """The second user leaves by the card that lists everything."""
    await story.home(story.kim)
    await press(story.kim, "Turn on")
    await press(story.kim, "Everything kept about me")
    await press(story.kim, "Delete all")
    await press(story.kim, "Deactivate and delete")
    await expect(story.kim.panel).to_contain_text("MailMagnet is deactivated.")
    assert await story.kept(story.kim) == {"mailbox": None, "mails": []}


async def share(story: Story, how: str) -> None:
    """From the homepage to the set-up card, choose who may read, and Save."""
    await story.home(story.ada)
    await press(story.ada, "Settings")
    await story.ada.panel.get_by_role("radio", name=re.compile(how)).check()
    await save(story.ada)


async def save(desk: Desk) -> None:
    """What was sorted once need not be sorted again."""
    await press(desk, "Save")
    if await desk.panel.locator("button", has_text="Save and sort it").count():
        await press(desk, "Save and sort it")
    await expect(desk.panel).to_contain_text("✓ Saved")


async def a_log_that_tells_too_much(story: Story) -> None:
    """The same add-on, but that it logs its answers: what is searched for at the end is found there."""
    port, log = free_port(), bytearray()
    url = f"http://127.0.0.1:{port}"
    environment = {**story.demo.environment, "MAILMAGNET_ADDON_URL": url, "FUNCTION_USE_ASGI": "true"}
    google, path = story.demo.world.google, f"{url}{Served.HOME}"
    async with function_process(TELLING_PROCESS, "addon", environment, port, log), aiohttp.ClientSession() as session:
        event = addon_event(google, path, Surroundings(story.demo.user, scopes=SCOPES))
        headers = {"Authorization": f"Bearer {google.system_token(path)}"}
        async with session.post(path, json=event, headers=headers) as answer:
            assert answer.status == 200
    written = Written()
    written.add("", "log", bytes(log))
    newest = story.letters[-1]
    assert written.search({newest.subject: "a subject"}) == [f"a subject: {newest.subject}, in log "]
    assert any("a subject" in told for told in written.search(story.all_forbidden()))


STEPS: tuple[Callable[[Story], Awaitable[None]], ...] = (
    installing,
    signing_in_to_the_crm,
    without_the_permission,
    the_wrong_account,
    setting_up,
    the_first_backfill,
    mail_arrives,
    a_notice,
    private,
    custom,
    public,
    who_could_read,
    the_admins_policy,
    the_record_page,
    a_template_in_a_draft,
    sending,
    a_log_that_tells_too_much,
    everything_kept,
    leaving,
    delete_all,
)


@pytest.mark.parametrize("step", STEPS, ids=[step.__name__ for step in STEPS])
async def test_step(story: Story, step: Callable[[Story], Awaitable[None]]) -> None:
    # The step that broke has failed, and the run with it: the others, which build on it, would only repeat that.
    if story.broken:
        pytest.skip(f"the story broke at: {story.broken}")
    story.broken = step.__name__
    await step(story)
    await story.look(step.__name__)
    story.broken = ""


async def test_nothing_of_any_mail_and_no_secret_is_written(story: Story, record_property: Callable[[str, object], None]) -> None:
    """Store, vault, CRM, logs, what the sandbox keeps beside them, task payloads, temporary files: at every step of the story."""
    if story.broken:
        pytest.skip(f"the story broke at: {story.broken}")
    for attempt in story.demo.world.tasks.log:
        story.written.add(attempt.at.isoformat(), "task", b" ".join((attempt.name.encode(), attempt.sent, attempt.answered)))
    words = story.all_forbidden()
    kinds = Counter(words.values())
    coded = sum(len(codings(word)) for word in words)
    counted = (
        f"Looked for {len(words):,} strings, {coded:,} with their codings, in {story.written.size:,} bytes that were written"
    )
    record_property(COUNTED, f"{counted}: {', '.join(f'{count} × {what}' for what, count in kinds.most_common())}.")
    assert story.written.search(words) == []
    assert (
        min(kinds[kind] for kind in ("a subject", "a mail's word", "a recipient", "a code", "a token of the CRM", "the webhook"))
        > 1
    )
    assert story.written.places >= LOOKED_AT
    customers = {address: "a customer" for _, address in CUSTOMERS}
    found = [told for told in story.written.search(customers) if "store.sqlite" in told]
    assert len(found) == len(customers), "the From address is one of the three facts: where it is kept it is found"
