"""The embedded CRM's rows: each kind of record read whole and put whole, with its addresses and what it is searched by.

No rights are checked here: `user_records` does that. `put_*` adds a row or puts it in place of the one with its id, and raises
BadRequest, with a reason for people that quotes nothing, when the CRM does not take the row.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from crm_client.embedded.database import as_json
from crm_client.embedded.search import Findable, folded, make_findable
from crm_client.fields import is_text
from mailmagnet.addresses import canonical, canonical_domain, domain_of
from mailmagnet.addresses import is_address as is_canonical_address
from mailmagnet.crm import ActivityKind, Money
from mailmagnet.errors import BadRequest


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account; `domain` canonical or ""."""

    id: str
    name: str
    owner_id: str
    domain: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class ContactRow:
    """A contact; `addresses` the main one first."""

    id: str
    name: str
    owner_id: str
    addresses: tuple[str, ...] = ()
    title: str = ""
    account_id: str | None = None
    phone: str = ""


@dataclass(frozen=True, slots=True)
class LeadRow:
    """A lead; `addresses` the main one first."""

    id: str
    name: str
    owner_id: str
    addresses: tuple[str, ...] = ()
    title: str = ""
    company: str = ""
    status: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class DealRow:
    """A deal; `contact_ids` the primary contact first, then those with a role."""

    id: str
    name: str
    stage_id: str
    owner_id: str
    account_id: str | None = None
    amount: Money | None = None
    closing: date | None = None
    contact_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """An activity of a contact; a moment is aware, a task may have a day only."""

    id: str
    contact_id: str
    kind: ActivityKind
    subject: str
    at: datetime | date
    done: bool
    owner_id: str


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A note on a contact; `at` is aware."""

    id: str
    contact_id: str
    text: str
    at: datetime
    author_id: str


def new_id() -> str:
    """An id that no record has had: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def reversed_domain(domain: str) -> str:
    """A domain from its top: "mail.analytical.example" is "example.analytical.mail"."""
    return ".".join(reversed(domain.split(".")))


def is_address(text: str) -> bool:
    """Whether a text is a mail address, however it is written."""
    return is_canonical_address(canonical(text))


def put_account(connection: sqlite3.Connection, row: AccountRow) -> AccountRow:
    """Write an account; the row as it is stored."""
    stored = AccountRow(row.id, _name(row.name), row.owner_id, canonical_domain(row.domain), _text(row.phone))
    connection.execute(
        """
        INSERT INTO accounts (id, name, folded_name, domain, reversed_domain, phone, owner_id) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, folded_name = excluded.folded_name, domain = excluded.domain,
            reversed_domain = excluded.reversed_domain, phone = excluded.phone, owner_id = excluded.owner_id
        """,
        (
            stored.id,
            stored.name,
            folded(stored.name),
            stored.domain,
            reversed_domain(stored.domain),
            stored.phone,
            stored.owner_id,
        ),
    )
    make_findable(connection, Findable("accounts", stored.id, stored.owner_id, stored.name, [stored.domain]))
    return stored


def put_contact(connection: sqlite3.Connection, row: ContactRow) -> ContactRow:
    """Write a contact with its addresses; the row as it is stored."""
    stored = ContactRow(
        row.id, _name(row.name), row.owner_id, _addresses(row.addresses), _text(row.title), row.account_id, _text(row.phone)
    )
    connection.execute(
        """
        INSERT INTO contacts (id, name, folded_name, title, phone, account_id, owner_id) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, folded_name = excluded.folded_name, title = excluded.title,
            phone = excluded.phone, account_id = excluded.account_id, owner_id = excluded.owner_id
        """,
        (stored.id, stored.name, folded(stored.name), stored.title, stored.phone, stored.account_id, stored.owner_id),
    )
    connection.execute("DELETE FROM contact_addresses WHERE contact_id = ?", (stored.id,))
    connection.executemany(
        "INSERT INTO contact_addresses (contact_id, address, reversed_domain, position) VALUES (?, ?, ?, ?)",
        [(stored.id, address, reversed_domain(domain_of(address)), at) for at, address in enumerate(stored.addresses)],
    )
    make_findable(connection, Findable("contacts", stored.id, stored.owner_id, stored.name, stored.addresses, stored.account_id))
    return stored


def put_lead(connection: sqlite3.Connection, row: LeadRow) -> LeadRow:
    """Write a lead with its addresses; the row as it is stored."""
    stored = LeadRow(
        row.id,
        _name(row.name),
        row.owner_id,
        _addresses(row.addresses),
        _text(row.title),
        _text(row.company),
        _text(row.status),
        _text(row.phone),
    )
    connection.execute(
        """
        INSERT INTO leads (id, name, title, company, status, phone, owner_id) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, title = excluded.title, company = excluded.company,
            status = excluded.status, phone = excluded.phone, owner_id = excluded.owner_id
        """,
        (stored.id, stored.name, stored.title, stored.company, stored.status, stored.phone, stored.owner_id),
    )
    connection.execute("DELETE FROM lead_addresses WHERE lead_id = ?", (stored.id,))
    connection.executemany(
        "INSERT INTO lead_addresses (lead_id, address, position) VALUES (?, ?, ?)",
        [(stored.id, address, at) for at, address in enumerate(stored.addresses)],
    )
    make_findable(connection, Findable("leads", stored.id, stored.owner_id, stored.name, [*stored.addresses, stored.company]))
    return stored


def put_deal(connection: sqlite3.Connection, row: DealRow) -> DealRow:
    """Write a deal with its contacts; the row as it is stored. A contact that stays keeps its role."""
    stored = DealRow(
        row.id, _name(row.name), row.stage_id, row.owner_id, row.account_id, row.amount, row.closing, _once(row.contact_ids)
    )
    amount, currency = _money(connection, stored.amount)
    connection.execute(
        """
        INSERT INTO deals (id, name, folded_name, account_id, stage_id, amount, currency, closing, owner_id)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, folded_name = excluded.folded_name, account_id = excluded.account_id,
            stage_id = excluded.stage_id, amount = excluded.amount, currency = excluded.currency, closing = excluded.closing,
            owner_id = excluded.owner_id
        """,
        (
            stored.id,
            stored.name,
            folded(stored.name),
            stored.account_id,
            stored.stage_id,
            amount,
            currency,
            stored.closing.isoformat() if stored.closing else None,
            stored.owner_id,
        ),
    )
    connection.execute(
        "DELETE FROM deal_contacts WHERE deal_id = ? AND contact_id NOT IN (SELECT value FROM json_each(?))",
        (stored.id, as_json(stored.contact_ids)),
    )
    connection.executemany(
        """
        INSERT INTO deal_contacts (deal_id, contact_id, position) VALUES (?, ?, ?)
        ON CONFLICT (deal_id, contact_id) DO UPDATE SET position = excluded.position
        """,
        [(stored.id, contact_id, at) for at, contact_id in enumerate(stored.contact_ids)],
    )
    make_findable(connection, Findable("deals", stored.id, stored.owner_id, stored.name, account_id=stored.account_id))
    return stored


def put_activity(connection: sqlite3.Connection, row: ActivityRow) -> None:
    """Write an activity."""
    connection.execute(
        """
        INSERT INTO activities (id, contact_id, kind, subject, at, done, owner_id) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET contact_id = excluded.contact_id, kind = excluded.kind, subject = excluded.subject,
            at = excluded.at, done = excluded.done, owner_id = excluded.owner_id
        """,
        (row.id, row.contact_id, row.kind, _name(row.subject), _moment(row.at), row.done, row.owner_id),
    )


def put_note(connection: sqlite3.Connection, row: NoteRow) -> None:
    """Write a note."""
    if not _text(row.text):
        raise BadRequest("a note needs a text")
    connection.execute(
        """
        INSERT INTO notes (id, contact_id, text, at, author_id) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET contact_id = excluded.contact_id, text = excluded.text, at = excluded.at,
            author_id = excluded.author_id
        """,
        (row.id, row.contact_id, row.text, _moment(row.at), row.author_id),
    )


def read_accounts(connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, AccountRow]:
    """Accounts by id; an id that none has is left out."""
    rows = connection.execute(
        "SELECT record.* FROM json_each(?) AS wanted JOIN accounts AS record ON record.id = wanted.value", (as_json(ids),)
    )
    return {row["id"]: AccountRow(row["id"], row["name"], row["owner_id"], row["domain"], row["phone"]) for row in rows}


def read_contacts(connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, ContactRow]:
    """Contacts by id; an id that none has is left out."""
    rows = connection.execute(
        """
        SELECT record.*, (
            SELECT json_group_array(address) FROM (
                SELECT address FROM contact_addresses WHERE contact_id = record.id ORDER BY position)) AS addresses
        FROM json_each(?) AS wanted JOIN contacts AS record ON record.id = wanted.value
        """,
        (as_json(ids),),
    )
    return {
        row["id"]: ContactRow(
            row["id"], row["name"], row["owner_id"], listed(row["addresses"]), row["title"], row["account_id"], row["phone"]
        )
        for row in rows
    }


def read_deals(connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, DealRow]:
    """Deals by id; an id that none has is left out."""
    rows = connection.execute(
        """
        SELECT record.*, (
            SELECT json_group_array(contact_id) FROM (
                SELECT contact_id FROM deal_contacts WHERE deal_id = record.id ORDER BY position, contact_id)) AS contact_ids
        FROM json_each(?) AS wanted JOIN deals AS record ON record.id = wanted.value
        """,
        (as_json(ids),),
    )
    return {
        row["id"]: DealRow(
            row["id"],
            row["name"],
            row["stage_id"],
            row["owner_id"],
            row["account_id"],
            money(row["amount"], row["currency"]),
            day(row["closing"]),
            listed(row["contact_ids"]),
        )
        for row in rows
    }


def listed(array: str) -> tuple[str, ...]:
    """The texts of a JSON array, as json_group_array makes it."""
    return tuple(json.loads(array))


def money(amount: str | None, currency: str | None) -> Money | None:
    """An amount as the columns hold it."""
    return Money(Decimal(amount), currency) if amount is not None and currency is not None else None


def day(text: str | None) -> date | None:
    """A day as the columns hold it."""
    return date.fromisoformat(text) if text else None


def moment_or_day(text: str) -> datetime | date:
    """A moment (UTC) or a day, as the columns hold it."""
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def _name(text: str) -> str:
    if not text.strip():
        raise BadRequest("a name is needed")
    return _text(text)


def _text(text: str) -> str:
    if not is_text(text):
        raise BadRequest("a text holds signs that no text has")
    return text.strip()


def _addresses(addresses: Sequence[str]) -> tuple[str, ...]:
    if not all(is_address(address) for address in addresses):
        raise BadRequest("an address is no mail address")
    return _once(canonical(address) for address in addresses)


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _money(connection: sqlite3.Connection, amount: Money | None) -> tuple[str | None, str | None]:
    if amount is None:
        return None, None
    if not amount.amount.is_finite():
        raise BadRequest("the amount is no number")
    if not connection.execute("SELECT 1 FROM currencies WHERE code = ?", (amount.currency,)).fetchone():
        raise BadRequest("the currency is none of the organisation's")
    return format(amount.amount, "f"), amount.currency


def _moment(at: datetime | date) -> str:
    if not isinstance(at, datetime):
        return at.isoformat()
    if at.tzinfo is None:
        raise BadRequest("a time needs its time zone")
    return at.astimezone(UTC).isoformat()
