"""Contacts and deals for the most frequent senders of a mailbox, as the tables that the CRM imports."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from email.utils import getaddresses

from sandbox.google.mail_folder import MailFolder, Message

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Sender:
    """An address in lower case, the name it is mostly written with (or the address), and how many mails are from it."""

    address: str
    name: str
    mails: int


def frequent_senders(mailbox: MailFolder, own_addresses: Collection[str], most: int) -> list[Sender]:
    """The `most` addresses from which most of a mailbox's mail came, the most frequent first; the user's own are left out."""
    mails: Counter[str] = Counter()
    names: dict[str, Counter[str]] = {}
    for message in _all(mailbox):
        name, address = next(iter(getaddresses([message.from_])), ("", ""))
        address = address.lower()
        if "@" in address and address not in own_addresses:
            mails[address] += 1
            names.setdefault(address, Counter())[name.strip() or address] += 1
    ranked = sorted(mails.items(), key=lambda item: (-item[1], item[0]))[:most]
    return [Sender(address, names[address].most_common(1)[0][0], count) for address, count in ranked]


def contacts_table(senders: Sequence[Sender]) -> bytes:
    """CSV, one contact a sender; the account is named by the mail domain."""
    return _table(("Name", "Emails", "Account"), ((sender.name, sender.address, _account_of(sender)) for sender in senders))


def deals_table(senders: Sequence[Sender], today: date) -> bytes:
    """CSV: by turns a deal that closes this month, one that closes later, one that was won, and none."""
    kinds = (
        ("Negotiation", _last_of_month(today)),
        ("Proposal", today + timedelta(days=75)),
        ("Closed Won", today - timedelta(days=40)),
    )
    lines = []
    for number, sender in enumerate(senders):
        if number % 4 < len(kinds):
            stage, closing = kinds[number % 4]
            amount = str(1_000 * (3 + number * 7 % 45))
            lines.append((f"Order {number + 1}", _account_of(sender), stage, amount, "EUR", closing.isoformat(), sender.address))
    return _table(("Name", "Account", "Stage", "Amount", "Currency", "Closing date", "Contacts"), lines)


def _all(mailbox: MailFolder) -> Iterator[Message]:
    page_token = ""
    while True:
        page = mailbox.messages(most=_AT_ONCE, page_token=page_token)
        yield from page.messages
        page_token = page.next_page_token
        if not page_token:
            return


def _account_of(sender: Sender) -> str:
    return sender.address.rpartition("@")[2]


def _last_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _table(columns: Sequence[str], lines: "Sequence[Sequence[str]] | Iterator[Sequence[str]]") -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows([columns, *lines])
    return written.getvalue().encode()
