"""`make bench`: how fast it is, measured here and now, printed and written to bench.json."""

import asyncio
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.addon import measure_addon
from tests.bench.crms import measure_crms
from tests.bench.desk import measure_desk

WRITTEN_TO = Path(__file__).parents[2] / "bench.json"


def main() -> None:
    say = Console()
    figures = {**measure_crms(say), **measure_addon(say), **asyncio.run(measure_desk(say))}
    table = Table("upstreams", "clients", "requests/s", "p50 ms", "p95 ms", title="addon, message opened, one worker")
    for row in figures["open_message"]:
        table.add_row(
            f"{row['upstream_ms']} ms{', look-ups remembered' if row['remembered'] else ''}",
            str(row["clients"]),
            str(row["requests_per_second"]),
            str(row["p50_ms"]),
            str(row["p95_ms"]),
        )
    say.print(table)
    say.print(_crms(figures["crms"]))
    for name, value in figures.items():
        if name not in {"open_message", "crms"}:
            say.print(f"{name}: {value}")
    WRITTEN_TO.write_text(json.dumps(figures, indent=2) + "\n")
    say.print("Written to bench.json. To repeat: make bench")


def _crms(rows: list[dict[str, Any]]) -> Table:
    title = "look-up at 100 ms an answer; again: within the minute in which it is remembered"
    table = Table("CRM", "people", "asked", "calls", "round trips", "p50 ms", "again, p50 ms", title=title)
    for row in rows:
        table.add_row(*map(str, row.values()))
    return table


if __name__ == "__main__":
    main()
