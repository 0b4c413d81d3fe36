"""Google's token endpoint: what a code or a refresh token is exchanged for.

https://developers.google.com/identity/protocols/oauth2/web-server
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlencode

from gmail_client.answers import Grant, read, token_refusal
from http_session.session import HttpSession
from mailmagnet.gmail import GMAIL

Granted = TypeVar("Granted", bound=Grant)


async def exchanged_for(
    kind: type[Granted], session: HttpSession, url: str, fields: Mapping[str, str], seconds: float
) -> Granted:
    """What these fields, the client's id and secret among them, are exchanged for. `seconds` is the call's deadline.

    Raises NotAuthorised when the code or token is good no more, NotPermitted when the client is refused, RateLimited, Unavailable,
    BadAnswer.
    """
    answer = await session.request(
        GMAIL,
        "POST",
        url,
        seconds=seconds,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(fields).encode(),
    )
    if answer.status != HTTPStatus.OK:
        raise token_refusal(answer.status, answer.headers, answer.body)
    return read(kind, answer.json())
