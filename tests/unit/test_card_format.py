"""What Google would refuse, said with the place; and `python -m sandbox card --check`, which lists it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sandbox.__main__ import sandbox
from sandbox.cards.answer_check import refused
from sandbox.cards.card_format import card_format

Json = dict[str, Any]
GO = {"action": {"function": "https://addon.example/go"}}
GOOD: Json = {"header": {"title": "Ada"}, "sections": [{"widgets": [{"textParagraph": {"text": "x"}}]}]}
HERE = "card.sections[0].widgets[0]"


def one(widget: Json, **more: Any) -> Json:
    return {"sections": [{"widgets": [widget]}], **more}


def button(**more: Any) -> Json:
    return one({"buttonList": {"buttons": [{"text": "x", "onClick": GO, **more}]}})


def choice(kind: str, items: int, chosen: int = 0) -> Json:
    made = [{"text": str(each), "value": str(each), "selected": each < chosen} for each in range(items)]
    return one({"selectionInput": {"name": "n", "type": kind, "items": made}})


@pytest.mark.parametrize("answer", [GOOD, {"action": {"navigations": [{"pushCard": GOOD}]}}, {"autoComplete": {"items": []}}])
def test_what_google_takes_is_not_refused(answer: Json) -> None:
    assert refused(answer) == []


@pytest.mark.parametrize(
    ("card", "fault"),
    [
        (one({"textParagraph": {"txt": "x"}}), f"{HERE}.textParagraph.txt is no field of Google's TextParagraph"),
        (one({"textParagraph": {}}), f"{HERE}.textParagraph needs text"),
        (one({"decoratedText": {"text": "x", "wrapText": "yes"}}), f"{HERE}.decoratedText.wrapText should be of type boolean"),
        (
            one({"divider": {}, "image": {"imageUrl": "https://x.example/"}}),
            f"{HERE} should be exactly one widget, and is divider and image",
        ),
        (one({}), f"{HERE} should be exactly one widget, and is none"),
        (one({"textParagraph": {"text": "x"}, "id": "x" * 65}), f"{HERE}.id may have 64 letters, digits and hyphens"),
        (
            one({"textParagraph": {"text": "<img src=x>"}}),
            f"{HERE}.textParagraph.text: <img> is not part of a card's text, and is left out",
        ),
        (
            one({"textParagraph": {"text": "<a href='javas&#99;ript:x'>x</a>"}}),
            f"{HERE}.textParagraph.text: a link in a text leads nowhere Gmail would open",
        ),
        (button(type="FILLED"), f"{HERE}.buttonList.buttons[0].type is for Google Chat alone: Gmail does not have it"),
        (
            one({"textInput": {"name": "n", "label": "x", "type": "ONE_LINE"}}),
            f"{HERE}.textInput.type is “ONE_LINE”: it may be SINGLE_LINE, MULTIPLE_LINE",
        ),
        *(
            (
                {**GOOD, "header": {"title": "Ada", "imageUrl": url}},
                "card.header.imageUrl should be an https address that is public",
            )
            for url in (
                "http://x.example/ada.png",
                "http://127.0.0.1:8090/ada.png",
                "https://127.0.0.1/ada.png",
                "https://10.0.0.7:8443/ada.png",
                "https://[::1]/ada.png",
                "https://localhost/ada.png",
                "https://crm.internal/ada.png",
                "https://public.example@localhost/ada.png",
                "data:image/png;base64,iVBORw0KGgo=",
            )
        ),
        (
            button(onClick={"openLink": {"url": "javascript:x"}}),
            f"{HERE}.buttonList.buttons[0].onClick.openLink.url is not an address Gmail would open",
        ),
        (
            button(onClick={"action": {"function": "go"}}),
            f"{HERE}.buttonList.buttons[0].onClick.action.function should be an https address",
        ),
        (button(onClick={}), f"{HERE}.buttonList.buttons[0] does nothing: it has no onClick"),
        (button(color={"red": 255}), f"{HERE}.buttonList.buttons[0].color.red is 255: it may be 0 to 1"),
        (
            button(icon={"knownIcon": "DRAGON"}),
            f"{HERE}.buttonList.buttons[0].icon.knownIcon is “DRAGON”: Google has no icon of that name",
        ),
        (
            one({"columns": {"columnItems": [{"widgets": []}]}}),
            f"{HERE}.columns is for the dialogs of drafts and of Calendar alone: Gmail does not have it",
        ),
        (choice("CHECK_BOX", 101), f"{HERE}.selectionInput has 101 items: Google allows 100"),
        (choice("DROPDOWN", 3, chosen=2), f"{HERE}.selectionInput has 2 selected items: it may have one"),
        (one({"textInput": {"name": "n"}}), f"{HERE}.textInput needs a label or a hintText"),
        (
            one({"textInput": {"name": "n", "label": "x", "value": "four", "validation": {"characterLimit": 3}}}),
            f"{HERE}.textInput.value has 4 characters: its characterLimit is 3",
        ),
        (one({"carousel": {}}), f"{HERE}.carousel is for Google Chat alone: Gmail does not have it"),
        (
            {"sections": [{"widgets": [{"divider": {}}] * 101}]},
            "card has 101 widgets: Google drops the section that goes over 100, and all that follow",
        ),
        ({**GOOD, "cardActions": [{"actionLabel": "x", "onClick": GO}] * 11}, "card.cardActions has 11 items: Google allows 10"),
        ({}, "card is empty: it has neither a header nor a section"),
        ({"sections": "x"}, "card.sections should be a list"),
        ({"action": {}, "surprise": 1}, "surprise is no field of Google's Answer"),
        ({"action": {"navigations": [{"push": GOOD}]}}, "action.navigations[0].push is no field of Google's Navigation"),
        ({"action": {"notification": {}}}, "action.notification needs text"),
        (
            {"renderActions": {"action": {"navigations": [{"updateCard": {}}]}}},
            "renderActions.action.navigations[0].updateCard is empty: it has neither a header nor a section",
        ),
    ],
)
def test_what_google_would_refuse_is_said_with_its_place(card: Json, fault: str) -> None:
    assert fault in refused(card)


def test_a_card_nested_without_end_is_refused_too() -> None:
    deep: Json = {}
    for _ in range(3000):
        deep = one({"decoratedText": {"text": "x", "onClick": {"card": deep}}})
    assert refused(deep) == ["it is nested too deeply"]


def test_google_says_itself_what_add_ons_do_not_have() -> None:
    described = card_format()
    assert described["Widget"]["carousel"]["only"] == described["Icon"]["materialIcon"]["only"] == "Google Chat"
    assert described["Widget"]["eventActions"]["only"] == "Google Workspace Studio"
    assert described["Button"]["type"]["only"] == "Google Chat"
    assert described["Widget"]["columns"]["only"] == "the dialogs of drafts and of Calendar"
    assert described["Widget"]["textParagraph"]["only"] == ""


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (json.dumps(GOOD).encode(), 0, "Google would take this"),
        (json.dumps({"sectons": []}).encode(), 1, "card.sectons is no field of Google's Card"),
        (b'{"a": 1,\n}', 2, "is not JSON: line 2, column 1"),
        (b"[1]", 2, "should hold one JSON object"),
        (b"\xff\xfe", 2, "is not text in UTF-8"),
        (b"[" * 200_000, 2, "is nested too deeply"),
    ],
)
def test_check_lists_it_and_says_so_by_its_status(tmp_path: Path, content: bytes, status: int, words: str) -> None:
    file = tmp_path / "card.json"
    file.write_bytes(content)
    told = CliRunner().invoke(sandbox, ["card", "--check", str(file)])
    assert (told.exit_code, words in told.output) == (status, True), told.output


def test_the_commands_are_listed() -> None:
    told = CliRunner().invoke(sandbox, ["--help"])
    assert all(command in told.output for command in ("card", "gallery", "demo"))
