"""Pause for a whole organisation: while it is on nobody's mail is looked at by the job; what comes meanwhile is sorted after Resume."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from mailmagnet.caller import Caller
from mailmagnet.deadline import in_time
from mailmagnet.errors import MAILMAGNET, Paused, Upstream
from mailmagnet.parts import Parts
from mailmagnet.permission import check_admin
from mailmagnet.store import Policy, Store


@dataclass(frozen=True, slots=True)
class PauseAnswer:
    """Since when the organisation is paused; None: it is not."""

    since: datetime | None
    problems: ClassVar[tuple[Upstream, ...]] = ()


def check_not_paused(policy: Policy) -> None:
    """Raises Paused."""
    if policy.paused_since:
        raise Paused("the organisation is paused")


async def pause(org: str, now: datetime, store: Store) -> datetime:
    """Pause it from now on; since when it is paused: one that is paused already stays so since then. Raises what the store raises."""
    policy = await store.change_policy(org, lambda before: replace(before, paused_since=before.paused_since or now))
    return policy.paused_since or now


async def resume(org: str, store: Store) -> bool:
    """Let the job run again; whether it was paused. An organisation that is leaving stays paused. Raises what the store raises."""
    was_paused = False

    def resumed(before: Policy) -> Policy:
        nonlocal was_paused
        was_paused = before.paused_since is not None and before.leaving_since is None
        return replace(before, paused_since=None) if was_paused else before

    await store.change_policy(org, resumed)
    return was_paused


async def see_pause(caller: Caller, parts: Parts) -> PauseAnswer:
    """Whether it is paused. Raises Forbidden unless the caller is an admin now, TimedOut, and what the CRM, the store and the vault
    raise."""
    await check_admin(caller, parts)
    policy = await in_time(MAILMAGNET, caller.by, parts.store.policy(caller.identity.org))
    return PauseAnswer(policy.paused_since)


async def pause_all(caller: Caller, parts: Parts) -> PauseAnswer:
    """Pause the caller's organisation. Raises as `see_pause` does."""
    await check_admin(caller, parts)
    return PauseAnswer(await in_time(MAILMAGNET, caller.by, pause(caller.identity.org, caller.now, parts.store)))


async def resume_all(caller: Caller, parts: Parts) -> PauseAnswer:
    """Let the caller's organisation go on. Raises as `see_pause` does."""
    await check_admin(caller, parts)
    await in_time(MAILMAGNET, caller.by, resume(caller.identity.org, parts.store))
    return PauseAnswer(None)
