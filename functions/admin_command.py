"""The part of the command line for who administers an organisation on this machine: people, policy, defaults, pause and resume.

An operator here names the organisation. What a command prints with --json keeps its field names.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, time
from typing import TYPE_CHECKING, Any

import click

from functions.with_process import with_process
from mailmagnet.store import Sharing

if TYPE_CHECKING:
    from functions.wiring import Process
    from mailmagnet.crm_choice import CrmChoice
    from mailmagnet.store import Defaults, Mailbox, Policy

USERS_CHOICE = "users-choice"
SHARING = [each.value for each in Sharing]
org_option = click.option("--org", required=True, help="The organisation's verified domain (hd); a consumer account's own id.")
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what it would do; change nothing.")
_profile = click.option("--profile", default="", help="The id of a profile in the CRM; without it: everybody else.")


@click.group()
def admin() -> None:
    """Administer one organisation: who is connected, what holds for everybody, and Pause."""


@admin.command()
@org_option
@as_json_option
def people(org: str, as_json: bool) -> None:
    """List who has connected Gmail: what is in trouble first, and whose next step it is."""

    from mailmagnet.connected_people import everybody

    async def listed(process: "Process") -> list[Mapping[str, Any]]:
        return [_person(mailbox, process.lets_in(org)) async for mailbox in everybody(org, process.store)]

    found = with_process(listed)
    if as_json:
        print_json({"org": org, "people": found})
    elif found:
        _print_people(found)
    else:
        click.echo("Nobody has connected Gmail.")


def _person(mailbox: "Mailbox", delegated: bool) -> Mapping[str, Any]:
    from mailmagnet.connected_people import condition, next_step

    trouble, parked = mailbox.trouble, mailbox.presence.parked
    ran = not mailbox.last_run.first_is_to_come
    return {
        "user": mailbox.user,
        "address": mailbox.address,
        "condition": condition(mailbox),
        "next_step": next_step(mailbox, delegated=delegated),
        "connected": not mailbox.needs_consent,
        "signed_in": bool(mailbox.presence.crm_user),
        "mailmagnet": mailbox.mailmagnet,
        "labels": mailbox.labelling,
        "set_up_by": mailbox.choices.set_up_by,
        "last_run": mailbox.last_run.at if ran else None,
        "last_opened": mailbox.presence.opened_at,
        "trouble": asdict(trouble) if trouble else None,
        "parked": asdict(parked) if parked else None,
    }


def _print_people(found: Sequence[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table(Column("Address", no_wrap=True), "Condition", "Why", "Next step", "MailMagnet", "Labels", "Last run", box=None)
    for person in found:
        why = (person["trouble"] or {}).get("reason") or (person["parked"] or {}).get("why") or ""
        last_run = person["last_run"].isoformat(timespec="minutes") if person["last_run"] else "-"
        switches = ("on" if person[name] else "off" for name in ("mailmagnet", "labels"))
        table.add_row(escape(person["address"]), person["condition"], why, person["next_step"], *switches, last_run)
    Console().print(table)


@admin.group()
def policy() -> None:
    """What holds for everybody: sharing, what is never shared, how long mail ids are kept."""


@policy.command("show")
@org_option
@as_json_option
def show_policy(org: str, as_json: bool) -> None:
    """Print the policy."""
    found = with_process(lambda process: process.store.policy(org))
    _print_policy(org, found, as_json)


@policy.command("set")
@org_option
@click.option("--sharing", type=click.Choice([USERS_CHOICE, *SHARING]), help="Who may read users' mail with contacts.")
@click.option("--exclude", multiple=True, help="An address or domain never to share; may be given several times.")
@click.option("--share-again", multiple=True, help="One that is excluded no more; may be given several times.")
@click.option("--retention-days", help="How many days mail id, sender and time are kept.")
@dry_run_option
@as_json_option
def set_policy(
    org: str,
    sharing: str | None,
    exclude: Sequence[str],
    share_again: Sequence[str],
    retention_days: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Change the policy, and say what that does. What no option names stays as it is."""
    from mailmagnet.addresses import exclusion
    from mailmagnet.policy import PolicyEffect, WantedPolicy, as_typed, effect_of, keep_policy, wanted_policy

    async def change(process: "Process") -> tuple["Policy", PolicyEffect]:
        before = await process.store.policy(org)
        typed = as_typed(before)
        kept = before.excluded - set(map(exclusion, share_again))
        typed = WantedPolicy(
            typed.sharing if sharing is None else "" if sharing == USERS_CHOICE else sharing,
            "\n".join([*sorted(kept), *exclude]),
            typed.retention_days if retention_days is None else retention_days,
        )
        wanted = wanted_policy(typed, before)
        effect = effect_of(before, wanted, await process.store.mailboxes(org), process.retention_days)
        if not dry_run:
            await keep_policy(org, wanted, process.store)
        return wanted, effect

    wanted, effect = with_process(change)
    if as_json:
        print_json({**_policy_as_json(org, wanted), "effect": asdict(effect), "saved": not dry_run})
        return
    click.echo(f"Of {effect.mailboxes} connected users {effect.wider} share more, {effect.narrower} share less.")
    click.echo(f"Newly never shared: {effect.newly_excluded}; shared again: {effect.no_longer_excluded}.")
    if effect.shorter_retention:
        click.echo("Records older than that are deleted within a day.")
    click.echo("Nothing is changed: this was a dry run." if dry_run else "Saved.")


def _policy_as_json(org: str, found: "Policy") -> dict[str, Any]:
    return {
        "org": org,
        "sharing": found.sharing or USERS_CHOICE,
        "excluded": sorted(found.excluded),
        "retention_days": found.retention_days,
        "paused_since": found.paused_since,
    }


def _print_policy(org: str, found: "Policy", as_json: bool) -> None:
    facts = _policy_as_json(org, found)
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        click.echo(f"{name}: {', '.join(value) if isinstance(value, list) else value or '-'}")


@admin.group()
def defaults() -> None:
    """What a new user's set-up begins with, by profile in the CRM or for all."""


@defaults.command("list")
@org_option
@as_json_option
def list_defaults(org: str, as_json: bool) -> None:
    """Print the defaults of every group, and how many connected users have not set up yet."""
    from mailmagnet.defaults import DefaultsEffect, count_set_up

    async def read(process: "Process") -> tuple["Policy", DefaultsEffect]:
        return await process.store.policy(org), count_set_up(await process.store.mailboxes(org))

    found, counted = with_process(read)
    groups = [_group_as_json(profile, each) for profile, each in sorted(found.defaults.items())]
    if as_json:
        print_json({"org": org, "groups": groups, "not_set_up": counted.begin, "set_up": counted.stay})
        return
    for group in groups:
        click.echo(_said(group))
    if not groups:
        click.echo("None: each user begins with everything off.")
    click.echo(f"{counted.begin} connected users have not set up yet, {counted.stay} have.")


@defaults.command("set")
@org_option
@_profile
@click.option("--mailmagnet/--no-mailmagnet", default=False, help="Tell users of customers' mail.")
@click.option("--labels/--no-labels", default=False, help="Sort it out of the inbox, under three labels.")
@click.option("--backfill-days", default="0", show_default=True, help="Sort mail of that many days before too.")
@click.option("--sharing", type=click.Choice(SHARING), default=Sharing.PRIVATE.value, show_default=True, help="Who may read it.")
@dry_run_option
@as_json_option
def set_defaults(
    org: str, profile: str, mailmagnet: bool, labels: bool, backfill_days: str, sharing: str, dry_run: bool, as_json: bool
) -> None:
    """Set a group's defaults, and say for how many they hold. Who has set up already stays as they are.

    The counts are of all connected users: only in the panel can the CRM be asked who has which profile.
    """
    from mailmagnet.defaults import DefaultsEffect, WantedDefaults, count_set_up, wanted_defaults
    from mailmagnet.defaults import set_defaults as keep

    async def change(process: "Process") -> tuple["Defaults", DefaultsEffect]:
        wanted = wanted_defaults(WantedDefaults(mailmagnet, labels, backfill_days, sharing))
        counted = count_set_up(await process.store.mailboxes(org))
        if not dry_run:
            await keep(org, profile, wanted, process.store)
        return wanted, counted

    wanted, counted = with_process(change)
    group = _group_as_json(profile, wanted)
    if as_json:
        print_json({"org": org, **group, "not_set_up": counted.begin, "set_up": counted.stay, "saved": not dry_run})
        return
    click.echo(_said(group))
    click.echo(f"{counted.begin} connected users have not set up yet; {counted.stay} have, and stay as they are.")
    click.echo("Nothing is changed: this was a dry run." if dry_run else "Saved.")


@defaults.command("remove")
@org_option
@_profile
@as_json_option
def remove_defaults(org: str, profile: str, as_json: bool) -> None:
    """Take a group's defaults away: everybody else's hold for it. There may be none."""
    from mailmagnet.defaults import set_defaults as keep

    with_process(lambda process: keep(org, profile, None, process.store))
    if as_json:
        print_json({"org": org, "profile": profile, "removed": True})
    else:
        click.echo("There are none for this group any more.")


def _group_as_json(profile: str, each: "Defaults") -> dict[str, Any]:
    return {
        "profile": profile,
        "mailmagnet": each.mailmagnet,
        "labels": each.labelling,
        "backfill_days": each.backfill_days,
        "sharing": each.sharing,
    }


def _said(group: Mapping[str, Any]) -> str:
    switches = ", ".join(f"{name} {'on' if group[name] else 'off'}" for name in ("mailmagnet", "labels"))
    whose = f"Profile {group['profile']}" if group["profile"] else "Everybody else"
    return f"{whose}: {switches}, {group['backfill_days']} days back, sharing {group['sharing']}."


@admin.group()
def crm() -> None:
    """Which CRM the organisation has: the deployment's own, or another."""


@crm.command("show")
@org_option
@as_json_option
def show_crm(org: str, as_json: bool) -> None:
    """Print it."""

    async def read(process: "Process") -> tuple["CrmChoice", bool]:
        own = (await process.store.policy(org)).crm
        return own or process.default_crm, own is None

    found, as_deployed = with_process(read)
    if as_json:
        print_json({"org": org, **asdict(found), "as_deployed": as_deployed})
    else:
        click.echo(f"{f'{found.kind} {found.origin}'.strip()}, {'as deployed' if as_deployed else 'chosen by an admin'}")


@crm.command("set")
@org_option
@click.option("--kind", required=True, help='"odoo", or "default" for the deployment\'s own.')
@click.option("--origin", default="", help="Its address, as https://example.odoo.com.")
@dry_run_option
@as_json_option
def set_crm(org: str, kind: str, origin: str, dry_run: bool, as_json: bool) -> None:
    """Choose it, and say for how many that does something: they sign in anew, and contacts that they share or keep back are forgotten."""
    from mailmagnet.choose_crm import CrmAnswer, choose_crm, chosen_crm, effect_of_crm

    wanted = "" if kind == "default" else kind
    if not wanted and origin:
        raise click.UsageError("--origin: the deployment's own CRM has its own.")

    async def change(process: "Process") -> CrmAnswer:
        current = await chosen_crm(org, process)
        effect = await effect_of_crm(CrmAnswer(current, False, wanted, origin), org, process)
        if not effect.fault and not dry_run:
            await choose_crm(org, wanted, origin, process)
        return effect

    effect = with_process(change)
    if effect.fault:
        raise click.ClickException(effect.fault)
    if as_json:
        print_json({"org": org, "kind": kind, "origin": origin, "sign_in_anew": effect.sign_in_anew, "saved": not dry_run})
        return
    if effect.is_another:
        click.echo(f"{effect.sign_in_anew} users have to sign in anew.")
        click.echo("Contacts that users share or keep back are forgotten: each user chooses anew.")
    else:
        click.echo("It is that one already.")
    click.echo("Nothing is changed: this was a dry run." if dry_run else "Saved.")


@admin.command()
@org_option
@as_json_option
def pause(org: str, as_json: bool) -> None:
    """Stop sorting for everybody: nothing begins, and a run under way stops before its next moves."""
    from mailmagnet.pause import pause as pause_now

    since = with_process(lambda process: pause_now(org, process.now(), process.store))
    if as_json:
        print_json({"org": org, "paused_since": since})
    else:
        click.echo(f"Paused since {since.isoformat(timespec='minutes')}. To go on: mailmagnet admin resume")


@admin.command()
@org_option
@as_json_option
def resume(org: str, as_json: bool) -> None:
    """Sort again: all mail that came meanwhile, too."""
    from mailmagnet.pause import resume as resume_now

    was_paused = with_process(lambda process: resume_now(org, process.store))
    if as_json:
        print_json({"org": org, "paused_since": None, "was_paused": was_paused})
    else:
        click.echo("Sorting goes on within 10 minutes." if was_paused else "It was not paused.")


def print_json(found: Mapping[str, Any]) -> None:
    click.echo(json.dumps(found, default=_plain, ensure_ascii=False))


def _plain(value: object) -> Any:
    if isinstance(value, date | time):
        return value.isoformat()
    return sorted(value) if isinstance(value, frozenset) else str(value)
