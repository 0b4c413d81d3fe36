"""The use case "choose the CRM": which one an organisation has, its change by an admin, and the end of sign-ins to another one."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

from mailmagnet.caller import Caller
from mailmagnet.crm import Crm, service_of
from mailmagnet.crm_choice import CrmChoice
from mailmagnet.deadline import in_time
from mailmagnet.end_sign_in import end_account_of_another_crm
from mailmagnet.errors import MAILMAGNET, BadRequest, NotFound, SignInNeeded, Upstream
from mailmagnet.parts import Parts
from mailmagnet.permission import check_admin
from mailmagnet.sign_in_to_crm import sign_out_of_crm
from mailmagnet.store import Choices, Mailbox, Policy, Sharing
from mailmagnet.vault import Connection


async def chosen_crm(org: str, parts: Parts) -> CrmChoice:
    """The organisation's CRM: its admin's choice, else the deployment's. Raises what the store raises."""
    return (await parts.store.policy(org)).crm or parts.default_crm


async def choose_crm(org: str, kind: str, origin: str, parts: Parts) -> CrmChoice:
    """Make another CRM the organisation's, "" for the deployment's own; the one that is in force then. Whoever calls this is an admin.

    What its users have chosen for the contacts of the old one ends first: there the same ids may be other people. Their sign-ins to it end
    when they come next, and are used for nothing in the job before. Done twice it is done once. Raises BadRequest, in words to show, for a
    CRM that MailMagnet does not know or a wrong address, and what the store raises.
    """
    wanted = parts.checked_crm(kind, origin) if kind else None
    in_force = wanted or parts.default_crm
    before = {await chosen_crm(org, parts)}

    def changed(policy: Policy) -> Policy:
        before.add(policy.crm or parts.default_crm)
        return replace(policy, crm=wanted)

    if before != {in_force}:
        await _forget_everybodys_contacts(org, parts)
    await parts.store.change_policy(org, changed)
    if before != {in_force}:  # what somebody has chosen or signed in to meanwhile, or an admin has, was another one's too
        await _forget_everybodys_contacts(org, parts)
        with suppress(Upstream):  # the day's chores try it again; it is asked for nothing any more
            await end_account_of_another_crm(org, parts)
    return in_force


@dataclass(frozen=True, slots=True)
class CrmAnswer:
    """The organisation's CRM: the one in force, and whether it is the deployment's own. `kind` and `origin` are what stands in the form.

    `is_another` where that is another than the one in force: then `sign_in_anew` counts the users who are signed in to that one. `fault`
    says what is wrong with what was typed, in words to show; `saved` that the one in the form is in force by now.
    """

    current: CrmChoice
    is_the_deployments: bool
    kind: str
    origin: str
    is_another: bool = False
    sign_in_anew: int = 0
    fault: str = ""
    saved: bool = False
    problems: ClassVar[tuple[Upstream, ...]] = ()


async def see_crm(caller: Caller, parts: Parts) -> CrmAnswer:
    """The organisation's CRM. Raises Forbidden unless the caller is an admin now, TimedOut, and what the CRM, the store and the vault
    raise."""
    await check_admin(caller, parts)
    policy = await in_time(MAILMAGNET, caller.by, parts.store.policy(caller.identity.org))
    own = policy.crm
    return CrmAnswer(own or parts.default_crm, own is None, own.kind if own else "", own.origin if own else "")


async def crm_effect(kind: str, origin: str, caller: Caller, parts: Parts) -> CrmAnswer:
    """What another CRM would do; nothing is changed. Raises as `see_crm` does."""
    seen = replace(await see_crm(caller, parts), kind=kind, origin=origin)
    return await in_time(MAILMAGNET, caller.by, effect_of_crm(seen, caller.identity.org, parts))


async def effect_of_crm(seen: CrmAnswer, org: str, parts: Parts) -> CrmAnswer:
    """What the CRM in the form would do. Raises what the store raises."""
    try:
        wanted = parts.checked_crm(seen.kind, seen.origin) if seen.kind else parts.default_crm
    except BadRequest as fault:
        return replace(seen, fault=str(fault))
    if wanted == seen.current:
        return seen
    signed_in = sum(bool(mailbox.presence.crm_user) for mailbox in await parts.store.mailboxes(org))
    return replace(seen, is_another=True, sign_in_anew=signed_in)


async def save_crm(kind: str, origin: str, caller: Caller, parts: Parts) -> CrmAnswer:
    """Make it the organisation's. Raises as `see_crm` does."""
    answer = await crm_effect(kind, origin, caller, parts)
    if answer.fault:
        return answer
    chosen = await in_time(MAILMAGNET, caller.by, choose_crm(caller.identity.org, kind, origin, parts))
    return replace(answer, current=chosen, is_the_deployments=not kind, saved=True)


async def end_sign_in_to_another_crm(org: str, user: str, parts: Parts) -> bool:
    """Sign the user out of a CRM that is not the organisation's any more; whether there was such a sign-in.

    Raises what the store, the vault and that CRM raise.
    """
    connection = await parts.vault.connection(org, user)
    if not connection or not connection.crm or connection.crm.crm == await chosen_crm(org, parts):
        return False
    await sign_out_of_crm(org, user, parts)
    return True


def check_chosen(connection: Connection, policy: Policy, crm: Crm, parts: Parts) -> None:
    """Raises SignInNeeded where the user is signed in to another CRM than the organisation's: there the same ids are other records."""
    if connection.crm and connection.crm.crm != (policy.crm or parts.default_crm):
        raise SignInNeeded(service_of(crm), ended=True)


async def _forget_everybodys_contacts(org: str, parts: Parts) -> None:
    for mailbox in await parts.store.mailboxes(org):
        await _forget_contacts(mailbox, parts)


async def _forget_contacts(mailbox: Mailbox, parts: Parts) -> None:
    def without(choices: Choices) -> Choices:
        # Whoever has kept somebody back shares nothing until they choose anew: in the new CRM nobody is kept back yet.
        sharing = Sharing.PRIVATE if choices.contacts_kept_back else choices.sharing
        return replace(choices, shared_contacts=frozenset(), contacts_kept_back=frozenset(), sharing=sharing)

    with suppress(NotFound):  # the user has left meanwhile
        await parts.store.change_choices(mailbox.org, mailbox.user, without)
        await parts.store.change_presence(mailbox.org, mailbox.user, lambda presence: replace(presence, crm_user=""))
