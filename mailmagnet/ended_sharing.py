"""Sharing ends with its record: contacts merged or gone in the CRM are shared no longer, and counted until their owner has seen it."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace

from mailmagnet.caller import Caller, crm_of
from mailmagnet.crm import Crm, service_of
from mailmagnet.deadline import in_time
from mailmagnet.errors import MAILMAGNET, NotFound, Upstream
from mailmagnet.parts import Parts
from mailmagnet.record_people import record_of_choice, record_people
from mailmagnet.store import Choices

MOST_LOOKED_UP = 30
"""Contacts whose names are asked for at once: as many as anybody reads down."""


async def end_sharing_of_the_gone(caller: Caller, parts: Parts) -> None:
    """Look whether the contacts that a user shares are still in the CRM, others of many each day.

    Without effect where the CRM does not answer. Raises what the store and the vault raise.
    """
    identity = caller.identity
    mailbox = await in_time(MAILMAGNET, caller.by, parts.store.mailbox(identity.org, identity.user))
    shared = sorted(mailbox.choices.shared_contacts) if mailbox else []
    if not shared:
        return
    first = caller.now.toordinal() * MOST_LOOKED_UP % len(shared)
    names = await names_of([*shared[first:], *shared[:first]][:MOST_LOOKED_UP], await crm_of(caller, parts), caller)
    gone = {choice for choice, name in names.items() if name is None}
    if gone:
        change = parts.store.change_choices(identity.org, identity.user, lambda now: without(now, gone))
        await in_time(MAILMAGNET, caller.by, change)


def without(choices: Choices, gone: Collection[str]) -> Choices:
    """The choices without contacts that are gone; those that were shared are counted."""
    return replace(
        choices,
        shared_contacts=choices.shared_contacts.difference(gone),
        contacts_kept_back=choices.contacts_kept_back.difference(gone),
        sharing_ended=choices.sharing_ended + len(choices.shared_contacts.intersection(gone)),
    )


async def names_of(choices: Collection[str], crm: Crm, caller: Caller) -> Mapping[str, str | None]:
    """Their names, "" where the CRM did not answer, None for what is merged or gone."""

    async def name(choice: str) -> str | None:
        try:
            people = await in_time(service_of(crm), caller.by, record_people(record_of_choice(choice), crm))
        except NotFound:
            return None
        except Upstream:
            return ""  # it is no reason to end anything
        return people.name if any(person.choice == choice for person in people.people) else None

    names = await asyncio.gather(*map(name, choices))
    return dict(zip(choices, names, strict=True))
