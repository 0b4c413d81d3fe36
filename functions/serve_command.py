"""The command `mailmagnet serve`: all of MailMagnet in one process on one machine."""

import asyncio
import os
import socket
from urllib.parse import urlsplit

import click

USUAL_HOST, USUAL_PORT = "127.0.0.1", 8080


@click.command()
@click.option("--host", default=USUAL_HOST, show_default=True, help="The address to listen at; 0.0.0.0 in a container.")
@click.option("--port", type=click.IntRange(0, 65535), default=USUAL_PORT, show_default=True, help="0 takes a free one.")
def serve(host: str, port: int) -> None:
    """Serve the sidebar and the pages, and sort mail, from files on this machine: behind an HTTPS proxy.

    The paths of MAILMAGNET_ADDON_URL and MAILMAGNET_PAGES_URL are where it serves them. SIGTERM ends it, within half a minute.
    """
    from functools import partial

    from functions import addon as sidebar
    from functions.machine_files import check_files, held, machine_files
    from functions.one_machine import OneMachineProcess, job, run
    from functions.pages import endpoint as pages
    from functions.settings import read_settings

    settings = read_settings(os.environ)
    functions = [(settings.addon_url, "addon", sidebar.answer), (settings.pages_url, "pages", pages.answer)]
    files = machine_files(settings)
    with listening_at(host, port) as listening:
        address = address_of(listening)
        with held(files, f"mailmagnet serve listens at {address} (process {os.getpid()})"):
            asyncio.run(check_files(settings))
            _tell(address, settings.addon_url, settings.pages_url)
            run(listening, click.get_current_context().obj or partial(OneMachineProcess, settings), functions, job)


def listening_at(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises ClickException that says why it cannot."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise click.ClickException(f"{host} is no address to listen at ({error.strerror}): choose another with --host.") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise click.ClickException(
            f"Port {port} of {host} cannot be listened at ({error.strerror}): choose another with --port."
        ) from None
    return listening


def address_of(listening: socket.socket) -> str:
    """Where a socket listens, as a URL."""
    host, port, *_ = listening.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _tell(address: str, addon_url: str, pages_url: str) -> None:
    """On standard error, for people: where it listens, and what it needs in front of it."""
    origins = sorted({f"{url.scheme}://{url.netloc}" for url in map(urlsplit, (addon_url, pages_url))})
    click.echo(f"MailMagnet listens at {address}.", err=True)
    click.echo(
        f"It speaks plain HTTP. An HTTPS proxy has to stand before it and pass on, with their paths as they are, {addon_url}/... and "
        f"{pages_url}/...; nothing else is answered. Google comes to {' and '.join(origins)} from outside.",
        err=True,
    )
    if not address.startswith(("http://127.", "http://[::1]")):
        click.echo("Others than this machine can reach it without the proxy: let no one but the proxy through.", err=True)
