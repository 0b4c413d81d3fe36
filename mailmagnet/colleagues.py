"""The connected colleagues of one organisation: their mailboxes, how the CRM calls them, and the policy for all of them."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from mailmagnet.addresses import spellings
from mailmagnet.crm import Crm
from mailmagnet.parts import Parts
from mailmagnet.record_people import OpenedRecord
from mailmagnet.sharing import Ours, ours
from mailmagnet.store import Mailbox, Policy
from mailmagnet.vault import Connection


@dataclass(frozen=True, slots=True)
class Colleagues:
    """Mailboxes of the organisation by user, as many as a question is about; the policy; and the names of the CRM's users by their ids
    there, empty when the CRM did not tell."""

    mailboxes: Mapping[str, Mailbox]
    policy: Policy
    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, user: str) -> str:
        """As the CRM has it where the user is signed in there, else the mailbox's address; "" for who is unknown."""
        mailbox = self.mailboxes.get(user)
        return self.name_of(mailbox) if mailbox else ""

    def name_of(self, mailbox: Mailbox) -> str:
        """The same for a mailbox that is not among these."""
        return self.names.get(mailbox.presence.crm_user) or mailbox.address

    def of_crm_user(self, crm_user: str) -> list[Mailbox]:
        """The mailboxes of who is signed in as this CRM user: there may be several."""
        return [mailbox for mailbox in self.mailboxes.values() if crm_user and mailbox.presence.crm_user == crm_user]

    def and_also(self, mailboxes: Iterable[Mailbox | None]) -> "Colleagues":
        """With more of the organisation's mailboxes; None is one that is not there."""
        return replace(self, mailboxes={**self.mailboxes, **{mailbox.user: mailbox for mailbox in mailboxes if mailbox}})


async def colleagues_of(org: str, parts: Parts) -> Colleagues:
    """All of them, without names: for a question that is about all. Raises what the store raises."""
    mailboxes, policy = await asyncio.gather(parts.store.mailboxes(org), parts.store.policy(org))
    return Colleagues({}, policy).and_also(mailboxes)


async def some_colleagues(org: str, users: Collection[str], parts: Parts) -> Colleagues:
    """Those users alone, without names, however many the organisation has. Raises what the store raises."""
    mailboxes = asyncio.gather(*(parts.store.mailbox(org, user) for user in dict.fromkeys(users)))
    policy, found = await asyncio.gather(parts.store.policy(org), mailboxes)
    return Colleagues({}, policy).and_also(found)


async def colleagues_about(people: OpenedRecord, known: Colleagues, org: str, parts: Parts) -> Colleagues:
    """Those that are known, with the record's owners, and with whoever has an address of its people: that is ours, and no contact's.

    Raises what the store raises.
    """
    owners, at_addresses = await asyncio.gather(
        parts.store.mailboxes_of(org, {owner.id for owner in people.owners}),
        parts.store.mailboxes_at(org, spellings(people.addresses)),
    )
    return known.and_also(owners).and_also(at_addresses)


async def names_in(crm: Crm) -> Mapping[str, str]:
    """The names of the CRM's users, by id. Raises what `Crm.users` raises."""
    return {user.id: user.name for user in await crm.users()}


def ours_of(connections: Iterable[Connection], mailboxes: Collection[Mailbox]) -> Ours:
    """What is ours: the own addresses and domains of these connections, and all mailboxes' addresses."""
    both = list(connections)
    addresses = {address for connection in both for address in (connection.address, *connection.own_addresses)}
    domains = {domain for connection in both for domain in connection.own_domains}
    return ours(addresses | {mailbox.address for mailbox in mailboxes}, domains)
