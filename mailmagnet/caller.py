"""Who asks for a card, when, and by when: the record `Caller`, and the connection and the CRM through which the caller is answered."""

from dataclasses import dataclass
from datetime import datetime

from mailmagnet.crm import Crm
from mailmagnet.deadline import in_time
from mailmagnet.errors import MAILMAGNET
from mailmagnet.identity import Identity
from mailmagnet.parts import Parts
from mailmagnet.vault import Connection


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified user of the sidebar. `now` (aware) is read once for the whole answer; `by` is the running loop's time, in seconds, at
    which the answer is due."""

    identity: Identity
    now: datetime
    by: float


async def connection_of(caller: Caller, parts: Parts) -> Connection:
    """The caller's connection, or what is known without one. Raises TimedOut, and what `Vault.connection` raises."""
    return await in_time(MAILMAGNET, caller.by, connected_or_not(caller.identity, parts))


async def connected_or_not(identity: Identity, parts: Parts) -> Connection:
    """A user's connection, or what is known without one. Raises what `Vault.connection` raises."""
    return await parts.vault.connection(identity.org, identity.user) or unconnected(identity)


async def crm_of(caller: Caller, parts: Parts) -> Crm:
    """The CRM as the caller sees it. Raises what `connection_of` raises."""
    return parts.crm_of(await connection_of(caller, parts))


def unconnected(identity: Identity) -> Connection:
    """What is known of a user who has not connected a mailbox: the verified address and domain."""
    own_domains = frozenset({identity.domain} if identity.domain else ())
    return Connection(identity.org, identity.user, identity.address, frozenset({identity.address}), own_domains)
