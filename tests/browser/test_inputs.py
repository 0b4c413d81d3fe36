"""The panel's inputs in a real browser: what they offer, what they refuse, and what of them is sent."""

from collections.abc import Awaitable
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.answers import HERE, Card, button, card, clicked, press, run, shown
from tests.browser.conftest import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOON = 1795996800000
"""30 November 2026, 00:00 UTC."""


async def form(desk: Desk, *widgets: Card, then: Card | None = None) -> list[dict[str, Any]]:
    """Shows a card of these inputs and a button "Send"; the questions asked."""
    questions = await desk.answer_with(shown(card(*widgets, button("Send"))), then or clicked(notice="Sent."))
    await desk.show()
    return questions


async def send(desk: Desk) -> None:
    await desk.panel.get_by_role("button", name="Send").click()
    await expect(desk.page.locator("#panel .toast")).to_have_text("Sent.")


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
    questions = await desk.answer_with(shown(card(*inputs)), clicked(notice="Sent."))
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
    assert questions[1]["parameters"] == {"id": "7"}
    assert questions[1]["form_inputs"] == {
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
    questions = await desk.answer_with(shown(form))
    await desk.show()
    await desk.panel.get_by_role("button", name="Go").click()
    await expect(desk.panel.get_by_role("alert")).to_have_text("Required")
    assert len(questions) == 1


async def test_suggestions_come_from_the_add_on(desk: Desk) -> None:
    field = {"textInput": {"name": "words", "label": "Words", "autoCompleteAction": {"function": HERE}}}
    questions = await desk.answer_with(
        shown(card(field)), {"autoComplete": {"items": [{"text": "Lovelace"}, {"text": "Lovell"}]}}
    )
    await desk.show()
    await desk.panel.get_by_label("Words").fill("lov")
    await expect(desk.panel.get_by_role("option")).to_have_count(2)
    await desk.page.keyboard.press("ArrowDown")
    await desk.page.keyboard.press("ArrowDown")
    await desk.page.keyboard.press("Enter")
    await expect(desk.panel.get_by_label("Words")).to_have_value("Lovell")
    assert questions[1]["form_inputs"] == {"words": {"stringInputs": {"value": ["lov"]}}}


@pytest.mark.parametrize(
    ("kind", "wrong", "words", "right"),
    [
        ("INTEGER", "1.5", "Enter a whole number", "-12"),
        ("FLOAT", "a", "Enter a number", "1,5"),
        ("EMAIL", "ada", "Enter an email address", "ada@corp.example"),
    ],
)
async def test_what_is_typed_must_have_the_right_form(desk: Desk, kind: str, wrong: str, words: str, right: str) -> None:
    questions = await form(desk, {"textInput": {"name": "typed", "label": "Typed", "validation": {"inputType": kind}}})
    field = desk.panel.get_by_label("Typed")
    await field.fill(wrong)
    await desk.panel.get_by_role("button", name="Send").click()
    await expect(desk.panel.get_by_role("alert")).to_have_text(words)
    await expect(field).to_be_focused()
    assert len(questions) == 1
    await field.fill(right)
    await send(desk)
    assert questions[1]["form_inputs"] == {"typed": {"stringInputs": {"value": [right]}}}


async def test_an_empty_field_of_a_form_is_right_unless_it_is_required(desk: Desk) -> None:
    questions = await form(desk, {"textInput": {"name": "typed", "label": "Typed", "validation": {"inputType": "INTEGER"}}})
    await send(desk)
    assert questions[1]["form_inputs"] == {}


async def test_no_more_can_be_typed_than_the_limit(desk: Desk) -> None:
    await form(desk, {"textInput": {"name": "typed", "label": "Typed", "validation": {"characterLimit": 3}}})
    await desk.panel.get_by_label("Typed").press_sequentially("abcde")
    await expect(desk.panel.get_by_label("Typed")).to_have_value("abc")


async def test_an_emoji_can_be_chosen(desk: Desk) -> None:
    questions = await form(desk, {"textInput": {"name": "mood", "label": "Mood", "validation": {"inputType": "EMOJI_PICKER"}}})
    await desk.panel.get_by_role("button", name="Choose an emoji").click()
    await desk.page.get_by_role("menuitem", name="🎯").click()
    await send(desk)
    assert questions[1]["form_inputs"] == {"mood": {"stringInputs": {"value": ["🎯"]}}}


async def test_suggestions_of_the_card_are_filtered_and_keep_the_field_to_one_line(desk: Desk) -> None:
    offered = {"items": [{"text": "Lovelace"}, {"text": "Hopper"}]}
    await form(desk, {"textInput": {"name": "n", "label": "Name", "type": "MULTIPLE_LINE", "initialSuggestions": offered}})
    field = desk.panel.get_by_label("Name")
    await field.focus()
    await expect(desk.panel.get_by_role("option")).to_have_text(["Lovelace", "Hopper"])
    await field.fill("hop")
    await expect(desk.panel.get_by_role("option")).to_have_text(["Hopper"])
    await desk.page.keyboard.press("Escape")
    await expect(desk.panel.get_by_role("option")).to_have_count(0)
    assert await field.evaluate("(node) => node.tagName") == "INPUT"


async def test_what_an_add_on_suggests_in_a_wrong_form_is_noted(desk: Desk) -> None:
    field = {"textInput": {"name": "words", "label": "Words", "autoCompleteAction": {"function": HERE}}}
    await desk.answer_with(shown(card(field)), {"autoComplete": {"items": [{"txt": "Lovelace"}]}})
    await desk.show()
    await desk.panel.get_by_label("Words").fill("lov")
    await expect(desk.page.locator(".panel-notes")).to_contain_text("items[0].txt is no field of Google's SuggestionItem")


COLOURS: list[Card] = [
    {"text": "Red", "value": "r", "selected": True, "bottomText": "As a rose"},
    *({"text": text, "value": text[0].lower()} for text in ("Blue", "Green", "White")),
]


async def test_a_multiselect_offers_its_items_at_once_and_takes_three(desk: Desk) -> None:
    questions = await form(desk, {"selectionInput": {"name": "many", "label": "Many", "type": "MULTI_SELECT", "items": COLOURS}})
    field = desk.panel.get_by_label("Many", exact=True)
    await field.focus()
    await expect(desk.panel.get_by_role("option")).to_have_text(["Blue", "Green", "White"])
    for colour in ("Blue", "Green", "White"):
        await field.fill(colour)
        await desk.panel.get_by_role("option", name=colour).click()
    await expect(desk.panel.locator(".chip")).to_have_text(["Red", "Blue", "Green"])
    await desk.panel.get_by_role("button", name="Remove Blue").click()
    await send(desk)
    assert questions[1]["form_inputs"] == {"many": {"stringInputs": {"value": ["r", "g"]}}}


async def test_a_multiselects_own_bounds_are_kept(desk: Desk) -> None:
    bounds = {"multiSelectMaxSelectedItems": 1, "multiSelectMinQueryLength": 2}
    items = [{**item, "selected": False} for item in COLOURS]
    await form(desk, {"selectionInput": {"name": "many", "label": "Many", "type": "MULTI_SELECT", "items": items, **bounds}})
    field = desk.panel.get_by_label("Many", exact=True)
    await field.fill("r")
    await expect(desk.panel.get_by_role("option")).to_have_count(0)
    await field.fill("re")
    await expect(desk.panel.get_by_role("option")).to_have_text(["RedAs a rose", "Green"])
    await desk.panel.get_by_role("option", name="Green").click()
    await field.fill("blu")
    await desk.panel.get_by_role("option", name="Blue").click()
    await expect(desk.panel.locator(".chip")).to_have_text(["Green"])


@pytest.mark.parametrize(
    "source",
    [
        {"externalDataSource": {"function": HERE}},
        {"dataSourceConfigs": [{"remoteDataSource": {"function": HERE}}], "multiSelectMinQueryLength": 1},
    ],
)
async def test_a_multiselect_asks_its_source_from_the_third_letter_on_and_says_that_gmail_would_not(
    desk: Desk, source: Card
) -> None:
    found = {"updateWidget": {"suggestions": {"items": [{"text": "Ada Lovelace", "value": "7"}]}}}
    many = {"selectionInput": {"name": "many", "label": "Many", "type": "MULTI_SELECT", **source}}
    questions = await desk.answer_with(shown(card(many)), {"action": {"modifyOperations": [found]}})
    await desk.show()
    # Slower than the field waits for a further letter: each could be asked about.
    await desk.panel.get_by_label("Many", exact=True).press_sequentially("lov", delay=400)
    await desk.panel.get_by_role("option", name="Ada Lovelace").click()
    await expect(desk.panel.locator(".chip")).to_have_text(["Ada Lovelace"])
    assert [question.get("parameters") for question in questions[1:]] == [{"autocomplete_widget_query": "lov"}]
    await expect(desk.page.locator(".panel-notes")).to_contain_text("alone")


async def test_dates_and_times_are_sent_as_gmail_sends_them(desk: Desk) -> None:
    def picker(kind: str, **more: Any) -> Card:
        return {"dateTimePicker": {"name": kind, "label": kind, "type": kind, **more}}

    questions = await form(
        desk,
        picker("DATE_ONLY", valueMsEpoch=str(NOON)),
        picker("TIME_ONLY", valueMsEpoch=str((12 * 60 + 30) * 60_000)),
        picker("DATE_AND_TIME", valueMsEpoch=str(NOON), timezoneOffsetDate=330),
    )
    await expect(desk.panel.get_by_label("DATE_ONLY")).to_have_value("2026-11-30")
    await expect(desk.panel.get_by_label("TIME_ONLY")).to_have_value("12:30")
    await expect(desk.panel.get_by_label("DATE_AND_TIME")).to_have_value("2026-11-30T05:30")
    await desk.panel.get_by_label("TIME_ONLY").fill("09:05")
    await send(desk)
    assert questions[1]["form_inputs"] == {
        "DATE_ONLY": {"dateInput": {"msSinceEpoch": str(NOON)}},
        "TIME_ONLY": {"timeInput": {"hours": 9, "minutes": 5}},
        "DATE_AND_TIME": {"dateTimeInput": {"hasDate": True, "hasTime": True, "msSinceEpoch": str(NOON)}},
    }


async def test_a_date_without_an_offset_is_the_readers_own_also_in_summer(desk: Desk) -> None:
    """The reader is in Vienna."""
    questions = await form(desk, {"dateTimePicker": {"name": "when", "label": "When", "type": "DATE_AND_TIME"}})
    for local, utc_hours_before in (("2026-01-15T12:00", 1), ("2026-07-15T12:00", 2)):
        await desk.panel.get_by_label("When").fill(local)
        await send(desk)
        sent = int(questions[-1]["form_inputs"]["when"]["dateTimeInput"]["msSinceEpoch"])
        assert await desk.page.evaluate("(ms) => new Date(ms).toISOString().slice(0, 13)", sent) == (
            f"{local[:10]}T{12 - utc_hours_before}"
        )


async def test_a_date_that_is_no_number_is_noted(desk: Desk) -> None:
    await form(desk, {"dateTimePicker": {"name": "when", "label": "When", "type": "DATE_ONLY", "valueMsEpoch": "30 November"}})
    await expect(desk.page.locator(".panel-notes")).to_contain_text("valueMsEpoch should be of type int64")
    await expect(desk.panel.get_by_label("When")).to_have_value("")


async def test_all_that_can_be_required_is_and_checkboxes_cannot(desk: Desk) -> None:
    """Google's words: validation is for text, dates, dropdowns and multiselect menus."""
    items = [{"text": "One", "value": "1"}]
    widgets: list[Card] = [
        {"textInput": {"name": "text", "label": "Text"}},
        {"dateTimePicker": {"name": "day", "label": "Day", "type": "DATE_ONLY"}},
        {"selectionInput": {"name": "drop", "label": "Drop", "type": "DROPDOWN", "items": items}},
        {"selectionInput": {"name": "many", "label": "Many", "type": "MULTI_SELECT", "items": items}},
        {"selectionInput": {"name": "boxes", "label": "Boxes", "type": "CHECK_BOX", "items": items}},
        {"decoratedText": {"text": "On", "switchControl": {"name": "on", "value": "yes"}}},
        press("All", run(allWidgetsAreRequired=True)),
    ]
    questions = await desk.answer_with(shown(card(*widgets)), clicked(notice="Sent."))
    await desk.show()
    await desk.panel.get_by_role("button", name="All").click()
    await expect(desk.panel.get_by_role("alert")).to_have_text(["Required"] * 4)
    assert len(questions) == 1
    await desk.panel.get_by_label("Text").fill("x")
    await desk.panel.get_by_label("Day").fill("2026-11-30")
    await desk.panel.get_by_label("Drop").select_option("One")
    await desk.panel.get_by_label("Many", exact=True).fill("on")
    await desk.panel.locator(".suggestions").get_by_role("option", name="One").click()
    await desk.panel.get_by_role("button", name="All").click()
    await expect(desk.page.locator("#panel .toast")).to_have_text("Sent.")
    assert set(questions[1]["form_inputs"]) == {"text", "day", "drop", "many"}


async def test_a_change_of_any_input_is_sent_at_once_where_the_card_asks_for_it(desk: Desk) -> None:
    change = {"onChangeAction": {"function": HERE, "loadIndicator": "NONE"}}
    items = [{"text": "One", "value": "1"}, {"text": "Two", "value": "2"}]

    def choice(kind: str) -> Card:
        return {"selectionInput": {"name": kind, "label": kind, "type": kind, "items": items, **change}}

    questions = await form(
        desk,
        {"textInput": {"name": "text", "label": "Text", **change}},
        *(choice(kind) for kind in ("CHECK_BOX", "RADIO_BUTTON", "SWITCH", "DROPDOWN", "MULTI_SELECT")),
        {"dateTimePicker": {"name": "day", "label": "Day", "type": "DATE_ONLY", **change}},
        {"decoratedText": {"text": "On", "switchControl": {"name": "on", **change}}},
    )

    async def changes(name: str, *steps: Awaitable[Any]) -> None:
        async with desk.page.expect_response("**/desk/*/panel"):
            for step in steps:
                await step
        assert name in questions[-1]["form_inputs"], name

    text, day, many = (desk.panel.get_by_label(label, exact=True) for label in ("Text", "Day", "MULTI_SELECT"))
    await changes("text", text.fill("x"), text.press("Tab"))
    for kind in ("CHECK_BOX", "RADIO_BUTTON", "SWITCH"):
        await changes(kind, desk.panel.get_by_role("group", name=kind).get_by_label("Two").check())
    await changes("DROPDOWN", desk.panel.get_by_label("DROPDOWN").select_option("Two"))
    two = desk.panel.locator(".suggestions").get_by_role("option", name="Two")
    await changes("MULTI_SELECT", many.fill("two"), two.click())
    await changes("day", day.fill("2026-11-30"), day.press("Tab"))
    await changes("on", desk.panel.get_by_role("switch", name="On", exact=True).check())
    assert questions[-1]["form_inputs"]["on"] == {"stringInputs": {"value": ["true"]}}


@pytest.mark.parametrize(("persists", "expected"), [(True, "typed"), (False, "from the card")])
async def test_values_persist_where_the_action_says_so(desk: Desk, persists: bool, expected: str) -> None:
    def made(title: str) -> Card:
        field = {"textInput": {"name": "words", "label": "Words", "value": "from the card"}}
        return card(field, press("Go", run(persistValues=persists)), title=title)

    await desk.answer_with(shown(made("Before")), clicked({"updateCard": made("After")}))
    await desk.show()
    await desk.panel.get_by_label("Words").fill("typed")
    await desk.panel.get_by_role("button", name="Go").click()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("After")
    await expect(desk.panel.get_by_label("Words")).to_have_value(expected)


async def test_back_finds_the_form_as_it_was_left(desk: Desk) -> None:
    items = [{"text": "One", "value": "1"}, {"text": "Two", "value": "2"}]
    choice = {"selectionInput": {"name": "one", "label": "One of", "type": "DROPDOWN", "items": items}}
    day = {"dateTimePicker": {"name": "day", "label": "Day", "type": "DATE_ONLY"}}
    await form(desk, choice, day, then=clicked({"pushCard": card(title="Next")}))
    await desk.panel.get_by_label("One of").select_option("Two")
    await desk.panel.get_by_label("Day").fill("2026-11-30")
    await desk.panel.get_by_role("button", name="Send").click()
    await expect(desk.panel.locator(".card-header h2")).to_have_text("Next")
    await desk.page.get_by_role("button", name="Back", exact=True).click()
    await expect(desk.panel.get_by_label("One of")).to_have_value("2")
    await expect(desk.panel.get_by_label("Day")).to_have_value("2026-11-30")
