"""The use case "a customer's address": what is kept of mail from one address in the whole organisation, and its removal.

The From address is one of the three facts, and its owner may ask for it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from mailmagnet.addresses import canonical, is_address
from mailmagnet.caller import Caller
from mailmagnet.deadline import in_time
from mailmagnet.errors import MAILMAGNET, BadRequest, Upstream
from mailmagnet.parts import Parts
from mailmagnet.permission import check_admin
from mailmagnet.store import MailRecord, Policy, Store

MOST_TOLD = 5_000
"""Mail records that are told of one address."""


@dataclass(frozen=True, slots=True)
class KeptOfAddress:
    """What is kept of one address: mail records with the users who received the mail, the newest first, and whether the policy names it.

    `more` where there are more records than are told. Deals, names and the like are the CRM's: nothing of them is kept.
    """

    address: str
    mails: Sequence[tuple[str, MailRecord]] = ()
    excluded: bool = False
    more: bool = False

    @property
    def by_user(self) -> Mapping[str, int]:
        """How many records each user's mailbox has, by the user's id."""
        return Counter(user for user, _ in self.mails)

    @property
    def oldest(self) -> datetime | None:
        return self.mails[-1][1].received_at if self.mails else None

    @property
    def newest(self) -> datetime | None:
        return self.mails[0][1].received_at if self.mails else None


@dataclass(frozen=True, slots=True)
class AddressAnswer:
    """What an admin is told: nothing yet, what is `kept` of an address, or how many records were `removed`. `addresses` are those of the
    users named in it; `typed` is what was typed, and `fault` says what is wrong with it, in words to show."""

    typed: str = ""
    fault: str = ""
    kept: KeptOfAddress | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
    removed: int | None = None
    problems: ClassVar[tuple[Upstream, ...]] = ()


def typed_address(typed: str) -> str:
    """The address in its one spelling, as records have it. Raises BadRequest, in words to show."""
    address = canonical(typed)
    if not is_address(address):
        raise BadRequest("type one mail address, as anna@customer.example")
    return address


async def kept_of_address(org: str, address: str, store: Store) -> KeptOfAddress:
    """What is kept of it. Raises what the store raises."""
    mails = await store.mails_from(org, address, MOST_TOLD + 1)
    policy: Policy = await store.policy(org)
    return KeptOfAddress(address, mails[:MOST_TOLD], address in policy.excluded, len(mails) > MOST_TOLD)


async def remove_address(org: str, address: str, store: Store) -> int:
    """Take the address out of all records of it; their number. Whatever fails, what is done is done, and again does the rest.

    Mail id and time stay until they are too old, so that no run moves the mail once more; they lead to the address only in the user's own
    Gmail. What the policy excludes stays: without it the address could be shared. While the CRM has the address among its contacts, new
    mail from it is recorded anew. Raises what the store raises.
    """
    return await store.forget_address(org, address)


async def see_address(typed: str, caller: Caller, parts: Parts) -> AddressAnswer:
    """What is kept of an address that an admin types, "" for none yet. Raises Forbidden unless the caller is an admin now, TimedOut, and
    what the CRM, the store and the vault raise."""
    await check_admin(caller, parts)
    if not typed.strip():
        return AddressAnswer()
    try:
        address = typed_address(typed)
    except BadRequest as fault:
        return AddressAnswer(typed, str(fault))
    org, store = caller.identity.org, parts.store
    kept = await in_time(MAILMAGNET, caller.by, kept_of_address(org, address, store))
    addresses = {}
    for user in kept.by_user:
        mailbox = await in_time(MAILMAGNET, caller.by, store.mailbox(org, user))
        addresses[user] = mailbox.address if mailbox else ""
    return AddressAnswer(typed, kept=kept, addresses=addresses)


async def remove_address_of(typed: str, caller: Caller, parts: Parts) -> AddressAnswer:
    """Take an address out of all that is kept. Raises as `see_address` does; pressed again it goes on where it was."""
    await check_admin(caller, parts)
    try:
        address = typed_address(typed)
    except BadRequest as fault:
        return AddressAnswer(typed, str(fault))
    removed = await in_time(MAILMAGNET, caller.by, remove_address(caller.identity.org, address, parts.store))
    return AddressAnswer(typed, removed=removed)
