"""A mailbox's facts as a document has them, for both stores: plain maps, lists and texts, moments as each store writes them."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, TypeVar

from mailmagnet.categories import Category
from mailmagnet.store import Backlog, DayCounts, Progress, Reason, RunCounts, Trouble

Fact = TypeVar("Fact")
Moment = Callable[[Any], datetime]
"""Reads a moment as the store has written it."""


def progress_map(progress: Progress) -> dict[str, Any]:
    """Mail ids stand in one text each, parted by spaces: thousands of them are one value, and need no index."""
    backlog = progress.backlog
    return {
        "cursor": progress.cursor,
        "moving": " ".join(progress.moving),
        "waiting": " ".join(progress.waiting),
        "failed": dict(progress.failed),
        "backlog": {"after": backlog.after, "before": backlog.before} if backlog else None,
    }


def progress_of(stored: Mapping[str, Any], moment: Moment) -> Progress:
    """The way back."""
    backlog = stored["backlog"]
    return Progress(
        cursor=stored["cursor"],
        moving=tuple(stored["moving"].split()),
        waiting=tuple(stored["waiting"].split()),
        failed=dict(stored["failed"]),
        backlog=Backlog(moment(backlog["after"]), moment(backlog["before"]) if backlog["before"] else None) if backlog else None,
    )


def run_map(counts: RunCounts) -> dict[str, Any]:
    """A run's counts."""
    return {
        "at": counts.at,
        "tick": counts.tick,
        "looked_at": counts.looked_at,
        "sorted": dict(counts.sorted),
        "remaining": counts.remaining,
        "passed_over": dict(counts.passed_over),
        "spent": [{"at": at, "units": units} for at, units in counts.spent],
        "day": {"day": counts.day.day.isoformat(), "sorted": dict(counts.day.sorted)} if counts.day else None,
    }


def run_of(stored: Mapping[str, Any], moment: Moment) -> RunCounts:
    """The way back."""
    day = stored["day"]
    return RunCounts(
        at=moment(stored["at"]),
        tick=moment(stored["tick"]) if stored["tick"] else None,
        looked_at=stored["looked_at"],
        sorted=by_category(stored["sorted"]),
        remaining=stored["remaining"],
        passed_over=dict(stored["passed_over"]),
        spent=tuple((moment(run["at"]), run["units"]) for run in stored["spent"]),
        day=DayCounts(date.fromisoformat(day["day"]), by_category(day["sorted"])) if day else None,
    )


def trouble_map(trouble: Trouble) -> dict[str, Any]:
    """A mailbox's trouble."""
    return {
        "reason": trouble.reason.value,
        "who": trouble.who,
        "since": trouble.since,
        "failures": trouble.failures,
        "again_at": trouble.again_at,
    }


def trouble_of(stored: Mapping[str, Any], moment: Moment) -> Trouble:
    """The way back."""
    again_at = moment(stored["again_at"]) if stored["again_at"] else None
    return Trouble(Reason(stored["reason"]), stored["who"], moment(stored["since"]), stored["failures"], again_at)


def by_category(stored: Mapping[str, Fact]) -> dict[Category, Fact]:
    """A map whose keys are categories."""
    return {Category(category): fact for category, fact in stored.items()}
