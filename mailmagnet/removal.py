"""The use cases "removal": an admin removes a user who is gone, or the whole organisation.

An organisation's is marked first (`Policy.leaving_since`), with Pause, so that nothing begins any more. Then its users leave, each as one
leaves by themselves; then the policy goes, and with it the mark. Whatever fails, the ticks do the rest.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

from mailmagnet.caller import Caller
from mailmagnet.deadline import in_time
from mailmagnet.disconnect_mailbox import disconnect_mailbox, problems_with_each
from mailmagnet.end_sign_in import end_account
from mailmagnet.errors import MAILMAGNET, NotFound, Upstream
from mailmagnet.parts import Parts
from mailmagnet.permission import check_admin
from mailmagnet.store import Mailbox, Policy, every_mailbox

MOST_AT_ONE_TIME = 50
"""Users that leave in one tick, or at one press."""


@dataclass(frozen=True, slots=True)
class UserRemoval:
    """A user of the organisation, before they are removed, or `gone`. `problem` is why something is left to do: the next ticks do it."""

    address: str
    user: str
    gone: bool = False
    problem: Upstream | None = None

    @property
    def problems(self) -> tuple[Upstream, ...]:
        return (self.problem,) if self.problem else ()


@dataclass(frozen=True, slots=True)
class OrganisationRemoval:
    """The organisation, and how many of its users are here. `wrong_name` where another name was typed, `begun` once it is leaving."""

    org: str
    users: int = 0
    wrong_name: bool = False
    begun: bool = False
    problems: ClassVar[tuple[Upstream, ...]] = ()


async def remove_organisation(org: str, parts: Parts) -> int:
    """Begin, or go on with, the removal of all that is kept of an organisation: how many users are left. Raises what the store and the
    vault raise.

    Of what cannot be told to Google or the CRM now the ticks go on telling.
    """
    await _mark(org, parts)
    await _go_on(org, parts)
    return len(await users_of(org, parts))


async def _go_on(org: str, parts: Parts) -> Sequence[Upstream]:
    """Its users leave, MOST_AT_ONE_TIME, others first at each minute; once nobody is left, what was kept of all. What failed."""
    users, unknown = await _users_that_are_known(org, parts)
    first = parts.now().minute * MOST_AT_ONE_TIME % max(len(users), 1)
    in_turn = [*users[first:], *users[:first]]
    problems = [*unknown, *await problems_with_each(lambda user: _leave(org, user, parts), in_turn[:MOST_AT_ONE_TIME])]
    if not problems and not await users_of(org, parts):
        await end_account(org, parts)  # of an organisation without users; else it went with the last of them
        await parts.store.forget_used(org)
        await parts.store.set_policy(org, Policy())
    return problems


async def _leave(org: str, user: str, parts: Parts) -> None:
    with suppress(NotFound):  # somebody else has done it
        await disconnect_mailbox(org, user, parts)


async def _users_that_are_known(org: str, parts: Parts) -> tuple[Sequence[str], Sequence[Upstream]]:
    """Also while the vault cannot tell its own: whoever has a mailbox loses the mail records all the same."""
    try:
        return await users_of(org, parts), ()
    except Upstream as problem:
        return await _users_with_a_mailbox(org, parts), [problem]


async def _mark(org: str, parts: Parts) -> None:
    now = parts.now()

    def leaving(before: Policy) -> Policy:
        return replace(before, leaving_since=before.leaving_since or now, paused_since=before.paused_since or now)

    await parts.store.change_policy(org, leaving)


async def finish_removal(org: str, parts: Parts) -> Sequence[Upstream]:
    """Go on with the removal of an organisation that is leaving, for a tick; what failed. Raises what the store and the vault raise."""
    return await _go_on(org, parts) if (await parts.store.policy(org)).leaving_since else ()


async def users_of(org: str, parts: Parts) -> Sequence[str]:
    """Everybody of whom anything is kept: who has signed in to the CRM alone has no mailbox."""
    return sorted({*await parts.vault.users(org), *await _users_with_a_mailbox(org, parts)})


async def _users_with_a_mailbox(org: str, parts: Parts) -> Sequence[str]:
    return [mailbox.user async for mailbox in every_mailbox(org, parts.store)]


async def see_user(user: str, caller: Caller, parts: Parts) -> UserRemoval:
    """A user of the caller's organisation. Raises Forbidden unless the caller is an admin now, NotFound, TimedOut, and what the CRM, the
    store and the vault raise."""
    await check_admin(caller, parts)
    mailbox = await _mailbox(user, caller, parts)
    return UserRemoval(mailbox.address, user)


async def remove_user(user: str, caller: Caller, parts: Parts) -> UserRemoval:
    """Remove a user of the caller's organisation, as if they left. Raises as `see_user` does; without effect for whoever has gone."""
    await check_admin(caller, parts)
    try:
        mailbox = await _mailbox(user, caller, parts)
        await in_time(MAILMAGNET, caller.by, disconnect_mailbox(caller.identity.org, user, parts))
    except NotFound:
        return UserRemoval("", user, gone=True)
    except Upstream as problem:
        marked = await _mailbox(user, caller, parts)
        if not marked.presence.leaving_since:
            raise
        return UserRemoval(marked.address, user, gone=True, problem=problem)
    return UserRemoval(mailbox.address, user, gone=True)


async def _mailbox(user: str, caller: Caller, parts: Parts) -> Mailbox:
    mailbox = await in_time(MAILMAGNET, caller.by, parts.store.mailbox(caller.identity.org, user))
    if not mailbox:
        raise NotFound(MAILMAGNET, "this user is not here")
    return mailbox


async def see_organisation(caller: Caller, parts: Parts) -> OrganisationRemoval:
    """Raises Forbidden unless the caller is an admin now, TimedOut, and what the CRM, the store and the vault raise."""
    await check_admin(caller, parts)
    users = await in_time(MAILMAGNET, caller.by, users_of(caller.identity.org, parts))
    return OrganisationRemoval(caller.identity.org, len(users))


async def remove_organisation_of(typed: str, caller: Caller, parts: Parts) -> OrganisationRemoval:
    """Remove the caller's organisation, whose name was typed to confirm it. Raises as `see_organisation` does.

    It is marked within the answer; the ticks do the rest.
    """
    await check_admin(caller, parts)
    org = caller.identity.org
    if typed.strip().lower() != org.lower():
        users = await in_time(MAILMAGNET, caller.by, users_of(org, parts))
        return OrganisationRemoval(org, len(users), wrong_name=True)
    await in_time(MAILMAGNET, caller.by, _mark(org, parts))
    return OrganisationRemoval(org, begun=True)
