"""The part of the command line that tells what is missing or wrong, in the order to mend it, each with the command that mends it."""

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deployment.finding import Finding
    from functions.wiring import Process


@click.command()
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("deployment.yaml"),
    show_default=True,
    help="What is deployed; it stands in MailMagnet's folder.",
)
@click.option(
    "--inside", is_flag=True, help="Look from inside, with this environment's settings: on one machine, or in a service."
)
@click.option("--json", "as_json_text", is_flag=True, help="Print every finding as JSON.")
@click.pass_context
def doctor(context: click.Context, file: Path, inside: bool, as_json_text: bool) -> None:
    """Tell what is missing or wrong, in the order to mend it, each with the command that mends it.

    On an admin's machine it looks at what deployment.yaml says; with --inside at what a running MailMagnet needs. Ends with 1 unless all
    is fine.

    It mends nothing itself. In Google Cloud it puts a task into the queue, once an hour at most, for a mailbox that nobody has; and where
    an admin has let MailMagnet into all mailboxes it asks for a token for an admin's, and throws it away: no mail is read.
    """
    from deployment.finding import State
    from functions.inside_checks import as_json

    findings = _inside(context.obj) if inside else _outside(file)
    if as_json_text:
        click.echo(json.dumps(as_json(findings), indent=2))
    else:
        _print(findings)
    if any(each.state is not State.FINE for each in findings):
        context.exit(1)


def _outside(file: Path) -> "Sequence[Finding]":
    from deployment.deployment_file import read_deployment
    from deployment.doctor import look, look_at_google
    from deployment.plan import plan
    from functions.google import Google
    from functions.outside_checks import outside_findings

    deployment = read_deployment(file)
    looked = look_at_google(deployment, plan(deployment, file.resolve().parent), look)
    return [*looked.findings, *asyncio.run(outside_findings(deployment, looked.values, look, Google()))]


def _inside(maker: "Callable[[], Process] | None") -> "Sequence[Finding]":
    from deployment.finding import Finding, State
    from functions.inside_checks import inside_findings
    from functions.settings import read_settings
    from functions.wiring import Process
    from mailmagnet.errors import BadSetting

    async def found() -> "Sequence[Finding]":
        process = maker() if maker else Process(read_settings(os.environ))
        try:
            return await inside_findings(process)
        finally:
            await process.close()

    try:
        return asyncio.run(found())
    except BadSetting as wrong:
        return [Finding("Settings", State.WRONG, str(wrong), "set these variables, and start MailMagnet again")]


def _print(findings: "Sequence[Finding]") -> None:
    from deployment.finding import State

    marks = {State.FINE: "ok   ", State.WRONG: "WRONG", State.UNKNOWN: "?    "}
    for each in findings:
        click.echo(f"{marks[each.state]}  {each.title}" + (f": {each.what}" if each.what else ""))
    to_mend = list(dict.fromkeys(each.mend for each in findings if each.state is not State.FINE and each.mend))
    if not to_mend:
        click.echo("\nAll is fine." if all(each.state is State.FINE for each in findings) else "\nSome could not be looked at.")
        return
    click.echo("\nTo mend it, in this order:")
    for number, mend in enumerate(to_mend, 1):
        click.echo(f"{number}. {mend}")
