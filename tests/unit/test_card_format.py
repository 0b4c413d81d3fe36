"""The description of cards: it is Google's, whole, and takes only what Google names."""

import json
from typing import Any

from sandbox.cards.card_check import definitions
from sandbox.cards.make_card_format import FILE, as_text, card_format

Json = dict[str, Any]

NOT_IN_GMAIL = {
    "Action": {"interaction"},
    "Button": {"type"},
    "Card": {"expressionData"},
    "DateTimePicker": {"hostAppDataSource"},
    "DecoratedText": {"bottomLabelText", "contentText", "startIconVerticalAlignment", "topLabelText"},
    "Icon": {"materialIcon"},
    "Section": {"id"},
    "SelectionInput": {"dataSourceConfigs", "hintText", "platformDataSource"},
    "TextInput": {"hostAppDataSource", "placeholderText"},
    "TextParagraph": {"textSyntax"},
    "Widget": {"carousel", "columns", "eventActions", "id", "visibility"},
}
"""Fields that the reference says are for Google Chat, for Google Workspace Studio, or for the dialogs of drafts and of Calendar, alone."""


def test_the_file_is_what_is_made_of_googles_description() -> None:
    assert FILE.read_text("utf-8") == as_text(card_format()), "make card-format writes it anew"


def test_it_is_whole_and_has_no_type_too_many() -> None:
    described = card_format()
    assert described["Card"]["properties"]["sections"] == {"type": "array", "items": {"$ref": "#/$defs/Section"}}
    assert described["Button"]["elsewhere"]["type"]["enum"] == [
        *("TYPE_UNSPECIFIED", "OUTLINED", "FILLED", "FILLED_TONAL", "BORDERLESS")
    ]
    assert described["DateTimePicker"]["properties"]["valueMsEpoch"]["format"] == "int64"
    held = {kind for schema in described.values() for kind in types_in(schema["properties"] | schema["elsewhere"])}
    assert held | {"Card"} == set(described)


def types_in(fields: Json) -> set[str]:
    """The types that fields refer to."""
    refs = (field.get("items", field).get("$ref", "") for field in fields.values())
    return {ref.removeprefix("#/$defs/") for ref in refs if ref}


def reached() -> set[str]:
    """The types that a card in Gmail may hold."""
    found, ahead = set(), ["Card"]
    while ahead:
        kind = ahead.pop()
        found.add(kind)
        ahead += sorted(types_in(card_format()[kind]["properties"]) - found)
    return found


def test_google_says_itself_what_add_ons_do_not_have() -> None:
    described = card_format()
    assert {kind: set(described[kind]["elsewhere"]) for kind in reached() if described[kind]["elsewhere"]} == NOT_IN_GMAIL
    widget = described["Widget"]["elsewhere"]
    assert widget["carousel"]["only"] == described["Icon"]["elsewhere"]["materialIcon"]["only"] == "Google Chat"
    assert widget["eventActions"]["only"] == "Google Workspace Studio"
    assert described["Button"]["elsewhere"]["type"]["only"] == "Google Chat"
    assert widget["columns"]["only"] == "the dialogs of drafts and of Calendar"
    assert "textParagraph" in described["Widget"]["properties"]


def test_every_object_of_cards_and_answers_is_closed() -> None:
    assert [name for name, schema in definitions().items() if schema["additionalProperties"] is not False] == []
    assert {"Card", "Section", "Widget", "DecoratedText", "OnClick", "Color", "Grid", "Columns", "Answer"} <= definitions().keys()


def test_every_type_that_is_referred_to_is_there() -> None:
    referred = json.dumps(definitions()).split('"#/$defs/')[1:]
    assert {each.split('"', 1)[0] for each in referred} | {"Answer"} == set(definitions())
