"""The embedded CRM's file of an earlier MailMagnet brought up to date, whole or not at all."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from crm_client.embedded.access import check_is_of, check_org
from crm_client.embedded.database import upgrading
from crm_client.embedded.rows import listed
from crm_client.embedded.schema import FROM_VERSION_1, FROM_VERSION_2, VERSION
from crm_client.embedded.search import Findable, make_findable


def upgrade(database: Path, org: str) -> bool:
    """Bring the file up to date, and give one of version 1 its organisation; whether there was anything to do. Its users sign in anew.

    Raises BadRequest if `org` is not an organisation's id, or not that of a file that has one, BadAnswer if the file is not ours or is of
    a later version.
    """
    check_org(org)
    with upgrading(database) as (connection, version):
        if version == 1:
            _run(connection, FROM_VERSION_1, org)
            for row in connection.execute(_RECORDS_OF_VERSION_1).fetchall():
                module, record_id, owner_id, name, others, account_id = row
                make_findable(connection, Findable(module, record_id, owner_id, name, listed(others), account_id))
        check_is_of(connection, org)
        if version < VERSION:
            _run(connection, FROM_VERSION_2, org)
        return version < VERSION


def _run(connection: sqlite3.Connection, steps: Sequence[str], org: str) -> None:
    for statement in ";".join(steps).split(";"):
        connection.execute(statement, {"org": org} if ":org" in statement else {})


_RECORDS_OF_VERSION_1 = """
SELECT 'accounts', id, owner_id, name, json_array(domain), NULL FROM accounts
UNION ALL
SELECT 'contacts', id, owner_id, name, (
    SELECT json_group_array(address) FROM (SELECT address FROM contact_addresses WHERE contact_id = id ORDER BY position)
), account_id FROM contacts
UNION ALL
SELECT 'leads', id, owner_id, name, (
    SELECT json_group_array(word) FROM (
        SELECT address AS word, position FROM lead_addresses WHERE lead_id = id UNION ALL SELECT company, 1000000 ORDER BY position)
), NULL FROM leads
UNION ALL
SELECT 'deals', id, owner_id, name, '[]', account_id FROM deals
"""
