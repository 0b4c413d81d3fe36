"""Google's schema as the tests hold it: it takes what Google takes, and refuses what Google would refuse or drop."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.card_schema import NotTaken, check_answer, check_card, definitions


def good_card() -> dict[str, Any]:
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


def section(card: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = card["sections"][0]
    return found


def first_line(card: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = section(card)["widgets"][0]["decoratedText"]
    return found


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
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
    check_card(good_card())


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_card_is_refused_with_the_place(broken: str) -> None:
    card = good_card()
    change, place = BROKEN[broken]
    change(card)
    with pytest.raises(NotTaken) as refused:
        check_card(card)
    assert place in str(refused.value)


def test_every_object_of_googles_schema_is_closed() -> None:
    open_ones = [name for name, schema in definitions().items() if '"additionalProperties": false' not in json.dumps(schema)]
    assert open_ones == []
    assert {"Card", "Section", "Widget", "DecoratedText", "OnClick", "Color", "Grid", "Columns"} <= definitions().keys()


GOOD_ANSWERS: list[dict[str, Any]] = [
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
def test_the_envelopes_are_taken(answer: dict[str, Any]) -> None:
    check_answer(answer)


def broken_card() -> dict[str, Any]:
    return {"sections": [{"widgets": []}]}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"actions": {}},
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
def test_what_is_no_envelope_is_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(NotTaken):
        check_answer(answer)
