"""The embedded CRM's tables: contacts, accounts and deals from CSV and to CSV.

What a line is about is found by its MailMagnet id; without one, contacts by any address (and name), accounts by name or domain,
deals by name and account. So importing twice is importing once. An empty cell changes nothing, and nothing is ever taken away:
addresses and contacts of a line come to those that are there.
"""

import re
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TypeVar

from crm_client.embedded.administration import user_id
from crm_client.embedded.database import CRM, as_json, reading, trying, writing
from crm_client.embedded.rows import (
    AccountRow,
    ContactRow,
    DealRow,
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
from crm_client.embedded.search import folded
from crm_client.embedded.table_amount import currencies_meant, read_amount, written_amount
from crm_client.embedded.table_date import DateOrder, date_order, read_date
from crm_client.embedded.table_file import BadLine, Line, TableFile, read_table_file, write_table_file
from mailmagnet.addresses import canonical, canonical_domain, domain_of
from mailmagnet.crm import Money
from mailmagnet.errors import BadRequest, BadTable, Unavailable, Upstream

LINES_AT_ONCE = 1000
"""Lines written in one transaction: some 0.2 s, of the BUSY_SECONDS that others wait, so that a busy machine may take ten times that."""

SECONDS_FOR_OTHERS = 0.12
"""Between two transactions: longer than SQLite lets one who waits sleep before it looks again, so that it gets its turn
(100 ms, https://www.sqlite.org/c3ref/busy_timeout.html)."""


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


def import_table(
    database: Path, kind: Kind, data: bytes, *, dry: bool, owner_email: str, dates: DateOrder | None = None
) -> TableReport:
    """Write a table's good lines, and tell of the bad ones; `dry` tells the same and writes nothing.

    What is new belongs to `owner_email` unless its line names another owner. `dates` is needed where the table's own dates do not
    tell day from month. Raises BadTable when it cannot be read at all, NotFound when that owner is no user, and as the CRM does
    Unavailable and BadAnswer. A table of up to LINES_AT_ONCE lines is written whole or not at all; a longer one step by step, so
    that nobody else waits long to write, and one that stops between two steps is finished by importing it again.
    """
    return import_lines(
        database,
        kind,
        read_table_file(data, lambda header: len(_columns(kind, header))),
        dry=dry,
        owner_email=owner_email,
        dates=dates,
    )


def import_lines(
    database: Path, kind: Kind, file: TableFile, *, dry: bool, owner_email: str, dates: DateOrder | None = None
) -> TableReport:
    """As `import_table`, of a table that is read already."""
    columns = _columns(kind, file.header.cells)
    _check_columns(kind, columns)
    given = [_given(line.cells, columns) for line in file.lines]
    order = date_order(
        ((line.number, cells["closing"]) for line, cells in zip(file.lines, given, strict=True) if "closing" in cells), dates
    )
    with reading(database) as connection:
        owner_id = user_id(connection, owner_email)
    run = _Import(owner_id, kind, columns, len(file.header.cells), order, _claims(given))
    if dry:
        with trying(database) as copy:
            run.take(copy, file.lines)
    else:
        _take_in_steps(database, run, file.lines)
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


def _take_in_steps(database: Path, run: "_Import", lines: Iterable[Line]) -> None:
    ahead = iter(lines)
    written = 0
    while step := list(islice(ahead, LINES_AT_ONCE)):
        if written:
            time.sleep(SECONDS_FOR_OTHERS)
        try:
            with writing(database) as connection:
                run.take(connection, step)
        except Upstream as problem:
            if not written:
                raise
            rest = f"what stands before line {step[0].number} is imported: import the table again for the rest"
            raise Unavailable(CRM, f"{problem.what}; {rest}") from problem
        written += len(step)


def export_table(database: Path, kind: Kind) -> bytes:
    """All records of a kind, whoever's they are, as `import_table` reads them: UTF-8 with BOM, commas, CRLF."""
    with reading(database) as connection:
        return write_table_file(_EXPORTED[kind], _EXPORTS[kind](connection))


_COMPANY = ("account", "account name", "company", "company name", "organisation", "organization")
_EMAIL = (
    "email",
    "emails",
    "e mail",
    "e mails",
    "mail",
    "email address",
    "email addresses",
    "e mail address",
    "e mail addresses",
)
_SECOND_EMAIL = ("secondary email", "other email", "alternate email", *(f"{name} {n}" for name in _EMAIL for n in range(1, 6)))
_PHONE = ("phone", "phone number", "telephone", "tel", "business phone", "work phone")
_OWNER = ("owner", "record owner", "account owner", "contact owner", "deal owner")
_ID = ("mailmagnet id",)

_ALIASES: Mapping[Kind, Mapping[str, Sequence[str]]] = {
    Kind.ACCOUNTS: {
        "name": ("name", *_COMPANY),
        "domain": ("domain", "website", "web site", "homepage", "url"),
        "phone": _PHONE,
        "owner": _OWNER,
        "id": _ID,
    },
    Kind.CONTACTS: {
        "name": ("name", "full name", "display name", "contact", "contact name"),
        "first name": ("first name", "firstname", "given name", "forename"),
        "last name": ("last name", "lastname", "surname", "family name"),
        "emails": (*_EMAIL, *_SECOND_EMAIL),
        "title": ("title", "job title", "position"),
        "account": _COMPANY,
        "phone": _PHONE,
        "owner": _OWNER,
        "id": _ID,
    },
    Kind.DEALS: {
        "name": ("name", "deal", "deal name", "opportunity", "opportunity name"),
        "account": _COMPANY,
        "pipeline": ("pipeline",),
        "stage": ("stage", "deal stage"),
        "amount": ("amount", "value", "deal value"),
        "currency": ("currency", "currency code"),
        "closing": ("closing date", "close date", "closing", "expected close date", "closes"),
        "contacts": ("contact", "contacts", "contact name", "primary contact"),
        "owner": _OWNER,
        "id": _ID,
    },
}

_EXPORTED: Mapping[Kind, Sequence[str]] = {
    Kind.ACCOUNTS: ("Name", "Domain", "Phone", "Owner", "MailMagnet id"),
    Kind.CONTACTS: ("Name", "Emails", "Title", "Account", "Phone", "Owner", "MailMagnet id"),
    Kind.DEALS: (
        "Name",
        "Account",
        "Pipeline",
        "Stage",
        "Amount",
        "Currency",
        "Closing date",
        "Contacts",
        "Owner",
        "MailMagnet id",
    ),
}

_ID_FORM = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DOMAIN_FORM = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:www\.)?([^\s/:@?#;,]+\.[^\s/:@?#;,]+?)\.?(?:[:/?#].*)?", re.IGNORECASE)


def _columns(kind: Kind, header: Sequence[str]) -> dict[int, str]:
    """What each known column of a header holds, by its place."""
    meanings = {alias: meaning for meaning, aliases in _ALIASES[kind].items() for alias in aliases}
    names = (re.sub(r"[\s_-]+", " ", folded(name)) for name in header)
    return {place: meanings[name] for place, name in enumerate(names) if name in meanings}


def _check_columns(kind: Kind, columns: Mapping[int, str]) -> None:
    known = list(columns.values())
    needed = {"name", "first name", "last name"} if kind is Kind.CONTACTS else {"name"}
    if not needed & set(known):
        raise BadTable(
            f"The first line has no column for the name. A table of {kind} may have the columns {', '.join(_EXPORTED[kind])}."
        )
    twice = sorted({meaning for meaning in known if meaning != "emails" and known.count(meaning) > 1})
    if twice:
        raise BadTable(f"Several columns mean the same ({', '.join(twice)}). Keep one of them, or rename the others.")


Row = TypeVar("Row", AccountRow, ContactRow, DealRow)


@dataclass(slots=True)
class _Import:
    """One import under way: what each line came to, and which line was about which record.

    `claims` are the names and addresses that lines of the table name together (accounts: the names): a record under one of them
    is that line's, and is not renamed by another that has but the address or domain in common with it.
    """

    owner_id: str
    kind: Kind
    columns: Mapping[int, str]
    width: int
    dates: DateOrder | None
    claims: frozenset[tuple[str, str]]
    connection: sqlite3.Connection = field(init=False)
    counts: dict[str, int] = field(default_factory=lambda: {"added": 0, "changed": 0, "unchanged": 0})
    accounts_added: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)
    line_about: dict[str, int] = field(default_factory=dict)

    def take(self, connection: sqlite3.Connection, lines: Iterable[Line]) -> None:
        """Write some lines in the connection's transaction."""
        self.connection = connection
        for line in lines:
            self._take(line)

    def _take(self, line: Line) -> None:
        """Write one line, or tell why not."""
        put = {Kind.ACCOUNTS: self._account, Kind.CONTACTS: self._contact, Kind.DEALS: self._deal}[self.kind]
        accounts_added = self.accounts_added
        self.connection.execute("SAVEPOINT line")
        try:
            _check(not any(line.cells[self.width :]), f"it has {len(line.cells)} cells, the first line has {self.width}")
            self.counts[put(line.number, _given(line.cells, self.columns))] += 1
        except BadRequest as error:
            self.connection.execute("ROLLBACK TO line")
            self.accounts_added = accounts_added
            self.bad_lines.append(BadLine(line.number, str(error)))
        self.connection.execute("RELEASE line")

    def _account(self, number: int, given: Mapping[str, str]) -> str:
        name, domain = given.get("name", ""), _domain(given.get("domain", ""))
        _check(name, "it has no name")
        before = self._known(given, read_accounts) or self._account_like(given, name, domain)
        after = replace(before or AccountRow(self._id(given), name, self.owner_id), name=name)
        after = replace(
            after,
            domain=domain or after.domain,
            phone=given.get("phone", after.phone),
            owner_id=self._owner(given, after.owner_id),
        )
        return self._settle(number, before, after, put_account)

    def _contact(self, number: int, given: Mapping[str, str]) -> str:
        name = _full_name(given)
        _check(name, "it has no name")
        addresses = _addresses(given.get("emails", ""))
        before = self._known(given, read_contacts) or self._contact_like(given, name, addresses)
        after = replace(before or ContactRow(self._id(given), name, self.owner_id), name=name)
        after = replace(
            after,
            addresses=_together(after.addresses, addresses),
            title=given.get("title", after.title),
            phone=given.get("phone", after.phone),
            owner_id=self._owner(given, after.owner_id),
        )
        if "account" in given:
            domains = {domain_of(address) for address in after.addresses}
            after = replace(after, account_id=self._account_named(given["account"], after.account_id, domains))
        return self._settle(number, before, after, put_contact)

    def _deal(self, number: int, given: Mapping[str, str]) -> str:
        name = given.get("name", "")
        _check(name, "it has no name")
        before = self._known(given, read_deals)
        account_id = before.account_id if before else None
        if "account" in given:
            account_id = self._account_named(given["account"], account_id, ())
        before = before or self._deal_like(given, name, account_id)
        stage_id = self._stage(given, before.stage_id if before else None)
        after = before or DealRow(self._id(given), name, stage_id, self.owner_id)
        after = replace(
            after,
            name=name,
            stage_id=stage_id,
            account_id=account_id if "account" in given else after.account_id,
            amount=self._amount(given, after.amount),
            closing=read_date(given["closing"], self.dates) if "closing" in given else after.closing,
            owner_id=self._owner(given, after.owner_id),
        )
        contact_ids = self._contacts_named(given.get("contacts", ""), after.account_id)
        return self._settle(number, before, replace(after, contact_ids=_together(after.contact_ids, contact_ids)), put_deal)

    def _settle(self, number: int, before: Row | None, after: Row, put: Callable[[sqlite3.Connection, Row], Row]) -> str:
        earlier = self.line_about.get(after.id)
        _check(earlier is None or after == before, f"line {earlier} is about the same record, and says otherwise")
        if after != before:
            put(self.connection, after)
        self.line_about.setdefault(after.id, number)
        if before is None:
            return "added"
        return "unchanged" if after == before else "changed"

    def _known(self, given: Mapping[str, str], read: Callable[[sqlite3.Connection, Iterable[str]], dict[str, Row]]) -> Row | None:
        """The record with the line's MailMagnet id."""
        _check(_ID_FORM.fullmatch(given.get("id", "-")), f"'{given.get('id')}' is no MailMagnet id")
        return read(self.connection, [given["id"]]).get(given["id"]) if "id" in given else None

    def _id(self, given: Mapping[str, str]) -> str:
        """A new record keeps the id that it had where the table comes from."""
        return given.get("id") or new_id()

    def _account_like(self, given: Mapping[str, str], name: str, domain: str) -> AccountRow | None:
        of_name = self._rows(given, read_accounts, "SELECT id FROM accounts WHERE folded_name = ?", folded(name))
        if of_name:
            return _one_of(of_name, [row for row in of_name if row.domain == domain], "accounts have this name")
        of_domain = self._rows(given, read_accounts, "SELECT id FROM accounts WHERE domain = ? AND domain <> ''", domain)
        free = [row for row in of_domain if (folded(row.name), "") not in self.claims]
        return _one_of(of_domain, [], "accounts have this domain") if free else None

    def _contact_like(self, given: Mapping[str, str], name: str, addresses: Collection[str]) -> ContactRow | None:
        if not addresses:
            return self._contact_of_name(given, name)
        rows = self._rows(
            given,
            read_contacts,
            "SELECT DISTINCT contact_id AS id FROM contact_addresses WHERE address IN (SELECT value FROM json_each(?))",
            as_json(addresses),
        )
        of_name = [row for row in rows if _is_called(row.name, name)]
        if of_name:
            return _one_of(of_name, [], "contacts have this name and one of these addresses")
        free = [row for row in rows if not any((folded(row.name), address) in self.claims for address in row.addresses)]
        return _one_of(rows, [], "contacts have one of these addresses") if free else None

    def _contact_of_name(self, given: Mapping[str, str], name: str) -> ContactRow | None:
        rows = self._rows(
            given,
            read_contacts,
            """
            SELECT contacts.id FROM contacts LEFT JOIN accounts ON accounts.id = account_id
            WHERE contacts.folded_name = ?1 AND (?2 = '' OR ?2 = accounts.id OR ?3 = accounts.folded_name)
            """,
            folded(name),
            given.get("account", ""),
            folded(given.get("account", "")),
        )
        return _one_of(rows, [], "contacts have this name")

    def _deal_like(self, given: Mapping[str, str], name: str, account_id: str | None) -> DealRow | None:
        rows = self._rows(
            given,
            read_deals,
            "SELECT id FROM deals WHERE folded_name = ?1 AND (account_id IS ?2 OR ?3)",
            folded(name),
            account_id,
            "account" not in self.columns.values(),
        )
        return _one_of(rows, [], "deals have this name")

    def _rows(
        self,
        given: Mapping[str, str],
        read: Callable[[sqlite3.Connection, Iterable[str]], dict[str, Row]],
        statement: str,
        *parameters: object,
    ) -> list[Row]:
        """Records that a line may be about. A line with an id of its own is never about the record of an earlier line."""
        ids = [row["id"] for row in self.connection.execute(statement, parameters)]
        return [row for row in read(self.connection, ids).values() if "id" not in given or row.id not in self.line_about]

    def _account_named(self, text: str, current: str | None, domains: Collection[str]) -> str:
        rows = read_accounts(
            self.connection,
            [
                row["id"]
                for row in self.connection.execute(
                    "SELECT id FROM accounts WHERE id = ? OR folded_name = ?", (text, folded(text))
                )
            ],
        )
        for narrowed in (
            [row for row in rows.values() if row.id in {text, current}],
            [row for row in rows.values() if row.domain in domains],
            list(rows.values()),
        ):
            if len(narrowed) == 1:
                return narrowed[0].id
        _check(not rows, f"several accounts are called '{text}': give the MailMagnet id of one")
        self.accounts_added += 1
        return put_account(self.connection, AccountRow(new_id(), text, self.owner_id)).id

    def _contacts_named(self, text: str, account_id: str | None) -> list[str]:
        names = re.findall(r'(?:"(?:[^"\\\n]|\\.){0,64}"@|[^;\n])+', text)
        return [self._contact_named(name.strip(), account_id) for name in names if name.strip()]

    def _contact_named(self, text: str, account_id: str | None) -> str:
        in_brackets = re.search(r"<([^<>]+)>$", text)
        rows = self.connection.execute(
            """
            SELECT id, account_id FROM contacts WHERE id = ?1 OR folded_name = ?2
            UNION
            SELECT contacts.id, account_id FROM contact_addresses JOIN contacts ON contacts.id = contact_id WHERE address = ?3
            """,
            (text, folded(text), canonical(in_brackets[1] if in_brackets else text)),
        ).fetchall()
        for narrowed in (
            [row["id"] for row in rows if row["id"] == text],
            [row["id"] for row in rows],
            [row["id"] for row in rows if row["account_id"] == account_id],
        ):
            if len(narrowed) == 1:
                return str(narrowed[0])
        raise BadRequest(
            f"several contacts are meant by '{text}': give the MailMagnet id of one" if rows else f"there is no contact '{text}'"
        )

    def _stage(self, given: Mapping[str, str], current: str | None) -> str:
        if "stage" not in given:
            _check(current and "pipeline" not in given, "a new deal, or one in another pipeline, needs a stage")
            return str(current)
        rows = self.connection.execute(
            """
            SELECT stages.id, stages.name, pipelines.name AS pipeline FROM stages
            JOIN pipelines ON pipelines.id = pipeline_id ORDER BY pipelines.position, stages.position
            """
        ).fetchall()
        pipeline = next((row["pipeline"] for row in rows if row["id"] == current), rows[0]["pipeline"])
        rows = [row for row in rows if _is_called(row["pipeline"], given.get("pipeline", row["pipeline"]))]
        named = [row for row in rows if _is_called(row["name"], given["stage"])]
        for narrowed in (
            named,
            [row for row in named if row["name"] == given["stage"] and row["pipeline"] == given.get("pipeline", row["pipeline"])],
            [row for row in named if row["pipeline"] == pipeline],
        ):
            if len(narrowed) == 1:
                return str(narrowed[0]["id"])
        _check(not named, f"several pipelines have a stage '{given['stage']}': name the pipeline")
        _check(rows, f"there is no pipeline '{given.get('pipeline')}'")
        raise BadRequest(f"there is no stage '{given['stage']}' among {', '.join(row['name'] for row in rows)}")

    def _amount(self, given: Mapping[str, str], current: Money | None) -> Money | None:
        if "amount" not in given:
            return current
        amount, sign = read_amount(given["amount"])
        used = {row["code"] for row in self.connection.execute("SELECT code FROM currencies")}
        home = self.connection.execute("SELECT home_currency FROM organisation").fetchone()["home_currency"]
        named = given.get("currency", "").upper()
        meant = currencies_meant(sign) & used if sign else {named or (current.currency if current else home)}
        _check(not named or named in used, f"'{named}' is none of the currencies {', '.join(sorted(used))}")
        _check(meant, f"'{sign}' is none of the currencies {', '.join(sorted(used))}")
        _check(not named or named in meant, f"the amount is in {sign}, the currency is {named}")
        _check(named or len(meant) == 1, f"'{sign}' could be {' or '.join(sorted(meant))}: name the currency")
        return Money(amount, named or next(iter(meant)))

    def _owner(self, given: Mapping[str, str], current: str) -> str:
        if "owner" not in given:
            return current
        rows = self.connection.execute("SELECT id, name, email FROM users").fetchall()
        for narrowed in (
            [row["id"] for row in rows if row["email"] == canonical(given["owner"])],
            [row["id"] for row in rows if _is_called(row["name"], given["owner"])],
        ):
            if len(narrowed) == 1:
                return str(narrowed[0])
        raise BadRequest(f"the owner '{given['owner']}' is no one user of the CRM")


def _given(cells: Sequence[str], columns: Mapping[int, str]) -> dict[str, str]:
    """What a line says, by meaning; what it leaves empty is not there."""
    given: dict[str, str] = {}
    for place, meaning in columns.items():
        cell = cells[place] if place < len(cells) else ""
        if cell:
            given[meaning] = f"{given[meaning]}; {cell}" if meaning in given else cell
    return given


def _full_name(given: Mapping[str, str]) -> str:
    return given.get("name") or f"{given.get('first name', '')} {given.get('last name', '')}".strip()


def _claims(lines: Iterable[Mapping[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset(
        (folded(_full_name(given)), canonical(address)) for given in lines for address in ["", *_parts(given.get("emails", ""))]
    )


def _check(holds: object, reason: str) -> None:
    if not holds:
        raise BadRequest(reason)


def _one_of(rows: Sequence[Row], better: Sequence[Row], what: str) -> Row | None:
    """The one row, or of several the one better one; raises BadRequest when it cannot be told."""
    for narrowed in (rows, better):
        if len(narrowed) == 1:
            return narrowed[0]
    _check(not rows, f"several {what}: give the MailMagnet id of one")
    return None


def _is_called(name: str, text: str) -> bool:
    return folded(name) == folded(text)


def _together(there: Sequence[str], given: Sequence[str]) -> tuple[str, ...]:
    """What is there and what is given; in the order given when that names all."""
    first, then = (given, there) if set(there) <= set(given) else (there, given)
    return tuple(dict.fromkeys([*first, *then]))


def _addresses(text: str) -> tuple[str, ...]:
    addresses = _parts(text)
    for address in addresses:
        _check(is_address(address), f"'{address}' is no mail address")
    return tuple(dict.fromkeys(canonical(address) for address in addresses))


def _parts(text: str) -> list[str]:
    return re.findall(r'(?:"(?:[^"\\]|\\.)*+(?:"|\Z)|[^\s;,"])+', text)


def _domain(text: str) -> str:
    found = _DOMAIN_FORM.fullmatch(text)
    _check(found or not text, f"'{text}' is no domain")
    return canonical_domain(found[1]) if found else ""


def _account_cells(connection: sqlite3.Connection) -> Iterable[Sequence[str]]:
    rows = connection.execute(
        """
        SELECT accounts.*, users.email AS owner FROM accounts JOIN users ON users.id = owner_id ORDER BY folded_name, accounts.id
        """
    )
    return ([row["name"], row["domain"], row["phone"], row["owner"], row["id"]] for row in rows)


def _contact_cells(connection: sqlite3.Connection) -> Iterable[Sequence[str]]:
    accounts = _account_names(connection)
    rows = connection.execute(
        """
        SELECT contacts.*, users.email AS owner, (
            SELECT json_group_array(address) FROM (
                SELECT address FROM contact_addresses WHERE contact_id = contacts.id ORDER BY position)) AS addresses
        FROM contacts JOIN users ON users.id = owner_id ORDER BY folded_name, contacts.id
        """
    )
    return (
        [
            row["name"],
            "; ".join(listed(row["addresses"])),
            row["title"],
            accounts.get(row["account_id"], ""),
            row["phone"],
            row["owner"],
            row["id"],
        ]
        for row in rows
    )


def _deal_cells(connection: sqlite3.Connection) -> Iterable[Sequence[str]]:
    accounts, contacts = _account_names(connection), _contact_names(connection)
    ids = [row["id"] for row in connection.execute("SELECT id FROM deals ORDER BY folded_name, id")]
    deals = read_deals(connection, ids)
    owners = {row["id"]: row["email"] for row in connection.execute("SELECT id, email FROM users")}
    stages = {
        row["id"]: (row["pipeline"], row["name"])
        for row in connection.execute(
            "SELECT stages.id, stages.name, pipelines.name AS pipeline FROM stages JOIN pipelines ON pipelines.id = pipeline_id"
        )
    }
    return (
        [
            deal.name,
            accounts.get(deal.account_id or "", ""),
            *stages[deal.stage_id],
            written_amount(deal.amount.amount) if deal.amount else "",
            deal.amount.currency if deal.amount else "",
            deal.closing.isoformat() if deal.closing else "",
            "; ".join(contacts[contact_id] for contact_id in deal.contact_ids),
            owners[deal.owner_id],
            deal.id,
        ]
        for deal in (deals[deal_id] for deal_id in ids)
    )


def _account_names(connection: sqlite3.Connection) -> dict[str, str]:
    """Each account as a cell names it: by its name, or by its id where others have the name too."""
    rows = connection.execute("SELECT id, name, count(*) OVER (PARTITION BY folded_name) AS namesakes FROM accounts")
    return {row["id"]: row["name"] if row["namesakes"] == 1 else row["id"] for row in rows}


def _contact_names(connection: sqlite3.Connection) -> dict[str, str]:
    """Each contact as a cell names it: by the first address that is its alone, or by its id."""
    rows = connection.execute(
        """
        SELECT contacts.id, (
            SELECT address FROM contact_addresses AS own WHERE own.contact_id = contacts.id AND NOT EXISTS (
                SELECT 1 FROM contact_addresses AS other WHERE other.address = own.address AND other.contact_id <> own.contact_id
            ) ORDER BY position LIMIT 1) AS address
        FROM contacts
        """
    )
    return {row["id"]: row["address"] or row["id"] for row in rows}


_EXPORTS: Mapping[Kind, Callable[[sqlite3.Connection], Iterable[Sequence[str]]]] = {
    Kind.ACCOUNTS: _account_cells,
    Kind.CONTACTS: _contact_cells,
    Kind.DEALS: _deal_cells,
}
