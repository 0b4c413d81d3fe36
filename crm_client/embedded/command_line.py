"""The embedded CRM's part of the command line, `mailmagnet crm`: its file, users and their rights, deals, CSV tables, records.

Most commands are over in a moment: each imports what it alone needs.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from crm_client.embedded.database_file import crm_database_of
from mailmagnet.crm import MAIL_INTEGRATION, Account, Contact, Deal, KnownAccount, Lead, Organisation
from mailmagnet.errors import MailMagnetError

TABLES = click.Choice(["accounts", "contacts", "deals"])
RECORDS = click.Choice(["accounts", "contacts", "leads", "deals"])

Read = Callable[[str], Coroutine[None, None, Account | Contact | Lead | Deal | KnownAccount]]


class ToldPlainly(click.Group):
    """Commands whose failure is told in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MailMagnetError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=ToldPlainly)
def crm() -> None:
    """The embedded CRM: its users, CSV tables, records."""


ORG = "The organisation's verified domain (hd); a consumer account's own id."
USER = "The user's Google id (sub)."


@crm.command()
@click.option("--org", required=True, help=ORG)
@click.option("--name", required=True, help="The organisation's name.")
@click.option("--time-zone", required=True, help="Its time zone, as Europe/Vienna: the current month is that of this zone.")
@click.option("--currency", required=True, help="Its home currency, as EUR.")
def create(org: str, name: str, time_zone: str, currency: str) -> None:
    """Make the CRM's file, with a first pipeline and two profiles. One that is there stays as it is."""
    from crm_client.embedded.administration import create as create_database

    create_database(crm_database_of(os.environ), Organisation(name, time_zone, currency.upper()), org)
    click.echo("The CRM is there. Add its users: mailmagnet crm add-user")


@crm.command()
@click.option("--org", required=True, help=ORG)
def upgrade(org: str) -> None:
    """Bring the CRM's file of an earlier MailMagnet up to date, and say whose it is."""
    from crm_client.embedded.upgrade import upgrade as upgrade_database

    done = upgrade_database(crm_database_of(os.environ), org)
    click.echo("The CRM is up to date." + (" Its users get in again once they are bound: mailmagnet crm bind" if done else ""))


@crm.command("add-user")
@click.option("--name", required=True, help="The user's name.")
@click.option("--address", required=True, help="The user's mail address.")
@click.option("--sees", type=click.Choice(["everyone", "own"]), required=True, help="Everyone's records, or own and shared ones.")
def add_user(name: str, address: str, sees: str) -> None:
    """Let a colleague use the CRM."""
    from crm_client.embedded.administration import ADMINISTRATOR, STANDARD
    from crm_client.embedded.administration import add_user as add

    add(crm_database_of(os.environ), name, address, ADMINISTRATOR if sees == "everyone" else STANDARD)
    click.echo("The user is there. Say which Google account it signs in with: mailmagnet crm bind")


@crm.command("deactivate-user")
@click.option("--address", required=True, help="The CRM user's address.")
def deactivate_user(address: str) -> None:
    """Shut a user out, with every Google account that is bound to it; the user's records stay."""
    from crm_client.embedded.administration import deactivate

    deactivate(crm_database_of(os.environ), address)
    click.echo("The user is shut out.")


@crm.command()
@click.option("--address", required=True, help="The CRM user's address.")
@click.option("--org", required=True, help=ORG)
@click.option("--user", required=True, help=USER)
def bind(address: str, org: str, user: str) -> None:
    """Let a CRM user sign in with a Google account: nobody gets in by an address. A user may have several accounts."""
    from crm_client.embedded.access import bind as bind_account

    bind_account(crm_database_of(os.environ), address, org, user)
    click.echo("The Google account is bound.")


@crm.command()
@click.option("--org", required=True, help=ORG)
@click.option("--user", required=True, help=USER)
def unbind(org: str, user: str) -> None:
    """Shut a Google account out of the CRM."""
    from crm_client.embedded.access import unbind as unbind_account

    unbind_account(crm_database_of(os.environ), org, user)
    click.echo("The Google account is unbound.")


@crm.command("users")
def users() -> None:
    """Print every user with its profile and its Google accounts as JSON."""
    from crm_client.embedded.access import users as all_users

    click.echo(json.dumps(all_users(crm_database_of(os.environ)), ensure_ascii=False))


@crm.command("profiles")
def profiles() -> None:
    """Print every profile with its permissions and users as JSON."""
    from crm_client.embedded.administration import profiles as all_profiles

    click.echo(json.dumps(all_profiles(crm_database_of(os.environ)), ensure_ascii=False))


@crm.command("stages")
def stages() -> None:
    """Print every stage with its pipeline and state as JSON."""
    from crm_client.embedded.administration import stages as all_stages

    click.echo(json.dumps(all_stages(crm_database_of(os.environ)), ensure_ascii=False))


@crm.command("set-permission")
@click.option("--profile", required=True, help="The profile's name.")
@click.option("--permission", required=True, help=f"The permission, as {MAIL_INTEGRATION}.")
@click.option("--held/--not-held", required=True, help="Give it, or take it away.")
def set_permission(profile: str, permission: str, held: bool) -> None:
    """Give a profile a permission, or take it away."""
    from crm_client.embedded.administration import set_permission as set_one

    set_one(crm_database_of(os.environ), profile, permission, held=held)
    click.echo(f"The profile {'holds' if held else 'does not hold'} the permission.")


@crm.command("change-deal")
@click.argument("deal_id")
@click.option("--stage", help="The new stage's name.")
@click.option("--closing", type=click.DateTime(["%Y-%m-%d"]), help="The new closing date, as 2026-12-31.")
@click.option("--amount", help="The new amount, as 36000.50, in the deal's currency.")
def change_deal(deal_id: str, stage: str | None, closing: datetime | None, amount: str | None) -> None:
    """Change a deal's stage, closing date or amount; what is not given stays."""
    from crm_client.embedded.administration import change_deal as change

    day = closing.date() if closing else None
    change(crm_database_of(os.environ), deal_id, stage, day, _amount(amount) if amount is not None else None)
    click.echo("The deal is changed.")


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise click.UsageError("The amount should be a number, as 36000.50.") from None
    if not amount.is_finite():
        raise click.UsageError("The amount should be a number, as 36000.50.")
    return amount


@crm.command("import")
@click.argument("table", type=TABLES)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--owner", required=True, help="Address of the CRM user who will own new records.")
@click.option("--dates", type=click.Choice(["day-first", "month-first"]), help="What comes first, if the dates do not tell.")
@click.option("--dry-run", is_flag=True, help="List the lines that cannot be read, and change nothing.")
def import_csv(table: str, file: Path, owner: str, dates: str | None, dry_run: bool) -> None:
    """Import a CSV file of accounts, contacts or deals. Importing it twice is the same as once."""
    from crm_client.embedded.table_date import DateOrder
    from crm_client.embedded.tables import Kind, import_table

    order = DateOrder(dates) if dates else None
    report = import_table(
        crm_database_of(os.environ), Kind(table), file.read_bytes(), dry=dry_run, owner_email=owner, dates=order
    )
    for bad in report.bad_lines:
        click.echo(f"line {bad.number}: {bad.reason}", err=True)
    for name in report.columns_left_out:
        click.echo(f"column {name}: passed over, it means nothing here", err=True)
    done = "would be " if dry_run else ""
    click.echo(
        f"{report.added} {done}added, {report.changed} {done}changed, {report.unchanged} unchanged, "
        f"{len(report.bad_lines)} {'line' if len(report.bad_lines) == 1 else 'lines'} passed over"
    )
    if report.accounts_added:
        accounts = "account" if report.accounts_added == 1 else "accounts"
        click.echo(f"{report.accounts_added} {accounts} named there {done}added too")


@crm.command("export")
@click.argument("table", type=TABLES)
def export_csv(table: str) -> None:
    """Print accounts, contacts or deals as CSV (UTF-8)."""
    from crm_client.embedded.tables import Kind, export_table

    sys.stdout.buffer.write(export_table(crm_database_of(os.environ), Kind(table)))


@crm.command("show")
@click.argument("module", type=RECORDS)
@click.argument("record_id")
@click.option("--org", required=True, help=ORG)
@click.option("--user", required=True, help=USER)
def show(module: str, record_id: str, org: str, user: str) -> None:
    """Print one record as JSON, as that user sees it."""

    from crm_client.embedded.crm import EmbeddedCrm

    records = EmbeddedCrm(crm_database_of(os.environ), org, user)
    read: Mapping[str, Read] = {
        "accounts": records.account,
        "contacts": records.contact,
        "leads": records.lead,
        "deals": records.deal,
    }
    record = asyncio.run(read[module](record_id))
    click.echo(json.dumps(asdict(record), default=str, ensure_ascii=False))


if __name__ == "__main__":
    crm()
