"""Gmail's REST API over the mailboxes of a world (https://developers.google.com/workspace/gmail/api/reference/rest): a call in,
an answer out, the same for a request of its own and for a part of a batch."""

import asyncio
import base64
import binascii
import html
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sandbox.google import api_description, calls, mail_parts, partial_response
from sandbox.google.delivery import NobodyToSendTo, send
from sandbox.google.faults import AnswerStatus
from sandbox.google.google_side import MAIL_SCOPE, SCOPE, Access, BadToken
from sandbox.google.mail_folder import (
    BadPageToken,
    Change,
    Draft,
    HistoryExpired,
    InvalidLabel,
    Label,
    LabelTaken,
    MailFolder,
    Message,
    NewMail,
    NoSuchLabel,
    NoSuchMail,
    Thread,
)
from sandbox.google.quota import UNITS, OverQuota, TooManyAtOnce
from sandbox.google.world import Account, World

Json = dict[str, Any]

MOST_IN_A_BATCH_CHANGE = 1_000
LARGEST_PAGE = 500
WATCH_LASTS = timedelta(days=7)

_SENDING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Call:
    """A request: path with its leading / ("/gmail/v1/…" or "/upload/gmail/v1/…"), query in order, headers by lower-case name."""

    verb: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What goes back; `body` None is an empty answer."""

    status: int
    body: Json | None
    headers: Mapping[str, str] = field(default_factory=dict)


class GoogleError(Exception):
    """An error in Google's form (https://developers.google.com/workspace/gmail/api/guides/handle-errors)."""

    def __init__(self, code: int, reason: str, message: str, status: str, location: str = "") -> None:
        super().__init__(message)
        self.code = code
        detail = {"message": message, "domain": "usageLimits" if "LimitExceeded" in reason else "global", "reason": reason}
        if location:
            detail |= {"location": location, "locationType": "header" if location == "Authorization" else "parameter"}
        self.body: Json = {"error": {"code": code, "message": message, "errors": [detail], "status": status}}

    def with_info(self, reason: str, **metadata: str) -> "GoogleError":
        """The same, with an ErrorInfo among its details (https://cloud.google.com/apis/design/errors#error_info)."""
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
        self.body["error"]["details"] = [info | {"metadata": {"service": "gmail.googleapis.com", **metadata}}]
        return self

    def answer(self) -> ApiAnswer:
        """As an answer."""
        headers = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'} if self.code == 401 else {}  # noqa: PLR2004
        return ApiAnswer(self.code, self.body, headers)


async def answer(world: World, call: Call) -> ApiAnswer:
    """Answer one call: who is it, may they, what does it cost, then do it. Raises sandbox.google.faults.Dropped and AnswerHtml."""
    found = api_description.gmail().find(call.verb, call.path.removeprefix("/upload"))
    name = found[0].name if found else f"{call.verb} {call.path}"
    with world.calls.calling(name, call.headers.get("traceparent", "")) as record:
        reply = await _answer(world, call, found, record) if found else _not_found().answer()
        record.status = reply.status
    return reply


async def _answer(
    world: World, call: Call, found: tuple[api_description.Method, Mapping[str, str]], record: calls.Call
) -> ApiAnswer:
    method, path = found
    try:
        access = _access(world, call)
        account = _account(world, access, path["userId"])
        record.address = account.address
        await world.faults.meet("way to gmail", method.name)
        with world.quota.seat(account.address):
            answering = await world.faults.meet("gmail", method.name, path.get("id", ""))
            request = _request(world, account, access, method, path, call)
            units = UNITS.get(method.name, 1)
            world.quota.bill(account.address, units)
            record.units = units
            result = _selected(await asyncio.to_thread(_done, request), request)
            answering()
        return ApiAnswer(204, None) if result is None else ApiAnswer(200, result)
    except GoogleError as error:
        return error.answer()
    except TooManyAtOnce:
        return _limit(429, "Too many concurrent requests for user").answer()
    except OverQuota as over:
        return _over_quota(world, over).answer()
    except AnswerStatus as fault:
        return _error_of(fault).answer()


@dataclass(frozen=True, slots=True)
class _Request:
    """What a method's function gets: the parameters of path and query, the JSON body, an uploaded mail."""

    world: World
    account: Account
    access: Access
    method: api_description.Method
    path: Mapping[str, str]
    parameters: Mapping[str, Any]
    body: Json
    upload: bytes | None
    message_token: str

    @property
    def folder(self) -> MailFolder:
        return self.world.mailbox(self.account.address)

    @property
    def most(self) -> int:
        most: int = self.parameters["maxResults"]
        return min(max(1, most), LARGEST_PAGE)

    def may(self, *scopes: str) -> bool:
        """Whether one of these scopes (short names) is granted."""
        return bool({MAIL_SCOPE, *(SCOPE + scope for scope in scopes)} & self.access.scopes)


def _access(world: World, call: Call) -> Access:
    kind, _, token = call.headers.get("authorization", "").partition(" ")
    token = token.strip() if kind.lower() == "bearer" else dict(call.query).get("access_token", "")
    try:
        access = world.google.access(token)
    except BadToken:
        raise _unauthenticated() from None
    standing = world.standing(access.address)
    if standing == "suspended":
        raise _unauthenticated().with_info("ACCOUNT_STATE_INVALID", email=access.address)
    if standing == "deleted":
        raise _unauthenticated()
    return access


def _unauthenticated() -> GoogleError:
    return GoogleError(
        401,
        "authError",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid"
        " authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        "UNAUTHENTICATED",
        "Authorization",
    )


def _account(world: World, access: Access, user_id: str) -> Account:
    mailboxes = {account.address: account for account in world.accounts()}
    if access.address not in mailboxes:
        raise GoogleError(400, "failedPrecondition", "Precondition check failed.", "FAILED_PRECONDITION")
    if user_id.lower() not in ("me", access.address.lower()):
        raise GoogleError(403, "forbidden", f"Delegation denied for {access.address}", "PERMISSION_DENIED")
    return mailboxes[access.address]


def _request(
    world: World, account: Account, access: Access, method: api_description.Method, path: Mapping[str, str], call: Call
) -> _Request:
    """Raises GoogleError when the scopes do not suffice, or the method does not have these parameters or this body."""
    if not method.scopes & access.scopes:
        message = "Request had insufficient authentication scopes."
        refused = GoogleError(403, "insufficientPermissions", message, "PERMISSION_DENIED")
        raise refused.with_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", method=method.name)
    try:
        parameters = api_description.gmail().parameters(method, call.query)
        body, upload = _body(method, call)
        api_description.gmail().check_fields(method.response, _fields(parameters))
    except (api_description.BadParameter, partial_response.BadFields) as refused:
        raise _invalid(str(refused)) from refused
    token = call.headers.get("x-goog-gmail-access-token", "")
    path = {name: world.google.message_told_as(token, account.address, value) for name, value in path.items()}
    request = _Request(world, account, access, method, path, parameters, body, upload, token)
    _check_reading(request)
    return request


def _fields(parameters: Mapping[str, Any]) -> partial_response.Tree:
    return partial_response.parse(parameters["fields"]) if parameters.get("fields") else {}


def _body(method: api_description.Method, call: Call) -> tuple[Json, bytes | None]:
    """The JSON, and the mail when one is uploaded (https://developers.google.com/workspace/gmail/api/guides/uploads)."""
    kind = call.headers.get("content-type", "").lower()
    upload = None
    text = call.body
    if call.path.startswith("/upload"):
        if not method.takes_upload:
            raise _not_found()
        text, upload = _uploaded(kind, call)
    if not text.strip() or not method.request:
        return {}, upload
    try:
        body = json.loads(text)
    except ValueError as broken:
        raise _invalid("Invalid JSON payload received. Parsing failed.") from broken
    api_description.gmail().check_body(method.request, body)
    return body, upload


def _uploaded(kind: str, call: Call) -> tuple[bytes, bytes]:
    """JSON and mail of an upload, simple or multipart."""
    if not kind.startswith("multipart/"):
        return b"", call.body
    parts = mail_parts.multipart(call.headers["content-type"], call.body)
    if len(parts) != 2:  # noqa: PLR2004  metadata and media
        raise _invalid(f"Invalid multipart request with {len(parts)} mime parts.")
    return parts[0][1], parts[1][1]


_READING = frozenset(
    {
        "users.messages.get",
        "users.messages.list",
        "users.messages.attachments.get",
        "users.threads.get",
        "users.threads.list",
    }
)


def _check_reading(request: _Request) -> None:
    """What the narrow scopes leave out: no search and no text with gmail.metadata, one message alone for an add-on."""
    if request.method.name not in _READING:
        return
    # Beside a wider scope too: what gmail.metadata leaves out is left out (docs/design.md, Google's facts).
    if SCOPE + "gmail.metadata" in request.access.scopes and MAIL_SCOPE not in request.access.scopes:
        if request.parameters.get("q"):
            raise _forbidden("Metadata scope does not support 'q' parameter")
        _check_metadata_format(request)
        return
    if request.may("gmail.readonly", "gmail.modify"):
        return
    message_id = request.path.get("messageId") or request.path.get("id", "")
    if not request.world.google.opens(request.message_token, request.account.address, message_id.lower()):
        raise _forbidden("Missing access token for per message authorization")
    if not request.may("gmail.addons.current.message.readonly", "gmail.addons.current.message.action"):
        _check_metadata_format(request)


def _check_metadata_format(request: _Request) -> None:
    if request.parameters.get("format") in ("full", "raw"):
        raise _forbidden(f"Metadata scope doesn't allow format {request.parameters['format'].upper()}")


def _done(request: _Request) -> Json | None:
    """The method's own work; what the mail folder refuses becomes Google's error."""
    function = METHODS.get(request.method.name)
    if not function:
        raise GoogleError(501, "notImplemented", f"{request.method.name} is not part of the sandbox.", "UNIMPLEMENTED")
    try:
        return function(request)
    except NoSuchMail as missing:
        raise _not_found() from missing
    except HistoryExpired as missing:
        raise _not_found() from missing
    except NoSuchLabel as missing:
        if request.method.name.startswith("users.labels."):
            raise _not_found() from missing
        raise _invalid(f"Invalid label: {missing}") from missing
    except LabelTaken as taken:
        raise GoogleError(409, "aborted", str(taken), "ABORTED") from taken
    except InvalidLabel as invalid:
        raise _invalid(str(invalid)) from invalid
    except BadPageToken as bad:
        raise _invalid("Invalid pageToken") from bad


def _selected(result: Json | None, request: _Request) -> Json | None:
    selected: Json | None = partial_response.select(_fields(request.parameters), result)
    return selected


def _not_found() -> GoogleError:
    return GoogleError(404, "notFound", "Requested entity was not found.", "NOT_FOUND")


def _invalid(message: str) -> GoogleError:
    return GoogleError(400, "invalidArgument", message, "INVALID_ARGUMENT")


def _forbidden(message: str) -> GoogleError:
    return GoogleError(403, "forbidden", message, "PERMISSION_DENIED")


def _limit(code: int, message: str) -> GoogleError:
    if code == 403:  # noqa: PLR2004
        return GoogleError(403, "userRateLimitExceeded", message, "PERMISSION_DENIED")
    return GoogleError(429, "rateLimitExceeded", message, "RESOURCE_EXHAUSTED")


def _over_quota(world: World, over: OverQuota) -> GoogleError:
    return _limit(world.quota.refuse_with, f"User-rate limit exceeded.  Retry after {over.free_at:%Y-%m-%dT%H:%M:%S.000Z}")


def _error_of(fault: AnswerStatus) -> GoogleError:
    """The error of a fault on request."""
    status = fault.status
    if fault.reason:
        return GoogleError(status, fault.reason, "The domain administrators have disabled Gmail apps.", "PERMISSION_DENIED")
    if status in (429, 403):
        return _limit(status, "User-rate limit exceeded.  Retry later.")
    if status == 503:  # noqa: PLR2004
        return GoogleError(503, "backendError", "The service is currently unavailable.", "UNAVAILABLE")
    return GoogleError(status, "backendError", "Internal error encountered.", "INTERNAL")


def _profile(request: _Request) -> Json:
    messages, threads, history_id = request.folder.totals()
    return {
        "emailAddress": request.account.address,
        "messagesTotal": messages,
        "threadsTotal": threads,
        "historyId": str(history_id),
    }


def _list_messages(request: _Request) -> Json:
    page = request.folder.messages(**_listing(request))
    messages = [{"id": message.id, "threadId": message.thread_id} for message in page.messages]
    return _page("messages", messages, page.next_page_token) | {"resultSizeEstimate": page.estimate}


def _list_threads(request: _Request) -> Json:
    page = request.folder.threads(**_listing(request))
    threads = [
        {"id": thread.id, "snippet": _snippet(thread.messages[-1]), "historyId": str(thread.history_id)}
        for thread in page.threads
    ]
    return _page("threads", threads, page.next_page_token) | {"resultSizeEstimate": page.estimate}


def _listing(request: _Request) -> Json:
    parameters = request.parameters
    return {
        "q": parameters.get("q", ""),
        "label_ids": parameters.get("labelIds", ()),
        "include_spam_trash": parameters["includeSpamTrash"],
        "most": request.most,
        "page_token": parameters.get("pageToken", ""),
    }


def _page(name: str, items: list[Json], token: str) -> Json:
    """An empty list is not there at all, in Google's answers."""
    return ({name: items} if items else {}) | ({"nextPageToken": token} if token else {})


def _get_message(request: _Request) -> Json:
    message = request.folder.message(request.path["id"])
    return _message_json(request.folder, message, request.parameters["format"], request.parameters["metadataHeaders"])


def _get_thread(request: _Request) -> Json:
    thread = request.folder.thread(request.path["id"])
    wanted, names = request.parameters["format"], request.parameters["metadataHeaders"]
    messages = [_message_json(request.folder, message, wanted, names) for message in thread.messages]
    return {"id": thread.id, "historyId": str(thread.history_id), "messages": messages}


def _message_json(folder: MailFolder, message: Message, wanted: str, header_names: list[str]) -> Json:
    """`wanted` is minimal, metadata, full or raw."""
    facts = _short(message) | {
        "snippet": _snippet(message),
        "historyId": str(message.history_id),
        "internalDate": str(int(message.received_at.timestamp() * 1000)),
        "sizeEstimate": message.size,
    }
    if wanted == "raw":
        return facts | {"raw": base64.urlsafe_b64encode(folder.raw(message.id)).decode("ascii")}
    if wanted == "metadata":
        head = mail_parts.read(folder.head(message.id))
        names = {name.lower() for name in header_names}
        headers = [(name, value) for name, value in head.headers if not names or name.lower() in names]
        return facts | {"payload": {"mimeType": head.mime_type, "headers": _headers(headers)}}
    if wanted == "full":
        return facts | {"payload": _part(mail_parts.read(folder.raw(message.id)))}
    return facts


def _short(message: Message) -> Json:
    labels = {"labelIds": list(message.label_ids)} if message.label_ids else {}
    return {"id": message.id, "threadId": message.thread_id, **labels}


def _snippet(message: Message) -> str:
    return html.escape(message.snippet).replace("&#x27;", "&#39;")


def _headers(headers: "list[tuple[str, str]]") -> list[Json]:
    return [{"name": name, "value": value} for name, value in headers]


def _part(part: mail_parts.Part) -> Json:
    body: Json = {"size": len(part.content)}
    if part.is_attachment and part.content:
        body = {"attachmentId": _new_attachment_id(part.part_id), **body}
    elif part.content:
        body["data"] = base64.urlsafe_b64encode(part.content).decode("ascii")
    inner = {"parts": [_part(child) for child in part.parts]} if part.parts else {}
    return {
        "partId": part.part_id,
        "mimeType": part.mime_type,
        "filename": part.filename,
        "headers": _headers(list(part.headers)),
        "body": body,
        **inner,
    }


def _new_attachment_id(part_id: str) -> str:
    """As long as Gmail's, and as there another one each time that the mail is read; all of them are good."""
    return f"ANGjdJ{secrets.token_urlsafe(180)}_{base64.urlsafe_b64encode(part_id.encode()).decode('ascii').rstrip('=')}"


def _part_id_of(attachment_id: str) -> str:
    encoded = attachment_id.rpartition("_")[2]
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError:
        raise _invalid("Invalid attachment token") from None


def _get_attachment(request: _Request) -> Json:
    mail = mail_parts.read(request.folder.raw(request.path["messageId"]))
    part_id = _part_id_of(request.path["id"])
    for part in mail.walk():
        if part.is_attachment and part.part_id == part_id:
            return {"size": len(part.content), "data": base64.urlsafe_b64encode(part.content).decode("ascii")}
    raise _not_found()


def _insert(request: _Request) -> Json:
    raw, labels, thread_id = _new_mail(request, request.body)
    received = _received(request, raw)
    return _short(_added(request, NewMail(raw, received, labels, thread_id)))


def _import(request: _Request) -> Json:
    """As `insert`, but into the inbox when no label is given."""
    raw, labels, thread_id = _new_mail(request, request.body)
    received = _received(request, raw)
    return _short(_added(request, NewMail(raw, received, labels or ("INBOX", "UNREAD"), thread_id)))


def _added(request: _Request, mail: NewMail) -> Message:
    return request.folder.message(request.folder.add([mail])[0])


def _received(request: _Request, raw: bytes) -> datetime:
    now = request.world.clock()
    if request.parameters["internalDateSource"] == "receivedTime":
        return now
    return mail_parts.date_of(raw) or now


def _new_mail(request: _Request, message: Json) -> tuple[bytes, tuple[str, ...], str]:
    """Bytes, label ids and thread id of a Message resource, or of an upload."""
    labels, thread_id = tuple(message.get("labelIds") or ()), message.get("threadId") or ""
    if request.upload is not None:
        return request.upload, labels, thread_id
    if not message.get("raw"):
        raise _invalid("'raw' RFC822 payload message string or uploading message via /upload/* URL required")
    return _from_base64(message["raw"]), labels, thread_id


def _from_base64(text: str) -> bytes:
    plain = text.strip().replace("+", "-").replace("/", "_").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars="-_", validate=True)
    except (binascii.Error, ValueError) as broken:
        raise _invalid("Invalid value at 'message.raw' (TYPE_BYTES), Base64 decoding failed") from broken


def _send(request: _Request) -> Json:
    raw, _, thread_id = _new_mail(request, request.body)
    return _short(_sent(request, raw, thread_id))


def _sent(request: _Request, raw: bytes, thread_id: str) -> Message:
    """Keep the mail as sent, and let it arrive in this world's mailboxes that it is to."""
    try:
        return send(request.world, request.account, raw, thread_id)
    except NobodyToSendTo:
        raise _invalid("Recipient address required") from None


def _modify_message(request: _Request) -> Json:
    request.folder.message(request.path["id"])
    _modify(request, [request.path["id"]])
    return _short(request.folder.message(request.path["id"]))


def _modify_thread(request: _Request) -> Json:
    _modify(request, [message.id for message in request.folder.thread(request.path["id"]).messages])
    return _thread_json(request.folder.thread(request.path["id"]))


def _batch_modify(request: _Request) -> None:
    ids = request.body.get("ids") or []
    if not 0 < len(ids) <= MOST_IN_A_BATCH_CHANGE:
        raise _invalid(f"ids must be between 1 and {MOST_IN_A_BATCH_CHANGE}")
    _modify(request, ids)


def _modify(request: _Request, ids: list[str]) -> None:
    add, remove = request.body.get("addLabelIds") or [], request.body.get("removeLabelIds") or []
    if not add and not remove:
        raise _invalid("No label add or removes specified")
    if set(add) & set(remove):
        raise _invalid("Cannot both add and remove the same label")
    for label in (*add, *remove):
        if label in ("SENT", "DRAFT"):
            raise _invalid(f"Invalid label: {label}")
    request.folder.modify(ids, add, remove)


def _thread_json(thread: Thread) -> Json:
    messages = [_short(message) for message in thread.messages]
    return {"id": thread.id, "messages": messages}


def _batch_delete(request: _Request) -> None:
    ids = request.body.get("ids") or []
    if len(ids) > MOST_IN_A_BATCH_CHANGE:
        raise _invalid(f"ids must be between 1 and {MOST_IN_A_BATCH_CHANGE}")
    request.folder.delete(ids)


def _delete_message(request: _Request) -> None:
    request.folder.delete([request.folder.message(request.path["id"]).id])


def _trash_message(request: _Request) -> Json:
    request.folder.trash([request.folder.message(request.path["id"]).id])
    return _short(request.folder.message(request.path["id"]))


def _untrash_message(request: _Request) -> Json:
    request.folder.untrash([request.folder.message(request.path["id"]).id])
    return _short(request.folder.message(request.path["id"]))


def _trash_thread(request: _Request) -> Json:
    request.folder.trash([message.id for message in request.folder.thread(request.path["id"]).messages])
    return _thread_json(request.folder.thread(request.path["id"]))


def _untrash_thread(request: _Request) -> Json:
    request.folder.untrash([message.id for message in request.folder.thread(request.path["id"]).messages])
    return _thread_json(request.folder.thread(request.path["id"]))


def _delete_thread(request: _Request) -> None:
    request.folder.delete([message.id for message in request.folder.thread(request.path["id"]).messages])


def _list_labels(request: _Request) -> Json:
    return {"labels": [_label_json(label) for label in request.folder.labels()]}


def _get_label(request: _Request) -> Json:
    return _counted_label(request, request.folder.label(request.path["id"]))


def _create_label(request: _Request) -> Json:
    return _label_json(request.folder.create_label(_label(request.body, Label("", ""))))


def _update_label(request: _Request) -> Json:
    before = request.folder.label(request.path["id"])
    return _label_json(request.folder.change_label(_label(request.body, Label(before.id, ""))))


def _patch_label(request: _Request) -> Json:
    return _label_json(request.folder.change_label(_label(request.body, request.folder.label(request.path["id"]))))


def _delete_label(request: _Request) -> None:
    request.folder.delete_label(request.path["id"])


def _label(body: Json, before: Label) -> Label:
    color = body.get("color") or {}
    return replace(
        before,
        name=body.get("name", before.name) or "",
        label_list=body.get("labelListVisibility", before.label_list),
        message_list=body.get("messageListVisibility", before.message_list),
        background=color.get("backgroundColor", before.background),
        text=color.get("textColor", before.text),
    )


def _label_json(label: Label) -> Json:
    given = {"messageListVisibility": label.message_list, "labelListVisibility": label.label_list}
    color = {"color": {"textColor": label.text, "backgroundColor": label.background}} if label.background else {}
    facts = {name: value for name, value in given.items() if value}
    return {"id": label.id, "name": label.name, **facts, "type": "system" if label.system else "user", **color}


def _counted_label(request: _Request, label: Label) -> Json:
    counts = request.folder.counts().get(label.id)
    return _label_json(label) | {
        "messagesTotal": counts.messages if counts else 0,
        "messagesUnread": counts.unread_messages if counts else 0,
        "threadsTotal": counts.threads if counts else 0,
        "threadsUnread": counts.unread_threads if counts else 0,
    }


def _list_history(request: _Request) -> Json:
    parameters = request.parameters
    if "startHistoryId" not in parameters:
        raise _invalid("Missing required parameter: startHistoryId")
    kinds, label = parameters["historyTypes"], parameters.get("labelId", "")
    page = request.folder.history(parameters["startHistoryId"], kinds, label, request.most, parameters.get("pageToken", ""))
    records = [_change_json(change) for change in page.changes]
    return _page("history", records, page.next_page_token) | {"historyId": str(page.history_id)}


def _change_json(change: Change) -> Json:
    ids = {"id": change.message_id, "threadId": change.thread_id}
    message = ids | ({"labelIds": list(change.labels_now)} if change.labels_now else {})
    about: Json = {"message": message}
    if change.kind in ("labelAdded", "labelRemoved"):
        about["labelIds"] = list(change.label_ids)
    name = {"labelAdded": "labelsAdded", "labelRemoved": "labelsRemoved"}.get(change.kind) or change.kind.replace(
        "message", "messages"
    )
    return {"id": str(change.id), "messages": [ids], name: [about]}


def _list_drafts(request: _Request) -> Json:
    drafts, page = request.folder.drafts(
        request.parameters.get("q", ""),
        request.parameters["includeSpamTrash"],
        request.most,
        request.parameters.get("pageToken", ""),
    )
    items = [{"id": draft.id, "message": {"id": draft.message.id, "threadId": draft.message.thread_id}} for draft in drafts]
    return _page("drafts", items, page.next_page_token) | {"resultSizeEstimate": page.estimate}


def _get_draft(request: _Request) -> Json:
    draft = request.folder.draft(request.path["id"])
    return {"id": draft.id, "message": _message_json(request.folder, draft.message, request.parameters["format"], [])}


def _create_draft(request: _Request) -> Json:
    raw, _, thread_id = _new_mail(request, request.body.get("message") or {})
    return _draft_json(request.folder.create_draft(raw, thread_id))


def _update_draft(request: _Request) -> Json:
    draft = request.folder.draft(request.path["id"])
    raw, _, thread_id = _new_mail(request, request.body.get("message") or {})
    return _draft_json(request.folder.change_draft(draft.id, raw, thread_id))


def _draft_json(draft: Draft) -> Json:
    return {"id": draft.id, "message": _short(draft.message)}


def _delete_draft(request: _Request) -> None:
    request.folder.delete_draft(request.path["id"])


def _send_draft(request: _Request) -> Json:
    """The draft is gone afterwards; what was sent is a new message, as in Gmail. Of several at once the first alone finds it."""
    message = request.body.get("message") or {}
    if not request.body.get("id"):
        raise _invalid("Invalid draft")
    with _SENDING:
        draft = request.folder.draft(request.body["id"])
        new = message.get("raw") or request.upload is not None
        raw = _new_mail(request, message)[0] if new else request.folder.raw(draft.message.id)
        sent = _sent(request, raw, draft.message.thread_id)
        request.folder.delete_draft(draft.id)
    return _short(sent)


def _list_send_as(request: _Request) -> Json:
    return {"sendAs": [_send_as_json(request.account, address) for address in request.account.addresses]}


def _get_send_as(request: _Request) -> Json:
    for address in request.account.addresses:
        if address.lower() == request.path["sendAsEmail"].lower():
            return _send_as_json(request.account, address)
    raise _not_found()


def _send_as_json(account: Account, address: str) -> Json:
    facts: Json = {"sendAsEmail": address, "displayName": account.name, "replyToAddress": "", "signature": account.signature}
    if address == account.address:
        return facts | {"isPrimary": True, "isDefault": True}
    # A name of its own is not asked for: where it is empty the primary address's is used.
    return facts | {"displayName": "", "treatAsAlias": True, "verificationStatus": "accepted"}


def _watch(request: _Request) -> Json:
    """The answer only: nothing is ever published."""
    if not request.body.get("topicName"):
        raise _invalid("Invalid topicName does not match projects/sandbox/topics/*")
    expires = request.world.clock() + WATCH_LASTS
    return {"historyId": str(request.folder.newest_history_id()), "expiration": str(int(expires.timestamp() * 1000))}


def _stop(request: _Request) -> None:
    """There is nothing to stop."""


METHODS: Mapping[str, Callable[[_Request], Json | None]] = {
    "users.getProfile": _profile,
    "users.watch": _watch,
    "users.stop": _stop,
    "users.messages.list": _list_messages,
    "users.messages.get": _get_message,
    "users.messages.insert": _insert,
    "users.messages.import": _import,
    "users.messages.send": _send,
    "users.messages.modify": _modify_message,
    "users.messages.batchModify": _batch_modify,
    "users.messages.batchDelete": _batch_delete,
    "users.messages.delete": _delete_message,
    "users.messages.trash": _trash_message,
    "users.messages.untrash": _untrash_message,
    "users.messages.attachments.get": _get_attachment,
    "users.threads.list": _list_threads,
    "users.threads.get": _get_thread,
    "users.threads.modify": _modify_thread,
    "users.threads.trash": _trash_thread,
    "users.threads.untrash": _untrash_thread,
    "users.threads.delete": _delete_thread,
    "users.labels.list": _list_labels,
    "users.labels.get": _get_label,
    "users.labels.create": _create_label,
    "users.labels.update": _update_label,
    "users.labels.patch": _patch_label,
    "users.labels.delete": _delete_label,
    "users.history.list": _list_history,
    "users.drafts.list": _list_drafts,
    "users.drafts.get": _get_draft,
    "users.drafts.create": _create_draft,
    "users.drafts.update": _update_draft,
    "users.drafts.delete": _delete_draft,
    "users.drafts.send": _send_draft,
    "users.settings.sendAs.list": _list_send_as,
    "users.settings.sendAs.get": _get_send_as,
}
"""Each method's function; what Google has and the sandbox has not answers 501."""
