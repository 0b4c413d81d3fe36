"""The use case "open message": the open mail's headers -> its people -> ONE look-up in the CRM -> who they are and what is at stake."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from mailmagnet.addresses import domain_of, without_tag
from mailmagnet.categories import Category, Decision, decide, rank, today_in
from mailmagnet.crm import Contact, Crm, KnownAccount, Lead, LookUp
from mailmagnet.domains import is_free_mail, registered_domain
from mailmagnet.errors import MailMagnetError, TimedOut, Upstream
from mailmagnet.gmail import MailReader, OpenMailTokens
from mailmagnet.identity import Identity
from mailmagnet.people import MailPeople, Person, people_of
from mailmagnet.vault import Connection, Vault


@dataclass(frozen=True, slots=True)
class ContactView:
    """A contact, and the category it is in with the reason, or None."""

    contact: Contact
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class PersonView:
    """What the CRM has on one person of the mail.

    `contacts` most relevant first; `account` only when the person is neither contact nor lead but the domain is known;
    `perhaps` are contacts this may be a second address of (same name, same company).
    """

    person: Person
    contacts: tuple[ContactView, ...] = ()
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

    When the CRM failed, `problem` says how, and the people come without what it has; `today` is the organisation's day, or None then.
    """

    mail: MailPeople
    people: tuple[PersonView, ...]
    crm_name: str
    today: date | None = None
    problem: Upstream | None = None
