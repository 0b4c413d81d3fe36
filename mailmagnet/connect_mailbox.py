"""The use case "connect mailbox": a user's consent in, a connection kept. Nothing is sorted before its user switches it on."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial

from mailmagnet.addresses import canonical
from mailmagnet.choose_crm import chosen_crm
from mailmagnet.consent import Consented, Grant, allows
from mailmagnet.disconnect_mailbox import see_off
from mailmagnet.end_sign_in import tell_crm_user
from mailmagnet.errors import AnotherAccount, NotKept, Upstream
from mailmagnet.identity import identity_in
from mailmagnet.parking import opened
from mailmagnet.parts import Parts
from mailmagnet.vault import Connection, Leaving

SHOW_ALIASES = (Grant.READ, Grant.SORT)
"""The grants with which Gmail tells the addresses that a user may write from."""


async def connect_by_consent(
    org: str, user: str, wanted: Collection[Grant], code: str, verifier: str, parts: Parts
) -> frozenset[Grant]:
    """Keep what a user has just consented to at Google, with the code that came back from there; what is missing of what was wanted
    and of what was granted before.

    What was granted is kept, also when it is less than that: the new token is good for nothing else. Where nothing of Gmail was
    granted, nothing is kept, and an earlier connection stays as it is. Raises AnotherAccount when the account that
    consented is not the user's own, NotKept when the vault failed after Google's answer, and what the vault,
    `Consent.consented`, the store and Gmail raise: connecting again makes good whatever failed.
    """
    await see_off(org, user, parts)
    # Asked before the code is spent: while the vault is down nothing is begun.
    earlier = await parts.vault.connection(org, user)
    consented = await parts.consent.consented(code, verifier)
    if consented.user != user:
        await _let_go(org, consented, parts)
        raise AnotherAccount("the account that consented is not the user's own")
    if not consented.grants:
        await _let_go(org, consented, parts)
        return frozenset(wanted)
    connection = _connection(org, consented, earlier)
    try:
        await parts.vault.keep(connection)
    except Upstream as problem:
        raise NotKept(problem.who, ended=await _ended(org, consented, earlier, parts)) from problem
    await _begin(connection, parts)
    before = earlier.grants if earlier else frozenset()
    return frozenset(grant for grant in before.union(wanted) if not allows(consented.grants, grant))


async def connect_mailbox(connection: Connection, parts: Parts) -> None:
    """Keep a connection that an operator has at hand, with its token and its grants, and the mailbox.

    Its own addresses are read from Gmail. Connecting again renews the consent and leaves the switches, and all that was reached, as
    they are. Raises AnotherAccount when the token is another account's, and what Gmail, the store and the vault raise.
    """
    profile = await parts.gmail_of(connection).profile()
    if canonical(profile.address) != canonical(connection.address):
        raise AnotherAccount("the account that consented is not the account that is being connected")
    connection = replace(connection, own_addresses=frozenset({canonical(connection.address)}))
    await see_off(connection.org, connection.user, parts)
    await parts.vault.keep(connection)
    await _begin(connection, parts)


def _connection(org: str, consented: Consented, earlier: Connection | None) -> Connection:
    """With the addresses and domains that are known already."""
    identity = identity_in(org, consented.user, canonical(consented.address))
    own_domains = frozenset({identity.domain} if identity.domain else ())
    return Connection(
        org,
        consented.user,
        identity.address,
        own_addresses=frozenset({identity.address}) | (earlier.own_addresses if earlier else frozenset()),
        own_domains=own_domains | (earlier.own_domains if earlier else frozenset()),
        gmail_token=consented.gmail_token,
        grants=consented.grants,
    )


async def _begin(connection: Connection, parts: Parts) -> None:
    """What follows once the token is kept: the mailbox, and the addresses that Gmail knows."""
    await parts.store.connect(connection.org, connection.user, canonical(connection.address), parts.now())
    await parts.store.change_presence(connection.org, connection.user, partial(opened, now=parts.now()))
    await _tell_crm_user(connection, parts)
    if any(grant in connection.grants for grant in SHOW_ALIASES):
        aliases = await parts.gmail_of(connection).own_addresses()
        own_addresses = frozenset(canonical(address) for address in (connection.address, *aliases))
        await parts.vault.keep(replace(connection, own_addresses=own_addresses))


async def _tell_crm_user(connection: Connection, parts: Parts) -> None:
    """Who signed in to the CRM before there was a mailbox is known to it from now on. In another CRM than the organisation's the same id
    is somebody else."""
    kept = await parts.vault.connection(connection.org, connection.user)
    if kept and kept.crm and kept.crm.crm == await chosen_crm(connection.org, parts):
        await tell_crm_user(connection.org, connection.user, kept.crm.account, parts)


async def _let_go(org: str, consented: Consented, parts: Parts) -> None:
    """A consent that is of no use here is ended at Google, unless its account is connected here itself. Raises NotKept."""
    token = Leaving(org, consented.user, consented.gmail_token)
    try:
        if not await parts.vault.refuse(token, canonical(consented.address)):
            return
    except Upstream as problem:
        raise NotKept(problem.who, ended=False) from problem
    try:
        await parts.revoke(token.gmail_token)
        await parts.vault.revoked(token)
    except Upstream:
        return  # it waits in the vault, and every tick tries it again


async def _ended(org: str, consented: Consented, earlier: Connection | None, parts: Parts) -> bool:
    """End a consent that the vault could not keep. A connection of this account stands for it too, an earlier one here or one in another
    organisation: it ends when that is ended."""
    if earlier and earlier.gmail_token:
        return True
    try:
        if await _is_connected_elsewhere(org, consented.user, parts):
            return True
        await parts.revoke(consented.gmail_token)
    except Upstream:
        return False
    return True


async def _is_connected_elsewhere(org: str, user: str, parts: Parts) -> bool:
    for other in await parts.store.orgs():
        connection = await parts.vault.connection(other, user) if other != org else None
        if connection and connection.gmail_token:
            return True
    return False
