"""The questions that Salesforce is asked, as SOQL: only of what the user may see, every text of ours in quotes by one rule.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from crm_client.salesforce.addresses import SALESFORCE
from crm_client.salesforce.server import Query, Resource
from crm_client.spelled import spelled
from mailmagnet.errors import NotFound, NotPermitted

ADDRESSES_A_CALL = 250
DOMAINS_A_CALL = 50
LONGEST_ADDRESS = 80
"""Characters: Salesforce has no place for a longer one, so that nobody has it there."""
MOST_DEALS = 200
"""Of the people who are shown; the job gets all."""
MOST_RECORDS = 2000
MOST_ACTIVITIES = 200
MOST_NOTES = 50
PERMISSION_SET = "Mail_Integration"
PERMISSION_FIELD = "Mail_Integration__c"
"""On User: a formula, `$Permission.Mail_Integration`, that tells of whoever asks."""

DESCRIBED = ("Contact", "Lead", "Account", "Opportunity", "OpportunityContactRole", "Task", "Event", "User", "Profile")
_WAYS = {"Owner": ("OwnerId", "User"), "Account": ("AccountId", "Account"), "Contact": ("ContactId", "Contact"),
         "Profile": ("ProfileId", "Profile")}  # fmt: skip
_OWNER = ("OwnerId", "Owner.Name")
_ACCOUNT = ("Id", "Name", "Website", "Phone", *_OWNER)
_CONTACT = ("Id", "Name", "Email", "Title", "Phone", *_OWNER, *(f"Account.{each}" for each in _ACCOUNT))
_LEAD = ("Id", "Name", "Email", "Title", "Phone", "Company", "Status", *_OWNER)
_DEAL = ("Id", "Name", "StageName", "IsClosed", "IsWon", "Amount", "CurrencyIsoCode", "CloseDate", *_OWNER,
         *(f"Account.{each}" for each in _ACCOUNT))  # fmt: skip
_TASK = ("Id", "Subject", "ActivityDate", "CompletedDateTime", "IsClosed", "TaskSubtype", "Owner.Name")
_EVENT = ("Id", "Subject", "ActivityDate", "StartDateTime", "EndDateTime", "IsAllDayEvent", "Owner.Name")
_USER = ("Id", "Name", "Email", "IsActive", "ProfileId", "Profile.Name", "Profile.PermissionsModifyAllData")
_ROLES = "(SELECT ContactId, IsPrimary, Contact.Id FROM OpportunityContactRoles)"
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")


# Texts in quotes

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_TO_ESCAPE = re.compile(r"[\\'\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]|(?<=@)\{")
"""What ends a text, begins an escape, or cannot be sent; and the brace of `@{...}`, by which a composite call names another answer."""


def quoted(text: str) -> str:
    """A text as a question holds it: whatever stands in it, it is compared with and is never a part of the question."""
    return f"'{_TO_ESCAPE.sub(lambda found: _escaped(found[0]), text)}'"


def holding(text: str) -> str:
    """A pattern for LIKE of what holds a text somewhere; `%` and `_` in the text mean themselves."""
    return f"'%{_plain(text)}%'"


def ending(text: str) -> str:
    """A pattern for LIKE of what ends with a text."""
    return f"'%{_plain(text)}'"


def _plain(text: str) -> str:
    return quoted(text)[1:-1].replace("%", "\\%").replace("_", "\\_")


def _escaped(letter: str) -> str:
    return _ESCAPES.get(letter, f"\\u{ord(letter):04x}")


def checked_id(record_id: str) -> str:
    """An id as Salesforce has them, in quotes. Raises NotFound for what is none: Salesforce would refuse the question."""
    if not record_id.isascii() or not _ID.fullmatch(record_id):
        raise NotFound(SALESFORCE, "there is no such record")
    return quoted(record_id)


# What may be asked for


@dataclass(frozen=True, slots=True)
class Visible:
    """Which fields of which objects a user may see: a question that names another one is refused whole."""

    fields: Mapping[str, Collection[str]] = field(repr=False)

    def has(self, name: str, *paths: str) -> bool:
        """Whether the object is there with all of these fields, or ways to fields of others ("Account.Owner.Name")."""
        return name in self.fields and all(self._has(name, path) for path in paths)

    def these(self, name: str, paths: Iterable[str]) -> list[str]:
        """Those of the paths that the user may see."""
        return [path for path in paths if self.has(name, path)]

    def require(self, name: str, *paths: str) -> None:
        """Raises NotPermitted without them: nothing could be found."""
        if not self.has(name, *paths):
            raise NotPermitted(SALESFORCE, f"the user may not see what is needed of {name}")

    @property
    def has_deals(self) -> bool:
        """Whether it can be told whose a deal is."""
        return all(map(self.has, ("Opportunity", "OpportunityContactRole", "Contact")))

    def _has(self, name: str, path: str) -> bool:
        way, _, rest = path.partition(".")
        if not rest:
            return way in self.fields[name]
        key, parent = _WAYS[way]
        return key in self.fields[name] and self.has(parent, rest)


# Settings

ORGANISATION = Query("SELECT Name, TimeZoneSidKey FROM Organization LIMIT 1")
STAGES = Query(
    "SELECT ApiName, MasterLabel, IsClosed, IsWon FROM OpportunityStage WHERE IsActive = true ORDER BY SortOrder", optional=True
)
"""Hidden from who may see no deals."""
CURRENCIES = Query(
    "SELECT IsoCode, ConversionRate, IsCorporate FROM CurrencyType WHERE IsActive = true ORDER BY IsoCode", optional=True
)
"""There is no such object where deals have one currency alone."""
PERMITTED = Query(
    f"SELECT AssigneeId FROM PermissionSetAssignment WHERE PermissionSet.Name = '{PERMISSION_SET}'", optional=True
)  # fmt: skip
"""Only those who look after Salesforce are told."""


# People and their deals


def had(addresses: Iterable[str]) -> list[str]:
    """Those spellings of addresses for which Salesforce has a place."""
    return [address for address in spelled(addresses) if len(address) <= LONGEST_ADDRESS]


def chunks(texts: Collection[str], most: int) -> list[list[str]]:
    """As many as one question asks for, each; one without any where there are none."""
    ordered = sorted(texts)
    return [ordered[at : at + most] for at in range(0, len(ordered), most)] or [[]]


def people_with(see: Visible, addresses: Collection[str], *, details: bool = False, whole: bool = False) -> list[Query]:
    """Contacts, their deals, and leads, in this order: three queries, none where nobody can have such an address.

    `details`: with activities. `whole`: all deals, however many.
    """
    see.require("Contact", "Email")
    spellings = had(addresses)
    if not spellings:
        return []
    among = _among(spellings)
    having = f"Contact.Email IN {among}"
    return [
        contacts(see, f"Email IN {among}", details=details),
        deals_of(see, having, None if whole else MOST_DEALS + 1),
        _leads(see, f"Email IN {among}") if see.has("Lead", "Email") else NOTHING,
    ]


NOTHING = Query("")
"""A question that need not be asked: it stands for an answer without records."""


def contacts(see: Visible, where: str, *, details: bool = False, limit: int | None = None, whole: bool = True) -> Query:
    activities = [*_tasks(see), *_events(see)] if details else []
    return _select(see, "Contact", _CONTACT, where, activities, "Name, Id", limit, whole=whole)


def deals_of(see: Visible, contact: str, limit: int | None) -> Query:
    """Deals in which contacts that are like this have a role, open ones first, and of those the latest."""
    where = f"Id IN (SELECT OpportunityId FROM OpportunityContactRole WHERE {contact})"
    return deals(see, where, "IsClosed, CloseDate DESC, Id", limit) if see.has_deals else NOTHING


def deals(see: Visible, where: str, order: str, limit: int | None) -> Query:
    roles = [_ROLES] if see.has_deals else []
    return _select(see, "Opportunity", _DEAL, where, roles, order, limit) if see.has("Opportunity") else NOTHING


def contact_by_id(see: Visible, contact_id: str) -> list[Query]:
    """A contact with its activities, its deals, its notes."""
    found = checked_id(contact_id)
    return [
        contacts(see, f"Id = {found}", details=True),
        deals_of(see, f"ContactId = {found}", MOST_DEALS + 1),
        notes_of([contact_id]),
    ]


def notes_of(contact_ids: Iterable[str]) -> Query:
    """Notes, with as much of their text as Salesforce gives without a call for each."""
    document = "ContentDocument"
    told = ("Id", "CreatedDate", "CreatedBy.Name", "LatestPublishedVersion.TextPreview")
    fields = ", ".join(("LinkedEntityId", *(f"{document}.{each}" for each in told)))
    where = f"LinkedEntityId IN {_among(contact_ids)} AND {document}.FileType = 'SNOTE'"
    order = f"ORDER BY {document}.CreatedDate DESC LIMIT {MOST_NOTES}"
    return Query(f"SELECT {fields} FROM ContentDocumentLink WHERE {where} {order}", optional=True)


def lead_by_id(see: Visible, lead_id: str) -> Query:
    found = checked_id(lead_id)
    if not see.has("Lead"):
        raise NotFound(SALESFORCE, "the user may see no leads")
    return _leads(see, f"Id = {found}")


def deal_by_id(see: Visible, deal_id: str) -> Query:
    found = checked_id(deal_id)
    if not see.has("Opportunity"):
        raise NotFound(SALESFORCE, "the user may see no deals")
    return deals(see, f"Id = {found}", "Id", 1)


def people_of_deal(see: Visible, deal_id: str) -> Query:
    roles = f"SELECT ContactId FROM OpportunityContactRole WHERE OpportunityId = {checked_id(deal_id)}"
    return contacts(see, f"Id IN ({roles})") if see.has_deals else NOTHING


def deals_closing(see: Visible, first: date, last: date) -> Query:
    days = f"CloseDate >= {first.isoformat()} AND CloseDate <= {last.isoformat()}"
    return deals(see, f"IsClosed = false AND {days}", "CloseDate, Id", MOST_RECORDS)


# Accounts


def accounts_at(see: Visible, domains: Collection[str]) -> list[Query]:
    """Accounts with such a website, and those with somebody at such an address, for DOMAINS_A_CALL of them at most: two questions, for SOQL
    has no OR for them. None where the user may see no accounts."""
    spellings = spelled(domains)
    if not spellings or not see.has("Account"):
        return []
    websites = " OR ".join(f"Website LIKE {holding(domain)}" for domain in spellings)
    mails = " OR ".join(f"Email LIKE {ending(mark + domain)}" for domain in spellings for mark in "@.")
    people = f"SELECT AccountId FROM Contact WHERE {mails}"
    return [
        account(see, websites) if see.has("Account", "Website") else NOTHING,
        account(see, f"Id IN ({people})") if see.has("Contact", "Email", "AccountId") else NOTHING,
    ]


def account_by_id(see: Visible, account_id: str) -> Query:
    found = checked_id(account_id)
    if not see.has("Account"):
        raise NotFound(SALESFORCE, "the user may see no accounts")
    return account(see, f"Id = {found}")


def account(see: Visible, where: str) -> Query:
    """Accounts, each with its people and its open deals."""
    within = (
        [f"({_text(see, 'Contact', _of_account(_CONTACT), 'Contacts', '', 'Name, Id', None)})"]
        if _hangs_on(see, "Contact")
        else []
    )
    if _hangs_on(see, "Opportunity"):
        roles = [_ROLES] if see.has_deals else []
        found = _text(
            see, "Opportunity", _of_account(_DEAL), "Opportunities", "IsClosed = false", "CloseDate, Id", MOST_DEALS + 1, roles
        )
        within.append(f"({found})")
    return _select(see, "Account", _ACCOUNT, where, within, "Name, Id", MOST_ACCOUNTS)


MOST_ACCOUNTS = 100


def people_of_account(see: Visible, account_id: str) -> list[Query]:
    """The account, its people, whom it is enough to count when they are many, and its deals, for whose owners they are asked."""
    found = checked_id(account_id)
    if not see.has("Account"):
        raise NotFound(SALESFORCE, "the user may see no accounts")
    return [
        _select(see, "Account", _ACCOUNT, f"Id = {found}", (), "Id", 1),
        contacts(see, f"AccountId = {found}", whole=False) if _hangs_on(see, "Contact") else NOTHING,
        deals(see, f"AccountId = {found}", "Name, Id", MOST_DEALS) if _hangs_on(see, "Opportunity") else NOTHING,
    ]


# Search


def found_by(see: Visible, words: Sequence[str], most: int) -> dict[str, Query]:
    """Contacts, accounts, deals and leads that hold every word, by kind: one more than `most` of each tells that there are more."""
    kinds = {
        "contacts": ("Contact", _CONTACT, ("Name", "Email", "Account.Name"), ""),
        "accounts": ("Account", _ACCOUNT, ("Name", "Website"), ""),
        "deals": ("Opportunity", _DEAL, ("Name", "Account.Name"), ""),
        "leads": ("Lead", _LEAD, ("Name", "Company", "Email"), "IsConverted = false AND "),
    }
    return {kind: _found(see, *asked, words=words, most=most) for kind, asked in kinds.items()}


def _found(
    see: Visible, name: str, fields: Sequence[str], places: Sequence[str], also: str, *, words: Sequence[str], most: int
) -> Query:
    looked_at = see.these(name, places) if see.has(name) else []
    if not looked_at:
        return NOTHING
    each = (" OR ".join(f"{place} LIKE {holding(word)}" for place in looked_at) for word in words)
    roles = [_ROLES] if name == "Opportunity" and see.has_deals else []
    return _select(see, name, fields, also + " AND ".join(f"({word})" for word in each), roles, "Name, Id", most + 1)


# Users


def permission_of(user_id: str) -> Resource:
    """Whether the asking user, whose id this is, has the permission. It is no query for the limits, so that it goes with every call."""
    checked_id(user_id)
    return Resource(f"sobjects/User/{user_id}?fields={PERMISSION_FIELD}", optional=True)


def users(see: Visible, also: str = "") -> Query:
    """People who work in Salesforce: customers in portals and its own robots are none."""
    return _select(see, "User", _USER, f"UserType = 'Standard'{also}", (), "Name, Id", None)


def user_by_id(see: Visible, user_id: str) -> Query:
    return users(see, f" AND Id = {checked_id(user_id)}")


def user_named(user_id: str) -> Query:
    """One user, with what every user may see."""
    return Query(f"SELECT Id, Name, Username, IsActive FROM User WHERE Id = {checked_id(user_id)}")


def administrator_named(user_id: str) -> Query:
    """One user, with what only administrators may see for certain."""
    return Query(f"SELECT Username, Profile.PermissionsModifyAllData FROM User WHERE Id = {checked_id(user_id)}")


def administrators(see: Visible) -> Query:
    """None where the user is not told what others may."""
    able = "Profile.PermissionsModifyAllData"
    return users(see, f" AND IsActive = true AND {able} = true") if see.has("User", able) else NOTHING


# How they are put together


def _select(
    see: Visible,
    name: str,
    paths: Sequence[str],
    where: str,
    within: Sequence[str],
    order: str,
    limit: int | None,
    *,
    whole: bool = True,
) -> Query:
    return Query(_text(see, name, paths, name, where, order, limit, within), whole=whole)


def _text(
    see: Visible,
    name: str,
    paths: Sequence[str],
    source: str,
    where: str,
    order: str,
    limit: int | None,
    within: Sequence[str] = (),
) -> str:
    selected = ", ".join([*see.these(name, paths), *within])
    condition = f" WHERE {where}" if where else ""
    end = "" if limit is None else f" LIMIT {limit}"
    return f"SELECT {selected} FROM {source}{condition} ORDER BY {order}{end}"


def _leads(see: Visible, where: str) -> Query:
    return _select(see, "Lead", _LEAD, f"IsConverted = false AND {where}", (), "Name, Id", None)


def _tasks(see: Visible) -> list[str]:
    order = "IsClosed, ActivityDate DESC, Id"
    can = see.has("Task", "IsClosed", "ActivityDate")
    return [f"({_text(see, 'Task', _TASK, 'Tasks', '', order, MOST_ACTIVITIES)})"] if can else []


def _events(see: Visible) -> list[str]:
    can = see.has("Event", "StartDateTime")
    return [f"({_text(see, 'Event', _EVENT, 'Events', '', 'StartDateTime DESC, Id', MOST_ACTIVITIES)})"] if can else []


def _hangs_on(see: Visible, name: str) -> bool:
    return see.has(name, "AccountId")


def _of_account(paths: Sequence[str]) -> list[str]:
    """Fields of what stands within its account, which need not be told again."""
    return [path for path in paths if not path.startswith("Account.")]


def _among(texts: Iterable[str]) -> str:
    return f"({', '.join(map(quoted, texts))})"
