"""The demo data: whatever day it is, something closes this month, and every oddity is there; written twice it is there once."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from crm_client.embedded.crm import EmbeddedCrm
from crm_client.embedded.database import close_idle, reading
from crm_client.embedded.tables import Kind, export_table, import_table
from mailmagnet.categories import Category, decide, month_of
from mailmagnet.crm import DealState
from mailmagnet.errors import NotPermitted
from sandbox.demo.crm_data import write_demo_data
from tests.crm_rows import rows_of
from tests.crm_signed_in import crm_as

ADA, KIM, NOA = "ada@corp.example", "kim@corp.example", "noa.lund@corp.example"
ORG = "corp.example"
DAYS = [date(2026, 11, 30), date(2026, 12, 1), date(2028, 2, 29), date(2027, 1, 1), date(2026, 12, 31), date(2026, 11, 15)]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "crm.db"
    yield file
    close_idle(file)


def _write(database: Path, today: date) -> None:
    write_demo_data(database, today, ORG, ADA, KIM)


def _seen_by(database: Path, address: str) -> EmbeddedCrm:
    return crm_as(database, address)


@pytest.mark.parametrize("today", DAYS, ids=str)
async def test_something_closes_this_month_and_the_categories_are_all_there(database: Path, today: date) -> None:
    _write(database, today)
    crm = _seen_by(database, ADA)
    closing = await crm.deals_closing(*month_of(today))
    assert len(closing) >= 5
    assert {today, *month_of(today)} <= {deal.closing for deal in closing}
    with reading(database) as connection:
        addresses = [row["address"] for row in connection.execute("SELECT DISTINCT address FROM contact_addresses")]
    people = {contact.id: contact for found in (await crm.senders(addresses)).contacts.values() for contact in found}
    decisions = [decide(contact.deals, today) for contact in people.values()]
    assert {decision.category for decision in decisions if decision} == set(Category)
    assert None in decisions
    deals = {deal.id: deal for contact in people.values() for deal in contact.deals}.values()
    states = {deal.stage: deal.state for deal in deals}
    assert (states["Won over"], states["Signed"]) == (DealState.OPEN, DealState.WON)
    assert {deal.amount.currency for deal in deals if deal.amount} == {"EUR", "USD", "GBP", "JPY"}
    for oddity in (
        [deal for deal in deals if deal.amount is None],
        [deal for deal in deals if deal.state is DealState.OPEN and deal.closing is None],
        [deal for deal in deals if deal.state is DealState.OPEN and deal.closing and deal.closing < today],
        [deal for deal in deals if deal.state is DealState.LOST],
        [contact for contact in people.values() if len(contact.addresses) > 2],
        [contact for contact in people.values() if len(contact.name) > 60],
    ):
        assert oddity


async def test_there_is_enough_ofrows_of(database: Path) -> None:
    _write(database, DAYS[0])
    with reading(database) as connection:
        counts = {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("accounts", "contacts", "leads", "deals", "activities", "notes")
        }
        shared_addresses = connection.execute(
            "SELECT address FROM contact_addresses GROUP BY address HAVING count(*) > 1"
        ).fetchall()
        domains_only = connection.execute(
            "SELECT 1 FROM accounts WHERE NOT EXISTS (SELECT 1 FROM contacts WHERE account_id = accounts.id)"
        ).fetchall()
    assert counts["accounts"] >= 25
    assert counts["contacts"] >= 60
    assert counts["leads"] >= 8
    assert counts["deals"] >= 60
    assert min(counts["activities"], counts["notes"]) >= 60
    assert len(shared_addresses) == 1
    assert len(domains_only) == 1
    crm = _seen_by(database, ADA)
    contacts = [await crm.contact(f"demo-contact-{number:03}") for number in range(1, 11)]
    assert {activity.done for contact in contacts for activity in contact.activities} == {True, False}
    assert [contact for contact in contacts if not contact.activities]


@pytest.mark.parametrize("later", [DAYS[0], DAYS[1]], ids=["same day", "next month"])
async def test_written_twice_it_is_there_once_as_of_the_last_day(database: Path, tmp_path: Path, later: date) -> None:
    _write(database, DAYS[0])
    await _seen_by(database, ADA).add_account("My own")
    before = rows_of(database)
    _write(database, later)
    assert (len(rows_of(database)), "My own" in str(rows_of(database))) == (len(before), True)
    assert (rows_of(database) == before) == (later == DAYS[0])
    fresh = tmp_path / "fresh.db"
    _write(fresh, later)
    assert export_table(fresh, Kind.DEALS) == export_table(database, Kind.DEALS)
    close_idle(fresh)


async def test_the_three_users_see_what_they_may(database: Path) -> None:
    _write(database, DAYS[0])
    everything = await _seen_by(database, ADA).search("e", 1000)
    own = await _seen_by(database, KIM).search("e", 1000)
    assert 0 < len(own.contacts) < len(everything.contacts)
    assert {contact.owner for contact in own.contacts} == {"Kim", "Ada"}
    with pytest.raises(NotPermitted):
        await _seen_by(database, NOA).search("e", 1)
    assert [user.email for user in await _seen_by(database, NOA).administrators()] == [ADA]


async def test_there_are_templates_whose_merge_fields_are_the_crms(database: Path) -> None:
    _write(database, DAYS[0])
    templates = await _seen_by(database, KIM).templates()
    assert len(templates) == 3
    fields = {field for template in templates for field in re.findall(r"\$\{(.*?)\}", template.subject + template.text)}
    assert fields <= {f"Contact.{name}" for name in ("Name", "First Name")} | {
        *("Account.Name", "Deal.Name", "Deal.Amount", "Deal.Closing", "User.Name")
    }


@pytest.mark.parametrize("kind", list(Kind))
def test_it_goes_out_and_comes_back_in_unchanged(database: Path, kind: Kind) -> None:
    _write(database, DAYS[0])
    report = import_table(database, kind, export_table(database, kind), dry=False, owner_email=KIM)
    assert (report.added, report.changed, report.bad_lines) == (0, 0, ())
    assert report.unchanged > 20
