"""Each way to spoil a good card or answer is found, and named at its place; and what is no fault is not taken for one."""

import copy
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from sandbox.cards.card_check import answer_faults, card_faults, is_answer, refused
from sandbox.cards.gallery import gallery
from sandbox.cards.open_links import OpenLinks
from tests.unit.test_card_check import GOOD_ANSWERS, good_card

Json = dict[str, Any]
Place = tuple[str | int, ...]
Spoil = Callable[[Any, Any, str], str | None]
"""Of a holder, a key in it and the key's place: spoils it, and says how a fault must begin; None when there is nothing to spoil so."""

MANY = 101
LEAST = 2000
"""Spoilt ones that differ: so that a gallery gone small does not make the test easy."""


@cache
def good_ones() -> list[Json]:
    """The gallery's cards, a widget each; what is beside the widgets in one card more; and answers."""
    found: list[Json] = []
    for card in (one["card"] for one in gallery() if not one["elsewhere"]):
        found += [{"sections": [{"widgets": [widget]}]} for section in card["sections"] for widget in section["widgets"]]
        found.append({**card, "sections": [{**section, "widgets": section["widgets"][:1]} for section in card["sections"]]})
    return [*found, good_card(), *GOOD_ANSWERS]


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where something can go wrong: every field and item."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*place, key)
        yield from places(inner, (*place, key))


def written(good: Json, place: Place) -> str:
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return steps.removeprefix(".") if is_answer(good) else f"card{steps}"


def copied_along(value: Any, place: Place) -> Any:
    """A copy in which the value at a place, and what holds it, can be changed."""
    copied = copy.copy(value)
    if place:
        copied[place[0]] = copied_along(value[place[0]], place[1:])
    return copied


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A good one, changed at one place, and how a fault must begin if that is one."""

    good: Json
    place: Place
    changed: Json
    fault: str

    def faults(self) -> list[str]:
        return answer_faults(self.changed) if is_answer(self.good) else card_faults(self.changed)

    def is_found_at_its_place(self) -> bool:
        return any(fault.startswith(self.fault) for fault in self.faults())


def spoilt(spoil: Spoil) -> Iterator[Spoilt]:
    """Each good one changed at each place that can be, once for each kind of place."""
    seen = set()
    for good in good_ones():
        for place in places(good):
            changed = copied_along(good, place)
            holder: Any = changed
            for step in place[:-1]:
                holder = holder[step]
            names = [step for step in place if isinstance(step, str)]
            kind = (*names[-3:], isinstance(holder, dict) and tuple(sorted(holder)))
            if kind not in seen and (fault := spoil(holder, place[-1], written(good, place))) is not None:
                seen.add(kind)
                yield Spoilt(good, place, changed, fault)


def _misspelt(holder: Any, key: Any, there: str) -> str | None:
    if not isinstance(holder, dict):
        return None
    holder[f"{key}x"] = holder.pop(key)
    return f"{there}x is no field of Google's "


def _with_more(holder: Any, key: Any, there: str) -> str | None:
    if not isinstance(holder[key], dict):
        return None
    holder[key]["surprise"] = 1
    return f"{there}.surprise is no field of Google's "


def of_other_type(value: Any) -> Spoil:
    """Something of another of JSON's types in its place."""

    def spoil(holder: Any, key: Any, there: str) -> str | None:
        # In Google's JSON it is a text, and may be a number.
        if type(holder[key]) in (type(value), float) or key == "valueMsEpoch":
            return None
        holder[key] = value
        return f"{there} "

    return spoil


def _unknown_value(holder: Any, key: Any, there: str) -> str | None:
    if key == "id" or not re.fullmatch("[A-Z][A-Z_0-9]+", str(holder[key])):
        return None
    holder[key] = "WRONG"
    return f"{there} is “WRONG”: "


def put(value: Any, pattern: str, fault: str) -> Spoil:
    """A value at the places that end so."""

    def spoil(holder: Any, key: Any, there: str) -> str | None:
        if not re.search(rf"(^|[.\]])({pattern})$", there) or isinstance(holder[key], dict | list):
            return None
        holder[key] = value
        return f"{there}{fault}"

    return spoil


def together(pattern: str, more: Json, fault: str) -> Spoil:
    """Fields more, of those that the object at the places that end so does not have; at the second place of a union."""

    def spoil(holder: Any, key: Any, there: str) -> str | None:
        if not re.search(rf"(^|[.\]])({pattern})$", there) or not isinstance(holder[key], dict):
            return None
        added = next(name for name in more if name not in holder[key])
        holder[key][added] = more[added]
        return f"{there}{fault.format(added)}"

    return spoil


def repeated(pattern: str, fault: str, *, above: str = "") -> Spoil:
    """A list made long; its fault is at `above` it."""

    def spoil(holder: Any, key: Any, there: str) -> str | None:
        if not re.search(rf"(^|[.\]])({pattern})$", there) or not holder[key]:
            return None
        holder[key] = holder[key][:1] * MANY
        return f"{re.sub(above, '', there)}{fault}"

    return spoil


def _too_long(holder: Any, key: Any, there: str) -> str | None:
    if key != "textInput":
        return None
    holder[key] |= {"value": "four", "validation": {"characterLimit": 3}}
    return f"{there}.value has 4 characters: its characterLimit is 3"


GO: Json = {"function": "https://addon.example/go"}
PUBLIC = " should be an https address that is public"

WAYS: dict[str, Spoil] = {
    "a misspelt field": _misspelt,
    "one field more": _with_more,
    "a text in its place": of_other_type("wrong"),
    "a number in its place": of_other_type(7),
    "a fraction in its place": of_other_type(1.5),
    "a yes in its place": of_other_type(True),
    "nothing in its place": of_other_type(None),
    "a list in its place": of_other_type([]),
    "an object in its place": of_other_type({}),
    "an unknown value": _unknown_value,
    "a picture by http": put("http://x.example/a.png", "imageUrl|iconUrl|imageUri", PUBLIC),
    "a picture on this machine": put("https://localhost/a.png", "imageUrl|iconUrl|imageUri", PUBLIC),
    "a script as a link": put("javascript:x", "url", " is not an address Gmail would open"),
    "a function by its name": put("go", "function", " should be an https address"),
    "a tag of a page": put(
        "<img>", r"textParagraph.text|decoratedText.text|sections\[\d+\].header", ": <img> is not part of a card's text"
    ),
    "a link in a text": put(
        "<a href=x:y>", r"textParagraph.text|decoratedText.text|sections\[\d+\].header", ": a link in a text leads"
    ),
    "a share of 255": put(255, "red|green|blue|alpha", " is 255: it may be 0 to 1"),
    "less than none": put(-1, "uncollapsibleWidgetsCount", " is -1: it may be 0 or more"),
    "no scope": put("gmail", r"scopes\[\d+\]", ": “gmail” is no scope"),
    "two widgets": together(
        r"widgets\[\d+\]", {"divider": {}, "image": {"imageUrl": "https://x.example/"}}, " should be exactly one widget, and is "
    ),
    "two icons": together(
        "icon|startIcon|endIcon", {"knownIcon": "STAR", "iconUrl": "https://x.example/"}, " needs exactly one of "
    ),
    "two things at a click": together(
        "onClick", {"action": GO, "openLink": {"url": "https://x.example/"}}, " needs exactly one of "
    ),
    "two steps in one": together(r"navigations\[\d+\]", {"pop": True, "popToRoot": True}, " needs exactly one of "),
    "two things with a draft": together(
        "gmailAction",
        {"openCreatedDraftActionMarkup": {"draftId": "1"}, "updateDraftActionMarkup": {"updateSubject": {}}},
        " needs exactly one of ",
    ),
    "scopes and all scopes": together(
        "requesting_google_scopes", {"all_scopes": True, "scopes": ["openid"]}, " needs exactly one of "
    ),
    "what Chat alone has": together(r"buttons\[\d+\]|primaryButton|button", {"type": "FILLED"}, ".{} is for Google Chat alone"),
    "what Studio alone has": together(r"sections\[\d+\]", {"id": "x"}, ".{} is for Google Workspace Studio alone"),
    "what a draft's dialog alone has": together(
        r"widgets\[\d+\]", {"columns": {}}, ".{} is for the dialogs of drafts and of Calendar alone"
    ),
    "too many actions": repeated("cardActions", " has 101 items: Google allows 10"),
    "too many sections": repeated("sections", " has 101 items: Google allows 100"),
    "too many choices": repeated("selectionInput.items", " has 101 items: Google allows 100"),
    "too many widgets": repeated("widgets", " has 10", above=r"\.sections\[\d+\]\.widgets$"),
    "too long a text": _too_long,
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_spoil_it_is_found_and_named_at_its_place(way: str) -> None:
    assert [(each.fault, each.faults()) for each in spoilt(WAYS[way]) if not each.is_found_at_its_place()] == []


def test_there_are_many_ways_to_spoil_it() -> None:
    counts = {way: len(list(spoilt(spoil))) for way, spoil in WAYS.items()}
    assert [way for way, count in counts.items() if not count] == []
    assert sum(counts.values()) > LEAST


@pytest.mark.parametrize("good", good_ones())
def test_the_good_ones_are_taken_and_a_second_form_is_not(good: Json) -> None:
    assert refused(good) == []
    if is_answer(good):
        more = {"requesting_google_scopes": {"all_scopes": True}} if "autoComplete" in good else {"autoComplete": {}}
        assert any(fault.startswith("an answer has one form: this has ") for fault in answer_faults({**good, **more}))


def test_each_link_that_no_prefix_covers_is_named_at_its_place() -> None:
    links = 0
    for good in good_ones():
        for place in places(good):
            if place[-1] == "url":
                links += 1
                fault = f"{written(good, place)} is “"
                assert [each for each in refused(good, open_links=OpenLinks([])) if each.startswith(fault)] != []
    assert links > 5


def beside(there: str) -> str:
    """The place of what holds it."""
    return re.sub(r"(^|\.)[^.]*$", "", there)


def left_out(holder: Any, key: Any, there: str) -> str | None:
    if not isinstance(holder, dict):
        return None
    del holder[key]
    return beside(there)


def becomes(value: Any, *kinds: type) -> Spoil:
    """A value in place of another of these types."""

    def spoil(holder: Any, key: Any, there: str) -> str | None:
        if not isinstance(holder, dict) or type(holder[key]) not in kinds:
            return None
        holder[key] = value
        return beside(there)

    return spoil


def made_long(holder: Any, key: Any, there: str) -> str | None:
    if not isinstance(holder[key], list) or not holder[key]:
        return None
    holder[key] = holder[key][:1] * MANY
    return beside(beside(there)) if key == "widgets" else there


CHANGES: dict[str, Spoil] = {
    "left out": left_out,
    "an empty text": becomes("", str),
    "an empty list": becomes([], list),
    "an empty object": becomes({}, dict),
    "words with a tag": becomes("some <img> words", str),
    "less than none": becomes(-1, int, float),
    "one and a half": becomes(1.5, int, float),
    "seven": becomes(7, int, float),
    "no": becomes(False, bool),
    "101 of them": made_long,
}

REFUSED: dict[str, dict[str, str]] = {
    "left out": {
        "action": "function link navigations notification",
        "autoCompleteAction": "function",
        "button": "onClick text",
        "buttonList": "buttons",
        "buttons": "icon onClick text",
        "card": "action autoComplete custom_authorization_prompt renderActions requesting_google_scopes sections",
        "cardActions": "actionLabel onClick",
        "ccRecipients": "email",
        "collapseButton": "text",
        "collapseControl": "collapseButton expandButton",
        "custom_authorization_prompt": "action",
        "dateTimePicker": "name",
        "decoratedText": "text",
        "endIcon": "knownIcon",
        "fixedFooter": "primaryButton",
        "gmailAction": "openCreatedDraftActionMarkup updateDraftActionMarkup",
        "grid": "items",
        "header": "title",
        "hostAppAction": "gmailAction",
        "icon": "knownIcon",
        "image": "imageUrl",
        "insertContents": "content contentType",
        "items": "onClick text",
        "link": "url",
        "navigations": "pop popToCard popToRoot pushCard updateCard",
        "notification": "text",
        "onChangeAction": "function",
        "onClick": "action card openDynamicLinkAction openLink overflowMenu",
        "openCreatedDraftActionMarkup": "draftId",
        "openDynamicLinkAction": "function",
        "openLink": "url",
        "overflowMenu": "items",
        "parameters": "key",
        "peekCardHeader": "title",
        "primaryButton": "color onClick text",
        "renderActions": "action hostAppAction",
        "requesting_google_scopes": "all_scopes scopes",
        "secondaryButton": "color onClick text",
        "sections": "widgets",
        "selectionInput": "name",
        "startIcon": "iconUrl knownIcon",
        "switchControl": "name",
        "textInput": "label name",
        "textParagraph": "text",
        "toRecipients": "email",
        "updateBody": "insertContents type",
        "widgets": "buttonList chipList dateTimePicker decoratedText divider grid image selectionInput textInput textParagraph",
    },
    "an empty text": {
        "action": "function loadIndicator",
        "autoCompleteAction": "function",
        "borderStyle": "type",
        "button": "text",
        "buttons": "text",
        "card": "displayStyle sectionDividerStyle",
        "cardActions": "actionLabel",
        "ccRecipients": "email",
        "chipList": "layout",
        "collapseButton": "text",
        "collapseControl": "horizontalAlignment",
        "cropStyle": "type",
        "dateTimePicker": "name type valueMsEpoch",
        "decoratedText": "text",
        "endIcon": "knownIcon",
        "header": "imageType title",
        "icon": "knownIcon",
        "image": "imageUrl",
        "insertContents": "contentType",
        "items": "layout text",
        "link": "onClose openAs url",
        "navigations": "popToCard",
        "notification": "text",
        "onChangeAction": "function loadIndicator",
        "openCreatedDraftActionMarkup": "draftId",
        "openDynamicLinkAction": "function",
        "openLink": "onClose openAs url",
        "parameters": "key",
        "peekCardHeader": "imageType title",
        "primaryButton": "text",
        "secondaryButton": "text",
        "selectionInput": "name type",
        "startIcon": "imageType knownIcon",
        "switchControl": "controlType name",
        "textInput": "label name type",
        "textParagraph": "text",
        "toRecipients": "email",
        "updateBody": "type",
        "validation": "inputType",
        "widgets": "horizontalAlignment",
    },
    "an empty list": {
        "action": "navigations",
        "buttonList": "buttons",
        "card": "sections",
        "grid": "items",
        "overflowMenu": "items",
        "requesting_google_scopes": "scopes",
        "sections": "widgets",
        "updateBody": "insertContents",
    },
    "an empty object": {
        "action": "link notification",
        "button": "onClick",
        "buttons": "icon onClick",
        "card": "action custom_authorization_prompt fixedFooter header peekCardHeader renderActions requesting_google_scopes",
        "cardActions": "onClick",
        "chips": "icon onClick",
        "collapseControl": "collapseButton expandButton",
        "custom_authorization_prompt": "action",
        "dateTimePicker": "onChangeAction",
        "decoratedText": "button endIcon icon onClick startIcon switchControl",
        "expandButton": "icon",
        "fixedFooter": "primaryButton secondaryButton",
        "gmailAction": "openCreatedDraftActionMarkup updateDraftActionMarkup",
        "grid": "onClick",
        "hostAppAction": "gmailAction",
        "image": "onClick",
        "items": "onClick startIcon",
        "navigations": "pushCard updateCard",
        "onClick": "action card openDynamicLinkAction openLink overflowMenu",
        "primaryButton": "onClick",
        "renderActions": "action hostAppAction",
        "secondaryButton": "onClick",
        "selectionInput": "onChangeAction",
        "switchControl": "onChangeAction",
        "textInput": "autoCompleteAction onChangeAction",
        "updateDraftActionMarkup": "updateBody",
        "widgets": "buttonList dateTimePicker decoratedText grid image selectionInput textInput textParagraph",
    },
    "words with a tag": {
        "action": "function loadIndicator",
        "autoCompleteAction": "function",
        "borderStyle": "type",
        "card": "displayStyle sectionDividerStyle",
        "chipList": "layout",
        "collapseControl": "horizontalAlignment",
        "cropStyle": "type",
        "dateTimePicker": "type valueMsEpoch",
        "decoratedText": "text",
        "endIcon": "knownIcon",
        "header": "imageType imageUrl",
        "icon": "knownIcon",
        "image": "imageUri imageUrl",
        "insertContents": "contentType",
        "items": "layout",
        "link": "onClose openAs url",
        "onChangeAction": "function loadIndicator",
        "openDynamicLinkAction": "function",
        "openLink": "onClose openAs url",
        "peekCardHeader": "imageType imageUrl",
        "sections": "header",
        "selectionInput": "type",
        "startIcon": "iconUrl imageType knownIcon",
        "switchControl": "controlType",
        "textInput": "type",
        "textParagraph": "text",
        "updateBody": "type",
        "validation": "inputType",
        "widgets": "horizontalAlignment",
    },
    "less than none": {
        "color": "alpha blue green red",
        "sections": "uncollapsibleWidgetsCount",
        "strokeColor": "alpha blue green red",
    },
    "one and a half": {
        "borderStyle": "cornerRadius",
        "color": "alpha blue green red",
        "dateTimePicker": "timezoneOffsetDate",
        "grid": "columnCount",
        "sections": "uncollapsibleWidgetsCount",
        "selectionInput": "multiSelectMaxSelectedItems multiSelectMinQueryLength",
        "strokeColor": "alpha blue green red",
        "textParagraph": "maxLines",
        "validation": "characterLimit",
    },
    "seven": {
        "color": "alpha blue green red",
        "strokeColor": "alpha blue green red",
    },
    "no": {
        "navigations": "pop popToRoot",
        "requesting_google_scopes": "all_scopes",
    },
    "101 of them": {
        "card": "cardActions sections",
        "sections": "widgets",
        "selectionInput": "items",
    },
}
"""By change, the fields that Google does not take so: by what holds them, a card for each that is one. All others it takes."""


@pytest.mark.parametrize("change", CHANGES)
def test_a_field_is_refused_where_google_says_so_and_nowhere_else(change: str) -> None:
    found = defaultdict(set)
    for each in spoilt(CHANGES[change]):
        if each.faults():
            assert each.is_found_at_its_place(), (each.fault, each.faults())
            *_, holder, field = ["", *(step for step in each.place if isinstance(step, str))]
            found["card" if holder in ("", "pushCard", "updateCard") else holder].add(field)
    assert {holder: " ".join(sorted(fields)) for holder, fields in found.items()} == REFUSED[change]
