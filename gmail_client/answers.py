"""What Gmail and Google's token endpoint answer, read in one place: messages into records, refusals into the error tree."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from mailmagnet.errors import BadAnswer, NotAuthorised, NotFound, NotPermitted, RateLimited, Unavailable, Upstream, UserGone
from mailmagnet.gmail import GMAIL, MailHeaders

MESSAGE_FIELDS = "id,threadId,internalDate,labelIds,payload/headers"
"""A message's partial response, without its snippet (https://developers.google.com/workspace/gmail/api/guides/performance)."""

UNSTATED_WAIT = 1.0
"""Seconds, where Google does not say how long: its advice begins there
(https://developers.google.com/workspace/gmail/api/guides/handle-errors#exponential-backoff)."""
NEXT_DAY_WAIT = 3600.0
"""Seconds: a day's quota is used up."""

RATE_REASONS = frozenset(
    {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"}
)
"""403 and 429 for the same thing (https://developers.google.com/workspace/gmail/api/guides/handle-errors)."""
AUTH_REASONS = frozenset({"authError", "required", "expired"})
CLOSED_REASONS = frozenset({"domainPolicy", "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
DEAD_GRANTS = frozenset({"invalid_grant", "access_denied", "invalid_rapt"})
"""A refresh token that is good no more (https://developers.google.com/identity/protocols/oauth2/web-server#offline)."""


_DELETED = re.compile(r"\baccount has been deleted\b", re.IGNORECASE)
"""How Google says beside `invalid_grant` that the account is no more, for a refresh token and for a delegation alike. It is written
down nowhere: seen as "Account has been deleted" (https://github.com/FlowCrypt/flowcrypt-browser/issues/2269) and "The account has been
deleted" (https://github.com/GAM-team/GAM/pull/1171). For a suspended account no words are known that tell it from an ended consent."""


class Closed(NotPermitted):
    """Closed to this connection altogether, by the scopes granted or the domain's policy: it is no one mail's trouble."""


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore", hide_input_in_errors=True)


class Header(_Answer):
    """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#header"""

    name: str
    value: str = ""


class Payload(_Answer):
    """The headers of a message that were requested."""

    headers: tuple[Header, ...] = ()


class Message(_Answer):
    """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages, `internal_date` in milliseconds."""

    id: str
    thread_id: str
    internal_date: int
    label_ids: frozenset[str] = frozenset()
    payload: Payload = Payload()

    def record(self) -> MailHeaders:
        """The core's record of it. Raises BadAnswer for a date that no calendar has."""
        try:
            received_at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=self.internal_date)
        except OverflowError:
            raise BadAnswer(GMAIL, "a mail's internalDate is out of range") from None
        return MailHeaders(
            mail_id=self.id,
            thread_id=self.thread_id,
            received_at=received_at,
            label_ids=self.label_ids,
            headers=tuple((header.name, header.value) for header in self.payload.headers),
        )


class Body(_Answer):
    """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages.attachments, `size` in bytes, `data` base64url."""

    size: int = 0
    data: str = ""
    attachment_id: str = ""


class Part(Payload):
    """A mail or a part of one (https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#messagepart)."""

    part_id: str = ""
    mime_type: str = ""
    filename: str = ""
    body: Body = Body()
    parts: tuple["Part", ...] = ()

    def first(self, name: str) -> str:
        """The first value of a header, or ""; its name is compared without case."""
        return next((header.value for header in self.headers if header.name.lower() == name.lower()), "")


class WholeMessage(Message):
    """A message with its text."""

    payload: Part = Part()


class MessageId(_Answer):
    """A message of which only the id was requested."""

    id: str


class MessagePage(_Answer):
    """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/list"""

    messages: tuple[MessageId, ...] = ()
    next_page_token: str = ""


class Profile(_Answer):
    """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users/getProfile"""

    email_address: str
    history_id: str


class SendAs(_Answer):
    """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.settings.sendAs"""

    send_as_email: str
    display_name: str = ""
    signature: str = ""
    is_default: bool = False
    is_primary: bool = False
    verification_status: str = ""

    @property
    def usable(self) -> bool:
        """Whether mail may be sent as this address: an alias has to be verified first."""
        return self.verification_status in ("", "accepted")


class SendAsList(_Answer):
    """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.settings.sendAs/list"""

    send_as: tuple[SendAs, ...] = ()


class DraftEntry(_Answer):
    """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts"""

    id: str
    message: MessageId


class WholeDraft(_Answer):
    """A draft with its message's headers."""

    message: Message


class LabelEntry(_Answer):
    """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.labels"""

    id: str
    name: str


class LabelList(_Answer):
    """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.labels/list"""

    labels: tuple[LabelEntry, ...] = ()


class MessageChange(_Answer):
    """A message that a history record is about; `label_ids` are those that a labelsAdded or labelsRemoved is about."""

    message: MessageId
    label_ids: frozenset[str] = frozenset()


class HistoryRecord(_Answer):
    """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list#history"""

    id: str
    messages_added: tuple[MessageChange, ...] = ()
    messages_deleted: tuple[MessageChange, ...] = ()
    labels_added: tuple[MessageChange, ...] = ()
    labels_removed: tuple[MessageChange, ...] = ()


class HistoryPage(_Answer):
    """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list"""

    history: tuple[HistoryRecord, ...] = ()
    history_id: str
    next_page_token: str = ""


class Grant(_Answer):
    """https://www.rfc-editor.org/rfc/rfc6749#section-5.1, in its own spelling; `expires_in` in seconds."""

    model_config = ConfigDict(alias_generator=None)

    access_token: str
    expires_in: float = 0.0


Known = TypeVar("Known", bound=_Answer)


def read(kind: type[Known], answer: Any) -> Known:
    """An answer (parsed JSON) as what it should be. Raises BadAnswer."""
    try:
        return kind.model_validate(answer)
    except ValidationError:
        raise BadAnswer(GMAIL, f"the answer is not a {kind.__name__}") from None


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Upstream:
    """What a status that is no success means. `headers` in lower case, or comparing without case."""
    error = _json_object(_json_object(body).get("error"))
    message = str(error.get("message", ""))
    reasons = tuple(_reasons(error))
    what = f"answered {status} ({reasons[0] if reasons else 'no reason given'})"
    limited = status == HTTPStatus.FORBIDDEN and RATE_REASONS.intersection(reasons)
    if status == HTTPStatus.TOO_MANY_REQUESTS or limited:
        return RateLimited(GMAIL, _wait(headers, message), what)
    if status == HTTPStatus.FORBIDDEN and "dailyLimitExceeded" in reasons:
        return RateLimited(GMAIL, NEXT_DAY_WAIT, what)
    return _kind(status, reasons, message)(GMAIL, what)


def _kind(status: int, reasons: Collection[str], message: str) -> type[Upstream]:
    if AUTH_REASONS.intersection(reasons):
        return NotAuthorised
    if CLOSED_REASONS.intersection(reasons):
        return Closed
    if status == HTTPStatus.BAD_REQUEST and "failedPrecondition" in reasons:
        return NotPermitted
    if status == HTTPStatus.BAD_REQUEST and "label" in message.lower():
        return NotFound
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable
    return _KINDS.get(status, BadAnswer)


_KINDS: dict[int, type[Upstream]] = {
    HTTPStatus.UNAUTHORIZED: NotAuthorised,
    HTTPStatus.FORBIDDEN: NotPermitted,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.GONE: NotFound,
    HTTPStatus.REQUEST_TIMEOUT: Unavailable,
    HTTPStatus.CONFLICT: Unavailable,
}


def token_refusal(status: int, headers: Mapping[str, str], body: bytes) -> Upstream:
    """What a refused token request means (https://www.rfc-editor.org/rfc/rfc6749#section-5.2)."""
    answer = _json_object(body)
    error = str(answer.get("error", ""))
    if error == "invalid_grant" and _DELETED.search(str(answer.get("error_description", ""))):
        return UserGone(GMAIL, "the account is deleted")
    if error in DEAD_GRANTS:
        return NotAuthorised(GMAIL, f"the connection is refused ({error})")
    if re.fullmatch(r"[a-z_]+", error) and status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        # the deployment's own client or the admin's policy, so that asking the user for consent would help nobody
        return NotPermitted(GMAIL, f"the OAuth client is refused ({error})")
    return refusal(status, headers, body)


def is_dead_token(status: int, body: bytes) -> bool:
    """Whether a token could not be revoked because it is good no more, or never was
    (https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke)."""
    return status == HTTPStatus.BAD_REQUEST and _json_object(body).get("error") == "invalid_token"


def is_gone(status: int, body: bytes) -> bool:
    """Whether it is the mail that is not there (any more), and not the label."""
    return status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE} and b"label" not in body.lower()


def is_no_draft(status: int, body: bytes) -> bool:
    """Whether a draft is refused because it is none any more: sent or thrown away. Gmail says 404, or 400 "Message not a draft"."""
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return True
    return status == HTTPStatus.BAD_REQUEST and b"draft" in body.lower()


def is_duplicate(status: int, body: bytes) -> bool:
    """Whether a label was refused for its name, which another has or none may have: 409, and 400 was seen too.

    A 409 of any other kind tells that two changes met, and is worth another try.
    """
    refused = status in {HTTPStatus.CONFLICT, HTTPStatus.BAD_REQUEST}
    return refused and any(words in body.lower() for words in (b"exists", b"label name"))


def _reasons(error: Mapping[str, Any]) -> Iterator[str]:
    """Every reason that Google's form of an error gives, the older form's first (https://cloud.google.com/apis/design/errors)."""
    for name in ("errors", "details"):
        entries = error.get(name)
        for entry in entries if isinstance(entries, list) else ():
            reason = _json_object(entry).get("reason")
            if isinstance(reason, str) and re.fullmatch(r"\w{1,60}", reason):
                yield reason
    status = error.get("status")
    if isinstance(status, str) and re.fullmatch(r"\w{1,60}", status):
        yield status


def _wait(headers: Mapping[str, str], message: str) -> float:
    """Seconds until Google wants to be called again: its header's, or the moment that its message names."""
    stated = headers.get("retry-after", "").strip()
    if stated.isdecimal():
        return max(float(stated), UNSTATED_WAIT)
    named = re.search(r"Retry after (\d{4}-\d\d-\d\dT[\d:.]+Z)", message)
    try:
        moment = datetime.fromisoformat(named[1]) if named else parsedate_to_datetime(stated)
    except ValueError:
        return UNSTATED_WAIT
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), UNSTATED_WAIT)


def _json_object(value: Any) -> dict[str, Any]:
    """A JSON object, also from its text; an empty one for anything else (an error page's HTML)."""
    if isinstance(value, bytes):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}
