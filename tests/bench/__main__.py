"""`make bench`: how fast it is, measured here and now, printed and written to bench.json."""

import asyncio
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.addon import measure_addon
from tests.bench.desk import measure_desk

WRITTEN_TO = Path(__file__).parents[2] / "bench.json"


def main() -> None:
    say = Console()
    figures = {**measure_addon(say), **asyncio.run(measure_desk(say))}
    table = Table("upstreams", "clients", "requests/s", "p50 ms", "p95 ms", title="addon, message opened, one worker")
    for row in figures["open_message"]:
        table.add_row(
            f"{row['upstream_ms']} ms",
            str(row["clients"]),
            str(row["requests_per_second"]),
            str(row["p50_ms"]),
            str(row["p95_ms"]),
        )
    say.print(table)
    for name, value in figures.items():
        if name != "open_message":
            say.print(f"{name}: {value}")
    WRITTEN_TO.write_text(json.dumps(figures, indent=2) + "\n")
    say.print("Written to bench.json. To repeat: make bench")


if __name__ == "__main__":
    main()
