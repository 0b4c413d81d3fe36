"""The mail that a demo starts with: made-up mail of the demo CRM's people, or a person's own."""

import asyncio
import csv
import io
from collections.abc import Callable, Collection
from pathlib import Path

from sandbox.demo.frequent_senders import Sender, contacts_table, deals_table, frequent_senders
from sandbox.demo.generate_mail import Person, generate
from sandbox.demo.processes import Demo
from sandbox.desk.import_mail import Imported, import_in_thread
from sandbox.google.world import Account

SEED = 7
MADE_MAILS = 180
COLLEAGUES_MAILS = 40

Progress = Callable[[int, int], None]
"""Told of bytes done and bytes in all."""


async def made_mail(demo: Demo, progress: Progress = lambda done, total: None) -> None:
    """Mail of the demo CRM's people arrives for the user and two colleagues: always the same, dated up to now."""
    table = await demo.embedded_crm("export", "contacts")
    people, now = _people(table.decode("utf-8-sig")), demo.world.clock()
    for number, account in enumerate((demo.colleague, demo.without_mail), start=1):
        await _arrive(demo, account, generate(people, _owner(account), now, SEED + number, COLLEAGUES_MAILS))
    await _arrive(demo, demo.user, generate(people, _owner(demo.user), now, SEED, MADE_MAILS), progress)


async def own_mail(demo: Demo, path: Path, progress: Progress = lambda done, total: None) -> Imported:
    """A person's own mail arrives for the user; what was odd in it. Raises NoMail."""
    mailbox = demo.world.mailbox(demo.user.address)
    return await import_in_thread(path, mailbox, demo.world.clock(), demo.user.addresses, progress)


async def senders_of(demo: Demo, most: int) -> list[Sender]:
    """The most frequent senders in the user's mail."""
    mailbox = demo.world.mailbox(demo.user.address)
    return await asyncio.to_thread(frequent_senders, mailbox, demo.user.addresses, most)


async def make_contacts(demo: Demo, senders: Collection[Sender]) -> None:
    """Make a contact of each sender, and deals for three in four. Raises CommandFailed."""
    ranked = list(senders)
    for kind, table in (("contacts", contacts_table(ranked)), ("deals", deals_table(ranked, demo.today))):
        file = demo.folder / f"{kind}.csv"
        await asyncio.to_thread(file.write_bytes, table)
        await demo.embedded_crm("import", kind, str(file), "--owner", demo.user.address)


def _people(table: str) -> list[Person]:
    lines = csv.DictReader(io.StringIO(table))
    return [
        (line["Name"], line["Emails"].replace(";", " ").split()[0], line["Account"]) for line in lines if line["Emails"].strip()
    ]


def _owner(account: Account) -> tuple[str, str]:
    return account.name, account.address


async def _arrive(demo: Demo, account: Account, mails: list[bytes], progress: Progress = lambda done, total: None) -> None:
    """Through the same import as a person's own mail."""
    folder = demo.folder / "made-mail" / account.sub

    def write() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number, mail in enumerate(mails):
            (folder / f"{number:05d}.eml").write_bytes(mail)

    await asyncio.to_thread(write)
    await import_in_thread(folder, demo.world.mailbox(account.address), demo.world.clock(), account.addresses, progress)
