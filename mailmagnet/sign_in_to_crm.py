"""The use cases "sign in to the CRM", by what was typed or by what the browser brought back; and "sign out", its end."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from mailmagnet.crm_choice import CrmChoice
from mailmagnet.crm_sign_in import CrmTokens, TypedSignIn
from mailmagnet.disconnect_mailbox import see_off
from mailmagnet.errors import BadRequest, NotFound
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
    return await _kept(connection, replace(tokens, crm=crm), parts)


async def _kept(connection: Connection, tokens: CrmTokens, parts: Parts) -> Connection:
    signed_in = replace(connection, crm=tokens)
    await parts.vault.sign_in(signed_in)
    await tell_crm_user(connection.org, connection.user, tokens.account, parts)
    return signed_in


async def sign_out_of_crm(org: str, user: str, parts: Parts) -> None:
    """End the user's sign-in, first at the CRM, then here: whatever fails, calling this again does the rest.

    Without effect when there is none. Raises what the CRM and the vault raise.
    """
    connection = await parts.vault.connection(org, user)
    if connection and connection.crm:
        await parts.crm_sign_in_of(connection.crm.crm).sign_out(connection.crm)
        await parts.vault.sign_out(org, user)
    await tell_crm_user(org, user, "", parts)


async def tell_crm_user(org: str, user: str, crm_user: str, parts: Parts) -> None:
    """Keep with the mailbox, where there is one, who its user is in the CRM; "" for nobody. Raises what the store raises."""
    with suppress(NotFound):
        await parts.store.change_presence(org, user, lambda presence: replace(presence, crm_user=crm_user))
