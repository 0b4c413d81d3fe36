"""The use cases "sign in to the CRM", by what was typed or by what the browser brought back; and "sign out", its end."""

from collections.abc import Mapping
from dataclasses import replace

from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import AccountSignIn, BrowserSignIn, CrmSignIn, CrmTokens, TypedSignIn
from mailmagnet.disconnect_mailbox import see_off
from mailmagnet.end_sign_in import end_at_the_crm, tell_crm_user
from mailmagnet.errors import BadRequest, NotKept, Upstream
from mailmagnet.parts import Parts
from mailmagnet.vault import Connection


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
    connection: Connection, crm: CrmChoice, answer: Mapping[str, str], verifier: str, parts: Parts
) -> Connection:
    """Sign the connection's user in to one CRM with what it has sent back with the browser; the connection with the sign-in.

    Otherwise as `sign_in_to_crm`. Raises NotKept when the vault failed after the CRM's answer: then the sign-in is ended there, unless
    an earlier one of the same CRM user stands for it; NotAuthorised when the answer is spent or another's.
    """
    sign_in = parts.crm_sign_in_of(crm)
    if not isinstance(sign_in, BrowserSignIn) or isinstance(sign_in, AccountSignIn):
        raise BadRequest("no browser signs a user in to this CRM")
    await see_off(connection.org, connection.user, parts)
    tokens = replace(await sign_in.signed_in(answer, verifier), crm=crm)
    signed_in = replace(connection, crm=tokens)
    try:
        await parts.vault.sign_in(signed_in)
    except Upstream as problem:
        raise NotKept(problem.who, ended=await ended_unkept(tokens, connection.crm, sign_in)) from problem
    await tell_crm_user(connection.org, connection.user, tokens.account, parts)
    return signed_in


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
