"""What Google would refuse in a card or an answer: said in words with the place; and `python -m sandbox card --check`, which lists it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from sandbox.__main__ import sandbox
from sandbox.cards.card_check import answer_faults, card_faults, definitions, refused
from sandbox.cards.gallery import gallery
from sandbox.cards.open_links import OpenLinks

Json = dict[str, Any]
GO: Json = {"action": {"function": "https://addon.example/go"}}
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
        (
            button(onClick={"action": {**GO["action"], "interaction": "OPEN_DIALOG"}}),
            f"{HERE}.buttonList.buttons[0].onClick.action.interaction: Gmail strips the whole card, and shows nothing",
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
        (choice("CHECK_BOX", 101), f"{HERE}.selectionInput.items has 101 items: Google allows 100"),
        (choice("DROPDOWN", 3, chosen=2), f"{HERE}.selectionInput.items has several selected items: it may have one"),
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
    unknown: Any = []
    for _ in range(3000):
        unknown = [unknown]
    for card in ({**GOOD, "surprise": unknown}, {**GOOD, "displayStyle": unknown}):
        assert refused(card, open_links=OpenLinks([])) == ["it is nested too deeply"]


@pytest.mark.parametrize("answer", [None, [], "renderActions", 7])
def test_what_is_no_object_is_no_answer(answer: Any) -> None:
    assert answer_faults(answer, to_trigger=True) == ["it should be an object"]
    assert refused(answer) == ["it should be an object: a card, or an add-on's answer"]


def good_card() -> Json:
    return {
        "name": "all",
        "header": {"title": "Ada Lovelace", "subtitle": "Analytical Ltd", "imageType": "CIRCLE"},
        "peekCardHeader": {"title": "Ada"},
        "displayStyle": "REPLACE",
        "sectionDividerStyle": "NO_DIVIDER",
        "cardActions": [{"actionLabel": "Open", "onClick": {"openLink": {"url": "https://crm.example/1"}}}],
        "fixedFooter": {
            "primaryButton": {
                "text": "Save",
                "color": {"red": 0, "green": 0.5, "blue": 1},
                "onClick": {"action": {"function": "https://addon.example/save", "parameters": [{"key": "id", "value": "1"}]}},
            }
        },
        "sections": [
            {
                "header": "Deals",
                "collapsible": True,
                "uncollapsibleWidgetsCount": 1,
                "widgets": [
                    {"decoratedText": {"text": "<b>Renewal</b>", "bottomLabel": "12", "startIcon": {"knownIcon": "PHONE"}}},
                    {"textInput": {"name": "words", "label": "Search", "type": "SINGLE_LINE"}},
                    {"selectionInput": {"name": "who", "type": "RADIO_BUTTON", "items": [{"text": "Me", "value": "me"}]}},
                    {"divider": {}},
                ],
            }
        ],
    }


def section(card: Json) -> Json:
    found: Json = card["sections"][0]
    return found


def first_line(card: Json) -> Json:
    found: Json = section(card)["widgets"][0]["decoratedText"]
    return found


BROKEN: dict[str, tuple[Callable[[Json], object], str]] = {
    "misspelt field of the card": (lambda card: card.update(sectoins=[]), "sectoins"),
    "misspelt field of a widget": (lambda card: first_line(card).update(botomLabel="x"), "widgets[0].decoratedText"),
    "misspelt widget": (lambda card: section(card)["widgets"].append({"textParagraf": {"text": "x"}}), "widgets[4]"),
    "wrong enum": (lambda card: section(card)["widgets"][1]["textInput"].update(type="ONE_LINE"), "textInput.type"),
    "unknown icon": (lambda card: first_line(card)["startIcon"].update(knownIcon="FAX"), "knownIcon"),
    "wrong type": (lambda card: section(card).update(collapsible="yes"), "collapsible"),
    "section without widgets": (lambda card: section(card).update(widgets=[]), "widgets"),
    "widget with two contents": (lambda card: section(card)["widgets"][3].update(textParagraph={"text": "x"}), "widgets[3]"),
    "widget with none": (lambda card: section(card)["widgets"].append({}), "widgets[4]"),
    "text missing": (lambda card: first_line(card).pop("text"), "decoratedText"),
    "header without a title": (lambda card: card["header"].pop("title"), "header"),
    "for Chat alone": (lambda card: first_line(card)["startIcon"].update(materialIcon={"name": "x"}), "startIcon"),
    "columns, which dialogs of drafts and of Calendar have": (
        lambda card: section(card)["widgets"].append({"columns": {"columnItems": []}}),
        "widgets[4]",
    ),
    "a button's type, which Chat has": (
        lambda card: card["fixedFooter"]["primaryButton"].update(type="FILLED"),
        "primaryButton",
    ),
    "a header's picture on this machine": (
        lambda card: card["header"].update(imageUrl="http://127.0.0.1:8090/ada.png"),
        "header.imageUrl",
    ),
    "script as a link": (
        lambda card: first_line(card).update(onClick={"openLink": {"url": "javascript:x()"}}),
        "openLink.url",
    ),
    "function by name": (lambda card: first_line(card).update(onClick={"action": {"function": "open"}}), "action.function"),
    "parameter that is no text": (
        lambda card: first_line(card).update(
            onClick={"action": {"function": "https://a.example/", "parameters": [{"key": "id", "value": 1}]}}
        ),
        "parameters[0].value",
    ),
    "101 widgets": (lambda card: section(card)["widgets"].extend([{"divider": {}}] * 97), "101 widgets"),
    "11 card actions": (lambda card: card.update(cardActions=card["cardActions"] * 11), "cardActions"),
}


def test_a_good_card_is_taken() -> None:
    assert card_faults(good_card()) == []


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_card_is_refused_with_the_place(broken: str) -> None:
    card = good_card()
    change, place = BROKEN[broken]
    change(card)
    assert [fault for fault in card_faults(card) if place in fault] != []


GOOD_ANSWERS: list[Json] = [
    {"action": {"navigations": [{"pushCard": good_card()}]}},
    {"renderActions": {"action": {"navigations": [{"popToRoot": True}, {"updateCard": good_card()}]}}, "stateChanged": True},
    {"renderActions": {"action": {"notification": {"text": "Saved."}}}},
    {"renderActions": {"action": {"link": {"url": "https://crm.example/", "openAs": "OVERLAY", "onClose": "RELOAD"}}}},
    {"renderActions": {"hostAppAction": {"gmailAction": {"openCreatedDraftActionMarkup": {"draftId": "1"}}}}},
    {
        "renderActions": {
            "hostAppAction": {
                "gmailAction": {
                    "updateDraftActionMarkup": {
                        "updateToRecipients": {"toRecipients": [{"email": "ada@corp.example"}]},
                        "updateCcRecipients": {"ccRecipients": [{"email": "ada@corp.example"}]},
                        "updateBccRecipients": {"bccRecipients": []},
                        "updateSubject": {"subject": "Hello"},
                        "updateBody": {
                            "type": "IN_PLACE_INSERT",
                            "insertContents": [{"content": "<b>x</b>", "contentType": "MUTABLE_HTML"}],
                        },
                    }
                }
            }
        }
    },
    {"autoComplete": {"items": [{"text": "Ada"}]}},
    {"requesting_google_scopes": {"scopes": ["https://www.googleapis.com/auth/gmail.addons.execute"]}},
    {"requesting_google_scopes": {"all_scopes": True}},
    {"custom_authorization_prompt": {"action": {"navigations": [{"pushCard": good_card()}]}}},
    {"action": {"navigations": [{"pop": True}, {"popToCard": "all"}]}},
]


@pytest.mark.parametrize("answer", GOOD_ANSWERS)
def test_the_envelopes_are_taken(answer: Json) -> None:
    assert answer_faults(answer) == []


def broken_card() -> Json:
    return {"sections": [{"widgets": []}]}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"actions": {}},
        good_card(),
        {"action": {"navigations": []}},
        {"action": {"navigations": [{"pushCard": broken_card()}]}},
        {"renderActions": {"action": {"navigations": [{"updateCard": broken_card()}]}}},
        {"custom_authorization_prompt": {"action": {"navigations": [{"pushCard": broken_card()}]}}},
        {"renderActions": {"action": {"navigations": [{"pushCard": good_card(), "pop": True}]}}},
        {"renderActions": {"action": {"navigations": [{"pop": False}]}}},
        {"renderActions": {"action": {"notification": {"text": ""}}}},
        {"renderActions": {}, "stateChanged": True},
        {"requesting_google_scopes": {"scopes": []}},
        {"action": {"navigations": [{"pushCard": good_card()}]}, "stateChanged": True},
    ],
)
def test_what_is_no_envelope_is_refused(answer: Json) -> None:
    assert answer_faults(answer) != []


MENU: Json = {"overflowMenu": {"items": [{"text": "x", "onClick": GO}]}}
BUTTON: Json = {"text": "x", "onClick": GO}


def widget(kind: str, **fields: Any) -> Json:
    return {"sections": [{"widgets": [{kind: fields}]}]}


def folding(**control: Json) -> Json:
    section = {"collapsible": True, "collapseControl": control, "widgets": [{"divider": {}}]}
    return {"sections": [section]}


TOGETHER: dict[str, tuple[bool, Json]] = {
    "a button that is off needs no onClick": (True, widget("buttonList", buttons=[{"text": "x", "disabled": True}])),
    "a button that is not off needs one": (False, widget("buttonList", buttons=[{"text": "x", "disabled": False}])),
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
def test_what_stands_together_is_judged_together(case: str) -> None:
    good, card = TOGETHER[case]
    assert (card_faults(card) == []) is good


def test_of_the_gallery_what_gmail_does_not_have_is_refused_and_nothing_else() -> None:
    for one in gallery():
        assert bool(card_faults(one["card"])) is one["elsewhere"], one["title"]


def test_the_rules_are_json_schema() -> None:
    for schema in definitions().values():
        Draft202012Validator.check_schema(schema)


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
