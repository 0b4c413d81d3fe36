"""`python -m sandbox.demo`: the whole product on this machine, to use in a browser."""

import asyncio
import os
import select
import shlex
import signal
import sys
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from sandbox.demo.demo_mail import made_mail, make_contacts, own_mail, senders_of
from sandbox.demo.folder_use import FolderInUse
from sandbox.demo.other_crm import REAL_SERVERS, STAND_INS
from sandbox.demo.processes import (
    EMBEDDED,
    CommandFailed,
    Demo,
    NotADemo,
    NotStarted,
    OtherDemo,
    PortTaken,
    SetUp,
    holds_a_demo,
    running_demo,
)
from sandbox.desk.import_mail import Imported, NoMail
from sandbox.desk.job_runs import NoTick

USUAL_PORT = 8025
USUAL_FOLDER = Path(".demo")
OFFERED_CONTACTS = 50
SECONDS_BETWEEN_TICKS = 60
"""As Cloud Scheduler calls label_tick; a mailbox is due every ten minutes, and each minute while mail is left over."""

RUNS_ALREADY, OTHER_DEMO = 3, 4
"""Statuses with which the command ends, beside 1 for everything else that is wrong."""

_SETUPS = click.Choice([each.value for each in SetUp])

console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person asks for on the command line."""

    mbox: Path | None
    me: Sequence[str]
    contacts: int | None
    port: int | None
    folder: Path
    fresh: bool
    setup: SetUp | None = None
    crm: str = EMBEDDED

    @property
    def filled_with(self) -> str:
        if self.crm != EMBEDDED:
            return f"made-up mail, with {self.crm} as its CRM"
        if not self.mbox:
            return "made-up mail"
        mine = f", where {' and '.join(self.me)} is you" if self.me else ""
        return f"the mail in {self.mbox.resolve()}{mine}"

    @property
    def as_of(self) -> str:
        return str(self.mbox.stat().st_mtime_ns) if self.mbox else ""

    def typed(self, **changed: str) -> str:
        """What to type to ask for this with options changed: to make, if that was typed, else to Python."""
        folder = [str(self.folder)] if self.folder != usual_folder(self.crm) else []
        crm = [self.crm] if self.crm != EMBEDDED else []
        given: dict[str, Sequence[str]] = {"mbox": [str(self.mbox)] if self.mbox else [], "me": self.me, "folder": folder}
        setup: Sequence[str] = [self.setup] if self.setup else []
        given |= {"setup": setup, "crm": crm} | {name: [value] for name, value in changed.items()}
        if "MAKELEVEL" in os.environ:
            variables = [f"{name.upper()}={' '.join(values)}" for name, values in given.items() if values]
            return shlex.join(["make", "demo", *variables])
        options = [
            [f"--{name}"] if name == "fresh" else [f"--{name}", value] for name, values in given.items() for value in values
        ]
        return shlex.join(["python", "-m", "sandbox", "demo", *chain(*options)])


def usual_folder(crm: str) -> Path:
    """Each CRM's demo has a folder of its own: what one knows the other does not."""
    return USUAL_FOLDER if crm == EMBEDDED else USUAL_FOLDER.with_name(f"{USUAL_FOLDER.name}-{crm}")


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
    help=f"Where all of it is kept: {USUAL_FOLDER}, or {USUAL_FOLDER}-CRM, if not given.",
)
@click.option("--setup", type=_SETUPS, help="Begin with all set up already, or set it up yourself; asks if not given.")
@click.option(
    "--crm",
    type=click.Choice([EMBEDDED, *STAND_INS, *REAL_SERVERS]),
    default=EMBEDDED,
    help="The CRM beside Gmail: our own, a stand-in for a vendor's, or a real server (odoo, tryton), installed once below .servers.",
)
@click.option("--fresh", is_flag=True, help="Delete what the folder holds of an earlier demo, and begin anew.")
def demo(
    mbox: Path | None,
    me: tuple[str, ...],
    contacts: int | None,
    port: int | None,
    folder: Path | None,
    setup: str | None,
    crm: str,
    fresh: bool,
) -> None:
    """Start MailMagnet with a Gmail of its own, on made-up mail or on yours, and print the address to open in a browser.

    Ends with 3 when a demo runs on the folder already, with 4 when the folder's demo is on other mail or set up otherwise.
    """
    if crm != EMBEDDED and mbox:
        raise click.UsageError("--mbox goes with the CRM of our own alone: another one knows none of your mail's people.")
    wanted = Wanted(mbox, me, contacts, port, folder or usual_folder(crm), fresh, SetUp(setup) if setup else None, crm)
    try:
        _run_or_ask(_with_setup(wanted))
    except (KeyboardInterrupt, asyncio.CancelledError):
        _tell("\nStopped. Start it again to go on where you were.")
    except FolderInUse as in_use:
        _refuse(f"{in_use}\nAnother one beside it: {replace(wanted, mbox=None, me=()).typed(folder='path')}", RUNS_ALREADY)
    except OtherDemo as other:
        words = f"{other} Nothing was deleted. Either delete it:  {wanted.typed(fresh='1')}\nor keep both:      "
        _refuse(words + replace(wanted, folder=usual_folder(crm)).typed(folder="path"), OTHER_DEMO)
    except (PortTaken, NotADemo, NotStarted, CommandFailed, NoMail) as problem:
        raise click.ClickException(str(problem)) from None


def _refuse(words: str, status: int) -> NoReturn:
    click.echo(words, err=True)
    sys.exit(status)


def _with_setup(wanted: Wanted) -> Wanted:
    """Of a new demo, what the person at the terminal says; "already" where nobody can be asked. Raises FolderInUse, NotADemo."""
    if wanted.setup or (holds_a_demo(wanted.folder.resolve()) and not wanted.fresh):
        return wanted
    if not sys.stdin.isatty():
        _tell(f"All is set up already. To set it up yourself, begin anew:  {wanted.typed(setup=SetUp.YOURSELF, fresh='1')}")
        return replace(wanted, setup=SetUp.ALREADY)
    question = "Begin with all set up already, or set it up yourself, as a new user does?"
    return replace(wanted, setup=SetUp(click.prompt(question, type=_SETUPS, default=SetUp.ALREADY.value)))


def _run_or_ask(wanted: Wanted) -> None:
    """Raises what `running_demo` raises; OtherDemo only when nobody can be asked, or does not want it deleted."""
    try:
        asyncio.run(_run(wanted))
    except OtherDemo as other:
        anew = f"{wanted.filled_with}, {wanted.setup.words}" if wanted.setup else wanted.filled_with
        question = f"{other} Delete that, with all that was done in it, and begin anew on {anew}?"
        if not (sys.stdin.isatty() and click.confirm(question)):
            raise
        asyncio.run(_run(_with_setup(replace(wanted, fresh=True))))


async def _run(wanted: Wanted) -> None:
    main = asyncio.current_task()
    if main:
        _stop_at_a_signal(main)
    at_terminal = sys.stdin.isatty()  # asked now: one that is closed meanwhile says that it is none

    async def fill(demo: Demo) -> None:
        if wanted.mbox:
            imported = await _import(demo, wanted.mbox)
            if not imported.already:
                await _offer_contacts(demo, wanted)
        else:
            with _bar("Mail arrives") as progress:
                task = progress.add_task("", total=None)
                await made_mail(demo, lambda done, total: progress.update(task, completed=done, total=total))

    ports = [wanted.port] if wanted.port else [USUAL_PORT, 0]
    for chosen in ports:
        try:
            async with running_demo(
                wanted.folder.resolve(),
                fill,
                chosen,
                filled_with=wanted.filled_with,
                as_of=wanted.as_of,
                set_up=wanted.setup,
                crm=wanted.crm,
                fresh=wanted.fresh,
                aliases=wanted.me,
                tell=_tell,
            ) as demo:
                _tell_address(demo, wanted)
                await _until_first_ends(_terminal_closed(at_terminal), _sort_by_the_clock(demo))
        except PortTaken as taken:
            if chosen == ports[-1]:
                raise
            _tell(f"{taken} A free one is taken instead.")
        else:
            return


async def _until_first_ends(*works: Coroutine[Any, Any, None]) -> None:
    """Then the others are cancelled. Raises what the first one raises."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


async def _sort_by_the_clock(demo: Demo) -> None:
    """Tick as Cloud Scheduler does, once the first run has been asked for: to see what it does is what one has come for."""
    demo.job.begun = demo.job.begun or await demo.was_sorted()
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_TICKS)
        if demo.job.begun:
            # A tick that fails is followed by the next, as in the cloud; the function's log says why it failed.
            with suppress(NoTick):
                await demo.job.tick()


async def _terminal_closed(at_terminal: bool) -> None:
    """For ever where there is none. A terminal that was opened for make alone tells nobody but make, which does not pass it on."""
    if not at_terminal:
        await asyncio.Event().wait()
    hung_up = select.poll()
    hung_up.register(sys.stdin, 0)
    while not hung_up.poll(0):  # noqa: ASYNC110  a terminal has no event
        await asyncio.sleep(1)
    _forget_terminal()


def _stop_at_a_signal(main: "asyncio.Task[None]") -> None:
    """The first one cancels; those after it, as whoever ends a whole group of processes sends them, do not break into the end."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        for each in signals:
            loop.add_signal_handler(each, lambda: None)
        if number == signal.SIGHUP:
            _forget_terminal()
        main.cancel()

    # SIGINT too: started in the background by a shell, Python would not listen to it.
    for each in signals:
        loop.add_signal_handler(each, stop, each)


def _forget_terminal() -> None:
    """The terminal is closed: what would be said to it goes nowhere, and is no error."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


async def _import(demo: Demo, mbox: Path) -> Imported:
    with _bar(f"{mbox.name} arrives") as progress:
        task = progress.add_task("", total=None)
        imported = await own_mail(demo, mbox, lambda done, total: progress.update(task, completed=done, total=total))
    _tell(f"{_came(imported)}{_odd(imported.odd)}.")
    return imported


def _came(imported: Imported) -> str:
    if not imported.already:
        return f"{imported.mails:,} {'mail' if imported.mails == 1 else 'mails'} arrived"
    return f"{imported.new:,} new, {imported.already:,} {'was' if imported.already == 1 else 'were'} here already"


def _odd(odd: Counter[str]) -> str:
    if not odd:
        return ", none of them odd"
    return "; of these were odd: " + ", ".join(f"{count:,} {kind}" for kind, count in odd.most_common())


async def _offer_contacts(demo: Demo, wanted: Wanted) -> None:
    """Make contacts of the most frequent senders: as many as were asked for, or as the person at the terminal says."""
    if wanted.contacts is None and not sys.stdin.isatty():
        _tell(f"No contacts are made of its senders. For that, begin anew:  {wanted.typed(contacts='50', fresh='1')}")
        return
    senders = await senders_of(demo, OFFERED_CONTACTS if wanted.contacts is None else wanted.contacts)
    if wanted.contacts is None and senders:
        console.print("The most frequent senders: " + escape(", ".join(sender.name for sender in senders[:8])) + " ...")
        senders = senders[: await _how_many(len(senders))]
    if senders:
        many = f"{len(senders)} senders become contacts, three in four" if len(senders) > 1 else "1 sender becomes a contact,"
        _tell(f"{many} with a deal ...")
        await make_contacts(demo, senders)


async def _how_many(most: int) -> int:
    """Read from the terminal only once a line has been typed: a prompt that waits in a thread would outlive its process's end."""
    question = f"Make contacts, most with a deal, of how many of the {most} most frequent senders? [{most}]: "
    typed = ""
    while not (typed.isdecimal() and int(typed) <= most):
        console.print(question, end="", markup=False)
        if not (line := await _typed_line()):
            raise click.Abort
        typed = line.strip() or str(most)
    return int(typed)


async def _typed_line() -> str:
    """The next line, "" at its end."""
    loop = asyncio.get_running_loop()
    is_typed = asyncio.Event()
    loop.add_reader(sys.stdin, is_typed.set)
    try:
        await is_typed.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline()


def _bar(words: str) -> Progress:
    return Progress(TextColumn(words), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console)


def _tell(words: str) -> None:
    # Lines are left whole: a command in them is to be copied.
    console.print(words, markup=False, soft_wrap=True)


def _tell_address(demo: Demo, wanted: Wanted) -> None:
    console.print(f"\n  Open [bold]{demo.entrance}[/bold] in a browser. Ctrl-C stops it.", soft_wrap=True)
    if demo.crm and demo.crm.hint:
        _tell(f"  {demo.crm.hint}")
    if demo.set_up is SetUp.YOURSELF:
        _tell(f"  Nothing is connected yet: the panel leads you. {_how_to_sign_in(demo)}")
    _tell(f"  Logs and data are in {demo.folder}; to begin anew: {wanted.typed(fresh='1')}\n")


def _how_to_sign_in(demo: Demo) -> str:
    if not demo.crm:
        return f"Your CRM's user: {demo.user.address}  password: {demo.crm_password}"
    if typed := demo.crm.typed.get(demo.user.address):
        return f"What {demo.crm.name} wants typed: {typed}"
    return f"{demo.crm.name} asks on its own page who you are: choose {demo.user.name}."


if __name__ == "__main__":
    demo()
