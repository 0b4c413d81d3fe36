"""The use cases by which an owner says what colleagues may read: one contact shared or not, one contact or one mail kept back."""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from mailmagnet.caller import Caller, connection_of
from mailmagnet.choose_crm import check_chosen
from mailmagnet.crm import Module, service_of
from mailmagnet.deadline import in_time
from mailmagnet.errors import MAILMAGNET, BadRequest, Forbidden
from mailmagnet.parts import Parts
from mailmagnet.read_mail import MailId
from mailmagnet.record_people import RecordId, record_people
from mailmagnet.store import Choices


class Change(StrEnum):
    """What an owner does; each has one that undoes it."""

    SHARE = "share"
    STOP_SHARING = "stop_sharing"
    KEEP_BACK = "keep_back"
    GIVE_BACK = "give_back"


async def change_contact(record: RecordId, change: Change, caller: Caller, parts: Parts) -> None:
    """Change what the caller shares of mail with one contact or lead. It holds at once: nothing of a right is kept anywhere else.

    Raises BadRequest for an account or deal, NotFound when there is no mailbox, SignInNeeded where the caller is signed in to another
    CRM than the organisation's, and what the CRM raises: only who may open a record changes anything about it.
    """
    if record.module not in (Module.CONTACTS, Module.LEADS):
        raise BadRequest("only a contact's or a lead's mail is shared")
    connection = await connection_of(caller, parts)
    crm = parts.crm_of(connection)
    check_chosen(connection, await in_time(MAILMAGNET, caller.by, parts.store.policy(caller.identity.org)), crm, parts)
    await in_time(service_of(crm), caller.by, record_people(record, crm))
    await _change(caller, parts, lambda choices: _contact_changed(choices, record.choice, change))


async def change_mail(mail: MailId, change: Change, caller: Caller, parts: Parts) -> None:
    """Keep one of the caller's own mails back, or no longer. Raises Forbidden for another's, and NotFound without a mailbox."""
    if mail.owner != caller.identity.user:
        raise Forbidden("a mail is kept back by its owner alone")
    if change not in (Change.KEEP_BACK, Change.GIVE_BACK):
        raise BadRequest("a mail is only kept back, or no longer")
    kept = change is Change.KEEP_BACK
    await _change(
        caller, parts, lambda choices: replace(choices, mails_kept_back=_with(choices.mails_kept_back, mail.mail_id, kept))
    )


async def _change(caller: Caller, parts: Parts, change: Callable[[Choices], Choices]) -> None:
    identity = caller.identity
    await in_time(MAILMAGNET, caller.by, parts.store.change_choices(identity.org, identity.user, change))


def _contact_changed(choices: Choices, contact: str, change: Change) -> Choices:
    match change:
        case Change.SHARE | Change.STOP_SHARING:
            return replace(choices, shared_contacts=_with(choices.shared_contacts, contact, change is Change.SHARE))
    return replace(choices, contacts_kept_back=_with(choices.contacts_kept_back, contact, change is Change.KEEP_BACK))


def _with(ids: frozenset[str], changed: str, there: bool) -> frozenset[str]:
    return ids | {changed} if there else ids - {changed}
