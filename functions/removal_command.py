"""The part of `mailmagnet admin` that takes runs back, exports and removes: of all, of a user, of one customer's address."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from functions.admin_command import admin, as_json_option, dry_run_option, org_option, print_json
from functions.with_process import with_process
from mailmagnet.errors import MailMagnetError

if TYPE_CHECKING:
    from functions.wiring import Process
    from mailmagnet.customer_address import KeptOfAddress
    from mailmagnet.store import TakenBack

AT_ONCE = 5
_user = click.option("--user", required=True, help="The user's Google id (sub), as `mailmagnet admin people` lists it.")
_address = click.option("--address", required=True, help="One mail address, as anna@customer.example.")


@admin.command("take-back")
@org_option
@click.option("--hours", type=click.IntRange(1, 48), required=True, help="How far back.")
@dry_run_option
@as_json_option
def take_back(org: str, hours: int, dry_run: bool, as_json: bool) -> None:
    """Put back what runs have moved in the last hours, in every mailbox. Sorting is paused first; `mailmagnet admin resume` ends that."""
    done = with_process(lambda process: _taken_back(org, hours, dry_run, process))
    if as_json:
        print_json({"org": org, "hours": hours, "dry_run": dry_run, "mailboxes": done})
        return
    verb = "would be put back" if dry_run else "put back"
    for each in done:
        click.echo(f"{each['address']}: {each['mails']} {verb}{', ' + each['problem'] if each['problem'] else ''}")
    click.echo(f"{sum(each['mails'] for each in done)} mails {verb} in {len(done)} mailboxes.")
    if not dry_run:
        click.echo("Sorting is paused. To go on: mailmagnet admin resume")


async def _taken_back(org: str, hours: int, dry_run: bool, process: "Process") -> Sequence[Mapping[str, Any]]:
    """Each mailbox's, some side by side; one that fails does not hold up the others."""
    from mailmagnet.connected_people import everybody
    from mailmagnet.pause import pause
    from mailmagnet.store import TakeBack
    from mailmagnet.take_back import plan_taking_back
    from mailmagnet.take_back import take_back as put_back

    now = process.now()
    asked = TakeBack(now, now - timedelta(hours=hours))
    places = asyncio.Semaphore(AT_ONCE)
    if not dry_run:
        await pause(org, now, process.store)
    mailboxes = [mailbox async for mailbox in everybody(org, process.store) if mailbox.progress]

    async def one(number: int) -> Mapping[str, Any]:
        mailbox = mailboxes[number]
        mails, problem = 0, ""
        async with places:
            try:
                if dry_run:
                    mails = await plan_taking_back(mailbox, asked.since, process)
                else:
                    done: TakenBack = await put_back(org, mailbox.user, asked, process)
                    mails, problem = done.mails, done.problem
            except MailMagnetError as error:
                problem = type(error).__name__
        return {"user": mailbox.user, "address": mailbox.address, "mails": mails, "problem": problem}

    return await asyncio.gather(*map(one, range(len(mailboxes))))


@admin.group()
def export() -> None:
    """Print everything that is kept, as JSON: of a user, of the organisation, of one customer's address."""


@admin.group()
def remove() -> None:
    """Remove what is kept: of a user, of the organisation, of one customer's address. Again goes on where it was."""


@export.command("user")
@org_option
@_user
def export_user(org: str, user: str) -> None:
    """Print everything kept of a user."""
    from functions.pages.export import exported_by_others

    print_json(with_process(lambda process: exported_by_others(org, user, process.now(), process)))


@export.command("organisation")
@org_option
def export_organisation(org: str) -> None:
    """Print everything kept of the organisation."""
    from functions.pages.export import exported_by_others
    from mailmagnet.removal import users_of

    async def whole(process: "Process") -> Mapping[str, Any]:
        users = [await exported_by_others(org, user, process.now(), process) for user in await users_of(org, process)]
        return {"organisation": org, "policy": asdict(await process.store.policy(org)), "users": users}

    print_json(with_process(whole))


@export.command("address")
@org_option
@_address
def export_address(org: str, address: str) -> None:
    """Print what is kept of mail from one address: whose mailboxes, mail ids, times."""
    from mailmagnet.customer_address import kept_of_address, typed_address

    wanted = typed_address(address)
    print_json(_kept_as_json(org, with_process(lambda process: kept_of_address(org, wanted, process.store))))


def _kept_as_json(org: str, kept: "KeptOfAddress") -> Mapping[str, Any]:
    records = [{"user": user, **asdict(record)} for user, record in kept.mails]
    return {"org": org, "address": kept.address, "mail_records": records, "more": kept.more, "excluded": kept.excluded}


@remove.command("user")
@org_option
@_user
@as_json_option
def remove_user(org: str, user: str, as_json: bool) -> None:
    """Remove a user, as if they left: consent and sign-in end, and all that is kept of them is deleted."""
    from mailmagnet.disconnect_mailbox import disconnect_mailbox

    deleted = with_process(lambda process: disconnect_mailbox(org, user, process))
    if as_json:
        print_json({"org": org, "user": user, "deleted_mail_records": deleted})
    else:
        click.echo(f"Removed. {deleted} mail records are deleted; labels and mail in Gmail stay.")


@remove.command("organisation")
@org_option
@click.option("--confirm", required=True, help="The organisation's name once more: this cannot be undone.")
@as_json_option
def remove_organisation(org: str, confirm: str, as_json: bool) -> None:
    """Remove all that is kept of an organisation: its users leave, and its policy is deleted."""
    from mailmagnet.removal import remove_organisation as remove_all

    if confirm != org:
        raise click.ClickException(f"--confirm should be {org}: nothing was removed")
    left = with_process(lambda process: remove_all(org, process))
    if as_json:
        print_json({"org": org, "users_left": left})
    else:
        click.echo("Removed." if not left else f"{left} users are left: each tick goes on with them, and so does this command.")


@remove.command("address")
@org_option
@_address
@dry_run_option
@as_json_option
def remove_address(org: str, address: str, dry_run: bool, as_json: bool) -> None:
    """Take one address out of the mail records of every mailbox: mail id and time stay, so that no run moves the mail once more."""
    from mailmagnet.customer_address import kept_of_address, typed_address
    from mailmagnet.customer_address import remove_address as delete

    wanted = typed_address(address)

    async def removed(process: "Process") -> int:
        if dry_run:
            return len((await kept_of_address(org, wanted, process.store)).mails)
        return await delete(org, wanted, process.store)

    count = with_process(removed)
    if as_json:
        print_json({"org": org, "address": wanted, "mail_records": count, "dry_run": dry_run})
    else:
        click.echo(f"The address {'would be' if dry_run else 'is'} removed from {count} mail records.")
