"""The use case "connect mailbox": a user's consent in, a mailbox that the job sorts from now on."""

import asyncio
from dataclasses import replace

from mailmagnet.addresses import canonical
from mailmagnet.categories import Category
from mailmagnet.errors import Forbidden
from mailmagnet.label_mail import ensure_labels
from mailmagnet.parts import Parts
from mailmagnet.store import Cursor, Mailbox, RunCounts
from mailmagnet.vault import Connection


async def connect_mailbox(consent: Connection, parts: Parts) -> Mailbox:
    """Keep the connection and the mailbox, and make the three labels. Mail that is there already stays where it is.

    `consent` is the new connection, with its token; its own addresses are read from Gmail. Connecting again renews the
    consent and keeps the cursor. Raises Forbidden when the token is another account's, and what Gmail,
    the store and the vault raise.
    """
    gmail = parts.gmail_of(consent)
    profile, aliases = await asyncio.gather(gmail.profile(), gmail.own_addresses())
    if canonical(profile.address) != canonical(consent.address):
        raise Forbidden("the account that consented is not the account that is being connected")
    own_addresses = frozenset(canonical(address) for address in (consent.address, *aliases))
    earlier = await parts.store.mailbox(consent.org, consent.user)
    labels = await ensure_labels(gmail, earlier.labels if earlier else {}, list(Category))
    await parts.vault.keep(replace(consent, own_addresses=own_addresses))
    mailbox = Mailbox(
        consent.org, consent.user, canonical(consent.address), Cursor(profile.history_id), RunCounts(parts.now()), labels=labels
    )
    await parts.store.connect(mailbox)
    return mailbox
