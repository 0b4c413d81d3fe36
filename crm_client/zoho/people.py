"""The people of a mail and their firms: what Zoho is asked about them, and what its rows tell."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from crm_client.fields import Record
from crm_client.records import is_at, known_account, readable
from crm_client.zoho.questions import Condition, Question, among, either, ends_with, holds
from crm_client.zoho.records import ACCOUNT, CALL, CONTACT, DEAL, EVENT, LEAD, NOTE, TASK, Records, id_of
from crm_client.zoho.server import Request
from mailmagnet.crm import Account, Contact, Deal, KnownAccount, Lead

MOST_DOMAINS = 11
"""Domains in one question: each is two comparisons there, beside two of addresses; COQL takes 25."""
_ADDRESSES = ("Email", "Secondary_Email")


def has_address(values: Collection[str], behind: str = "") -> Condition:
    """One of these addresses, the row's own or, with "Contact_Name." or the like, of the contact that it leads to."""
    return either(*(among(f"{behind}{column}", values) for column in _ADDRESSES))


def about(addresses: Collection[str], domains: Collection[str] = ()) -> dict[str, Question]:
    """Contacts, leads, accounts and deals of these people, and of the firms with these domains, by the names of their modules in small
    letters. At most MOST_VALUES addresses and MOST_DOMAINS domains, in their spellings."""
    websites = [holds("Account_Name.Website", domain) for domain in domains]
    there = [ends_with("Email", domain) for domain in domains]
    theirs = [ends_with("Contact_Name.Email", domain) for domain in domains]
    return {
        "contacts": Question("Contacts", CONTACT, either(has_address(addresses), *websites, *there)),
        "leads": Question("Leads", LEAD, has_address(addresses)),
        "accounts": Question("Accounts", ACCOUNT, either(*(holds("Website", domain) for domain in domains))),
        "deals": Question("Deals", DEAL, either(has_address(addresses, "Contact_Name."), *websites, *theirs)),
    }


def details(contacts: Condition, activities: Condition) -> dict[str, Question | Request]:
    """Activities of contacts, and notes of the first of them, which is told by its id."""
    return {
        "contacts": Question("Contacts", ("id",), contacts),
        "notes": notes_of("@{contacts:$.data[0].id}"),
        "tasks": Question("Tasks", TASK, activities, "Due_Date desc"),
        "events": Question("Events", EVENT, activities, "Start_DateTime desc"),
        "calls": Question("Calls", CALL, activities, "Call_Start_Time desc"),
    }


def notes_of(contact_id: str) -> Request:
    """The newest notes of a contact."""
    newest = {"fields": ",".join(NOTE), "sort_by": "Created_Time", "sort_order": "desc", "per_page": "3"}
    return Request("GET", f"/Contacts/{contact_id}/Notes", newest)


@dataclass(frozen=True, slots=True)
class Details:
    """Rows of the activities of several contacts, and each contact's notes by its id."""

    tasks: Sequence[Record] = ()
    events: Sequence[Record] = ()
    calls: Sequence[Record] = ()
    notes: Mapping[str, Sequence[Record]] = field(default_factory=dict)

    def put_to(self, contact: Contact, records: Records) -> Contact:
        """The contact with those that are its own."""
        mine = ([row for row in rows if id_of(row, "Who_Id") == contact.id] for rows in (self.tasks, self.events, self.calls))
        return replace(contact, activities=records.activities(*mine), notes=records.notes(self.notes.get(contact.id, ())))


@dataclass(frozen=True, slots=True)
class People:
    """What the CRM has about some people and firms. `unread` are the ids of contacts and accounts of which it has deals that could not be
    read."""

    contacts: Sequence[Contact]
    leads: Sequence[Lead]
    accounts: Sequence[Account]
    deals: Sequence[Deal]
    unread: frozenset[str]

    def known_at(self, domain: str) -> KnownAccount | None:
        """The account whose website is at this domain, else one that has somebody with an address there."""
        by_people = (each.account for each in self.contacts if each.account and any(is_at(a, domain) for a in each.addresses))
        accounts = [account for account in self.accounts if account.domain == domain] or list(by_people)
        return self.known(min(accounts, key=lambda account: int(account.id))) if accounts else None

    def known(self, account: Account) -> KnownAccount:
        """An account with those of the people and the deals that are its own."""
        there = [contact for contact in self.contacts if contact.account and contact.account.id == account.id]
        return replace(known_account(account, there, self.deals), more_deals=account.id in self.unread)


def read(records: Records, rows: Iterable[Mapping[str, Sequence[Record]]]) -> People:
    """What the rows tell, of which some may have come twice."""
    each = [*rows]
    deals = _by_id(row for found in each for row in found.get("deals", ()))
    told = [deal for row in deals.values() if (deal := records.deal(row))]
    lost = deals.keys() - {deal.id for deal in told}
    unread = frozenset(id_of(deals[deal], lookup) for deal in lost for lookup in ("Contact_Name", "Account_Name"))
    contacts = _by_id(row for found in each for row in found.get("contacts", ()))
    leads = _by_id(row for found in each for row in found.get("leads", ()) if row.get("Converted__s") is not True)
    accounts = _by_id(row for found in each for row in found.get("accounts", ()))
    return People(
        [records.contact(row, told, more_deals=contact in unread) for contact, row in contacts.items()],
        [*map(records.lead, leads.values())],
        [*map(records.account, accounts.values())],
        told,
        unread,
    )


def _by_id(rows: Iterable[Record]) -> dict[str, Record]:
    """Each row once. One without an id is no record, and hides no other."""
    return dict(readable(lambda row: (id_of(row), row), rows))
