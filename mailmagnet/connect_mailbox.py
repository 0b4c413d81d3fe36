"""The use case "connect mailbox": a user's consent in, a connection kept. Nothing is sorted before its user switches it on."""

import asyncio
from dataclasses import replace
from functools import partial

from mailmagnet.addresses import canonical
from mailmagnet.disconnect_mailbox import leave_here
from mailmagnet.errors import Forbidden
from mailmagnet.parking import opened
from mailmagnet.parts import Parts
from mailmagnet.vault import Connection


async def connect_mailbox(consent: Connection, parts: Parts) -> None:
    """Keep the connection and the mailbox.

    `consent` is the new connection, with its token; its own addresses are read from Gmail. Connecting again renews the consent and
    leaves the switches, and all that was reached, as they are. Who comes back while leaving leaves first, and begins anew. Raises
    Forbidden when the token is another account's, and what Gmail, the CRM, the store and the vault raise.
    """
    gmail = parts.gmail_of(consent)
    profile, aliases = await asyncio.gather(gmail.profile(), gmail.own_addresses())
    if canonical(profile.address) != canonical(consent.address):
        raise Forbidden("the account that consented is not the account that is being connected")
    own_addresses = frozenset(canonical(address) for address in (consent.address, *aliases))
    mailbox = await parts.store.mailbox(consent.org, consent.user)
    if mailbox and mailbox.presence.leaving_since:
        await leave_here(consent.org, consent.user, parts)
    await parts.vault.keep(replace(consent, own_addresses=own_addresses))
    await parts.store.connect(consent.org, consent.user, canonical(consent.address), parts.now())
    await parts.store.change_presence(consent.org, consent.user, partial(opened, now=parts.now()))
