"""The demo's CRM data as the JSON document that the stand-ins and the real servers are filled with: read out of an embedded CRM.

As a program it prints the document.
"""

import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from crm_client.embedded.administration import Scope
from crm_client.embedded.database import reading
from crm_client.embedded.database_file import crm_database_of
from mailmagnet.crm import MAIL_INTEGRATION
from sandbox.crms.world import CrmContact, CrmDeal, CrmWorld


def demo_world(database: Path) -> CrmWorld:
    """All that an embedded CRM has, but for its templates and the names of its profiles."""
    with reading(database) as connection:
        return _world(connection)


def _world(connection: sqlite3.Connection) -> CrmWorld:
    organisation = connection.execute("SELECT * FROM organisation").fetchone()
    emails = {row["id"]: row["email"] for row in connection.execute("SELECT id, email FROM users")}
    rows = {table: _owned(connection, table, emails) for table in ("accounts", "contacts", "leads", "deals")}
    return {
        "organisation": {
            "name": organisation["name"],
            "time_zone": organisation["time_zone"],
            "currency": organisation["home_currency"],
        },
        "currencies": [
            {"code": row["code"], "name": row["name"], "rate": row["rate"]}
            for row in connection.execute(
                "SELECT * FROM currencies WHERE code <> ? ORDER BY code", (organisation["home_currency"],)
            )
        ],
        "users": [
            {
                "email": row["email"],
                "name": row["name"],
                "sees_all": row["scope"] == Scope.EVERYONE,
                "permitted": bool(row["permitted"]),
                "active": bool(row["active"]),
                "administrator": bool(row["administrator"]),
                "hidden": [],
            }
            for row in connection.execute(_USERS, (MAIL_INTEGRATION,))
        ],
        "stages": [
            {"key": row["id"], "pipeline": row["pipeline"], "name": row["name"], "state": row["state"]}
            for row in connection.execute(_STAGES)
        ],
        "accounts": [
            {"key": row["id"], "name": row["name"], "owner": row["owner"], "domain": row["domain"], "phone": row["phone"]}
            for row in rows["accounts"]
        ],
        "contacts": _contacts(connection, rows["contacts"], emails),
        "leads": [
            {
                "key": row["id"],
                "name": row["name"],
                "owner": row["owner"],
                "addresses": _listed(
                    connection, "SELECT address FROM lead_addresses WHERE lead_id = ? ORDER BY position", row["id"]
                ),
                "company": row["company"],
            }
            for row in rows["leads"]
        ],
        "deals": [_deal(connection, row) for row in rows["deals"]],
    }


_USERS = """
SELECT users.*, profiles.scope, profiles.administrator,
EXISTS (SELECT 1 FROM permissions WHERE profile_id = profiles.id AND permission = ?) AS permitted
FROM users JOIN profiles ON profiles.id = profile_id ORDER BY users.rowid
"""
_STAGES = """
SELECT stages.*, pipelines.name AS pipeline FROM stages JOIN pipelines ON pipelines.id = pipeline_id
ORDER BY pipelines.position, pipelines.name, stages.position
"""
_OWNED = {table: f"SELECT * FROM {table} ORDER BY id" for table in ("accounts", "contacts", "leads", "deals")}  # noqa: S608


def _owned(connection: sqlite3.Connection, table: str, emails: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{**dict(row), "owner": emails[row["owner_id"]]} for row in connection.execute(_OWNED[table])]


def _contacts(
    connection: sqlite3.Connection, contacts: Sequence[Mapping[str, Any]], emails: Mapping[str, str]
) -> list[CrmContact]:
    return [
        {
            "key": row["id"],
            "name": row["name"],
            "owner": row["owner"],
            "addresses": _listed(
                connection, "SELECT address FROM contact_addresses WHERE contact_id = ? ORDER BY position", row["id"]
            ),
            "account": row["account_id"],
            "title": row["title"],
            "phone": row["phone"],
            "shared": [
                emails[user]
                for user in _listed(
                    connection, "SELECT user_id FROM shares WHERE module = 'contacts' AND record_id = ?", row["id"]
                )
            ],
            "activities": [
                {"kind": each["kind"], "subject": each["subject"], "at": each["at"], "done": bool(each["done"])}
                for each in connection.execute("SELECT * FROM activities WHERE contact_id = ? ORDER BY id", (row["id"],))
            ],
            "notes": [
                {"text": each["text"], "at": each["at"]}
                for each in connection.execute("SELECT * FROM notes WHERE contact_id = ? ORDER BY id", (row["id"],))
            ],
        }
        for row in contacts
    ]


def _deal(connection: sqlite3.Connection, row: Mapping[str, Any]) -> CrmDeal:
    people = _listed(connection, "SELECT contact_id FROM deal_contacts WHERE deal_id = ? ORDER BY position", row["id"])
    return {
        "key": row["id"],
        "name": row["name"],
        "owner": row["owner"],
        "stage": row["stage_id"],
        "account": row["account_id"],
        "amount": row["amount"],
        "currency": row["currency"],
        "closing": row["closing"],
        "primary": people[0] if people else None,
        "roles": people[1:],
    }


def _listed(connection: sqlite3.Connection, asked: str, of: str) -> list[str]:
    return [row[0] for row in connection.execute(asked, (of,))]


@click.command()
def demo_world_as_json() -> None:
    """Print what the embedded CRM has, as JSON."""
    click.echo(json.dumps(demo_world(crm_database_of(os.environ)), ensure_ascii=False))


if __name__ == "__main__":
    demo_world_as_json()
