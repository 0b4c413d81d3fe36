"""Who may use MailMagnet, who is an admin, and who can give a permission: asked of the CRM each time, and never remembered."""

from collections.abc import Sequence
from contextlib import suppress

from mailmagnet.addresses import domain_of
from mailmagnet.caller import Caller, crm_of
from mailmagnet.crm import MAIL_INTEGRATION, Crm, User, service_of
from mailmagnet.deadline import in_time
from mailmagnet.errors import Forbidden, MailMagnetError, NotAuthorised, NotListed, NotPermitted, Side
from mailmagnet.identity import Identity
from mailmagnet.parts import Parts
from mailmagnet.store import Reason

WANTS_THE_CRM = frozenset({Reason.CRM_PERMISSION, Reason.CRM_LIST, Reason.CRM_SIGN_IN})
"""The troubles that end when the CRM lets its user in again."""


async def check_permitted(crm: Crm) -> User:
    """The CRM's user, who may use MailMagnet now. Raises NotPermitted, NotListed where an admin's list takes the permission's place, and
    what `Crm.me` raises."""
    user = await crm.me()
    if MAIL_INTEGRATION not in user.profile.permissions:
        if not crm.capabilities.permission:
            raise NotListed(service_of(crm), "the user is not on the admin's list")
        raise NotPermitted(service_of(crm), permission=MAIL_INTEGRATION)
    return user


async def is_admin(caller: Caller, crm: Crm, parts: Parts) -> bool:
    """Whether the caller is one of the deployment's admins, or the CRM's administrator; asked anew at each click.

    Raises what `Crm.me` raises, and TimedOut.
    """
    return is_named_admin(caller.identity, parts) or (await in_time(service_of(crm), caller.by, crm.me())).profile.administrator


async def check_admin(caller: Caller, parts: Parts) -> Crm:
    """The CRM as the caller, who is an admin now, sees it. Raises Forbidden, TimedOut, and what the CRM and the vault raise."""
    crm = await crm_of(caller, parts)
    if not await is_admin(caller, crm, parts):
        raise Forbidden("this is an admin's")
    return crm


def is_named_admin(identity: Identity, parts: Parts) -> bool:
    """Whether the deployment names this user as an admin.

    An address proves something only where its organisation gives addresses out: of an account without a domain it proves nothing.
    """
    return bool(identity.domain) and identity.address in parts.admins


async def who_can_permit(problems: Sequence[MailMagnetError], caller: Caller, parts: Parts) -> tuple[str, ...]:
    """Who can give the CRM's permission that one of the problems says is missing; nobody where none is, or the CRM does not tell."""
    if not any(map(_is_for_an_admin, problems)):
        return ()
    names = [address for address in parts.admins if domain_of(address) == caller.identity.domain]
    with suppress(MailMagnetError):
        crm = await crm_of(caller, parts)
        names = [user.name for user in await in_time(service_of(crm), caller.by, crm.administrators())] + names
    return tuple(names)


def _is_for_an_admin(problem: MailMagnetError) -> bool:
    """Whether somebody else can give what is missing."""
    if not isinstance(problem, NotPermitted) or problem.who.side is not Side.CRM:
        return False
    return bool(problem.permission) or isinstance(problem, NotListed)


async def look_again(identity: Identity, parts: Parts) -> None:
    """End a mailbox's trouble with the CRM when the CRM lets its user in again: it is due at once. Raises what the CRM, the store and the
    vault raise; without effect where there is no such trouble."""
    mailbox = await parts.store.mailbox(identity.org, identity.user)
    if not mailbox or not mailbox.trouble or mailbox.trouble.reason not in WANTS_THE_CRM:
        return
    connection = await parts.vault.connection(identity.org, identity.user)
    if connection and await _is_let_in(parts.crm_of(connection)):
        await parts.store.connect(identity.org, identity.user, mailbox.address, parts.now())


async def _is_let_in(crm: Crm) -> bool:
    try:
        await check_permitted(crm)
    except (NotAuthorised, NotPermitted):
        return False
    return True
