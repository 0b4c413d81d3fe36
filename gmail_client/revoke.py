"""A consent taken back at Google: the end of a refresh token that MailMagnet has no more use for."""

from http import HTTPStatus
from urllib.parse import urlencode

from gmail_client.answers import is_dead_token, refusal
from http_session.session import HttpSession
from mailmagnet.gmail import GMAIL


async def revoke(session: HttpSession, url: str, gmail_token: str, seconds: float) -> None:
    """End a refresh token, and with it everything that its account has consented to for this OAuth client.

    Returns also when the token was good no more. Raises RateLimited, Unavailable and BadAnswer: then it may still be good. One call
    of at most `seconds`, not tried again (https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke).
    """
    answer = await session.request(
        GMAIL,
        "POST",
        url,
        seconds=seconds,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode({"token": gmail_token}).encode(),
    )
    if answer.status != HTTPStatus.OK and not is_dead_token(answer.status, answer.body):
        raise refusal(answer.status, answer.headers, answer.body)
