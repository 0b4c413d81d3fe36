"""The envelopes in which cards go back to Google, one function each.

https://developers.google.com/workspace/add-ons/guides/alternate-runtimes#create_json_response_objects
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from cards.widgets import Card

Answer: TypeAlias = dict[str, Any]


def show(card: Card) -> Answer:
    """To a trigger (homepage, message opened): this card."""
    return {"action": {"navigations": [{"pushCard": card}]}}


def push_card(card: Card) -> Answer:
    """To a click: go on to this card; "back" returns to the one clicked in."""
    return {"renderActions": {"action": {"navigations": [{"pushCard": card}]}}}


def update_card(card: Card, notification: str = "") -> Answer:
    """To a click or form: this card in place of the one clicked in, with a notice (plain text) at the foot of Gmail's window."""
    action: dict[str, Any] = {"navigations": [{"updateCard": card}]}
    if notification:
        action["notification"] = {"text": notification}
    return {"renderActions": {"action": action}, "stateChanged": True}


def notify(text: str) -> Answer:
    """To a click: the card stays, a notice (plain text) says what happened."""
    return {"renderActions": {"action": {"notification": {"text": text}}}}


def requesting_google_scopes(scopes: Sequence[str]) -> Answer:
    """To anything: Google asks the user for these scopes (full URLs, all in the manifest), and then repeats what was asked.

    https://developers.google.com/workspace/add-ons/guides/alternate-runtimes#manage-permissions
    """
    return {"requesting_google_scopes": {"scopes": list(scopes)}}


def custom_authorization_prompt(card: Card) -> Answer:
    """To anything: a card with a button that signs the user in elsewhere (openLink, OVERLAY, RELOAD), in place of the answer.

    https://developers.google.com/workspace/add-ons/guides/connect-third-party-service
    """
    return {"custom_authorization_prompt": {"action": {"navigations": [{"pushCard": card}]}}}
