"""A whole mailbox for the job, through google-api-python-client: history, batches, labels, with every quota unit counted."""

import asyncio
import http.client
import json
import logging
import weakref
from collections import defaultdict
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
    Closed,
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
from gmail_client.mailbox_http import Access, DelegatedAccess, MailboxHttp
from mailmagnet.addresses import canonical
from mailmagnet.errors import (
    BadAnswer,
    CursorExpired,
    NotAuthorised,
    NotFound,
    NotPermitted,
    RateLimited,
    TimedOut,
    Unavailable,
    Upstream,
)
from mailmagnet.gmail import GMAIL, HeadersRead, History, Label, LabelChanges, Listed, MailboxProfile, MailHeaders

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

AT_ONCE = 2
"""Requests for one user. More than 5 at once are refused (the same page); the sidebar has its 3 always."""
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
    """Fulfils mailmagnet.gmail.Gmail. `seconds` is the deadline of each single call.

    Rate limits and failures that pass are tried again a few times, which may take up to 30 s more.
    """

    def __init__(
        self,
        access: Access | DelegatedAccess,
        origin: str = "https://gmail.googleapis.com",
        seconds: float = 20.0,
    ) -> None:
        self._access = access
        self._origin = origin
        self._seconds = seconds
        self._places = asyncio.Semaphore(AT_ONCE)
        self._idle: list[MailboxHttp] = []
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
        arrivals: dict[str, None] = {}
        added: defaultdict[str, set[str]] = defaultdict(set)
        removed: defaultdict[str, set[str]] = defaultdict(set)
        page_token = ""
        while True:
            page = await self._history_page(since, page_token)
            for record in page.history:
                arrivals.update(dict.fromkeys(change.message.id for change in record.messages_added))
                for change in record.labels_added:
                    added[change.message.id] |= change.label_ids
                for change in record.labels_removed:
                    removed[change.message.id] |= change.label_ids
                for deleted in record.messages_deleted:
                    arrivals.pop(deleted.message.id, None)
            if len(arrivals) > most:
                raise CursorExpired("more mail came since the cursor than a history is read for")
            page_token = page.next_page_token
            if not page_token:
                break
        changes = {
            mail_id: LabelChanges(frozenset(added.get(mail_id, ())), frozenset(removed.get(mail_id, ())))
            for mail_id in added.keys() | removed.keys()
        }
        return History(tuple(reversed(arrivals)), changes, page.history_id)

    async def _history_page(self, since: str, page_token: str) -> HistoryPage:
        request = (
            self._users()
            .history()
            .list(
                userId="me",
                startHistoryId=since,
                historyTypes=["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"],
                maxResults=PAGE,
                fields="historyId,nextPageToken,history(id,messagesAdded(message(id)),messagesDeleted(message(id)),"
                "labelsAdded(message(id),labelIds),labelsRemoved(message(id),labelIds))",
                **({"pageToken": page_token} if page_token else {}),
            )
        )
        try:
            return read(HistoryPage, await self._call("history.list", request))
        except _Gone:
            raise CursorExpired("Gmail no longer has the history since the cursor") from None

    async def mails_under(self, label_ids: Collection[str]) -> frozenset[str]:
        mail_ids: set[str] = set()
        page_token = ""
        while True:
            request = (
                self._users()
                .messages()
                .list(
                    userId="me",
                    labelIds=sorted(label_ids),
                    maxResults=PAGE,
                    fields="messages(id),nextPageToken",
                    **({"pageToken": page_token} if page_token else {}),
                )
            )
            page = read(MessagePage, await self._call("messages.list", request))
            mail_ids |= {message.id for message in page.messages}
            page_token = page.next_page_token
            if not page_token:
                return frozenset(mail_ids)

    async def mails_between(self, after: datetime, before: datetime | None, most: int) -> Listed:
        query = f"after:{_second(after)}" + (f" before:{_second(before)}" if before else "")
        mail_ids: dict[str, None] = {}
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
            mail_ids.update(dict.fromkeys(message.id for message in page.messages))
            page_token = page.next_page_token
            if not page_token or len(mail_ids) >= most:
                return Listed(tuple(mail_ids), bool(page_token))

    async def headers(self, mail_ids: Sequence[str], names: Sequence[str]) -> HeadersRead:
        found: list[MailHeaders] = []
        unread: dict[str, Upstream] = {}
        messages = self._users().messages()
        for chunk in _chunks(dict.fromkeys(mail_ids), BATCH):
            requests = {
                mail_id: messages.get(
                    userId="me", id=mail_id, format="metadata", metadataHeaders=list(names), fields=MESSAGE_FIELDS
                )
                for mail_id in chunk
            }
            for mail_id, (answer, problem) in (await self._batch("messages.get", requests)).items():
                try:
                    if problem:
                        raise problem
                    found.append(read(Message, answer).record())
                except _Gone:
                    continue
                except Upstream as unreadable:
                    unread[mail_id] = unreadable
        return HeadersRead(tuple(found), unread)

    async def labels(self) -> Sequence[Label]:
        answer = await self._call("labels.list", self._users().labels().list(userId="me", fields="labels(id,name)"))
        return tuple(Label(entry.id, entry.name) for entry in read(LabelList, answer).labels)

    async def create_label(self, name: str) -> Label | None:
        body = {"name": name, "labelListVisibility": "labelShow", "messageListVisibility": "show"}
        request = self._users().labels().create(userId="me", body=body, fields="id,name")
        try:
            entry = read(LabelEntry, await self._call("labels.create", request))
        except _Duplicate:
            return None
        return Label(entry.id, entry.name)

    async def move(self, mail_ids: Collection[str], add: str, remove: str) -> Mapping[str, Upstream]:
        mails = list(dict.fromkeys(mail_ids))
        if len(mails) < CHEAPER_TOGETHER:
            return await self._move_each(mails, add, remove)
        failed: dict[str, Upstream] = {}
        for chunk in _chunks(mails, MOST_IN_BATCH_MODIFY):
            body = {"ids": chunk, **_label_changes(add, remove)}
            try:
                await self._call("messages.batchModify", self._users().messages().batchModify(userId="me", body=body))
            except (RateLimited, NotAuthorised, NotPermitted, TimedOut):
                raise
            except (_Gone, BadAnswer, Unavailable):
                # One that is gone, or that Gmail chokes on, may take the others with it.
                failed |= await self._move_each(chunk, add, remove)
        return failed

    async def _move_each(self, mail_ids: Sequence[str], add: str, remove: str) -> dict[str, Upstream]:
        messages = self._users().messages()
        body = _label_changes(add, remove)
        failed: dict[str, Upstream] = {}
        for chunk in _chunks(mail_ids, BATCH):
            parts = await self._batch(
                "messages.modify",
                {mail_id: messages.modify(userId="me", id=mail_id, body=body, fields="id") for mail_id in chunk},
            )
            problems = {mail_id: problem for mail_id, (_, problem) in parts.items() if problem and not isinstance(problem, _Gone)}
            if gone := next((problem for problem in problems.values() if isinstance(problem, NotFound)), None):
                raise gone
            failed |= problems
        return failed

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

    async def _batch(self, method: str, requests: Mapping[str, HttpRequest]) -> dict[str, _Part]:
        """Each request's answer, or what is wrong with it, by its key. Only parts refused for now are sent again.

        Raises RateLimited, NotAuthorised, NotPermitted when a scope is lacking or every part of several is refused so, and Unavailable
        when no part was answered.
        """
        parts: dict[str, _Part] = {}

        async def once() -> None:
            pending = {key: request for key, request in requests.items() if key not in parts or _passes(parts[key][1])}
            answers = await self._at_a_place(lambda http: self._send_batch(pending, http))
            self._units += UNITS[method] * sum(
                problem is None or isinstance(problem, NotFound) for _, problem in answers.values()
            )
            parts.update(answers)
            if passing := [problem for _, problem in answers.values() if problem and _passes(problem)]:
                raise max(passing, key=_wait_stated)

        if requests:
            try:
                await _patiently(once)
            except Unavailable:
                if not parts:
                    raise
        for _, problem in parts.values():
            if isinstance(problem, RateLimited | NotAuthorised | Closed):
                raise problem
        if len(parts) > 1 and all(isinstance(problem, NotPermitted) for _, problem in parts.values()):
            raise NotPermitted(GMAIL, "it does not let this user do that")
        return parts

    def _send_batch(self, requests: Mapping[str, HttpRequest], http: MailboxHttp) -> dict[str, _Part]:
        parts = self._send_parts(requests, http)
        refused = {key: requests[key] for key, (_, problem) in parts.items() if isinstance(problem, NotAuthorised)}
        if refused:
            # a batch is accepted whatever its token, which then is refused part by part
            http.renew()
            parts |= self._send_parts(refused, http)
        return parts

    def _send_parts(self, requests: Mapping[str, HttpRequest], http: MailboxHttp) -> dict[str, _Part]:
        parts: dict[str, _Part] = {}

        def keep(key: str, answer: Any, error: HttpError | None) -> None:
            parts[key] = (answer, _of_http(error) if error else None)

        batch = BatchHttpRequest(callback=keep, batch_uri=f"{self._origin}/batch/gmail/v1")
        for key, request in requests.items():
            batch.add(request, request_id=key)
        batch.execute(http=http)
        return parts

    async def _at_a_place(self, job: Callable[[MailboxHttp], Result]) -> Result:
        """Run a blocking call in a thread, with a connection that is nobody else's meanwhile."""
        async with self._places:
            connection = self._idle.pop() if self._idle else MailboxHttp(self._access, self._seconds)
            try:
                async with asyncio.timeout(self._seconds):
                    result = await asyncio.to_thread(self._blocking, job, connection)
            except TimeoutError:
                connection.close()
                raise TimedOut(GMAIL, self._seconds) from None
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
            return result

    def _blocking(self, job: Callable[[MailboxHttp], Result], connection: MailboxHttp) -> Result:
        try:
            return job(connection)
        except HttpError as error:
            raise _of_http(error) from None
        except RefreshError as error:
            raise _of_refresh(error) from None
        except TimeoutError:
            raise TimedOut(GMAIL, self._seconds) from None
        except (TransportError, httplib2.HttpLib2Error, http.client.HTTPException, OSError) as error:
            raise Unavailable(GMAIL, f"the connection failed ({type(error).__name__})") from None
        except (LibraryError, GoogleAuthError, ValueError, LookupError, TypeError) as error:
            raise BadAnswer(GMAIL, f"the answer cannot be read ({type(error).__name__})") from None


class _Duplicate(BadAnswer):
    """A label of this name is there already."""


class _Gone(NotFound):
    """The mail is not there any more."""


class _NoToken(Unavailable):
    """The token endpoint failed at each of the tries that google-auth makes."""


def _close(connections: list[MailboxHttp]) -> None:
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
        return _Duplicate(GMAIL, "there is one of this name")
    if is_gone(status, error.content):
        return _Gone(GMAIL, "it is not there (any more)")
    return refusal(status, error.resp, error.content)


def _of_refresh(error: RefreshError) -> Upstream:
    answer = next((part for part in error.args if isinstance(part, dict)), {})
    if answer.get("error") and not error.retryable:
        return token_refusal(HTTPStatus.BAD_REQUEST, {}, json.dumps(answer).encode())
    return _NoToken(GMAIL, "no access token could be had")


async def _patiently(once: Callable[[], Any]) -> Any:
    """Try a few times what may pass, waiting longer each time, and at least as long as Gmail says."""
    async for attempt in AsyncRetrying(
        stop=stop_after_attempt(TRIES), wait=_wait, retry=retry_if_exception(_passes), reraise=True
    ):
        with attempt:
            return await once()
    return None


def _passes(error: BaseException | None) -> bool:
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


def _second(moment: datetime) -> int:
    return int(moment.timestamp())


def _label_changes(add: str, remove: str) -> dict[str, list[str]]:
    return {"addLabelIds": [add] if add else [], "removeLabelIds": [remove]}


def _chunks(values: Collection[str], size: int) -> Iterator[list[str]]:
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk
