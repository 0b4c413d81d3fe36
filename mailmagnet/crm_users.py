"""The use cases "who may use the CRM": the admin's list of users, where the CRM itself has no permission for MailMagnet.

Where the whole account is connected, each Google user on the list is mapped to a user of the CRM. Equal addresses are a proposal and no
more: an admin confirms each once, for an address that looks alike says nothing.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from mailmagnet.addresses import canonical
from mailmagnet.caller import Caller
from mailmagnet.choose_crm import chosen_crm
from mailmagnet.crm import Crm, Rights, User
from mailmagnet.crm_account import keep_mailbox, link_of
from mailmagnet.crm_sign_in import NO_END, AccountSignIn, CrmTokens, Sees, mapped_to
from mailmagnet.deadline import in_time
from mailmagnet.disconnect_mailbox import see_off
from mailmagnet.end_sign_in import end_account, let_go_of_company, tell_crm_user
from mailmagnet.errors import MAILMAGNET, BadForm, NotAuthorised, NotFound, Upstream
from mailmagnet.identity import Identity
from mailmagnet.parts import Parts
from mailmagnet.permission import check_admin
from mailmagnet.store import Mailbox
from mailmagnet.vault import Connection

A_PAGE = 20
"""People on one card."""
NOBODY_THERE, SEVERAL_THERE = "nobody_there", "several_there"
"""What may be wrong with an address that was typed for a CRM user."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the organisation (a Google id and address). `crm_name` is how the CRM calls the user as whom they are let in or signed
    in, "" for nobody; `let_in`: they may use MailMagnet. `gone`: the CRM has no such active user any more.

    `proposed` is the CRM user with the same address, for whom nobody has confirmed yet.
    """

    user: str
    address: str
    crm_name: str = ""
    let_in: bool = False
    gone: bool = False
    proposed: User | None = None


@dataclass(frozen=True, slots=True)
class CrmUsers:
    """A page of the list. `after` is the last user on it where there are more, else "".

    `by_account`: the account is connected for all (`account` is its name, "" while it is not; `ended`: it was, and the CRM refuses it now),
    and `sees` is what users see by it, None while no admin has said so.

    `company`: where each user signs in by themselves, the name of the company's account to which they do, "" while no admin has.
    `sees_all`: its token sees everything, so that an admin has to say it. `has_permission`: the CRM itself says
    who may use MailMagnet, so there is no list. `fault` says what was wrong with what was typed.
    """

    crm_name: str
    has_permission: bool
    by_account: bool
    account: str = ""
    ended: bool = False
    company: str = ""
    sees_all: bool = False
    sees: Sees | None = None
    people: tuple[Person, ...] = ()
    after: str = ""
    first: bool = True
    fault: str = ""
    problems: ClassVar[tuple[Upstream, ...]] = ()


async def see_crm_users(after: str, caller: Caller, parts: Parts) -> CrmUsers:
    """A page of the people who come after one. Raises Forbidden unless the caller is an admin now, TimedOut, and what the CRM, the store
    and the vault raise."""
    await check_admin(caller, parts)
    return await in_time(MAILMAGNET, caller.by, _crm_users(after, caller.identity.org, parts))


async def save_sees(sees: Sees | None, caller: Caller, parts: Parts) -> CrmUsers:
    """Keep what users see by the account, None for nothing. The first page anew. Raises as `see_crm_users` does."""
    await check_admin(caller, parts)
    await in_time(MAILMAGNET, caller.by, parts.vault.let_see(caller.identity.org, sees))
    return await see_crm_users("", caller, parts)


async def disconnect_account(caller: Caller, parts: Parts) -> CrmUsers:
    """End the account's link, at the CRM and here, and let everybody out; where each user signs in, everybody's sign-in.

    Raises as `see_crm_users` does: then calling it again does the rest.
    """
    await check_admin(caller, parts)
    crm = await in_time(MAILMAGNET, caller.by, chosen_crm(caller.identity.org, parts))
    by_account = isinstance(parts.crm_sign_in_of(crm), AccountSignIn)
    end = end_account if by_account else let_go_of_company
    await in_time(MAILMAGNET, caller.by, end(caller.identity.org, parts))
    return await see_crm_users("", caller, parts)


async def let_in(pairs: Mapping[str, str], after: str, caller: Caller, parts: Parts) -> CrmUsers:
    """Let people in: CRM users' ids by Google ids of the organisation, "" where the CRM says itself who somebody is. The page anew.

    Whoever is in the list no more, on either side, is passed over. Raises as `see_crm_users` does.
    """
    await check_admin(caller, parts)
    await in_time(MAILMAGNET, caller.by, _let_all_in(pairs, caller.identity.org, parts))
    return await see_crm_users(after, caller, parts)


async def see_person(user: str, caller: Caller, parts: Parts) -> CrmUsers:
    """One person's part of the list. Raises NotFound for nobody of the organisation, and as `see_crm_users` does."""
    await check_admin(caller, parts)
    return await in_time(MAILMAGNET, caller.by, _person(user, caller.identity.org, parts))


async def map_person(user: str, typed: str, caller: Caller, parts: Parts) -> CrmUsers:
    """Let one person in: where the account is connected, as the CRM user whose address an admin has typed. The person anew, with a fault
    where that is nobody's or several have it. Raises as `see_person` does."""
    await check_admin(caller, parts)
    try:
        await in_time(MAILMAGNET, caller.by, _map(user, typed, caller.identity.org, parts))
    except BadForm as wrong:
        return replace(await see_person(user, caller, parts), fault=wrong.fault)
    return await see_person(user, caller, parts)


async def let_out(user: str, caller: Caller, parts: Parts) -> CrmUsers:
    """Take one person off the list: at once nothing of the CRM is shown to them. The person anew. Raises as `see_person` does."""
    await check_admin(caller, parts)
    await in_time(MAILMAGNET, caller.by, _let_out(user, caller.identity.org, parts))
    return await see_person(user, caller, parts)


async def ask_to_be_let_in(identity: Identity, parts: Parts) -> None:
    """Stand in the admin's list from now on, let in to nothing yet. Raises what the store, the vault, the CRM and Google raise."""
    await see_off(identity.org, identity.user, parts)
    await keep_mailbox(identity, parts)


@dataclass(frozen=True, slots=True)
class _List:
    """How people are let in to the organisation's CRM: `link` is the account's own, with the CRM as it shows it."""

    answer: CrmUsers
    link: CrmTokens | None
    crm: Crm


async def _list(org: str, parts: Parts) -> _List:
    choice = await chosen_crm(org, parts)
    link = await link_of(org, choice, parts)
    nobody = CrmTokens("", "", "", "", NO_END, choice)  # of this very CRM, and signed in to nothing
    by_account = isinstance(parts.crm_sign_in_of(choice), AccountSignIn)
    crm = parts.crm_of(link if link and by_account else Connection(org, "", "", crm=nobody))
    answer = CrmUsers(
        crm.name,
        crm.capabilities.permission and not by_account,
        by_account,
        link.crm.name if link and link.crm else "",
        sees_all=crm.capabilities.rights is Rights.ACCOUNT,
        sees=link.sees if link else None,
    )
    if not by_account:
        company = link.crm.name if link and link.crm else ""
        return _List(replace(answer, account="", sees=None, company=company), None, crm)
    return _List(answer, link.crm if link else None, crm)


async def _crm_users(after: str, org: str, parts: Parts) -> CrmUsers:
    its = await _list(org, parts)
    if its.answer.has_permission or (its.answer.by_account and not its.link):
        return its.answer
    page = await parts.store.mailboxes_by_user(org, after, A_PAGE + 1)
    shown = page[:A_PAGE]
    try:
        people = await _people(shown, its, parts)
    except NotAuthorised:
        return replace(its.answer, account="", ended=True)
    more = shown[-1].user if len(page) > A_PAGE else ""
    return replace(its.answer, people=tuple(people), after=more, first=not after)


async def _people(mailboxes: Sequence[Mailbox], its: _List, parts: Parts) -> Sequence[Person]:
    found = asyncio.gather(*(parts.vault.connection(mailbox.org, mailbox.user) for mailbox in mailboxes))
    users, connections = await asyncio.gather(_active_users(its), found)
    return [_person_of(*each, users, its) for each in zip(mailboxes, connections, strict=True)]


def _person_of(mailbox: Mailbox, connection: Connection | None, users: Collection[User], its: _List) -> Person:
    person = Person(mailbox.user, mailbox.address)
    tokens = connection.crm if connection else None
    if not its.answer.by_account:
        return replace(person, crm_name=tokens.name if tokens else "", let_in=bool(connection and connection.listed))
    if tokens and its.link and (tokens.crm, tokens.through) == (its.link.crm, its.link.account):
        gone = tokens.account not in {user.id for user in users}
        return replace(person, crm_name=tokens.name, let_in=True, gone=gone)
    same = [user for user in users if canonical(user.email) == canonical(mailbox.address)]
    return replace(person, proposed=same[0] if len(same) == 1 else None)


async def _active_users(its: _List) -> Collection[User]:
    """Those whom people are mapped to; nobody where the CRM says itself who is who."""
    return [user for user in await its.crm.users() if user.active] if its.link else ()


async def _person(user: str, org: str, parts: Parts) -> CrmUsers:
    its = await _list(org, parts)
    people = await _people([await _mailbox(user, org, parts)], its, parts)
    return replace(its.answer, people=tuple(people))


async def _mailbox(user: str, org: str, parts: Parts) -> Mailbox:
    mailbox = await parts.store.mailbox(org, user)
    if not mailbox:
        raise NotFound(MAILMAGNET, "this user is not here")
    return mailbox


async def _let_all_in(pairs: Mapping[str, str], org: str, parts: Parts) -> None:
    its = await _list(org, parts)
    users = {user.id: user for user in await _active_users(its)}
    for user, crm_user in pairs.items():
        mailbox = await parts.store.mailbox(org, user)
        if mailbox:
            await _let_in(mailbox, users.get(crm_user), its, parts)


async def _let_in(mailbox: Mailbox, crm_user: User | None, its: _List, parts: Parts) -> None:
    connection = Connection(mailbox.org, mailbox.user, mailbox.address, frozenset({mailbox.address}))
    if its.link and crm_user:
        await parts.vault.sign_in(replace(connection, crm=mapped_to(crm_user.id, crm_user.name, its.link)))
        await tell_crm_user(mailbox.org, mailbox.user, crm_user.id, parts)
    elif not its.answer.by_account and not its.answer.has_permission:
        await parts.vault.put_on_list(replace(connection, listed=True))


async def _map(user: str, typed: str, org: str, parts: Parts) -> None:
    its = await _list(org, parts)
    mailbox = await _mailbox(user, org, parts)
    if not its.answer.by_account:
        await _let_in(mailbox, None, its, parts)
        return
    wanted = canonical(typed)
    same = [each for each in await _active_users(its) if canonical(each.email) == wanted]
    if len(same) != 1:
        raise BadForm(SEVERAL_THERE if same else NOBODY_THERE)
    await _let_in(mailbox, same[0], its, parts)


async def _let_out(user: str, org: str, parts: Parts) -> None:
    mailbox = await _mailbox(user, org, parts)
    connection = await parts.vault.connection(org, user)
    if not connection:
        return
    if connection.listed:
        await parts.vault.put_on_list(replace(connection, listed=False))
    if connection.crm and connection.crm.through_account:
        await parts.vault.sign_out(org, user)
        await tell_crm_user(org, mailbox.user, "", parts)
