"""The use case "connect mailbox": a user's consent in, a mailbox that the job sorts from now on."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from mailmagnet.addresses import canonical
from mailmagnet.categories import Category
from mailmagnet.errors import Forbidden
from mailmagnet.gmail import Gmail
from mailmagnet.label_mail import ensure_labels
from mailmagnet.store import Cursor, Mailbox, RunCounts, Store
from mailmagnet.vault import Connection, Vault


async def connect_mailbox(
    consent: Connection, *, store: Store, vault: Vault, gmail_of: Callable[[Connection], Gmail], now: datetime
) -> Mailbox:
    """Keep the connection and the mailbox, and make the three labels. Mail that is there already stays where it is.

    `consent` is the new connection, with its token; its own addresses are read from Gmail. Connecting again renews the
    consent and keeps the cursor. Raises Forbidden when the token is another account's, and what Gmail,
    the store and the vault raise.
    """
    gmail = gmail_of(consent)
    profile, aliases = await asyncio.gather(gmail.profile(), gmail.own_addresses())
    if canonical(profile.address) != canonical(consent.address):
        raise Forbidden("the account that consented is not the account that is being connected")
    own_addresses = frozenset(canonical(address) for address in (consent.address, *aliases))
    earlier = await store.mailbox(consent.org, consent.user)
    labels = await ensure_labels(gmail, earlier.labels if earlier else {}, list(Category))
    await vault.keep(replace(consent, own_addresses=own_addresses))
    mailbox = Mailbox(
        consent.org, consent.user, canonical(consent.address), Cursor(profile.history_id), RunCounts(now), labels=labels
    )
    await store.connect(mailbox)
    return mailbox
