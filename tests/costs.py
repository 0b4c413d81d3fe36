"""`make costs`: what 1,000 reps cost a month at Google, by part, from tests/costs.yaml; as docs/costs.md has it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("costs.yaml")
GIB = 2**30
DAY_SECONDS = 86_400
MINUTES_A_DAY = 1440


def read_costs() -> Any:
    return yaml.safe_load(FILE.read_text("utf-8"))


def parts(costs: Any) -> Iterator[tuple[str, str, float]]:
    """Each part: its name, how much of it in a month, and US dollars."""
    price, counted, assumed = costs["prices"], costs["counted"], costs["assumed"]
    reps, days = assumed["reps"], assumed["days"]
    with_mail = reps * assumed["working_days"] * assumed["runs_with_6_mails_a_day"]
    runs = reps * days * assumed["runs_a_day"]
    ticks = days * MINUTES_A_DAY
    panels = reps * assumed["working_days"] * assumed["panels_a_day"]
    times = {
        "idle_run": runs - with_mail,
        "run_with_6_mails": with_mail,
        "tick": ticks,
        "tick_a_mailbox": ticks * reps,
    }

    def all_of(what: str) -> float:
        return float(sum(counted[name][what] * number for name, number in times.items()) + assumed["panel"][what] * panels)

    kept = days * DAY_SECONDS
    yield "Panel: one instance kept", f"{kept:,} s", kept * (price["vcpu_second_kept"] + price["gib_second_kept"])
    busy = runs * assumed["seconds_a_run"] / assumed["runs_side_by_side"] + ticks * assumed["seconds_a_tick"]
    yield "Job: vCPU and memory", f"{busy:,.0f} s", busy * (price["vcpu_second"] + price["gib_second"] / 2)
    yield "Job: requests", f"{runs + ticks:,}", (runs + ticks) / 1e6 * price["million_requests"]
    yield "Firestore: reads", f"{all_of('reads'):,.0f}", all_of("reads") / 1e5 * price["hundred_thousand_reads"]
    yield "Firestore: writes", f"{all_of('writes'):,.0f}", all_of("writes") / 1e5 * price["hundred_thousand_writes"]
    # Each record that is written goes again when it is too old.
    deletes = all_of("deletes") + with_mail * 6
    yield "Firestore: deletes", f"{deletes:,.0f}", deletes / 1e5 * price["hundred_thousand_deletes"]
    yield "Secret Manager: versions", f"{reps:,}", reps * price["secret_version"]
    yield "Secret Manager: accesses", f"{all_of('accesses'):,.0f}", all_of("accesses") / 1e4 * price["ten_thousand_accesses"]
    yield "Cloud Tasks: sent and delivered", f"{2 * runs:,}", 2 * runs / 1e6 * price["million_task_operations"]
    yield "Cloud Scheduler", "1 job", price["job"]
    logs = (runs + ticks + panels) * assumed["log_bytes_a_request"] / GIB
    yield "Logs", f"{logs:,.1f} GiB", logs * price["gib_of_logs"]
    egress = (panels * assumed["egress_bytes_a_panel"] + runs * assumed["egress_bytes_a_run"]) / GIB
    yield "Egress", f"{egress:,.1f} GiB", egress * price["gib_of_egress"]


def table(costs: Any) -> str:
    rows = list(parts(costs))
    lines = ["| part | a month | US$ |", "|---|---:|---:|"]
    lines += [f"| {name} | {amount} | {dollars:,.2f} |" for name, amount, dollars in rows]
    total = sum(dollars for _, _, dollars in rows)
    lines.append(f"| **all, for {costs['assumed']['reps']:,} reps** | | **{total:,.2f}** |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table(read_costs()) + "\n")
