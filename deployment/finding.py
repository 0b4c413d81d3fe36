"""What `mailmagnet doctor` has found out about one thing: whether it is as it should be, and what mends it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """`UNKNOWN`: it could not be looked at."""

    FINE = "fine"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """`title` is what was looked at, `what` what was found; `mend` is what to run or do, "" where nothing can be done about it alone.

    Nothing of it is a secret or names a user: what a service finds is read by others.
    """

    title: str
    state: State
    what: str = ""
    mend: str = ""
