"""The templates that a user may write with, and whom they are filled in for: the CRM's where it has some, else the admin's own."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mailmagnet.addresses import spellings, without_tag
from mailmagnet.caller import Caller, connection_of
from mailmagnet.categories import today_in
from mailmagnet.crm import Contact, Crm, Found, Lead, Module, Organisation, Senders, service_of
from mailmagnet.deadline import in_time, in_time_or_problem
from mailmagnet.errors import MAILMAGNET, NotFound, Upstream
from mailmagnet.merge_fields import values_of
from mailmagnet.open_record import found_in
from mailmagnet.parts import Parts
from mailmagnet.record_people import RecordId
from mailmagnet.standing import ContactStanding, standings_of
from mailmagnet.templates import Merged, Template, merge

FOUND_MOST = 5
"""As many people as are worth a look beside a mail that is being written."""

Known = ContactStanding | Lead | None
"""Whom fields are filled in for; None for nobody in the CRM."""


@dataclass(frozen=True, slots=True)
class Composing:
    """The answer to a draft that is being written: its first recipient whom the CRM knows, what stands for each merge field, the
    templates, and whom a search for recipients has found (None without one). `crm_has_templates`: whether it has such a thing."""

    crm_name: str
    known: Known
    values: dict[str, str] = field(repr=False)
    templates: tuple[Template, ...]
    found: Found | None = None
    template_problem: Upstream | None = None
    crm_has_templates: bool = True

    @property
    def problems(self) -> tuple[Upstream, ...]:
        """What is missing, and why."""
        return (self.template_problem,) if self.template_problem else ()


@dataclass(frozen=True, slots=True)
class FilledTemplate:
    """A template filled in for a draft's first recipient whom the CRM knows."""

    template: Template
    subject: Merged
    text: Merged
    known: Known
    problems: tuple[Upstream, ...] = ()


async def compose(recipients: Sequence[str], caller: Caller, parts: Parts, words: str = "") -> Composing:
    """What may be put into a draft with these recipients (canonical addresses); `words` search for one more.

    Templates that cannot be had are told in the answer. Raises what the CRM and the vault raise, and TimedOut.
    """
    crm = parts.crm_of(await connection_of(caller, parts))
    who = service_of(crm)
    templates, (found_people, settings, me), found = await asyncio.gather(
        in_time_or_problem(who, caller.by, templates_of(crm, caller.identity.org, parts)),
        in_time(who, caller.by, asyncio.gather(crm.senders(spellings(recipients)), crm.settings(), crm.me())),
        in_time(who, caller.by, _found(crm, words)),
    )
    known = first_known(recipients, found_people, settings.organisation, caller)
    problem = templates if isinstance(templates, Upstream) else None
    return Composing(
        crm.name,
        known,
        values_of(known, me),
        () if isinstance(templates, Upstream) else templates,
        found,
        problem,
        crm.capabilities.templates,
    )


async def filled_template(template: str, recipients: Sequence[str], caller: Caller, parts: Parts) -> FilledTemplate:
    """One template (its id), filled in. Raises NotFound when there is none of this id (any more), and as `compose` does."""
    composing = await compose(recipients, caller, parts)
    if composing.template_problem:
        raise composing.template_problem
    chosen = template_in(composing.templates, template)
    return FilledTemplate(chosen, merge(chosen.subject, composing.values), merge(chosen.text, composing.values), composing.known)


async def recipient_of(record: RecordId, caller: Caller, parts: Parts) -> str:
    """The main address of a contact or lead. Raises NotFound when it has none, and what the CRM and the vault raise."""
    crm = parts.crm_of(await connection_of(caller, parts))
    person = await in_time(service_of(crm), caller.by, person_of(crm, record))
    if not person.addresses:
        raise NotFound(service_of(crm), "the record has no address")
    return person.addresses[0]


async def templates_of(crm: Crm, org: str, parts: Parts) -> tuple[Template, ...]:
    """The CRM's, else those that the admin has written for all."""
    own = await crm.templates()
    return tuple(own) or (await parts.store.policy(org)).templates


def template_in(templates: Iterable[Template], template: str) -> Template:
    """The one with this id. Raises NotFound."""
    chosen = next((each for each in templates if each.id == template), None)
    if not chosen:
        raise NotFound(MAILMAGNET, "there is no such template any more")
    return chosen


async def person_of(crm: Crm, record: RecordId) -> Contact | Lead:
    """The contact or lead. Raises what the CRM raises."""
    return await (crm.lead(record.id) if record.module is Module.LEADS else crm.contact(record.id))


def standing_of(person: Contact | Lead, organisation: Organisation, caller: Caller) -> ContactStanding | Lead:
    """A contact with the deal that decides where it stands."""
    return person if isinstance(person, Lead) else standings_of([person], today_in(organisation.time_zone, caller.now))[0]


def first_known(recipients: Iterable[str], found: Senders, organisation: Organisation, caller: Caller) -> Known:
    """The first of these addresses whom the CRM knows; a contact before a lead, and of several contacts the one that decides."""
    today = today_in(organisation.time_zone, caller.now)
    for recipient in recipients:
        for address in (recipient, without_tag(recipient)):
            if contacts := found.contacts.get(address):
                return standings_of(contacts, today)[0]
            if leads := found.leads.get(address):
                return leads[0]
    return None


def name_of(known: Known) -> str:
    """Whom fields are filled in for, by name; "" for nobody."""
    if not known:
        return ""
    return known.name if isinstance(known, Lead) else known.contact.name


async def _found(crm: Crm, words: str) -> Found | None:
    return await found_in(crm, words, FOUND_MOST) if words else None
