"""The part of the command line that deploys MailMagnet, as deployment.yaml says, and takes it back."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployment.carry_out import Begun, Done, Told
    from deployment.deployment_file import Deployment
    from deployment.plan import Plan

FILE = click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("deployment.yaml"),
    show_default=True,
    help="What is deployed; it stands in MailMagnet's folder.",
)


@click.command()
@FILE
@click.option("--dry-run", is_flag=True, help="Print the whole plan as a shell script; do nothing.")
def deploy(file: Path, dry_run: bool) -> None:
    """Put MailMagnet into Google Cloud and Gmail. Call it again after a failure, or after a change in deployment.yaml."""
    from deployment.carry_out import VALUE, carry_out, run
    from deployment.plan import by_hand
    from deployment.shell_script import script

    deployment, steps = _read(file)
    if dry_run:
        click.echo(script(steps), nl=False)
        return
    with _progress(len(steps)) as (begun, told):
        values = carry_out(steps, run, _ask, begun, told)
    click.echo("Done. By hand, once:")
    for step in by_hand(deployment):
        click.echo(f"- {VALUE.sub(lambda found: values[found[1]], step)}")


@click.command()
@FILE
@click.option("--dry-run", is_flag=True, help="Print what would be taken back as a shell script; do nothing.")
@click.option("--data", is_flag=True, help="Also delete what is kept: the Firestore database, the secrets, the queue.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
def destroy(file: Path, dry_run: bool, data: bool, yes: bool) -> None:
    """Take MailMagnet out of Google Cloud and Gmail. What it keeps stays, unless --data is given."""
    from deployment.carry_out import run, take_back
    from deployment.shell_script import script_back

    deployment, steps = _read(file)
    if dry_run:
        click.echo(script_back(steps, data=data), nl=False)
        return
    kept = "What it keeps is deleted too, for good" if data else "What it keeps stays"
    if not yes:
        click.confirm(f"Take {deployment.name} out of the project {deployment.project}? {kept}.", abort=True)
    with _progress(len(steps)) as (begun, told):
        take_back(steps, run, begun, told, data=data)
    click.echo(f"{deployment.name} is gone. {kept}. Google's APIs stay switched on.")


def _read(file: Path) -> "tuple[Deployment, Plan]":
    from deployment.deployment_file import read_deployment
    from deployment.plan import plan

    deployment = read_deployment(file)
    return deployment, plan(deployment, file.resolve().parent)


def _ask(question: str) -> str:
    """A secret, typed or piped in; it is shown nowhere."""
    typed: str = click.prompt(question, hide_input=True)
    return typed.strip()


@contextmanager
def _progress(number: int) -> "Iterator[tuple[Begun, Told]]":
    """One line for each step that is over; while one runs, its title."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    done: list[str] = []
    with console.status("") as status:

        def begun(title: str) -> None:
            status.update(f"{len(done) + 1} of {number}: {escape(title)}")

        def told(title: str, what: "Done") -> None:
            done.append(title)
            console.print(f"{len(done):>3} of {number}  {escape(title)}: {what}")

        yield begun, told
