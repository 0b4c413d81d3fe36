"""The use case "leave": a user deactivates MailMagnet from the sidebar, and is told what became of it."""

from dataclasses import dataclass

from mailmagnet.caller import Caller
from mailmagnet.choose_crm import chosen_crm
from mailmagnet.deadline import in_time
from mailmagnet.disconnect_mailbox import disconnect_mailbox
from mailmagnet.errors import MAILMAGNET, NotFound, Upstream
from mailmagnet.parts import Parts

SECONDS_TO_LOOK = 0.5
"""Kept back from the answer's time: when the leaving is not over by then, it is looked at how far it is."""


@dataclass(frozen=True, slots=True)
class Left:
    """A user has left. `mails` counts the records deleted by this call. `was_gone` when there was nothing to leave any more.

    `problem` is why something is still to be done: it is done without the user, at the next minutes' ticks.
    """

    crm_name: str
    mails: int = 0
    was_gone: bool = False
    problem: Upstream | None = None

    @property
    def problems(self) -> tuple[Upstream, ...]:
        return (self.problem,) if self.problem else ()


async def leave(caller: Caller, parts: Parts) -> Left:
    """Leave, whole or as far as it goes now. Raises what kept it from even beginning: then nothing is deleted."""
    org, user = caller.identity.org, caller.identity.user
    crm = await in_time(MAILMAGNET, caller.by, chosen_crm(org, parts))
    crm_name = parts.crm_sign_in_of(crm).name
    try:
        return Left(crm_name, await in_time(MAILMAGNET, caller.by - SECONDS_TO_LOOK, disconnect_mailbox(org, user, parts)))
    except NotFound:
        return Left(crm_name, was_gone=True)
    except Upstream as problem:
        if await in_time(MAILMAGNET, caller.by, _is_seen_to(org, user, parts)):
            return Left(crm_name, problem=problem)
        raise


async def _is_seen_to(org: str, user: str, parts: Parts) -> bool:
    """Whether the ticks know of what is left: of a mailbox that is marked, or of nothing but a token to be revoked."""
    if mailbox := await parts.store.mailbox(org, user):
        return mailbox.presence.leaving_since is not None
    return await parts.vault.connection(org, user) is None
