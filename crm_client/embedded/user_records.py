"""The embedded CRM as one user sees it, within one transaction: records read set by set, never one by one.

Every read of a record goes through the visible_* views of the schema, so what the user may not see is not there. Each method
runs a fixed number of statements at most, however many addresses, domains or ids it is given.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from crm_client.embedded.database import CRM, as_json
from crm_client.embedded.rows import day, listed, moment_or_day, money, reversed_domain
from crm_client.embedded.search import MODULES, Module, find, folded
from crm_client.fields import is_text
from crm_client.records import LAST_ACTIVITIES, LAST_NOTES, MOST_CONTACTS, soonest_first
from mailmagnet.crm import (
    Account,
    Activity,
    ActivityKind,
    Contact,
    CrmSettings,
    Currency,
    Deal,
    DealState,
    Found,
    KnownAccount,
    Lead,
    LookUp,
    Note,
    Organisation,
    Profile,
    Senders,
    Stage,
    User,
)
from mailmagnet.errors import NotFound
from mailmagnet.templates import Template

_VISIBLE: Mapping[Module, str] = {
    "accounts": "SELECT 1 FROM visible_accounts WHERE viewer_id = ? AND id = ?",
    "contacts": "SELECT 1 FROM visible_contacts WHERE viewer_id = ? AND id = ?",
    "leads": "SELECT 1 FROM visible_leads WHERE viewer_id = ? AND id = ?",
    "deals": "SELECT 1 FROM visible_deals WHERE viewer_id = ? AND id = ?",
}


@dataclass(frozen=True, slots=True)
class UserRecords:
    """What one user sees: `connection` is inside a transaction, `record_url` a template with {module} and {id}, or ""."""

    connection: sqlite3.Connection
    viewer: User
    record_url: str

    def look_up(self, front: Collection[str], others: Collection[str], domains: Collection[str]) -> LookUp:
        addresses = {*front, *others}
        contact_ids = self._contacts_with(addresses)
        account_ids = self._accounts_with(domains)
        known = self._who_is_known(account_ids.values())
        in_front = {contact_id for address in front for contact_id in contact_ids.get(address, ())}
        contacts = self.contacts([*_each(contact_ids), *_each(ids for ids, _ in known.values())], in_front)
        accounts = self._known_accounts(known, contacts)
        return LookUp(
            contacts=_by_address(contact_ids, contacts),
            leads=self._leads_with(addresses),
            accounts={domain: accounts[account_id] for domain, account_id in account_ids.items()},
        )

    def senders(self, addresses: Collection[str]) -> Senders:
        contact_ids = self._contacts_with(addresses)
        contacts = self.contacts(_each(contact_ids))
        return Senders(_by_address(contact_ids, contacts), self._leads_with(addresses))

    def contact(self, contact_id: str) -> Contact:
        self.must_see("contacts", contact_id)
        return self.contacts([contact_id], [contact_id])[contact_id]

    def account(self, account_id: str) -> KnownAccount:
        self.must_see("accounts", account_id)
        known = self._who_is_known([account_id])
        contacts = self.contacts(_each(ids for ids, _ in known.values()))
        return self._known_accounts(known, contacts)[account_id]

    def lead(self, lead_id: str) -> Lead:
        self.must_see("leads", lead_id)
        return self.leads([lead_id])[lead_id]

    def deal(self, deal_id: str) -> Deal:
        self.must_see("deals", deal_id)
        return self.deals([deal_id])[deal_id]

    def must_see(self, module: Module, record_id: str) -> None:
        """Raises NotFound for a record that the viewer may not see, as for one that is not there."""
        if not self.connection.execute(_VISIBLE[module], (self.viewer.id, record_id)).fetchone():
            raise NotFound(CRM, f"there is no such record in {module}")

    def search(self, words: str, most: int) -> Found:
        unique_words = list(dict.fromkeys(folded(words).split()))
        if not unique_words or most <= 0 or not is_text(words):
            return Found()
        found = {module: find(self.connection, self.viewer.id, module, unique_words, most + 1) for module in MODULES}
        best = {module: ids[:most] for module, ids in found.items()}
        contacts, leads = self.contacts(best["contacts"]), self.leads(best["leads"])
        accounts, deals = self.accounts(best["accounts"]), self.deals(best["deals"])
        return Found(
            contacts=tuple(contacts[contact_id] for contact_id in best["contacts"]),
            accounts=tuple(accounts[account_id] for account_id in best["accounts"]),
            deals=tuple(deals[deal_id] for deal_id in best["deals"]),
            leads=tuple(leads[lead_id] for lead_id in best["leads"]),
            more=frozenset(module for module, ids in found.items() if len(ids) > most),
        )

    def deals_closing(self, first: date, last: date) -> tuple[Deal, ...]:
        ids = self._ids(
            """
            SELECT id FROM visible_deals
            WHERE viewer_id = :viewer AND stage_id IN (SELECT id FROM stages WHERE state = 'open')
            AND closing BETWEEN :first AND :last
            """,
            {"viewer": self.viewer.id, "first": first.isoformat(), "last": last.isoformat()},
        )
        return soonest_first(self.deals(ids).values())

    def settings(self) -> CrmSettings:
        return CrmSettings(self.organisation(), self.stages(), self.currencies())

    def organisation(self) -> Organisation:
        row = self.connection.execute("SELECT * FROM organisation").fetchone()
        return Organisation(row["name"], row["time_zone"], row["home_currency"])

    def users(self) -> tuple[User, ...]:
        profiles = {profile.id: profile for profile in self.profiles()}
        rows = self.connection.execute("SELECT * FROM users ORDER BY name, email")
        return tuple(User(row["id"], row["name"], row["email"], profiles[row["profile_id"]], bool(row["active"])) for row in rows)

    def administrators(self) -> tuple[User, ...]:
        return tuple(user for user in self.users() if user.active and user.profile.administrator)

    def profiles(self) -> tuple[Profile, ...]:
        rows = self.connection.execute(
            """
            SELECT profiles.*, (SELECT json_group_array(permission) FROM permissions WHERE profile_id = profiles.id) AS permissions
            FROM profiles ORDER BY name
            """
        )
        return tuple(
            Profile(row["id"], row["name"], frozenset(listed(row["permissions"])), administrator=bool(row["administrator"]))
            for row in rows
        )

    def stages(self) -> tuple[Stage, ...]:
        rows = self.connection.execute(
            """
            SELECT stages.*, pipelines.name AS pipeline FROM stages JOIN pipelines ON pipelines.id = pipeline_id
            ORDER BY pipelines.position, pipelines.name, stages.position, stages.name
            """
        )
        return tuple(Stage(row["id"], row["name"], row["pipeline"], DealState(row["state"]), row["position"]) for row in rows)

    def currencies(self) -> tuple[Currency, ...]:
        home = self.organisation().home_currency
        rows = self.connection.execute("SELECT * FROM currencies ORDER BY code <> ?, code", (home,))
        return tuple(Currency(row["code"], row["name"], Decimal(row["rate"]), row["code"] == home) for row in rows)

    def templates(self) -> tuple[Template, ...]:
        rows = self.connection.execute("SELECT * FROM templates ORDER BY name, id")
        return tuple(Template(row["id"], row["name"], row["subject"], row["text"]) for row in rows)

    def contacts(self, ids: Collection[str], in_front: Collection[str] = ()) -> dict[str, Contact]:
        """Contacts by id with their deals, and those `in_front` with activities and notes; unseen ones are left out."""
        if not ids:
            return {}
        rows = self.connection.execute(
            """
            SELECT contact.*, users.name AS owner
            FROM json_each(:ids) AS wanted
            JOIN visible_contacts AS contact ON contact.id = wanted.value AND contact.viewer_id = :viewer
            JOIN users ON users.id = contact.owner_id
            """,
            self._wanted(ids),
        ).fetchall()
        addresses = self._addresses_of(ids)
        accounts = self.accounts({row["account_id"] for row in rows if row["account_id"]})
        deals = self._deals_of(ids)
        activities = self._activities_of(in_front) if in_front else {}
        notes = self._notes_of(in_front) if in_front else {}
        return {
            row["id"]: Contact(
                id=row["id"],
                name=row["name"],
                addresses=tuple(addresses.get(row["id"], ())),
                title=row["title"],
                account=accounts.get(row["account_id"]),
                owner=row["owner"],
                phone=row["phone"],
                url=self._url("contacts", row["id"]),
                deals=deals.get(row["id"], ()),
                activities=tuple(activities.get(row["id"], ())),
                notes=tuple(notes.get(row["id"], ())),
                mine=row["owner_id"] == self.viewer.id,
                owner_id=row["owner_id"],
            )
            for row in rows
        }

    def accounts(self, ids: Collection[str]) -> dict[str, Account]:
        """Accounts by id; those the viewer may not see are left out."""
        if not ids:
            return {}
        rows = self.connection.execute(
            """
            SELECT account.*, users.name AS owner
            FROM json_each(:ids) AS wanted
            JOIN visible_accounts AS account ON account.id = wanted.value AND account.viewer_id = :viewer
            JOIN users ON users.id = account.owner_id
            """,
            self._wanted(ids),
        )
        return {
            row["id"]: Account(
                row["id"],
                row["name"],
                row["domain"],
                row["owner"],
                row["phone"],
                self._url("accounts", row["id"]),
                mine=row["owner_id"] == self.viewer.id,
                owner_id=row["owner_id"],
            )
            for row in rows
        }

    def deals(self, ids: Collection[str]) -> dict[str, Deal]:
        """Deals by id; those the viewer may not see are left out."""
        if not ids:
            return {}
        rows = self.connection.execute(
            """
            SELECT deal.*, users.name AS owner, stages.name AS stage, stages.state, pipelines.name AS pipeline
            FROM json_each(:ids) AS wanted JOIN visible_deals AS deal ON deal.id = wanted.value AND deal.viewer_id = :viewer
            JOIN users ON users.id = deal.owner_id JOIN stages ON stages.id = deal.stage_id
            JOIN pipelines ON pipelines.id = stages.pipeline_id
            """,
            self._wanted(ids),
        ).fetchall()
        accounts = self.accounts({row["account_id"] for row in rows if row["account_id"]})
        contact_ids = self._contact_ids_of(ids)
        return {
            row["id"]: Deal(
                id=row["id"],
                name=row["name"],
                stage=row["stage"],
                state=DealState(row["state"]),
                pipeline=row["pipeline"],
                amount=money(row["amount"], row["currency"]),
                closing=day(row["closing"]),
                account=accounts.get(row["account_id"]),
                owner=row["owner"],
                contact_ids=tuple(contact_ids.get(row["id"], ())),
                url=self._url("deals", row["id"]),
                owner_id=row["owner_id"],
            )
            for row in rows
        }

    def leads(self, ids: Collection[str]) -> dict[str, Lead]:
        """Leads by id; those the viewer may not see are left out."""
        if not ids:
            return {}
        rows = self.connection.execute(
            """
            SELECT lead.*, users.name AS owner, (
                SELECT json_group_array(address) FROM (
                    SELECT address FROM lead_addresses WHERE lead_id = lead.id ORDER BY position)) AS addresses
            FROM json_each(:ids) AS wanted JOIN visible_leads AS lead ON lead.id = wanted.value AND lead.viewer_id = :viewer
            JOIN users ON users.id = lead.owner_id
            """,
            self._wanted(ids),
        )
        return {
            row["id"]: Lead(
                id=row["id"],
                name=row["name"],
                addresses=listed(row["addresses"]),
                title=row["title"],
                company=row["company"],
                status=row["status"],
                owner=row["owner"],
                phone=row["phone"],
                url=self._url("leads", row["id"]),
                mine=row["owner_id"] == self.viewer.id,
                owner_id=row["owner_id"],
            )
            for row in rows
        }

    def _contacts_with(self, addresses: Collection[str]) -> dict[str, list[str]]:
        """Ids of the contacts with each address: those with open deals first, then those whose main address it is."""
        if not addresses:
            return {}
        rows = self.connection.execute(
            """
            SELECT wanted.value AS address, contact.id
            FROM json_each(:ids) AS wanted JOIN contact_addresses ON address = wanted.value
            JOIN visible_contacts AS contact ON contact.id = contact_id AND contact.viewer_id = :viewer
            ORDER BY NOT EXISTS (
                SELECT 1 FROM deal_contacts JOIN visible_deals AS deal ON deal.id = deal_id AND deal.viewer_id = :viewer
                JOIN stages ON stages.id = deal.stage_id
                WHERE deal_contacts.contact_id = contact.id AND stages.state = 'open'
            ), position, contact.folded_name, contact.id
            """,
            self._wanted(set(addresses)),
        )
        return _grouped(rows)

    def _leads_with(self, addresses: Collection[str]) -> dict[str, tuple[Lead, ...]]:
        if not addresses:
            return {}
        rows = self.connection.execute(
            """
            SELECT wanted.value, lead.id FROM json_each(:ids) AS wanted JOIN lead_addresses ON address = wanted.value
            JOIN visible_leads AS lead ON lead.id = lead_id AND lead.viewer_id = :viewer
            ORDER BY position, lead.name, lead.id
            """,
            self._wanted(set(addresses)),
        )
        ids = _grouped(rows)
        leads = self.leads(_each(ids))
        return {address: tuple(leads[lead_id] for lead_id in of_address) for address, of_address in ids.items()}

    def _accounts_with(self, domains: Collection[str]) -> dict[str, str]:
        """The account of each domain: by its own domain, or, without one, by its contacts' (of several the one with most)."""
        wanted = [[domain, reversed_domain(domain)] for domain in set(domains) if domain]
        if not wanted:
            return {}
        rows = self.connection.execute(
            """
            WITH wanted AS (SELECT value ->> 0 AS domain, value ->> 1 AS top FROM json_each(:domains)),
            by_account AS (
                SELECT wanted.domain, account.id, account.folded_name, account.reversed_domain <> wanted.top AS way, 0 AS people
                FROM wanted JOIN visible_accounts AS account ON account.viewer_id = :viewer
                AND (account.reversed_domain = wanted.top
                     OR account.reversed_domain > wanted.top || '.' AND account.reversed_domain < wanted.top || '/')
            ),
            by_contacts AS (
                SELECT wanted.domain, account.id, account.folded_name, 2 AS way, count(DISTINCT contact.id) AS people
                FROM wanted CROSS JOIN contact_addresses AS known ON (known.reversed_domain = wanted.top
                     OR known.reversed_domain > wanted.top || '.' AND known.reversed_domain < wanted.top || '/')
                CROSS JOIN visible_contacts AS contact ON contact.id = known.contact_id AND contact.viewer_id = :viewer
                CROSS JOIN visible_accounts AS account ON account.id = contact.account_id AND account.viewer_id = :viewer
                WHERE account.domain = '' GROUP BY wanted.domain, account.id
            )
            SELECT domain, id FROM (SELECT * FROM by_account UNION ALL SELECT * FROM by_contacts)
            ORDER BY way, people DESC, folded_name, id
            """,
            {"viewer": self.viewer.id, "domains": as_json(wanted)},
        )
        return {domain: ids[0] for domain, ids in _grouped(rows).items()}

    def _who_is_known(self, account_ids: Collection[str]) -> dict[str, tuple[list[str], int]]:
        """Ids of the most relevant contacts of each account, those with open deals first, and how many there are in all."""
        if not account_ids:
            return {}
        known: dict[str, tuple[list[str], int]] = {account_id: ([], 0) for account_id in account_ids}
        rows = self.connection.execute(
            """
            SELECT account_id, id, people FROM (
                SELECT contact.account_id, contact.id, count(*) OVER (PARTITION BY contact.account_id) AS people,
                    row_number() OVER (PARTITION BY contact.account_id ORDER BY (
                        SELECT count(*) FROM deal_contacts
                        JOIN visible_deals AS deal ON deal.id = deal_id AND deal.viewer_id = :viewer
                        JOIN stages ON stages.id = deal.stage_id
                        WHERE deal_contacts.contact_id = contact.id AND stages.state = 'open'
                    ) DESC, (
                        SELECT max(at) FROM activities WHERE activities.contact_id = contact.id
                    ) DESC, contact.folded_name, contact.id) AS place
                FROM json_each(:ids) AS wanted
                JOIN visible_contacts AS contact ON contact.account_id = wanted.value AND contact.viewer_id = :viewer
            ) WHERE place <= :most ORDER BY place
            """,
            {**self._wanted(set(account_ids)), "most": MOST_CONTACTS},
        )
        for row in rows:
            known[row["account_id"]] = ([*known[row["account_id"]][0], row["id"]], row["people"])
        return known

    def _known_accounts(
        self, known: Mapping[str, tuple[list[str], int]], contacts: Mapping[str, Contact]
    ) -> dict[str, KnownAccount]:
        accounts = self.accounts(known.keys())
        deals = self._open_deals_at(known.keys())
        return {
            account_id: KnownAccount(
                accounts[account_id], tuple(contacts[contact_id] for contact_id in ids), count, deals.get(account_id, ())
            )
            for account_id, (ids, count) in known.items()
        }

    def _open_deals_at(self, account_ids: Collection[str]) -> dict[str, tuple[Deal, ...]]:
        if not account_ids:
            return {}
        rows = self.connection.execute(
            """
            SELECT wanted.value, deal.id FROM json_each(:ids) AS wanted
            JOIN visible_deals AS deal ON deal.account_id = wanted.value AND deal.viewer_id = :viewer
            JOIN stages ON stages.id = deal.stage_id WHERE stages.state = 'open'
            """,
            self._wanted(account_ids),
        )
        return self._deals_grouped(_grouped(rows))

    def _deals_of(self, contact_ids: Collection[str]) -> dict[str, tuple[Deal, ...]]:
        rows = self.connection.execute(
            """
            SELECT wanted.value, deal.id FROM json_each(:ids) AS wanted JOIN deal_contacts ON contact_id = wanted.value
            JOIN visible_deals AS deal ON deal.id = deal_id AND deal.viewer_id = :viewer
            """,
            self._wanted(set(contact_ids)),
        )
        return self._deals_grouped(_grouped(rows))

    def _deals_grouped(self, ids: Mapping[str, Sequence[str]]) -> dict[str, tuple[Deal, ...]]:
        deals = self.deals(_each(ids))
        return {group: soonest_first(deals[deal_id] for deal_id in of_group) for group, of_group in ids.items()}

    def _contact_ids_of(self, deal_ids: Collection[str]) -> dict[str, list[str]]:
        return _grouped(
            self.connection.execute(
                """
                SELECT wanted.value, contact.id FROM json_each(:ids) AS wanted JOIN deal_contacts ON deal_id = wanted.value
                JOIN visible_contacts AS contact ON contact.id = contact_id AND contact.viewer_id = :viewer
                ORDER BY position, contact.id
                """,
                self._wanted(set(deal_ids)),
            )
        )

    def _addresses_of(self, contact_ids: Collection[str]) -> dict[str, list[str]]:
        return _grouped(
            self.connection.execute(
                """
                SELECT wanted.value, address FROM json_each(?) AS wanted JOIN contact_addresses ON contact_id = wanted.value
                ORDER BY position
                """,
                (as_json(set(contact_ids)),),
            )
        )

    def _activities_of(self, contact_ids: Collection[str]) -> dict[str, list[Activity]]:
        rows = self.connection.execute(
            """
            SELECT * FROM (
                SELECT activities.*, users.name AS owner,
                    row_number() OVER (PARTITION BY contact_id, done ORDER BY at DESC, activities.id) AS place
                FROM json_each(?) AS wanted JOIN activities ON contact_id = wanted.value JOIN users ON users.id = owner_id
            ) WHERE NOT done OR place <= ? ORDER BY at DESC, id
            """,
            (as_json(set(contact_ids)), LAST_ACTIVITIES),
        )
        activities = defaultdict(list)
        for row in rows:
            activities[row["contact_id"]].append(activity(row))
        return activities

    def _notes_of(self, contact_ids: Collection[str]) -> dict[str, list[Note]]:
        rows = self.connection.execute(
            """
            SELECT * FROM (
                SELECT notes.*, users.name AS author,
                    row_number() OVER (PARTITION BY contact_id ORDER BY at DESC, notes.id) AS place
                FROM json_each(?) AS wanted JOIN notes ON contact_id = wanted.value JOIN users ON users.id = author_id
            ) WHERE place <= ? ORDER BY at DESC, id
            """,
            (as_json(set(contact_ids)), LAST_NOTES),
        )
        notes = defaultdict(list)
        for row in rows:
            notes[row["contact_id"]].append(Note(row["id"], row["text"], datetime.fromisoformat(row["at"]), row["author"]))
        return notes

    def _wanted(self, ids: Iterable[str]) -> dict[str, object]:
        return {"viewer": self.viewer.id, "ids": as_json(ids)}

    def _ids(self, statement: str, parameters: Mapping[str, object]) -> list[str]:
        return [row["id"] for row in self.connection.execute(statement, dict(parameters))]

    def _url(self, module: Module, record_id: str) -> str:
        return self.record_url.replace("{module}", module).replace("{id}", record_id)


def activity(row: sqlite3.Row) -> Activity:
    """A row of activities, with its owner's name, as a record."""
    return Activity(
        row["id"], ActivityKind(row["kind"]), row["subject"], moment_or_day(row["at"]), bool(row["done"]), row["owner"]
    )


def _grouped(rows: Iterable[sqlite3.Row]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for group, value in rows:
        groups.setdefault(group, []).append(value)
    return groups


def _each(groups: Mapping[str, Iterable[str]] | Iterable[Iterable[str]]) -> list[str]:
    """Every value of some groups, once."""
    members = groups.values() if isinstance(groups, Mapping) else groups
    return list(dict.fromkeys(value for group in members for value in group))


def _by_address(ids: Mapping[str, Sequence[str]], contacts: Mapping[str, Contact]) -> dict[str, tuple[Contact, ...]]:
    return {address: tuple(contacts[contact_id] for contact_id in of_address) for address, of_address in ids.items()}
