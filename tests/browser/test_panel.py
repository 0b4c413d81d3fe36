"""The panel in a real browser, given answers as an add-on may give them: widgets, forms, navigation, and what Google would refuse."""

import asyncio
import re

import pytest
from playwright.async_api import Route, expect

from tests import open_links
from tests.browser.answers import HERE, Card, button, card, clicked, paragraph, press, run, shown
from tests.browser.conftest import Desk
from tests.browser.test_page import HENRIETTA

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_text_of_a_card_is_googles_subset_and_nothing_else(desk: Desk) -> None:
    text = '<b>Bold</b> <a href="https://corp.example/x">link</a> <a href="javascript:alert(1)">bad</a> <img src=x onerror=alert(1)>a<br>b'
    await desk.answer_with(shown(card(paragraph(text))))
    await desk.show()
    words = desk.panel.locator(".paragraph")
    await expect(words.locator("b")).to_have_text("Bold")
    await expect(words.locator("a")).to_have_count(1)
    await expect(words.locator("a")).to_have_attribute("rel", "noopener noreferrer")
    await expect(words.locator("img")).to_have_count(0)
    notes = desk.page.locator(".panel-notes")
    await expect(notes).to_contain_text("<img> is not part of a card's text")
    await expect(notes).to_contain_text("a link in a text leads nowhere")


async def test_plain_fields_are_not_read_as_html(desk: Desk) -> None:
    line = {"decoratedText": {"topLabel": "<i>top</i>", "text": "a &amp; b", "bottomLabel": "x < y & z"}}
    await desk.answer_with(shown(card(line, button("<b>go</b>"), title="Tom & <b>Jerry</b>")))
    await desk.show()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("Tom & <b>Jerry</b>")
    await expect(desk.panel.locator(".top-label")).to_have_text("<i>top</i>")
    await expect(desk.panel.locator(".decorated-text")).to_have_text("a & b")
    await expect(desk.panel.locator(".bottom-label")).to_have_text("x < y & z")
    await expect(desk.panel.get_by_role("button", name="<b>go</b>")).to_be_visible()


async def test_what_google_would_refuse_is_said_aloud(desk: Desk) -> None:
    bad = card(
        {"textParagraph": {"txt": "misspelt"}}, {"decoratedText": {"text": "x", "wrapText": "yes"}}, {"divider": {}, "image": {}}
    )
    bad["sections"] += [{"widgets": [paragraph(f"line {number}") for number in range(98)]}]
    await desk.answer_with(shown(bad) | {"surprise": 1})
    await desk.show()
    notes = desk.page.locator(".panel-notes")
    await expect(notes).to_contain_text("textParagraph.txt is no field of Google's TextParagraph")
    await expect(notes).to_contain_text("wrapText should be of type boolean")
    await expect(notes).to_contain_text("should be exactly one widget, and is divider and image")
    await expect(notes).to_contain_text("pushCard has 101 widgets")
    await expect(notes).to_contain_text("surprise is no field of Google's Answer")
    await expect(desk.panel).not_to_contain_text("line 3")


async def test_every_widget_is_shown_and_none_refused(desk: Desk) -> None:
    """One of each, with what the product uses or may use; a misspelt or unknown one would make a red note."""
    go = {"action": {"function": HERE}}
    icons: list[Card] = [
        {"knownIcon": "EMAIL"},
        {"knownIcon": "PHONE"},
        {"iconUrl": "https://elsewhere.example/i.png"},
    ]
    tree = {"imageUri": "https://elsewhere.example/p.png", "altText": "Pine Tree"}
    everything = card(
        {"textParagraph": {"text": "<i>Paragraph</i> of several lines", "maxLines": 1}},
        *(
            {"decoratedText": {"startIcon": icon, "topLabel": "Top", "text": "Decorated", "bottomLabel": "Bottom"}}
            for icon in icons
        ),
        {
            "decoratedText": {
                "text": "With a button",
                "button": {"icon": {"knownIcon": "DESCRIPTION"}, "altText": "Edit", "onClick": go},
            }
        },
        {"decoratedText": {"text": "With an end", "endIcon": {"knownIcon": "STAR", "altText": "Star"}, "onClick": go}},
        {
            "buttonList": {
                "buttons": [
                    {"text": "Plain", "onClick": go},
                    {"text": "Green", "color": {"red": 0.1, "green": 0.5, "blue": 0.2}, "onClick": go},
                    {"text": "Off", "disabled": True, "onClick": go},
                    {"text": "More", "onClick": {"overflowMenu": {"items": [{"text": "In the menu", "onClick": go}]}}},
                ]
            }
        },
        {"divider": {}},
        {"image": {"imageUrl": "https://elsewhere.example/a.png", "altText": "Old Map"}},
        {
            "grid": {
                "title": "Grid",
                "columnCount": 2,
                "items": [{"id": "1", "title": "Cell", "subtitle": "Below", "image": tree}],
            }
        },
        {"chipList": {"chips": [{"label": "Chip", "onClick": go}]}},
        {"dateTimePicker": {"name": "when", "label": "When", "type": "DATE_AND_TIME"}},
        {"selectionInput": {"name": "switches", "label": "Switches", "type": "SWITCH", "items": [{"text": "One", "value": "1"}]}},
        {"textInput": {"name": "initial", "label": "Initial", "initialSuggestions": {"items": [{"text": "Offered"}]}}},
    )
    await desk.answer_with(shown(everything), clicked(notice="Chosen."))
    await desk.show()
    for words in ("Paragraph", "Decorated", "With an end", "Green", "Cell", "Chip"):
        await expect(desk.panel.get_by_text(words).first).to_be_visible()
    for name in ("Old Map", "Pine Tree", "Star"):
        await expect(desk.panel.get_by_role("img", name=name)).to_be_visible()
    await expect(desk.panel.get_by_role("button", name="Off")).to_be_disabled()
    await expect(desk.page.locator(".panel-notes")).to_be_hidden()
    await desk.page.set_viewport_size({"width": 1280, "height": 1500})
    await desk.panel.get_by_label("Initial").focus()
    await desk.panel.get_by_role("option", name="Offered").click()
    await expect(desk.panel.get_by_label("Initial")).to_have_value("Offered")
    await desk.panel.get_by_role("button", name="More", exact=True).click()
    await desk.page.get_by_role("menuitem", name="In the menu").click()
    await expect(desk.page.locator("#panel .toast")).to_have_text("Chosen.")


async def test_sections_fold_and_unfold(desk: Desk) -> None:
    folded = {"collapsible": True, "uncollapsibleWidgetsCount": 1, "widgets": [paragraph("in sight"), paragraph("folded")]}
    await desk.answer_with(shown({"sections": [folded]}))
    await desk.show()
    await expect(desk.panel.get_by_text("folded")).to_be_hidden()
    await desk.panel.get_by_role("button", name="Show more").click()
    await expect(desk.panel.get_by_text("folded")).to_be_visible()
    await desk.panel.get_by_role("button", name="Show less").click()
    await expect(desk.panel.get_by_text("folded")).to_be_hidden()


async def test_navigation_through_the_stack(desk: Desk) -> None:
    root = card(button("to two"), title="One", name="one")
    two = card(button("to three"), title="Two", name="two")
    three = card(button("change"), title="Three")
    changed = card(button("to the second"), title="Three, changed")
    questions = await desk.answer_with(
        shown(root),
        clicked({"pushCard": two}),
        clicked({"pushCard": three}),
        clicked({"updateCard": changed}, notice="Changed."),
        clicked({"popToCard": "two"}),
        clicked({"pushCard": three}),
        clicked({"popToRoot": True}, changed=True),
    )
    await desk.show()
    title = desk.panel.locator(".card-header h2")
    back = desk.page.get_by_role("button", name="Back", exact=True)
    await expect(title).to_have_text("One")
    await expect(back).to_be_hidden()
    for click, expected in (
        ("to two", "Two"),
        ("to three", "Three"),
        ("change", "Three, changed"),
        ("to the second", "Two"),
        ("to three", "Three"),
        ("change", "One"),
    ):
        await desk.panel.get_by_role("button", name=click).click()
        await expect(title).to_have_text(expected)
    await expect(back).to_be_hidden()
    assert [question.get("function") for question in questions] == [None, *[HERE] * 6]


async def test_going_back_asks_anew_when_the_state_has_changed(desk: Desk) -> None:
    questions = await desk.answer_with(
        shown(card(button("on"), title="Old")), clicked({"pushCard": card(title="Next")}, changed=True), shown(card(title="New"))
    )
    await desk.show()
    await desk.panel.get_by_role("button", name="on").click()
    await desk.page.get_by_role("button", name="Back", exact=True).click()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("New")
    assert [question.get("trigger") for question in questions] == ["homepage", None, "homepage"]


async def test_rows_open_by_key_and_pictures_of_elsewhere_are_not_fetched(desk: Desk) -> None:
    picture = {"image": {"imageUrl": "https://elsewhere.example/a.png", "altText": "Ada Byron"}}
    row = {"decoratedText": {"text": "Open me", "onClick": {"card": card(title="Behind")}}}
    await desk.answer_with(shown(card(picture, row)))
    await desk.show()
    await expect(desk.panel.get_by_role("img", name="Ada Byron")).to_have_text("AB")
    await desk.panel.get_by_role("button", name="Open me").focus()
    await desk.page.keyboard.press("Enter")
    await expect(desk.panel.locator(".card-header h2")).to_have_text("Behind")


async def test_a_peeking_card_waits_at_the_foot(desk: Desk) -> None:
    peeking = card(title="Peeking", displayStyle="PEEK", peekCardHeader={"title": "Look here"})
    await desk.answer_with(shown(card(button("more"), title="Root")), clicked({"pushCard": peeking}))
    await desk.show()
    await desk.panel.get_by_role("button", name="more").click()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("Root")
    await desk.page.get_by_role("button", name="Look here").click()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("Peeking")


async def test_card_actions_and_the_footer(desk: Desk) -> None:
    action = {"actionLabel": "Say hello", "onClick": {"action": {"function": HERE}}}
    footer = {"primaryButton": {"text": "Save", "color": {"blue": 1}, "onClick": {"action": {"function": HERE}}}}
    questions = await desk.answer_with(
        shown(card(paragraph("x"), cardActions=[action], fixedFooter=footer)), clicked(notice="Hello.")
    )
    await desk.show()
    await desk.page.get_by_role("button", name="MailMagnet menu").click()
    await desk.page.get_by_role("menuitem", name="Say hello").click()
    await expect(desk.page.locator("#panel .toast")).to_have_text("Hello.")
    await desk.panel.get_by_role("button", name="Save").click()
    await expect(desk.page.locator("#panel .progress")).to_be_hidden()
    assert len(questions) == 3


async def test_a_sign_in_opens_over_the_page_and_reloads_when_closed(desk: Desk) -> None:
    link = {"url": f"{desk.demo.address}/icon.svg", "openAs": "OVERLAY", "onClose": "RELOAD"}
    prompt = card({"buttonList": {"buttons": [{"text": "Sign in", "onClick": {"openLink": link}}]}}, title="Sign in first")
    await desk.answer_with({"custom_authorization_prompt": shown(prompt)}, shown(card(title="Signed in")))
    await desk.show()
    async with desk.page.context.expect_page() as opened:
        await desk.panel.get_by_role("button", name="Sign in").click()
    await (await opened.value).close()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("Signed in")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"function": "http://127.0.0.1:9/x"}, "A button leads to a URL that is not below the add-on's."),
        ({"trigger": "universal action", "universal_action": 7}, "The add-on has no such universal action."),
        ({"trigger": "universal action"}, "The add-on has no such universal action."),
        ({"trigger": "birthday"}, "There is no such trigger."),
    ],
)
async def test_nothing_but_what_the_deployment_names_is_called(desk: Desk, question: Card, words: str) -> None:
    """The page's question goes to the real desk, which calls nothing but the add-on."""
    await desk.show()
    answer = await desk.page.evaluate(
        """async ([path, question]) => {
            const headers = { "Content-Type": "application/json" };
            const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(question) });
            return [response.status, await response.json()];
        }""",
        ["/desk/ada@corp.example/panel", question],
    )
    assert answer == [400, {"error": words}]
    # The browser itself notes the 400 in its console.
    desk.complaints.clear()


# Text and sections


async def test_each_tag_of_a_text_is_drawn_as_such(desk: Desk) -> None:
    text = (
        '<b>1</b><i>2</i><u>3</u><s>4</s><code>5</code><font color="#b3261e">6</font><ul><li>7</li></ul>'
        '<a href="mailto:ada@corp.example">8</a><br>&lt;9&gt;'
    )
    await desk.answer_with(shown(card(paragraph(text))))
    await desk.show()
    words = desk.panel.locator(".paragraph")
    for tag, content in {"b": "1", "i": "2", "u": "3", "s": "4", "code": "5", "font": "6", "ul li": "7", "a": "8"}.items():
        await expect(words.locator(tag)).to_have_text(content)
    await expect(words.locator("a")).to_have_attribute("href", "mailto:ada@corp.example")
    await expect(words.locator("font")).to_have_attribute("style", re.compile("rgb\\(179, 38, 30\\)|#b3261e"))
    await expect(words).to_contain_text("<9>")
    await expect(desk.page.locator(".panel-notes")).to_be_hidden()


async def test_a_long_paragraph_is_folded_and_a_short_one_is_not(desk: Desk) -> None:
    long, short, negative = (
        {"textParagraph": {"text": "word " * count, "maxLines": most}} for count, most in ((99, 2), (2, 2), (99, -1))
    )
    await desk.answer_with(shown(card(long, short, negative)))
    await desk.show()
    more = desk.panel.get_by_role("button", name="Show more")
    await expect(more.locator("visible=true")).to_have_count(1)
    before = await desk.panel.locator(".paragraph").first.evaluate("(node) => node.clientHeight")
    await more.first.click()
    assert await desk.panel.locator(".paragraph").first.evaluate("(node) => node.clientHeight") > 2 * before
    await expect(desk.panel.get_by_role("button", name="Show less")).to_be_visible()


async def test_a_folded_list_shows_no_bullet_without_its_text(desk: Desk) -> None:
    """As whoever writes cards by hand writes lists: the line breaks between the tags are none of the text."""
    items = "".join(f"\n  <li>\n    {word}\n  </li>" for word in ("one", "two", "three", "four"))
    listed = {"textParagraph": {"text": f"Before\n<ul>{items}\n</ul>\nafter", "maxLines": 3}}
    await desk.answer_with(shown(card(listed)))
    await desk.show()
    paragraph_of_all = desk.panel.locator(".paragraph")
    lines = await paragraph_of_all.evaluate("node => [...node.querySelectorAll('li')].map((item) => item.getClientRects()[0])")
    bottom = await paragraph_of_all.evaluate("node => node.getBoundingClientRect().bottom")
    assert [line["bottom"] <= bottom for line in lines] == [True, True, False, False]
    await desk.panel.get_by_role("button", name="Show more").click()
    assert await paragraph_of_all.evaluate("node => node.innerText") == "Before\none\ntwo\nthree\nfour\nafter"
    await expect(paragraph_of_all.locator("li").first).to_have_css("display", "list-item")


async def test_a_section_folds_with_its_own_buttons_and_with_one_of_them_with_googles(desk: Desk) -> None:
    def folded(**control: Card) -> Card:
        return {"collapsible": True, "collapseControl": control, "widgets": [paragraph("hidden at first")]}

    both = folded(expandButton={"text": "All"}, collapseButton={"text": "Fewer"})
    await desk.answer_with(shown({"sections": [both, folded(expandButton={"text": "All alone"})]}))
    await desk.show()
    await desk.panel.get_by_role("button", name="All", exact=True).click()
    await expect(desk.panel.get_by_text("hidden at first").first).to_be_visible()
    await expect(desk.panel.get_by_role("button", name="Fewer")).to_be_visible()
    await expect(desk.panel.get_by_role("button", name="Show more")).to_be_visible()
    await expect(desk.panel.get_by_role("button", name="All alone")).to_have_count(0)
    await expect(desk.page.locator(".panel-notes")).to_contain_text("needs both expandButton and collapseButton")


async def test_a_title_alone_takes_both_lines_of_the_header(desk: Desk) -> None:
    long = "Lovelace " * 12
    await desk.answer_with(
        shown({"header": {"title": long}}),
        clicked({"updateCard": {"header": {"title": long, "subtitle": "Head of Procurement"}}}),
    )
    await desk.show()
    alone = await desk.panel.locator(".card-header h2").evaluate("(node) => node.clientHeight")
    await desk.answer_with(shown({"header": {"title": long, "subtitle": "Head of Procurement"}}))
    await desk.page.reload()
    await desk.settled()
    assert alone == 2 * await desk.panel.locator(".card-header h2").evaluate("(node) => node.clientHeight")


async def test_words_that_run_from_the_right_stay_beside_their_icon(desk: Desk) -> None:
    row = {"startIcon": {"knownIcon": "EMAIL"}, "topLabel": "דואר", "text": "עדה", "bottomLabel": "ada@corp.example"}
    await desk.answer_with(shown(card({"decoratedText": row}, paragraph("עדה"))))
    await desk.show()
    for words in (".top-label", ".decorated-text", ".bottom-label"):
        await expect(desk.panel.locator(words)).to_have_css("text-align", "left")
    await expect(desk.panel.locator(".decorated-text")).to_have_css("direction", "rtl")
    await expect(desk.panel.locator(".paragraph")).to_have_css("text-align", "start")


# What is clicked


async def test_a_button_without_a_type_is_outlined_and_a_colour_fills_it(desk: Desk) -> None:
    """Google's words: unset it is OUTLINED, and with a colour FILLED whatever it says."""
    plain = press("Plain", run())
    green = {"buttonList": {"buttons": [{"text": "Green", "type": "BORDERLESS", "color": {"green": 0.5}, "onClick": run()}]}}
    await desk.answer_with(shown(card(plain, green)))
    await desk.show()
    await expect(desk.panel.get_by_role("button", name="Plain")).to_have_css("border-top-width", "1px")
    await expect(desk.panel.get_by_role("button", name="Green")).to_have_css("background-color", "rgb(0, 128, 0)")
    await expect(desk.panel.get_by_role("button", name="Green")).to_have_css("color", "rgb(255, 255, 255)")


async def test_a_click_on_each_kind_of_widget_is_sent(desk: Desk) -> None:
    def sends(what: str) -> Card:
        return run(parameters=[{"key": "what", "value": what}])

    tree = {"imageUri": "https://elsewhere.example/p.png", "altText": "Pine Tree"}
    items = [{"id": "first", "title": "First", "image": tree}, {"id": "second", "title": "Second"}]
    left = {"widgets": [press("In a column", sends("column"))]}
    off, on = {"text": "Off", "disabled": True, "onClick": run()}, {"text": "On", "onClick": sends("menu")}
    row = {"text": "A row", "onClick": sends("row"), "button": {"text": "Beside", "onClick": sends("beside")}}
    questions = await desk.answer_with(
        shown(
            card(
                {"grid": {"items": items, "onClick": sends("grid")}},
                {"chipList": {"chips": [{"label": "Chip", "onClick": sends("chip")}, {"label": "Quiet", "disabled": True}]}},
                {"image": {"imageUrl": "https://elsewhere.example/a.png", "altText": "Old Map", "onClick": sends("image")}},
                {"columns": {"columnItems": [left]}},
                {"decoratedText": row},
                press("Menu", {"overflowMenu": {"items": [off, on]}}),
                cardActions=[{"actionLabel": "Of the card", "onClick": sends("action")}],
                fixedFooter={
                    "primaryButton": {"text": "Save", "color": {"blue": 1}, "onClick": sends("save")},
                    "secondaryButton": {"text": "Cancel", "color": {}, "onClick": sends("cancel")},
                },
            )
        ),
        clicked(notice="Done."),
    )
    await desk.show()
    by_name = desk.panel.get_by_role
    for click in (
        by_name("button", name="Second"),
        by_name("button", name="Chip"),
        by_name("button", name="Old Map"),
        by_name("button", name="In a column"),
        desk.panel.get_by_text("A row"),
        by_name("button", name="Beside"),
        by_name("button", name="Save"),
        by_name("button", name="Cancel"),
    ):
        async with desk.page.expect_response("**/desk/*/panel"):
            await click.click()
    for menu, entry in (
        (by_name("button", name="Menu"), "On"),
        (desk.page.get_by_role("button", name="MailMagnet menu"), "Of the card"),
    ):
        await menu.click()
        async with desk.page.expect_response("**/desk/*/panel"):
            await desk.page.get_by_role("menuitem", name=entry, exact=True).click()
    await expect(by_name("button", name="Quiet")).to_be_disabled()
    sent = [question["parameters"] for question in questions[1:]]
    assert sent[0] == {"what": "grid", "grid_item_identifier": "second"}
    assert [one["what"] for one in sent[1:]] == ["chip", "image", "column", "row", "beside", "save", "cancel", "menu", "action"]


async def test_a_menu_in_a_menu_is_off(desk: Desk) -> None:
    inner = {"overflowMenu": {"items": [{"text": "Deep", "onClick": run()}]}}
    await desk.answer_with(shown(card(press("Menu", {"overflowMenu": {"items": [{"text": "Inner", "onClick": inner}]}}))))
    await desk.show()
    await desk.panel.get_by_role("button", name="Menu").click()
    await expect(desk.page.get_by_role("menuitem", name="Inner")).to_be_disabled()
    await expect(desk.page.locator(".panel-notes")).to_contain_text("cannot open another menu")


async def test_the_bar_runs_while_the_add_on_works_and_a_second_click_waits(desk: Desk) -> None:
    questions = await desk.answer_with(shown(card(press("Go", run()))), clicked(notice="Done."))
    await desk.show()
    hold = await desk.hold_answers()
    go, bar = desk.panel.get_by_role("button", name="Go"), desk.page.locator("#panel .progress")
    await go.click()
    await expect(bar).to_be_visible()
    await expect(desk.panel).to_have_css("pointer-events", "none")
    await go.focus()
    await desk.page.keyboard.press("Enter")
    hold.set()
    await expect(desk.page.locator("#panel .toast")).to_have_text("Done.")
    await expect(bar).to_be_hidden()
    assert len(questions) == 2


async def test_no_bar_where_the_action_says_none(desk: Desk) -> None:
    await desk.answer_with(shown(card(press("Go", run(loadIndicator="NONE")))), clicked(notice="Done."))
    await desk.show()
    hold = await desk.hold_answers()
    async with desk.page.expect_request("**/desk/*/panel"):
        await desk.panel.get_by_role("button", name="Go").click()
    await expect(desk.page.locator("#panel .progress")).to_be_hidden()
    await expect(desk.panel).to_have_attribute("aria-busy", "false")
    hold.set()
    await expect(desk.page.locator("#panel .toast")).to_have_text("Done.")


# Another mail


SEEN_TOGETHER = """() => {
  window.seen = new Set();
  const look = () => {
    const subject = document.querySelector(".open-thread h1")?.textContent ?? "the list";
    const card = document.querySelector("#panel .card-header h2")?.textContent ?? "no card";
    seen.add(`${subject} beside ${card}`);
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
"""From now on, which subject and which card stood side by side, at whatever moment."""


async def answer_by_mail(desk: Desk, titles: dict[str | None, str]) -> dict[str | None, asyncio.Event]:
    """From now on each mail (None: the homepage) gets a card with its title, once its event is set."""
    may = {mail: asyncio.Event() for mail in titles}

    async def answer(route: Route) -> None:
        question = route.request.post_data_json
        assert question
        mail = question["mail"]
        await may[mail].wait()
        await route.fulfill(json={"status": 200, "answer": shown(card(title=titles[mail])), "problem": "", "seconds": 0.1})

    await desk.page.route("**/desk/*/panel", answer)
    return may


async def test_another_mail_clears_the_panel_at_once_and_a_late_answer_is_dropped(desk: Desk) -> None:
    first, second = (desk.arrive(HENRIETTA, f"Beside the card {number}") for number in (1, 2))
    may = await answer_by_mail(desk, {first: "Card 1", second: "Card 2", None: "Home"})
    may[None].set()
    may[first].set()
    await desk.show(q='subject:"beside the card"')
    await desk.row("Beside the card 1").locator(".thread-link").click()
    title, bar = desk.panel.locator(".card-header h2"), desk.page.locator("#panel .progress")
    await expect(title).to_have_text("Card 1")
    await desk.page.evaluate(SEEN_TOGETHER)
    await desk.page.get_by_role("button", name="Newer").click()
    await expect(desk.page.locator(".open-thread h1")).to_have_text("Beside the card 2")
    await expect(desk.panel).to_be_empty()
    await expect(bar).to_be_visible()
    may[first].clear()
    await desk.page.go_back()
    await expect(desk.page.locator(".open-thread h1")).to_have_text("Beside the card 1")
    await expect(desk.panel).to_be_empty()
    async with desk.page.expect_response("**/desk/*/panel"):
        may[second].set()
    await expect(desk.panel).to_be_empty()
    await expect(bar).to_be_visible()
    may[first].set()
    await expect(title).to_have_text("Card 1")
    await expect(bar).to_be_hidden()
    await desk.page.keyboard.press("u")
    await expect(title).to_have_text("Home")
    assert await desk.page.evaluate("[...seen].filter((pair) => /Beside/.test(pair)).sort()") == [
        "Beside the card 1 beside Card 1",
        "Beside the card 1 beside no card",
        "Beside the card 2 beside no card",
    ]
    assert "the list beside Card 1" not in await desk.page.evaluate("[...seen]")


async def test_a_late_answer_of_a_click_is_not_shown_beside_the_next_mail(desk: Desk) -> None:
    for number in (1, 2):
        desk.arrive(HENRIETTA, f"Clicked and left {number}")
    left = shown(card(press("Go", run()), title="To be left"))
    await desk.answer_with(left, left, clicked({"pushCard": card(title="Late")}), shown(card(title="The next")))
    await desk.show(q='subject:"clicked and left"')
    await desk.row("Clicked and left 1").locator(".thread-link").click()
    await expect(desk.page.locator(".open-thread")).to_be_visible()
    hold = await desk.hold_answers()
    async with desk.page.expect_request("**/desk/*/panel"):
        await desk.panel.get_by_role("button", name="Go").click()
    async with desk.page.expect_request("**/desk/*/panel"):
        await desk.page.get_by_role("button", name="Newer").click()
    await expect(desk.panel).to_be_empty()
    hold.set()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("The next")
    await expect(desk.page.get_by_role("button", name="Back", exact=True)).to_be_hidden()


async def test_enter_in_a_text_input_does_nothing(desk: Desk) -> None:
    """Gmail's text input tells of a change when it is left, and never of Enter."""
    field = {"textInput": {"name": "words", "label": "Words", "onChangeAction": run(loadIndicator="NONE")["action"]}}
    questions = await desk.answer_with(shown(card(field, press("Go", run()))), clicked())
    await desk.show()
    words = desk.panel.get_by_label("Words")
    await words.fill("Lovell")
    await words.press("Enter")
    await desk.page.evaluate("() => new Promise(requestAnimationFrame)")
    assert len(questions) == 1
    await expect(words).to_be_focused()
    async with desk.page.expect_response("**/desk/*/panel"):
        await words.press("Tab")
    assert questions[1]["form_inputs"] == {"words": {"stringInputs": {"value": ["Lovell"]}}}


async def test_enter_in_the_homepages_search_does_nothing_and_the_button_searches(desk: Desk) -> None:
    await desk.show()
    questions: list[str] = []
    desk.page.on("request", lambda request: questions.append(request.url) if request.url.endswith("/panel") else None)
    await desk.panel.get_by_role("textbox").fill("Lovell")
    await desk.panel.get_by_role("textbox").press("Enter")
    await desk.page.evaluate("() => new Promise(requestAnimationFrame)")
    await expect(desk.panel).to_contain_text("overdue")
    assert questions == []
    await desk.panel.get_by_role("button", name="Search").click()
    await expect(desk.panel).to_contain_text("Henrietta Lovell")
    assert len(questions) == 1


async def test_what_is_asked_for_again_stays_until_the_answer(desk: Desk) -> None:
    await desk.answer_with(shown(card(title="Still here")), shown(card(title="Here anew")))
    await desk.show()
    hold = await desk.hold_answers()
    await desk.page.get_by_role("button", name="MailMagnet menu").click()
    await desk.page.get_by_role("menuitem", name="Refresh").click()
    await expect(desk.page.locator("#panel .progress")).to_be_visible()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("Still here")
    hold.set()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("Here anew")


async def test_another_accounts_homepage_does_not_stay(desk: Desk) -> None:
    await desk.answer_with(shown(card(title="Of the first")), shown(card(title="Of the second")))
    await desk.show()
    hold = await desk.hold_answers()
    await desk.page.locator("#account-button").click()
    async with desk.page.expect_request("**/desk/kim%40corp.example/panel"):
        await desk.page.evaluate("location.hash = 'account=kim@corp.example&label=INBOX'")
    await expect(desk.panel).to_be_empty()
    hold.set()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("Of the second")


# Answers


async def test_pop_goes_back_one_card_and_an_unknown_name_is_noted(desk: Desk) -> None:
    await desk.answer_with(
        shown(card(button("on"), title="One")),
        clicked({"pushCard": card(button("on"), title="Two")}),
        clicked({"pushCard": card(button("back"), title="Three")}),
        clicked({"popToCard": "nobody"}),
        clicked({"pop": True}),
    )
    await desk.show()
    title = desk.panel.locator(".card-header h2")
    for click, expected in (("on", "Two"), ("on", "Three"), ("back", "Three")):
        await desk.panel.get_by_role("button", name=click).click()
        await expect(title).to_have_text(expected)
    await expect(desk.page.locator(".panel-notes")).to_contain_text("popToCard: no card of the name nobody is open")
    await desk.panel.get_by_role("button", name="back").click()
    await expect(title).to_have_text("Two")
    await expect(desk.page.locator(".panel-notes")).to_be_hidden()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(31, "the answer took 31 s: Google waits 30 s"), (6, "the answer took 6 s: a rep waits 5 s (Google 30 s)")],
)
async def test_an_answer_over_its_time_is_noted(desk: Desk, seconds: int, words: str) -> None:
    await desk.answer_with(shown(card(paragraph("x"))), seconds=seconds)
    await desk.show()
    await expect(desk.page.locator(".panel-notes")).to_contain_text(words)


async def test_an_answer_in_time_is_not_noted(desk: Desk) -> None:
    await desk.answer_with(shown(card(paragraph("x"))), seconds=5)
    await desk.show()
    await expect(desk.panel).to_contain_text("x")
    await expect(desk.page.locator(".panel-notes")).to_be_hidden()


async def test_a_triggers_answer_in_the_form_of_a_clicks_is_noted(desk: Desk) -> None:
    await desk.answer_with(clicked({"pushCard": card(paragraph("x"))}))
    await desk.show()
    await expect(desk.page.locator(".panel-notes")).to_contain_text("to a trigger, Gmail looks for action")


async def test_an_answer_without_a_card_says_so(desk: Desk) -> None:
    await desk.answer_with({"action": {"notification": {"text": "Hello."}}}, shown(card(title="Now")))
    await desk.show()
    await expect(desk.panel.get_by_role("alert")).to_contain_text("MailMagnet answered without a card.")
    await desk.panel.get_by_role("button", name="Retry").click()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("Now")


async def test_gmail_strips_a_card_with_a_dialog_of_google_chat(desk: Desk) -> None:
    await desk.answer_with(shown(card(press("Go", run(interaction="OPEN_DIALOG")))))
    await desk.show()
    await expect(desk.panel).to_have_text("Gmail could not show this card.")
    await expect(desk.page.locator(".panel-notes")).to_contain_text("Gmail strips the whole card")


async def test_an_answer_can_open_a_link(desk: Desk) -> None:
    link = {"url": f"{desk.demo.address}/icon.svg"}
    await desk.answer_with(shown(card(button("on"))), {"renderActions": {"action": {"link": link}}})
    await desk.show()
    async with desk.page.context.expect_page() as opened:
        await desk.panel.get_by_role("button", name="on").click()
    assert (await opened.value).url == link["url"]


async def test_a_link_that_is_not_allowed_is_noted_and_not_opened(desk: Desk) -> None:
    await desk.answer_with(shown(card(press("Go", {"openLink": {"url": "javascript:alert(1)"}}))))
    await desk.show()
    await desk.panel.get_by_role("button", name="Go").click()
    await expect(desk.page.locator(".panel-notes")).to_contain_text("a link leads nowhere Gmail would open")
    assert len(desk.page.context.pages) == 1


async def test_a_link_that_the_deployment_does_not_name_is_noted_and_not_opened(desk: Desk) -> None:
    await desk.start_with(open_link_prefixes=["crm.example/records", f"{desk.demo.address}/"])
    links = [{"openLink": {"url": url}} for url in ("https://evil.example/", f"{desk.demo.address}/icon.svg")]
    await desk.answer_with(shown(card(press("Evil", links[0]), press("Good", links[1]))))
    await desk.show()
    await desk.panel.get_by_role("button", name="Evil").click()
    await expect(desk.page.locator(".panel-notes")).to_contain_text(
        "a link leads to https://evil.example/: none of the deployment's openLinkUrlPrefixes"
    )
    assert len(desk.page.context.pages) == 1
    async with desk.page.context.expect_page():
        await desk.panel.get_by_role("button", name="Good").click()


async def test_where_the_deployment_names_no_prefix_no_link_is_opened(desk: Desk) -> None:
    await desk.start_with(open_link_prefixes=[])
    await desk.answer_with(shown(card(press("Go", {"openLink": {"url": f"{desk.demo.address}/icon.svg"}}))))
    await desk.show()
    notes = desk.page.locator(".panel-notes")
    await expect(notes).to_contain_text(f"openLink.url is “{desk.demo.address}/icon.svg”: none of the deployment's")
    await desk.panel.get_by_role("button", name="Go").click()
    await expect(notes).to_contain_text(f"a link leads to {desk.demo.address}/icon.svg: none of the deployment's")
    assert len(desk.page.context.pages) == 1


async def test_the_panel_and_the_check_of_cards_agree_on_which_links_are_opened(desk: Desk) -> None:
    await desk.show()
    opened = await desk.page.evaluate(
        """async ([links, httpOrigin]) => {
          const { isAmong, openedLink } = await import("/panel/text.js");
          return links.map(([prefix, url]) => isAmong(openedLink(url), { prefixes: [prefix], httpOrigins: [httpOrigin] }));
        }""",
        [[[prefix, url] for prefix, url, _ in open_links.LINKS], open_links.DESK],
    )
    assert opened == [is_covered for _, _, is_covered in open_links.LINKS]


LINKS = {
    "http://crm.example/1": "https://crm.example/1",
    "https://crm.example/1": "https://crm.example/1",
    "http://127.0.0.1:8090/crm": "http://127.0.0.1:8090/crm",
    "mailto:ada@corp.example": "mailto:ada@corp.example",
    "tel:+431": "tel:+431",
    "ftp://crm.example/": None,
}


async def test_google_turns_http_into_https(desk: Desk) -> None:
    await desk.show()
    opened = await desk.page.evaluate(
        """async (links) => { const { openedLink } = await import("/panel/text.js"); return links.map(openedLink); }""",
        list(LINKS),
    )
    assert opened == list(LINKS.values())


async def test_the_card_behind_an_overlay_is_blocked_until_it_is_closed(desk: Desk) -> None:
    link = {"url": f"{desk.demo.address}/icon.svg", "openAs": "OVERLAY", "onClose": "RELOAD"}
    questions = await desk.answer_with(shown(card(press("Sign in", {"openLink": link}))))
    await desk.show()
    async with desk.page.context.expect_page() as opened:
        await desk.panel.get_by_role("button", name="Sign in").click()
    await expect(desk.panel).to_have_attribute("inert", "")
    async with desk.page.expect_response("**/desk/*/panel"):
        await (await opened.value).close()
    await expect(desk.panel).not_to_have_attribute("inert", "")
    assert [question["trigger"] for question in questions] == ["homepage", "homepage"]


# Consent

SCOPE = "https://www.googleapis.com/auth/"


async def test_a_single_scope_can_be_refused_and_what_was_clicked_is_asked_again(desk: Desk) -> None:
    scopes = {"scopes": [f"{SCOPE}userinfo.email", f"{SCOPE}script.locale"]}
    questions = await desk.answer_with(
        shown(card(button("go"), title="Before")),
        {"requesting_google_scopes": scopes},
        clicked({"pushCard": card(title="After")}),
    )
    await desk.show()
    await desk.panel.get_by_role("button", name="go").click()
    await desk.panel.get_by_role("checkbox", name="View the language").uncheck()
    async with desk.page.expect_request("**/desk/*/scopes") as granted:
        await desk.panel.get_by_role("button", name="Continue").click()
    assert (await granted.value).post_data_json == {"add": [f"{SCOPE}userinfo.email"], "remove": []}
    await expect(desk.panel.locator(".card-header h2")).to_have_text("After")
    assert [question.get("function") for question in questions] == [None, HERE, HERE]


async def test_who_refuses_all_scopes_finds_the_card_as_it_was(desk: Desk) -> None:
    await desk.answer_with(
        shown(card(button("go"), title="Before")), {"requesting_google_scopes": {"scopes": [f"{SCOPE}userinfo.email"]}}
    )
    await desk.show()
    await desk.panel.get_by_role("button", name="go").click()
    await desk.panel.get_by_role("button", name="Cancel").click()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("Before")
    await expect(desk.page.locator("#panel .toast")).to_have_text("Permission was not given.")


async def test_all_scopes_are_those_of_the_add_on(desk: Desk) -> None:
    await desk.answer_with({"requesting_google_scopes": {"all_scopes": True}})
    await desk.show()
    await expect(desk.panel.get_by_role("checkbox")).to_have_count(6)
    await expect(desk.page.locator(".panel-notes")).to_be_hidden()


# Universal actions


async def test_the_menu_brings_deals_and_search_to_an_open_mail(desk: Desk) -> None:
    """The real add-on, which answers nothing that is not signed for the very URL that the deployment names."""
    desk.arrive(HENRIETTA, "For the menu")
    await desk.open("For the menu")
    await expect(desk.panel).to_contain_text("Head of Procurement")
    await desk.page.get_by_role("button", name="MailMagnet menu").click()
    await desk.page.get_by_role("menuitem", name="Deals and search").click()
    await expect(desk.panel).to_contain_text("Search people, firms, deals")
    await desk.panel.get_by_role("textbox").fill("Lovell")
    await desk.panel.get_by_role("button", name="Search").click()
    await expect(desk.panel.get_by_text("Henrietta Lovell").first).to_be_visible()
    for _ in range(2):
        await desk.page.get_by_role("button", name="Back", exact=True).click()
    await expect(desk.panel).to_contain_text("Head of Procurement")
    await expect(desk.page.locator(".panel-notes")).to_be_hidden()


async def test_universal_actions_stand_after_the_cards_own_and_may_open_a_link(desk: Desk) -> None:
    help_page = f"{desk.demo.address}/icon.svg"
    await desk.start_with(universal_actions=[{"label": "Look", "link": ""}, {"label": "Help", "link": help_page}])
    own = {"actionLabel": "Of the card", "onClick": run()}
    questions = await desk.answer_with(shown(card(paragraph("x"), cardActions=[own])), clicked(notice="Looked."))
    await desk.show()
    menu = desk.page.get_by_role("button", name="MailMagnet menu")
    await menu.click()
    await expect(desk.page.get_by_role("menuitem")).to_have_text(["Of the card", "Look", "Help", "Refresh"])
    async with desk.page.context.expect_page() as opened:
        await desk.page.get_by_role("menuitem", name="Help").click()
    assert (await opened.value).url == help_page
    await menu.click()
    await desk.page.get_by_role("menuitem", name="Look").click()
    await expect(desk.page.locator("#panel .toast")).to_have_text("Looked.")
    assert (questions[1]["trigger"], questions[1]["universal_action"]) == ("universal action", 0)
