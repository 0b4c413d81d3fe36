"""The widget gallery, held against the list of widgets, properties and values in Google's schema; and the page of one card file."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from sandbox.cards.card_check import definitions, refused
from sandbox.cards.gallery import gallery
from tests.browser.conftest import Desk, Picture

pytestmark = pytest.mark.asyncio(loop_scope="session")

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
    "TextInput.name": "sent with the form",
    "TextInput.onChangeAction": "a change sends it",
}
"""Properties that change what happens, not what is drawn: a test for each kind is in test_panel.py."""


SAME = {
    ("SwitchControl.controlType", "CHECKBOX", "CHECK_BOX"): "Google's words: deprecated in favor of CHECK_BOX",
    ("Card.displayStyle", "PEEK", "REPLACE"): "the panel peeks",
    ("Action.loadIndicator", "SPINNER", "NONE"): "a click shows it",
    ("OpenLink.openAs", "FULL_SIZE", "OVERLAY"): "a click opens it",
    ("OpenLink.onClose", "NOTHING", "RELOAD"): "a click opens it",
}
"""Values that look the same, and why."""


@cache
def card_fields() -> dict[str, dict[str, Any]]:
    """Of each type its fields: whether it is a "list", what "type" it has or holds, an enum's "values", and what "only" has it."""
    return {
        kind: {name: field_of(field) for name, field in (schema["properties"] | schema.get("elsewhere", {})).items()}
        for kind, schema in definitions().items()
    }


def field_of(schema: dict[str, Any]) -> dict[str, Any]:
    one = schema.get("items", schema)
    return {
        "list": schema.get("type") == "array",
        "type": one.get("$ref", "").removeprefix("#/$defs/"),
        "values": one.get("enum"),
        "only": schema.get("only", ""),
    }


def gallery_covers() -> set[str]:
    """`Type.field` and `Type.field=VALUE` of all that a card may hold; below what Gmail does not have, nothing is asked for."""
    described, found, ahead, seen = card_fields(), set(), ["Card"], set()
    while ahead:
        kind = ahead.pop()
        if kind in seen:
            continue
        seen.add(kind)
        for name, field in described[kind].items():
            found.add(f"{kind}.{name}")
            if field["only"]:
                continue
            found |= {f"{kind}.{name}={value}" for value in field["values"] or () if not value.endswith("_UNSPECIFIED")}
            if field["type"] in described:
                ahead.append(field["type"])
    return found


def used_in(value: Any, kind: str, path: str) -> Iterator[tuple[str, str]]:
    """The same of one card, each with its place."""
    for name, inner in value.items():
        field = card_fields()[kind][name]
        yield f"{kind}.{name}", f"{path}.{name}"
        for index, item in enumerate(inner if field["list"] else [inner]):
            place = f"{path}.{name}[{index}]" if field["list"] else f"{path}.{name}"
            if field["values"]:
                yield f"{kind}.{name}={item}", place
            if field["type"] in card_fields():
                yield from used_in(item, field["type"], place)


def is_only_elsewhere(path: str) -> bool:
    kind, name = path.split("=", maxsplit=1)[0].split(".")
    return bool(card_fields()[kind][name]["only"])


async def test_the_gallery_has_all_that_googles_schema_has() -> None:
    used = {each for one in gallery() for each, _ in used_in(one["card"], "Card", "card")}
    assert gallery_covers() - used == set()


async def test_what_gmail_does_not_have_has_a_red_note_at_its_place_and_nothing_else_has() -> None:
    for one in gallery():
        notes = refused(one["card"])
        elsewhere = [place for each, place in used_in(one["card"], "Card", "card") if "=" not in each and is_only_elsewhere(each)]
        # What lies below one of these is told with it.
        told = [place for place in elsewhere if not any(place.startswith((f"{other}.", f"{other}[")) for other in elsewhere)]
        assert [place for place in told if not any(note.startswith(f"{place} is for ") for note in notes)] == []
        assert bool(notes) == one["elsewhere"], one["title"]


async def test_every_widget_of_googles_schema_is_in_sight_light_and_dark(desk: Desk, picture: Picture) -> None:
    await desk.page.goto(f"{desk.demo.address}/gallery")
    await expect(desk.page.locator("#gallery")).to_have_attribute("aria-busy", "false")
    beside = ("eventActions", "horizontalAlignment", "id", "visibility")
    for kind in set(card_fields()["Widget"]) - set(beside):
        for shade in ("light", "dark"):
            await expect(desk.page.locator(f".panel.{shade} .widget-{kind}:visible").first).to_be_visible()
    stripped = desk.page.locator(".panel:has(.panel-failed) .panel-bar h1")
    await expect(stripped).to_have_text([f"A dialog of Google Chat, {shade}" for shade in ("light", "dark")])
    noted = desk.page.locator(".panel:has(.panel-notes:not([hidden])) .panel-bar h1")
    elsewhere = [one["title"] for one in gallery() if one["elsewhere"]]
    await expect(noted).to_have_text([f"{title}, {shade}" for title in elsewhere for shade in ("light", "dark")])
    await desk.page.set_viewport_size({"width": 1440, "height": 1800})
    await picture("gallery")


DRAW = """
    const { cardNode } = await import("/panel/card.js");
    const { Form } = await import("/panel/form.js");
    const plain = (node) => node.outerHTML.replace(/(text|choice|date|offers|offer)-[0-9]+/g, "$1")
      + [...node.querySelectorAll("input, select")].map((input) => input.value).join();
    const drawn = (card) => {
      try { return plain(cardNode(card, { form: new Form(), click() {}, run() {} })); } catch { return "broken"; }
    };
    const walk = (value, kind, visit) => {
      for (const [name, inner] of Object.entries(value)) {
        const field = format[kind][name];
        // A red note tells of these, and of what is below them.
        if (field.only) continue;
        visit(value, name, field, `${kind}.${name}`);
        if (field.type in format) (field.list ? inner : [inner]).forEach((item) => walk(item, field.type, visit));
      }
    };
"""
CHANGES_NOTHING = (
    "async ([cards, format]) => {"
    + DRAW
    + """
    const without = {};
    for (const card of cards) {
      const before = drawn(card);
      walk(card, "Card", (value, name, field, path) => {
        const inner = value[name];
        delete value[name];
        without[path] = (without[path] ?? true) && drawn(card) === before;
        value[name] = inner;
      });
    }
    return Object.keys(without).filter((path) => without[path]);
}"""
)
LOOKS_THE_SAME = (
    "async ([cards, format]) => {"
    + DRAW
    + """
    const same = {};
    for (const card of cards) {
      walk(card, "Card", (value, name, field, path) => {
        const given = value[name];
        const values = (field.values ?? []).filter((one) => !one.endsWith("_UNSPECIFIED"));
        const looks = values.map((one) => { value[name] = one; return drawn(card); });
        value[name] = given;
        values.forEach((one, at) => values.slice(at + 1).forEach((other, further) => {
          const pair = [path, one, other].join(" ");
          same[pair] = (same[pair] ?? true) && looks[at] === looks[at + 1 + further];
        }));
      });
    }
    return Object.keys(same).filter((pair) => same[pair]).map((pair) => pair.split(" "));
}"""
)


async def test_each_property_makes_a_difference_to_what_is_drawn(desk: Desk) -> None:
    """Each card is drawn with and without each of its properties."""
    await desk.page.goto(f"{desk.demo.address}/gallery")
    cards = [one["card"] for one in gallery()]
    same = await desk.page.evaluate(CHANGES_NOTHING, [cards, card_fields()])
    kinds = {name for name in ACTS if "." not in name}
    assert {path for path in same if path.split(".")[0] not in kinds} == set(ACTS) - kinds


async def test_each_value_of_a_property_looks_different_from_each_other(desk: Desk) -> None:
    await desk.page.goto(f"{desk.demo.address}/gallery")
    cards = [one["card"] for one in gallery()]
    same = await desk.page.evaluate(LOOKS_THE_SAME, [cards, card_fields()])
    assert {(path, one, other) for path, one, other in same} == set(SAME)


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
        told = desk.page.locator("#refused")
        await expect(told).to_have_text("Nothing: Google would take this.")
        words, panel = await desk.page.locator("#refused").bounding_box(), await desk.page.locator("#panel").bounding_box()
        assert words and panel
        assert (panel["y"] < words["y"], panel["x"] > words["x"]) == (True, True), "the panel stands beside the list"
        file.write_text(json.dumps(good | {"sectoins": []}))
        await expect(told).to_contain_text("card.sectoins is no field of Google's Card")
        file.write_text("{")
        await expect(told).to_contain_text("my card.json is not JSON: line 1")
        file.write_text(json.dumps({"sections": [{"widgets": "x"}]}))
        await expect(told).to_contain_text("widgets should be a list")
        await expect(desk.panel).to_have_text("Gmail could not show this card.")
        await desk.page.goto("about:blank")
    desk.requests[:] = [url for url in desk.requests if not url.startswith(address.split("?")[0])]
