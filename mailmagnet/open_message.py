"""The use case "open message": the open mail's headers -> its people -> ONE look-up in the CRM -> what is at stake."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from mailmagnet.addresses import domain_of, without_tag
from mailmagnet.categories import Decision, decide, decide_for_address, rank, today_in
from mailmagnet.crm import Contact, Crm, DealState, KnownAccount, Lead, LookUp
from mailmagnet.deadline import in_time, in_time_or_problem
from mailmagnet.domains import is_free_mail, registered_domain
from mailmagnet.errors import Upstream
from mailmagnet.gmail import GMAIL, MailReader, OpenMailTokens
from mailmagnet.identity import Identity
from mailmagnet.people import MailPeople, Person, people_of
from mailmagnet.vault import Connection, Vault

CRM_SECONDS = 4.0
"""The most that a CRM is waited for; less when the deadline is nearer."""


@dataclass(frozen=True, slots=True)
class ContactStanding:
    """A contact, and the category it is in with the reason, or None."""

    contact: Contact
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class PersonInCrm:
    """What the CRM has on one person of the mail.

    `contacts`: the one that decides the label first; `account` only when the person is neither contact nor lead but the domain is known;
    `perhaps` are contacts this may be a second address of (same name, same company).
    """

    person: Person
    contacts: tuple[ContactStanding, ...] = ()
    leads: tuple[Lead, ...] = ()
    account: KnownAccount | None = None
    perhaps: tuple[Contact, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the CRM has this very person."""
        return bool(self.contacts or self.leads)


@dataclass(frozen=True, slots=True)
class OpenMessage:
    """The answer: the people of the mail with what the CRM has on each, the main one first.

    When the vault or the CRM failed, `problem` says how, and the people come without what the CRM has. `today` is the organisation's
    day, None when the CRM was not asked or failed. `home` is the user's own domain, "" for a consumer account.
    """

    mail: MailPeople
    people: tuple[PersonInCrm, ...]
    crm_name: str
    today: date | None = None
    problem: Upstream | None = None
    home: str = ""


async def open_message(
    message_id: str,
    tokens: OpenMailTokens,
    identity: Identity,
    *,
    reader: MailReader,
    vault: Vault,
    crm_of: Callable[[Connection], Crm],
    now: datetime,
    by: float,
) -> OpenMessage:
    """Who the open mail is about and what the CRM has on them, answered by `by` (the running loop's time, in seconds).

    Gmail and the vault are asked side by side, then the CRM once. What the vault or the CRM failed to say is told in the answer's
    `problem`. Raises what `MailReader.open_mail` raises, and TimedOut: without the mail there is nothing to show.
    """
    mail, kept = await asyncio.gather(
        in_time(GMAIL, by, reader.open_mail(message_id, tokens)),
        in_time_or_problem("MailMagnet", by, vault.connection(identity.org, identity.user)),
    )
    connection = kept if isinstance(kept, Connection) else connection_of(identity)
    about = people_of(mail, connection.own_addresses, connection.own_domains)
    crm = crm_of(connection)
    if not about.people:
        return OpenMessage(about, (), crm.name, home=identity.domain)
    found = kept if isinstance(kept, Upstream) else await _look_up(about.people, crm, by)
    if isinstance(found, Upstream):
        people = tuple(PersonInCrm(person) for person in about.people)
        return OpenMessage(about, people, crm.name, problem=found, home=identity.domain)
    today = today_in(found.organisation.time_zone, now)
    return OpenMessage(
        about, tuple(_in_crm(person, found, today) for person in about.people), crm.name, today, home=identity.domain
    )


def connection_of(identity: Identity) -> Connection:
    """What is known of a user who has not connected a mailbox: the verified address and domain."""
    own_domains = frozenset({identity.domain} if identity.domain else ())
    return Connection(identity.org, identity.user, identity.address, frozenset({identity.address}), own_domains)


def spellings(addresses: Iterable[str]) -> frozenset[str]:
    """What to ask the CRM for: each address, and each without its +tag."""
    return frozenset(spelling for address in addresses for spelling in (address, without_tag(address)))


def standings_of(contacts: Iterable[Contact], today: date, written_as: str = "") -> tuple[ContactStanding, ...]:
    """Contacts with one address and their categories. The one that decides the label of their mail leads, as it does for the job.

    Otherwise the one whose name the mail has (`written_as`) comes first, then the higher category, more open deals, the name.
    """
    words = _name_words(written_as)
    standings = sorted(
        (ContactStanding(contact, decide(contact.deals, today)) for contact in contacts),
        key=lambda standing: (_name_words(standing.contact.name) != words, *_relevance(standing)),
    )
    label = decide_for_address((standing.contact for standing in standings), today)
    return tuple(sorted(standings, key=lambda standing: standing.decision != label))


async def _look_up(people: Collection[Person], crm: Crm, by: float) -> LookUp | Upstream:
    at_most = asyncio.get_running_loop().time() + CRM_SECONDS
    asked = crm.look_up(spellings(person.address for person in people), _company_domains(people))
    return await in_time_or_problem(crm.name, min(by, at_most), asked)


def _company_domains(people: Iterable[Person]) -> frozenset[str]:
    domains = {registered_domain(domain_of(person.address)) for person in people}
    return frozenset(domain for domain in domains if domain and not is_free_mail(domain))


def _in_crm(person: Person, found: LookUp, today: date) -> PersonInCrm:
    asked = (person.address, without_tag(person.address))
    contacts = next((found.contacts[address] for address in asked if address in found.contacts), ())
    leads = next((found.leads[address] for address in asked if address in found.leads), ())
    if contacts or leads:
        return PersonInCrm(person, standings_of(contacts, today, person.name), leads)
    account = found.accounts.get(registered_domain(domain_of(person.address)))
    return PersonInCrm(person, account=account, perhaps=_same_name(person, account))


def _same_name(person: Person, account: KnownAccount | None) -> tuple[Contact, ...]:
    words = _name_words(person.name)
    if not account or not words:
        return ()
    return tuple(contact for contact in account.contacts if _name_words(contact.name) == words)


def _name_words(name: str) -> frozenset[str]:
    return frozenset(name.replace(",", " ").casefold().split())


def _relevance(standing: ContactStanding) -> tuple[int, int, str]:
    open_deals = sum(deal.state is DealState.OPEN for deal in standing.contact.deals)
    return (rank(standing.decision.category if standing.decision else None), -open_deals, standing.contact.name.casefold())
