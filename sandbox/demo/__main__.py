"""`python -m sandbox.demo`: the whole product on this machine, to use in a browser."""

import asyncio
import signal
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import aiohttp
import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from sandbox.demo.demo_mail import made_mail, make_contacts, own_mail, senders_of
from sandbox.demo.processes import JOB_SERVICE_ACCOUNT, CommandFailed, Demo, NotADemo, NotStarted, PortTaken, running_demo
from sandbox.desk.import_mail import NoMail

USUAL_PORT = 8025
OFFERED_CONTACTS = 50
SECONDS_BETWEEN_TICKS = 600
"""As Cloud Scheduler calls label_tick."""

console = Console(highlight=False)


@click.command()
@click.option(
    "--mbox", type=click.Path(exists=True, path_type=Path), help="Your own mail: an .mbox file, a Maildir, or a folder of .eml."
)
@click.option("--me", multiple=True, help="An address of yours in that mail; may be given several times.")
@click.option(
    "--contacts", type=click.IntRange(0), help="Make contacts of this many of its most frequent senders; asks if not given."
)
@click.option("--port", type=click.IntRange(1, 65535), help=f"The page's port; {USUAL_PORT} or a free one if not given.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=".demo",
    show_default=True,
    help="Where all of it is kept.",
)
def demo(mbox: Path | None, me: tuple[str, ...], contacts: int | None, port: int | None, folder: Path) -> None:
    """Start MailMagnet with a Gmail of its own, on made-up mail or on yours, and print the address to open in a browser."""
    filled_with = f"{mbox.resolve()} {mbox.stat().st_mtime_ns} {' '.join(me)}" if mbox else "made-up mail"
    try:
        asyncio.run(_run(mbox, me, contacts, port, folder.resolve(), filled_with))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("\nStopped. Start it again to go on where you were.")
    except (PortTaken, NotADemo, NotStarted, CommandFailed, NoMail) as problem:
        raise click.ClickException(str(problem)) from None


async def _run(
    mbox: Path | None, me: tuple[str, ...], contacts: int | None, port: int | None, folder: Path, filled_with: str
) -> None:
    main = asyncio.current_task()
    if main:
        # SIGINT too: started in the background by a shell, Python would not listen to it.
        for stop in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(stop, main.cancel)

    async def fill(demo: Demo) -> None:
        if mbox:
            await _import(demo, mbox)
            await _offer_contacts(demo, contacts)
        else:
            with _bar("Mail arrives") as progress:
                task = progress.add_task("", total=None)
                await made_mail(demo, lambda done, total: progress.update(task, completed=done, total=total))

    ports = [port] if port else [USUAL_PORT, 0]
    for chosen in ports:
        try:
            async with running_demo(folder, fill, chosen, filled_with=filled_with, aliases=me, tell=_tell) as demo:
                _tell_address(demo, folder)
                await _tick_for_ever(demo)
        except PortTaken as taken:
            if chosen == ports[-1]:
                raise
            _tell(f"{taken} A free one is taken instead.")


async def _import(demo: Demo, mbox: Path) -> None:
    with _bar(f"{mbox.name} arrives") as progress:
        task = progress.add_task("", total=None)
        imported = await own_mail(demo, mbox, lambda done, total: progress.update(task, completed=done, total=total))
    _tell(f"{imported.mails:,} mails arrived{_odd(imported.odd)}.")


def _odd(odd: Counter[str]) -> str:
    if not odd:
        return ", none of them odd"
    return "; of these were odd: " + ", ".join(f"{count:,} {kind}" for kind, count in odd.most_common())


async def _offer_contacts(demo: Demo, contacts: int | None) -> None:
    """Make contacts of the most frequent senders: as many as were asked for, or as the person at the terminal says."""
    if contacts is None and not sys.stdin.isatty():
        _tell("No contacts are made of its senders: start with --contacts 50 for that.")
        return
    senders = await senders_of(demo, OFFERED_CONTACTS if contacts is None else contacts)
    if contacts is None and senders:
        console.print("The most frequent senders: " + escape(", ".join(sender.name for sender in senders[:8])) + " ...")
        question = f"Make contacts, most with a deal, of how many of the {len(senders)} most frequent senders?"
        wanted = await asyncio.to_thread(click.prompt, question, default=len(senders), type=click.IntRange(0, len(senders)))
        senders = senders[:wanted]
    if senders:
        many = f"{len(senders)} senders become contacts, three in four" if len(senders) > 1 else "1 sender becomes a contact,"
        _tell(f"{many} with a deal ...")
        await make_contacts(demo, senders)


async def _tick_for_ever(demo: Demo) -> None:
    """Call label_tick every ten minutes, as Cloud Scheduler does, until the demo is stopped."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60)) as session:
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_TICKS)
            token = demo.world.google.service_token(JOB_SERVICE_ACCOUNT, demo.label_tick_url)
            # A tick that fails is followed by the next, as in the cloud; the function's log says why it failed.
            with suppress(aiohttp.ClientError, TimeoutError):
                await session.post(demo.label_tick_url, json={}, headers={"Authorization": f"Bearer {token}"})


def _bar(words: str) -> Progress:
    return Progress(TextColumn(words), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console)


def _tell(words: str) -> None:
    console.print(words, markup=False)


def _tell_address(demo: Demo, folder: Path) -> None:
    console.print(f"\n  Open [bold]{demo.entrance}[/bold] in a browser. Ctrl-C stops it.", soft_wrap=True)
    console.print(f"  Logs and data are in {escape(str(folder))}; delete that folder to begin anew.\n")


if __name__ == "__main__":
    demo()
