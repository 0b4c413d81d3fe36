"""What the page does with mail itself: drafts and sending, labels, undoing, importing files. Part of the desk's JSON API."""

import asyncio
import json
import tempfile
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.desk import compose_mail, mail_view
from sandbox.desk.compose_mail import RECIPIENTS, BadRecipient, TooMuchToSave, Unshown
from sandbox.desk.import_mail import Imported, NoMail, import_in_thread
from sandbox.desk.packed_folder import unpack
from sandbox.desk.request_body import BadBody, body_of, text, texts
from sandbox.google import mail_parts
from sandbox.google.delivery import NobodyToSendTo, send
from sandbox.google.mail_folder import Draft, Label, MailFolder
from sandbox.google.world import Account, World

HOWS = ("reply", "reply_all", "forward")


def mail_routes(world: World) -> list[web.AbstractRouteDef]:
    """Routes below /desk/{account}."""
    mail = _Mail(world)
    account = "/desk/{account}"
    return [
        web.post(account + "/labels", mail.create_label),
        web.post(account + "/labels/{label}", mail.change_label),
        web.post(account + "/labels/{label}/delete", mail.delete_label),
        web.post(account + "/modify", mail.modify),
        web.post(account + "/undo", mail.undo),
        web.get(account + "/mails/{mail}/answer", mail.answer),
        web.get(account + "/mails/{mail}/draft", mail.draft_of),
        web.post(account + "/clean", mail.clean),
        web.post(account + "/drafts", mail.save_draft),
        web.post(account + "/drafts/restore", mail.restore_draft),
        web.get(account + "/drafts/{draft}", mail.draft),
        web.post(account + "/drafts/{draft}/send", mail.send_draft),
        web.post(account + "/drafts/{draft}/discard", mail.discard_draft),
        web.post(account + "/import", mail.take_file),
    ]


class _Mail:
    """The answers. Mailboxes block, so they are asked in threads."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def create_label(self, request: web.Request) -> web.Response:
        mailbox, body = self._mailbox(request), await body_of(request)
        label = await asyncio.to_thread(mailbox.create_label, Label("", text(body, "name")))
        return web.json_response({"id": label.id, "name": label.name})

    async def change_label(self, request: web.Request) -> web.Response:
        """Another name or colour. Labels nested below a renamed one move with it."""
        mailbox, body = self._mailbox(request), await body_of(request)
        await asyncio.to_thread(_change_label, mailbox, request.match_info["label"], body)
        return web.json_response({})

    async def delete_label(self, request: web.Request) -> web.Response:
        """With the labels nested below it; the mail stays."""
        await asyncio.to_thread(_delete_label, self._mailbox(request), request.match_info["label"])
        return web.json_response({})

    async def modify(self, request: web.Request) -> web.Response:
        """Labels of whole threads; the answer is what `undo` wants to put them back."""
        mailbox, body = self._mailbox(request), await body_of(request)
        before = await asyncio.to_thread(
            mail_view.modify_threads, mailbox, texts(body, "ids"), texts(body, "add"), texts(body, "remove")
        )
        return web.json_response({"before": before})

    async def undo(self, request: web.Request) -> web.Response:
        mailbox, body = self._mailbox(request), await body_of(request)
        before = body.get("before")
        if not isinstance(before, dict):
            raise BadBody("before should name messages and their labels.")
        labels = {mail_id: texts(before, mail_id) for mail_id in before}
        await asyncio.to_thread(mail_view.put_back, mailbox, labels, [*texts(body, "add"), *texts(body, "remove")])
        return web.json_response({})

    async def answer(self, request: web.Request) -> web.Response:
        """How a reply or a forwarded mail begins."""
        account, mailbox = self._account(request), self._mailbox(request)
        how = _how(request.query.get("how", ""))
        return web.json_response(await asyncio.to_thread(_answer, account, mailbox, request.match_info["mail"], how))

    async def draft_of(self, request: web.Request) -> web.Response:
        mailbox = self._mailbox(request)
        draft = await asyncio.to_thread(mailbox.draft_of, request.match_info["mail"])
        return web.json_response(await asyncio.to_thread(_draft, mailbox, draft))

    async def draft(self, request: web.Request) -> web.Response:
        mailbox = self._mailbox(request)
        draft = await asyncio.to_thread(mailbox.draft, request.match_info["draft"])
        return web.json_response(await asyncio.to_thread(_draft, mailbox, draft))

    async def clean(self, request: web.Request) -> web.Response:
        """An add-on's HTML, reduced to what a draft may hold."""
        html = text(await body_of(request), "html")
        if len(html) > compose_mail.LONGEST_HTML:
            raise BadBody(f"This is longer than a draft may be: at most {compose_mail.LONGEST_HTML:,} characters.")
        return web.json_response({"html": await asyncio.to_thread(compose_mail.clean, html)})

    async def save_draft(self, request: web.Request) -> web.Response:
        account, mailbox, body = self._account(request), self._mailbox(request), await body_of(request)
        try:
            draft = await asyncio.to_thread(_save, account, mailbox, body, self._world.clock())
        except TooMuchToSave as much:
            raise BadBody(str(much)) from much
        return web.json_response({"id": draft.id, "thread": draft.message.thread_id})

    async def send_draft(self, request: web.Request) -> web.Response:
        account, mailbox, body = self._account(request), self._mailbox(request), await body_of(request)
        try:
            await asyncio.to_thread(_check_recipients, body)
            draft = await asyncio.to_thread(
                _save, account, mailbox, {**body, "id": request.match_info["draft"]}, self._world.clock()
            )
            sent = await asyncio.to_thread(send, self._world, account, mailbox.raw(draft.message.id), draft.message.thread_id)
        except (BadRecipient, TooMuchToSave) as bad:
            raise BadBody(str(bad)) from bad
        except NobodyToSendTo:
            raise BadBody("Please name at least one recipient.") from None
        await asyncio.to_thread(mailbox.delete_draft, draft.id)
        return web.json_response({"thread": sent.thread_id})

    async def discard_draft(self, request: web.Request) -> web.Response:
        """The answer is what `restore_draft` wants to bring it back."""
        mailbox = self._mailbox(request)
        draft = await asyncio.to_thread(mailbox.draft, request.match_info["draft"])
        raw = await asyncio.to_thread(mailbox.raw, draft.message.id)
        await asyncio.to_thread(mailbox.delete_draft, draft.id)
        return web.json_response({"mail": b64encode(raw).decode()})

    async def restore_draft(self, request: web.Request) -> web.Response:
        """Its own references put it back into its thread."""
        mailbox, body = self._mailbox(request), await body_of(request)
        try:
            raw = b64decode(text(body, "mail"), validate=True)
        except ValueError as bad:
            raise BadBody("mail should be a draft's bytes in base 64.") from bad
        draft = await asyncio.to_thread(mailbox.create_draft, raw)
        return web.json_response(await asyncio.to_thread(_draft, mailbox, draft))

    async def take_file(self, request: web.Request) -> web.StreamResponse:
        """Import the request's body: a file, or with ?folder=1 a packed folder. The answer comes line by line: {done, total} while it
        goes on, at the end {mails, already, odd} or {error}."""
        account, mailbox = self._account(request), self._mailbox(request)
        with tempfile.TemporaryDirectory(dir=self._world.folder) as folder:
            file = Path(folder) / "upload"
            with file.open("wb") as upload:
                async for some in request.content.iter_chunked(1 << 18):
                    await asyncio.to_thread(upload.write, some)
            if "folder" in request.query:
                await asyncio.to_thread(unpack, file, Path(folder) / "unpacked")
                file.unlink()
                file = Path(folder) / "unpacked"
            answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "X-Content-Type-Options": "nosniff"})
            await answer.prepare(request)
            lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
            loop = asyncio.get_running_loop()

            def tell(done: int, total: int) -> None:
                loop.call_soon_threadsafe(lines.put_nowait, {"done": done, "total": total})

            work = asyncio.create_task(import_in_thread(file, mailbox, self._world.clock(), account.addresses, tell))
            work.add_done_callback(lambda done: lines.put_nowait(_told(done)))
            try:
                while "done" in (line := await lines.get()):
                    await answer.write(json.dumps(line).encode() + b"\n")
                await answer.write(json.dumps(line).encode() + b"\n")
            finally:
                work.cancel()
            return answer

    def _account(self, request: web.Request) -> Account:
        return self._world.account(request.match_info["account"])

    def _mailbox(self, request: web.Request) -> MailFolder:
        return self._world.mailbox(request.match_info["account"])


def _told(work: "asyncio.Task[Imported]") -> dict[str, Any]:
    """The last line of an import."""
    if work.cancelled():
        return {"error": "The import was stopped."}
    failed = work.exception()
    if isinstance(failed, NoMail):
        return {"error": "There is no mail in it: it is neither a mailbox file, nor a mail, nor a folder of them."}
    if failed:
        return {"error": "It could not be read."}
    imported = work.result()
    return {"mails": imported.mails, "already": imported.already, "odd": dict(imported.odd.most_common())}


def _how(said: str) -> str:
    if said not in HOWS:
        raise BadBody(f"A mail is answered by one of {', '.join(HOWS)}.")
    return said


def _answer(account: Account, mailbox: MailFolder, message_id: str, how: str) -> dict[str, Any]:
    message, mail = mailbox.message(message_id), mail_parts.read(mailbox.raw(message_id))
    files = _files(mail) if how == "forward" else []
    received_at = int(message.received_at.timestamp() * 1000)
    return {**compose_mail.answer_to(mail, account, how), "files": files, "received_at": received_at}


def _check_recipients(body: dict[str, Any]) -> None:
    """Raises BadRecipient."""
    for name in RECIPIENTS:
        compose_mail.recipients(text(body, name))


def _draft(mailbox: MailFolder, draft: Draft) -> dict[str, Any]:
    mail = mail_parts.read(mailbox.raw(draft.message.id))
    return {"id": draft.id, "thread": draft.message.thread_id, "files": _files(mail), **compose_mail.written_of(mail)}


def _files(mail: mail_parts.Part) -> list[str]:
    return [mail_view.file_name(part) for part in mail.walk() if part.is_attachment]


def _save(account: Account, mailbox: MailFolder, body: dict[str, Any], now: datetime) -> Draft:
    """Make the draft, or change the one that `id` names. A new one may answer the mail `answers`, as `how` says."""
    written = compose_mail.written_from(body)
    if draft_id := text(body, "id"):
        before = mailbox.draft(draft_id).message
        unshown = compose_mail.unshown_of(mail_parts.read(mailbox.raw(before.id)))
        return mailbox.change_draft(draft_id, compose_mail.mail_bytes(account, written, unshown, now))
    if not (answered := text(body, "answers")):
        return mailbox.create_draft(compose_mail.mail_bytes(account, written, Unshown(), now))
    how = _how(text(body, "how"))
    message = mailbox.message(answered)
    unshown = compose_mail.unshown_of_answer(mail_parts.read(mailbox.raw(answered)), how)
    raw = compose_mail.mail_bytes(account, written, unshown, now)
    return mailbox.create_draft(raw, "" if how == "forward" else message.thread_id)


def _change_label(mailbox: MailFolder, label_id: str, body: dict[str, Any]) -> None:
    label = mailbox.label(label_id)
    name = text(body, "name", label.name).strip()
    colours = text(body, "background", label.background), text(body, "text", label.text)
    mailbox.change_label(replace(label, name=name, background=colours[0], text=colours[1]))
    for other in _below(mailbox, label.name):
        mailbox.change_label(replace(other, name=name + other.name[len(label.name) :]))


def _delete_label(mailbox: MailFolder, label_id: str) -> None:
    below = _below(mailbox, mailbox.label(label_id).name)
    for label in (label_id, *(other.id for other in below)):
        mailbox.delete_label(label)


def _below(mailbox: MailFolder, name: str) -> list[Label]:
    return [other for other in mailbox.labels() if not other.system and other.name.startswith(f"{name}/")]
