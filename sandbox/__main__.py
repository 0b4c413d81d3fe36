"""`python -m sandbox`: what of the desk can be used alone."""

import asyncio
from pathlib import Path

import click

from sandbox.cards.card_check import refused
from sandbox.cards.card_page import NoCard, card_in, serve
from sandbox.demo.__main__ import demo

USUAL_PORT = 8090


@click.group()
def sandbox() -> None:
    """A Gmail on your desk, for whoever makes add-ons."""


@sandbox.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Only list what Google would refuse: status 1 when there is something. No browser.")
@click.option("--port", type=click.IntRange(0, 65535), default=USUAL_PORT, show_default=True, help="0 takes a free one.")
def card(file: Path, check: bool, port: int) -> None:
    """Show a Card JSON FILE (a card, or an add-on's whole answer) as Gmail would, and what Google would refuse in it.

    The page follows the file: save it, and look.
    """
    if check:
        _check(file)
    else:
        _serve(port, file)


@sandbox.command()
@click.option("--port", type=click.IntRange(0, 65535), default=USUAL_PORT, show_default=True, help="0 takes a free one.")
def gallery(port: int) -> None:
    """Show one of each widget and property that cards have, light and dark."""
    _serve(port, None)


sandbox.add_command(demo)


def _check(file: Path) -> None:
    try:
        faults = refused(card_in(file))
    except NoCard as problem:
        raise click.UsageError(str(problem)) from None
    for fault in faults:
        click.echo(fault)
    if faults:
        raise click.exceptions.Exit(1)
    click.echo(f"{file.name}: Google would take this.")


def _serve(port: int, file: Path | None) -> None:
    try:
        asyncio.run(serve(port, file, lambda address: click.echo(f"Open {address} in a browser. Ctrl-C stops it.")))
    except KeyboardInterrupt:
        click.echo("\nStopped.")
    except OSError as error:
        raise click.ClickException(f"Port {port} cannot be used ({error.strerror}): choose another with --port.") from None


if __name__ == "__main__":
    sandbox(prog_name="python -m sandbox")
