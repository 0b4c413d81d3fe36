"""How often a password may be tried in the embedded CRM: counted for each user name and for each Google account, in its file.

A Google account that types wrong again and again waits longer and longer. So do all, for a shorter while, with a user name that many
have typed wrong; but who has typed wrong only once or twice is not held up by others. So a stranger who guesses at a name from one
account after another is slow, and its owner gets in meanwhile. Nobody is shut out for good, and nothing of a try is kept but its count.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_client.embedded.database import CRM
from mailmagnet.errors import RateLimited

FORGOTTEN_AFTER = timedelta(days=1)
"""Without a wrong try."""

NOT_HELD_UP_BY_OTHERS = 3
"""Tries that an account has of its own, whatever others have typed."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many wrong tries are free; after each one more there is a wait, twice as long as the one before, up to the longest. In seconds."""

    free: int
    first: int
    longest: int

    def wait(self, wrong: int) -> int:
        """After so many wrong tries."""
        return min(self.first << min(wrong - self.free, 20), self.longest) if wrong >= self.free else 0


OF_ACCOUNT = Limit(free=5, first=60, longest=60 * 60)
OF_NAME = Limit(free=20, first=30, longest=5 * 60)


def count_try(connection: sqlite3.Connection, user_name: str, org: str, user: str, now: datetime) -> None:
    """Count one try as wrong, before its password is looked at: many at once are counted too. Raises RateLimited, and counts nothing."""
    at = int(now.timestamp())
    connection.execute("DELETE FROM tries WHERE last_at < ?", (at - FORGOTTEN_AFTER.total_seconds(),))
    account, name = _keys(user_name, org, user)
    own, own_wait = _standing(connection, account, OF_ACCOUNT, at)
    _, name_wait = _standing(connection, name, OF_NAME, at)
    wait = max(own_wait, name_wait if own >= NOT_HELD_UP_BY_OTHERS else 0)
    if wait:
        raise RateLimited(CRM, wait, "too many tries to sign in")
    connection.executemany(
        """
        INSERT INTO tries (of, wrong, last_at) VALUES (?, 1, ?)
        ON CONFLICT (of) DO UPDATE SET wrong = wrong + 1, last_at = excluded.last_at
        """,
        [(account, at), (name, at)],
    )


def take_back_try(connection: sqlite3.Connection, user_name: str, org: str, user: str) -> None:
    """The try was right. Those before it stay: else who has a password could go on guessing at another's."""
    for key in _keys(user_name, org, user):
        connection.execute("DELETE FROM tries WHERE of = ? AND wrong = 1", (key,))
        connection.execute("UPDATE tries SET wrong = wrong - 1 WHERE of = ?", (key,))


def _keys(user_name: str, org: str, user: str) -> tuple[str, str]:
    return f"account {user} of {org}", f"name {user_name}"


def _standing(connection: sqlite3.Connection, key: str, limit: Limit, at: int) -> tuple[int, int]:
    """How many wrong tries there are, and for how many seconds to wait. A try yet to come was counted by a clock that has gone back since:
    nobody waits for it."""
    row = connection.execute("SELECT wrong, last_at FROM tries WHERE of = ?", (key,)).fetchone()
    if row is None:
        return 0, 0
    wait = row["last_at"] + limit.wait(row["wrong"]) - at
    return row["wrong"], max(wait, 0) if row["last_at"] <= at else 0
