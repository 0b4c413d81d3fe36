"""Events as Gmail sends them to an add-on (https://developers.google.com/workspace/add-ons/concepts/event-objects), really signed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.google.google_side import SCOPE, GoogleSide, authored_id, event_message_id, event_thread_id
from sandbox.google.mail_folder import Message
from sandbox.google.world import Account

EMAIL_SCOPE = "https://www.googleapis.com/auth/userinfo.email"
"""Without it granted, Google sends no userIdToken."""
LOCALE_SCOPE = SCOPE + "script.locale"
"""Without it, neither userLocale nor timeZone."""
MESSAGE_SCOPES = frozenset(f"{SCOPE}gmail.addons.current.message.{what}" for what in ("metadata", "readonly", "action"))
"""Without any of them, no token for the open message, though its id is told."""
WRITTEN_HERE = frozenset({"SENT", "DRAFT"})
"""Labels of mail that the user wrote: its ids are not those of the API."""


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
    parameters: Mapping[str, Any] | None = None,
    form_inputs: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of a call to `url`: a trigger's, or with parameters and form inputs a click's."""
    common: dict[str, Any] = {"hostApp": "GMAIL", "platform": "WEB"}
    if LOCALE_SCOPE in around.scopes:
        common |= {"userLocale": around.locale, "timeZone": {"id": around.time_zone, "offset": str(around.offset)}}
    if parameters:
        common["parameters"] = {name: _as_text(value) for name, value in parameters.items()}
    if form_inputs:
        common["formInputs"] = dict(form_inputs)
    return {
        "commonEventObject": common,
        "authorizationEventObject": _authorization(google, url, around),
        "gmail": _recipients(around.draft) if around.draft else _open_message(google, around, around.message),
    }


def _open_message(google: GoogleSide, around: Surroundings, message: Message | None) -> dict[str, Any]:
    """Nothing on the homepage, where Gmail sends the object all the same."""
    if not message:
        return {}
    written_here = bool(WRITTEN_HERE.intersection(message.label_ids))
    opens_thread = written_here and message.thread_id == message.id
    gmail = {
        "messageId": authored_id("msg", message.id) if written_here else event_message_id(message.id),
        "threadId": authored_id("thread", message.thread_id) if opens_thread else event_thread_id(message.thread_id),
    }
    if MESSAGE_SCOPES.intersection(around.scopes):
        # A draft that is being written is not in the API yet, whatever it is asked for as.
        opened = gmail["messageId"] if "DRAFT" in message.label_ids else message.id
        gmail["accessToken"] = google.message_token(around.account, opened, gmail["messageId"])
    return gmail


def _recipients(draft: Draft) -> dict[str, Any]:
    told = {"toRecipients": draft.to, "ccRecipients": draft.cc, "bccRecipients": draft.bcc}
    return {name: list(addresses) for name, addresses in told.items() if addresses}


def _as_text(value: object) -> str:
    """Google makes a text of every parameter."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _authorization(google: GoogleSide, url: str, around: Surroundings) -> dict[str, Any]:
    tokens: dict[str, Any] = {
        "userOAuthToken": google.user_token(around.account, around.scopes),
        "systemIdToken": google.system_token(url),
        "authorizedScopes": sorted(around.scopes),
    }
    if EMAIL_SCOPE in around.scopes:
        tokens["userIdToken"] = google.user_id_token(around.account)
    return tokens
