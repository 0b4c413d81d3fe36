"""The use case "connect the account": a CRM's whole account, which an admin connects once for all.

Its link is one connection of the organisation's in the vault (`CRM_ACCOUNT`). Who of the organisation may use it is in `crm_users.py`.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import AccountSignIn, CrmTokens
from mailmagnet.end_sign_in import let_everybody_out
from mailmagnet.errors import BadRequest, NotFound, NotKept, Upstream
from mailmagnet.identity import Identity
from mailmagnet.parts import Parts
from mailmagnet.sign_in_to_crm import ended_unkept
from mailmagnet.vault import CRM_ACCOUNT, Connection


async def link_of(org: str, crm: CrmChoice, parts: Parts) -> Connection | None:
    """The link of the organisation's account in this CRM, None where there is none. Raises what the vault raises."""
    link = await parts.vault.connection(org, CRM_ACCOUNT)
    return link if link and link.crm and link.crm.crm == crm else None


async def connect_account(
    admin: Identity, crm: CrmChoice, answer: Mapping[str, str], verifier: str, parts: Parts
) -> tuple[CrmTokens, Upstream | None]:
    """Connect the account with what the CRM has sent back with an admin's browser; whoever calls this has made sure that it is an admin's.

    Another account than the one before: nobody sees anything by it before an admin says what, and everybody is let in anew; the link to
    the one before ends there, or what kept it from ending is told beside the new one. Raises NotAuthorised for a spent answer,
    NotPermitted where whoever consented is no administrator in the CRM, NotKept when the vault failed after the CRM's answer, and what
    the CRM, the store and the vault raise.
    """
    sign_in = parts.crm_sign_in_of(crm)
    if not isinstance(sign_in, AccountSignIn):
        raise BadRequest("this CRM has no link of an account")
    org = admin.org
    earlier = await parts.vault.connection(org, CRM_ACCOUNT)
    before = earlier.crm if earlier else None
    link = replace(await sign_in.signed_in(answer, verifier), crm=crm)
    is_another = before is not None and (before.crm, before.account) != (link.crm, link.account)
    try:
        if is_another:
            await parts.vault.let_see(org, None)
        await parts.vault.sign_in(Connection(org, CRM_ACCOUNT, "", crm=link))
    except Upstream as problem:
        raise NotKept(problem.who, ended=await ended_unkept(link, before, sign_in)) from problem
    await keep_mailbox(admin, parts)
    if not is_another or before is None:
        return link, None
    await let_everybody_out(org, parts)
    try:
        await parts.crm_sign_in_of(before.crm).sign_out(before)
    except Upstream as problem:
        return link, problem
    return link, None


async def keep_mailbox(identity: Identity, parts: Parts) -> None:
    """So that an admin finds the user in the list of people; both switches are off. Without effect on one that is there."""
    if await parts.store.mailbox(identity.org, identity.user):
        return
    with suppress(NotFound):
        await parts.store.connect(identity.org, identity.user, identity.address, parts.now())
