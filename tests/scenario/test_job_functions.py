"""The job as Google Cloud runs it: the tick, one task for each mailbox, and the mailbox's run, three processes over HTTP."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import date
from typing import Any

import aiohttp
import pytest

from crm_client.embedded.administration import ADMINISTRATOR, set_permission
from mailmagnet.categories import Category
from mailmagnet.crm import MAIL_INTEGRATION, DealState
from mailmagnet.pooled_senders import SECONDS_TO_WAIT
from mailmagnet.store import Progress, RunCounts
from sandbox.google.faults import Fault
from tests.scenario.addon_process import SANDBOX_PROCESS, function_process, settings_of
from tests.scenario.desk import ADA, Desk
from tests.signing import free_port

CLOSED_LONG_AGO = (DealState.WON, date(2020, 1, 31))
CUSTOMER = Category.CUSTOMER.label
JOB_ACCOUNT = "job@desk.example"


@dataclass
class Job:
    """The two functions, and calls to them as Cloud Scheduler and Cloud Tasks make them."""

    desk: Desk
    tick_url: str
    mailbox_url: str
    log: bytearray
    session: aiohttp.ClientSession

    async def call(self, url: str, body: Any, audience: str | None = None, account: str = JOB_ACCOUNT) -> tuple[int, str]:
        token = self.desk.world.google.service_token(account, audience or url)
        headers = {"Authorization": f"Bearer {token}"}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.session.post(url, data=data, headers=headers) as answer:
            return answer.status, await answer.text()

    async def logged(self, words: str) -> bool:
        """Whether this comes into the log: the pipe may lag behind the answers."""
        for _ in range(200):
            if words in self.log.decode():
                return True
            await asyncio.sleep(0.025)
        return False

    async def sort(self, **more: Any) -> tuple[int, dict[str, Any]]:
        status, text = await self.call(self.mailbox_url, {"org": "corp.example", "user": self.desk.account.sub, **more})
        return status, json.loads(text)


@asynccontextmanager
async def job_at(desk: Desk, **settings: str) -> AsyncIterator[Job]:
    desk.clock.turn(minutes=11)  # the mailbox was connected just now: it is due after ten
    ports, log = {"label_tick": free_port(), "label_mailbox": free_port()}, bytearray()
    urls = {target: f"http://127.0.0.1:{port}" for target, port in ports.items()}
    environment = {
        **settings_of(desk, "http://127.0.0.1:1"),
        "MAILMAGNET_LABEL_TICK_URL": urls["label_tick"],
        "MAILMAGNET_LABEL_MAILBOX_URL": urls["label_mailbox"],
        **settings,
    }
    desk.world.tasks.targets = {urls["label_mailbox"]: JOB_ACCOUNT}
    async with AsyncExitStack() as stack:
        for target, port in ports.items():
            await stack.enter_async_context(function_process(SANDBOX_PROCESS, target, environment, port, log))
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)))
        yield Job(desk, urls["label_tick"], urls["label_mailbox"], log, session)


@pytest.fixture
async def job(desk: Desk) -> AsyncIterator[Job]:
    async with job_at(desk) as made:
        yield made


async def test_a_tick_sends_a_task_for_each_due_mailbox_and_the_task_sorts_its_mail(job: Job) -> None:
    await job.desk.contact("grace@a.example", CLOSED_LONG_AGO)
    mail = job.desk.arrive("Grace Unmentionable <grace@a.example>", subject="Xylophone")
    assert await job.call(job.tick_url, {}) == (200, '{"tasks":1,"failed_orgs":0}')
    await job.desk.world.tasks.settled()
    assert await job.desk.labels_of(mail) == {CUSTOMER, "UNREAD"}
    assert await job.call(job.tick_url, {}) == (200, '{"tasks":0,"failed_orgs":0}')
    for secret in ("Unmentionable", "Xylophone", "grace", ADA, mail):
        assert secret not in job.log.decode()


async def test_a_run_answers_with_its_counts_and_a_dry_one_with_its_reasons(job: Job) -> None:
    await job.desk.contact("grace@a.example", CLOSED_LONG_AGO)
    mail = job.desk.arrive("grace@a.example")
    status, dry = await job.sort(dry_run=True)
    assert status == 200
    assert dry["moves"] == [
        {
            "mail_id": mail,
            "from_address": "grace@a.example",
            "category": "customer",
            "label": CUSTOMER,
            "because": "Deal 0 of grace@a.example",
            "won": True,
            "closing": "2020-01-31",
            "in_inbox": True,
        }
    ]
    assert await job.desk.labels_of(mail) == {"INBOX", "UNREAD"}
    status, done = await job.sort()
    assert (status, done["sorted"], done["remaining"], done["crm_calls"]) == (
        200,
        {"closing_this_month": 0, "open_deals": 0, "customer": 1},
        0,
        3,
    )
    assert "moves" not in done
    names = ["Deals Closing This Month (CTM)", "Open Deals", "Customer"]
    assert list(done["labels"].items()) == list(zip(done["sorted"], names, strict=True))
    assert done["labels"] == dry["labels"]


async def test_only_the_jobs_own_account_may_call_and_only_the_right_function(job: Job) -> None:
    work = {"org": "corp.example", "user": job.desk.account.sub}
    assert await job.call(job.mailbox_url, work, account="somebody@else.example") == (403, "")
    assert await job.call(job.mailbox_url, work, audience=job.tick_url) == (403, "")
    assert await job.call(job.tick_url, {}, audience=job.mailbox_url) == (403, "")
    async with job.session.post(job.mailbox_url, json=work) as answer:
        assert (answer.status, await answer.read()) == (401, b"")
    async with job.session.get(job.mailbox_url) as answer:
        assert answer.status == 405


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "not JSON"),
        ({}, "org"),
        ({"org": "corp.example", "user": ""}, "user"),
        ({"org": "corp.example", "user": "1", "subject": "Xylophone"}, "subject"),
        ({"org": "corp.example/../other", "user": "1"}, ""),
        ({"org": "corp.example", "users": [], "tick": "2026-11-23T09:00:00Z"}, "users"),
        ({"org": "corp.example", "users": ["1"] * 101, "tick": "2026-11-23T09:00:00Z"}, "users"),
        ({"org": "corp.example", "users": ["1"]}, "tick"),
        ({"org": "corp.example", "users": ["1"], "user": "1", "tick": "2026-11-23T09:00:00Z"}, "user"),
    ],
)
async def test_work_that_cannot_be_read_is_told_why(job: Job, body: Any, words: str) -> None:
    status, text = await job.call(job.mailbox_url, body)
    assert status == 400
    assert words in json.loads(text)["error"]


async def test_a_mailbox_that_is_gone_off_or_without_consent_is_answered_as_done(job: Job) -> None:
    assert await job.call(job.mailbox_url, {"org": "corp.example", "user": "42"}) == (200, '{"off":true}')
    job.desk.world.google.revoke_all(ADA)
    status, answer = await job.sort()
    assert (status, answer["failed"], answer["who"], answer["failures"]) == (200, "consent", "Gmail", 1)
    await job.desk.switch_off()
    assert await job.sort() == (200, {"off": True})


async def test_a_task_for_several_mailboxes_sorts_each_and_ones_trouble_is_its_own(job: Job) -> None:
    desk = job.desk
    await desk.contact("grace@a.example", CLOSED_LONG_AGO)
    mail = desk.arrive("grace@a.example")
    busy, refused = "100000000000000000008", "100000000000000000009"
    for user in (busy, refused):
        await desk.store.connect("corp.example", user, f"u{user}@corp.example", desk.now())
    lease = await desk.store.take_lease("corp.example", refused, desk.now(), 300)
    counts = RunCounts(desk.now())
    await desk.store.switch_on(
        lease, mailmagnet_since=counts.at, labelling_since=None, progress=Progress("1"), labels={}, last_run=counts
    )
    await desk.store.release_lease(lease)
    lease = await desk.store.take_lease("corp.example", busy, desk.now(), 300)
    work = {"org": "corp.example", "users": [refused, busy, "42", desk.account.sub], "tick": desk.now().isoformat()}
    began = time.monotonic()
    status, text = await job.call(job.mailbox_url, work)
    assert time.monotonic() - began < SECONDS_TO_WAIT, "it waits for none that asks nothing"
    mailboxes = json.loads(text)["mailboxes"]
    assert (status, list(mailboxes)) == (200, work["users"])
    assert (mailboxes[refused]["failed"], mailboxes[busy], mailboxes["42"]) == ("consent", {"busy": True}, {"off": True})
    assert mailboxes[desk.account.sub]["sorted"]["customer"] == 1
    assert await desk.labels_of(mail) == {CUSTOMER, "UNREAD"}
    troubled = await desk.store.mailbox("corp.example", refused)
    assert troubled
    assert troubled.trouble
    sorted_one = await desk.store.mailbox("corp.example", desk.account.sub)
    assert sorted_one
    assert sorted_one.trouble is None
    await desk.store.release_lease(lease)
    again = json.loads((await job.call(job.mailbox_url, work))[1])["mailboxes"][desk.account.sub]
    assert (again["looked_at"], again["sorted"]["customer"]) == (0, 0)


async def test_a_mailbox_that_another_run_works_on_is_answered_as_done(job: Job) -> None:
    await job.desk.store.take_lease("corp.example", job.desk.account.sub, job.desk.now(), 300)
    assert await job.sort() == (200, {"busy": True})


async def test_a_user_without_the_permission_is_answered_as_done_and_nothing_moves(job: Job) -> None:
    await job.desk.contact("grace@a.example", CLOSED_LONG_AGO)
    mail = job.desk.arrive("grace@a.example")
    set_permission(job.desk.crm_database, ADMINISTRATOR, MAIL_INTEGRATION, held=False)
    status, answer = await job.sort()
    assert (status, answer["failed"]) == (200, "crm_permission")
    assert await job.desk.labels_of(mail) == {"INBOX", "UNREAD"}
    assert await job.call(job.tick_url, {}) == (200, '{"tasks":0,"failed_orgs":0}')
    set_permission(job.desk.crm_database, ADMINISTRATOR, MAIL_INTEGRATION, held=True)
    await job.sort()
    assert await job.desk.labels_of(mail) == {CUSTOMER, "UNREAD"}


async def test_a_dry_run_that_is_refused_is_answered_as_done_too_and_says_why(job: Job) -> None:
    await job.desk.contact("grace@a.example", CLOSED_LONG_AGO)
    job.desk.arrive("grace@a.example")
    set_permission(job.desk.crm_database, ADMINISTRATOR, MAIL_INTEGRATION, held=False)
    status, of_the_crm = await job.sort(dry_run=True)
    assert (status, of_the_crm["error"]) == (200, "MailMagnet CRM: the user does not hold the permission Mail Integration")
    set_permission(job.desk.crm_database, ADMINISTRATOR, MAIL_INTEGRATION, held=True)
    job.desk.world.faults.add(Fault("gmail", status=503))
    assert (await job.sort(dry_run=True))[0] == 503
    job.desk.world.faults.clear()
    job.desk.world.google.revoke_all(ADA)
    status, of_gmail = await job.sort(dry_run=True)
    assert status == 200
    assert of_gmail["error"].startswith("Gmail: ")
    for answer in (of_the_crm, of_gmail):
        assert await job.logged(f'"reference": "{answer["reference"]}"')


async def test_one_mailboxs_trouble_never_slows_the_queue_and_is_kept_with_the_mailbox(job: Job) -> None:
    for fault in (
        Fault("gmail", status=503),
        Fault("gmail", status=429),
        Fault("gmail", html=True),
        Fault("google", "token", drop=True),
    ):
        job.desk.world.faults.add(fault)
        status, answer = await job.sort()
        assert (status, answer["failed"]) == (200, "failing")
        assert ("retry_after" in answer) == (fault.status == 429)
        job.desk.world.faults.clear()
    trouble = (await job.desk.mailbox()).trouble
    assert trouble
    assert trouble.failures == 4
    assert await job.call(job.tick_url, {}) == (200, '{"tasks":0,"failed_orgs":0}')
    status, answer = await job.sort()
    assert (status, "failed" in answer) == (200, False)
    assert (await job.desk.mailbox()).trouble is None


async def test_a_store_that_fails_is_answered_so_that_the_task_comes_again(job: Job) -> None:
    assert (await job.sort())[0] == 200
    with closing(sqlite3.connect(job.desk.folder / "store.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        status, _ = await job.sort()
    assert status == 503
