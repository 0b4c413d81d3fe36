"""The command line `mailmagnet`: connect and disconnect a mailbox, sort it by hand, and look after vault and embedded CRM.

Most commands are over in a moment: each imports what it alone needs.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from functions.crm_database import crm_database_of
from mailmagnet.categories import today_in
from mailmagnet.crm import MAIL_INTEGRATION, Account, Contact, Deal, KnownAccount, Lead, Organisation
from mailmagnet.errors import MailMagnetError, RateLimited, Unavailable
from mailmagnet.vault import Connection

if TYPE_CHECKING:
    from functions.wiring import Process
    from mailmagnet.label_mail import LabelRun
    from mailmagnet.store import Mailbox

TABLES = click.Choice(["accounts", "contacts", "deals"])
RECORDS = click.Choice(["accounts", "contacts", "leads", "deals"])

Result = TypeVar("Result")
Read = Callable[[str], Coroutine[None, None, Account | Contact | Lead | Deal | KnownAccount]]


@click.group()
def mailmagnet() -> None:
    """MailMagnet: the CRM beside your Gmail. Settings are read from the environment variables MAILMAGNET_..."""


@mailmagnet.command("vault-key")
def vault_key() -> None:
    """Print a new key for the vault, for MAILMAGNET_VAULT_KEY."""
    from cryptography.fernet import Fernet

    click.echo(Fernet.generate_key().decode())


@mailmagnet.command("vault-rotate")
def vault_rotate() -> None:
    """Write the vault anew with the first key of MAILMAGNET_VAULT_KEY.

    To change the key while MailMagnet runs: print a new one (`mailmagnet vault-key`), put it behind the old one with a comma
    between them and restart; put it first and restart; call this; then leave the old one out and restart.
    """
    from functions.settings import read_settings
    from token_vault.encrypted_file import EncryptedFileVault

    with _told_plainly():
        settings = read_settings(os.environ)
        rotated = asyncio.run(EncryptedFileVault(settings.vault_file, settings.vault_key.get_secret_value()).rotate())
    click.echo(
        "The vault is written anew with the first key. The other keys may be left out now."
        if rotated
        else "There was nothing to do: the vault is written with the first key, or there is none yet."
    )


@mailmagnet.command()
@click.option("--org", required=True, help="The user's verified domain (hd); a consumer account's own id.")
@click.option("--user", required=True, help="The user's Google id (sub).")
@click.option("--address", required=True, help="The mailbox's address.")
@click.option("--own-domain", "own_domains", multiple=True, help="A domain of the organisation; may be given several times.")
def connect(org: str, user: str, address: str, own_domains: tuple[str, ...]) -> None:
    """Connect a mailbox: its OAuth refresh token is read from standard input."""
    from mailmagnet.connect_mailbox import connect_mailbox

    token = sys.stdin.readline().strip()
    if not token:
        raise click.UsageError("Give the refresh token on standard input.")
    consent = Connection(org, user, address, own_domains=frozenset(own_domains), gmail_token=token)
    _with_process(lambda process: connect_mailbox(consent, process))
    click.echo("Connected. Turn MailMagnet on: mailmagnet switch --on --labels")


@mailmagnet.command()
@click.option("--org", required=True, help="The mailbox's org, as it was connected.")
@click.option("--user", required=True, help="The mailbox's user, as it was connected.")
@click.option("--on/--off", "on", required=True, help="Turn MailMagnet on or off. Off deletes the mailbox's mail records.")
@click.option("--labels/--no-labels", "labelling", default=False, help="Also sort customers' mail under the three labels.")
@click.option("--backfill-days", type=click.IntRange(1, 365), help="Sort mail of that many days before now too, decided or not.")
def switch(org: str, user: str, on: bool, labelling: bool, backfill_days: int | None) -> None:
    """Turn MailMagnet on or off for a mailbox. What comes from now on is its, unless --backfill-days asks for more."""
    from mailmagnet.switch_mailbox import switch_off, switch_on

    if not on:
        _with_process(lambda process: switch_off(org, user, process))
        click.echo("Off. The mailbox's mail records are deleted; its labels and mail in Gmail stay as they are.")
        return
    backfill = timedelta(days=backfill_days) if backfill_days else None
    _with_process(lambda process: switch_on(org, user, process, labelling=labelling, backfill=backfill))
    click.echo(
        "On. Customers' mail is recorded and sorted." if labelling else "On. Customers' mail is recorded, and stays where it is."
    )


@mailmagnet.command()
@click.option("--org", required=True, help="The mailbox's org, as it was connected.")
@click.option("--user", required=True, help="The mailbox's user, as it was connected.")
def disconnect(org: str, user: str) -> None:
    """Forget a mailbox: its connection, what is kept of its mail, and the user's consent at Google.

    Labels and mail in Gmail stay as they are. After a failure call it again: it goes on where it stopped.
    """

    from mailmagnet.disconnect_mailbox import disconnect_mailbox

    async def leave(process: "Process") -> int:
        try:
            return await disconnect_mailbox(org, user, process)
        except (RateLimited, Unavailable) as problem:
            raise click.ClickException(f"{problem}. What is done stays done; call this again for the rest.") from None

    deleted = _with_process(leave)
    records = "1 mail record is" if deleted == 1 else f"{deleted} mail records are"
    click.echo(
        f"Disconnected. {records} deleted, and the consent has ended at Google. Labels and mail in Gmail stay as they are."
    )


@mailmagnet.command()
@click.option("--org", required=True, help="The mailbox's org, as it was connected.")
@click.option("--user", required=True, help="The mailbox's user, as it was connected.")
@click.option("--dry-run", is_flag=True, help="List what would move, where and why; change nothing.")
def label(org: str, user: str, dry_run: bool) -> None:
    """Sort the mail that came to one mailbox since the last run."""
    from mailmagnet.label_mail import label_mail, plan_labels

    use_case = plan_labels if dry_run else label_mail
    _print_run(_with_process(lambda process: use_case(org, user, process)))


@mailmagnet.command()
@click.option("--org", required=True, help="The mailbox's org, as it was connected.")
@click.option("--user", required=True, help="The mailbox's user, as it was connected.")
@click.option("--most", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many mails, the newest first.")
def kept(org: str, user: str, most: int) -> None:
    """Print as JSON all that is kept of a mailbox: its document, and the three facts of each mail."""

    async def read(process: "Process") -> Mapping[str, object]:
        mailbox = await process.store.mailbox(org, user)
        mails = await process.store.latest_mails(org, user, most)
        return {"mailbox": _mailbox_as_json(mailbox) if mailbox else None, "mails": [asdict(mail) for mail in mails]}

    click.echo(json.dumps(_with_process(read), default=_plain, ensure_ascii=False))


def _mailbox_as_json(mailbox: "Mailbox") -> Mapping[str, object]:
    """As `asdict`, with what comes in any order sorted."""
    return {**asdict(mailbox), "shared_contacts": sorted(mailbox.shared_contacts)}


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


@mailmagnet.command("log-name")
@click.option("--org", required=True, help="The user's verified domain (hd); without one the user's own id.")
@click.option("--user", required=True, help="The user's Google id (sub).")
def log_name(org: str, user: str) -> None:
    """Print how the functions' log names an organisation and one of its users."""
    from functions.log import names
    from functions.settings import read_settings

    with _told_plainly():
        key = read_settings(os.environ).log_key.get_secret_value()
    click.echo(json.dumps(names(org, user, key)))


@mailmagnet.group()
def crm() -> None:
    """The embedded CRM: demo data, CSV tables, records."""


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

    with _told_plainly():
        create_database(crm_database_of(os.environ), Organisation(name, time_zone, currency.upper()), org)
    click.echo("The CRM is there. Add its users: mailmagnet crm add-user")


@crm.command()
@click.option("--org", required=True, help=ORG)
def upgrade(org: str) -> None:
    """Bring the CRM's file of an earlier MailMagnet up to date, and say whose it is."""
    from crm_client.embedded.upgrade import upgrade as upgrade_database

    with _told_plainly():
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

    with _told_plainly():
        add(crm_database_of(os.environ), name, address, ADMINISTRATOR if sees == "everyone" else STANDARD)
    click.echo("The user is there. Say which Google account it signs in with: mailmagnet crm bind")


@crm.command("deactivate-user")
@click.option("--address", required=True, help="The CRM user's address.")
def deactivate_user(address: str) -> None:
    """Shut a user out, with every Google account that is bound to it; the user's records stay."""
    from crm_client.embedded.administration import deactivate

    with _told_plainly():
        deactivate(crm_database_of(os.environ), address)
    click.echo("The user is shut out.")


@crm.command()
@click.option("--address", required=True, help="The CRM user's address.")
@click.option("--org", required=True, help=ORG)
@click.option("--user", required=True, help=USER)
def bind(address: str, org: str, user: str) -> None:
    """Let a CRM user sign in with a Google account: nobody gets in by an address. A user may have several accounts."""
    from crm_client.embedded.access import bind as bind_account

    with _told_plainly():
        bind_account(crm_database_of(os.environ), address, org, user)
    click.echo("The Google account is bound.")


@crm.command()
@click.option("--org", required=True, help=ORG)
@click.option("--user", required=True, help=USER)
def unbind(org: str, user: str) -> None:
    """Shut a Google account out of the CRM."""
    from crm_client.embedded.access import unbind as unbind_account

    with _told_plainly():
        unbind_account(crm_database_of(os.environ), org, user)
    click.echo("The Google account is unbound.")


@crm.command("users")
def users() -> None:
    """Print every user with its profile and its Google accounts as JSON."""
    from crm_client.embedded.access import users as all_users

    with _told_plainly():
        click.echo(json.dumps(all_users(crm_database_of(os.environ)), ensure_ascii=False))


@crm.command("profiles")
def profiles() -> None:
    """Print every profile with its permissions and users as JSON."""
    from crm_client.embedded.administration import profiles as all_profiles

    with _told_plainly():
        click.echo(json.dumps(all_profiles(crm_database_of(os.environ)), ensure_ascii=False))


@crm.command("stages")
def stages() -> None:
    """Print every stage with its pipeline and state as JSON."""
    from crm_client.embedded.administration import stages as all_stages

    with _told_plainly():
        click.echo(json.dumps(all_stages(crm_database_of(os.environ)), ensure_ascii=False))


@crm.command("set-permission")
@click.option("--profile", required=True, help="The profile's name.")
@click.option("--permission", required=True, help=f"The permission, as {MAIL_INTEGRATION}.")
@click.option("--held/--not-held", required=True, help="Give it, or take it away.")
def set_permission(profile: str, permission: str, held: bool) -> None:
    """Give a profile a permission, or take it away."""
    from crm_client.embedded.administration import set_permission as set_one

    with _told_plainly():
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

    with _told_plainly():
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


@crm.command("demo-data")
@click.option("--org", required=True, help=ORG)
@click.option("--user", required=True, help="Address of the user whose CRM this is.")
@click.option("--colleague", required=True, help="Address of a colleague who sees own records only.")
def demo_data(org: str, user: str, colleague: str) -> None:
    """Fill the embedded CRM with made-up people and deals, dated around today. Its users are still to be bound."""
    from crm_client.demo_data import TIME_ZONE, write_demo_data

    with _told_plainly():
        write_demo_data(crm_database_of(os.environ), today_in(TIME_ZONE, datetime.now(UTC)), org, user, colleague)
    click.echo("The demo data is written.")


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
    with _told_plainly():
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

    with _told_plainly():
        sys.stdout.buffer.write(export_table(crm_database_of(os.environ), Kind(table)))


@crm.command("show")
@click.argument("module", type=RECORDS)
@click.argument("record_id")
@click.option("--org", required=True, help=ORG)
@click.option("--user", required=True, help=USER)
def show(module: str, record_id: str, org: str, user: str) -> None:
    """Print one record as JSON, as that user sees it."""

    from crm_client.embedded.crm import EmbeddedCrm

    view = EmbeddedCrm(crm_database_of(os.environ), org, user)
    read: Mapping[str, Read] = {"accounts": view.account, "contacts": view.contact, "leads": view.lead, "deals": view.deal}
    with _told_plainly():
        record = asyncio.run(read[module](record_id))
    click.echo(json.dumps(asdict(record), default=str, ensure_ascii=False))


def _print_run(run: "LabelRun") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if run.dry:
        table = Table("Mail", "From", "Goes to", "Because of", box=None)
        for move in run.moves:
            because = move.decision.because
            when = f", closes {because.closing.isoformat()}" if because.closing else ""
            table.add_row(move.mail_id, escape(move.from_address), move.decision.category.label, escape(because.name + when))
        console.print(table)
    verb = "would be sorted" if run.dry else "sorted"
    console.print(
        f"{len(run.moves)} of {run.looked_at} new mails {verb}, {run.remaining} left for the next run; "
        f"{run.units} Gmail quota units, {run.crm_calls} CRM calls."
    )
    for reason, count in run.passed_over.items():
        console.print(escape(f"{count} passed over: {reason}"))


def _with_process(work: Callable[["Process"], Awaitable[Result]]) -> Result:
    from functions.settings import read_settings
    from functions.wiring import Process

    async def run() -> Result:
        process = Process(read_settings(os.environ))
        try:
            return await work(process)
        finally:
            await process.close()

    with _told_plainly():
        return asyncio.run(run())


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except MailMagnetError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    mailmagnet()
