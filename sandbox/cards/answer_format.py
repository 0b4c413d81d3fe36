"""The forms in which an add-on answers, as JSON Schema beside that of cards: Google's discovery document knows cards alone.

https://developers.google.com/workspace/add-ons/guides/alternate-runtimes#create_json_response_objects
"""

from typing import Any

from sandbox.cards.card_rules import has_one_of, needs, of

Json = dict[str, Any]

TEXT: Json = {"type": "string"}


def _object(title: str, *rules: Json, **properties: Json) -> Json:
    described = {"title": title, "type": "object", "additionalProperties": False, "properties": properties}
    return {**described, "allOf": list(rules)} if rules else described


def _ref(kind: str) -> Json:
    return {"$ref": f"#/$defs/{kind}"}


def _list(kind: str) -> Json:
    return {"type": "array", "items": _ref(kind)}


def _object_of_recipients(title: str, name: str) -> Json:
    return _object(title, **{name: _list("Recipient")})


ANSWER_FORMAT: dict[str, Json] = {
    "Answer": _object(
        "Answer",
        {
            "oneOf": [
                {"anyOf": [{"required": ["action"]}, {"required": ["hostAppAction"]}]},
                {"required": ["renderActions"]},
                {"required": ["autoComplete"]},
                {"required": ["requesting_google_scopes"]},
                {"required": ["custom_authorization_prompt"]},
            ],
            "words": "an answer has one form: this has {given}",
        },
        {"dependentRequired": {"stateChanged": ["renderActions"]}, "words": "stateChanged goes with renderActions alone"},
        action=_ref("AnswerAction"),
        hostAppAction=_ref("HostAppAction"),
        renderActions=_ref("RenderActions"),
        stateChanged={"type": "boolean"},
        autoComplete=_ref("AutoComplete"),
        requesting_google_scopes=_ref("GoogleScopes"),
        custom_authorization_prompt=_ref("AuthorizationPrompt"),
    ),
    "RenderActions": _object(
        "RenderActions", {"minProperties": 1}, action=_ref("AnswerAction"), hostAppAction=_ref("HostAppAction")
    ),
    "AnswerAction": _object(
        "AnswerAction",
        {"minProperties": 1},
        navigations={**_list("Navigation"), "minItems": 1},
        notification=_ref("Notification"),
        link=_ref("OpenLink"),
    ),
    "Navigation": _object(
        "Navigation",
        has_one_of("pushCard", "updateCard", "pop", "popToRoot", "popToCard"),
        pushCard=_ref("Card"),
        updateCard=_ref("Card"),
        pop={"const": True},
        popToRoot={"const": True},
        popToCard={**TEXT, "minLength": 1},
    ),
    "Notification": _object("Notification", needs("text"), text=TEXT),
    "AutoComplete": _object("AutoComplete", items=_list("SuggestionItem")),
    "GoogleScopes": _object(
        "GoogleScopes",
        has_one_of("scopes", "all_scopes"),
        of("scopes", {"items": {"pattern": r"^(https://|openid\Z)", "words": "{place}: “{value}” is no scope"}}),
        scopes={"type": "array", "minItems": 1, "items": TEXT},
        all_scopes={"const": True},
    ),
    "AuthorizationPrompt": _object("AuthorizationPrompt", needs("action"), action=_ref("AnswerAction")),
    "HostAppAction": _object("HostAppAction", needs("gmailAction"), gmailAction=_ref("GmailAction")),
    "GmailAction": _object(
        "GmailAction",
        has_one_of("updateDraftActionMarkup", "openCreatedDraftActionMarkup"),
        updateDraftActionMarkup=_ref("UpdateDraft"),
        openCreatedDraftActionMarkup=_ref("OpenCreatedDraft"),
    ),
    "OpenCreatedDraft": _object("OpenCreatedDraft", needs("draftId"), draftId=TEXT, draftThreadId={**TEXT, "minLength": 1}),
    "UpdateDraft": _object(
        "UpdateDraft",
        {"minProperties": 1},
        updateToRecipients=_ref("ToRecipients"),
        updateCcRecipients=_ref("CcRecipients"),
        updateBccRecipients=_ref("BccRecipients"),
        updateSubject=_ref("Subject"),
        updateBody=_ref("Body"),
    ),
    "ToRecipients": _object_of_recipients("ToRecipients", "toRecipients"),
    "CcRecipients": _object_of_recipients("CcRecipients", "ccRecipients"),
    "BccRecipients": _object_of_recipients("BccRecipients", "bccRecipients"),
    "Recipient": _object("Recipient", needs("email"), email=TEXT),
    "Subject": _object("Subject", subject=TEXT),
    "Body": _object(
        "Body",
        needs("type", "insertContents"),
        type={"enum": ["IN_PLACE_INSERT", "INSERT_AT_START", "INSERT_AT_END"]},
        insertContents=_list("Content"),
    ),
    "Content": _object(
        "Content",
        {"required": ["content", "contentType"]},
        content=TEXT,
        contentType={"enum": ["TEXT", "MUTABLE_HTML", "IMMUTABLE_HTML"]},
    ),
}
"""JSON Schemas by type: "Answer", and what an answer may hold beside cards."""
