"""CSV tables of the embedded CRM: what is read, what is refused and why, importing twice, and the way out and back in."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_client.embedded import administration
from crm_client.embedded.database import close_idle, reading, writing
from crm_client.embedded.rows import (
    AccountRow,
    ContactRow,
    DealRow,
    put_account,
    put_contact,
    put_deal,
    read_accounts,
    read_contacts,
    read_deals,
)
from crm_client.embedded.table_amount import read_amount, written_amount
from crm_client.embedded.table_date import DateOrder
from crm_client.embedded.table_file import Line, TableFile
from crm_client.embedded.tables import LINES_AT_ONCE, Kind, TableReport, export_table, import_lines, import_table
from mailmagnet.crm import Currency, DealState, Money, Organisation
from mailmagnet.errors import BadAnswer, BadRequest, BadTable, NotFound, Unavailable
from tests.crm_rows import rows_of

ADA, KIM = "ada@corp.example", "kim@corp.example"


def _make(database: Path) -> None:
    administration.create(database, Organisation("Corp Ltd", "Europe/Vienna", "EUR"), "corp.example")
    for code in ("USD", "JPY"):
        administration.add_currency(database, Currency(code, code, Decimal(1)))
    administration.add_stage(database, "Partners", "Signed", DealState.WON)
    administration.add_stage(database, "Partners", "Proposal", DealState.OPEN)
    administration.add_stage(database, "Others", "Talks", DealState.OPEN)
    administration.add_stage(database, "More", "Talks", DealState.OPEN)
    administration.add_user(database, "Ada Byron", ADA, administration.ADMINISTRATOR)
    administration.add_user(database, "Kim Park", KIM, administration.STANDARD)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "crm.db"
    _make(file)
    yield file
    close_idle(file)


def _import(database: Path, kind: Kind, table: str | bytes, *, dry: bool = False) -> TableReport:
    data = table.encode() if isinstance(table, str) else table
    return import_table(database, kind, data, dry=dry, owner_email=ADA)


def _counts(report: TableReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, len(report.bad_lines)


def _reasons(report: TableReport) -> dict[int, str]:
    return {bad.number: bad.reason for bad in report.bad_lines}


def _contacts(database: Path) -> dict[str, ContactRow]:
    with reading(database) as connection:
        rows = read_contacts(connection, [row["id"] for row in connection.execute("SELECT id FROM contacts")])
    return {row.name: row for row in rows.values()}


def _accounts(database: Path) -> dict[str, AccountRow]:
    with reading(database) as connection:
        rows = read_accounts(connection, [row["id"] for row in connection.execute("SELECT id FROM accounts")])
    return {row.name: row for row in rows.values()}


def _deals(database: Path) -> dict[str, DealRow]:
    with reading(database) as connection:
        rows = read_deals(connection, [row["id"] for row in connection.execute("SELECT id FROM deals")])
    return {row.name: row for row in rows.values()}


def _exported(database: Path, kind: Kind) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(export_table(database, kind).decode("utf-8-sig"), newline="")))


PEOPLE = (
    "Name,Emails,Title,Account,Phone\r\n"
    'Henriëtta Lovell,"h@analytical.example; Henrietta@Home.example",Head,Analytical Ltd,+44 1632 960001\r\n'
    '"Ekdahl, Jonas",jonas@analytical.example,"Plant\nManager",analytical ltd,\r\n'
)


@pytest.mark.parametrize(
    "data",
    [
        PEOPLE.encode(),
        PEOPLE.encode("utf-8-sig"),
        PEOPLE.replace("\r\n", "\n").encode(),
        b"sep=,\r\n" + PEOPLE.encode(),
        PEOPLE.replace(",", "\t").replace("Ekdahl\t Jonas", "Ekdahl, Jonas").encode("utf-16"),
        b"\xff\xfe" + PEOPLE.replace(",", "\t").replace("Ekdahl\t Jonas", "Ekdahl, Jonas").encode("utf-16-le"),
        b"\xfe\xff" + PEOPLE.replace(",", "\t").replace("Ekdahl\t Jonas", "Ekdahl, Jonas").encode("utf-16-be"),
        PEOPLE.replace(",", ";").replace("Ekdahl; Jonas", "Ekdahl, Jonas").encode("utf-8-sig"),
        ("sep=;\r\n" + PEOPLE.replace(",", ";").replace("Ekdahl; Jonas", "Ekdahl, Jonas")).encode("utf-8-sig"),
        ("sep=|\n" + PEOPLE.replace(",", "|").replace("Ekdahl| Jonas", "Ekdahl, Jonas")).encode(),
    ],
    ids=["utf-8", "bom", "lf", "sep", "utf-16", "utf-16-le", "utf-16-be", "semicolon", "sep-semicolon", "sep-bar"],
)
def test_tables_as_people_and_excel_write_them_are_read(database: Path, data: bytes) -> None:
    report = _import(database, Kind.CONTACTS, data)
    assert (_counts(report), report.accounts_added) == ((2, 0, 0, 0), 1)
    contacts, accounts = _contacts(database), _accounts(database)
    henrietta = contacts["Henriëtta Lovell"]
    assert henrietta.addresses == ("h@analytical.example", "henrietta@home.example")
    assert (henrietta.title, henrietta.phone) == ("Head", "+44 1632 960001")
    jonas = contacts["Ekdahl, Jonas"]
    assert jonas.title == "Plant\nManager"
    assert henrietta.account_id == jonas.account_id == accounts["Analytical Ltd"].id


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (Kind.CONTACTS, PEOPLE),
        (Kind.CONTACTS, "Name,Email,Phone\nAda,office@x.example,1\nBob,office@x.example,2\nCarl,,3\n"),
        (Kind.CONTACTS, "Name,Email\nAda,a@x.example b@x.example\nAda,b@x.example c@x.example\n"),
        (Kind.CONTACTS, "Name,Email,Company\nAda,a@x.example,One\nAda,a@x.example,Two\n"),
        (Kind.CONTACTS, "Name,Email\nAda,a@x.example b@x.example\nBob,b@x.example\nAda,a@x.example\n"),
        (Kind.ACCOUNTS, "Name,Website\nOne,https://www.one.example/about\nOne Two,one.example\nThree,\n"),
        (
            Kind.DEALS,
            "Name,Account,Stage,Amount,Closing Date\nA,One,Qualification,1.50,2026-11-30\nA,,Proposal,,\nA,Two,Closed Won,,\n",
        ),
    ],
)
def test_importing_twice_is_importing_once(database: Path, kind: Kind, table: str) -> None:
    first = _import(database, kind, table)
    after_once = rows_of(database)
    second = _import(database, kind, table)
    assert first.added > 0
    assert (second.added, second.changed, second.accounts_added) == (0, 0, 0)
    assert second.unchanged == first.added + first.unchanged
    assert second.bad_lines == first.bad_lines
    assert rows_of(database) == after_once


def test_a_dry_run_tells_the_same_and_changes_nothing(database: Path) -> None:
    table = "Name,E-mail,Account\nAda,ada@x.example,New Firm\nBob,not an address,Other Firm\n,eve@x.example,\n"
    before = rows_of(database)
    dry = _import(database, Kind.CONTACTS, table, dry=True)
    assert rows_of(database) == before
    wet = _import(database, Kind.CONTACTS, table)
    assert dry == replace(wet, dry=True)
    assert _counts(wet) == (1, 0, 0, 2)
    assert wet.accounts_added == 1
    assert set(_accounts(database)) == {"New Firm"}


def test_each_bad_line_is_told_with_its_number_and_reason_and_the_good_ones_are_written(database: Path) -> None:
    table = (
        "Name,Email,Owner\n"
        "\n"
        '"Two\nlines",two@x.example,\n'
        ",nameless@x.example,\n"
        "Bad,bad at x,\n"
        'Quoted,"a"@x.example,\n'
        "Long,long@x.example,,,too much\n"
        "Foreign,foreign@x.example,nobody@corp.example\n"
        "Short,short@x.example\n"
        "Kim's,kims@x.example,Kim Park\n"
    )
    report = _import(database, Kind.CONTACTS, table)
    assert _reasons(report) == {
        5: "it has no name",
        6: "'bad' is no mail address",
        7: "a quotation mark is in the wrong place, or a cell is longer than 131,072 characters",
        8: "it has 5 cells, the first line has 3",
        9: "the owner 'nobody@corp.example' is no one user of the CRM",
    }
    contacts = _contacts(database)
    assert set(contacts) == {"Two\nlines", "Short", "Kim's"}
    with reading(database) as connection:
        owners = {row["id"]: row["email"] for row in connection.execute("SELECT id, email FROM users")}
    assert {name: owners[row.owner_id] for name, row in contacts.items()} == {"Two\nlines": ADA, "Short": ADA, "Kim's": KIM}


def test_an_address_in_quotes_is_one_address(database: Path) -> None:
    emails = '"John Doe"@x.example; j@x.example,"doe, john"@x.example "jd"@x.example'
    table = io.StringIO()
    csv.writer(table).writerows([("Name", "Emails"), ("John", emails), ("Jane", '"jane'), ("Jo", "jo doe@x.example")])
    report = _import(database, Kind.CONTACTS, table.getvalue())
    assert _reasons(report) == {3: "'\"jane' is no mail address", 4: "'jo' is no mail address"}
    addresses = ('"john doe"@x.example', "j@x.example", '"doe, john"@x.example', "jd@x.example")
    assert _contacts(database)["John"].addresses == addresses
    exported = export_table(database, Kind.CONTACTS)
    assert _counts(_import(database, Kind.CONTACTS, exported)) == (0, 0, 1, 0)


def test_a_deals_contacts_may_have_semicolons_in_quoted_addresses_and_quotes_in_names(database: Path) -> None:
    contacts = io.StringIO()
    csv.writer(contacts).writerows([("Name", "Emails"), ("John", '"john;doe"@x.example'), ('Jane "JD" Doe', "jd@x.example")])
    _import(database, Kind.CONTACTS, contacts.getvalue())
    deals = io.StringIO()
    named = '"John;Doe"@x.example; Jane "JD" Doe'
    csv.writer(deals).writerows([("Name", "Stage", "Contacts"), ("Renewal", "Negotiation", named)])
    assert _counts(_import(database, Kind.DEALS, deals.getvalue())) == (1, 0, 0, 0)
    assert _counts(_import(database, Kind.DEALS, export_table(database, Kind.DEALS))) == (0, 0, 1, 0)


def test_line_numbers_count_the_separator_line(database: Path) -> None:
    report = _import(database, Kind.CONTACTS, "sep=;\nName;Email\nBad;bad\n")
    assert _reasons(report) == {3: "'bad' is no mail address"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\r\n\r\n", "empty"),
        ("Name,Email\nJürgen,j@x.example\n".encode("cp1252"), "CSV UTF-8"),
        (b"PK\x03\x04\x00\x00\x00", "CSV UTF-8"),
        (b"\xff\xfeN", "CSV UTF-8"),
        (b"Email,Phone\na@x.example,1\n", "Name, Emails"),
        (b"just some words\nand more\n", "Name, Emails"),
        (b"Name,Name,Email\nA,B,a@x.example\n", "Keep one"),
        (b'Name,Email\nA,a@x.example\n"B,b@x.example\nC,c@x.example\n', "line 3"),
    ],
)
def test_what_is_no_table_is_refused_whole_and_says_what_to_do(database: Path, data: bytes, says: str) -> None:
    before = rows_of(database)
    with pytest.raises(BadTable, match=says) as refused:
        _import(database, Kind.CONTACTS, data)
    assert "x.example" not in str(refused.value)
    assert rows_of(database) == before


def test_columns_are_known_by_their_common_names_and_the_others_are_told(database: Path) -> None:
    report = _import(
        database,
        Kind.CONTACTS,
        "FIRST NAME,Last_Name,E-mail Address,E-mail 2 Address,Secondary Email,Company Name,Job Title,Business Phone,Shoe size\n"
        "Ada,Byron,a@x.example,,b@x.example,Firm,Countess,123,38\n",
    )
    assert report.columns_left_out == ("E-mail 2 Address", "Shoe size")
    ada = _contacts(database)["Ada Byron"]
    assert (ada.addresses, ada.title, ada.phone) == (("a@x.example", "b@x.example"), "Countess", "123")


def test_a_contact_is_matched_by_any_address_and_nothing_is_taken_away(database: Path) -> None:
    _import(database, Kind.CONTACTS, "Name,Emails,Title,Phone\nAda Byron,a@x.example b@x.example,Countess,1\n")
    before = _contacts(database)["Ada Byron"]
    report = _import(database, Kind.CONTACTS, "Name,Emails,Title\nAda Lovelace,B@X.example c@x.example,\n")
    assert _counts(report) == (0, 1, 0, 0)
    after = _contacts(database)["Ada Lovelace"]
    assert after == replace(before, name="Ada Lovelace", addresses=("a@x.example", "b@x.example", "c@x.example"))


def test_several_contacts_with_one_address_are_told_apart_by_name_or_not_at_all(database: Path) -> None:
    _import(database, Kind.CONTACTS, "Name,Email\nAnn,office@x.example\nBob,office@x.example\n")
    report = _import(database, Kind.CONTACTS, "Name,Email,Title\nbob,office@x.example,Clerk\nCarl,office@x.example,Boss\n")
    assert report.changed == 1
    assert _reasons(report) == {3: "several contacts have one of these addresses: give the MailMagnet id of one"}
    assert {name: row.title for name, row in _contacts(database).items()} == {"Ann": "", "bob": "Clerk"}


@pytest.mark.parametrize(
    "lines", ["Carl,office@x.example\nAnn,office@x.example\n", "Ann,office@x.example\nCarl,office@x.example\n"]
)
def test_a_contact_that_has_a_line_of_its_own_is_not_renamed_by_another(database: Path, lines: str) -> None:
    _import(database, Kind.CONTACTS, "Name,Email\nAnn,office@x.example\n")
    ann = _contacts(database)["Ann"]
    report = _import(database, Kind.CONTACTS, f"Name,Email\n{lines}")
    assert _counts(report) == (1, 0, 1, 0)
    assert _contacts(database)["Ann"] == ann


def test_two_lines_that_say_otherwise_of_one_contact_are_not_both_written(database: Path) -> None:
    report = _import(database, Kind.CONTACTS, "Name,Email,Title\nAda,a@x.example,Countess\nAda,a@x.example,Duchess\n")
    assert (_counts(report), _contacts(database)["Ada"].title) == ((1, 0, 0, 1), "Countess")
    assert _reasons(report) == {3: "line 2 is about the same record, and says otherwise"}


def test_accounts_are_matched_by_name_or_domain(database: Path) -> None:
    _import(database, Kind.ACCOUNTS, "Account Name,Website\nAnalytical Ltd,http://WWW.Analytical.example:80/a?b\n")
    before = _accounts(database)["Analytical Ltd"]
    assert before.domain == "analytical.example"
    by_name = _import(database, Kind.ACCOUNTS, "Name,Phone\nANALYTICAL  LTD,1\n")
    by_domain = _import(database, Kind.ACCOUNTS, "Name,Domain\nAnalytical Limited,analytical.example\n")
    bad = _import(database, Kind.ACCOUNTS, "Name,Domain\nNew,not a domain\n")
    assert [_counts(report) for report in (by_name, by_domain, bad)] == [(0, 1, 0, 0), (0, 1, 0, 0), (0, 0, 0, 1)]
    assert _accounts(database) == {"Analytical Limited": replace(before, name="Analytical Limited", phone="1")}


def test_deals_are_read_with_stage_amount_currency_date_and_contacts(database: Path) -> None:
    _import(database, Kind.CONTACTS, PEOPLE)
    table = (
        "Deal Name,Account Name,Stage,Pipeline,Amount,Currency,Close Date,Contact Name\n"
        'Renewal,Analytical Ltd,negotiation,,"1,234.50",usd,2026-11-30,Henrietta Lovell\n'
        'Pilot,Analytical Ltd,Signed,,"1.234,50",,2026-02-28,jonas@analytical.example; Henrietta <henrietta@home.example>\n'
        "Rollout,New Firm,Proposal,Partners,1 234,,,\n"
        "Yen,,Proposal,,¥4800000,,,\n"
    )
    report = _import(database, Kind.DEALS, table)
    assert (_reasons(report), report.added, report.accounts_added) == ({}, 4, 1)
    deals, contacts, accounts = _deals(database), _contacts(database), _accounts(database)
    assert deals["Renewal"].amount == Money(Decimal("1234.50"), "USD")
    assert deals["Renewal"].closing == date(2026, 11, 30)
    assert deals["Renewal"].contact_ids == (contacts["Henriëtta Lovell"].id,)
    assert deals["Renewal"].account_id == accounts["Analytical Ltd"].id
    assert deals["Pilot"].amount == Money(Decimal("1234.50"), "EUR")
    assert deals["Pilot"].contact_ids == (contacts["Ekdahl, Jonas"].id, contacts["Henriëtta Lovell"].id)
    assert (deals["Rollout"].amount, deals["Rollout"].closing) == (Money(Decimal(1234), "EUR"), None)
    assert deals["Yen"].amount == Money(Decimal(4800000), "JPY")
    with reading(database) as connection:
        stages = {
            row["id"]: (row["pipeline"], row["name"])
            for row in connection.execute(
                "SELECT stages.id, stages.name, pipelines.name AS pipeline FROM stages JOIN pipelines ON pipelines.id = pipeline_id"
            )
        }
    assert {name: stages[deal.stage_id] for name, deal in deals.items()} == {
        "Renewal": ("Standard", "Negotiation"),
        "Pilot": ("Partners", "Signed"),
        "Rollout": ("Partners", "Proposal"),
        "Yen": ("Standard", "Proposal"),
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (',Proposal,"1,234",,,', "'1,234' could be 1234 or 1.234: write 1234.00 or 1.2340"),
        (",Proposal,much,,,", "'much' is no amount"),
        (",Proposal,€ 5,USD,,", "the amount is in €, the currency is USD"),
        (",Proposal,£5,,,", "'£' is none of the currencies EUR, JPY, USD"),
        (",Proposal,5,XYZ,,", "'XYZ' is none of the currencies EUR, JPY, USD"),
        (",Proposal,,,31.11.2026,", "'31.11.2026' is no date such as 2026-11-30, 30.11.2026 or 11/30/2026"),
        (",Proposal,,,2026-11-31,", "'2026-11-31' is no date such as 2026-11-30, 30.11.2026 or 11/30/2026"),
        (",Proposal,,,20261130,", "'20261130' is no date such as 2026-11-30, 30.11.2026 or 11/30/2026"),
        (",Proposal,,,,Nobody", "there is no contact 'Nobody'"),
        (",Talks,,,,", "several pipelines have a stage 'Talks': name the pipeline"),
        ("Partners,Talks,,,,", "there is no stage 'Talks' among Signed, Proposal"),
        ("Nowhere,Talks,,,,", "there is no pipeline 'Nowhere'"),
        (",,,,,", "a new deal, or one in another pipeline, needs a stage"),
    ],
)
def test_a_deals_bad_line_says_why(database: Path, line: str, reason: str) -> None:
    before = rows_of(database)
    report = _import(
        database, Kind.DEALS, f"Name,Account,Pipeline,Stage,Amount,Currency,Closing date,Contact\nDeal,Made Up,{line}\n"
    )
    assert _reasons(report) == {2: reason}
    assert rows_of(database) == before


@pytest.mark.parametrize(
    ("cells", "dates"),
    [
        (["30.11.2026", "1.2.2026"], None),
        (["30/11/2026", "01/02/2026", "2026-11-30"], None),
        (["11/30/2026", "2/1/2026"], None),
        (["01/02/2026"], DateOrder.DAY_FIRST),
        (["02/01/2026"], DateOrder.MONTH_FIRST),
    ],
)
def test_the_closing_dates_of_a_table_are_read_in_their_own_order(
    database: Path, cells: list[str], dates: DateOrder | None
) -> None:
    lines = "".join(f"Deal {number},Proposal,{cell}\n" for number, cell in enumerate(cells))
    data = f"Name,Stage,Closing date\n{lines}".encode()
    report = import_table(database, Kind.DEALS, data, dry=False, owner_email=ADA, dates=dates)
    assert _counts(report) == (len(cells), 0, 0, 0)
    assert {deal.closing for deal in _deals(database).values()} <= {date(2026, 11, 30), date(2026, 2, 1)}


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ("03/04/2026 02/01/2026", "in line 2 and line 3 \\('03/04/2026'\\)\\? Say --dates day-first or --dates month-first"),
        ("30/11/2026 11/30/2026 12/31/2026", "day first in line 2 and the month first in line 3 and line 4"),
    ],
)
def test_dates_that_do_not_tell_or_tell_two_things_stop_the_import(database: Path, cells: str, says: str) -> None:
    before = rows_of(database)
    lines = "".join(f"Deal {number},Proposal,{cell}\n" for number, cell in enumerate(cells.split()))
    for dry in (True, False):
        with pytest.raises(BadTable, match=says):
            _import(database, Kind.DEALS, f"Name,Stage,Closing date\n{lines}", dry=dry)
    assert rows_of(database) == before


def test_a_date_that_is_none_stops_its_line_alone(database: Path) -> None:
    report = _import(
        database, Kind.DEALS, "Name,Stage,Closes\nA,Proposal,30.11.2026\nB,Proposal,30.11.26\nC,Proposal,46356\nD,Proposal,soon\n"
    )
    assert set(_reasons(report)) == {3, 4, 5}
    assert {name: deal.closing for name, deal in _deals(database).items()} == {"A": date(2026, 11, 30)}


class _Interrupted(Sequence[Line]):
    """Lines that stop for something else when they have come to the line of this number, counted from 0."""

    def __init__(self, lines: Sequence[Line], before: int, meanwhile: Callable[[], None]) -> None:
        self._lines, self._before, self._meanwhile = lines, before, meanwhile

    def __iter__(self) -> Iterator[Line]:
        for number, line in enumerate(self._lines):
            if number == self._before:
                self._meanwhile()
            yield line

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, at: Any) -> Any:
        return self._lines[at]


def _long_table(count: int) -> TableFile:
    lines = [Line(number + 2, (f"Person {number}", f"p{number}@x.example")) for number in range(count)]
    return TableFile(Line(1, ("Name", "Email")), lines, ())


@pytest.mark.parametrize("dry", [False, True])
def test_while_a_long_table_is_imported_others_write(database: Path, dry: bool) -> None:
    """The import stands still in the middle of the table: whoever writes then neither waits nor is refused."""
    written: list[str] = []

    def write() -> None:
        name = f"Meanwhile {len(written)}"
        _import(database, Kind.ACCOUNTS, f"Name\n{name}\n")
        written.append(name)

    table = _long_table(2 * LINES_AT_ONCE + 1)
    table = replace(table, lines=_Interrupted(table.lines, LINES_AT_ONCE + 1, write))
    report = import_lines(database, Kind.CONTACTS, table, dry=dry, owner_email=ADA)
    assert _counts(report) == (2 * LINES_AT_ONCE + 1, 0, 0, 0)
    assert written
    assert set(_accounts(database)) == set(written)
    assert len(_contacts(database)) == (0 if dry else 2 * LINES_AT_ONCE + 1)


def test_no_transaction_of_an_import_is_long(database: Path) -> None:
    statements: list[str] = []
    with reading(database) as connection:
        connection.set_trace_callback(statements.append)
    import_lines(database, Kind.CONTACTS, _long_table(2 * LINES_AT_ONCE + 1), dry=False, owner_email=ADA)
    with reading(database) as connection:
        connection.set_trace_callback(None)
    lines = [0]
    for statement in statements:
        lines[-1] += statement == "SAVEPOINT line"
        if statement == "COMMIT":
            lines.append(0)
    assert [count for count in lines if count] == [LINES_AT_ONCE, LINES_AT_ONCE, 1]


def _refuse(database: Path, name: str) -> None:
    """From now on the database fails when a contact of this name is written."""
    with writing(database) as connection:
        connection.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON contacts WHEN NEW.name = '{name}' BEGIN SELECT RAISE(ABORT, 'no'); END"
        )


def _refuse_no_more(database: Path) -> None:
    with writing(database) as connection:
        connection.execute("DROP TRIGGER refuse")


def test_an_import_that_stops_says_how_far_it_came_and_goes_on_when_repeated(database: Path) -> None:
    table = _long_table(LINES_AT_ONCE + 5)
    _refuse(database, f"Person {LINES_AT_ONCE + 3}")
    with pytest.raises(Unavailable, match=f"before line {LINES_AT_ONCE + 2} is imported: import the table again"):
        import_lines(database, Kind.CONTACTS, table, dry=False, owner_email=ADA)
    assert len(_contacts(database)) == LINES_AT_ONCE
    _refuse_no_more(database)
    again = import_lines(database, Kind.CONTACTS, table, dry=False, owner_email=ADA)
    assert _counts(again) == (5, 0, LINES_AT_ONCE, 0)


def test_a_short_table_is_imported_whole_or_not_at_all(database: Path) -> None:
    _refuse(database, "Person 9")
    before = rows_of(database)
    with pytest.raises(BadAnswer):
        import_lines(database, Kind.CONTACTS, _long_table(10), dry=False, owner_email=ADA)
    assert rows_of(database) == before


def test_a_deal_is_matched_by_name_and_account(database: Path) -> None:
    _import(database, Kind.DEALS, "Name,Account,Stage,Amount\nRenewal,One,Proposal,5 $\nRenewal,Two,Proposal,6\n")
    report = _import(database, Kind.DEALS, "Name,Account,Stage,Amount\nRENEWAL,one,Closed Won,7\nRenewal,Three,Proposal,8\n")
    assert _counts(report) == (1, 1, 0, 0)
    unclear = _import(database, Kind.DEALS, "Name,Stage\nRenewal,Closed Lost\n")
    assert _reasons(unclear) == {2: "several deals have this name: give the MailMagnet id of one"}
    amounts = {(row["Account"], row["Stage"], row["Amount"], row["Currency"]) for row in _exported(database, Kind.DEALS)}
    assert amounts == {("One", "Closed Won", "7", "USD"), ("Two", "Proposal", "6", "EUR"), ("Three", "Proposal", "8", "EUR")}


def test_the_owner_of_new_records_has_to_be_a_user(database: Path) -> None:
    with pytest.raises(NotFound):
        import_table(database, Kind.CONTACTS, PEOPLE.encode(), dry=False, owner_email="nobody@corp.example")


def _write_oddities(database: Path) -> None:
    """Records that are hard to tell apart or to write: two of a name, two of an address, formulas, quotes, no account, no address."""
    with writing(database) as connection:
        ada, kim = (administration.user_id(connection, email) for email in (ADA, KIM))
        stages = {row["name"]: row["id"] for row in connection.execute("SELECT id, name FROM stages")}
        put_account(connection, AccountRow("one", "=HYPERLINK(1)", ada, "one.example", "+43 1"))
        put_account(connection, AccountRow("two", "Twin; \"quoted\", 'and' more", kim, "twin.example"))
        put_account(connection, AccountRow("three", "Twin; \"quoted\", 'and' more", ada, "twin.example"))
        put_contact(
            connection, ContactRow("ann", "@nn", ada, ("office@x.example", "-ann@x.example"), account_id="one", phone="-1")
        )
        put_contact(connection, ContactRow("bob", "'=Bob", kim, ("office@x.example",), "''+1\nsecond", "two"))
        put_contact(connection, ContactRow("carl", "Carl", kim, (), account_id="three"))
        put_contact(connection, ContactRow("carl2", "Carl", ada, (), account_id="three"))
        put_contact(connection, ContactRow("dora", "דורה 🌻", ada, ("=d@x.example",)))
        for number, amount in enumerate(("1.234", "-5.10", "1234567.1", "0.001", "-1.234", "100")):
            money = Money(Decimal(amount), "JPY")
            closing = date(2026, 2, 1 + number) if number % 2 else None
            contacts = ("bob", "ann", "carl", "dora")[number % 3 :]
            put_deal(
                connection,
                DealRow(f"deal{number}", "-Renewal", stages["Talks"], kim, ("two", None)[number % 2], money, closing, contacts),
            )
        put_deal(connection, DealRow("empty", "\u202eRTL", stages["Signed"], ada))


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_exported_imports_as_the_same(database: Path, kind: Kind) -> None:
    _write_oddities(database)
    before = rows_of(database)
    report = _import(database, kind, export_table(database, kind))
    assert (report.added, report.changed, report.bad_lines, report.columns_left_out) == (0, 0, (), ())
    assert report.unchanged > 0
    assert rows_of(database) == before


def test_what_is_exported_fills_an_empty_crm_with_the_same(database: Path, tmp_path: Path) -> None:
    _write_oddities(database)
    other = tmp_path / "other.db"
    _make(other)
    for kind in (Kind.ACCOUNTS, Kind.CONTACTS, Kind.DEALS):
        report = _import(other, kind, export_table(database, kind))
        assert (report.bad_lines, report.accounts_added) == ((), 0)
    for kind in Kind:
        again = export_table(other, kind).decode().replace("1.23400", "1.2340")
        assert again == export_table(database, kind).decode()
    close_idle(other)


def test_no_exported_cell_runs_in_excel(database: Path) -> None:
    _write_oddities(database)
    cells = [cell for kind in Kind for row in _exported(database, kind) for cell in row.values()]
    assert {cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))} == set()
    assert {"'=HYPERLINK(1)", "'+43 1", "'@nn", "'-1", "''=Bob", "'-5.10"} <= set(cells)


def test_the_export_is_what_excel_and_people_read(database: Path) -> None:
    _import(database, Kind.CONTACTS, PEOPLE)
    data = export_table(database, Kind.CONTACTS)
    assert data.startswith(b"\xef\xbb\xbfName,Emails,Title,Account,Phone,Owner,MailMagnet id\r\n")
    row = next(row for row in _exported(database, Kind.CONTACTS) if row["Name"] == "Henriëtta Lovell")
    assert (row["Emails"], row["Account"], row["Owner"]) == (
        "h@analytical.example; henrietta@home.example",
        "Analytical Ltd",
        ADA,
    )


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0")).filter(str.strip),
            st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_text_comes_back_as_it_went(texts: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as folder:
        database = Path(folder) / "crm.db"
        _make(database)
        with writing(database) as connection:
            ada = administration.user_id(connection, ADA)
            for number, (name, title) in enumerate(texts):
                put_contact(connection, ContactRow(f"id{number}", name, ada, (), title))
        report = _import(database, Kind.CONTACTS, export_table(database, Kind.CONTACTS))
        close_idle(database)
    assert (report.added, report.changed, report.unchanged, report.bad_lines) == (0, 0, len(texts), ())


@pytest.mark.parametrize(
    ("text", "amount", "sign"),
    [
        ("1234.50", "1234.50", ""),
        ("1,234.50", "1234.50", ""),
        ("1.234,50", "1234.50", ""),
        ("1 234,50 €", "1234.50", "€"),
        ("1\u202f234,50\u00a0€", "1234.50", "€"),
        ("€1,234.50", "1234.50", "€"),
        ("1'234.50", "1234.50", ""),
        ("1’234’567.5", "1234567.5", ""),
        ("CHF 1'234", "1234", "CHF"),
        ("12,34,567.89", "1234567.89", ""),
        ("1,234,567", "1234567", ""),
        ("1.234.567", "1234567", ""),
        ("1234,567", "1234.567", ""),
        ("0,123", "0.123", ""),
        ("1,5", "1.5", ""),
        ("-12.00", "-12.00", ""),
        ("−12", "-12", ""),
        ("１２３", "123", ""),
        ("0", "0", ""),
    ],
)
def test_amounts_as_people_write_them(text: str, amount: str, sign: str) -> None:
    assert read_amount(text) == (Decimal(amount), sign)


@pytest.mark.parametrize("text", ["1,234", "1.234", "999,999 €", "12.345"])
def test_an_amount_that_could_be_two_is_not_guessed(text: str) -> None:
    with pytest.raises(BadRequest, match="could be"):
        read_amount(text)


@pytest.mark.parametrize(
    "text",
    ["", "abc", "1.2.3", "1,23,4", "1.234.56", "12 34", "1,2345,678", "1e5", "5 € $", "$5€", "1..2", "NaN", "--5", ".", "1 2 3"],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="is no amount"):
        read_amount(text)


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=None, min_value=-(10**15), max_value=10**15))
def test_a_written_amount_is_read_as_itself(amount: Decimal) -> None:
    assert read_amount(written_amount(amount)) == (amount, "")


@settings(deadline=None)
@given(st.integers(0, 10**12), st.integers(0, 99), st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", ".")]))
def test_grouped_amounts_with_cents_are_never_unclear(whole: int, cents: int, signs: tuple[str, str]) -> None:
    group, decimal = signs
    text = f"{whole:,}".replace(",", group) + f"{decimal}{cents:02}"
    assert read_amount(text) == (Decimal(f"{whole}.{cents:02}"), "")
