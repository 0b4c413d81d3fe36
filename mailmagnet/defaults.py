"""The admin's defaults: what a user's set-up begins with, by the user's profile in the CRM or for all; seen, changed and taken away."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from mailmagnet.caller import Caller
from mailmagnet.crm import MAIL_INTEGRATION, Crm, Profile, User, service_of
from mailmagnet.deadline import in_time
from mailmagnet.errors import MAILMAGNET, BadRequest, NotFound, Upstream
from mailmagnet.parts import Parts
from mailmagnet.permission import check_admin
from mailmagnet.set_up import days_of
from mailmagnet.store import Defaults, Mailbox, Policy, Sharing, Store
from mailmagnet.switch_mailbox import LONGEST_BACKFILL

EVERYBODY_ELSE = ""
"""The group of all whose profile has no defaults of its own."""


@dataclass(frozen=True, slots=True)
class Group:
    """A profile of the CRM, or EVERYBODY_ELSE, with its own defaults, None for none. `name` is "" for a profile that is gone."""

    profile: str
    name: str
    defaults: Defaults | None


@dataclass(frozen=True, slots=True)
class DefaultsList:
    """Every group, everybody else at the end."""

    groups: tuple[Group, ...]
    problems: tuple[Upstream, ...] = ()


@dataclass(frozen=True, slots=True)
class WantedDefaults:
    """What an admin has typed, not yet looked at: `backfill_days` is a number."""

    mailmagnet: bool
    labelling: bool
    backfill_days: str
    sharing: str


@dataclass(frozen=True, slots=True)
class DefaultsEffect:
    """How many users of a group have not set up yet and would `begin` with the defaults, and how many have, who `stay` as they are."""

    begin: int
    stay: int


@dataclass(frozen=True, slots=True)
class DefaultsAnswer:
    """A group's defaults, and, where others are wanted, what those would do.

    `typed` is what was typed, and stays whatever fails; `fault` says what cannot be read of it, in words to show. `saved` is whether the
    group's defaults are as wanted by now. `fixed` is the sharing that the policy fixes for all; `delegated` whether an admin lets
    MailMagnet into the mailboxes of all, so that the defaults hold without their users' doing anything.
    """

    group: Group
    crm_name: str
    delegated: bool
    fixed: Sharing | None = None
    typed: WantedDefaults | None = None
    wanted: Defaults | None = None
    effect: DefaultsEffect | None = None
    fault: str = ""
    saved: bool = False
    problems: tuple[Upstream, ...] = ()


async def list_defaults(caller: Caller, parts: Parts) -> DefaultsList:
    """The groups. Raises Forbidden unless the caller is an admin now, TimedOut, and what the CRM, the store and the vault raise."""
    crm = await check_admin(caller, parts)
    policy, profiles = await asyncio.gather(
        in_time(MAILMAGNET, caller.by, parts.store.policy(caller.identity.org)),
        in_time(service_of(crm), caller.by, crm.profiles()),
    )
    return DefaultsList(tuple(_groups(policy, profiles)))


async def open_defaults(profile: str, caller: Caller, parts: Parts) -> DefaultsAnswer:
    """One group. Raises as `list_defaults` does, and NotFound for a profile that there is not."""
    _, _, answer = await _opened(profile, caller, parts)
    return answer


async def defaults_effect(profile: str, typed: WantedDefaults, caller: Caller, parts: Parts) -> DefaultsAnswer:
    """What a group's defaults would do; nothing is changed. Raises as `open_defaults` does."""
    crm, policy, answer = await _opened(profile, caller, parts)
    try:
        wanted = wanted_defaults(typed)
    except BadRequest as fault:
        return replace(answer, typed=typed, fault=str(fault))
    try:
        users, mailboxes = await asyncio.gather(
            in_time(service_of(crm), caller.by, crm.users()),
            in_time(MAILMAGNET, caller.by, parts.store.mailboxes(caller.identity.org)),
        )
    except Upstream as problem:
        return replace(answer, typed=typed, problems=(problem,))
    return replace(answer, typed=typed, wanted=wanted, effect=_effect(profile, policy, users, mailboxes))


async def save_defaults(profile: str, typed: WantedDefaults, caller: Caller, parts: Parts) -> DefaultsAnswer:
    """Keep a group's defaults. Who has set up already stays as they are. Raises as `open_defaults` does."""
    _, _, answer = await _opened(profile, caller, parts)
    try:
        wanted = wanted_defaults(typed)
        await in_time(MAILMAGNET, caller.by, set_defaults(caller.identity.org, profile, wanted, parts.store))
    except BadRequest as fault:
        return replace(answer, typed=typed, fault=str(fault))
    except Upstream as problem:
        return replace(answer, typed=typed, problems=(problem,))
    return replace(answer, group=replace(answer.group, defaults=wanted), typed=typed, saved=True)


async def remove_defaults(profile: str, caller: Caller, parts: Parts) -> DefaultsList:
    """Take a group's own defaults away: everybody else's hold for it. Without effect when there are none. Raises as `list_defaults`
    does."""
    await check_admin(caller, parts)
    await in_time(MAILMAGNET, caller.by, set_defaults(caller.identity.org, profile, None, parts.store))
    return await list_defaults(caller, parts)


async def set_defaults(org: str, profile: str, wanted: Defaults | None, store: Store) -> Policy:
    """Keep a group's defaults, None for none; the policy then. Raises what the store raises."""

    def changed(before: Policy) -> Policy:
        others = {each: defaults for each, defaults in before.defaults.items() if each != profile}
        return replace(before, defaults={**others, profile: wanted} if wanted else others)

    return await store.change_policy(org, changed)


def wanted_defaults(typed: WantedDefaults) -> Defaults:
    """Raises BadRequest, which says what is wrong in words to show, and repeats nothing."""
    days = days_of(typed.backfill_days.strip())
    if days is None:
        raise BadRequest(f"days: a number from 0 to {LONGEST_BACKFILL.days}")
    if typed.labelling and not typed.mailmagnet:
        raise BadRequest("labels need MailMagnet: turn it on too, or turn the labels off")
    if typed.sharing not in set(Sharing):
        raise BadRequest("sharing: choose one of the three")
    return Defaults(typed.mailmagnet, typed.labelling, days, Sharing(typed.sharing))


def count_set_up(mailboxes: Collection[Mailbox]) -> DefaultsEffect:
    """Of these mailboxes, whoever's profile: for who cannot ask the CRM."""
    set_up = sum(mailbox.is_set_up for mailbox in mailboxes)
    return DefaultsEffect(begin=len(mailboxes) - set_up, stay=set_up)


async def _opened(profile: str, caller: Caller, parts: Parts) -> tuple[Crm, Policy, DefaultsAnswer]:
    crm = await check_admin(caller, parts)
    policy, profiles = await asyncio.gather(
        in_time(MAILMAGNET, caller.by, parts.store.policy(caller.identity.org)),
        in_time(service_of(crm), caller.by, crm.profiles()),
    )
    group = next((group for group in _groups(policy, profiles) if group.profile == profile), None)
    if group is None:
        raise NotFound(service_of(crm), "there is no profile of this id")
    return crm, policy, DefaultsAnswer(group, crm.name, parts.lets_in(caller.identity.org), policy.sharing)


def _groups(policy: Policy, profiles: Sequence[Profile]) -> list[Group]:
    names = {profile.id: profile.name for profile in profiles}
    gone: Mapping[str, str] = {each: "" for each in policy.defaults if each not in names and each != EVERYBODY_ELSE}
    by_name = sorted(({**names, **gone}).items(), key=lambda each: (each[0] in gone, each[1].casefold()))
    groups = [Group(profile, name, policy.defaults.get(profile)) for profile, name in by_name]
    return [*groups, Group(EVERYBODY_ELSE, "", policy.defaults.get(EVERYBODY_ELSE))]


def _effect(profile: str, policy: Policy, users: Sequence[User], mailboxes: Sequence[Mailbox]) -> DefaultsEffect:
    """Of the CRM's users who may use MailMagnet; who has not opened it yet is among them."""
    others = policy.defaults.keys() - {EVERYBODY_ELSE}
    may_use = [user for user in users if user.active and MAIL_INTEGRATION in user.profile.permissions]
    theirs = [
        user for user in may_use if (user.profile.id if user.profile.id in {*others, profile} else EVERYBODY_ELSE) == profile
    ]
    set_up = {mailbox.presence.crm_user for mailbox in mailboxes if mailbox.is_set_up}
    stay = sum(user.id in set_up for user in theirs)
    return DefaultsEffect(begin=len(theirs) - stay, stay=stay)
