"""Cards and answers as an add-on may give them, for the tests of the panel."""

from typing import Any

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


def run(**more: Any) -> Card:
    """An onClick that calls the add-on."""
    return {"action": {"function": HERE, **more}}


def press(text: str, on_click: Card) -> Card:
    """A list of one button."""
    return {"buttonList": {"buttons": [{"text": text, "onClick": on_click}]}}
