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


def change_draft(*, html: str = "", subject: str = "", to: Sequence[str] = ()) -> Answer:
    """To a click beside a draft that is being written in Gmail: HTML put in where the cursor is, its subject or its recipients set.

    What is empty stays as it is; what is set takes the place of what was there.
    https://developers.google.com/workspace/add-ons/guides/alternate-runtimes#update_a_draft
    """
    changes: dict[str, Any] = {}
    if to:
        changes["updateToRecipients"] = {"toRecipients": [{"email": address} for address in to]}
    if subject:
        changes["updateSubject"] = {"subject": subject}
    if html:
        contents = [{"content": html, "contentType": "MUTABLE_HTML"}]
        changes["updateBody"] = {"type": "IN_PLACE_INSERT", "insertContents": contents}
    return {"renderActions": {"hostAppAction": {"gmailAction": {"updateDraftActionMarkup": changes}}}}


def open_draft(draft: str, card: Card) -> Answer:
    """To a click: Gmail opens a draft that was made, and this card stands in place of the one clicked in."""
    opened = {"gmailAction": {"openCreatedDraftActionMarkup": {"draftId": draft}}}
    return {"renderActions": {"hostAppAction": opened, "action": {"navigations": [{"updateCard": card}]}}, "stateChanged": True}


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
