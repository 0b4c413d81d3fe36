"""The add-on event as it comes in: what MailMagnet reads of it, checked.

https://developers.google.com/workspace/add-ons/concepts/event-objects
"""

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from mailmagnet.errors import BadRequest, ScopesMissing
from mailmagnet.identity import Reader

SCOPE_EMAIL = "https://www.googleapis.com/auth/userinfo.email"
SCOPE_OPEN_MAIL = "https://www.googleapis.com/auth/gmail.addons.current.message.metadata"

Text = Annotated[str, Field(max_length=4096)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, hide_input_in_errors=True)


class _TimeZone(_Part):
    id: Text = "UTC"


class _StringInputs(_Part):
    value: list[Text] = []


class _FormInput(_Part):
    string_inputs: _StringInputs = _StringInputs()


class _Common(_Part):
    user_locale: Text = "en"
    time_zone: _TimeZone = _TimeZone()
    form_inputs: dict[str, _FormInput] = {}
    parameters: dict[str, Text] = {}


class _Authorization(_Part):
    user_o_auth_token: Annotated[str, Field(alias="userOAuthToken", max_length=8192)] = ""
    user_id_token: Annotated[str, Field(max_length=8192)] = ""
    authorized_scopes: list[Text] | None = None


class _Gmail(_Part):
    message_id: Annotated[str, Field(min_length=1, max_length=64)]
    access_token: Annotated[str, Field(min_length=1, max_length=8192)]


class Event(_Part):
    """One trigger or click. `gmail` is there while a message is open."""

    common: Annotated[_Common, Field(alias="commonEventObject")]
    authorization: Annotated[_Authorization, Field(alias="authorizationEventObject")]
    gmail: _Gmail | None = None

    @property
    def reader(self) -> Reader:
        return Reader(self.common.user_locale, self.common.time_zone.id)

    def parameter(self, name: str) -> str:
        """A button's parameter. Raises BadRequest when the click has none of that name."""
        if not self.common.parameters.get(name):
            raise BadRequest(f"the click has no parameter {name!r}")
        return self.common.parameters[name]

    def form_text(self, name: str) -> str:
        """What was typed into a field, or ""."""
        typed = self.common.form_inputs.get(name, _FormInput()).string_inputs.value
        return typed[0] if typed else ""

    def require_scope(self, scope: str) -> None:
        """Raises ScopesMissing when the user has not granted the scope. An event that lists none at all is taken on trust."""
        granted = self.authorization.authorized_scopes
        if granted is not None and scope not in granted:
            raise ScopesMissing([scope])


def user_token_of(body: Any) -> str:
    """The user's id token: all that is read of a body before that token is verified. Raises BadRequest, ScopesMissing."""
    authorization = body.get("authorizationEventObject") if isinstance(body, dict) else None
    if not isinstance(authorization, dict):
        raise BadRequest("the body has no object authorizationEventObject")
    token = authorization.get("userIdToken")
    if not token:
        raise ScopesMissing([SCOPE_EMAIL])
    if not isinstance(token, str):
        raise BadRequest("authorizationEventObject.userIdToken is not a text")
    return token


def json_of(body: bytes) -> Any:
    """Raises BadRequest for what is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None


def event_of(body: Any) -> Event:
    """Raises BadRequest that names the first wrong or missing field, never its value."""
    try:
        return Event.model_validate(body)
    except ValidationError as error:
        problem = error.errors()[0]
        raise BadRequest(f"{'.'.join(str(step) for step in problem['loc'])}: {problem['msg']}") from None
