"""The embedded CRM's tables: contacts, accounts and deals from CSV and to CSV.

What a line is about is found by its MailMagnet id; without one, contacts by any address (and name), accounts by name or domain,
deals by name and account. So importing twice is importing once. An empty cell changes nothing, and nothing is ever taken away:
addresses and contacts of a line come to those that are there.
"""

import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from crm_client.embedded_administration import user_id
from crm_client.embedded_database import as_json, reading, writing
from crm_client.embedded_rows import (
    AccountRow,
    ContactRow,
    DealRow,
    folded,
    is_address,
    listed,
    new_id,
    put_account,
    put_contact,
    put_deal,
    read_accounts,
    read_contacts,
    read_deals,
)
from crm_client.table_amount import currencies_meant, read_amount, written_amount
from crm_client.table_file import BadLine, Line, read_table_file, write_table_file
from mailmagnet.addresses import canonical, canonical_domain, domain_of
from mailmagnet.crm import Money
from mailmagnet.errors import BadRequest, BadTable


class Kind(StrEnum):
    """What a table holds."""

    ACCOUNTS = "accounts"
    CONTACTS = "contacts"
    DEALS = "deals"


@dataclass(frozen=True, slots=True)
class TableReport:
    """What an import did, or (dry) would do: lines by what they came to, and how many accounts it made because lines named them.

    `columns_left_out` are columns of the file that mean nothing here.
    """

    kind: Kind
    dry: bool
    added: int
    changed: int
    unchanged: int
    accounts_added: int
    bad_lines: tuple[BadLine, ...]
    columns_left_out: tuple[str, ...]


def import_table(database: Path, kind: Kind, data: bytes, *, dry: bool, owner_email: str) -> TableReport:
    """Write a table's good lines in one transaction, and tell of the bad ones; `dry` tells the same and writes nothing.

    What is new belongs to `owner_email` unless its line names another owner. Raises BadTable when it cannot be read at all,
    NotFound when that owner is no user, and as the CRM does Unavailable and BadAnswer.
    """
    file = read_table_file(data, lambda header: len(_columns(kind, header)))
    columns = _columns(kind, file.header.cells)
    _check_columns(kind, columns)
    with writing(database, dry=dry) as connection:
        run = _Import(connection, user_id(connection, owner_email), frozenset(columns.values()))
        for line in file.lines:
            run.take(kind, line, columns, len(file.header.cells))
    return TableReport(
        kind,
        dry,
        run.counts["added"],
        run.counts["changed"],
        run.counts["unchanged"],
        run.accounts_added,
        tuple(sorted([*file.bad_lines, *run.bad_lines], key=lambda bad: bad.number)),
        tuple(name for at, name in enumerate(file.header.cells) if name and at not in columns),
    )


def export_table(database: Path, kind: Kind) -> bytes:
    """All records of a kind, whoever's they are, as `import_table` reads them: UTF-8 with BOM, commas, CRLF."""
    with reading(database) as connection:
        return write_table_file(_EXPORTED[kind], _EXPORTS[kind](connection))
