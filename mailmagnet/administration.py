"""The use case "administration": the admin's way to everything that is for the whole organisation."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from mailmagnet.caller import Caller
from mailmagnet.deadline import in_time
from mailmagnet.errors import MAILMAGNET, Upstream
from mailmagnet.parts import Parts
from mailmagnet.permission import check_admin


@dataclass(frozen=True, slots=True)
class Administration:
    """The organisation, by its id, and since when it is paused."""

    org: str
    paused_since: datetime | None
    problems: ClassVar[tuple[Upstream, ...]] = ()


async def administration(caller: Caller, parts: Parts) -> Administration:
    """Raises Forbidden unless the caller is an admin now, TimedOut, and what the CRM, the store and the vault raise."""
    await check_admin(caller, parts)
    policy = await in_time(MAILMAGNET, caller.by, parts.store.policy(caller.identity.org))
    return Administration(caller.identity.org, policy.paused_since)
