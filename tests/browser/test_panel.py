"""The panel in a real browser, given answers as an add-on may give them: widgets, forms, navigation, and what Google would refuse."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Desk, Picture

pytestmark = pytest.mark.asyncio(loop_scope="session")

Card = dict[str, Any]
HERE = "http://127.0.0.1:1/go"


def card(*widgets: Card, title: str = "A card", **more: Any) -> Card:
    return {"header": {"title": title}, "sections": [{"widgets": list(widgets)}], **more}


def shown(made: Card) -> Card:
    return {"action": {"navigations": [{"pushCard": made}]}}


def clicked(*navigations: Card, notice: str = "", changed: bool = False) -> Card:
    action: Card = {"navigations": list(navigations)} if navigations else {}
    if notice:
        action["notification"] = {"text": notice}
    return {"renderActions": {"action": action}, "stateChanged": changed}


def button(text: str, **parameters: str) -> Card:
    action: Card = {"function": HERE, "parameters": [{"key": key, "value": value} for key, value in parameters.items()]}
    return {"buttonList": {"buttons": [{"text": text, "onClick": {"action": action}}]}}


def paragraph(text: str) -> Card:
    return {"textParagraph": {"text": text}}


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


async def test_every_widget_is_shown_and_none_refused(desk: Desk, picture: Picture) -> None:
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
                    {"text": "Filled", "type": "FILLED", "onClick": go},
                    {"text": "Tonal", "type": "FILLED_TONAL", "onClick": go},
                    {"text": "Outlined", "type": "OUTLINED", "onClick": go},
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
        {"columns": {"columnItems": [{"widgets": [paragraph("Left")]}, {"widgets": [paragraph("Right")]}]}},
        {"chipList": {"chips": [{"label": "Chip", "onClick": go}]}},
        {"dateTimePicker": {"name": "when", "label": "When", "type": "DATE_AND_TIME"}},
        {"selectionInput": {"name": "switches", "label": "Switches", "type": "SWITCH", "items": [{"text": "One", "value": "1"}]}},
        {"textInput": {"name": "initial", "label": "Initial", "initialSuggestions": {"items": [{"text": "Offered"}]}}},
    )
    await desk.answer_with(shown(everything), clicked(notice="Chosen."))
    await desk.show()
    for words in ("Paragraph", "Decorated", "With an end", "Green", "Cell", "Left", "Right", "Chip"):
        await expect(desk.panel.get_by_text(words).first).to_be_visible()
    for name in ("Old Map", "Pine Tree", "Star"):
        await expect(desk.panel.get_by_role("img", name=name)).to_be_visible()
    await expect(desk.panel.get_by_role("button", name="Off")).to_be_disabled()
    await expect(desk.page.locator(".panel-notes")).to_be_hidden()
    await desk.page.set_viewport_size({"width": 1280, "height": 1500})
    await picture("widgets")
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
    asked = await desk.answer_with(
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
    assert [question.get("function") for question in asked] == [None, *[HERE] * 6]


async def test_going_back_asks_anew_when_the_state_has_changed(desk: Desk) -> None:
    asked = await desk.answer_with(
        shown(card(button("on"), title="Old")), clicked({"pushCard": card(title="Next")}, changed=True), shown(card(title="New"))
    )
    await desk.show()
    await desk.panel.get_by_role("button", name="on").click()
    await desk.page.get_by_role("button", name="Back", exact=True).click()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("New")
    assert [question.get("trigger") for question in asked] == ["homepage", None, "homepage"]


async def test_a_form_is_sent_as_gmail_sends_it(desk: Desk) -> None:
    items = [{"text": "Blue", "value": "b"}, {"text": "Red", "value": "r", "selected": True}]
    inputs: list[Card] = [
        {"textInput": {"name": "words", "label": "Words"}},
        {"textInput": {"name": "empty", "label": "Empty", "type": "MULTIPLE_LINE"}},
        {"selectionInput": {"name": "drop", "label": "Drop", "type": "DROPDOWN", "items": items}},
        {"selectionInput": {"name": "boxes", "label": "Boxes", "type": "CHECK_BOX", "items": items}},
        {"selectionInput": {"name": "one", "label": "One", "type": "RADIO_BUTTON", "items": items}},
        {"selectionInput": {"name": "many", "label": "Many", "type": "MULTI_SELECT", "items": items}},
        {"dateTimePicker": {"name": "day", "label": "Day", "type": "DATE_ONLY", "valueMsEpoch": "1795996800000"}},
        {"decoratedText": {"text": "On", "switchControl": {"name": "on", "value": "yes"}}},
        button("Send", id="7"),
    ]
    asked = await desk.answer_with(shown(card(*inputs)), clicked(notice="Sent."))
    await desk.show()
    await desk.panel.get_by_label("Words").fill("שלום & <b>")
    await desk.panel.get_by_label("Drop").select_option("Blue")
    await desk.panel.get_by_role("group", name="Boxes").get_by_label("Blue").check()
    await desk.panel.get_by_role("group", name="One").get_by_label("Blue").check()
    await desk.panel.get_by_label("Many").fill("bl")
    await desk.panel.locator(".suggestions").get_by_role("option", name="Blue").click()
    await desk.panel.get_by_role("switch", name="On").check()
    await desk.panel.get_by_role("button", name="Send").click()
    await expect(desk.page.locator("#panel .toast")).to_have_text("Sent.")
    assert asked[1]["parameters"] == {"id": "7"}
    assert asked[1]["form_inputs"] == {
        "words": {"stringInputs": {"value": ["שלום & <b>"]}},
        "drop": {"stringInputs": {"value": ["b"]}},
        "boxes": {"stringInputs": {"value": ["b", "r"]}},
        "one": {"stringInputs": {"value": ["b"]}},
        "many": {"stringInputs": {"value": ["r", "b"]}},
        "day": {"dateInput": {"msSinceEpoch": "1795996800000"}},
        "on": {"stringInputs": {"value": ["yes"]}},
    }
    await expect(desk.panel.get_by_label("Words")).to_have_value("שלום & <b>")


async def test_required_fields_are_asked_for(desk: Desk) -> None:
    go = {"text": "Go", "onClick": {"action": {"function": HERE, "requiredWidgets": ["words"]}}}
    form = card({"textInput": {"name": "words", "label": "Words"}}, {"buttonList": {"buttons": [go]}})
    asked = await desk.answer_with(shown(form))
    await desk.show()
    await desk.panel.get_by_role("button", name="Go").click()
    await expect(desk.panel.get_by_role("alert")).to_have_text("Required")
    assert len(asked) == 1


async def test_suggestions_come_from_the_add_on(desk: Desk) -> None:
    field = {"textInput": {"name": "words", "label": "Words", "autoCompleteAction": {"function": HERE}}}
    asked = await desk.answer_with(shown(card(field)), {"autoComplete": {"items": [{"text": "Lovelace"}, {"text": "Lovell"}]}})
    await desk.show()
    await desk.panel.get_by_label("Words").fill("lov")
    await expect(desk.panel.get_by_role("option")).to_have_count(2)
    await desk.page.keyboard.press("ArrowDown")
    await desk.page.keyboard.press("ArrowDown")
    await desk.page.keyboard.press("Enter")
    await expect(desk.panel.get_by_label("Words")).to_have_value("Lovell")
    assert asked[1]["form_inputs"] == {"words": {"stringInputs": {"value": ["lov"]}}}


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
    footer = {"primaryButton": {"text": "Save", "onClick": {"action": {"function": HERE}}}}
    asked = await desk.answer_with(
        shown(card(paragraph("x"), cardActions=[action], fixedFooter=footer)), clicked(notice="Hello.")
    )
    await desk.show()
    await desk.page.get_by_role("button", name="MailMagnet menu").click()
    await desk.page.get_by_role("menuitem", name="Say hello").click()
    await expect(desk.page.locator("#panel .toast")).to_have_text("Hello.")
    await desk.panel.get_by_role("button", name="Save").click()
    await expect(desk.page.locator("#panel .progress")).to_be_hidden()
    assert len(asked) == 3


async def test_a_sign_in_opens_over_the_page_and_reloads_when_closed(desk: Desk) -> None:
    link = {"url": f"{desk.demo.address}/icon.svg", "openAs": "OVERLAY", "onClose": "RELOAD"}
    prompt = card({"buttonList": {"buttons": [{"text": "Sign in", "onClick": {"openLink": link}}]}}, title="Sign in first")
    await desk.answer_with({"custom_authorization_prompt": shown(prompt)}, shown(card(title="Signed in")))
    await desk.show()
    async with desk.page.context.expect_page() as opened:
        await desk.panel.get_by_role("button", name="Sign in").click()
    await (await opened.value).close()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("Signed in")


async def test_a_button_of_another_address_is_not_called(desk: Desk) -> None:
    """The page's question goes to the real desk, which calls nothing but the add-on."""
    await desk.show()
    answer = await desk.page.evaluate(
        """async (path) => {
            const body = JSON.stringify({ function: "http://127.0.0.1:9/x" });
            const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body });
            return [response.status, await response.json()];
        }""",
        "/desk/ada@corp.example/panel",
    )
    assert answer == [400, {"error": "A button leads to a URL that is not below the add-on's."}]
    # The browser itself notes the 400 in its console.
    desk.complaints.clear()
