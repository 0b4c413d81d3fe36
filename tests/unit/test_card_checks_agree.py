"""The sandbox's check of cards and the tests' own say the same: on good cards, and on each with one thing wrong."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.cards.answer_check import ANSWER_FORMAT, is_answer, refused
from sandbox.cards.card_check import KNOWN_ICONS, TAGS
from sandbox.cards.card_format import card_format
from sandbox.cards.gallery import gallery
from tests import card_schema
from tests.card_schema import takes
from tests.unit.test_card_schema import GOOD_ANSWERS, good_card

Json = dict[str, Any]
Place = tuple[str | int, ...]

INSTEAD: tuple[Any, ...] = ("", "wrong", "<img>", "javascript:x", "http://x.example/", [], {}, None, True, 0, -1, 7, 1.5, "7")
"""What is put in place of each value in turn."""

MANY = 101
LEAST = 2000
"""Ways to be wrong: so that a gallery gone small does not make the comparison easy."""


def taken_by_the_tests(thing: Json) -> bool:
    return takes(thing, answer=is_answer(thing))


def small_cards() -> Iterator[Json]:
    """The gallery's, a widget each; what is beside the widgets in one card more."""
    for one in gallery():
        card: Json = one["card"]
        for section in card["sections"]:
            for widget in section["widgets"]:
                yield {"sections": [{"widgets": [widget]}]}
        sections = [{**section, "widgets": section["widgets"][:1]} for section in card["sections"]]
        yield {**card, "sections": sections}


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where something can go wrong: every field and item."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*place, key)
        yield from places(inner, (*place, key))


def wrong_ones(good: Json, seen: set[Any]) -> Iterator[tuple[str, Json]]:
    """The same with one thing wrong, and what that is; but for what was seen wrong in the same way at the same place of another."""
    yield "surprise", {**good, "surprise": 1}
    for place in places(good):
        for what, change in CHANGES.items():
            changed = copy.deepcopy(good)
            holder: Any = changed
            for step in place[:-1]:
                holder = holder[step]
            kind = (
                what,
                tuple(step for step in place if isinstance(step, str)),
                tuple(holder) if isinstance(holder, dict) else (),
            )
            if kind not in seen and change(holder, place[-1]):
                seen.add(kind)
                yield f"{what} at {'.'.join(map(str, place))}", changed


def _without(holder: Any, key: Any) -> bool:
    del holder[key]
    return True


def _misspelt(holder: Any, key: Any) -> bool:
    if isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    return isinstance(holder, dict)


def _with_more(holder: Any, key: Any) -> bool:
    if isinstance(holder[key], dict):
        holder[key]["surprise"] = 1
    return isinstance(holder[key], dict)


def _many(holder: Any, key: Any) -> bool:
    if isinstance(holder[key], list) and holder[key]:
        holder[key] = holder[key][:1] * MANY
    return isinstance(holder[key], list)


def _put(value: Any) -> Any:
    def put(holder: Any, key: Any) -> bool:
        holder[key] = value
        return True

    return put


CHANGES: dict[str, Any] = {"nothing": _without, "misspelt": _misspelt, "one field more": _with_more, "many": _many} | {
    json.dumps(value): _put(value) for value in INSTEAD
}


@pytest.mark.parametrize("answer", [{"action": {"navigations": [{"pushCard": good_card()}]}}, good_card(), *GOOD_ANSWERS])
def test_both_take_what_is_good(answer: Json) -> None:
    assert refused(answer) == []
    assert taken_by_the_tests(answer)


def test_both_say_the_same_of_the_gallery() -> None:
    for one in gallery():
        assert taken_by_the_tests(one["card"]) is not one["elsewhere"], one["title"]


GO: Json = {"action": {"function": "https://addon.example/go"}}
MENU: Json = {"overflowMenu": {"items": [{"text": "x", "onClick": GO}]}}
BUTTON: Json = {"text": "x", "onClick": GO}


def widget(kind: str, **fields: Any) -> Json:
    return {"sections": [{"widgets": [{kind: fields}]}]}


def folding(**control: Json) -> Json:
    section = {"collapsible": True, "collapseControl": control, "widgets": [{"divider": {}}]}
    return {"sections": [section]}


TOGETHER: dict[str, tuple[bool, Json]] = {
    "a button that is off needs no onClick": (True, widget("buttonList", buttons=[{"text": "x", "disabled": True}])),
    "a button of words alone does nothing": (False, widget("buttonList", buttons=[{"text": "x"}])),
    "a button of an icon": (True, widget("buttonList", buttons=[{"icon": {"knownIcon": "STAR"}, "onClick": GO}])),
    "two icons in one": (
        False,
        widget("decoratedText", text="x", startIcon={"knownIcon": "STAR", "iconUrl": "https://x.example/"}),
    ),
    "a menu in a menu": (
        False,
        widget("buttonList", buttons=[{"text": "x", "onClick": {"overflowMenu": {"items": [{"text": "x", "onClick": MENU}]}}}]),
    ),
    "a button and a switch": (False, widget("decoratedText", text="x", button=BUTTON, switchControl={"name": "n"})),
    "a button and an icon at the end": (False, widget("decoratedText", text="x", button=BUTTON, endIcon={"knownIcon": "STAR"})),
    "a switch and an icon at the end": (
        False,
        widget("decoratedText", text="x", switchControl={"name": "n"}, endIcon={"knownIcon": "STAR"}),
    ),
    "two chosen of a dropdown": (
        False,
        widget("selectionInput", name="n", type="DROPDOWN", items=[{"text": "x", "selected": True}] * 2),
    ),
    "two chosen of checkboxes": (
        True,
        widget("selectionInput", name="n", type="CHECK_BOX", items=[{"text": "x", "selected": True}] * 2),
    ),
    "a value as long as it may be": (
        True,
        widget("textInput", name="n", label="x", value="abc", validation={"characterLimit": 3}),
    ),
    "a value too long": (False, widget("textInput", name="n", label="x", value="abcd", validation={"characterLimit": 3})),
    "a hint in place of a label": (True, widget("textInput", name="n", hintText="x")),
    "neither label nor hint": (False, widget("textInput", name="n")),
    "a date as a number": (True, widget("dateTimePicker", name="n", valueMsEpoch=1795996800000)),
    "a hundred widgets": (True, {"sections": [{"widgets": [{"divider": {}}] * 50}] * 2}),
    "a hundred and one": (False, {"sections": [{"widgets": [{"divider": {}}] * 50}, {"widgets": [{"divider": {}}] * 51}]}),
    "columns": (False, widget("columns", columnItems=[{"widgets": [{"textParagraph": {"text": "x"}}]}])),
    "a button's type": (False, widget("buttonList", buttons=[{**BUTTON, "type": "OUTLINED"}])),
    "two buttons that fold": (True, folding(expandButton={"text": "x"}, collapseButton={"text": "y"})),
    "one button that folds": (False, folding(expandButton={"text": "x"})),
    "a footer": (True, {"header": {"title": "x"}, "fixedFooter": {"primaryButton": {**BUTTON, "color": {"red": 1}}}}),
    "a footer without a colour": (False, {"header": {"title": "x"}, "fixedFooter": {"primaryButton": BUTTON}}),
    "no header, no section": (False, {"name": "x"}),
    **{
        f"a picture from {url}": (good, {"header": {"title": "x", "imageUrl": url}})
        for url, good in {
            "": True,
            "https://x.example/a.png": True,
            "https://x.example:8443": True,
            "https://10.example/a.png": True,
            "https://localhost.example/a.png": True,
            "https://my-crm.local.example?a=b": True,
            "https://x/a.png": False,
            "https://x@y.example/a.png": False,
            "https://localhost:1/a.png": False,
            "https://127.0.0.1": False,
            "https://[::1]/a.png": False,
            "https://2130706433/a.png": False,
            "https://crm.local/a.png": False,
            "http://x.example/a.png": False,
        }.items()
    },
    "a card behind a click that is empty": (
        False,
        widget("image", imageUrl="https://x.example/", onClick={"card": {"name": "x"}}),
    ),
    "tags of a card": (
        True,
        widget("textParagraph", text='<b>x</b> <font color="#ff0000">y</font><br><A HREF="mailto:x@y.example">z</A>'),
    ),
    "a tag of a page": (False, widget("textParagraph", text="a <table>")),
    "less than": (True, widget("textParagraph", text="1 < 2 & 3 > 2")),
    "a link that is hidden": (False, widget("decoratedText", text="<a href='java&#115;cript:x'>x</a>")),
    "a link by telephone": (True, widget("image", imageUrl="https://x.example/", onClick={"openLink": {"url": "tel:+4315"}})),
    "an address of http": (
        True,
        widget("image", imageUrl="https://x.example/", onClick={"openLink": {"url": "http://x.example/"}}),
    ),
    "a file": (False, widget("image", imageUrl="https://x.example/", onClick={"openLink": {"url": "file:///etc/passwd"}})),
}
"""What is right or wrong only beside something else: whether Google takes it, and a card."""


@pytest.mark.parametrize("case", TOGETHER)
def test_both_say_the_same_of_what_stands_together(case: str) -> None:
    good, card = TOGETHER[case]
    assert (refused(card) == [], taken_by_the_tests(card)) == (good, good)


def test_both_know_the_same_icons_and_tags() -> None:
    assert set(KNOWN_ICONS) == set(card_schema.KNOWN_ICONS)
    assert set(TAGS) == card_schema.TAGS


def test_both_know_the_same_fields_of_cards() -> None:
    definitions = card_schema.definitions()
    # Said in words, at another field.
    by_hand = {"SelectionInput": {"externalDataSource"}}
    for kind, fields in card_format().items():
        known = {name for name, field in fields.items() if not field["only"]} - by_hand.get(kind, set())
        if kind in definitions and kind in reached():
            assert known == set(definitions[kind]["properties"]), kind


def reached() -> set[str]:
    """The types that a card in Gmail may hold."""
    found, ahead = set(), ["Card"]
    while ahead:
        kind = ahead.pop()
        found.add(kind)
        held = [field["type"] for field in card_format()[kind].values() if not field["only"]]
        ahead += [other for other in held if other in card_format() and other not in found]
    return found


def test_both_know_the_same_fields_of_answers() -> None:
    known = {name for fields in ANSWER_FORMAT.values() for name in fields}
    assert known == set(fields_in({name: card_schema.definitions()[name] for name in card_schema.ANSWERS}))


def fields_in(schema: Any) -> Iterator[str]:
    """Each name of a property that a schema has, at any depth."""
    if isinstance(schema, list):
        schema = dict(enumerate(schema))
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for inner in schema.values():
            yield from fields_in(inner)


def disagreements(good: Json, seen: set[Any]) -> list[str]:
    """Where one check takes what the other refuses."""
    found = []
    for what, wrong in wrong_ones(good, seen):
        told = refused(wrong)
        if bool(told) == taken_by_the_tests(wrong):
            found.append(f"{what}: {told or 'only the tests refuse it'}")
    return found


def test_both_say_the_same_of_every_widget_with_one_thing_wrong() -> None:
    seen: set[Any] = set()
    assert [found for card in small_cards() for found in disagreements(card, seen)] == []
    assert len(seen) > LEAST


@pytest.mark.parametrize("answer", [good_card(), *GOOD_ANSWERS])
def test_both_say_the_same_of_answers_with_one_thing_wrong(answer: Json) -> None:
    assert disagreements(answer, set()) == []
