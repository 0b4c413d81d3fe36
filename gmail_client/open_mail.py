"""The mail open in Gmail, over plain HTTP: neither a discovery document nor an auth library is loaded for one call."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from gmail_client.answers import MESSAGE_FIELDS, Message, read, refusal
from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, BadRequest, NotFound, Upstream
from mailmagnet.gmail import GMAIL, PEOPLE_HEADERS, MailHeaders, OpenMailTokens

GMAIL_URL = "https://gmail.googleapis.com"

_EVENT_ID = re.compile(r"msg-f:([0-9]{1,20})")
_STEP_OF_A_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,127}")


class HttpMailReader:
    """Fulfils mailmagnet.gmail.MailReader. `seconds` is the deadline of each single call; nothing is tried twice."""

    def __init__(self, session: HttpSession, origin: str = GMAIL_URL, seconds: float = 4.0) -> None:
        self._session = session
        self._origin = origin
        self._seconds = seconds

    async def open_mail(self, message_id: str, tokens: OpenMailTokens, names: Sequence[str] = PEOPLE_HEADERS) -> MailHeaders:
        """https://developers.google.com/workspace/add-ons/gmail/gmail-api (both tokens together open this one message)"""
        answer = await self._session.request(
            GMAIL,
            "GET",
            f"{self._origin}/gmail/v1/users/me/messages/{api_id(message_id)}",
            seconds=self._seconds,
            headers={"Authorization": f"Bearer {tokens.user}", "X-Goog-Gmail-Access-Token": tokens.message},
            params=headers_alone(names),
        )
        if answer.status != HTTPStatus.OK:
            raise mail_refusal(answer.status, answer.headers, answer.body)
        return read(Message, answer.json()).record()


def headers_alone(names: Sequence[str]) -> list[tuple[str, str]]:
    """The parameters of users.messages.get that ask for these headers, and for nothing else of the mail."""
    return [("format", "metadata"), ("fields", MESSAGE_FIELDS), *(("metadataHeaders", name) for name in names)]


def mail_refusal(status: int, headers: Mapping[str, str], body: bytes) -> Upstream:
    """What a refused users.messages.get means: of all that such a request names only the id can be wrong."""
    problem = refusal(status, headers, body)
    wrong_id = status == HTTPStatus.BAD_REQUEST and isinstance(problem, BadAnswer)
    return NotFound(GMAIL, "does not take the mail's id") if wrong_id else problem


def api_id(message_id: str) -> str:
    """A message id as Gmail's API has it: hexadecimal for an event's "msg-f:<decimal>"; any other is Gmail's to know.

    Gmail names drafts and mail written in it "msg-a:r-<decimal>". Raises BadRequest for what cannot stand in a path.
    """
    decimal = _EVENT_ID.fullmatch(message_id)
    if not _STEP_OF_A_PATH.fullmatch(message_id):
        raise BadRequest("the message id is none that Gmail could have")
    return f"{int(decimal[1]):x}" if decimal else message_id
