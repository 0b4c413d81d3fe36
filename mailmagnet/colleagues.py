"""The connected colleagues of one organisation: their mailboxes, how the CRM calls them, and the policy for all of them."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from mailmagnet.crm import Crm
from mailmagnet.parts import Parts
from mailmagnet.sharing import Ours, ours
from mailmagnet.store import Mailbox, Policy
from mailmagnet.vault import Connection


@dataclass(frozen=True, slots=True)
class Colleagues:
    """The organisation's mailboxes by user, the policy, and its users' names by their CRM ids, empty when the CRM did not tell."""

    mailboxes: Mapping[str, Mailbox]
    policy: Policy
    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, user: str) -> str:
        """As the CRM has it where the user is signed in there, else the mailbox's address; "" for who is unknown."""
        mailbox = self.mailboxes.get(user)
        return (self.names.get(mailbox.presence.crm_user) or mailbox.address) if mailbox else ""

    def of_crm_user(self, crm_user: str) -> list[Mailbox]:
        """The mailboxes of who is signed in as this CRM user: there may be several."""
        return [mailbox for mailbox in self.mailboxes.values() if crm_user and mailbox.presence.crm_user == crm_user]


async def colleagues_of(org: str, parts: Parts) -> Colleagues:
    """Without names. Raises what the store raises."""
    mailboxes, policy = await asyncio.gather(parts.store.mailboxes(org), parts.store.policy(org))
    return Colleagues({mailbox.user: mailbox for mailbox in mailboxes}, policy)


async def names_in(crm: Crm) -> Mapping[str, str]:
    """The names of the CRM's users, by id. Raises what `Crm.users` raises."""
    return {user.id: user.name for user in await crm.users()}


def ours_of(connections: Iterable[Connection], mailboxes: Collection[Mailbox]) -> Ours:
    """What is ours: the own addresses and domains of these connections, and all mailboxes' addresses."""
    both = list(connections)
    addresses = {address for connection in both for address in (connection.address, *connection.own_addresses)}
    domains = {domain for connection in both for domain in connection.own_domains}
    return ours(addresses | {mailbox.address for mailbox in mailboxes}, domains)
