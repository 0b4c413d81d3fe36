"""The use case "note opening": that a user has opened something, so that a mailbox nobody comes to is known."""

from functools import partial

from mailmagnet.caller import Caller
from mailmagnet.errors import NotFound
from mailmagnet.parking import opened
from mailmagnet.parts import Parts


async def note_opening(caller: Caller, parts: Parts) -> None:
    """Keep the day, and park the mailbox no more. Without effect without a mailbox. Raises what the store raises."""
    identity = caller.identity
    try:
        await parts.store.change_presence(identity.org, identity.user, partial(opened, now=caller.now))
    except NotFound:
        return
