"""The use case of the admin's policy: what it is, what a change of it would do, and the change."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mailmagnet.addresses import exclusion
from mailmagnet.caller import Caller
from mailmagnet.colleagues import colleagues_of
from mailmagnet.deadline import in_time
from mailmagnet.errors import MAILMAGNET, BadRequest, Upstream
from mailmagnet.parts import Parts
from mailmagnet.permission import check_admin
from mailmagnet.sharing import sharing_of
from mailmagnet.store import Mailbox, Policy, Sharing, Store
from mailmagnet.unopened import NOBODY, Unopened, unopened_of

SHORTEST_RETENTION, LONGEST_RETENTION = 1, 3650
"""Days."""
MOST_EXCLUDED = 1_000
"""Entries: each mail that is shared is held against all of them."""
LONGEST_LIST = 19_000
"""Characters of what is typed: what Gmail hands over of a form is cut a little later."""
_WIDTH = {Sharing.PRIVATE: 0, Sharing.CUSTOM: 1, Sharing.PUBLIC: 2}


@dataclass(frozen=True, slots=True)
class WantedPolicy:
    """What an admin has typed, not yet looked at: `excluded` are lines or a comma separated list, `retention_days` a number, ""
    for the deployment's own."""

    sharing: str
    excluded: str
    retention_days: str


@dataclass(frozen=True, slots=True)
class PolicyEffect:
    """What a new policy would do to the `mailboxes` connected users: whose sharing becomes wider, whose narrower, how many stay."""

    mailboxes: int
    wider: int
    narrower: int
    newly_excluded: int
    no_longer_excluded: int
    shorter_retention: bool


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """The policy as it is (None when that is not known), and, where one is wanted, as it would be, with its effect.

    `typed` is what was typed, and stays whatever fails; `fault` says what cannot be read of it, in words to show. `saved` is whether it
    holds by now. `deployed_days` is how long records are kept where the policy says nothing, 0 where that is not known.
    """

    policy: Policy | None
    wanted: Policy | None = None
    effect: PolicyEffect | None = None
    typed: WantedPolicy | None = None
    fault: str = ""
    saved: bool = False
    problems: tuple[Upstream, ...] = ()
    unopened: Unopened = NOBODY
    deployed_days: int = 0


async def policy(caller: Caller, parts: Parts) -> PolicyAnswer:
    """The policy as it is, and which mailboxes nobody comes to.

    Raises Forbidden unless the caller is an admin now, and what the CRM, the store and the vault raise.
    """
    before, mailboxes = await _as_admin(caller, parts)
    unopened = await unopened_of(mailboxes, caller, parts)
    return PolicyAnswer(before, problems=unopened.problems, unopened=unopened, deployed_days=parts.retention_days)


async def policy_effect(typed: WantedPolicy, caller: Caller, parts: Parts) -> PolicyAnswer:
    """What a policy would do; nothing is changed. What failed is told beside what was typed. Raises Forbidden as `policy` does."""
    try:
        before, mailboxes = await _as_admin(caller, parts)
        wanted = wanted_policy(typed, before)
    except BadRequest as fault:
        return PolicyAnswer(None, typed=typed, fault=str(fault), deployed_days=parts.retention_days)
    except Upstream as problem:
        return PolicyAnswer(None, typed=typed, problems=(problem,))
    effect = effect_of(before, wanted, mailboxes, parts.retention_days)
    return PolicyAnswer(before, wanted, effect, typed, deployed_days=parts.retention_days)


async def change_policy(typed: WantedPolicy, caller: Caller, parts: Parts) -> PolicyAnswer:
    """Keep a policy, in one write, or nothing of it. Raises Forbidden as `policy` does."""
    answer = await policy_effect(typed, caller, parts)
    if not answer.wanted:
        return answer
    try:
        await in_time(MAILMAGNET, caller.by, keep_policy(caller.identity.org, answer.wanted, parts.store))
    except Upstream as problem:
        return replace(answer, problems=(problem,))
    return replace(answer, policy=answer.wanted, saved=True)


async def keep_policy(org: str, wanted: Policy, store: Store) -> None:
    """Keep what can be typed of a policy; what else holds by now stays. Raises what the store raises."""

    def changed(before: Policy) -> Policy:
        return replace(before, sharing=wanted.sharing, excluded=wanted.excluded, retention_days=wanted.retention_days)

    await store.change_policy(org, changed)


async def _as_admin(caller: Caller, parts: Parts) -> tuple[Policy, Sequence[Mailbox]]:
    _, colleagues = await asyncio.gather(
        check_admin(caller, parts), in_time(MAILMAGNET, caller.by, colleagues_of(caller.identity.org, parts))
    )
    return colleagues.policy, list(colleagues.mailboxes.values())


def as_typed(policy: Policy) -> WantedPolicy:
    """A policy as it would be typed."""
    return WantedPolicy(policy.sharing or "", "\n".join(sorted(policy.excluded)), str(policy.retention_days or ""))


def wanted_policy(typed: WantedPolicy, before: Policy) -> Policy:
    """Raises BadRequest, which says what is wrong in words to show, and repeats nothing."""
    if typed.sharing not in {"", *Sharing}:
        raise BadRequest("sharing: choose one of the four")
    if len(typed.excluded) > LONGEST_LIST:
        raise BadRequest("the list is too long: exclude whole domains in place of their addresses")
    entries = [entry for line in typed.excluded.splitlines() for entry in line.split(",") if entry.strip()]
    if len(entries) > MOST_EXCLUDED:
        raise BadRequest(f"at most {MOST_EXCLUDED} addresses and domains can be excluded")
    days = typed.retention_days.strip()
    if days and not _is_retention(days):
        raise BadRequest(f"days: a number from {SHORTEST_RETENTION} to {LONGEST_RETENTION}")
    sharing = Sharing(typed.sharing) if typed.sharing else None
    return replace(
        before, sharing=sharing, excluded=frozenset(map(exclusion, entries)), retention_days=int(days) if days else None
    )


def _is_retention(days: str) -> bool:
    is_number = days.isascii() and days.isdigit() and len(days) <= len(str(LONGEST_RETENTION))
    return is_number and SHORTEST_RETENTION <= int(days) <= LONGEST_RETENTION


def effect_of(before: Policy, after: Policy, mailboxes: Sequence[Mailbox], deployed_days: int) -> PolicyEffect:
    """What a new policy would do to these mailboxes. `deployed_days` are what holds where a policy has no retention of its own."""
    changes = [_WIDTH[sharing_of(mailbox.choices, after)] - _WIDTH[sharing_of(mailbox.choices, before)] for mailbox in mailboxes]
    return PolicyEffect(
        len(mailboxes),
        wider=sum(change > 0 for change in changes),
        narrower=sum(change < 0 for change in changes),
        newly_excluded=len(after.excluded - before.excluded),
        no_longer_excluded=len(before.excluded - after.excluded),
        shorter_retention=(after.retention_days or deployed_days) < (before.retention_days or deployed_days),
    )
