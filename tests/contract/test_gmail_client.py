"""Gmail's client against the sandbox's Gmail over HTTP: every method, its cost, and everything that goes wrong on the way."""

import asyncio
import logging
import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from shutil import copytree

import pytest
from aiohttp import web

from gmail_client.answers import is_duplicate, is_gone, refusal, token_refusal
from gmail_client.mailbox import BATCH, PAGE, UNITS, GmailMailbox
from gmail_client.open_mail import HttpMailReader
from http_session.session import HttpSession
from mailmagnet.errors import (
    BadAnswer,
    BadRequest,
    CursorExpired,
    NotAuthorised,
    NotFound,
    NotPermitted,
    RateLimited,
    TimedOut,
    Unavailable,
    Upstream,
)
from mailmagnet.gmail import INBOX, PEOPLE_HEADERS, SENDER_HEADERS, Arrival, History, Label, MailboxProfile, OpenMailTokens
from sandbox.google import quota
from sandbox.google.faults import Fault
from sandbox.google.gmail_server import make_app
from sandbox.google.google_side import SCOPE, event_message_id
from sandbox.google.mail_folder import Label as WorldLabel
from sandbox.google.mail_folder import MailFolder, NewMail
from sandbox.google.world import Account, World

ADA = "ada@corp.example"
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20)


def raw_mail(number: int, **headers: str) -> bytes:
    mail = EmailMessage()
    mail["From"] = f"Grace {number} <grace{number}@hopper.example>"
    mail["To"] = ADA
    mail["Subject"] = f"Secret {number}"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("the text of the mail")
    return mail.as_bytes()


@dataclass
class Desk:
    """A world with Ada in it, and clients that speak to it."""

    world: World
    origin: str
    ada: Account
    session: HttpSession
    opened: list[GmailMailbox] = field(default_factory=list)
    answered: list[bytes] = field(default_factory=list)
    """Every body that Gmail has sent."""

    @property
    def folder(self) -> MailFolder:
        return self.world.mailbox(ADA)

    def mailbox(self, token: str = "", secret: str = "", seconds: float = 20.0) -> GmailMailbox:
        google = self.world.google
        token = token or google.refresh_token(self.ada)
        secret = secret or google.client_secret
        mailbox = GmailMailbox(token, google.client_id, secret, self.origin, f"{self.origin}/token", seconds)
        self.opened.append(mailbox)
        return mailbox

    def reader(self, secret: str = "", seconds: float = 20.0) -> HttpMailReader:
        google = self.world.google
        secret = secret or google.client_secret
        return HttpMailReader(self.session, google.client_id, secret, self.origin, f"{self.origin}/token", seconds)

    def arrive(self, count: int, label_ids: tuple[str, ...] = (INBOX, "UNREAD")) -> list[str]:
        """Mails that came one second after the other."""
        mails = (NewMail(raw_mail(number), START + timedelta(seconds=number), label_ids) for number in range(count))
        return self.folder.add(mails)

    def label(self, name: str) -> str:
        return self.folder.create_label(WorldLabel("", name)).id

    def labels_of(self, mail_ids: Iterable[str]) -> list[set[str]]:
        return [set(self.folder.message(mail_id).label_ids) for mail_id in mail_ids]

    def must_have_heard_senders_alone(self) -> None:
        heard = b"".join(self.answered)
        assert b"grace1@hopper.example" in heard
        for word in (b"snippet", b"the text of the mail", b"Secret"):
            assert word not in heard

    def calls(self) -> Counter[tuple[str, int]]:
        """How often each of Gmail's methods was called, by how it ended."""
        return Counter(
            (call.name.removeprefix("users."), call.status) for call in self.world.calls.recent if call.name.startswith("users.")
        )


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world's keys, made once: each test's world starts from a copy."""
    folder = tmp_path_factory.mktemp("keys")
    World(folder, lambda: datetime.now(UTC)).close()
    return folder


@pytest.fixture
async def desk(keys: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    copytree(keys, tmp_path, dirs_exist_ok=True)
    world = World(tmp_path, lambda: datetime.now(UTC))
    world.quota.units_a_minute = 1_000_000
    answered: list[bytes] = []

    async def keep(_: web.Request, response: web.StreamResponse) -> None:
        answered.append(bytes(response.body) if isinstance(response, web.Response) and isinstance(response.body, bytes) else b"")

    ada = world.add_account(ADA, "Ada", ("ada@lovelace.example", "Sales@Corp.example"), "corp.example")
    app = make_app(world)
    app.on_response_prepare.append(keep)
    async with served(app) as origin:
        session = HttpSession({origin})
        desk = Desk(world, origin, ada, session, answered=answered)
        yield desk
        await session.close()
    world.close()
    billed = sum(call.units for call in world.calls.recent)
    assert not desk.opened or sum(mailbox.units for mailbox in desk.opened) == billed


def test_units_are_those_of_the_reference() -> None:
    assert {name: quota.UNITS[f"users.{'settings.' if 'sendAs' in name else ''}{name}"] for name in UNITS} == UNITS


# --- the mailbox, for the job -------------------------------------------------------------------------------------------------


async def test_profile_and_own_addresses(desk: Desk) -> None:
    desk.arrive(2)
    mailbox = desk.mailbox()
    assert await mailbox.profile() == MailboxProfile(ADA, str(desk.folder.newest_history_id()))
    assert await mailbox.own_addresses() == (ADA, "ada@lovelace.example", "sales@corp.example")
    assert mailbox.units == 2


async def test_history_tells_arrivals_in_order_once_each_and_what_was_put_on_them(desk: Desk) -> None:
    [before] = desk.arrive(1)
    mailbox = desk.mailbox()
    since = (await mailbox.profile()).history_id
    first, gone, last = desk.arrive(3)
    label = desk.label("Work")
    desk.folder.modify([first, before, gone], add=[label, "STARRED"], remove=["UNREAD"])
    desk.folder.delete([gone])
    history = await mailbox.history(since, 100)
    assert [(arrival.mail_id, arrival.labelled) for arrival in history.arrivals] == [
        (first, frozenset({label, "STARRED"})),
        (last, frozenset()),
    ]
    assert history.history_id == str(desk.folder.newest_history_id())
    again = await mailbox.history(history.arrivals[0].history_id, 100)
    assert [arrival.mail_id for arrival in again.arrivals] == [last]
    assert (await mailbox.history(history.history_id, 100)).arrivals == ()
    assert mailbox.units == 1 + 3 * 2


async def test_history_is_read_on_until_there_are_as_many_arrivals_as_asked_for(desk: Desk) -> None:
    mailbox = desk.mailbox()
    since = (await mailbox.profile()).history_id
    mail_ids = desk.arrive(2 * PAGE + 50)
    cut = await mailbox.history(since, PAGE + 1)
    assert [arrival.mail_id for arrival in cut.arrivals] == mail_ids[: 2 * PAGE]
    assert cut.history_id == cut.arrivals[-1].history_id
    rest = await mailbox.history(cut.history_id, PAGE + 1)
    assert [arrival.mail_id for arrival in rest.arrivals] == mail_ids[2 * PAGE :]
    assert rest.history_id == str(desk.folder.newest_history_id())
    assert desk.calls()["history.list", 200] == 3


async def test_history_that_begins_with_pages_without_arrivals_is_read_on(desk: Desk) -> None:
    [mail_id] = desk.arrive(1)
    mailbox = desk.mailbox()
    since = (await mailbox.profile()).history_id
    for _ in range(PAGE // 2 + 10):
        desk.folder.modify([mail_id], add=["STARRED"])
        desk.folder.modify([mail_id], remove=["STARRED"])
        desk.folder.modify([mail_id], add=["IMPORTANT"])
        desk.folder.modify([mail_id], remove=["IMPORTANT"])
    nothing = await mailbox.history(since, 1)
    assert (nothing.arrivals, nothing.history_id) == ((), str(desk.folder.newest_history_id()))
    [arrived] = desk.arrive(1)
    history = await mailbox.history(since, 1)
    assert [arrival.mail_id for arrival in history.arrivals] == [arrived]
    assert desk.calls()["history.list", 200] == 4


async def test_an_arrival_told_twice_is_one_and_keeps_its_first_place() -> None:
    pages: dict[str, dict[str, object]] = {
        "": {"history": [added("101", "a"), added("102", "b"), added("103", "a")], "nextPageToken": "next"},
        "next": {
            "history": [added("104", "c"), {"id": "105", "labelsAdded": [{"message": {"id": "b"}, "labelIds": ["STARRED"]}]}]
        },
    }

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/token":
            return web.json_response({"access_token": "ya29.x", "expires_in": 3599})
        return web.json_response(pages[request.query.get("pageToken", "")] | {"historyId": "110"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with served(app) as origin:
        history = await GmailMailbox("1//token", "client", "secret", origin, f"{origin}/token").history("100", 3)
    assert history == History((Arrival("a", "101"), Arrival("b", "102", frozenset({"STARRED"})), Arrival("c", "104")), "110")


def added(history_id: str, mail_id: str) -> dict[str, object]:
    return {"id": history_id, "messagesAdded": [{"message": {"id": mail_id}}]}


async def test_expired_history_is_told(desk: Desk) -> None:
    desk.arrive(3)
    desk.folder.expire_history()
    with pytest.raises(CursorExpired):
        await desk.mailbox().history("1", 100)


async def test_mails_after_a_moment_oldest_first(desk: Desk) -> None:
    mail_ids = desk.arrive(PAGE + 10)
    desk.arrive(3, ("SPAM",))
    desk.arrive(3, ("TRASH",))
    mailbox = desk.mailbox()
    assert await mailbox.mails_after(START) == tuple(mail_ids)
    assert await mailbox.mails_after(START + timedelta(seconds=PAGE)) == tuple(mail_ids[PAGE:])
    assert await mailbox.mails_after(START + timedelta(days=2)) == ()
    assert mailbox.units == 4 * 5


async def test_headers_of_many_mails_come_in_batches_in_order_without_those_that_are_gone(desk: Desk) -> None:
    mail_ids = desk.arrive(2 * BATCH + 5)
    gone = mail_ids.pop(60)
    desk.folder.delete([gone])
    mailbox = desk.mailbox()
    mails = await mailbox.headers([*mail_ids[:60], gone, *mail_ids[60:], mail_ids[0]], SENDER_HEADERS)
    assert [mail.mail_id for mail in mails] == mail_ids
    assert mails[7].headers == (("From", "Grace 7 <grace7@hopper.example>"),)
    assert mails[7].received_at == START + timedelta(seconds=7)
    assert mails[7].label_ids == {INBOX, "UNREAD"}
    assert mails[7].thread_id == desk.folder.message(mail_ids[7]).thread_id
    assert desk.calls()["messages.get", 200] == 2 * BATCH + 4
    assert mailbox.units == (2 * BATCH + 5) * 20


async def test_no_mails_cost_nothing(desk: Desk) -> None:
    mailbox = desk.mailbox()
    assert await mailbox.headers([], SENDER_HEADERS) == []
    await mailbox.move([], add="STARRED", remove=INBOX)
    assert await desk.reader().mails("1//unused", [], SENDER_HEADERS) == ()
    assert mailbox.units == 0


async def test_labels_and_a_new_one(desk: Desk) -> None:
    mailbox = desk.mailbox()
    label = await mailbox.create_label("Open Deals")
    assert label == Label(label.id, "Open Deals")
    labels = await mailbox.labels()
    assert label in labels
    assert Label(INBOX, INBOX) in labels
    assert mailbox.units == 6


async def test_a_label_that_is_there_in_other_case_is_used(desk: Desk) -> None:
    there = desk.label("OPEN deals")
    mailbox = desk.mailbox()
    assert await mailbox.create_label("Open Deals") == Label(there, "OPEN deals")
    assert desk.calls() == {("labels.create", 409): 1, ("labels.list", 200): 1}


@pytest.mark.parametrize(
    ("count", "method", "units"), [(1, "messages.modify", 5), (10, "messages.modify", 50), (11, "messages.batchModify", 50)]
)
async def test_mails_are_moved_the_cheaper_way_and_keep_their_other_labels(
    desk: Desk, count: int, method: str, units: int
) -> None:
    label, other = desk.label("Open Deals"), desk.label("Work")
    mail_ids = desk.arrive(count, (INBOX, "UNREAD", other))
    untouched = desk.arrive(2)
    mailbox = desk.mailbox()
    for _ in range(2):
        await mailbox.move(mail_ids, add=label, remove=INBOX)
        assert desk.labels_of(mail_ids) == [{label, other, "UNREAD"}] * count
    assert desk.labels_of(untouched) == [{INBOX, "UNREAD"}] * 2
    assert {name for name, _ in desk.calls()} == {method}
    assert mailbox.units == 2 * units


async def test_more_than_a_thousand_mails_are_moved(desk: Desk) -> None:
    label = desk.label("Open Deals")
    mail_ids = desk.arrive(1001)
    mailbox = desk.mailbox()
    await mailbox.move(mail_ids, add=label, remove=INBOX)
    assert desk.labels_of(mail_ids) == [{label, "UNREAD"}] * 1001
    assert mailbox.units == 100


@pytest.mark.parametrize("count", [3, 12])
async def test_mail_that_is_gone_is_passed_over(desk: Desk, count: int) -> None:
    label = desk.label("Open Deals")
    mail_ids = desk.arrive(count)
    desk.folder.delete([mail_ids[1]])
    await desk.mailbox().move(mail_ids, add=label, remove=INBOX)
    assert desk.labels_of([mail_ids[0], *mail_ids[2:]]) == [{label, "UNREAD"}] * (count - 1)


@pytest.mark.parametrize("count", [3, 12])
async def test_a_label_that_is_gone_is_told(desk: Desk, count: int) -> None:
    label = desk.label("Open Deals")
    mail_ids = desk.arrive(count)
    desk.folder.delete_label(label)
    with pytest.raises(NotFound):
        await desk.mailbox().move(mail_ids, add=label, remove=INBOX)
    assert desk.labels_of(mail_ids) == [{INBOX, "UNREAD"}] * count


async def test_never_more_than_five_at_once(desk: Desk) -> None:
    desk.world.faults.add(Fault("gmail", latency_ms=20))
    mailbox = desk.mailbox()
    await asyncio.gather(*(mailbox.labels() for _ in range(30)))
    assert desk.calls() == {("labels.list", 200): 30}


async def test_five_at_once_are_really_used(desk: Desk) -> None:
    desk.world.quota.at_once = 4
    desk.world.faults.add(Fault("gmail", latency_ms=1_000, times=4))
    mailbox = desk.mailbox()
    await asyncio.gather(*(mailbox.labels() for _ in range(5)))
    assert desk.calls()["labels.list", 429] > 0
    assert desk.calls()["labels.list", 200] == 5


async def test_one_access_token_serves_calls_side_by_side(desk: Desk) -> None:
    desk.world.faults.add(Fault("google", "token", latency_ms=20, times=10))
    mailbox = desk.mailbox()
    await asyncio.gather(*(mailbox.labels() for _ in range(10)))
    [(_, token_calls_left)] = desk.world.faults.active()
    assert token_calls_left == 9


# --- what goes wrong ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 403, 500, 503])
async def test_what_passes_is_tried_again(desk: Desk, status: int) -> None:
    desk.world.faults.add(Fault("gmail", "users.labels.list", status=status, times=1))
    assert await desk.mailbox().labels()
    assert desk.calls() == {("labels.list", status): 1, ("labels.list", 200): 1}


async def test_a_dropped_connection_is_tried_again(desk: Desk) -> None:
    desk.world.faults.add(Fault("gmail", "users.labels.list", drop=True, times=1))
    assert await desk.mailbox().labels()


@pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}, {"html": True}])
@pytest.mark.parametrize("method", ["users.labels.list", "token"])
async def test_what_does_not_pass_is_unavailable(desk: Desk, fault: dict[str, int], method: str) -> None:
    desk.world.faults.add(Fault("google" if method == "token" else "gmail", method, **fault))  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        await desk.mailbox().labels()


async def test_a_rate_limit_that_lasts_says_how_long(desk: Desk) -> None:
    mail_ids = desk.arrive(3)
    desk.world.quota.units_a_minute = 30
    with pytest.raises(RateLimited) as limited:
        await desk.mailbox().headers(mail_ids, SENDER_HEADERS)
    assert 30 < limited.value.retry_after <= 61
    assert desk.calls() == {("messages.get", 200): 1, ("messages.get", 429): 2}


@pytest.mark.parametrize("status", [429, 403, 500])
async def test_only_the_parts_of_a_batch_that_failed_are_asked_again(desk: Desk, status: int) -> None:
    mail_ids = desk.arrive(10)
    desk.world.faults.add(Fault("gmail", "users.messages.get", status=status, times=3))
    mails = await desk.mailbox().headers(mail_ids, SENDER_HEADERS)
    assert [mail.mail_id for mail in mails] == mail_ids
    assert desk.calls() == {("messages.get", status): 3, ("messages.get", 200): 10}


async def test_a_batch_that_fails_as_a_whole_is_sent_again(desk: Desk) -> None:
    mail_ids = desk.arrive(3)
    desk.world.faults.add(Fault("gmail", "batch", status=503, times=1))
    assert len(await desk.mailbox().headers(mail_ids, SENDER_HEADERS)) == 3


async def test_a_revoked_connection_needs_consent(desk: Desk) -> None:
    token = desk.world.google.refresh_token(desk.ada)
    mailbox = desk.mailbox(token)
    await mailbox.labels()
    desk.world.google.revoke(token)
    for call in (mailbox.labels(), mailbox.headers(["abc"], SENDER_HEADERS), desk.mailbox("1//unknown").labels()):
        with pytest.raises(NotAuthorised):
            await call


async def test_an_access_token_that_ended_early_is_renewed(desk: Desk) -> None:
    mail_ids = desk.arrive(2)
    mailbox = desk.mailbox()
    await mailbox.labels()
    for token in list(desk.world.google._access):
        desk.world.google.revoke(token)
    assert len(await mailbox.headers(mail_ids, SENDER_HEADERS)) == 2
    for token in list(desk.world.google._access):
        desk.world.google.revoke(token)
    assert await mailbox.labels()


async def test_a_wrong_client_is_not_the_users_fault(desk: Desk) -> None:
    with pytest.raises(NotPermitted):
        await desk.mailbox(secret="wrong").labels()
    with pytest.raises(NotPermitted):
        await desk.reader(secret="wrong").mails(desk.world.google.refresh_token(desk.ada), ["abc"], SENDER_HEADERS)


async def test_a_connection_without_the_scope_is_not_permitted(desk: Desk) -> None:
    token = desk.world.google.refresh_token(desk.ada, [SCOPE + "gmail.readonly"])
    [mail_id] = desk.arrive(1)
    mailbox = desk.mailbox(token)
    for call in (mailbox.create_label("Open Deals"), mailbox.move([mail_id], add="STARRED", remove=INBOX)):
        with pytest.raises(NotPermitted):
            await call
    assert len(await mailbox.headers([mail_id], SENDER_HEADERS)) == 1


async def test_a_call_that_takes_too_long_is_given_up(desk: Desk) -> None:
    desk.world.faults.add(Fault("gmail", latency_ms=5_000))
    with pytest.raises(TimedOut):
        await desk.mailbox(seconds=0.3).labels()
    desk.world.faults.clear()
    assert desk.calls()["labels.list", 200] == 0


async def test_nothing_of_a_mail_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    mail_ids = desk.arrive(3)
    desk.folder.delete(mail_ids[:1])
    desk.world.faults.add(Fault("gmail", "users.messages.get", status=403, times=2))
    mailbox = desk.mailbox()
    await mailbox.headers(mail_ids, SENDER_HEADERS)
    await mailbox.move(mail_ids, add="STARRED", remove=INBOX)
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name != "aiohttp.access")
    assert not re.search("|".join([*mail_ids, "hopper", "Secret", ADA]), logged)


# --- single mails, for the sidebar --------------------------------------------------------------------------------------------


def tokens(desk: Desk, mail_id: str) -> OpenMailTokens:
    google = desk.world.google
    return OpenMailTokens(google.user_token(desk.ada), google.message_token(desk.ada, mail_id))


async def test_the_open_mail_gives_the_headers_that_tell_people_and_no_others(desk: Desk) -> None:
    raw = raw_mail(
        1, Reply_To="grace@home.example", List_Id="<makers.example>", Auto_Submitted="no", X_Original_From="g@hopper.example"
    )
    [mail_id] = desk.folder.add([NewMail(raw, START)])
    mail = await desk.reader().open_mail(event_message_id(mail_id), tokens(desk, mail_id))
    assert (mail.mail_id, mail.received_at, mail.label_ids) == (mail_id, START, frozenset({INBOX, "UNREAD"}))
    assert {name for name, _ in mail.headers} == {"From", "To", "Reply-To", "List-Id", "Auto-Submitted", "X-Original-From"}
    assert {name for name, _ in mail.headers} <= set(PEOPLE_HEADERS)
    assert mail.first("from") == "Grace 1 <grace1@hopper.example>"
    assert await desk.reader().open_mail(mail_id.upper(), tokens(desk, mail_id)) == mail
    assert [call.units for call in desk.world.calls.recent] == [20, 20]


async def test_the_sidebar_hears_neither_text_nor_subject_of_a_mail(desk: Desk) -> None:
    mail_ids = desk.arrive(3)
    await desk.reader().open_mail(mail_ids[0], tokens(desk, mail_ids[0]))
    await desk.reader().mails(desk.world.google.refresh_token(desk.ada), mail_ids, SENDER_HEADERS)
    desk.must_have_heard_senders_alone()


async def test_the_job_hears_neither_text_nor_subject_of_a_mail(desk: Desk) -> None:
    mailbox = desk.mailbox()
    since = (await mailbox.profile()).history_id
    mail_ids = desk.arrive(3)
    await mailbox.history(since, 100)
    await mailbox.mails_after(START)
    await mailbox.headers(mail_ids, SENDER_HEADERS)
    await mailbox.move(mail_ids, desk.label("Ours"), INBOX)
    desk.must_have_heard_senders_alone()


@pytest.mark.parametrize(
    "message_id", ["", ".", "..", "../labels", "a/b", "a?b", "a#b", "a%2fb", "x" * 129, "abc\n", "msg-f:1\r\n", "\x00", "ä"]
)
async def test_an_id_that_cannot_stand_in_a_path_is_refused_before_anything_is_asked(desk: Desk, message_id: str) -> None:
    with pytest.raises(BadRequest):
        await desk.reader().open_mail(message_id, tokens(desk, "abc"))
    assert desk.session.calls.total() == 0


@pytest.mark.parametrize(
    ("message_id", "as_asked"),
    [
        *((odd, odd) for odd in ("msg-a:r-8837461827364551234", "msg-a:r123", "msg-f:", "msg-f:12ab", "xyz", "1" * 17)),
        ("msg-f:" + "9" * 20, f"{int('9' * 20):x}"),
    ],
)
async def test_an_id_that_nobody_here_knows_is_gmails_to_know(desk: Desk, message_id: str, as_asked: str) -> None:
    with pytest.raises(NotFound):
        await desk.reader().open_mail(message_id, tokens(desk, as_asked))
    assert desk.session.calls.total() == 1


async def test_an_id_that_gmail_calls_invalid_is_of_no_mail(desk: Desk) -> None:
    desk.world.faults.add(Fault("gmail", status=400))
    with pytest.raises(NotFound):
        await desk.reader().open_mail("msg-a:r-1", tokens(desk, "msg-a:r-1"))


async def test_the_open_mail_needs_both_its_tokens(desk: Desk) -> None:
    first, second = desk.arrive(2)
    good = tokens(desk, first)
    reader = desk.reader()
    for wrong, error in (
        (OpenMailTokens("ya29.unknown", good.message), NotAuthorised),
        (OpenMailTokens(good.user, "msg.unknown"), NotPermitted),
        (OpenMailTokens(good.user, tokens(desk, second).message), NotPermitted),
        (OpenMailTokens(desk.world.google.user_token(desk.ada, ["openid"]), good.message), NotPermitted),
    ):
        with pytest.raises(error) as refused:
            await reader.open_mail(first, wrong)
        assert type(refused.value) is error
    assert (await reader.open_mail(first, good)).mail_id == first


async def test_an_open_mail_that_is_gone_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await desk.reader().open_mail("18c0ffee", tokens(desk, "18c0ffee"))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        *(({"status": 429}, RateLimited), ({"status": 403}, RateLimited), ({"status": 500}, Unavailable)),
        *(({"drop": True}, Unavailable), ({"html": True}, Unavailable), ({"latency_ms": 5_000}, TimedOut)),
    ],
)
async def test_the_sidebar_is_told_at_once_what_is_wrong(desk: Desk, fault: dict[str, int], error: type[Upstream]) -> None:
    [mail_id] = desk.arrive(1)
    desk.world.faults.add(Fault("gmail", **fault))  # type: ignore[arg-type]
    with pytest.raises(error) as refused:
        await desk.reader(seconds=0.3 if error is TimedOut else 20.0).open_mail(mail_id, tokens(desk, mail_id))
    assert type(refused.value) is error
    assert desk.session.calls.total() == 1


async def test_mails_of_a_connected_mailbox_three_at_once_with_one_access_token(desk: Desk) -> None:
    desk.world.quota.at_once = 3
    mail_ids = desk.arrive(12)
    desk.folder.delete([mail_ids[3]])
    token = desk.world.google.refresh_token(desk.ada)
    desk.world.faults.add(Fault("gmail", latency_ms=20))
    reader = desk.reader()
    first, second = await asyncio.gather(*(reader.mails(token, mail_ids, ["Subject", "From"]) for _ in range(2)))
    assert first == second
    assert [mail.mail_id for mail in first] == mail_ids[:3] + mail_ids[4:]
    assert [mail.first("Subject") for mail in first][:4] == ["Secret 0", "Secret 1", "Secret 2", "Secret 4"]
    assert desk.calls() == {("messages.get", 200): 22, ("messages.get", 404): 2}
    assert desk.session.calls["Gmail"] == 24 + 1


async def test_mails_after_consent_was_taken_back(desk: Desk) -> None:
    mail_ids = desk.arrive(2)
    token = desk.world.google.refresh_token(desk.ada)
    reader = desk.reader()
    await reader.mails(token, mail_ids, SENDER_HEADERS)
    desk.world.google.revoke(token)
    for _ in range(2):
        with pytest.raises(NotAuthorised):
            await reader.mails(token, mail_ids, SENDER_HEADERS)


async def test_an_access_token_of_the_sidebar_that_ended_early_is_renewed_once(desk: Desk) -> None:
    mail_ids = desk.arrive(2)
    token = desk.world.google.refresh_token(desk.ada)
    reader = desk.reader()
    await reader.mails(token, mail_ids, SENDER_HEADERS)
    for access in list(desk.world.google._access):
        desk.world.google.revoke(access)
    assert len(await reader.mails(token, mail_ids, SENDER_HEADERS)) == 2
    desk.world.google.revoke(token)
    with pytest.raises(NotAuthorised):
        await reader.mails(token, mail_ids, SENDER_HEADERS)


def test_the_sidebars_path_loads_neither_a_discovery_document_nor_an_auth_library() -> None:
    script = (
        "import sys, gmail_client.open_mail\n"
        "heavy = ('googleapiclient', 'google.auth', 'google.oauth2', 'grpc', 'requests', 'httplib2', 'tenacity')\n"
        "print([name for name in sys.modules if name.startswith(heavy)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"


# --- what is no answer --------------------------------------------------------------------------------------------------------

NO_ANSWERS = [
    b"<html>hello</html>",
    b'{"id": ',
    b"[]",
    b"null",
    b'{"id": 7}',
    b'{"id":"1","threadId":"1","internalDate":"soon"}',
    b"\xff",
]


@pytest.mark.parametrize("body", NO_ANSWERS)
async def test_what_is_no_answer_is_told_without_its_words(body: bytes) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/token":
            return web.json_response({"access_token": "ya29.x", "expires_in": 3599})
        kind = "multipart/mixed; boundary=b" if request.path.startswith("/batch") else "application/json"
        return web.Response(body=body, headers={"Content-Type": kind})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with served(app) as origin:
        session = HttpSession({origin})
        reader = HttpMailReader(session, "client", "secret", origin, f"{origin}/token")
        mailbox = GmailMailbox("1//token", "client", "secret", origin, f"{origin}/token")
        for call in (
            reader.open_mail("abc", OpenMailTokens("user", "message")),
            reader.mails("1//token", ["abc"], SENDER_HEADERS),
            mailbox.profile(),
            mailbox.headers(["abc"], SENDER_HEADERS),
            mailbox.create_label("Open Deals"),
        ):
            with pytest.raises(BadAnswer) as refused:
                await call
            assert not re.search("hello|soon", str(refused.value))
        await session.close()


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"expires_in": 3599}', b"[]"])
async def test_what_is_no_token_is_told(body: bytes) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with served(app) as origin:
        session = HttpSession({origin})
        with pytest.raises(BadAnswer):
            await HttpMailReader(session, "client", "secret", origin, f"{origin}/token").mails(
                "1//token", ["abc"], SENDER_HEADERS
            )
        with pytest.raises((BadAnswer, Unavailable)):
            await GmailMailbox("1//token", "client", "secret", origin, f"{origin}/token").labels()
        await session.close()


async def test_nobody_there_is_unavailable() -> None:
    async with served(web.Application()) as origin:
        pass
    session = HttpSession({origin})
    with pytest.raises(Unavailable):
        await HttpMailReader(session, "client", "secret", origin, f"{origin}/token").open_mail("abc", OpenMailTokens("u", "m"))
    with pytest.raises(Unavailable):
        await GmailMailbox("1//token", "client", "secret", origin, f"{origin}/token").labels()
    await session.close()


# --- refusals by their reason -------------------------------------------------------------------------------------------------


def google_error(reason: str, message: str = "", status: str = "") -> bytes:
    return f'{{"error": {{"message": "{message}", "status": "{status}", "errors": [{{"reason": "{reason}"}}]}}}}'.encode()


REFUSALS = [
    (401, google_error("authError"), NotAuthorised),
    (401, b"", NotAuthorised),
    (403, google_error("authError"), NotAuthorised),
    (403, google_error("insufficientPermissions"), NotPermitted),
    (403, google_error("domainPolicy"), NotPermitted),
    (403, google_error("forbidden"), NotPermitted),
    (403, b"<html>", NotPermitted),
    (403, google_error("rateLimitExceeded"), RateLimited),
    (403, google_error("userRateLimitExceeded"), RateLimited),
    (403, google_error("dailyLimitExceeded"), RateLimited),
    (403, b'{"error": {"details": [{"reason": "RATE_LIMIT_EXCEEDED"}]}}', RateLimited),
    (429, google_error("anything"), RateLimited),
    (429, b"", RateLimited),
    (404, google_error("notFound"), NotFound),
    (410, b"", NotFound),
    (400, google_error("failedPrecondition"), NotPermitted),
    (400, google_error("invalidArgument", "labelId not found"), NotFound),
    (400, google_error("invalidArgument", "Invalid id value"), BadAnswer),
    (400, b'{"error": "text"}', BadAnswer),
    (400, b'{"error": {"errors": "text", "details": [7, {}]}}', BadAnswer),
    (301, b"", BadAnswer),
    (408, b"", Unavailable),
    (409, google_error("aborted"), Unavailable),
    (500, google_error("backendError"), Unavailable),
    (502, b"<html>", Unavailable),
    (503, b"[]", Unavailable),
]


@pytest.mark.parametrize(("status", "body", "error"), REFUSALS)
def test_a_refusal_is_told_apart_by_its_reason(status: int, body: bytes, error: type[Upstream]) -> None:
    assert type(refusal(status, {}, body)) is error


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"error": "invalid_grant"}', NotAuthorised),
        (400, b'{"error": "invalid_grant", "error_subtype": "invalid_rapt"}', NotAuthorised),
        (401, b'{"error": "invalid_client"}', NotPermitted),
        (400, b'{"error": "unauthorized_client"}', NotPermitted),
        (400, b'{"error": "admin_policy_enforced"}', NotPermitted),
        (500, b'{"error": "internal_failure"}', Unavailable),
        (429, b"", RateLimited),
        (200, b"<html>", BadAnswer),
    ],
)
def test_a_token_refusal_is_told_apart_by_its_error(status: int, body: bytes, error: type[Upstream]) -> None:
    assert type(token_refusal(status, {}, body)) is error


def test_a_mail_that_is_gone_is_told_from_a_label_that_is() -> None:
    assert is_gone(404, google_error("notFound", "Requested entity was not found."))
    assert not is_gone(404, google_error("notFound", "labelId not found"))
    assert not is_gone(400, google_error("invalidArgument", "Invalid id value"))


@pytest.mark.parametrize(
    ("status", "message", "duplicate"),
    [(409, "", True), (400, "Label name exists or conflicts", True), (400, "Invalid label name", False), (500, "exists", False)],
)
def test_a_label_of_the_same_name_is_told_by_either_status(status: int, message: str, duplicate: bool) -> None:
    assert is_duplicate(status, google_error("invalidArgument", message)) is duplicate


def waits(headers: dict[str, str], message: str = "") -> float:
    limited = refusal(429, headers, google_error("rateLimitExceeded", message))
    assert isinstance(limited, RateLimited)
    return limited.retry_after


def test_how_long_to_wait_is_what_google_says() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=40)
    assert waits({"retry-after": "7"}) == 7
    assert 35 < waits({"retry-after": soon.strftime("%a, %d %b %Y %H:%M:%S GMT")}) <= 40
    assert 35 < waits({}, f"User-rate limit exceeded.  Retry after {soon:%Y-%m-%dT%H:%M:%S.%f}Z") <= 40
    assert waits({}) == waits({"retry-after": "soon"}) == waits({"retry-after": "0"}) == 1
    daily = refusal(403, {}, google_error("dailyLimitExceeded"))
    assert isinstance(daily, RateLimited)
    assert daily.retry_after == 3600
