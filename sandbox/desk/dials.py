"""The world's dials as a JSON API: its time, what is wrong with Gmail and the CRM, permissions, deals, mail that arrives, the tick."""

import asyncio
import calendar
import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formataddr, parseaddr
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from sandbox.desk.job_runs import JobRuns, NoTick
from sandbox.desk.request_body import body_of, text
from sandbox.google.faults import Fault
from sandbox.google.world import Account, World
from sandbox.google.world_clock import TurnedClock

MAIL_INTEGRATION = "Mail Integration"
SLOW_MS = 20_000
"""Longer than any answer of the sidebar may take."""

FAULTS = ("slow", "failing", "limited", "dropping", "html", "signed out")
SPACE = "customers"
"""The space of Google Chat whose webhook the dials tell."""
SHOWN_ATTEMPTS = 30
SHOWN_NOTICES = 10
LONGEST_TEXT = 20_000
MOST_YEARS = 20


class CannotTurn(ValueError):
    """A dial cannot be turned so; the message says why."""


class Dialled(Protocol):
    """What the dials turn: a running demo."""

    @property
    def address(self) -> str: ...
    @property
    def world(self) -> World: ...
    @property
    def clock(self) -> TurnedClock: ...
    @property
    def crm_fault_file(self) -> Path: ...
    @property
    def job(self) -> JobRuns: ...
    @property
    def crm_elsewhere(self) -> str:
        """The name of a CRM that is not our own, and has no dials; "" for ours."""
        ...

    def now(self) -> datetime: ...
    async def connect(self, account: Account) -> None: ...
    async def mailmagnet(self, *words: str, given: bytes = b"") -> bytes: ...
    async def embedded_crm(self, *words: str) -> bytes: ...


def dial_routes(demo: Dialled) -> list[web.AbstractRouteDef]:
    """The dials' routes; they answer to the desk's own page alone, as all below /desk/ does."""
    dials = _Dials(demo)
    account = "/desk/{account}/dials"
    return [
        web.get(account, dials.state),
        web.post(account + "/time", dials.time),
        web.post(account + "/fault", dials.fault),
        web.get(account + "/crm", dials.crm),
        web.post(account + "/permission", dials.permission),
        web.post(account + "/deal", dials.deal),
        web.post(account + "/mail", dials.mail),
        web.get(account + "/notices", dials.notices),
        web.get(account + "/tasks", dials.tasks),
        web.post(account + "/tick", dials.tick),
        web.get("/desk/{account}/stored", dials.stored),
    ]


class _Dials:
    def __init__(self, demo: Dialled) -> None:
        self._demo = demo
        self._world = demo.world
        self._gmail = ""
        self._signed_out: set[str] = set()

    async def state(self, request: web.Request) -> web.Response:
        """The world's time and what is wrong; "" is all well."""
        return web.json_response(self._state(self._account(request)))

    def _state(self, account: Account) -> Mapping[str, Any]:
        signed_out = account.sub in self._signed_out and not self._world.google.has_consented(account.address)
        return {
            "now": self._world.clock().isoformat(),
            "turned": self._demo.clock.turned.total_seconds(),
            "gmail": "signed out" if signed_out else self._gmail,
            "crm": _crm_fault(self._demo.crm_fault_file),
        }

    async def time(self, request: web.Request) -> web.Response:
        """Turn to "tomorrow", to "next month", to a moment (ISO 8601), or back to "today"."""
        account, to = self._account(request), text(await body_of(request), "to")
        if to == "today":
            self._demo.clock.turn_back()
        else:
            self._demo.clock.turn_to(_moment(to, self._demo.now()))
        return web.json_response(self._state(account))

    async def fault(self, request: web.Request) -> web.Response:
        """Let something be wrong with "gmail" or the "crm"; "" makes it well again."""
        account, body = self._account(request), await body_of(request)
        who, fault = text(body, "who"), text(body, "fault")
        if who not in ("gmail", "crm") or (fault and fault not in FAULTS):
            raise CannotTurn("There is no such fault.")
        if who == "gmail":
            await self._fault_of_gmail(account, fault)
        else:
            self._demo.crm_fault_file.write_text(json.dumps({"fault": fault}))
        return web.json_response(self._state(account))

    async def _fault_of_gmail(self, account: Account, fault: str) -> None:
        for upstream in ("gmail", "way to gmail"):
            self._world.faults.clear(upstream)
        self._gmail = "" if fault == "signed out" else fault
        if fault == "signed out":
            self._signed_out.add(account.sub)
            self._world.google.revoke_all(account.address)
        elif account.sub in self._signed_out:
            # Who has never connected a mailbox does so in the panel.
            self._signed_out.discard(account.sub)
            if not self._world.google.has_consented(account.address):
                await self._demo.connect(account)
        if self._gmail:
            self._world.faults.add(_GMAIL_FAULTS[self._gmail])

    async def crm(self, request: web.Request) -> web.Response:
        """What the CRM's dials choose from: profiles, stages, deals, contacts. Another CRM than our own has no dials here."""
        self._account(request)
        if self._demo.crm_elsewhere:
            senders = _senders(await self._demo.embedded_crm("export", "contacts"))
            return web.json_response({"elsewhere": self._demo.crm_elsewhere, "senders": senders})
        profiles, stages, deals, contacts = await asyncio.gather(
            self._demo.embedded_crm("profiles"),
            self._demo.embedded_crm("stages"),
            self._demo.embedded_crm("export", "deals"),
            self._demo.embedded_crm("export", "contacts"),
        )
        told = {"permission": MAIL_INTEGRATION, "profiles": json.loads(profiles), "stages": json.loads(stages)}
        return web.json_response(told | {"deals": _deals(deals), "senders": _senders(contacts)})

    async def permission(self, request: web.Request) -> web.Response:
        """Give a profile the permission to use the CRM from Gmail, or take it away."""
        self._account(request)
        body = await body_of(request)
        held = "--held" if body.get("held") is True else "--not-held"
        profile = text(body, "profile")
        await self._demo.embedded_crm("set-permission", f"--profile={profile}", "--permission", MAIL_INTEGRATION, held)
        return web.json_response({})

    async def deal(self, request: web.Request) -> web.Response:
        """Change a deal's stage, closing date, amount; what is "" stays."""
        self._account(request)
        body = await body_of(request)
        given = {name: text(body, name) for name in ("stage", "closing", "amount")}
        words = [f"--{name}={value}" for name, value in given.items() if value]
        await self._demo.embedded_crm("change-deal", *words, "--", text(body, "id"))
        return web.json_response({})

    async def mail(self, request: web.Request) -> web.Response:
        """Let a mail arrive now."""
        account, body = self._account(request), await body_of(request)
        raw = _mail(account, text(body, "from"), text(body, "subject"), text(body, "text"), self._world.clock())
        arrived = await asyncio.to_thread(self._world.mailbox(account.address).arrive, raw)
        return web.json_response({"id": arrived.id, "thread_id": arrived.thread_id})

    async def notices(self, request: web.Request) -> web.Response:
        """The address of a webhook to give to MailMagnet, and what came in by it, the newest first."""
        self._account(request)
        webhook = self._demo.address + self._world.chat.webhook(SPACE)
        newest = self._world.chat.messages(SPACE)[: -SHOWN_NOTICES - 1 : -1]
        told = [{"at": message.at.isoformat(), "text": message.text} for message in newest]
        return web.json_response({"space": SPACE, "webhook": webhook, "messages": told})

    async def tasks(self, request: web.Request) -> web.Response:
        """What Cloud Tasks did, the newest first."""
        self._account(request)
        return web.json_response({"attempts": self._attempts()})

    async def tick(self, request: web.Request) -> web.Response:
        """Call label_tick as Cloud Scheduler does, and wait for the tasks it sends."""
        self._account(request)
        try:
            sent = await self._demo.job.tick()
        except NoTick:
            raise CannotTurn("The tick did not finish in time.") from None
        return web.json_response({"tasks": sent, "attempts": self._attempts()})

    async def stored(self, request: web.Request) -> web.Response:
        """All that the product keeps of this mailbox, as its own command prints it."""
        account = self._account(request)
        org = account.hosted_domain or account.sub
        printed = await self._demo.mailmagnet("stored", "--org", org, "--user", account.sub)
        return web.json_response(json.loads(printed))

    def _attempts(self) -> list[Mapping[str, Any]]:
        newest = list(self._world.tasks.log)[: -SHOWN_ATTEMPTS - 1 : -1]
        return [
            {"at": one.at.isoformat(), "task": one.name.rpartition("/")[2], "attempt": one.attempt, "status": one.status}
            for one in newest
        ]

    def _account(self, request: web.Request) -> Account:
        return self._world.account(request.match_info["account"])


_GMAIL_FAULTS = {
    "slow": Fault("way to gmail", latency_ms=SLOW_MS),
    "failing": Fault("gmail", status=500),
    "limited": Fault("gmail", status=429),
    "dropping": Fault("gmail", drop=True),
    "html": Fault("gmail", html=True),
}


def _crm_fault(file: Path) -> str:
    return str(json.loads(file.read_text())["fault"]) if file.exists() else ""


def _moment(to: str, now: datetime) -> datetime:
    """The same time of day, a day or a month later; or the moment that is named."""
    if to == "tomorrow":
        return now + timedelta(days=1)
    if to == "next month":
        year, month = divmod(now.year * 12 + now.month, 12)
        return now.replace(year=year, month=month + 1, day=min(now.day, calendar.monthrange(year, month + 1)[1]))
    try:
        moment = datetime.fromisoformat(to)
    except ValueError:
        raise CannotTurn("That is not a date.") from None
    if moment.tzinfo is None:
        raise CannotTurn("A moment needs its time zone.")
    if abs(moment.year - now.year) > MOST_YEARS:
        raise CannotTurn(f"The world turns by {MOST_YEARS} years at most.")
    return moment


def _deals(table: bytes) -> list[Mapping[str, str]]:
    names = {
        "id": "MailMagnet id",
        "name": "Name",
        "account": "Account",
        "pipeline": "Pipeline",
        "stage": "Stage",
        "amount": "Amount",
        "currency": "Currency",
        "closing": "Closing date",
    }
    return [{key: line[name] for key, name in names.items()} for line in _lines(table)]


def _senders(table: bytes) -> list[str]:
    """Each contact's name with its first address, as From has it."""
    return [f"{line['Name']} <{line['Emails'].replace(';', ' ').split()[0]}>" for line in _lines(table) if line["Emails"].strip()]


def _lines(table: bytes) -> Sequence[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))


def _mail(account: Account, sender: str, subject: str, text: str, now: datetime) -> bytes:
    name, address = parseaddr(sender)
    if "@" not in address or not address.isascii():
        raise CannotTurn("From should be a mail address, as Ada Lovelace <ada@analytical.example>.")
    mail = EmailMessage()
    mail["From"], mail["To"] = formataddr((name, address)), formataddr((account.name, account.address))
    mail["Subject"] = " ".join(subject.split())
    mail["Date"] = now
    mail.set_content(text[:LONGEST_TEXT])
    return mail.as_bytes()
