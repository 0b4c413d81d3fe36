"""The use case "begin with defaults": where an admin lets MailMagnet into all mailboxes, a user who has just signed in to the CRM begins
with what the admin has set, once, and never over what the user has saved."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from mailmagnet.caller import Caller, unconnected
from mailmagnet.connect_mailbox import connect_mailbox
from mailmagnet.errors import Forbidden, NotAuthorised, NotPermitted, Side
from mailmagnet.parts import Parts
from mailmagnet.permission import check_permitted
from mailmagnet.set_up import DELEGATED
from mailmagnet.store import Choices, Defaults, Mailbox, SetUpBy
from mailmagnet.switch_mailbox import switch_on
from mailmagnet.vault import Connection


async def begin_with_defaults(caller: Caller, parts: Parts) -> bool:
    """Set the caller's mailbox up as the admin wants it; whether there is nothing left to do for this user.

    Nothing is done before the sign-in to the CRM, without the permission, and while the organisation is paused: a later call does it.
    What fails in the middle leaves the mailbox not set up, and a later call does it all. Raises what Gmail, the CRM, the store and the
    vault raise.
    """
    org, user = caller.identity.org, caller.identity.user
    if not (parts.lets_in(caller.identity.org) and caller.identity.domain):
        return True
    mailbox = await parts.store.mailbox(org, user)
    if mailbox and (mailbox.is_set_up or mailbox.presence.leaving_since):
        return not mailbox.presence.leaving_since
    policy = await parts.store.policy(org)
    connection = await parts.vault.connection(org, user) if policy.defaults and not policy.paused_since else None
    if not connection or not connection.crm:
        return False
    if connection.connected and not connection.delegated:
        return True  # the user has connected Gmail by a consent of their own, and sets up by themselves
    profile = await _permitted_profile(connection, parts)
    defaults = policy.defaults_for(profile) if profile else None
    if not defaults:
        return False
    if not mailbox or not connection.connected:
        await connect_mailbox(replace(unconnected(caller.identity), grants=DELEGATED), parts)
    await _begin(org, user, defaults, parts)
    return True


async def _permitted_profile(connection: Connection, parts: Parts) -> str:
    """The id of the user's profile in the CRM, "" for who may not use MailMagnet, or not now: the panel says so."""
    try:
        return (await check_permitted(parts.crm_of(connection))).profile.id
    except (NotAuthorised, NotPermitted) as refusal:
        if refusal.who.side is Side.CRM:
            return ""
        raise


async def _begin(org: str, user: str, defaults: Defaults, parts: Parts) -> None:
    """One write, for which it is asked again whether anybody has set it up: the user may save at this very moment."""
    begun = partial(_begun, defaults=defaults)
    try:
        if defaults.mailmagnet:
            backfill = timedelta(days=defaults.backfill_days) if defaults.labelling and defaults.backfill_days else None
            await switch_on(org, user, parts, labelling=defaults.labelling, backfill=backfill, change=begun)
        else:
            await parts.store.change_choices(org, user, begun)
    except _SetUpMeanwhile:
        return


class _SetUpMeanwhile(Forbidden):
    """Somebody has set it up since it was asked."""


def _begun(choices: Choices, defaults: Defaults) -> Choices:
    if choices != Choices():
        raise _SetUpMeanwhile("the mailbox is set up by now")
    return replace(choices, sharing=defaults.sharing, backfill_days=defaults.backfill_days, set_up_by=SetUpBy.ADMIN)


def what_admin_has_set(mailbox: Mailbox | None) -> Defaults | None:
    """What holds of the admin's defaults in this mailbox now; None once its user has saved, or where there are none."""
    if not mailbox or mailbox.choices.set_up_by is not SetUpBy.ADMIN:
        return None
    return Defaults(mailbox.mailmagnet, mailbox.labelling, mailbox.choices.backfill_days, mailbox.choices.sharing)
