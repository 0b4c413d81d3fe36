"""The embedded CRM's part of the command line, `mailmagnet crm`: its file, users and their rights, deals, CSV tables, records.

Most commands are over in a moment: each imports what it alone needs.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TextIO

import click

from crm_client.embedded.database_file import crm_database_of
from mailmagnet.crm import MAIL_INTEGRATION, Account, Contact, Deal, KnownAccount, Lead, Organisation
from mailmagnet.errors import MailMagnetError

TABLES = click.Choice(["accounts", "contacts", "deals"])
RECORDS = click.Choice(["accounts", "contacts", "leads", "deals"])

Read = Callable[[str], Account | Contact | Lead | Deal | KnownAccount]


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
    click.echo(
        "The CRM is up to date." + (" Its users sign in anew: give each a password with mailmagnet crm password" if done else "")
    )


@crm.command("add-user")
@click.option("--name", required=True, help="The user's name.")
@click.option("--address", required=True, help="The user's mail address.")
@click.option("--sees", type=click.Choice(["everyone", "own"]), required=True, help="Everyone's records, or own and shared ones.")
def add_user(name: str, address: str, sees: str) -> None:
    """Let a colleague use the CRM."""
    from crm_client.embedded.administration import ADMINISTRATOR, STANDARD
    from crm_client.embedded.administration import add_user as add

    add(crm_database_of(os.environ), name, address, ADMINISTRATOR if sees == "everyone" else STANDARD)
    click.echo("The user is there. Give it a password to sign in with: mailmagnet crm password")


@crm.command("deactivate-user")
@click.option("--address", required=True, help="The CRM user's address.")
def deactivate_user(address: str) -> None:
    """Shut a user out, password, sessions and all; the user's records stay."""
    from crm_client.embedded.administration import deactivate

    deactivate(crm_database_of(os.environ), address)
    click.echo("The user is shut out.")


@crm.command()
@click.option("--address", required=True, help="The CRM user's address, which is the name to sign in with.")
def password(address: str) -> None:
    """Give a user a password, read from standard input. Whoever is signed in as this user is signed out."""
    from crm_client.embedded.administration import set_password

    set_password(crm_database_of(os.environ), address, secret_on_standard_input("password", again=True))
    click.echo("The password is set.")


@crm.command("sign-out")
@click.option("--address", help="The CRM user's address: every session of this user ends.")
@click.option("--org", help="Of one Google account alone: its organisation ...")
@click.option("--user", help="... and its Google id (sub).")
def sign_out(address: str | None, org: str | None, user: str | None) -> None:
    """End sessions: of a CRM user, or of one Google account."""
    from crm_client.embedded.administration import sign_out_account, sign_out_user

    database = crm_database_of(os.environ)
    if address and not (org or user):
        ended = sign_out_user(database, address)
    elif org and user and not address:
        ended = sign_out_account(database, org, user)
    else:
        raise click.UsageError("Give either --address, or --org and --user.")
    click.echo(f"{ended} {'session has' if ended == 1 else 'sessions have'} ended.")


@crm.command("users")
def users() -> None:
    """Print every user with its profile, and the Google accounts that are signed in as it, as JSON."""
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


@crm.group()
def template() -> None:
    """Templates for mail, which all users of the CRM see."""


@template.command("add")
@click.argument("name")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--subject", required=True, help="The mail's subject, with merge fields as the text.")
def add_template(name: str, file: TextIO, subject: str) -> None:
    """Add a template, or put one in place of that of the name. FILE is its plain text, with merge fields as ${Contact.First Name}."""
    from crm_client.embedded.administration import put_template

    put_template(crm_database_of(os.environ), name, subject, file.read())
    click.echo("The template is there.")


@template.command("list")
def list_templates() -> None:
    """Print every template as JSON."""
    from crm_client.embedded.administration import templates

    click.echo(json.dumps(templates(crm_database_of(os.environ)), ensure_ascii=False))


@template.command("remove")
@click.argument("name")
def remove_template(name: str) -> None:
    """Remove a template."""
    from crm_client.embedded.administration import remove_template as remove

    remove(crm_database_of(os.environ), name)
    click.echo("The template is gone.")


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
    """Print one record as JSON, as the CRM user sees it who is signed in with that Google account."""

    from crm_client.embedded.access import check_permitted
    from crm_client.embedded.database import reading
    from crm_client.embedded.sessions import user_of
    from crm_client.embedded.user_records import UserRecords

    with reading(crm_database_of(os.environ)) as connection:
        viewer = user_of(connection, org, user)
        check_permitted(viewer)
        records = UserRecords(connection, viewer, "")
        read: Mapping[str, Read] = {
            "accounts": records.account,
            "contacts": records.contact,
            "leads": records.lead,
            "deals": records.deal,
        }
        record = read[module](record_id)
    click.echo(json.dumps(asdict(record), default=str, ensure_ascii=False))


def secret_on_standard_input(what: str, *, again: bool = False) -> str:
    """A line of standard input; at a terminal asked for by what it is and not shown, `again` for a second time."""
    if sys.stdin.isatty():
        return str(click.prompt(what.capitalize(), hide_input=True, confirmation_prompt=again))
    secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise click.UsageError(f"Give the {what} on standard input.")
    return secret


if __name__ == "__main__":
    crm()
