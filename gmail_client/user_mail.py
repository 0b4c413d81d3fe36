"""A connected mailbox for the sidebar and its pages, over plain HTTP: mail with a contact, one mail's text, drafts."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from gmail_client.access_tokens import AccessTokens
from gmail_client.answers import (
    MESSAGE_FIELDS,
    Body,
    DraftEntry,
    Message,
    MessageId,
    MessagePage,
    Part,
    SendAsList,
    WholeDraft,
    WholeMessage,
    is_no_draft,
    read,
    refusal,
)
from gmail_client.open_mail import GMAIL_URL, api_id, headers_alone, mail_refusal
from http_session.session import MAX_ANSWER_BYTES, HttpAnswer, HttpSession
from mailmagnet.addresses import is_address
from mailmagnet.errors import BadAnswer, NotAuthorised, NotFound
from mailmagnet.gmail import GMAIL, Listed, MailHeaders
from mailmagnet.user_mail import LARGEST_ATTACHMENT, Attachment, DraftMail, MailText, SendAs
from mailmagnet.vault import Connection

SINGLY = 10
"""Mails that are changed one by one; for more a batch costs less."""
BATCH = 1_000
"""Ids that one users.messages.batchModify takes."""

_ANSWERS = ("in-reply-to", "references")
"""The headers that say which mail a draft answers."""

_ANSWERED = (HTTPStatus.OK, HTTPStatus.NO_CONTENT)


class HttpUserMail:
    """Fulfils mailmagnet.user_mail.UserMail. `seconds` is the deadline of each single call; nothing is tried twice but a refused token.

    `tokens` are shared by all connections of a process.
    """

    def __init__(
        self, session: HttpSession, tokens: AccessTokens, connection: Connection, origin: str = GMAIL_URL, seconds: float = 4.0
    ) -> None:
        self._session = session
        self._tokens = tokens
        self._connection = connection
        self._access = tokens.access(connection)
        self._mailbox = f"{origin}/gmail/v1/users/me/"
        self._seconds = seconds

    async def mail_with(self, addresses: Collection[str], most: int, before: datetime | None = None) -> Listed:
        """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/list"""
        wanted = [address for address in sorted(set(addresses)) if is_address(address) and not set(address) & set('"{}()')]
        if not wanted:
            return Listed((), more=False)
        terms = " ".join(f'{where}:"{address}"' for address in wanted for where in ("from", "to", "cc"))
        until = f" before:{int(before.timestamp())}" if before else ""
        params = [
            ("q", f"{{{terms}}} -in:drafts -in:chats{until}"),
            ("maxResults", str(most)),
            ("fields", "messages/id,nextPageToken"),
        ]
        listed = read(MessagePage, (await self._call("GET", "messages", params)).json())
        return Listed(tuple(message.id for message in listed.messages), more=bool(listed.next_page_token))

    async def headers(self, mail_ids: Sequence[str], names: Sequence[str]) -> Sequence[MailHeaders]:
        """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/get"""
        answers = await _all(self._headers(mail_id, names) for mail_id in mail_ids)
        return tuple(mail for mail in answers if mail)

    async def text(self, mail_id: str) -> MailText:
        """As `headers`, in the format "full"."""
        from gmail_client.mail_text import attachments_of, text_of

        mail = await self._whole(mail_id)
        text, cut = text_of(mail.payload)
        return MailText(mail.record(), text, attachments_of(mail.payload), cut)

    async def attachment(self, mail_id: str, part: str) -> tuple[Attachment, bytes]:
        """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages.attachments/get

        The mail is read anew: the id by which Gmail gives a file is another one each time.
        """
        from gmail_client.mail_text import content_of, file_name, part_of

        found = part_of((await self._whole(mail_id)).payload, part)
        if not found:
            raise NotFound(GMAIL, "the mail has no such attachment")
        if found.body.size > LARGEST_ATTACHMENT:
            raise BadAnswer(GMAIL, f"the attachment is larger than {LARGEST_ATTACHMENT // 1024} KB")
        content = content_of(found.body.data or await self._data(mail_id, found))
        return Attachment(found.part_id, file_name(found), len(content), found.mime_type), content

    async def mark_read(self, mail_ids: Collection[str]) -> None:
        """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/modify, and batchModify for many"""
        await self._change_labels(mail_ids, {"removeLabelIds": ["UNREAD"]})

    async def mark_unread(self, mail_ids: Collection[str]) -> None:
        """As `mark_read`."""
        await self._change_labels(mail_ids, {"addLabelIds": ["UNREAD"]})

    async def send_as(self) -> Sequence[SendAs]:
        """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.settings.sendAs/list"""
        fields = "sendAs(sendAsEmail,displayName,signature,isDefault,isPrimary,verificationStatus)"
        answer = await self._call("GET", "settings/sendAs", [("fields", fields)])
        usable = [entry for entry in read(SendAsList, answer.json()).send_as if entry.usable]
        primary = next((entry.display_name for entry in usable if entry.is_primary), "")
        default_first = sorted(usable, key=lambda entry: not entry.is_default)
        return tuple(
            SendAs(entry.send_as_email, entry.display_name or primary, entry.signature, entry.is_default)
            for entry in default_first
        )

    async def draft(self, draft_id: str) -> MailHeaders:
        """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts/get"""
        # Unlike users.messages.get this takes no names of headers: they are chosen here.
        params = [("format", "metadata"), ("fields", f"id,message({MESSAGE_FIELDS})")]
        answer = await self._of_draft("GET", f"drafts/{api_id(draft_id)}", params=params)
        mail = read(WholeDraft, answer.json()).message.record()
        return replace(mail, headers=tuple(each for each in mail.headers if each[0].lower() in _ANSWERS))

    async def create_draft(self, draft: DraftMail) -> str:
        """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts/create"""
        answer = await self._call("POST", "drafts", [("fields", "id,message/id")], {"message": _message(draft)})
        return read(DraftEntry, answer.json()).id

    async def update_draft(self, draft_id: str, draft: DraftMail) -> None:
        """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts/update"""
        await self._of_draft("PUT", f"drafts/{api_id(draft_id)}", {"message": _message(draft)})

    async def send_draft(self, draft_id: str) -> str:
        """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts/send"""
        answer = await self._of_draft("POST", "drafts/send", {"id": api_id(draft_id)})
        return read(MessageId, answer.json()).id

    async def delete_draft(self, draft_id: str) -> None:
        """https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts/delete"""
        try:
            await self._of_draft("DELETE", f"drafts/{api_id(draft_id)}")
        except NotFound:
            return

    async def _headers(self, mail_id: str, names: Sequence[str]) -> MailHeaders | None:
        try:
            return read(Message, (await self._mail(mail_id, headers_alone(names))).json()).record()
        except NotFound:
            return None

    async def _whole(self, mail_id: str) -> WholeMessage:
        fields = "id,threadId,internalDate,labelIds,payload"
        most = MAX_ANSWER_BYTES + LARGEST_ATTACHMENT
        answer = await self._mail(mail_id, [("format", "full"), ("fields", fields)], most)
        return read(WholeMessage, answer.json())

    async def _mail(self, mail_id: str, params: list[tuple[str, str]], most_bytes: int = MAX_ANSWER_BYTES) -> HttpAnswer:
        path = f"messages/{api_id(mail_id)}"
        answer = await self._answer("GET", path, params, most_bytes=most_bytes)
        if answer.status != HTTPStatus.OK:
            raise mail_refusal(answer.status, answer.headers, answer.body)
        return answer

    async def _data(self, mail_id: str, part: Part) -> str:
        path = f"messages/{api_id(mail_id)}/attachments/{quote(part.body.attachment_id, safe='')}"
        most = LARGEST_ATTACHMENT * 4 // 3 + MAX_ANSWER_BYTES
        answer = await self._call("GET", path, [("fields", "data,size")], most_bytes=most)
        return read(Body, answer.json()).data

    async def _change_labels(self, mail_ids: Collection[str], change: Mapping[str, Sequence[str]]) -> None:
        ids = [api_id(mail_id) for mail_id in dict.fromkeys(mail_ids)]
        if len(ids) <= SINGLY:
            await _all(self._change_labels_of_one(mail_id, change) for mail_id in ids)
            return
        for start in range(0, len(ids), BATCH):
            await self._call("POST", "messages/batchModify", body={"ids": ids[start : start + BATCH], **change})

    async def _change_labels_of_one(self, mail_id: str, change: Mapping[str, Sequence[str]]) -> None:
        answer = await self._answer("POST", f"messages/{mail_id}/modify", [("fields", "id")], change)
        if answer.status == HTTPStatus.OK:
            return
        problem = mail_refusal(answer.status, answer.headers, answer.body)
        if not isinstance(problem, NotFound):
            raise problem

    async def _of_draft(self, verb: str, path: str, body: Any = None, params: Iterable[tuple[str, str]] = ()) -> HttpAnswer:
        """A call about a draft that was made before; NotFound when it is none any more."""
        answer = await self._answer(verb, path, params or ([("fields", "id")] if body else []), body)
        if answer.status in _ANSWERED:
            return answer
        if is_no_draft(answer.status, answer.body):
            raise NotFound(GMAIL, "has no such draft any more")
        raise refusal(answer.status, answer.headers, answer.body)

    async def _call(
        self,
        verb: str,
        path: str,
        params: Iterable[tuple[str, str]] = (),
        body: Any = None,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> HttpAnswer:
        answer = await self._answer(verb, path, params, body, most_bytes)
        if answer.status not in _ANSWERED:
            raise refusal(answer.status, answer.headers, answer.body)
        return answer

    async def _answer(
        self,
        verb: str,
        path: str,
        params: Iterable[tuple[str, str]] = (),
        body: Any = None,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> HttpAnswer:
        """One call, in its place in the line. Gmail's clock and this machine's may differ: a token that is refused is renewed once."""
        async with self._access.places:
            token = await self._tokens.token(self._access, self._connection)
            answer = await self._once(token, verb, path, params, body, most_bytes)
            if answer.status in _ANSWERED or not isinstance(refusal(answer.status, answer.headers, answer.body), NotAuthorised):
                return answer
            token = await self._tokens.token(self._access, self._connection, refused=token)
            return await self._once(token, verb, path, params, body, most_bytes)

    async def _once(
        self, token: str, verb: str, path: str, params: Iterable[tuple[str, str]], body: Any, most_bytes: int
    ) -> HttpAnswer:
        kind = {"Content-Type": "application/json"} if body is not None else {}
        return await self._session.request(
            GMAIL,
            verb,
            self._mailbox + path,
            seconds=self._seconds,
            headers={"Authorization": f"Bearer {token}"} | kind,
            params=list(params),
            body=json.dumps(body).encode() if body is not None else None,
            most_bytes=most_bytes,
        )


async def _all(calls: Iterable[Any]) -> list[Any]:
    """The results of calls made side by side, in order; raises the first problem when all are over."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for problem in answers:
        if isinstance(problem, BaseException):
            raise problem
    return answers


def _message(draft: DraftMail) -> dict[str, str]:
    from gmail_client.draft_mime import mime_of

    thread = {"threadId": draft.thread_id} if draft.thread_id else {}
    return {"raw": urlsafe_b64encode(mime_of(draft)).decode("ascii")} | thread
