"""The labelling job as this desk has it run, by the page's button and by the clock, and what each run did, for the page to tell."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from sandbox.desk import mail_view
from sandbox.desk.request_body import json_object
from sandbox.google.cloud_tasks import Attempt
from sandbox.google.mail_folder import MailFolder, Message, NoSuchMail
from sandbox.google.world import Account, World

SECONDS_FOR_RUN = 600
SECONDS_FOR_TICK = 60
MOST_MOVED = 10_000


class NoTick(Exception):
    """The tick did not come to its end in time."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the `number`th of its mailbox since this desk was started. `told` is {result} or {problem}; `since` and `until` are the
    mailbox's history ids around it."""

    number: int
    at: datetime
    by_clock: bool
    told: Mapping[str, Any]
    since: int
    until: int


class JobRuns:
    """Has the job run, and keeps the last run of each mailbox, in memory alone. Mailboxes block, so they are asked in threads."""

    def __init__(self, world: World, label_tick_url: str, label_mailbox_url: str, service_account: str) -> None:
        self._world = world
        self._tick_url = label_tick_url
        self._mailbox_url = label_mailbox_url
        self._service_account = service_account
        self._last: dict[str, Run] = {}
        self.begun = False
        """Whether somebody has had mail sorted or asked for a tick: the first run is not the clock's."""

    def last(self, account: Account) -> Run | None:
        """The newest run of a mailbox."""
        return self._last.get(account.sub)

    async def preview(self, account: Account) -> Mapping[str, Any]:
        """What a run would do, as {result} or {problem}; subjects and senders' names beside the mail ids."""
        told = await self._ask(account, {"dry_run": True})
        if "result" in told:
            moves = told["result"]["moves"]
            await asyncio.to_thread(mail_view.add_subjects, self._world.mailbox(account.address), account, moves)
        return told

    async def run(self, account: Account) -> Run:
        """Have a mailbox sorted now."""
        self.begun = True
        since = await self._history_id(account)
        return await self._keep(account, await self._ask(account, {}), since, by_clock=False)

    async def tick(self) -> int:
        """Call label_tick as Cloud Scheduler does, and wait for the tasks it sends; how many. Raises NoTick."""
        self.begun = True
        accounts = {account.sub: account for account in self._world.accounts()}
        since = {sub: await self._history_id(account) for sub, account in accounts.items()}
        earlier = list(self._world.tasks.log)
        try:
            sent = await self._send_tick()
            async with asyncio.timeout(SECONDS_FOR_TICK):
                await self._world.tasks.settled()
        except (TimeoutError, aiohttp.ClientError, ValueError):
            raise NoTick from None
        for attempt in self._final(earlier):
            for sub, answer in answers_by_mailbox(attempt).items():
                if sub in accounts:
                    await self._keep(accounts[sub], _told(attempt.status, answer), since[sub], by_clock=True)
        return sent

    async def moved(self, account: Account, number: int) -> list[dict[str, Any]]:
        """The mails that a run put under a label, as Gmail's own history has them. Raises NoSuchMail when that run is not the last."""
        run = self.last(account)
        if not run or run.number != number:
            raise NoSuchMail
        return await asyncio.to_thread(_moved, self._world.mailbox(account.address), account, run)

    async def _ask(self, account: Account, more: Mapping[str, Any]) -> dict[str, Any]:
        work = {"org": account.hosted_domain or account.sub, "user": account.sub, **more}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(SECONDS_FOR_RUN)) as session,
                session.post(self._mailbox_url, json=work, headers=self._signed_for(self._mailbox_url)) as response,
            ):
                answer = json_object(await response.read())
                return _told(response.status, answer, response.headers.get("Retry-After", ""))
        except TimeoutError:
            return {"problem": "The job did not answer in time."}
        except aiohttp.ClientError:
            return {"problem": "The job could not be reached."}

    async def _send_tick(self) -> int:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(SECONDS_FOR_TICK)) as session,
            session.post(self._tick_url, json={}, headers=self._signed_for(self._tick_url)) as response,
        ):
            return int((await response.json()).get("tasks", 0))

    def _signed_for(self, url: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._world.google.service_token(self._service_account, url)}"}

    def _final(self, earlier: Sequence[Attempt]) -> list[Attempt]:
        """The last attempt of each task of the job's that was not in this log."""
        known = set(map(id, earlier))
        new = (attempt for attempt in self._world.tasks.log if id(attempt) not in known)
        return [attempt for attempt in new if attempt.last and attempt.url == self._mailbox_url]

    async def _history_id(self, account: Account) -> int:
        return await asyncio.to_thread(self._world.mailbox(account.address).newest_history_id)

    async def _keep(self, account: Account, told: Mapping[str, Any], since: int, *, by_clock: bool) -> Run:
        before = self.last(account)
        number = before.number + 1 if before else 1
        run = Run(number, self._world.clock(), by_clock, told, since, await self._history_id(account))
        self._last[account.sub] = run
        return run


def answers_by_mailbox(attempt: Attempt) -> Mapping[str, dict[str, Any] | None]:
    """What came of each mailbox of a task: its own, or those of several."""
    sent, answer = json.loads(attempt.sent), json_object(attempt.answered)
    if "users" not in sent:
        return {sent["user"]: answer}
    each = (answer or {}).get("mailboxes", {})
    return {sub: each.get(sub, answer) for sub in sent["users"]}


def _told(status: int, answer: Mapping[str, Any] | None, retry_after: str = "") -> dict[str, Any]:
    """What the job answered, in words for the page: {result} or {problem}.

    A run's failure is in a 200 answer, with the seconds to wait in it; a dry run's comes with a status, and the seconds in a header.
    """
    problem = _problem(status, answer or {}, retry_after)
    return {"problem": problem} if problem else {"result": answer}


_NOT_NOW = {
    "busy": "Another run is sorting this mailbox right now.",
    "off": "Sorting is turned off for this mailbox.",
    "paused": "The organisation's admin has paused sorting.",
}


def _problem(status: int, answer: Mapping[str, Any], retry_after: str) -> str:
    again = " It is tried again by itself, and no mail is lost." if answer.get("failed") == "failing" else ""
    if said := next((said for word, said in _NOT_NOW.items() if answer.get(word)), ""):
        return said
    match answer:
        case {"error": _} if wait := answer.get("retry_after") or retry_after:
            return f"{answer.get('who', 'Gmail')}'s quota for this minute is spent: it can go on in {wait} s."
        case {"error": error}:
            return f"The job could not run: {error}.{again}"
        case {"looked_at": _}:
            return ""
        case _:
            return f"The job failed (status {status})." if status else "The job did not answer."


def _moved(mailbox: MailFolder, account: Account, run: Run) -> list[dict[str, Any]]:
    names = {label.id: label.name for label in mailbox.labels() if not label.system}
    changes = mailbox.history(run.since, ["labelAdded", "labelRemoved"], most=MOST_MOVED).changes
    during = [change for change in changes if change.id <= run.until]
    left_inbox = {change.message_id for change in during if change.kind == "labelRemoved" and "INBOX" in change.label_ids}
    labelled = {
        change.message_id: names[label_id]
        for change in during
        if change.kind == "labelAdded"
        for label_id in change.label_ids
        if label_id in names
    }
    there = ((mail_id, label, _message(mailbox, mail_id)) for mail_id, label in labelled.items())
    return [
        {"label": label, "left_inbox": mail_id in left_inbox, **mail_view.line(message, account)}
        for mail_id, label, message in there
        if message
    ]


def _message(mailbox: MailFolder, mail_id: str) -> Message | None:
    try:
        return mailbox.message(mail_id)
    except NoSuchMail:
        return None
