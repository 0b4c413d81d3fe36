"""`make test-mail MBOX=path`: a person's mail arrives, every mail is opened through `addon` and in the page, and the job sorts.

What is printed are counts: no word of a mail leaves this process.
"""

import asyncio
import csv
import io
import json
import mailbox
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.progress import Progress

from sandbox.cards.card_check import answer_faults
from sandbox.demo.demo_mail import own_mail
from sandbox.demo.processes import Demo, running_demo
from sandbox.google.event import Surroundings, addon_event
from sandbox.google.mail_folder import Message
from tests.every_mail_in_page import open_every_mail_in_page
from tests.scenario.addon_process import SCOPES

FREQUENT = 100
AT_ONCE = 4
UNITS_TO_OPEN = 20
CATEGORIES = ("closing_this_month", "open_deals", "customer", "")
LABELS = {"closing_this_month": "Deals Closing This Month (CTM)", "open_deals": "Open Deals", "customer": "Customer"}

say = Console()


class Clock:
    """The world's time: the machine's, and what the run has turned it on by so that Gmail's quota a minute does not hold it up."""

    def __init__(self) -> None:
        self.turned = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.turned

    def turn(self, **by: float) -> None:
        self.turned += timedelta(**by)


# The separate count: what the mail file itself says


_WORD = r"""(?:[\w.!#$%&'*+/=?^`{|}~-]+|"(?:[^"\\]|\\.)*")"""
_ADDRESS = rf"{_WORD}@[\w.-]*\w"
_ONE_MAILBOX = re.compile(rf"(?P<same>{_ADDRESS})?[^()<>@,;:\"]*<(?P<angle>{_ADDRESS})>|(?P<bare>{_ADDRESS})")
_NAMES = re.compile(r'"(?:[^"\\]|\\.)*"(?!@)|=\?\S+?\?[bBqQ]\?[^?]*\?=(?!@)')
_COMMENT = re.compile(r"\((?:[^()\\]|\\.)*\)")


def sender_in(header: str) -> str:
    """The one address of a From, in lower case and without needless quotes; "" when it has none, or is not plain."""
    text = _NAMES.sub("", header)
    while (without := _COMMENT.sub("", text)) != text:
        text = without
    found = _ONE_MAILBOX.fullmatch(" ".join(text.split()).strip(" ,"))
    if not found or (found["same"] and found["same"].lower() != found["angle"].lower()):
        return ""
    return re.sub(r'^"([\w-]+)"@', r"\1@", (found["angle"] or found["bare"]).lower())


def senders_in(mbox: Path) -> list[str]:
    """Who sent each mail, "" where that is not certain."""
    froms = (mail.get_all("From", []) for mail in mailbox.mbox(mbox))
    return [sender_in(str(values[0])) if len(values) == 1 else "" for values in froms]


def frequent(senders: list[str]) -> dict[str, str]:
    """The most frequent addresses, each with the category that its deals will put it in, by turns."""
    counted = Counter(sender for sender in senders if "@" in sender).most_common(FREQUENT)
    return {sender: CATEGORIES[place % len(CATEGORIES)] for place, (sender, _) in enumerate(counted)}


def expected(senders: list[str], categories: dict[str, str]) -> Counter[tuple[str, str]]:
    """How many mails of each sender should lie under which label."""
    sorted_mails: Counter[tuple[str, str]] = Counter()
    for sender in senders:
        bare = sender.rpartition("@")[0].split("+")[0] + "@" + sender.rpartition("@")[2]
        category = categories.get(sender) or categories.get(bare, "")
        if category:
            sorted_mails[sender, LABELS[category]] += 1
    return sorted_mails


# The tables that make contacts and deals of them


def tables(categories: dict[str, str], today: date) -> Iterator[tuple[str, bytes]]:
    """CSV for the CRM: a contact a sender, and the deal that puts it in its category."""
    last = (today.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    deals = {
        "closing_this_month": ("Negotiation", last),
        "open_deals": ("Proposal", last + timedelta(days=40)),
        "customer": ("Closed Won", today - timedelta(days=300)),
    }
    contacts = [("Name", "Emails"), *((f"Sender {place}", sender) for place, sender in enumerate(categories))]
    lines: list[tuple[str, ...]] = [("Name", "Stage", "Amount", "Currency", "Closing date", "Contacts")]
    for place, (sender, category) in enumerate(categories.items()):
        if category:
            stage, closing = deals[category]
            lines.append((f"Deal {place}", stage, "1000", "EUR", closing.isoformat(), sender))
    for kind, rows in (("contacts", contacts), ("deals", lines)):
        written = io.StringIO()
        csv.writer(written).writerows(rows)
        yield kind, written.getvalue().encode()


# The run


async def main(mbox: Path) -> None:
    """Everything, told step by step; raises at the first thing that is not as it should be."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        async with running_demo(Path(folder) / "demo", _nothing_yet, tell=say.print, clock=clock) as demo:
            await _arrive(demo, mbox)
            senders = senders_in(mbox)
            categories = frequent(senders)
            await _contacts(demo, categories)
            await _open_every_mail(demo, clock)
            await _open_every_mail_in_page(demo, clock)
            await _sort(demo, clock, expected(senders, categories))


async def _nothing_yet(_: Demo) -> None:
    """The mailbox is connected empty: all that comes is new mail."""


async def _arrive(demo: Demo, mbox: Path) -> None:
    with Progress(console=say) as progress:
        bar = progress.add_task("The mail arrives")
        imported = await own_mail(demo, mbox, lambda done, total: progress.update(bar, completed=done, total=total))
    in_file = len(mailbox.mbox(mbox))
    odd = ", ".join(f"{count} {kind}" for kind, count in imported.odd.most_common())
    say.print(f"{imported.mails} of {in_file} mails arrived" + (f"; odd among them: {odd}" if odd else ""))
    assert imported.mails == in_file


async def _contacts(demo: Demo, categories: dict[str, str]) -> None:
    for kind, table in tables(categories, demo.today):
        file = demo.folder / f"{kind}.csv"
        await asyncio.to_thread(file.write_bytes, table)
        told = await demo.embedded_crm("import", kind, str(file), "--owner", demo.user.address)
        say.print(f"{kind} of the {len(categories)} most frequent senders: {told.decode().strip()}")


async def _open_every_mail(demo: Demo, clock: Clock) -> None:
    messages = [message async for message in _all_mail(demo)]
    titles: Counter[str] = Counter()
    with Progress(console=say) as progress:
        bar = progress.add_task("Every mail is opened", total=len(messages))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            for first in range(0, len(messages), AT_ONCE):
                some = messages[first : first + AT_ONCE]
                if demo.world.quota.spent(demo.user.address) + AT_ONCE * UNITS_TO_OPEN > demo.world.quota.units_a_minute:
                    clock.turn(minutes=1)
                for kind in await asyncio.gather(*(_open(demo, session, message) for message in some)):
                    titles[kind] += 1
                progress.advance(bar, len(some))
    told = ", ".join(f"{count} {kind}" for kind, count in titles.most_common())
    say.print(f"{len(messages)} mails opened, {sum(titles.values())} valid cards: {told}")
    assert titles["problem"] == 0, "a card told of a problem"


async def _open_every_mail_in_page(demo: Demo, clock: Clock) -> None:
    messages = [message async for message in _all_mail(demo)]
    started = time.perf_counter()
    with Progress(console=say) as progress:
        bar = progress.add_task("Every mail is opened in the page", total=len(messages))

        def before_each() -> None:
            if demo.world.quota.spent(demo.user.address) + UNITS_TO_OPEN > demo.world.quota.units_a_minute:
                clock.turn(minutes=1)
            progress.advance(bar)

        wrong = await open_every_mail_in_page(demo, messages, before_each)
    told = ", ".join(f"{count} {kind}" for kind, count in wrong.most_common()) or "no error in page, panel or functions"
    say.print(f"{len(messages)} mails opened in the page in {time.perf_counter() - started:.0f} s: {told}")
    assert not wrong, "opening mail in the page went wrong"


async def _all_mail(demo: Demo) -> Any:
    mailbox_, page_token = demo.world.mailbox(demo.user.address), ""
    while True:
        page = await asyncio.to_thread(mailbox_.messages, most=500, page_token=page_token)
        for message in page.messages:
            yield message
        page_token = page.next_page_token
        if not page_token:
            return


async def _open(demo: Demo, session: aiohttp.ClientSession, message: Message) -> str:
    """Open one mail as Gmail does; what kind of card came. Raises when it is none that Google would take."""
    url = f"{demo.addon_url}/message"
    around = Surroundings(demo.user, "en-GB", "Europe/Vienna", 3_600_000, SCOPES, message)
    headers = {"Authorization": f"Bearer {demo.world.google.system_token(url)}"}
    async with session.post(url, json=addon_event(demo.world.google, url, around), headers=headers) as answered:
        body = await answered.read()
    assert answered.status == 200, f"status {answered.status}"
    answer = json.loads(body)
    assert not (faults := answer_faults(answer)), faults
    (navigation,) = answer["action"]["navigations"]
    return _kind_of(json.dumps(navigation["pushCard"]))


def _kind_of(card: str) -> str:
    words = {
        "Reference ": "problem",
        "did not answer": "problem",
        '"in_place"': "problem",
        "Open in MailMagnet CRM": "known",
        "Not in MailMagnet CRM": "unknown",
        "New at ": "unknown",
        "mailing list": "lists",
        "Nobody outside": "colleagues",
        "Sent by a machine": "machines",
    }
    return next((kind for said, kind in words.items() if said in card), "others")


async def _sort(demo: Demo, clock: Clock, should_be: Counter[tuple[str, str]]) -> None:
    moved = await _run_until_done(demo, should_be.total())
    assert moved == should_be.total(), f"the job moved {moved} mails, the count says {should_be.total()}"
    lies = await _labelled(demo)
    assert lies == should_be, f"{(lies - should_be).total()} too many and {(should_be - lies).total()} too few under the labels"
    say.print(f"Under the labels lies exactly what the separate count says: {lies.total()} mails")
    clock.turn(minutes=1)
    assert sum((await _run(demo))["sorted"].values()) == 0
    say.print("A second run moved none")
    await _move_one_back(demo, clock)


async def _run_until_done(demo: Demo, total: int) -> int:
    moved, runs, units, crm_calls, remaining = 0, 0, 0, 0, 1
    with Progress(console=say) as progress:
        bar = progress.add_task("The job sorts", total=total)
        while remaining:
            # The functions' time goes on too: what runs may spend within a minute, they count themselves.
            demo.clock.turn_to(demo.clock() + timedelta(minutes=1, seconds=1))
            run = await _run(demo)
            runs, units, crm_calls = runs + 1, units + run["units"], crm_calls + run["crm_calls"]
            moved += sum(run["sorted"].values())
            remaining = run["remaining"]
            progress.update(bar, completed=moved)
    say.print(f"{moved} mails sorted in {runs} runs: {units} Gmail quota units, {crm_calls} CRM calls")
    return moved


async def _run(demo: Demo) -> dict[str, Any]:
    url = demo.label_mailbox_url
    headers = {"Authorization": f"Bearer {demo.world.google.service_token('scheduler@sandbox.example', url)}"}
    work = {"org": demo.user.hosted_domain, "user": demo.user.sub}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=300)) as session,
        session.post(url, json=work, headers=headers) as answered,
    ):
        run: dict[str, Any] = await answered.json()
        assert answered.status == 200, run
        return run


async def _gmail(demo: Demo, method: str, path: str, **more: Any) -> Any:
    """One call of Gmail's API, as any client makes it."""
    token = demo.world.google.access_token(demo.user.address, ["https://www.googleapis.com/auth/gmail.modify"])
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, f"{demo.address}/gmail/v1/users/me/{path}", headers={"Authorization": f"Bearer {token}"}, **more
        ) as answered,
    ):
        assert answered.status == 200, await answered.text()
        return await answered.json()


async def _labelled(demo: Demo) -> Counter[tuple[str, str]]:
    """Which sender's mails lie under our labels, read through Gmail's API; none of them in the inbox."""
    demo.world.quota.units_a_minute = 1_000_000
    lies: Counter[tuple[str, str]] = Counter()
    for label in (await _gmail(demo, "GET", "labels"))["labels"]:
        if label["name"] not in LABELS.values():
            continue
        page_token = ""
        while True:
            which = {"labelIds": label["id"], "maxResults": "500", **({"pageToken": page_token} if page_token else {})}
            page = await _gmail(demo, "GET", "messages", params=which)
            for found in page.get("messages", ()):
                mail = await _gmail(
                    demo, "GET", f"messages/{found['id']}", params={"format": "metadata", "metadataHeaders": "From"}
                )
                assert "INBOX" not in mail["labelIds"], "a sorted mail is still in the inbox"
                lies[sender_in(mail["payload"]["headers"][0]["value"]), label["name"]] += 1
            page_token = page.get("nextPageToken", "")
            if not page_token:
                break
    return lies


async def _move_one_back(demo: Demo, clock: Clock) -> None:
    found = await _gmail(demo, "GET", "messages", params={"q": 'label:"Open Deals"', "maxResults": "1"})
    mail_id = found["messages"][0]["id"]
    await _gmail(demo, "POST", f"messages/{mail_id}/modify", json={"addLabelIds": ["INBOX"]})
    clock.turn(minutes=1)
    await _run(demo)
    mail = await _gmail(demo, "GET", f"messages/{mail_id}", params={"format": "minimal"})
    assert "INBOX" in mail["labelIds"], "a mail that was put back in the inbox was moved again"
    say.print("A mail put back in the inbox stayed there")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
