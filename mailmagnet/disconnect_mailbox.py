"""The use case "disconnect mailbox": a user leaves. Nothing of the mailbox stays here, and its connections end at Google and the CRM.

    marked as leaving -> records deleted -> CRM signed out -> connection forgotten -> mailbox deleted -> token revoked

Whatever fails, what came before it is done, and the tick does the rest: of mailboxes that are marked, and of tokens that wait in the
vault. Each step may be done twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.end_sign_in import end_account, end_at_the_crm
from mailmagnet.errors import MAILMAGNET, NotAuthorised, NotFound, Unavailable, Upstream
from mailmagnet.parts import Parts
from mailmagnet.store import Mailbox, Policy, Presence
from mailmagnet.vault import Connection, Leaving

Each = TypeVar("Each")

AT_ONCE = 5
"""Mailboxes, or tokens, that are done with side by side."""

MOST_A_TICK = 10
"""How many of an org's leaving mailboxes one tick finishes: as many as its caller waits for, also when everything is slow."""

CRM_MAY_HOLD_UP_FOR = timedelta(days=1)
"""A CRM that does not take a sign-out for so long is passed over: what is kept of the sign-in here goes away all the same."""


async def disconnect_mailbox(org: str, user: str, parts: Parts) -> int:
    """Leave: the number of mail records deleted. Also for a user who has signed in to the CRM alone.

    Labels and mail in Gmail stay as they are, and so does the CRM's. Raises NotFound when there is nothing of this user here, and what
    the store, the vault, the CRM and Google raise.
    """
    mailbox = await parts.store.mailbox(org, user)
    # With a mailbox nothing is asked of the vault before that is marked and its records are gone: it may be down.
    is_here = mailbox is not None or await parts.vault.connection(org, user) is not None
    deleted = await _leave_here(org, user, parts) if is_here else 0
    tokens = [token for token in await parts.vault.leaving() if (token.org, token.user) == (org, user)]
    if not (is_here or tokens):
        raise NotFound(MAILMAGNET, "this mailbox is not connected")
    for token in tokens:
        await _revoke(token, parts)
    return deleted


async def see_off(org: str, user: str, parts: Parts) -> None:
    """Before anything is kept of whoever comes back while leaving: the leaving is finished, and they begin anew.

    Google is not told: a new consent stands for the old one too, and would end with it. Raises as `disconnect_mailbox`.
    """
    mailbox = await parts.store.mailbox(org, user)
    if mailbox and mailbox.presence.leaving_since:
        await _leave_here(org, user, parts)


async def _leave_here(org: str, user: str, parts: Parts) -> int:
    """All of the leaving but Google's revoking; the number of records deleted."""
    since = await _mark(org, user, parts)
    count = (await parts.store.count_mails(org, user))[0] if since else 0
    await parts.store.switch_off(org, user)
    connection = await parts.vault.connection(org, user)
    if connection and connection.crm:
        await _sign_out(connection, connection.crm, since, parts)
    if since and not await _is_leaving(org, user, parts):
        return count
    if await _is_last(org, user, parts):
        await end_account(org, parts, passed_over=_is_passed_over(since, parts))
    await parts.vault.forget(org, user)
    if org == user:
        await _forget_org_of_one(org, parts)
    await parts.store.delete_mailbox(org, user)
    return count


async def _forget_org_of_one(org: str, parts: Parts) -> None:
    """A consumer account is an organisation of its own: its policy and its used names are its user's, and bear that user's id."""
    await parts.store.set_policy(org, Policy())
    await parts.store.forget_used(org)


async def _mark(org: str, user: str, parts: Parts) -> datetime | None:
    """First of all: from then on the job does nothing, and a crash is seen. Since when; None when there is nothing of this user.

    By mailboxes the ticks find who is leaving. So whoever has signed in to the CRM alone gets one, for as long as the leaving takes.
    """

    def leaving(presence: Presence) -> Presence:
        return replace(presence, leaving_since=presence.leaving_since or parts.now())

    try:
        return (await parts.store.change_presence(org, user, leaving)).leaving_since
    except NotFound:
        connection = await parts.vault.connection(org, user)
    if not connection:
        return None
    await parts.store.connect(org, user, connection.address, parts.now())
    return (await parts.store.change_presence(org, user, leaving)).leaving_since


async def _is_leaving(org: str, user: str, parts: Parts) -> bool:
    """Whether it still is: while the CRM was asked, somebody else may have done the rest, and the user may have come back."""
    mailbox = await parts.store.mailbox(org, user)
    return mailbox is not None and mailbox.presence.leaving_since is not None


async def _sign_out(connection: Connection, tokens: CrmTokens, since: datetime | None, parts: Parts) -> None:
    """First there, then here. A sign-in that the CRM knows no more is over."""
    try:
        await end_at_the_crm(tokens, parts)
    except Upstream as problem:
        if not (_is_passed_over(since, parts) or isinstance(problem, NotAuthorised | NotFound)):
            raise
    await parts.vault.sign_out(connection.org, connection.user)


def _is_passed_over(since: datetime | None, parts: Parts) -> bool:
    """Whether a CRM has held up a leaving for long enough."""
    return since is not None and parts.now() - since >= CRM_MAY_HOLD_UP_FOR


async def _is_last(org: str, user: str, parts: Parts) -> bool:
    """Whether nobody else of the organisation is here: then the link of its CRM's account ends too."""
    return not [mailbox for mailbox in await parts.store.mailboxes_by_user(org, "", 2) if mailbox.user != user]


async def finish_leaving(org: str, parts: Parts) -> Sequence[Upstream]:
    """Do the rest for those of an org who have begun to leave; what became of those for whom it failed again.

    MOST_A_TICK at most, others first at each minute: nobody who fails holds up the others. Raises what the store raises.
    """
    leaving = await parts.store.leaving_mailboxes(org)
    first = parts.now().minute * MOST_A_TICK % max(len(leaving), 1)
    in_turn = [*leaving[first:], *leaving[:first]]
    return await problems_with_each(lambda mailbox: _rest(mailbox, parts), in_turn[:MOST_A_TICK])


async def _rest(mailbox: Mailbox, parts: Parts) -> None:
    with suppress(NotFound):  # somebody else has done it meanwhile
        await disconnect_mailbox(mailbox.org, mailbox.user, parts)


async def revoke_forgotten(parts: Parts) -> Sequence[Upstream]:
    """Revoke the tokens of all who left while Google could not be told; what became of those that it could not be told of again.

    One that fails does not hold up the others. Raises what the vault raises.
    """
    return await problems_with_each(lambda token: _revoke(token, parts), await parts.vault.leaving())


async def _revoke(token: Leaving, parts: Parts) -> None:
    """First there, then here: a token is never dropped while it is good."""
    await parts.revoke(token.gmail_token)
    await parts.vault.revoked(token)


async def problems_with_each(work: Callable[[Each], Awaitable[None]], all_of_them: Sequence[Each]) -> Sequence[Upstream]:
    """The work done with each, some side by side; what failed of it: none holds up the others."""
    places = asyncio.Semaphore(AT_ONCE)

    async def problem_with(one: Each) -> Upstream | None:
        async with places:
            try:
                await work(one)
            except Upstream as problem:
                return problem
            except Exception as error:  # what nobody foresaw in one must not hold up the others either
                return Unavailable(MAILMAGNET, type(error).__name__)
        return None

    return [problem for problem in await asyncio.gather(*map(problem_with, all_of_them)) if problem]
