"""The widget gallery, held against the list of widgets, properties and values in Google's schema; and the page of one card file."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from sandbox.card_format import card_format
from sandbox.gallery import gallery
from tests.browser.conftest import Desk, Picture

pytestmark = pytest.mark.asyncio(loop_scope="session")

STUDIO = "only add-ons that extend Google Workspace Studio have it"
NOTHING_GIVEN = "stands for no value given"
NOT_SHOWN = {
    "Action.interaction": "opens dialogs of Google Chat; of an add-on the whole card is stripped",
    "Card.expressionData": STUDIO,
    "DateTimePicker.hostAppDataSource": STUDIO,
    "Section.id": STUDIO,
    "SelectionInput.dataSourceConfigs": STUDIO,
    "SelectionInput.platformDataSource": "Google Chat's own people and spaces",
    "TextInput.hostAppDataSource": STUDIO,
    "Widget.eventActions": STUDIO,
    "Widget.id": STUDIO,
    "Widget.visibility": STUDIO,
}
"""What the gallery has not, and why. What lies below one of these is not asked for either."""

ACTS = {
    "Action": "a click sends it",
    "ActionParameter": "a click sends it",
    "OnClick": "a click does it",
    "OpenLink": "a click opens it",
    "OverflowMenu": "a click opens it",
    "OverflowMenuItem": "a click opens it",
    "Suggestions": "offered on focus",
    "SuggestionItem": "offered on focus",
    "CardAction": "in the panel's menu",
    "Card.cardActions": "in the panel's menu",
    "Card.name": "named by popToCard",
    "Card.displayStyle": "the panel peeks",
    "Card.peekCardHeader": "the panel peeks",
    "Button.onClick": "a click does it",
    "Chip.onClick": "a click does it",
    "GridItem.id": "a click sends it",
    "Color.alpha": "Google passes over it",
    "DateTimePicker.name": "sent with the form",
    "DateTimePicker.onChangeAction": "a change sends it",
    "SelectionInput.name": "sent with the form",
    "SelectionInput.onChangeAction": "a change sends it",
    "SelectionInput.externalDataSource": "asked while typing",
    "SelectionInput.multiSelectMaxSelectedItems": "bounds what can be chosen",
    "SelectionInput.multiSelectMinQueryLength": "asked while typing",
    "SwitchControl.name": "sent with the form",
    "SwitchControl.onChangeAction": "a change sends it",
    "SwitchControl.value": "sent with the form",
    "TextInput.autoCompleteAction": "asked while typing",
    "TextInput.name": "sent with the form",
    "TextInput.onChangeAction": "a change sends it",
    "TextInput.value": "stands in the field, not in the markup",
    "DateTimePicker.valueMsEpoch": "stands in the field, not in the markup",
    "DateTimePicker.timezoneOffsetDate": "stands in the field, not in the markup",
    "CollapseControl.collapseButton": "shown once it is open",
    "Validation.inputType=TEXT": "as none",
}
"""Properties that change what happens, not what is drawn: a test for each kind is in test_panel.py."""


def asked_for() -> set[str]:
    """`Type.field` and `Type.field=VALUE` of all that a card may hold, but for what NOT_SHOWN names and lies below it."""
    described, found, ahead, seen = card_format(), set(), ["Card"], set()
    while ahead:
        kind = ahead.pop()
        if kind in seen:
            continue
        seen.add(kind)
        for name, field in described[kind].items():
            if f"{kind}.{name}" in NOT_SHOWN:
                continue
            found.add(f"{kind}.{name}")
            found |= {f"{kind}.{name}={value}" for value in field["values"] or () if not value.endswith("_UNSPECIFIED")}
            if field["type"] in described:
                ahead.append(field["type"])
    return found


def used_in(value: Any, kind: str) -> Iterator[str]:
    """The same of one card."""
    for name, inner in value.items():
        field = card_format()[kind][name]
        yield f"{kind}.{name}"
        for item in inner if field["list"] else [inner]:
            if field["values"]:
                yield f"{kind}.{name}={item}"
            if field["type"] in card_format():
                yield from used_in(item, field["type"])


async def test_the_gallery_has_all_that_googles_schema_has() -> None:
    used = {each for one in gallery() for each in used_in(one["card"], "Card")}
    assert asked_for() - used == set()
    assert sorted(used & set(NOT_SHOWN)) == [], "named as not shown, and shown"
    assert [name for name in NOT_SHOWN if name.split(".")[1] not in card_format()[name.split(".")[0]]] == []


async def test_every_widget_of_googles_schema_is_in_sight_light_and_dark(desk: Desk, picture: Picture) -> None:
    await desk.page.goto(f"{desk.demo.address}/gallery")
    await expect(desk.page.locator("#gallery")).to_have_attribute("aria-busy", "false")
    beside = ("eventActions", "horizontalAlignment", "id", "visibility")
    for kind in set(card_format()["Widget"]) - set(beside):
        for shade in ("light", "dark"):
            await expect(desk.page.locator(f".panel.{shade} .widget-{kind}:visible").first).to_be_visible()
    assert await desk.page.locator(".panel-failed").count() == 0
    noted = desk.page.locator(".panel:has(.panel-notes:not([hidden])) .panel-bar h1")
    await expect(noted).to_have_text(["Only in Google Chat, light", "Only in Google Chat, dark"])
    await desk.page.set_viewport_size({"width": 1440, "height": 1800})
    await picture("gallery")


CHANGES_NOTHING = """async ([cards, format]) => {
    const { cardNode } = await import("/panel/card.js");
    const { Form } = await import("/panel/form.js");
    const plain = (node) => node.outerHTML.replace(/(text|choice|date|offers|offer)-[0-9]+/g, "$1")
      + [...node.querySelectorAll("input, select")].map((input) => input.value).join();
    const drawn = (card) => plain(cardNode(card, { form: new Form(), click() {}, run() {} }));
    const without = {};
    const walk = (value, kind, whole, before) => {
      for (const [name, inner] of Object.entries(value)) {
        const field = format[kind][name];
        delete value[name];
        let after;
        try { after = drawn(whole); } catch { after = "broken"; }
        value[name] = inner;
        const same = after === before;
        const path = `${kind}.${name}`;
        without[path] = (without[path] ?? true) && same;
        if (field.type in format && path !== "OnClick.card")
          (field.list ? inner : [inner]).forEach((item) => walk(item, field.type, whole, before));
      }
    };
    cards.forEach((card) => walk(card, "Card", card, drawn(card)));
    return Object.keys(without).filter((path) => without[path]);
}"""


async def test_each_property_makes_a_difference_to_what_is_drawn(desk: Desk) -> None:
    """Each card is drawn with and without each of its properties."""
    await desk.page.goto(f"{desk.demo.address}/gallery")
    cards = [one["card"] for one in gallery()]
    same = await desk.page.evaluate(CHANGES_NOTHING, [cards, card_format()])
    assert [path for path in same if path not in ACTS and path.split(".")[0] not in ACTS] == []


async def test_the_gallery_fits_a_narrow_page(desk: Desk) -> None:
    await desk.page.set_viewport_size({"width": 390, "height": 800})
    await desk.page.goto(f"{desk.demo.address}/gallery")
    await expect(desk.page.locator("#gallery")).to_have_attribute("aria-busy", "false")
    assert await desk.page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_a_click_where_no_add_on_runs_says_what_would_be_sent(desk: Desk) -> None:
    await desk.page.goto(f"{desk.demo.address}/gallery")
    place = desk.page.get_by_role("complementary", name="Text fields, light")
    await place.get_by_label("Suggestions of the add-on").fill("lov")
    await place.get_by_role("option", name="Lovell").click()
    await expect(place.get_by_label("Suggestions of the add-on")).to_have_value("Lovell")
    place = desk.page.get_by_role("complementary", name="Chips, light")
    await place.get_by_role("button", name="Label").first.click()
    await expect(place.locator(".toast")).to_have_text(
        re.compile('Gmail would call https://addon.example/go with parameters {"id":"7"}')
    )


@contextmanager
def card_page(file: Path) -> Iterator[str]:
    """`python -m sandbox card FILE`, and where it serves."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-u", "-m", "sandbox", "card", str(file), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().split()[1]
        finally:
            process.terminate()


async def test_a_card_file_is_shown_and_followed(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "my card.json"
    good = {"header": {"title": "Ada"}, "sections": [{"widgets": [{"textParagraph": {"text": "x"}}]}]}
    file.write_text(json.dumps(good))
    with card_page(file) as address:
        await desk.page.goto(address)
        await expect(desk.panel.locator(".card-header h2")).to_have_text("Ada")
        refused = desk.page.locator("#refused")
        await expect(refused).to_have_text("Nothing: Google would take this.")
        file.write_text(json.dumps(good | {"sectoins": []}))
        await expect(refused).to_contain_text("card.sectoins is no field of Google's Card")
        file.write_text("{")
        await expect(refused).to_contain_text("my card.json is not JSON: line 1")
        file.write_text(json.dumps({"sections": [{"widgets": "x"}]}))
        await expect(refused).to_contain_text("widgets should be a list")
        await expect(desk.panel).to_have_text("Gmail could not show this card.")
        await desk.page.goto("about:blank")
    desk.requests[:] = [asked for asked in desk.requests if not asked.startswith(address)]
