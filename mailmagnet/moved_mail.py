"""What runs have moved, noted so that it can be taken back: moments, places in Gmail's history and counts, no mail. Pure rules."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from mailmagnet.store import Moved, Progress

KEPT = timedelta(hours=48)
"""How far back runs can be taken back. Gmail's own history lasts a week, at times some hours."""
TO_THE_RUN = timedelta(hours=2)
"""How far back each run can be told from the next; before that, hours are."""


def noted(moved: Sequence[Moved], now: datetime, cursor: str, mails: int) -> tuple[Moved, ...]:
    """With so many mails that a run is about to move. Of each hour that is over the earliest place in history stays, with the sum."""
    thinned: dict[datetime, Moved] = {}
    for each in (*moved, Moved(now, now, cursor, mails)):
        if each.until < now - KEPT or each.at > now:
            continue  # too old, or of a clock that has gone back since
        span = each.at if each.at > now - TO_THE_RUN else each.at.replace(minute=0, second=0, microsecond=0)
        before = thinned.get(span)
        thinned[span] = replace(before, until=each.until, mails=before.mails + each.mails) if before else each
    return tuple(thinned.values())


def since_then(progress: Progress | None, since: datetime) -> tuple[Moved, ...]:
    """What runs have moved since a moment; whole hours, where the single runs of an hour are no longer told apart."""
    return tuple(each for each in progress.moved if each.until >= since) if progress else ()
