"""The commands `mailmagnet backup` and `mailmagnet restore`: one machine's files, copied while it runs and put back."""

import os
from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=FOLDER)
def backup(folder: Path) -> None:
    """Copy the store, the embedded CRM and the vault into FOLDER, new or empty, while MailMagnet runs.

    The vault can be read with MAILMAGNET_VAULT_KEY alone, which is not in the backup: keep it elsewhere.
    """
    from functions.backup import back_up
    from functions.settings import read_settings

    back_up(read_settings(os.environ), folder)
    click.echo(f"The backup is in {folder}. It cannot be used without MAILMAGNET_VAULT_KEY, which is not in it.")


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--replace", "replacing", is_flag=True, help="In place of the files that are there; they are gone then.")
def restore(folder: Path, replacing: bool) -> None:
    """Put the backup in FOLDER back, while MailMagnet does not serve."""
    from functions.backup import put_back
    from functions.settings import read_settings

    made_at = put_back(read_settings(os.environ), folder, replacing=replacing)
    click.echo(
        f"All is as it was on {made_at:%Y-%m-%d at %H:%M} UTC. Who has left since is in it again, without a consent that Google takes; "
        "forget them with mailmagnet disconnect. CRM passwords are those of then."
    )
