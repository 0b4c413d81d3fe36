"""The world's dials and what is behind the panel, in a real browser: each dial is turned, and the screen says what the product says."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Route, expect

from sandbox.demo.demo_mail import made_mail
from sandbox.demo.processes import Demo, running_demo
from sandbox.google.faults import Fault
from tests.browser.conftest import Desk, Picture

pytestmark = pytest.mark.asyncio(loop_scope="session")

HENRIETTA = "Henrietta Lovell <henrietta.lovell@analytical-works.example>"
CRM = "MailMagnet CRM"
CTM, OPEN, CUSTOMER = "Deals Closing This Month (CTM)", "Open Deals", "Customer"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """A demo of its own: what happens in another time and under other deals is nothing for the other tests."""
    async with running_demo(tmp_path_factory.mktemp("dials") / "demo", made_mail) as started:
        started.world.quota.units_a_minute = 10_000_000
        yield started


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def as_before(desk: Desk) -> AsyncIterator[None]:
    """After each test the world's time is the machine's, and all is well."""
    yield
    desk.demo.clock.turn_back()
    desk.demo.crm_fault_file.unlink(missing_ok=True)
    desk.demo.world.faults.clear()
    if not desk.demo.world.google.has_consented(desk.demo.user.address):
        await desk.demo.connect(desk.demo.user)


async def contact(desk: Desk, name: str, deal: str = "", stage: str = "Negotiation", closing: str = "") -> str:
    """A new contact of the user's in the CRM, with one deal when that is named; as From has it."""
    address = f"{name.lower().replace(' ', '.')}@hopper.example"
    tables = {"contacts": f"Name,Emails\n{name},{address}\n"}
    if deal:
        tables["deals"] = f"Name,Stage,Closing date,Amount,Currency,Contacts\n{deal},{stage},{closing},1000,EUR,{address}\n"
    for kind, table in tables.items():
        file = desk.demo.folder / f"{kind}.csv"
        file.write_text(table)
        await desk.demo.embedded_crm("import", kind, str(file), "--owner", desk.demo.user.address)
    return f"{name} <{address}>"


async def dials_of(desk: Desk) -> Locator:
    """The dials, opened and ready."""
    await desk.page.get_by_role("button", name="World's dials", exact=True).click()
    dialog = desk.page.get_by_role("dialog", name="World's dials")
    await expect(dialog.get_by_role("heading", name="Edit a deal")).to_be_visible()
    return dialog


async def turn_to(dials: Locator, day: str, shown: str) -> None:
    await dials.get_by_label("Date", exact=True).fill(day)
    await dials.get_by_role("button", name="Turn to date").click()
    await expect(dials.locator(".world-time")).to_contain_text(shown)


async def let_arrive(dials: Locator, sender: str, subject: str) -> None:
    await dials.get_by_label("From").fill(sender)
    await dials.get_by_label("Subject").fill(subject)
    await dials.get_by_role("button", name="Let it arrive").click()
    await expect(dials.locator(".dials-said")).to_have_text("The mail has arrived.")


async def change_deal(dials: Locator, name: str, **fields: str) -> None:
    choice = dials.locator("option", has_text=name)
    await dials.get_by_label("Deal", exact=True).select_option(await choice.get_attribute("value"))
    for label, value in fields.items():
        field = dials.get_by_label(label.replace("_", " "), exact=True)
        await (field.select_option(value) if label == "Stage" else field.fill(value))
    await dials.get_by_role("button", name="Change the deal").click()
    await expect(dials.locator(".dials-said")).to_have_text(f"“{name}” is changed.")


async def close(dials: Locator) -> None:
    await dials.get_by_role("button", name="Close").click()
    await expect(dials).to_be_hidden()


async def run_job(desk: Desk) -> None:
    """Run the job on the screen, until it has said its counts."""
    await desk.page.get_by_role("button", name="Run the job").click()
    await expect(desk.page.locator(".job-told")).to_have_attribute("aria-busy", "false")
    await expect(desk.page.locator(".job-sum")).to_contain_text("sorted")


async def counts(desk: Desk) -> dict[str, int]:
    """The job's counts as the screen has them."""
    names = await desk.page.locator(".job-told dt").all_inner_texts()
    numbers = await desk.page.locator(".job-told dd").all_inner_texts()
    return {name: int(number.replace(",", "")) for name, number in zip(names, numbers, strict=True)}


async def stands_under(desk: Desk, subject: str, label: str) -> None:
    """The label's list has the mail; the inbox has it not."""
    await desk.page.locator("#labels").get_by_role("link", name=label).click()
    await expect(desk.row(subject)).to_have_count(1)
    await desk.page.locator("#labels").get_by_role("link", name="Inbox").click()
    await expect(desk.page.locator("#labels [aria-current=page]")).to_contain_text("Inbox")
    await expect(desk.row(subject)).to_have_count(0)


async def test_the_month_turns_and_the_labels_follow(desk: Desk) -> None:
    sender = await contact(desk, "Mona Turner", "Turning of the month", closing="2020-06-20")
    await desk.show()
    for day, shown, subject, label in (
        ("2020-05-15", "15 May 2020", "Written in May", OPEN),
        ("", "15 June 2020", "Written in June", CTM),
        ("2020-05-16", "16 May 2020", "Written in May again", OPEN),
    ):
        dials = await dials_of(desk)
        if day:
            await turn_to(dials, day, shown)
        else:
            await dials.get_by_role("button", name="Next month").click()
            await expect(dials.get_by_role("status")).to_have_text("It is a month later.")
            await expect(dials.locator(".world-time")).to_contain_text(shown)
        await let_arrive(dials, sender, subject)
        await close(dials)
        await run_job(desk)
        await stands_under(desk, subject, label)


async def test_the_card_follows_the_month(desk: Desk) -> None:
    sender = await contact(desk, "Carla Month", "Card of the month", closing="2031-06-20")
    desk.arrive(sender, "Which month is it")
    await desk.open("Which month is it")
    for day, shown, said in (
        ("2031-06-15", "15 June 2031", "Closes Fri (5 days) · Card of the month"),
        ("2031-07-15", "15 July 2031", "25 days late · Card of the month"),
    ):
        dials = await dials_of(desk)
        await turn_to(dials, day, shown)
        await close(dials)
        await expect(desk.panel).to_contain_text(said)


async def test_the_worlds_date_is_shown_while_it_is_turned(desk: Desk, picture: Picture) -> None:
    await desk.show()
    dials = await dials_of(desk)
    day = desk.page.locator("#world-day")
    await expect(day).to_be_hidden()
    await expect(dials.locator(".world-time")).to_contain_text("as this machine's")
    await picture("dials")
    await turn_to(dials, "2031-05-06", "6 May 2031")
    await expect(dials.get_by_role("button", name="Turn to date")).to_be_focused()
    await expect(day).to_have_text("Tue, 6 May 2031")
    await dials.get_by_role("button", name="Tomorrow").click()
    await expect(dials.get_by_role("status")).to_have_text("It is a day later.")
    await expect(day).to_have_text("Wed, 7 May 2031")
    await desk.page.keyboard.press("Escape")
    await expect(dials).to_be_hidden()
    await desk.page.reload()
    await desk.settled()
    await expect(day).to_have_text("Wed, 7 May 2031")
    await day.click()
    await dials.get_by_role("button", name="Today").click()
    await expect(dials.get_by_role("status")).to_have_text("It is today again.")
    await expect(dials.locator(".world-time")).to_contain_text("as this machine's")
    await expect(day).to_be_hidden()
    await dials.get_by_role("button", name="Tomorrow").click()
    await expect(dials.locator(".world-time")).to_contain_text("turned by 1 day")


FAULTS = {
    "Slow": "did not answer within",
    "Failing": "cannot be reached now",
    "Rate-limited": "was asked too often",
    "Dropping connections": "cannot be reached now",
}
OF_GMAIL = {fault: f"Gmail {said}" for fault, said in (FAULTS | {"Answering HTML": "cannot be reached now"}).items()}
OF_THE_CRM = {
    **{fault: f"{CRM} {said}" for fault, said in FAULTS.items()},
    "Answering HTML": f"{CRM} sent an answer that MailMagnet cannot read",
    "Signed out": f"{CRM} has ended your sign-in.",
}


@pytest.mark.parametrize(("who", "told"), [("Gmail", OF_GMAIL), (CRM, OF_THE_CRM)], ids=["gmail", "crm"])
async def test_each_fault_is_told_as_the_product_tells_it(desk: Desk, who: str, told: dict[str, str]) -> None:
    desk.arrive(HENRIETTA, f"While {who} was down")
    await desk.open(f"While {who} was down")
    dials = await dials_of(desk)
    group = dials.get_by_role("group", name=who)
    for fault, said in told.items():
        await group.get_by_role("button", name=fault).click()
        await expect(group.get_by_role("button", name=fault)).to_have_attribute("aria-pressed", "true")
        await expect(group.locator("[aria-pressed=true]")).to_have_count(1)
        await expect(desk.panel).to_contain_text(said)
        await expect(desk.panel.get_by_role("button", name="Retry")).to_have_count(0 if "sign-in" in said else 1)
    await group.get_by_role("button", name="Make it well").click()
    await expect(dials.locator(".dials-said")).to_have_text(f"{who} is well again.")
    await expect(desk.panel).to_contain_text("Head of Procurement")
    await expect(group.locator("[aria-pressed=true]")).to_have_count(0)


@pytest.mark.parametrize(
    ("who", "fault", "said"),
    [
        ("Gmail", "Failing", "The job could not run: Gmail: answered"),
        ("Gmail", "Dropping connections", "The job could not run: Gmail: the connection failed"),
        ("Gmail", "Rate-limited", "Gmail's quota for this minute is spent: it can go on in"),
        ("Gmail", "Signed out", "The job could not run: Gmail:"),
        (CRM, "Failing", f"The job could not run: {CRM}:"),
        (CRM, "Signed out", f"The job could not run: {CRM}:"),
    ],
)
async def test_the_job_tells_what_is_wrong_and_loses_nothing(desk: Desk, who: str, fault: str, said: str) -> None:
    subject = f"Not lost while {who} was {fault.lower()}"
    desk.arrive(HENRIETTA, subject)
    await desk.show()
    dials = await dials_of(desk)
    group = dials.get_by_role("group", name=who)
    await group.get_by_role("button", name=fault).click()
    await expect(group.get_by_role("button", name=fault)).to_have_attribute("aria-pressed", "true")
    await close(dials)
    await desk.page.get_by_role("button", name="Run the job").click()
    await expect(desk.page.locator(".job-problem")).to_contain_text(said)
    await expect(desk.row(subject)).to_have_count(1)
    dials = await dials_of(desk)
    await group.get_by_role("button", name="Make it well").click()
    await expect(group.locator("[aria-pressed=true]")).to_have_count(0)
    await close(dials)
    await run_job(desk)
    await expect(desk.row(subject)).to_have_count(0)


async def test_signed_out_of_gmail_and_in_again(desk: Desk) -> None:
    desk.arrive(await contact(desk, "Sina Gone", "Before it was revoked", closing="2020-01-31"), "Before the consent was revoked")
    await desk.show()
    await run_job(desk)
    await expect(desk.panel).to_contain_text("Before the consent was revoked")
    dials = await dials_of(desk)
    gmail = dials.get_by_role("group", name="Gmail")
    await gmail.get_by_role("button", name="Signed out").click()
    await expect(desk.panel).to_contain_text("Gmail has stopped letting MailMagnet in.")
    await gmail.get_by_role("button", name="Make it well").click()
    await expect(desk.panel).not_to_contain_text("stopped letting")
    await expect(desk.panel).to_contain_text("Before the consent was revoked")


async def test_a_permission_is_taken_and_given_back(desk: Desk) -> None:
    desk.arrive(HENRIETTA, "May you read this")
    await desk.open("May you read this")
    dials = await dials_of(desk)
    box = dials.get_by_role("checkbox", name="Administrator")
    await expect(box).to_be_checked()
    await box.click()
    await expect(dials.locator(".dials-said")).to_have_text("Administrator does not hold “Mail Integration”.")
    await expect(desk.panel).to_contain_text("lacks the permission “Mail Integration”")
    await expect(desk.panel).not_to_contain_text("Head of Procurement")
    await close(dials)
    dials = await dials_of(desk)
    await expect(box).not_to_be_checked()
    await box.click()
    await expect(dials.locator(".dials-said")).to_have_text("Administrator holds “Mail Integration”.")
    await expect(desk.panel).to_contain_text("Head of Procurement")


async def test_an_edited_deal_is_on_the_card_at_once_and_moves_the_next_mail(desk: Desk) -> None:
    sender = await contact(desk, "Edith Change", "To be edited", closing="2020-01-31")
    desk.arrive(sender, "Before the edit")
    await desk.open("Before the edit")
    await expect(desk.panel).to_contain_text("1,000")
    await run_job(desk)
    dials = await dials_of(desk)
    await change_deal(dials, "To be edited", Amount="47123", Closing_date="2031-02-03")
    await expect(desk.panel).to_contain_text("47,123")
    await expect(desk.panel).to_contain_text("3 Feb 2031")
    await change_deal(dials, "To be edited", Stage="Closed Won")
    await expect(desk.panel).to_contain_text("Customer")
    await let_arrive(dials, sender, "After the edit")
    await close(dials)
    await desk.show()
    await run_job(desk)
    await stands_under(desk, "Before the edit", OPEN)
    await stands_under(desk, "After the edit", CUSTOMER)


async def test_a_mail_arrives_and_a_wrong_sender_is_refused_in_words(desk: Desk) -> None:
    await desk.show()
    dials = await dials_of(desk)
    senders = await dials.locator("datalist option").evaluate_all("options => options.map(option => option.value)")
    assert HENRIETTA in senders
    await let_arrive(dials, HENRIETTA, "A mail by hand")
    await dials.get_by_label("From").fill("nobody")
    await dials.get_by_role("button", name="Let it arrive").click()
    await expect(dials.locator(".dials-said")).to_contain_text("From should be a mail address")
    desk.complaints[:] = [words for words in desk.complaints if "400 (Bad Request)" not in words]
    await close(dials)
    await desk.row("A mail by hand").locator(".thread-link").click()
    await expect(desk.panel).to_contain_text("Head of Procurement")


async def test_the_tick_sends_tasks_to_who_is_due_also_after_the_time_went_back(desk: Desk) -> None:
    await desk.show()
    dials = await dials_of(desk)
    await dials.get_by_role("button", name="Next month").click()
    await expect(dials.get_by_role("status")).to_have_text("It is a month later.")
    await dials.get_by_role("button", name="Tick").click()
    await expect(dials.locator(".dials-said")).to_have_text("The tick sent 3 tasks.")
    await expect(dials.locator("tbody tr").first).to_contain_text("200")
    await dials.get_by_role("button", name="Today").click()
    await expect(dials.get_by_role("status")).to_have_text("It is today again.")
    await dials.get_by_role("button", name="Tick").click()
    # Noa may not use the CRM from Gmail: her mailbox's last run is her connecting, at no other time than now.
    await expect(dials.locator(".dials-said")).to_have_text(re.compile("The tick sent [23] tasks."))


async def test_a_dry_run_and_a_run_with_their_counts(desk: Desk) -> None:
    senders = {
        label: await contact(desk, f"Counted {number}", f"Counted deal {number}", stage, closing)
        for number, (label, stage, closing) in enumerate(
            ((CTM, "Negotiation", desk.demo.today.isoformat()), (OPEN, "Negotiation", "2020-01-31"), (CUSTOMER, "Closed Won", ""))
        )
    }
    await desk.show()
    await run_job(desk)
    await turn_to(await dials_of(desk), desk.demo.today.replace(day=15).isoformat(), "15 ")
    await close(desk.page.get_by_role("dialog", name="World's dials"))
    for label, sender in senders.items():
        desk.arrive(sender, f"To be counted under {label}")
    desk.arrive(senders[CUSTOMER], "A second customer's mail")
    desk.arrive("Grace Stranger <grace@nobody-knows.example>", "Counted under nothing")
    spent = {CTM: 1, OPEN: 1, CUSTOMER: 2, "Left for the next run": 0, "CRM calls": 3}
    await desk.page.get_by_role("button", name="Dry run").click()
    plan = desk.page.get_by_role("dialog", name="Dry run")
    await expect(plan).to_contain_text("4 of 5 new mails would be sorted. Nothing has been changed.")
    for label, number in ((CTM, 1), (OPEN, 1), (CUSTOMER, 2)):
        await expect(plan.get_by_role("heading", name=f"{label} · {number}", exact=True)).to_be_visible()
    await expect(plan.locator("tbody tr")).to_have_count(4)
    await expect(plan.locator("tr", has_text=f"To be counted under {CUSTOMER}")).to_contain_text("“Counted deal 2” was won")
    await expect(plan.locator("tr", has_text=f"To be counted under {OPEN}")).to_contain_text(re.compile(r"is \d[\d,]* days late"))
    await plan.get_by_role("button", name="Close").click()
    await expect(desk.page.locator(".job-sum")).to_contain_text("4 of 5 new mails would be sorted")
    dry = await counts(desk)
    assert dry.pop("Gmail quota units") >= 5 * 20
    assert dry == spent
    await run_job(desk)
    await expect(desk.page.locator(".job-sum")).to_contain_text("4 of 5 new mails sorted")
    done = await counts(desk)
    assert done.pop("Gmail quota units") > 5 * 20
    assert done == spent
    await stands_under(desk, f"To be counted under {CTM}", CTM)
    await run_job(desk)
    await expect(desk.page.locator(".job-sum")).to_contain_text("0 of 0 new mails sorted")


async def test_behind_the_panel(desk: Desk, picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.demo.world.quota, "units_a_minute", 6000)
    desk.arrive(HENRIETTA, "What stands behind this")
    await desk.open("What stands behind this")
    button = desk.page.get_by_role("button", name="Behind the panel")
    await button.focus()
    await desk.page.keyboard.press("Enter")
    drawer = desk.page.get_by_role("region", name="Behind the panel")
    await expect(drawer).to_be_focused()
    await expect(drawer.locator(".drawer-call")).to_contain_text("POST /addon/message · 200")
    event = drawer.get_by_role("region", name="Event that was sent")
    await expect(event).to_contain_text('"userOAuthToken": "ya29.')
    await expect(event).to_contain_text("…")
    await expect(drawer.get_by_role("region", name="Answer")).to_contain_text("pushCard")
    await expect(drawer.get_by_role("heading", name="Calls made for it")).to_have_text("Calls made for it · 3, 20 quota units")
    calls = drawer.locator(".calls tbody tr")
    await expect(calls.nth(0)).to_contain_text("users.messages.getGmail")
    await expect(calls.nth(0).locator("td").nth(3)).to_have_text("200")
    await expect(calls.nth(0).locator("td").nth(4)).to_have_text("20")
    await expect(calls.nth(1)).to_contain_text("look_upCRM")
    await expect(calls.nth(1).locator("td").nth(3)).to_have_text("answered")
    await expect(calls.nth(1)).to_contain_text("side by side")
    await expect(calls.nth(2)).to_contain_text("settingsCRM")
    await expect(drawer).to_contain_text("of 6,000 units spent in the last minute")
    await desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=desk.demo.address)
    await drawer.get_by_role("button", name="Copy: Answer").click()
    await expect(drawer.get_by_role("button", name="Copy: Answer")).to_have_text("Copied")
    assert "Henrietta Lovell" in await desk.page.evaluate("navigator.clipboard.readText()")
    await picture("behind")
    await drawer.focus()
    await desk.page.keyboard.press("Escape")
    await expect(drawer).to_be_hidden()
    await expect(button).to_be_focused()


async def test_the_three_facts_are_shown_live(desk: Desk) -> None:
    sender = await contact(desk, "Factual Three", "Kept as facts", closing="2020-01-31")
    await desk.show()
    await desk.page.get_by_role("button", name="Behind the panel").click()
    facts = desk.page.get_by_role("region", name="Behind the panel").locator("[data-stored]")
    await expect(facts).to_contain_text(desk.demo.user.address)
    await run_job(desk)
    mail_id = desk.arrive(sender, "A subject nobody keeps", "A text nobody keeps")
    await run_job(desk)
    row = facts.locator("tbody tr", has_text=mail_id)
    await expect(row.locator("td")).to_have_count(3)
    await expect(facts.locator("thead th")).to_have_text(["Mail", "From", "Received"])
    received = desk.demo.world.mailbox(desk.demo.user.address).message(mail_id).received_at
    await expect(row.locator("td")).to_have_text([mail_id, "factual.three@hopper.example", received.isoformat()])
    assert "nobody keeps" not in await facts.inner_text()


async def test_behind_the_panel_calls_side_by_side_stand_as_such(desk: Desk) -> None:
    sender = await contact(desk, "Paralela Two", "Side by side", closing="2020-01-31")
    for number in range(2):
        desk.arrive(sender, f"Read side by side {number}")
    await desk.show()
    await run_job(desk)
    await expect(desk.panel).to_contain_text("Read side by side 1")
    desk.demo.world.faults.add(Fault("gmail", "users.messages.get", latency_ms=300))
    await desk.page.reload()
    await desk.settled()
    await desk.page.get_by_role("button", name="Behind the panel").click()
    read = desk.page.locator(".calls tbody tr", has_text="users.messages.get")
    await expect(read.first).to_contain_text("side by side with")
    await expect(read.nth(1)).to_contain_text("side by side with")
    bars = await read.locator(".call-bar span").evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().toJSON())")
    assert bars[0]["left"] < bars[1]["right"]
    assert bars[1]["left"] < bars[0]["right"]
    assert all(bar["width"] > 10 for bar in bars)


@pytest.mark.parametrize(
    ("who", "fault", "name", "how"),
    [
        ("Gmail", "Dropping connections", "users.messages.get", "connection dropped"),
        ("Gmail", "Slow", "users.messages.get", "no answer"),
        ("Gmail", "Rate-limited", "users.messages.get", "429"),
        (CRM, "Slow", "look_up", "given up"),
        (CRM, "Failing", "look_up", "answered 500"),
    ],
)
async def test_behind_the_panel_a_failed_call_stands_with_how_it_failed(
    desk: Desk, who: str, fault: str, name: str, how: str
) -> None:
    desk.arrive(HENRIETTA, f"Failed call {who} {fault}")
    await desk.open(f"Failed call {who} {fault}")
    dials = await dials_of(desk)
    group = dials.get_by_role("group", name=who)
    await group.get_by_role("button", name=fault).click()
    await expect(desk.panel.get_by_role("button", name="Retry")).to_be_visible()
    await close(dials)
    await desk.page.get_by_role("button", name="Behind the panel").click()
    call = desk.page.locator(".calls tbody tr", has_text=name).first
    await expect(call.locator("td").nth(3)).to_have_text(how)
    await expect(call.locator("td").nth(4)).to_have_text("0")


async def test_behind_the_panel_before_anything_was_asked(desk: Desk) -> None:
    await desk.show(account=desk.demo.colleague)
    await desk.page.route(
        "**/behind?*", lambda route: route.fulfill(json={"call": {}, "quota": {"spent": 0, "units_a_minute": 6000}})
    )
    await desk.page.get_by_role("button", name="Behind the panel").click()
    drawer = desk.page.get_by_role("region", name="Behind the panel")
    await expect(drawer).to_contain_text("The panel has asked nothing yet.")
    await expect(drawer).to_contain_text("None: neither Google nor the CRM was asked.")
    await expect(drawer).to_contain_text("0 of 6,000 units spent in the last minute.")


async def test_by_keyboard_alone(desk: Desk) -> None:
    """The dials and the drawer, with nothing but keys."""
    await desk.show()
    keys = desk.page.keyboard
    opener = desk.page.get_by_role("button", name="World's dials", exact=True)
    await opener.focus()
    await keys.press("Enter")
    dials = desk.page.get_by_role("dialog", name="World's dials")
    await expect(dials.get_by_role("heading", name="Edit a deal")).to_be_visible()
    tomorrow = dials.get_by_role("button", name="Tomorrow")
    for _ in range(5):
        if await tomorrow.evaluate("button => button === document.activeElement"):
            break
        await keys.press("Tab")
    await expect(tomorrow).to_be_focused()
    await keys.press("Enter")
    await expect(dials.get_by_role("status")).to_have_text("It is a day later.")
    await expect(tomorrow).to_be_focused()
    await keys.press("Escape")
    await expect(dials).to_be_hidden()
    await expect(opener).to_be_focused()
    await keys.press("Tab")
    await expect(desk.page.get_by_role("button", name="Behind the panel")).to_be_focused()
    await keys.press("Enter")
    drawer = desk.page.get_by_role("region", name="Behind the panel")
    await expect(drawer).to_be_focused()
    await expect(drawer.locator("[data-stored]")).to_be_visible()
    await keys.press("Tab")
    await expect(drawer.get_by_role("button", name="Close")).to_be_focused()
    await keys.press("Tab")
    await expect(drawer.get_by_role("button", name="Copy: Event that was sent")).to_be_focused()
    await keys.press("Escape")
    await expect(desk.page.get_by_role("button", name="Behind the panel")).to_be_focused()


async def test_who_reads_in_the_drawer_stays_there_when_it_is_drawn_anew(desk: Desk) -> None:
    read = asyncio.Event()

    async def later(route: Route) -> None:
        await read.wait()
        await route.continue_()

    await desk.show()
    await desk.page.route("**/stored?*", later)
    await desk.page.get_by_role("button", name="Behind the panel").click()
    drawer = desk.page.get_by_role("region", name="Behind the panel")
    await expect(drawer).to_contain_text("Reading the store …")
    answer = drawer.get_by_role("region", name="Answer")
    await answer.focus()
    read.set()
    await expect(drawer.locator("[data-stored]")).to_be_visible()
    await expect(answer).to_be_focused()
