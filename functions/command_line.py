"""The command line `mailmagnet`: connect and disconnect a mailbox, sort it by hand, and look after the vault. The embedded CRM has its own.

Most commands are over in a moment: each imports what it alone needs.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, TextIO

import click

from crm_client.embedded.command_line import ToldPlainly, crm, secret_on_standard_input
from functions import removal_command  # noqa: F401  its commands join the group `admin`
from functions.admin_command import admin
from functions.backup_command import backup, restore
from functions.deploy_command import deploy, destroy
from functions.doctor_command import doctor
from functions.serve_command import serve
from functions.with_process import with_process
from mailmagnet.addresses import canonical
from mailmagnet.consent import Grant
from mailmagnet.errors import RateLimited, Unavailable
from mailmagnet.vault import Connection

if TYPE_CHECKING:
    from functions.wiring import Process
    from mailmagnet.label_mail import LabelRun
    from mailmagnet.store import Mailbox


@click.group(cls=ToldPlainly)
def mailmagnet() -> None:
    """MailMagnet: the CRM beside your Gmail. Settings are read from the environment variables MAILMAGNET_..."""


mailmagnet.add_command(crm)
for command in (admin, deploy, destroy, doctor, serve, backup, restore):
    mailmagnet.add_command(command)


@mailmagnet.command("vault-key")
def vault_key() -> None:
    """Print a new key for the vault, for MAILMAGNET_VAULT_KEY."""
    from cryptography.fernet import Fernet

    click.echo(Fernet.generate_key().decode())


@mailmagnet.command("vault-rotate")
def vault_rotate() -> None:
    """Write the vault's file anew with the first key of MAILMAGNET_VAULT_KEY, on one machine: Secret Manager's keys are Google's.

    To change the key while MailMagnet runs: print a new one (`mailmagnet vault-key`), put it behind the old one with a comma
    between them and restart; put it first and restart; call this; then leave the old one out and restart.
    """
    from functions.settings import read_settings
    from token_vault.encrypted_file import EncryptedFileVault

    settings = read_settings(os.environ)
    if settings.firestore_project:
        raise click.ClickException(
            "This is for one machine: here the vault is Secret Manager, whose keys Google keeps and changes."
        )
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
@click.option(
    "--grant",
    "grants",
    type=click.Choice([grant.value for grant in Grant]),
    multiple=True,
    default=[Grant.SORT.value],
    show_default=True,
    help="What the token allows; may be given several times.",
)
def connect(org: str, user: str, address: str, own_domains: tuple[str, ...], grants: tuple[str, ...]) -> None:
    """Connect a mailbox: its OAuth refresh token is read from standard input."""
    from mailmagnet.connect_mailbox import connect_mailbox

    token = secret_on_standard_input("refresh token").strip()
    consent = Connection(
        org, user, address, own_domains=frozenset(own_domains), gmail_token=token, grants=frozenset(map(Grant, grants))
    )
    with_process(lambda process: connect_mailbox(consent, process))
    click.echo("Connected. Turn MailMagnet on: mailmagnet switch --on --labels")


@mailmagnet.command("sign-in")
@click.option("--org", required=True, help="The user's verified domain (hd); a consumer account's own id.")
@click.option("--user", required=True, help="The user's Google id (sub).")
@click.option("--address", required=True, help="The user's Gmail address.")
@click.option("--crm-user", required=True, help="The user's name in the CRM.")
def sign_in(org: str, user: str, address: str, crm_user: str) -> None:
    """Sign a user in to the CRM: the password is read from standard input."""
    from mailmagnet.caller import unconnected
    from mailmagnet.choose_crm import chosen_crm
    from mailmagnet.crm_sign_in import TypedSignIn
    from mailmagnet.identity import identity_in
    from mailmagnet.sign_in_to_crm import sign_in_to_crm

    password = secret_on_standard_input("password")
    connection = unconnected(identity_in(org, user, canonical(address)))

    async def signed_in(process: "Process") -> Connection:
        crm = await chosen_crm(org, process)
        its_sign_in = process.crm_sign_in_of(crm)
        fields = its_sign_in.fields if isinstance(its_sign_in, TypedSignIn) else ()
        typed = {field.name: password if field.secret else crm_user for field in fields}
        return await sign_in_to_crm(connection, crm, typed, process)

    with_process(signed_in)
    click.echo("Signed in.")


@mailmagnet.command()
@click.option("--org", required=True, help="The mailbox's org, as it was connected.")
@click.option("--user", required=True, help="The mailbox's user, as it was connected.")
@click.option("--on/--off", "on", required=True, help="Turn MailMagnet on or off. Off deletes the mailbox's mail records.")
@click.option("--labels/--no-labels", "labelling", default=False, help="Also sort customers' mail under MailMagnet's labels.")
@click.option("--backfill-days", type=click.IntRange(1, 365), help="Sort mail of that many days before now too, decided or not.")
def switch(org: str, user: str, on: bool, labelling: bool, backfill_days: int | None) -> None:
    """Turn MailMagnet on or off for a mailbox. What comes from now on is its, unless --backfill-days asks for more."""
    from mailmagnet.switch_mailbox import switch_off, switch_on

    if not on:
        with_process(lambda process: switch_off(org, user, process))
        click.echo("Off. The mailbox's mail records are deleted; its labels and mail in Gmail stay as they are.")
        return
    backfill = timedelta(days=backfill_days) if backfill_days else None
    with_process(lambda process: switch_on(org, user, process, labelling=labelling, backfill=backfill))
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

    deleted = with_process(leave)
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
    _print_run(with_process(lambda process: use_case(org, user, process)))


@mailmagnet.command()
@click.option("--org", required=True, help="The mailbox's org, as it was connected.")
@click.option("--user", required=True, help="The mailbox's user, as it was connected.")
@click.option("--most", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many mails, the newest first.")
def stored(org: str, user: str, most: int) -> None:
    """Print as JSON all that is kept of a mailbox: its document, and the three facts of each mail."""

    async def read(process: "Process") -> Mapping[str, object]:
        mailbox = await process.store.mailbox(org, user)
        mails = await process.store.latest_mails(org, user, most)
        return {"mailbox": _mailbox_as_json(mailbox) if mailbox else None, "mails": [asdict(mail) for mail in mails]}

    click.echo(json.dumps(with_process(read), default=_plain, ensure_ascii=False))


def _mailbox_as_json(mailbox: "Mailbox") -> Mapping[str, object]:
    """As `asdict`, with what comes in any order sorted."""
    choices = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(mailbox.choices).items()}
    return {**asdict(mailbox), "choices": choices}


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


@mailmagnet.group()
def template() -> None:
    """The organisation's own templates for mail, for users whose CRM has none."""


@template.command("add")
@click.option("--org", required=True, help="The organisation's verified domain (hd).")
@click.option("--subject", required=True, help="The mail's subject, with merge fields as the text.")
@click.argument("name")
@click.argument("file", type=click.File(encoding="utf-8"))
def add_template(org: str, subject: str, name: str, file: TextIO) -> None:
    """Add a template, or put one in place of that of the name. FILE is its plain text, with merge fields as ${Contact.First Name}."""
    from mailmagnet.own_templates import put_template

    text = file.read()
    with_process(lambda process: put_template(org, name, subject, text, process))
    click.echo("The template is there.")


@template.command("list")
@click.option("--org", required=True, help="The organisation's verified domain (hd).")
def list_templates(org: str) -> None:
    """Print every template as JSON."""
    policy = with_process(lambda process: process.store.policy(org))
    click.echo(json.dumps([asdict(each) for each in policy.templates], ensure_ascii=False))


@template.command("remove")
@click.option("--org", required=True, help="The organisation's verified domain (hd).")
@click.argument("name")
def remove_template(org: str, name: str) -> None:
    """Remove a template."""
    from mailmagnet.own_templates import remove_template as remove

    with_process(lambda process: remove(org, name, process))
    click.echo("The template is gone.")


@mailmagnet.command("log-name")
@click.option("--org", required=True, help="The user's verified domain (hd); without one the user's own id.")
@click.option("--user", required=True, help="The user's Google id (sub).")
def log_name(org: str, user: str) -> None:
    """Print how the functions' log names an organisation and one of its users."""
    from functions.log import names
    from functions.settings import read_settings

    key = read_settings(os.environ).log_key.get_secret_value()
    click.echo(json.dumps(names(org, user, key)))


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


if __name__ == "__main__":
    mailmagnet()
