"""The use case "disconnect mailbox": a user leaves. Nothing of the mailbox stays here, and its consent ends at Google."""

import asyncio
from collections.abc import Sequence

from mailmagnet.errors import MAILMAGNET, NotFound, Upstream
from mailmagnet.parts import Parts
from mailmagnet.vault import Leaving

AT_ONCE = 5
"""Tokens that are revoked side by side."""


async def disconnect_mailbox(org: str, user: str, parts: Parts) -> int:
    """End the connection, delete the mailbox with its mail records, and revoke the token at Google; the number of records deleted.

    Labels and mail in Gmail stay as they are. Raises NotFound when there is nothing of this mailbox here, and what the vault, the
    store and Google raise. Whatever fails, what came before it is done: the token is used no more and waits in the vault until
    Google has revoked it, be it by calling this again or by `revoke_forgotten`.
    """
    mailbox = await parts.store.mailbox(org, user)
    connected = await parts.vault.forget(org, user)
    deleted = await parts.store.delete_mailbox(org, user)
    tokens = [token for token in await parts.vault.leaving() if (token.org, token.user) == (org, user)]
    if not (mailbox or connected or tokens):
        raise NotFound(MAILMAGNET, "this mailbox is not connected")
    for token in tokens:
        await _revoke(token, parts)
    return deleted


async def revoke_forgotten(parts: Parts) -> Sequence[Upstream]:
    """Revoke the tokens of all who left while Google could not be told; what became of those that it could not be told of again.

    One that fails does not hold up the others. Raises what the vault raises.
    """
    places = asyncio.Semaphore(AT_ONCE)

    async def problem_with(token: Leaving) -> Upstream | None:
        async with places:
            try:
                await _revoke(token, parts)
            except Upstream as problem:
                return problem
        return None

    problems = await asyncio.gather(*map(problem_with, await parts.vault.leaving()))
    return [problem for problem in problems if problem]


async def _revoke(token: Leaving, parts: Parts) -> None:
    """First there, then here: a token is never dropped while it is good."""
    await parts.revoke(token.gmail_token)
    await parts.vault.revoked(token)
