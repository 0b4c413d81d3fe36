"""The labels at the left and the menu that puts them on conversations, in a real browser, as hands and keys use them."""

import re

import pytest
from playwright.async_api import Locator, expect

from sandbox.google.mail_folder import Label, MailFolder
from tests.browser.conftest import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

GRACE = "Grace Stranger <grace@nobody-knows.example>"


def mailbox_of(desk: Desk) -> MailFolder:
    return desk.demo.world.mailbox(desk.demo.user.address)


def link(desk: Desk, name: str) -> Locator:
    """The label's row, by its whole name."""
    return desk.page.locator(f'#labels [title^="{name}:"]')


async def test_nested_labels_fold_away_and_stay_so(desk: Desk) -> None:
    labels = [mailbox_of(desk).create_label(Label("", name)) for name in ("Tours", "Tours/Lyon", "Tours/Lyon/2026")]
    mail_id = desk.arrive(GRACE, "In the innermost")
    mailbox_of(desk).modify([mail_id], [labels[2].id])
    await desk.show()
    expander = desk.page.get_by_role("button", name="Labels below Tours", exact=True)
    await expect(expander).to_have_attribute("aria-expanded", "true")
    await expect(link(desk, "Tours/Lyon/2026").locator(".label-name")).to_have_text("2026")
    await expect(link(desk, "Tours")).not_to_have_class(re.compile("has-unread"))
    await expander.focus()
    await desk.page.keyboard.press("Enter")
    await expect(expander).to_have_attribute("aria-expanded", "false")
    await expect(expander).to_be_focused()
    await expect(link(desk, "Tours/Lyon")).to_be_hidden()
    await expect(link(desk, "Tours/Lyon/2026")).to_be_hidden()
    await expect(link(desk, "Tours")).to_have_attribute("title", "Tours: 0 conversations, 0 unread, 1 unread below it")
    await expect(link(desk, "Tours")).to_have_class(re.compile("has-unread"))
    await desk.page.reload()
    await expect(link(desk, "Tours")).to_be_visible()
    await expect(link(desk, "Tours/Lyon")).to_be_hidden()
    await expander.press("Space")
    await expect(link(desk, "Tours/Lyon/2026")).to_be_visible()
    await expect(link(desk, "Tours")).to_have_attribute("title", "Tours: 0 conversations, 0 unread")


async def test_another_accounts_labels_are_folded_on_their_own(desk: Desk) -> None:
    for account in (desk.demo.user, desk.demo.colleague):
        for name in ("Twins", "Twins/One"):
            desk.demo.world.mailbox(account.address).create_label(Label("", name))
    await desk.show()
    await desk.page.get_by_role("button", name="Labels below Twins").click()
    await expect(link(desk, "Twins/One")).to_be_hidden()
    await desk.show(account=desk.demo.colleague)
    await expect(link(desk, "Twins/One")).to_be_visible()


async def test_the_counts_are_of_what_is_unread_else_of_all(desk: Desk) -> None:
    label = mailbox_of(desk).create_label(Label("", "Counted"))
    ids = [desk.arrive(GRACE, f"Counted {number}") for number in range(3)]
    mailbox_of(desk).modify(ids, [label.id])
    mailbox_of(desk).modify(ids[:1], [], ["UNREAD"])
    await desk.show(label=label.id)
    await expect(link(desk, "Counted").locator(".label-count")).to_have_text("2")
    await desk.page.get_by_label("Select all").check()
    await desk.page.get_by_role("button", name="Mark as read", exact=True).last.click()
    await expect(link(desk, "Counted").locator(".label-count")).to_have_text("3")
    await expect(link(desk, "Counted")).not_to_have_class(re.compile("has-unread"))


async def test_the_label_menu_finds_as_one_types_and_ticks_several(desk: Desk) -> None:
    for name in ("Fruit", "Fruit/Apple", "Fruit/Pear"):
        mailbox_of(desk).create_label(Label("", name))
    desk.arrive(GRACE, "For the fruit basket")
    await desk.open("For the fruit basket")
    await desk.page.keyboard.press("l")
    menu = desk.page.get_by_role("dialog", name="Label as")
    words = menu.get_by_role("textbox", name="Label as")
    await expect(words).to_be_focused()
    await desk.page.keyboard.type("fruit/")
    await expect(menu.get_by_role("checkbox")).to_have_count(2)
    await menu.get_by_role("checkbox", name="Fruit/Apple").check()
    await desk.page.keyboard.press("ArrowDown")
    await desk.page.keyboard.press("Space")
    await menu.get_by_role("button", name="Apply").click()
    chips = desk.page.locator(".thread-chips .label-chip:not(.system)")
    await expect(chips).to_have_text(["Fruit/Apple", "Fruit/Pear"])
    await expect(desk.page.locator("#toasts")).to_contain_text("Added to Fruit/Apple, Fruit/Pear")
    await desk.page.keyboard.press("l")
    await expect(menu.get_by_role("checkbox", name="Fruit/Pear")).to_be_checked()
    await desk.page.keyboard.type("pear")
    await desk.page.keyboard.press("Enter")
    await expect(chips).to_have_text(["Fruit/Apple"])
    await desk.page.keyboard.press("z")
    await expect(chips).to_have_text(["Fruit/Apple", "Fruit/Pear"])


async def test_a_label_that_only_some_have_is_half_ticked_and_stays_where_it_is(desk: Desk) -> None:
    half, other = (mailbox_of(desk).create_label(Label("", name)) for name in ("Half of them", "All of them"))
    ids = [desk.arrive(GRACE, f"Halves {number}") for number in range(2)]
    mailbox_of(desk).modify(ids[:1], [half.id])
    await desk.show(q="subject:halves")
    await desk.page.get_by_label("Select all").check()
    await desk.page.get_by_role("button", name="Label as").click()
    menu = desk.page.get_by_role("dialog", name="Label as")
    box = menu.get_by_role("checkbox", name="Half of them")
    assert await box.evaluate("node => node.indeterminate")
    await menu.get_by_role("checkbox", name="All of them").check()
    await menu.get_by_role("button", name="Apply").click()
    await expect(desk.page.locator("#view .label-chip", has_text="All of them")).to_have_count(2)
    await expect(desk.page.locator("#view .label-chip", has_text="Half of them")).to_have_count(1)
    assert half.id not in mailbox_of(desk).message(ids[1]).label_ids
    assert other.id in mailbox_of(desk).message(ids[1]).label_ids


async def test_what_is_typed_becomes_a_new_label_and_escape_leaves_all_as_it_was(desk: Desk) -> None:
    desk.arrive(GRACE, "Needs a new label")
    await desk.open("Needs a new label")
    button = desk.page.get_by_role("button", name="Label as")
    menu = desk.page.get_by_role("dialog", name="Label as")
    await button.click()
    await desk.page.keyboard.type("Customer")
    await menu.get_by_role("checkbox", name="Customer", exact=True).check()
    await desk.page.keyboard.press("Escape")
    await expect(menu).to_have_count(0)
    await expect(button).to_be_focused()
    chips = desk.page.locator(".thread-chips .label-chip:not(.system)")
    await expect(chips).to_have_count(0)
    await button.click()
    await desk.page.keyboard.type("Brand new")
    await menu.get_by_role("button", name="Create “Brand new”").click()
    await expect(chips).to_have_text(["Brand new"])
    await expect(link(desk, "Brand new")).to_be_visible()


async def test_a_label_that_is_there_is_not_made_twice(desk: Desk) -> None:
    await desk.show()
    await desk.page.get_by_role("button", name="New label").click()
    dialog = desk.page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Open Deals")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("#toasts")).to_contain_text("There is a label of that name already.")
    # The browser itself notes the 409 in its console.
    desk.complaints.clear()


@pytest.mark.parametrize(("width", "lines"), [(1280, 1), (1024, 2), (390, 3)])
async def test_labels_on_a_row_leave_room_for_the_subject(desk: Desk, width: int, lines: int) -> None:
    """The longest label of ours, one of the user's, and Inbox, on one mail."""
    labels = {label.name: label.id for label in mailbox_of(desk).labels()}
    own = labels.get("Reference customers") or mailbox_of(desk).create_label(Label("", "Reference customers")).id
    mail_id = desk.arrive(GRACE, f"Renewal for the year at {width}")
    mailbox_of(desk).modify([mail_id], [own, labels["Deals Closing This Month (CTM)"]])
    await desk.page.set_viewport_size({"width": width, "height": 800})
    await desk.page.goto(f"{desk.demo.address}/#label=ALL")
    row = desk.row(f"Renewal for the year at {width}")
    chips, subject, date = row.locator(".label-chip"), row.locator(".subject"), row.locator(".date")
    await expect(chips).to_have_count(3)
    place = await subject.bounding_box()
    about = await row.locator(".about").bounding_box()
    assert place and about
    assert place["x"] + place["width"] <= about["x"] + about["width"] + 1
    assert place["width"] >= min(170, await subject.evaluate("node => node.scrollWidth"))
    for chip in await chips.all():
        box = await chip.bounding_box()
        assert box and box["width"] >= 24
    when = await date.bounding_box()
    assert when
    assert (when["y"] + when["height"] <= place["y"] + 1) == (lines > 1)
    overflow = await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0


async def test_the_arrow_of_folded_labels_is_whole(desk: Desk) -> None:
    for name in ("Arrow", "Arrow/Below"):
        mailbox_of(desk).create_label(Label("", name))
    await desk.show()
    expander = desk.page.get_by_role("button", name="Labels below Arrow", exact=True)
    await expander.click()
    arrow, icon = await expander.bounding_box(), await link(desk, "Arrow").locator(".icon").bounding_box()
    assert arrow and icon
    assert arrow["x"] >= 0
    assert arrow["x"] + arrow["width"] <= icon["x"] + 1
