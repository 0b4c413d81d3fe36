"""What the job asks of each CRM in a day, and which share of the vendor's limit this is, from tests/crm_costs.yaml, as docs/crms/README.md
has it; and how that is counted: by what the code really asks."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from mailmagnet.crm import Asked, CrmClient
from mailmagnet.label_tick import MAILBOXES_A_TASK
from mailmagnet.permission import check_permitted
from tests.contract.crm_installed import SECONDS, InstalledWorld
from tests.contract.crm_world import ADA, FAY, KIM
from tests.crm_round_trips import measured

FILE = Path(__file__).with_name("crm_costs.yaml")
SECONDS_A_DAY = 86_400

Work = Callable[[CrmClient], Awaitable[Any]]


def read_costs() -> Any:
    return yaml.safe_load(FILE.read_text("utf-8"))


def look_ups_a_day(assumed: Mapping[str, float]) -> float:
    """Of one mailbox: the runs that have mail."""
    return assumed["outside_mails_a_day"] / assumed["senders_a_look_up"]


# What the table says


def units_a_day(kind: str, costs: Any) -> float:
    """What all mailboxes' runs ask in a day, in the vendor's unit."""
    assumed, counted = costs["assumed"], costs["counted"][kind]
    runs = assumed["mailboxes"] * assumed["runs_a_day"]
    if "together" in counted:
        return float(runs / MAILBOXES_A_TASK * counted["together"])
    one, two = counted["look_up"]
    of_some = one + (assumed["senders_a_look_up"] - 1) * (two - one)
    return float(runs * counted["run"] + assumed["mailboxes"] * look_ups_a_day(assumed) * of_some)


def limit_of(kind: str, costs: Any) -> float | None:
    """What the vendor lets an account of so many users ask in a day, None for any number."""
    limit = costs["limits"][kind]
    if not {"account", "user"} & limit.keys():
        return None
    allowed = limit.get("account", 0) + limit.get("user", 0) * costs["assumed"]["mailboxes"]
    return float(min(allowed, limit.get("most", allowed)))


def table(costs: Any) -> str:
    lines = ["| CRM | a day | a second | the vendor's limit of a day | share |", "|---|---:|---:|---:|---:|"]
    lines += [_line(kind, costs) for kind in costs["limits"] if kind in costs["counted"]]
    return "\n".join(lines)


def _line(kind: str, costs: Any) -> str:
    units, limit, unit = units_a_day(kind, costs), limit_of(kind, costs), costs["limits"][kind]["unit"]
    asked, a_second = f"{units:,.0f} {unit}", f"{units / SECONDS_A_DAY:,.1f}"
    if limit is None:
        return f"| {kind} | {asked} | {a_second} | its own server | |"
    return f"| {kind} | {asked} | {a_second} | {limit:,.0f} {unit} | {units / limit:.0%} |"


# How it is counted


async def counted(kind: str, crm: InstalledWorld, costs: Any) -> dict[str, Any]:
    """What a run of one mailbox asks, and what one with mail asks beside that; of mailboxes asked for together what their task asks. Each
    in a process that remembers nothing, and for senders who are all known or all strangers, whichever is dearer."""
    units = _calls if costs["limits"][kind]["unit"] == "calls" else _spent
    if crm.client.capabilities.pooled:
        return {"together": max([await units(crm, _together(crm, costs, known)) for known in (True, False)])}
    run = await units(crm, _permission(crm))
    mail = [max([await units(crm, _mail(crm, number, known)) for known in (True, False)]) for number in (1, 2)]
    return {"run": run, "look_up": [each - run for each in mail]}


async def _calls(crm: InstalledWorld, work: Work) -> int:
    with measured() as found:
        await work(crm.client_within(SECONDS))
    return found.cost.calls


async def _spent(crm: InstalledWorld, work: Work) -> int:
    """In the vendor's own unit, by what the CRM says is left of the day's."""
    before, now = await _left(crm), await _left(crm)
    await work(crm.client_within(SECONDS))
    return now - await _left(crm) - (before - now)


async def _left(crm: InstalledWorld) -> int:
    client = crm.client_within(SECONDS)
    await client.as_user(crm.connection_of(ADA)).settings()
    await _permission(crm)(client)  # by itself: of calls side by side any may be the last to be told
    budget = client.budget(crm.connection_of(ADA))
    if not budget:
        raise AssertionError("a CRM that does not count in calls says what is left")
    return budget.left


def _people(number: int, known: bool) -> Iterator[str]:
    return (f"p{n}@many.example" if known else f"stranger{n}@elsewhere.example" for n in range(number))


def _permission(crm: InstalledWorld) -> Work:
    async def work(client: CrmClient) -> None:
        await check_permitted(client.as_user(crm.connection_of(ADA)))

    return work


def _mail(crm: InstalledWorld, senders: int, known: bool) -> Work:
    async def work(client: CrmClient) -> None:
        view = client.as_user(crm.connection_of(ADA))
        await check_permitted(view)
        await asyncio.gather(view.senders(list(_people(senders, known))), view.settings())

    return work


def _together(crm: InstalledWorld, costs: Any, known: bool) -> Work:
    """One task: of its mailboxes some have mail, of whom some have two senders. What is asked for one user there is asked for all."""
    assumed = costs["assumed"]
    with_mail = round(MAILBOXES_A_TASK * look_ups_a_day(assumed) / assumed["runs_a_day"])
    people = list(_people(round(with_mail * assumed["senders_a_look_up"]), known))

    async def work(client: CrmClient) -> None:
        connections = [crm.connection_of((ADA, FAY, KIM)[n % 3]) for n in range(with_mail)]
        await asyncio.gather(*(check_permitted(client.as_user(each)) for each in connections))
        asked = [Asked(each, frozenset(people[n::with_mail])) for n, each in enumerate(connections)]
        await asyncio.gather(client.senders_of(asked), *(client.as_user(each).settings() for each in connections))

    return work


if __name__ == "__main__":
    sys.stdout.write(table(read_costs()) + "\n")
