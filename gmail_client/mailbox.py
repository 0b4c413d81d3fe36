"""A whole mailbox for the job, through google-api-python-client: history, batches, labels, with every quota unit counted."""

import asyncio
import http.client
import logging
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from http import HTTPStatus
from itertools import islice
from typing import Any, TypeVar

import httplib2
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from googleapiclient.discovery import build
from googleapiclient.errors import Error as LibraryError
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest, HttpRequest
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from gmail_client.answers import (
    MESSAGE_FIELDS,
    HistoryPage,
    LabelEntry,
    LabelList,
    Message,
    MessagePage,
    Profile,
    SendAsList,
    is_duplicate,
    is_gone,
    read,
    refusal,
    token_refusal,
)
from gmail_client.connection import Access, Connection
from mailmagnet.addresses import canonical
from mailmagnet.errors import BadAnswer, CursorExpired, NotAuthorised, NotFound, RateLimited, TimedOut, Unavailable, Upstream
from mailmagnet.gmail import NAME, Arrival, History, Label, MailboxProfile, MailHeaders

UNITS = {
    "getProfile": 1,
    "sendAs.list": 1,
    "labels.list": 1,
    "labels.create": 5,
    "history.list": 2,
    "messages.list": 5,
    "messages.get": 20,
    "messages.modify": 5,
    "messages.batchModify": 50,
}
"""Quota units a call (https://developers.google.com/workspace/gmail/api/reference/quota); in a batch each part is billed."""

AT_ONCE = 5
"""Requests for one user: more at once are refused (the same page)."""
BATCH = 50
"""Requests in one HTTP batch: 100 are allowed, more than 50 not advised (https://developers.google.com/workspace/gmail/api/guides/batch)."""
CHEAPER_TOGETHER = 11
"""Mails from which on one batchModify costs less than a modify each."""
MOST_IN_BATCH_MODIFY = 1000
PAGE = 500
"""The most that history.list and messages.list give at once."""

TRIES = 4
LONGEST_WAIT = 8.0
"""Seconds between two tries; when Gmail wants more, the run comes back another time."""

# The library writes answers and addresses with mail ids to its log, as warnings.
logging.getLogger("googleapiclient.http").setLevel(logging.ERROR)

Result = TypeVar("Result")
_Part = tuple[Any, Upstream | None]
"""What a part of a batch was answered, or what is wrong."""


class GmailMailbox:
    """Fulfils mailmagnet.gmail.Gmail. `gmail_token` is the refresh token, `seconds` the deadline of each single call.

    Rate limits and failures that pass are tried again a few times, which may take up to 30 s more.
    """

    def __init__(
        self,
        gmail_token: str,
        client_id: str,
        client_secret: str,
        origin: str = "https://gmail.googleapis.com",
        token_url: str = "https://oauth2.googleapis.com/token",  # noqa: S107 - an address, not a password
        seconds: float = 20.0,
    ) -> None:
        self._access = Access(gmail_token, client_id, client_secret, token_url)
        self._origin = origin
        self._seconds = seconds
        self._places = asyncio.Semaphore(AT_ONCE)
        self._idle: list[Connection] = []
        weakref.finalize(self, _close, self._idle)
        self._units = 0

    @property
    def units(self) -> int:
        return self._units

    async def profile(self) -> MailboxProfile:
        answer = await self._call("getProfile", self._users().getProfile(userId="me", fields="emailAddress,historyId"))
        profile = read(Profile, answer)
        return MailboxProfile(canonical(profile.email_address), profile.history_id)

    async def own_addresses(self) -> tuple[str, ...]:
        """Those still to be verified are left out: anybody can enter any address there."""
        request = self._users().settings().sendAs().list(userId="me", fields="sendAs(sendAsEmail,verificationStatus)")
        entries = read(SendAsList, await self._call("sendAs.list", request)).send_as
        return tuple(canonical(entry.send_as_email) for entry in entries if entry.verification_status != "pending")

    async def history(self, since: str, most: int) -> History:
        arrivals: dict[str, str] = {}
        labelled: dict[str, set[str]] = {}
        page_token = ""
        while True:
            page = await self._history_page(since, page_token)
            for record in page.history:
                for added in record.messages_added:
                    arrivals.setdefault(added.message.id, record.id)
                for change in record.labels_added:
                    labelled.setdefault(change.message.id, set()).update(change.label_ids)
                for deleted in record.messages_deleted:
                    arrivals.pop(deleted.message.id, None)
            page_token = page.next_page_token
            cut = bool(page_token) and len(arrivals) >= max(most, 1)
            if cut or not page_token:
                break
        found = tuple(
            Arrival(mail_id, record_id, frozenset(labelled.get(mail_id, ()))) for mail_id, record_id in arrivals.items()
        )
        return History(found, found[-1].history_id if cut else page.history_id)

    async def _history_page(self, since: str, page_token: str) -> HistoryPage:
        request = (
            self._users()
            .history()
            .list(
                userId="me",
                startHistoryId=since,
                historyTypes=["messageAdded", "messageDeleted", "labelAdded"],
                maxResults=PAGE,
                fields="historyId,nextPageToken,history(id,messagesAdded(message(id)),messagesDeleted(message(id)),"
                "labelsAdded(message(id),labelIds))",
                **({"pageToken": page_token} if page_token else {}),
            )
        )
        try:
            return read(HistoryPage, await self._call("history.list", request))
        except _Gone:
            raise CursorExpired("Gmail no longer has the history since the cursor") from None

    async def mails_after(self, after: datetime) -> tuple[str, ...]:
        query = f"after:{int(after.timestamp())}"
        mail_ids: list[str] = []
        page_token = ""
        while True:
            request = (
                self._users()
                .messages()
                .list(
                    userId="me",
                    q=query,
                    maxResults=PAGE,
                    fields="messages(id),nextPageToken",
                    **({"pageToken": page_token} if page_token else {}),
                )
            )
            page = read(MessagePage, await self._call("messages.list", request))
            mail_ids += [message.id for message in page.messages]
            page_token = page.next_page_token
            if not page_token:
                return tuple(dict.fromkeys(reversed(mail_ids)))

    async def headers(self, mail_ids: Sequence[str], names: Sequence[str]) -> Sequence[MailHeaders]:
        found: list[MailHeaders] = []
        for chunk in _chunks(dict.fromkeys(mail_ids), BATCH):
            messages = self._users().messages()
            requests = {
                mail_id: messages.get(
                    userId="me", id=mail_id, format="metadata", metadataHeaders=list(names), fields=MESSAGE_FIELDS
                )
                for mail_id in chunk
            }
            answers = await self._batch("messages.get", requests)
            found += [read(Message, answers[mail_id]).record() for mail_id in chunk if mail_id in answers]
        return found

    async def labels(self) -> Sequence[Label]:
        answer = await self._call("labels.list", self._users().labels().list(userId="me", fields="labels(id,name)"))
        return tuple(Label(entry.id, entry.name) for entry in read(LabelList, answer).labels)

    async def create_label(self, name: str) -> Label:
        body = {"name": name, "labelListVisibility": "labelShow", "messageListVisibility": "show"}
        request = self._users().labels().create(userId="me", body=body, fields="id,name")
        try:
            entry = read(LabelEntry, await self._call("labels.create", request))
        except _Duplicate as duplicate:
            same = (label for label in await self.labels() if label.name.casefold() == name.casefold())
            if label := next(same, None):
                return label
            raise BadAnswer(NAME, "says that a label is there, and does not list it") from duplicate
        return Label(entry.id, entry.name)

    async def move(self, mail_ids: Collection[str], add: str, remove: str) -> None:
        mails = list(dict.fromkeys(mail_ids))
        if len(mails) < CHEAPER_TOGETHER:
            await self._move_each(mails, add, remove)
            return
        for chunk in _chunks(mails, MOST_IN_BATCH_MODIFY):
            body = {"ids": chunk, "addLabelIds": [add], "removeLabelIds": [remove]}
            try:
                await self._call("messages.batchModify", self._users().messages().batchModify(userId="me", body=body))
            except _Gone:
                # one that is gone may take the others with it
                await self._move_each(chunk, add, remove)

    async def _move_each(self, mail_ids: Sequence[str], add: str, remove: str) -> None:
        messages = self._users().messages()
        body = {"addLabelIds": [add], "removeLabelIds": [remove]}
        for chunk in _chunks(mail_ids, BATCH):
            await self._batch(
                "messages.modify",
                {mail_id: messages.modify(userId="me", id=mail_id, body=body, fields="id") for mail_id in chunk},
            )

    def _users(self) -> Any:
        return _service(self._origin).users()

    async def _call(self, method: str, request: HttpRequest) -> Any:
        """One request's answer, tried again where that helps. Each try is billed once Gmail has looked at it."""

        async def once() -> Any:
            try:
                answer = await self._at_a_place(lambda http: request.execute(http=http))
            except (NotFound, _Duplicate):
                self._units += UNITS[method]
                raise
            self._units += UNITS[method]
            return answer

        return await _patiently(once)

    async def _batch(self, method: str, requests: Mapping[str, HttpRequest]) -> dict[str, Any]:
        """Each request's answer by its key, without those whose mail is gone. Only parts refused for now are asked again."""
        answers: dict[str, Any] = {}
        pending = dict(requests)

        async def once() -> None:
            parts = await self._at_a_place(lambda http: self._send_batch(pending, http))
            answers.update({key: answer for key, (answer, problem) in parts.items() if problem is None})
            self._units += UNITS[method] * sum(problem is None or isinstance(problem, NotFound) for _, problem in parts.values())
            problems = {key: problem for key, (_, problem) in parts.items() if problem and not isinstance(problem, _Gone)}
            if lasting := next((problem for problem in problems.values() if not _passes(problem)), None):
                raise lasting
            for key in parts.keys() - problems.keys():
                del pending[key]
            if problems:
                raise max(problems.values(), key=_wait_stated)

        if pending:
            await _patiently(once)
        return answers

    def _send_batch(self, requests: Mapping[str, HttpRequest], http: Connection) -> dict[str, _Part]:
        parts = self._send_parts(requests, http)
        refused = {key: requests[key] for key, (_, problem) in parts.items() if isinstance(problem, NotAuthorised)}
        if refused:
            # a batch is accepted whatever its token, which then is refused part by part
            http.renew()
            parts |= self._send_parts(refused, http)
        return parts

    def _send_parts(self, requests: Mapping[str, HttpRequest], http: Connection) -> dict[str, _Part]:
        parts: dict[str, _Part] = {}

        def keep(key: str, answer: Any, error: HttpError | None) -> None:
            parts[key] = (answer, _of_http(error) if error else None)

        batch = BatchHttpRequest(callback=keep, batch_uri=f"{self._origin}/batch/gmail/v1")
        for key, request in requests.items():
            batch.add(request, request_id=key)
        batch.execute(http=http)
        return parts

    async def _at_a_place(self, job: Callable[[Connection], Result]) -> Result:
        """Run a blocking call in a thread, with a connection that is nobody else's meanwhile."""
        async with self._places:
            connection = self._idle.pop() if self._idle else Connection(self._access, self._seconds)
            try:
                async with asyncio.timeout(self._seconds):
                    result = await asyncio.to_thread(self._blocking, job, connection)
            except TimeoutError:
                connection.close()
                raise TimedOut(NAME, self._seconds) from None
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
            return result

    def _blocking(self, job: Callable[[Connection], Result], connection: Connection) -> Result:
        try:
            return job(connection)
        except HttpError as error:
            raise _of_http(error) from None
        except RefreshError as error:
            raise _of_refresh(error) from None
        except TimeoutError:
            raise TimedOut(NAME, self._seconds) from None
        except (TransportError, httplib2.HttpLib2Error, http.client.HTTPException, OSError) as error:
            raise Unavailable(NAME, f"the connection failed ({type(error).__name__})") from None
        except (LibraryError, GoogleAuthError, ValueError, LookupError, TypeError) as error:
            raise BadAnswer(NAME, f"the answer cannot be read ({type(error).__name__})") from None


class _Duplicate(BadAnswer):
    """A label of this name is there already."""


class _Gone(NotFound):
    """The mail is not there any more."""


class _NoToken(Unavailable):
    """The token endpoint failed at each of the tries that google-auth makes."""


def _close(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()


@cache
def _service(origin: str) -> Any:
    """The API as its description has it, built once a process; its requests are sent over other connections than its own."""
    return build(
        "gmail", "v1", http=httplib2.Http(proxy_info=None), static_discovery=True, client_options={"api_endpoint": origin}
    )


def _of_http(error: HttpError) -> Upstream:
    status = int(error.resp.status)
    if is_duplicate(status, error.content):
        return _Duplicate(NAME, "there is one of this name")
    if is_gone(status, error.content):
        return _Gone(NAME, "it is not there (any more)")
    return refusal(status, error.resp, error.content)


def _of_refresh(error: RefreshError) -> Upstream:
    answer = next((part for part in error.args if isinstance(part, dict)), {})
    if answer.get("error") and not error.retryable:
        return token_refusal(HTTPStatus.BAD_REQUEST, {}, f'{{"error": "{answer["error"]}"}}'.encode())
    return _NoToken(NAME, "no access token could be had")


async def _patiently(once: Callable[[], Any]) -> Any:
    """Try a few times what may pass, waiting longer each time, and at least as long as Gmail says."""
    async for attempt in AsyncRetrying(
        stop=stop_after_attempt(TRIES), wait=_wait, retry=retry_if_exception(_passes), reraise=True
    ):
        with attempt:
            return await once()
    return None


def _passes(error: BaseException) -> bool:
    """Whether it may be gone at the next try. What took its whole deadline, or was tried already, is not tried again."""
    if isinstance(error, RateLimited):
        return error.retry_after <= LONGEST_WAIT
    return isinstance(error, Unavailable) and not isinstance(error, TimedOut | _NoToken)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return _wait_stated(error) + _BACK_OFF(state)


_BACK_OFF = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT)


def _wait_stated(error: BaseException | None) -> float:
    return error.retry_after if isinstance(error, RateLimited) else 0.0


def _chunks(values: Collection[str], size: int) -> Iterator[list[str]]:
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk
