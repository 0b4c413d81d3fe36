"""Single mails for the sidebar, over plain HTTP: neither a discovery document nor an auth library is loaded for one call."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from urllib.parse import urlencode

from gmail_client.answers import MESSAGE_FIELDS, Grant, Message, read, refusal, token_refusal
from http_session.session import HttpSession
from mailmagnet.errors import BadAnswer, BadRequest, NotAuthorised, NotFound, Upstream
from mailmagnet.gmail import GMAIL, PEOPLE_HEADERS, MailHeaders, OpenMailTokens

AT_ONCE = 3
"""Requests for one user. More than 5 at once are refused (https://developers.google.com/workspace/gmail/api/reference/quota), and the
job may be at work on the same mailbox."""
EARLY = 60.0
"""Seconds before its end that an access token is no longer used."""
MOST_GRANTS = 1000
"""Access tokens held in memory at once."""

_EVENT_ID = re.compile(r"msg-f:([0-9]{1,20})")
_STEP_OF_A_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,127}")


@dataclass(slots=True)
class _Access:
    """One connected mailbox's access token, good until `until` (time.monotonic), and its places in the line."""

    token: str = field(default="", repr=False)
    until: float = 0.0
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    @property
    def idle(self) -> bool:
        return time.monotonic() >= self.until and not self.renewing.locked()


class HttpMailReader:
    """Fulfils mailmagnet.gmail.MailReader. `seconds` is the deadline of each single call; nothing is tried twice but a refused token."""

    def __init__(
        self,
        session: HttpSession,
        client_id: str,
        client_secret: str,
        origin: str = "https://gmail.googleapis.com",
        token_url: str = "https://oauth2.googleapis.com/token",  # noqa: S107 - an address, not a password
        seconds: float = 4.0,
    ) -> None:
        self._session = session
        self._client_id = client_id
        self._client_secret = client_secret
        self._origin = origin
        self._token_url = token_url
        self._seconds = seconds
        self._accesses: dict[str, _Access] = {}

    async def open_mail(self, message_id: str, tokens: OpenMailTokens) -> MailHeaders:
        """https://developers.google.com/workspace/add-ons/gmail/gmail-api (both tokens together open this one message)"""
        mail_id = api_id(message_id)
        headers = {"Authorization": f"Bearer {tokens.user}", "X-Goog-Gmail-Access-Token": tokens.message}
        return await self._mail(mail_id, PEOPLE_HEADERS, headers)

    async def mails(self, gmail_token: str, mail_ids: Sequence[str], names: Sequence[str]) -> Sequence[MailHeaders]:
        """As mailmagnet.gmail.MailReader says; in the order of the ids."""
        if not mail_ids:
            return ()
        access = self._access(gmail_token)
        token = await self._token(access, gmail_token)
        try:
            return await self._mails(access, token, mail_ids, names)
        except NotAuthorised:
            # Gmail's clock and this machine's may differ: a token that is refused is renewed once.
            if access.token == token:
                access.until = 0.0
        return await self._mails(access, await self._token(access, gmail_token), mail_ids, names)

    async def _mails(self, access: _Access, token: str, mail_ids: Sequence[str], names: Sequence[str]) -> Sequence[MailHeaders]:
        headers = {"Authorization": f"Bearer {token}"}

        async def one(mail_id: str) -> MailHeaders | Upstream:
            async with access.places:
                try:
                    return await self._mail(api_id(mail_id), names, headers)
                except Upstream as problem:
                    return problem

        answers = await asyncio.gather(*map(one, mail_ids))
        for problem in answers:
            if isinstance(problem, Upstream) and not isinstance(problem, NotFound):
                raise problem
        return tuple(mail for mail in answers if isinstance(mail, MailHeaders))

    async def _mail(self, mail_id: str, names: Sequence[str], headers: dict[str, str]) -> MailHeaders:
        answer = await self._session.request(
            GMAIL,
            "GET",
            f"{self._origin}/gmail/v1/users/me/messages/{mail_id}",
            seconds=self._seconds,
            headers=headers,
            params=[("format", "metadata"), ("fields", MESSAGE_FIELDS), *(("metadataHeaders", name) for name in names)],
        )
        if answer.status != HTTPStatus.OK:
            problem = refusal(answer.status, answer.headers, answer.body)
            # Of all that this request names only the id can be wrong.
            wrong_id = answer.status == HTTPStatus.BAD_REQUEST and isinstance(problem, BadAnswer)
            raise NotFound(GMAIL, "does not take the mail's id") if wrong_id else problem
        return read(Message, answer.json()).record()

    def _access(self, gmail_token: str) -> _Access:
        if len(self._accesses) >= MOST_GRANTS:
            self._accesses = {key: access for key, access in self._accesses.items() if not access.idle}
        return self._accesses.setdefault(sha256(gmail_token.encode()).hexdigest(), _Access())

    async def _token(self, access: _Access, gmail_token: str) -> str:
        """An access token, fetched once however many need it
        (https://developers.google.com/identity/protocols/oauth2/web-server#offline)."""
        async with access.renewing:
            if time.monotonic() >= access.until:
                grant = await self._grant(gmail_token)
                access.token, access.until = grant.access_token, time.monotonic() + grant.expires_in - EARLY
            return access.token

    async def _grant(self, gmail_token: str) -> Grant:
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": gmail_token,
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        answer = await self._session.request(
            GMAIL,
            "POST",
            self._token_url,
            seconds=self._seconds,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(fields).encode(),
        )
        if answer.status != HTTPStatus.OK:
            raise token_refusal(answer.status, answer.headers, answer.body)
        return read(Grant, answer.json())


def api_id(message_id: str) -> str:
    """A message id as Gmail's API has it: hexadecimal for an event's "msg-f:<decimal>"; any other is Gmail's to know.

    Gmail names drafts and mail written in it "msg-a:r-<decimal>". Raises BadRequest for what cannot stand in a path.
    """
    decimal = _EVENT_ID.fullmatch(message_id)
    if not _STEP_OF_A_PATH.fullmatch(message_id):
        raise BadRequest("the message id is none that Gmail could have")
    return f"{int(decimal[1]):x}" if decimal else message_id
