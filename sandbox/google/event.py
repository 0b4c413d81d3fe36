"""Events as Gmail sends them to an add-on (https://developers.google.com/workspace/add-ons/concepts/event-objects), really signed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.google.google_side import GoogleSide, event_message_id
from sandbox.google.mail_folder import Message
from sandbox.google.world import Account

EMAIL_SCOPE = "https://www.googleapis.com/auth/userinfo.email"
"""Without it granted, Google sends no userIdToken."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Recipients of the draft being written, as far as the add-on may know them."""

    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Whose Gmail it is, how it is read (`offset` in milliseconds from UTC), what the user granted, and which mail is open or
    being written."""

    account: Account
    locale: str = "en"
    time_zone: str = "UTC"
    offset: int = 0
    scopes: Collection[str] = field(default_factory=frozenset)
    message: Message | None = None
    draft: Draft | None = None


def addon_event(
    google: GoogleSide,
    url: str,
    around: Surroundings,
    parameters: Mapping[str, str] | None = None,
    form_inputs: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of a call to `url`: a trigger's, or with parameters and form inputs a click's."""
    common: dict[str, Any] = {
        "hostApp": "GMAIL",
        "platform": "WEB",
        "userLocale": around.locale,
        "timeZone": {"id": around.time_zone, "offset": str(around.offset)},
    }
    if parameters:
        common["parameters"] = dict(parameters)
    if form_inputs:
        common["formInputs"] = dict(form_inputs)
    event: dict[str, Any] = {"commonEventObject": common, "authorizationEventObject": _authorization(google, url, around)}
    if around.message:
        event["gmail"] = {
            "messageId": event_message_id(around.message.id),
            "threadId": around.message.thread_id,
            "accessToken": google.message_token(around.account, around.message.id),
        }
    if around.draft:
        kept = {"toRecipients": around.draft.to, "ccRecipients": around.draft.cc, "bccRecipients": around.draft.bcc}
        event["gmail"] = {name: list(addresses) for name, addresses in kept.items() if addresses}
    return event


def _authorization(google: GoogleSide, url: str, around: Surroundings) -> dict[str, Any]:
    tokens: dict[str, Any] = {
        "userOAuthToken": google.user_token(around.account, around.scopes),
        "systemIdToken": google.system_token(url),
        "authorizedScopes": sorted(around.scopes),
    }
    if EMAIL_SCOPE in around.scopes:
        tokens["userIdToken"] = google.user_id_token(around.account)
    return tokens
