"""The sandbox's Gmail, held to the same expectations as the npm package `emulate` where that has the feature; then what it alone has:
quota, faults, batches, partial responses, errors, tokens, certificates, tasks."""

import asyncio
import base64
import itertools
import json
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from google.auth import jwt
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from sandbox.google.faults import Fault
from sandbox.google.gmail_server import make_app
from sandbox.google.google_side import MAIL_SCOPE, SCOPE, event_message_id
from sandbox.google.world import Account, World
from tests.npm_packages import npm_packages
from tests.signing import free_port

NOT_IN_EMULATE = {
    "test_profile": "has no getProfile",
    "test_search_in_brackets_and_either": "reads neither OR, {} nor (), and matches `-` only before label:",
    "test_search_for_a_message_id": "finds none",
    "test_a_reply_before_its_mail_joins_its_thread": "looks only for the mail that is replied to, not for one that replies",
    "test_a_reply_with_another_subject_is_a_thread_of_its_own": "does not look at the subject",
    "test_send_as_one_address": "has only the list",
    "test_a_changed_draft_has_a_new_message": "keeps the message's id",
}
"""Tests of what `emulate` 0.8.0 does not have. Two more differences are left open in the tests themselves: it refuses a label name
that is taken with 400 where Google's guide says 409, and answers whole messages where Google answers ids and labels."""

EMULATE = Path(__file__).parent / "emulate"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
USERS = [f"user{number}@desk.example" for number in range(120)]
_next_user = itertools.count()


@dataclass
class Mailbox:
    """One user's mailbox at a Gmail under test."""

    url: str
    address: str
    token: str
    session: aiohttp.ClientSession

    async def call(self, verb: str, path: str, body: object = None, token: str | None = None, **params: Any) -> tuple[int, Any]:
        """Status and JSON (None for an empty answer); `path` is what follows /gmail/v1/users/me/."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        url = f"{self.url}/gmail/v1/users/me/{path}"
        query = [
            (name, str(value)) for name, given in params.items() for value in (given if isinstance(given, list) else [given])
        ]
        async with self.session.request(verb, url, params=query, json=body, headers=headers) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def ok(self, verb: str, path: str, body: object = None, **params: Any) -> Any:
        """The JSON of an answer that must be a good one."""
        status, answer = await self.call(verb, path, body, **params)
        assert status // 100 == 2, answer
        return answer

    async def put_in(self, raw: bytes, labels: Sequence[str] = ("INBOX", "UNREAD"), **message: str) -> str:
        """Insert a mail, received when its Date says; its id."""
        body = {"raw": encoded(raw), "labelIds": list(labels), **message}
        inserted = await self.ok("POST", "messages", body, internalDateSource="dateHeader")
        return str(inserted["id"])

    async def found(self, q: str = "", **params: Any) -> list[str]:
        """The ids of a list, in its order."""
        answer = await self.ok("GET", "messages", q=q, **params)
        return [message["id"] for message in answer.get("messages", [])]


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def mail(
    subject: str = "Invoice 12", sender: str = "ada@analytical.example", day: int = 1, text: str = "Hello", **headers: str
) -> bytes:
    """A plain mail of a day in November 2026."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, headers.pop("to", "me@desk.example"), subject
    message["Date"] = datetime(2026, 11, day, 9, 0, tzinfo=UTC)
    message["Message-ID"] = headers.pop("message_id", f"<{subject.replace(' ', '.')}.{sender}>")
    for name, value in headers.items():
        message[name.replace("_", "-").title()] = value
    message.set_content(text)
    return message.as_bytes()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "gmail" in metafunc.fixturenames:
        servers = ["sandbox"] if metafunc.function.__name__ in NOT_IN_EMULATE else ["sandbox", "emulate"]
        metafunc.parametrize("server", servers, indirect=False)


@pytest.fixture(scope="session")
def emulate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`emulate`'s address, as a process of its own; installed from the lock file when it is not there."""
    seed = tmp_path_factory.mktemp("emulate") / "seed.json"
    tokens = {f"token-{address}": {"login": address, "scopes": ["gmail"]} for address in USERS}
    seed.write_text(
        json.dumps({"tokens": tokens, "google": {"users": [{"email": address, "name": "User"} for address in USERS]}})
    )
    port = free_port()
    entry = npm_packages(EMULATE) / "emulate" / "dist" / "index.js"
    command = ["node", str(entry), "start", "--service", "google", "--port", str(port), "--seed", str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Until something listens at the port."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, "emulate ended at once"
        with closing(socket.socket()) as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("emulate does not listen after 60 s")


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world's folder with its keys made."""
    folder = tmp_path_factory.mktemp("keys") / "world"
    World(folder, lambda: NOW).close()
    return folder


class Clock:
    """The world's time, turned by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Desk:
    """A sandbox under test."""

    world: World
    clock: Clock
    url: str
    session: aiohttp.ClientSession

    def mailbox(self, account: Account, *scopes: str) -> Mailbox:
        token = self.world.google.user_token(account, scopes or [MAIL_SCOPE])
        return Mailbox(self.url, account.address, token, self.session)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as opened:
        yield opened


@pytest.fixture
async def desk(tmp_path: Path, keys: Path, session: aiohttp.ClientSession) -> AsyncIterator[Desk]:
    """A sandbox with its server on a free port."""
    clock = Clock()
    world = World(Path(shutil.copytree(keys, tmp_path / "world")), clock)
    runner = web.AppRunner(make_app(world))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield Desk(world, clock, f"http://127.0.0.1:{runner.addresses[0][1]}", session)
    await runner.cleanup()
    world.close()


@pytest.fixture
def other_server(server: str, request: pytest.FixtureRequest) -> str:
    """`emulate`'s address when it is under test, "" for the sandbox."""
    return str(request.getfixturevalue("emulate")) if server == "emulate" else ""


@pytest.fixture
async def gmail(other_server: str, desk: Desk) -> Mailbox:
    """An empty mailbox at either server."""
    address = USERS[next(_next_user)]
    if other_server:
        return Mailbox(other_server, address, f"token-{address}", desk.session)
    return desk.mailbox(desk.world.add_account(address, "User", hosted_domain="desk.example"))


# What both have


async def test_profile(gmail: Mailbox) -> None:
    await gmail.put_in(mail())
    profile = await gmail.ok("GET", "profile")
    assert profile["emailAddress"] == gmail.address
    assert (profile["messagesTotal"], profile["threadsTotal"]) == (1, 1)
    assert int(profile["historyId"]) > 0


async def test_an_inserted_mail_can_be_read_in_each_format(gmail: Mailbox) -> None:
    raw = mail("Offer for Lyon", text="The offer you asked for.")
    message_id = await gmail.put_in(raw)
    full = await gmail.ok("GET", f"messages/{message_id}")
    assert full["id"] == message_id
    assert set(full["labelIds"]) == {"INBOX", "UNREAD"}
    assert full["snippet"] == "The offer you asked for."
    assert full["internalDate"] == str(int(datetime(2026, 11, 1, 9, tzinfo=UTC).timestamp() * 1000))
    assert {"name": "Subject", "value": "Offer for Lyon"} in full["payload"]["headers"]
    assert full["payload"]["mimeType"] == "text/plain"
    assert b"The offer you asked for." in base64.urlsafe_b64decode(full["payload"]["body"]["data"] + "==")
    minimal = await gmail.ok("GET", f"messages/{message_id}", format="minimal")
    assert "payload" not in minimal
    assert minimal["threadId"] == full["threadId"]
    answer = await gmail.ok("GET", f"messages/{message_id}", format="raw")
    assert base64.urlsafe_b64decode(answer["raw"] + "==") == raw


async def test_only_the_headers_asked_for(gmail: Mailbox) -> None:
    message_id = await gmail.put_in(mail(sender="Ada Lovelace <ada@analytical.example>"))
    answer = await gmail.ok("GET", f"messages/{message_id}", format="metadata", metadataHeaders=["From", "Subject"])
    headers = {header["name"]: header["value"] for header in answer["payload"]["headers"]}
    assert headers == {"From": "Ada Lovelace <ada@analytical.example>", "Subject": "Invoice 12"}
    assert "data" not in answer["payload"].get("body", {})


async def test_an_uploaded_mail_is_inserted(gmail: Mailbox) -> None:
    headers = {"Authorization": f"Bearer {gmail.token}", "Content-Type": "message/rfc822"}
    url = f"{gmail.url}/upload/gmail/v1/users/me/messages"
    async with gmail.session.post(url, params={"uploadType": "media"}, data=mail("By upload"), headers=headers) as answer:
        inserted = await answer.json()
    read = await gmail.ok("GET", f"messages/{inserted['id']}")
    assert {"name": "Subject", "value": "By upload"} in read["payload"]["headers"]


async def test_lists_are_newest_first_and_in_pages(gmail: Mailbox) -> None:
    by_day = {day: await gmail.put_in(mail(f"Day {day}", day=day)) for day in (2, 5, 1, 4, 3)}
    first = await gmail.ok("GET", "messages", maxResults=3)
    second = await gmail.ok("GET", "messages", maxResults=3, pageToken=first["nextPageToken"])
    listed = [message["id"] for message in first["messages"] + second["messages"]]
    assert listed == [by_day[day] for day in (5, 4, 3, 2, 1)]
    assert "nextPageToken" not in second
    assert first["resultSizeEstimate"] == 5


async def test_lists_by_labels(gmail: Mailbox) -> None:
    both = await gmail.put_in(mail("Both", day=1), ["INBOX", "STARRED"])
    await gmail.put_in(mail("One", day=2), ["INBOX"])
    assert await gmail.found(labelIds=["INBOX", "STARRED"]) == [both]
    assert len(await gmail.found(labelIds=["INBOX"])) == 2


async def test_spam_and_trash_are_left_out(gmail: Mailbox) -> None:
    in_sight = await gmail.put_in(mail("Kept", day=1))
    spam = await gmail.put_in(mail("Spam", day=2), ["SPAM"])
    thrown = await gmail.put_in(mail("Thrown", day=3), ["TRASH"])
    assert await gmail.found() == [in_sight]
    assert await gmail.found(includeSpamTrash="true") == [thrown, spam, in_sight]


@pytest.mark.parametrize(
    ("q", "subjects"),
    [
        ("from:ada@analytical.example", ["Renewal", "Invoice"]),
        ("to:sales@desk.example", ["Offer"]),
        ("subject:invoice", ["Invoice"]),
        ("from:ada@analytical.example subject:renewal", ["Renewal"]),
        ("is:unread", ["Offer", "Invoice"]),
        ("is:read", ["Renewal"]),
        ("is:starred", ["Renewal"]),
        ("in:inbox", ["Offer", "Renewal", "Invoice"]),
        ("-label:starred", ["Offer", "Invoice"]),
        ("label:starred subject:renewal", ["Renewal"]),
        ("pencils", ["Offer"]),
        ("after:1793577600", ["Offer", "Renewal"]),
        ("before:1793577600", ["Invoice"]),
        ("after:1793577600 before:1793664000", ["Renewal"]),
        ("subject:nothing", []),
    ],
)
async def test_search(gmail: Mailbox, q: str, subjects: list[str]) -> None:
    ids = {
        "Invoice": await gmail.put_in(mail("Invoice", day=1, text="See below")),
        "Renewal": await gmail.put_in(mail("Renewal", day=2, message_id="<second@analytical.example>"), ["INBOX", "STARRED"]),
        "Offer": await gmail.put_in(mail("Offer", "bob@ross.example", 3, "Ten pencils", to="sales@desk.example")),
    }
    assert await gmail.found(q) == [ids[subject] for subject in subjects]


async def test_search_in_brackets_and_either(gmail: Mailbox) -> None:
    first = await gmail.put_in(mail("Invoice", day=1))
    second = await gmail.put_in(mail("Renewal", "bob@ross.example", 2))
    third = await gmail.put_in(mail("Offer", "eve@ross.example", 3, "invoice inside"))
    assert await gmail.found("from:ada OR from:bob") == [second, first]
    assert await gmail.found("{from:ada from:eve} -subject:offer") == [first]
    assert await gmail.found("from:(bob OR eve) invoice") == [third]
    assert await gmail.found('-"invoice inside"') == [second, first]


async def test_search_for_a_message_id(gmail: Mailbox) -> None:
    await gmail.put_in(mail("Invoice"))
    message_id = await gmail.put_in(mail("Renewal", message_id="<second@analytical.example>"))
    assert await gmail.found("rfc822msgid:second@analytical.example") == [message_id]
    assert await gmail.found("rfc822msgid:<second@analytical.example>") == [message_id]


async def test_has_attachment_and_the_attachment(gmail: Mailbox) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ada@analytical.example", "me@desk.example", "With file"
    message.set_content("See the file.")
    message.add_attachment(b"%PDF-\x00\xff", maintype="application", subtype="pdf", filename="offer.pdf")
    with_file = await gmail.put_in(message.as_bytes())
    await gmail.put_in(mail("Without"))
    assert await gmail.found("has:attachment") == [with_file]
    read = await gmail.ok("GET", f"messages/{with_file}")
    part = next(part for part in read["payload"]["parts"] if part["filename"] == "offer.pdf")
    assert part["mimeType"] == "application/pdf"
    attachment = await gmail.ok("GET", f"messages/{with_file}/attachments/{part['body']['attachmentId']}")
    assert base64.urlsafe_b64decode(attachment["data"] + "==") == b"%PDF-\x00\xff"


async def test_modify_adds_and_removes_labels(gmail: Mailbox) -> None:
    label = (await gmail.ok("POST", "labels", {"name": "Open Deals"}))["id"]
    message_id = await gmail.put_in(mail(), ["INBOX", "UNREAD", "STARRED"])
    answer = await gmail.ok("POST", f"messages/{message_id}/modify", {"addLabelIds": [label], "removeLabelIds": ["INBOX"]})
    assert set(answer["labelIds"]) == {"UNREAD", "STARRED", label}
    assert set((await gmail.ok("GET", f"messages/{message_id}"))["labelIds"]) == {"UNREAD", "STARRED", label}


async def test_batch_modify_passes_over_mail_that_is_gone(gmail: Mailbox) -> None:
    first, second = await gmail.put_in(mail("First")), await gmail.put_in(mail("Second"))
    body = {"ids": [first, "00000000deadbeef", second], "addLabelIds": ["STARRED"], "removeLabelIds": ["INBOX"]}
    assert await gmail.call("POST", "messages/batchModify", body) == (204, None)
    for message_id in (first, second):
        assert set((await gmail.ok("GET", f"messages/{message_id}"))["labelIds"]) == {"UNREAD", "STARRED"}


async def test_an_unknown_label_is_refused(gmail: Mailbox) -> None:
    message_id = await gmail.put_in(mail())
    status, answer = await gmail.call("POST", f"messages/{message_id}/modify", {"addLabelIds": ["Label_999"]})
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert set((await gmail.ok("GET", f"messages/{message_id}"))["labelIds"]) == {"INBOX", "UNREAD"}


async def test_batch_delete(gmail: Mailbox) -> None:
    first, second = await gmail.put_in(mail("First")), await gmail.put_in(mail("Second"))
    assert await gmail.call("POST", "messages/batchDelete", {"ids": [first]}) == (204, None)
    assert await gmail.found() == [second]


async def test_labels_are_made_changed_and_deleted(gmail: Mailbox) -> None:
    made = await gmail.ok("POST", "labels", {"name": "Open Deals", "labelListVisibility": "labelShow"})
    assert (made["name"], made["type"]) == ("Open Deals", "user")
    assert made["id"] in {label["id"] for label in (await gmail.ok("GET", "labels"))["labels"]}
    renamed = await gmail.ok("PATCH", f"labels/{made['id']}", {"name": "Deals/Open"})
    assert (renamed["id"], renamed["name"]) == (made["id"], "Deals/Open")
    replaced = await gmail.ok("PUT", f"labels/{made['id']}", {"id": made["id"], "name": "Deals"})
    assert replaced["name"] == "Deals"
    message_id = await gmail.put_in(mail(), ["INBOX", made["id"]])
    assert (await gmail.call("DELETE", f"labels/{made['id']}"))[0] == 204
    assert (await gmail.call("GET", f"labels/{made['id']}"))[0] == 404
    assert (await gmail.ok("GET", f"messages/{message_id}"))["labelIds"] == ["INBOX"]


async def test_system_labels_are_there_and_stay(gmail: Mailbox) -> None:
    labels = {label["id"]: label for label in (await gmail.ok("GET", "labels"))["labels"]}
    assert labels["INBOX"]["name"] == "INBOX"
    assert {"SENT", "DRAFT", "SPAM", "TRASH", "UNREAD", "STARRED", "IMPORTANT"} <= {
        id_ for id_ in labels if labels[id_]["type"] == "system"
    }
    assert (await gmail.call("DELETE", "labels/INBOX"))[0] == 400
    assert (await gmail.call("PATCH", "labels/INBOX", {"name": "Mine"}))[0] == 400


async def test_a_label_name_that_is_taken(gmail: Mailbox) -> None:
    await gmail.ok("POST", "labels", {"name": "Customer"})
    status, answer = await gmail.call("POST", "labels", {"name": "customer"})
    assert status in (400, 409)
    assert answer["error"]["message"] == "Label name exists or conflicts"


async def test_a_labels_counts(gmail: Mailbox) -> None:
    label = (await gmail.ok("POST", "labels", {"name": "Customer"}))["id"]
    await gmail.put_in(mail("First"), [label, "UNREAD"])
    await gmail.put_in(mail("Second"), [label])
    counted = await gmail.ok("GET", f"labels/{label}")
    assert (counted["messagesTotal"], counted["messagesUnread"]) == (2, 1)
    assert (counted["threadsTotal"], counted["threadsUnread"]) == (2, 1)


async def a_thread(gmail: Mailbox) -> tuple[str, str, str]:
    """A mail and a reply; their ids and the thread's."""
    question = await gmail.put_in(mail("Question", day=1, message_id="<q@analytical.example>"))
    reply = mail("Re: Question", "bob@ross.example", 2, message_id="<a@ross.example>", in_reply_to="<q@analytical.example>")
    answered = await gmail.put_in(reply)
    return question, answered, str((await gmail.ok("GET", f"messages/{answered}"))["threadId"])


async def test_a_reply_joins_its_thread(gmail: Mailbox) -> None:
    question, answered, thread_id = await a_thread(gmail)
    other = await gmail.put_in(mail("Another matter", day=3))
    thread = await gmail.ok("GET", f"threads/{thread_id}")
    assert [message["id"] for message in thread["messages"]] == [question, answered]
    listed = (await gmail.ok("GET", "threads"))["threads"]
    other_thread = (await gmail.ok("GET", f"messages/{other}"))["threadId"]
    assert [found["id"] for found in listed] == [other_thread, thread_id]


async def test_a_reply_before_its_mail_joins_its_thread(gmail: Mailbox) -> None:
    early = await gmail.put_in(mail("Re: Question", day=2, message_id="<a@ross.example>", references="<q@analytical.example>"))
    late = await gmail.put_in(mail("Question", day=1, message_id="<q@analytical.example>"))
    thread_id = (await gmail.ok("GET", f"messages/{early}"))["threadId"]
    assert [message["id"] for message in (await gmail.ok("GET", f"threads/{thread_id}"))["messages"]] == [late, early]


async def test_a_reply_with_another_subject_is_a_thread_of_its_own(gmail: Mailbox) -> None:
    question = await gmail.put_in(mail("Question", message_id="<q@analytical.example>"))
    changed = await gmail.put_in(mail("Something else", message_id="<c@ross.example>", references="<q@analytical.example>"))
    threads = {(await gmail.ok("GET", f"messages/{message_id}"))["threadId"] for message_id in (question, changed)}
    assert len(threads) == 2


async def test_threads_are_found_by_any_of_their_mails(gmail: Mailbox) -> None:
    _, _, thread_id = await a_thread(gmail)
    await gmail.put_in(mail("Another matter", day=3))
    found = await gmail.ok("GET", "threads", q="from:bob@ross.example")
    assert [thread["id"] for thread in found["threads"]] == [thread_id]


async def test_a_whole_thread_is_changed(gmail: Mailbox) -> None:
    question, answered, thread_id = await a_thread(gmail)
    await gmail.ok("POST", f"threads/{thread_id}/modify", {"addLabelIds": ["STARRED"], "removeLabelIds": ["UNREAD"]})
    for message_id in (question, answered):
        assert set((await gmail.ok("GET", f"messages/{message_id}"))["labelIds"]) == {"INBOX", "STARRED"}
    await gmail.ok("POST", f"threads/{thread_id}/trash")
    assert await gmail.found() == []
    await gmail.ok("POST", f"threads/{thread_id}/untrash")
    assert await gmail.found() == [answered, question]
    assert (await gmail.call("DELETE", f"threads/{thread_id}"))[0] == 204
    assert (await gmail.call("GET", f"threads/{thread_id}"))[0] == 404


async def test_a_mail_thrown_away_and_deleted(gmail: Mailbox) -> None:
    message_id = await gmail.put_in(mail())
    thrown = await gmail.ok("POST", f"messages/{message_id}/trash")
    assert "TRASH" in thrown["labelIds"]
    assert "INBOX" not in thrown["labelIds"]
    back = await gmail.ok("POST", f"messages/{message_id}/untrash")
    assert "TRASH" not in back["labelIds"]
    assert (await gmail.call("DELETE", f"messages/{message_id}"))[0] == 204
    assert (await gmail.call("GET", f"messages/{message_id}"))[0] == 404


async def test_history_tells_what_happened_since(gmail: Mailbox) -> None:
    before = await gmail.put_in(mail("Before"))
    start = (await gmail.ok("GET", f"messages/{before}"))["historyId"]
    new = await gmail.put_in(mail("New"))
    await gmail.ok("POST", f"messages/{new}/modify", {"addLabelIds": ["STARRED"], "removeLabelIds": ["INBOX"]})
    await gmail.call("DELETE", f"messages/{before}")
    answer = await gmail.ok("GET", "history", startHistoryId=start)
    added = [record["message"] for entry in answer["history"] for record in entry.get("messagesAdded", [])]
    labelled = [record for entry in answer["history"] for record in entry.get("labelsAdded", [])]
    unlabelled = [record for entry in answer["history"] for record in entry.get("labelsRemoved", [])]
    deleted = [record["message"]["id"] for entry in answer["history"] for record in entry.get("messagesDeleted", [])]
    assert [message["id"] for message in added] == [new]
    assert [(record["message"]["id"], record["labelIds"]) for record in labelled] == [(new, ["STARRED"])]
    assert [(record["message"]["id"], record["labelIds"]) for record in unlabelled] == [(new, ["INBOX"])]
    assert deleted == [before]
    ids = [int(entry["id"]) for entry in answer["history"]]
    assert ids == sorted(ids)
    assert int(answer["historyId"]) >= ids[-1]


async def test_history_of_one_kind_in_pages(gmail: Mailbox) -> None:
    before = await gmail.put_in(mail("Before"))
    start = (await gmail.ok("GET", f"messages/{before}"))["historyId"]
    new = [await gmail.put_in(mail(f"New {number}")) for number in range(3)]
    await gmail.ok("POST", f"messages/{new[0]}/modify", {"addLabelIds": ["STARRED"]})
    first = await gmail.ok("GET", "history", startHistoryId=start, historyTypes=["messageAdded"], maxResults=2)
    second = await gmail.ok(
        "GET", "history", startHistoryId=start, historyTypes=["messageAdded"], maxResults=2, pageToken=first["nextPageToken"]
    )
    entries = first["history"] + second["history"]
    assert [entry["messagesAdded"][0]["message"]["id"] for entry in entries] == new
    assert "nextPageToken" not in second


async def test_a_draft_is_written_changed_and_sent(gmail: Mailbox) -> None:
    raw = mail("Offer", gmail.address, to="ada@analytical.example")
    draft = await gmail.ok("POST", "drafts", {"message": {"raw": encoded(raw)}})
    read = await gmail.ok("GET", f"drafts/{draft['id']}")
    assert "DRAFT" in read["message"]["labelIds"]
    changed = mail("Better offer", gmail.address, to="ada@analytical.example")
    await gmail.ok("PUT", f"drafts/{draft['id']}", {"message": {"raw": encoded(changed)}})
    read = await gmail.ok("GET", f"drafts/{draft['id']}")
    assert {"name": "Subject", "value": "Better offer"} in read["message"]["payload"]["headers"]
    assert [found["id"] for found in (await gmail.ok("GET", "drafts"))["drafts"]] == [draft["id"]]
    sent = await gmail.ok("POST", "drafts/send", {"id": draft["id"]})
    assert "SENT" in sent["labelIds"]
    assert "DRAFT" not in sent["labelIds"]
    assert (await gmail.call("GET", f"drafts/{draft['id']}"))[0] == 404


async def test_a_changed_draft_has_a_new_message(gmail: Mailbox) -> None:
    draft = await gmail.ok("POST", "drafts", {"message": {"raw": encoded(mail("Offer"))}})
    changed = await gmail.ok("PUT", f"drafts/{draft['id']}", {"message": {"raw": encoded(mail("Offer 2"))}})
    assert changed["id"] == draft["id"]
    assert changed["message"]["id"] != draft["message"]["id"]
    assert changed["message"]["threadId"] == draft["message"]["threadId"]


async def test_a_deleted_draft_is_gone(gmail: Mailbox) -> None:
    draft = await gmail.ok("POST", "drafts", {"message": {"raw": encoded(mail("Offer"))}})
    assert (await gmail.call("DELETE", f"drafts/{draft['id']}"))[0] == 204
    assert (await gmail.ok("GET", "drafts")).get("drafts", []) == []
    assert (await gmail.call("GET", f"messages/{draft['message']['id']}"))[0] == 404


async def test_sent_mail(gmail: Mailbox) -> None:
    raw = mail("Order", gmail.address, to="ada@analytical.example")
    sent = await gmail.ok("POST", "messages/send", {"raw": encoded(raw)})
    assert "SENT" in sent["labelIds"]
    assert await gmail.found("in:sent") == [sent["id"]]


async def test_imported_mail_is_in_the_inbox(gmail: Mailbox) -> None:
    imported = await gmail.ok("POST", "messages/import", {"raw": encoded(mail())})
    assert set((await gmail.ok("GET", f"messages/{imported['id']}"))["labelIds"]) == {"INBOX", "UNREAD"}


async def test_send_as(gmail: Mailbox) -> None:
    addresses = (await gmail.ok("GET", "settings/sendAs"))["sendAs"]
    assert [(entry["sendAsEmail"], entry["isPrimary"]) for entry in addresses] == [(gmail.address, True)]


async def test_send_as_one_address(gmail: Mailbox) -> None:
    assert (await gmail.ok("GET", f"settings/sendAs/{gmail.address}"))["sendAsEmail"] == gmail.address
    assert (await gmail.call("GET", "settings/sendAs/other@desk.example"))[0] == 404


async def test_watch_answers(gmail: Mailbox) -> None:
    message_id = await gmail.put_in(mail())
    watch = await gmail.ok("POST", "watch", {"topicName": "projects/p/topics/t"})
    assert int(watch["historyId"]) >= int((await gmail.ok("GET", f"messages/{message_id}"))["historyId"])
    assert int(watch["expiration"]) > 0
    assert (await gmail.call("POST", "stop"))[0] in (200, 204)


async def test_what_is_not_there(gmail: Mailbox) -> None:
    for path in ("messages/00000000deadbeef", "threads/00000000deadbeef", "drafts/r12", "labels/Label_99"):
        status, answer = await gmail.call("GET", path)
        assert status == 404, path
        error = answer["error"]
        assert (error["code"], error["status"], error["errors"][0]["reason"]) == (404, "NOT_FOUND", "notFound")
        assert error["message"] == "Requested entity was not found."


async def test_who_does_not_say_who_it_is(gmail: Mailbox) -> None:
    async with gmail.session.get(f"{gmail.url}/gmail/v1/users/me/messages") as answer:
        error = (await answer.json())["error"]
    assert (answer.status, error["status"], error["errors"][0]["reason"]) == (401, "UNAUTHENTICATED", "authError")


# What only the sandbox has


@pytest.fixture
def ada(desk: Desk) -> Account:
    return desk.world.add_account("ada@desk.example", "Ada", aliases=["sales@desk.example"], hosted_domain="desk.example")


@pytest.fixture
def mine(desk: Desk, ada: Account) -> Mailbox:
    return desk.mailbox(ada)


def reason(answer: Any) -> tuple[int, str, str]:
    """Code, status and reason of an error."""
    error = answer["error"]
    assert error["errors"][0]["message"] == error["message"]
    return error["code"], error["status"], error["errors"][0]["reason"]


async def test_ids_are_gmails(mine: Mailbox) -> None:
    message_id = await mine.put_in(mail())
    assert len(message_id) == 16
    assert event_message_id(message_id) == f"msg-f:{int(message_id, 16)}"


async def test_a_taken_label_name_is_a_conflict(mine: Mailbox) -> None:
    await mine.ok("POST", "labels", {"name": "Clients/North"})
    status, answer = await mine.call("POST", "labels", {"name": "CLIENTS/north"})
    assert (status, *reason(answer)) == (409, 409, "ABORTED", "aborted")
    for name in ("", "inbox", "a//b", "x" * 226):
        status, answer = await mine.call("POST", "labels", {"name": name})
        assert (status, *reason(answer)) == (400, 400, "INVALID_ARGUMENT", "invalidArgument")


@pytest.mark.parametrize(
    ("path", "params", "message"),
    [
        ("messages", {"maxResult": 5}, "Cannot bind query parameter"),
        ("messages", {"maxResults": "many"}, "maxResults"),
        ("messages", {"pageToken": "nonsense"}, "Invalid pageToken"),
        ("messages", {"labelIds": ["Label_77"]}, "Invalid label: Label_77"),
        ("messages", {"fields": "message(id)"}, "Invalid field selection message"),
        ("messages", {"fields": "messages(id"}, "Invalid field selection"),
        ("history", {}, "startHistoryId"),
        ("history", {"startHistoryId": "abc"}, "startHistoryId"),
        ("history", {"startHistoryId": "1001", "historyTypes": "messageAdd"}, "historyTypes"),
    ],
)
async def test_wrong_parameters(mine: Mailbox, path: str, params: dict[str, Any], message: str) -> None:
    status, answer = await mine.call("GET", path, **params)
    assert (status, *reason(answer)) == (400, 400, "INVALID_ARGUMENT", "invalidArgument")
    assert message in answer["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"addLabelId": ["STARRED"]},
        {"addLabelIds": "STARRED"},
        {},
        {"addLabelIds": ["STARRED"], "removeLabelIds": ["STARRED"]},
        {"addLabelIds": ["SENT"]},
        ["STARRED"],
    ],
)
async def test_wrong_bodies(mine: Mailbox, body: object) -> None:
    message_id = await mine.put_in(mail())
    status, answer = await mine.call("POST", f"messages/{message_id}/modify", body)
    assert (status, *reason(answer)) == (400, 400, "INVALID_ARGUMENT", "invalidArgument")


async def test_partial_responses(mine: Mailbox) -> None:
    message_id = await mine.put_in(mail())
    assert await mine.ok("GET", "messages", fields="messages/id") == {"messages": [{"id": message_id}]}
    answer = await mine.ok("GET", f"messages/{message_id}", fields="id,payload(headers/name,mimeType)")
    assert set(answer) == {"id", "payload"}
    assert set(answer["payload"]) == {"headers", "mimeType"}
    assert set(answer["payload"]["headers"][0]) == {"name"}


async def test_history_that_is_gone_or_never_was(mine: Mailbox, desk: Desk) -> None:
    start = (await mine.ok("GET", "profile"))["historyId"]
    await mine.put_in(mail())
    assert len((await mine.ok("GET", "history", startHistoryId=start))["history"]) == 1
    desk.world.mailbox(mine.address).expire_history()
    now = (await mine.ok("GET", "profile"))["historyId"]
    for gone in (start, int(now) + 1):
        status, answer = await mine.call("GET", "history", startHistoryId=gone)
        assert (status, *reason(answer)) == (404, 404, "NOT_FOUND", "notFound")
    assert await mine.ok("GET", "history", startHistoryId=now) == {"historyId": now}


async def test_history_of_one_label(mine: Mailbox) -> None:
    start = (await mine.ok("GET", "profile"))["historyId"]
    await mine.put_in(mail("In"), ["INBOX"])
    sent = await mine.put_in(mail("Out"), ["SENT"])
    answer = await mine.ok("GET", "history", startHistoryId=start, labelId="SENT")
    assert [entry["messages"][0]["id"] for entry in answer["history"]] == [sent]


async def test_units_are_billed_and_enforced(mine: Mailbox, desk: Desk) -> None:
    message_id = await mine.put_in(mail())
    before = desk.world.quota.spent(mine.address)
    await mine.ok("GET", f"messages/{message_id}", format="minimal")
    await mine.ok("GET", "labels")
    await mine.call("GET", "messages/00000000deadbeef")
    assert desk.world.quota.spent(mine.address) - before == 41
    assert [(call.name, call.units, call.status) for call in list(desk.world.calls.recent)[-3:]] == [
        ("users.messages.get", 20, 200),
        ("users.labels.list", 1, 200),
        ("users.messages.get", 20, 404),
    ]
    desk.world.quota.units_a_minute = desk.world.quota.spent(mine.address) + 19
    status, answer = await mine.call("GET", f"messages/{message_id}")
    assert (status, *reason(answer)) == (429, 429, "RESOURCE_EXHAUSTED", "rateLimitExceeded")
    desk.world.quota.refuse_with = 403
    status, answer = await mine.call("GET", f"messages/{message_id}")
    assert (status, *reason(answer)) == (403, 403, "PERMISSION_DENIED", "userRateLimitExceeded")
    desk.clock.now += timedelta(minutes=1)
    assert (await mine.call("GET", f"messages/{message_id}"))[0] == 200
    assert desk.world.quota.spent(mine.address) == 20


async def test_one_users_units_are_not_anothers(mine: Mailbox, desk: Desk) -> None:
    other = desk.mailbox(desk.world.add_account("bob@desk.example", "Bob"))
    desk.world.quota.units_a_minute = 5
    assert (await mine.call("GET", "messages"))[0] == 200
    assert (await mine.call("GET", "messages"))[0] == 429
    assert (await other.call("GET", "messages"))[0] == 200


async def test_more_than_five_at_once(mine: Mailbox, desk: Desk) -> None:
    desk.world.faults.add(Fault("gmail", latency_ms=300))
    answers = await asyncio.gather(*(mine.call("GET", "labels") for _ in range(8)))
    assert sorted(status for status, _ in answers) == [200] * 5 + [429] * 3
    refused = next(answer for status, answer in answers if status == 429)
    assert refused["error"]["message"] == "Too many concurrent requests for user"


async def test_faults_for_so_many_calls(mine: Mailbox, desk: Desk) -> None:
    desk.world.faults.add(Fault("gmail", "users.labels.*", status=503, times=2))
    assert [(await mine.call("GET", "labels"))[0] for _ in range(3)] == [503, 503, 200]
    desk.world.faults.add(Fault("gmail", "users.messages.list", status=429))
    status, answer = await mine.call("GET", "messages")
    assert (status, *reason(answer)) == (429, 429, "RESOURCE_EXHAUSTED", "rateLimitExceeded")
    assert (await mine.call("GET", "profile"))[0] == 200
    desk.world.faults.clear("gmail")
    assert (await mine.call("GET", "messages"))[0] == 200


async def test_dropped_connections_and_html(mine: Mailbox, desk: Desk) -> None:
    desk.world.faults.add(Fault("gmail", drop=True, times=1))
    with pytest.raises(aiohttp.ClientError):
        # a request with a body is not tried again by the client itself
        await mine.call("POST", "labels", {"name": "Customer"})
    desk.world.faults.add(Fault("gmail", html=True, times=1))
    headers = {"Authorization": f"Bearer {mine.token}"}
    async with mine.session.get(f"{mine.url}/gmail/v1/users/me/labels", headers=headers) as answer:
        assert (answer.status, answer.content_type) == (502, "text/html")
    assert (await mine.call("GET", "labels"))[0] == 200


async def test_a_fault_after_the_call_leaves_it_done(mine: Mailbox, desk: Desk) -> None:
    message_id = await mine.put_in(mail())
    before = desk.world.quota.spent(mine.address)
    desk.world.faults.add(Fault("gmail", "users.labels.create", status=503, after=True, times=1))
    assert (await mine.call("POST", "labels", {"name": "Customer"}))[0] == 503
    assert "Customer" in [label["name"] for label in (await mine.ok("GET", "labels"))["labels"]]
    desk.world.faults.add(Fault("gmail", "users.messages.modify", drop=True, after=True, times=1))
    with pytest.raises(aiohttp.ClientError):
        await mine.call("POST", f"messages/{message_id}/modify", {"removeLabelIds": ["INBOX"]})
    desk.world.faults.add(Fault("gmail", "users.messages.modify", html=True, after=True, times=1))
    with pytest.raises(json.JSONDecodeError):
        await mine.call("POST", f"messages/{message_id}/modify", {"addLabelIds": ["STARRED"]})
    message = await mine.ok("GET", f"messages/{message_id}", format="minimal")
    assert set(message["labelIds"]) == {"UNREAD", "STARRED"}
    assert desk.world.quota.spent(mine.address) == before + 5 + 1 + 5 + 5 + 20


async def test_a_fault_before_the_call_leaves_it_undone_and_unbilled(mine: Mailbox, desk: Desk) -> None:
    desk.world.faults.add(Fault("gmail", "users.labels.create", status=503, times=1))
    assert (await mine.call("POST", "labels", {"name": "Customer"}))[0] == 503
    assert "Customer" not in [label["name"] for label in (await mine.ok("GET", "labels"))["labels"]]
    assert desk.world.quota.spent(mine.address) == 1


async def test_a_fault_of_one_mail_is_no_other_s(mine: Mailbox, desk: Desk) -> None:
    bad, good = await mine.put_in(mail("Bad")), await mine.put_in(mail("Good"))
    desk.world.faults.add(Fault("gmail", "users.messages.*", status=500, mail_id=bad))
    for message_id, expected in ((bad, 500), (good, 200)):
        assert (await mine.call("GET", f"messages/{message_id}"))[0] == expected
        assert (await mine.call("POST", f"messages/{message_id}/modify", {"addLabelIds": ["STARRED"]}))[0] == expected
    assert (await mine.call("GET", "messages"))[0] == 200
    base = "/gmail/v1/users/me/messages"
    status, text = await batched(mine, [f"{base}/{good}?format=minimal", f"{base}/{bad}?format=minimal"])
    assert status == 200
    assert [line for line in text.splitlines() if line.startswith("HTTP/1.1")] == ["HTTP/1.1 200 OK", "HTTP/1.1 500 Error"]
    desk.world.faults.clear()
    assert "STARRED" not in (await mine.ok("GET", f"messages/{bad}"))["labelIds"]


async def test_a_fault_lets_the_first_calls_that_it_is_for_through(mine: Mailbox, desk: Desk) -> None:
    first, second = await mine.put_in(mail("First")), await mine.put_in(mail("Second"))
    desk.world.faults.add(Fault("gmail", "users.messages.get", status=503, mail_id=first, skip=2, times=1))
    order = [first, second, second, first, second, first, second, first]
    answers = [(await mine.call("GET", f"messages/{message_id}"))[0] for message_id in order]
    assert answers == [200, 200, 200, 200, 200, 503, 200, 200]


async def test_a_fault_may_give_google_s_reason(mine: Mailbox, desk: Desk) -> None:
    desk.world.faults.add(Fault("gmail", "users.labels.list", status=403, reason="domainPolicy", times=1))
    status, answer = await mine.call("GET", "labels")
    assert (status, *reason(answer)) == (403, 403, "PERMISSION_DENIED", "domainPolicy")
    assert (await mine.call("GET", "labels"))[0] == 200


async def test_a_fault_after_a_batch_leaves_each_part_done(mine: Mailbox, desk: Desk) -> None:
    message_id = await mine.put_in(mail())
    before = desk.world.quota.spent(mine.address)
    desk.world.faults.add(Fault("gmail", "batch", drop=True, after=True, times=1))
    with pytest.raises(aiohttp.ClientError):
        await batched(mine, [f"/gmail/v1/users/me/messages/{message_id}"])
    assert desk.world.quota.spent(mine.address) == before + 20


async def test_faults_of_one_upstream_are_cleared_and_the_others_go_on(mine: Mailbox, desk: Desk) -> None:
    skipping = Fault("gmail", "users.labels.list", status=503, skip=2, times=2)
    for fault in (Fault("google", "certs", status=500, times=3), skipping, Fault("tasks", "create", status=500)):
        desk.world.faults.add(fault)
    assert (await mine.call("GET", "labels"))[0] == 200
    desk.world.faults.clear("google")
    assert [fault for fault, _ in desk.world.faults.active()] == [skipping, Fault("tasks", "create", status=500)]
    assert [(await mine.call("GET", "labels"))[0] for _ in range(4)] == [200, 503, 503, 200]
    assert [fault.upstream for fault, _ in desk.world.faults.active()] == ["tasks"]


def batch_of(paths: Sequence[str]) -> bytes:
    parts = [
        f"--cut\r\nContent-Type: application/http\r\nContent-ID: <call+{number}>\r\n\r\nGET {path} HTTP/1.1\r\nAccept: */*\r\n\r\n\r\n"
        for number, path in enumerate(paths)
    ]
    return ("".join(parts) + "--cut--\r\n").encode()


async def batched(mine: Mailbox, paths: Sequence[str]) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {mine.token}", "Content-Type": 'multipart/mixed; boundary="cut"'}
    async with mine.session.post(f"{mine.url}/batch/gmail/v1", data=batch_of(paths), headers=headers) as answer:
        return answer.status, await answer.text()


async def test_a_batch_answers_each_part_and_bills_it(mine: Mailbox, desk: Desk) -> None:
    message_id = await mine.put_in(mail())
    before = desk.world.quota.spent(mine.address)
    base = "/gmail/v1/users/me/messages"
    status, text = await batched(
        mine, [f"{base}/{message_id}?format=minimal", f"{base}/00000000deadbeef", f"{base}?maxResults=1"]
    )
    assert status == 200
    assert text.count("HTTP/1.1 200") == 2
    assert text.count("HTTP/1.1 404") == 1
    assert [f"<response-call+{number}>" in text for number in range(4)] == [True, True, True, False]
    assert desk.world.quota.spent(mine.address) - before == 45


async def test_batches_that_are_none(mine: Mailbox) -> None:
    assert (await batched(mine, []))[0] == 400
    assert (await batched(mine, ["/gmail/v1/users/me/labels"] * 101))[0] == 400
    status, text = await batched(mine, ["/gmail/v1/users/me/labels"] * 100)
    assert (status, text.count("HTTP/1.1 200")) == (200, 100)


async def test_tokens_that_are_not_good(mine: Mailbox, desk: Desk) -> None:
    status, answer = await mine.call("GET", "labels", token="ya29.unknown")
    assert (status, *reason(answer)) == (401, 401, "UNAUTHENTICATED", "authError")
    desk.clock.now += timedelta(hours=1)
    assert (await mine.call("GET", "labels"))[0] == 401


async def test_scopes_that_do_not_reach(desk: Desk, ada: Account) -> None:
    reading = desk.mailbox(ada, SCOPE + "gmail.readonly")
    assert (await reading.call("GET", "labels"))[0] == 200
    status, answer = await reading.call("POST", "labels", {"name": "New"})
    assert (status, *reason(answer)) == (403, 403, "PERMISSION_DENIED", "insufficientPermissions")


async def test_the_metadata_scope(mine: Mailbox, desk: Desk, ada: Account) -> None:
    message_id = await mine.put_in(mail())
    metadata = desk.mailbox(ada, SCOPE + "gmail.metadata")
    assert (await metadata.call("GET", f"messages/{message_id}", format="metadata"))[0] == 200
    assert (await metadata.call("GET", f"messages/{message_id}", format="full"))[0] == 403
    assert (await metadata.call("GET", "messages", q="from:ada"))[0] == 403
    assert (await metadata.call("GET", "messages"))[0] == 200


async def test_another_users_mailbox(mine: Mailbox) -> None:
    url = f"{mine.url}/gmail/v1/users/bob@desk.example/messages"
    async with mine.session.get(url, headers={"Authorization": f"Bearer {mine.token}"}) as answer:
        assert answer.status == 403
    url = f"{mine.url}/gmail/v1/users/ada@desk.example/messages"
    async with mine.session.get(url, headers={"Authorization": f"Bearer {mine.token}"}) as answer:
        assert answer.status == 200


async def opened(desk: Desk, user_token: str, message_token: str, message_id: str, wanted: str = "metadata") -> int:
    headers = {"Authorization": f"Bearer {user_token}", "X-Goog-Gmail-Access-Token": message_token}
    url = f"{desk.url}/gmail/v1/users/me/messages/{message_id}"
    async with desk.session.get(url, params={"format": wanted}, headers=headers) as answer:
        return answer.status


async def test_an_add_ons_tokens_open_one_message_and_its_headers(mine: Mailbox, desk: Desk, ada: Account) -> None:
    message_id, other_id = await mine.put_in(mail("Open")), await mine.put_in(mail("Other"))
    google = desk.world.google
    user, message = google.user_token(ada), google.message_token(ada, message_id)
    assert await opened(desk, user, message, message_id) == 200
    assert await opened(desk, user, message, message_id, "minimal") == 200
    assert await opened(desk, user, message, message_id, "full") == 403
    assert await opened(desk, user, message, other_id) == 403
    assert await opened(desk, user, "", message_id) == 403
    bob = desk.world.add_account("bob@desk.example", "Bob")
    assert await opened(desk, user, google.message_token(bob, message_id), message_id) == 403
    assert (await desk.mailbox(ada, SCOPE + "gmail.addons.current.message.metadata").call("GET", "messages"))[0] == 403


async def certificates(desk: Desk) -> dict[str, str]:
    async with desk.session.get(f"{desk.url}/oauth2/v1/certs") as answer:
        assert answer.headers["Cache-Control"].startswith("public, max-age=21600")
        found: dict[str, str] = await answer.json()
        return found


async def test_id_tokens_are_good_for_googles_own_library(desk: Desk, ada: Account) -> None:
    certs = await certificates(desk)
    system = jwt.decode(desk.world.google.system_token("http://127.0.0.1/addon"), certs, audience="http://127.0.0.1/addon")
    assert system["email"] == desk.world.google.service_account
    assert (system["iss"], system["email_verified"]) == ("https://accounts.google.com", True)
    user = jwt.decode(desk.world.google.user_id_token(ada), certs, audience=desk.world.google.addon_client_id)
    assert (user["sub"], user["email"], user["hd"]) == (ada.sub, "ada@desk.example", "desk.example")
    token = desk.world.google.user_id_token(ada)
    with pytest.raises(ValueError, match="Could not verify"):
        jwt.decode(token[:-8] + "AAAAAAAA", certs)


async def test_keys_accounts_and_refresh_tokens_outlive_the_process(desk: Desk, ada: Account) -> None:
    refresh = desk.world.google.refresh_token(ada)
    await asyncio.to_thread(desk.world.mailbox(ada.address).arrive, mail())
    again = World(desk.world.folder, desk.clock)
    assert again.google.certificates() == desk.world.google.certificates()
    assert again.accounts() == (ada,)
    assert again.mailbox("SALES@desk.example").totals()[:2] == (1, 1)
    assert again.google.refreshed(refresh)[1].address == ada.address
    again.close()


async def refreshed(desk: Desk, token: str, **form: str) -> tuple[int, Any]:
    fields = {"grant_type": "refresh_token", "client_id": desk.world.google.client_id} | form
    fields = {"client_secret": desk.world.google.client_secret, "refresh_token": token} | fields
    async with desk.session.post(f"{desk.url}/token", data=fields) as answer:
        return answer.status, await answer.json()


async def test_a_refresh_token_until_it_is_revoked(desk: Desk, ada: Account) -> None:
    token = desk.world.google.refresh_token(ada)
    status, answer = await refreshed(desk, token)
    assert (status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 3599)
    mailbox = Mailbox(desk.url, ada.address, answer["access_token"], desk.session)
    assert (await mailbox.call("GET", "profile"))[0] == 200
    assert (await refreshed(desk, token, client_secret="wrong"))[1]["error"] == "invalid_client"
    assert (await refreshed(desk, token, client_id=desk.world.google.addon_client_id))[1]["error"] == "invalid_client"
    assert (await refreshed(desk, token, grant_type="password"))[1]["error"] == "unsupported_grant_type"
    async with desk.session.post(f"{desk.url}/revoke", data={"token": token}) as revoked:
        assert revoked.status == 200
    status, answer = await refreshed(desk, token)
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert (await mailbox.call("GET", "profile"))[0] == 401


async def test_faults_of_googles_side(desk: Desk) -> None:
    desk.world.faults.add(Fault("google", "certs", status=500, times=1))
    async with desk.session.get(f"{desk.url}/oauth2/v1/certs") as answer:
        assert answer.status == 500
    assert await certificates(desk) == desk.world.google.certificates()


async def test_sent_mail_arrives_at_the_other_desk(mine: Mailbox, desk: Desk, ada: Account) -> None:
    bob = desk.world.add_account("bob@desk.example", "Bob")
    raw = b"To: Bob <BOB@desk.example>\r\nBcc: eve@ross.example\r\nSubject: Hello\r\n\r\nHello Bob\r\n"
    await mine.ok("POST", "messages/send", {"raw": encoded(raw)})
    received = desk.mailbox(bob)
    [message_id] = await received.found("is:unread in:inbox")
    arrived = desk.world.mailbox(bob.address).raw(message_id)
    assert arrived.startswith(b"From: ada@desk.example\r\nDate: ")
    assert b"Bcc" not in arrived
    status, answer = await mine.call("POST", "messages/send", {"raw": encoded(b"Subject: Nobody\r\n\r\n")})
    assert (status, answer["error"]["message"]) == (400, "Recipient address required")


async def test_aliases_are_send_as(mine: Mailbox) -> None:
    addresses = (await mine.ok("GET", "settings/sendAs"))["sendAs"]
    assert [entry["sendAsEmail"] for entry in addresses] == ["ada@desk.example", "sales@desk.example"]
    assert (await mine.ok("GET", "settings/sendAs/sales@desk.example"))["verificationStatus"] == "accepted"


async def test_what_the_sandbox_has_not_says_so(mine: Mailbox) -> None:
    status, answer = await mine.call("GET", "settings/filters")
    assert (status, answer["error"]["status"]) == (501, "UNIMPLEMENTED")


async def test_googles_own_client_with_a_batch_of_fifty(mine: Mailbox, desk: Desk) -> None:
    ids = [await mine.put_in(mail(f"Mail {number}", f"p{number}@analytical.example")) for number in range(50)]

    def through_the_client() -> tuple[dict[str, str], str]:
        service = build(
            "gmail", "v1", credentials=Credentials(mine.token), static_discovery=True, client_options={"api_endpoint": desk.url}
        )
        subjects: dict[str, str] = {}

        def keep(request_id: str, answer: Any, problem: Exception | None) -> None:
            assert problem is None
            subjects[request_id] = answer["payload"]["headers"][0]["value"]

        batch = service.new_batch_http_request(callback=keep)
        batch._batch_uri = f"{desk.url}/batch/gmail/v1"
        for message_id in ids:
            request = service.users().messages().get(userId="me", id=message_id, format="metadata", metadataHeaders=["Subject"])
            batch.add(request, request_id=message_id)
        batch.execute()
        label = service.users().labels().create(userId="me", body={"name": "Open Deals"}).execute()
        body = {"ids": ids, "addLabelIds": [label["id"]], "removeLabelIds": ["INBOX"]}
        service.users().messages().batchModify(userId="me", body=body).execute()
        service.close()
        return subjects, label["id"]

    subjects, label = await asyncio.to_thread(through_the_client)
    assert subjects == {message_id: f"Mail {number}" for number, message_id in enumerate(ids)}
    assert len(await mine.found(labelIds=[label])) == 50
    assert await mine.found("in:inbox") == []


@dataclass
class Worker:
    """Where tasks go: answers the statuses of a list, then 200."""

    url: str
    statuses: list[int]
    seen: list[tuple[dict[str, str], bytes]]


SIGNER = "tasks@sandbox.example"


@pytest.fixture
async def worker(desk: Desk) -> AsyncIterator[Worker]:
    """The one function that the queue serves."""
    found = Worker("", [], [])

    async def work(request: web.Request) -> web.Response:
        found.seen.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return web.Response(status=found.statuses.pop(0) if found.statuses else 200)

    app = web.Application()
    app.router.add_post("/work", work)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/work"
    desk.world.tasks.targets = {found.url: SIGNER}
    yield found
    await runner.cleanup()


QUEUE = "projects/desk/locations/local/queues/label"


def task_for(url: str, name: str = "one", **changed: Any) -> dict[str, Any]:
    """A task as the product makes it, with `changed` fields of its request."""
    token = {"serviceAccountEmail": SIGNER, "audience": url}
    request = {"url": url, "headers": {"Content-Type": "application/json"}, "body": base64.b64encode(b'{"a": 1}').decode()}
    request |= {"httpMethod": "POST", "oidcToken": token} | changed
    return {"task": {"name": f"{QUEUE}/tasks/{name}", "httpRequest": request}}


async def create_task(desk: Desk, body: object) -> tuple[int, Any]:
    url = f"{desk.url}/computeMetadata/v1/instance/service-accounts/default/token"
    async with desk.session.get(url, headers={"Metadata-Flavor": "Google"}) as answer:
        token = (await answer.json())["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with desk.session.post(f"{desk.url}/v2/{QUEUE}/tasks", json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_task_is_sent_once_with_a_signed_token(desk: Desk, worker: Worker) -> None:
    status, task = await create_task(desk, task_for(worker.url))
    assert (status, task["name"]) == (200, f"{QUEUE}/tasks/one")
    await desk.world.tasks.settled()
    [(headers, body)] = worker.seen
    assert body == b'{"a": 1}'
    assert (headers["x-cloudtasks-queuename"], headers["x-cloudtasks-taskname"]) == ("label", "one")
    bearer = headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(bearer, desk.world.google.certificates(), audience=worker.url)
    assert (claims["email"], claims["email_verified"]) == (SIGNER, True)
    status, answer = await create_task(desk, task_for(worker.url))
    assert (status, answer["error"]["status"]) == (409, "ALREADY_EXISTS")
    desk.clock.now += timedelta(hours=1)
    assert (await create_task(desk, task_for(worker.url)))[0] == 200
    await desk.world.tasks.settled()
    assert len(worker.seen) == 2


async def test_a_task_is_tried_again_and_then_given_up(desk: Desk, worker: Worker) -> None:
    desk.world.tasks.first_wait = 0
    worker.statuses = [500, 503, 200]
    await create_task(desk, task_for(worker.url, "again"))
    await desk.world.tasks.settled()
    assert [(attempt.status, attempt.last) for attempt in desk.world.tasks.log] == [(500, False), (503, False), (200, True)]
    assert [headers["x-cloudtasks-taskretrycount"] for headers, _ in worker.seen] == ["0", "1", "2"]
    desk.world.tasks.attempts = 2
    worker.statuses = [500] * 9
    await create_task(desk, task_for(worker.url, "never"))
    await desk.world.tasks.settled()
    assert [(attempt.status, attempt.last) for attempt in list(desk.world.tasks.log)[3:]] == [(500, False), (500, True)]


async def test_tasks_go_nowhere_but_to_the_function(desk: Desk, worker: Worker) -> None:
    here = worker.url.removesuffix("/work")
    elsewhere = ["https://example.com/work", "http://10.0.0.1/work", "file:///etc/passwd", "", here, f"{here}/", f"{here}/other"]
    elsewhere += [f"{worker.url}{more}" for more in ("/", "?x=1", "#x", "/..")]
    elsewhere += [worker.url.upper(), worker.url.replace("127.0.0.1", "localhost"), desk.url]
    for url in elsewhere:
        status, answer = await create_task(desk, task_for(url))
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT"), url
    desk.world.tasks.targets = {}
    assert (await create_task(desk, task_for(worker.url)))[0] == 400
    assert worker.seen == []


async def test_tasks_are_signed_for_the_jobs_account_and_its_function_alone(desk: Desk, worker: Worker, ada: Account) -> None:
    google = desk.world.google
    for email in (ada.address, google.service_account, "other@sandbox.example", SIGNER.upper(), f"{SIGNER} ", "x"):
        token = {"serviceAccountEmail": email, "audience": worker.url}
        status, answer = await create_task(desk, task_for(worker.url, oidcToken=token))
        assert (status, answer["error"]["status"]) == (403, "PERMISSION_DENIED"), email
    for audience in (google.client_id, "http://127.0.0.1/addon", f"{worker.url}/", "x"):
        token = {"serviceAccountEmail": SIGNER, "audience": audience}
        assert (await create_task(desk, task_for(worker.url, oidcToken=token)))[0] == 400, audience
    assert worker.seen == []


async def test_an_unsigned_task_comes_unsigned(desk: Desk, worker: Worker) -> None:
    for number, token in enumerate(({}, {"audience": worker.url}, {"serviceAccountEmail": ""})):
        assert (await create_task(desk, task_for(worker.url, f"unsigned-{number}", oidcToken=token)))[0] == 200
    await desk.world.tasks.settled()
    assert ["authorization" in headers for headers, _ in worker.seen] == [False, False, False]


async def test_a_tasks_own_headers_change_nothing_that_the_queue_says(desk: Desk, worker: Worker) -> None:
    own = {
        "Host": "evil.example",
        "authorization": "Bearer mine",
        "User-Agent": "mine",
        "Content-Length": "1",
        "Transfer-Encoding": "chunked",
        "x-cloudtasks-queuename": "mine",
        "X-Google-Anything": "mine",
        "X-Mine": "mine",
    }
    assert (await create_task(desk, task_for(worker.url, headers=own)))[0] == 200
    await desk.world.tasks.settled()
    [(headers, body)] = worker.seen
    assert body == b'{"a": 1}'
    assert headers["host"] == worker.url.split("/")[2]
    assert [name for name, value in headers.items() if "mine" in value] == ["x-mine"]


ODD_REQUESTS: list[dict[str, Any]] = [
    {"httpMethod": "CONNECT"},
    {"httpMethod": "POST /other HTTP/1.1\r\nX: y"},
    {"httpMethod": ["POST"]},
    {"httpMethod": None},
    {"headers": {"X": "a\r\nAuthorization: Bearer b"}},
    {"headers": {"X\r\nY": "a"}},
    {"headers": {"": "a"}},
    {"headers": {"X": "\0"}},
    {"headers": []},
    {"body": "not base 64"},
    {"body": "ä"},
    {"oidcToken": "x"},
]


@pytest.mark.parametrize("changed", ODD_REQUESTS, ids=json.dumps)
async def test_tasks_that_cannot_be_sent_are_refused(desk: Desk, worker: Worker, changed: dict[str, Any]) -> None:
    status, answer = await create_task(desk, task_for(worker.url, **changed))
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert worker.seen == []


async def test_tasks_that_are_refused(desk: Desk, worker: Worker) -> None:
    odd: list[object] = [{"task": {}}, {}, [], None, "x", {"task": "x"}, {"task": task_for(worker.url)["task"] | {"name": "x"}}]
    odd += [
        {"task": task_for(worker.url)["task"] | {"scheduleTime": time_}}
        for time_ in ("2031-01-01", "soon", "2031-01-01T00:00:00")
    ]
    for body in odd:
        assert (await create_task(desk, body))[0] == 400, body
    async with desk.session.post(f"{desk.url}/v2/{QUEUE}/tasks", json=task_for(worker.url)) as answer:
        assert answer.status == 401
    assert worker.seen == []


async def test_the_metadata_server_needs_its_header_and_serves_no_proxy(desk: Desk) -> None:
    url = f"{desk.url}/computeMetadata/v1/instance/service-accounts/default/token"
    good = {"Metadata-Flavor": "Google"}
    for headers in ({}, {"Metadata-Flavor": "google"}, good | {"X-Forwarded-For": "10.0.0.1"}, good | {"X-Forwarded-For": ""}):
        async with desk.session.get(url, headers=headers) as answer:
            assert (answer.status, "access_token" in await answer.text()) == (403, False), headers
    async with desk.session.get(url, headers=good) as answer:
        assert (answer.status, answer.headers["Metadata-Flavor"]) == (200, "Google")


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_no_page_is_served_and_no_other_name_is_answered(desk: Desk, ada: Account, headers: dict[str, str]) -> None:
    """Each with all that would do otherwise."""
    google = desk.world.google
    form = {"grant_type": "refresh_token", "client_id": google.client_id, "client_secret": google.client_secret}
    cloud = {
        "Authorization": f"Bearer {google.access_token(google.service_account, ['https://www.googleapis.com/auth/cloud-platform'])}"
    }
    own = {"Authorization": f"Bearer {google.user_token(ada, [MAIL_SCOPE])}"}
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/oauth2/v1/certs", {}),
        ("GET", "/computeMetadata/v1/instance/service-accounts/default/token", {"headers": {"Metadata-Flavor": "Google"}}),
        ("POST", "/token", {"data": form | {"refresh_token": google.refresh_token(ada)}}),
        ("POST", "/revoke", {"data": {"token": google.refresh_token(ada)}}),
        ("GET", "/gmail/v1/users/me/labels", {"headers": own}),
        ("POST", "/batch/gmail/v1", {"headers": own | {"Content-Type": "multipart/mixed; boundary=b"}, "data": "--b--"}),
        ("POST", f"/v2/{QUEUE}/tasks", {"headers": cloud, "json": task_for("http://127.0.0.1:1/")}),
    ]
    for verb, path, request in calls:
        sent = {**request, "headers": {**request.get("headers", {}), **headers}}
        async with desk.session.request(verb, desk.url + path, **sent) as answer:
            assert (answer.status, "ya29" in await answer.text()) == (403, False), path
    assert google.has_consented(ada.address)


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (EMULATE / "package-lock.json").read_text()
