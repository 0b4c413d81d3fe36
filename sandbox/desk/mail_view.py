"""Mail as the page shows it: labels with counts, threads, one thread whole. Plain JSON out; blocks, as the mailboxes do."""

import re
from collections.abc import Mapping, Sequence
from email.utils import getaddresses
from typing import Any

from sandbox.desk.safe_html import LONGEST, has_remote_images
from sandbox.google import mail_parts
from sandbox.google.mail_folder import Counts, MailFolder, Message, NoSuchMail, Thread
from sandbox.google.world import Account

LONGEST_TEXT = 200_000
"""Characters of a plain text mail that are shown."""

ALL_MAIL = "ALL"
"""The page's name for all mail but spam and trash: no label of Gmail's API."""

_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters that leave no mark of their own, or set the writing's direction."""
_EMOJI = "\u00a9\u00ae\u203c\u2049\u2100-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_JOINING = "\u0620-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17b3\u17b6-\u17ff"
"""Letters of Arabic, Indic, Burmese and Khmer."""
_SHOWN_UNSEEN = re.compile(
    rf"(?P<shown>(?<=[{_EMOJI}])\ufe0f|(?<=[0-9#*])\ufe0f(?=\u20e3)|(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])"
    rf"|(?<=[{_JOINING}])[\u200c\u200d](?=[{_JOINING}])|(?<=[\u3400-\u9fff])[\U000e0100-\U000e01ef]"
    rf"|(?<=\U0001f3f4)[\U000e0061-\U000e007a]{{5}}\U000e007f)|[{_UNSEEN}]"
)
_WITH_SPAM_AND_TRASH = frozenset({"SPAM", "TRASH"})


def labels(mailbox: MailFolder) -> list[dict[str, Any]]:
    """Every label with its counts, and all mail."""
    counts = mailbox.counts()
    listed = [
        {
            "id": label.id,
            "name": label.name,
            "system": label.system,
            "background": label.background,
            **_counts(counts.get(label.id, Counts())),
        }
        for label in mailbox.labels()
    ]
    return [*listed, {"id": ALL_MAIL, "name": "All Mail", "system": True, "threads": mailbox.totals()[1], "unread_threads": 0}]


def _counts(counts: Counts) -> dict[str, int]:
    return {"threads": counts.threads, "unread_threads": counts.unread_threads}


def threads(mailbox: MailFolder, account: Account, *, label: str, q: str, page: int, most: int) -> dict[str, Any]:
    """One page of a list, the first is 1: {threads, next}; `next` is the number of the page after, or ""."""
    label_ids = [label] if label and label != ALL_MAIL else []
    found = mailbox.threads(q, label_ids, label in _WITH_SPAM_AND_TRASH, most, str((page - 1) * most))
    listed = [_in_list(each, account, label) for each in found.threads]
    return {"threads": listed, "next": str(page + 1) if found.next_page_token else ""}


def _in_list(thread: Thread, account: Account, label: str) -> dict[str, Any]:
    """Its date is that of the newest mail under `label`, as the list is in that order."""
    newest = thread.messages[-1]
    dated = next((message for message in reversed(thread.messages) if label in message.label_ids), newest)
    return {
        **_thread(thread),
        "snippet": newest.snippet,
        "received_at": _milliseconds(dated),
        "has_attachment": any(message.has_attachment for message in thread.messages),
        "sent_to": [people(message.to, account) for message in thread.messages if "SENT" in message.label_ids],
        "messages": [_message(message, account) for message in thread.messages],
    }


def _milliseconds(message: Message) -> int:
    return int(message.received_at.timestamp() * 1000)


def thread(mailbox: MailFolder, account: Account, thread_id: str) -> dict[str, Any]:
    """A thread with its mails' texts; by its own id, or by that of any of its mails, as Gmail's links have it. Raises NoSuchMail."""
    try:
        found = mailbox.thread(thread_id)
    except NoSuchMail:
        found = mailbox.thread(mailbox.message(thread_id).thread_id)
    return {**_thread(found), "messages": [_whole(mailbox, message, account) for message in found.messages]}


def _thread(thread: Thread) -> dict[str, Any]:
    label_ids = sorted({label for message in thread.messages for label in message.label_ids})
    return {
        "id": thread.id,
        "subject": thread.messages[0].subject,
        "labels": label_ids,
        "unread": "UNREAD" in label_ids,
        "starred": "STARRED" in label_ids,
    }


def _message(message: Message, account: Account) -> dict[str, Any]:
    sender = people(message.from_, account)
    return {
        "id": message.id,
        "from": sender[0] if sender else {"name": seen(message.from_), "address": "", "me": False},
        "received_at": _milliseconds(message),
        "unread": "UNREAD" in message.label_ids,
        "draft": "DRAFT" in message.label_ids,
        "snippet": message.snippet,
    }


def _whole(mailbox: MailFolder, message: Message, account: Account) -> dict[str, Any]:
    mail = mail_parts.read(mailbox.raw(message.id))
    html = mail_parts.html_text(mail)
    text = "" if html else mail_parts.plain_text(mail, LONGEST_TEXT + 1)
    return {
        **_message(message, account),
        "to": people(message.to, account),
        "cc": people(message.cc, account),
        "html": bool(html),
        "text": text[:LONGEST_TEXT],
        "clipped": len(text) > LONGEST_TEXT or len(html) > LONGEST,
        "remote_images": has_remote_images(html),
        "attachments": [
            {"part": part.part_id, "name": file_name(part), "size": len(part.content)}
            for part in mail.walk()
            if part.is_attachment
        ],
    }


def people(header: str, account: Account) -> list[dict[str, Any]]:
    """The people of an address header, already decoded."""
    own = {address.casefold() for address in account.addresses}
    try:
        pairs = getaddresses([header])
    except (ValueError, IndexError):
        pairs = [(header, "")]
    return [
        {"name": seen(name), "address": re.sub(f"[{_UNSEEN}]", "\ufffd", address), "me": address.casefold() in own}
        for name, address in pairs
        if name or address
    ]


def seen(name: str) -> str:
    """A name without what hides in it or turns its letters round to look like another; joiners that its script or an emoji needs stay."""
    return _SHOWN_UNSEEN.sub(lambda found: found["shown"] or "", name)


def file_name(part: mail_parts.Part) -> str:
    """An attachment's name; one that has none is named by what it is."""
    return seen(part.filename.rpartition("/")[2]) or {"message/rfc822": "mail.eml"}.get(
        part.mime_type, f"untitled-{part.part_id}"
    )


def modify_threads(
    mailbox: MailFolder, thread_ids: Sequence[str], add: Sequence[str], remove: Sequence[str]
) -> dict[str, list[str]]:
    """Add and take away labels on whole threads; which of these labels each message had before."""
    touched = {*add, *remove}
    before: dict[str, list[str]] = {}
    for thread_id in thread_ids:
        messages = mailbox.thread(thread_id).messages
        before |= {message.id: sorted(touched.intersection(message.label_ids)) for message in messages}
        mailbox.modify([message.id for message in messages], add, remove)
    return before


def put_back(mailbox: MailFolder, before: Mapping[str, Sequence[str]], touched: Sequence[str]) -> None:
    """Of the labels `touched`, give each message those that it had before."""
    for message_id, had in before.items():
        mailbox.modify([message_id], had, sorted(set(touched) - set(had)))


def line(message: Message, account: Account) -> dict[str, Any]:
    """A mail in one line: from whom, about what, and in which thread."""
    sender = next(iter(people(message.from_, account)), {"name": "", "address": ""})
    names = {"from_name": sender["name"], "from_address": sender["address"]}
    return {"mail_id": message.id, "thread_id": message.thread_id, "subject": message.subject, **names}


def add_subjects(mailbox: MailFolder, account: Account, moves: Sequence[dict[str, Any]]) -> None:
    """Put subject and sender's name beside the mail ids of a dry run, which knows neither."""
    for move in moves:
        shown = line(mailbox.message(move["mail_id"]), account)
        move |= {name: shown[name] for name in ("subject", "from_name", "thread_id")}
