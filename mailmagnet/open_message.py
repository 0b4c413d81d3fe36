"""The use case "open message": the open mail's headers -> its people -> ONE look-up in the CRM -> what is at stake."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from mailmagnet.addresses import domain_of, spellings, without_tag
from mailmagnet.caller import Caller, unconnected
from mailmagnet.categories import today_in
from mailmagnet.crm import Contact, Crm, CrmSettings, KnownAccount, Lead, LookUp, service_of
from mailmagnet.deadline import in_time, in_time_or_problem
from mailmagnet.domains import is_free_mail, registered_domain
from mailmagnet.errors import MAILMAGNET, Upstream
from mailmagnet.gmail import GMAIL, OpenMailTokens
from mailmagnet.parts import Parts
from mailmagnet.people import MailPeople, Person, people_of
from mailmagnet.standing import ContactStanding, name_words, standings_of
from mailmagnet.vault import Connection

CRM_SECONDS = 4.0
"""The most that a CRM is waited for; less when the deadline is nearer."""
TO_ANSWER_SECONDS = 0.5
"""So long before that it asks for nobody more, and answers with whom it has."""


@dataclass(frozen=True, slots=True)
class PersonInCrm:
    """What the CRM has on one person of the mail.

    `contacts`: the one that decides the label first; `account` only when the person is neither contact nor lead but the domain is known;
    `perhaps` are contacts this may be a second address of (same name, same company). `asked`: whether the CRM was asked for the person.
    """

    person: Person
    contacts: tuple[ContactStanding, ...] = ()
    leads: tuple[Lead, ...] = ()
    account: KnownAccount | None = None
    perhaps: tuple[Contact, ...] = ()
    asked: bool = True

    @property
    def known(self) -> bool:
        """Whether the CRM has this very person."""
        return bool(self.contacts or self.leads)


@dataclass(frozen=True, slots=True)
class OpenMessage:
    """The answer: the people of the mail with what the CRM has on each, the main one first; `front` is the place of the one who is shown.

    When the vault or the CRM failed, `problem` says how, and the people come without what the CRM has. `today` is the organisation's
    day, None when the CRM was not asked or failed. `home` is the user's own domain, "" for a consumer account. `to_set_up` is whether
    the user has not connected Gmail yet.
    """

    mail: MailPeople
    people: tuple[PersonInCrm, ...]
    crm_name: str
    today: date | None = None
    problem: Upstream | None = None
    home: str = ""
    to_set_up: bool = False
    front: int = 0

    @property
    def problems(self) -> tuple[Upstream, ...]:
        """What is missing, and why."""
        return (self.problem,) if self.problem else ()


async def open_message(message_id: str, tokens: OpenMailTokens, caller: Caller, parts: Parts, front: int = 0) -> OpenMessage:
    """Who the open mail is about and what the CRM has on them, above all on the one at place `front` among them.

    Gmail and the vault are asked side by side, then the CRM once. What the vault or the CRM failed to say is told in the answer's
    `problem`. Raises what `MailReader.open_mail` raises, and TimedOut: without the mail there is nothing to show.
    """
    identity, home = caller.identity, caller.identity.domain
    mail, stored = await asyncio.gather(
        in_time(GMAIL, caller.by, parts.reader.open_mail(message_id, tokens)),
        in_time_or_problem(MAILMAGNET, caller.by, parts.vault.connection(identity.org, identity.user)),
    )
    connection = stored if isinstance(stored, Connection) else unconnected(identity)
    about = people_of(mail, connection.own_addresses, connection.own_domains)
    crm = parts.crm_of(connection)
    to_set_up = not isinstance(stored, Upstream) and not connection.connected
    if not about.people:
        return OpenMessage(about, (), crm.name, home=home, to_set_up=to_set_up)
    front = front if 0 <= front < len(about.people) else 0
    found = stored if isinstance(stored, Upstream) else await _look_up(about.people, front, crm, caller.by)
    if isinstance(found, Upstream):
        people = tuple(PersonInCrm(person) for person in about.people)
        return OpenMessage(about, people, crm.name, problem=found, home=home, to_set_up=to_set_up, front=front)
    look_up, settings = found
    today = today_in(settings.organisation.time_zone, caller.now)
    people = tuple(_in_crm(person, look_up, today) for person in about.people)
    return OpenMessage(about, people, crm.name, today, home=home, to_set_up=to_set_up, front=front)


async def _look_up(people: Sequence[Person], front: int, crm: Crm, by: float) -> tuple[LookUp, CrmSettings] | Upstream:
    at_most = min(by, asyncio.get_running_loop().time() + CRM_SECONDS)
    in_front = spellings([people[front].address])
    others = spellings(person.address for person in people) - in_front
    found = crm.look_up(in_front, others, _company_domains(people), at_most - TO_ANSWER_SECONDS)
    return await in_time_or_problem(service_of(crm), at_most, asyncio.gather(found, crm.settings()))


def _company_domains(people: Iterable[Person]) -> frozenset[str]:
    domains = {registered_domain(domain_of(person.address)) for person in people}
    return frozenset(domain for domain in domains if domain and not is_free_mail(domain))


def _in_crm(person: Person, found: LookUp, today: date) -> PersonInCrm:
    addresses = (person.address, without_tag(person.address))
    contacts = next((found.contacts[address] for address in addresses if address in found.contacts), ())
    leads = next((found.leads[address] for address in addresses if address in found.leads), ())
    asked = not found.not_asked.issuperset(spellings([person.address]))
    if contacts or leads:
        return PersonInCrm(person, standings_of(contacts, today, person.name), leads)
    account = found.accounts.get(registered_domain(domain_of(person.address)))
    return PersonInCrm(person, account=account, perhaps=_same_name(person, account), asked=asked)


def _same_name(person: Person, account: KnownAccount | None) -> tuple[Contact, ...]:
    words = name_words(person.name)
    if not account or not words:
        return ()
    return tuple(contact for contact in account.contacts if name_words(contact.name) == words)
