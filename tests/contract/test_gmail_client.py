"""Gmail's client against the sandbox's Gmail over HTTP: every method, its cost, and everything that goes wrong on the way."""

import asyncio
import logging
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from gmail_client.access_tokens import AccessTokens
from gmail_client.answers import Closed, is_duplicate, is_gone, refusal, token_refusal
from gmail_client.mailbox import BATCH, PAGE, TRIES, UNITS, GmailMailbox
from gmail_client.mailbox_http import Access
from gmail_client.open_mail import HttpMailReader
from gmail_client.user_mail import HttpUserMail
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
    UserGone,
)
from mailmagnet.gmail import (
    INBOX,
    PEOPLE_HEADERS,
    SENDER_HEADERS,
    HeadersRead,
    History,
    Label,
    LabelChanges,
    Listed,
    MailboxProfile,
    OpenMailTokens,
)
from mailmagnet.vault import Connection
from sandbox.google import quota
from sandbox.google.faults import Fault
from sandbox.google.google_side import SCOPE, event_message_id
from sandbox.google.mail_folder import NewMail
from tests.contract.gmail_desk import ADA, START, Desk, raw_mail, served

CONNECTION = Connection("corp.example", "101", "ada@corp.example", gmail_token="1//token")


def test_units_are_those_of_the_reference() -> None:
    assert {name: quota.UNITS[f"users.{'settings.' if 'sendAs' in name else ''}{name}"] for name in UNITS} == UNITS


# --- the mailbox, for the job -------------------------------------------------------------------------------------------------


async def test_profile_and_own_addresses(desk: Desk) -> None:
    desk.arrive(2)
    mailbox = desk.mailbox()
    assert await mailbox.profile() == MailboxProfile(ADA, str(desk.folder.newest_history_id()))
    assert await mailbox.own_addresses() == (ADA, "ada@lovelace.example", "sales@corp.example")
    assert mailbox.units == 2


async def test_an_alias_still_to_be_verified_is_nobody_s_own(desk: Desk) -> None:
    """Anybody can enter any address there: mail from it must not count as the user's own."""
    desk.altered['("ada@lovelace.example".*?"verificationStatus": )"accepted"'] = r'\1"pending"'
    assert await desk.mailbox().own_addresses() == (ADA, "sales@corp.example")


async def test_history_tells_arrivals_newest_first_and_each_mail_s_label_changes(desk: Desk) -> None:
    [before] = desk.arrive(1)
    mailbox = desk.mailbox()
    since = (await mailbox.profile()).history_id
    first, gone, last = desk.arrive(3)
    label, other = desk.label("Work"), desk.label("Play")
    desk.folder.modify([first, before, gone], add=[label, "STARRED"], remove=["UNREAD"])
    desk.folder.modify([first], add=[other], remove=[label, INBOX])
    desk.folder.delete([gone])
    history = await mailbox.history(since, 100)
    assert history.arrivals == (last, first)
    assert history.changes[first] == LabelChanges(frozenset({label, other, "STARRED"}), frozenset({"UNREAD", label, INBOX}))
    assert history.changes[before] == LabelChanges(frozenset({label, "STARRED"}), frozenset({"UNREAD"}))
    assert last not in history.changes
    assert history.history_id == str(desk.folder.newest_history_id())
    assert await mailbox.history(history.history_id, 100) == History((), {}, history.history_id)
    desk.folder.modify([before], remove=["STARRED"])
    removed_alone = await mailbox.history(history.history_id, 100)
    assert removed_alone.changes == {before: LabelChanges(frozenset(), frozenset({"STARRED"}))}
    assert mailbox.units == 1 + 3 * 2


async def test_history_is_read_to_its_end(desk: Desk) -> None:
    mailbox = desk.mailbox()
    since = (await mailbox.profile()).history_id
    mail_ids = desk.arrive(2 * PAGE + 50)
    history = await mailbox.history(since, 2 * PAGE + 50)
    assert history.arrivals == tuple(reversed(mail_ids))
    assert history.history_id == str(desk.folder.newest_history_id())
    assert desk.calls() == {("getProfile", 200): 1, ("history.list", 200): 3}


async def test_history_of_more_mails_than_are_wanted_is_given_up_for_a_resync(desk: Desk) -> None:
    mailbox = desk.mailbox()
    since = (await mailbox.profile()).history_id
    desk.arrive(2 * PAGE + 50)
    with pytest.raises(CursorExpired):
        await mailbox.history(since, PAGE)
    assert desk.calls()["history.list", 200] == 2


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
    both = frozenset({"STARRED", "IMPORTANT"})
    assert nothing.changes == {mail_id: LabelChanges(both, both)}
    [arrived] = desk.arrive(1)
    history = await mailbox.history(since, 1)
    assert history.arrivals == (arrived,)
    assert desk.calls()["history.list", 200] == 6


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
        history = await GmailMailbox(Access("1//token", "client", "secret", f"{origin}/token"), origin).history("100", 3)
    assert history == History(("c", "b", "a"), {"b": LabelChanges(frozenset({"STARRED"}))}, "110")


def added(history_id: str, mail_id: str) -> dict[str, object]:
    return {"id": history_id, "messagesAdded": [{"message": {"id": mail_id}}]}


async def test_expired_history_is_told(desk: Desk) -> None:
    desk.arrive(3)
    desk.folder.expire_history()
    with pytest.raises(CursorExpired):
        await desk.mailbox().history("1", 100)


async def test_mails_between_two_moments_newest_first(desk: Desk) -> None:
    newest_first = list(reversed(desk.arrive(PAGE + 10)))
    desk.arrive(3, ("SPAM",))
    desk.arrive(3, ("TRASH",))
    mailbox = desk.mailbox()
    assert await mailbox.mails_between(START, None, 10_000) == Listed(tuple(newest_first), more=False)
    last = START + timedelta(seconds=PAGE + 9)
    assert await mailbox.mails_between(last, None, 10) == Listed((newest_first[0],), more=False)
    assert await mailbox.mails_between(START + timedelta(days=2), None, 10) == Listed((), more=False)
    assert await mailbox.mails_between(START, last, 10_000) == Listed(tuple(newest_first[1:]), more=False)
    assert await mailbox.mails_between(START, START, 10_000) == Listed((), more=False)
    assert mailbox.units == 7 * 5


async def test_mails_between_two_moments_are_listed_a_page_at_a_time_until_there_are_enough(desk: Desk) -> None:
    newest_first = list(reversed(desk.arrive(2 * PAGE + 10)))
    mailbox = desk.mailbox()
    assert await mailbox.mails_between(START, None, PAGE) == Listed(tuple(newest_first[:PAGE]), more=True)
    assert await mailbox.mails_between(START, None, PAGE + 1) == Listed(tuple(newest_first[: 2 * PAGE]), more=True)
    assert await mailbox.mails_between(START, None, 2 * PAGE + 1) == Listed(tuple(newest_first), more=False)
    assert mailbox.units == 6 * 5


async def test_a_mail_within_the_second_of_either_moment(desk: Desk) -> None:
    """Gmail searches by the second: what came in the first one is there, what came in the last one is not."""
    moments = [START + timedelta(milliseconds=after) for after in (100, 900, 1_500)]
    mail_ids = desk.folder.add(NewMail(raw_mail(number), at) for number, at in enumerate(moments))
    mailbox = desk.mailbox()
    assert (await mailbox.mails_between(moments[1], None, 10)).mail_ids == tuple(reversed(mail_ids))
    assert (await mailbox.mails_between(START, moments[2], 10)).mail_ids == (mail_ids[1], mail_ids[0])


async def test_headers_of_many_mails_come_in_batches_in_order_without_those_that_are_gone(desk: Desk) -> None:
    mail_ids = desk.arrive(2 * BATCH + 5)
    gone = mail_ids.pop(60)
    desk.folder.delete([gone])
    mailbox = desk.mailbox()
    read = await mailbox.headers([*mail_ids[:60], gone, *mail_ids[60:], mail_ids[0]], SENDER_HEADERS)
    mails = read.mails
    assert [mail.mail_id for mail in mails] == mail_ids
    assert read.unread == {}
    assert mails[7].headers == (("From", "Grace 7 <grace7@hopper.example>"),)
    assert mails[7].received_at == START + timedelta(seconds=7)
    assert mails[7].label_ids == {INBOX, "UNREAD"}
    assert mails[7].thread_id == desk.folder.message(mail_ids[7]).thread_id
    assert desk.calls()["messages.get", 200] == 2 * BATCH + 4
    assert desk.requests()["batch"] == 3
    assert mailbox.units == (2 * BATCH + 5) * 20


async def test_no_mails_cost_nothing(desk: Desk) -> None:
    mailbox = desk.mailbox()
    assert await mailbox.headers([], SENDER_HEADERS) == HeadersRead((), {})
    assert await mailbox.move([], add="STARRED", remove=INBOX) == {}
    assert await desk.user_mail("1//unused").headers([], SENDER_HEADERS) == ()
    assert mailbox.units == 0


async def test_labels_and_a_new_one(desk: Desk) -> None:
    mailbox = desk.mailbox()
    label = await mailbox.create_label("Open Deals")
    assert label
    assert label == Label(label.id, "Open Deals")
    labels = await mailbox.labels()
    assert label in labels
    assert Label(INBOX, INBOX) in labels
    assert mailbox.units == 6


@pytest.mark.parametrize(
    ("there", "wanted", "status"),
    [
        ("Open Deals", "Open Deals", 409),
        ("OPEN deals", "Open Deals", 409),
        ("Work", "inbox", 400),
        ("Work", "", 400),
    ],
)
async def test_a_label_name_that_is_taken_or_that_none_can_have_is_no_label(
    desk: Desk, there: str, wanted: str, status: int
) -> None:
    desk.label(there)
    before = await desk.mailbox().labels()
    mailbox = desk.mailbox()
    assert await mailbox.create_label(wanted) is None
    assert await desk.mailbox().labels() == before
    assert desk.calls() == {("labels.list", 200): 2, ("labels.create", status): 1}
    assert mailbox.units == 5


async def test_a_label_whose_making_was_not_answered_is_there_once(desk: Desk) -> None:
    """The next try finds its own label: the name is taken, and who asked looks the label up."""
    desk.world.faults.add(Fault("gmail", "users.labels.create", status=503, after=True, times=1))
    desk.not_billed = -UNITS["labels.create"]
    mailbox = desk.mailbox()
    assert await mailbox.create_label("Open Deals") is None
    assert [label.name for label in await mailbox.labels()].count("Open Deals") == 1


async def test_two_changes_that_met_are_tried_again(desk: Desk) -> None:
    """409 tells that too; it is no taken name."""
    label = desk.label("Open Deals")
    mail_ids = desk.arrive(3)
    for method in ("labels.create", "messages.modify"):
        desk.world.faults.add(Fault("gmail", f"users.{method}", status=409, times=1))
    mailbox = desk.mailbox()
    made = await mailbox.create_label("Customer")
    assert made
    assert made.name == "Customer"
    assert await mailbox.move(mail_ids, add=label, remove=INBOX) == {}
    assert desk.labels_of(mail_ids) == [{label, "UNREAD"}] * 3
    assert desk.calls() == {
        ("labels.create", 409): 1,
        ("labels.create", 200): 1,
        ("messages.modify", 409): 1,
        ("messages.modify", 200): 3,
    }


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
        assert await mailbox.move(mail_ids, add=label, remove=INBOX) == {}
        assert desk.labels_of(mail_ids) == [{label, other, "UNREAD"}] * count
    assert desk.labels_of(untouched) == [{INBOX, "UNREAD"}] * 2
    assert {name for name, _ in desk.calls()} == {method}
    assert mailbox.units == 2 * units


async def test_more_than_a_thousand_mails_are_moved(desk: Desk) -> None:
    label = desk.label("Open Deals")
    mail_ids = desk.arrive(1001)
    mailbox = desk.mailbox()
    assert await mailbox.move(mail_ids, add=label, remove=INBOX) == {}
    assert desk.labels_of(mail_ids) == [{label, "UNREAD"}] * 1001
    assert mailbox.units == 100


@pytest.mark.parametrize("count", [3, 12])
async def test_mail_that_is_gone_is_passed_over(desk: Desk, count: int) -> None:
    label = desk.label("Open Deals")
    mail_ids = desk.arrive(count)
    desk.folder.delete([mail_ids[1]])
    assert await desk.mailbox().move(mail_ids, add=label, remove=INBOX) == {}
    assert desk.labels_of([mail_ids[0], *mail_ids[2:]]) == [{label, "UNREAD"}] * (count - 1)


@pytest.mark.parametrize("count", [3, 12])
async def test_a_label_that_is_gone_is_told(desk: Desk, count: int) -> None:
    label = desk.label("Open Deals")
    mail_ids = desk.arrive(count)
    desk.folder.delete_label(label)
    with pytest.raises(NotFound):
        await desk.mailbox().move(mail_ids, add=label, remove=INBOX)
    assert desk.labels_of(mail_ids) == [{INBOX, "UNREAD"}] * count


async def test_never_more_than_two_at_once_so_that_the_sidebar_has_its_three(desk: Desk) -> None:
    desk.world.quota.at_once = 2
    desk.world.faults.add(Fault("gmail", latency_ms=20))
    mailbox = desk.mailbox()
    await asyncio.gather(*(mailbox.labels() for _ in range(30)))
    assert desk.calls() == {("labels.list", 200): 30}


async def test_two_at_once_are_really_used(desk: Desk) -> None:
    desk.world.quota.at_once = 1
    desk.world.faults.add(Fault("gmail", latency_ms=1_000, times=1))
    mailbox = desk.mailbox()
    await asyncio.gather(*(mailbox.labels() for _ in range(2)))
    assert desk.calls()["labels.list", 429] > 0
    assert desk.calls()["labels.list", 200] == 2


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
    read = await desk.mailbox().headers(mail_ids, SENDER_HEADERS)
    assert [mail.mail_id for mail in read.mails] == mail_ids
    assert read.unread == {}
    assert desk.calls() == {("messages.get", status): 3, ("messages.get", 200): 10}


async def test_a_batch_that_fails_as_a_whole_is_sent_again(desk: Desk) -> None:
    mail_ids = desk.arrive(3)
    desk.world.faults.add(Fault("gmail", "batch", status=503, times=1))
    assert len((await desk.mailbox().headers(mail_ids, SENDER_HEADERS)).mails) == 3


@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": True}, {"html": True}])
async def test_a_batch_that_keeps_failing_as_a_whole_is_unavailable(desk: Desk, fault: dict[str, int]) -> None:
    mail_ids = desk.arrive(3)
    desk.world.faults.add(Fault("gmail", "batch", **fault))  # type: ignore[arg-type]
    mailbox = desk.mailbox()
    for call in (mailbox.headers(mail_ids, SENDER_HEADERS), mailbox.move(mail_ids, add="STARRED", remove=INBOX)):
        with pytest.raises(Unavailable):
            await call
    assert desk.labels_of(mail_ids) == [{INBOX, "UNREAD"}] * 3


async def test_what_was_read_before_a_batch_failed_is_not_lost(desk: Desk) -> None:
    """The first try brings all but one mail; then nothing comes any more."""
    mail_ids = desk.arrive(10)
    desk.world.faults.add(Fault("gmail", "users.messages.get", status=500, mail_id=mail_ids[4]))
    desk.world.faults.add(Fault("gmail", "batch", status=503, skip=1))
    read = await desk.mailbox().headers(mail_ids, SENDER_HEADERS)
    assert [mail.mail_id for mail in read.mails] == mail_ids[:4] + mail_ids[5:]
    assert {mail_id: type(problem) for mail_id, problem in read.unread.items()} == {mail_ids[4]: Unavailable}


WHOLE = r'"threadId"[^\r\n]*'

BAD_MAILS: dict[str, tuple[Fault | tuple[str, str], type[Upstream], str]] = {
    "500": (Fault("gmail", status=500), Unavailable, "answered 500 (backendError)"),
    "503": (Fault("gmail", status=503), Unavailable, "answered 503 (backendError)"),
    "400": (Fault("gmail", status=400), BadAnswer, "answered 400 (backendError)"),
    "403": (Fault("gmail", status=403, reason="forbidden"), NotPermitted, "answered 403 (forbidden)"),
    "a date that no calendar has": (
        ('"internalDate": "\\d+"', f'"internalDate": "{10**18}"'),
        BadAnswer,
        "a mail's internalDate",
    ),
    "a date before all dates": (('"internalDate": "\\d+"', f'"internalDate": "-{10**18}"'), BadAnswer, "a mail's internalDate"),
    "a date of a thousand digits": (('"internalDate": "\\d+"', f'"internalDate": "{"9" * 1_000}"'), BadAnswer, ""),
    "no date": (('"internalDate": "\\d+", ', ""), BadAnswer, "the answer is not a Message"),
    "a date in words": (('"internalDate": "\\d+"', '"internalDate": "soon"'), BadAnswer, "the answer is not a Message"),
    "a header without a name": (('"name": "From", ', ""), BadAnswer, "the answer is not a Message"),
    "half an answer": ((WHOLE, '"threadId": "'), BadAnswer, "the answer is not a Message"),
    "HTML": ((WHOLE, "<html>hopper.example</html>"), BadAnswer, "the answer is not a Message"),
}


@pytest.mark.parametrize("kind", BAD_MAILS)
async def test_one_bad_mail_of_fifty_is_told_and_the_others_are_read(desk: Desk, kind: str) -> None:
    mail_ids = desk.arrive(BATCH)
    bad = mail_ids[31]
    what, error, reason = BAD_MAILS[kind]
    if isinstance(what, Fault):
        desk.world.faults.add(replace(what, method="users.messages.get", mail_id=bad))
    else:
        desk.alter(bad, *what)
    read = await desk.mailbox().headers(mail_ids, SENDER_HEADERS)
    assert [mail.mail_id for mail in read.mails] == mail_ids[:31] + mail_ids[32:]
    assert read.unread.keys() == {bad}
    assert type(read.unread[bad]) is error
    assert read.unread[bad].what.startswith(reason)
    assert "hopper" not in str(read.unread[bad])
    tries = TRIES if error is Unavailable else 1
    assert sum(count for (name, _), count in desk.calls().items() if name == "messages.get") == BATCH - 1 + tries
    assert desk.requests()["batch"] == tries


async def test_what_looks_odd_is_read_all_the_same(desk: Desk) -> None:
    old, nameless, empty = desk.arrive(3)
    desk.alter(old, '"internalDate": "\\d+"', '"internalDate": "-1"')
    desk.alter(nameless, ', "value": "[^"]*"', "")
    desk.alter(empty, '"payload": {.*}(?=})', '"payload": {}')
    read = await desk.mailbox().headers([old, nameless, empty], SENDER_HEADERS)
    assert read.unread == {}
    assert read.mails[0].received_at == datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
    assert read.mails[1].headers == (("From", ""),)
    assert read.mails[2].headers == ()


async def test_mail_that_is_gone_is_neither_read_nor_told(desk: Desk) -> None:
    mail_ids = desk.arrive(3)
    desk.folder.delete(mail_ids[:1])
    read = await desk.mailbox().headers(mail_ids, SENDER_HEADERS)
    assert [mail.mail_id for mail in read.mails] == mail_ids[1:]
    assert read.unread == {}


async def test_when_no_mail_can_be_read_each_is_told(desk: Desk) -> None:
    mail_ids = desk.arrive(3)
    desk.world.faults.add(Fault("gmail", "users.messages.get", status=500))
    read = await desk.mailbox().headers(mail_ids, SENDER_HEADERS)
    assert read.mails == ()
    assert {mail_id: type(problem) for mail_id, problem in read.unread.items()} == dict.fromkeys(mail_ids, Unavailable)
    assert desk.calls() == {("messages.get", 500): 3 * TRIES}


async def test_what_is_forbidden_for_all_mails_is_forbidden_to_the_user(desk: Desk) -> None:
    mail_ids = desk.arrive(3)
    desk.world.faults.add(Fault("gmail", "users.messages.*", status=403, reason="domainPolicy"))
    mailbox = desk.mailbox()
    for count in (3, 1):
        for call in (mailbox.headers(mail_ids[:count], SENDER_HEADERS), mailbox.move(mail_ids[:count], "STARRED", INBOX)):
            with pytest.raises(NotPermitted):
                await call
    assert desk.calls() == {("messages.get", 403): 4, ("messages.modify", 403): 4}


@pytest.mark.parametrize("count", [3, 12])
@pytest.mark.parametrize(("status", "error"), [(500, Unavailable), (400, BadAnswer), (403, NotPermitted)])
async def test_one_mail_that_cannot_be_moved_is_told_and_the_others_are_moved(
    desk: Desk, count: int, status: int, error: type[Upstream]
) -> None:
    label = desk.label("Open Deals")
    mail_ids = desk.arrive(count)
    reason = "forbidden" if status == 403 else ""
    if count > 10:
        desk.world.faults.add(Fault("gmail", "users.messages.batchModify", status=400))
    desk.world.faults.add(Fault("gmail", "users.messages.modify", status=status, reason=reason, mail_id=mail_ids[1]))
    failed = await desk.mailbox().move(mail_ids, add=label, remove=INBOX)
    assert {mail_id: type(problem) for mail_id, problem in failed.items()} == {mail_ids[1]: error}
    assert desk.labels_of(mail_ids) == [{label, "UNREAD"}, {INBOX, "UNREAD"}, *[{label, "UNREAD"}] * (count - 2)]


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (410, 1), (400, 1), (500, TRIES), (409, TRIES)])
async def test_mails_that_cannot_be_moved_together_are_moved_one_by_one(desk: Desk, status: int, tries: int) -> None:
    label = desk.label("Open Deals")
    mail_ids = desk.arrive(BATCH + 2)
    desk.world.faults.add(Fault("gmail", "users.messages.batchModify", status=status))
    desk.not_billed = UNITS["messages.batchModify"] if status in (404, 410) else 0
    assert await desk.mailbox().move(mail_ids, add=label, remove=INBOX) == {}
    assert desk.labels_of(mail_ids) == [{label, "UNREAD"}] * (BATCH + 2)
    assert desk.calls() == {("messages.batchModify", status): tries, ("messages.modify", 200): BATCH + 2}


@pytest.mark.parametrize(("status", "reason", "error"), [(403, "domainPolicy", NotPermitted), (401, "", NotAuthorised)])
async def test_a_refusal_of_the_user_is_no_reason_to_move_one_by_one(
    desk: Desk, status: int, reason: str, error: type[Upstream]
) -> None:
    mail_ids = desk.arrive(12)
    desk.world.faults.add(Fault("gmail", "users.messages.batchModify", status=status, reason=reason))
    with pytest.raises(error):
        await desk.mailbox().move(mail_ids, add="STARRED", remove=INBOX)
    assert desk.calls()["messages.modify", 200] == 0


async def test_moves_that_were_not_answered_are_done_once_and_told_as_done(desk: Desk) -> None:
    label = desk.label("Open Deals")
    mail_ids = desk.arrive(14)
    desk.world.faults.add(Fault("gmail", "users.messages.batchModify", status=500, after=True, times=1))
    desk.world.faults.add(Fault("gmail", "users.messages.modify", status=500, after=True, mail_id=mail_ids[13], times=1))
    desk.not_billed = -UNITS["messages.batchModify"] - UNITS["messages.modify"]
    mailbox = desk.mailbox()
    assert await mailbox.move(mail_ids[:11], add=label, remove=INBOX) == {}
    assert await mailbox.move(mail_ids[11:], add=label, remove=INBOX) == {}
    assert desk.labels_of(mail_ids) == [{label, "UNREAD"}] * 14


async def test_a_revoked_connection_needs_consent(desk: Desk) -> None:
    token = desk.world.google.refresh_token(desk.ada)
    mailbox = desk.mailbox(token)
    await mailbox.labels()
    desk.world.google.revoke(token)
    for call in (mailbox.labels(), mailbox.headers(["abc"], SENDER_HEADERS), desk.mailbox("1//unknown").labels()):
        with pytest.raises(NotAuthorised):
            await call


async def test_a_deleted_account_is_told_from_a_suspended_one_which_is_told_from_nothing(desk: Desk) -> None:
    token = desk.world.google.refresh_token(desk.ada)
    desk.world.suspend(ADA)
    with pytest.raises(NotAuthorised) as suspended:
        await desk.mailbox(token).labels()
    assert type(suspended.value) is NotAuthorised
    desk.world.delete(ADA)
    with pytest.raises(UserGone):
        await desk.mailbox(token).labels()


async def test_an_access_token_that_ended_early_is_renewed(desk: Desk) -> None:
    mail_ids = desk.arrive(2)
    mailbox = desk.mailbox()
    await mailbox.labels()
    end_access_tokens(desk)
    assert len((await mailbox.headers(mail_ids, SENDER_HEADERS)).mails) == 2
    end_access_tokens(desk)
    assert await mailbox.labels()
    assert desk.requests()["token"] == 3


def end_access_tokens(desk: Desk) -> None:
    for token in list(desk.world.google._access):
        desk.world.google.revoke(token)


async def test_a_part_that_is_refused_the_token_gets_another_once(desk: Desk) -> None:
    mail_ids = desk.arrive(3)
    # the library itself asks once more with the same token
    desk.world.faults.add(Fault("gmail", "users.messages.get", status=401, mail_id=mail_ids[1], times=2))
    mailbox = desk.mailbox()
    assert [mail.mail_id for mail in (await mailbox.headers(mail_ids, SENDER_HEADERS)).mails] == mail_ids
    assert desk.calls() == {("messages.get", 200): 3, ("messages.get", 401): 2}
    assert desk.requests()["token"] == 2


@pytest.mark.parametrize("which", ["one", "all"])
async def test_a_part_that_is_refused_every_token_needs_consent(desk: Desk, which: str) -> None:
    mail_ids = desk.arrive(3)
    desk.world.faults.add(Fault("gmail", "users.messages.*", status=401, mail_id=mail_ids[1] if which == "one" else ""))
    for number, call in enumerate(("headers", "move"), 1):
        mailbox = desk.mailbox()
        with pytest.raises(NotAuthorised):
            await (mailbox.headers(mail_ids, SENDER_HEADERS) if call == "headers" else mailbox.move(mail_ids, "STARRED", INBOX))
        assert desk.requests()["token"] == 2 * number


async def test_a_wrong_client_is_not_the_users_fault(desk: Desk) -> None:
    with pytest.raises(NotPermitted):
        await desk.mailbox(secret="wrong").labels()
    with pytest.raises(NotPermitted):
        await desk.user_mail(secret="wrong").headers(["abc"], SENDER_HEADERS)


async def test_a_connection_without_the_scope_is_not_permitted(desk: Desk) -> None:
    token = desk.world.google.refresh_token(desk.ada, [SCOPE + "gmail.readonly"])
    [mail_id] = desk.arrive(1)
    mailbox = desk.mailbox(token)
    for call in (mailbox.create_label("Open Deals"), mailbox.move([mail_id], add="STARRED", remove=INBOX)):
        with pytest.raises(NotPermitted):
            await call
    assert len((await mailbox.headers([mail_id], SENDER_HEADERS)).mails) == 1


CALLS: dict[str, tuple[Callable[[GmailMailbox, list[str]], Awaitable[object]], str]] = {
    "profile": (lambda mailbox, _: mailbox.profile(), "getProfile"),
    "own_addresses": (lambda mailbox, _: mailbox.own_addresses(), "settings.sendAs.list"),
    "history": (lambda mailbox, _: mailbox.history("1", 100), "history.list"),
    "mails_between": (lambda mailbox, _: mailbox.mails_between(START, None, 10), "messages.list"),
    "mails_under": (lambda mailbox, _: mailbox.mails_under([INBOX]), "messages.list"),
    "headers": (lambda mailbox, mail_ids: mailbox.headers(mail_ids, SENDER_HEADERS), "batch"),
    "labels": (lambda mailbox, _: mailbox.labels(), "labels.list"),
    "create_label": (lambda mailbox, _: mailbox.create_label("Open Deals"), "labels.create"),
    "move a few": (lambda mailbox, mail_ids: mailbox.move(mail_ids[:3], "STARRED", INBOX), "batch"),
    "move many": (lambda mailbox, mail_ids: mailbox.move(mail_ids, "STARRED", INBOX), "messages.batchModify"),
}


def test_every_call_of_a_mailbox_is_among_these() -> None:
    calls = {name for name, value in vars(GmailMailbox).items() if not name.startswith("_") and callable(value)}
    assert {name.partition(" ")[0] for name in CALLS} == calls


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_that_takes_too_long_is_given_up_and_not_tried_again(desk: Desk, name: str) -> None:
    """It may be under way still, and Gmail is slow enough."""
    mail_ids = desk.arrive(12)
    call, method = CALLS[name]
    desk.world.faults.add(Fault("gmail", "batch" if method == "batch" else f"users.{method}", latency_ms=60_000))
    with pytest.raises(TimedOut):
        await call(desk.mailbox(seconds=1.0), mail_ids)
    assert desk.requests() == {"token": 1, method: 1}


async def test_nothing_of_a_mail_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    mail_ids = desk.arrive(3)
    desk.folder.delete(mail_ids[:1])
    desk.world.faults.add(Fault("gmail", "users.messages.get", status=403, times=2))
    mailbox = desk.mailbox()
    desk.alter(mail_ids[1], '"internalDate": "\\d+"', '"internalDate": "soon"')
    desk.world.faults.add(Fault("gmail", "users.messages.modify", status=400, mail_id=mail_ids[1]))
    read = await mailbox.headers(mail_ids, SENDER_HEADERS)
    failed = await mailbox.move(mail_ids, add="STARRED", remove=INBOX)
    assert read.unread.keys() == failed.keys() == {mail_ids[1]}
    for problem in (*read.unread.values(), *failed.values()):
        logging.getLogger("mailmagnet").warning("not done: %s", problem)
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
    await desk.user_mail().headers(mail_ids, SENDER_HEADERS)
    desk.must_have_heard_senders_alone()


async def test_the_job_hears_neither_text_nor_subject_of_a_mail(desk: Desk) -> None:
    mailbox = desk.mailbox()
    since = (await mailbox.profile()).history_id
    mail_ids = desk.arrive(3)
    await mailbox.history(since, 100)
    await mailbox.mails_between(START, None, 100)
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
        (OpenMailTokens(desk.world.google.user_token(desk.ada, ["openid"]), good.message), Closed),
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
        reader = HttpMailReader(session, origin)
        mail = HttpUserMail(session, AccessTokens(session, "client", "secret", f"{origin}/token", 4.0), CONNECTION, origin)
        mailbox = GmailMailbox(Access("1//token", "client", "secret", f"{origin}/token"), origin)
        for call in (
            reader.open_mail("abc", OpenMailTokens("user", "message")),
            mail.headers(["abc"], SENDER_HEADERS),
            mail.text("abc"),
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
            tokens = AccessTokens(session, "client", "secret", f"{origin}/token", 4.0)
            await HttpUserMail(session, tokens, CONNECTION, origin).headers(["abc"], SENDER_HEADERS)
        with pytest.raises((BadAnswer, Unavailable)):
            await GmailMailbox(Access("1//token", "client", "secret", f"{origin}/token"), origin).labels()
        await session.close()


async def test_nobody_there_is_unavailable() -> None:
    async with served(web.Application()) as origin:
        pass
    session = HttpSession({origin})
    with pytest.raises(Unavailable):
        await HttpMailReader(session, origin).open_mail("abc", OpenMailTokens("u", "m"))
    with pytest.raises(Unavailable):
        await GmailMailbox(Access("1//token", "client", "secret", f"{origin}/token"), origin).labels()
    await session.close()


# --- refusals by their reason -------------------------------------------------------------------------------------------------


def google_error(reason: str, message: str = "", status: str = "") -> bytes:
    return f'{{"error": {{"message": "{message}", "status": "{status}", "errors": [{{"reason": "{reason}"}}]}}}}'.encode()


REFUSALS = [
    (401, google_error("authError"), NotAuthorised),
    (401, b"", NotAuthorised),
    (403, google_error("authError"), NotAuthorised),
    (403, google_error("insufficientPermissions"), Closed),
    (403, google_error("domainPolicy"), Closed),
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
        (400, b'{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}', NotAuthorised),
        (400, b'{"error": "invalid_grant", "error_description": "Account has been deleted"}', UserGone),
        (400, b'{"error": "invalid_grant", "error_description": "The account has been deleted"}', UserGone),
        (401, b'{"error": "invalid_client", "error_description": "Account has been deleted"}', NotPermitted),
        (400, b'{"error": "invalid_grant", "error_description": ["Account has been deletedx"]}', NotAuthorised),
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
    [
        (409, "Label name exists or conflicts", True),
        (400, "Label name exists or conflicts", True),
        (409, "Requested entity already exists", True),
        (400, "Invalid label name", True),
        (409, "", False),
        (409, "The operation was aborted.", False),
        (409, "The operation conflicts with another, try again.", False),
        (400, "Invalid id value", False),
        (500, "exists", False),
    ],
)
def test_a_label_name_that_is_taken_is_told_by_either_status_and_from_changes_that_met(
    status: int, message: str, duplicate: bool
) -> None:
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
