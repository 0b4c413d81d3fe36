"""The use cases "sign in to the CRM", by what was typed or by what the browser brought back; and "sign out", its end."""

from collections.abc import Mapping
from dataclasses import replace

from mailmagnet.caller import connected_or_not
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import NO_END, AccountSignIn, BrowserSignIn, CrmSignIn, CrmTokens, TypedSignIn
from mailmagnet.disconnect_mailbox import see_off
from mailmagnet.end_sign_in import end_account_of_another_crm, end_at_the_crm, tell_crm_user
from mailmagnet.errors import AnotherCompany, BadRequest, NotKept, Service, Side, Upstream
from mailmagnet.identity import Identity
from mailmagnet.parts import Parts
from mailmagnet.permission import is_named_admin
from mailmagnet.vault import CRM_ACCOUNT, Connection


async def sign_in_to_crm(connection: Connection, crm: CrmChoice, typed: Mapping[str, str], parts: Parts) -> Connection:
    """Sign the connection's user in to one CRM with what was typed into the fields of its sign-in; the connection with the sign-in.

    Signing in anew takes the earlier sign-in's place. A connection to Gmail stays as it is. Raises BadRequest where nothing is typed to
    sign in to this CRM, NotAuthorised for a wrong name or password, RateLimited after too many tries, and what the CRM and the vault raise.
    """
    sign_in = parts.crm_sign_in_of(crm)
    if not isinstance(sign_in, TypedSignIn):
        raise BadRequest("nobody signs in to this CRM by typing")
    await see_off(connection.org, connection.user, parts)
    tokens = await sign_in.sign_in(connection.org, connection.user, typed)
    signed_in = replace(connection, crm=replace(tokens, crm=crm))
    await parts.vault.sign_in(signed_in)
    await tell_crm_user(connection.org, connection.user, tokens.account, parts)
    return signed_in


async def sign_in_by_browser(
    identity: Identity, crm: CrmChoice, answer: Mapping[str, str], verifier: str, parts: Parts
) -> Connection:
    """Sign a user in to one CRM with what it has sent back with the browser; the connection with the sign-in.

    The first of the deployment's admins to do so shows which company's account in the CRM is the organisation's, and only to that one
    others sign in: in one of their own they would be administrators, and its records would have the ids of the organisation's.

    Otherwise as `sign_in_to_crm`. Raises AnotherCompany, NotKept when the vault failed after the CRM's answer: then the sign-in
    is ended there, unless an earlier one of the same CRM user stands for it; NotAuthorised when the answer is spent or another's.
    """
    sign_in = parts.crm_sign_in_of(crm)
    if not isinstance(sign_in, BrowserSignIn) or isinstance(sign_in, AccountSignIn):
        raise BadRequest("no browser signs a user in to this CRM")
    await see_off(identity.org, identity.user, parts)
    connection = await connected_or_not(identity, parts)
    tokens = replace(await sign_in.signed_in(answer, verifier), crm=crm)
    signed_in = replace(connection, crm=tokens)
    try:
        await _check_company(identity, tokens, parts)
        await parts.vault.sign_in(signed_in)
    except AnotherCompany:
        await ended_unkept(tokens, None, sign_in)
        raise
    except Upstream as problem:
        raise NotKept(problem.who, ended=await ended_unkept(tokens, connection.crm, sign_in)) from problem
    await tell_crm_user(connection.org, connection.user, tokens.account, parts)
    return signed_in


async def _check_company(identity: Identity, tokens: CrmTokens, parts: Parts) -> None:
    """Raises AnotherCompany, and what the vault raises. A consumer account is an organisation of its own: its company is its user's."""
    kept = await parts.vault.connection(identity.org, CRM_ACCOUNT)
    known = kept.crm if kept and kept.crm and kept.crm.crm == tokens.crm else None
    if known and known.account == tokens.company:
        return
    service = Service(Side.CRM, parts.crm_sign_in_of(tokens.crm).name)
    may_show = identity.org == identity.user or (not known and is_named_admin(identity, parts))
    if not tokens.company or not may_show:
        raise AnotherCompany(service, none_yet=known is None)
    await end_account_of_another_crm(identity.org, parts)  # its token is still to be ended there, and would be lost
    name = tokens.origin.partition("://")[2] or tokens.company
    company = CrmTokens(tokens.company, name, "", "", NO_END, tokens.crm, tokens.origin)
    await parts.vault.sign_in(Connection(identity.org, CRM_ACCOUNT, "", crm=company))


async def ended_unkept(tokens: CrmTokens, earlier: CrmTokens | None, sign_in: CrmSignIn) -> bool:
    """End what could not be kept; whether nothing of it stands for nobody. An earlier sign-in of the same CRM user stands for it too: some
    CRMs would end both."""
    if earlier and (earlier.crm, earlier.account) == (tokens.crm, tokens.account):
        return True
    try:
        await sign_in.sign_out(tokens)
    except Upstream:
        return False
    return True


async def sign_out_of_crm(org: str, user: str, parts: Parts) -> None:
    """End the user's sign-in, first at the CRM, then here: whatever fails, calling this again does the rest.

    Without effect when there is none. Raises what the CRM and the vault raise.
    """
    connection = await parts.vault.connection(org, user)
    if connection and connection.crm:
        await end_at_the_crm(connection.crm, parts)
        await parts.vault.sign_out(org, user)
    await tell_crm_user(org, user, "", parts)
