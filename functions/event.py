"""The add-on event, and what MailMagnet reads of it. Any JSON object can be read; a value of the wrong kind counts as left out.

https://developers.google.com/workspace/add-ons/concepts/event-objects
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cards.frame import IN_PLACE, IN_PLACE_YES, SEARCH_INPUT
from mailmagnet.address_headers import Budget, mailboxes
from mailmagnet.errors import BadRequest, NothingTyped, NotVerified, ScopesMissing
from mailmagnet.gmail import OpenMailTokens
from mailmagnet.identity import Locale

SCOPE_EMAIL = "https://www.googleapis.com/auth/userinfo.email"
SCOPE_OPEN_MAIL = "https://www.googleapis.com/auth/gmail.addons.current.message.metadata"
SCOPE_COMPOSE = "https://www.googleapis.com/auth/gmail.addons.current.action.compose"
"""Without it Gmail carries out no change of a draft, and does not tell its recipients."""

LONGEST_TEXT = 4096
LONGEST_PLACE = 4
"""Digits: nobody shows ten thousand lines."""
LONGEST_TYPED = 20_000
"""Characters of one value of a form's field: a mail's text may be typed into a card."""
MOST_CHOSEN = 200
"""Values of one form's field: more than a card has widgets."""
_NEVER_TYPED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
"""What may stand in an HTTP header."""


@dataclass(frozen=True, slots=True)
class OpenMail:
    """The mail open in Gmail: its id as Gmail names it, and the token that opens it, "" while the user has not granted the scope."""

    message_id: str
    access_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """One trigger or click. `gmail` is there while a message is open; `authorized_scopes` is None when the event lists none at all.

    `to` and `copied` are the recipients of the draft that is being written, canonical.
    """

    locale: Locale
    parameters: Mapping[str, str]
    form_inputs: Mapping[str, tuple[str, ...]]
    user_token: str = field(repr=False)
    authorized_scopes: frozenset[str] | None
    gmail: OpenMail | None
    to: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()

    def parameter(self, name: str) -> str:
        """A button's parameter. Raises BadRequest when the click has none of that name."""
        if not self.parameters.get(name):
            raise BadRequest(f"the click has no parameter {name!r}")
        return self.parameters[name]

    @property
    def id(self) -> str:
        """The record that was clicked. Raises BadRequest when the click names none."""
        return self.parameter("id")

    @property
    def place(self) -> int:
        """Which of several was clicked, counted from 0. Raises BadRequest when the click names none."""
        place = self.parameter("place")
        if not (place.isascii() and place.isdigit() and len(place) <= LONGEST_PLACE):
            raise BadRequest("place: it is no number")
        return int(place)

    @property
    def in_place(self) -> bool:
        """Whether the answer is to take the place of the card clicked in."""
        return self.parameters.get(IN_PLACE) == IN_PLACE_YES

    @property
    def message_id(self) -> str:
        """The mail that is meant: the one that a click in place names, else the one that is open; "" for none."""
        if self.in_place:
            return self.parameters.get("message_id", "")
        return self.gmail.message_id if self.gmail else ""

    def chosen(self, name: str) -> tuple[str, ...]:
        """What is chosen in a form's field of this name, in order; nothing when it is off, empty, or not in the form at all."""
        return self.form_inputs.get(name, ())

    def typed(self, name: str) -> str:
        """What stands in a form's field of this name, or ""."""
        return next(iter(self.chosen(name)), "").strip()

    @property
    def words(self) -> str:
        """What to search for. Raises NothingTyped when there are no words."""
        words = self.typed(SEARCH_INPUT)
        if not words:
            raise NothingTyped
        return words

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody whom the draft that is being written is to, in order."""
        return tuple(dict.fromkeys((*self.to, *self.copied)))

    def require_scope(self, scope: str) -> None:
        """Raises ScopesMissing when the user has not granted the scope. An event that lists none at all is taken on trust."""
        if self.authorized_scopes is not None and scope not in self.authorized_scopes:
            raise ScopesMissing([scope])

    def open_mail(self) -> tuple[str, OpenMailTokens]:
        """The id of the mail that is meant, and the tokens that open it: Gmail's are good for the open mail alone.

        Raises ScopesMissing while Gmail gives no token for want of the user's consent, and BadRequest when no mail is open or there
        is no token although the user has consented: asking once more would go round in a circle.
        """
        if not (self.gmail and self.message_id):
            raise BadRequest("gmail.messageId: there is none, though a message should be open")
        self.require_scope(SCOPE_OPEN_MAIL)
        if not (self.user_token and self.gmail.access_token):
            if self.authorized_scopes is None:
                raise ScopesMissing([SCOPE_OPEN_MAIL])
            raise BadRequest("there is no token for the open message, though its scope is granted")
        return self.message_id, OpenMailTokens(self.user_token, self.gmail.access_token)


def user_token_of(body: Mapping[str, Any]) -> str:
    """The user's id token. Raises ScopesMissing: Google sends none until the user lets us know the address."""
    token = _text(_object(body, "authorizationEventObject").get("userIdToken"))
    if not token:
        raise ScopesMissing([SCOPE_EMAIL])
    return token


def system_token_of(body: Mapping[str, Any]) -> str:
    """The id token of the account that sends the event. Raises NotVerified when there is none."""
    token = _text(_object(body, "authorizationEventObject").get("systemIdToken"))
    if not token:
        raise NotVerified("the header's signature is taken away, and the event has no systemIdToken")
    return token


def json_of(body: bytes) -> Any:
    """Raises BadRequest if the body is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None


def object_of(body: bytes) -> Mapping[str, Any]:
    """Raises BadRequest if the body is not a JSON object."""
    found = json_of(body)
    if not isinstance(found, dict):
        raise BadRequest("the body is not a JSON object")
    return found


def event_of(body: Mapping[str, Any]) -> Event:
    """Every JSON object is an event, if an empty one."""
    common, authorization = _object(body, "commonEventObject"), _object(body, "authorizationEventObject")
    scopes = authorization.get("authorizedScopes")
    return Event(
        locale=_locale(_text(common.get("userLocale")), _text(_object(common, "timeZone").get("id"))),
        parameters={_text(name): _text(value) for name, value in _object(common, "parameters").items()},
        form_inputs={_text(name): _filled_in(entry) for name, entry in _object(common, "formInputs").items()},
        user_token=_token(authorization.get("userOAuthToken")),
        authorized_scopes=frozenset(map(_text, scopes)) if isinstance(scopes, list) else None,
        gmail=_open_mail(_object(body, "gmail")),
        to=_addresses(_object(body, "gmail"), "toRecipients"),
        copied=_addresses(_object(body, "gmail"), "ccRecipients", "bccRecipients"),
    )


def _locale(language: str, time_zone: str) -> Locale:
    """Google tells neither while the user has not granted the scope script.locale."""
    return Locale(**({"language": language} if language else {}), **({"time_zone": time_zone} if time_zone else {}))


def _open_mail(gmail: Mapping[str, Any]) -> OpenMail | None:
    message_id = _text(gmail.get("messageId"))
    return OpenMail(message_id, _token(gmail.get("accessToken"))) if message_id else None


def _addresses(gmail: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    """The addresses of a draft's recipients; what is none is left out."""
    listed = [gmail.get(name) for name in names]
    written = [_text(each) for entries in listed if isinstance(entries, list) for each in entries[:MOST_CHOSEN]]
    budget = Budget()
    return tuple(mailbox.address for each in written for mailbox in mailboxes(each, budget))


def _filled_in(entry: Any) -> tuple[str, ...]:
    """The values of a form's field: a text, or what is chosen of several."""
    inputs = _object(entry if isinstance(entry, dict) else {}, "stringInputs").get("value")
    return tuple(_text(value, LONGEST_TYPED) for value in inputs[:MOST_CHOSEN]) if isinstance(inputs, list) else ()


def _object(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = whole.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any, longest: int = LONGEST_TEXT) -> str:
    """A text, or a number as one; "" for all else. What nobody can type is shown as what it is: no character at all."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return _NEVER_TYPED.sub("\ufffd", str(value)[:longest])


def _token(value: Any) -> str:
    """A token that can stand in a header, or ""."""
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else ""
