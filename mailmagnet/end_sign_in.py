"""How sign-ins to the CRM end: one user's, the link of a whole account, and everybody's who was let in through it."""

from contextlib import suppress
from dataclasses import replace

from mailmagnet.crm_sign_in import CrmTokens
from mailmagnet.errors import NotAuthorised, NotFound, Upstream
from mailmagnet.parts import Parts
from mailmagnet.store import every_mailbox
from mailmagnet.vault import CRM_ACCOUNT


async def end_at_the_crm(tokens: CrmTokens, parts: Parts) -> None:
    """End a sign-in there. Who was let in through the account has none: the account's link is everybody's. Raises what the CRM raises."""
    if not tokens.through_account:
        await parts.crm_sign_in_of(tokens.crm).sign_out(tokens)


async def tell_crm_user(org: str, user: str, crm_user: str, parts: Parts) -> None:
    """Keep with the mailbox, where there is one, who its user is in the CRM; "" for nobody. Raises what the store raises."""
    with suppress(NotFound):
        await parts.store.change_presence(org, user, lambda presence: replace(presence, crm_user=crm_user))


async def end_account(org: str, parts: Parts, *, passed_over: bool = False) -> None:
    """End the link of an organisation's account, of whatever CRM; without effect where there is none.

    `passed_over`: a CRM that cannot be told now holds up nothing. Raises what the CRM, the store and the vault raise.
    """
    link = await parts.vault.connection(org, CRM_ACCOUNT)
    if not link:
        return
    if link.crm and link.crm.refresh:
        try:
            await parts.crm_sign_in_of(link.crm.crm).sign_out(link.crm)
        except Upstream as problem:
            if not (passed_over or isinstance(problem, NotAuthorised | NotFound)):
                raise
    await let_everybody_out(org, parts)
    await parts.vault.forget(org, CRM_ACCOUNT)


async def end_account_of_another_crm(org: str, parts: Parts) -> None:
    """End the account's link where the organisation has another CRM by now. Until then it is asked for nothing. Raises as `end_account`."""
    link = await parts.vault.connection(org, CRM_ACCOUNT)
    if link and link.crm and link.crm.crm != ((await parts.store.policy(org)).crm or parts.default_crm):
        await end_account(org, parts)


async def let_go_of_company(org: str, parts: Parts) -> None:
    """End everybody's sign-in to the organisation's company in the CRM: with the next one an admin shows which it is. What cannot be ended
    at the CRM now is forgotten here all the same. Raises what the store and the vault raise; calling it again does the rest."""
    async for mailbox in every_mailbox(org, parts.store):
        connection = await parts.vault.connection(org, mailbox.user)
        if connection and connection.crm and connection.crm.company:
            with suppress(Upstream):
                await end_at_the_crm(connection.crm, parts)
            await parts.vault.sign_out(org, mailbox.user)
            await tell_crm_user(org, mailbox.user, "", parts)
    await parts.vault.forget(org, CRM_ACCOUNT)


async def let_everybody_out(org: str, parts: Parts) -> None:
    """Nobody is let in through the account any more. Raises what the store and the vault raise."""
    async for mailbox in every_mailbox(org, parts.store):
        connection = await parts.vault.connection(org, mailbox.user)
        if connection and connection.crm and connection.crm.through_account:
            await parts.vault.sign_out(org, mailbox.user)
            await tell_crm_user(org, mailbox.user, "", parts)
