"""What Google would refuse in an add-on's answer: the forms that it may have, and the cards in it."""

from functools import cache
from typing import Any

from sandbox.cards.card_check import PROSE, Fault, Json, Rules, card_rules, exactly_one, object_faults
from sandbox.cards.card_format import Format, card_format, field
from sandbox.cards.open_links import OpenLinks, links_of

FORMS = (
    ("action", "hostAppAction"),
    ("renderActions", "stateChanged"),
    ("autoComplete",),
    ("requesting_google_scopes",),
    ("custom_authorization_prompt",),
)
"""The fields of each form: to a trigger, to a click, to who types, and two to anything.

https://developers.google.com/workspace/add-ons/guides/alternate-runtimes#create_json_response_objects
"""

MARKS = tuple(name for form in FORMS for name in form)
BODY_PLACES = ("IN_PLACE_INSERT", "INSERT_AT_START", "INSERT_AT_END")
CONTENT_TYPES = ("TEXT", "MUTABLE_HTML", "IMMUTABLE_HTML")


ANSWER_FORMAT: Format = {
    "Answer": {
        "action": field("AnswerAction"),
        "hostAppAction": field("HostAppAction"),
        "renderActions": field("RenderActions"),
        "stateChanged": field("boolean"),
        "autoComplete": field("AutoComplete"),
        "requesting_google_scopes": field("GoogleScopes"),
        "custom_authorization_prompt": field("AuthorizationPrompt"),
    },
    "RenderActions": {"action": field("AnswerAction"), "hostAppAction": field("HostAppAction")},
    "AnswerAction": {
        "navigations": field("Navigation", is_list=True),
        "notification": field("Notification"),
        "link": field("OpenLink"),
    },
    "Navigation": {
        "pushCard": field("Card"),
        "updateCard": field("Card"),
        "pop": field("true"),
        "popToRoot": field("true"),
        "popToCard": field("string"),
    },
    "Notification": {"text": field("string", required=True)},
    "AutoComplete": {"items": field("SuggestionItem", is_list=True)},
    "GoogleScopes": {"scopes": field("string", is_list=True), "all_scopes": field("true")},
    "AuthorizationPrompt": {"action": field("AnswerAction", required=True)},
    "HostAppAction": {"gmailAction": field("GmailAction", required=True)},
    "GmailAction": {
        "updateDraftActionMarkup": field("UpdateDraft"),
        "openCreatedDraftActionMarkup": field("OpenCreatedDraft"),
    },
    "OpenCreatedDraft": {"draftId": field("string", required=True), "draftThreadId": field("string")},
    "UpdateDraft": {
        "updateToRecipients": field("ToRecipients"),
        "updateCcRecipients": field("CcRecipients"),
        "updateBccRecipients": field("BccRecipients"),
        "updateSubject": field("Subject"),
        "updateBody": field("Body"),
    },
    "ToRecipients": {"toRecipients": field("Recipient", is_list=True)},
    "CcRecipients": {"ccRecipients": field("Recipient", is_list=True)},
    "BccRecipients": {"bccRecipients": field("Recipient", is_list=True)},
    "Recipient": {"email": field("string", required=True)},
    "Subject": {"subject": field("string")},
    "Body": {
        "type": field("string", values=BODY_PLACES, required=True),
        "insertContents": field("Content", is_list=True, required=True),
    },
    "Content": {"content": field("string"), "contentType": field("string", values=CONTENT_TYPES, required=True)},
}
"""As the reference has it: the discovery document knows cards alone."""


def _not_empty(value: Json, path: str) -> Fault:
    if not value:
        yield f"{path} is empty"


def _actions(action: Json, path: str) -> Fault:
    yield from _not_empty(action, path)
    if action.get("navigations") == []:
        yield f"{path}.navigations is empty"


_one_navigation = exactly_one(*ANSWER_FORMAT["Navigation"])
_scopes_or_all = exactly_one(*ANSWER_FORMAT["GoogleScopes"])


def _navigation(step: Json, path: str) -> Fault:
    yield from _one_navigation(step, path)
    if step.get("popToCard") == "":
        yield f"{path}.popToCard needs a card's name"


def _scopes(asked: Json, path: str) -> Fault:
    yield from _scopes_or_all(asked, path)
    scopes = asked.get("scopes")
    if scopes == []:
        yield f"{path}.scopes is empty"
    for scope in scopes if isinstance(scopes, list) else ():
        if isinstance(scope, str) and scope != "openid" and not scope.startswith("https://"):
            yield f"{path}.scopes: “{scope}” is no scope"


def _content(content: Json, path: str) -> Fault:
    if "content" not in content:
        yield f"{path} needs content"


ANSWER_PROSE = {
    "AnswerAction": _actions,
    "Content": _content,
    "GmailAction": exactly_one(*ANSWER_FORMAT["GmailAction"]),
    "GoogleScopes": _scopes,
    "Navigation": _navigation,
    "RenderActions": _not_empty,
    "UpdateDraft": _not_empty,
}
"""What the reference says in words."""


@cache
def answer_rules() -> Rules:
    """Those of answers, and of the cards in them."""
    return Rules(card_format() | ANSWER_FORMAT, {**PROSE, **ANSWER_PROSE})


def refused(answer: Any, *, to_trigger: bool = False, open_links: OpenLinks | None = None) -> list[str]:
    """The faults of an add-on's answer or of a single card, in the order they are met, none twice. `to_trigger`: what the answer is to,
    where that is known; `open_links`: what the deployment lets be opened, where there is one."""
    if not isinstance(answer, dict):
        return ["it should be an object: a card, or an add-on's answer"]
    try:
        found = _answer(answer, to_trigger) if is_answer(answer) else object_faults(answer, "Card", "card", card_rules())
        return list(dict.fromkeys([*found, *(_links(answer, open_links) if open_links else ())]))
    except RecursionError:
        return ["it is nested too deeply"]


def is_answer(answer: Json) -> bool:
    """Whether it is one of the forms that an add-on answers in; else it is read as a card."""
    return any(name in answer for name in MARKS)


def _answer(answer: Json, to_trigger: bool) -> Fault:
    yield from object_faults(answer, "Answer", "", answer_rules())
    known = [name for name in answer if name in MARKS]
    if not any(set(known) <= set(form) for form in FORMS) or known == ["stateChanged"]:
        yield f"an answer has one form: this has {' and '.join(known)}"
    if to_trigger and "renderActions" in answer:
        yield "renderActions is the form of an answer to a click: to a trigger, Gmail looks for action"


def _links(answer: Json, open_links: OpenLinks) -> Fault:
    for place, url in links_of(answer, "" if is_answer(answer) else "card"):
        if not open_links.cover(url):
            yield f"{place} is “{url}”: none of the deployment's openLinkUrlPrefixes covers it"
