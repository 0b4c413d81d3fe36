"""The desk's page in a real browser, on the real demo: mail, panel and job, as a person uses them."""

import re
from datetime import timedelta
from typing import Literal, cast

import pytest
from playwright.async_api import expect

from sandbox.google.faults import Fault
from tests.browser.conftest import Desk, Picture

pytestmark = pytest.mark.asyncio(loop_scope="session")

LETTER = """Dear Ada,

the board has agreed to the renewal, thank you for your patience. Two things before we sign on Monday:

  - Could the invoice come in two parts, half now and half in March?
  - Jonas asks for a date for the training in Lyon. The second week of December would suit us best.

The signature page is at https://analytical-works.example/s.

Kind regards
Henrietta
"""
FROM_IRIS = """Dear Ada,

Henrietta has asked me to look after the training in Lyon. Whom may I call about the dates?

Kind regards
Iris
"""
HENRIETTA = "Henrietta Lovell <henrietta.lovell@analytical-works.example>"


async def test_a_known_contact(desk: Desk, picture: Picture) -> None:
    desk.arrive(HENRIETTA, "Signature page for Monday", LETTER)
    await desk.open("Signature page for Monday")
    await expect(desk.panel).to_contain_text("Henrietta Lovell")
    await expect(desk.panel).to_contain_text("Head of Procurement")
    await expect(desk.panel).to_contain_text(re.compile("Closes .* · Renewal next year · €36,000"))
    await expect(desk.panel).to_contain_text("2 more overdue, €16,800")
    await desk.page.set_viewport_size({"width": 1024, "height": 768})
    await expect(desk.panel.get_by_role("button", name="Open in MailMagnet CRM")).to_be_in_viewport(ratio=1)
    await expect(desk.panel.get_by_role("button", name=re.compile("^Call"))).to_be_in_viewport(ratio=1)
    await desk.page.set_viewport_size({"width": 1280, "height": 800})
    await expect(desk.page.locator(".panel-notes")).to_be_hidden()
    await expect(desk.page.locator(".plain a")).to_have_attribute("href", "https://analytical-works.example/s")
    await picture("contact")


async def test_the_link_to_the_crm_leads_to_the_record(desk: Desk) -> None:
    desk.arrive(HENRIETTA, "Where is my record")
    await desk.open("Where is my record")
    async with desk.page.context.expect_page() as opened:
        await desk.panel.get_by_text("Open in MailMagnet CRM").click()
    record = await opened.value
    await expect(record.get_by_role("heading", level=1)).to_have_text("Henrietta Lovell")
    await expect(record.locator("body")).to_contain_text("Renewal next year")


async def test_a_deals_page_names_its_people_and_leads_on(desk: Desk, picture: Picture) -> None:
    await desk.show()
    deals = (await desk.demo.embedded_crm("export", "deals")).decode("utf-8-sig")
    deal_id = next(line for line in deals.splitlines() if line.startswith("Renewal next year")).rpartition(",")[2]
    record = await desk.page.context.new_page()
    for scheme, width in (("light", 1280), ("dark", 390)):
        await record.emulate_media(color_scheme=cast(Literal["light", "dark"], scheme))
        await record.set_viewport_size({"width": width, "height": 800})
        await record.goto(f"{desk.demo.address}/crm/deals/{deal_id}")
        await expect(record.get_by_role("heading", level=1)).to_have_text("Renewal next year")
        await expect(record.locator("main")).to_contain_text("€36,000.00")
        await expect(record.locator("main")).to_contain_text("Open · Negotiation")
        await expect(record.get_by_role("link", name="Henrietta Lovell")).to_be_visible()
        assert "demo-contact" not in await record.locator("main").inner_text()
        assert await record.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    await record.get_by_role("link", name="Analytical Works Ltd").click()
    await expect(record.get_by_role("heading", level=1)).to_have_text("Analytical Works Ltd")
    await record.get_by_role("link", name="Jonas Ekdahl").click()
    await expect(record.get_by_role("heading", level=1)).to_have_text("Jonas Ekdahl")
    await expect(record.locator("main")).to_contain_text("Plant Manager")


async def test_somebody_unknown(desk: Desk) -> None:
    desk.arrive("Grace Stranger <grace@nobody-knows.example>", "A first letter")
    await desk.open("A first letter")
    await expect(desk.panel).to_contain_text("grace@nobody-knows.example")
    await expect(desk.panel).to_contain_text("Not in MailMagnet CRM")


async def test_somebody_unknown_at_a_company_that_is_known(desk: Desk, picture: Picture) -> None:
    desk.arrive("Iris Vale <iris.vale@analytical-works.example>", "Taking over from Henrietta", FROM_IRIS)
    await desk.open("Taking over from Henrietta")
    await expect(desk.panel).to_contain_text("New at Analytical Works Ltd")
    await expect(desk.panel).to_contain_text("3 contacts there, €")
    await picture("unknown")
    await desk.panel.get_by_text("New at Analytical Works Ltd").click()
    await expect(desk.panel).to_contain_text("Henrietta Lovell")


async def test_only_colleagues(desk: Desk) -> None:
    desk.arrive("Kim Berg <kim@corp.example>", "Lunch among ourselves")
    await desk.open("Lunch among ourselves")
    await expect(desk.panel).to_contain_text("Nobody outside")


async def test_a_mailing_list(desk: Desk) -> None:
    sender = "Announcements <announce@lists.tool-users.example>"
    desk.arrive(sender, "Release 4.2", List_Id="Tool users <announce.lists.tool-users.example>", Precedence="list")
    await desk.open("Release 4.2")
    await expect(desk.panel).to_contain_text("mailing list")


async def test_another_mail_of_a_thread_is_another_contact(desk: Desk) -> None:
    desk.arrive(HENRIETTA, "Two of us write", Message_ID="<two-1@analytical-works.example>")
    jonas = "Jonas Ekdahl <jonas.ekdahl@analytical-works.example>"
    desk.arrive(
        jonas,
        "Re: Two of us write",
        In_Reply_To="<two-1@analytical-works.example>",
        References="<two-1@analytical-works.example>",
    )
    await desk.open("Two of us write")
    await expect(desk.panel).to_contain_text("Plant Manager")
    mails = desk.page.locator(".mail")
    await expect(mails).to_have_count(2)
    first = mails.first.get_by_role("button").first
    await first.click()
    if await first.get_attribute("aria-expanded") == "false":
        await first.click()
    await expect(desk.panel).to_contain_text("Head of Procurement")


async def test_the_homepage_and_its_search(desk: Desk, picture: Picture) -> None:
    await desk.show()
    await expect(desk.panel).to_contain_text("overdue")
    await picture("inbox")
    await desk.panel.get_by_role("textbox").fill("Lovell")
    await desk.panel.get_by_role("button", name="Search").click()
    await expect(desk.panel).to_contain_text("Contacts ·")
    await desk.panel.get_by_text("Henrietta Lovell").first.click()
    await expect(desk.panel).to_contain_text("Head of Procurement")
    await desk.page.get_by_role("button", name="Back", exact=True).click()
    await expect(desk.panel).to_contain_text("Lovell")


async def test_the_dry_run_lists_and_changes_nothing(desk: Desk, picture: Picture) -> None:
    desk.arrive(HENRIETTA, "Not moved by a dry run")
    await desk.show()
    await desk.page.get_by_role("button", name="Dry run").click()
    dialog = desk.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Nothing has been changed")
    row = dialog.locator("tr", has_text="Not moved by a dry run")
    await expect(row).to_contain_text("Henrietta Lovell")
    await expect(row).to_contain_text("leaves the inbox")
    await picture("dry-run")
    await dialog.get_by_role("button", name="Close").click()
    await desk.show(label="INBOX")
    await expect(desk.row("Not moved by a dry run")).to_have_count(1)


async def test_the_job_sorts_under_the_three_labels(desk: Desk, picture: Picture) -> None:
    of_label = {
        "Deals Closing This Month (CTM)": (HENRIETTA, "Sorted one"),
        "Open Deals": ("Sigrid <sigrid.ostby@fjordland.example>", "Sorted two"),
    }
    for sender, subject in of_label.values():
        desk.arrive(sender, subject)
    desk.arrive("Grace Stranger <grace@nobody-knows.example>", "Stays in the inbox")
    await desk.show()
    for _, subject in of_label.values():
        await expect(desk.row(subject)).to_have_count(1)
    await desk.run_job()
    await expect(desk.page.locator(".job-sum")).to_contain_text("sorted")
    for _, subject in of_label.values():
        await expect(desk.row(subject)).to_have_count(0)
    await expect(desk.row("Stays in the inbox")).to_have_count(1)
    for label, (_, subject) in of_label.items():
        await desk.page.locator("#labels").get_by_role("link", name=label).click()
        await expect(desk.row(subject)).to_have_count(1)
    await picture("sorted")


async def test_a_customers_mail_on_the_homepage_opens_on_this_desk(desk: Desk) -> None:
    first, second = "<homepage-1@analytical-works.example>", "<homepage+2/x@analytical-works.example>"
    desk.arrive(HENRIETTA, "On the homepage", Message_ID=first)
    desk.arrive(HENRIETTA, "Re: On the homepage", "The second of two.", Message_ID=second, In_Reply_To=first, References=first)
    await desk.show()
    await desk.run_job()
    line = desk.panel.get_by_role("link").filter(has_text="Re: On the homepage")
    async with desk.page.context.expect_page() as opened:
        await line.first.click()
    other = await opened.value
    await expect(other.locator(".open-thread h1")).to_contain_text("On the homepage")
    await expect(other.locator(".open-thread")).to_contain_text("Henrietta Lovell")
    assert other.url.startswith(f"{desk.demo.address}/u/0/#q=rfc822msgid%3A")
    await other.get_by_role("button", name="Back to").click()
    await expect(other.locator("#view .thread")).to_have_count(1)


async def test_links_into_gmail_lead_to_their_place_on_this_desk(desk: Desk) -> None:
    await desk.show()
    here, gmail = "/u/1/", "https://mail.google.com/mail/?authuser=kim@corp.example"
    leads = {
        f"{gmail}#search/rfc822msgid:a%2B1%2F2@mail.example": f"{here}#q=rfc822msgid%3Aa%2B1%2F2%40mail.example",
        f"{gmail}#all/19f0a": f"{here}#label=ALL&thread=19f0a",
        f"{gmail}#search/100%": here,
        f"{gmail}#settings/general": here,
        "https://crm.example/#search/x": "https://crm.example/#search/x",
    }
    told = await desk.page.evaluate(
        """async ([links, accounts]) => {
            const { onDesk } = await import("/route.js");
            return links.map((link) => onDesk(link, accounts));
        }""",
        [list(leads), ["ada@corp.example", "kim@corp.example"]],
    )
    assert told == list(leads.values())


async def test_what_the_user_moves_back_stays_in_the_inbox(desk: Desk) -> None:
    desk.arrive(HENRIETTA, "Moved back by hand")
    await desk.show()
    await desk.sort_all()
    await expect(desk.row("Moved back by hand")).to_have_count(0)
    await desk.open("Moved back by hand", label="ALL")
    await desk.page.get_by_role("button", name="Move to Inbox").click()
    await desk.show(label="INBOX")
    await desk.run_job()
    await expect(desk.page.locator(".job-sum")).to_contain_text("0 of")
    await expect(desk.row("Moved back by hand")).to_have_count(1)


async def test_a_spent_quota_is_told_and_that_nothing_is_lost(desk: Desk) -> None:
    desk.arrive(HENRIETTA, "Over the quota")
    quota = desk.demo.world.quota
    await desk.show()
    quota.units_a_minute = 0
    try:
        await desk.run_job()
        await expect(desk.page.locator(".job-problem")).to_contain_text("Gmail's quota for this minute is spent: it can go on in")
    finally:
        quota.units_a_minute = 10_000_000
    await expect(desk.row("Over the quota")).to_have_count(1)
    await desk.run_job()
    await expect(desk.row("Over the quota")).to_have_count(0)


async def test_before_the_first_run_the_page_says_that_it_is_the_users(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.demo.job, "begun", False)
    await desk.show(account=desk.demo.without_mail)
    await expect(desk.page.locator(".job-told")).to_contain_text("Nothing has been sorted yet. See what would move (Dry run)")


async def test_after_a_run_one_sees_which_mails_went_where(desk: Desk, picture: Picture) -> None:
    for subject in ("Which went one", "Which went two"):
        desk.arrive(HENRIETTA, subject)
    desk.arrive("Sigrid <sigrid.ostby@fjordland.example>", "Which went three")
    await desk.show()
    await desk.run_job()
    toast = desk.page.locator("#toasts .toast")
    await expect(toast).to_contain_text(re.compile(r"Sorted \d+ mails"))
    await toast.get_by_role("button", name="See which").click()
    dialog = desk.page.get_by_role("dialog", name="Sorted")
    section = dialog.locator("section", has=desk.page.get_by_role("heading", name="Deals Closing This Month (CTM)"))
    await expect(section.locator("tr", has_text="Which went one")).to_contain_text("left the inbox")
    await expect(section.locator("tr", has_text="Which went two")).to_contain_text("Henrietta Lovell")
    await expect(section.locator("tr", has_text="Which went three")).to_have_count(0)
    await expect(dialog.locator("tr", has_text="Which went three")).to_have_count(1)
    await picture("sorted-which")
    await dialog.get_by_role("link", name="Which went three").click()
    await expect(dialog).to_be_hidden()
    await expect(desk.page.locator(".open-thread h1")).to_have_text("Which went three")
    await desk.page.locator(".job-told").get_by_role("button", name="See which").click()
    await expect(dialog).to_contain_text("Which went two")


async def test_what_the_clock_has_sorted_is_told_on_the_page(desk: Desk) -> None:
    """Nobody pressed anything: the list follows, and the page says what was done and offers to see it."""
    await desk.page.clock.install()
    await desk.show()
    desk.arrive(HENRIETTA, "Sorted by the clock")
    await desk.page.get_by_role("button", name="Refresh", exact=True).click()
    await expect(desk.row("Sorted by the clock")).to_have_count(1)
    desk.demo.clock.turn_to(desk.demo.now() + timedelta(hours=5))
    try:
        assert await desk.demo.job.tick() >= 1
    finally:
        desk.demo.clock.turn_back()
    await desk.page.clock.run_for(16_000)
    await expect(desk.page.locator("#toasts .toast")).to_contain_text(re.compile(r"^Sorted \d+ mails?See which$"))
    await expect(desk.row("Sorted by the clock")).to_have_count(0)
    await expect(desk.page.locator(".job-sum")).to_contain_text("sorted")
    await desk.page.locator("#toasts").get_by_role("button", name="See which").click()
    dialog = desk.page.get_by_role("dialog", name="Sorted")
    await expect(dialog.get_by_role("link", name="Sorted by the clock")).to_be_visible()
    await expect(dialog).to_contain_text("By itself")


async def test_switching_the_user(desk: Desk) -> None:
    desk.arrive(HENRIETTA, "Only for Kim", account=desk.demo.colleague)
    await desk.show()
    await expect(desk.row("Only for Kim")).to_have_count(0)
    await desk.page.locator("#account-button").click()
    await desk.page.get_by_role("menuitem", name="kim@corp.example").click()
    await expect(desk.row("Only for Kim")).to_have_count(1)
    await expect(desk.page.locator("#account-button")).to_have_attribute(
        "aria-label", "Account: Kim Berg, kim@corp.example. Switch user"
    )


async def test_who_may_not_see_the_crm_is_told_so(desk: Desk) -> None:
    desk.arrive(HENRIETTA, "For somebody without permission", account=desk.demo.without_mail)
    await desk.open("For somebody without permission", account=desk.demo.without_mail)
    await expect(desk.panel).not_to_contain_text("Renewal next year")
    await expect(desk.panel).to_contain_text("MailMagnet CRM")


async def test_a_slow_gmail_is_told_with_retry(desk: Desk, picture: Picture) -> None:
    desk.arrive(HENRIETTA, "Slow as it can be")
    await desk.show(q='subject:"Slow as it can be"')
    desk.demo.world.faults.add(Fault("gmail", "users.messages.get", latency_ms=8_000))
    await desk.row("Slow as it can be").locator(".thread-link").click()
    await expect(desk.panel).to_contain_text("did not answer")
    retry = desk.panel.get_by_role("button", name="Retry")
    await expect(retry).to_be_visible()
    await picture("slow")
    desk.demo.world.faults.clear()
    await retry.click()
    await expect(desk.panel).to_contain_text("Head of Procurement")


async def test_beside_a_slow_crm_no_other_persons_card_is_left_standing(desk: Desk) -> None:
    desk.arrive("Sigrid <sigrid.ostby@fjordland.example>", "After another's card")
    desk.arrive(HENRIETTA, "Whose card must go")
    await desk.open("Whose card must go")
    await expect(desk.panel).to_contain_text("Head of Procurement")
    desk.demo.crm_fault_file.write_text('{"fault": "slow"}')
    try:
        await desk.page.get_by_title("Older", exact=True).click()
        await expect(desk.page.locator(".open-thread h1")).to_have_text("After another's card")
        await expect(desk.panel).not_to_contain_text("Henrietta")
        await expect(desk.page.locator("#panel .progress")).to_be_visible()
        await expect(desk.panel).to_contain_text("did not answer")
        await expect(desk.panel).to_contain_text("Sigrid")
        await expect(desk.panel).not_to_contain_text("Henrietta")
    finally:
        desk.demo.crm_fault_file.write_text('{"fault": ""}')
    await desk.panel.get_by_role("button", name="Retry").click()
    await expect(desk.panel).to_contain_text("Fjordland")


async def test_scopes_are_asked_for_one_by_one_and_can_be_refused(desk: Desk) -> None:
    colleague = desk.demo.colleague
    desk.arrive(HENRIETTA, "Needs permission", account=colleague)
    await desk.show(account=colleague)
    await desk.page.locator("#account-button").click()
    await desk.page.get_by_role("menuitem", name="permissions away").click()
    await expect(desk.panel).to_contain_text("See your primary Google Account email address")
    await desk.panel.get_by_role("button", name="Cancel").click()
    await expect(desk.panel).to_contain_text("Permission was not given")
    await desk.panel.get_by_role("button", name="Give permission").click()
    await desk.panel.get_by_role("button", name="Continue").click()
    await expect(desk.panel).to_contain_text("Search people, firms, deals")
    await desk.row("Needs permission").locator(".thread-link").click()
    await expect(desk.panel).to_contain_text("View your email message metadata")
    await desk.panel.get_by_role("button", name="Continue").click()
    await expect(desk.panel).to_contain_text("Henrietta Lovell")


async def test_archive_star_label_and_delete(desk: Desk) -> None:
    for subject in ("To be archived", "To be starred", "To be deleted", "To be labelled"):
        desk.arrive("Grace Stranger <grace@nobody-knows.example>", subject)
    await desk.show()
    await desk.row("To be starred").get_by_role("button", name="Starred").click()
    await expect(desk.row("To be starred").get_by_role("button", name="Starred")).to_have_attribute("aria-pressed", "true")
    await desk.row("To be archived").get_by_role("checkbox").check()
    await desk.page.locator("#toolbar").get_by_role("button", name="Archive").click()
    await expect(desk.row("To be archived")).to_have_count(0)
    await expect(desk.page.locator("#toasts")).to_contain_text("Conversation archived")
    await desk.row("To be deleted").get_by_role("checkbox").check()
    await desk.page.locator("#toolbar").get_by_role("button", name="Delete").click()
    await expect(desk.row("To be deleted")).to_have_count(0)
    await desk.row("To be labelled").get_by_role("checkbox").check()
    await desk.page.locator("#toolbar").get_by_role("button", name="Label as").click()
    menu = desk.page.get_by_role("dialog", name="Label as")
    await menu.get_by_role("checkbox", name="Customer", exact=True).check()
    await menu.get_by_role("button", name="Apply").click()
    await expect(desk.row("To be labelled").locator(".label-chip")).to_have_text("Customer")
    await desk.show(label="TRASH")
    await expect(desk.row("To be deleted")).to_have_count(1)
    await desk.show(label="STARRED")
    await expect(desk.row("To be starred")).to_have_count(1)
    await desk.show(label="ALL")
    await expect(desk.row("To be archived")).to_have_count(1)


async def test_search_by_gmails_operators(desk: Desk) -> None:
    desk.arrive("Grace Stranger <grace@nobody-knows.example>", "Quokka figures")
    desk.arrive("Kim Berg <kim@corp.example>", "Quokka photos")
    await desk.show()
    await desk.page.get_by_role("searchbox").fill("quokka -from:kim")
    await desk.page.keyboard.press("Enter")
    await expect(desk.row("Quokka figures")).to_have_count(1)
    await expect(desk.row("Quokka photos")).to_have_count(0)
    await desk.page.get_by_role("searchbox").fill("nothinghasthisword")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator(".empty")).to_contain_text("No messages matched")
    await desk.page.get_by_role("button", name="Clear search").click()
    await expect(desk.row("Quokka photos")).to_have_count(1)


async def test_by_keyboard_alone(desk: Desk) -> None:
    for subject in ("Zebra three", "Zebra two", "Zebra one"):
        desk.arrive("Grace Stranger <grace@nobody-knows.example>", subject)
    await desk.show()
    keyboard = desk.page.keyboard
    await keyboard.press("/")
    await expect(desk.page.get_by_role("searchbox")).to_be_focused()
    await keyboard.type("subject:zebra")
    await keyboard.press("Enter")
    await expect(desk.rows).to_have_count(3)
    await desk.page.locator("#main").focus()
    await keyboard.press("j")
    await expect(desk.rows.nth(0).locator(".thread-link")).to_be_focused()
    await keyboard.press("j")
    await keyboard.press("k")
    await keyboard.press("o")
    await expect(desk.page.locator(".thread-head h1")).to_be_visible()
    opened = await desk.page.locator(".thread-head h1").inner_text()
    await keyboard.press("u")
    await expect(desk.row(opened).locator(".thread-link")).to_be_focused()
    await keyboard.press("e")
    await expect(desk.page.locator("#toasts")).to_contain_text("Conversation archived")
    await keyboard.press("?")
    await expect(desk.page.get_by_role("dialog")).to_contain_text("Keyboard shortcuts")
    await keyboard.press("Escape")
    await expect(desk.page.get_by_role("dialog")).to_be_hidden()


async def test_a_narrow_window(desk: Desk, picture: Picture) -> None:
    desk.arrive(HENRIETTA, "On a small screen")
    await desk.page.set_viewport_size({"width": 390, "height": 800})
    await desk.page.goto(desk.demo.address)
    await expect(desk.row("On a small screen")).to_be_visible()
    await expect(desk.page.locator("#panel")).to_be_hidden()
    overflow = await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0
    await desk.row("On a small screen").locator(".thread-link").click()
    await desk.page.get_by_role("button", name="MailMagnet panel").click()
    await expect(desk.panel).to_contain_text("Head of Procurement")
    await picture("narrow-panel")


async def test_dark_and_from_right_to_left(desk: Desk, picture: Picture) -> None:
    await desk.page.emulate_media(color_scheme="dark")
    desk.arrive("شيرين <nour.haddad@levant-textiles.example>", "عرض جديد للأقمشة", "مرحبا آدا،\n\nهل يمكنكم إرسال العرض؟\n")
    await desk.open("عرض جديد للأقمشة")
    assert await desk.page.locator(".plain").evaluate("node => getComputedStyle(node).direction") == "rtl"
    assert await desk.page.locator("body").evaluate("node => getComputedStyle(node).colorScheme") == "light dark"
    await expect(desk.panel).to_contain_text("نور الحداد")
    await picture("dark")


async def test_a_mail_that_is_gone_is_said_so(desk: Desk) -> None:
    await desk.page.goto(f"{desk.demo.address}/#account=ada%40corp.example&label=INBOX&thread=00000000000000ff")
    await expect(desk.page.locator("#toasts, .empty").filter(has_text="not there")).to_have_count(1)
    # The browser itself notes the 404 in its console.
    desk.complaints.clear()
