"""The people of one record in the embedded CRM, with their addresses, and who owns what belongs to it, as a user sees them."""

import sqlite3
from collections.abc import Mapping

from crm_client.embedded.rows import listed
from crm_client.embedded.user_records import UserRecords
from crm_client.records import MOST_PEOPLE
from mailmagnet.addresses import is_address
from mailmagnet.crm import Module, Owner, PersonAddresses, RecordPeople

_RECORD: Mapping[Module, str] = {
    Module.CONTACTS: "SELECT name, owner_id FROM contacts WHERE id = :id",
    Module.LEADS: "SELECT name, owner_id FROM leads WHERE id = :id",
    Module.ACCOUNTS: "SELECT name, owner_id FROM accounts WHERE id = :id",
    Module.DEALS: "SELECT name, owner_id FROM deals WHERE id = :id",
}

_CONTACT = """
SELECT person.id, person.name, person.owner_id, (
    SELECT json_group_array(address) FROM (
        SELECT address FROM contact_addresses WHERE contact_id = person.id ORDER BY position)) AS addresses
FROM visible_contacts AS person
"""
_PEOPLE: Mapping[Module, str] = {
    Module.CONTACTS: f"{_CONTACT} WHERE person.viewer_id = :viewer AND person.id = :id",
    Module.LEADS: """
        SELECT person.id, person.name, person.owner_id, (
            SELECT json_group_array(address) FROM (
                SELECT address FROM lead_addresses WHERE lead_id = person.id ORDER BY position)) AS addresses
        FROM visible_leads AS person WHERE person.viewer_id = :viewer AND person.id = :id
    """,
    Module.ACCOUNTS: f"""
        {_CONTACT} WHERE person.viewer_id = :viewer AND person.account_id = :id ORDER BY person.folded_name, person.id
    """,
    Module.DEALS: f"""
        {_CONTACT} JOIN deal_contacts ON deal_contacts.contact_id = person.id
        WHERE person.viewer_id = :viewer AND deal_id = :id ORDER BY deal_contacts.position, person.id
    """,
}

_OWNERS_BESIDE: Mapping[Module, str] = {
    Module.CONTACTS: """
        SELECT 1 AS place, owner_id FROM visible_accounts
        WHERE viewer_id = :viewer AND id = (SELECT account_id FROM contacts WHERE id = :id)
        UNION ALL
        SELECT 2, owner_id FROM deal_contacts JOIN visible_deals AS deal ON deal.id = deal_id
        WHERE viewer_id = :viewer AND contact_id = :id
    """,
    Module.LEADS: "SELECT 1 AS place, owner_id FROM leads WHERE false",
    Module.ACCOUNTS: "SELECT 1 AS place, owner_id FROM visible_deals WHERE viewer_id = :viewer AND account_id = :id",
    Module.DEALS: """
        SELECT 1 AS place, owner_id FROM visible_accounts
        WHERE viewer_id = :viewer AND id = (SELECT account_id FROM deals WHERE id = :id)
    """,
}
"""Who owns the account and the deals that belong to a record."""


def record_people(records: UserRecords, module: Module, record_id: str) -> RecordPeople:
    """As `mailmagnet.crm.Crm.record_people` says."""
    records.must_see(module.value, record_id)
    asked = {"viewer": records.viewer.id, "id": record_id}
    record = records.connection.execute(_RECORD[module], asked).fetchone()
    people = records.connection.execute(_PEOPLE[module], asked).fetchall()
    beside = records.connection.execute(f"{_OWNERS_BESIDE[module]} ORDER BY place, owner_id", asked).fetchall()
    shown = people[:MOST_PEOPLE]
    owner_ids = dict.fromkeys(row["owner_id"] for row in (record, *beside, *shown))
    names = {row["id"]: row["name"] for row in records.connection.execute("SELECT id, name FROM users")}
    return RecordPeople(
        record["name"],
        tuple(map(_person, shown)),
        tuple(Owner(owner_id, names[owner_id]) for owner_id in owner_ids),
        len(people),
    )


def _person(row: sqlite3.Row) -> PersonAddresses:
    """What a hand has written into the file beside addresses is none to be asked for in a mailbox."""
    return PersonAddresses(row["id"], row["name"], tuple(filter(is_address, listed(row["addresses"]))))
