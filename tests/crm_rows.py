"""Every row of an embedded CRM's file, to compare two states of it."""

from pathlib import Path

from crm_client.embedded.database import reading


def rows_of(database: Path) -> list[tuple[object, ...]]:
    """Each row with its table's name, in order; the search's index is left out, for it may be written in several ways."""
    with reading(database) as connection:
        tables = [
            row["name"]
            for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'letters%'")
        ]
        return sorted(((table, *row) for table in tables for row in connection.execute(f"SELECT * FROM {table}")), key=repr)
