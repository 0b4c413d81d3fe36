"""The senders of several mailboxes where a CRM's answer follows the user's own rights: each mailbox's user asks for its own."""

import asyncio
from collections.abc import Sequence

from mailmagnet.crm import Asked, CrmClient, Senders
from mailmagnet.errors import Upstream


async def senders_of(client: CrmClient, asked: Sequence[Asked]) -> Sequence[Senders | Upstream]:
    """As `CrmClient.senders_of`: what fails for one is its answer."""
    return await asyncio.gather(*(_senders(client, each) for each in asked))


async def _senders(client: CrmClient, asked: Asked) -> Senders | Upstream:
    try:
        return await client.as_user(asked.connection).senders(asked.addresses)
    except Upstream as problem:
        return problem
